"""The costs of the networks of all lanes: what `analysis.assemble` puts one behind the other is counted here.

A block is counted for all lanes that have it in the same form, by a program of its widths (`programs.py`); what differs
otherwise (a kernel, a ratio, whether a shortcut has a projection) is another form, traced when it is first met. The
blocks of a stage from the second one on are alike, so that the depth of a stage is a factor. How they come one behind
the other is `assembled.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np

from archdsl import limits
from archdsl.analysis.context import AlreadyReported, Context
from archdsl.analysis.language import LANGUAGE
from archdsl.analysis.model import Model, Rule, Stage
from archdsl.analysis.outputs import holding
from archdsl.analysis.tracing import generalised, pattern_of
from archdsl.analysis.values import Block, Environment, Tensor, Value
from archdsl.analysis.values import Sequence as Blocks
from archdsl.diagnostics import Diagnostics, Fault
from archdsl.graph.cost import amounts_of
from archdsl.graph.network import INPUT
from archdsl.spaces.arrays.alike import (
    codes_of,
    concrete_at,
    depends_of,
    grouped,
    looked_at,
    settled_at,
    widths_of,
)
from archdsl.spaces.arrays.assembled import LaneAssembly, Shapes, Unsuited
from archdsl.spaces.arrays.column import Column, Exact
from archdsl.spaces.arrays.contents import Untold, content_of
from archdsl.spaces.arrays.forms import MEASURES, Form, Forms, Found
from archdsl.spaces.arrays.lanes import WIDE, Array, Mask
from archdsl.spaces.arrays.programs import Program
from archdsl.spaces.arrays.rules import LaneContext
from archdsl.syntax import ast

MAX_FORMS = 64
"""Programs of a block that are asked one after the other."""
FEW_FORMS = 4
"""So many programs, or lanes without a network, after which lanes are taken apart by numbers that might be symbols."""
PATIENCE = 8
"""Lanes in a row that have no network, after which the ordinary compiler decides the rest."""


class Tally:
    """Counts a model with columns in it."""

    def __init__(self, ctx: LaneContext, forms: Forms) -> None:
        self.ctx, self.lanes, self.forms = ctx, ctx.lanes, forms
        self.ordinary = Context(LANGUAGE, Diagnostics(), traces=ctx.traces)
        self.amounts = [np.zeros(self.lanes.size, np.int64) for _ in MEASURES]
        self._bounds = [0, 0, 0]
        self.most = 0
        """No network has more operations."""
        self._counted: list[tuple[Found, Any]] = []
        """What was placed, and how often."""
        self.steps = 0
        self._factors: dict[str, Any] = {}
        """How often a block of a stage stands there beside itself: by its path, a whole number or an array (N)."""
        self._rest: dict[str, int] = {}
        """The dimensions that such an array depends on."""

    def count(self, model: Model) -> dict[str, Array]:
        """Flops, params and acts by lane. Raises `Unsuited`, `Split`, `Fault` or `AlreadyReported`."""
        if model.output_stride is not None or model.outputs is not None:
            raise Unsuited
        plain = replace(model, stages=tuple([self._plain(i, stage) for i, stage in enumerate(model.stages)]))
        self._verify_depth(model)
        self.assemble(plain)
        if self.most > limits.MAX_NODES:
            operations = sum(found.sizes * np.clip(times, 0, limits.MAX_BLOCKS) for found, times in self._counted)
            self.lanes.doubt(np.asarray(operations > limits.MAX_NODES)[:, None])
        if 2 * (self.steps + self.ctx.steps) > limits.MAX_STEPS:
            raise Unsuited
        sums = self.forms.convention
        totals = zip(MEASURES, (sums.flops, sums.params, sums.acts), self.amounts, strict=True)
        return {name: total.total(amount) for name, total, amount in totals}

    def assemble(self, model: Model) -> None:
        """Put all blocks of a model one behind the other."""
        assembly = LaneAssembly(self.ctx, model, self.place, lanes=self.lanes, link=self.link)
        assembly.head(assembly.body(Tensor(INPUT, tuple(model.shape))))

    def link(self, _: int, value: Value) -> Value:
        """What flows on from a stage that gives something."""
        return value

    # Stages

    def _plain(self, index: int, stage: Stage) -> Stage:
        """A stage of one or two blocks in the place of one of more."""
        depth, alike = stage.depth.value, uniform(stage)
        if isinstance(depth, Column):
            whole = depth.reduced() if isinstance(depth, Exact) else None
            if whole is None or not alike:
                return replace(stage, depth=replace(stage.depth, value=int(depth)))
            found = self.lanes.each(whole.num)
            self.lanes.doubt((found < 1)[:, None], whole.depends)
            path = f"stages.{index}.blocks.1"
            self._factors[path], self._rest[path] = found - 1, whole.depends
            deepest = int(found.max(initial=1, where=~self.lanes.unsure))
            return replace(stage, depth=replace(stage.depth, value=2 if deepest > 1 else 1))
        if isinstance(depth, int) and depth > 2 and alike:
            self._factors[f"stages.{index}.blocks.1"] = depth - 1
            return replace(stage, depth=replace(stage.depth, value=2))
        return stage

    def _verify_depth(self, model: Model) -> None:
        depths: list[Any] = [stage.depth.value for stage in model.stages]
        found = [depth.num[:, 0] if isinstance(depth, Exact) else int(depth) for depth in depths]
        if sum(int(np.max(each, initial=0)) for each in found) > limits.MAX_BLOCKS:
            self.lanes.doubt(np.broadcast_to(np.asarray(sum(found) > limits.MAX_BLOCKS), (self.lanes.size,))[:, None])

    # Blocks

    def place(
        self,
        block: Block | Blocks,
        inputs: tuple[Tensor, ...],
        path: str,
        site: ast.Node,
        env: Environment,
        *,
        fitted: bool,
    ) -> Value:
        """Count a block for all lanes; see `assemble.Place`."""
        block, inputs = _flowing(block, inputs)
        if any(True for _ in holding(block)):
            raise Unsuited  # tensors in its settings
        shapes = tuple([tensor.shape for tensor in inputs])
        times = self._factors.get(path, 1)
        depends = self._rest.get(path, 0) | depends_of(block, shapes)
        self.lanes.rests(depends)
        here = np.broadcast_to(self.lanes.here[:, 0], (self.lanes.size,))
        if not isinstance(times, int) and not (times > 0).all():
            here = here & (times > 0)
        found = Found(self.lanes.size)
        meant, left = None if here.all() else here, np.arange(self.lanes.size)
        if meant is not None and not self._harmless(meant):
            meant, left = None, np.flatnonzero(here)
        while left.size:
            # What is left of lanes that a program says nothing of is taken apart by more of the block's numbers.
            symbols, again = self.forms.symbols(block), [left[:0]]
            for rows, alike in self._apart(block, shapes, left, symbols):
                apart = self._alike(alike, rows, path, site, env, symbols, fitted=fitted, found=found, meant=meant)
                again.append(apart)
            left = np.sort(np.concatenate(again))
        self._add(found, times)
        made = found.shapes(self.lanes, shapes if not isinstance(times, int) else None, here, depends)
        if not isinstance(times, int) or times > 1:
            self._verify_fixed(shapes, made, times, depends)
        tensors = tuple([Tensor(INPUT, shape) for shape in made])
        return tensors if found.lists else tensors[0]

    def _harmless(self, here: Array) -> bool:
        """Whether a block may be counted for all lanes, where that is less work than taking out those that have it: the
        others have it no times, or nothing more is asked of them."""
        lanes = self.lanes
        return not self.forms.told and lanes.everywhere and not lanes.unsure.any() and 2 * int(here.sum()) > len(here)

    def _verify_fixed(self, before: Shapes, after: Shapes, times: Any, depends: int) -> None:
        """A block that stands several times behind itself gives what it takes."""
        if [len(shape) for shape in before] != [len(shape) for shape in after]:
            raise Unsuited
        for one, other in zip(chain(*before), chain(*after), strict=True):
            same = one == other
            if isinstance(same, Mask):
                self.lanes.doubt(np.broadcast_to(~same.truth, (self.lanes.size, 1)) & _column(times > 1), depends)
            elif not same:
                self.lanes.doubt(np.broadcast_to(_column(times > 1), (self.lanes.size, 1)), depends)

    def _apart(
        self, block: Block | Blocks, shapes: Shapes, rows: Array, symbols: frozenset[str]
    ) -> Iterator[tuple[Array, tuple[Block | Blocks, Shapes]]]:
        """The lanes by what is no width of the block: rows, and the block and its inputs' shapes for them, in which
        columns are left for widths alone."""
        codes = codes_of(block, shapes, symbols)
        groups: Sequence[Array] = [rows]
        if codes:
            groups = grouped(rows, codes if rows.size == self.lanes.size else [code[rows] for code in codes])
        for group in groups:
            yield group, settled_at(block, shapes, int(group[0]), symbols)

    def _alike(
        self,
        alike: tuple[Block | Blocks, Shapes],
        rows: Array,
        path: str,
        site: ast.Node,
        env: Environment,
        symbols: frozenset[str],
        *,
        fitted: bool,
        found: Found,
        meant: Array | None,
    ) -> Array:
        """Count a block for lanes in which it differs by its widths alone; of these,
        those that are meant (N) have to be known. The lanes that are to be taken apart by more of its numbers, which
        `Forms.symbols` then names no more."""
        if meant is not None and not meant[rows].any():
            return rows[:0]
        block, inputs = alike
        pattern = pattern_of(*concrete_at(block, inputs, int(rows[0])), symbols)
        if pattern is None:
            raise Unsuited
        place = None if isinstance(block, Block) else site.span
        forms = self.forms.of((pattern.key, fitted, place), pattern.definitions)
        widths = widths_of(block, inputs)
        if len(widths) != len(pattern.widths):
            raise Unsuited
        left, at, failed = rows, 0, 0
        while left.size:
            if at == len(forms):
                if symbols and (at >= FEW_FORMS or failed >= FEW_FORMS):
                    self.forms.settle(block, symbols)
                    return left
                if at >= MAX_FORMS or failed >= PATIENCE:
                    self.lanes.unsure[left] = True
                    return left[:0]
                row = int(left[0] if meant is None else left[np.argmax(meant[left])])
                form = self._traced(block, inputs, row, path, site, env, symbols, fitted=fitted)
                if isinstance(form, frozenset):
                    self.forms.settle(block, form)
                    return left
                if form is None:
                    failed += 1
                    self.lanes.unsure[row] = True
                    left = left[left != row]
                    continue
                forms.append(form)
            form, at = forms[at], at + 1
            left = found.enter(form, left, [w if isinstance(w, int) else _taken(w, left) for w in widths])
            left = left if meant is None else left[meant[left]]
            self.steps = max(self.steps, form.steps)
        return left

    def _traced(
        self,
        block: Block | Blocks,
        inputs: Shapes,
        row: int,
        path: str,
        site: ast.Node,
        env: Environment,
        symbols: frozenset[str],
        *,
        fitted: bool,
    ) -> Form | frozenset[str] | None:
        """The form of a block in one lane; none where it has no network; the symbols that are none, where the block is
        built otherwise for each of their numbers."""
        settled, inside = concrete_at(block, inputs, row)
        pattern = pattern_of(settled, inside, symbols)
        if pattern is None:
            raise Unsuited
        try:
            traced, program = generalised(
                self.ordinary, settled, inside, path, site, env, fitted=fitted, widths=pattern.widths, symbols=symbols
            )
        except (Fault, AlreadyReported):
            return None
        subgraph = traced.subgraph
        amounts = tuple(amounts_of(subgraph, self.forms.convention))[: len(MEASURES)]
        made, content = None, None
        if program is not None:
            content = content_of(program.subgraph) if self.forms.told else None
            plan = program.plan(self.forms.convention, content.terms if content is not None else ())
            looked = looked_at(settled, plan, symbols)
            if looked:
                return looked
            made = Program(plan)
            own = made(pattern.widths, 1)
            same = own.shapes == subgraph.shapes and own.amounts[: len(amounts)] == amounts
            made = made if (own.holds is None or own.holds[0]) and same else None
        if made is None and symbols:
            return symbols
        if made is None and self.forms.told:
            raise Untold("a block is counted for its own widths alone")
        return Form(made, pattern.widths, subgraph.shapes, amounts, subgraph.size, traced.steps, traced.lists, content)

    def _add(self, found: Found, times: Any) -> None:
        deepest = times if isinstance(times, int) else int(times.max(initial=0))
        for index, amount in enumerate(found.amounts):
            bound = found.largest_of(index) * max(deepest, 0)
            self._bounds[index] += bound
            if self._bounds[index] >= WIDE and self.amounts[index].dtype != object:
                self.amounts[index] = self.amounts[index].astype(object)
            if bound >= WIDE:
                amount = amount.astype(object)
            total = self.amounts[index]
            amount = amount if isinstance(times, int) and times == 1 else amount * times
            if amount.dtype == total.dtype:
                total += amount
            else:
                self.amounts[index] = total + amount
        self._counted.append((found, times))
        self.most += found.largest * min(max(deepest, 0), limits.MAX_BLOCKS)


def uniform(stage: Stage) -> bool:
    """Whether the blocks of a stage from the second one on are alike."""
    return not stage.overrides and not any(isinstance(a, Rule) for a in stage.settings.values())


def _column(times: Any) -> Array:
    return np.asarray(times).reshape(-1, 1)


def _taken(column: Exact, rows: Array) -> Array | int:
    """The elements of a column in some lanes."""
    num = column.num[:, 0]
    if num.size == 1:
        return int(num[0])
    return num if len(rows) == len(num) else np.asarray(num[rows])


def _flowing(block: Any, inputs: tuple[Tensor, ...]) -> tuple[Any, tuple[Tensor, ...]]:
    """A block that says itself what flows into it, as one into which that flows."""
    if isinstance(block, Block):
        own: Any = block.inputs
        return (replace(block, inputs=()), own) if own and not inputs else (block, inputs)
    if not block.steps or inputs:
        return block, inputs
    (name, first), *others = block.steps
    first, inputs = _flowing(first, inputs)
    return replace(block, steps=((name, first), *others)), inputs


__all__ = ["Tally", "uniform"]
