"""The tensors that the graph of an .onnx file names, with their shapes. No number is looked at, nor any other file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

from archdsl.files import FileFault
from archdsl.onnxmodels import read_model
from archdsl.records import dataclass
from archdsl.weights.checkpoints.reading import WeightsFault
from archdsl.weights.checkpoints.records import MAX_AXES, MAX_ELEMENTS

WEIGHTS = {1: 4, 2: 1, 3: 1, 10: 2, 11: 8, 16: 2}
"""The types that weights have, quantized ones too (`TensorProto.DataType` of float, uint8, int8, half, double and
bfloat16) -> the bytes of a number."""
EXTERNAL = 1
"""`TensorProto.DataLocation` of numbers in another file."""
PRODUCTS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
"""Operations whose second input is the weight of a convolution or a linear layer."""


class Described(NamedTuple):
    """A tensor of a graph."""

    shape: tuple[int, ...]
    """As PyTorch has it: output channels first."""
    is_kernel: bool
    """Whether a convolution or a product of matrices reads it as its weight."""


@dataclass(frozen=True)
class GraphTensors:
    """The tensors of a graph that may be weights."""

    tensors: Mapping[str, Described]
    """By name, in the file's order."""
    outside: int
    """How many of them have their numbers in other files."""


def read_graph_tensors(path: str) -> GraphTensors:
    """The tensors in the file at a path that weights may be. Raises `WeightsFault`."""
    try:
        graph = read_model(Path(path)).graph
    except FileFault as fault:
        raise WeightsFault(path, fault.message) from None
    turned = {
        node.input[1]: node.op_type == "MatMul" or (node.op_type == "Gemm" and not _attribute(node, "transB", "i"))
        for node in graph.node
        if node.op_type in PRODUCTS and len(node.input) > 1
    }
    found: dict[str, Described] = {}
    outside = 0
    for name, tensor in _tensors(graph):
        if name in found:
            raise WeightsFault(path, f"{name} stands twice in it")
        if tensor.data_type not in WEIGHTS:
            continue
        shape = _shape(path, name, tensor)
        if not shape or prod(shape) == 0:
            continue
        is_kernel = name in turned
        found[name] = Described(shape[::-1] if is_kernel and turned[name] and len(shape) == 2 else shape, is_kernel)
        outside += tensor.data_location == EXTERNAL
    return GraphTensors(found, outside)


def _tensors(graph: Any) -> Iterator[tuple[str, Any]]:
    """The constants of a graph by the names that its nodes read them by."""
    for tensor in graph.initializer:
        yield tensor.name, tensor
    for node in graph.node:
        tensor = _attribute(node, "value", "t") if node.op_type == "Constant" and node.output else None
        if tensor is not None:
            yield node.output[0], tensor


def _attribute(node: Any, name: str, field: str) -> Any:
    """The field of the attribute of a name; none where a node has no such attribute."""
    return next((getattr(one, field) for one in node.attribute if one.name == name and one.HasField(field)), None)


def _shape(path: str, name: str, tensor: Any) -> tuple[int, ...]:
    """The shape of a tensor, if it can have so many numbers."""
    shape = tuple(tensor.dims)
    if len(shape) > MAX_AXES:
        raise WeightsFault(path, f"its {name} has more than {MAX_AXES} axes")
    if any(extent < 0 for extent in shape) or prod(shape) >= MAX_ELEMENTS:
        raise WeightsFault(path, f"its {name} has no shape")
    size = WEIGHTS[tensor.data_type]
    if tensor.HasField("raw_data") and len(tensor.raw_data) != prod(shape) * size:
        message = f"its {name} has {len(tensor.raw_data):,} bytes for {prod(shape):,} numbers of {size}"
        raise WeightsFault(path, message)
    return shape


__all__ = ["Described", "GraphTensors", "read_graph_tensors"]
