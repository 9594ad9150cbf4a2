"""One trial of a study: claimed, compiled, trained in a process of its own, and written down with what came of it.

`run_trial` may be called for any trial, at any time, by any number of processes, on any machine that sees the study's
folder: what is done is not done again, what another works on is left to it, and what was stopped goes on from its last
checkpoint. Engines call nothing else.
"""

from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import Any, Literal, TypeAlias

from archdsl.files import escaped, read_own
from archdsl.records import dataclass
from archdsl.studies.ledger import FINAL, Attempt, End, Ledger, StudyFault, claimed
from archdsl.studies.members import Member, Refused, member_of
from archdsl.studies.processes import LOST, Ended, Training, Trainings, environment
from archdsl.studies.pruning import Pruning
from archdsl.studies.study import Metrics, Study
from archdsl.training.entry_point import OptionFault
from archdsl.training.plan import Plan, plan_of
from archdsl.training.run_folder import FolderFault, Run, RunningFault
from archdsl.training.start import record_end, record_start
from archdsl.views.study import TrialResult, measured

Stop: TypeAlias = Literal["pruned", "interrupted"]
Watch: TypeAlias = Callable[[Sequence[Metrics]], "Stop | None"]
"""Is asked several times a second, with the epochs that ended: whether the training is to end now, and why."""

POLL = 0.1
"""Seconds between looks at a training."""
GRACE = 30.0
"""Seconds that a training has to end by itself when it is asked to."""
PATIENCE = 3.0
"""Seconds that a run folder is waited for."""
MAX_METRICS = 100_000_000
MAX_REASON = 500
_DIVERGED = re.compile(r"loss of epoch \d+(, step \d+)? is no number")
_MEMORY = re.compile(
    r"does not fit into the memory|not enough memory|out of memory|MemoryError|bad_alloc", re.IGNORECASE
)
_WRITTEN = re.compile(r"cannot be written|No space left on device|Disk quota exceeded|Input/output error")


@dataclass(frozen=True)
class Outcome:
    """What `run_trial` found or did."""

    number: int
    state: Literal["done", "pruned", "diverged", "refused", "failed", "busy", "interrupted"]
    """`busy`: another works on it. The others but `interrupted` are for good."""
    result: TrialResult | None = None


@dataclass(frozen=True)
class _Came:
    """What came of an attempt. `figures` are those of the ledger."""

    end: End | Literal["busy"]
    reason: str = ""
    figures: Mapping[str, Any] | None = None


def run_trial(
    study: Study | Path,
    number: int,
    *,
    threads: int | None = None,
    watch: Watch | None = None,
    trainings: Trainings | None = None,
) -> Outcome:
    """Bring a trial to its end, as far as that can be done; what is known of it then.

    `threads` are those of the training, the study's if none are given. `watch` ends it early. `trainings` starts the
    process, so that a warm one is shared; else one is started for this trial. Raises `StudyFault` where the machine is
    at fault, such as a full disk: the trial is then as it was, and goes on when it is called again.
    """
    study = study if isinstance(study, Study) else Study.open(study)
    if number not in study.numbers():
        raise StudyFault(f"{study.folder} has no trial {number}")
    with claimed(study.path(number, ".jsonl")) as ledger:
        if ledger is None:
            return Outcome(number, "busy")
        result = study.result(number)
        if result is not None:
            return Outcome(number, result.status, result)
        env = environment(threads or study.head.threads)
        with nullcontext(trainings) if trainings is not None else Trainings(env, warm=False) as starter:
            return _Trial(study, number, ledger, starter, watch or (lambda _: None)).run()


def _pruning(study: Study, number: int) -> Pruning | None:
    return Pruning(study.folder, study.head.pruner, number) if study.head.pruner is not None else None


class _Trial:
    """A trial that this process has claimed."""

    def __init__(self, study: Study, number: int, ledger: Ledger, trainings: Trainings, watch: Watch) -> None:
        self.study, self.number, self.ledger = study, number, ledger
        self.trainings, self.watch = trainings, watch
        self.folder, self.log = study.path(number), study.path(number, ".log")
        self.seed: int | None = None
        self.pruning = _pruning(study, number)

    def run(self) -> Outcome:
        """Attempts, until one decides."""
        while True:
            attempts = self.ledger.attempts()
            decided = self._decided(attempts)
            if decided is not None:
                result = self._result(decided, attempts)
                self.study.record(result)
                if self.pruning is not None:
                    self.pruning.end(result.error, pruned=result.status == "pruned")
                return Outcome(self.number, result.status, result)
            if self.watch(self.metrics()) == "interrupted":
                return Outcome(self.number, "interrupted")
            came = self._attempt()
            if came.end == "busy":
                return Outcome(self.number, "busy")
            if came.end == "interrupted":
                return Outcome(self.number, "interrupted")
            if came.end == "machine":
                raise StudyFault(f"trial {self.number}: {came.reason}")

    def _decided(self, attempts: Sequence[Attempt]) -> Attempt | None:
        """The attempt that settles the trial, if one does."""
        last = attempts[-1] if attempts else None
        failed = [each for each in attempts if each.end == "failed"]
        if last is not None and (last.end in FINAL or (last.end == "failed" and len(failed) > self.study.head.retries)):
            return last
        return None

    def metrics(self) -> list[Metrics]:
        """The epochs that ended."""
        return metrics_of(self.folder)

    def _attempt(self) -> _Came:
        """One attempt, in the ledger from its begin to its end."""
        self.ledger.begin()
        begin = time.monotonic()
        try:
            came = self._tried()
        except (Refused, OptionFault) as fault:
            came = _Came("refused", str(fault))
        except FolderFault as fault:
            came = _Came("machine", str(fault))
        except OSError as error:
            came = _Came("machine", (error.strerror or str(error)).lower())
        if came.end == "busy":
            self.ledger.end("interrupted", reason="the run folder is in use")
        else:
            seconds = round(time.monotonic() - begin, 3)
            self.ledger.end(came.end, reason=came.reason, seconds=seconds, **(came.figures or {}))
        return came

    def _tried(self) -> _Came:
        member = member_of(self.study, self.number)
        plan = plan_of(member.wanted, str(self.folder), member.words, 1)
        self.seed = plan.settings.get("seed")
        if self._is_complete(plan):
            return _Came("done")
        with ExitStack() as held:
            begin = time.monotonic()
            while True:
                try:
                    inherited = held.enter_context(plan.ready())
                    break
                except RunningFault:  # by hand, or by a process that was killed just now
                    if time.monotonic() - begin > PATIENCE:
                        return _Came("busy")
                    time.sleep(POLL)
            return self._trained(plan, member, inherited)

    def _is_complete(self, plan: Plan) -> bool:
        """Whether the run has ended well already: by hand, or before somebody could write it down."""
        starts = plan.found["starts"] if plan.found is not None else []
        ended = bool(starts) and starts[-1].get("exit_code") == 0
        return ended and len(self.metrics()) == plan.settings.get("epochs")

    def _trained(self, plan: Plan, member: Member, inherited: tuple[int, ...]) -> _Came:
        typed = ["archdsl", "study", "run", "-o", str(self.study.folder)]
        run = record_start(plan, typed, member.folder, self.trainings.environ, self.trainings.packages)
        begin = time.monotonic()
        with self.log.open("ab") as log:
            start = log.tell()
            script = plan.command[plan.command.index(plan.entry.name) :]
            kept = self.ledger.descriptor, *inherited
            training = self.trainings.start(script, self.folder, log.fileno(), kept, needs=_needs(plan))
            stop, end = self._watched(training, plan.settings["epochs"])
        record_end(plan, run, end.exit, time.monotonic() - begin)
        figures = {"exit": end.exit, "cpu_seconds": end.cpu_seconds, "peak_memory": end.peak_memory}
        kind, reason = self._cause(stop, end, start, run)
        return _Came(kind, reason, figures)

    def _watched(self, training: Training, epochs: int) -> tuple[Stop | None, Ended]:
        """Wait for the end; why it was asked for, if it was. After its last epoch nothing is to be saved."""
        stop: Stop | None = None
        seen: tuple[int, int] | None = None
        found: list[Metrics] = []
        asked, early = 0.0, False
        while True:
            end = training.wait(POLL)
            if end is not None:
                return stop, end
            if stop is not None:
                if time.monotonic() - asked > GRACE:
                    training.signal(signal.SIGKILL)
                continue
            state = _state_of(self.folder / METRICS)
            if state != seen:
                seen, found = state, self.metrics()
                early = self.pruning is not None and self.pruning(found)
            stop = "pruned" if early else self.watch(found)
            if stop == "pruned" and len(found) >= epochs:
                stop = None
            if stop is not None:
                asked = time.monotonic()
                training.signal(signal.SIGINT)

    def _cause(self, stop: Stop | None, end: Ended, start: int, run: Run) -> tuple[End, str]:
        """How an attempt ended, and why."""
        if end.exit == 0:
            whole = len(self.metrics()) == run["settings"].get("epochs")
            return ("done", "") if whole else ("failed", "the training ended without the figures of all epochs")
        if stop == "pruned":
            return "pruned", f"stopped early, after epoch {len(self.metrics())}"
        if stop == "interrupted":
            return "interrupted", "stopped"
        if end.lost:
            return "failed", LOST
        said = _last_words(self.log, start)
        if end.exit < 0:
            return "failed", _signal(-end.exit)
        for pattern, kind in ((_DIVERGED, "diverged"), (_WRITTEN, "machine")):
            if pattern.search(said):
                return kind, said  # type: ignore[return-value]  # two of its words
        if end.exit == 2:
            return "refused", said
        return "failed", f"out of memory: {said}" if _MEMORY.search(said) else said

    def _result(self, decided: Attempt, attempts: Sequence[Attempt]) -> TrialResult:
        done = decided.end == "done"
        figures = measured(self.metrics(), done=done)
        return TrialResult(
            trial=self.number,
            status=decided.end or "failed",  # type: ignore[arg-type]  # one of those that decide
            reason="" if done else decided.reason,
            training_seed=self.seed if self.seed is not None else _seed_of(self.folder),
            seconds=round(sum(each.seconds or 0 for each in attempts), 3),
            cpu_seconds=round(sum(each.cpu_seconds or 0 for each in attempts), 3),
            peak_memory=max([each.peak_memory for each in attempts if each.peak_memory is not None], default=None),
            attempts=len(attempts),
            **figures,
        )


METRICS = "metrics.jsonl"


def metrics_of(folder: Path) -> list[Metrics]:
    """The epochs of a run that ended: the file is always whole."""
    try:
        text = (read_own(folder / METRICS, MAX_METRICS) or b"").decode()
        return [json.loads(line) for line in text.splitlines()]
    except ValueError:
        return []


def _needs(plan: Plan) -> dict[str, Any]:
    """What a training imports after its start, with its optimizer and with data that comes with a library; its data."""
    data = [plan.settings.get(name) for name in ("data", "val_data")]
    return {"imports": ["torch._dynamo", *(["sklearn.datasets"] if data[0] is None else [])], "data": data}


def _state_of(path: Path) -> tuple[int, int] | None:
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_ino, state.st_mtime_ns


def _seed_of(folder: Path) -> int | None:
    """The seed of a run that was not started in this process."""
    try:
        found = json.loads(read_own(folder / "run.json", MAX_METRICS) or b"{}")
        return int(found["seed"])
    except (ValueError, KeyError, TypeError):
        return None


def _last_words(log: Path, start: int) -> str:
    """The last line that a training printed, from a place in its log on."""
    try:
        with log.open("rb") as file:
            file.seek(max(start, file.seek(0, 2) - 100_000))
            lines = [line for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    except OSError:
        lines = []
    return escaped(lines[-1].strip())[:MAX_REASON] if lines else "the training said nothing"


def _signal(number: int) -> str:
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"signal {number}"
    hint = " (is the memory too small?)" if name == "SIGKILL" else ""
    return f"the training was ended by {name}{hint}"


__all__ = ["Metrics", "Outcome", "Stop", "Watch", "metrics_of", "run_trial"]
