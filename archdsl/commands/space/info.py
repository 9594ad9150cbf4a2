"""`archdsl space info`: the dimensions of a space, its size, and what its conditions leave of it."""

from __future__ import annotations

import click

from archdsl.commands.common import say, say_json
from archdsl.commands.options import color_option, format_option
from archdsl.commands.space.common import jobs_option, looking, opened, seed_option, space_arguments
from archdsl.views.acceptance import acceptance_report
from archdsl.views.space import space_report, space_text


@click.command(
    short_help="Dimensions, laws, size and acceptance.",
    epilog="""
\b
Examples:
  archdsl space info spaces.arch NAME
  archdsl space info spaces.arch:NAME --draws 10000 --seed 1
  archdsl space info spaces.arch NAME --draws 0        the text alone

Conditions are asked in their order: those of draws, then for a network, then those of the model. What passed one is
counted of what reached it. Where costs are sums of what parts of a setting cost, so that count is exact, the parts are
named.
""",
)
@space_arguments
@click.option(
    "--draws",
    type=click.IntRange(0, 100_000_000),
    default=20_000,
    show_default=True,
    help="Settings drawn for the shares.",
)
@seed_option
@jobs_option
@format_option("text", "json")
@color_option
def info(file: str, name: str | None, draws: int, seed: int, jobs: int, format_: str, color: str | None) -> None:
    """Show what a space is: its draws with their laws, its exact size, and how much of it each condition admits."""
    found, request = opened(file, name, color=color, as_json=format_ == "json")
    structure, acceptance = None, None
    if draws:
        from archdsl.spaces.arrays.counted import structure_of
        from archdsl.spaces.arrays.sampled import Asked, Tally, pieces

        tally = Tally()
        asked = Asked(seed, hashed=False)
        with looking("drawing", draws) as tell_progress, pieces(found, asked, jobs, end=draws) as every:
            for piece in every:
                tally.add(piece)
                if tell_progress is not None:
                    tell_progress(tally.looked, tally.valid)
        structure, _ = structure_of(found.engine)
        acceptance = acceptance_report(found.space, tally, (), "rejection", seed)
    report = space_report(found.space, request.file, found.digest, structure, acceptance)
    if format_ == "json":
        say_json(report)
    else:
        say(space_text(report))
