"""`archdsl plot`: pictures of networks, scalings, spaces, populations and what was measured, a module for each kind."""

from __future__ import annotations

import click

from archdsl.commands.plot.bench import bench
from archdsl.commands.plot.channels import channels
from archdsl.commands.plot.population import kinds
from archdsl.commands.plot.rank import rank
from archdsl.commands.plot.scaling import scaling
from archdsl.commands.plot.space import space
from archdsl.commands.plot.spectrum import spectrum
from archdsl.commands.plot.stages import stages
from archdsl.commands.plot.widths import widths

EPILOG = """
\b
Examples:
  archdsl plot widths net.arch -o widths.svg
  archdsl plot channels net.arch other.arch -o channels.pdf -o channels.csv
  archdsl plot scaling net.arch --strategies NAME,NAME=2/3 --factors 1..32 -o scaling.html
  archdsl plot stages net.arch --format json
  archdsl plot space spaces.arch:NAME -o members.html
  archdsl plot edf study/ pop.parquet -o edf.svg
  archdsl plot bench bench.jsonl -o times.svg

FILE's suffix says what is written: .svg, .pdf and .png are pictures, .html is a page of one file with the picture and
its numbers, .csv and .json are the numbers alone. Pictures need the extra archdsl[plot]; the numbers, which are always
printed, need nothing. A SPEC is a file, FILE:MODEL, or the name of a shipped network.
"""


@click.group(
    short_help="Draw widths, channels, scalings, stages, spaces, populations, or what was measured.",
    epilog=EPILOG,
    no_args_is_help=True,
)
def command() -> None:
    """Draw widths, channel configurations, costs by scaling or stage, spaces, populations, or what was measured."""


for kind in (widths, channels, scaling, stages, space, *kinds, bench, rank, spectrum):
    command.add_command(kind)
