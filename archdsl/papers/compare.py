"""A printed table with the compiler's figures beside it.

What enters is a table's data and the networks; what leaves is a `TableReport`. A figure agrees if the exact count,
rounded half up to the printed digits, is the printed one, in a convention of the paper. Else the network's claims say
in which convention, at which size of image, or that the figure is cut off; else its notes say why it differs; else it
is a fault of ours.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from archdsl.analysis.answers import value_in
from archdsl.analysis.evaluate import literal
from archdsl.analysis.program import walk
from archdsl.analysis.trace import show_value
from archdsl.analysis.values import Setting
from archdsl.analysis.verify import printed, rounded
from archdsl.compiler import Changes, Compiled
from archdsl.graph.cost import count
from archdsl.graph.network import Network
from archdsl.papers.data import Column, Paper, Row, Table
from archdsl.papers.figures import Agreement, Figure, PaperRow, Ratio, TableReport, TrainingCost
from archdsl.papers.networks import Networks
from archdsl.papers.recipes import recipe_figures, recipe_told, training_cost
from archdsl.papers.scalings import powers, ratios
from archdsl.papers.stages import part_of, settings
from archdsl.spaces.check import rounded_quotient
from archdsl.spaces.space import SpaceClaim
from archdsl.syntax import ast

_NONE = Changes()


def compare(
    paper: Paper, table: Table, networks: Networks, done: Callable[[int, int], None] | None = None
) -> TableReport:
    """The table's report. `done` is told how many rows there are, with those of training below, and how many of them
    are through."""
    rows, costs = [], []
    total = len(table.rows) + len(table.trained)
    for number, row in enumerate(table.rows):
        if done is not None:
            done(number, total)
        rows.append(_row(paper, table, row, networks))
    for number, trained in enumerate(table.trained, len(table.rows)):
        if done is not None:
            done(number, total)
        costs.append(training_cost(table, trained, networks))
    return _report(paper, table, rows, ratios(table, networks), costs)


def listed(paper: Paper, table: Table) -> TableReport:
    """The table without its rows."""
    return _report(paper, table, [], [], [])


def _report(
    paper: Paper, table: Table, rows: list[PaperRow], grown: list[Ratio], training: list[TrainingCost]
) -> TableReport:
    return TableReport(
        paper.key,
        paper.title,
        paper.authors,
        paper.published,
        table.id,
        table.name,
        table.about,
        table.kind,
        table.model,
        list(paper.conventions),
        len(table.rows),
        sum([_is_compared(row) for row in table.rows]),
        rows,
        grown,
        {key: paper.headings[key] for key in table.reported},
        table.note,
        table.without_network,
        training,
    )


def _is_compared(row: Row) -> bool:
    ours = (row.model, row.variant, row.part, row.space, row.setting, row.recipe)
    powers_ = any(cell.exponent is not None or cell.formula is not None for cell in row.cells.values())
    return powers_ or any(each is not None for each in ours)


def _row(paper: Paper, table: Table, row: Row, networks: Networks) -> PaperRow:
    structure: list[Figure] = []
    figures: list[Figure] = []
    match table.kind:
        case "networks" | "reported":
            network = _of_row(table, row, networks)
            figures = [_measured(paper, row, measure, network, networks) for measure in row.figures]
            structure = _structure(paper, table, row, network, networks)
        case "stages":
            figures = settings(table, row, networks.find(table.model) if table.model is not None else None)
        case "spaces":
            figures = _sizes(table, row, networks)
        case "recipes":
            figures = recipe_figures(table, row, networks)
        case "scaling":
            figures = powers(table, row, networks)
    scaling = row.scaling.format(s="s") if row.scaling is not None else None
    space = row.space[1] if row.space is not None else None
    reported = dict(row.reported)
    return PaperRow(
        row.name,
        row.model,
        row.input,
        row.part,
        scaling,
        figures,
        structure,
        reported,
        row.note,
        space,
        row.recipe,
    )


def _of_row(table: Table, row: Row, networks: Networks) -> Compiled | None:
    """The network of a row, or of what the table's program has in its place."""
    if row.variant is not None:
        return networks.make(table.program, row.variant, _NONE)
    return networks.find(row.model) if row.model is not None else None


def _structure(paper: Paper, table: Table, row: Row, found: Compiled | None, networks: Networks) -> list[Figure]:
    """What is ours alone: columns of the resolved model or recipe, and counts that the paper does not print."""
    if row.recipe is not None:
        return [recipe_told(table, column, row.recipe, networks) for column in table.structure]
    if row.model is None and row.variant is None:
        return []
    told = [_told(column, found) for column in table.structure]
    network = _at(row, found.network, networks) if found is not None else None
    usual = paper.conventions[0]
    for measure in table.counted:
        if network is None:
            told.append(Figure(measure, None, None, None, None, "missing"))
        else:
            amount = int(getattr(count(network, usual), measure))
            told.append(Figure(measure, None, f"{amount:,}", amount, usual, "not printed"))
    return told


# Networks


def _measured(paper: Paper, row: Row, measure: str, found: Compiled | None, networks: Networks) -> Figure:
    """A printed count, and ours."""
    text = row.figures[measure]
    without = row.model is None and row.variant is None
    figure = Figure(measure, text, None, None, None, "no network" if without else "missing")
    if found is None:
        return figure
    if row.model is None:
        return _guessed(paper, figure, found)
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


def _guessed(paper: Paper, figure: Figure, found: Compiled) -> Figure:
    """A count of what stands for a network that the paper does not define; where a mean is printed, to its digits."""
    number, spread, _ = (figure.printed or "").partition("±")
    text = f"{number}{(figure.printed or '')[-1]}" if spread else number
    usual = paper.conventions[0]
    amount = int(getattr(count(found.network, usual), figure.column))
    ours = printed(rounded(amount, text, truncated=False), text)
    return replace(figure, ours=ours, computed=amount, convention=usual, agreement="guess")


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
    if column.part is not None:
        part = part_of(found, column.part) or {}
        text = ", ".join([part[name] for name in column.reads if name in part]) or "-"
        return Figure(column.name, None, text, None, None, "not printed")
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
