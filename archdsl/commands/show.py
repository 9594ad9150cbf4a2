"""`archdsl show`: the resolved model, or a space, as canonical `.arch`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import click

from archdsl.commands.common import Request, compiled, finish, request_of
from archdsl.commands.completing import networks_and_spaces
from archdsl.commands.options import change_options
from archdsl.diagnostics import Fault
from archdsl.project import Project
from archdsl.spaces.opened import Text
from archdsl.spaces.space import Space
from archdsl.terminal import say_program
from archdsl.views.show import show_model
from archdsl.views.show_space import show_space

EPILOG = """
\b
Examples:
  archdsl show net.arch
  archdsl show net.arch --model NAME --set head.classes=10
  archdsl show net.arch --scale NAME:4 > scaled.arch
  archdsl show spaces.arch --model SPACE           a space, with what it refines in it

What is printed stands alone, and means the same network: `archdsl cost` of it prints the same hash. Every default
that is a value is filled in; a default that follows other settings of its block (an inner width, say) is left to
the block, so that scalings of the printed model do what they do to the original.
"""


@click.command(short_help="Print the resolved model as canonical .arch.", epilog=EPILOG)
@click.argument("file", shell_complete=networks_and_spaces)
@change_options
def command(file: str, **options: Any) -> None:
    """Print the resolved model as canonical .arch, with its hash and cost; of a space, what it is without others."""
    request = request_of(file, **options)
    project = Project(request.file)
    space = _space(request, project)
    if space is not None:
        _say(partial(show_space, space, project))
        return
    result = compiled(request)
    _say(partial(show_model, result, project))
    finish(result)


def _space(request: Request, project: Project) -> Space | None:
    """The space that is named in place of a model; none, and nothing said, where it is none or at fault."""
    if request.model is None or request.changes or request.row is not None:
        return None
    try:
        opened = Text(project, project.source(), request.model).opened()
    except Fault:
        return None
    return opened.space if opened is not None else None


def _say(text: Callable[[], str]) -> None:
    try:
        say_program(text())
    except ValueError as fault:
        raise click.ClickException(str(fault)) from None
