"""The pictures of networks: what is drawn of their blocks and stages, for the command line and for notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from archdsl.graph.conventions import Convention
from archdsl.graph.cost import count
from archdsl.plots import figures
from archdsl.plots.figures import NoFigure
from archdsl.plots.rows import block_rows, fit_of, stage_rows
from archdsl.views.plot import Plot, Plotted, counting_words

Blocks = dict[str, list[tuple[str, tuple[int, ...]]]]
"""By label: paths and widths of blocks, of each map that a block gives."""


def widths_plot(
    found: Sequence[Plotted], *, fit: bool = True, lines: Sequence[tuple[Fraction, Fraction]] = (), log: bool = False
) -> Plot:
    """Block width against block index, with the line that fits each model's best, and lines `a + b j` that are given.

    Raises `NoFigure` for a model without stages, and where a block gives several maps.
    """
    by_model = _blocks_of(found)
    for label, blocks in by_model.items():
        several = next(((path, each) for path, each in blocks if len(each) != 1), None)
        if several is not None:
            message = f"{several[0]} of {label} gives {len(several[1])} maps, and a curve has one width a block"
            raise NoFigure(f"{message}; `archdsl plot channels` draws them all")
    fits = [fit_of(label, [each[0] for _, each in blocks]) for label, blocks in by_model.items()] if fit else []
    kept = {line.model: line for line in fits if line is not None}
    rows = {label: block_rows(label, blocks, kept.get(label)) for label, blocks in by_model.items()}
    return Plot(
        "widths",
        f"Block widths: {', '.join(rows)}",
        found,
        [row for blocks in rows.values() for row in blocks],
        ("model", "index", "path", "width", *(["fit"] if kept else [])),
        lambda: figures.widths_figure(rows, list(kept.values()), lines, log),
        fits=tuple(kept.values()),
        lines=lines,
    )


def channels_plot(found: Sequence[Plotted], *, log: bool = False) -> Plot:
    """The output channels of every block. Raises `NoFigure` for a model without stages."""
    rows = {label: block_rows(label, blocks) for label, blocks in _blocks_of(found).items()}
    return Plot(
        "channels",
        f"Channel configurations: {', '.join(rows)}",
        found,
        [row for blocks in rows.values() for row in blocks],
        ("model", "index", "path", "width"),
        lambda: figures.channels_figure(rows, log),
    )


def stages_plot(found: Sequence[Plotted], convention: Convention, *, shares: bool = False) -> Plot:
    """Flops, params and acts of every stage: counts, or shares of each model's total."""
    networks = {each.label: each.network for each in found if each.network is not None}
    rows = {label: stage_rows(label, count(network, convention)) for label, network in networks.items()}
    inputs = {label: network.input for label, network in networks.items()}
    return Plot(
        "stages",
        f"Cost by stage: {', '.join(rows)}",
        found,
        [row for parts in rows.values() for row in parts],
        ("model", "path", "flops", "params", "acts", "flops_share", "params_share", "acts_share"),
        lambda: figures.stages_figure(rows, shares, *counting_words(inputs, convention)),
        convention=convention,
    )


def _blocks_of(found: Sequence[Plotted]) -> Blocks:
    blocks = {each.label: each.blocks for each in found}
    for label, widths in blocks.items():
        if not widths:
            raise NoFigure(f"{label} has no stages, and so no blocks to draw")
    return blocks
