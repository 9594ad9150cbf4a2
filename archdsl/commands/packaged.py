"""The folder of `archdsl compile --package`: whose it is, and how it is written.

A folder that is not there or is empty is taken; one with a package of ours of that name is replaced with --force; any
other is refused, also with it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archdsl.commands.common import Request
from archdsl.commands.emitted import Written, write_files
from archdsl.compiler import Compiled
from archdsl.files import escaped, read_own

if TYPE_CHECKING:
    from archdsl.graph.folding import Folded

MAX_BYTES = 1_000_000


def package_for(
    result: Compiled, name: str, request: Request, words: Sequence[str], folded: Folded | None
) -> dict[str, Written]:
    """The files of the package of a compiled model, by path, with its form for inference where there is one; `words`
    are what was changed in it.

    Ends the command where no package can have the name.
    """
    from archdsl.emission import INFERENCE, PACKAGE, NameFault, texts_of

    try:
        targets = [PACKAGE] if folded is None else [PACKAGE, INFERENCE]
        return texts_of(result, name, request.shown, words, targets, folded)
    except NameFault as fault:
        raise click.BadParameter(f"{fault}; give another", param_hint="--name") from None


def write_package(folder: Path, name: str, texts: dict[str, Written], *, force: bool) -> None:
    """Write the files of a package, all or none.

    Ends the command where the folder is somebody else's, or cannot be written.
    """
    from archdsl.backends.package import inference_places

    found = _package_in(folder)
    if found not in (None, name):
        raise click.ClickException(f"{_shown(folder)} holds the package {escaped(found)}; name another folder")
    if found is not None and not force:
        raise click.ClickException(f"{_shown(folder)} holds this package already; --force overwrites it")
    places = inference_places(name)
    for path in (f"{places.inference.replace('.', '/')}.py", places.test):
        if path not in texts and os.path.lexists(folder / path):
            message = f"{_shown(folder / path)} is of a package with --inference: give that too, or remove the file"
            raise click.ClickException(message)
    for path in texts:
        for place in (folder / path, (folder / path).parent):
            if place != folder and os.path.islink(place):
                raise click.ClickException(f"{_shown(place)} is a link: not followed")
    write_files(folder, texts, force=found is not None, keep=False)


def _package_in(folder: Path) -> str | None:
    """The name of the package of ours in a folder; none where nothing is there yet."""
    from archdsl.backends.package import RECORD

    try:
        if not os.path.lexists(folder) or (folder.is_dir() and not any(folder.iterdir())):
            return None
        if not folder.is_dir():
            raise click.ClickException(f"{_shown(folder)}: not a folder")
    except OSError as error:
        raise click.ClickException(f"{_shown(folder)}: {(error.strerror or 'cannot be read').lower()}") from None
    text = read_own(folder / RECORD, MAX_BYTES)
    try:
        record = json.loads(text or b"")
    except (ValueError, RecursionError):
        record = None
    name = record.get("package") if isinstance(record, dict) else None
    if not isinstance(name, str):
        message = f"{_shown(folder)} is not empty and no package of archdsl's: it has no {RECORD}"
        raise click.ClickException(f"{message} that names one; name another folder")
    return name


def _shown(path: Path) -> str:
    return escaped(str(path))


__all__ = ["package_for", "write_package"]
