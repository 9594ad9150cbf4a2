"""Leading exponents of scalings: tables 1 to 4 of Fast and Accurate Model Scaling (arXiv:2103.06877), cell by cell.

Every cell is an equation between exponents, rational numbers or expressions in a; nothing is measured. The stage is the
paper's: d convolutions of width w at resolution r, of table 3 a group convolution of group width g.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import pytest
import sympy  # type: ignore[import-untyped]
from families.compiling import COMPILER, compiled, spec, spec_source, text_source, totals

from archdsl.analysis.changes import symbolic_scaling
from archdsl.closed_forms import Leading, leading_exponents
from archdsl.compiler import Compilation, Compiled
from archdsl.diagnostics import Diagnostics, Fault

STAGE = """
use std.ops { conv }

block layer(x; width) = x -> conv(width, kernel: 1)

# Equation 2: d layers of width w at resolution r, behind one that brings the width.
model stage {
  input:  1024 x 256 x 256
  stages: layer { width: [1024, 1024]  depth: [1, 16] }
}
"""
GROUPS = """
use std.ops { conv }

block layer(x; width, group_width) = x -> conv(width, kernel: 1, groups: width / group_width)

model stage {
  input:  512 x 64 x 64
  stages: [conv { width: 512  kernel: 1 }, layer { width: 512  group_width: 8 }]
}

# The group width alone.
scaling g(s) { group_width: group_width * s }
"""


def leading(result: Compilation, text: str) -> Leading:
    assert isinstance(result, Compiled)
    scaling = symbolic_scaling(text, COMPILER.scope(result.program, Diagnostics()))
    assert scaling is not None
    return leading_exponents(result.model, text, scaling.call, scaling.environment, scaling.names)


def cells(found: Leading, stage: str, dimensions: tuple[str, ...]) -> tuple[Any, ...]:
    """The exponents of a stage's dimensions and counts, of the one piece."""
    [piece] = found.pieces
    numbers = dict(piece.dimensions)
    [row] = [each for each in piece.stages if each.name == stage]
    sizes = [numbers.get("input.height" if d == "resolution" else f"{stage}.{d}", sympy.Integer(0)) for d in dimensions]
    return (*sizes, row.flops, row.params, row.acts)


def exact(*texts: str) -> tuple[Any, ...]:
    """Exponents as the paper prints them, with a for its alpha."""
    a = sympy.Symbol("a", real=True)
    return tuple([sympy.sympify(text, locals={"a": a}) for text in texts])


def equal(found: tuple[Any, ...], printed: tuple[Any, ...]) -> bool:
    return len(found) == len(printed) and all(sympy.expand(x - y) == 0 for x, y in zip(found, printed, strict=True))


# Depth, width, resolution, flops, params, acts.
TABLES = {
    # Table 1: simple scaling.
    "d(s)": ("1", "0", "0", "1", "1", "1"),
    "w(s)": ("0", "1/2", "0", "1", "1", "1/2"),
    "r(s)": ("0", "0", "1/2", "1", "0", "1"),
    # Table 2: compound scaling.
    "dw(s)": ("1/2", "1/4", "0", "1", "1", "3/4"),
    "wr(s)": ("0", "1/4", "1/4", "1", "1/2", "3/4"),
    "dr(s)": ("1/2", "0", "1/4", "1", "1/2", "1"),
    "dwr(s)": ("1/3", "1/6", "1/6", "1", "2/3", "5/6"),
    # Table 4: e_d, e_w / 2, e_r / 2; the first row holds for every share.
    "alpha(s, a)": ("(1 - a)/2", "a/2", "(1 - a)/4", "1", "(1 + a)/2", "(2 - a)/2"),
    "alpha(s, a: 0)": ("1/2", "0", "1/4", "1", "1/2", "1"),
    "alpha(s, a: 1/3)": ("1/3", "1/6", "1/6", "1", "2/3", "5/6"),
    "dWr(s)": ("1/10", "2/5", "1/20", "1", "9/10", "3/5"),
    "alpha(s, a: 1)": ("0", "1/2", "0", "1", "1", "1/2"),
}


@pytest.mark.parametrize("scaling", TABLES)
def test_tables_1_2_and_4_hold_by_equality(scaling: str) -> None:
    found = leading(compiled(STAGE), scaling)
    assert equal(cells(found, "stages.1", ("depth", "width", "resolution")), exact(*TABLES[scaling]))
    assert found.pieces[0].where == ("0 < a < 1" if found.parameters else "")
    assert found.pieces[0].conditions == ()


# Width, group width, flops, params, acts; the paper's w and g rows multiply by s what is 1/2 of a scaling's exponent.
TABLE_3 = {
    "w_fixed_group(s ^ 2)": ("1", "0", "1", "1", "1"),
    "g(s)": ("0", "1", "1", "1", "0"),
    "w(s)": ("1/2", "1/2", "1", "1", "1/2"),
}


@pytest.mark.parametrize("scaling", TABLE_3)
def test_table_3_holds_by_equality(scaling: str) -> None:
    """For the group width alone the paper assumes g <= w, which a large factor breaks: it is said."""
    found = leading(compiled(GROUPS), scaling)
    assert equal(cells(found, "stages.1", ("width", "group_width")), exact(*TABLE_3[scaling]))
    assert found.pieces[0].conditions == (("w_1/g_1 is a whole number",) if scaling == "g(s)" else ())


def test_what_shrinks_ends_at_its_least() -> None:
    """By 1 / s everything comes to the least that the lines give, and the forms do not hold for that."""
    [piece] = leading(spec("regnetx_400mf"), "dWr(1 / s)").pieces
    assert (piece.total.flops, piece.total.params, piece.total.acts) == (0, 0, 0)
    assert "r/32 is a whole number" in piece.conditions


def test_the_family_contains_its_instances() -> None:
    """The general row at 0, 1/3, 4/5 and 1 is the row of that number, at the ends of its interval too."""
    a = sympy.Symbol("a", real=True)
    sizes = ("depth", "width", "resolution")
    general = cells(leading(compiled(STAGE), "alpha(s, a)"), "stages.1", sizes)
    for share in ("0", "1/3", "4/5", "1"):
        own = cells(leading(compiled(STAGE), f"alpha(s, {share})"), "stages.1", sizes)
        assert equal(tuple([each.subs(a, sympy.Rational(share)) for each in general]), own)


def test_names_are_any() -> None:
    found = leading(compiled(STAGE), "alpha(factor, a: share)")
    assert (found.factor, found.parameters, found.pieces[0].where) == ("factor", ("share",), "0 < share < 1")


def test_exponents_may_be_fractions_of_names() -> None:
    [piece] = leading(compiled(STAGE), "by_shares(s, e_w: a, e_d: 1)").pieces
    a = sympy.Symbol("a", real=True)
    assert piece.where == "0 < a"
    assert sympy.cancel(piece.total.acts - (1 + a / 2) / (1 + a)) == 0
    assert (piece.total.flops, piece.total.params) == (1, 1)


def test_several_names_are_told_by_their_conditions() -> None:
    [piece] = leading(compiled(STAGE), "by_shares(s, e_d: deep, e_w: wide)").pieces
    assert "deep > 0" in piece.where
    assert "wide > 0" in piece.where
    assert piece.total.flops == 1


TWO = """
use std.ops { conv }
block layer(x; width) = x -> conv(width, kernel: 1)
model m { input: 3 x 8 x 8  stages: layer { width: [16, 16]  depth: [2, 2] } }
scaling two(s, a) { width: round(width * s ^ (a if stage.index == 0 else 1 - a)) }
"""


def test_what_is_larger_depends_on_the_share() -> None:
    """Of two stages of which one grows by a and the other by 1 - a, one counts below 1/2 and the other above."""
    found = leading(compiled(TWO), "two(s, a)")
    a = sympy.Symbol("a", real=True)
    assert [(piece.where, sympy.expand(piece.total.params)) for piece in found.pieces] == [
        ("0 < a < 1/2", 2 - 2 * a),
        ("1/2 < a < 1", 2 * a),
    ]


@pytest.mark.parametrize("name", ["regnetx_400mf", "efficientnet_b0", "convnext_t"])
def test_whole_networks_follow_the_paper_s_law(name: str) -> None:
    """Stem, head and squeeze-and-excitation grow more slowly for every share between 0 and 1."""
    [piece] = leading(spec(name), "alpha(s, a)").pieces
    assert piece.where == "0 < a < 1"
    assert equal((piece.total.flops, piece.total.params, piece.total.acts), exact("1", "(1 + a)/2", "(2 - a)/2"))


@pytest.mark.parametrize("scaling", ["w", "wr", "dWr", "w_fixed_group"])
def test_large_networks_come_near_to_the_exponents(scaling: str) -> None:
    """The counts of two large networks, 16 times the factor apart; what grows more slowly is still there."""
    [piece] = leading(spec("regnetx_400mf"), f"{scaling}(s)").pieces
    small, large = (
        totals(result.network)
        for s in (2**8, 2**12)
        if isinstance(result := spec("regnetx_400mf", scalings=[f"{scaling}({s})"]), Compiled)
    )
    for measure in ("flops", "params", "acts"):
        power = math.log(Fraction(large[measure], small[measure]), 16)
        assert abs(power - getattr(piece.total, measure)) < 0.03, measure


REFUSED = [
    ("rexnet_1_0x", "d(s)", "E320", "`stages.0.depth` grows, and is a number in the closed forms"),
    ("efficientnet_b0", "compound(phi)", "E308", "the exponent phi is over the limit"),
    ("mobilenetv2", "width_mult(s)", "E314", "changes the parameter `width_mult` of the family"),
    ("regnetx_400mf", "alpha(4, a)", "E320", "names no factor"),
    ("regnetx_400mf", "alpha(s ^ t, 1/2)", "E320", "names no factor"),
    ("regnetx_400mf", "alpha(s, s)", "E312", "does not hold"),
    ("regnetx_400mf", "alhpa(s, a)", "E201", "there is no scaling `alhpa`"),
]


@pytest.mark.parametrize(("name", "scaling", "code", "words"), REFUSED)
def test_what_has_no_exponents_is_a_diagnostic(name: str, scaling: str, code: str, words: str) -> None:
    with pytest.raises(Fault) as raised:
        leading(COMPILER.compile(spec_source(name), name), scaling)
    assert raised.value.diagnostic.code == code
    assert words in raised.value.diagnostic.message


def test_an_inner_width_that_stays_a_number_is_refused() -> None:
    """`fit` makes the inner width of the width, and the closed forms have a number for it."""
    text = """
use std.ops { conv }
block odd(x; width, inner: width) {
  fit { inner: max(8, floor(width / 3)) }
  return x -> conv(inner, kernel: 1) -> conv(width, kernel: 1)
}
model m { input: 3 x 8 x 8  stages: odd { width: 64 } }
"""
    with pytest.raises(Fault, match="inner"):
        leading(compiled(text_source(text)), "w(s)")
