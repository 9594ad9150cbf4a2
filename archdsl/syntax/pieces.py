"""Lexemes and comments as pieces of a layout: the brackets that they stand in, and what begins with them."""

from __future__ import annotations

from dataclasses import field
from enum import Enum, auto

from archdsl.records import dataclass
from archdsl.source import Source
from archdsl.syntax.faults import ENDS_VALUE, SOFT
from archdsl.syntax.parser import tokens

_BEGINS_ENTRY = SOFT | {"REQUIRE", "RETURN"}
_BEGINS_ITEM = {"KIND", "ARCH", "USE", "MODELS"}
OPENING, CLOSING = {"LPAR", "LSQB", "LBRACE"}, {"RPAR", "RSQB", "RBRACE"}
CHOICE = {"IF", "ELSE", "FOR"}
_FACTORS = {"OPERATOR", "CIRCUMFLEX"}


class Kind(Enum):
    """What a pair of brackets holds; FILE is outside all brackets."""

    FILE = auto()
    BODY = auto()
    NAMES = auto()  # the braces of a `use`
    LIST = auto()  # arguments, parameters, elements, an index, a group
    TABLE = auto()


@dataclass(slots=True, eq=False)
class Frame:
    kind: Kind
    entries: list[int] = field(default_factory=list)
    """Where the items, entries or rows directly in this frame begin, as indices of pieces."""
    closing: int = -1
    several: bool = False
    """Whether commas divide what the brackets hold."""


@dataclass(slots=True, eq=False)
class Piece:
    """A lexeme or comment with the layout decided for it."""

    kind: str
    text: str
    breaks: int
    """Line breaks in front: none, one, or two for a blank line."""
    frame: Frame
    begins: bool = False
    """Whether an item, entry or row begins here."""
    separates: bool = False
    """Whether this is the `:`, `=` or `~` of an entry or definition."""
    unary: bool = False
    tight: bool = False
    """Whether this is the `/` of a fraction of two literals, `1/4`."""
    index: bool = False
    """Whether this `(` or `[` belongs to the value in front of it."""
    opens: Frame | None = None
    """What the bracket that stands here encloses."""
    extra: int = 0
    """Spaces in front beyond the ordinary."""

    @property
    def precedes_value(self) -> bool:
        return self.separates or self.kind in {"RETURN", "REQUIRE"}


def frames_of(source: Source) -> list[Piece]:
    """Every lexeme and comment, with the brackets it stands in and what begins with it."""
    pieces: list[Piece] = []
    frame = Frame(Kind.FILE)
    stack: list[Frame] = []
    last: Piece | None = None  # the last piece that is no comment
    item = ""  # the word the item at hand begins with
    separable = False  # whether the entry at hand may still get its separator
    end = 0
    for number, (kind, start, stop) in enumerate(tokens(source)):
        text = source.text[start:stop]
        piece = Piece(kind, text, min(source.text.count("\n", end, start), 2) if pieces else 0, frame)
        pieces.append(piece)
        end = stop
        if kind == "COMMENT":
            piece.text = text.rstrip(" \t\r")
            continue
        ended = last is None or last.kind in ENDS_VALUE
        if frame.kind is Kind.FILE and ended and kind in _BEGINS_ITEM:
            piece.begins, item, separable = True, kind, True
        elif frame.kind is Kind.BODY and kind in _BEGINS_ENTRY and (ended or not frame.entries):
            piece.begins, separable = True, kind in SOFT
        elif frame.kind is Kind.TABLE and kind == "VBAR" and last is not None:
            piece.begins = last.kind == "VBAR" and not last.begins
        if piece.begins:
            frame.entries.append(number)
        frame.several |= kind == "COMMA"
        if kind in {"COLON", "EQUAL", "TILDE"} and separable and frame.kind in {Kind.FILE, Kind.BODY}:
            piece.separates, separable = True, False
        piece.unary = kind == "MINUS" and not ended
        if kind in {"LPAR", "LSQB"}:
            piece.index = ended and not (item == "MODELS" and frame.kind is Kind.FILE)
            piece.opens = Frame(Kind.LIST)
        elif kind == "LBRACE":
            piece.opens = Frame(Kind.NAMES if item == "USE" and frame.kind is Kind.FILE else Kind.BODY)
        elif kind == "VBAR" and last is not None and last.opens is frame:
            frame.kind = Kind.TABLE
            piece.begins = True
            frame.entries.append(number)
        if piece.opens is not None:
            stack.append(frame)
            frame = piece.opens
        elif kind in CLOSING:
            frame.closing = number
            frame = stack.pop()
        last = piece
    _mark_fractions([p for p in pieces if p.kind != "COMMENT"])
    return pieces


def _mark_fractions(code: list[Piece]) -> None:
    """`1/4` is tight where it is a factor of its own: not in `2 ^ 1 / 4`, which is (2 ^ 1) / 4."""
    for i in range(1, len(code) - 1):
        if code[i].text != "/" or code[i - 1].kind != "NUMBER" or code[i + 1].kind != "NUMBER":
            continue
        first = i - 2
        while first >= 0 and code[first].unary:
            first -= 1
        before = code[first].kind if first >= 0 else ""
        after = code[i + 2].kind if i + 2 < len(code) else ""
        code[i].tight = before not in _FACTORS and after not in {"CIRCUMFLEX", "UNIT", "DOT"}


def gap(before: Piece, piece: Piece) -> int:
    """Spaces between two pieces on one line, columns not counted."""
    a, b = before.kind, piece.kind
    if b == "COMMENT":
        return 2
    if piece.begins and piece.frame.kind in {Kind.FILE, Kind.BODY} and a != "LBRACE":
        return 2
    if a == "LBRACE" or b == "RBRACE":
        return 0 if a == "LBRACE" and b == "RBRACE" else 1
    if a == "VBAR" or b == "VBAR":
        return 1
    if a in {"LPAR", "LSQB", "DOT"} or b in {"RPAR", "RSQB", "DOT", "COMMA", "SEMICOLON", "COLON", "ELLIPSIS"}:
        return 0
    if piece.index or before.unary or before.tight or piece.tight:
        return 0
    return 1


__all__ = ["CHOICE", "CLOSING", "OPENING", "Frame", "Kind", "Piece", "frames_of", "gap"]
