"""The members that a search may take: in the order of their draws, or those next to a point.

Draws are those of `archdsl space sample` with the same seed and bands. A pool is the first members that were drawn,
each setting once; of a small space it is all members, by enumeration, so that it is known when there are no more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from archdsl.once import cached_property
from archdsl.records import dataclass
from archdsl.spaces.arrays.engine import VALID, Settings
from archdsl.spaces.arrays.sampled import Asked, Band, Piece, pieces
from archdsl.spaces.opened import Opened
from archdsl.studies.search.parameters import Parameter, distances, nearest_setting

LISTED = 20_000
"""Settings of a space that are gone through one by one; of a larger one members are drawn."""
MAX_INDEX = 2**63 - 1
"""What a column of a population holds."""

Setting = tuple[int, ...]
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Candidate:
    """A member, with the number of its draw under the seed; of one that was not drawn the number of its setting."""

    setting: Setting
    costs: Mapping[str, int]
    index: int | None
    """None where the number is larger than a table holds."""
    seed: int | None


class Members:
    """Members of a space within bands."""

    def __init__(
        self,
        opened: Opened,
        seed: int,
        bands: Sequence[Band] = (),
        most: int = 1_000_000,
        progress: Progress | None = None,
    ) -> None:
        """`most` is the number of draws in which members are looked for."""
        self.opened, self.seed, self.bands, self.most = opened, seed, tuple(bands), most
        self._progress = progress
        self._drawn: list[Candidate] = []
        self._places: dict[Setting, int] = {}
        self._looked = 0
        self._pieces: Iterator[Piece] | None = None
        self._kept: tuple[int, list[Candidate], Settings] | None = None

    # In the order of the draws

    def drawn(self, number: int) -> Candidate | None:
        """The member of that number among the draws, each setting once; none where all draws have fewer."""
        while number >= len(self._drawn):
            if not self._draw():
                return None
        return self._drawn[number]

    def _draw(self) -> bool:
        """Draw further; whether that was possible."""
        if self._pieces is None:
            self._pieces = self._further()
        found = next(self._pieces, None)
        if found is None:
            return False
        self._looked += len(found.why)
        for candidate in self._candidates(found, self.seed):
            if candidate.setting not in self._places:
                self._places[candidate.setting] = len(self._drawn)
                self._drawn.append(candidate)
        if self._progress is not None:
            self._progress(self._looked, len(self._drawn))
        return True

    def _further(self) -> Iterator[Piece]:
        asked = Asked(self.seed, bands=self.bands, hashed=False)
        with pieces(self.opened, asked, 1, end=self.most) as found:
            yield from found

    def _candidates(self, found: Piece, seed: int | None) -> list[Candidate]:
        costs = {name: column.tolist() for name, column in found.costs.items()}
        return [
            Candidate(tuple(setting), {name: int(column[row]) for name, column in costs.items()}, int(index), seed)
            for row, (setting, index) in enumerate(zip(found.settings.tolist(), found.index.tolist(), strict=True))
        ]

    # All of them

    @cached_property
    def every(self) -> list[Candidate] | None:
        """All members of a small space; none of a larger one."""
        settings = self.opened.space.settings
        if settings > LISTED:
            return None
        asked, found = Asked(None, bands=self.bands, hashed=False), list[Candidate]()
        with pieces(self.opened, asked, 1, end=settings) as each:
            for part in each:
                found += self._candidates(part, None)
        return found

    # Next to a point

    def near(self, parameters: Sequence[Parameter], params: Mapping[str, Any], size: int) -> Iterator[Candidate]:
        """The suggestion's own setting, if it is a member; then a pool of so many, the nearest first.

        What is given for the same suggestion does not depend on what was asked for before.
        """
        pool, settings = self._pool(size)
        own = self._member(nearest_setting(parameters, params, self.opened.space.dimensions), len(pool))
        if own is not None:
            yield own
        for row in np.argsort(distances(parameters, params, settings), kind="stable") if pool else ():
            if own is None or pool[row].setting != own.setting:
                yield pool[row]

    def _pool(self, size: int) -> tuple[list[Candidate], Settings]:
        """The first members by their draws, or all that there are; and their settings."""
        if self._kept is None or self._kept[0] != size:
            if self.every is None:
                self.drawn(size - 1)
            pool = self._drawn[:size] if self.every is None else self.every
            self._kept = size, pool, np.array([each.setting for each in pool], np.int64)
        return self._kept[1], self._kept[2]

    def _member(self, setting: Setting, size: int) -> Candidate | None:
        """A setting, if it is a member within the bands; as it was drawn, where it is among so many first ones."""
        place = self._places.get(setting, size)
        if self.every is None and place < size:
            return self._drawn[place]
        batch = self.opened.engine.evaluate(np.array([setting], np.int64))
        if batch.why[0] != VALID or not all(bool(band.holds(batch.costs[band.measure])[0]) for band in self.bands):
            return None
        number = 0
        for part, values in zip(setting, self.opened.space.sizes, strict=True):
            number = number * values + part
        costs = {name: int(column[0]) for name, column in batch.costs.items()}
        return Candidate(setting, costs, number if number <= MAX_INDEX else None, None)


__all__ = ["LISTED", "Candidate", "Members", "Setting"]
