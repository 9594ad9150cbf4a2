"""`archdsl population front`: small errors at small costs."""

from __future__ import annotations

from typing import Any

import click

from archdsl.commands.options import AnyFunction
from archdsl.commands.population.common import Asked, deliver, form_option, population_options, statistics
from archdsl.graph.cost import MEASURES
from archdsl.views.statistics.front import front_statistic
from archdsl.views.statistics.head import Statistic


def front_options(function: AnyFunction) -> Any:
    """`--cost`."""
    decorated: Any = click.option(
        "--cost",
        "costs",
        metavar="COLUMN",
        multiple=True,
        help="A column of costs; the exact ones that the tables have, if none is given. Repeatable.",
    )(function)
    return decorated


def of_front(asked: Asked, costs: tuple[str, ...]) -> Statistic:
    """The members that no other is better than."""
    groups = asked.groups()
    names = dict.fromkeys(costs or [n for n in MEASURES if all(n in each.results.table.columns for each in groups)])
    if not names:
        raise click.ClickException(f"the tables have no column {', '.join(MEASURES)}; --cost COLUMN names another")
    return statistics(lambda: front_statistic(groups, asked.error, asked.level, tuple(names)))


@click.command(
    short_help="Members that no other is better than, of error and cost.",
    epilog="""
\b
Examples:
  archdsl population front study/
  archdsl population front pop.parquet --cost flops --cost seconds
  archdsl population front found/ --cost flops --format csv

For each cost, the members of which no other has at most the cost and the error, and less of one. The costs are exact;
an error is that of the trainings that there were, so that members with nearly equal errors may change places with
another seed.
""",
)
@population_options(level=False)
@front_options
@form_option
def front(asked: Asked, costs: tuple[str, ...], format_: str) -> None:
    """Print the members that no other is better than, of each cost and the error."""
    deliver(of_front(asked, costs), format_)
