"""The module emitted for every model of `specs/`: its tensors, shapes and operations are the compiler's, exactly."""

from __future__ import annotations

import emitted
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from archdsl.graph.cost import count
from archdsl.graph.network import Network

SIZES = ((57, 75), (96, 33))
"""Other inputs than the declared ones: all paddings of the specs are symmetric, so that any size goes."""

every_model = pytest.mark.parametrize("name", emitted.MODELS)
sample = pytest.mark.parametrize("name", emitted.SAMPLE)


@every_model
def test_tensors(name: str) -> None:
    built = emitted.emitted_spec(name)
    network, module = built.network, emitted.spec_on_meta(name)
    shapes = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    assert shapes == emitted.tensor_shapes(network)
    parameters = {name: tuple(tensor.shape) for name, tensor in module.named_parameters()}
    assert parameters == emitted.tensor_shapes(network, parameters=True)
    cost = count(network)
    assert sum(tensor.numel() for tensor in module.parameters()) == cost.params
    assert sum(tensor.numel() for tensor in module.buffers()) == cost.buffers
    assert network.hash == built.module.SPEC_HASH


def check_counts(network: Network, module: torch.nn.Module) -> None:
    """A module without data, at a network's size: shapes, acts, and the multiply-adds that torch itself counts."""
    image = torch.empty(2, *network.input, device="meta")
    with FlopCounterMode(display=False) as counter:
        emitted.check_shapes(network, emitted.watch(module, image))
    assert counter.get_total_flops() == 2 * count(network, "macs").flops * len(image)


@every_model
def test_shapes_and_operations_at_the_declared_size(name: str) -> None:
    built = emitted.emitted_spec(name)
    check_counts(built.network, emitted.spec_on_meta(name))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@sample
def test_shapes_and_operations_at_other_sizes(name: str, size: tuple[int, int]) -> None:
    network = emitted.spec_network(name, size)
    assert network.input[1:] == size
    check_counts(network, emitted.spec_on_meta(name))


@sample
def test_a_run_with_numbers(name: str) -> None:
    built = emitted.emitted_spec(name)
    network = emitted.spec_network(name, SIZES[0])
    module = emitted.randomise(built.on_meta().to_empty(device="cpu"))
    image = emitted.images(network, batch=1, dtype=torch.float32)
    seen = emitted.watch(module, image)
    emitted.check_shapes(network, seen)
    (values,) = seen.values
    assert bool(values.isfinite().all())
    assert float(values.std()) > 0.01
