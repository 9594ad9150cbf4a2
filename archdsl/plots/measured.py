"""Figures of what was measured: time against counts, as in figure 2 of Dollár et al. 2021, and what grows with flops,
as in figure 12 of Radosavovic et al. 2020."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from archdsl.graph.cost import MEASURES
from archdsl.plots.figures import MAX_SERIES, Axis, Figure, NoFigure, Panel, Series, label_of, unit_of
from archdsl.records import documented

TRENDS = ("acts", "params", "measured_seconds")
"""What is drawn against flops."""
_MILLI = 1000


@documented
class MeasuredRow:
    """A network that was measured: the median of its rounds."""

    model: str
    strategy: str | None
    """The scaling; null for the network as given."""
    factor: float | None
    flops: int
    """Exact, of one image; as are params and acts."""
    params: int
    acts: int
    work: str
    """inference or training."""
    rounds: int
    measured_seconds: float
    """Of a pass."""
    measured_low_seconds: float
    """The quartiles of the rounds."""
    measured_high_seconds: float
    measured_memory_bytes: int | None
    input: str
    hash: str


Fits = Mapping[str, tuple[str, Sequence[tuple[int, float]]]]
"""For each of `TRENDS` the fitted curve in words, and points of it: flops, and what it is there."""


def times_figure(
    rows: Sequence[MeasuredRow], r: Mapping[str, float | None], notes: Sequence[str], footnote: str
) -> Figure:
    """Measured time against flops, params and acts: a line for each strategy from the network as it is, or marks."""
    panels: list[Panel] = []
    for measure in MEASURES:
        unit, letter = unit_of(max([getattr(row, measure) for row in rows]))
        series = [
            Series(
                f"time-{measure}-{style}",
                label,
                "points" if joined else "scatter",
                style,
                tuple([(float(Fraction(getattr(row, measure), unit)), _MILLI * row.measured_seconds) for row in group]),
            )
            for style, (label, joined, group) in enumerate(_groups(rows))
        ]
        said = r[measure]
        title = f"r = {said:.3f}" if said is not None else ""
        x, y = Axis(f"{measure} ({letter})" if letter else measure), Axis("measured time (ms)" if not panels else "")
        panels.append(Panel(title, x, y, tuple(series)))
    return Figure(_title(rows), tuple(panels), len(MEASURES), tuple(notes), footnote)


def trends_figure(rows: Sequence[MeasuredRow], fits: Fits, notes: Sequence[str], footnote: str) -> Figure:
    """Acts, params and measured time against flops, each with the curve that fits it."""
    x_unit, x_letter = unit_of(max([row.flops for row in rows]))
    panels = []
    for name in TRENDS:
        seconds = name == "measured_seconds"
        unit, letter = (Fraction(1, _MILLI), "ms") if seconds else unit_of(max([getattr(row, name) for row in rows]))
        series = []
        for style, (label, _, group) in enumerate(_groups(rows)):
            points = [(float(Fraction(row.flops, x_unit)), getattr(row, name) / float(unit)) for row in group]
            series.append(Series(f"trend-{name}-{style}", label, "scatter", style, tuple(points)))
        if name in fits:
            words, curve = fits[name]
            drawn = tuple([(float(Fraction(flops, x_unit)), value / float(unit)) for flops, value in curve])
            series.append(Series(f"fit-{name}", "", "guide", 0, drawn))
        else:
            words = ""
        said = "measured time" if seconds else name
        axis = Axis(f"flops ({x_letter})" if x_letter else "flops")
        panels.append(Panel(words, axis, Axis(f"{said} ({letter})" if letter else said), tuple(series)))
    units = "In the curves f is flops in 10^9; acts and params are in 10^6, times in ms."
    return Figure(_title(rows), tuple(panels), 1, (*notes, units), footnote)


def _title(rows: Sequence[MeasuredRow]) -> str:
    return f"Measured: {', '.join(dict.fromkeys([row.model for row in rows]))}"


def _groups(rows: Sequence[MeasuredRow]) -> list[tuple[str, bool, list[MeasuredRow]]]:
    """What is told apart: strategies, joined from the network as it is; else all networks alike."""
    models = list(dict.fromkeys([row.model for row in rows]))
    pairs = list(dict.fromkeys([(row.model, row.strategy) for row in rows if row.strategy is not None]))
    found: list[tuple[str, bool, list[MeasuredRow]]] = []
    for model, strategy in pairs:
        own = [row for row in rows if row.model == model and row.strategy in (None, strategy)]
        label = label_of(f"{model} {strategy}" if len(models) > 1 else str(strategy))
        found.append((label, True, sorted(own, key=lambda row: row.factor or 1.0)))
    scaled = {model for model, _ in pairs}
    others = [row for row in rows if row.model not in scaled]
    if others:
        found.append(("networks" if found else "", False, others))
    if len(found) > MAX_SERIES:
        raise NoFigure(f"{len(found)} strategies cannot be told apart in one picture; {MAX_SERIES} can")
    return found


__all__ = ["TRENDS", "Fits", "MeasuredRow", "times_figure", "trends_figure"]
