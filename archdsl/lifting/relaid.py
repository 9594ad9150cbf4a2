"""A value brought to another layout by operations of ours: as few as there are, those that fit any size before those
that fit one.

A layout is a row of axes, each a product of factors (`axes.py`). What an operation does to it is known without
numbers, so the shortest row of operations between two layouts is looked for among them.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from archdsl.graph.shapes import Size
from archdsl.lifting.axes import Extent, Seen, size_of
from archdsl.lifting.lifted import Unliftable
from archdsl.lifting.reading import Reading
from archdsl.records import dataclass

Axes: TypeAlias = "tuple[Extent, ...]"
MAX_COST = 6
MAX_STATES = 4000
FIXED = 4
"""The cost of a step that fits one size of image alone."""


@dataclass(frozen=True)
class Move:
    """A step from one layout to another."""

    name: str
    settings: Mapping[str, Any]
    axes: Axes
    cost: int = 1
    like: tuple[int, int] | None = None
    """The height and width of the map that it takes as its second input."""


def relaid(reading: Reading, seen: Seen, axes: Axes) -> Seen:
    """A value with these axes. Raises `Unliftable` where no few operations lead there."""
    if seen.axes == axes:
        return seen
    for move in _way(reading, seen.axes, axes):
        other = [reading.maps[move.like]] if move.like is not None else []
        (value,) = reading.apply(move.name, [seen.value, *other], move.settings)
        seen = Seen(value, move.axes, seen.dims)
    return seen


def _way(reading: Reading, start: Axes, target: Axes) -> list[Move]:
    if _atoms(start) != _atoms(target):
        raise Unliftable("its dimensions are no layout of it")
    order = itertools.count()
    waiting: list[tuple[int, int, Axes, list[Move]]] = [(0, next(order), start, [])]
    done: set[tuple[tuple[int, ...], ...]] = set()
    while waiting and len(done) < MAX_STATES:
        cost, _, axes, way = heapq.heappop(waiting)
        if axes == target:
            return way
        key = tuple([tuple([id(atom) for atom in axis]) for axis in axes])
        if key in done:
            continue
        done.add(key)
        for move in _moves(reading, axes):
            if cost + move.cost <= MAX_COST:
                heapq.heappush(waiting, (cost + move.cost, next(order), move.axes, [*way, move]))
    raise Unliftable("no few operations bring it into the order in which the program has it")


def _atoms(axes: Axes) -> list[int]:
    return sorted([id(atom) for axis in axes for atom in axis])


def _cuts(axis: Extent) -> Iterator[tuple[Extent, Extent]]:
    for at in range(len(axis) + 1):
        yield axis[:at], axis[at:]


def _moves(reading: Reading, axes: Axes) -> Iterator[Move]:
    if len(axes) == 2:
        yield from _of_tokens(reading, *axes)
    elif len(axes) == 3:
        yield from _of_map(*axes)
    if len(axes) != 2:
        yield from _reshapes(tuple([atom for axis in axes for atom in axis]))


def _of_tokens(reading: Reading, c: Extent, n: Extent) -> Iterator[Move]:
    yield Move("transpose", {}, (n, c))
    for heads, rest in _cuts(c):
        if rest:
            yield Move("split_heads", {"heads": size_of(heads)}, (heads, n, rest))
    for high, wide in _cuts(n):
        size = size_of(high), size_of(wide)
        if size in reading.maps:
            yield Move("map", {}, (c, high, wide), like=size)
    for parts in itertools.combinations(range(1, len(n)), 3):
        a, b, d, e = (n[i:j] for i, j in itertools.pairwise((0, *parts, len(n))))
        for name, high, wide, pair in (("window", (*a, *d), (*b, *e), (d, e)), ("step", (*d, *a), (*e, *b), (a, b))):
            size = size_of(high), size_of(wide)
            if size in reading.maps:
                settings = {name: Size((size_of(pair[0]), size_of(pair[1])))}
                yield Move("map", settings, (c, high, wide), like=size)


def _of_map(c: Extent, h: Extent, w: Extent) -> Iterator[Move]:
    yield Move("tokens", {}, (c, (*h, *w)))
    yield Move("transpose", {}, (c, w, h))
    yield Move("merge_heads", {}, ((*c, *w), h))
    for (h1, h2), (w1, w2) in itertools.product(_cuts(h), _cuts(w)):
        if (h1 or w1) and (h2 or w2):
            size = Size((size_of(h2), size_of(w2)))
            yield Move("tokens", {"window": size}, (c, (*h1, *w1, *h2, *w2)))
            yield Move("tokens", {"step": size}, (c, (*h2, *w2, *h1, *w1)))
    for groups, rest in _cuts(c):
        if groups and rest:
            yield Move("channel_shuffle", {"groups": size_of(groups)}, ((*rest, *groups), h, w))


def _reshapes(atoms: Extent) -> Iterator[Move]:
    """The same order in other axes: of one size of image."""
    for first, second in itertools.combinations_with_replacement(range(len(atoms) + 1), 2):
        axes = atoms[:first], atoms[first:second], atoms[second:]
        size = Size(tuple([size_of(axis) for axis in axes]))
        yield Move("reshape", {"to": size}, axes, FIXED)
    yield Move("flatten", {}, (atoms,), 2)


__all__ = ["relaid"]
