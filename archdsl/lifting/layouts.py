"""A value brought to where an operation of ours takes it: as a map, as tokens, as a vector."""

from __future__ import annotations

from typing import Any

from archdsl.graph.shapes import Size
from archdsl.lifting.axes import BATCH, Extent, Seen, alike, cut_in, fresh, inside, size_of
from archdsl.lifting.lifted import Unliftable
from archdsl.lifting.reading import Padded, Reading
from archdsl.lifting.relaid import relaid


def one_value(given: Any) -> Seen:
    """A value without a border. Raises `Unliftable`."""
    if isinstance(given, Padded):
        if any(given.pads):
            raise Unliftable("a border before what slides no window")
        return given.seen
    if not isinstance(given, Seen):
        raise Unliftable("nothing flows in")
    return given


def need_map(reading: Reading, given: object) -> Seen:
    """A map that the program has as images x channels x height x width. Raises `Unliftable`."""
    if isinstance(given, Padded):
        if any(given.pads):
            raise Unliftable("a border before what slides no window")
        given = given.seen
    if not isinstance(given, Seen):
        raise Unliftable("nothing flows in")
    try:
        found = as_map(reading, given)
    except Unliftable:
        found = given
    found = as_matrices(reading, found)
    if len(found.dims) != 4 or found.dims != ((BATCH,), *found.axes):
        raise Unliftable(f"it takes images x channels x height x width, and the program has them as {given.form}")
    return found


def as_matrices(reading: Reading, seen: Seen) -> Seen:
    """As a map with the axes that the program has, in its order, where that is in reach."""
    if len(seen.dims) == 4 and seen.dims[0] == (BATCH,) and seen.dims[1:] != seen.axes:
        return relaid(reading, seen, seen.dims[1:])
    return seen


def as_rows(reading: Reading, seen: Seen) -> Seen:
    """As tokens, in the order that the program has them, whatever else its dimensions are; the last are channels."""
    rest = tuple([atom for dim in seen.dims[:-1] for atom in inside(dim)])
    return relaid(reading, seen, (seen.dims[-1], rest))


def spread(reading: Reading, seen: Seen) -> Seen:
    """Tokens as a map of the last size that has as many positions, wherever the program has them. Raises
    `Unliftable`."""
    count = size_of(seen.axes[1])
    sizes = [size for size in reading.maps if size[0] * size[1] == count and size[0] > 1]
    cut = cut_in(seen, seen.axes[1], sizes[-1]) if sizes else None
    if cut is None:
        raise Unliftable("tokens where the language takes a map, and no map has as many positions")
    (height, width), seen = cut
    return _mapped(reading, seen, height, width)


def as_map(reading: Reading, seen: Seen) -> Seen:
    """As a map, where the program has four dimensions."""
    if len(seen.dims) != 4:
        return seen
    if len(seen.axes) == 3:
        return shuffled(reading, seen)
    sizes = [size_of(dim) for dim in seen.dims[1:]]
    if len(seen.axes) == 1:
        atoms = [atom for dim in seen.dims[1:] for atom in dim]
        if tuple(atoms) != seen.axes[0]:
            raise Unliftable("a vector in another order")
        if (len(sizes) == 3 and sizes[1:] == [1, 1]) or sum(size > 1 for size in sizes) > 1 or sizes[0] > 1:
            (value,) = reading.apply("reshape", [seen.value], {"to": Size(tuple(sizes))})
            return Seen(value, seen.dims[1:], seen.dims)
        return seen
    channels, places = seen.axes
    flat: list[Extent] = list(seen.dims[1:])
    if (*flat[1], *flat[2]) == places and flat[0] == channels:
        return _mapped(reading, seen, flat[1], flat[2])
    if (*flat[0], *flat[1]) == places and flat[2] == channels:
        found = _mapped(reading, seen, flat[0], flat[1])
        return Seen(found.value, found.axes, seen.dims)
    return seen


def _mapped(reading: Reading, seen: Seen, height: Extent, width: Extent) -> Seen:
    size = size_of(height), size_of(width)
    other = reading.maps.get(size)
    if other is None:
        raise Unliftable("tokens as a map of a size that no map has")
    (value,) = reading.apply("map", [seen.value, other])
    return Seen(value, (seen.axes[0], height, width), seen.dims)


def shuffled(reading: Reading, seen: Seen) -> Seen:
    """Channels that a program has with the factors of their number in another order: interleaved groups."""
    if len(seen.dims) != 4 or len(seen.axes) != 3:
        return seen
    first = seen.dims[1]
    axis = seen.axes[0]
    if len(axis) == 2 and first == axis[::-1] and seen.dims[2:] == seen.axes[1:]:
        (value,) = reading.apply("channel_shuffle", [seen.value], {"groups": axis[0].size})
        return fresh(value, seen.shape, "bchw")
    return seen


def as_tokens(reading: Reading, seen: Seen) -> Seen:
    """As tokens, where the program has three dimensions: images x tokens x channels, or with the last two changed."""
    if len(seen.dims) != 3 or len(seen.axes) == 2:
        return seen
    if len(seen.axes) == 1:
        raise Unliftable("a vector as tokens")
    places = (*seen.axes[1], *seen.axes[2])
    if {seen.dims[1], seen.dims[2]} != {places, seen.axes[0]}:
        return as_rows(reading, seen)
    (value,) = reading.apply("tokens", [seen.value])
    return Seen(value, (seen.axes[0], places), seen.dims)


def as_flat(reading: Reading, seen: Seen) -> Seen:
    """As what a layer over a vector takes: a vector, or a map of 1 x 1."""
    atoms = tuple([atom for dim in seen.dims[1:] for atom in dim])
    if len(seen.axes) == 1 or (len(seen.axes) == 3 and not seen.axes[1] and not seen.axes[2]):
        if atoms != seen.axes[0]:
            raise Unliftable("a vector in another order")
        return seen
    if len(seen.axes) == 2:
        if seen.axes[1] or atoms != seen.axes[0]:
            raise Unliftable("all tokens as one vector")
        (value,) = reading.apply("token", [seen.value], {"index": 0})
        return Seen(value, (seen.axes[0],), seen.dims)
    if atoms != (*seen.axes[0], *seen.axes[1], *seen.axes[2]):
        raise Unliftable("a map as a vector in another order")
    (value,) = reading.apply("flatten", [seen.value])
    return Seen(value, (atoms,), seen.dims)


def broadcast(reading: Reading, name: str, a: Seen, b: Seen) -> Seen:
    """An operation of two values, extents of 1 repeated, as our rule has it too. Raises `Unliftable`."""
    if len(a.dims) != len(b.dims):
        a, b = _as_long(a, b), _as_long(b, a)
    if alike(a, b):
        (value,) = reading.apply(name, [a.value, b.value])
        return Seen(value, a.axes, a.dims)
    try:
        a, b = _together(reading, a, b)
    except Unliftable:
        if [size_of(inside(x)) for x in a.dims] != [size_of(inside(y)) for y in b.dims]:
            raise
        a, b = as_rows(reading, a), as_rows(reading, b)
        (value,) = reading.apply(name, [a.value, b.value])
        return Seen(value, a.axes, a.dims)
    (value,) = reading.apply(name, [a.value, b.value])
    axes = tuple([x if x else y for x, y in zip(a.axes, b.axes, strict=True)])
    dims = tuple([x if x else y for x, y in zip(a.dims, b.dims, strict=True)])
    atoms = [id(atom) for axis in axes for atom in axis]
    if len(atoms) != len(set(atoms)):
        form = "".join([y if x == "1" else x for x, y in zip(a.form, b.form, strict=True)])
        return fresh(value, [size_of(axis) for axis in axes], form)
    return Seen(value, axes, dims)


def _together(reading: Reading, a: Seen, b: Seen) -> tuple[Seen, Seen]:
    """Two values in one layout. Raises `Unliftable`."""
    if len(a.dims) == 3:
        a, b = as_tokens(reading, a), as_tokens(reading, b)
        if a.form != b.form and "1" not in a.form + b.form:
            a, b = as_rows(reading, a), as_rows(reading, b)
    elif len(a.dims) == 4:
        a, b = as_map(reading, a), as_map(reading, b)
        a, b = _like(reading, a, b), _like(reading, b, a)
        if "?" in a.form + b.form:
            a, b = as_matrices(reading, a), as_matrices(reading, b)
    elif len(a.axes) != len(b.axes):
        a, b = _as_vector(reading, a), _as_vector(reading, b)
    one, two = a.form, b.form
    fits = len(one) == len(two) and all(x == y or "1" in (x, y) for x, y in zip(one, two, strict=True))
    if not fits or "?" in one + two or len(a.axes) != len(b.axes):
        raise Unliftable(f"two values that stand in different orders, {one} and {two}")
    return a, b


def _as_long(seen: Seen, other: Seen) -> Seen:
    missing = len(other.dims) - len(seen.dims)
    if missing <= 0:
        return seen
    if seen.dims and seen.dims[0] == (BATCH,):
        raise Unliftable("images that meet another dimension")
    return Seen(seen.value, seen.axes, ((),) * missing + seen.dims)


def _like(reading: Reading, seen: Seen, other: Seen) -> Seen:
    """Tokens as a map where the other is one."""
    if len(seen.axes) == 1 and len(other.axes) == 3:
        return as_map(reading, seen)
    return seen


def _as_vector(reading: Reading, seen: Seen) -> Seen:
    if len(seen.axes) == 3:
        (value,) = reading.apply("flatten", [seen.value])
        return Seen(value, (seen.axes[0],), seen.dims)
    return seen


__all__ = [
    "as_flat",
    "as_map",
    "as_matrices",
    "as_rows",
    "as_tokens",
    "broadcast",
    "need_map",
    "one_value",
    "shuffled",
    "spread",
]
