"""The front of members: those that no other is better than, of what they cost and of what they err."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from archdsl.statistics.arrays import Numbers, pairs_of


def front(costs: Numbers, errors: Numbers) -> npt.NDArray[np.bool_]:
    """Which of N members are on the front (N): no other has at most their cost and their error, and less of one.

    Members that are equal in both are on it together. Raises ValueError.
    """
    x, y = pairs_of(costs, errors, ("costs", "errors"))
    order = np.lexsort((y, x))
    cost, error = x[order], y[order]
    starts = np.flatnonzero(np.r_[True, cost[1:] > cost[:-1]])  # of members with one cost, the first errs least
    least = error[starts]
    before = np.r_[np.inf, np.minimum.accumulate(least)[:-1]]
    group = np.searchsorted(starts, np.arange(len(x)), side="right") - 1
    found = np.zeros(len(x), bool)
    found[order] = (error == least[group]) & (error < before[group])
    return found


__all__ = ["front"]
