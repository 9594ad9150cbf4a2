"""`best`: the ranges of columns that hold the best members."""

from __future__ import annotations

from collections.abc import Sequence

from archdsl.plots.populations import BestRow, PointRow, best_figure
from archdsl.records import documented
from archdsl.views.statistics.columns import values_of
from archdsl.views.statistics.head import Group, PopulationHead, Statistic, by_label, errors_of, figure, head, percent
from archdsl.views.tables import Cell, table

COLUMNS = ("population", "column", "low", "likely", "high", "drawn", "members", "without")
POINTS = ("population", "column", "row", "value", "error", "within")
METHOD = "empirical bootstrap with replacement, in closed form"


@documented
class BestReport:
    """The output of `archdsl population best POP... --format json`."""

    archdsl: str
    statistic: str
    error: str | None
    """The column."""
    level: float
    method: str
    populations: list[PopulationHead]
    share: float
    """Of the members, that are drawn each time."""
    rows: list[BestRow]


def best_statistic(
    groups: Sequence[Group], error: str, level: float, columns: Sequence[str], share: float
) -> Statistic:
    """The ranges that hold the best members, for each column of each population. Raises ValueError."""
    from archdsl.statistics.best import best

    rows: list[BestRow] = []
    points: list[PointRow] = []
    for group in groups:
        label, errors = group.results.label, errors_of(group)
        for column in columns:
            values = values_of(group, column)
            there = [i for i, value in enumerate(values) if value is not None]
            x = [value for value in values if value is not None]
            if not x:
                raise ValueError(f"no member of {label} has a `{column}`")
            found = best(x, [errors[i] for i in there], share=share, level=level)
            ends = found.low, found.likely, found.high
            rows.append(BestRow(label, column, *ends, found.drawn, found.n, len(values) - found.n))
            points += [
                PointRow(label, column, group.results.rows[i][0], value, errors[i], found.low <= value <= found.high)
                for i, value in zip(there, x, strict=True)
            ]
    report = BestReport(**head("best", groups, error, level, METHOD), share=share, rows=rows)
    notes = [
        f"Bands: where the best members lie in {percent(level)} of draws of {percent(share)} of the members with "
        "replacement; lines: the median, the likely best.",
    ]
    title = f"Best members of {', '.join([each.results.label for each in groups])}"
    return Statistic(
        report, COLUMNS, _text(report), points, POINTS, lambda: best_figure(by_label(points), rows, notes), title
    )


def _text(report: BestReport) -> str:
    rows: list[list[Cell]] = [
        [r.population, r.column, figure(r.low), figure(r.likely), figure(r.high), r.drawn, r.members]
        for r in report.rows
    ]
    lines = [table(["population", "column", "from", "likely", "to", "drawn", "of"], rows)]
    lines += [f"{r.population}: {r.without:,} members have no `{r.column}`\n" for r in report.rows if r.without]
    lines.append(
        f"ranges hold the best in {percent(report.level)} of draws of {percent(report.share)}: {report.method}\n"
    )
    return "".join(lines)
