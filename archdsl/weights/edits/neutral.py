"""What makes a block give what it takes, in a network that is tested: layers that are zero, or identities.

A sum is neutral if one operand is the block's input, however it came there, and the other is zero because its last
layer is; several such sums may stand one behind the other. A chain is neutral if each of its layers is an identity, and
a relu if nothing below 0 comes to it.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from archdsl.graph.blocks import INPUT, Application, Value
from archdsl.graph.network import Network
from archdsl.graph.operations.base import Operation

Action: TypeAlias = Literal["zero", "identity"]
KEEPING_ZERO = ("relu", "relu6", "silu", "gelu", "hard_swish", "tanh", "leaky_relu", "elu", "prelu", "mish")
MOVING = ("upsample", "resize", "max_pool", "avg_pool", "global_pool", "map", "tokens", "scale", "transpose")
NEVER_NEGATIVE = ("relu", "relu6", "sigmoid", "hard_sigmoid", "square", "softmax")
LAYERS = ("conv", "std_conv", "linear", "batch_norm", "layer_norm", "group_norm", "layer_scale", "conv_transpose")


def hands_on(operation: Operation) -> bool:
    """Whether an operation gives what it takes, in a test."""
    return operation.training_only or operation.name == "identity"


def neutral(network: Network, block: Application) -> dict[int, Action] | None:
    """Node -> what its tensors are to be, so that a block is an identity; none where nothing makes it one."""
    if len(block.outputs) != 1 or block.outputs[0] is None or not block.inputs:
        return None
    given, wanted = block.inputs[0], block.outputs[0]
    if network.shape(given) != network.shape(wanted):
        return None
    found: dict[int, Action] = {}
    return found if _same(network, wanted, given, found) else None


def _same(network: Network, value: Value, given: Value, found: dict[int, Action]) -> bool:
    if value == given:
        return True
    if value == INPUT:
        return False
    node = network.nodes[value.node]
    name = node.operation.name
    if name == "add":
        for one, other in (node.inputs, node.inputs[::-1]):
            tried: dict[int, Action] = {}
            if _zero(network, other, tried) and _same(network, one, given, tried):
                found.update(tried)
                return True
        return False
    if hands_on(node.operation):
        return _same(network, node.inputs[0], given, found)
    if name == "relu":
        return not_negative(network, given) and _same(network, node.inputs[0], given, found)
    as_large = network.shape(value) == network.shape(node.inputs[0]) if node.inputs else False
    if name == "batch_norm" or (name == "conv" and as_large and _keeps(network, value)):
        found[value.node] = "identity"
        return _same(network, node.inputs[0], given, found)
    return False


def _keeps(network: Network, value: Value) -> bool:
    """Whether a convolution can be an identity."""
    node = network.nodes[value.node]
    operation = node.operation
    constants = dict(operation.constants)
    odd = all(int(extent) % 2 == 1 for extent in constants["kernel"])
    return (
        odd and tuple(constants["stride"]) == (1, 1) and network.shape(node.inputs[0])[1:] == network.shape(value)[1:]
    )


def passes(network: Network, index: int) -> bool:
    """Whether an operation that the old network has not can be made to pass on what it takes, channels copied."""
    node = network.nodes[index]
    name = node.operation.name
    if name == "conv":
        return int(dict(node.operation.constants)["groups"]) == 1 and _keeps(network, Value(index))
    if name == "relu":
        return not_negative(network, node.inputs[0])
    return hands_on(node.operation) or name in ("batch_norm", "layer_scale")


def _zero(network: Network, value: Value, found: dict[int, Action]) -> bool:
    """Whether a value is zero once its last layer is."""
    if value == INPUT:
        return False
    node = network.nodes[value.node]
    name = node.operation.name
    if name in LAYERS and network.tensors(node):
        found[value.node] = "zero"
        return True
    if hands_on(node.operation) or name in KEEPING_ZERO or name in MOVING:
        return _zero(network, node.inputs[0], found)
    if name == "mul":
        for operand in node.inputs:
            tried: dict[int, Action] = {}
            if network.shape(operand) == network.shape(value) and _zero(network, operand, tried):
                found.update(tried)
                return True
    return False


def not_negative(network: Network, value: Value) -> bool:
    """Whether nothing of a value is below 0."""
    while value != INPUT:
        node = network.nodes[value.node]
        if node.operation.name in NEVER_NEGATIVE:
            return True
        if not hands_on(node.operation) and node.operation.name not in ("max_pool", "avg_pool", "global_pool"):
            return False
        value = node.inputs[0]
    return False
