"""What `archdsl log` shows: what was sent of each run."""

from __future__ import annotations

from collections.abc import Sequence

from archdsl import __version__
from archdsl.records import documented
from archdsl.tracking.runs import RunFolder
from archdsl.tracking.sending import Outcome
from archdsl.views.tables import table


@documented
class LoggedRun:
    """A run folder, and what a tracker has of it."""

    folder: str
    run: str
    """What identifies it there: W&B's id, MLflow's tag archdsl.run, the end of its name elsewhere."""
    new: int
    """Epochs that were sent now."""
    epochs: int
    """Epochs that were sent in all."""
    length: int | None
    """Epochs that it trains for; null where its folder does not say."""
    complete: bool


@documented
class LogReport:
    """`archdsl log --format json`: what was sent where."""

    archdsl: str
    """The version of archdsl."""
    tracker: str
    into: str | None
    """Where it writes, as it was named; null for the tracker's own folder."""
    project: str
    runs: list[LoggedRun]


def log_report(to: str, into: str | None, project: str, found: Sequence[tuple[RunFolder, Outcome]]) -> LogReport:
    """The JSON of what was sent."""
    runs = [
        LoggedRun(folder.shown(), each.identity, each.new, each.epochs, each.length, each.complete)
        for folder, each in found
    ]
    return LogReport(archdsl=__version__, tracker=to, into=into, project=project, runs=runs)


def log_text(to: str, into: str | None, found: Sequence[tuple[RunFolder, Outcome]]) -> str:
    """A line for each run."""
    rows = [
        [folder.shown(), each.identity, each.new, each.epochs, each.length, "complete" if each.complete else "open"]
        for folder, each in found
    ]
    return f"to {to}{f', {into}' if into is not None else ''}\n\n" + table(
        ["run", "there", "new", "epochs", "of", "state"], rows
    )


def log_line(folder: RunFolder, outcome: Outcome) -> str:
    """How far a run is that is followed."""
    of = f" of {outcome.length}" if outcome.length is not None else ""
    return f"{folder.shown()}: {outcome.epochs}{of} epochs sent"


__all__ = ["LogReport", "LoggedRun", "log_line", "log_report", "log_text"]
