"""Emitted code reads as the field writes: names of classes, arguments in one order, docstrings about the class."""

from __future__ import annotations

import ast
import re
from functools import lru_cache

import emitted
import pytest
from emitted_programs import HEADER
from families.compiling import zoo_names

from archdsl.backends.torch.classes import class_name
from archdsl.backends.torch.write import about_class, summary

NAMES = {
    "efficientnet_b0": "EfficientNetB0",
    "efficientnetv2_s": "EfficientNetV2S",
    "fbnetc": "FBNetC",
    "mnasnet_a1": "MnasNetA1",
    "mobilenetv3_large": "MobileNetV3Large",
    "convnext_t": "ConvNeXtT",
    "densenet121": "DenseNet121",
    "ghostnet_1_0x": "GhostNet1_0x",
    "inception_resnet_v2": "InceptionResNetV2",
    "repvgg_a0": "RepVGGA0",
    "mobilenetv4_conv_s": "MobileNetV4ConvS",
    "mobileone_s0": "MobileOneS0",
    "inceptionnext_atto": "InceptionNeXtAtto",
    "shufflenetv2_1_0x": "ShuffleNetV2_1_0x",
    "squeezenet_1_1": "SqueezeNet1_1",
    "vgg16_bn": "VGG16BN",
    "anynet_vr": "AnyNetVR",
    "regnetx_400mf": "RegNetX400MF",
    "regnety_4gf": "RegNetY4GF",
    "regnetz_500mf_to_4gf": "RegNetZ500MFTo4GF",
    "regnety_4gf_dwr4": "RegNetY4GF_dWr4",
    "resnet50": "ResNet50",
    "resnext101_64x4d": "ResNeXt101_64x4d",
    "rexnet_lite_1_0x": "ReXNetLite1_0x",
}
"""As the papers write them."""
BLOCKS = {"efficientnetv2_s": {"FusedMBConv", "MBConv", "SqueezeExcite"}, "repvgg_a0": {"RepVGGBlock"}}


@lru_cache(maxsize=4)
def tree(name: str) -> ast.Module:
    return ast.parse(emitted.emitted_spec(name).text)


def classes(name: str) -> dict[str, ast.ClassDef]:
    return {node.name: node for node in tree(name).body if isinstance(node, ast.ClassDef)}


def parameters(node: ast.ClassDef) -> list[str]:
    made = [each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"]
    return [argument.arg for each in made for argument in each.args.args[1:]]


def test_names_of_blocks() -> None:
    for name, wanted in BLOCKS.items():
        assert wanted <= classes(name).keys()


@pytest.mark.parametrize(
    ("name", "doc", "wanted"),
    [
        ("fused_mbconv", "Fused-MBConv (Tan & Le 2021).", "FusedMBConv"),
        ("fused_mbconv", "", "FusedMbconv"),
        ("mynet_v2", "MyNet-v2, of nobody.", "MyNetV2"),
        ("mynet", "The MYNET of MyNet.", "MYNET"),
        ("net_a", "A net.", "NetA"),
        ("mynetc", "MyNet-C.", "MyNetC"),
        ("mynetc", "MyNet C.", "Mynetc"),
        ("ox", "Oxen pull, an OX does not.", "OX"),
        ("skip", "\u017f\u212aip", "Skip"),
        ("r_1_6gf", "1.6GF", "R1_6GF"),
        ("_2d", "", "Block2d"),
        ("a_b__c", "", "ABC"),
        ("net_dwr4", "A net. --scale dWr:4", "Net_dWr4"),
        ("net_dwr4_256x192", "--scale dWr:4 --input 256x192", "Net_dWr4_256x192"),
        ("inet_big", "An iNet.", "INetBig"),
    ],
)
def test_the_rule(name: str, doc: str, wanted: str) -> None:
    assert class_name(name, doc) == wanted


def test_all_names_are_of_networks() -> None:
    assert NAMES.keys() <= set(zoo_names())


@pytest.mark.parametrize("name", sorted({*emitted.MODELS, *NAMES}))
def test_a_network(name: str) -> None:
    text, class_name = emitted.emitted_spec(name).text, emitted.emitted_spec(name).interface.class_name
    assert NAMES.get(name, class_name) == class_name
    assert not re.search(r"^ +(\w+) = .*\n +return \1$", text, re.MULTILINE)
    assert "nn.ModuleList([])" not in text
    for node in classes(name).values():
        if node.name not in ("SamePad2d", class_name):  # no docstring names what its class does not take
            named = set(re.findall(r"`(\w+)`", ast.get_docstring(node) or ""))
            assert named <= {*parameters(node), "image_size"}, (node.name, named)
    for node in classes(name).values():
        takes = parameters(node)
        if "width" in takes:
            assert takes[1] == "width" or not takes[0].endswith("in_channels"), (node.name, takes)
    for call in ast.walk(tree(name)):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in classes(name):
            takes = parameters(classes(name)[call.func.id])
            given = [argument for argument in call.args if not isinstance(argument, ast.Starred)]
            assert takes[: len(given)] == ["in_channels", "width"][: len(given)] or call.func.id in OWN, call.func.id


OWN = {
    *("AbsoluteBias", "ChannelConv", "ChannelShuffle", "DropPath", "LayerScale", "Learned", "MapStage", "Outputs"),
    *("PadChannels", "Permute", "RelativeBias", "Reshape", "Scale", "SizedLearned", "Slice", "Stage", "StdConv2d"),
}
"""Small modules of the emitted file itself; what they take is in their own order."""


def test_group_width_stays() -> None:
    text = emitted.emitted_spec("regnety_4gf").text
    assert "YBlock(32, 128, group_width=64, stride=2)" in text
    assert "groups=width // group_width" in text
    assert "groups=17" not in text
    built = emitted.emitted_spec("regnety_4gf")
    convolutions = [module for module in built.on_meta().modules() if type(module).__name__ == "Conv2d"]
    assert {module.groups for module in convolutions} == {1, 2, 3, 8, 17}


def test_a_width_that_no_step_has() -> None:
    """A block whose last convolution is left away still takes the width that it gives, second of all."""
    text = emitted.emitted_spec("efficientnetv2_s").text
    assert "FusedMBConv(24, 24, inner=24, drop=0.005)" in text
    assert "FusedMBConv(24, 48, inner=96, stride=2)" in text
    assert "MBConv(64, 128, expand=4, stride=2)" in text


def test_what_the_text_calculates() -> None:
    """Local names and arithmetic of a block are those of its class; what is the same everywhere is a number."""
    text = emitted.emitted_spec("efficientnetv2_s").text
    assert "        inner = in_channels * expand\n" in text
    assert "SqueezeExcite(inner, in_channels // 4)" in text
    assert "        if expand != 1:\n" in emitted.emitted_spec("rexnet_1_0x").text
    text = emitted.emitted_spec("convnext_t").text
    assert "nn.Conv2d(width, 4 * width, 1)" in text
    assert "ConvNeXtBlock(384, 384, drop=i / 170)" in text


CSP = """
  block csp(x; width, on: true) {
    half = width / 2
    left, right = split(x -> conv(width, kernel: 1), parts: 2)
    ys = [right -> (conv(half, kernel: 3) -> relu) when on for i in 0 .. 1]
    return concat(left, ys[0], ys[1]) -> conv(width, kernel: 1)
  }
  model m { input: 3 x 8 x 8  stages: [csp(8), csp(12, on: false), csp(16)]  head: pool_head(classes: 3) }
"""


def test_names_and_places_of_a_block() -> None:
    text = emitted.emitted_text(HEADER + CSP).text
    assert "        half = width // 2\n" in text
    assert "left, right = self.conv(x).chunk(2, dim=1)" in text
    assert "self.ys: Any = nn.ModuleDict()" in text
    assert 'self.ys["relu"][0](self.ys["conv"][0](right))' in text
    assert "get_submodule" not in text
    assert "Csp(12, 16, with_conv_0=True)," in text


SEVERAL = """
  model m { input: 4 x 8 x 8  stages: [split(parts: 1), conv(6, kernel: 1)]  head: pool_head(classes: 3) }
"""


def test_a_stage_beside_others_is_a_stage() -> None:
    text = emitted.emitted_text(HEADER + SEVERAL).text
    assert re.search(r"Stage\(\n +nn.Conv2d\(4, 6, 1, bias=False\),\n", text)
    assert not re.search(r"nn.Sequential\(\s*OrderedDict\(\s*blocks=", text)


def test_nothing_stands_before_the_head() -> None:
    block = "block maybe(x; on: true) = x -> relu when on"
    model = "model m { input: 3 x 8 x 8  stages: maybe(on: false)  head: pool_head(classes: 3) }"
    text = emitted.emitted_text(f"{HEADER}{block}\n{model}").text
    assert re.search(r"def forward\(self, x: Tensor\) -> Tensor:\n +return self.head\(x\)\n", text)


def test_an_identity_asks_no_condition() -> None:
    block = "block w(x; on: true) = x -> conv(3, kernel: 1) -> identity when on -> batch_norm"
    model = "model m { input: 3 x 8 x 8  stages: [w(true), w(false)]  head: pool_head(classes: 3) }"
    text = emitted.emitted_text(f"{HEADER}{block}\n{model}").text
    assert "self.identity = nn.Identity()\n" in text
    assert "with_identity" not in text


def test_two_blocks_are_no_series() -> None:
    text = emitted.emitted_spec("densenet121").text
    assert "*(DenseLayer(channels, growth=32) for channels in range(64, 256, 32))," in text
    text = emitted.emitted_spec("repvgg_a0").text
    assert "RepVGGBlock(48, 48, stride=2),\n                RepVGGBlock(48, 48),\n" in text


@pytest.mark.parametrize("name", emitted.SAMPLE)
def test_a_block_is_one_class(name: str) -> None:
    """Conditions in the text are arguments: no block of these networks needs a second class."""
    again = [each for each in classes(name) if re.search(r"[A-Za-z]_\d+$", each)]
    assert again in ([], [emitted.emitted_spec(name).interface.class_name])


def test_a_split_that_some_blocks_lack() -> None:
    text = emitted.emitted_spec("shufflenetv2_1_0x").text
    assert "first, second = x.chunk(2, dim=1) if self.splits else (x, x)" in text
    assert "torch.cat((self.left(first), self.right(second)), dim=1)" in text
    assert "ShuffleUnit(24, 116, stride=2)" in text


@pytest.mark.parametrize(
    ("doc", "others", "wanted"),
    [
        ("A block; `expand` is relative to its input.", {"expand"}, "A block."),
        ("A block; `expand` is relative to its input.", {"ratio"}, "A block; `expand` is relative to its input."),
        ("A block (of two, as `expand` says), with `ratio`.", {"ratio"}, "A block (of two, as `expand` says)."),
        ("A block (figure 3): the first step stands where `expand` is 2.", {"expand"}, "A block (figure 3)."),
        ("What `expand` says.", {"expand"}, ""),
    ],
)
def test_docstrings_are_about_the_class(doc: str, others: set[str], wanted: str) -> None:
    assert about_class(summary(doc), others) == wanted
