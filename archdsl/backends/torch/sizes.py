"""Which learned tensors hold for images of one size alone: the emitted module refuses others.

What an image of another size gives may not fit beside a learned tensor; or the tensor has a single position, and
PyTorch would silently repeat it where the language has a larger one. The rules of shapes tell both: they are asked once
more, about an image so large that no extent that depends on its size stays 1.
"""

from __future__ import annotations

from archdsl.graph.blocks import INPUT, Value
from archdsl.graph.faults import RuleError
from archdsl.graph.network import Network
from archdsl.graph.operations.arithmetic import Joined
from archdsl.graph.shapes import Shape

LARGER = 2**20
"""By how much the sides of the image grow: beyond every stride."""


def fixed_by(network: Network) -> frozenset[int]:
    """The nodes that are such learned tensors."""
    learned = [index for index, node in enumerate(network.nodes) if node.operation.learned]
    if not learned:
        return frozenset()
    with_places = {index for index in learned if any(extent > 1 for extent in network.nodes[index].shapes[0][1:])}
    channels, *extents = network.input
    shapes: dict[Value, Shape] = {INPUT: (channels, *[extent * LARGER for extent in extents])}
    made_of: dict[Value, frozenset[int]] = {}
    """Of values that depend on no image: the learned tensors that they are made of."""
    found: set[int] = set()
    for index, node in enumerate(network.nodes):
        inputs = [shapes[value] for value in node.inputs]
        try:
            outputs = node.operation.infer(*inputs)
        except RuleError:  # what fits no longer may be due to any of those with places, and to what flows in here
            here = frozenset().union(*[made_of.get(value, frozenset()) for value in node.inputs])
            return frozenset(found | with_places | here)
        shapes.update({Value(index, output): shape for output, shape in enumerate(outputs)})
        if node.operation.learned:
            made_of[Value(index)] = frozenset((index,))
        elif all(value in made_of for value in node.inputs):
            tensors = frozenset().union(*[made_of[value] for value in node.inputs])
            made_of.update({Value(index, output): tensors for output in range(len(outputs))})
        elif isinstance(node.operation, Joined):
            for value, other in (node.inputs, node.inputs[::-1]):
                if value in made_of and _repeats(network, shapes, value, other):
                    found |= made_of[value]
    return frozenset(found)


def _repeats(network: Network, shapes: dict[Value, Shape], value: Value, other: Value) -> bool:
    """Whether a value has one position in a direction in which the other now has more than at the network's size. Of
    what was transposed, positions are channels too."""
    before = zip(network.shape(value), network.shape(other), shapes[other], strict=True)
    return any(mine == theirs == 1 != now for mine, theirs, now in before)


__all__ = ["fixed_by"]
