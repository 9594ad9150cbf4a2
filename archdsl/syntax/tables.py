"""The tables of the parser: what `grammar/arch.lark` says, worked out once by lark and kept as plain data.

This is the only module that knows lark, which is imported when the tables are made and at no other time. Their form is
JSON: a kept copy can hold nothing but numbers and words (`resources.kept`).
"""

from __future__ import annotations

import re
from typing import Any

from archdsl.once import cached_property, once
from archdsl.records import dataclass
from archdsl.resources import kept, package_text, read_data, source_text

GRAMMAR = "grammar/arch.lark"
STARTS = ("start", "expr", "body")
"""What a text can be read as: a file, an expression, a body."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One production: the rule it belongs to, its number of symbols, and what becomes of their values.

    `builds` is the name that the tree builder knows it by; none for repetitions, whose values stand in that of the rule
    around them: `inlined` are the positions of such. With `single`, one value alone is not built upon.
    """

    origin: str
    size: int
    builds: str | None
    inlined: tuple[int, ...]
    single: bool


@dataclass(frozen=True)
class Tables:
    """LALR(1) tables. An action is a state to go to, or for a production `n` to reduce by, `-1 - n`."""

    terminals: tuple[tuple[str, str, str], ...]
    """Name, pattern as written, and regular expression, in the order in which they are tried."""
    ignored: str
    """The regular expression of what stands between lexemes."""
    actions: tuple[dict[str, int], ...]
    gotos: tuple[dict[str, int], ...]
    rules: tuple[Rule, ...]
    starts: dict[str, tuple[int, int]]
    """First and last state of what a text is read as."""

    @cached_property
    def units(self) -> list[str | None]:
        """For each production that only passes one value on, the rule it belongs to; none for the others."""
        return [rule.origin if rule.single and rule.size == 1 and not rule.inlined else None for rule in self.rules]

    @cached_property
    def chains(self) -> dict[tuple[int, int, str], int]:
        """Where a run of such productions leads, by the state below, the state, and the kind that comes."""
        return {}

    @cached_property
    def lexers(self) -> list[re.Pattern[str] | None]:
        """For each state the expression of what may be read there, once it was asked for."""
        return [None] * len(self.actions)

    def lexer(self, state: int) -> re.Pattern[str]:
        """What may be read in a state, behind blanks and comments: named groups, in the order of `terminals`."""
        found = self.lexers[state]
        if found is None:
            found = self.lexers[state] = self._lexer(
                [name for name, _, _ in self.terminals if name in self.actions[state]]
            )
        return found

    @cached_property
    def any_lexer(self) -> re.Pattern[str]:
        """Every terminal, wherever it may stand."""
        return self._lexer([name for name, _, _ in self.terminals])

    def _lexer(self, names: list[str]) -> re.Pattern[str]:
        pattern = "|".join([f"(?P<{name}>{regexp})" for name, _, regexp in self.terminals if name in names])
        return re.compile(f"{self.ignored}(?:{pattern})?")  # which keeps what it has compiled


@once
def tables() -> Tables:
    """The tables of the language: kept ones, or made of the grammar."""
    grammar = read_data(GRAMMAR)
    written = kept("tables", (grammar, package_text("lark"), source_text("syntax/tables.py")), lambda: _made(grammar))
    return Tables(
        terminals=tuple([(name, value, regexp) for name, value, regexp in written["terminals"]]),
        ignored=written["ignored"],
        actions=tuple(written["actions"]),
        gotos=tuple(written["gotos"]),
        rules=tuple(
            [Rule(o, size, builds, tuple(inlined), single) for o, size, builds, inlined, single in written["rules"]]
        ),
        starts={name: (first, last) for name, (first, last) in written["starts"].items()},
    )


def _made(grammar: str) -> dict[str, Any]:
    """The tables, by lark."""
    from lark import Lark

    parser: Any = Lark(
        grammar, parser="lalr", lexer="contextual", start=list(STARTS), keep_all_tokens=True, maybe_placeholders=False
    )
    table = parser.parser.parser._parse_table
    numbers = {state: number for number, state in enumerate(table.states)}
    rules: dict[Any, int] = {}
    actions: list[dict[str, int]] = []
    gotos: list[dict[str, int]] = []
    for row in table.states.values():
        actions.append({})
        gotos.append({})
        for symbol, (action, argument) in row.items():
            if action.name == "Reduce":
                actions[-1][symbol] = -1 - rules.setdefault(argument, len(rules))
            else:
                (actions if symbol.isupper() else gotos)[-1][symbol] = numbers[argument]
    ignored = "|".join([t.pattern.to_regexp() for t in parser.terminals if t.name in parser.ignore_tokens])
    terminals = [t for t in parser.parser.lexer.root_lexer.terminals if t.name not in parser.ignore_tokens]
    return {
        "terminals": [(t.name, t.pattern.value, t.pattern.to_regexp()) for t in terminals],
        "ignored": f"(?:{ignored})*",
        "actions": actions,
        "gotos": gotos,
        "rules": [_rule(rule) for rule in rules],
        "starts": {name: (numbers[table.start_states[name]], numbers[table.end_states[name]]) for name in STARTS},
    }


def _rule(rule: Any) -> tuple[str, int, str | None, list[int], bool]:
    origin = str(rule.origin.name)
    inlined = [i for i, symbol in enumerate(rule.expansion) if not symbol.is_term and symbol.name.startswith("_")]
    builds = None if origin.startswith("_") else str(rule.alias or origin)
    return origin, len(rule.expansion), builds, inlined, bool(rule.options.expand1 and not rule.alias)
