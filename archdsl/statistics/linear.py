"""How well a quantized linear rule explains the widths of a network's blocks (Radosavovic et al. 2020, section 3.3).

The rule (equations 2 to 4): u_j = w_0 + w_a·j for block j of d, s_j = log(u_j / w_0) / log w_m, and the width is
w_0·w_m^round(s_j), here brought to the nearest multiple of a quantum, 8 as in the paper's code. The fit sets d to the
network's depth and searches a grid of w_0, w_a and w_m for the least mean of |log(predicted / observed)| over blocks,
which is e_fit. The paper does not say which grid; `GRID` is ours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from archdsl.records import dataclass
from archdsl.statistics.arrays import Array, scipy

AT_ONCE = 1 << 22
"""Distances that are held at once."""


@dataclass(frozen=True)
class Grid:
    """What is searched: every combination of these, in this order; the first of equally good ones is the fit."""

    w_0: tuple[float, ...]
    w_a: tuple[float, ...]
    w_m: tuple[float, ...]
    quantum: int = 8
    """Predicted widths are multiples of it; 0: they are as equation 4 has them."""

    @property
    def size(self) -> int:
        return len(self.w_0) * len(self.w_a) * len(self.w_m)

    @property
    def words(self) -> str:
        """What it is, in a line."""

        def ends(values: Sequence[float]) -> str:
            return f"{len(values)} from {values[0]:g} to {values[-1]:g}"

        widths = f"widths to multiples of {self.quantum}" if self.quantum else "widths not rounded"
        parts = f"w_0 {ends(self.w_0)}, w_a {ends(self.w_a)}, w_m {ends(self.w_m)}"
        return f"{self.size:,} points: {parts}; {widths}"


GRID = Grid(
    tuple([float(8 * i) for i in range(1, 33)]),
    tuple([float(2 * 128 ** (i / 47)) for i in range(48)]),
    tuple([(30 + i) / 20 for i in range(31)]),
)
"""w_0 = 8, 16, …, 256; 48 values of w_a from 2 to 256, each the same factor from the next; w_m = 1.5, 1.55, …, 3."""


@dataclass(frozen=True, eq=False)
class Fits:
    """The best point of the grid for each network (N)."""

    error: Array
    """e_fit."""
    w_0: Array
    w_a: Array
    w_m: Array


def predicted(grid: Grid, depth: int) -> Array:
    """Logarithms of the widths of `depth` blocks by each point of the grid (points x depth)."""
    w_0, w_a, w_m = [each.ravel() for each in np.meshgrid(grid.w_0, grid.w_a, grid.w_m, indexing="ij")]
    if (w_0 <= 0).any() or (w_a < 0).any() or (w_m <= 1).any():
        raise ValueError("w_0 must be above 0, w_a not below 0, and w_m above 1")
    levels = np.round(np.log1p((w_a / w_0)[:, None] * np.arange(depth)) / np.log(w_m)[:, None])
    found = np.log(w_0)[:, None] + levels * np.log(w_m)[:, None]
    if grid.quantum:
        found = np.log(np.maximum(np.round(np.exp(found) / grid.quantum), 1) * grid.quantum)
    return np.asarray(found, np.float64)


def efit(
    widths: Sequence[Sequence[int]] | npt.NDArray[np.int64],
    depths: npt.ArrayLike | None = None,
    grid: Grid = GRID,
    progress: Callable[[int, int], None] | None = None,
) -> Fits:
    """e_fit of networks by the widths of their blocks: lists, or rows of an array (N x most) of which `depths` (N) says
    how many count.

    Raises ValueError for a network without blocks, and for widths that are not above 0. Takes scipy.
    """
    rows, lengths = padded(widths, depths)
    distances = scipy("spatial.distance").cdist
    points = np.stack([each.ravel() for each in np.meshgrid(grid.w_0, grid.w_a, grid.w_m, indexing="ij")], axis=1)
    table = predicted(grid, int(lengths.max(initial=1)))
    error, where = np.zeros(len(rows)), np.zeros(len(rows), np.int64)
    step = max(1, AT_ONCE // grid.size)
    done = 0
    for depth in np.unique(lengths):
        alike = np.flatnonzero(lengths == depth)
        rules = np.ascontiguousarray(table[:, :depth])
        for some in np.split(alike, range(step, len(alike), step)):
            found = distances(np.log(rows[some, :depth].astype(np.float64)), rules, "cityblock") / depth
            where[some] = found.argmin(axis=1)
            error[some] = found[np.arange(len(some)), where[some]]
            done += len(some)
            if progress is not None:
                progress(done, len(rows))
    return Fits(error, *[np.asarray(column, np.float64) for column in points[where].T])


def padded(
    widths: Sequence[Sequence[int]] | npt.NDArray[np.int64], depths: npt.ArrayLike | None
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Widths of blocks as an array with zeros behind the last (N x most), and how many there are (N)."""
    if depths is None:
        lengths = np.array([len(row) for row in widths], np.int64)
        rows = np.zeros((len(lengths), int(lengths.max(initial=0))), np.int64)
        for number, row in enumerate(widths):
            rows[number, : len(row)] = row
    else:
        rows, lengths = np.asarray(widths, np.int64), np.asarray(depths, np.int64)
    if rows.ndim != 2 or lengths.shape != rows.shape[:1]:
        raise ValueError("widths are a row for each network, with a depth for each")
    if not ((lengths >= 1) & (lengths <= rows.shape[1])).all():
        raise ValueError("each network must have a block or more, and a width for each")
    if (rows[np.arange(rows.shape[1]) < lengths[:, None]] <= 0).any():
        raise ValueError("widths must be above 0")
    return rows, lengths


__all__ = ["GRID", "Fits", "Grid", "efit", "padded", "predicted"]
