"""The tensors that an .onnx file describes: names, types and shapes. No number is read, and nothing is run.

The file is a message of protocol buffers, of which a few fields count here (onnx/onnx.proto): of `ModelProto` the graph
(7); of `GraphProto` its nodes (1) and initializers (5); of `NodeProto` inputs (1), outputs (2), kind (4) and attributes
(5); of `TensorProto` dims (1), data_type (2), name (8), raw_data (9) and external_data (13). Data in other files is not
looked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from math import prod
from typing import BinaryIO, NamedTuple

from archdsl.records import dataclass
from archdsl.weights.checkpoints.records import MAX_AXES, MAX_ELEMENTS, SIZES, Damaged

ONNX_SUFFIX = ".onnx"
MAX_FIELDS = 4_000_000
"""As many fields of messages are read."""
MAX_NAME = 4096
"""Bytes of a name."""
TYPES = {
    1: "float32",
    2: "uint8",
    3: "int8",
    4: "uint16",
    5: "int16",
    6: "int32",
    7: "int64",
    9: "bool",
    10: "float16",
    11: "float64",
    12: "uint32",
    13: "uint64",
    16: "bfloat16",
}
"""`TensorProto.DataType`, as PyTorch names them."""
WEIGHTS = ("float32", "float64", "float16", "bfloat16", "int8", "uint8")
"""Types that weights have, quantized ones too."""
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
PRODUCTS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
"""Operations whose second input is the weight of a convolution or a linear layer."""


class Described(NamedTuple):
    """A tensor of a graph."""

    shape: tuple[int, ...]
    """As PyTorch has it: output channels first."""
    is_kernel: bool
    """Whether a convolution or a product of matrices reads it as its weight."""


@dataclass(frozen=True)
class OnnxFile:
    """What the weights of a graph are."""

    tensors: Mapping[str, Described]
    """By name, in the file's order."""
    outside: int
    """How many of them have their numbers in other files."""


class _Field(NamedTuple):
    number: int
    wire: int
    value: int
    """Of a varint; where the bytes begin, of bytes."""
    end: int


@dataclass(slots=True)
class _Tensor:
    name: str = ""
    dims: list[int] = field(default_factory=list)
    dtype: int = 0
    raw: int = -1
    outside: bool = False


@dataclass(slots=True)
class _Node:
    kind: str = ""
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    transposed: bool = False
    value: _Tensor | None = None


def read_onnx(file: BinaryIO, size: int) -> OnnxFile:
    """The weights that the graph of a file names. Raises `Damaged`."""
    reader = _Reader(file, size)
    tensors: list[_Tensor] = []
    nodes: list[_Node] = []
    graphs = 0
    for part in reader.fields(0, size):
        if part.number != 7 or part.wire != BYTES:
            continue
        graphs += 1
        for inner in reader.fields(part.value, part.end):
            if inner.wire == BYTES and inner.number == 5:
                tensors.append(reader.tensor(inner))
            elif inner.wire == BYTES and inner.number == 1:
                nodes.append(reader.node(inner))
    if graphs != 1:
        raise Damaged("it has no graph" if not graphs else f"it has {graphs:,} graphs")
    for node in nodes:
        if node.kind == "Constant" and node.value is not None and node.outputs:
            node.value.name = node.outputs[0]
            tensors.append(node.value)
    return _weights(tensors, nodes)


def _weights(tensors: list[_Tensor], nodes: list[_Node]) -> OnnxFile:
    """The tensors that may be weights, with their shapes turned as PyTorch has them."""
    turned = {}
    for node in nodes:
        if node.kind in PRODUCTS and len(node.inputs) > 1:
            turned[node.inputs[1]] = node.kind == "MatMul" or (node.kind == "Gemm" and not node.transposed)
    found: dict[str, Described] = {}
    outside = 0
    for tensor in tensors:
        if tensor.name in found:
            raise Damaged(f"{tensor.name} stands twice in it")
        dtype = TYPES.get(tensor.dtype, "")
        shape = tuple(tensor.dims)
        if tensor.raw >= 0 and dtype and tensor.raw != prod(shape) * SIZES[dtype]:
            raise Damaged(f"{tensor.name} has {tensor.raw:,} bytes for {prod(shape):,} numbers of {SIZES[dtype]}")
        if dtype not in WEIGHTS or not shape or prod(shape) == 0:
            continue
        is_kernel = tensor.name in turned
        if is_kernel and turned[tensor.name] and len(shape) == 2:
            shape = shape[::-1]
        found[tensor.name] = Described(shape, is_kernel)
        outside += tensor.outside
    return OnnxFile(found, outside)


class _Reader:
    """Fields of messages between two places of a file; what stands between is passed over."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size
        self._left = MAX_FIELDS

    def fields(self, start: int, end: int) -> Iterator[_Field]:
        at = start
        while at < end:
            self._left -= 1
            if self._left < 0:
                raise Damaged(f"it has more than {MAX_FIELDS:,} fields")
            key, at = self._varint(at, end)
            number, wire = key >> 3, key & 7
            if wire == VARINT:
                value, at = self._varint(at, end)
                yield _Field(number, wire, value, at)
                continue
            if wire == BYTES:
                length, at = self._varint(at, end)
            elif wire in (FIXED32, FIXED64):
                length = 4 if wire == FIXED32 else 8
            else:
                raise Damaged(f"it has a field of kind {wire} at byte {at:,}")
            if length > end - at:
                raise Damaged(f"a field at byte {at:,} is cut off")
            yield _Field(number, wire, at, at + length)
            at += length

    def _varint(self, at: int, end: int) -> tuple[int, int]:
        self._file.seek(at)
        content = self._file.read(min(10, end - at))
        value = 0
        for place, byte in enumerate(content):
            value |= (byte & 0x7F) << (7 * place)
            if byte < 0x80:
                return value, at + place + 1
        raise Damaged(f"a number at byte {at:,} is cut off")

    def _text(self, part: _Field) -> str:
        if part.end - part.value > MAX_NAME:
            raise Damaged(f"a name at byte {part.value:,} has more than {MAX_NAME:,} bytes")
        self._file.seek(part.value)
        try:
            return self._file.read(part.end - part.value).decode("utf-8")
        except UnicodeDecodeError:
            raise Damaged(f"a name at byte {part.value:,} is no text") from None

    def tensor(self, part: _Field) -> _Tensor:
        found = _Tensor()
        for inner in self.fields(part.value, part.end):
            if inner.number == 1 and inner.wire == VARINT:
                found.dims.append(inner.value)
            elif inner.number == 1 and inner.wire == BYTES:  # packed
                at = inner.value
                while at < inner.end:
                    extent, at = self._varint(at, inner.end)
                    found.dims.append(extent)
                    if len(found.dims) > MAX_AXES:
                        break
            elif inner.number == 2 and inner.wire == VARINT:
                found.dtype = inner.value
            elif inner.number == 8 and inner.wire == BYTES:
                found.name = self._text(inner)
            elif inner.number == 9 and inner.wire == BYTES:
                found.raw = inner.end - inner.value
            elif inner.number == 13:
                found.outside = True
            if len(found.dims) > MAX_AXES:
                raise Damaged(f"a tensor has more than {MAX_AXES} axes")
        if any(extent >= MAX_ELEMENTS for extent in found.dims) or prod(found.dims) >= MAX_ELEMENTS:
            raise Damaged(f"{found.name or 'a tensor'} has no shape")
        return found

    def node(self, part: _Field) -> _Node:
        found = _Node()
        for inner in self.fields(part.value, part.end):
            if inner.wire != BYTES:
                continue
            if inner.number == 1:
                found.inputs.append(self._text(inner))
            elif inner.number == 2:
                found.outputs.append(self._text(inner))
            elif inner.number == 4:
                found.kind = self._text(inner)
            elif inner.number == 5:
                self._attribute(inner, found)
        return found

    def _attribute(self, part: _Field, node: _Node) -> None:
        """`transB` of a product, `value` of a constant: `AttributeProto` has name (1), i (3) and t (5)."""
        name, number, place = "", 0, None
        for inner in self.fields(part.value, part.end):
            if inner.number == 1 and inner.wire == BYTES and inner.end - inner.value <= 64:
                name = self._text(inner)
            elif inner.number == 3 and inner.wire == VARINT:
                number = inner.value
            elif inner.number == 5 and inner.wire == BYTES:
                place = inner
        if name == "transB":
            node.transposed = number != 0
        elif name == "value" and place is not None:
            node.value = self.tensor(place)


__all__: list[str] = ["ONNX_SUFFIX", "Described", "OnnxFile", "read_onnx"]
