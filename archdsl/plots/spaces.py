"""Figures of design spaces: how costs are distributed, what each condition admits, and the widths of some members."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from archdsl.backends.summary import plain
from archdsl.plots.figures import (
    MAX_GROUPS,
    MAX_LABEL,
    MAX_SERIES,
    MAX_SIDES,
    Axis,
    Figure,
    NoFigure,
    Panel,
    Series,
    unit_of,
)
from archdsl.plots.rows import BlockRow
from archdsl.records import documented

DISTRIBUTED = ("flops", "params", "acts", "depth")


@documented
class MemberRow:
    """A member that was drawn."""

    model: str
    """The label of its space in the picture."""
    index: int
    """The number of its draw under the seed."""
    depth: int
    """Blocks."""
    flops: int
    params: int
    acts: int
    hash: str


@documented
class ConditionRow:
    """A condition of a space, and how many settings that reached it met it."""

    model: str
    """The label of the space."""
    condition: str
    passed: int
    of: int
    share: float | None
    """Null where no setting reached it."""
    low: float
    """The ends of the interval of the true share."""
    high: float


def distributions_figure(rows: Mapping[str, Sequence[MemberRow]], notes: Sequence[str], footnote: str) -> Figure:
    """The share of members with at most so many flops, params, acts and blocks."""
    if len(rows) > MAX_SERIES:
        raise NoFigure(f"{len(rows)} spaces are too many for a picture; it holds {MAX_SERIES}")
    panels = []
    for place, measure in enumerate(DISTRIBUTED):
        largest = max([getattr(member, measure) for members in rows.values() for member in members], default=0)
        unit, letter = (1, "blocks") if measure == "depth" else unit_of(largest)
        series = [
            Series(f"distribution-{measure}-{style}", label, "points", style, _steps(members, measure, unit))
            for style, (label, members) in enumerate(rows.items())
        ]
        x, y = Axis(f"{measure} ({letter})" if letter else measure), Axis("share of members" if place % 2 == 0 else "")
        panels.append(Panel("", x, y, tuple(series)))
    return Figure(f"Members of {', '.join(rows)}", tuple(panels), 2, tuple(notes), footnote)


def _steps(members: Sequence[MemberRow], measure: str, unit: int) -> tuple[tuple[float, float], ...]:
    """The distribution function: level between values, and a step at each."""
    values = sorted(float(Fraction(getattr(member, measure), unit)) for member in members)
    count = len(values)
    found: list[tuple[float, float]] = []
    for place, value in enumerate(values):
        found += [(value, place / count), (value, (place + 1) / count)]
    return tuple(found)


def acceptance_figure(rows: Mapping[str, Sequence[ConditionRow]], notes: Sequence[str], footnote: str) -> Figure:
    """What each condition admits of the settings that reach it, as bars."""
    if len(rows) > MAX_SIDES:
        raise NoFigure(f"{len(rows)} spaces are too many for a picture; it holds {MAX_SIDES}")
    names = list(dict.fromkeys([row.condition for conditions in rows.values() for row in conditions]))
    if len(names) > MAX_GROUPS:
        raise NoFigure(f"{len(names)} conditions are too many for a picture; it holds {MAX_GROUPS}")
    series = []
    for style, (label, conditions) in enumerate(rows.items()):
        known = [row for row in conditions if row.share is not None]
        points = [(float(names.index(row.condition)), 100 * row.passed / row.of) for row in known]
        texts = [f"{100 * row.passed / row.of:.3g} %" for row in known]
        series.append(Series(f"acceptance-{style}", label, "bars", style, tuple(points), tuple(texts)))
    axis = Axis("", names=tuple([plain(name, MAX_LABEL) for name in names]))
    panel = Panel("", Axis("met by (% of what reaches it)"), axis, tuple(series))
    return Figure(f"Acceptance of {', '.join(rows)}", (panel,), notes=tuple(notes), footnote=footnote)


def member_widths_figure(
    rows: Mapping[str, Sequence[BlockRow]], title: str, log: bool, notes: Sequence[str], footnote: str
) -> Figure:
    """The widths of the blocks of some members."""
    if len(rows) > MAX_SERIES:
        raise NoFigure(f"{len(rows)} members are too many for a picture; it holds {MAX_SERIES}")
    series = [
        Series(f"widths-{style}", label, "steps", style, tuple([(float(b.index), float(b.width)) for b in blocks]))
        for style, (label, blocks) in enumerate(rows.items())
    ]
    panel = Panel(
        "", Axis("block index j", whole=True), Axis("block width (channels)", 10 if log else 0), tuple(series)
    )
    return Figure(title, (panel,), notes=tuple(notes), footnote=footnote)
