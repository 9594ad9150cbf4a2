"""Which network a checkpoint is of: the references of timm and torchvision are named, and lies are refused."""

from __future__ import annotations

import contextlib
import importlib
import json
import random
import sys
from collections import Counter
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any

import pytest
from families.compiling import zoo_names
from pydantic import TypeAdapter
from sampling import TIMES
from weights.test_weights import Ran, here, installed, ours, reference, shipped, torch

from archdsl.cli import main
from archdsl.views.identify import IdentifyReport
from archdsl.views.schemas import schema
from archdsl.weights.checkpoints import WeightsFault
from archdsl.weights.fingerprint import Fingerprint, checkpoint_shapes, compare, fingerprint_of, read, written
from archdsl.weights.identity import Found, Known, ranked, read_shapes

__all__ = ["here", "torch"]

Identify = Callable[..., Ran]

NETWORKS = ("regnety_400mf", "regnetx_400mf", "resnet18", "resnet50", "rexnet_1_0x", "efficientnet_b0", "mobilenetv2")


def known(*names: str) -> list[Known]:
    return [Known(name, "", "", None, fingerprint_of(shipped(name))) for name in names]


@pytest.mark.parametrize(
    ("name", "library", "other"),
    [
        ("regnety_400mf", "timm", "regnety_004"),
        ("regnety_400mf", "torchvision", "regnet_y_400mf"),
        ("rexnet_1_0x", "timm", "rexnet_100"),
        ("efficientnet_b0", "timm", "efficientnet_b0"),
        ("resnet50", "torchvision", "resnet50"),
    ],
)
def test_references_are_named(name: str, library: str, other: str) -> None:
    """As they are, for other classes, without a classifier, for other channels, and with folded norms."""
    state = reference(library, other).state
    last = [key for key in state if state[key][:1] == (1000,)]
    first = next(key for key, shape in state.items() if len(shape) == 4)
    changed = {key: (7, *shape[1:]) if key in last else shape for key, shape in state.items()}
    headless = {key: shape for key, shape in state.items() if key not in last}
    gray = {key: (shape[0], 1, *shape[2:]) if key == first else shape for key, shape in state.items()}
    folded = {key: shape for key, shape in state.items() if len(shape) > 1}
    among = known(*NETWORKS)
    for given, classifier, channels in (
        (state, "same", None),
        (changed, "other", None),
        (headless, "missing", None),
        (gray, "same", 1),
        (folded, "same", None),
    ):
        found = Found("x.pth", checkpoint_shapes(given), given is folded, (), ())
        ranks = ranked(found, among)
        assert [rank.network.name for rank in ranks if rank.compared.fits] == [name]
        assert (ranks[0].compared.classifier, ranks[0].compared.channels) == (classifier, channels)
        assert ranks[0].kernels_only == (given is folded)
        assert ranks[0].compared.classes == (() if given is headless else (7,) if given is changed else (1000,))


def test_what_differs_is_counted() -> None:
    one = shipped("resnet18")
    fingerprint = fingerprint_of(one)
    assert read(json.loads(json.dumps(written(fingerprint)))) == Fingerprint(
        dict(fingerprint.shapes), fingerprint.classifiers, fingerprint.images
    )
    shapes = list(checkpoint_shapes(ours(one)).values())
    shapes.remove((64, 64, 3, 3))
    shapes += [(5, 5, 5, 5), (5, 5, 5, 5)]
    found = compare(fingerprint, Counter(shapes))
    assert not found.fits
    assert (found.missing, found.extra) == ((((64, 64, 3, 3), 1),), (((5, 5, 5, 5), 2),))
    assert found.distance == pytest.approx(3 / (fingerprint.total + len(shapes)))


@pytest.mark.skipif(TIMES == 1, reason="the whole zoo: in make thorough")
def test_every_network_fits_itself_alone() -> None:
    """Two have the same shapes, because they are one network by two rules."""
    among = known(*zoo_names())
    twins = {"regnetx_400mf", "regnetx_400mf_stages"}
    for name in zoo_names():
        found = Found("x", checkpoint_shapes(ours(shipped(name))), False, (), ())
        ranks = ranked(found, among)
        assert {rank.network.name for rank in ranks if rank.compared.is_same} == (twins if name in twins else {name})


# Files


@pytest.fixture
def identify(capsys: pytest.CaptureFixture[str]) -> Identify:
    def running(*arguments: Any) -> Ran:
        capsys.readouterr()
        code = main(["identify", *map(str, arguments)])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return Ran(code, out, err)

    return running


def test_the_command(identify: Identify, here: Path, torch: Any) -> None:
    state = {name: torch.zeros(shape) for name, shape in ours(shipped("resnet18")).items()}
    torch.save({"model": state}, here / "net.pth")
    result = identify("net.pth", "--family", "resnet")
    assert result.code == 0, result.err
    assert "its shapes are those of resnet18" in result.out
    assert "archdsl weights resnet18" in result.out
    report = json.loads(identify("net.pth", "--family", "resnet", "--format", "json", "--nearest", "2").out)
    TypeAdapter(IdentifyReport).validate_python(report)
    assert schema("identify")["title"] == "IdentifyReport"
    assert [entry["fits"] for entry in report["candidates"]] == [True, False]
    assert report["fitting"] == 1
    del state[next(name for name in state if name.endswith("conv1.weight"))]
    importlib.import_module("safetensors.torch").save_file(state, here / "net.safetensors")
    result = identify("net.safetensors", "--family", "resnet")
    assert (result.code, "no network has these shapes; the nearest is resnet18" in result.out) == (0, True)
    assert "it lacks" in result.out


def test_onnx_that_is_missing(identify: Identify, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    result = identify(here / "net.onnx")
    assert (result.code, "pip install 'archdsl[export]'" in result.err) == (1, True)


def test_faults(identify: Identify, here: Path, torch: Any) -> None:
    installed("onnx")
    assert identify("none.pth").code == 1
    assert "there is no such file" in identify("none.pth").err
    (here / "net.onnx").write_bytes(b"\x3a\xff\xff\xff\xff\x0f")
    result = identify("net.onnx")
    assert (result.code, "it is cut off, or no ONNX file" in result.err) == (1, True)
    failure = json.loads(identify("net.onnx", "--format", "json").out)
    assert "no ONNX file" in failure["diagnostics"][0]["message"]
    torch.save({"x": torch.zeros(2, 2, 2, 2, 2)}, here / "odd.pth")
    assert "none of its tensors" in identify("odd.pth").err
    assert identify("net.onnx", "--family", "nothing").code == 2
    assert identify("net.onnx", "--ema", "--entry", "x").code == 2
    assert identify("net.onnx", "--ema").code == 1


def graph(onnx: Any, **changes: Any) -> Any:
    """A graph of three weights as onnx's own library writes it: a convolution, a Gemm and a MatMul."""
    kind, helper = onnx.TensorProto.FLOAT, onnx.helper
    shapes = {"conv.w": (8, 3, 3, 3), "fc.w": (5, 8), "mm": (5, 2), "shape": (4,)}
    values = [helper.make_tensor(n, kind, s, bytes(4 * prod(s)), raw=True) for n, s in shapes.items() if n != "shape"]
    values.append(helper.make_tensor("shape", onnx.TensorProto.INT64, (4,), [1, 8, 1, 1]))
    constant = helper.make_node("Constant", [], ["in_node"], value=helper.make_tensor("", kind, (3, 3), [0.0] * 9))
    nodes = [
        helper.make_node("Conv", ["x", "conv.w"], ["a"]),
        helper.make_node("Gemm", ["a", "fc.w"], ["b"], transB=1),
        helper.make_node("MatMul", ["b", "mm"], ["y"]),
        constant,
    ]
    ends = [helper.make_tensor_value_info(name, kind, None) for name in ("x", "y")]
    model = helper.make_model(helper.make_graph(nodes, "g", ends[:1], ends[1:], values))
    for name, value in changes.items():
        setattr(model.graph.initializer[0], name, value)
    return model


def test_onnx_files(tmp_path: Path) -> None:
    """A matrix that a product takes the other way round is turned; what is no weight is left out."""
    onnx = installed("onnx")
    path = tmp_path / "net.onnx"
    path.write_bytes(graph(onnx).SerializeToString())
    found = read_shapes(str(path))
    assert found.tensors == {"conv.w": (8, 3, 3, 3), "fc.w": (5, 8), "mm": (2, 5), "in_node": (3, 3)}
    assert found.loose == ("in_node",)
    assert found.folded


def test_lying_onnx_files(tmp_path: Path) -> None:
    onnx = installed("onnx")
    path = tmp_path / "net.onnx"
    model = graph(onnx, raw_data=b"1234")
    path.write_bytes(model.SerializeToString())
    with pytest.raises(WeightsFault, match=r"conv\.w has 4 bytes for 216 numbers of 4"):
        read_shapes(str(path))
    model = graph(onnx, name="fc.w")
    path.write_bytes(model.SerializeToString())
    with pytest.raises(WeightsFault, match="twice"):
        read_shapes(str(path))
    content = graph(onnx).SerializeToString()
    path.write_bytes(content.replace(b"conv.w", b"conv\xff\xfe"))
    with pytest.raises(WeightsFault, match="a name in it is no text"):
        read_shapes(str(path))
    model = graph(onnx)
    model.graph.initializer[0].dims[:] = [1] * 65
    path.write_bytes(model.SerializeToString())
    with pytest.raises(WeightsFault, match=r"conv\.w has more than 64 axes"):
        read_shapes(str(path))
    chance = random.Random(5)
    for _ in range(300):  # cut off, or with bytes exchanged: an answer or a fault, never anything else
        broken = bytearray(content[: chance.randrange(len(content))] if chance.random() < 0.3 else content)
        for _ in range(chance.randrange(4)):
            if broken:
                broken[chance.randrange(len(broken))] = chance.randrange(256)
        path.write_bytes(broken)
        with contextlib.suppress(WeightsFault):
            read_shapes(str(path))
