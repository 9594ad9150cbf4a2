"""The stages of a network as a table: runs of equal blocks are rows, settings that differ are columns."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from fractions import Fraction
from typing import Any, TypeAlias

from archdsl.lifting.units import Piece
from archdsl.lifting.words import value_text

Row: TypeAlias = "tuple[str, dict[str, Any], int, str | None]"
"""Of a table: the block, its settings, how often it stands there, and what stands before it."""


def stages_of(calls: Sequence[tuple[Piece, str, dict[str, Any]]], library: Collection[str] = ()) -> tuple[str, int]:
    """The stages' text, and how many there are. `calls` are the pieces in order, each with the block that it is and its
    settings. Settings that all rows have alike stand behind the table, where all blocks are of the `library`: they are
    no part of a block's text there."""
    rows: list[Row] = []
    enter: str | None = None
    rules = _ruled([values for piece, _, values in calls if piece.name])
    for at, (piece, name, values) in enumerate(calls):
        plain = {key: value for key, value in values.items() if key not in rules}
        if not piece.name and at + 1 < len(calls) and calls[at + 1][0].name and enter is None:
            following = calls[at + 1][2].get("width")
            given = {k: v for k, v in values.items() if not (k == "width" and v == following)}
            enter = call(name, given)
            continue
        last = rows[-1] if rows else None
        more = enter is None and plain.get("stride", 1) == 1 and piece.name
        if more and last is not None and last[0] == name and _without(last[1]) == _without(plain):
            rows[-1] = (last[0], last[1], last[2] + 1, last[3])
        else:
            rows.append((name, plain, 1, enter))
        enter = None
    same: dict[str, Any] = {}
    if len(rows) > 1 and all(name in library for name, *_ in rows):
        same = _same([values for _, values, _, _ in rows])
    rows = [(name, _without(values, same), depth, before) for name, values, depth, before in rows]
    return _table(rows, {**{name: value_text(value) for name, value in same.items()}, **rules}), len(rows)


def _table(rows: Sequence[Row], rules: dict[str, str]) -> str:
    columns = list(dict.fromkeys(key for _, values, _, _ in rows for key in values))
    entered = any(enter for *_, enter in rows)
    head = ["block", *columns, *(["enter"] if entered else []), "depth"]
    lines = [f"| {' | '.join(head)} |"]
    for name, values, depth, enter in rows:
        cells = [value_text(values[c]) if c in values else "-" for c in columns]
        lines.append(f"| {' | '.join([name, *cells, *([enter or 'none'] if entered else []), str(depth)])} |")
    table = "[\n" + "\n".join([f"    {line}" for line in lines]) + "\n  ]"
    if rules:
        table += " with { " + "  ".join([f"{name}: {text}" for name, text in rules.items()]) + " }"
    return table


def _ruled(units: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Settings of blocks that follow a rule along all of them: a rate that rises evenly from the first to the last."""
    if any("drop" not in values for values in units):
        return {}
    column = [Fraction(values["drop"] or 0) for values in units]
    step = column[1] if len(column) > 2 else Fraction(0)
    if not step or any(value != step * at for at, value in enumerate(column)):
        return {}
    ends = {"(block.count - 1)": step * (len(column) - 1), "block.count": step * len(column)}
    by = min(ends, key=lambda text: ends[text].denominator)
    return {"drop": f"{value_text(ends[by])} * block.index / {by}"}


def _same(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Settings that all rows have, with one value, but for those that a reader looks for in each."""
    return {
        name: value
        for name, value in rows[0].items()
        if name not in ("width", "stride") and all(name in row and row[name] == value for row in rows)
    }


def _without(values: dict[str, Any], names: Collection[str] = ("stride",)) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key not in names}


def call(name: str, values: dict[str, Any]) -> str:
    """A block with settings, as it stands in a model's field."""
    given = [f"{key}: {value_text(value)}" for key, value in values.items()]
    return name + (f"({', '.join(given)})" if given else "")


__all__ = ["call", "stages_of"]
