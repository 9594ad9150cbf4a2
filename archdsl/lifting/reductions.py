"""Sums, means and shares over some dimensions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from archdsl.lifting.axes import LETTERS, OVER, Seen
from archdsl.lifting.layouts import (
    as_map,
    as_matrices,
    as_tokens,
    one_value,
)
from archdsl.lifting.lifted import Unliftable
from archdsl.lifting.reading import Call, Reading, Row, Stack
from archdsl.lifting.stacks import counted, shares, total


def reduction(name: str) -> Row:
    """`mean`, `sum`, `max`, `min` over some dimensions; the mean over space is `global_pool`."""

    def row(reading: Reading, call: Call) -> Any:
        dims = call["dim"]
        dims = [dims] if isinstance(dims, int) else dims
        if name == "sum" and dims is not None and len(dims) == 1 and not call["keepdim"]:
            place = int(dims[0]) % extents(call["self"])
            if isinstance(call["self"], Stack) or (counted(call["self"], place) and len(call["self"].dims) == 5):
                return total(reading, call["self"], place)
        seen = one_value(call["self"])
        if len(seen.dims) == 4 and len(seen.axes) == 2:
            seen = as_map(reading, seen)
        if dims is None:
            raise Unliftable("over all dimensions")
        places = sorted({int(dim) % len(seen.dims) for dim in dims})
        kept = bool(call["keepdim"])
        if len(seen.dims) == 3 and places != [len(seen.dims)]:
            gone_atoms = [atom for place in places for atom in seen.dims[place]]
            if len(seen.axes) == 3 and tuple(gone_atoms) == (*seen.axes[1], *seen.axes[2]):
                return _over_space(reading, name, seen, places, kept)
            seen = as_tokens(reading, seen)
        if len(seen.axes) == 3:
            gone = [seen.dims[place] for place in places if seen.dims[place]]
            if (
                set(gone) == {axis for axis in seen.axes[1:] if axis}
                and set(places) != set()
                and seen.axes[0] not in gone
            ):
                return _over_space(reading, name, seen, places, kept)
        if len(places) != 1:
            raise Unliftable("over several dimensions")
        if seen.form[places[0]] not in "chwl" and len(seen.dims) == 4:
            seen = as_matrices(reading, seen)
        letter = seen.form[places[0]]
        over = OVER.get(letter)
        if over is None:
            raise Unliftable("over a dimension that is none of ours")
        (value,) = reading.apply(name, [seen.value], {"over": over})
        axis = LETTERS[len(seen.axes)].index(letter)
        axes = tuple([() if at == axis else one for at, one in enumerate(seen.axes)])
        return _reduced(Seen(value, axes, seen.dims), places, kept)

    return row


def _over_space(reading: Reading, name: str, seen: Seen, places: list[int], kept: bool) -> Seen:
    if name == "mean":
        (value,) = reading.apply("global_pool", [seen.value])
    elif name == "max":
        (value,) = reading.apply("global_max_pool", [seen.value])
    else:
        (value,) = reading.apply(name, [seen.value], {"over": "space"})
    return _reduced(Seen(value, (seen.axes[0], (), ()), seen.dims), places, kept)


def _reduced(seen: Seen, places: list[int], kept: bool) -> Seen:
    if kept:
        dims = tuple([() if at in places else dim for at, dim in enumerate(seen.dims)])
    else:
        dims = tuple([dim for at, dim in enumerate(seen.dims) if at not in places])
    return Seen(seen.value, seen.axes, dims)


def vector_norm(reading: Reading, call: Call) -> Any:
    """The square root of the sum of squares over some dimensions."""
    order = call["ord"]
    if order not in (None, 2):
        raise Unliftable(f"a norm of order {order}")
    squares = reading.kept("square", one_value(call["self"]))
    total = reduction("sum")(reading, replace(call, operation="sum", arguments={**call.arguments, "self": squares}))
    return reading.kept("sqrt", one_value(total))


def softmax(reading: Reading, call: Call) -> Any:
    """`softmax` over one dimension."""
    given = call["self"] if call["self"] is not None else call["input"]
    place = int(call["dim"]) % extents(given)
    if isinstance(given, Stack) or (counted(given, place) and place == 1):
        return shares(reading, given, place)
    seen = one_value(given)
    if len(seen.dims) == 3:
        seen = as_tokens(reading, seen)
    if seen.form[place] not in "chwl" and len(seen.dims) == 4:
        seen = as_matrices(reading, seen)
    over = OVER.get(seen.form[place])
    if over is None:
        raise Unliftable("over a dimension that is none of ours")
    return reading.kept("softmax", seen, {"over": over})


def extents(given: Any) -> int:
    """How many dimensions a program has of a value."""
    if isinstance(given, Stack):
        return len(given.parts[0].dims) + 1
    return len(one_value(given).dims)
