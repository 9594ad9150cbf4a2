"""Which of two numbers is larger, and to which integer a number rounds.

A double with a generous margin answers nearly always. Where a boundary lies within the margin, the number is
enclosed between integers with more and more bits until the boundary is outside. That ends, because a
rational number is never an `Irrational`: ties are found when a number is made, not here. Only for products
of logarithms and for opaque atoms it may not end; then, and for numbers closer than `MAX_REFINEMENT` bits
can tell, `NumberError` (undecided) is raised. So it is where the bits that are needed cost more than
`MAX_DECISION`: a number of few atoms is refined to all bits, one of dozens to fewer.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import TypeVar, cast

from archdsl.numbers import enclose
from archdsl.numbers.enclose import Coarse, Interval
from archdsl.numbers.faults import MAX_REFINEMENT, Exhausted, NumberError, charge, decision
from archdsl.numbers.irrational import ONE, Atom, Irrational, Monomial, Number, Rational, Sum, add, multiply
from archdsl.numbers.text import shorten

_MARGIN = 1e-9
"""Relative error granted to a double; six digits more than the worst of any mathematics library in use."""

MAX_PLAIN_DIGITS = 15
"""Digits from which a reader gets a power of ten."""

_TINY = 1e-250
"""Doubles below this, or above its reciprocal, are not relied on."""

T = TypeVar("T")


# Doubles.


def _estimate(value: Number) -> tuple[float, float]:
    """A double and a bound of its error; the bound is infinite where doubles do not reach."""
    try:
        if not isinstance(value, Irrational):
            size = _reachable(value.numerator / value.denominator) if value else 0.0
            return size, _MARGIN * abs(size)
        over, over_error = _estimate_sum(value.numerator)
        under, under_error = (1.0, 0.0) if value.denominator is ONE else _estimate_sum(value.denominator)
        if abs(under) <= 2 * under_error:
            return 0.0, math.inf
        ratio = over / under
        return ratio, 2 * (over_error + abs(ratio) * under_error) / abs(under)
    except OverflowError:
        return 0.0, math.inf


def _reachable(size: float) -> float:
    """The double itself, if it is far from where doubles overflow or lose digits."""
    if _TINY < abs(size) < 1 / _TINY:
        return size
    raise OverflowError


def _estimate_sum(terms: Sum) -> tuple[float, float]:
    total = error = 0.0
    charge(sum([1 + len(monomial) for monomial in terms]))
    for monomial, coefficient in terms.items():
        term, margin = 1.0, _MARGIN
        for (kind, of), exponent in monomial:
            if type(of) is not int or kind == "exp":
                base, base_margin = _estimate_opaque(kind, of)
                margin += 2 * exponent.numerator * base_margin
            else:
                base = float(of) if kind == "root" else math.log(of)
            term *= base ** (exponent.numerator / exponent.denominator)
        factor = coefficient.numerator / coefficient.denominator
        if margin > 0.01 or not _TINY < term < 1 / _TINY:
            raise OverflowError
        if abs(factor) < _TINY or abs(factor) * term < _TINY:
            # Too small to say more than that it is small.
            error += _TINY * max(1.0, term)
        else:
            total += _reachable(factor * term)
            error += margin * abs(factor * term)
    return total, error


def _estimate_opaque(kind: str, of: Number) -> tuple[float, float]:
    """A double for an opaque atom, and a bound of its relative error."""
    value, error = _estimate(of)
    if kind == "exp":
        return math.exp(value), 2 * error + _MARGIN
    if value <= 1.0 + 2 * error:
        raise OverflowError
    base = math.log(value)
    return base, 2 * error / (value * base) + _MARGIN


# Enclosures.


def _enclose(value: Number, bits: int) -> Interval:
    """Bounds at `bits`; how close they are depends on the number. Raises `Coarse` if there are none."""
    if not isinstance(value, Irrational):
        return enclose.enclose(value, bits)
    return enclose.quotient(_enclose_sum(value.numerator, bits), _enclose_sum(value.denominator, bits), bits)


def _enclose_sum(terms: Sum, bits: int) -> Interval:
    lo = hi = 0
    for monomial, coefficient in terms.items():
        term = _enclose_term(monomial, coefficient, bits) if monomial else enclose.enclose(coefficient, bits)
        lo, hi = lo + term[0], hi + term[1]
    return lo, hi


def _enclose_term(monomial: Monomial, coefficient: Rational, bits: int) -> Interval:
    # Atoms are positive: the product is the exponential of the sum of their logarithms. A large one needs
    # that many bits more; the first pass finds out how many.
    work = bits + 32
    for _ in range(2):
        lo = hi = 0
        for atom, exponent in monomial:
            part = enclose.scale(_enclose_log(atom, work), exponent)
            lo, hi = lo + part[0], hi + part[1]
        size = max(0, 3 * (hi >> work) // 2 + coefficient.numerator.bit_length() - coefficient.denominator.bit_length())
        if work >= bits + size + 24:
            break
        work = bits + size + 32
    lo, hi = enclose.scale(enclose.exp((lo, hi), work, work), coefficient)
    return lo >> (work - bits), (hi >> (work - bits)) + 1


def _enclose_log(atom: Atom, bits: int) -> Interval:
    """The logarithm of an atom."""
    if atom.kind == "exp":
        return _enclose(atom.of, bits)
    of = atom.of
    inner = _log_of(_enclose(of, bits), bits) if isinstance(of, Irrational) else enclose.log(cast(int, of), bits)
    return inner if atom.kind == "root" else _log_of(inner, bits)


def _log_of(v: Interval, bits: int) -> Interval:
    if v[0] <= 0:
        raise Coarse
    return enclose.log(v[0], bits, bits)[0], enclose.log(v[1], bits, bits)[1]


def _refine(value: Number, decide: Callable[[Interval, int], T | None], boundary: str = "zero") -> T:
    """The first answer of `decide` to bounds of the value and their bits, with bits doubled in between.

    Raises `NumberError` (undecided) once there are more than `MAX_REFINEMENT` bits, or as many as `MAX_DECISION`
    units of work allow; the boundary is for its message.
    """
    bits = 64
    with decision():
        while bits <= MAX_REFINEMENT:
            try:
                answer = decide(_enclose(value, bits), bits)
            except Coarse:
                answer = None
            except Exhausted:
                break
            if answer is not None:
                return answer
            bits *= 2
    tried = bits // 2
    if tried < 64:
        raise NumberError("undecided", f"{shorten(value)} has too many parts to compare it with {boundary}")
    raise NumberError("undecided", f"{shorten(value)} is too close to {boundary} for {tried} bits to decide")


# Decisions.


def sign(value: Number) -> int:
    """-1, 0 or 1. Raises `NumberError` (undecided)."""
    if not isinstance(value, Irrational):
        return (value > 0) - (value < 0)
    if len(value.numerator) == 1 and value.denominator is ONE:
        # Atoms are positive.
        return 1 if next(iter(value.numerator.values())) > 0 else -1
    estimate, error = _estimate(value)
    if abs(estimate) > error:
        return 1 if estimate > 0 else -1
    return _refine(value, lambda v, _: 1 if v[0] > 0 else -1 if v[1] < 0 else None)


def compare(a: Number, b: Number) -> int:
    """The sign of a - b. Raises `NumberError` (undecided, or limit where the difference has too many terms)."""
    x, x_error = _estimate(a)
    y, y_error = _estimate(b)
    if abs(x - y) > x_error + y_error:
        return 1 if x > y else -1
    # The difference is zero only if it settles to 0; it may be longer than the numbers we hand out.
    return sign(add(a, multiply(-1, b, limited=False), limited=False))


def floor(value: Irrational, half: bool = False) -> int:
    """The integer below value, or below value + 1/2. Raises `NumberError` (undecided)."""
    estimate, error = _estimate(value)
    if error < 0.5:
        offset = 0.5 if half else 0.0
        below = math.floor(estimate - error + offset)
        if below == math.floor(estimate + error + offset):
            return below

    def decide(v: Interval, bits: int) -> int | None:
        offset = half << (bits - 1)
        lo, hi = (v[0] + offset) >> bits, (v[1] + offset) >> bits
        return lo if lo == hi else None

    return _refine(value, decide, "a half" if half else "a whole number")


# Views.


def approximate(value: Number) -> float:
    """The number as a double, right to about its last digit; 0.0 where it is too small for one.

    Raises `NumberError`: limit where it is too large, undecided for a sum that may be zero.
    """
    if isinstance(value, Irrational):
        value = _refine(value, _narrow)
    try:
        return value.numerator / value.denominator
    except OverflowError:
        raise NumberError("limit", f"{shorten(value)} is too large for a double") from None


def _narrow(v: Interval, bits: int) -> Fraction | None:
    """The middle of bounds that agree to sixty bits."""
    return Fraction(v[0] + v[1], 2 << bits) if v[1] - v[0] <= min(abs(v[0]), abs(v[1])) >> 60 else None


def describe(value: Number) -> str:
    """The number for a reader: exact where that is short, else cut after six digits, `222.861…`, `1.41421…e-20`.

    Raises `NumberError` (undecided) for a sum that may be zero.
    """
    if isinstance(value, Irrational):
        return _refine(value, _agreed)
    text = shorten(value)
    return text if len(text) <= MAX_PLAIN_DIGITS and "/" not in text else _cut(value)


def _agreed(v: Interval, bits: int) -> str | None:
    """The text that both bounds begin with, once six digits agree."""
    if v[0] <= 0 <= v[1]:
        return None
    text = _cut(Fraction(v[0], 1 << bits))
    return text if text == _cut(Fraction(v[1], 1 << bits)) else None


def _cut(value: Rational) -> str:
    """Six significant digits, and all digits before the point unless there are too many; value != 0."""
    n, d = abs(value.numerator), value.denominator
    exponent = math.floor(math.log10(n) - math.log10(d))
    # The logarithm may be wrong by one beside a power of ten.
    exponent += (n >= d * 10 ** (exponent + 1)) if exponent >= 0 else (n * 10 ** (-exponent - 1) >= d)
    exponent -= (n < d * 10**exponent) if exponent >= 0 else (n * 10**-exponent < d)
    plain = -5 <= exponent < MAX_PLAIN_DIGITS
    shown = max(5, exponent) if plain else 5
    decimals = shown - exponent
    digits = str(n * 10**decimals // d if decimals >= 0 else n // (d * 10**-decimals))
    point = exponent + 1 if plain else 1
    digits = "0" * (1 - point) + digits
    point = max(point, 1)
    text = digits[:point] + ("." if digits[point:] else "") + digits[point:] + "…"
    return "-" * (value < 0) + text + ("" if plain else f"e{exponent}")
