"""Equal shapes in another order: names decide, or the report says so and asks; --check knows."""

from __future__ import annotations

import importlib
import json
import os
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from weights.test_weights import SMALL, Command, here, moves, network, numbered, ours, read, run, stages, torch

from archdsl.cli import main
from archdsl.graph.network import Network
from archdsl.weights import Ambiguous, Plan, map_state

__all__ = ["here", "run", "torch"]

CHAIN = stages(
    "block chain(x; width) {\n"
    "  a = x -> conv(width, kernel: 3) -> relu\n"
    "  return a -> conv(width, kernel: 3) -> relu -> conv(width, kernel: 1)\n"
    "}\n"
    "block start(x; width) = x -> conv(width, kernel: 1)",
    "chain(8)",
    "  stem: start(8)",
)
"""Two 3 x 3 convolutions of one shape, one behind the other."""


def chain(first: str, second: str, *, swapped: bool) -> dict[str, tuple[int, ...]]:
    """A checkpoint of CHAIN with these names for the two; `swapped`: the second stands first in the file."""
    two = {f"{first}.weight": (8, 8, 3, 3), f"{second}.weight": (8, 8, 3, 3)}
    between = dict(reversed(two.items())) if swapped else two
    return {"start.weight": (8, 3, 1, 1), **between, "finish.weight": (8, 8, 1, 1)}


def chain_of() -> tuple[Network, str, str]:
    net = network(CHAIN)
    first, second = (name for name, shape in ours(net).items() if shape == (8, 8, 3, 3))
    return net, first, second


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize(
    ("first", "second"),
    [("conv1", "conv2"), ("m.0", "m.1"), ("m.9", "m.10"), ("b9.conv", "b10.conv"), ("f.a", "f.b"), ("2a", "2b")],
)
def test_names_that_count_decide(first: str, second: str, swapped: bool) -> None:
    net, ours_first, ours_second = chain_of()
    plan = map_state(net, chain(first, second, swapped=swapped))
    assert moves(plan)[ours_first] == f"{first}.weight"
    assert moves(plan)[ours_second] == f"{second}.weight"
    assert plan.choices == ()
    said = [note for note in plan.notes if "decide" in note]
    assert len(said) == swapped, "silent where file and names agree, and told where they do not"
    if swapped:
        assert f"{first}" in said[0]
        assert f"{second}" in said[0]


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize(("first", "second"), [("reduce", "expand"), ("x", "y"), ("q", "k"), ("left", "right")])
def test_names_that_do_not_tell_are_asked_about(first: str, second: str, swapped: bool, ordered: bool) -> None:
    net, ours_first, ours_second = chain_of()
    state = chain(first, second, swapped=swapped)
    with pytest.raises(Ambiguous) as fault:
        map_state(net, state, ordered=ordered)
    assert {choice.ours for choice in fault.value.choices} == {ours_first, ours_second}
    assert {choice.takes for choice in fault.value.choices} == {f"{first}.weight", f"{second}.weight"}
    assert "--accept-order" in (fault.value.help or "")
    found = {moves(map_state(net, state, ordered=ordered, order=number))[ours_first] for number in (0, 1)}
    assert found == {f"{first}.weight", f"{second}.weight"}
    if ordered:
        file_first = next(name for name, shape in state.items() if shape == (8, 8, 3, 3))
        assert moves(map_state(net, state, order=0))[ours_first] == file_first


PARALLEL = stages(
    "block attend(x; width) {\n"
    "  query = x -> conv(width, kernel: 1)\n"
    "  key = x -> conv(width, kernel: 1)\n"
    "  value = x -> conv(width, kernel: 1)\n"
    "  return query * key + value\n"
    "}",
    "attend { depth: [1, 1]  width: [8, 12] }",
)


@pytest.mark.parametrize("order", list(permutations(["query", "key", "value"])))
@pytest.mark.parametrize("ordered", [False, True])
def test_words_tell_parallel_branches(order: tuple[str, ...], ordered: bool) -> None:
    net = network(PARALLEL)
    state = {
        f"layer{stage}.{name}_proj.weight": ours(net)[f"stages.{stage}.blocks.0.{name}.weight"]
        for stage in (0, 1)
        for name in order
    }
    plan = map_state(net, state, ordered=ordered)
    for stage in (0, 1):
        for name in order:
            assert moves(plan)[f"stages.{stage}.blocks.0.{name}.weight"] == f"layer{stage}.{name}_proj.weight"
    assert plan.choices == ()


def test_parallel_branches_with_numbers_are_asked_about() -> None:
    """Which of three branches another library calls the first, no number tells."""
    net = network(PARALLEL)
    with pytest.raises(Ambiguous, match="6 orders fit") as fault:
        map_state(net, numbered(ours(net)))
    assert len(fault.value.choices) == 6


def test_the_layers_of_squeeze_and_excitation() -> None:
    """Equal sizes: `fc1` and `fc2` count; a file that has them the other way round changes nothing."""
    net = network(
        stages(
            "block excite(x; width) = x * (x -> global_pool -> conv(width, kernel: 1, bias: true) -> relu\n"
            "                                -> conv(width, kernel: 1, bias: true) -> sigmoid)\n"
            "block start(x; width) = x -> conv(width, kernel: 1)",
            "excite(8)",
            "  stem: start(8)",
        )
    )
    mine = [name for name, shape in ours(net).items() if shape == (8, 8, 1, 1)]
    for names in (("fc1", "fc2"), ("fc2", "fc1")):
        state = {"start.weight": (8, 3, 1, 1)}
        for name in names:
            state |= {f"se.{name}.weight": (8, 8, 1, 1), f"se.{name}.bias": (8,)}
        plan = map_state(net, state)
        assert [moves(plan)[name] for name in mine] == ["se.fc1.weight", "se.fc2.weight"]


@pytest.mark.parametrize("ordered", [False, True])
def test_a_file_in_alphabetical_order(ordered: bool) -> None:
    """Ten and more blocks of one shape: `10` stands before `2`, and every shape fits."""
    net = network(SMALL.replace("depth: [2, 2]", "depth: [13, 2]"))
    state = {
        name.replace("stages.", "layer").replace("branch.", "").replace("blocks.", ""): shape
        for name, shape in ours(net).items()
    }
    plan = map_state(net, dict(sorted(state.items())), ordered=ordered)
    assert moves(plan) == dict(zip(ours(net), state, strict=True))


@pytest.mark.parametrize("ordered", [True, False])
def test_the_parts_of_a_list_may_stand_apart(ordered: bool) -> None:
    """One list of convolutions and one of norms, as Res2Net's code has them."""
    net = network(
        stages(
            "block b(x; width) {\n"
            "  y[0] = x\n"
            "  y[i] = y[i - 1] -> conv(width, kernel: 3) -> batch_norm for i in 1 .. 3\n"
            "  return y[3]\n"
            "}",
            "b(8)",
        )
    )
    layers = [(f"b.convs.{i}.weight", (8, 3 if i == 0 else 8, 3, 3)) for i in range(3)]
    norms = [
        (f"b.bns.{i}.{part}", (8,)) for i in range(3) for part in ("weight", "bias", "running_mean", "running_var")
    ]
    plan = map_state(net, dict([*layers, *norms]), ordered=ordered)
    found = moves(plan)
    for i in range(3):
        assert found[f"stages.0.blocks.0.y.{i + 1}.conv.weight"] == f"b.convs.{i}.weight"
        assert found[f"stages.0.blocks.0.y.{i + 1}.batch_norm.running_var"] == f"b.bns.{i}.running_var"
    assert plan.choices == ()
    assert not ordered or any("one after the other" in note for note in plan.notes)


def test_gamma_and_beta_by_position_are_not_taken() -> None:
    """Two scales of one length, whose names say neither which is first nor what they are."""
    net = network(stages("block b(x; width) = x -> conv(width, kernel: 1) -> layer_scale -> layer_scale", "b(8)"))
    with pytest.raises(Ambiguous, match="gamma"):
        map_state(net, {"c.weight": (8, 3, 1, 1), "beta": (8,), "gamma": (8,)})


def test_numbers_against_an_order_that_names_do_not_fit() -> None:
    """Where modules are not contiguous the file's order stands, and what counts down in it is asked about."""
    net = network(
        stages(
            "block b(x; width) = x -> conv(width, kernel: 3) -> batch_norm -> conv(width, kernel: 3) -> batch_norm\n"
            "block start(x; width) = x -> conv(width, kernel: 1)",
            "b(8)",
            "  stem: start(8)",
        )
    )

    def state(first: int, second: int) -> dict[str, tuple[int, ...]]:
        norm = {"weight": (8,), "bias": (8,), "running_mean": (8,), "running_var": (8,)}
        found: dict[str, tuple[int, ...]] = {"start.weight": (8, 3, 1, 1)}
        for place, number in enumerate((first, second)):
            found[f"convs.{number}.weight"] = (8, 8, 3, 3)
            found |= {f"norms.{place}.{short}": shape for short, shape in norm.items()}
        return found

    plan = map_state(net, state(0, 1))
    assert "the names do not go with the order of the operations: the file's order stands for it" in plan.notes
    assert plan.choices == ()
    with pytest.raises(Ambiguous, match=r"convs\.[01]"):
        map_state(net, state(1, 0))


# The command


@pytest.fixture
def twins(here: Path, torch: Any) -> dict[str, Any]:
    """CHAIN in small.arch, and in net.pth its weights by names that do not tell, swapped in the file."""
    (here / "small.arch").write_text(CHAIN)
    torch.manual_seed(1)
    state = {name: torch.randn(shape) / 4 for name, shape in chain("reduce", "expand", swapped=True).items()}
    torch.save(state, here / "net.pth")
    return state


def reference_output(torch: Any, state: dict[str, Any], image: Any) -> Any:
    """CHAIN by hand, with PyTorch's functions: reduce first."""
    f = torch.nn.functional
    x = f.conv2d(image, state["start.weight"])
    x = f.relu(f.conv2d(x, state["reduce.weight"], padding=1))
    x = f.relu(f.conv2d(x, state["expand.weight"], padding=1))
    return f.conv2d(x, state["finish.weight"])


def test_asked(run: Command, here: Path, twins: dict[str, Any], torch: Any) -> None:
    result = run("net.pth")
    assert (result.code, result.out) == (1, "")
    lines = result.err.splitlines()
    assert lines[0].startswith("error: net.pth: 2 orders fit, and neither names nor the file's order tell which")
    assert len([line for line in lines if line.startswith("note: ")]) == 2
    assert "takes expand.weight, and could take reduce.weight" in result.err
    assert lines[-1].startswith("help: --accept-order")
    assert {path.name for path in here.iterdir()} == {"archdsl.toml", "small.arch", "net.pth"}
    failure = json.loads(run("net.pth", "--format", "json").out)
    assert len(failure["diagnostics"][0]["labels"]) == 2
    result = run("net.pth", "--accept-order")
    assert result.code == 0
    assert "could take" in result.out
    _, first, _ = chain_of()
    assert torch.equal(read(here / "one.safetensors")[first], twins["expand.weight"])
    found = json.loads(run("net.pth", "--accept-order", "--dry-run", "--format", "json").out)
    assert found["orders"] == 2
    assert {choice["takes"] for choice in found["choices"]} == {"expand.weight", "reduce.weight"}


@pytest.mark.parametrize("form", ["safetensors", "pt", "npz"])
def test_a_check_finds_the_order(run: Command, here: Path, twins: dict[str, Any], torch: Any, form: str) -> None:
    image = torch.randn(2, 3, 64, 64)
    given = {"input": image, "output": reference_output(torch, twins, image)}
    if form == "pt":
        torch.save(given, here / "logits.pt")
    elif form == "npz":
        import numpy

        numpy.savez(here / "logits.npz", **{name: tensor.numpy() for name, tensor in given.items()})
    else:
        importlib.import_module("safetensors.torch").save_file(given, here / "logits.safetensors")
    result = run("net.pth", "--check", f"logits.{form}")
    assert result.code == 0, result.err
    assert f"check: {given['output'].numel():,} outputs differ by" in result.out
    assert "could take" not in result.out.split("loaded")[0]
    _, first, second = chain_of()
    written = read(here / "one.safetensors")
    assert torch.equal(written[first], twins["reduce.weight"])
    assert torch.equal(written[second], twins["expand.weight"])
    found = json.loads(run("net.pth", "--check", f"logits.{form}", "--dry-run", "--format", "json").out)
    assert found["check"]["max_difference"] < 1e-4
    assert found["orders"] == 1


def test_a_check_that_fails_writes_nothing(run: Command, here: Path, twins: dict[str, Any], torch: Any) -> None:
    image = torch.randn(1, 3, 64, 64)
    output = reference_output(torch, twins, image)
    torch.save({"input": image, "output": output + 0.5}, here / "logits.pt")
    result = run("net.pth", "--check", "logits.pt")
    assert (result.code, result.out) == (1, "")
    assert "error: logits.pt: the output differs by 0." in result.err
    assert "in the nearest of 2 orders" in result.err
    torch.save({"input": image, "output": output}, here / "logits.pt")
    result = run("net.pth", "--check", "logits.pt", "--accept-order")  # the first order alone
    assert result.code == 1
    torch.save({"input": image, "output": output + 1e-3}, here / "logits.pt")
    assert run("net.pth", "--check", "logits.pt").code == 1
    assert not (here / "one.safetensors").exists()
    assert run("net.pth", "--check", "logits.pt", "--tolerance", "0.01").code == 0


def test_checks_that_cannot_be_made(run: Command, here: Path, twins: dict[str, Any], torch: Any) -> None:
    image = torch.randn(1, 3, 64, 64)
    output = reference_output(torch, twins, image)
    cases: dict[str, Any] = {
        "it has no output of floats": {"input": image},
        "it has no input of floats": {"output": output, "input": image.int()},
        "its input is 1 x 1 x 64 x 64, and the network takes N x 3 x 64 x 64": {
            "input": image[:, :1],
            "output": output,
        },
        "its output is 1 x 2 x 64 x 64, and the network gives 1 x 8 x 64 x 64": {
            "input": image,
            "output": output[:, :2],
        },
        "its output holds numbers that are none": {"input": image, "output": output * float("nan")},
    }
    for words, content in cases.items():
        torch.save(content, here / "logits.pt")
        result = run("net.pth", "--check", "logits.pt")
        assert (result.code, result.out) == (1, "")
        assert words in result.err
    os.mkfifo(here / "pipe.pt")
    assert "error: pipe.pt: not a regular file" in run("net.pth", "--check", "pipe.pt").err
    (here / "logits.npz").write_bytes(b"PK\x03\x04 and no more")
    assert "no archive of arrays" in run("net.pth", "--check", "logits.npz").err
    assert "there is no such file" in run("net.pth", "--check", "nothing.pt").err
    assert not (here / "one.safetensors").exists()


def test_plans_of_one_order_have_no_choices() -> None:
    net = network(SMALL)
    plan: Plan = map_state(net, numbered(ours(net)))
    assert (plan.orders, plan.choices) == (1, ())


def test_help_names_the_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["weights", "--help"]) == 0
    out = capsys.readouterr().out
    assert all(option in out for option in ("--accept-order", "--check", "--channel-order", "--entry", "--tolerance"))
