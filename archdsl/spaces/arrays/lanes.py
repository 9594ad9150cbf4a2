"""Lanes: settings that are worked out beside each other, and where they agree.

All arrays have two axes, lanes x positions: what each lane has once is N x 1, what a comprehension over a list of other
length in every lane makes is N x J, its index 1 x J. `Lanes` knows which of them matter where, and which are left to
the ordinary compiler. Where lanes must agree on something, or may be left to it, it is told on which dimensions of the
space that depends, for those who ask (`structure.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]
Truth: TypeAlias = npt.NDArray[np.bool_]

Trend: TypeAlias = "int | None"
"""How a number goes along a dimension: 1 if it never falls, -1 if it never rises, 0 if it stays; None if unknown."""

WIDE = 1 << 62
"""Whole numbers from here on are not calculated with in 64 bits."""
EVERYTHING = -1
"""The dimensions that something depends on are the bits of a number that are set: here all of them."""


class Split(Exception):
    """Something has to be the same in all lanes: they are to be worked out apart, by these keys (N)."""

    def __init__(self, keys: Array, depends: int = EVERYTHING) -> None:
        super().__init__("the lanes differ")
        self.keys, self.depends = keys, depends


class Uneven(Exception):
    """Something has to be the same at all positions of the lanes, which is not so."""


class Lanes:
    """The lanes of one evaluation: which of them matter where, and which the ordinary compiler is to decide."""

    def __init__(self, size: int, most: int = 1 << 22) -> None:
        self.size = size
        self.most = most
        """Elements of an array, beyond which the lanes come apart."""
        self.unsure: Truth = np.zeros(size, dtype=bool)
        """The lanes that the ordinary compiler is to decide."""
        self.decided: set[int] | None = None
        """For those who ask: on which dimensions each decision depends."""
        self.along = 0
        """For those who ask: a dimension (its bit) of which it is known where numbers rise or fall along it."""
        self.loose = False
        """Whether something was decided along it that may be otherwise between two values for which it is the same."""
        self.outcomes: list[bool | None] = []
        """What all lanes agreed on that may be otherwise elsewhere along it."""
        self.signs: list[Array] | None = None
        """For those who ask: how comparisons came out that depend on it, -1, 0 or 1 by lane."""
        self.spread = 0
        """Dimensions (bits) whose values are columns, even if they are the same in all lanes."""
        self.positions: Array | None = None
        """For those who ask: of lists whose length is drawn one element in each lane, at this position (N)."""
        self.on_runs: Callable[[Any], Any] | None = None
        """For those who ask: what such a list says of its runs."""
        self.absent: Truth | None = None
        """Lanes of which nothing more is asked."""
        self._live: list[Truth] = []
        self._within: list[int] = [0]
        """On what it depends which lanes matter."""

    @contextmanager
    def only(self, where: Truth, depends: int) -> Iterator[None]:
        """For what is worked out where this holds alone."""
        self._live.append(where & self._live[-1] if self._live else where)
        self._within.append(depends | self._within[-1])
        try:
            yield
        finally:
            self._live.pop()
            self._within.pop()

    @property
    def within(self) -> int:
        """On what it depends which lanes matter here."""
        return self._within[-1]

    @contextmanager
    def unobserved(self) -> Iterator[None]:
        """For what is worked out without telling on which dimensions decisions depend."""
        kept, self.decided = self.decided, None
        try:
            yield
        finally:
            self.decided = kept

    def rests(self, depends: int, trend: Trend = None) -> None:
        """Say that the way of all lanes is decided here by what depends on these dimensions.

        With a trend it is decided so between two values, if it is for both.
        """
        if self.decided is not None:
            self.decided.add(depends | self._within[-1])
        if self.along & (self._within[-1] if trend is not None else depends | self._within[-1]):
            self.loose = True

    def doubt(self, where: Truth, depends: int = EVERYTHING, trend: Trend = None) -> None:
        """Leave lanes to the ordinary compiler, if they matter here."""
        self.rests(depends, trend)
        if where.any():
            self.unsure |= np.broadcast_to(self.mattering(where), (self.size, where.shape[1])).any(axis=1)

    def mattering(self, where: Truth) -> Truth:
        """Those of some elements that matter."""
        found = where & self._live[-1] if self._live else where
        if self.absent is not None:
            found = found & ~self.absent[:, None]
        return found & ~self.unsure[:, None] if self.unsure.any() else found

    def leave(self, where: Truth) -> None:
        """Ask nothing more of some lanes (N)."""
        self.absent = where if self.absent is None else self.absent | where

    @property
    def everywhere(self) -> bool:
        """Whether this is worked out for all lanes of which something is asked."""
        return not self._live

    @property
    def here(self) -> Truth:
        """Where something matters: the lanes (N x 1), within a list its positions too."""
        return self.mattering(np.ones((1, 1), dtype=bool))

    def each(self, values: Array) -> Array:
        """What every lane has (N), of an array of one position."""
        return np.broadcast_to(values, (self.size, 1))[:, 0]

    def alike(self, values: Array, depends: int = EVERYTHING, trend: Trend = None) -> Any:
        """The one value that an array has wherever it matters; none where it has several, or matters nowhere."""
        self.rests(depends, trend)
        if not self._live and self.absent is None and not self.unsure.any():
            return _only(values)
        shape = np.broadcast_shapes((self.size, values.shape[1]), self._extent())
        matter = np.broadcast_to(self.here, shape)
        return _only(np.broadcast_to(values, matter.shape)[matter])

    @property
    def nested(self) -> bool:
        """Whether this is within a list of other length in every lane."""
        return self._extent()[1] > 1

    def _extent(self) -> tuple[int, ...]:
        return self._live[-1].shape if self._live else (1, 1)


def _only(values: Array) -> Any:
    """The one value of an array; none where it has several, as its first few mostly tell, or none at all."""
    if not values.size:
        return None
    first = values.flat[0]
    return first if (values[:_FEW] == first).all() and (values == first).all() else None


_FEW = 64


class Mask:
    """Whether something holds, by lane. As a plain condition it is one only where all lanes agree."""

    __slots__ = ("_conjuncts", "depends", "lanes", "steady", "truth")

    def __init__(
        self,
        lanes: Lanes,
        truth: Truth,
        depends: int = EVERYTHING,
        *,
        steady: bool = False,
        conjuncts: tuple[Mask, ...] = (),
    ) -> None:
        """`steady`: between two values of the dimension that `Lanes.along` says for which what is compared comes out
        alike it does so too. `conjuncts`: it holds where all of these do."""
        self.lanes, self.truth, self.depends, self.steady = lanes, truth, depends, steady
        self._conjuncts = conjuncts

    @property
    def conjuncts(self) -> tuple[Mask, ...]:
        """Masks that all hold where it holds, and only there."""
        return self._conjuncts or (self,)

    def __bool__(self) -> bool:
        agreed = self.agreed
        if agreed is not None:
            return bool(agreed)
        if not self.lanes.here.any():
            return False
        raise self.apart()

    @property
    def agreed(self) -> Any:
        """Whether it holds, where all lanes that matter agree on that; else none."""
        lanes = self.lanes
        if not (self.steady and lanes.along & self.depends):
            return lanes.alike(self.truth, self.depends)
        found = lanes.alike(self.truth, self.depends, 0)
        lanes.outcomes.append(None if found is None else bool(found))
        return found

    def apart(self) -> Exception:
        """What takes the lanes apart for which it holds from those for which it does not."""
        if self.truth.shape[1] > 1:
            return Uneven()
        return Split(self.lanes.each(self.truth), self.depends)

    def __invert__(self) -> Mask:
        return Mask(self.lanes, ~self.truth, self.depends, steady=self.steady)

    def __and__(self, other: Mask) -> Mask:
        steady, conjuncts = self.steady and other.steady, (*self.conjuncts, *other.conjuncts)
        depends = self.depends | other.depends
        return Mask(self.lanes, self.truth & other.truth, depends, steady=steady, conjuncts=conjuncts)

    def __or__(self, other: Mask) -> Mask:
        steady = self.steady and other.steady
        return Mask(self.lanes, self.truth | other.truth, self.depends | other.depends, steady=steady)

    def __hash__(self) -> int:
        raise TypeError("a mask has no hash")


__all__ = ["EVERYTHING", "WIDE", "Array", "Lanes", "Mask", "Split", "Trend", "Truth", "Uneven"]
