"""The templates of `codegen/torch/`, loaded once."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from archdsl.once import once
from archdsl.resources import read_data


@once
def _environment() -> Any:
    import jinja2

    loader = jinja2.FunctionLoader(lambda name: read_data(f"codegen/torch/{name}"))
    return jinja2.Environment(
        loader=loader, undefined=jinja2.StrictUndefined, autoescape=False, keep_trailing_newline=True
    )


@cache
def _macros(name: str) -> Any:
    return _environment().get_template(name).module


EXTRAS: Mapping[str, tuple[str, ...]] = {
    "check_classes": (),
    "zero_init": (),
    "pair": (),
    "SamePad2d": ("F", "pair", "torch"),
    "SameAvgPool2d": ("F", "SamePad2d", "torch"),
    "UnevenAvgPool2d": ("F", "torch"),
    "fit_padding": ("SamePad2d", "torch"),
    "DropPath": ("F",),
    "TokenDropPath": ("DropPath", "F"),
    "Permute": (),
    "StdConv2d": ("F", "torch"),
    "ChannelConv": (),
    "LayerScale": ("torch",),
    "Learned": ("torch",),
    "SizedLearned": ("Learned", "torch"),
    "RelativeBias": ("SizedLearned", "torch"),
    "AbsoluteBias": ("SizedLearned", "torch"),
    "Scale": (),
    "SpatialSoftmax": (),
    "Slice": (),
    "PadChannels": ("F",),
    "ChannelShuffle": (),
    "Reshape": (),
    "resize_like": ("F",),
    "map_like": ("torch",),
    "tokens_by_window": ("pair", "torch"),
    "tokens_by_step": ("pair", "torch"),
    "map_by_window": ("pair", "torch"),
    "map_by_step": ("pair", "torch"),
    "even_parts": ("torch",),
    "to_heads": ("torch",),
    "relative_logits": ("F", "torch"),
    "multi_head_attention": ("F", "to_heads"),
    "multi_query_attention": ("F",),
    "attention_in_parts": ("multi_head_attention", "torch"),
    "Stage": (),
    "MapStage": (),
}
"""Modules and functions that PyTorch does not have: those that an emitted file needs stand in it in this order. Each
with what its text reads beside `nn` and `Tensor`: others, and imported names."""


def extra(name: str, **settings: bool) -> str:
    """The text of one of `EXTRAS`."""
    return str(getattr(_macros("extras.jinja"), name)(**settings))


def weights_text(**values: Any) -> str:
    """How an inference form gets its weights from the training form."""
    return str(_macros("inference.jinja").from_training(**values))


def inference_test_text(**values: Any) -> str:
    """The test of an inference form."""
    return str(_environment().get_template("inference_test.py.jinja").render(**values))


def module_text(**values: Any) -> str:
    """The whole file."""
    return str(_environment().get_template("module.py.jinja").render(**values))
