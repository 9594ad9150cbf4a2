"""How many numbers a node of ONNX would give, for those that can give many more than they get."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

MOST = 1 << 27
"""Numbers of one value: a gigabyte in double precision."""


def too_many(node: Any, feeds: Mapping[str, Any]) -> bool:
    """Whether a node would give more numbers than a value may have."""
    given = [feeds[name] for name in node.input if name]
    try:
        if node.op_type in SIZES:
            return SIZES[node.op_type](node, given) > MOST
        return len(given) > 1 and node.op_type in TOGETHER and _broadcast([one.shape for one in given]) > MOST
    except (IndexError, TypeError, ValueError):  # a node that does not fit: it says so when it runs
        return False


def _broadcast(shapes: Sequence[Sequence[int]]) -> int:
    longest = max(len(shape) for shape in shapes)
    padded = [(1,) * (longest - len(shape)) + tuple(shape) for shape in shapes]
    return math.prod([max(sides) for sides in zip(*padded, strict=True)])


def _told(array: Any) -> list[int]:
    return [int(one) for one in array.flatten().tolist()]


def _padded(shape: Sequence[int], pads: Sequence[int]) -> int:
    sides = list(shape)
    half = len(pads) // 2
    for at in range(half):
        sides[len(sides) - half + at] += max(pads[at], 0) + max(pads[half + at], 0)
    return math.prod(sides)


def _window(node: Any, given: Sequence[Any]) -> int:
    pads = next((list(one.ints) for one in node.attribute if one.name == "pads"), [])
    return _padded(given[0].shape, pads)


def _pad(node: Any, given: Sequence[Any]) -> int:
    pads = next((list(one.ints) for one in node.attribute if one.name == "pads"), None)
    return _padded(given[0].shape, _told(given[1]) if pads is None else pads)


def _resized(_: Any, given: Sequence[Any]) -> int:
    last = given[-1]  # scales, or sizes behind them
    factors = _told(last) if last.dtype.kind in "iu" else [float(one) for one in last.flatten().tolist()]
    whole = math.prod(factors)
    return int(whole if last.dtype.kind in "iu" else whole * given[0].size)


SIZES: Mapping[str, Callable[[Any, Sequence[Any]], int]] = {
    "ConstantOfShape": lambda _, given: math.prod(_told(given[0])),
    "Expand": lambda _, given: _broadcast([given[0].shape, _told(given[1])]),
    "Tile": lambda _, given: int(given[0].size) * math.prod(_told(given[1])),
    "Pad": _pad,
    "Resize": _resized,
    "Upsample": _resized,
    "Conv": _window,
    "MaxPool": _window,
    "AveragePool": _window,
    "MatMul": lambda _, given: _broadcast([(*given[0].shape[:-1], 1), (*given[1].shape[:-2], 1, given[1].shape[-1])]),
}
TOGETHER = {"Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Where", "Equal", "Less", "Greater", "And", "Or", "PRelu"}

__all__ = ["MOST", "too_many"]
