"""How many settings of a space are valid: by looking at all, by sums of what parts cost, by tables of stages, along a
chain of stages, or an interval of a sample."""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction
from typing import Literal, TypeAlias

from archdsl import limits
from archdsl.records import dataclass
from archdsl.spaces.arrays.chained import chain_of
from archdsl.spaces.arrays.chains import Chained
from archdsl.spaces.arrays.engine import Engine
from archdsl.spaces.arrays.listing import Lines, listing_of
from archdsl.spaces.arrays.sampled import Asked, Band, Progress, Tally, pieces
from archdsl.spaces.arrays.structure import Case, Tied, cases_of, names_of
from archdsl.spaces.arrays.sums import valid
from archdsl.spaces.arrays.tabled import AllTabled
from archdsl.spaces.arrays.words import words
from archdsl.spaces.intervals import Share
from archdsl.spaces.opened import Opened

Method: TypeAlias = Literal["enumeration", "sums", "tables", "chain", "interval"]


@dataclass(frozen=True)
class Structure:
    """Whether the costs of a space's networks are sums."""

    cases: int
    """Into how many cases it falls, of each of which they are."""
    parts: tuple[tuple[tuple[str, ...], int], ...]
    """In the first case, what is drawn in each part, by name, and how many settings of it there are."""
    tied: str | None = None
    """Why they are none, as far as is known."""


@dataclass(frozen=True)
class TablesOfStages:
    """What a space is counted by whose stages are the runs of a list."""

    draws: tuple[str, ...]
    """What the list is made of, and what says how long it is, by name."""
    tables: int = 0
    """Different widths and depths of stages."""
    rows: int = 0
    """Those with the settings of the other draws."""
    tied: str | None = None
    """Why it is not counted so, as far as is known."""


@dataclass(frozen=True)
class ChainOfStages:
    """What a space is counted along whose stages have draws of their own."""

    stages: int = 0
    settings: int = 0
    """Those of single stages, with what may flow into them."""
    shared: tuple[str, ...] = ()
    """What several stages share, by name."""
    tied: str | None = None
    """Why it is not counted so, as far as is known."""


@dataclass(frozen=True)
class Counted:
    """The valid settings of a space, within the bands."""

    settings: int
    method: Method
    tally: Tally
    """What became of those that were looked at, one by one: none where it is counted by sums."""
    accepted: Share
    """Of the settings that were looked at: all, or drawn ones that were all equally probable."""
    networks: int | None = None
    """How many networks differ, by their hashes; None where that was not asked, or not all were looked at."""
    structure: Structure | None = None
    """None where nobody asked, since there are few settings."""
    tables: TablesOfStages | None = None
    """None where nobody asked, since there are few settings or costs are sums."""
    chain: ChainOfStages | None = None
    """None where nobody asked, since it was counted otherwise."""
    by_structure: int = 0
    """The count by sums, by tables or along a chain."""

    @property
    def exact(self) -> bool:
        return self.method != "interval"

    @property
    def low(self) -> int:
        """The number of valid settings is no smaller: for certain where it is exact, else by the interval."""
        return self._end(math.floor(self.settings * Fraction(self.accepted.low)))

    @property
    def high(self) -> int:
        return self._end(math.ceil(self.settings * Fraction(self.accepted.high)))

    def _end(self, of_interval: int) -> int:
        if self.method in ("sums", "tables", "chain"):
            return self.by_structure
        return self.accepted.count if self.exact else of_interval


def structure_of(engine: Engine) -> tuple[Structure, list[Case]]:
    """Whether the costs are sums; no cases where they are not. Raises `DrawFault`."""
    engine.begin()
    try:
        cases = cases_of(engine)
    except Tied as tied:
        return Structure(0, (), str(tied)), []
    names = names_of(engine.space)
    first = cases[0].parts if cases else ()
    parts = [(tuple([names[dimension] for dimension in part.dimensions]), len(part.settings)) for part in first]
    return Structure(len(cases), tuple(parts)), cases


def by_sums(engine: Engine, bands: Iterable[Band] = ()) -> tuple[Structure, int | None]:
    """How many settings are valid and within the bands, where the costs are sums; else none, and why."""
    structure, cases = structure_of(engine)
    if structure.tied is not None:
        return structure, None
    bounds = [(band.measure, band.low, band.high) for band in bands]
    try:
        return structure, sum(valid(case, bounds) for case in cases)
    except Tied as tied:
        return Structure(structure.cases, structure.parts, str(tied)), None


def by_tables(
    engine: Engine,
    bands: Iterable[Band] = (),
    *,
    networks: bool = False,
    exact: bool = False,
    progress: Progress | None = None,
) -> tuple[TablesOfStages, int | None, int | None]:
    """How many settings are valid and within the bands, and how many networks, by tables of stages; else none, and why.

    Without `exact` that is not tried where it takes long.
    """
    bounds = [(band.measure, band.low, band.high) for band in bands]
    draws: tuple[str, ...] = ()
    try:
        lines = Lines(engine, listing_of(engine))
        draws = tuple(dict.fromkeys(name.partition("[")[0] for name in lines.named()))
        if not exact and lines.work > limits.MAX_QUICK_LINES:
            raise Tied(f"it has {lines.work:,} lines of settings, which take a while: `--exact` counts them")
        of = AllTabled(engine, bounds, progress, lines)
        counts = of.count(networks=networks)
    except Tied as tied:
        return TablesOfStages(draws, tied=str(tied)), None, None
    found = sum(count.networks or 0 for count in counts) if networks else None
    return TablesOfStages(draws, of.tables, of.rows), sum(count.valid for count in counts), found


def by_chain(
    engine: Engine,
    bands: Iterable[Band] = (),
    *,
    networks: bool = False,
    exact: bool = False,
    progress: Progress | None = None,
) -> tuple[ChainOfStages, int | None, int | None]:
    """How many settings are valid and within the bands, and how many networks, along a chain of stages; else none, and
    why.

    Without `exact` that is not tried where it takes long.
    """
    bounds = [(band.measure, band.low, band.high) for band in bands]
    try:
        chain = chain_of(engine, networks=networks)
        of = Chained(chain, engine.space.sizes, bounds)
        found = of.count(exact=exact, progress=progress)
        different = of.count_of(words(of.cases()), exact=exact, progress=progress) if networks else None
    except Tied as tied:
        return ChainOfStages(tied=str(tied)), None, None
    names = [names_of(engine.space)[dimension].partition("[")[0] for dimension in of.shared]
    settings = sum(len(stage.settings) for stage in chain.stages)
    report = ChainOfStages(len(chain.stages), settings, tuple(dict.fromkeys(names)))
    return report, found, different


def counted(
    opened: Opened,
    *,
    limit: int,
    draws: int,
    seed: int = 0,
    bands: tuple[Band, ...] = (),
    networks: bool = False,
    exact: bool = False,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Counted:
    """All settings, where there are no more than the limit; by sums where costs are, by tables of stages where these
    are, along a chain where stages form one; else so many draws, of which all settings are alike.

    `exact`: what takes long is counted too, and no interval given. Raises `Tied` where networks are asked for, or an
    exact count, and there is none, and `DrawFault` for a setting that does not come to an end.
    """
    settings = opened.space.settings
    every = settings <= limit
    structure, tables, chain = None, None, None
    if not every:
        structure, count = by_sums(opened.engine, bands) if not networks else (None, None)
        if count is not None:
            return Counted(settings, "sums", Tally(), Share(0, 0), structure=structure, by_structure=count)
        told = by_tables(opened.engine, bands, networks=networks, exact=exact, progress=progress)
        tables, count, different = told
        if count is not None:
            nothing = Tally(), Share(0, 0), different
            return Counted(settings, "tables", *nothing, structure=structure, tables=tables, by_structure=count)
        chain, count, different = by_chain(opened.engine, bands, networks=networks, exact=exact, progress=progress)
        if count is not None:
            nothing = Tally(), Share(0, 0), different
            return Counted(settings, "chain", *nothing, structure, tables, chain, count)
        if networks or exact:
            raise Tied(f"{tables.tied}; nor along a chain of stages: {chain.tied}")
    hashed = networks and every
    asked = Asked(None if every else seed, equal=True, bands=bands, hashed=hashed)
    tally, accepted, hashes = Tally(), 0, set[str]()
    with pieces(opened, asked, jobs, end=settings if every else draws) as found:
        for each in found:
            tally.add(each)
            accepted += len(each.index)
            hashes.update(each.hashes or ())
            if progress is not None:
                progress(tally.looked, accepted)
    share = Share(accepted, tally.looked)
    method: Method = "enumeration" if every else "interval"
    return Counted(settings, method, tally, share, len(hashes) if hashed else None, structure, tables, chain)


__all__ = [
    "ChainOfStages",
    "Counted",
    "Method",
    "Structure",
    "TablesOfStages",
    "by_chain",
    "by_sums",
    "by_tables",
    "counted",
    "structure_of",
]
