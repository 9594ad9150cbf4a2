"""`archdsl plot channels`: the output channels of every block, of several models."""

from __future__ import annotations

from typing import Any

import click

from archdsl.commands.options import change_options
from archdsl.commands.plot.networks import configurations
from archdsl.commands.plot.output import Wanted, deliver, figures_told, log_option, output_options, specs_argument
from archdsl.views.plot_networks import channels_plot


@click.command(
    short_help="Output channels of every block, of several models.",
    epilog="""
\b
Examples:
  archdsl plot channels net.arch baseline.arch other.arch -o channels.svg
  archdsl plot channels family.arch:small family.arch:large -o channels.pdf
  archdsl plot channels searched.arch:best searched.arch:worst -o searched.svg

FILE:NAME may name a function without parameters that lists widths, as `fn best() = [24, 33, 42]` does: the channels
of a network of which no more is known.
""",
)
@specs_argument
@log_option
@change_options
@output_options
def channels(
    specs: tuple[str, ...],
    log: bool,
    wanted: Wanted,
    **options: Any,
) -> None:
    """Draw the output channels of every block: a model's channel configuration against those of others."""
    found = configurations(specs, wanted, options)
    with figures_told():
        plot = channels_plot(found, log=log)
    deliver(plot, wanted)
