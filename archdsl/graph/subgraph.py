"""Subgraphs: what one block adds to a network, wherever it stands there.

A subgraph is built once, on inputs of some shapes, and placed as often as a network has such a block. Its operations
name each other by their positions within it, and its inputs by `Value(-1)`, `Value(-2)`, …; its paths begin with the
path at which it was built. A placement says what these are in a network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from typing import Any, NamedTuple, TypeAlias

from archdsl.graph.blocks import Step, Value, copied, moved
from archdsl.graph.conventions import Amounts, Convention
from archdsl.graph.digest import written
from archdsl.graph.operations.base import Operation
from archdsl.graph.shapes import Shape
from archdsl.records import dataclass
from archdsl.source import Span

Formulas: TypeAlias = Callable[[Convention], "Amounts | None"]
"""What a subgraph adds to the totals of a convention; none where it has to be counted."""
Texts: TypeAlias = Callable[[], "tuple[str, ...] | None"]
"""Operations as texts that a hash is made of; none where they have to be asked themselves."""


@dataclass(frozen=True, slots=True)
class Node:
    """An operation applied to values. `shapes` are those of its outputs."""

    path: str
    operation: Operation
    inputs: tuple[Value, ...]
    shapes: tuple[Shape, ...]
    span: Span | None = field(default=None, compare=False, repr=False)


class Subgraph:
    """The operations of a block, all of which lead to an output of it."""

    __slots__ = (
        *("_build", "_labels", "_like", "_nodes", "_steps", "_texts", "_wiring", "_written", "amounts", "formulas"),
        *("input_shapes", "outputs", "path", "shapes", "size", "values", "whole"),
    )

    def __init__(
        self,
        path: str,
        input_shapes: tuple[Shape, ...],
        nodes: Iterable[Node],
        steps: Sequence[Step],
        outputs: Sequence[Value],
        labels: Sequence[str] | None = None,
    ) -> None:
        self.path = path
        self.input_shapes = input_shapes
        self._build: Callable[[], Subgraph] | None = None
        self._like: Subgraph | None = None
        self._texts: Texts | None = None
        self._written: tuple[str, ...] | None = None
        self._wiring: tuple[tuple[tuple[Value, ...], bool], ...] | None = None
        self._labels = tuple([step.label for step in steps] if labels is None else labels)
        self._nodes, self._steps, place = _needed(tuple(nodes), tuple(steps), tuple(outputs), len(input_shapes))
        self.outputs = tuple([Value(place[value.node], value.output) for value in outputs])
        self.shapes = tuple([self.shape(value) for value in self.outputs])
        """The shapes of the outputs."""
        self.size = len(self._nodes)
        """The number of operations."""
        self.values = sum([len(node.inputs) + len(node.shapes) for node in self._nodes])
        """Operands and outputs of all operations."""
        used = {value.node for node in self._nodes for value in node.inputs} | {value.node for value in self.outputs}
        self.whole = used.issuperset(range(-len(input_shapes), 0))
        """Whether every input leads to an output."""
        self.amounts: dict[str, Amounts] = {}
        """What `cost` counted of it, by convention."""
        self.formulas: Formulas | None = None
        """What it counts by formulas, which may have none for its numbers."""

    @classmethod
    def like(
        cls,
        other: Subgraph,
        path: str,
        input_shapes: tuple[Shape, ...],
        shapes: tuple[Shape, ...],
        formulas: Formulas,
        texts: Texts,
        build: Callable[[], Subgraph],
    ) -> Subgraph:
        """A subgraph of the structure of another, on other shapes. `build` makes its operations when they are asked
        for."""
        found = cls.__new__(cls)
        found._like, found._texts, found._written, found._wiring = other, texts, None, None
        found.path, found.input_shapes, found.shapes, found.outputs = path, input_shapes, shapes, other.outputs
        found.size, found.values, found.whole = other.size, other.values, other.whole
        found.amounts, found.formulas = {}, formulas
        found._nodes, found._steps, found._labels, found._build = (), (), (), build
        return found

    def __reduce__(self) -> tuple[Any, ...]:
        return Subgraph, (self.path, self.input_shapes, self.nodes, self.steps, self.outputs, self.labels)

    def _made(self) -> None:
        """Make the operations of one that is like another."""
        if self._build is not None:
            made = self._build()
            if (made.outputs, made.shapes, made.size) != (self.outputs, self.shapes, self.size):
                raise RuntimeError(f"{self.path} is not as its program says: {made.shapes} and {self.shapes}")
            self._nodes, self._steps, self._labels = made.nodes, made.steps, made.labels
            self._build = None

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The operations, in topological order."""
        self._made()
        return self._nodes

    @property
    def steps(self) -> tuple[Step, ...]:
        """The tree of blocks, without those that do nothing."""
        self._made()
        return self._steps

    @property
    def labels(self) -> tuple[str, ...]:
        """The paths of all that was applied at its path, those that do nothing among it."""
        self._made()
        return self._labels

    @property
    def leading(self) -> Iterable[int]:
        """The positions of the inputs that lead to an output."""
        if self.whole:
            return range(len(self.input_shapes))
        made = self._like.nodes if self._like is not None else self._nodes
        used = {value.node for node in made for value in node.inputs} | {value.node for value in self.outputs}
        return sorted([-1 - node for node in used if node < 0])

    def narrowed(self, wanted: Sequence[Value]) -> tuple[Subgraph, tuple[int, ...]]:
        """What leads to some of its outputs, on the same inputs, and the positions of the outputs that this has: of an
        operation that is needed all."""
        _, _, place = _needed(self.nodes, (), wanted, len(self.input_shapes))
        left = tuple([at for at, value in enumerate(self.outputs) if value.node in place])
        outputs = tuple([self.outputs[at] for at in left])
        return Subgraph(self.path, self.input_shapes, self.nodes, self.steps, outputs, self.labels), left

    @property
    def written(self) -> tuple[str, ...]:
        """The operations, each as a text that the network's hash is made of."""
        if self._written is None:
            found = self._texts() if self._texts is not None and self._build is not None else None
            if found is None:
                known: dict[int, str] = {}  # blocks that are alike share operations
                for node in self.nodes:
                    if id(node.operation) not in known:
                        known[id(node.operation)] = written(node.operation)
                found = tuple([known[id(node.operation)] for node in self.nodes])
            self._written = found
        return self._written

    @property
    def wiring(self) -> tuple[tuple[tuple[Value, ...], bool], ...]:
        """Of each operation the operands, none of one that is learned, and whether their order is without meaning."""
        if self._wiring is None:
            made = self._like.nodes if self._like is not None else self._nodes
            kinds = [(node.operation, node.inputs) for node in made]
            self._wiring = tuple([(() if of.learned else inputs, of.commutative) for of, inputs in kinds])
        return self._wiring

    def shape(self, value: Value) -> Shape:
        """The shape of a value."""
        return self.input_shapes[-1 - value.node] if value.node < 0 else self.nodes[value.node].shapes[value.output]


class Placement(NamedTuple):
    """A subgraph in a network: at a path, its first operation the network's `first`, on these values."""

    subgraph: Subgraph
    path: str
    first: int
    inputs: tuple[Value, ...]

    def at(self, value: Value) -> Value:
        """A value of the subgraph as one of the network."""
        node, output = value
        return Value(node + self.first, output) if node >= 0 else self.inputs[-1 - node]

    @property
    def outputs(self) -> tuple[Value, ...]:
        return tuple([self.at(value) for value in self.subgraph.outputs])

    def nodes(self) -> list[Node]:
        """The operations as those of the network."""
        own, path, at = len(self.subgraph.path), self.path, self.at
        return [
            Node(path + n.path[own:], n.operation, tuple([at(v) for v in n.inputs]), n.shapes, n.span)
            for n in self.subgraph.nodes
        ]

    def labels(self) -> list[str]:
        """The labels as those of the network."""
        return [self.path + label[len(self.subgraph.path) :] for label in self.subgraph.labels]

    def steps(self) -> list[Step]:
        """The tree of blocks as that of the network."""
        own, found = len(self.subgraph.path), []
        for step in self.subgraph.steps:
            label = self.path + step.label[own:]
            applied = step.applied
            if isinstance(applied, int):
                found.append(Step(label, applied + self.first, step.names, step.called))
            else:
                path = self.path + applied.path[own:]
                found.append(Step(label, copied(applied, path, self.at, self.first), step.names, step.called))
        return found


def _needed(
    nodes: tuple[Node, ...], steps: tuple[Step, ...], wanted: Iterable[Value], inputs: int
) -> tuple[tuple[Node, ...], tuple[Step, ...], Mapping[int, int]]:
    """The operations and blocks that lead to some values, and where each went."""
    needed = bytearray(len(nodes) + inputs)  # the inputs stand at its end, where negative indices lead
    for value in wanted:
        needed[value.node] = 1
    for index in range(len(nodes) - 1, -1, -1):
        if needed[index]:
            for value in nodes[index].inputs:
                needed[value.node] = 1
    place = {index: index for index in range(-inputs, 0)}
    if all(needed[: len(nodes)]):
        place |= {index: index for index in range(len(nodes))}
        return nodes, moved(steps, place), place  # without blocks that do nothing
    kept: list[Node] = []
    for index, node in enumerate(nodes):
        if needed[index]:
            place[index] = len(kept)
            operands = tuple([Value(place[value.node], value.output) for value in node.inputs])
            kept.append(Node(node.path, node.operation, operands, node.shapes, node.span))
    return tuple(kept), moved(steps, place), place


__all__ = ["Node", "Placement", "Subgraph"]
