"""The lexemes of a text, also of one with faults."""

from __future__ import annotations

import re
from typing import NamedTuple

from archdsl.source import Source

_PIECE = re.compile(
    r"(?P<COMMENT>#[^\n]*)|(?P<STRING>\"[^\"\n]*\")|(?P<UNKNOWN>\"[^\n]*)|"
    r"(?P<NUMBER>[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?[KMGT]?(?![A-Za-z0-9_]))|"
    r"(?P<NAME>[A-Za-z_][A-Za-z0-9_]*)|(?P<OPERATOR>->|\.\.\.?|==|!=|<=|>=|//|[=<>+\-*/%^~:,.|(){}\[\]])|\s+|(?P<OTHER>.)",
    re.ASCII,
)
_BRACKETS = {"(": "LPAR", ")": "RPAR", "[": "LSQB", "]": "RSQB", "{": "LBRACE", "}": "RBRACE"}


class Lexeme(NamedTuple):
    """A piece of a text: its kind in the grammar, and its place."""

    kind: str
    start: int
    end: int


def lexemes(source: Source) -> tuple[Lexeme, ...]:
    """All of a text but its blanks."""
    found = []
    for match in _PIECE.finditer(source.text):
        kind = match.lastgroup
        if kind is not None:
            kind = _BRACKETS.get(match[0], "UNKNOWN" if kind == "OTHER" else kind)
            found.append(Lexeme(kind, *match.span()))
    return tuple(found)


__all__ = ["Lexeme", "lexemes"]
