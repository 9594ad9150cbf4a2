"""`archdsl train`: a model is compiled into a run folder, and its training entry point is started there.

The folder holds what is needed to repeat the run (`archdsl.training.run_folder`). The same command again goes on with
the run: the entry point finds its last checkpoint. PyTorch is loaded by the started process alone.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from archdsl.cli import INTERRUPTED
from archdsl.commands.common import Request, compiled, finish, request_of, say, say_json, warn
from archdsl.commands.options import (
    change_options,
    changes_in_words,
    chosen_name,
    classes_option,
    format_option,
    name_option,
    network_argument,
    processes_option,
    recipe_option,
    without_short_forms,
)
from archdsl.commands.sweeping import Sweep, sweep, sweep_options
from archdsl.compiler import Compiled
from archdsl.project import Project
from archdsl.training.entry_point import OptionFault
from archdsl.training.plan import Plan, plan_of
from archdsl.training.run_folder import FolderFault
from archdsl.training.start import StartFault, check_signal, train

EPILOG = """
\b
Examples:
  archdsl train net.arch                              on scikit-learn's digits
  archdsl train net.arch --recipe NAME --data IMAGES --processes 8 -o runs/first
  archdsl train net.arch --scale NAME:4 --dry-run
  archdsl train net.arch -- --epochs 5 --lr 0.1       options of the emitted script
  archdsl train net.arch -- --help                    what they are
  archdsl train net.arch --sweep 'lr ~ log_uniform(0.01 .. 1)' --count 20 -o runs/rates

The run folder holds what repeats the run: network, entry point, resolved model and recipe, every setting, the
environment, and the command lines. The same command again goes on from the last checkpoint; a folder that holds
another run is refused. Paths among the script's options are taken from the current folder.

With --sweep the folder is a study, with a run folder for each draw; its results.jsonl is a population.
"""


@click.command(short_help="Train a model by a recipe, in a folder that can repeat the run.", epilog=EPILOG)
@network_argument
@click.argument("extra", metavar="[-- SCRIPT OPTIONS]", nargs=-1, type=click.UNPROCESSED)
@recipe_option
@click.option("--data", metavar="PATH", help="Images: a folder, shards, a data set on disk.  [default: digits]")
@click.option("-o", "--output", "folder", metavar="DIR", help="The run folder.  [default: runs/NAME-RECIPE]")
@processes_option
@click.option("--device", metavar="NAME", help="cpu, cuda, cuda:1, …  [default: a GPU if there is one]")
@name_option
@sweep_options
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@classes_option
@change_options
@format_option("table", "json")
def command(
    file: str,
    extra: tuple[str, ...],
    data: str | None,
    folder: str | None,
    processes: int,
    device: str | None,
    name: str | None,
    dry_run: bool,
    classes: int | None,
    format_: str,
    drawn: Sweep,
    **options: Any,
) -> None:
    """Train a model by a recipe: compile it into a run folder, and start it there."""
    from archdsl.emission import NoEmission, not_used
    from archdsl.views.train import train_report, wanted_of

    drawn.verify(folder, processes)
    changes = changes_in_words(options, classes)
    typed = ["archdsl", "train", file, *[part for text in changes for part in text.split(" ", 1)]]
    for word, value in (("--recipe", options["recipe"]), ("--data", data), ("-o", folder), ("--device", device)):
        typed += [word, value] if value is not None else []
    typed += ["--processes", str(processes)] if processes > 1 else []
    typed += ["--name", name] if name is not None else []
    typed += ["--", *extra] if extra else []
    request = request_of(file, as_json=format_ == "json", **without_short_forms(options, classes))
    result = compiled(request)
    asked = [f"--data={data}"] if data is not None else []
    asked += [f"--device={device}"] if device is not None else []
    chosen = chosen_name(name, result, options)
    with _refusing():
        try:
            wanted = wanted_of(result, Project(request.file), chosen, request.shown, changes)
        except (NoEmission, ValueError) as fault:
            raise click.ClickException(str(fault)) from None
        warn(result, request, not_used(result))
        if drawn.texts:
            changed = without_short_forms(options, classes)
            sweep(file, request, wanted, drawn, Path(folder or ""), [*asked, *extra], changed, dry_run=dry_run)
            return
        plan = plan_of(wanted, folder, [*asked, *extra], processes)
        code, interrupted = None, False
        if dry_run:
            _tell(plan, result, request, dry_run=True)
        else:
            with plan.ready() as inherited:  # before a word: where none can be said, the run can be started again
                _tell(plan, result, request, dry_run=False)
                spec = Project(request.file).folder
                code, interrupted = train(plan, typed, spec, inherited, quiet=request.as_json)
        if request.as_json:
            say_json(train_report(plan, result, request.file, code, dry_run=dry_run))
        if interrupted and code:
            raise click.exceptions.Exit(INTERRUPTED)
        if code:
            check_signal(plan, code)
            raise click.exceptions.Exit(code if code == click.UsageError.exit_code else 1)
    finish(result)


def _tell(plan: Plan, result: Compiled, request: Request, *, dry_run: bool) -> None:
    if not request.as_json:
        from archdsl.views.train import train_text

        say(train_text(plan, result, dry_run=dry_run))


@contextlib.contextmanager
def _refusing() -> Iterator[None]:
    """What the folder, the script or the machine refuses is a fault of the command line."""
    try:
        yield
    except (FolderFault, StartFault) as fault:
        raise click.ClickException(str(fault)) from None
    except OptionFault as fault:
        raise click.UsageError(str(fault)) from None
