"""Members of a space, drawn one after the other or gone through in order, on one process or several.

What is found depends on the numbers of the draws alone. They are evaluated in pieces, which grow as long as they are
quick, and are taken up in their order; so the same is found for any number of processes.
"""

from __future__ import annotations

import signal
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import field, replace
from multiprocessing import get_context
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from archdsl.records import dataclass
from archdsl.spaces.arrays.draws import draw
from archdsl.spaces.arrays.engine import NO_NETWORK, VALID, Batch, Settings, rows_of
from archdsl.spaces.opened import Opened, Text

BAND = -3
"""Where a piece says why: a band leaves out a valid setting. The second band is -4, and so on."""
FIRST, LARGEST = 32, 1 << 18
"""Draws in a piece."""
QUICK = 0.5
"""Seconds of the processor; a piece that took less is followed by one of twice the size."""

FAULTS = 3
"""Settings without a network whose reasons are told."""

Progress: TypeAlias = Callable[[int, int], None]
"""Is told how many were drawn, and how many were accepted."""


@dataclass(frozen=True)
class Band:
    """Bounds of a measure, both within."""

    measure: str
    low: int | None
    high: int | None

    def holds(self, costs: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        kept = np.ones(len(costs), np.bool_)
        kept &= True if self.low is None else np.asarray(costs >= self.low, np.bool_)
        kept &= True if self.high is None else np.asarray(costs <= self.high, np.bool_)
        return kept


@dataclass(frozen=True)
class Asked:
    """Which settings are looked at, and what of them is kept."""

    seed: int | None = 0
    """None: all settings in their order."""
    equal: bool = False
    """Whether all settings are equally probable, whatever the laws are."""
    bands: tuple[Band, ...] = ()
    hashed: bool = True


@dataclass(frozen=True)
class Piece:
    """A run of settings by number, with those that were accepted."""

    start: int
    why: npt.NDArray[np.int16]
    """Of every setting: as in a `Batch`, or the band that leaves it out."""
    index: npt.NDArray[np.int64]
    """The numbers of those accepted; the rest holds a row for each of them."""
    settings: Settings
    costs: Mapping[str, npt.NDArray[Any]]
    hashes: tuple[str, ...] | None
    faults: tuple[tuple[int, str], ...] = ()
    """Of the first settings without a network, the numbers and the reasons."""

    def first(self, accepted: int) -> Piece:
        """The piece up to the setting that is the last of so many accepted."""
        end = int(self.index[accepted - 1]) + 1 - self.start
        faults = tuple([each for each in self.faults if each[0] < self.start + end])
        return replace(self.kept(np.arange(len(self.index)) < accepted), why=self.why[:end], faults=faults)

    def kept(self, which: npt.NDArray[np.bool_]) -> Piece:
        """Some of those accepted."""
        hashes = self.hashes
        return replace(
            self,
            index=self.index[which],
            settings=rows_of(self.settings, np.flatnonzero(which)),
            costs={name: column[which] for name, column in self.costs.items()},
            hashes=None if hashes is None else tuple([each for each, keep in zip(hashes, which, strict=True) if keep]),
        )


@dataclass
class Tally:
    """What became of the settings that were looked at."""

    looked: int = 0
    why: Counter[int] = field(default_factory=Counter)
    repeated: int = 0
    """Members whose network had been found before, where each is asked for once."""

    faults: list[tuple[int, str]] = field(default_factory=list)
    """Of the first settings without a network, the numbers and the reasons."""

    def add(self, found: Piece) -> None:
        """Pieces come in their order."""
        self.looked += len(found.why)
        values, counts = np.unique(found.why, return_counts=True)
        self.why.update(dict(zip(values.tolist(), counts.tolist(), strict=True)))
        self.faults += found.faults[: FAULTS - len(self.faults)]

    @property
    def valid(self) -> int:
        """Those that the space admits, within the bands or not."""
        return sum(count for why, count in self.why.items() if why == VALID or why <= BAND)

    @property
    def no_network(self) -> int:
        return self.why[NO_NETWORK]


def settings_at(sizes: tuple[int, ...], start: int, count: int) -> Settings:
    """The settings from one on, in their order: the last dimension runs fastest."""
    found = np.empty((count, len(sizes)), np.int64)
    numbers = np.arange(start, start + count, dtype=np.int64)
    for column in range(len(sizes) - 1, -1, -1):
        numbers, found[:, column] = np.divmod(numbers, sizes[column])
    return found


def piece(opened: Opened, asked: Asked, start: int, count: int) -> Piece:
    """Settings from a number on, evaluated."""
    space = opened.space
    if asked.seed is None:
        settings = settings_at(space.sizes, start, count)
    else:
        settings = draw(space, asked.seed, start, count, equal=asked.equal)
    batch: Batch = opened.engine.evaluate(settings)
    why = batch.why.copy()
    for number, band in enumerate(asked.bands):
        why[(why == VALID) & ~band.holds(batch.costs[band.measure])] = BAND - number
    rows = np.flatnonzero(why == VALID)
    hashes = tuple([opened.hash_of(settings[row]) for row in rows]) if asked.hashed else None
    costs = {name: column[rows] for name, column in batch.costs.items()}
    faulty = np.flatnonzero(why == NO_NETWORK)[:FAULTS]
    faults = tuple([(start + int(row), opened.reason_of(settings[row])) for row in faulty])
    return Piece(start, why, rows.astype(np.int64) + start, rows_of(settings, rows), costs, hashes, faults)


# Pieces in their order


Pieces: TypeAlias = Iterator[Piece]


@contextmanager
def pieces(
    opened: Opened, asked: Asked, jobs: int, start: int = 0, end: int | None = None, size: int | None = None
) -> Iterator[Pieces]:
    """The pieces from a number on, on so many processes; of one size, where one is given."""
    if jobs == 1:
        yield _here(opened, asked, start, end, size)
        return
    context = get_context("spawn")  # forks of processes with threads may hang
    with ProcessPoolExecutor(jobs, context, _begin, (opened.text,)) as pool:
        try:
            yield _there(pool, jobs, asked, start, end, size)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _here(opened: Opened, asked: Asked, start: int, end: int | None, size: int | None) -> Pieces:
    growing = size or FIRST
    while end is None or start < end:
        count = growing if end is None else min(growing, end - start)
        began = time.thread_time()
        found = piece(opened, asked, start, count)
        seconds = time.thread_time() - began
        yield found
        if size is None and seconds < QUICK:
            growing = min(2 * growing, LARGEST)
        start += count


def _there(pool: ProcessPoolExecutor, jobs: int, asked: Asked, start: int, end: int | None, size: int | None) -> Pieces:
    waiting: deque[Future[tuple[Piece, float]]] = deque()
    growing = size or FIRST
    while True:
        while len(waiting) < 2 * jobs and (end is None or start < end):
            count = growing if end is None else min(growing, end - start)
            waiting.append(pool.submit(_piece, asked, start, count))
            start += count
        if not waiting:
            return
        found, seconds = waiting.popleft().result()
        yield found
        if size is None and seconds < QUICK:
            growing = min(2 * growing, LARGEST)


_OPENED: list[Opened] = []
"""What a worker process works on, from its beginning to its end. The process that started it has nothing here, nor do
its threads come here."""


def _begin(text: Text) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that started this one ends it
    opened = text.opened()
    if opened is None:
        raise RuntimeError("the space is at fault in a process, and was not where that was started")
    _OPENED[:] = [opened]


def _piece(asked: Asked, start: int, count: int) -> tuple[Piece, float]:
    began = time.thread_time()
    return piece(_OPENED[0], asked, start, count), time.thread_time() - began


# Members


@dataclass(frozen=True)
class Wanted:
    """How many members are drawn, and when the search for them ends."""

    count: int
    most: int
    """Draws after which no more are made."""
    unique: bool = False
    """Whether a network that was found before is passed over."""
    start: int = 0
    seen: frozenset[str] = frozenset()
    """Hashes of networks that were found before."""


def members(
    opened: Opened, asked: Asked, wanted: Wanted, jobs: int, tally: Tally, progress: Progress | None = None
) -> Pieces:
    """Pieces with the first members of a seed; what became of all draws up to the last of them is added to the tally.

    There are fewer where `most` draws have no more.
    """
    seen = set(wanted.seen)
    left = wanted.count
    with pieces(opened, asked, jobs, wanted.start, wanted.start + wanted.most) as found:
        for each in found if left else ():
            taken, new = each, np.ones(len(each.index), np.bool_)
            if wanted.unique and each.hashes is not None:
                new = first_of(each.hashes, seen)
            if int(new.sum()) >= left:
                last = int(np.flatnonzero(new)[left - 1]) + 1
                taken, new = each.first(last), new[:last]
            tally.add(taken)
            tally.repeated += int(len(new) - new.sum())
            taken = taken.kept(new)
            left -= len(taken.index)
            yield taken
            if progress is not None:
                progress(tally.looked, wanted.count - left)
            if not left:
                return


def first_of(hashes: Sequence[str], seen: set[str]) -> npt.NDArray[np.bool_]:
    """Which of the hashes were not seen before; all are, from now on."""
    new = []
    for each in hashes:
        new.append(each not in seen)
        seen.add(each)
    return np.array(new, np.bool_)


__all__ = ["BAND", "Asked", "Band", "Piece", "Tally", "Wanted", "first_of", "members", "piece", "pieces", "settings_at"]
