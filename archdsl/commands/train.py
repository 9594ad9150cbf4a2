"""`archdsl train`: a model is compiled into a run folder, and its training entry point is started there.

The folder holds what is needed to repeat the run (`archdsl.training.run_folder`). The same command again goes on with
the run: the entry point finds its last checkpoint. PyTorch is loaded by the started process alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from archdsl import __version__
from archdsl.analysis.trace import show_value
from archdsl.cli import INTERRUPTED
from archdsl.commands.common import (
    Request,
    change_options,
    compiled,
    finish,
    format_option,
    recipe_option,
    request_of,
    say,
    say_json,
    warn,
)
from archdsl.commands.tables import size
from archdsl.commands.targets import (
    chosen_name,
    classes_option,
    name_option,
    texts_of,
    undisturbed,
    without_short_forms,
)
from archdsl.commands.targets import words_of as changes_of
from archdsl.compiler import Compiled
from archdsl.files import escaped
from archdsl.records import dataclass
from archdsl.report import TrainReport, diagnostic_reports
from archdsl.resources import data_root
from archdsl.training.entry_point import PATHS, EntryPoint, OptionFault, Settings, flag, words_of
from archdsl.training.recipe import DEFAULT, Recipe
from archdsl.training.run_folder import (
    COMMANDS,
    ENVIRONMENT,
    MODEL,
    RECIPE,
    RUN,
    Folder,
    FolderFault,
    Run,
    differences,
    extension,
    recipe_settings,
    surroundings,
    told,
)

USAGE = 2
GRACE = 30
"""Seconds in which the started process must end after a Ctrl-C that it had from the terminal."""

EPILOG = """
\b
Examples:
  archdsl train net.arch                              on scikit-learn's digits
  archdsl train net.arch --recipe NAME --data IMAGES
  archdsl train net.arch --recipe NAME --data IMAGES --processes 8 -o runs/first
  archdsl train net.arch --scale NAME:4 --dry-run
  archdsl train net.arch -- --epochs 5 --lr 0.1       options of the emitted script
  archdsl train net.arch -- --help                    what they are

The run folder holds what repeats the run: network, entry point, resolved model and recipe, every setting, the
environment, and the command lines. The same command again goes on from the last checkpoint; a folder that holds
another run is refused. Paths among the script's options are taken from the current folder.
"""


@click.command(short_help="Train a model by a recipe, in a folder that can repeat the run.", epilog=EPILOG)
@click.argument("file")
@click.argument("extra", metavar="[-- SCRIPT OPTIONS]", nargs=-1, type=click.UNPROCESSED)
@recipe_option
@click.option("--data", metavar="PATH", help="Images: a folder, shards, a data set on disk.  [default: digits]")
@click.option("-o", "--output", "folder", metavar="DIR", help="The run folder.  [default: runs/NAME-RECIPE]")
@click.option(
    "--processes",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    metavar="N",
    help="Of this machine, by torchrun.",
)
@click.option("--device", metavar="NAME", help="cpu, cuda, cuda:1, …  [default: a GPU if there is one]")
@name_option
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
    **options: Any,
) -> None:
    """Train a model by a recipe: compile it into a run folder, and start it there."""
    changes = changes_of(options, classes)
    typed = ["archdsl", "train", file, *[part for text in changes for part in text.split(" ", 1)]]
    for word, value in (("--recipe", options["recipe"]), ("--data", data), ("-o", folder), ("--device", device)):
        typed += [word, value] if value is not None else []
    typed += ["--processes", str(processes)] if processes > 1 else []
    typed += ["--name", name] if name is not None else []
    typed += ["--", *extra] if extra else []
    request = request_of(file, as_json=format_ == "json", **without_short_forms(options, classes))
    result = compiled(request)
    wanted = _wanted(request, result, chosen_name(name, result, options), changes)
    asked = [f"--data={data}"] if data is not None else []
    asked += [f"--device={device}"] if device is not None else []
    with _refusing():
        plan = _plan(wanted, folder, [*asked, *extra], processes)
        if dry_run:
            _tell(plan, result, request, dry_run=True)
            finish(result)
            return
        with plan.ready() as inherited:
            if not request.as_json:
                _tell(plan, result, request, dry_run=False)
            code, interrupted = _train(plan, typed, request, inherited)
    if request.as_json:
        say_json(_report(plan, result, request, code))
    _end(plan, code, interrupted)
    finish(result)


@contextlib.contextmanager
def _refusing() -> Iterator[None]:
    """What the folder or the script refuses is a fault of the command line."""
    try:
        yield
    except FolderFault as fault:
        raise click.ClickException(str(fault)) from None
    except OptionFault as fault:
        raise click.UsageError(str(fault)) from None


# What is to be done


@dataclass(frozen=True)
class Wanted:
    """What is trained, as texts and as data."""

    name: str
    recipe: Recipe
    texts: dict[str, tuple[str, str]]
    """The files by name: what it is, text."""
    run: Run
    """run.json, without what the command line of the script says."""

    @property
    def script(self) -> str:
        return f"train_{self.name}.py"


def _wanted(request: Request, result: Compiled, name: str, changes: list[str]) -> Wanted:
    from archdsl.backends.recipe_use import as_used, unused
    from archdsl.emission import NoEmission, not_used
    from archdsl.project import Project
    from archdsl.show import show_model, show_recipe

    network, model = result.network, result.model
    asked = result.recipe or DEFAULT
    recipe, left = as_used(asked, network), unused(asked, network)
    reader = Project(request.file)
    try:
        texts = texts_of(result, name, request.shown, changes, ("torch", "train"))
        texts[MODEL] = ("model", show_model(result, reader))
        texts[RECIPE] = ("recipe", show_recipe(recipe, reader))
    except (NoEmission, ValueError) as fault:
        raise click.ClickException(str(fault)) from None
    warn(result, request, not_used(result))
    run = {
        "archdsl": __version__,
        "spec": request.shown,
        "model": result.name,
        "changes": changes,
        "name": name,
        "hash": network.hash,
        "input": [int(extent) for extent in network.input],
        "preprocess": {key: show_value(setting.value) for key, setting in model.preprocess.items()},
        "init": {key: str(setting.value) for key, setting in model.init.items()},
        "recipe": recipe_settings(recipe),
        "unused": left,
    }
    return Wanted(name, recipe, texts, run)


@dataclass(frozen=True)
class Plan:
    """What is started where. `seen` is what run.json held, `found` the same if that run goes on."""

    wanted: Wanted
    folder: Folder
    seen: Run | None
    found: Run | None
    entry: EntryPoint
    settings: Settings
    command: list[str]
    processes: int

    @property
    def goes_on(self) -> bool:
        return self.found is not None

    @property
    def files(self) -> list[str]:
        """What is written before the start."""
        return [] if self.goes_on else [*self.wanted.texts, RUN, COMMANDS, ENVIRONMENT]

    @contextlib.contextmanager
    def ready(self) -> Iterator[tuple[int, ...]]:
        """The folder with its files, locked. run.json comes first: with it, what is missing can be written later."""
        try:
            self.folder.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = (error.strerror or "cannot be written").lower()
            raise click.ClickException(f"{self.folder.path}: {reason}") from None
        with self.folder.locked() as inherited:
            if self.folder.content() != self.seen:
                raise click.ClickException(f"{self.folder.path} was changed meanwhile; start again")
            _check_files(self.wanted, self.folder, self.seen)
            try:
                self.folder.forget_bytecode(self.wanted.name)
                with undisturbed():
                    self._write()
            except OSError as error:
                reason = (error.strerror or "cannot be written").lower()
                raise click.ClickException(f"{self.folder.path}: {reason}") from None
            yield inherited

    def _write(self) -> None:
        texts = {name: text for name, (_, text) in self.wanted.texts.items()}
        if not self.goes_on:
            self.folder.discard(self.seen["files"] if self.seen is not None else ())
            self.folder.record(self.run)
        for name, text in texts.items():
            if self.folder.state_of(name, text, self.run) == "missing":
                self.folder.write(name, text)

    @property
    def run(self) -> Run:
        """run.json before this start."""
        settings = {"seed": self.settings.get("seed"), "settings": self.settings}
        if self.found is not None:
            return self.found | settings
        texts = self.wanted.texts
        digests = {name: hashlib.sha256(text.encode()).hexdigest() for name, (_, text) in texts.items()}
        return self.wanted.run | settings | {"files": digests, "starts": []}


def _plan(wanted: Wanted, folder: str | None, words: Sequence[str], processes: int) -> Plan:
    """Everything that can be wrong is found here, before anything is written."""
    path = Folder(Path(folder if folder is not None else f"runs/{wanted.name}-{wanted.recipe.name[:100]}"))
    seen = found = path.content()
    entry = EntryPoint.of(wanted.script, wanted.texts[wanted.script][1])
    given = _given(entry, words)
    if found is not None:
        now = wanted.run | {"settings": entry.defaults | given}
        free = entry.free | {"out"} | ({"epochs"} if extension(found, now) is not None else set())
        other = differences(found, now, free)
        if not path.has_results() and found["name"] == wanted.name:
            found = None if other else found  # it ended before anything came of it
        elif other:
            message = f"{escaped(str(path.path))} holds another run: {told(other)}"
            raise click.ClickException(f"{message}; {_extending(found, now, free)}name another folder with -o")
    _check_files(wanted, path, seen)
    _check_libraries(entry, given)
    start = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)] if processes > 1 else []
    command = [sys.executable, *start, entry.name, "--out=.", *words_of(given)]
    return Plan(wanted, path, seen, found, entry, entry.defaults | given, command, processes)


def _extending(was: Run, now: Run, free: frozenset[str]) -> str:
    """How to go on with a run, where nothing differs but that the recipe asks for more epochs now."""
    same = now | {"recipe": now["recipe"] | {"epochs": was["recipe"].get("epochs")}}
    if extension(was, now) is None or differences(was, same, free):
        return ""
    return f"with the recipe as it was, `-- --epochs {now['settings']['epochs']}` extends the run; or "


def _check_files(wanted: Wanted, folder: Folder, seen: Run | None) -> None:
    """Nothing is run but what the model gives: not what a folder holds besides, nor what its record calls emitted."""
    shown = escaped(str(folder.path))
    strange = folder.intruder(wanted.name)
    if strange is not None:
        message = f"{strange} is no part of the run, and {wanted.script} could import it"
        raise click.ClickException(f"{message}; move it, or name another folder with -o")
    for name, (_, text) in wanted.texts.items():
        state = folder.state_of(name, text, seen or {"files": {}})
        kept = not name.endswith(".py") or not folder.has_results()  # what is not run, or is written anew
        if state == "changed" or (state == "of another start" and not kept):
            message = f"{shown}/{name} is not what archdsl {__version__} makes of the model: to go on with it, start"
            raise click.ClickException(f"{message} {wanted.script} there by hand, or name another folder with -o")


def _given(entry: EntryPoint, words: Sequence[str]) -> Settings:
    given = entry.given(words)
    if (empty := next((name for name, value in given.items() if value == ""), None)) is not None:
        raise click.UsageError(f"{flag(empty)} is empty")
    if "out" in given:
        raise click.UsageError("--out is the run folder: name it with -o")
    if given.get("resume") is False:
        raise click.UsageError("--no-resume deletes checkpoints: name another run folder with -o")
    for name in PATHS:
        value = given.get(name)
        if isinstance(value, str) and (":" not in value or os.path.exists(value)):  # others lie elsewhere
            given[name] = os.path.abspath(value)
    return given


def _check_libraries(entry: EntryPoint, given: Settings) -> None:
    needed = [*entry.imports, *(["sklearn"] if given.get("data") is None else [])]
    missing = [library for library in needed if find_spec(library) is None]
    if missing:
        message = f"training needs {', '.join(missing)}, not installed here"
        raise click.ClickException(f"{message}: pip install 'archdsl[train]'")


# The run


def _train(plan: Plan, typed: list[str], request: Request, inherited: tuple[int, ...]) -> tuple[int, bool]:
    """Record the start, train, and record the end: the exit code, and whether it was interrupted."""
    folder = plan.folder
    run = plan.run
    starts = list(run["starts"])
    here = surroundings(_spec_folder(request.file))
    start = {**here, "typed": typed, "command": plan.command, "processes": plan.processes}
    start |= {"epochs": plan.settings.get("epochs"), "environment": folder.write_environment(starts)}
    start |= {"exit_code": None, "seconds": None}
    run = run | {"starts": [*starts, start]}
    folder.record(run)
    began = time.monotonic()
    code, interrupted = _started(plan, inherited, as_json=request.as_json)
    start |= {"exit_code": code, "seconds": round(time.monotonic() - began, 1)}
    folder.record(run)
    return code, interrupted


def _spec_folder(file: str) -> Path:
    """Where the user's files are: beside the spec, or here for standard input and networks that are shipped."""
    path = Path(os.path.realpath(file))
    if file == "-" or path.is_relative_to(os.path.realpath(data_root() / "specs")):
        return Path(".")
    return path.parent


def _started(plan: Plan, inherited: tuple[int, ...], *, as_json: bool) -> tuple[int, bool]:
    """Run the entry point in its folder; its exit code, and whether it was interrupted.

    Its output is passed through, to standard error beside JSON. A Ctrl-C reaches all processes of a terminal; a signal
    to this process alone is passed on.
    """
    sys.stdout.flush()
    stdout = 2 if as_json else None
    try:
        process = subprocess.Popen(plan.command, cwd=plan.folder.path, stdout=stdout, pass_fds=inherited)
    except OSError as error:
        raise click.ClickException(f"{plan.command[0]}: {(error.strerror or 'cannot be started').lower()}") from None
    interrupted, timeout = False, None
    with _passed_on(process):
        while True:
            try:
                return process.wait(timeout), interrupted
            except KeyboardInterrupt:
                interrupted, timeout = True, GRACE if _in_foreground() else 0
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGINT)
                timeout = None


@contextlib.contextmanager
def _passed_on(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """While it runs, a request to end is one to end that process."""
    try:
        before = signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    except ValueError:  # not the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _in_foreground() -> bool:
    """Whether a terminal sends its signals to all processes of this one's group."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY)
    except OSError:
        return os.name != "posix"
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)


def _end(plan: Plan, code: int, interrupted: bool) -> None:
    if code == 0:
        return
    if interrupted:
        raise click.exceptions.Exit(INTERRUPTED)
    if code < 0:
        with contextlib.suppress(ValueError):
            name = signal.Signals(-code).name
            hint = " (is the memory too small?)" if name == "SIGKILL" else ""
            message = f"{plan.entry.name} was ended by {name}{hint}; started again, it goes on from its last checkpoint"
            raise click.ClickException(message)
    raise click.exceptions.Exit(USAGE if code == USAGE else 1)


# What is said


def _report(plan: Plan, result: Compiled, request: Request, code: int | None, *, dry_run: bool = False) -> TrainReport:
    run = plan.wanted.run
    return TrainReport(
        archdsl=__version__,
        spec=request.file,
        model=result.name,
        name=plan.wanted.name,
        hash=run["hash"],
        input=run["input"],
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


def _tell(plan: Plan, result: Compiled, request: Request, *, dry_run: bool) -> None:
    if request.as_json:
        say_json(_report(plan, result, request, None, dry_run=dry_run))
        return
    run = plan.wanted.run
    state = "goes on" if plan.goes_on else "new"
    lines = [f"{result.name}, {size(tuple(run['input']))}, hash {run['hash'][:16]}"]
    lines += [f"recipe   {plan.wanted.recipe.name}", f"folder   {plan.folder.path} ({state})"]
    lines += [f"files    {', '.join(plan.files)}"] if plan.files else []
    lines += [f"command  {shlex.join(plan.command)}"]
    lines += ["nothing was written or started (--dry-run)"] if dry_run else [""]
    say("\n".join(lines) + "\n")
