"""Modules and files that nobody expected: lifted where the language has them, otherwise refused in a line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="what is imported is a module of PyTorch")

from archdsl.cli import main
from archdsl.importing import Asked, run_import

MODULES = """
import sys
import torch
from torch import nn
from torch.nn import functional as F

class Eca(nn.Module):
    def __init__(self): super().__init__(); self.c = nn.Conv2d(3, 8, 3, 2); self.g = nn.Conv1d(1, 1, 3, padding=1)
    def forward(self, x):
        x = self.c(x)
        gate = self.g(x.mean((2, 3)).view(x.shape[0], 1, -1)).sigmoid().view(x.shape[0], -1, 1, 1)
        return x * gate.expand_as(x)

class Norms(nn.Module):
    def __init__(self):
        super().__init__()
        self.c, self.n = nn.Conv2d(3, 8, 4, 4), nn.InstanceNorm2d(8, affine=True)
        self.r, self.l = nn.RMSNorm(8, eps=1e-6), nn.Linear(8, 5)
    def forward(self, x): return self.l(self.r(self.n(self.c(x)).flatten(2).transpose(1, 2)).mean(1))

class ConvSame(nn.Conv2d):
    def forward(self, x):
        high, wide = ((-(-side // 2) - 1) * 2 + self.kernel_size[0] - side for side in x.shape[2:])
        x = F.pad(x, [wide // 2, wide - wide // 2, high // 2, high - high // 2])
        return F.conv2d(x, self.weight, self.bias, 2)

class Heads(nn.Module):  # queries, keys and values of a head beside each other, those of the next behind them
    def __init__(self):
        super().__init__()
        self.c, self.qkv, self.o = nn.Conv2d(3, 16, 4, 4), nn.Linear(16, 2 * 20), nn.Linear(24, 6)
    def forward(self, x):
        x = self.c(x).flatten(2).transpose(1, 2)
        q, k, v = self.qkv(x).view(x.shape[0], -1, 2, 20).transpose(1, 2).split([4, 4, 12], dim=3)
        x = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        return self.o(x).mean(1)

def same(): return nn.Sequential(ConvSame(3, 8, 2, 2), nn.ReLU(), ConvSame(8, 8, 3, 2))

class Standard(nn.Conv2d):
    def forward(self, x):
        rows = self.weight.reshape(1, self.out_channels, -1)
        weight = F.batch_norm(rows, None, None, training=True, momentum=0.0, eps=1e-8).reshape_as(self.weight)
        return F.conv2d(x, weight, self.bias, self.stride, self.padding)

class Branches(nn.Module):
    def __init__(self, w):
        super().__init__(); self.a, self.b = Standard(w, w // 2, 1, bias=False), Standard(w // 2, w, 3, 1, 1)
    def forward(self, x): return F.relu(x + self.b(F.relu(self.a(x))))

def standard(): return nn.Sequential(Standard(3, 8, 3), Branches(8), Branches(8), Standard(8, 16, 3, 2), Branches(16))

class Ends(nn.Module):
    def forward(self, x): sys.exit(0)

class Nothing(nn.Module):
    def __init__(self): super().__init__(); self.c = nn.Conv2d(3, 8, 3)
    def forward(self, x): self.c(x)

def none(): return None
def takes(width): return nn.Conv2d(3, width, 3)
def empty(): return nn.Conv2d(3, 8, 3, device="meta")
"""


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("own.py").write_text(MODULES)


@pytest.mark.parametrize(
    ("name", "holds"),
    [
        ("Eca", {"channel_conv", "sigmoid", "mul"}),
        ("Norms", {"group_norm", "square", "sqrt", "div", "layer_scale"}),
        ("Heads", {"split_heads", "split", "attention"}),
        ("same", {"conv", "relu"}),
        ("standard", {"std_conv", "relu", "add"}),
    ],
)
def test_modules_that_the_language_has(name: str, holds: set[str]) -> None:
    found = run_import(Asked(f"module:own.py:{name}", (3, 32, 32)), lambda _: [])
    assert not found.lifted.gaps
    assert found.proof is not None
    assert found.proof.holds, found.proof.fault
    assert holds <= {node.operation.name for node in found.lifted.network.nodes}
    if name == "same":  # nothing at this size, something at another
        used = [node.operation for node in found.lifted.network.nodes if node.operation.name == "conv"]
        assert [getattr(one, "padding", None) for one in used] == ["same", "same"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("none", "it gives NoneType, and no torch.nn.Module"),
        ("takes", "missing 1 required positional argument: 'width'"),
        ("empty", "its tensors hold no numbers"),
        ("Ends", "its forward cannot be followed: SystemExit: 0"),
        ("Nothing", "it gives nothing"),
    ],
)
def test_modules_that_are_refused(name: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", f"module:own.py:{name}", "--input", "3x32x32"]) == 1
    out, err = capsys.readouterr()
    assert says in out + err
    assert not list(Path().glob("*.arch"))


def named_twice(graph: Any) -> None:
    graph.node.add(op_type="Relu", input=["y"], output=["y"])


def missing(graph: Any) -> None:
    graph.output[0].name = "z"


def without_inputs(graph: Any) -> None:
    graph.node.add(op_type="Identity", output=["i"])


def text(graph: Any) -> None:
    from onnx import helper

    graph.node.append(helper.make_node("Constant", [], ["s"], value_string="a"))


def enormous(graph: Any) -> None:
    for side in graph.input[0].type.tensor_type.shape.dim[2:]:
        side.dim_value = 1 << 20


def far(graph: Any) -> None:
    from onnx import helper

    graph.node[0].attribute.append(helper.make_attribute("pads", [2**62] * 4))


def tiled(graph: Any) -> None:
    from onnx import helper

    graph.node.append(helper.make_node("Constant", [], ["often"], value_ints=[1, 1, 1 << 12, 1 << 12]))
    graph.node.append(helper.make_node("Tile", ["x", "often"], ["t"]))


def wide(graph: Any) -> None:
    from onnx import numpy_helper

    for side in graph.input[0].type.tensor_type.shape.dim[2:]:
        side.dim_value = 1 << 11
    graph.initializer[0].CopyFrom(numpy_helper.from_array(np.ones((1 << 10, 3, 1, 1), "float32"), "w"))


def apart(graph: Any) -> None:
    from onnx import helper

    graph.node.append(helper.make_node("ConvTranspose", ["y", "w"], ["t"], strides=[1 << 12] * 2))


def counted(graph: Any) -> None:
    from onnx import helper

    ends = [helper.make_node("Constant", [], [name], value_int=at) for name, at in (("a", 0), ("b", 1 << 40), ("c", 1))]
    graph.node.extend([*ends, helper.make_node("Range", ["a", "b", "c"], ["r"])])


def sequence(graph: Any) -> None:
    graph.node.add(op_type="SequenceConstruct", input=["x"], output=["s"])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (named_twice, "two of its nodes give y"),
        (missing, "nothing gives its output z"),
        (without_inputs, "its graph does not run: Identity"),
        (text, "Constant: "),
        (enormous, "numbers, and it has to be run"),
        (far, "its graph does not run: Conv gives more than"),
        (tiled, "Tile gives more than 134,217,728 numbers"),
        (wide, "its graph does not run: Conv gives more than"),
        (apart, "ConvTranspose gives more than"),
        (counted, "Range gives more than"),
        (sequence, "SequenceConstruct gives what is no tensor"),
    ],
)
def test_files_of_onnx_that_are_refused(
    change: Callable[[Any], None], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper, numpy_helper

    weight = numpy_helper.from_array(np.ones((8, 3, 3, 3), "float32"), "w")
    image = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 16, 16])
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 8, 14, 14])
    graph = helper.make_graph([helper.make_node("Conv", ["x", "w"], ["y"])], "g", [image], [result], [weight])
    change(graph)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), "net.onnx")
    assert main(["import", "net.onnx"]) == 1
    out, err = capsys.readouterr()
    assert says in out + err
    assert not list(Path().glob("*.arch"))
