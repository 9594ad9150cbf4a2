"""Looking for a member of a space, whatever its probability: whether there is one, and not how many.

The first settings are drawn by the laws. The others change one or two numbers of the setting that came farthest
through the requirements, as those that ask for little come first. It is the same search each time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from itertools import accumulate
from random import Random

from archdsl import limits
from archdsl.spaces.laws import Grid, Law
from archdsl.spaces.member import Member
from archdsl.spaces.space import Requirement, Space

_DRAWN = 100
"""Settings that are drawn before the first is changed."""
_FRESH = 10
"""One of so many is drawn all the same."""


class Search:
    """Settings to try; `tell` says what became of each."""

    def __init__(self, space: Space, seed: int) -> None:
        self._random = Random(seed)
        self._laws = [_Sampler(draw.law) for draw in space.draws for _ in range(draw.dimensions)]
        self._free = [index for index, size in enumerate(space.sizes) if size > 1]
        steps = [step for step in space.steps if isinstance(step, Requirement)]
        self._order: list[Requirement | None] = [*[s for s in steps if not s.asks], None, *[s for s in steps if s.asks]]
        self._best: tuple[int, ...] | None = None
        self._farthest = -1

    def __iter__(self) -> Iterator[tuple[int, ...]]:
        for number in range(limits.MAX_TRIED):
            best = self._best
            if best is None or number < _DRAWN or number % _FRESH == 0 or not self._free:
                yield tuple([law.number(self._random.random()) for law in self._laws])
            else:
                yield self._changed(best)

    def _changed(self, setting: tuple[int, ...]) -> tuple[int, ...]:
        numbers = list(setting)
        for _ in range(self._random.randint(1, 2)):
            index = self._random.choice(self._free)
            numbers[index] = self._laws[index].number(self._random.random())
        return tuple(numbers)

    def tell(self, found: Member) -> None:
        """What became of a setting: how far it came."""
        if isinstance(found.refused, Requirement):
            far = next(i for i, each in enumerate(self._order) if each is found.refused)
        else:
            far = self._order.index(None) if found.model is None else len(self._order)
        if far >= self._farthest:
            self._farthest, self._best = far, found.setting


class _Sampler:
    """The number of a value for a share of the probability: the first that it and those before it reach."""

    def __init__(self, law: Law) -> None:
        self._size = law.domain.size
        self._shares: tuple[float, ...] = ()
        self._grid: tuple[float, float, float, float] | None = None
        if law.probability == "weights":
            self._shares = tuple(accumulate(map(float, law.weights)))
        elif law.probability == "log" and isinstance(law.domain, Grid):
            first, step = float(law.domain.first), float(law.domain.step)
            low = float(law.domain.first - Fraction(law.domain.step) / 2)
            self._grid = first, step, low, math.log(float(law.domain.value(self._size - 1)) / low)

    def number(self, share: float) -> int:
        if self._grid is not None:
            first, step, low, span = self._grid
            found = math.ceil((low * math.exp(share * span) - first) / step)
        elif self._shares:
            found = sum(share >= before for before in self._shares)
        else:
            found = int(share * self._size)
        return max(0, min(self._size - 1, found))


__all__ = ["Search"]
