"""What an engine is: whoever brings the trials of a study to their ends, on this machine or on many."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TypeAlias

from archdsl.records import dataclass
from archdsl.studies.study import Study
from archdsl.studies.trial import Outcome, Watch

WatchOf: TypeAlias = Callable[[int], "Watch | None"]
"""What may end a trial early, by its number."""


@dataclass(frozen=True)
class Work:
    """Trials of a study that are to be run."""

    study: Study
    numbers: Sequence[int]
    jobs: int | None
    """At a time; as many as there are cores for, if none is given."""
    threads: int
    """Of each training."""
    watch_of: WatchOf
    told: Callable[[Outcome], None]
    """Hears of each trial that ended, in one thread at a time."""
    stopping: threading.Event
    """When it is set those that run are stopped, with what they have; they go on from there another time."""


Engine: TypeAlias = Callable[[Work], None]
"""Runs the trials until all have ended, or are to stop, and what it does with one is `run_trial`. What others work on
is waited for. Raises `StudyFault`."""


__all__ = ["Engine", "WatchOf", "Work"]
