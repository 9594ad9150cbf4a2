"""Expressions of sympy: their names, their values, their text. sympy is imported where it is used."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Literal, TypeGuard

from archdsl.graph.symbolic import Symbolic

Notation = Literal["text", "latex"]


def names_in(expression: Any) -> frozenset[str]:
    return frozenset([symbol.name for symbol in getattr(expression, "free_symbols", ())])


def is_symbolic(value: object) -> TypeGuard[Symbolic]:
    return isinstance(value, Symbolic)


def is_number(value: object) -> TypeGuard[int | Fraction | Symbolic]:
    return isinstance(value, int | Fraction | Symbolic) and not isinstance(value, bool)


def expression_of(value: Any) -> Any:
    return value.expression if isinstance(value, Symbolic) else value


def concrete(value: Any) -> Any:
    return value.value if isinstance(value, Symbolic) else value


def normalised(number: Fraction) -> int | Fraction:
    return number.numerator if number.denominator == 1 else number


def number_at(expression: Any, values: Mapping[str, int]) -> Fraction:
    """The value of an expression at values of its symbols."""
    if isinstance(expression, int | Fraction):
        return Fraction(expression)
    import sympy  # type: ignore[import-untyped]

    found = expression.xreplace({s: sympy.Integer(values[s.name]) for s in expression.free_symbols})
    return Fraction(int(found.p), int(found.q))


def sum_of(terms: list[Any]) -> Any:
    """The sum of expressions, added at once: one by one takes the square of their number."""
    import sympy

    return sympy.Add(*terms)


def written(expression: Any, notation: Notation) -> str:
    import sympy

    expression = sympy.sympify(expression)
    if notation == "latex":
        return str(sympy.latex(expression))
    return str(expression).replace("**", "^").replace("ceiling(", "ceil(")
