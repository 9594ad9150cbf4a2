"""How many settings of a space are valid: by looking at all, by sums of what parts cost, or an interval of a sample."""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction
from typing import Literal, TypeAlias

from archdsl.records import dataclass
from archdsl.spaces.arrays.engine import Engine
from archdsl.spaces.arrays.sampled import Asked, Band, Progress, Tally, pieces
from archdsl.spaces.arrays.structure import Case, Tied, cases_of, names_of
from archdsl.spaces.arrays.sums import valid
from archdsl.spaces.intervals import Share
from archdsl.spaces.opened import Opened

Method: TypeAlias = Literal["enumeration", "sums", "interval"]


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
    by_sums: int = 0

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
        if self.method == "sums":
            return self.by_sums
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


def counted(
    opened: Opened,
    *,
    limit: int,
    draws: int,
    seed: int = 0,
    bands: tuple[Band, ...] = (),
    networks: bool = False,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Counted:
    """All settings, where there are no more than the limit; by sums where costs are; else so many draws, of which all
    settings are alike. Raises `DrawFault`."""
    settings = opened.space.settings
    every = settings <= limit
    structure = None
    if not every:
        structure, count = by_sums(opened.engine, bands)
        if count is not None:
            return Counted(settings, "sums", Tally(), Share(0, 0), structure=structure, by_sums=count)
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
    return Counted(settings, method, tally, share, len(hashes) if hashed else None, structure)


__all__ = ["Counted", "Method", "Structure", "by_sums", "counted", "structure_of"]
