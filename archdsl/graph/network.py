"""The network: a graph of configured operations, in which every node is born with its shapes.

`Builder` is the only way in: it runs the shape rule of each operation as the node is made, so a
`Network` that exists is well formed. Nodes stand in topological order. The order of operands lives in
the node; the networkx graph is derived.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from itertools import islice
from typing import TYPE_CHECKING

from archdsl.graph.blocks import INPUT, NO_NAMES, Application, Given, Recorder, Step, Value, root_of
from archdsl.graph.digest import canonical, digest_of, joined
from archdsl.graph.faults import RuleError
from archdsl.graph.narrowing import narrowed
from archdsl.graph.operations.base import Operation, Tensor
from archdsl.graph.shapes import EXTENT_MAX, Shape, below, show_shape
from archdsl.graph.subgraph import Node, Placement, Subgraph
from archdsl.limits import MAX_NODES
from archdsl.once import cached_property
from archdsl.records import dataclass
from archdsl.source import Span

if TYPE_CHECKING:
    import networkx

VALUES_PER_NODE = 4
"""The limit on operands and outputs together, as a multiple of the limit on operations."""


@dataclass(frozen=True, slots=True)
class Feature:
    """A value that the network gives out under a name, with its stride to the input where it has one."""

    name: str
    value: Value
    stride: int | None = None


@dataclass(frozen=True)
class Network:
    """A resolved network: subgraphs, one behind the other. Equal ones have equal operations."""

    name: str
    input: Shape
    placements: tuple[Placement, ...] = field(compare=False, repr=False)
    outputs: tuple[Value, ...]
    features: tuple[Feature, ...] = ()
    output_names: tuple[str, ...] = ()
    """A name for each output; none where they have none."""

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """All operations, in topological order."""
        return tuple([node for placement in self.placements for node in placement.nodes()])

    @cached_property
    def root(self) -> Application:
        """The blocks that the operations were made by."""
        labels = tuple([label for placement in self.placements for label in placement.labels()])
        steps = tuple([step for placement in self.placements for step in placement.steps()])
        return root_of(self.name, labels, steps, self.outputs)

    @property
    def ends(self) -> Iterator[tuple[str, tuple[Value, ...]]]:
        """What each outermost block gives, by its module path, in order: what nothing needs is left out."""
        if all(placement.path for placement in self.placements):
            yield from [(placement.path, placement.outputs) for placement in self.placements if placement.outputs]
            return
        for step in self.root.steps:
            applied = step.applied
            if isinstance(applied, int):
                yield step.label, tuple([Value(applied, at) for at in range(len(self.nodes[applied].shapes))])
            else:
                yield step.label, tuple([value for value in applied.outputs if value is not None])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Network):
            return NotImplemented
        return (self.name, self.input, self.outputs, self.output_names, self.features, self.nodes) == (
            *(other.name, other.input, other.outputs, other.output_names, other.features, other.nodes),
        )

    __hash__ = None  # type: ignore[assignment]

    def shape(self, value: Value) -> Shape:
        """The shape of a value."""
        return self.input if value.node < 0 else self.nodes[value.node].shapes[value.output]

    def input_shapes(self, node: Node) -> tuple[Shape, ...]:
        """The shapes of a node's inputs, in their order."""
        return tuple([self.shape(value) for value in node.inputs])

    def tensors(self, node: Node) -> tuple[Tensor, ...]:
        """The parameters and buffers of a node, in PyTorch's order."""
        return node.operation.tensors(self.input_shapes(node), node.shapes)

    @property
    def hash(self) -> str:
        """A digest of what the network computes, in hexadecimal (sha256).

        It covers operations with their settings, operands (without order where the operation has none), the input's
        shape, outputs with their names, and the features' names and values. Paths, names, spans and the order of nodes
        are without influence.
        """
        root = digest_of(joined(["input", *map(canonical, self.input)]))
        marks: list[str] = []

        def mark(value: Value) -> str:
            return root if value.node < 0 else f"{marks[value.node]}:{value.output}"

        for placement in self.placements:
            given = [mark(value) for value in placement.inputs]
            first = placement.first
            for text, (inputs, unordered) in zip(placement.subgraph.written, placement.subgraph.wiring, strict=True):
                operands = [
                    f"{marks[first + node]}:{output}" if node >= 0 else given[-1 - node] for node, output in inputs
                ]
                if unordered:
                    operands.sort()
                marks.append(digest_of(text + joined(operands)))
        features = sorted(f"{feature.name}={mark(feature.value)}" for feature in self.features)
        names = ["names", *self.output_names] if self.output_names else []
        outputs = map(mark, self.outputs)
        return digest_of(joined(["network", root, *sorted(marks), "outputs", *outputs, *names, "features", *features]))

    def graph(self) -> networkx.MultiDiGraph[int]:
        """The graph for networkx: node -1 is the input; an edge has `output` and `operand`, both positions."""
        import networkx

        graph: networkx.MultiDiGraph[int] = networkx.MultiDiGraph(name=self.name)
        graph.add_node(-1, path="input", operation="input", shapes=(self.input,))
        for index, node in enumerate(self.nodes):
            graph.add_node(index, path=node.path, operation=node.operation.name, shapes=node.shapes)
            for operand, value in enumerate(node.inputs):
                graph.add_edge(value.node, index, output=value.output, operand=operand)
        return graph


class Builder:
    """Makes a network, or a subgraph, operation by operation."""

    def __init__(self, *inputs: Shape, max_nodes: int = MAX_NODES) -> None:
        self.inputs = inputs
        """The shapes of `INPUT` and of `Value(-2)`, `Value(-3)`, …"""
        self.max_nodes = max_nodes
        self.nodes: list[Node] = []
        self._values = 0
        self.recorder = Recorder()

    def shape(self, value: Value) -> Shape:
        """The shape of a value."""
        return self.inputs[-1 - value.node] if value.node < 0 else self.nodes[value.node].shapes[value.output]

    def apply(
        self,
        operation: Operation,
        inputs: Iterable[Value],
        path: str,
        span: Span | None = None,
        *,
        names: Mapping[str, Given] = NO_NAMES,
        called: str = "",
    ) -> tuple[Value, ...]:
        """Apply an operation; the values of its outputs. Raises E391, E304 and E401 to E404.

        `names` and `called` are those of `blocks.Step`.
        """
        index = len(self.nodes)
        operands = tuple(inputs)
        if not operation.takes(len(operands)):
            arity = operation.arity
            wanted = "one or more inputs" if arity is None else f"{arity} input{'s' if arity != 1 else ''}"
            raise RuleError("E401", f"{operation.name} takes {wanted} and got {len(operands)}")
        shapes = operation.infer(*[self.shape(value) for value in operands])
        self._values += len(operands) + len(shapes)
        _check_size(index + 1, self._values, self.max_nodes)
        for shape in shapes:
            for dim in shape:
                if below(EXTENT_MAX, dim):
                    raise RuleError(
                        "E391", f"{operation.name} makes {show_shape(shape)}, beyond {EXTENT_MAX} an extent"
                    )
        self.nodes.append(Node(path, operation, operands, shapes, span))
        self.recorder.operation(path, index, operands, names, called)
        return tuple([Value(index, output) for output in range(len(shapes))])

    def subgraph(self, path: str, outputs: Iterable[Value]) -> Subgraph:
        """What was built, as a block below a path; operations that no output needs are left out."""
        return Subgraph(path, self.inputs, self.nodes, self.recorder.steps, tuple(outputs))

    def finish(
        self, name: str, outputs: Iterable[Value], features: Iterable[Feature] = (), names: tuple[str, ...] = ()
    ) -> Network:
        """The network with these outputs, by these names. Operations that no output or feature needs are left out."""
        return _network(name, self.inputs, self.nodes, self.recorder.steps, tuple(outputs), tuple(features), names)


class Composer:
    """Makes a network of subgraphs."""

    def __init__(self, input_shape: Shape, max_nodes: int = MAX_NODES) -> None:
        self.input_shape = input_shape
        self.max_nodes = max_nodes
        self._placements: list[Placement] = []
        self._size = self._values = 0
        self._used: set[Value] = set()
        self._nodes: list[Node] = []
        self._made = 0

    @property
    def nodes(self) -> Sequence[Node]:
        """All operations so far, in topological order."""
        for placement in self._placements[self._made :]:
            self._nodes += placement.nodes()
        self._made = len(self._placements)
        return self._nodes

    def shape(self, value: Value) -> Shape:
        """The shape of a value."""
        return self.input_shape if value.node < 0 else self.nodes[value.node].shapes[value.output]

    def place(self, subgraph: Subgraph, path: str, inputs: Sequence[Value]) -> tuple[Value, ...]:
        """Put a subgraph at a path, on values of the shapes that it was built on; its outputs. Raises E391."""
        placement = Placement(subgraph, path, self._size, tuple(inputs))
        self._size += subgraph.size
        self._values += subgraph.values
        _check_size(self._size, self._values, self.max_nodes)
        self._placements.append(placement)
        self._used.update(placement.inputs)
        return placement.outputs

    def finish(
        self, name: str, outputs: Iterable[Value], features: Iterable[Feature] = (), names: tuple[str, ...] = ()
    ) -> Network:
        """The network with these outputs, by these names. Operations that no output or feature needs are left out."""
        wanted, given = tuple(outputs), tuple(features)
        used = self._used.union(wanted, [feature.value for feature in given])
        if all(p.subgraph.whole and used.issuperset(p.outputs) for p in self._placements):
            return Network(name, self.input_shape, tuple(self._placements), wanted, given, names)
        kept = narrowed(self._placements, {*wanted, *[feature.value for feature in given]})
        if kept is not None:
            found = tuple([Feature(f.name, kept.at(f.value), f.stride) for f in given])
            return Network(name, self.input_shape, kept.placements, tuple(map(kept.at, wanted)), found, names)
        steps = [step for placement in self._placements for step in placement.steps()]
        labels = [label for placement in self._placements for label in placement.labels()]
        return _network(name, (self.input_shape,), self.nodes, steps, wanted, given, names, labels)


def _network(
    name: str,
    inputs: tuple[Shape, ...],
    nodes: Sequence[Node],
    steps: Sequence[Step],
    outputs: tuple[Value, ...],
    features: tuple[Feature, ...],
    names: tuple[str, ...] = (),
    labels: Sequence[str] | None = None,
) -> Network:
    """A network that is one subgraph."""
    subgraph = Subgraph("", inputs, nodes, steps, (*outputs, *[feature.value for feature in features]), labels)
    kept, named = subgraph.outputs[: len(outputs)], subgraph.outputs[len(outputs) :]
    placed = (Placement(subgraph, "", 0, (INPUT,)),)
    found = tuple([Feature(f.name, value, f.stride) for f, value in zip(features, named, strict=True)])
    return Network(name, inputs[0], placed, kept, found, names)


def _check_size(nodes: int, values: int, max_nodes: int) -> None:
    if nodes > max_nodes or values > VALUES_PER_NODE * max_nodes:
        raise RuleError(
            "E391",
            f"the network has more than {max_nodes} operations or {VALUES_PER_NODE * max_nodes} values",
            help="look for a depth or a number of parts that is too large",
        )


def strides(nodes: Sequence[Node], known: list[int | None] | None = None) -> list[int | None]:
    """The stride to the input of every node's output, the input's own first; none behind global pooling.

    A nominal stride: the product of the strides on the way, of two directions the larger, divided by upsampling,
    whatever the size. `known` is what an earlier call found of the first nodes; it grows by those of the others.
    """
    found = [] if known is None else known
    if not found:
        found.append(1)
    for node in islice(nodes, len(found) - 1, None):
        deciding = node.inputs[-1:] if node.operation.takes_size else node.inputs
        before = [s for value in deciding if (s := found[value.node + 1]) is not None]
        if not before:
            found.append(None)
            continue
        found.append(node.operation.stride_behind(max(before)))
    return found


__all__ = ["INPUT", "Builder", "Composer", "Feature", "Network", "Node", "Value", "strides"]
