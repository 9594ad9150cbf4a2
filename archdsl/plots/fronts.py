"""Figures of fronts: members by a cost and their error, and those that no other is better than."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from archdsl.plots.figures import MAX_SERIES, Axis, Figure, Panel, Series, number
from archdsl.plots.populations import MAX_PANELS, Points, axis_of, few, side_by_side
from archdsl.records import documented


@documented
class FrontRow:
    """A member in a picture of a cost and the error."""

    population: str
    column: str
    """The cost."""
    row: int
    """Of the table; the first of the member's rows."""
    value: float
    error: float
    front: bool
    """Whether no other member has at most this cost and this error, and less of one."""


def front_figure(rows: Mapping[str, Sequence[FrontRow]], columns: Sequence[str], notes: Sequence[str]) -> Figure:
    """Members by a cost and their error, a panel for each cost, with a line below which there is no member."""
    few(rows, MAX_SERIES, "populations")
    few(dict.fromkeys(columns), MAX_PANELS, "columns")
    panels = []
    for place, column in enumerate(columns):
        mine = {label: [row for row in found if row.column == column] for label, found in rows.items()}
        every = [row for found in mine.values() for row in found]
        x, unit = axis_of(column, [row.value for row in every], log=True)
        last = max([row.value for row in every])
        series: list[Series] = []
        for style, (label, found) in enumerate(mine.items()):
            parts = [[row for row in found if row.front is front] for front in (False, True)]
            forms: tuple[tuple[Literal["scatter", "marks"], str], ...] = (("scatter", ""), ("marks", label))
            for (form, named), part in zip(forms, parts, strict=True):
                words = [f"{label}, row {r.row}: {column} {number(r.value)}, error {number(r.error)}" for r in part]
                dots = tuple([(row.value / unit, row.error) for row in part])
                series.append(Series(f"front-{form}-{place}-{style}", named, form, style, dots, tuple(words)))
            series.append(Series(f"front-{place}-{style}", "", "line", style, _stairs(parts[1], last, unit)))
        panels.append(Panel("", x, Axis("error" if place % 2 == 0 else "", free=True), tuple(series)))
    return side_by_side(f"Error against cost in {', '.join(rows)}", panels, notes)


def _stairs(front: Sequence[FrontRow], last: float, unit: float) -> Points:
    """The least error of members up to a cost, which falls at those of the front."""
    found: list[tuple[float, float]] = []
    for row in sorted(front, key=lambda row: row.value):
        found += [(row.value / unit, found[-1][1])] if found else []
        found.append((row.value / unit, row.error))
    return (*found, (last / unit, found[-1][1])) if found else ()
