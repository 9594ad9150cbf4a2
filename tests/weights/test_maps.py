"""Maps that are proposed, completed and checked; and weights that go back to the names that they came from."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest
from weights.test_weights import SMALL, Command, here, moves, network, ours, reference, run, shipped, torch

from archdsl.weights import Mismatch, map_state
from archdsl.weights.classes import by_class
from archdsl.weights.given import lines_of
from archdsl.weights.layers import Layer, Stored, our_layers
from archdsl.weights.mapfile import Line, joined, read_map, resolved, write_map

__all__ = ["here", "run", "torch"]


@pytest.mark.parametrize(
    ("name", "library", "other"),
    [
        ("res2net50_26w_4s", "timm", "res2net50_26w_4s"),
        ("fasternet_t0", "timm", "fasternet_t0"),
        ("eca_resnet50_d", "timm", "ecaresnet50d"),
        ("dpn68", "timm", "dpn68"),
        ("convnextv2_atto", "timm", "convnextv2_atto"),
        ("vgg16_bn", "timm", "vgg16_bn"),
    ],
)
def test_references_by_their_proposed_maps(name: str, library: str, other: str) -> None:
    """In the file's order, sorted and reversed one map comes out, and it says what the search did."""
    state, net = reference(library, other).state, shipped(name)
    plan = map_state(net, state)
    for given in (dict(sorted(state.items())), dict(reversed(state.items()))):
        assert moves(map_state(net, given)) == moves(plan)
    text = write_map(["a title"], lines_of(plan, our_layers(net)))
    again = map_state(net, dict(sorted(state.items())), given=text, ordered=False)
    assert sorted(again.loaded) == sorted(plan.loaded)
    assert (again.new, again.unused, again.choices) == (plan.new, plan.unused, ())


def test_shapes_alone_where_nothing_else_tells() -> None:
    """Modules by kind, as lists of convolutions and of norms; numbers count, and other names are asked about."""
    net = network(SMALL)
    kinds: dict[str, int] = {}
    state: dict[str, tuple[int, ...]] = {}
    for layer in our_layers(net).values():
        number = kinds[layer.kind] = kinds.get(layer.kind, -1) + 1
        state |= {f"{layer.kind}s.{number}.{short}": t.shape for short, t in layer.tensors.items()}
    plan = map_state(net, dict(sorted(state.items())), ordered=False)
    assert moves(plan) == dict(zip(ours(net), state, strict=True))
    assert any("shapes tell" in note for note in plan.notes)


def test_every_order_of_what_shapes_leave_open() -> None:
    """The file's first, then that of the names; a class that numbers decide takes no part."""
    our_names, their_names = [f"m.conv{i}" for i in range(4)] + ["n"], ["s", "green", "blue", "red"]
    ours_ = [Layer(name, {"weight": Stored(f"{name}.weight", (1, len(name), 3, 3))}, "conv") for name in our_names]
    theirs = [Layer(name, {"weight": Stored(f"{name}.weight", (1, 7, 3, 3))}) for name in their_names]
    theirs.append(Layer("x1", {"weight": Stored("x1.weight", (1, 1, 3, 3))}))
    found = []
    for order in range(25):
        pairing = by_class(ours_, theirs, order)
        assert pairing is not None
        assert (pairing.orders, len(pairing.choices)) == (24, 4)
        found.append(tuple(other.path for _, other in pairing.pairs if other is not None))
    assert found[:2] == [("s", "green", "blue", "red", "x1"), ("blue", "green", "red", "s", "x1")]
    assert len(set(found)) == 24
    assert by_class(ours_, theirs[1:], 0) is None


def test_joined_lines_mean_what_single_ones_do() -> None:
    names = [f"s.{a}.b.{b}.c" for a in range(3) for b in range(a + 2)]
    lines = [Line(name, f"x{int(name[2]) + 1}.{int(name[6]) * (2 if name[2] == '1' else 1)}") for name in names]
    lines.append(Line("s.9.b.0.c", "x9.7"))
    everything = [line.ours for line in lines]
    text = write_map([], lines)
    assert len(text.splitlines()) < len(lines)
    found = resolved(read_map(text), everything)
    assert {name: entry.theirs for name, entry in found.items()} == {line.ours: line.theirs for line in lines}
    assert [line.ours for line in joined([Line("a.1", "x"), Line("a.2", "x")])] == ["a.{a}"]


def test_strange_names_are_quoted() -> None:
    strange = ["a = b", "x # y", "{a}", "?", "-", 'q"uote', "line\nbreak", "c: 3 x 3"]
    lines = [Line(f"m.{'abcdefgh'[i]}", name) for i, name in enumerate(strange)]
    found = resolved(read_map(write_map(["t\n\x1b[31m"], lines)), [line.ours for line in lines])
    assert [entry.theirs for entry in found.values()] == strange


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stem.conv", "line 1: a line is"),
        ("\nstem.conv = ?", "line 2: what stem.conv takes is open"),
        ("stem.con = a", "line 1: the network has no stem.con"),
        ("stem.conv = a\nstem.conv = b", "line 2: stem.conv stands in line 1 already"),
        ("stem.conv = nothing", r"line 1: the checkpoint has no nothing\.weight"),
        ("stem.conv = {a}", "stands on the right alone"),
        ("stages.{a}.x = {a}", "the network has nothing like"),
        ("stages.{a}.blocks.{a}.x = y", "no name of ours"),
        ("stages.{a}.blocks.{b}.branch.conv1 = x.{a-7}", r"\{a-7\} is -7"),
        ("stem.conv = x : 3 y 4", "a shape is"),
        ('stem.conv = "x', "a quote does not end"),
        ("stem.conv = -", "only the classifier may stay new"),
        ("", "the map does not say what stem.conv takes"),
        ("{a}" * 3 + " = 1", "no name of ours"),
    ],
)
def test_faults_of_a_map(text: str, message: str) -> None:
    net = network(SMALL)
    with pytest.raises(Mismatch, match=message):
        map_state(net, ours(net), given=text)


def test_a_map_is_checked_against_shapes_and_twice() -> None:
    net = network(SMALL)
    plan = map_state(net, ours(net))
    text = write_map([], lines_of(plan, our_layers(net)))
    for line, message in (
        ("head.linear = z", "head.linear has weight 10 x 16, bias 10, and z has weight 3 x 3, bias 3"),
        ("stages.0.blocks.0.branch.batch_norm2 = stages.0.blocks.0.branch.batch_norm1", "takes already"),
    ):
        others = "\n".join(each for each in text.splitlines() if not each.startswith("head"))
        others += "" if line.startswith("head") else "\nhead.linear = head.linear"
        state = {**ours(net), "z.weight": (3, 3), "z.bias": (3,)}
        with pytest.raises(Mismatch, match=message):
            map_state(net, state, given=f"{others}\n{line}\n", allow_unused=True)
    state = {**ours(net), "other.weight": (3,)}
    with pytest.raises(Mismatch, match="belongs to no operation"):
        map_state(net, state, given=text)


# The command


def test_there_and_back(run: Command, here: Path, torch: Any) -> None:
    """By other names, and one tensor in half precision: what comes back is what went, bit for bit."""
    net = network(SMALL)
    state = {
        f"net.{name.replace('stages.', 'layer').replace('.blocks.', '.')}": torch.randn(shape)
        if shape
        else torch.tensor(3)
        for name, shape in ours(net).items()
    }
    half = next(name for name in state if name.endswith("conv1.weight"))
    state[half] = state[half].half()
    torch.save(state, here / "theirs.pth")
    assert run("theirs.pth", "-o", "ours.safetensors").code == 0
    assert run("theirs.pth", "-o", "ours.pth").code == 0
    load_file = importlib.import_module("safetensors.torch").load_file
    saved, same = torch.load(here / "ours.pth"), load_file(here / "ours.safetensors")
    assert saved.keys() == same.keys()
    assert all(torch.equal(saved[name], same[name]) for name in same)
    assert run("theirs.pth", "--propose-map", "a.map").code == 0
    result = run("theirs.pth", "--map", "a.map", "-o", "a.map", "--force")
    assert (result.code, "the output is the map itself" in result.err) == (1, True)
    assert run("theirs.pth", "--map", "a.map", "-o", "mapped.safetensors").code == 0
    assert (here / "mapped.safetensors").read_bytes() == (here / "ours.safetensors").read_bytes()
    result = run("ours.safetensors", "--back", "--like", "theirs.pth", "-o", "back.pth")
    assert result.code == 0, result.err
    back = torch.load(here / "back.pth")
    assert list(back) == list(state)
    assert all(torch.equal(back[name], state[name]) and back[name].dtype == state[name].dtype for name in state)
    assert run("ours.safetensors", "--back", "--map", "a.map", "-o", "by_map.safetensors").code == 0
    by_map = load_file(here / "by_map.safetensors")
    assert by_map.keys() == state.keys()
    assert all(torch.equal(by_map[name], state[name].to(by_map[name].dtype)) for name in state)
    report = json.loads(run("ours.safetensors", "--back", "--map", "a.map", "--dry-run", "--format", "json").out)
    assert (report["moved"], report["left"]) == (len(state), 0)


def test_a_map_with_what_is_open(run: Command, here: Path, torch: Any) -> None:
    net = network(SMALL)
    state = {name: torch.randn(shape) if shape else torch.tensor(0) for name, shape in ours(net).items()}
    kept = {f"x.{name}": tensor for name, tensor in state.items() if not name.startswith("stem.conv")}
    torch.save({**kept, "odd.weight": torch.zeros(3, 3)}, here / "net.pth")
    result = run("net.pth")
    assert result.code == 1
    assert "--propose-map FILE writes" in result.err
    report = json.loads(run("net.pth", "--propose-map", "a.map", "--format", "json").out)
    assert (report["complete"], report["written"]) == (False, True)
    assert report["open"] >= 1
    assert "stem.conv = ?" in (here / "a.map").read_text()
    result = run("net.pth", "--map", "a.map")
    assert (result.code, "is open" in result.err) == (1, True)
    assert run("net.pth", "--propose-map", "a.map").code == 1  # it is there already


def test_wrong_ways(run: Command, here: Path, torch: Any) -> None:
    torch.save({"x": torch.zeros(1)}, here / "net.pth")
    assert run("net.pth", "--back").code == 2
    assert run("net.pth", "--like", "net.pth").code == 2
    assert run("net.pth", "--propose-map", "a", "--map", "b").code == 2
    result = run("net.pth", "--back", "--like", "net.pth")
    assert (result.code, "which the emitted module has" in result.err) == (1, True)
    (here / "bad.map").write_bytes(b"\xff\xfe\x00")
    assert "no text in UTF-8" in run("net.pth", "--map", "bad.map").err
    assert "there is no such file" in run("net.pth", "--map", "none.map").err
