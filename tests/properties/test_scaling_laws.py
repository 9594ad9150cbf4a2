"""Tables 1 to 4 of Fast and Accurate Model Scaling (arXiv:2103.06877), held by the counts of real networks.

The stage is that of the paper's section 3.2: d convolutions of width w at resolution r, without bias, norm
and squeeze-and-excitation, so that f = k^2 d w^2 r^2, p = k^2 d w^2, a = d w r^2; with groups of g channels
f = k^2 d w g r^2 and p = k^2 d w g.

Unquantized, the laws are exact. The factors s are powers of a whole number k that make every scaled number
whole, so that a power s^(m/n) is a power of k, and each law an equation between integers.

Quantized by `std.scaling`, each number is off its exact value by half a step of its grid at most:

    depth       d' = round(d s^(e_d)),            |d' - d s^(e_d)|   <= 1/2
    width       w' = 8 round(w s^(e_w/2) / 8),    |w' - w s^(e_w/2)| <= 4
    resolution  r' = 4 round(r s^(e_r/2) / 4),    |r' - r s^(e_r/2)| <= 2

(for s >= 1 and w >= 8 no lower limit acts). Where a dimension has no share, its error is 0. Divided by the exact
values, these are relative errors |x_d| <= 1 / (2 d s^(e_d)) = E_d, |x_w| <= 4 / (w s^(e_w/2)) = E_w and
|x_r| <= 2 / (r s^(e_r/2)) = E_r, and as f' = k^2 d' w'^2 r'^2,

    f' = s f (1 + x_d) (1 + x_w)^2 (1 + x_r)^2,    so that
    (1 - E_d) (1 - E_w)^2 (1 - E_r)^2  <=  f' / (s f)  <=  (1 + E_d) (1 + E_w)^2 (1 + E_r)^2;

for p the factor of r is left out, and for a that of w stands once. With groups, g' = round_group(g s^(e_w/2)) is off
by 1/2 + 4 at most (to a whole number, then to a multiple of 8 or to 4), and w' is then moved to a multiple of g', by
g'/2 at most: E_g = 4.5 / (g s^(e_w/2)), and E_w = (4 + g'/2) / (w s^(e_w/2)); one of the two factors of w in f and p
is that of g. Where g' would exceed w', it becomes w', which the draws below keep away from.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import pytest
from families.compiling import compiled, network_of
from hypothesis import given, settings
from hypothesis import strategies as st
from sampling import many

from archdsl.graph.cost import count

SOURCE = """
use std.ops {{ conv }}
use std.rules {{ round_to }}

# The exact scaling: no rounding at all.
scaling exact(s, e_d: 0, e_w: 0, e_r: 0, e_g: 0) {{
  depth:       depth * s ^ e_d
  width:       width * s ^ (e_w / 2)
  group_width: group_width * s ^ (e_g / 2)
  resolution:  resolution * s ^ (e_r / 2)
}}

block plain(x; width, kernel: {kernel}) {{ return x -> conv(width, kernel: kernel) }}

# The 1 x 1 convolution brings every map to the width that fits; it is not counted.
block grouped(x; width, group_width: 1, kernel: {kernel}) {{
  fit {{
    group_width: min(group_width, width)
    width:       max(group_width, round_to(width, group_width))
  }}
  return x -> conv(width, kernel: 1) -> conv(width, kernel: kernel, groups: width / group_width)
}}

model net {{
  input:  3 x {resolution} x {resolution}
  stem:   conv(width: {width}, kernel: 1)
  stages: {stage}
  follow {{ stem.width: width }}
}}
"""


class Counts(NamedTuple):
    flops: int
    params: int
    acts: int


class Stage(NamedTuple):
    """A uniform stage. `group_width` 0 is a full convolution."""

    depth: int
    width: int
    resolution: int
    group_width: int = 0
    kernel: int = 3

    def counts(self) -> Counts:
        """Equations 1 to 3 of the paper."""
        d, w, r, g, k = self
        return Counts(k * k * d * w * (g or w) * r * r, k * k * d * w * (g or w), d * w * r * r)

    def source(self) -> str:
        if self.group_width:
            stage = f"grouped {{ depth: {self.depth}  width: {self.width}  group_width: {self.group_width} }}"
        else:
            stage = f"plain {{ depth: {self.depth}  width: {self.width} }}"
        return SOURCE.format(kernel=self.kernel, resolution=self.resolution, width=self.width, stage=stage)


def counted(stage: Stage, scaling: str | None = None) -> Counts:
    """The counts of the stage's own convolutions, in the network that the compiler makes."""
    network = network_of(compiled(stage.source(), scalings=[scaling] if scaling else []))
    place = ".conv2" if stage.group_width else ""
    rows = [row for row in count(network).rows if row.path.startswith("stages.0.") and row.path.endswith(place)]
    assert {row.operation for row in rows} == {"conv"}
    return Counts(sum(row.flops for row in rows), sum(row.params for row in rows), sum(row.acts for row in rows))


class Law(NamedTuple):
    """A row of a table: shares of the flops, and what params and acts are multiplied by, as powers of s.

    `root` n makes s = k^n a factor for which depth, width, group width and resolution stay whole.
    """

    root: int
    e_d: Fraction
    e_w: Fraction
    e_r: Fraction
    params: Fraction
    acts: Fraction


def law(root: int, e_d: str, e_w: str, e_r: str, params: str, acts: str) -> Law:
    return Law(root, *map(Fraction, (e_d, e_w, e_r, params, acts)))


TABLES = {
    # Table 1: simple scaling.
    "d": law(1, "1", "0", "0", "1", "1"),
    "w": law(2, "0", "1", "0", "1", "1/2"),
    "r": law(2, "0", "0", "1", "0", "1"),
    # Table 2: compound scaling.
    "dw": law(4, "1/2", "1/2", "0", "1", "3/4"),
    "wr": law(4, "0", "1/2", "1/2", "1/2", "3/4"),
    "dr": law(4, "1/2", "0", "1/2", "1/2", "1"),
    "dwr": law(6, "1/3", "1/3", "1/3", "2/3", "5/6"),
    # Table 4: the family, by its share a of the width: p = s^((1+a)/2), a = s^((2-a)/2).
    "alpha=0": law(4, "1/2", "0", "1/2", "1/2", "1"),
    "alpha=1/5": law(10, "2/5", "1/5", "2/5", "3/5", "9/10"),
    "alpha=1/3": law(6, "1/3", "1/3", "1/3", "2/3", "5/6"),
    "alpha=1/2": law(8, "1/4", "1/2", "1/4", "3/4", "3/4"),
    "alpha=3/5": law(10, "1/5", "3/5", "1/5", "4/5", "7/10"),
    "alpha=1": law(2, "0", "1", "0", "1", "1/2"),
    "dWr": law(20, "1/10", "4/5", "1/10", "9/10", "3/5"),
}

bases = st.builds(
    Stage,
    depth=st.integers(1, 4),
    width=st.integers(1, 12),
    resolution=st.integers(1, 12),
    group_width=st.just(0),
    kernel=st.sampled_from([1, 3, 5]),
)


def whole(k: int, root: int, exponent: Fraction) -> int:
    """(k^root)^exponent, which is whole."""
    power = root * exponent
    assert power.denominator == 1
    return k**power.numerator


@pytest.mark.parametrize("name", TABLES)
@given(data=st.data(), base=bases)
@settings(max_examples=many(6), deadline=None)
def test_tables_1_2_and_4_hold_exactly(name: str, data: st.DataObject, base: Stage) -> None:
    row = TABLES[name]
    k = data.draw(st.integers(1, 2 if row.root > 6 else 3), label="k")
    s = k**row.root
    before = counted(base)
    assert before == base.counts()
    after = counted(base, f"exact({s}, e_d: {row.e_d}, e_w: {row.e_w}, e_r: {row.e_r})")
    assert after.flops == s * before.flops
    assert after.params == whole(k, row.root, row.params) * before.params
    assert after.acts == whole(k, row.root, row.acts) * before.acts


@pytest.mark.parametrize("name", TABLES)
def test_the_tables_are_consistent(name: str) -> None:
    """The powers of params and acts follow from the shares: p = e_d + e_w, a = e_d + e_w/2 + e_r."""
    row = TABLES[name]
    assert row.e_d + row.e_w + row.e_r == 1
    assert (row.params, row.acts) == (row.e_d + row.e_w, row.e_d + row.e_w / 2 + row.e_r)
    if name.startswith("alpha="):
        a = Fraction(name.removeprefix("alpha="))
        assert row[1:] == ((1 - a) / 2, a, (1 - a) / 2, (1 + a) / 2, (2 - a) / 2)


GROUPS = {
    # Table 3: exponents of width and group width, and of acts; flops and params grow by s in each.
    "w": (1, Fraction(1), Fraction(0), Fraction(1)),
    "g": (1, Fraction(0), Fraction(1), Fraction(0)),
    "wg": (2, Fraction(1, 2), Fraction(1, 2), Fraction(1, 2)),
}


@pytest.mark.parametrize("name", GROUPS)
@given(
    k=st.integers(1, 4),
    depth=st.integers(1, 3),
    group_width=st.integers(1, 6),
    groups=st.integers(1, 4),
    resolution=st.integers(1, 10),
)
@settings(max_examples=many(10), deadline=None)
def test_table_3_holds_exactly(name: str, k: int, depth: int, group_width: int, groups: int, resolution: int) -> None:
    """The scaled group width divides the scaled width: s * groups groups to begin with."""
    root, width_power, group_power, acts_power = GROUPS[name]
    s = k**root
    base = Stage(depth, group_width * groups * s, resolution, group_width)
    before = counted(base)
    assert before == base.counts()
    after = counted(base, f"exact({s}, e_w: {2 * width_power}, e_g: {2 * group_power})")
    assert after.flops == s * before.flops
    assert after.params == s * before.params
    assert after.acts == whole(k, root, acts_power) * before.acts


@given(k=st.integers(1, 3), base=bases, groups=st.integers(1, 4))
@settings(max_examples=many(10), deadline=None)
def test_fast_scaling_with_groups_holds_exactly(k: int, base: Stage, groups: int) -> None:
    """Table 4 for group convolutions, whose group width is scaled like the width (section 5); here alpha = 1/2."""
    s = k**8
    base = base._replace(group_width=base.width, width=base.width * groups)
    before = counted(base)
    after = counted(base, f"exact({s}, e_d: 1/4, e_w: 1/2, e_r: 1/4, e_g: 1/2)")
    assert after == (s * before.flops, k**6 * before.params, k**6 * before.acts)


# Quantized

STRATEGIES = {
    "d": (1.0, 0.0, 0.0),
    "w": (0.0, 1.0, 0.0),
    "r": (0.0, 0.0, 1.0),
    "dw": (0.5, 0.5, 0.0),
    "dr": (0.5, 0.0, 0.5),
    "wr": (0.0, 0.5, 0.5),
    "dwr": (1 / 3, 1 / 3, 1 / 3),
    "dWr": (0.1, 0.8, 0.1),
}

ROUNDING = 1e-9
"""Room for the doubles that the bounds are computed in."""

factors = st.integers(1000, 64_000).map(lambda k: k / 1000)

real_stages = st.builds(
    Stage,
    depth=st.integers(1, 12),
    width=st.integers(1, 40).map(lambda n: 8 * n),
    resolution=st.integers(1, 16).map(lambda n: 4 * n),
    group_width=st.just(0),
    kernel=st.just(3),
)


def ideal(before: Counts, s: float, share_d: float, share_w: float, share_r: float) -> tuple[float, float, float]:
    """The exact laws: flops by s, params and acts by the powers that the shares give."""
    params, acts = share_d + share_w, share_d + share_w / 2 + share_r
    return s * before.flops, s**params * before.params, s**acts * before.acts


def verify_within(
    after: Counts, exact: tuple[float, float, float], e_d: float, e_1: float, e_2: float, e_r: float
) -> None:
    """Counts over the exact laws stand between the bounds; `e_1` and `e_2` are the errors of the two widths."""
    for sign in (-1, 1):
        d, w_1, w_2, r = (max(0.0, 1 + sign * error) for error in (e_d, e_1, e_2, e_r))
        bounds = (d * w_1 * w_2 * r * r, d * w_1 * w_2, d * w_1 * r * r)
        for value, law_value, bound in zip(after, exact, bounds, strict=True):
            assert sign * (value / law_value - bound) <= ROUNDING


@pytest.mark.parametrize("name", STRATEGIES)
@given(base=real_stages, s=factors)
@settings(max_examples=many(10), deadline=None)
def test_the_residual_of_rounding_is_bounded(name: str, base: Stage, s: float) -> None:
    """The bound derived at the top of this file."""
    share_d, share_w, share_r = STRATEGIES[name]
    before, after = counted(base), counted(base, f"{name}({s})")
    e_d = 1 / (2 * base.depth * s**share_d) if share_d else 0
    e_w = 4 / (base.width * s ** (share_w / 2)) if share_w else 0
    e_r = 2 / (base.resolution * s ** (share_r / 2)) if share_r else 0
    verify_within(after, ideal(before, s, *STRATEGIES[name]), e_d, e_w, e_w, e_r)


@pytest.mark.parametrize("name", [name for name, shares in STRATEGIES.items() if shares[1]])
@given(base=real_stages, s=factors, groups=st.integers(2, 6))
@settings(max_examples=many(10), deadline=None)
def test_the_residual_of_rounding_is_bounded_with_groups(name: str, base: Stage, s: float, groups: int) -> None:
    """The bound for group convolutions; the widths are such that no group width exceeds them."""
    share_d, share_w, share_r = STRATEGIES[name]
    base = base._replace(group_width=base.width, width=base.width * groups)
    before, after = counted(base), counted(base, f"{name}({s})")
    width, group_width = (number * s ** (share_w / 2) for number in (base.width, base.group_width))
    e_d = 1 / (2 * base.depth * s**share_d) if share_d else 0
    e_g = 4.5 / group_width
    e_w = (4 + (group_width + 4.5) / 2) / width
    e_r = 2 / (base.resolution * s ** (share_r / 2)) if share_r else 0
    verify_within(after, ideal(before, s, *STRATEGIES[name]), e_d, e_w, e_g, e_r)
