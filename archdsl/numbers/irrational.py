"""`Irrational`, and the field operations on it.

An irrational number is a quotient of two sums of terms. A term is a rational coefficient times a
monomial, a product of atoms:

- roots `b ^ e` of an integer b, with 0 < e < 1;
- logarithms `log(b) ^ k` of an integer b, with a whole k > 0;
- opaque atoms, whole powers of a logarithm above 0 or an exponential of a number in this form: what
  comes out of `log(1 + 2^(1/2))`, of a fractional power of a sum, and of an irrational exponent.

Before two numbers meet, their bases are made pairwise coprime (`refine`), the bases of roots also no
perfect powers. Terms that are rational multiples of each other then have the same monomial and merge, so
a sum without logarithms, or linear in them, is zero only if no term is left: real radicals with irrational
ratios are independent over the rationals (Besicovitch 1940, Mordell 1953), and so are logarithms of coprime
integers over the algebraic numbers (Baker 1966). `settle` therefore sees every rational value among these
and returns it as one. For products of logarithms and for opaque atoms nothing of the kind is proved; what
cancels by algebra is seen, and everything else is left to the refinement in `decide`, which may give up.

Signs, comparisons and roundings are decided elsewhere: nothing here knows how large a number is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import field
from fractions import Fraction
from typing import Literal, NamedTuple, TypeAlias, cast

from archdsl.numbers.faults import MAX_BITS, MAX_POWER, MAX_TERMS, MAX_WEIGHT, NumberError, charge, count, normalise
from archdsl.numbers.integers import coprime_base, exponents, pairwise_coprime, primitive_root
from archdsl.records import dataclass

Rational: TypeAlias = int | Fraction


class Atom(NamedTuple):
    """A positive irrational number: `of ^ exponent` for a root, else log(of) or exp(of)."""

    kind: Literal["root", "log", "exp"]
    of: Number


Monomial: TypeAlias = frozenset[tuple[Atom, Rational]]
"""Atoms with their exponents."""
Sum: TypeAlias = Mapping[Monomial, Rational]
"""Monomials with their coefficients; none is zero. Never changed once made."""

UNIT: Monomial = frozenset()
ONE: Sum = {UNIT: 1}


@dataclass(frozen=True, slots=True)
class Irrational:
    """numerator / denominator, as `settle` leaves it. `weight` bounds the bits of all integers in it.

    `==` compares forms, for use as a key; equal values may have several. `compare` decides on the value.
    """

    numerator: Sum
    denominator: Sum
    weight: int = field(compare=False)

    def __hash__(self) -> int:
        return hash((frozenset(self.numerator.items()), frozenset(self.denominator.items())))


Number: TypeAlias = int | Fraction | Irrational


def magnitude(value: Rational) -> Rational:
    """The absolute value of a rational number."""
    return value if value >= 0 else -value


def content(values: Iterable[Rational]) -> Fraction:
    """The largest rational number of which all the values are whole multiples; there is one that is not zero."""
    pairs = [(value.numerator, value.denominator) for value in values]
    return Fraction(math.gcd(*(n for n, _ in pairs)), math.lcm(*(d for _, d in pairs)))


def parts(value: Number) -> tuple[Sum, Sum]:
    """A number as numerator and denominator."""
    if isinstance(value, Irrational):
        return value.numerator, value.denominator
    return ({UNIT: value} if value else {}), ONE


# Sums.


def sum_add(a: Sum, b: Sum) -> Sum:
    total = dict(a)
    for monomial, coefficient in b.items():
        coefficient += total.get(monomial, 0)
        if coefficient:
            total[monomial] = coefficient
        else:
            del total[monomial]
    return total


def sum_multiply(a: Sum, b: Sum) -> Sum:
    if a is ONE or b is ONE:
        return a if b is ONE else b
    if len(a) * len(b) > MAX_TERMS**2:
        raise _too_many_terms(len(a) * len(b))
    total: dict[Monomial, Rational] = {}
    charge(len(b) * sum([2 + len(left) for left in a]) + len(a) * sum([2 + len(right) for right in b]))
    for left, left_coefficient in a.items():
        for right, right_coefficient in b.items():
            monomial, coefficient = _times(left, right)
            coefficient *= left_coefficient * right_coefficient
            total[monomial] = total.get(monomial, 0) + coefficient
    return {monomial: coefficient for monomial, coefficient in total.items() if coefficient}


def _times(a: Monomial, b: Monomial) -> tuple[Monomial, Rational]:
    if not a or not b:
        return a or b, 1
    product = dict(a)
    carry = 1
    for atom, exponent in b:
        exponent += product.pop(atom, 0)
        if atom.kind == "root" and exponent >= 1:
            carry *= cast(int, atom.of)
            exponent -= 1
        if exponent:
            product[atom] = exponent
    return frozenset(product.items()), carry


def sum_power(a: Sum, n: int) -> Sum:
    """a ^ n for n > 0."""
    if len(a) == 1:
        ((monomial, coefficient),) = a.items()
        total: Sum = {UNIT: rational_power(coefficient, n)}
        for atom, exponent in monomial:
            total = sum_multiply(total, _power_of(atom, exponent * n))
        return total
    # Sums of several terms grow with every squaring, so that a large n runs into the limits at once.
    total = ONE
    for bit in bin(n)[2:]:
        total = sum_multiply(total, total)
        if bit == "1":
            total = sum_multiply(total, a)
        _weigh(total)
    return total


def _power_of(atom: Atom, exponent: Rational) -> Sum:
    if atom.kind == "root":
        return root(cast(int, atom.of), exponent)
    return {frozenset({(atom, exponent)}): 1}


def rational_power(value: Rational, n: int) -> Rational:
    """value ^ n for value != 0. Raises `NumberError` (limit)."""
    numerator, denominator = value.numerator, value.denominator
    if n < 0:
        numerator, denominator, n = (denominator if numerator > 0 else -denominator), abs(numerator), -n
    # Fewer bits than the power has, so nothing is refused that would fit; at most twice as many are computed.
    bits = (max(abs(numerator), denominator).bit_length() - 1) * n
    if bits >= MAX_BITS:
        raise NumberError("limit", f"a power of {count(bits)} bits or more is over the limit of {MAX_BITS}")
    if denominator == 1:
        whole: int = numerator**n
        return whole
    return Fraction(numerator**n, denominator**n)


def root(base: int, exponent: Rational) -> Sum:
    """base ^ exponent for base > 0, as a single term. Raises `NumberError` (limit)."""
    if base == 1 or not exponent:
        return ONE
    charge(1 + base.bit_length())
    base, multiple = primitive_root(base)
    exponent *= multiple
    whole = exponent.numerator // exponent.denominator
    coefficient = rational_power(base, whole)
    exponent -= whole
    return {frozenset({(Atom("root", base), exponent)}) if exponent else UNIT: coefficient}


def log_of_rational(value: Rational) -> Sum:
    """log(value) for value > 0."""
    sides = ((value.numerator, 1), (value.denominator, -1))
    return {frozenset(((Atom("log", n), 1),)): sign for n, sign in sides if n != 1}


# Numbers over a common base.


def refine(*sums: Sum) -> tuple[Sum, ...]:
    """The same sums with the bases of all their roots, and of all their logarithms, pairwise coprime."""
    bases: dict[Literal["root", "log"], set[int]] = {"root": set(), "log": set()}
    for terms in sums:
        for monomial in terms:
            for (kind, of), _ in monomial:
                if kind != "exp" and type(of) is int:
                    bases[kind].add(of)
    changed: dict[Atom, list[tuple[int, int]]] = {}
    for kind, numbers in bases.items():
        charge(sum([1 + (n.bit_length() >> 6) for n in numbers]))
        if len(numbers) > 1 and not pairwise_coprime(numbers):
            charge(len(numbers) * sum([2 + (n.bit_length() >> 4) for n in numbers]))
            base = coprime_base(numbers)
            for n in numbers:
                if n not in base:
                    changed[Atom(kind, n)] = exponents(n, base)
    if not changed:
        return sums
    return tuple(_rewrite(terms, changed) for terms in sums)


def _rewrite(terms: Sum, changed: Mapping[Atom, list[tuple[int, int]]]) -> Sum:
    total: Sum = {}
    for monomial, coefficient in terms.items():
        term: Sum = {UNIT: coefficient}
        for atom, exponent in monomial:
            factors = changed.get(atom)
            if factors is None:
                term = sum_multiply(term, {frozenset({(atom, exponent)}): 1})
            elif atom.kind == "root":
                for base, multiple in factors:
                    term = sum_multiply(term, root(base, multiple * exponent))
            else:
                logs: Sum = {frozenset({(Atom("log", base), 1)}): multiple for base, multiple in factors}
                term = sum_multiply(term, sum_power(logs, exponent.numerator))
        total = sum_add(total, term)
    return total


def settle(numerator: Sum, denominator: Sum, limited: bool = True) -> Number:
    """numerator / denominator, refined together, as a number: rational where it is.

    A single term as denominator has no coefficient or root of its own, the coefficients of a longer one are
    coprime integers, and no atom but a root divides both sides.
    Raises `NumberError` (limit) for a number over the limits, if `limited`.
    """
    if not numerator:
        return 0
    if denominator is not ONE:
        numerator, denominator = _cancel(numerator, denominator)
    if len(numerator) == len(denominator) and numerator.keys() == denominator.keys():
        monomial, coefficient = next(iter(denominator.items()))
        ratio = Fraction(numerator[monomial]) / coefficient
        if all(numerator[monomial] == ratio * coefficient for monomial, coefficient in denominator.items()):
            return normalise(ratio) if limited else ratio
    return _within_limits(numerator, denominator) if limited else Irrational(numerator, denominator, 0)


def _within_limits(numerator: Sum, denominator: Sum) -> Irrational:
    weight = _weigh(numerator) + (0 if denominator is ONE else _weigh(denominator))
    if weight > MAX_WEIGHT:
        raise NumberError("limit", f"an irrational number of {weight} bits is over the limit of {MAX_WEIGHT}")
    return Irrational(numerator, denominator, weight)


def _cancel(numerator: Sum, denominator: Sum) -> tuple[Sum, Sum]:
    if len(denominator) == 1:
        ((monomial, coefficient),) = denominator.items()
        inverse: Sum = {UNIT: Fraction(1, 1) / coefficient}
        for atom, exponent in monomial:
            if atom.kind == "root":
                inverse = sum_multiply(inverse, _power_of(atom, -exponent))
        numerator = sum_multiply(numerator, inverse)
        monomial = frozenset(factor for factor in monomial if factor[0].kind != "root")
        denominator = {monomial: 1} if monomial else ONE
    elif (unit := content(denominator.values())) != 1:
        numerator = {monomial: c / unit for monomial, c in numerator.items()}
        denominator = {monomial: c / unit for monomial, c in denominator.items()}
    shared = {atom: exponent for atom, exponent in next(iter(denominator)) if atom.kind != "root"}
    for monomial in (*numerator, *denominator):
        if not shared:
            return numerator, denominator
        powers = dict(monomial)
        shared = {atom: min(exponent, powers[atom]) for atom, exponent in shared.items() if atom in powers}
    return _without(numerator, shared), _without(denominator, shared)


def _without(terms: Sum, shared: Mapping[Atom, Rational]) -> Sum:
    total: dict[Monomial, Rational] = {}
    for monomial, coefficient in terms.items():
        left = ((atom, exponent - shared.get(atom, 0)) for atom, exponent in monomial)
        total[frozenset(factor for factor in left if factor[1])] = coefficient
    return ONE if total == ONE else total


def _weigh(terms: Sum) -> int:
    """Bits of all integers in a sum. Raises `NumberError` (limit) where a part of it is over the limits."""
    if len(terms) > MAX_TERMS:
        raise _too_many_terms(len(terms))
    total = 0
    for monomial, coefficient in terms.items():
        bits, below = coefficient.numerator.bit_length(), coefficient.denominator.bit_length()
        if bits > MAX_BITS or below > MAX_BITS:
            normalise(coefficient)
        total += bits + below
        for atom, exponent in monomial:
            if exponent > MAX_POWER:
                power = count(exponent.numerator)
                raise NumberError("limit", f"the power {power} of a logarithm is over the limit of {MAX_POWER}")
            of = atom.of
            total += exponent.denominator.bit_length()
            total += of.weight + 512 if isinstance(of, Irrational) else of.numerator.bit_length()
    return total


def _independent_logs(a: Sum, b: Sum) -> bool:
    """Whether a / b is a quotient of two logarithms of rational numbers and plainly irrational.

    Most are: a prime factor occurs on one side only, and no refinement is needed. This is what a width rule
    such as RegNet's asks in a loop, log(1 + w_a * j / w_0) / log(w_m).
    """
    products = []
    for terms in (a, b):
        product = 1
        for monomial in terms:
            if len(monomial) != 1:
                return False
            (((kind, of), exponent),) = monomial
            if kind != "log" or exponent != 1 or type(of) is not int:
                return False
            product *= of
        products.append(product)
    left, right = products
    shared = math.gcd(left, right)
    # What is left of each side without the prime factors of the other.
    for side in products:
        common = shared
        while common > 1:
            side //= common
            common = math.gcd(side, common)
        if side > 1:
            return True
    return False


def _too_many_terms(terms: int) -> NumberError:
    return NumberError("limit", f"an irrational number of {terms} terms is over the limit of {MAX_TERMS}")


# The field.


def add(a: Number, b: Number, limited: bool = True) -> Number:
    """a + b. Raises `NumberError` (limit), if `limited`."""
    p, q, r, s = refine(*parts(a), *parts(b))
    if q == s:
        return settle(sum_add(p, r), q, limited)
    return settle(sum_add(sum_multiply(p, s), sum_multiply(r, q)), sum_multiply(q, s), limited)


def multiply(a: Number, b: Number, limited: bool = True) -> Number:
    """a * b. Raises `NumberError` (limit), if `limited`."""
    p, q, r, s = refine(*parts(a), *parts(b))
    return settle(sum_multiply(p, r), sum_multiply(q, s), limited)


def divide(a: Number, b: Number) -> Number:
    """a / b for b != 0. Raises `NumberError` (limit)."""
    p, q = parts(a)
    r, s = parts(b)
    if p and q is ONE and s is ONE and _independent_logs(p, r):
        return _within_limits(p, r)
    p, q, r, s = refine(p, q, r, s)
    return settle(sum_multiply(p, s), sum_multiply(q, r))


def power(a: Number, n: int) -> Number:
    """a ^ n for a != 0 and n != 0. Raises `NumberError` (limit)."""
    p, q = parts(a)
    if n < 0:
        p, q, n = q, p, -n
    return settle(sum_power(p, n), q if q is ONE else sum_power(q, n))
