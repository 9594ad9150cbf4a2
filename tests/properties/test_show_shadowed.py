"""Programs that name blocks, parameters and locals like operations: `show` means the same, and shows itself."""

from __future__ import annotations

import random

import pytest

from archdsl.compiler import Compiled, Compiler, Failed
from archdsl.project import Project
from archdsl.source import Source
from archdsl.views.show import show_model

OPERATIONS = ("conv", "relu", "batch_norm", "identity", "add", "scale", "max_pool")
READER = Project("any.arch")


def program(draw: random.Random) -> str:
    """Operations under each other's names, blocks with parameters and locals named like them."""
    local: dict[str, str] = {}
    for operation in ("conv", "relu", "batch_norm"):
        name = draw.choice([operation, f"op_{operation}", draw.choice([*OPERATIONS, "c2"])])
        local[operation] = f"z_{operation}" if name in local.values() else name
    lines = ["use std.ops { " + ", ".join(f"{o} as {n}" if o != n else o for o, n in local.items()) + " }"]
    blocks: list[tuple[str, str]] = []
    conv = local["conv"]
    for name in draw.sample(["conv", "relu", "add", "b1", "b2", "scale", "stage", "block", "conv_2", "relu_2"], 3):
        if name in local.values():
            continue
        width = draw.choice(["width", "conv", "relu", "kernel", "act", "scale", "n"])
        act = draw.choice([n for n in ("act", "norm", "relu", "conv", "batch_norm") if n != width])
        x = draw.choice([n for n in ("x", "conv", "relu", "y") if n not in (width, act)])
        y = draw.choice([n for n in ("h", "relu", "conv", "t", "batch_norm") if n not in (width, act, x)])
        inner = draw.choice(blocks) if blocks else None
        if conv in (width, act, x, y):
            value = f"{x} -> {act}"
        elif inner is not None and inner[0] not in (width, act, x, y):
            value = f"{x} -> {conv}({width}, kernel: 1) -> {inner[0]}({inner[1]}: {width})"
        else:
            value = f"{x} -> {conv}({width}, kernel: 1) -> {act}"
        default = local[draw.choice(["relu", "batch_norm"])]
        lines.append(f"block {name}({x}; {width}: 8, {act}: {default}) {{\n  {y} = {value}\n  return {y} + {y}\n}}")
        blocks.append((name, width))
    stages = ", ".join(f"{name}({width}: {draw.choice([4, 8])})" for name, width in blocks)
    lines.append(f"model net {{ input: 3 x 4 x 4  stages: [{stages}] }}")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("seed", range(40))
def test_what_is_shown_is_a_fixed_point(seed: int) -> None:
    text = program(random.Random(seed))
    first = Compiler(READER).compile(Source("a.arch", text), "net")
    if isinstance(first, Failed):
        assert first.diagnostics.failed  # a name that cannot stand where it was drawn
        return
    shown = show_model(first, READER)
    second = Compiler(READER).compile(Source("b.arch", shown), "net")
    assert isinstance(second, Compiled)
    assert second.network.hash == first.network.hash
    assert show_model(second, READER) == shown


def test_most_of_them_compile() -> None:
    texts = [program(random.Random(seed)) for seed in range(40)]
    found = [Compiler(READER).compile(Source("a.arch", text), "net") for text in texts]
    assert sum(isinstance(each, Compiled) for each in found) >= 25


def test_a_rule_of_3000_blocks() -> None:
    text = (
        "use std.ops { conv }\nblock b(x; width) = x -> conv(width, kernel: 1)\n"
        "model net { input: 3 x 2 x 2  stages: b { depth: 3000  width: 8 + block.index % 7 } }\n"
    )
    first = Compiler(READER).compile(Source("a.arch", text), "net")
    shown = show_model(first, READER)
    assert isinstance(first, Compiled)
    again = Compiler(READER).compile(Source("b.arch", shown), "net")
    assert isinstance(again, Compiled)
    assert again.network.hash == first.network.hash
