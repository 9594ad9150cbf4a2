"""`archdsl check`: every model and every space of some files, with every figure they claim."""

from __future__ import annotations

import click

from archdsl import watching
from archdsl.commands.common import compiled, finish, request_of, say, say_json, tell, use_color
from archdsl.commands.completing import models, networks
from archdsl.commands.options import color_option, for_a_reader, format_option, watch_option
from archdsl.compiler import Compiler
from archdsl.diagnostics import Diagnostics, Fault
from archdsl.project import Project, expand
from archdsl.spaces.check import check_spaces
from archdsl.views.check import Checked, check_report, claim_lines, summary
from archdsl.zoo import locate

OF_FILES, OF_MODELS = ("tokens", "ast", "names", "spaces"), ("stages", "graph", "cost")
"""The phases that read a file, and those that make something of a model."""
EPILOG = """
\b
Examples:
  archdsl check net.arch
  archdsl check -v specs/                          a line for each claim
  archdsl check --watch specs/                     again, whenever a file changes
  archdsl check --format github specs/             annotations of a pull request
  archdsl check --format sarif specs/ > check.sarif
  archdsl check --emit stages net.arch             what a phase of the compiler makes of it
  archdsl check --emit graph --model NAME net.arch

A claim is a published figure under `expect`; it holds if the exact count, rounded to its digits, is the figure.
"""


@click.command(short_help="Check files: names, shapes, and the figures they claim.", epilog=EPILOG)
@click.argument("files", nargs=-1, required=True, metavar="FILE...", shell_complete=networks)
@click.option("-v", "--verbose", is_flag=True, help="A line for each claim.")
@format_option("text", "json", "sarif", "github")
@click.option(
    "--emit",
    type=click.Choice((*OF_FILES, *OF_MODELS)),
    help="Print what a phase makes of one model, or of one file.",
)
@click.option(
    "--model", metavar="NAME", shell_complete=models, help="The model for --emit, where the file has several."
)
@watch_option
@color_option
def command(
    files: tuple[str, ...],
    verbose: bool,
    format_: str,
    emit: str | None,
    model: str | None,
    watch: bool,
    color: str | None,
) -> None:
    """Check files: names, shapes, and the figures they claim.

    FILE may be a folder: then all .arch files below it. It may be one model, FILE:MODEL or a name of `archdsl zoo`.
    """
    if emit is not None:
        if len(files) != 1 or format_ != "text":
            raise click.UsageError("--emit prints one FILE, as text.")
    elif model is not None:
        raise click.UsageError("--model goes with --emit; all models are checked.")
    for_a_reader(watch, format_, "text")

    def run() -> None:
        if emit is not None:
            _emit(files[0], emit, model, color)
        else:
            _check(files, format_, verbose, color)

    if watch:
        watching.watch(run, files)
    run()


def _check(files: tuple[str, ...], format_: str, verbose: bool, color: str | None) -> None:
    diagnostics = Diagnostics()
    found = check_files(expand(files), diagnostics)
    _print(found, diagnostics, format_, verbose, color)
    if diagnostics.failed:
        raise click.exceptions.Exit(1)


def _print(found: list[Checked], diagnostics: Diagnostics, format_: str, verbose: bool, color: str | None) -> None:
    if format_ == "json":
        say_json(check_report(found, diagnostics))
    elif format_ == "sarif":
        from archdsl.views.sarif import sarif_text

        say(sarif_text([checked.path for checked in found], diagnostics))
    elif format_ == "github":
        from archdsl.views.annotations import annotation_lines

        say("".join(annotation_lines(diagnostics)) + summary(found))
    else:
        if verbose:
            say("".join(claim_lines(found)))
        tell(diagnostics, use_color(color))
        say(summary(found))


def check_files(paths: list[str], diagnostics: Diagnostics) -> list[Checked]:
    """Compile every model of every file, and look at every space."""
    found = []
    for path in paths:
        try:
            place = locate(path)
            project = Project(place.file)
            compiler = Compiler(project)
            program, models, said = compiler.check(project.source(), place.model)
            spaces = check_spaces(compiler, program, said, place.model)
        except Fault as fault:
            diagnostics.add(fault.diagnostic)
            found.append(Checked(path))
            continue
        diagnostics.extend(said)
        diagnostics.omitted += said.omitted
        found.append(Checked(path, models, spaces, not said.failed))
    return found


def _emit(path: str, phase: str, model: str | None, color: str | None) -> None:
    """Print what a phase makes of a file, or of a model that has a network."""
    from archdsl.views import phases

    if phase in OF_MODELS:
        result = compiled(request_of(path, model=model, color=color))
        say(phases.of_model(result, phase))
        finish(result)
        return
    diagnostics = Diagnostics()
    try:
        project = Project(path)
        say(phases.of_source(project.source(), project, phase, diagnostics))
    except Fault as fault:
        diagnostics.add(fault.diagnostic)
    tell(diagnostics, use_color(color))
    if diagnostics.failed:
        raise click.exceptions.Exit(1)
