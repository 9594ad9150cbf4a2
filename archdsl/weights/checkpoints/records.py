"""Tensors as a file describes them, with their numbers still in the file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

SIZES = {
    "float64": 8,
    "float32": 4,
    "float16": 2,
    "bfloat16": 2,
    "int64": 8,
    "int32": 4,
    "int16": 2,
    "int8": 1,
    "uint8": 1,
    "bool": 1,
    "uint64": 8,
    "uint32": 4,
    "uint16": 2,
    "complex128": 16,
    "complex64": 8,
    "complex32": 4,
    "quint8": 1,
    "qint8": 1,
    "qint32": 4,
    "quint4x2": 1,
    "quint2x4": 1,
    "float8_e4m3fn": 1,
    "float8_e5m2": 1,
    "float8_e4m3fnuz": 1,
    "float8_e5m2fnuz": 1,
    "float8_e8m0fnu": 1,
    "float4_e2m1fn_x2": 1,
}
"""PyTorch's types of numbers, and the bytes of an element."""
FLOATS = ("float64", "float32", "float16", "bfloat16")
"""The types of weights. Smaller floats are numbers only with a scale that stands elsewhere."""
INTEGERS = ("int64", "int32", "int16", "int8", "uint8")
"""The types that a counter may have, beside those of weights."""
MAX_AXES = 64
"""PyTorch's own limit."""
MAX_ELEMENTS = 1 << 50


class Damaged(Exception):
    """A file is not what its form says, or is larger than what it may hold. The text is a sentence's end."""


class Code(Exception):
    """A file asks for a function or class that is no plain value. The text is its name."""


@dataclass(frozen=True, eq=False, slots=True)
class Storage:
    """`count` numbers of one type in a row; `read(start, end)` gives the bytes between two places."""

    dtype: str
    count: int
    read: Callable[[int, int], bytes]


@dataclass(frozen=True, eq=False, slots=True)
class Record:
    """A tensor: a view of a storage, in elements. With a `kind`, it is one that has no plain numbers."""

    dtype: str
    shape: tuple[int, ...]
    stride: tuple[int, ...] = ()
    offset: int = 0
    storage: Storage | None = None
    kind: str = ""


def view(storage: Storage, offset: Any, shape: Any, stride: Any, dtype: str = "") -> Record:
    """The view, if it lies within its storage. Raises `Damaged`."""
    dtype = dtype or storage.dtype
    if not isinstance(shape, tuple) or not isinstance(stride, tuple) or len(shape) != len(stride):
        raise Damaged("a tensor has no shape")
    if any(type(n) is not int or not 0 <= n < MAX_ELEMENTS for n in (offset, *shape, *stride)):
        raise Damaged("a tensor has no shape")
    if len(shape) > MAX_AXES:
        raise Damaged(f"a tensor has {len(shape):,} axes")
    end = offset + 1 + sum((extent - 1) * step for extent, step in zip(shape, stride, strict=True))
    held = storage.count * SIZES[storage.dtype] // SIZES[dtype]
    if 0 not in shape and end > held:
        raise Damaged(f"a tensor ends at element {end:,} of {held:,}")
    return Record(dtype, shape, stride, offset, storage)


def numbers(record: Record) -> Any:
    """The tensor itself, for PyTorch; a view that repeats elements stays one."""
    import torch

    dtype = getattr(torch, record.dtype)
    if record.storage is None or 0 in record.shape:
        return torch.empty(record.shape, dtype=dtype)
    size = SIZES[record.dtype]
    count = 1 + sum((extent - 1) * step for extent, step in zip(record.shape, record.stride, strict=True))
    content = record.storage.read(record.offset * size, (record.offset + count) * size)
    if len(content) != count * size:
        raise Damaged("the numbers of a tensor are cut off")
    return torch.frombuffer(bytearray(content), dtype=dtype).as_strided(record.shape, record.stride)


def contiguous(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The strides of a tensor whose numbers stand in order."""
    return tuple(prod(shape[place + 1 :]) for place in range(len(shape)))
