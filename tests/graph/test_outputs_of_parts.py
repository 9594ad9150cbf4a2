"""Several maps between stages, heads over features and outputs with names, against the same networks in other words."""

from __future__ import annotations

import json

import pytest
from reading import Texts

from archdsl.analysis.changes import Changes
from archdsl.backends.json import read
from archdsl.closed_forms import formulas_of
from archdsl.compiler import Compiled, Compiler
from archdsl.emission import texts_of
from archdsl.graph.cost import count
from archdsl.source import Source
from archdsl.views.show import show_model

USES = """arch 1
use std.ops { add, concat, conv, conv_transpose, identity, max_pool, relu, resize }
use std.blocks { conv_norm_act, pool_head }
use std.scaling { dwr, w }
"""
PYRAMID = """
block pyramid(xs...; width: 8) {
  last   = count(xs) - 1
  inner  = [x -> conv(width, kernel: 1, bias: true) for x in xs]
  top[0] = inner[last]
  top[i] = inner[last - i] + resize(top[i - 1], inner[last - i]) for i in 1 .. last
  return [top[last - i] -> conv(width, kernel: 3, bias: true) for i in 0 .. last]
}
"""
BRANCHES = """
block branch(x; width) = [x -> conv(width, kernel: 3), x -> conv(2 * width, kernel: 3, stride: 2)]
block exchange(high, low; width) {
  up   = resize(low -> conv(width, kernel: 1), high)
  down = high -> conv(2 * width, kernel: 3, stride: 2)
  return [relu(high + up), relu(low + down)]
}
block gather(high, low) = high -> conv(low.channels, kernel: 3, stride: 2) -> add(low)
"""
STAGES = "stages: conv_norm_act { width: [8, 16, 24]  depth: [1, 2, 1]  stride: 2 }"


def compiled(text: str, changes: Changes | None = None) -> Compiled:
    result = Compiler(Texts()).compile(Source("entry.arch", USES + text), None, changes)
    assert isinstance(result, Compiled), list(result.diagnostics)
    return result


def test_a_head_over_stages_is_the_pyramid_of_a_whole_block() -> None:
    """The same graph, whether the maps come of stages, of features, of a range, or of one block that has it all."""
    heads = (
        "pyramid(stages[0], stages[1], stages[2])",
        "pyramid(stages[0 .. 2])",
        "pyramid([stages[i] for i in 0 .. 2])",
        "stages -> pyramid",
        "stages[0] -> pyramid(stages[1], stages[2])",
    )
    texts = [f"{PYRAMID}model m {{ input: 3 x 32 x 32  {STAGES}  head: {head} }}" for head in heads]
    whole = """block whole(x) {
      a = x -> conv_norm_act(8, stride: 2)
      b = a -> conv_norm_act(16, stride: 2) -> conv_norm_act(16)
      return pyramid(a, b, b -> conv_norm_act(24, stride: 2))
    }
    model m { input: 3 x 32 x 32  stages: whole }"""
    assert len({compiled(text).network.hash for text in (*texts, PYRAMID + whole)}) == 1
    by_strides = compiled(
        f"{PYRAMID}model m {{ input: 3 x 32 x 32  {STAGES}  head: pyramid(features)  features: [2, 4, 8] }}"
    ).network
    assert [f.stride for f in by_strides.features] == [2, 4, 8]
    assert by_strides.nodes == compiled(texts[0]).network.nodes


def test_stages_of_several_maps_are_the_blocks_one_behind_the_other() -> None:
    stages = compiled(f"""{BRANCHES}model m {{
      input: 3 x 32 x 32
      stages: [branch {{ width: 8 }}, exchange {{ width: 8  depth: 2 }}, gather]
    }}""").network
    whole = compiled(f"""{BRANCHES}
      block whole(x) = x -> branch(8) -> exchange(8) -> exchange(8) -> gather
      model m {{ input: 3 x 32 x 32  stages: whole }}""").network
    assert stages.hash == whole.hash
    assert [node.path for node in stages.nodes][:3] == [
        "stages.0.blocks.0.conv1",
        "stages.0.blocks.0.conv2",
        "stages.1.blocks.0.up.conv",
    ]


UNET = """
block up(x; width, skip) = concat(skip, x -> conv_transpose(width, kernel: 2, stride: 2, padding: 0, bias: true))
model m {
  input:  3 x 32 x 32
  stages: conv_norm_act {
    width: [8, 16, 32, 16, 8]
    depth: 2
    enter: max_pool(kernel: 2, stride: 2) if 0 < stage.index < 3
           else up(skip: stages[4 - stage.index]) if stage.index >= 3 else none
  }
  head: conv(2, kernel: 1)
}
"""


def by_hand(widths: list[int], depth: int, size: int) -> int:
    """The multiply-adds of the U-Net, summed over its convolutions."""
    total, channels = 0, 3
    for index, width in enumerate(widths):
        if 0 < index < 3:
            size //= 2
        elif index >= 3:
            total += size * size * channels * width * 4 + (2 * size) ** 2 * width  # a window for every position; biases
            size *= 2
            channels = width + widths[4 - index]
        for _ in range(depth):
            total += size * size * 9 * channels * width
            channels = width
    return total + size * size * channels * 2


def test_a_decoder_takes_the_encoder() -> None:
    assert count(compiled(UNET).network).flops == by_hand([8, 16, 32, 16, 8], 2, 32)


@pytest.mark.parametrize("factor", [4, 9])
def test_a_decoder_is_scaled_with_the_encoder(factor: int) -> None:
    scaled = compiled(UNET, Changes(scalings=(f"w({factor})",)))
    width = {4: 2, 9: 3}[factor]
    assert count(scaled.network).flops == by_hand([width * w for w in (8, 16, 32, 16, 8)], 2, 32)


def test_formulas_of_a_decoder() -> None:
    found = compiled(UNET)
    forms = formulas_of(found.model)
    assert forms.at()["flops"] == count(found.network).flops
    values = {"r": 64, **{f"w_{i}": 2 * w for i, w in enumerate((8, 16, 32, 16, 8))}}
    assert forms.at(values)["flops"] == by_hand([16, 32, 64, 32, 16], 2, 64)


def test_a_budget_is_met_by_the_network_that_it_says() -> None:
    target = by_hand([12, 24, 48, 24, 12], 2, 32)
    solved = compiled(UNET, Changes(scalings=(f"w(solve(flops: {target}))",)))
    assert solved.model.solved[0].reached == count(solved.network).flops


NAMED = f"""{PYRAMID}model m {{
  input: 3 x 32 x 32
  stem: conv_norm_act(8)
  {STAGES}
  head: pyramid(stem, stages[0 .. 1])
  outputs {{ low: head[2]  map: stages[1]  first: stem }}
}}"""


def test_outputs_with_names() -> None:
    network = compiled(NAMED).network
    assert network.output_names == ("low", "map", "first")
    assert [network.shape(value) for value in network.outputs] == [(8, 8, 8), (16, 8, 8), (8, 32, 32)]
    assert not [node for node in network.nodes if node.path.startswith(("stages.2", "head.conv.0", "head.conv.1"))]
    others = compiled(NAMED.replace("low:", "top:")).network
    assert others.hash != network.hash
    assert others.nodes == network.nodes


def drawn(found: Compiled, target: str) -> str:
    return texts_of(found, "m", "m.arch", (), [target])[f"m.{target}"][1]


@pytest.mark.parametrize("text", [NAMED, UNET, f"{BRANCHES}model m {{ input: 3 x 32 x 32  stages: branch(4) }}"])
def test_other_forms_of_the_same(text: str) -> None:
    """`show`, JSON and pictures."""
    found = compiled(text)
    assert "model m" in show_model(found, Texts())  # which compiles it again, and compares the hash
    written = drawn(found, "json")
    assert read(written).hash == found.network.hash
    document = json.loads(written)
    assert document["output_names"] == list(found.network.output_names)
    for names, words in ((["a"] * len(document["outputs"]), "each name"), (["a"] * 9, "there are")):
        if len(names) > 1:
            with pytest.raises(ValueError, match=f"output_names: {words}"):
                read(json.dumps(document | {"output_names": names}))
    for target in ("dot", "svg"):
        assert all(f"output {name}" in drawn(found, target) for name in found.network.output_names)


def test_another_block_takes_what_its_stage_took() -> None:
    text = """block plus(a, b) = add(a, b)
      block both(xs...) = concat(xs)
      model m {
        input:  3 x 8 x 8
        stages: [conv_norm_act(8), conv_norm_act(8), plus(stages[0], stages[1])]
      }"""
    changed = compiled(text, Changes(settings=(("stages[2].block", "both"),))).network
    assert changed.shape(changed.outputs[0]) == (16, 8, 8)
    own = compiled(text, Changes(settings=(("stages[2].block", "both(stages[1], stages[1], stages[0])"),))).network
    assert own.shape(own.outputs[0]) == (24, 8, 8)


def test_names_give_way_to_those_of_the_file() -> None:
    """A block may be called `stem` or `stages`; what else is called so is not meant."""
    text = """block stem(x; width) = x -> conv(width, kernel: 3)
      block stages(x; width) = x -> conv(width, kernel: 1)
      model m { input: 3 x 8 x 8  stem: stem(4)  stages: [stages(4), stages { width: 8 }]  head: stem(2) }"""
    assert [node.shapes[0][0] for node in compiled(text).network.nodes] == [4, 4, 8, 2]


SCORES = """
block scores(x, image; classes) = resize(x -> conv(classes, kernel: 3), image, mode: "bilinear")
block above(x; other) = resize(x, other) + other
"""


def test_the_image_by_name() -> None:
    """It stands beside what flows, and is no feature; a setting of its name hides it."""
    by_name = compiled(
        f"{SCORES}model m {{ input: 3 x 32 x 48  {STAGES}  head: scores(stages[2], input, classes: 5) }}"
    )
    assert by_name.network.shape(by_name.network.outputs[0]) == (5, 32, 48)
    behind = compiled(
        f"{SCORES}model m {{ input: 3 x 32 x 48  {STAGES}  head: identity -> scores(input, classes: 5) }}"
    )
    assert behind.network.shape(behind.network.outputs[0]) == (5, 32, 48)
    message = "no stage ends at stride 1"
    text = f"{SCORES}model m {{ input: 3 x 32 x 48  {STAGES}  features: [1] }}"
    failed = Compiler(Texts()).compile(Source("entry.arch", USES + text))
    assert message in [diagnostic.message for diagnostic in failed.diagnostics]
    shown = show_model(by_name, Texts())
    assert "head:   scores(stages[2], input, classes: 5)" in shown
    hidden = f"{SCORES}model m {{ input = 8  input: 3 x 32 x 48  stages: conv_norm_act {{ width: input }} }}"
    assert compiled(hidden).network.shape(compiled(hidden).network.outputs[0]) == (8, 32, 48)


def test_a_resized_map_has_the_stride_of_the_other() -> None:
    text = f"""{SCORES}model m {{
      input:    3 x 32 x 48
      stages:   [conv_norm_act {{ width: 8  stride: 2 }}, conv_norm_act {{ width: 8  stride: 2 }},
                 above {{ other: stages[0] }}]
      features: [2, 4]
    }}"""
    network = compiled(text).network
    assert [(f.stride, network.shape(f.value)) for f in network.features] == [(2, (8, 16, 24)), (4, (8, 8, 12))]
    assert network.features[0].value == network.outputs[0]


@pytest.mark.parametrize(("head", "said"), [("scores(classes: 5)", True), ("scores(stages[2], classes: 5)", False)])
def test_windows_of_a_head_that_names_its_maps(head: str, said: bool) -> None:
    """A head that takes the last map, as it comes, is one for the coarser map: that its windows see less is said."""
    text = f"""use std.resnet {{ bottleneck }}
    block scores(x; classes) = x -> conv(classes, kernel: 3)
    model m {{
      input:         3 x 64 x 64
      stages:        bottleneck {{ width: [8, 16, 32]  stride: 2 }}
      output_stride: 4
      head:          {head}
    }}"""
    result = compiled(text)
    assert [d.message.startswith("`head.conv` is dilated by 1") for d in result.diagnostics] == [True] * said
