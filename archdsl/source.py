"""Source texts and places in them.

A `Source` is a name and a text; a `Span` is a half-open range of characters in one source. Both are
values: they hold no file handle, and nothing here reads a file. Lines and columns count from 1. `text_fault` says
which texts are none, wherever they come from: a file, standard input, an editor, an option, Python.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from typing import NamedTuple

from archdsl.limits import MAX_FILE_BYTES
from archdsl.once import cached_property
from archdsl.records import dataclass

# Control characters but tab and line breaks; marks, embeddings, overrides and isolates of the
# bidirectional algorithm; the line separators that some editors break a line at and the language does not;
# halves of characters, which no UTF-8 text has.
FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""What no text of a program has."""


@dataclass(frozen=True)
class Source:
    """A text and the name under which diagnostics show it, for example `specs/regnety_4gf.arch`.

    `path` is its path from the project's root, where that is not the name: other files are found from it.
    """

    name: str
    text: str
    path: str = ""

    @property
    def key(self) -> str:
        """What tells this source from the others of a program."""
        return self.path or self.name

    @cached_property
    def line_starts(self) -> tuple[int, ...]:
        """Offset of the first character of every line."""
        starts = [0]
        position = self.text.find("\n")
        while position != -1:
            starts.append(position + 1)
            position = self.text.find("\n", position + 1)
        return tuple(starts)

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column, from 1, of a character offset."""
        line = bisect_right(self.line_starts, offset)
        return line, offset - self.line_starts[line - 1] + 1

    def line(self, number: int) -> str:
        """The text of a line, counted from 1, without its line break."""
        start = self.line_starts[number - 1]
        end = self.line_starts[number] - 1 if number < len(self.line_starts) else len(self.text)
        return self.text[start:end].rstrip("\r")

    def __repr__(self) -> str:
        return f"Source({self.name!r})"


@dataclass(frozen=True, slots=True)
class Span:
    """Characters `start` to `end` (exclusive) of a source."""

    source: Source
    start: int
    end: int

    @property
    def text(self) -> str:
        return self.source.text[self.start : self.end]

    @property
    def line(self) -> int:
        return self.source.position(self.start)[0]

    @property
    def column(self) -> int:
        return self.source.position(self.start)[1]

    def to(self, other: Span) -> Span:
        """The span from the start of this one to the end of another."""
        return Span(self.source, self.start, other.end)

    def __str__(self) -> str:
        return f"{self.source.name}:{self.line}:{self.column}"


class TextFault(NamedTuple):
    """Why a text is no text of a program: the code, a sentence, and the offset of the character at fault."""

    code: str
    message: str
    offset: int


def text_fault(source: Source, what: str = "text") -> TextFault | None:
    """E111 for a text of more than `MAX_FILE_BYTES` bytes of UTF-8, E113 for a character that no text may have."""
    text = source.text
    if len(text) > MAX_FILE_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_FILE_BYTES:
        return TextFault("E111", f"the {what} has more than {MAX_FILE_BYTES:,} bytes", 0)
    found = FORBIDDEN.search(text)
    if found is None:
        return None
    line, column = source.position(found.start())
    return TextFault(
        "E113", f"the {what} has the character {_name(found[0])} at line {line:,}, column {column:,}", found.start()
    )


def _name(char: str) -> str:
    code = f"U+{ord(char):04X}"
    other = "half of a character" if "\ud800" <= char <= "\udfff" else "control character"
    return f"{code} ({unicodedata.name(char, other).lower()})"
