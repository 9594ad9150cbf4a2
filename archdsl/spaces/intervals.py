"""Shares that were measured on draws, with what can be said of the true ones."""

from __future__ import annotations

import math

from archdsl.records import dataclass

LEVEL = 0.95
"""How often an interval holds the true share."""
QUANTILE = 1.959963984540054
"""Of the normal distribution, for that level on both sides."""
METHOD = "Wilson score interval, 95 %"


@dataclass(frozen=True, slots=True)
class Share:
    """`count` of `of` draws, and the interval of the true share (Wilson 1927)."""

    count: int
    of: int

    @property
    def share(self) -> float | None:
        """None where nothing was drawn."""
        return self.count / self.of if self.of else None

    @property
    def low(self) -> float:
        return self._end(-1)

    @property
    def high(self) -> float:
        return self._end(1)

    def _end(self, sign: int) -> float:
        if not self.of:
            return float(sign > 0)
        if self.count == (self.of if sign > 0 else 0):
            return float(sign > 0)  # which rounding would miss
        n, p, z = self.of, self.count / self.of, QUANTILE
        middle = p + z * z / (2 * n)
        reach = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return min(1.0, max(0.0, (middle + sign * reach) / (1 + z * z / n)))


__all__ = ["LEVEL", "METHOD", "QUANTILE", "Share"]
