"""The dimensions of a space as Optuna has them: a parameter for each that has more than one value.

A parameter is called as its column of a population, and has the values that stand there: whole numbers and numbers
with a distribution between the ends (logarithmic where the law is, or where listed numbers have equal ratios), truth
values and texts with a categorical one. A number between two values of the domain may be suggested; told is the
member's own always.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from archdsl.records import dataclass
from archdsl.spaces.arrays.draws import dimensions_of
from archdsl.spaces.arrays.engine import Settings
from archdsl.spaces.laws import Grid, Law
from archdsl.spaces.opened import Opened
from archdsl.spaces.population import Coding

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Parameter:
    """A dimension of a space with the distribution that Optuna has of it."""

    dimension: int
    coding: Coding
    distribution: BaseDistribution
    numbered: bool = False
    """Whether values stand by their numbers in the domain, since doubles do not tell them apart."""

    @property
    def name(self) -> str:
        return self.coding.column

    @property
    def ordered(self) -> bool:
        return not isinstance(self.distribution, CategoricalDistribution)

    def value(self, number: int) -> Any:
        """What Optuna is told of the value of that number."""
        return number if self.numbered else self.coding.cell(number)

    def number(self, value: Any) -> int:
        """The number of the value next to one that was suggested; of two the first."""
        if not self.ordered:
            known = [self.coding.cell(number) for number in range(self.coding.domain.size)]
            return known.index(value)
        if self.numbered:
            return int(value)
        grid = self.coding.domain
        if isinstance(grid, Grid):
            steps = (Fraction(value) - Fraction(grid.first)) / Fraction(grid.step)
            return min(max(round(steps), 0), grid.size - 1)
        every = self.places(np.arange(grid.size, dtype=np.int64))
        return int(np.argmin(np.abs(every - self.place(value))))

    def place(self, value: float) -> float:
        """Where a number stands between the ends of the distribution: 0 to 1."""
        return float(self._scaled(np.array([float(value)]))[0])

    def places(self, numbers: npt.NDArray[np.int64]) -> Array:
        """Where values stand between the ends, by their numbers; of what has no order, the numbers themselves."""
        if not self.ordered:
            return numbers.astype(np.float64)
        different, where = np.unique(numbers, return_inverse=True)
        values = np.array([float(self.value(int(number))) for number in different], np.float64)
        return self._scaled(values)[where]

    def _scaled(self, values: Array) -> Array:
        ends = self.distribution
        low, high = float(ends.low), float(ends.high)  # type: ignore[attr-defined]  # it is ordered
        if ends.log:  # type: ignore[attr-defined]
            return np.asarray(np.log(values / low) / np.log(high / low), np.float64)
        return np.asarray((values - low) / (high - low), np.float64)


def parameters_of(opened: Opened) -> list[Parameter]:
    """The parameters of a space, in the order of its dimensions; what has one value is none."""
    found = []
    for dimension, (coding, (_, _, law)) in enumerate(zip(opened.codings, dimensions_of(opened.space), strict=True)):
        if law.domain.size > 1:
            found.append(_parameter(dimension, coding, law))
    return found


def _parameter(dimension: int, coding: Coding, law: Law) -> Parameter:
    grid, kind = law.domain, coding.kind
    if not isinstance(grid, Grid):
        cells = [coding.cell(number) for number in range(grid.size)]
        if kind in ("text", "bool"):
            return Parameter(dimension, coding, CategoricalDistribution(cells))
        values = sorted([Fraction(cell) for cell in cells if cell is not None])
        return Parameter(dimension, coding, _between(values[0], values[-1], kind == "int", _geometric(values)))
    if kind == "text":
        return Parameter(dimension, coding, IntDistribution(0, grid.size - 1), numbered=True)
    first, last = Fraction(grid.first), Fraction(grid.value(grid.size - 1))
    low, high = min(first, last), max(first, last)
    return Parameter(dimension, coding, _between(low, high, kind == "int", law.probability == "log"))


def _between(low: Fraction, high: Fraction, whole: bool, log: bool) -> BaseDistribution:
    """Steps are left out: what is suggested goes to a member, whose values are of the domain."""
    if whole:
        return IntDistribution(int(low), int(high), log=log and low >= 1)
    return FloatDistribution(float(low), float(high), log=log and low > 0)


def _geometric(values: Sequence[Fraction]) -> bool:
    """Whether numbers are at equal ratios, as powers of two."""
    if len(values) < 3 or values[0] <= 0:
        return False
    return all(values[0] * b == values[1] * a for a, b in pairwise(values))


def params_of(parameters: Sequence[Parameter], setting: Sequence[int]) -> dict[str, Any]:
    """A setting as the parameters of a trial."""
    return {each.name: each.value(setting[each.dimension]) for each in parameters}


def nearest_setting(parameters: Sequence[Parameter], params: Mapping[str, Any], dimensions: int) -> tuple[int, ...]:
    """The setting next to what was suggested, dimension by dimension; it need be no member."""
    numbers = [0] * dimensions
    for each in parameters:
        numbers[each.dimension] = each.number(params[each.name])
    return tuple(numbers)


def distances(parameters: Sequence[Parameter], params: Mapping[str, Any], settings: Settings) -> Array:
    """How far settings are from what was suggested: the sum of squares over the parameters, each with its ends at the
    distance 1, and values without an order at the distance 1 from one another (as Gower 1971)."""
    found = np.zeros(len(settings))
    for each in parameters:
        column = settings[:, each.dimension]
        if each.ordered:
            found += (each.places(column) - each.place(params[each.name])) ** 2
        else:
            found += column != each.number(params[each.name])
    return found


__all__ = ["Parameter", "distances", "nearest_setting", "parameters_of", "params_of"]
