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
