"""`archdsl plot space`: how the costs of members are distributed, what conditions admit, and widths of members."""

from __future__ import annotations

import click

from archdsl.commands.options import color_option
from archdsl.commands.plot.members import Drawn, drawn
from archdsl.commands.plot.output import Wanted, deliver, log_option, output_options, specs_argument
from archdsl.commands.space.common import jobs_option, seed_option
from archdsl.diagnostics import Diagnostics
from archdsl.graph.conventions import CONVENTIONS, DEFAULT, Convention
from archdsl.plots import spaces as figures
from archdsl.plots.figures import MAX_SERIES
from archdsl.views.plot import Plot, Plotted

MEMBERS = ("model", "index", "depth", "flops", "params", "acts", "hash")
CONDITIONS = ("model", "condition", "passed", "of", "share", "low", "high")
WIDTHS = ("model", "index", "path", "width")


@click.command(
    short_help="Members of a space: costs, acceptance, widths.",
    epilog="""
\b
Examples:
  archdsl plot space spaces.arch:NAME -o costs.svg
  archdsl plot space spaces.arch:NAME spaces.arch:OTHER --count 500 --jobs 4 -o costs.html
  archdsl plot space spaces.arch:NAME --show acceptance -o acceptance.pdf
  archdsl plot space spaces.arch:NAME --show widths --count 6 -o widths.svg

Members are those that `archdsl space sample` draws with the same seed. A distribution is a function: the share of
members with at most so many flops, params, acts or blocks. In a page (.html) lines and bars say what they are where one
points at them.
""",
)
@specs_argument
@click.option(
    "--show",
    type=click.Choice(("costs", "acceptance", "widths")),
    default="costs",
    show_default=True,
    help="Distributions of costs, what conditions admit, or block widths.",
)
@click.option(
    "--count", type=click.IntRange(1, 1_000_000), help="Members of each space; 100 if not given, 4 of widths."
)
@click.option(
    "--max-draws",
    "most",
    type=click.IntRange(1, 10**12),
    default=100_000,
    show_default=True,
    help="The search for them ends after so many settings.",
)
@seed_option
@jobs_option
@log_option
@color_option
@output_options
def space(
    specs: tuple[str, ...],
    show: str,
    count: int | None,
    most: int,
    seed: int,
    jobs: int,
    log: bool,
    color: str | None,
    wanted: Wanted,
) -> None:
    """Draw the distributions of flops, params, acts and depth of members, what each condition admits, or widths."""
    number = count if count is not None else 4 if show == "widths" else 100
    if show == "widths" and number * len(specs) > MAX_SERIES:
        raise click.UsageError(f"A picture of widths holds {MAX_SERIES} members; ask for fewer with --count.")
    found = drawn(specs, wanted, color, count=number, most=most, seed=seed, jobs=jobs)
    words = f"{number:,} members of each space, drawn by its laws with seed {seed}."
    deliver(_plot(found, show, log, (words,), f"{number:,} members each, seed {seed}"), wanted)


def _plot(found: list[Drawn], show: str, log: bool, notes: tuple[str, ...], footnote: str) -> Plot:
    spaces = [Plotted(each.label, each.spec, None, (), Diagnostics()) for each in found]
    title = ", ".join([each.label for each in found])
    if show == "acceptance":
        conditions = {each.label: each.conditions for each in found}
        return Plot(
            "space",
            f"Acceptance of {title}",
            spaces,
            [row for each in found for row in each.conditions],
            CONDITIONS,
            lambda: figures.acceptance_figure(conditions, notes, footnote),
        )
    if show == "widths":
        widths = {label: rows for each in found for label, rows in each.widths.items()}
        specs = {label: each.spec for each in found for label in each.widths}
        return Plot(
            "space",
            f"Widths of members of {title}",
            [Plotted(label, spec, None, (), Diagnostics()) for label, spec in specs.items()],
            [row for rows in widths.values() for row in rows],
            WIDTHS,
            lambda: figures.member_widths_figure(widths, f"Widths of members of {title}", log, notes, footnote),
        )
    members = {each.label: each.rows for each in found}
    return Plot(
        "space",
        f"Members of {title}",
        spaces,
        [row for rows in members.values() for row in rows],
        MEMBERS,
        lambda: figures.distributions_figure(members, notes, footnote),
        convention=_convention(found),
    )


def _convention(found: list[Drawn]) -> Convention | None:
    """The convention by which all of them count, if it is one."""
    named = {each.opened.space.convention or DEFAULT.name for each in found}
    return CONVENTIONS[next(iter(named))] if len(named) == 1 else None
