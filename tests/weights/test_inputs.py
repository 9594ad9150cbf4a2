"""What no shape shows: the order of colours, mean and deviation, as part of the report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from weights.test_weights import (
    SMALL,
    Command,
    here,
    installed,
    network,
    numbered,
    ours,
    read,
    reference,
    renamed,
    run,
    shipped,
    shortcut_first,
    state,
    torch,
)

import archdsl
from archdsl.cli import main
from archdsl.lifting.operators import declare
from archdsl.weights import Inputs, Mismatch, differences, inputs_of, map_state

__all__ = ["here", "run", "state", "torch"]

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))

PYCLS = {
    "branch.conv1": "f.a",
    "branch.norm1": "f.a_bn",
    "branch.conv2": "f.b",
    "branch.norm2": "f.b_bn",
    "branch.conv3": "f.c",
    "branch.norm3": "f.c_bn",
    "shortcut.conv": "proj",
    "shortcut.norm": "bn",
    "branch.squeeze_excite.scale.conv1": "f.se.f_ex.0",
    "branch.squeeze_excite.scale.conv2": "f.se.f_ex.2",
}


def as_pycls(name: str) -> str:
    """A name of a RegNet of ours as pycls has it."""
    path, _, short = name.rpartition(".")
    parts = path.split(".")
    if parts[0] != "stages":
        return f"{path.replace('norm', 'bn').replace('linear', 'fc')}.{short}"
    return f"s{int(parts[1]) + 1}.b{int(parts[3]) + 1}.{PYCLS['.'.join(parts[4:])]}.{short}"


TORCHVISION = {
    "f.a.0": "f.a",
    "f.a.1": "f.a_bn",
    "f.b.0": "f.b",
    "f.b.1": "f.b_bn",
    "f.c.0": "f.c",
    "f.c.1": "f.c_bn",
    "f.se.fc1": "f.se.f_ex.0",
    "f.se.fc2": "f.se.f_ex.2",
    "proj.0": "proj",
    "proj.1": "bn",
}


def pycls_of_torchvision(name: str) -> str:
    """A name of torchvision's RegNet as pycls has it: the two were trained by the same people on the same text."""
    path, _, short = name.rpartition(".")
    if path.startswith("trunk_output"):
        _, stage, block, *rest = path.split(".")
        number = int(block.partition("-")[2]) + 1
        return f"s{stage.removeprefix('block')}.b{number}.{TORCHVISION['.'.join(rest)]}.{short}"
    return {"stem.0": "stem.conv", "stem.1": "stem.bn", "fc": "head.fc"}[path] + f".{short}"


def test_torchvision_names_become_pycls_names() -> None:
    found = reference("torchvision", "regnet_y_400mf").state
    mine = sorted(as_pycls(name) for name in ours(shipped("regnety_400mf")))
    assert sorted(map(pycls_of_torchvision, found)) == mine


def test_logits_of_a_pycls_checkpoint(
    tmp_path: Path, torch: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """torchvision's RegNet by pycls's names, its stem taking BGR as pycls's does, gives torchvision's logits of RGB."""
    declare()  # before torchvision

    torchvision = installed("torchvision")
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(2)
    model = torchvision.models.regnet_y_400mf().eval()
    for name, buffer in model.named_buffers():  # statistics that are not those of the start
        if name.endswith("running_var"):
            buffer.copy_(torch.rand_like(buffer) + 0.5)
        elif name.endswith("running_mean"):
            buffer.copy_(torch.randn_like(buffer) / 10)
    weights = {pycls_of_torchvision(name): tensor for name, tensor in model.state_dict().items()}
    weights["stem.conv.weight"] = weights["stem.conv.weight"].flip(1)
    torch.save({"epoch": 100, "model_state": weights, "cfg": "TRAIN:\n  DATASET: imagenet\n"}, "RegNetY-400MF.pyth")
    image = torch.randn(2, 3, 224, 224)
    with torch.no_grad():
        expected = model(image)
    torch.save({"input": image.flip(1), "output": expected}, "logits.pt")
    path = "regnety_400mf"
    command = ["weights", path, "RegNetY-400MF.pyth", "-o", "out.safetensors", "--format", "json"]
    assert main([*command, "--check", "logits.pt"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["input"]["library"] == "pycls"
    assert (report["input"]["channel_order"], report["input"]["reversed"]) == ("bgr", True)
    assert (tuple(report["input"]["mean"]), tuple(report["input"]["std"])) == IMAGENET
    assert (report["input"]["largest"], report["input"]["resize"], report["input"]["crop"]) == (1, 256, 224)
    adapted = [tensor for tensor in report["tensors"] if tensor["status"] == "adapted"]
    assert [(t["name"], t["rule"]) for t in adapted] == [("stem.conv.weight", "reversed")]
    module = archdsl.compile(path).module().eval()
    module.load_state_dict(read(tmp_path / "out.safetensors"))
    with torch.no_grad():
        found = module(image)
    assert float((found - expected).abs().max()) < 1e-4 * float(expected.abs().max())
    # As they are, the weights give other logits.
    assert main([*command, "--channel-order", "rgb", "--force"]) == 0
    assert json.loads(capsys.readouterr().out)["adapted"] == 0
    module.load_state_dict(read(tmp_path / "out.safetensors"))
    with torch.no_grad():
        assert float((module(image) - expected).abs().max()) > 0.01 * float(expected.abs().max())


@pytest.mark.parametrize(
    ("library", "name", "found"),
    [
        ("timm", "regnety_004", "timm"),
        ("timm", "efficientnet_b0", "timm"),
        ("timm", "rexnet_100", "timm"),
        ("timm", "convnext_tiny", "timm"),
        ("timm", "mobilenetv2_100", "timm"),
        ("timm", "resnet50", "timm or torchvision"),
        ("torchvision", "resnet50", "timm or torchvision"),
        ("torchvision", "regnet_y_400mf", "torchvision"),
        ("torchvision", "efficientnet_v2_s", "torchvision"),
        ("torchvision", "mobilenet_v2", "torchvision"),
        ("torchvision", "convnext_tiny", "torchvision"),
    ],
)
def test_libraries_are_told_by_their_names(library: str, name: str, found: str) -> None:
    inputs = inputs_of(reference(library, name).state, {})
    assert (inputs.library, inputs.channel_order, inputs.largest) == (found, "rgb", 1)
    assert inputs.mean == (IMAGENET[0] if found == "torchvision" else None)


def test_pycls_by_its_names() -> None:
    for names in (
        [as_pycls(name) for name in ours(shipped("regnety_400mf"))],
        ["stem.conv.weight", "s1.b1.dwise.weight", "s1.b1.dwise_bn.weight", "s1.b1.lin_proj.weight"],
        ["stem.conv.weight", "s1.b1.a.weight", "s1.b1.a_bn.weight"],
    ):
        inputs = inputs_of(names, {})
        assert (inputs.library, inputs.channel_order) == ("pycls", "bgr")
        assert (inputs.mean, inputs.std) == IMAGENET
    inputs = inputs_of(names, {"cfg": "TEST:\n  DATASET: imagenet\n"})
    assert inputs.channel_order == "bgr"
    inputs = inputs_of(names, {"cfg": "TEST:\n  DATASET: cifar10\n"})
    assert (inputs.channel_order, inputs.largest, inputs.mean) == ("rgb", 255, (125.3, 123.0, 113.9))
    assert inputs_of(["stem.conv.weight", "a.b.weight"], {}) == Inputs()


def test_runs_tell_more_than_names() -> None:
    arguments = {"crop_pct": 0.9, "mean": [0.5, 0.5, 0.5], "std": (0.5, 0.5, 0.5), "interpolation": "bicubic"}
    inputs = inputs_of(["x.weight"], arguments)
    assert (inputs.library, inputs.mean, inputs.std) == ("timm", (0.5,) * 3, (0.5,) * 3)
    assert inputs.interpolation == "bicubic"
    inputs = inputs_of(["x.weight"], {"crop_pct": None, "mean": None, "std": None})
    assert (inputs.library, inputs.mean) == ("timm", None)
    inputs = inputs_of(["x.weight"], {"val_resize_size": 232, "val_crop_size": 224, "interpolation": "bilinear"})
    assert (inputs.library, inputs.resize, inputs.crop, inputs.mean) == ("torchvision", 232, 224, IMAGENET[0])
    hostile = {"crop_pct": 1, "mean": ["a", {}, None], "std": [1e400] * 3, "interpolation": "\x1b[31m" * 99}
    assert inputs_of([], hostile).mean is None
    assert inputs_of([], hostile).interpolation is None


def test_differences_from_the_model_s_own_preprocessing() -> None:
    inputs = Inputs("pycls", "bgr", 1, *IMAGENET, "bilinear", 256, 224)
    assert differences(inputs, *IMAGENET, "bilinear", 0.875) == []
    lines = differences(inputs, (0.5,) * 3, IMAGENET[1], "bicubic", 1.0)
    assert len(lines) == 3
    assert "mean [0.5, 0.5, 0.5], the checkpoint's network [0.485, 0.456, 0.406]" in lines[0]
    assert "bicubic" in lines[1]
    assert "224 / 256" in lines[2]
    lines = differences(inputs, (), (), None, None)
    assert [line.split(",")[0] for line in lines] == [
        "the model's preprocess has no mean",
        "the model's preprocess has no std",
    ]
    in_bytes = Inputs("pycls", "rgb", 255, tuple(255 * m for m in IMAGENET[0]), tuple(255 * s for s in IMAGENET[1]))
    assert differences(in_bytes, *IMAGENET, None, None) == []
    assert differences(Inputs(), (0.5,) * 3, (0.5,) * 3, "bicubic", 1.0) == []


def test_the_report(run: Command, here: Path, state: dict[str, Any], torch: Any) -> None:
    result = run("net.pth", "--dry-run")
    assert "input: the checkpoint's network, of a library that the names do not tell, takes channels in" in result.out
    plain = (here / "small.arch").read_text()
    names = [as_small_pycls(name) for name in shortcut_first(ours(network(SMALL)))]
    values = dict(zip(shortcut_first(ours(network(SMALL))), names, strict=True))
    mine = dict(zip(ours(network(SMALL)), state.values(), strict=True))
    torch.save({values[name]: mine[name] for name in values}, here / "pycls.pth")
    preprocess = "  preprocess { mean: [0.5, 0.456, 0.406]  std: [0.229, 0.224, 0.225] }\n}"
    (here / "small.arch").write_text(plain.rstrip().removesuffix("}") + preprocess)
    result = run("pycls.pth")
    assert result.code == 0, result.err
    assert "input: the checkpoint's network, pycls's, takes BGR, values from 0 to 1" in result.out
    assert "input channels are reversed, so that the module takes RGB" in result.out
    assert (
        "warning: the model's preprocess has mean [0.5, 0.456, 0.406], the checkpoint's network [0.485," in result.out
    )
    assert torch.equal(read(here / "small.safetensors")["stem.conv.weight"], mine["stem.conv.weight"].flip(1))
    assert run("pycls.pth", "--force", "--channel-order", "rgb").code == 0
    assert torch.equal(read(here / "small.safetensors")["stem.conv.weight"], mine["stem.conv.weight"])
    assert run("net.pth", "--force", "--channel-order", "bgr").code == 0
    assert torch.equal(read(here / "small.safetensors")["stem.conv.weight"], mine["stem.conv.weight"].flip(1))


def as_small_pycls(name: str) -> str:
    """A name of SMALL by pycls's words."""
    path, _, short = name.rpartition(".")
    words = {
        "branch.conv1": "f.a",
        "branch.batch_norm1": "f.a_bn",
        "branch.conv2": "f.b",
        "branch.batch_norm2": "f.b_bn",
    }
    words |= {"shortcut.conv": "proj", "shortcut.batch_norm": "bn"}
    parts = path.split(".")
    if parts[0] != "stages":
        return f"{path.replace('batch_norm', 'bn').replace('linear', 'fc')}.{short}"
    return f"s{int(parts[1]) + 1}.b{int(parts[3]) + 1}.{words['.'.join(parts[4:])]}.{short}"


@pytest.mark.parametrize(("rule", "channels"), [("repeat", 6), ("mean", 1), ("sum", 1)])
def test_reversed_and_of_other_channels(
    run: Command, here: Path, state: dict[str, Any], torch: Any, rule: str, channels: int
) -> None:
    command = ("net.pth", "--channel-order", "bgr", "--input", f"{channels}x16x16", "--input-rule", rule)
    result = run(*command, "--format", "json")
    assert result.code == 0
    assert json.loads(result.out)["tensors"][0]["rule"] == f"reversed, {rule}"
    rgb = state["top.0.weight"].flip(1)
    expected = {
        "repeat": rgb[:, [0, 1, 2, 0, 1, 2]] / 2,
        "mean": rgb.mean(1, keepdim=True),
        "sum": rgb.sum(1, keepdim=True),
    }[rule]
    assert torch.allclose(read(here / "small.safetensors")["stem.conv.weight"], expected, atol=1e-6)


def test_what_cannot_be_reversed() -> None:
    net = network(SMALL)
    four = {**ours(net), "stem.conv.weight": (8, 4, 3, 3)}
    with pytest.raises(Mismatch, match="has 4 input channels, and BGR has 3"):
        map_state(net, numbered(four), input_rule="mean", reverse=True)
    pooled = network(SMALL.replace("= x -> conv(width, kernel: 3)", "= x -> batch_norm -> conv(width, kernel: 3)"))
    with pytest.raises(Mismatch, match=r"takes BGR, and stem\.batch_norm1?, which reads the image"):
        map_state(pooled, numbered(ours(pooled)), reverse=True)


def test_names_of_ours_are_never_reversed() -> None:
    names = ours(shipped("regnety_400mf"))
    assert inputs_of(names, {}).channel_order != "bgr"
    assert renamed(names, as_pycls) != names
