"""Draws follow their laws exactly, and are the same from wherever one begins."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made import listed, space_of_draws, whole

from archdsl.spaces.arrays.draws import BITS, MAX_EQUAL, DrawFault, chosen, draw, edges_of, uniform
from archdsl.spaces.laws import Draw, Grid, Items, Law

pytestmark = pytest.mark.fast

LAWS = {
    "equal": whole(1, 63),
    "two": listed("a", "b"),
    "log": Law(Grid(1, 1, 16), "log"),
    "log of eights": Law(Grid(8, 8, 128), "log"),
    "log of thousandths": Law(Grid(Fraction(3, 2), Fraction(1, 1000), 1501), "log"),
    "weights": Law(Items((1, 2, 4, 8)), "weights", (Fraction(1, 2), Fraction(1, 3), Fraction(0), Fraction(1, 6))),
}
SPACE = space_of_draws(
    Draw("depth", LAWS["log"], 4), Draw("ratio", LAWS["weights"], 4, tied=True), Draw("kernel", LAWS["equal"])
)


def shares(law: Law) -> list[Fraction]:
    """Of all values, as the edges say."""
    return [Fraction(int(high) - int(low), 2**BITS) for low, high in pairwise([0, *edges_of(law)])]


@pytest.mark.parametrize("name", LAWS)
def test_shares_are_those_of_the_law(name: str) -> None:
    law = LAWS[name]
    found = shares(law)
    assert sum(found) == 1
    assert all(abs(share - Fraction(law.share(i))) < Fraction(1, 10**14) for i, share in enumerate(found))
    if law.probability == "weights":
        assert all(
            abs(share - weight) <= Fraction(1, 2**BITS) for share, weight in zip(found, law.weights, strict=True)
        )


def test_the_law_of_logarithms_by_hand() -> None:
    """Of 1 .. 4 the cells are (0.5, 1], (1, 2], (2, 3], (3, 4], and the whole is log 8."""
    law = Law(Grid(1, 1, 4), "log")
    by_hand = [math.log(2), math.log(2), math.log(3 / 2), math.log(4 / 3)]
    assert [float(share) for share in shares(law)] == pytest.approx([x / math.log(8) for x in by_hand], abs=1e-15)


@given(st.integers(1, 2**36), st.integers(0, 2**BITS - 1))
def test_equal_values_by_whole_numbers(size: int, number: int) -> None:
    law = Law(Grid(0, 1, size))
    numbers = np.array([number, 0, 2**BITS - 1])
    assert chosen(law, numbers, "x").tolist() == [int(n) * size >> BITS for n in numbers]


@pytest.mark.parametrize("name", LAWS)
def test_draws_follow_their_law(name: str) -> None:
    """Chi-square of 200,000 draws of a fixed seed, against the value that is exceeded once in 10,000 times."""
    law, count = LAWS[name], 200_000
    found = np.bincount(draw(space_of_draws(Draw(name, law)), 1, 0, count)[:, 0], minlength=law.domain.size)
    expected = [count * law.share(i) for i in range(law.domain.size)]
    degrees = sum(each > 0 for each in expected) - 1
    square = sum((f - e) ** 2 / e for f, e in zip(found.tolist(), expected, strict=True) if e)
    bound = degrees * (1 - 2 / (9 * degrees) + 3.719 * math.sqrt(2 / (9 * degrees))) ** 3  # Wilson and Hilferty 1931
    assert square < bound
    assert not [f for f, e in zip(found.tolist(), expected, strict=True) if not e and f]


def test_dimensions_are_independent() -> None:
    found = draw(SPACE, 7, 0, 100_000).astype(float)
    correlation = np.corrcoef(found.T) - np.eye(found.shape[1])
    assert np.abs(correlation).max() < 4 / math.sqrt(100_000)
    again = draw(SPACE, 8, 0, 100_000).astype(float)
    assert abs(np.corrcoef(found[:, 0], again[:, 0])[0, 1]) < 4 / math.sqrt(100_000)


@given(st.integers(0, 10**15), st.integers(0, 70), st.integers(1, 70), st.integers(0, 2**63 - 1))
def test_a_draw_depends_on_its_number_alone(start: int, skip: int, count: int, seed: int) -> None:
    whole_piece = draw(SPACE, seed, start, skip + count)
    assert np.array_equal(draw(SPACE, seed, start + skip, count), whole_piece[skip:])


def test_a_draw_depends_on_its_name_alone() -> None:
    """So a space that refines another draws as it does what it leaves alone."""
    kernel = space_of_draws(Draw("kernel", LAWS["equal"]), Draw("other", LAWS["two"]))
    assert np.array_equal(draw(kernel, 3, 5, 100)[:, 0], draw(SPACE, 3, 5, 100)[:, -1])


NUMBERS = [6673706138418180, 4062078660477331, 5489778571777796]
ROWS = [[0, 7, 0, 13, 3, 51], [0, 3, 1, 0, 0, 9]]


def test_known_numbers() -> None:
    """The same on every machine and in every version: these were drawn when the law was decided."""
    assert uniform(0, "depth", 0, 0, 3).tolist() == NUMBERS
    assert draw(SPACE, 0, 10**9, 2).tolist() == ROWS


def test_all_settings_alike() -> None:
    """Whatever the laws are."""
    found = draw(SPACE, 1, 0, 160_000, equal=True)[:, 0]
    assert np.abs(np.bincount(found, minlength=16) - 10_000).max() < 4 * math.sqrt(10_000)


def test_what_cannot_be_drawn() -> None:
    with pytest.raises(DrawFault, match="`wide` has 68,719,476,737 values, and at most 68,719,476,736"):
        draw(space_of_draws(Draw("wide", Law(Grid(0, 1, MAX_EQUAL + 1)))), 0, 0, 1)
    with pytest.raises(DrawFault, match="`wide` has 2,000,000 values that differ in their shares"):
        draw(space_of_draws(Draw("wide", Law(Grid(1, 1, 2_000_000), "log"))), 0, 0, 1)
    with pytest.raises(DrawFault, match="a seed is a whole number of 0 to"):
        draw(SPACE, -1, 0, 1)
