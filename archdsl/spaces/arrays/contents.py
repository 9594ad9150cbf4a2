"""What blocks compute, told apart for many widths at once: so networks are counted that differ.

The hash of a network is one of its operations, settings and operands. A block falls into components between the values
that all of its ways lead through; a network is the row of the components of its blocks, and two networks compute the
same if their rows are the same. Here a component is a text, with the places of the numbers that differ by lane.

Stages are told apart by their first blocks: where these begin with a component that no other block has, and say which
blocks follow, a network is known by its first blocks and depths.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from archdsl.graph.digest import canonical
from archdsl.graph.initializers import Initializer
from archdsl.graph.shapes import Range
from archdsl.graph.subgraph import Node, Subgraph
from archdsl.graph.symbolic import Symbolic
from archdsl.graph.tape import Term
from archdsl.records import dataclass
from archdsl.spaces.arrays.lanes import Array


class Untold(Exception):
    """Networks are not told apart as far as is known; the message says why."""


@dataclass(frozen=True)
class Content:
    """What a block computes: components in their order, with terms in the place of what differs by lane."""

    components: tuple[str, ...]
    terms: tuple[Term, ...]
    """In the order in which they stand in the components."""
    shape: str
    """The components with no numbers in them, and which of these are terms: by `_Text`."""


def content_of(subgraph: Subgraph) -> Content:
    """What a block computes that was traced with terms for widths. Raises `Untold`."""
    nodes = subgraph.nodes
    if len(subgraph.input_shapes) != 1 or len(subgraph.outputs) != 1 or subgraph.outputs[0].output:
        raise Untold("a block has several inputs or outputs")
    if any(node.operation.learned or len(node.shapes) != 1 for node in nodes):
        raise Untold("a block has operations with several outputs, or without operands")
    if subgraph.outputs[0].node < 0:
        return Content((), (), "")
    last = {-1: -1}
    for index, node in enumerate(nodes):
        for value in node.inputs:
            last[value.node] = index
    last[subgraph.outputs[0].node] = len(nodes)
    text, components, begin = _Text(), list[str](), -1
    for index in range(len(nodes)):
        if all(value == index or last.get(value, -1) <= index for value in range(-1, index + 1)):
            components.append(text.component(nodes, begin, index))
            begin = index
    if begin != subgraph.outputs[0].node:
        raise Untold("a block has operations behind its output")
    return Content(tuple(components), tuple(text.terms), "|".join(text.blank))


class _Text:
    """Writes components as texts."""

    def __init__(self) -> None:
        self.terms: list[Term] = []
        self.blank: list[str] = []

    def component(self, nodes: Sequence[Node], begin: int, end: int) -> str:
        """The operations behind a value up to another."""
        marks: dict[int, str] = {begin: "x"}
        for index in range(begin + 1, end + 1):
            marks[index] = _mark(nodes[index], [marks[value.node] for value in nodes[index].inputs])
        numbers: dict[int, int] = {begin: 0}
        return self._written(nodes, end, marks, numbers)

    def _written(self, nodes: Sequence[Node], index: int, marks: dict[int, str], numbers: dict[int, int]) -> str:
        """An operation with what leads to it; what was written before by its number."""
        if index in numbers:
            return f"{numbers[index]}"
        node = nodes[index]
        operands = [value.node for value in node.inputs]
        if node.operation.commutative:
            different = {marks[operand] for operand in operands}
            if len(different) < len(set(operands)):
                raise Untold("a block adds what differs in widths alone")
            operands.sort(key=marks.__getitem__)
        inner = [self._written(nodes, operand, marks, numbers) for operand in operands]
        numbers[index] = len(numbers)
        settings = [self._setting(value) for value in _settings(node)]
        return f"{node.operation.name}({','.join(settings)};{','.join(inner)})"

    def _setting(self, value: Any) -> str:
        if isinstance(value, Symbolic) and isinstance(value.expression, Term):
            if not isinstance(value.plain, int):
                raise Untold("a setting that differs by widths is no whole number")
            self.terms.append(value.expression)
            self.blank.append("#")
            return "#"
        if isinstance(value, Symbolic):
            return self._setting(value.expression)
        if isinstance(value, tuple):
            return f"[{','.join([self._setting(part) for part in value])}]"
        if isinstance(value, Range):
            return f"{self._setting(value.lo)}..{self._setting(value.hi)}"
        if isinstance(value, int) and not isinstance(value, bool):
            self.blank.append("0")
            return f"{value}"
        return canonical(value)


def _settings(node: Node) -> list[Any]:
    """The settings that the hash takes, see `Network.hash`."""
    later = node.operation.later
    return [value for name, value in node.operation.constants if name not in later or not _same(value, later[name])]


def _same(value: Any, other: Any) -> bool:
    return not isinstance(value, Symbolic) and bool(value == other)


def _mark(node: Node, operands: list[str]) -> str:
    """An operation without its numbers, for the order of operands that have none."""
    if node.operation.commutative:
        operands = sorted(operands)
    plain = [_plain(value) for value in _settings(node)]
    return f"{node.operation.name}({','.join(plain)};{','.join(operands)})"


def _plain(value: Any) -> str:
    if isinstance(value, Symbolic | int | Fraction) and not isinstance(value, bool):
        return "#"
    if isinstance(value, tuple):
        return f"[{','.join(map(_plain, value))}]"
    if isinstance(value, Range):
        return f"{_plain(value.lo)}..{_plain(value.hi)}"
    return f"{value.kind}" if isinstance(value, Initializer) else canonical(value)


class Told:
    """The contents of one block in all lanes."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.parts: list[tuple[Content, Array, list[Array]]] = []

    def enter(self, content: Content, rows: Array, values: list[Array]) -> None:
        """What it computes in some lanes, with the numbers of its terms."""
        self.parts.append((content, rows, values))


def numbered(blocks: Sequence[Told]) -> list[Array]:
    """For some blocks a number of what each computes in each lane: the same where they compute the same."""
    texts: dict[tuple[str, ...], list[tuple[int, Array, list[Array]]]] = {}
    shapes: dict[str, str] = {}
    for at, block in enumerate(blocks):
        for content, rows, values in block.parts:
            # Numbers that are terms in one form of a block, and none in another, would not be seen to be the same.
            form = content.shape.replace("#", "0") + "|".join(map(_without_numbers, content.components))
            if shapes.setdefault(form, content.shape) != content.shape:
                raise Untold("a block is traced in forms that cannot be compared")
            texts.setdefault(content.components, []).append((at, rows, values))
    found = [np.full(block.size, -1, np.int64) for block in blocks]
    base = 0
    for alike in texts.values():
        count = len(alike[0][2])
        columns = [np.concatenate([each[2][number] for each in alike]) for number in range(count)]
        key = np.zeros(sum(len(each[1]) for each in alike), np.int64)
        for column in columns:
            different, at_ = np.unique(column, return_inverse=True)
            key = np.unique(key * len(different) + at_, return_inverse=True)[1]
        begin = 0
        for at, own, _ in alike:
            found[at][own] = base + key[begin : begin + len(own)]
            begin += len(own)
        base += int(key.max(initial=-1)) + 1
    return found


def _without_numbers(text: str) -> str:
    return "".join(["0" if c == "#" else c for c in text if not c.isdigit()])


def verify_told(firsts: Sequence[Told], others: Sequence[Told]) -> None:
    """Stages are told apart by their first blocks: these begin with a component that nothing else has. Raises
    `Untold`."""
    leading = set[str]()
    beside = set[str]()
    for block in firsts:
        for content, _, _ in block.parts:
            if not content.components:
                raise Untold("a block computes nothing")
            leading.add(content.components[0])
            beside.update(content.components[1:])
    for block in others:
        for content, _, _ in block.parts:
            beside.update(content.components)
    if leading & beside:
        raise Untold("the blocks with which stages begin are like others")


__all__ = ["Content", "Told", "Untold", "content_of", "numbered", "verify_told"]
