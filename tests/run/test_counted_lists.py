"""Blocks whose lists have other lengths, in emitted code: one class with the number as an argument."""

from __future__ import annotations

import re

import emitted
import pytest
from test_emitted_random import check

HEADER = """arch 1
use std.ops {
  conv, batch_norm, relu, sigmoid, tanh, concat, split, add, max_pool, global_pool, softmax, scale
}
use std.blocks { conv_norm_act, pool_head }
block unit(x; width) = x + (x -> conv(width, kernel: 3) -> batch_norm -> relu)
block pair(x, other; width) = (x -> conv(width, kernel: 1)) * (other -> global_pool -> sigmoid)
"""

ONE_CLASS = {
    "a chain with all before it": (
        "block b(x; n) {\n  p, q = x -> split(parts: 2)\n  y[0] = p\n  y[1] = q\n"
        "  y[i] = y[i - 1] -> unit(x.channels / 2) for i in 2 .. n + 1\n  return concat(y) -> conv(16, kernel: 1)\n}",
        ["n: 1", "n: 2", "n: 5"],
        "n",
    ),
    "a chain from 0": (
        "block b(x; n) {\n  y[i] = (x if i == 0 else y[i - 1]) -> conv(16, kernel: 3) for i in 0 .. n - 1\n"
        "  return concat(y) -> conv(16, kernel: 1)\n}",
        ["n: 1", "n: 3", "n: 2"],
        "n",
    ),
    "the end of a chain": (
        "block b(x; n) {\n  y[0] = x\n  y[i] = y[i - 1] -> unit(16) for i in 1 .. n\n  return y[n] -> relu\n}",
        ["n: 1", "n: 2", "n: 4"],
        "n",
    ),
    "a chain, and its end": (
        "block b(x; n) {\n  y[0] = x\n  y[i] = y[i - 1] -> unit(16) for i in 1 .. n\n"
        "  return (concat(y[1 .. n]) -> conv(16, kernel: 1)) + y[n]\n}",
        ["n: 1", "n: 2", "n: 4"],
        "n",
    ),
    "poolings": (
        "block b(x; n) {\n  y[0] = x -> conv(8, kernel: 1)\n"
        "  y[i] = y[i - 1] -> max_pool(3, stride: 1) for i in 1 .. n\n"
        "  return concat(y) -> conv(16, kernel: 1)\n}",
        ["n: 1", "n: 3"],
        "n",
    ),
    "a chain that takes another value": (
        "block b(x; n) {\n  y[0] = x -> conv(16, kernel: 1)\n  y[i] = pair(y[i - 1], x, width: 16) for i in 1 .. n\n"
        "  return concat(y) -> conv(16, kernel: 1)\n}",
        ["n: 2", "n: 1"],
        "n",
    ),
    "kernels": (
        "block b(x; kernels) {\n  p = x -> split(parts: count(kernels))\n"
        "  return concat([p[i] -> conv(p[i].channels, kernel: kernels[i], groups: p[i].channels)\n"
        "                 for i in 0 .. count(kernels) - 1]) -> batch_norm -> relu\n}",
        ["kernels: [[3]]", "kernels: [[3, 5]]", "kernels: [[5, 3, 1, 7]]"],
        "kernels",
    ),
    "parts of other sizes": (
        "block b(x; sizes) {\n  p = x -> split(sizes: sizes)\n"
        "  return concat([p[i] -> conv(8, kernel: 1) for i in 0 .. count(sizes) - 1]) -> conv(16, kernel: 1)\n}",
        ["sizes: [[8, 8]]", "sizes: [[4, 8, 4]]", "sizes: [[16]]", "sizes: [[12, 4]]"],
        "sizes",
    ),
    "several steps a part": (
        "block b(x; kernels, act: relu) {\n  p = x -> split(parts: count(kernels))\n"
        "  s = [p[i] -> conv(16, kernel: kernels[i]) -> batch_norm -> act for i in 0 .. count(kernels) - 1]\n"
        "  return concat(softmax(s)) -> conv(16, kernel: 1)\n}",
        ["kernels: [[3]]", "kernels: [[3, 5]]", "kernels: [[3, 1, 5, 3]]"],
        "kernels",
    ),
    "inputs that stand for several": (
        "block root(x, rest...; width) = concat(rest, x) -> conv(width, kernel: 1)\n"
        "block b(x; n) {\n  y = x -> conv(16, kernel: 1)\n"
        "  z = [x, x -> relu, x -> tanh]\n"
        "  return root(y, z[0 .. n - 1], width: 16)\n}",
        ["n: 0", "n: 1", "n: 3"],
        "",
    ),
}

SEVERAL_CLASSES = {
    "one in the middle": (
        "block b(x; n) {\n  y[0] = x\n  y[i] = y[i - 1] -> unit(16) for i in 1 .. n\n  return concat(y[1], y[n])\n"
        "           -> conv(16, kernel: 1)\n}",
        ["n: 2", "n: 3", "n: 4"],
    ),
    "several steps in a chain": (
        "block b(x; n) {\n  y[0] = x\n  y[i] = concat(y) -> batch_norm -> conv(8, kernel: 1) for i in 1 .. n\n"
        "  return concat(y) -> conv(16, kernel: 1)\n}",
        ["n: 1", "n: 2", "n: 4"],
    ),
    "a sum of a list": (
        "block b(x; n) {\n  y = [x -> conv(16, kernel: 1) for i in 1 .. n]\n  return add(y) -> relu\n}",
        ["n: 1", "n: 2", "n: 4"],
    ),
    "a sum of two inputs or of one": (
        "block both(xs...; width) = add(xs) -> conv(width, kernel: 3) -> relu\n"
        "block b(x; n) = both([x -> scale(i) for i in 1 .. n], width: 16)",
        ["n: 1", "n: 2"],
    ),
    "without a list": (
        "block b(x; n) {\n  y[0] = x\n  y[i] = y[i - 1] -> unit(16) for i in 1 .. n\n"
        "  return concat(y) -> conv(16, kernel: 1) if n > 0 else x -> relu\n}",
        ["n: 0", "n: 2", "n: 3"],
    ),
    "another order": (
        "block b(x; n) {\n  p = x -> split(parts: n)\n"
        "  return concat([p[n - 1 - i] -> conv(4, kernel: 1) for i in 0 .. n - 1])\n"
        "           -> conv(16, kernel: 1)\n}",
        ["n: 1", "n: 2", "n: 4"],
    ),
}


def text_of(block: str, settings: list[str]) -> str:
    stages = ", ".join(f"b {{ {setting.replace('[[', '[').replace(']]', ']')} }}" for setting in settings)
    fields = f"input: 3 x 9 x 7  stem: conv_norm_act(16)  stages: [{stages}]  head: pool_head(5)"
    return f"{HEADER}{block}\nmodel m {{ {fields} }}"


@pytest.mark.parametrize("name", ONE_CLASS)
def test_one_class(name: str) -> None:
    block, settings, argument = ONE_CLASS[name]
    built = emitted.emitted_text(text_of(block, settings))
    assert re.findall(r"class (B\w*|Root\w*)\(", built.text) in (["B"], ["Root", "B", "B_2", "B_3"])
    check(built)
    if argument:
        init = built.text.split("class B(")[1]
        assert re.search(rf"\b{argument}: (int|tuple\[int, \.\.\.\])", init.partition("super()")[0]), init[:600]


@pytest.mark.parametrize("name", SEVERAL_CLASSES)
def test_several_classes_where_more_differs(name: str) -> None:
    built = emitted.emitted_text(text_of(*SEVERAL_CLASSES[name]))
    check(built)
