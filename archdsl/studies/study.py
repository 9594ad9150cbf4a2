"""The folder of a study.

    study.json            what is studied (docs/schema/study.json)
    population.jsonl      its members, a row each: a population, whose rows can be named as such
    trials/0007/          the run folder of a trial, as `archdsl train` makes it
    trials/0007.jsonl     its attempts, and the lock of who works on it: see `ledger.py`
    trials/0007.log       what its training printed
    trials/0007.json      what came of it, when it has ended for good (docs/schema/trial.json)
    results.jsonl         the rows of the members with what came of their trials, made of these files

Trial t is of row t // seeds, with training seed t % seeds from the first on. Nothing says how far a study is but what
is in these files, each of which is written whole or is added to line by line; so any number of processes may work on
one.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Literal, TypeAlias

from archdsl import __version__
from archdsl.files import TEMPORARY, FileFault, escaped, read_own, write_atomically
from archdsl.records import dataclass
from archdsl.spaces.tables import Cell
from archdsl.studies.ledger import Attempt, StudyFault, attempts_of, claimed, is_claimed
from archdsl.training.run_folder import told
from archdsl.views.study import StudyFile, TrialResult

STUDY, POPULATION, RESULTS, TRIALS, LOCK = "study.json", "population.jsonl", "results.jsonl", "trials", "study.lock"
FORM = 1
MAX_BYTES = 10_000_000
FREE = frozenset(("archdsl", "form", "retries"))
"""What may change when a study goes on; how many members there are, too."""

_OURS = frozenset(field.name for field in fields(TrialResult))

Row: TypeAlias = "dict[str, Cell]"
Metrics: TypeAlias = "dict[str, Any]"
"""The figures of an epoch, as the training script writes them in metrics.jsonl."""
State: TypeAlias = Literal["waiting", "running", "stopped", "done", "pruned", "diverged", "refused", "failed"]
"""`stopped` has begun, and nobody works on it now: it goes on from its last checkpoint."""


@dataclass(frozen=True)
class Trial:
    """A trial as its files show it at one moment."""

    number: int
    row: int
    state: State
    attempts: tuple[Attempt, ...]
    result: TrialResult | None


class Study:
    """A study that is there. What it is does not change; members may be added."""

    def __init__(self, folder: Path, head: StudyFile) -> None:
        self.folder, self.head = folder, head
        self._rows: list[Row] = []
        self._read = -1

    # What it is

    @staticmethod
    def create(folder: Path, head: StudyFile, rows: Sequence[Row]) -> Study:
        """A study of these members in a folder; the one that is there, if it is the same. Raises `StudyFault`."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StudyFault(f"{folder}: {(error.strerror or 'cannot be made').lower()}") from None
        _check_own(folder)
        with locked(folder):
            if not os.path.lexists(folder / STUDY):
                _write(folder / POPULATION, _lines(rows))
                _write(folder / STUDY, json.dumps(asdict(head), indent=2) + "\n")
                return Study(folder, head)
        found = Study.open(folder)
        found.check_same(head)
        return found

    @staticmethod
    def open(folder: Path) -> Study:
        """The study in a folder. Raises `StudyFault`."""
        shown = escaped(str(folder))
        if not folder.is_dir():
            raise StudyFault(f"{shown}: there is no such folder")
        text = read_own(folder / STUDY, MAX_BYTES)
        if text is None:
            raise StudyFault(f"{shown} is no study: it has no {STUDY}")
        try:
            found = json.loads(text)
            names = {field.name for field in fields(StudyFile)}
            if found["form"] != FORM or not names <= found.keys():
                raise StudyFault(
                    f"{shown}/{STUDY} was made by archdsl {found['archdsl']}, which this one does not read"
                )
            return Study(folder, StudyFile(**{name: found[name] for name in names}))
        except (ValueError, TypeError, KeyError, RecursionError):
            raise StudyFault(f"{shown}/{STUDY} is damaged") from None

    def check_same(self, head: StudyFile) -> None:
        """Refuse what would make another study of it. Raises `StudyFault`."""
        was, now = _flat(asdict(self.head)), _flat(asdict(head))
        names = [n for n in dict.fromkeys([*now, *was]) if n.split(".")[0] not in FREE and was.get(n) != now.get(n)]
        if names:
            found = [f"{name} was {_shown(was.get(name))}, is {_shown(now.get(name))}" for name in names]
            raise StudyFault(f"{self.folder} holds another study: {told(found)}; name another folder with -o")

    # Its members

    @property
    def rows(self) -> list[Row]:
        """The members in their order. Raises `StudyFault`."""
        path = self.folder / POPULATION
        try:
            size = path.stat().st_size
            if size != self._read:
                content = path.read_bytes()
                whole = content[: content.rfind(b"\n") + 1]  # what is behind it is being written, or was torn
                self._rows = [json.loads(line) for line in whole.splitlines()]
                self._read = size
        except OSError as error:
            raise StudyFault(f"{path}: {(error.strerror or 'cannot be read').lower()}") from None
        except ValueError:
            raise StudyFault(f"{path} is damaged") from None
        return self._rows

    def extend(self, rows: Sequence[Row]) -> None:
        """Let the study have these members, of which it has the first. Raises `StudyFault`.

        A start that is ended meanwhile leaves all of them or none; who works on the study now finds them when it is
        started again. No row is taken away: where the study has more already, nothing is done.
        """
        text = _lines(rows)
        with locked(self.folder):
            self._read = -1
            there = _lines(self.rows)
            if not (text.startswith(there) or there.startswith(text)):
                message = "has other members than those that are drawn now; name another folder with -o"
                raise StudyFault(f"{self.folder} {message}")
            if len(text) > len(there):
                _write(self.folder / POPULATION, text)
                self._read = -1

    def add(self, row: Row) -> int:
        """Add a member at the end; the number of its row. Raises `StudyFault`."""
        path = self.folder / POPULATION
        with locked(self.folder):
            self._read = -1
            number = len(self.rows)
            try:
                with path.open("r+b") as file:
                    content = file.read()
                    file.seek(content.rfind(b"\n") + 1)
                    file.truncate()  # a line that was torn
                    file.write(_lines([row]).encode())
                    file.flush()
                    os.fsync(file.fileno())
            except OSError as error:
                raise StudyFault(f"{path}: {(error.strerror or 'cannot be written').lower()}") from None
            return number

    # Its trials

    def numbers(self) -> range:
        """The trials of all members that there are."""
        return range(len(self.rows) * self.head.seeds)

    def row_of(self, number: int) -> int:
        return number // self.head.seeds

    def trials_of(self, row: int) -> range:
        return range(row * self.head.seeds, (row + 1) * self.head.seeds)

    def path(self, number: int, suffix: str = "") -> Path:
        """The run folder of a trial, or with a suffix (`.jsonl`, `.json`, `.log`) a file beside it."""
        return self.folder / TRIALS / f"{number:04}{suffix}"

    def result(self, number: int) -> TrialResult | None:
        """What came of a trial; none while it has not ended for good."""
        text = read_own(self.path(number, ".json"), MAX_BYTES)
        if text is None:
            return None
        try:
            found = json.loads(text)
            return TrialResult(**{field.name: found[field.name] for field in fields(TrialResult)})
        except (ValueError, TypeError, KeyError, RecursionError):
            raise StudyFault(
                f"{self.path(number, '.json')} is damaged: delete it, and the trial is gone over"
            ) from None

    def record(self, result: TrialResult) -> None:
        """Write down what came of a trial, of whose claim the caller is sure."""
        _write(self.path(result.trial, ".json"), json.dumps(asdict(result), indent=2) + "\n")

    def trial(self, number: int) -> Trial:
        """A trial as it is now."""
        ledger = self.path(number, ".jsonl")
        running = is_claimed(ledger)  # first: its result comes before the claim goes
        result = self.result(number)
        attempts = tuple(attempts_of(ledger))
        state: State = "waiting"
        if result is not None:
            state = result.status
        elif attempts:
            state = "running" if running else "stopped"
        return Trial(number, self.row_of(number), state, attempts, result)

    def trials(self) -> list[Trial]:
        """All trials as they are now."""
        return [self.trial(number) for number in self.numbers()]

    def unfinished(self) -> list[int]:
        """The trials without a result."""
        try:
            there = set(os.listdir(self.folder / TRIALS))
        except FileNotFoundError:
            there = set()
        return [number for number in self.numbers() if f"{number:04}.json" not in there]

    def results(self) -> list[Row]:
        """The members' rows with what came of their trials, for those that have ended."""
        found = [self.result(number) for number in self.numbers()]
        return [self.result_row(each) for each in found if each is not None]

    def result_row(self, result: TrialResult) -> Row:
        """The row of a member with what came of a trial.

        A column of the member that is called as one of ours is there as `given.NAME`.
        """
        row = self.rows[self.row_of(result.trial)]
        cells = {f"given.{name}" if name in _OURS else name: cell for name, cell in row.items()}
        return {"trial": result.trial, **cells, **asdict(result)}

    def write_results(self) -> None:
        """`results.jsonl` anew. Raises `StudyFault`."""
        _write(self.folder / RESULTS, _lines(self.results()))


def head_of(
    source: Mapping[str, Any],
    *,
    threads: int,
    seeds: int = 1,
    retries: int = 1,
    recipe: str | None = None,
    changes: Mapping[str, Any] | None = None,
    options: Sequence[str] = (),
    words: Sequence[str] = (),
    pruner: str | None = None,
) -> StudyFile:
    """What is studied, by this version."""
    plain = json.loads(json.dumps(dict(source)))  # as it will be read
    changed = json.loads(json.dumps({"settings": [], "scalings": [], "input": None, **(changes or {})}))
    lists = list(options), list(words)
    return StudyFile(FORM, __version__, plain, seeds, threads, recipe, changed, *lists, pruner, retries)


def kept_threads(folder: Path) -> int | None:
    """The threads of the trainings of the study in a folder; none where no study is there yet."""
    return Study.open(folder).head.threads if os.path.lexists(folder / STUDY) else None


def digest_of(rows: Sequence[Row]) -> str:
    """What tells members apart, for the `source` of a study."""
    return hashlib.sha256(_lines(rows).encode()).hexdigest()[:32]


def _lines(rows: Sequence[Mapping[str, Any]]) -> str:
    return "".join([json.dumps(row, ensure_ascii=False) + "\n" for row in rows])


def _check_own(folder: Path) -> None:
    """A study is made in an empty folder, or in one where it was being made. Raises `StudyFault`."""
    if os.path.lexists(folder / STUDY):
        return
    strange = [name for name in os.listdir(folder) if name not in (POPULATION, LOCK) and not TEMPORARY.fullmatch(name)]
    if strange:
        raise StudyFault(f"{escaped(str(folder))} is not empty, and no study: it has no {STUDY}; name another with -o")


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """For who writes down what is studied, one at a time."""
    import time

    while True:
        with claimed(folder / LOCK) as lock:
            if lock is not None:
                yield
                return
        time.sleep(0.01)  # it is held for as long as a file is written


def _write(path: Path, text: str) -> None:
    try:
        write_atomically(path, text, force=True, follow=False)
    except FileFault as fault:
        raise StudyFault(f"{path}: {fault.message}") from None


def _flat(value: Any, path: str = "") -> dict[str, Any]:
    """The parts of nested dictionaries by their paths."""
    if not isinstance(value, dict):
        return {path: value}
    found: dict[str, Any] = {}
    for name, inner in value.items():
        found |= _flat(inner, f"{path}.{name}" if path else name)
    return found


def _shown(value: Any) -> str:
    text = escaped(value if isinstance(value, str) else json.dumps(value))
    return text if len(text) <= 80 else f"{text[:77]}…"


__all__ = [
    "POPULATION",
    "RESULTS",
    "STUDY",
    "TRIALS",
    "Metrics",
    "Row",
    "State",
    "Study",
    "Trial",
    "digest_of",
    "head_of",
    "kept_threads",
    "locked",
]
