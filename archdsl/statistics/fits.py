"""How one column grows with another: sums of powers fitted by least squares, and correlations.

Radosavovic et al. 2020, figure 12: activations as a·sqrt(flops), params as a·flops, runtime as a·flops + b·sqrt(flops).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from archdsl.records import dataclass
from archdsl.statistics.arrays import LEVEL, Array, Numbers, numbers_of, pairs_of, scipy, verify_share


@dataclass(frozen=True)
class Term:
    """A coefficient times a power of x."""

    power: float
    coefficient: float
    low: float
    high: float
    """Student's interval of the coefficient, as if the rests were normal, independent and of one spread."""


@dataclass(frozen=True)
class Fit:
    """y as the sum of the terms, without a constant, by least squares."""

    terms: tuple[Term, ...]
    r2: float | None
    """The share of the squares about y's mean that the fit takes away; none where y is constant."""
    deviation: float
    """The standard deviation of the rests, with n less the number of terms in the denominator."""
    n: int
    level: float

    def at(self, x: Numbers) -> Array:
        """The fitted y."""
        points = numbers_of(x, "x")
        return np.asarray(sum([term.coefficient * points**term.power for term in self.terms]), np.float64)


@dataclass(frozen=True)
class Correlation:
    """How far y goes with x: linearly (Pearson), and in order (Spearman)."""

    pearson: float
    pearson_low: float
    pearson_high: float
    """Fisher's interval."""
    spearman: float
    spearman_low: float
    spearman_high: float
    """Fisher's interval, of the variance of Bonett and Wright (2000): (1 + r²/2) / (n - 3)."""
    n: int
    level: float


def fit(x: Numbers, y: Numbers, powers: Sequence[float], level: float = LEVEL) -> Fit:
    """y (n) as a sum of powers of x (n). Raises ValueError, also where the powers cannot be told apart."""
    verify_share(level, "the level")
    if not powers:
        raise ValueError("a fit has one power or more")
    first, second = pairs_of(x, y, ("x", "y"), len(powers) + 1)
    if (first <= 0).any():
        raise ValueError("x must be above 0")
    scale = float(np.exp(np.log(first).mean()))  # so that powers of large numbers are as large as each other
    columns = np.stack([(first / scale) ** power for power in powers], axis=1)
    coefficients, _, rank, _ = np.linalg.lstsq(columns, second, rcond=None)
    if rank < len(powers):
        raise ValueError("x has too few different values for so many powers")
    rests = second - columns @ coefficients
    free = len(first) - len(powers)
    variance = float(rests @ rests) / free
    spread = np.sqrt(variance * np.diag(np.linalg.inv(columns.T @ columns)))
    reach = float(scipy("special").stdtrit(free, (1 + level) / 2)) * spread
    terms = [
        Term(float(power), *[float(end) / scale**power for end in (c, c - r, c + r)])
        for power, c, r in zip(powers, coefficients, reach, strict=True)
    ]
    about = second - second.mean()
    total = float(about @ about)
    r2 = 1 - float(rests @ rests) / total if total > 0 else None
    return Fit(tuple(terms), r2, math.sqrt(variance), len(first), level)


def correlation(x: Numbers, y: Numbers, level: float = LEVEL) -> Correlation:
    """Pearson's and Spearman's coefficients of two columns (four or more). Raises ValueError, also for a constant."""
    verify_share(level, "the level")
    first, second = pairs_of(x, y, ("x", "y"), 4)
    for name, values in (("x", first), ("y", second)):
        if (values == values[0]).all():
            raise ValueError(f"{name} is {values[0]:g} for all members, and nothing goes with a constant")
    n = len(first)
    linear, ranks = _pearson(first, second), _pearson(ranks_of(first), ranks_of(second))
    ends = [
        *_fisher(linear, 1 / (n - 3), level),
        *_fisher(ranks, (1 + ranks * ranks / 2) / (n - 3), level),
    ]
    return Correlation(linear, ends[0], ends[1], ranks, ends[2], ends[3], n, level)


def ranks_of(values: Array) -> Array:
    """Ranks from 1; equal values have the mean of theirs."""
    _, where, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts - 1) / 2)[where.reshape(-1)], np.float64)


def _pearson(x: Array, y: Array) -> float:
    first, second = [(each - each.mean()) / np.abs(each - each.mean()).max() for each in (x, y)]
    found = float(first @ second) / math.sqrt(float(first @ first) * float(second @ second))
    return min(1.0, max(-1.0, found))


def _fisher(r: float, variance: float, level: float) -> tuple[float, float]:
    if abs(r) == 1:
        return r, r
    reach = float(scipy("special").ndtri((1 + level) / 2)) * math.sqrt(variance)
    return math.tanh(math.atanh(r) - reach), math.tanh(math.atanh(r) + reach)


__all__ = ["Correlation", "Fit", "Term", "correlation", "fit", "ranks_of"]
