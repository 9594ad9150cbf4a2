"""Memory: liveness by a second method, and what torch's autograd was seen to keep."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from graph_networks import NETWORKS, Sketch, efficientnet_b0

from archdsl.graph.memory import peak_bytes, training_bytes, weights_bytes
from archdsl.graph.network import INPUT, Feature, Network, Value
from archdsl.graph.shapes import elements

pytestmark = pytest.mark.fast

TOOLS: dict[str, Any] = json.loads((Path(__file__).parent / "tool_counts.json").read_text())


@pytest.mark.parametrize("batch", [1, 2])
def test_training_bytes_leave_out_copies_of_matrices(batch: int) -> None:
    """What products and layers copy, for they cannot read it in its order, is at most what flows into them."""
    network = NETWORKS["matrices"]()
    seen = TOOLS["networks"]["matrices"]["module"]["saved_bytes"][str(batch)]
    flows = [network.input_shapes(node) for node in network.nodes if node.operation.name in ("matmul", "linear")]
    copies = sum(elements(shape) for inputs in flows for shape in inputs) * batch * 4
    assert training_bytes(network, batch=batch) <= seen <= training_bytes(network, batch=batch) + copies


@pytest.mark.parametrize("name", sorted(set(NETWORKS) - {"efficientnetv2_s", "matrices"}))
@pytest.mark.parametrize("batch", [1, 2])
def test_training_bytes_equal_what_autograd_kept(name: str, batch: int) -> None:
    network = NETWORKS[name]()
    seen = TOOLS["networks"][name]["module"]["saved_bytes"][str(batch)]
    masks = sum(
        elements(shape) * batch for node in network.nodes for shape in node.shapes if node.operation.name == "dropout"
    )
    assert training_bytes(network, batch=batch) == seen - 3 * masks  # on a CPU a mask is in float32


def peak_by_definition(network: Network) -> int:
    """The peak, from the set of live tensors at every node."""
    owner: dict[Value, Value] = {}
    for index, node in enumerate(network.nodes):
        for output in range(len(node.shapes)):
            value = Value(index, output)
            shared = node.operation.shares_memory(False)
            owner[value] = owner.get(node.inputs[0], node.inputs[0]) if shared else value
    given = [owner.get(v, v) for v in (*network.outputs, *(f.value for f in network.features))]
    peaks = [elements(network.input)]
    for index, node in enumerate(network.nodes):
        made = [INPUT, *(owner[Value(i, o)] for i in range(index + 1) for o in range(len(network.nodes[i].shapes)))]
        used = [owner.get(v, v) for later in network.nodes[index:] for v in later.inputs]
        now = [owner[Value(index, o)] for o in range(len(node.shapes))]
        live = {value for value in made if value in used or value in given or value in now}
        peaks.append(sum(elements(network.shape(value)) for value in live))
    return max(peaks)


@pytest.mark.parametrize("name", ["kitchen_sink", "convnext_like", "resnet50"])
def test_peak_is_the_largest_set_of_live_tensors(name: str) -> None:
    network = NETWORKS[name]()
    assert peak_bytes(network) == 4 * peak_by_definition(network)
    assert peak_bytes(network, "float16", 3) == 6 * peak_by_definition(network)


def test_peak_of_a_chain_and_of_features() -> None:
    net = Sketch(3, 8, 8)
    x = net(INPUT, "a", "conv", width=8, kernel=3)
    y = net(x, "b", "relu")
    z = net(y, "c", "flatten")
    assert peak_bytes(net.builder.finish("n", [z])) == 4 * (8 * 64 + 8 * 64)
    y = net(y, "d", "relu")
    assert peak_bytes(net.builder.finish("n", [y])) == 4 * (2 * 8 * 64)
    assert peak_bytes(net.builder.finish("n", [y], [Feature("f", x, 1)])) == 4 * (3 * 8 * 64)


def test_training_keeps_nothing_before_the_first_parameter() -> None:
    net = Sketch(3, 8, 8)
    x = net(INPUT, "a", "max_pool", kernel=2, stride=2)
    x = net(x, "b", "silu")
    assert training_bytes(net.builder.finish("n", [x])) == 0
    x = net(x, "c", "conv", width=2, kernel=1)
    assert training_bytes(net.builder.finish("n", [x])) == 4 * 3 * 16


def test_drop_path_costs_one_value_an_image() -> None:
    plain, drop = efficientnet_b0(), efficientnet_b0(drop=True)
    assert training_bytes(drop, batch=3) - training_bytes(plain, batch=3) == 9 * 3 * 4
    assert peak_bytes(drop) == peak_bytes(plain)
    assert weights_bytes(drop) == weights_bytes(plain)
    assert weights_bytes(plain, "float16") * 2 == weights_bytes(plain) + 8 * 49
