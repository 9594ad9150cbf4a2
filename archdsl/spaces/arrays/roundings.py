"""Arrays of doubles as whole numbers, and how large the numbers of an array are."""

from __future__ import annotations

from typing import Any

import numpy as np

from archdsl.spaces.arrays.lanes import Array

_PART = 1 << 14
"""Numbers of which all that lies between fits into a processor's cache."""
IN_DOUBLES = 1 << 51
"""Of whole numbers below it, doubles give a quotient that rounds to the same whole number as an exact one: it is off by
2^-53 of itself at most, and n / d that is no whole number and no half of one is off these by 1 / 2d or more, which is
more than 2^-52 of it."""
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


def quotient(num: Array, den: Any, name: str, *, in_doubles: bool) -> Array:
    """Whole numbers by whole numbers above zero, rounded; `in_doubles` if none of them is `IN_DOUBLES` or larger.

    A division of doubles takes a fraction of the time of one of whole numbers, part by part.
    """
    if not in_doubles or num.dtype == object or isinstance(den, int) or num.shape != den.shape:
        return np.asarray(_DIVIDED[name](num, den))
    above, below, nearest = num.reshape(-1), den.reshape(-1), _ROUNDED[name]
    found = np.empty(above.shape, np.int64)
    for start in range(0, len(above), _PART):
        own = slice(start, start + _PART)
        part = above[own] / below[own]
        found[own] = nearest(part, out=part)
    return found.reshape(num.shape)


def nearest_of(num: Any, den: Any) -> Any:
    """The nearest whole number of a quotient, of two the even one."""
    twice, whole = 2 * num + den, 2 * den
    found = twice // whole
    return found - ((found * whole == twice) & (found % 2 != 0))


_DIVIDED: dict[str, Any] = {
    "floor": lambda num, den: num // den,
    "ceiling": lambda num, den: -(-num // den),
    "round": nearest_of,
}


__all__ = ["IN_DOUBLES", "WHOLE", "largest_of", "nearest_of", "quotient", "size_of", "to_whole"]
