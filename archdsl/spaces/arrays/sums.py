"""Counting settings whose costs are sums: how many of all sums of a number of each part lie within bounds.

The parts are put together in two halves. All sums of a half are worked out, each with how often it comes; for every one
of the first half those of the second that lie within what is left of the bounds are counted at once, since these are
sorted. Everything is a whole number.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from archdsl.records import dataclass
from archdsl.spaces.arrays.column import WIDE, Array
from archdsl.spaces.arrays.structure import Bound, Case, Part, Tied

MAX_SUMS = 1 << 24
"""Sums of one half."""


@dataclass(frozen=True)
class _Sums:
    """Different sums in their order, and how often each comes."""

    values: Array
    times: Array


def valid(case: Case, bounds: Iterable[Bound] = ()) -> int:
    """How many settings of a case are valid, and within more bounds. Raises `Tied`."""
    every: dict[str, tuple[int | None, int | None]] = {}
    for measure, low, high in (*case.bounds, *bounds):
        least, most = every.get(measure, (None, None))
        every[measure] = _larger(least, low), _smaller(most, high)
    binding = []
    for measure, (low, high) in every.items():
        least, most = _ends(case, measure)
        if (low is not None and low > most) or (high is not None and high < least):
            return 0
        if (low is not None and low > least) or (high is not None and high < most):
            binding.append((measure, max(least, least if low is None else low), min(most, most if high is None else high)))
    if not binding:
        return case.settings
    if len(binding) > 1:
        names = " and ".join([measure for measure, _, _ in binding])
        raise Tied(f"bounds of {names} are not counted together")
    measure, low, high = binding[0]
    if low > high:
        return 0
    return _within([part for part in case.parts if len(part.settings) > 0], measure, low - case.base[measure], high - case.base[measure], case.settings)


def _larger(a: int | None, b: int | None) -> int | None:
    return a if b is None else b if a is None else max(a, b)


def _smaller(a: int | None, b: int | None) -> int | None:
    return a if b is None else b if a is None else min(a, b)


def _ends(case: Case, measure: str) -> tuple[int, int]:
    """The least and the largest cost."""
    base = case.base[measure]
    least = base + sum(int(part.costs[measure].min()) for part in case.parts)
    return least, base + sum(int(part.costs[measure].max()) for part in case.parts)


def _within(parts: Sequence[Part], measure: str, low: int, high: int, settings: int) -> int:
    """How many sums lie within bounds, both of which are between the least and the largest sum."""
    if sum(int(np.abs(part.costs[measure]).max()) for part in parts) >= WIDE // 4:
        raise Tied(f"sums of {measure} may need more than 64 bits")
    kind: Any = np.int64 if settings < WIDE else object
    halves = [_Sums(np.zeros(1, np.int64), np.ones(1, kind)) for _ in range(2)]
    for part in sorted(parts, key=lambda part: len(part.settings), reverse=True):
        smaller = int(len(halves[1].values) < len(halves[0].values))
        halves[smaller] = _together(halves[smaller], part.costs[measure], measure)
    one, other = halves
    before = np.concatenate([np.zeros(1, kind), np.cumsum(other.times)])
    first = np.searchsorted(other.values, low - one.values, side="left")
    last = np.searchsorted(other.values, high - one.values, side="right")
    return int((one.times * (before[last] - before[first])).sum())


def _together(sums: _Sums, costs: Array, measure: str) -> _Sums:
    """Each of some sums with each of a part's numbers."""
    own, often = np.unique(costs, return_counts=True)
    if len(sums.values) * len(own) > MAX_SUMS:
        raise Tied(f"there are too many different sums of {measure}")
    values = (sums.values[:, None] + own[None, :]).ravel()
    times = (sums.times[:, None] * often.astype(sums.times.dtype)[None, :]).ravel()
    order = np.argsort(values, kind="stable")
    values, times = values[order], times[order]
    first = np.flatnonzero(np.concatenate([np.ones(1, dtype=bool), values[1:] != values[:-1]]))
    return _Sums(values[first], np.add.reduceat(times, first))


__all__ = ["valid"]
