"""The widths of good, middling and bad members by block (Han et al. 2021, figures 2 and A1).

Members are ordered by error; a part is a range of that order, of which the paper takes the first tenth, the one behind
the middle (50 to 60 %) and the last. For each block index the mean of the members' widths is given with their standard
deviation, over those that have such a block.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from archdsl.records import dataclass
from archdsl.statistics.arrays import Array, Numbers, numbers_of
from archdsl.statistics.linear import padded

PARTS = ((0.0, 0.1), (0.5, 0.6), (0.9, 1.0))
"""Top, middle and bottom, as shares of the members from the least error on."""


@dataclass(frozen=True, eq=False)
class Profile:
    """The widths of the members between two shares of their order."""

    first: float
    last: float
    members: int
    error: float
    """The mean error of these members."""
    count: Array
    """How many of them have a block of each index; not whole where members on the edge have equal errors."""
    mean: Array
    """Their widths; no number where none has one."""
    deviation: Array
    """The standard deviation of the widths (with count - 1 in the denominator); no number for one member or none."""


def belongs(errors: Numbers, first: float, last: float) -> Array:
    """To which share each member (N) is among those from n·first to n·last by error, both rounded.

    1 or 0, but where the edge falls among members with equal errors, who then have as much of what is left each.
    """
    found = numbers_of(errors, "errors")
    n = len(found)
    if not 0 <= first < last <= 1:
        raise ValueError(f"a part is from a share to a greater one, within 0 and 1, not {first:g} to {last:g}")
    low = int(np.floor(first * n + 0.5))
    high = max(int(np.floor(last * n + 0.5)), low + 1)
    low, high = min(low, n - 1), min(high, n)
    _, where, counts = np.unique(found, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    inside = np.clip(np.minimum(ends, high) - np.maximum(ends - counts, low), 0, None)
    return np.asarray((inside / counts)[where.reshape(-1)], np.float64)


def profile(
    widths: Sequence[Sequence[int]] | npt.NDArray[np.int64],
    errors: Numbers,
    depths: npt.ArrayLike | None = None,
    parts: Sequence[tuple[float, float]] = PARTS,
) -> list[Profile]:
    """The profiles of parts, by the widths of blocks (as for `efit`) and errors of members (N). Raises ValueError."""
    rows, lengths = padded(widths, depths)
    found = numbers_of(errors, "errors")
    if len(found) != len(rows):
        raise ValueError(f"there are {len(rows)} networks and {len(found)} errors")
    there = np.arange(rows.shape[1]) < lengths[:, None]
    return [_profile(rows, there, found, first, last) for first, last in parts]


def _profile(
    rows: npt.NDArray[np.int64], there: npt.NDArray[np.bool_], errors: Array, first: float, last: float
) -> Profile:
    share = belongs(errors, first, last)
    weight = np.where(there, share[:, None], 0.0)
    depth = int(np.flatnonzero(weight.sum(axis=0) > 0).max(initial=-1)) + 1
    weight, values = weight[:, :depth], rows[:, :depth].astype(np.float64)
    count = weight.sum(axis=0)
    mean = (weight * values).sum(axis=0) / count
    squares = (weight * (values - mean) ** 2).sum(axis=0)
    free = count - 1
    variance = np.divide(squares, free, out=np.full(depth, np.nan), where=free > 1e-9)
    members = float(share.sum())
    return Profile(first, last, round(members), float(share @ errors) / members, count, mean, np.sqrt(variance))


__all__ = ["PARTS", "Profile", "belongs", "profile"]
