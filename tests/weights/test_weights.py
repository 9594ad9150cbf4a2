"""Weights of other libraries: the right tensor goes to the right operation, and nothing goes unsaid.

What is right is taken from the reference itself, not from the mapping: hooks record in which order its modules run and
which tensors they read, and the plan must send each to the operation of ours that runs then and reads the same.
"""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from families.compiling import compiled, network_of, spec
from pydantic import TypeAdapter

from archdsl.cli import main
from archdsl.commands import common
from archdsl.graph.network import Network
from archdsl.lifting.operators import declare
from archdsl.views.failure import FailureReport
from archdsl.views.schemas import schema
from archdsl.views.weights import WeightsReport
from archdsl.weights import INPUT_RULES, MAX_SOLUTIONS, Ambiguous, Mismatch, Plan, map_state, unwrapped

State = dict[str, tuple[int, ...]]

SMALL = """\
arch 1
use std.ops { conv, batch_norm, relu, linear, global_pool }

block residual(x; width, stride: 1) {
  branch = x -> conv(width, kernel: 1) -> batch_norm -> relu -> conv(width, kernel: 3, stride: stride) -> batch_norm
  shortcut = x if stride == 1 and x.channels == width else x -> conv(width, kernel: 1, stride: stride) -> batch_norm
  return relu(branch + shortcut)
}

block stem(x; width) = x -> conv(width, kernel: 3) -> batch_norm -> relu
block head(x; classes: 10) = x -> global_pool -> linear(classes)

model small {
  input:  3 x 16 x 16
  stem:   stem(width: 8)
  stages: residual { depth: [2, 2]  width: [8, 16]  stride: 2 }
  head:   head
}
"""


@cache
def shipped(name: str) -> Network:
    return network_of(spec(name))


@cache
def network(text: str, **settings: object) -> Network:
    return network_of(compiled(text, settings=settings))


def stages(body: str, stage: str, head: str = "") -> str:
    """A model of one block, with the operations that it may use."""
    return (
        "arch 1\n"
        "use std.ops { conv, batch_norm, layer_norm, layer_scale, prelu, relu, gelu, sigmoid, linear, global_pool }\n"
        f"{body}\nmodel one {{ input: 3 x 64 x 64\n  stages: {stage}\n{head} }}\n"
    )


def ours(net: Network, skip: str = " ") -> State:
    """The state of the emitted module."""
    return {
        f"{node.path}.{tensor.name}": tuple(map(int, tensor.shape))
        for node in net.nodes
        for tensor in net.tensors(node)
        if not node.path.startswith(skip)
    }


def renamed(state: Mapping[str, tuple[int, ...]], rename: Callable[[str], str]) -> State:
    return {rename(name): shape for name, shape in state.items()}


def numbered(state: Mapping[str, tuple[int, ...]]) -> State:
    """The same tensors under names that say nothing, in their order: `top.0.weight`."""
    paths = list(dict.fromkeys(name.rpartition(".")[0] for name in state))
    return renamed(state, lambda name: f"top.{paths.index(name.rpartition('.')[0])}.{name.rpartition('.')[2]}")


def shortcut_first(state: State) -> State:
    """The state with every projection before the branch beside it: pycls' and torchvision's order."""
    found: State = {}
    for name in state:
        if ".branch." in name:
            block = name.split(".branch.")[0]
            found.update({n: s for n, s in state.items() if n.startswith(f"{block}.shortcut.")})
        found[name] = state[name]
    return found


def moves(plan: Plan) -> dict[str, str]:
    return {entry.ours: entry.theirs for entry in plan.loaded}


# The references


def installed(name: str) -> Any:
    """A library that the tests can do without: they skip, and say why."""
    return pytest.importorskip(name, reason=f"{name} is not installed", exc_type=ImportError)


@dataclass(frozen=True)
class Reference:
    """A model of another library: its state, and what ran in which order on which tensor."""

    state: State
    ran: list[tuple[str, int]]
    """Convolutions, norms and linear layers: their name, and the identity of what they read."""


@cache
def reference(library: str, name: str, **options: Any) -> Reference:
    torch = installed("torch")
    declare()  # before the two libraries
    from run.emitted import Undrawn, shapes

    source = installed(library)
    create = (
        source.create_model if library == "timm" else lambda name, **options: getattr(source.models, name)(**options)
    )
    with torch.device("meta" if library == "timm" else "cpu"), Undrawn():  # torchvision computes widths with tensors
        model = create(name, **options).to("meta").eval()
    read: list[tuple[str, Any]] = []
    kinds = (torch.nn.Conv2d, torch.nn.Linear, torch.nn.BatchNorm2d, torch.nn.LayerNorm)
    for path, module in model.named_modules():
        if isinstance(module, kinds):
            module.register_forward_hook(lambda _, inputs, __, path=path: read.append((path, inputs[0])))
    with shapes():
        model(torch.empty(1, 3, 64, 64, device="meta"))
    ran = [(path, id(tensor)) for path, tensor in read]  # `read` keeps all tensors alive: no two have one identity
    return Reference({key: tuple(tensor.shape) for key, tensor in model.state_dict().items()}, ran)


def check_by_execution(net: Network, plan: Plan, found: Reference) -> None:
    """Every operation takes the weights of the module that runs in its place.

    Branches may run in either order: within one block, what runs is compared as a set, then branch by branch in
    order; and two convolutions of ours read the same value exactly where the two modules read the same tensor.
    """
    took: dict[str, str] = {}
    for entry in plan.loaded:
        path, short = entry.ours.rpartition(".")[::2]
        assert took.setdefault(path, entry.theirs.rpartition(".")[0]) == entry.theirs.rpartition(".")[0]
        assert short == entry.theirs.rpartition(".")[2]
    blocks: dict[str, list[int]] = {}
    for index, node in enumerate(net.nodes):
        if net.tensors(node):
            parts = node.path.split(".")
            depth = 4 if parts[0] == "stages" else 1
            blocks.setdefault(".".join(parts[:depth]), []).append(index)
    assert sum(map(len, blocks.values())) == len(found.ran)
    start = 0
    for block, members in blocks.items():
        ran = found.ran[start : start + len(members)]
        start += len(members)
        names = {index: took[net.nodes[index].path] for index in members}
        assert sorted(names.values()) == sorted(name for name, _ in ran), block
        reads = dict(ran)
        roles = {index: net.nodes[index].path[len(block) + 1 :].split(".")[0] for index in members}
        for role in set(roles.values()):
            mine = [names[index] for index in members if roles[index] == role]
            assert mine == [name for name, _ in ran if name in mine], (block, role)
        convolutions = [index for index in members if net.nodes[index].operation.name == "conv"]
        for a in convolutions:
            for b in convolutions:
                same = net.nodes[a].inputs == net.nodes[b].inputs
                assert same == (reads[names[a]] == reads[names[b]]), (block, names[a], names[b])


REFERENCES = [
    ("regnety_4gf", "timm", "regnety_040"),
    ("regnety_400mf", "timm", "regnety_004"),
    ("regnetx_400mf", "timm", "regnetx_004"),
    ("efficientnet_b0", "timm", "efficientnet_b0"),
    ("efficientnetv2_b3", "timm", "tf_efficientnetv2_b3"),
    ("rexnet_1_0x", "timm", "rexnet_100"),
    ("resnet50", "timm", "resnet50"),
    ("mobilenetv2", "timm", "mobilenetv2_100"),
    ("regnety_400mf", "torchvision", "regnet_y_400mf"),
    ("efficientnetv2_s", "torchvision", "efficientnet_v2_s"),
    ("resnet50", "torchvision", "resnet50"),
    ("mobilenetv2", "torchvision", "mobilenet_v2"),
    ("regnetx_200mf", "timm", "regnetx_002"),
]


@pytest.mark.parametrize(("ours_", "library", "name"), REFERENCES, ids=[f"{lib}-{name}" for _, lib, name in REFERENCES])
@pytest.mark.parametrize("ordered", [True, False], ids=["ordered", "sorted"])
def test_references(ours_: str, library: str, name: str, ordered: bool) -> None:
    """`sorted`: as a safetensors file has them, by name."""
    net, found = shipped(ours_), reference(library, name)
    state = found.state if ordered else dict(sorted(found.state.items()))
    plan = map_state(net, state, ordered=ordered)
    check_by_execution(net, plan, found)
    assert {entry.rule for entry in plan.loaded} == {None}
    assert [entry.ours for entry in plan.loaded] == list(ours(net))
    assert sorted(entry.theirs for entry in plan.loaded) == sorted(found.state)
    assert (plan.new, plan.unused) == ((), ())


def test_the_criterion_sees_exchanged_branches() -> None:
    """Two convolutions of one shape, of which one is the projection, must not be mistaken for each other."""
    net, found = shipped("resnet50"), reference("torchvision", "resnet50")
    plan = map_state(net, found.state)
    swapped = {"layer1.0.conv3.weight": "layer1.0.downsample.0.weight"}
    swapped |= {b: a for a, b in swapped.items()}
    loaded = tuple(entry._replace(theirs=swapped.get(entry.theirs, entry.theirs)) for entry in plan.loaded)
    with pytest.raises(AssertionError):
        check_by_execution(net, Plan(loaded, (), (), ()), found)


@pytest.mark.parametrize(("library", "name"), [("timm", "convnext_tiny"), ("torchvision", "convnext_tiny")])
def test_layer_scales_come_first(library: str, name: str) -> None:
    """A parameter of the block itself stands before its modules; a linear layer stands for a 1 x 1 convolution."""
    net = network(
        stages(
            "block patches(x; width) = x -> conv(width, kernel: 4, stride: 4, bias: true) -> layer_norm\n"
            "block shrink(x; width) = x -> layer_norm -> conv(width, kernel: 2, stride: 2, bias: true)\n"
            "block convolved(x; width) {\n"
            "  branch = x -> conv(width, kernel: 7, groups: width, bias: true) -> layer_norm\n"
            "             -> conv(4 * width, kernel: 1, bias: true) -> gelu -> conv(width, kernel: 1, bias: true)\n"
            "             -> layer_scale\n"
            "  return x + branch\n"
            "}\n"
            "block tail(x; classes: 1000) = x -> global_pool -> layer_norm -> linear(classes)",
            "[\n"
            "| block     | width | depth | enter         |\n"
            "| convolved |    96 |     3 | none          |\n"
            "| convolved |   192 |     3 | shrink(192)   |\n"
            "| convolved |   384 |     9 | shrink(384)   |\n"
            "| convolved |   768 |     3 | shrink(768)   |\n"
            "]",
            "head: tail\n  stem: patches(96)",
        ),
    )
    found = reference(library, name)
    for state, ordered in ((found.state, True), (dict(sorted(found.state.items())), False)):
        plan = map_state(net, state, ordered=ordered)
        ran = {name for name, _ in found.ran}
        executed = [
            e.theirs for e in plan.loaded if e.theirs.endswith(".weight") and e.theirs.rpartition(".")[0] in ran
        ]
        assert executed == [f"{name}.weight" for name, _ in found.ran]
        scales = [e for e in plan.loaded if e.theirs.rpartition(".")[0] not in ran]
        assert len(scales) == 18
        assert all(e.ours.rpartition(".blocks.")[2].endswith("branch.layer_scale.weight") for e in scales)
        assert {e.rule for e in plan.loaded} == {None, "reshape"}
        assert any("layer scale" in note for note in plan.notes) == ordered


# Orders


def test_our_own_order_and_the_shortcut_first() -> None:
    net = network(SMALL)
    state = numbered(ours(net))
    plan = map_state(net, state)
    assert moves(plan) == dict(zip(ours(net), state, strict=True))
    assert plan.notes == ()
    first = shortcut_first(ours(net))
    state = numbered(first)
    plan = map_state(net, state)
    assert moves(plan) == dict(zip(first, state, strict=True))
    assert plan.notes == ("in residual the checkpoint has shortcut before branch",)


def test_names_as_pycls_has_them() -> None:
    net = shipped("regnety_400mf")

    def rename(name: str) -> str:
        names = {"branch.conv1": "f.a", "branch.norm1": "f.a_bn", "branch.conv2": "f.b", "branch.norm2": "f.b_bn"}
        names |= {"branch.conv3": "f.c", "branch.norm3": "f.c_bn", "shortcut.conv": "proj", "shortcut.norm": "bn"}
        names |= {
            "branch.squeeze_excite.scale.conv1": "f.se.f_ex.0",
            "branch.squeeze_excite.scale.conv2": "f.se.f_ex.2",
        }
        path, _, short = name.rpartition(".")
        parts = path.split(".")
        if parts[0] != "stages":
            return f"{path.replace('norm', 'bn').replace('linear', 'fc')}.{short}"
        return f"s{int(parts[1]) + 1}.b{int(parts[3]) + 1}.{names['.'.join(parts[4:])]}.{short}"

    first = shortcut_first(ours(net))
    plan = map_state(net, renamed(first, rename))
    assert moves(plan) == {name: rename(name) for name in ours(net)}


def test_one_order_for_all_applications_of_a_block() -> None:
    """Equal widths leave a choice that the next block, with other widths, takes away."""
    body = (
        "block two(x; width) {\n"
        "  first = x -> conv(width, kernel: 1)\n"
        "  second = conv(conv(x, width, kernel: 1), width, kernel: 1)\n"
        "  return first + second\n"
        "}\n"
        "block narrow(x; width) = x -> conv(width, kernel: 1)"
    )
    net = network(stages(body, "two { depth: [1, 1]  width: [8, 16] }", "  stem: narrow(8)"))
    state = ours(net)
    blocks = {name: [n for n in state if n.startswith(f"stages.{name}.")] for name in (0, 1)}
    order = [name for name in state if name.startswith("stem")]
    for names in blocks.values():  # conv1 and conv2 of `second`, then `first`
        order += [*names[1:], names[0]]
    plan = map_state(net, numbered({name: state[name] for name in order}))
    assert moves(plan) == dict(zip(order, numbered({name: state[name] for name in order}), strict=True))
    assert plan.notes == ("in two the checkpoint has second before first",)


TWINS = stages(
    "block gated(x; width) {\n"
    "  value = x -> conv(width, kernel: 1)\n"
    "  gate = x -> conv(width, kernel: 1) -> sigmoid\n"
    "  return value * gate\n"
    "}",
    "gated(8)",
)


def test_several_orders_fit() -> None:
    """Shapes cannot tell two like branches apart: names do, or nothing does, and then nobody guesses."""
    net = network(TWINS)
    value, gate = ours(net)
    shape = ours(net)[value]
    for state, ordered in (
        ({"a.weight": shape, "b.weight": shape}, True),
        ({"a.weight": shape, "b.weight": shape}, False),
    ):
        with pytest.raises(Ambiguous, match="2 orders fit, and neither names nor the file's order tell which") as fault:
            map_state(net, state, ordered=ordered)
        assert fault.value.choices == ((value, "a.weight", ("b.weight",)), (gate, "b.weight", ("a.weight",)))
        plan = map_state(net, state, ordered=ordered, order=0)
        assert moves(plan) == {value: "a.weight", gate: "b.weight"}
        assert (plan.orders, plan.choices) == (2, fault.value.choices)
        assert moves(map_state(net, state, ordered=ordered, order=1)) == {value: "b.weight", gate: "a.weight"}
    plan = map_state(net, {"m.gate.weight": shape, "m.value.weight": shape})
    assert moves(plan) == {value: "m.value.weight", gate: "m.gate.weight"}
    assert plan.choices == ()
    assert "2 orders fit" in plan.notes[0]
    assert "the words in the names decide" in plan.notes[0]


def test_names_of_the_emitted_module_decide() -> None:
    net = network(TWINS)
    state = ours(net)
    plan = map_state(net, dict(reversed(state.items())))
    assert moves(plan) == {name: name for name in state}
    assert plan.notes == ()
    small = network(SMALL)
    plan = map_state(small, dict(sorted(ours(small).items())), ordered=False)
    assert moves(plan) == {name: name for name in ours(small)}


def test_what_reads_another_comes_behind_it() -> None:
    body = (
        "block chain(x; width) {\n"
        "  first = x -> conv(width, kernel: 1)\n"
        "  second = first -> conv(width, kernel: 3)\n"
        "  return second\n"
        "}"
    )
    net = network(stages(body, "chain(8)"))
    first, second = ours(net).items()
    assert moves(map_state(net, numbered(ours(net)))) == {first[0]: "top.0.weight", second[0]: "top.1.weight"}
    plan = map_state(net, numbered(dict([second, first])))  # no order of ours, but shapes tell
    assert moves(plan) == {first[0]: "top.1.weight", second[0]: "top.0.weight"}
    assert any("shapes tell" in note for note in plan.notes)


def test_many_branches() -> None:
    """A branch after the other is found: their orders are not tried one by one."""
    count = 9
    bodies = "".join(f"  b{i} = x -> conv(width, kernel: {2 * i + 1})\n" for i in range(count))
    body = f"block wide(x; width) {{\n{bodies}  return {' + '.join(f'b{i}' for i in range(count))}\n}}"
    net = network(stages(body, "wide { depth: 3  width: 4 }"))
    state = ours(net)
    order = [name for block in range(3) for name in reversed([n for n in state if f"blocks.{block}." in n])]
    expected = {name: state[name] for name in order}
    plan = map_state(net, numbered(expected))
    assert moves(plan) == dict(zip(order, numbered(expected), strict=True))
    assert plan.notes == (f"in wide the checkpoint has {' before '.join(f'b{i}' for i in reversed(range(count)))}",)


def test_too_many_orders() -> None:
    """The search ends, also where like branches leave every order open until a difference behind them."""
    bodies = "".join(f"  b{i} = x -> conv(width, kernel: 1)\n" for i in range(9))
    body = f"block w(x; width) {{\n{bodies}  return {' + '.join(f'b{i}' for i in range(9))}\n}}"
    net = network(stages(body, "w(4)", "  stem: w(4)\n  head: w(5)"))
    with pytest.raises(Mismatch, match="too many orders to try them all; in the first, head"):
        map_state(net, numbered({name: (4, 4, 1, 1) if "head" in name else s for name, s in ours(net).items()}))


def test_like_branches_without_end() -> None:
    bodies = "".join(f"  b{i} = x -> conv(width, kernel: 1)\n" for i in range(7))
    net = network(stages(f"block w(x; width) {{\n{bodies}  return {' + '.join(f'b{i}' for i in range(7))}\n}}", "w(4)"))
    with pytest.raises(Ambiguous, match=f"{MAX_SOLUTIONS} orders fit"):
        map_state(net, numbered(ours(net)))
    plan = map_state(net, numbered(ours(net)), order=0)
    assert moves(plan) == dict(zip(ours(net), numbered(ours(net)), strict=True))
    assert f"{MAX_SOLUTIONS} orders or more fit" in plan.notes[0]


# Rules, and what has no partner


def changed(state: State, part: str, **shapes: tuple[int, ...]) -> State:
    """The state with other shapes of an operation's tensors; `()` leaves one out."""
    found = dict(state)
    for short, shape in shapes.items():
        name = next(name for name in state if part in name and name.endswith(f".{short}"))
        found[name] = shape
        if not shape:
            del found[name]
    return found


def test_input_channels() -> None:
    net = network(SMALL)
    state = numbered(changed(ours(net), "stem.conv", weight=(8, 4, 3, 3)))
    with pytest.raises(Mismatch) as fault:
        map_state(net, state)
    assert "stem.conv.weight has 3 input channels, and the checkpoint's top.0.weight has 4" in fault.value.message
    assert fault.value.help is not None
    assert all(name in fault.value.help for name in INPUT_RULES)
    for rule in ("mean", "repeat"):
        plan = map_state(net, state, input_rule=rule)
        assert plan.loaded[0] == ("stem.conv.weight", "top.0.weight", rule, (8, 3, 3, 3), (8, 4, 3, 3))
        assert {entry.rule for entry in plan.loaded[1:]} == {None}
    with pytest.raises(Mismatch, match="makes one channel"):
        map_state(net, state, input_rule="sum")


def test_other_inputs_of_a_later_convolution_are_a_difference() -> None:
    net = network(SMALL)
    state = numbered(changed(ours(net), "stages.0.blocks.0.branch.conv1", weight=(8, 4, 1, 1)))
    with pytest.raises(Mismatch, match=r"stages\.0\.blocks\.0\.branch\.conv1 is a conv with weight 8 x 8 x 1 x 1"):
        map_state(net, state, input_rule="repeat")


def test_classes() -> None:
    net = network(SMALL)
    state = numbered(changed(ours(net), "head.linear", weight=(7, 16), bias=(7,)))
    last = list(state)[-2:]
    with pytest.raises(Mismatch) as fault:
        map_state(net, state)
    assert fault.value.message == f"head.linear.weight is for 10 classes, and the checkpoint has {last[0]} for 7"
    assert "--classifier-rule new" in (fault.value.help or "")
    plan = map_state(net, state, classifier_rule="new")
    assert [entry.name for entry in plan.new] == ["head.linear.weight", "head.linear.bias"]
    assert [entry.name for entry in plan.unused] == last
    assert len(plan.loaded) == len(state) - 2


def test_a_checkpoint_without_a_classifier() -> None:
    net = network(SMALL)
    state = numbered(ours(net, skip="head"))
    with pytest.raises(Mismatch, match=r"ends before head\.linear"):
        map_state(net, state)
    plan = map_state(net, state, classifier_rule="new")
    assert [entry.name for entry in plan.new] == ["head.linear.weight", "head.linear.bias"]
    assert len(plan.loaded) == len(state)


def test_a_convolution_for_a_classifier() -> None:
    net = network(SMALL)
    state = numbered(changed(ours(net), "head.linear", weight=(10, 16, 1, 1)))
    plan = map_state(net, state)
    assert [(e.ours, e.rule) for e in plan.loaded if e.rule] == [("head.linear.weight", "reshape")]
    convolved = network(SMALL.replace("linear(classes)", "conv(classes, kernel: 1, bias: true)"))
    plan = map_state(convolved, numbered(ours(net)))
    assert [(e.ours, e.rule) for e in plan.loaded if e.rule] == [("head.conv.weight", "reshape")]


def test_counters_of_older_checkpoints() -> None:
    net = network(SMALL)
    state = {name: shape for name, shape in numbered(ours(net)).items() if not name.endswith("num_batches_tracked")}
    plan = map_state(net, state)
    assert {entry.name.rpartition(".")[2] for entry in plan.new} == {"num_batches_tracked"}
    assert {entry.why for entry in plan.new} == {"not in the checkpoint"}
    assert len(plan.new) + len(plan.loaded) == len(ours(net))


def test_norms_scales_and_slopes() -> None:
    """Norms without weights, group norms, slopes and scales by any name."""
    body = (
        "block b(x; width) = x -> conv(width, kernel: 1) -> batch_norm(affine: false) -> prelu\n"
        "                      -> conv(width, kernel: 1, bias: true) -> layer_scale -> layer_norm"
    )
    net = network(stages(body, "b(8)"))
    state = {
        "c1.weight": (8, 3, 1, 1),
        "n1.running_mean": (8,),
        "n1.running_var": (8,),
        "n1.num_batches_tracked": (),
        "a1.weight": (8,),
        "c2.weight": (8, 8, 1, 1),
        "c2.bias": (8,),
        "lambda_1": (8,),
        "n2.weight": (8,),
        "n2.bias": (8,),
    }
    for before in (state, {"lambda_1": (8, 1, 1), **{n: s for n, s in state.items() if n != "lambda_1"}}):
        plan = map_state(net, before)
        assert [entry.theirs for entry in plan.loaded] == list(state)
        scale = next(entry for entry in plan.loaded if entry.theirs == "lambda_1")
        assert scale.rule == (None if before["lambda_1"] == (8, 1, 1) else "reshape")


@pytest.mark.parametrize("ordered", [True, False])
def test_auxiliary_heads(ordered: bool) -> None:
    net = network(SMALL)
    state: State = {}
    for name, shape in ours(net).items():
        if name == "stages.1.blocks.0.branch.conv1.weight":
            state |= {"aux.conv.weight": (4, 8, 1, 1), "aux.fc.weight": (10, 4), "aux.fc.bias": (10,)}
        state[f"trunk_{name}"] = shape
    state["steps"] = ()
    with pytest.raises(Mismatch) as fault:
        map_state(net, state, ordered=ordered)
    message = r"aux.conv.weight (4 x 8 x 1 x 1) belongs to no operation, nor do 3 others"
    assert message in fault.value.message
    assert "--allow-unused" in (fault.value.help or "")
    plan = map_state(net, state, ordered=ordered, allow_unused=True)
    assert [entry.name for entry in plan.unused] == ["aux.conv.weight", "aux.fc.weight", "aux.fc.bias", "steps"]
    assert moves(plan) == {name: f"trunk_{name}" for name in ours(net)}


def test_of_two_heads_the_first() -> None:
    net = network(SMALL)
    state = {**ours(net), "more.weight": (10, 16), "more.bias": (10,)}
    state = renamed(state, lambda name: f"t{name}")
    plan = map_state(net, state, allow_unused=True)
    assert [entry.name for entry in plan.unused] == ["tmore.weight", "tmore.bias"]
    assert any("thead" in note and "tmore" in note for note in plan.notes)


def test_a_deeper_network_is_no_network_with_unused_parts() -> None:
    """What may be left out is a whole module at the top, never a block of a stage."""
    deeper = network(SMALL.replace("[2, 2]", "[2, 4]"))
    with pytest.raises(Mismatch) as fault:
        map_state(network(SMALL), numbered(ours(deeper)), allow_unused=True)
    assert "the first difference: head.linear is a linear with weight 10 x 16, and the checkpoint has top." in (
        fault.value.message
    )
    assert "16 x 16 x 1 x 1" in fault.value.message
    with pytest.raises(Mismatch, match=r"stages\.1\.blocks\.2\.branch\.conv1 is a conv with weight 16 x 16 x 1 x 1"):
        map_state(deeper, numbered(ours(network(SMALL))))


def test_differences_are_named() -> None:
    net = network(SMALL)
    at = "stages.1.blocks.1.branch"
    cases = {
        "conv2 is a conv with weight 16 x 16 x 3 x 3, and the checkpoint has {} 16 x 16 x 5 x 5": changed(
            ours(net), f"{at}.conv2", weight=(16, 16, 5, 5)
        ),
        "batch_norm2 is a batch_norm with weight 16, and the checkpoint has {} 17": changed(
            ours(net), f"{at}.batch_norm2", weight=(17,), bias=(17,), running_mean=(17,), running_var=(17,)
        ),
        "batch_norm1 is a batch_norm with running_mean 16, and the checkpoint has top.19 without running_mean": changed(
            ours(net), f"{at}.batch_norm1", running_mean=(), running_var=(), num_batches_tracked=()
        ),
    }
    for words, state in cases.items():
        with pytest.raises(Mismatch) as fault:
            map_state(net, numbered(state))
        before, _, after = words.partition("{}")
        assert f"{at}.{before}" in fault.value.message
        assert fault.value.message.endswith(after or before)
    extra = changed(ours(net), f"{at}.conv1")
    names = list(extra)
    names.insert(names.index(f"{at}.conv1.weight") + 1, f"{at}.conv1.bias")
    with pytest.raises(Mismatch, match=r"conv1 is a conv with no bias, and the checkpoint has top\.\d+\.bias 16"):
        map_state(net, numbered({name: extra.get(name, (16,)) for name in names}))


def test_an_empty_checkpoint_and_an_empty_network() -> None:
    with pytest.raises(Mismatch, match=r"ends before stem\.conv"):
        map_state(network(SMALL), {})
    bare = network(stages("block b(x) = x -> relu", "b"))
    assert map_state(bare, {}) == Plan((), (), (), ())
    with pytest.raises(Mismatch, match=r"the checkpoint's c\.weight \(8 x 3 x 1 x 1\) belongs to no operation"):
        map_state(bare, {"c.weight": (8, 3, 1, 1)})
    state = numbered(ours(network(SMALL)))
    with pytest.raises(Mismatch, match=r"the network ends where the checkpoint has top\.99\.weight 8 x 3 x 1 x 1"):
        map_state(network(SMALL), {**state, "top.99.weight": (8, 3, 1, 1)}, allow_unused=True)


def test_hostile_names() -> None:
    """Names of any form end in an answer."""
    net = network(SMALL)
    deep = ".".join("a" * 5000) + ".weight"
    digits = {f"{'9' * 5000}.weight": (8, 3, 3, 3), "²٣.weight": (8, 3, 3, 3), "a..weight": (8,), "a.weight": (8,)}
    for state in (
        {deep: (8, 3, 3, 3)},
        digits,
        {f"x{i}y.weight": (8, 3, 3, 3) for i in range(500)},
        {"": (3,), ".": (2,)},
    ):
        for ordered in (True, False):
            with pytest.raises(Mismatch):
                map_state(net, state, ordered=ordered, allow_unused=True)


def test_wrappers() -> None:
    names = ["module._orig_mod.model.a.weight", "module._orig_mod.model.b", "n_averaged"]
    short, removed = unwrapped(names)
    assert list(short.values()) == ["a.weight", "b", "n_averaged"]
    assert removed == "module._orig_mod.model."
    assert unwrapped(["model.a", "head.b"]) == ({"model.a": "model.a", "head.b": "head.b"}, "")
    assert unwrapped(["module.a", "a"])[1] == ""


# The command


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Run `archdsl weights small.arch` with arguments."""

    def running(*arguments: Any) -> Ran:
        capsys.readouterr()
        code = main(["weights", "small.arch", *map(str, arguments)])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return Ran(code, out, err)

    return running


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with small.arch, the current folder."""
    (tmp_path / "archdsl.toml").write_text("")
    (tmp_path / "small.arch").write_text(SMALL)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def torch() -> Any:
    installed("safetensors")
    return installed("torch")


@pytest.fixture
def state(torch: Any, here: Path) -> dict[str, Any]:
    """A checkpoint of the small network with random numbers and with names of its own, in net.pth."""
    torch.manual_seed(0)
    found = {
        name: torch.tensor(5) if name.endswith("num_batches_tracked") else torch.randn(shape)
        for name, shape in numbered(ours(network(SMALL))).items()
    }
    torch.save(found, here / "net.pth")
    return found


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = importlib.import_module("safetensors.torch").load_file(path)
    return found


def resaved(torch: Any, state: Mapping[str, Any], here: Path, name: str = "net.pth") -> None:
    torch.save(dict(state), here / name)


def folder(here: Path) -> set[str]:
    return {path.name for path in here.iterdir()} - {"archdsl.toml", "small.arch"}


Command = Callable[..., Ran]


def test_the_file(run: Command, here: Path, torch: Any, state: dict[str, Any]) -> None:
    result = run("net.pth")
    assert (result.code, result.err) == (0, "")
    written = read(here / "small.safetensors")
    assert set(written) == set(ours(network(SMALL)))
    for name, theirs in zip(ours(network(SMALL)), state, strict=True):
        assert torch.equal(written[name], state[theirs])
        assert f"{name} " in result.out
        assert f"{theirs} " in result.out
    for words in (f"{len(state)} loaded, 0 adapted, 0 new, 0 unused", "wrote small.safetensors", "8 x 3 x 3 x 3"):
        assert words in result.out
    assert run("net.pth", "-o", "other.safetensors").code == 0
    first = (here / "small.safetensors").read_bytes()
    assert first == (here / "other.safetensors").read_bytes()
    header = json.loads(first[8 : 8 + int.from_bytes(first[:8], "little")])
    assert "__metadata__" not in header
    assert folder(here) == {"net.pth", "small.safetensors", "other.safetensors"}


def test_a_safetensors_checkpoint(run: Command, here: Path, state: dict[str, Any]) -> None:
    importlib.import_module("safetensors.torch").save_file(state, here / "net.safetensors")
    assert run("net.pth", "-o", "a.safetensors").code == 0
    result = run("net.safetensors", "-o", "b.safetensors")
    assert result.code == 0
    assert "does not keep the order" in result.out
    assert (here / "a.safetensors").read_bytes() == (here / "b.safetensors").read_bytes()


def test_json(run: Command, state: dict[str, Any]) -> None:
    result = run("net.pth", "--format", "json", "--dry-run")
    assert (result.code, result.err) == (0, "")
    TypeAdapter(WeightsReport).validate_json(result.out, strict=True)
    found = json.loads(result.out)
    assert found["hash"] == network(SMALL).hash
    assert (found["loaded"], found["adapted"], found["new"], found["unused"]) == (len(state), 0, 0, 0)
    assert found["tensors"][0] == {
        "status": "loaded",
        "name": "stem.conv.weight",
        "shape": [8, 3, 3, 3],
        "checkpoint_name": "top.0.weight",
        "checkpoint_shape": [8, 3, 3, 3],
        "rule": None,
        "cast_from": None,
    }
    assert (found["output"], found["written"]) == ("small.safetensors", False)
    assert schema("weights")["title"] == "WeightsReport"
    result = run("no.pth", "--format", "json")
    assert (result.code, result.err) == (1, "")
    failure = TypeAdapter(FailureReport).validate_json(result.out, strict=True)
    assert failure.diagnostics[0]["message"] == "there is no such file"
    assert failure.diagnostics[0]["file"] == "no.pth"


@pytest.mark.usefixtures("state")
def test_a_dry_run_writes_nothing(run: Command, here: Path) -> None:
    result = run("net.pth", "--dry-run")
    assert result.code == 0
    assert "would write small.safetensors" in result.out
    assert folder(here) == {"net.pth"}


def test_nothing_is_overwritten(run: Command, here: Path, state: dict[str, Any]) -> None:
    (here / "small.safetensors").write_text("mine")
    result = run("net.pth")
    assert (result.code, result.out) == (1, "")
    assert result.err == "error: small.safetensors: the file exists already\nhelp: --force replaces it\n"
    assert (here / "small.safetensors").read_text() == "mine"
    assert run("net.pth", "--force").code == 0
    assert len(read(here / "small.safetensors")) == len(state)
    result = run("net.pth", "-o", "net.pth", "--force")
    assert result.code == 1
    assert "the output is the checkpoint itself" in result.err
    (here / "folder").mkdir()
    assert "not a regular file" in run("net.pth", "--force", "-o", "folder").err
    assert "the file was not written" in run("net.pth", "-o", "no/such/folder.safetensors").err


@pytest.mark.usefixtures("state")
def test_nothing_is_half_written(run: Command, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    (here / "small.safetensors").write_text("mine")
    monkeypatch.setattr(os, "fsync", full)
    result = run("net.pth", "--force")
    assert result.code == 1
    assert "no space left on device" in result.err
    assert (here / "small.safetensors").read_text() == "mine"
    assert folder(here) == {"net.pth", "small.safetensors"}


@pytest.mark.parametrize(("rule", "channels"), [("sum", 1), ("mean", 1), ("mean", 2), ("repeat", 1), ("repeat", 5)])
def test_channel_rules(run: Command, here: Path, torch: Any, state: dict[str, Any], rule: str, channels: int) -> None:
    size = ("--input", f"{channels}x16x16")
    result = run("net.pth", *size)
    assert result.code == 1
    assert f"stem.conv.weight has {channels} input channels, and the checkpoint's top.0.weight has 3" in result.err
    assert all(name in result.err for name in INPUT_RULES)
    result = run("net.pth", *size, "--input-rule", rule)
    assert result.code == 0
    assert "1 adapted" in result.out
    made, given = read(here / "small.safetensors")["stem.conv.weight"], state["top.0.weight"]
    assert made.shape == (8, channels, 3, 3)
    image = torch.ones(1, 1, 3, 3)  # what an image of equal channels gives
    response = torch.nn.functional.conv2d(image.expand(1, 3, 3, 3), given)
    new_response = torch.nn.functional.conv2d(image.expand(1, channels, 3, 3), made)
    if rule == "sum" or (rule == "repeat" and channels == 1):
        expected = given.sum(1, keepdim=True) if rule == "sum" else 3 * given[:, :1]
        assert torch.allclose(made, expected, atol=1e-6)
    if rule == "sum":
        assert torch.allclose(new_response, response, atol=1e-5)
    if rule == "mean":
        assert torch.allclose(made, given.mean(1, keepdim=True).expand(-1, channels, -1, -1), atol=1e-6)
    if rule == "repeat" and channels == 5:
        assert torch.allclose(made, given[:, [0, 1, 2, 0, 1]] * 3 / 5, atol=1e-6)
    again = (here / "small.safetensors").read_bytes()
    assert run("net.pth", *size, "--input-rule", rule, "--force").code == 0
    assert (here / "small.safetensors").read_bytes() == again


def test_repeat_keeps_the_size_of_the_response(run: Command, here: Path, torch: Any, state: dict[str, Any]) -> None:
    assert run("net.pth", "--input", "6x16x16", "--input-rule", "repeat").code == 0
    made = read(here / "small.safetensors")["stem.conv.weight"]
    assert torch.allclose(made.sum(1), state["top.0.weight"].sum(1), atol=1e-5)


@pytest.mark.usefixtures("state")
def test_sum_makes_one_channel(run: Command) -> None:
    result = run("net.pth", "--input", "2x16x16", "--input-rule", "sum")
    assert result.code == 1
    assert "the rule sum makes one channel" in result.err


@pytest.mark.usefixtures("state")
def test_the_classifier_rule(run: Command, here: Path) -> None:
    result = run("net.pth", "--set", "head.classes=3")
    assert result.code == 1
    assert "head.linear.weight is for 3 classes" in result.err
    assert "--classifier-rule new" in result.err
    result = run("net.pth", "--set", "head.classes=3", "--classifier-rule", "new")
    assert result.code == 0
    assert "2 new, 2 unused" in result.out
    assert "the classifier, by the rule new" in result.out
    assert not [name for name in read(here / "small.safetensors") if name.startswith("head")]


def test_casts_are_reported(run: Command, here: Path, torch: Any, state: dict[str, Any]) -> None:
    halved = {name: tensor.half() if tensor.is_floating_point() else tensor.float() for name, tensor in state.items()}
    resaved(torch, halved, here)
    found = json.loads(run("net.pth", "--format", "json").out)
    assert {tensor["cast_from"] for tensor in found["tensors"]} == {"float16", "float32"}
    counters = [tensor for tensor in found["tensors"] if tensor["name"].endswith("num_batches_tracked")]
    assert {tensor["cast_from"] for tensor in counters} == {"float32"}
    assert {tensor["status"] for tensor in found["tensors"]} == {"loaded"}
    written = read(here / "small.safetensors")
    assert {tensor.dtype for tensor in written.values()} == {torch.float32, torch.int64}
    assert torch.equal(written["stem.conv.weight"], halved["top.0.weight"].float())
    assert "float16" in run("net.pth", "--dry-run").out
    resaved(torch, {**state, "top.0.weight": torch.ones(8, 3, 3, 3, dtype=torch.int8)}, here)
    result = run("net.pth", "--force")
    assert result.code == 1
    assert "top.0.weight holds torch.int8" in result.err


def test_tensors_that_share_memory(run: Command, here: Path, torch: Any, state: dict[str, Any]) -> None:
    whole = torch.randn(2, 8)
    norm = [name for name in state if name.startswith("top.1.") and state[name].shape == (8,)]
    resaved(torch, {**state, norm[0]: whole[0], norm[1]: whole[0], norm[2]: whole.t()[:, 1]}, here)
    assert run("net.pth").code == 0
    assert torch.equal(read(here / "small.safetensors")["stem.batch_norm.running_mean"], whole[1])


def test_containers(run: Command, here: Path, torch: Any, state: dict[str, Any]) -> None:
    wrapped = {f"module.{name}": tensor for name, tensor in state.items()}
    averaged = {name: tensor + 1 for name, tensor in state.items()}
    for container, ema in (("state_dict", "state_dict_ema"), ("model", "model_ema"), ("model_state", "ema_state")):
        resaved(torch, {container: wrapped, ema: averaged, "epoch": 3}, here)
        result = run("net.pth", "--force")
        assert result.code == 0, result.err
        assert f"the weights are those of {container}; the file also has {ema}, epoch" in result.out
        assert "names stand without the `module.`" in result.out
        assert torch.equal(read(here / "small.safetensors")["stem.conv.weight"], state["top.0.weight"])
        assert run("net.pth", "--force", "--ema").code == 0
        assert torch.equal(read(here / "small.safetensors")["stem.conv.weight"], averaged["top.0.weight"])
        resaved(torch, {ema: averaged}, here)
        result = run("net.pth", "--force")
        assert result.code == 1
        assert f"--ema takes {ema}" in result.err
    resaved(torch, state, here)
    result = run("net.pth", "--ema", "--dry-run")
    assert result.code == 1
    assert "it has no averaged weights" in result.err


def test_unused_entries(run: Command, here: Path, torch: Any, state: dict[str, Any]) -> None:
    resaved(torch, {**state, "n_averaged": torch.tensor(3), "comment": "mine"}, here)
    result = run("net.pth")
    assert result.code == 1
    assert "the checkpoint's n_averaged (a number) belongs to no operation" in result.err
    result = run("net.pth", "--allow-unused")
    assert result.code == 0
    assert "2 unused" in result.out
    assert "n_averaged" in result.out
    assert "comment" in result.out
    resaved(torch, {**state, "comment": "mine"}, here)
    result = run("net.pth", "--dry-run")
    assert result.code == 1
    assert "its entry comment is no tensor" in result.err


@pytest.mark.usefixtures("state")
def test_the_wrong_network(run: Command, here: Path) -> None:
    (here / "small.arch").write_text(SMALL.replace("width: [8, 16]", "width: [8, 24]"))
    result = run("net.pth")
    assert (result.code, result.out) == (1, "")
    words = "error: net.pth: the first difference: stages.1.blocks.0.branch.conv1 is a conv with weight 24 x 8 x 1 x 1,"
    assert result.err.startswith(f"{words} and the checkpoint has top.12.weight 16 x 8 x 1 x 1")
    assert folder(here) == {"net.pth"}


class Danger:
    """Pickled, it is a call of a function when it is read."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("it-ran",)


def test_pickled_code_is_refused(run: Command, here: Path, torch: Any) -> None:
    torch.save({"state_dict": {}, "args": Danger()}, here / "danger.pth")
    torch.save(torch.nn.Linear(2, 2), here / "module.pth")
    import pickle

    (here / "plain.pth").write_bytes(pickle.dumps(Danger()))
    for name in ("danger", "module", "plain"):
        result = run(f"{name}.pth")
        assert (result.code, result.out) == (1, "")
        assert f"error: {name}.pth: it holds pickled code" in result.err
        assert "which archdsl does not run\nhelp: save the state dict alone" in result.err
        assert len(result.err.splitlines()) == 2
    assert "torch.nn.modules.linear.Linear" in run("module.pth").err
    assert not (here / "it-ran").exists()


def test_damaged_files(run: Command, here: Path, torch: Any, state: dict[str, Any]) -> None:
    importlib.import_module("safetensors.torch").save_file(state, here / "net.safetensors")
    for name in ("net.pth", "net.safetensors"):
        content = (here / name).read_bytes()
        for cut in (0, 1, 9, 100, len(content) // 2, len(content) - 3):
            (here / f"cut-{name}").write_bytes(content[:cut])
            result = run(f"cut-{name}")
            assert (result.code, result.out) == (1, ""), cut
            assert result.err.startswith(f"error: cut-{name}: it is cut off, or no "), cut
            assert len(result.err.splitlines()) == 1
    (here / "text.pth").write_text("hello, this is no checkpoint\n")
    assert "it is cut off, or no checkpoint" in run("text.pth").err
    torch.save([1, 2], here / "list.pth")
    assert "it holds a list, and no state dict" in run("list.pth").err
    torch.save({"a": 1}, here / "none.pth")
    assert "it holds no weights; its entries are a" in run("none.pth").err
    torch.save({1: torch.ones(2)}, here / "named.pth")
    assert "its entries have no names" in run("named.pth").err
    assert "there is no such file" in run("nothing.pth").err
    assert "not a regular file" in run(".").err
    assert "small.safetensors" not in folder(here)


def test_names_are_shown_escaped(run: Command, here: Path, torch: Any, state: dict[str, Any]) -> None:
    bad = {name.replace("top.0", "top\x1b[31m.0"): tensor for name, tensor in state.items()}
    resaved(torch, bad, here)
    result = run("net.pth", "--input", "1x16x16")
    assert result.code == 1
    assert "\x1b" not in result.err
    assert "\x1b" not in run("net.pth", "--dry-run").out


def test_faults_of_the_spec_and_of_the_command_line(run: Command, here: Path) -> None:
    (here / "small.arch").write_text(SMALL.replace("relu(branch", "reul(branch"))
    result = run("net.pth")
    assert result.code == 1
    assert "error[E201]" in result.err
    for arguments in (("net.pth", "--input-rule", "max"), ("net.pth", "--classifier-rule", "old"), ()):
        assert run(*arguments).code == 2


def test_missing_libraries(run: Command, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.import_module
    for missing in ("torch", "safetensors"):

        def import_module(name: str, missing: str = missing) -> Any:
            if name.split(".")[0] == missing:
                raise ImportError(name)
            return real(name)

        if missing == "safetensors":
            installed("torch")
        (here / "net.safetensors").write_bytes(b"")
        monkeypatch.setattr(common, "import_module", import_module)
        result = run("net.safetensors")
        assert (result.code, result.out) == (1, "")
        sentence = f"weights needs {missing}, which is not installed: pip install 'archdsl[torch]'"
        assert result.err == f"Error: {sentence}\n"
