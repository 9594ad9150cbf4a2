"""Tables of scalings: the printed powers of s beside the exact ones, and what the scalings make of whole networks."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from archdsl.closed_forms import Leading, exponent_text, same_exponent
from archdsl.compiler import Changes, Compiled
from archdsl.graph.cost import MEASURES, count
from archdsl.papers.data import Cell, Row, Table
from archdsl.papers.figures import Agreement, Figure, Ratio
from archdsl.papers.networks import Networks
from archdsl.papers.stages import part_of


def powers(table: Table, row: Row, networks: Networks) -> list[Figure]:
    """The printed powers of s by which dimensions and counts grow, and the exact ones of the table's base."""
    base = table.base
    if base is None:
        return [Figure(c.name, row.cells[c.name].printed, None, None, None, "missing") for c in table.columns]
    before = networks.make(base.program, base.model, Changes(base.settings))
    after, leading = before, None
    if row.scaling is not None and before is not None:
        by_factor = Changes(base.settings, (row.scaling.format(s=_text(base.factor)),))
        after = None if _is_general(row) else networks.make(base.program, base.model, by_factor)
        leading = networks.leading(before, row.scaling.format(s="s"))
    figures = []
    for column in table.columns:
        cell = row.cells[column.name]
        if (cell.exponent is None and cell.formula is None) or not column.reads:
            figures.append(Figure(column.name, cell.printed, None, None, None, "not compared"))
            continue
        old, new = (_size(each, base.part, column.reads[0]) for each in (before, after))
        if before is None or (row.scaling is not None and (leading is None or len(leading.pieces) != 1)):
            figures.append(Figure(column.name, cell.printed, None, None, None, "missing"))
            continue
        exponent = _exponent(leading, base.part, column.reads[0]) * column.times.numerator / column.times.denominator
        same = _is_printed(exponent, cell, leading)
        ours = _power(column.form, exponent_text(exponent))
        shown = (new, old) if new is not None else (None, None)
        agreement: Agreement = "same" if same else "unexplained"
        figures.append(Figure(column.name, cell.printed, ours, shown[0], None, agreement, base=shown[1]))
    return figures


def _is_general(row: Row) -> bool:
    """Whether a row is for every number of another name."""
    return any(cell.formula is not None for cell in row.cells.values())


def _exponent(leading: Leading | None, part: str, what: str) -> Any:
    """The exponent of s for a dimension or a count of a part of a model; 0 for what no line changes."""
    import sympy  # type: ignore[import-untyped]

    if leading is None:
        return sympy.Integer(0)
    [piece] = leading.pieces
    if what in MEASURES:
        return next((getattr(stage, what) for stage in piece.stages if stage.name == part), sympy.Integer(0))
    path = "input.height" if what == "resolution" else f"{part}.{what}"
    return dict(piece.dimensions).get(path, sympy.Integer(0))


def _is_printed(exponent: Any, cell: Cell, leading: Leading | None) -> bool:
    """Whether an exponent is the printed one: equal, or equal when it is rounded to the printed digits."""
    if cell.formula is not None:
        return same_exponent(exponent, cell.formula, leading.parameters if leading is not None else ())
    if cell.exponent is None or not exponent.is_Rational:
        return False
    exact = Fraction(int(exponent.p), int(exponent.q))
    return exact == cell.exponent or (cell.digits is not None and round(exact, cell.digits) == cell.exponent)


def _power(form: str, exponent: str) -> str:
    """`1`, `s`, `s^(1/2)`; the exponent itself where the column prints that."""
    if "^" not in form:
        return form.format(exponent)
    if exponent in ("0", "1"):
        return "1" if exponent == "0" else form.partition("^")[0]
    return form.format(exponent if exponent.isalnum() else f"({exponent})")


def _size(found: Compiled | None, part: str, what: str) -> int | None:
    """A dimension or a count of a part of a model."""
    if found is None:
        return None
    if what in MEASURES:
        counts = {group.key: int(getattr(group, what)) for group in count(found.network).by("stage")}
        return counts.get(part)
    if what == "resolution":
        return int(found.network.input[1])
    settings = part_of(found, part)
    return int(settings[what]) if settings is not None and settings.get(what, "").isdecimal() else None


def ratios(table: Table, networks: Networks) -> list[Ratio]:
    """What the table's scalings make of whole networks."""
    found: list[Ratio] = []
    if table.measured is None:
        return found
    factor = table.measured.factor
    for row in table.rows:
        if row.scaling is None or _is_general(row):
            continue
        for name in table.measured.networks:
            pair = networks.find(name), networks.find(name, Changes(scalings=(row.scaling.format(s=_text(factor)),)))
            costs = [count(each.network) for each in pair if each is not None]
            for column in table.columns:
                exponent = row.cells[column.name].exponent
                if len(costs) < len(pair) or exponent is None or column.reads[0] not in MEASURES:
                    continue
                old, new = (int(getattr(cost, column.reads[0])) for cost in costs)
                formula = f"{float(factor) ** float(exponent):.2f}"
                found.append(
                    Ratio(row.name, name, _text(factor), column.name, formula, f"{new / old:.2f}", base=old, scaled=new)
                )
    return found


def _text(number: Fraction) -> str:
    return str(number)
