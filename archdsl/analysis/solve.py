"""Solving a scaling for a budget: the factor whose network costs nearest to it.

Cost is not monotone in the factor, because rounding and `fit` go both ways. But each number that a scaling
computes is taken to rise or fall with the factor, so that between two factors of equal numbers nothing
changes: the grid falls into runs of equal networks, and each run is counted once. Where two factors have the
same structure, all numbers that differ grow together, and no `fit` sees two of them, cost is taken to lie
between theirs for every factor between (`_in_step`): what lies off the budget is then not looked into.

A factor that gives no network (groups that do not divide a width) is passed over, and named in what is found.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any, TypeAlias

from archdsl import limits
from archdsl.analysis.assemble import network_of
from archdsl.analysis.context import Context, Searched
from archdsl.analysis.meter import Entangled, Meter, is_rational, rate_class
from archdsl.analysis.model import Model, Rule, Solved
from archdsl.analysis.nearer import nearer
from archdsl.analysis.program import Definition, Primitive
from archdsl.analysis.scale import base_of, fitting, remakes, scale
from archdsl.analysis.settings import indices
from archdsl.analysis.steps import Measured, Solving
from archdsl.analysis.trace import fault
from archdsl.analysis.values import (
    Block,
    Environment,
    Scaling,
    Sequence,
    Setting,
    Solve,
    Value,
)
from archdsl.diagnostics import Fault
from archdsl.graph.cost import count
from archdsl.numbers import format_number, normalise
from archdsl.records import dataclass
from archdsl.syntax import ast

GRID = 1000
"""The grid: factors are multiples of 1/1000."""


def solve(ctx: Context, model: Model, scaling: Scaling, step: ast.Node, env: Environment) -> Model:
    """The scaled model whose cost is nearest to the budget; of equally near ones, the smallest factor's.

    A factor is sought at which the cost passes the budget; then every network from half to twice that
    factor is counted, and further down as long as one there is as near. Raises E313.
    """
    if scaling.unknown is None:
        return scale(ctx, base_of(ctx, model), scaling, step, env)
    parameter, budget = scaling.unknown
    search = _Search(ctx, model, scaling, parameter, budget, step, env)
    known = ctx.searches.known(step.span.text) if ctx.searches is not None else None
    found = search.again(known) or search.found()
    if ctx.searches is not None:
        ctx.searches.keep(found)
    factor = normalise(Fraction(found.factor, GRID))
    scaled = search.scaled(found.factor, explained=True)
    solved = Solved(scaling.name, parameter, budget.measure, budget.target, factor, found.cost, within=budget.within)
    work = found.work
    if budget.within is not None and abs(solved.residual) > budget.within * budget.target:
        spent = search.spent()
        scaled, solved = nearer(search.solving(found.factor), found.factor, scaled, solved, step, env)
        work += search.spent() - spent
    solved = replace(solved, passed=found.passed, work=work)
    return replace(scaled, solved=(*scaled.solved, solved))


class _Search:
    """Costs by factor, in thousandths; equal stage lists are counted once."""

    def __init__(
        self,
        ctx: Context,
        model: Model,
        scaling: Scaling,
        parameter: str,
        budget: Solve,
        step: ast.Node,
        env: Environment,
    ) -> None:
        self.progress, self.scaling, self.parameter = ctx.progress, scaling, parameter
        self.budget, self.step, self.env = budget, step, env
        self.base = base_of(ctx, model)
        self.ctx = ctx.fresh()
        self.meter = Meter(ctx.fresh(), self.base.model, budget.measure)
        self.models: dict[int, Model] = {}
        self.keys: dict[int, _Values | str] = {}
        self.costs: dict[Any, int | float | None] = {}
        self.parts: dict[Any, Mapping[str, tuple[int, frozenset[int]]]] = {}
        """What the meter says of the stem, the stages and the head, where blocks are counted one by one."""
        self.sizes = {*_SIZES, *[place.rpartition(".")[2] for place in model.follow]}
        """Settings by whose value cost rises."""
        self.refused: dict[int, str] = {}
        """Factors that were tried and have no network, with the reason."""
        self.first_fault: Fault | None = None
        self.work = 0

    def found(self) -> Searched:
        """The factor of the network that is nearest to the budget. Raises E313."""
        crossing = self.crossing()
        low = max(1, crossing // 2)
        best = self.nearest(low, crossing * 2)
        while low > 1:
            below = self.nearest(max(1, low // 2), low)
            low = max(1, low // 2)
            if below is None or (best is not None and (self.distance(below) > self.distance(best) or below == best)):
                break
            best = below
        if best is None or not self.reached():
            raise self.unreachable()
        return Searched(best, int(self.cost(best) or 0), self.passed(best), self.spent())

    def again(self, known: Searched | None) -> Searched | None:
        """What an earlier search for the same found, where its network still costs as much."""
        return known if known is not None and self.cost(known.factor) == known.cost else None

    def scaled(self, factor: int, *, explained: bool = False) -> Model:
        """The model at a factor. Raises E313 when too much was tried."""
        found = self.models.get(factor)
        if found is not None and not explained:
            return found
        self._begin()
        found = scale(self.ctx, self.base, self._scaling(factor), self.step, self.env, explained=explained)
        self.models[factor] = found
        if self.progress is not None:
            self.progress(len(self.models))
        return found

    def _scaling(self, factor: int) -> Scaling:
        """The scaling by a factor."""
        value = normalise(Fraction(factor, GRID))
        setting = Setting(value, self.scaling.arguments[self.parameter].origin)
        return replace(self.scaling, arguments={**self.scaling.arguments, self.parameter: setting})

    def _begin(self) -> None:
        """Begin with another network, within the limits of the search. Raises E313."""
        if len(self.keys) >= limits.MAX_SOLVE_STEPS:
            message = f"no factor was found in {limits.MAX_SOLVE_STEPS:,} trials"
            raise fault("E313", message, self.step, self.env)
        self.work = self.spent()
        if self.work > limits.MAX_SOLVE_WORK:
            message = f"no factor was found in {limits.MAX_SOLVE_WORK:,} steps: the networks are too large to try"
            raise fault("E313", message, self.step, self.env)
        # What is evaluated is of one network; the search has its own limit.
        self.ctx, self.meter.ctx = self.ctx.fresh(), self.meter.ctx.fresh()

    def key(self, factor: int) -> _Values | str:
        """All values of the scaled model: equal keys mean equal networks. Where there is no such model, the reason."""
        if factor not in self.keys:
            try:
                self.keys[factor] = self._key(self.scaled(factor))
            except Fault as found:
                key = found.diagnostic.message
                self.costs[key] = self._refused(factor, found)
                self.keys[factor] = key
        return self.keys[factor]

    def _refused(self, factor: int, found: Fault) -> float | None:
        """The cost without a network: infinite for too large a one. Raises what is no fault of the factor."""
        code = found.diagnostic.code
        if code == "E313":
            raise found
        if code in _TOO_LARGE:
            return math.inf
        self.refused[factor] = found.diagnostic.message
        self.first_fault = self.first_fault or found
        return None

    def _key(self, model: Model) -> _Values:
        self.meter.forget_scaled()
        stages = []
        first = 0
        for index, stage in enumerate(model.stages):
            depth = stage.length
            places = [indices(model, index, first, position) for position in range(depth)]
            given = []
            rates = self.meter.rates_of(stage.block.of)
            for name, attribute in stage.settings.items():
                values = [
                    self.meter.at(attribute, place).value
                    for place in places[: depth if isinstance(attribute, Rule) else 1]
                ]
                if name in rates:
                    values = [rate_class(value) for value in values]
                given.append((name, tuple([leaf for value in values for leaf in _leaves(name, value)])))
            overrides = [_leaves(name, s.value) for o in stage.overrides.values() for name, s in o.items()]
            given.append(("", tuple([leaf for found in (*overrides, _leaves("", stage.enter)) for leaf in found])))
            stages.append(_StageValues(stage.block.of, depth, tuple(given)))
            first += depth
        stride = model.output_stride.value if model.output_stride is not None else None
        ends = (*_leaves("", model.stem), *_leaves("", model.head), ("output_stride", stride))
        return _Values(tuple(model.shape), tuple(stages), ends)

    def cost(self, factor: int) -> int | float | None:
        """The cost of the network at a factor; infinite where it is too large, none where there is no network."""
        key = self.key(factor)
        if key not in self.costs:
            model = self.scaled(factor)
            try:
                self.costs[key], parts = self._counted(model)
                if parts is not None:
                    self.parts[key] = parts
            except Fault as found:
                self.costs[key] = self._refused(factor, found)
        return self.costs[key]

    def _counted(self, model: Model) -> tuple[int, Mapping[str, tuple[int, frozenset[int]]] | None]:
        """The cost of a model, and what the meter says of its parts where its blocks are separate. Raises `Fault`."""
        try:
            return self.meter.cost(model), self.meter.parts
        except Entangled:
            return int(getattr(count(network_of(self.ctx, model)), self.budget.measure)), None

    def measured(self, model: Model) -> Measured:
        """The cost of a model that is no factor's, and of its parts where they are separate. Raises `Fault`."""
        self._begin()
        self.meter.forget_scaled()
        cost, parts = self._counted(model)
        return cost, None if parts is None else {part: amount for part, (amount, _) in parts.items()}

    def solving(self, best: int) -> Solving:
        """What steps of single stages are looked for with."""
        anew = remakes(self.ctx, self.base, self._scaling(best), self.step, self.env)
        return Solving(self.base.model, self.scaled, self.measured, lambda: self.ctx, anew, GRID)

    def distance(self, factor: int) -> int | float:
        """How far the cost at a factor is from the budget; infinite where there is no network."""
        cost = self.cost(factor)
        return math.inf if cost is None else abs(cost - self.budget.target)

    def crossing(self) -> int:
        """A factor at which the cost passes the budget, in thousandths."""
        high = self._reaching()
        low = self._at_most(high)
        while high - low > 1:
            middle = self._valid(low, high)
            if middle is None:
                break
            cost = self.cost(middle)
            if cost is None or cost < self.budget.target:
                low = middle
            else:
                high = middle
        return high

    def _reaching(self) -> int:
        """A factor whose network costs at least the budget, or is too large to be one."""
        high = GRID
        while True:
            for share in _SHARES:
                factor = high * share // _SHARES[0]
                cost = self.cost(factor)
                if cost is not None and cost >= self.budget.target:
                    return factor
                if cost is not None:
                    break
            high *= 2
            if high > _LARGEST:
                raise self.unreachable()

    def _at_most(self, high: int) -> int:
        """A factor below `high` whose network costs at most the budget; 0 where none was met."""
        low = high // 2
        while low >= 1:
            for share in _SHARES:
                factor = max(1, low * _SHARES[0] // share)
                cost = self.cost(factor)
                if cost is not None and cost <= self.budget.target:
                    return factor
                if cost is not None:
                    break
            low //= 2
        return 0

    def reached(self) -> bool:
        """Whether the budget lies between the costs of two networks that were found, or is one of them."""
        found = [cost for cost in self.costs.values() if cost is not None and cost < math.inf]
        return min(found) <= self.budget.target <= max(found)

    def spent(self) -> int:
        """The evaluation steps of the search so far."""
        return self.work + self.ctx.steps + self.meter.ctx.steps

    def _valid(self, low: int, high: int) -> int | None:
        """A factor between two others that has a network or is too large for one, near the middle; none if few have."""
        parts = 2
        while parts <= _PARTS:
            for part in range(1, parts, 2):
                factor = low + (high - low) * part // parts
                if low < factor < high and self.cost(factor) is not None:
                    return factor
            parts *= 2
        return None

    def unreachable(self) -> Fault:
        """E313, with what the scaling changes and what was passed over; where no factor has a network, why the first
        has none."""
        if self.first_fault is not None and all(cost is None for cost in self.costs.values()):
            return self.first_fault
        measure, target = self.budget.measure, self.budget.target
        message = f"no factor of `{self.scaling.name}` brings {measure} to {target:,}"
        help_ = "it changes nothing in this model"
        for factor in (2 * GRID, *sorted(self.models)):
            try:
                changes = self.scaled(factor, explained=True).changes
            except Fault:
                continue
            changed = {c.path.rpartition(".")[2] for c in changes if c.base != c.rounded}
            if changed:
                help_ = f"it changes {', '.join(sorted(changed))}"
                break
        if self.refused:
            factor = min(self.refused, key=lambda f: (abs(f - GRID), f))
            refused = f"{self.parameter}: {_shown(factor)} has no network: {self.refused[factor]}"
            help_ = f"{help_}; {refused}"
        return fault("E313", message, self.step, self.env, help=help_)

    def passed(self, best: int) -> tuple[tuple[int | Fraction, str], ...]:
        """Factors that have no network, nearest to the answer first, one for each reason."""
        found: dict[str, int] = {}
        for factor in sorted(self.refused, key=lambda f: (abs(f - best), f)):
            found.setdefault(self.refused[factor], factor)
        return tuple([(normalise(Fraction(factor, GRID)), reason) for reason, factor in found.items()])

    def nearest(self, low: int, high: int) -> int | None:
        """The factor of the nearest cost from low to high, the smallest where several are as near."""
        best: tuple[int | float, int] = (math.inf, low)
        intervals = [(low, high)]
        while intervals:
            a, b = intervals.pop()
            best = min(best, (self.distance(a), a), (self.distance(b), b))
            if b - a > 1 and self.key(a) != self.key(b) and not self._far(a, b, best):
                middle = (a + b) // 2
                intervals += [(middle, b), (a, middle)]
        return best[1] if best[0] < math.inf else None

    def _far(self, a: int, b: int, best: tuple[int | float, int]) -> bool:
        """Whether an interval need not be searched.

        It need not where the cost lies between those of its ends, which are on one side of the budget, none of them
        nearer than the best known, nor as near with smaller factors inside; where it is short, and both ends are on one
        side, far from the budget; and where networks from its beginning on are too large.
        """
        target = self.budget.target
        costs = self.cost(a), self.cost(b)
        if costs[0] is None or costs[1] is None:
            return False
        low, high = sorted((costs[0], costs[1]))
        if low == math.inf:
            return True
        aside = low > target or high < target
        if aside and (min(abs(low - target), abs(high - target)), a) >= best and self._in_step(a, b):
            return True
        return b * 10 < a * 11 and (low * 2 > target * 3 or high * 3 < target * 2)

    def _in_step(self, first: int, last: int) -> bool:
        """Whether the costs of all factors between two are taken to lie between theirs.

        More blocks and larger maps cost no less. With other values it is so where all that differ are widths and group
        widths that grow from one network to the other, and with them the costs of the stem, the head and each stage;
        where no `fit` looks at two that differ, for such a function goes both ways; and where the blocks of each part
        have as many operations, so that no projection of a shortcut comes or goes.
        """
        a, b = self.key(first), self.key(last)
        if isinstance(a, str) or isinstance(b, str) or a.input[0] != b.input[0] or len(a.stages) != len(b.stages):
            return False
        pairs = [*zip(a.input, b.input, strict=True)]
        other = []
        for one, two in zip(a.stages, b.stages, strict=True):
            pairs.append((one.depth, two.depth))
            if one.of is not two.of or [name for name, _ in one.given] != [name for name, _ in two.given]:
                return False
            differing = set()
            rates = self.meter.rates_of(one.of)
            for (name, left), (_, right) in zip(one.given, two.given, strict=True):
                if left != right and name not in rates and set(left) != set(right):
                    differing.add(name)
                    other.append((left, right))
            if len(differing & _fitted_together(one.of)) > 1:
                return False
        if a.ends != b.ends:
            other.append((a.ends, b.ends))
        for left, right in other:
            found = self._compared(left, right)
            if found is None:
                return False
            pairs += found
        if other:
            parts, others = self.parts.get(a), self.parts.get(b)
            if parts is None or others is None or [*parts] != [*others]:
                return False
            if any(parts[part][1] != others[part][1] for part in parts):
                return False
            pairs += [(parts[part][0], others[part][0]) for part in parts]
        return all(x <= y for x, y in pairs) or all(x >= y for x, y in pairs)

    def _compared(self, left: _Leaves, right: _Leaves) -> list[tuple[Any, Any]] | None:
        """The numbers that differ; none where anything but a size does.

        Of blocks of which there are more in one of the two, only the ends, the least and the greatest are compared.
        """
        if len(left) != len(right):
            if {name for name, _ in (*left, *right)} - self.sizes or not all(
                is_rational(v) for _, v in (*left, *right)
            ):
                return None
            a, b = [[value for _, value in leaves] for leaves in (left, right)]
            return [(a[0], b[0]), (a[-1], b[-1]), (min(a), min(b)), (max(a), max(b))] if a and b else None
        found = [(x, y) for x, y in zip(left, right, strict=True) if x != y]
        if all(x[0] == y[0] and x[0] in self.sizes and is_rational(x[1]) and is_rational(y[1]) for x, y in found):
            return [(x[1], y[1]) for x, y in found]
        return None


_TOO_LARGE = ("E391", "E392", "E394")
"""A network with more operations, steps or blocks than one may have."""
_LARGEST = 10**9
"""The largest factor, in thousandths."""
_SHARES = (16, 17, 18, 20, 24, 28)
"""Sixteenths of a factor that are tried where it has no network."""
_PARTS = 64
"""Parts of an interval whose ends are tried where its middle has no network."""


_SIZES = ("width", "group_width")
"""Settings by whose value cost rises, in the words of every scaling."""

_Leaves: TypeAlias = tuple[tuple[str, Any], ...]
"""What a value holds, each with the name of the setting that it stands in."""


@dataclass(frozen=True, slots=True)
class _StageValues:
    """The block of a stage, its depth, and the values of each setting: of a rule, those of all blocks."""

    of: Definition | Primitive
    depth: int
    given: tuple[tuple[str, _Leaves], ...]


@dataclass(frozen=True, slots=True)
class _Values:
    """All values of a model that its network depends on."""

    input: tuple[int, ...]
    stages: tuple[_StageValues, ...]
    ends: _Leaves


def _leaves(name: str, value: Value) -> list[tuple[str, Any]]:
    """The numbers, strings and definitions within a value, wherever they stand in it."""
    if isinstance(value, Block):
        return [(name, value.of), *[leaf for n, s in value.settings.items() for leaf in _leaves(n, s.value)]]
    if isinstance(value, Sequence):
        return [leaf for _, block in value.steps for leaf in _leaves(name, block)]
    if isinstance(value, tuple):
        return [(name, len(value)), *[leaf for part in value for leaf in _leaves(name, part)]]
    return [(name, value)]


def _fitted_together(of: Definition | Primitive) -> set[str]:
    return fitting(of) if isinstance(of, Definition) and of.fit else set()


def _shown(factor: int) -> str:
    return format_number(normalise(Fraction(factor, GRID)))
