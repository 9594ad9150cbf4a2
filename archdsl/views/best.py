"""What `archdsl study best` shows: the best members of a study, and how they are trained again."""

from __future__ import annotations

import shlex

from archdsl.records import documented
from archdsl.views.tables import table
from archdsl.visible import visible


@documented
class RankedReport:
    """A member that was compared."""

    member: int
    """The number of its row in population.jsonl."""
    network: str
    """Its name wherever a command takes a network."""
    mean: float
    """Of its trainings."""
    deviation: float | None
    """The standard deviation of a training, by n - 1; null of a single one."""
    trainings: int
    flops: int
    params: int
    acts: int
    hash: str


@documented
class BestOfReport:
    """The output of `archdsl study best DIR --format json`."""

    archdsl: str
    folder: str
    by: str
    """What was compared: error, best_error or loss; the smaller the better."""
    of: int
    """So many first members of the study were compared."""
    failed: list[int]
    """Those of them without a figure, since a training failed or was ended early."""
    best: list[RankedReport]
    """The best first."""
    again: list[str]
    """The command that trains the best of them again as it was trained, five times; empty where none has a figure."""


def best_text(report: BestOfReport) -> str:
    """The best members as a table, and the command that trains the best of them again."""
    lines = [f"the best of the first {report.of:,} members of {visible(report.folder)}, by {report.by}"]
    if report.failed:
        shown = ", ".join([str(each) for each in report.failed])
        lines.append(f"without a figure, so not among them: {shown}")
    if not report.best:
        return "\n".join([*lines, "none has a figure"]) + "\n"
    header = ("member", report.by, "±", "trainings", "flops", "params", "acts", "hash")
    rows = [
        (
            each.member,
            f"{each.mean:.6g}",
            None if each.deviation is None else f"{each.deviation:.2g}",
            each.trainings,
            each.flops,
            each.params,
            each.acts,
            each.hash[:12],
        )
        for each in report.best
    ]
    if all(each.deviation is None for each in report.best):
        header, rows = _without(header, 2), [_without(row, 2) for row in rows]
    again = visible(shlex.join(report.again))
    return "\n".join(lines) + f"\n\n{table(header, rows)}\ntrain it again: {again}\n"


def _without(cells: tuple, place: int) -> tuple:  # type: ignore[type-arg]  # of any cells
    return cells[:place] + cells[place + 1 :]


__all__ = ["BestOfReport", "RankedReport", "best_text"]
