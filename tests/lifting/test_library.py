"""Blocks of the standard library in what is imported: what is one is recognised, and what differs is not."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest

import archdsl
from archdsl.cli import main
from archdsl.commands import shelf
from archdsl.compiler import Compiled, Compiler
from archdsl.graph.blocks import INPUT
from archdsl.graph.network import Network
from archdsl.lifting.recognition import Recognition, Use
from archdsl.lifting.tables import call
from archdsl.project import Project
from archdsl.source import Source
from tests.sampling import TIMES, many

OPERATIONS = "batch_norm, conv, gelu, hard_sigmoid, hard_swish, relu, relu6, sigmoid, silu"
SETTINGS: dict[str, list[str]] = {
    "act": ["relu", "silu", "hard_swish", "gelu"],
    "bias": ["true", "false"],
    "bottleneck_ratio": ["1", "2", "4"],
    "classes": ["10", "1000"],
    "dilation": ["1", "2"],
    "drop": ["0", "1/10"],
    "dropout_rate": ["0", "1/5"],
    "expand": ["1", "2", "4", "6"],
    "gate": ["sigmoid", "hard_sigmoid"],
    "group_width": ["8", "16"],
    "groups": ["1", "2"],
    "hidden": ["128", "256"],
    "inner": ["16", "64", "96"],
    "inner_act": ["relu", "relu6"],
    "kernel": ["3", "5", "7"],
    "norm": ["batch_norm", "batch_norm(eps: 1e-3)"],
    "padding": ['"symmetric"', '"same"'],
    "patch": ["4", "8"],
    "se_ratio": ["none", "1/4", "1/8"],
    "stride": ["1", "2"],
    "width": ["32", "48", "64", "96"],
}


@cache
def recognition() -> Recognition:
    return Recognition(compiler())


@cache
def compiler() -> Compiler:
    return Compiler(Project("text.arch"))


def network_of(uses: Sequence[str], block: str, called: str, channels: int = 64) -> Network | None:
    """A network of one block; none where its settings do not go together."""
    heads = "".join([f"use {one}\n" for one in (f"std.ops {{ {OPERATIONS} }}", *uses)])
    model = f"model net {{ input: {channels} x 32 x 32  stages: [{called}] }}"
    found = compiler().compile(Source("text.arch", f"arch 1\n{heads}{block}\n{model}\n"))
    return found.network if isinstance(found, Compiled) else None


def use_of(network: Network) -> Use | None:
    whole = tuple(range(len(network.nodes)))
    found = recognition().uses(network, [(whole, INPUT, network.outputs[0])], ())
    return found[0] if found is not None else None


def test_blocks_with_any_settings_are_recognised() -> None:
    """A block of the library, with settings by chance, is one again; what is found gives the same network."""
    rng = random.Random(0)
    tried = 0
    while tried < many(5):
        candidate = rng.choice(recognition().candidates.all)
        defaults = candidate.definition.defaults
        given = {
            name: rng.choice(SETTINGS[name])
            for name, default in defaults.items()
            if name in SETTINGS and (default is None or (rng.random() < 0.5 and name != "inner"))
        }
        told = f"{candidate.name}({', '.join([f'{name}: {value}' for name, value in given.items()])})"
        channels = rng.choice((16, 32, 64))
        network = network_of([f"{candidate.module} {{ {candidate.name} }}"], "", told, channels)
        if network is None:
            continue
        tried += 1
        use = use_of(network)
        assert use is not None, f"{told} of {channels} channels"
        block = use.candidate
        again = network_of([f"{block.module} {{ {block.name} }}"], "", call(block.name, dict(use.values)), channels)
        assert again is not None
        assert again.hash == network.hash, told


BLOCK = """
block own(x; width, stride: 1) {
  branch = x -> conv(width / 4, kernel: 1) -> batch_norm -> relu
             -> conv(width / 4, kernel: 3, stride: stride) -> batch_norm -> relu
             -> conv(width, kernel: 1) -> batch_norm
  return relu(branch + (x -> conv(width, kernel: 1, stride: stride) -> batch_norm))
}
"""
EARLIER = "1, stride: stride) -> batch_norm -> relu -> conv(width / 4, kernel: 3)"
"""The stride of the first convolution, in the place of the second's."""


def test_a_block_of_ones_own_that_is_the_librarys_is_recognised() -> None:
    network = network_of([], BLOCK, "own(128, stride: 2)")
    other = network_of([], BLOCK.replace("batch_norm", "batch_norm(eps: 1e-3)").replace("relu", "silu"), "own(128)")
    assert network is not None
    assert other is not None
    first, second = use_of(network), use_of(other)
    assert first is not None
    assert second is not None
    assert (first.candidate.module, first.candidate.name) == ("std.resnet", "bottleneck")
    assert first.values == {"width": 128, "stride": 2}
    assert second.values == {"width": 128, "act": "silu", "norm": "batch_norm(eps: 0.001)"}
    assert second.used == {"silu", "batch_norm"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("kernel: 1) -> batch_norm -> relu", "kernel: 1) -> batch_norm(eps: 1e-3) -> relu"),
        ("stride: stride) -> batch_norm -> relu", "stride: stride) -> relu -> batch_norm"),
        ("conv(width, kernel: 1) -> batch_norm\n", "conv(width, kernel: 1) -> batch_norm(zero_init: true)\n"),
        ("conv(width, kernel: 1) -> batch_norm\n", "conv(width, kernel: 1, bias: true) -> batch_norm\n"),
        ("1) -> batch_norm -> relu\n             -> conv(width / 4, kernel: 3, stride: stride)", EARLIER),
        ("return relu(branch", "return silu(branch"),
        ("(x -> conv(width, kernel: 1", "(x -> conv(width, kernel: 3"),
        ("return relu(branch + (x", "return relu(branch + (x -> relu"),
        ("return relu(branch + (x", "return relu(branch * (x"),
        ("-> batch_norm))", "-> batch_norm)) -> relu"),
        ("stride: stride) -> batch_norm -> relu", 'stride: stride, padding: "same") -> batch_norm -> relu'),
    ],
)
def test_a_block_that_differs_in_one_thing_is_not(one: str, other: str) -> None:
    assert one in BLOCK
    network = network_of([], BLOCK.replace(one, other, 1), "own(128, stride: 2)")
    assert network is not None
    assert use_of(network) is None


@pytest.mark.parametrize("name", ["resnet50", "regnety_200mf", "rexnet_1_0x"] + ["efficientnet_b0"] * (TIMES > 1))
def test_networks_that_ship_are_their_own_blocks(name: str) -> None:
    """Not what is written in a text of ours, but what it names: the stages' blocks, found by their operations."""
    network = archdsl.compile(name).network
    stages = [(at, label) for at in network.placements for label in at.labels()[:1] if label.startswith("stages")]
    parts = [(range(at.first, at.first + at.subgraph.size), at.inputs[0], at.outputs[0]) for at, _ in stages]
    names = {s.applied.declared.name for p, _ in stages for s in p.steps() if not isinstance(s.applied, int)}
    uses = recognition().uses(network, parts, ())
    assert uses is not None
    assert {use.candidate.name for use in uses} == names


NET = """
import torch
from torch import nn

class Unit(nn.Sequential):
    def __init__(self, c, w, k=3, s=1, g=1):
        super().__init__(nn.Conv2d(c, w, k, s, k // 2, groups=g, bias=False), nn.BatchNorm2d(w), nn.ReLU6())

class Inverted(nn.Module):
    def __init__(self, c, w, s, e):
        super().__init__()
        layers = [Unit(c, c * e, 1)] if e > 1 else []
        self.layers = nn.Sequential(
            *layers, Unit(c * e, c * e, 3, s, c * e), nn.Conv2d(c * e, w, 1, bias=False), nn.BatchNorm2d(w)
        )
        self.same = s == 1 and c == w
    def forward(self, x): return x + self.layers(x) if self.same else self.layers(x)

class Other(Inverted):
    def forward(self, x): return torch.relu(super().forward(x))

class Net(nn.Module):
    kind = Inverted
    def __init__(self):
        super().__init__()
        rows = [(16, 8, 1, 1), (8, 16, 2, 4), (16, 16, 1, 4), (16, 24, 2, 4), (24, 24, 1, 4)]
        self.features = nn.Sequential(Unit(3, 16, 3, 2), *[self.kind(*row) for row in rows], Unit(24, 96, 1))
        self.head = nn.Linear(96, 10)
    def forward(self, x): return self.head(self.features(x).mean((2, 3)))

class Others(Net):
    kind = Other
"""
TEXT = """
arch 1
use std.blocks { conv_head, conv_norm_act }
use std.mobilenet { inverted_residual }
use std.ops { relu6 }

# Imported from module:net.py:Net.
model net {
  input:  3 x 64 x 64
  stem:   conv_norm_act(width: 16, stride: 2, act: relu6)
  stages: [
    | block             | width | stride | expand | depth |
    | inverted_residual |     8 |      1 |      1 |     1 |
    | inverted_residual |    16 |      2 |      4 |     2 |
    | inverted_residual |    24 |      2 |      4 |     2 |
  ]
  head:   conv_head(width: 96, classes: 10, act: relu6)
}
"""


def test_a_text_has_the_blocks_of_the_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch", reason="what is imported is a module of PyTorch")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(shelf, "shipped_with", lambda _: [])
    Path("net.py").write_text(NET)
    assert main(["import", "module:net.py:Net", "--input", "3x64x64", "--format", "json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["proved"]
    assert report["text"] == Path("net.arch").read_text() == TEXT.lstrip()
    assert [(one["block"], one["place"], one["count"], one["total"]) for one in report["recognised"]] == [
        ("inverted_residual", "stages", 5, 5),
        ("conv_norm_act", "stem", 1, 1),
        ("conv_head", "head", 1, 1),
    ]
    assert main(["fmt", "--check", "net.arch"]) == 0
    assert main(["check", "net.arch"]) == 0
    capsys.readouterr()
    own = ["import", "module:net.py:Net", "--input", "3x64x64", "--own-blocks", "-o", "own.arch"]
    assert main(own) == 0
    assert "blocks of the library" not in capsys.readouterr().out
    assert "inverted_residual" not in Path("own.arch").read_text()
    assert archdsl.compile("own.arch").hash == report["hash"]
    assert main(["import", "module:net.py:Others", "--input", "3x64x64", "-o", "others.arch"]) == 0
    said = "blocks of the library: conv_norm_act of std.blocks for the stem, conv_head of std.blocks for the head"
    assert said in capsys.readouterr().out
    assert "block other(x" in Path("others.arch").read_text()


@pytest.mark.skipif(TIMES == 1, reason="minutes: make thorough")
@pytest.mark.parametrize(
    ("source", "blocks"),
    [
        ("torchvision:resnet18", {"basic_block", "conv_pool_stem", "pool_head"}),
        ("torchvision:efficientnet_b0", {"mbconv", "conv_norm_act", "conv_head"}),
        ("torchvision:mobilenet_v3_large", {"bneck", "conv_norm_act"}),
        ("timm:regnety_002", {"y_block", "simple_stem", "pool_head"}),
    ],
)
def test_networks_of_libraries(source: str, blocks: set[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", source, "--dry-run", "--format", "json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["proved"]
    assert {one["block"] for one in report["recognised"]} == blocks
    assert not report["same_as"] or archdsl.compile(report["same_as"]).hash == report["hash"]
