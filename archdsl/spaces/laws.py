"""The laws of draws: finite domains with a probability on each value.

A domain is a row of values, numbered from 0. A draw chooses a number, so that a setting of a space is a tuple of them,
whatever its values are; nothing here holds more of a long domain than its ends.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import field
from fractions import Fraction
from typing import Literal, TypeAlias

from archdsl.analysis.values import Value
from archdsl.numbers import normalise
from archdsl.records import dataclass


@dataclass(frozen=True, slots=True)
class Grid:
    """Numbers at equal distances: `first`, `first + step`, …"""

    first: int | Fraction
    step: int | Fraction
    size: int

    def value(self, index: int) -> int | Fraction:
        return normalise(Fraction(self.first + index * self.step))

    def index(self, value: Value) -> int | None:
        """The number of a value; none for what is no value of the domain."""
        if type(value) is not int and type(value) is not Fraction:
            return None
        steps = Fraction(value - self.first) / self.step
        return int(steps) if steps.denominator == 1 and 0 <= steps < self.size else None


@dataclass(frozen=True, slots=True)
class Items:
    """Values that are listed: numbers, strings, blocks."""

    values: tuple[Value, ...]

    @property
    def size(self) -> int:
        return len(self.values)

    def value(self, index: int) -> Value:
        return self.values[index]

    def index(self, value: Value) -> int | None:
        """The number of a value; none for what is no value of the domain. 1 is not `true`."""
        for index, own in enumerate(self.values):
            if type(own) is type(value) and own == value:
                return index
        return None


Domain: TypeAlias = Grid | Items

Probability: TypeAlias = Literal["equal", "log", "weights"]


@dataclass(frozen=True, slots=True)
class Law:
    """A domain and how probable its values are.

    `equal`: all alike. `log`: the logarithm is uniform: of a number x with the density 1/x between first - step/2 and
    last, the next value of the grid that is not below it (the rule of the code of Radosavovic et al. 2020). `weights`:
    as listed; they add up to 1.
    """

    domain: Domain
    probability: Probability = "equal"
    weights: tuple[Fraction, ...] = field(default=())

    def share(self, index: int) -> float:
        """The probability of a value."""
        if self.probability == "weights":
            return float(self.weights[index])
        grid = self.domain
        if self.probability == "equal" or not isinstance(grid, Grid):
            return 1 / grid.size
        return (_end(grid, index) - _end(grid, index - 1)) / (_end(grid, grid.size - 1) - _end(grid, -1))


def _end(grid: Grid, index: int) -> float:
    """The logarithm of the upper end of a value's cell; of -1, the lower end of the first."""
    return math.log(grid.first + index * grid.step if index >= 0 else grid.first - Fraction(grid.step) / 2)


@dataclass(frozen=True, slots=True)
class Draw:
    """A name of a space with its law: one value, a list of values drawn apart (`each`), or a list of one value that is
    drawn once (`tied`)."""

    name: str
    law: Law
    count: int | None = None
    """The length of the list; none for a single value."""
    tied: bool = False

    @property
    def dimensions(self) -> int:
        """How many numbers are drawn for it."""
        return 1 if self.count is None or self.tied else self.count

    @property
    def settings(self) -> int:
        """How many values it has."""
        return int(self.law.domain.size**self.dimensions)

    def value(self, indices: Sequence[int]) -> Value:
        """The value for the numbers that were drawn, one for each dimension."""
        values = tuple([self.law.domain.value(index) for index in indices])
        if self.count is None:
            return values[0]
        return values * self.count if self.tied else values

    def indices(self, value: Value) -> tuple[int, ...] | None:
        """The numbers that give a value; none for a value that it has not."""
        if self.count is None:
            found = [self.law.domain.index(value)]
        elif not isinstance(value, tuple) or len(value) != self.count:
            return None
        else:
            found = [self.law.domain.index(part) for part in value]
            if self.tied:
                found = found[:1] if len(set(found)) == 1 else [None]
        return None if None in found else tuple([index for index in found if index is not None])


__all__ = ["Domain", "Draw", "Grid", "Items", "Law", "Probability"]
