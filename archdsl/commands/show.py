"""`archdsl show`: the resolved model as canonical `.arch`."""

from __future__ import annotations

from typing import Any

import click

from archdsl.commands.common import compiled, finish, request_of
from archdsl.commands.options import change_options
from archdsl.project import Project
from archdsl.terminal import say_program
from archdsl.views.show import show_model

EPILOG = """
\b
Examples:
  archdsl show net.arch
  archdsl show net.arch --model NAME --set head.classes=10
  archdsl show net.arch --scale NAME:4 > scaled.arch

What is printed stands alone, and means the same network: `archdsl cost` of it prints the same hash. Every default
that is a value is filled in; a default that follows other settings of its block (an inner width, say) is left to
the block, so that scalings of the printed model do what they do to the original.
"""


@click.command(short_help="Print the resolved model as canonical .arch.", epilog=EPILOG)
@click.argument("file")
@change_options
def command(file: str, **options: Any) -> None:
    """Print the resolved model as canonical .arch, with its hash and cost."""
    request = request_of(file, **options)
    result = compiled(request)
    try:
        text = show_model(result, Project(request.file))
    except ValueError as fault:
        raise click.ClickException(str(fault)) from None
    say_program(text)
    finish(result)
