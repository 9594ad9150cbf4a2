"""What `archdsl study` shows: what a study is, how far it is, and what came of its trials."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from archdsl import __version__
from archdsl.records import documented
from archdsl.views.tables import table


@documented
class StudyFile:
    """`study.json` of a study's folder: what is studied. The members stand in `population.jsonl`, a row each."""

    form: int
    """Of this file."""
    archdsl: str
    """The version that made the study."""
    source: dict[str, Any]
    """Where the members come from, and how they were chosen."""
    seeds: int
    """Trainings of each member: trial t is of row t // seeds."""
    threads: int
    """Of each training. Figures may depend on it, so it stays."""
    recipe: str | None
    """None: the member's own."""
    changes: dict[str, Any]
    """What is changed in every member: `settings`, `scalings` and `input`, as the command line has them."""
    options: list[str]
    """Columns of the population that are options of the training script."""
    words: list[str]
    """Options of the training script for all trials."""
    pruner: str | None
    """What ends trials early."""
    retries: int
    """How often a trial that failed is tried again."""


@documented
class TrialResult:
    """What came of a trial: `trials/0007.json`, and behind the member's columns a row of `results.jsonl`."""

    trial: int
    status: Literal["done", "pruned", "diverged", "refused", "failed"]
    reason: str
    """Why it is not done; empty where it is."""
    error: float | None
    """The share of validation images that are told wrong after the last epoch; none where the trial is not done."""
    best_error: float | None
    """The least of all epochs, of a trial that is done."""
    last_error: float | None
    """That of the last epoch that ended, done or not."""
    loss: float | None
    """Validation loss of the last epoch that ended."""
    train_loss: float | None
    epochs: int
    """Those that ended."""
    steps: int
    training_seed: int | None
    seconds: float
    """Wall time of all attempts whose end was seen."""
    cpu_seconds: float
    """Time on processors of the same attempts."""
    epoch_seconds: float | None
    """Mean wall time of an epoch, with its validation."""
    peak_memory: int | None
    """Bytes that the training process had in memory at most."""
    attempts: int


NOT_THERE = dict.fromkeys(("error", "best_error", "last_error", "loss", "train_loss", "epoch_seconds"))
"""The figures of a trial of which no epoch ended."""


def measured(lines: list[dict[str, Any]], *, done: bool) -> dict[str, Any]:
    """The figures of a trial's epochs, whose lines its training wrote."""
    if not lines:
        return {**NOT_THERE, "epochs": 0, "steps": 0}
    last = lines[-1]
    errors = [1 - line["val_accuracy"] for line in lines]
    return {
        "error": errors[-1] if done else None,
        "best_error": min(errors) if done else None,
        "last_error": errors[-1],
        "loss": last["val_loss"],
        "train_loss": last["train_loss"],
        "epochs": len(lines),
        "steps": last["step"],
        "epoch_seconds": round(sum(line["seconds"] for line in lines) / len(lines), 3),
    }


# What the commands say


@documented
class TrialReport:
    """A trial that has not ended well."""

    trial: int
    state: str
    """waiting, running, stopped, pruned, diverged, refused or failed."""
    attempts: int
    reason: str
    """Of its end, or of the last attempt's."""


@documented
class StudyReport:
    """`archdsl study run`, `work` and `status`, `--format json`: how far a study is."""

    archdsl: str
    folder: str
    members: int
    trials: int
    states: dict[str, int]
    """How many trials are in each state that there is."""
    finished: bool
    """Whether every trial has ended for good."""
    left: int
    """Trials that have not ended for good."""
    seconds_per_trial: float | None
    """Mean wall time of the trials that are done."""
    training_seconds: float
    """Wall time of all attempts of trials that have ended."""
    cpu_seconds: float
    peak_memory: int | None
    """Of the training that had most in memory, in bytes."""
    best: dict[str, Any] | None
    """The trial with the least error, as a row of results.jsonl."""
    exceptions: list[TrialReport]
    """The trials that run, were stopped, or ended otherwise than done, in their order."""


STATES = ("done", "pruned", "diverged", "refused", "failed", "running", "stopped", "waiting")


def study_report(
    folder: str,
    members: int,
    trials: Sequence[tuple[int, str, int, str, TrialResult | None]],
    best: dict[str, Any] | None,
) -> StudyReport:
    """How far a study is; of each trial its number, state, attempts, reason and result."""
    results = [each for *_, each in trials if each is not None]
    done = [each.seconds for each in results if each.status == "done"]
    counts = {state: sum(1 for _, found, *_ in trials if found == state) for state in STATES}
    return StudyReport(
        archdsl=__version__,
        folder=folder,
        members=members,
        trials=len(trials),
        states={state: count for state, count in counts.items() if count},
        finished=len(results) == len(trials),
        left=len(trials) - len(results),
        seconds_per_trial=round(sum(done) / len(done), 3) if done else None,
        training_seconds=round(sum(each.seconds for each in results), 3),
        cpu_seconds=round(sum(each.cpu_seconds for each in results), 3),
        peak_memory=max([each.peak_memory for each in results if each.peak_memory is not None], default=None),
        best=best,
        exceptions=[
            TrialReport(number, state, attempts, reason)
            for number, state, attempts, reason, _ in trials
            if state not in ("done", "waiting")
        ],
    )


MOST_SHOWN = 20
"""Trials that a text names one by one."""


def study_text(report: StudyReport) -> str:
    """How far a study is, for a reader."""
    shown = [f"{report.states[state]:,} {state}" for state in STATES if state in report.states]
    lines = [f"{report.folder}: {report.members:,} members, {report.trials:,} trials: {', '.join(shown) or 'none'}"]
    told = [each for each in report.exceptions if each.state != "pruned"]
    if told:
        cells = [(each.trial, each.state, each.attempts, each.reason) for each in told[:MOST_SHOWN]]
        lines += ["", table(("trial", "state", "attempts", "reason"), cells).rstrip("\n")]
        more = len(told) - MOST_SHOWN
        lines += [f"and {more:,} more"] if more > 0 else []
        lines += [""]
    if report.training_seconds:
        memory = f", at most {report.peak_memory / 1e6:,.0f} MB" if report.peak_memory else ""
        lines.append(f"training {report.training_seconds:,.1f} s, {report.cpu_seconds:,.1f} s of processors{memory}")
    if report.left:
        pace = f", {report.seconds_per_trial:,.1f} s each" if report.seconds_per_trial is not None else ""
        lines.append(f"left {report.left:,} trials{pace}")
    if report.best is not None:
        lines.append(f"least error {report.best['error']:.4f}, of trial {report.best['trial']}")
    return "\n".join(lines) + "\n"


def finished_line(result: TrialResult, done: int, of: int) -> str:
    """A line for a trial that has ended."""
    figures = f"error {result.error:.4f}" if result.error is not None else result.reason
    return f"[{done}/{of}] trial {result.trial} {result.status}, {result.seconds:.1f} s: {figures}"
