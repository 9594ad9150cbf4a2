"""The different networks of a chain of stages: words, whose letters say what a stage computes.

A letter is what the first block of a stage computes, with the depth of the stage. Several settings may give one word:
with other draws that are rounded alike, or in several cases. So all that settings of a word can hand on at a stage is
taken together, as a finite automaton is made deterministic (Rabin and Scott 1959): the chain of these sets has one
setting for each word, and is counted as any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np

from archdsl.spaces.arrays.chains import ChainCase, Kinds, Link
from archdsl.spaces.arrays.lanes import Array
from archdsl.spaces.arrays.structure import Tied

MAX_LETTERS = 1 << 23
"""Pairs of a set and a letter that are looked at in one stage."""


def words(of: Iterable[ChainCase]) -> list[ChainCase]:
    """Chains in which each network of some cases has one setting: in several parts, which have no network in common.

    Raises `Tied`.
    """
    cases = [case for case in of if all(len(link.kinds.given) for link in case.links)]
    if not cases:
        return []
    marks = [_marks(cases, number) for number in range(len(cases[0].links))]
    automaton = _Automaton(cases)
    begun = automaton.step(0, [np.arange(len(cases))])
    # Words that begin with sets of the same cases have their costs on the same multiples.
    parts: dict[bytes, list[int]] = {}
    for at, members in enumerate(begun.sets):
        parts.setdefault(np.unique(automaton.case_of(0, members)).tobytes(), []).append(at)
    chains = [automaton.chain(begun.only(own), marks) for own in parts.values()]
    return [chain for chain in chains if chain is not None]


def _marks(cases: Sequence[ChainCase], number: int) -> tuple[tuple[Array, ...], Array]:
    """The marks of a stage, with their depths once. Raises `Tied` where a depth does not tell the mark."""
    first = cases[0].links[number]
    for case in cases[1:]:
        other = case.links[number]
        same = len(first.marks) == len(other.marks) and np.array_equal(first.marks_follow, other.marks_follow)
        if not same or not all(np.array_equal(*pair) for pair in zip(first.marks, other.marks, strict=True)):
            raise Tied("its networks are not told apart: depths depend on draws that stages share")
    found = tuple([np.unique(depths) for depths in first.marks])
    if sum(map(len, found)) != len(np.unique(np.concatenate(found))):
        raise Tied("its networks are not told apart: several draws give one depth")
    return found, first.marks_follow


class _Step:
    """The sets behind a stage, and the letters that lead to them."""

    def __init__(self, source: Array, row: Array, target: Array, sets: list[Array]) -> None:
        self.source, self.row, self.target, self.sets = source, row, target, sets
        """Of each letter the set in front of it, one of its rows, and the set behind it."""

    def only(self, wanted: Sequence[int]) -> _Step:
        """What leads to some of the sets."""
        place = np.full(len(self.sets), -1)
        place[list(wanted)] = np.arange(len(wanted))
        kept = place[self.target] >= 0
        return _Step(self.source[kept], self.row[kept], place[self.target[kept]], [self.sets[each] for each in wanted])


class _Automaton:
    """The places of all cases, and what leads from one stage's to the next's."""

    def __init__(self, cases: Sequence[ChainCase]) -> None:
        self.cases = cases
        count = len(cases[0].links)
        self.before = [self._offsets(number - 1) for number in range(count)]
        self.rows = [self._rows(number) for number in range(count)]

    def _offsets(self, number: int) -> Array:
        """Where the places of each case begin among all places behind a stage."""
        sizes = [1 if number < 0 else len(case.links[number].places) for case in self.cases]
        return np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])

    def case_of(self, number: int, places: Array) -> Array:
        """The cases of some places behind a stage."""
        return np.searchsorted(self._offsets(number), places, side="right") - 1

    def _rows(self, number: int) -> tuple[Array, Array, Array, Array, Array, Array]:
        """Of all cases places in front of a stage, contents, places behind it, costs and channels: in the order of the
        places in front of it."""
        behind, parts = self._offsets(number), []
        for at, case in enumerate(self.cases):
            link, (place, kind) = case.links[number], case.steps[number]
            own = link.kinds
            columns = own.contents[kind], behind[at] + link.place[kind], own.first[kind], own.further[kind]
            parts.append(np.stack([self.before[number][at] + place, *columns, own.made[kind]]))
        found = np.concatenate(parts, axis=1)
        found = found[:, np.argsort(found[0], kind="stable")]
        return found[0], found[1], found[2], found[3], found[4], found[5]

    def step(self, number: int, sets: Sequence[Array]) -> _Step:
        """The sets that letters lead to from some sets."""
        source, content, target, *_ = self.rows[number]
        members = np.concatenate([np.zeros(0, np.int64), *sets])
        of = np.repeat(np.arange(len(sets)), [len(each) for each in sets])
        begin, end = np.searchsorted(source, members), np.searchsorted(source, members, side="right")
        count = end - begin
        if int(count.sum()) > MAX_LETTERS:
            raise Tied("its networks are not told apart: too many settings give the same networks")
        row = np.arange(int(count.sum())) + np.repeat(begin - np.cumsum(count) + count, count)
        of = np.repeat(of, count)
        order = np.lexsort((target[row], content[row], of))
        row, of = row[order], of[order]
        new = np.ones(len(row), dtype=bool)
        new[1:] = (of[1:] != of[:-1]) | (content[row[1:]] != content[row[:-1]])
        first = np.flatnonzero(new)
        known: dict[bytes, int] = {}
        found, targets = list[Array](), np.zeros(len(first), np.int64)
        for at, (low, high) in enumerate(pairwise([*first.tolist(), len(row)])):
            members = np.unique(target[row[low:high]])
            targets[at] = known.setdefault(members.tobytes(), len(known))
            if targets[at] == len(found):
                found.append(members)
        return _Step(of[first], row[first], targets, found)

    def chain(self, begun: _Step, marks: Sequence[tuple[tuple[Array, ...], Array]]) -> ChainCase | None:
        """The chain of the words that begin so; none where there are none."""
        steps = [begun]
        for number in range(1, len(marks)):
            steps.append(self.step(number, steps[-1].sets))
        if not steps[-1].sets:
            return None
        links = []
        for number, (each, (depths, follow)) in enumerate(zip(steps, marks, strict=True)):
            _, content, _, first, further, _ = (column[each.row] for column in self.rows[number])
            nothing = np.zeros(len(each.row), np.int64)
            kinds = Kinds(each.source, nothing, each.target, first, further, nothing + 1, content)
            places = np.stack([np.arange(len(each.sets)), np.zeros(len(each.sets), np.int64)], axis=1)
            links.append(Link(kinds, places, each.target, depths, np.ones((1, 1), dtype=bool), follow))
        made = np.zeros(len(steps[-1].sets), np.int64)
        made[steps[-1].target] = self.rows[-1][5][steps[-1].row]
        return ChainCase(links, self.cases[0].last[made])


__all__ = ["words"]
