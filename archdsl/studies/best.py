"""The best of the first members of a study: how the papers choose a network.

Radosavovic et al. 2020 take the best of 25 random settings in a flop regime (section 5), and train that one again, five
times and longer. The members of a study stand in the order in which they were drawn, so that the first n of them are a
sample of n whatever came of the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from shlex import quote
from statistics import fmean, stdev

from archdsl import __version__
from archdsl.spaces.population import HASH, MEASURES
from archdsl.studies.ledger import StudyFault
from archdsl.studies.study import POPULATION, Study
from archdsl.views.best import BestOfReport, RankedReport
from archdsl.views.study import TrialResult


def best_of(study: Study, of: int | None = None, by: str = "error", top: int = 5) -> BestOfReport:
    """The first so many members by the mean over their trainings, the smallest first; of equal ones the earlier.

    A member of which a training has no figure, since it failed or was ended early, is none of them. Raises `StudyFault`
    where there are fewer members, or one of them has not ended.
    """
    there = len(study.rows)
    count = there if of is None else of
    if not 0 < count <= there:
        raise StudyFault(f"{study.folder} has {there:,} members, and the best of {count:,} is wanted")
    open_, ranked, failed = list[int](), list[RankedReport](), list[int]()
    for member in range(count):
        results = [study.result(trial) for trial in study.trials_of(member)]
        ended = [each for each in results if each is not None]
        if len(ended) < len(results):
            open_.append(member)
            continue
        values = _values(ended, by)
        if len(values) < len(ended):
            failed.append(member)
            continue
        ranked.append(_ranked(study, member, values))
    if open_:
        shown = ", ".join([str(each) for each in open_[:5]]) + (", …" if len(open_) > 5 else "")
        message = f"{len(open_):,} of the first {count:,} members have not ended: {shown}"
        raise StudyFault(f"{message}; `archdsl study work {quote(str(study.folder))}` goes on")
    ranked.sort(key=lambda each: (each.mean, each.member))
    again = _again(study, ranked[0].network) if ranked else []
    return BestOfReport(__version__, str(study.folder), by, count, failed, ranked[:top], again)


def _again(study: Study, network: str) -> list[str]:
    """The command that trains a member as the study has done, with five seeds."""
    head = study.head
    words = ["archdsl", "study", "run", network, "--seeds", "5"]
    words += ["--recipe", head.recipe] if head.recipe is not None else []
    for option, given in (("--set", head.changes["settings"]), ("--scale", head.changes["scalings"])):
        words += [word for each in given for word in (option, str(each))]
    words += ["--input", str(head.changes["input"])] if head.changes["input"] is not None else []
    return [*words, "-o", "DIR", *(["--", *head.words] if head.words else [])]


def _ranked(study: Study, member: int, values: Sequence[float]) -> RankedReport:
    row = study.rows[member]
    return RankedReport(
        member=member,
        network=f"{(study.folder / POPULATION).as_posix()}:{member}",
        mean=fmean(values),
        deviation=stdev(values) if len(values) > 1 else None,
        trainings=len(values),
        **{name: int(row[name]) for name in MEASURES},  # type: ignore[arg-type]  # counts
        hash=str(row[HASH]),
    )


def _values(results: Sequence[TrialResult], by: str) -> list[float]:
    """The figures of trainings that are done; the loss of another is that of an epoch before its last."""
    found = [getattr(each, by) for each in results if each.status == "done"]
    return [float(value) for value in found if value is not None]


__all__ = ["best_of"]
