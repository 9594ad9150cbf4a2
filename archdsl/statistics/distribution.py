"""The distribution function of errors (Radosavovic et al. 2020, equation 1), with the band of the true one."""

from __future__ import annotations

import math

import numpy as np

from archdsl.records import dataclass
from archdsl.statistics.arrays import LEVEL, Array, Numbers, numbers_of, verify_share

BAND = "Dvoretzky-Kiefer-Wolfowitz inequality with Massart's constant"


@dataclass(frozen=True, eq=False)
class Edf:
    """F(e) = 1/n sum of 1[e_i < e]: the share of members with an error less than e."""

    errors: Array
    """In ascending order (n)."""
    level: float

    @property
    def n(self) -> int:
        return len(self.errors)

    @property
    def least(self) -> float:
        return float(self.errors[0])

    @property
    def mean(self) -> float:
        """Which is what lies to the left of the function: the integral of 1 - F over errors that are not negative."""
        return math.fsum(self.errors.tolist()) / self.n

    @property
    def reach(self) -> float:
        """How far the true function is from this one at most, at every error at once, so often as the level says:
        sqrt(ln(2 / (1 - level)) / 2n)."""
        return math.sqrt(math.log(2 / (1 - self.level)) / (2 * self.n))

    def share(self, errors: Numbers) -> Array:
        """F at some errors: of members with a smaller one."""
        return np.asarray(np.searchsorted(self.errors, numbers_of(errors, "errors"), side="left") / self.n, np.float64)

    def band(self, errors: Numbers) -> tuple[Array, Array]:
        """The ends between which the true function lies at these errors, within [0, 1]."""
        share = self.share(errors)
        return np.clip(share - self.reach, 0, 1), np.clip(share + self.reach, 0, 1)

    def steps(self) -> tuple[Array, Array, Array]:
        """Every error that occurs, F there, and F directly above it, where the members with this error count too."""
        values, counts = np.unique(self.errors, return_counts=True)
        above = np.cumsum(counts) / self.n
        return values, np.concatenate([[0.0], above[:-1]]), above


def edf(errors: Numbers, level: float = LEVEL) -> Edf:
    """The distribution function of errors (n). Raises ValueError for none, and for a level outside (0, 1)."""
    verify_share(level, "the level")
    return Edf(np.sort(numbers_of(errors, "errors")), level)


__all__ = ["BAND", "Edf", "edf"]
