"""Every spec, and every published member of its family, against the records of `tests/oracle`, to the integer."""

from __future__ import annotations

from typing import Any

import pytest
from families.compiling import (
    COMPILER,
    SPECS,
    Source,
    compiled,
    differences,
    network_of,
    records,
    spec_source,
    stage_shapes,
    totals,
)
from families.sources import regnet_source

from archdsl.graph.conventions import CONVENTIONS

FILES = ("regnet", "resnet", "efficientnet", "rexnet", "mobilenet", "scaled")
RECORDS: dict[str, Any] = {name: record for file in FILES for name, record in records(file).items()}

PARAMETRIC = {"efficientnet": "efficientnet_b0", "efficientnetv2_base": "efficientnetv2_b0", "rexnet": "rexnet_1_0x"}
"""Models with parameters that stand in the specs: with their defaults they are a recorded one."""

ISSUE = [
    "regnety_4gf",
    "regnetx_400mf",
    "regnetx_1_6gf",
    "regnety_400mf",
    "regnety_800mf",
    "efficientnet_b0",
    "efficientnet_b3",
    "efficientnetv2_s",
    "efficientnetv2_b3",
    "rexnet_1_0x",
    "rexnet_1_3x",
    "rexnet_plain",
    "resnet50",
    "mobilenetv2",
    "regnety_4gf_dwr4",
]


def check(name: str, compilation: Any) -> None:
    assert differences(network_of(compilation), RECORDS[name]) == {}


def test_the_specs_are_all_there() -> None:
    assert set(ISSUE) <= {path.stem for path in SPECS}


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_every_spec_equals_its_record(path: Any) -> None:
    """Every model of every spec has a record, and equals it; every claim holds; nothing is said."""
    program, compilations, diagnostics = COMPILER.check(spec_source(path.stem))
    assert not list(diagnostics)
    assert compilations or program.entry.names, f"{path.name} declares nothing"
    for compilation in compilations:
        name = PARAMETRIC.get(compilation.name, compilation.name)
        assert name in RECORDS, f"{compilation.name} of {path.name} has no record in tests/oracle"
        check(name, compilation)
        assert all(verdict.holds for verdict in compilation.verdicts)


@pytest.mark.parametrize("name", ISSUE)
def test_every_spec_proves_its_published_figures(name: str) -> None:
    """Claims of flops or params are there, each in a convention that exists, and hold."""
    compilation = compiled(spec_source(name))
    assert compilation.model is not None
    assert {"flops", "params"} <= {claim.measure for claim in compilation.model.claims}
    assert {claim.convention for claim in compilation.model.claims} <= {None, *CONVENTIONS}
    assert len(compilation.verdicts) == len(compilation.model.claims)
    assert all(verdict.holds for verdict in compilation.verdicts)
    assert compilation.model.provenance


def test_there_are_all_the_regnets() -> None:
    sizes = [n for n in records("regnet") if n.startswith(("regnetx_", "regnety_"))]
    assert len(sizes) == 24


@pytest.mark.parametrize("name", records("regnet"))
def test_regnet(name: str) -> None:
    compilation = compiled(regnet_source(name), name)
    check(name, compilation)
    assert compilation.model is not None
    record = RECORDS[name]
    assert [stage.depth.value for stage in compilation.model.stages] == record["depths"]
    assert [stage.settings["width"].value for stage in compilation.model.stages] == record["widths_before_fit"]


@pytest.mark.parametrize("name", records("resnet"))
def test_resnet(name: str) -> None:
    record = RECORDS[name]
    settings: dict[str, object] = {}
    for index, depth in enumerate(record["depths"]):
        settings[f"stages[{index}].depth"] = depth
        settings[f"stages[{index}].groups"] = record["groups"]
        settings[f"stages[{index}].bottleneck_ratio"] = record["bottleneck_ratio"]
    check(name, compiled(spec_source("resnet50"), settings=settings))


def multipliers(record: Any) -> dict[str, object]:
    return {"width_mult": record["width_mult"], "depth_mult": record["depth_mult"], "size": record["resolution"]}


@pytest.mark.parametrize("name", [f"efficientnet_b{n}" for n in range(8)])
def test_efficientnet(name: str) -> None:
    check(name, compiled(spec_source("efficientnet"), settings=multipliers(RECORDS[name])))


def test_efficientnet_b3_without_the_90_percent_rule() -> None:
    """The code of EfficientNetV2 builds B3 without the rule, and its Keras model has 12,314,268 params."""
    name = "efficientnet_b3_without_90_percent_rule"
    source = spec_source("efficientnet")
    text = source.text.replace("mbconv, conv_norm_act", "round_half_up, mbconv, conv_norm_act", 1)
    head, _, body = text.partition("model ")
    text = f"{head}model {body.replace('round_filters', 'round_half_up')}"
    check(name, compiled(Source("specs/test.arch", text), "efficientnet", settings=multipliers(RECORDS[name])))


@pytest.mark.parametrize("name", [f"efficientnetv2_b{n}" for n in range(4)])
def test_efficientnetv2(name: str) -> None:
    check(name, compiled(spec_source("efficientnetv2_b3"), "efficientnetv2_base", settings=multipliers(RECORDS[name])))


EXPAND = (1, 4, 4, 4, 6, 6, 6)
STRIDE = (1, 2, 2, 2, 1, 2, 1)


@pytest.mark.parametrize("name", ["efficientnetv2_s", "efficientnetv2_m", "efficientnetv2_l", "efficientnetv2_xl"])
def test_efficientnetv2_large(name: str) -> None:
    """The three large networks are tables like that of S: three fused stages, then four of mbconv."""
    record = RECORDS[name]
    rows = "\n".join(
        f"| {'mbconv' if i > 2 else 'fused_mbconv'} | {EXPAND[i]} | {STRIDE[i]} | {width} | {depth} |"
        for i, (width, depth) in enumerate(zip(record["widths"], record["depths"], strict=True))
    )
    source = f"""
use std.ops {{ silu }}
use std.efficientnet {{ conv_norm_act, mbconv, fused_mbconv, conv_head }}
model {name} {{
  input:  3 x {record["resolution"]} x {record["resolution"]}
  stem:   conv_norm_act(width: {record["stem"]}, kernel: 3, stride: 2, act: silu)
  stages: [
    | block | expand | stride | width | depth |
    {rows}
  ]
  head:   conv_head(width: 1280, classes: 1000)
}}"""
    check(name, compiled(source))


@pytest.mark.parametrize("name", [n for n in records("rexnet") if n != "rexnet_plain"])
def test_rexnet(name: str) -> None:
    record = RECORDS[name]
    compilation = compiled(spec_source("rexnet"), settings={"width_mult": record["width_mult"]})
    check(name, compilation)
    network = network_of(compilation)
    assert [stage.depth for stage in stage_shapes(network)] == records("rexnet", "depths")
    squeeze: dict[str, int] = {}
    for node in network.nodes:
        if node.path.startswith("stages.") and node.operation.name == "conv" and node.shapes[0][1] == 1:
            squeeze.setdefault(".".join(node.path.split(".")[:4]), node.shapes[0][0])
    assert list(squeeze.values()) == [width for width in record["squeeze_widths"] if width]


def test_mobilenetv2_1_4x() -> None:
    check("mobilenetv2_1_4x", compiled(spec_source("mobilenetv2"), settings={"width_mult": 1.4}))


def test_mobilenetv1() -> None:
    record = RECORDS["mobilenetv1"]
    rows = "\n".join(
        f"| separable_conv | {width} | {stride} |"
        for width, stride in zip(record["block_widths"], record["block_strides"], strict=True)
    )
    source = f"""
use std.mobilenet {{ conv_norm_act, separable_conv, pool_head }}
model mobilenetv1 {{
  input:  3 x 224 x 224
  stem:   conv_norm_act(width: 32, stride: 2)
  stages: [
    | block | width | stride |
    {rows}
  ]
  head:   pool_head(classes: 1000)
}}"""
    check("mobilenetv1", compiled(source))


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

    network = network_of(compiled(spec_source("efficientnet_b0")))
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
