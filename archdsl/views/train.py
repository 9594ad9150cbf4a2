"""What `archdsl train` shows and records: what is trained, what was started, and how it ended."""

from __future__ import annotations

import shlex
from typing import Any, Literal

from archdsl.analysis.program import Reader
from archdsl.analysis.trace import show_value
from archdsl.backends.recipe_use import as_used, unused
from archdsl.compiler import Compiled
from archdsl.emission import texts_of
from archdsl.records import documented
from archdsl.training.plan import Plan, Wanted
from archdsl.training.recipe import DEFAULT
from archdsl.training.run_folder import MODEL, RECIPE, recipe_settings
from archdsl.views.failure import diagnostic_reports
from archdsl.views.head import head
from archdsl.views.recipe import show_recipe
from archdsl.views.show import show_model
from archdsl.views.tables import size


@documented
class RepositoryReport:
    """The state of the git repository that a spec lies in."""

    commit: str
    dirty: bool
    """Whether a file that git knows was changed since."""


@documented
class StartReport:
    """One start of a training run, and where it ran."""

    time: str
    """In UTC."""
    folder: str
    """Where the command was given."""
    typed: list[str]
    """The command of archdsl."""
    command: list[str]
    """What was started in the run folder: it works without archdsl."""
    processes: int
    epochs: int
    """Those asked for. More than at the start before extend the run: its further epochs have the rates of a run of so
    many."""
    archdsl: str
    python: str
    torch: str | None
    platform: str
    cpus: int | None
    variables: dict[str, str]
    """Those of the environment that numbers may depend on."""
    environment: str
    """The file with the installed packages."""
    repository: RepositoryReport | None
    """None where there is no repository, or no git."""
    exit_code: int | None
    """None while it runs, or if archdsl was ended before it."""
    seconds: float | None


@documented
class RunReport:
    """`run.json` of a run folder: what is trained and how, with every start of it."""

    archdsl: str
    """The version that emitted the files."""
    spec: str
    model: str
    changes: list[str]
    """What the command line changed in the model."""
    name: str
    """The name of the emitted module."""
    hash: str
    """The digest of what the network computes."""
    input: list[int]
    """Channels, height, width."""
    preprocess: dict[str, str]
    init: dict[str, str]
    """How parameters start."""
    recipe: dict[str, Any]
    """Every setting of the recipe as it is used; numbers that are not whole are exact, as text."""
    unused: dict[str, str]
    """By its path, what the recipe asks for and is left out: what the network has not."""
    seed: int
    settings: dict[str, Any]
    """Every setting of the entry point, as of the last start."""
    files: dict[str, str]
    """The files that a run is repeated from, each with its SHA-256."""
    starts: list[StartReport]


@documented
class TrainReport:
    """`archdsl train --format json`: what was started, and how it ended."""

    archdsl: str
    """The version of archdsl."""
    spec: str
    model: str
    name: str
    """The name of the emitted module."""
    hash: str
    input: list[int]
    """Channels, height, width."""
    recipe: str
    folder: str
    """The run folder."""
    state: Literal["new", "goes on"]
    """Whether the folder held the run already."""
    dry_run: bool
    """True: nothing was written or started."""
    processes: int
    command: list[str]
    """What is started in the run folder."""
    files: list[str]
    """What a new run begins with; none for one that goes on from its own files."""
    exit_code: int | None
    """Of the entry point; negative for a signal."""
    metrics: dict[str, Any] | None
    """Of the last epoch."""
    diagnostics: list[dict[str, Any]]
    """Claims that do not hold: the network is trained all the same."""


def wanted_of(result: Compiled, reader: Reader, name: str, spec: str, changes: list[str]) -> Wanted:
    """What is trained: the files of a run, emitted under a name, and the beginning of its run.json.

    Raises `archdsl.emission.NoEmission`, and ValueError where model or recipe cannot be written as one text.
    """
    asked = result.recipe or DEFAULT
    recipe = as_used(asked, result.network)
    texts = texts_of(result, name, spec, changes, ("torch", "train"))
    texts[MODEL] = ("model", show_model(result, reader))
    texts[RECIPE] = ("recipe", show_recipe(recipe, reader))
    begun = head(result, spec)
    network = {"hash": begun.pop("hash"), "input": begun.pop("input")}
    run = {
        **begun,
        "changes": changes,
        "name": name,
        **network,
        "preprocess": {key: show_value(setting.value) for key, setting in result.model.preprocess.items()},
        "init": {key: str(setting.value) for key, setting in result.model.init.items()},
        "recipe": recipe_settings(recipe),
        "unused": unused(asked, result.network),
    }
    return Wanted(name, recipe, texts, run)


def train_report(plan: Plan, result: Compiled, spec: str, code: int | None, *, dry_run: bool = False) -> TrainReport:
    """The JSON of a start; `code` is how it ended, if it did."""
    return TrainReport(
        **head(result, spec),
        name=plan.wanted.name,
        recipe=plan.wanted.recipe.name,
        folder=str(plan.folder.path),
        state="goes on" if plan.goes_on else "new",
        dry_run=dry_run,
        processes=plan.processes,
        command=plan.command,
        files=[str(plan.folder.path / name) for name in plan.files],
        exit_code=code,
        metrics=None if dry_run else plan.folder.last_metrics(),
        diagnostics=diagnostic_reports(result.diagnostics),
    )


def train_text(plan: Plan, result: Compiled, *, dry_run: bool) -> str:
    """What is started where, with the files of a new run."""
    run = plan.wanted.run
    state = "goes on" if plan.goes_on else "new"
    lines = [f"{result.name}, {size(tuple(run['input']))}, hash {run['hash'][:16]}"]
    lines += [f"recipe   {plan.wanted.recipe.name}", f"folder   {plan.folder.path} ({state})"]
    lines += [f"files    {', '.join(plan.files)}"] if plan.files else []
    lines += [f"command  {shlex.join(plan.command)}"]
    lines += ["nothing was written or started (--dry-run)"] if dry_run else [""]
    return "\n".join(lines) + "\n"
