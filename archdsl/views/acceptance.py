"""What became of the settings that were looked at: which requirement refused how many, and what can be said of all."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import TYPE_CHECKING

from archdsl.records import documented
from archdsl.spaces.intervals import METHOD, Share
from archdsl.spaces.space import Space
from archdsl.views.tables import Cell, table

if TYPE_CHECKING:
    from archdsl.spaces.arrays.sampled import Tally

NO_NETWORK, BAND = -2, -3
"""As `spaces.arrays` has them, which views load for nothing else."""


@documented
class ShareReport:
    """A share that was measured."""

    count: int
    of: int
    share: float | None
    """Null where nothing was looked at."""
    low: float
    """The lower end of the interval of the true share."""
    high: float


@documented
class ConditionReport:
    """A condition of membership, and how many settings that reached it met it."""

    condition: str
    """As it is written; `a network` where the settings' networks are made; a band as it was asked for."""
    space: str | None
    """The space whose text it stands in; null for a network and for a band."""
    passed: ShareReport
    """Of those that met all conditions before it."""


@documented
class FaultReport:
    """A setting whose model cannot be built."""

    index: int
    """The number of its draw, or of the setting where all were looked at."""
    reason: str
    """Code and message of the diagnostic."""


@documented
class AcceptanceReport:
    """What became of all settings that were looked at."""

    law: str
    """`rejection`: settings are drawn by the laws and those that are not valid are left out. `equal`: all settings are
    equally probable. `all`: each was looked at once."""
    seed: int | None
    """Null where all were looked at."""
    method: str | None
    """Of the intervals; null where all were looked at."""
    accepted: ShareReport
    """Of all settings, whether their networks were found before or not."""
    conditions: list[ConditionReport]
    """In the order in which they are asked."""
    no_network: list[FaultReport]
    """The first settings whose model cannot be built, with the reasons."""


def share_report(share: Share, exact: bool = False) -> ShareReport:
    """A share with its interval; of all that there are, itself."""
    if exact and share.share is not None:
        return ShareReport(share.count, share.of, share.share, share.share, share.share)
    return ShareReport(share.count, share.of, share.share, share.low, share.high)


def acceptance_report(space: Space, tally: Tally, bands: Sequence[str], law: str, seed: int | None) -> AcceptanceReport:
    """The conditions in the order in which they are asked, with what they left of the settings."""
    exact = law == "all"
    conditions = []
    left = tally.looked
    for condition, where, key in _conditions(space, bands):
        passed = left - tally.why[key]
        conditions.append(ConditionReport(condition, where, share_report(Share(passed, left), exact)))
        left = passed
    faults = [FaultReport(index, reason) for index, reason in tally.faults]
    accepted = share_report(Share(left, tally.looked), exact)
    return AcceptanceReport(law, seed, None if exact else METHOD, accepted, conditions, faults)


def _conditions(space: Space, bands: Sequence[str]) -> list[tuple[str, str | None, int]]:
    """What is asked, where it stands, and by which number it refuses."""
    own = [(each.text, each.space, number, each.asks) for number, each in enumerate(space.requirements)]
    early = [(text, where, number) for text, where, number, asks in own if not asks]
    late = [(text, where, number) for text, where, number, asks in own if asks]
    asked = [(text, None, BAND - number) for number, text in enumerate(bands)]
    return [*early, ("a network", None, NO_NETWORK), *late, *asked]


def percent(share: float | None) -> str:
    """A share in percent, to four digits; to more where these would say that it is all."""
    if share is None:
        return ""
    digits = next(digits for digits in range(4, 18) if float(f"{100 * share:.{digits}g}") != 100 or share == 1)
    return f"{100 * share:.{digits}g} %"


def interval(share: ShareReport) -> str:
    """The interval of a share in percent, to four digits, its ends rounded outwards."""
    return f"{_outwards(share.low, ROUND_FLOOR)} to {_outwards(share.high, ROUND_CEILING)} %"


def _outwards(end: float, rounding: str) -> str:
    return f"{Context(prec=4, rounding=rounding).multiply(Decimal(end), 100).normalize():f}"


def acceptance_text(found: AcceptanceReport) -> str:
    """A line for each condition, and one for all."""
    exact = found.method is None
    rows: list[list[Cell]] = [[each.condition, *_cells(each.passed, exact)] for each in found.conditions]
    rows.append(["all", *_cells(found.accepted, exact)])
    headers = ["condition", "passed", "of", "share", *([] if exact else ["interval"])]
    words = {
        "all": "every setting was looked at",
        "equal": f"drawn with equal shares, seed {found.seed}; intervals: {found.method}",
        "rejection": f"drawn by the space's laws, seed {found.seed}; intervals: {found.method}",
    }
    lines = [words[found.law]]
    what = "setting" if exact else "draw"
    lines += [f"no network: {what} {each.index:,}: {each.reason}" for each in found.no_network]
    return table(headers, rows, totals=True) + "\n".join(lines) + "\n"


def _cells(share: ShareReport, exact: bool) -> list[Cell]:
    cells: list[Cell] = [share.count, share.of, percent(share.share)]
    return cells if exact else [*cells, interval(share)]
