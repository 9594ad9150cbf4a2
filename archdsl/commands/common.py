"""What the commands share: what is asked of them, compiling it, and the ways out.

A command reads its files through `Project`, compiles, and ends in one of four ways: it returns (0), or it raises
`click.exceptions.Exit` with 1 after the diagnostics, `click.UsageError`, or what `archdsl.cli.main` calls a fault of
ours. Diagnostics are text on standard error, or stand in the JSON on standard output.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from importlib import import_module
from typing import Any, NoReturn

import click

from archdsl import terminal
from archdsl.analysis.changes import Symbolic, symbolic_scaling
from archdsl.commands.progress import solving
from archdsl.compiler import Changes, Compilation, Compiled, Compiler, Failed
from archdsl.diagnostics import Diagnostic, Diagnostics, Fault
from archdsl.project import Project
from archdsl.records import dataclass
from archdsl.request import RequestError, changes_of
from archdsl.rows import Row, compiled_row, names_row, read_row
from archdsl.source import Source
from archdsl.zoo import Place
from archdsl.zoo import locate as _locate

_NUMBERS = re.compile(r"\[\n\s+-?\d+(?:,\n\s+-?\d+)*\n\s+\]")


@dataclass(frozen=True)
class Request:
    """What a command was asked to compile, and how it reports faults."""

    file: str
    model: str | None
    changes: Changes
    as_json: bool
    color: bool
    shown: str
    """The file as it is written down in what is made of it."""
    row: Row | None = None
    """The row of a population whose network it is; the file and the model are then its space's."""


def request_of(
    file: str,
    *,
    model: str | None = None,
    settings: tuple[str, ...] = (),
    scalings: tuple[str, ...] = (),
    budget: str | None = None,
    within: str | None = None,
    input_: str | None = None,
    recipe: str | None = None,
    color: str | None = None,
    as_json: bool = False,
    locate: Callable[[str], Place] = _locate,
) -> Request:
    """The request of the command-line options; `file` is a file, FILE:MODEL, or a shipped network.

    Raises `click.UsageError` for a form that is none, and ends the command where nothing of that name is.
    """
    try:
        changes = changes_of(settings, scalings, budget, input_, recipe, within)
    except RequestError as error:
        raise click.BadParameter(str(error), param_hint=error.option) from None
    request = Request(file, model, changes, as_json, use_color(color), file)
    if names_row(file) and locate is _locate:
        return _of_row(request)
    try:
        place = locate(file)
    except Fault as fault:
        fail(request, one(fault.diagnostic))
    if place.model is None:
        return request
    if model not in (None, place.model):
        raise click.BadParameter(f"{file} names {place.model} already", param_hint="--model")
    return replace(request, file=place.file, model=place.model, shown=place.shown)


def _of_row(request: Request) -> Request:
    """The request for a row of a population; ends the command where it cannot be read."""
    if request.model is not None:
        raise click.BadParameter(f"{request.file} is a network already", param_hint="--model")
    try:
        row = read_row(request.file)
    except Fault as fault:
        fail(request, one(fault.diagnostic))
    return replace(request, file=row.file, model=row.name, row=row)


def _compiled_row(request: Request, row: Row) -> Compilation:
    try:
        return compiled_row(row, request.changes)
    except Fault as fault:
        fail(request, one(fault.diagnostic))


def use_color(option: str | None) -> bool:
    """Whether diagnostics are colored: by the command's option, the group's, or the terminal."""
    context = click.get_current_context(silent=True)
    group = context.find_root().obj if context is not None else None
    choice = option or group or "auto"
    if choice == "auto":
        return sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    return bool(choice == "always")


def compiled(request: Request) -> Compiled:
    """The model, compiled, with its network. Ends the command where there is none.

    A claim that does not hold is reported and stops nothing: the counts are what one needs then. The command ends
    with `finish`.
    """
    project = Project(request.file)
    return _compiled(request, project, _source(request, project))


def compiled_with_names(request: Request) -> tuple[Compiled, Symbolic | None]:
    """The model, compiled without its last scaling where that has names for numbers, and that scaling."""
    project, scalings = Project(request.file), request.changes.scalings
    source, symbolic, found = _source(request, project), None, Diagnostics()
    if scalings:
        compiler = Compiler(project)
        try:
            scope = compiler.scope(compiler.program(source, found), found)
            symbolic = None if found.failed else symbolic_scaling(scalings[-1], scope)
        except Fault as fault:
            fail(request, one(fault.diagnostic))
    if symbolic is not None:
        request = replace(request, changes=replace(request.changes, scalings=scalings[:-1]))
    return _compiled(request, project, source), symbolic


def _source(request: Request, project: Project) -> Source:
    try:
        return project.source()
    except Fault as fault:
        fail(request, one(fault.diagnostic))


def _compiled(request: Request, project: Project, source: Source) -> Compiled:
    if request.row is not None:
        result = _compiled_row(request, request.row)
    else:
        with solving() as tell_progress:
            result = Compiler(project, progress=tell_progress).compile(source, request.model, request.changes)
    if isinstance(result, Failed) or not result.sound:
        fail(request, result.diagnostics)
    if not request.as_json:
        tell(result.diagnostics, request.color)
    return result


def one(diagnostic: Diagnostic) -> Diagnostics:
    """A list of one diagnostic."""
    found = Diagnostics()
    found.add(diagnostic)
    return found


# The ways out


def library(name: str, user: str, extra: str) -> Any:
    """A library of one of our extras, imported; ends the command where it is not installed."""
    try:
        return import_module(name)
    except ImportError:
        missing = f"{user} {name.partition('.')[0]}, which is not installed: pip install 'archdsl[{extra}]'"
        raise click.ClickException(missing) from None


def finish(result: Compiled) -> None:
    """End with 1 if an error was reported beside the result."""
    if result.diagnostics.failed:
        raise click.exceptions.Exit(1)


def fail(request: Request, diagnostics: Diagnostics) -> NoReturn:
    """Report the diagnostics, and end with 1."""
    if request.as_json:
        from archdsl.views.failure import failure

        say_json(failure(request.file, diagnostics))
    else:
        tell(diagnostics, request.color)
    raise click.exceptions.Exit(1)


def warn(result: Compiled, request: Request, warning: Diagnostic | None) -> None:
    """Add a warning to what was found, which JSON holds, and say it as text."""
    if warning is None:
        return
    result.diagnostics.add(warning)
    if not request.as_json:
        tell(one(warning), request.color)


def tell(diagnostics: Diagnostics, color: bool) -> None:
    """Diagnostics as text, on standard error."""
    if len(diagnostics):
        from archdsl.views.diagnostics import render_all

        sys.stderr.write(render_all(diagnostics, color))


say = terminal.say


def say_json(report: Any) -> None:
    """A report of `archdsl.views` as JSON, lists of whole numbers on one line."""
    say(_NUMBERS.sub(lambda found: " ".join(found[0].split()), json.dumps(asdict(report), indent=2)) + "\n")
