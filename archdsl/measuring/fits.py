"""How measured numbers go with counts: Pearson's r, and curves with the error that they have on what they did not see.

A curve is a sum of terms without a constant, each a coefficient times a count or its square root (RegNet, section 4 and
figure 12: acts by the root of flops, params by flops, runtime by both). Numbers of networks differ by orders of
magnitude, so least squares are of relative residuals: sum of ((fitted - y) / y)^2. The error of a curve is the root of
the mean of these squares; left out, each network is predicted by a fit to all others.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from archdsl.records import dataclass

TERMS = {"flops": "f", "params": "p", "acts": "a", "root": "\N{SQUARE ROOT}f"}
"""What a curve may be a sum of, with its letter in formulas; `root` is the square root of flops."""
SHAPES: tuple[tuple[str, ...], ...] = (
    ("flops",),
    ("params",),
    ("acts",),
    ("flops", "root"),
    ("flops", "acts"),
)
"""The curves that times are fitted by."""


@dataclass(frozen=True)
class Curve:
    """A fitted sum of terms."""

    terms: tuple[str, ...]
    coefficients: tuple[float, ...]
    """Of one count, in the unit of what is fitted."""
    error: float
    """The root of the mean square of relative residuals."""
    left_out: float | None
    """The same where each network is predicted by a fit to all others; none for as many networks as terms, or fewer."""
    networks: int

    def at(self, counts: Mapping[str, float]) -> float:
        """The curve at a network's counts."""
        return sum(c * term_of(counts, term) for c, term in zip(self.coefficients, self.terms, strict=True))


def term_of(counts: Mapping[str, float], term: str) -> float:
    """A term's value at a network's flops, params and acts."""
    return math.sqrt(counts["flops"]) if term == "root" else float(counts[term])


def pearson(xs: Sequence[float], ys: Sequence[float]) -> float | None:
    """Pearson's correlation; none for fewer than three pairs, or where one side does not vary."""
    number = len(xs)
    if number < 3:
        return None
    mean_x, mean_y = math.fsum(xs) / number, math.fsum(ys) / number
    dx, dy = [x - mean_x for x in xs], [y - mean_y for y in ys]
    spread = math.sqrt(math.fsum(d * d for d in dx)) * math.sqrt(math.fsum(d * d for d in dy))
    if spread == 0 or len(set(xs)) == 1 or len(set(ys)) == 1:
        return None
    together = math.fsum(a * b for a, b in zip(dx, dy, strict=True))
    return max(-1.0, min(1.0, together / spread))


def fitted(counts: Sequence[Mapping[str, float]], ys: Sequence[float], terms: Sequence[str]) -> Curve | None:
    """The curve that fits positive numbers best; none where the networks do not decide it."""
    kept = [(each, y) for each, y in zip(counts, ys, strict=True) if y > 0]
    rows = [[term_of(each, term) / y for term in terms] for each, y in kept]
    coefficients = _least_squares(rows)
    if coefficients is None:
        return None
    residuals = [_at(coefficients, row) - 1 for row in rows]
    rest = [_least_squares(rows[:index] + rows[index + 1 :]) for index in range(len(rows))]
    predicted = [_at(others, row) - 1 for others, row in zip(rest, rows, strict=True) if others is not None]
    left_out = _root_mean_square(predicted) if len(predicted) == len(rows) else None
    return Curve(tuple(terms), coefficients, _root_mean_square(residuals), left_out, len(rows))


def _at(coefficients: Sequence[float], row: Sequence[float]) -> float:
    return sum(c * x for c, x in zip(coefficients, row, strict=True))


def _least_squares(rows: Sequence[Sequence[float]]) -> tuple[float, ...] | None:
    """The coefficients c with least |rows c - 1|; none where the rows do not decide them."""
    import numpy

    if not rows or len(rows) < len(rows[0]):
        return None
    matrix = numpy.array(rows, dtype=float)
    scale = numpy.linalg.norm(matrix, axis=0)  # terms differ by many orders of magnitude
    if not numpy.all(scale > 0):
        return None
    found, _, rank, _ = numpy.linalg.lstsq(matrix / scale, numpy.ones(len(rows)), rcond=1e-10)
    return tuple([float(c) for c in found / scale]) if rank == len(rows[0]) else None


def _root_mean_square(values: Sequence[float]) -> float:
    return math.sqrt(math.fsum(value * value for value in values) / len(values))


__all__ = ["SHAPES", "TERMS", "Curve", "fitted", "pearson", "term_of"]
