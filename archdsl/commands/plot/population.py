"""`archdsl plot edf`, `best`, `compare` and the others of `archdsl population`: its statistics as pictures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from archdsl.commands.plot.output import Wanted, deliver, log_option, output_options
from archdsl.commands.population.best import best_options, of_best
from archdsl.commands.population.common import Asked, population_options
from archdsl.commands.population.compare import compare_options, of_compare
from archdsl.commands.population.curve import curve_options, of_curve
from archdsl.commands.population.edf import of_edf
from archdsl.commands.population.efit import of_efit
from archdsl.commands.population.front import front_options, of_front
from archdsl.commands.population.profile import of_profile, profile_options
from archdsl.commands.population.trend import of_trend, trend_options
from archdsl.diagnostics import Diagnostics
from archdsl.views.plot import Kind, Plot, Plotted
from archdsl.views.statistics.head import Statistic

EPILOG = """
\b
Examples:
  archdsl plot {0} study/ other.parquet -o {0}.svg
  archdsl plot {0} all.csv --by space -o {0}.html

The populations, options and figures are those of `archdsl population {0}`. In a page (.html) lines and members say what
they are where one points at them.
"""


def _delivered(kind: Kind, found: Statistic, wanted: Wanted) -> None:
    models = [Plotted(each.label, each.path, None, (), Diagnostics()) for each in found.report.populations]
    rows, columns = list(found.drawn), found.drawn_columns
    deliver(Plot(kind, found.title, models, rows, columns, found.figure, label="population"), wanted)


def _command(name: str, short: str) -> Callable[[Callable[..., None]], click.Command]:
    return click.command(name, short_help=short, epilog=EPILOG.format(name))


@_command("edf", "Distribution functions of the errors of populations.")
@population_options()
@output_options
def edf(asked: Asked, wanted: Wanted) -> None:
    """Draw how the errors of populations are distributed, with the bands of the true distributions."""
    _delivered("edf", of_edf(asked), wanted)


@_command("best", "Members by columns and error, and where the best lie.")
@population_options(widths=True)
@best_options
@output_options
def best(asked: Asked, wanted: Wanted, **options: Any) -> None:
    """Draw members by columns and their error, with the ranges that hold the best."""
    _delivered("best", of_best(asked, **options), wanted)


@_command("trend", "How acts, params or runtimes grow with flops.")
@population_options(needed=False, widths=True)
@trend_options
@output_options
def trend(asked: Asked, wanted: Wanted, **options: Any) -> None:
    """Draw columns of members against another one, with fits."""
    _delivered("trend", of_trend(asked, **options), wanted)


@_command("efit", "Errors of linear fits of widths against errors.")
@population_options(widths=True)
@output_options
def efit(asked: Asked, wanted: Wanted) -> None:
    """Draw members by the error of the quantized linear rule of their widths and their own."""
    _delivered("efit", of_efit(asked), wanted)


@_command("profile", "Widths of good, middling and bad members.")
@population_options(widths=True, level=False)
@profile_options
@log_option
@output_options
def profile(asked: Asked, wanted: Wanted, **options: Any) -> None:
    """Draw the widths of the blocks of good, middling and bad members."""
    _delivered("profile", of_profile(asked, **options), wanted)


@_command("curve", "How good the best of so many members is.")
@population_options()
@curve_options
@output_options
def curve(asked: Asked, wanted: Wanted, **options: Any) -> None:
    """Draw the least error that a random search of so many members finds."""
    _delivered("curve", of_curve(asked, **options), wanted)


@_command("front", "Errors against costs, and the best of both.")
@population_options(level=False)
@front_options
@output_options
def front(asked: Asked, wanted: Wanted, **options: Any) -> None:
    """Draw members by their exact costs and their error, and mark those that no other is better than."""
    _delivered("front", of_front(asked, **options), wanted)


@_command("compare", "Differences of populations, and what could have been seen.")
@population_options()
@compare_options
@output_options
def compare(asked: Asked, wanted: Wanted, **options: Any) -> None:
    """Draw the differences of mean errors with their intervals, and how often so many members find a difference."""
    _delivered("compare", of_compare(asked, **options), wanted)


kinds = (edf, best, trend, efit, profile, curve, front, compare)
