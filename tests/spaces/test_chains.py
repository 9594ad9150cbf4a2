"""Counts along a chain of stages are those of all settings looked at, and of all hashes."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sampling import TIMES, many
from test_engine import opened

from archdsl.spaces.arrays.chained import chain_of
from archdsl.spaces.arrays.chains import Chained
from archdsl.spaces.arrays.engine import Batch, Engine
from archdsl.spaces.arrays.structure import Bound, Tied
from archdsl.spaces.arrays.words import words
from archdsl.spaces.entry import context_of
from archdsl.spaces.member import member_of

LISTED = """arch 1
use std.regnet {{ simple_stem, x_block, v_block, pool_head }}
use std.rules {{ increasing, strictly_increasing }}
model zznet(block, depths, widths, ratios, groups) = zzplain(block, depths, widths) with {{
  stages.bottleneck_ratio: ratios[stage.index]
  stages.group_width: groups[stage.index]
}}
model zzplain(block, depths, widths) {{
  input:  3 x 32 x 32
  stem:   simple_stem(width: 8)
  stages: block {{ depth: depths  width: widths  stride: {stride} }}
  head:   pool_head(classes: 10)
}}
space zz {{
  depth ~ each(3, {depths})
  width ~ each(3, {widths})
  ratio ~ {ratios}
  group ~ {groups}
  idle ~ one_of({idle})
  {conditions}
  model: zznet(x_block, depth, width, ratio, group)
}}
"""
BLOCKS = """arch 1
use std.regnet {{ simple_stem, r_block, v_block, vr_block, pool_head }}
use std.rules {{ increasing, strictly_increasing }}
model zznet(blocks, depths, widths) {{
  input:  3 x 32 x 32
  stem:   simple_stem(width: 8)
  stages: [
    | block     | depth     | width     | stride   |
    | blocks[0] | depths[0] | widths[0] | {stride} |
    | blocks[1] | depths[1] | widths[1] | {stride} |
    | blocks[2] | depths[2] | widths[2] | {stride} |
  ]
  head:   pool_head(classes: 10)
}}
space zz {{
  depth ~ each(3, {depths})
  width ~ each(3, {widths})
  blocks ~ each(3, one_of(v_block, vr_block))
  idle ~ one_of({idle})
  {conditions}
  model: zznet(blocks, depth, width)
}}
"""
DEPTHS = ("int(1 .. 2)", "one_of(1, 3)", "int(2 .. 2)")
WIDTHS = ("one_of(8, 12, 16)", "log_uniform(8 .. 16, quantum: 8)", "uniform(6 .. 8, quantum: 1)")
RATIOS = ("each(3, one_of(1))", "tied(3, one_of(1, 2))")
GROUPS = ("tied(3, power_of_two(1 .. 4))", "each(3, one_of(4))", "tied(3, one_of(8, 16))")
HASHED = 150
"""Settings of which all networks are made."""
CONDITIONS = (
    "require increasing(width)",
    "require strictly_increasing(width)",
    "require increasing(depth)",
    "require depth[0] <= depth[1] and depth[1] < depth[2] + 1",
    "require width[0] + width[1] > 20",
    "require width[1] != 16 and idle < 3",
    "require depth[2] + idle > 2",
    "require 100K <= flops",
    "require params < 9K",
)


def engine_of(text: str) -> Engine:
    compiler, space = opened(text)
    return Engine(context_of(compiler), space)


def every(engine: Engine) -> Batch:
    sizes = engine.space.sizes
    return engine.evaluate(np.stack(np.unravel_index(np.arange(engine.space.settings), sizes), axis=1))


def assert_counts(engine: Engine, batch: Batch, bounds: list[Bound]) -> str:
    """Compare with all settings, and their networks where few are different; why these are not told apart."""
    holds = batch.valid.copy()
    for measure, low, high in bounds:
        costs = batch.costs[measure]
        holds &= (costs >= (0 if low is None else low)) & (costs <= (2**62 if high is None else high))
    assert Chained(chain_of(engine), engine.space.sizes, bounds).count() == holds.sum()
    if holds.sum() > HASHED:
        return "many"
    try:
        of = Chained(chain_of(engine, networks=True), engine.space.sizes, bounds)
        found = of.count_of(words(of.cases()))
    except Tied as tied:
        return str(tied)
    hashes = set()
    for setting in batch.settings[holds].tolist():
        network = member_of(engine.ctx, engine.space, setting).network
        assert network is not None
        hashes.add(network.hash)
    assert found == len(hashes)
    return ""


def test_counts_at_every_limit() -> None:
    """A cost above what a stage may have is no multiple of the unit in which sums are kept: it counts for nothing."""
    one = {"depths": "one_of(1, 3)", "widths": "one_of(8, 12, 16)", "ratios": "tied(3, one_of(1, 2))"}
    one |= {"groups": "tied(3, power_of_two(1 .. 4))", "idle": "1", "conditions": ""}
    engine = engine_of(LISTED.format(**one, stride=2))
    batch, chain = every(engine), chain_of(engine)
    for measure, costs in batch.costs.items():
        ends, counts = np.unique(costs, return_counts=True)
        step = (1 if measure == "acts" else 10) * (1 if TIMES > 1 else 4)
        for end, number in [*zip(ends.tolist(), np.cumsum(counts).tolist(), strict=True)][::step]:
            assert Chained(chain, engine.space.sizes, [(measure, None, end)]).count() == number, (measure, end)


@given(st.data())
@settings(max_examples=many(12))
def test_counts_are_those_of_all_settings(data: st.DataObject) -> None:
    """Random spaces: ratios and group widths that stages share or not, requirements on neighbours, on what no stage
    has, and on costs; within random bounds of a cost."""
    one = {name: data.draw(st.sampled_from(of), name) for name, of in (("depths", DEPTHS), ("widths", WIDTHS))}
    one |= {name: data.draw(st.sampled_from(of), name) for name, of in (("ratios", RATIOS), ("groups", GROUPS))}
    conditions = data.draw(st.lists(st.sampled_from(CONDITIONS), max_size=3, unique=True), "conditions")
    text = data.draw(st.sampled_from((LISTED, BLOCKS)), "form").format(
        **one, stride=data.draw(st.sampled_from((1, 2))), idle=data.draw(st.sampled_from(("1", "1, 2, 3"))),
        conditions="\n  ".join(conditions),
    )  # fmt: skip
    engine = engine_of(text)
    batch = every(engine)
    measure = data.draw(st.sampled_from(("flops", "params", "acts")), "measure")
    costs = np.sort(batch.costs[measure])
    ends = [int(costs[data.draw(st.integers(0, len(costs) - 1))]) for _ in range(2)]
    low, high = sorted(ends)
    bound = data.draw(st.sampled_from(((low, high), (None, high), (low, None), None)), "bound")
    bounds: list[Bound] = [(measure, *bound)] if bound else []
    costly = {measure} if bound else set()
    costly |= {name for name in ("flops", "params") for condition in conditions if name in condition}
    ties = "depth[2] + idle" in "".join(conditions) and engine.space.sizes[2] > 1 and engine.space.sizes[-1] > 1
    if len(costly) > 1 or ties:  # of two costs, or a depth with what no stage has
        with pytest.raises(Tied, match=r"counted together|and others"):
            assert_counts(engine, batch, bounds)
    else:
        assert_counts(engine, batch, bounds)


def small_anynet(conditions: str) -> Engine:
    """AnyNetX with few values: 6 widths, 3 depths, and for all stages one of 2 ratios and 2 group widths."""
    return engine_of(
        LISTED.format(
            depths="int(1 .. 3)",
            widths="uniform(8 .. 48, quantum: 8)",
            ratios="tied(3, one_of(1, 2))",
            groups="tied(3, one_of(1, 2))",
            stride=2,
            idle="1",
            conditions=conditions,
        )
    )


def test_sizes_in_closed_form() -> None:
    """As the sizes of AnyNetX D and E: multisets of 3 among 6 widths and 3 depths. Each is a network of its own, since
    widths are multiples of what is fitted."""
    for conditions, widths, depths in (
        ("", 6**3, 3**3),
        ("require increasing(width)", comb(8, 3), 3**3),
        ("require increasing(width)\n  require increasing(depth)", comb(8, 3), comb(5, 3)),
    ):
        engine = small_anynet(conditions)
        of = Chained(chain_of(engine, networks=True), engine.space.sizes)
        assert of.count() == widths * depths * 4
        assert of.count_of(words(of.cases())) == widths * depths * 4


def test_networks_in_a_band_are_those_of_all_hashes() -> None:
    """Several settings of one network: group widths of 4 and 8 where inner widths are fewer, in both orders."""
    text = LISTED.format(
        depths="one_of(1, 2)",
        widths="one_of(8, 12, 16)",
        ratios="tied(3, one_of(1, 2, 4))",
        groups="tied(3, one_of(4, 8))",
        stride=2,
        idle="1, 2",
        conditions="require increasing(width)",
    )
    engine = engine_of(text)
    batch = every(engine)
    costs = np.sort(batch.costs["params"][batch.valid])
    low, high = int(costs[len(costs) // 3]), int(costs[len(costs) // 3 + HASHED])
    assert assert_counts(engine, batch, [("params", low, high)]) in ("", "many")
    holds = batch.valid & (batch.costs["params"] >= low) & (batch.costs["params"] <= high)
    hashes = {
        member.network.hash
        for setting in batch.settings[holds].tolist()
        if (member := member_of(engine.ctx, engine.space, setting)).network is not None
    }
    of = Chained(chain_of(engine, networks=True), engine.space.sizes, [("params", low, high)])
    assert of.count_of(words(of.cases())) == len(hashes) < holds.sum() // 2  # `idle` doubles all


def test_what_is_no_chain_is_refused() -> None:
    """A stage that asks for a draw that its neighbour has is no reason; what ties all draws at once is one."""
    for conditions, reason in (
        ("require width[0] <= width[2]", "do not follow each other"),
        ("require model.depth <= 7", "do not follow each other"),
        ("require params * 10 > flops", "all of its draws"),
        ("require width[1] * depth[1] < 90", "the depth of a stage and its blocks"),
    ):
        engine = small_anynet(conditions)
        with pytest.raises(Tied, match=reason):
            assert_counts(engine, every(engine), [])
