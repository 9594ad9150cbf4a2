"""What a notebook shows of a network and of a population: HTML that needs no script, style sheet or network.

Every text is escaped, and pictures stand on white, since they are drawn for paper.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from archdsl.compiler import Compiled
from archdsl.graph.conventions import Convention
from archdsl.graph.cost import MEASURES, Cost
from archdsl.parts import rows_of
from archdsl.records import dataclass
from archdsl.views.head import counted_as, head_line
from archdsl.views.tables import Cell, format_cell, places

MAX_ROWS, MAX_COLUMNS = 200, 40
"""Of a table; more are counted."""
FIRST = 10
"""Members of a population that are shown."""
_CELL = "padding:.15em .7em;white-space:nowrap;"
_RIGHT = _CELL + "text-align:right;font-variant-numeric:tabular-nums"
_LEFT = _CELL + "text-align:left"


@dataclass(frozen=True)
class StageLine:
    """A stem, a stage or a head, as the tables of a notebook have it."""

    path: str
    block: str
    depth: int | None
    output: str
    """`128 x 56 x 56`"""
    flops: int
    params: int
    acts: int


def stage_lines(result: Compiled, cost: Cost) -> list[StageLine]:
    """The parts of a network in its order; their counts add up to its totals."""
    return [
        StageLine(row.path, row.block or "", row.depth, places(row.outputs), row.flops, row.params, row.acts)
        for row in rows_of(result.model, cost, "stage")
    ]


def network_html(result: Compiled, cost: Cost, picture: str) -> str:
    """A network: its stages with their costs, and below its picture, which folds, an SVG."""
    lines = stage_lines(result, cost)
    headers = ["stage", "block", "depth", "output", *[each for measure in MEASURES for each in (measure, "%")]]
    rows: list[list[Cell]] = [
        [line.path, line.block, line.depth, line.output, *_shares(line, cost)] for line in lines[:MAX_ROWS]
    ]
    total: list[Cell] = ["total", None, None, None]
    for measure in MEASURES:
        total += [int(getattr(cost, measure)), None]
    more = f"<p>and {len(lines) - MAX_ROWS:,} more</p>" if len(lines) > MAX_ROWS else ""
    return (
        f"<div><p><b>{escape(format_cell(head_line(result)))}</b></p>"
        f"{_table(headers, rows, total)}{more}"
        f"<p>{escape(_counted(cost.convention))}</p>"
        f"<details open><summary>picture</summary>"
        f'<div style="background:#fff;overflow-x:auto">{picture[picture.index("<svg") :]}</div></details></div>'
    )


def population_html(title: str, columns: Mapping[str, Any], total: int) -> str:
    """The first members of a population of `total`; columns are lists or arrays of as many."""
    names = list(columns)[:MAX_COLUMNS]
    rows = [[_plain(columns[name][number]) for name in names] for number in range(min(FIRST, total))]
    left = [f"{total - FIRST:,} more members"] if total > FIRST else []
    left += [f"{len(columns) - MAX_COLUMNS:,} more columns"] if len(columns) > MAX_COLUMNS else []
    more = f"<p>and {', '.join(left)}</p>" if left else ""
    return f"<div><p><b>{escape(format_cell(title))}</b></p>{_table(names, rows)}{more}</div>"


def _shares(line: StageLine, cost: Cost) -> list[Cell]:
    found: list[Cell] = []
    for measure in MEASURES:
        part, whole = int(getattr(line, measure)), int(getattr(cost, measure))
        found += [part, f"{100 * part / whole:.1f}" if whole else None]
    return found


def _counted(convention: Convention) -> str:
    return f"flops are {counted_as(convention)}"


def _plain(value: Any) -> Cell:
    found: Cell = value.item() if hasattr(value, "item") else value
    return f"{found:.6g}" if isinstance(found, float) else found if isinstance(found, int | str) else str(found)


def _table(headers: Sequence[str], rows: Sequence[Sequence[Cell]], total: Sequence[Cell] = ()) -> str:
    shown = [*rows, total] if total else rows
    right = [all(_is_number(row[i]) for row in shown) for i in range(len(headers))]
    styles = [_RIGHT if each else _LEFT for each in right]
    head = "".join([f'<th scope="col" style="{s}">{escape(h)}</th>' for h, s in zip(headers, styles, strict=True)])

    def line(cells: Sequence[Cell], tag: str) -> str:
        inner = [f'<{tag} style="{s}">{escape(format_cell(c))}</{tag}>' for c, s in zip(cells, styles, strict=True)]
        return f"<tr>{''.join(inner)}</tr>"

    body = "".join([line(row, "td") for row in rows])
    foot = f"<tfoot>{line(total, 'th')}</tfoot>" if total else ""
    return (
        f'<div style="overflow-x:auto"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody>{foot}</table></div>'
    )


def _is_number(cell: Cell) -> bool:
    return cell is None or isinstance(cell, int) or (isinstance(cell, str) and cell.replace(".", "", 1).isdigit())
