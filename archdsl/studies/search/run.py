"""A search in a study's folder: who works on it, what is proposed next, and what Optuna is told.

The folder is what counts: a proposal is a row of its population, and what came of it stands in its trials. Optuna's
trials are brought in line with it whenever somebody looks (`Searching.next`), under a lock that all starts of a search
share. So a start may be ended at any moment, and two may work on one search.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from statistics import fmean, median
from typing import Any

import numpy as np
from optuna.study import Study as Kept
from optuna.trial import TrialState

from archdsl.records import dataclass
from archdsl.spaces.arrays.engine import VALID
from archdsl.spaces.arrays.rows import columns_of
from archdsl.spaces.arrays.sampled import Piece
from archdsl.spaces.opened import Opened
from archdsl.spaces.population import INDEX, MEASURES, SEED, SPACE, setting_of
from archdsl.studies.ledger import StudyFault, claimed, is_claimed
from archdsl.studies.local import AGAIN, trainings_of
from archdsl.studies.objectives import Figures, Judge
from archdsl.studies.search.pool import Candidate
from archdsl.studies.search.proposals import NoMore, Proposer, Told, fail_strays, mark, number_of, tell_all
from archdsl.studies.search.storage import faults, study_of
from archdsl.studies.study import Row, Study
from archdsl.studies.trial import Metrics, Outcome, Stop, metrics_of, run_trial

LOCK = "search.lock"
SETTLED = {"done", "pruned"}
"""How trials end of which something was measured."""


@dataclass(frozen=True)
class Place:
    """Where Optuna keeps a search."""

    url: str
    name: str
    folder: str
    """What tells the folder from others."""
    lasting: bool
    """Whether it is a database of its own, which is not made again where it is gone."""


class Searching:
    """A search that is worked on."""

    def __init__(self, study: Study, proposer: Proposer, judge: Judge, place: Place, trials: int, shown: str) -> None:
        """`shown` is the space as rows of the study name it."""
        self.study, self.proposer, self.judge, self.trials, self.shown = study, proposer, judge, trials, shown
        self.place = place
        self.exhausted = False
        """Whether every member of the space is proposed."""
        self._own: set[int] = set()
        self._inner = threading.Lock()
        self._known = 0
        self._kept: Kept | None = None

    # Under the lock

    @contextmanager
    def locked(self, stopping: threading.Event | None = None) -> Iterator[Kept]:
        """Optuna's study, as the folder has it, for one thread of one start at a time. Raises `StudyFault`."""
        with self._inner:
            while True:
                with claimed(self.study.folder / LOCK) as lock:
                    if lock is not None:
                        with faults(self.place.url):
                            kept = self._opened()
                            self._in_line(kept)
                            yield kept
                        return
                if stopping is not None and stopping.is_set():
                    raise Stopped
                time.sleep(0.02)

    def _opened(self) -> Kept:
        if self._kept is None:
            place, aims = self.place, self.judge.objectives
            self._kept = study_of(
                place.url,
                place.name,
                place.folder,
                [each.direction for each in aims],
                self.proposer.sampler,
                create=not (place.lasting and self.study.rows),
                names=[each.name for each in aims],
            )
        return self._kept

    def _in_line(self, kept: Kept) -> None:
        """Let Optuna have what the folder has: proposals of others, those of starts that were ended, and results."""
        rows = self.study.rows
        for row in rows[self._known :]:
            self.proposer.take(self._candidate(row).setting)
        self._known = len(rows)
        fail_strays(kept)
        there = {number_of(trial) for trial in kept.get_trials(deepcopy=False)}
        for number, row in enumerate(rows):
            if number not in there:
                candidate, trial = self.proposer.ask(kept, self._candidate(row), number)
                mark(trial, number, self._attributes(candidate))
                self._tell(kept)  # the next one is proposed by what came of it, as at first
        self._tell(kept)

    def _tell(self, kept: Kept) -> None:
        tell_all(kept, self.told)

    def _propose(self, kept: Kept) -> int | None:
        """The number of a new row; none where there is no further member."""
        try:
            candidate, trial = self.proposer.ask(kept)
        except NoMore:
            self.exhausted = True
            fail_strays(kept)
            return None
        number = self.study.add(self._row(candidate))
        mark(trial, number, self._attributes(candidate))
        self._known = number + 1
        if not self.judge.trains:
            self._tell(kept)
        return number

    # What rows are

    @property
    def opened(self) -> Opened:
        return self.judge.opened

    def _row(self, candidate: Candidate) -> Row:
        return row_of(self.opened, candidate, self.shown)

    def _candidate(self, row: Row) -> Candidate:
        setting = setting_of(self.opened.codings, row)
        if isinstance(setting, str):
            raise StudyFault(f"{self.study.folder}: {setting}")
        index, seed = row.get(INDEX), row.get(SEED)
        costs = {name: int(row[name]) for name in MEASURES}  # type: ignore[arg-type]  # counts
        return Candidate(setting, costs, index, seed)  # type: ignore[arg-type]  # numbers, or none

    def _attributes(self, candidate: Candidate) -> dict[str, Any]:
        """What Optuna's dashboard shows of a trial beside its parameters."""
        return {"network": self.proposer.keys.hash_of(candidate.setting), **candidate.costs}

    # What came of them

    def told(self, number: int) -> Told | None:
        """How a proposal ended, as Optuna is told; none before it has."""
        figures = self.figures(number)
        if figures is None:
            return None
        values = self.values(number, figures)
        if figures.get("status") == "pruned":
            return Told(TrialState.PRUNED, epochs=self._epochs(number))
        return Told(TrialState.FAIL) if values is None else Told(TrialState.COMPLETE, values)

    def _epochs(self, number: int) -> tuple[float, ...]:
        """The errors after each epoch of a training that was ended early."""
        lines = metrics_of(self.study.path(self.study.trials_of(number)[0]))
        return tuple([1 - line["val_accuracy"] for line in lines])

    def values(self, number: int, figures: Figures | None = None) -> tuple[float, ...] | None:
        """The objectives of a proposal; none before it has ended, or where it failed."""
        known = figures if figures is not None else self.figures(number)
        return None if known is None else self.judge.values(known, self._candidate(self.study.rows[number]).setting)

    def figures(self, number: int) -> dict[str, Any] | None:
        """The columns of a row with what was measured, the mean over its trainings; none before all have ended.

        Where a training failed there is no error; `status` and `reason` are of the first that did.
        """
        row: dict[str, Any] = dict(self.study.rows[number])
        if not self.judge.trains:
            return row
        trials = self.study.trials_of(number)
        results = [result for trial in trials if (result := self.study.result(trial)) is not None]
        if len(results) < len(trials):
            return None
        bad = next((each for each in results if each.status != "done"), results[0])
        row |= {"status": bad.status, "reason": bad.reason, "seconds": fmean([each.seconds for each in results])}
        if bad.status == "done":
            row["error"] = fmean([each.error for each in results if each.error is not None])
            row["loss"] = fmean([each.loss for each in results if each.loss is not None])
            row["step_time"] = fmean([step_time(metrics_of(self.study.path(trial))) for trial in trials])
        return row

    # Working on it

    def next(self, stopping: threading.Event) -> int | None:
        """The number of a trial to run: one that was left, or of a new proposal. None where there is none now."""
        with self.locked(stopping) as kept:
            if self.judge.trains:
                for number in self.study.unfinished():
                    if number not in self._own and not is_claimed(self.study.path(number, ".jsonl")):
                        self._own.add(number)
                        return number
            if self.exhausted or len(self.study.rows) >= self.trials:
                return None
            row = self._propose(kept)
            if row is None or not self.judge.trains:
                return None
            number = self.study.trials_of(row)[0]  # others of it come by the loop above
            self._own.add(number)
            return number

    def left(self) -> bool:
        """Whether there is, or may be, something to do."""
        if not self.exhausted and len(self.study.rows) < self.trials:
            return True
        return self.judge.trains and bool(self.study.unfinished())

    def run(
        self, *, jobs: int, threads: int, told: Callable[[Outcome | None], None], stopping: threading.Event
    ) -> None:
        """Propose and train until there are as many members as wanted, and all have ended.

        What others work on is waited for. `told` hears of each trial that ended, in one thread at a time, and of none
        where nothing is trained. Raises `StudyFault`, and `MemberFault`.
        """
        if not self.judge.trains:
            while not stopping.is_set() and self.left():
                self.next(stopping)
                told(None)
            return
        said, raised = threading.Lock(), list[BaseException]()

        def work(trainings: Any) -> None:
            try:
                while not stopping.is_set() and self.left():
                    number = self.next(stopping)
                    if number is None:
                        stopping.wait(AGAIN)
                        continue
                    watch = self.watch_of(number, stopping)
                    outcome = run_trial(self.study, number, threads=threads, watch=watch, trainings=trainings)
                    self._own.discard(number)
                    if outcome.state not in ("busy", "interrupted"):
                        with self.locked(stopping):  # Optuna hears of it
                            pass
                        with said:
                            told(outcome)
            except Stopped:
                return
            except BaseException as fault:  # of any kind: the others must hear of it
                raised.append(fault)
                stopping.set()

        with trainings_of(self.study, threads) as trainings:
            workers = [threading.Thread(target=work, args=(trainings,)) for _ in range(jobs)]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
        if raised:
            raise raised[0]

    def watch_of(self, number: int, stopping: threading.Event) -> Callable[[Sequence[Metrics]], Stop | None]:  # noqa: ARG002
        """What may end a trial early."""
        return lambda _: "interrupted" if stopping.is_set() else None


class Stopped(Exception):
    """The search was asked to end while it waited for another start."""


def row_of(opened: Opened, candidate: Candidate, shown: str) -> Row:
    """A member as a row of a population."""
    found = Piece(
        0,
        np.full(1, VALID, np.int16),
        np.zeros(1, np.int64),
        np.array([candidate.setting], np.int64),
        {name: np.array([candidate.costs[name]]) for name in MEASURES},
        (opened.hash_of(candidate.setting),),
    )
    columns: Mapping[str, Any] = columns_of(opened, found, candidate.seed, shown)
    plain = {name: cells.tolist() if hasattr(cells, "tolist") else cells for name, cells in columns.items()}
    row = {name: cells[0] for name, cells in plain.items()}
    return {**row, INDEX: candidate.index, SPACE: shown}


def step_time(lines: Sequence[Metrics]) -> float:
    """Seconds of a training step: the median over epochs, without the first where there are more.

    In the first epoch libraries and data are met for the first time. Images are loaded within steps; validation and
    checkpoints at the end of an epoch are not.
    """
    seconds = [float(line["step_seconds"]) for line in lines]
    return median(seconds[1:] or seconds)


__all__ = ["LOCK", "Place", "Searching", "Stopped", "row_of", "step_time"]
