"""Emitted modules with PyTorch's tools, and what their constructors and methods offer."""

from __future__ import annotations

import copy
import importlib
import io
import re
import shutil
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import emitted
import forked
import pytest
import torch
from emitted import Emitted
from emitted_programs import HEADER, PROGRAMS
from families.compiling import networks
from torch import Tensor, nn

from archdsl.backends.torch.classes import classifier_of
from archdsl.graph.blocks import INPUT

every_model = pytest.mark.parametrize("name", emitted.MODELS)

RESIDUAL = """
use std.regnet { y_block }
model m {
  input:  3 x 32 x 40
  stem:   conv_norm_act(8, stride: 2)
  stages: y_block { width: [8, 16]  depth: [1, 2]  stride: [1, 2]  group_width: 8  se_ratio: 1/4 }
  head:   pool_head(classes: 5, dropout_rate: 0.1)
}
"""

INVERTED = """
use std.efficientnet {{ mbconv, fused_mbconv }}
model m {{
  input:  3 x 37 x 52
  stem:   conv_norm_act(8, stride: 2, act: silu, padding: {padding})
  stages: [
    | block        | width | depth | stride | expand |
    | fused_mbconv |     8 |     2 |      1 |      2 |
    | mbconv       |    16 |     3 |      2 |      4 |
  ] with {{ padding: {padding}  drop: block.index / 10 }}
  head:   conv_head(width: 24, classes: 5)
}}
"""

NETS = {
    "residual": RESIDUAL,
    "inverted": INVERTED.format(padding='"symmetric"'),
    "inverted, same padding": INVERTED.format(padding='"same"'),
    **PROGRAMS,
}
"""Small networks with everything that blocks are made of, among them two with TensorFlow's SAME padding."""
OF_BLOCKS = ("residual", "inverted", "inverted, same padding")
"""Those like the networks of the literature."""
SMALL = "model m { input: 3 x 16 x 16  stem: conv_norm_act(8)  stages: squeeze_excite(8)  head: pool_head(classes: 5) }"
TINY = {"one block": SMALL}
"""For a compiler that takes seconds a kernel."""
SPECS = ("regnety_400mf", "rexnet_1_0x", "efficientnetv2_s")

every_net = pytest.mark.parametrize("name", NETS)
nets_of_blocks = pytest.mark.parametrize("name", OF_BLOCKS)


@lru_cache(maxsize=4)
def net(name: str) -> Emitted:
    return emitted.emitted_spec(name) if name in SPECS else emitted.emitted_text(HEADER + (NETS | TINY)[name])


@lru_cache(maxsize=4)
def filled(name: str) -> nn.Module:
    """A network in evaluation mode and doubles, whose weights are random; tests copy it before they change it."""
    built = net(name)
    return emitted.randomise(built.on_meta().to_empty(device="cpu").double())


def image_of(name: str, batch: int = 2, **options: Any) -> Tensor:
    network = net(name).network
    return emitted.images(network, batch, (64, 48) if name in SPECS else None, **options)


def outputs(model: Any, image: Tensor) -> tuple[Tensor, ...]:
    with torch.no_grad():
        return emitted.in_order(model(image))


def assert_same(found: tuple[Tensor, ...], wanted: tuple[Tensor, ...], tolerance: float = 1e-10) -> None:
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=tolerance, atol=tolerance)


# Tracers and compilers


@pytest.mark.parametrize("name", [*NETS, *SPECS])
def test_fx(name: str) -> None:
    model, image = filled(name), image_of(name)
    traced = torch.fx.symbolic_trace(model)
    assert_same(outputs(traced, image), outputs(model, image))


@every_net
def test_compile(name: str) -> None:
    """In one graph. `eager` runs what was captured, so that the capture alone is tested."""
    model, image = filled(name), image_of(name)
    torch.compiler.reset()
    compiled = torch.compile(copy.deepcopy(model), fullgraph=True, backend="eager")
    assert_same(outputs(compiled, image), outputs(model, image))


@nets_of_blocks
def test_compile_for_training(name: str) -> None:
    """`aot_eager` traces the backward pass as well."""
    model, image = filled(name), image_of(name)
    torch.compiler.reset()
    found = copy.deepcopy(model)
    torch.compile(found, fullgraph=True, backend="aot_eager")(image).sum().backward()
    wanted = copy.deepcopy(model)
    wanted(image).sum().backward()
    for (path, one), other in zip(found.named_parameters(), wanted.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-9, atol=1e-9, msg=path)


@pytest.mark.skipif(shutil.which("g++") is None, reason="inductor needs a C++ compiler, and there is no g++")
def test_inductor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    model, image = copy.deepcopy(filled("one block")).float(), image_of("one block", dtype=torch.float32)
    torch.compiler.reset()
    compiled = torch.compile(model, fullgraph=True)
    with importlib.import_module("torch._inductor.config").patch(compile_threads=1):  # no process that loads PyTorch
        assert_same(outputs(compiled, image), outputs(model, image), 1e-4)


@pytest.mark.parametrize("name", [*NETS, SPECS[1]])
def test_export(name: str) -> None:
    """With any number of images."""
    model = filled(name)
    batch = torch.export.Dim("batch", min=2, max=64)
    program = torch.export.export(model, (image_of(name),), dynamic_shapes=({0: batch},))
    for size in (2, 5):
        image = image_of(name, size)
        assert_same(outputs(program.module(), image), outputs(model, image))


@nets_of_blocks
def test_export_of_one_shape(name: str) -> None:
    model, image = filled(name), image_of(name, 1)
    program = torch.export.export(model, (image,))
    assert_same(outputs(program.module(), image), outputs(model, image))
    assert set(program.state_dict) == set(model.state_dict())


REFUSAL = "the SAME padding of this size differs: construct with image_size"


@pytest.mark.parametrize("tool", ["none", "fx", "compile", "export"])
def test_same_padding_of_another_size_is_refused(tool: str) -> None:
    """Whatever runs the module; a size with the same padding goes through."""
    name = "inverted, same padding"
    model: Any = filled(name)
    if tool == "fx":
        model = torch.fx.symbolic_trace(model)
    elif tool == "compile":
        torch.compiler.reset()
        model = torch.compile(copy.deepcopy(model), fullgraph=True, backend="eager")
    elif tool == "export":  # the refusal becomes a guard on the height
        sizes = ({2: torch.export.Dim.AUTO},)
        model = torch.export.export(model, (image_of(name),), dynamic_shapes=sizes).module()
    for height in (37, 41):
        image = emitted.images(net(name).network, size=(height, 52))
        assert_same(outputs(model, image), outputs(filled(name), image))
    for height in (38, 39):
        image = emitted.images(net(name).network, size=(height, 52))
        with pytest.raises((AssertionError, RuntimeError), match="Guard failed" if tool == "export" else REFUSAL):
            outputs(model, image)


# Devices, layouts, dtypes


@every_net
def test_meta_device(name: str) -> None:
    built = net(name)
    image = torch.empty(3, *built.network.input, device="meta")
    seen = emitted.watch(built.on_meta(), image)
    assert seen.outputs == emitted.output_shapes(built.network)
    assert all(value.device.type == "meta" and len(value) == 3 for value in seen.values)


@every_net
def test_channels_last(name: str) -> None:
    """The same values, and convolutions hand on the layout that they are given."""
    model = copy.deepcopy(filled(name)).float()
    image = image_of(name, dtype=torch.float32)
    wanted = outputs(model, image)
    model.to(memory_format=torch.channels_last)
    lost: list[str] = []

    def note(path: str) -> Any:
        def hook(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            single = inputs[0].shape[1] == 1  # a map of one channel has both layouts
            if not single and not output.is_contiguous(memory_format=torch.channels_last):
                lost.append(path)

        return hook

    for path, module in model.named_modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(note(path))
    assert_same(outputs(model, image.to(memory_format=torch.channels_last)), wanted, 1e-3)
    assert lost == []


@nets_of_blocks
def test_autocast(name: str) -> None:
    """In bfloat16 near the same values; gradients are those of the parameters' type."""
    model = copy.deepcopy(filled(name)).float()
    image = image_of(name, dtype=torch.float32)
    (wanted,) = outputs(model, image)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = model(image)
    assert found.dtype == torch.bfloat16
    assert (found.float() - wanted).abs().max() < 0.1 * wanted.abs().max()
    found.float().sum().backward()
    assert all(p.grad is not None and p.grad.dtype == torch.float32 for p in model.parameters())
    assert all(bool(p.grad.isfinite().all()) for p in model.parameters() if p.grad is not None)


# Weights


@every_net
def test_weights_in_a_file(name: str) -> None:
    model, image = filled(name), image_of(name)
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    other = net(name).make().double()
    other.load_state_dict(torch.load(file, weights_only=True))
    assert_same(outputs(other, image), outputs(model, image), 0)


@every_net
def test_copies(name: str) -> None:
    model, image = filled(name), image_of(name)
    wanted = outputs(model, image)
    other = copy.deepcopy(model)
    assert_same(outputs(other, image), wanted, 0)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(1)
    assert_same(outputs(model, image), wanted, 0)


def test_two_processes(tmp_path: Path) -> None:
    """DistributedDataParallel: the gradients of two halves of a batch are those of the whole."""
    for name in OF_BLOCKS:
        built = net(name)
        model, image = copy.deepcopy(filled(name)), image_of(name, 4)
        (tmp_path / f"{name}.py").write_text(built.text)
        torch.save({"state": model.state_dict(), "image": image}, tmp_path / f"{name}.pt")
        model(image).pow(2).mean().backward()
        torch.save({path: p.grad for path, p in model.named_parameters()}, tmp_path / f"{name}.wanted")
    script = tmp_path / "step.py"
    script.write_text(STEP)
    names = [name for name in OF_BLOCKS for name in (name, net(name).interface.class_name)]
    ranks = [forked.Forked(forked.script(script, [rank, *names]), tmp_path, kept=()) for rank in (0, 1)]
    errors = [process.communicate(timeout=1500)[1] for process in ranks]
    assert [process.returncode for process in ranks] == [0, 0], "\n".join(errors)


STEP = """\
import runpy
import sys
from pathlib import Path

import torch
from torch import distributed

here, rank, nets = Path(__file__).parent, int(sys.argv[1]), sys.argv[2:]
distributed.init_process_group("gloo", init_method=f"file://{here / 'store'}", rank=rank, world_size=2)
for name, kind in zip(nets[::2], nets[1::2]):
    given = torch.load(here / f"{name}.pt", weights_only=True)
    model = runpy.run_path(str(here / f"{name}.py"))[kind]().double().eval()
    if rank == 0:
        model.load_state_dict(given["state"])
    shared = torch.nn.parallel.DistributedDataParallel(model)  # sends the first process's weights to the second
    shared(given["image"].chunk(2)[rank]).pow(2).mean().backward()
    for path, wanted in torch.load(here / f"{name}.wanted", weights_only=True).items():
        torch.testing.assert_close(model.get_parameter(path).grad, wanted, rtol=1e-9, atol=1e-12)
distributed.destroy_process_group()
"""


# Training


@every_net
def test_a_training_step(name: str) -> None:
    """All parameters get a gradient, and the norms their statistics."""
    model, image = copy.deepcopy(filled(name)).train(), image_of(name, 4)
    before = {path: buffer.clone() for path, buffer in model.named_buffers()}
    sum(output.pow(2).mean() for output in emitted.in_order(model(image))).backward()
    for path, parameter in model.named_parameters():
        assert parameter.grad is not None, path
        assert bool(parameter.grad.isfinite().all()), path
    assert all(not torch.equal(buffer, before[path]) for path, buffer in model.named_buffers())


def test_drop_path() -> None:
    """For some images the branch is dropped, for the others scaled so that its mean is the same."""
    kind = net("inverted").module.DropPath
    ones = torch.ones(4000, 2, 3, 1)
    torch.manual_seed(0)
    found = kind(0.2).train()(ones)
    factors = found[:, 0, 0, 0]
    assert torch.equal(found, factors[:, None, None, None].expand_as(ones))
    assert set(factors.tolist()) == {0.0, 1.25}
    assert abs(float(factors.mean()) - 1) < 0.03
    assert kind(0.2).eval()(ones) is ones
    assert kind(0.0).train()(ones) is ones


def rates(model: nn.Module) -> list[float]:
    return [float(module.rate) for module in model.modules() if type(module).__name__ == "DropPath"]


@pytest.mark.parametrize("name", ["inverted", "inverted, same padding", "conditions", "efficientnetv2_s"])
def test_drop_path_rate(name: str) -> None:
    """The argument is the rate that the model says its blocks share, else the largest; all keep their part of it."""
    built = net(name)
    declared = built.interface.drop_path_rate
    assert declared is not None
    drops = [float(n.operation.rate) for n in built.network.nodes if n.operation.name == "drop_path"]
    found = [rate for rate in rates(built.on_meta()) if rate]  # where blocks have none, it stands there with 0
    assert found == pytest.approx([rate for rate in drops if rate])
    share = Fraction(39, 40) if name == "efficientnetv2_s" else 1  # the last of 40 blocks, counted from 0
    assert max(found) == pytest.approx(declared * share)
    for rate in (0.0, declared / 2, declared, 0.6):
        wanted = [drop * rate / declared for drop in rates(built.on_meta())]
        assert rates(built.on_meta(drop_path_rate=rate)) == pytest.approx(wanted)


def test_no_drop_path_no_argument() -> None:
    assert net("residual").interface.drop_path_rate is None
    with pytest.raises(TypeError, match="drop_path_rate"):
        net("residual").on_meta(drop_path_rate=0.1)


# What the class offers


@pytest.mark.parametrize("name", emitted.CLASSIFYING)
def test_arguments_of_models(name: str) -> None:
    """Two channels in, nine classes out; a classifier for others afterwards."""
    built = emitted.emitted_spec(name)
    channels = 2
    if not built.interface.takes_channels:
        assert name.startswith(("repvgg", "mobileone"))  # its stem asks for the channels of the image
        channels = 3
    if classifier_of(built.network) is None:
        assert built.interface.num_classes is None
        assert not hasattr(built.on_meta(), "reset_classifier")
        return
    module = built.on_meta(num_classes=9, **({"in_channels": 2} if channels == 2 else {}))
    shapes = emitted.tensor_shapes(built.network)
    changed = {n for n, t in module.state_dict().items() if tuple(t.shape) != shapes[n]}
    nodes = built.network.nodes
    reading = [node for node in nodes if INPUT in node.inputs and node.operation.name in ("conv", "std_conv")]
    first = {f"{node.path}.weight" for node in reading if channels != 3}
    classifier = nodes[classifier_of(built.network) or 0].path
    assert changed == first | {name for name in shapes if name.rpartition(".")[0] == classifier}
    image = torch.empty(1, channels, *built.network.input[1:], device="meta")
    with emitted.shapes():
        plain = re.search(
            FORWARD, built.text
        )  # then `forward` is the head behind the features, and these stay the same
        features = module.forward_features(image) if plain else image
        behind = module.head if plain else module
        assert behind(features).shape[:2] == (1, 9)
        module.reset_classifier(7)
        assert behind(features).shape[:2] == (1, 7)
    assert all(p.device.type == "meta" for p in module.parameters())


def test_arguments_with_same_padding() -> None:
    """The padding is found for the images that the class is constructed for, of whatever channels."""
    built = net("inverted, same padding")
    module = built.on_meta(in_channels=1, num_classes=10, drop_path_rate=0.0, image_size=(64, 48))
    assert module(torch.empty(2, 1, 64, 48, device="meta")).shape == (2, 10)
    module.reset_classifier(7)
    assert module(torch.empty(2, 1, 64, 48, device="meta")).shape == (2, 7)
    assert set(rates(module)) == {0.0}
    with pytest.raises(AssertionError, match=REFUSAL):
        module(torch.empty(2, 1, *built.interface.image_size, device="meta"))


@pytest.mark.parametrize(
    "head", ["pool_head(classes: 9)", "conv_head(width: 8, classes: 9)", "lite", "mapped", "linear(9)"]
)
def test_reset_classifier(head: str) -> None:
    """A linear layer or a convolution; the new one has the device and type of the others, and learns."""
    built = emitted.emitted_text(
        f"{HEADER}"
        "block lite(x) = x -> conv(4, kernel: 1) -> global_pool -> conv(9, kernel: 1, bias: true)\n"
        "block mapped(x) = x -> relu -> conv(9, kernel: 3) -> global_pool -> flatten\n"
        f"model m {{ input: 3 x 8 x 8  stages: conv(6, kernel: 3, stride: 8)  head: {head} }}"
    )
    for options in ({"dtype": torch.float64}, {"dtype": torch.bfloat16}, {"device": "meta"}):
        model = built.make().to(**options)
        before = dict(model.named_parameters())
        image = torch.zeros(2, 3, 8, 8, **options)
        assert model(image).shape[:2] == (2, 9)
        model.reset_classifier(4)
        assert model(image).shape[:2] == (2, 4)
        after = dict(model.named_parameters())
        assert after.keys() == before.keys()
        new = [name for name in after if after[name] is not before[name]]
        assert {after[name].shape[0] for name in new} == {4}
        assert all(p.dtype == image.dtype and p.device == image.device and p.requires_grad for p in after.values())
        kinds = [type(module) for module in model.modules()]
        assert kinds == [type(module) for module in built.make().modules()]


FORWARD = r"""    def forward\(self, x: Tensor\) -> Tensor:
(        (""\".*|#.*)
)?        return self.head\(self.forward_features\(x\)\)
"""


@every_model
def test_feature_maps_of_models(name: str) -> None:
    """As many channels as the class says, and the size that the stride says."""
    built = emitted.emitted_spec(name)
    module = emitted.spec_on_meta(name)
    assert bool(built.network.features) == (name in emitted.BACKBONES)
    if name.startswith(("cait", "deit", "mixer", "vit")):  # they have tokens throughout
        assert not hasattr(module, "feature_maps")
        return
    assert list(module.feature_strides) == sorted(set(module.feature_strides))
    declared = built.network.input[1:]
    exact = "others/" not in networks()[name]  # all windows are padded, so that an extent is that by the stride
    for height, width in ((64, 96), (75, 49), declared) if exact else (declared,):
        image = torch.empty(2, built.network.input[0], height, width, device="meta")
        with emitted.shapes():
            maps = module.feature_maps(image)
        assert isinstance(maps, tuple)
        assert [feature.shape[:2] for feature in maps] == [(2, channels) for channels in module.feature_channels]
        by_stride = [(-(-height // stride), -(-width // stride)) for stride in module.feature_strides]
        found = [tuple(feature.shape[2:]) for feature in maps]
        assert not exact or found == by_stride
        assert all(f[0] <= s[0] and f[1] <= s[1] for f, s in zip(found, by_stride, strict=True))
    if hasattr(module, "forward_features"):  # not where several maps enter the head
        with emitted.shapes():
            assert tuple(module.forward_features(image).shape[2:]) in found  # the last, but of a path up again


@nets_of_blocks
def test_feature_maps_have_the_values_of_the_network(name: str) -> None:
    model, image = filled(name), image_of(name)
    maps = outputs(type(model).feature_maps.__get__(model), image)
    assert len(maps) == len(model.feature_channels) == len(model.feature_strides) == 2
    torch.testing.assert_close(maps[-1], outputs(model.forward_features, image)[0], rtol=0, atol=0)
    torch.testing.assert_close(outputs(model.head, maps[-1]), outputs(model, image), rtol=0, atol=0)


# Names


def test_names_stay_when_blocks_are_added() -> None:
    def names(depths: str) -> dict[str, tuple[int, ...]]:
        text = (HEADER + RESIDUAL).replace("depth: [1, 2]", f"depth: {depths}")
        return {n: tuple(t.shape) for n, t in emitted.emitted_text(text).on_meta().state_dict().items()}

    chain = [names(depths) for depths in ("[1, 2]", "[2, 2]", "[2, 4]")]
    added = ["stages.0.blocks.1.", "stages.1.blocks.2.", "stages.1.blocks.3."]
    for before, after in pairwise(chain):
        assert before.items() <= after.items()
        new = after.keys() - before.keys()
        assert new
        assert all(name.startswith(tuple(added)) for name in new)
