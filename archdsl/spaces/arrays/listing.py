"""Spaces whose stages are the runs of a list of widths, which has as many elements as a draw says.

The draws of such a space are those that the list is made of, and others. Of the list's an engine's run tells on which
dimensions its length depends, and its elements; and along which of these the elements rise or fall, so that they are
steps (`steps.py`). Requirements on draws alone are asked of the same dimensions, or of the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from archdsl import limits
from archdsl.analysis.bodies import bind_names
from archdsl.analysis.context import AlreadyReported
from archdsl.analysis.values import UNKNOWN
from archdsl.diagnostics import Fault
from archdsl.numbers import is_number
from archdsl.once import cached_property
from archdsl.records import dataclass
from archdsl.spaces.arrays.assembled import Unsuited
from archdsl.spaces.arrays.column import Exact
from archdsl.spaces.arrays.draws import BITS, dimensions_of, edges_of
from archdsl.spaces.arrays.engine import Engine, Run, Settings
from archdsl.spaces.arrays.lanes import EVERYTHING, Array, Mask, Split, Uneven
from archdsl.spaces.arrays.ragged import Ragged
from archdsl.spaces.arrays.structure import Tied, names_of
from archdsl.spaces.laws import Domain, Grid
from archdsl.spaces.space import Requirement, Step

PROBED = 64
"""Settings that are looked at to see what depends on what."""


@dataclass(frozen=True)
class Listing:
    """What the stages of a space are made of: dimensions, by their numbers."""

    length: int
    """What says how long the list is."""
    along: int
    """Along this one its elements rise or fall."""
    others: tuple[int, ...]
    """What its elements, or conditions on them, depend on beside that."""
    rest: tuple[int, ...]
    """All others."""
    apart: tuple[int, ...]
    """Those requirements, by their place among the steps, that ask for the rest alone."""

    @property
    def made_of(self) -> tuple[int, ...]:
        return (self.length, self.along, *self.others)


class _Reached(Exception):
    """The evaluation has come to the list."""

    def __init__(self, found: Ragged) -> None:
        super().__init__("reached")
        self.found = found


def bits(dimensions: Any) -> int:
    """Dimensions as the bits of a number."""
    return sum(1 << dimension for dimension in dimensions)


class Before(Run):
    """What comes before the network: conditions on draws, and the list of widths."""

    def __init__(self, engine: Engine, settings: Settings, *, along: int) -> None:
        super().__init__(engine.ctx, engine.space, engine.forms, settings, most=1 << 30)
        self.lanes.along, self.lanes.spread = along, EVERYTHING
        self.lanes.decided = set()
        self.depends: dict[int, int] = {}
        """On what each step depends, by its place."""
        self.pinned: list[str] = []

    def conditions(self, apart: frozenset[int] = frozenset()) -> tuple[Array, list[Array]]:
        """Which lanes the requirements on draws admit; and how comparisons came out that depend on the dimension along
        which is looked, and of lanes that are admitted what names got. Those apart are not asked. Raises `Tied`."""
        lanes = self.lanes
        holds, codes, pins = np.ones(lanes.size, dtype=bool), list[Array](), list[Array]()
        self._draw()
        values = dict(self.names)
        for draw in self.space.draws:  # of what is no number it is not seen where it is used
            if draw.law.domain.size > 1 and not _numeric(draw.law.domain):
                self.names[draw.name] = UNKNOWN
        for place, step in enumerate(self.space.steps):
            if step.asks:
                continue
            lanes.signs = []
            truth = self._taken(place, step, pins)
            codes += [np.where(holds, signs, 0) for signs in lanes.signs]
            lanes.signs = None
            if place not in apart:
                holds = holds & truth
        if (lanes.unsure & holds).any():
            raise Tied("some of its settings are decided one by one")
        self.names.update({name: value for name, value in values.items() if self.names[name] is UNKNOWN})
        return holds, [*codes, *[np.where(holds, pin, 0) for pin in pins]]

    def _taken(self, place: int, step: Step, pins: list[Array]) -> Array:
        """Take a step; where it holds."""
        env = self._environment(step.environment)
        everywhere = np.ones(self.lanes.size, dtype=bool)
        if not isinstance(step, Requirement):
            bind_names(self.ctx, step.binding, env)
            for name in step.binding.names:
                self._pin(name.text, pins)
            return everywhere
        value = self.ctx.evaluate(step.condition, env)
        if isinstance(value, Mask):
            self.depends[place] = value.depends
            self.lanes.loose |= bool(value.depends & self.lanes.along) and not value.steady
            return self.lanes.each(value.truth)
        self.depends[place] = 0
        return everywhere & (value is not None and value is not False)

    def _pin(self, name: str, pins: list[Array]) -> None:
        """Note a derived name that is a whole number which goes along with the dimension."""
        value = self.names[name]
        if isinstance(value, Exact) and value.depends & self.lanes.along and value.whole and value.trend is not None:
            pins.append(self.lanes.each(value.num).astype(np.int64))
            self.pinned.append(name)

    def between(self) -> None:
        """From here on take what was noted of names for what they are in a run of settings."""
        for name in self.pinned:
            value: Any = self.names[name]
            self.names[name] = Exact(self.lanes, value.num, depends=value.depends & ~self.lanes.along)

    def elements(self) -> Ragged:
        """The list of widths. Raises `Tied`."""
        self.lanes.on_runs = _reach
        try:
            self._make()
        except _Reached as reached:
            return reached.found
        raise Tied("its stages are not the runs of a list whose length is drawn")


def _numeric(domain: Domain) -> bool:
    return isinstance(domain, Grid) or all(map(is_number, domain.values))


def _reach(found: Ragged) -> Any:
    raise _Reached(found)


@contextmanager
def told() -> Iterator[None]:
    """What ends an evaluation is told as `Tied`."""
    try:
        yield
    except (Fault, AlreadyReported, Split, Unsuited, Uneven, TypeError, RecursionError):
        raise Tied("its stages are not made alike for all settings") from None


def listing_of(engine: Engine) -> Listing:
    """What the stages of a space are made of. Raises `Tied`."""
    space = engine.space
    free = [dimension for dimension, size in enumerate(space.sizes) if size > 1]
    chance = np.random.default_rng(0)
    probes = np.stack([chance.integers(0, size, PROBED) for size in space.sizes], axis=1)
    with told():
        length, elements = _depends(engine, probes)
        if length.bit_count() != 1 or elements & length:
            raise Tied("the length of the list of widths is not a draw of its own")
        at = length.bit_length() - 1
        candidates = sorted([d for d in free if elements >> d & 1], key=lambda d: -space.sizes[d])
        for along in candidates:
            found = _along(engine, probes, at, along, elements | length)
            if found is not None:
                return found
    raise Tied("the widths neither rise nor fall along one of the draws that they are made of")


def _depends(engine: Engine, probes: Settings) -> tuple[int, int]:
    """On which dimensions the length of the list depends, and its elements."""
    run = Before(engine, probes, along=0)
    run.lanes.positions = np.zeros(len(probes), np.int64)
    run.conditions()
    found = run.elements()
    return found.lengths.depends, found.column.depends


def _along(engine: Engine, probes: Settings, length: int, along: int, made_of: int) -> Listing | None:
    """What is known where one dimension is that along which is looked; none where that does not do."""
    run = Before(engine, probes, along=1 << along)
    run.lanes.positions = np.zeros(len(probes), np.int64)
    run.conditions()
    found = run.elements()
    if run.lanes.loose or found.column.trend is None or not isinstance(found.column, Exact):
        return None
    apart = tuple([place for place, depends in run.depends.items() if depends and not depends & made_of])
    for place, depends in run.depends.items():
        if place not in apart:
            made_of |= depends
    sizes = engine.space.sizes
    others = [d for d, size in enumerate(sizes) if made_of >> d & 1 and d not in (length, along) and size > 1]
    rest = [d for d in range(len(sizes)) if d not in (length, along, *others)]
    if any(run.depends[place] & bits((length, along, *others)) for place in apart):
        raise Tied("a requirement ties the draws of the widths and others")
    return Listing(length, along, tuple(others), tuple(rest), apart)


class Lines:
    """The settings of a listing, along one dimension: what conditions and elements have there.

    A line is a setting of the dimensions beside; the rest is at its first value.
    """

    def __init__(self, engine: Engine, listing: Listing) -> None:
        self.engine, self.listing = engine, listing
        self.sizes = engine.space.sizes
        self.other_sizes = [self.sizes[dimension] for dimension in listing.others]
        self.count = int(np.prod(self.other_sizes, dtype=object))
        """Settings of the dimensions beside length and along."""
        if self.count > limits.MAX_LINES:
            raise Tied(f"the draws of its widths have {self.count:,} lines, too many to look at")
        self._outcomes: dict[str, tuple[bool | None, ...]] = {}
        self.lengths = self._lengths()

    def rows(self, other: Array, length: Array, along: Array) -> Settings:
        """Settings, by the number of those of the dimensions beside, and of the two."""
        found = self._beside[other]
        found[:, self.listing.length], found[:, self.listing.along] = length, along
        return found

    @cached_property
    def edges(self) -> dict[int, Array]:
        """Where the shares of the values of each dimension end, and 0 in front."""
        laws = [law for _, _, law in dimensions_of(self.engine.space)]
        return {dimension: np.append(0, edges_of(laws[dimension])) / 2.0**BITS for dimension in range(len(laws))}

    def shares(self, others: Array, drawn: Array) -> Array:
        """How probable lines are, by the laws of the space: settings of the dimensions beside and drawn lengths."""
        rows = self.rows(others, drawn, drawn)
        found = np.ones(len(rows))
        for dimension in (*self.listing.others, self.listing.length):
            found *= np.diff(self.edges[dimension])[rows[:, dimension]]
        return found

    @cached_property
    def _beside(self) -> Settings:
        """All settings of the dimensions beside."""
        found = np.zeros((self.count, len(self.sizes)), np.int64)
        numbers = np.arange(self.count)
        for dimension, size in zip(reversed(self.listing.others), reversed(self.other_sizes), strict=True):
            numbers, found[:, dimension] = np.divmod(numbers, size)
        return found

    def _lengths(self) -> Array:
        """How long the list is, for each value that says so."""
        size = self.sizes[self.listing.length]
        zeros = np.zeros(size, np.int64)
        rows = self.rows(zeros, np.arange(size), zeros)
        run = self._run(rows)
        run.lanes.positions = zeros
        with told():
            run.conditions(frozenset(range(len(self.engine.space.steps))))
            lengths = run.elements().lengths.reduced()
        found = run.lanes.each(lengths.num).astype(np.int64)
        if run.lanes.unsure[found > 0].any() or lengths.depends != 1 << self.listing.length:
            raise Tied("the length of the list of widths is not a draw of its own")
        return found

    def _run(self, rows: Settings) -> Before:
        return Before(self.engine, rows, along=1 << self.listing.along)

    def _verify(self, run: Before, what: str) -> None:
        """All evaluations took one way."""
        found = tuple(run.lanes.outcomes)
        if run.lanes.loose or self._outcomes.setdefault(what, found) != found or None in found:
            raise Tied(f"its {what} are not decided alike for all settings")

    def conditions(self, rows: Settings) -> tuple[Array, Array]:
        """Which settings the requirements on draws admit, and their codes for `steps`. Raises `Tied`."""
        run = self._run(rows)
        with told():
            holds, codes = run.conditions(frozenset(self.listing.apart))
        allowed = bits(self.listing.made_of)
        wide = [d for place, d in run.depends.items() if place not in self.listing.apart and d & ~allowed]
        self._verify(run, "conditions")
        if wide:
            raise Tied("a requirement ties the draws of the widths and others")
        return holds, np.stack([holds.astype(np.int64), *codes], axis=1)

    def apart(self, rows: Settings) -> Array:
        """Which settings the requirements admit that ask for the rest alone. Raises `Tied`."""
        run = self._run(rows)
        every = range(len(self.engine.space.steps))
        with told():
            return run.conditions(frozenset(set(every) - set(self.listing.apart)))[0]

    def elements(self, rows: Settings, positions: Array) -> Array:
        """The widths at positions of the lists of settings, as whole numbers. Raises `Tied`."""
        run = self._run(rows)
        run.lanes.positions = positions
        with told():
            run.conditions(frozenset(range(len(self.engine.space.steps))))
            column = run.elements().column
        allowed = bits((self.listing.along, *self.listing.others))
        whole = isinstance(column, Exact) and column.whole and column.num.dtype != object
        self._verify(run, "widths")
        if column.trend is None or column.depends & ~allowed or run.lanes.unsure.any() or not whole:
            raise Tied("its widths are not decided alike for all settings")
        return run.lanes.each(column.num)  # type: ignore[attr-defined]  # it is exact

    @property
    def work(self) -> int:
        """Lines of conditions and of elements."""
        return self.count * (self.sizes[self.listing.length] + int(self.lengths.max(initial=0)))

    def named(self) -> list[str]:
        """What its widths are made of, by name."""
        names = names_of(self.engine.space)
        return [names[dimension] for dimension in sorted(self.listing.made_of)]


Progress = Callable[[int, int], None]

__all__ = ["Before", "Lines", "Listing", "bits", "listing_of", "told"]
