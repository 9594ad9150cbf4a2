"""Steps of single stages towards a budget: the fewest, and of equally many those that leave the least."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import cache
from itertools import combinations, product
from typing import Any, NamedTuple

import pytest
from families.compiling import COMPILER, compiled, network_of, spec, spec_source, text_source, totals
from families.reference_scaler import STRATEGIES, Stages, Weights, adjust, half_even, round_group, scale, to_eight
from sampling import TIMES

from archdsl.analysis.model import Solved
from archdsl.compiler import Changes, Compilation, Compiled, Failed
from archdsl.source import Source
from archdsl.views.show import show_model

# The zoo

STRATEGY_NAMES = ("d", "w", "r", "dw", "dr", "wr", "dwr", "dWr")
TARGETS = {
    "efficientnet_b0": ("800M", "1.6G", "6.2G"),
    "regnetx_400mf": ("800M", "1.6G", "4G"),
    "regnety_400mf": ("800M", "1.6G"),
    "resnet50": ("2G", "8G"),
    "mobilenetv2": ("150M",),
}
CASES = [(name, strategy, target) for name, found in TARGETS.items() for strategy in STRATEGY_NAMES for target in found]
CASES.append(("rexnet_1_0x", "dw", "800M"))
MOST_WORK = 500_000
"""Evaluation steps within which a factor and steps of stages are found, of `MAX_SOLVE_WORK`."""

MISSED = {
    "efficientnet_b0": 9,
    "regnetx_400mf": 9,
    "regnety_400mf": 7,
    "resnet50": 5,
    "mobilenetv2": 6,
    "rexnet_1_0x": 1,
}
"""Of the 89 cases, those whose factor alone misses the budget by more than 1 %."""
LEFT = {("resnet50", "d", "2G"): Fraction(47237132, 10**9)}
"""Those that no steps bring within 1 %, and what is left: its blocks cost too much, and all about the same."""


def solved(result: Compilation) -> Solved:
    assert isinstance(result, Compiled), [d.message for d in result.diagnostics]
    return result.model.solved[-1]


def cost(result: Compilation, measure: str) -> int:
    """Of a compilation that may have warned."""
    assert isinstance(result, Compiled)
    return totals(result.network)[measure]


def within(strategy: str, measure: str, target: str | int, share: str = "1/100") -> str:
    return f"{strategy}(solve({measure}: {target}, within: {share}))"


@pytest.mark.parametrize("name", MISSED)
def test_steps_bring_the_zoo_within_one_percent(name: str) -> None:
    """How many of the 89 cases miss before and after; a network within 1 % by its factor is the factor's.

    Every third is tried, with what is left; all in `make thorough`.
    """
    assert len(CASES) == 89
    missed = 0
    mine = [case for case in CASES if case[0] == name]
    for _, strategy, target in [c for place, c in enumerate(mine) if TIMES > 1 or place % 3 == 0 or c in LEFT]:
        result = spec(name, scalings=[within(strategy, "flops", target)])
        found = solved(result)
        alone = found.reached if found.unmoved is None else found.unmoved
        misses = abs(alone - found.target) * 100 > found.target
        missed += misses
        left = LEFT.get((name, strategy, target))
        assert bool(found.moved) == (misses and left is None), (strategy, target)
        assert cost(result, "flops") == found.reached
        assert found.work < MOST_WORK
        if left is None:
            assert abs(found.residual) * 100 <= found.target, (strategy, target)
        else:
            assert Fraction(-found.residual, found.target) == left
            assert [d.code for d in result.diagnostics] == ["E313"]
    assert missed == MISSED[name] if TIMES > 1 else 0 < missed < MISSED[name] or len(mine) == 1


def test_no_depths_beside_a_factor_come_nearer() -> None:
    """The one case that is left: every stage with a block more or less, counted."""
    [(name, strategy, target)] = LEFT
    base = spec(name, scalings=[within(strategy, "flops", target)])
    found = solved(base)
    assert isinstance(base, Compiled)
    depths = [stage.length for stage in base.model.stages]
    ways = product(*[[d for d in (depth - 1, depth, depth + 1) if d] for depth in depths])
    costs = set()
    for chosen in ways:
        settings = {f"stages[{i}].depth": depth for i, depth in enumerate(chosen)}
        costs.add(totals(network_of(spec(name, settings=settings)))["flops"])
    assert min(abs(cost - found.target) for cost in costs) * 100 > found.target


# Small networks, by brute force


def small(stages: Stages) -> str:
    """A small network with these stages."""
    return f"""
use std.regnet {{ simple_stem, x_block, pool_head }}
model small {{
  input:  3 x {stages.resolution} x {stages.resolution}
  stem:   simple_stem(width: 8)
  stages: x_block {{
    depth: {list(stages.depths)}  width: {list(stages.widths)}  group_width: {list(stages.groups)}  stride: 2
  }}
  head:   pool_head(classes: 10)
}}
"""


class Move(NamedTuple):
    """A step as the reference has it."""

    stage: int
    name: str
    before: int
    after: int


@cache
def cost_of(stages: Stages, measure: str) -> int:
    return totals(network_of(compiled(small(stages))))[measure]


def after(stages: Stages, moves: tuple[Move, ...]) -> Stages:
    depths, widths = list(stages.depths), list(stages.widths)
    for move in moves:
        (depths if move.name == "depth" else widths)[move.stage] = move.after
    return replace(stages, depths=tuple(depths), widths=tuple(widths))


def moves_of(base: Stages, found: Stages, weights: Weights, thousandths: int) -> list[list[Move]]:
    """For each stage the next depths and widths of the grid, from a quarter of the factor to four times it.

    A width is that of the reference scaler's rounding, made to fit the group width that the stage has.
    """
    moves = []
    for stage in range(len(base.depths)):
        group = round_group(base.groups[stage] * weights.factors(thousandths / 1000)[2], half_even)
        own = []
        for name, before in (("depth", found.depths[stage]), ("width", found.widths[stage])):
            for grid in (range(thousandths, max(1, thousandths // 4) - 1, -1), range(thousandths, 4 * thousandths + 1)):
                for k in grid:
                    d, w, _, _ = weights.factors(k / 1000)
                    if name == "depth":
                        value = max(1, half_even(base.depths[stage] * d))
                    else:
                        value = adjust(to_eight(base.widths[stage] * w, half_even), group, base.bottleneck)[0]
                    if value != before:
                        own.append(Move(stage, name, before, value))
                        break
        moves.append(own)
    return moves


def fewest(found: Stages, moves: list[list[Move]], measure: str, target: int, most: int) -> tuple[Move, ...] | None:
    """The fewest moves to within `most`, then those that leave the least, then the first."""
    for size in range(1, len(moves) + 1):
        choices = [
            (abs(cost_of(after(found, chosen), measure) - target), number, chosen)
            for number, chosen in enumerate(
                chosen for stages in combinations(moves, size) for chosen in product(*stages)
            )
        ]
        near = [choice for choice in choices if choice[0] <= most]
        if near:
            return min(near)[2]
    return None


SMALL = Stages((1, 2), (16, 40), (8, 8), 32)
UNEVEN = Stages((1, 1), (16, 96), (16, 24), 32)
THREE = Stages((1, 2, 3), (24, 48, 64), (8, 16, 16), 32)
BRUTE = [
    (base, strategy, measure)
    for base in (SMALL, UNEVEN)
    for strategy, measure in (
        ("d", "flops"),
        ("dw", "flops"),
        ("dWr", "params"),
        ("dr", "flops"),
        ("w", "acts"),
        ("r", "flops"),
    )
]
BRUTE += [(THREE, "dw", "flops"), (THREE, "dWr", "flops")]
NUMBERS = {id(SMALL): "small", id(UNEVEN): "uneven", id(THREE): "three"}


@pytest.mark.parametrize(
    ("base", "strategy", "measure"), BRUTE, ids=lambda v: v if isinstance(v, str) else NUMBERS[id(v)]
)
def test_steps_are_the_fewest_and_leave_the_least(base: Stages, strategy: str, measure: str) -> None:
    """Budgets of all sizes, met within 1/200 or 1/25: every choice of steps is counted as a network of its own."""
    plain, weights = cost_of(base, measure), STRATEGIES[strategy]
    moved = 0
    for number in range(8) if TIMES > 1 else (0, 3, 5, 6):
        target, share = plain * (11 + 4 * number) // 7, ("1/200", "1/25")[number % 2]
        result = compiled(small(base), scalings=[within(strategy, measure, target, share)])
        if isinstance(result, Failed):
            continue
        found = solved(result)
        stages = scale(base, weights, float(found.factor), half_even)
        alone = found.reached if found.unmoved is None else found.unmoved
        assert cost_of(stages, measure) == alone
        assert cost(result, measure) == found.reached
        most = int(Fraction(share) * target)
        if abs(alone - target) <= most:
            assert found.moved == ()
            continue
        moves = moves_of(base, stages, weights, int(Fraction(found.factor) * 1000))
        chosen = fewest(stages, moves, measure, target, most)
        if chosen is None:  # depths that the scaling leaves alone step too
            for stage, own in enumerate(moves):
                if all(move.name != "depth" for move in own):
                    depth = stages.depths[stage]
                    own += [Move(stage, "depth", depth, d) for d in (depth - 1, depth + 1) if d]
            chosen = fewest(stages, moves, measure, target, most)
        told = tuple([(m.path, m.before, m.after) for m in found.moved])
        assert told == tuple([(f"stages.{m.stage}.{m.name}", m.before, m.after) for m in chosen or ()])
        if chosen is None:
            assert [d.severity for d in result.diagnostics] == ["warning"]
        else:
            assert cost_of(after(stages, chosen), measure) == found.reached
        moved += bool(chosen)
    assert moved or base is not THREE


# What is told, and what stays

GROUPED = """
use std.ops { conv }
block g(x; width) = x -> conv(width, kernel: 1) -> conv(width, kernel: 3, groups: 16)
model n { input: 3 x 32 x 32  stages: g { width: [32, 64]  depth: 1 } }
"""


def test_steps_without_a_network_are_passed_over_and_named() -> None:
    """Widths of multiples of 8 are asked for, and only those of 16 have a network."""
    result = compiled(GROUPED, scalings=[within("w", "params", 30_000)])
    found = solved(result)
    assert {(m.path, m.before, m.after) for m, _ in found.refused} >= {("stages.1.width", 160, 168)}
    assert all("groups do not divide the channels" in reason for _, reason in found.refused)
    assert all(m.after % 16 == 0 for m in found.moved if "width" in m.path)  # type: ignore[operator]
    assert cost(result, "params") == found.reached


def test_a_factor_that_is_near_enough_moves_nothing() -> None:
    budget = "d(solve(flops: 6.2G{}))"
    plain, near = (spec("efficientnet_b0", scalings=[budget.format(end)]) for end in ("", ", within: 1/100"))
    assert network_of(plain).hash == network_of(near).hash
    assert solved(near).moved == ()
    assert solved(near).reached == 6_191_926_928


def test_a_moved_number_is_that_of_its_factor() -> None:
    """What a step gives a stage is what the scaling gives it at the factor that is told, and at none nearer."""
    found = solved(spec("regnetx_400mf", scalings=[within("dr", "flops", "800M")]))
    assert found.unmoved == 809_632_616
    assert found.reached == 800_223_080
    for move in found.moved:
        assert move.factor is not None
        towards = 1 if move.factor < found.factor else -1
        index = int(move.path.split(".")[1])
        lengths = []
        for factor in (Fraction(move.factor), move.factor + Fraction(towards, 1000)):
            model: Any = spec("regnetx_400mf", scalings=[f"dr({factor})"])
            lengths.append(model.model.stages[index].length)
        assert lengths == [move.after, move.before]


TIED = {
    "an output stride": "model m = base with { output_stride: 8 }",
    "features": "model m = base with { features: [2, 4, 8] }",
    "a single block changed": "model m = base with { stages[1].blocks[1].inner: 32 }",
    "widths by block": "model m = base with { stages.width: 16 + 8 * block.index }",
    "blocks that add to what flows in": "model m = base with { stages: grow { width: [8, 16]  depth: [1, 2] } }",
    "a block before a stage": "model m = base with { stages[1].enter: down }",
}


@pytest.mark.parametrize("what", TIED)
def test_what_was_added_up_is_what_the_network_costs(what: str) -> None:
    """Whatever ties stages together, the figure is that of the whole network, and one step alone does not do."""
    text = f"""
use std.ops {{ concat, conv }}
use std.regnet {{ simple_stem, x_block, pool_head }}
block down(x; width) = x -> conv(width, kernel: 1)
block grow(x; width) = concat(x, x -> conv(width, kernel: 3))
model base {{
  input:  3 x 64 x 64
  stem:   simple_stem(width: 16)
  stages: x_block {{ depth: [1, 2]  width: [16, 48]  group_width: 8  stride: 2 }}
  head:   pool_head(classes: 10)
}}
{TIED[what]}
"""
    base = compiled(text, "m")
    moved = 0
    for percent in (230, 260, 310, 370, 430):
        target = cost(base, "flops") * percent // 100
        result = compiled(text, "m", scalings=[within("dw", "flops", target, "1/50")])
        found = solved(result)
        assert found.reached == cost(result, "flops")
        if found.moved:
            assert abs(found.residual) * 50 <= target < abs((found.unmoved or 0) - target) * 50
        moved += bool(found.moved)
    assert moved


AGAIN = """
use "regnet/regnetx.arch" { regnetx_400mf }
use "mobilenet/mobilenetv2.arch" { mobilenetv2 }
use std.scaling { dr, width_mult, depth_mult }

model near = regnetx_400mf -> dr(solve(flops: 800M, within: 1/100))
model m = mobilenetv2 -> dr(solve(flops: 800M, within: 1/1000))
model wide = m -> width_mult(1.4)
model made = mobilenetv2 -> width_mult(solve(params: 5M, within: 1/10000)) -> width_mult(2)
"""


def test_steps_come_again_when_the_family_makes_the_model_anew() -> None:
    source = text_source(AGAIN)
    before, wide = (COMPILER.compile(source, name) for name in ("m", "wide"))
    found = solved(before)
    assert found.moved
    assert isinstance(before, Compiled)
    assert isinstance(wide, Compiled)
    assert [s.length for s in wide.model.stages] == [s.length for s in before.model.stages]
    first, scaled = (
        spec("mobilenetv2", scalings=[*a]) for a in (["width_mult(1.4)"], ["width_mult(1.4)", f"dr({found.factor})"])
    )
    assert network_of(first).hash != network_of(scaled).hash != network_of(wide).hash


def test_steps_of_a_family_s_parameter_do_not_come_again() -> None:
    result = COMPILER.compile(text_source(AGAIN), "made")
    assert isinstance(result, Failed)
    assert [d.code for d in result.diagnostics] == ["E313"]


def test_a_file_holds_the_budget() -> None:
    result = COMPILER.compile(text_source(AGAIN), "near")
    assert network_of(result).hash == network_of(spec("regnetx_400mf", scalings=[within("dr", "flops", "800M")])).hash


def test_a_network_shown_stands_alone() -> None:
    """The moved network as text has the hash of the moved network."""
    result = spec("regnetx_400mf", scalings=[within("dWr", "flops", "800M")])
    assert isinstance(result, Compiled)
    again = COMPILER.compile(Source("specs/test.arch", show_model(result, COMPILER.read)), result.name)
    assert network_of(again).hash == network_of(result).hash


@pytest.mark.parametrize(
    ("call", "code"),
    [
        ("d(solve(flops: 1G, within: 1))", "E307"),
        ("d(solve(flops: 1G, within: -1/100))", "E307"),
        ("d(solve(flops: 1G, within: 2 ^ (1/2) / 100))", "E307"),
        ("d(solve(within: 1/100))", "E211"),
        ("d(solve(flops: 1G, params: 1M))", "E211"),
        ("d(solve(flops: 1G, witin: 1/100))", "E202"),
        ("d(solve(flops: 1G, within: 1/100, within: 1/100))", "E203"),
    ],
)
def test_what_is_no_share_is_a_diagnostic(call: str, code: str) -> None:
    result = COMPILER.compile(spec_source("resnet50"), "resnet50", Changes((), (call,)))
    assert [d.code for d in result.diagnostics] == [code]
