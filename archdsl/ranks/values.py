"""What singular values say of a matrix."""

from __future__ import annotations

import math
from collections.abc import Sequence

EPSILONS = {"float32": 2.0**-23, "float64": 2.0**-52}
"""The distance from 1 to the next number of a dtype."""
DEFAULT = "default"
"""The tolerance of `torch.linalg.matrix_rank` and `numpy.linalg.matrix_rank`."""


def tolerance(name: str, shape: tuple[int, int], dtype: str) -> float:
    """A tolerance as a share of the largest singular value: a number as text, or `DEFAULT`: max(m, n) eps."""
    return max(shape) * EPSILONS[dtype] if name == DEFAULT else float(name)


def rank(values: Sequence[float], share: float) -> int:
    """How many singular values are above a share of the largest one: the numerical rank."""
    bound = share * max(values, default=0.0)
    return sum(value > bound for value in values)


def effective_rank(values: Sequence[float]) -> float:
    """exp of the entropy of the singular values divided by their sum (Roy and Vetterli 2007); 0 of a matrix of zeros.

    It needs no tolerance: n equal values have n, and a value that is small beside the others adds little.
    """
    total = math.fsum(values)
    if total <= 0:
        return 0.0
    shares = [value / total for value in values]
    return math.exp(-math.fsum(share * math.log(share) for share in shares if share > 0))


def nuclear_norm(values: Sequence[float]) -> float:
    """The sum of the singular values."""
    return math.fsum(values)


def portion(values: Sequence[float], magnitude: float) -> float:
    """The share of singular values of at most a magnitude, where the largest is 1 (ReXNet, figure 5)."""
    bound = magnitude * max(values, default=0.0)
    return sum(value <= bound for value in values) / len(values) if values else 0.0


def cumulative(values: Sequence[float]) -> list[float]:
    """The shares that the largest 1, 2, … singular values have of their sum."""
    total, sums, so_far = math.fsum(values), [], 0.0
    for value in sorted(values, reverse=True):
        so_far += value
        sums.append(min(1.0, so_far / total) if total > 0 else 0.0)
    return sums


__all__ = ["DEFAULT", "EPSILONS", "cumulative", "effective_rank", "nuclear_norm", "portion", "rank", "tolerance"]
