"""`archdsl population trend`: how costs grow with each other."""

from __future__ import annotations

import re
from typing import Any

import click

from archdsl.commands.options import AnyFunction
from archdsl.commands.population.common import Asked, deliver, form_option, population_options, statistics
from archdsl.views.statistics.head import Statistic
from archdsl.views.statistics.trend import FITS, trend_statistic

_FIT = re.compile(r"(.+)=([0-9.]+(?:,[0-9.]+)*)", re.ASCII)
MAX_POWER = 10


def trend_options(function: AnyFunction) -> Any:
    """`--against` and `--fit`."""
    decorated: Any = click.option(
        "--fit", "fits", metavar="COLUMN=POWERS", multiple=True,
        help="A column and the powers it is a sum of: seconds=1,0.5. Repeatable; acts=0.5 and params=1, if not given.",
    )(function)  # fmt: skip
    return click.option("--against", metavar="COLUMN", default="flops", show_default=True, help="By what they grow.")(
        decorated
    )


def of_trend(asked: Asked, against: str, fits: tuple[str, ...]) -> Statistic:
    """The fits of the columns."""
    wanted = dict([_fit(text) for text in fits])
    groups = asked.groups(2)
    if not wanted:
        wanted = {name: powers for name, powers in FITS.items() if all(name in g.results.table.columns for g in groups)}
    if not wanted:
        raise click.ClickException("the tables have no columns `acts` and `params`; --fit COLUMN=POWERS names others")
    error = asked.error if all(each.results.errors is not None for each in groups) else None
    return statistics(lambda: trend_statistic(groups, error, asked.level, against, wanted), scipy=True)


def _fit(text: str) -> tuple[str, tuple[float, ...]]:
    found = _FIT.fullmatch(text)
    try:
        powers = tuple([float(part) for part in found[2].split(",")]) if found is not None else ()
    except ValueError:
        powers = ()
    if found is None or not powers or len(set(powers)) < len(powers) or max(powers) > MAX_POWER:
        message = f"'{text}' is not COLUMN=POWERS, for example seconds=1,0.5"
        raise click.BadParameter(message, param_hint="--fit")
    return found[1], powers


@click.command(
    short_help="How acts, params or runtimes grow with flops.",
    epilog="""
\b
Examples:
  archdsl population trend pop.parquet
  archdsl population trend timed.csv --fit seconds=1,0.5 --fit acts=0.5
  archdsl population trend pop.parquet --where 'error < 40'

By least squares without a constant, as Radosavovic et al. 2020 (figure 12) fit activations by the root of flops,
params by flops and runtimes by both; with Pearson's and Spearman's correlations. Flops count in units of 10^9. A table
without results is read too: then all its rows are members.
""",
)
@population_options(needed=False, widths=True)
@trend_options
@form_option
def trend(asked: Asked, against: str, fits: tuple[str, ...], format_: str) -> None:
    """Print fits of columns against another one, with the intervals of their coefficients."""
    deliver(of_trend(asked, against, fits), format_)
