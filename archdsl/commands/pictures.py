"""What the plots of `archdsl plot` share: the networks they are of, and how numbers and pictures are written."""

from __future__ import annotations

import functools
import json
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from fractions import Fraction
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from archdsl import __version__
from archdsl.analysis.answers import value_of
from archdsl.analysis.program import Definition
from archdsl.analysis.values import UNKNOWN
from archdsl.commands.common import AnyFunction, Request, compiled, fail, format_option, request_of, say, say_json
from archdsl.commands.tables import table
from archdsl.compiler import Compiled, Compiler
from archdsl.diagnostics import Diagnostics, Fault
from archdsl.emission import default_name
from archdsl.files import FileFault, write_atomically
from archdsl.graph.conventions import Convention
from archdsl.graph.network import Network
from archdsl.graph.shapes import EXTENT_MAX
from archdsl.plots.figures import Figure, NoFigure, label_of, line_text
from archdsl.plots.report import FitReport, Kind, LineDrawn, PictureWritten, PlotReport, PlottedModel
from archdsl.plots.rows import Fit, widths_of
from archdsl.project import STDIN, Project
from archdsl.records import dataclass
from archdsl.render import Cell, render_csv, visible
from archdsl.report import convention_report, diagnostic_reports
from archdsl.source import Source
from archdsl.syntax.parser import parse_expression

if TYPE_CHECKING:
    from archdsl.plots.draw import Picture

WRITTEN = {
    "svg": "a picture, with its text as text",
    "pdf": "a picture for print",
    "png": "a picture of 300 dots an inch",
    "html": "a page with picture and numbers",
    "csv": "the numbers",
    "json": "the numbers",
}
"""What can be written, by the suffix of the file."""
PICTURES = ("svg", "pdf", "png", "html")


# What is asked for


@dataclass(frozen=True)
class Wanted:
    """What is written and printed: paths with their forms, in the order asked for."""

    outputs: tuple[tuple[Path, str], ...]
    force: bool
    title: str | None
    format: str

    @property
    def draws(self) -> bool:
        return any(form in PICTURES for _, form in self.outputs)


def output_options(function: AnyFunction) -> Any:
    """`--output`, `--force`, `--title` and `--format`, which the command gets as one `wanted`."""

    @functools.wraps(function)
    def with_wanted(*, outputs: tuple[str, ...], force: bool, title: str | None, format_: str, **options: Any) -> Any:
        return function(wanted=_wanted(outputs, force, title, format_), **options)

    suffixes = ", ".join(["." + form for form in WRITTEN])
    decorate: Any = with_wanted
    for option in (
        format_option("table", "json", "csv"),
        click.option("--title", metavar="TEXT", help="Draw a title; a paper has it in the caption."),
        click.option("--force", is_flag=True, help="Overwrite files that exist."),
        click.option(
            "-o",
            "--output",
            "outputs",
            metavar="FILE",
            multiple=True,
            help=f"What to write, by its suffix: {suffixes}. Repeatable.",
        ),
    ):
        decorate = option(decorate)
    return decorate


def _wanted(outputs: tuple[str, ...], force: bool, title: str | None, format_: str) -> Wanted:
    """The outputs, if they can be written, which is known before anything is compiled."""
    found: dict[Path, str] = {}
    for text in outputs:
        path = Path(text)
        form = path.suffix.removeprefix(".").lower()
        if form not in WRITTEN:
            message = f"'{text}' has none of the suffixes {', '.join(['.' + form for form in WRITTEN])}"
            raise click.BadParameter(message, param_hint="--output")
        if path in found:
            raise click.BadParameter(f"'{text}' is there twice", param_hint="--output")
        if os.path.lexists(path) and not force:
            raise click.ClickException(f"{path} exists already; --force overwrites it")
        found[path] = form
    wanted = Wanted(tuple(found.items()), force, title, format_)
    if wanted.draws:
        try:
            import_module("matplotlib")
        except ImportError:
            message = "pictures need matplotlib, which is not installed: pip install 'archdsl[plot]'"
            raise click.ClickException(message) from None
    return wanted


# What is drawn


@dataclass(frozen=True)
class Drawn:
    """A network of a picture, under a label that no other has."""

    label: str
    request: Request
    compilation: Compiled

    @property
    def network(self) -> Network:
        return self.compilation.network

    @property
    def report(self) -> PlottedModel:
        extents = [int(extent) for extent in self.network.input]
        return PlottedModel(self.label, self.request.shown, self.network.hash, extents)

    @property
    def diagnostics(self) -> Diagnostics:
        return self.compilation.diagnostics

    @property
    def blocks(self) -> list[tuple[str, int]]:
        """Paths and widths."""
        return widths_of(self.network)


@dataclass(frozen=True)
class Listed:
    """Block widths that a function of a file lists, of a network that need not be known."""

    label: str
    request: Request
    widths: tuple[int, ...]
    diagnostics: Diagnostics

    @property
    def report(self) -> PlottedModel:
        return PlottedModel(self.label, self.request.shown, None, None)

    @property
    def blocks(self) -> list[tuple[str, int]]:
        return [("", width) for width in self.widths]


Either = TypeVar("Either", Drawn, Drawn | Listed)


def networks(specs: Sequence[str], wanted: Wanted, options: dict[str, Any]) -> list[Drawn]:
    """The networks of SPECs, all with the same changes."""
    return _labelled([_network(request, options) for request in _requests(specs, wanted, options)])


def configurations(specs: Sequence[str], wanted: Wanted, options: dict[str, Any]) -> list[Drawn | Listed]:
    """The networks of SPECs, and the lists of widths where SPEC names a function without parameters."""
    requests = _requests(specs, wanted, options)
    return _labelled([_listed(request) or _network(request, options) for request in requests])


def _requests(specs: Sequence[str], wanted: Wanted, options: dict[str, Any]) -> list[Request]:
    if options["model"] is not None and len(specs) > 1:
        raise click.UsageError("--model goes with one SPEC; write FILE:MODEL for each of several.")
    return [request_of(spec, as_json=wanted.format == "json", **options) for spec in specs]


def _network(request: Request, options: dict[str, Any]) -> Drawn:
    result = compiled(request)
    asked = [*options.get("scalings", ()), *([options["budget"]] if options.get("budget") else [])]
    return Drawn(label_of(default_name(result.name, asked, options["input_"])), request, result)


def _listed(request: Request) -> Listed | None:
    """The widths that the named function lists; none where the name is not a function's."""
    name, project, diagnostics = request.model, Project(request.file), Diagnostics()
    if name is None or request.file == STDIN:
        return None
    try:
        source = project.source()
        if re.search(rf"\bfn\s+{re.escape(name)}\b", source.text) is None:  # a look that spares to read files twice
            return None
        program = Compiler(project).program(source, diagnostics)
        named = program.entry.names.get(name)
        if not isinstance(named, Definition) or named.kind != "fn":
            return None
    except Fault as fault:
        diagnostics.add(fault.diagnostic)
        fail(request, diagnostics)
    expression, _ = parse_expression(Source(name, f"{name}()"))
    if diagnostics.failed or expression is None:
        fail(request, diagnostics)
    value: Any = value_of(expression, program, diagnostics)
    if diagnostics.failed or value is UNKNOWN:
        fail(request, diagnostics)
    widths = tuple(value) if isinstance(value, (list, tuple)) else ()
    if not widths or any(type(width) is not int or not 0 < width <= EXTENT_MAX for width in widths):
        raise click.ClickException(f"{request.shown}: the function {name} gives no list of widths")
    if request.changes:
        raise click.UsageError(f"{request.shown} is a list of widths, in which nothing can be changed.")
    return Listed(label_of(name), request, widths, diagnostics)


def _labelled(found: list[Either]) -> list[Either]:
    """The same under labels that differ."""
    labels = [each.label for each in found]
    longer = [label_of(f"{each.label} ({Path(each.request.file).as_posix()})") for each in found]
    labels = [longer[i] if labels.count(label) > 1 else label for i, label in enumerate(labels)]
    labels = [f"{x} #{labels[:i].count(x) + 1}" if labels.count(x) > 1 else x for i, x in enumerate(labels)]
    return [replace(each, label=label) for each, label in zip(found, labels, strict=True)]


@dataclass(frozen=True)
class Plot:
    """A picture to be: its rows, their columns in tables, and how it is drawn."""

    kind: Kind
    title: str
    models: Sequence[Drawn | Listed]
    rows: list[Any]
    columns: tuple[str, ...]
    figure: Callable[[], Figure]
    convention: Convention | None = None
    fits: Sequence[Fit] = ()
    lines: Sequence[tuple[Fraction, Fraction]] = ()

    def report(self, files: Sequence[PictureWritten] = ()) -> PlotReport:
        return PlotReport(
            archdsl=__version__,
            plot=self.kind,
            title=self.title,
            models=[each.report for each in self.models],
            convention=convention_report(self.convention) if self.convention is not None else None,
            fits=[FitReport(fit.model, float(fit.intercept), float(fit.slope)) for fit in self.fits],
            lines=[LineDrawn(float(intercept), float(slope)) for intercept, slope in self.lines],
            rows=self.rows,
            files=list(files),
            diagnostics=[d for each in self.models for d in diagnostic_reports(each.diagnostics)],
        )

    def cells(self) -> list[list[Cell]]:
        return [[_cell(getattr(row, name)) for name in self.columns] for row in self.rows]

    def read(self) -> list[list[Cell]]:
        """The cells for a reader: ratios and fits to four places."""
        return [[_shown(cell, name) for name, cell in zip(self.columns, row, strict=True)] for row in self.cells()]

    def csv(self) -> str:
        """A line for each row; each says of which network, and by what convention."""
        known = {each.label: each.report for each in self.models}
        more = [name for name in ("input", "hash") if name not in self.columns]
        headers, convention = [*self.columns, *more], self.convention
        if convention is not None:
            headers += ["convention", "convention_version", "flops_unit"]
        tail = [convention.name, convention.version, convention.unit] if convention is not None else []
        lines = [
            [*cells, *[_cell(getattr(known[row.model], name)) for name in more], *tail]
            for row, cells in zip(self.rows, self.cells(), strict=True)
        ]
        return render_csv(headers, lines)

    def text(self) -> str:
        """The rows for a terminal."""
        kept = [i for i, name in enumerate(self.columns) if name != "hash"]
        cells = [[row[i] for i in kept] for row in self.read()]
        lines = [f"{visible(self.title)}\n", table([self.columns[i].replace("_", " ") for i in kept], cells)]
        lines += [f"fit of {fit.model}: {line_text(fit.intercept, fit.slope)}, by least squares" for fit in self.fits]
        if self.convention is not None:
            lines.append(
                f"flops are {self.convention.unit} (convention {self.convention.name} {self.convention.version})"
            )
        return "\n".join(lines).rstrip() + "\n"


def _cell(value: Any) -> Cell:
    """A field of a row as a cell: `[3, 224, 224]` -> `3x224x224`."""
    found: Cell = "x".join(map(str, value)) if isinstance(value, list) else value
    return found


def _shown(cell: Cell, column: str) -> Cell:
    if not isinstance(cell, float):
        return cell
    return f"{cell:,.10g}" if column == "factor" else f"{cell:,.4f}"


# Writing


def deliver(plot: Plot, wanted: Wanted) -> None:
    """Write the files and print the numbers; end with 1 if a claim of a model does not hold."""
    contents = _contents(plot, wanted)
    written = []
    for (path, form), content in zip(wanted.outputs, contents, strict=True):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, content, wanted.force)
        except OSError as error:
            raise click.ClickException(f"{path.parent}: {(error.strerror or 'cannot be written').lower()}") from None
        except FileFault as fault:
            raise click.ClickException(f"{path}: {fault.message}") from None
        written.append(PictureWritten(str(path), form, len(content)))
    if wanted.format == "json":
        say_json(plot.report(written))
    elif wanted.format == "csv":
        say(plot.csv())
    else:
        say(plot.text() + _written(written))
    if any(each.diagnostics.failed for each in plot.models):
        raise click.exceptions.Exit(1)


def _contents(plot: Plot, wanted: Wanted) -> list[bytes]:
    """What the files hold; a picture is drawn once for each form."""
    figure, made = None, {}
    if wanted.draws:
        try:
            figure = plot.figure()
        except NoFigure as fault:
            raise click.ClickException(str(fault)) from None
        if wanted.title is not None:
            figure = replace(figure, title=label_of(wanted.title), headed=True)
    for form in dict.fromkeys([form for _, form in wanted.outputs]):
        if figure is not None and form in PICTURES:
            made[form] = _picture(plot, figure, form)
        elif form == "csv":
            made[form] = plot.csv().encode()
        else:
            made[form] = (json.dumps(asdict(plot.report()), indent=2) + "\n").encode()
    return [made[form] for _, form in wanted.outputs]


def _picture(plot: Plot, figure: Figure, form: str) -> bytes:
    from archdsl.plots.draw import draw

    if form != "html":
        return draw(figure, cast("Picture", form))
    from archdsl.plots.page import page

    headers = [name.replace("_", " ") for name in plot.columns]
    picture = draw(replace(figure, footnote=""), "svg").decode()  # what it says stands below the picture
    return page(figure, picture, headers, plot.read()).encode()


def _written(files: Sequence[PictureWritten]) -> str:
    if not files:
        return "\nno picture was asked for: -o FILE.svg draws one\n"
    rows: list[list[Cell]] = [[visible(file.path), WRITTEN[file.form], file.bytes] for file in files]
    return "\n" + table(["wrote", "what it is", "bytes"], rows)
