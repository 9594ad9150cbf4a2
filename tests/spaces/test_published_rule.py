"""RegNetX by the published functions in double precision, on arrays and by hand: nothing of the language is in it.

The widths are those of pycls's `generate_regnet` and `adjust_block_compatibility` (facebookresearch/pycls,
pycls/models/regnet.py and anynet.py), the counts those of its `AnyNet.complexity`, written anew as sums over stages.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from sampling import many

from archdsl.compiler import Compiler
from archdsl.diagnostics import Diagnostics
from archdsl.project import Project
from archdsl.spaces.arrays.draws import draw
from archdsl.spaces.arrays.engine import VALID, Engine
from archdsl.spaces.entry import context_of, space_named

Ints = npt.NDArray[np.int64]
SPEC = Path(__file__).resolve().parents[2] / "specs" / "spaces" / "regnet.arch"
STEM, CLASSES, SIDE, LONGEST = 32, 1000, 224, 63
NEAR = 1e-9
"""So near to a half, a double says nothing of where a number rounds to."""


def near_half(values: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    return np.abs(values - np.floor(values) - 0.5) < NEAR


def stages(depth: Ints, w_0: Ints, w_a: npt.NDArray[np.float64], w_m: npt.NDArray[np.float64]) -> tuple[Ints, ...]:
    """Of each row the number of stages, none where a level is skipped, the depths and widths of the first four, and
    whether doubles decide it."""
    j = np.arange(LONGEST)[None, :]
    there = j < depth[:, None]
    level = np.log((w_0[:, None] + w_a[:, None] * j) / w_0[:, None]) / np.log(w_m)[:, None]
    sure = ~(near_half(level) & there).any(axis=1)
    eights = w_0[:, None] * w_m[:, None] ** np.rint(level) / 8
    sure &= ~(near_half(eights) & there).any(axis=1)
    width = np.where(there, np.rint(eights) * 8, 0).astype(np.int64)
    first = there & np.concatenate([np.ones((len(width), 1), bool), width[:, 1:] != width[:, :-1]], axis=1)
    of = np.cumsum(first, axis=1) - 1
    depths = np.stack([((of == k) & there).sum(axis=1) for k in range(4)], axis=1)
    widths = np.stack([np.where((of == k) & there, width, 0).max(axis=1) for k in range(4)], axis=1)
    number = first.sum(axis=1)
    levels = np.where(there, np.rint(level), 0).max(axis=1) + 1
    return np.where(number == levels, number, 0), depths, widths, sure


def costs(depths: Ints, widths: Ints, ratio: Ints, group: Ints) -> tuple[Ints, Ints, Ints]:
    """Flops (multiply-adds), params, acts of networks of four stages."""
    side = (SIDE - 1) // 2 + 1
    flops = np.full(len(depths), 27 * STEM * side * side)
    params = np.full(len(depths), 27 * STEM + 2 * STEM)
    acts = np.full(len(depths), STEM * side * side)
    before = np.full(len(depths), STEM)
    for k in range(4):
        inner = np.maximum(1, widths[:, k] // ratio)
        groups_of = np.minimum(group, inner)
        inner = np.maximum(groups_of, np.rint(inner / groups_of).astype(np.int64) * groups_of)
        width, repeated = inner * ratio, depths[:, k] - 1
        after = (side - 1) // 2 + 1
        a, b, c = before * inner, 9 * inner * groups_of, inner * width
        flops = flops + a * side**2 + (b + c + before * width) * after**2
        params = params + a + b + c + before * width + 2 * (2 * inner + 2 * width)
        acts = acts + inner * side**2 + (inner + 2 * width) * after**2
        flops = flops + repeated * (2 * c + b) * after**2
        params = params + repeated * (2 * c + b + 2 * (2 * inner + width))
        acts = acts + repeated * (2 * inner + width) * after**2
        before, side = width, after
    return flops + before * CLASSES + CLASSES, params + before * CLASSES + CLASSES, acts + CLASSES


def test_regnetx_by_the_published_functions() -> None:
    project = Project(str(SPEC))
    compiler, diagnostics = Compiler(project), Diagnostics()
    space = space_named(compiler, compiler.program(project.source(), diagnostics), "regnetx", diagnostics)
    assert space is not None
    count = many(20_000)
    batch = Engine(context_of(compiler), space).evaluate(draw(space, 11, 0, count))
    rows = {d.name: at for at, d in enumerate(space.draws)}
    domains = {name: space.draws[at].law.domain for name, at in rows.items()}
    values = {name: np.array([float(Fraction(d.value(i))) for i in range(d.size)]) for name, d in domains.items()}  # type: ignore[arg-type]
    drawn = {name: values[name][batch.settings[:, at]] for name, at in rows.items()}
    whole = {name: np.rint(values).astype(np.int64) for name, values in drawn.items()}
    number, depths, widths, sure = stages(whole["depth"], whole["w_0"], drawn["w_a"], drawn["w_m"])
    assert sure.mean() > 0.9
    assert ((number == 4) == (batch.why == VALID))[sure].all()
    held = sure & (number == 4)
    assert held.sum() > count // 10
    expected = costs(depths[held], widths[held], whole["bottleneck_ratio"][held], whole["group_width"][held])
    for name, figures in zip(("flops", "params", "acts"), expected, strict=True):
        assert (figures == batch.costs[name][held]).all(), name


def test_share_of_four_stages() -> None:
    """Of ten million draws of the paper's code 13.46 % have four stages, of which none is skipped: within four
    deviations by our laws."""
    project = Project(str(SPEC))
    compiler, diagnostics = Compiler(project), Diagnostics()
    space = space_named(compiler, compiler.program(project.source(), diagnostics), "regnetx", diagnostics)
    assert space is not None
    count = many(50_000)
    numbers = draw(space, 5, 0, count)
    depth, w_0 = numbers[:, 0] + 1, 8 * (numbers[:, 1] + 1)
    number, *_ = stages(depth, w_0, 8 + numbers[:, 2] / 10, 1.5 + numbers[:, 3] / 1000)
    share = float((number == 4).mean())
    assert abs(share - 0.1346) < 4 * (0.1346 * 0.8654 / count) ** 0.5


@pytest.mark.parametrize(
    ("name", "printed"), [("regnetx_400mf", 0.00238), ("regnetx_limited_400mf", 0.00309), ("anynetx_a_400mf", 0.0213)]
)
def test_shares_of_a_band(name: str, printed: float) -> None:
    """Shares of ten million draws of the paper's code that have 360 to 400 MF, within four deviations."""
    file = "anynetx.arch" if name.startswith("anynetx") else SPEC.name
    project = Project(str(SPEC.with_name(file)))
    compiler, diagnostics = Compiler(project), Diagnostics()
    space = space_named(compiler, compiler.program(project.source(), diagnostics), name, diagnostics)
    assert space is not None
    count = many(100_000)
    share = float(Engine(context_of(compiler), space).evaluate(draw(space, 5, 0, count)).valid.mean())
    assert abs(share - printed) < 4 * (printed / count) ** 0.5


def test_the_grid_of_table_1() -> None:
    """Of 64^4 x 6 x 3 settings 50,447,718 have four stages: those of the space at equal distances."""
    found = 0
    j = np.arange(64)
    w_a, w_m = 4.0 * np.arange(1, 65)[:, None, None], 1.5 + 1.5 * np.arange(64)[None, :, None] / 63
    for w_0 in range(4, 257, 4):
        level = np.rint(np.log1p(w_a * j / w_0) / np.log(w_m))
        width = np.rint(w_0 * w_m**level / 8)
        first = np.concatenate([np.ones((64, 64, 1), bool), width[..., 1:] != width[..., :-1]], axis=-1)
        found += int(((first.cumsum(axis=-1) == 4) & (level == 3)).sum())
    assert found * 6 * 3 == 50_447_718
