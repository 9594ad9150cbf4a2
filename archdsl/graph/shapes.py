"""Shapes, and the integer arithmetic of shape rules.

A `Shape` is `(C, H, W)` of a map, `(C, N)` of N tokens, or `(C,)` of a vector; it has no batch. A dimension is an
`int`, a `Symbolic`, a sympy expression, or a NumPy integer array that holds one value for each of many
configurations. The rules are written once for all four, so they never branch on the value of a
dimension that may be an expression or an array: they use the helpers below. A check of the user's
numbers decides on `int` and `Symbolic` only; for expressions and arrays the caller answers.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, TypeAlias

from archdsl import numbers
from archdsl.graph.initializers import Initializer
from archdsl.graph.symbolic import Symbolic
from archdsl.numbers.text import shorten
from archdsl.records import dataclass

Dim: TypeAlias = Any
"""An `int`, or anything with integer arithmetic: see the module's text."""

Shape: TypeAlias = tuple[Dim, ...]

EXTENT_MAX = 2**31 - 1
"""The largest width, kernel, stride or count of groups that a setting may have."""


class Size(tuple[Any, ...]):
    """The language's `a x b` or `a x b x c`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"Size({tuple(self)!r})"


@dataclass(frozen=True, slots=True)
class Range:
    """The language's `lo .. hi`, both ends included."""

    lo: Any
    hi: Any


def decided(dim: Dim) -> bool:
    """Whether a dimension has one value, on which a check of the user's numbers may decide."""
    return isinstance(dim, (int, Symbolic))


def differ(a: Dim, b: Dim) -> bool:
    """Whether two dimensions are known to differ."""
    return decided(a) and decided(b) and bool(a != b)


def plain(dim: Dim) -> Any:
    """The number of a dimension, for what is decided on no symbol."""
    return dim.value if isinstance(dim, Symbolic) else dim


def below(a: Dim, b: Dim) -> bool:
    """Whether `a` is known to be less than `b`."""
    return decided(a) and decided(b) and bool(a < b)


def is_one(dim: Dim) -> bool:
    """Whether a dimension is known to be 1."""
    return decided(dim) and bool(dim == 1)


def divides(a: Dim, b: Dim) -> bool:
    """Whether `a` divides `b`, or whether that cannot be decided."""
    if isinstance(a, Symbolic) or (isinstance(b, Symbolic) and decided(a)):
        return not decided(b) or (bool(a != 0) and bool((b / a).is_whole()))
    return not (decided(a) and decided(b)) or int(b) % int(a) == 0


def ceil_divide(a: Dim, b: Dim) -> Dim:
    """The smallest whole number not below a / b."""
    return -(-a // b)


def exact_divide(a: Dim, b: Dim) -> Dim:
    """a / b, where the rule that asks knows that b divides a."""
    if hasattr(a, "free_symbols") or hasattr(b, "free_symbols"):
        return a / b
    return a // b


def minimum(a: Dim, b: Dim) -> Dim:
    """The smaller one; of a `Symbolic`, the one that is smaller by its value."""
    return _choose(a, b, "minimum")


def maximum(a: Dim, b: Dim) -> Dim:
    """The larger one; of a `Symbolic`, the one that is larger by its value."""
    return _choose(a, b, "maximum")


def _choose(a: Dim, b: Dim, name: str) -> Dim:
    if decided(a) and decided(b):
        return numbers.minimum(a, b) if name == "minimum" else numbers.maximum(a, b)
    if hasattr(a, "__array__") or hasattr(b, "__array__"):
        import numpy

        return getattr(numpy, name)(a, b)
    import sympy  # type: ignore[import-untyped]

    return (sympy.Min if name == "minimum" else sympy.Max)(a, b)


def windows(extent: Dim, window: Dim, stride: Dim) -> Dim:
    """How many windows fit into an extent: floor((extent - window) / stride) + 1.

    Written as ceil((extent - window + 1) / stride), which is the same number, and which has a plain
    quotient for the usual odd kernel. A `Symbolic` takes the form in which the quotient is exact.
    """
    room = extent - window
    if isinstance(room, Symbolic) and (stride == 1 or not (room.value % plain(stride))):
        return room // stride + 1
    return ceil_divide(room + 1, stride)


def elements(shape: Shape) -> Dim:
    """The number of elements of a tensor of this shape, for one image."""
    if len(shape) == 3:
        return shape[0] * shape[1] * shape[2]
    if len(shape) == 1:
        return shape[0]
    count: Dim = 1
    for dim in shape:
        count = count * dim
    return count


_WORDS = {"indices": "index", "oldvalues": "group of settings", "recipevalue": "recipe", "duration": "time"}
"""What values that no operation takes are called, where that is not the name of their class."""


def show(value: object) -> str:
    """A value as the language writes it; a number of many digits by its size."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "none"
    if isinstance(value, Symbolic):
        value = value.value
    if isinstance(value, int) and value.bit_length() > 600:
        return f"a number of {value.bit_length()} bits"
    if isinstance(value, int | Fraction):
        return shorten(value)
    if isinstance(value, str):
        return f'"{value[:60]}…"' if len(value) > 60 else f'"{value}"'
    if isinstance(value, Size):
        return " x ".join(show(part) for part in value)
    if isinstance(value, tuple):
        parts = [show(part) for part in value[:8]]
        return f"[{', '.join(parts)}{', …' if len(value) > 8 else ''}]"
    if isinstance(value, Range):
        return f"{show(value.lo)} .. {show(value.hi)}"
    if isinstance(value, Initializer) and isinstance(value.scale, Fraction):
        return f"normal(std: {show(value.scale)})" if value.kind == "normal" else show(value.scale)
    word = type(value).__name__.lower()
    return f"{'an' if word[0] in 'aeiou' else 'a'} {_WORDS.get(word, word)}"


def laid_out(shape: Shape) -> Shape:
    """The axes as PyTorch has them behind the batch: of tokens the channels come last, as its layers want them."""
    return shape[::-1] if len(shape) == 2 else shape


def noun(shape: Shape) -> str:
    """What a value of this shape is called."""
    return {1: "a vector", 2: "tokens"}.get(len(shape), "a map")


def show_shape(shape: Shape) -> str:
    """A shape as the language writes it: `64 x 56 x 56`, `64 x 49` for 49 tokens, or `1000` for a vector."""
    return " x ".join(show(dim) if decided(dim) else str(dim) for dim in shape)
