"""Every spec, and every published member of its family, against the records of `tests/oracle`, to the integer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from families.compiling import (
    FEW,
    SOME,
    ZOO_FILES,
    Source,
    compiled,
    differences,
    network_of,
    networks,
    records,
    spec,
    spec_source,
    stage_shapes,
    totals,
    zoo_names,
)

from archdsl.graph.blocks import Application

FILES = ("regnet", "resnet", "efficientnet", "rexnet", "mobilenet", "scaled")
RECORDS: dict[str, Any] = {name: record for file in FILES for name, record in records(file).items()}
WITHOUT_RULE = "efficientnet_b3_without_90_percent_rule"
"""A recorded network that is no shipped one: it stands here as a change of one."""


def check(name: str, compilation: Any) -> None:
    assert differences(network_of(compilation), RECORDS[name]) == {}


def test_there_are_all_the_networks() -> None:
    names = zoo_names()
    assert len(set(names)) == len(names) > 100
    assert RECORDS.keys() - {WITHOUT_RULE} <= set(names)
    assert "specs/regnety_4gf.arch" in ZOO_FILES


def parts_of(name: str) -> set[tuple[object, ...]]:
    """What a shipped network is made of: its file, its blocks, and its operations with their words and flags."""

    def blocks(application: Application) -> Iterator[str]:
        for step in application.steps:
            if isinstance(step.applied, Application):
                yield step.applied.declared.name
                yield from blocks(step.applied)

    network = network_of(spec(name))
    words = {
        (n.operation.name, each.name, value)
        for n in network.nodes
        for each in n.operation.attributes
        if isinstance(value := getattr(n.operation, each.name), str | bool)
    }
    operations = {("operation", node.operation.name) for node in network.nodes}
    return {("file", networks()[name])} | {("block", block) for block in blocks(network.root)} | operations | words


def test_some_networks_have_what_all_have() -> None:
    names = zoo_names()
    parts = {name: parts_of(name) for name in names}
    missing = set().union(*parts.values()) - set().union(*[parts[name] for name in SOME])
    assert not missing, {name: missing & parts[name] for name in names if missing & parts[name]}
    assert set(FEW) < set(SOME)
    apart = {part for part in set().union(*parts.values()) if part[0] not in ("file", "block")}
    missing = apart - set().union(*[parts[name] for name in FEW])
    assert not missing, {name: missing & parts[name] for name in names if missing & parts[name]}


@pytest.mark.parametrize("name", [name for name in RECORDS if name != WITHOUT_RULE])
def test_recorded(name: str) -> None:
    """Stages, widths and every count, to the integer."""
    check(name, spec(name))


@pytest.mark.parametrize("name", records("regnet"))
def test_regnet_widths_before_groups(name: str) -> None:
    model = spec(name).model
    assert model is not None
    assert [stage.depth.value for stage in model.stages] == RECORDS[name]["depths"]
    assert [stage.settings["width"].value for stage in model.stages] == RECORDS[name]["widths_before_fit"]


@pytest.mark.parametrize("name", [name for name in records("rexnet") if name != "rexnet_plain"])
def test_rexnet_gates(name: str) -> None:
    network = network_of(spec(name))
    assert [stage.depth for stage in stage_shapes(network)] == records("rexnet", "depths")
    squeeze: dict[str, int] = {}
    for node in network.nodes:
        if node.path.startswith("stages.") and node.operation.name == "conv" and node.shapes[0][1] == 1:
            squeeze.setdefault(".".join(node.path.split(".")[:4]), node.shapes[0][0])
    assert list(squeeze.values()) == [width for width in RECORDS[name]["squeeze_widths"] if width]


def test_efficientnet_b3_without_the_90_percent_rule() -> None:
    """The code of EfficientNetV2 builds B3 without the rule, and its Keras model has 12,314,268 params."""
    source = spec_source("efficientnet")
    text = source.text.replace("mbconv, conv_norm_act", "round_half_up, mbconv, conv_norm_act", 1)
    head, _, body = text.partition("model ")
    text = f"{head}model {body.replace('round_filters', 'round_half_up')}"
    record = RECORDS[WITHOUT_RULE]
    settings = {"width_mult": record["width_mult"], "depth_mult": record["depth_mult"], "size": record["resolution"]}
    check(WITHOUT_RULE, compiled(Source("specs/efficientnet/test.arch", text), "efficientnet", settings=settings))


def test_the_records_are_those_of_the_zoo() -> None:
    """Flops, params and acts of all 36 models of pycls' zoo."""
    zoo = records("pycls_model_zoo")
    assert len(zoo) == 36
    assert {n: {key: RECORDS[n][key] for key in ("acts", "flops", "params")} for n in zoo} == zoo


def test_the_records_are_those_of_keras() -> None:
    """The Keras models' own test; there B3 is built without the 90 % rule."""
    keras = dict(records("automl_keras_params", "params_keras"))
    assert keras.pop("efficientnet_b3") == RECORDS["efficientnet_b3_without_90_percent_rule"]["params_keras"]
    assert {name: RECORDS[name]["params_keras"] for name in keras} == keras


def test_known_values_of_efficientnet_b0() -> None:
    """Shares of the default convention: convolutions, gates, classifier, biases."""
    from archdsl.graph.cost import count

    network = network_of(spec("efficientnet_b0"))
    conv = gate = classifier = bias = 0
    for row in count(network).rows:
        if row.operation == "linear":
            classifier += row.ledger.multiply_adds
        elif row.operation == "conv" and row.outputs[0][1] == 1:
            gate += row.ledger.multiply_adds
        elif row.operation == "conv":
            conv += row.ledger.multiply_adds
        bias += row.ledger.bias_adds
    assert (conv, gate, classifier, bias) == (383_907_552, 627_200, 1_280_000, 10_340)
    assert conv + gate + classifier == totals(network)["macs"] == 385_814_752
