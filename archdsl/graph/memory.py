"""Memory of a network: activations at inference, what autograd keeps in training, the weights' size.

All results are bytes, for a dtype and a batch. Views (flatten, reshape, split, slice, identity, and in
inference dropout and drop path) share the memory of what they look at, and a learned tensor is one of the weights.
No operation works in place. A linear layer right behind `tokens` or `transpose`, and a product of heads, keep copies of
what they cannot read in its order, beside the tensors themselves where others keep those: these are not counted.
"""

from __future__ import annotations

from archdsl.graph.network import Network, Value
from archdsl.graph.shapes import Dim, elements, maximum

DTYPE_BYTES: dict[str, int] = {"float64": 8, "float32": 4, "float16": 2, "bfloat16": 2}
"""Bytes of an element of each dtype."""


WEIGHTS = Value(-2)
"""What owns the values that are parameters."""


def _owners(network: Network, training: bool) -> dict[Value, Value]:
    """For every value that shares memory, the value that owns it, or `WEIGHTS`."""
    owners: dict[Value, Value] = {}
    for index, node in enumerate(network.nodes):
        if node.operation.learned:
            owners[Value(index)] = WEIGHTS
        elif node.operation.shares_memory(training):
            owner = owners.get(node.inputs[0], node.inputs[0])
            for output in range(len(node.shapes)):
                owners[Value(index, output)] = owner
    return owners


def peak_bytes(network: Network, dtype: str = "float32", batch: int = 1) -> Dim:
    """The most bytes of activations that live at one time at inference, in the order of nodes.

    While a node runs its inputs and outputs live; a tensor dies after its last reader. The network's input
    counts until then too; outputs and features live to the end. Weights and scratch space are not counted.
    """
    owners = _owners(network, training=False)
    end = len(network.nodes)
    last: dict[Value, int] = {}
    for index, node in enumerate(network.nodes):
        for value in node.inputs:
            last[owners.get(value, value)] = index
    for value in (*network.outputs, *(feature.value for feature in network.features)):
        last[owners.get(value, value)] = end
    last.pop(WEIGHTS, None)
    dying: dict[int, list[Value]] = {}
    for value, index in last.items():
        dying.setdefault(index, []).append(value)

    live: Dim = elements(network.input)
    peak: Dim = live
    for index, node in enumerate(network.nodes):
        for output, shape in enumerate(node.shapes):
            value = Value(index, output)
            if value not in owners:
                live = live + elements(shape)
                if value not in last:
                    dying.setdefault(index, []).append(value)
        peak = maximum(peak, live)
        for value in dying.get(index, ()):
            live = live - elements(network.shape(value))
    return peak * DTYPE_BYTES[dtype] * batch


def training_bytes(network: Network, dtype: str = "float32", batch: int = 1) -> Dim:
    """The bytes that autograd keeps from the forward to the backward pass: an estimate.

    Follows PyTorch's derivative formulas for modules that do not work in place; a tensor that several
    operations keep counts once, parameters do not count, and what needs no gradient keeps nothing. Masks of
    dropout take one byte, as on a GPU. Statistics of norms are kept in at least 32 bits. Tests compare with what
    PyTorch's hooks for saved tensors see (`tests/graph/tool_counts.json`).
    """
    size = DTYPE_BYTES[dtype]
    owners = _owners(network, training=True)
    needs_gradient: set[Value] = set()
    kept: dict[Value, None] = {}
    extra: Dim = 0
    for index, node in enumerate(network.nodes):
        inputs = network.input_shapes(node)
        learned = any(tensor.is_parameter for tensor in node.operation.tensors(inputs, node.shapes))
        moving = [learned or value in needs_gradient for value in node.inputs]
        if not any(moving):
            continue
        outputs = [Value(index, output) for output in range(len(node.shapes))]
        needs_gradient.update(outputs)
        saved = node.operation.saved(inputs, node.shapes)
        for position in saved.inputs:
            if position not in saved.crossed or moving[1 - position]:
                value = node.inputs[position]
                kept[owners.get(value, value)] = None
        for position in saved.outputs:
            kept[owners.get(outputs[position], outputs[position])] = None
        extra = extra + (saved.values * size + saved.indices * 8 + saved.masks) * batch
        extra = extra + saved.statistics * max(size, 4)
    kept.pop(WEIGHTS, None)
    tensors: Dim = sum([elements(network.shape(value)) for value in kept])
    return tensors * (size * batch) + extra


def weights_bytes(network: Network, dtype: str = "float32") -> Dim:
    """The bytes of all parameters and buffers, as a weight file stores them, without its header.

    The batch norms' counters of steps are int64.
    """
    total: Dim = 0
    for node in network.nodes:
        for tensor in network.tensors(node):
            total = total + elements(tensor.shape) * (8 if tensor.column == "counters" else DTYPE_BYTES[dtype])
    return total
