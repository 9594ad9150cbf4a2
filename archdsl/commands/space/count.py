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
from archdsl.views.space import size_text


@click.command(
    short_help="How many settings are valid: exactly, or an interval.",
    epilog="""
\b
Examples:
  archdsl space count spaces.arch NAME
  archdsl space count spaces.arch NAME --networks           distinct networks too
  archdsl space count spaces.arch NAME --band flops=360M..400M --draws 100000
  archdsl space count spaces.arch NAME --limit 1000000 --jobs 8

Where a space has no more settings than --limit each of them is looked at, and the count is exact. Of a larger one it
is exact where costs are sums of what parts of a setting cost, and no more than two costs are bounded. Else --draws
settings are drawn, of which all are equally probable whatever the laws of the space are, and the count is an interval.
The method is named.
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
@click.option("--networks", is_flag=True, help="Count networks that differ, by hash; where all settings are looked at.")
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
    bands: tuple[str, ...],
    seed: int,
    jobs: int,
    format_: str,
    color: str | None,
) -> None:
    """Count the valid settings of a space: exactly where they are few or costs are sums, else by an interval."""
    from archdsl.spaces.arrays.counted import counted

    bounds = bands_of(bands)
    found, request = opened(file, name, color=color, as_json=format_ == "json")
    settings = found.space.settings
    if networks and settings > limit:
        message = (
            f"{size_text(settings)} settings are more than --limit {limit:,}, and networks are counted among all alone"
        )
        raise click.UsageError(f"{message}.")
    with looking("counting", settings if settings <= limit else draws) as tell_progress:
        result = counted(
            found,
            limit=limit,
            draws=draws,
            seed=seed,
            bands=bounds,
            networks=networks,
            jobs=jobs,
            progress=tell_progress,
        )
    report = count_report(found.space, request.file, result, bands, seed)
    if format_ == "json":
        say_json(report)
    else:
        say(count_text(report))
