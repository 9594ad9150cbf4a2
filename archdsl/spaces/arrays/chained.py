"""Spaces whose stages have draws of their own, and are tied to each other by what flows from one to the next.

What a stage costs depends on its own draws and on the channels that it is given. These stand as an *interface* of
their own in the place of what the stage before gives: all settings of a stage's draws are evaluated with all channels
that can come, the other draws at their first value. So stages form a chain (`chains.py` counts along it), whose links
are the channels, requirements on draws of neighbouring stages, and draws that several stages share.

As in `structure.py` it is noted on what each decision depends. A *scope* is a set of dimensions and interfaces, all of
whose settings are evaluated; every decision depends on what is within one scope, so that it was met in all the ways
that there are.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from archdsl import limits
from archdsl.analysis.context import AlreadyReported
from archdsl.analysis.model import Model
from archdsl.analysis.values import Block, Environment, Tensor, Value
from archdsl.analysis.values import Sequence as Blocks
from archdsl.diagnostics import Fault
from archdsl.graph.network import INPUT
from archdsl.graph.shapes import Size
from archdsl.records import dataclass
from archdsl.spaces.arrays.alike import depends_of
from archdsl.spaces.arrays.assembled import Unsuited
from archdsl.spaces.arrays.column import Exact
from archdsl.spaces.arrays.contents import Told, Untold, numbered, verify_told
from archdsl.spaces.arrays.engine import Engine, Settings
from archdsl.spaces.arrays.forms import MEASURES, Forms
from archdsl.spaces.arrays.lanes import EVERYTHING, Array, Mask, Split, Uneven
from archdsl.spaces.arrays.staged import StageTally
from archdsl.spaces.arrays.stagings import numbered_rows
from archdsl.spaces.arrays.structure import Bound, Observed, Tied, all_of, names_of
from archdsl.spaces.space import Requirement
from archdsl.syntax import ast


@dataclass(frozen=True)
class Stage:
    """What a stage costs, for each setting of its own draws with all that may flow into it."""

    dimensions: tuple[int, ...]
    """Its own draws, but for its depth's."""
    settings: Settings
    """A row for each setting with an interface: the numbers of its dimensions."""
    given: Array
    """The channels that flow into it, by their place among all of that interface; 0 for the first stage."""
    made: Array
    """Those that it gives, by their place in the next interface."""
    first: Mapping[str, Array]
    """What it costs with one block."""
    further: Mapping[str, Array]
    """What each block more costs."""
    depth_dimensions: tuple[int, ...]
    depth_settings: Settings
    depths: Array
    """How many blocks it has, for each setting of its depth's draws."""
    contents: Array | None
    """Numbers of what its first block computes."""


@dataclass(frozen=True)
class Chain:
    """A space as a chain of stages."""

    stages: tuple[Stage, ...]
    base: Mapping[str, int]
    """What all networks cost in front of their stages."""
    last: Mapping[str, Array]
    """What the head costs, by the place of the channels that the last stage gives."""
    conditions: tuple[tuple[tuple[int, ...], Array], ...]
    """Requirements: some dimensions, and which settings of these are admitted (an axis for each dimension)."""
    bounds: tuple[Bound, ...]


class _Linked(Observed):
    """An evaluation with interfaces in the place of what stages give."""

    def __init__(self, engine: Engine, forms: Forms, settings: Settings, channels: Sequence[Array]) -> None:
        """`channels` of each interface by lane (N); none at first."""
        super().__init__(engine, settings)
        self.forms, self.channels = forms, channels
        self.masks: list[Mask] = []
        self.tally: _ChainTally | None = None

    def holds(self, step: Requirement, env: Environment) -> Array:
        for condition in all_of(step.condition):
            value = self.ctx.evaluate(condition, env)
            if isinstance(value, Mask):
                for each in value.conjuncts:
                    self._condition(each)
            elif value is None or value is False:
                raise Tied("none of its settings is valid")
        return np.ones(self.lanes.size, dtype=bool)

    def _condition(self, mask: Mask) -> None:
        bounds = self.bounds_of(mask)
        if bounds:
            self.bounds += bounds
            return
        self.lanes.rests(mask.depends)
        self.masks.append(mask)

    def _count(self) -> None:
        if self.costs is not None or self.model is None:
            return
        model = self.model
        if self.space.at is not None:
            model = replace(model, input=replace(model.input, value=Size(self.space.at)))
        self.tally = _ChainTally(self, self.space.dimensions)
        self.tally.count_linked(model)
        self.costs = {name: np.zeros(self.lanes.size, np.int64) for name in MEASURES}
        for name, total in self.totals(self.costs).items():
            self.names.setdefault(name, total)


class _ChainTally(StageTally):
    """Counts the blocks of each stage for what flows into it."""

    def __init__(self, run: _Linked, dimensions: int) -> None:
        super().__init__(run.ctx, run.forms)
        self.run, self.dimensions = run, dimensions
        self.depths: list[Exact | int] = []
        self.made: list[tuple[Array, int]] = []
        """The channels that each stage gives, by lane, and on what they depend."""
        self.scopes: dict[str, int] = {}

    def count_linked(self, model: Model) -> None:
        if model.output_stride is not None or model.outputs is not None or model.features is not None:
            raise Unsuited
        self.depths = [self._depth(stage.depth.value) for stage in model.stages]
        most = sum(int(np.max(depth.num)) if isinstance(depth, Exact) else depth for depth in self.depths)
        self.count_apart(model, most)

    def _depth(self, depth: Any) -> Exact | int:
        found = depth.reduced() if isinstance(depth, Exact) else depth
        if isinstance(found, Exact):
            self.lanes.doubt(np.asarray(found.num < 1), found.depends)
        elif not isinstance(found, int):
            raise Unsuited
        return found

    def takes(self, depth: Value) -> bool:
        return isinstance(depth, int | Exact)

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
        own: Any = block.inputs if isinstance(block, Block) else ()
        depends = depends_of(block, tuple([tensor.shape for tensor in (*own, *inputs)]))
        self.scopes[path] = self.scopes.get(path, 0) | depends | self.lanes.within
        return super().place(block, inputs, path, site, env, fitted=fitted)

    def link(self, index: int, value: Value) -> Value:
        """What a stage gives, with an interface in the place of its channels."""
        if not isinstance(value, Tensor) or len(value.shape) != 3 or any(type(d) is not int for d in value.shape[1:]):
            raise Unsuited
        channels: Any = value.shape[0]
        if isinstance(channels, Exact):
            self.made.append((self.lanes.each(channels.num).astype(np.int64), channels.depends))
        else:
            self.made.append((np.full(self.lanes.size, channels, np.int64), 0))
        if not self.run.channels:
            return value
        interface = Exact(self.lanes, self.run.channels[index][:, None], depends=1 << self.dimensions + index)
        return Tensor(INPUT, (interface, *value.shape[1:]))


class _Scopes:
    """What is evaluated: sets of dimensions and interfaces, each with all of its settings."""

    def __init__(self, engine: Engine, forms: Forms) -> None:
        self.engine, self.forms, self.space = engine, forms, engine.space
        self.free = [dimension for dimension, size in enumerate(self.space.sizes) if size > 1]
        self.known: set[int] = {1 << dimension for dimension in self.free}
        self.channels: list[Array] = []
        """All values of each interface."""

    def sizes(self, scope: int) -> dict[int, int]:
        dimensions = self.space.dimensions
        found = {d: self.space.sizes[d] for d in self.free if scope >> d & 1}
        return found | {
            dimensions + i: len(values) for i, values in enumerate(self.channels) if scope >> dimensions + i & 1
        }

    def rows(self) -> tuple[Settings, dict[int, slice]]:
        """A setting with the first of everything, and for each scope all its settings beside that: with interfaces as
        dimensions behind those of the space, by the places of their values."""
        width = self.space.dimensions + len(self.channels)
        total = 1 + sum(math.prod(self.sizes(scope).values()) for scope in self.known)
        if total > limits.MAX_CHAINED:
            raise Tied(f"its draws and stages have {total:,} settings, each counted by itself")
        found, at, slices = np.zeros((total, width), np.int64), 1, {}
        for scope in sorted(self.known):
            sizes = self.sizes(scope)
            count = math.prod(sizes.values())
            index = np.indices(list(sizes.values())).reshape(len(sizes), -1)
            found[at : at + count, list(sizes)] = index.T
            slices[scope] = slice(at, at + count)
            at += count
        return found, slices

    def evaluated(self) -> tuple[_Linked, Settings, dict[int, slice]]:
        rows, slices = self.rows()
        own = self.space.dimensions
        run = _Linked(
            self.engine,
            self.forms,
            np.ascontiguousarray(rows[:, :own]),
            [values[rows[:, own + index]] for index, values in enumerate(self.channels)],
        )
        try:
            run.steps()
        except Split as split:
            free = [names_of(self.space)[d].partition("[")[0] for d in self.free if split.depends >> d & 1]
            named = ", ".join([f"`{name}`" for name in dict.fromkeys(free)]) or "its draws"
            raise Tied(f"how networks are made depends on {named}") from None
        except (Fault, AlreadyReported):
            raise Tied("some of its settings have no network") from None
        except (Unsuited, Uneven, TypeError, RecursionError):
            raise Tied("its stages are not counted one by one") from None
        if run.lanes.unsure.any():
            raise Tied("some of its settings are decided one by one")
        return run, rows, slices

    def widened(self, run: _Linked) -> bool:
        """Take up what decisions depend on, and what stages give; whether that is more than before."""
        tally = run.tally
        if tally is None or not tally.made:
            raise Tied("its stages are not counted one by one")
        begun, found = not self.channels, []
        grown = begun
        for index, (made, _) in enumerate(tally.made):
            before = self.channels[index] if self.channels else np.zeros(0, np.int64)
            found.append(np.union1d(before, made))
            grown |= len(found[-1]) > len(before)
        self.channels = found
        if begun:  # there were no interfaces, so that decisions depended on more
            return True
        interfaces = {1 << self.space.dimensions + index for index in range(len(found))}
        every = self._bits(self.known | run.decided | interfaces | set(tally.scopes.values()))
        kept = {scope for scope in every if not any(scope != o and scope & ~o == 0 for o in every)}
        kept |= {scope for scope in map(self._own, _stage_scopes(tally)) if scope}
        grown |= kept != self.known
        self.known = kept
        return grown

    def _own(self, scope: int) -> int:
        """Those of a scope's dimensions that have more than one value."""
        interfaces = scope >> self.space.dimensions << self.space.dimensions
        return sum(1 << d for d in self.free if scope >> d & 1) | interfaces

    def _bits(self, scopes: Iterable[int]) -> set[int]:
        found = set()
        for scope in scopes:
            if scope == EVERYTHING:
                raise Tied("something depends on all of its draws at once")
            own = self._own(scope)
            if own:
                found.add(own)
        return found


def _stage_scopes(tally: _ChainTally) -> Iterator[int]:
    """For each stage on what its blocks depend."""
    for index in range(len(tally.made)):
        yield _of_stage(tally, index)


def _of_stage(tally: _ChainTally, index: int) -> int:
    found = 0
    for path, depends in tally.scopes.items():
        found |= depends if path.startswith(f"stages.{index}.") else 0
    return found | tally.made[index][1]


def chain_of(engine: Engine, *, networks: bool = False) -> Chain:
    """A space as a chain of stages; with what blocks compute, where networks are to be told apart. Raises `Tied`."""
    convention = engine.forms.convention
    if convention.flops.divisor != 1 or convention.params.divisor != 1 or convention.acts.divisor != 1:
        raise Tied(f"what {convention.name} counts is rounded")
    if networks:
        try:
            return _chain(_Scopes(engine, Forms(convention, told=True)), networks=True)
        except Untold as why:
            raise Tied(f"its networks are not told apart: {why}") from None
    return _chain(_Scopes(engine, Forms(convention)), networks=False)


def _chain(scopes: _Scopes, *, networks: bool) -> Chain:
    """Raises `Tied` or `Untold`."""
    while True:
        run, rows, slices = scopes.evaluated()
        if not scopes.widened(run):
            break
    tally = run.tally
    if tally is None:
        raise Tied("its stages are not counted one by one")
    reader = _Reader(scopes, run, tally, rows, slices)
    contents = reader.contents() if networks else None
    stages = tuple([reader.stage(index, contents) for index in range(len(tally.made))])
    base, last = reader.ends()
    asked = dict.fromkeys(mask.depends for mask in run.masks)
    conditions = tuple([reader.condition(run.masks, depends) for depends in asked])
    return Chain(stages, base, last, conditions, tuple(run.bounds))


class _Reader:
    """Reads what an evaluation of all scopes says."""

    def __init__(
        self, scopes: _Scopes, run: _Linked, tally: _ChainTally, rows: Settings, slices: Mapping[int, slice]
    ) -> None:
        self.scopes, self.run, self.tally, self.rows, self.slices = scopes, run, tally, rows, slices
        self.dimensions = scopes.space.dimensions

    def _rows_of(self, wanted: int) -> Array:
        """The lanes that have all settings of some dimensions, everything else at its first value."""
        wanted = self.scopes._own(wanted)
        if not wanted:
            return np.zeros(1, np.int64)
        scope = next(scope for scope in self.slices if wanted & ~scope == 0)
        beside = [place for place in range(self.rows.shape[1]) if scope >> place & 1 and not wanted >> place & 1]
        part = self.slices[scope]
        found: Array = np.arange(part.start, part.stop)
        first: Array = (self.rows[part][:, beside] == 0).all(axis=1)
        return found[first]

    def _free(self, scope: int) -> tuple[int, ...]:
        return tuple([d for d in self.scopes.free if scope >> d & 1])

    def stage(self, index: int, contents: Sequence[Array] | None) -> Stage:
        scope, before = _of_stage(self.tally, index), 1 << self.dimensions + index - 1
        allowed = (before if index else 0) | (1 << self.dimensions) - 1
        if scope & ~allowed:
            raise Tied("a stage depends on more than the draws and what flows into it")
        lanes = self._rows_of(scope | (before if index else 0))
        own = self._free(scope)
        tally = self.tally
        begun = [f for path, f in tally.blocks.items() if path in (f"stages.{index}.enter", f"stages.{index}.blocks.0")]
        nothing = np.zeros(len(lanes), np.int64)
        first = {m: sum((found.amounts[at][lanes] for found in begun), nothing) for at, m in enumerate(MEASURES)}
        further = {m: tally.further[index].amounts[at][lanes] for at, m in enumerate(MEASURES)}
        given = self.rows[lanes, self.dimensions + index - 1] if index else nothing
        made = np.searchsorted(self.scopes.channels[index], tally.made[index][0][lanes])
        depth = tally.depths[index]
        if isinstance(depth, Exact):
            of_depth = self._rows_of(depth.depends)
            depths, dimensions = self.run.lanes.each(depth.num)[of_depth], self._free(depth.depends)
        else:
            of_depth, depths, dimensions = np.zeros(1, np.int64), np.full(1, depth), ()
        return Stage(
            own,
            self.rows[lanes][:, list(own)],
            given,
            made,
            first,
            further,
            dimensions,
            self.rows[of_depth][:, list(dimensions)],
            depths.astype(np.int64),
            None if contents is None else contents[index][lanes],
        )

    def ends(self) -> tuple[dict[str, int], dict[str, Array]]:
        """What networks cost in front of their stages, and behind them."""
        count = len(self.tally.made)
        behind = 1 << self.dimensions + count - 1
        found: dict[bool, list[Any]] = {False: [], True: []}
        for path, blocks in self.tally.blocks.items():
            if not path.startswith("stages."):
                head = path != "stem"
                if self.scopes._own(self.tally.scopes[path]) & ~(behind if head else 0):
                    raise Tied("the stem or the head depends on the draws")
                found[head].append(blocks)
        lanes = self._rows_of(behind)
        base = {m: sum(int(each.amounts[at][0]) for each in found[False]) for at, m in enumerate(MEASURES)}
        nothing = np.zeros(len(lanes), np.int64)
        last = {m: sum((each.amounts[at][lanes] for each in found[True]), nothing) for at, m in enumerate(MEASURES)}
        return base, last

    def condition(self, masks: Sequence[Mask], depends: int) -> tuple[tuple[int, ...], Array]:
        """All requirements on the same dimensions."""
        dimensions = self._free(depends)
        lanes = self._rows_of(depends)
        found = np.ones(len(lanes), dtype=bool)
        for mask in masks:
            if mask.depends == depends:
                found &= self.run.lanes.each(mask.truth)[lanes]
        return dimensions, found.reshape([self.scopes.space.sizes[d] for d in dimensions])

    def contents(self) -> list[Array]:
        """Numbers of what the first blocks of stages compute, in all lanes. Raises `Untold`."""
        blocks, further = self.tally.blocks, self.tally.further
        count = len(self.tally.made)
        firsts: list[Told] = [blocks[f"stages.{index}.blocks.0"].told for index in range(count)]
        others = [further[index].told for index in range(count)]
        ends = [found.told for path, found in blocks.items() if not path.startswith("stages.")]
        if len(blocks) != len(firsts) + len(others) + len(ends):
            raise Untold("stages have more than their blocks")
        verify_told(firsts, [*others, *ends])
        numbers = numbered([*firsts, *others])
        for index in range(count):
            lanes = self._rows_of(_of_stage(self.tally, index))
            first, made = numbers[index][lanes], self.tally.made[index][0][lanes]
            known = numbered_rows(np.stack([first, numbers[count + index][lanes], made]))[0]
            if len(known) != len(np.unique(first)):
                raise Untold("stages begin alike and go on otherwise")
        return numbers[:count]


__all__ = ["Chain", "Stage", "chain_of"]
