"""Where a text stops to be a program, and how a fault is told and mended.

`parser` makes a `Break` of the lexeme at which it stopped and of what it knew there; the rules of `mistakes`
make an `Explanation` of it: a diagnostic, and where one edit is obviously meant, the same edit on the stream of
lexemes (`Mend`), with which the parser goes on as if the writer had made it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from archdsl.diagnostics import Diagnostic, Edit, Label
from archdsl.records import dataclass
from archdsl.source import Source, Span

END, CHARACTER = "$END", "$CHARACTER"
"""Kinds of what is no lexeme: the end of the text, and a character with which none begins."""

HOLE = "HOLE"
"""The kind of what stands for a value that is missing."""

CLOSING = {"(": ")", "[": "]", "{": "}"}
KINDS = {")": "RPAR", "]": "RSQB", "}": "RBRACE"}
CONSTANTS = {"true": True, "false": False, "none": None}
RESERVED = ("require", "return", "if", "else", "when", "or", "and", "not", "with", "for", "in")
"""The words of expressions and entries; the grammar excludes them from names."""
DECLARATION_WORDS = ("block", "fn", "model", "scaling", "recipe", "space")
ITEM_WORDS = ("use", "models", *DECLARATION_WORDS)
SOFT = frozenset({"NAME", "KIND", "ARCH", "USE", "MODELS"})
"""Kinds of words that may be names."""
BEGINS_VALUE = SOFT | {"NUMBER", "STRING", "LPAR", "LSQB"}
ENDS_VALUE = SOFT | {"NUMBER", "UNIT", "STRING", "RPAR", "RSQB", "RBRACE"}


class Lexeme(NamedTuple):
    """A kind of the grammar, the text, and where it stands."""

    kind: str
    text: str
    start: int
    end: int

    def span(self, source: Source) -> Span:
        return Span(source, self.start, self.end)


@dataclass(frozen=True, slots=True)
class Break:
    """Where a text stops to be a program.

    `before` is the lexeme in front of `found` and `earlier` the one in front of that; `opened` are the brackets
    that are open, the outermost first; `accepted` are the kinds that could stand here; `state` is the parser's.
    """

    source: Source
    found: Lexeme
    before: Lexeme | None
    earlier: Lexeme | None
    opened: tuple[Lexeme, ...]
    accepted: frozenset[str]
    state: int

    @property
    def span(self) -> Span:
        return self.found.span(self.source)

    @property
    def inside(self) -> str:
        """The innermost open bracket, or nothing."""
        return self.opened[-1].text if self.opened else ""

    @property
    def next_character(self) -> str:
        """The first character behind the found lexeme that is no space."""
        match = re.compile(r"[ \t\r\n]*").match(self.source.text, self.found.end)
        end = match.end() if match else self.found.end
        return self.source.text[end : end + 1]

    @property
    def expects_value(self) -> bool:
        return "NUMBER" in self.accepted and "LPAR" in self.accepted

    @property
    def expects_name(self) -> bool:
        return "NAME" in self.accepted and not self.expects_value

    @property
    def touches(self) -> bool:
        """Whether nothing stands between the found lexeme and the one before."""
        return self.before is not None and self.before.end == self.found.start

    @property
    def shown(self) -> str:
        return "the end of the file" if self.found.kind == END else f"`{shown(self.found.text)}`"


class Mend(NamedTuple):
    """How to go on: take back the last lexeme or not, read these kinds and texts, then the text from an offset."""

    lexemes: tuple[tuple[str, str], ...]
    resume: int
    undo: bool = False


class Explanation(NamedTuple):
    diagnostic: Diagnostic
    mend: Mend | None = None


def left_open(at: Break, place: int, text: str, count: int | None = 1) -> Diagnostic:
    """The innermost open bracket is never closed; `text` says what stands at the place where it should be.

    The edit closes the innermost `count` brackets, or all.
    """
    opened = at.opened[-1]
    closing = [text for _, text in closers(at, count)]
    before = at.before.end if at.before is not None else place
    apart = "\n" in at.source.text[before:place] or at.found.kind == END
    edit = "".join(closing)
    if apart and opened.text == "{" and "\n" in at.source.text[opened.start : before]:
        edit = "\n" + "\n".join(closing)
    here = Span(at.source, place, place)
    there = Span(at.source, before, before) if apart else here
    words = " ".join(f"`{c}`" for c in closing[:4])
    return Diagnostic(
        "E102",
        f"`{opened.text}` is never closed",
        opened.span(at.source),
        label="opened here",
        labels=(Label(here, text),),
        help=f"write {words} {'at the end' if at.found.kind == END else 'before this place'}",
        edits=(Edit(there, edit),),
    )


def reserved_name(source: Source, word: str, start: int) -> Diagnostic:
    """A word of the language where a name is declared or asked for."""
    span = Span(source, start, start + len(word))
    message = f"`{word}` is a word of the language and cannot be a name"
    return Diagnostic("E109", message, span, help=f"choose another name, for example `{word}_`")


def closers(at: Break, count: int | None = None) -> tuple[tuple[str, str], ...]:
    """What closes the innermost `count` open brackets, or all."""
    inner = at.opened[::-1][:count]
    return tuple((KINDS[CLOSING[o.text]], CLOSING[o.text]) for o in inner)


def shown(text: str) -> str:
    """A text of the program as a message quotes it: short, and without what cannot be seen."""
    text = text if len(text) <= 40 else text[:37] + "…"
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)
