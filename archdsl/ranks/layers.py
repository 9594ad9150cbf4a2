"""Layers of random sizes, and the means of what their features' singular values say (ReXNet, section 3.2).

A network of the study has a number. Its width and its expansion depend on the seed and that number alone; the widths in
front of it follow from the ratio. So one network is the same for all layers, activations and ratios, and its images and
weights are drawn from a seed that its number and the layer decide, the same for all activations.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Callable, Iterator, Sequence

from archdsl.ranks.values import effective_rank, rank, tolerance
from archdsl.records import dataclass, documented

Z = 1.959963984540054
"""The 97.5 % quantile of the normal distribution."""


@dataclass(frozen=True)
class Study:
    """What is drawn and measured."""

    layers: tuple[str, ...]
    activations: tuple[str, ...]
    ratios: tuple[float, ...]
    """d_in / d_out."""
    tolerances: tuple[str, ...]
    networks: int
    seed: int
    widths: tuple[int, int]
    """The least and the largest d_out, all alike likely."""
    expands: tuple[int, int]
    """The same for the expansion within a bottleneck."""
    columns: int
    """Columns of the feature matrix for each of its rows, at least: images times positions."""
    law: str
    """Of X."""
    dtype: str


@dataclass(frozen=True)
class Layer:
    """A layer to measure, with the activation that is left open."""

    name: str
    activation: str
    d_in: int
    d_out: int
    expand: int
    seed: int
    """Of weights and images."""


@dataclass(frozen=True)
class Values:
    """Singular values of a layer's features, which are a matrix with a row for each channel."""

    singular: Sequence[float]
    shape: tuple[int, int]


@documented
class RankRow:
    """A layer with an activation at one ratio: means over networks of random sizes, as shares of d_out."""

    model: str
    """The layer."""
    activation: str
    ratio: float
    """d_in / d_out."""
    networks: int
    """Over which the means are taken."""
    tolerance: str
    """As a share of the largest singular value; default: max(m, n) eps, as torch and numpy have it."""
    rank_ratio: float
    """Mean of rank / d_out."""
    rank_low: float
    """The 95 % interval of the mean, by the normal distribution; of one network that value."""
    rank_high: float
    effective_ratio: float
    """Mean of the effective rank / d_out, which needs no tolerance: exp of the singular values' entropy."""
    effective_low: float
    effective_high: float


Measure = Callable[[Layer], Values]


def drawn(study: Study, number: int) -> tuple[int, int]:
    """The width and the expansion of a network."""
    rng = random.Random(f"{study.seed}:{number}")
    return rng.randint(*study.widths), rng.randint(*study.expands)


def layers_of(study: Study, number: int) -> Iterator[tuple[tuple[str, str, float], Layer]]:
    """All layers of one network, each with its cell of the table."""
    d_out, expand = drawn(study, number)
    for name in study.layers:
        for ratio in study.ratios:
            d_in = max(1, round(ratio * d_out))
            digest = hashlib.sha256(f"{study.seed}:{number}:{name}:{ratio}".encode()).digest()
            seed = int.from_bytes(digest[:7], "big")
            for activation in study.activations:
                yield (name, activation, ratio), Layer(name, activation, d_in, d_out, expand, seed)


class Means:
    """What was measured so far, by cell of the table."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self._found: dict[tuple[str, str, float], list[tuple[list[float], float]]] = {}
        self.networks = 0

    def add(self, number: int, measure: Measure) -> None:
        """One more network, with all its layers or none: what is interrupted does not count."""
        found = []
        for cell, layer in layers_of(self.study, number):
            values = measure(layer)
            shares = [tolerance(name, values.shape, self.study.dtype) for name in self.study.tolerances]
            ratios = [rank(values.singular, share) / layer.d_out for share in shares]
            found.append((cell, (ratios, effective_rank(values.singular) / layer.d_out)))
        for cell, figures in found:
            self._found.setdefault(cell, []).append(figures)
        self.networks += 1

    def rows(self) -> list[RankRow]:
        """The means, by layer, activation and ratio."""
        study = self.study
        cells = [(name, act, ratio) for name in study.layers for act in study.activations for ratio in study.ratios]
        return [
            self._row(cell, place, tolerance_)
            for cell in cells
            if cell in self._found
            for place, tolerance_ in enumerate(study.tolerances)
        ]

    def _row(self, cell: tuple[str, str, float], place: int, tolerance_: str) -> RankRow:
        found = self._found[cell]
        ranks = mean_with_interval([ratios[place] for ratios, _ in found])
        effective = mean_with_interval([share for _, share in found])
        return RankRow(*cell, len(found), tolerance_, *ranks, *effective)


def mean_with_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """The mean, and its 95 % interval by the normal distribution."""
    number = len(values)
    mean = math.fsum(values) / number
    if number == 1:
        return mean, mean, mean
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (number - 1))
    reach = Z * deviation / math.sqrt(number)
    return mean, mean - reach, mean + reach


__all__ = ["Layer", "Means", "Measure", "RankRow", "Study", "Values", "drawn", "layers_of", "mean_with_interval"]
