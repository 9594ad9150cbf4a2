"""`archdsl zoo`: the networks that ship with archdsl, with what each costs."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Collection, Sequence
from dataclasses import fields

import click

from archdsl import __version__
from archdsl.analysis.evaluate import literal
from archdsl.analysis.program import Definition, Program
from archdsl.analysis.resolve import Library
from archdsl.commands.common import format_option, progress_bar, say, say_json
from archdsl.commands.tables import size, table
from archdsl.compiler import Changes, Compiler, Failed
from archdsl.diagnostics import Diagnostics
from archdsl.graph.conventions import DEFAULT
from archdsl.graph.cost import MEASURES, count
from archdsl.project import Project
from archdsl.records import dataclass
from archdsl.render import Cell, render_csv, render_markdown
from archdsl.suggest import nearest
from archdsl.zoo import declared, families, opened

EPILOG = """
\b
Examples:
  archdsl zoo
  archdsl zoo --family NAME --sort flops
  archdsl zoo 'efficient*' --max flops=1G --min params=5M
  archdsl zoo --format csv > zoo.csv

A network that is listed here can be named by its name alone, wherever a command takes a file: archdsl cost NAME.
"""
SORTS = ("name", "family", "flops", "params", "acts")
_LIMIT = re.compile(r"(\w+)=([0-9][0-9.]*(?:[eE][0-9]+)?[KMGT]?)", re.ASCII)


@dataclass(frozen=True)
class Listed:
    """One network of the zoo."""

    name: str
    family: str
    path: str
    input: tuple[int, ...]
    flops: int
    params: int
    acts: int
    claims: int
    doc: str
    source: str


@click.command(short_help="List the networks that ship with archdsl.", epilog=EPILOG)
@click.argument("patterns", nargs=-1, metavar="[NAME]...")
@click.option("--family", "wanted", multiple=True, metavar="FAMILY", help="Only this family; repeatable.")
@click.option("--max", "most", multiple=True, metavar="MEASURE=AMOUNT", help="At most so much: flops=4G. Repeatable.")
@click.option("--min", "least", multiple=True, metavar="MEASURE=AMOUNT", help="At least so much. Repeatable.")
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
    known = families()
    for family in wanted:
        if family not in known:
            raise click.BadParameter(f"{family!r} is none of {', '.join(known)}", param_hint="--family")
    for pattern in patterns:
        if not set(pattern) & set("*?[") and pattern not in declared():
            guess = nearest(pattern, declared())
            hint = f"; did you mean {guess!r}?" if guess else ""
            raise click.BadParameter(f"there is no network {pattern!r}{hint}", param_hint="NAME")
    found = [
        listed
        for listed in networks(wanted or known, patterns)
        if all(getattr(listed, measure) <= amount for measure, amount in highest)
        and all(getattr(listed, measure) >= amount for measure, amount in lowest)
    ]
    found.sort(key=lambda n: (n.family, n.flops, n.name) if sort == "family" else (getattr(n, sort), n.name))
    if reverse:
        found.reverse()
    if format_ == "json":
        _say_json(found)
    elif format_ == "csv":
        say(_csv(found))
    else:
        say(_table(found, markdown=format_ == "md"))


def _limit(text: str, option: str) -> tuple[str, float]:
    found = _LIMIT.fullmatch(text.strip())
    if found is None or found[1] not in MEASURES:
        message = f"{text!r} is not MEASURE=AMOUNT, for example flops=4G; the measures are {', '.join(MEASURES)}"
        raise click.BadParameter(message, param_hint=option)
    return found[1], float(literal(found[2]))


def networks(wanted: Collection[str], patterns: Sequence[str]) -> list[Listed]:
    """Compile the networks of families whose names fit one of the patterns, if there are any.

    Raises RuntimeError where one does not compile, which is a fault of ours.
    """
    library = Library()
    chosen: list[tuple[str, str, Compiler, Program, str]] = []
    for family, paths in families().items():
        for path in paths if family in wanted else ():
            project = Project(opened(path))
            compiler = Compiler(project, library)
            program = compiler.program(project.source(), Diagnostics())
            for name, named in program.models.items():
                fits = not patterns or any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
                if fits and not (isinstance(named, Definition) and named.is_family):
                    chosen.append((family, path, compiler, program, name))
    with progress_bar("compiling", chosen) as bar:
        return [_listed(*entry) for entry in bar]


def _listed(family: str, path: str, compiler: Compiler, program: Program, name: str) -> Listed:
    diagnostics = Diagnostics()
    made = compiler.elaborate(program, name, Changes(), diagnostics)
    if isinstance(made, Failed) or diagnostics.failed:
        raise RuntimeError(f"{path}: {name} does not compile: {[d.message for d in diagnostics]}")
    cost = count(made.network)
    cited = made.model.provenance.get("paper") or made.model.provenance.get("code")
    return Listed(
        name=name,
        family=family,
        path=f"{path}:{name}",
        input=tuple([int(extent) for extent in made.network.input]),
        flops=cost.flops,
        params=cost.params,
        acts=cost.acts,
        claims=len(made.verdicts),
        doc=" ".join(made.model.doc.split()),
        source=str(cited.value) if cited is not None else "",
    )


HEADERS = ("name", "family", "input", "flops", "params", "acts")


def _cells(found: Listed) -> list[Cell]:
    return [found.name, found.family, size(found.input), found.flops, found.params, found.acts]


def _table(found: Sequence[Listed], *, markdown: bool) -> str:
    rows = [_cells(each) for each in found]
    if markdown:
        return render_markdown(list(HEADERS), rows)
    words = "1 network" if len(found) == 1 else f"{len(found)} networks"
    return f"{table(HEADERS, rows)}\n{words}; flops are multiply-adds of convolutions and linear layers\n"


def _csv(found: Sequence[Listed]) -> str:
    names = [field.name for field in fields(Listed)]
    rows = [["x".join(map(str, v)) if n == "input" else v for n, v in vars(each).items()] for each in found]
    return render_csv(names, rows)


def _say_json(found: Sequence[Listed]) -> None:
    from archdsl.report import ZooEntry, ZooReport

    entries = [ZooEntry(**{**vars(each), "input": list(each.input)}) for each in found]
    say_json(ZooReport(archdsl=__version__, convention=DEFAULT.name, networks=entries))
