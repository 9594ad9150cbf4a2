"""The templates of `codegen/torch/`, loaded once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


def constructed(kind: str, arguments: Mapping[str, str]) -> str:
    """The text that makes the module of an operation."""
    return str(getattr(_macros("operations.jinja"), kind)(arguments))


def expression(kind: str, arguments: Mapping[str, str], inputs: Sequence[str]) -> str:
    """The text of an operation that is an expression of its inputs."""
    return str(getattr(_macros("operations.jinja"), f"{kind}_of")(arguments, list(inputs)))


def part(name: str, **settings: bool) -> str:
    """The text of a small module that PyTorch does not have, or of a function."""
    return str(getattr(_macros("parts.jinja"), name)(**settings))


def module_text(**values: Any) -> str:
    """The whole file."""
    return str(_environment().get_template("module.py.jinja").render(**values))


def operation_macros() -> frozenset[str]:
    """The names of all macros of operations."""
    return frozenset(name for name in dir(_macros("operations.jinja")) if not name.startswith("_"))
