"""The populations that a command names: read, with the widths of their members' networks where these are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archdsl.commands.progress import comparing
from archdsl.diagnostics import Fault
from archdsl.limits import MAX_BLOCKS
from archdsl.once import cached_property
from archdsl.plots.figures import label_of
from archdsl.records import dataclass
from archdsl.rows import space_of_rows
from archdsl.spaces.population import DIGEST, SPACE, settings_of
from archdsl.spaces.results import Results, Wanted, numbers_of, place_of, results_of
from archdsl.spaces.tables import TableFault

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Widths = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]


@dataclass(frozen=True)
class Stages:
    """Columns that say how wide the blocks are, where a table names no space: `width.0`, `width.1`, …"""

    widths: str
    depths: str | None
    """Columns of how many blocks have these widths; none where each has its own."""


@dataclass(frozen=True)
class Read:
    """A population that was read."""

    results: Results
    path: str
    stages: Stages | None
    kept: dict[str, Widths] = field(default_factory=dict, compare=False, repr=False)

    def widths(self) -> Widths:
        """The widths of the members' blocks and their numbers; found once. Raises `TableFault`, `Fault`."""
        if "widths" not in self.kept:
            self.kept["widths"] = self._of_columns(self.stages) if self.stages is not None else self._of_spaces()
        return self.kept["widths"]

    @cached_property
    def rows(self) -> list[int]:
        """The first row of each member."""
        return [rows[0] for rows in self.results.rows]

    def _of_columns(self, stages: Stages) -> Widths:
        import numpy as np

        names = _numbered(self.results, stages.widths)
        widths = np.array([self._whole(name) for name in names], np.int64).T
        if stages.depths is None:
            return widths, (widths > 0).sum(axis=1)
        depths = np.array([self._whole(name) for name in _numbered(self.results, stages.depths)], np.int64).T
        if depths.shape != widths.shape:
            raise TableFault(f"there are {widths.shape[1]} columns of widths and {depths.shape[1]} of depths")
        total = depths.sum(axis=1)
        if (total > MAX_BLOCKS).any():
            raise TableFault(
                f"row {self.rows[int(total.argmax())]:,} has {total.max():,} blocks, more than {MAX_BLOCKS:,}"
            )
        found = np.zeros((len(total), int(total.max())), np.int64)
        ends = np.cumsum(depths, axis=1)
        for stage in range(widths.shape[1]):
            places = np.arange(found.shape[1])
            here = (places >= (ends - depths)[:, stage, None]) & (places < ends[:, stage, None])
            found = np.where(here, widths[:, stage, None], found)
        return found, total

    def _whole(self, column: str) -> list[int]:
        """Whole numbers from 0 on; an empty cell is 0: there is no such block."""
        numbers = numbers_of(self.results.table, column)
        found: list[int] = []
        for row in self.rows:
            value = numbers[row]
            if value is not None and (value < 0 or value != int(value) or value > 1e9):
                raise TableFault(f"`{column}` is {value:g} in row {row:,}, and no number of channels or blocks")
            found.append(int(value or 0))
        return found

    def _of_spaces(self) -> Widths:
        import numpy as np

        from archdsl.spaces.arrays.blocks import WidthFault, block_widths

        columns = self.results.table.columns
        if SPACE not in columns or DIGEST not in columns:
            message = "the table names no space that tells the widths of blocks; --widths COLUMN says where they stand"
            raise TableFault(message)
        groups: dict[tuple[object, object], list[int]] = {}
        for place, row in enumerate(self.rows):
            groups.setdefault((columns[SPACE][row], columns[DIGEST][row]), []).append(place)
        made = []
        for (space, digest), places in groups.items():
            opened = space_of_rows(place_of(Path(self.path)), space, digest)
            settings = np.array(
                settings_of(opened.codings, columns, [self.rows[place] for place in places]), np.int64
            ).T
            try:
                with comparing(f"widths of {self.results.label}") as tell_progress:
                    made.append((places, block_widths(opened, settings, tell_progress)))
            except WidthFault as fault:
                raise TableFault(str(fault)) from None
        most = max([each.widths.shape[1] for _, each in made])
        widths, depths = np.zeros((len(self.rows), most), np.int64), np.zeros(len(self.rows), np.int64)
        for places, each in made:
            widths[places, : each.widths.shape[1]] = each.widths
            depths[places] = each.depths
        return widths, depths


def _numbered(results: Results, name: str) -> list[str]:
    """The columns `name.0`, `name.1`, … of a table. Raises `TableFault`."""
    found: list[str] = []
    while f"{name}.{len(found)}" in results.table.columns:
        found.append(f"{name}.{len(found)}")
    if not found:
        raise TableFault(f"there are no columns `{name}.0`, `{name}.1`, …")
    return found


def groups_of(
    paths: Sequence[str], wanted: Wanted, labels: Sequence[str], stages: Stages | None, least: int = 1
) -> list[Read]:
    """The populations of tables and folders, under labels that no other has; ends the command where one has too few
    members."""
    found: list[tuple[str, Results]] = []
    for path in paths:
        place = Path(path)
        name = place.resolve().name if place.is_dir() else place.stem
        try:
            read = results_of(place, name, wanted)
        except TableFault as fault:
            raise click.ClickException(f"{path}: {fault}") from None
        for each in read:
            own = f"{name} {each.label}" if wanted.by is not None and len(paths) > 1 else each.label
            found.append((path, _named(each, own)))
    if labels:
        if len(labels) != len(found):
            raise click.UsageError(f"There are {len(found)} populations, and --label gives {len(labels)}.")
        found = [(path, _named(each, label)) for (path, each), label in zip(found, labels, strict=True)]
    groups: list[Read] = []
    for path, each in found:
        taken = [group.results.label for group in groups]
        label = label_of(each.label)
        label = label if label not in taken else f"{label} #{len(groups) + 1}"
        groups.append(Read(_named(each, label), path, stages))
    for group in groups:
        _verify(group, least)
    return groups


def _named(results: Results, label: str) -> Results:
    from dataclasses import replace

    return replace(results, label=label)


def _verify(group: Read, least: int) -> None:
    """Ends the command where a population has too few members, with what became of its rows."""
    found = group.results
    if len(found.rows) >= least:
        return
    reasons = "; ".join([f"{rows:,} rows: {reason}" for reason, rows in found.without])
    have = f"has {len(found.rows):,} members with a result, and {least:,} are needed"
    raise click.ClickException(f"{group.path}: {found.label} {have}" + (f" ({reasons})" if reasons else ""))


def at_fault(path: str, fault: TableFault | Fault) -> click.ClickException:
    """What a population is at fault for, as the command ends with it."""
    text = str(fault) if isinstance(fault, TableFault) else fault.diagnostic.message
    return click.ClickException(f"{path}: {text}")
