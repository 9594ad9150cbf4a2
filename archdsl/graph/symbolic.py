"""`Symbolic`: a number with a closed form beside it.

The compiler runs a model once with symbols for `width`, `depth`, `resolution`. Every `Symbolic` carries
the concrete value, which alone decides comparisons, truth, indices and hashes, so that the network's
structure is the concrete one; and a sympy expression, which follows the arithmetic. The closed form
therefore holds for all values that take the same decisions, and `Decisions` notes each of them: what was
compared and how it came out, which number was taken as it is, which quotient was taken as whole. Where a
quotient is exact for the concrete value its expression is the plain quotient, so a formula is stated for
resolutions that the strides divide; any other quotient is rounded by sympy's `floor` or `ceiling`.

Nothing here imports sympy: it comes with the expressions that are handed in.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from archdsl.once import once

Number = int | Fraction

COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
"""What the language compares by, and what is decided on symbols; of arrays element by element."""


class StandIn:
    """What stands for a number where the language calculates: `Symbolic`, or the numbers of many networks at once."""

    __slots__ = ()

    def __lt__(self, other: object) -> Any:
        raise NotImplementedError

    def __le__(self, other: object) -> Any:
        raise NotImplementedError

    def __gt__(self, other: object) -> Any:
        raise NotImplementedError

    def __ge__(self, other: object) -> Any:
        raise NotImplementedError

    def __index__(self) -> int:
        raise NotImplementedError


class Decisions:
    """What was decided on the values of symbols, each once: an operator and its operands, as expressions.

    The operators are `<`, `<=`, `>`, `>=`, `==`, `!=`, and `whole` with one operand.
    """

    def __init__(self) -> None:
        self.found: dict[tuple[str, Any, Any], None] = {}

    def note(self, operator: str, left: Any, right: Any = 0) -> None:
        """Note what holds for the concrete values."""
        self.found[operator, left, right] = None

    def look(self, expression: Any, value: Number) -> None:
        """The concrete value of a number is looked at, for what nobody says. Closed forms take no notice of it."""


_CONTRARY = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!="}


def _value(number: Symbolic | Number) -> Number:
    return number.plain if isinstance(number, Symbolic) else number


def _expression(number: Symbolic | Number) -> Any:
    return number.expression if isinstance(number, Symbolic) else number


def _whole(value: Number) -> Number:
    return value.numerator if isinstance(value, Fraction) and value.denominator == 1 else value


def _rounded(name: str, expression: Any) -> Any:
    rounded = getattr(expression, "rounded", None)
    if rounded is not None:
        return rounded(name)
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
        return self._with(compute(self.plain, _value(other)), compute(self.expression, _expression(other)), other)

    def backward(self: Symbolic, other: object) -> Symbolic:
        if not isinstance(other, (int, Fraction)):
            return NotImplemented  # type: ignore[no-any-return]
        return self._with(compute(other, self.plain), compute(other, self.expression))

    return forward, backward


def _order(operator: str, compare: Callable[[Any, Any], bool]) -> Callable[..., bool]:
    def method(self: Symbolic, other: object) -> bool:
        if not isinstance(other, (Symbolic, int, float, Fraction)):
            return NotImplemented  # type: ignore[no-any-return]
        holds = compare(self.plain, other.plain if isinstance(other, Symbolic) else other)
        self._decided(operator if holds else _CONTRARY[operator], other)
        return holds

    return method


class Symbolic(StandIn):
    """A whole or rational number, and the sympy expression that it is the value of.

    What is decided on its value is noted in `decisions`, which its results share.
    """

    __slots__ = ("decisions", "expression", "plain")

    plain: Number
    """The concrete value, for the arithmetic here: it is not noted that it was looked at."""
    expression: Any
    decisions: Decisions | None

    def __init__(self, value: Number, expression: Any, decisions: Decisions | None = None) -> None:
        self.plain = _whole(value)
        self.expression = expression
        self.decisions = decisions

    @property
    def value(self) -> Number:
        """The concrete value."""
        if self.decisions is not None:
            self.decisions.look(self.expression, self.plain)
        return self.plain

    @classmethod
    def of(cls, name: str, value: int, decisions: Decisions | None = None) -> Symbolic:
        """A symbol: a positive integer with a name, and its concrete value."""
        import sympy

        return cls(value, sympy.Symbol(name, positive=True, integer=True), decisions)

    def _with(self, value: Number, expression: Any, other: object = None) -> Symbolic:
        decisions = self.decisions
        if decisions is None and isinstance(other, Symbolic):
            decisions = other.decisions
        return Symbolic(value, expression, decisions)

    def _decided(self, operator: str, other: object) -> None:
        decisions = self.decisions
        if decisions is None and isinstance(other, Symbolic):
            decisions = other.decisions
        if decisions is not None:
            decisions.note(operator, self.expression, other.expression if isinstance(other, Symbolic) else other)

    def _taken_whole(self) -> Symbolic:
        """The number itself, where its being whole is why a rounding leaves it as it is."""
        if self.decisions is not None:
            self.decisions.note("whole", self.expression)
        return self

    def is_whole(self) -> bool:
        """Whether the number is whole, which is then decided."""
        if isinstance(self.plain, int):
            self._taken_whole()
            return True
        self._decided("==", self.plain)  # what follows from a remainder is not told for any other
        return False

    __add__, __radd__ = _operator(lambda a, b: a + b)
    __sub__, __rsub__ = _operator(lambda a, b: a - b)
    __mul__, __rmul__ = _operator(lambda a, b: a * b)

    def __truediv__(self, other: object) -> Symbolic:
        if not isinstance(other, (Symbolic, int, Fraction)):
            return NotImplemented
        return self._with(Fraction(self.plain) / _value(other), self.expression / _expression(other), other)

    def __rtruediv__(self, other: object) -> Symbolic:
        if not isinstance(other, (int, Fraction)):
            return NotImplemented
        return self._with(Fraction(other) / self.plain, other / self.expression)

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
        value = Fraction(self.plain) ** exponent if exponent < 0 else self.plain**exponent
        return self._with(value, self.expression ** _expression(other), other)

    def __rpow__(self, other: object) -> Symbolic:
        if not isinstance(other, (int, Fraction)) or isinstance(self.plain, Fraction):
            return NotImplemented
        return self._with(Fraction(other) ** self.plain, other**self.expression)

    def __neg__(self) -> Symbolic:
        return self._with(-self.plain, -self.expression)

    def __pos__(self) -> Symbolic:
        return self

    def __abs__(self) -> Symbolic:
        return -self if self < 0 else self

    def __floor__(self) -> Symbolic:
        if isinstance(self.plain, int):
            return self._taken_whole()
        return self._with(math.floor(self.plain), _rounded("floor", self.expression))

    def __ceil__(self) -> Symbolic:
        if isinstance(self.plain, int):
            return self._taken_whole()
        return self._with(math.ceil(self.plain), _rounded("ceiling", self.expression))

    def __trunc__(self) -> Symbolic:
        return self.__ceil__() if self < 0 else self.__floor__()

    def __round__(self, digits: None = None) -> Symbolic:
        """Half to even, as the language's `round`; written `round(…)` where it is not exact."""
        if isinstance(self.plain, int):
            return self._taken_whole()
        return self._with(round(self.plain), _rounded("round", self.expression))

    __lt__ = _order("<", lambda a, b: a < b)
    __le__ = _order("<=", lambda a, b: a <= b)
    __gt__ = _order(">", lambda a, b: a > b)
    __ge__ = _order(">=", lambda a, b: a >= b)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (Symbolic, int, float, Fraction)):
            return NotImplemented
        equal = self.plain == (other.plain if isinstance(other, Symbolic) else other)
        self._decided("==" if equal else "!=", other)
        return equal

    def __hash__(self) -> int:
        return hash(self.value)

    def __bool__(self) -> bool:
        return self != 0

    def __index__(self) -> int:
        if isinstance(self.plain, Fraction):
            raise TypeError(f"{self.plain} is not a whole number")
        self._decided("==", self.plain)
        return self.plain

    def __int__(self) -> int:
        self._decided("==", self.plain)
        return int(self.plain)

    def __float__(self) -> float:
        self._decided("==", self.plain)
        return float(self.plain)

    def __str__(self) -> str:
        return str(self.plain)

    def __repr__(self) -> str:
        return f"Symbolic({self.plain!r}, {self.expression})"
