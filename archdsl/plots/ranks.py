"""Figures of ranks: rank against the ratio of widths (ReXNet, figure 1), and singular values of features (figure 5)."""

from __future__ import annotations

from collections.abc import Sequence

from archdsl.plots.figures import MAX_SERIES, Axis, Figure, NoFigure, Panel, Series, label_of
from archdsl.ranks.layers import RankRow
from archdsl.ranks.spectra import SpectrumRow

MAX_PANELS = 6
LEAST = 1e-4
"""Magnitudes below this are not drawn."""
MAX_POINTS = 400


def rank_figure(rows: Sequence[RankRow], effective: bool, words: str, notes: Sequence[str], footnote: str) -> Figure:
    """A panel for each layer with a line for each activation; `rows` are of one tolerance."""
    layers = list(dict.fromkeys([row.model for row in rows]))
    acts = list(dict.fromkeys([row.activation for row in rows]))
    _few(len(layers), MAX_PANELS, "layers")
    _few(len(acts), MAX_SERIES, "activations")
    panels = []
    for place, layer in enumerate(layers):
        series = []
        for style, act in enumerate(acts):
            own = sorted([r for r in rows if (r.model, r.activation) == (layer, act)], key=lambda row: row.ratio)
            points = [(row.ratio, row.effective_ratio if effective else row.rank_ratio) for row in own]
            series.append(Series(f"rank-{place}-{style}", label_of(act), "points", style, tuple(points)))
        x, y = Axis("d_in / d_out" if place >= len(layers) - 2 else ""), Axis(words if place % 2 == 0 else "")
        panels.append(Panel(label_of(layer), x, y, tuple(series)))
    columns = 2 if len(panels) % 2 == 0 else 1
    return Figure(f"{words} of {', '.join(layers)}", tuple(panels), columns, tuple(notes), footnote)


def spectrum_figure(rows: Sequence[SpectrumRow], notes: Sequence[str], footnote: str) -> Figure:
    """The portion of singular values up to a magnitude, and the share of their sum that the largest ones have."""
    labels = list(dict.fromkeys([(row.model, row.at) for row in rows]))
    _few(len(labels), MAX_SERIES, "spectra")
    models = {model for model, _ in labels}
    portions, sums = [], []
    for style, (model, at) in enumerate(labels):
        own = [row for row in rows if (row.model, row.at) == (model, at)]
        label = label_of(model if len(labels) == len(models) else f"{model} {at}")
        drawn = [(row.magnitude, 100 * row.portion) for row in reversed(own) if row.magnitude >= LEAST]
        portions.append(Series(f"portion-{style}", label, "line", style, _thinned(drawn)))
        shares = [(100 * (place + 1) / len(own), 100 * row.cumulative) for place, row in enumerate(own)]
        sums.append(Series(f"sum-{style}", label, "line", style, _thinned([(0.0, 0.0), *shares])))
    panels = (
        Panel("", Axis("magnitude of singular values", 10), Axis("portion of singular values (%)"), tuple(portions)),
        Panel("", Axis("largest singular values (%)"), Axis("share of their sum (%)"), tuple(sums)),
    )
    return Figure(f"Singular values of {', '.join(sorted(models))}", panels, 1, tuple(notes), footnote)


def _thinned(points: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """At most `MAX_POINTS` of a curve's points, the last among them."""
    step = 1 + len(points) // MAX_POINTS
    return (*points[:-1:step], *points[-1:])


def _few(number: int, most: int, what: str) -> None:
    if number > most:
        raise NoFigure(f"{number} {what} cannot be told apart in one picture; {most} can")


__all__ = ["rank_figure", "spectrum_figure"]
