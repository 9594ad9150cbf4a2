"""How numbers go along a dimension: what a sum, a product and a power do that is made of what rises or falls.

`steps.py` says what it is for: of a dimension along which all rises, the two ends tell what lies between.
"""

from __future__ import annotations

from typing import Protocol

from archdsl.spaces.arrays.lanes import Trend


class Going(Protocol):
    """A column, as far as its trend is asked for."""

    @property
    def trend(self) -> Trend:
        """How it goes along the dimension that is asked about."""
        ...

    def at_least(self, number: int) -> bool:
        """Whether none of its elements is less than a number, for certain."""
        ...

    def at_most(self, number: int) -> bool:
        """Whether none of its elements is more than a number, for certain."""
        ...


def together(one: Trend, other: Trend) -> Trend:
    """How a sum goes, and what else rises with both."""
    if one is None or other is None or one * other < 0:
        return None
    return one or other


def _opposite(trend: Trend) -> Trend:
    return None if trend is None else -trend


def trend_of(sign: str, a: Going, b: Going) -> Trend:
    """How the result of an operation goes, as far as that follows from its operands.

    What is said of the signs of operands holds between two values of the dimension if it holds for both, for they rise
    or fall between them.
    """
    one, other = a.trend, b.trend
    if sign == "+":
        return together(one, other)
    if sign == "-":
        return together(one, _opposite(other))
    if sign == "*":
        return _trend_of_product(a, b, one, other)
    if sign == "/":
        if not b.at_least(0):  # what is divided by zero is left to the ordinary compiler
            return 0 if one == other == 0 else None
        return one if other == 0 else together(one, _opposite(other)) if a.at_least(0) else None
    if other == 0 and a.at_least(0) and (b.at_least(0) or b.at_most(0)):
        return one if b.at_least(0) else _opposite(one)
    return together(one, other) if a.at_least(1) and b.at_least(0) else 0 if one == other == 0 else None


def _trend_of_product(a: Going, b: Going, one: Trend, other: Trend) -> Trend:
    if one == 0 and other != 0:
        a, b, one, other = b, a, other, one
    if other == 0:
        return one if one == 0 or b.at_least(0) else _opposite(one) if b.at_most(0) else None
    return together(one, other) if a.at_least(0) and b.at_least(0) else None


__all__ = ["Going", "together", "trend_of"]
