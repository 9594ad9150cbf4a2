"""All members of a space in the order of their settings, in a table; what was done is kept if it is interrupted.

The settings are gone through in parts. Each part is written, whole, into a folder beside the table, whose ledger says
of what it is; a later start takes the parts that are there. When all are, the table is written of them, and the folder
goes. One process at a time has the folder.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from archdsl import __version__
from archdsl.files import FileFault, holding, reading, write_atomically
from archdsl.records import dataclass
from archdsl.spaces.arrays.rows import columns_of
from archdsl.spaces.arrays.sampled import FAULTS, Asked, Piece, Progress, Tally, piece, pieces
from archdsl.spaces.opened import Opened
from archdsl.spaces.population import kinds_of
from archdsl.spaces.tables import TableFault, writing

LEDGER = "ledger.json"
SUFFIX = ".parts"
SMALLEST, PARTS = 1024, 1000
"""Settings of a part, at least; and how many parts there are of larger spaces."""


@dataclass(frozen=True)
class Enumeration:
    """What is enumerated, and where the table will stand."""

    opened: Opened
    asked: Asked
    place: str
    """Where the space stands, for the rows."""
    path: Path

    @property
    def folder(self) -> Path:
        """Where the parts are until the table is written."""
        return self.path.with_name(self.path.name + SUFFIX)

    @property
    def size(self) -> int:
        """Settings of a part."""
        return max(SMALLEST, -(-self.opened.space.settings // PARTS))

    @property
    def parts(self) -> int:
        return -(-self.opened.space.settings // self.size)

    @property
    def ledger(self) -> dict[str, Any]:
        """What must be the same for a part to be taken."""
        bands = [[band.measure, band.low, band.high] for band in self.asked.bands]
        said: dict[str, Any] = {"archdsl": __version__, "space": self.opened.space.name}
        said |= {"space_hash": self.opened.digest, "place": self.place, "bands": bands}
        return {**said, "hashed": self.asked.hashed, "settings": self.opened.space.settings, "size": self.size}

    def part(self, number: int) -> Path:
        return self.folder / f"{number:06}.json"


def enumerate_members(work: Enumeration, jobs: int, force: bool, progress: Progress | None = None) -> tuple[Tally, int]:
    """Write the table; what became of the settings, and how many parts an earlier start had done.

    Raises `TableFault`, also where another process is at it.
    """
    with ExitStack() as held:
        try:
            ours = held.enter_context(holding(work.folder))
        except OSError as error:
            raise TableFault(f"{work.folder}: {(error.strerror or 'cannot be made').lower()}") from None
        if not ours:
            raise TableFault(f"{work.path} is being written by another process")
        return _enumerated(work, jobs, force, progress)


def _enumerated(work: Enumeration, jobs: int, force: bool, progress: Progress | None) -> tuple[Tally, int]:
    """The work, in a folder that is ours."""
    _begin(work)
    missing = [number for number in range(work.parts) if not work.part(number).exists()]
    taken = work.parts - len(missing)
    done = taken * work.size
    for number, found in _missing(work, missing, jobs):
        _keep(work, number, found)
        done += len(found.why)
        if progress is not None:
            progress(min(done, work.opened.space.settings), 0)
    tally = Tally()
    with writing(work.path, kinds_of(work.opened.codings, hashed=work.asked.hashed), force, work.ledger) as table:
        for number in range(work.parts):
            said = _read(work.part(number))
            tally.looked += said["looked"]
            tally.why.update({int(why): count for why, count in said["why"].items()})
            tally.faults += [(index, text) for index, text in said["faults"]][: FAULTS - len(tally.faults)]
            table.write(said["columns"])
    _remove(work)
    return tally, taken


def _missing(work: Enumeration, missing: list[int], jobs: int) -> Iterator[tuple[int, Piece]]:
    """The parts that are not there; on several processes those behind the first of them are made anew."""
    settings = work.opened.space.settings
    if not missing:
        return
    if jobs == 1 or len(missing) != work.parts - missing[0]:
        for number in missing:
            start = number * work.size
            yield number, piece(work.opened, work.asked, start, min(work.size, settings - start))
        return
    with pieces(work.opened, work.asked, jobs, missing[0] * work.size, settings, work.size) as found:
        for each in found:
            yield each.start // work.size, each


def _begin(work: Enumeration) -> None:
    """See that the folder is of this very work; a new one gets its ledger."""
    if (work.folder / LEDGER).exists():
        if _read(work.folder / LEDGER) != work.ledger:
            raise TableFault(f"{work.folder} holds parts of another enumeration; remove it, or name another file")
        return
    try:
        write_atomically(work.folder / LEDGER, json.dumps(work.ledger) + "\n", force=False)
    except FileFault as fault:
        raise TableFault(fault.message) from None


def _keep(work: Enumeration, number: int, found: Piece) -> None:
    tally = Tally()
    tally.add(found)
    columns = columns_of(work.opened, found, None, work.place)
    plain = {name: cells.tolist() if hasattr(cells, "tolist") else cells for name, cells in columns.items()}
    said = {"looked": tally.looked, "why": tally.why, "faults": tally.faults, "columns": plain}
    try:
        write_atomically(work.part(number), json.dumps(said) + "\n", force=True)
    except FileFault as fault:
        raise TableFault(fault.message) from None


def _read(path: Path) -> dict[str, Any]:
    try:
        with reading(path) as file:
            found: dict[str, Any] = json.loads(file.read())
    except FileFault as fault:
        raise TableFault(f"{path}: {fault.message}") from None
    except ValueError:
        raise TableFault(f"{path} is no part of an enumeration") from None
    return found


def _remove(work: Enumeration) -> None:
    for number in range(work.parts):
        work.part(number).unlink(missing_ok=True)
    (work.folder / LEDGER).unlink(missing_ok=True)
    for left in work.folder.glob(".archdsl-*.tmp"):  # of a start that was killed
        left.unlink(missing_ok=True)
    work.folder.rmdir()


__all__ = ["Enumeration", "enumerate_members"]
