"""The tables of stages that a space makes of a list of widths, each with how often it comes.

A table is the widths of its stages and their depths: the runs of the list. They are worked out in pieces, for some
settings of the dimensions beside (`listing.py`) at once: where the list changes along one dimension, and what the
conditions admit of it, are steps; between them everything is as at one value. A list that is longer begins as a
shorter one, so that the runs of the longest are those of all, cut off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from archdsl import limits
from archdsl.analysis.bodies import bind_names
from archdsl.analysis.check_space import MODEL
from archdsl.analysis.values import OldValues
from archdsl.records import dataclass
from archdsl.spaces.arrays.column import Exact
from archdsl.spaces.arrays.engine import Settings
from archdsl.spaces.arrays.lanes import Array, Mask
from archdsl.spaces.arrays.listing import Before, Lines, bits, told
from archdsl.spaces.arrays.ragged import Counted
from archdsl.spaces.arrays.steps import Steps, steps
from archdsl.spaces.arrays.structure import Tied
from archdsl.spaces.space import Requirement

LINES = 1 << 16
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
    source_starts: Array
    """Where the sources of each row of widths begin, and the end of all."""
    sources: Array
    """The settings of the dimensions beside that have them."""

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
        return [ends[0], *[after - before for before, after in pairwise(ends)]]


def tables_of(lines: Lines, progress: Progress | None = None) -> list[Tables]:
    """All tables of a space. Raises `Tied`."""
    sizes, listing = lines.sizes, lines.listing
    if lines.work > limits.MAX_LINES:
        most = f"more than the {limits.MAX_LINES:,} that are looked at"
        raise Tied(f"the draws of its widths have {lines.work:,} lines, {most}")
    found: dict[int, _Gathered] = {}
    size = max(1, LINES // sizes[listing.length])
    for start in range(0, lines.count, size):
        others = np.arange(start, min(start + size, lines.count))
        pieces = Pieces.of_all(lines, others)
        for stages, rows in pieces.rows():
            if stages not in found:
                found[stages] = _Gathered(lines, rows.codes)
            found[stages].add(pieces, rows)
        if sum(each.size for each in found.values()) > limits.MAX_TABLES:
            raise Tied(f"there are more than {limits.MAX_TABLES:,} different tables of stages")
        if progress is not None:
            progress(int(others[-1]) + 1, lines.count)
    return [found[stages].tables() for stages in sorted(found)]


@dataclass(frozen=True)
class _Rows:
    """Tables as they come, some of them more than once: on lines, from one value to in front of another."""

    widths: Array
    """Rows of widths, each once."""
    codes: int
    """What a number for the row of its widths is multiplied by in a key."""
    keys: Array
    """Of each table the row of its widths, and where its stages end, in one number."""
    line: Array
    low: Array
    high: Array


class _Gathered:
    """Tables of a number of stages, each once."""

    def __init__(self, lines: Lines, codes: int) -> None:
        self.lines, self.codes = lines, codes
        self.numbers: dict[tuple[int, ...], int] = {}
        self.examples: list[Settings] = []
        self.sources: list[tuple[Array, Array]] = []
        self.parts: list[tuple[Array, Array, Array]] = []
        self.size = 0

    def add(self, pieces: Pieces, rows: _Rows) -> None:
        numbers = np.empty(len(rows.widths), np.int64)
        new = np.zeros(len(rows.widths), dtype=bool)
        for at, widths in enumerate(map(tuple, rows.widths.tolist())):
            new[at] = widths not in self.numbers
            numbers[at] = self.numbers.setdefault(widths, len(self.numbers))
        if self.codes * len(self.numbers) >= 1 << 62:
            raise Tied("tables of its stages have more digits than are counted with")
        of, codes = np.divmod(rows.keys, self.codes)
        beside = pieces.beside[rows.line]
        first = np.zeros(len(numbers), np.int64)
        first[of[::-1]] = np.arange(len(of))[::-1]
        own = first[new]
        line = rows.line[own]
        self.examples.append(self.lines.rows(pieces.others[beside[own]], pieces.drawn[line], rows.low[own]))
        met = np.zeros(len(numbers) * len(pieces.others), dtype=bool)
        met[of * len(pieces.others) + beside] = True
        source, other = np.divmod(np.flatnonzero(met), len(pieces.others))
        self.sources.append((numbers[source], pieces.others[other]))
        shares = self.lines.shares(pieces.others[pieces.beside], pieces.drawn)[rows.line]
        along = self.lines.edges[self.lines.listing.along]
        shares *= along[rows.high] - along[rows.low]
        found = _merged(numbers[of] * self.codes + codes, rows.high - rows.low, shares)
        self.size += len(found[0])
        self.parts.append(found)

    def tables(self) -> Tables:
        keys, times, shares = map(list, zip(*self.parts, strict=True))
        self.parts.clear()
        found = _merged(_joined(keys), _joined(times), _joined(shares))
        starts = np.searchsorted(found[0], np.arange(len(self.numbers) + 1) * self.codes)
        np.remainder(found[0], self.codes, out=found[0])
        widths = np.array(list(self.numbers), np.int64)
        of, others = (np.concatenate(each) for each in zip(*self.sources, strict=True))
        order = np.argsort(of, kind="stable")
        sources = np.searchsorted(of[order], np.arange(len(widths) + 1)), others[order]
        base = int(self.lines.lengths.max()) + 1
        return Tables(widths, np.concatenate(self.examples), starts, found[0], base, *found[1:], *sources)


def _joined(parts: list[Array]) -> Array:
    """All parts as one array, of which none is kept."""
    found = np.concatenate(parts)
    parts.clear()
    return found


def _merged(keys: Array, times: Array, shares: Array) -> tuple[Array, Array, Array]:
    """Different keys in their order, with the sums of what they have."""
    order = np.argsort(keys)
    keys = keys[order]
    first = np.flatnonzero(np.append(True, keys[1:] != keys[:-1]))
    return keys[first], np.add.reduceat(times[order], first), np.add.reduceat(shares[order], first)


# Some settings of the dimensions beside


class Pieces:
    """Lists and conditions for some lines: settings of the dimensions beside, and the drawn length."""

    def __init__(self, lines: Lines, others: Array, beside: Array, drawn: Array) -> None:
        """`others` are settings of the dimensions beside; `beside` tells which of them each line has, in order."""
        self.lines, self.others, self.beside, self.drawn = lines, others, beside, drawn
        self.size, self.lengths = lines.sizes[lines.listing.along], lines.lengths[drawn]
        self.most = int(lines.lengths.max())
        self.admitted = self._admitted()
        """Runs of settings that the conditions admit."""

    @classmethod
    def of_all(cls, lines: Lines, others: Array) -> Pieces:
        """All lengths with some settings of the dimensions beside."""
        count = lines.sizes[lines.listing.length]
        beside = np.repeat(np.arange(len(others)), count)
        return cls(lines, others, beside, np.tile(np.arange(count), len(others)))

    def _admitted(self) -> Steps:
        """The runs along the dimension that the conditions admit."""

        def codes(line: Array, along: Array) -> Array:
            return self.lines.conditions(self.lines.rows(self.others[self.beside[line]], self.drawn[line], along))[1]

        there = np.where(self.lengths > 0, self.size, 0)
        found = steps(codes, np.zeros(len(there), np.int64), there)
        kept = found.codes[:, 0] == 1
        return Steps(found.line[kept], found.first[kept], found.end[kept], found.codes[kept])

    def _elements(self) -> tuple[Array, Array, Array]:
        """Pieces along the dimension within which lists stay: whose they are, where they begin, and the elements."""
        most = self.most
        longest = int(np.argmax(self.lines.lengths))
        other, length = self.beside[self.admitted.line], self.lengths[self.admitted.line]
        first = np.full((len(self.others), most + 1), self.size)
        end = np.zeros((len(self.others), most + 1), np.int64)
        np.minimum.at(first, (other, length), self.admitted.first)
        np.maximum.at(end, (other, length), self.admitted.end)
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
        marked = np.zeros(len(self.others) * self.size, dtype=bool)
        marked[keys] = True
        pieces = np.flatnonzero(marked)
        at = (np.cumsum(marked, dtype=np.int32) - 1)[keys]
        elements = np.zeros((len(pieces), most), np.int64)
        elements[at, position] = found.codes[:, 0]
        begun = np.zeros((len(pieces), most), np.int32)
        begun[at, position] = at
        np.maximum.accumulate(begun, axis=0, out=begun)  # where nothing changes, as in the piece before
        return *np.divmod(pieces, self.size), elements[begun, np.arange(most)[None, :]]

    def rows(self) -> Iterator[tuple[int, _Rows]]:
        """The tables, by their number of stages."""
        if not self.admitted.line.size:
            return
        beside, first, elements = self._elements()
        begins = _runs(elements)
        run, piece = self._meeting(beside, first)
        last = np.append(first[1:], 0)
        last[np.append(beside[1:] != beside[:-1], True)] = self.size
        low = np.maximum(self.admitted.first[run], first[piece])
        high = np.minimum(self.admitted.end[run], last[piece])
        length = self.lengths[self.admitted.line].astype(np.int32)[run]
        stages = np.ones(len(run), np.int16)
        for begin in begins[1:]:
            stages += begin[piece] < length
        kept = self._admits(run, stages)
        for count in np.flatnonzero(np.bincount(stages[kept])).tolist():
            here = np.flatnonzero(kept & (stages == count))
            met = run[here], piece[here], low[here], high[here], length[here]
            yield count, self._rows(*met, begins[:count], elements)

    def _meeting(self, beside: Array, first: Array) -> tuple[Array, Array]:
        """Admitted runs with the pieces that they meet."""
        keys = beside * self.size + first
        own = self.beside[self.admitted.line] * self.size
        begin = np.searchsorted(keys, own + self.admitted.first, side="right") - 1
        end = np.searchsorted(keys, own + self.admitted.end, side="left")
        count = end - begin
        run = np.repeat(np.arange(len(count), dtype=np.int32), count)
        return run, np.arange(len(run)) + np.repeat(begin - np.cumsum(count) + count, count)

    def _admits(self, run: Array, stages: Array) -> Array:
        """What conditions on the number of stages admit."""
        most = int(stages.max(initial=0)) + 1
        met = np.zeros(len(self.admitted.line) * most, dtype=bool)
        keys = run * np.int64(most) + stages
        met[keys] = True
        different = np.flatnonzero(met)
        runs, counts = np.divmod(different, most)
        line = self.admitted.line[runs]
        rows = self.lines.rows(self.others[self.beside[line]], self.drawn[line], self.admitted.first[runs])
        met[different] = stages_admitted(self.lines, rows, counts)
        return met[keys]

    def _rows(
        self,
        run: Array,
        piece: Array,
        low: Array,
        high: Array,
        length: Array,
        begins: Sequence[Array],
        elements: Array,
    ) -> _Rows:
        """Tables of one number of stages, those that come one behind the other together."""
        base = self.most + 1
        used = np.zeros(len(elements), dtype=bool)
        used[piece] = True
        own = np.flatnonzero(used)
        different, of = numbered_rows(np.stack([elements[own, begin[own]] for begin in begins]))
        if len(different) * base ** len(begins) >= 1 << 62:
            raise Tied("tables of its stages have more digits than are counted with")
        codes = np.zeros(len(elements), np.int64)
        codes[own] = of
        for begin in begins[1:]:
            codes = codes * base + begin
        keys = codes[piece] * base + length
        at = np.flatnonzero(np.append(True, (keys[1:] != keys[:-1]) | (run[1:] != run[:-1])))
        high = high[np.append(at[1:], len(keys)) - 1]
        return _Rows(different, base ** len(begins), keys[at], self.admitted.line[run[at]], low[at], high)


def _runs(elements: Array) -> list[Array]:
    """Where the runs of lists begin: of each list the first, the second and so on, behind its end where it has none."""
    rows, positions = np.nonzero(elements[:, 1:] != elements[:, :-1])
    count = np.bincount(rows, minlength=len(elements))
    most = int(count.max(initial=0)) + 1
    found = [np.full(len(elements), elements.shape[1], np.int32) for _ in range(most)]
    found[0][:] = 0
    rank = np.arange(len(rows)) - np.repeat(np.cumsum(count) - count, count)
    for number in range(1, most):
        here = rank == number - 1
        found[number][rows[here]] = positions[here] + 1
    return found


def numbered_rows(columns: Array) -> tuple[Array, Array]:
    """The different ones of some rows (given by columns, K x N), and which of them each is (N)."""
    key, kept = np.zeros(columns.shape[1], np.int64), np.zeros(1, np.int64)
    for column in columns:
        different, at = np.unique(column, return_inverse=True)
        key = key * len(different) + at
        kept, key = np.unique(key, return_inverse=True)
    first = np.zeros(len(kept), np.int64)
    first[key[::-1]] = np.arange(len(key))[::-1]
    return columns[:, first].T, key


def stages_admitted(lines: Lines, rows: Settings, counts: Array) -> Array:
    """Whether conditions on draws and the number of stages admit settings. Raises `Tied`."""
    waiting = [step for step in lines.engine.space.steps if step.asks and not step.counts]
    holds = np.ones(len(rows), dtype=bool)
    if not waiting:
        return holds
    listing = lines.listing
    run = Before(lines.engine, rows, along=1 << listing.along)
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


__all__ = ["Pieces", "Progress", "Tables", "numbered_rows", "stages_admitted", "tables_of"]
