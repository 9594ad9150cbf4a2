"""Programs on columns: the shapes and counts of one block for many widths at once.

`graph.tape` traces a block with symbols for its widths and notes what was decided on them. Here the terms of such a
trace are worked out on whole columns, exactly, with Python's numbers where 64 bits do not hold them. A lane for which
something is decided otherwise is told, and is another program's.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from archdsl.graph.tape import Plan, Term
from archdsl.records import dataclass
from archdsl.spaces.arrays.column import Array, Column, Exact, Lanes, Mask, constant


@dataclass(frozen=True, slots=True)
class Counted:
    """What a program says of lanes."""

    holds: Array
    """For which lanes (N)."""
    shapes: tuple[tuple[Exact, ...], ...]
    amounts: tuple[Exact, ...]


def counted(plan: Plan, numbers: Sequence[Array | int], size: int) -> Counted:
    """Work a program out for some lanes: its symbols are arrays (N) or numbers that all lanes share."""
    lanes = Lanes(size, exactly=True)
    known: dict[Term, Column] = {}
    whole = {left for sign, left, _ in plan.decisions if sign == "whole"}

    def of(operand: Any) -> Column:
        return known[operand] if isinstance(operand, Term) else constant(lanes, Fraction(operand))

    for term in plan.terms:
        known[term] = found = _worked_out(term, of, numbers, lanes)
        if term in whole and isinstance(found, Exact):
            known[term] = found.reduced()
    for sign, left, right in plan.decisions:
        if sign != "whole":
            holds: Mask = _COMPARED[sign](of(left), of(right))
            lanes.doubt(~holds.truth)
    shapes = tuple([tuple([_whole(of(dim)) for dim in shape]) for shape in plan.shapes])
    amounts = tuple([_whole(of(amount)) for amount in plan.amounts])
    return Counted(~lanes.unsure, shapes, amounts)


def _worked_out(term: Term, of: Any, numbers: Sequence[Array | int], lanes: Lanes) -> Column:
    operation, operands = term.operation, term.operands
    if operation == "symbol":
        number = numbers[operands[0]]  # type: ignore[index]
        return constant(lanes, number) if isinstance(number, int) else Exact(lanes, number[:, None])
    found: Column
    if operation in _ROUNDED:
        found = _ROUNDED[operation](of(operands[0]))
    else:
        found = _OPERATORS[operation](of(operands[0]), of(operands[1]))
    return found


def _whole(column: Column) -> Exact:
    if not isinstance(column, Exact):
        raise TypeError("a program calculates with whole numbers")
    return column.reduced()


_ROUNDED: dict[str, Any] = {
    "floor": lambda a: a.__floor__(),
    "ceiling": lambda a: a.__ceil__(),
    "round": lambda a: a.__round__(),
}
_OPERATORS: dict[str, Any] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "**": lambda a, b: a**b,
}
_COMPARED: dict[str, Any] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}

__all__ = ["Counted", "counted"]
