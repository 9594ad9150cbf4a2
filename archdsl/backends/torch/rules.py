"""Arithmetic of a block's text in the constructor: checked on every body, and written in Python.

A block's text says `conv(2 * width)` or `half = width / 2`; where its names are known in every body and the numbers are
whole, the class says the same. One name may be unknown: what it must be follows from the value.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import TypeAlias

from archdsl.backends.torch.python import Binary, Expression, Literal
from archdsl.backends.torch.terms import Column, Term
from archdsl.graph.blocks import Formula, Operand

Exact: TypeAlias = "int | Fraction"


def names_in(operand: Operand) -> tuple[str, ...]:
    """The names in arithmetic, each as often as it stands there."""
    if isinstance(operand, Formula):
        return (*names_in(operand.left), *names_in(operand.right))
    return (operand,) if isinstance(operand, str) else ()


def divides(operand: Operand, name: str) -> bool:
    """Whether arithmetic divides by a name: `inner / group_width`."""
    if not isinstance(operand, Formula):
        return False
    below = operand.operator in ("/", "//") and operand.right == name
    return below or divides(operand.left, name) or divides(operand.right, name)


def value_of(operand: Operand, values: Mapping[str, Exact]) -> Exact | None:
    """What arithmetic gives; none where it divides by nothing."""
    if isinstance(operand, str):
        return values[operand]
    if isinstance(operand, int):
        return operand
    left, right = value_of(operand.left, values), value_of(operand.right, values)
    return _applied(operand.operator, left, right) if left is not None and right is not None else None


def _applied(operator: str, left: Exact, right: Exact) -> Exact | None:
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
    if not right:
        return None
    return left // right if operator == "//" else Fraction(left) / right


def solved(operand: Operand, name: str, values: Mapping[str, Exact], wanted: Exact) -> Exact | None:
    """What a name that stands once in arithmetic must be for it to give a value; none where that is not decided."""
    while isinstance(operand, Formula):
        on_left = name in names_in(operand.left)
        known = value_of(operand.right if on_left else operand.left, values)
        inverse = _inverse(operand.operator, on_left, known, wanted) if known is not None else None
        if inverse is None:
            return None
        operand, wanted = operand.left if on_left else operand.right, inverse
    return wanted


def _inverse(operator: str, on_left: bool, known: Exact, wanted: Exact) -> Exact | None:
    """The unknown operand of an operator, from the known one and the result."""
    match operator, on_left:
        case "+", _:
            return wanted - known
        case "-", True:
            return wanted + known
        case "-", False:
            return known - wanted
        case "*", _:
            return Fraction(wanted) / known if known else None
        case "/", True:
            return wanted * known
        case "/", False:
            return Fraction(known) / wanted if wanted else None
    return None


def written(operand: Operand, terms: Mapping[str, Term], count: int) -> Term | None:
    """Arithmetic in Python, with its value in each of so many bodies; none where a number in it is not whole."""
    if isinstance(operand, str):
        return terms[operand]
    if isinstance(operand, int):
        return Term(Literal(operand), (operand,) * count)
    left, right = written(operand.left, terms, count), written(operand.right, terms, count)
    if operand.operator == "*":
        for share, whole in (operand.left, right), (operand.right, left):
            if (made := _share(share, whole)) is not None:
                return made
    if left is None or right is None or left.expression is None or right.expression is None:
        return None
    column: Column = tuple([_applied(operand.operator, a, b) for a, b in zip(left.column, right.column, strict=True)])
    if any(value is None or value != int(value) for value in column):
        return None
    column = tuple(map(int, column))
    if isinstance(left.expression, Literal) and isinstance(right.expression, Literal):
        return Term(Literal(column[0]), column)
    if operand.operator == "*" and ONE in (left.expression, right.expression):
        return right if left.expression == ONE else left
    operator = "//" if operand.operator == "/" else operand.operator
    return Term(Binary(operator, left.expression, right.expression), column)


ONE = Literal(1)


def _share(share: Operand, whole: Term | None) -> Term | None:
    """A share of a number: `width * (1/4)` is `width // 4`, where it is whole."""
    part = value_of(share, {}) if not names_in(share) else None
    if part is None or whole is None or whole.expression is None or part == int(part):
        return None
    column = tuple([value * part for value in whole.column])
    if any(value != int(value) for value in column):
        return None
    top, below = Fraction(part).as_integer_ratio()
    expression: Expression = whole.expression if top == 1 else Binary("*", whole.expression, Literal(top))
    return Term(Binary("//", expression, Literal(below)), tuple(map(int, column)))


def replaced(operand: Operand, name: str, number: Exact) -> Operand:
    """Arithmetic with a number in the place of a name."""
    if isinstance(operand, Formula):
        left, right = [replaced(part, name, number) for part in (operand.left, operand.right)]
        return Formula(operand.operator, left, right)
    if operand != name:
        return operand
    top, below = Fraction(number).as_integer_ratio()
    return top if below == 1 else Formula("/", top, below)


__all__ = ["divides", "names_in", "replaced", "solved", "written"]
