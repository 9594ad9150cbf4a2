"""The functions that every file sees without a `use`: arithmetic, and nothing of any family."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from archdsl import numbers
from archdsl.analysis.program import Builtin, Primitive
from archdsl.analysis.values import Solve
from archdsl.graph.cost import MEASURES
from archdsl.graph.operations import OPERATIONS
from archdsl.numbers import NumberError


def _list_or_numbers(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(values) == 1 and isinstance(values[0], tuple):
        values = values[0]
    if not values:
        raise NumberError("domain", "an empty list has neither a least nor a greatest element")
    return values


def _maximum(*values: Any) -> Any:
    values = _list_or_numbers(values)
    best = values[0]
    for value in values[1:]:
        best = numbers.maximum(best, value)
    return best


def _minimum(*values: Any) -> Any:
    values = _list_or_numbers(values)
    best = values[0]
    for value in values[1:]:
        best = numbers.minimum(best, value)
    return best


def _sum(values: Any) -> Any:
    total: Any = 0
    for value in values if isinstance(values, tuple) else (values,):
        total = numbers.add(total, value)
    return total


def _count(values: Any) -> int:
    if not isinstance(values, tuple):
        raise NumberError("domain", "count takes a list")
    return len(values)


def _sqrt(value: Any) -> Any:
    return numbers.power(value, Fraction(1, 2))


def _binary64(value: Any) -> Any:
    """The nearest number of binary64, half to even: what code in doubles holds of a number."""
    if isinstance(value, numbers.Irrational):
        raise NumberError("domain", f"binary64 takes a fraction, and {numbers.describe(value)} is none")
    return numbers.normalise(Fraction(numbers.approximate(value)))


def _binary64_sum(values: Any) -> Any:
    """The sum from the first to the last, each partial sum a double: what a loop in doubles adds up."""
    total: Any = 0
    for value in values if isinstance(values, tuple) else (values,):
        total = _binary64(numbers.add(total, value))
    return total


def _solve(measure: str, target: Any, within: Any = None) -> Solve:
    if numbers.compare(target, 1) < 0:
        raise NumberError("domain", f"a budget of {numbers.describe(target)} cannot be met")
    if within is not None and not (isinstance(within, int | Fraction) and 0 <= within < 1):
        message = f"the share of a budget is a fraction from 0 to below 1, not {numbers.describe(within)}"
        raise NumberError("domain", message)
    return Solve(measure, numbers.round_half_even(target), within)


def _operation(name: str) -> Primitive:
    return Primitive(name, OPERATIONS[name])


PRELUDE: dict[str, Builtin] = {
    b.name: b
    for b in (
        Builtin("round", numbers.round_half_even, 1, 1),
        Builtin("floor", numbers.floor, 1, 1),
        Builtin("ceil", numbers.ceil, 1, 1),
        Builtin("abs", numbers.absolute, 1, 1),
        Builtin("log", numbers.log, 1, 1),
        Builtin("sqrt", _sqrt, 1, 1, operation=_operation("sqrt")),
        Builtin("max", _maximum, 1, None, operation=_operation("max")),
        Builtin("min", _minimum, 1, None, operation=_operation("min")),
        Builtin("sum", _sum, 1, 1, operation=_operation("sum")),
        Builtin("binary64", _binary64, 1, 1),
        Builtin("binary64_sum", _binary64_sum, 1, 1),
        Builtin("count", _count, 1, 1, lists=True),
        Builtin("gcd", numbers.gcd, 2, 2),
        Builtin("lcm", numbers.lcm, 2, 2),
        Builtin("solve", _solve, 1, 1, named=MEASURES, options=("within",)),
    )
}
