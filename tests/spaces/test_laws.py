"""The laws of draws against probabilities and values that are worked out otherwise."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from reading import Texts

from archdsl.compiler import Compiler
from archdsl.diagnostics import Diagnostics
from archdsl.source import Source
from archdsl.spaces.entry import spaces_of
from archdsl.spaces.laws import Draw, Law
from archdsl.spaces.search import Search
from archdsl.spaces.space import Space

pytestmark = pytest.mark.fast

NET = """
use std.ops { conv }
fn bound() = 3
block plain(x; width) = x -> conv(width, kernel: 3)
model net(width) { input: 3 x 8 x 8  stages: conv { width: width  kernel: 3 } }
"""


def space_of_text(text: str) -> Space:
    """The space of a text, whose last is meant."""
    compiler, diagnostics = Compiler(Texts()), Diagnostics()
    found = spaces_of(compiler, compiler.program(Source("case.arch", NET + text), diagnostics), diagnostics)
    assert not diagnostics.failed, list(diagnostics)
    return found[-1]


def drawn(law: str) -> Draw:
    return space_of_text(f"space s {{ name ~ {law}  model: net(8) }}").draws[0]


@pytest.mark.parametrize(
    ("law", "values"),
    [
        ("int(1 .. 4)", [1, 2, 3, 4]),
        ("int(-2 .. 1)", [-2, -1, 0, 1]),
        ("int(7 .. 7)", [7]),
        ("int(bound() .. 2 * bound())", [3, 4, 5, 6]),
        ("uniform(1.5 .. 2, quantum: 0.25)", [Fraction(3, 2), Fraction(7, 4), 2]),
        ("uniform(0 .. 1, quantum: 1/3)", [0, Fraction(1, 3), Fraction(2, 3), 1]),
        ("uniform(-1 .. 1, quantum: 2)", [-1, 1]),
        ("log_uniform(8 .. 32, quantum: 8)", [8, 16, 24, 32]),
        ("log_uniform(2 .. 3, quantum: 0.5)", [2, Fraction(5, 2), 3]),
        ("power_of_two(1 .. 32)", [1, 2, 4, 8, 16, 32]),
        ("power_of_two(4 .. 4)", [4]),
        ('one_of(1, "a", none, true, 1/2)', [1, "a", None, True, Fraction(1, 2)]),
        ("one_of(true, 1, false, 0)", [True, 1, False, 0]),
    ],
)
def test_values_of_a_domain(law: str, values: list[object]) -> None:
    domain = drawn(law).law.domain
    found = [domain.value(index) for index in range(domain.size)]
    assert [(type(v), v) for v in found] == [(type(v), v) for v in values]
    assert [domain.index(value) for value in found] == list(range(len(values)))


def test_blocks_are_drawn() -> None:
    domain = drawn("one_of(plain, conv(kernel: 3), conv(kernel: 5))").law.domain
    assert [getattr(domain.value(index), "name", None) for index in range(3)] == ["plain", "conv", "conv"]
    assert [domain.index(domain.value(index)) for index in range(3)] == [0, 1, 2]


@pytest.mark.parametrize(
    ("law", "shares"),
    [
        ("int(1 .. 4)", [Fraction(1, 4)] * 4),
        ("uniform(0 .. 1, quantum: 1/4)", [Fraction(1, 5)] * 5),
        ("power_of_two(1 .. 4)", [Fraction(1, 3)] * 3),
        ("one_of(8, 16)", [Fraction(1, 2)] * 2),
        ("one_of(8, 16, 24, weights: [1, 2, 1])", [Fraction(1, 4), Fraction(1, 2), Fraction(1, 4)]),
        ("one_of(8, 16, weights: [1/3, 1/6])", [Fraction(2, 3), Fraction(1, 3)]),
    ],
)
def test_exact_probabilities(law: str, shares: list[Fraction]) -> None:
    found = drawn(law).law
    assert [found.share(index) for index in range(found.domain.size)] == [float(share) for share in shares]
    if found.probability == "weights":
        assert list(found.weights) == shares


@pytest.mark.parametrize(("first", "last", "quantum"), [("8", "1024", "8"), ("1", "16", "1"), ("1.5", "3", "0.001")])
def test_logarithmic_probabilities(first: str, last: str, quantum: str) -> None:
    """A value v takes log(v / (v - q)), the first log(a / (a - q / 2)), of log(b / (a - q / 2))."""
    law = drawn(f"log_uniform({first} .. {last}, quantum: {quantum})").law
    a, b, q = float(first), float(last), float(quantum)
    whole = math.log(b / (a - q / 2))
    size = round((b - a) / q) + 1
    assert law.domain.size == size
    for index in (0, 1, 2, size // 2, size - 1):
        v = a + index * q
        expected = math.log(v / (v - q if index else a - q / 2)) / whole
        assert math.isclose(law.share(index), expected, rel_tol=1e-9)
    assert math.isclose(math.fsum(map(law.share, range(size))), 1, rel_tol=1e-9)


@pytest.mark.parametrize(
    "law", ["int(3 .. 9)", "log_uniform(2 .. 20, quantum: 2)", "one_of(1, 2, 3, weights: [1, 4, 5])"]
)
def test_what_is_tried_goes_by_the_law(law: str) -> None:
    """The first settings that `check` tries have each value as often as its share says, within four deviations."""
    space = space_of_text(f"space s {{ name ~ each(100, {law})  model: net(8) }}")
    numbers = [number for setting, _ in zip(Search(space, 0), range(50), strict=False) for number in setting]
    of: Law = space.draws[0].law
    assert len(numbers) == 5000
    for index in range(of.domain.size):
        share = of.share(index)
        deviation = math.sqrt(len(numbers) * share * (1 - share))
        assert abs(numbers.count(index) - len(numbers) * share) < 4 * deviation


def test_lists() -> None:
    space = space_of_text(
        """space s {
          apart ~ each(3, one_of(8, 16))
          alike ~ tied(3, one_of(8, 16, 24))
          one   ~ int(1 .. 5)
          a, b  ~ power_of_two(1 .. 2)
          model: net(8)
        }"""
    )
    assert space.sizes == (2, 2, 2, 3, 5, 2, 2)
    assert (space.dimensions, space.free_dimensions, space.settings) == (7, 7, 8 * 3 * 5 * 4)
    values = space.values((0, 1, 1, 2, 4, 0, 1))
    assert values == {"apart": (8, 16, 16), "alike": (24, 24, 24), "one": 5, "a": 1, "b": 2}
    for draw, numbers in zip(space.draws, [(0, 1, 1), (2,), (4,), (0,), (1,)], strict=True):
        assert draw.indices(values[draw.name]) == numbers
    assert space.draws[1].indices((8, 8, 16)) is None
    assert space.draws[0].indices((8, 16)) is None
    assert space.draws[0].indices(8) is None


def test_a_value_alone_is_no_dimension() -> None:
    space = space_of_text("space s { width ~ one_of(8)  depth ~ int(1 .. 3)  model: net(width) }")
    assert (space.dimensions, space.free_dimensions, space.settings) == (2, 1, 3)


def test_names_of_laws_are_names_elsewhere() -> None:
    space = space_of_text(
        """fn int(a) = a + 1
        space s { each ~ int(1 .. 3)  tied = int(each)  model: net(8 * tied) }"""
    )
    assert [draw.name for draw in space.draws] == ["each"]


@pytest.mark.parametrize("name", ["tied", "each", "reweighted", "int", "one_of"])
def test_a_space_may_be_called_as_a_law(name: str) -> None:
    """The words mean a law on the right of `~` only; what stands within a law is a name as elsewhere."""
    text = f"space {name} {{ a ~ tied(2, int(1 .. bound()))  b ~ each(2, one_of(8, 16))  model: net(8) }}"
    assert [draw.settings for draw in space_of_text(text).draws] == [3, 4]
