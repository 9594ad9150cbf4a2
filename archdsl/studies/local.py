"""The engine of one machine: several trials at a time, each in a process that starts warm."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Sequence
from typing import Protocol

from archdsl.studies.engine import Work
from archdsl.studies.processes import Trainings, environment, has_gpu
from archdsl.studies.study import Study
from archdsl.studies.trial import Metrics, Stop, Watch, run_trial

AGAIN = 0.5
"""Seconds before another look at trials that others work on."""


def cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def is_warm(study: Study) -> bool:
    """Whether trainings may be forks: not where a GPU may be used, whose state no fork can share."""
    device = [word.partition("=")[2] for word in study.head.words if word.startswith("--device=")]
    return device[-1] == "cpu" if device and device[-1] != "auto" else not has_gpu()


def trainings_of(study: Study, threads: int | None = None) -> Trainings:
    """What starts the trainings of a study on this machine: a context that many trials may share."""
    return Trainings(environment(threads or study.head.threads), warm=is_warm(study))


def run_local(given: Work) -> None:
    """See `Engine`."""
    study, threads, stopping = given.study, given.threads, given.stopping
    jobs = given.jobs or (max(1, cores() // threads) if is_warm(study) else 1)
    left = deque(given.numbers)
    lock = threading.Lock()
    faults: list[BaseException] = []

    def work(trainings: Trainings) -> None:
        waits = 0
        while not stopping.is_set():
            with lock:
                if not left:
                    return
                number = left.popleft()
            try:
                watch = stopping_too(given.watch_of(number), stopping)
                outcome = run_trial(study, number, threads=threads, watch=watch, trainings=trainings)
                with lock:
                    if outcome.state == "busy":
                        left.append(number)
                        waits += 1
                    elif outcome.state != "interrupted":
                        waits = 0
                        given.told(outcome)
                if waits > len(left):  # all of them, once around
                    stopping.wait(AGAIN)
                    waits = 0
            except BaseException as fault:  # of any kind: the others must hear of it
                faults.append(fault)
                stopping.set()

    with trainings_of(study, threads) as trainings:
        workers = [threading.Thread(target=work, args=(trainings,)) for _ in range(min(jobs, max(1, len(left))))]
        for worker in workers:
            worker.start()
        try:
            for worker in workers:
                while worker.is_alive():
                    worker.join(0.2)  # so that an interrupt comes through
        except BaseException:
            stopping.set()
            for worker in workers:
                worker.join()
            raise
    if faults:
        raise faults[0]


class Asked(Protocol):
    """What says whether trials are to stop: an event, for example."""

    def is_set(self) -> bool: ...


def stopping_too(watch: Watch | None, stopping: Asked) -> Watch:
    """What may end a trial early, or stops it with all others."""

    def asked(epochs: Sequence[Metrics]) -> Stop | None:
        if stopping.is_set():
            return "interrupted"
        return watch(epochs) if watch is not None else None

    return asked


__all__ = ["cores", "is_warm", "run_local", "stopping_too", "trainings_of"]
