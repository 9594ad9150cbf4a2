"""`efit`: how well quantized linear rules explain the widths of members."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from archdsl.plots.populations import EfitRow, efit_figure
from archdsl.records import documented
from archdsl.views.statistics.head import Group, PopulationHead, Statistic, by_label, figure, head, percent, span
from archdsl.views.tables import Cell, table

COLUMNS = ("population", "row", "depth", "error", "efit", "w_0", "w_a", "w_m")


@documented
class EfitSummary:
    """The errors of the fits of a population."""

    population: str
    members: int
    mean: float
    low: float | None
    """Student's interval of the mean; null for one member."""
    high: float | None
    median: float
    best_low: float | None
    """The range of e_fit that holds the best members by error; null without errors."""
    best_likely: float | None
    best_high: float | None
    spearman: float | None
    """The correlation of the ranks of e_fit and error; null without errors, or where it is not known."""
    spearman_low: float | None
    spearman_high: float | None


@documented
class EfitReport:
    """The output of `archdsl population efit POP... --format json`."""

    archdsl: str
    statistic: str
    error: str | None
    """The column, where members count by their errors."""
    level: float
    method: str
    populations: list[PopulationHead]
    grid: str
    """What is searched for the best rule."""
    summaries: list[EfitSummary]
    rows: list[EfitRow]


def efit_statistic(
    groups: Sequence[Group], error: str | None, level: float, progress: Callable[[int, int], None] | None
) -> Statistic:
    """The best quantized linear rule for each member."""
    from archdsl.statistics.linear import GRID, efit

    rows: list[EfitRow] = []
    summaries = []
    for group in groups:
        widths, depths = group.widths()
        found = efit(widths, depths, GRID, progress)
        errors = group.results.errors
        columns = [column.tolist() for column in (depths, found.error, found.w_0, found.w_a, found.w_m)]
        for number, (depth, *cells) in enumerate(zip(*columns, strict=True)):
            own = errors[number] if errors is not None else None
            rows.append(EfitRow(group.results.label, group.results.rows[number][0], depth, own, *cells))
        summaries.append(_summary(group.results.label, found.error.tolist(), errors, level))
    method = "the least mean of |log(predicted / observed)| of the widths of blocks, on the grid"
    report = EfitReport(**head("efit", groups, error, level, method), grid=GRID.words, summaries=summaries, rows=rows)
    ranges = {
        each.population: (each.best_low, each.best_high)
        for each in summaries
        if each.best_low is not None and each.best_high is not None
    }
    notes = [f"e_fit: {method} of {GRID.words}.", f"Bands hold the best members in {percent(level)} of draws of 25 %."]
    title = f"Linear fits of {', '.join([each.results.label for each in groups])}"
    return Statistic(
        report, COLUMNS, _text(report), rows, COLUMNS, lambda: efit_figure(by_label(rows), ranges, notes), title
    )


def _summary(label: str, fits: list[float], errors: Sequence[float] | None, level: float) -> EfitSummary:
    from archdsl.statistics.arrays import scipy
    from archdsl.statistics.best import best
    from archdsl.statistics.fits import correlation

    n = len(fits)
    mean, median = math.fsum(fits) / n, (sorted(fits)[(n - 1) // 2] + sorted(fits)[n // 2]) / 2
    ends: tuple[float | None, float | None] = None, None
    if n > 1:
        error = math.sqrt(math.fsum([(each - mean) ** 2 for each in fits]) / (n - 1) / n)
        reach = float(scipy("special").stdtrit(n - 1, (1 + level) / 2)) * error
        ends = max(0.0, mean - reach), mean + reach  # of what is never below 0
    range_: tuple[float | None, ...] = (None, None, None)
    ranks: tuple[float | None, ...] = (None, None, None)
    if errors is not None:
        of = best(fits, errors, level=level)
        range_ = of.low, of.likely, of.high
        if n > 3 and len(set(fits)) > 1 and len(set(errors)) > 1:
            c = correlation(fits, errors, level)
            ranks = c.spearman, c.spearman_low, c.spearman_high
    return EfitSummary(label, n, mean, *ends, median, *range_, *ranks)


def _text(report: EfitReport) -> str:
    rows: list[list[Cell]] = []
    for s in report.summaries:
        cells: list[Cell] = [s.population, s.members, figure(s.mean)]
        cells += [span(s.low, s.high) if s.low is not None and s.high is not None else None, figure(s.median)]
        if s.best_low is not None and s.best_high is not None:
            cells += [f"{figure(s.best_likely)} ({span(s.best_low, s.best_high)})"]
        else:
            cells += [None]
        if s.spearman is not None and s.spearman_low is not None and s.spearman_high is not None:
            cells += [f"{figure(s.spearman)} ({span(s.spearman_low, s.spearman_high)})"]
        else:
            cells += [None]
        rows.append(cells)
    headers = [
        "population",
        "members",
        "mean e_fit",
        "interval",
        "median",
        "of the best",
        "rank correlation with error",
    ]
    known = [i for i in range(len(headers)) if any(row[i] is not None for row in rows)]
    shown = table([headers[i] for i in known], [[row[i] for i in known] for row in rows])
    return f"{shown}intervals of {percent(report.level)}; e_fit: {report.method}\ngrid: {report.grid}\n"
