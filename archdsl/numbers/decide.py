"""Which of two numbers is larger, to which integer a number rounds, and what its digits are.

A number is enclosed between doubles with a wide margin, then between decimals of more and more digits, until the
boundary in question is outside. Ties of rational numbers, roots and quotients of logarithms are found when a number is
made, not here: a tie that comes here, or what is closer to one than `MAX_DIGITS` can tell, is refused as undecided.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from typing import TypeVar

from archdsl.numbers.enclose import Bounds, Coarse, doubles, enclosure
from archdsl.numbers.faults import MAX_DIGITS, NumberError, charge
from archdsl.numbers.irrational import Irrational, Log, Number, add, multiply
from archdsl.numbers.text import shorten

MAX_PLAIN_DIGITS = 15
"""Digits from which a reader gets a power of ten."""

DIGITS = (20, 40, 80, 160, MAX_DIGITS)
"""To how many a number is enclosed, one after the other."""

T = TypeVar("T")


def _refine(
    value: Number, answer: Callable[[Bounds], T | None], rough: Callable[[tuple[float, float]], T | None] | None = None
) -> T | None:
    """The first answer to closer and closer bounds of the value, if there is one; `rough` is asked with doubles."""
    parts = value.parts if isinstance(value, Irrational) else 0
    for digits in DIGITS:
        charge(parts * (8 + digits * digits // 64))
        if digits == DIGITS[0] and rough is not None and isinstance(value, Irrational):
            bounds = doubles(value)
            if bounds is not None and (quick := rough(bounds)) is not None:
                return quick
        try:
            found = answer(enclosure(digits).of(value))
        except Coarse:
            continue
        if found is not None:
            return found
    return None


def _undecided(is_: str, whether: str) -> NumberError:
    return NumberError("undecided", f"{is_} to {MAX_DIGITS} digits, and no rule tells whether {whether}")


def _side(v: Bounds | tuple[float, float]) -> int | None:
    return 1 if v[0] > 0 else -1 if v[1] < 0 else None


def sign(value: Number) -> int:
    """-1, 0 or 1. Raises `NumberError` (undecided)."""
    if not isinstance(value, Irrational):
        return (value > 0) - (value < 0)
    first, *more = value.terms
    if not more and all(isinstance(f, Log) and not isinstance(f.of, Irrational) for f, _ in first.factors):
        # A root is above zero, and so is the logarithm of a base, which is above 1.
        return 1 if first.coefficient > 0 else -1
    found = _refine(value, _side, _side)
    if found is None:
        raise _undecided(f"{shorten(value)} is zero", "it is zero")
    return found


def compare(a: Number, b: Number) -> int:
    """The sign of a - b. Raises `NumberError` (undecided, or limit where the difference has too many parts)."""
    difference = add(a, multiply(-1, b))
    if not isinstance(difference, Irrational):
        return sign(difference)
    found = _refine(difference, _side, _side)
    if found is None:
        raise _undecided(f"{shorten(a)} and {shorten(b)} agree", "they are equal")
    return found


_ROUNDED: dict[str, Callable[[float], int]] = {
    ROUND_FLOOR: math.floor,
    ROUND_CEILING: math.ceil,
    ROUND_HALF_EVEN: round,
}
_BOUNDARY = {ROUND_HALF_EVEN: "halfway between two whole numbers"}


def whole(value: Irrational, rounding: str) -> int:
    """The integer that a rounding of `decimal` gives. Raises `NumberError` (undecided, limit)."""

    def rounded(v: Bounds) -> int | None:
        if v[1].adjusted() >= MAX_DIGITS or v[0].adjusted() >= MAX_DIGITS:
            raise NumberError("limit", f"{shorten(value)} has more than {MAX_DIGITS} digits before the point")
        # A rounding keeps order: what lies between bounds that give the same integer gives it, too.
        lo, hi = [int(bound.to_integral_value(rounding)) for bound in v]
        return lo if lo == hi else None

    def roughly(v: tuple[float, float]) -> int | None:
        lo, hi = map(_ROUNDED[rounding], v)
        return lo if lo == hi else None

    found = _refine(value, rounded, roughly)
    if found is None:
        raise _undecided(f"{shorten(value)} is {_BOUNDARY.get(rounding, 'a whole number')}", "it is exactly")
    return found


# Views.


def approximate(value: Number) -> float:
    """The double nearest to the number; 0.0 where it is too small for one.

    Raises `NumberError`: limit where it is too large, undecided where `MAX_DIGITS` do not tell.
    """
    if isinstance(value, Irrational):
        found = _refine(value, lambda v: float(v[0]) if float(v[0]) == float(v[1]) else None)
        if found is None:
            raise _undecided(f"{shorten(value)} is halfway between two doubles", "it is exactly")
    else:
        try:
            found = value.numerator / value.denominator
        except OverflowError:
            found = math.inf
    if math.isinf(found):
        raise NumberError("limit", f"{shorten(value)} is too large for a double")
    return found


def describe(value: Number) -> str:
    """The number for a reader: exact where that is short, else cut after six digits, `222.861…`, `1.41421…e-20`."""
    text = shorten(value)
    if not isinstance(value, Irrational) and len(text) <= MAX_PLAIN_DIGITS and "/" not in text:
        return text
    return _refine(value, _agreed) or text


def _agreed(v: Bounds) -> str | None:
    """The text that both bounds begin with, once six digits agree."""
    if v[0] <= 0 <= v[1]:
        return None
    text = _cut(v[0])
    return text if text == _cut(v[1]) else None


def _cut(value: Decimal) -> str:
    """Six significant digits, and all digits before the point unless there are too many; value != 0."""
    exponent = value.adjusted()
    plain = -5 <= exponent < MAX_PLAIN_DIGITS
    shown = 1 + (max(5, exponent) if plain else 5)
    digits = "".join(map(str, value.as_tuple().digits)).ljust(shown, "0")[:shown]
    point = exponent + 1 if plain else 1
    digits = "0" * (1 - point) + digits
    point = max(point, 1)
    text = digits[:point] + ("." if digits[point:] else "") + digits[point:] + "…"
    return "-" * (value < 0) + text + ("" if plain else f"e{exponent}")
