"""The parts of a network with their counts: the rows of `cost`, `compile` and `check --emit cost`."""

from __future__ import annotations

from collections.abc import Sequence as Many
from typing import Literal

from archdsl.analysis.model import Model
from archdsl.analysis.trace import show_value
from archdsl.analysis.values import Block, Sequence
from archdsl.graph.conventions import Amounts
from archdsl.graph.cost import MEASURES, Cost, Row, group_of, shares_of
from archdsl.graph.shapes import Shape
from archdsl.records import documented

Grouping = Literal["stage", "block", "op", "kind"]
GROUPINGS: tuple[Grouping, ...] = ("stage", "block", "op", "kind")


@documented
class RowReport:
    """A part of the network. The rows of a report add up to its totals."""

    path: str
    """Its module path; by kind, the name of the operation."""
    block: str | None
    """The block that a stage is made of; by op and kind, the operation."""
    depth: int | None
    """The number of blocks of a stage."""
    operations: int
    """The number of primitive operations."""
    outputs: list[list[int]]
    """The shapes of what leaves it, as channels, height, width; empty where rows are kinds."""
    flops: int
    params: int
    acts: int
    buffers: int


def rows_of(model: Model, cost: Cost, by: Grouping) -> list[RowReport]:
    """The parts of a network in the order of their first operation."""
    if by == "op":
        return [_row(row.path, row.operation, None, [row], row.outputs) for row in cost.rows]
    if by == "stage" and all(placement.path for placement in cost.network.placements):
        return _stages(model, cost)
    groups: dict[str, list[Row]] = {}
    for row in cost.rows:
        key = row.operation if by == "kind" else group_of(row.path, by)
        groups.setdefault(key, []).append(row)
    found = []
    network = cost.network
    ends = {group_of(path, by): values for path, values in network.ends} if by != "kind" else {}
    for key, rows in groups.items():
        block, depth = (key, None) if by == "kind" else _block_of(model, key, by)
        found.append(_row(key, block, depth, rows, [network.shape(value) for value in ends.get(key, ())]))
    return found


def _stages(model: Model, cost: Cost) -> list[RowReport]:
    """The rows by stage of a network that is a row of blocks: of these it takes the counts, and makes no operation."""
    groups: dict[str, list[tuple[int, Amounts]]] = {}
    ends: dict[str, Many[Shape]] = {}
    for placement, amounts in shares_of(cost):
        key, subgraph = group_of(placement.path, "stage"), placement.subgraph
        if subgraph.size:
            groups.setdefault(key, []).append((subgraph.size, amounts))
        if subgraph.outputs:
            ends[key] = subgraph.shapes
    found = []
    for key, parts in groups.items():
        block, depth = _block_of(model, key, "stage")
        outputs = [[int(extent) for extent in shape] for shape in ends.get(key, ())]
        sums = [int(sum([getattr(amounts, name) for _, amounts in parts])) for name in (*MEASURES, "buffers")]
        found.append(RowReport(key, block, depth, sum([size for size, _ in parts]), outputs, *sums))
    return found


def _row(path: str, block: str | None, depth: int | None, rows: list[Row], shapes: Many[Shape]) -> RowReport:
    outputs = [[int(extent) for extent in shape] for shape in shapes]
    sums = [int(sum([getattr(row, name) for row in rows])) for name in (*MEASURES, "buffers")]
    return RowReport(path, block, depth, len(rows), outputs, *sums)


def _block_of(model: Model, key: str, by: str) -> tuple[str | None, int | None]:
    """The block behind a path, and how many of it there are."""
    parts = key.split(".")
    if parts[0] != "stages":
        end = {"stem": model.stem, "head": model.head}.get(parts[0])
        return _name_of(end), None
    stage = model.stages[int(parts[1])]
    if by == "stage":
        return stage.block.name, stage.length
    if parts[2:] == ["enter"]:
        return _name_of(stage.enter), None
    return stage.block.name, None


def _name_of(block: Block | Sequence | None) -> str | None:
    return block.name if isinstance(block, Block) else None if block is None else show_value(block)
