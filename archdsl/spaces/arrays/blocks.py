"""The widths of the blocks of many members: the channels that each block of the stages gives, from the first on.

They are those of the networks, after `fit`: members are assembled on columns as the engine does it for their costs, and
what this way does not decide, the ordinary compiler does.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from archdsl.analysis.assemble import network_of
from archdsl.analysis.bodies import bind_names
from archdsl.analysis.context import AlreadyReported
from archdsl.analysis.model import Model
from archdsl.analysis.values import Value, tensors_of
from archdsl.diagnostics import Fault
from archdsl.graph.network import Network
from archdsl.records import dataclass
from archdsl.spaces.arrays.alike import grouped
from archdsl.spaces.arrays.assembled import Unsuited
from archdsl.spaces.arrays.column import Exact
from archdsl.spaces.arrays.engine import FEW, FIRST, LANES, Run, Settings, rows_of
from archdsl.spaces.arrays.lanes import Array, Split, Uneven
from archdsl.spaces.arrays.tally import Tally
from archdsl.spaces.member import member_of
from archdsl.spaces.opened import Opened
from archdsl.spaces.space import Requirement

_BLOCK = re.compile(r"stages\.[0-9]+\.blocks\.[0-9]+", re.ASCII)
MOST = 16
"""Blocks for which there is room at the beginning."""


class WidthFault(Exception):
    """Why a member has no list of widths: one sentence."""


@dataclass(frozen=True, eq=False)
class Widths:
    """The widths of members' blocks."""

    widths: npt.NDArray[np.int64]
    """N x most, zeros behind the last block."""
    depths: npt.NDArray[np.int64]
    """How many blocks each has (N)."""


def block_widths(opened: Opened, settings: Settings, progress: Callable[[int, int], None] | None = None) -> Widths:
    """The widths of the blocks of settings (N x dimensions) that are members. Raises `WidthFault`."""
    found = _Found(len(settings))
    for start in range(0, len(settings), LANES):
        waiting = [np.arange(start, min(start + LANES, len(settings)))]
        while waiting:
            rows = waiting.pop()
            if len(rows) <= FEW:
                _exactly(opened, rows, settings, found)
            else:
                unsure, parts = _lanes(opened, rows, settings, found)
                _exactly(opened, unsure, settings, found)
                waiting += parts
            if progress is not None:
                progress(found.done, len(settings))
    return Widths(found.widths, found.depths)


class _Found:
    """What is known so far."""

    def __init__(self, size: int) -> None:
        self.widths = np.zeros((size, MOST), np.int64)
        self.depths = np.zeros(size, np.int64)
        self.done = 0

    def enter(self, rows: Array, widths: Array, depths: Array) -> None:
        more = widths.shape[1] - self.widths.shape[1]
        if more > 0:
            self.widths = np.pad(self.widths, ((0, 0), (0, more)))
        self.widths[rows, : widths.shape[1]] = widths
        self.depths[rows] = depths
        self.done += len(rows)


def _exactly(opened: Opened, rows: Array, settings: Settings, found: _Found) -> None:
    """Members by the ordinary compiler, one by one."""
    for row in rows:
        member = member_of(opened.context, opened.space, settings[row].tolist())
        if member.model is None:
            raise WidthFault("a row has no network: its space is not what it was")
        widths = widths_of(member.network or network_of(opened.context, member.model))
        found.enter(np.array([row]), np.array([widths], np.int64), np.array([len(widths)]))


def widths_of(network: Network) -> list[int]:
    """The channels that each block of the stages gives. Raises `WidthFault` where a block gives several maps."""
    found = []
    for path, values in network.ends:
        if _BLOCK.fullmatch(path):
            if len(values) != 1:
                raise WidthFault(f"{path} gives {len(values)} maps, and a list of widths has one for each block")
            found.append(int(network.shape(values[0])[0]))
    if not found:
        raise WidthFault("a network without blocks has no list of widths")
    return found


def _lanes(opened: Opened, rows: Array, settings: Settings, found: _Found) -> tuple[Array, list[Array]]:
    """Enter what is known of members at once: which are left to the ordinary compiler, and which come apart."""
    run = _Run(opened.context, opened.space, opened.engine.forms, rows_of(settings, rows), FIRST)
    try:
        widths, depths = run.widths()
    except Split as split:
        sure = ~run.lanes.unsure
        parts = list(grouped(rows[sure], [np.asarray(split.keys)[sure].astype(np.int64)])) if sure.any() else []
        return (rows, []) if len(parts) < 2 and sure.all() else (rows[~sure], parts)
    except (Fault, AlreadyReported, Unsuited, Uneven, TypeError, RecursionError):  # as the engine has them
        return rows, []
    sure = ~run.lanes.unsure & (depths > 0)
    found.enter(rows[sure], widths[sure], depths[sure])
    return rows[~sure], []


class _Run(Run):
    """The assembly of members, of which requirements are known to hold."""

    def widths(self) -> tuple[Array, Array]:
        """Widths (N x most) and depths (N)."""
        self._draw()
        for step in self.space.steps:
            if not step.asks and not isinstance(step, Requirement):
                bind_names(self.ctx, step.binding, self._environment(step.environment))
        self._make()
        if self.model is None:
            raise AlreadyReported
        tally = _Watching(self.ctx, self.forms)
        tally.count(self.model)
        return tally.widths()


class _Watching(Tally):
    """Keeps what the blocks give that are put one behind the other."""

    def count(self, model: Model) -> dict[str, Array]:
        self.given: dict[str, tuple[Array, Array]] = {}
        """Channels (N) and how often the block stands there (N), by path."""
        return super().count(model)

    def place(self, *arguments: Any, **options: Any) -> Value:
        value = super().place(*arguments, **options)
        path: str = arguments[2]
        if _BLOCK.fullmatch(path):
            tensors = tensors_of(value) or ()
            if len(tensors) != 1:
                raise Unsuited
            self._keep(path, tensors[0].shape[0])
        return value

    def _keep(self, path: str, channels: Any) -> None:
        here = np.broadcast_to(self.lanes.here[:, 0], (self.lanes.size,))
        own = self.lanes.each(channels.num) if isinstance(channels, Exact) else np.full(self.lanes.size, channels)
        if isinstance(channels, Exact) and not channels.whole:
            raise Unsuited
        times = np.where(here, self._factors.get(path, 1), 0)
        before = self.given.get(path)
        if before is not None:  # another block in other lanes
            own, times = np.where(here, own, before[0]), np.where(here, times, before[1])
        self.given[path] = own, times

    def widths(self) -> tuple[Array, Array]:
        size = self.lanes.size
        depths = sum([times for _, times in self.given.values()], start=np.zeros(size, np.int64))
        widths = np.zeros((size, int(depths.max(initial=0))), np.int64)
        places = np.arange(widths.shape[1])
        first = np.zeros(size, np.int64)
        for channels, times in self.given.values():
            after = first + times
            widths = np.where((places >= first[:, None]) & (places < after[:, None]), channels[:, None], widths)
            first = after
        return widths, depths


__all__ = ["WidthFault", "Widths", "block_widths", "widths_of"]
