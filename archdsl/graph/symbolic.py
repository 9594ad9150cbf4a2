"""`Symbolic`: a number with a closed form beside it.

The compiler runs a model once with symbols for `width`, `depth`, `resolution`. Every `Symbolic` carries
the concrete value, which alone decides comparisons, truth, indices and hashes, so that the network's
structure is the concrete one; and a sympy expression, which follows the arithmetic. The closed form
therefore holds for all values that take the same decisions. Where a quotient is exact for the concrete
value its expression is the plain quotient, so a formula is stated for resolutions that the strides
divide; any other quotient is rounded by sympy's `floor` or `ceiling`.

Nothing here imports sympy: it comes with the expressions that are handed in.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from archdsl.once import once

Number = int | Fraction


def _value(number: Symbolic | Number) -> Number:
    return number.value if isinstance(number, Symbolic) else number


def _expression(number: Symbolic | Number) -> Any:
    return number.expression if isinstance(number, Symbolic) else number


def _whole(value: Number) -> Number:
    return value.numerator if isinstance(value, Fraction) and value.denominator == 1 else value


def _rounded(name: str, expression: Any) -> Any:
    import sympy  # type: ignore[import-untyped]

    return _half_to_even()(expression) if name == "round" else getattr(sympy, name)(expression)


@once
def _half_to_even() -> Any:
    """The language's `round` as a sympy function, which has none of this name: a number where its argument is one."""
    import sympy

    def evaluate(cls: Any, argument: Any) -> Any:  # noqa: ARG001 - sympy's signature
        if argument.is_Rational:
            return sympy.Integer(round(Fraction(int(argument.p), int(argument.q))))
        return argument if argument.is_integer else None

    return type("round", (sympy.Function,), {"nargs": 1, "is_integer": True, "eval": classmethod(evaluate)})


def _operator(compute: Callable[[Any, Any], Any]) -> tuple[Callable[..., Symbolic], Callable[..., Symbolic]]:
    """The method for `a op b` and the one for `b op a`, applied to values and expressions alike."""

    def forward(self: Symbolic, other: object) -> Symbolic:
        if not isinstance(other, (Symbolic, int, Fraction)):
            return NotImplemented  # type: ignore[no-any-return]
        return Symbolic(compute(self.value, _value(other)), compute(self.expression, _expression(other)))

    def backward(self: Symbolic, other: object) -> Symbolic:
        if not isinstance(other, (int, Fraction)):
            return NotImplemented  # type: ignore[no-any-return]
        return Symbolic(compute(other, self.value), compute(other, self.expression))

    return forward, backward


def _order(compare: Callable[[Any, Any], bool]) -> Callable[..., bool]:
    def method(self: Symbolic, other: object) -> bool:
        if not isinstance(other, (Symbolic, int, float, Fraction)):
            return NotImplemented  # type: ignore[no-any-return]
        return compare(self.value, other.value if isinstance(other, Symbolic) else other)

    return method


class Symbolic:
    """A whole or rational number, and the sympy expression that it is the value of."""

    __slots__ = ("expression", "value")

    value: Number
    expression: Any

    def __init__(self, value: Number, expression: Any) -> None:
        self.value = _whole(value)
        self.expression = expression

    @classmethod
    def of(cls, name: str, value: int) -> Symbolic:
        """A symbol: a positive integer with a name, and its concrete value."""
        import sympy

        return cls(value, sympy.Symbol(name, positive=True, integer=True))

    __add__, __radd__ = _operator(lambda a, b: a + b)
    __sub__, __rsub__ = _operator(lambda a, b: a - b)
    __mul__, __rmul__ = _operator(lambda a, b: a * b)

    def __truediv__(self, other: object) -> Symbolic:
        if not isinstance(other, (Symbolic, int, Fraction)):
            return NotImplemented
        return Symbolic(Fraction(self.value) / _value(other), self.expression / _expression(other))

    def __rtruediv__(self, other: object) -> Symbolic:
        if not isinstance(other, (int, Fraction)):
            return NotImplemented
        return Symbolic(Fraction(other) / self.value, other / self.expression)

    def __floordiv__(self, other: object) -> Symbolic:
        if not isinstance(other, (Symbolic, int, Fraction)):
            return NotImplemented
        return (self / other).__floor__()

    def __rfloordiv__(self, other: object) -> Symbolic:
        if not isinstance(other, (int, Fraction)):
            return NotImplemented
        return (other / self).__floor__()

    def __mod__(self, other: object) -> Symbolic:
        if not isinstance(other, (Symbolic, int, Fraction)):
            return NotImplemented
        return self - (self // other) * other

    def __rmod__(self, other: object) -> Symbolic:
        if not isinstance(other, (int, Fraction)):
            return NotImplemented
        return other - (other // self) * self

    def __pow__(self, other: object) -> Symbolic:
        if not isinstance(other, (Symbolic, int)):
            return NotImplemented
        exponent = _value(other)
        if isinstance(exponent, Fraction):
            return NotImplemented
        value = Fraction(self.value) ** exponent if exponent < 0 else self.value**exponent
        return Symbolic(value, self.expression ** _expression(other))

    def __rpow__(self, other: object) -> Symbolic:
        if not isinstance(other, (int, Fraction)) or isinstance(self.value, Fraction):
            return NotImplemented
        return Symbolic(Fraction(other) ** self.value, other**self.expression)

    def __neg__(self) -> Symbolic:
        return Symbolic(-self.value, -self.expression)

    def __pos__(self) -> Symbolic:
        return self

    def __abs__(self) -> Symbolic:
        return -self if self.value < 0 else self

    def __floor__(self) -> Symbolic:
        if isinstance(self.value, int):
            return self
        return Symbolic(math.floor(self.value), _rounded("floor", self.expression))

    def __ceil__(self) -> Symbolic:
        if isinstance(self.value, int):
            return self
        return Symbolic(math.ceil(self.value), _rounded("ceiling", self.expression))

    def __trunc__(self) -> Symbolic:
        return self.__ceil__() if self.value < 0 else self.__floor__()

    def __round__(self, digits: None = None) -> Symbolic:
        """Half to even, as the language's `round`; written `round(…)` where it is not exact."""
        if isinstance(self.value, int):
            return self
        return Symbolic(round(self.value), _rounded("round", self.expression))

    __lt__ = _order(lambda a, b: a < b)
    __le__ = _order(lambda a, b: a <= b)
    __gt__ = _order(lambda a, b: a > b)
    __ge__ = _order(lambda a, b: a >= b)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Symbolic):
            return self.value == other.value
        if isinstance(other, (int, float, Fraction)):
            return self.value == other
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self.value)

    def __bool__(self) -> bool:
        return self.value != 0

    def __index__(self) -> int:
        if isinstance(self.value, Fraction):
            raise TypeError(f"{self.value} is not a whole number")
        return self.value

    def __int__(self) -> int:
        return int(self.value)

    def __float__(self) -> float:
        return float(self.value)

    def __str__(self) -> str:
        return str(self.value)

    def __repr__(self) -> str:
        return f"Symbolic({self.value!r}, {self.expression})"
