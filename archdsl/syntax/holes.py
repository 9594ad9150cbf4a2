"""What is put into a text that breaks, so that what stands around the break is kept: holes, closers, a way past it.

What enters is a parser's machine and where it stopped; what leaves are lexemes that it takes there, and the offset at
which the text goes on. Nothing here is told to anybody: the fault behind it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias

from archdsl.syntax.faults import CHARACTER, CLOSING, END, HOLE, KINDS, RESERVED, SOFT, Break, Lexeme, closers
from archdsl.syntax.machine import Machine
from archdsl.syntax.mending import begins_line

Lexemes: TypeAlias = tuple[tuple[str, str], ...]
"""Kinds and texts."""

_STEPS: tuple[Lexemes, ...] = (
    ((HOLE, ""),),
    (("COLON", ":"),),
    (("COLON", ":"), (HOLE, "")),
    (("EQUAL", "="), (HOLE, "")),
    (("ELSE", "else"), (HOLE, "")),
    (("NAME", "_"), ("IN", "in"), (HOLE, "")),
    (("IN", "in"), (HOLE, "")),
    (("LBRACE", "{"), ("RBRACE", "}")),
)
"""What may be missing in front of a lexeme, the likeliest first. A name that is missing is declared nowhere else than
in a loop, where nobody sees it."""
_SPOILED: tuple[Lexemes, ...] = ((("PLUS", "+"), (HOLE, "")), (("ARROW", "->"), (HOLE, "")))
"""What makes a value unknown behind which there is more than was understood."""
_MOST = 2
"""So many of them are put in front of one lexeme."""
_ENTRY = re.compile(
    rf"(?:(?:return|require)\b|(?!(?:{'|'.join(RESERVED)})\b)[A-Za-z_]\w*(?:[ \t]*[.,][ \t]*[A-Za-z_]\w*|\[[^\]\n]*\])*"
    r"[ \t]*(?:[:~{]|=(?!=)))"
)
"""What can begin an entry, at the beginning of a line."""
_FOLLOWS = {":": "COLON", "=": "EQUAL", "~": "TILDE", "{": "LBRACE", "[": "LSQB", ",": "COMMA"}
"""What may follow the first name of an entry."""
_ITEMS = ("KIND", "USE", "MODELS")


class Way(NamedTuple):
    """How to go on: take back the last lexeme or not, read these, then the text from an offset."""

    lexemes: Lexemes
    resume: int
    undo: bool = False
    skipped: bool = False
    """Whether a part of the text is left out."""
    guessed: bool = False
    """Whether what stands there is read otherwise than it was meant: no mend is known."""


def filled(machine: Machine, states: Sequence[int], wanted: Lexemes, ahead: tuple[str, ...] = ()) -> Lexemes | None:
    """What a machine in some states takes that ends in the wanted lexemes, with what is missing in front of each; what
    it gives is without the kinds `ahead`, which are to follow. None where no few insertions do."""
    stack = list(states)
    found: list[tuple[str, str]] = []
    for position, lexeme in enumerate(wanted):
        kinds = (lexeme[0], *(ahead if position == len(wanted) - 1 else ()))
        missing = _missing(machine, stack, kinds)
        if missing is None:
            return None
        found += [*missing, lexeme]
        for kind, _ in (*missing, lexeme):
            machine.shift(stack, kind)
    if not wanted:
        return _missing(machine, stack, ahead)
    return tuple(found)


def _missing(machine: Machine, states: list[int], kinds: tuple[str, ...]) -> Lexemes | None:
    """The fewest lexemes in front of these kinds with which they can be read."""
    rows: list[tuple[Lexemes, list[int]]] = [((), states)]
    for _ in range(_MOST + 1):
        for lexemes, stack in rows:
            if machine.takes(kinds, stack):
                return lexemes
        rows = [(lexemes + step, after) for lexemes, stack in rows for step, after in _after(machine, stack, _STEPS)]
    return None


def _after(machine: Machine, states: list[int], steps: tuple[Lexemes, ...]) -> Iterator[tuple[Lexemes, list[int]]]:
    for step in steps:
        stack = list(states)
        if all(machine.shift(stack, kind) for kind, _ in step):
            yield step, stack


def before(machine: Machine, at: Break) -> Way | None:
    """What is missing in front of the lexeme at which the machine stopped, if that lexeme goes on well behind it."""
    found = at.found
    if found.kind == CHARACTER:
        return None
    ahead: tuple[str, ...] = (found.kind,)
    if not at.inside and found.kind in _ITEMS:
        ahead = (found.kind, "NAME")
    if found.kind in SOFT and at.inside == "{" and begins_line(machine.text, found.start):
        following = _FOLLOWS.get(at.next_character)
        if following is None:
            return None
        ahead = (found.kind, following)
    missing = filled(machine, machine.states, (), ahead)
    return Way(missing, found.start, guessed=True) if missing else None


def past(machine: Machine, at: Break) -> Way | None:
    """The way to where the text can go on behind what is not understood: the next entry of the innermost body, or what
    ends an element of the innermost list. The value that is left there is unknown."""
    inside = at.inside
    if not inside:
        return None
    start = at.found.end if at.found.kind != END else at.found.start
    for lexeme in _lexemes(machine, at.found.start, start, inside):
        kinds = (lexeme.kind,)
        if lexeme.kind == END or _is_item(machine.text, lexeme):
            ended = filled(machine, machine.states, closers(at))
            return Way(ended, lexeme.start, skipped=True, guessed=True) if ended is not None else None
        if lexeme.text in KINDS and lexeme.text != CLOSING[inside]:
            depth = next((i for i, o in enumerate(reversed(at.opened)) if CLOSING[o.text] == lexeme.text), None)
            if depth is None:
                continue
            ended = filled(machine, machine.states, closers(at, depth), kinds)
            return Way(ended, lexeme.start, skipped=True, guessed=True) if ended is not None else None
        for spoiled, stack in (*_after(machine, machine.states, _SPOILED), ((), machine.states)):
            missing = filled(machine, stack, (), kinds)
            if missing is not None:
                return Way(spoiled + missing, lexeme.start, skipped=True, guessed=True)
    return None


_DECLARES = re.compile(r"(?:block|fn|model|models|scaling|recipe|space|use)\Z")


def _lexemes(machine: Machine, found: int, start: int, inside: str) -> Iterator[Lexeme]:
    """The lexemes at which a text may go on, on the level of the innermost bracket."""
    text = machine.text
    opened: list[str] = []
    first = machine.lexeme_at(found)
    if first.text in CLOSING:
        opened.append(first.text)
    position = start
    while True:
        lexeme = machine.lexeme_at(position)
        if lexeme.kind == END:
            yield lexeme
            return
        position = max(lexeme.end, position + 1)
        if lexeme.text in CLOSING:
            if not (opened or inside != "{") and _is_entry(text, lexeme):
                yield lexeme
            opened.append(lexeme.text)
        elif lexeme.text in KINDS:
            if not opened:
                yield lexeme
            elif CLOSING[opened[-1]] == lexeme.text:
                opened.pop()
        elif _is_item(text, lexeme) or (
            not opened and (_is_entry(text, lexeme) if inside == "{" else lexeme.text in (",", "|"))
        ):
            yield lexeme


def _is_entry(text: str, lexeme: Lexeme) -> bool:
    return begins_line(text, lexeme.start) and _ENTRY.match(text, lexeme.start) is not None


def _is_item(text: str, lexeme: Lexeme) -> bool:
    return (lexeme.start == 0 or text[lexeme.start - 1] == "\n") and _DECLARES.match(lexeme.text) is not None
