"""Arrays of doubles as whole numbers, and how large the numbers of an array are."""

from __future__ import annotations

from typing import Any

import numpy as np

from archdsl.spaces.arrays.lanes import Array

_PART = 1 << 14
"""Numbers of which all that lies between fits into a processor's cache."""
WHOLE = 2.0**52
"""Doubles from here on have no places behind the point."""
_CLOSE = 2.0**-24
_ROUNDED: dict[str, Any] = {"floor": np.floor, "ceiling": np.ceil, "round": np.rint}


def largest_of(values: Array) -> int:
    """The largest size of whole numbers."""
    return max(abs(int(values.max())), abs(int(values.min()))) if values.size else 0


def size_of(values: Array) -> float:
    """The largest size of doubles; not a number where one is none."""
    return max(float(values.max()), -float(values.min())) if values.size else 0.0


def to_whole(values: Array, name: str, largest: float, relative: float, absolute: float) -> tuple[Array, Array | None]:
    """Whole numbers, and which of them are so close to a boundary that the other side of it may be meant; none are.

    `largest` is their largest size; they are off by no more than `relative` of them and `absolute` beside. It goes part
    by part, for what lies between is then in the processor's cache.
    """
    every = largest * relative + absolute
    flat, nearest = values.reshape(-1), _ROUNDED[name]
    whole, close = np.empty(flat.shape, np.int64), None
    for start in range(0, len(flat), _PART):
        part = flat[start : start + _PART]
        # Where the error of the largest is too much for the others, each has its own.
        error: Any = every if every <= _CLOSE else np.abs(part) * relative + absolute
        found = nearest(part)
        whole[start : start + _PART] = found
        distance = np.abs(np.subtract(part, found, out=found), out=found)
        near = distance >= 0.5 - error if name == "round" else (distance <= error) | (distance >= 1 - error)
        if near.any():
            close = np.zeros(flat.shape, bool) if close is None else close
            close[start : start + _PART] = near
    return whole.reshape(values.shape), None if close is None else close.reshape(values.shape)


__all__ = ["WHOLE", "largest_of", "size_of", "to_whole"]
