"""`Irrational`, and the field operations on it.

An irrational number is a sum of terms. A term is a rational coefficient times at most one root `b ^ e`, with
0 < e < 1, times whole powers, also negative ones, of factors:

- logarithms `log(b)`;
- what nothing more is known of than its bounds: the logarithm of a sum, or a power with a sum or an irrational
  number in it, as in `log(1 + 2^(1/2))`, `1/(1 + 2^(1/2))` and `2^(2^(1/2))`.

The base b is a rational number above 1 and no power of another. The positive rational numbers, with rational powers
allowed, are a vector space over the rational numbers, and b spans the line that a number of it lies on: `b` and `e` are
therefore the same however the number was written, and so are `b` and `c` in `c * log(b)`. Three rules follow, and they
are all the algebra that there is:

- a product of roots is one root: 2^(1/2) * 3^(1/3) = 72^(1/6);
- roots whose quotient is rational add up: 12^(1/2) + 3^(1/2) = 3 * 3^(1/2);
- a sum of logarithms is one logarithm: log(2)/log(6) + log(3)/log(6) = log(6)/log(6) = 1.

What they make rational is returned as an `int` or a `Fraction`; these are the ties of roots and of quotients of
logarithms. A tie that they do not see stays an `Irrational`, and `decide` refuses it.

Signs, comparisons and roundings are decided elsewhere: nothing here knows how large a number is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import field
from fractions import Fraction
from typing import NamedTuple, TypeAlias

from archdsl.numbers.faults import MAX_BITS, MAX_PARTS, MAX_TERMS, NumberError, charge, count, normalise
from archdsl.numbers.integers import Rational, primitive, rational_power
from archdsl.records import dataclass


class _Factor:
    """What a term has powers of. It is looked up many times, and the hash of a `Fraction` is dear: it is kept."""

    __slots__ = ("_hash", "parts")

    def __init__(self, *parts: Number) -> None:
        self.parts = parts
        self._hash = hash((type(self), parts))

    def __eq__(self, other: object) -> bool:
        return self is other or (type(other) is type(self) and other.parts == self.parts)

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        return f"{type(self).__name__}{self.parts}"


class Log(_Factor):
    """log(of), of a base or of an irrational number above 0."""

    __slots__ = ()

    def __init__(self, of: Number) -> None:
        super().__init__(of)

    @property
    def of(self) -> Number:
        return self.parts[0]


class Power(_Factor):
    """of ^ exponent, of which one or both are irrational, or a root whose product with the term's is over the limits.

    The exponent is -1, or `of` is above 0.
    """

    __slots__ = ()

    def __init__(self, of: Number, exponent: Number) -> None:
        super().__init__(of, exponent)

    @property
    def of(self) -> Number:
        return self.parts[0]

    @property
    def exponent(self) -> Number:
        return self.parts[1]


class Term(NamedTuple):
    """coefficient * base ^ exponent * the factors, each to its power. Without a root, base and exponent are 1 and 0."""

    coefficient: Rational
    base: Rational = 1
    exponent: Rational = 0
    factors: frozenset[tuple[Log | Power, int]] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class Irrational:
    """The sum of the terms, of which no two can be added up. `parts` is counted in `MAX_PARTS`.

    `==` compares forms, for use as a key; equal values may have several. `compare` decides on the value.
    """

    terms: tuple[Term, ...]
    parts: int = field(repr=False)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Irrational) and frozenset(self.terms) == frozenset(other.terms)

    def __hash__(self) -> int:
        return hash(frozenset(self.terms))


Number: TypeAlias = int | Fraction | Irrational


def terms_of(value: Number) -> tuple[Term, ...]:
    """A number as a sum."""
    return value.terms if isinstance(value, Irrational) else (Term(value),) if value else ()


def number(terms: tuple[Term, ...]) -> Number:
    """The sum of terms that cannot be added up. Raises `NumberError` (limit)."""
    parts = 0
    for coefficient, base, exponent, factors in terms:
        normalise(coefficient)
        if exponent:
            normalise(base)
            normalise(exponent)
            parts += 2
        for factor, power in factors:
            if abs(power) > MAX_BITS:
                raise NumberError("limit", f"the power {count(abs(power))} is over the limit of {MAX_BITS}")
            parts += len(factor.parts) + sum([part.parts for part in factor.parts if isinstance(part, Irrational)])
    if not parts:
        return normalise(terms[0].coefficient) if terms else 0
    if parts > MAX_PARTS:
        raise NumberError("limit", f"an irrational number of {parts} parts is over the limit of {MAX_PARTS}")
    return Irrational(terms, parts)


# Terms.


def root(base: Rational, exponent: Rational) -> Term:
    """base ^ exponent for base > 0. Raises `NumberError` (limit)."""
    if base == 1 or not exponent:
        return Term(1)
    base, multiple = primitive(base)
    whole, exponent = divmod(exponent * multiple, 1)
    coefficient = rational_power(base, whole)
    return Term(coefficient, base, exponent) if exponent else Term(coefficient)


def log_of_rational(value: Rational) -> Term:
    """log(value) for value > 0."""
    if value == 1:
        return Term(0)
    base, multiple = primitive(value)
    return Term(multiple, factors=frozenset({(Log(base), 1)}))


def raised(term: Term, n: int) -> Term:
    """term ^ n for n != 0 and a term that is not zero. Raises `NumberError` (limit)."""
    coefficient, base, exponent, factors = term
    power = root(base, exponent * n)
    coefficient = rational_power(coefficient, n) * power.coefficient
    return Term(coefficient, power.base, power.exponent, frozenset([(factor, k * n) for factor, k in factors]))


def times(a: Term, b: Term) -> Term:
    """a * b. Raises `NumberError` (limit)."""
    if a.base == b.base:
        product = root(a.base, a.exponent + b.exponent)
    elif a.base == 1 or b.base == 1:
        product = Term(1, *(a if b.base == 1 else b)[1:3])
    else:
        try:
            n = math.lcm(a.exponent.denominator, b.exponent.denominator)
            powers = [rational_power(t.base, (t.exponent * n).numerator) for t in (a, b)]
            product = root(normalise(powers[0] * powers[1]), Fraction(1, n))
        except NumberError:
            apart = Term(1, factors=frozenset({(Power(b.base, b.exponent), 1)}))
            return times(times(a, apart), b._replace(base=1, exponent=0))
    factors = a.factors or b.factors
    if a.factors and b.factors:
        # Where one is in both, its power is the sum, and none may be left.
        powers_of = dict(a.factors)
        for factor, power in b.factors:
            powers_of[factor] = powers_of.get(factor, 0) + power
        factors = frozenset([item for item in powers_of.items() if item[1]])
    return Term(a.coefficient * b.coefficient * product.coefficient, product.base, product.exponent, factors)


def _added(a: Term, b: Term) -> Term | None:
    """a + b as one term, by the second and the third rule; None where they are unlike, or would be over the limits."""
    if a[1:] == b[1:]:
        return b._replace(coefficient=a.coefficient + b.coefficient)
    try:
        if a.factors == b.factors:
            # A root's exponent has the denominator of the lowest power of it that is rational.
            if a.exponent.denominator != b.exponent.denominator:
                return None
            # As one root: the inverse of the second alone may be over the limits.
            powers = [rational_power(t.base, t.exponent.numerator) for t in (a, b)]
            quotient = root(normalise(Fraction(*powers)), Fraction(1, a.exponent.denominator))
            if quotient.exponent:
                return None
            return b._replace(coefficient=a.coefficient * quotient.coefficient + b.coefficient)
        if a[1:3] != b[1:3]:
            return None
        left, right = a.factors - b.factors, b.factors - a.factors
        if len(left) != 1 or len(right) != 1:
            return None
        ((x, m),), ((y, n),) = left, right
        if not (isinstance(x, Log) and isinstance(y, Log)) or m != 1 or n != 1:
            return None
        if isinstance(x.of, Irrational) or isinstance(y.of, Irrational):
            return None
        # p * log(x) + q * log(y) = log(x ^ p * y ^ q)
        ratio = Fraction(a.coefficient) / b.coefficient
        p, q = ratio.numerator, ratio.denominator
        product = normalise(rational_power(x.of, p) * rational_power(y.of, q))
        return times(
            b._replace(coefficient=Fraction(b.coefficient) / q, factors=a.factors & b.factors), log_of_rational(product)
        )
    except NumberError:
        return None


def _sum(a: tuple[Term, ...], more: Iterable[Term]) -> tuple[Term, ...]:
    """Terms that cannot be added up and more terms, added up. Raises `NumberError` (limit)."""
    total, waiting = list(a), list(more)
    while waiting:
        term = waiting.pop()
        charge(1 + len(total))
        for i, other in enumerate(total):
            if (sum_ := _added(other, term)) is not None:
                del total[i]
                if sum_.coefficient:
                    waiting.append(sum_)
                break
        else:
            total.append(term)
            if len(total) > MAX_TERMS:
                raise NumberError(
                    "limit", f"an irrational number of {len(total)} terms is over the limit of {MAX_TERMS}"
                )
    return tuple(total)


# The field.


def add(a: Number, b: Number) -> Number:
    """a + b. Raises `NumberError` (limit)."""
    return number(_sum(terms_of(a), terms_of(b)))


def multiply(a: Number, b: Number) -> Number:
    """a * b. Raises `NumberError` (limit)."""
    return number(_sum((), [times(s, t) for s in terms_of(a) for t in terms_of(b)]))


def divide(a: Number, b: Number) -> Number:
    """a / b for b that is not zero. Raises `NumberError` (limit)."""
    p, q = terms_of(a), terms_of(b)
    if len(q) == 1:
        inverse = raised(q[0], -1)
        if len(p) == 1:
            return number((times(p[0], inverse),))
        return number(_sum((), [times(term, inverse) for term in p]))
    if {term[1:] for term in p} == {term[1:] for term in q}:
        below = {term[1:]: term.coefficient for term in q}
        ratios = {Fraction(term.coefficient) / below[term[1:]] for term in p}
        if len(ratios) == 1:
            return normalise(ratios.pop())
    return multiply(a, opaque(Power(b, -1)))


def power(a: Irrational, n: int) -> Number:
    """a ^ n for n > 0. Raises `NumberError` (limit)."""
    if len(a.terms) == 1:
        return number((raised(a.terms[0], n),))
    # Sums of several terms grow with every squaring, so that a large n runs into the limits at once.
    total: Number = 1
    for bit in bin(n)[2:]:
        total = multiply(total, total)
        if bit == "1":
            total = multiply(total, a)
    return total


def opaque(factor: Log | Power) -> Number:
    """The factor as a number. Raises `NumberError` (limit)."""
    return number((Term(1, factors=frozenset({(factor, 1)})),))
