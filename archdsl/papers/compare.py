"""A printed table with the compiler's figures beside it.

What enters is a table's data and the networks; what leaves is a `TableReport`. A figure agrees if the exact count,
rounded half up to the printed digits, is the printed one, in a convention of the paper. Else the network's claims say
in which convention, at which size of image, or that the figure is cut off; else its notes say why it differs; else it
is a fault of ours.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

from archdsl.analysis.answers import value_in
from archdsl.analysis.evaluate import literal
from archdsl.analysis.program import walk
from archdsl.analysis.trace import show_value
from archdsl.analysis.values import Block, Sequence, Setting
from archdsl.analysis.verify import printed, rounded
from archdsl.closed_forms import Leading, exponent_text, same_exponent
from archdsl.compiler import Changes, Compiled
from archdsl.graph.cost import MEASURES, count
from archdsl.graph.network import Network
from archdsl.papers.data import Cell, Column, Paper, Row, Table
from archdsl.papers.figures import Agreement, Figure, PaperRow, Ratio, TableReport
from archdsl.papers.networks import Networks
from archdsl.spaces.check import rounded_quotient
from archdsl.spaces.space import SpaceClaim
from archdsl.syntax import ast

_NONE = Changes()


def compare(
    paper: Paper, table: Table, networks: Networks, done: Callable[[int, int], None] | None = None
) -> TableReport:
    """The table's report. `done` is told how many rows there are and how many of them are through."""
    rows = []
    for number, row in enumerate(table.rows):
        if done is not None:
            done(number, len(table.rows))
        rows.append(_row(paper, table, row, networks))
    return _report(paper, table, rows, _ratios(table, networks))


def listed(paper: Paper, table: Table) -> TableReport:
    """The table without its rows."""
    return _report(paper, table, [], [])


def _report(paper: Paper, table: Table, rows: list[PaperRow], ratios: list[Ratio]) -> TableReport:
    return TableReport(
        paper.key,
        paper.title,
        paper.authors,
        paper.published,
        table.id,
        table.name,
        table.about,
        table.kind,
        list(paper.conventions),
        len(table.rows),
        sum([_is_compared(row) for row in table.rows]),
        rows,
        ratios,
        {key: paper.headings[key] for key in table.reported},
        table.note,
        table.without_network,
    )


def _is_compared(row: Row) -> bool:
    ours = (row.model, row.part, row.space)
    powers = any(cell.exponent is not None or cell.formula is not None for cell in row.cells.values())
    return powers or any(each is not None for each in ours)


def _row(paper: Paper, table: Table, row: Row, networks: Networks) -> PaperRow:
    structure: list[Figure] = []
    if table.kind == "networks":
        network = networks.find(row.model) if row.model is not None else None
        if row.variant is not None:
            network = networks.make(table.program, row.variant, _NONE)
        figures = [_measured(paper, row, measure, network, networks) for measure in row.figures]
        structure = [_told(column, network) for column in table.structure] if row.model is not None else []
    elif table.kind == "stages":
        network = networks.find(table.model) if table.model is not None else None
        figures = _settings(table, row, network)
    elif table.kind == "spaces":
        figures = _sizes(table, row, networks)
    else:
        figures = _powers(table, row, networks)
    scaling = row.scaling.format(s="s") if row.scaling is not None else None
    space = row.space[1] if row.space is not None else None
    reported = dict(row.reported)
    return PaperRow(row.name, row.model, row.input, row.part, scaling, figures, structure, reported, row.note, space)


# Networks


def _measured(paper: Paper, row: Row, measure: str, found: Compiled | None, networks: Networks) -> Figure:
    """A printed count, and ours."""
    text = row.figures[measure]
    figure = Figure(measure, text, None, None, None, "no network" if row.model is None else "missing")
    if found is None:
        return figure
    of_it = [v for v in found.verdicts if v.holds and (v.claim.measure, v.claim.literal) == (measure, text)]
    claims = [v for v in of_it if v.input[1] == row.input]
    elsewhere = [v for v in of_it if v.claim.at is not None and v.input[1] != row.input]
    for v in claims:
        if v.convention in paper.conventions and not v.claim.truncated:
            return replace(figure, ours=text, computed=v.computed, convention=v.convention, agreement="same")
    network = _at(row, found.network, networks)
    if network is None:  # it has none of this size
        return figure
    counts = {name: int(getattr(count(network, name), measure)) for name in paper.conventions}
    for name, amount in counts.items():
        if rounded(amount, text, truncated=False) == literal(text):
            return replace(figure, ours=text, computed=amount, convention=name, agreement="same")
    usual = paper.conventions[0]
    ours = printed(rounded(counts[usual], text, truncated=False), text)
    figure = replace(figure, ours=ours, computed=counts[usual], convention=usual, agreement="unexplained")
    if claims:
        claim = claims[0].claim
        return replace(
            figure,
            agreement="truncated" if claim.truncated else "convention",
            agrees_by=claims[0].convention,
            agreed=claims[0].computed,
            truncated=claim.truncated,
            note=claim.note,
        )
    if elsewhere:
        first = elsewhere[0]
        return replace(
            figure,
            agreement="size",
            agrees_by=first.convention,
            agreed=first.computed,
            agrees_at=" x ".join(map(str, first.input[1:])),
            truncated=first.claim.truncated,
            note=first.claim.note,
        )
    quoted = re.compile(rf"(?<![\d.]){re.escape(text)}(?!\w)")
    note = next((note for note in _notes(found, measure) if quoted.search(note)), None)
    return replace(figure, agreement="explained", note=note) if note is not None else figure


def _at(row: Row, own: Network, networks: Networks) -> Network | None:
    """The row's network at the size of its images."""
    if row.model is None or row.input is None or row.input == own.input[1]:
        return own
    found = networks.find(row.model, Changes(input=f"{row.input}x{row.input}"))
    return found.network if found is not None else None


def _notes(found: Compiled, measure: str) -> Iterator[str]:
    """What a network says of its figures: of this measure first, then of others, then of its source."""
    claims = [claim for claim in found.model.claims if claim.note]
    for claim in sorted(claims, key=lambda claim: claim.measure != measure):
        yield str(claim.note)
    yield from [str(setting.value) for setting in found.model.provenance.values()]


def _told(column: Column, found: Compiled | None) -> Figure:
    """A column of the resolved model: one value where all stages agree, else one a stage."""
    if found is None:
        return Figure(column.name, None, None, None, None, "missing")
    values = []
    for stage, blocks in zip(found.model.stages, found.settings, strict=True):
        settings = {**blocks[0], "depth": stage.depth}
        values += [_value(settings.get(name), column) for name in column.reads]
    text = values[0] if len(set(values)) == 1 else f"[{', '.join(values)}]"
    return Figure(column.name, None, text, None, None, "not printed")


def _value(setting: Setting | None, column: Column) -> str:
    if setting is None:
        return "-"
    asked = setting.requested or setting
    if column.argument is None:
        return show_value(asked.value if column.requested else setting.value)
    if asked.origin is not None:
        for node in walk(asked.origin.expression):
            if isinstance(node, ast.Argument) and node.name is not None and node.name.text == column.argument:
                return show_value(value_in(node.value, asked.origin.environment))
    return "-"


# Stages


def _settings(table: Table, row: Row, found: Compiled | None) -> list[Figure]:
    """The printed settings of a part of the network, and those of the resolved model."""
    part = _part(found, row.part or "") if found is not None else None
    figures = []
    for column in table.columns:
        cell = row.cells[column.name]
        if part is None:
            figures.append(Figure(column.name, cell.printed, None, None, None, "missing"))
            continue
        known = [name for name in column.reads if name in part]
        texts = [part[name] if len(column.reads) == 1 or name == "block" else f"{name} {part[name]}" for name in known]
        ours = ", ".join(texts) or "-"
        same = ours == (cell.means or cell.printed)
        computed = int(ours) if ours.isdecimal() else None
        figures.append(Figure(column.name, cell.printed, ours, computed, None, "same" if same else "unexplained"))
    return figures


def _part(found: Compiled, path: str) -> dict[str, str] | None:
    """Block, depth and settings of a stem, a stage or a head; a stem and a head are one block."""
    model = found.model
    place, _, index = path.partition(".")
    if place != "stages":
        end = {"stem": model.stem, "head": model.head}.get(place)
        if end is None:
            return None
        return {
            "depth": "1",
            **{name: show_value(s.value) for name, s in _given(end).items()},
            "block": show_value(end),
        }
    if not index.isdecimal() or int(index) >= len(model.stages):
        return None
    stage = model.stages[int(index)]
    settings = found.settings[int(index)][0]
    texts = {name: show_value(setting.value) for name, setting in settings.items()}
    return {**texts, "depth": show_value(stage.depth.value), "block": stage.block.name}


def _given(end: Block | Sequence) -> Mapping[str, Setting]:
    if isinstance(end, Block):
        return end.settings
    return {name: setting for _, step in end.steps for name, setting in _given(step).items()}


# Spaces


def _sizes(table: Table, row: Row, networks: Networks) -> list[Figure]:
    """The printed dimensions and sizes of a space, and ours; a claim says what a printed size is divided by."""
    space = networks.space(*row.space) if row.space is not None else None
    figures = []
    for column in table.columns:
        text = row.cells[column.name].printed
        if space is None:
            figures.append(Figure(column.name, text, None, None, None, "missing"))
            continue
        measure = column.reads[0]
        own = SpaceClaim(measure, text, space.span)
        claim = next((each for each in space.claims if (each.measure, each.literal) == (measure, text)), own)
        amount = space.free_dimensions if measure == "dimensions" else space.settings
        near = rounded_quotient(amount, claim)
        same: Agreement = "same" if near == literal(text) else "unexplained"
        figures.append(Figure(column.name, text, printed(near, text), amount, None, same, note=claim.note))
    return figures


# Scalings


def _powers(table: Table, row: Row, networks: Networks) -> list[Figure]:
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
    settings = _part(found, part)
    return int(settings[what]) if settings is not None and settings.get(what, "").isdecimal() else None


def _ratios(table: Table, networks: Networks) -> list[Ratio]:
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
