"""Slices of an ONNX file that together are all of a value: its parts, as a person would split it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any, NamedTuple


class Part(NamedTuple):
    """What a slice takes: one of the parts of a value along a dimension."""

    of: tuple[str, int]
    """The value and the dimension."""
    dim: int
    sizes: tuple[int, ...]
    at: int


def parts_of_slices(graph: Any, values: Mapping[str, Any]) -> dict[str, Part]:
    """For the result of each slice that is one of the parts of a value: which. `values` has what every node gives."""
    groups: dict[tuple[str, int], dict[str, tuple[int, int]]] = {}
    sizes = {}
    for proto in graph.node:
        taken = _range(proto, values) if proto.op_type == "Slice" and proto.input[0] in values else None
        if taken is not None:
            dim, size, start, stop = taken
            groups.setdefault((proto.input[0], dim), {})[proto.output[0]] = start, stop
            sizes[proto.input[0], dim] = size
    found: dict[str, Part] = {}
    for key, slices in groups.items():
        ends = sorted(set(slices.values()))
        meet = all(a[1] == b[0] for a, b in itertools.pairwise(ends))
        if len(ends) > 1 and meet and ends[0][0] == 0 and ends[-1][1] == sizes[key]:
            parts = tuple([stop - start for start, stop in ends])
            found |= {name: Part(key, key[1], parts, ends.index(own)) for name, own in slices.items()}
    return found


def _range(proto: Any, values: Mapping[str, Any]) -> tuple[int, int, int, int] | None:
    """The dimension, its size, where a slice starts and where it ends; none for one along several, or with steps."""
    told = {one.name: list(one.ints) for one in proto.attribute}
    for name, at in (("starts", 1), ("ends", 2), ("axes", 3), ("steps", 4)):
        if at < len(proto.input) and proto.input[at] in values:
            told[name] = [int(one) for one in values[proto.input[at]].flatten().tolist()]
    starts, ends = told.get("starts", []), told.get("ends", [])
    if len(starts) != 1 or len(ends) != 1 or told.get("steps", [1]) != [1]:
        return None
    shape = values[proto.input[0]].shape
    dim = told.get("axes", [0])[0] % len(shape)
    size = int(shape[dim])
    start, stop = (min(max(end + size if end < 0 else end, 0), size) for end in (starts[0], ends[0]))
    return (dim, size, start, stop) if start < stop else None


__all__ = ["Part", "parts_of_slices"]
