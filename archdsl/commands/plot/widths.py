"""`archdsl plot widths`: block width against block index, with linear fits."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

import click

from archdsl.commands.options import change_options
from archdsl.commands.plot.networks import configurations
from archdsl.commands.plot.output import Wanted, deliver, figures_told, log_option, output_options, specs_argument
from archdsl.views.plot_networks import widths_plot

_LINE = re.compile(r"(-?[0-9]{1,9}(?:\.[0-9]{1,9})?),(-?[0-9]{1,9}(?:\.[0-9]{1,9})?)", re.ASCII)


@click.command(
    short_help="Block width against block index, with linear fits.",
    epilog="""
\b
Examples:
  archdsl plot widths net.arch -o widths.svg
  archdsl plot widths net.arch other.arch --log -o widths.pdf
  archdsl plot widths net.arch --line 48,32.5 -o widths.png

The fit is the line through a model's block widths by least squares, over the index j from 0; its intercept and slope
stand in the legend. --line draws the line of a rule that is known, w_0 + w_a j for example.
""",
)
@specs_argument
@click.option(
    "--fit/--no-fit", default=True, show_default=True, help="Draw the line that fits each model's widths best."
)
@click.option("--line", "lines", metavar="A,B", multiple=True, help="Draw the line A + B j too; repeatable.")
@log_option
@change_options
@output_options
def widths(
    specs: tuple[str, ...],
    fit: bool,
    lines: tuple[str, ...],
    log: bool,
    wanted: Wanted,
    **options: Any,
) -> None:
    """Draw block width against block index, for one model or several, with the line that fits each best."""
    given = tuple([_line(text) for text in lines])
    found = configurations(specs, wanted, options)
    with figures_told():
        plot = widths_plot(found, fit=fit, lines=given, log=log)
    deliver(plot, wanted)


def _line(text: str) -> tuple[Fraction, Fraction]:
    found = _LINE.fullmatch(text)
    if found is None:
        raise click.BadParameter(f"'{text}' is not A,B, for example 48,32.5", param_hint="--line")
    return Fraction(found[1]), Fraction(found[2])
