"""What the commands of studies share: their options, running trials, and what is said in the end."""

from __future__ import annotations

import shlex
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archdsl.cli import INTERRUPTED
from archdsl.commands.common import say, say_json
from archdsl.commands.options import AnyFunction
from archdsl.commands.progress import studying
from archdsl.training.entry_point import OptionFault

if TYPE_CHECKING:
    from archdsl.studies.engine import Engine
    from archdsl.studies.study import Study
    from archdsl.studies.trial import Outcome
    from archdsl.views.study import StudyReport

RESULTS_EVERY = 5.0
"""Seconds, at least, between two writings of results.jsonl."""


def jobs_option(function: AnyFunction) -> AnyFunction:
    """`--jobs` of a study."""
    help_ = "Trials at a time.  [default: the cores of this machine, by the threads of a training; 1 on a GPU]"
    return click.option("--jobs", type=click.IntRange(1, 1024), metavar="N", help=help_)(function)


def engine_options(function: AnyFunction) -> AnyFunction:
    """`--engine`, `--address`: where the trials of a study are run."""
    function = click.option("--address", metavar="HOST:PORT", help="A Ray cluster that runs; auto: the one of here.")(
        function
    )
    return click.option(
        "--engine",
        type=click.Choice(["local", "ray"]),
        default="local",
        show_default=True,
        help="Processes of this machine, or tasks of Ray on several.",
    )(function)


def engine_of(name: str, address: str | None) -> Engine | None:
    """The engine that was asked for; none is that of this machine."""
    if name == "local":
        if address is not None:
            raise click.UsageError("--address is that of a Ray cluster: it takes --engine ray.")
        return None
    from archdsl.studies.on_ray import OnRay

    return OnRay(address)


def study_folder(function: AnyFunction) -> AnyFunction:
    """DIR, a study."""
    return click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))(function)


@contextmanager
def refusing() -> Iterator[None]:
    """What a study or the machine refuses is a fault of the command line."""
    from archdsl.studies.ledger import StudyFault
    from archdsl.studies.members import Refused

    try:
        yield
    except (StudyFault, Refused) as fault:
        raise click.ClickException(str(fault)) from None
    except OptionFault as fault:
        raise click.UsageError(str(fault)) from None


def run_trials(
    study: Study, numbers: Sequence[int], jobs: int | None, *, as_json: bool, engine: Engine | None = None
) -> bool:
    """Bring trials of a study to their ends, on this machine or by another engine; whether that was interrupted.

    Raises `StudyFault`.
    """
    from archdsl.studies.engine import Work
    from archdsl.studies.local import run_local
    from archdsl.views.study import finished_line

    threads = study.head.threads
    total, written = len(study.numbers()), time.monotonic()
    done = total - len(study.unfinished())
    with studying(total) as tell_progress, stopping_on_request() as (stopping, interrupted):

        def told(outcome: Outcome) -> None:
            nonlocal done, written
            done += 1
            if not as_json and outcome.result is not None:
                tell_progress(done, finished_line(outcome.result, done, total))
            if time.monotonic() - written > RESULTS_EVERY:
                study.write_results()
                written = time.monotonic()

        try:
            (engine or run_local)(Work(study, numbers, jobs, threads, lambda _: None, told, stopping))
        finally:
            study.write_results()
    return bool(interrupted)


@contextmanager
def stopping_on_request() -> Iterator[tuple[threading.Event, list[int]]]:
    """An event that is set by a request to end this process, and the requests that came."""
    stopping = threading.Event()
    came: list[int] = []

    def ask(number: int, _: object) -> None:
        came.append(number)
        stopping.set()

    before = {}
    try:
        for name in (signal.SIGINT, signal.SIGTERM):
            before[name] = signal.signal(name, ask)
    except ValueError:  # not the main thread, which alone is told of signals
        pass
    try:
        yield stopping, came
    finally:
        for number, action in before.items():
            signal.signal(number, action)


def report_of(study: Study) -> StudyReport:
    """How far a study is."""
    from archdsl.views.study import study_report

    trials = []
    for each in study.trials():
        last = each.attempts[-1].reason if each.attempts else ""
        reason = each.result.reason if each.result is not None else last
        trials.append((each.number, each.state, len(each.attempts), reason, each.result))
    done = [each for *_, each in trials if each is not None and each.error is not None]
    best = min(done, key=lambda each: (each.error or 0.0, each.trial), default=None)
    row = study.result_row(best) if best is not None else None
    return study_report(str(study.folder), len(study.rows), trials, row)


def finish_study(study: Study, *, interrupted: bool, as_json: bool) -> None:
    """Say how far a study is, and end with 1 where a trial did not come to its end."""
    from archdsl.views.study import study_text

    report = report_of(study)
    if as_json:
        say_json(report)
    else:
        say(study_text(report))
    if interrupted:
        work = f"archdsl study work {shlex.quote(str(study.folder))}"
        click.echo(f"stopped; the same command, or {work}, goes on", err=True)
        raise click.exceptions.Exit(INTERRUPTED)
    if any(state in report.states for state in ("diverged", "refused", "failed")):
        raise click.exceptions.Exit(1)
