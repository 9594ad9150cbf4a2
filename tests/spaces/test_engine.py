"""What is worked out for many settings at once is what the ordinary compiler says of each, to the unit."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from properties.strategies import HEADER, Program, Texts, programs
from sampling import TIMES, many

from archdsl.compiler import Compiler
from archdsl.diagnostics import Diagnostics
from archdsl.project import Project
from archdsl.source import Source
from archdsl.spaces.arrays.draws import draw
from archdsl.spaces.arrays.engine import NO_NETWORK, VALID, Batch, DrawFault, Engine
from archdsl.spaces.entry import context_of, space_named
from archdsl.spaces.member import Member, member_of
from archdsl.spaces.space import Space
from archdsl.views.diagnostics import render_all

THOROUGH = TIMES > 1
"""Whether every draw of every shipped space is compared: 370,000 of ten times, some 17 minutes of processor time."""
SPECS = Path(__file__).resolve().parents[2] / "specs" / "spaces"


def opened(text: str, name: str | None = None) -> tuple[Compiler, Space]:
    compiler, diagnostics = Compiler(Texts()), Diagnostics()
    program = compiler.program(Source("entry.arch", text), diagnostics)
    space = space_named(compiler, program, name, diagnostics)
    assert space is not None, f"{render_all(diagnostics, False)}\n{text}"
    return compiler, space


def says(member: Member) -> int:
    """What the ordinary compiler says of a setting, as `Batch.why`."""
    if member.valid:
        return VALID
    return NO_NETWORK if member.requirement is None else member.requirement


def assert_same(compiler: Compiler, space: Space, batch: Batch, rows: np.ndarray) -> None:
    """The figures of some settings are those of the ordinary compiler."""
    ctx = context_of(compiler)
    for row in rows.tolist():
        member = member_of(ctx, space, batch.settings[row].tolist())
        expected = says(member), {name: member.costs.get(name, -1) for name in batch.costs}
        found = int(batch.why[row]), {name: int(costs[row]) for name, costs in batch.costs.items()}
        assert found == expected, batch.settings[row].tolist()


def evaluated(text: str, count: int, seed: int = 0) -> tuple[Compiler, Space, Batch]:
    compiler, space = opened(text)
    settings = draw(space, seed, 0, count)
    return compiler, space, Engine(context_of(compiler), space).evaluate(settings)


@cache
def shipped() -> dict[str, Path]:
    return {
        found: path
        for path in sorted(SPECS.glob("*.arch"))
        for found in re.findall(r"^space (\w+)", path.read_text(), re.M)
    }


@pytest.mark.parametrize("name", shipped())
def test_shipped_spaces_are_as_the_compiler_says(name: str) -> None:
    project = Project(str(shipped()[name]))
    compiler, diagnostics = Compiler(project), Diagnostics()
    space = space_named(compiler, compiler.program(project.source(), diagnostics), name, diagnostics)
    assert space is not None
    count = many(1_000)
    batch = Engine(context_of(compiler), space).evaluate(draw(space, 7, 0, count))
    rows = np.arange(count)
    if not THOROUGH:
        picked, valid = np.random.default_rng(3), np.flatnonzero(batch.valid)
        rows = np.union1d(
            picked.choice(count, 40, replace=False), picked.choice(valid, min(len(valid), 40), replace=False)
        )
    assert_same(compiler, space, batch, rows)
    assert batch.exactly <= count // 10


# Random spaces over random blocks

MARK = 70_000


def space_text(program: Program, widths: list[str], depths: list[str], strides: list[str], size: str) -> str:
    """A program as a space: the numbers of its stages are drawn."""
    marked = Program(
        **{
            **{name: getattr(program, name) for name in program.__dataclass_fields__},
            "stages": tuple(
                [
                    type(stage)(stage.block, MARK + 4 * i, MARK + 4 * i + 1, MARK + 4 * i + 2, stage.rest)
                    for i, stage in enumerate(program.stages)
                ]
            ),
        }
    )
    text = marked.text(program.form).removeprefix(HEADER)
    draws = []
    names = []
    for i, laws in enumerate(zip(widths, depths, strides, strict=True)):
        for offset, (kind, law) in enumerate(zip(("zzwidth", "zzdepth", "zzstride"), laws, strict=True)):
            name = f"{kind}{i}"
            text = text.replace(str(MARK + 4 * i + offset), name)
            draws.append(f"  {name} ~ {law}")
            names.append(name)
    text = re.sub(r"input: (\d+) x \d+ x \d+", r"input: \1 x zzsize x zzsize", text)
    text = text.replace(f"model {program.name} {{", f"model {program.name}({', '.join([*names, 'zzsize'])}) {{")
    arguments = ", ".join([f"{name}: {name}" for name in [*names, "zzsize"]])
    lines = "\n".join([*draws, f"  zzsize ~ {size}"])
    model = f"  require model.depth <= 7 or flops > 2M\n  model: {program.name}({arguments})"
    return f"{HEADER}{text}space zzspace {{\n{lines}\n{model}\n}}\n"


WIDTHS = (
    "one_of(32, 64, 96)",
    "int(1 .. 70)",
    "uniform(16 .. 64, quantum: 0.5)",
    "log_uniform(8 .. 64, quantum: 8)",
    "one_of(64)",
)
DEPTHS = ("int(1 .. 4)", "one_of(1, 3)", "log_uniform(1 .. 6)", "one_of(2)")
STRIDES = ("one_of(1, 2)", "one_of(1)", "one_of(2)")
SIZES = ("one_of(32, 64)", "int(17 .. 40)", "one_of(33)")


PAIRED = 400
"""Draws of each of 25 random spaces: 10,000 pairs of a space and a draw; of ten times as many in `make thorough`."""


@given(programs(), st.data())
@settings(max_examples=many(25))
def test_random_spaces_are_as_the_compiler_says(program: Program, data: st.DataObject) -> None:
    count = len(program.stages)
    laws = [
        data.draw(st.lists(st.sampled_from(each), min_size=count, max_size=count)) for each in (WIDTHS, DEPTHS, STRIDES)
    ]
    text = space_text(program, *laws, data.draw(st.sampled_from(SIZES)))
    compiler, space, batch = evaluated(text, PAIRED, seed=data.draw(st.integers(0, 2**32)))
    assert_same(compiler, space, batch, np.arange(PAIRED))


# What is special

REGNET = """arch 1
use std.regnet { simple_stem, x_block, pool_head, quantized_linear }
use std.rules { round_to, round_filters }
use std.blocks { conv_norm_act }
"""


def test_exact_halves_are_decided_as_the_compiler_does() -> None:
    """w_0 * w_m / 8 is halfway between whole numbers for every second value of w_m; so is the level of the second
    block, log(3) / log(w_m), where w_m is 9: doubles tell neither."""
    text = (
        REGNET
        + """
model m(w_0, w_a, w_m, depth) {
  input:  3 x 32 x 32
  stem:   simple_stem(width: 8)
  stages: x_block { width: quantized_linear(depth: depth, w_0: w_0, w_a: w_a, w_m: w_m)  stride: 1  group_width: 1 }
  head:   pool_head(classes: 10)
}
space zz {
  w_0 ~ one_of(8, 16, 24, 32)
  w_a ~ one_of(16, 32, 48, 64)
  w_m ~ one_of(3/2, 5/2, 7/2, 9, 2)
  depth ~ int(1 .. 12)
  model: m(w_0, w_a, w_m, depth)
}"""
    )
    compiler, space, batch = evaluated(text, 400)
    assert_same(compiler, space, batch, np.arange(0, 400, 2))
    assert batch.exactly < 100


def test_costs_over_64_bits() -> None:
    """Widths of a million at a resolution of a million: flops need more than 64 bits, and come as they are."""
    text = (
        REGNET
        + """
model m(width, depth, size) {
  input:  3 x size x size
  stages: conv_norm_act { width: width  depth: depth  kernel: 3 }
}
space zz {
  width ~ one_of(8, 1000000, 999999)
  depth ~ one_of(2, 30)
  size ~ one_of(8, 1000000)
  model: m(width, depth, size)
}"""
    )
    compiler, space, batch = evaluated(text, 48)
    assert max(int(flops) for flops in batch.costs["flops"]) > 2**63
    assert_same(compiler, space, batch, np.arange(48))


def test_conditions_lists_and_indices_of_what_is_drawn() -> None:
    """Choices by lane, of numbers and of blocks; lists by lane, their sums and extremes; elements at drawn places."""
    text = (
        REGNET
        + """
use std.ops { relu, silu }
fn widths(first, depth, step) {
  raw = [first + step * j if j < depth / 2 else first * 2 - j / 3 for j in 0 .. depth - 1]
  return [max(8, round_to(w, 4)) for w in raw]
}
fn chosen(list, at) = list[at]
model m(depth, first, step, at, factor, act) {
  require factor < 7
  list = widths(first, depth, step)
  most = max(list) if count(list) > 3 else sum(list) / 2
  input:  3 x 16 x 16
  stem:   conv_norm_act(width: round_filters(first * factor), kernel: 3 if first > 20 else 1)
  stages: conv_norm_act {
    width:  list
    kernel: chosen([1, 3, 5], at)
    stride: 1
    act:    act
  }
  head:   pool_head(classes: ceil(most))
}
space zz {
  depth ~ int(1 .. 9)
  first ~ int(9 .. 40)
  step ~ one_of(0, 1/3, 8, -1)
  at ~ int(0 .. 2)
  factor ~ uniform(0.5 .. 8, quantum: 0.5)
  act ~ one_of(relu, silu)
  half = first / 2 if at == 1 else first
  require half > 6 and not (depth == 5 and at != 2) or step == 8
  require model.stages.count < 6
  model: m(depth, first, step, at, factor, act)
}"""
    )
    compiler, space, batch = evaluated(text, 600)
    assert set(np.unique(batch.why)) == {NO_NETWORK, VALID, 0, 1}
    assert_same(compiler, space, batch, np.arange(0, 600, 3))


CHANGED = """arch 1
use std.regnet { simple_stem, x_block, pool_head, quantized_linear }
use std.scaling { dWr, dwr, w, d, r, alpha }
use std.mobilenet { inverted_residual, conv_norm_act, conv_head }
use std.ops { relu, relu6 }
model net(depth, w_0, w_a, w_m, group_width) {
  input:  3 x 64 x 64
  stem:   simple_stem(width: 32)
  stages: x_block {
    width:            quantized_linear(depth: depth, w_0: w_0, w_a: w_a, w_m: w_m)
    stride:           2
    group_width:      group_width
  }
  head:   pool_head(classes: 10)
}
model table(depths, widths, size, e) {
  input:  3 x size x size
  stem:   conv_norm_act(width: 16, kernel: 3, stride: 1, act: relu)
  stages: [
    | block | depth | width | stride | expand |
    | inverted_residual | depths[0] | widths[0] | 1 | 1 |
    | inverted_residual | depths[1] | widths[1] | 2 | e |
    | inverted_residual | 2 | widths[0] * 2 | 1 | e + block.in_stage |
  ] with { width: width + 4 }
  head:   conv_head(width: 64, classes: 10, act: relu6)
}
space scaled {
  depth ~ int(4 .. 20)
  w_0 ~ one_of(8, 16, 24)
  w_a ~ uniform(8 .. 40, quantum: 0.5)
  w_m ~ uniform(1.5 .. 3, quantum: 0.25)
  group_width ~ power_of_two(1 .. 16)
  s ~ one_of(2, 3, 4.5)
  model: net(depth, w_0, w_a, w_m, group_width) -> dWr(s)
}
space changed {
  depths ~ each(2, int(1 .. 4))
  widths ~ each(2, int(6 .. 40))
  size ~ int(16 .. 40)
  e ~ one_of(1, 2, 4, 6)
  k ~ one_of(3, 5)
  more ~ int(0 .. 2)
  model: table(depths, widths, size, e) with { stages[1].kernel: k  stages[0].depth: more + 1 }
}
space twice_scaled {
  depths ~ each(2, int(1 .. 4))
  widths ~ each(2, int(6 .. 40))
  size ~ one_of(16, 32)
  e ~ one_of(1, 2, 4, 6)
  s ~ one_of(1, 2)
  model: table(depths, widths, size, e) -> w(s) -> d(2)
}
space required {
  depths ~ each(2, int(1 .. 4))
  widths ~ each(2, int(6 .. 40))
  size ~ one_of(16, 32)
  e ~ one_of(1, 2, 4, 6)
  s ~ one_of(1, 2)
  require model.depths[0] + model.depth > 7 or model.widths[1] % 2 == 0
  require model.stages[1].width > 15 and max(model.widths) < 90
  model: table(depths, widths, size, e)
}
space by_alpha {
  depths ~ each(2, int(1 .. 4))
  widths ~ each(2, uniform(6 .. 40, quantum: 0.5))
  size ~ one_of(16, 32)
  e ~ one_of(1, 2, 4, 6)
  a ~ one_of(0, 1/2, 1)
  model: table(depths, widths, size, e) -> alpha(4, a)
}
"""


@pytest.mark.parametrize("name", ["scaled", "changed", "twice_scaled", "required", "by_alpha"])
def test_models_that_are_scaled_and_changed(name: str) -> None:
    """Scalings by drawn factors, lines of `with`, rules by block, and what conditions ask of the model."""
    compiler, space = opened(CHANGED, name)
    batch = Engine(context_of(compiler), space).evaluate(draw(space, 5, 0, 200))
    assert_same(compiler, space, batch, np.arange(0, 200, 3))
    assert batch.exactly < 100


def test_lists_of_lists_of_drawn_length() -> None:
    text = (
        REGNET
        + """
use std.ops { conv }
model m(width) {
  input:  4 x 8 x 8
  stages: conv { width: width  kernel: 1 }
}
space zz {
  n ~ int(1 .. 12)
  k ~ int(0 .. 9)
  total = sum([sum([i * j for i in k .. n]) for j in 0 .. n])
  rows = [sum([i + k for i in 0 .. j]) for j in 0 .. n]
  require total % 3 != 1
  model: m(8 + total + max(rows))
}"""
    )
    compiler, space, batch = evaluated(text, 300)
    assert {VALID, 0} <= set(np.unique(batch.why))
    assert_same(compiler, space, batch, np.arange(0, 300, 3))


def test_settings_that_take_too_many_steps() -> None:
    """They are no settings without a network: what is not known is not counted."""
    text = (
        REGNET
        + """
use std.ops { conv }
model m(width) {
  input:  4 x 8 x 8
  stages: conv { width: width  kernel: 1 }
}
space zz {
  n ~ int(1 .. 100)
  total = sum([sum([i * n for i in 0 .. 999]) for j in 0 .. %s])
  model: m(8 + total %% 2)
}"""
    )
    for size in ("9999", "200 * n"):
        with pytest.raises(DrawFault, match=r"entry.arch:\d+: evaluating the model takes more than .* of `zz`"):
            evaluated(text % size, 50)


def test_settings_that_have_no_value() -> None:
    """Divisions by zero, logarithms of what is not above zero, groups that do not divide: refused, with the others
    beside them as they are."""
    text = (
        REGNET
        + """
use std.ops { conv }
model m(a, b, groups) {
  input:  4 x 8 x 8
  stages: conv { width: round(24 / a) + 8 + floor(log(b + 2))  kernel: 1  groups: groups }
}
space zz {
  a ~ int(-2 .. 3)
  b ~ int(-4 .. 4)
  groups ~ int(1 .. 4)
  model: m(a, b, groups)
}"""
    )
    compiler, space = opened(text)
    rows = np.stack(np.meshgrid(*[np.arange(size) for size in space.sizes], indexing="ij"), axis=-1).reshape(-1, 3)
    batch = Engine(context_of(compiler), space).evaluate(rows)
    assert 0 < batch.valid.sum() < len(rows)
    assert_same(compiler, space, batch, np.arange(len(rows)))


def test_blocks_of_stages_that_are_drawn() -> None:
    """Blocks of tables of stages, side by side: with settings that the others have not, widths and strides of their
    own, maps that another block gives in another number, and one that does not fit."""
    text = (
        REGNET
        + """
use std.ops { conv, identity }
block narrow(x; width, kernel: 3) = x -> conv(width / 2, kernel: kernel)
block halved(x; width, stride: 2) = x -> conv_norm_act(width, kernel: 1, stride: stride)
block grouped(x; width, stride: 1) = x -> conv(width, kernel: 3, stride: stride, groups: width / 2)
model m(blocks, width, depth, size) {
  input:  3 x size x size
  stem:   blocks[0](width: 8)
  stages: [
    | block     | width | depth |
    | blocks[1] |    12 | depth |
    | blocks[2] | width |     2 |
    | halved    | width |     1 |
  ]
  head:   pool_head(classes: 10)
}
space zz {
  blocks ~ each(3, one_of(narrow, halved, grouped, conv_norm_act))
  width ~ one_of(8, 14, 24)
  depth ~ int(1 .. 3)
  size ~ one_of(4, 16)
  require model.stages.count == 3 and (flops < 200K or depth == 1)
  model: m(blocks, width, depth, size)
}"""
    )
    compiler, space, batch = evaluated(text, 800)
    assert {VALID, 0, NO_NETWORK} == set(np.unique(batch.why))
    assert_same(compiler, space, batch, np.arange(0, 800, 4))


def test_drawn_blocks_in_every_place() -> None:
    """In lists of stages, before attributes, as settings, in conditions of places that ask which block it is."""
    text = (
        REGNET
        + """
use std.ops { conv, relu, silu, identity }
block plain(x; width, act: relu) = x -> conv(width, kernel: 3) -> act
block strided(x; width, act: relu, stride: 1) = x -> conv(width, kernel: 1, stride: stride) -> act
model m(a, b, c, depth) {
  input:  3 x 16 x 16
  stages: [a(width: 8), b { width: 16  depth: depth  enter: c }, plain(width: 8, act: c)]
  head:   pool_head(classes: 10)
}
model n(a, c, depth) {
  input:  3 x 16 x 16
  stages: a { width: [8, 16]  depth: [1, depth]  act: c }
}
model table(a, b, c, times) {
  input:  3 x 16 x 16
  stages: [
    | block | width | act | stride |
    | a     |     8 |   c |      - |
    | b     |    16 |   c |      %s |
  ] with { width: width * times }
}
space zz {
  a ~ one_of(plain, strided)
  b ~ one_of(plain, strided)
  c ~ one_of(relu, silu, identity)
  depth ~ int(1 .. 3)
  require model.widths[1] < 40 or depth == 3
  model: %s
}"""
    )
    models = ("m(a, b, c, depth)", "n(a, c, depth)", "table(a, b, c, depth)")
    for model, stride in [*zip(models, ("-", "-", "-"), strict=True), (models[2], "2")]:
        compiler, space = opened(text % (stride, model))
        rows = np.stack(np.meshgrid(*[np.arange(size) for size in space.sizes], indexing="ij"), axis=-1).reshape(-1, 4)
        batch = Engine(context_of(compiler), space).evaluate(rows)
        assert batch.valid.any()
        assert_same(compiler, space, batch, np.arange(len(rows)))


def test_a_batch_does_not_depend_on_what_was_evaluated_before() -> None:
    project = Project(str(shipped()["regnety"]))
    compiler, diagnostics = Compiler(project), Diagnostics()
    space = space_named(compiler, compiler.program(project.source(), diagnostics), "regnety", diagnostics)
    assert space is not None
    rows = draw(space, 1, 0, 3000)
    used = Engine(context_of(compiler), space)
    used.evaluate(draw(space, 2, 0, 500))
    one = used.evaluate(rows)
    parts = [Engine(context_of(Compiler(project)), space).evaluate(part) for part in np.array_split(rows, 7)]
    assert (np.concatenate([part.why for part in parts]) == one.why).all()
    for name, costs in one.costs.items():
        assert (np.concatenate([part.costs[name] for part in parts]) == costs).all()
