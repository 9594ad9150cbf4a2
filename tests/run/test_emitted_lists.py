"""Lists that grow, in emitted code: loops where elements are alike, under the paths of the text."""

from __future__ import annotations

import ast

import emitted
import pytest
import torch
from test_emitted_random import check

HEADER = """arch 1
use std.ops { conv, batch_norm, relu, concat, split }
use std.blocks { conv_norm_act, pool_head }
"""
MODEL = "model m { input: 3 x 16 x 16  stem: conv_norm_act(16)  stages: b { layers: %d }  head: pool_head(classes: 5) }"

LISTS = {
    "the one before": ("y[i] = y[i - 1] -> conv(8, kernel: 3) -> batch_norm for i in 1 .. layers", "layer(y[-1])"),
    "all before": (
        "y[i] = concat(y) -> batch_norm -> conv(8, kernel: 3) for i in 1 .. layers",
        "layer(torch.cat(y, dim=1))",
    ),
    "one of several in turn": (
        "y[i] = p[i - 1] -> conv(8, kernel: 3) -> relu for i in 1 .. layers",
        "layer(part)",
    ),
    "the same in turn, twice": (
        "y[i] = p[i - 1] + (p[i - 1] -> conv(2, kernel: 3)) for i in 1 .. layers",
        "part + layer['conv'](part)",
    ),
    "two of several in turn": (
        "y[i] = p[i - 1] * (p[layers - i] -> conv(2, kernel: 3)) for i in 1 .. layers",
        "part_2 * layer['conv'](part)",
    ),
    "an identity": ("y[i] = y[i - 1] + (y[i - 1] -> conv_norm_act(16)) for i in 1 .. layers", "y[-1] + "),
}


def text_of(rule: str, layers: int) -> str:
    block = f"block b(x; layers) {{\n  p = x -> split(parts: 8)\n  y[0] = x\n  {rule}\n  return concat(y)\n}}\n"
    return HEADER + block + MODEL % layers


def forward_of(text: str) -> str:
    """The text of the block's `forward`."""
    tree = ast.parse(text)
    block = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "B")
    return ast.unparse(block.body[-1])


@pytest.mark.parametrize("name", LISTS)
def test_elements_that_are_alike_are_a_loop(name: str) -> None:
    rule, said = LISTS[name]
    short, long = (emitted.emitted_text(text_of(rule, layers)) for layers in (4, 8))
    first, second = forward_of(short.text), forward_of(long.text)
    assert first.count("for ") == 1
    assert f"y.append({said}" in first
    behind = first.split("append")[1].partition("\n")[2]
    assert f"torch.cat({'(x, *y)' if 'part' in said else 'y'}, dim=1)" in behind
    if "part" not in said:
        assert first == second
    assert len(long.text) - len(short.text) < 200  # the modules are made in a loop too


@pytest.mark.parametrize("name", LISTS)
def test_a_loop_computes_what_its_elements_do(name: str) -> None:
    check(emitted.emitted_text(text_of(LISTS[name][0], 4)))


@pytest.mark.parametrize("name", LISTS)
def test_paths_are_those_of_the_text(name: str) -> None:
    built = emitted.emitted_text(text_of(LISTS[name][0], 4))
    found = {path.split(".")[5] for path in built.on_meta().state_dict() if path.startswith("stages.0.blocks.0.y.")}
    assert found == {"1", "2", "3", "4"}


def test_two_elements_are_no_loop() -> None:
    rule, _ = LISTS["the one before"]
    assert "for " not in forward_of(emitted.emitted_text(text_of(rule, 2)).text)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")
def test_lists_are_scripted() -> None:
    """TorchScript reads the loop over a dict of modules."""
    rule, _ = LISTS["all before"]
    model = emitted.randomise(emitted.emitted_text(text_of(rule, 4)).make().eval())
    image = torch.ones(1, 3, 16, 16)
    assert torch.equal(torch.jit.script(model)(image), model(image))
