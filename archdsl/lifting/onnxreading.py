"""The graph of an ONNX file as a network: each node as the operation of PyTorch that it is, which `rows.py` reads.

What is the same for every image is known beforehand, and so are shapes: the values of all nodes were worked out once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from archdsl.lifting.axes import Seen
from archdsl.lifting.finishing import finished
from archdsl.lifting.lifted import Gap, Lifted, Modules, Unliftable
from archdsl.lifting.onnxconstants import constants, tensor_of
from archdsl.lifting.onnxnodes import Node
from archdsl.lifting.onnxrows import FLOWS, translated
from archdsl.lifting.onnxslices import Part, parts_of_slices
from archdsl.lifting.reading import HOLE, Call, Held, Reading, needed, read_calls, unexpected
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
    known = {**values, **numbers}
    biases = _biases(graph, found, known)
    split, halves = parts_of_slices(graph, known), {}
    single: dict[int, str] = {}
    for proto, modules in zip(graph.node, scopes, strict=True):
        given = [found.get(one) for one in proto.input]
        outputs = [one for one in proto.output if one]
        if outputs and outputs[0] in found:
            continue  # the bias of the node before
        if any(part is HOLE for part in given):
            found |= dict.fromkeys(outputs, HOLE)
        elif proto.op_type in ("Shape", "Size") or not any(isinstance(part, FLOWS) for part in given):
            found |= dict(zip(outputs, _fixed(reading, proto, given, values, model, modules), strict=True))
        else:
            bias = biases.get(outputs[0])
            shapes = [tuple(values[one].shape) for one in outputs]
            node = Node(proto, given, reading, shapes, found[bias[1]] if bias else None)
            before = len(reading.builder.nodes)
            part = split.get(outputs[0])
            if part is None:
                results = _read(node, reading, outputs, modules)
            else:
                if part.of not in halves:
                    halves[part.of] = _split(node, reading, part, modules)
                results = [halves[part.of][part.at]]
            single |= dict.fromkeys(range(before, len(reading.builder.nodes)), _number(given))
            found |= dict(zip([bias[0]] if bias else outputs, results, strict=False))
    results = [found.get(one.name, HOLE) for one in graph.output]
    names = [key for key in numbers if key in learned]
    lifted = finished(reading, results, list(found.values()), name, names, (), partly)
    return replace(lifted, notes=(*lifted.notes, *_undecided(reading, results, single)))


def _fixed(
    reading: Reading, proto: Any, given: Sequence[Any], values: Mapping[str, Any], model: Any, modules: Modules
) -> list[Any]:
    """What a node gives that is the same for every image."""
    outputs = [one for one in proto.output if one]
    try:
        return list(constants(proto, given, [values[one] for one in outputs], model, reading.images))
    except (Unliftable, IndexError, TypeError, ValueError) as fault:  # text, or sequences of tensors
        why = str(fault) if isinstance(fault, Unliftable) else unexpected(fault)
        reading.gaps.append(Gap(proto.op_type, modules[-1][0] if modules else "", why))
        return [HOLE] * len(outputs)


def _number(given: Sequence[Any]) -> str:
    """The name of the one number that a node takes."""
    for part in given:
        if isinstance(part, Held) and not part.learned and part.tensor.numel() == 1 and len(part.names) == 1:
            return part.names[0] if part.tensor.is_floating_point() else ""
    return ""


def _undecided(reading: Reading, results: Sequence[Any], single: Mapping[int, str]) -> tuple[str, ...]:
    """A note of single numbers that values are added to or multiplied by: the file does not say whether they were
    learned."""
    kept = needed(reading.builder, [result.value for result in results if isinstance(result, Seen)])
    nodes = reading.builder.nodes
    found = [single[index] for index in kept if nodes[index].operation.name in ("scale", "affine", "reciprocal")]
    names = list(dict.fromkeys([name.partition(":")[0] for name in found if name]))
    if not names:
        return ()
    many = f"{len(names)} single numbers of the file, such as {names[0]}, are" if len(names) > 1 else f"{names[0]} is"
    return (f"{many} taken for constant; an ONNX file does not say whether a single number was learned",)


def _split(node: Node, reading: Reading, part: Part, modules: Modules) -> list[Any]:
    """All parts of the value that a slice takes one of."""
    arguments = {"self": node.inputs[0], "split_sizes": list(part.sizes), "dim": part.dim}
    made: dict[str, Any] = {}
    read_calls(reading, [("made", Call("split_with_sizes", arguments, node.shape, modules))], ROWS, made, _none)
    return made["made"] if isinstance(made["made"], list) else [HOLE] * len(part.sizes)


def _read(node: Node, reading: Reading, outputs: Sequence[str], modules: Modules) -> list[Any]:
    """The results of one node."""
    reading.modules = modules
    try:
        found = translated(node)
    except (Unliftable, AttributeError, IndexError, TypeError, ValueError) as fault:
        why = str(fault) if isinstance(fault, Unliftable) else unexpected(fault)
        reading.gaps.append(Gap(node.kind, modules[-1][0] if modules else "", why))
        return [HOLE] * len(outputs)
    if not isinstance(found, tuple):
        return [found]
    operation, arguments = found
    made: dict[str, Any] = {}
    read_calls(reading, [("made", Call(operation, arguments, node.shape, modules))], ROWS, made, _none)
    result = made["made"]
    # of several results the first is the value: places of the largest, means and masks are nothing that flows
    return result if isinstance(result, list) else [result, *[HOLE if result is HOLE else None] * (len(outputs) - 1)]


def _none(_: Any, __: Call) -> Any:
    raise Unliftable("nothing flows in")


def _biases(graph: Any, found: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """For each product with a matrix that is the same for every image, and that a learned vector is added to: the sum,
    and the vector."""
    takers: dict[str, list[Any]] = {}
    for proto in graph.node:
        for one in proto.input:
            takers.setdefault(one, []).append(proto)
    ends = {one.name for one in graph.output}
    fixed, sums = set(found) - {one.name for one in graph.input if isinstance(found.get(one.name), Seen)}, {}
    for proto in graph.node:
        if all(one in fixed for one in proto.input):
            fixed.update(proto.output)
        out = proto.output[0] if proto.output else ""
        after = takers.get(out, [])
        if proto.op_type != "MatMul" or len(after) != 1 or after[0].op_type != "Add" or out in ends | fixed:
            continue
        vector = found.get(next((one for one in after[0].input if one != out), ""))
        matrix = values[proto.input[1]].shape if proto.input[1] in fixed else ()
        if not isinstance(vector, Held) or not vector.learned or len(matrix) != 2:
            continue
        if tuple(vector.tensor.shape) == tuple(matrix[1:]):
            sums[out] = after[0].output[0], vector.names[0]
    return sums


__all__ = ["read_graph"]
