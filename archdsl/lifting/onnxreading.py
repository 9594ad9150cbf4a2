"""The graph of an ONNX file as a network: each node as the operation of PyTorch that it is, which `rows.py` reads.

What is the same for every image is known beforehand, and so are shapes: the values of all nodes were worked out once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from archdsl.lifting.finishing import finished
from archdsl.lifting.lifted import Gap, Lifted, Unliftable
from archdsl.lifting.onnxconstants import constants, tensor_of
from archdsl.lifting.onnxrows import FLOWS, TABLE, Node
from archdsl.lifting.onnxscopes import Modules
from archdsl.lifting.reading import HOLE, Call, Held, Reading, read_calls, unexpected
from archdsl.lifting.rows import ROWS


def read_graph(
    model: Any,
    name: str,
    values: Mapping[str, Any],
    numbers: Mapping[str, Any],
    learned: set[str],
    image: str,
    partly: bool,
    scopes: Sequence[Modules],
) -> Lifted:
    """A graph as a network; `values` has what every node gives."""
    graph = model.graph
    shape = values[image].shape
    reading = Reading(tuple(int(side) for side in shape[1:]), int(shape[0]), split=True)
    found: dict[Any, Any] = {image: reading.input, "": None}
    for key, tensor in numbers.items():
        found[key] = tensor_of(key, tensor, key in learned)
    biases = _biases(graph, found)
    for proto, modules in zip(graph.node, scopes, strict=True):
        given = [found.get(one) for one in proto.input]
        outputs = [one for one in proto.output if one]
        if outputs and outputs[0] in found:
            continue  # the bias of the node before
        if any(part is HOLE for part in given):
            found |= dict.fromkeys(outputs, HOLE)
        elif proto.op_type in ("Shape", "Size") or not any(isinstance(part, FLOWS) for part in given):
            results = [values[one] for one in outputs]
            found |= dict(zip(outputs, constants(proto, given, results, model, reading.images), strict=True))
        else:
            bias = biases.get(outputs[0])
            shapes = [tuple(values[one].shape) for one in outputs]
            node = Node(proto, given, reading, shapes, found[bias[1]] if bias else None)
            results = _read(node, reading, outputs, modules)
            found |= dict(zip([bias[0]] if bias else outputs, results, strict=False))
    results = [found.get(one.name, HOLE) for one in graph.output]
    names = [key for key in numbers if key in learned]
    return finished(reading, results, list(found.values()), name, names, (), partly)


def _read(node: Node, reading: Reading, outputs: Sequence[str], modules: Modules) -> list[Any]:
    """The results of one node."""
    try:
        if node.kind not in TABLE:
            raise Unliftable("the language has no such operation")
        translated = TABLE[node.kind](node)
    except (Unliftable, AttributeError, IndexError, TypeError, ValueError) as fault:
        why = str(fault) if isinstance(fault, Unliftable) else unexpected(fault)
        reading.gaps.append(Gap(node.kind, modules[-1][0] if modules else "", why))
        return [HOLE] * len(outputs)
    if not isinstance(translated, tuple):
        return [translated]
    operation, arguments = translated
    made: dict[str, Any] = {}
    read_calls(reading, [("made", Call(operation, arguments, node.shape, modules))], ROWS, made, _none)
    result = made["made"]
    return result if isinstance(result, list) else [result] * len(outputs)


def _none(_: Any, __: Call) -> Any:
    raise Unliftable("nothing flows in")


def _biases(graph: Any, found: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """For each product with a learned matrix that a learned vector is added to: the sum, and the vector."""
    takers: dict[str, list[Any]] = {}
    for proto in graph.node:
        for one in proto.input:
            takers.setdefault(one, []).append(proto)
    ends = {one.name for one in graph.output}
    sums = {}
    for proto in graph.node:
        out = proto.output[0] if proto.output else ""
        after = takers.get(out, [])
        if proto.op_type != "MatMul" or len(after) != 1 or after[0].op_type != "Add" or out in ends:
            continue
        weight = found.get(proto.input[1])
        name = next((one for one in after[0].input if one != out), "")
        vector = found.get(name)
        if not isinstance(weight, Held) or not isinstance(vector, Held) or not vector.learned:
            continue
        if tuple(vector.tensor.shape) == tuple(weight.tensor.shape[-1:]):
            sums[out] = after[0].output[0], name
    return sums


__all__ = ["read_graph"]
