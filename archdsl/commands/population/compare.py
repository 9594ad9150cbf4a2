"""`archdsl population compare`: whether two populations differ."""

from __future__ import annotations

from typing import Any

import click

from archdsl.commands.options import AnyFunction
from archdsl.commands.population.common import Asked, deliver, form_option, population_options, statistics
from archdsl.commands.progress import comparing
from archdsl.views.statistics.compare import compare_statistic
from archdsl.views.statistics.head import Statistic

MOST = 8
"""Populations of which all pairs are compared."""


def compare_options(function: AnyFunction) -> Any:
    """`--power`, `--permutations` and `--seed`."""
    decorated: Any = function
    for option in (
        click.option(
            "--seed", type=click.IntRange(0, 2**63 - 1), default=0, show_default=True, help="Of the permutations."
        ),
        click.option(
            "--permutations", "resamples", type=click.IntRange(1, 10**7),
            help="Drawn, where there are more; 9999, and of more than 2000 members 999, if not given.",
        ),
        click.option(
            "--power",
            type=click.FloatRange(0, 100, min_open=True, max_open=True),
            default=80.0,
            show_default=True,
            help="How often a difference is to be found, in percent.",
        ),
    ):  # fmt: skip
        decorated = option(decorated)
    return decorated


def of_compare(asked: Asked, power: float, resamples: int | None, seed: int) -> Statistic:
    """The comparison of each pair."""
    groups = asked.groups(2)
    if not 2 <= len(groups) <= MOST:
        there = f"there is {len(groups)}" if len(groups) == 1 else f"there are {len(groups)}"
        raise click.UsageError(f"A comparison is of 2 to {MOST} populations; {there}.")

    def make() -> Statistic:
        with comparing("permuting") as tell_progress:
            return compare_statistic(groups, asked.error, asked.level, power / 100, resamples, seed, tell_progress)

    return statistics(make, scipy=True)


@click.command(
    short_help="Whether populations differ, and what could have been seen.",
    epilog="""
\b
Examples:
  archdsl population compare a.parquet e.parquet
  archdsl population compare all.csv --by space
  archdsl population compare a.parquet e.parquet --power 90 --format json

The difference of the mean errors with Welch's interval, a permutation test of it, the tests of Mann and Whitney and
of Kolmogorov and Smirnov, and how small a difference so many members find in 80 % of cases. Several populations are
compared in pairs, and each p is of its pair alone: of many pairs some differ by chance.
""",
)
@population_options()
@compare_options
@form_option
def compare(asked: Asked, format_: str, **options: Any) -> None:
    """Print whether the errors of populations differ, and how small a difference so many members could have shown."""
    deliver(of_compare(asked, **options), format_)
