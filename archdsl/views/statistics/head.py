"""How each statistic of populations begins: what was read of which tables, and by what the figures were made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from archdsl import __version__
from archdsl.plots.figures import Figure
from archdsl.records import dataclass, documented
from archdsl.spaces.results import Results
from archdsl.views.tables import Cell, render_csv, table

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@documented
class WithoutReport:
    """Rows that have no result."""

    reason: str
    """As the table gives it."""
    rows: int


@documented
class PopulationHead:
    """What was read of a population."""

    label: str
    path: str
    """As given."""
    rows: int
    """That were looked at: those which meet all conditions."""
    members: int
    """That are counted: those with a result, or all where none is asked for. A member is a draw of the space."""
    results: int
    """Rows with a result; more than members where these were trained several times."""
    without: list[WithoutReport]
    """Rows without a result, which are not counted."""
    lost: int
    """Members of which no row has a result."""
    noise: float | None
    """The standard deviation of results of the same member; null where each has one."""
    repeated: int
    """Rows with the member and the training seed of another row."""


class Group(Protocol):
    """A population that was read."""

    @property
    def results(self) -> Results: ...

    @property
    def path(self) -> str: ...

    def widths(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """The widths of the members' blocks, and how many each has."""


@dataclass(frozen=True)
class Statistic:
    """A statistic of populations, in all its forms."""

    report: Any
    """Which is its JSON; `rows` are those of the CSV."""
    columns: tuple[str, ...]
    text: str
    """For a reader, without what was read."""
    drawn: Sequence[Any]
    """The rows of the picture."""
    drawn_columns: tuple[str, ...]
    figure: Callable[[], Figure]
    title: str

    def csv(self) -> str:
        """A line for each row."""
        return render_csv(
            self.columns, [[_plain(getattr(row, name)) for name in self.columns] for row in self.report.rows]
        )

    def shown(self) -> str:
        """The populations and the figures, for a reader."""
        return f"{heads_text(self.report.populations)}\n{self.text}"


def _plain(value: Any) -> Cell:
    found: Cell = ("true" if value else "false") if isinstance(value, bool) else value
    return found


def head(kind: str, groups: Sequence[Group], error: str | None, level: float, method: str) -> dict[str, Any]:
    """The fields with which each report begins."""
    return {
        "archdsl": __version__,
        "statistic": kind,
        "error": error,
        "level": level,
        "method": method,
        "populations": [_head(each) for each in groups],
    }


def _head(group: Group) -> PopulationHead:
    found = group.results
    return PopulationHead(
        found.label,
        group.path,
        found.read,
        len(found.rows),
        found.results,
        [WithoutReport(reason, rows) for reason, rows in found.without],
        found.lost,
        found.noise,
        found.repeated,
    )


def heads_text(heads: Sequence[PopulationHead]) -> str:
    """A line for each population, and what is to be known of its rows."""
    lines = [
        table(["population", "members", "results", "rows"], [[h.label, h.members, h.results, h.rows] for h in heads])
    ]
    for each in heads:
        lines += [f"{each.label}: {w.rows:,} without a result, {w.reason}\n" for w in each.without]
        if each.lost:
            lines.append(f"{each.label}: {each.lost:,} members are not counted, as no row of theirs has a result\n")
        if each.noise is not None:
            lines.append(f"{each.label}: results of one member differ by {figure(each.noise)} (standard deviation)\n")
        if each.repeated:
            lines.append(f"{each.label}: {each.repeated:,} rows have the member and training seed of another row\n")
    return "".join(lines)


def figure(value: float | None) -> str:
    """A measured number to four digits: 0.3125, 45.86, 364.3M."""
    if value is None:
        return ""
    for power, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M")):
        if power <= abs(value) < 1e15:
            return f"{value / power:.4g}{letter}"
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e6 else f"{value:.4g}"


def span(low: float, high: float) -> str:
    """`3.2 to 4.1`"""
    return f"{figure(low)} to {figure(high)}"


def percent(share: float) -> str:
    """`95 %`"""
    return f"{100 * share:.4g} %"


def errors_of(group: Group) -> tuple[float, ...]:
    """The errors of a population's members, which were asked for."""
    return group.results.errors or ()


def by_label(rows: Sequence[Any]) -> Mapping[str, list[Any]]:
    """Rows by the label of their population, in their order."""
    found: dict[str, list[Any]] = {}
    for row in rows:
        found.setdefault(row.population, []).append(row)
    return found
