"""The tables of stages that a space makes of a list of widths, each with how often it comes.

A table is the widths of its stages and their depths: the runs of the list. They are worked out in pieces, for some
settings of the dimensions beside (`listing.py`) at once: where the list changes along one dimension, and what the
conditions admit of it, are steps; between them everything is as at one value. A list that is longer begins as a
shorter one, so that the runs of the longest are those of all, cut off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from archdsl import limits
from archdsl.analysis.calls import bind_names
from archdsl.analysis.check_space import MODEL
from archdsl.analysis.values import OldValues
from archdsl.records import dataclass
from archdsl.spaces.arrays.column import Exact
from archdsl.spaces.arrays.draws import BITS, edges_of
from archdsl.spaces.arrays.engine import Settings
from archdsl.spaces.arrays.lanes import Array, Mask
from archdsl.spaces.arrays.listing import Before, Lines, bits, told
from archdsl.spaces.arrays.rules import Counted
from archdsl.spaces.arrays.steps import Steps, steps
from archdsl.spaces.arrays.structure import Tied
from archdsl.spaces.laws import Law
from archdsl.spaces.space import Requirement

LINES = 1 << 17
"""Lines that are worked out at once, about."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Tables:
    """Different tables with the same number of stages, those of the same widths beside each other."""

    widths: Array
    """Widths in the order of the stages: a row for each that comes."""
    example: Settings
    """For each row of widths a setting that has them; its depths are those of some table."""
    starts: Array
    """Where the tables of each row of widths begin, and the end of all."""
    codes: Array
    """Of each table where its stages end, in one number: see `depths`."""
    base: int
    times: Array
    """How many settings of the dimensions that it is made of give it."""
    shares: Array
    """How probable these are, by the laws of the space: in doubles, which add up to what is admitted of 1."""

    @property
    def stages(self) -> int:
        return int(self.widths.shape[1])

    def depths(self, codes: Array) -> list[Array]:
        """The depth of each stage, of tables with these codes."""
        ends = []
        for _ in range(self.stages):
            codes, end = np.divmod(codes, self.base)
            ends.append(end)
        ends.reverse()
        return [ends[0], *[after - before for before, after in zip(ends[:-1], ends[1:], strict=True)]]


def tables_of(lines: Lines, progress: Progress | None = None) -> list[Tables]:
    """All tables of a space. Raises `Tied`."""
    sizes, listing = lines.sizes, lines.listing
    work = lines.count * (sizes[listing.length] + int(lines.lengths.max(initial=0)))
    if work > limits.MAX_LINES:
        raise Tied(f"the draws of its widths have {work:,} lines, more than the {limits.MAX_LINES:,} that are looked at")
    found: dict[int, _Gathered] = {}
    size = max(1, LINES // sizes[listing.length])
    for start in range(0, lines.count, size):
        others = np.arange(start, min(start + size, lines.count))
        for stages, rows in _Pieces(lines, others).rows():
            if stages not in found:
                found[stages] = _Gathered(stages, int(lines.lengths.max()) + 1)
            found[stages].add(rows)
        if sum(each.size for each in found.values()) > limits.MAX_TABLES:
            raise Tied(f"there are more than {limits.MAX_TABLES:,} different tables of stages")
        if progress is not None:
            progress(int(others[-1]) + 1, lines.count)
    return [found[stages].tables() for stages in sorted(found)]


@dataclass(frozen=True)
class _Rows:
    """Tables as they come, some of them more than once."""

    widths: Array
    """Rows of widths, each once."""
    of: Array
    """The row of its widths, for each."""
    ends: Array
    """Where its stages end (N x stages)."""
    times: Array
    shares: Array
    examples: Settings
    """A setting for each of the rows of widths."""


class _Gathered:
    """Tables of a number of stages, each once."""

    def __init__(self, stages: int, base: int) -> None:
        self.stages, self.base = stages, base
        self.numbers: dict[tuple[int, ...], int] = {}
        self.examples: list[Settings] = []
        self.parts: list[tuple[Array, Array, Array]] = []
        self.size = 0

    def add(self, rows: _Rows) -> None:
        numbers = np.empty(len(rows.widths), np.int64)
        new = np.zeros(len(rows.widths), dtype=bool)
        for at, widths in enumerate(map(tuple, rows.widths.tolist())):
            new[at] = widths not in self.numbers
            numbers[at] = self.numbers.setdefault(widths, len(self.numbers))
        self.examples.append(rows.examples[new])
        most = self.base**self.stages
        if most * len(self.numbers) >= 1 << 62:
            raise Tied("tables of its stages have more digits than are counted with")
        keys = numbers[rows.of]
        for stage in range(self.stages):
            keys = keys * self.base + rows.ends[:, stage]
        self._enter(keys, rows.times, rows.shares)

    def _enter(self, keys: Array, times: Array, shares: Array) -> None:
        found = _merged(keys, times, shares)
        self.size += len(found[0])
        self.parts.append(found)

    def tables(self) -> Tables:
        keys, times, shares = (np.concatenate(each) for each in zip(*self.parts, strict=True))
        self.parts.clear()
        keys, times, shares = _merged(keys, times, shares)
        of, codes = np.divmod(keys, self.base**self.stages)
        starts = np.searchsorted(of, np.arange(len(self.numbers) + 1))
        widths = np.array(list(self.numbers), np.int64)
        return Tables(widths, np.concatenate(self.examples), starts, codes, self.base, times, shares)


def _merged(keys: Array, times: Array, shares: Array) -> tuple[Array, Array, Array]:
    """Different keys in their order, with the sums of what they have."""
    order = np.argsort(keys)
    keys = keys[order]
    first = np.flatnonzero(np.append(True, keys[1:] != keys[:-1]))
    return keys[first], np.add.reduceat(times[order], first), np.add.reduceat(shares[order], first)


# Some settings of the dimensions beside


class _Pieces:
    """Lists and conditions for some settings of the dimensions beside, along the one."""

    def __init__(self, lines: Lines, others: Array) -> None:
        self.lines, self.others = lines, others
        listing, sizes = lines.listing, lines.sizes
        self.size, self.lengths = sizes[listing.along], lines.lengths
        self.admitted = self._admitted(sizes[listing.length])
        """Runs of settings that the conditions admit; a line is a setting beside and a length."""

    def _admitted(self, count: int) -> Steps:
        """The runs along the dimension that the conditions admit."""
        others = np.repeat(np.arange(len(self.others)), count)
        length = np.tile(np.arange(count), len(self.others))

        def codes(line: Array, along: Array) -> Array:
            return self.lines.conditions(self.lines.rows(self.others[others[line]], length[line], along))[1]

        there = np.where(self.lengths[length] > 0, self.size, 0)
        found = steps(codes, np.zeros(len(others), np.int64), there)
        kept = found.codes[:, 0] == 1
        return Steps(found.line[kept], found.first[kept], found.end[kept], found.codes[kept])

    def _elements(self) -> tuple[Array, Array, Array]:
        """Pieces along the dimension within which the lists stay: whose they are, where they begin, and the elements."""
        most = int(self.lengths.max())
        longest = int(np.argmax(self.lengths))
        count = self.lines.sizes[self.lines.listing.length]
        other, length = np.divmod(self.admitted.line, count)
        first = np.full((len(self.others), most + 1), self.size)
        end = np.zeros((len(self.others), most + 1), np.int64)
        np.minimum.at(first, (other, self.lengths[length]), self.admitted.first)
        np.maximum.at(end, (other, self.lengths[length]), self.admitted.end)
        # An element matters wherever a list is admitted that is as long.
        first = np.minimum.accumulate(first[:, :0:-1], axis=1)[:, ::-1]
        end = np.maximum.accumulate(end[:, :0:-1], axis=1)[:, ::-1]

        def codes(line: Array, along: Array) -> Array:
            beside, position = np.divmod(line, most)
            rows = self.lines.rows(self.others[beside], np.full(len(line), longest), along)
            return self.lines.elements(rows, position)[:, None]

        found = steps(codes, first.ravel(), end.ravel())
        beside, position = np.divmod(found.line, most)
        keys = beside * self.size + found.first
        pieces, at = np.unique(keys, return_inverse=True)
        elements = np.zeros((len(pieces), most), np.int64)
        elements[at, position] = found.codes[:, 0]
        begun = np.zeros((len(pieces), most), np.int64)
        begun[at, position] = at
        begun = np.maximum.accumulate(begun, axis=0)  # where nothing changes, as in the piece before
        elements = elements[begun, np.arange(most)[None, :]]
        return *np.divmod(pieces, self.size), elements

    def rows(self) -> Iterator[tuple[int, _Rows]]:
        """The tables, by their number of stages."""
        if not self.admitted.line.size:
            return
        beside, first, elements = self._elements()
        runs = _runs(elements)
        run, piece = self._meeting(beside, first)
        last = np.append(first[1:], 0)
        last[np.append(beside[1:] != beside[:-1], True)] = self.size
        low = np.maximum(self.admitted.first[run], first[piece])
        high = np.minimum(self.admitted.end[run], last[piece])
        length = self.lengths[self.admitted.line[run] % self.lines.sizes[self.lines.listing.length]]
        stages = (runs[piece] < length[:, None]).sum(axis=1)
        kept = (high > low) & self._admits(run, stages)
        run, piece, low, high, length, stages = (each[kept] for each in (run, piece, low, high, length, stages))
        for count in np.unique(stages).tolist():
            here = np.flatnonzero(stages == count)
            begins = runs[piece[here], :count]
            ends = np.concatenate([begins[:, 1:], length[here, None]], axis=1)
            yield count, self._rows(run[here], piece[here], low[here], high[here], begins, ends, elements)

    def _meeting(self, beside: Array, first: Array) -> tuple[Array, Array]:
        """Admitted runs with the pieces that they meet."""
        keys = beside * self.size + first
        own = self.admitted.line // self.lines.sizes[self.lines.listing.length] * self.size
        begin = np.searchsorted(keys, own + self.admitted.first, side="right") - 1
        end = np.searchsorted(keys, own + self.admitted.end, side="left")
        count = end - begin
        run = np.repeat(np.arange(len(count)), count)
        return run, np.arange(len(run)) - np.repeat(np.cumsum(count) - count, count) + begin[run]

    def _admits(self, run: Array, stages: Array) -> Array:
        """What conditions on the number of stages admit."""
        most = int(stages.max(initial=0)) + 1
        different, at = np.unique(run * most + stages, return_inverse=True)
        runs, counts = np.divmod(different, most)
        other, length = np.divmod(self.admitted.line[runs], self.lines.sizes[self.lines.listing.length])
        rows = self.lines.rows(self.others[other], length, self.admitted.first[runs])
        return stages_admitted(self.lines, rows, counts)[at]

    def _rows(
        self, run: Array, piece: Array, low: Array, high: Array, begins: Array, ends: Array, elements: Array
    ) -> _Rows:
        """Tables of one number of stages, those that come one behind the other together."""
        widths = elements[piece[:, None], begins]
        new = np.append(True, (run[1:] != run[:-1]) | (ends[1:] != ends[:-1]).any(axis=1))
        new[1:] |= (widths[1:] != widths[:-1]).any(axis=1)
        at = np.flatnonzero(new)
        times = np.add.reduceat(high - low, at)
        other, length = np.divmod(self.admitted.line[run[at]], self.lines.sizes[self.lines.listing.length])
        shares = self._shares(self.others[other], length, low[at], low[at] + times)
        number = _numbered(widths[at])
        _, first, of = np.unique(number, return_index=True, return_inverse=True)
        examples = self.lines.rows(self.others[other[first]], length[first], low[at][first])
        return _Rows(widths[at][first], of, ends[at], times, shares, examples)

    def _shares(self, others: Array, length: Array, low: Array, high: Array) -> Array:
        """How probable runs along the dimension are."""
        rows = self.lines.rows(others, length, low)
        listing, found = self.lines.listing, np.ones(len(low))
        for dimension in (*listing.others, listing.length):
            edges = shares_of(self.lines.laws[dimension])
            found *= edges[rows[:, dimension] + 1] - edges[rows[:, dimension]]
        edges = shares_of(self.lines.laws[listing.along])
        return found * (edges[high] - edges[low])


def _runs(elements: Array) -> Array:
    """Where the runs of lists begin, in each; behind the last one a position behind the end."""
    rows, positions = np.nonzero(elements[:, 1:] != elements[:, :-1])
    count = np.bincount(rows, minlength=len(elements))
    found = np.full((len(elements), int(count.max(initial=0)) + 1), elements.shape[1])
    found[:, 0] = 0
    rank = np.arange(len(rows)) - np.repeat(np.cumsum(count) - count, count)
    found[rows, rank + 1] = positions + 1
    return found


def _numbered(values: Array) -> Array:
    """Rows by numbers: the same for equal ones."""
    found = np.zeros(len(values), np.int64)
    for column in values.T:
        different, at = np.unique(column, return_inverse=True)
        found = np.unique(found * len(different) + at, return_inverse=True)[1]
    return found


def shares_of(law: Law) -> Array:
    """How probable the values in front of each are, and all: what `draws.py` makes of a law, in doubles."""
    return np.append(0, edges_of(law)) / float(1 << BITS)


def stages_admitted(lines: Lines, rows: Settings, counts: Array) -> Array:
    """Whether conditions on draws and the number of stages admit settings. Raises `Tied`."""
    waiting = [step for step in lines.engine.space.steps if step.asks and not step.counts]
    holds = np.ones(len(rows), dtype=bool)
    if not waiting:
        return holds
    listing = lines.listing
    run = Before(lines.engine, rows, along=1 << listing.along, spread=bits(listing.made_of))
    with told():
        run.conditions(frozenset(listing.apart))
        run.between()
        run.names[MODEL] = OldValues(MODEL, _Stages(Counted(Exact(run.lanes, counts[:, None], depends=0))))
        for step in waiting:
            env = run._environment(step.environment)
            if not isinstance(step, Requirement):
                bind_names(run.ctx, step.binding, env)
                continue
            value: Any = run.ctx.evaluate(step.condition, env)
            if not isinstance(value, Mask):
                holds &= value is not None and value is not False
                continue
            if value.depends & ~bits((listing.length, *listing.others)):
                raise Tied("a requirement of the model ties the draws of the widths and others")
            holds &= run.lanes.each(value.truth)
    if run.lanes.loose or run.lanes.unsure.any():
        raise Tied("its requirements of the model are not decided alike for all settings")
    return holds


class _Stages(Mapping[str, Any]):
    """What conditions see of a model of which the number of its stages is known."""

    def __init__(self, stages: Counted) -> None:
        self._stages = stages

    def __getitem__(self, name: str) -> Any:
        if name != "stages":
            raise Tied(f"a requirement asks for the `{name}` of the model")
        return self._stages

    def __iter__(self) -> Iterator[str]:
        return iter(("stages", "depth", "depths", "widths"))

    def __len__(self) -> int:
        return 4


__all__ = ["Progress", "Tables", "shares_of", "stages_admitted", "tables_of"]
