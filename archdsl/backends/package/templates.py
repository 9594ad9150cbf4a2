"""The templates of `codegen/package/`, loaded once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from archdsl.once import once
from archdsl.resources import read_data


@once
def _environment() -> Any:
    import jinja2

    loader = jinja2.FunctionLoader(lambda name: read_data(f"codegen/package/{name}"))
    return jinja2.Environment(
        loader=loader,
        undefined=jinja2.StrictUndefined,
        autoescape=False,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def filled(name: str, words: Mapping[str, Any]) -> str:
    """A file of the package."""
    return str(_environment().get_template(f"{name}.jinja").render(**words))


__all__ = ["filled"]
