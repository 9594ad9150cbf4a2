"""`archdsl population`: statistics of populations with results, one module for each."""

from __future__ import annotations

import click

from archdsl.commands.population.best import best
from archdsl.commands.population.compare import compare
from archdsl.commands.population.curve import curve
from archdsl.commands.population.edf import edf
from archdsl.commands.population.efit import efit
from archdsl.commands.population.front import front
from archdsl.commands.population.profile import profile
from archdsl.commands.population.trend import trend

EPILOG = """
\b
Examples:
  archdsl population edf study/
  archdsl population best pop.parquet --column depth --column w_a
  archdsl population compare a.parquet e.parquet
  archdsl population curve pop.csv --error top1_error --format csv
  archdsl population front study/ --cost flops
  archdsl plot edf a.parquet e.parquet -o edf.svg

POP is a table (.parquet, .jsonl or .csv) with a row for each network and a column of errors, or the folder of a study.
A population that was drawn of a space has the columns that tell its members apart; any other table may have a column
`hash`, and else each row is a member. `archdsl plot` draws them.
"""


@click.group(short_help="Statistics of populations with results.", epilog=EPILOG, no_args_is_help=True)
def command() -> None:
    """Statistics of populations whose networks were trained: each figure with its interval."""


for each in (edf, best, trend, efit, profile, curve, front, compare):
    command.add_command(each)
