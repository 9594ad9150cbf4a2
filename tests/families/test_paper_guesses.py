"""What the specs say of printed figures beyond their claims: guesses and other libraries' networks, tried out."""

from __future__ import annotations

from typing import Any

import pytest
from families.compiling import COMPILER, file_source, network_of, spec_source, text_source

from archdsl.compiler import Compilation, Compiled
from archdsl.graph.cost import Cost, count
from archdsl.graph.network import Network
from archdsl.lifting.operators import declare

SEARCHES: dict[str, tuple[int, list[int], int, dict[str, tuple[int, int]]]] = {
    "a": (5, [], 200_000, {}),
    "b": (9, [4, 5, 8], 500_000, {"best": (101, 5), "worst": (97, 8)}),
    "c": (9, [4, 5, 8], 1_000_000, {"best": (210, 15), "worst": (200, 15)}),
    "d": (13, [4, 8], 3_000_000, {"best": (351, 5), "worst": (351, 6)}),
}
"""arXiv:2007.00992, table 3: how many blocks there are, those of stride 2 in the guess, the printed params, and the
printed flops in millions with their spread, of the best and the worst tenth of the networks."""


def searched(search: str, which: str, strides: list[int]) -> Cost:
    """A searched network with a last convolution of 1280 channels, and without the classifier behind it."""
    name = f"search_{search}_{which}"
    text = (
        "arch 1\nuse std.ops { relu6 }\nuse std.blocks { conv_norm_act }\n"
        f'use "rexnet/search.arch" {{ searched, {name} }}\n'
        f"model m = searched(widths: {name}(), strides: {strides}, stem_stride: 1, penultimate: 1280) with {{\n"
        "  head: conv_norm_act(width: 1280, kernel: 1, act: relu6)\n}\n"
    )
    return count(network_of(COMPILER.compile(text_source(text), "m")))


@pytest.mark.parametrize("which", ["best", "worst"])
@pytest.mark.parametrize("search", SEARCHES)
def test_searched_networks(search: str, which: str) -> None:
    """Params as printed, cut off, of seven, and rounded of the worst of (a); flops within the printed spread of six."""
    blocks, strided, params, flops = SEARCHES[search]
    cost = searched(search, which, [2 if index in strided else 1 for index in range(blocks)])
    rounding = 50_000 if (search, which) == ("a", "worst") else 0
    assert (cost.params + rounding) // 100_000 * 100_000 == params
    if which in flops:
        middle, spread = flops[which]
        assert abs(cost.flops - middle * 10**6) <= spread * 10**6


def compiled(name: str) -> Network:
    return network_of(COMPILER.compile(spec_source(name), name))


def test_channel_lists() -> None:
    """arXiv:2007.00992, table 1, the row of FBNet-C: its blocks' channels; one block of 24 channels does nothing."""
    model = COMPILER.compile(spec_source("fbnetc"), "fbnetc").model
    assert model is not None
    found: dict[int, int] = {}
    for stage in model.stages:
        width = int(stage.settings["width"].value)
        found[width] = found.get(width, 0) + int(stage.depth.value)
    assert found == {16: 1, 24: 3, 32: 4, 64: 4, 112: 4, 184: 4, 352: 1}


def test_printed_strides_of_rexnet_plain() -> None:
    """arXiv:2007.00992v1, table 9: with its strides the network has not the flops that its table 2b prints."""
    strides = [2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1]
    rows = "\n".join(
        f"    | separable_conv | {width} | {stride} |"
        for width, stride in zip([*range(96, 625, 48), 1024], strides, strict=True)
    )
    text = (
        "use std.ops { relu, silu }\nuse std.mobilenet { separable_conv }\n"
        'use "rexnet/plain.arch" { rexnet_plain }\nmodel m = rexnet_plain with {\n  stages: [\n'
        f"    | block | width | stride |\n{rows}\n  ] with {{ inner_act: relu  act: silu }}\n}}\n"
    )
    cost = count(network_of(COMPILER.compile(text_source(text), "m")))
    assert cost.params == count(compiled("rexnet_plain")).params
    assert round(cost.flops / 1e9, 3) == 0.378


PROXYLESS = {
    "kernel": [3, 5, 3, 7, 3, 5, 5, 7, 5, 5, 5, 5, 5, 5, 5, 7, 7, 7, 7, 7],
    "expand": [1, 3, 3, 3, 3, 3, 3, 6, 3, 3, 3, 6, 3, 3, 3, 6, 6, 3, 3, 6],
}
"""osmr/pytorchcv 0.0.74, pytorchcv/models/proxylessnas.py, `mobile`, without the two blocks that do nothing; its own
test asserts 4,080,512 params."""


def network_depths(result: Compilation) -> list[int]:
    assert result.model is not None
    return [int(stage.depth.value) for stage in result.model.stages]


def test_proxylessnas() -> None:
    """Block by block the kernels and expansions of another library, and its count."""
    result = COMPILER.compile(spec_source("proxylessnas_mobile"), "proxylessnas_mobile")
    assert isinstance(result, Compiled)
    stages = zip(result.settings, network_depths(result), strict=True)
    blocks = [
        block for settings, depth in stages for block in (settings if len(settings) == depth else settings * depth)
    ]
    for name, values in PROXYLESS.items():
        assert [block[name].value for block in blocks] == values
    assert count(network_of(result)).params == 4_080_512


def test_the_auxiliary_classifier_of_inception_v3() -> None:
    """torchvision's Inception-v3 with it has the params that arXiv:2007.00992, table 12, prints: 27.2M."""
    torch: Any = pytest.importorskip("torch", reason="torchvision's network is built")
    declare()  # before torchvision

    torchvision: Any = pytest.importorskip("torchvision", reason="the network is torchvision's")
    with torch.device("meta"):
        model = torchvision.models.inception_v3(aux_logits=True, init_weights=False)
    total = sum(p.numel() for p in model.parameters())
    auxiliary = sum(p.numel() for p in model.AuxLogits.parameters())
    assert total == 27_161_264
    assert total - auxiliary == count(compiled("inception_v3")).params


def test_the_stages_of_efficientnetv2_s_in_one_table() -> None:
    """arXiv:2104.00298, table 4, as it stands in the spec: one table, in a model of at most 20 lines."""
    text = file_source("specs/efficientnet/efficientnetv2.arch").text
    begin = text.index("model efficientnetv2_s(")
    lines = text[begin : text.index("\n}\n", begin)].split("\n")
    assert len(lines) + 1 <= 20
    rows = [[cell.strip() for cell in line.strip(" |").split("|")] for line in lines if line.strip().startswith("|")]
    assert rows == [
        ["block", "expand", "kernel", "stride", "width", "depth", "se_ratio"],
        ["fused_mbconv", "1", "3", "1", "24", "2", "none"],
        ["fused_mbconv", "4", "3", "2", "48", "4", "none"],
        ["fused_mbconv", "4", "3", "2", "64", "4", "none"],
        ["mbconv", "4", "3", "2", "128", "6", "1/4"],
        ["mbconv", "6", "3", "1", "160", "9", "1/4"],
        ["mbconv", "6", "3", "2", "256", "15", "1/4"],
    ]


@pytest.mark.parametrize(
    ("replaced", "found"),
    [("", 0), ("second", 17), ("first second", 33), ("first", 16), ("last", 1), ("first last", 17)],
)
def test_ablations_of_activations(replaced: str, found: int) -> None:
    """arXiv:2007.00992v1, tables 5a and 5b: MobileNetV2, and as much of it replaced as the row says."""
    given = ", ".join(f"{name}: silu" for name in replaced.split())
    text = 'use std.ops { silu }\nuse "rexnet/ablations.arch" { mobilenetv2_ablated }\n'
    text += f"model m = mobilenetv2_ablated({given})\n"
    network = network_of(COMPILER.compile(text_source(text), "m"))
    plain = compiled("mobilenetv2")
    assert sum(node.operation.name == "silu" for node in network.nodes) == found
    assert (count(network).flops, count(network).params) == (count(plain).flops, count(plain).params)
    assert (network.hash == plain.hash) == (not replaced)


LINES = {
    "vgg": (
        "conv_bias_norm { depth: [2, 2, 3, 3, 3]  width: round(64 + 448 * block.index / (block.count - 1))\n"
        "  enter: none if stage.index == 0 else halve }  head: connected_head",
        ("15.7G", "134.4M"),
    ),
    "resnet": (
        "bottleneck { depth: [3, 4, 6, 3]  width: 4 * round(64 + 448 * block.index / (block.count - 1))\n"
        "  stride: [1, 2, 2, 2] }  stem: conv_pool_stem  head: pool_head",
        ("12.3G", "53.2M"),
    ),
}
"""arXiv:2007.00992, section 5.2: widths on a line, in the networks that the paper changed."""


@pytest.mark.parametrize("name", LINES)
def test_widths_on_a_line(name: str) -> None:
    """What the ablations' file says of ReX-ResNet and ReX-VGG, of which the paper prints no count."""
    stages, (flops, params) = LINES[name]
    text = (
        "arch 1\nuse std.resnet { bottleneck, conv_pool_stem, pool_head }\n"
        'use "others/vgg.arch" { conv_bias_norm, connected_head, halve }\n'
        f"model m {{ input: 3 x 224 x 224  stages: {stages}\n  expect {{ flops: {flops}  params: {params} }} }}\n"
    )
    assert not COMPILER.compile(text_source(text), "m").diagnostics.failed
