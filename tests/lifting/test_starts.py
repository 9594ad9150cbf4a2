"""How parameters start, read off the numbers of fresh modules: against PyTorch's own functions that start them."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="what is imported is a module of PyTorch")

import torch
from torch import nn
from torch.nn import init

import archdsl
from archdsl.backends.torch.forms import FORMS
from archdsl.importing import Asked, run_import
from archdsl.lifting.lifted import Lifted, Origin
from archdsl.lifting.starts import fans_of, normal_start, starts_of

TEXT = """
arch 1
use std.ops { conv, conv_transpose, flatten, linear, relu }

block up(x) = x -> conv(96, kernel: 3, groups: 12, bias: true) -> relu
                -> conv_transpose(32, kernel: 2, stride: 2, groups: 2, bias: true)

model m {
  input:  3 x 8 x 8
  stem:   conv(48, kernel: 3, bias: true)
  stages: [up]
  head:   conv(32, kernel: 4, stride: 4, padding: 0, bias: true) -> flatten -> linear(300)
}
"""


def small_network() -> tuple[Any, Any]:
    """A network, and its module as PyTorch starts it."""
    torch.manual_seed(1)
    compiled = archdsl.compile_text(TEXT)
    return compiled.network, compiled.module()


def read(network: Any, module: Any) -> tuple[dict[str, str], tuple[str, ...]]:
    layers, state = dict(module.named_modules()), module.state_dict()
    origins = []
    for node in network.nodes:
        tensors = {one.name: state[f"{node.path}.{one.name}"] for one in network.tensors(node)}
        origins.append(Origin(((node.path, type(layers.get(node.path)).__name__),), tensors, ()))
    found = starts_of(Lifted(network, tuple(origins)))
    return dict(found.lines), found.notes


def as_efficientnet(weight: Any, groups: int) -> None:
    init.normal_(weight, std=math.sqrt(2 / (weight.shape[0] * weight.shape[2:].numel() / groups)))


def trained(weight: Any) -> None:
    init.normal_(weight, std=0.02)
    weight.mul_(torch.linspace(0.5, 2, weight.shape[0]).reshape(-1, *[1] * (weight.ndim - 1)))


STARTS: dict[str, tuple[Callable[[Any, int], object], str]] = {
    "he out": (lambda w, _: init.kaiming_normal_(w, mode="fan_out"), "normal(std: sqrt(2 / fan_out))"),
    "he in": (lambda w, _: init.kaiming_normal_(w), "normal(std: sqrt(2 / fan_in))"),
    "he uniform": (lambda w, _: init.kaiming_uniform_(w), "uniform(bound: sqrt(6 / fan_in))"),
    "lecun": (lambda w, _: init.kaiming_normal_(w, nonlinearity="linear"), "normal(std: 1 / sqrt(fan_in))"),
    "glorot": (lambda w, _: init.xavier_uniform_(w), "uniform(bound: sqrt(6 / (fan_in + fan_out)))"),
    "glorot normal": (lambda w, _: init.xavier_normal_(w), "normal(std: sqrt(2 / (fan_in + fan_out)))"),
    "efficientnet": (as_efficientnet, "normal(std: sqrt(2 * groups / fan_out))"),
    "cut far away": (lambda w, _: init.trunc_normal_(w, std=0.02), "normal(std: 2/100)"),
    "cut": (lambda w, _: init.trunc_normal_(w, std=0.02, a=-0.04, b=0.04), "truncated_normal(std: 2/100)"),
    "one number": (lambda w, _: init.constant_(w, 0.25), "0.25"),
    "a small number": (lambda w, _: init.constant_(w, 1e-6), "0.000001"),
}


@pytest.mark.parametrize("name", STARTS)
def test_weights(name: str) -> None:
    start, expected = STARTS[name]
    network, module = small_network()
    assert read(network, module) == ({}, ())  # as PyTorch starts them
    with torch.no_grad():
        for layer in module.modules():
            if type(layer) is nn.Conv2d:
                start(layer.weight, layer.groups)
                init.zeros_(layer.state_dict()["bias"])
    # The transposed convolution is one of four tensors, too many to be an exception.
    lines, notes = read(network, module)
    assert lines == {}
    assert len(notes) == 2
    with torch.no_grad():
        for layer in module.modules():
            if type(layer) is nn.ConvTranspose2d:
                # PyTorch's functions have a transposed convolution's fans the other way round.
                weight = layer.weight.new_empty(layer.out_channels, layer.in_channels // layer.groups, 2, 2)
                start(weight, layer.groups)
                layer.weight.copy_(weight.reshape(layer.weight.shape))
                init.zeros_(layer.state_dict()["bias"])
    told = "uniform(bound: 1 / sqrt(fan_in))"
    assert read(network, module) == ({"conv": expected, "bias": "0", "linear.bias": told}, ())


def test_layers_that_are_trained_or_start_otherwise() -> None:
    network, module = small_network()
    linear = next(layer for layer in module.modules() if isinstance(layer, nn.Linear))
    with torch.no_grad():
        trained(linear.weight)
        init.normal_(linear.bias, std=0.01)
    lines, notes = read(network, module)
    assert lines == {"linear.bias": "normal(std: 1/100)"}
    assert notes == (
        "how the weights of `linear` start is not seen in their numbers: they start as PyTorch starts them",
    )


def test_the_words_are_those_of_the_emitted_module() -> None:
    network, module = small_network()
    layers = dict(module.named_modules())
    kinds = {"conv", "linear"}
    for index, node in enumerate(network.nodes):
        weights = [one for one in network.tensors(node) if one.column == "weights"]
        assert bool(weights) == (FORMS[node.operation.name].init in kinds)
        if weights and node.operation.name != "linear":
            layer = layers[node.path]
            taps = math.prod(layer.kernel_size)
            expected = (layer.in_channels // layer.groups * taps, layer.out_channels * taps, layer.groups)
            assert fans_of(network, index)[:3] == expected


def test_learned_tensors() -> None:
    torch.manual_seed(1)
    assert [normal_start(torch.randn(197, 192) * std) for std in (0.02, 1e-6, 1.0)] == pytest.approx([0.02, 1e-6, 1])
    assert normal_start(torch.rand(197, 192)) is None
    assert normal_start(torch.randn(20) * 0.02) is None


MODULE = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.convs = nn.ModuleList([nn.Conv2d(3 if at == 0 else 64, 64, 3, padding=1) for at in range(6)])
        self.head = nn.Linear(64, 10)
        self.scale = nn.Parameter(0.02 * torch.randn(64, 1, 1))
        for layer in [*self.convs, self.head]:
            nn.init.kaiming_normal_(layer.weight, mode="fan_out")
            nn.init.zeros_(layer.bias)
        nn.init.zeros_(self.head.weight)
    def forward(self, x):
        for layer in self.convs:
            x = torch.relu(layer(x))
        return self.head((x + self.scale).mean((2, 3)))
"""


def test_an_imported_network_starts_as_its_source(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(MODULE)
    found = [run_import(Asked(f"module:{tmp_path}/net.py:Net", (3, 32, 32)), lambda _: ()) for _ in range(2)]
    first, second = (one.written for one in found)
    assert first is not None
    assert second is not None
    assert found[0].proof is not None
    assert found[0].proof.holds
    assert first.text == second.text  # whatever random numbers came before
    assert found[0].notes == ()
    assert "  init { conv: normal(std: sqrt(2 / fan_out))  linear: 0  bias: 0 }\n" in first.text
    module = archdsl.compile_text(first.text).module()
    made = [layer for layer in module.modules() if isinstance(layer, nn.Conv2d)]
    assert [float(layer.weight.detach().std()) for layer in made] == pytest.approx([math.sqrt(2 / 576)] * 6, rel=0.1)
    assert not any(bool(layer.state_dict()["bias"].any()) for layer in made)
