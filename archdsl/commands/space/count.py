"""`archdsl space count`: how many settings of a space are valid."""

from __future__ import annotations

import click

from archdsl.commands.common import say, say_json
from archdsl.commands.options import color_option, format_option
from archdsl.commands.space.common import (
    band_option,
    bands_of,
    jobs_option,
    looking,
    opened,
    seed_option,
    space_arguments,
)
from archdsl.views.population import count_report, count_text


@click.command(
    short_help="How many settings are valid: exactly, or an interval.",
    epilog="""
\b
Examples:
  archdsl space count spaces.arch NAME
  archdsl space count spaces.arch NAME --networks           distinct networks too
  archdsl space count spaces.arch NAME --band flops=360M..400M --draws 100000
  archdsl space count spaces.arch NAME --limit 1000000 --jobs 8
  archdsl space count spaces.arch NAME --exact --networks   also where that takes a minute

Where a space has no more settings than --limit each of them is looked at, and the count is exact. Of a larger one it
is exact where costs are sums of what parts of a setting cost, and no more than two costs are bounded; where stages are
the runs of a list whose length is drawn, so that there are few different tables of them, which --exact counts even if
that takes a minute; and where stages have draws of their own, along the chain of them, with one cost bounded. Else
--draws settings are drawn, of which all are equally probable whatever the laws of the space are, and the count is an
interval. The method is named.
""",
)
@space_arguments
@click.option(
    "--limit",
    type=click.IntRange(0, 10**12),
    default=100_000,
    show_default=True,
    help="The most settings that are looked at one by one.",
)
@click.option(
    "--draws",
    type=click.IntRange(1, 100_000_000),
    default=20_000,
    show_default=True,
    help="Settings drawn where there are more.",
)
@click.option("--networks", is_flag=True, help="Count networks that differ, where the count is exact.")
@click.option("--exact", is_flag=True, help="Count exactly what takes long; no interval in its place.")
@band_option
@seed_option
@jobs_option
@format_option("text", "json")
@color_option
def count(
    file: str,
    name: str | None,
    limit: int,
    draws: int,
    networks: bool,
    exact: bool,
    bands: tuple[str, ...],
    seed: int,
    jobs: int,
    format_: str,
    color: str | None,
) -> None:
    """Count the valid settings of a space: exactly where they are few or it is known how, else by an interval."""
    from archdsl.spaces.arrays.counted import counted
    from archdsl.spaces.arrays.structure import Tied

    bounds = bands_of(bands)
    found, request = opened(file, name, color=color, as_json=format_ == "json")
    settings = found.space.settings
    with looking("counting", settings if settings <= limit else None) as tell_progress:
        try:
            result = counted(
                found,
                limit=limit,
                draws=draws,
                seed=seed,
                bands=bounds,
                networks=networks,
                exact=exact,
                jobs=jobs,
                progress=tell_progress,
            )
        except Tied as tied:
            what = "networks" if networks else "settings"
            more = f"{settings:,} settings are more than --limit {limit:,}, and {what} of so many are not counted"
            raise click.ClickException(f"{more} here: {tied}") from None
    report = count_report(found.space, request.file, result, bands, seed)
    if format_ == "json":
        say_json(report)
    else:
        say(count_text(report))
