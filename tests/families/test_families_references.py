"""The families against their references: timm, torchvision, and rules written again here in doubles.

timm and torchvision are built without weights, and asked for their layers: convolutions in the order in which they
run, with stride, dilation and groups; parameters; rates of stochastic depth.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from fractions import Fraction
from math import ceil, lcm
from typing import Any

import pytest
from families.compiling import (
    COMPILER,
    compiled,
    network_of,
    networks,
    spec,
    spec_source,
    stage_shapes,
    text_source,
    totals,
)
from run.emitted import Undrawn, reference
from sampling import many

from archdsl.compiler import Changes
from archdsl.emission import about_of, emit
from archdsl.graph.network import Network


@pytest.fixture(autouse=True)
def _undrawn() -> Iterator[None]:
    """Modules are asked for their layers, never for their numbers."""
    with Undrawn():
        yield


def timm_models() -> Any:
    timm = reference("timm")
    return timm.models


def parameters(module: Any) -> int:
    return sum(p.numel() for p in module.parameters())


def params(network: Network) -> int:
    return totals(network)["params"]


# ReXNet


def rexnet_widths(width_mult: float, depths: list[int]) -> list[int]:
    """The loop of the released code (rexnetv1.py), in doubles."""
    blocks = sum(depths)
    planes = 16 / width_mult if width_mult < 1.0 else 16
    found = []
    for _ in range(blocks):
        found.append(round(planes * width_mult))
        planes += 180 / blocks
    return found


def lite_widths(width_mult: float, depths: list[int]) -> list[int]:
    """The same of rexnetv1_lite.py."""

    def divisible(value: int) -> int:
        near = max(8, (value + 4) // 8 * 8)
        return near + 8 if near < 0.9 * value else near

    planes: float = 16
    found = []
    for _ in range(sum(depths)):
        found.append(divisible(round(planes * width_mult)))
        planes += 164 / (sum(depths) - 1)
    return found


DEPTHS = [1, 2, 2, 3, 3, 5]


def block_widths(network: Network) -> list[int]:
    return [width for stage in stage_shapes(network) for width in stage.widths]


def test_rexnet_by_depth_2() -> None:
    """The family's own multiplier makes the line anew, as the code does; a scaling of depths repeats what is there."""
    counts = totals(network_of(spec("rexnet_1_0x", scalings=["depth_mult(2)"])))
    assert (counts["flops"], counts["params"]) == (879_878_324, 8_905_238)
    deep = network_of(spec("rexnet_1_0x", scalings=["d(2)"]))
    assert block_widths(deep) == twice(rexnet_widths(1.0, DEPTHS))


def twice(widths: list[int]) -> list[int]:
    return [width for width in widths for _ in range(2)]


@pytest.mark.parametrize("factor", ["0.4", "0.5", "0.75", "1.3", "1.5", "2.7", "3"])
def test_rexnet_by_depth(factor: str) -> None:
    depths = [ceil(depth * float(factor)) for depth in DEPTHS]
    for name, widths in (("rexnet_1_0x", rexnet_widths(1.0, depths)), ("rexnet_lite_1_0x", lite_widths(1.0, depths))):
        network = network_of(spec(name, scalings=[f"depth_mult({factor})"]))
        assert [stage.depth for stage in stage_shapes(network)] == depths
        assert block_widths(network) == widths
    module = timm_models().rexnet.RexNet(depth_mult=float(factor))
    assert params(network_of(spec("rexnet_1_0x", scalings=[f"depth_mult({factor})"]))) == parameters(module)


def test_rexnet_plain_by_depth() -> None:
    """The widths rise from 96 to 624 in equal steps, over all blocks but the last."""
    widths = [*(round(96 + 528 * i / 11) for i in range(12)), 1024]
    assert block_widths(network_of(spec("rexnet_plain"))) == widths
    assert block_widths(network_of(spec("rexnet_plain", scalings=["d(2)"]))) == twice(widths)


def test_rexnet_by_depth_and_width() -> None:
    """Every block has the width of the one it was taken from, and the scaling's line then each of these."""
    depths = [2 * depth for depth in DEPTHS]
    widths = twice(rexnet_widths(1.0, DEPTHS))
    scaled = [round(width * 4 ** (1 / 4) / 8) * 8 for width in widths]
    assert block_widths(network_of(spec("rexnet_1_0x", scalings=["dw(4)"]))) == scaled
    cubed = network_of(spec("rexnet_1_0x", scalings=["dwr(8)"]))
    assert [stage.depth for stage in stage_shapes(cubed)] == depths
    assert block_widths(cubed) == [round(width * 8 ** (1 / 6) / 8) * 8 for width in widths]


LINE = """
use std.ops {{ conv }}
use std.rexnet {{ line_width }}
model m {{
  input:  1 x 1 x 1
  stages: conv {{
    depth: [1, 2, 2, 3, 3, 5]  kernel: 1
    width: line_width({mult}, index: block.index, count: block.count, doubles: {doubles})
  }}
}}
"""


def test_widths_in_doubles() -> None:
    """All multipliers from 0.50 to 3.00: with `doubles` those of the code, else those that differ by a tie."""
    differing = []
    for hundredths in range(50, 301):
        mult = hundredths / 100
        widths = rexnet_widths(mult, DEPTHS)
        assert block_widths(network_of(compiled(LINE.format(mult=f"{mult:.2f}", doubles="true")))) == widths, mult
        if block_widths(network_of(compiled(LINE.format(mult=f"{mult:.2f}", doubles="false")))) != widths:
            differing.append(mult)
    assert differing == [0.6, 0.68, 0.95]


@pytest.mark.parametrize("mult", ["0.60", "0.68", "0.95"])
def test_rexnet_in_doubles(mult: str) -> None:
    module = timm_models().rexnet.RexNet(width_mult=float(mult))
    network = network_of(spec("rexnet", settings={"width_mult": mult, "doubles": "true"}))
    assert params(network) == parameters(module)


def test_rexnet_at_a_tie() -> None:
    assert params(network_of(spec("rexnet", settings={"width_mult": "0.95", "doubles": "true"}))) == 4_434_848
    assert params(network_of(spec("rexnet", settings={"width_mult": "0.95"}))) == 4_439_197


# Group compatibility


def compatible(width: int, multiplier: float, group: int) -> tuple[int, int]:
    """Width and group width as pycls makes them fit (blocks.py, `adjust_block_compatibility`), in doubles."""
    inner = int(max(1, width * multiplier))
    group = int(min(group, inner))
    multiple = lcm(group, int(multiplier)) if multiplier > 1 else group
    inner = max(multiple, round(inner / multiple) * multiple)
    return int(inner / multiplier), group


def test_group_compatibility() -> None:
    draws = random.Random(1)
    ratios = {"1/8": 8.0, "1/6": 6.0, "1/4": 4.0, "1/3": 3.0, "1/2": 2.0, "1": 1.0, "2": 0.5, "4": 0.25, "8": 0.125}
    settings = [(draws.randint(1, 300), draws.randint(1, 64), draws.choice([*ratios])) for _ in range(many(300))]
    for block in ("x_block", "y_block", "z_block"):
        for start in range(0, len(settings), 250):
            some = settings[start : start + 250]
            rows = "\n".join(f"    | {block} | {w} | {g} | {ratio} |" for w, g, ratio in some)
            network = network_of(
                compiled(
                    f"use std.regnet {{ {block} }}\nmodel m {{\n  input:  8 x 1 x 1\n  stages: [\n"
                    f"    | block | width | group_width | bottleneck_ratio |\n{rows}\n  ]\n}}\n"
                )
            )
            found = [(stage.width, stage.group_width) for stage in stage_shapes(network)]
            assert found == [compatible(w, ratios[ratio], g) for w, g, ratio in some]


def test_group_compatibility_of_two() -> None:
    """1/4 and a group of 6: multiples of 12 inside, so 33 outside. A group wider than the inner width is cut."""
    assert compatible(34, 4, 6) == (33, 6)
    assert compatible(66, 1 / 4, 32) == (64, 16)


@pytest.mark.parametrize("block", ["x_block", "z_block"])
def test_depthwise_networks_stay_depthwise(block: str) -> None:
    """Of a group width of 1 the paper (section 3.5) does not scale it; the reference scaler would make it 2."""
    text = f"use std.regnet {{ {block} }}\nuse std.scaling {{ dWr }}\nmodel m {{ input: 3 x 32 x 32  stages: "
    text += f"{block} {{ width: 64  group_width: 1 }} }}"
    assert stage_shapes(network_of(compiled(text, "m", scalings=["dWr(8)"])))[0].group_width == 1
    assert round(1 * 8**0.4) == 2


# Multipliers of the width


MULTIPLIERS: dict[str, Callable[[float], Any]] = {
    "mobilenetv2": lambda m: reference("torchvision").models.MobileNetV2(width_mult=m),
    "mobilenetv1": lambda m: timm_models().efficientnet._gen_mobilenet_v1("mobilenetv1_100", m),
    "mnasnet_a1": lambda m: timm_models().efficientnet._gen_mnasnet_a1("semnasnet_100", m),
    "efficientnet_b0": lambda m: timm_models().efficientnet._gen_efficientnet("efficientnet_b0", m),
    "rexnet_1_0x": lambda m: timm_models().rexnet.RexNet(width_mult=m),
    "fbnetc": lambda m: timm_models().efficientnet._gen_fbnetc("fbnetc_100", m),
    "mixnet_s": lambda m: timm_models().efficientnet._gen_mixnet_s("mixnet_s", m),
    "mobilenetv4_conv_s": lambda m: timm_models().mobilenetv3._gen_mobilenet_v4("mobilenetv4_conv_small", m),
    "ghostnet_1_0x": lambda m: timm_models().ghostnet._create_ghostnet("ghostnet_100", width=m),
    "mobilenetv3_large": lambda m: reference("torchvision").models.MobileNetV3(
        *reference("torchvision").models.mobilenetv3._mobilenet_v3_conf("mobilenet_v3_large", width_mult=m)
    ),
}


@pytest.mark.parametrize("mult", ["0.5", "0.75", "1.25", "1.3", "1.4", "2"])
@pytest.mark.parametrize("name", MULTIPLIERS)
def test_width_multipliers_are_the_families_own(name: str, mult: str) -> None:
    result = spec(name, scalings=[f"width_mult({mult})"])
    assert not list(result.diagnostics)
    assert params(network_of(result)) == parameters(MULTIPLIERS[name](float(mult)))


@pytest.mark.parametrize("mult", ["0.5", "1.5", "2"])
def test_shufflenetv2_has_four_widths(mult: str) -> None:
    result = spec("shufflenetv2_1_0x", scalings=[f"width_mult({mult})"])
    assert not list(result.diagnostics)
    models = reference("torchvision").models
    assert params(network_of(result)) == parameters(
        getattr(models, f"shufflenet_v2_x{float(mult):.1f}".replace(".", "_"))()
    )


def test_shufflenetv2_has_no_other_width() -> None:
    result = spec("shufflenetv2_1_0x", scalings=["width_mult(1.25)"])
    assert [(d.code, d.severity) for d in result.diagnostics] == [("E312", "error")]


def test_mobilenetv2_by_1_4() -> None:
    network = network_of(spec("mobilenetv2", scalings=["width_mult(1.4)"]))
    assert params(network) == 6_108_776
    assert network.hash == network_of(spec("mobilenetv2_1_4x")).hash
    back = network_of(spec("mobilenetv2_1_4x", scalings=["width_mult(5/7)"]))
    assert back.hash == network_of(spec("mobilenetv2")).hash


def test_what_changed_a_model_comes_again() -> None:
    """A family is made anew, and what was done to it since is done again, in its order."""
    then = compiled(
        'use "mobilenet/mobilenetv2.arch" { mobilenetv2, mobilenetv2_base }\nuse std.scaling { d, width_mult }\n'
        "model a = mobilenetv2 with { head.classes: 10 } -> d(2) -> width_mult(1.4)\n"
        "model b = mobilenetv2_base(width_mult: 1.4) with { head.classes: 10 } -> d(2)\n",
        "a",
    )
    direct = compiled(then.program.entry.source, "b")
    assert network_of(then).hash == network_of(direct).hash


@pytest.mark.parametrize(
    "name", ["regnetx_400mf", "efficientnetv2_s", "efficientnetv2_xl", "efficientnetv2_m_preprint"]
)
def test_a_multiplier_that_is_not_the_familys_is_said(name: str) -> None:
    """EfficientNetV2-S to XL are networks of their own in paper and code; its base network is multiplied."""
    result = spec(name, scalings=["width_mult(1.5)"])
    assert [(d.code, d.severity) for d in result.diagnostics] == [("E318", "warning")]


# Output strides


DILATED: dict[str, Callable[[int], Any]] = {
    "rexnet_1_0x": lambda s: timm_models().rexnet.RexNet(output_stride=s).features,
    "efficientnet_b0": lambda s: (
        timm_models().efficientnet._gen_efficientnet("efficientnet_b0", output_stride=s).blocks
    ),
    "mobilenetv2": lambda s: timm_models().efficientnet._gen_mobilenet_v2("mobilenetv2_100", output_stride=s).blocks,
    "mnasnet_a1": lambda s: timm_models().efficientnet._gen_mnasnet_a1("semnasnet_100", output_stride=s).blocks,
}


def windows(network: Network) -> list[tuple[Any, ...]]:
    nodes: list[Any] = [n for n in network.nodes if n.operation.name == "conv" and n.path.startswith("stages")]
    found = [(n.operation.kernel, n.operation.stride, n.operation.dilation, n.operation.groups) for n in nodes]
    return [tuple(each) for each in found if max(each[0]) > 1]


@pytest.mark.parametrize("stride", [8, 16])
@pytest.mark.parametrize("name", DILATED)
def test_output_strides(name: str, stride: int) -> None:
    network = network_of(spec(name, settings={"output_stride": stride}))
    torch = reference("torch")
    layers = []
    for path, layer in DILATED[name](stride).named_modules():
        if isinstance(layer, torch.nn.Conv2d) and ".se." not in path and max(layer.kernel_size) > 1:
            layers.append((layer.kernel_size, layer.stride, layer.dilation, layer.groups))
    assert windows(network) == layers
    ends = [node.shapes[0] for node in network.nodes if node.path.startswith("stages") and len(node.shapes[0]) == 3]
    assert [int(extent) for extent in ends[-1][1:]] == [224 // stride] * 2


def test_rexnet_has_no_shortcut_where_a_stride_was() -> None:
    """timm's weights have none there: a block whose stride is replaced keeps its form."""
    module = timm_models().rexnet.RexNet(output_stride=8)
    own = network_of(spec("rexnet_1_0x", settings={"output_stride": 8}))
    shortcuts = sum(node.operation.name == "pad_channels" for node in own.nodes)
    assert shortcuts == sum(getattr(block, "use_shortcut", False) for block in module.features) == 11


# Stochastic depth


DROPPING: dict[str, tuple[str, Callable[[], Any]]] = {
    "rexnet_1_0x": (
        'use "rexnet/rexnet.arch" { rexnet }\nmodel m = rexnet(drop_path_rate: 0.2)',
        lambda: timm_models().rexnet.RexNet(drop_path_rate=0.2),
    ),
    "regnetx": (
        'use "regnet/regnetx.arch" { regnetx }\n'
        "model m = regnetx(depth: 22, w_0: 24, w_a: 24.48, w_m: 2.54, group_width: 16, drop_path_rate: 0.2)",
        lambda: reference("timm").create_model("regnetx_004", drop_path_rate=0.2),
    ),
    "resnet50": (
        'use "resnet/resnet.arch" { resnet }\nmodel m = resnet(depths: [3, 4, 6, 3], drop_path_rate: 0.2)',
        lambda: reference("timm").create_model("resnet50", drop_path_rate=0.2),
    ),
    "mobilenetv2": (
        'use "mobilenet/mobilenetv2.arch" { mobilenetv2_base }\n'
        "model m = mobilenetv2_base(width_mult: 1, drop_path_rate: 0.2)",
        lambda: reference("timm").create_model("mobilenetv2_100", drop_path_rate=0.2),
    ),
    "mnasnet_a1": (
        'use "mobilenet/mnasnet.arch" { mnasnet_a1_base }\n'
        "model m = mnasnet_a1_base(width_mult: 1, drop_path_rate: 0.2)",
        lambda: reference("timm").create_model("semnasnet_100", drop_path_rate=0.2),
    ),
}


def released(name: str, change: str = "") -> Callable[[str], str]:
    """A network of the zoo, or the family that its file has under that name, with a rate."""
    path = networks()[name].removeprefix("specs/")
    return lambda rate: f'use "{path}" {{ {name} }}\nmodel m = {name}({change}drop_path_rate: {rate})'


def timm_net(name: str) -> Callable[[float], Any]:
    return lambda rate: reference("timm").create_model(name, drop_path_rate=rate)


SHARED: dict[str, tuple[Callable[[str], str], Callable[[float], Any]]] = {
    "efficientnet_b0": (released("efficientnet"), timm_net("efficientnet_b0")),
    "efficientnet_b3": (
        released("efficientnet", "width_mult: 1.2, depth_mult: 1.4, size: 300, "),
        timm_net("efficientnet_b3"),
    ),
    "efficientnet_lite0": (
        released("efficientnet_lite", "width_mult: 1, depth_mult: 1, size: 224, dropout_rate: 0.2, "),
        timm_net("efficientnet_lite0"),
    ),
    "efficientnetv2_b0": (released("efficientnetv2_base"), timm_net("tf_efficientnetv2_b0")),
    "efficientnetv2_s": (released("efficientnetv2_s"), timm_net("efficientnetv2_s")),
    "efficientnetv2_m": (released("efficientnetv2_m"), timm_net("efficientnetv2_m")),
    "efficientnetv2_l": (released("efficientnetv2_l"), timm_net("efficientnetv2_l")),
    "efficientnetv2_xl": (released("efficientnetv2_xl"), timm_net("efficientnetv2_xl")),
    "mobilenetv3_large": (released("mobilenetv3_large_base"), timm_net("mobilenetv3_large_100")),
    "fbnetc": (released("fbnetc_base"), timm_net("fbnetc_100")),
    "convnext_t": (released("convnext_t"), timm_net("convnext_tiny")),
    "repvgg_a0": (released("repvgg_a0"), timm_net("repvgg_a0")),
    "fasternet_t0": (released("fasternet", "width: 40, "), timm_net("fasternet_t0")),
    "inceptionnext_atto": (
        released("inceptionnext", "depths: [2, 2, 6, 2], widths: [40, 80, 160, 320], "),
        timm_net("inception_next_atto"),
    ),
    "mixnet_s": (released("mixnet_s_base"), timm_net("mixnet_s")),
    "mobilenetv4_conv_s": (released("mobilenetv4_conv_s_base"), timm_net("mobilenetv4_conv_small")),
    "poolformer_s12": (released("poolformer_s12"), timm_net("poolformer_s12")),
    "starnet_s1": (released("starnet", "width: 24, depths: [2, 2, 8, 3], "), timm_net("starnet_s1")),
    "xception41": (released("xception", "middle: 8, "), timm_net("xception41")),
    "regnety_4gf": (released("regnety_4gf"), timm_net("regnety_040")),
    "regnety_400mf": (
        released("regnety", "depth: 16, w_0: 48, w_a: 27.89, w_m: 2.09, group_width: 8, "),
        timm_net("regnety_004"),
    ),
    "regnetz_500mf": (
        released("regnetz", "depth: 21, w_0: 16, w_a: 10.7, w_m: 2.51, group_width: 4, size: 224, "),
        timm_net("regnetz_005"),
    ),
    "resnext50": (
        lambda rate: (
            'use "resnet/resnet.arch" { resnet }\nmodel m = resnet([3, 4, 6, 3], drop_path_rate: '
            + rate
            + ") with { stages.groups: 32  stages.bottleneck_ratio: 2 }"
        ),
        timm_net("resnext50_32x4d"),
    ),
}


def rates(network: Network) -> list[float]:
    nodes: list[Any] = [node for node in network.nodes if node.operation.name == "drop_path"]
    return [float(node.operation.rate) for node in nodes]


@pytest.mark.parametrize("name", DROPPING)
def test_rates_of_stochastic_depth(name: str) -> None:
    text, make = DROPPING[name]
    assert rates(network_of(compiled(text, "m"))) == pytest.approx(rates_of(make()), abs=1e-7)


def rates_of(module: Any) -> list[float]:
    theirs = []
    for layer in module.modules():
        drops = [getattr(layer, name, None) for name in ("drop_path", "drop_path1", "drop_path2")]
        skips = all(getattr(layer, name, True) for name in ("has_skip", "use_shortcut"))
        skips = skips and not getattr(layer, "no_skip", False)  # Xception's last
        if type(layer).__module__.endswith(".regnet"):
            skips = (
                getattr(layer, "downsample", layer) is not None
            )  # where there is no shortcut, RegNetZ's blocks do not drop
        theirs += [drop.drop_prob for drop in drops if type(drop).__name__ == "DropPath" and skips]
    assert theirs
    return theirs


@pytest.mark.parametrize("name", SHARED)
def test_a_rate_and_a_recipes_rate_are_shared_as_in_timm(name: str) -> None:
    """By the family's parameter and, of the shipped network, by a recipe of 0.3; costs stay."""
    text, make = SHARED[name]
    theirs = pytest.approx(rates_of(make(0.3)), abs=1e-7)
    assert rates(network_of(compiled(text("0.3"), "m"))) == theirs
    recipe = "use std.recipes { rexnet_400_epochs }\nrecipe own = rexnet_400_epochs with { drop_path: 0.3 }\n"
    path = networks()[name].removeprefix("specs/")
    source = text_source(f'{recipe}use "{path}" {{ {name} }}\nmodel m = {name} with {{ head.classes: 1000 }}')
    network = network_of(COMPILER.compile(source, "m", Changes(recipe="own")))
    assert rates(network) == theirs
    assert totals(network) == totals(network_of(spec(name)))


@pytest.mark.parametrize("name", ["efficientnetv2_m_preprint", "efficientnet_b4_fused_1_3", "rexnet_lite_1_0x"])
def test_a_recipes_rate_reaches_what_was_derived(name: str) -> None:
    """Rates of one network go as the rate: 0.3 gives twice those of 0.15."""
    made = []
    for rate in ("0.3", "0.15"):
        recipe = (
            f"use std.recipes {{ rexnet_400_epochs }}\nrecipe own = rexnet_400_epochs with {{ drop_path: {rate} }}\n"
        )
        path = networks()[name].removeprefix("specs/")
        source = text_source(f'{recipe}use "{path}" {{ {name} }}\nmodel m = {name} with {{ head.classes: 10 }}')
        made.append(rates(network_of(COMPILER.compile(source, "m", Changes(recipe="own")))))
    assert made[0]
    assert made[0] == pytest.approx([2 * rate for rate in made[1]])


def test_a_parameter_of_the_inner_family_and_one_of_the_outer() -> None:
    """`resnext` has its own parameters, and those of `resnet` inside; both can be given anew, in any order."""
    text = (
        "use std.ops { conv }\nuse std.scaling { w }\n"
        "model inner(width_mult: 1) { input: 3 x 8 x 8  stages: conv { width: 8 * width_mult  kernel: 1 } }\n"
        "model outer(depth_mult: 1) = inner() with { stages.depth: 2 * depth_mult }\n"
        "scaling width(s) { model.width_mult: model.width_mult * s }\n"
        "scaling depth(s) { model.depth_mult: model.depth_mult * s }\n"
        "model a = outer() -> width(3) -> depth(2)\n"
        "model b = outer() -> depth(2) -> width(3)\n"
        "model c = outer(depth_mult: 3) -> width(3) -> width(2)\n"
    )
    for name, depth, width in (("a", 4, 24), ("b", 4, 24), ("c", 6, 48)):
        assert [(s.depth, s.width) for s in stage_shapes(network_of(compiled(text, name)))] == [(depth, width)]


def test_a_recipes_stochastic_depth_reaches_a_family() -> None:
    """Block i of 16 has a rate of 0.2 * i / 15, on the 11 blocks with a shortcut; without the recipe there is none."""
    plain = network_of(spec("rexnet_1_0x"))
    result = COMPILER.compile(spec_source("rexnet_1_0x"), "rexnet_1_0x", Changes(recipe="rexnet_400_epochs"))
    network = network_of(result)
    assert rates(plain) == []
    assert rates(network) == pytest.approx([0.2 * i / 15 for i in (0, 2, 4, 6, 7, 8, 9, 10, 12, 13, 14, 15)][1:])
    assert totals(network) == totals(plain)


@pytest.mark.parametrize("name", ["mobilenetv2", "resnext50"])
def test_an_entry_point_keeps_the_rates_of_the_family(name: str) -> None:
    """The class declares the rate that the blocks share; the largest of theirs is smaller in MobileNetV2."""
    result = COMPILER.compile(spec_source(name), name, Changes(recipe="rexnet_400_epochs"))
    network = network_of(result)
    assert rates(network)
    about = about_of(result, name, name, ())
    assert about.drop_path_rate == Fraction(1, 5)
    files = emit(network, about, ("torch", "train"), result.recipe)
    module = files[f"{name}.py"][1]
    assert "drop_path_rate: float = 0.2" in module
    assert "drop_path_rate: float = option(0.2" in files[f"train_{name}.py"][1]
    torch = reference("torch")
    space: dict[str, Any] = {"__name__": name}
    exec(compile(module, name, "exec"), space)
    made = space[next(key for key in space if key.lower() == name.replace("_", ""))](drop_path_rate=0.2)
    emitted = [layer.rate for layer in made.modules() if type(layer).__name__ == "DropPath" and layer.rate]
    assert emitted == pytest.approx(rates(network))
    assert isinstance(made, torch.nn.Module)


def test_scaling_a_network_with_stochastic_depth_starts_from_its_fitted_widths() -> None:
    """A rule that `fit` does not look at leaves the rest of the stage as it is."""
    text = (
        'use "regnet/regnety.arch" { regnety }\n'
        "model m = regnety(depth: 22, w_0: 96, w_a: 31.41, w_m: 2.24, group_width: 64, drop_path_rate: {rate})"
    )
    scaled = [network_of(compiled(text.replace("{rate}", rate), "m", scalings=["dWr(4)"])) for rate in ("0", "0.1")]
    assert totals(scaled[0]) == totals(scaled[1])
    assert totals(scaled[1])["flops"] == 15_608_249_240
