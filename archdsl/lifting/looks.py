"""Looks at the same elements: dimensions in another order, or under other names."""

from __future__ import annotations

from typing import Any

from archdsl.lifting.axes import permuted, regrouped
from archdsl.lifting.layouts import (
    need_map,
    one_value,
    shuffled,
)
from archdsl.lifting.lifted import Unliftable
from archdsl.lifting.reading import Call, Reading, Stack
from archdsl.lifting.stacks import joined


def reshape(reading: Reading, call: Call) -> Any:
    """The same elements in the same order under other dimensions."""
    if isinstance(call["self"], Stack):
        return joined(reading, call["self"], list(call.shape))
    seen = one_value(call["self"])
    found = regrouped(seen, list(call.shape), reading.images)
    if found is not None:
        return shuffled(reading, found)
    whole = need_map(reading, seen) if len(seen.axes) == 3 else None
    if whole is not None and (found := regrouped(whole, list(call.shape), reading.images)) is not None:
        return found
    raise Unliftable(f"a reshape to {list(call.shape)[1:]} that cuts extents otherwise than by factors")


def permute(_: Reading, call: Call) -> Any:
    """Dimensions in another order."""
    seen = one_value(call["self"])
    return permuted(seen, [int(dim) % len(seen.dims) for dim in call["dims"]])


def transpose(_: Reading, call: Call) -> Any:
    """Two dimensions in each other's place."""
    seen = one_value(call["self"])
    order = list(range(len(seen.dims)))
    a, b = (int(call[name]) % len(order) for name in ("dim0", "dim1"))
    order[a], order[b] = b, a
    return permuted(seen, order)


def same(_: Reading, call: Call) -> Any:
    """The value itself."""
    return call["self"] if call["self"] is not None else call["input"] if call["input"] is not None else call["a"]
