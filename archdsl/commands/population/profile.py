"""`archdsl population profile`: widths of good and bad members."""

from __future__ import annotations

import re
from typing import Any

import click

from archdsl.commands.options import AnyFunction
from archdsl.commands.population.common import Asked, deliver, form_option, population_options, statistics
from archdsl.views.statistics.head import Statistic
from archdsl.views.statistics.profile import profile_statistic

_PART = re.compile(r"([0-9]{1,3}(?:\.[0-9]+)?)\.\.([0-9]{1,3}(?:\.[0-9]+)?)", re.ASCII)


def profile_options(function: AnyFunction) -> Any:
    """`--part`."""
    help_ = "Members by error, in percent: 0..10 are the best. Repeatable; 0..10, 50..60 and 90..100, if not given."
    return click.option("--part", "parts", metavar="A..B", multiple=True, help=help_)(function)


def of_profile(asked: Asked, parts: tuple[str, ...], log: bool = False) -> Statistic:
    """The widths of parts of the members."""
    wanted = [_part(text) for text in parts]
    groups = asked.groups(2)
    return statistics(lambda: profile_statistic(groups, asked.error, wanted, log))


def _part(text: str) -> tuple[float, float]:
    found = _PART.fullmatch(text)
    first, last = (float(found[1]) / 100, float(found[2]) / 100) if found is not None else (0.0, 0.0)
    if not 0 <= first < last <= 1:
        message = f"'{text}' is not A..B, two percentages of which the second is greater, for example 0..10"
        raise click.BadParameter(message, param_hint="--part")
    return first, last


@click.command(
    short_help="Widths of good, middling and bad members.",
    epilog="""
\b
Examples:
  archdsl population profile pop.parquet
  archdsl population profile pop.parquet --part 0..25 --part 75..100
  archdsl population profile own.csv --widths width

The mean width of the blocks of each index, over the members of a part, with one standard deviation (Han et al. 2021,
figures 2 and A1, of the best tenth, the one behind the middle and the last). The widths are those of the networks, by
the space that the table names.
""",
)
@population_options(widths=True, level=False)
@profile_options
@form_option
def profile(asked: Asked, parts: tuple[str, ...], format_: str) -> None:
    """Print the widths of the blocks of good, middling and bad members."""
    deliver(of_profile(asked, parts), format_)
