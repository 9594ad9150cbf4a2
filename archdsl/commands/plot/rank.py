"""`archdsl plot rank`: the rank of layers' features against the ratio of widths."""

from __future__ import annotations

import click

from archdsl.commands.plot.output import Wanted, deliver, output_options
from archdsl.commands.tables import rows_from
from archdsl.diagnostics import Diagnostics
from archdsl.plots.ranks import rank_figure
from archdsl.ranks.layers import RankRow
from archdsl.ranks.values import DEFAULT
from archdsl.views.plot import Plot, Plotted

COLUMNS = (
    *("model", "activation", "ratio", "networks", "tolerance", "rank_ratio", "rank_low", "rank_high"),
    *("effective_ratio", "effective_low", "effective_high"),
)


@click.command(
    short_help="Rank of layers' features, by activation and ratio of widths.",
    epilog="""
\b
Examples:
  archdsl plot rank rank.csv -o rank.svg
  archdsl plot rank rank.csv --tolerance 0.01 -o rank.pdf
  archdsl plot rank rank.csv --tolerance none -o effective.svg

FILE is what `archdsl study rank -o` wrote. A tolerance is one of those in it; none draws effective ranks.
""",
)
@click.argument("file", metavar="FILE")
@click.option("--tolerance", metavar="SHARE", help="default, a number, or none.  [default: the file's first]")
@output_options
def rank(file: str, tolerance: str | None, wanted: Wanted) -> None:
    """Draw mean ranks of layers as shares of their width, against the ratio of widths, for each activation."""
    rows, first = rows_from(file, RankRow, "archdsl study rank -o")
    known = list(dict.fromkeys([row.tolerance for row in rows]))
    effective = tolerance == "none"
    chosen = known[0] if tolerance is None or effective else tolerance
    if chosen not in known:
        raise click.BadParameter(
            f"'{chosen}' is not in the file; there are {', '.join(known)}", param_hint="--tolerance"
        )
    kept = [row for row in rows if row.tolerance == chosen]
    by = "max(m, n) eps" if chosen == DEFAULT else chosen
    words = "effective rank / d_out" if effective else "rank / d_out"
    measured = "effective rank" if effective else f"rank by the tolerance {by}"
    networks = min(row.networks for row in kept)
    how = [
        f"{networks:,} networks, {first.get('dtype')}, seed {first.get('seed')}",
        f"d_out {first.get('widths')}",
        f"X {first.get('law')}",
        f"W {first.get('weights')}",
    ]
    notes = (f"Mean {measured}, as a share of the output channels, of layers of random sizes.", f"{'; '.join(how)}.")
    models = list(dict.fromkeys([row.model for row in kept]))
    deliver(
        Plot(
            "rank",
            f"{measured[0].upper()}{measured[1:]} of {', '.join(models)}",
            [Plotted(label, file, None, (), Diagnostics()) for label in models],
            list(kept),
            COLUMNS,
            lambda: rank_figure(kept, effective, words, notes, f"{measured}; {'; '.join(how)}"),
        ),
        wanted,
    )
