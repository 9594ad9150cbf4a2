"""Parts of values: slices, and splits."""

from __future__ import annotations

from typing import Any

from archdsl.graph.shapes import Range
from archdsl.lifting.axes import BATCH, LETTERS, OVER, Seen, extent, inside, size_of
from archdsl.lifting.layouts import (
    as_matrices,
    as_tokens,
    need_map,
    one_value,
)
from archdsl.lifting.lifted import Unliftable
from archdsl.lifting.reading import Call, Reading, Stack
from archdsl.lifting.relaid import relaid


def slice_(reading: Reading, call: Call) -> Any:
    """`slice` of channels; all of a dimension is no operation."""
    seen = call["self"]
    place, start, end = int(call["dim"] or 0), int(call["start"] or 0), call["end"]
    if call["step"] not in (None, 1):
        raise Unliftable("it takes every second element")
    seen = one_value(seen)
    place %= len(seen.dims)
    if seen.dims[place] == (BATCH,):
        return seen
    size = size_of(seen.dims[place])
    stop = size if end is None else min(size, int(end) if int(end) >= 0 else size + int(end))
    start = start if start >= 0 else size + start
    if start == 0 and stop == size:
        return seen
    if stop - start == 1 and len(seen.dims) == 5:
        return _single(reading, seen, place)[start]
    if place == 1 and len(seen.dims) == 3:
        seen = as_tokens(reading, seen)
    if seen.form[place] not in "chwl" and len(seen.dims) == 4:
        seen = as_matrices(reading, seen)
    letter = seen.form[place]
    if letter == "c" and len(seen.axes) != 2:
        (value,) = reading.apply("slice", [seen.value], {"channels": Range(start, stop - 1)})
        cut = extent(stop - start)
        return Seen(value, (cut, *seen.axes[1:]), tuple([cut if at == place else d for at, d in enumerate(seen.dims)]))
    if letter in "clhw":
        sizes = [part for part in (start, stop - start, size - stop) if part]
        found = _split(reading, seen, place, sizes)
        return found[1 if start else 0]
    raise Unliftable("a part of the height or the width")


def select(reading: Reading, call: Call) -> Any:
    """One of the tokens, or one of equal parts of the channels."""
    if isinstance(call["self"], Stack):
        return call["self"].parts[int(call["index"])]
    seen, place, index = one_value(call["self"]), int(call["dim"]), int(call["index"])
    place %= len(seen.dims)
    size = size_of(seen.dims[place])
    index %= size
    if size == 1:
        return Seen(seen.value, seen.axes, tuple([dim for at, dim in enumerate(seen.dims) if at != place]))
    if len(seen.dims) == 3 and place == 1 and seen.dims[2] == seen.axes[0]:
        seen = as_tokens(reading, seen)
        return reading.new("token", [seen.value], "bc", {"index": index})
    return unbound(reading, seen, place)[index]


def unbind(reading: Reading, call: Call) -> Any:
    """The equal parts of the channels, or of an extent with them."""
    if isinstance(call["self"], Stack):
        return list(call["self"].parts)
    seen = one_value(call["self"])
    return unbound(reading, seen, int(call["dim"] or 0) % len(seen.dims))


def unbound(reading: Reading, seen: Seen, place: int) -> list[Seen]:
    """The parts that a leading factor of the channels counts, without it."""
    dim = seen.dims[place]
    axis = seen.axes[0]
    if len(seen.axes) == 3 and len(axis) > 1 and dim == axis[:1] and _spread(seen):
        seen = as_tokens_of(reading, seen)
        axis = seen.axes[0]
    if len(dim) != 1 or axis[: len(dim)] != dim or len(axis) < 2:
        return _unbound_rows(reading, seen, place)
    outputs = reading.apply("split", [seen.value], {"parts": dim[0].size})
    dims = tuple([one for at, one in enumerate(seen.dims) if at != place])
    return [Seen(value, (axis[1:], *seen.axes[1:]), dims) for value in outputs]


def _unbound_rows(reading: Reading, seen: Seen, place: int) -> list[Seen]:
    """The same where another dimension counts the parts: as a map of matrices whose rows or columns it is."""
    rest = [dim for at, dim in enumerate(seen.dims[1:], 1) if at != place]
    if seen.dims[0] != (BATCH,) or len(rest) > 3:
        raise Unliftable("parts of what is no leading factor of the channels")
    number = size_of(seen.dims[place])
    beside = min(place - 1, len(rest) - 1)
    for at in [beside, *[k for k in range(len(rest)) if k != beside]]:
        axes = tuple([(*seen.dims[place], *dim) if k == at else dim for k, dim in enumerate(rest)])
        over = {1: ("channels",), 2: ("tokens", "channels"), 3: ("channels", "height", "width")}[len(rest)][at]
        try:
            laid = relaid(reading, seen, axes if len(axes) != 2 else axes[::-1])
            outputs = reading.apply("split", [laid.value], {"parts": number, "over": over})
        except Unliftable:
            continue
        own = tuple(rest) if len(rest) != 2 else tuple(rest[::-1])
        dims = tuple([dim for k, dim in enumerate(seen.dims) if k != place])
        return [Seen(value, own, dims) for value in outputs]
    raise Unliftable("parts of what is no leading factor of the channels")


def _single(reading: Reading, seen: Seen, place: int) -> list[Seen]:
    """The parts that a dimension counts, each in a dimension of one."""
    found = unbound(reading, seen, place)
    return [Seen(one.value, one.axes, (*one.dims[:place], (), *one.dims[place:])) for one in found]


def _spread(seen: Seen) -> bool:
    """Whether the program has height and width in one dimension."""
    return (*seen.axes[1], *seen.axes[2]) in seen.dims and bool(seen.axes[1] and seen.axes[2])


def as_tokens_of(reading: Reading, seen: Seen) -> Seen:
    """A map as tokens, whatever its channels are in."""
    (value,) = reading.apply("tokens", [seen.value])
    return Seen(value, (seen.axes[0], (*seen.axes[1], *seen.axes[2])), seen.dims)


def split(reading: Reading, call: Call) -> Any:
    """`split` of the channels, or of tokens, in parts of a size, of sizes, or so many."""
    seen = one_value(call["self"])
    place = int(call["dim"] or 0) % len(seen.dims)
    size = size_of(seen.dims[place])
    if call.operation == "chunk":
        each = -(-size // int(call["chunks"]))
        sizes = [min(each, size - at) for at in range(0, size, each)]
    elif isinstance(given := call["split_size"] if call["split_size"] is not None else call["split_sizes"], int):
        sizes = [min(given, size - at) for at in range(0, size, given)]
    else:
        sizes = [int(part) for part in given]
    return _split(reading, seen, place, sizes)


def _split(reading: Reading, seen: Seen, place: int, sizes: list[int]) -> list[Seen]:
    if len(sizes) == 1:
        return [seen]
    if len(seen.dims) == 5 and set(sizes) == {1}:
        return _single(reading, seen, place)
    try:
        laid = _laid(reading, seen)
    except Unliftable:
        if seen.dims[place] != seen.axes[0]:
            return _split_inside(reading, seen, place, sizes)
        laid = seen
    return _split_along(reading, laid, place, sizes)


def _laid(reading: Reading, seen: Seen) -> Seen:
    """A value in a form whose dimensions are ours."""
    if len(seen.dims) == 3:
        return as_tokens(reading, seen)
    if len(seen.dims) == 4 and seen.form not in ("bchw", "bhwc") and "?" in seen.form:
        return need_map(reading, seen)
    return seen


def _split_inside(reading: Reading, seen: Seen, place: int, sizes: list[int]) -> list[Seen]:
    """Parts within each of several heads: of a map of heads x tokens x channels of a head."""
    axis, inner = seen.axes[0], seen.dims[place]
    heads = axis[: len(axis) - len(inner)]
    if not heads or not inner or axis[len(heads) :] != inner or sum(sizes) != size_of(inner):
        raise Unliftable("parts of a dimension that is none of ours")
    others = [atom for at, dim in enumerate(seen.dims) if at != place for atom in inside(dim)]
    tokens = tuple([atom for atom in others if atom not in heads])
    laid = relaid(reading, seen, (heads, tokens, inner))
    settings: dict[str, Any] = {"parts": len(sizes)} if len(set(sizes)) == 1 else {"sizes": tuple(sizes)}
    found = []
    for value, size in zip(reading.apply("split", [laid.value], {**settings, "over": "width"}), sizes, strict=True):
        cut = extent(size)
        dims = tuple([cut if at == place else dim for at, dim in enumerate(seen.dims)])
        found.append(Seen(value, (heads, tokens, cut), dims))
    return found


def _split_along(reading: Reading, seen: Seen, place: int, sizes: list[int]) -> list[Seen]:
    letter = seen.form[place]
    over = OVER.get(letter)
    if over is None:
        raise Unliftable("parts of a dimension that is none of ours")
    settings: dict[str, Any] = {"parts": len(sizes)} if len(set(sizes)) == 1 else {"sizes": tuple(sizes)}
    outputs = reading.apply("split", [seen.value], {**settings, "over": over})
    axis = LETTERS[len(seen.axes)].index(letter)
    found = []
    for value, size in zip(outputs, sizes, strict=True):
        cut = extent(size)
        axes = tuple([cut if at == axis else one for at, one in enumerate(seen.axes)])
        found.append(Seen(value, axes, tuple([cut if at == place else dim for at, dim in enumerate(seen.dims)])))
    return found


def item(_: Reading, call: Call) -> Any:
    """One of several results."""
    return call["self"][int(call["index"])]
