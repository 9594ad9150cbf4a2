"""What `compile` and `train` say where a recipe and a network do not go together, or no entry point can be had."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_cases import Run

NET = """\
arch 1
use std.ops { conv, global_pool, linear, relu }

block map(x; classes: 10) = x -> conv(classes, kernel: 1, bias: true)
block pooled(x; classes: 10) = x -> conv(classes, kernel: 1, bias: true) -> global_pool
block classify(x; classes: 10) = x -> global_pool -> linear(classes)
block two(x; classes: 10) = (x -> global_pool -> linear(classes), x)

model a_map { input: 3 x 16 x 16  stages: conv { width: 8  kernel: 3 }  head: map }
model pooled_map = a_map with { head: pooled }
model plain = a_map with { head: classify }
model bare = a_map with { head: none }

recipe short {
  epochs: 2  batch: 16
  optimizer: sgd(undecayed: ["norms", "biases"])
  schedule: constant(peak: 0.1)
  drop_path: 0.2  dropout: 0.1  precise_bn: 64
  progressive { stages: 2  drop_path: 0 .. 0.2 }
}
recipe zero = short with {
  drop_path: 0  dropout: 0  precise_bn: none  optimizer.undecayed: none  progressive.drop_path: 0
}
"""
LEFT = {
    "drop_path": "no stochastic depth",
    "progressive.drop_path": "no stochastic depth",
    "dropout": "no dropout",
    "optimizer.undecayed": "no norms",
    "precise_bn": "no batch norm",
}


@pytest.fixture
def net(here: Path) -> Path:
    path = here / "net.arch"
    path.write_text(NET)
    return path


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("a_map", "the network ends in a map of 10 x 16 x 16"),
        ("pooled_map", "the network ends in a map of 10 x 1 x 1"),
        ("bare", "the network has no classifier: it ends in a map of 8 x 16 x 16"),
    ],
)
def test_a_map_has_a_module_and_no_entry_point(run: Run, net: Path, model: str, reason: str) -> None:
    out = net.parent / "out"
    result = run("compile", "net.arch", "--model", model, "-o", out)
    assert result.code == 0
    assert f"warning[E702]: `{model}` has no training entry point: {reason}" in result.err
    assert [path.name for path in out.iterdir()] == [f"{model}.py"]
    result = run("compile", "net.arch", "--model", model, "-o", out, "--force", "--format", "json")
    assert [d["code"] for d in json.loads(result.out)["diagnostics"]] == ["E702"]
    for target in (("--target", "train"), ("--target", "torch", "--target", "train")):
        result = run("compile", "net.arch", "--model", model, "-o", net.parent / "more", *target)
        assert result.code == 1
        assert f"--target train: {reason}" in result.err
        assert "--target torch writes the module alone" in result.err
    assert not (net.parent / "more").exists()
    result = run("train", "net.arch", "--model", model)
    assert (result.code, result.out) == (1, "")
    assert reason in result.err
    assert not (net.parent / "runs").exists()


@pytest.mark.parametrize("last", ["sigmoid", "hard_sigmoid", "tanh", "sigmoid -> dropout(rate: 0.5)"])
def test_scores_that_are_squashed_are_not_trained(run: Run, here: Path, last: str) -> None:
    """Cross-entropy of a softmax of sigmoids, or of a sigmoid of sigmoids, learns little, and says nothing."""
    text = f"""\
arch 1
use std.ops {{ conv, relu, global_pool, linear, sigmoid, hard_sigmoid, tanh, dropout }}
block squashed(x; classes: 10) = x -> global_pool -> linear(classes) -> {last}
block scores(x; classes: 10) = x -> sigmoid -> global_pool -> linear(classes)
model probabilities {{ input: 3 x 8 x 8  stages: conv {{ width: 8 kernel: 3 }}  head: squashed }}
model right = probabilities with {{ head: scores }}
"""
    (here / "squashed.arch").write_text(text)
    result = run("compile", "squashed.arch", "--model", "probabilities", "-o", here / "out")
    assert result.code == 0
    name = last.partition(" ")[0]
    told = f"the network ends in `{name}`, and the losses of recipes take the scores before it: leave it out"
    assert f"warning[E702]: `probabilities` has no training entry point: {told}" in result.err
    assert [path.name for path in (here / "out").iterdir()] == ["probabilities.py"]
    assert told in run("train", "squashed.arch", "--model", "probabilities").err
    result = run("compile", "squashed.arch", "--model", "right", "-o", here / "right")
    assert (result.code, result.err) == (0, "")


def test_several_outputs(run: Run, net: Path) -> None:
    net.write_text(NET + "model more = a_map with { head: two }\n")
    result = run("compile", "net.arch", "--model", "more", "-o", net.parent / "out")
    assert result.code == 0, result.err
    assert "`more` has no training entry point: the network has 2 outputs" in result.err


def test_what_the_network_has_not_is_said_and_left_out(run: Run, net: Path) -> None:
    arguments = ("net.arch", "--model", "plain", "--recipe")
    result = run("compile", *arguments, "short", "-o", net.parent / "out")
    assert result.code == 0
    assert "warning[E701]: the recipe `short` asks for what `plain` has not: " in result.err
    text = (net.parent / "out" / "train_plain.py").read_text()
    for path, reason in LEFT.items():
        assert f"`{path}` ({reason})" in result.err
        assert f'say("not used  {path} ({reason})")' in text
    assert "drop_path_rate" not in text
    assert "settings.dropout" not in text
    result = run("compile", *arguments, "short", "-o", net.parent / "json", "--format", "json")
    [diagnostic] = json.loads(result.out)["diagnostics"]
    assert (diagnostic["code"], diagnostic["severity"]) == ("E701", "warning")
    result = run("compile", *arguments, "zero", "-o", net.parent / "zero")
    assert (result.code, result.err) == (0, "")


def test_the_network_that_has_it_keeps_it(run: Run, net: Path) -> None:
    result = run("compile", "efficientnet_b0", "--recipe", "efficientnetv2_s_release", "-o", net.parent / "out")
    assert (result.code, result.err) == (0, "")
    assert "drop_path_rate: float = option(0.2" in (net.parent / "out" / "train_efficientnet_b0.py").read_text()


def test_the_rate_of_another_batch(run: Run, net: Path) -> None:
    """`with { batch }` keeps what the peak is for; who gives a peak gives it for the batch that is then."""
    recipes = """
recipe less = short with { batch: 4 }
recipe least = less with { batch: 2 }
recipe own = short with { batch: 4  schedule.peak: 0.1 }
recipe later = less with { schedule.peak: 0.1 }
recipe said = short with { batch: 4  rate_batch: 8 }
"""
    net.write_text(NET + recipes)
    for name, batch, rate_batch in (
        ("short", 16, 16),
        ("less", 4, 16),
        ("least", 2, 16),
        ("own", 4, 4),
        ("later", 4, 4),
        ("said", 4, 8),
    ):
        out = net.parent / name
        assert run("compile", "net.arch", "--model", "plain", "--recipe", name, "-o", out).code == 0
        text = (out / "train_plain.py").read_text()
        assert f"batch_size: int = option({batch}," in text
        assert f"lr_batch: int = option({rate_batch}," in text
