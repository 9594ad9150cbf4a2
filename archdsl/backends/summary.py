"""What the pictures show of a network: its blocks with their costs, equal ones in a row, and all that in words.

The words are ours but for names, which may be a stranger's: a picture shows a text as `plain` gives it.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import groupby
from typing import Any

from archdsl.graph.blocks import Application
from archdsl.graph.cost import Cost, group_of
from archdsl.graph.network import INPUT, Network, Node, Value
from archdsl.graph.operations import Operation
from archdsl.graph.operations.kinds import Choice, Flag, Padding, Pair
from archdsl.graph.shapes import Shape, show
from archdsl.records import dataclass

TIMES = " \N{MULTIPLICATION SIGN} "
MAX_TEXT = 200
"""Characters of one text that are shown."""
KEPT = (Pair, Padding, Flag, Choice)
"""The kinds of setting in which equal blocks agree."""
MAX_VARYING = 3
"""Settings that vary in a run of blocks, of which more are not listed."""


# A network's blocks


@dataclass(slots=True)
class Part:
    """A block of a network with its cost: a stem, a head, a block of a stage, or what stands before it."""

    path: str
    stage: str
    """The path of its stage; its own where it stands in none."""
    block: str
    """What it is made by, in the language's words; nothing where that is not known."""
    nodes: list[int]
    inputs: list[Value]
    """The values of other parts that it takes, each once, in the order of their first use."""
    outputs: list[Value]
    """Its values that others take, or that the network gives out."""
    flops: int = 0
    params: int = 0
    acts: int = 0

    @property
    def in_stage(self) -> bool:
        """Whether it is a block of a stage."""
        return self.stage != self.path


def parts_of(network: Network, cost: Cost) -> list[Part]:
    """The blocks in the order of their first operation. Their costs add up to the network's."""
    names = _block_names(network)
    parts: dict[str, Part] = {}
    homes: list[Part] = []
    for index, (node, row) in enumerate(zip(network.nodes, cost.rows, strict=True)):
        path = group_of(node.path, "block")
        part = parts.get(path)
        if part is None:
            part = parts[path] = Part(path, group_of(path, "stage"), names.get(path, ""), [], [], [])
        part.nodes.append(index)
        part.flops += int(row.flops)
        part.params += int(row.params)
        part.acts += int(row.acts)
        homes.append(part)
    given = {*network.outputs, *(feature.value for feature in network.features)}
    for part in parts.values():
        taken = [value for index in part.nodes for value in network.nodes[index].inputs]
        part.inputs = list(dict.fromkeys([v for v in taken if v.node < 0 or homes[v.node] is not part]))
        given.update(part.inputs)
    for value in sorted(given - {INPUT}):
        homes[value.node].outputs.append(value)
    return list(parts.values())


def output_title(network: Network, number: int) -> str:
    """What an output is called: `output`, with its name where it has one."""
    return f"output {network.output_names[number]}" if network.output_names else "output"


def _block_names(network: Network) -> dict[str, str]:
    """What the blocks are called in the text: `simple_stem`, or `conv -> relu` for a short sequence of operations."""
    found: dict[str, list[str]] = {}
    for step in network.root.steps:
        inner = step.applied
        name = inner.declared.name if isinstance(inner, Application) else network.nodes[inner].operation.name
        found.setdefault(group_of(step.label, "block"), []).append(name)
    return {path: " -> ".join(names) for path, names in found.items() if len(names) <= 3}


# Equal blocks in a row


@dataclass(frozen=True, slots=True)
class Run:
    """Equal blocks in a row."""

    parts: Sequence[Part]

    @property
    def first(self) -> Part:
        """The first of the equal blocks."""
        return self.parts[0]


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage, or what stands in none: a stem, a head."""

    path: str
    runs: Sequence[Run]

    @property
    def parts(self) -> list[Part]:
        """Its blocks in order."""
        return [part for run in self.runs for part in run.parts]

    def sum(self, measure: str) -> int:
        """A count of all its blocks: flops, params or acts."""
        return sum([getattr(part, measure) for part in self.parts])


def stages_of(network: Network, parts: Sequence[Part]) -> list[Stage]:
    """The stages in the order of their first operation, equal blocks in a row folded."""
    found: dict[str, list[Part]] = {}
    for part in parts:
        found.setdefault(part.stage, []).append(part)
    return [
        Stage(path, [Run(list(equal)) for _, equal in groupby(members, lambda part: _form(network, part))])
        for path, members in found.items()
    ]


def _form(network: Network, part: Part) -> object:
    """What equal blocks agree on: operations, operands and settings, but for widths and rates."""
    places = {index: place for place, index in enumerate(part.nodes)}
    outside = {value: place for place, value in enumerate(part.inputs)}

    def operand(value: Value) -> tuple[int, int]:
        return (places[value.node], value.output) if value.node in places else (-1, outside[value])

    nodes = []
    for index in part.nodes:
        node = network.nodes[index]
        settings = [getattr(node.operation, a.name) for a in node.operation.attributes if isinstance(a.kind, KEPT)]
        operands = [operand(value) for value in node.inputs]
        nodes.append((node.operation.name, settings, operands, [shape[1:] for shape in node.shapes]))
    return part.block, nodes, [(places[value.node], value.output) for value in part.outputs], _windows(network, part)


def words_of(network: Network, run: Run) -> str:
    """What a run of blocks is like, and what varies in it."""
    return "; ".join([*_windows(network, run.first), *_varying(network, run)])


def _windows(network: Network, part: Part) -> list[str]:
    """Of a block's operations with a window the widest of each kind, and its linear layers."""
    widest: dict[str, Node] = {}
    linear: list[Node] = []
    for index in part.nodes:
        node = network.nodes[index]
        operation: Any = node.operation
        if hasattr(operation, "stride"):
            before: Any = widest[operation.name].operation if operation.name in widest else None
            if before is None or (*operation.kernel, *operation.stride) > (*before.kernel, *before.stride):
                widest[operation.name] = node
        elif any(tensor.column == "weights" for tensor in network.tensors(node)):
            linear.append(node)
    return list(dict.fromkeys([_window(network, node) for node in (*widest.values(), *linear)]))


def _window(network: Network, node: Node) -> str:
    operation: Any = node.operation
    if not hasattr(operation, "stride"):
        return f"{operation.name} {size(node.shapes[0])}"
    words = [f"{operation.name} {size(operation.kernel)}"]
    if tuple(operation.stride) != (1, 1):
        words.append(f"stride {_side(operation.stride)}")
    if tuple(getattr(operation, "dilation", (1, 1))) != (1, 1):
        words.append(f"dilation {_side(operation.dilation)}")
    groups = int(getattr(operation, "groups", 1))
    if groups > 1:
        channels, width = int(network.input_shapes(node)[0][0]), int(node.shapes[0][0])
        words.append("depthwise" if groups == channels == width else f"group width {width // groups}")
    return ", ".join(words)


def _side(pair: Sequence[Any]) -> str:
    return str(int(pair[0])) if pair[0] == pair[1] else size(tuple(pair))


def _varying(network: Network, run: Run) -> list[str]:
    """Settings in which the blocks of a run differ: `drop_path rate 0.01 … 0.05`.

    Where the shapes differ, these stand for the widths.
    """
    widths = len({_channels(network, part) for part in run.parts}) == 1
    found: dict[str, None] = {}
    for nodes in zip(*[part.nodes for part in run.parts], strict=True):
        operations: list[Operation] = [network.nodes[index].operation for index in nodes]
        for settings in zip(*[operation.constants for operation in operations], strict=True):
            values = [value for _, value in settings]
            if any(value != values[0] for value in values) and (widths or isinstance(values[0], Fraction)):
                found[f"{operations[0].name} {settings[0][0]} {show(values[0])} … {show(values[-1])}"] = None
    return [*list(found)[:MAX_VARYING], *(["…"] if len(found) > MAX_VARYING else [])]


def _channels(network: Network, part: Part) -> tuple[int, ...]:
    return tuple([int(network.shape(value)[0]) for value in part.outputs])


def shape_of(network: Network, run: Run) -> str:
    """The shape that a run of blocks gives: `16 … 24 x 56 x 56` where its width changes."""
    first, last = [part.outputs[0] if part.outputs else None for part in (run.parts[0], run.parts[-1])]
    if first is None or last is None:
        return ""
    shape, start = size(network.shape(last)), int(network.shape(first)[0])
    return shape if start == int(network.shape(last)[0]) else f"{start} … {shape}"


def label_of(run: Run) -> str:
    """`stem`, `blocks.0`, `blocks.1 to 11`, without the stage's path."""
    first, last = [part.path.removeprefix(f"{part.stage}.") for part in (run.parts[0], run.parts[-1])]
    return first if first == last else f"{first} to {last.rpartition('.')[2]}"


# Texts


def size(shape: Shape) -> str:
    """Channels, height and width with multiplication signs."""
    return TIMES.join([str(int(extent)) for extent in shape])


def plain(text: str, most: int = MAX_TEXT) -> str:
    """A text on one line, of printable characters, cut where it is long.

    Control characters, marks that turn the direction of text, and halves of characters become blanks.
    """
    line = " ".join("".join([char if char.isprintable() else " " for char in text[: 8 * most]]).split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"
