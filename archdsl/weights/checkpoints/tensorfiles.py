"""The form of a .safetensors file: the length of a header, the header as JSON, and the numbers.

The header has for every tensor its type, its shape and where its numbers begin and end. They follow each other
without gaps; a file in which a name stands twice, or two tensors share bytes, is refused.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from math import prod
from typing import Any, BinaryIO

from archdsl.weights.checkpoints.records import (
    MAX_AXES,
    MAX_ELEMENTS,
    SIZES,
    Damaged,
    Record,
    Storage,
    contiguous,
)

MAX_HEADER = 100_000_000
"""Bytes of a header: the form's own limit."""
METADATA = "__metadata__"
TYPES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U64": "uint64",
    "U32": "uint32",
    "U16": "uint16",
    "U8": "uint8",
    "BOOL": "bool",
    "C64": "complex64",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "F8_E8M0": "float8_e8m0fnu",
}


def read_tensors(file: BinaryIO, size: int) -> dict[str, Record]:
    """The tensors of a file, by name, in the order of their numbers. Raises `Damaged`."""
    start = file.read(8)
    length = int.from_bytes(start, "little")
    if len(start) < 8 or length > min(MAX_HEADER, size - 8):
        raise Damaged("its header is cut off")
    try:
        header = json.loads(file.read(length).decode("utf-8"), object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        raise Damaged("its header is no JSON") from None
    if not isinstance(header, dict):
        raise Damaged("its header is no JSON object")
    header.pop(METADATA, None)
    places = {name: _place(name, entry) for name, entry in header.items()}
    found, end = {}, 0
    for name, (kind, shape, (first, last)) in sorted(places.items(), key=lambda item: item[1][2]):
        if first != end:
            raise Damaged(f"the numbers of {name} begin at {first:,}, and those before end at {end:,}")
        end = last
        if kind not in TYPES:
            found[name] = Record(kind, shape, kind=kind)
            continue
        dtype = TYPES[kind]
        if last - first != prod(shape) * SIZES[dtype]:
            raise Damaged(f"{name} has {last - first:,} bytes for {prod(shape):,} numbers of {SIZES[dtype]}")
        storage = Storage(dtype, prod(shape), _reader(file, 8 + length + first))
        found[name] = Record(dtype, shape, contiguous(shape), 0, storage)
    if end != size - 8 - length:
        raise Damaged(f"it has {size - 8 - length:,} bytes of numbers, and its header tells of {end:,}")
    return {name: found[name] for name in header}


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise Damaged(f"it has {twice} twice")
    return found


def _place(name: str, entry: Any) -> tuple[str, tuple[int, ...], tuple[int, int]]:
    """Type, shape, and where the numbers begin and end."""
    try:
        kind, shape, (first, last) = entry["dtype"], tuple(entry["shape"]), entry["data_offsets"]
    except (KeyError, TypeError, ValueError):
        raise Damaged(f"its header does not tell what {name} is") from None
    whole = all(type(n) is int and 0 <= n < MAX_ELEMENTS for n in (*shape, first, last))
    if not isinstance(kind, str) or not whole or first > last or len(shape) > MAX_AXES:
        raise Damaged(f"its header does not tell what {name} is")
    return kind, shape, (first, last)


def _reader(file: BinaryIO, place: int) -> Callable[[int, int], bytes]:
    def read(start: int, end: int) -> bytes:
        file.seek(place + start)
        return file.read(end - start)

    return read
