"""`archdsl plot bench`: what was measured against exact counts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from archdsl.commands.plot.output import Wanted, deliver, output_options
from archdsl.diagnostics import Diagnostics
from archdsl.graph.conventions import CONVENTIONS
from archdsl.graph.cost import MEASURES
from archdsl.measuring.fits import fitted, pearson
from archdsl.measuring.ledger import LedgerFault, rows_of
from archdsl.measuring.rows import Measured, RowFault, Turn, measured, turns
from archdsl.measuring.settings import WORKS
from archdsl.plots.measured import Fits, MeasuredRow, times_figure, trends_figure
from archdsl.views.bench import counts_of, curve_report, curve_text
from archdsl.views.plot import Plot, Plotted

COLUMNS = (
    *("model", "strategy", "factor", "flops", "params", "acts", "work", "rounds"),
    *("measured_seconds", "measured_low_seconds", "measured_high_seconds", "measured_memory_bytes", "input", "hash"),
)
CURVES = {"acts": ("root",), "params": ("flops",), "measured_seconds": ("flops", "root")}
"""The curves of RegNet's figure 12."""
STEPS = 60


@click.command(
    short_help="Measured time against flops, params and acts.",
    epilog="""
\b
Examples:
  archdsl plot bench bench.jsonl -o times.svg
  archdsl plot bench bench.jsonl --work training --format csv
  archdsl plot bench bench.jsonl --show trends -o trends.pdf

FILE is what `archdsl bench -o` wrote. Times are medians of rounds. r is Pearson's, over all networks of the
picture. Trends are acts by the square root of flops, params by flops, and time by both, fitted by least squares of
relative residuals.
""",
)
@click.argument("file", metavar="FILE")
@click.option(
    "--show",
    type=click.Choice(("times", "trends")),
    default="times",
    show_default=True,
    help="Time against each count, or acts, params and time against flops.",
)
@click.option("--work", type=click.Choice(list(WORKS)), default=next(iter(WORKS)), show_default=True, help="Which.")
@output_options
def bench(file: str, show: str, work: str, wanted: Wanted) -> None:
    """Draw measured time against exact flops, params and acts, as `archdsl bench` wrote them."""
    try:
        every = turns(rows_of(Path(file))[0])
    except LedgerFault as fault:
        raise click.ClickException(str(fault)) from None
    except RowFault as fault:
        raise click.ClickException(f"{file}: {fault}") from None
    found = [each for each in measured(every) if each.work == work and each.measured_seconds is not None]
    if not found:
        raise click.ClickException(f"{file}: there is no network whose {work} was measured")
    rows = [_row(each) for each in found]
    notes, footnote = _words(every[0], work)
    fits = _fits(found) if show == "trends" else {}
    seconds = [row.measured_seconds for row in rows]
    r = {measure: pearson([getattr(row, measure) for row in rows], seconds) for measure in MEASURES}
    specs = {each.network: each.spec for each in found}
    deliver(
        Plot(
            "bench",
            f"Measured {work} of {len(rows)} networks",
            [Plotted(label, spec, None, (), Diagnostics()) for label, spec in specs.items()],
            list(rows),
            COLUMNS,
            lambda: (
                trends_figure(rows, fits, notes, footnote)
                if show == "trends"
                else times_figure(rows, r, notes, footnote)
            ),
            convention=CONVENTIONS.get(every[0].convention.split()[0]),
        ),
        wanted,
    )


def _row(each: Measured) -> MeasuredRow:
    return MeasuredRow(
        each.network,
        each.strategy,
        each.factor,
        each.flops,
        each.params,
        each.acts,
        each.work,
        each.rounds,
        each.measured_seconds or 0.0,
        each.measured_low_seconds or 0.0,
        each.measured_high_seconds or 0.0,
        each.measured_memory_bytes,
        each.input,
        each.hash,
    )


def _fits(found: Sequence[Measured]) -> Fits:
    """The curves, from the smallest to the largest network."""
    counts = [counts_of(each) for each in found]
    low, high = min(each.flops for each in found), max(each.flops for each in found)
    made = {}
    for name, terms in CURVES.items():
        seconds = name == "measured_seconds"
        curve = fitted(counts, [float(getattr(each, name) or 0) for each in found], terms)
        if curve is None:
            continue
        places = [round(low + (high - low) * step / STEPS) for step in range(STEPS + 1)]
        points = [(flops, curve.at({"flops": float(flops)})) for flops in places]
        words = curve_text(curve_report(curve, "", None), 1e3 if seconds else 1e-6)
        made[name] = (f"{words}, error {100 * curve.error:.0f} %", points)
    return made


def _words(first: Turn, work: str) -> tuple[tuple[str, ...], str]:
    images = "1 image" if first.batch == 1 else f"{first.batch:,} images"
    clock = "CPU time" if first.clock == "cpu" else "time"
    how = f"{first.dtype}, {first.layout}, {'torch.compile' if first.compiled else 'not compiled'}"
    machine = f"{first.device_name}, {first.threads} thread{'s' if first.threads > 1 else ''}, torch {first.torch}"
    notes = (
        f"Measured {clock} of {WORKS[work]}, of {images}: the median over rounds.",
        f"{machine}; {how}.",
        f"Counts are exact, of one image; convention {first.convention}.",
    )
    short = f"{first.device_name}, {first.threads} thread{'s' if first.threads > 1 else ''}"
    return notes, f"{work}, {images}, {clock}, {first.dtype}; {short}"
