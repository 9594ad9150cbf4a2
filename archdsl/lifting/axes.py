"""Which extent of a tensor of PyTorch is which of a value of ours.

A value of ours is a map of (C, H, W), tokens of (C, N) or a vector of (C,). A program of PyTorch looks at the same
elements in other orders: with the channels last, flat, with the channels in heads. Such a look computes nothing, so it
is followed here and becomes an operation only where one needs it: an extent is a product of `Atom`s, a tensor a row of
such products, one a dimension. Extents of 1 are empty products.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TypeAlias

from archdsl.graph.blocks import Value
from archdsl.records import dataclass


@dataclass(frozen=True, eq=False)
class Atom:
    """A factor of an extent. Two are the same if they are the same object."""

    size: int


Extent: TypeAlias = "tuple[Atom, ...]"
"""A product; the last factor counts fastest."""
BATCH = Atom(0)
"""The images; how many there are is without meaning."""
LETTERS = {1: "c", 2: "cl", 3: "chw"}
"""A letter for each axis of a vector, of tokens, and of a map."""
OVER = {"c": "channels", "l": "tokens", "h": "height", "w": "width"}
"""What operations of ours call them."""


def size_of(extent: Extent) -> int:
    """The product."""
    return prod(atom.size for atom in extent)


def extent(size: int) -> Extent:
    """A new extent."""
    return () if size == 1 else (Atom(size),)


@dataclass(frozen=True)
class Seen:
    """A value of ours as a program sees it."""

    value: Value
    axes: tuple[Extent, ...]
    """Of our shape, in its order: channels first."""
    dims: tuple[Extent, ...]
    """Of the program's tensor, the images included."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Our shape."""
        return tuple([size_of(axis) for axis in self.axes])

    @property
    def form(self) -> str:
        """How the program has it: a letter a dimension, `b` for the images, `c`, `h`, `w` or `l` for our axes, `1`
        for an extent of 1; `?` where a dimension is none of them."""
        names = LETTERS[len(self.axes)]
        found = []
        for dim in self.dims:
            if dim == (BATCH,):
                found.append("b")
            elif not dim:
                found.append("1")
            else:
                found.append(next((n for n, axis in zip(names, self.axes, strict=True) if axis == dim), "?"))
        return "".join(found)


def distinct(seen: Seen) -> Seen:
    """A value whose axes are told from each other, also where two came of the same extent: a matrix of tokens by
    tokens."""
    atoms = [id(atom) for axis in seen.axes for atom in axis]
    if len(atoms) == len(set(atoms)):
        return seen
    names = LETTERS[len(seen.axes)]
    if len(seen.dims) != len(names) + 1:
        raise ValueError("a value with an extent twice in another form than that of a map, tokens or a vector")
    order = "lc" if names == "cl" else names
    return fresh(seen.value, seen.shape, "b" + order)


def fresh(value: Value, shape: Sequence[int], form: str) -> Seen:
    """A new value of ours in a form: `bchw`, `blc`, …"""
    axes = tuple([extent(size) for size in shape])
    names = LETTERS[len(axes)]
    by_name = dict(zip(names, axes, strict=True))
    dims = tuple([(BATCH,) if letter == "b" else () if letter == "1" else by_name[letter] for letter in form])
    return Seen(value, axes, dims)


def regrouped(seen: Seen, sizes: Sequence[int], images: int) -> Seen | None:
    """The same elements in the same order under other dimensions (`reshape`), for so many images; none where an extent
    would be cut in a way that its factors do not follow, or the images would be."""
    atoms = [atom for dim in seen.dims for atom in dim]
    axes = list(seen.axes)
    dims: list[Extent] = []
    at = 0
    for place, size in enumerate(sizes):
        group: list[Atom] = []
        if place == 0 and images == 1 and atoms and atoms[0] is BATCH:
            group, at = [BATCH], 1  # one image counts nothing, and stays in front
        while (reached := _size(group, images)) < size:
            if at >= len(atoms):
                return None
            atom = atoms[at]
            left = size // reached
            if size % reached:
                return None
            own = images if atom is BATCH else atom.size
            if own > left:
                if own % left or atom is BATCH:
                    return None
                first, second = Atom(left), Atom(own // left)
                axes = [_replaced(axis, atom, (first, second)) for axis in axes]
                dims = [_replaced(dim, atom, (first, second)) for dim in dims]
                atoms[at : at + 1] = [first, second]
                atom = first
            group.append(atom)
            at += 1
        if _size(group, images) != size:
            return None
        dims.append(tuple(group))
    return Seen(seen.value, tuple(axes), tuple(dims)) if at == len(atoms) else None


def _size(atoms: Sequence[Atom], images: int) -> int:
    return prod(images if atom is BATCH else atom.size for atom in atoms)


def cut_in(seen: Seen, axis: Extent, sizes: tuple[int, int]) -> tuple[tuple[Extent, Extent], Seen] | None:
    """An axis as two of these sizes, and the value with its factors cut for them; none where they cannot be."""
    found = regrouped(Seen(seen.value, seen.axes, (axis,)), sizes, 1)
    if found is None:
        return None
    parts = {id(atom): atom for dim in found.dims for atom in dim}
    whole = tuple([atom for dim in found.dims for atom in dim])
    known = {id(atom) for atom in axis}
    new = [atom for atom in whole if id(atom) not in known]
    old = [atom for atom in axis if id(atom) not in parts]
    if not new:
        return (found.dims[0], found.dims[1]), seen
    if len(old) != 1:
        return None
    cut = tuple(new)
    axes = tuple([_replaced(one, old[0], cut) for one in seen.axes])
    dims = tuple([_replaced(one, old[0], cut) for one in seen.dims])
    return (found.dims[0], found.dims[1]), Seen(seen.value, axes, dims)


def inside(dim: Extent) -> Extent:
    """A dimension without the images."""
    return tuple([atom for atom in dim if atom is not BATCH])


def alike(one: Seen, two: Seen) -> bool:
    """Whether two values of ours have the same shape, and a program has both in the same way."""
    return one.shape == two.shape and _pattern(one) == _pattern(two)


def _pattern(seen: Seen) -> object:
    """Where in the program's dimensions each factor of ours stands, whatever its name."""
    places = {id(atom): (at, within) for at, dim in enumerate(seen.dims) for within, atom in enumerate(dim)}
    own = [[(places.get(id(atom)), atom.size) for atom in axis] for axis in seen.axes]
    return own, places.get(id(BATCH))


def _replaced(extent_: Extent, old: Atom, new: Extent) -> Extent:
    return tuple([part for atom in extent_ for part in (new if atom is old else (atom,))])


def permuted(seen: Seen, order: Sequence[int]) -> Seen:
    """The dimensions in another order."""
    return Seen(seen.value, seen.axes, tuple([seen.dims[place] for place in order]))
