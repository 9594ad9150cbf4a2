"""The forms of blocks, traced when they are first met, and what is known of a block in many lanes by them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from archdsl.analysis.context import AlreadyReported
from archdsl.analysis.values import Block
from archdsl.analysis.values import Sequence as Blocks
from archdsl.graph.conventions import Convention
from archdsl.records import dataclass
from archdsl.spaces.arrays.alike import columns_of
from archdsl.spaces.arrays.assembled import Shapes, Unsuited
from archdsl.spaces.arrays.column import Exact
from archdsl.spaces.arrays.contents import Content, Told
from archdsl.spaces.arrays.lanes import WIDE, Array, Lanes
from archdsl.spaces.arrays.programs import Program
from archdsl.spaces.arrays.roundings import largest_of

MEASURES = ("flops", "params", "acts")


@dataclass(frozen=True, slots=True)
class Form:
    """A block as it was traced for some lanes."""

    program: Program | None
    """How it is counted for others; none where that is not known, so that it is counted for its own widths alone."""
    widths: tuple[int, ...]
    shapes: Shapes
    amounts: tuple[int, ...]
    size: int
    """Its operations."""
    steps: int
    lists: bool
    content: Content | None = None
    """What it computes, where that is asked."""


class Forms:
    """The forms of blocks that were met, for one convention."""

    def __init__(self, convention: Convention, *, told: bool = False) -> None:
        """`told`: whether it is asked what blocks compute."""
        self.convention, self.told = convention, told
        self.known: dict[Any, list[Form]] = {}
        self._kept: list[Any] = []
        self._settled: dict[int, tuple[Any, set[str]]] = {}
        """Settings of a definition that blocks are taken apart by."""

    def symbols(self, block: Block | Blocks) -> frozenset[str]:
        """The settings of a block that are symbols of its programs, however small their numbers are: those in whose
        place columns stand, until a program turns out to depend on them otherwise."""
        if self.told or not isinstance(block, Block):
            return frozenset()  # what a block computes is compared between forms, which must have the same symbols
        return columns_of(block) - self._settled.get(id(block.of), (None, set[str]()))[1]

    def settle(self, block: Block | Blocks, names: frozenset[str]) -> None:
        """Blocks of the same definition are to be taken apart by these settings from now on."""
        if isinstance(block, Block):
            self._settled.setdefault(id(block.of), (block.of, set()))[1].update(names)

    def of(self, key: Any, definitions: tuple[Any, ...]) -> list[Form]:
        """The forms of a key. The definitions that it names by their identities are kept."""
        if key not in self.known:
            self._kept.append(definitions)
            self.known[key] = []
        return self.known[key]


class Found:
    """What is known of a block, lane by lane."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.told = Told(size)
        self._amounts: list[Array | None] = [None for _ in MEASURES]
        self._bounds = [0 for _ in MEASURES]
        """No amount is larger; where that says nothing, `WIDE`."""
        self._sizes: list[tuple[Array, int]] = []
        self.lists = False
        self._dims: list[list[Array | int]] | None = None
        """The shapes of the outputs: numbers that all lanes share, or arrays of them (N)."""

    @property
    def amounts(self) -> list[Array]:
        """Flops, params and acts, by lane."""
        return [np.zeros(self.size, np.int64) if amount is None else amount for amount in self._amounts]

    def largest_of(self, index: int) -> int:
        """No lane has a larger amount."""
        amount = self._amounts[index]
        return self._bounds[index] if self._bounds[index] < WIDE >> 16 or amount is None else largest_of(amount)

    @property
    def sizes(self) -> Array:
        """Its operations, by lane."""
        found = np.zeros(self.size, np.int64)
        for rows, size in self._sizes:
            found[rows] += size
        return found

    @property
    def largest(self) -> int:
        """Its operations in no lane are more."""
        return max((size for _, size in self._sizes), default=0)

    def joined(self, other: Found) -> Found:
        """With what is known of another block that stands there in other lanes."""
        self._amounts = [one + two for one, two in zip(self.amounts, other.amounts, strict=True)]
        self._bounds = [one + two for one, two in zip(self._bounds, other._bounds, strict=True)]
        self._sizes += other._sizes
        self.told.parts += other.told.parts
        return self

    def enter(self, form: Form, rows: Array, widths: Sequence[Array | int]) -> Array:
        """Enter what a form says of some lanes; those of which it says nothing."""
        if form.program is None:
            holds: Array | None = np.ones(rows.size, dtype=bool)
            for width, own in zip(widths, form.widths, strict=True):
                holds = holds & (np.asarray(width) == own)
            shapes: Any = form.shapes
            amounts: Sequence[Any] = form.amounts
            largest: Sequence[int] = [abs(amount) for amount in amounts]
        else:
            made = form.program(widths, rows.size)
            holds, shapes, amounts, largest = made.holds, made.shapes, made.amounts, made.largest
        every = holds is None or bool(holds.all())
        mine = rows if every else rows[holds]
        if not mine.size:
            return rows
        counts = [value if every or isinstance(value, int) else value[holds] for value in amounts]
        for index in range(len(MEASURES)):
            self._amounts[index] = _entered(self._amounts[index], mine, counts[index], self.size)
            self._bounds[index] = max(self._bounds[index], largest[index])
        if form.content is not None:
            further = [np.broadcast_to(each, mine.shape) for each in counts[len(form.amounts) :]]
            self.told.enter(form.content, mine, further)
        self._sizes.append((mine, form.size))
        self.lists = form.lists
        if self._dims is None:
            self._dims = [
                [dim if isinstance(dim, int) else np.zeros(self.size, np.int64) for dim in shape] for shape in shapes
            ]
        elif [len(shape) for shape in self._dims] != [len(shape) for shape in shapes]:
            raise Unsuited
        for dims, sizes in zip(self._dims, shapes, strict=True):
            for position, size in enumerate(sizes):
                before = dims[position]
                if isinstance(before, int):
                    if isinstance(size, int) and size == before:
                        continue
                    before = np.full(self.size, before)
                value = size if every or isinstance(size, int) else size[holds]
                dims[position] = _entered(before, mine, value, self.size)
        return rows[:0] if every or holds is None else rows[~holds]

    def shapes(self, lanes: Lanes, otherwise: Shapes | None, here: Array, depends: int) -> Shapes:
        """The shapes of the outputs; in lanes without the block, those of the inputs."""
        if self._dims is None:
            if otherwise is not None:
                return otherwise
            raise AlreadyReported  # no lane is left
        if otherwise is not None and [len(shape) for shape in otherwise] != [len(dims) for dims in self._dims]:
            raise Unsuited
        found, everywhere = [], bool(here.all())
        for index, dims in enumerate(self._dims):
            extents: list[Any] = []
            for position, dim in enumerate(dims):
                before = None if otherwise is None or everywhere else otherwise[index][position]
                if isinstance(dim, int) and (before is None or (isinstance(before, int) and before == dim)):
                    extents.append(dim)
                    continue
                column = np.full((lanes.size, 1), dim) if isinstance(dim, int) else dim[:, None]
                if before is not None:
                    plain = before.num if isinstance(before, Exact) else np.full((1, 1), before)
                    column = np.where(here[:, None], column, plain)
                same = lanes.alike(column, depends)
                extents.append(int(same) if same is not None else Exact(lanes, column, depends=depends))
            found.append(tuple(extents))
        return tuple(found)


def _entered(into: Array | None, rows: Array, values: Any, size: int) -> Array:
    """Enter what some lanes have; the others have what was there, or nothing."""
    if len(rows) == size and not isinstance(values, int):  # all of them, in order
        return np.asarray(values)
    if into is None:
        into = np.zeros(size, np.int64)
    if isinstance(values, int):
        if abs(values) >= WIDE and into.dtype != object:
            into = into.astype(object)
        into[rows] = values
        return into
    if values.dtype == object and into.dtype != object:
        into = into.astype(object)
    into[rows] = values
    return into


__all__ = ["MEASURES", "Form", "Forms", "Found"]
