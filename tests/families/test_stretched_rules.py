"""Rules by the block's index under scalings of depth: block p of N has what block floor(p n / N) of the base has."""

from __future__ import annotations

from fractions import Fraction

import pytest
from families.compiling import compiled, network_of, spec, stage_shapes, totals
from hypothesis import given, settings
from hypothesis import strategies as st

from archdsl.analysis.provenance import changes_of
from archdsl.compiler import Compiled
from archdsl.graph.cost import count

USES = "use std.ops { conv }\nuse std.blocks { conv_norm_act }\nuse std.scaling { d, w, by_shares, width_mult }\n"
REXNETS = ("rexnet_0_9x", "rexnet_1_0x", "rexnet_1_3x", "rexnet_2_0x", "rexnet_3_0x", "rexnet_lite_1_0x")


def widths(text: str, *scalings: str) -> list[list[int]]:
    """The width of every block, by stage."""
    found: dict[str, list[int]] = {}
    for node in network_of(compiled(USES + text, "m", scalings=scalings)).nodes:
        if node.operation.name == "conv" and node.path.startswith("stages."):
            found.setdefault(node.path.split(".")[1], []).append(int(node.shapes[0][0]))
    return list(found.values())


def stretched(base: list[list[int]], depths: list[int]) -> list[list[int]]:
    return [[old[p * len(old) // n] for p in range(n)] for old, n in zip(base, depths, strict=True)]


CURVES = (
    "8 + 3 * block.index",
    "8 + 3 * block.in_stage",
    "round(8 + 40 * block.index / block.count)",
    "8 if block.index < 3 else 24",
    "[8, 9, 11, 14, 18, 23, 29, 36, 44, 53, 63, 74][block.index]",
    "8 + floor(12 * block.in_stage / stage.depth)",
    "8 + 2 * stage.index + block.index % 3",
)


@pytest.mark.parametrize("curve", CURVES)
@given(
    depths=st.lists(st.integers(1, 4), min_size=1, max_size=3),
    factor=st.sampled_from([Fraction(1, 2), Fraction(3, 2), Fraction(2), Fraction(7, 3), Fraction(4)]),
)
@settings(max_examples=15, deadline=None, derandomize=True)
def test_a_curve_keeps_its_shape(curve: str, depths: list[int], factor: Fraction) -> None:
    text = f"model m {{ input: 3 x 4 x 4  stages: conv {{ kernel: 1  depth: {depths}  width: {curve} }} }}"
    scaled = [max(1, round(depth * factor)) for depth in depths]
    scaling = f"by_shares({factor}, e_d: 1)"
    expected = stretched(widths(text), scaled)
    assert widths(text, scaling) == expected
    assert widths(text, scaling, "by_shares(2, e_d: 1)") == stretched(widths(text), [2 * depth for depth in scaled])
    doubled = [[max(8, round(width * 2 / 8) * 8) for width in stage] for stage in expected]
    assert widths(text, scaling, "w(4)") == widths(text, "w(4)", scaling) == doubled


@pytest.mark.parametrize("name", REXNETS)
def test_rexnet_at_twice_the_depth(name: str) -> None:
    """The flops of the stages double, and a little more, since a block that repeats another has wider inputs."""
    base, deep = network_of(spec(name)), network_of(spec(name, scalings=["d(2)"]))
    assert [stage.depth for stage in stage_shapes(deep)] == [2 * stage.depth for stage in stage_shapes(base)]
    before, after = (
        sum(group.flops for group in count(network).by("stage") if group.key.startswith("stages"))
        for network in (base, deep)
    )
    assert 2.0 < after / before < 2.2
    assert 1.97 < totals(deep)["flops"] / totals(base)["flops"] < 2.2


def test_two_ways_to_write_a_line_are_one_network() -> None:
    """A slope by block, and a rise over all blocks."""
    stages = "stages: conv_norm_act {{ depth: [2, 3, 3]  stride: 2  width: {} }}"
    rules = ("16 + 8 * block.index", "16 + 64 * block.index / block.count")
    texts = [f"{USES}model m {{ input: 3 x 64 x 64  {stages.format(rule)} }}" for rule in rules]
    for scaling in ("d(2)", "d(3)", "by_shares(1/2, e_d: 1)"):
        assert len({network_of(compiled(text, "m", scalings=[scaling])).hash for text in texts}) == 1


@pytest.mark.parametrize(
    "stride", ["2 if block.index == 0 else 1", "2 if block.in_stage == 1 else 1", "[2, 1, 2][block.index]"]
)
def test_a_stride_comes_once(stride: str) -> None:
    text = f"{USES}model m {{ input: 3 x 64 x 64  stages: conv_norm_act {{ depth: 3  width: 8  stride: {stride} }} }}"
    base, deep = (network_of(compiled(text, "m", scalings=s)) for s in ([], ["d(3)"]))
    assert deep.nodes[-1].shapes == base.nodes[-1].shapes
    assert sum(node.operation.name == "conv" for node in deep.nodes) == 9


def test_the_first_and_the_last_are_one_block_each() -> None:
    text = (
        "model m { input: 3 x 4 x 4  stages: conv { kernel: 1  depth: [1, 2]\n"
        "  width: 8 + (4 if block.is_first else 0) + (1 if block.is_last else 0) + 16 * stage.depth } }"
    )
    assert widths(text) == [[29], [44, 41]]
    assert widths(text, "d(2)") == [[44, 41], [76, 72, 72, 73]]


def test_single_blocks_are_stretched() -> None:
    text = (
        "model b { input: 3 x 16 x 16  stages: conv_norm_act { depth: 3  width: 8 } }\n"
        "model m = b with { stages[0].blocks[1].width: 16  stages[0].blocks[1].stride: 2 }"
    )
    assert widths(text, "d(2)") == [[8, 8, 16, 16, 8, 8]]
    assert network_of(compiled(USES + text, "m", scalings=["d(2)"])).nodes[-1].shapes[0][1:] == (8, 8)


def test_a_rule_behind_a_scaling_counts_the_scaled_blocks() -> None:
    text = (
        "model b { input: 3 x 4 x 4  stages: conv { kernel: 1  depth: [1, 1]  width: 8 } }\n"
        "model m = b -> d(2) with { stages.width: 8 + block.index }"
    )
    assert widths(text) == [[8, 9], [10, 11]]
    assert widths(text, "d(2)") == [[8, 8, 9, 9], [10, 10, 11, 11]]


def test_explain_names_the_block_that_each_was_taken_from() -> None:
    stages = "stages: conv { kernel: 1  depth: [1, 2]  width: 8 + 8 * block.index }"
    text = f"{USES}model m {{ input: 3 x 4 x 4  {stages} }}"
    result = compiled(text, "m", scalings=["by_shares(4, e_d: 1, e_w: 1)"])
    assert isinstance(result, Compiled)
    rows = [
        (c.path, c.taken_from, c.base)
        for c in changes_of(result.model)
        if c.path.endswith("width") and "blocks" in c.path
    ]
    base = [(0, 0), (0, 0), (1, 1), (1, 1), (1, 2), (1, 2)]
    assert [(taken, value) for _, taken, value in rows] == [(block, 8 + 8 * block) for _, block in base]


def test_stages_are_told_apart_in_a_scaling() -> None:
    """EfficientNetV2's: more blocks in later stages."""
    text = (
        "scaling later(s) { depth: ceil(depth * s ^ (stage.index / (stage.count - 1)))  width: width + stage.kernel }\n"
        "model m { input: 3 x 8 x 8  stages: conv { kernel: [1, 3, 1]  depth: [1, 2, 3]  width: 8 } }"
    )
    assert widths(text, "later(4)") == [[9], [11] * 4, [9] * 12]


def test_a_setting_called_index_goes_before_the_index() -> None:
    text = (
        "block b(x; width, index: 3) = x -> conv(width, kernel: 1)\nscaling more(s) { width: width * stage.index }\n"
        "model m { input: 3 x 8 x 8  stages: b { depth: 2  width: 8  index: 5 } }"
    )
    assert widths(text, "more(1)") == [[40, 40]]


def test_another_block_and_other_depths_by_set() -> None:
    text = f"{USES}model m {{ input: 3 x 8 x 8  stages: conv_norm_act {{ depth: 2  width: [8, 16]  kernel: 3 }} }}"
    asked = {"stages.depth": "[1, 3]", "stages[1].block": "conv(kernel: 1)"}
    result = compiled(text, "m", settings=asked)
    assert [d.code for d in result.diagnostics] == []
    names = [node.operation.name for node in network_of(result).nodes]
    assert names == ["conv", "batch_norm", "relu", "conv", "conv", "conv"]
    other = compiled(text, "m", settings={"stages[0].block": "conv(kernel: 1, bias: true)"})
    first = network_of(other).nodes[0].operation
    assert (first.name, dict(first.constants)["kernel"]) == ("conv", (1, 1))
    wrong = compiled(text, "m", settings={"stages.depth": "[1, 2, 3]"})
    assert [d.code for d in wrong.diagnostics] == ["E309"]
