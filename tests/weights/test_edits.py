"""Weights for edited networks: what the rules say is kept is measured, on the emitted modules, in doubles."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest
from families.compiling import compiled, network_of, spec
from run import emitted
from weights.test_weights import SMALL, Command, here, ours, run, torch

from archdsl.compiler import Compiled
from archdsl.emission import about_of
from archdsl.weights.edits.making import measured, state_of_edit
from archdsl.weights.edits.rules import Edit, edit_of

__all__ = ["here", "run", "torch"]

GROUPED = """\
arch 1
use std.ops { conv, batch_norm, relu, silu, sigmoid, linear, global_pool, concat }

block gated(x; width, group_width, kernel: 3) {
  a = x -> conv(width, kernel: 1) -> batch_norm -> silu
        -> conv(width, kernel: kernel, groups: width / group_width) -> batch_norm -> silu
  b = a * (a -> global_pool -> conv(4, kernel: 1, bias: true) -> relu -> conv(width, kernel: 1, bias: true) -> sigmoid)
  return x + (b -> conv(x.channels, kernel: 1) -> batch_norm)
}
block both(x; width) = concat(x -> conv(width, kernel: 1) -> relu, x -> conv(width, kernel: 3) -> batch_norm)
block plain(x; width) = x -> conv(width, kernel: 3) -> batch_norm -> relu
block head(x; classes: 5) = x -> global_pool -> linear(classes)

model m {
  input:  3 x 16 x 16
  stem:   both(width: 4)
  stages: [gated { depth: 1  width: 8  group_width: 4 }, plain { depth: 1  width: 6 }]
  head:   head
}
"""


def pair(old: Compiled, new: Compiled) -> tuple[Edit, float | None]:
    """What the edit is, and the share of the largest output by which outputs differ."""
    import torch

    a, b = (emitted.emitted(c.network, about_of(c, c.name, "", ())) for c in (old, new))
    state = {
        k: v.float() if v.is_floating_point() else v for k, v in emitted.randomise(a.make(), 1).state_dict().items()
    }
    edit = edit_of(old.network, new.network)
    made = state_of_edit(edit, state)
    wanted = b.make().state_dict()
    assert all(tuple(made[e.name].shape) == tuple(wanted[e.name].shape) for e in edit.made if e.name in made)
    assert [entry.name for entry in edit.made] == list(ours(new.network))
    torch.manual_seed(0)
    found = measured(a.make(), b.make(), state, made, [int(extent) for extent in new.network.input])
    return edit, None if found is None else found.max_difference / found.largest


def of(text: str) -> Compiled:
    found = compiled(text)
    network_of(found)
    assert isinstance(found, Compiled)
    return found


KEPT = [
    ("width: 8  group_width: 4", "width: 16  group_width: 4"),
    ("width: 8  group_width: 4", "width: 16  group_width: 8"),
    ("width: 8  group_width: 4", "width: 12  group_width: 4"),
    ("width: 8  group_width: 4", "width: 8  group_width: 4  kernel: 5"),
    ("plain { depth: 1  width: 6 }", "plain { depth: 3  width: 9 }"),
    ("gated { depth: 1", "gated { depth: 3"),
    ("both(width: 4)", "both(width: 7)"),
]


@pytest.mark.parametrize(("before", "after"), KEPT)
def test_what_is_kept(before: str, after: str) -> None:
    """Wider, deeper, larger kernels, wider groups: the same outputs but for roundings of float32 weights."""
    edit, difference = pair(of(GROUPED), of(GROUPED.replace(before, after)))
    assert edit.reasons == ()
    assert difference is not None
    assert difference < 1e-6
    assert {entry.rule for entry in edit.made} != {"kept"}


def test_shares_of_several_branches() -> None:
    """Each share is of its own branch, whose channels must be copies of the same as the others' are, or it is said."""
    halves = "concat(x -> conv(width / 2, kernel: 1), x -> conv(width / 2, kernel: 1))"
    whole = "x -> conv(width, kernel: 3)"
    for gates, kept in ((f"[{halves}, {whole}]", True), (f"[{whole}, {halves}]", False)):
        text = GROUPED.replace("block plain", f"block shares(x; width) = ({gates} -> softmax)[0]\nblock plain")
        text = text.replace("both(width: 4)", "shares(width: 4)").replace("concat }", "concat, softmax }")
        edit, difference = pair(of(text), of(text.replace("shares(width: 4)", "shares(width: 8)")))
        assert difference is not None
        assert (edit.reasons == ()) == (difference < 1e-6) == kept


def test_what_drops_in_training_alone_may_come_and_go() -> None:
    """A deeper network may give a block the rate 0, and with it no `drop_path`."""
    with_ = GROUPED.replace("1) -> batch_norm)\n}", "1) -> batch_norm -> drop_path(rate: 0.1))\n}")
    with_ = with_.replace("concat }", "concat, drop_path }")
    assert with_.count("drop_path") == 2
    for old, new in ((with_, GROUPED), (GROUPED, with_)):
        edit, difference = pair(of(old), of(new))
        assert (edit.reasons, difference) == ((), 0.0)


CHANGED = [
    ("width: 8  group_width: 4", "width: 4  group_width: 4", "sliced"),
    ("conv(width, kernel: 3) -> batch_norm -> relu", "conv(width, kernel: 1) -> batch_norm -> relu", "cropped"),
    ("-> batch_norm -> relu\nblock head", "-> batch_norm -> sigmoid\nblock head", "is new"),
    (
        "conv(width, kernel: 3) -> batch_norm -> relu\n",
        "conv(width, kernel: 3, stride: 2) -> batch_norm -> relu\n",
        "stride",
    ),
    ("kernel: 3) -> batch_norm)", "kernel: 3) -> batch_norm(eps: 1e-2))", "eps"),
]


@pytest.mark.parametrize(("before", "after", "reason"), CHANGED)
def test_what_changes_is_said(before: str, after: str, reason: str) -> None:
    assert before in GROUPED
    edit, difference = pair(of(GROUPED), of(GROUPED.replace(before, after)))
    assert any(reason in told for told in edit.reasons)
    assert difference is None or difference > 1e-6


def test_nothing_is_edited() -> None:
    edit, difference = pair(of(GROUPED), of(GROUPED))
    assert ({entry.rule for entry in edit.made}, edit.reasons, difference) == ({"kept"}, (), 0.0)


@pytest.mark.parametrize(
    ("name", "scaling"),
    [("resnet18", "d(2)"), ("resnet18", "w(4)"), ("regnety_400mf", "dw(4)"), ("mobilenetv2", "dw(3)")],
)
def test_scalings_of_the_zoo(name: str, scaling: str) -> None:
    old, new = spec(name, size=64), spec(name, scalings=[scaling], size=64)
    assert isinstance(old, Compiled)
    assert isinstance(new, Compiled)
    edit, difference = pair(old, new)
    assert edit.reasons == ()
    assert difference is not None
    assert difference < 1e-6


# The command


def test_the_command(run: Command, here: Path, torch: Any) -> None:
    (here / "wide.arch").write_text(
        SMALL.replace("width: [8, 16]", "width: [16, 24]").replace("depth: [2, 2]", "depth: [2, 3]")
    )
    network = network_of(compiled(SMALL))
    state = {n: torch.rand(shape) if shape else torch.tensor(3) for n, shape in ours(network).items()}
    torch.save(state, here / "net.pth")
    result = run("net.pth", "--to", "wide.arch", "-o", "wide.safetensors")
    assert result.code == 0, result.err
    assert "by these rules the edited network gives what the original does" in result.out
    assert "zeroed" in result.out
    report = json.loads(run("net.pth", "--to", "wide.arch", "--dry-run", "--format", "json").out)
    assert report["preserved"]
    assert report["measured"]["max_difference"] < 1e-5 * report["measured"]["largest"]
    written = importlib.import_module("safetensors.torch").load_file(here / "wide.safetensors")
    assert {name: tuple(t.shape) for name, t in written.items()} == ours(
        network_of(compiled((here / "wide.arch").read_text()))
    )
    report = json.loads(
        run("net.pth", "--to", "small.arch", "--set", "head.classes=4", "--dry-run", "--format", "json").out
    )
    assert (report["preserved"], report["measured"]) == (False, None)
    assert "the outputs have other shapes" in report["notes"][-1]
    assert run("net.pth", "--to", "none.arch").code == 1
    assert run("net.pth", "--to", "wide.arch", "--back", "--like", "net.pth").code == 2
