"""What a start of a training run does: which files are written, and which command is run, in which folder.

A folder that holds the run goes on with it; one that holds anything else is refused. Nothing is written before all that
can be wrong is known.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

from archdsl import __version__
from archdsl.files import escaped, undisturbed
from archdsl.records import dataclass
from archdsl.training.entry_point import PATHS, EntryPoint, OptionFault, Settings, flag, words_of
from archdsl.training.recipe import Recipe
from archdsl.training.run_folder import (
    COMMANDS,
    ENVIRONMENT,
    RUN,
    Folder,
    FolderFault,
    Run,
    differences,
    extension,
    told,
)


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
        """The file name of the training entry point."""
        return f"train_{self.name}.py"


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
        """Whether the folder holds this run already."""
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
            raise FolderFault(_reason(self.folder, error)) from None
        with self.folder.locked() as inherited:
            if self.folder.content() != self.seen:
                raise FolderFault(f"{self.folder.path} was changed meanwhile; start again")
            _check_files(self.wanted, self.folder, self.seen)
            try:
                self.folder.forget_bytecode(self.wanted.name)
                with undisturbed():
                    self._write()
            except OSError as error:
                raise FolderFault(_reason(self.folder, error)) from None
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


def plan_of(wanted: Wanted, folder: str | None, words: Sequence[str], processes: int) -> Plan:
    """What a start would do: `folder` is the run folder, `words` are options of the script.

    Everything that can be wrong is found here, before anything is written. Raises `FolderFault` and `OptionFault`.
    """
    path = Folder(Path(folder if folder is not None else f"runs/{wanted.name}-{wanted.recipe.name[:100]}"))
    seen = found = path.content()
    entry = EntryPoint.of(wanted.script, wanted.texts[wanted.script][1])
    given = settings_given(entry, words)
    if found is not None:
        now = wanted.run | {"settings": entry.defaults | given}
        free = entry.free | {"out"} | ({"epochs"} if extension(found, now) is not None else set())
        other = differences(found, now, free)
        if not path.has_results() and found["name"] == wanted.name:
            found = None if other else found  # it ended before anything came of it
        elif other:
            message = f"{escaped(str(path.path))} holds another run: {told(other)}"
            raise FolderFault(f"{message}; {_extending(found, now, free)}name another folder with -o")
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
        raise FolderFault(f"{message}; move it, or name another folder with -o")
    for name, (_, text) in wanted.texts.items():
        state = folder.state_of(name, text, seen or {"files": {}})
        kept = not name.endswith(".py") or not folder.has_results()  # what is not run, or is written anew
        if state == "changed" or (state == "of another start" and not kept):
            message = f"{shown}/{name} is not what archdsl {__version__} makes of the model: to go on with it, start"
            raise FolderFault(f"{message} {wanted.script} there by hand, or name another folder with -o")


def settings_given(entry: EntryPoint, words: Sequence[str]) -> Settings:
    """The settings of a command line by name, paths made absolute. Raises `OptionFault`."""
    given = entry.given(words)
    if (empty := next((name for name, value in given.items() if value == ""), None)) is not None:
        raise OptionFault(f"{flag(empty)} is empty")
    if "out" in given:
        raise OptionFault("--out is the run folder: name it with -o")
    if given.get("resume") is False:
        raise OptionFault("--no-resume deletes checkpoints: name another run folder with -o")
    for name in PATHS:
        value = given.get(name)
        if isinstance(value, str) and (":" not in value or os.path.exists(value)):  # others lie elsewhere
            given[name] = os.path.abspath(value)
    return given


def _check_libraries(entry: EntryPoint, given: Settings) -> None:
    """Whether what the script imports is installed, without importing it."""
    needed = [*entry.imports, *(["sklearn"] if given.get("data") is None else [])]
    missing = [library for library in needed if find_spec(library) is None]
    if missing:
        message = f"training needs {', '.join(missing)}, not installed here"
        raise FolderFault(f"{message}: pip install 'archdsl[train]'")


def _reason(folder: Folder, error: OSError) -> str:
    return f"{folder.path}: {(error.strerror or 'cannot be written').lower()}"
