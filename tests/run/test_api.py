"""archdsl from Python: the same networks, numbers and texts as the command line's, and live modules of them."""

from __future__ import annotations

import ast
import copy
import inspect
import io
import json
import pickle
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

import networkx
import pytest

import archdsl
from archdsl.cli import main
from archdsl.emission import TARGETS
from archdsl.graph.conventions import CONVENTIONS
from archdsl.graph.cost import count
from archdsl.resources import data_root

ROOT = data_root()
SPECS = ROOT / "specs"
REGNET = SPECS / "regnety_4gf.arch"
SMALL = "regnetx_400mf"

NET = """\
arch 1
use std.ops { conv, batch_norm, relu, global_pool, linear }
use std.scaling { w }

block plain(x; width, stride: 1) = x -> conv(width, kernel: 3, stride: stride) -> batch_norm -> relu
block classify(x; classes: 10) = x -> global_pool -> linear(classes)

# Two stages.
model net {
  input:  3 x 16 x 16
  stages: plain { width: [8, 16]  stride: 2 }
  head:   classify
}
"""


@pytest.fixture
def torch() -> Any:
    """PyTorch, without which a live module cannot be had."""
    return pytest.importorskip("torch", reason="live modules are PyTorch's")


# What a compiled model gives


def test_the_example_of_the_package() -> None:
    net = archdsl.compile(REGNET, scale="dWr:4")
    assert (net.cost.flops, net.cost.params, net.cost.acts) == (15608249240, 68144472, 26542408)
    assert net.name == "regnety_4gf_dwr4"
    assert net.hash == archdsl.compile("regnety_4gf_dwr4").hash == net.network.hash
    assert repr(net) == (
        f"<regnety_4gf_dwr4: 3 x 240 x 240, {len(net.network.nodes)} operations, "
        f"15,608,249,240 multiply-adds, 68,144,472 params, 26,542,408 acts, hash {net.hash[:12]}>"
    )
    assert not len(net.diagnostics)


def test_the_graph() -> None:
    net = archdsl.compile(SMALL)
    graph = net.graph
    assert isinstance(graph, networkx.MultiDiGraph)
    assert networkx.is_directed_acyclic_graph(graph)
    assert graph.nodes[-1]["shapes"] == (net.network.input,)
    assert [graph.nodes[i]["path"] for i in range(len(net.network.nodes))] == [n.path for n in net.network.nodes]
    assert graph is net.graph


def test_counts_in_every_convention() -> None:
    net = archdsl.compile(SMALL)
    for name, convention in CONVENTIONS.items():
        assert net.count(name) == net.count(convention) == count(net.network, name)
    assert net.count("papers") == net.cost
    assert net.count("fvcore").flops != net.cost.flops
    with pytest.raises(ValueError, match="no convention 'nobody'; there are papers, "):
        net.count("nobody")


def test_the_source_is_the_file_that_the_command_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--set", "head.classes=10", "--scale", "dWr:4", "--scale", "d:2", "--input", "3x256x192"]
    options = [word for target in TARGETS for word in ("--target", target)]
    assert main(["compile", str(REGNET), *words, *options, "-o", str(tmp_path)]) == 0
    capsys.readouterr()
    net = archdsl.compile(REGNET, set={"head.classes": 10}, scale=["dWr:4", "d:2"], input="3x256x192")
    assert net.emit(*TARGETS) == {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    assert net.emit("torch") == {f"{net.name}.py": net.source}


def test_a_package_is_the_folder_that_the_command_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for more in ([], ["inference"]):
        folder = tmp_path / f"package{len(more)}"
        options = [f"--{option}" for option in more]
        assert main(["compile", str(REGNET), "--input", "64x64", "--package", str(folder), *options]) == 0
        files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
        given = archdsl.compile(REGNET, input="64x64").emit(*more, "package")
        assert given == {name: path.read_text(encoding="utf-8") for name, path in files.items()}
    capsys.readouterr()
    with pytest.raises(ValueError, match="which pip calls timm, would take the place"):
        archdsl.compile(SMALL, name="timm").emit("package")


def test_emit() -> None:
    net = archdsl.compile(SMALL, name="small")
    assert net.emit() == {}
    assert list(net.emit("torch", "train", "torch")) == ["small.py", "train_small.py"]
    assert json.loads(net.emit("json")["small.json"])["hash"] == net.hash
    with pytest.raises(ValueError, match=r"no target 'onnx'; there are torch, train, json, dot, svg"):
        net.emit("torch", "onnx")
    headless = archdsl.compile(SMALL, set={"head": "none"})
    assert headless.emit("torch")
    with pytest.raises(Exception, match="the network has no classifier"):
        headless.emit("train")


# Options


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, []),
        ({"model": "regnetx_400mf"}, []),
        ({"set": {"head.classes": 10, "stages.group_width": "8"}}, ["head.classes=10", "stages.group_width=8"]),
        ({"classes": 10}, ["head.classes=10"]),
        ({"classes": 10, "set": {"stem.width": 16}}, ["stem.width=16", "head.classes=10"]),
        ({"scale": "w:2"}, ["w:2"]),
        ({"scale": "alpha=3/5:2"}, ["alpha=3/5:2"]),
        ({"scale": ("d:2", "w:2")}, ["d:2", "w:2"]),
        ({"scale": ["dWr"], "to": "flops=1G"}, ["dWr", "flops=1G"]),
        ({"scale": ["dWr"], "to": "flops=1G", "within": "1%"}, ["dWr", "flops=1G", "1%"]),
        ({"input": "64x48"}, ["64x48"]),
        ({"input": "1x64x48", "scale": "w:2", "name": "other"}, ["w:2", "1x64x48"]),
    ],
)
def test_options_are_those_of_the_command(
    options: dict[str, Any], words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    net = archdsl.compile(SMALL, **options)
    arguments = []
    for word in words:
        kind = "--input" if word[0].isdigit() else "--scale" if ":" in word or word == "dWr" else "--set"
        kind = "--within" if word.endswith("%") else kind
        arguments += ["--to" if word.startswith("flops") else kind, word]
    capsys.readouterr()
    assert main(["cost", str(SMALL), *arguments, "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (net.hash, net.cost.flops) == (found["hash"], found["flops"])
    assert net.about.changes == tuple([" ".join(pair) for pair in zip(arguments[::2], arguments[1::2], strict=True)])
    assert net.name == options.get("name", net.name)


class Indexless:
    """Like an array of another library: it has the method, and is no whole number."""

    def __index__(self) -> int:
        raise TypeError("only integer scalar arrays can be converted to a scalar index")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scale": "dWr"}, "'dWr' has no factor"),
        ({"scale": ""}, "names no scaling"),
        ({"to": "flops=1G"}, "one bare --scale NAME, and there are 0"),
        ({"scale": "dWr", "to": "1G"}, "'1G' is not MEASURE=AMOUNT"),
        ({"scale": "dWr", "to": "flops=1G", "within": "0.01"}, "'0.01' is not a share of the budget"),
        ({"scale": "dWr", "to": "latency=1"}, "the measures are flops, params, acts"),
        ({"input": "big"}, "'big' is not a size"),
        ({"set": {"": 1}}, "is not NAME=VALUE"),
        ({"name": "torch"}, "torch.py would hide"),
        ({"name": "a b"}, "'a b' is no name for a Python module"),
        ({"name": "../a"}, "'../a' is no name"),
        ({"name": ""}, "'' is no name"),
        ({"name": 3}, "name=3 is not a text"),
        ({"input": 64}, "input=64 is not a text, for example '256x192'"),
        ({"scale": 4}, "scale=4 is not a text, for example 'NAME:4'"),
        ({"scale": ["d:2", 4]}, "scale=4 is not a text"),
        ({"set": {"head.classes": object}}, "is not a value of the language"),
        ({"set": {"head.classes": Indexless()}}, "is not a value of the language: give a number"),
    ],
)
def test_options_in_a_form_that_is_none(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("/", "[/]")):
        archdsl.compile(SMALL, **options)
    with pytest.raises(ValueError, match=message.replace("/", "[/]")):
        archdsl.compile_text(NET, **options)


def test_options_that_there_are_not() -> None:
    with pytest.raises(TypeError, match="clases"):
        archdsl.compile(SMALL, clases=10)  # type: ignore[call-arg, unused-ignore]
    with pytest.raises(TypeError, match="clases"):
        archdsl.compile_text(NET, clases=10)
    with pytest.raises(AttributeError, match="compille"):
        archdsl.compille  # type: ignore[attr-defined, unused-ignore]  # noqa: B018


# Texts


def test_a_text_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "net.arch"
    path.write_text(NET)
    for options in ({}, {"classes": 7}, {"scale": "w:2"}, {"set": {"stages.width": 24}, "input": "32x32"}):
        of_text, of_file = archdsl.compile_text(NET, **options), archdsl.compile(str(path), **options)
        assert of_text.hash == of_file.hash
        assert of_text.name == of_file.name
        words, others = of_text.source.split(), of_file.source.split()  # the header's lines are filled
        assert " ".join(words) == " ".join(others).replace(str(path), "a text")
    more = NET + "model wide = net -> w(2)\n"
    assert archdsl.compile_text(more, model="wide", name="other").name == "other"
    assert archdsl.compile_text(more, model="wide").hash == archdsl.compile_text(NET, scale="w:2").hash


def test_a_text_uses_files_of_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "net.arch").write_text(NET)
    monkeypatch.chdir(tmp_path)
    text = 'arch 1\nuse "net.arch" { net }\nmodel other = net with { head.classes: 3 }\n'
    assert archdsl.compile_text(text).hash == archdsl.compile("net.arch", classes=3).hash


# Errors


def test_errors_are_those_of_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "net.arch"
    path.write_text(NET.replace("batch_norm -> relu", "batch_nrm -> rleu"))
    with pytest.raises(archdsl.CompileError) as caught:
        archdsl.compile(path)
    capsys.readouterr()
    assert main(["compile", str(path), "-o", str(tmp_path)]) == 1
    assert str(caught.value) == capsys.readouterr().err
    assert {d.code for d in caught.value.diagnostics} == {"E201"}
    assert caught.value.diagnostics.errors == 2
    assert "did you mean `batch_norm`" in str(caught.value)
    assert "\x1b[" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"model": "nett"}, "E201"),
        ({"scale": "wx:2"}, "E201"),
        ({"set": {"head.clases": 3}}, "E202"),
        ({"set": {"head.classes": "("}}, "E1"),
        ({"classes": 0}, "E302"),
        ({"input": "3x0x3"}, "E302"),
    ],
)
def test_bad_changes_are_diagnostics(options: dict[str, Any], code: str) -> None:
    small = SPECS / "regnety_4gf.arch"
    for compiling in (lambda: archdsl.compile(small, **options), lambda: archdsl.compile_text(NET, **options)):
        with pytest.raises(archdsl.CompileError) as caught:
            compiling()
        assert any(d.code.startswith(code) for d in caught.value.diagnostics), str(caught.value)


@pytest.mark.parametrize("name", ["missing.arch", "", "a\0b", "x" * 300])
def test_paths_that_are_no_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(archdsl.CompileError, match="E110"):
        archdsl.compile(name)


ERRORS_BESIDE_A_NETWORK = {
    "in init": NET.replace("  head:", "  init { conv: fan_in // 2 }\n  head:"),
    "in preprocess": NET.replace("  head:", "  preprocess { crop: 3 }\n  head:"),
    "in a block that nothing uses": NET + "block unused(x) = x -> rleu\n",
}


@pytest.mark.parametrize("where", ERRORS_BESIDE_A_NETWORK)
def test_every_error_is_raised(where: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also one that leaves a network: what the command refuses is not compiled in silence."""
    text = ERRORS_BESIDE_A_NETWORK[where]
    (tmp_path / "net.arch").write_text(text)
    assert main(["compile", str(tmp_path / "net.arch"), "-o", str(tmp_path / "out")]) == 1
    assert "error[E" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    with pytest.raises(archdsl.CompileError):
        archdsl.compile_text(text)


def test_a_claim_that_fails_is_said() -> None:
    """It stops nothing, as on the command line: the counts are what one needs then."""
    net = archdsl.compile_text(NET.replace("  head:", "  expect { params: 99K }\n  head:"))
    assert [d.code for d in net.diagnostics] == ["E501"]
    assert net.hash == archdsl.compile_text(NET).hash


# Loading


def test_only_a_live_module_needs_torch() -> None:
    code = (
        "import sys; sys.modules['torch'] = None; import archdsl\n"
        "net = archdsl.compile(sys.argv[1], scale='w:2')\n"
        "repr(net), net.count('fvcore'), net.source, net.emit('torch', 'train', 'json', 'dot', 'svg')\n"
        "assert not {'networkx', 'numpy', 'sympy', 'pydantic'} & set(sys.modules)\n"
        "before = set(sys.modules)\n"
        "try:\n    net.module()\n"
        "except ImportError as error:\n    assert 'torch' in str(error)\n"
        "assert not [name for name in set(sys.modules) - before if 'emitted' in name]\n"
        "print('done')\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(SMALL)], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout == "done\n", done.stderr


# Live modules


def test_a_live_module(torch: Any) -> None:
    net = archdsl.compile_text(NET)
    module = net.module().eval()
    assert isinstance(module, torch.nn.Module)
    assert type(module).__name__ == "Net"
    assert net.hash == net.python.SPEC_HASH
    assert net.python is net.python
    assert module(torch.zeros(2, 3, 16, 16)).shape == (2, 10)
    assert sum(p.numel() for p in module.parameters()) == net.cost.params
    tensors = [f"{node.path}.{tensor.name}" for node in net.network.nodes for tensor in net.network.tensors(node)]
    assert sorted(module.state_dict()) == sorted(tensors)
    other = net.module(num_classes=3, in_channels=1).eval()
    assert other(torch.zeros(2, 1, 16, 16)).shape == (2, 3)
    with pytest.raises(TypeError):
        net.module(nonsense=1)


SIZED = """\
arch 1
use std.ops { conv, drop_path }
use std.blocks { pool_head }
block b(x; width, drop: 1/10) = x -> conv(width, kernel: 3, stride: 2, padding: "same") -> drop_path(drop)
model net(drop_path_rate: 1/10) { input: 3 x 32 x 32  stages: b { width: 8 }  head: pool_head(classes: 10) }
"""


@pytest.mark.parametrize(
    ("argument", "values"),
    [
        ("num_classes", (-1, 2.0, "7", True, None)),
        ("in_channels", (0, -1, 2.0, "3", True, None)),
        ("drop_path_rate", (-0.1, 1.5, float("nan"), "0.1", True, None)),
        ("image_size", ((0, 32), (32,), (32, -1), (32, 2.0), 32, None)),
    ],
)
def test_a_value_that_an_argument_cannot_have(torch: Any, argument: str, values: tuple[Any, ...]) -> None:
    net = archdsl.compile_text(SIZED)
    for value in values:
        with pytest.raises(ValueError, match=f"^{argument} must be "):
            net.module(**{argument: value})
    assert net.module(image_size=(17, 5), drop_path_rate=0, in_channels=1)(torch.zeros(2, 1, 17, 5)).shape == (2, 10)


@pytest.mark.usefixtures("torch")
def test_images_that_are_too_small_for_the_module() -> None:
    text = SIZED.replace("-> drop_path", "-> conv(width, kernel: 5, padding: 0) -> drop_path")
    with pytest.raises(ValueError, match=r"^the network takes no images of image_size=\(4, 4\): "):
        archdsl.compile_text(text).module(image_size=(4, 4))


def same(a: Any, b: Any, torch: Any) -> None:
    """Two modules are equal, and share nothing."""
    image = torch.randn(2, 3, 16, 16)
    assert type(a) is type(b)
    assert torch.equal(a(image), b(image))
    with torch.no_grad():
        next(b.parameters()).add_(1)
    assert not torch.equal(a(image), b(image))


def test_copies(torch: Any) -> None:
    module = archdsl.compile_text(NET).module().eval()
    same(module, copy.deepcopy(module), torch)
    same(module, pickle.loads(pickle.dumps(module)), torch)
    buffer = io.BytesIO()
    torch.save(module, buffer)
    buffer.seek(0)
    same(module, torch.load(buffer, weights_only=False), torch)


def test_copies_of_a_model_that_is_compiled_again(torch: Any) -> None:
    """A module can be pickled whatever is compiled after it: the same network, also under other words."""
    first = archdsl.compile_text(NET)
    module = first.module().eval()
    image = torch.ones(1, 3, 16, 16)
    for text in (NET, NET.replace("Two stages.", "The same in other words.")):
        again = archdsl.compile_text(text)
        assert again.hash == first.hash
        other = again.module().eval()
        for each in (module, other):
            restored = pickle.loads(pickle.dumps(each))
            assert torch.equal(restored(image), each(image))


def test_a_traceback_shows_the_lines_of_the_module(torch: Any) -> None:
    net = archdsl.compile_text(NET)
    module = net.module()
    with pytest.raises(RuntimeError) as caught:
        module(torch.zeros(1, 5, 16, 16))
    frames = [f for f in traceback.extract_tb(caught.value.__traceback__) if "emitted" in f.filename]
    assert frames
    lines = net.source.splitlines()
    for frame in frames:
        assert frame.line == lines[(frame.lineno or 0) - 1].strip(), frame.filename


def test_inspect_shows_the_source(torch: Any) -> None:
    assert torch
    net = archdsl.compile_text(NET)
    source = inspect.getsource(type(net.module()))
    assert source in net.source
    assert ast.parse(source).body[0].name == "Net"  # type: ignore[attr-defined]
