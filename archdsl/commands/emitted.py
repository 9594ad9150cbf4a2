"""Files that were emitted, beside what would be written now: what `archdsl compile` looks at before it writes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

import click

from archdsl.commands.common import Request, finish, say, say_json
from archdsl.compiler import Compiled
from archdsl.files import FileFault, reading
from archdsl.limits import MAX_FILE_BYTES

Written: TypeAlias = tuple[str, str]
"""What a file is, and its text."""


def without_the_same(folder: Path, texts: Mapping[str, Written]) -> dict[str, Written]:
    """The files without a module that is there already as it would be written: it may have been trained by now."""
    return {
        path: (target, text)
        for path, (target, text) in texts.items()
        if target != "torch" or _present(folder / path, text) != text.encode()
    }


def check_files(result: Compiled, request: Request, name: str, folder: Path, texts: Mapping[str, Written]) -> None:
    """Say of each file whether it is what would be written, and end the command with 1 if one is not."""
    from archdsl.views.checked_files import checked_files, checked_text, file_checked

    files = [
        file_checked(str(folder / path), target, _present(folder / path, text), text)
        for path, (target, text) in texts.items()
    ]
    if request.as_json:
        say_json(checked_files(result, request.file, name, files))
    else:
        say(checked_text(files))
    if any(file.state != "same" for file in files):
        raise click.exceptions.Exit(1)
    finish(result)


def _present(path: Path, wanted: str) -> bytes | None:
    """What is in a file, and of one that is far too long the beginning; none where there is no file.

    One that cannot be read ends the command.
    """
    if not os.path.lexists(path):
        return None
    try:
        with reading(path) as file:
            return file.read(2 * len(wanted.encode()) + MAX_FILE_BYTES)
    except FileFault as fault:
        raise click.ClickException(f"{path}: {fault.message}") from None
    except OSError as fault:
        raise click.ClickException(f"{path}: {(fault.strerror or 'cannot be read').lower()}") from None


__all__ = ["check_files", "without_the_same"]
