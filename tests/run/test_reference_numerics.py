"""Emitted modules against those of timm and torchvision, with the same weights: equal logits and gradients.

The weights come in by `map_state`, as those of a checkpoint do. Numbers are doubles, so that only the order of
additions may differ.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Any

import emitted
import pytest
import torch
from emitted import Emitted, Extents
from families.compiling import networks
from torch import Tensor, nn

from archdsl.weights import Loaded, map_state

TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-4}
"""Of the largest difference, to the largest number of the tensor."""

OF_ITS_CODE = """arch 1
use std.ops {{ batch_norm }}
use "{path}" {{ {name} }}

model network = {name} with {{
  input:          3 x {size}
  stem.norm:      batch_norm(eps: 1e-3)
  stem.padding:   {padding}
  stages.norm:    batch_norm(eps: 1e-3)
  stages.padding: {padding}
  head.norm:      batch_norm(eps: 1e-3)
}}
"""
"""A network with the eps and a padding of its TensorFlow code; the specs, made for counts, leave PyTorch's."""

SAME, SYMMETRIC = '"same"', '"symmetric"'


@cache
def ours(name: str, size: str = "", padding: str = "") -> Emitted:
    """A shipped network, or one with its TensorFlow code's norm at a size and with a padding."""
    if padding:
        path = networks()[name].removeprefix("specs/")
        return emitted.emitted_text(OF_ITS_CODE.format(path=path, name=name, size=size, padding=padding))
    return emitted.emitted_spec(name)


MANY_PARAMETERS = 30_000_000
"""Above it networks are in single precision, and the gradients of parameters are left to the family's smaller ones."""


SEEDS = {("torchvision", "regnet_y_400mf"): 2}
"""Where a gate of few channels is shut for all images with the first weights, and nothing would be compared."""


@lru_cache(maxsize=1)
def theirs(library: str, name: str) -> nn.Module:
    """A module of a library with random weights, its values of order 1 wherever a norm stands; in doubles, if small."""
    source = emitted.reference(library)
    if library == "timm":
        with torch.device("meta"), emitted.Shapes():
            model = source.create_model(name).to_empty(device="cpu")
    else:
        with emitted.Undrawn():
            model = getattr(source.models, name)()
    seed = SEEDS.get((library, name), 1)
    model = calibrated(emitted.randomise(model.eval(), seed))  # in single precision, which is several times as fast
    few = sum(parameter.numel() for parameter in model.parameters()) <= MANY_PARAMETERS
    return model.double() if few else model


@pytest.fixture(scope="module", autouse=True)
def _let_go() -> Iterator[None]:
    """No module of a library stays for the tests that follow."""
    yield
    theirs.cache_clear()


def calibrated(model: nn.Module, batch: int = 4) -> nn.Module:
    """Statistics near those of random images of 64 x 64: values neither die out nor grow, no statistic is trivial."""
    draws = torch.Generator().manual_seed(2)
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
        norm.train()
    with torch.no_grad():
        model(torch.randn(batch, 3, 64, 64, generator=draws, dtype=torch.float64).to(next(model.parameters()).dtype))
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
            noise = torch.randn(norm.running_mean.shape, generator=draws, dtype=norm.running_mean.dtype)
            norm.running_mean += 0.2 * noise * norm.running_var.sqrt()
            norm.running_var *= 1.25 + 0.25 * noise.clamp(-1, 1)  # widely enough for other images
    return model.eval()


def loaded(built: Emitted, reference: nn.Module, **arguments: Any) -> tuple[nn.Module, tuple[Loaded, ...]]:
    """The emitted module with the reference's own tensors, not copies, and which is which: all of both sides."""
    state = reference.state_dict()
    plan = map_state(built.network, {name: tuple(tensor.shape) for name, tensor in state.items()})
    assert (plan.new, plan.unused) == ((), ())
    assert {entry.rule for entry in plan.loaded} == {None}
    model = built.on_meta(**arguments)
    model.load_state_dict({entry.ours: state[entry.theirs] for entry in plan.loaded}, assign=True)
    return model, plan.loaded


def pixels(size: Extents, batch: int = 2) -> Tensor:
    draws = torch.Generator().manual_seed(size[0] * 1000 + size[1])
    return torch.randn(batch, 3, *size, generator=draws, dtype=torch.float64)


def gradients(model: nn.Module, image: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Logits, and the gradients of a random sum of them: the image's under the name `image`, and the parameters'."""
    trained = dict(model.named_parameters())
    dtype = next(iter(trained.values())).dtype
    image = image.to(dtype, copy=True).requires_grad_()
    if sum(parameter.numel() for parameter in trained.values()) > MANY_PARAMETERS:
        trained = {}
        model.requires_grad_(False)
    names, parameters = tuple(trained), tuple(trained.values())
    logits = model(image)
    weights = torch.randn(logits.shape, generator=torch.Generator().manual_seed(3), dtype=dtype)
    found = torch.autograd.grad((logits * weights).sum(), (image, *parameters))
    return logits.detach(), dict(zip(("image", *names), found, strict=True))


def assert_equal(found: Tensor, wanted: Tensor, what: str) -> None:
    scale = wanted.abs().max()
    assert 1e-8 < scale < 1e8, f"{what} is trivial: {float(scale)}"
    assert (found - wanted).abs().max() <= TOLERANCE[wanted.dtype] * scale, what


def check(model: nn.Module, entries: tuple[Loaded, ...], reference: nn.Module, size: Extents, batch: int = 1) -> None:
    """The same logits and gradients at a size; of one image, since in evaluation mode no image sees another."""
    image = pixels(size, batch)
    logits, found = gradients(model, image)
    wanted_logits, wanted = gradients(reference, image)
    assert 0.05 < wanted_logits.std() < 20
    assert_equal(logits, wanted_logits, "logits")
    assert_equal(found.pop("image"), wanted.pop("image"), "the gradient of the image")
    pairs = {entry.ours: entry.theirs for entry in entries if entry.ours in found}
    assert pairs.keys() == found.keys()
    assert sorted(pairs.values()) == sorted(wanted)
    for name, other in pairs.items():
        assert_equal(found[name], wanted[other], f"the gradient of {name}")


ODD = (43, 65)
"""Odd at every second stride and at every one: 43 x 65, 22 x 33, 11 x 17, 6 x 9, 3 x 5."""

REFERENCES = [
    ("regnety_400mf", "torchvision", "regnet_y_400mf", ((224, 224), ODD)),
    ("regnety_400mf", "timm", "regnety_004", ((64, 64), ODD)),
    ("regnety_4gf", "timm", "regnety_040", (ODD,)),
    ("regnetx_400mf", "timm", "regnetx_004", ((64, 64), ODD)),
    ("efficientnet_b0", "timm", "efficientnet_b0", ((64, 64), ODD)),
    ("rexnet_1_0x", "timm", "rexnet_100", ((64, 64), ODD)),
    ("resnet50", "timm", "resnet50", (ODD,)),
    ("resnet50", "torchvision", "resnet50", ((64, 64),)),
    ("mobilenetv2", "timm", "mobilenetv2_100", ((64, 64), ODD)),
    ("mobilenetv2", "torchvision", "mobilenet_v2", ((96, 64),)),
    ("regnetx_1_6gf", "timm", "regnetx_016", ((64, 96),)),
    ("regnetx_8gf", "timm", "regnetx_080", ((64, 64),)),
    ("regnety_16gf", "timm", "regnety_160", ((64, 64),)),
    ("resnet18", "torchvision", "resnet18", (ODD,)),
    ("resnext50", "torchvision", "resnext50_32x4d", (ODD,)),
    ("resnet152", "timm", "resnet152", ((64, 64),)),
    ("efficientnet_b3", "timm", "efficientnet_b3", ((96, 64),)),
    ("efficientnet_lite0", "timm", "efficientnet_lite0", (ODD,)),
    ("rexnet_2_0x", "timm", "rexnet_200", ((64, 64),)),
    ("mobilenetv2_1_4x", "timm", "mobilenetv2_140", (ODD,)),
    ("mobilenetv3_large", "timm", "mobilenetv3_large_100", (ODD,)),
    ("mnasnet_a1", "timm", "semnasnet_100", (ODD,)),
    ("fbnetc", "timm", "fbnetc_100", (ODD,)),
]


@pytest.mark.parametrize(
    ("name", "library", "other", "sizes"), REFERENCES, ids=[f"{library}-{other}" for _, library, other, _ in REFERENCES]
)
def test_logits_and_gradients(name: str, library: str, other: str, sizes: tuple[Extents, ...]) -> None:
    reference = theirs(library, other)
    model, entries = loaded(ours(name), reference)
    for size in sizes:
        check(model, entries, reference, size)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("efficientnet_b2", "tf_efficientnet_b2"),
        ("efficientnet_lite2", "tf_efficientnet_lite2"),
        ("efficientnetv2_b3", "tf_efficientnetv2_b3"),
        ("efficientnetv2_m", "tf_efficientnetv2_m"),
    ],
)
def test_tensorflow_families(name: str, other: str) -> None:
    reference = theirs("timm", other)
    model, entries = loaded(ours(name, "64 x 96", SAME), reference)
    check(model, entries, reference, (64, 96))


def test_regnetz() -> None:
    """timm's has 1024 channels before the pooling; the published figures ask for 1000."""
    text = (
        'arch 1\nuse "regnet/regnetz.arch" { regnetz_500mf }\nmodel network = regnetz_500mf with { head.width: 1024 }'
    )
    reference = theirs("timm", "regnetz_005")
    model, entries = loaded(emitted.emitted_text(text), reference)
    check(model, entries, reference, ODD)


def test_torchvision_efficientnet_v2_s() -> None:
    reference = theirs("torchvision", "efficientnet_v2_s")
    model, entries = loaded(ours("efficientnetv2_s", "96 x 96", SYMMETRIC), reference)
    check(model, entries, reference, ODD)


def test_training_mode() -> None:
    """Norms by the batch: the same logits and gradients, and the same statistics afterwards."""
    reference = copy.deepcopy(theirs("timm", "regnety_004")).train()
    model, entries = loaded(ours("regnety_400mf"), copy.deepcopy(reference))
    check(model.train(), entries, reference, (64, 96), batch=2)
    state, wanted = model.state_dict(), reference.state_dict()
    for entry in entries:
        if entry.ours.endswith(("running_mean", "running_var")):
            assert_equal(state[entry.ours], wanted[entry.theirs], entry.ours)
        elif entry.ours.endswith("num_batches_tracked"):
            assert state[entry.ours] == wanted[entry.theirs]


# TensorFlow's SAME padding

REFUSAL = "the SAME padding of this size differs: construct with image_size"


def test_tensorflow_efficientnetv2_s() -> None:
    """At the declared size, and at others with the same padding; other sizes are refused, not computed wrongly."""
    reference = theirs("timm", "tf_efficientnetv2_s")
    model, entries = loaded(ours("efficientnetv2_s", "96 x 64", SAME), reference)
    check(model, entries, reference, (96, 64))
    check(model, entries, reference, (64, 96))
    for size in (ODD, (96, 65), (97, 64), (72, 64)):  # 72 is odd after three strides
        with pytest.raises(AssertionError, match=REFUSAL):
            model(pixels(size))


def test_tensorflow_efficientnetv2_s_at_its_training_size() -> None:
    reference = theirs("timm", "tf_efficientnetv2_s")
    model, _ = loaded(ours("efficientnetv2_s", "96 x 64", SAME), reference, image_size=(300, 300))
    image = pixels((300, 300), batch=1)
    with torch.no_grad():
        assert_equal(model(image), reference(image), "logits")
    for size in ((301, 300), (300, 299), (96, 64)):
        with pytest.raises(AssertionError, match=REFUSAL):
            model(pixels(size, batch=1))


@pytest.mark.parametrize("size", [ODD, (80, 72)], ids=["43x65", "80x72"])
def test_tensorflow_efficientnetv2_b0_constructed_for_a_size(size: Extents) -> None:
    reference = theirs("timm", "tf_efficientnetv2_b0")
    model, entries = loaded(ours("efficientnetv2_b0", "96 x 64", SAME), reference, image_size=size)
    check(model, entries, reference, size)
    with pytest.raises(AssertionError, match=REFUSAL):
        model(pixels((96, 64)))
