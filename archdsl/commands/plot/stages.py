"""`archdsl plot stages`: the cost of every stage."""

from __future__ import annotations

from typing import Any

import click

from archdsl.commands.options import change_options, convention_option
from archdsl.commands.plot.networks import networks
from archdsl.commands.plot.output import Wanted, deliver, output_options, specs_argument
from archdsl.graph.conventions import CONVENTIONS
from archdsl.views.plot_networks import stages_plot


@click.command(
    short_help="Cost of every stage.",
    epilog="""
\b
Examples:
  archdsl plot stages net.arch -o stages.svg
  archdsl plot stages net.arch other.arch --shares -o stages.pdf

The numbers at the bars are shares of the model's total, in percent.
""",
)
@specs_argument
@click.option("--shares", is_flag=True, help="Bars are shares of each model's total, not counts.")
@convention_option
@change_options
@output_options
def stages(
    specs: tuple[str, ...],
    shares: bool,
    convention_name: str,
    wanted: Wanted,
    **options: Any,
) -> None:
    """Draw the flops, params and acts of every stage."""
    found = networks(specs, wanted, options)
    plot = stages_plot([each.plotted for each in found], CONVENTIONS[convention_name], shares=shares)
    deliver(plot, wanted)
