"""`archdsl study run`: a study is made in a folder, and its trials are run there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from archdsl.commands.common import fail, one, request_of
from archdsl.commands.completing import networks_and_spaces
from archdsl.commands.options import (
    WithScriptOptions,
    color_option,
    format_option,
    given,
    recipe_option,
    script_options,
)
from archdsl.commands.space.common import band_option, bands_of, looking, opened, seed_option
from archdsl.commands.study.common import (
    engine_of,
    engine_options,
    finish_study,
    jobs_option,
    refusing,
    run_trials,
)
from archdsl.diagnostics import Fault

if TYPE_CHECKING:
    from archdsl.studies.sources import Source


DIR = click.Path(path_type=Path)


@click.command(
    cls=WithScriptOptions,
    short_help="Train the members of a population.",
    options_metavar="[OPTIONS] [-- SCRIPT OPTIONS]",
    epilog="""
\b
Examples:
  archdsl study run spaces.arch:NAME --count 100 --seed 0 --recipe NAME --data IMAGES -o study/
  archdsl study run spaces.arch:NAME --count 40 --band flops=360M..400M --seeds 2 -o study/
  archdsl study run pop.parquet -o study/ -- --epochs 5
  archdsl study run net.arch other.arch:NAME pop.parquet:17 -o study/
  archdsl study run pop.parquet --engine ray --address 10.0.0.1:6379 -o /shared/study

WHAT is a space, whose members are drawn as `archdsl space sample` draws them; a table that it wrote; or networks. Each
member is compiled, and trained by its emitted script in a folder of its own, as `archdsl train` does it. The same
command again goes on with a study; what differs is refused. Paths among the script's options are taken from the
current folder.
""",
)
@click.argument("what", metavar="WHAT...", shell_complete=networks_and_spaces, nargs=-1, required=True)
@click.option(
    "-o", "--output", "folder", required=True, metavar="DIR", type=click.Path(path_type=Path), help="The study."
)
@click.option("--count", type=click.IntRange(1, 1_000_000), default=100, show_default=True, help="Members of a space.")
@seed_option
@band_option
@click.option("--unique", is_flag=True, help="Each network once, by its hash.")
@click.option("--max-draws", "most", type=click.IntRange(1, 10**12), default=1_000_000, show_default=True, metavar="N")
@recipe_option
@click.option("--data", metavar="PATH", help="Images: a folder, shards, a data set on disk.  [default: digits]")
@click.option("--device", metavar="NAME", help="cpu, cuda, cuda:1, …  [default: a GPU if there is one]")
@click.option("--set", "settings", metavar="NAME=VALUE", multiple=True, help="Change this in every member.")
@click.option("--scale", "scalings", metavar="SPEC", multiple=True, help="Scale every member.")
@click.option("--input", "input_", metavar="SIZE", help="The input of every member: 3x256x192, or 256x192.")
@click.option("--seeds", type=click.IntRange(1, 1000), default=1, show_default=True, help="Trainings of each member.")
@click.option("--retries", type=click.IntRange(0, 100), default=1, show_default=True, help="Of a trial that fails.")
@click.option("--prepare", is_flag=True, help="Make the study for `archdsl study work`, and train nothing.")
@engine_options
@click.option("--pruner", type=click.Choice(["median", "percentile", "halving", "hyperband"]), help="End trials early.")
@jobs_option
@click.option("--threads", type=click.IntRange(1, 1024), metavar="N", help="Of each training.  [default: cores / jobs]")
@format_option("text", "json")
@color_option
def run(
    what: tuple[str, ...], folder: Path, data: str | None, device: str | None, format_: str, **options: Any
) -> None:
    """Train the members of WHAT, each `--seeds` times, and write down what came of them."""
    from archdsl.studies.local import cores
    from archdsl.studies.sources import made
    from archdsl.studies.study import head_of, kept_threads

    as_json = format_ == "json"
    engine = engine_of(options["engine"], options["address"])
    words = [*given("--data", data), *given("--device", device), *script_options()]
    jobs, seeds, retries = options["jobs"], options["seeds"], options["retries"]
    changes = {"settings": options["settings"], "scalings": options["scalings"], "input": options["input_"]}
    with refusing():
        source = _source(what, folder, options, as_json=as_json)
        threads = options["threads"] or kept_threads(folder) or max(1, cores() // (jobs or cores()))
        head = head_of(
            source.words,
            threads=threads,
            seeds=seeds,
            retries=retries,
            recipe=options["recipe"],
            changes=changes,
            words=words,
            pruner=options["pruner"],
        )
        with looking("sampling") as tell_progress:
            study = made(folder, source, head, tell_progress)
        numbers = [] if options["prepare"] else study.unfinished()
        interrupted = run_trials(study, numbers, jobs, as_json=as_json, engine=engine)
        finish_study(study, interrupted=interrupted, as_json=as_json)


def _source(what: tuple[str, ...], folder: Path, options: Mapping[str, Any], *, as_json: bool) -> Source:
    """Where the members come from; ends the command where that is at fault."""
    from archdsl.rows import names_row
    from archdsl.studies.sources import names_table, of_members, of_space, space_place

    changes = {name: options[name] for name in ("settings", "scalings", "input_", "recipe", "color")}
    try:
        networks = [text for text in what if not names_table(text) and not names_row(text)]
        spaces = [text for text in networks if space_place(text) is not None]
        if spaces and len(what) > 1:
            raise click.UsageError(f"{spaces[0]} is a space: a study is of one space, or of tables and networks.")
        if spaces:
            found, request = opened(what[0], None, color=options["color"], as_json=as_json)
            bands = bands_of(options["bands"])
            names = "count", "seed", "unique", "most"
            place = request.file, request.shown
            return of_space(found, place, folder, bands=bands, **{name: options[name] for name in names})
        return of_members(what, request_of("-", as_json=as_json, **changes).changes, folder)
    except Fault as fault:
        fail(request_of("-", color=options["color"], as_json=as_json), one(fault.diagnostic))
