"""Tables of a network's stem, stages and head: the printed settings beside those of the resolved model.

A part is `stem`, `head`, `stages.2`, several stages that are printed as one, `stages.2..4`, or one of a stage's blocks,
`stages.2.1`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from archdsl.analysis.trace import show_value
from archdsl.analysis.values import Block, Sequence, Setting
from archdsl.compiler import Compiled
from archdsl.papers.data import Cell, Column, Row, Table
from archdsl.papers.figures import Agreement, Figure

_STAGES = re.compile(r"stages\.(?P<first>\d+)(?:\.\.(?P<last>\d+)|\.(?P<block>\d+))?")


def settings(table: Table, row: Row, found: Compiled | None) -> list[Figure]:
    """The printed settings of a part of the network, and those of the resolved model. What differs is explained where a
    note of the network names the column and the table."""
    part = part_of(found, row.part or "") if found is not None else None
    figures = []
    for column in table.columns:
        cell = row.cells[column.name]
        if part is None or found is None:
            figures.append(Figure(column.name, cell.printed, None, None, None, "missing"))
        elif cell.reads == ():
            figures.append(Figure(column.name, cell.printed, None, None, None, "not compared"))
        else:
            figures.append(_figure(table, column, cell, part, found))
    return figures


def _figure(table: Table, column: Column, cell: Cell, part: Mapping[str, str], found: Compiled) -> Figure:
    reads = column.reads if cell.reads is None else cell.reads
    known = [name for name in reads if name in part]
    texts = [part[name] if len(reads) == 1 or name == "block" else f"{name} {part[name]}" for name in known]
    ours = ", ".join(texts) or "-"
    computed = int(ours) if ours.isdecimal() else None
    if ours == (cell.means or cell.printed):
        return Figure(column.name, cell.printed, ours, computed, None, "same")
    words = (rf"\b{re.escape(column.name)}", rf"\b{re.escape(table.name.partition(' (')[0].lower())}\b")
    said = [str(setting.value) for setting in found.model.provenance.values()]
    note = next((each for each in said if all(re.search(word, each) for word in words)), None)
    agreement: Agreement = "unexplained" if note is None else "explained"
    return Figure(column.name, cell.printed, ours, computed, None, agreement, note=note)


def part_of(found: Compiled, path: str) -> dict[str, str] | None:
    """Block, depth, settings and input of a part; a stem and a head are one block. None where there is no such part."""
    shapes = {placement.path: placement.subgraph.input_shapes[0] for placement in found.network.placements}
    if path in ("stem", "head"):
        end = {"stem": found.model.stem, "head": found.model.head}[path]
        if end is None:
            return None
        texts = {name: show_value(setting.value) for name, setting in _given(end).items()}
        return {"depth": "1", **texts, "block": show_value(end), **_input(shapes.get(path))}
    named = _STAGES.fullmatch(path)
    if named is None:
        return None
    first = int(named["first"])
    stages = range(first, int(named["last"] or first) + 1)
    if not stages or stages[-1] >= len(found.model.stages):
        return None
    if named["block"] is not None:
        return _block(found, first, int(named["block"]))
    texts = _in_common([_stage(found, index) for index in stages])
    texts["depth"] = str(sum([int(show_value(found.model.stages[index].depth.value)) for index in stages]))
    return {**texts, **_input(shapes.get(f"stages.{first}.blocks.0"))}


def _stage(found: Compiled, index: int) -> dict[str, str]:
    stage = found.model.stages[index]
    texts = {name: show_value(setting.value) for name, setting in found.settings[index][0].items()}
    return {**texts, "depth": show_value(stage.depth.value), "block": stage.block.name}


def _in_common(parts: list[dict[str, str]]) -> dict[str, str]:
    """What several stages have alike; the stride is the first one's."""
    first = parts[0]
    alike = {name: text for name, text in first.items() if all(each.get(name) == text for each in parts)}
    return {**alike, **{name: text for name, text in first.items() if name == "stride"}}


def _block(found: Compiled, stage: int, index: int) -> dict[str, str] | None:
    """A block of a stage; its stride is what the sizes of its maps say."""
    blocks = found.settings[stage]  # one where all are alike
    path = f"stages.{stage}.blocks.{index}"
    placed = next((each.subgraph for each in found.network.placements if each.path == path), None)
    if placed is None:
        return None
    texts = {name: show_value(setting.value) for name, setting in blocks[index if len(blocks) > 1 else 0].items()}
    before, after = placed.input_shapes[0], placed.shapes[0]
    stride = str(int(before[1]) // int(after[1]))
    name = found.model.stages[stage].block.name
    return {**texts, "stride": stride, "depth": "1", "block": name, **_input(before)}


def _input(shape: tuple[int, ...] | None) -> dict[str, str]:
    """`112^2 x 32`: height and width, which are equal, and channels."""
    if shape is None or len(shape) != 3 or shape[1] != shape[2]:
        return {}
    return {"input": f"{shape[1]}^2 x {shape[0]}"}


def _given(end: Block | Sequence) -> Mapping[str, Setting]:
    if isinstance(end, Block):
        return end.settings
    return {name: setting for _, step in end.steps for name, setting in _given(step).items()}
