"""The machine against lark, which made its tables: the same lexemes, and the same places where a text stops."""

from __future__ import annotations

import random
from typing import Any

from lark import Lark
from lark.exceptions import UnexpectedCharacters, UnexpectedToken

from archdsl.resources import library_modules, read_data, spec_files
from archdsl.source import Source
from archdsl.syntax.faults import CHARACTER, END, HOLE
from archdsl.syntax.machine import Machine, Unexpected
from archdsl.syntax.tables import GRAMMAR, STARTS
from archdsl.syntax.tree import TreeBuilder

LARK: Any = Lark(
    read_data(GRAMMAR),
    parser="lalr",
    lexer="contextual",
    start=list(STARTS),
    keep_all_tokens=True,
    maybe_placeholders=False,
)
LIBRARY = [f"specs/std/{name.removeprefix('std.')}.arch" for name in library_modules()]
TEXTS = [read_data(path) for path in (*LIBRARY, *spec_files())]
CHARACTERS = '()[]{}|.,:;=~<>-+*/^x#@ \n0a"'


def by_machine(text: str) -> list[tuple[str, int, int]]:
    """Kind, start and end of each lexeme, and of the one at which the text stops, with the kinds accepted there."""
    machine = Machine(text, 0, "start", TreeBuilder(Source("text", text)))
    found: list[Any] = []
    try:
        while (token := machine.next_token()) is not None:
            machine.feed(token.type, token)
            found.append((token.type, token.start_pos, token.end_pos))
        machine.finish()
    except Unexpected as stop:
        found.append((stop.found.kind, stop.found.start, sorted(machine.accepted())))
    return found


def by_lark(text: str) -> list[tuple[str, int, int]]:
    parser = LARK.parse_interactive(text, start="start")
    found: list[Any] = []
    try:
        for token in parser.lexer_thread.lex(parser.parser_state):
            parser.feed_token(token)
            found.append((token.type, token.start_pos, token.end_pos))
        parser.feed_eof()
    except UnexpectedToken as stop:
        at = len(text.rstrip()) if stop.token.type == END else stop.token.start_pos
        found.append((stop.token.type, at, sorted(parser.accepts() - {HOLE})))
    except UnexpectedCharacters as stop:
        found.append((CHARACTER, stop.pos_in_stream, sorted(parser.accepts() - {HOLE})))
    return found


def test_texts_that_ship() -> None:
    for text in TEXTS:
        assert by_machine(text) == by_lark(text)


def test_texts_with_a_fault() -> None:
    """A character is left out, put in or changed, or the text ends early."""
    rng = random.Random(5)
    short = [text for text in TEXTS if len(text) < 2500]
    stopped = 0
    for _ in range(150):
        text = rng.choice(short)
        at = rng.randrange(len(text))
        changed = text[:at] + rng.choice(["", rng.choice(CHARACTERS)]) + text[at + rng.randrange(2) :]
        changed = changed[: rng.randrange(at, len(changed) + 1)] if rng.random() < 0.2 else changed
        ours = by_machine(changed)
        assert ours == by_lark(changed), changed
        stopped += isinstance(ours[-1][2], list) if ours else 0
    assert stopped > 50
