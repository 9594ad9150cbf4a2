"""Values beside each other in a dimension of their own: equal parts of the channels, or what a program stacked.

The language has no such dimension. What a program does along it, it does with the parts: their sum, their shares of 1
(`joint_softmax`), each times its share.
"""

from __future__ import annotations

from typing import Any

from archdsl.lifting.axes import BATCH, Atom, Seen, regrouped
from archdsl.lifting.layouts import broadcast, one_value
from archdsl.lifting.lifted import Unliftable
from archdsl.lifting.parts import unbound
from archdsl.lifting.reading import Call, Reading, Stack


def stack(_: Reading, call: Call) -> Any:
    """Values in a new dimension."""
    parts = tuple([one_value(part) for part in call["tensors"]])
    return Stack(parts, int(call["dim"] or 0) % (len(parts[0].dims) + 1))


def counted(seen: Any, place: int) -> bool:
    """Whether a dimension counts equal parts of the channels."""
    if not isinstance(seen, Seen) or place >= len(seen.dims) or len(seen.dims[place]) != 1:
        return False
    axis = seen.axes[0]
    return len(axis) > 1 and axis[0] is seen.dims[place][0] and axis[0] is not BATCH


def as_stack(reading: Reading, given: Any, place: int) -> Stack:
    """The parts that a dimension counts. Raises `Unliftable`."""
    if isinstance(given, Stack):
        if given.place != place:
            raise Unliftable("values beside each other that meet along another dimension")
        return given
    if not counted(given, place):
        raise Unliftable("parts of what is no leading factor of the channels")
    node = reading.builder.nodes[given.value.node] if given.value.node >= 0 else None
    dims = tuple([dim for at, dim in enumerate(given.dims) if at != place])
    if node is not None and node.operation.name == "concat" and len(node.inputs) == given.dims[place][0].size:
        shapes = {reading.builder.shape(value) for value in node.inputs}
        if getattr(node.operation, "over", "") == "channels" and len(shapes) == 1:
            return Stack(tuple([Seen(v, (given.axes[0][1:], *given.axes[1:]), dims) for v in node.inputs]), place)
    return Stack(tuple(unbound(reading, given, place)), place)


def shares(reading: Reading, given: Any, place: int) -> Stack:
    """`joint_softmax` of the parts."""
    parts = as_stack(reading, given, place)
    outputs = reading.apply("joint_softmax", [part.value for part in parts.parts])
    return Stack(
        tuple([Seen(value, part.axes, part.dims) for value, part in zip(outputs, parts.parts, strict=True)]), place
    )


def total(reading: Reading, given: Any, place: int) -> Seen:
    """The sum of the parts."""
    first, *others = as_stack(reading, given, place).parts
    for part in others:
        first = broadcast(reading, "add", first, part)
    return first


def beside(reading: Reading, name: str, a: Any, b: Any) -> Stack | None:
    """Arithmetic of each part with its partner; none where neither is in parts."""
    place = next((one.place for one in (a, b) if isinstance(one, Stack)), 1)
    both = all(isinstance(one, Stack) or (counted(one, place) and len(one.dims) == 5) for one in (a, b))
    if not both:
        if isinstance(a, Stack) or isinstance(b, Stack):
            raise Unliftable("values beside each other that meet others")
        return None
    one, two = as_stack(reading, a, place), as_stack(reading, b, place)
    if len(one.parts) != len(two.parts):
        raise Unliftable("values beside each other that meet others")
    return Stack(tuple([broadcast(reading, name, x, y) for x, y in zip(one.parts, two.parts, strict=True)]), place)


def joined(reading: Reading, given: Stack, sizes: list[int]) -> Seen:
    """The parts one behind the other, as dimensions of these sizes."""
    (value,) = reading.apply("concat", [part.value for part in given.parts], {"over": "channels"})
    number, first = Atom(len(given.parts)), given.parts[0]
    axes = ((number, *first.axes[0]), *first.axes[1:])
    dims = (*first.dims[: given.place], (number,), *first.dims[given.place :])
    found = regrouped(Seen(value, axes, dims), sizes, reading.images)
    if found is None:
        raise Unliftable(f"a reshape to {sizes[1:]} that cuts extents otherwise than by factors")
    return found


__all__ = ["as_stack", "beside", "counted", "joined", "shares", "stack", "total"]
