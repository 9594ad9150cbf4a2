"""A block that was traced before is not evaluated: nothing of the network tells."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from families.compiling import COMPILER, spec_source, text_source

from archdsl import limits
from archdsl.analysis import assemble, traces, tracing
from archdsl.compiler import Changes, Compiled, Compiler
from archdsl.graph import conventions, cost
from archdsl.parts import rows_of
from archdsl.source import Source

NAMES = [
    *("regnety_4gf", "resnet50", "efficientnet_b0", "rexnet_1_0x", "mobilenetv2", "densenet121", "convnext_t"),
    *("inception_v3", "regnetz_500mf_to_4gf"),
]
OWN = """
use std.ops { conv, concat, relu, drop_path, split, add }
block two(x; width) {
  a, b = split(x, parts: 2)
  return concat(a -> conv(width / 2, kernel: 3), b -> relu)
}
block dropped(x; width, drop: 0) = (x -> conv(width, kernel: 1) -> drop_path(drop) when drop > 0) + x
block wide(x; width) = concat(x, x -> conv(width, kernel: 1))
model m {
  input: 16 x 8 x 8
  stages: [
    two { width: 16  depth: 4 },
    dropped { width: 16  depth: 3  drop: block.index / 100 },
    dropped { width: 16  depth: 3 },
    wide { width: 8  depth: 3 },
    conv { width: 16  kernel: 3  depth: 3 },
  ]
}
"""


def compiled(source: Source, name: str, *scalings: str) -> Compiled:
    result = COMPILER.compile(source, name, Changes((), scalings))
    assert isinstance(result, Compiled), [d.message for d in result.diagnostics]
    return result


def all_of(result: Compiled) -> Any:
    """Everything that a network holds, and the steps that it took: what equality leaves out, too."""
    network: Any = result.network
    nodes = [(n.path, n.operation, n.inputs, n.shapes, n.span.start if n.span else None) for n in network.nodes]
    return nodes, network.outputs, network.features, repr(network.root), result.steps


def evaluated(monkeypatch: pytest.MonkeyPatch, source: Source, name: str, *scalings: str) -> Any:
    """What there is where every block is traced where it stands."""
    with monkeypatch.context() as patch:
        patch.setattr(assemble, "trace", partial(tracing.trace, anew=True))
        return all_of(compiled(source, name, *scalings))


@pytest.mark.parametrize("name", NAMES)
def test_networks_that_ship(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    source = spec_source(name)
    assert all_of(compiled(source, name)) == all_of(compiled(source, name)) == evaluated(monkeypatch, source, name)


def test_blocks_of_all_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    source = text_source(OWN)
    for scalings in ((), ("d(3)",)):
        assert all_of(compiled(source, "m", *scalings)) == evaluated(monkeypatch, source, "m", *scalings)


def test_limits_count_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many operations, and as many steps, as if each were evaluated."""
    steps = compiled(spec_source("regnety_4gf"), "regnety_4gf").steps
    for limit, most, code in (("MAX_NODES", 200, "E391"), ("MAX_STEPS", steps - 10, "E392")):
        with monkeypatch.context() as patch:
            patch.setattr(limits, limit, most)
            result = COMPILER.compile(spec_source("regnety_4gf"), "regnety_4gf")
            assert [d.code for d in result.diagnostics] == [code]


def test_blocks_are_traced_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """RegNetY-4GF has 22 blocks in four stages: the first two of each are traced, stem and head, and nothing again."""
    built = []
    build = tracing.build

    def counted(*arguments: Any, **named: Any) -> Any:
        built.append(arguments[4])
        return build(*arguments, **named)

    monkeypatch.setattr(tracing, "build", counted)
    compiler = Compiler(COMPILER.read, COMPILER.library)
    first = [f"stages.{stage}.blocks.{block}" for stage in range(4) for block in range(2)]
    for expected in (["stem", *first, "head"], []):
        built.clear()
        assert isinstance(compiler.compile(spec_source("regnety_4gf"), "regnety_4gf"), Compiled)
        assert built == expected


GROWING = """
use std.ops { conv, split, concat }
block grown(x; width) {
  a, b = split(x, sizes: [width, x.channels - width])
  c, d = split(b -> conv(2 * width, kernel: 1), parts: 2)
  return concat(a + c, b, d)
}
model m { input: 20 x 8 x 8  stages: grown { width: 8  depth: 9 } expect { params: PARAMS } }
"""


def test_splits_follow_from_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks on more channels each: three are traced, and one with symbols; the others are as they would be."""
    built = []
    build = tracing.build

    def counted(*arguments: Any, **named: Any) -> Any:
        built.append(arguments[4])
        return build(*arguments, **named)

    source = text_source(GROWING.replace("PARAMS", str(sum([16 * (20 + 8 * i - 8) for i in range(9)]))))
    alone = evaluated(monkeypatch, source, "m")
    with monkeypatch.context() as patch:
        patch.setattr(tracing, "build", counted)
        result = Compiler(COMPILER.read, COMPILER.library).compile(source, "m")
        assert isinstance(result, Compiled)
        assert not [*result.diagnostics]
        assert len(built) == 4
    assert all_of(result) == alone


@pytest.mark.parametrize("name", ["regnety_4gf", "inception_v3", "resnet50_fpn"])
def test_stages_are_counted_without_their_operations(name: str) -> None:
    """By the counts of blocks, what the rows of operations add up to, in conventions with divisors too."""
    result = compiled(spec_source(name), name)
    for convention in conventions.CONVENTIONS:
        total = cost.count(result.network, convention)
        rows = rows_of(result.model, total, "stage")
        assert [cost.Group(r.path, r.operations, r.flops, r.params, r.acts, r.buffers) for r in rows] == [
            *total.by("stage")
        ]
    shapes = {cost.group_of(path, "stage"): values for path, values in result.network.ends}
    for row in rows:
        assert [tuple(shape) for shape in row.outputs] == [result.network.shape(value) for value in shapes[row.path]]


def test_many_networks_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept is bounded, and what was forgotten is traced again."""
    compiler = Compiler(COMPILER.read, COMPILER.library)
    source = spec_source("regnety_4gf")
    expected = all_of(compiled(source, "regnety_4gf"))
    monkeypatch.setattr(traces, "MAX_KEPT", 30)
    for _ in range(2):
        result = compiler.compile(source, "regnety_4gf")
        assert isinstance(result, Compiled)
        assert all_of(result) == expected
        assert compiler.traces.size <= 60
