"""Running a search, and what is said in the end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from archdsl.cli import INTERRUPTED
from archdsl.commands.common import say, say_json
from archdsl.commands.progress import studying
from archdsl.commands.study.common import RESULTS_EVERY, stopping_on_request

if TYPE_CHECKING:
    from archdsl.studies.search.run import Searching
    from archdsl.studies.trial import Outcome
    from archdsl.views.search import SearchReport


def search_trials(searching: Searching, jobs: int | None, *, as_json: bool) -> bool:
    """Propose and train on this machine; whether that was interrupted. Raises `StudyFault`, and `MemberFault`."""
    from archdsl.studies.local import cores, is_warm
    from archdsl.views.study import finished_line

    study, threads = searching.study, searching.study.head.threads
    total, written = searching.trials * study.head.seeds, time.monotonic()
    done = len(study.numbers()) - len(study.unfinished())
    with studying(total) as tell_progress, stopping_on_request() as (stopping, came):

        def told(outcome: Outcome | None) -> None:
            nonlocal done, written
            done += 1
            if not as_json and outcome is not None and outcome.result is not None:
                tell_progress(done, finished_line(outcome.result, done, total))
            if outcome is not None and time.monotonic() - written > RESULTS_EVERY:
                study.write_results()
                written = time.monotonic()

        try:
            searching.run(
                jobs=jobs or (max(1, cores() // threads) if is_warm(study) else 1),
                threads=threads,
                told=told,
                stopping=stopping,
            )
        finally:
            if searching.judge.trains:
                study.write_results()
    return bool(came)


def end_search(searching: Searching, *, interrupted: bool, as_json: bool) -> None:
    """Say what was found, and end with 1 where a member did not come to its end, or nothing was found."""
    from archdsl.views.search import search_text

    report = report_of(searching)
    if as_json:
        say_json(report)
    else:
        say(search_text(report))
    if interrupted:
        click.echo("stopped; the same command goes on", err=True)
        raise click.exceptions.Exit(INTERRUPTED)
    states = {each.state for each in report.members}
    if states & {"diverged", "refused", "failed"} or not report.members:
        raise click.exceptions.Exit(1)


def report_of(searching: Searching) -> SearchReport:
    """The members that were proposed, with what came of them."""
    from archdsl.studies.objectives import front
    from archdsl.studies.search.storage import shown_url
    from archdsl.views.search import ObjectiveReport, found_report, search_report

    study, judge = searching.study, searching.judge
    found, losses, known = [], [], []
    for number, row in enumerate(study.rows):
        figures = searching.figures(number)
        values = searching.values(number)
        if values is not None:
            losses.append([each.loss(value) for each, value in zip(judge.objectives, values, strict=True)])
            known.append(number)
        named = dict(zip([each.name for each in judge.objectives], values, strict=True)) if values is not None else None
        found.append(found_report(number, row, figures, named))
    return search_report(
        str(study.folder),
        study.head.source["search"],
        judge.opened.space.name,
        (shown_url(searching.place.url), searching.place.name),
        searching.trials,
        found,
        [known[place] for place in front(losses)],
        [ObjectiveReport(each.name, each.direction) for each in judge.objectives],
        exhausted=searching.exhausted,
    )


__all__ = ["end_search", "report_of", "search_trials"]
