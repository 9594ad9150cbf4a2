"""`archdsl log`: the epochs of run folders, sent to a tracker."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archdsl.cli import INTERRUPTED
from archdsl.commands.common import library, say, say_json
from archdsl.commands.options import format_option
from archdsl.files import escaped

if TYPE_CHECKING:
    from archdsl.tracking.runs import RunFolder
    from archdsl.tracking.sending import Outcome
    from archdsl.tracking.tracker import Tracker

EPILOG = """
\b
Examples:
  archdsl log runs/first --to tensorboard              and then tensorboard --logdir tensorboard
  archdsl log runs/first --to mlflow                   a SQLite file, mlflow.db
  archdsl log runs/* --to mlflow --project digits
  archdsl log runs/first --to wandb --follow           while it trains, offline
  archdsl log runs/first --to trackio                  and then trackio show

The same command again sends what is new. What was sent where stands in the run folder's logged.json. Nothing goes over
the network but to an address that --into names.
"""


TRACKERS: dict[str, str | None] = {"tensorboard": "tensorboard", "mlflow": "mlflow.db", "wandb": ".", "trackio": None}
"""Tracker -> where it writes if nothing is said. The library that it needs and our extra have its name."""


@click.command(short_help="Send the epochs of runs to TensorBoard, MLflow, W&B or trackio.", epilog=EPILOG)
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path, file_okay=False))
@click.option("--to", "to", type=click.Choice(list(TRACKERS)), required=True, help="The tracker.")
@click.option(
    "--into",
    metavar="PLACE",
    help="A folder; for mlflow a SQLite file, or an address with ://.  [default: tensorboard, mlflow.db, the current "
    "folder's wandb, trackio's own folder]",
)
@click.option("--project", metavar="NAME", default="archdsl", help="The project or experiment.  [default: archdsl]")
@click.option("--follow", is_flag=True, help="Go on while the run trains, until it is complete. One RUN.")
@click.option("--again", is_flag=True, help="Log as a new run, whatever was sent before.")
@format_option("table", "json")
def command(
    runs: tuple[Path, ...], to: str, into: str | None, project: str, follow: bool, again: bool, format_: str
) -> None:
    """Send what the run folders RUN hold in metrics.jsonl to a tracker."""
    from archdsl.tracking.runs import RunFolder
    from archdsl.tracking.sending import Sending
    from archdsl.tracking.tracker import TrackerFault
    from archdsl.views.log import log_report, log_text

    if follow and len(runs) > 1:
        raise click.UsageError("--follow takes one run")
    if not _is_name(project):
        raise click.BadParameter("letters, digits, '.', '_' and '-', and at most 60 of them", param_hint="--project")
    where = into if into is not None else TRACKERS[to]
    if where == "":
        raise click.BadParameter("it is empty", param_hint="--into")
    make = _maker(to, where)
    library(to, f"--to {to} needs", to)
    sending = Sending(
        key=f"{to} {_absolute(where) if where is not None else 'default'} {project}",
        make=make,
        project=project,
        again=again,
        follow=follow,
        tell=_tell if follow and format_ != "json" else lambda _folder, _outcome: None,
    )
    folders = [RunFolder(run) for run in runs]
    try:
        for folder in folders:
            folder.epochs()  # nothing is sent where one of them is none
        found = [(folder, sending.run(folder)) for folder in folders]
    except TrackerFault as fault:
        raise click.ClickException(str(fault)) from None
    except KeyboardInterrupt:
        click.echo("stopped; the same command goes on", err=True)
        raise click.exceptions.Exit(INTERRUPTED) from None
    shown = escaped(where) if where is not None else None
    if format_ == "json":
        say_json(log_report(to, shown, project, found))
    else:
        say(log_text(to, shown, found))


def _maker(to: str, where: str | None) -> Callable[[], Tracker]:
    """What makes the tracker, once its library is needed; what that reads when it is loaded is set now."""
    if to == "tensorboard":
        from archdsl.tracking import to_tensorboard

        return lambda: to_tensorboard.TensorBoard(where or "")
    if to == "mlflow":
        from archdsl.tracking import to_mlflow

        to_mlflow.report_nothing()
        return lambda: to_mlflow.MLflow(where or "")
    if to == "wandb":
        from archdsl.tracking import to_wandb

        to_wandb.report_nothing()
        return lambda: to_wandb.WandB(where or "")
    from archdsl.tracking import to_trackio

    to_trackio.write_to(where)
    return lambda: to_trackio.Trackio(where)


def _absolute(where: str) -> str:
    return where if "://" in where else os.path.abspath(where)


def _is_name(text: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}", text) is not None


def _tell(folder: RunFolder, outcome: Outcome) -> None:
    from archdsl.views.log import log_line

    click.echo(log_line(folder, outcome), err=True)
