"""Figures of comparisons: the differences of populations, and what so many members could have shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from archdsl.backends.summary import plain
from archdsl.plots.figures import MAX_SERIES, Axis, Figure, Panel, Series, number
from archdsl.plots.populations import band, few
from archdsl.records import documented

MAX_NAME = 18
"""Characters of a population where two are named on an axis."""
HALF = 0.32
"""Half the height of a band, of the distance of two names."""


@documented
class DifferenceRow:
    """A difference of the mean errors of two populations."""

    first: str
    """Its label."""
    second: str
    what: Literal["seen", "detectable", "power"]
    """`seen`: between these members. The others are true differences: the one that so many members find as often as
    was asked for, and those of the power function."""
    difference: float
    """First less second; of a true one the amount."""
    low: float | None
    """The ends of the interval of the difference that was seen."""
    high: float | None
    power: float | None
    """How often so many members find this true difference."""


def compare_figure(rows: Sequence[DifferenceRow], power: float, notes: Sequence[str]) -> Figure:
    """The differences of each pair with their intervals, above how often so many members find a true difference."""
    pairs = list(dict.fromkeys([(row.first, row.second) for row in rows]))
    few(dict.fromkeys([f"{place}" for place in range(len(pairs))]), MAX_SERIES, "pairs")
    names = [f"{plain(first, MAX_NAME)} less {plain(second, MAX_NAME)}" for first, second in pairs]
    seen: list[Series] = []
    found: list[Series] = []
    for style, pair in enumerate(pairs):
        mine = [row for row in rows if (row.first, row.second) == pair]
        said = f"{pair[0]} less {pair[1]}"
        place = float(len(pairs) - 1 - style)
        edge = next(row.difference for row in mine if row.what == "detectable")
        sides = [[(end, place - HALF), (end, place + HALF)] for end in (-edge, edge)]
        words = f"{said}: {number(edge)} either way are found in {100 * power:.4g} % of cases"
        seen.append(band(f"compare-band-{style}", style, sides[0], sides[1], words))
        for row in mine:
            if row.what == "seen" and row.low is not None and row.high is not None:
                ends = ((row.low, place), (row.high, place))
                text = f"{said}: {number(row.difference)}, from {number(row.low)} to {number(row.high)}"
                seen.append(Series(f"compare-interval-{style}", "", "line", style, ends))
                seen.append(Series(f"compare-{style}", "", "marks", style, ((row.difference, place),), (text,)))
        points = tuple([(row.difference, row.power or 0.0) for row in mine if row.what == "power"])
        found.append(Series(f"compare-power-{style}", names[style], "line", style, points))
        text = f"{said}: {number(edge)} is found in {100 * power:.4g} % of cases"
        found.append(Series(f"compare-detectable-{style}", "", "marks", style, ((edge, power),), (text,)))
    seen.append(Series("compare-none", "", "guide", 0, ((0.0, -HALF), (0.0, len(pairs) - 1 + HALF))))
    y = Axis("", names=tuple(reversed(names)), free=True)
    panels = (
        Panel("", Axis("difference of mean errors", free=True), y, tuple(seen)),
        Panel("", Axis("true difference of mean errors"), Axis("share of cases that find it"), tuple(found)),
    )
    return Figure(
        f"Differences between {', '.join(dict.fromkeys([n for p in pairs for n in p]))}", panels, 1, tuple(notes)
    )
