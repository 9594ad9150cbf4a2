"""Exact real numbers: the arithmetic of the language.

A number is an `int`, a `Fraction` that is not whole, or an `Irrational`: sums of roots, of logarithms and their
quotients, and of what nothing is known of but bounds. An operation returns the exact result, as an `int` or
`Fraction` wherever its rules see that it is rational: `4 ^ (1/2)` is 2 and `log(8) / log(2)` is 3. Comparisons and
roundings are decided exactly, or refused with `NumberError`; no double leaves but through `approximate`. Sizes are
limited by `MAX_BITS`, and results over it are refused before they are computed.

Here are the operations. Each tries whole numbers first, then rational ones, then irrational ones. What is none of
these is a symbolic stand-in of another module and goes to Python's operator, in `_symbolic`; that is the only place
where anything but exact numbers is computed with. For such operands the declared result type does not hold.

`faults` has the limits and the error, `integers` perfect powers, `irrational` the normal form, `enclose` bounds,
`decide` order and rounding, `text` the source form.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN
from fractions import Fraction
from functools import partial, reduce
from typing import Any, TypeAlias, TypeGuard

from archdsl.numbers import decide, irrational
from archdsl.numbers.decide import approximate as approximate
from archdsl.numbers.decide import describe as describe
from archdsl.numbers.faults import MAX_BITS as MAX_BITS
from archdsl.numbers.faults import NumberError as NumberError
from archdsl.numbers.faults import normalise as normalise
from archdsl.numbers.faults import size as size
from archdsl.numbers.faults import work as work
from archdsl.numbers.integers import rational_power
from archdsl.numbers.irrational import Irrational as Irrational
from archdsl.numbers.irrational import Log, Power, log_of_rational, root
from archdsl.numbers.irrational import Number as Number
from archdsl.numbers.text import format_number as format_number
from archdsl.numbers.text import shorten

Operand: TypeAlias = Any
"""A `Number`, or an object with Python's arithmetic operators."""

_BOUND = 1 << MAX_BITS
_RANK: dict[type, int] = {int: 0, Fraction: 0, Irrational: 1}


def is_number(value: object) -> TypeGuard[Number]:
    """Whether the value is a number of the language; `True`, `False` and doubles are not."""
    return type(value) in _RANK


def _rank(a: Operand, b: Operand) -> int:
    """0 where both are rational, 1 where both are numbers, 2 where one is symbolic."""
    return max(_RANK.get(type(a), 2), _RANK.get(type(b), 2))


def _symbolic(compute: Callable[..., Any], *operands: Operand) -> int:
    """Python's operator for operands of which one is symbolic. The result is of their kind, not an `int`.

    Raises `TypeError` for a truth value, a double, a string or a list among them, with which Python would
    silently calculate, and `NumberError` (domain) for a division by zero.
    """
    for operand in operands:
        if isinstance(operand, bool | float | complex) or not (is_number(operand) or hasattr(operand, "__rtruediv__")):
            raise TypeError(f"{operand!r} is not a number of the language")
    try:
        result: int = compute(*operands)
        return result
    except ZeroDivisionError:
        raise _division_by_zero(operands[0]) from None


def _division_by_zero(a: Operand) -> NumberError:
    return NumberError("domain", f"division of {shorten(a) if is_number(a) else a} by zero")


# The four operations.


def _operation(
    plain: Callable[[Any, Any], Any], exact: Callable[[Number, Number], Number]
) -> Callable[[Operand, Operand], Number]:
    """What `plain` does with rational numbers and symbols, and `exact` with irrational numbers."""

    def operation(a: Operand, b: Operand) -> Number:
        if type(a) is int and type(b) is int:
            whole: int = plain(a, b)
            return whole if -_BOUND < whole < _BOUND else normalise(whole)
        rank = _rank(a, b)
        if rank == 0:
            return normalise(plain(a, b))
        return exact(a, b) if rank == 1 else _symbolic(plain, a, b)

    return operation


add = _operation(operator.add, irrational.add)
"""a + b. Raises `NumberError` (limit)."""

subtract = _operation(operator.sub, lambda a, b: irrational.add(a, irrational.multiply(-1, b)))
"""a - b. Raises `NumberError` (limit)."""

multiply = _operation(operator.mul, irrational.multiply)
"""a * b. Raises `NumberError` (limit)."""


def divide(a: Operand, b: Operand) -> Number:
    """a / b. Raises `NumberError`: domain where b is zero, undecided where it may be, limit."""
    rank = _rank(a, b)
    if rank == 2:
        return _symbolic(operator.truediv, a, b)
    if not decide.sign(b):
        raise _division_by_zero(a)
    if rank == 1:
        return irrational.divide(a, b)
    return normalise(Fraction(a, b) if type(a) is int and type(b) is int else a / b)


def negate(a: Operand) -> Number:
    """-a."""
    if isinstance(a, Irrational):
        return irrational.multiply(-1, a)
    return -a if type(a) in _RANK else _symbolic(operator.neg, a)


def floor_divide(a: Operand, b: Operand) -> Number:
    """The largest integer not above a / b. Raises `NumberError`: domain where b is zero, undecided, limit."""
    if type(a) is int and type(b) is int and b:
        return a // b
    return floor(divide(a, b)) if _rank(a, b) < 2 else _symbolic(operator.floordiv, a, b)


def modulo(a: Operand, b: Operand) -> Number:
    """a - b * floor(a / b), which has the sign of b. Raises as `floor_divide`."""
    if type(a) is int and type(b) is int and b:
        return a % b
    return subtract(a, multiply(b, floor_divide(a, b))) if _rank(a, b) < 2 else _symbolic(operator.mod, a, b)


# Powers and logarithms.


def power(a: Operand, b: Operand) -> Number:
    """a ^ b; 0 ^ 0 is 1.

    Raises `NumberError`: domain for a negative power of zero and a fractional power of a negative number,
    limit, undecided where the sign of an operand is.
    """
    if _rank(a, b) == 2:
        return _symbolic_power(a, b)
    if not b or a == 1:
        return 1
    if not a:
        if decide.sign(b) < 0:
            raise NumberError("domain", f"zero to the power {shorten(b)} is a division by zero")
        return 0
    if type(b) is int and isinstance(a, Irrational):
        return irrational.power(a, b) if b > 0 else divide(1, irrational.power(a, -b))
    if type(b) is not int and decide.sign(a) < 0:
        raise NumberError("domain", f"the power {shorten(b)} of the negative number {shorten(a)} is not real")
    first, *more = irrational.terms_of(a)
    try:
        if type(b) is int:
            return normalise(rational_power(a, b))
        if type(b) is Fraction and not more and not first.factors:
            roots = root(first.coefficient, b), root(first.base, first.exponent * b)
            return irrational.number((irrational.times(*roots),))
    except NumberError:
        raise _over_limit(a, b) from None
    if decide.compare(absolute(multiply(b, log(a))), MAX_BITS) > 0:
        raise _over_limit(a, b)
    return irrational.opaque(Power(a, b))


def _over_limit(a: Number, b: Number) -> NumberError:
    return NumberError("limit", f"{shorten(a)} to the power {shorten(b)} is over the limit of {MAX_BITS} bits")


def _symbolic_power(a: Operand, b: Operand) -> Number:
    # The operator knows no limit, and an exponent is the only operand that can make a result explode.
    if hasattr(b, "__index__") and abs(b) > MAX_BITS:
        exponent = shorten(b) if is_number(b) else b
        raise NumberError("limit", f"the exponent {exponent} is over the limit of {MAX_BITS}")
    return _symbolic(_reflected_power if type(a) is Fraction else operator.pow, a, b)


def _reflected_power(a: Operand, b: Operand) -> Any:
    # Asked first, a `Fraction` would raise its double to what it does not know.
    power_of_a = getattr(b, "__rpow__", None)
    result = NotImplemented if power_of_a is None else power_of_a(a)
    if result is NotImplemented:
        raise TypeError(f"{a} cannot be raised to the power {b!r}")
    return result


def log(a: Operand) -> Number:
    """The natural logarithm. Raises `NumberError`: domain where a is not positive, undecided, limit."""
    if not is_number(a):
        own = getattr(a, "logarithm", None)
        if own is None:
            raise TypeError(f"{a!r} has no logarithm")
        found: Number = own()
        return found
    if decide.sign(a) <= 0:
        raise NumberError("domain", f"the logarithm of {shorten(a)} is not real: it needs a number above zero")
    if not isinstance(a, Irrational):
        return irrational.number((log_of_rational(a),))
    first, *more = a.terms
    if more or first.factors:
        return irrational.opaque(Log(a))
    # log(c * b ^ e) = log(c) + e * log(b)
    return add(log(first.coefficient), multiply(first.exponent, log(first.base)))


# Order and rounding.


def compare(a: Operand, b: Operand) -> int:
    """-1, 0 or 1: the sign of a - b. Raises `NumberError`: undecided, limit for sums of too many terms."""
    rank = 0 if type(a) is int and type(b) is int else _rank(a, b)
    return decide.compare(a, b) if rank == 1 else _order(a, b) if rank == 0 else _symbolic(_order, a, b)


def _order(a: Any, b: Any) -> int:
    return int(a > b) - int(a < b)


def maximum(*operands: Operand) -> Number:
    """The largest operand, the first of equal ones. Raises as `compare`."""
    return _extreme(1, operands)


def minimum(*operands: Operand) -> Number:
    """The smallest operand, the first of equal ones. Raises as `compare`."""
    return _extreme(-1, operands)


def _extreme(sign: int, operands: tuple[Operand, ...]) -> Number:
    if not all(map(is_number, operands)):
        if any(hasattr(operand, "extreme") for operand in operands):
            return _symbolic(lambda *columns: reduce(partial(_extreme_of_two, sign), columns), *operands)
        return _symbolic(lambda *symbols: _extreme_symbol(sign, symbols), *operands)
    chosen: Number = operands[0]
    for other in operands[1:]:
        if compare(other, chosen) == sign:
            chosen = other
    return chosen


def _extreme_of_two(sign: int, a: Any, b: Any) -> Any:
    """The larger of two operands, with -1 the smaller: what knows it by itself says so."""
    own = getattr(a, "extreme", None)
    return own(sign, b) if own is not None else b.extreme(sign, a) if hasattr(b, "extreme") else _extreme(sign, (a, b))


def _extreme_symbol(sign: int, operands: tuple[Any, ...]) -> Any:
    """The operand that is in order with all others.

    It alone is compared with each, in an order that equal ones are in, too: a symbol that notes what was asked of it
    notes no more than what makes it the largest or smallest.
    """
    plain = [getattr(operand, "plain", operand) for operand in operands]
    chosen = operands[plain.index(max(plain) if sign > 0 else min(plain))]
    in_order = operator.ge if sign > 0 else operator.le
    if not all(in_order(chosen, operand) for operand in operands if operand is not chosen):
        raise TypeError("the operands have no order")
    return chosen


def absolute(a: Operand) -> Number:
    """a or -a, whichever is not below zero. Raises `NumberError` (undecided)."""
    if isinstance(a, Irrational):
        return negate(a) if decide.sign(a) < 0 else a
    return _symbolic(abs, a) if type(a) not in _RANK else a if a >= 0 else -a


def _rounding(plain: Callable[[Any], Any], mode: str) -> Callable[[Operand], int]:
    """What `plain` does with rational numbers and symbols, and a mode of `decimal` with irrational numbers."""

    def rounding(a: Operand) -> int:
        if type(a) is int:
            return a
        if isinstance(a, Irrational):
            return decide.whole(a, mode)
        whole: int = plain(a) if type(a) is Fraction else _symbolic(plain, a)
        return whole

    return rounding


floor = _rounding(math.floor, ROUND_FLOOR)
"""The largest integer not above a. Raises `NumberError`: undecided, limit."""

ceil = _rounding(math.ceil, ROUND_CEILING)
"""The smallest integer not below a. Raises `NumberError`: undecided, limit."""

round_half_even = _rounding(round, ROUND_HALF_EVEN)
"""The nearest integer, of two the even one. Raises `NumberError`: undecided, limit."""


# Whole numbers.


def gcd(*operands: Operand) -> int:
    """The greatest common divisor of whole numbers; 0 of none. Raises `NumberError` (domain) for any other."""
    if any(hasattr(operand, "gcd") for operand in operands):
        found: int = reduce(partial(_of_two, "gcd"), operands)
        return found
    return math.gcd(*map(_whole, operands))


def lcm(*operands: Operand) -> int:
    """The least common multiple of whole numbers; 1 of none. Raises `NumberError`: domain for any other, limit."""
    if any(hasattr(operand, "lcm") for operand in operands):
        found: int = reduce(partial(_of_two, "lcm"), operands)
        return found
    total = 1
    for operand in operands:
        total = normalise(math.lcm(total, _whole(operand))).numerator
    return total


def _of_two(name: str, a: Any, b: Any) -> Any:
    """What one of two operands knows of both."""
    own = getattr(a, name, None)
    return own(b) if own is not None else getattr(b, name)(a)


def _whole(a: Operand) -> int:
    if type(a) is int:
        return a
    if is_number(a):
        raise NumberError("domain", f"{shorten(a)} is not a whole number")
    raise TypeError(f"{a!r} is not a number of the language")
