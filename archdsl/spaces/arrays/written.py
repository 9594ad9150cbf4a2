"""A population drawn into a table, piece by piece."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from archdsl import __version__
from archdsl.records import dataclass
from archdsl.spaces.arrays.rows import columns_of
from archdsl.spaces.arrays.sampled import Asked, Progress, Tally, Wanted, members, pieces
from archdsl.spaces.arrays.solved import Solver, solved
from archdsl.spaces.opened import Opened
from archdsl.spaces.population import DIGEST, HASH, INDEX, SEED, kinds_of
from archdsl.spaces.tables import Table, TableFault, read, writing


@dataclass(frozen=True)
class Sampling:
    """What is drawn, and where the table will stand."""

    opened: Opened
    asked: Asked
    wanted: Wanted
    place: str
    """Where the space stands, for the rows."""
    path: Path
    before: Table | None = None
    """The rows that were there, which the others follow."""
    solver: Solver | None = None
    """What draws members, where settings are not drawn until some are."""


def going_on(
    opened: Opened, asked: Asked, wanted: Wanted, path: Path, jobs: int, progress: Progress | None = None
) -> tuple[Table, Wanted]:
    """The rows of a table, and what is wanted behind them, if they are the members that the same request begins with.

    The draws up to its last row are made again, for a table does not say by which bands it was chosen. Raises
    `TableFault`.
    """
    found = read(path)
    if not len(found):
        return found, wanted
    if list(found.columns) != list(kinds_of(opened.codings, hashed=asked.hashed)):
        raise TableFault("the table has other columns than what is to be added")
    if set(found.columns[DIGEST]) != {opened.digest} or set(found.columns[SEED]) != {asked.seed}:
        raise TableFault("the table holds members of another space, of another text of this one, or of another seed")
    index = [int(each) for each in found.columns[INDEX] if isinstance(each, int)]
    again: list[int] = []
    with pieces(opened, replace(asked, hashed=False), jobs, wanted.start, index[-1] + 1) as every:
        for each in every:
            again += each.index.tolist()
            if progress is not None:
                progress(each.start, len(again))
    hashes = [str(hash_) for hash_ in found.columns.get(HASH, ())]
    unique = wanted.unique and len(set(hashes)) == len(hashes) and set(index) <= set(again)
    if index != (sorted(index) if unique else again):
        raise TableFault("the table holds other members than these options choose: was it sampled by other bands?")
    return found, replace(wanted, start=index[-1] + 1, seen=frozenset(hashes if wanted.unique else ()))


class TooFew(Exception):
    """The search ended before there were as many members as wanted; so the table is not written."""


def sample_into(work: Sampling, jobs: int, force: bool, progress: Progress | None = None) -> tuple[Tally, int]:
    """Write the table; what became of the settings that were drawn, and the number of new rows.

    Where there are fewer than wanted nothing is written. Raises `TableFault` and `DrawFault`.
    """
    tally, rows = Tally(), 0
    kinds = kinds_of(work.opened.codings, hashed=work.asked.hashed)
    words = {"archdsl": __version__, "space": work.place, "space_hash": work.opened.digest, "seed": work.asked.seed}
    try:
        with writing(work.path, kinds, force, words) as table:
            if work.before is not None and len(work.before):
                table.write(work.before.columns)
            found = (
                members(work.opened, work.asked, work.wanted, jobs, tally, progress)
                if work.solver is None
                else solved(work.opened, work.solver, work.asked, work.wanted, tally, progress)
            )
            for each in found:
                table.write(columns_of(work.opened, each, work.asked.seed, work.place))
                rows += len(each.index)
            if rows < work.wanted.count:
                raise TooFew
    except TooFew:
        pass  # the caller sees it in the number of rows
    return tally, rows


__all__ = ["Sampling", "going_on", "sample_into"]
