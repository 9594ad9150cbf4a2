"""The engine of several machines: trials are tasks of a Ray cluster, whose machines all see the study's folder.

Ray says where a trial is run, and again where another machine is lost. What keeps two from working on one trial, and
what a trial goes on from, are the files of the study, as on one machine: `run_trial` may be called twice.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from archdsl.records import dataclass
from archdsl.studies.engine import Work
from archdsl.studies.ledger import StudyFault
from archdsl.studies.local import AGAIN, cores, stopping_too, trainings_of
from archdsl.studies.processes import Trainings
from archdsl.studies.study import Study
from archdsl.studies.trial import Outcome, Watch, run_trial

MISSING = "Ray is not installed: pip install 'archdsl[ray]'"
ASKED = 1.0
"""Seconds between two questions of a trial whether it is to stop."""
SEEN = 30.0
"""Seconds until a file that one machine wrote is seen by all others, at most."""
LOST = 100
"""How often a trial may be lost with the process or the machine that ran it."""


@dataclass(frozen=True)
class OnRay:
    """See `Engine`. `address` is that of a cluster, HOST:PORT or `auto`; without one this machine alone is one."""

    address: str | None

    def __call__(self, given: Work) -> None:
        """Run trials on the machines of the cluster."""
        study, threads = given.study, given.threads
        with _connected(self.address) as ray:
            stop = ray.remote(num_cpus=0, scheduling_strategy=_here(ray))(_Stop).remote()
            per_trial = {"num_cpus": threads, "num_gpus": _gpus(ray, study)}
            task = ray.remote(max_retries=0, **per_trial)(_work)

            def start(number: int) -> Any:
                return task.remote(str(study.folder.resolve()), number, threads, given.watch_of(number), stop)

            _Run(ray, given, start, stop).until_done(per_trial)


class _Stop:
    """An actor: what all trials of a run ask whether they are to stop."""

    def __init__(self) -> None:
        self.wanted = False

    def set(self) -> None:
        self.wanted = True

    def asked(self) -> bool:
        return self.wanted


class _Run:
    """The trials of one call."""

    def __init__(self, ray: Any, given: Work, start: Callable[[int], Any], stop: Any) -> None:
        self.ray, self.given, self.start, self.stop = ray, given, start, stop
        self.study, self.stopping = given.study, given.stopping
        self.running: dict[Any, int] = {}
        self.lost: Counter[int] = Counter()

    def until_done(self, per_trial: Mapping[str, float]) -> None:
        """Start trials and hear of them; what others work on is asked for again."""
        left = deque(self.given.numbers)
        later: dict[int, float] = {}
        asked = False
        while self.running or ((left or later) and not self.stopping.is_set()):
            if self.stopping.is_set() and not asked:
                self.stop.set.remote()
                asked = True
            now = time.monotonic()
            left.extend([number for number, due in later.items() if due <= now])
            later = {number: due for number, due in later.items() if due > now}
            room = (self.given.jobs or _room(self.ray, per_trial)) - len(self.running)
            while left and room > 0 and not self.stopping.is_set():
                number = left.popleft()
                self.running[self.start(number)] = number
                room -= 1
            if not self.running:
                self.stopping.wait(AGAIN)
                continue
            ended, _ = self.ray.wait(list(self.running), timeout=0.2)
            for each in ended:
                outcome = self._heard(each, self.running.pop(each))
                if outcome.state == "busy":
                    later[outcome.number] = time.monotonic() + AGAIN
                elif outcome.state != "interrupted":
                    self.given.told(outcome)

    def _heard(self, reference: Any, number: int) -> Outcome:
        try:
            outcome, host = self.ray.get(reference)
        except self.ray.exceptions.RayTaskError as error:
            cause = error.cause
            raise (cause if isinstance(cause, StudyFault) else StudyFault(f"trial {number}: {cause}")) from None
        except self.ray.exceptions.RayError as error:  # the process or the machine is gone
            self.lost[number] += 1
            if self.lost[number] > LOST:
                raise StudyFault(f"trial {number} was lost {LOST} times: {str(error).splitlines()[0]}") from None
            return Outcome(number, "busy")
        if isinstance(outcome, Outcome) and outcome.result is not None:
            self._check_here(number, host)
        return outcome  # type: ignore[no-any-return]  # of a task of ours

    def _check_here(self, number: int, host: str) -> None:
        """What a machine says that it has written must stand here: else its folder of that name is another one."""
        until = time.monotonic() + SEEN
        while self.study.result(number) is None:
            if time.monotonic() > until:
                raise StudyFault(
                    f"{host} has another folder {self.study.folder.resolve()}: put the study where all machines see it"
                )
            time.sleep(0.1)


def _work(folder: str, number: int, threads: int, watch: Watch | None, stop: Any) -> tuple[Outcome, str]:
    """A task: one trial, on the machine where this runs, whose name comes back too."""
    import socket

    host = socket.gethostname()
    try:
        study = Study.open(Path(folder))
    except StudyFault as fault:
        raise StudyFault(f"{host}: {fault}; put the study where all machines see it") from None
    watch = stopping_too(watch, _Asked(stop))
    return run_trial(study, number, threads=threads, watch=watch, trainings=_trainings(folder, threads)), host


@cache
def _trainings(folder: str, threads: int) -> Trainings:
    """What starts trainings, for all trials that Ray gives to this process; it ends with the process."""
    return trainings_of(Study.open(Path(folder)), threads)


class _Asked:
    """Reads as an event whether the trials are to stop."""

    def __init__(self, stop: Any) -> None:
        self._stop, self._said, self._next = stop, False, 0.0

    def is_set(self) -> bool:
        import ray

        if not self._said and time.monotonic() >= self._next:
            try:
                self._said = bool(ray.get(self._stop.asked.remote()))
            except ray.exceptions.ActorUnavailableError:
                pass  # for now: it is asked again
            except ray.exceptions.RayError:
                self._said = True  # it is gone, and who waits for this trial with it
            self._next = time.monotonic() + ASKED
        return self._said


@contextlib.contextmanager
def _connected(address: str | None) -> Iterator[Any]:
    """Ray, connected to a cluster, or to one of this machine that ends with the context. Raises `StudyFault`."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
        import ray.exceptions
    except ImportError:
        raise StudyFault(MISSING) from None
    logging.getLogger("ray").setLevel(logging.ERROR)
    here: dict[str, Any] = {"num_cpus": cores(), "include_dashboard": False} if address is None else {}
    main = threading.current_thread() is threading.main_thread()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        ray.init(address=address or "local", log_to_driver=False, configure_logging=False, **here)
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        said = str(error).strip().splitlines()[0]
        raise StudyFault(f"no Ray cluster at {address}: {said}" if address else f"Ray cannot start: {said}") from None
    finally:
        if main:  # Ray puts its own there
            for number, action in before.items():
                signal.signal(number, action)
    try:
        yield ray
    finally:
        ray.shutdown()


def _here(ray: Any) -> Any:
    """This machine alone: what runs there is lost only with the process that waits for all trials."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    return NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)


def _room(ray: Any, per_trial: Mapping[str, float]) -> int:
    """How many trials the machines that are there now have room for, at least one: more machines may come."""
    there = ray.cluster_resources()
    names = {"num_cpus": "CPU", "num_gpus": "GPU"}
    return max(1, min([int(there.get(names[name], 0) // each) for name, each in per_trial.items() if each]))


def _gpus(ray: Any, study: Study) -> int:
    """The GPUs of a trial: one where the cluster has any, unless the trainings are to be on CPUs."""
    device = [word.partition("=")[2] for word in study.head.words if word.startswith("--device=")]
    return 1 if ray.cluster_resources().get("GPU", 0) and (not device or device[-1] != "cpu") else 0


__all__ = ["OnRay"]
