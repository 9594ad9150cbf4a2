"""Blocks of other widths follow from a program: the same network as traced anew, in operations, shapes and counts."""

from __future__ import annotations

from functools import partial

import pytest
from families.compiling import COMPILER, spec_source, text_source
from hypothesis import given, settings
from hypothesis import strategies as st
from sampling import many

from archdsl.analysis import assemble, tracing
from archdsl.analysis.program import Program
from archdsl.compiler import Changes, Compiled, Compiler
from archdsl.diagnostics import Diagnostics
from archdsl.graph.conventions import CONVENTIONS
from archdsl.graph.cost import count
from archdsl.source import Source

OWN = """
use std.ops { conv, concat, relu, split, global_pool, sigmoid, channel_shuffle, group_norm, scale }
fn nearest(w, q) = max(q, floor((w + q / 2) / q) * q)
block decides(x; width) {
  return x -> conv(floor(width / 2) if width > 64 and width != x.channels else width, kernel: 3) -> scale(1 / width)
}
block rounds(x; width, inner: nearest(width / 3, 8), groups: gcd(inner, 24)) {
  y = x -> conv(inner, kernel: 1) -> conv(inner, kernel: 3, groups: groups) -> relu
  return (y -> conv(width, kernel: 1)) + (x -> conv(width, kernel: 1) when width != x.channels)
}
block gated(x; width, ratio: 1/4) {
  y = x -> conv(width, kernel: 5, stride: 2)
  gate = y -> global_pool -> conv(max(1, round(width * ratio)), kernel: 1) -> relu -> conv(width, kernel: 1) -> sigmoid
  return y * gate
}
block grown(x; width, by: 24) {
  inner = width - 8 * floor(width / 16)
  y = concat(x, x -> conv(width, kernel: 1)) -> conv(inner + by, kernel: 1, bias: true)
  return y -> group_norm(groups: min(inner + by, 4)) -> channel_shuffle(groups: 2)
}
block halves(x; width) {
  require width % 2 == 0
  a, b = split(x -> conv(width, kernel: 1), parts: 2)
  return concat(a -> conv(ceil(width / 2), kernel: 3, groups: width / 2), b)
}
block listed(x; widths) = concat(x, [x -> conv(w, kernel: 1) for w in widths])
model m(a: 16, b: 16, c: 16, d: 16, e: 16) {
  input: 3 x 32 x 32
  stem: conv(width: 16, kernel: 3)
  stages: [
    decides { width: a  depth: 1 }, rounds { width: b  depth: 2 }, gated { width: c  depth: 1 },
    grown { width: d  depth: 1 }, halves { width: e  depth: 1 }, listed { widths: [a, b]  depth: 1 },
  ]
}
"""
WIDTH = st.integers(1, 40).map(lambda n: 8 * n) | st.integers(1, 300)


def same(compiler: Compiler, program: Program, name: str, changes: Changes) -> bool:
    """Compare a network with the one that is traced anew, block for block; whether there is one."""
    found = compiler.elaborate(program, name, changes, Diagnostics())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(assemble, "trace", partial(tracing.trace, anew=True))
        expected = Compiler(compiler.read, compiler.library).elaborate(program, name, changes, Diagnostics())
    assert type(found) is type(expected)
    assert [(d.code, d.message) for d in found.diagnostics] == [(d.code, d.message) for d in expected.diagnostics]
    if not isinstance(found, Compiled) or not isinstance(expected, Compiled):
        return False
    for convention in CONVENTIONS:
        one, other = [count(network, convention) for network in (found.network, expected.network)]
        totals = one.flops, one.params, one.acts, one.buffers
        assert totals == (other.flops, other.params, other.acts, other.buffers), convention
        assert all(type(number) is int for number in totals)
    assert found.network == expected.network
    assert repr(found.network.root) == repr(expected.network.root)
    return True


def program_of(compiler: Compiler, source: Source) -> Program:
    diagnostics = Diagnostics()
    program = compiler.program(source, diagnostics)
    assert not list(diagnostics)
    return program


@settings(max_examples=many(15), deadline=None)
@given(st.lists(st.tuples(*[WIDTH] * 5), min_size=4, max_size=8))
def test_blocks_that_decide_on_their_widths(drawn: list[tuple[int, ...]]) -> None:
    compiler = Compiler(COMPILER.read, COMPILER.library)
    program = program_of(compiler, text_source(OWN))
    for widths in drawn:
        same(compiler, program, "m", Changes(tuple(zip("abcde", map(str, widths), strict=True))))


@pytest.mark.parametrize(
    "name", ["regnety_4gf", "resnet50", "efficientnet_b0", "rexnet_1_0x", "mobilenetv2", "densenet121", "convnext_t"]
)
def test_networks_of_other_widths(name: str) -> None:
    compiler = Compiler(COMPILER.read, COMPILER.library)
    program = program_of(compiler, spec_source(name))
    scaling = "width_mult" if name == "mobilenetv2" else "w"
    networks = [same(compiler, program, name, Changes((), (f"{scaling}({n}/4)",))) for n in range(2, 12)]
    assert sum(networks) > 6


def test_programs_are_used() -> None:
    """From the fourth width on no block is traced."""
    compiler = Compiler(COMPILER.read, COMPILER.library)
    source = spec_source("regnety_4gf")
    for factor in (2, 3, 4):
        compiler.compile(source, "regnety_4gf", Changes((), (f"w({factor})",)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tracing, "build", None)
        found = compiler.compile(source, "regnety_4gf", Changes((), ("w(5)",)))
        assert isinstance(found, Compiled)
        assert count(found.network).flops > 0
