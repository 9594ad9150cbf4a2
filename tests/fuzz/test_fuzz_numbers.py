"""Expressions of numbers alone, nested at random: a value or an error, and never more work than a decision may take."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from test_fuzz import deterministic

from archdsl import numbers
from archdsl.numbers import NumberError, work
from archdsl.numbers.faults import MAX_DECISION

BINARY = (
    numbers.add,
    numbers.subtract,
    numbers.multiply,
    numbers.divide,
    numbers.power,
    numbers.compare,
    numbers.modulo,
)
UNARY = (numbers.log, numbers.floor, numbers.ceil, numbers.round_half_even, numbers.absolute, numbers.describe)
leaves = st.one_of(
    st.integers(-9, 40), st.fractions(-3, 3, max_denominator=12), st.sampled_from([Fraction(1, 2), Fraction(1, 10**40)])
)
programs = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=12)


def outcome(operation: int, a: numbers.Number, b: numbers.Number) -> tuple[str, str, object]:
    """The kind of an error and its message, or the value."""
    try:
        if operation < len(BINARY):
            return "", "", BINARY[operation](a, b)
        return "", "", UNARY[operation - len(BINARY)](a)
    except NumberError as error:
        return error.kind, error.message, None


@deterministic(150)
@given(st.lists(leaves, min_size=2, max_size=5), programs)
def test_numbers(values: list[numbers.Number], steps: list[tuple[int, int, int]]) -> None:
    """Each step applies an operation to earlier results."""
    for operation, first, second in steps:
        a, b = values[first % len(values)], values[second % len(values)]
        before = work()
        kind, message, found = outcome(operation, a, b)
        assert kind in ("", "limit", "domain", "undecided")
        assert len(message) < 300
        if numbers.is_number(found):
            values.append(found)
        assert work() - before < 8 * MAX_DECISION
