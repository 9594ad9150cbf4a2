"""What is drawn, in numbers: a row for each block, for each stage, and for each network of a scaling.

Counts are exact integers. Shares, ratios and fitted lines are computed as fractions and become floats at the end, so
that they are the same on every machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from archdsl.backends.summary import parts_of
from archdsl.graph.cost import Cost, count
from archdsl.graph.network import Network
from archdsl.records import dataclass, documented


@documented
class BlockRow:
    """A block of a stage."""

    model: str
    """Its label in the picture."""
    index: int
    """From 0, through all stages."""
    path: str
    """Its module path; empty where the widths are a list's."""
    width: int
    """Output channels."""
    fit: float | None
    """The fitted line at this index; null where none is drawn."""


@documented
class ScaledRow:
    """A model scaled by a strategy."""

    model: str
    strategy: str
    factor: float
    flops: int
    params: int
    acts: int
    flops_ratio: float
    """Of the model as it is given."""
    params_ratio: float
    acts_ratio: float
    input: list[int]
    """Channels, height, width."""
    hash: str


@documented
class StageRow:
    """A stage, a stem or a head. The rows of a model add up to its totals."""

    model: str
    path: str
    flops: int
    params: int
    acts: int
    flops_share: float
    """Of the model's total; 0 where that is 0."""
    params_share: float
    acts_share: float


@dataclass(frozen=True)
class Fit:
    """The line `intercept + slope * index` through widths, by least squares; exact."""

    model: str
    intercept: Fraction
    slope: Fraction

    def at(self, index: int) -> Fraction:
        """The line's width at a block's index."""
        return self.intercept + self.slope * index


def widths_of(network: Network) -> list[tuple[str, tuple[int, ...]]]:
    """Path and output channels of every block of the stages, in their order: of each map that it gives."""
    parts = [part for part in parts_of(network, count(network)) if part.path.split(".")[2:3] == ["blocks"]]
    given = dict(network.ends)
    return [(part.path, tuple([int(network.shape(value)[0]) for value in given[part.path]])) for part in parts]


def fit_of(model: str, widths: Sequence[int]) -> Fit | None:
    """The line that fits widths best by their index; none for fewer than two."""
    number = len(widths)
    if number < 2:
        return None
    middle = Fraction(number - 1, 2)
    mean = Fraction(sum(widths), number)
    products = sum([(index - middle) * (width - mean) for index, width in enumerate(widths)], start=Fraction(0))
    squares = sum([(index - middle) ** 2 for index in range(number)], start=Fraction(0))
    slope = products / squares
    return Fit(model, mean - slope * middle, slope)


def block_rows(model: str, widths: Sequence[tuple[str, tuple[int, ...]]], fit: Fit | None = None) -> list[BlockRow]:
    """The rows of one model's blocks: one for each map that a block gives."""
    return [
        BlockRow(model, index, path, width, float(fit.at(index)) if fit is not None else None)
        for index, (path, each) in enumerate(widths)
        for width in each
    ]


def stage_rows(model: str, cost: Cost) -> list[StageRow]:
    """The rows of one model's stages."""
    return [
        StageRow(
            model,
            group.key,
            int(group.flops),
            int(group.params),
            int(group.acts),
            _ratio(group.flops, cost.flops),
            _ratio(group.params, cost.params),
            _ratio(group.acts, cost.acts),
        )
        for group in cost.by("stage")
    ]


def scaled_row(model: str, base: Cost, strategy: str, factor: Fraction, network: Network, cost: Cost) -> ScaledRow:
    """The row of one scaled network."""
    return ScaledRow(
        model,
        strategy,
        float(factor),
        int(cost.flops),
        int(cost.params),
        int(cost.acts),
        _ratio(cost.flops, base.flops),
        _ratio(cost.params, base.params),
        _ratio(cost.acts, base.acts),
        [int(extent) for extent in network.input],
        network.hash,
    )


def _ratio(part: Any, whole: Any) -> float:
    return float(Fraction(int(part), int(whole))) if whole else 0.0
