"""Which draws of a space have their costs to themselves, so that the costs of a network are a sum.

The dimensions of a space fall into parts. All settings of each part, the other dimensions at one value, are evaluated
at once, and on the way it is noted on which dimensions each decision depends, and each block that is counted. What
depends on several parts makes these one; then it begins again. In the end every decision was met in all the ways that
there are, so that no other setting goes another way, and every block costs what the numbers of one part say: the costs
are a constant and a number of each part. A requirement on the draws of one part leaves some of its settings. One that
compares a cost with a number is kept: `sums.py` counts with it.

What takes lanes apart by a few values makes a case of each of them. Where anything else is in doubt nothing is said of
the space: `Tied`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np

from archdsl import limits, numbers
from archdsl.analysis.context import AlreadyReported
from archdsl.analysis.values import Environment
from archdsl.diagnostics import Fault
from archdsl.records import dataclass
from archdsl.spaces.arrays.assembled import Unsuited
from archdsl.spaces.arrays.column import Column, Exact
from archdsl.spaces.arrays.engine import Engine, Run, Settings
from archdsl.spaces.arrays.forms import MEASURES
from archdsl.spaces.arrays.lanes import EVERYTHING, Array, Lanes, Mask, Split, Uneven
from archdsl.spaces.space import Requirement, Space
from archdsl.syntax import ast

MAX_CASES = 1024
MAX_WAYS = 16
"""Cases that are made at one place."""

Bound: TypeAlias = "tuple[str, int | None, int | None]"
"""A measure, and the least and the largest that it may be."""


class Tied(Exception):
    """The costs are no sum as far as is known; the message says why."""


@dataclass(frozen=True)
class Part:
    """Dimensions whose costs depend on nothing else."""

    dimensions: tuple[int, ...]
    settings: Settings
    """Those of its settings that requirements admit: a row for each, of the numbers of its dimensions."""
    costs: Mapping[str, Array]
    """What each of them adds to the costs."""


@dataclass(frozen=True)
class Case:
    """Some of the settings of a space: those with these numbers in some dimensions."""

    fixed: Mapping[int, int]
    parts: tuple[Part, ...]
    base: Mapping[str, int]
    """What all networks cost beside that."""
    bounds: tuple[Bound, ...]

    @property
    def settings(self) -> int:
        """Those that the requirements admit, but for the bounds of costs."""
        return math.prod(len(part.settings) for part in self.parts)


# Costs in conditions


class _Total(Exact):
    """A cost of the networks of all lanes."""

    __slots__ = ("measure",)

    def __init__(self, lanes: Lanes, costs: Array, measure: str) -> None:
        super().__init__(lanes, costs)
        self.measure = measure

    def _compared(self, sign: str, other: object) -> Any:
        found = super()._compared(sign, other)
        operand = self._taken(other)
        if not isinstance(found, Mask) or operand is None or operand.depends or not isinstance(operand, Exact):
            return found
        value = operand.at(0, 0)
        ends = _ENDS.get(sign)
        if ends is None or not isinstance(value, int | Fraction):
            return found
        return _Bounded(found, ((self.measure, *ends(value)),))


_ENDS: Mapping[str, Any] = {
    "<": lambda value: (None, numbers.ceil(value) - 1),
    "<=": lambda value: (None, numbers.floor(value)),
    ">": lambda value: (numbers.floor(value) + 1, None),
    ">=": lambda value: (numbers.ceil(value), None),
}


class _Bounded(Mask):
    """Whether costs are within bounds."""

    __slots__ = ("bounds",)

    def __init__(self, of: Mask, bounds: tuple[Bound, ...]) -> None:
        super().__init__(of.lanes, of.truth)
        self.bounds = bounds

    def __and__(self, other: Mask) -> Mask:
        found = super().__and__(other)
        return _Bounded(found, self.bounds + other.bounds) if isinstance(other, _Bounded) else found


# One evaluation


class _Refused(Exception):
    """A requirement does not hold for some lanes, or for none."""

    def __init__(self, holds: Array, depends: int) -> None:
        super().__init__("refused")
        self.holds, self.depends = holds, depends


class Observed(Run):
    """An evaluation of which it is noted on what its decisions depend."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        super().__init__(engine.ctx, engine.space, engine.forms, settings, most=1 << 24)
        self.decided: set[int] = set()
        self.lanes.decided = self.decided
        self.bounds: list[Bound] = []

    def totals(self, costs: Mapping[str, Array]) -> dict[str, Column]:
        return {name: _Total(self.lanes, values[:, None], name) for name, values in costs.items()}

    @staticmethod
    def bounds_of(mask: Mask) -> tuple[Bound, ...]:
        """The bounds of costs that a condition is; none where it is another."""
        return mask.bounds if isinstance(mask, _Bounded) else ()

    def holds(self, step: Requirement, env: Environment) -> Array:
        everywhere = np.ones(self.lanes.size, dtype=bool)
        for condition in all_of(step.condition):
            value = self.ctx.evaluate(condition, env)
            if isinstance(value, _Bounded):
                self.bounds += value.bounds
            elif isinstance(value, Mask):
                self.lanes.rests(value.depends)
                truth = self.lanes.each(value.truth)
                if not truth.all():
                    raise _Refused(truth, value.depends)
            elif value is None or value is False:
                raise _Refused(~everywhere, 0)
        return everywhere


def all_of(condition: ast.Expression) -> Iterator[ast.Expression]:
    """The conditions that must all hold."""
    if isinstance(condition, ast.Logical) and condition.operator == "and":
        yield from all_of(condition.left)
        yield from all_of(condition.right)
    else:
        yield condition


# The parts of a space


class _Cut:
    """Dimensions in parts, with the settings of each that are looked at."""

    def __init__(self, space: Space, fixed: Mapping[int, int], parts: Iterable[tuple[int, ...]]) -> None:
        self.space, self.fixed = space, dict(fixed)
        self.parts: dict[tuple[int, ...], Settings] = {}
        for part in parts:
            sizes = [space.sizes[dimension] for dimension in part]
            self._verify(part, math.prod(sizes))
            self._enter(part, [np.arange(size)[:, None] for size in sizes])

    def _verify(self, dimensions: tuple[int, ...], count: int) -> None:
        """Raise `Tied` for a part of too many settings."""
        if count > limits.MAX_SUMMED:
            of, has = ("draws of", "have their costs together:") if len(dimensions) > 1 else ("draw of", "has")
            most = f"more than the {limits.MAX_SUMMED:,} that are looked at"
            raise Tied(f"the {of} {self.named(dimensions)} {has} {count:,} settings, {most}")

    def _enter(self, dimensions: tuple[int, ...], of: Sequence[Settings]) -> None:
        """A part of several, with all that these have together; its dimensions are in the order of theirs."""
        index = np.indices([len(each) for each in of]).reshape(len(of), -1)
        self.parts[dimensions] = np.concatenate([each[at] for each, at in zip(of, index, strict=True)], axis=1)

    def named(self, dimensions: Sequence[int]) -> str:
        """What is drawn in some dimensions, by name: of a list, its own."""
        names = [names_of(self.space)[dimension].partition("[")[0] for dimension in sorted(dimensions)]
        return ", ".join([f"`{name}`" for name in dict.fromkeys(names)])

    def rows(self) -> tuple[Settings, list[slice]]:
        """A setting with the first of each part, and for each part all its settings beside the first of the others."""
        base = np.zeros(self.space.dimensions, np.int64)
        for dimension, number in self.fixed.items():
            base[dimension] = number
        for dimensions, settings in self.parts.items():
            base[list(dimensions)] = settings[0]
        size = 1 + sum(map(len, self.parts.values()))
        if size > limits.MAX_SUMMED:
            raise Tied(f"its draws have {size:,} values, each counted by itself")
        rows = np.repeat(base[None, :], size, axis=0)
        at, found = 1, []
        for dimensions, settings in self.parts.items():
            found.append(slice(at, at + len(settings)))
            rows[found[-1], list(dimensions)] = settings
            at += len(settings)
        return rows, found

    def free(self, depends: int) -> list[int]:
        """The dimensions of a number that are none of the fixed ones."""
        every = [dimension for part in self.parts for dimension in part]
        return [dimension for dimension in every if depends == EVERYTHING or depends >> dimension & 1]

    def united(self, decided: Iterable[int]) -> bool:
        """Make one of the parts that something depends on together; whether there were any."""
        changed = False
        for depends in decided:
            dimensions = set(self.free(depends))
            touched = [part for part in self.parts if dimensions & set(part)]
            if len(touched) > 1:
                whole = tuple([dimension for part in touched for dimension in part])
                of = [self.parts.pop(part) for part in touched]
                self._verify(whole, math.prod(map(len, of)))
                self._enter(whole, of)
                changed = True
        return changed

    def narrow(self, depends: int, holds: Array, slices: list[slice]) -> bool:
        """Leave the settings of the one part that a requirement depends on for which it holds; whether any are left."""
        dimensions = set(self.free(depends))
        part, where = next(each for each in zip(self.parts, slices, strict=True) if dimensions & set(each[0]))
        self.parts[part] = self.parts[part][holds[where]]
        return len(self.parts[part]) > 0


def names_of(space: Space) -> list[str]:
    """What is drawn in each dimension: `depth`, `kernels[2]`."""
    found: list[str] = []
    for draw in space.draws:
        listed = draw.count is not None and not draw.tied
        found += [f"{draw.name}[{index}]" if listed else draw.name for index in range(draw.dimensions)]
    return found


def cases_of(engine: Engine) -> list[Case]:
    """The settings of a space in cases, of each of which the costs are a sum. Raises `Tied`."""
    space, convention = engine.space, engine.forms.convention
    if convention.flops.divisor != 1 or convention.params.divisor != 1 or convention.acts.divisor != 1:
        raise Tied(f"what {convention.name} counts is rounded")
    sizes = space.sizes
    fixed = {dimension: 0 for dimension, size in enumerate(sizes) if size == 1}
    free = [(dimension,) for dimension, size in enumerate(sizes) if size > 1]
    waiting = [_Cut(space, fixed, free)]
    found: list[Case] = []
    while waiting:
        cut = waiting.pop()
        made = _case(engine, cut)
        if isinstance(made, Case):
            found.append(made)
        elif made is not None:
            waiting += made
        if len(found) + len(waiting) > MAX_CASES:
            raise Tied(f"more than {MAX_CASES:,} cases differ in how networks are made")
    return found


def _case(engine: Engine, cut: _Cut) -> Case | list[_Cut] | None:
    """A case; what it is to be cut into; or none where no setting is valid."""
    while True:
        rows, slices = cut.rows()
        run = Observed(engine, rows)
        split: Split | None = None
        refused: _Refused | None = None
        try:
            run.steps()
        except Split as apart:
            split = apart
        except _Refused as other:
            refused = other
        except (Fault, AlreadyReported) as fault:
            if not run.refuses_all(fault):
                raise Tied("some of its settings have no network") from None
            refused = _Refused(np.zeros(len(rows), dtype=bool), 0)
        except (Unsuited, Uneven, TypeError, RecursionError):
            raise Tied("its networks are not counted block by block") from None
        if run.lanes.unsure.any():
            raise Tied("some of its settings are decided one by one")
        if cut.united(run.decided):
            continue
        if split is not None:
            return _apart(cut, split.depends)
        if refused is None:
            return _summed(cut, run, slices)
        if not cut.free(refused.depends) or not cut.narrow(refused.depends, refused.holds, slices):
            return None


def _apart(cut: _Cut, depends: int) -> list[_Cut]:
    """A case for all values of the dimensions that took lanes apart."""
    dimensions = cut.free(depends)
    ways = math.prod(cut.space.sizes[dimension] for dimension in dimensions)
    if not dimensions or ways > MAX_WAYS:
        raise Tied(f"{cut.named(dimensions) or 'its draws'} decide how networks are made, in {ways:,} ways")
    left = [tuple([d for d in part if d not in dimensions]) for part in cut.parts]
    parts = [part for part in left if part]
    numbers_of = np.indices([cut.space.sizes[dimension] for dimension in dimensions]).reshape(len(dimensions), -1).T
    return [
        _Cut(cut.space, {**cut.fixed, **dict(zip(dimensions, chosen, strict=True))}, parts)
        for chosen in numbers_of.tolist()
    ]


def _summed(cut: _Cut, run: Observed, slices: list[slice]) -> Case:
    costs = run.costs
    if costs is None:
        raise Tied("its networks are not counted block by block")
    base = {name: int(costs[name][0]) for name in MEASURES}
    parts = []
    for (dimensions, settings), where in zip(cut.parts.items(), slices, strict=True):
        order = sorted(range(len(dimensions)), key=dimensions.__getitem__)
        own = {name: costs[name][where] - base[name] for name in MEASURES}
        parts.append(Part(tuple([dimensions[at] for at in order]), settings[:, order], own))
    parts.sort(key=lambda part: part.dimensions)
    return Case(cut.fixed, tuple(parts), base, tuple(run.bounds))


__all__ = ["Bound", "Case", "Observed", "Part", "Tied", "all_of", "cases_of", "names_of"]
