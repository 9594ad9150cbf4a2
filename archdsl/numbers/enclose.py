"""Exponential and logarithm enclosed between integers.

A number v is held at some `bits` as an `Interval`: integers (lo, hi) with lo <= v * 2^bits <= hi. Every
function returns bounds that hold whatever the precision; more bits only bring them closer. All of it is
integer arithmetic, so that the bounds are the same on every machine.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache
from typing import TypeAlias

from archdsl.numbers.faults import charge, uncounted

Interval: TypeAlias = tuple[int, int]


class Coarse(Exception):
    """These bits are too few to say anything; the caller tries again with more."""


def enclose(value: int | Fraction, bits: int) -> Interval:
    """A rational number."""
    n, d = value.numerator << bits, value.denominator
    return n // d, -(-n // d)


def scale(v: Interval, factor: int | Fraction) -> Interval:
    """An interval times a rational number."""
    n, d = factor.numerator, factor.denominator
    lo, hi = v if n >= 0 else (v[1], v[0])
    return lo * n // d, -(-hi * n // d)


def quotient(v: Interval, w: Interval, bits: int) -> Interval:
    """v / w. Raises `Coarse` where w may be zero."""
    if w[0] <= 0 <= w[1]:
        raise Coarse
    if w[1] < 0:
        v, w = (-v[1], -v[0]), (-w[1], -w[0])
    lo, hi = v[0] << bits, v[1] << bits
    return lo // w[1 if lo >= 0 else 0], -(-hi // w[0 if hi >= 0 else 1])


def _exp_unit(x: int, bits: int) -> Interval:
    """exp(x / 2^bits) for 0 <= x < 2^(bits + 1)."""
    # exp(x) = exp(x / 2^m)^(2^m), the inner one by its series. Everything is positive and rounded down, so the
    # result is a lower bound. Its relative error is below 2^m * (3 * terms + 11) units of the working
    # precision: three units for every term, one for every squaring, doubled by each. There are fewer than
    # `bits` terms and exp(2) < 8, so the guard bits leave less than one unit of the result, and one more is
    # lost in the last shift.
    charge(16 + (bits * bits >> 11))
    squarings = math.isqrt(bits)
    guard = squarings + bits.bit_length() + 8
    work = bits + guard
    x = (x << guard) >> squarings
    total = term = 1 << work
    k = 0
    while term:
        k += 1
        term = (term * x >> work) // k
        total += term
    for _ in range(squarings):
        total = total * total >> work
    total >>= guard
    return total, total + 2


def _log_unit(x: int, bits: int) -> Interval:
    """log(x / 2^bits) for 1 <= x / 2^bits <= 2."""
    # log(x) = y + log(1 + u) with u = x / exp(y) - 1, and log(1 + u) = u up to u^2. The error is bounded from
    # u itself, so that y may come from anywhere: from a double, or from this function at half the bits.
    charge(16 + (bits * bits >> 11))
    if bits <= 80:
        y = max(0, int(math.log(x / (1 << bits)) * 2**48)) << bits >> 48
    else:
        half = bits // 2 + 8
        y = max(0, _log_unit(x >> (bits - half), half)[0]) << (bits - half)
    e = _exp_unit(y, bits)[0]
    u = ((x - e) << bits) // e
    error = 4 + (u * u >> bits)
    return y + u - error, y + u + error


@lru_cache(maxsize=64)
def _log2_aligned(bits: int) -> Interval:
    with uncounted():
        return _log_unit(2 << bits, bits)


def _log2(bits: int) -> Interval:
    # One computation serves all precisions up to the next multiple of 256 bits. It is not counted as work, which
    # must not depend on what was computed before.
    spare = -bits % 256
    lo, hi = _log2_aligned(bits + spare)
    return lo >> spare, (hi >> spare) + 1


def log(n: int, bits: int, shift: int = 0) -> Interval:
    """log(n / 2^shift) for an integer n above 0."""
    work = bits + 16
    power = n.bit_length() - 1
    # The leading bits of n as a number in 1 .. 2; what is cut off changes the logarithm by less than one unit.
    x = n << (work - power) if work >= power else n >> (power - work)
    lo, hi = _log_unit(x, work)
    base = scale(_log2(work), power - shift)
    return (lo + base[0]) >> 16, ((hi + 1 + base[1]) >> 16) + 1


def exp(x: Interval, bits: int, out: int) -> Interval:
    """exp of a number enclosed at `bits`, enclosed at `out` bits. Raises `Coarse` where x is too wide."""
    if x[1] - x[0] >> bits:
        raise Coarse
    # exp(x) = 2^k * exp(r); k is one below the quotient, so that r, about 0.69 to 1.39 or wider by what x
    # is wide, stays above zero though log(2) is rounded.
    base = _log2(bits)
    k = x[0] // base[0] - 1
    whole = scale(base, k)
    lo, hi = x[0] - whole[1], x[1] - whole[0]
    if lo < 0 or hi >> (bits + 1):
        raise Coarse
    shift = bits - k - out
    lo, hi = _exp_unit(lo, bits)[0], _exp_unit(hi, bits)[1]
    return (lo >> shift, (hi >> shift) + 1) if shift >= 0 else (lo << -shift, hi << -shift)
