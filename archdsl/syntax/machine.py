"""The machine that runs the parser's tables over a text: it reads lexemes, and calls the tree builder while it reduces.

It knows nothing of faults but where it stops (`Unexpected`); the parser mends those, and goes on with the same machine.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from archdsl.once import once
from archdsl.syntax.faults import CHARACTER, END, HOLE, Lexeme
from archdsl.syntax.tables import tables
from archdsl.syntax.tree import TreeBuilder

Build: TypeAlias = Callable[[TreeBuilder, list[Any]], Any]


class Token(str):
    """A piece of the text with its kind, and where it stands."""

    __slots__ = ("end_pos", "start_pos", "type")

    type: str
    start_pos: int
    end_pos: int

    @property
    def lexeme(self) -> Lexeme:
        return Lexeme(self.type, str(self), self.start_pos, self.end_pos)


def make_token(kind: str, text: str, start: int, end: int) -> Token:
    made = Token(text)
    made.type, made.start_pos, made.end_pos = kind, start, end
    return made


class Unexpected(Exception):
    """A lexeme that cannot stand where it does; its kind may be `faults.END` or `faults.CHARACTER`."""

    def __init__(self, found: Lexeme) -> None:
        super().__init__(found)
        self.found = found


@once
def _builds() -> list[Build | None]:
    """What the tree builder makes of each production; none for repetitions and for what is always one value."""
    made = [rule.builds is not None and not (rule.single and rule.size == 1) for rule in tables().rules]
    return [getattr(TreeBuilder, f"rule_{r.builds}") if m else None for r, m in zip(tables().rules, made, strict=True)]


_ITEM = 3
"""States below which no item is open: the first one, that behind all items so far, and that behind an item's word."""


class Machine:
    """One run over a text from an offset: the stacks of states and of values, and the offset that is read next."""

    __slots__ = ("_build", "_builds", "_last", "offset", "states", "tables", "text", "values")

    def __init__(self, text: str, offset: int, start: str, build: TreeBuilder) -> None:
        self.tables = tables()
        first, self._last = self.tables.starts[start]
        self.text, self.offset = text, offset
        self.states = [first]
        self.values: list[Any] = []
        self._build = build
        self._builds = _builds()

    @property
    def state(self) -> int:
        return self.states[-1]

    @property
    def begins_item(self) -> bool:
        """Whether the last lexeme begins an item of the file, and all before it is whole."""
        last = self.values[-1] if self.values else None
        if len(self.states) > _ITEM or not isinstance(last, Token):
            return False
        return self.state == self.tables.actions[self.states[0]].get(last.type)

    def next_token(self) -> Token | None:
        """The next lexeme of a kind that the state names; none at the end. Raises `Unexpected`.

        All kinds are tried in their order: the first that fits is also the first of those that the state names, if it
        is one of them.
        """
        tables, state = self.tables, self.states[-1]
        found: Any = tables.any_lexer.match(self.text, self.offset)
        kind = found.lastgroup
        if kind not in tables.actions[state]:
            # What the state does not name may hide what it does: `as` is a name elsewhere.
            found = tables.lexer(state).match(self.text, self.offset)
            kind = found.lastgroup
            if kind is None:
                if found.end() >= len(self.text):
                    return None
                raise Unexpected(self.lexeme_at(found.end()))
        start, self.offset = found.span(kind)
        return make_token(kind, found[kind], start, self.offset)

    def lexeme_at(self, offset: int) -> Lexeme:
        """What stands at an offset or behind the blanks and comments there, wherever it may stand; `END` at the end."""
        found: Any = self.tables.any_lexer.match(self.text, offset)
        if found.lastgroup is not None:
            return Lexeme(found.lastgroup, found[found.lastgroup], *found.span(found.lastgroup))
        start = found.end()
        if start >= len(self.text):
            return Lexeme(END, "", start, start)
        return Lexeme(CHARACTER, self.text[start : start + 1], start, start + 1)

    def feed(self, kind: str, value: Token) -> None:
        """Take a lexeme: reduce what it ends, and shift it. Raises `Unexpected`, with the stacks as reduced so far."""
        states, tables = self.states, self.tables
        actions, units = tables.actions, tables.units
        while True:
            action = actions[states[-1]].get(kind)
            if action is None:
                raise Unexpected(Lexeme(kind, str(value), value.start_pos, value.end_pos))
            if action >= 0:
                states.append(action)
                self.values.append(value)
                return
            if units[-1 - action] is None:
                self._reduce(-1 - action)
            else:
                below = states[-2]
                states[-1] = tables.chains.get((below, states[-1], kind)) or self._chain(below, states[-1], kind)

    def _chain(self, below: int, state: int, kind: str) -> int:
        """The state after all productions that pass one value on, from the loosest expression to the tightest."""
        tables = self.tables
        last = state
        while (action := tables.actions[last].get(kind, 0)) < 0 and (unit := tables.units[-1 - action]) is not None:
            last = tables.gotos[below][unit]
        tables.chains[below, state, kind] = last
        return last

    def finish(self) -> Any:
        """Take the end of the text; the value of all of it. Raises `Unexpected`."""
        while True:
            action = self.tables.actions[self.states[-1]].get(END)
            if action is None:
                end = len(self.text.rstrip())
                raise Unexpected(Lexeme(END, "", end, end))
            self._reduce(-1 - action)
            if self.states[-1] == self._last:
                return self.values[-1]

    def _reduce(self, number: int) -> None:
        states, values = self.states, self.values
        rule = self.tables.rules[number]
        size = rule.size
        pieces: list[Any] = []
        if size:
            pieces = values[-size:]
            del states[-size:], values[-size:]
            if rule.inlined:
                pieces = _inlined(pieces, rule.inlined)
        build = self._builds[number]
        value: Any = pieces
        if rule.single and len(pieces) == 1:
            value = pieces[0]
        elif build is not None:
            value = build(self._build, pieces)
        states.append(self.tables.gotos[states[-1]][rule.origin])
        values.append(value)

    def takes(self, kinds: tuple[str, ...], states: list[int] | None = None) -> bool:
        """Whether these kinds could be read now, one after the other; nothing is built."""
        stack = list(self.states if states is None else states)
        return all(self.shift(stack, kind) for kind in kinds)

    def shift(self, stack: list[int], kind: str) -> bool:
        """Read a kind on a stack of states; whether it could be read. Nothing is built."""
        actions, rules, gotos = self.tables.actions, self.tables.rules, self.tables.gotos
        while True:
            action = actions[stack[-1]].get(kind)
            if action is None:
                return False
            if action >= 0:
                stack.append(action)
                return True
            rule = rules[-1 - action]
            if rule.size:
                del stack[-rule.size :]
            stack.append(gotos[stack[-1]][rule.origin])
            if kind == END and stack[-1] == self._last:
                return True

    def accepted(self) -> frozenset[str]:
        """The kinds that a text can have here, its end among them."""
        kinds = self.tables.actions[self.states[-1]]
        return frozenset([kind for kind in kinds if kind != HOLE and self.takes((kind,))])


def _inlined(pieces: list[Any], positions: tuple[int, ...]) -> list[Any]:
    """The values with those of repetitions in their places. A repetition at the beginning is taken over and grows."""
    found: list[Any] = []
    for index, piece in enumerate(pieces):
        if index not in positions:
            found.append(piece)
        elif found:
            found += piece
        else:
            found = piece
    return found
