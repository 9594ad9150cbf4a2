"""`archdsl plot spectrum`: the singular values of features."""

from __future__ import annotations

from dataclasses import replace

import click

from archdsl.commands.plot.output import Wanted, deliver, output_options
from archdsl.commands.tables import rows_from
from archdsl.diagnostics import Diagnostics
from archdsl.plots.ranks import spectrum_figure
from archdsl.ranks.spectra import SpectrumRow
from archdsl.views.plot import Plot, Plotted

COLUMNS = ("model", "at", "index", "singular_value", "magnitude", "portion", "cumulative")


@click.command(
    short_help="Singular values of features.",
    epilog="""
\b
Examples:
  archdsl plot spectrum one.csv other.csv -o spectrum.svg

A FILE is what `archdsl study spectrum -o` wrote. One panel has the portion of singular values up to a magnitude, the
largest being 1; the other what share of their sum the largest ones have.
""",
)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@output_options
def spectrum(files: tuple[str, ...], wanted: Wanted) -> None:
    """Draw how the singular values of features are distributed, and what the largest add up to."""
    rows: list[SpectrumRow] = []
    specs: dict[str, str] = {}
    images = set()
    for file in files:
        found, first = rows_from(file, SpectrumRow, "archdsl study spectrum -o")
        images.add(f"{first.get('images')} images of {first.get('data')}")
        for name in dict.fromkeys([row.model for row in found]):
            label = name if name not in specs else f"{name} ({file})"
            specs[label] = file
            rows += [replace(row, model=label) for row in found if row.model == name]
    notes = ("Singular values of a network's features, the largest of each being 1.", f"{'; '.join(sorted(images))}.")
    deliver(
        Plot(
            "spectrum",
            f"Singular values of {', '.join(specs)}",
            [Plotted(label, file, None, (), Diagnostics()) for label, file in specs.items()],
            list(rows),
            COLUMNS,
            lambda: spectrum_figure(rows, notes, "; ".join(sorted(images))),
        ),
        wanted,
    )
