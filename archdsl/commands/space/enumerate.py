"""`archdsl space enumerate`: all members of a space, as a table."""

from __future__ import annotations

import click

from archdsl.commands.common import say, say_json
from archdsl.commands.options import color_option, format_option
from archdsl.commands.space.common import (
    band_option,
    bands_of,
    hash_option,
    jobs_option,
    looking,
    opened,
    output_options,
    space_arguments,
    written_table,
)
from archdsl.rows import place_of
from archdsl.views.population import enumeration_report, population_text
from archdsl.views.space import size_text


@click.command(
    "enumerate",
    short_help="All members, as a table.",
    epilog="""
\b
Examples:
  archdsl space enumerate spaces.arch NAME -o all.parquet
  archdsl space enumerate spaces.arch NAME --band params=..5M -o small.csv
  archdsl space enumerate spaces.arch NAME --limit 10000000 --no-hash --jobs 8 -o all.parquet

Members stand in the order of their settings: the first draw runs slowest. What is done is kept in FILE.parts until the
table is written: the same command goes on after an interruption.
""",
)
@space_arguments
@output_options
@band_option
@hash_option
@click.option(
    "--limit",
    type=click.IntRange(1, 10**12),
    default=1_000_000,
    show_default=True,
    help="The most settings that are gone through.",
)
@jobs_option
@format_option("text", "json")
@color_option
def enumerate_(
    file: str,
    name: str | None,
    output: str,
    force: bool,
    bands: tuple[str, ...],
    hashed: bool,
    limit: int,
    jobs: int,
    format_: str,
    color: str | None,
) -> None:
    """Go through all settings of a space in their order, and write its members as a table."""
    from archdsl.spaces.arrays.enumerated import Enumeration, enumerate_members
    from archdsl.spaces.arrays.sampled import Asked

    asked = Asked(None, bands=bands_of(bands), hashed=hashed)
    found, request = opened(file, name, color=color, as_json=format_ == "json")
    path = written_table(output, request, force)
    settings = found.space.settings
    if settings > limit:
        message = f"`{found.space.name}` has {size_text(settings)} settings, more than --limit {limit:,}"
        raise click.ClickException(f"{message}; `archdsl space sample` draws of them")
    work = Enumeration(found, asked, place_of(request.file, request.shown, found.space.name, path), path)
    with looking("enumerating", settings) as tell_progress:
        tally, resumed = enumerate_members(work, jobs, force, tell_progress)
    report = enumeration_report(found, request.file, tally, bands, str(path), (resumed, work.parts), hashed=hashed)
    if format_ == "json":
        say_json(report)
    else:
        say(population_text(report))
