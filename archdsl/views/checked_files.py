"""What `archdsl compile --check` shows: whether the files that were emitted are what the spec gives now."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from typing import Literal

from archdsl import __version__
from archdsl.compiler import Compiled
from archdsl.records import documented
from archdsl.views.head import head

State = Literal["same", "differs", "missing"]
HASH = re.compile(r'(?m)^(?:SPEC_HASH = "| +"network": "|)([0-9a-f]{64})(?:|"|",)$')
"""The digest of the network in a module, a package's record, a model card."""
WRITER = re.compile(r"(?:Compiled|Written) by archdsl (\S+?)\.?(?= from|\s)")
MOST_LINES = 200
"""Lines of differences that are shown of one file."""


@documented
class FileChecked:
    """A file as it is on disk, beside what would be written."""

    path: str
    target: str
    """What it is: see `archdsl compile`."""
    state: State
    why: str
    """What the difference is, in words; nothing where there is none."""
    diff: str
    """From what is on disk to what the spec gives, as a unified diff; nothing where the file is missing."""


@documented
class CheckedFiles:
    """`archdsl compile --check --format json`: whether emitted files are what the spec gives."""

    archdsl: str
    """The version of archdsl."""
    spec: str
    model: str
    hash: str
    """The digest of what the network computes."""
    input: list[int]
    """Channels, height, width."""
    name: str
    """The name of the emitted module."""
    good: bool
    """Whether all files are the same."""
    files: list[FileChecked]


def checked_files(result: Compiled, spec: str, name: str, files: Sequence[FileChecked]) -> CheckedFiles:
    """The JSON of files that were compared."""
    good = all(file.state == "same" for file in files)
    return CheckedFiles(**head(result, spec), name=name, good=good, files=list(files))


def file_checked(path: str, target: str, found: bytes | None, wanted: str) -> FileChecked:
    """A file with what is on disk, none if there is none, against the text that it should have."""
    if found is None:
        return FileChecked(path, target, "missing", "there is no such file", "")
    if found == wanted.encode():
        return FileChecked(path, target, "same", "", "")
    try:
        text = found.decode()
    except UnicodeDecodeError:
        return FileChecked(path, target, "differs", "it is no text", "")
    if text.splitlines() == wanted.splitlines():
        return FileChecked(path, target, "differs", "its line ends are others", "")
    lines = difflib.unified_diff(text.splitlines(), wanted.splitlines(), path, f"{path} as compiled", n=2, lineterm="")
    return FileChecked(path, target, "differs", _why(text, wanted), "\n".join(lines))


def _why(text: str, wanted: str) -> str:
    """Whether another network, or another version of archdsl, made a text; else it was edited."""
    before, now = HASH.search(text), HASH.search(wanted)
    if before is not None and now is not None and before[1] != now[1]:
        return f"it is of another network, {before[1][:16]} and not {now[1][:16]}"
    writer = WRITER.search(text)
    if writer is not None and writer[1] != __version__:
        return f"archdsl {writer[1]} wrote it, and this is {__version__}"
    return "the network is the same, the text is not" if before is not None else "the text is not the same"


def checked_text(files: Sequence[FileChecked]) -> str:
    """The differences, and a line for each file."""
    return "".join([f"{line}\n" for file in files for line in _lines(file)])


def _lines(file: FileChecked) -> Iterator[str]:
    lines = file.diff.splitlines()
    yield from lines[:MOST_LINES]
    if len(lines) > MOST_LINES:
        yield f"... and {len(lines) - MOST_LINES:,} more lines"
    yield f"{file.path}: {file.state}{f', {file.why}' if file.why else ''}"


__all__ = ["CheckedFiles", "FileChecked", "checked_files", "checked_text", "file_checked"]
