"""Parts of networks from one value to one, as they are compared with what blocks make: by what the hash stands on.

Two fragments compute the same from inputs of one shape if and only if their keys are equal, as networks do by their
hashes (`Network.hash`): operations with all settings, operands, results. Names of operations and their order are
without influence. Features and marks say how near two are that differ.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from archdsl.graph.blocks import Value
from archdsl.graph.digest import digest_of, joined
from archdsl.graph.network import Network
from archdsl.graph.operations.base import Operation
from archdsl.graph.shapes import Shape
from archdsl.graph.subgraph import Subgraph
from archdsl.lifting.units import LAYERS
from archdsl.records import dataclass

Wire: TypeAlias = "tuple[tuple[Value, ...], bool]"
"""The operands of an operation, and whether their order is without meaning."""


@dataclass(frozen=True, eq=False)
class Likeness:
    """What a fragment is compared by."""

    key: str
    channels: int
    """Of the output."""
    marks: Counter[str]
    """A digest for each operation with all that leads to it."""
    features: Counter[tuple[str, str]]
    """Each operation's name with each of its settings, and with an empty text once."""


@dataclass(frozen=True, eq=False)
class Fragment:
    """A part of a network: what flows in, what is made of it."""

    input: Shape
    output: Shape
    like: Likeness
    operations: Mapping[str, Operation]
    """The operations, by the texts that a hash is made of."""
    kept: frozenset[str]
    """Texts of those of one operand whose output has its shape, without layers."""
    counts: Counter[str]
    """How many operations there are of each name."""

    @property
    def identity(self) -> tuple[Shape, str]:
        """What fragments are the same by."""
        return self.input, self.like.key


class Graph:
    """A network's operations as texts and operands."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.texts: list[str] = []
        self.wires: list[Wire] = []
        for placement in network.placements:
            self.texts += placement.subgraph.written
            for operands, unordered in placement.subgraph.wiring:
                own = [
                    Value(v.node + placement.first, v.output) if v.node >= 0 else placement.inputs[-1 - v.node]
                    for v in operands
                ]
                self.wires.append((tuple(own), unordered))

    def fragment(self, indices: Sequence[int], source: Value, result: Value) -> Fragment | None:
        """The operations between two values; none where they need another value, or give no single one."""
        nodes = self.network.nodes
        order = sorted(indices)
        inside = set(order)
        if any(v != source and v.node not in inside for i in order for v in self.wires[i][0]):
            return None
        if result.node not in inside:
            return None
        like = _likeness(order, self.texts, self.wires, source, result, self.network.shape(result))
        operations = {self.texts[i]: nodes[i].operation for i in order}
        kept = [self.texts[i] for i in order if self._keeps(i)]
        counts = Counter([nodes[i].operation.name for i in order])
        return Fragment(
            self.network.shape(source), self.network.shape(result), like, operations, frozenset(kept), counts
        )

    def _keeps(self, index: int) -> bool:
        operands, _ = self.wires[index]
        if self.network.nodes[index].operation.name in LAYERS:
            return False
        return len(operands) == 1 and self.network.nodes[index].shapes == (self.network.shape(operands[0]),)


def likeness_of(subgraph: Subgraph) -> Likeness | None:
    """What a block made, as fragments are compared; none where it gives several values."""
    if len(subgraph.outputs) != 1:
        return None
    order = range(len(subgraph.written))
    return _likeness(order, subgraph.written, subgraph.wiring, Value(-1), subgraph.outputs[0], subgraph.shapes[0])


def _likeness(
    order: Iterable[int], texts: Sequence[str], wires: Sequence[Wire], source: Value, result: Value, shape: Shape
) -> Likeness:
    marks: dict[int, str] = {}

    def mark(value: Value) -> str:
        return "input" if value == source else f"{marks[value.node]}:{value.output}"

    features: Counter[tuple[str, str]] = Counter()
    for index in order:
        operands, unordered = wires[index]
        given = [mark(value) for value in operands]
        if unordered:
            given.sort()
        marks[index] = digest_of(texts[index] + joined(given))
        features.update(features_of(texts[index]))
    key = digest_of(joined([*sorted(marks.values()), "output", mark(result)]))
    return Likeness(key, int(shape[0]), Counter(marks.values()), features)


def features_of(text: str) -> list[tuple[str, str]]:
    """The name of an operation with each of its settings, of the text that a hash is made of."""
    parts = []
    at = 0
    while at < len(text):
        end = text.index(":", at)
        start = end + 1
        at = start + int(text[at:end])
        parts.append(text[start:at])
    return [(parts[0], ""), *[(parts[0], part) for part in parts[1:]]]


__all__ = ["Fragment", "Graph", "Likeness", "features_of", "likeness_of"]
