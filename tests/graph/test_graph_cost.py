"""Counts: known figures, the real tools' own, and that columns add up."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy
import pytest
from graph_networks import (
    NETWORKS,
    Sketch,
    efficientnet_b0,
    efficientnet_lite0,
    efficientnetv2_s,
    regnety_4gf,
    resnet50,
)

from archdsl.graph.conventions import CONVENTIONS, DEFAULT
from archdsl.graph.cost import count, explain, group_of
from archdsl.graph.ledger import COLUMNS, Ledger
from archdsl.graph.memory import peak_bytes, weights_bytes
from archdsl.graph.network import INPUT

pytestmark = pytest.mark.fast

TOOLS: dict[str, Any] = json.loads((Path(__file__).parent / "tool_counts.json").read_text())


def test_efficientnet_b0() -> None:
    cost = count(efficientnet_b0())
    ledger = cost.ledger
    gates = sum(row.ledger.multiply_adds for row in cost.rows if ".se." in row.path)
    classifier = cost.rows[-1].ledger
    assert gates == 627_200
    assert classifier.multiply_adds == 1_280_000
    assert ledger.multiply_adds - gates - classifier.multiply_adds == 383_907_552
    assert ledger.bias_adds == 10_340
    assert (cost.flops, cost.params, cost.acts) == (385_814_752 + 10_340, 5_288_548, 6_748_036)
    assert count(efficientnet_b0(), "macs").flops == 385_814_752
    assert count(efficientnet_b0(), "tf_profiler").flops == 398_048_160
    assert count(efficientnet_b0(), "keras").params == 5_330_564


def test_efficientnetv2_s() -> None:
    cost = count(efficientnetv2_s())
    assert (cost.ledger.multiply_adds, cost.params) == (8_365_617_152, 21_458_488)
    assert count(efficientnetv2_s(), "tf_profiler").flops == 8_429_442_956
    assert count(efficientnetv2_s(), "keras").params == 21_612_360


def test_efficientnet_lite0() -> None:
    cost = count(efficientnet_lite0())
    assert (cost.flops, cost.params, cost.acts) == (385_188_552, 4_652_008, 6_738_696)
    assert count(efficientnet_lite0(), "tf_profiler").flops == 395_109_572


def test_resnet50() -> None:
    assert count(resnet50()).acts == 11_315_688
    assert count(resnet50(), "regnet_2020").acts == 11_114_984
    assert (count(resnet50()).flops, count(resnet50()).params) == (4_089_185_256, 25_557_032)


def test_regnety_4gf_as_the_tools_count_it() -> None:
    """The figures that were seen for timm's module.

    timm takes the mean of squeeze-and-excitation with `Tensor.mean`, which fvcore does not count; its batch
    norms are a class of its own, which ptflops does not count.
    """
    network = regnety_4gf()
    cost = count(network)
    assert (cost.flops, cost.params, cost.acts) == (3_973_301_344, 20_646_656, 12_287_200)
    assert count(network, "torch").flops == 7_946_576_896
    assert count(network, "ptflops_aten").flops == 3_973_301_344
    means = sum(row.ledger.pooled_elements for row in cost.rows if row.path.endswith(".se.pool"))
    assert count(network, "fvcore").flops - means == 3_997_890_368
    assert count(network, "ptflops").flops - 2 * means - 2 * cost.ledger.norm_elements == 3_996_549_712


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("tool", ["fvcore", "torch", "thop", "ptflops", "ptflops_aten"])
def test_conventions_equal_the_tools(name: str, tool: str) -> None:
    cost = count(NETWORKS[name](), tool)
    printed = TOOLS["networks"][name][tool]
    assert {key: getattr(cost, key) for key in printed} == printed
    assert CONVENTIONS[tool].version.split("+")[0] == TOOLS["versions"][tool.split("_")[0]].split("+")[0]


@pytest.mark.parametrize("name", NETWORKS)
def test_buffers_and_weights_equal_the_modules(name: str) -> None:
    network, module = NETWORKS[name](), TOOLS["networks"][name]["module"]
    assert count(network).buffers == module["buffers"]
    assert weights_bytes(network) == module["weights_bytes"]


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("convention", CONVENTIONS)
def test_rows_groups_and_explanations_add_up(name: str, convention: str) -> None:
    network = NETWORKS[name]()
    cost = count(network, convention)
    assert len(cost.rows) == len(network.nodes)
    for key in ("flops", "params", "acts", "buffers"):
        total = getattr(cost, key)
        assert isinstance(total, int)
        assert sum(getattr(row, key) for row in cost.rows) == total
        for grouping in ("stage", "block", "op"):
            assert sum(getattr(group, key) for group in cost.by(grouping)) == total
    for key, terms in explain(network, convention).items():
        assert sum(term.subtotal for term in terms) == getattr(cost, key)
        for term in terms:
            assert term.count * term.coefficient == term.subtotal
    ledger = Ledger()
    for row in cost.rows:
        ledger = ledger + row.ledger
    assert ledger == cost.ledger
    assert set(ledger.terms()) == {column for column in COLUMNS if getattr(ledger, column)}


def test_many_configurations_at_once() -> None:
    sizes = numpy.array([64, 224, 250, 288])
    network = efficientnet_b0(size=sizes)  # type: ignore[arg-type]
    for convention in CONVENTIONS:
        many = count(network, convention)
        each = [count(efficientnet_b0(size=int(size)), convention) for size in sizes]
        assert many.flops.tolist() == [cost.flops for cost in each]
        assert many.acts.tolist() == [cost.acts for cost in each]
        assert many.params == each[0].params
    peaks = peak_bytes(network)
    assert peaks.tolist() == [peak_bytes(efficientnet_b0(size=int(size))) for size in sizes]


def test_halves_are_rounded_once() -> None:
    net = Sketch(3, 4, 4)
    x = net(INPUT, "a", "global_pool")
    for index in range(3):
        x = net(x, f"b{index}", "linear" if index == 0 else "silu", **({"width": 3} if index == 0 else {}))
    cost = count(net.builder.finish("n", [x]), "tf_profiler")
    assert cost.flops == 9 + (3 + 3 + 3) // 2
    assert sum(row.flops for row in cost.rows) == cost.flops
    (*_, last) = explain(net.builder.finish("n", [x]), "tf_profiler")["flops"]
    assert (last.label, last.subtotal) == ("rounding down to a whole number", Fraction(-1, 2))


def test_groups_follow_module_paths() -> None:
    paths = ["stem.conv", "stages.0.blocks.3.branch.conv1", "stages.1.enter.conv", "head.linear", "stages.2"]
    assert [group_of(path, "stage") for path in paths] == ["stem", "stages.0", "stages.1", "head", "stages.2"]
    blocks = [group_of(path, "block") for path in paths]
    assert blocks == ["stem", "stages.0.blocks.3", "stages.1.enter", "head", "stages.2"]
    stages = [group.key for group in count(resnet50()).by("stage")]
    assert stages == ["stem", "stages.0", "stages.1", "stages.2", "stages.3", "head"]


def test_conventions_say_what_they_count() -> None:
    assert next(iter(CONVENTIONS.values())) is DEFAULT
    assert DEFAULT.name == "papers"
    for convention in CONVENTIONS.values():
        assert convention.version
        assert convention.text
    assert "2 for every multiply-add" in CONVENTIONS["torch"].unit
    with pytest.raises(KeyError):
        count(resnet50(), "nothing")
