"""`archdsl check`: every model of some files, with every figure they claim."""

from __future__ import annotations

from dataclasses import field
from typing import Any

import click

from archdsl import __version__
from archdsl.analysis.resolve import Library
from archdsl.commands.common import (
    color_option,
    compiled,
    finish,
    format_option,
    request_of,
    say,
    say_json,
    tell,
    use_color,
)
from archdsl.compiler import Compilation, Compiled, Compiler
from archdsl.diagnostics import Diagnostics, Fault
from archdsl.project import Project, expand
from archdsl.records import dataclass
from archdsl.zoo import locate

PHASES = ("tokens", "ast", "names", "stages", "graph", "cost")
EPILOG = """
\b
Examples:
  archdsl check net.arch
  archdsl check -v specs/                          a line for each claim
  archdsl check --format json specs/ > check.json
  archdsl check --emit stages net.arch             what a phase of the compiler makes of it
  archdsl check --emit graph --model NAME net.arch

A claim is a published figure under `expect`; it holds if the exact count, rounded to its digits, is the figure.
"""


@dataclass(frozen=True)
class Checked:
    """One file: its models, and whether it is without errors."""

    path: str
    models: list[Compilation] = field(default_factory=list)
    good: bool = False

    @property
    def compiled(self) -> list[Compiled]:
        """The models that have a network."""
        return [each for each in self.models if isinstance(each, Compiled)]


@click.command(short_help="Check files: names, shapes, and the figures they claim.", epilog=EPILOG)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("-v", "--verbose", is_flag=True, help="A line for each claim.")
@format_option("text", "json")
@click.option("--emit", type=click.Choice(PHASES), help="Print what a phase makes of one model, or of one file.")
@click.option("--model", metavar="NAME", help="The model for --emit, where the file has several.")
@color_option
def command(
    files: tuple[str, ...], verbose: bool, format_: str, emit: str | None, model: str | None, color: str | None
) -> None:
    """Check files: names, shapes, and the figures they claim.

    FILE may be a folder: then all .arch files below it. It may be one model, FILE:MODEL or a name of `archdsl zoo`.
    """
    if emit is not None:
        if len(files) != 1 or format_ != "text":
            raise click.UsageError("--emit prints one FILE, as text.")
        _emit(files[0], emit, model, color)
        return
    if model is not None:
        raise click.UsageError("--model goes with --emit; all models are checked.")
    diagnostics = Diagnostics()
    found = check_files(expand(files), diagnostics)
    if format_ == "json":
        say_json(_report(found, diagnostics))
    else:
        if verbose:
            say("".join([line + "\n" for checked in found for line in _claim_lines(checked)]))
        tell(diagnostics, use_color(color))
        say(_summary(found))
    if diagnostics.failed:
        raise click.exceptions.Exit(1)


def check_files(paths: list[str], diagnostics: Diagnostics) -> list[Checked]:
    """Compile every model of every file; one standard library serves them all."""
    library = Library()
    found = []
    for path in paths:
        try:
            place = locate(path)
            project = Project(place.file)
            _, models, said = Compiler(project, library).check(project.source(), place.model)
        except Fault as fault:
            diagnostics.add(fault.diagnostic)
            found.append(Checked(path))
            continue
        diagnostics.extend(said)
        diagnostics.omitted += said.omitted
        found.append(Checked(path, models, not said.failed))
    return found


def _claim_lines(checked: Checked) -> list[str]:
    lines = []
    for compilation in checked.compiled:
        for v in compilation.verdicts:
            cut = ", truncated" if v.claim.truncated else ""
            holds = "holds" if v.holds else "DOES NOT HOLD"
            figure = f"{v.claim.measure} {v.claim.literal}"
            lines.append(f"{compilation.name:24} {figure:20} {v.computed:>18,}  by {v.convention}{cut}: {holds}")
    return lines


def _summary(found: list[Checked]) -> str:
    models = sum(len(checked.models) for checked in found)
    verdicts = [v for checked in found for compilation in checked.compiled for v in compilation.verdicts]
    held = sum(v.holds for v in verdicts)
    bad = sum(not checked.good for checked in found)
    claims = f"{held} of {len(verdicts)} claims hold" if held < len(verdicts) else f"{_many(held, 'claim')} verified"
    faulty = f", {_many(bad, 'file')} with errors" if bad else ""
    return f"{_many(len(found), 'file')}, {_many(models, 'model')}, {claims}{faulty}\n"


def _many(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _report(found: list[Checked], diagnostics: Diagnostics) -> Any:
    from archdsl import report

    files = [
        report.FileReport(
            checked.path,
            [
                report.ModelReport(
                    c.name,
                    c.network.hash if isinstance(c, Compiled) else None,
                    [int(extent) for extent in c.network.input] if isinstance(c, Compiled) else None,
                    report.claim_reports(c) if isinstance(c, Compiled) else [],
                )
                for c in checked.models
            ],
        )
        for checked in found
    ]
    claims = sum(len(c.verdicts) for checked in found for c in checked.compiled)
    said = report.failure("", diagnostics)
    return report.CheckReport(__version__, files, claims, said.errors, said.warnings, said.omitted, said.diagnostics)


def _emit(path: str, phase: str, model: str | None, color: str | None) -> None:
    from archdsl.commands import emit

    if phase in ("tokens", "ast", "names"):
        diagnostics = Diagnostics()
        try:
            say(emit.of_source(Project(path), phase, diagnostics))
        except Fault as fault:
            diagnostics.add(fault.diagnostic)
        tell(diagnostics, use_color(color))
        if diagnostics.failed:
            raise click.exceptions.Exit(1)
        return
    result = compiled(request_of(path, model=model, color=color))
    say(emit.of_model(result, phase))
    finish(result)
