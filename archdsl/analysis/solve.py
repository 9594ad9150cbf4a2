"""Solving a scaling for a budget: the factor whose network costs nearest to it.

Cost is not monotone in the factor, because rounding and `fit` go both ways. But each number that a scaling
computes is taken to rise or fall with the factor, so that between two factors of equal numbers nothing
changes: the grid falls into runs of equal networks, and each run is counted once.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

from archdsl import limits
from archdsl.analysis.calls import tensors_of
from archdsl.analysis.elaborate import Elaborator
from archdsl.analysis.model import Model, Rule, Solved
from archdsl.analysis.scale import base_of, scale
from archdsl.analysis.trace import fault
from archdsl.analysis.values import Block, Environment, Scaling, Sequence, Setting, Solve, Tensor, Value
from archdsl.diagnostics import Fault
from archdsl.graph.cost import count
from archdsl.graph.network import INPUT, Builder
from archdsl.graph.shapes import Shape
from archdsl.numbers import normalise
from archdsl.syntax import ast

GRID = 1000
"""The grid: factors are multiples of 1/1000."""


def solve(ev: Elaborator, model: Model, scaling: Scaling, step: ast.Node, env: Environment) -> Model:
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
        if search.distance(below) > search.distance(best) or below == best:
            break
        best = below
    factor = normalise(Fraction(best, GRID))
    scaled = search.scaled(best, explained=True)
    solved = Solved(scaling.name, parameter, budget.measure, budget.target, factor, search.cost(best))
    return replace(scaled, solved=(*scaled.solved, solved))


class _Meter(Elaborator):
    """Costs of models that differ in few blocks: a block is built and counted once for each input shape."""

    def __init__(self, ev: Elaborator, measure: str) -> None:
        super().__init__(ev.diagnostics)
        self.measure = measure
        self.total = 0
        self._known: dict[Any, tuple[int, tuple[Shape, ...]]] = {}

    def cost(self, model: Model) -> int:
        """The cost of a model. Features add nothing to it. Raises `_Entangled` where blocks are not separate."""
        if model.output_stride is not None:
            raise _Entangled
        self.total = 0
        self.network(replace(model, features=None))
        return self.total

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
        if len(inputs) != 1:
            raise _Entangled
        shape = inputs[0].shape
        parts: Any = block
        if isinstance(block, Block):
            parts = (block.of, tuple([(name, type(s.value), s.value) for name, s in block.settings.items()]))
        key = (parts, shape)
        known = self._known.get(key)
        if known is None:
            outer, self.builder = self.builder, Builder(shape)
            try:
                value = self.build(block, (Tensor(INPUT, shape),), path, site, env, fitted=fitted)
                outputs = tensors_of(value) or ()
                network = self.builder.finish(path, [t.place for t in outputs], [])
            finally:
                self.builder = outer
            known = int(getattr(count(network), self.measure)), tuple(t.shape for t in outputs)
            self._known[key] = known
        cost, shapes = known
        self.total += cost
        tensors = tuple([Tensor(INPUT, s) for s in shapes])
        return tensors[0] if len(tensors) == 1 else tensors


class _Entangled(Exception):
    """A block's cost is not that of a network of its own.

    Either it hands several tensors to the next, or an output stride makes its dilation depend on all before it.
    """


class _Search:
    """Costs by factor, in thousandths; equal stage lists are counted once."""

    def __init__(
        self,
        ev: Elaborator,
        model: Model,
        scaling: Scaling,
        parameter: str,
        budget: Solve,
        step: ast.Node,
        env: Environment,
    ) -> None:
        self.ev, self.scaling, self.parameter = ev, scaling, parameter
        self.budget, self.step, self.env = budget, step, env
        self.base = base_of(ev, model)
        self.meter = _Meter(ev, budget.measure)
        self.models: dict[int, Model] = {}
        self.keys: dict[int, Any] = {}
        self.costs: dict[Any, int] = {}
        self.work = 0

    def scaled(self, factor: int, *, explained: bool = False) -> Model:
        """The model at a factor. Raises E313 when too much was tried."""
        found = self.models.get(factor)
        if found is not None and not explained:
            return found
        if len(self.models) >= limits.MAX_SOLVE_STEPS:
            message = f"no factor was found in {limits.MAX_SOLVE_STEPS:,} trials"
            raise fault("E313", message, self.step, self.env)
        self.work += self.ev.steps + self.meter.steps
        if self.work > limits.MAX_SOLVE_WORK:
            message = f"no factor was found in {limits.MAX_SOLVE_WORK:,} steps: the networks are too large to try"
            raise fault("E313", message, self.step, self.env)
        self.ev.steps = self.meter.steps = 0  # that limit is for one network; the search has its own
        value = normalise(Fraction(factor, GRID))
        setting = Setting(value, self.scaling.arguments[self.parameter].origin)
        scaling = replace(self.scaling, arguments={**self.scaling.arguments, self.parameter: setting})
        found = scale(self.ev, self.base, scaling, self.step, self.env, explained=explained)
        self.models[factor] = found
        if self.ev.progress is not None:
            self.ev.progress(len(self.models))
        return found

    def key(self, factor: int) -> Any:
        """All numbers of the scaled model: equal keys mean equal networks."""
        if factor not in self.keys:
            self.keys[factor] = self._key(self.scaled(factor))
        return self.keys[factor]

    def _key(self, model: Model) -> Any:
        stages = []
        first = 0
        for index, stage in enumerate(model.stages):
            rules = [a for a in stage.settings.values() if isinstance(a, Rule) and a.changes]
            numbers = [a.value for a in stage.settings.values() if isinstance(a, Setting) and _is_number(a.value)]
            depth = int(stage.depth.value)
            by_block = [
                self.ev.at(rule, self.ev.indices(model, index, first, position)).value
                for rule in rules
                for position in range(depth)
            ]
            stages.append((depth, *numbers, *by_block))
            first += depth
        ends = [
            tuple(s.value for s in block.settings.values() if _is_number(s.value))
            for block in (model.stem, model.head)
            if isinstance(block, Block)
        ]
        family = [s.value for s in model.made.parameters.values() if _is_number(s.value)] if model.made else []
        return (tuple(model.input.value), tuple(stages), tuple(ends), tuple(family))

    def cost(self, factor: int) -> int:
        """The cost of the network at a factor."""
        key = self.key(factor)
        if key not in self.costs:
            model = self.scaled(factor)
            try:
                self.costs[key] = self.meter.cost(model)
            except _Entangled:
                self.costs[key] = int(getattr(count(self.ev.network(model)), self.budget.measure))
        return self.costs[key]

    def distance(self, factor: int) -> int:
        """How far the cost at a factor is from the budget."""
        return abs(self.cost(factor) - self.budget.target)

    def crossing(self) -> int:
        """A factor at which the cost passes the budget, in thousandths."""
        target = self.budget.target
        low = high = GRID
        try:
            while self.cost(high) < target:
                low, high = high, high * 2
                self._bounded(high)
            while self.cost(low) > target:
                low, high = low // 2, low
                self._bounded(low)
        except Fault as found:
            if found.diagnostic.code in ("E313", "E391", "E394"):
                raise self._unreachable() from None
            raise
        while high - low > 1:
            middle = (low + high) // 2
            if self.cost(middle) < target:
                low = middle
            else:
                high = middle
        return high

    def _bounded(self, factor: int) -> None:
        if factor < 1 or factor > 10**9:
            raise self._unreachable()

    def _unreachable(self) -> Fault:
        measure, target = self.budget.measure, self.budget.target
        message = f"no factor of `{self.scaling.name}` brings {measure} to {target:,}"
        changes = self.scaled(2 * GRID, explained=True).changes
        changed = {c.path.rpartition(".")[2] for c in changes if c.base != c.rounded}
        help_ = f"it changes {', '.join(sorted(changed))}" if changed else "it changes nothing in this model"
        return fault("E313", message, self.step, self.env, help=help_)

    def nearest(self, low: int, high: int) -> int:
        """The factor of the nearest cost from low to high, the smallest where several are as near."""
        best = (self.distance(low), low)
        intervals = [(low, high)]
        while intervals:
            a, b = intervals.pop()
            best = min(best, (self.distance(a), a), (self.distance(b), b))
            if b - a > 1 and self.key(a) != self.key(b) and not self._far(a, b):
                middle = (a + b) // 2
                intervals += [(middle, b), (a, middle)]
        return best[1]

    def _far(self, a: int, b: int) -> bool:
        """Whether an interval need not be searched: short, with both ends on one side, far from the budget."""
        target = self.budget.target
        low, high = sorted((self.cost(a), self.cost(b)))
        return b * 10 < a * 11 and (low * 2 > target * 3 or high * 3 < target * 2)


def _is_number(value: Value) -> bool:
    return isinstance(value, int | Fraction) and not isinstance(value, bool)
