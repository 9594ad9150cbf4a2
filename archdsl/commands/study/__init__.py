"""`archdsl study`: what is found out by training or running many networks, one module for each command."""

from __future__ import annotations

import click

from archdsl.commands.study.best import best
from archdsl.commands.study.rank import rank
from archdsl.commands.study.run import run
from archdsl.commands.study.search import search
from archdsl.commands.study.spectrum import spectrum
from archdsl.commands.study.status import status
from archdsl.commands.study.work import work

EPILOG = """
\b
Examples:
  archdsl study run spaces.arch:NAME --count 100 --recipe NAME --data IMAGES -o study/
  archdsl study run pop.parquet --seeds 2 --jobs 4 -o study/
  archdsl study run net.arch other.arch -o study/ -- --epochs 5
  archdsl study search spaces.arch:NAME --objective error --objective flops -o found/
  archdsl study status study/
  archdsl study best study/ --of 25
  archdsl study work study/
  archdsl study rank --networks 20 -o rank.csv
  archdsl study spectrum net.arch --weights net.safetensors --data IMAGES -o spectrum.csv

A study that trains is a folder. The same command again goes on with it, after whatever has ended it.
"""


@click.group(short_help="Train populations; study networks.", epilog=EPILOG, no_args_is_help=True)
def command() -> None:
    """Study many networks: train a population, each member in a run folder; ranks of layers, spectra of features."""


for each in (run, search, work, status, best, rank, spectrum):
    command.add_command(each)
