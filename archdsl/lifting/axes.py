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
        names = {1: "c", 2: "cl", 3: "chw"}[len(self.axes)]
        found = []
        for dim in self.dims:
            if dim == (BATCH,):
                found.append("b")
            elif not dim:
                found.append("1")
            else:
                found.append(next((n for n, axis in zip(names, self.axes, strict=True) if axis == dim), "?"))
        return "".join(found)


def fresh(value: Value, shape: Sequence[int], form: str) -> Seen:
    """A new value of ours in a form: `bchw`, `blc`, …"""
    axes = tuple([extent(size) for size in shape])
    names = {1: "c", 2: "cl", 3: "chw"}[len(axes)]
    by_name = dict(zip(names, axes, strict=True))
    dims = tuple([(BATCH,) if letter == "b" else () if letter == "1" else by_name[letter] for letter in form])
    return Seen(value, axes, dims)


def regrouped(seen: Seen, sizes: Sequence[int]) -> Seen | None:
    """The same elements in the same order under other dimensions (`reshape`); none where an extent would be cut in a
    way that its factors do not follow. The first dimension stays that of the images, or a product with it."""
    atoms = [atom for dim in seen.dims for atom in dim]
    axes = list(seen.axes)
    dims: list[Extent] = []
    wanted = list(sizes)
    total = prod(atom.size for atom in atoms if atom is not BATCH)
    known = prod(size for size in wanted if size > 0)
    if wanted.count(-1) == 1 and BATCH not in atoms:
        wanted[wanted.index(-1)] = total // max(1, known)
    at = 0
    for place, size in enumerate(wanted):
        if place == 0 and BATCH in atoms:
            if atoms[0] is not BATCH:
                return None
            dims.append((BATCH,))
            at = 1
            continue
        group: list[Atom] = []
        while size_of(tuple(group)) < size:
            if at >= len(atoms) or atoms[at] is BATCH:
                return None
            atom = atoms[at]
            left = size // size_of(tuple(group))
            if size % size_of(tuple(group)):
                return None
            if atom.size > left:
                if atom.size % left:
                    return None
                first, second = Atom(left), Atom(atom.size // left)
                axes = [_replaced(axis, atom, (first, second)) for axis in axes]
                dims = [_replaced(dim, atom, (first, second)) for dim in dims]
                atoms[at : at + 1] = [first, second]
                atom = first
            group.append(atom)
            at += 1
        if size_of(tuple(group)) != size:
            return None
        dims.append(tuple(group))
    return Seen(seen.value, tuple(axes), tuple(dims)) if at == len(atoms) else None


def _replaced(extent_: Extent, old: Atom, new: Extent) -> Extent:
    return tuple([part for atom in extent_ for part in (new if atom is old else (atom,))])


def permuted(seen: Seen, order: Sequence[int]) -> Seen:
    """The dimensions in another order."""
    return Seen(seen.value, seen.axes, tuple([seen.dims[place] for place in order]))
