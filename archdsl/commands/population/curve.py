"""`archdsl population curve`: random search."""

from __future__ import annotations

from typing import Any

import click

from archdsl.commands.options import AnyFunction
from archdsl.commands.population.common import Asked, deliver, form_option, population_options, statistics
from archdsl.views.statistics.curve import curve_statistic
from archdsl.views.statistics.head import Statistic

MAX_SIZE = 10**9


def curve_options(function: AnyFunction) -> Any:
    """`--sizes` and `--without-replacement`."""
    decorated: Any = click.option(
        "--without-replacement", "once", is_flag=True, help="No member is drawn twice: the mean over all choices."
    )(function)
    return click.option("--sizes", metavar="M,M…", help="How many members are drawn; up to all of them, if not given.")(
        decorated
    )


def of_curve(asked: Asked, sizes: str | None, once: bool) -> Statistic:
    """The least error of so many members."""
    wanted = _sizes(sizes)
    groups = asked.groups()
    least = min([len(each.results.rows) for each in groups])
    if once and wanted and max(wanted) > least:
        message = f"{max(wanted):,} members cannot be drawn without replacement: a population has {least:,}"
        raise click.BadParameter(message, param_hint="--sizes")
    return statistics(lambda: curve_statistic(groups, asked.error, asked.level, wanted, not once))


def _sizes(text: str | None) -> tuple[int, ...]:
    if text is None:
        return ()
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdecimal() and 0 < int(part[:20]) <= MAX_SIZE for part in parts):
        raise click.BadParameter(f"'{text}' is not a list of numbers from 1 on, such as 1,8,32", param_hint="--sizes")
    return tuple(sorted({int(part) for part in parts}))


@click.command(
    short_help="How good the best of so many members is.",
    epilog="""
\b
Examples:
  archdsl population curve pop.parquet
  archdsl population curve a.parquet e.parquet --sizes 1,8,32
  archdsl population curve study/ --without-replacement --format json

The mean of the least error of m members that are drawn at random (Radosavovic et al. 2020, figure 9), by the exact
probabilities of ranks, with the range that holds 95 % of such draws. With replacement the members stand for the whole
space, and the mean is too high where m comes near their number; without replacement it has no bias.
""",
)
@population_options()
@curve_options
@form_option
def curve(asked: Asked, sizes: str | None, once: bool, format_: str) -> None:
    """Print the least error that a random search of so many members finds."""
    deliver(of_curve(asked, sizes, once), format_)
