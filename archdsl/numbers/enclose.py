"""Bounds of a number between decimals.

The context's directed roundings bound the four operations, and `exp` and `ln` of the decimal arithmetic are correctly
rounded (Python's documentation of `decimal`), so that the neighbours of what they return are bounds: they are the
same on every machine, and hold whatever the number of digits. More digits only bring them closer.

Most numbers are far from every boundary. For them doubles are enough, with a margin that no C library's errors come
near to.
"""

from __future__ import annotations

import math
from decimal import MAX_EMAX, MIN_EMIN, ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from functools import cache, lru_cache
from typing import TypeAlias

from archdsl.numbers.integers import Rational
from archdsl.numbers.irrational import Irrational, Log, Number, Power, terms_of

Bounds: TypeAlias = tuple[Decimal, Decimal]
"""What a number is not below, and what it is not above."""

_ONE = Decimal(1)


class Coarse(Exception):
    """So many digits are too few to say anything; the caller tries again with more."""


@cache
def enclosure(digits: int) -> Enclosure:
    """The one of so many digits. Nobody reads what its contexts note."""
    return Enclosure(digits)


def doubles(value: Irrational) -> tuple[float, float] | None:
    """Bounds in doubles of a sum of roots, of logarithms and their quotients; none for other and for extreme numbers.

    Each double that is calculated with is within some 2^-50 of its number, relative to it, and 64 of them or fewer are
    multiplied; the margin is 2^-30 of the terms.
    """
    total = size = 0.0
    try:
        for term in value.terms:
            product = term.coefficient.numerator / term.coefficient.denominator
            if term.exponent:
                product *= float(term.base) ** float(term.exponent)
            for factor, n in term.factors:
                if not isinstance(factor, Log) or isinstance(factor.of, Irrational) or abs(n) > _FEW:
                    return None
                logarithm = math.log(factor.of)
                if logarithm < _NEAR_ZERO:  # of what is near to 1, which a double rounds
                    return None
                product *= logarithm**n
            if not _TINY < abs(product) < _HUGE:
                return None
            total += product
            size += abs(product)
    except OverflowError:
        return None
    return total - size * _MARGIN, total + size * _MARGIN


_FEW = 8
_NEAR_ZERO = 2.0**-10
_TINY, _HUGE = 2.0**-500, 2.0**500
_MARGIN = 2.0**-30


class Enclosure:
    """Bounds of numbers, to so many digits."""

    def __init__(self, digits: int) -> None:
        self.digits = digits
        self.down = Context(digits, ROUND_FLOOR, MIN_EMIN, MAX_EMAX)
        self.up = Context(digits, ROUND_CEILING, MIN_EMIN, MAX_EMAX)

    def of(self, value: Number) -> Bounds:
        """Bounds of a number. Raises `Coarse`."""
        total = (Decimal(0), Decimal(0))
        for term in terms_of(value):
            product = self._rational(term.coefficient)
            if term.exponent:
                product = self._multiply(product, self._power(term.base, term.exponent))
            for factor, n in term.factors:
                product = self._multiply(product, self._whole_power(self._factor(factor), n))
            total = self.down.add(total[0], product[0]), self.up.add(total[1], product[1])
        return total

    def _factor(self, factor: Log | Power) -> Bounds:
        if isinstance(factor, Log):
            return self._log(factor.of)
        if isinstance(factor.exponent, int):
            return self._whole_power(self.of(factor.of), factor.exponent)
        return self._power(factor.of, factor.exponent)

    def _rational(self, value: Rational) -> Bounds:
        above, below = Decimal(value.numerator), Decimal(value.denominator)
        return self.down.divide(above, below), self.up.divide(above, below)

    def _log(self, value: Number) -> Bounds:
        if isinstance(value, int | Rational):
            return _log_of_rational(value, self.digits)
        return self._log_of(self.of(value))

    def _log_of(self, v: Bounds) -> Bounds:
        if v[0] <= 0:
            raise Coarse
        return self.down.next_minus(self.down.ln(v[0])), self.up.next_plus(self.up.ln(v[1]))

    def _power(self, base: Number, exponent: Number) -> Bounds:
        """base ^ exponent = exp(exponent * log(base))"""
        v = self._multiply(self.of(exponent), self._log(base))
        return self.down.next_minus(self.down.exp(v[0])), self.up.next_plus(self.up.exp(v[1]))

    def _multiply(self, v: Bounds, w: Bounds) -> Bounds:
        pairs = [(x, y) for x in v for y in w]
        return min([self.down.multiply(x, y) for x, y in pairs]), max([self.up.multiply(x, y) for x, y in pairs])

    def _whole_power(self, v: Bounds, n: int) -> Bounds:
        if n < 0:
            if v[0] <= 0 <= v[1]:
                raise Coarse
            v = self.down.divide(_ONE, v[1]), self.up.divide(_ONE, v[0])
        total = v
        for bit in bin(abs(n))[3:]:
            total = self._multiply(total, total)
            if bit == "1":
                total = self._multiply(total, v)
        return total


@lru_cache(maxsize=1024)
def _log_of_rational(value: Rational, digits: int) -> Bounds:
    # The same few logarithms are asked for again and again: that of a rule's base, of a scaling's factor.
    at = enclosure(digits)
    return at._log_of(at._rational(value))
