"""A search begins in a folder, or goes on there: what is asked for, what the folder has, and what both give."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from archdsl.records import dataclass
from archdsl.rows import place_of
from archdsl.spaces.arrays.sampled import Band, Progress
from archdsl.spaces.opened import Opened
from archdsl.studies.ledger import StudyFault
from archdsl.studies.members import changes_in
from archdsl.studies.objectives import Judge, Objective
from archdsl.studies.search.pool import Members
from archdsl.studies.search.proposals import Asked, Keys, Proposer
from archdsl.studies.search.run import Place, Searching, row_of
from archdsl.studies.search.storage import shown_url, storage_of, url_of
from archdsl.studies.sources import Source, checked
from archdsl.studies.study import POPULATION, STUDY, Study
from archdsl.views.study import StudyFile

SEARCH = "search"
"""What a study says of its source where that is a search."""


@dataclass(frozen=True)
class Wanted:
    """A search as it is asked for."""

    objectives: tuple[Objective, ...]
    asked: Asked
    bands: tuple[Band, ...] = ()
    most: int = 1_000_000
    """Draws in which members are looked for."""
    step_unit: float = 1.0
    """Seconds of the step that a reward takes for 1."""
    storage: str | None = None
    """An URL; none for a file in the folder."""
    trials: int = 50


def source_of(opened: Opened, place: tuple[str, str], folder: Path, wanted: Wanted) -> Source:
    """What tells a search from others. `place` is the file of the space, as it is opened and as it is shown.

    Raises `StudyFault` for a storage that is none.
    """
    kept = kept_search(folder)
    identity = kept.get("id") or os.urandom(4).hex()
    storage = kept.get("storage") if kept else wanted.storage and shown_url(wanted.storage)
    if storage is not None and wanted.storage is None:
        raise StudyFault(f"{folder}: this search is kept in {storage}: name it with --storage")
    limits = [f"{band.measure}={band.low or ''}..{band.high or ''}" for band in wanted.bands]
    search = {
        "objectives": [each.name for each in wanted.objectives],
        "sampler": wanted.asked.sampler,
        "seed": wanted.asked.seed,
        "startup": wanted.asked.startup,
        "pool": wanted.asked.pool,
        "max_draws": wanted.most,
        "bands": limits,
        "step_unit": wanted.step_unit,
        "storage": storage,
        "id": identity,
    }
    shown = place_of(*place, opened.space.name, folder / POPULATION)
    return Source({"space": shown, "space_hash": opened.digest, SEARCH: search}, lambda _: [])


def kept_search(folder: Path) -> dict[str, Any]:
    """What a folder says of its search; nothing where it has none."""
    if not os.path.lexists(folder / STUDY):
        return {}
    found = Study.open(folder).head.source.get(SEARCH)
    return dict(found) if isinstance(found, dict) else {}


def begin(opened: Opened, folder: Path, head: StudyFile, wanted: Wanted, progress: Progress | None = None) -> Searching:
    """The search of a folder, made if it is not there; `head` is what is studied, with the source's words.

    Raises `StudyFault`, `OptionFault`, `Refused`, and `StorageFault` where Optuna's storage cannot be used.
    """
    shown = str(head.source["space"])
    members = Members(opened, wanted.asked.seed, wanted.bands, wanted.most, progress)
    proposer = Proposer(members, Keys(opened, changes_in(head)), wanted.asked)
    if wanted.storage is not None:
        storage_of(wanted.storage)  # before anything is written: whether it can be used
    study = _made(members, folder, head, shown, trains=any(each.trained for each in wanted.objectives))
    search = study.head.source[SEARCH]
    name = f"{opened.space.name}-{search['id']}"
    place = Place(url_of(folder, wanted.storage), name, search["id"], wanted.storage is not None)
    judge = Judge(opened, wanted.objectives, wanted.step_unit)
    return Searching(study, proposer, judge, place, wanted.trials, shown)


def _made(members: Members, folder: Path, head: StudyFile, shown: str, *, trains: bool) -> Study:
    """The study of a search, without members at first. The script of a member reads the options, if it trains."""
    if trains:
        first = members.drawn(0)
        if first is None:
            raise StudyFault(f"{no_member(members)}: {members.most:,} draws have none")
        head = checked(head, [row_of(members.opened, first, shown)], folder / POPULATION)
    try:
        return Study.create(folder, head, [])
    except StudyFault:
        search, kept = head.source[SEARCH], kept_search(folder)
        if kept.get("id") in (None, search["id"]):
            raise
        # Another start has made it since this one looked.
        return Study.create(folder, replace(head, source={**head.source, SEARCH: {**search, "id": kept["id"]}}), [])


def no_member(members: Members) -> str:
    """That no member was found, as the beginning of a sentence."""
    bands = ", ".join([f"{each.measure}={each.low or ''}..{each.high or ''}" for each in members.bands])
    return f"`{members.opened.space.name}` has no member" + (f" within {bands}" if bands else "")


__all__ = ["SEARCH", "Wanted", "begin", "kept_search", "no_member", "source_of"]
