"""Modules stand at the paths of the graph, whatever does nothing: holes in lists, empty stages, steps beside others.

Each program is checked as random ones are: paths, shapes, and the values of outputs and feature maps against
`interpreter.py`. What a case is about is said by hand beside that.
"""

from __future__ import annotations

import emitted
import pytest
import torch
from emitted import Emitted
from emitted_programs import HEADER
from test_emitted_random import check

MAYBE = "block maybe(x; on: true) = x -> conv(x.channels, kernel: 1) when on\n"
ROOT = "block root(x; width, other: none) = (concat(x, other) if other else x) -> conv(width, kernel: 1)\n"

PROGRAMS = {
    "stages that do nothing": f"""{MAYBE}
      model m {{
        input: 3 x 8 x 8
        stages: [
          maybe(on: false), conv(8, kernel: 3), maybe(on: false), conv(4, kernel: 3, stride: 2), maybe(on: false)
        ]
        head: global_pool -> linear(4)
        features {{ a: stages[0]  b: stages[1]  c: stages[2]  d: stages[3]  e: stages[4] }}
      }}
    """,
    "stages that do nothing before two outputs": f"""{MAYBE}
      block two(x) {{ return x -> global_pool -> linear(4), x -> conv(3, kernel: 1) }}
      model m {{
        input: 3 x 8 x 8
        stages: [maybe(on: false), conv(8, kernel: 3), maybe {{ on: false  depth: 2 }}, conv(4, kernel: 3, stride: 2)]
        head: two
        features: [1, 2]
      }}
    """,
    "nothing before the head": f"""{MAYBE}
      model m {{
        input: 3 x 8 x 8  stages: [maybe(on: false), maybe(on: false)]  head: pool_head(classes: 3)
        features {{ a: stages[0]  b: stages[1] }}
      }}
    """,
    "nothing at all": f"""{MAYBE}
      model m {{ input: 3 x 8 x 8  stages: [maybe(on: false), maybe(on: false)]  features {{ b: stages[1] }} }}
    """,
    "blocks that do nothing": f"""{MAYBE}
      model m {{
        input: 3 x 8 x 8
        stages: maybe {{ depth: [3, 5, 2]  on: block.index != 0 and block.index != 4 and block.index < 6 }}
        features {{ a: stages[0]  b: stages[1]  c: stages[2] }}
      }}
    """,
    "entered, or not": f"""{MAYBE}
      model m {{
        input: 3 x 16 x 16
        stages: [
          maybe {{ enter: conv(4, kernel: 3, stride: 2)  on: false }},
          maybe {{ enter: maybe(on: false)  depth: 2  on: block.in_stage > 0 }},
          maybe {{ enter: maybe(on: false)  on: false }},
          maybe {{ enter: batch_norm -> conv(5, kernel: 3, stride: 2) }}
        ]
        features {{ a: stages[0]  b: stages[1]  c: stages[2]  d: stages[3] }}
      }}
    """,
    "operations with steps beside them": """
      model m {
        input: 3 x 17 x 16
        stem: conv(4, kernel: 3, stride: 2, padding: "same")
        stages: [
          conv { width: 4  kernel: 3  stride: 2  padding: "same"  enter: layer_norm },
          conv { width: 6  depth: 2  kernel: 4  padding: [0, 2, 1, 2]  enter: max_pool(3, stride: 1, padding: "same") },
          layer_norm
        ]
        head: global_pool -> linear(4)
        features { z: stem  a: stages[0]  b: stages[1]  c: stages[2] }
      }
    """,
    "a linear head": "model m { input: 3 x 1 x 1  stages: conv(4, kernel: 1)  head: linear(5) }",
    "holes in a list": """
      block w(x; n) {
        v = [(x -> conv(2, kernel: 1) if i != n else x) for i in 0 .. 2]
        return concat(v)
      }
      model m { input: 2 x 3 x 3  stages: [w(1), w(2), w(0), w(3)] }
    """,
    "a list that begins late": """
      block w(x; n) = concat([(x -> conv(8, kernel: 1) if i >= 1 else x) for i in 0 .. n])
      model m { input: 2 x 3 x 3  stages: w(2) }
    """,
    "an identity in a list": """
      block w(x; width) {
        p = [x -> (conv(width, kernel: 1) if i > 0 else identity) for i in 0 .. 1]
        return concat(p)
      }
      model m { input: 3 x 3 x 3  stages: [w(4), w(5)] }
    """,
    "lists of lists with holes": """
      block w(x; width, n) {
        v = [[(x -> conv(width + i, kernel: 4, padding: [1, 2, 2, 1]) -> layer_norm) if (i + j) % 3 != n else x
              for j in 0 .. 2] for i in 0 .. 2]
        return concat(concat(v[0]), concat(v[1]), concat(v[2]))
      }
      model m { input: 2 x 6 x 6  stages: [w(3, n: 0), w(4, n: 1), w(2, n: 2)] }
    """,
    "a list of one within a list of one": """
      block w(x; width) {
        u = split(x -> conv(2 * width, kernel: 1), parts: 2)
        v = [[u[0] -> prelu for j in 0 .. 0] for i in 0 .. 0]
        return concat(v[0])
      }
      model m { input: 8 x 6 x 6  stages: [w(8), w(16)] }
    """,
    "an empty list": """
      block w(x; n) {
        v = [x -> conv(2, kernel: 1) for i in 1 .. n]
        return x -> conv(1, kernel: 1) if n == 0 else concat(v)
      }
      model m { input: 3 x 6 x 6  stages: [w(0), w(1), w(2)] }
    """,
    "sequences within sequences": """
      block inner(x; act, on: true) {
        branch = x -> batch_norm when on -> act when not on -> conv(x.channels, kernel: 1) -> act
        return branch
      }
      block outer(x; act, on: true) = x -> inner(act: relu -> act, on: on) -> inner(act: act -> tanh, on: not on)
      model m {
        input: 3 x 6 x 6
        stages: [outer(conv(3, kernel: 1) -> relu), outer(layer_scale(2) -> tanh, on: false)]
      }
    """,
    "a setting that is one step, or several": """
      block root(x; width, act: relu, deep: false) {
        a = x -> conv(width, kernel: 1)
        return (a -> act) + a if deep else a -> act
      }
      model m {
        input: 3 x 6 x 6
        stages: [root(4), root(5, act: batch_norm -> tanh), root(6, deep: true), root(7, act: relu, deep: true)]
      }
    """,
    "steps from a list": """
      block w(x; ps) = x -> ps[0] -> ps[1] -> ps[0]
      model m {
        input: 3 x 6 x 6
        stages: [w([conv(3, kernel: 1), conv(4, kernel: 3)]), w([conv(3, kernel: 3), relu])]
      }
    """,
    "a split into one": """
      block parts(x; n) {
        u = split(x, parts: n)
        return concat([p -> conv(p.channels, kernel: 1) for p in u])
      }
      block whole(x) {
        u = split(x, sizes: [4])
        return (u + x) * (u[0] -> conv(u.channels, kernel: 1))
      }
      model m { input: 4 x 6 x 6  stages: [split(parts: 1), parts(1), parts(2), whole]  head: split(parts: 1) }
    """,
    "one output in a list": """
      block one(x; width) { return [x -> conv(width, kernel: 1)] }
      block two(x) {
        u = one(x, width: 3)
        return u[0] + x
      }
      model m {
        input: 3 x 6 x 6  stem: one(3)  stages: [one { width: 3  depth: 2  enter: one(3) }, two]  head: one(3)
        features { z: stem  a: stages[0]  b: stages[1] }
      }
    """,
    "outputs used in part": """
      block fork(x; n) { return [x -> conv(2 + i, kernel: 1) for i in 0 .. n] }
      block w(x; n, k) {
        u = fork(x, n: n)
        return u[k]
      }
      model m { input: 3 x 6 x 6  stages: [w(3, k: 0), w(3, k: 2), w(2, k: 2), w(2, k: 1)] }
    """,
    "a tensor as a setting": f"""{ROOT}
      block b(x; width) {{
        y = x -> conv(width, kernel: 3)
        return y -> root(width, other: x) -> root(width) -> root(width, other: y)
      }}
      model m {{ input: 3 x 6 x 6  stages: [b(16), b(8)]  head: pool_head(classes: 3) }}
    """,
    "a list of tensors as a setting": """
      block root(x; width, others) = concat(x, concat(others)) -> conv(width, kernel: 1)
      block b(x; width) {
        y = x -> conv(width, kernel: 3)
        z = y -> relu -> conv(width, kernel: 1)
        return z -> root(width, others: [x, y]) -> root(width, others: [y])
      }
      model m { input: 3 x 6 x 6  stages: [b(16), b(8)] }
    """,
    "a block that holds a tensor": f"""{ROOT}
      block twice(x; act) = x -> act -> conv(x.channels, kernel: 3) -> act
      block b(x; width) {{
        y = x -> conv(width, kernel: 3)
        r = root(width, other: x)
        return y -> twice(act: r) -> twice(act: relu) -> twice(act: r -> relu) -> twice(act: twice(act: r))
      }}
      model m {{ input: 3 x 6 x 6  stages: [b(4), b(5)] }}
    """,
    "a tensor handed on as it is": """
      block pass(x; other) = other
      block deep(x; other) = x -> pass(other: other) -> relu
      block b(x; width) {
        y = x -> conv(width, kernel: 3)
        return y -> deep(other: x) -> conv(width, kernel: 1)
      }
      model m { input: 3 x 6 x 6  stages: [b(4), b(5)] }
    """,
    "what a setting applies": """
      block root(x; width, other, more: x -> conv(5, kernel: 1), last: other -> conv(6, kernel: 1) -> relu) {
        return concat(x, other, more, last) -> conv(width, kernel: 1)
      }
      block b(x; width) {
        y = x -> conv(width, kernel: 3)
        z = y -> root(width, other: x -> conv(4, kernel: 1) -> relu, more: x -> conv(3, kernel: 3))
        return z -> root { width: width  other: y -> conv(2, kernel: 1) } -> root(width, other: x -> conv(7, kernel: 1))
      }
      model m { input: 3 x 6 x 6  stages: [b(4), b(5)] }
    """,
    "a count that is left out where half of another is none": """
      block sub(x) = x -> batch_norm -> conv(x.channels, kernel: 1)
      block fork(x; few, more) = x -> conv(2, kernel: 1) when few -> relu -> sub when more
      block narrow(x; width, more) {
        return x -> conv(width, kernel: 1) -> fork(few: true, more: more) -> conv(width, kernel: 1)
      }
      block plain(x) = x -> conv(6, kernel: 1) -> fork(few: false, more: true) -> conv(4, kernel: 1)
      model m {
        input: 3 x 6 x 6
        stem: conv(3, kernel: 1)
        stages: [narrow { width: 1  more: false }, narrow { width: 4  more: true }, plain]
      }
    """,
    "a count that is none in some bodies": """
      block inner(x; wide, deep: false) = x -> tanh -> conv(wide, kernel: 3) when deep
      block outer(x; wide, deep: false) = x -> inner(wide: wide, deep: deep) -> conv(2 * wide, kernel: 1)
      model m {
        input: 3 x 6 x 6
        stem: conv(3, kernel: 1)
        stages: [outer(4, deep: true), outer(5), outer(6, deep: true), outer(7)]
      }
    """,
    "a block within itself": """
      block t(x; width, act: relu) = x -> act -> conv(width, kernel: 1) -> act
      model m { input: 3 x 6 x 6  stages: [t(5, act: t(3, act: tanh)), t(3, act: t(3, act: t(3)))] }
    """,
    "blocks within each other in both orders": """
      block t(x; width, act: relu) = x -> act -> conv(width, kernel: 1)
      block u(x; width, act: relu) = x -> conv(width, kernel: 3) -> act
      model m { input: 3 x 6 x 6  stages: [t(5, act: u(3)), u(4, act: t(3)), t(3, act: u(2, act: t(4)))] }
    """,
}


def program(text: str) -> Emitted:
    return emitted.emitted_text(HEADER + text)


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs(name: str) -> None:
    check(program(PROGRAMS[name]))


def test_holes_stay_where_they_are() -> None:
    """Scales of 5: each of the two blocks leaves out the element that it names, not the last."""
    text = "block w(x; n) = concat([(x -> layer_scale if i != n else x) for i in 0 .. 2])"
    for left_out in range(3):
        model = program(f"{text} model m {{ input: 2 x 1 x 1  stages: [w({left_out}), w(1), w(2)] }}").make()
        for weight in model.parameters():
            torch.nn.init.constant_(weight, 5)
        image = torch.tensor([2.0, 3.0]).reshape(1, 2, 1, 1)
        found = model.stages[0](image)
        assert found.flatten().tolist() == [
            x if i == left_out else 5 * x for i in range(3) for x in image.flatten().tolist()
        ]


def test_stages_keep_their_index() -> None:
    model = program(PROGRAMS["stages that do nothing"]).make()
    assert [sum(p.numel() for p in stage.parameters()) for stage in model.stages] == [0, 216, 0, 288, 0]
    image = torch.randn(1, 3, 8, 8)
    a, b, c, d, e = model.feature_maps(image)
    assert torch.equal(a, image)
    assert torch.equal(b, c)
    assert torch.equal(d, e)
    assert model.feature_channels == (3, 8, 8, 4, 4)
    assert model.feature_strides == (1, 1, 1, 2, 2)


def test_what_settings_apply_has_their_names() -> None:
    paths = [node.path for node in program(PROGRAMS["what a setting applies"]).network.nodes]
    assert {
        *("stages.0.blocks.0.other.conv", "stages.0.blocks.0.other.relu", "stages.0.blocks.0.more"),
        *("stages.0.blocks.0.other_2", "stages.0.blocks.0.other_3", "stages.0.blocks.0.root2.more"),
        *("stages.0.blocks.0.root1.last.conv", "stages.0.blocks.0.root1.last.relu"),
    } <= set(paths)


SCRIPTED = {
    "same": """
      block pools(x) {
        a = x -> max_pool(3, stride: 2, padding: "same") -> conv(6, kernel: 4, stride: 2, padding: "same")
        return a -> avg_pool(3, stride: 2, padding: "same", count_include_pad: false)
      }
      model m { input: 3 x 33 x 22  stages: pools  head: pool_head(classes: 3) }
    """,
    "uneven": """
      block pools(x) = x -> avg_pool(2, stride: 1, padding: [1, 0, 1, 0], count_include_pad: false)
      model m { input: 3 x 9 x 8  stages: [pools, conv(4, kernel: 4, padding: [0, 1, 2, 1])] }
    """,
    "stages": PROGRAMS["operations with steps beside them"],
    "entered": PROGRAMS["entered, or not"],
    "list": PROGRAMS["holes in a list"],
}


@pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning", "ignore:.*:FutureWarning")
@pytest.mark.parametrize("name", SCRIPTED)
def test_torchscript_takes_the_module(name: str) -> None:
    built = program(SCRIPTED[name])
    model = emitted.randomise(built.make().double())
    scripted = torch.jit.script(model)
    image = emitted.images(built.network)
    torch.testing.assert_close(scripted(image), model(image))
    if built.interface.sizes_padding:
        with pytest.raises(torch.jit.Error, match="construct with image_size"):
            scripted(image[..., 1:, 1:])
