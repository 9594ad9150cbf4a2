"""What the commands share: the options that choose and change a model, and the ways out.

A command reads its files through `Project`, compiles, and ends in one of four ways: it returns (0), or it raises
`click.exceptions.Exit` with 1 after the diagnostics, `click.UsageError`, or what `archdsl.cli.main` calls a fault of
ours. Diagnostics are text on standard error, or stand in the JSON on standard output.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import click

from archdsl.cli import PIPE_CLOSED, silence
from archdsl.compiler import Changes, Compilation, Compiler
from archdsl.diagnostics import Diagnostics, Fault
from archdsl.project import Project

AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])
CLAIMS = "E5"
"""How the codes of claims begin."""
MEASURES = ("flops", "params", "acts")

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_WITH_FACTOR = re.compile(rf"({_NAME})(?:=([^:]+))?:(.+)", re.DOTALL)
_BARE = re.compile(rf"({_NAME})(?:=(.+))?", re.DOTALL)
_BUDGET = re.compile(r"(\w+)=([0-9][0-9.]*(?:[eE][0-9]+)?[KMGT]?)", re.ASCII)
_NUMBERS = re.compile(r"\[\n\s+-?\d+(?:,\n\s+-?\d+)*\n\s+\]")
_EXTENTS = re.compile(r"[0-9]{1,12}(?:\s*[xX]\s*[0-9]{1,12}){1,2}", re.ASCII)


# Options


def color_option(function: AnyFunction) -> AnyFunction:
    return click.option(
        "--color", type=click.Choice(["auto", "always", "never"]), help="Color diagnostics; overrides the group's."
    )(function)


def format_option(*formats: str) -> Callable[[AnyFunction], AnyFunction]:
    """`--format`; the first is the default."""
    return click.option(
        "--format",
        "format_",
        type=click.Choice(formats),
        default=formats[0],
        show_default=True,
        help="Form of the output.",
    )


def change_options(function: AnyFunction) -> AnyFunction:
    """`--model`, `--set`, `--scale`, `--to` and `--input`: which model, and what changes in it."""
    options = (
        click.option("--model", metavar="NAME", help="The model, where the file has several."),
        click.option(
            "--set",
            "settings",
            metavar="NAME=VALUE",
            multiple=True,
            help="A parameter of the model, or a path as in `with`: head.classes=10.",
        ),
        click.option(
            "--scale",
            "scalings",
            metavar="SPEC",
            multiple=True,
            help="Scale: NAME:4, NAME=SECOND:4, a call in the language, or a bare NAME with --to. Repeatable.",
        ),
        click.option(
            "--to", "budget", metavar="MEASURE=AMOUNT", help="Solve the bare --scale for a budget: flops=16G."
        ),
        click.option("--input", "input_", metavar="SIZE", help="The input: 3x256x192, or 256x192."),
        color_option,
    )
    for option in reversed(options):
        function = option(function)
    return function


@dataclass(frozen=True)
class Request:
    """What a command was asked to compile, and how it reports faults."""

    file: str
    model: str | None
    changes: Changes
    as_json: bool
    color: bool


def request_of(
    file: str,
    *,
    model: str | None = None,
    settings: tuple[str, ...] = (),
    scalings: tuple[str, ...] = (),
    budget: str | None = None,
    input_: str | None = None,
    color: str | None = None,
    as_json: bool = False,
) -> Request:
    """The request of the command-line options. Raises `click.UsageError` for a form that is none."""
    changes = Changes(settings_of(settings), scaling_calls(scalings, budget), _input(input_))
    return Request(file, model, changes, as_json, use_color(color))


def settings_of(texts: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """`head.classes=10` -> ("head.classes", "10")."""
    found = []
    for text in texts:
        name, sign, value = text.partition("=")
        if not (sign and name.strip() and value.strip()):
            raise click.BadParameter(f"'{text}' is not NAME=VALUE, for example head.classes=10", param_hint="--set")
        found.append((name.strip(), value.strip()))
    return tuple(found)


def scaling_calls(specs: tuple[str, ...], budget: str | None) -> tuple[str, ...]:
    """Scalings as calls in the language: `name:4` -> `name(4)`, `name=3/5:4` -> `name(4, 3/5)`.

    A bare name takes the budget: `name` -> `name(solve(flops: 16G))`.
    """
    goal = _solve(budget) if budget is not None else None
    calls: list[str] = []
    bare = 0
    for spec in specs:
        text = spec.strip()
        factor, name = _WITH_FACTOR.fullmatch(text), _BARE.fullmatch(text)
        if factor is not None:
            first, second, value = factor.groups()
            calls.append(f"{first}({value}, {second})" if second else f"{first}({value})")
        elif name is not None:
            bare += 1
            if goal is None:
                message = f"'{spec}' has no factor: write {name[1]}:4, or add --to flops=16G"
                raise click.BadParameter(message, param_hint="--scale")
            calls.append(f"{name[1]}({goal}, {name[2]})" if name[2] else f"{name[1]}({goal})")
        elif text:
            calls.append(text)
        else:
            raise click.BadParameter("it names no scaling, for example NAME:4", param_hint="--scale")
    if goal is not None and bare != 1:
        message = f"it solves for the factor of one bare --scale NAME, and there are {bare}"
        raise click.BadParameter(message, param_hint="--to")
    return tuple(calls)


def _solve(budget: str) -> str:
    found = _BUDGET.fullmatch(budget.strip())
    if found is None or found[1] not in MEASURES:
        message = f"'{budget}' is not MEASURE=AMOUNT, for example flops=16G; the measures are {', '.join(MEASURES)}"
        raise click.BadParameter(message, param_hint="--to")
    return f"solve({found[1]}: {found[2]})"


def _input(text: str | None) -> str | None:
    if text is not None and _EXTENTS.fullmatch(text.strip()) is None:
        raise click.BadParameter(f"'{text}' is not a size, for example 3x256x192 or 256x192", param_hint="--input")
    return text


def use_color(option: str | None) -> bool:
    """Whether diagnostics are colored: by the command's option, the group's, or the terminal."""
    context = click.get_current_context(silent=True)
    group = context.find_root().obj if context is not None else None
    choice = option or group or "auto"
    if choice == "auto":
        return sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    return bool(choice == "always")


# Compiling


def compiled(request: Request) -> Compilation:
    """The model, compiled, with its network. Ends the command where there is none.

    A claim that does not hold is reported and stops nothing: the counts are what one needs then. The command ends
    with `finish`.
    """
    project = Project(request.file)
    try:
        source = project.source()
    except Fault as fault:
        diagnostics = Diagnostics()
        diagnostics.add(fault.diagnostic)
        fail(request, diagnostics)
    with progress() as tell_progress:
        result = Compiler(project, progress=tell_progress).compile(source, request.model, request.changes)
    claims_only = all(d.code.startswith(CLAIMS) for d in result.diagnostics if d.severity == "error")
    if result.network is None or result.model is None or not claims_only:
        fail(request, result.diagnostics)
    if not request.as_json:
        tell(result.diagnostics, request.color)
    return result


@contextmanager
def progress() -> Iterator[Callable[[int], None] | None]:
    """Counts the factors that `solve` tries, in one line of a terminal that is gone at the end."""
    if not sys.stderr.isatty():
        yield None
        return
    shown = False

    def tell_progress(tried: int) -> None:
        nonlocal shown
        if tried % 50 == 0:
            shown = True
            print(f"\rsolving: {tried} factors tried ", end="", file=sys.stderr, flush=True)

    try:
        yield tell_progress
    finally:
        if shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def finish(result: Compilation) -> None:
    """End with 1 if an error was reported beside the result."""
    if result.diagnostics.failed:
        raise click.exceptions.Exit(1)


def fail(request: Request, diagnostics: Diagnostics) -> Any:
    """Report the diagnostics, and end with 1."""
    if request.as_json:
        from archdsl.report import failure

        say_json(failure(request.file, diagnostics))
    else:
        tell(diagnostics, request.color)
    raise click.exceptions.Exit(1)


def tell(diagnostics: Diagnostics, color: bool) -> None:
    """Diagnostics as text, on standard error."""
    if len(diagnostics):
        from archdsl.render import render_all

        sys.stderr.write(render_all(diagnostics, color))


# Output


def say(text: str) -> None:
    """Text on standard output. Ends the command quietly when no one reads it."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        silence()
        raise click.exceptions.Exit(PIPE_CLOSED) from None


def say_json(report: Any) -> None:
    """A report of `archdsl.report` as JSON, lists of whole numbers on one line."""
    say(_NUMBERS.sub(lambda found: " ".join(found[0].split()), json.dumps(asdict(report), indent=2)) + "\n")
