"""Tables: plain columns for the terminal, the same in a pipe and in a file; Markdown; CSV."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import TypeAlias

from archdsl.visible import visible

Cell: TypeAlias = str | int | float | Fraction | None
"""A cell of a table; None is left empty."""
GAP = "  "
_NUMBER = re.compile(r"=|[-+]?[0-9][0-9,.]*…?(?: %)?")


def format_cell(cell: Cell) -> str:
    """A cell for a reader: whole numbers with thousands separators."""
    if cell is None:
        return ""
    if isinstance(cell, int) and not isinstance(cell, bool):
        return f"{cell:,}"
    return visible(str(cell))


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


def optional_size(shape: Sequence[int] | None) -> str:
    """The same of a tensor that may be missing, or be a number."""
    return "" if shape is None else size(shape) or "number"


def places(shapes: Sequence[Sequence[int]]) -> str:
    """The shapes of one or several tensors."""
    return ", ".join([size(shape) for shape in shapes])


# Tables that stand in files.


def _is_number(cell: Cell) -> bool:
    return isinstance(cell, (int, float, Fraction)) and not isinstance(cell, bool)


def render_markdown(headers: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """A table in GitHub's Markdown, padded to read well as text; columns of numbers are set right."""

    def escaped(text: str) -> str:
        for char in "\\|<":
            text = text.replace(char, "\\" + char)
        return text

    body = [tuple(row) for row in rows]
    right = [
        any(row[i] is not None for row in body) and all(row[i] is None or _is_number(row[i]) for row in body)
        for i in range(len(headers))
    ]
    texts = [[escaped(format_cell(cell)) for cell in row] for row in [tuple(headers), *body]]
    widths = [max(3, *(len(row[i]) for row in texts)) for i in range(len(headers))]

    def line(cells: Sequence[str]) -> str:
        padded = (c.rjust(w) if r else c.ljust(w) for c, w, r in zip(cells, widths, right, strict=True))
        return "| " + " | ".join(padded) + " |\n"

    rule = ["-" * (w - 1) + ":" if r else "-" * w for w, r in zip(widths, right, strict=True)]
    return "".join([line(texts[0]), line(rule), *map(line, texts[1:])])


def render_csv(headers: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """The table as CSV: plain numbers, an empty field for None, lines end in a line feed."""
    import csv  # few outputs need it
    import io

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(headers)
    writer.writerows(rows)
    return out.getvalue()
