"""How the blocks of all lanes' networks come one behind the other: as those of one, but where stages differ by lane."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import field, replace
from typing import Any, TypeAlias

import numpy as np

from archdsl.analysis.assemble import Assembly, Ends
from archdsl.analysis.context import AlreadyReported
from archdsl.analysis.values import Tensor, Value, tensors_of
from archdsl.diagnostics import Fault
from archdsl.graph.network import INPUT
from archdsl.graph.shapes import Shape
from archdsl.records import dataclass
from archdsl.spaces.arrays.column import Exact, constant
from archdsl.spaces.arrays.lanes import Array, Lanes, Uneven
from archdsl.spaces.arrays.rules import Chosen

Shapes: TypeAlias = tuple[Shape, ...]
Link: TypeAlias = Callable[[int, Value], Value]
"""Of a stage's number and what it gives, what flows on."""


class Unsuited(Exception):
    """The model is not one whose blocks are counted one by one: the ordinary compiler counts it."""


@dataclass(frozen=True)
class LaneAssembly(Assembly):
    """Puts a stage whose block differs by lane there once for each of the blocks, for the lanes that have it."""

    lanes: Lanes = field(kw_only=True)
    link: Link = field(kw_only=True)

    def stage(self, index: int, first: int, before: Value, ends: Ends) -> Value:
        return self.link(index, self._stage(index, first, before, ends))

    def _stage(self, index: int, first: int, before: Value, ends: Ends) -> Value:
        stages, lanes = self.model.stages, self.lanes
        chosen = stages[index].block
        if not isinstance(chosen, Chosen):
            return super().stage(index, first, before, ends)
        lanes.rests(chosen.depends)
        made: list[tuple[Array, Value]] = []
        for number, block in enumerate(chosen.alternatives):
            where = (chosen.numbers == number)[:, None]
            stage = replace(stages[index], block=block)
            alone = replace(self, model=replace(self.model, stages=(*stages[:index], stage, *stages[index + 1 :])))
            with lanes.only(where, chosen.depends):
                if lanes.here[:, 0].any():
                    try:
                        made.append((where, alone._stage(index, first, before, ends)))
                    except (Fault, AlreadyReported, Unsuited, Uneven):
                        chosen.apart()
        if not made:
            raise AlreadyReported  # no lane is left
        return _merged(chosen, made)


def _merged(chosen: Chosen, made: Sequence[tuple[Array, Value]]) -> Value:
    """What a stage gives whose block differs by lane, as if it came of one: `made` are lanes and what these get."""
    single = [isinstance(value, Tensor) for _, value in made]
    shapes = [tuple([tensor.shape for tensor in tensors_of(value) or ()]) for _, value in made]
    kinds = {(one, tuple(map(len, of))) for one, of in zip(single, shapes, strict=True)}
    if len(kinds) > 1:
        chosen.apart()
    groups = [where for where, _ in made]
    tensors = []
    for alike in zip(*shapes, strict=True):
        dims = [_dim(chosen, groups, each) for each in zip(*alike, strict=True)]
        tensors.append(Tensor(INPUT, tuple(dims)))
    return tensors[0] if single[0] else tuple(tensors)


def _dim(chosen: Chosen, groups: Sequence[Array], dims: Sequence[Any]) -> Any:
    """An extent of which each group of lanes has its own."""
    if all(isinstance(dim, int) and dim == dims[0] for dim in dims):
        return dims[0]
    lanes, depends = chosen.lanes, chosen.depends
    found = np.zeros((lanes.size, 1), np.int64)
    for where, dim in zip(groups, dims, strict=True):
        column = dim if isinstance(dim, Exact) else constant(lanes, dim)
        if not isinstance(column, Exact) or not column.whole or column.num.dtype == object:
            raise Unsuited
        found = np.where(where, column.num, found)
        depends |= column.depends
    return Exact(lanes, found, depends=depends)


__all__ = ["LaneAssembly", "Shapes", "Unsuited"]
