"""Costs of models that differ in few blocks, without their networks: what `solve` asks of every factor.

A block is traced and counted once for each of its input shapes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any, TypeGuard

from archdsl.analysis.assemble import Assembly
from archdsl.analysis.context import Context
from archdsl.analysis.model import Attribute, Model, Rule
from archdsl.analysis.outputs import held
from archdsl.analysis.program import Definition, Primitive, walk
from archdsl.analysis.settings import at, repeats_stride, scaled_by
from archdsl.analysis.tracing import trace
from archdsl.analysis.values import Block, Environment, Indices, Sequence, Setting, Tensor, Value
from archdsl.graph.conventions import DEFAULT
from archdsl.graph.cost import amounts_of, convention_of
from archdsl.graph.network import INPUT
from archdsl.graph.operations import Dropout, DropPath
from archdsl.graph.shapes import Shape
from archdsl.syntax import ast


class Meter:
    """Costs of models that differ in few blocks: a block is built and counted once for each input shape."""

    def __init__(self, ctx: Context, base: Model, measure: str) -> None:
        self.ctx = ctx
        self.measure = measure
        self.total = 0
        self.parts: dict[str, tuple[int, frozenset[int]]] = {}
        """Of the model counted last: for the stem, each stage and the head its cost, and how many operations its blocks
        have."""
        self._known: dict[Any, tuple[int, int, tuple[Shape, ...]]] = {}
        self._of_base = {
            id(a.environment) for stage in base.stages for a in stage.settings.values() if isinstance(a, Rule)
        }
        self._unscaled: dict[Any, Setting] = {}
        self._scaled: dict[Any, tuple[Rule, Setting]] = {}
        self._rates: dict[Definition, frozenset[str]] = {}

    def cost(self, model: Model) -> int:
        """The cost of a model; features add nothing to it. Raises `Entangled` where blocks are not separate."""
        if model.output_stride is not None:
            raise Entangled
        self.total, self.parts = 0, {}
        assembly = Assembly(self.ctx, model, self.place, at=self._at)
        assembly.head(assembly.body(Tensor(INPUT, tuple(model.shape))))
        return self.total

    def _at(self, _: Context, attribute: Attribute, where: Mapping[str, Indices]) -> Setting:
        return self.at(attribute, where)

    def at(self, attribute: Attribute, where: Mapping[str, Indices]) -> Setting:
        """As `settings.at`, but a rule is evaluated once for each block: to compare networks, to count them, and
        before its scalings, for all of them, if it is the base's."""
        if isinstance(attribute, Setting) or repeats_stride(attribute, where):
            return at(self.ctx, attribute, where)
        place = tuple([value for group in where.values() for value in group.values.values()])
        scaled = self._scaled.get((id(attribute), place))
        if scaled is None:
            environment = id(attribute.environment)
            unscaled = self._unscaled.get((id(attribute.expression), environment, place))
            if unscaled is None:
                unscaled = at(self.ctx, replace(attribute, changes=()), where)
                if environment in self._of_base:
                    self._unscaled[id(attribute.expression), environment, place] = unscaled
            scaled = self._scaled[id(attribute), place] = attribute, scaled_by(self.ctx, attribute, unscaled)
        return scaled[1]

    def forget_scaled(self) -> None:
        """Another factor: its rules are others."""
        self._scaled.clear()

    def rates_of(self, of: Definition | Primitive) -> frozenset[str]:
        if not isinstance(of, Definition):
            return frozenset()
        if of not in self._rates:
            self._rates[of] = harmless_rates(of)
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
        if len(inputs) != 1 or held(block):
            raise Entangled
        shape = inputs[0].shape
        parts: Any = block
        if isinstance(block, Block):
            rates = self.rates_of(block.of)
            parts = (
                block.of,
                tuple(
                    [
                        (name, type(s.value), rate_class(s.value) if name in rates else s.value)
                        for name, s in block.settings.items()
                    ]
                ),
            )
        key = (parts, shape)
        known = self._known.get(key)
        if known is None:
            traced = trace(self.ctx, block, (shape,), path, site, env, fitted=fitted)
            amounts = amounts_of(traced.subgraph, convention_of(DEFAULT))
            known = int(getattr(amounts, self.measure)), traced.subgraph.size, traced.subgraph.shapes
            self._known[key] = known
        cost, operations, shapes = known
        self.total += cost
        part = ".".join(path.split(".", 2)[:2])
        before, structure = self.parts.get(part, (0, frozenset()))
        self.parts[part] = before + cost, structure | {operations}
        tensors = tuple([Tensor(INPUT, s) for s in shapes])
        return tensors[0] if len(tensors) == 1 else tensors


def harmless_rates(definition: Definition) -> frozenset[str]:
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


def rate_class(value: Value) -> Value:
    """One value for all rates that drop something; what is no rate stays what it is."""
    return "some" if is_rational(value) and 0 < value < 1 else value


class Entangled(Exception):
    """A block's cost is not that of a network of its own.

    Either it takes several tensors, or an output stride makes its dilation depend on all before it.
    """


def is_rational(value: Value) -> TypeGuard[int | Fraction]:
    """Whether a value is a rational number, and no truth value."""
    return isinstance(value, int | Fraction) and not isinstance(value, bool)
