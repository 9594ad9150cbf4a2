"""Counts by sums are those of all settings looked at, and are not given where costs are no sums."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sampling import many
from test_engine import opened, shipped

from archdsl.compiler import Compiler
from archdsl.diagnostics import Diagnostics
from archdsl.project import Project
from archdsl.spaces.arrays.draws import draw
from archdsl.spaces.arrays.engine import Engine
from archdsl.spaces.arrays.structure import Bound, Case, Part, Tied, cases_of
from archdsl.spaces.arrays.sums import valid
from archdsl.spaces.entry import context_of, space_named
from archdsl.spaces.space import Space

MEASURES = ("flops", "params", "acts")
HEADER = """arch 1
use std.ops { conv, relu, silu }
use std.blocks { conv_norm_act }
use std.resnet { basic_block, bottleneck }
"""


def engine_of(text: str) -> Engine:
    compiler, space = opened(HEADER + text)
    return Engine(context_of(compiler), space)


def all_settings(space: Space) -> np.ndarray:
    return np.array(list(product(*map(range, space.sizes))), np.int64)


def costs_in(cases: list[Case], setting: np.ndarray) -> dict[str, int] | None:
    """What the cases say that a setting costs; none where they have it not."""
    for case in cases:
        if any(setting[dimension] != number for dimension, number in case.fixed.items()):
            continue
        found = dict(case.base)
        for part in case.parts:
            at = np.flatnonzero((part.settings == setting[list(part.dimensions)]).all(axis=1))
            if not at.size:
                return None
            for name in found:
                found[name] += int(part.costs[name][at[0]])
        return found
    return None


def counted_by_hand(engine: Engine, bounds: list[Bound]) -> int:
    batch = engine.evaluate(all_settings(engine.space))
    within = batch.valid
    for measure, low, high in bounds:
        costs = batch.costs[measure]
        within &= (costs >= (0 if low is None else low)) & (costs <= (1 << 60 if high is None else high))
    return int(within.sum())


def meets(costs: dict[str, int], bounds: Iterable[Bound]) -> bool:
    return all((low is None or costs[of] >= low) and (high is None or costs[of] <= high) for of, low, high in bounds)


# Random spaces

BLOCKS = (
    "conv_norm_act",
    "basic_block",
    "bottleneck",
    "one_of(conv_norm_act, basic_block)",
    "one_of(basic_block, bottleneck)",
)
WIDTHS = ("16", "16", "one_of(8, 16)", "more * 4 + 8", "max(12, 4 * other)")
DEPTHS = (
    "1",
    "int(1 .. 3)",
    "one_of(1, 2)",
    "more",
    "more if other > 2 else 1",
    "1 if more == 2 and other == 3 else 2",
    "sum([max(1, other - j) for j in 1 .. more])",
    "ceil(other / more)",
    "more + other - 2",
)
STRIDES = ("1", "2", "one_of(1, 2)", "other % 2 + 1")
REQUIREMENTS = (
    "more <= 2",
    "more != 2 and flops >= 100K",
    "model.depth <= 5",
    "2 * more < other",
    "params < flops / 60",
    "flops > 500K or more == 1",
    "30K <= acts",
    "params <= 30K and flops <= 3M",
    "not (other == 4)",
    "sum([j for j in 0 .. more]) <= 3",
)


@st.composite
def spaces(draw_: st.DrawFn) -> str:
    count = draw_(st.integers(1, 3))
    draws, rows = ["more ~ int(1 .. 3)", "other ~ int(2 .. 4)"], []
    for index in range(count):
        cells = []
        for name, laws in (("block", BLOCKS), ("width", WIDTHS), ("depth", DEPTHS), ("stride", STRIDES)):
            law = draw_(st.sampled_from(laws))
            if "one_of(" in law or "int(" in law:
                draws.append(f"{name}{index} ~ {law}")
                law = f"{name}{index}"
            cells.append(law)
        rows.append(f"    | {' | '.join(cells)} |")
    required = draw_(st.lists(st.sampled_from(REQUIREMENTS), max_size=3))
    names = [each.partition(" ")[0] for each in draws]
    extent = draw_(st.sampled_from(("16", "16", "8 * other")))
    act = "silu if other > 2 else relu" if draw_(st.booleans()) else "relu"
    lines = [*draws, *[f"require {each}" for each in required], f"model: zznet({', '.join(names)})"]
    table = "\n".join(["    | block | width | depth | stride |", *rows])
    model = (
        f"  input: 3 x {extent} x {extent}\n  stem: conv_norm_act(width: 8, act: {act})\n  stages: [\n{table}\n  ]\n"
    )
    return f"model zznet({', '.join(names)}) {{\n{model}}}\nspace zz {{\n  " + "\n  ".join(lines) + "\n}\n"


def small(space: Space) -> bool:
    return space.settings <= 3000


@given(spaces(), st.data())
@settings(max_examples=many(13))
def test_counts_of_random_spaces_are_those_by_hand(text: str, data: st.DataObject) -> None:
    engine = engine_of(text)
    if not small(engine.space):
        return
    cases = cases_of(engine)
    every = all_settings(engine.space)
    batch = engine.evaluate(every)
    for row in data.draw(st.lists(st.integers(0, len(every) - 1), min_size=20, max_size=20)):
        found = costs_in(cases, every[row])
        within = found is not None and meets(found, cases[0].bounds)
        assert within == batch.valid[row], every[row]
        if within:
            assert found == {name: int(costs[row]) for name, costs in batch.costs.items()}
    ends = st.one_of(st.none(), st.integers(0, 10**7))
    bounds = data.draw(st.lists(st.tuples(st.sampled_from(MEASURES), ends, ends), max_size=1))
    if len({measure for measure, *_ in (*cases[0].bounds, *bounds)} if cases else ()) < 3:
        assert sum(valid(case, bounds) for case in cases) == counted_by_hand(engine, bounds)


@given(st.data())
@settings(max_examples=many(20))
def test_sums_within_bounds_are_those_by_hand(data: st.DataObject) -> None:
    sizes = data.draw(st.lists(st.integers(1, 5), max_size=4))
    numbers = st.integers(-4, 4) if data.draw(st.booleans()) else st.integers(-(10**15), 10**15)
    parts = [
        Part(
            (index,),
            np.arange(size)[:, None],
            {name: np.array(data.draw(st.lists(numbers, min_size=size, max_size=size)), np.int64) for name in MEASURES},
        )
        for index, size in enumerate(sizes)
    ]
    base = {name: data.draw(numbers) for name in MEASURES}
    ends = st.one_of(st.none(), numbers)
    bounds = [(name, data.draw(ends), data.draw(ends)) for name in MEASURES[: data.draw(st.integers(1, 2))]]
    expected = 0
    for chosen in product(*map(range, sizes)):
        total = {
            name: base[name] + sum(int(part.costs[name][at]) for part, at in zip(parts, chosen, strict=True))
            for name in MEASURES
        }
        expected += meets(total, bounds)
    assert valid(Case({}, tuple(parts), base, ()), bounds) == expected


def test_more_sums_than_64_bits_count() -> None:
    """40 parts of 10 numbers: the number of settings needs more than 64 bits, and comes as it is."""
    costs = {name: np.arange(10, dtype=np.int64) for name in MEASURES}
    parts = tuple([Part((index,), np.arange(10)[:, None], costs) for index in range(40)])
    case = Case({}, parts, dict.fromkeys(MEASURES, 0), ())
    assert valid(case) == 10**40
    assert valid(case, [("flops", None, 179)]) == valid(case, [("flops", 181, None)])  # around 180, the mean
    assert 2 * valid(case, [("flops", None, 179)]) + valid(case, [("flops", 180, 180)]) == 10**40


# What is a sum, and what is none

TABLE = """model m(kernels, depths, widths, size) {
  input:  3 x size x size
  stages: [
    | block         |     width |     kernel |     depth |
    | conv_norm_act | widths[0] | kernels[0] | depths[0] |
    | conv_norm_act | widths[1] | kernels[1] | depths[1] |
    | conv_norm_act | widths[2] | kernels[2] | depths[2] |
  ]
}
"""


def parts_of(space: str) -> list[int]:
    (case,) = cases_of(engine_of(TABLE + space))
    return sorted(len(part.settings) for part in case.parts)


def test_stages_whose_widths_are_fixed_are_parts() -> None:
    space = "space zz { k ~ each(3, one_of(1, 3, 5))  d ~ each(3, int(1 .. 4))  %s model: m(k, d, [8, 16, 16], 16) }"
    assert parts_of(space % "") == [12, 12, 12]
    assert parts_of(space % "require d[1] < 3 require k[0] > 1 and d[2] != 4") == [6, 8, 9]
    assert parts_of(space % "require d[0] <= d[1]") == [12, 3 * 3 * 10]
    assert parts_of(space % "require 1M <= flops and params <= 1M") == [12, 12, 12]
    assert parts_of(space % "require model.depth <= 6") == [
        27 * len([d for d in product(*[range(1, 5)] * 3) if sum(d) <= 6])
    ]
    assert cases_of(engine_of(TABLE + space % "require d[0] > 4")) == []


TOGETHER = (
    "more if other > 2 else 1",
    "more + other - 2",
    "other - more + 2",
    "max(more, other)",
    "ceil(other / more)",
    "more ^ (other - 2)",
    "round(more * other / 3) + 1",
    "other % more + 1",
    "floor(log(other) * more) + 1",
    "sum([max(1, other - j) for j in 1 .. more])",
    "sum([1 for j in 1 .. more]) + other - 1",
    "max([j + other for j in 1 .. more])",
    "1 if more == 2 and other == 3 else 2",
    "1 if more == 2 or not (other == 3) else 2",
    "[other, 2, 3][more - 1]",
)


@pytest.mark.parametrize("depth", TOGETHER)
def test_what_is_made_of_two_draws_ties_them(depth: str) -> None:
    """In the depth of one stage; that of the other is of one draw. Both are compared with all settings."""
    draws = "more ~ int(1 .. 3)  other ~ int(2 .. 4)"
    engine = engine_of(TABLE + f"space zz {{ {draws}  model: m([1, 3, 5], [{depth}, more, other], [8, 8, 8], 16) }}")
    every = all_settings(engine.space)
    batch = engine.evaluate(every)
    cases = cases_of(engine)
    assert not any(len(case.parts) > 1 for case in cases)
    for setting, row in zip(every, range(len(every)), strict=True):
        assert costs_in(cases, setting) == {name: int(costs[row]) for name, costs in batch.costs.items()}
    apart = engine_of(TABLE + f"space zz {{ {draws}  model: m([1, 3, 5], [more, more, other], [8, 8, 8], 16) }}")
    assert [len(part.settings) for part in cases_of(apart)[0].parts] == [3, 3]


def test_drawn_widths_tie_neighbours_and_a_drawn_size_ties_all() -> None:
    k = "k ~ each(3, one_of(1, 3))"
    assert parts_of(f"space zz {{ {k} w ~ one_of(8, 16) model: m(k, [1, 1, 1], [w, 16, 16], 16) }}") == [2, 8]
    assert parts_of(f"space zz {{ {k} w ~ one_of(8, 16) model: m(k, [1, 1, 1], [16, w, 16], 16) }}") == [2, 8]
    assert parts_of(f"space zz {{ {k} s ~ one_of(16, 32) model: m(k, [1, 1, 1], [8, 8, 8], s) }}") == [16]


def test_what_ties_too_many_settings_is_refused() -> None:
    law = "w ~ each(3, uniform(8 .. 800, quantum: 8))"
    with pytest.raises(Tied, match="draws of `w` have their costs together: 1,000,000 settings"):
        parts_of(f"space zz {{ {law} model: m([1, 1, 1], [1, 1, 1], w, 16) }}")
    draws = "k ~ each(3, one_of(1, 3))  d ~ each(3, int(1 .. %d))"
    for condition in ("flops / params < 300", "flops > 10M or params > 10K", "not (flops > 10M)", "flops != 10M"):
        space = f"space zz {{ {draws}  require {condition}  model: m(k, d, [8, 8, 8], 16) }}"
        with pytest.raises(Tied, match="have their costs together: 512,000 settings"):
            parts_of(space % 40)
        engine = engine_of(TABLE + space % 3)  # so few are looked at together
        cases = cases_of(engine)
        assert all(len(case.parts) == 1 for case in cases)
        assert sum(map(valid, cases)) == counted_by_hand(engine, [])


def test_a_space_with_long_domains_is_refused_without_a_list_of_them() -> None:
    with pytest.raises(Tied, match="draw of `k` has 1,000,000,000 settings"):
        parts_of("space zz { k ~ int(1 .. 10^9) model: m([1, 1, k], [1, 1, 1], [8, 8, 8], 16) }")


def test_settings_without_a_network_are_no_sums() -> None:
    """8 / g channels are whole for some groups alone."""
    text = """model m(g, d) {
  input: 8 x 8 x 8
  stages: [conv(width: 8, kernel: 1, groups: g), conv { width: 8 kernel: 3 depth: d }]
}
space zz { g ~ int(1 .. 4) d ~ int(1 .. 5) model: m(g, d) }"""
    with pytest.raises(Tied, match="one by one"):
        cases_of(engine_of(text))


def test_conditions_of_the_model_and_choices_make_cases() -> None:
    """A choice of acts is none of widths: it is a case each. A `require` of the model leaves out some."""
    text = """model m(a, d, k) {
  require k[0] != 5
  input: 3 x 8 x 8
  stages: [
    | block         | width | kernel | depth | act |
    | conv_norm_act |     8 |   k[0] |  d[0] |   a |
    | conv_norm_act |     8 |   k[1] |  d[1] |   a |
  ]
}
space zz { a ~ one_of(relu, silu) d ~ each(2, int(1 .. 5)) k ~ each(2, one_of(1, 3, 5)) model: m(a, d, k) }"""
    engine = engine_of(text)
    cases = cases_of(engine)
    assert len(cases) == 4
    assert [[len(part.settings) for part in case.parts] for case in cases] == [[5, 15]] * 4
    assert sum(map(valid, cases)) == counted_by_hand(engine, []) == 2 * 5 * 15 * 2


# Facts


def efficientnetv2(name: str) -> Engine:
    project = Project(str(shipped()[name]))
    compiler, diagnostics = Compiler(project), Diagnostics()
    space = space_named(compiler, compiler.program(project.source(), diagnostics), name, diagnostics)
    assert space is not None
    return Engine(context_of(compiler), space)


def test_the_search_space_of_efficientnetv2() -> None:
    """Its settings, and those of 4.0 to 4.4 GF, which another program counted."""
    engine = efficientnetv2("efficientnetv2_b4")
    (case,) = cases_of(engine)
    assert [len(part.settings) for part in case.parts] == [36] * 7
    assert valid(case) == 1_150_281_208
    assert engine.space.settings == prod([36] * 7) == 78_364_164_096
    rows = draw(engine.space, 5, 0, many(300))
    batch = engine.evaluate(rows)
    for row in range(len(rows)):
        assert costs_in([case], rows[row]) == {name: int(costs[row]) for name, costs in batch.costs.items()}


def test_no_draws_are_split_for_blocks_of_stages(monkeypatch: pytest.MonkeyPatch) -> None:
    """The blocks of seven stages come in 128 ways, and are worked out at once."""
    engine = efficientnetv2("efficientnetv2")
    runs = []
    monkeypatch.setattr("archdsl.spaces.arrays.engine.Run.steps", _noting(runs))
    engine.evaluate(draw(engine.space, 1, 0, 500))
    assert runs == [500]


def _noting(runs: list[int]):
    from archdsl.spaces.arrays.engine import Run

    steps = Run.steps

    def noted(run: Run):
        runs.append(run.lanes.size)
        return steps(run)

    return noted
