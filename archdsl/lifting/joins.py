"""Values one behind the other."""

from __future__ import annotations

from typing import Any

from archdsl.graph.blocks import Value
from archdsl.graph.operations.layout import Slice
from archdsl.lifting.axes import LETTERS, OVER, Seen, extent
from archdsl.lifting.layouts import (
    as_flat,
    as_map,
    as_tokens,
    need_map,
    one_value,
)
from archdsl.lifting.learned import parameter_like
from archdsl.lifting.lifted import Unliftable
from archdsl.lifting.reading import Call, Held, Reading


def concat(reading: Reading, call: Call) -> Any:
    """`concat`; zeros behind the channels are `pad_channels`."""
    given = [part for part in call["tensors"] if not (isinstance(part, Held) and part.tensor.numel() == 0)]
    if len(given) == 1:
        return given[0]
    place = int(call["dim"] or 0)
    seen = [part for part in given if isinstance(part, Seen)]
    place %= len(seen[0].dims)
    if len(given) == 2 and isinstance(given[0], Seen) and isinstance(given[1], Held) and not given[1].learned:
        if bool(given[1].tensor.any()) or place != 1:
            raise Unliftable("a constant tensor, which the language does not have")
        first = need_map(reading, given[0])
        return reading.new(
            "pad_channels", [first.value], "bchw", {"to": first.shape[0] + int(given[1].tensor.shape[1])}
        )
    parts = _concat_parts(reading, given, seen)
    letter = parts[0].form[place] if parts[0].form[place] in "chwl" else _letter(parts[0], place)
    over = OVER[letter]
    axis = LETTERS[len(parts[0].axes)].index(letter)
    partly = _added_in_part(reading, parts) if over == "channels" else None
    if partly is not None:
        return partly
    values = [part.value for part in parts]
    if over == "channels":
        values = _nested(reading, values)
        _joined_by(reading, values)
    (value,) = reading.apply("concat", values, {"over": over})
    joined = extent(sum(part.shape[axis] for part in parts))
    first = parts[0]
    axes = tuple([joined if at == axis else one for at, one in enumerate(first.axes)])
    dims = tuple([joined if at == place else dim for at, dim in enumerate(first.dims)])
    return Seen(value, axes, dims)


def _nested(reading: Reading, values: list[Value]) -> list[Value]:
    """Of values whose first ones were joined before: what joined them, and the others. A layer that gets what all
    before it gave so gets what the one before it gave, with one more."""
    nodes = reading.builder.nodes
    for count in range(len(values) - 1, 1, -1):
        wanted = tuple(values[:count])
        for index in range(len(nodes) - 1, -1, -1):
            if nodes[index].operation.name == "concat" and reading.whole.get(index, nodes[index].inputs) == wanted:
                reading.whole[len(nodes)] = tuple(values)
                last = values[-1].node
                if last >= 0:
                    reading.modules = reading.origins[last].modules[: _depth(reading, last, values[-2].node)]
                return [Value(index), *values[count:]]
    return values


def _joined_by(reading: Reading, values: list[Value]) -> None:
    """What is joined at the beginning of the next module belongs to the one that gave the last of it."""
    last = values[-1].node
    theirs = reading.origins[last].modules if last >= 0 else ()
    alike = next((at for at, (a, b) in enumerate(zip(reading.modules, theirs, strict=False)) if a != b), None)
    if alike is not None:
        reading.modules = theirs[: alike + 1]


def _depth(reading: Reading, last: int, before: int) -> int:
    """How many modules of an operation are its own, and that of the one before not, and one more."""
    mine = reading.origins[last].modules
    other = reading.origins[before].modules if before >= 0 else ()
    alike = next((at for at, (a, b) in enumerate(zip(mine, other, strict=False)) if a != b), min(len(mine), len(other)))
    return alike + 1


def _letter(seen: Seen, place: int) -> str:
    """Which axis of ours an extent of 1 is, by those beside it."""
    forms = {"bchw", "bhwc", "blc", "bcl", "bc"}
    for form in sorted(forms):
        if len(form) == len(seen.form) and all(a == b or b == "1" for a, b in zip(form, seen.form, strict=True)):
            return form[place]
    raise Unliftable("the dimension is none of ours")


def _concat_parts(reading: Reading, given: list[Any], seen: list[Seen]) -> list[Seen]:
    found = []
    for part in given:
        if isinstance(part, Held):
            if not part.learned:
                raise Unliftable("a constant tensor, which the language does not have")
            like = as_tokens(reading, seen[0]) if len(seen[0].dims) == 3 else seen[0]
            found.append(parameter_like(reading, like, part))
        else:
            one = one_value(part)
            found.append(
                as_tokens(reading, one) if len(one.dims) == 3 else one if len(one.dims) == 2 else as_map(reading, one)
            )
    if len({len(part.axes) for part in found}) > 1:
        found = [need_map(reading, part) if len(part.dims) == 4 else part for part in found]
    if len({len(part.axes) for part in found}) > 1:
        found = [as_flat(reading, part) for part in found]
    return found


def _added_in_part(reading: Reading, parts: list[Seen]) -> Seen | None:
    """`concat(x[:c] + s, x[c:])` is `x + pad_channels(s)`; none for anything else."""
    if len(parts) != 2:
        return None
    nodes = reading.builder.nodes
    first, last = (nodes[part.value.node] if part.value.node >= 0 else None for part in parts)
    if first is None or last is None or first.operation.name != "add" or not isinstance(last.operation, Slice):
        return None
    source = last.inputs[0]
    for own, other in (first.inputs, first.inputs[::-1]):
        taken = nodes[own.node] if own.node >= 0 else None
        if taken is None or not isinstance(taken.operation, Slice) or taken.inputs[0] != source:
            continue
        here, rest = taken.operation.channels, last.operation.channels
        whole = reading.builder.shape(source)[0]
        if here.lo != 0 or rest.lo != here.hi + 1 or rest.hi != whole - 1:
            continue
        if int(reading.builder.shape(other)[0]) != int(whole):
            (other,) = reading.apply("pad_channels", [other], {"to": int(whole)})
        return reading.new("add", [source, other], "bchw")
    return None
