"""Error tests in the language itself: chunks of source with what is to be said under the line it is said of.

A file holds chunks, each below a line `--- name of the chunk`. An expectation stands directly under the line at
fault, as a comment whose carets underline the span:

    --- a field without a colon
    model m { width 64 }
    #               ^^ E101: a field needs `:`

The words behind the code must occur in the message. Carets directly behind the `#` of a line that begins with it
are meant one column further left, in the first. A span of no width, at the end of a file, is one caret; one over
several lines ends with its first. A chunk without expectations must have no diagnostics. Expectations are taken
out of the text before it is compiled, so lines count as in the text without them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from archdsl.diagnostics import Diagnostic

_HEAD = re.compile(r"--- *(.*)")
_EXPECTATION = re.compile(r"\s*#(?:\s+(?=\^)|(?=\^))(\^+) (E\d{3}): (.+)")


class Expectation(NamedTuple):
    """A diagnostic that is expected: line and columns from 1, `col_end` exclusive; words of its message."""

    line: int
    col_start: int
    col_end: int
    code: str
    words: str


class Chunk(NamedTuple):
    name: str
    text: str
    expectations: tuple[Expectation, ...]

    def __str__(self) -> str:
        return self.name


def read_chunks(path: Path) -> list[Chunk]:
    """The chunks of a file, in order."""
    chunks: list[Chunk] = []
    name, lines, expected = "", list[str](), list[Expectation]()

    def finish() -> None:
        if name or any(lines):
            text = "".join(f"{line}\n" for line in lines).strip("\n") + "\n"
            chunks.append(Chunk(name or path.stem, text, tuple(expected)))

    for line in path.read_text(encoding="utf-8").split("\n"):
        head = _HEAD.fullmatch(line)
        if head:
            finish()
            name, lines, expected = f"{path.stem}: {head[1]}", [], []
            continue
        found = _EXPECTATION.fullmatch(line)
        if found is None:
            lines.append(line)
            continue
        start, end = found.start(1) + 1, found.end(1) + 1
        if line[0] == "#" and start == 2:
            start, end = 1, end - 1
        expected.append(Expectation(len(lines), start, end, found[2], found[3].strip()))
    finish()
    return chunks


def read_folder(folder: Path) -> list[Chunk]:
    """The chunks of all `.arch` files of a folder."""
    return [chunk for path in sorted(folder.glob("*.arch")) for chunk in read_chunks(path)]


def place(diagnostic: Diagnostic) -> tuple[int, int, int]:
    """Line and columns of a diagnostic as carets can show them."""
    span = diagnostic.span
    line, column = span.source.position(span.start)
    width = min(span.end, span.start + len(span.source.line(line)) - column + 1) - span.start
    return line, column, column + max(1, width)


def mismatches(chunk: Chunk, diagnostics: Iterable[Diagnostic]) -> list[str]:
    """What was expected and not said, and what was said and not expected; empty for a chunk that holds."""
    faults: list[str] = []
    left = list(diagnostics)
    for expected in chunk.expectations:
        match = next((d for d in left if _agrees(expected, d)), None)
        if match is None:
            faults.append(f"expected {expected}")
        else:
            left.remove(match)
    faults += [f"not expected: {place(d)} {d.code}: {d.message}" for d in left]
    return faults


def _agrees(expected: Expectation, diagnostic: Diagnostic) -> bool:
    return (*place(diagnostic), diagnostic.code) == expected[:4] and expected.words in diagnostic.message
