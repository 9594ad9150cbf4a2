"""The powers of a factor by which dimensions and counts grow, for `archdsl cost --formulas --scale 'NAME(s)'`."""

from __future__ import annotations

from typing import Any

from archdsl.analysis.changes import Symbolic
from archdsl.analysis.model import Model
from archdsl.graph.conventions import Convention
from archdsl.graph.cost import MEASURES
from archdsl.records import documented
from archdsl.views.tables import render_markdown, table


@documented
class GrownReport:
    """A number of the model that the scaling has a line for."""

    path: str
    exponent: str
    """Of the factor: `(1 - a)/2`; 0 for a number that stays."""


@documented
class PowersReport:
    """The exponents of the factor for the counts of a stage, or of all."""

    path: str
    flops: str
    params: str
    acts: str


@documented
class PieceReport:
    """Leading exponents, and for which values of the other names they hold."""

    where: str
    """`0 < a < 1`; empty where they hold for all."""
    dimensions: list[GrownReport]
    stages: list[PowersReport]
    total: PowersReport
    conditions: list[str]
    """Conditions of the closed forms that a large factor breaks: the exponents are those while they hold."""


@documented
class LeadingReport:
    """By which powers of its factor a scaling multiplies dimensions and counts; the factor grows without bound."""

    scaling: str
    factor: str
    parameters: list[str]
    """The other names in the scaling."""
    pieces: list[PieceReport]


def leading_report(model: Model, scaling: Symbolic, convention: Convention) -> LeadingReport:
    """The leading exponents by a convention. Raises `Fault` or `AlreadyReported` where there are none."""
    from archdsl.closed_forms import exponent_text, leading_exponents

    found = leading_exponents(model, scaling.text, scaling.call, scaling.environment, scaling.names, convention)
    pieces = []
    for piece in found.pieces:
        *stages, total = [
            PowersReport(each.name, *[exponent_text(getattr(each, measure)) for measure in MEASURES])
            for each in (*piece.stages, piece.total)
        ]
        grown = [GrownReport(path, exponent_text(exponent)) for path, exponent in piece.dimensions]
        pieces.append(PieceReport(piece.where, grown, stages, total, list(piece.conditions)))
    return LeadingReport(found.scaling, found.factor, list(found.parameters), pieces)


def leading_text(found: LeadingReport, *, markdown: bool) -> str:
    """A table for each piece: what grows by which power of the factor, by stage and in all."""
    parts = [f"scaled by {found.scaling}: powers of {found.factor}, which grows without bound; roundings drop out\n"]
    for piece in found.pieces:
        if piece.where:
            parts.append(f"where {piece.where}\n")
        parts.append(_table(piece, found.factor, markdown=markdown))
        if piece.conditions:
            lines = [f"  {condition}\n" for condition in piece.conditions]
            parts.append("as long as\n" + "".join(lines))
    return "\n".join(parts)


def _table(piece: PieceReport, factor: str, *, markdown: bool) -> str:
    """Rows are the input, the stages and the whole; columns the numbers that the scaling changes, and the counts."""
    grown: dict[str, dict[str, str]] = {}
    for each in piece.dimensions:
        place, _, name = each.path.rpartition(".")
        row, name = (place, "resolution") if place == "input" else (place.split(".blocks.")[0], name)
        cell = _power(factor, each.exponent)
        before = grown.setdefault(row, {}).setdefault(name, cell)
        grown[row][name] = before if before in (cell, "…") else "…"
    names = list(dict.fromkeys(name for cells in grown.values() for name in cells))
    counts = {each.path: each for each in (*piece.stages, piece.total)}
    rows: list[list[Any]] = []
    for path in [*[row for row in grown if row not in counts], *counts]:
        count = counts.get(path)
        powers = [_power(factor, getattr(count, measure)) if count else "" for measure in MEASURES]
        rows.append([path, *[grown.get(path, {}).get(name, "") for name in names], *powers])
    headers = ["", *names, *MEASURES]
    return render_markdown(headers, rows) if markdown else table(headers, rows, totals=True)


def _power(factor: str, exponent: str) -> str:
    """`1`, `s`, `s^2`, `s^((1 - a)/2)`"""
    if exponent in ("0", "1"):
        return "1" if exponent == "0" else factor
    return f"{factor}^{exponent}" if exponent.isalnum() else f"{factor}^({exponent})"
