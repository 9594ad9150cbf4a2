"""`archdsl import`: modules of PyTorch and exported programs as texts, each with its proof, and what is refused."""

from __future__ import annotations

import json
import os
import pickle
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from textwrap import dedent

import pytest

pytest.importorskip("torch")

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
    monkeypatch.setattr(shelf.Shelf, "__call__", lambda _self, _params: [])
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
        "x.channels / 4",
        "stride == 1 and x.channels == width",
        "groups: width / 8",
        "when drop > 0",
        "drop: 0.25 * block.index / (block.count - 1)",
    ):
        assert said in text
    assert text.count("\nblock ") == 2
    sizes = [(one["input"], one["equal"]) for one in report["proof"]["compared"]]
    assert sizes == [([3, 96, 128], True), ([3, 125, 161], True)]
    assert report["proof"]["params"] == report["proof"]["source_params"] == report["params"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("Raises", "ValueError: no"),
        ("Odd", "not lifted: sort"),
        ("Sized", "NOT PROVED: for images of 3 x 125 x 161 outputs differ"),
        ("Tied", "NOT PROVED: the text has 1,392 parameters, and the source 808"),
        ("nothing", "it has no function nothing"),
    ],
)
def test_what_fails_is_said_and_not_written(name: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", f"module:nets.py:{name}", "-o", "out.arch"]) == 1
    out, err = capsys.readouterr()
    assert says in out + err
    assert "Traceback" not in err
    assert not Path("out.arch").exists()


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
    for part, change, says in EVIL:
        changed(evil(part, change))
        assert main(["import", "evil.pt2"]) == 1
        assert says in capsys.readouterr().err
    Path("cut.pt2").write_bytes(Path("small.pt2").read_bytes()[:5000])
    assert main(["import", "cut.pt2"]) == 1
    assert "cut off" in capsys.readouterr().err
    assert not Path("RAN").exists()
    assert not Path("evil.arch").exists()


@pytest.mark.parametrize("name", ["regnety_200mf", "rexnet_0_9x"])
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


def test_expressions_give_exactly_the_numbers() -> None:
    known = {"x.channels": (16, 24, 40), "width": (24, 40, 80)}
    assert expression((96, 144, 240), known) == "6 * x.channels"
    assert expression((4, 6, 10), known) == "x.channels / 4"
    assert expression((5, 8, 13), known) == "x.channels // 3"
    assert expression((None, 40, 80), known) == "width"
    assert expression((96, 144, 241), known) is None
    assert expression((5, 8, 14), known) is None
