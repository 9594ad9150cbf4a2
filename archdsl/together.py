"""Files that belong together: all are written, or none."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from archdsl.files import Beside, FileFault, sync_folder, undisturbed, write_atomically


class OutputFault(Exception):
    """Why files were not written; the text names the one at fault."""


def write_together(folder: Path, texts: Mapping[str, str | bytes], force: bool) -> None:
    """Write all files of a folder, or none: what stands in the way of one is found before the first is written.

    The folder is made, and those below it that paths name; existing files are replaced only with `force`. Raises
    `OutputFault`.
    """
    with undisturbed():
        _write_together({folder / name: text for name, text in texts.items()}, folder, force)


def _write_together(texts: Mapping[Path, str | bytes], folder: Path, force: bool) -> None:
    taken = [path for path in texts if os.path.lexists(path)]
    if taken and not force:
        raise OutputFault(f"{taken[0]} exists already; --force overwrites it")
    strange = [path for path in taken if path.exists() and not path.is_file()]
    if strange:
        raise OutputFault(f"{strange[0]}: not a regular file")
    made: list[Path] = []
    try:
        for inner in dict.fromkeys([folder, *[path.parent for path in texts]]):
            made += _make(inner)
        before = {path: path.read_bytes() for path in taken if path.exists()}
    except OSError as error:
        _unmake(made)
        raise OutputFault(f"{error.filename}: {(error.strerror or 'cannot be written').lower()}") from None
    try:
        _put_all(texts, before, force)
    except OutputFault:
        _unmake(made)
        raise


def _put_all(texts: Mapping[Path, str | bytes], before: Mapping[Path, bytes], force: bool) -> None:
    """Write all files beside their places, and then put them there: a disk gets full while the old ones stand."""
    beside: dict[Path, Beside] = {}
    put: list[Path] = []
    path = Path()
    try:
        for path, text in texts.items():
            beside[path] = Beside(path, force)
            beside[path].write(text.encode("utf-8") if isinstance(text, str) else text)
        for path, each in beside.items():
            each.put()
            put.append(path)
    except FileFault as fault:
        _restore(put, before)
        raise OutputFault(f"{path}: {fault.message}") from None
    finally:
        for each in beside.values():
            each.drop()
    for folder in dict.fromkeys([each.target.parent for each in beside.values()]):
        sync_folder(folder)


def _make(folder: Path) -> list[Path]:
    """Make a folder, with those above it: what was not there before, the outer ones first."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return missing[::-1]


def _unmake(made: list[Path]) -> None:
    for folder in reversed(made):
        with contextlib.suppress(OSError):  # somebody else put something there
            folder.rmdir()


def _restore(written: Sequence[Path], before: Mapping[Path, bytes]) -> None:
    """Put files back as they were before any was written."""
    for path in written:
        with contextlib.suppress(OSError, FileFault):  # the fault that is reported is the first one
            if path in before:
                write_atomically(path, before[path], force=True)
            else:
                Path(os.path.realpath(path)).unlink()  # a link that led nowhere stays


__all__ = ["OutputFault", "write_together"]
