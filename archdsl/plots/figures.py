"""Rows as figures: panels of series of points, each with its words. How they look is decided in `draw`.

Texts are as they are to be read: names may be a stranger's, and are cut and cleared of what does not print.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Literal

from archdsl.backends.summary import plain
from archdsl.graph.cost import MEASURES, SUFFIXES
from archdsl.plots.rows import BlockRow, Fit, ScaledRow, StageRow
from archdsl.records import dataclass

Form = Literal["steps", "points", "line", "guide", "bars", "scatter", "marks", "band"]
"""`steps`: a level line through marked points; `points`: marked points, joined; `line`, `guide`: no marks; `scatter`:
marked points that nothing joins; `marks`: the same, larger; `band`: the points go around an area."""

MAX_SERIES = 8
"""More lines than this cannot be told apart in one panel."""
MAX_SIDES = 4
"""More bars than this, one for each model, are not read side by side."""
MAX_GROUPS = 60
"""More stages than this are no picture."""
MAX_LABEL = 40
"""Characters of a name in a picture."""


class NoFigure(ValueError):
    """Why the rows are not drawn."""


@dataclass(frozen=True, slots=True)
class Series:
    """Points of one kind. `key` identifies them in an SVG; series of one label look alike and are one legend entry."""

    key: str
    label: str
    form: Form
    style: int
    points: tuple[tuple[float, float], ...]
    texts: tuple[str, ...] = ()
    """What stands at the points; for a guide, at its end."""


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis: of numbers, linear or logarithmic, or of names."""

    label: str
    log: int = 0
    """The base of a logarithmic axis."""
    whole: bool = False
    """Whether only whole numbers are marked."""
    names: tuple[str, ...] = ()
    """Of the places 0, 1, … of an axis without numbers."""
    free: bool = False
    """Whether it begins where its numbers do, and not at zero."""


@dataclass(frozen=True, slots=True)
class Panel:
    """Series on two axes, under a title."""

    title: str
    x: Axis
    y: Axis
    series: tuple[Series, ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """Panels, row by row; those of a row share their vertical axis. `notes` are what a caption would say."""

    title: str
    panels: tuple[Panel, ...]
    columns: int = 1
    notes: tuple[str, ...] = ()
    footnote: str = ""
    """A line of small letters below the panels."""
    headed: bool = False
    """Whether the title is drawn."""


def label_of(text: str) -> str:
    """A name as pictures and tables show it."""
    return plain(text, MAX_LABEL)


def number(value: float) -> str:
    """Four digits, the sign as it is printed."""
    return f"{value:.4g}".replace("-", "\N{MINUS SIGN}")


def line_text(intercept: Fraction, slope: Fraction) -> str:
    """`5.1 + 41.2 j`"""
    sign = "\N{MINUS SIGN}" if slope < 0 else "+"
    return f"{number(float(intercept))} {sign} {number(float(abs(slope)))} j"


# Blocks


def widths_figure(
    rows: Mapping[str, Sequence[BlockRow]], fits: Sequence[Fit], lines: Sequence[tuple[Fraction, Fraction]], log: bool
) -> Figure:
    """Block widths as levels, the line that fits each model's best, and lines that are given."""
    _few(rows, MAX_SERIES, "models")
    longest = max([len(blocks) for blocks in rows.values()], default=0)
    styles = {model: style for style, model in enumerate(rows)}
    fitted = {fit.model: fit for fit in fits}
    series = []
    for model, blocks in rows.items():
        style = styles[model]
        series.append(Series(f"widths-{style}", model, "steps", style, _points(blocks)))
        fit = fitted.get(model)
        if fit is not None:
            ends = tuple([(float(j), float(fit.at(j))) for j in (0, len(blocks) - 1)])
            label = f"fit: {line_text(fit.intercept, fit.slope)}"
            series.append(Series(f"fit-{style}", label, "line", style, _drawable(ends, log)))
    for place, (intercept, slope) in enumerate(lines):
        ends = tuple([(float(j), float(intercept + slope * j)) for j in (0, max(longest - 1, 1))])
        label = f"given: {line_text(intercept, slope)}"
        series.append(Series(f"given-{place}", label, "guide", place, _drawable(ends, log)))
    notes = ["Width: the output channels of a block; j: its index from 0, through all stages."]
    notes += ["Fits are linear least squares over a model's blocks, none of them weighted."] if fits else []
    panel = Panel(
        "", Axis("block index j", whole=True), Axis("block width (channels)", 10 if log else 0), tuple(series)
    )
    return Figure(f"Block widths: {', '.join(rows)}", (panel,), notes=tuple(notes))


def channels_figure(rows: Mapping[str, Sequence[BlockRow]], log: bool) -> Figure:
    """The output channels of every block."""
    _few(rows, MAX_SERIES, "models")
    series = [
        Series(f"channels-{style}", model, "points", style, _points(blocks))
        for style, (model, blocks) in enumerate(rows.items())
    ]
    panel = Panel("", Axis("block index", whole=True), Axis("output channels", 10 if log else 0), tuple(series))
    notes = ("Output channels of every block of the stages, without stem and head; indices are from 0.",)
    return Figure(f"Channel configurations: {', '.join(rows)}", (panel,), notes=notes)


def _points(blocks: Sequence[BlockRow]) -> tuple[tuple[float, float], ...]:
    return tuple([(float(row.index), float(row.width)) for row in blocks])


def _drawable(ends: tuple[tuple[float, float], ...], log: bool) -> tuple[tuple[float, float], ...]:
    """On a logarithmic axis a line is a curve, of which only the part above zero can be drawn."""
    if not log:
        return ends
    (first, low), (last, high) = ends
    places = [first + (last - first) * step / 100 for step in range(101)]
    curve = [(place, low + (high - low) * (place - first) / (last - first)) for place in places]
    return tuple([point for point in curve if point[1] > 0])


def _few(rows: Mapping[str, object], most: int, what: str) -> None:
    if len(rows) > most:
        raise NoFigure(f"{len(rows)} {what} cannot be told apart in one picture; {most} can")


# Scalings


def scaling_figure(rows: Mapping[str, Sequence[ScaledRow]], notes: Sequence[str], footnote: str) -> Figure:
    """For each model a row of panels: flops, params and acts against the factor, relative to the model as it is."""
    panels = []
    for place, (model, scaled) in enumerate(rows.items()):
        strategies = list(dict.fromkeys([row.strategy for row in scaled]))
        _few(dict.fromkeys(strategies), MAX_SERIES, "strategies")
        for measure in MEASURES:
            series = _guides(f"guide-{place}-{measure}", [row.factor for row in scaled], measure == "acts")
            for style, strategy in enumerate(strategies):
                points = [(r.factor, getattr(r, f"{measure}_ratio")) for r in scaled if r.strategy == strategy]
                drawn = tuple([point for point in points if point[1] > 0])
                series.append(Series(f"scaling-{place}-{measure}-{style}", strategy, "points", style, drawn))
            last = place == len(rows) - 1
            x = Axis("scaling factor s" if last else "", 2)
            y = Axis(f"relative to {model}" if measure == MEASURES[0] else "", 2)
            panels.append(Panel(measure if place == 0 else "", x, y, tuple(series)))
    return Figure(f"Scaling of {', '.join(rows)}", tuple(panels), len(MEASURES), tuple(notes), footnote)


def _guides(key: str, factors: Sequence[float], root: bool) -> list[Series]:
    """What grows as the factor does, and as its square root."""
    first, last = min(factors), max(factors)
    if first == last:
        return []
    powers = [("s", 1.0, "s"), *([("root", 0.5, "\N{SQUARE ROOT}s")] if root else [])]
    return [
        Series(f"{key}-{name}", "", "guide", 0, ((first, first**power), (last, last**power)), (text,))
        for name, power, text in powers
    ]


# Stages

_UNITS = [(10**power, suffix) for suffix, power in reversed(SUFFIXES.items())]


def unit_of(largest: int) -> tuple[int, str]:
    """The unit in which an axis up to a number is written, and its letter: 10^9, "G"."""
    return next(((unit, letter) for unit, letter in _UNITS if largest >= unit), (1, ""))


def stages_figure(rows: Mapping[str, Sequence[StageRow]], shares: bool, notes: Sequence[str], footnote: str) -> Figure:
    """Flops, params and acts of every stage as bars, from the first at the top to the last."""
    _few(rows, MAX_SIDES, "models")
    places = _places([[row.path for row in stages] for stages in rows.values()])
    if len(places) > MAX_GROUPS:
        raise NoFigure(f"{len(places)} stages are too many for a picture; it holds {MAX_GROUPS}")
    names = tuple([plain(path, MAX_LABEL) for path in places])
    panels = []
    for measure in MEASURES:
        largest = max([getattr(row, measure) for stages in rows.values() for row in stages], default=0)
        unit, letter = unit_of(largest)
        series = []
        for style, (model, stages) in enumerate(rows.items()):
            points, texts = [], []
            for row in stages:
                share = getattr(row, f"{measure}_share")
                length = 100 * share if shares else float(Fraction(getattr(row, measure), unit))
                points.append((float(places.index(row.path)), length))
                texts.append(f"{100 * share:.1f}" if shares else f"{100 * share:.1f} %")
            series.append(Series(f"stages-{measure}-{style}", model, "bars", style, tuple(points), tuple(texts)))
        x = Axis(f"{measure} (% of the model)" if shares else f"{measure} ({letter})" if letter else measure)
        panels.append(Panel("", x, Axis("", names=names), tuple(series)))
    return Figure(f"Cost by stage: {', '.join(rows)}", tuple(panels), len(MEASURES), tuple(notes), footnote)


def _places(models: Sequence[Sequence[str]]) -> list[str]:
    """All paths in the order of the networks: stems, stages by index, heads."""
    ranks: dict[str, tuple[float, int]] = {}
    for paths in models:
        for position, path in enumerate(paths):
            kind, _, index = path.partition(".")
            staged = kind == "stages" and index.isdigit()
            after = any(earlier.startswith("stages.") for earlier in paths[:position])
            rank = (0.0, int(index)) if staged else (math.inf if after else -math.inf, position)
            ranks.setdefault(path, rank)
    return sorted(ranks, key=lambda path: ranks[path])
