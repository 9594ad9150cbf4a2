"""Expressions of numbers alone, nested at random: a value or an error, and never more work than a decision may take."""

from __future__ import annotations

from fractions import Fraction

import pytest
from counting import counted_calls
from hypothesis import given
from hypothesis import strategies as st
from test_fuzz import deterministic

from archdsl import numbers
from archdsl.numbers import NumberError, decide, integers, irrational, work

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
deep = st.lists(
    st.tuples(st.sampled_from([4, 4, 7, 7, 4, 7, 0, 1, 2, 3]), st.integers(0, 3), st.integers(0, 30)), max_size=16
)
"""Mostly powers and logarithms of the last results: numbers whose decisions take long."""
programs = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=12)
MOST_WORK = 400_000
"""Of a step: one or two decisions about numbers of all the parts there may be."""
LEAST, CALLS_OF_A_UNIT = 5_000, 20
"""Calls that a step may make beside its work, and for each unit of it."""


def outcome(operation: int, a: numbers.Number, b: numbers.Number) -> tuple[str, str, object]:
    """The kind of an error and its message, or the value."""
    try:
        if operation < len(BINARY):
            return "", "", BINARY[operation](a, b)
        return "", "", UNARY[operation - len(BINARY)](a)
    except NumberError as error:
        return error.kind, error.message, None


def watched(operation: int, a: numbers.Number, b: numbers.Number) -> tuple[str, str, object]:
    """The outcome of a step. It takes no more work than decisions may, and no more calls than its work is."""
    before = work()
    with counted_calls() as calls:
        found = outcome(operation, a, b)
    spent = work() - before
    assert spent < MOST_WORK
    assert calls.number < LEAST + CALLS_OF_A_UNIT * spent, (calls.number, spent)
    return found


@deterministic(150)
@given(st.lists(leaves, min_size=2, max_size=5), deep, programs)
def test_numbers(
    values: list[numbers.Number], first: list[tuple[int, int, int]], steps: list[tuple[int, int, int]]
) -> None:
    """Each step applies an operation to earlier results, counted from the last."""
    for operation, one, other in first + steps:
        a, b = values[-1 - one % len(values)], values[-1 - other % len(values)]
        kind, message, found = watched(operation, a, b)
        assert kind in ("", "limit", "domain", "undecided")
        assert len(message) < 300
        if numbers.is_number(found):
            values.append(found)


def test_the_watch_sees_work_that_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A comparison that is given up passes with its work counted, and not without: sixteen logarithms that cancel."""
    total: numbers.Number = Fraction(1, 10**1200)
    for n in range(2, 10):
        root = numbers.power(n * n - 1, Fraction(1, 2))
        for sign in (numbers.add, numbers.subtract):
            total = numbers.add(total, numbers.log(sign(n, root)))
    compare = BINARY.index(numbers.compare)
    assert watched(compare, total, 0)[0] == "undecided"
    for module in (decide, irrational, integers):
        monkeypatch.setattr(module, "charge", lambda _: None)
    with pytest.raises(AssertionError):
        watched(compare, total, 0)
