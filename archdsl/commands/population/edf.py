"""`archdsl population edf`: the distribution of errors."""

from __future__ import annotations

import click

from archdsl.commands.population.common import Asked, deliver, form_option, population_options, statistics
from archdsl.views.statistics.edf import edf_statistic
from archdsl.views.statistics.head import Statistic


def of_edf(asked: Asked) -> Statistic:
    """The distribution functions of the populations."""
    groups = asked.groups()
    return statistics(lambda: edf_statistic(groups, asked.error, asked.level))


@click.command(
    short_help="Distribution functions of errors.",
    epilog="""
\b
Examples:
  archdsl population edf study/
  archdsl population edf a.parquet e.parquet --error top1_error
  archdsl population edf all.csv --by space --where 'flops < 400M' --format csv

The function is the share of members with an error *less* than e (Radosavovic et al. 2020, equation 1); the legend is
[least|mean]. The band holds the whole true function at once, by the inequality of Dvoretzky, Kiefer and Wolfowitz.
""",
)
@population_options()
@form_option
def edf(asked: Asked, format_: str) -> None:
    """Print how the errors of populations are distributed, with the band of the true distribution."""
    deliver(of_edf(asked), format_)
