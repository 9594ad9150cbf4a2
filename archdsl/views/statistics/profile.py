"""`profile`: the widths of good, middling and bad members by block."""

from __future__ import annotations

from collections.abc import Sequence

from archdsl.plots.populations import ProfileRow, profile_figure
from archdsl.records import documented
from archdsl.views.statistics.head import Group, PopulationHead, Statistic, by_label, errors_of, figure, head
from archdsl.views.tables import Cell, table

COLUMNS = ("population", "part", "index", "blocks", "width", "low", "high")
METHOD = "mean widths of blocks by index, with one standard deviation of members below and above"


@documented
class PartReport:
    """Members between two shares of their order by error."""

    population: str
    part: str
    members: int
    error: float
    """Their mean."""


@documented
class ProfileReport:
    """The output of `archdsl population profile POP... --format json`."""

    archdsl: str
    statistic: str
    error: str | None
    """The column."""
    level: float | None
    """Null: the range is one standard deviation."""
    method: str
    populations: list[PopulationHead]
    parts: list[PartReport]
    rows: list[ProfileRow]


def profile_statistic(
    groups: Sequence[Group], error: str, parts: Sequence[tuple[float, float]], log: bool = False
) -> Statistic:
    """The widths of parts of the members, for each population. Raises ValueError."""
    from archdsl.statistics.profile import PARTS, profile

    rows: list[ProfileRow] = []
    reports: list[PartReport] = []
    for group in groups:
        label = group.results.label
        widths, depths = group.widths()
        for found in profile(widths, errors_of(group), depths, parts or PARTS):
            part = f"{100 * found.first:g} to {100 * found.last:g} %"
            reports.append(PartReport(label, part, found.members, found.error))
            columns = zip(found.count.tolist(), found.mean.tolist(), found.deviation.tolist(), strict=True)
            for index, (count, mean, deviation) in enumerate(columns):
                ends = (mean - deviation, mean + deviation) if deviation == deviation else (None, None)
                rows.append(ProfileRow(label, part, index, count, mean, *ends))
    fields = {**head("profile", groups, error, 0.0, METHOD), "level": None}
    report = ProfileReport(**fields, parts=reports, rows=rows)
    notes = [f"Parts of the members by error, the best first; {METHOD}."]
    title = f"Widths of members of {', '.join([each.results.label for each in groups])}"
    return Statistic(
        report, COLUMNS, _text(report), rows, COLUMNS, lambda: profile_figure(by_label(rows), log, notes), title
    )


def _text(report: ProfileReport) -> str:
    lines = []
    for label, found in by_label(report.rows).items():
        mine = [part for part in report.parts if part.population == label]
        by_place = {(row.part, row.index): row for row in found}
        rows: list[list[Cell]] = []
        for index in range(max([row.index for row in found]) + 1):
            cells: list[Cell] = [index]
            for part in mine:
                row = by_place.get((part.part, index))
                if row is None:
                    cells.append(None)
                else:
                    more = f" ± {figure(row.high - row.width)}" if row.high is not None else ""
                    cells.append(f"{figure(row.width)}{more}")
            rows.append(cells)
        said = [f"{part.part} ({part.members:,}, error {figure(part.error)})" for part in mine]
        lines.append(f"{label}\n" + table(["block", *said], rows))
    return "\n".join(lines) + f"{report.method}\n"
