"""The graph of an ONNX file as a network: each node as the operation of PyTorch that it is, which `rows.py` reads.

What is the same for every image is known beforehand, and so are shapes: the values of all nodes were worked out once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from archdsl.lifting.finishing import finished
from archdsl.lifting.lifted import Gap, Lifted, Unliftable
from archdsl.lifting.onnxrows import FLOWS, TABLE, Node
from archdsl.lifting.reading import HOLE, Call, Held, Reading, read_calls, unexpected
from archdsl.lifting.rows import ROWS

Modules: TypeAlias = "tuple[tuple[str, str], ...]"


def read_graph(
    graph: Any,
    name: str,
    values: Mapping[str, Any],
    numbers: Mapping[str, Any],
    learned: set[str],
    image: str,
    partly: bool,
    modules: Callable[[Any], Modules],
) -> Lifted:
    """A graph as a network; `values` has what every node gives."""
    import torch

    shape = values[image].shape
    reading = Reading(tuple(int(side) for side in shape[1:]), int(shape[0]))
    found: dict[Any, Any] = {image: reading.input, "": None}
    for key, tensor in numbers.items():
        held = Held(tensor, (key,), key in learned)
        if held.learned:
            held = Held(tensor, (key,), True, torch.arange(tensor.numel()).reshape(tensor.shape), held)
        found[key] = held
    biases = _biases(graph, found)
    for proto in graph.node:
        given = [found.get(one) for one in proto.input]
        outputs = [one for one in proto.output if one]
        if outputs and outputs[0] in found:
            continue  # the bias of the node before
        if any(part is HOLE for part in given):
            found |= dict.fromkeys(outputs, HOLE)
        elif proto.op_type in ("Shape", "Size") or not any(isinstance(part, FLOWS) for part in given):
            found |= dict(zip(outputs, _constants(proto, given, [values[one] for one in outputs]), strict=True))
        else:
            bias = biases.get(outputs[0])
            shapes = [tuple(values[one].shape) for one in outputs]
            node = Node(proto, given, reading, shapes, found[bias[1]] if bias else None)
            results = _read(node, reading, outputs, modules(proto))
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


LOOKS = {"Identity", "Transpose", "Reshape", "Unsqueeze", "Squeeze", "Flatten", "Cast"}


def _constants(proto: Any, given: Sequence[Any], results: Sequence[Any]) -> list[Held]:
    """What a node gives that is the same for every image."""
    import torch

    of = [part for part in given if isinstance(part, Held)]
    names = tuple(dict.fromkeys([name for part in of for name in part.names]))
    learned = any(part.learned for part in of)
    looks = proto.op_type in LOOKS and bool(given) and isinstance(given[0], Held) and given[0].places is not None
    found = []
    for result in results:
        tensor = torch.as_tensor(result)
        if not looks:
            found.append(Held(tensor, names, learned, None, of[0].base if len(of) == 1 else None, learned))
            continue
        places = given[0].places
        if proto.op_type == "Transpose":
            order = [list(one.ints) for one in proto.attribute if one.name == "perm"]
            places = places.permute(order[0] if order else list(range(places.ndim))[::-1])
        found.append(Held(tensor, names, learned, places.reshape(tensor.shape), given[0].base, given[0].computed))
    return found


__all__ = ["read_graph"]
