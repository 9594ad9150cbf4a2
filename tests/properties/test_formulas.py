"""Closed forms: those of the standard library's networks, and tables 1 to 4 of Fast and Accurate Model Scaling."""

from __future__ import annotations

from typing import Any

import pytest
import sympy
from families.compiling import COMPILER, few_names, spec_source
from strategies import HEADER, compile_text

from archdsl.closed_forms import Formulas, formula_network, formulas_of
from archdsl.closed_forms.network import Formula
from archdsl.compiler import Changes, Compilation, Compiled
from archdsl.graph.conventions import CONVENTIONS
from archdsl.graph.cost import count
from archdsl.graph.symbolic import Symbolic

MEASURES = ("flops", "params", "acts")


def spec(name: str, *settings: tuple[str, str], input: str | None = None) -> Compilation:
    result = COMPILER.compile(spec_source(name), name, Changes(settings, (), input))
    assert len(result.diagnostics) == 0, list(result.diagnostics)
    return result


def closed(result: Compilation, convention: str = "papers") -> Formulas:
    assert result.model is not None
    return formulas_of(result.model, convention)


def counted(result: Compilation, convention: str = "papers") -> dict[str, int]:
    assert isinstance(result, Compiled)
    cost = count(result.network, convention)
    return {measure: getattr(cost, measure) for measure in MEASURES}


def symbols(*names: str) -> list[Any]:
    return [sympy.Symbol(name, positive=True, integer=True) for name in names]


def stage(forms: Formulas, index: int) -> Formula:
    return next(form.total for form in forms.stages if form.stage == f"stages.{index}")


# The networks of specs/


@pytest.mark.parametrize("name", few_names())
def test_forms_give_the_count(name: str) -> None:
    result = spec(name)
    forms = closed(result)
    assert forms.at() == counted(result)
    assert {s.name for s in forms.symbols} >= ({"r"} if len(set(result.network.input[1:])) == 1 else {"r_h", "r_w"})
    assert isinstance(result, Compiled)
    assert result.model is not None
    assert formula_network(result.model).hash == result.network.hash


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_forms_give_the_count_in_every_convention(convention: str) -> None:
    result = spec("regnety_400mf")
    assert closed(result, convention).at() == counted(result, convention)


@pytest.mark.parametrize("name", ["regnety_4gf", "efficientnet_b0", "resnet50", "mobilenetv2", "rexnet_1_0x"])
@pytest.mark.parametrize("size", [32, 96, 320])
def test_forms_hold_at_other_resolutions(name: str, size: int) -> None:
    other = counted(spec(name, input=f"3 x {size} x {size}"))
    assert closed(spec(name)).at({"r": size}) == other


def test_height_and_width_apart() -> None:
    forms = closed(spec("resnet50", input="3 x 256 x 192"))
    assert {s.name for s in forms.symbols} >= {"r_h", "r_w"}
    assert forms.at({"r_h": 64, "r_w": 320}) == counted(spec("resnet50", input="3 x 64 x 320"))


def test_forms_hold_for_other_widths_group_widths_and_depths() -> None:
    """RegNetY-4GF's widths, depths and group widths, replaced by others of the same structure."""
    forms = closed(spec("regnety_4gf"))
    widths, groups, depths = (96, 160, 480, 640), (32, 32, 16, 160), (1, 3, 2, 5)
    changes: list[tuple[str, str]] = [("stem.width", "24")]
    values = {"w_stem": 24}
    for i, (w, g, d) in enumerate(zip(widths, groups, depths, strict=True)):
        values |= {f"w_{i}": w, f"g_{i}": g, f"d_{i}": d}
        changes += [
            (f"stages[{i}].width", str(w)),
            (f"stages[{i}].group_width", str(g)),
            (f"stages[{i}].depth", str(d)),
        ]
    assert forms.at(values) == counted(spec("regnety_4gf", *changes))


def test_numbers_are_those_after_fit() -> None:
    """RegNetX-400MF's rule gives widths that its group width does not divide; the blocks are wider or narrower."""
    result = spec("regnetx_400mf")
    forms = closed(result)
    assert result.model is not None
    used = [blocks[0] for blocks in result.settings]
    values = {s.name: s.value for s in forms.symbols}
    for i, settings in enumerate(used):
        assert values[f"w_{i}"] == settings["width"].value
        assert values[f"g_{i}"] == settings["group_width"].value
    w, g, d, before, r = symbols("w_1", "g_1", "d_1", "w_0", "r")
    # An X block: two 1 x 1 convs and a 3 x 3 group conv; the first sees a larger map, and has a projection.
    first = (4 * before * w + 9 * g * w + w**2 + before * w) * (r / 8) ** 2
    assert sympy.expand(stage(forms, 1).flops - first - (d - 1) * (2 * w**2 + 9 * g * w) * (r / 8) ** 2) == 0


def test_depths_of_one_have_a_symbol() -> None:
    forms = closed(spec("efficientnet_b0"))
    assert {s.name: s.value for s in forms.symbols if s.name.startswith("d_")} == {
        "d_0": 1, "d_1": 2, "d_2": 2, "d_3": 3, "d_4": 3, "d_5": 4, "d_6": 1,
    }  # fmt: skip
    other = spec("efficientnet_b0", *[(f"stages[{i}].depth", "2") for i in range(7)])
    assert forms.at({f"d_{i}": 2 for i in range(7)}) == counted(other)


def test_blocks_in_a_row_at_the_ends() -> None:
    text = "model net {{ input: 3 x 32 x 32  stem: {}  stages: conv {{ width: 16  kernel: 3 }}  head: {} }}"
    stem, head = "conv({}, kernel: 3) -> relu", "conv({}, kernel: 1) -> global_pool -> linear({})"
    forms = closed(compile_text(HEADER + text.format(stem.format(8), head.format(32, 10))))
    assert [s.name for s in forms.symbols if s.name.startswith("w")] == ["w_stem", "w_0", "w_head_0", "w_head_2"]
    other = compile_text(HEADER + text.format(stem.format(12), head.format(20, 7)))
    assert forms.at({"w_stem": 12, "w_head_0": 20, "w_head_2": 7}) == counted(other)


def test_a_width_for_every_block() -> None:
    forms = closed(spec("rexnet_1_0x"))
    names = {s.name for s in forms.symbols}
    assert {"w_0", "w_1_0", "w_1_1"} <= names
    assert not any(name.startswith("d_") for name in names)  # another depth would be other widths


# What can be a symbol


BLOCKS = """
block grow(x; add: 16) { return concat(x, x -> conv(add, kernel: 3)) }
block odd(x; width, stride: 1, squeezed: max(1, round(width * 2/7))) {
  return x -> conv(squeezed, kernel: 1) -> conv(width, kernel: 3, stride: stride)
}
block shared(x; width) { return x -> conv(width, kernel: 1, groups: gcd(x.channels, width)) }
block pinned(x; width, inner: width * 2/3) {
  fit { inner: round(inner / 8) * 8 }
  return x -> conv(inner, kernel: 1) -> conv(width, kernel: 1)
}
block down(x; width) { return x -> conv(width, kernel: 2, stride: 2) }
"""


def model(stages: str, size: str = "8 x 16 x 16", rest: str = "") -> Compilation:
    return compile_text(f"{HEADER}{BLOCKS}\nmodel net {{ input: {size} stages: {stages} {rest} }}")


def test_stages_that_grow_have_no_symbol_for_their_depth() -> None:
    result = model("[grow { depth: 4 }, shared { width: 8  depth: 2 }]")
    forms = closed(result)
    assert "d_0" not in {s.name for s in forms.symbols}
    assert forms.at() == counted(result)
    assert forms.at({"r": 5}) == counted(model("[grow { depth: 4 }, shared { width: 8  depth: 2 }]", "8 x 5 x 5"))


def test_what_has_no_closed_form_keeps_its_numbers() -> None:
    """A greatest common divisor of widths is no polynomial: widths are numbers then, the resolution stays a symbol."""
    forms = closed(model("shared { width: 12  depth: 4 }"))
    assert {s.name for s in forms.symbols} == {"r", "d_0"}
    assert forms.at({"d_0": 9, "r": 3}) == counted(model("shared { width: 12  depth: 9 }", "8 x 3 x 3"))


@pytest.mark.parametrize("width", [5, 7, 8, 12, 13, 20, 21])
def test_roundings_are_part_of_the_form(width: int) -> None:
    """`round` is half to even also where a form is evaluated."""
    forms = closed(model("odd { width: 30  depth: 3 }"))
    assert "round(2*w_0/7)" in forms.rows()[0].params
    assert forms.at({"w_0": width}) == counted(model(f"odd {{ width: {width}  depth: 3 }}"))


def test_what_fit_changed_is_a_number() -> None:
    [row, total] = closed(model("pinned { width: 30 }")).rows()  # an inner width of 20 becomes 16
    assert row.params == "32*d_0*w_0 - 16*w_0 + 128"
    assert row.params == total.params
    forms = closed(model("pinned { width: 24  depth: 3 }"))  # here 16 is what the default gives, too
    assert forms.rows()[0].params == "4*d_0*w_0^2/3 - 2*w_0^2/3 + 16*w_0/3"
    assert forms.whole == ("2*w_0/3",)
    assert "the fit of `pinned` keeps w_0" in forms.decided
    assert forms.at({"w_0": 36}) == counted(model("pinned { width: 36  depth: 3 }"))
    with pytest.raises(ValueError, match="the fit of `pinned` makes inner 16, not 20"):
        forms.at({"w_0": 30})


def test_a_block_in_front_of_a_stage_takes_its_width() -> None:
    def stages(first: int, second: int, depth: int) -> str:
        return f"[odd {{ width: {first} }}, odd {{ width: {second}  depth: {depth}  enter: down }}]"

    forms = closed(model(stages(8, 32, 2)))
    assert forms.at({"w_0": 9, "w_1": 21, "d_1": 3, "r": 20}) == counted(model(stages(9, 21, 3), "8 x 20 x 20"))


def test_stages_of_one_width_have_symbols_of_their_own() -> None:
    """Blocks of the same numbers are not of the same formulas, and are not taken for each other."""

    def stages(first: int, second: int) -> str:
        return f"[odd {{ width: {first}  depth: 3 }}, odd {{ width: {second}  depth: 3 }}]"

    forms = closed(model(stages(16, 16)))
    assert forms.at() == counted(model(stages(16, 16)))
    assert forms.at({"w_0": 9, "w_1": 21}) == counted(model(stages(9, 21)))


def test_forms_say_where_they_hold() -> None:
    """A 2 x 2 conv of stride 2 drops a row of an odd map, which no quotient of r does."""
    forms = closed(model("[down { width: 8 }, down { width: 8 }, odd { width: 4 }]"))
    assert forms.whole == ("r/4",)
    forms.at({"r": 20})
    with pytest.raises(ValueError, match="r/4 is 15/2, not a whole number"):
        forms.at({"r": 30})
    with pytest.raises(KeyError):
        forms.at({"w_7": 15})
    quotients = {f"w_{i}/{by}" for i in range(4) for by in (f"g_{i}", "4")}
    found = closed(spec("regnety_400mf"))
    assert set(found.whole) == {"r/32", "w_stem/4", *quotients}
    assert set(found.decided) == {
        *[f"the fit of `y_block` keeps g_{i}, w_{i}" for i in range(4)],
        "no dimension is above 2,147,483,647",
    }


DECIDING = """
block largest(x; width) = x -> conv(max(16, width / 8), kernel: 1)
block least(x; width) = x -> conv(min(width, 24), kernel: 1)
block chosen(x; width) = x -> conv(width if width > 20 else 2 * width, kernel: 3)
block shortcut(x; width) = (x -> conv(width, kernel: 1)) + x if x.channels == width else x -> conv(width, kernel: 1)
block optional(x; width) = x -> conv(width, kernel: 1) -> conv(width, kernel: 3) when width >= 16 and width != 40
block rounded(x; width) = x -> conv(max(4, floor(width / 3)), kernel: 1) -> conv(max(1, round(width / 5)), kernel: 1)
block several(x; width) {
  parts = [x -> conv(8, kernel: 1) for i in 1 .. width / 8]
  return concat(parts)
}
block fitted(x; width, group_width: 8) {
  fit { width: max(16, round(width / group_width) * group_width) }
  return x -> conv(width, kernel: 3, groups: 1)
}
block grouped(x; width) = x -> conv(width, kernel: 1) -> conv(width, kernel: 3, groups: 8)
block narrow(x; width) = x -> conv(width - 8, kernel: 1) -> conv(width, kernel: 1)
"""


@pytest.mark.parametrize("depth", [1, 4])
@pytest.mark.parametrize(
    "block", [line.split()[1].split("(")[0] for line in DECIDING.split("\n") if line[:5] == "block"]
)
def test_forms_are_right_or_refused(block: str, depth: int) -> None:
    """At any width, depth and resolution: what the network has, or no answer. Most answers are given."""

    def text(width: int, depth: int, size: int) -> Compilation:
        stages = f"{block} {{ width: {width}  depth: {depth} }}"
        return compile_text(f"{HEADER}{DECIDING}\nmodel net {{ input: 24 x {size} x {size}  stages: {stages} }}")

    forms = closed(text(24, depth, 16))
    names = {s.name for s in forms.symbols}
    assert forms.at() == counted(text(24, depth, 16))
    given = 0
    for width in (1, 4, 8, 15, 16, 20, 21, 24, 25, 27, 32, 40, 48, 128, 136, 256):
        for deep in (depth, depth + 1, 7) if "d_0" in names else (depth,):
            values = {"w_0": width, "d_0": deep, "r": 9}
            try:
                found = forms.at({name: value for name, value in values.items() if name in names})
            except ValueError:
                continue
            if "w_0" not in names:
                width = 24
            assert found == counted(text(width, deep, 9)), (width, deep)
            given += 1
    assert given > 0


def test_a_maximum_is_a_condition() -> None:
    forms = closed(compile_text(f"{HEADER}{DECIDING}\nmodel n {{ input: 3 x 8 x 8  stages: largest(64) }}"))
    assert forms.rows()[-1].params == "256*d_0 - 208"
    assert "w_0/8 <= 16" in forms.decided
    assert forms.at({"w_0": 128})["params"] == 48
    with pytest.raises(ValueError, match="w_0/8 <= 16 does not hold: w_0/8 is 32"):
        forms.at({"w_0": 256})
    with pytest.raises(ValueError, match="d_0 is a positive whole number, not 0"):
        forms.at({"d_0": 0})


def test_a_setting_by_block_takes_the_depth_s_symbol_where_it_decides() -> None:
    def stages(rate: str) -> Formulas:
        block = "block b(x; width, rate: 0) = x -> conv(width, kernel: 1) -> conv(width, kernel: 3) when rate > 1"
        stage = f"b {{ width: 8  depth: 4  rate: {rate} }}"
        return closed(compile_text(f"{HEADER}{block}\nmodel net {{ input: 8 x 4 x 4  stages: {stage} }}"))

    assert "d_0" in {s.name for s in stages("0").symbols}
    assert "d_0" not in {s.name for s in stages("block.index / 100").symbols}
    assert "d_0" in {s.name for s in closed(spec("efficientnet_b0")).symbols}


def test_single_blocks_with_values_of_their_own_stay_numbers() -> None:
    changes = Changes((("stages[0].blocks[1].squeezed", "5"),))
    text = f"{HEADER}{BLOCKS}\nmodel net {{ input: 8 x 16 x 16 stages: odd {{ width: 8  depth: 4 }} }}"
    result = compile_text(text, changes=changes)
    forms = closed(result)
    assert forms.at() == counted(result)
    assert {s.name for s in forms.symbols} == {"r", "w_0"}


def test_symbols_are_numbers_for_the_hash_and_the_diagnostics() -> None:
    result = spec("regnety_400mf")
    assert result.model is not None
    network = formula_network(result.model)
    assert isinstance(network.input[1], Symbolic)
    assert len(result.diagnostics) == 0


# Text


def test_rows_and_symbols() -> None:
    forms = closed(model("[down { width: 24 }, down { width: 48 }]", rest="head: pool_head(classes: 10)"))
    rows = forms.rows()
    assert forms.convention.name == "papers"
    assert [s.name for s in forms.symbols] == ["r", "w_0", "w_1"]
    assert (forms.symbols[1].value, forms.symbols[1].text) == (24, "width of stage 0")
    assert [row.name for row in rows] == ["stages.0", "stages.1", "head", "total"]
    assert rows[0].flops == "8*r^2*w_0"
    assert forms.rows("latex")[0].flops == "8 r^{2} w_{0}"
    assert rows[-1].params == "4*w_0*w_1 + 32*w_0 + 10*w_1 + 10"


# Tables 1 to 4 of Fast and Accurate Model Scaling: a stage of d convs of width w on maps of r x r, and its growth
# when a scaling by s multiplies the flops by s. Without norm and bias, the forms are the paper's to the unit.

w, g, d, r, s, a = symbols("w_0", "g_0", "d_0", "r", "s", "alpha")


def uniform(kernel: int, groups: bool) -> Formulas:
    grouping = "width / group_width" if groups else "1"
    block = f"block unit(x; width, group_width: 8) {{ return x -> conv(width, kernel: {kernel}, groups: {grouping}) }}"
    text = f"{HEADER}{block}\nmodel net {{ input: 16 x 12 x 12 stages: unit {{ width: 16  depth: 5 }} }}"
    return closed(compile_text(text))


def body(forms: Formulas) -> Formula:
    """The form of the stage's blocks whose input has the stage's width: d - 1, and with the first one d."""
    [only] = forms.stages
    per_block = [sympy.diff(getattr(only.total, measure), d) for measure in MEASURES]
    return Formula(*[sympy.expand(d * each) for each in per_block])


def grown(form: Any, depth: Any = 1, width: Any = 1, resolution: Any = 1, group: Any = 1) -> Any:
    """What a form becomes, as a multiple of itself, when the dimensions are multiplied."""
    after = form.subs({d: d * depth, w: w * width, r: r * resolution, g: g * group}, simultaneous=True)
    return sympy.simplify(sympy.powsimp(sympy.expand_power_base(after / form, force=True), force=True))


@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_equations_1_to_3(kernel: int) -> None:
    k = kernel
    full = body(uniform(kernel, groups=False))
    assert (full.flops, full.params, full.acts) == (d * w**2 * r**2 * k**2, d * w**2 * k**2, d * w * r**2)
    grouped = body(uniform(kernel, groups=True))
    assert (grouped.flops, grouped.params, grouped.acts) == (d * w * g * r**2 * k**2, d * w * g * k**2, d * w * r**2)


# Exponents of s: of d, w and r; then those of flops, params and acts that the table prints.
HALF, THIRD, QUARTER, SIXTH = (sympy.Rational(1, n) for n in (2, 3, 4, 6))
TABLES_1_AND_2 = [
    ((1, 0, 0), (1, 1, 1)),  # d
    ((0, HALF, 0), (1, 1, HALF)),  # w
    ((0, 0, HALF), (1, 0, 1)),  # r
    ((HALF, QUARTER, 0), (1, 1, 3 * QUARTER)),  # dw
    ((0, QUARTER, QUARTER), (1, HALF, 3 * QUARTER)),  # wr
    ((HALF, 0, QUARTER), (1, HALF, 1)),  # dr
    ((THIRD, SIXTH, SIXTH), (1, 2 * THIRD, 5 * SIXTH)),  # dwr
]


@pytest.mark.parametrize(("shares", "growth"), TABLES_1_AND_2)
def test_tables_1_and_2(shares: tuple[Any, Any, Any], growth: tuple[Any, Any, Any]) -> None:
    factors = [s**share for share in shares]
    full = body(uniform(3, groups=False))
    assert [grown(form, *factors) for form in (full.flops, full.params, full.acts)] == [s**e for e in growth]
    # A group conv whose group width goes with the width grows alike (section 3.5).
    grouped = body(uniform(3, groups=True))
    after = [grown(form, *factors, group=factors[1]) for form in (grouped.flops, grouped.params, grouped.acts)]
    assert after == [s**e for e in growth]


@pytest.mark.parametrize(
    ("width", "group", "growth"),
    [(s, 1, (1, 1, 1)), (1, s, (1, 1, 0)), (sympy.sqrt(s), sympy.sqrt(s), (1, 1, HALF))],
)
def test_table_3(width: Any, group: Any, growth: tuple[Any, Any, Any]) -> None:
    grouped = body(uniform(3, groups=True))
    after = [grown(form, width=width, group=group) for form in (grouped.flops, grouped.params, grouped.acts)]
    assert after == [s**e for e in growth]


def test_table_4() -> None:
    """The family of equations 4 to 6, for every share alpha of the width at once."""
    e_d, e_w, e_r = (1 - a) / 2, a / 2, (1 - a) / 4
    full = body(uniform(3, groups=False))
    flops, params, acts = [grown(f, s**e_d, s**e_w, s**e_r) for f in (full.flops, full.params, full.acts)]
    assert sympy.simplify(flops / s) == 1
    assert sympy.simplify(params / s ** ((1 + a) / 2)) == 1
    assert sympy.simplify(acts / s ** ((2 - a) / 2)) == 1


SCALED = [("d", 16, (1, 1, 1)), ("w", 16, (1, 1, HALF)), ("r", 16, (1, 0, 1)), ("dw", 16, (1, 1, 3 * QUARTER)),
          ("wr", 16, (1, HALF, 3 * QUARTER)), ("dr", 16, (1, HALF, 1)), ("dwr", 64, (1, 2 * THIRD, 5 * SIXTH)),
          ("alpha(s: 4, a: 1)", 4, (1, 1, HALF)), ("alpha(s: 4096, a: 1/3)", 4096, (1, 2 * THIRD, 5 * SIXTH)),
          ("alpha(s: 256, a: 1/2)", 256, (1, 3 * QUARTER, 3 * QUARTER)),
          ("alpha(s: 16, a: 0)", 16, (1, HALF, 1))]  # fmt: skip


@pytest.mark.parametrize(("scaling", "factor", "growth"), SCALED)
def test_tables_hold_for_scaled_networks(scaling: str, factor: int, growth: tuple[Any, Any, Any]) -> None:
    """The same by counting: a stage whose dimensions the scaling's rounding leaves as they are."""
    block = "block unit(x; width) { return x -> conv(width, kernel: 3) }"
    text = f"{HEADER}{block}\nmodel net {{ input: 64 x 64 x 64  stages: unit {{ width: 64  depth: 8 }} }}"
    call = scaling if "(" in scaling else f"{scaling}({factor})"
    result = compile_text(text, changes=Changes((), (call,)))
    assert result.model is not None
    [scaled] = result.model.stages
    # The input of a stage has the stage's width: the channels of this network's input go with it.
    width, depth, size = scaled.settings["width"].value, scaled.depth.value, result.model.input.value[1]
    base = {"flops": 8 * 64**2 * 64**2 * 9, "params": 8 * 64**2 * 9, "acts": 8 * 64 * 64**2}
    changes = (("input", f"{width} x {size} x {size}"), ("stages.width", str(width)), ("stages.depth", str(depth)))
    after = counted(compile_text(text, changes=Changes(changes)))
    assert counted(compile_text(text)) == base
    assert [after[m] for m in MEASURES] == [base[m] * factor**e for m, e in zip(MEASURES, growth, strict=True)]
