"""Counting along a chain of stages: how many settings are valid, and of how many the costs are within bounds.

Draws that several stages share are fixed, in a case for each of their settings. In a case a *place* is what a stage
hands on: the channels that it gives, and the numbers of its draws to which requirements tie the next stage's. What a
stage adds is the same for all settings that come to a place, so that sums over settings are worked out stage by stage.
Of depths a number for each block more is known; where these are tied to the next stage's depths they have places of
their own, *marks*, which cost nothing.

Bounded costs are histograms: for each place how often each sum comes, on multiples of what divides all costs so far.
Only sums are kept that can still be within the bounds; the last stage is looked up and not added. All numbers are
whole.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from archdsl import limits
from archdsl.once import cached_property
from archdsl.records import dataclass
from archdsl.spaces.arrays.chained import Chain, Stage
from archdsl.spaces.arrays.lanes import WIDE, Array
from archdsl.spaces.arrays.stagings import Progress, numbered_rows
from archdsl.spaces.arrays.structure import Bound, Tied
from archdsl.spaces.arrays.sums import together

Condition: TypeAlias = "tuple[tuple[int, ...], Array]"
Times: TypeAlias = "dict[int, Array]"
"""Histograms by place."""


@dataclass(frozen=True)
class Kinds:
    """The settings of a stage in a case, those with the same costs and places together."""

    given: Array
    tied: Array
    """The number of its setting to which requirements tie others."""
    made: Array
    first: Array
    further: Array
    """Costs; zeros where none is bounded."""
    times: Array
    """How many settings it stands for."""
    contents: Array
    """What its first block computes; zeros where that is not asked."""


@dataclass(frozen=True)
class Link:
    """A stage in a case, and how it is tied to the one in front of it."""

    kinds: Kinds
    places: Array
    """What it hands on: a row of channels and of the number that ties for each place."""
    place: Array
    """The place of each kind."""
    marks: tuple[Array, ...]
    """For each mark the depths that have it."""
    follows: Array
    """Which numbers that tie may follow which of the stage before."""
    marks_follow: Array
    """The same of marks."""


class ChainCase:
    """The settings of a chain with the draws fixed that stages share."""

    def __init__(self, links: Sequence[Link], last: Array) -> None:
        self.links, self.last = links, last

    @cached_property
    def steps(self) -> list[tuple[Array, Array]]:
        """For each stage pairs: a place of the stage before, and a kind that may follow."""
        found, before = [], np.zeros((1, 2), np.int64)
        for link in self.links:
            order = np.argsort(link.kinds.given, kind="stable")
            given = link.kinds.given[order]
            begin, end = np.searchsorted(given, before[:, 0]), np.searchsorted(given, before[:, 0], side="right")
            count = end - begin
            place = np.repeat(np.arange(len(before)), count)
            kind = order[np.arange(int(count.sum())) + np.repeat(begin - np.cumsum(count) + count, count)]
            kept = link.follows[before[place, 1], link.kinds.tied[kind]]
            found.append((place[kept], kind[kept]))
            before = link.places
        return found

    def valid(self) -> int:
        """How many settings there are."""
        weights = np.ones((1, 1), object)
        for link, (place, kind) in zip(self.links, self.steps, strict=True):
            own = np.array([len(depths) for depths in link.marks], object)
            before = weights @ link.marks_follow.astype(object)
            found = np.zeros((len(link.places), len(link.marks)), object)
            # Of each pair of places the kinds together, so that few large numbers are added.
            pairs, at = numbered_rows(np.stack([place, link.place[kind]]))
            times = np.zeros(len(pairs), np.int64)
            np.add.at(times, at, link.kinds.times[kind])
            for (one, other), number in zip(pairs.tolist(), times.tolist(), strict=True):
                found[other] += before[one] * number * own
            weights = found
        return int(weights.sum())


class Sums:
    """Histograms of a cost along a chain, of sums up to a limit."""

    def __init__(self, case: ChainCase, limit: int) -> None:
        """`limit` is what the stages and the head may cost together."""
        self.case, links = case, case.links
        least = [int(link.kinds.first.min(initial=limit + 1)) for link in links]
        rest = int(case.last.min(initial=limit + 1))
        self.limits: list[int] = []
        """What stages up to each may cost, so that the rest is within the limit."""
        for each in reversed(least):
            self.limits.append(limit - rest)
            rest += each
        self.limits.reverse()
        self.units: list[int] = []
        unit = 0
        for link, most in zip(links, self.limits, strict=True):
            kept = link.kinds.first <= most
            for costs in (link.kinds.first[kept], link.kinds.further[kept]):
                unit = math.gcd(unit, int(np.gcd.reduce(costs, initial=0)))
            self.units.append(unit or 1)
        self.possible = min(self.limits) >= 0

    @property
    def work(self) -> int:
        """Additions, about."""
        found = 0
        for number in range(len(self.case.links) - 1):
            place, kind = self.case.steps[number]
            first = self.case.links[number].kinds.first[kind]
            spans = np.maximum(self.limits[number] - first, 0) // self.units[max(number - 1, 0)]
            found += (int(spans.sum()) + 1000 * len(place)) * len(self.case.links[number].marks)
        return found

    @property
    def memory(self) -> int:
        """Numbers that are kept at once, about."""
        inner = range(max(len(self.case.links) - 2, 0))
        return sum((self.limits[n] // self.units[n] + 1) * len(self.case.links[n].places) for n in inner)

    def within(self, ends: Sequence[int]) -> list[int]:
        """How many settings cost no more than each of some limits."""
        found = [0] * len(ends)
        if not self.possible:
            return found
        last = len(self.case.links) - 1
        link, unit = self.case.links[last], self.units[max(last - 1, 0)]
        place, kind = self.case.steps[last]
        bounds = np.searchsorted(place, np.arange(int(place.max(initial=-1)) + 2))
        for mark, at, times in self._states(last - 1):
            if at + 1 >= len(bounds) or bounds[at] == bounds[at + 1]:
                continue
            own = kind[bounds[at] : bounds[at + 1]]
            marks = zip(link.marks, link.marks_follow[mark], strict=True)
            depths = np.concatenate([np.zeros(0, np.int64), *[depths for depths, follows in marks if follows]])
            if not depths.size:
                continue
            first = link.kinds.first[own] + self.case.last[link.kinds.made[own]]
            costs = first[:, None] + (depths - 1)[None, :] * link.kinds.further[own][:, None]
            sums = np.cumsum(times)
            for number, end in enumerate(ends):
                left = end - costs
                some = sums[np.minimum(np.maximum(left, 0) // unit, len(sums) - 1)]
                found[number] += int((np.where(left >= 0, some, 0).sum(axis=1) * link.kinds.times[own]).sum())
        return found

    def _states(self, number: int) -> Iterator[tuple[int, int, Array]]:
        """The histograms behind a stage: marks in their order, and for each of them places."""
        if number < 0:
            yield 0, 0, np.ones(1, np.int64)
            return
        link = self.case.links[number]
        place, kind = self.case.steps[number]
        order = np.lexsort((link.kinds.further[kind], link.place[kind]))
        place, kind = place[order], kind[order]
        begins = np.searchsorted(link.place[kind], np.arange(len(link.places) + 1))
        for mark, before in self._marked(number):
            for at in range(len(link.places)):
                part = slice(begins[at], begins[at + 1])
                found = self._added(number, link.marks[mark], before, place[part], kind[part])
                if found is not None:
                    yield mark, at, found

    def _marked(self, number: int) -> Iterator[tuple[int, Times]]:
        """For each mark of a stage what comes in front of it: the histograms of all marks that it may follow."""
        follows = self.case.links[number].marks_follow
        wants = [set(np.flatnonzero(column).tolist()) for column in follows.T]
        states = self._states(number - 1)
        waiting = next(states, None)
        kept: dict[int, Times] = {}
        total: Times = {}
        taken: set[int] = set()
        for mark, wanted in enumerate(wants):
            if not taken <= wanted:
                total, taken = {}, set()
            # Marks that are wanted from here on are kept no longer than that.
            later = any(not wanted <= other for other in wants[mark:])
            while waiting is not None and waiting[0] <= max(wanted, default=-1):
                kept.setdefault(waiting[0], {})[waiting[1]] = waiting[2]
                waiting = next(states, None)
            for each in sorted(wanted - taken):
                for at, times in kept.get(each, {}).items():
                    _add(total, at, times)
                if not later:
                    kept.pop(each, None)
            taken = wanted
            yield mark, total

    def _added(self, number: int, depths: Array, before: Times, place: Array, kind: Array) -> Array | None:
        """The histogram of one place: kinds that lead to it, by places of the stage before."""
        link, unit = self.case.links[number], self.units[number]
        size = self.limits[number] // unit + 1
        ratio = self.units[max(number - 1, 0)] // unit
        # The unit divides what is within the limit, and nothing else need be a multiple of it.
        within = link.kinds.first[kind] <= self.limits[number]
        place, kind = place[within], kind[within]
        first, further, times = (each[kind] for each in (link.kinds.first, link.kinds.further, link.kinds.times))
        found: Array | None = None
        ends = np.flatnonzero(further[1:] != further[:-1]) + 1
        begin = 0
        for end in [*ends.tolist(), *([len(kind)] if len(kind) else [])]:
            own: Array | None = None
            for at, shift, many in zip(
                place[begin:end].tolist(), (first[begin:end] // unit).tolist(), times[begin:end].tolist(), strict=True
            ):
                of = before.get(at)
                if of is None:
                    continue
                if own is None:
                    own = np.zeros(size, np.int64)
                into = own[shift::ratio]
                of = of[: len(into)]
                into[: len(of)] += of if many == 1 else of * many
            if own is not None:
                found = np.zeros(size, np.int64) if found is None else found
                each = int(further[begin]) // unit
                for depth in depths.tolist():
                    by = (depth - 1) * each
                    if by < size:
                        found[by:] += own[: size - by]
            begin = end
        return found


def _add(total: Times, at: int, times: Array) -> None:
    if at in total:
        total[at] = total[at] + times
    else:
        total[at] = times


# A chain as cases


class Chained:
    """A space that is counted along a chain of stages."""

    def __init__(self, chain: Chain, sizes: Sequence[int], bounds: Iterable[Bound] = ()) -> None:
        """`sizes` of all dimensions of the space. Raises `Tied`."""
        self.chain, self.sizes = chain, sizes
        self.bounds = together((*chain.bounds, *bounds))
        if len(self.bounds) > 1:
            raise Tied(f"bounds of {', '.join(bound[0] for bound in self.bounds)} are not counted together")
        self.measure = self.bounds[0][0] if self.bounds else None
        of = [{*stage.dimensions, *stage.depth_dimensions} for stage in chain.stages]
        used = set[int]().union(*of)
        self.shared = tuple(sorted(d for d in used if sum(d in each for each in of) > 1))
        self.stage_of = {d: number for number, each in enumerate(of) for d in each if d not in self.shared}
        if math.prod(sizes[d] for d in self.shared) > limits.MAX_CHAIN_CASES:
            raise Tied("stages share draws with too many settings")
        self.conditions = tuple([each for each in chain.conditions if set(each[0]) & used])
        self.beside = self._beside(used)

    def _beside(self, used: set[int]) -> int:
        """How many settings the draws have of which networks are not made."""
        other = [each for each in self.chain.conditions if not set(each[0]) & used]
        if any(not set(each[0]) <= used for each in self.conditions):
            raise Tied("a requirement ties draws of stages and others")
        tied = sorted({d for dimensions, _ in other for d in dimensions})
        count = math.prod(size for d, size in enumerate(self.sizes) if d not in used and d not in tied)
        if math.prod(self.sizes[d] for d in tied) > limits.MAX_CHAINED:
            raise Tied("requirements tie draws beside the stages")
        return count * (int(_held(other, tied, self.sizes).sum()) if tied else 1)

    def cases(self) -> Iterator[ChainCase]:
        """Raises `Tied`."""
        for chosen in np.ndindex(*[self.sizes[d] for d in self.shared]):
            made = self._case(dict(zip(self.shared, chosen, strict=True)))
            if made is not None:
                yield made

    def _case(self, fixed: Mapping[int, int]) -> ChainCase | None:
        conditions = []
        for dimensions, holds in self.conditions:
            left = tuple([d for d in dimensions if d not in fixed])
            truth = holds[tuple([fixed.get(d, slice(None)) for d in dimensions])]
            if not left and not truth:
                return None
            if left:
                conditions.append((left, truth))
        makers = [_Maker(self, number, fixed, conditions) for number in range(len(self.chain.stages))]
        links = [maker.link(makers[number - 1] if number else None) for number, maker in enumerate(makers)]
        last = self.chain.last[self.measure] if self.measure else np.zeros(len(self.chain.last["flops"]), np.int64)
        return ChainCase(links, last)

    def count(self, *, exact: bool = True, progress: Progress | None = None) -> int:
        """How many settings are valid, within the bounds. Raises `Tied`."""
        return self.beside * self.count_of(list(self.cases()), exact=exact, progress=progress) if self.beside else 0

    def count_of(self, cases: Sequence[ChainCase], *, exact: bool = True, progress: Progress | None = None) -> int:
        """How many settings some cases have within the bounds. Raises `Tied`."""
        if not self.beside:
            return 0
        if self.measure is None:
            return sum(case.valid() for case in cases)
        if math.prod(self.sizes) >= WIDE:
            raise Tied("there are more settings than are counted in 64 bits")
        _, low, high = self.bounds[0]
        base = self.chain.base[self.measure]
        asked = [end - base for end in (high, None if low is None else low - 1) if end is not None]
        sums = [Sums(case, max(asked)) for case in cases]
        self._verify(sums, exact=exact)
        found = [0] * len(asked)
        for done, each in enumerate(sums, 1):
            found = [one + more for one, more in zip(found, each.within(asked), strict=True)]
            if progress is not None:
                progress(done, len(sums))
        above = found.pop(0) if high is not None else sum(case.valid() for case in cases)
        return max(above - (found[0] if low is not None else 0), 0)

    def _verify(self, sums: Sequence[Sums], *, exact: bool) -> None:
        work = sum(each.work for each in sums if each.possible)
        if work > limits.MAX_CHAIN_WORK or max((each.memory for each in sums if each.possible), default=0) > 1 << 27:
            raise Tied(f"there are too many different sums of {self.measure}")
        if not exact and work > limits.MAX_QUICK_CHAIN_WORK:
            raise Tied(f"sums of {self.measure} along its stages take a while: `--exact` counts them")


def _held(conditions: Iterable[Condition], dimensions: Sequence[int], sizes: Sequence[int]) -> Array:
    """Which settings of some dimensions all of some conditions admit that ask for no others."""
    found = np.ones([sizes[d] for d in dimensions], dtype=bool)
    for of, holds in conditions:
        order = sorted(range(len(of)), key=lambda at: dimensions.index(of[at]))
        shape = [sizes[d] if d in of else 1 for d in dimensions]
        found &= np.transpose(holds, order).reshape(shape)
    return found


class _Maker:
    """Makes the link of one stage in a case."""

    def __init__(
        self, chained: Chained, number: int, fixed: Mapping[int, int], conditions: Sequence[Condition]
    ) -> None:
        self.chained, self.number, self.sizes = chained, number, chained.sizes
        self.stage: Stage = chained.chain.stages[number]
        of = chained.stage_of
        self.own = [c for c in conditions if {of[d] for d in c[0]} == {number}]
        self.before = [c for c in conditions if {of[d] for d in c[0]} == {number - 1, number}]
        behind = [c for c in conditions if {of[d] for d in c[0]} == {number, number + 1}]
        if any(max(of[d] for d in c[0]) - min(of[d] for d in c[0]) > 1 for c in conditions):
            raise Tied("requirements tie stages that do not follow each other")
        if set(self.stage.dimensions) & set(self.stage.depth_dimensions) - set(fixed):
            raise Tied("depths and blocks have draws in common")
        linked = {d for c in (*self.before, *behind) for d in c[0] if of[d] == number}
        self.ties = [d for d in self.stage.dimensions if d in linked]
        self.depth_ties = [d for d in self.stage.depth_dimensions if d in linked]
        self.rows = self._kept(self.stage.dimensions, self.stage.settings, fixed)
        self.depth_rows = self._kept(self.stage.depth_dimensions, self.stage.depth_settings, fixed)

    def _kept(self, dimensions: tuple[int, ...], settings: Array, fixed: Mapping[int, int]) -> Array:
        """The rows of some settings that a case has and requirements on them alone admit."""
        holds = np.ones(len(settings), dtype=bool)
        for column, dimension in zip(settings.T, dimensions, strict=True):
            if dimension in fixed:
                holds &= column == fixed[dimension]
        for of, truth in self.own:
            if set(of) <= set(dimensions):
                holds &= truth[tuple([settings[:, dimensions.index(d)] for d in of])]
            elif set(of) & set(dimensions):
                raise Tied("a requirement ties the depth of a stage and its blocks")
        return np.flatnonzero(holds)

    def _code(self, of: Sequence[int], dimensions: tuple[int, ...], settings: Array) -> Array:
        found = np.zeros(len(settings), np.int64)
        for dimension in of:
            found = found * self.sizes[dimension] + settings[:, dimensions.index(dimension)]
        return found

    def link(self, before: _Maker | None) -> Link:
        stage, rows, measure = self.stage, self.rows, self.chained.measure
        nothing = np.zeros(len(rows), np.int64)
        columns = [
            stage.given[rows],
            self._code(self.ties, stage.dimensions, stage.settings[rows]),
            stage.made[rows],
            stage.first[measure][rows] if measure else nothing,
            stage.further[measure][rows] if measure else nothing,
            nothing if stage.contents is None else stage.contents[rows],
        ]
        different, at = numbered_rows(np.stack(columns))
        given, tied, made, first, further, contents = different.T if len(rows) else np.zeros((6, 0), np.int64)
        kinds = Kinds(given, tied, made, first, further, np.bincount(at, minlength=len(given)), contents)
        places, place = numbered_rows(np.stack([made, tied]))
        marks = self._code(self.depth_ties, stage.depth_dimensions, stage.depth_settings[self.depth_rows])
        depths = stage.depths[self.depth_rows]
        count = math.prod(self.sizes[d] for d in self.depth_ties)
        follows = self._follows(before, depth=False), self._follows(before, depth=True)
        return Link(kinds, places, place, tuple([depths[marks == mark] for mark in range(count)]), *follows)

    def _follows(self, before: _Maker | None, *, depth: bool) -> Array:
        """Which numbers that tie may follow which of the stage before."""
        own = self.depth_ties if depth else self.ties
        other = [] if before is None else before.depth_ties if depth else before.ties
        sizes = [math.prod(self.sizes[d] for d in each) for each in (other, own)]
        if sizes[0] * sizes[1] > limits.MAX_CHAINED:
            raise Tied("requirements tie too many settings of neighbouring stages")
        dimensions = [*other, *own]
        mine = [c for c in self.before if set(c[0]) <= set(dimensions)]
        others = [*(self.ties if depth else self.depth_ties)]
        if any(set(c[0]) & set(dimensions) and set(c[0]) & set(others) for c in self.before):
            raise Tied("a requirement ties the depth of a stage and the blocks of another")
        return _held(mine, dimensions, self.sizes).reshape(sizes)


__all__ = ["ChainCase", "Chained", "Kinds", "Link", "Sums"]
