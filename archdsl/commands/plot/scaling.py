"""`archdsl plot scaling`: flops, params and acts against the scaling factor."""

from __future__ import annotations

from typing import Any

import click

from archdsl.commands.common import Request, fail
from archdsl.commands.options import color_option, convention_option, model_option
from archdsl.commands.plot.networks import networks, scaled_from
from archdsl.commands.plot.output import Wanted, deliver, output_options, specs_argument
from archdsl.commands.progress import progress_bar
from archdsl.compiler import Compiler, Failed
from archdsl.diagnostics import Diagnostics
from archdsl.graph.conventions import CONVENTIONS
from archdsl.graph.cost import count
from archdsl.plots import figures
from archdsl.plots.figures import label_of
from archdsl.plots.rows import ScaledRow, scaled_row
from archdsl.project import Project
from archdsl.request import RequestError, decimal, factors_of, scaling_calls, strategies_of
from archdsl.views.plot import Plot, counting_words

MAX_NETWORKS = 2_000
"""Of one picture of scalings."""


@click.command(
    short_help="Flops, params and acts against the scaling factor.",
    epilog="""
\b
Examples:
  archdsl plot scaling net.arch --strategies NAME,OTHER -o scaling.svg
  archdsl plot scaling net.arch other.arch --strategies NAME,NAME=2/3 --factors 1..16 --steps 4 -o scaling.pdf
  archdsl plot scaling net.arch --strategies NAME --factors 1,2,5,10 --format csv

A strategy is a scaling of std.scaling or of the file, by its name; NAME=VALUE gives it a second argument, as in
--scale. Costs are those of the scaled networks, rounded as the scaling rounds them, relative to the model as it is
given: at a factor of 1 a strategy may round to another network.
""",
)
@specs_argument
@click.option("--strategies", required=True, metavar="NAME,...", help="The scalings: NAME, or NAME=VALUE.")
@click.option("--factors", default="1..32", show_default=True, metavar="A..B", help="From A to B, or a list: 1,2,4,8.")
@click.option(
    "--steps", type=click.IntRange(1, 32), default=2, show_default=True, help="Steps from a factor to its double."
)
@convention_option
@model_option
@click.option("--set", "settings", metavar="NAME=VALUE", multiple=True, help="A parameter of the model, or a path.")
@click.option("--input", "input_", metavar="SIZE", help="The input before scaling: 3x256x192, or 256x192.")
@color_option
@output_options
def scaling(
    specs: tuple[str, ...],
    strategies: str,
    factors: str,
    steps: int,
    convention_name: str,
    wanted: Wanted,
    **options: Any,
) -> None:
    """Draw flops, params and acts against the scaling factor, on logarithmic axes, for several strategies."""
    try:
        names, numbers = strategies_of(strategies), factors_of(factors, steps)
    except RequestError as fault:
        raise click.BadParameter(str(fault), param_hint=fault.option) from None
    if len(specs) * len(names) * len(numbers) > MAX_NETWORKS:
        raise click.UsageError(f"That is more than {MAX_NETWORKS:,} networks; ask for fewer factors or strategies.")
    found = networks(specs, wanted, options)
    convention = CONVENTIONS[convention_name]
    rows: dict[str, list[ScaledRow]] = {}
    jobs = [(each, name, factor) for each in found for name in names for factor in numbers]
    bases = {each.label: count(each.network, convention) for each in found}
    compilers = {each.label: Compiler(Project(each.request.file)) for each in found}
    failed: tuple[Request, Diagnostics] | None = None
    with progress_bar("scaling", jobs) as bar:
        for each, name, factor in bar:
            diagnostics = Diagnostics()
            call = scaling_calls([f"{name}:{decimal(factor)}"], None)
            made = each.again(compilers[each.label], scaled_from(each, call), diagnostics)
            if isinstance(made, Failed) or diagnostics.failed:
                failed = each.request, diagnostics
                break
            cost = count(made.network, convention)
            row = scaled_row(each.label, bases[each.label], label_of(name), factor, made.network, cost)
            rows.setdefault(each.label, []).append(row)
    if failed is not None:
        fail(*failed)
    deliver(
        Plot(
            "scaling",
            f"Scaling of {', '.join(rows)}",
            [each.plotted for each in found],
            [row for scaled in rows.values() for row in scaled],
            (
                *("model", "strategy", "factor", "flops", "params", "acts"),
                *("flops_ratio", "params_ratio", "acts_ratio", "input", "hash"),
            ),
            lambda: figures.scaling_figure(
                rows, *counting_words({each.label: each.network.input for each in found}, convention)
            ),
            convention=convention,
        ),
        wanted,
    )
