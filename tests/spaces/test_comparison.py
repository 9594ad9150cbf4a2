"""What became of draws from a space to another, and in which order settings are gone through."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made import listed, space_of_draws, whole

from archdsl.spaces.arrays.sampled import Band, settings_at
from archdsl.spaces.comparison import subset, within
from archdsl.spaces.laws import Domain, Draw, Grid, Items, Law

pytestmark = pytest.mark.fast

GRIDS = st.builds(
    lambda first, step, size: Grid(first, step, size),
    st.integers(-6, 6),
    st.sampled_from([1, 2, 3, Fraction(1, 2), Fraction(3, 2)]),
    st.integers(1, 8),
)
LISTED = st.lists(st.integers(-6, 12), min_size=1, max_size=6, unique=True).map(lambda values: Items(tuple(values)))


def values(domain: Domain) -> set[object]:
    return {domain.value(index) for index in range(domain.size)}


@given(GRIDS | LISTED, GRIDS | LISTED)
def test_subsets(inner: Domain, outer: Domain) -> None:
    assert subset(inner, outer) == (values(inner) <= values(outer))


def test_lists() -> None:
    apart, tied = Draw("x", whole(1, 4), 3), Draw("x", whole(1, 3), 3, tied=True)
    assert within(tied, apart)
    assert not within(apart, tied)
    assert not within(Draw("x", whole(1, 3), 3), tied)
    assert within(Draw("x", listed(2), 3), tied)
    assert within(Draw("x", listed((1, 2, 4))), apart)
    assert not within(Draw("x", listed((1, 2, 5))), apart)
    assert within(Draw("x", listed((2, 2, 2))), tied)
    assert not within(Draw("x", whole(1, 4), 2), apart)
    assert not within(Draw("x", Law(Grid(1, 1, 10**9))), apart)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.data())
def test_settings_in_their_order(sizes: list[int], data: st.DataObject) -> None:
    """As nested loops go through them, the last dimension fastest."""
    space = space_of_draws(*[Draw(f"d{n}", whole(1, size)) for n, size in enumerate(sizes)])
    every = list(product(*map(range, sizes)))
    assert space.settings == len(every)
    start = data.draw(st.integers(0, len(every) - 1))
    found = settings_at(space.sizes, start, len(every) - start)
    assert [tuple(row) for row in found.tolist()] == every[start:]


def test_bands_hold_their_ends() -> None:
    import numpy as np

    costs = np.array([1, 2, 3, 4])
    assert Band("flops", 2, 3).holds(costs).tolist() == [False, True, True, False]
    assert Band("flops", None, 3).holds(costs).tolist() == [True, True, True, False]
    assert Band("flops", 2, None).holds(costs.astype(object)).tolist() == [False, True, True, True]
