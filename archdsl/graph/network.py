"""The network: a graph of configured operations, in which every node is born with its shapes.

`Builder` is the only way in: it runs the shape rule of each operation as the node is made, so a
`Network` that exists is well formed. Nodes stand in topological order. The order of operands lives in
the node; the networkx graph is derived.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from fractions import Fraction
from itertools import islice
from typing import TYPE_CHECKING, Any

from archdsl.graph.blocks import INPUT, NO_NAMES, Application, Declared, Given, Recorder, Value
from archdsl.graph.faults import RuleError
from archdsl.graph.operations.base import Operation, Tensor
from archdsl.graph.shapes import EXTENT_MAX, Range, Shape, below, show, show_shape
from archdsl.graph.symbolic import Symbolic
from archdsl.limits import MAX_NODES
from archdsl.records import dataclass
from archdsl.source import Span

if TYPE_CHECKING:
    import networkx

VALUES_PER_NODE = 4
"""The limit on operands and outputs together, as a multiple of the limit on operations."""


@dataclass(frozen=True, slots=True)
class Node:
    """An operation applied to values. `shapes` are those of its outputs."""

    path: str
    operation: Operation
    inputs: tuple[Value, ...]
    shapes: tuple[Shape, ...]
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Feature:
    """A value that the network gives out under a name, with its stride to the input where it has one."""

    name: str
    value: Value
    stride: int | None = None


@dataclass(frozen=True, slots=True)
class Network:
    """A resolved network."""

    name: str
    input: Shape
    nodes: tuple[Node, ...]
    outputs: tuple[Value, ...]
    features: tuple[Feature, ...] = ()
    root: Application = field(default=Application(Declared(""), "", (INPUT,), (), ()), compare=False, repr=False)
    """The blocks that the operations were made by."""

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

        It covers operations with their settings, operands (without order where the operation has none),
        the input's shape, outputs, and the features' names and values. Paths, names, spans and the order of
        nodes are without influence.
        """
        root = _digest("input", *map(_canonical, self.input))
        marks: list[str] = []

        def mark(value: Value) -> str:
            return root if value.node < 0 else f"{marks[value.node]}:{value.output}"

        for node in self.nodes:
            operands = [mark(value) for value in node.inputs]
            if node.operation.commutative:
                operands.sort()
            settings = [f"{name}={_canonical(value)}" for name, value in node.operation.constants]
            marks.append(_digest(node.operation.name, *settings, *operands))
        features = sorted(f"{feature.name}={mark(feature.value)}" for feature in self.features)
        return _digest("network", root, *sorted(marks), "outputs", *map(mark, self.outputs), "features", *features)

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
    """Makes a network node by node."""

    def __init__(self, input_shape: Shape, max_nodes: int = MAX_NODES) -> None:
        self.input_shape = input_shape
        self.max_nodes = max_nodes
        self.nodes: list[Node] = []
        self._values = 0
        self.recorder = Recorder()

    def shape(self, value: Value) -> Shape:
        """The shape of a value."""
        return self.input_shape if value.node < 0 else self.nodes[value.node].shapes[value.output]

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
        arity = operation.arity
        if (not operands) if arity is None else (len(operands) != arity):
            wanted = "one or more inputs" if arity is None else f"{arity} input{'s' if arity != 1 else ''}"
            raise RuleError("E401", f"{operation.name} takes {wanted} and got {len(operands)}")
        shapes = operation.infer(*[self.shape(value) for value in operands])
        self._values += len(operands) + len(shapes)
        if index >= self.max_nodes or self._values > VALUES_PER_NODE * self.max_nodes:
            raise RuleError(
                "E391",
                f"the network has more than {self.max_nodes} operations or {VALUES_PER_NODE * self.max_nodes} values",
                help="look for a depth or a number of parts that is too large",
            )
        for shape in shapes:
            for dim in shape:
                if below(EXTENT_MAX, dim):
                    raise RuleError(
                        "E391", f"{operation.name} makes {show_shape(shape)}, beyond {EXTENT_MAX} an extent"
                    )
        self.nodes.append(Node(path, operation, operands, shapes, span))
        self.recorder.operation(path, index, operands, names, called)
        return tuple([Value(index, output) for output in range(len(shapes))])

    def again(self, first: int, path: str, inputs: Sequence[Value], new_path: str) -> tuple[Value, ...] | None:
        """Build the block that was built last once more, at another path, on inputs of the same shapes.

        `first` is its first operation, `path` its path, `inputs` what it was applied to. None where it uses values of
        other blocks, or the network would be too large: then it is to be built as any other.
        """
        last = len(self.nodes)
        applied = self.recorder.last(path)
        added = last - first
        if applied is None or applied.held or last + added > self.max_nodes:
            return None
        place = {old: old + added for old in range(first, last)}
        moved_inputs = dict(zip(applied.inputs, inputs, strict=True))

        def moved(value: Value) -> Value:
            return Value(place[value.node], value.output) if value.node in place else moved_inputs[value]

        nodes = []
        for node in self.nodes[first:last]:
            if any(value.node < first and value not in moved_inputs for value in node.inputs):
                return None
            operands = tuple([moved(value) for value in node.inputs])
            nodes.append(Node(new_path + node.path[len(path) :], node.operation, operands, node.shapes, node.span))
        values = sum([len(node.inputs) + len(node.shapes) for node in nodes])
        if self._values + values > VALUES_PER_NODE * self.max_nodes:
            return None
        self._values += values
        self.nodes += nodes
        return self.recorder.again(applied, new_path, moved, place)

    def finish(self, name: str, outputs: Iterable[Value], features: Iterable[Feature] = ()) -> Network:
        """The network with these outputs. Nodes that no output or feature needs are left out."""
        wanted_outputs, wanted_features = tuple(outputs), tuple(features)
        needed = bytearray(len(self.nodes))
        for value in (*wanted_outputs, *(feature.value for feature in wanted_features)):
            if value.node >= 0:
                needed[value.node] = 1
        for index in range(len(self.nodes) - 1, -1, -1):
            if needed[index]:
                for value in self.nodes[index].inputs:
                    if value.node >= 0:
                        needed[value.node] = 1
        if all(needed):
            root = self.recorder.finish(name, wanted_outputs, {i: i for i in range(-1, len(needed))})
            return Network(name, self.input_shape, tuple(self.nodes), wanted_outputs, wanted_features, root)
        place: dict[int, int] = {-1: -1}
        kept: list[Node] = []
        for index, node in enumerate(self.nodes):
            if needed[index]:
                place[index] = len(kept)
                moved = tuple([Value(place[value.node], value.output) for value in node.inputs])
                kept.append(Node(node.path, node.operation, moved, node.shapes, node.span))
        outputs_kept = tuple([Value(place[value.node], value.output) for value in wanted_outputs])
        features_kept = tuple(
            [Feature(f.name, Value(place[f.value.node], f.value.output), f.stride) for f in wanted_features]
        )
        root = self.recorder.finish(name, outputs_kept, place)
        return Network(name, self.input_shape, tuple(kept), outputs_kept, features_kept, root)


def strides(nodes: Sequence[Node], known: list[int | None] | None = None) -> list[int | None]:
    """The stride to the input of every node's output, the input's own first; none behind global pooling.

    A nominal stride: the product of the strides on the way, of two directions the larger, divided by upsampling,
    whatever the size. `known` is what an earlier call found of the first nodes; it grows by those of the others.
    """
    found = [] if known is None else known
    if not found:
        found.append(1)
    for node in islice(nodes, len(found) - 1, None):
        before = [s for value in node.inputs if (s := found[value.node + 1]) is not None]
        if not before:
            found.append(None)
            continue
        found.append(node.operation.stride_behind(max(before)))
    return found


def _digest(*parts: str) -> str:
    """A digest of any strings, halves of characters too, each with its length, so that no two lists run together."""
    import hashlib  # it loads a library of its own, which a count does not need

    text = "".join([f"{len(part)}:{part}" for part in parts])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _canonical(value: Any) -> str:
    """A setting's value as text, the same for all ways of writing it."""
    if isinstance(value, Symbolic):
        value = value.value
    if isinstance(value, tuple):
        return f"[{','.join([_canonical(part) for part in value])}]"
    if isinstance(value, Range):
        return f"{_canonical(value.lo)}..{_canonical(value.hi)}"
    if isinstance(value, (bool, str)) or value is None:
        return repr(value)
    if isinstance(value, (int, Fraction)):
        return f"{value:x}" if isinstance(value, int) else f"{value.numerator:x}/{value.denominator:x}"
    return show(value)


__all__ = ["INPUT", "Builder", "Feature", "Network", "Node", "Value", "strides"]
