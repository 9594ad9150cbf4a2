"""Solving a scaling for a budget: the factor whose network costs nearest to it.

Cost is not monotone in the factor, because rounding and `fit` go both ways. But each number that a scaling
computes is taken to rise or fall with the factor, so that between two factors of equal numbers nothing
changes: the grid falls into runs of equal networks, and each run is counted once. Where two factors differ in
depths and in the resolution alone, cost is taken to rise with them: more blocks and larger maps cost no less.

A factor that gives no network (groups that do not divide a width) is passed over, and named in what is found.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from typing import Any, TypeGuard

from archdsl import limits
from archdsl.analysis.assemble import Assembly, network_of
from archdsl.analysis.build import build
from archdsl.analysis.calls import tensors_of
from archdsl.analysis.context import Context
from archdsl.analysis.model import Model, Rule, Solved
from archdsl.analysis.program import Definition, Primitive, walk
from archdsl.analysis.scale import base_of, scale
from archdsl.analysis.settings import at, indices
from archdsl.analysis.trace import fault
from archdsl.analysis.values import Block, Building, Environment, Scaling, Sequence, Setting, Solve, Tensor, Value
from archdsl.diagnostics import Fault
from archdsl.graph.cost import count
from archdsl.graph.network import INPUT, Builder
from archdsl.graph.operations import Dropout, DropPath
from archdsl.graph.shapes import Shape
from archdsl.numbers import format_number, normalise
from archdsl.syntax import ast

GRID = 1000
"""The grid: factors are multiples of 1/1000."""


def solve(ev: Context, model: Model, scaling: Scaling, step: ast.Node, env: Environment) -> Model:
    """The scaled model whose cost is nearest to the budget; of equally near ones, the smallest factor's.

    A factor is sought at which the cost passes the budget; then every network from half to twice that
    factor is counted, and further down as long as one there is as near. Raises E313.
    """
    if scaling.unknown is None:
        return scale(ev, base_of(ev, model), scaling, step, env)
    parameter, budget = scaling.unknown
    search = _Search(ev, model, scaling, parameter, budget, step, env)
    crossing = search.crossing()
    low = max(1, crossing // 2)
    best = search.nearest(low, crossing * 2)
    while low > 1:
        below = search.nearest(max(1, low // 2), low)
        low = max(1, low // 2)
        if below is None or (best is not None and (search.distance(below) > search.distance(best) or below == best)):
            break
        best = below
    if best is None or not search.reached():
        raise search.unreachable()
    factor = normalise(Fraction(best, GRID))
    scaled = search.scaled(best, explained=True)
    cost, passed, work = int(search.cost(best) or 0), search.passed(best), search.spent()
    solved = Solved(scaling.name, parameter, budget.measure, budget.target, factor, cost, passed, work)
    return replace(scaled, solved=(*scaled.solved, solved))


class _Meter:
    """Costs of models that differ in few blocks: a block is built and counted once for each input shape."""

    def __init__(self, ev: Context, measure: str) -> None:
        self.ev = ev
        self.measure = measure
        self.total = 0
        self._known: dict[Any, tuple[int, tuple[Shape, ...]]] = {}
        self._rates: dict[Definition, frozenset[str]] = {}

    def cost(self, model: Model) -> int:
        """The cost of a model; features add nothing to it. Raises `_Entangled` where blocks are not separate."""
        if model.output_stride is not None:
            raise _Entangled
        self.total = 0
        assembly = Assembly(self.ev, model, self.place)
        assembly.head(assembly.body(Tensor(INPUT, tuple(model.shape))))
        return self.total

    def _rates_of(self, of: Definition | Primitive) -> frozenset[str]:
        if not isinstance(of, Definition):
            return frozenset()
        if of not in self._rates:
            self._rates[of] = _rates(of)
        return self._rates[of]

    def place(
        self,
        block: Block | Sequence,
        inputs: tuple[Tensor, ...],
        path: str,
        site: ast.Node,
        env: Environment,
        *,
        fitted: bool,
    ) -> Value:
        """Look up what a block costs and what it makes of the input; see `assemble.Place`."""
        if len(inputs) != 1:
            raise _Entangled
        shape = inputs[0].shape
        parts: Any = block
        if isinstance(block, Block):
            rates = self._rates_of(block.of)
            parts = (
                block.of,
                tuple(
                    [
                        (name, type(s.value), _rate_class(s.value) if name in rates else s.value)
                        for name, s in block.settings.items()
                    ]
                ),
            )
        key = (parts, shape)
        known = self._known.get(key)
        if known is None:
            building = Building(Builder(shape), self.ev.bound)
            value = build(self.ev, building, block, (Tensor(INPUT, shape),), path, site, env, fitted=fitted)
            outputs = tensors_of(value) or ()
            network = building.builder.finish(path, [t.place for t in outputs], [])
            known = int(getattr(count(network), self.measure)), tuple(t.shape for t in outputs)
            self._known[key] = known
        cost, shapes = known
        self.total += cost
        tensors = tuple([Tensor(INPUT, s) for s in shapes])
        return tensors[0] if len(tensors) == 1 else tensors


def _rates(definition: Definition) -> frozenset[str]:
    """Parameters whose value no cost depends on, but for whether it is above zero.

    They stand in the block's text in `drop_path(p)`, `dropout(p)` and `p > 0` alone. Stochastic depth grows from
    block to block, so that otherwise each block would be one of its own.
    """
    nodes = walk(definition.declaration)
    bound = {node.text for node in nodes if isinstance(node, ast.Identifier)}
    uses = Counter(node.name for node in nodes if isinstance(node, ast.Reference))
    harmless: Counter[str] = Counter()
    for node in nodes:
        match node:
            case ast.Call(function=ast.Reference(name=name), arguments=(ast.Argument(value=ast.Reference(name=rate)),)):
                called = definition.module.names.get(name)
                if name not in bound and isinstance(called, Primitive) and called.operation in (DropPath, Dropout):
                    harmless[rate] += 1
            case ast.Comparison(operators=(">",), operands=(ast.Reference(name=rate), ast.Number(text="0"))):
                harmless[rate] += 1
    return frozenset([name for name in definition.parameter_names if uses[name] == harmless[name]])


def _rate_class(value: Value) -> Value:
    """One value for all rates that drop something; what is no rate stays what it is."""
    return "some" if _is_number(value) and 0 < value < 1 else value


class _Entangled(Exception):
    """A block's cost is not that of a network of its own.

    Either it hands several tensors to the next, or an output stride makes its dilation depend on all before it.
    """


class _Search:
    """Costs by factor, in thousandths; equal stage lists are counted once."""

    def __init__(
        self,
        ev: Context,
        model: Model,
        scaling: Scaling,
        parameter: str,
        budget: Solve,
        step: ast.Node,
        env: Environment,
    ) -> None:
        self.progress, self.scaling, self.parameter = ev.progress, scaling, parameter
        self.budget, self.step, self.env = budget, step, env
        self.base = base_of(ev, model)
        self.ev = ev.fresh()
        self.meter = _Meter(ev.fresh(), budget.measure)
        self.models: dict[int, Model] = {}
        self.keys: dict[int, Any] = {}
        self.costs: dict[Any, int | float | None] = {}
        self.refused: dict[int, str] = {}
        """Factors that were tried and have no network, with the reason."""
        self.first_fault: Fault | None = None
        self.work = 0

    def scaled(self, factor: int, *, explained: bool = False) -> Model:
        """The model at a factor. Raises E313 when too much was tried."""
        found = self.models.get(factor)
        if found is not None and not explained:
            return found
        if len(self.keys) >= limits.MAX_SOLVE_STEPS:
            message = f"no factor was found in {limits.MAX_SOLVE_STEPS:,} trials"
            raise fault("E313", message, self.step, self.env)
        self.work = self.spent()
        if self.work > limits.MAX_SOLVE_WORK:
            message = f"no factor was found in {limits.MAX_SOLVE_WORK:,} steps: the networks are too large to try"
            raise fault("E313", message, self.step, self.env)
        self.ev, self.meter.ev = self.ev.fresh(), self.meter.ev.fresh()  # for one network; the search has its own limit
        value = normalise(Fraction(factor, GRID))
        setting = Setting(value, self.scaling.arguments[self.parameter].origin)
        scaling = replace(self.scaling, arguments={**self.scaling.arguments, self.parameter: setting})
        found = scale(self.ev, self.base, scaling, self.step, self.env, explained=explained)
        self.models[factor] = found
        if self.progress is not None:
            self.progress(len(self.models))
        return found

    def key(self, factor: int) -> Any:
        """All numbers of the scaled model: equal keys mean equal networks. Where there is no such model, the reason.

        The first part are the numbers that rise with the cost.
        """
        if factor not in self.keys:
            try:
                self.keys[factor] = self._key(self.scaled(factor))
            except Fault as found:
                key = (), found.diagnostic.message
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

    def _key(self, model: Model) -> Any:
        stages = []
        first = 0
        for index, stage in enumerate(model.stages):
            rules = [a for a in stage.settings.values() if isinstance(a, Rule) and a.changes]
            numbers = [a.value for a in stage.settings.values() if isinstance(a, Setting) and _is_number(a.value)]
            depth = stage.length
            by_block = [
                at(self.ev, rule, indices(model, index, first, position)).value
                for rule in rules
                for position in range(depth)
            ]
            stages.append((depth, (*numbers, *by_block)))
            first += depth
        ends = [
            tuple(s.value for s in block.settings.values() if _is_number(s.value))
            for block in (model.stem, model.head)
            if isinstance(block, Block)
        ]
        growing = (*model.shape[1:], *[depth for depth, _ in stages])
        family = [s.value for s in model.made.parameters.values() if _is_number(s.value)] if model.made else []
        return growing, (model.shape[0], tuple([numbers for _, numbers in stages]), tuple(ends), tuple(family))

    def cost(self, factor: int) -> int | float | None:
        """The cost of the network at a factor; infinite where it is too large, none where there is no network."""
        key = self.key(factor)
        if key not in self.costs:
            model = self.scaled(factor)
            try:
                try:
                    self.costs[key] = self.meter.cost(model)
                except _Entangled:
                    self.costs[key] = int(getattr(count(network_of(self.ev, model)), self.budget.measure))
            except Fault as found:
                self.costs[key] = self._refused(factor, found)
        return self.costs[key]

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
        return self.work + self.ev.steps + self.meter.ev.steps

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

        It need not where only depths and the resolution differ and its ends are on one side of the budget, none of
        them nearer than the best known, nor as near with smaller factors inside; where it is short, and both ends are
        on one side, far from the budget; and where networks from its beginning on are too large.
        """
        target = self.budget.target
        costs = self.cost(a), self.cost(b)
        if costs[0] is None or costs[1] is None:
            return False
        low, high = sorted((costs[0], costs[1]))
        if low == math.inf:
            return True
        if self.key(a)[1] == self.key(b)[1] and (low > target or high < target):
            return (min(abs(low - target), abs(high - target)), a) >= best
        return b * 10 < a * 11 and (low * 2 > target * 3 or high * 3 < target * 2)


_TOO_LARGE = ("E391", "E392", "E394")
"""A network with more operations, steps or blocks than one may have."""
_LARGEST = 10**9
"""The largest factor, in thousandths."""
_SHARES = (16, 17, 18, 20, 24, 28)
"""Sixteenths of a factor that are tried where it has no network."""
_PARTS = 64
"""Parts of an interval whose ends are tried where its middle has no network."""


def _shown(factor: int) -> str:
    return format_number(normalise(Fraction(factor, GRID)))


def _is_number(value: Value) -> TypeGuard[int | Fraction]:
    return isinstance(value, int | Fraction) and not isinstance(value, bool)
