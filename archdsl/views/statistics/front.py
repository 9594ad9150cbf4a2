"""`front`: the members that no other is better than, of an exact cost and the error."""

from __future__ import annotations

from collections.abc import Sequence

from archdsl.plots.fronts import FrontRow, front_figure
from archdsl.records import documented
from archdsl.spaces.results import MEASURED
from archdsl.views.statistics.head import Group, PopulationHead, Statistic, by_label, errors_of, figure, head
from archdsl.views.tables import Cell, table

COLUMNS = ("population", "column", "row", "value", "error", "front")
METHOD = "no other member has at most the cost and the error, and less of one; errors as they were measured"


@documented
class FrontSummary:
    """How many members are on a front."""

    population: str
    column: str
    """The cost."""
    members: int
    front: int
    without: int
    """Members without this cost, which are left out."""


@documented
class FrontReport:
    """The output of `archdsl population front POP... --format json`."""

    archdsl: str
    statistic: str
    error: str | None
    """The column."""
    level: float
    """Of no interval: a front is of the members that there are."""
    method: str
    populations: list[PopulationHead]
    summaries: list[FrontSummary]
    rows: list[FrontRow]
    """A member for each cost."""


def front_statistic(groups: Sequence[Group], error: str, level: float, columns: Sequence[str]) -> Statistic:
    """The front of each cost and the error, for each population. Raises ValueError."""
    from archdsl.statistics.front import front

    summaries: list[FrontSummary] = []
    rows: list[FrontRow] = []
    for group in groups:
        label, errors = group.results.label, errors_of(group)
        for column in columns:
            costs = group.results.numbers(column, mean=column in MEASURED)
            there = [(i, cost) for i, cost in enumerate(costs) if cost is not None]
            if not there:
                raise ValueError(f"no member of {label} has a `{column}`")
            on = front([cost for _, cost in there], [errors[i] for i, _ in there]).tolist()
            summaries.append(FrontSummary(label, column, len(there), sum(on), len(costs) - len(there)))
            rows += [
                FrontRow(label, column, group.results.rows[i][0], cost, errors[i], each)
                for (i, cost), each in zip(there, on, strict=True)
            ]
    report = FrontReport(**head("front", groups, error, level, METHOD), summaries=summaries, rows=rows)
    notes = [f"Marked with the line: {METHOD}."]
    title = f"Error against cost in {', '.join([each.results.label for each in groups])}"
    return Statistic(
        report, COLUMNS, _text(report), rows, COLUMNS, lambda: front_figure(by_label(rows), columns, notes), title
    )


def _text(report: FrontReport) -> str:
    found = [row for row in report.rows if row.front]
    found.sort(key=lambda row: row.value)
    lines: list[str] = []
    for each in report.summaries:
        mine = [row for row in found if (row.population, row.column) == (each.population, each.column)]
        cells: list[list[Cell]] = [[row.row, figure(row.value), figure(row.error)] for row in mine]
        lines.append(f"{each.population}: {each.front:,} of {each.members:,} members are on the front of {each.column}")
        lines += [f"{each.without:,} members have no `{each.column}`"] if each.without else []
        lines += [table(["row", each.column, "error"], cells)]
    return "\n".join([*lines, report.method]) + "\n"
