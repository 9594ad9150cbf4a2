"""Tables for the terminal: plain columns, the same on a terminal, in a pipe and in a file."""

from __future__ import annotations

import re
from collections.abc import Sequence

from archdsl.render import Cell, format_cell

GAP = "  "
_NUMBER = re.compile(r"=|[-+]?[0-9][0-9,.]*…?(?: %)?")


def table(headers: Sequence[str], rows: Sequence[Sequence[Cell]], *, totals: bool = False) -> str:
    """The rows in columns, those of numbers set right; with `totals`, a rule before the last row."""
    texts = [[format_cell(cell) for cell in row] for row in rows]
    right = [
        any(text[i] for text in texts) and all(not text[i] or _NUMBER.fullmatch(text[i]) for text in texts)
        for i in range(len(headers))
    ]
    widths = [max([len(header), *[len(row[i]) for row in texts]]) for i, header in enumerate(headers)]

    def line(cells: Sequence[str]) -> str:
        placed = [c.rjust(w) if r else c.ljust(w) for c, w, r in zip(cells, widths, right, strict=True)]
        return GAP.join(placed).rstrip() + "\n"

    rule = GAP.join(["-" * width for width in widths]) + "\n"
    lines = [line(text) for text in texts]
    if totals and lines:
        lines.insert(-1, rule)
    return "".join([line(headers), rule, *lines])


def size(shape: Sequence[int]) -> str:
    """`128 x 56 x 56`"""
    return " x ".join([str(extent) for extent in shape])


def places(shapes: Sequence[Sequence[int]]) -> str:
    """The shapes of one or several tensors."""
    return ", ".join([size(shape) for shape in shapes])
