"""Many settings of a space at once: which are valid, and what their networks cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from archdsl.records import dataclass

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
