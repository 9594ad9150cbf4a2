"""Step functions: what takes few values along a dimension is asked where it changes, and not everywhere.

`codes` says what settings have in common: for two values of the dimension with the same codes all values between them
have these. That is so for numbers that rise or fall along it (`trends.trend_of`), and for what was compared of such.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from archdsl.records import dataclass
from archdsl.spaces.arrays.lanes import Array

Codes: TypeAlias = Callable[[Array, Array], Array]
"""Of lines (N) and values along them (N): what settings have in common, as rows of whole numbers (N x K)."""


@dataclass(frozen=True)
class Steps:
    """Runs of values along lines, with the same codes: each begins where the one before it on the line ends."""

    line: Array
    first: Array
    end: Array
    """The first value behind it."""
    codes: Array


def steps(codes: Codes, first: Array, end: Array) -> Steps:
    """The runs of some lines, line by line: each from a value on to in front of another. Empty lines have none."""
    lines = np.flatnonzero(end > first)
    low, high = first[lines], end[lines] - 1
    at_low, at_high = codes(lines, low), codes(lines, high)
    begun = [(lines, low, at_low)]
    line = lines
    while line.size:
        differ = (at_low != at_high).any(axis=1)
        line, low, high = line[differ], low[differ], high[differ]
        at_low, at_high = at_low[differ], at_high[differ]
        beside = high - low == 1
        begun.append((line[beside], high[beside], at_high[beside]))
        line, low, high, at_low, at_high = (each[~beside] for each in (line, low, high, at_low, at_high))
        if not line.size:
            break
        middle = (low + high) // 2
        at_middle = codes(line, middle)
        line = np.concatenate([line, line])
        low, high = np.concatenate([low, middle]), np.concatenate([middle, high])
        at_low, at_high = np.concatenate([at_low, at_middle]), np.concatenate([at_middle, at_high])
    line, where, found = (np.concatenate(each) for each in zip(*begun, strict=True))
    order = np.lexsort((where, line))
    line, where, found = line[order], where[order], found[order]
    last = np.append(line[1:] != line[:-1], True) if line.size else np.zeros(0, dtype=bool)
    ends = np.append(where[1:], 0) if line.size else where
    return Steps(line, where, np.where(last, end[line], ends), found)


__all__ = ["Codes", "Steps", "steps"]
