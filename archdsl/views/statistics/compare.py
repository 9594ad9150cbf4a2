"""`compare`: whether the errors of two populations differ, and what difference so many members could have shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

from archdsl.plots.comparisons import DifferenceRow, compare_figure
from archdsl.records import documented
from archdsl.views.statistics.head import Group, PopulationHead, Statistic, errors_of, figure, head, percent, span
from archdsl.views.tables import Cell, table

COLUMNS = (
    "first", "second", "first_members", "second_members", "first_mean", "second_mean", "difference", "low", "high",
    "told_apart", "welch", "permutation", "permutations", "exact", "better", "mann_whitney", "distance",
    "kolmogorov_smirnov", "power", "detectable", "needed",
)  # fmt: skip
METHOD = "Welch's interval of the difference of means"
DRAWN = ("first", "second", "what", "difference", "low", "high", "power")


@documented
class ComparisonRow:
    """Two populations beside each other. Each p is two-sided, of this pair for itself."""

    first: str
    """The label."""
    second: str
    first_members: int
    second_members: int
    first_mean: float
    second_mean: float
    first_deviation: float
    """The standard deviation of the errors of members."""
    second_deviation: float
    difference: float
    """Of the mean errors: first less second."""
    low: float
    """The ends of its interval."""
    high: float
    told_apart: bool
    """Whether the interval leaves out 0."""
    welch: float
    """p of equal means (Welch's t test)."""
    permutation: float
    """p of the difference of means by permutations of members."""
    permutations: int
    exact: bool
    """Whether these are all that there are; else they were drawn."""
    better: float
    """The probability that of a member of each the first has the smaller error, ties counted half."""
    mann_whitney: float
    """p of that being one half."""
    distance: float
    """The largest distance of the distribution functions (Kolmogorov-Smirnov)."""
    kolmogorov_smirnov: float
    """p of equal distributions."""
    power: float
    detectable: float
    """The difference of means that so many members find with that power, for their spreads."""
    needed: int | None
    """Members of each that find the difference which was seen with that power; null where none was seen."""


@documented
class CompareReport:
    """The output of `archdsl population compare POP POP --format json`."""

    archdsl: str
    statistic: str
    error: str | None
    """The column."""
    level: float
    method: str
    """Of the interval."""
    populations: list[PopulationHead]
    seed: int
    """Of drawn permutations."""
    rows: list[ComparisonRow]
    """One for each pair."""


def compare_statistic(
    groups: Sequence[Group],
    error: str,
    level: float,
    power: float,
    resamples: int | None,
    seed: int,
    progress: Callable[[int, int], None] | None,
) -> Statistic:
    """Each pair of the populations. Raises ValueError."""
    from archdsl.statistics.comparison import compare, powers

    rows: list[ComparisonRow] = []
    drawn: list[DifferenceRow] = []
    for one, two in combinations(groups, 2):
        labels = one.results.label, two.results.label
        try:
            found = compare(
                errors_of(one),
                errors_of(two),
                level=level,
                power=power,
                resamples=resamples,
                seed=seed,
                progress=progress,
            )
        except ValueError as fault:
            raise ValueError(f"{labels[0]} and {labels[1]}: {fault}") from None
        rows.append(
            ComparisonRow(
                *labels,
                found.first.n,
                found.second.n,
                found.first.mean,
                found.second.mean,
                found.first.deviation,
                found.second.deviation,
                found.difference,
                found.low,
                found.high,
                found.told_apart,
                found.welch,
                found.permutation,
                found.permutations,
                found.exact,
                found.better,
                found.mann_whitney,
                found.distance,
                found.kolmogorov_smirnov,
                power,
                found.detectable,
                found.needed,
            )
        )
        drawn += [
            DifferenceRow(*labels, "seen", found.difference, found.low, found.high, None),
            DifferenceRow(*labels, "detectable", found.detectable, None, None, power),
        ]
        one_and_two = [(each.deviation, each.n) for each in (found.first, found.second)]
        amounts, shares = powers(one_and_two[0], one_and_two[1], level)
        drawn += [
            DifferenceRow(*labels, "power", amount, None, None, share)
            for amount, share in zip(amounts.tolist(), shares.tolist(), strict=True)
        ]
    report = CompareReport(**head("compare", groups, error, level, METHOD), seed=seed, rows=rows)
    notes = [
        f"Above: the difference of the mean errors with its interval ({percent(level)}, Welch); bands: true "
        f"differences that so many members find in less than {percent(power)} of cases.",
        f"Below: how often Welch's test at {percent(level)} finds a true difference, with the spreads that were seen.",
    ]
    title = f"Differences between {', '.join([each.results.label for each in groups])}"
    return Statistic(report, COLUMNS, _text(report), drawn, DRAWN, lambda: compare_figure(drawn, power, notes), title)


def _text(report: CompareReport) -> str:
    return "\n".join([_pair(row, report.level) for row in report.rows])


def _pair(row: ComparisonRow, level: float) -> str:
    samples: list[list[Cell]] = [
        [row.first, row.first_members, figure(row.first_mean), figure(row.first_deviation)],
        [row.second, row.second_members, figure(row.second_mean), figure(row.second_deviation)],
    ]
    drawn = f"all {row.permutations:,} permutations" if row.exact else f"{row.permutations:,} permutations drawn"
    better = f"{row.first} is better in {percent(row.better)} of pairs"
    tests: list[list[Cell]] = [
        ["means (Welch)", figure(row.difference), figure(row.welch)],
        [f"means ({drawn})", figure(row.difference), figure(row.permutation)],
        ["order (Mann-Whitney)", better, figure(row.mann_whitney)],
        ["distributions (Kolmogorov-Smirnov)", figure(row.distance), figure(row.kolmogorov_smirnov)],
    ]
    verdict = "told apart" if row.told_apart else "these members do not tell them apart"
    seen = f"{figure(row.difference)}, from {span(row.low, row.high)} ({percent(level)}, Welch)"
    members = f"{row.first_members:,} and {row.second_members:,} members"
    could = f"{members} find a difference of {figure(row.detectable)} in {percent(row.power)} of cases"
    if row.needed is not None:
        could += f"; the difference that was seen takes {row.needed:,} of each"
    said = f"{row.first} less {row.second}: {seen}: {verdict}"
    headers = ["test", "seen", "p"]
    return f"{table(['population', 'members', 'mean', 'deviation'], samples)}\n{table(headers, tests)}{said}\n{could}\n"
