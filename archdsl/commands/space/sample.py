"""`archdsl space sample`: a population of a space, as a table."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

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
    solver_of_members,
    space_arguments,
    written_table,
)
from archdsl.files import holding_file
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
  archdsl space sample spaces.arch NAME --law solved --band flops=360M..400M -o pop.csv
  archdsl space sample spaces.arch NAME --weights networks -o pop.csv

Settings are drawn by the laws of the space, and those that are no members are left out. A setting depends on the seed,
the names of the draws and its number alone: the table is the same for any number of processes, and a longer one begins
with a shorter, which --append makes of it.

With --law solved members alone are drawn, each as probable as it is among all members: for spaces that are counted
exactly (archdsl space count --exact), which is done first, and with narrow bands. --weights networks draws each network
with the same probability, however many settings give it, and is solved too. Parquet needs the extra archdsl[spaces].
""",
)
@space_arguments
@click.option("--count", type=click.IntRange(1, 1_000_000_000), default=100, show_default=True, help="Members.")
@seed_option
@output_options
@click.option(
    "--append", is_flag=True, help="Add members to a table that the same options made; a new one if none is there."
)
@click.option(
    "--law",
    type=click.Choice(["rejection", "solved"]),
    help="Draw settings until enough are members (the default), or members alone.",
)
@click.option(
    "--weights",
    type=click.Choice(["settings", "networks"]),
    default="settings",
    show_default=True,
    help="Settings by the laws of the space, or networks that are all alike.",
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
    law: str | None,
    weights: str,
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
    members_alone = law == "solved" or weights == "networks"
    if weights == "networks" and law == "rejection":
        raise click.UsageError("--weights networks draws members alone, and --law rejection settings.")
    if append and members_alone:
        raise click.UsageError("--append adds to what was drawn with --law rejection; a longer --count begins as this.")
    asked = Asked(seed, bands=bands_of(bands), hashed=hashed)
    found, request = opened(file, name, color=color, as_json=format_ == "json")
    path = written_table(output, request, force or append)
    place = place_of(request.file, request.shown, found.space.name, path)
    with ExitStack() as held, looking("sampling") as tell_progress:
        before, wanted = None, Wanted(count, most, unique)
        if append and not held.enter_context(holding_file(path)):
            raise click.ClickException(f"{path}: another process adds to it")
        grows = append and path.exists()
        if grows:
            before, wanted = going_on(found, asked, wanted, path, jobs, tell_progress)
        solver = None
        if members_alone:
            solver = solver_of_members(found, asked.bands, networks=weights == "networks")
        work = Sampling(found, asked, wanted, place, path, before, solver)
        tally, rows = sample_into(work, jobs, force or grows, tell_progress)
    if rows < count:
        message = f"of {tally.looked:,} settings {rows:,} were accepted, and {count:,} are wanted"
        if members_alone:
            message = f"of {tally.looked:,} members {rows:,} have different networks, and {count:,} are wanted"
        raise click.ClickException(f"{message}; nothing is written; --max-draws {10 * most} looks further")
    solved: dict[str, Any] = {}
    if solver is not None:
        solved = {"law": "networks" if weights == "networks" else "solved", "solved": solver.networks}
    report = sample_report(found, request.file, tally, bands, seed, str(path), rows, hashed=hashed, **solved)
    if format_ == "json":
        say_json(report)
    else:
        say(population_text(report))
