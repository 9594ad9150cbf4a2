"""Single elements of columns, exactly: the arithmetic of the language, which has no value for some of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeAlias

from archdsl import numbers
from archdsl.numbers import NumberError

Element: TypeAlias = numbers.Number | None
"""An element, exactly; none where it cannot be had."""


def _if_it_has(function: Callable[..., numbers.Number]) -> Callable[..., Element]:
    """A function of elements that gives none where it has no value. Neighbours in a list ask for the same."""

    @lru_cache(maxsize=4096)
    def found(*operands: Element) -> Element:
        try:
            return None if None in operands else function(*operands)
        except NumberError:
            return None

    return found


logarithm = _if_it_has(numbers.log)
ON_NUMBERS: dict[str, Callable[..., Element]] = {
    "+": _if_it_has(numbers.add),
    "-": _if_it_has(numbers.subtract),
    "*": _if_it_has(numbers.multiply),
    "/": _if_it_has(numbers.divide),
    "^": _if_it_has(numbers.power),
}
EXACT_ROUNDINGS: dict[str, Callable[..., Element]] = {
    "floor": _if_it_has(numbers.floor),
    "ceiling": _if_it_has(numbers.ceil),
    "round": _if_it_has(numbers.round_half_even),
}
sign_of = _if_it_has(lambda value: numbers.compare(value, 0))


__all__ = ["EXACT_ROUNDINGS", "ON_NUMBERS", "Element", "logarithm", "sign_of"]
