"""`archdsl study search`: members of a space are chosen by what was measured of others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from archdsl.commands.common import fail, library, one
from archdsl.commands.completing import spaces
from archdsl.commands.options import (
    WithScriptOptions,
    color_option,
    format_option,
    given,
    recipe_option,
    script_options,
)
from archdsl.commands.space.common import band_option, bands_of, looking, opened, seed_option
from archdsl.commands.study.common import jobs_option, refusing
from archdsl.commands.study.searching import end_search, search_trials
from archdsl.diagnostics import Fault

if TYPE_CHECKING:
    from archdsl.spaces.opened import Opened
    from archdsl.studies.search.begin import Wanted

SAMPLERS = ("random", "tpe", "nsga2")
PRUNERS = ("median", "percentile", "halving", "hyperband")
QUIET = 30
"""Optuna says what is a warning, and no more."""


@click.command(
    cls=WithScriptOptions,
    short_help="Choose members by what was measured of others.",
    options_metavar="[OPTIONS] [-- SCRIPT OPTIONS]",
    epilog="""
\b
Examples:
  archdsl study search spaces.arch:NAME --trials 50 --recipe NAME --data IMAGES -o found/
  archdsl study search spaces.arch:NAME --objective error --objective flops --sampler nsga2 -o found/
  archdsl study search spaces.arch:NAME --objective reward --step-time 0.21 -o found/
  archdsl study search spaces.arch:NAME --band flops=360M..400M --sampler random --trials 25 -o found/
  archdsl study search spaces.arch:NAME --storage postgresql+psycopg://user@host/searches -o found/
  optuna-dashboard sqlite:///found/optuna.db

Objectives are error, loss, accuracy, seconds and step_time, which are measured; flops, params, acts and memory, which
are counted without training; and reward, the space's own. Samplers are Optuna's; what they suggest is taken to the
nearest member that nobody has taken, and they learn from that. DIR is a study: `status`, `work` and its results are as
of any other. The same command again goes on; more --trials extend it. Needs the extra archdsl[search].
""",
)
@click.argument("space", metavar="SPACE", shell_complete=spaces)
@click.option(
    "-o", "--output", "folder", required=True, metavar="DIR", type=click.Path(path_type=Path), help="The study."
)
@click.option(
    "--sampler",
    type=click.Choice(SAMPLERS),
    help="How members are chosen.  [default: tpe; nsga2 for several objectives]",
)
@click.option("--trials", type=click.IntRange(1, 1_000_000), default=50, show_default=True, help="Members in all.")
@click.option(
    "--objective", "names", multiple=True, metavar="NAME", help="What is sought; repeatable.  [default: error]"
)
@band_option
@seed_option
@recipe_option
@click.option("--data", metavar="PATH", help="Images: a folder, shards, a data set on disk.  [default: digits]")
@click.option("--device", metavar="NAME", help="cpu, cuda, cuda:1, …  [default: a GPU if there is one]")
@click.option("--seeds", type=click.IntRange(1, 1000), default=1, show_default=True, help="Trainings of each member.")
@click.option("--retries", type=click.IntRange(0, 100), default=1, show_default=True, help="Of a trial that fails.")
@click.option(
    "--startup", type=click.IntRange(2, 100_000), help="Draws before TPE learns (10); NSGA-II's population (20)."
)
@click.option(
    "--pool", type=click.IntRange(1, 1_000_000), default=1000, show_default=True, help="Members to choose from."
)
@click.option("--max-draws", "most", type=click.IntRange(1, 10**12), default=10_000_000, show_default=True, metavar="N")
@click.option("--step-time", "step_unit", type=float, metavar="SECONDS", help="The reward's unit: the baseline's.  [1]")
@click.option("--storage", metavar="URL", help="Optuna's storage.  [default: optuna.db in DIR]")
@click.option("--pruner", type=click.Choice(PRUNERS), help="End trainings early, by their error after each epoch.")
@jobs_option
@click.option("--threads", type=click.IntRange(1, 1024), metavar="N", help="Of each training.  [default: cores / jobs]")
@format_option("text", "json")
@color_option
def search(space: str, folder: Path, data: str | None, device: str | None, format_: str, **options: Any) -> None:
    """Search SPACE for members of small error, cost, or both, or of large reward; train what is proposed."""
    library("optuna", "a search needs", "search").logging.set_verbosity(QUIET)
    from archdsl.studies.local import cores
    from archdsl.studies.search.begin import begin, source_of
    from archdsl.studies.search.proposals import MemberFault
    from archdsl.studies.study import head_of, kept_threads

    as_json = format_ == "json"
    found, request = opened(space, None, color=options["color"], as_json=as_json)
    words = [*given("--data", data), *given("--device", device), *script_options()]
    jobs, chosen = options["jobs"], {name: options[name] for name in ("seeds", "retries", "recipe", "pruner")}
    with refusing():
        wanted = _wanted(found, options)
        source = source_of(found, (request.file, request.shown), folder, wanted)
        threads = options["threads"] or kept_threads(folder) or max(1, cores() // (jobs or cores()))
        head = head_of(source.words, threads=threads, words=words, **chosen)
        try:
            with looking("drawing") as tell_progress:
                searching = begin(found, folder, head, wanted, tell_progress)
            interrupted = search_trials(searching, jobs, as_json=as_json)
        except MemberFault as fault:
            fail(request, fault.diagnostics)
        except Fault as fault:  # of the space's reward
            fail(request, one(fault.diagnostic))
        end_search(searching, interrupted=interrupted, as_json=as_json)


def _wanted(found: Opened, options: dict[str, Any]) -> Wanted:
    """What is asked for; ends the command where that is none."""
    from archdsl.studies.objectives import ObjectiveFault, objectives_of
    from archdsl.studies.search.begin import Wanted
    from archdsl.studies.search.proposals import Asked
    from archdsl.studies.search.sampler import STARTUP, Kind

    try:
        objectives = objectives_of(options["names"] or ("error",), found.space)
    except ObjectiveFault as fault:
        raise click.BadParameter(str(fault), param_hint="--objective") from None
    if options["pruner"] is not None and [each.name for each in objectives] != ["error"]:
        raise click.UsageError("--pruner compares errors after an epoch: the error is then the only objective.")
    step_unit = options["step_unit"] if options["step_unit"] is not None else 1.0
    if not 0 < step_unit < float("inf"):
        raise click.BadParameter("the baseline's step takes more than no time", param_hint="--step-time")
    sampler: Kind = options["sampler"] or ("tpe" if len(objectives) == 1 else "nsga2")
    startup = options["startup"] or STARTUP[sampler]
    asked = Asked(sampler, options["seed"], startup, options["pool"])
    names = {"most": options["most"], "storage": options["storage"], "trials": options["trials"]}
    return Wanted(objectives, asked, bands_of(options["bands"]), step_unit=step_unit, **names)
