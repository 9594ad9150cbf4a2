"""Output strides: a dilated network is the strided one at the positions of its map, and has the reference's layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from families.compiling import compiled, network_of, spec, totals
from families.test_families_references import timm_models, windows
from run import emitted, interpreter
from run.emitted import reference

from archdsl.graph.network import Network, Value

WITHOUT_GATES = (
    *("resnet18", "resnet50", "resnext50", "regnetx_400mf", "anynet_v", "anynet_vr", "anynet_r", "mobilenetv1"),
    *("mobilenetv2", "rexnet_plain", "efficientnet_lite0"),
)
"""Networks whose blocks see windows alone: a gate takes the mean of a map, which has more positions with dilation."""


def last_map(network: Network, state: Any, image: Any) -> Any:
    last = max(index for index, node in enumerate(network.nodes) if node.path.startswith("stages"))
    return interpreter.run(network, state, image)[Value(last)]


@pytest.mark.parametrize(
    ("name", "stride"), [("resnet18", 4), ("resnet18", 16), *[(name, 8) for name in WITHOUT_GATES]]
)
def test_a_dilated_network_is_the_strided_one_at_its_positions(name: str, stride: int) -> None:
    torch = emitted.torch
    plain = network_of(spec(name, settings={"input": "3 x 64 x 64"}))
    result = spec(name, settings={"input": "3 x 64 x 64", "output_stride": stride})
    dense = network_of(result)
    assert not list(result.diagnostics)
    shapes = emitted.tensor_shapes(plain)
    assert emitted.tensor_shapes(dense) == shapes
    draws = torch.Generator().manual_seed(0)
    state = {
        key: torch.randn(shape, dtype=torch.float64, generator=draws) / max(1, torch.Size(shape[1:]).numel()) ** 0.5
        for key, shape in shapes.items()
    }
    state |= {key: tensor.abs() + 1 for key, tensor in state.items() if key.endswith("running_var")}
    image = emitted.images(plain, batch=1)
    step = 32 // stride
    wanted = last_map(plain, state, image)
    torch.testing.assert_close(last_map(dense, state, image)[:, :, ::step, ::step], wanted, rtol=1e-9, atol=1e-9)
    assert float(wanted.std()) > 0.01


RESNETS: dict[str, Callable[[int], Any]] = {
    "resnet18": lambda s: timm_models().resnet.ResNet(timm_models().resnet.BasicBlock, [2, 2, 2, 2], output_stride=s),
    "resnet50": lambda s: timm_models().resnet.ResNet(timm_models().resnet.Bottleneck, [3, 4, 6, 3], output_stride=s),
    "regnetx_400mf": lambda s: reference("timm").create_model("regnetx_004", output_stride=s),
    "regnety_4gf": lambda s: reference("timm").create_model("regnety_040", output_stride=s),
    "efficientnetv2_s": lambda s: reference("timm").create_model("tf_efficientnetv2_s", output_stride=s),
}


@pytest.mark.parametrize("name", RESNETS)
def test_output_strides_of_the_reference(name: str) -> None:
    stride = 8
    torch = reference("torch")
    network = network_of(spec(name, settings={"output_stride": stride}))
    with emitted.Undrawn():
        module = RESNETS[name](stride)
    layers = [
        (layer.kernel_size, layer.stride, layer.dilation, layer.groups)
        for path, layer in module.named_modules()
        if isinstance(layer, torch.nn.Conv2d) and ".se." not in path and max(layer.kernel_size) > 1
    ]
    found = windows(network)
    assert found == layers[-len(found) :]
    assert totals(network)["params"] == sum(p.numel() for p in module.parameters())


BLOCKS = {
    "both by `dilation`": ("conv(width, kernel: 3, dilation: dilation)", "conv2", 1, 2),
    "the first alone": ("conv(width, kernel: 5)", "conv2", 1, 2),
    "a pooling": ("max_pool(3, stride: 1)", "max_pool", 1, 2),
    "too much": ("conv(width, kernel: 3, dilation: 3 * next_dilation - 2)", "conv2", 4, 2),
    "right": ("conv(width, kernel: 3, dilation: next_dilation)", "", 0, 0),
    "right, with a dilation of its own": ("conv(width, kernel: 3, dilation: 3 * next_dilation)", "", 0, 0),
}


@pytest.mark.parametrize("second", BLOCKS)
def test_windows_behind_a_replaced_stride(second: str) -> None:
    step, name, found, wanted = BLOCKS[second]
    result = compiled(
        "use std.ops { conv, max_pool }\n"
        "block two(x; width, stride: 1, dilation: 1, next_dilation: dilation) {\n"
        f"  return x -> conv(width, kernel: 3, stride: stride, dilation: dilation) -> {step}\n}}\n"
        "model m { input: 3 x 64 x 64  output_stride: 4  stages: two { width: [8, 8, 8]  stride: 2  depth: 2 } }"
    )
    said = [(d.code, d.severity, d.message) for d in result.diagnostics]
    message = f"`stages.2.blocks.0.{name}` is dilated by {found}, and where it stands the output stride of 4 asks for "
    assert said == ([("E317", "warning", f"{message}{wanted}")] if name else [])
