"""A population drawn into a table, piece by piece."""

from __future__ import annotations

from pathlib import Path

from archdsl import __version__
from archdsl.records import dataclass
from archdsl.spaces.arrays.rows import columns_of
from archdsl.spaces.arrays.sampled import Asked, Progress, Tally, Wanted, members
from archdsl.spaces.opened import Opened
from archdsl.spaces.population import kinds_of
from archdsl.spaces.tables import writing


@dataclass(frozen=True)
class Sampling:
    """What is drawn, and where the table will stand."""

    opened: Opened
    asked: Asked
    wanted: Wanted
    place: str
    """Where the space stands, for the rows."""
    path: Path


class TooFew(Exception):
    """The search ended before there were as many members as wanted; so the table is not written."""


def sample_into(work: Sampling, jobs: int, force: bool, progress: Progress | None = None) -> tuple[Tally, int]:
    """Write the table; what became of the settings that were drawn, and the number of rows.

    Where there are fewer than wanted nothing is written. Raises `TableFault` and `DrawFault`.
    """
    tally, rows = Tally(), 0
    kinds = kinds_of(work.opened.codings, hashed=work.asked.hashed)
    words = {"archdsl": __version__, "space": work.place, "space_hash": work.opened.digest, "seed": work.asked.seed}
    try:
        with writing(work.path, kinds, force, words) as table:
            for each in members(work.opened, work.asked, work.wanted, jobs, tally, progress):
                table.write(columns_of(work.opened, each, work.asked.seed, work.place))
                rows += len(each.index)
            if rows < work.wanted.count:
                raise TooFew
    except TooFew:
        pass  # the caller sees it in the number of rows
    return tally, rows


__all__ = ["Sampling", "sample_into"]
