"""Nodes of ONNX that are no operations of PyTorch one by one, in files made by hand and by PyTorch's exporter; onnx's
reference evaluator says what each computes."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from archdsl.importing import Asked, run_import
from archdsl.lifting.alike import computes
from archdsl.lifting.imported import Imported

onnx = pytest.importorskip("onnx", reason="files of ONNX are made and read by it")

Tensors = dict[str, Sequence[int]]


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def imported(nodes: Sequence[Any], tensors: Tensors, version: int, out: Sequence[Any], side: int = 16) -> Imported:
    """What comes of a file with nodes on `x`, images of 3 x side x side; `tensors` are learned ones, by name."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    random = np.random.default_rng(0)
    learned = [numpy_helper.from_array(random.normal(size=shape).astype("float32"), name)
               for name, shape in tensors.items()]  # fmt: skip
    image = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, side, side])
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, out)
    graph = helper.make_graph(list(nodes), "g", [image], [result], learned)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", version)]), "net.onnx")
    return run_import(Asked("net.onnx"), lambda _: [])


def proved(found: Imported) -> list[Any]:
    """The operations of what was proved."""
    assert not found.lifted.gaps
    assert found.proof is not None
    assert found.proof.holds, found.proof.fault
    return [node.operation for node in found.lifted.network.nodes]


def node(kind: str, given: str, out: str, **attributes: Any) -> Any:
    return onnx.helper.make_node(kind, given.split(), [out], **attributes)


def test_borders_that_a_node_names() -> None:
    """TensorFlow's SAME is so at every size, odd ones too: the proof compares at such."""
    same = {"auto_pad": "SAME_UPPER", "strides": [2, 2]}
    nodes = [
        node("Conv", "x w", "a", **same),
        node("MaxPool", "a", "b", kernel_shape=[3, 3], **same),
        node("Conv", "b u", "c", auto_pad="SAME_LOWER"),
        node("AveragePool", "c", "d", kernel_shape=[2, 2], auto_pad="SAME_UPPER"),
        node("MaxPool", "d", "y", kernel_shape=[2, 2], auto_pad="VALID"),
    ]
    found = imported(nodes, {"w": (8, 3, 3, 3), "u": (8, 8, 4, 4)}, 17, ["n", 8, None, None], 32)
    paddings = [operation.padding for operation in proved(found)]
    assert paddings == ["same", "same", (2, 1, 2, 1), "same", (0, 0, 0, 0)]


def test_a_border_that_depends_on_the_size_in_a_way_of_its_own_is_refused() -> None:
    given = {"auto_pad": "SAME_LOWER", "strides": [2, 2]}
    found = imported([node("Conv", "x w", "y", **given)], {"w": (8, 3, 3, 3)}, 17, ["n", 8, None, None])
    assert [gap.reason for gap in found.lifted.gaps] == ["a border by SAME_LOWER that depends on the size"]


NORMS = [node("Conv", "x w", "a"), node("GroupNormalization", "a s b", "y", num_groups=4, epsilon=1e-3)] if onnx else []


def test_group_norms() -> None:
    """Scales of groups, as version 18 has them, are no scales of channels."""
    tensors: Tensors = {"w": (8, 3, 1, 1), "s": (8,), "b": (8,)}
    conv, norm = proved(imported(NORMS, tensors, 21, ["n", 8, None, None]))
    assert (conv.name, norm.name, norm.groups, float(norm.eps)) == ("conv", "group_norm", 4, 1e-3)
    found = imported(NORMS, {**tensors, "s": (4,), "b": (4,)}, 18, ["n", 8, None, None])
    assert [gap.operation for gap in found.lifted.gaps] == ["GroupNormalization"]


@pytest.mark.parametrize("fold", [True, False])
def test_group_norms_as_an_exporter_writes_them(fold: bool) -> None:
    """A norm of each group, behind it a scale and a shift: one group norm. One of each channel is one, too."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    made = nn.Sequential(
        nn.Conv2d(3, 8, 3, 2), nn.GroupNorm(4, 8), nn.ReLU(), nn.GroupNorm(1, 8), nn.InstanceNorm2d(8, affine=True)
    ).eval()
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for parameter in made.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape))
        torch.onnx.export(made, (torch.randn(2, 3, 32, 32),), "net.onnx", opset_version=14, dynamo=False,
                          do_constant_folding=fold, dynamic_axes={"x": {0: "n"}}, input_names=["x"])  # fmt: skip
    kinds = [one.op_type for one in onnx.load("net.onnx").graph.node]
    assert kinds.count("InstanceNormalization") == 3
    assert "GroupNormalization" not in kinds
    found = run_import(Asked("net.onnx"), lambda _: [])
    groups = [operation.groups for operation in proved(found) if operation.name == "group_norm"]
    assert groups == [4, 1, 8]
    Path("own.py").write_text(
        "from torch import nn\n"
        "def make(): return nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.GroupNorm(4, 8), nn.ReLU(), nn.GroupNorm(1, 8),"
        " nn.InstanceNorm2d(8, affine=True))\n"
    )
    module = run_import(Asked("module:own.py:make", (3, 32, 32)), lambda _: [])
    assert proved(module)
    assert computes(module.lifted.network) == computes(found.lifted.network)


def attended(heads: bool, **attributes: Any) -> Imported:
    """An rms norm of tokens, and attention among them: in heads already, or to be split."""
    reshape = node("Reshape", "x0 flat", "t0")
    nodes = [
        onnx.helper.make_node("Constant", [], ["flat"], value_ints=[0, 12, -1]),
        onnx.helper.make_node("Constant", [], ["split"], value_ints=[0, 0, 3, 4]),
        onnx.helper.make_node("Constant", [], ["whole"], value_ints=[0, 0, 12]),
        node("Conv", "x w", "x0", strides=[4, 4]),
        reshape,
        node("Transpose", "t0", "t1", perm=[0, 2, 1]),
        node("RMSNormalization", "t1 s", "t", epsilon=1e-4),
        *[node("MatMul", f"t {one}w", f"{one}0") for one in "qkv"],
    ]
    for one in "qkv" if heads else "":
        nodes += [node("Reshape", f"{one}0 split", f"{one}1"),
                  node("Transpose", f"{one}1", f"{one}", perm=[0, 2, 1, 3])]  # fmt: skip
    if heads:
        nodes += [node("Attention", "q k v", "o", **attributes), node("Transpose", "o", "p", perm=[0, 2, 1, 3]),
                  node("Reshape", "p whole", "y")]  # fmt: skip
    else:
        nodes += [node("Attention", "q0 k0 v0", "y", q_num_heads=3, kv_num_heads=3, **attributes)]
    tensors: Tensors = {"w": (12, 3, 4, 4), "s": (12,), **{f"{one}w": (12, 12) for one in "qkv"}}
    return imported(nodes, tensors, 23, ["n", 16, 12])


@pytest.mark.parametrize("heads", [True, False])
def test_attention_as_one_node(heads: bool) -> None:
    plain, scaled = attended(heads), attended(heads, scale=0.25)
    names = [operation.name for operation in proved(plain)]
    assert names.count("attention") == 1
    assert names[:8] == ["conv", "tokens", "square", "mean", "affine", "sqrt", "div", "layer_scale"]
    assert [one.factor for one in proved(scaled) if one.name == "scale"] == [0.5]
    causal = attended(heads, is_causal=1)
    assert [gap.reason for gap in causal.lifted.gaps] == ["attention with is_causal"]
