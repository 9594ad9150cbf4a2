"""`archdsl plot stages`: the cost of every stage."""

from __future__ import annotations

from typing import Any

import click

from archdsl.commands.options import change_options, convention_option
from archdsl.commands.plot.networks import networks
from archdsl.commands.plot.output import Wanted, deliver, output_options, specs_argument
from archdsl.graph.conventions import CONVENTIONS
from archdsl.graph.cost import Cost, count
from archdsl.plots import figures
from archdsl.plots.rows import stage_rows
from archdsl.views.plot import Plot, counting_words


@click.command(
    short_help="Cost of every stage.",
    epilog="""
\b
Examples:
  archdsl plot stages net.arch -o stages.svg
  archdsl plot stages net.arch other.arch --shares -o stages.pdf

The numbers at the bars are shares of the model's total, in percent.
""",
)
@specs_argument
@click.option("--shares", is_flag=True, help="Bars are shares of each model's total, not counts.")
@convention_option
@change_options
@output_options
def stages(
    specs: tuple[str, ...],
    shares: bool,
    convention_name: str,
    wanted: Wanted,
    **options: Any,
) -> None:
    """Draw the flops, params and acts of every stage."""
    found = networks(specs, wanted, options)
    convention = CONVENTIONS[convention_name]
    costs: dict[str, Cost] = {each.label: count(each.network, convention) for each in found}
    rows = {label: stage_rows(label, cost) for label, cost in costs.items()}
    deliver(
        Plot(
            "stages",
            f"Cost by stage: {', '.join(rows)}",
            [each.plotted for each in found],
            [row for parts in rows.values() for row in parts],
            ("model", "path", "flops", "params", "acts", "flops_share", "params_share", "acts_share"),
            lambda: figures.stages_figure(
                rows, shares, *counting_words({each.label: each.network.input for each in found}, convention)
            ),
            convention=convention,
        ),
        wanted,
    )
