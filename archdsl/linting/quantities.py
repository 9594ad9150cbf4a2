"""What a rule may ask of an operation: its settings by their names, and what its place in the network gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from archdsl.graph.blocks import INPUT, Value
from archdsl.graph.network import Network
from archdsl.graph.subgraph import Node

AVERAGES = frozenset(("global_pool", "mean"))
CLOSES = frozenset(("sigmoid", "hard_sigmoid"))
"""What makes gates of numbers."""
GATE_DEPTH = 12
"""A gate is made in so many operations, at most."""


class NoQuantity(Exception):
    """An operation has no such quantity. The text is its name."""


def quantity(network: Network, node: Node, name: str) -> Any:
    """A quantity of an operation: a whole number, a flag or a word. Raises `NoQuantity`.

    A setting of two directions, such as a kernel, is asked for as `kernel_height` and `kernel_width`.
    """
    known = QUANTITIES.get(name)
    if known is not None:
        return known(network, node)
    setting, _, direction = name.rpartition("_")
    if direction in ("height", "width") and setting:
        value = _setting(node, setting)
        if isinstance(value, tuple) and len(value) == 2:
            return _plain(value[direction == "width"])
        raise NoQuantity(name)
    return _plain(_setting(node, name))


def _setting(node: Node, name: str) -> Any:
    if name not in {attribute.name for attribute in node.operation.attributes}:
        raise NoQuantity(name)
    return getattr(node.operation, name)


def _plain(value: Any) -> Any:
    if isinstance(value, bool | str):
        return value
    return int(value) if isinstance(value, int) else str(value)


def _channels_in(network: Network, node: Node) -> int:
    return int(_first(network, node)[0])


def _channels_out(_network: Network, node: Node) -> int:
    return int(node.shapes[0][0])


def _group_width(network: Network, node: Node) -> int:
    return _channels_in(network, node) // int(getattr(node.operation, "groups", 1))


def _reads_image(_network: Network, node: Node) -> bool:
    return INPUT in node.inputs


def _least_channels(network: Network, node: Node) -> int:
    return min([int(shape[0]) for shape in network.input_shapes(node)])


def _odd_channels(network: Network, node: Node) -> int:
    """Among the channels of its inputs, those of the lowest power of two."""
    return min([int(shape[0]) for shape in network.input_shapes(node)], key=lambda n: (n & -n, n))


def _padded(network: Network, node: Node) -> bool:
    pads = getattr(node.operation, "pads", None)
    shape = _first(network, node)
    return pads is not None and len(shape) == 3 and any(int(side) for side in pads(int(shape[1]), int(shape[2])))


def _differ(network: Network, node: Node) -> bool:
    return len({tuple(map(int, shape)) for shape in network.input_shapes(node)}) > 1


def _rank(network: Network, node: Node) -> int:
    return len(_first(network, node))


def _first(network: Network, node: Node) -> Any:
    shapes = network.input_shapes(node)
    if not shapes:
        raise NoQuantity("channels_in")
    return shapes[0]


def _gates(network: Network, node: Node) -> bool:
    """Whether a map is multiplied by numbers, one a channel, that a sigmoid made of the means of channels."""
    shapes = network.input_shapes(node)
    whole = [len(shape) == 3 and int(shape[1]) * int(shape[2]) > 1 for shape in shapes]
    one = [len(shape) == 3 and int(shape[1]) * int(shape[2]) == 1 for shape in shapes]
    if len(shapes) != 2 or not any(whole) or not any(one):
        return False
    reached = [node.inputs[one.index(True)]]
    seen: set[str] = set()
    for _ in range(GATE_DEPTH):
        names: set[str] = set()
        before: list[Value] = []
        for value in reached:
            if value != INPUT:
                maker = network.nodes[value.node]
                names.add(maker.operation.name)
                before += maker.inputs
        seen |= names
        if names & AVERAGES:
            return bool(seen & CLOSES)
        reached = before
    return False


QUANTITIES: Mapping[str, Callable[[Network, Node], Any]] = {
    "channels_in": _channels_in,
    "channels_out": _channels_out,
    "group_width": _group_width,
    "least_channels": _least_channels,
    "odd_channels": _odd_channels,
    "reads_image": _reads_image,
    "padded": _padded,
    "shapes_differ": _differ,
    "rank": _rank,
    "gates": _gates,
}
"""Quantities that are no settings: channels of the first input and output, channels within a group, the least and the
oddest of the inputs' channels; whether it reads the image, pads, has inputs of different shapes; the extents of its
first input; whether it closes a map channel by channel, as squeeze-and-excitation does."""

__all__ = ["QUANTITIES", "NoQuantity", "quantity"]
