"""Exported files compute what the emitted module computes: in their runtimes, and by ONNX's own reference in NumPy.

What is compared by the command itself is not taken for proof: the ONNX files are evaluated here by
`onnx.reference`, which shares nothing with ONNX Runtime, on other images.
"""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy
import onnx
import pytest
import torch
from onnx.reference import ReferenceEvaluator
from pydantic import TypeAdapter
from safetensors.torch import save_file
from sampling import TIMES

import archdsl
from archdsl.cli import main
from archdsl.exporting import pt2
from archdsl.exporting.differences import difference, drawn_images, exact_enough, near_enough, rounding
from archdsl.exporting.states import draw
from archdsl.exporting.targets import Built
from archdsl.exporting.tracing import Traced
from archdsl.views.export import ExportReport

SMALL = """\
arch 1
use std.ops { conv, batch_norm, relu, silu, linear, global_pool, avg_pool }

block cell(x; width, stride: 1) {
  a = x -> batch_norm -> relu -> conv(width, kernel: 3, stride: stride) -> batch_norm
  b = x -> conv(width, kernel: 1, stride: stride)
  return silu(a + b)
}
block stem(x; width) {
  y = x -> conv(width, kernel: 3, stride: 2, padding: PADDING) -> batch_norm -> relu
  return y -> avg_pool(3, stride: 1, padding: 1)
}
block head(x; classes: 10) = x -> global_pool -> linear(classes)

model small {
  input:  3 x 24 x 32
  stem:   stem(width: 8)
  stages: cell { depth: [1, 1]  width: [8, 16]  stride: 2 }
  head:   head
}
"""
ROOT = Path(__file__).parents[2]
Files = Callable[..., tuple[ExportReport, Path]]


@pytest.fixture
def net(tmp_path: Path) -> Path:
    path = tmp_path / "small.arch"
    path.write_text(SMALL.replace("PADDING", "1"))
    return path


@pytest.fixture
def export(net: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Files:
    def run(name: str, *options: str, spec: Path | str = net) -> tuple[ExportReport, Path]:
        path = tmp_path / name
        assert main(["export", str(spec), "-o", str(path), "--format", "json", *options]) == 0
        return TypeAdapter(ExportReport).validate_python(json.loads(capsys.readouterr().out)), path

    return run


def weights_of(net: Path, path: Path) -> torch.nn.Module:
    """The module with drawn weights, which `path` has then."""
    torch.manual_seed(5)
    compiled = archdsl.compile(net)
    module = compiled.module().eval()
    draw(module, 7, [int(extent) for extent in compiled.network.input])
    save_file(module.state_dict(), path)
    return module


def by_reference(path: Path, images: torch.Tensor) -> list[numpy.ndarray[Any, Any]]:
    return list(ReferenceEvaluator(str(path)).run(None, {"image": images.numpy()}))


def test_an_onnx_file_is_the_module_by_another_evaluator(net: Path, export: Files, tmp_path: Path) -> None:
    module = weights_of(net, tmp_path / "w.safetensors")
    report, path = export("small.onnx", "--weights", str(tmp_path / "w.safetensors"), "--dynamic", "size")
    assert [(c.batch, c.height, c.width) for c in report.checks] == [(1, 24, 32), (3, 24, 32), (1, 56, 96), (3, 56, 96)]
    assert max(c.share or 0 for c in report.checks) < 1e-5
    assert (report.outputs, report.opset, report.files[0].bytes) == (["logits"], 20, path.stat().st_size)
    # Norms in front of a cell's first activation stand behind no convolution alone: they stay, the others are folded.
    assert (report.norms_left, report.norms_missed) == (report.operations["BatchNormalization"], 0) == (2, 0)
    for size in ((5, 3, 24, 32), (2, 3, 40, 25)):
        images = torch.randn(size)
        with torch.no_grad():
            numpy.testing.assert_allclose(by_reference(path, images)[0], module(images).numpy(), atol=1e-5)
    proto = onnx.load(path)
    shape = [d.dim_param or d.dim_value for d in proto.graph.input[0].type.tensor_type.shape.dim]
    assert shape == ["batch", 3, "height", "width"]
    told = {entry.key: entry.value for entry in proto.metadata_props}
    assert (told["archdsl.network"], told["archdsl.hash"]) == ("small", report.hash)
    assert str(Path(torch.__file__).parent).encode() not in path.read_bytes()


@pytest.mark.parametrize(("network", "size", "dynamic", "left"), [
    ("anynet_small", 8, "size", 0),
    ("regnety_200mf", 32, "size", 0),
    ("mobilenetv3_large", 64, "size", 0),
    ("botnet26_t", 32, "batch", 2),  # attention with a bias that is learned, which PyTorch computes by other strides
][: None if TIMES > 1 else 1])  # fmt: skip
def test_families(network: str, size: int, dynamic: str, left: int, export: Files) -> None:
    """Of the zoo, cut short; `benchmarks/export.py` has one of each file as it is. Last maps of most are of 1 x 1."""
    shorter = ("--set", "stages.depth=1", "--input", f"{size}x{size}")
    report, _ = export("family.onnx", "--dynamic", dynamic, *shorter, spec=network)
    assert [(c.batch, c.height) for c in report.checks[:2]] == [(1, size), (3, size)]
    assert [(c.batch, c.height > size) for c in report.checks[2:]] == [(1, True), (3, True)] * (dynamic == "size")
    assert max(c.share or 0 for c in report.checks) < 1e-5
    assert (report.norms_left, report.norms_missed) == (left, 0)


def test_features_of_a_padding_that_depends_on_the_size(net: Path, export: Files, tmp_path: Path) -> None:
    net.write_text(SMALL.replace("PADDING", '"same"').replace("24 x 32", "25 x 31"))
    module = weights_of(net, tmp_path / "w.safetensors")
    report, path = export("same.onnx", "--weights", str(tmp_path / "w.safetensors"), "--features")
    images = torch.randn(2, 3, 25, 31)
    with torch.no_grad():
        wanted = module.feature_maps(images)  # type: ignore[operator]
    assert report.outputs == ["features_0", "features_1", "features_2"]
    for ours, theirs in zip(wanted, by_reference(path, images), strict=True):
        numpy.testing.assert_allclose(theirs, ours.numpy(), atol=1e-5)


def test_a_program_of_pytorch(export: Files) -> None:
    report, path = export("small.pt2", "--dynamic", "size")
    assert {c.max_difference for c in report.checks} == {0.0}
    program = torch.export.load(path).module()
    assert program(torch.randn(4, 3, 33, 47)).shape == (4, 10)
    assert str(Path(torch.__file__).parent).encode() not in path.read_bytes()


def test_integers_of_an_onnx_file(export: Files) -> None:
    report, path = export("int8.onnx", "--quantize", "int8", "--images", "12", "--dynamic", "none", spec="anynet_small")
    kinds = {t.data_type for t in onnx.load(path).graph.initializer if len(t.dims) == 4}
    assert kinds == {onnx.TensorProto.INT8}
    assert report.operations["QuantizeLinear"] > 5
    assert [(c.batch, c.height) for c in report.checks] == [(1, 28)]
    assert all(0.99 < (c.cosine or 0) < 1 and c.max_difference for c in report.checks)
    assert report.calibrated is not None
    assert "12 drawn images" in report.calibrated
    assert (report.tolerance, report.least_cosine) == (None, 0.99)


@pytest.mark.parametrize(("target", "library", "suffixes"), [
    ("openvino", "openvino", [".xml", ".bin"]),
    ("executorch", "executorch.runtime", [".pte"]),
])  # fmt: skip
@pytest.mark.parametrize("quantize", [(), ("--quantize", "int8")])
def test_other_engines(
    target: str, library: str, suffixes: list[str], quantize: tuple[str, ...], export: Files
) -> None:
    """Where they are installed: their extras are large, and of nothing else."""
    if TIMES == 1:
        pytest.skip("ExecuTorch takes a minute for a small network: make thorough")
    pytest.importorskip(library, reason=f"the extra {target} is not installed")
    report, path = export(f"small{suffixes[0]}", *quantize, spec="anynet_small")
    assert report.target == target
    assert [Path(file.path).suffix for file in report.files] == suffixes
    assert all(path.with_suffix(suffix).exists() for suffix in suffixes)
    assert [(c.batch, c.height) for c in report.checks] == [(1, 28), (3, 28)]
    least = 0.99 if quantize else 1 - 1e-9
    assert all((c.cosine or 0) > least for c in report.checks)


def test_integers_stand_in_the_place_of_floats(export: Files) -> None:
    if TIMES == 1:
        pytest.skip("torchao takes a quarter of a minute: make thorough")
    pytest.importorskip("torchao", reason="the extra quantize is not installed")
    report, _ = export("int8.pt2", "--quantize", "int8", "--images", "8", spec="anynet_small")
    assert report.files[0].bytes < 4 * archdsl.compile("anynet_small").cost.params / 2
    assert all((c.cosine or 0) > 0.99 for c in report.checks)


def test_a_file_that_computes_something_else_is_not_written(
    net: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    right = pt2.build

    def wrong(traced: Traced, about: Mapping[str, str]) -> Built:
        state = traced.program.state_dict
        name = next(name for name, tensor in state.items() if tensor.ndim == 4)
        state[name] = torch.nn.Parameter(state[name] * 1.001)  # the module keeps its own
        return right(traced, about)

    monkeypatch.setattr(pt2, "build", wrong)
    path = tmp_path / "wrong.pt2"
    assert main(["export", str(net), "-o", str(path)]) == 1
    told = capsys.readouterr()
    assert "logits" in told.err
    assert "differs by" in told.err
    assert not told.out
    assert not path.exists()
    assert not list(tmp_path.glob(".archdsl-*"))


def test_what_is_no_number_is_not_the_same() -> None:
    ours = torch.ones(1, 4)
    for theirs in (ours * float("nan"), torch.ones(1, 3), ours * float("inf")):
        each = difference((1, 2, 2), "logits", ours, theirs)
        assert (each.max_difference, each.cosine) == (None, None)
        assert not exact_enough(each, 1.0)
        assert not near_enough(each, 0.0)
    zeros = difference((1, 2, 2), "logits", ours * 0, ours * 0 + 1e-9)
    assert not exact_enough(zeros, 1.0)
    assert exact_enough(difference((1, 2, 2), "logits", ours * 0, ours * 0), 0.0)


def test_rounding_is_told_from_a_fault() -> None:
    class Cancels(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return (x + 1e6) - 1e6

    each = difference((3, 4, 4), "output", torch.ones(1), torch.ones(1))
    for module, least, most in ((Cancels(), 2**-8, 2**-5), (torch.nn.Conv2d(2, 2, 3), 0, 1e-6)):
        traced = Traced(module, None, (), ("output",), "batch", ((4, 4),))
        own = rounding(traced, drawn_images(2, 0), each)  # numbers about 1e6 are 1/16 apart in float32
        assert own is not None
        assert least <= own < most


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ([], 2, "say what to write"),
        (["-o", "net.trt"], 2, ".onnx (onnx)"),
        (["-o", "net.tflite"], 2, "litert-torch"),
        (["--target", "openvno"], 2, "Did you mean 'openvino'?"),
        (["-o", "net.pt2", "--tolerance", "nan"], 2, "no number"),
        (["-o", "net.onnx", "--target", "pt2"], 2, ".pt2 (pt2)"),
        (["-o", "net.pt2", "--data", "images"], 2, "give both"),
        (["-o", "there.pt2"], 1, "--force"),
        (["-o", "folder.pt2", "--force"], 1, "it is a folder"),
        (["-o", "net.pt2", "--weights", "none.safetensors"], 1, "none.safetensors"),
        (["-o", "net.pt2", "--weights", "other.safetensors"], 1, "other.safetensors"),
        (["-o", "net.pt2", "--dynamic", "size", "--input", "4x5"], 1, "net.pt2"),
    ],
)
def test_what_cannot_be(
    arguments: list[str],
    code: int,
    words: str,
    net: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.pt2").write_bytes(b"mine")
    (tmp_path / "folder.pt2").mkdir()
    save_file({"a.weight": torch.zeros(3, 3)}, tmp_path / "other.safetensors")
    if words == "net.pt2":  # a size at which the SAME padding differs from that of others
        net.write_text(SMALL.replace("PADDING", '"same"'))
        words = "SAME padding"
    assert main(["export", str(net), *arguments]) == code
    told = capsys.readouterr().err
    assert words in told
    assert "Traceback" not in told
    assert (tmp_path / "there.pt2").read_bytes() == b"mine"
    assert not (tmp_path / "net.pt2").exists()


def test_the_page_has_what_the_rows_say() -> None:
    """Beside the sentence that is printed of them: the rows, which are counted here once more."""
    script = runpy.run_path(str(ROOT / "benchmarks" / "export.py"))
    path = ROOT / "docs" / "export" / "onnx.jsonl"
    page = (ROOT / "docs" / "export.md").read_text(encoding="utf-8")
    assert f"<!-- rows -->\n{script['told'](script['rows_of'](path))}<!-- end -->\n" in page
    shares = {row["network"]: row["largest_share"] for row in map(json.loads, path.read_text().splitlines())}
    assert f"{len(shares)} of {len(shares)} files are equal, by {max(shares.values()):.1e}" in page
