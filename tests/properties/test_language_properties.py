"""One meaning in different words has one hash; and what the words of the language mean, one test each."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sampling import many
from strategies import COMPILER, HEADER, compile_text, network_of

from archdsl.analysis.model import Model
from archdsl.compiler import Changes, Compilation, Compiled
from archdsl.graph.cost import count
from archdsl.graph.network import Network
from archdsl.source import Source

PROFILE = settings(derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), database=None)

BLOCKS = """
use std.regnet { y_block, x_block, simple_stem, quantized_linear }
use std.resnet { bottleneck }
use std.rules { round_to }
use std.scaling { dWr, d, width_mult }

block unit(x; width, kernel: 3, stride: 1, act: relu, rate: none) {
  return x -> conv(width, kernel: kernel, stride: stride) -> act -> dropout(rate) when rate
}
block down(x; width, kernel: 2) { return x -> conv(width, kernel: kernel, stride: 2, padding: "same") }
"""


def compiled(*models: str, name: str | None = None, changes: Changes | None = None) -> Compilation:
    return compile_text(HEADER + BLOCKS + "\n".join(models), name, changes)


def net(stages: str, *rest: str, size: str = "3 x 32 x 32") -> str:
    return f"model net {{ input: {size}  stages: {stages} {'  '.join(rest)} }}"


def hash_of(*models: str, name: str | None = None) -> str:
    network = compiled(*models, name=name).network
    assert network is not None
    return network.hash


def network(*models: str, name: str | None = None) -> Network:
    found = compiled(*models, name=name).network
    assert found is not None
    return found


def model_of(result: Compilation) -> Model:
    assert result.model is not None
    return result.model


def codes(*models: str, name: str | None = None) -> list[str]:
    source = Source("entry.arch", HEADER + BLOCKS + "\n".join(models))
    return [d.code for d in COMPILER.compile(source, name).diagnostics]


def widths(found: Network) -> list[int]:
    return [node.operation.width for node in found.nodes if node.operation.name == "conv"]  # type: ignore[attr-defined]


def kernels(found: Network) -> list[int]:
    return [node.operation.kernel[0] for node in found.nodes if node.operation.name == "conv"]  # type: ignore[attr-defined]


def strides(found: Network) -> list[int]:
    return [node.operation.stride[0] for node in found.nodes if node.operation.name == "conv"]  # type: ignore[attr-defined]


# Equal programs

REFERENCE = net("unit { width: [16, 24, 24]  kernel: [3, 5, 3]  depth: [2, 1, 3]  stride: [1, 2, 2]  act: silu }")

EQUAL_STAGES = {
    "table": """[
      | block | width | kernel | depth | stride | act  |
      | unit  |    16 |      3 |     2 |      1 | silu |
      | unit  |    24 |      5 |     1 |      2 | silu |
      | unit  |    24 |      3 |     3 |      2 | silu |
    ]""",
    "table with defaults not given": """[
      | block            | width | kernel | depth | stride |
      | unit(act: silu)  |    16 |      - |     2 |      - |
      | unit { act: silu } |  24 |      5 |     - |      2 |
      | unit(act: silu)  |    24 |      - |     3 |      2 |
    ]""",
    "list of configured blocks": """[
      unit { width: 16  depth: 2  act: silu },
      unit { width: 24  kernel: 5  stride: 2  act: silu },
      unit(24, stride: 2, act: silu) { depth: 3 }
    ]""",
    "positional leading setting": """[
      unit(16, act: silu) { depth: 2 }, unit(24, kernel: 5, stride: 2, act: silu),
      unit(24, kernel: 3, stride: 2, act: silu) { depth: 3 }
    ]""",
    "attributes on a configured block": """unit(act: silu) {
      width: [16, 24, 24]  kernel: [3, 5, 3]  depth: [2, 1, 3]  stride: [1, 2, 2]
    }""",
    "list in place of a scalar": """unit {
      width: [16, 24, 24]  kernel: [3, 5, 3]  depth: [2, 1, 3]  stride: [1, 2, 2]  act: [silu, silu, silu]
    }""",
    "rules of the stage": """unit {
      width: 16 if stage.index == 0 else 24  kernel: 5 if stage.index == 1 else 3  depth: [2, 1, 3]
      stride: min(stage.index + 1, 2)  act: silu
    }""",
    "rules of the block": """unit {
      width: 16 if block.index < 2 else 24  kernel: [3, 5, 3]  depth: [2, 1, 3]  stride: [1, 2, 2]  act: silu
      rate: none if block.index < block.count else 1/2
    }""",
    "a list made by a comprehension": """unit {
      width: [8 * (2 + min(i, 1)) for i in 0 .. 2]  kernel: [3 + i % 2 * 2 for i in 0 .. 2]
      depth: [2, 1, 3]  stride: [1, 2, 2]  act: silu
    }""",
    "a table that is changed to it": """[
      | block | width | kernel | depth | stride |
      | unit  |     8 |      3 |     4 |      1 |
      | unit  |    12 |      5 |     2 |      2 |
      | unit  |    12 |      3 |     6 |      2 |
    ] with { width: width * 2  depth: depth / 2  act: silu }""",
}


@pytest.mark.parametrize("form", EQUAL_STAGES)
def test_forms_of_stages(form: str) -> None:
    assert hash_of(net(EQUAL_STAGES[form])) == hash_of(REFERENCE)


def test_runs_of_widths() -> None:
    runs = "unit { width: [16, 16, 24, 24, 24, 16]  stride: [1, 2, 2] }"
    assert hash_of(net(runs)) == hash_of(net("unit { width: [16, 24, 16]  depth: [2, 3, 1]  stride: [1, 2, 2] }"))


def test_rule_and_its_values_written_out() -> None:
    rule = "y_block { width: quantized_linear(depth: 13, w_0: 24, w_a: 36.44, w_m: 2.49)  stride: 2  group_width: 8 }"
    out = "y_block { width: [24, 56, 152, 368]  depth: [1, 1, 4, 7]  stride: 2  group_width: 8 }"
    stem = "stem: simple_stem"
    assert hash_of(net(rule, stem, size="3 x 64 x 64")) == hash_of(net(out, stem, size="3 x 64 x 64"))


FAMILY = """model family(base: 16, kernel: 3, block: unit) {
  input: 3 x 32 x 32  stem: conv_norm_act(width: base)
  stages: block { width: [base, base * 2]  kernel: kernel  depth: 2 }
  head: pool_head(classes: 10)
}"""


def test_rows_aliases_and_with() -> None:
    row = FAMILY + "\nmodels family [ | name | base | kernel | \n | row | 24 | 5 | ]"
    alias = FAMILY + "\nmodel alias = family(24, kernel: 5)"
    chain = FAMILY + "\nmodel one = family(base: 24) model two = one model net = two with { stages.kernel: 5 }"
    changed = (
        FAMILY
        + """\nmodel net = family with {
      stem.width: 24  stages.width: width * 3/2  stages.kernel: kernel + 2
    }"""
    )
    same = (
        FAMILY
        + """\nmodel net = family(24, 5) with {
      input: 3 x 32 x 32  stem.width: 24  stages[0].width: 24  stages[1].kernel: 5  stages.depth: 2  head.classes: 10
      stages[0].blocks[1].kernel: 5  stages[0 .. 1].stride: 1
    }"""
    )
    default = FAMILY + "\nmodel net = family(24, 5, block: unit(stride: 1))"
    programs = [(row, "row"), (alias, "alias"), (chain, "net"), (changed, "net"), (same, "net"), (default, "net")]
    assert len({hash_of(text, name=name) for text, name in programs}) == 1
    assert hash_of(FAMILY, name="family") != hash_of(alias, name="alias")


def test_command_line_and_with() -> None:
    result = compiled(FAMILY, name="family", changes=Changes((("base", "24"), ("stages[1].kernel", "5")), (), "64x48"))
    text = FAMILY + "\nmodel net = family(24) with { stages[1].kernel: 5  input: 3 x 64 x 48 }"
    assert isinstance(result, Compiled)
    assert result.network.hash == hash_of(text, name="net")


def test_override_by_index_and_cell() -> None:
    table = "[\n| block | width | kernel |\n| unit | 16 | 3 |\n| unit | 24 | 7 |\n]"
    plain = net("unit { width: [16, 24] }").replace("model net", "model base")
    assert hash_of(plain, "model net = base with { stages[1].kernel: 7 }", name="net") == hash_of(net(table))
    assert hash_of(net("unit { width: [16, 24] } with { kernel: [3, 7][stage.index] }")) == hash_of(net(table))


def test_configured_block_as_a_value() -> None:
    blocks = """
    block gated(x; width, se: squeeze_excite(width: 8)) { return x -> conv(width, kernel: 1) -> se }
    block bare(x; width, se_width: 8) { return x -> conv(width, kernel: 1) -> squeeze_excite(width: se_width) }
    """
    forms = [
        net("gated { width: 16 }"),
        net("gated { width: 16  se: squeeze_excite(8) }"),
        net("gated { width: 16  se: squeeze_excite { width: 8  gate: sigmoid } }"),
        net("gated(16, se: squeeze_excite(width: 8, act: relu))"),
        net("bare { width: 16 }"),
        net("bare(16, se_width: 8)"),
    ]
    assert len({hash_of(blocks, form) for form in forms}) == 1
    assert hash_of(blocks, forms[0]) != hash_of(blocks, net("gated { width: 16  se: squeeze_excite(4) }"))


def test_parameters_through_several_levels() -> None:
    text = """
    fn double(n) = n * 2
    block inner_most(x; width, act) { return x -> conv(width, kernel: 3) -> act }
    block middle(x; width, wrapped: inner_most, act: relu) { return x -> wrapped(width: double(width / 2), act: act) }
    block outer(x; width, act) { return x -> middle(width, act: act) -> conv(width, kernel: 1) }
    model deep(w, act) { input: 3 x 8 x 8  stages: outer { width: w  act: act } }
    model deeper(w) = deep(w, act: silu)
    model net = deeper(w: 16)
    """
    flat = "block flat(x; width) { return x -> conv(16, kernel: 3) -> silu -> conv(16, kernel: 1) }"
    assert hash_of(text, name="net") == hash_of(flat, net("flat { width: 16 }", size="3 x 8 x 8"))


def test_names_of_steps_and_pipes_do_not_matter() -> None:
    one = "block b(x; width) { return x -> conv(width, kernel: 3) -> relu -> conv(width, kernel: 1) }"
    two = """block b(x; width) {
      first  = conv(width, kernel: 3) -> relu
      second = x -> first
      return conv(second, width, kernel: 1)
    }"""
    three = "block b(x; width) { y = relu(conv(x, width, kernel: 3))  z = y -> (conv(width, kernel: 1)) return z }"
    assert len({hash_of(text, net("b { width: 16 }")) for text in (one, two, three)}) == 1


def test_addition_has_no_order_and_concatenation_has_one() -> None:
    def joined(how: str) -> str:
        block = f"block b(x; width) {{ p = x -> conv(8, kernel: 1)  q = x -> conv(8, kernel: 3)  return {how} }}"
        return hash_of(block, net("b { width: 8 }"))

    assert joined("p + q") == joined("q + p") == joined("add(p, q)") == joined("add(q, p)")
    assert joined("p * q") == joined("mul(q, p)") != joined("p + q")
    assert joined("concat(p, q)") == joined("concat([p, q])") != joined("concat(q, p)")


@settings(PROFILE, max_examples=many(20))
@given(
    st.lists(
        st.tuples(st.sampled_from([8, 16, 24]), st.integers(1, 3), st.sampled_from([1, 3, 5])), min_size=1, max_size=4
    )
)
def test_forms_of_random_stages(stages: list[tuple[int, int, int]]) -> None:
    def column(i: int) -> str:
        return f"[{', '.join(str(stage[i]) for stage in stages)}]"

    rows = "\n".join(f"| unit | {w} | {d} | {k} |" for w, d, k in stages)
    items = ", ".join(f"unit({w}, kernel: {k}) {{ depth: {d} }}" for w, d, k in stages)
    blocks = [(w, k) for w, d, k in stages for _ in range(d)]
    width_list = ", ".join(str(w) for w, _ in blocks)
    kernel_list = ", ".join(str(k) for _, k in blocks)
    rules = f"width: [{width_list}][block.index]  kernel: [{kernel_list}][block.index]  depth: {column(1)}"
    texts = [
        net(f"unit {{ width: {column(0)}  depth: {column(1)}  kernel: {column(2)} }}"),
        net(f"[\n| block | width | depth | kernel |\n{rows}\n]"),
        net(f"[{items}]"),
        net(f"unit {{ {rules} }}"),
    ]
    assert len({hash_of(text) for text in texts}) == 1


# What the words mean


def test_indices_count_from_0() -> None:
    show = "block.index * 1000 + block.count * 100 + block.in_stage * 10 + stage.index"
    found = network(net(f"unit {{ width: {show} + 5  depth: [2, 1, 3] }}"))
    expected = [(0, 0, 0), (1, 1, 0), (2, 0, 1), (3, 0, 2), (4, 1, 2), (5, 2, 2)]
    assert widths(found) == [i * 1000 + 600 + j * 10 + s + 5 for i, j, s in expected]
    assert [n.path for n in found.nodes if n.operation.name == "conv"][3] == "stages.2.blocks.0.conv"
    assert widths(network(net("unit { width: 8 * stage.count + stage.index  depth: [1, 2] }"))) == [16, 17, 17]


def test_with_sees_the_old_value_on_the_right() -> None:
    base = net("unit { width: [16, 24] }").replace("net", "base")
    assert widths(network(base, "model net = base with { stages.width: width * 2 }", name="net")) == [32, 48]
    assert widths(network(base, "model net = base with { stages[1].width: width + 8 }", name="net")) == [16, 32]
    again = "model net = base with { stages.width: width * 2  stages[0].width: width + 1 }"  # in their order
    assert widths(network(base, again, name="net")) == [33, 48]
    together = network(net("unit { width: [16, 24] } with { width: width * 2  kernel: width / 4 - 1 }"))
    assert (widths(together), kernels(together)) == ([32, 48], [3, 5])


def test_when_leaves_a_step_out_and_its_arguments_unevaluated() -> None:
    block = "block b(x; width, n: none) { return x -> conv(width, kernel: 3) -> conv(width, kernel: n * 2 - 1) when n }"
    assert kernels(network(block, net("b { width: 8 }"))) == [3]
    assert kernels(network(block, net("b { width: 8  n: 2 }"))) == [3, 3]


@pytest.mark.parametrize(
    ("value", "holds"), [("none", False), ("false", False), ("0", True), ("true", True), ('""', True), ("1/2", True)]
)
def test_only_none_and_false_fail(value: str, holds: bool) -> None:
    block = """block b(x; width, c) {
      return (x -> conv(width, kernel: 3) when c) -> conv(width, kernel: 5 if c else 1) -> relu when not c
    }"""
    found = network(block, net(f"b {{ width: 8  c: {value} }}"))
    assert kernels(found) == ([3, 5] if holds else [1])
    assert len(found.nodes) == 2


def test_and_and_or_give_conditions() -> None:
    block = "block b(x; width) { return x -> conv(width, kernel: 3 if (none or 0) and not (0 and none) else 1) }"
    assert kernels(network(block, net("b { width: 8 }"))) == [3]


def test_both_arms_of_a_condition_may_be_pipes() -> None:
    block = (
        "block b(x; width) { return x -> conv(width, kernel: 3) if width > 8 else x -> conv(width, kernel: 1) -> relu }"
    )
    assert kernels(network(block, net("b { width: [8, 16] }"))) == [1, 3]


def test_fit_keeps_requested_and_used() -> None:
    result = compiled(net("x_block { width: 50  depth: 3  group_width: 16 }"))
    model = model_of(result)
    used = result.settings[0][0]
    assert {name: used[name].value for name in ("width", "inner", "group_width")} == {
        "width": 48, "inner": 48, "group_width": 16,
    }  # fmt: skip
    requested = used["width"].requested
    assert requested is not None
    assert requested.value == 50
    setting: Any = model.stages[0].settings["width"]
    assert setting.value == 50


def test_fit_lines_see_the_lines_before_them() -> None:
    result = compiled(net("x_block { width: 24  group_width: 64 }"))  # group width 24, so inner stays 24
    used = result.settings[0][0]
    assert (used["group_width"].value, used["width"].value) == (24, 24)


def test_a_single_block_is_changed_after_fit() -> None:
    base = net("y_block { width: 64  depth: 3  group_width: 8 }").replace("net", "base")
    found = network(base, "model net = base with { stages[0].blocks[1].inner: 32 }", name="net")
    assert widths(found) == [64, 64, 64, 64, 32, 32, 64, 64, 64, 64]  # the first has a projection


def test_first_block_takes_the_stride() -> None:
    assert strides(network(net("unit { width: 8  depth: [3, 2]  stride: [1, 2] }"))) == [1, 1, 1, 2, 1]


def test_enter_stands_before_a_stage() -> None:
    found = network(net("unit { width: [16, 24, 32]  depth: 2  enter: [none, down, down(kernel: 4)] }"))
    assert widths(found) == [16, 16, 24, 24, 24, 32, 32, 32]
    assert kernels(found) == [3, 3, 2, 3, 3, 4, 3, 3]
    assert [n.path for n in found.nodes if "enter" in n.path] == ["stages.1.enter.conv", "stages.2.enter.conv"]


RESNET = """model base {
  input: 3 x 64 x 64  stem: conv_pool_stem
  stages: bottleneck { width: [64, 128, 256, 512]  depth: 2  stride: [1, 2, 2, 2] }
  head: pool_head(classes: 10)
}"""


def test_features_are_the_last_tensor_at_a_stride() -> None:
    found = network(RESNET, "model net = base with { features: [4, 8, 16, 32] }", name="net")
    assert [(f.name, f.stride, found.shape(f.value)[0]) for f in found.features] == [
        ("stride4", 4, 64), ("stride8", 8, 128), ("stride16", 16, 256), ("stride32", 32, 512),
    ]  # fmt: skip
    named = network(RESNET, "model net = base with { features { c2: stages[0]  c5: stages[3] } }", name="net")
    assert [(f.name, found.shape(f.value)) for f in named.features] == [("c2", (64, 16, 16)), ("c5", (512, 2, 2))]
    assert found.hash != hash_of(RESNET, name="base")
    assert count(found).flops == count(network(RESNET, name="base")).flops


def test_output_stride_trades_strides_for_dilation() -> None:
    plain = network(RESNET, name="base")
    dense = network(RESNET, "model net = base with { output_stride: 8 }", name="net")
    assert (count(dense).params, count(dense).buffers) == (count(plain).params, count(plain).buffers)
    assert count(dense).flops > count(plain).flops
    dilations = [n.operation.dilation[0] for n in dense.nodes if getattr(n.operation, "kernel", None) == (3, 3)]  # type: ignore[attr-defined]
    assert dilations[1:] == [1, 1, 1, 1, 1, 2, 2, 4]  # behind the stem's pool; a first block sees the map before it
    by_stage = {g.key: g.flops for g in count(plain).by("stage")}
    after = {g.key: g.flops for g in count(dense).by("stage")}
    assert after["stages.1"] == by_stage["stages.1"]
    assert network(RESNET, "model net = base with { output_stride: 32 }", name="net").hash == plain.hash
    assert codes(REFERENCE, "model other = net with { output_stride: 2 }", name="other") == ["E317"]


def test_head_none() -> None:
    found = network(RESNET, "model net = base with { head: none }", name="net")
    assert found.shape(found.outputs[0]) == (512, 2, 2)
    without = RESNET.replace("head: pool_head(classes: 10)", "")
    assert found.hash == hash_of(without, name="base")


def width_of(expression: str) -> int:
    return widths(network(net(f"unit {{ width: {expression} }}")))[0]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("0.1 * 3 * 10", 3),
        ("(1/3 + 1/3 + 1/3) * 8", 8),
        ("2.24 * 25", 56),
        ("1.4M / 100K", 14),
        ("64 ^ (1/2)", 8),
        ("log(1024) / log(2)", 10),
        ("sqrt(2) * sqrt(8)", 4),
        ("floor(-7 / 2) + 8", 4),
        ("-7 // 2 + 8", 4),
        ("-7 % 3 + 6", 8),
        ("10 ^ 40 / 10 ^ 39", 10),
        ("floor(2 ^ 0.5 * 10 ^ 6)", 1414213),
        ("ceil(7 ^ (1/3))", 2),
        ("max([3, 5, 4]) + min(2, 1)", 6),
        ("sum([i * i for i in 1 .. 3]) + count([1, 2])", 16),
        ("8 if 0.1 + 0.2 == 0.3 else 16", 8),
        ("8 if 2 ^ 0.5 * 2 ^ 0.5 == 2 else 16", 8),
        ("8 if 1 < 2 <= 2 and 3 != 4 else 16", 8),
    ],
)
def test_numbers_are_exact(expression: str, value: int) -> None:
    assert width_of(expression) == value


@settings(PROFILE, max_examples=many(20))
@given(st.integers(1, 4000), st.integers(1, 64))
def test_round_is_half_to_even(numerator: int, denominator: int) -> None:
    expected = round(Fraction(numerator, denominator))
    assert width_of(f"round({numerator}/{denominator}) + 1") == expected + 1


def test_ties_go_to_the_even_number() -> None:
    assert [width_of(f"round({n}/2) + 1") for n in (1, 3, 5, 7, 9)] == [1, 3, 3, 5, 5]
    assert [width_of(f"round_to({n}, 8)") for n in (12, 20, 28)] == [16, 16, 32]


def test_nothing_is_rounded_silently() -> None:
    assert codes(net("unit { width: 17 / 2 }")) == ["E303"]
    assert codes(net("unit { width: 100 ^ (1/3) }")) == ["E303"]
    assert codes(net("unit { width: 8  depth: 3 / 2 }")) == ["E303"]


SCALING = """
scaling mine(s) {
  depth:      depth * s
  width:      width * stage.depth
  kernel:     kernel + 2 * (stage.depth - 1)
  resolution: resolution + s
  stem.width: stem.width * s
}
"""


def test_scaling_lines_see_old_values() -> None:
    base = net("unit { width: [16, 24]  depth: [1, 2]  kernel: [1, 3] }", "stem: conv_norm_act(width: 8)")
    base = base.replace("net", "base")
    found = network(SCALING, base, "model net = base -> mine(2)", name="net")
    assert widths(found) == [16, 16, 16, 48, 48, 48, 48]  # depth is 1 and 2 on the right, 2 and 4 on the left
    assert kernels(found) == [3, 1, 1, 5, 5, 5, 5]
    assert found.input == (3, 34, 34)
    on_the_command_line = compiled(base, SCALING, name="base", changes=Changes((), ("mine(2)",))).network
    assert on_the_command_line is not None
    assert on_the_command_line.hash == found.hash


def test_scaling_starts_from_what_fit_made() -> None:
    base = net("x_block { width: 50  depth: 2  group_width: 16 }").replace("net", "base")
    model = model_of(compiled(base, "model net = base -> width_mult(2)", name="net"))
    setting: Any = model.stages[0].settings["width"]
    assert setting.value == 96  # of the 48 that are used, not of the 50 that were asked for


def test_stem_and_head_change_only_if_named_or_following() -> None:
    base = net("unit { width: 16 }", "stem: conv_norm_act(width: 8)", "head: conv_head(width: 32)").replace(
        "net", "base"
    )
    assert widths(network(base, "model net = base -> width_mult(2)", name="net")) == [8, 32, 32]
    follow = base.replace("head:", "follow { stem.width: width } head:")
    assert widths(network(follow, "model net = base -> width_mult(2)", name="net")) == [16, 32, 32]
    both = "model net = base with { follow { stem.width: width  head.width: width } } -> width_mult(2)"
    assert widths(network(base, both, name="net")) == [16, 32, 64]


def test_scalings_apply_one_after_the_other() -> None:
    base = net("unit { width: 16  depth: 2 }").replace("net", "base")
    twice = hash_of(base, "model net = base -> width_mult(2) -> d(2)", name="net")
    assert twice == hash_of(base, "model one = base -> d(2) model net = one -> width_mult(2)", name="net")
    assert twice == hash_of(net("unit { width: 32  depth: 4 }"))


def test_a_rule_is_stretched_where_the_depth_is_scaled() -> None:
    base = net("unit { width: 8 * (block.index + 1)  depth: 2 }").replace("net", "base")
    assert widths(network(base, "model net = base -> d(2)", name="net")) == [8, 8, 16, 16]
    assert widths(network(base, "model net = base -> width_mult(3) -> d(2)", name="net")) == [24, 24, 48, 48]


def test_a_number_for_all_stages_and_a_list_for_each() -> None:
    assert hash_of(net("unit { width: [8, 8]  kernel: 5 }")) != hash_of(net("unit { width: [8, 16]  kernel: 5 }"))
    assert codes(net("unit { width: [8, 16]  depth: [1, 2, 3] }")) == ["E309"]
    assert codes(net("unit { width: 8  depth: [1, 2]  kernel: [3, 3, 3] }")) == ["E309"]


def test_a_cell_not_given_and_none() -> None:
    table = "[\n| block | width | rate |\n| unit(rate: 1/5) | 8 | - |\n| unit(rate: 1/5) | 8 | none |\n]"
    found = network(net(table))
    assert [n.path.split(".")[1] for n in found.nodes if n.operation.name == "dropout"] == ["0"]


def test_several_values() -> None:
    text = """
    block two(x; n: 8) { return x -> conv(n, kernel: 1), x -> conv(n * 2, kernel: 1) }
    block b(x; width) {
      p, q = two(x, n: 4)
      r, s, t = split(concat(p, q), parts: 3)
      both = two(x)
      return concat(q, p, s, t, r, both[1], concat(both))
    }
    """
    assert network(text, net("b { width: 1 }")).shape(network(text, net("b { width: 1 }")).outputs[0])[0] == 64


def test_text_is_compiled_without_a_file() -> None:
    assert network_of(HEADER + BLOCKS + REFERENCE).hash == hash_of(REFERENCE)
