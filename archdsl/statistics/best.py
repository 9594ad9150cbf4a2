"""Where the best members lie, and how good the best of so many is: the empirical bootstrap in closed form.

Radosavovic et al. 2020, footnote 4: draw 25 % of n pairs (x, error) with replacement, keep the pair of least error,
repeat this 10^4 times; the 2.5 % and 97.5 % points of x are the range that holds the best, the median is the likely
best. Nothing has to be drawn for that. The k-th best of n is the best of m that are drawn with probability

    p_k = ((n - k + 1) / n)^m - ((n - k) / n)^m

and members with the same error share what they have together. Without replacement it is C(n - k, m - 1) / C(n, m).
"""

from __future__ import annotations

import math

import numpy as np

from archdsl.records import dataclass
from archdsl.statistics.arrays import LEVEL, Array, Numbers, numbers_of, pairs_of, verify_share

SHARE = 0.25
"""Of the members, that are drawn each time."""
ROUNDING = 1e-12
"""What sums of probabilities may be off by."""


@dataclass(frozen=True)
class Best:
    """The range of a column that holds the best members."""

    low: float
    likely: float
    """The median."""
    high: float
    drawn: int
    """How many are drawn each time."""
    n: int
    level: float


@dataclass(frozen=True, eq=False)
class Curve:
    """The least error of m members, for some m."""

    sizes: tuple[int, ...]
    expected: Array
    """The mean of the least error of so many."""
    low: Array
    """Of all draws of so many, (1 - level) / 2 find no greater an error."""
    high: Array
    replacement: bool
    level: float


def size_of(n: int, share: float = SHARE) -> int:
    """How many that share of n is, rounded; one at least."""
    return max(1, math.floor(share * n + 0.5))


def by_rank(n: int, m: int, *, replacement: bool = True) -> Array:
    """The probability that the k-th best of n is the best of m that are drawn, for k from 1 (n).

    Raises ValueError where m is not from 1 on, or without replacement greater than n.
    """
    if m < 1 or (m > n and not replacement):
        most = "" if replacement else f" to {n}, of which none is drawn twice"
        raise ValueError(f"what is drawn must be 1{most or ' or more'}, not {m}")
    worse = np.arange(n, -1, -1, dtype=np.float64)
    if replacement:
        beyond = (worse / n) ** m
    else:  # that all m are among the n - k worst: a product of (n - k + 1 - m) / (n - k + 1)
        beyond = np.concatenate([[1.0], np.cumprod(np.maximum(worse[:-1] - m, 0) / worse[:-1])])
    return np.asarray(beyond[:-1] - beyond[1:], np.float64)


def weights(errors: Numbers, m: int, *, replacement: bool = True) -> Array:
    """The probability of each member to be the best of m that are drawn (n); of equal errors each is as probable."""
    found = numbers_of(errors, "errors")
    _, where, counts = np.unique(found, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    total = np.concatenate([[0.0], np.cumsum(by_rank(len(found), m, replacement=replacement))])
    each = (total[ends] - total[ends - counts]) / counts
    return np.asarray(each[where.reshape(-1)], np.float64)


def quantile(values: Array, probable: Array, level: float) -> float:
    """The least value that is not exceeded with at least that probability."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(probable[order]) >= level * probable.sum() - ROUNDING
    return float(values[order][int(np.argmax(reached))])


def best(values: Numbers, errors: Numbers, *, share: float = SHARE, level: float = LEVEL) -> Best:
    """The range of a column's values (n) that holds the best members, by their errors (n). Raises ValueError."""
    verify_share(level, "the level")
    if not 0 < share <= 1:
        raise ValueError(f"the share that is drawn must be above 0 and at most 1, not {share:g}")
    x, e = pairs_of(values, errors, ("values", "errors"))
    m = size_of(len(x), share)
    probable = weights(e, m)
    low, likely, high = [quantile(x, probable, at) for at in ((1 - level) / 2, 0.5, (1 + level) / 2)]
    return Best(low, likely, high, m, len(x), level)


def sizes_of(n: int) -> tuple[int, ...]:
    """1, 2, 3, 4, 6, 8, 12, 16, … up to n, and n."""
    found = {n}
    power = 1
    while power <= n:
        found |= {power, min(n, power * 3 // 2)}
        power *= 2
    return tuple(sorted(found))


def curve(
    errors: Numbers, sizes: tuple[int, ...] | None = None, *, replacement: bool = True, level: float = LEVEL
) -> Curve:
    """The least error of m members that are drawn at random, for each size m; those of `sizes_of`, if none are given.

    Drawn with replacement, as the paper does it, the errors stand for the distribution that they are of. Without, the
    mean is that over all choices of m of the n members, which has no bias as an estimate of E[least of m].
    Raises ValueError.
    """
    verify_share(level, "the level")
    e = np.sort(numbers_of(errors, "errors"))
    asked = sizes if sizes is not None else sizes_of(len(e))
    if not asked:
        raise ValueError("no number of members is asked for")
    expected, low, high = [], [], []
    for m in asked:
        probable = by_rank(len(e), m, replacement=replacement)
        expected.append(float(e @ probable))
        low.append(quantile(e, probable, (1 - level) / 2))
        high.append(quantile(e, probable, (1 + level) / 2))
    return Curve(tuple(asked), np.array(expected), np.array(low), np.array(high), replacement, level)


__all__ = ["SHARE", "Best", "Curve", "best", "by_rank", "curve", "quantile", "size_of", "sizes_of", "weights"]
