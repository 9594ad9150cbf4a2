"""Files of ONNX as exporters write them: what was one operation of a module stands there as several nodes."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from archdsl.graph.folding import folded
from archdsl.importing import Asked, run_import
from archdsl.lifting.alike import computes
from archdsl.lifting.imported import Imported

onnx = pytest.importorskip("onnx", reason="files of ONNX are made and read by it")

TOKENS = """
    import torch
    from torch import nn
    from torch.nn import functional as F

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.LayerNorm(24, eps=1e-6), nn.LayerNorm(24, eps=1e-6)
            self.qkv, self.out = nn.Linear(24, 72), nn.Linear(24, 24)
            self.wide, self.back = nn.Linear(24, 48), nn.Linear(48, 24)

        def forward(self, x):
            b, n, c = x.shape
            q, k, v = self.qkv(self.first(x)).reshape(b, n, 3, 2, c // 2).permute(2, 0, 3, 1, 4).unbind(0)
            x = x + self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, n, c))
            return x + self.back(F.gelu(self.wide(self.second(x))))

    class Tokens(nn.Module):
        def __init__(self):
            super().__init__()
            self.patch, self.scale = nn.Conv2d(3, 24, 8, 8), nn.Parameter(torch.ones(1, 24, 1, 1))
            self.cls, self.places = nn.Parameter(torch.randn(1, 1, 24)), nn.Parameter(torch.randn(1, 17, 24))
            self.blocks = nn.Sequential(Block(), Block())
            self.norm, self.head = nn.LayerNorm(24), nn.Linear(24, 10)

        def forward(self, x):
            x = F.gelu(self.patch(x), approximate="tanh")
            size = x.norm(p=2, dim=(2, 3), keepdim=True)
            x = x + self.scale * (x * (size / (size.mean(1, keepdim=True) + 1e-6)))
            x = torch.cat([self.cls.expand(len(x), -1, -1), x.flatten(2).transpose(1, 2)], 1) + self.places
            return self.head(self.norm(self.blocks(x))[:, 0])

    class Plain(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.norm = nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8)
            self.head = nn.Linear(8, 10)

        def forward(self, x):
            a, b = F.hardswish(self.norm(self.conv(x))).chunk(2, 1)
            return self.head(torch.cat([F.silu(b), a], 1).mean((2, 3)))
"""


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(".")
    Path("nets.py").write_text(dedent(TOKENS))


@cache
def by_module(name: str) -> Imported:
    """What the module itself is lifted to."""
    return run_import(Asked(f"module:nets.py:{name}", (3, 32, 32)), lambda _: [])


def exported(name: str, opset: int, *, fold: bool) -> None:
    """The module with numbers of their own for all biases and scales, by PyTorch's exporter of traces."""
    import importlib.util

    import torch

    spec = importlib.util.spec_from_file_location("nets_of_onnx", "nets.py")
    assert spec is not None and spec.loader is not None  # noqa: PT018
    code = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(code)
    torch.manual_seed(0)
    made = getattr(code, name)().eval()
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for parameter in made.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape))
        axes = {"x": {0: "n"}} if fold else None
        torch.onnx.export(
            made,
            (torch.randn(2 if fold else 1, 3, 32, 32),),
            "net.onnx",
            opset_version=opset,
            dynamo=False,
            input_names=["x"],
            dynamic_axes=axes,
            do_constant_folding=fold,
        )


@pytest.mark.parametrize(("opset", "fold"), [(14, True), (17, False)])
def test_what_an_exporter_takes_apart_is_put_together(opset: int, fold: bool) -> None:
    """Norms, attention, both forms of GELU, a norm over space and a token of a class: the network is that of the
    module, whether the file takes any number of images or one, and however its constants are worked out."""
    exported("Tokens", opset, fold=fold)
    nodes = {node.op_type for node in onnx.load("net.onnx").graph.node}
    assert {"Erf", "Tanh", "ReduceL2", "Softmax", "Expand" if fold else "Concat"} <= nodes
    assert ("LayerNormalization" in nodes) == (opset > 16)
    found = run_import(Asked("net.onnx"), lambda _: [])
    assert not found.lifted.gaps
    assert found.proof is not None
    assert found.proof.holds, found.proof.fault
    assert computes(found.lifted.network) == computes(by_module("Tokens").lifted.network)
    assert found.written is not None
    assert found.written.text.count("\nblock block_module(") == 1
    assert "depth: 2" in found.written.text or "|     2 |" in found.written.text


def test_a_folded_norm_is_told() -> None:
    """The file is no network that ships, but one with its norms folded; parts of a value by slices are one split."""
    exported("Plain", 17, fold=True)
    module = by_module("Plain").lifted.network
    digest = computes(folded(module).network)
    found = run_import(Asked("net.onnx"), lambda _: [], lambda one: ["given"] if one == digest else [])
    assert found.proof is not None
    assert found.proof.holds, found.proof.fault
    assert [note for note in found.notes if "it computes what given computes with its norms folded" in note]
    used = [node.operation.name for node in found.lifted.network.nodes]
    assert used == ["conv", "hard_swish", "split", "silu", "concat", "global_pool", "linear"]


def test_a_norm_that_stays_has_its_running_statistics() -> None:
    """In a file of a version for which onnx's evaluator takes those of the images, too."""
    exported("Plain", 13, fold=False)
    assert "BatchNormalization" in {node.op_type for node in onnx.load("net.onnx").graph.node}
    found = run_import(Asked("net.onnx"), lambda _: [])
    assert found.proof is not None
    assert found.proof.holds, found.proof.fault
    assert computes(found.lifted.network) == computes(by_module("Plain").lifted.network)


def activations(nodes: Sequence[tuple[str, list[str], str]], **numbers: float) -> None:
    """A convolution, nodes on `x`, and a file of them."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    values = np.random.default_rng(0).uniform(0.5, 1.5, (4, 3, 1, 1)).astype(np.float32)
    tensors: list[Any] = [numpy_helper.from_array(values, "w")]
    tensors += [helper.make_tensor(name, TensorProto.FLOAT, [], [value]) for name, value in numbers.items()]
    made = [helper.make_node("Conv", ["image", "w"], ["x"])]
    made += [helper.make_node(kind, given, [out]) for kind, given, out in nodes]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, 8, 8])
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 4, 8, 8])
    graph = helper.make_graph(made, "g", [image], [result], tensors)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), "net.onnx")


NUMBERS = {
    "two": 2**0.5,
    "one": 1.0,
    "half": 0.5,
    "three": 3.0,
    "none": 0.0,
    "six": 6.0,
    "cube": 0.044715,
    "pi": 0.7978846,
}
ERF = [("Div", ["x", "two"], "a"), ("Erf", ["a"], "b"), ("Add", ["b", "one"], "c")]


@pytest.mark.parametrize(
    ("nodes", "is_one"),
    [
        ([*ERF, ("Mul", ["c", "half"], "d"), ("Mul", ["x", "d"], "y")], "gelu"),
        ([*ERF, ("Mul", ["x", "half"], "d"), ("Mul", ["d", "c"], "y")], "gelu"),
        (
            [("Add", ["x", "three"], "a"), ("Clip", ["a", "none", "six"], "b"), ("Div", ["b", "six"], "y")],
            "hard_sigmoid",
        ),
        (
            [("Add", ["x", "three"], "a"), ("Clip", ["a", "none", "six"], "b"), ("Mul", ["x", "b"], "c"),
             ("Div", ["c", "six"], "y")], "hard_swish",
        ),
        (
            [("Mul", ["x", "x"], "a"), ("Mul", ["a", "x"], "b"), ("Mul", ["b", "cube"], "c"), ("Add", ["x", "c"], "d"),
             ("Mul", ["d", "pi"], "e"), ("Tanh", ["e"], "f"), ("Add", ["f", "one"], "g"), ("Mul", ["x", "g"], "h"),
             ("Mul", ["h", "half"], "y")], "gelu",
        ),
        ([("Softplus", ["x"], "a"), ("Tanh", ["a"], "b"), ("Mul", ["x", "b"], "y")], "mish"),
        ([("Sigmoid", ["x"], "a"), ("Mul", ["a", "x"], "y")], "silu"),
        ([*ERF, ("Mul", ["c", "x"], "y")], None),
        ([("Erf", ["x"], "y")], None),
    ],
)  # fmt: skip
def test_functions_of_several_nodes(nodes: Sequence[tuple[str, list[str], str]], is_one: str | None) -> None:
    """In whatever order they stand; one that is none of ours is refused by name."""
    activations(nodes, **NUMBERS)
    found = run_import(Asked("net.onnx"), lambda _: [])
    if is_one is None:
        assert [gap.operation for gap in found.lifted.gaps] == ["erf"]
        return
    assert [node.operation.name for node in found.lifted.network.nodes] == ["conv", is_one]
    assert found.proof is not None
    assert found.proof.holds, found.proof.fault
    assert not [note for note in found.notes if "taken for constant" in note]
