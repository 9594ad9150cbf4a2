"""`archdsl import`: modules of PyTorch and exported programs as texts, each with its proof, and what is refused."""

from __future__ import annotations

import json
import os
import pickle
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

pytest.importorskip("torch", reason="what is imported is a module of PyTorch")

import archdsl
from archdsl.cli import main
from archdsl.commands import shelf
from archdsl.commands.zoo import models
from archdsl.importing import Asked, run_import
from archdsl.lifting.alike import computes
from archdsl.lifting.imported import Imported, Shipped
from archdsl.lifting.pairs import TRAINED
from archdsl.lifting.proof import params_of
from archdsl.lifting.relations import expression

RESIDUAL = """
import torch
from torch import nn

class DropPath(nn.Module):
    def __init__(self, drop_prob): super().__init__(); self.drop_prob = drop_prob
    def forward(self, x): return x

class Gate(nn.Module):
    def __init__(self, c, w): super().__init__(); self.a = nn.Conv2d(c, w, 1); self.b = nn.Conv2d(w, c, 1)
    def forward(self, x): return x * self.b(self.a(x.mean((2, 3), keepdim=True)).relu()).sigmoid()

class Bottle(nn.Module):
    def __init__(self, c, w, s, drop):
        super().__init__()
        self.a, self.n = nn.Conv2d(c, w, 1, bias=False), nn.BatchNorm2d(w, eps=1e-3)
        self.b, self.m = nn.Conv2d(w, w, 3, s, 1, groups=w // 8, bias=False), nn.BatchNorm2d(w)
        self.g = Gate(w, c // 4)
        self.down = nn.Conv2d(c, w, 1, s) if s > 1 or c != w else nn.Identity()
        self.drop = DropPath(drop)
    def forward(self, x):
        y = self.g(self.m(self.b(torch.relu(self.n(self.a(x))))))
        return torch.relu(self.drop(y) + self.down(x))

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, 2, 1)
        sizes = [(16, 16, 1), (16, 32, 2), (32, 32, 1), (32, 64, 2), (64, 64, 1)]
        self.blocks = nn.Sequential(*[Bottle(*s, i / 16) for i, s in enumerate(sizes)])
        self.head = nn.Linear(64, 10)
    def forward(self, x):
        x = nn.functional.adaptive_avg_pool2d(self.blocks(self.stem(x)), 1).flatten(1)
        return self.head(nn.functional.dropout(x, 0.3, self.training))

class Raises(nn.Module):
    def forward(self, x): raise ValueError("no\\nway")

class Odd(nn.Module):
    def __init__(self): super().__init__(); self.c = nn.Conv2d(3, 8, 3, padding=1); self.d = nn.Conv2d(8, 8, 3)
    def forward(self, x): return self.d(torch.sort(self.c(x), dim=3).values)

class Sized(Odd):
    def forward(self, x): return self.d(self.c(x)) * (2 if x.shape[3] == 161 else 1)

class Tied(Odd):
    def forward(self, x): return self.d(self.d(self.c(x)))

class Decides(Odd):
    def forward(self, x): return self.d(self.c(x)) if x.sum() > 0 else self.d(-self.c(x))

class Offsets(nn.Module):
    def __init__(self):
        super().__init__()
        self.c, self.qkv, self.o = nn.Conv2d(3, 16, 16, 16), nn.Linear(16, 48), nn.Linear(16, 16)
        self.table = nn.Parameter(torch.zeros(7 * 7, 2))
        at = torch.arange(4)
        rows, columns = at.repeat_interleave(4), at.repeat(4)
        down, along = rows[:, None] - rows[None] + 3, columns[:, None] - columns[None] + 3
        self.register_buffer("index", down * 7 + along)
    def forward(self, x):
        x = self.c(x).flatten(2).transpose(1, 2)
        q, k, v = self.qkv(x).reshape(x.shape[0], 16, 3, 2, 8).permute(2, 0, 3, 1, 4).unbind(0)
        bias = self.table[self.index.view(-1)].view(16, 16, -1).permute(2, 0, 1).unsqueeze(0)
        y = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=bias)
        return self.o(y.transpose(1, 2).reshape(x.shape)).mean(1)

class Windows(nn.Module):
    def __init__(self): super().__init__(); self.c, self.l = nn.Conv2d(3, 8, 8, 8), nn.Linear(8, 8)
    def forward(self, x):
        x = self.c(x).permute(0, 2, 3, 1)
        h, w = x.shape[1] // 2, x.shape[2] // 2
        y = x.view(-1, h, 2, w, 2, 8).transpose(2, 3).reshape(-1, 4, 8)
        y = nn.functional.scaled_dot_product_attention(self.l(y), y, y)
        return y.view(-1, h, w, 2, 2, 8).transpose(2, 3).reshape(-1, 2 * h, 2 * w, 8).permute(0, 3, 1, 2)

class Worked(Offsets):
    def __init__(self): super().__init__(); self.f = nn.Parameter(torch.ones(16))
    def forward(self, x): return self.c(x).mean((2, 3)) + self.f.exp()

class Standard(nn.Conv2d):
    def __init__(self): super().__init__(3, 8, 3, padding=1); self.gain = nn.Parameter(torch.ones(8, 1, 1, 1))
    def forward(self, x):
        rows, factor = self.weight.reshape(1, 8, -1), (self.gain * 0.25).view(-1)
        weight = nn.functional.batch_norm(rows, None, None, weight=factor, training=True, momentum=0.0, eps=1e-5)
        a, b = nn.functional.conv2d(x, weight.reshape_as(self.weight), self.bias, padding=1).chunk(2, 1)
        means = [part.mean((2, 3), keepdim=True) for part in (a, b)]
        return (torch.stack((a, b), 1) * torch.stack(means, 1).softmax(1)).sum(1)

class Small(nn.Module):
    def __init__(self): super().__init__(); self.c = nn.Conv2d(3, 8, 3, padding=1); self.b = nn.BatchNorm2d(8)
    def forward(self, x): return torch.relu(self.b(self.c(x)))
"""

EXPECTED = """
arch 1
use std.ops { batch_norm, conv, drop_path, dropout, global_pool, linear, relu, sigmoid }

block gate(x; width) {
  return x * (x -> global_pool -> conv(width, kernel: 1, bias: true) -> relu
                -> conv(x.channels, kernel: 1, bias: true) -> sigmoid)
}

block bottle(x; width, stride: 1, drop: 0) {
  branch = x -> conv(width, kernel: 1) -> batch_norm(eps: 1e-3) -> relu
             -> conv(width, kernel: 3, stride: stride, groups: width / 8) -> batch_norm -> gate(x.channels / 4)
             -> drop_path(drop) when drop > 0
  return relu(branch + (x if stride == 1 and x.channels == width
                        else x -> conv(width, kernel: 1, stride: stride, bias: true)))
}

model net {
  input:  3 x 64 x 64
  stem:   conv(16, kernel: 3, stride: 2, bias: true)
  stages: bottle { width: [16, 32, 64]  depth: [1, 2, 2]  stride: [1, 2, 2]  drop: block.index / 16 }
  head:   global_pool -> dropout(0.3) -> linear(10)
}
"""


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with the modules, and no comparison with all that ships."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(shelf, "shipped_with", lambda _: [])
    Path("nets.py").write_text(dedent(RESIDUAL))


def lifted(name: str, size: tuple[int, int, int] = (3, 64, 64)) -> Imported:
    return run_import(Asked(f"module:nets.py:{name}", size), lambda _: [])


def test_a_module_is_written_as_a_person_would(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", "module:nets.py:Net", "--input", "3x64x64", "--format", "json"]) == 0
    out, err = capsys.readouterr()
    assert err == "importing module:nets.py:Net runs its code\n"
    report, text = json.loads(out), Path("net.arch").read_text()
    assert report["text"] == text
    assert report["proved"]
    assert report["path"] == "net.arch"
    assert report["hash"] == archdsl.compile_text(EXPECTED).hash == archdsl.compile("net.arch").hash
    for said in (
        "stride == 1 and x.channels == width",
        "groups: width / 8",
        "when drop > 0",
        "drop: 0.25 * block.index / (block.count - 1)",
    ):
        assert said in text
    assert text.count("\nblock ") == 1
    assert "squeeze_excite(x.channels / 4)" in text
    assert "pool_head(classes: 10, dropout_rate: 0.3)" in text
    sizes = [(one["input"], one["equal"]) for one in report["proof"]["compared"]]
    assert sizes == [([3, 96, 128], True), ([3, 125, 161], True)]
    assert report["proof"]["params"] == report["proof"]["source_params"] == report["params"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("Raises", "ValueError: no"),
        ("Odd", "not lifted: sort"),
        ("Sized", "NOT PROVED: for images of 3 x 125 x 161 outputs differ"),
        ("Tied", "NOT PROVED: the text has 1,392 parameters, and the source 808: several operations read its "),
        ("nothing", "it has no function nothing"),
    ],
)
def test_what_fails_is_said_and_not_written(name: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", f"module:nets.py:{name}", "-o", "out.arch"]) == 1
    out, err = capsys.readouterr()
    assert says in out + err
    assert "Traceback" not in err
    assert not Path("out.arch").exists()


def test_what_pytorch_prints_is_not_said(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["import", "module:nets.py:Decides"]) == 1
    first, second = capfd.readouterr().err.splitlines()
    assert first == "importing module:nets.py:Decides runs its code"
    assert second.startswith("Error: module:nets.py:Decides: its forward cannot be followed: GuardOnDataDependent")


def test_a_part_is_written_where_it_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", "module:nets.py:Odd", "-o", "out.arch", "--partial"]) == 1
    assert "wrote out.arch" in capsys.readouterr().out
    text = Path("out.arch").read_text()
    assert "# NOT WHOLE" in text
    assert "sort in the network" in text
    assert len(archdsl.compile("out.arch").graph) == 2  # the image and one convolution


@pytest.mark.parametrize(
    "arguments",
    [
        ["net.txt"],
        ["timm:no_such_model"],
        ["module:gone.py:f"],
        ["module:nets.py"],
        ["gone.pt2"],
        ["module:nets.py:Net", "--input", "3x0x4"],
        ["module:nets.py:Net", "--with", "a"],
        ["module:nets.py:Net", "--name", "4 words"],
        ["module:nets.py:Net", "--with", "width=3"],
    ],
)
def test_other_sources_and_options_are_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["import", *arguments])
    err = capsys.readouterr().err
    assert code in (1, 2)
    assert "Error: " in err
    assert "Traceback" not in err
    assert not list(Path().glob("*.arch"))


def exported_small() -> None:
    import torch
    from nets import Small  # type: ignore[import-not-found]

    program = torch.export.export(Small().eval(), (torch.zeros(2, 3, 32, 32),))
    torch.export.save(program, "small.pt2")


def changed(change: Callable[[str, bytes], bytes]) -> None:
    with zipfile.ZipFile("small.pt2") as archive, zipfile.ZipFile("evil.pt2", "w") as written:
        for entry in archive.infolist():
            written.writestr(entry.filename, change(entry.filename, archive.read(entry)))


class Runs:
    """What a pickle would run."""

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("touch RAN",)


def evil(part: str, change: Callable[[bytes], bytes]) -> Callable[[str, bytes], bytes]:
    return lambda name, content: change(content) if name.endswith(part) else content


EVIL: Sequence[tuple[str, Callable[[bytes], bytes], str]] = [
    ("model.json", lambda c: c.replace(b"torch.ops.aten.relu.default", b"torch.os.system"), "torch.os.system"),
    ("model.json", lambda c: c.replace(b'"as_int": 32', b'"as_expr": {"expr_str": "print(1)"}'), "worked out"),
    ("sample_inputs/model.pt", lambda _: pickle.dumps(Runs()), "PyTorch does not read it"),
    ("weights_config.json", lambda c: c.replace(b'"use_pickle": false', b'"use_pickle": true'), "is a pickle"),
    ("model.json", lambda c: c[: len(c) // 2], "is no JSON"),
]


def test_a_program_is_read_and_its_code_never_run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(".")
    exported_small()
    assert main(["import", "small.pt2", "--format", "json"]) == 0
    out, err = capsys.readouterr()
    report = json.loads(out)
    assert not err
    assert report["proved"]
    assert report["hash"] == lifted("Small", (3, 32, 32)).lifted.network.hash
    for option in (["--input", "3x64x64"], ["--with", "width=3"]):
        assert main(["import", "small.pt2", "--force", *option]) == 1
        assert option[0] in capsys.readouterr().err
    for part, change, says in EVIL:
        changed(evil(part, change))
        assert main(["import", "evil.pt2"]) == 1
        assert says in capsys.readouterr().err
    Path("cut.pt2").write_bytes(Path("small.pt2").read_bytes()[:5000])
    assert main(["import", "cut.pt2"]) == 1
    assert "cut off" in capsys.readouterr().err
    assert not Path("RAN").exists()
    assert not Path("evil.arch").exists()


@pytest.mark.parametrize("name", ["rexnet_0_9x", "sk_resnet18"])
def test_an_emitted_module_comes_back_as_the_network(name: str) -> None:
    spec = archdsl.compile(name)
    (file,) = [text for path, text in spec.emit("torch").items() if path.endswith(".py")]
    Path("emitted.py").write_text(file)
    network = next(made.network for _, _, made in models([spec_family(name)], [name]))
    alike, still = computes(network), computes(network, TRAINED)
    known = Shipped(name, params_of(network), alike, still, lambda: network)
    (built,) = [line.split()[1].split("(")[0] for line in file.splitlines() if line.startswith("def " + name)] or [
        type(spec.module()).__name__
    ]
    found = run_import(Asked(f"module:emitted.py:{built}"), lambda _: [known])
    assert found.same == name
    assert found.written is not None
    assert found.written.compiled.network.hash == spec.hash
    assert found.proof is not None
    assert found.proof.holds


def spec_family(name: str) -> str:
    from archdsl.zoo import declared, families

    return next(family for family, paths in families().items() if declared()[name] in paths)


@pytest.mark.parametrize(
    ("name", "holds"),
    [
        ("Offsets", {"relative_bias", "attention"}),
        ("Windows", {"attention", "tokens", "map"}),
        ("Standard", {"std_conv", "joint_softmax", "split"}),
    ],
)
def test_other_layouts_become_operations_of_the_language(name: str, holds: set[str]) -> None:
    found = lifted(name)
    assert not found.lifted.gaps
    assert found.proof is not None
    assert found.proof.holds
    assert holds <= {node.operation.name for node in found.lifted.network.nodes}


def test_what_is_worked_out_of_weights_is_no_weight() -> None:
    (gap,) = lifted("Worked").lifted.gaps
    assert "worked out" in gap.reason


def onnx_file(path: str, change: Callable[[Any], None] = lambda _: None) -> None:
    """A convolution with a norm, an activation, and a classifier."""
    pytest.importorskip("onnx", reason="files of ONNX are made and read by it")
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    def numbers(name: str, *shape: int) -> Any:
        values = np.random.default_rng(len(name)).uniform(0.5, 1.5, shape).astype(np.float32)
        return numpy_helper.from_array(values, name)

    nodes = [
        helper.make_node("Conv", ["x", "c.w"], ["1"], name="/c/Conv", pads=[0, 0, 1, 1], strides=[2, 2]),
        helper.make_node("BatchNormalization", ["1", "n.w", "n.w", "n.m", "n.v"], ["2"], name="/n/Norm", epsilon=1e-3),
        helper.make_node("HardSigmoid", ["2"], ["3"], alpha=1 / 6),
        helper.make_node("Mul", ["2", "3"], ["4"]),
        helper.make_node("GlobalAveragePool", ["4"], ["5"]),
        helper.make_node("Flatten", ["5"], ["6"]),
        helper.make_node("Gemm", ["6", "l.w", "l.b"], ["y"], name="/l/Gemm", transB=1),
    ]
    tensors = [
        numbers("c.w", 8, 3, 3, 3),
        *[numbers(f"n.{k}", 8) for k in "wmv"],
        numbers("l.w", 5, 8),
        numbers("l.b", 5),
    ]
    images = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 32, 32])
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 5])
    model = helper.make_model(helper.make_graph(nodes, "g", [images], [result], tensors))
    change(model)
    Path(path).write_bytes(model.SerializeToString())


def outside(model: Any) -> None:
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = 1
    tensor.external_data.add(key="location", value="../secret")


def lies(model: Any) -> None:
    model.graph.initializer[0].dims[0] = 80


def foreign(model: Any) -> None:
    model.graph.node[2].domain = "com.other"


def clipped_and_parted(model: Any) -> None:
    """Between norm and pool a clip whose ends are tensors, and halves whose widths stand nowhere."""
    from onnx import TensorProto, helper

    nodes = list(model.graph.node)
    nodes[2:4] = [
        helper.make_node("Clip", ["2", "low", "high"], ["3"]),
        helper.make_node("Split", ["3"], ["a", "b"], axis=1, num_outputs=2),
        helper.make_node("Concat", ["b", "a"], ["4"], axis=1),
    ]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    for name, end in (("low", 0.0), ("high", 6.0)):
        model.graph.initializer.append(helper.make_tensor(name, TensorProto.FLOAT, [], [end]))


def test_settings_of_an_onnx_file_are_no_weights(capsys: pytest.CaptureFixture[str]) -> None:
    onnx_file("parted.onnx", clipped_and_parted)
    assert main(["import", "parted.onnx", "--format", "json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["proved"]
    assert report["params"] == 8 * 27 + 16 + 45
    used = {node.operation.name for node in archdsl.compile("parted.arch").network.nodes}
    assert used == {"conv", "batch_norm", "relu6", "split", "concat", "global_pool", "linear"}


def single(model: Any) -> None:
    """One number out, by a product and a sum; and a factor of one number, which may have been learned or not."""
    from onnx import TensorProto, helper

    nodes = list(model.graph.node)
    nodes[6:] = [
        helper.make_node("MatMul", ["6", "last.w"], ["7"]),
        helper.make_node("Add", ["7", "last.b"], ["8"]),
        helper.make_node("Mul", ["8", "ga\x1bin"], ["y"]),
    ]
    del model.graph.node[:], model.graph.initializer[-2:]
    model.graph.node.extend(nodes)
    for name, shape, value in (("last.w", [8, 1], 0.5), ("last.b", [1], 0.25), ("ga\x1bin", [1], 3.0)):
        count = 8 if name == "last.w" else 1
        model.graph.initializer.append(helper.make_tensor(name, TensorProto.FLOAT, shape, [value] * count))


def test_single_numbers_of_an_onnx_file(capsys: pytest.CaptureFixture[str]) -> None:
    """A bias of one number is learned as others are; of a factor of one number it is said that nobody knows."""
    onnx_file("single.onnx", single)
    assert main(["import", "single.onnx"]) == 0
    out = capsys.readouterr().out
    assert "proved equal" in out
    assert "\n  241 parameters," in out
    assert "note: ga\\u{1B}in is taken for constant" in out
    assert "linear(1) -> scale(3)" in Path("single.arch").read_text()


def test_an_onnx_file_is_read_and_not_trusted(capsys: pytest.CaptureFixture[str]) -> None:
    onnx_file("net.onnx")
    assert main(["import", "net.onnx", "--format", "json"]) == 0
    out, err = capsys.readouterr()
    report = json.loads(out)
    assert not err
    expected = """arch 1
use std.ops { batch_norm, conv, global_pool, hard_swish, linear }
model net {
  input:  3 x 32 x 32
  stem:   conv(8, kernel: 3, stride: 2, padding: [0, 1, 0, 1])
  stages: [batch_norm { eps: 1e-3 }]
  head:   hard_swish -> global_pool -> linear(5)
}
"""
    assert report["hash"] == archdsl.compile_text(expected).hash
    assert report["params"] == 8 * 27 + 16 + 45
    Path("net.arch").unlink()
    Path("../secret").write_bytes(bytes(864))
    for change, says in (
        (outside, "in no file of its folder"),
        (lies, "is not what it says"),
        (foreign, "HardSigmoid"),
    ):
        onnx_file("evil.onnx", change)
        assert main(["import", "evil.onnx"]) == 1
        assert says in capsys.readouterr().err
    Path("cut.onnx").write_bytes(Path("net.onnx").read_bytes()[:600])
    assert main(["import", "cut.onnx"]) == 1
    assert "cut off" in capsys.readouterr().err
    assert not list(Path().glob("*.arch"))


def test_expressions_give_exactly_the_numbers() -> None:
    known = {"x.channels": (16, 24, 40), "width": (24, 40, 80)}
    assert expression((96, 144, 240), known) == "6 * x.channels"
    assert expression((4, 6, 10), known) == "x.channels / 4"
    assert expression((5, 8, 13), known) == "x.channels // 3"
    assert expression((None, 40, 80), known) == "width"
    assert expression((96, 144, 241), known) is None
    assert expression((5, 8, 14), known) is None
