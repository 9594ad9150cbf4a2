"""Solving a scaling for a budget: the nearest network of the grid, whatever factors have none, in counted steps."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import Any

import pytest
from families.compiling import COMPILER, spec_source, text_source
from sampling import TIMES

from archdsl import limits
from archdsl.analysis.model import Solved
from archdsl.compiler import Changes, Compilation, Compiled, Failed
from archdsl.graph.cost import count

GROUPED = """
use std.ops { conv }
block g(x; width) = x -> conv(width, kernel: 1) -> conv(width, kernel: 3, groups: 16)
model n { input: 3 x 32 x 32  stages: g(32) }
"""
ZOO = [
    ("efficientnet_b0", "d", "flops=6.2G"),
    ("efficientnet_b0", "dWr", "params=20M"),
    ("regnety_400mf", "dWr", "flops=4G"),
    ("regnetx_400mf", "w", "params=1.2M"),
    ("rexnet_1_0x", "w", "acts=20M"),
    ("resnet50", "dr", "flops=1G"),
    ("mobilenetv2", "r", "flops=150M"),
    ("mobilenetv2", "width_mult", "params=5M"),
]
MOST_WORK = 150_000
"""Evaluation steps within which every budget of the zoo is solved for, of `MAX_SOLVE_WORK`."""
UNEVEN = """
use std.ops { conv, linear, global_pool, flatten }
use std.regnet { x_block }
use std.rules { round_to }

# Widths and group widths that `fit` changes, and a projection where two stages have not the same width.
model fitted {
  input:  3 x 32 x 32
  stages: x_block { width: [40, 48, 112]  depth: [1, 2, 1]  stride: [2, 1, 2]  group_width: 16 }
}

# Twice the width and half the groups cost the same.
block grouped(x; width, groups: 8) = x -> conv(width, kernel: 3, groups: groups)
model divided {
  input:  8 x 16 x 16
  stages: grouped { width: [32, 64]  depth: [2, 2] }
}
scaling divide(s) {
  width:  max(8, round_to(width * s, 8))
  groups: max(1, round(groups * s / 2))
}

# One grows and the other falls.
model traded {
  input:  8 x 16 x 16
  stages: grouped { width: [32, 64]  depth: [2, 2]  groups: 1 }
}
scaling trade(s) {
  width: max(8, round_to(width * s, 8))
  depth: max(1, round(depth / s))
}

# A family whose parameter is in the head alone, which is a sequence of blocks.
model headed(head_mult: 1) {
  input:  3 x 16 x 16
  stages: grouped { width: [16]  groups: 1 }
  head:   conv(round(64 * head_mult), kernel: 1) -> global_pool -> flatten -> linear(10)
  expect { params: 3M }
}
scaling by_head(s) { model.head_mult: model.head_mult * s }
"""
EVERY = [
    ("fitted", "w", "params=12K"),
    ("fitted", "dWr", "flops=900K"),
    ("fitted", "w_fixed_group", "acts=60K"),
    ("divided", "divide", "params=20K"),
    ("divided", "divide", "flops=2M"),
    ("traded", "trade", "params=40K"),
    ("headed", "by_head", "params=1K"),
]


def at(name: str, scaling: str) -> Compilation:
    return COMPILER.compile(spec_source(name), name, Changes((), (scaling,)))


def solved(result: Compilation) -> Solved:
    assert result.model is not None, [d.message for d in result.diagnostics]
    return result.model.solved[-1]


def grouped(scaling: str) -> Compilation:
    return COMPILER.compile(text_source(GROUPED), "n", Changes((), (scaling,)))


@pytest.mark.parametrize("budget", [200, 400, 2500, 2496, 1700, 9000])
def test_factors_without_a_network_are_passed_over(budget: int) -> None:
    """Only multiples of sixteen channels have one: 64 channels have 2,496 parameters."""
    found = solved(grouped(f"w(solve(params: {budget}))"))
    widths = {w: 3 * w + 9 * w * (w // 16) for w in range(16, 256, 16)}
    nearest = min(abs(cost - budget) for cost in widths.values())
    assert abs(found.reached - budget) == nearest
    assert found.reached in widths.values()
    assert found.passed
    assert all("groups do not divide" in reason for _, reason in found.passed)


def test_those_passed_over_have_no_network() -> None:
    for factor, reason in solved(grouped("w(solve(params: 2500))")).passed[:4]:
        result = grouped(f"w({factor})")
        assert isinstance(result, Failed)
        assert [d.message for d in result.diagnostics] == [reason]


def test_no_budget_is_met_where_none_can_be() -> None:
    for scaling in ("w(solve(params: 100))", "r(solve(params: 5000))"):
        assert [d.code for d in grouped(scaling).diagnostics] == ["E313"]
    [said] = grouped("w(solve(params: 100))").diagnostics
    assert said.help is not None
    assert "has no network: groups do not divide the channels" in said.help


@pytest.mark.parametrize(("name", "scaling", "budget"), ZOO)
def test_the_zoo_is_solved_for_in_counted_steps(name: str, scaling: str, budget: str) -> None:
    """And no factor of a sample is nearer."""
    measure, amount = budget.split("=")
    found = solved(at(name, f"{scaling}(solve({measure}: {amount}))"))
    assert 0 < found.work < MOST_WORK < limits.MAX_SOLVE_WORK
    rng = random.Random(7)
    thousandths = int(found.factor * 1000)
    others = [rng.randrange(thousandths // 2, thousandths * 2) for _ in range(3)]
    for other in (thousandths - 1, thousandths + 1, *others):
        network = at(name, f"{scaling}({Fraction(other, 1000)})").network
        if network is not None:
            assert abs(getattr(count(network), measure) - found.target) >= abs(found.residual)


@pytest.mark.parametrize(("name", "scaling", "budget"), EVERY)
def test_no_factor_is_nearer(name: str, scaling: str, budget: str) -> None:
    """Some factors from half to twice the one that was found are counted, and all about it."""
    measure, amount = budget.split("=")
    source = text_source(UNEVEN)
    found = solved(COMPILER.compile(source, name, Changes((), (f"{scaling}(solve({measure}: {amount}))",))))
    nearest, thousandths = abs(found.residual), int(found.factor * 1000)
    far = range(thousandths // 2, thousandths * 2, 7 if TIMES > 1 else 23)
    for factor in {*far, *range(thousandths - 5, thousandths + 6)}:
        result = COMPILER.compile(source, name, Changes((), (f"{scaling}({Fraction(factor, 1000)})",)))
        if isinstance(result, Compiled):
            distance = abs(getattr(count(result.network), measure) - found.target)
            assert distance > nearest or (distance == nearest and factor >= thousandths), factor


def test_a_head_of_several_blocks_is_seen() -> None:
    """No stage changes, and no setting of a single block: the head's sequence alone."""
    result = COMPILER.compile(text_source(UNEVEN), "headed", Changes((), ("by_head(solve(params: 3121))",)))
    found = solved(result)
    assert (found.reached, found.factor) == (442 + 26 * 103, Fraction(1602, 1000))


def test_a_budget_that_is_the_network_s_own_cost() -> None:
    network: Any = at("efficientnet_b0", "d(1)").network
    found = solved(at("efficientnet_b0", f"d(solve(flops: {count(network).flops}))"))
    assert found.residual == 0
    assert found.factor <= 1


def test_depth_finds_its_network() -> None:
    found = solved(at("efficientnet_b0", "d(solve(flops: 6.2G))"))
    assert found.reached == 6_191_926_928
    assert found.factor == Fraction(15501, 1000)
