"""Many settings of a space at once: which are valid, and what their networks cost.

A space is evaluated as `member` does it for one setting, by the same rules and from the same text, with columns in the
place of what is drawn (`column.py`, `rules.py`). Where lanes take different ways they come apart; a requirement takes
out those that it refuses; networks are counted by programs of their blocks (`tally.py`). What this way does not decide
for a setting, the ordinary compiler does: a figure is that of `member_of`, or none is given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from archdsl.analysis.bodies import bind_names
from archdsl.analysis.check_space import MODEL
from archdsl.analysis.context import AlreadyReported, Context
from archdsl.analysis.model import Model
from archdsl.analysis.values import Block, Environment, Value
from archdsl.diagnostics import Fault
from archdsl.graph.conventions import DEFAULT
from archdsl.graph.cost import convention_of
from archdsl.graph.shapes import Size
from archdsl.numbers import is_number
from archdsl.records import dataclass
from archdsl.spaces.arrays.alike import grouped
from archdsl.spaces.arrays.assembled import Unsuited
from archdsl.spaces.arrays.column import Column, Exact
from archdsl.spaces.arrays.forms import MEASURES, Forms
from archdsl.spaces.arrays.lanes import WIDE, Array, Lanes, Mask, Split, Uneven
from archdsl.spaces.arrays.rules import Chosen, LaneContext
from archdsl.spaces.arrays.tally import Tally
from archdsl.spaces.laws import Draw, Grid
from archdsl.spaces.member import Member, member_of, seen
from archdsl.spaces.space import Requirement, Space, Step

Settings: TypeAlias = npt.NDArray[np.int64]
"""Settings as rows: N x dimensions, the number of each drawn value in its domain."""

VALID, NO_NETWORK = -1, -2
"""What `Batch.why` says where no requirement refused a setting."""
LANES = 1 << 18
"""Lanes that are worked out at once."""
FIRST, AFTER = 1 << 20, 1 << 21
"""Elements of an array at most: in the first pass over all lanes, and where requirements have refused most of them."""
MOST = 0.75
"""If so many lanes are left by a requirement of the model, or more, the others are passed over in what follows."""
FEW = 2
"""So many lanes, or fewer, the ordinary compiler decides in less time."""


class DrawFault(Exception):
    """Why nothing is drawn of a space."""


@dataclass(frozen=True)
class Batch:
    """What was found of settings, lane by lane."""

    settings: Settings
    why: npt.NDArray[np.int16]
    """For each setting `VALID`, `NO_NETWORK`, or the number of the requirement that refused it first."""
    costs: Mapping[str, Array]
    """Flops, params and acts: whole numbers (int64, or Python's where that may overflow); -1 where a setting was
    refused before its network was counted."""
    exactly: int = 0
    """How many lanes the ordinary compiler decided, one by one."""

    @property
    def valid(self) -> npt.NDArray[np.bool_]:
        return np.equal(self.why, VALID)


class Engine:
    """Evaluates settings of one space. It keeps the forms of the blocks that it met."""

    def __init__(self, ctx: Context, space: Space) -> None:
        """`ctx` is what members are evaluated in: `entry.context_of`."""
        self.ctx, self.space = ctx, space
        self.forms = Forms(convention_of(space.convention or DEFAULT))
        self._begun = False

    def begin(self, setting: Sequence[int] | None = None) -> None:
        """See that a setting, the first one where none is given, is evaluated in the steps that one may take.

        Once: of a space whose every setting takes too many it is known before all are tried at once. Raises
        `DrawFault`.
        """
        if not self._begun:
            self._begun = True
            self._member(setting if setting is not None else [0] * self.space.dimensions)

    def _member(self, setting: Sequence[int]) -> Member:
        """A setting by the ordinary compiler. Raises `DrawFault` where that does not come to an end."""
        member = member_of(self.ctx, self.space, setting)
        if member.unfinished is not None:
            raise DrawFault(member.unfinished)
        return member

    def evaluate(self, settings: Settings, progress: Callable[[int], None] | None = None) -> Batch:
        """Which settings are valid, and what their networks cost. `progress` is told how many are done.

        Raises `DrawFault` where the evaluation of a setting does not come to an end.
        """
        found = _Entered(self.space, settings)
        if len(settings):
            self.begin(settings[0].tolist())
        for start in range(0, len(settings), LANES):
            rows = np.arange(start, min(start + LANES, len(settings)))
            self._lanes(rows, found)
            if progress is not None:
                progress(int(rows[-1]) + 1)
        return Batch(settings, found.why, dict(found.costs), found.exactly)

    def _lanes(self, rows: Array, found: _Entered) -> None:
        waiting, going_on, most = [rows], list[Array](), FIRST
        while waiting or going_on:
            if not waiting:  # what requirements left of all parts is worked out together
                waiting, going_on, most = [np.sort(np.concatenate(going_on))], [], AFTER
            rows = waiting.pop()
            if len(rows) <= FEW:
                self._exactly(rows, found)
                continue
            run = Run(self.ctx, self.space, self.forms, rows_of(found.settings, rows), most)
            unsure, parts, left = run.settle(rows, found)
            self._exactly(unsure, found)
            waiting += parts
            going_on += left

    def _exactly(self, rows: Array, found: _Entered) -> None:
        """Settings by the ordinary compiler, one by one."""
        for row in rows:
            member = self._member(found.settings[row].tolist())
            found.exactly += 1
            number = member.requirement
            found.why[row] = VALID if member.valid else NO_NETWORK if number is None else number
            found.enter(np.array([row]), {name: np.array([cost], object) for name, cost in member.costs.items()})


def rows_of(settings: Settings, rows: Array) -> Settings:
    """Some of the settings, a dimension's numbers side by side; rows are in order."""
    if len(rows) and int(rows[-1]) - int(rows[0]) == len(rows) - 1:
        return settings[int(rows[0]) : int(rows[-1]) + 1]
    return np.take(settings.T, rows, axis=1).T


class _Entered:
    """What is known of settings so far."""

    def __init__(self, space: Space, settings: Settings) -> None:
        self.space, self.settings = space, settings
        self.why = np.full(len(settings), NO_NETWORK, np.int16)
        self.costs: dict[str, Array] = {name: np.full(len(settings), -1, np.int64) for name in MEASURES}
        self.exactly = 0

    def enter(self, rows: Array, costs: Mapping[str, Array]) -> None:
        for name, values in costs.items():
            if any(abs(int(end)) >= WIDE for end in (values.max(initial=0), values.min(initial=0))):
                self.costs[name] = self.costs[name].astype(object)
            self.costs[name][rows] = values


class Run:
    """The evaluation of some settings at once, until they come apart or all is known of them."""

    def __init__(self, ctx: Context, space: Space, forms: Forms, settings: Settings, most: int) -> None:
        self.space, self.forms, self.settings = space, forms, settings
        self.lanes = Lanes(len(settings), most)
        self.ctx = LaneContext(self.lanes, ctx.traces)
        self.names: dict[str, Value] = {}
        self.model: Model | None = None
        self.costs: dict[str, Array] | None = None
        self.passed: list[tuple[int, Array]] = []
        """Requirements that refused a few lanes on the way, and which."""

    def settle(self, rows: Array, found: _Entered) -> tuple[Array, list[Array], list[Array]]:
        """Enter what becomes known. The rows that the ordinary compiler is to decide, parts that are to be worked out
        each for itself, and what a requirement leaves."""
        unsure, parts, left = self._settled(rows, found)
        if not self.passed:
            return unsure, parts, left
        gone = np.zeros(len(found.why), dtype=bool)
        for number, lanes in self.passed:
            found.why[rows[lanes]] = number
            gone[rows[lanes]] = True
        parts, left = ([each[~gone[each]] for each in of] for of in (parts, left))
        return unsure[~gone[unsure]], [p for p in parts if p.size], [p for p in left if p.size]

    def _settled(self, rows: Array, found: _Entered) -> tuple[Array, list[Array], list[Array]]:
        """The same, of lanes that no requirement refused on the way."""
        keys: Array | None = None
        try:
            refused = self.steps()
        except Split as split:
            keys = split.keys
        except (Fault, AlreadyReported) as fault:
            if not self.refuses_all(fault):
                return rows, [], []
            sure, unsure = self._sure(rows)
            found.why[rows[sure]] = NO_NETWORK
            return unsure, [], []
        except (Unsuited, Uneven, TypeError, RecursionError):  # TypeError: of a column as a key, or where none is taken
            return rows, [], []
        sure, unsure = self._sure(rows)
        if keys is not None:
            parts = list(grouped(rows[sure], [np.asarray(keys)[sure].astype(np.int64)])) if sure.any() else []
            return (rows, [], []) if len(parts) < 2 and sure.all() else (unsure, parts, [])
        if refused is not None:
            number, holds = refused
            gone = sure & ~holds
            found.why[rows[gone]] = number
            if self.costs is not None:
                found.enter(rows[gone], {name: values[gone] for name, values in self.costs.items()})
            left = rows[sure & holds]
            return unsure, [], [left] if left.size else []
        if self.costs is None:
            return rows, [], []
        every = bool(sure.all())
        own = rows if every else rows[sure]
        found.why[own] = VALID
        found.enter(own, {name: values if every else values[sure] for name, values in self.costs.items()})
        return unsure, [], []

    def _sure(self, rows: Array) -> tuple[Array, Array]:
        """Of which lanes it is sure what was found, and the rows that the ordinary compiler is to decide."""
        unsure, absent = self.lanes.unsure, self.lanes.absent
        if absent is None:
            return ~unsure, rows[unsure]
        return ~(unsure | absent), rows[unsure & ~absent]

    def refuses_all(self, fault: Fault | AlreadyReported) -> bool:
        """Whether what ended the evaluation is a `require` of the model, which holds for none of the lanes."""
        told = [fault.diagnostic] if isinstance(fault, Fault) else self.ctx.diagnostics
        return any(diagnostic.code == "E312" for diagnostic in told)

    def steps(self) -> tuple[int, Array] | None:
        """Take all steps; a requirement that refuses some lanes ends them, with its number and where it holds."""
        self._draw()
        numbers = {id(step): number for number, step in enumerate(self.space.requirements)}
        for asks in (False, True):
            if asks:
                self._make()
            for step in self.space.steps:
                if step.asks != asks:
                    continue
                holds = self._step(step)
                if holds is None:
                    continue
                refused = ~(holds | self.lanes.unsure)
                if self.lanes.absent is not None:
                    refused &= ~self.lanes.absent
                if refused.any() and not self._passed_over(step, numbers[id(step)], refused):
                    return numbers[id(step)], holds
        self._count()
        return None

    def _passed_over(self, step: Step, number: int, refused: Array) -> bool:
        """Go on without a few lanes that a requirement of the model refuses, with the model made anew: those that are
        left may agree on more."""
        if not step.asks or self.costs is not None or refused.sum() > (1 - MOST) * len(refused):
            return False
        self.passed.append((number, refused))
        self.lanes.leave(refused)
        self._make()
        return True

    def _step(self, step: Step) -> Array | None:
        """Take a step; of a requirement, where it holds."""
        env = self._environment(step.environment)
        if step.counts:
            self._count()
        if not isinstance(step, Requirement):
            bind_names(self.ctx, step.binding, env)
            return None
        return self.holds(step, env)

    def holds(self, step: Requirement, env: Environment) -> Array:
        """Where a requirement holds."""
        value = self.ctx.evaluate(step.condition, env)
        if isinstance(value, Mask):
            return self.lanes.each(value.truth)
        return np.full(self.lanes.size, value is not None and value is not False)

    def _environment(self, of: Environment) -> Environment:
        found = Environment(of.module)
        found.names, found.origins = self.names, dict(self.space.origins)
        return found

    def _draw(self) -> None:
        at = 0
        for draw in self.space.draws:
            columns = self.settings[:, at : at + draw.dimensions].T
            at += draw.dimensions
            first = at - draw.dimensions
            values = tuple([self._drawn(draw, numbers, 1 << first + i) for i, numbers in enumerate(columns)])
            whole: Any = values if draw.count is not None else values[0]
            self.names[draw.name] = whole * (draw.count or 1) if draw.tied else whole

    def _drawn(self, draw: Draw, numbers: Array, depends: int) -> Value:
        """What one dimension draws: a value if all lanes have it, else a column of numbers."""
        domain = draw.law.domain
        column = self._column(draw, numbers, depends) if depends & self.lanes.spread else None
        if column is not None:
            return column
        agreed = self.lanes.alike(numbers[:, None], depends)
        if agreed is not None:
            return domain.value(int(agreed))
        if isinstance(domain, Grid):
            column = self._column(draw, numbers, depends)
            if column is None:
                raise Split(numbers, depends)
            return column
        if all(isinstance(value, Block) and not value.settings and not value.inputs for value in domain.values):
            return Chosen(self.lanes, domain.values, numbers, depends)  # type: ignore[arg-type]
        if not all(map(is_number, domain.values)):
            raise Split(numbers, depends)
        return self._listed([Fraction(value) for value in domain.values], numbers, depends)  # type: ignore[arg-type]

    def _column(self, draw: Draw, numbers: Array, depends: int) -> Value:
        """Numbers as a column; none for what is no number, and what needs more than 64 bits."""
        domain = draw.law.domain
        if not isinstance(domain, Grid):
            values = [Fraction(value) for value in domain.values if is_number(value)]  # type: ignore[arg-type]
            return self._listed(values, numbers, depends) if len(values) == domain.size else None
        first, step = Fraction(domain.first), Fraction(domain.step)
        den = int(np.lcm(first.denominator, step.denominator))
        scaled = int(first * den), int(step * den)
        if (abs(scaled[0]) + abs(scaled[1]) * domain.size) >= WIDE or den >= WIDE:
            return None
        found = Exact(self.lanes, (scaled[0] + scaled[1] * numbers)[:, None], den, depends=depends)
        return found.going(1) if depends == self.lanes.along else found

    def _listed(self, values: list[Fraction], numbers: Array, depends: int) -> Value:
        """Numbers of a list."""
        if any(abs(value.numerator) >= WIDE or value.denominator >= WIDE for value in values):
            raise Split(numbers, depends)
        num = np.array([value.numerator for value in values], np.int64)[numbers][:, None]
        if all(value.denominator == 1 for value in values):
            return Exact(self.lanes, num, depends=depends)
        den = np.array([value.denominator for value in values], np.int64)[numbers][:, None]
        return Exact(self.lanes, num, den, depends=depends)

    def _make(self) -> None:
        """The model of all lanes."""
        model = self.ctx.evaluate(self.space.model, self._environment(self.space.environment))
        if not isinstance(model, Model):
            raise AlreadyReported
        self.model = replace(model, name=self.space.name, claims=())
        self.names[MODEL] = seen(self.ctx, self.model, self._cost)

    def _cost(self, name: str) -> Value:
        self._count()
        return self.names[name] if self.costs is None else self.totals(self.costs)[name]

    def totals(self, costs: Mapping[str, Array]) -> dict[str, Column]:
        """What conditions see of the costs of all networks."""
        return {name: Exact(self.lanes, values[:, None]) for name, values in costs.items()}

    def _count(self) -> None:
        """The costs of all networks, once."""
        if self.costs is not None or self.model is None:
            return
        model = self.model
        if self.space.at is not None:
            model = replace(model, input=replace(model.input, value=Size(self.space.at)))
        costs = Tally(self.ctx, self.forms).count(model)
        if any(values.dtype == object for values in costs.values()):
            raise Unsuited  # too large for 64 bits
        self.costs = costs
        for name, total in self.totals(costs).items():
            self.names.setdefault(name, total)


__all__ = ["LANES", "NO_NETWORK", "VALID", "Batch", "DrawFault", "Engine", "Run", "Settings", "rows_of"]
