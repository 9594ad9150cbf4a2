"""Networks of several maps, against modules of others: every output of a pyramid, a detector or a segmenter.

The weights come in as those of `test_other_families` do: all tensors of both sides, so that the parameters are as many.
Numbers are doubles.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import emitted
import pytest
import torch
from emitted import Extents
from families.compiling import totals
from test_other_families import copied
from test_reference_numerics import assert_equal, calibrated, pixels
from torch import Tensor, nn


def resnet50_fpn() -> nn.Module:
    """torchvision's backbone of Faster R-CNN, with norms that learn."""
    utils = emitted.reference("torchvision").models.detection.backbone_utils
    module: nn.Module = utils.resnet_fpn_backbone(
        backbone_name="resnet50", weights=None, norm_layer=nn.BatchNorm2d, trainable_layers=5
    )
    return module


def detector(name: str, *arguments: Any) -> nn.Module:
    """One of `reference.detectors`."""
    emitted.reference("timm")
    module: nn.Module = getattr(importlib.import_module("reference.detectors"), name)(*arguments)
    return module


def segmentation(name: str, **options: Any) -> nn.Module:
    """torchvision's, without weights; its outputs are those by names."""
    module: nn.Module = getattr(emitted.reference("torchvision").models.segmentation, name)(
        weights=None, weights_backbone=None, **options
    )
    return module


def by_hand(name: str, *arguments: Any) -> nn.Module:
    """One of `reference.by_hand`."""
    module: nn.Module = getattr(importlib.import_module("reference.by_hand"), name)(*arguments)
    return module


def rows(classes: int) -> Callable[[list[Tensor]], list[Tensor]]:
    """Our maps of scores and of offsets as rows for each box."""
    return lambda maps: importlib.import_module("reference.detectors").rows(maps, classes)


def listed(given: Any) -> list[Tensor]:
    """What a module gives: one tensor, several, or several by names."""
    if isinstance(given, Tensor):
        return [given]
    return list(given.values() if isinstance(given, dict) else given)


@dataclass(frozen=True)
class Case:
    """A network and the module of others that has its weights and gives its outputs."""

    make: Callable[[], nn.Module]
    size: Extents
    arranged: Callable[[list[Tensor]], list[Tensor]] = list
    """Our outputs as the module gives them."""


CASES = {
    "resnet50_fpn": Case(resnet50_fpn, (64, 96)),
    "ssdlite320_mobilenetv3_large": Case(partial(detector, "SSDLiteOfMobileNet"), (64, 96), rows(91)),
    "rexnet_1_0x_ssdlite": Case(partial(detector, "SSDLiteOfReXNet", 1), (64, 96), rows(81)),
    "unet": Case(partial(by_hand, "UNet"), (64, 96)),
    "yolov8n": Case(partial(by_hand, "YOLOv8"), (64, 96)),
    "fcn_resnet50": Case(partial(segmentation, "fcn_resnet50", aux_loss=True), (75, 91)),
    "deeplabv3_resnet50": Case(partial(segmentation, "deeplabv3_resnet50", aux_loss=True), (75, 91)),
    "lraspp_mobilenetv3_large": Case(partial(segmentation, "lraspp_mobilenet_v3_large"), (75, 91)),
}


@pytest.mark.parametrize("name", CASES)
def test_outputs(name: str) -> None:
    """All outputs, and the image's gradient of the sum of their squares."""
    case, built = CASES[name], emitted.emitted_spec(name)
    with torch.device("meta"):
        reference = case.make()
    reference = calibrated(emitted.randomise(reference.to_empty(device="cpu").eval(), seed=1)).double()
    model = copied(built, reference)
    (found, gradient), (wanted, wanted_gradient) = run(model, case.size), run(reference, case.size)
    found = case.arranged(found)
    assert len(found) == len(wanted)
    for index, (ours, theirs) in enumerate(zip(found, wanted, strict=True)):
        assert theirs.std() > 0.01
        assert_equal(ours, theirs, f"output {index}")
    assert_equal(gradient, wanted_gradient, "the gradient of the image")


def run(model: nn.Module, size: Extents) -> tuple[list[Tensor], Tensor]:
    image = pixels(size, batch=1).requires_grad_()
    outputs = listed(model.requires_grad_(False)(image))
    (gradient,) = torch.autograd.grad(sum(output.square().sum() for output in outputs), image)
    return [output.detach() for output in outputs], gradient


def test_outputs_have_names() -> None:
    built = emitted.emitted_spec("yolov8n")
    outputs = built.on_meta()(torch.empty(2, *map(int, built.network.input), device="meta"))
    assert outputs._fields == built.network.output_names == ("p3", "p4", "p5")
    assert [tuple(tensor.shape[1:]) for tensor in outputs] == emitted.output_shapes(built.network)


@pytest.mark.parametrize(
    ("depth", "width", "most", "published"),
    [(0.33, 0.5, 1024, 11166560), (0.67, 0.75, 768, 25902640), (1.0, 1.0, 512, 43691520), (1.0, 1.25, 512, 68229648)],
)
def test_other_scales_of_a_detector(depth: float, width: float, most: int, published: int) -> None:
    """YOLOv8s, m, l and x; Ultralytics counts the 16 fixed numbers of the predictions too."""
    network = emitted.text_network(
        'use "others/yolov8.arch" { yolov8 }\n'
        f"model m = yolov8(width_mult: {width}, depth_mult: {depth}, most: {most})"
    )
    with torch.device("meta"):
        wanted = sum(parameter.numel() for parameter in by_hand("YOLOv8", depth, width, most).parameters())
    assert totals(network)["params"] == wanted == published - 16


# Code of several maps

BRANCHES = """
use std.ops { conv, relu, resize, add }

block one_more(xs...; width) = [xs, xs[count(xs) - 1] -> conv(width, kernel: 3, stride: 2)]

block chain(x; width, times) {
  y[0] = x
  y[i] = y[i - 1] -> conv(width if i == times else x.channels, kernel: 3, stride: 2) -> relu when i < times
         for i in 1 .. times
  return y[times]
}

block matched(x, other; times) {
  return resize(x -> conv(other.channels, kernel: 1), other) if times < 0
         else x if times == 0
         else chain(x, width: other.channels, times: times)
}

block exchange(xs...) {
  last = count(xs) - 1
  return [relu(add([matched(xs[j], xs[i], times: i - j) for j in 0 .. last])) for i in 0 .. last]
}

model network {
  input:  3 x 32 x 32
  stem:   conv(4, kernel: 3)
  stages: [exchange { enter: one_more(width: 8)  depth: 2 }, exchange { enter: one_more(width: 16) },
           exchange { enter: one_more(width: 24) }]
}
"""
"""Branches of several resolutions: all of a block's choices, and maps that a block hands on as it got them."""


def test_branches() -> None:
    built = emitted.emitted_text(BRANCHES)
    assert built.text.count("MapStage(\n") == 3
    assert "ModuleDict" not in built.text.partition("class Network(")[2]
    image = emitted.images(built.network, batch=1)
    seen = emitted.watch(emitted.randomise(built.make().double()), image)
    emitted.check_shapes(built.network, seen)
    assert {name: tuple(t.shape) for name, t in built.on_meta().state_dict().items()} == emitted.tensor_shapes(
        built.network
    )
