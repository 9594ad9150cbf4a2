"""What the commands of spaces share: their options, and opening a space."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archdsl.analysis.evaluate import literal
from archdsl.commands.common import Request, fail, one, request_of, tell
from archdsl.commands.completing import spaces, spaces_of_file
from archdsl.commands.options import AnyFunction
from archdsl.commands.progress import counting
from archdsl.commands.tables import table_path
from archdsl.compiler import Compiler
from archdsl.diagnostics import Diagnostics, Fault
from archdsl.graph.cost import MEASURES
from archdsl.project import STDIN, Project
from archdsl.rows import names_row
from archdsl.spaces.opened import Opened, Text
from archdsl.spaces.tables import TableFault
from archdsl.zoo import declared, declared_spaces, locate, locate_space

if TYPE_CHECKING:
    from archdsl.spaces.arrays.sampled import Band
    from archdsl.spaces.arrays.solved import Solver

MAX_JOBS = 256
_BAND = re.compile(r"(\w+)=([0-9.eE]*[KMGT]?)\.\.([0-9.eE]*[KMGT]?)", re.ASCII)


def space_arguments(function: AnyFunction) -> AnyFunction:
    """SPACE, and NAME where the file has several."""
    function = click.argument("name", required=False, metavar="[NAME]", shell_complete=spaces_of_file)(function)
    return click.argument("file", metavar="SPACE", shell_complete=spaces)(function)


def seed_option(function: AnyFunction) -> AnyFunction:
    """`--seed`."""
    range_ = click.IntRange(0, 2**63 - 1)
    return click.option("--seed", type=range_, default=0, show_default=True, help="Of the draws.")(function)


def jobs_option(function: AnyFunction) -> AnyFunction:
    """`--jobs`."""
    help_ = "Processes; the result is the same for any number."
    range_ = click.IntRange(1, MAX_JOBS)
    return click.option("--jobs", type=range_, default=1, show_default=True, help=help_)(function)


def band_option(function: AnyFunction) -> AnyFunction:
    """`--band`, as `bands`; see `bands_of`."""
    help_ = "Only networks within: flops=360M..400M; one end may be left out. Repeatable."
    return click.option("--band", "bands", metavar="MEASURE=A..B", multiple=True, help=help_)(function)


def hash_option(function: AnyFunction) -> AnyFunction:
    """`--hash`, as `hashed`."""
    help_ = "A column with the networks' hashes."
    return click.option("--hash/--no-hash", "hashed", default=True, show_default=True, help=help_)(function)


def output_options(function: AnyFunction) -> AnyFunction:
    """`--output` and `--force` of a table."""
    for option in (
        click.option("--force", is_flag=True, help="Overwrite a file that exists."),
        click.option("-o", "--output", required=True, metavar="FILE", help="The table: .parquet, .jsonl or .csv."),
    ):
        function = option(function)
    return function


def bands_of(texts: tuple[str, ...]) -> tuple[Band, ...]:
    """`flops=360M..400M` as bounds, both within."""
    from archdsl.spaces.arrays.sampled import Band

    found = []
    for text in texts:
        parts = _BAND.fullmatch(text.strip())
        if parts is None or parts[1] not in MEASURES or not (parts[2] or parts[3]):
            message = f"'{text}' is not MEASURE=A..B, for example flops=360M..400M; the measures are "
            raise click.BadParameter(message + ", ".join(MEASURES), param_hint="--band")
        low, high = [_whole(end, text) for end in (parts[2], parts[3])]
        if low is not None and high is not None and low > high:
            raise click.BadParameter(f"'{text}' is empty: its ends are exchanged", param_hint="--band")
        found.append(Band(parts[1], low, high))
    return tuple(found)


def _whole(text: str, band: str) -> int | None:
    if not text:
        return None
    try:
        value = literal(text)
    except (Fault, ValueError, ArithmeticError):
        value = -1
    if value < 0 or value.denominator != 1:
        raise click.BadParameter(f"'{text}' in '{band}' is no whole number, for example 360M", param_hint="--band")
    return int(value)


def opened(file: str, name: str | None, *, color: str | None = None, as_json: bool = False) -> tuple[Opened, Request]:
    """A space; ends the command where there is none."""
    request = request_of(file, color=color, as_json=as_json, locate=locate_space)
    if name is not None and request.model not in (None, name):
        raise click.UsageError(f"{file} names {request.model} already, not {name}.")
    project, diagnostics = Project(request.file), Diagnostics()
    try:
        source = project.source()
    except Fault as fault:
        fail(request, one(fault.diagnostic))
    found = Text(project, source, name or request.model).opened(diagnostics)
    if found is None:
        fail(request, diagnostics)
    if not as_json:
        tell(diagnostics, request.color)
    return found, request


def names_space(text: str) -> bool:
    """Whether what a user names is a space and no network: FILE:NAME, a file of spaces alone, or one that ships.

    Nothing is said of what is at fault: whoever compiles it does.
    """
    if text == STDIN or names_row(text):
        return False
    shipped = not os.path.lexists(text) and text in declared_spaces()
    if shipped and text not in declared():
        return True
    try:
        place = locate(text)
        project = Project(place.file)
        program = Compiler(project).program(project.source(), Diagnostics())
    except Fault:
        return False
    if place.model is None:
        return bool(program.spaces) and not program.models
    return place.model in program.spaces or (shipped and place.model not in program.models)


def written_table(text: str, request: Request, force: bool) -> Path:
    """The path of a table, if it can be written, which is known before anything is drawn."""
    if request.file == "-":
        raise click.UsageError("A table refers to the space's file; standard input is none.")
    return table_path(text, force)


@contextmanager
def looking(label: str, of: int | None = None) -> Iterator[Callable[[int, int], None] | None]:
    """Shows how many settings were looked at; and what cannot be drawn or written ends the command."""
    from archdsl.spaces.arrays.draws import DrawFault

    try:
        with counting(label, of) as tell_progress:
            yield tell_progress
    except (DrawFault, TableFault) as fault:
        raise click.ClickException(str(fault)) from None


def solver_of_members(found: Opened, bands: tuple[Band, ...], *, networks: bool) -> Solver:
    """What draws members alone; ends the command where there is nothing that does."""
    from archdsl.spaces.arrays.solved import solver_of
    from archdsl.spaces.arrays.structure import Tied

    try:
        with counting("counting", None) as tell_progress:
            return solver_of(found, bands, networks=networks, progress=tell_progress)
    except Tied as tied:
        message = f"members of {found.space.name} are not drawn alone, for they are not counted exactly"
        raise click.ClickException(f"{message}: {tied}") from None


__all__ = [
    "band_option",
    "bands_of",
    "jobs_option",
    "looking",
    "names_space",
    "opened",
    "output_options",
    "seed_option",
    "solver_of_members",
    "space_arguments",
    "written_table",
]
