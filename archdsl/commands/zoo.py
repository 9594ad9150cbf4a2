"""`archdsl zoo`: the networks that ship with archdsl, with what each costs."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Collection, Iterator, Sequence

import click

from archdsl.analysis.evaluate import literal
from archdsl.analysis.program import Definition
from archdsl.commands.common import say, say_json
from archdsl.commands.completing import measures, shipped_names
from archdsl.commands.options import AnyFunction, family_option, format_option
from archdsl.commands.progress import progress_bar
from archdsl.compiler import Changes, Compiled, Compiler, Failed
from archdsl.diagnostics import Diagnostics
from archdsl.graph.cost import MEASURES
from archdsl.project import Project
from archdsl.request import RequestError, budget_of
from archdsl.suggest import did_you_mean
from archdsl.views.zoo import ZooEntry, zoo_csv, zoo_entry, zoo_report, zoo_table
from archdsl.zoo import declared, declared_in, families, opened

EPILOG = """
\b
Examples:
  archdsl zoo
  archdsl zoo --family NAME --sort flops
  archdsl zoo 'efficient*' --max flops=1G --min params=5M
  archdsl zoo --format csv > zoo.csv

A network that is listed here can be named by its name alone, wherever a command takes a file: archdsl cost NAME.
"""
SORTS = ("name", "family", *MEASURES)


def _limit_option(option: str, name: str, text: str) -> Callable[[AnyFunction], AnyFunction]:
    """`--max` or `--min`."""
    return click.option(option, name, multiple=True, metavar="MEASURE=AMOUNT", shell_complete=measures, help=text)


@click.command(short_help="List the networks that ship with archdsl.", epilog=EPILOG)
@click.argument("patterns", nargs=-1, metavar="[NAME]...", shell_complete=shipped_names)
@family_option("Only this family")
@_limit_option("--max", "most", "At most so much: flops=4G. Repeatable.")
@_limit_option("--min", "least", "At least so much. Repeatable.")
@click.option("--sort", type=click.Choice(SORTS), default="family", show_default=True, help="By family: then by flops.")
@click.option("--reverse", is_flag=True, help="The largest, or the last, first.")
@format_option("table", "json", "csv", "md")
def command(
    patterns: tuple[str, ...],
    wanted: tuple[str, ...],
    most: tuple[str, ...],
    least: tuple[str, ...],
    sort: str,
    reverse: bool,
    format_: str,
) -> None:
    """List the networks that ship with archdsl: those whose NAME fits, such as 'net_*'; all if none is given."""
    highest = [_limit(text, "--max") for text in most]
    lowest = [_limit(text, "--min") for text in least]
    for pattern in patterns:
        if not set(pattern) & set("*?[") and pattern not in declared():
            hint = did_you_mean(pattern, declared(), otherwise="")
            message = f"there is no network {pattern!r}" + (f"; {hint}" if hint else "")
            raise click.BadParameter(message, param_hint="NAME")
    found = [
        listed
        for listed in networks(wanted or families(), patterns)
        if all(getattr(listed, measure) <= amount for measure, amount in highest)
        and all(getattr(listed, measure) >= amount for measure, amount in lowest)
    ]
    found.sort(key=lambda n: (n.family, n.flops, n.name) if sort == "family" else (getattr(n, sort), n.name))
    if reverse:
        found.reverse()
    if format_ == "json":
        say_json(zoo_report(found))
    elif format_ == "csv":
        say(zoo_csv(found))
    else:
        say(zoo_table(found, markdown=format_ == "md"))


def _limit(text: str, option: str) -> tuple[str, float]:
    try:
        measure, amount = budget_of(text, option, "4G")
    except RequestError as fault:
        raise click.BadParameter(str(fault), param_hint=option) from None
    return measure, float(literal(amount))


def _fits(name: str, patterns: Sequence[str]) -> bool:
    return not patterns or any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def networks(wanted: Collection[str], patterns: Sequence[str]) -> list[ZooEntry]:
    """The networks of families whose names fit one of the patterns, if there are any, compiled.

    Raises RuntimeError where one does not compile, which is a fault of ours.
    """
    return [zoo_entry(family, path, made) for family, path, made in models(wanted, patterns)]


def models(wanted: Collection[str], patterns: Sequence[str] = ()) -> Iterator[tuple[str, str, Compiled]]:
    """The family, the file and what was compiled of each network, as `networks` has them."""
    chosen = []
    for family, paths in families().items():
        for path in paths if family in wanted else ():
            if not any(_fits(name, patterns) for name in declared_in(path)):
                continue
            project = Project(opened(path))
            compiler = Compiler(project)
            program = compiler.program(project.source(), Diagnostics())
            for name, named in program.models.items():
                if _fits(name, patterns) and not (isinstance(named, Definition) and named.is_family):
                    chosen.append((family, path, compiler, program, name))
    with progress_bar("compiling", chosen) as bar:
        for family, path, compiler, program, name in bar:
            diagnostics = Diagnostics()
            made = compiler.elaborate(program, name, Changes(), diagnostics)
            if isinstance(made, Failed) or diagnostics.failed:
                raise RuntimeError(f"{path}: {name} does not compile: {[d.message for d in diagnostics]}")
            yield family, path, made
