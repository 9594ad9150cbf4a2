"""Widths of blocks of many members at once: those of the networks, one by one; and what is known of linear fits."""

from __future__ import annotations

import math

import numpy as np
import pytest

import archdsl
from archdsl import population
from archdsl.plots.rows import widths_of
from archdsl.spaces.arrays import blocks
from archdsl.spaces.arrays.draws import draw

SPACES = ("anynetx_a", "regnetx_any", "regnet_blocks", "efficientnetv2_b4", "search_18")


@pytest.mark.parametrize("name", SPACES)
def test_widths_are_those_of_the_networks(name: str) -> None:
    opened = archdsl.space(name).opened
    settings = draw(opened.space, 3, 0, 600)
    members = settings[opened.engine.evaluate(settings).valid][:40]
    found = blocks.block_widths(opened, members)
    for row, setting in enumerate(members[:12]):
        network = opened.member(setting).network
        assert network is not None
        assert found.widths[row, : found.depths[row]].tolist() == [each for _, (each,) in widths_of(network)]
    assert not found.widths[np.arange(found.widths.shape[1]) >= found.depths[:, None]].any()


def test_the_ordinary_compiler_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = archdsl.space("anynetx_e").opened
    settings = draw(opened.space, 0, 0, 3000)
    members = settings[opened.engine.evaluate(settings).valid][:6]
    at_once = blocks.block_widths(opened, members)
    monkeypatch.setattr(blocks, "FEW", len(members))
    one_by_one = blocks.block_widths(opened, members)
    assert (at_once.widths == one_by_one.widths).all()
    assert (at_once.depths == one_by_one.depths).all()


@pytest.mark.parametrize(("name", "mean"), [("anynetx_a_400mf", 0.674), ("regnetx_400mf", 0.033)])
def test_mean_fits_in_the_flop_band(name: str, mean: float) -> None:
    """What was measured of 300 members each, by a program of its own on the published code; within four standard errors
    of the difference of two such samples."""
    members = archdsl.space(name).sample(300, seed=1, hashed=False)
    widths, depths = members.widths()
    found = population.efit(widths, depths).error
    assert abs(found.mean() - mean) < 4 * math.sqrt(2) * found.std() / math.sqrt(300)
