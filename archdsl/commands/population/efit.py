"""`archdsl population efit`: quantized linear rules of widths."""

from __future__ import annotations

import click

from archdsl.commands.population.common import Asked, deliver, form_option, population_options, statistics
from archdsl.commands.progress import comparing
from archdsl.views.statistics.efit import efit_statistic
from archdsl.views.statistics.head import Statistic


def of_efit(asked: Asked) -> Statistic:
    """The best rule of each member."""
    groups = asked.groups()
    error = asked.error if all(each.results.errors is not None for each in groups) else None

    def make() -> Statistic:
        with comparing("fitting") as tell_progress:
            return efit_statistic(groups, error, asked.level, tell_progress)

    return statistics(make, scipy=True)


@click.command(
    short_help="How well linear rules explain widths.",
    epilog="""
\b
Examples:
  archdsl population efit pop.parquet
  archdsl population efit pop.parquet --format csv > fits.csv
  archdsl population efit own.csv --widths width --depths depth

For each member the rule u_j = w_0 + w_a j, quantized by w_m, is searched on a grid that explains the widths of its
blocks best (Radosavovic et al. 2020, section 3.3); e_fit is the mean of |log(predicted / observed)|. The widths are
those of the networks, by the space that the table names. A table without results is read too: then all its rows are
members.
""",
)
@population_options(needed=False, widths=True)
@form_option
def efit(asked: Asked, format_: str) -> None:
    """Print how well a quantized linear rule explains the widths of members, and whether that goes with the error."""
    deliver(of_efit(asked), format_)
