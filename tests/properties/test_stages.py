"""`[ … ] with { … }` on stages: what a name on the right means."""

from __future__ import annotations

import pytest
from strategies import HEADER, compile_text

from archdsl.compiler import Compilation

pytestmark = pytest.mark.fast

NET = """
model m(width_mult: 1, act: silu) {
  input:  3 x 32 x 32
  stages: [
    | block         | width | stride |
    | conv_norm_act |     8 |      2 |
    | conv_norm_act |    16 |      - |
  ] with { %s }
  head: pool_head(classes: 10)
}
"""


def compiled(line: str) -> Compilation:
    return compile_text(HEADER + NET % line)


def settings(line: str, name: str) -> list[object]:
    result = compiled(line)
    assert not list(result.diagnostics), [d.message for d in result.diagnostics]
    assert result.model is not None
    return [getattr(stage.settings.get(name), "value", None) for stage in result.model.stages]


def test_a_column_is_its_old_value() -> None:
    assert settings("width: width * 2", "width") == [16, 32]


def test_where_the_cell_is_empty_there_is_nothing_to_change() -> None:
    assert settings("stride: stride * 2", "stride") == [4, None]


def test_where_the_block_has_no_such_setting_there_is_nothing_to_change() -> None:
    text = """use std.blocks { conv_norm_act }
    block plain(x; width) = x -> conv_norm_act(width)
    model m {
      input:  3 x 8 x 8
      stages: [
        | block         | width | stride |
        | plain         |     8 |      - |
        | conv_norm_act |     8 |      2 |
      ] with { %s }
    }"""
    model = compile_text(text % "stride: stride * 2").model
    assert model is not None
    assert [getattr(stage.settings.get("stride"), "value", None) for stage in model.stages] == [None, 4]
    with pytest.raises(AssertionError, match="`plain` has no setting `stride`"):
        compile_text(text % "stride: 2")


def test_a_name_that_is_no_column_is_that_of_the_model() -> None:
    assert [getattr(act, "name", None) for act in settings("act: act", "act")] == ["silu", "silu"]


def test_a_name_that_nothing_has() -> None:
    with pytest.raises(AssertionError, match="`kernel` is not defined"):
        compiled("kernel: kernel + 2")
