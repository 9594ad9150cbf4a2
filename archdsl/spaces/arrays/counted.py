"""How many settings of a space are valid: all of them looked at, or an interval of a sample that says so."""

from __future__ import annotations

import math

from archdsl.records import dataclass
from archdsl.spaces.arrays.sampled import Asked, Band, Progress, Tally, pieces
from archdsl.spaces.intervals import Share
from archdsl.spaces.opened import Opened


@dataclass(frozen=True)
class Counted:
    """The valid settings of a space, within the bands."""

    settings: int
    exact: bool
    """Whether all settings were looked at."""
    tally: Tally
    accepted: Share
    """Of the settings that were looked at: all, or drawn ones that were all equally probable."""
    networks: int | None = None
    """How many networks differ, by their hashes; None where that was not asked, or not all were looked at."""

    @property
    def low(self) -> int:
        """The number of valid settings is no smaller: for certain where it is exact, else by the interval."""
        return self.accepted.count if self.exact else math.floor(self.settings * self.accepted.low)

    @property
    def high(self) -> int:
        return self.accepted.count if self.exact else math.ceil(self.settings * self.accepted.high)


def counted(
    opened: Opened,
    *,
    limit: int,
    draws: int,
    seed: int = 0,
    bands: tuple[Band, ...] = (),
    networks: bool = False,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Counted:
    """All settings, where there are no more than the limit; else so many draws, of which all settings are alike."""
    settings = opened.space.settings
    exact = settings <= limit
    hashed = networks and exact
    asked = Asked(None if exact else seed, equal=True, bands=bands, hashed=hashed)
    tally, accepted, hashes = Tally(), 0, set[str]()
    with pieces(opened, asked, jobs, end=settings if exact else draws) as found:
        for each in found:
            tally.add(each)
            accepted += len(each.index)
            hashes.update(each.hashes or ())
            if progress is not None:
                progress(tally.looked, accepted)
    share = Share(accepted, tally.looked)
    return Counted(settings, exact, tally, share, len(hashes) if hashed else None)


__all__ = ["Counted", "counted"]
