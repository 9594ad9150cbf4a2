"""The number of classes as an argument: what `num_classes` makes is what `--set head.classes` compiles, or it is not
offered; without a classifier come the features that timm and torchvision give.
"""

from __future__ import annotations

from typing import Any

import emitted
import pytest
import torch
from families.compiling import COMPILER, network_of, spec_source, text_source

from archdsl.backends.torch.classes import classifier_of
from archdsl.compiler import Changes

FAMILIES = (
    *emitted.SAMPLE,
    "fbnetc",
    "inception_v3",
    "inception_v4",
    "inception_resnet_v2",
    "vgg16_bn",
    "anynet_small",
    "dpn68",
    "fasternet_t0",
    "inceptionnext_atto",
    "mixnet_s",
    "mobileone_s0",
    "mobileone_s0_deployed",
    "mobilenetv4_conv_s",
    "poolformer_s12",
    "starnet_s1",
    "xception41",
)
TIMM = {
    "regnety_4gf": "regnety_040",
    "regnetx_400mf": "regnetx_004",
    "resnet18": "resnet18",
    "resnet50": "resnet50",
    "resnext50": "resnext50_32x4d",
    "efficientnet_b0": "efficientnet_b0",
    "efficientnet_lite0": "efficientnet_lite0",
    "efficientnetv2_b0": "tf_efficientnetv2_b0",
    "efficientnetv2_s": "tf_efficientnetv2_s",
    "rexnet_1_0x": "rexnet_100",
    "mobilenetv1": "mobilenetv1_100",
    "mobilenetv2": "mobilenetv2_100",
    "mobilenetv3_large": "mobilenetv3_large_100",
    "mnasnet_a1": "semnasnet_100",
    "fbnetc": "fbnetc_100",
    "convnext_t": "convnext_tiny",
    "densenet121": "densenet121",
    "repvgg_a0": "repvgg_a0",
    "ghostnet_1_0x": "ghostnet_100",
    "inception_v3": "inception_v3",
    "inception_v4": "inception_v4",
    "inception_resnet_v2": "inception_resnet_v2",
    "vgg16_bn": "vgg16_bn",
    "dpn68": "dpn68",
    "fasternet_t0": "fasternet_t0",
    "inceptionnext_atto": "inception_next_atto",
    "mixnet_s": "mixnet_s",
    "mobileone_s0": "mobileone_s0",
    "mobilenetv4_conv_s": "mobilenetv4_conv_small",
    "starnet_s1": "starnet_s1",
    "xception41": "xception41",
}
"""The same networks in timm."""

HEADER = """arch 1
use std.ops { conv, batch_norm, linear, relu, global_pool, flatten, dropout, max_pool, identity }
use std.blocks { pool_head }
"""
MODEL = "model m { input: 3 x 8 x 8  stages: conv(6, kernel: 3, stride: 4)  head: h }\n"
POOLED = "x -> global_pool -> "

RELATED = {
    "twice the classes": f"block h(x; classes: 10) = {POOLED}linear(2 * classes)",
    "one more": f"block h(x; classes: 10) = {POOLED}linear(classes + 1)",
    "a hidden layer": f"block h(x; classes: 10) = {POOLED}linear(2 * classes) -> relu -> linear(classes)",
    "a local name": f"block h(x; classes: 10) {{\n n = 3 * classes\n return {POOLED}linear(n)\n}}",
    "a default": f"block h(x; classes: 10, hidden: 4 * classes) = {POOLED}linear(hidden) -> relu -> linear(classes)",
    "a condition": f"block h(x; classes: 10) = {POOLED}dropout(0.5) when classes > 8 -> linear(classes)",
    "a choice": f"block h(x; classes: 10) = {POOLED}(linear(9) if classes > 8 else identity) -> linear(classes)",
    "another rate": f"block h(x; classes: 10) = {POOLED}dropout(1 / classes) -> linear(classes)",
    "within": f"block g(x; n) = {POOLED}linear(n)\nblock h(x; classes: 10) = x -> g(n: classes + 2)",
    "by a default within": f"block g(x; k, n: 2 * k) = {POOLED}linear(n)\nblock h(x; classes: 10) = x -> g(k: classes)",
    "a block as an argument": (
        f"block g(x; last) = {POOLED}last\nblock h(x; classes: 10) = x -> g(last: linear(2 * classes))"
    ),
    "a default that is a block": f"block h(x; classes: 10, last: linear(2 * classes)) = {POOLED}last",
    "twice within": f"block h(x; classes: 10) = {POOLED}conv(classes, kernel: 1) -> relu -> linear(classes)",
    "before alone": "block h(x; classes: 10) = x -> conv(classes, kernel: 1) -> global_pool -> linear(10)",
    "a fit": f"block h(x; classes: 10) {{\n fit {{ classes: 10 }}\n return {POOLED}linear(classes)\n}}",
}
"""Heads in which another number of classes changes more than the last layer, or the last layer otherwise."""
PLAIN = {
    "in place": f"block h(x; classes: 10) = {POOLED}linear(classes)",
    "by another name": f"block h(x; outputs: 10) = {POOLED}dropout(0.1) -> linear(outputs)",
    "within": "block h(x; classes: 10) = x -> relu -> pool_head(classes: classes)",
    "by two": "block g(x; n) = x -> pool_head(classes: n)\nblock h(x; classes: 10) = x -> relu -> g(n: classes)",
    "a convolution": f"block h(x; classes: 10) = {POOLED}conv(classes, kernel: 1, bias: true) -> flatten",
    "pooled behind it": "block h(x; classes: 10) = x -> conv(classes, kernel: 1) -> relu -> global_pool -> flatten",
    "under a condition": f"block h(x; classes: 10, deep: true) = {POOLED}linear(7) when deep -> linear(classes)",
}


def with_classes(source: Any, model: str | None, setting: str, classes: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes of all tensors of the network compiled for another number of classes."""
    compiled = COMPILER.compile(source, model, Changes(settings=((f"head.{setting}", str(classes)),)))
    return emitted.tensor_shapes(network_of(compiled))


def shapes_of(module: Any) -> dict[str, tuple[int, ...]]:
    return {name: tuple(t.shape) for name, t in module.state_dict().items() if "num_batches" not in name}


def learned(shapes: dict[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    return {name: shape for name, shape in shapes.items() if "num_batches" not in name}


@pytest.mark.parametrize("name", FAMILIES)
def test_other_classes_are_those_of_the_spec(name: str) -> None:
    built = emitted.emitted_spec(name)
    assert built.interface.takes_classes
    module = built.on_meta()
    for classes in (1, 2, 7, 1001):
        wanted = learned(with_classes(spec_source(name), name, "classes", classes))
        assert shapes_of(built.on_meta(num_classes=classes)) == wanted
        module.reset_classifier(classes)
        assert shapes_of(module) == wanted


@pytest.mark.parametrize("head", RELATED)
def test_a_relation_to_the_classes(head: str) -> None:
    """The argument is not offered: what it would make is not what the setting makes."""
    built = emitted.emitted_text(f"{HEADER}{RELATED[head]}\n{MODEL}")
    assert not built.interface.takes_classes
    with pytest.raises(TypeError, match="num_classes"):
        built.on_meta(num_classes=7)
    assert not hasattr(built.on_meta(), "reset_classifier")
    assert built.interface.num_classes == built.on_meta()(torch.empty(1, 3, 8, 8, device="meta")).shape[1]


@pytest.mark.parametrize("head", PLAIN)
def test_no_other_relation(head: str) -> None:
    text = f"{HEADER}{PLAIN[head]}\n{MODEL}"
    built = emitted.emitted_text(text)
    setting = "outputs" if "outputs" in text else "classes"
    for classes in (1, 2, 7, 1001):
        wanted = learned(with_classes(text_source(text), None, setting, classes))
        assert shapes_of(built.on_meta(num_classes=classes)) == wanted
    channels = 7 if head == "under a condition" else 6
    assert built.make(num_classes=0)(torch.zeros(2, 3, 8, 8)).shape == (2, channels)


@pytest.mark.parametrize("name", emitted.OF_EACH_OPERATION)
def test_features_of_networks(name: str) -> None:
    """For 0 classes a vector, one number for each channel that enters the classifier; and back to classes."""
    built = emitted.emitted_spec(name)
    network, found = built.network, classifier_of(built.network)
    if found is None:
        assert not built.interface.takes_classes
        return
    classifier = network.nodes[found]
    channels = int(network.input_shapes(classifier)[0][0])
    image = torch.empty(2, *network.input, device="meta")
    module = built.on_meta()
    if len(network.shape(network.outputs[0])) == 3:  # scores at every position
        with pytest.raises(ValueError, match="no vector of features"):
            module.reset_classifier(0)
        return
    names = set(module.state_dict())
    module.reset_classifier(0)
    bare = built.on_meta(num_classes=0)
    assert shapes_of(bare) == shapes_of(module)
    assert {n.rpartition(".")[0] for n in names - set(bare.state_dict())} == {classifier.path}
    plain = hasattr(bare, "forward_features")  # then `forward` is the head behind it, as test_emitted_tools.py sees
    with emitted.shapes():
        before = bare.forward_features(image) if plain else image
        heads = (module.head, bare.head) if plain else (module, bare)
        assert {tuple(head(before).shape) for head in heads} == {(2, channels)}
        bare.reset_classifier(5)
        assert (bare.head if plain else bare)(before).shape == (2, 5)


@pytest.mark.parametrize("name", TIMM)
def test_features_are_as_wide_as_timms(name: str) -> None:
    timm = emitted.reference("timm")
    built = emitted.emitted_spec(name)
    with torch.device("meta"), emitted.shapes():
        theirs = timm.create_model(TIMM[name], num_classes=0).eval()
        image = torch.empty(1, *built.network.input)
        assert built.make(num_classes=0)(image).shape == theirs(image).shape


def test_features_are_what_enters_the_classifier() -> None:
    """By value, in a module with real numbers, on both ways to 0 classes."""
    built = emitted.emitted_spec("mobilenetv3_large")
    torch.manual_seed(0)
    model = built.make()
    image = torch.randn(2, 3, 64, 64)
    kept: list[Any] = []
    model.head.linear.register_forward_pre_hook(lambda _, inputs: kept.append(inputs[0]))
    model(image)
    other = built.make(num_classes=0)
    other.load_state_dict({k: v for k, v in model.state_dict().items() if not k.startswith("head.linear")})
    model.reset_classifier(0)
    assert torch.equal(model(image), kept[0])
    assert torch.equal(other(image), kept[0])


@pytest.mark.parametrize("wrong", [-1, True, False, 2.0, "7", None])
def test_no_number_of_classes(wrong: Any) -> None:
    built = emitted.emitted_text(f"{HEADER}{PLAIN['within']}\n{MODEL}")
    with pytest.raises(ValueError, match="num_classes must be an int >= 0, not "):
        built.make(num_classes=wrong)
    with pytest.raises(ValueError, match="num_classes must be an int >= 0, not "):
        built.make().reset_classifier(wrong)


@pytest.mark.parametrize(
    "head",
    [
        "block h(x; classes: 10) = x -> conv(classes, kernel: 1)",
        "block h(x; classes: 10) = x -> conv(classes, kernel: 1) -> global_pool",
        "block h(x; classes: 10) = x -> conv(classes, kernel: 2, padding: 0) -> flatten",
    ],
)
def test_where_no_features_would_come_out(head: str) -> None:
    built = emitted.emitted_text(f"{HEADER}{head}\n{MODEL}")
    assert built.make(num_classes=3)(torch.zeros(1, 3, 8, 8)).shape[1] == 3
    for refused in (built.make().reset_classifier, lambda n: built.make(num_classes=n)):
        with pytest.raises(ValueError, match="not 0: without its classifier this network gives no vector of features"):
            refused(0)


def test_a_classifier_alone_comes_back() -> None:
    """A network that has no parameters without its classifier."""
    built = emitted.emitted_text(
        f"{HEADER}model m {{ input: 3 x 8 x 8  stages: max_pool(2, stride: 2)  head: pool_head(classes: 4) }}"
    )
    model = built.make(num_classes=0)
    assert model(torch.zeros(2, 3, 8, 8)).shape == (2, 3)
    model.reset_classifier(5)
    assert model(torch.zeros(2, 3, 8, 8)).shape == (2, 5)


RELATED_TO_THE_IMAGE = {
    "twice": "conv(2 * x.channels, kernel: 3)",
    "a condition": "conv(6, kernel: 1) when x.channels == 3 -> conv(6, kernel: 3)",
    "a function": "conv(double(x), kernel: 3)",
}


@pytest.mark.parametrize("first", RELATED_TO_THE_IMAGE)
def test_a_relation_to_the_channels_of_the_image(first: str) -> None:
    """`in_channels` is offered where nothing but the first layers' inputs depends on it."""
    built = emitted.emitted_text(
        f"{HEADER}fn double(t) = 2 * t.channels\nblock s(x) = x -> {RELATED_TO_THE_IMAGE[first]} -> relu\n"
        "model m { input: 3 x 8 x 8  stem: s  stages: conv(6, kernel: 3, stride: 4)  head: pool_head(classes: 4) }"
    )
    assert not built.interface.takes_channels
    with pytest.raises(TypeError, match="in_channels"):
        built.on_meta(in_channels=1)
