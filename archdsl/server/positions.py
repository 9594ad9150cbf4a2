"""Offsets of characters, and the protocol's positions: a line and a column in units of the client's encoding.

Lines end at "\\n", "\\r\\n" and "\\r", and at nothing else. Columns count UTF-16 code units, two for a character beyond
the Basic Multilingual Plane, unless client and server agree on bytes of UTF-8 or on characters.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import Literal, TypeAlias

Encoding: TypeAlias = Literal["utf-8", "utf-16", "utf-32"]
ENCODINGS: tuple[Encoding, ...] = ("utf-8", "utf-16", "utf-32")

_LINE_BREAK = re.compile(r"\r\n|\n|\r")
_WIDE: dict[Encoding, re.Pattern[str] | None] = {
    "utf-8": re.compile(r"[^\x00-\x7f]"),
    "utf-16": re.compile("[\U00010000-\U0010ffff]"),
    "utf-32": None,
}
"""Characters of more than one unit."""
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")


class Lines:
    """A text in lines. Whatever is asked for beyond a line or the text is its end."""

    def __init__(self, text: str, encoding: Encoding = "utf-16") -> None:
        self.text = text
        self.encoding: Encoding = encoding
        breaks = [(found.start(), found.end()) for found in _LINE_BREAK.finditer(text)]
        self._starts = [0, *(end for _, end in breaks)]
        self._ends = [*(start for start, _ in breaks), len(text)]
        wide = _WIDE[encoding]
        self._plain = wide is None or wide.search(text) is None

    def __len__(self) -> int:
        return len(self._starts)

    def offset(self, line: int, column: int) -> int:
        """The character at a position, or that it lies within; `line` and `column` count from 0."""
        if line < 0:
            return 0
        if line >= len(self._starts):
            return len(self.text)
        start, end = self._starts[line], self._ends[line]
        if self._plain:
            return min(start + max(column, 0), end)
        at, left = start, column
        while at < end and left >= (width := self._width(self.text[at])):
            at, left = at + 1, left - width
        return at

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of a character. Between "\\r" and "\\n" is the end of the line."""
        offset = max(0, min(offset, len(self.text)))
        line = bisect_right(self._starts, offset) - 1
        start, end = self._starts[line], min(offset, self._ends[line])
        return line, self.units(start, end)

    def units(self, start: int, end: int) -> int:
        """How many units the characters from `start` to `end` have."""
        if self._plain:
            return end - start
        return sum(self._width(char) for char in self.text[start:end])

    def end_of(self, line: int) -> int:
        """The offset behind the last character of a line."""
        return self._ends[line]

    def start_of(self, line: int) -> int:
        """The offset of the first character of a line."""
        return self._starts[line]

    def _width(self, char: str) -> int:
        code = ord(char)
        if self.encoding == "utf-16":
            return 1 + (code > 0xFFFF)
        return 1 + (code > 0x7F) + (code > 0x7FF) + (code > 0xFFFF)


def joined(text: str) -> str:
    """A text in which the halves of a character, which may come one after the other, are that character."""
    return _PAIR.sub(lambda found: found[0].encode("utf-16-le", "surrogatepass").decode("utf-16-le"), text)


__all__ = ["ENCODINGS", "Encoding", "Lines", "joined"]
