"""`archdsl population best`: where the best members lie."""

from __future__ import annotations

from typing import Any

import click

from archdsl.commands.options import AnyFunction
from archdsl.commands.population.common import Asked, deliver, form_option, population_options, statistics
from archdsl.views.statistics.best import best_statistic
from archdsl.views.statistics.columns import unasked
from archdsl.views.statistics.head import Statistic


def best_options(function: AnyFunction) -> Any:
    """`--column` and `--share`."""
    range_ = click.FloatRange(0, 100, min_open=True)
    decorated: Any = click.option(
        "--share", type=range_, default=25.0, show_default=True, help="Of the members, drawn each time, in percent."
    )(function)
    return click.option(
        "--column",
        "columns",
        metavar="NAME",
        multiple=True,
        help="A column; all of numbers, if none is given. Repeatable.",
    )(decorated)


def of_best(asked: Asked, columns: tuple[str, ...], share: float) -> Statistic:
    """The ranges of the columns that hold the best members."""
    groups = asked.groups(2)
    names = columns or tuple(dict.fromkeys([name for each in groups for name in unasked(each.results, asked.error)]))
    if not names:
        raise click.ClickException("there are no columns of numbers that differ; --column NAME asks for one")
    need = any(name == "efit" for name in names)
    return statistics(lambda: best_statistic(groups, asked.error, asked.level, names, share / 100), scipy=need)


@click.command(
    short_help="Ranges of columns that hold the best members.",
    epilog="""
\b
Examples:
  archdsl population best pop.parquet
  archdsl population best pop.parquet --column w_m --column model.depth --column efit
  archdsl population best study/ --column lr --level 90

The empirical bootstrap of Radosavovic et al. 2020 (footnote 4): of 25 % of the members, drawn with replacement, the
one of least error is kept; the range holds 95 % of what is kept, and the median is the likely best. It is not drawn
but worked out: the k-th best of n is kept with probability ((n-k+1)/n)^m - ((n-k)/n)^m. Besides the table's columns
there are `model.depth`, the number of blocks, and `efit`; both take the space that the table names.
""",
)
@population_options(widths=True)
@best_options
@form_option
def best(asked: Asked, columns: tuple[str, ...], share: float, format_: str) -> None:
    """Print the range of each column that holds the best members, and the likely best value."""
    deliver(of_best(asked, columns, share), format_)
