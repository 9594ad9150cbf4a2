"""`archdsl space sample`: a population of a space, as a table."""

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
    seed_option,
    space_arguments,
    written_table,
)
from archdsl.rows import place_of
from archdsl.views.population import population_text, sample_report


@click.command(
    short_help="Draw members, as a table.",
    epilog="""
\b
Examples:
  archdsl space sample spaces.arch NAME --count 500 --seed 0 -o pop.parquet
  archdsl space sample spaces.arch NAME --count 100 --band flops=360M..400M --unique -o pop.jsonl
  archdsl space sample spaces.arch NAME --count 500 --jobs 8 -o pop.csv
  archdsl space sample spaces.arch NAME --count 500 --append -o pop.csv

Settings are drawn by the laws of the space, and those that are no members are left out. A setting depends on the seed,
the names of the draws and its number alone: the table is the same for any number of processes, and a longer one begins
with a shorter, which --append makes of it. Parquet needs the extra archdsl[spaces].
""",
)
@space_arguments
@click.option("--count", type=click.IntRange(1, 1_000_000_000), default=100, show_default=True, help="Members.")
@seed_option
@output_options
@click.option(
    "--append", is_flag=True, help="Add members to a table that the same options made; a new one if none is there."
)
@click.option("--unique", is_flag=True, help="Each network once, by its hash.")
@band_option
@hash_option
@click.option(
    "--max-draws",
    "most",
    type=click.IntRange(1, 10**12),
    default=1_000_000,
    show_default=True,
    help="The search ends after so many settings.",
)
@jobs_option
@format_option("text", "json")
@color_option
def sample(
    file: str,
    name: str | None,
    count: int,
    seed: int,
    output: str,
    force: bool,
    append: bool,
    unique: bool,
    bands: tuple[str, ...],
    hashed: bool,
    most: int,
    jobs: int,
    format_: str,
    color: str | None,
) -> None:
    """Draw members of a space, with what their networks cost, and write them as a table: a population."""
    from archdsl.spaces.arrays.sampled import Asked, Wanted
    from archdsl.spaces.arrays.written import Sampling, going_on, sample_into

    if append and force:
        raise click.UsageError("--append keeps what --force overwrites.")
    if unique and not hashed:
        raise click.UsageError("--unique goes by the hashes that --no-hash leaves out.")
    asked = Asked(seed, bands=bands_of(bands), hashed=hashed)
    found, request = opened(file, name, color=color, as_json=format_ == "json")
    path = written_table(output, request, force or append)
    place = place_of(request.file, request.shown, found.space.name, path)
    with looking("sampling") as tell_progress:
        before, wanted = None, Wanted(count, most, unique)
        if append and path.exists():
            before, wanted = going_on(found, asked, wanted, path, jobs, tell_progress)
        work = Sampling(found, asked, wanted, place, path, before)
        tally, rows = sample_into(work, jobs, force or append, tell_progress)
    if rows < count:
        message = f"of {tally.looked:,} settings {rows:,} were accepted, and {count:,} are wanted"
        raise click.ClickException(f"{message}; nothing is written; --max-draws {10 * most} looks further")
    report = sample_report(found, request.file, tally, bands, seed, str(path), rows, hashed=hashed)
    if format_ == "json":
        say_json(report)
    else:
        say(population_text(report))
