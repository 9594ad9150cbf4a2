"""Members of a space for the page: drawn one by one by the ordinary compiler, and written out as a model."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

from archdsl.analysis.trace import show_value
from archdsl.compiler import Changes, Compiled
from archdsl.diagnostics import Diagnostics
from archdsl.graph.conventions import CONVENTIONS, DEFAULT
from archdsl.spaces.drawn import DrawFault, settings
from archdsl.spaces.member import Member
from archdsl.spaces.opened import Opened, Text
from archdsl.spaces.population import DIGEST, HASH, SPACE, setting_of
from archdsl.spaces.tables import Cell, TableFault, rows_of_text
from archdsl.views.explore.report import MemberPoint, OpenedReport, PopulationReport, TableReport, TableRow
from archdsl.views.explore.request import ExploreRequest, RequestFault
from archdsl.views.head import convention_report
from archdsl.views.show import show_model

MAX_DRAWS = 200
"""Of one answer."""
MAX_ROWS = 5_000
"""Of a table."""
EXACT = 2**53
"""Whole numbers below it are the same in the page."""
MAX_WORK = 3_000_000
"""Evaluation steps of one answer, beyond which no further draw is looked at."""


def population_of(request: ExploreRequest, text: Text, diagnostics: Diagnostics) -> PopulationReport | None:
    """Some draws of a space; none where it is at fault, which is among the diagnostics. Raises `RequestFault`."""
    if not 0 < request.count <= MAX_DRAWS:
        raise RequestFault(f"a population is drawn in pieces of 1 to {MAX_DRAWS}")
    found = text.opened(diagnostics)
    if found is None:
        return None
    members, looked, work = [], 0, 0
    try:
        for setting in settings(found.space, request.seed, request.start, request.count):
            member = found.member(setting)
            if member.valid:
                members.append(_point(request.start + looked, member))
            looked, work = looked + 1, work + member.steps
            if work > MAX_WORK:
                break
    except DrawFault as fault:
        raise RequestFault(str(fault)) from None
    space = found.space
    convention = CONVENTIONS[space.convention or DEFAULT.name]
    return PopulationReport(
        space.name,
        request.seed,
        request.start,
        looked,
        looked - len(members),
        tuple(members),
        None if space.at is None else tuple([int(extent) for extent in space.at]),
        convention_report(convention),
    )


def _point(index: int, member: Member) -> MemberPoint:
    drawn = [draw.name for draw in member.space.draws]
    values = tuple([f"{name}: {show_value(member.values[name])}"[:200] for name in drawn])
    hash_ = member.network.hash if member.network is not None else ""
    return MemberPoint(index, member.setting, values, **member.costs, hash=hash_)


def member_text(request: ExploreRequest, text: Text, diagnostics: Diagnostics) -> OpenedReport | None:
    """A member as a program of its own; none where it has no network. Raises `RequestFault`."""
    found = text.opened(diagnostics)
    if found is None:
        return None
    setting = _of_row(found, request.row) if request.row else request.setting
    _verify(found, setting)
    name = f"{found.space.name}_{request.start}"
    result = found.compiled(setting, name, Changes())
    diagnostics.extend(result.diagnostics)
    if not isinstance(result, Compiled):
        return None
    try:
        return OpenedReport(f"{name}.arch", show_model(result, text.read))
    except ValueError as fault:
        raise RequestFault(str(fault)) from None


def _verify(found: Opened, setting: Sequence[int]) -> None:
    sizes = found.space.sizes
    if len(setting) != len(sizes) or any(not 0 <= number < size for number, size in zip(setting, sizes, strict=True)):
        raise RequestFault(f"that is no setting of `{found.space.name}`")


# Tables


def table_of(request: ExploreRequest) -> TableReport:
    """The rows of a population's table. Raises `RequestFault`."""
    form = request.name.rpartition(".")[2].lower()
    if form not in ("csv", "jsonl"):
        raise RequestFault("a table ends in .csv or .jsonl here")
    rows: list[dict[str, Cell]] = []
    try:
        for row in rows_of_text(request.other, "csv" if form == "csv" else "jsonl"):
            rows.append(row)
            if len(rows) > MAX_ROWS:
                raise RequestFault(f"the table has more than {MAX_ROWS:,} rows")
    except TableFault as fault:
        raise RequestFault(str(fault)) from None
    if not rows:
        raise RequestFault("the table has no rows")
    names = dict.fromkeys([name for row in rows for name in row])
    columns = [name for name in names if _numeric([row.get(name) for row in rows])]
    listed = [
        TableRow(index, tuple([_number(row.get(name)) for name in columns]), json.dumps(row))
        for index, row in enumerate(rows)
    ]
    spaces = dict.fromkeys([str(row.get(SPACE, "")).rpartition(":")[2] for row in rows])
    return TableReport(tuple(columns), tuple(listed), tuple([name for name in spaces if name]))


def _numeric(cells: Sequence[Cell]) -> bool:
    """Whether a column has numbers, and nothing else but gaps."""
    there = [cell for cell in cells if cell is not None]
    return bool(there) and all(_number(cell) is not None for cell in there)


def _number(cell: Cell) -> int | float | None:
    if isinstance(cell, bool) or not isinstance(cell, int | float):
        return None
    return cell if abs(cell) < EXACT or (isinstance(cell, float) and math.isfinite(cell)) else None


def _of_row(found: Opened, text: str) -> tuple[int, ...]:
    """The setting of a row, if the space is as it was when the row was written. Raises `RequestFault`."""
    try:
        row = json.loads(text)
    except (ValueError, RecursionError):
        raise RequestFault("the row is no JSON") from None
    if not isinstance(row, dict) or any(isinstance(cell, dict | list) for cell in row.values()):
        raise RequestFault("the row is none of a table")
    if row.get(DIGEST) != found.digest:
        raise RequestFault(
            f"`{found.space.name}` is not as it was when the table was written, or the row is of another"
        )
    setting = setting_of(found.codings, row)
    if isinstance(setting, str):
        raise RequestFault(setting)
    hash_ = row.get(HASH)
    if hash_ is not None and found.hash_of(setting) != hash_:
        raise RequestFault(f"`{found.space.name}` gives another network than the row's")
    return setting


__all__ = ["MAX_DRAWS", "member_text", "population_of", "table_of"]
