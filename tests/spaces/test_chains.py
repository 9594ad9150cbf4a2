"""Counts along a chain of stages are those of all settings looked at, and of all hashes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sampling import many
from test_engine import opened, shipped

from archdsl.compiler import Compiler
from archdsl.diagnostics import Diagnostics
from archdsl.project import Project
from archdsl.spaces.arrays.chained import chain_of
from archdsl.spaces.arrays.chains import Chained
from archdsl.spaces.arrays.engine import Batch, Engine
from archdsl.spaces.arrays.structure import Bound, Tied
from archdsl.spaces.arrays.words import words
from archdsl.spaces.entry import context_of, space_named
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


@given(st.data())
@settings(max_examples=many(25))
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
    try:
        assert_counts(engine, batch, [(measure, *bound)] if bound else [])
    except Tied as tied:  # two costs are bounded, or a depth is tied to what no stage has
        assert "counted together" in str(tied) or "and others" in str(tied)
