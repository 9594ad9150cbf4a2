"""What tools print for emitted modules is what the conventions named after them say, to the unit.

Tools count modules in evaluation mode; what autograd keeps is counted in training mode.
"""

from __future__ import annotations

import copy
import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from unittest.mock import patch

import emitted
import pytest
import torch
from emitted import Emitted
from emitted_programs import HEADER, PROGRAMS, conditional_programs, drawn
from properties.strategies import programs
from sampling import TIMES, many
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from archdsl.graph.cost import count
from archdsl.graph.memory import training_bytes
from archdsl.graph.network import Network, Node

Counts = dict[str, int]
"""Flops, params, acts: as many of them as a tool prints."""

SIZE = (57, 75)
EXAMPLES = many(8)


@contextmanager
def quiet() -> Iterator[None]:
    """The tools trace modules and copy tensors in ways that torch warns of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def fvcore(model: nn.Module, image: Tensor) -> Counts:
    tool, jit = emitted.reference("fvcore.nn"), emitted.reference("fvcore.nn.jit_analysis")
    flops, acts = tool.FlopCountAnalysis(model, image), tool.ActivationCountAnalysis(model, image)
    for analysis in (flops, acts):
        analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    traced = jit._get_scoped_trace_graph(model, (image,), flops._aliases)  # each of the two would do it
    with patch.object(jit, "_get_scoped_trace_graph", lambda *_: traced):
        return {"flops": int(flops.total()), "params": tool.parameter_count(model)[""], "acts": int(acts.total())}


def torch_counter(model: nn.Module, image: Tensor) -> Counts:
    with emitted.shapes(), FlopCounterMode(display=False) as counter:  # it does not know the attention of CPUs
        copy.deepcopy(model).to("meta")(image.to("meta"))
    return {"flops": counter.get_total_flops(), "params": sum(p.numel() for p in model.parameters())}


def thop(model: nn.Module, image: Tensor) -> Counts:
    flops, params = emitted.reference("thop").profile(model, (image,), verbose=False)
    return {"flops": int(flops), "params": int(params)}


def ptflops(backend: str) -> Callable[..., Counts]:
    def measured(model: nn.Module, image: Tensor) -> Counts:
        tool = emitted.reference("ptflops").get_model_complexity_info
        options = {"backend": backend, "as_strings": False, "print_per_layer_stat": False, "ost": io.StringIO()}
        with torch.no_grad():
            flops, params = tool(model, tuple(image.shape[1:]), **options)
        return {"flops": int(flops), "params": int(params)}

    return measured


TOOLS: dict[str, Callable[..., Counts]] = {
    "fvcore": fvcore,
    "torch": torch_counter,
    "thop": thop,
    "ptflops": ptflops("pytorch"),
    "ptflops_aten": ptflops("aten"),
}
"""By the conventions' names; last the one that leaves hooks behind."""


def said(network: Network, tool: str, keys: Counts) -> Counts:
    """What a convention says of a network, with what its tool is known to print otherwise."""
    cost = count(network, tool)
    wanted = {key: int(getattr(cost, key)) for key in keys}
    wanted["flops"] += sum(otherwise(network, node).get(tool, 0) for node in network.nodes)
    return wanted


def otherwise(network: Network, node: Node) -> Counts:
    """What a tool, or autograd in bytes, counts more of a pool whose padding differs between the sides.

    It stands behind a module that pads, so that ptflops, which counts elements that enter, sees the padded map, as
    module and as function. Where the mean leaves the padding out, the module is none that thop and ptflops know; of
    its functions ptflops sees the two means, of the map and of its shares, and autograd keeps the shares.
    """
    operation: Any = node.operation
    if operation.name not in ("max_pool", "avg_pool") or operation.ceil_mode:
        return {}
    (channels, height, width), (_, *extents) = network.input_shapes(node)[0], node.shapes[0]
    top, bottom, left, right = operation.pads(height, width)
    if (top, left) == (bottom, right) and not evenly_same(network, node):
        return {}
    entering, padded = height * width, (height + top + bottom) * (width + left + right)
    if operation.name == "max_pool" or operation.count_include_pad:
        return {"ptflops": 2 * channels * (padded - entering)}
    positions = extents[0] * extents[1]
    shares = (channels + 1) * padded
    return {"ptflops": shares - 2 * channels * entering, "thop": -channels * positions, "bytes": 4 * positions}


def evenly_same(network: Network, node: Node) -> bool:
    """Whether an operation has SAME padding that depends on the size, and at this size is the same on both sides."""
    operation: Any = node.operation
    if getattr(operation, "padding", None) != "same" or operation.stride == (1, 1):
        return False
    top, bottom, left, right = operation.pads(*network.input_shapes(node)[0][1:])
    return bool((top, left) == (bottom, right) != (0, 0))


def kept_bytes(model: nn.Module, image: Tensor) -> int:
    """The bytes of storage that autograd keeps for the backward pass, parameters and buffers left out."""
    own = {tensor.untyped_storage().data_ptr() for tensor in (*model.parameters(), *model.buffers())}
    kept: dict[int, torch.UntypedStorage] = {}

    def pack(tensor: Tensor) -> None:  # the graph keeps this function: tensors that know the graph would keep it, too
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda nothing: nothing):
        outputs = model(image)
    del outputs
    return sum(storage.nbytes() for storage in kept.values())


def masks(network: Network) -> int:
    """Elements of the masks of dropout: bytes on a GPU, floats on a CPU."""
    return sum(int(n.operation.saved(network.input_shapes(n), n.shapes).masks) for n in network.nodes)


def check(built: Emitted, network: Network) -> None:
    """What autograd keeps of a batch of two, and the tools."""
    arguments = {"image_size": tuple(network.input[1:])} if built.interface.sizes_padding else {}
    with emitted.Undrawn():  # nothing is counted by its value
        model, image = built.make(**arguments), torch.randn(2, *network.input)
    assert kept_bytes(model.train(), image) == said_bytes(network, len(image))
    model.eval()
    with quiet():
        for name, tool in TOOLS.items():
            found = tool(model, image[:1])
            assert found == said(network, name, found), name
    for tensor in (*model.parameters(), *model.buffers()):
        tensor.data = tensor.new_empty(0)  # PyTorch's tracer, which fvcore uses, keeps what it traced for ever


def said_bytes(network: Network, batch: int) -> int:
    """The bytes that autograd is said to keep, with what it is known to keep beside them on a CPU."""
    more = sum(otherwise(network, node).get("bytes", 0) for node in network.nodes)
    return int(training_bytes(network, batch=batch)) + 3 * batch * masks(network) + more


SPECS = ("regnetx_400mf", "efficientnet_b0", "resnet18", "rexnet_lite_1_0x", "mobilenetv2", "shufflenetv2_1_0x")
SPECS += ("squeezenet_1_1", "convnextv2_atto", "ghostnet_1_0x")
"""Of the sample, small ones of each kind; all of it in `make thorough`."""


@pytest.mark.parametrize("name", emitted.SAMPLE if TIMES > 1 else SPECS)
def test_specs(name: str) -> None:
    check(emitted.emitted_spec(name), emitted.spec_network(name, SIZE))


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs(name: str) -> None:
    """Layer norm and scale, shuffles, uneven padding, pools of all kinds, several outputs."""
    built = emitted.emitted_text(HEADER + PROGRAMS[name])
    check(built, built.network)


@cache
def architectures() -> list[str]:
    return [program.text() for program in drawn(programs(), EXAMPLES)]


@cache
def conditional() -> list[str]:
    return drawn(conditional_programs(), EXAMPLES)


@pytest.mark.parametrize("index", range(EXAMPLES))
def test_random_architectures(index: int) -> None:
    built = emitted.emitted_text(architectures()[index])
    check(built, built.network)


@pytest.mark.parametrize("index", range(EXAMPLES))
def test_blocks_with_steps_left_away(index: int) -> None:
    built = emitted.emitted_text(conditional()[index])
    check(built, built.network)


POOLS = {
    "max_pool(kernel: 3, stride: 2, padding: 1)": {},
    "max_pool(kernel: 3, stride: 2, padding: [0, 1, 0, 1])": {"ptflops"},
    "max_pool(kernel: 2, stride: 1, padding: [1, 0, 0, 0])": {"ptflops"},
    'max_pool(kernel: 3, stride: 1, padding: "same")': {},
    'max_pool(kernel: 2, stride: 1, padding: "same")': {"ptflops"},
    'max_pool(kernel: 3, stride: 2, padding: "same")': {"ptflops"},
    "avg_pool(kernel: 3, stride: 1, padding: 1, count_include_pad: false)": {},
    "avg_pool(kernel: 3, stride: 2, padding: [1, 0, 1, 1])": {"ptflops"},
    "avg_pool(kernel: 2, stride: 1, padding: [1, 0, 1, 0], count_include_pad: false)": {"ptflops", "thop", "bytes"},
    'avg_pool(kernel: 3, stride: 2, padding: "same")': {"ptflops"},
    'avg_pool(kernel: 3, stride: 1, padding: "same", count_include_pad: false)': {},
    'avg_pool(kernel: 3, stride: 2, padding: "same", count_include_pad: false)': {"ptflops", "thop", "bytes"},
}
"""Pools, and what counts otherwise where they are padded by a module of their own."""


@pytest.mark.parametrize("pool", POOLS)
def test_pools_that_are_padded_by_a_module(pool: str) -> None:
    built = emitted.emitted_text(
        f"{HEADER}block pooled(x) = x -> conv(4, kernel: 1) -> {pool}\n"
        "model m { input: 3 x 12 x 9  stages: pooled  head: pool_head(classes: 5) }"
    )
    (node,) = [node for node in built.network.nodes if node.operation.name in ("max_pool", "avg_pool")]
    assert otherwise(built.network, node).keys() == set(POOLS[pool])
    check(built, built.network)


@pytest.mark.parametrize("window", ["conv(4, kernel: 3, stride: 2", "max_pool(kernel: 3, stride: 2"])
def test_bytes_of_same_padding_that_is_even_at_a_size(window: str) -> None:
    built = emitted.emitted_text(
        f'{HEADER}block padded(x) = x -> conv(4, kernel: 1) -> {window}, padding: "same")\n'
        "model m { input: 3 x 13 x 9  stages: padded  head: pool_head(classes: 5) }"
    )
    image = torch.randn(2, *built.network.input)
    assert kept_bytes(built.make().train(), image) == said_bytes(built.network, 2)
