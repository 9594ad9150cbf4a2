"""Counting settings by tables of stages: how many give a network within bounds, and how many networks differ.

A group is a row of widths with a setting of the rest; its networks differ in their depths alone, and their costs are a
constant and a number for each block more. Groups with the same first blocks have the same networks where depths are the
same, so that these are gone through together, and counted once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from archdsl.analysis.program import walk
from archdsl.once import cached_property
from archdsl.records import dataclass
from archdsl.spaces.arrays.engine import Engine
from archdsl.spaces.arrays.forms import MEASURES, Forms
from archdsl.spaces.arrays.lanes import Array
from archdsl.spaces.arrays.listing import Lines, listing_of
from archdsl.spaces.arrays.staged import Costed, Staged, staged
from archdsl.spaces.arrays.stagings import Progress, tables_of
from archdsl.spaces.arrays.structure import Bound, Tied
from archdsl.spaces.space import Requirement
from archdsl.syntax import ast

BATCH = 1 << 20
"""Networks that are looked at together, about."""
_EXACT = 1 << 53
"""Whole numbers below are exact in doubles."""


@dataclass(frozen=True)
class Batch:
    """Networks of some groups, those of the same first blocks beside each other."""

    groups: Array
    """Groups by their places in `Tabled.groups`."""
    sizes: Array
    """How many tables each of them has."""
    tables: Array
    """The tables of all, by their numbers."""
    holds: Array
    """Whether their networks are within the bounds, and the requirements admit them."""


@dataclass(frozen=True)
class Counts:
    """What was counted of some tables."""

    valid: int
    networks: int | None
    shares: Array
    """How probable the settings of each group are that are within the bounds."""
    alike: Array
    """How many networks each of the groups with the same first blocks has, by their numbers."""


class Tabled:
    """The networks of a space with one number of stages."""

    def __init__(self, engine: Engine, of: Staged, bounds: Iterable[Bound]) -> None:
        self.engine, self.of, self.bounds = engine, of, tuple(bounds)
        self.tables = of.tables
        self.measures = _measures_of(engine, self.bounds)
        self.conditional = any(isinstance(step, Requirement) and step.counts for step in engine.space.steps)
        depths = self.tables.depths(self.tables.codes)
        self.depths = np.stack([depth.astype(np.int16) - 1 for depth in depths], axis=1)
        """How many blocks more than one each stage has (tables x stages)."""
        self._verify_exact()

    def _verify_exact(self) -> None:
        most = int(self.depths.max(initial=0)) + 1
        for name in self.measures:
            largest = int(np.abs(self.of.base[name]).max(initial=0)) + most * int(
                np.abs(self.of.further[name]).sum(axis=2).max(initial=0)
            )
            if largest >= _EXACT:
                raise Tied(f"sums of {name} may need more than 53 bits")

    @cached_property
    def groups(self) -> Array:
        """All groups (row of widths x rest, as one number), those of the same first blocks beside each other."""
        count = len(self.tables.widths) * len(self.of.rest)
        return np.arange(count) if self.of.networks is None else np.argsort(self.of.networks.ravel(), kind="stable")

    @cached_property
    def alike(self) -> Array:
        """For each of `groups` a number of its first blocks, which do not fall."""
        if self.of.networks is None:
            return np.arange(len(self.groups))
        return np.unique(self.of.networks.ravel()[self.groups], return_inverse=True)[1]

    def costs(self, name: str, group: int) -> Array:
        """What the networks of a group cost."""
        widths, rest = divmod(group, len(self.of.rest))
        first, end = self.tables.starts[widths], self.tables.starts[widths + 1]
        found = self.depths[first:end].astype(np.float64) @ self.of.further[name][widths, rest].astype(np.float64)
        total: Array = found + float(self.of.base[name][widths, rest])
        return total

    def batch(self, places: Sequence[int] | Array) -> Batch:
        """The networks of some groups, by their places. Raises `Tied`."""
        groups = self.groups[places]
        widths = groups // len(self.of.rest)
        first = self.tables.starts[widths]
        sizes = self.tables.starts[widths + 1] - first
        tables = np.arange(int(sizes.sum())) + np.repeat(first - np.cumsum(sizes) + sizes, sizes)
        holds = np.ones(len(tables), dtype=bool)
        if self.measures and len(tables):
            costs = {name: self._total(name, groups) for name in self.measures}
            for name, low, high in self.bounds:
                holds &= costs[name] >= (-1 if low is None else low)
                if high is not None:
                    holds &= costs[name] <= high
            if self.conditional and holds.any():
                kept = np.flatnonzero(holds)
                holds[kept] = Costed(self.engine, {name: of[kept] for name, of in costs.items()}).admitted()
        return Batch(np.asarray(places), sizes, tables, holds)

    def _total(self, name: str, groups: Array) -> Array:
        """What the networks of some groups cost, by the convention."""
        sums = self.engine.forms.convention
        found = np.concatenate([self.costs(name, group) for group in groups.tolist()]).astype(np.int64)
        total: Array = getattr(sums, name).total(found)
        return total

    def batches(self) -> Iterator[Batch]:
        """All groups."""
        widths = self.groups // len(self.of.rest)
        sizes = self.tables.starts[widths + 1] - self.tables.starts[widths]
        ends = np.flatnonzero(np.append(self.alike[1:] != self.alike[:-1], True)) + 1
        before = np.append(0, np.cumsum(sizes))[ends]
        begin, done = 0, 0
        while begin < len(self.groups):
            at = max(int(np.searchsorted(before, done + BATCH, side="right")) - 1, 0)
            at = at if ends[at] > begin else int(np.searchsorted(ends, begin, side="right"))
            yield self.batch(np.arange(begin, ends[at]))
            begin, done = int(ends[at]), int(before[at])

    def count(self, *, networks: bool, progress: Progress | None = None) -> Counts:
        """How many settings are valid within the bounds, and how many networks differ, if that is asked and known.

        Raises `Tied`.
        """
        if networks and self.of.networks is None:
            raise Tied(f"its networks are not told apart: {self.of.untold}")
        shares = np.zeros(len(self.groups))
        alike = np.zeros(int(self.alike[-1]) + 1 if len(self.alike) else 0, np.int64)
        valid = 0
        for batch in self.batches():
            valid += int((self.tables.times[batch.tables] * batch.holds).sum())
            first = np.cumsum(batch.sizes) - batch.sizes
            sums = np.add.reduceat(self.tables.shares[batch.tables] * batch.holds, first)
            shares[batch.groups] = sums * self.of.rest_shares[self.groups[batch.groups] % len(self.of.rest)]
            if networks:
                number, codes = self.different(batch)
                del codes
                alike += np.bincount(number, minlength=len(alike))
            if progress is not None:
                progress(int(batch.groups[-1]) + 1, len(self.groups))
        return Counts(valid, int(alike.sum()) if networks else None, shares, alike)

    def different(self, batch: Batch) -> tuple[Array, Array]:
        """The networks of a batch within the bounds, each once: numbers of first blocks, and the codes of depths."""
        of = np.repeat(self.alike[batch.groups], batch.sizes)[batch.holds]
        lowest = int(self.alike[batch.groups[0]]) if len(batch.groups) else 0
        codes = self.tables.base**self.tables.stages
        keys = np.sort((of - lowest) * codes + self.tables.codes[batch.tables[batch.holds]])
        keys = keys[np.append(True, keys[1:] != keys[:-1])] if len(keys) else keys
        number, code = np.divmod(keys, codes)
        return number + lowest, code


def _measures_of(engine: Engine, bounds: tuple[Bound, ...]) -> tuple[str, ...]:
    """The costs that bounds and requirements ask for."""
    found = {measure for measure, *_ in bounds}
    for step in engine.space.steps:
        if step.counts:
            for node in walk(step.condition if isinstance(step, Requirement) else step.binding):
                found |= {node.name} if isinstance(node, ast.Reference) else set()
                found |= {node.name.text} if isinstance(node, ast.Attribute) else set()
    return tuple([name for name in MEASURES if name in found])


class AllTabled:
    """A space that is counted by tables."""

    def __init__(
        self,
        engine: Engine,
        bounds: Iterable[Bound] = (),
        progress: Progress | None = None,
        lines: Lines | None = None,
    ) -> None:
        """Raises `Tied`."""
        self.lines = lines or Lines(engine, listing_of(engine))
        bounds = tuple(bounds)
        forms = Forms(engine.forms.convention, told=True)
        self.parts = [
            Tabled(engine, staged(self.lines, tables, forms), bounds) for tables in tables_of(self.lines, progress)
        ]

    @property
    def tables(self) -> int:
        """How many different tables of stages there are."""
        return sum(len(part.tables.codes) for part in self.parts)

    @property
    def rows(self) -> int:
        """Tables with the settings of the other draws."""
        return sum(len(part.tables.codes) * len(part.of.rest) for part in self.parts)

    def count(self, *, networks: bool = False, progress: Progress | None = None) -> list[Counts]:
        return [part.count(networks=networks, progress=progress) for part in self.parts]


__all__ = ["AllTabled", "Batch", "Counts", "Tabled"]
