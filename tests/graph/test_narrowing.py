"""Networks of which not all is needed, narrowed block by block: those that are made operation by operation."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

import pytest
from reading import Texts
from sampling import TIMES

from archdsl.compiler import Compiled, Compiler
from archdsl.graph import cost, network
from archdsl.graph.network import INPUT, Composer, Feature, Network
from archdsl.resources import read_data
from archdsl.source import Source

MODELS = (("rexnet/ssdlite", "rexnet_1_0x_ssdlite"), ("others/hrnet", "hrnet_w18_small"))
FURTHER = (("others/yolov8", "yolov8n"), ("others/dpn", "dpn68"), ("others/inception", "inception_v3"))
BLOCKS = """use std.ops { conv, split, relu }
block two(x; width) {
  a, b = split(x -> conv(2 * width, kernel: 1), sizes: [width, width])
  return a -> relu, b
}
model m {
  input: 4 x 8 x 8
  stem: conv(4, kernel: 1)
  stages: [| block | depth | width | enter | | conv(kernel: 1) | 2 | 4 | - |]
  head: two(width: 2)
  outputs { one: head[OUT] }
}
"""


def all_of(found: Network) -> Any:
    tree = found.root, list(found.ends), [node.path for node in found.nodes]
    return found, found.hash, tree, [cost.count(found, name).flops for name in ("fvcore", "tf_profiler")]


@pytest.mark.parametrize(("file", "model"), MODELS + FURTHER if TIMES > 1 else MODELS)
def test_any_values_wanted(file: str, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the blocks of a network any values, and its own outputs but one."""
    chance, tried, finish, narrowed = random.Random(file), [], Composer.finish, network.narrowed

    def both(self: Composer, name: str, outputs: Iterable[Any], features: Any = (), names: Any = ()) -> Network:
        own, every = tuple(outputs), [INPUT, *[v for p in self._placements for v in p.outputs]]
        for wanted in (own[1:] or own, tuple(chance.sample(every, 1)), tuple(chance.sample(every, 2)), own[:1]):
            marked = (Feature("f", chance.choice(every)),) if chance.random() < 0.5 else ()
            quick = finish(self, name, wanted, marked)
            monkeypatch.setattr(network, "narrowed", lambda *_: None)
            plain = finish(self, name, wanted, marked)
            monkeypatch.setattr(network, "narrowed", narrowed)
            assert all_of(quick) == all_of(plain), wanted
            tried.append(len(quick.placements) > 1)
        return finish(self, name, own, features, names)

    monkeypatch.setattr(Composer, "finish", both)
    found = Compiler(Texts()).compile(Source(f"specs/{file}.arch", read_data(f"specs/{file}.arch")), model)
    assert isinstance(found, Compiled)
    assert any(tried)


@pytest.mark.parametrize("index", [0, 1])
def test_one_output_of_a_block(index: int) -> None:
    """The other's operations are left out, and the rest of the network stays in its blocks."""
    text = BLOCKS.replace("OUT", str(index))
    found = Compiler(Texts()).compile(Source("m.arch", text))
    assert isinstance(found, Compiled), list(found.diagnostics)
    paths = [node.path for node in found.network.nodes]
    assert len(found.network.placements) == 4
    assert [path for path in paths if path.endswith("relu")] == (["head.relu"] if index == 0 else [])
