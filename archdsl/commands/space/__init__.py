"""`archdsl space`: what a design space is, its members, and how two spaces differ, one module for each command."""

from __future__ import annotations

import click

from archdsl.commands.space.contains import contains
from archdsl.commands.space.count import count
from archdsl.commands.space.diff import diff
from archdsl.commands.space.enumerate import enumerate_
from archdsl.commands.space.info import info
from archdsl.commands.space.sample import sample

EPILOG = """
\b
Examples:
  archdsl space info spaces.arch NAME
  archdsl space count spaces.arch NAME
  archdsl space sample spaces.arch NAME --count 500 --seed 0 -o pop.parquet
  archdsl space enumerate spaces.arch NAME -o all.jsonl
  archdsl space diff spaces.arch:NAME spaces.arch:OTHER
  archdsl space contains spaces.arch:NAME net.arch

SPACE is a file with one space, FILE:NAME, or the name of a space that ships with archdsl. A row of a table that
`sample` or `enumerate` wrote is a network: pop.parquet:17, wherever a command takes a FILE. Rows count from 0.
"""


@click.group(short_help="Sample, count, list and compare design spaces.", epilog=EPILOG, no_args_is_help=True)
def command() -> None:
    """Sample, count, list and compare design spaces: many networks in one text."""


for each in (info, count, sample, enumerate_, diff, contains):
    command.add_command(each)
