"""`curve`: how good the best of so many members is that are drawn at random."""

from __future__ import annotations

from collections.abc import Sequence

from archdsl.plots.populations import CurveRow, curve_figure
from archdsl.records import documented
from archdsl.views.statistics.head import (
    Group,
    PopulationHead,
    Statistic,
    by_label,
    errors_of,
    figure,
    head,
    percent,
    span,
)
from archdsl.views.tables import Cell, table

COLUMNS = ("population", "size", "expected", "low", "high")


@documented
class CurveReport:
    """The output of `archdsl population curve POP... --format json`."""

    archdsl: str
    statistic: str
    error: str | None
    """The column."""
    level: float
    """How many of all draws find a least error within `low` and `high`."""
    method: str
    populations: list[PopulationHead]
    replacement: bool
    """Whether members are drawn with replacement."""
    rows: list[CurveRow]


def curve_statistic(
    groups: Sequence[Group], error: str, level: float, sizes: Sequence[int], replacement: bool
) -> Statistic:
    """The least error of so many members, for each population. Raises ValueError."""
    from archdsl.statistics.best import curve

    rows = []
    for group in groups:
        found = curve(errors_of(group), tuple(sizes) or None, replacement=replacement, level=level)
        columns = [column.tolist() for column in (found.expected, found.low, found.high)]
        cells = zip(found.sizes, *columns, strict=True)
        rows += [CurveRow(group.results.label, *each) for each in cells]
    drawn = "with replacement" if replacement else "without replacement"
    method = f"exact probabilities of ranks among members drawn {drawn}"
    report = CurveReport(**head("curve", groups, error, level, method), replacement=replacement, rows=rows)
    notes = [
        f"The mean least error of so many members, drawn at random {drawn}.",
        f"Bands hold the least error of {percent(level)} of such draws.",
    ]
    title = f"Random search in {', '.join([each.results.label for each in groups])}"
    return Statistic(report, COLUMNS, _text(report), rows, COLUMNS, lambda: curve_figure(by_label(rows), notes), title)


def _text(report: CurveReport) -> str:
    found = by_label(report.rows)
    sizes = sorted({row.size for row in report.rows})
    rows: list[list[Cell]] = []
    for size in sizes:
        cells: list[Cell] = [size]
        for curve in found.values():
            row = next((each for each in curve if each.size == size), None)
            cells.append(f"{figure(row.expected)} ({span(row.low, row.high)})" if row is not None else None)
        rows.append(cells)
    last = f"mean least error, and in brackets that of {percent(report.level)} of draws: {report.method}\n"
    return table(["members", *found], rows) + last
