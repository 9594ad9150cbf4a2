"""`archdsl study`: what is found out by training or running many networks, one module for each command."""

from __future__ import annotations

import click

from archdsl.commands.study.rank import rank
from archdsl.commands.study.spectrum import spectrum

EPILOG = """
\b
Examples:
  archdsl study rank --networks 20 -o rank.csv
  archdsl study spectrum net.arch --weights net.safetensors --data IMAGES -o spectrum.csv
"""


@click.group(short_help="Study networks on this machine.", epilog=EPILOG, no_args_is_help=True)
def command() -> None:
    """Study networks on this machine: the rank of layers, the spectrum of features."""


for each in (rank, spectrum):
    command.add_command(each)
