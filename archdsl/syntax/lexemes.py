"""The lexemes of any text, with faults or without: what colours, folds and brackets are made of while one types.

Where the parser took a lexeme its kind is the parser's: `x` between two numbers is `TIMES`, elsewhere a name. What it
left out, and what it read in another way than it is written, is told by its letters alone. A soft word such as `model`
has its own kind wherever it stands; it begins a declaration at the beginning of an item alone.
"""

from __future__ import annotations

import re
from typing import TypeAlias

from archdsl.source import Source, text_fault
from archdsl.syntax.faults import CHARACTER, END
from archdsl.syntax.machine import Machine
from archdsl.syntax.parser import read_all
from archdsl.syntax.tree import TreeBuilder

Lexeme: TypeAlias = tuple[str, int, int]
"""Kind, start and end."""

COMMENT, UNKNOWN = "COMMENT", "UNKNOWN"
"""The kinds of what the grammar has no lexeme for: comments, and what begins none."""
_COMMENT = re.compile(r"#[^\n]*")
_STRANGE = re.compile(r'"[^\n]*|[0-9][0-9A-Za-z_.]*|(?s:.)')
"""A string that is not closed, a number that is none, or a character."""


def lexemes(source: Source) -> tuple[Lexeme, ...]:
    """All of a text but its blanks, in order and without overlaps: kinds of the grammar, comments, and `UNKNOWN`.

    Nothing of a text that is no program's for its size or its characters (E111, E113).
    """
    if text_fault(source) is not None:
        return ()
    text = source.text
    machine = Machine(text, 0, "start", TreeBuilder(source))
    found: list[Lexeme] = []
    end = 0
    for taken in (*read_all(source, TreeBuilder(source), keep=True)[1], (END, len(text), len(text))):
        found += _between(machine, text, end, taken[1])
        if taken[0] != END:
            found.append(taken)
        end = max(end, taken[2])
    return tuple(found)


def _between(machine: Machine, text: str, start: int, end: int) -> list[Lexeme]:
    """What stands between two lexemes that the parser took: comments, and what it left out."""
    found: list[Lexeme] = []
    while start < end:
        lexeme = machine.lexeme_at(start)
        behind = min(lexeme.start, end)
        found += [(COMMENT, *match.span()) for match in _COMMENT.finditer(text, start, behind)]
        if lexeme.start >= end:
            return found
        kind, first, last = lexeme.kind, lexeme.start, lexeme.end
        if kind == CHARACTER:
            strange = _STRANGE.match(text, first, end)
            kind, last = UNKNOWN, strange.end() if strange is not None else first + 1
        found.append((kind, first, min(last, end)))
        start = min(last, end)
    return found


__all__ = ["COMMENT", "UNKNOWN", "Lexeme", "lexemes"]
