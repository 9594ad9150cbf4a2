"""The builder, and the hash of a network."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from graph_networks import NETWORKS, Sketch, efficientnet_b0, kitchen_sink
from hypothesis import given, settings
from hypothesis import strategies as st

from archdsl.graph.faults import RuleError
from archdsl.graph.network import INPUT, Builder, Feature, Network, Node, Value
from archdsl.graph.operations import OPERATIONS
from archdsl.graph.symbolic import Symbolic
from archdsl.source import Source, Span

pytestmark = pytest.mark.fast


def rebuilt(network: Network, order: list[int], path: Callable[[int], str], swap: bool = False) -> Network:
    """The same network with its nodes in another topological order, under other paths and another name."""
    builder, place = Builder(network.input), {INPUT.node: INPUT.node}
    for index in order:
        node = network.nodes[index]
        operands = [Value(place[value.node], value.output) for value in node.inputs]
        if swap and node.operation.commutative:
            operands.reverse()
        place[index] = len(builder.nodes)
        builder.apply(node.operation, operands, path(index))
    moved = [Value(place[value.node], value.output) for value in network.outputs]
    features = [Feature(f.name, Value(place[f.value.node], f.value.output), f.stride) for f in network.features]
    return builder.finish("other", moved, features)


def any_order(network: Network, seed: int) -> list[int]:
    """A random topological order."""
    chance, done, order = random.Random(seed), {INPUT.node}, []
    waiting = set(range(len(network.nodes)))
    while waiting:
        ready = sorted(i for i in waiting if all(v.node in done for v in network.nodes[i].inputs))
        order.append(chance.choice(ready))
        done.add(order[-1])
        waiting.remove(order[-1])
    return order


@settings(deadline=None)
@given(st.sampled_from(["regnety_4gf", "kitchen_sink", "convnext_like"]), st.integers(0, 2**32))
def test_the_hash_ignores_names_paths_and_order(name: str, seed: int) -> None:
    network = NETWORKS[name]()
    other = rebuilt(network, any_order(network, seed), lambda index: f"n{index}", swap=True)
    assert other.hash == network.hash
    assert len(network.hash) == 64


def small(features: bool = False, **changes: Any) -> Network:
    net = Sketch(3, changes.pop("size", 32), 32)
    x = net(INPUT, "a", "conv", **{"width": 8, "kernel": 3, **changes})
    y = net(net(x, "b", "relu"), "c", "conv", width=8, kernel=3)
    z = net([x, y], "d", "concat")
    return net.builder.finish("small", [z], [Feature("f", y, 1)] if features else [])


def test_the_hash_sees_every_setting_and_edge() -> None:
    networks = [
        small(),
        small(features=True),
        small(width=16),
        small(kernel=1),
        small(stride=1, dilation=2),
        small(bias=True),
        small(size=64),
        small(padding="same"),
    ]
    assert len({network.hash for network in networks}) == len(networks)
    assert small(width=Symbolic.of("w", 8)).hash == small().hash


def test_the_hash_sees_sharing_and_the_order_of_operands() -> None:
    def joined(name: str, twice: bool, swap: bool) -> str:
        net = Sketch(3, 8, 8)
        a = net(INPUT, "a", "conv", width=4, kernel=3)
        b = net(INPUT, "b", "conv", width=4, kernel=3) if twice else a
        c = net(b, "c", "relu")
        return net.builder.finish("n", [net([c, a] if swap else [a, c], "d", name)]).hash

    assert joined("add", False, False) != joined("add", True, False)
    assert joined("add", False, False) == joined("add", False, True)
    assert joined("concat", False, False) != joined("concat", False, True)


def test_spans_are_no_part_of_equality() -> None:
    relu = OPERATIONS["relu"].bind({})
    span = Span(Source("a.arch", "relu"), 0, 4)
    assert Node("a", relu, (INPUT,), ((3, 8, 8),), span) == Node("a", relu, (INPUT,), ((3, 8, 8),))


def test_nodes_that_nothing_needs_are_left_out() -> None:
    net = Sketch(3, 8, 8)
    x = net(INPUT, "a", "relu")
    net(x, "unused", "sigmoid")
    y = net(x, "side", "silu")
    z = net(x, "b", "tanh")
    network = net.builder.finish("n", [z], [Feature("f", y, 1)])
    assert [node.path for node in network.nodes] == ["a", "side", "b"]
    assert network.outputs == (Value(2, 0),)
    assert network.features == (Feature("f", Value(1, 0), 1),)
    assert network.shape(network.outputs[0]) == (3, 8, 8)
    assert [node.path for node in net.builder.finish("n", [INPUT]).nodes] == []


def test_limits() -> None:
    builder = Builder((3, 8, 8), max_nodes=2)
    relu = OPERATIONS["relu"].bind({})
    for _ in range(2):
        builder.apply(relu, [INPUT], "x")
    with pytest.raises(RuleError) as caught:
        builder.apply(relu, [INPUT], "x")
    assert caught.value.code == "E391"
    split = OPERATIONS["split"].bind({"parts": 4096})
    with pytest.raises(RuleError) as caught:
        Builder((4096,), max_nodes=1000).apply(split, [INPUT], "x")
    assert caught.value.code == "E391"
    grow = Sketch(3, 8, 8)
    x = grow(INPUT, "a", "upsample", factor=2**27)
    with pytest.raises(RuleError, match="upsample makes 3 x 2147483648 x 2147483648, beyond 2147483647"):
        grow(x, "b", "upsample", factor=2)
    with pytest.raises(RuleError, match="relu takes 1 input and got 2") as caught:
        Builder((3, 8, 8)).apply(relu, [INPUT, INPUT], "x")
    with pytest.raises(RuleError, match="concat takes one or more inputs and got 0"):
        Builder((3, 8, 8)).apply(OPERATIONS["concat"].bind({}), [], "x")


def test_the_derived_graph() -> None:
    network = kitchen_sink()
    graph = network.graph()
    assert graph.number_of_nodes() == len(network.nodes) + 1
    assert graph.number_of_edges() == sum(len(node.inputs) for node in network.nodes)
    for index, node in enumerate(network.nodes):
        edges = sorted((d["operand"], u, d["output"]) for u, _, d in graph.in_edges(index, data=True))
        assert [Value(u, output) for _, u, output in edges] == list(node.inputs)


def test_tensors_of_a_node() -> None:
    network = efficientnet_b0()
    depthwise = next(node for node in network.nodes if node.path == "stages.1.blocks.0.b.conv")
    assert [(t.name, t.shape) for t in network.tensors(depthwise)] == [("weight", (96, 1, 3, 3))]
    norm = next(node for node in network.nodes if node.path == "stem.norm")
    assert [t.name for t in network.tensors(norm)] == [
        "weight",
        "bias",
        "running_mean",
        "running_var",
        "num_batches_tracked",
    ]
