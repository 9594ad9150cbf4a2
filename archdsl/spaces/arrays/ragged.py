"""Lists of numbers whose length differs by lane, and of which neighbours may be the same.

A `Ragged` list has a value at each position. A `Stretched` one has its runs alone, with how long each is, so that what
is made of its elements is made once for each run.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn

import numpy as np

from archdsl.analysis.values import ManyLists, Value
from archdsl.spaces.arrays.column import Column, Exact, Real
from archdsl.spaces.arrays.lanes import WIDE, Array, Lanes, Split, Uneven


class Counted(ManyLists):
    """A list of other length in every lane, of which the length is all that is known. What takes it for a plain list
    gets lanes of one length."""

    def __new__(cls, *_: object) -> Any:
        return super().__new__(cls)

    def __init__(self, lengths: Exact) -> None:
        """`lengths` are whole numbers."""
        self.lengths = lengths

    @property
    def many(self) -> Exact:
        return self.lengths

    def apart(self) -> NoReturn:
        """Take lanes of other length from each other."""
        raise Split(self.lengths.lanes.each(self.lengths.num), self.lengths.depends)

    def __iter__(self) -> Iterator[Value]:
        self.apart()

    def __len__(self) -> int:
        self.apart()

    def __getitem__(self, index: Any) -> Any:
        self.apart()

    def __eq__(self, other: object) -> bool:
        self.apart()

    def __hash__(self) -> int:
        raise TypeError("it has no hash")

    def runs(self) -> list[tuple[Value, Any]] | ManyLists:
        self.apart()


class Ragged(Counted):
    """A list of numbers of other length in every lane."""

    def __init__(self, column: Column, lengths: Exact) -> None:
        """`column` is lanes x positions."""
        super().__init__(lengths)
        self._column = column

    @property
    def column(self) -> Column:
        """The elements: lanes x positions."""
        return self._column

    @property
    def lanes(self) -> Lanes:
        return self.lengths.lanes

    @property
    def depends(self) -> int:
        """The dimensions that its elements depend on."""
        return self._column.depends

    @property
    def live(self) -> Array:
        """Which positions there are."""
        shape = (self.lanes.size, self.column.shape[1])
        return np.asarray(np.broadcast_to(np.arange(shape[1])[None, :] < self.lengths.num, shape))

    def stretched(self) -> Stretched | None:
        """The same by its runs; none where it has hardly fewer of these, or they are not told."""
        column, lanes = self._column, self.lanes
        if not isinstance(column, Exact) or not isinstance(column.den, int) or column.num.shape != self.live.shape:
            return None
        num, lengths = column.num, lanes.each(self.lengths.num)
        if (lengths <= 0).any():
            return None
        changes = num[:, 1:] != num[:, :-1]
        changes &= np.arange(1, num.shape[1])[None, :] < lengths[:, None]
        rows, positions = np.nonzero(changes)
        count = np.bincount(rows, minlength=lanes.size)
        most = int(count.max(initial=0)) + 1
        if 2 * most > num.shape[1]:
            return None
        begins = np.repeat(lengths[:, None], most + 1, axis=1)
        begins[:, 0] = 0
        rank = np.arange(len(rows)) - np.repeat(np.cumsum(count) - count, count)
        begins[rows, rank + 1] = positions + 1
        # Behind the last run stands its element again, so that nothing else is worked out there.
        values = np.take_along_axis(num, np.minimum(begins[:, :-1], lengths[:, None] - 1), axis=1)
        elements = Exact(lanes, values, column.den, column.bound, depends=column.depends)
        return Stretched(elements, self.lengths, begins)

    def runs(self) -> list[tuple[Value, Any]] | ManyLists:
        lanes = self.lanes
        if lanes.on_runs is not None:
            told: list[tuple[Value, Any]] | ManyLists = lanes.on_runs(self)
            return told
        if not lanes.alike(np.asarray(self.lengths.num > 0)):
            self.apart()
        parts = self.stretched()
        if parts is not None:
            return parts.runs()
        live = self.live
        begins = np.minimum(np.arange(live.shape[1] + 1)[None, :], lanes.each(self.lengths.num)[:, None])
        return self._runs(self.column, live, begins)

    def _runs(self, column: Column, live: Array, begins: Array) -> list[tuple[Value, Any]] | ManyLists:
        """The runs of parts that may be the same as their neighbours; `begins` says where parts begin, and the end."""
        lanes = self.lanes
        if not isinstance(column, Exact):
            self.apart()
        num = np.broadcast_to(column.num, live.shape)
        den = column.den if isinstance(column.den, int) else np.broadcast_to(column.den, live.shape)
        before, after = num[:, :-1], num[:, 1:]
        if not isinstance(den, int):
            if column.bound * column.widest >= WIDE:
                self.apart()
            before, after = before * den[:, 1:], after * den[:, :-1]
        of = np.zeros(live.shape, np.int64)
        np.cumsum((before != after) & live[:, 1:], axis=1, out=of[:, 1:])
        count = lanes.alike(of[:, -1:] + 1)
        if count is None:
            return Counted(Exact(lanes, of[:, -1:] + 1))
        found: list[tuple[Value, Any]] = []
        rows = np.arange(len(num))
        end = np.zeros(len(num), np.int64)
        for run in range(int(count)):
            below, first = (of <= run).sum(axis=1), np.minimum((of < run).sum(axis=1), live.shape[1] - 1)
            begin, end = end, begins[rows, below]
            width = den if isinstance(den, int) else den[rows, first][:, None]
            depth = Exact(lanes, (end - begin)[:, None])
            found.append((Exact(lanes, num[rows, first][:, None], width), depth))
        return found

    def reduced(self, name: str) -> Column:
        """The sum of all, or the largest or smallest."""
        live, column = self.live, self.column
        depends = column.depends | self.lengths.depends
        if name == "count":
            return self.lengths
        if column.lanes.positions is not None:
            raise Uneven
        if not isinstance(column, Exact) or not isinstance(column.den, int) or column.bound * live.shape[1] >= WIDE:
            self.apart()
        if name == "sum":
            total = np.where(live, column.num, 0).sum(axis=1, keepdims=True)
            return Exact(column.lanes, total, column.den, depends=depends)
        column.lanes.doubt(np.asarray(self.lengths.num <= 0), self.lengths.depends)
        outside = -column.bound if name == "max" else column.bound
        chosen = getattr(np, name)(np.where(live, column.num, outside), axis=1, keepdims=True)
        return Exact(column.lanes, chosen, column.den, column.bound, column.widest, depends)


class Stretched(Ragged):
    """A list by its runs; neighbouring ones may be the same."""

    def __init__(self, elements: Column, lengths: Exact, begins: Array) -> None:
        """`elements` are lanes x runs; `begins` says where they begin, behind the last one the end of the list (lanes x
        runs + 1)."""
        super().__init__(elements, lengths)
        self.elements, self.begins = elements, begins

    @property
    def positions(self) -> int:
        """The length of the longest list."""
        return int(self.lengths.num.max(initial=0))

    @property
    def there(self) -> Array:
        """Which runs there are."""
        found: Array = self.begins[:, :-1] < self.lengths.num
        return found

    @property
    def column(self) -> Column:
        at = np.arange(self.positions)[None, :]
        run = sum((at >= begin[:, None] for begin in self.begins.T[1:-1]), np.zeros((self.lanes.size, 1), np.int64))
        return taken(self.elements, np.broadcast_to(run, (self.lanes.size, self.positions)))

    def of(self, values: Column) -> Stretched:
        """A list with other elements in the place of its own."""
        return Stretched(values, self.lengths, self.begins)

    def stretched(self) -> Stretched:
        return self

    def runs(self) -> list[tuple[Value, Any]] | ManyLists:
        if self.lanes.on_runs is not None:
            told: list[tuple[Value, Any]] | ManyLists = self.lanes.on_runs(self)
            return told
        return self._runs(self.elements, self.there, self.begins)


def taken(column: Column, places: Array) -> Column:
    """Elements of a column by their places (lanes x positions)."""
    lanes, rows = column.lanes, np.arange(len(places))[:, None]

    def at(values: Array) -> Array:
        wide = np.broadcast_to(values, (len(places), values.shape[1]))
        found: Array = wide[rows, np.minimum(places, values.shape[1] - 1)]
        return found

    if isinstance(column, Exact):
        den = column.den if isinstance(column.den, int) else at(column.den)
        return Exact(lanes, at(column.num), den, column.bound, column.widest, column.depends)
    real = column.real()

    def exactly(of: Array, positions: Array) -> list[Any]:
        of, positions = np.broadcast_arrays(of, positions)
        return real.exactly(of, places[of, positions])

    return Real(lanes, at(real.values), real.relative, real.absolute, exactly, real.depends)


__all__ = ["Counted", "Ragged", "Stretched"]
