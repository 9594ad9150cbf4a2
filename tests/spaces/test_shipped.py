"""The spaces that ship: sizes as the papers print them, and members by the published algorithm in double precision."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from itertools import pairwise
from math import comb

import pytest

from archdsl.compiler import Compiled, Compiler
from archdsl.diagnostics import Diagnostic, Diagnostics
from archdsl.papers.networks import Shipped
from archdsl.resources import spec_files
from archdsl.spaces.check import CheckedSpace, check_spaces
from archdsl.spaces.entry import context_of, spaces_of
from archdsl.spaces.member import Member, member_of, stage_width
from archdsl.spaces.space import Requirement, Space

FILES = [path for path in spec_files() if path.startswith("specs/spaces/")]
COMPILER = Compiler(Shipped())


@cache
def spaces(path: str) -> dict[str, Space]:
    diagnostics = Diagnostics()
    program = COMPILER.program(Shipped().file(path), diagnostics)
    found = {space.name: space for space in spaces_of(COMPILER, program, diagnostics)}
    assert not diagnostics.failed
    return found


def space(name: str) -> Space:
    return next(found[name] for found in map(spaces, FILES) if name in found)


def member(of: Space, setting: tuple[int, ...]) -> Member:
    return member_of(context_of(COMPILER), of, setting)


def setting_of(of: Space, **values: object) -> tuple[int, ...]:
    found = [draw.indices(values[draw.name]) for draw in of.draws]  # type: ignore[arg-type]
    assert None not in found
    return tuple([number for numbers in found for number in numbers or ()])


@pytest.mark.parametrize("path", FILES)
def test_every_space_has_a_member_and_its_claims_hold(path: str) -> None:
    diagnostics = Diagnostics()
    program = COMPILER.program(Shipped().file(path), diagnostics)
    found: list[CheckedSpace] = check_spaces(COMPILER, program, diagnostics)
    assert not list(diagnostics)
    assert all(each.member is not None for each in found)
    assert all(verdict.holds for each in found for verdict in each.verdicts)


@pytest.mark.parametrize(
    ("name", "dimensions", "settings"),
    [
        ("anynetx_a", 16, (16 * 128 * 3 * 6) ** 4),
        ("anynetx_b", 13, (16 * 128 * 6) ** 4 * 3),
        ("anynetx_c", 10, (16 * 128) ** 4 * 3 * 6),
        ("anynetx_d", 10, (16 * 128) ** 4 * 3 * 6),
        ("anynetx_e", 10, (16 * 128) ** 4 * 3 * 6),
        ("regnetx", 6, 135_135_822_528),
        ("regnetx_grid", 6, 64**4 * 6 * 3),
        ("regnetx_limited", 5, 17 * 32 * 2481 * 1001 * 6),
        ("efficientnetv2", 28, 36**7),
    ],
)
def test_sizes(name: str, dimensions: int, settings: int) -> None:
    found = space(name)
    assert (found.free_dimensions, found.settings) == (dimensions, settings)


def rising(values: int, length: int) -> int:
    """Lists that do not decrease, counted by their last value."""
    ends = [1] * values
    for _ in range(length - 1):
        ends = [sum(ends[: last + 1]) for last in range(values)]
    return sum(ends)


def test_exact_sizes_of_d_and_e() -> None:
    """The paper divides by 4! for each requirement, as if no two stages were equal."""
    widths, depths = rising(128, 4), rising(16, 4)
    assert (widths, depths) == (comb(131, 4), comb(19, 4))
    d, e = widths * 16**4 * 18, widths * depths * 18
    assert (d, e) == (13_821_510_942_720, 817_446_539_520)
    text = Shipped().file("specs/spaces/anynetx.arch").text
    assert f"{d:,}" in text
    assert f"{e:,}" in text


def test_few_values_of_d_and_e_by_brute_force() -> None:
    """Of settings of the first three widths and depths, as many are refused as do not rise."""
    d, e = space("anynetx_d"), space("anynetx_e")
    refused = {"d": 0, "e": 0}
    for code in range(3**4):
        numbers = tuple([code // 3**i % 3 for i in range(4)])
        for name, of, setting in (
            ("d", d, (0, 0, 0, 0, *numbers, 0, 0)),
            ("e", e, (*numbers, 0, 0, 0, 0, 0, 0)),
        ):
            found = member(of, setting)
            assert found.valid == (list(numbers) == sorted(numbers))
            refused[name] += isinstance(found.refused, Requirement)
    assert refused == {"d": 81 - rising(3, 4), "e": 81 - rising(3, 4)}


# RegNet


def published(depth: int, w_0: int, w_a: float, w_m: float, ratio: int, group: int) -> tuple[list[int], list[int]]:
    """Widths after group compatibility and depths of the stages, in doubles: equations 2 to 4 and appendix D."""
    steps = [round(math.log(1 + w_a * j / w_0) / math.log(w_m)) for j in range(depth)]
    blocks = [int(round(w_0 * w_m**s / 8) * 8) for s in steps]
    widths = sorted(set(blocks))
    depths = [blocks.count(width) for width in widths]
    found = []
    for width in widths:
        inner = width // ratio if width % ratio == 0 else width / ratio
        inner = max(1, int(inner))
        own = min(group, inner)
        inner = max(own, round(inner / own) * own)
        found.append(inner * ratio)
    return found, depths


def drawn(of: Space, count: int, seed: int) -> Iterator[tuple[int, ...]]:
    draw = random.Random(seed)
    for _ in range(count):
        yield tuple([draw.randrange(size) for size in of.sizes])


def test_members_by_the_published_algorithm() -> None:
    of = space("regnetx_any")
    stages = []
    for setting in drawn(of, 150, 3):
        found = member(of, setting)
        values = found.values
        depth, ratio, group = (int(str(values[name])) for name in ("depth", "bottleneck_ratio", "group_width"))
        w_0, w_a, w_m = (values[name] for name in ("w_0", "w_a", "w_m"))
        assert isinstance(w_0, int)
        assert isinstance(w_a, int | Fraction)
        assert isinstance(w_m, int | Fraction)
        widths, depths = published(depth, w_0, float(w_a), float(w_m), ratio, group)
        assert found.model is not None
        assert [stage.length for stage in found.model.stages] == depths
        used = [used_width(found, index) for index in range(len(depths))]
        assert used == widths
        stages.append(len(depths))
    assert len(set(stages)) > 4


def used_width(found: Member, index: int) -> object:
    assert found.model is not None
    return stage_width(context_of(COMPILER), found.model, index)


def test_width_moves_by_a_third_at_most() -> None:
    """Appendix D: for group compatibility a width of at least the group moves by at most 1/3 of itself."""
    of = space("anynetx_a")
    for setting in drawn(of, 40, 5):
        found = member(of, setting)
        assert found.model is not None
        asked = found.values["width"]
        assert isinstance(asked, tuple)
        for index, width in enumerate(asked):
            used = used_width(found, index)
            assert isinstance(used, int)
            assert isinstance(width, int)
            assert abs(used - width) * 3 <= width


@pytest.mark.parametrize(
    ("name", "depth", "w_0", "w_a", "w_m", "group"),
    [
        ("regnetx_200mf", 13, 24, "36.4", "2.49", 8),
        ("regnetx_400mf", 22, 24, "24.5", "2.54", 16),
        ("regnetx_800mf", 16, 56, "35.7", "2.28", 16),
    ],
)
def test_published_networks_are_members(name: str, depth: int, w_0: int, w_a: str, w_m: str, group: int) -> None:
    """Those whose groups are at most 32 wide; w_a stands on the grid of tenths, which gives the same network."""
    of = space("regnetx_limited")
    values = {"depth": depth, "w_0": w_0, "w_a": Fraction(w_a), "w_m": Fraction(w_m), "group_width": group}
    found = member(of, setting_of(of, bottleneck_ratio=1, **values))
    assert found.valid, found.refused
    alone = COMPILER.compile(Shipped().file("specs/regnet/regnetx.arch"), name)
    assert isinstance(alone, Compiled)
    assert found.network is not None
    assert found.network.hash == alone.network.hash


# Searches


@pytest.mark.parametrize(
    ("name", "widths"),
    [
        ("search_a", [34, 34, 45, 55, 66]),
        ("search_a", [36, 36, 36, 36, 83]),
        ("search_b", [24, 33, 42, 50, 59, 68, 77, 85, 94]),
        ("search_b", [39, 39, 39, 39, 39, 39, 39, 87, 158]),
        ("search_c", [30, 45, 59, 74, 88, 103, 117, 132, 146]),
        ("search_c", [47, 47, 70, 70, 70, 70, 70, 70, 364]),
        ("search_d", [34, 34, 34, 40, 64, 88, 112, 136, 160, 184, 208, 232, 256]),
        ("search_d", [*[52] * 9, 115, 263, 263, 412]),
    ],
)
def test_the_best_and_the_worst_are_members(name: str, widths: list[int]) -> None:
    """Table 3 of Han et al. 2021: their params are the printed ones, cut off, but for the worst of (a)."""
    of = space(name)
    more = tuple([b - a + 1 for a, b in pairwise(widths)])
    found = member(of, setting_of(of, first=widths[0], more=more))
    assert found.valid, found.refused
    printed = {"search_a": 0.2, "search_b": 0.5, "search_c": 1.0, "search_d": 3.0}[name]
    params = found.costs["params"] - 1280 * 100 - 100
    cut = math.floor(params / 1e5) / 10
    assert cut == printed or (round(params / 1e6, 1) == printed and widths[-1] == 83)


def test_a_stage_of_each_block_is_searched() -> None:
    of = space("efficientnetv2")
    blocks: set[str] = set()
    for setting in drawn(of, 3, 1):
        found = member(of, setting)
        assert found.valid
        assert found.model is not None
        blocks |= {stage.block.name for stage in found.model.stages}
        more = found.values["more"]
        assert isinstance(more, tuple)
        depths = [2, 4, 4, 6, 6, 8, 2]
        assert [stage.length for stage in found.model.stages] == [
            d + m
            for d, m in zip(depths, more, strict=True)  # type: ignore[operator]
        ]
    assert blocks == {"mbconv", "fused_mbconv"}
    assert not isinstance(found.refused, Diagnostic)
