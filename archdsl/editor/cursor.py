"""Where in a text a place is, told by the lexemes in front of it alone: so text that is half typed is understood.

No entry of the language is juxtaposed to a value, so a name behind a complete value begins the next entry.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import field
from typing import Literal

from archdsl.records import dataclass
from archdsl.source import Source
from archdsl.syntax.faults import RESERVED
from archdsl.syntax.lexemes import Lexeme

Inside = Literal[
    "file", "use", "params", "body", "section", "with", "configured", "call", "group", "index", "list", "table"
]
INFIX = frozenset(("if", "else", "when", "or", "and", "not", "with", "for", "in", "as", "refines"))
"""Words behind which a value goes on."""
KINDS = ("block", "fn", "model", "scaling", "recipe", "space")
_UNITS = frozenset(("epochs", "steps"))
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z", re.ASCII)
_ANY_WORD = re.compile(r"[A-Za-z_]", re.ASCII)


@dataclass
class Frame:
    """What an open bracket holds so far."""

    inside: Inside
    name: str = ""
    """The kind of a declaration, the path of a section, what is called or configured."""
    key: list[str] = field(default_factory=list)
    """The path of the entry's key."""
    names: list[str] = field(default_factory=list)
    """The first words of the keys before one `=` or `~`."""
    value: bool = False
    """Whether the place is behind the `:`, `=` or `~` of an entry or item."""
    complete: bool = False
    """Whether a value is complete."""
    given: list[str] = field(default_factory=list)
    """The keys of the entries so far, or the names of the arguments."""
    argument: str = ""
    """The name of the argument that is being written."""
    commas: int = 0
    rows: list[list[str]] = field(default_factory=list)
    """The complete cells of a table so far, by row."""
    cell: str = ""
    """What the cell holds so far."""
    blocks: list[str] = field(default_factory=list)
    """What `with` changes: the blocks of a table."""

    @property
    def has_entries(self) -> bool:
        return self.inside in ("body", "section", "with", "configured")


@dataclass
class Cursor:
    """What is known of a place."""

    prefix: str
    """The letters of the name that is being written."""
    start: int
    frames: list[Frame]
    before: str
    """The lexeme in front, without the letters."""
    chain: list[str]
    """The names in front of the last dot: `head`, `block`, `std`; empty where there is no dot."""
    declaration: str = ""
    """The kind of the declaration around, its name, and the names that its body has so far."""
    declared: str = ""
    parameters: list[str] = field(default_factory=list)
    bound: list[str] = field(default_factory=list)
    variables: list[str] = field(default_factory=list)
    text: str | None = None
    """The text of the string that is being written."""
    item: list[str] = field(default_factory=list)
    """The words of the item around."""
    used: str | None = None
    """The path that a `use` names."""
    lines: bool = False
    """Whether the place is on another line than the lexeme in front."""
    silent: bool = False
    """Whether nothing can be proposed: in a comment, in a number."""

    @property
    def top(self) -> Frame:
        return self.frames[-1]

    @property
    def field(self) -> str:
        """The field of the declaration's body that the place is in."""
        for frame in self.frames:
            if frame.inside == "body":
                return ".".join(frame.key) if frame.value else ""
        return ""


def cursor_at(source: Source, lexemes: Iterable[Lexeme], offset: int) -> Cursor:
    """Where a place is, in a text with its lexemes."""
    offset = max(0, min(offset, len(source.text)))
    found = _WORD.search(source.text[max(0, offset - 200) : offset])
    prefix = found[0] if found is not None else ""
    start = offset - len(prefix)
    scan = _Scan(source)
    for lexeme in lexemes:
        if lexeme[1] >= start:
            break  # the name that is being written, and what is behind it
        if _encloses(source, lexeme, offset):
            return scan.inside(lexeme, offset)
        if lexeme[0] != "COMMENT":
            scan.take(lexeme)
    return scan.cursor(prefix, start)


def _encloses(source: Source, lexeme: Lexeme, offset: int) -> bool:
    """Whether a place is within a comment, a string or a number."""
    kind, start, end = lexeme
    if not start < offset <= end:
        return False
    open_string = kind == "UNKNOWN" and source.text[start] == '"'
    return kind in ("COMMENT", "NUMBER") or open_string or (kind == "STRING" and offset < end)


class _Scan:
    """Reads lexemes and keeps the brackets that are open."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.frames = [Frame("file")]
        self.seen: list[str] = []
        self.kinds: list[str] = []
        self.ends: list[int] = []
        self.last = ""
        """What was called last, in front of a bracket that follows."""
        self.blocks: list[str] = []
        self.cursor_ = Cursor("", 0, self.frames, "", [])

    # Answers

    def cursor(self, prefix: str, start: int) -> Cursor:
        found = self.cursor_
        found.prefix, found.start = prefix, start
        found.before = self.seen[-1] if self.seen else ""
        found.chain = self._chain()
        found.lines = "\n" in self.source.text[self.ends[-1] if self.ends else 0 : start]
        return found

    def inside(self, lexeme: Lexeme, offset: int) -> Cursor:
        found = self.cursor("", offset)
        kind, start, _ = lexeme
        if kind in ("COMMENT", "NUMBER") or self.source.text[start] != '"':
            found.silent = True
        else:
            found.text = self.source.text[start + 1 : offset]
            found.start = start + 1
        return found

    def _chain(self) -> list[str]:
        frame = self.frames[-1]
        if self.seen[-1:] == ["."] and frame.has_entries and not frame.value:
            return list(frame.key)  # `stages[1].`
        names: list[str] = []
        position = len(self.seen) - 1
        while position >= 1 and self.seen[position] == "." and _is_word(self.seen[position - 1]):
            names.insert(0, self.seen[position - 1])
            position -= 2
        if not names and self.seen[-1:] == ["."]:
            return [""]
        return names

    # Reading

    def take(self, lexeme: Lexeme) -> None:
        kind, start, end = lexeme
        text = self.source.text[start:end]
        frame = self.frames[-1]
        if text in ("(", "[", "{"):
            self._open(text, start)
        elif text in (")", "]", "}"):
            self._close()
        elif _is_word(text):
            self._word(text, frame)
        elif kind in ("NUMBER", "STRING"):
            frame.complete = True
            if self.seen[-1:] == ["use"]:
                self.cursor_.used = text.strip('"')
        else:
            self._mark(text, frame)
        if text != "|" and frame.inside == "table":
            frame.cell += text
        self.seen.append(text)
        self.kinds.append(kind)
        self.ends.append(end)

    def _word(self, text: str, frame: Frame) -> None:
        if self._is_infix(text, frame):
            frame.complete = text in _UNITS
            return
        if self.seen[-1:] == ["for"]:
            self.cursor_.variables.append(text)
        if frame.inside == "file":
            self._item(text, frame)
        elif frame.has_entries:
            self._entry(text, frame)
        elif frame.inside == "params" and self.seen[-1:] in (["("], [","], [";"]):
            self.cursor_.parameters.append(text)
        elif frame.inside == "use" and self.seen[-1:] in (["{"], [","]):
            frame.given.append(text)
        self.last = text
        if not frame.has_entries:
            frame.complete = True

    def _is_infix(self, text: str, frame: Frame) -> bool:
        if text in _UNITS:
            return self.kinds[-1:] == ["NUMBER"]
        return text in INFIX or (text == "x" and frame.complete and self._times)

    @property
    def _times(self) -> bool:
        """Whether an `x` that comes now stands between the extents of a size."""
        return re.match(r"\s*x\s+[\w(]", self.source.text[self.ends[-1] : self.ends[-1] + 80]) is not None

    def _item(self, text: str, frame: Frame) -> None:
        """A word outside all brackets: it begins an item, or goes on with one."""
        found = self.cursor_
        begins = text in (*KINDS, "use", "models", "arch") and (not found.item or self._ends_item(frame))
        if not begins:
            found.item.append(text)
            if len(found.item) == 2 and found.declaration:
                found.declared = text
            return
        found.item[:], found.used = [text], None
        for names in (found.parameters, found.bound, found.variables):
            names.clear()
        found.declaration, found.declared = (text if text in KINDS else ""), ""
        frame.value = frame.complete = False

    def _ends_item(self, frame: Frame) -> bool:
        """Whether the item before is complete, or half typed on a line above."""
        before = self.seen[-1]
        line = self.source.text[self.ends[-1] :].partition("\n")[0]
        below = not line.partition("#")[0].strip()
        return below and (frame.complete or before in ("}", "]") or not frame.value)

    def _entry(self, text: str, frame: Frame) -> None:
        """A name in a body. It begins an entry where none is open, where a value is complete, and behind a key that has
        neither value nor dot: that one is half typed."""
        if frame.value and not frame.complete:
            frame.complete = True
        elif frame.value or not frame.key or self.seen[-1] not in (".", ","):
            frame.key, frame.names = [text], [text]
            frame.value, frame.complete = text in ("return", "require"), False
            self.cursor_.variables.clear()
        elif self.seen[-1] == ".":
            frame.key.append(text)
        else:
            frame.key = [text]
            frame.names.append(text)

    def _mark(self, text: str, frame: Frame) -> None:
        """Punctuation, or an operator."""
        if text in (":", "=", "~") and frame.has_entries:
            self._separator(text, frame)
        elif text == "=" and frame.inside == "file":
            frame.value = True
        elif text == ":" and frame.inside in ("call", "params"):
            frame.argument = self.seen[-1] if self.seen else ""
            frame.given.append(frame.argument)
        elif text in (",", ";") and frame.inside in ("call", "params", "use", "list"):
            frame.commas += 1
            frame.argument = ""
        elif text == "|" and frame.inside in ("list", "table"):
            self._bar(frame)
        frame.complete = False

    def _separator(self, text: str, frame: Frame) -> None:
        if frame.value and frame.complete and _is_word(self.seen[-1]):
            frame.key, frame.names = [self.seen[-1]], [self.seen[-1]]  # the value before it is missing
        elif frame.value:
            return
        frame.given.append(".".join(frame.key))
        if text != ":" and frame.inside == "body":
            self.cursor_.bound += frame.names
        frame.value = True

    def _bar(self, frame: Frame) -> None:
        """A bar begins a row behind another bar, and else ends a cell."""
        if frame.inside == "list" or self.seen[-1:] in (["["], ["|"]):
            frame.inside = "table"
            frame.rows.append([])
        elif frame.rows:
            frame.rows[-1].append(frame.cell)
        frame.cell = ""

    # Brackets

    def _open(self, text: str, start: int) -> None:
        frame = self.frames[-1]
        touches = bool(self.seen) and frame.complete and self.seen[-1] not in INFIX
        if text == "{":
            self.frames.append(self._brace(frame))
        elif text == "(":
            head = frame.inside == "file" and not frame.value and self.cursor_.declaration != ""
            inside: Inside = "params" if head else "call" if touches else "group"
            self.frames.append(Frame(inside, self.last if touches else ""))
        else:
            models = frame.inside == "file" and self.cursor_.item[:1] == ["models"]
            self.blocks = [] if frame.inside != "table" else self.blocks
            index = touches and self.ends[-1:] == [start] and not models
            name = self.cursor_.item[1] if models and len(self.cursor_.item) > 1 else ""
            self.frames.append(Frame("index" if index else "table" if models else "list", name))

    def _brace(self, frame: Frame) -> Frame:
        item = self.cursor_.item
        if frame.inside == "file" and not frame.value:
            return Frame("use" if item[:1] == ["use"] else "body", self.cursor_.declaration)
        if self.seen[-1:] == ["with"]:
            return Frame("with", self.last, blocks=list(self.blocks))
        if frame.has_entries and not frame.value:
            frame.given.append(".".join(frame.key))
            return Frame("section", ".".join(frame.key))
        return Frame("configured", self.last)

    def _close(self) -> None:
        if len(self.frames) == 1:
            return
        closed = self.frames.pop()
        frame = self.frames[-1]
        if closed.inside in ("call", "configured"):
            self.last = closed.name
        elif closed.inside == "table":
            self.blocks, self.last = _column(closed.rows, "block"), ""
        if closed.inside == "section":
            frame.key, frame.names, frame.value, frame.complete = [], [], False, False
        elif closed.inside in ("body", "use") or (closed.inside == "table" and frame.inside == "file"):
            frame.value, frame.complete = False, True
        else:
            frame.complete = closed.inside != "params"


def _column(rows: Sequence[Sequence[str]], name: str) -> list[str]:
    header = [cell.strip() for cell in rows[0]] if rows else []
    if name not in header:
        return []
    position = header.index(name)
    cells = [row[position].strip() for row in rows[1:] if position < len(row)]
    return [cell for cell in dict.fromkeys(cells) if cell]


def _is_word(text: str) -> bool:
    return _ANY_WORD.match(text) is not None


__all__ = ["INFIX", "KINDS", "RESERVED", "Cursor", "Frame", "cursor_at"]
