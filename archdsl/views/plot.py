"""What `archdsl plot` shows: the numbers that are drawn, as tables and JSON, and the files that hold them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal, cast

from archdsl import __version__
from archdsl.diagnostics import Diagnostics
from archdsl.graph.conventions import Convention
from archdsl.graph.network import Network
from archdsl.plots.comparisons import DifferenceRow
from archdsl.plots.figures import Figure, line_text
from archdsl.plots.fronts import FrontRow
from archdsl.plots.measured import MeasuredRow
from archdsl.plots.populations import (
    CurveRow,
    EdfRow,
    EfitRow,
    PointRow,
    ProfileRow,
    TrendPoint,
)
from archdsl.plots.rows import BlockRow, Fit, ScaledRow, StageRow, widths_of
from archdsl.plots.spaces import ConditionRow, MemberRow
from archdsl.ranks.layers import RankRow
from archdsl.ranks.spectra import SpectrumRow
from archdsl.records import dataclass, documented
from archdsl.views.failure import diagnostic_reports
from archdsl.views.head import ConventionReport, convention_report, counted_as, identity
from archdsl.views.tables import Cell, render_csv, size, table
from archdsl.visible import visible

if TYPE_CHECKING:
    from archdsl.plots.draw import Picture

Kind = (
    Literal["widths", "channels", "scaling", "stages", "space", "edf", "best", "trend", "efit", "profile", "curve"]
    | Literal["front", "compare", "bench", "rank", "spectrum"]
)
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


@documented
class PlottedModel:
    """A model of a picture."""

    label: str
    """What it is called in the picture and in the rows."""
    spec: str
    """As given."""
    hash: str | None
    """Null for a list of widths, which is no network."""
    input: list[int] | None
    """Channels, height, width."""


@documented
class FitReport:
    """The line `intercept + slope * index`, fitted to a model's widths by least squares."""

    model: str
    intercept: float
    slope: float


@documented
class LineDrawn:
    """A line that was asked for."""

    intercept: float
    slope: float


@documented
class PictureWritten:
    """A file that was written."""

    path: str
    form: str
    """svg, pdf, png, html, csv or json."""
    bytes: int


@documented
class PlotReport:
    """The output of `archdsl plot KIND SPEC... --format json`: the numbers of the picture."""

    archdsl: str
    """The version of archdsl."""
    plot: Kind
    title: str
    models: list[PlottedModel]
    convention: ConventionReport | None
    """How costs are counted; null where none are drawn."""
    fits: list[FitReport]
    lines: list[LineDrawn]
    rows: (
        list[BlockRow]
        | list[ScaledRow]
        | list[StageRow]
        | list[MemberRow]
        | list[ConditionRow]
        | list[EdfRow]
        | list[PointRow]
        | list[TrendPoint]
        | list[EfitRow]
        | list[ProfileRow]
        | list[CurveRow]
        | list[FrontRow]
        | list[DifferenceRow]
        | list[MeasuredRow]
        | list[RankRow]
        | list[SpectrumRow]
    )
    """One for each block, scaled network, stage, member of a space, condition of one, measured network, layer with an
    activation at a ratio, or singular value; of a population each step of a distribution, member, block index, number
    of members or difference to another."""
    files: list[PictureWritten]
    """Empty in a file of numbers."""
    diagnostics: list[dict[str, Any]]


@dataclass(frozen=True)
class Plotted:
    """What is drawn under a label that no other has: a network, or widths of one that need not be known."""

    label: str
    spec: str
    """As given."""
    network: Network | None
    widths: tuple[int, ...]
    """Of a list of widths; a network has its own."""
    diagnostics: Diagnostics

    @property
    def report(self) -> PlottedModel:
        """What the JSON says of it."""
        known = identity(self.network) if self.network is not None else {"hash": None, "input": None}
        return PlottedModel(self.label, self.spec, **known)

    @property
    def blocks(self) -> list[tuple[str, tuple[int, ...]]]:
        """Paths and widths, of each map that a block gives; a list of widths has no paths."""
        return widths_of(self.network) if self.network is not None else [("", (width,)) for width in self.widths]


@dataclass(frozen=True)
class Plot:
    """A picture to be: its rows, their columns in tables, and how it is drawn."""

    kind: Kind
    title: str
    models: Sequence[Plotted]
    rows: list[Any]
    columns: tuple[str, ...]
    figure: Callable[[], Figure]
    convention: Convention | None = None
    fits: Sequence[Fit] = ()
    lines: Sequence[tuple[Fraction, Fraction]] = ()
    label: str = "model"
    """The field of a row that says of which model it is; of `population` no more is told."""

    def report(self, files: Sequence[PictureWritten] = ()) -> PlotReport:
        """The JSON of the numbers, and of the files that were written."""
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
        """The columns of every row."""
        return [[_cell(getattr(row, name)) for name in self.columns] for row in self.rows]

    def read(self) -> list[list[Cell]]:
        """The cells for a reader: ratios and fits to four places."""
        return [[_shown(cell, name) for name, cell in zip(self.columns, row, strict=True)] for row in self.cells()]

    def csv(self) -> str:
        """A line for each row; each says of which network, and by what convention."""
        known = {each.label: each.report for each in self.models}
        more = [name for name in ("input", "hash") if name not in self.columns] if self.label == "model" else []
        headers, convention = [*self.columns, *more], self.convention
        if convention is not None:
            headers += ["convention", "convention_version", "flops_unit"]
        tail = [convention.name, convention.version, convention.unit] if convention is not None else []
        lines = [
            [*cells, *[_cell(getattr(known[getattr(row, self.label)], name)) for name in more], *tail]
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
            lines.append(f"flops are {counted_as(self.convention)}")
        return "\n".join(lines).rstrip() + "\n"

    def content(self, form: str, figure: Figure | None) -> bytes:
        """What a file of that form holds: the figure, which pictures need, or the numbers."""
        if form == "csv":
            return self.csv().encode()
        if figure is None or form == "json":
            return (json.dumps(asdict(self.report()), indent=2) + "\n").encode()
        from archdsl.plots.draw import draw

        if form != "html":
            return draw(figure, cast("Picture", form))
        from archdsl.views.page import page

        headers = [name.replace("_", " ") for name in self.columns]
        picture = draw(replace(figure, footnote=""), "svg").decode()  # what it says stands below the picture
        return page(figure, picture, headers, self.read()).encode()


def _cell(value: Any) -> Cell:
    """A field of a row as a cell: `[3, 224, 224]` -> `3x224x224`; true and false as JSON has them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    found: Cell = "x".join(map(str, value)) if isinstance(value, list) else value
    return found


def _shown(cell: Cell, column: str) -> Cell:
    if not isinstance(cell, float):
        return cell
    if column.startswith("measured_"):
        return f"{cell:.4g}"
    return f"{cell:,.10g}" if column == "factor" else f"{cell:,.4f}"


def files_text(files: Sequence[PictureWritten]) -> str:
    """What was written, or how to have it."""
    if not files:
        return "\nno picture was asked for: -o FILE.svg draws one\n"
    rows: list[list[Cell]] = [[visible(file.path), WRITTEN[file.form], file.bytes] for file in files]
    return "\n" + table(["wrote", "what it is", "bytes"], rows)


def counting_words(inputs: Mapping[str, Sequence[int]], convention: Convention) -> tuple[list[str], str]:
    """What was counted, and for which inputs: as a caption, and as a footnote."""
    sizes = {label: size(extents) for label, extents in inputs.items()}
    if len(set(sizes.values())) == 1:
        sized = f"input {next(iter(sizes.values()))}"
    else:
        sized = ", ".join([f"input of {label} {text}" for label, text in sizes.items()])
    counted = f"convention {convention.name} {convention.version}"
    notes = [
        f"Counted by {counted}, {sized}.",
        f"Flops: {convention.unit}.",
        f"Params: {convention.params.unit}.",
        f"Acts: {convention.acts.unit}.",
    ]
    return notes, f"{counted}, {sized}"
