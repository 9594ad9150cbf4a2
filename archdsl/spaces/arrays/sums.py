"""Counting settings whose costs are sums: how many of all sums of a number of each part lie within bounds.

The parts are put together in two halves. All sums of a half are worked out, and how often each comes; for every one of
the first half those of the second that lie within what is left of the bounds are counted at once, since these are in
their order. Of two costs they are in the order of the one, and the ranks of the other are looked up in a wavelet matrix
(Claude, Navarro and Ordonez 2015), a level for each bit of a rank. Everything is a whole number.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np

from archdsl.records import dataclass
from archdsl.spaces.arrays.engine import Engine
from archdsl.spaces.arrays.lanes import WIDE, Array
from archdsl.spaces.arrays.structure import Bound, Case, Part, Tied, cases_of

MAX_SUMS = 1 << 24
"""Different sums of a half at most; of two costs together a quarter."""

Ends: TypeAlias = "tuple[int, int]"


@dataclass(frozen=True)
class _Sums:
    """Different sums in their order, by the first cost, and how often each comes."""

    values: tuple[Array, ...]
    """For each cost."""
    times: Array


def valid(case: Case, bounds: Iterable[Bound] = ()) -> int:
    """How many settings of a case are valid, and within more bounds. Raises `Tied`."""
    binding = _binding(case, bounds)
    if not binding:
        return case.settings if binding is not None else 0
    one, other = _halves(case, tuple(binding))
    return (_within if len(binding) == 1 else _within_both)(one, other, list(binding.values()))


def _binding(case: Case, bounds: Iterable[Bound]) -> dict[str, Ends] | None:
    """The bounds that leave out some settings of a case, for the sums of its parts; none if they leave out all."""
    binding: dict[str, Ends] = {}
    for measure, low, high in together((*case.bounds, *bounds)):
        base = case.base[measure]
        least = base + sum(int(part.costs[measure].min()) for part in case.parts)
        most = base + sum(int(part.costs[measure].max()) for part in case.parts)
        first, last = max(least, least if low is None else low), min(most, most if high is None else high)
        if first > last:
            return None
        if (first, last) != (least, most):
            binding[measure] = first - base, last - base
    if len(binding) > 2:
        raise Tied(f"bounds of {', '.join(binding)} are not counted together")
    return binding


def all_valid(engine: Engine, bounds: Iterable[Bound] = ()) -> int:
    """How many settings of a space are valid, and within more bounds. Raises `Tied`."""
    given = tuple(bounds)
    return sum(valid(case, given) for case in cases_of(engine))


def together(bounds: Iterable[Bound]) -> list[Bound]:
    """One bound of each measure."""
    found: dict[str, tuple[int | None, int | None]] = {}
    for measure, low, high in bounds:
        least, most = found.get(measure, (None, None))
        lows = [each for each in (least, low) if each is not None]
        highs = [each for each in (most, high) if each is not None]
        found[measure] = max(lows, default=None), min(highs, default=None)
    return [(measure, *ends) for measure, ends in found.items()]


def _halves(case: Case, measures: tuple[str, ...]) -> tuple[_Sums, _Sums]:
    """The sums of some parts, and of the others."""
    for measure in measures:
        if sum(int(np.abs(part.costs[measure]).max()) for part in case.parts) >= WIDE // 4:
            raise Tied(f"sums of {measure} may need more than 64 bits")
    kind: Any = np.int64 if case.settings < WIDE else object
    nothing = _Sums(tuple([np.zeros(1, np.int64) for _ in measures]), np.ones(1, kind))
    halves = [nothing, nothing]
    for part in sorted(case.parts, key=lambda part: len(part.settings), reverse=True):
        smaller = int(len(halves[1].times) < len(halves[0].times))
        halves[smaller] = _each_with_each(halves[smaller], part, measures)
    halves.sort(key=lambda half: len(half.times), reverse=True)
    return halves[0], halves[1]


def _each_with_each(sums: _Sums, part: Part, measures: tuple[str, ...], weights: Array | None = None) -> _Sums:
    """Each of some sums with each of a part's numbers, which are as often there as their weights say, or once."""
    weights = np.ones(len(part.settings), sums.times.dtype) if weights is None else weights
    own = _different([part.costs[measure] for measure in measures], weights)
    if len(sums.times) * len(own.times) * (1, 4)[len(measures) - 1] > MAX_SUMS:
        raise Tied(f"there are too many different sums of {' and '.join(measures)}")
    pairs = zip(sums.values, own.values, strict=True)
    values = [(one[:, None] + other[None, :]).ravel() for one, other in pairs]
    return _different(values, (sums.times[:, None] * own.times[None, :]).ravel())


def _different(values: Sequence[Array], times: Array) -> _Sums:
    """Sums in their order, those that are equal as one."""
    order = np.lexsort(tuple(values)[::-1])
    values, times = [each[order] for each in values], times[order]
    new = np.ones(len(times), dtype=bool)
    new[1:] = np.any([each[1:] != each[:-1] for each in values], axis=0)
    first = np.flatnonzero(new)
    return _Sums(tuple([each[first] for each in values]), np.add.reduceat(times, first))


def _before(times: Array) -> Array:
    """How many come in front of each position, and of the end."""
    return np.concatenate([np.zeros(1, times.dtype), np.cumsum(times)])


def _within(one: _Sums, other: _Sums, ends: Sequence[Ends]) -> int:
    """How many sums of one half and the other lie within the ends."""
    first, last = _places(other.values[0], one.values[0], ends[0])
    before = _before(other.times)
    return int((one.times * (before[last] - before[first])).sum())


def _places(values: Array, given: Array, ends: Ends) -> tuple[Array, Array]:
    """For each given number where the sorted values begin and end that lie within the ends with it."""
    low, high = ends
    return np.searchsorted(values, low - given, side="left"), np.searchsorted(values, high - given, side="right")


def _within_both(one: _Sums, other: _Sums, ends: Sequence[Ends]) -> int:
    """The same of two costs."""
    first, last = _places(other.values[0], one.values[0], ends[0])
    order = np.argsort(other.values[1], kind="stable")
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(len(order))
    lowest, highest = _places(other.values[1][order], one.values[1], ends[1])
    matrix = _Wavelets(ranks, other.times)
    found = matrix.below(first, last, highest) - matrix.below(first, last, lowest)
    return int((one.times * found).sum())


class _Wavelets:
    """Whole numbers with weights, of which those in a run that are below another are weighed at once."""

    def __init__(self, ranks: Array, times: Array) -> None:
        """`ranks` are 0, 1, … in any order."""
        self._bits = len(ranks).bit_length()
        self._levels: list[tuple[Array, Array]] = []
        for bit in range(self._bits - 1, -1, -1):
            unset = (ranks >> bit & 1) == 0
            zeros = np.concatenate([np.zeros(1, np.int64), np.cumsum(unset)])
            order = np.argsort(~unset, kind="stable")
            ranks, times = ranks[order], times[order]
            self._levels.append((zeros, _before(times)))

    def below(self, first: Array, last: Array, rank: Array) -> Array:
        """The weight of those from `first` to in front of `last` whose rank is below another."""
        found = np.zeros(len(first), self._levels[0][1].dtype)
        for level, (zeros, weights) in enumerate(self._levels):
            bit = (rank >> (self._bits - 1 - level) & 1) == 1
            start, end, unset = zeros[first], zeros[last], zeros[-1]
            found = found + np.where(bit, weights[end] - weights[start], 0)
            first = np.where(bit, unset + first - start, start)
            last = np.where(bit, unset + last - end, end)
        return found


# Drawing


class _Half:
    """Some parts, with their sums one after the other."""

    def __init__(self, measures: tuple[str, ...]) -> None:
        self.measures = measures
        self.parts: list[tuple[int, Part, Array]] = []
        """The number of each part, and how probable its settings are."""
        self.sums = [_Sums(tuple([np.zeros(1, np.int64) for _ in measures]), np.ones(1))]

    def add(self, number: int, part: Part, weights: Array) -> None:
        self.parts.append((number, part, weights))
        self.sums.append(_each_with_each(self.sums[-1], part, self.measures, weights))

    def take_apart(self, at: int, shares: Array, found: Array) -> None:
        """For one of the sums enter settings of the parts that make it, by how probable they are."""
        for (number, part, weights), before, after in zip(
            reversed(self.parts), self.sums[-2::-1], self.sums[:0:-1], strict=True
        ):
            rest = [int(values[at]) - part.costs[m] for values, m in zip(after.values, self.measures, strict=True)]
            places = _places_of(before, rest)
            sums = np.cumsum(np.where(places < 0, 0.0, weights * before.times[places]))
            chosen = int(np.searchsorted(sums, shares[number] * sums[-1], side="right"))
            found[number] = min(chosen, int(np.searchsorted(sums, sums[-1])))
            at = int(places[found[number]])


def _places_of(sums: _Sums, wanted: Sequence[Array]) -> Array:
    """Where some numbers are among the sums, -1 where they are not."""
    first = np.searchsorted(sums.values[0], wanted[0], side="left")
    if len(wanted) == 1:
        there = sums.values[0][np.minimum(first, len(sums.times) - 1)] == wanted[0]
        return np.where(there, np.minimum(first, len(sums.times) - 1), -1)
    last = np.searchsorted(sums.values[0], wanted[0], side="right")
    found = np.full(len(first), -1, np.int64)
    for index, (begin, end) in enumerate(zip(first.tolist(), last.tolist(), strict=True)):
        at = begin + int(np.searchsorted(sums.values[1][begin:end], wanted[1][index]))
        if at < end and sums.values[1][at] == wanted[1][index]:
            found[index] = at
    return found


class Halved:
    """The settings of a case within bounds, in two halves, to be drawn by the probabilities of their parts."""

    def __init__(self, case: Case, binding: dict[str, Ends], weights: Sequence[Array]) -> None:
        measures = tuple(binding)
        self.parts = len(case.parts)
        self._ends = list(binding.values())
        halves = [_Half(measures), _Half(measures)]
        order = sorted(range(len(case.parts)), key=lambda number: len(case.parts[number].settings), reverse=True)
        for number in order:
            smaller = int(len(halves[1].sums[-1].times) < len(halves[0].sums[-1].times))
            halves[smaller].add(number, case.parts[number], weights[number])
        halves.sort(key=lambda half: len(half.sums[-1].times))
        self._one, self._other = halves
        one, other = self._one.sums[-1], self._other.sums[-1]
        self._first, self._last = _places(other.values[0], one.values[0], self._ends[0])
        self._within = _before(other.times)
        if len(measures) == 1:
            rests = self._within[self._last] - self._within[self._first]
        else:
            rests = np.array([self._weights(at)[-1] for at in range(len(one.times))])
        self._sums = np.cumsum(one.times * np.maximum(rests, 0))

    @property
    def weight(self) -> float:
        """How probable all of them are, the fixed dimensions of the case left out."""
        return float(self._sums[-1])

    def _weights(self, at: int) -> Array:
        """Sums of the weights of those of the second half that are within the bounds with one of the first."""
        one, other = self._one.sums[-1], self._other.sums[-1]
        first, last = int(self._first[at]), int(self._last[at])
        holds = np.ones(last - first, dtype=bool)
        for values, given, (low, high) in zip(other.values[1:], one.values[1:], self._ends[1:], strict=True):
            there = values[first:last] + given[at]
            holds &= (there >= low) & (there <= high)
        return np.append(0.0, np.cumsum(other.times[first:last] * holds))

    def draw(self, shares: Array) -> Array:
        """Numbers of settings of the parts (N x parts), for numbers in front of 1 (N x parts + 2)."""
        found = np.empty((len(shares), self.parts), np.int64)
        for row, own in enumerate(shares):
            at = int(np.searchsorted(self._sums, own[-1] * self._sums[-1], side="right"))
            at = min(at, int(np.searchsorted(self._sums, self._sums[-1])))
            sums = self._weights(at)[1:]
            other = int(np.searchsorted(sums, own[-2] * sums[-1], side="right"))
            other = int(self._first[at]) + min(other, int(np.searchsorted(sums, sums[-1])))
            self._one.take_apart(at, own, found[row])
            self._other.take_apart(other, own, found[row])
        return found


class Free:
    """The settings of a case all of which are within the bounds."""

    def __init__(self, weights: Sequence[Array]) -> None:
        self._sums = [np.cumsum(each) for each in weights]
        self.weight = float(np.prod([each[-1] for each in self._sums]))

    def draw(self, shares: Array) -> Array:
        """As those of `Halved`."""
        found = [
            np.minimum(np.searchsorted(sums, own * sums[-1], side="right"), np.searchsorted(sums, sums[-1]))
            for sums, own in zip(self._sums, shares.T, strict=False)
        ]
        return np.stack(found, axis=1) if found else np.empty((len(shares), 0), np.int64)


def halved(case: Case, bounds: Iterable[Bound], weights: Sequence[Array]) -> Halved | Free | None:
    """What draws settings of a case within bounds; none where there are none. `weights` says for each part how probable
    its settings are. Raises `Tied`."""
    binding = _binding(case, bounds)
    if binding is None:
        return None
    if not binding:
        return Free(weights)
    for measure in binding:
        if sum(int(np.abs(part.costs[measure]).max()) for part in case.parts) >= WIDE // 4:
            raise Tied(f"sums of {measure} may need more than 64 bits")
    found = Halved(case, binding, weights)
    return found if found.weight > 0 else None


__all__ = ["Free", "Halved", "all_valid", "halved", "valid"]
