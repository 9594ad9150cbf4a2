"""Emitted modules of random architectures, and of programs with all operations: tensors, shapes and values.

Values are compared with those of `interpreter.py`, which runs the graph node by node.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import emitted
import interpreter
import pytest
import torch
from emitted import Emitted
from emitted_programs import HEADER, PROGRAMS, conditional_programs, structured_programs
from growing_programs import growing_programs
from hypothesis import HealthCheck, given, settings
from properties.strategies import Program, programs
from sampling import many
from torch.utils.flop_counter import FlopCounterMode

from archdsl.graph.cost import count, group_of
from archdsl.graph.network import INPUT, Network, Value, strides

PROFILE = settings(derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), database=None)


def check(built: Emitted, network: Network | None = None, *, values: bool = True) -> None:
    """The module is the network, at its own size or at that of another network of the same program."""
    network = network or built.network
    size = (int(network.input[1]), int(network.input[2]))
    arguments = {"image_size": size} if built.interface.sizes_padding else {}
    model = built.on_meta(**arguments)
    assert len({node.path for node in network.nodes}) == len(network.nodes)
    assert {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()} == emitted.tensor_shapes(network)
    cost = count(network)
    assert sum(tensor.numel() for tensor in model.parameters()) == cost.params
    image = torch.empty(2, *network.input, device="meta")
    with FlopCounterMode(display=False) as counter:
        emitted.check_shapes(network, emitted.watch(model, image))
    assert counter.get_total_flops() == 2 * count(network, "macs").flops * len(image)
    if values:
        check_values(network, emitted.randomise(built.make(**arguments).double()))


def check_values(network: Network, model: torch.nn.Module) -> None:
    """The module's outputs are those of the graph run node by node, and so are the maps that it gives out."""
    image = emitted.images(network, batch=2 if count(network).flops < 10_000_000 else 1)
    with torch.no_grad():
        wanted = interpreter.run(network, model.state_dict(), image)
        _check_all(emitted.in_order(model(image)), network.outputs, wanted)
        if hasattr(model, "forward_features"):
            _check_all([model.forward_features(image)], _before_the_head(network), wanted)
        places = [(f.value, f.stride or 0) for f in network.features] or _last_at_each_stride(network)
        assert hasattr(model, "feature_maps") == bool(places)
        if not places:
            return
        maps = model.feature_maps(image)
    assert isinstance(maps, tuple)
    _check_all(maps, [value for value, _ in places], wanted)
    assert tuple(feature.shape[1] for feature in maps) == model.feature_channels
    assert model.feature_strides == tuple(stride for _, stride in places)


def _check_all(found: Sequence[torch.Tensor], values: Sequence[Value], wanted: Mapping[Value, torch.Tensor]) -> None:
    for output, value in zip(found, values, strict=True):
        torch.testing.assert_close(output, wanted[value], rtol=1e-9, atol=1e-9)


def _ends(network: Network) -> dict[str, list[Value]]:
    """What the stem and each stage hand on: their values that others use, by the paths of the operations alone."""
    homes = {-1: "", **{index: group_of(node.path, "stage") for index, node in enumerate(network.nodes)}}
    uses = [(value, homes[index]) for index, node in enumerate(network.nodes) for value in node.inputs]
    found: dict[str, list[Value]] = {}
    for value, home in [*uses, *[(value, "out") for value in network.outputs]]:
        if homes[value.node] not in (home, "head") and value not in found.setdefault(homes[value.node], []):
            found[homes[value.node]].append(value)
    return found


def _before_the_head(network: Network) -> list[Value]:
    """What the head takes; without a head, the output."""
    inside = [index for index, node in enumerate(network.nodes) if node.path.split(".")[0] == "head"]
    taken = [value for index in inside for value in network.nodes[index].inputs if value.node not in inside]
    return list(dict.fromkeys(taken)) if inside else list(network.outputs)


def _last_at_each_stride(network: Network) -> list[tuple[Value, int]]:
    """The last map before the head at each stride, as a module gives them that was asked for no others."""
    nominal = strides(network.nodes)
    found: dict[int, Value] = {}
    for home, values in _ends(network).items():
        for value in values if home else ():  # the image may go to several places
            stride = nominal[value.node + 1]
            if stride is not None and len(network.shape(value)) == 3:
                found[stride] = max(found.get(stride, value), value)
    return [(found[stride], stride) for stride in sorted(found)]


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


@settings(PROFILE, max_examples=many(10))
@given(programs())
def test_random_architectures(program: Program) -> None:
    built = emitted.emitted_text(program.text())
    check(built)
    check_channels(built)
    step = 1 if program.height % 32 or program.width % 32 else 32
    larger = emitted.text_network(program.scaled(1, step, 2 * step).text())
    check(built, larger, values=count(larger).flops < 10_000_000)


@settings(PROFILE, max_examples=many(15))
@given(conditional_programs())
def test_blocks_with_steps_left_away(text: str) -> None:
    built = emitted.emitted_text(text)
    check(built)
    assert built.interface.takes_channels or "stem: none" in text
    if built.interface.takes_channels:
        check_channels(built)


@settings(PROFILE, max_examples=many(13))
@given(structured_programs())
def test_places_that_do_nothing_and_settings_that_hold_tensors(text: str) -> None:
    built = emitted.emitted_text(text)
    check(built)
    if built.interface.takes_channels:
        check_channels(built)


@settings(PROFILE, max_examples=many(13))
@given(growing_programs())
def test_lists_that_grow_by_any_rule(text: str) -> None:
    check(emitted.emitted_text(HEADER + text))


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
