"""Counts of whole design spaces, against a program of somebody else and combinatorics; minutes of processor time."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from sampling import TIMES

from archdsl.papers.networks import Shipped
from archdsl.spaces.arrays.counted import Counted, counted
from archdsl.spaces.arrays.tabled import AllTabled
from archdsl.spaces.opened import Opened, Text

pytestmark = pytest.mark.skipif(TIMES < 10, reason="takes minutes of processor time: `make thorough`")

FACTS = json.loads((Path(__file__).parent.parent / "oracle" / "space_counts.json").read_text())
LIMITS = (("params", None, 5_200_000 - 1), ("acts", None, math.isqrt(42_250_000_000_000 * 4 // 10)))
"""Section 4 of RegNet for networks of fewer than 0.4 GF: params < 3M + 5.5M * 0.4, acts < 6.5M * sqrt(0.4)."""
BAND = ("flops", 360_000_000, 400_000_000)


def opened(file: str, name: str) -> Opened:
    found = Text(Shipped(), Shipped().file(f"specs/spaces/{file}.arch"), name).opened()
    assert found is not None
    return found


def exactly(file: str, name: str, *, networks: bool = False) -> Counted:
    return counted(opened(file, name), limit=1000, draws=1, exact=True, networks=networks)


def rows(of: AllTabled) -> int:
    """Tables with settings of the other draws whose networks are within the bounds."""
    return sum(int(batch.holds.sum()) for part in of.parts for batch in part.batches())


def test_regnetx() -> None:
    space = opened("regnet", "regnetx")
    assert space.space.settings == FACTS["regnetx"]["settings"]
    every = AllTabled(space.engine)
    counts = every.count(networks=True)
    assert (every.tables, every.rows) == (23_601_075, 424_819_350)
    assert sum(each.valid for each in counts) == 23_418_170_784
    assert sum(each.networks or 0 for each in counts) == 268_491_908
    band = AllTabled(space.engine, (BAND,), lines=every.lines)
    assert rows(band) == FACTS["regnetx"]["rows_360_to_400_mf"]
    limited = AllTabled(space.engine, (BAND, *LIMITS), lines=every.lines)
    assert rows(limited) == FACTS["regnetx"]["rows_360_to_400_mf_with_limits_of_0.4_gf"]


def test_the_grid_of_table_1() -> None:
    space = opened("regnet", "regnetx_grid")
    every = AllTabled(space.engine)
    assert space.space.settings == FACTS["regnetx_grid"]["settings"]
    assert sum(each.valid for each in every.count()) == FACTS["regnetx_grid"]["valid"]
    band = AllTabled(space.engine, (BAND,), lines=every.lines)
    assert sum(each.valid for each in band.count()) == 356_634
    limited = AllTabled(space.engine, (BAND, *LIMITS), lines=every.lines)
    assert sum(each.valid for each in limited.count()) == 218_248


@pytest.mark.parametrize("name", ["a", "b", "c", "d", "e"])
def test_anynetx(name: str) -> None:
    """Along the chain of stages: as many as combinatorics gives, where widths (D, E) and depths (E) do not fall."""
    of_four = {"a": (16 * 128 * 18) ** 4, "b": (16 * 128 * 6) ** 4 * 3, "c": (16 * 128) ** 4 * 18}
    of_four |= {"d": math.comb(131, 4) * 16**4 * 18, "e": math.comb(131, 4) * math.comb(19, 4) * 18}
    found = exactly("anynetx", f"anynetx_{name}")
    assert (found.exact, found.low, found.high) == (True, of_four[name], of_four[name])


def test_anynetx_between_360_and_400_mf() -> None:
    found = exactly("anynetx", "anynetx_c_400mf")
    assert (found.low, found.high) == (396_309_766_676, 396_309_766_676)
