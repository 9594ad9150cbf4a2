"""Scalings that change less of a network than they say: warnings."""

from __future__ import annotations

import pytest
from families.compiling import compiled, network_of, spec


def said(name: str, *scalings: str) -> list[tuple[str, str, str]]:
    result = spec(name, scalings=scalings)
    assert result.network is not None
    return [(d.code, d.severity, d.message) for d in result.diagnostics]


@pytest.mark.parametrize("scaling", ["w(2)", "dwr(8)", "dWr(2)", "compound(1)", "w_fixed_group(2)"])
def test_widths_that_no_stage_has(scaling: str) -> None:
    message = f"no stage of `densenet121` has a setting `width`, which `{scaling.partition('(')[0]}` changes"
    assert said("densenet121", scaling) == [("E314", "warning", message)]


@pytest.mark.parametrize("scaling", ["d(2)", "r(2)", "dr(4)"])
def test_shares_of_zero_change_no_width(scaling: str) -> None:
    assert said("densenet121", scaling) == []


@pytest.mark.parametrize(("name", "scaling"), [("resnet18", "w(2)"), ("vgg16_bn", "dWr(2)"), ("mobilenetv2", "dwr(2)")])
def test_widths_without_groups_are_scaled(name: str, scaling: str) -> None:
    assert said(name, scaling) == []


def test_groups_that_no_stage_has() -> None:
    text = (
        "use std.blocks { conv_norm_act }\nscaling groups(s) { group_width: group_width * s }\n"
        "scaling both(s) { group_width: group_width * s  depth: depth * s }\n"
        "model m { input: 3 x 8 x 8  stages: conv_norm_act(8) }\n"
    )
    result = compiled(text, "m", scalings=["groups(2)"])
    message = "no stage of `m` has a setting `group_width`, which `groups` changes"
    assert [(d.code, d.severity, d.message) for d in result.diagnostics] == [("E314", "warning", message)]
    assert len(network_of(compiled(text, "m", scalings=["both(2)"])).nodes) == 6


@pytest.mark.parametrize("scaling", ["w(2)", "w(1/2)", "dWr(3)"])
def test_convnext_is_scaled_by_width_with_its_stem(scaling: str) -> None:
    assert said("convnext_t", scaling) == []


CHOSEN = {
    "[b(8), b { width: 9  depth: 2 } if deep else b { width: 3  depth: 4 }]": {True: [8, 9, 9], False: [8, 3, 3, 3, 3]},
    "[b(8), (b(9) if stage.index == 1 and deep else identity), b(4)]": {True: [8, 9, 4], False: [8, 4]},
    "[b(8) when deep or true, b { width: 5  depth: 2 } when true]": {True: [8, 5, 5], False: [8, 5, 5]},
    "[| block | width |\n | b if deep else conv(kernel: 3) | 7 |]": {True: [7], False: [7]},
}


@pytest.mark.parametrize("deep", [True, False])
@pytest.mark.parametrize("stages", CHOSEN)
def test_stages_of_a_list_may_be_chosen(stages: str, deep: bool) -> None:
    text = (
        "use std.ops { conv, identity }\nblock b(x; width) = x -> conv(width, kernel: 1)\n"
        f"model m(deep: {str(deep).lower()}) {{ input: 3 x 8 x 8  stages: {stages} }}"
    )
    widths = [int(node.shapes[0][0]) for node in network_of(compiled(text)).nodes if node.operation.name == "conv"]
    assert widths == CHOSEN[stages][deep]


@pytest.mark.parametrize(
    ("name", "written", "meant"),
    [
        ("rexnet_1_0x", "widht_mult", "width_mult"),
        ("rexnet", "widht_mult", "width_mult"),
        ("regnety_400mf", "dpeth", "depth"),
        ("mobilenetv2_1_4x", "widthmult", "width_mult"),
        ("efficientnet_b0", "drop_path", "drop_path_rate"),
        ("resnet50", "hed", "head"),
    ],
)
def test_misspelled_parameters_of_families(name: str, written: str, meant: str) -> None:
    result = spec(name, settings={written: "1"})
    assert [(d.code, d.help) for d in result.diagnostics] == [("E202", f"did you mean `{meant}`?")]
