"""Many settings of a space at once: which are valid, and what their networks cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from archdsl.analysis.context import Context
from archdsl.records import dataclass
from archdsl.spaces.member import member_of
from archdsl.spaces.space import Space

Settings: TypeAlias = npt.NDArray[np.int64]
"""Settings as rows: N x dimensions, the number of each drawn value in its domain."""

MEASURES = ("flops", "params", "acts")

VALID, NO_NETWORK = -1, -2
"""What `Batch.why` says where no requirement refused a setting."""


@dataclass(frozen=True)
class Batch:
    """What was found of settings, lane by lane."""

    settings: Settings
    why: npt.NDArray[np.int16]
    """For each setting `VALID`, `NO_NETWORK`, or the number of the requirement that refused it first."""
    costs: Mapping[str, npt.NDArray[Any]]
    """Flops, params and acts: whole numbers (int64, or Python's where that may overflow); -1 where a setting was
    refused before its network was counted."""
    exactly: int = 0
    """How many lanes the ordinary compiler decided, one by one."""

    @property
    def valid(self) -> npt.NDArray[np.bool_]:
        return np.equal(self.why, VALID)


class Engine:
    """Evaluates settings of one space: the only way to their counts."""

    def __init__(self, ctx: Context, space: Space) -> None:
        self.ctx, self.space = ctx, space

    def evaluate(self, settings: Settings) -> Batch:
        """Which settings are valid, and what their networks cost.

        Raises `AlreadyReported` where the space's file itself is at fault.
        """
        why = np.empty(len(settings), np.int16)
        costs: dict[str, list[int]] = {measure: [] for measure in MEASURES}
        for row, setting in enumerate(settings.tolist()):
            found = member_of(self.ctx, self.space, setting)
            number = found.requirement
            why[row] = VALID if found.valid else NO_NETWORK if number is None else number
            known = found.costs
            for measure, column in costs.items():
                column.append(known.get(measure, -1))
        arrays = {measure: _whole(column) for measure, column in costs.items()}
        return Batch(settings, why, arrays, exactly=len(settings))


def _whole(numbers: list[int]) -> npt.NDArray[Any]:
    """Whole numbers as an array, of Python's own where one is larger than 64 bits."""
    large = any(number >= 2**63 for number in numbers)
    return np.array(numbers, object if large else np.int64)
