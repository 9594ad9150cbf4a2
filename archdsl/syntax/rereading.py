"""Reading a text that differs in one place from one that was read: only the declarations around that place are read.

The text is read from the declaration before the one that has changed. When the parser begins an item, with nothing
open, at a place behind the change where one began before, it would find there what it found: it stands in the same
state, and the rest of the text is the same. The declarations in front and behind are copied, with their places in the
new text.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from operator import attrgetter
from typing import Any, TypeVar

from archdsl import limits
from archdsl.source import Source, Span
from archdsl.syntax import ast
from archdsl.syntax.faults import ITEM_WORDS
from archdsl.syntax.parser import Read, as_read, read_from, refused
from archdsl.syntax.tree import TreeBuilder

_WORD = 1 + max(map(len, ITEM_WORDS))
"""Characters from which a word that begins an item is known as such."""

Item = TypeVar("Item")


def reread(source: Source, before: Read) -> Read | None:
    """As `parser.read`, by a text that was read without a fault; none where nothing is gained by that."""
    old = before.file.source.text
    if before.diagnostics or not before.file.complete or refused(source) is not None:
        return None
    start, end = _common(old, source.text)
    first = _first(before, start)
    by = len(source.text) - len(old)
    places = {item.span.start + by: at for at, item in enumerate(before.items) if item.span.start >= len(old) - end}
    build = TreeBuilder(source)
    position = before.items[first].span.start if first else 0
    complete, met = read_from(source, build, position, frozenset(places))
    tokens = before.tokens + build.count
    if met is None or tokens > limits.MAX_TOKENS:
        return None
    kept = before.items[places[met] :] if met in places else ()
    front = [Mover(source, 0).moved(item) for item in before.items[:first]]
    behind = [Mover(source, by).moved(item) for item in kept]
    return as_read(source, build, [*front, *build.items, *behind], complete, tokens)


def _common(one: str, other: str) -> tuple[int, int]:
    """How many characters two texts have in common at their beginnings, and how many of the rest at their ends."""
    most = min(len(one), len(other))
    start = _longest(most, lambda length: one[:length] == other[:length])
    return start, _longest(most - start, lambda length: one[len(one) - length :] == other[len(other) - length :])


def _longest(most: int, fits: Callable[[int], bool]) -> int:
    """The largest of the numbers up to `most` that fit, where all below one that does do."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low


def _first(before: Read, start: int) -> int:
    """The item from which a text is read that is the same up to `start`.

    The next one begins on another line, and its first word is the same: so a fault has the same lexemes before it, and
    the same lines, as if all was read.
    """
    items, text = before.items, before.file.source.text
    for at in range(len(items) - 2, -1, -1):
        here, following = items[at].span.start, items[at + 1].span.start
        if following + _WORD <= start and "\n" in text[here:following]:
            return at
    return 0


class Mover:
    """Copies trees into another text, so many characters further on."""

    def __init__(self, source: Source, by: int) -> None:
        self._source, self._by = source, by
        self._ways: dict[type, Callable[[Any], Any] | None] = {Span: self._span, tuple: self._tuple}

    def moved(self, value: Item) -> Item:
        """The copy of a node, or of what stands in one."""
        kind = type(value)
        try:
            way = self._ways[kind]
        except KeyError:
            way = self._ways[kind] = self._of(kind) if issubclass(kind, ast.Node) else None
        return value if way is None else way(value)

    def _span(self, span: Span) -> Span:
        return Span(self._source, span.start + self._by, span.end + self._by)

    def _tuple(self, values: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple([self.moved(value) for value in values])

    def _of(self, kind: type[ast.Node]) -> Callable[[Any], Any]:
        names, moved = [field.name for field in fields(kind)], self.moved
        values = attrgetter(*names) if len(names) > 1 else lambda node: (getattr(node, names[0]),)
        return lambda node: kind(*map(moved, values(node)))


__all__ = ["reread"]
