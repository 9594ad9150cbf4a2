"""Emitted modules of random architectures, and of programs with all operations: tensors, shapes and values.

Values are compared with those of `interpreter.py`, which runs the graph node by node.
"""

from __future__ import annotations

import emitted
import interpreter
import pytest
import torch
from emitted import Emitted
from emitted_programs import HEADER, PROGRAMS, conditional_programs
from hypothesis import HealthCheck, given, settings
from properties.strategies import Program, programs
from torch.utils.flop_counter import FlopCounterMode

from archdsl.graph.cost import count
from archdsl.graph.network import INPUT, Network

PROFILE = settings(derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), database=None)


def check(built: Emitted, network: Network | None = None, *, values: bool = True) -> None:
    """The module is the network, at its own size or at that of another network of the same program."""
    network = network or built.network
    size = (int(network.input[1]), int(network.input[2]))
    arguments = {"image_size": size} if built.interface.sizes_padding else {}
    model = built.on_meta(**arguments)
    assert {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()} == emitted.tensor_shapes(network)
    cost = count(network)
    assert sum(tensor.numel() for tensor in model.parameters()) == cost.params
    image = torch.empty(2, *network.input, device="meta")
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        emitted.check_shapes(network, emitted.watch(model, image))
    assert counter.get_total_flops() == 2 * count(network, "macs").flops * len(image)
    if values:
        check_values(network, emitted.randomise(built.make(**arguments).double()))


def check_values(network: Network, model: torch.nn.Module) -> None:
    """The module's outputs are those of the graph run node by node, and so are the maps that it gives out."""
    image = emitted.images(network, batch=2 if count(network).flops < 10_000_000 else 1)
    with torch.no_grad():
        found = emitted.in_order(model(image))
        wanted = interpreter.run(network, model.state_dict(), image)
    for output, value in zip(found, network.outputs, strict=True):
        torch.testing.assert_close(output, wanted[value], rtol=1e-9, atol=1e-9)
    if not hasattr(model, "feature_maps"):
        return
    with torch.no_grad():
        maps = model.feature_maps(image)
    assert isinstance(maps, tuple)
    assert tuple(feature.shape[1] for feature in maps) == model.feature_channels
    assert len(model.feature_strides) == len(maps)
    if network.features:
        for output, feature in zip(maps, network.features, strict=True):
            torch.testing.assert_close(output, wanted[feature.value], rtol=1e-9, atol=1e-9)
    else:
        alike = [[v for v in wanted.values() if v.shape == feature.shape] for feature in maps]
        assert all(any(feature.allclose(v) for v in some) for feature, some in zip(maps, alike, strict=True))


def check_channels(built: Emitted) -> None:
    """For images of other channels the module is the same network, but for the weights of what reads the image."""
    network = built.network
    channels = int(network.input[0]) + 2
    model = built.on_meta(in_channels=channels)
    wanted = emitted.tensor_shapes(network)
    for node in network.nodes:
        if INPUT in node.inputs:
            assert node.operation.name == "conv", node.path
            width, _, *kernel = wanted[f"{node.path}.weight"]
            wanted[f"{node.path}.weight"] = (width, channels, *kernel)
    assert {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()} == wanted
    image = torch.empty(1, channels, *network.input[1:], device="meta")
    emitted.check_shapes(network, emitted.watch(model, image))


@settings(PROFILE, max_examples=50)
@given(programs())
def test_random_architectures(program: Program) -> None:
    built = emitted.emitted_text(program.text())
    check(built)
    check_channels(built)
    step = 1 if program.height % 32 or program.width % 32 else 32
    larger = emitted.text_network(program.scaled(1, step, 2 * step).text())
    check(built, larger, values=count(larger).flops < 10_000_000)


@settings(PROFILE, max_examples=80)
@given(conditional_programs())
def test_blocks_with_steps_left_away(text: str) -> None:
    built = emitted.emitted_text(text)
    check(built)
    assert built.interface.takes_channels or "stem: none" in text
    if built.interface.takes_channels:
        check_channels(built)


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs(name: str) -> None:
    check(emitted.emitted_text(HEADER + PROGRAMS[name]))


TWICE = "block twice(x; width) = concat(x -> conv(width, kernel: 3), x -> conv(width, kernel: 1) -> relu)"
INNER = "block inner(x; width) = x -> conv_norm_act(width) -> conv(width, kernel: 1)"
ADDED = "block added(x; width) = conv(x, width, kernel: 3) + conv(x, width, kernel: 1)"

STEMS = [
    ("conv(8, kernel: 3)", "", True),
    ("conv(8, kernel: 4, padding: [0, 1, 2, 1])", "", True),
    ('conv(8, kernel: 3, stride: 2, padding: "same")', "", True),
    ("conv_norm_act(8)", "", True),
    ("inner(8)", INNER, True),
    ("twice(8)", TWICE, True),
    ("added(8)", ADDED, True),
    ("conv(3, kernel: 3, groups: 3)", "", False),
    ("conv(6, kernel: 3, groups: 3)", "", False),
    ("batch_norm -> conv(8, kernel: 3)", "", False),
    ("max_pool(kernel: 2, stride: 2) -> conv(8, kernel: 3)", "", False),
    ("relu -> conv(8, kernel: 3)", "", False),
    ("slice(0 .. 1) -> conv(8, kernel: 3)", "", False),
    ("own", "block own(x) = x -> conv(x.channels, kernel: 3)", False),
    ("also(8)", "block also(x; width) = concat(x, x -> conv(width, kernel: 3))", False),
]


@pytest.mark.parametrize(("stem", "block", "offered"), STEMS, ids=[stem for stem, _, _ in STEMS])
def test_channels_of_the_image_are_offered_where_only_first_convolutions_see_them(
    stem: str, block: str, offered: bool
) -> None:
    built = emitted.emitted_text(
        f"{HEADER}{block}\nblock plain(x; width) = x -> conv(width, kernel: 3)\n"
        f"model m {{ input: 3 x 12 x 14  stem: {stem}  stages: plain(8)  head: pool_head(classes: 3) }}"
    )
    assert built.interface.takes_channels == offered
    check(built)
    if offered:
        check_channels(built)
        return
    with pytest.raises(TypeError, match="in_channels"):
        built.on_meta(in_channels=5)
