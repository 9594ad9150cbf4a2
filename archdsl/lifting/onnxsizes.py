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


def _ints(node: Any, name: str) -> list[int]:
    return next((list(one.ints) for one in node.attribute if one.name == name), [])


def _int(node: Any, name: str, default: int) -> int:
    return int(next((one.i for one in node.attribute if one.name == name), default))


def _window(node: Any, given: Sequence[Any]) -> int:
    return _padded(given[0].shape, _ints(node, "pads"))


def _conv(node: Any, given: Sequence[Any]) -> int:
    """Of the map with its border, and of what a convolution gives, at most."""
    (images, _, *sides), pads, dims = given[0].shape, _ints(node, "pads"), given[0].ndim - 2
    borders = [max(a, 0) + max(b, 0) for a, b in zip(pads[:dims], pads[dims:], strict=True)] or [0] * dims
    kernel, strides = given[1].shape[2:], _ints(node, "strides") or [1] * dims
    reach = zip(sides, borders, kernel, strides, strict=True)
    made = [(side + max(border, own)) // max(stride, 1) + 1 for side, border, own, stride in reach]
    return max(_window(node, given), math.prod([int(images), int(given[1].shape[0]), *made]))


def _conv_transpose(node: Any, given: Sequence[Any]) -> int:
    (images, _, *sides), dims = given[0].shape, given[0].ndim - 2
    groups = _int(node, "group", 1)
    strides, dilations = (_ints(node, name) or [1] * dims for name in ("strides", "dilations"))
    added = _ints(node, "output_padding") or [0] * dims
    reach = zip(sides, given[1].shape[2:], strides, dilations, added, strict=True)
    made: list[int] = [side * stride + dilation * own + more for side, own, stride, dilation, more in reach]
    whole = int(images) * int(given[1].shape[1]) * groups
    return whole * max(math.prod(made), math.prod(_ints(node, "output_shape")))


def _gathered(node: Any, given: Sequence[Any]) -> int:
    axis = _int(node, "axis", 0)
    return int(given[0].size) // max(int(given[0].shape[axis]), 1) * int(given[1].size)


def _gemm(node: Any, given: Sequence[Any]) -> int:
    turned = [_int(node, name, 0) for name in ("transA", "transB")]
    return int(given[0].shape[1 if turned[0] else 0] * given[1].shape[0 if turned[1] else 1])


def _counted(_: Any, given: Sequence[Any]) -> int:
    start, end, step = (float(one.flatten()[0]) for one in given)
    return int(abs(end - start) / abs(step)) if step else 0


def _pad(node: Any, given: Sequence[Any]) -> int:
    return _padded(given[0].shape, _ints(node, "pads") or _told(given[1]))


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
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "Gather": _gathered,
    "Gemm": _gemm,
    "OneHot": lambda _, given: int(given[0].size) * math.prod(_told(given[1])),
    "Range": _counted,
    "MaxPool": _window,
    "AveragePool": _window,
    "MatMul": lambda _, given: _broadcast([(*given[0].shape[:-1], 1), (*given[1].shape[:-2], 1, given[1].shape[-1])]),
}
"""Of nodes that give many more numbers than they get: how many, at most, of the node and what it gets."""
TOGETHER = {"Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Where", "Equal", "Less", "Greater", "And", "Or", "PRelu"}
"""Nodes that take what they get element by element, the smaller ones repeated."""

__all__ = ["MOST", "too_many"]
