"""`archdsl study`: populations whose members are trained, one module for each command."""

from __future__ import annotations

import click

from archdsl.commands.study.best import best
from archdsl.commands.study.run import run
from archdsl.commands.study.search import search
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

A study is a folder. The same command again goes on with it, after whatever has ended it.
"""


@click.group(short_help="Train populations, and see how far they are.", epilog=EPILOG, no_args_is_help=True)
def command() -> None:
    """Train the members of a population, each in a run folder of its own."""


for each in (run, search, work, status, best):
    command.add_command(each)
