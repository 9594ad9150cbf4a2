"""What `archdsl plot` says: the numbers that are drawn, as plain data."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from archdsl.plots.rows import DOCUMENTED, BlockRow, ScaledRow, StageRow
from archdsl.records import dataclass
from archdsl.report import ConventionReport

Kind = Literal["widths", "channels", "scaling", "stages"]


@dataclass(frozen=True)
class PlottedModel:
    """A model of a picture."""

    __pydantic_config__: ClassVar[dict[str, Any]] = DOCUMENTED

    label: str
    """What it is called in the picture and in the rows."""
    spec: str
    """As given."""
    hash: str | None
    """Null for a list of widths, which is no network."""
    input: list[int] | None
    """Channels, height, width."""


@dataclass(frozen=True)
class FitReport:
    """The line `intercept + slope * index`, fitted to a model's widths by least squares."""

    model: str
    intercept: float
    slope: float


@dataclass(frozen=True)
class LineDrawn:
    """A line that was asked for."""

    intercept: float
    slope: float


@dataclass(frozen=True)
class PictureWritten:
    """A file that was written."""

    __pydantic_config__: ClassVar[dict[str, Any]] = DOCUMENTED

    path: str
    form: str
    """svg, pdf, png, html, csv or json."""
    bytes: int


@dataclass(frozen=True)
class PlotReport:
    """The output of `archdsl plot KIND SPEC... --format json`: the numbers of the picture."""

    __pydantic_config__: ClassVar[dict[str, Any]] = DOCUMENTED

    archdsl: str
    """The version of archdsl."""
    plot: Kind
    title: str
    models: list[PlottedModel]
    convention: ConventionReport | None
    """How costs are counted; null where none are drawn."""
    fits: list[FitReport]
    lines: list[LineDrawn]
    rows: list[BlockRow] | list[ScaledRow] | list[StageRow]
    """One for each block, scaled network, or stage."""
    files: list[PictureWritten]
    """Empty in a file of numbers."""
    diagnostics: list[dict[str, Any]]
