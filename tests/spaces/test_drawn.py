"""Settings drawn without arrays: those that NumPy's generator gives, number for number."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from archdsl.population import space
from archdsl.spaces.arrays.draws import draw
from archdsl.spaces.arrays.draws import uniform as many
from archdsl.spaces.drawn import BITS, MAX_SEED, DrawFault, philox, settings, uniform

SPACES = ("anynetx_a", "anynetx_e", "search_18")


def test_philox_is_the_generator_of_numpy() -> None:
    random = Random(1)
    for _ in range(20):
        counter, key = random.randrange(2**256 - 1), (random.randrange(2**64), random.randrange(2**64))
        words = [counter >> shift & 2**64 - 1 for shift in (0, 64, 128, 192)]
        generator = np.random.Philox(counter=np.array(words, np.uint64), key=np.array(key, np.uint64))
        assert list(philox(counter + 1, key)) == generator.random_raw(4).tolist()


def test_uniform_numbers_are_those_of_arrays() -> None:
    for seed, start in ((0, 0), (7, 3), (MAX_SEED, 10**12 + 1)):
        numbers = [uniform(seed, "width", 2, start + i) for i in range(9)]
        assert numbers == many(seed, "width", 2, start, 9).tolist()
        assert all(0 <= number < 2**BITS for number in numbers)


@pytest.mark.parametrize("name", SPACES)
def test_settings_are_those_of_arrays(name: str) -> None:
    """Laws that are equal, and logarithmic ones."""
    found = space(name).opened.space
    assert [list(each) for each in settings(found, 3, 5, 40)] == draw(found, 3, 5, 40).tolist()


def test_a_seed_that_no_column_holds() -> None:
    with pytest.raises(DrawFault, match="seed"):
        next(settings(space("anynetx_a").opened.space, -1, 0, 1))
