"""Members drawn without rejection: each with the probability that the laws of the space give it among all members.

What is counted exactly (`sums.py`, `tabled.py`) tells how probable all members together are that share a part of what
is chosen, so that one choice is made after the other, and none is taken back. Weights are sums of probabilities in
doubles. What is chosen for number i depends on the seed and i alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import numpy as np

from archdsl.records import dataclass
from archdsl.spaces.arrays.draws import BITS, chosen, dimensions_of, edges_of, uniform
from archdsl.spaces.arrays.engine import Settings
from archdsl.spaces.arrays.lanes import Array
from archdsl.spaces.arrays.sampled import Asked, Band, Piece, Tally, Wanted, first_of, pieces
from archdsl.spaces.arrays.stagings import Pieces, Progress
from archdsl.spaces.arrays.structure import Bound, Case, Tied, cases_of
from archdsl.spaces.arrays.sums import Free, Halved, halved
from archdsl.spaces.arrays.tabled import AllTabled, Counts, Tabled
from archdsl.spaces.laws import Grid, Law
from archdsl.spaces.opened import Opened
from archdsl.spaces.space import Space

CHUNK = 1024
"""Members that are chosen together."""
FEW, FEW_HASHED = 100_000, 10_000
"""Settings of which all are looked at; and where their networks are to be told apart."""
FEWEST = 16
"""At least, where some of them may be left out."""
_NAME = "archdsl solved"
"""What the choices are named to the generator of numbers: no name of a draw has a space in it."""


class Solver(Protocol):
    """Chooses members by number."""

    @property
    def networks(self) -> int | None:
        """How many there are to choose from, where each network is as probable as every other."""
        ...

    def draw(self, seed: int, start: int, count: int) -> Settings:
        """The settings number `start`, `start + 1`, … of a seed."""
        ...


def _uniform(seed: int, item: int, start: int, count: int) -> Array:
    """Numbers from 0 on in front of 1, for one of the choices."""
    return uniform(seed, _NAME, item, start, count) / 2.0**BITS


def _at(before: Array, wanted: Array) -> Array:
    """Where numbers lie among sums of weights that do not fall; never where the weight is 0."""
    last = int(np.searchsorted(before, before[-1], side="left"))
    return np.minimum(np.searchsorted(before, wanted, side="right"), last)


# One by one


class ByAll:
    """Chooses among members that are all known."""

    def __init__(self, space: Space, members: Settings, hashes: Sequence[str] | None) -> None:
        """With hashes each network is as probable as every other. Raises `Tied` where nothing is to choose from."""
        if not len(members):
            raise Tied("it has no members within these bounds")
        weights = shares_of(space, range(space.dimensions), members)
        self.networks = None
        if hashes is not None:
            _, of = np.unique(np.array(hashes, object).astype(str), return_inverse=True)
            weights = weights / np.bincount(of, weights)[of]
            self.networks = int(of.max()) + 1
        self.members, self._before = members, np.cumsum(weights)

    def draw(self, seed: int, start: int, count: int) -> Settings:
        return self.members[_at(self._before, _uniform(seed, 0, start, count) * self._before[-1])]


def shares_of(space: Space, dimensions: Sequence[int], settings: Settings) -> Array:
    """How probable settings of some dimensions are, by the laws of the space."""
    laws = [law for _, _, law in dimensions_of(space)]
    found = np.ones(len(settings))
    for column, dimension in enumerate(dimensions):
        found *= (np.diff(np.append(0, edges_of(laws[dimension]))) / 2.0**BITS)[settings[:, column]]
    return found


# By tables


@dataclass(frozen=True)
class _Chosen:
    """A table, with the number of the setting of the other draws."""

    part: int
    table: int
    widths: int
    rest: int


class ByTables:
    """Chooses a group, a table of it, and a setting that gives that."""

    def __init__(self, of: AllTabled, counts: list[Counts], *, networks: bool) -> None:
        """Raises `Tied` where nothing is to choose from."""
        self.of, self.counts = of, counts
        self.networks = sum(count.networks or 0 for count in counts) if networks else None
        weights = [count.alike if networks else count.shares for count in counts]
        self._sizes = [len(each) for each in weights]
        self._before = np.cumsum(np.concatenate(weights)) if weights else np.zeros(1)
        if not len(self._before) or not self._before[-1]:
            raise Tied("it has no members within these bounds")
        self._numbers: dict[int, dict[tuple[int, ...], int]] = {}

    def draw(self, seed: int, start: int, count: int) -> Settings:
        found = np.empty((count, len(self.of.lines.sizes)), np.int64)
        for begin in range(0, count, CHUNK):
            size = min(CHUNK, count - begin)
            found[begin : begin + size] = self._drawn(seed, start + begin, size)
        return found

    def _drawn(self, seed: int, start: int, count: int) -> Settings:
        second, third, fourth = (_uniform(seed, item, start, count) for item in (1, 2, 3))
        if self.networks is None:
            at = _at(self._before, _uniform(seed, 0, start, count) * self._before[-1])
            rank = np.zeros(count, np.int64)
        else:
            number = chosen(Law(Grid(0, 1, self.networks)), uniform(seed, _NAME, 0, start, count), "networks")
            at = np.searchsorted(self._before, number, side="right")
            rank = number - np.append(0, self._before)[at]
        part = np.searchsorted(np.cumsum(self._sizes), at, side="right")
        own = at - np.append(0, np.cumsum(self._sizes))[part]
        found: list[_Chosen | None] = [None] * count
        for number in np.unique(part).tolist():
            here = np.flatnonzero(part == number)
            tabled = self.of.parts[number]
            choose = _tables if self.networks is None else _networks
            for sample, each in zip(here.tolist(), choose(tabled, own[here], rank[here], second[here]), strict=True):
                found[sample] = _Chosen(number, each[0], each[1], each[2])
        return self._settings([each for each in found if each is not None], third, fourth)

    def _settings(self, found: list[_Chosen], third: Array, fourth: Array) -> Settings:
        """Settings that give tables."""
        lines = self.of.lines
        pieces, keys, line, low, high = self._sources(found)
        along = lines.edges[lines.listing.along]
        weights = lines.shares(pieces.others[pieces.beside], pieces.drawn)[line] * (along[high] - along[low])
        before = np.cumsum(weights)
        wanted = [self._key(each) for each in found]
        first = np.searchsorted(keys, np.array(wanted, keys.dtype), side="left")
        end = np.searchsorted(keys, np.array(wanted, keys.dtype), side="right")
        settings = np.empty((len(found), len(lines.sizes)), np.int64)
        for sample, (a, b) in enumerate(zip(first.tolist(), end.tolist(), strict=True)):
            sums = before[a:b] - (before[a - 1] if a else 0.0)
            at = a + int(_at(sums, np.array([third[sample] * sums[-1]]))[0])
            begin = along[low[at]]
            value = int(np.searchsorted(along, begin + fourth[sample] * (along[high[at]] - begin), side="right")) - 1
            value = min(max(value, int(low[at])), int(high[at]) - 1)
            own = line[at]
            row = lines.rows(pieces.others[[pieces.beside[own]]], pieces.drawn[[own]], np.array([value]))[0]
            each = found[sample]
            rest = self.of.parts[each.part].of.rest[each.rest]
            row[list(lines.listing.rest)] = rest[list(lines.listing.rest)]
            settings[sample] = row
        return settings

    def _key(self, each: _Chosen) -> int:
        tables = self.of.parts[each.part].tables
        code = int(tables.codes[each.table])
        codes: int = tables.base**tables.stages
        return (each.widths * codes + code) * len(self.of.parts) + each.part

    def _sources(self, found: list[_Chosen]) -> tuple[Pieces, Array, Array, Array, Array]:
        """Where tables come from: keys in their order, and the runs of settings that give them."""
        lines = self.of.lines
        pairs = set()
        for each in found:
            tables = self.of.parts[each.part].tables
            length = int(tables.codes[each.table] % tables.base)  # where the last stage ends
            sources = tables.sources[tables.source_starts[each.widths] : tables.source_starts[each.widths + 1]]
            pairs |= {(other, drawn) for other in sources.tolist() for drawn in np.flatnonzero(lines.lengths == length)}
        other, drawn = np.array(sorted(pairs), np.int64).T
        others, beside = np.unique(other, return_inverse=True)
        pieces = Pieces(lines, others, beside, drawn)
        parts = {part.tables.stages: number for number, part in enumerate(self.of.parts)}
        keys, runs = [], []
        for stages, rows in pieces.rows():
            number = parts[stages]
            of, codes = np.divmod(rows.keys, rows.codes)
            own = np.array([self._number(number, tuple(widths)) for widths in rows.widths.tolist()], np.int64)
            every = own[of] * rows.codes + codes
            kept = own[of] >= 0
            keys.append((every * len(self.of.parts) + number)[kept])
            runs.append(np.stack([rows.line, rows.low, rows.high])[:, kept])
        joined, run = np.concatenate(keys), np.concatenate(runs, axis=1)
        order = np.argsort(joined, kind="stable")
        return pieces, joined[order], *run[:, order]

    def _number(self, part: int, widths: tuple[int, ...]) -> int:
        """The number of a row of widths; -1 for one that is not among them."""
        if part not in self._numbers:
            rows = self.of.parts[part].tables.widths.tolist()
            self._numbers[part] = {tuple(row): number for number, row in enumerate(rows)}
        return self._numbers[part].get(widths, -1)


def _tables(tabled: Tabled, places: Array, _: Array, second: Array) -> Iterable[tuple[int, int, int]]:
    """Of groups, by their places, a table each, by how probable it is: its number, that of its widths, and the rest."""
    different, which = np.unique(places, return_inverse=True)
    batch = tabled.batch(different)
    before = np.cumsum(tabled.tables.shares[batch.tables] * batch.holds)
    ends = np.cumsum(batch.sizes)
    rest = len(tabled.of.rest)
    for at, share in zip(which.tolist(), second.tolist(), strict=True):
        first, end = int(ends[at] - batch.sizes[at]), int(ends[at])
        sums = before[first:end] - (before[first - 1] if first else 0.0)
        table = int(batch.tables[first + int(_at(sums, np.array([share * sums[-1]]))[0])])
        yield table, *divmod(int(tabled.groups[different[at]]), rest)


def _networks(tabled: Tabled, alike: Array, rank: Array, second: Array) -> Iterable[tuple[int, int, int]]:
    """Of groups with the same first blocks, by their number, the network of a rank; and of the groups that have it one,
    by how probable that is."""
    rest = len(tabled.of.rest)
    for number, at, share in zip(alike.tolist(), rank.tolist(), second.tolist(), strict=True):
        first, end = np.searchsorted(tabled.alike, [number, number + 1])
        batch = tabled.batch(np.arange(first, end))
        code = tabled.different(batch)[1][at]
        having = np.flatnonzero(batch.holds & (tabled.tables.codes[batch.tables] == code))
        groups = tabled.groups[np.repeat(batch.groups, batch.sizes)[having]]
        tables = batch.tables[having]
        sums = np.cumsum(tabled.tables.shares[tables] * tabled.of.rest_shares[groups % rest])
        picked = int(_at(sums, np.array([share * sums[-1]]))[0])
        yield int(tables[picked]), *divmod(int(groups[picked]), rest)


# By sums


class BySums:
    """Chooses a case, and one part of the setting after the other."""

    networks = None

    def __init__(self, space: Space, cases: list[Case], bounds: Iterable[Bound]) -> None:
        """Raises `Tied`."""
        self.cases: list[tuple[Case, Halved | Free]] = []
        weights = []
        for case in cases:
            shares = [shares_of(space, part.dimensions, part.settings) for part in case.parts]
            made = halved(case, bounds, shares)
            if made is not None:
                self.cases.append((case, made))
                fixed = np.array([list(case.fixed.values())], np.int64)
                weights.append(made.weight * float(shares_of(space, list(case.fixed), fixed)[0]))
        self._before = np.cumsum(weights)
        if not weights or not self._before[-1]:
            raise Tied("it has no members within these bounds")
        self._dimensions = space.dimensions

    def draw(self, seed: int, start: int, count: int) -> Settings:
        which = _at(self._before, _uniform(seed, 0, start, count) * self._before[-1])
        most = max(len(case.parts) for case, _ in self.cases) + 2
        shares = np.stack([_uniform(seed, item, start, count) for item in range(1, most + 1)], axis=1)
        found = np.empty((count, self._dimensions), np.int64)
        for number in np.unique(which).tolist():
            case, halves = self.cases[number]
            here = np.flatnonzero(which == number)
            for dimension, value in case.fixed.items():
                found[here, dimension] = value
            for part, settings in zip(case.parts, halves.draw(shares[here]).T, strict=True):
                found[np.ix_(here, part.dimensions)] = part.settings[settings]
        return found


# A space


def solver_of(
    opened: Opened,
    bands: tuple[Band, ...] = (),
    *,
    networks: bool,
    progress: Progress | None = None,
) -> Solver:
    """What draws members of a space within bands; `networks`: each network as probable as every other.

    Members are known one by one where there are few settings, else counted by sums or by tables. Raises
    `Tied` with the reason where they are not.
    """
    engine, space = opened.engine, opened.space
    if space.settings <= (FEW_HASHED if networks else FEW):
        every: list[Piece] = []
        with pieces(opened, Asked(None, bands=bands, hashed=networks), 1, end=space.settings) as found:
            every = list(found)
        members = np.concatenate([piece.settings for piece in every])
        hashes = [each for piece in every for each in piece.hashes or ()]
        return ByAll(space, members, hashes if networks else None)
    bounds = [(band.measure, band.low, band.high) for band in bands]
    reason = "networks are told apart by tables of stages alone"
    if not networks:
        try:
            return BySums(space, cases_of(engine), bounds)
        except Tied as tied:
            reason = str(tied)
    try:
        of = AllTabled(engine, bounds, progress)
        return ByTables(of, of.count(networks=networks), networks=networks)
    except Tied as tied:
        raise Tied(f"not by sums: {reason}; not by tables: {tied}") from None


def solved(
    opened: Opened, solver: Solver, asked: Asked, wanted: Wanted, tally: Tally, progress: Progress | None = None
) -> Iterator[Piece]:
    """Pieces with the members number 0, 1, … of a seed; with `unique` those whose network was not among them before.

    There are fewer where `most` have no more. Every one of them is evaluated: it is a member, or this is a bug.
    """
    seen, left, start = set(wanted.seen), wanted.count, wanted.start
    while left and start < wanted.start + wanted.most:
        count = min(left if not wanted.unique else max(left, FEWEST), CHUNK, wanted.start + wanted.most - start)
        settings = solver.draw(asked.seed or 0, start, count)
        batch = opened.engine.evaluate(settings)
        if not batch.valid.all():
            raise RuntimeError(f"what was drawn of {opened.space.name} is no member: {settings[~batch.valid][0]}")
        hashes = tuple([opened.hash_of(row) for row in settings]) if asked.hashed else None
        index = np.arange(start, start + count)
        found = Piece(start, batch.why, index, settings, batch.costs, hashes)
        new = np.ones(count, np.bool_)
        if wanted.unique and hashes is not None:
            new = first_of(hashes, seen)
        if int(new.sum()) >= left:
            found = found.first(int(np.flatnonzero(new)[left - 1]) + 1)
            new = new[: len(found.index)]
        tally.add(found)
        tally.repeated += int(len(new) - new.sum())
        left -= int(new.sum())
        start += count
        yield found.kept(new)
        if progress is not None:
            progress(tally.looked, wanted.count - left)


__all__ = ["ByAll", "BySums", "ByTables", "Solver", "solved", "solver_of"]
