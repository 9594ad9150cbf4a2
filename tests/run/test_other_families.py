"""Families that stand in `.arch` files alone, against timm's and torchvision's modules: sizes, logits and gradients.

The weights come in by the order and the shapes of the operations, as those of a checkpoint do; norms have random
statistics. Numbers are doubles, so that only the order of additions may differ.
"""

from __future__ import annotations

import copy
import json
from functools import lru_cache, partial
from typing import Any
from unittest.mock import patch

import emitted
import pytest
import torch
from emitted import Emitted, Extents
from families.compiling import ORACLE, totals
from sampling import TIMES
from test_reference_numerics import assert_equal, calibrated, pixels
from torch import Tensor, nn

from archdsl.weights import RESHAPE, map_state

MODELS = (
    *("botnet26_t", "cait_xxs24", "coatnet_0", "convnext_t", "convnextv2_atto", "cspdarknet53", "deit_ti16_distilled"),
    *("densenet121", "densenet169", "densenet201", "dla34", "dpn68", "eca_resnet50_d", "efficientformer_l1"),
    *("efficientvit_b0", "ese_vovnet39b", "fasternet_t0", "focalnet_t_srf", "ghostnet_1_0x", "hrnet_w18_small"),
    *("inception_resnet_v2", "inception_v3", "inception_v4", "inceptionnext_atto", "mixer_s16", "mixnet_s"),
    *("mobilenetv4_conv_s", "mobilenetv4_hybrid_m", "mobileone_s0", "mobileone_s0_deployed", "mobilevit_xs"),
    *("mobilevitv2_0_5x", "nf_resnet50"),
    *("poolformer_s12", "pvt_v2_b0", "repvgg_a0", "res2net50_26w_4s", "resnest50d", "shufflenetv2_1_0x"),
    *("sk_resnet18", "squeezenet_1_1", "starnet_s1", "vgg16_bn", "vgg19_bn", "vit_s16", "vit_ti16", "xception41"),
)


@lru_cache(maxsize=2)
def theirs(library: str, name: str) -> nn.Module:
    """A module of a library, without data; what is done with it is done with a copy."""
    source = emitted.reference(library)
    options = {"aux_logits": False, "init_weights": False} if name == "inception_v3" else {}
    with torch.device("meta"), emitted.Shapes():
        if library == "timm":
            model: nn.Module = source.create_model(name)
        else:
            model = getattr(source.models, name)(**options)
        if name == "efficientformer_l1":  # it stores where each element of its tables is read
            keep_indices(model, "attention_bias_idxs")
        if name == "poolformer_s12":  # timm pools before the last norm, the authors behind it
            norm = type(model.stages[0].blocks[0].norm1)(512)
            model.head.global_pool, model.head.norm = norm, model.head.global_pool
    return model


def keep_indices(model: nn.Module, name: str) -> None:
    """Tables of indices as modules that do not store them have them: made anew where there is memory."""
    for module in model.modules():
        if hasattr(module, name):
            with torch.device("cpu"):
                indices = getattr(type(module)(), name)
            module.register_buffer(name, getattr(module, name), persistent=False)
            module._init_buffers = partial(setattr, module, name, indices)


def deployed(name: str, model: nn.Module) -> nn.Module:
    """The module, with the branches of its blocks as one convolution where the network is a deployed form."""
    if name.endswith("_deployed"):
        with next(model.parameters()).device:
            model = emitted.reference("timm").utils.reparameterize_model(model)
    return model


# Sizes

REFERENCES = [
    ("botnet26_t", "timm", "botnet26t_256"),
    ("cait_xxs24", "timm", "cait_xxs24_224"),
    ("coatnet_0", "timm", "coatnet_0_224"),
    ("convnext_t", "timm", "convnext_tiny"),
    ("convnext_t", "torchvision", "convnext_tiny"),
    ("cspdarknet53", "timm", "cspdarknet53"),
    ("convnextv2_atto", "timm", "convnextv2_atto"),
    ("deit_ti16_distilled", "timm", "deit_tiny_distilled_patch16_224"),
    ("densenet121", "timm", "densenet121"),
    ("densenet121", "torchvision", "densenet121"),
    ("densenet169", "timm", "densenet169"),
    ("densenet201", "timm", "densenet201"),
    ("dpn68", "timm", "dpn68"),
    ("efficientvit_b0", "timm", "efficientvit_b0"),
    ("efficientformer_l1", "timm", "efficientformer_l1"),
    ("fasternet_t0", "timm", "fasternet_t0"),
    ("focalnet_t_srf", "timm", "focalnet_tiny_srf"),
    ("eca_resnet50_d", "timm", "ecaresnet50d"),
    ("dla34", "timm", "dla34"),
    ("ese_vovnet39b", "timm", "ese_vovnet39b"),
    ("ghostnet_1_0x", "timm", "ghostnet_100"),
    ("hrnet_w18_small", "timm", "hrnet_w18_small"),
    ("hrnet_w18_small_v2", "timm", "hrnet_w18_small_v2"),
    ("inception_resnet_v2", "timm", "inception_resnet_v2"),
    ("inception_v3", "timm", "inception_v3"),
    ("inception_v3", "torchvision", "inception_v3"),
    ("inception_v4", "timm", "inception_v4"),
    ("inceptionnext_atto", "timm", "inception_next_atto"),
    ("mixer_s16", "timm", "mixer_s16_224"),
    ("mixnet_s", "timm", "mixnet_s"),
    ("mobilenetv4_conv_s", "timm", "mobilenetv4_conv_small"),
    ("mobilenetv4_hybrid_m", "timm", "mobilenetv4_hybrid_medium"),
    ("mobileone_s0", "timm", "mobileone_s0"),
    ("mobileone_s0_deployed", "timm", "mobileone_s0"),
    ("mobilevit_xs", "timm", "mobilevit_xs"),
    ("mobilevitv2_0_5x", "timm", "mobilevitv2_050"),
    ("poolformer_s12", "timm", "poolformer_s12"),
    ("pvt_v2_b0", "timm", "pvt_v2_b0"),
    ("nf_resnet50", "timm", "nf_resnet50"),
    ("repvgg_a0", "timm", "repvgg_a0"),
    ("res2net50_26w_4s", "timm", "res2net50_26w_4s"),
    ("resnest50d", "timm", "resnest50d"),
    ("shufflenetv2_1_0x", "torchvision", "shufflenet_v2_x1_0"),
    ("sk_resnet18", "timm", "skresnet18"),
    ("squeezenet_1_1", "torchvision", "squeezenet1_1"),
    ("starnet_s1", "timm", "starnet_s1"),
    ("vgg16_bn", "timm", "vgg16_bn"),
    ("vgg16_bn", "torchvision", "vgg16_bn"),
    ("vgg19_bn", "timm", "vgg19_bn"),
    ("vgg19_bn", "torchvision", "vgg19_bn"),
    ("vit_s16", "timm", "vit_small_patch16_224"),
    ("vit_ti16", "timm", "vit_tiny_patch16_224"),
    ("xception41", "timm", "xception41"),
]
"""The same networks by others."""


@pytest.mark.parametrize(("name", "library", "other"), REFERENCES, ids=[f"{a}-{b}" for a, b, _ in REFERENCES])
def test_parameters(name: str, library: str, other: str) -> None:
    built = emitted.emitted_spec(name)
    wanted = sum(parameter.numel() for parameter in deployed(name, theirs(library, other)).parameters())
    assert totals(built.network)["params"] == wanted
    assert sum(parameter.numel() for parameter in emitted.spec_on_meta(name).parameters()) == wanted


@pytest.mark.parametrize("name", MODELS if TIMES > 1 else MODELS[::4])
def test_learns_at_the_declared_size(name: str) -> None:
    """Forward alone they all run there in `test_emitted_specs`."""
    built = emitted.emitted_spec(name)
    model = built.on_meta().train()
    with emitted.Shapes():
        logits = model(torch.empty(2, *map(int, built.network.input), device="meta"))
    assert logits.shape == (2, 1000)
    logits.sum().backward()


ROWS = {row["model"]: row for row in json.loads((ORACLE / "paper_tables.json").read_text(encoding="utf-8"))["rows"]}


@pytest.mark.parametrize("name", [name for name in MODELS if name in ROWS])
def test_recorded_counts(name: str) -> None:
    network, recorded = emitted.emitted_spec(name).network, ROWS[name]["computed"]
    found = totals(network)
    assert network.input[1] == ROWS[name]["resolution"]
    assert found["flops"] == recorded["flops_pycls"]
    assert {key: found[key] for key in ("macs", "params", "acts_2020")}.items() <= recorded.items()


# Logits and gradients

ODD = (43, 65)
"""Odd at every second stride and at every one, as far as windows are padded."""
SMALLEST = (75, 107)
"""75 is the least that an Inception network takes."""

CASES = [
    ("botnet26_t", "timm", "botnet26t_256", (256, 256)),
    ("cait_xxs24", "timm", "cait_xxs24_224", (224, 224)),
    ("coatnet_0", "timm", "coatnet_0_224", (224, 224)),
    ("convnext_t", "timm", "convnext_tiny", (64, 96)),
    ("convnext_t", "torchvision", "convnext_tiny", ODD),
    ("cspdarknet53", "timm", "cspdarknet53", ODD),
    ("convnextv2_atto", "timm", "convnextv2_atto", (64, 96)),
    ("deit_ti16_distilled", "timm", "deit_tiny_distilled_patch16_224", (224, 224)),
    ("densenet121", "timm", "densenet121", ODD),
    ("dpn68", "timm", "dpn68", ODD),
    ("efficientvit_b0", "timm", "efficientvit_b0", ODD),
    ("efficientformer_l1", "timm", "efficientformer_l1", (224, 224)),
    ("fasternet_t0", "timm", "fasternet_t0", (64, 96)),
    ("focalnet_t_srf", "timm", "focalnet_tiny_srf", (64, 96)),
    ("eca_resnet50_d", "timm", "ecaresnet50d", ODD),
    ("dla34", "timm", "dla34", (64, 96)),
    ("ese_vovnet39b", "timm", "ese_vovnet39b", ODD),
    ("ghostnet_1_0x", "timm", "ghostnet_100", ODD),
    ("hrnet_w18_small", "timm", "hrnet_w18_small", (64, 96)),
    ("inception_resnet_v2", "timm", "inception_resnet_v2", SMALLEST),
    ("inception_v3", "timm", "inception_v3", SMALLEST),
    ("inception_v4", "timm", "inception_v4", SMALLEST),
    ("inceptionnext_atto", "timm", "inception_next_atto", (64, 96)),
    ("mixer_s16", "timm", "mixer_s16_224", (224, 224)),
    ("mixnet_s", "timm", "mixnet_s", ODD),
    ("mobilenetv4_conv_s", "timm", "mobilenetv4_conv_small", ODD),
    ("mobilenetv4_hybrid_m", "timm", "mobilenetv4_hybrid_medium", (64, 96)),
    ("mobileone_s0", "timm", "mobileone_s0", ODD),
    ("mobileone_s0_deployed", "timm", "mobileone_s0", ODD),
    ("mobilevit_xs", "timm", "mobilevit_xs", (64, 128)),
    ("mobilevitv2_0_5x", "timm", "mobilevitv2_050", (64, 128)),
    ("poolformer_s12", "timm", "poolformer_s12", ODD),
    ("pvt_v2_b0", "timm", "pvt_v2_b0", (64, 96)),
    ("nf_resnet50", "timm", "nf_resnet50", ODD),
    ("repvgg_a0", "timm", "repvgg_a0", ODD),
    ("res2net50_26w_4s", "timm", "res2net50_26w_4s", ODD),
    ("resnest50d", "timm", "resnest50d", ODD),
    ("shufflenetv2_1_0x", "torchvision", "shufflenet_v2_x1_0", ODD),
    ("sk_resnet18", "timm", "skresnet18", ODD),
    ("squeezenet_1_1", "torchvision", "squeezenet1_1", ODD),
    ("starnet_s1", "timm", "starnet_s1", ODD),
    ("vgg16_bn", "torchvision", "vgg16_bn", (224, 224)),
    ("vit_ti16", "timm", "vit_tiny_patch16_224", (224, 224)),
    ("xception41", "timm", "xception41", ODD),
]


OF_ONE_SIZE = ("botnet26_t", "coatnet_0", "efficientformer_l1")
"""Networks with norms that need statistics, and for images of one size alone."""

MANY_PARAMETERS = 100_000_000
"""Above it networks are in single precision, for memory: both sides compute the same sums in the same order."""


def filled(model: nn.Module, size: Extents = (96, 96)) -> nn.Module:
    """The module in doubles with random tensors, and statistics near those of images of a size.

    Statistics are found in single precision, which is several times as fast; both sides get the same.
    """
    model = model.to_empty(device="cpu").eval()
    for module in model.modules():
        getattr(module, "_init_buffers", tuple)()  # tables of indices, which no checkpoint has
    emitted.randomise(model, seed=1)
    if any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in model.modules()):
        calibrated(nn.Sequential(nn.Upsample(size), model), batch=3)
    few = sum(parameter.numel() for parameter in model.parameters()) <= MANY_PARAMETERS
    return model.double() if few else model


def copied(built: Emitted, reference: nn.Module) -> nn.Module:
    """The emitted module with all tensors of the reference, by the first order where several fit: logits tell."""
    state: dict[str, Tensor] = reference.state_dict()
    plan = map_state(built.network, {name: tuple(tensor.shape) for name, tensor in state.items()}, order=0)
    assert (plan.new, plan.unused) == ((), ())
    assert {entry.rule for entry in plan.loaded} <= {None, RESHAPE}
    model = built.on_meta()
    wanted: dict[str, Any] = model.state_dict()
    found = {entry.ours: state[entry.theirs].reshape(wanted[entry.ours].shape) for entry in plan.loaded}
    model.load_state_dict(found, assign=True)
    return model


def run(model: nn.Module, image: Tensor) -> tuple[Tensor, Tensor]:
    """The logits, and the image's gradient of a random sum of them."""
    dtype = next(model.parameters()).dtype
    image = image.to(dtype, copy=True).requires_grad_()
    logits = model.requires_grad_(False)(image)
    weights = torch.randn(logits.shape, generator=torch.Generator().manual_seed(3), dtype=dtype)
    (gradient,) = torch.autograd.grad((logits * weights).sum(), image)
    return logits.detach(), gradient


@pytest.mark.parametrize(("name", "library", "other", "size"), CASES, ids=[f"{a}-{b}" for a, b, *_ in CASES])
def test_logits(name: str, library: str, other: str, size: Extents) -> None:
    fixed = size if name in OF_ONE_SIZE else (96, 96) if size == SMALLEST else (64, 64)
    reference = deployed(name, filled(copy.deepcopy(theirs(library, other)), fixed))
    model = copied(emitted.emitted_spec(name), reference)
    image = pixels(size, batch=1)
    logits, gradient = run(model, image)
    with patch.object(Tensor, "float", Tensor.double):  # some round to single precision in between
        wanted, wanted_gradient = run(reference, image)
    assert wanted.std() > 0.05
    assert_equal(logits, wanted, "logits")
    assert_equal(gradient, wanted_gradient, "the gradient of the image")
