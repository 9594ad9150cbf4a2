"""Functions of one value, element by element, that a program writes as several operations: a GELU with its error
function, a swish as a product with a sigmoid.

The order of such operations differs from exporter to exporter, so it is not looked at: what they give is worked out on
a row of numbers, and compared with what an operation of ours gives there. The proof is what says that it was right.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, ClassVar

from archdsl.graph.blocks import Value
from archdsl.graph.operations.activations import Elementwise
from archdsl.lifting.axes import Seen
from archdsl.lifting.layouts import one_value
from archdsl.lifting.reading import Call, Reading

REACH = 8.0
"""Functions are compared between this and its negative; beyond, ours are straight lines up to single precision."""
MOST = 24
"""Operations that one function is made of, at most: the tangent form of GELU has 9."""


class ErrorFunction(Elementwise):
    """erf(x), which the language has within GELU alone: it stands for it while a program is read."""

    __slots__ = ()
    name: ClassVar[str] = "erf"


def erf(reading: Reading, call: Call) -> Any:
    """`erf`, until a GELU is found around it."""
    seen = one_value(call["self"])
    (value,) = reading.enter(ErrorFunction(), [seen.value])
    return Seen(value, seen.axes, seen.dims)


@cache
def _grid() -> Any:
    import torch

    return torch.linspace(-REACH, REACH, 1001, dtype=torch.float64)


@cache
def _ours() -> Mapping[str, tuple[str, Mapping[str, Any], Any]]:
    """What operations of ours give: name, settings, and numbers."""
    from torch.nn import functional

    x = _grid()
    return {
        "gelu": ("gelu", {"approximate": "none"}, functional.gelu(x)),
        "tangent": ("gelu", {"approximate": "tanh"}, functional.gelu(x, approximate="tanh")),
        "silu": ("silu", {}, functional.silu(x)),
        "hard_swish": ("hard_swish", {}, functional.hardswish(x)),
        "hard_sigmoid": ("hard_sigmoid", {}, functional.hardsigmoid(x)),
        "mish": ("mish", {}, functional.mish(x)),
    }


BENDS: Mapping[str, Callable[[Any], Any]] = {
    "erf": lambda x: x.erf(),
    "tanh": lambda x: x.tanh(),
    "sigmoid": lambda x: x.sigmoid(),
    "hard_sigmoid": lambda x: (x / 6 + 0.5).clamp(0, 1),
    "relu6": lambda x: x.clamp(0, 6),
    "softplus": lambda x: x.clamp(min=0) + (-x.abs()).exp().log1p(),
}
"""Operations without which none of ours is made, with what they give of numbers within `REACH`."""
STEPS: Mapping[str, Callable[..., Any]] = {
    **{name: lambda _, x, bend=bend: bend(x) for name, bend in BENDS.items()},
    "square": lambda _, x: x * x,
    "scale": lambda node, x: x * float(node.factor),
    "affine": lambda node, x: x * float(node.factor) + float(node.term),
    "mul": lambda _, a, b: a * b,
    "add": lambda _, a, b: a + b,
    "sub": lambda _, a, b: a - b,
}
"""Operations that a function is made of, with what they give: of the operation and its operands."""
LAST = frozenset(("mul", "scale"))
"""Those that one may end with."""


def fused(reading: Reading, seen: Seen) -> Seen:
    """The operation of ours that gives just this of some value before it; the value itself where there is none."""
    nodes = reading.builder.nodes
    if seen.value.node < 0 or nodes[seen.value.node].operation.name not in LAST:
        return seen
    inside, order = _behind(reading, seen.value)
    if not any(nodes[index].operation.name in BENDS for index in inside):
        return seen
    for start in order:
        if reading.builder.shape(start) != reading.builder.shape(seen.value):
            continue
        numbers = _numbers(reading, seen.value, start, {})
        if numbers is None:
            continue
        for name, settings, given in _ours().values():
            if bool(((numbers - given).abs() <= reading.rounding * (1 + given.abs())).all()):
                return reading.kept(name, Seen(start, seen.axes, seen.dims), settings)
    return seen


def _behind(reading: Reading, value: Value) -> tuple[set[int], list[Value]]:
    """The operations that may make a function, and the values that it may be of, the nearest first."""
    nodes = reading.builder.nodes
    inside: set[int] = set()
    order: list[Value] = []
    waiting = [value]
    for one in waiting:
        if one.node < 0 or one.node in inside or len(inside) >= MOST or nodes[one.node].operation.name not in STEPS:
            continue
        inside.add(one.node)
        fresh = [given for given in nodes[one.node].inputs if given not in order]
        order += fresh
        waiting += fresh
    return inside, order


def _numbers(reading: Reading, value: Value, start: Value, known: dict[Value, Any]) -> Any:
    """What a value is where `start` is the grid; none where it is made of something else, too."""
    if value == start:
        return _grid()
    if value in known:
        return known[value]
    node = reading.builder.nodes[value.node] if value.node >= 0 else None
    found = None
    if node is not None and node.operation.name in STEPS and value.node > start.node:
        given = [_numbers(reading, one, start, known) for one in node.inputs]
        if all(one is not None for one in given):
            found = STEPS[node.operation.name](node.operation, *given)
    known[value] = found
    return found


__all__ = ["ErrorFunction", "erf", "fused"]
