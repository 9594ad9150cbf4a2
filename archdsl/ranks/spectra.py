"""The spectrum of a network's features: its singular values, and what they add up to (ReXNet, table 2 and figure 5)."""

from __future__ import annotations

from collections.abc import Sequence

from archdsl.ranks.values import DEFAULT, cumulative, effective_rank, nuclear_norm, rank, tolerance
from archdsl.records import documented


@documented
class SpectrumRow:
    """One singular value of a network's features."""

    model: str
    at: str
    """Where in the network: a module path, or penultimate."""
    index: int
    """From 0, the largest first."""
    singular_value: float
    magnitude: float
    """As a share of the largest one."""
    portion: float
    """The share of all singular values that are not larger."""
    cumulative: float
    """The share that this one and all larger ones have of the sum of all."""


@documented
class SpectrumSums:
    """What the singular values of features add up to."""

    model: str
    at: str
    channels: int
    """Rows of the feature matrix."""
    columns: int
    """Images times positions."""
    nuclear_norm: float
    """The sum of the singular values; it grows with the number of images."""
    effective_rank: float
    """exp of the entropy of the singular values divided by their sum."""
    rank: int
    """By the default tolerance of torch and numpy for float32: max(channels, columns) eps of the largest."""


def spectrum_rows(model: str, at: str, values: Sequence[float]) -> list[SpectrumRow]:
    """The rows of singular values, the largest first."""
    largest, number = max(values, default=0.0), len(values)
    return [
        SpectrumRow(
            model,
            at,
            index,
            value,
            value / largest if largest > 0 else 0.0,
            (number - index) / number,
            share,
        )
        for index, (value, share) in enumerate(zip(values, cumulative(values), strict=True))
    ]


def spectrum_sums(model: str, at: str, values: Sequence[float], shape: tuple[int, int]) -> SpectrumSums:
    """What they add up to."""
    share = tolerance(DEFAULT, shape, "float32")
    return SpectrumSums(model, at, *shape, nuclear_norm(values), effective_rank(values), rank(values, share))


__all__ = ["SpectrumRow", "SpectrumSums", "spectrum_rows", "spectrum_sums"]
