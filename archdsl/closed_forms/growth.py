"""`Growth`: a positive power of a factor that grows without bound, for the arithmetic of the language.

A scaling's lines are evaluated with it in the place of their factor. What comes of a number is its leading term,
c s^e: the exponent e and the coefficient c are exact, numbers or expressions in other names, such as the share `a` of
`alpha(s, a)`. What grows more slowly is dropped, and so is what a rounding changes.

Other names stand for numbers between which the lines decide: is `(1 - a) / 2` above 0? Each has a witness, a fraction
that such questions are decided for, and every answer is kept as a condition: what is found holds for all numbers for
which the answers are the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from archdsl import numbers
from archdsl.graph.symbolic import Symbolic
from archdsl.numbers import Irrational, NumberError


class Special(Exception):
    """The witness is a number for which two things are equal that are not for all: another is needed."""


class Domain:
    """For which numbers of the other names something holds: a witness of each, and the conditions that it meets."""

    def __init__(self, witnesses: Mapping[Any, Fraction], factor: str = "s") -> None:
        self.factor = factor
        self.witnesses = dict(witnesses)
        self.conditions: dict[Any, None] = {}
        """Expressions that are above 0."""

    def sign(self, expression: Any) -> int:
        """The sign of an expression in the names: -1, 0 or 1. Raises `Special`."""
        import sympy  # type: ignore[import-untyped]

        expression = sympy.cancel(expression)
        if expression == 0:
            return 0
        if not expression.free_symbols & set(self.witnesses):
            return 1 if expression.is_positive else -1 if expression.is_negative else self._undecided(expression)
        witnesses = {name: sympy.Rational(w.numerator, w.denominator) for name, w in self.witnesses.items()}
        at = expression.xreplace(witnesses)
        found = 1 if at.is_positive else -1 if at.is_negative else 0
        if found == 0:
            raise Special
        self.conditions[sympy.factor_terms(expression * found)] = None
        return found

    @staticmethod
    def _undecided(expression: Any) -> int:
        raise NumberError("undecided", f"the sign of {expression} is not known")


def _operator(compute: Callable[[Growth, Growth], Any]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    def forward(self: Growth, other: object) -> Any:
        lifted = self.lifted(other)
        return NotImplemented if lifted is None else compute(self, lifted)

    def backward(self: Growth, other: object) -> Any:
        lifted = self.lifted(other)
        return NotImplemented if lifted is None else compute(lifted, self)

    return forward, backward


def _order(holds: Callable[[int], bool]) -> Callable[..., bool]:
    def method(self: Growth, other: object) -> bool:
        lifted = self.lifted(other)
        return NotImplemented if lifted is None else holds(_sum(self, lifted, -1).sign())

    return method


def _sum(one: Growth, other: Growth, sign: int = 1) -> Growth:
    """The leading term of a sum, or of a difference."""
    import sympy

    above = one.domain.sign(one.exponent - other.exponent)
    if above == 0:
        total = sympy.cancel(one.coefficient + sign * other.coefficient)
        return Growth(total, one.exponent if total != 0 else sympy.Integer(0), one.domain)
    if one.coefficient == 0 or (above < 0 and other.coefficient != 0):
        return Growth(sign * other.coefficient, other.exponent, one.domain)
    return one


def _product(one: Growth, other: Growth) -> Any:
    return _made(one.coefficient * other.coefficient, one.exponent + other.exponent, one.domain)


def _quotient(one: Growth, other: Growth) -> Any:
    if other.coefficient == 0:
        raise ZeroDivisionError
    return _made(one.coefficient / other.coefficient, one.exponent - other.exponent, one.domain)


def _power(one: Growth, other: Growth) -> Any:
    import sympy

    if other.exponent != 0:
        raise NumberError("domain", "an exponent grows with the factor: there is no power of the factor for that")
    if one.exponent != 0 and one.domain.sign(one.coefficient) < 0:
        raise NumberError("domain", "a power of a number below zero")
    return _made(one.coefficient**other.coefficient, sympy.cancel(one.exponent * other.coefficient), one.domain)


def _made(coefficient: Any, exponent: Any, domain: Domain) -> Any:
    """A growth, or a plain number where it is one."""
    import sympy

    coefficient, exponent = sympy.cancel(coefficient), sympy.cancel(exponent)
    if coefficient == 0 or (exponent == 0 and coefficient.is_Rational):
        return numbers.normalise(Fraction(int(coefficient.p), int(coefficient.q)))
    return Growth(coefficient, exponent, domain)


class Growth(Symbolic):
    """The leading term c s^e of a number; see the module's text. With e of 0 it is c, which the other names decide."""

    __slots__ = ("coefficient", "domain", "exponent")

    def __init__(self, coefficient: Any, exponent: Any, domain: Domain) -> None:
        self.coefficient, self.exponent, self.domain = coefficient, exponent, domain
        self.expression, self.decisions = coefficient, None

    @property
    def plain(self) -> Any:  # type: ignore[override]
        """What is compared is the growth itself."""
        return self

    @property
    def value(self) -> Any:
        return self

    def lifted(self, other: object) -> Growth | None:
        """Another operand as a growth; none for what is no number. An irrational number is some number above 0."""
        import sympy

        if isinstance(other, Growth):
            return other
        if isinstance(other, bool) or not isinstance(other, int | Fraction | Irrational):
            return None
        if isinstance(other, Irrational):
            size = sympy.Symbol(f"({numbers.format_number(numbers.absolute(other))})", positive=True)
            return Growth(size * numbers.compare(other, 0), sympy.Integer(0), self.domain)
        fraction = Fraction(other)
        return Growth(sympy.Rational(fraction.numerator, fraction.denominator), sympy.Integer(0), self.domain)

    def sign(self) -> int:
        return self.domain.sign(self.coefficient)

    def is_whole(self) -> bool:
        """What is rounded is whole, and what a rounding changes is dropped."""
        return True

    def _rounded(self, near: Callable[[Fraction], int]) -> Any:
        growing = self.domain.sign(self.exponent)
        if growing > 0:
            return self
        if growing < 0:
            return near(Fraction(self.sign(), 10**9))
        raise NumberError("undecided", f"what {self.coefficient} is rounded to is not known")

    __add__, __radd__ = _operator(lambda a, b: _plain(_sum(a, b)))
    __sub__, __rsub__ = _operator(lambda a, b: _plain(_sum(a, b, -1)))
    __mul__, __rmul__ = _operator(_product)
    __truediv__, __rtruediv__ = _operator(_quotient)
    __pow__, __rpow__ = _operator(_power)
    __floordiv__, __rfloordiv__ = _operator(lambda a, b: numbers.floor(_quotient(a, b)))
    __lt__ = _order(lambda sign: sign < 0)
    __le__ = _order(lambda sign: sign <= 0)
    __gt__ = _order(lambda sign: sign > 0)
    __ge__ = _order(lambda sign: sign >= 0)

    def __mod__(self, other: object) -> Any:
        raise NumberError("undecided", "the remainder of what grows is not known")

    __rmod__ = __mod__

    def __neg__(self) -> Any:
        return _made(-self.coefficient, self.exponent, self.domain)

    def __abs__(self) -> Any:
        return -self if self.sign() < 0 else self

    def __floor__(self) -> Any:
        return self._rounded(math.floor)

    def __ceil__(self) -> Any:
        return self._rounded(math.ceil)

    def __round__(self, digits: None = None) -> Any:
        return self._rounded(round)

    def __eq__(self, other: object) -> bool:
        lifted = self.lifted(other)
        return NotImplemented if lifted is None else _sum(self, lifted, -1).sign() == 0

    def __hash__(self) -> int:
        return hash((self.coefficient, self.exponent))

    def __bool__(self) -> bool:
        return self.sign() != 0

    def __index__(self) -> int:
        raise TypeError("what grows is no whole number")

    def __int__(self) -> int:
        raise TypeError("what grows is no whole number")

    def __float__(self) -> float:
        raise TypeError("what grows is no number")

    def __str__(self) -> str:
        power = self.domain.factor if self.exponent == 1 else f"{self.domain.factor}^({self.exponent})"
        return str(self.coefficient) if self.exponent == 0 else f"{self.coefficient} {power}".removeprefix("1 ")

    def __repr__(self) -> str:
        return f"Growth({self.coefficient}, {self.exponent})"


def _plain(growth: Growth) -> Any:
    return _made(growth.coefficient, growth.exponent, growth.domain)


def factor(domain: Domain) -> Growth:
    """What grows without bound: the factor itself."""
    import sympy

    return Growth(sympy.Integer(1), sympy.Integer(1), domain)


def parameter(name: Any, domain: Domain) -> Growth:
    """Another name, a number."""
    import sympy

    return Growth(name, sympy.Integer(0), domain)
