"""What networks cost whose stages are given as tables: a constant, and a number for each block of each stage.

The model is made once for all rows of widths, with every setting of the draws that are not in them: in the place of
the list stand its runs. What is decided on the way may depend on the widths and on those draws, and on nothing else: so
all settings with the same table have the same network.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from archdsl import limits
from archdsl.analysis.bodies import bind_names
from archdsl.analysis.check_space import MODEL
from archdsl.analysis.context import AlreadyReported
from archdsl.analysis.model import Model, Stage
from archdsl.analysis.values import UNKNOWN, Block, Environment, OldValues, Tensor, Value
from archdsl.analysis.values import Sequence as Blocks
from archdsl.graph.shapes import Size
from archdsl.records import dataclass
from archdsl.spaces.arrays.assembled import Unsuited
from archdsl.spaces.arrays.column import Column, Exact
from archdsl.spaces.arrays.contents import Untold, numbered, verify_told
from archdsl.spaces.arrays.engine import Engine, Run, Settings
from archdsl.spaces.arrays.forms import MEASURES, Forms, Found
from archdsl.spaces.arrays.lanes import EVERYTHING, Array, Mask
from archdsl.spaces.arrays.listing import Lines, bits, told
from archdsl.spaces.arrays.rules import LaneContext
from archdsl.spaces.arrays.stagings import Tables, numbered_rows
from archdsl.spaces.arrays.structure import Tied
from archdsl.spaces.arrays.tally import Tally, uniform
from archdsl.spaces.space import Requirement
from archdsl.syntax import ast


@dataclass(frozen=True)
class Staged:
    """The networks of a space with one number of stages: those of a row of widths, for each setting of the rest."""

    tables: Tables
    rest: Settings
    """Settings of the draws that are not in the tables, whole rows."""
    rest_shares: Array
    base: dict[str, Array]
    """By measure, before the divisor of the convention: what a network costs with one block a stage (widths x rest)."""
    further: dict[str, Array]
    """What each block more of a stage costs (widths x rest x stages)."""
    networks: Array | None
    """Numbers of what first blocks compute: networks are the same with the same number and depths (widths x rest)."""
    untold: str = ""
    """Why there are none."""


def staged(lines: Lines, tables: Tables, forms: Forms) -> Staged:
    """What the networks of tables cost. Raises `Tied`."""
    engine, listing = lines.engine, lines.listing
    rest = _rest_of(lines)
    size = len(tables.widths) * len(rest)
    if size > limits.MAX_STAGED:
        most = f"more than the {limits.MAX_STAGED:,} that are looked at"
        raise Tied(f"its stages have {size:,} kinds of blocks, {most}")
    rows = np.repeat(tables.example, len(rest), axis=0)
    tiled = np.tile(rest, (len(tables.widths), 1))
    rows[:, list(listing.rest)] = tiled[:, list(listing.rest)]
    run = _Making(engine, rows, np.repeat(tables.widths, len(rest), axis=0), lines, forms)
    untold = ""
    try:
        with told():
            tally = run.tally()
    except Untold as why:  # counted all the same
        untold = str(why)
        run = _Making(engine, rows, run.widths, lines, Forms(forms.convention))
        with told():
            tally = run.tally()
    if run.lanes.unsure.any():
        raise Tied("some of its settings are decided one by one")
    shape = len(tables.widths), len(rest)
    base = {name: amount.reshape(shape) for name, amount in zip(MEASURES, tally.amounts, strict=True)}
    further = {
        name: np.stack([tally.further[index].amounts[at].reshape(shape) for index in range(tables.stages)], axis=2)
        for at, name in enumerate(MEASURES)
    }
    networks = None
    if not untold:
        try:
            networks = tally.networks(tables.stages).reshape(shape)
        except Untold as why:
            untold = str(why)
    return Staged(tables, rest, _shares_of(lines, rest), base, further, networks, untold)


def _rest_of(lines: Lines) -> Settings:
    """The settings of the draws that are not in the tables, which requirements of theirs admit."""
    listing, sizes = lines.listing, lines.sizes
    count = int(np.prod([sizes[dimension] for dimension in listing.rest], dtype=object))
    if count > limits.MAX_STAGED:
        raise Tied(f"the draws beside the widths have {count:,} settings, too many to look at")
    found = np.zeros((count, len(sizes)), np.int64)
    numbers = np.arange(count)
    for dimension in reversed(listing.rest):
        numbers, found[:, dimension] = np.divmod(numbers, sizes[dimension])
    return found[lines.apart(found)]


def _shares_of(lines: Lines, rest: Settings) -> Array:
    found = np.ones(len(rest))
    for dimension in lines.listing.rest:
        found *= np.diff(lines.edges[dimension])[rest[:, dimension]]
    return found


class _Making(Run):
    """The model of rows of widths and settings of the rest."""

    def __init__(self, engine: Engine, settings: Settings, widths: Array, lines: Lines, forms: Forms) -> None:
        super().__init__(engine.ctx, engine.space, forms, settings, most=1 << 30)
        self.widths, self.listing = widths, lines.listing
        self.most = int(lines.lengths.max())
        self.table = 1 << engine.space.dimensions
        """What the dimensions of the widths are to conditions: a dimension of their own."""
        self.lanes.spread = EVERYTHING
        self.lanes.positions = np.zeros(len(settings), np.int64)
        self.lanes.on_runs = lambda _: self._runs()
        self.met = 0

    def _runs(self) -> list[tuple[Value, Any]]:
        self.met += 1
        two = np.full((self.lanes.size, 1), 2, np.int64)
        return [
            (Exact(self.lanes, width[:, None], depends=self.table), Exact(self.lanes, two, depends=self.table))
            for width in self.widths.T
        ]

    def tally(self) -> _TableTally:
        """Count the networks."""
        decided = self.lanes.decided = set()
        self._draw()
        with self.lanes.unobserved():  # what derived names depend on is seen where they are used
            for step in self.space.steps:
                if not step.asks and not isinstance(step, Requirement):
                    bind_names(self.ctx, step.binding, self._environment(step.environment))
        self._make()
        if self.model is None or self.met != 1:
            raise Unsuited
        model = self.model
        if self.space.at is not None:
            model = replace(model, input=replace(model.input, value=Size(self.space.at)))
        found = _TableTally(self.ctx, self.forms, self.table)
        found.count_apart(model, self.most)
        allowed = bits(self.listing.rest) | self.table
        if any(depends & ~allowed for depends in decided):
            raise Tied("its networks depend on draws that their stages do not tell")
        return found


class StageTally(Tally):
    """Counts the blocks of each stage from the second one on for themselves."""

    def __init__(self, ctx: LaneContext, forms: Forms) -> None:
        super().__init__(ctx, forms)
        self.further: dict[int, Found] = {}
        self.blocks: dict[str, Found] = {}
        self._path = ""

    def takes(self, depth: Value) -> bool:
        """Whether a stage may have such a depth. The blocks of one that it takes are counted as two."""
        raise NotImplementedError

    def count_apart(self, model: Model, most: int) -> None:
        """Count a model whose stages have two blocks, and may have more: `most` in all."""
        if model.output_stride is not None or model.outputs is not None or model.features is not None:
            raise Unsuited
        self.assemble(replace(model, stages=tuple([self._two(*each) for each in enumerate(model.stages)])))
        operations = self.most + sum(found.largest for found in self.further.values()) * most
        if most > limits.MAX_BLOCKS or operations > limits.MAX_NODES:
            raise Unsuited
        if any(amount.dtype == object for amount in self.amounts) or 2 * (self.steps + self.ctx.steps) > 1 << 22:
            raise Unsuited

    def _two(self, index: int, stage: Stage) -> Stage:
        if not self.takes(stage.depth.value) or not uniform(stage):
            raise Unsuited
        self._factors[f"stages.{index}.blocks.1"] = 2
        return replace(stage, depth=replace(stage.depth, value=2))

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
        self._path = path
        return super().place(block, inputs, path, site, env, fitted=fitted)

    def _add(self, found: Found, times: Any) -> None:
        path = self._path
        if path in self.blocks:  # of a stage whose block differs by lane, that of other lanes
            found = found.joined(self.blocks[path])
        self.blocks[path] = found
        if path in self._factors:
            self.further[int(path.split(".")[1])] = found
        else:
            super()._add(found, times)


class _TableTally(StageTally):
    """Counts models whose depths are those of tables."""

    def __init__(self, ctx: LaneContext, forms: Forms, table: int) -> None:
        super().__init__(ctx, forms)
        self.table = table

    def takes(self, depth: Value) -> bool:
        return isinstance(depth, Column) and depth.depends == self.table

    def networks(self, stages: int) -> Array:
        """Numbers of what the first blocks of stages compute, and the parts beside. Raises `Untold`."""
        firsts = [self.blocks[f"stages.{index}.blocks.0"].told for index in range(stages)]
        others = [self.further[index].told for index in range(stages)]
        ends = [found.told for path, found in self.blocks.items() if not path.startswith("stages.")]
        if len(self.blocks) != len(firsts) + len(others) + len(ends):
            raise Untold("stages have more than their blocks")
        verify_told(firsts, [*others, *ends])
        numbers = numbered([*firsts, *others, *ends])
        for first, other in zip(numbers[:stages], numbers[stages:], strict=False):
            _verify_known(first, other)
        return numbered_rows(np.stack([*numbers[:stages], *numbers[2 * stages :]]))[1]


def _verify_known(first: Array, other: Array) -> None:
    """The first block of a stage says which blocks follow."""
    pairs = numbered_rows(np.stack([first, other]))[0]
    if len(pairs) != len(np.unique(first)):
        raise Untold("stages begin alike and go on otherwise")


class Costed(Run):
    """Conditions on costs, for networks of which the costs are known."""

    def __init__(self, engine: Engine, costs: dict[str, Array]) -> None:
        size = len(next(iter(costs.values())))
        super().__init__(engine.ctx, engine.space, engine.forms, np.zeros((size, 0), np.int64), most=1 << 30)
        self.costs = self._known = costs

    def admitted(self) -> Array:
        """Which networks the requirements admit that ask for costs. Raises `Tied`."""
        for draw in self.space.draws:
            self.names[draw.name] = UNKNOWN
        for step in self.space.steps:
            if not isinstance(step, Requirement) and not step.counts:
                self.names.update({name.text: UNKNOWN for name in step.binding.names})
        totals = self.totals(self._known)
        self.names[MODEL] = OldValues(MODEL, totals)
        for name, total in totals.items():
            self.names.setdefault(name, total)
        holds = np.ones(self.lanes.size, dtype=bool)
        try:
            with told():
                for step in self.space.steps:
                    if not step.counts:
                        continue
                    env = self._environment(step.environment)
                    if isinstance(step, Requirement):
                        holds &= self._holds(step, env)
                    else:
                        bind_names(self.ctx, step.binding, env)
        except (Tied, AlreadyReported):
            raise Tied("a requirement ties costs and draws") from None
        if (self.lanes.unsure & holds).any():
            raise Tied("some of its settings are decided one by one")
        return holds

    def _holds(self, step: Requirement, env: Environment) -> Array:
        value = self.ctx.evaluate(step.condition, env)
        if isinstance(value, Mask):
            return self.lanes.each(value.truth)
        if value is UNKNOWN:
            raise Tied("a requirement ties costs and draws")
        return np.full(self.lanes.size, value is not None and value is not False)


__all__ = ["Costed", "StageTally", "Staged", "staged"]
