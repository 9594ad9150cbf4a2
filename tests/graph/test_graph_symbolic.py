"""`Symbolic` numbers, and the closed forms of a network."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import pytest
import sympy
from graph_networks import Sketch, efficientnet_b0, kitchen_sink
from hypothesis import given, settings
from hypothesis import strategies as st

from archdsl.closed_forms.network import formulas
from archdsl.graph.conventions import CONVENTIONS
from archdsl.graph.cost import count
from archdsl.graph.network import INPUT, Network
from archdsl.graph.symbolic import Symbolic

pytestmark = pytest.mark.fast

W, R, G = sympy.symbols("w r g", positive=True, integer=True)
small = st.integers(-60, 60)
positive = st.integers(1, 60)


def check(number: Symbolic, value: Any, **values: int) -> None:
    assert number == value
    expression = sympy.sympify(number.expression)
    assert expression.subs({W: values["w"], R: values["r"]}) == sympy.Rational(Fraction(value))


@settings(deadline=None)
@given(positive, positive, small)
def test_arithmetic_follows_value_and_expression(w: int, r: int, n: int) -> None:
    a, b, at = Symbolic.of("w", w), Symbolic.of("r", r), {"w": w, "r": r}
    check(a + b, w + r, **at)
    check(n + a - b * n, n + w - r * n, **at)
    check(n - a, n - w, **at)
    check(a // b, w // r, **at)
    check(a % b, w % r, **at)
    check(n // a, n // w, **at)
    check(n % a, n % w, **at)
    check(-(-a // b), math.ceil(Fraction(w, r)), **at)
    check(a / b, Fraction(w, r), **at)
    check(n / a, Fraction(n, w), **at)
    check(a**3, w**3, **at)
    check(a**-1, Fraction(1, w), **at)
    check(abs(n - a), abs(n - w), **at)
    check(math.floor(a / b), w // r, **at)
    check(math.ceil(a / b), -(-w // r), **at)
    assert round(a / b) == round(Fraction(w, r))
    assert round(a) is a
    assert math.floor(a) is a
    assert math.ceil(a) is a


@settings(deadline=None)
@given(small, small)
def test_the_value_alone_decides(a: int, b: int) -> None:
    x, y = Symbolic(a, W), Symbolic(b, R)
    assert (x < y, x <= y, x > y, x >= y, x == y, x != y) == (a < b, a <= b, a > b, a >= b, a == b, a != b)
    assert (x < b, x == b, b < x) == (a < b, a == b, b < a)
    assert hash(x) == hash(a)
    assert bool(x) == bool(a)
    assert list(range(max(x, 0))) == list(range(max(a, 0)))
    assert max(x, y) == max(a, b)
    assert str(x) == str(a)


def test_exact_quotients_stay_plain() -> None:
    r = Symbolic.of("r", 224)
    assert (r // 32).expression == R / 32
    assert (-(-r // 2)).expression == R / 2
    assert (r // 3).expression == sympy.floor(R / 3)
    assert isinstance((r / 3).value, Fraction)
    with pytest.raises(TypeError):
        range(r / 3)
    with pytest.raises(TypeError):
        r + "1"
    with pytest.raises(TypeError):
        _ = r < "1"
    assert r != "1"


def stage(w: Any, r: Any, g: Any, depth: int = 3) -> Network:
    """A stage of RegNetX blocks behind a stem, in symbols or in numbers."""
    net = Sketch(3, r, r)
    x = net.unit(INPUT, "stem", w, 3, "relu", stride=2)
    for j in range(depth):
        path = f"stages.0.blocks.{j}"
        y = net.unit(x, f"{path}.a", w, 1, "relu")
        y = net.unit(y, f"{path}.b", w, 3, "relu", groups=w // g)
        y = net.unit(y, f"{path}.c", w, 1, None)
        x = net(net([x, y], f"{path}.add", "add"), f"{path}.act", "relu")
    return net.head(x, "stage", 10)


def symbols() -> dict[str, Symbolic]:
    return {"w": Symbolic.of("w", 64), "r": Symbolic.of("r", 32), "g": Symbolic.of("g", 16)}


def test_closed_form_of_a_stage() -> None:
    _, body, head = formulas(stage(**symbols()))
    assert body.stage == "stages.0"
    assert len(body.blocks) == 1
    assert body.blocks[0].blocks == tuple(f"stages.0.blocks.{j}" for j in range(3))
    block = body.blocks[0].each
    assert block.flops == sympy.expand((2 * W**2 + 9 * W * G) * R**2 / 4)
    assert block.params == sympy.expand(2 * W**2 + 9 * W * G + 6 * W)
    assert block.acts == sympy.expand(3 * W * R**2 / 4)
    assert body.total.flops == sympy.expand(3 * block.flops)
    assert head.total.params == 10 * W + 10


@settings(deadline=None)
@given(st.integers(1, 8), st.integers(1, 6), st.sampled_from([1, 2, 8, 16]))
def test_closed_form_equals_count_elsewhere(groups: int, half: int, g: int) -> None:
    w, r = groups * g, 2 * half
    cost = count(stage(w, r, g))
    parts = formulas(stage(**symbols()))
    for name in ("flops", "params", "acts"):
        form = sum(getattr(part.total, name) for part in parts)
        assert form.subs({W: w, R: r, G: g}) == getattr(cost, name)


def test_resolution_of_a_whole_network() -> None:
    network = efficientnet_b0(size=Symbolic.of("r", 224))  # type: ignore[arg-type]
    cost = count(network)
    assert cost.flops == count(efficientnet_b0()).flops
    for r in (32, 256, 320):
        assert cost.flops.expression.subs(R, r) == count(efficientnet_b0(size=r)).flops
        assert cost.acts.expression.subs(R, r) == count(efficientnet_b0(size=r)).acts
    assert network.hash == efficientnet_b0().hash


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_every_convention_has_closed_forms(convention: str) -> None:
    numbers, network = count(stage(64, 32, 16), convention), stage(**symbols())
    parts = formulas(network, convention)
    for name in ("flops", "params", "acts"):
        form = sum(getattr(part.total, name) for part in parts)
        assert form.subs({W: 64, R: 32, G: 16}) == getattr(numbers, name)


def test_formulas_of_plain_numbers_are_numbers() -> None:
    assert sum(part.total.params for part in formulas(kitchen_sink())) == count(kitchen_sink()).params
