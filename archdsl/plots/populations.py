"""Figures of populations: distribution functions, where the best lie, searches, trends, linear fits and profiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from archdsl.plots.figures import MAX_SERIES, Axis, Figure, NoFigure, Panel, Series, label_of, number, unit_of
from archdsl.records import documented

MAX_PANELS = 12
"""More columns, or populations side by side, are no picture."""


@documented
class EdfRow:
    """A step of a distribution function."""

    population: str
    """Its label."""
    error: float
    share: float
    """Of members with a smaller error."""
    above: float
    """Of members with this error or a smaller one."""
    low: float
    """The ends of the band of the true share of smaller errors."""
    high: float


@documented
class PointRow:
    """A member in a picture of a column and the error."""

    population: str
    column: str
    row: int
    """Of the table; the first of the member's rows."""
    value: float
    error: float
    within: bool
    """Whether the value lies in the range that holds the best."""


@documented
class BestRow:
    """The range of a column that holds the best members."""

    population: str
    column: str
    low: float
    likely: float
    """The median."""
    high: float
    drawn: int
    """How many members are drawn each time."""
    members: int
    without: int
    """Members without a value in this column, which are left out."""


@documented
class CurveRow:
    """The least error of so many members that are drawn at random."""

    population: str
    size: int
    expected: float
    """Its mean."""
    low: float
    """The range of the least error of single draws of so many."""
    high: float


@documented
class TrendPoint:
    """A member in a picture of a trend."""

    population: str
    column: str
    row: int
    x: float
    y: float
    fit: float
    """The fitted y."""


@documented
class EfitRow:
    """The quantized linear rule that fits a member's widths best."""

    population: str
    row: int
    depth: int
    """Blocks."""
    error: float | None
    """The member's; null where the table has none."""
    efit: float
    """The mean of |log(predicted / observed)| of the widths of blocks."""
    w_0: float
    w_a: float
    w_m: float


@documented
class ProfileRow:
    """The widths of the blocks of one index, of a part of the members."""

    population: str
    part: str
    """Which members, by error: `0 to 10 %` are the best."""
    index: int
    """Of the block, from 0."""
    blocks: float
    """How many of the members have such a block; not whole where members on the edge of a part have equal errors."""
    width: float
    """The mean."""
    low: float | None
    """One standard deviation below the mean; null for one block."""
    high: float | None


Points = tuple[tuple[float, float], ...]


def few(rows: Mapping[str, object], most: int, what: str) -> None:
    if len(rows) > most:
        raise NoFigure(f"{len(rows)} {what} are too many for a picture; it holds {most}")


def band(
    key: str, style: int, low: Sequence[tuple[float, float]], high: Sequence[tuple[float, float]], said: str = ""
) -> Series:
    """What lies between two lines; what is said of it where one points at it."""
    return Series(key, "", "band", style, (*low, *reversed(high)), (said,) if said else ())


WIDE = 4
"""An axis whose numbers differ by more than this factor is logarithmic."""


def axis_of(column: str, values: Sequence[float], *, log: bool = False) -> tuple[Axis, float]:
    """The axis of a column, and the unit that its numbers are written in."""
    largest = max([abs(value) for value in values], default=0.0)
    unit, letter = unit_of(int(largest)) if largest >= 1e5 else (1, "")
    wide = log and min(values, default=0.0) > 0 and max(values) > WIDE * min(values)
    return Axis(label_of(f"{column} ({letter})" if letter else column), 10 if wide else 0, free=True), float(unit)


def edf_figure(rows: Mapping[str, Sequence[EdfRow]], legends: Mapping[str, str], notes: Sequence[str]) -> Figure:
    """The share of members with a smaller error, with its band."""
    few(rows, MAX_SERIES, "populations")
    series = []
    last = max([row.error for steps in rows.values() for row in steps], default=0.0)
    for style, (label, steps) in enumerate(rows.items()):
        reach = max([row.high - row.share for row in steps], default=0.0)
        lines: list[list[tuple[float, float]]] = [[], [], []]
        for row in steps:
            for line, shift in zip(lines, (0, -reach, reach), strict=True):
                line += [(row.error, min(1, max(0, each + shift))) for each in (row.share, row.above)]
        ends = [(last, min(1.0, max(0.0, 1 + shift))) for shift in (0, -reach, reach)]
        drawn, low, high = [[*line, end] for line, end in zip(lines, ends, strict=True)]
        series.append(band(f"edf-band-{style}", style, low, high))
        series.append(Series(f"edf-{style}", label_of(legends[label]), "line", style, tuple(drawn)))
    x, y = Axis("error", free=True), Axis("share of members with a smaller error")
    return Figure(f"Errors of {', '.join(rows)}", (Panel("", x, y, tuple(series)),), notes=tuple(notes))


def best_figure(points: Mapping[str, Sequence[PointRow]], ranges: Sequence[BestRow], notes: Sequence[str]) -> Figure:
    """Members by a column and their error, with the range that holds the best and the likely best."""
    few(points, MAX_SERIES, "populations")
    columns = list(dict.fromkeys([row.column for row in ranges]))
    few(dict.fromkeys(columns), MAX_PANELS, "columns")
    errors = [row.error for rows in points.values() for row in rows]
    low, high = min(errors), max(errors)
    panels = []
    for place, column in enumerate(columns):
        mine = {label: [row for row in rows if row.column == column] for label, rows in points.items()}
        x, unit = axis_of(column, [row.value for rows in mine.values() for row in rows])
        series: list[Series] = []
        for style, (label, rows) in enumerate(mine.items()):
            found = next((row for row in ranges if (row.population, row.column) == (label, column)), None)
            if found is None:
                continue
            sides = [[(end / unit, low), (end / unit, high)] for end in (found.low, found.high)]
            said = f"{label}: {number(found.low)} to {number(found.high)}, {number(found.likely)} likely"
            series.append(band(f"best-band-{place}-{style}", style, sides[0], sides[1], said))
            likely = ((found.likely / unit, low), (found.likely / unit, high))
            named = said if len(columns) == 1 else ""
            series.append(Series(f"best-likely-{place}-{style}", named, "line", style, likely))
            words = [f"row {row.row}: {column} {number(row.value)}, error {number(row.error)}" for row in rows]
            dots = tuple([(row.value / unit, row.error) for row in rows])
            texts = tuple([f"{label}, {each}" for each in words])
            series.append(Series(f"best-{place}-{style}", label, "scatter", style, dots, texts))
        y = Axis("error" if place % 2 == 0 else "", free=True)
        panels.append(Panel("", x, y, tuple(series)))
    return side_by_side(f"Best members of {', '.join(points)}", panels, notes)


def side_by_side(title: str, panels: Sequence[Panel], notes: Sequence[str]) -> Figure:
    """Panels in one column or two."""
    return Figure(title, tuple(panels), 1 if len(panels) == 1 else 2, tuple(notes))


def curve_figure(rows: Mapping[str, Sequence[CurveRow]], notes: Sequence[str]) -> Figure:
    """The least error of so many members that are drawn at random, with the range of single draws."""
    few(rows, MAX_SERIES, "populations")
    series = []
    for style, (label, curve) in enumerate(rows.items()):
        low, high = [[(float(row.size), getattr(row, end)) for row in curve] for end in ("low", "high")]
        series.append(band(f"curve-band-{style}", style, low, high))
        points = tuple([(float(row.size), row.expected) for row in curve])
        series.append(Series(f"curve-{style}", label, "points", style, points))
    panel = Panel("", Axis("members drawn", 2), Axis("least error of them", free=True), tuple(series))
    return Figure(f"Random search in {', '.join(rows)}", (panel,), notes=tuple(notes))


def trend_figure(
    rows: Sequence[TrendPoint], x: str, lines: Mapping[tuple[str, str], Points], notes: Sequence[str]
) -> Figure:
    """Members by two columns, on logarithmic axes where they spread, with the fit of each population."""
    labels = list(dict.fromkeys([row.population for row in rows]))
    columns = list(dict.fromkeys([row.column for row in rows]))
    few(dict.fromkeys(labels), MAX_SERIES, "populations")
    few(dict.fromkeys(columns), MAX_PANELS, "columns")
    across, unit = axis_of(x, [row.x for row in rows], log=True)
    panels = []
    for place, column in enumerate(columns):
        y, size = axis_of(column, [row.y for row in rows if row.column == column], log=True)
        series = []
        for style, label in enumerate(labels):
            mine = [row for row in rows if (row.population, row.column) == (label, column)]
            texts = tuple([f"{label}, row {row.row}: {x} {number(row.x)}, {column} {number(row.y)}" for row in mine])
            dots = tuple([(row.x / unit, row.y / size) for row in mine])
            series.append(Series(f"trend-{place}-{style}", label, "scatter", style, dots, texts))
            line = [(a / unit, b / size) for a, b in lines.get((label, column), ()) if b > 0 or not y.log]
            series.append(Series(f"trend-fit-{place}-{style}", "", "line", style, tuple(line)))
        panels.append(Panel("", across, y, tuple(series)))
    # Panels of a row share their vertical axis, and these have none in common: one below the other.
    return Figure(f"Trends of {', '.join(labels)}", tuple(panels), 1, tuple(notes))


def efit_figure(
    rows: Mapping[str, Sequence[EfitRow]], ranges: Mapping[str, tuple[float, float]], notes: Sequence[str]
) -> Figure:
    """Members by the error of their linear fit and their own, a panel for each population."""
    few(rows, MAX_PANELS, "populations")
    errors = [row.error for members in rows.values() for row in members if row.error is not None]
    if not errors:
        raise NoFigure("there are no errors to draw the fits against")
    low, high = min(errors), max(errors)
    panels = []
    for place, (label, members) in enumerate(rows.items()):
        mine = [(row, row.error) for row in members if row.error is not None]
        texts = tuple(
            [f"{label}, row {row.row}: e_fit {number(row.efit)}, error {number(error)}" for row, error in mine]
        )
        series = [Series(f"efit-{place}", "", "scatter", 0, tuple([(row.efit, error) for row, error in mine]), texts)]
        if label in ranges:
            sides = [[(end, low), (end, high)] for end in ranges[label]]
            said = f"{label}: the best have an e_fit of {number(ranges[label][0])} to {number(ranges[label][1])}"
            series.insert(0, band(f"efit-band-{place}", 0, sides[0], sides[1], said))
        panels.append(Panel(label, Axis("e_fit"), Axis("error" if place % 2 == 0 else "", free=True), tuple(series)))
    return side_by_side(f"Linear fits of {', '.join(rows)}", panels, notes)


def profile_figure(rows: Mapping[str, Sequence[ProfileRow]], log: bool, notes: Sequence[str]) -> Figure:
    """The mean widths of the blocks of each part, with one standard deviation, a panel for each population."""
    few(rows, MAX_PANELS, "populations")
    panels = []
    for place, (label, found) in enumerate(rows.items()):
        series = []
        parts = list(dict.fromkeys([row.part for row in found]))
        few(dict.fromkeys(parts), MAX_SERIES, "parts")
        for style, part in enumerate(parts):
            mine = [row for row in found if row.part == part]
            ends: list[list[tuple[float, float]]] = [[], []]
            for row in mine:
                for line, end in zip(ends, (row.low, row.high), strict=True):
                    value = row.width if end is None else end
                    line.append((float(row.index), max(value, 1.0 if log else 0.0)))
            series.append(band(f"profile-band-{place}-{style}", style, ends[0], ends[1]))
            points = tuple([(float(row.index), row.width) for row in mine])
            series.append(Series(f"profile-{place}-{style}", part, "points", style, points))
        y = Axis("block width (channels)" if place % 2 == 0 else "", 10 if log else 0)
        panels.append(Panel(label, Axis("block index j", whole=True), y, tuple(series)))
    return side_by_side(f"Widths of members of {', '.join(rows)}", panels, notes)
