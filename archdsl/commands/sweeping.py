"""`archdsl train --sweep`: settings of training are drawn, and a study of one network is made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from archdsl.commands.common import Request, fail, say, say_json
from archdsl.records import dataclass

if TYPE_CHECKING:
    from archdsl.spaces.sweep import Swept
    from archdsl.spaces.tables import Cell
    from archdsl.training.plan import Wanted

COUNT = 20


@dataclass(frozen=True)
class Sweep:
    """What `sweep_options` gave."""

    texts: tuple[str, ...]
    """The draws; without one, the other options say nothing."""
    count: int | None
    seed: int | None
    seeds: int | None
    retries: int | None
    jobs: int | None

    def verify(self, folder: str | None, processes: int) -> None:
        """Raises `click.UsageError` for options that do not go together."""
        given = {name: getattr(self, name) for name in ("count", "seed", "seeds", "retries", "jobs")}
        lonely = [name for name, value in given.items() if value is not None and not self.texts]
        if lonely:
            raise click.UsageError(f"--{lonely[0]} goes with --sweep. Options of the training script stand behind --.")
        if self.texts and folder is None:
            raise click.UsageError("--sweep needs -o, the folder of the study.")
        if self.texts and processes > 1:
            raise click.UsageError("--sweep trains on one process each; --jobs says how many at a time.")


def sweep_options(function: Callable[..., None]) -> Callable[..., None]:
    """`--sweep`, and what goes with it; the command gets them as one `drawn`."""
    options = (
        click.option(
            "--sweep",
            "sweeps",
            metavar="'NAME ~ LAW'",
            multiple=True,
            help="Draw a setting of the training script: 'lr ~ log_uniform(0.01 .. 1)'. Repeatable.",
        ),
        click.option(
            "--count",
            type=click.IntRange(1, 1_000_000),
            help=f"Draws of --sweep.  [default: {COUNT}, or those there are]",
        ),
        click.option("--seed", type=click.IntRange(0, 2**63 - 1), help="Of the draws.  [default: 0]"),
        click.option("--seeds", type=click.IntRange(1, 1000), help="Trainings of each draw.  [default: 1]"),
        click.option("--retries", type=click.IntRange(0, 100), help="Of a training that fails.  [default: 1]"),
        click.option(
            "--jobs", type=click.IntRange(1, 1024), metavar="N", help="Trainings at a time.  [default: cores]"
        ),
    )

    @wraps(function)
    def asked(sweeps: tuple[str, ...], **others: Any) -> None:
        own = {name: others.pop(name) for name in ("count", "seed", "seeds", "retries", "jobs")}
        function(drawn=Sweep(sweeps, **own), **others)

    for option in reversed(options):
        asked = option(asked)
    return asked


def drawn_words(request: Request) -> list[str]:
    """The options of the training script that a study has drawn for the row that is trained."""
    if request.row is None:
        return []
    from archdsl.commands.study.common import refusing
    from archdsl.studies.sources import options_of
    from archdsl.training.entry_point import flag

    with refusing():
        return [f"{flag(name)}={request.row.cells[name]}" for name in options_of([request.row.text])]


def sweep(
    file: str,
    request: Request,
    wanted: Wanted,
    drawn: Sweep,
    folder: Path,
    words: Sequence[str],
    options: Mapping[str, Any],
    *,
    dry_run: bool,
) -> None:
    """Draw the settings, and train the network with each of them; ends the command where something is at fault.

    `file` is the network as it was named, `words` are options of the script, `options` those of the network.
    """
    from archdsl.commands.study.common import finish_study, refusing, run_trials
    from archdsl.spaces.population import INDEX, SEED
    from archdsl.spaces.sweep import settings_drawn
    from archdsl.studies.local import cores
    from archdsl.studies.sources import made, of_members, with_draws
    from archdsl.studies.study import head_of, kept_threads
    from archdsl.views.sweep import sweep_report, sweep_text, trained_text

    if request.file == "-":
        raise click.UsageError("--sweep trains a network of a file: standard input cannot be read again.")
    seed, seeds = drawn.seed or 0, drawn.seeds or 1
    swept = _swept(request, wanted, drawn.texts, words)
    draws = _refusing_draws(lambda: settings_drawn(swept, seed, drawn.count or COUNT))
    names = [each.draw.name for each in swept]
    if dry_run:
        report = sweep_report(request.shown, wanted.recipe.name, str(folder), seed, seeds, swept, draws)
        if request.as_json:
            say_json(report)
        else:
            say(sweep_text(report))
        return
    named = f"{file}:{options['model']}" if options["model"] is not None else file
    with refusing():
        members = [{INDEX: number, SEED: seed, **cells} for number, cells in enumerate(draws)]
        laws = {"sweep": {each.draw.name: each.text for each in swept}, "seed": seed}
        source = with_draws(of_members([named], request.changes, folder), members, laws, more=drawn.count is not None)
        threads = kept_threads(folder) or max(1, cores() // (drawn.jobs or cores()))
        head = head_of(
            source.words,
            threads=threads,
            seeds=seeds,
            retries=1 if drawn.retries is None else drawn.retries,
            recipe=request.changes.recipe,
            changes={
                "settings": list(options["settings"]),
                "scalings": list(request.changes.scalings),
                "input": options["input_"],
            },
            options=names,
            words=words,
        )
        study = made(folder, source, head)
        interrupted = run_trials(study, study.unfinished(), drawn.jobs, as_json=request.as_json)
        if not request.as_json:
            say(trained_text(names, study.results(), str(folder)))
        finish_study(study, interrupted=interrupted, as_json=request.as_json)


def _swept(request: Request, wanted: Wanted, sweeps: Sequence[str], words: Sequence[str]) -> list[Swept]:
    """What is drawn, checked against the options of the script."""
    from archdsl.diagnostics import Diagnostics
    from archdsl.spaces.sweep import sweep_of
    from archdsl.training.entry_point import EntryPoint, flag

    entry = EntryPoint.of(wanted.script, wanted.texts[wanted.script][1])
    diagnostics = Diagnostics()
    swept = sweep_of(sweeps, entry.options, diagnostics)
    if diagnostics.failed:
        fail(request, diagnostics)
    given = entry.given(words)
    for each in swept:
        if each.draw.name in given:
            raise click.UsageError(f"{flag(each.draw.name)} is drawn by --sweep, and given behind -- too.")
        if request.row is not None and each.draw.name in request.row.cells:
            raise click.UsageError(
                f"{request.row.text} has a column {each.draw.name} of its own, which --sweep would draw."
            )
    return swept


def _refusing_draws(drawn: Callable[[], list[dict[str, Cell]]]) -> list[dict[str, Cell]]:
    from archdsl.spaces.arrays.draws import DrawFault

    try:
        return drawn()
    except DrawFault as fault:
        raise click.ClickException(f"--sweep: {fault}") from None
