"""What is worked out of the networks that ship: once, and kept in the user's cache by family."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, TypeAlias

from archdsl import __version__
from archdsl.commands.zoo import models
from archdsl.compiler import Compiled
from archdsl.resources import kept, read_data, source_texts, spec_files

Row: TypeAlias = dict[str, Any]
"""What JSON has."""


def kept_rows(
    kind: str, row: Callable[[str, Compiled], Row], packages: Sequence[str], wanted: Iterable[str]
) -> Iterator[tuple[str, Row]]:
    """The family and the row of each network of families; `row` makes one of the file's path and what was compiled.

    What is kept under `kind` counts as long as the specs and the modules of `packages`, folders of ours, are the same.
    """
    paths = spec_files()
    code = [text for package in packages for text in source_texts(package)]
    texts = (__version__, *paths, *[read_data(path) for path in paths], *code)
    for family in dict.fromkeys(wanted):
        for one in kept(f"{kind}-{family}", texts, partial(_rows, family, row)):
            yield family, one


def _rows(family: str, row: Callable[[str, Compiled], Row]) -> list[Row]:
    return [row(path, made) for _, path, made in models([family])]
