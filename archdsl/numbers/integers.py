"""Perfect powers, found without factoring."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cache, lru_cache

from archdsl.numbers.faults import MAX_BITS, NumberError, charge, count, size

_MERSENNE = (1 << 61) - 1

Rational = int | Fraction


@cache
def _primes(bits: int) -> tuple[int, ...]:
    """The exponents that a perfect power of so many bits may have."""
    return tuple([k for k in range(2, bits) if all(k % d for d in range(2, math.isqrt(k) + 1))])


def integer_root(n: int, k: int) -> int:
    """The largest r with `r ** k <= n`, for n positive and k above 1."""
    if k == 2:
        return math.isqrt(n)
    # Newton's iteration falls from any start above the root until it reaches it. Doubles give a start with
    # some thirty leading bits right, so that the number of right bits doubles from the first step.
    log = math.log2(n) / k
    shift = max(0, int(log) - 50)
    root = (int(2.0 ** (log - shift) * (1 + 2.0**-30)) + 1) << shift
    while True:
        better = ((k - 1) * root + n // root ** (k - 1)) // k
        if better >= root:
            return root
        root = better


@lru_cache(maxsize=4096)
def primitive_root(n: int) -> tuple[int, int]:
    """`(r, k)` with `r ** k == n` and the largest k, so that r is no perfect power. For n above 1."""
    power = 1
    for k in _primes(n.bit_length()):
        while k < n.bit_length():
            log = math.log2(n) / k
            if log > 40:
                root = integer_root(n, k)
            else:
                # The nearest integer to the double is the only candidate; nearly all fail modulo a prime.
                root = round(2.0**log)
                if pow(root, k, _MERSENNE) != n % _MERSENNE:
                    break
            if root**k != n:
                break
            n, power = root, power * k
        if k >= n.bit_length():
            break
    return n, power


def primitive(value: Rational) -> tuple[Rational, int]:
    """`(r, k)` with `r ** k == value` and r above 1 and no power of another rational number. For 0 < value != 1.

    There is one such pair for every value, and k is below zero where the value is below 1.
    """
    charge(1 + size(value))
    return _primitive(value)


@lru_cache(maxsize=1024)
def _primitive(value: Rational) -> tuple[Rational, int]:
    # A rule asks for the logarithm of its base once a block.
    above, below = value.numerator, value.denominator
    if below == 1:
        return primitive_root(above)
    if above < below:
        root, power = _primitive(Fraction(below, above))
        return root, -power
    (top, m), (bottom, n) = primitive_root(above), primitive_root(below)
    power = math.gcd(m, n)
    return Fraction(top ** (m // power), bottom ** (n // power)), power


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
