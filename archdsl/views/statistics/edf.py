"""`edf`: the distribution of errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from archdsl.plots.populations import EdfRow, edf_figure
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

if TYPE_CHECKING:
    from archdsl.statistics.distribution import Edf

COLUMNS = ("population", "error", "share", "above", "low", "high")
PLACES = 9
"""Errors at which a table shows the functions."""


@documented
class EdfSummary:
    """The distribution of a population's errors in few numbers."""

    population: str
    members: int
    least: float
    mean: float
    legend: str
    """`[least|mean]`, as Radosavovic et al. 2020 print it."""
    reach: float
    """How far the true function is from this one at most."""


@documented
class EdfReport:
    """The output of `archdsl population edf POP... --format json`."""

    archdsl: str
    statistic: str
    error: str | None
    """The column."""
    level: float
    """How often the band holds the whole true function."""
    method: str
    """Of the band."""
    populations: list[PopulationHead]
    summaries: list[EdfSummary]
    rows: list[EdfRow]
    """A step of the functions each: `share` is F(e), the share of members with an error less than e."""


def edf_statistic(groups: Sequence[Group], error: str, level: float) -> Statistic:
    """The distribution functions of the errors of populations."""
    from archdsl.statistics.distribution import BAND, edf

    found = {each.results.label: edf(errors_of(each), level) for each in groups}
    digits = 1 if max([each.mean for each in found.values()]) >= 1 else 3
    summaries, rows = [], []
    for label, each in found.items():
        legend = f"[{each.least:.{digits}f}|{each.mean:.{digits}f}]"
        summaries.append(EdfSummary(label, each.n, each.least, each.mean, legend, each.reach))
        values, below, above = each.steps()
        low, high = each.band(values)
        columns = [column.tolist() for column in (values, below, above, low, high)]
        rows += [EdfRow(label, *cells) for cells in zip(*columns, strict=True)]
    report = EdfReport(**head("edf", groups, error, level, BAND), summaries=summaries, rows=rows)
    legends = {each.population: f"{each.legend} {each.population}" for each in summaries}
    notes = [
        "The share of members with an error less than e; in brackets the least and the mean error.",
        f"Bands hold the whole true function in {percent(level)} of cases: {BAND}.",
    ]
    text = _text(report, [float(value) for value in _places(rows)], found)
    title = f"Errors of {', '.join(found)}"
    return Statistic(report, COLUMNS, text, rows, COLUMNS, lambda: edf_figure(by_label(rows), legends, notes), title)


def _places(rows: Sequence[EdfRow]) -> list[float]:
    """Errors at equal distances in the order of all that there are."""
    values = sorted({row.error for row in rows})
    return sorted({values[round(i * (len(values) - 1) / (PLACES - 1))] for i in range(PLACES)})


def _text(report: EdfReport, places: Sequence[float], functions: Mapping[str, Edf]) -> str:
    summary: list[list[Cell]] = [
        [s.population, s.legend, figure(s.least), figure(s.mean), f"±{figure(100 * s.reach)} %"]
        for s in report.summaries
    ]
    lines = [table(["population", "legend", "least", "mean", "band"], summary), "\n"]
    rows: list[list[Cell]] = []
    for place in places:
        cells: list[Cell] = [figure(place)]
        for each in functions.values():
            low, high = each.band([place])
            cells.append(f"{100 * each.share([place])[0]:.1f} % ({span(100 * low[0], 100 * high[0])})")
        rows.append(cells)
    lines.append(table(["error <", *functions], rows))
    lines.append(f"bands hold the whole true function in {percent(report.level)} of cases: {report.method}\n")
    return "".join(lines)
