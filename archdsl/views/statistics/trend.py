"""`trend`: how columns grow with another one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from archdsl.plots.populations import TrendPoint, trend_figure
from archdsl.records import documented
from archdsl.views.statistics.columns import values_of
from archdsl.views.statistics.head import Group, PopulationHead, Statistic, figure, head, percent, span
from archdsl.views.tables import Cell, table

COLUMNS = (
    "population", "column", "against", "unit", "power", "coefficient", "low", "high", "r2", "deviation", "members",
    "without",
)  # fmt: skip
POINTS = ("population", "column", "row", "x", "y", "fit")
FITS: Mapping[str, tuple[float, ...]] = {"acts": (0.5,), "params": (1.0,)}
"""As Radosavovic et al. 2020, figure 12; runtimes are fitted by both powers."""
METHOD = "least squares without a constant; Student's intervals of coefficients, Fisher's of correlations"
STEPS = 60
"""Points of a drawn fit."""


@documented
class TermRow:
    """A term of a fit: `coefficient * (against / unit)^power`."""

    population: str
    column: str
    against: str
    unit: float
    """10^9 for flops, else 1."""
    power: float
    coefficient: float
    low: float
    """The ends of the coefficient's interval."""
    high: float
    r2: float | None
    """Of the fit: the share of the squares about the column's mean that it takes away; null for a constant column."""
    deviation: float
    """Of the fit: the standard deviation of what it leaves."""
    members: int
    without: int
    """Members without one of both values, which are left out."""


@documented
class CorrelationReport:
    """How far two columns go together."""

    population: str
    column: str
    against: str
    members: int
    pearson: float
    pearson_low: float
    pearson_high: float
    spearman: float
    """Of ranks."""
    spearman_low: float
    spearman_high: float


@documented
class TrendReport:
    """The output of `archdsl population trend POP... --format json`."""

    archdsl: str
    statistic: str
    error: str | None
    """The column, where members count by their errors."""
    level: float
    method: str
    populations: list[PopulationHead]
    rows: list[TermRow]
    correlations: list[CorrelationReport]
    """Of columns that are not constant, for four members or more."""


def trend_statistic(
    groups: Sequence[Group], error: str | None, level: float, against: str, fits: Mapping[str, Sequence[float]]
) -> Statistic:
    """The fits of columns against one, for each population. Raises ValueError."""
    unit = 1e9 if against == "flops" else 1.0
    rows: list[TermRow] = []
    correlations: list[CorrelationReport] = []
    points: list[TrendPoint] = []
    lines: dict[tuple[str, str], tuple[tuple[float, float], ...]] = {}
    for group in groups:
        for column, powers in fits.items():
            found, related, drawn, line = _fitted(group, column, against, unit, powers, level)
            rows += found
            correlations += related
            points += drawn
            lines[group.results.label, column] = line
    report = TrendReport(**head("trend", groups, error, level, METHOD), rows=rows, correlations=correlations)
    notes = ["Members, and by least squares without a constant: " + "; ".join(_forms(fits, against)) + "."]
    notes += [_fit_text(label, column, rows) for label, column in lines]
    title = f"Trends of {', '.join([each.results.label for each in groups])}"
    return Statistic(
        report, COLUMNS, _text(report), points, POINTS, lambda: trend_figure(points, against, lines, notes), title
    )


def _fit_text(label: str, column: str, rows: Sequence[TermRow]) -> str:
    """`params of a: 5.501M (flops/1G)`"""
    mine = [row for row in rows if (row.population, row.column) == (label, column)]
    terms = [f"{figure(row.coefficient)} {_power(_unit(row), row.power)}" for row in mine]
    return f"{column} of {label}: {' + '.join(terms)}."


def _unit(row: TermRow) -> str:
    return f"({row.against}/1G)" if row.unit != 1 else row.against


def _forms(fits: Mapping[str, Sequence[float]], against: str) -> list[str]:
    return [
        f"{column} as {' + '.join([_power(against, power) for power in powers])}" for column, powers in fits.items()
    ]


def _power(against: str, power: float) -> str:
    return against if power == 1 else f"{against}^{power:g}"


def _fitted(
    group: Group, column: str, against: str, unit: float, powers: Sequence[float], level: float
) -> tuple[list[TermRow], list[CorrelationReport], list[TrendPoint], tuple[tuple[float, float], ...]]:
    from archdsl.statistics.fits import correlation, fit

    label, results = group.results.label, group.results
    measured = group.results.numbers(column, mean=True) if column in results.table.columns else values_of(group, column)
    both = zip([each[0] for each in results.rows], values_of(group, against), measured, strict=True)
    there = [(row, x, y) for row, x, y in both if x is not None and y is not None]
    without = len(results.rows) - len(there)
    x, y = [each[1] / unit for each in there], [each[2] for each in there]
    try:
        found = fit(x, y, powers, level)
    except ValueError as fault:
        raise ValueError(f"`{column}` against `{against}` of {label}: {fault}") from None
    about = column, against
    rows = [
        TermRow(label, *about, unit, t.power, t.coefficient, t.low, t.high, found.r2, found.deviation, found.n, without)
        for t in found.terms
    ]
    related = []
    if len(there) > 3 and len(set(x)) > 1 and len(set(y)) > 1:
        c = correlation(x, y, level)
        ends = c.pearson, c.pearson_low, c.pearson_high, c.spearman, c.spearman_low, c.spearman_high
        related.append(CorrelationReport(label, *about, c.n, *ends))
    fitted = found.at(x).tolist()
    points = [TrendPoint(label, column, row, a, b, f) for (row, a, b), f in zip(there, fitted, strict=True)]
    places = [min(x) * (max(x) / min(x)) ** (i / STEPS) for i in range(STEPS + 1)]
    line = tuple(zip([place * unit for place in places], found.at(places).tolist(), strict=True))
    return rows, related, points, line


def _text(report: TrendReport) -> str:
    rows: list[list[Cell]] = []
    for r in report.rows:
        of = _power(_unit(r), r.power)
        interval = span(r.low, r.high)
        rows.append(
            [r.population, r.column, of, figure(r.coefficient), interval, figure(r.r2), figure(r.deviation), r.members]
        )
    lines = [table(["population", "column", "times", "coefficient", "interval", "R²", "rest", "members"], rows), "\n"]
    related: list[list[Cell]] = [
        [
            c.population,
            f"{c.column}, {c.against}",
            f"{figure(c.pearson)} ({span(c.pearson_low, c.pearson_high)})",
            f"{figure(c.spearman)} ({span(c.spearman_low, c.spearman_high)})",
        ]
        for c in report.correlations
    ]
    lines.append(table(["population", "columns", "Pearson", "Spearman"], related))
    left = {(r.population, r.column): r.without for r in report.rows if r.without}
    lines += [
        f"{label}: {number:,} members lack `{column}`, or what it is fitted by\n"
        for (label, column), number in left.items()
    ]
    lines.append(f"intervals of {percent(report.level)}: {report.method}\n")
    return "".join(lines)
