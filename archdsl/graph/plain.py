"""Plain values as expressions of the language, whole: what stands in a text that is compiled again.

Messages have `shapes.show`, which cuts what is long.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from archdsl.graph.initializers import Initializer
from archdsl.graph.shapes import Range, Size
from archdsl.numbers import format_number, is_number

_STARTS = {0: "zeros", 1: "ones"}


def _unknown(value: object) -> str:
    raise TypeError(f"{value!r} is no plain value of the language")


def plain_text(value: Any, other: Callable[[Any], str] = _unknown, *, nested: bool = False) -> str:
    """A number, a word, a text, a size, a range, a start of parameters or a list as an expression; `nested` ones stand
    where an operator needs parentheses. `other` writes what is none of these, also in lists. Raises `TypeError` for
    such a value where there is no `other`."""
    if is_number(value):
        text = format_number(value)
        return f"({text})" if nested and re.fullmatch(r"\d+(\.\d+)?", text) is None else text
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, Size):
        return " x ".join([plain_text(part, other, nested=True) for part in value])
    if isinstance(value, tuple):
        return f"[{', '.join([plain_text(part, other) for part in value])}]"
    if isinstance(value, Range):
        return " .. ".join([plain_text(end, other, nested=True) for end in (value.lo, value.hi)])
    if isinstance(value, Initializer) and is_number(value.scale):
        if value.kind == "constant":
            return next((word for start, word in _STARTS.items() if value.scale == start), plain_text(value.scale))
        return f"{value.kind}(std: {plain_text(value.scale)})"
    return other(value)


__all__ = ["plain_text"]
