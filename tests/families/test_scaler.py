"""Scalings against the reference scaler (written again in `reference_scaler`), and budgets against brute force."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from itertools import pairwise
from typing import Any

import pytest
from families.compiling import (
    compiled,
    differences,
    end_width,
    network_of,
    records,
    spec,
    stage_shapes,
    totals,
)
from families.reference_scaler import STRATEGIES, Stages, Weights, alpha, half_even, scale
from sampling import TIMES

from archdsl.compiler import Failed
from archdsl.graph.network import Network

FACTORS = ("1.5", "2", "2.25", "3", "4", "5.7", "8", "11", "16", "32", "50")

ALPHAS = {"alpha(a: 0, s: {})": 0.0, "alpha(a: 0.3, s: {})": 0.3, "alpha(a: 0.6, s: {})": 0.6, "alpha({}, 1)": 1.0}

CALLS: dict[str, Weights] = {f"{name}({{}})": weights for name, weights in STRATEGIES.items()}
CALLS |= {call: alpha(a) for call, a in ALPHAS.items()}
CALLS["by_shares({}, e_d: 1, e_w: 2, e_r: 3, e_g: 4)"] = Weights(1, 2, 4, 3)

BASES = ("regnety_4gf", "regnetx_400mf", "efficientnet_b0")


def base_stages(name: str) -> Stages:
    """The base as the reference scaler has it: explicit lists, after the first fit."""
    if name.startswith("efficientnet"):
        record = records("efficientnet")[name]
        widths = tuple(record["widths"])
        ends = (record["stem"], record["head"])
        return Stages(tuple(record["depths"]), widths, (1,) * len(widths), record["resolution"], ends)
    record = records("regnet")[name]
    bottleneck = 4 if name.startswith("regnetz") else 1
    lists = (tuple(record[key]) for key in ("depths", "widths", "group_widths"))
    return Stages(*lists, record["resolution"], bottleneck=bottleneck)


def stages_of(network: Network, like: Stages) -> Stages:
    shapes = stage_shapes(network)
    ends = tuple(end_width(network, end) or 0 for end in ("stem", "head")) if like.ends else ()
    return Stages(
        tuple(shape.depth for shape in shapes),
        tuple(shape.width for shape in shapes),
        tuple(shape.group_width or 0 for shape in shapes),
        network.input[1],
        ends,
        like.bottleneck,
    )


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("name", BASES)
def test_stage_lists_are_those_of_the_reference_scaler(name: str, call: str) -> None:
    base = base_stages(name)
    assert stages_of(network_of(spec(name)), base) == base
    for factor in FACTORS if TIMES > 1 else FACTORS[::3]:
        network = network_of(spec(name, scalings=[call.format(factor)]))
        assert stages_of(network, base) == scale(base, CALLS[call], float(factor)), factor


def test_resolution_scales_both_extents() -> None:
    oblong = spec("regnety_4gf", settings={"input": "3 x 192 x 320"}, scalings=["r(4)"])
    assert network_of(oblong).input == (3, 384, 640)


# Known counts


@pytest.mark.parametrize("name", [n for n in records("scaled") if n != "regnety_4gf_dwr4"])
def test_rows_of_the_paper(name: str) -> None:
    """The rows of the paper's table 8 whose base is published; at both ends of the interval of factors too."""
    record = records("scaled")[name]
    base = record["base"]
    network = network_of(spec(base, scalings=[f"dWr({record['factor']})"]))
    assert differences(network, record) == {}
    printed = [
        round(network_totals / 1e6, 1) for network_totals in (totals(network)["params"], totals(network)["acts"])
    ]
    for factor in record["factors_that_give_the_printed_row"]:
        end = totals(network_of(spec(base, scalings=[f"dWr({factor})"])))
        assert [round(end[key] / 1e6, 1) for key in ("params", "acts")] == printed
        assert round(end["flops"] / 1e9, 1) == round(record["flops"] / 1e9, 1)


def test_regnety_4gf_by_4() -> None:
    record = records("scaled")["regnety_4gf_dwr4"]
    network = network_of(spec("regnety_4gf", scalings=["dWr(4)"]))
    assert differences(network, record) == {}
    assert network.hash == network_of(spec("regnety_4gf_dwr4")).hash


RATIOS = {"d": "d", "w": "w_fixed_group", "dw": "dw_fixed_group", "dwr": "dwr_fixed_group", "dWr": "dWr"}


@pytest.mark.parametrize("name", RATIOS)
def test_ratios_of_the_reference_scaler(name: str) -> None:
    """Of `w`, `dw` and `dwr` the reference scaler keeps the group width; the strategies of that name scale it."""
    base = totals(network_of(spec("regnety_4gf")))["flops"]
    scaled = totals(network_of(spec("regnety_4gf", scalings=[f"{RATIOS[name]}(4)"])))["flops"]
    assert round(scaled / base, 2) == records("scaled", "flops_ratios_of_regnety_4gf_by_4")[name]


def test_a_depthwise_network_has_no_group_width_to_scale() -> None:
    for name in ("w", "dw", "wr", "dwr", "dWr"):
        free, fixed = (spec("efficientnet_b0", scalings=[f"{n}(4)"]) for n in (name, f"{name}_fixed_group"))
        assert network_of(free).hash == network_of(fixed).hash


# Budgets


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


SMALL = Stages((1, 2), (16, 40), (8, 8), 32)
UNEVEN = Stages((1, 1), (16, 96), (16, 24), 32)
"""Its flops fall where the group width of the second stage rises, because the width must be a multiple of it."""

LEAST, MOST = 100, 12_000
"""Every factor of the grid from 0.1 to 12 is tried, in thousandths."""


@cache
def small_totals(stages: Stages) -> dict[str, int]:
    network = network_of(compiled(small(stages)))
    assert stages_of(network, stages) == stages
    return totals(network)


@cache
def grid_costs(base: Stages, strategy: str, measure: str) -> dict[int, int]:
    """The cost at every factor, by the reference scaler."""
    weights = STRATEGIES[strategy]
    grid = range(LEAST, MOST + 1)
    return {k: small_totals(scale(base, weights, k / 1000, half_even))[measure] for k in grid}


def nearest(costs: dict[int, int], budget: int) -> int:
    """The factor of the nearest cost, the smaller one at a tie."""
    return min(costs, key=lambda k: (abs(costs[k] - budget), k))


def solved(base: Stages, strategy: str, measure: str, budget: int) -> Any:
    """What `solve` found; its own statement agrees with the network that came of it."""
    compilation = compiled(small(base), scalings=[f"{strategy}(solve({measure}: {budget}))"])
    cost = totals(network_of(compilation))[measure]
    assert compilation.model is not None
    (found,) = compilation.model.solved
    assert (found.reached, found.residual) == (cost, cost - budget)
    assert (found.scaling, found.measure, found.target) == (strategy, measure, budget)
    return found


CASES = [(SMALL, s, m) for s in ("w", "dWr", "dwr", "dw") for m in ("flops", "params", "acts")]
CASES += [(SMALL, s, "flops") for s in ("d", "r", "dr", "wr", "w_fixed_group", "dWr_fixed_group")]
CASES += [(UNEVEN, s, "flops") for s in ("w", "dWr", "dw_fixed_group")]


def budgets(costs: dict[int, int]) -> dict[str, int]:
    """Budgets well inside the grid: met exactly, nearer to one of two costs, and half-way between two."""
    inner = sorted({cost for k, cost in costs.items() if 700 <= k <= 4000})
    found: dict[str, int] = {}
    for at in [len(inner) * quarter // 4 for quarter in ((1, 2, 3) if TIMES > 1 else (2,))]:
        low, high = inner[at], inner[at + 1]
        found[f"{low} exactly"] = low
        found[f"nearer to {low} than to {high}"] = low + (high - low) // 3
        found[f"nearer to {high} than to {low}"] = high - (high - low) // 3
        if (high - low) % 2 == 0:
            found[f"between {low} and {high}"] = (low + high) // 2
    return found


@pytest.mark.parametrize(
    ("base", "strategy", "measure"),
    CASES,
    ids=lambda v: v if isinstance(v, str) else "uneven" if v is UNEVEN else "small",
)
def test_solve_takes_the_smallest_of_the_nearest_factors(base: Stages, strategy: str, measure: str) -> None:
    """Of all costs on the grid it reaches the nearest, by the smallest factor."""
    costs = grid_costs(base, strategy, measure)
    for kind, budget in budgets(costs).items():
        found, best = solved(base, strategy, measure, budget), nearest(costs, budget)
        assert abs(found.reached - budget) == abs(costs[best] - budget), kind
        assert Fraction(found.factor) * 1000 == best, kind


def test_cost_is_not_monotone_in_the_factor() -> None:
    """Why one crossing of the budget is not enough."""
    costs = list(grid_costs(UNEVEN, "dWr", "flops").values())
    assert any(a > b for a, b in pairwise(costs))


def test_a_tie_between_two_costs_goes_to_the_smaller_factor() -> None:
    costs = grid_costs(SMALL, "d", "flops")
    (budget,) = [b for kind, b in budgets(costs).items() if kind.startswith("between")][:1]
    best = nearest(costs, budget)
    assert {costs[k] - budget for k in costs if abs(costs[k] - budget) == abs(costs[best] - budget)} == {
        costs[best] - budget,
        budget - costs[best],
    }
    assert costs[best] < budget
    assert Fraction(solved(SMALL, "d", "flops", budget).factor) * 1000 == best


@pytest.mark.parametrize(
    "call",
    [
        "dWr(solve(flops: 1))",
        "r(solve(params: 1000000))",
        "d(solve(params: 10))",
        "w(solve(acts: 1))",
    ],
)
def test_an_unreachable_budget_is_a_diagnostic(call: str) -> None:
    """Below the smallest network, or where the scaling does not change the measure at all."""
    compilation = compiled(small(SMALL), scalings=[call])
    assert isinstance(compilation, Failed)
    assert [diagnostic.code for diagnostic in compilation.diagnostics] == ["E313"]


def test_regnety_4gf_to_16gf() -> None:
    """The nearest to 16G of all factors from 3 to 6 on the grid, by the reference scaler's stages."""
    base = base_stages("regnety_4gf")

    @cache
    def flops(stages: Stages) -> int:
        settings: dict[str, object] = {"input": f"3 x {stages.resolution} x {stages.resolution}"}
        for index, lists in enumerate(zip(stages.depths, stages.widths, stages.groups, strict=True)):
            for key, value in zip(("depth", "width", "group_width"), lists, strict=True):
                settings[f"stages[{index}].{key}"] = value
        return totals(network_of(spec("regnety_4gf", settings=settings)))["flops"]

    costs = {k: flops(scale(base, STRATEGIES["dWr"], k / 1000, half_even)) for k in range(3000, 6001)}
    best = nearest(costs, 16_000_000_000)
    compilation = spec("regnety_4gf", scalings=["dWr(solve(flops: 16G))"])
    assert compilation.model is not None
    (found,) = compilation.model.solved
    assert (Fraction(found.factor), found.reached) == (Fraction(best, 1000), costs[best])


NOT_SEPARATE = {
    "an output stride": "model m = base with { output_stride: 4 }",
    "features": "model m = base with { features: [2, 4, 8] }",
    "a single block changed": "model m = base with { stages[1].blocks[1].inner: 32 }",
    "widths by block": "model m = base with { stages.width: 16 + 8 * block.index }",
    "a block before a stage": "model m = base with { stages[1].enter: down }",
}


@pytest.mark.parametrize("what", NOT_SEPARATE)
def test_what_solve_measures_is_what_the_network_costs(what: str) -> None:
    """`solve` counts block by block; its figure is that of the whole network, whatever ties blocks together."""
    text = f"""
use std.ops {{ conv }}
use std.regnet {{ simple_stem, x_block, pool_head }}
block down(x; width) = x -> conv(width, kernel: 1)
model base {{
  input:  3 x 64 x 64
  stem:   simple_stem(width: 16)
  stages: x_block {{ depth: [1, 2]  width: [16, 48]  group_width: 8  stride: 2 }}
  head:   pool_head(classes: 10)
}}
{NOT_SEPARATE[what]}
"""
    base = totals(network_of(compiled(text, "m")))["flops"]
    compilation = compiled(text, "m", scalings=[f"dWr(solve(flops: {3 * base}))"])
    assert compilation.model is not None
    (found,) = compilation.model.solved
    assert found.reached == totals(network_of(compilation))["flops"]
    assert abs(found.residual) < base
