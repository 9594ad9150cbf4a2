"""Design spaces and their populations from Python: `archdsl.space("spaces.arch", "name").sample(500)`.

The statistics of `archdsl population` are here as functions on arrays: `archdsl.population.edf(errors)`. They are those
of `archdsl.statistics`, which is loaded when one is asked for.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from archdsl import emission
from archdsl.api import Compiled, CompileError
from archdsl.compiler import Changes, Failed
from archdsl.diagnostics import Diagnostics, Fault
from archdsl.graph.cost import MEASURES
from archdsl.project import Project
from archdsl.rows import place_of
from archdsl.spaces.opened import Opened, Text
from archdsl.spaces.population import DIGEST, INDEX, SPACE, kinds_of, setting_of, settings_of
from archdsl.spaces.tables import writing
from archdsl.views.space import count_text
from archdsl.zoo import locate_space

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from archdsl.spaces.arrays.counted import Counted
    from archdsl.spaces.arrays.sampled import Asked, Band, Piece, Tally
    from archdsl.spaces.arrays.solved import Solver
    from archdsl.spaces.membership import Membership
    from archdsl.spaces.results import Results
    from archdsl.statistics.best import Best, Curve, best, curve, weights
    from archdsl.statistics.comparison import Comparison, compare, detectable, needed, power_of
    from archdsl.statistics.distribution import Edf, edf
    from archdsl.statistics.fits import Correlation, Fit, correlation, fit
    from archdsl.statistics.linear import Fits, Grid, efit
    from archdsl.statistics.profile import Profile, profile

_STATISTICS = {
    "best": ("Best", "Curve", "best", "curve", "weights"),
    "comparison": ("Comparison", "compare", "detectable", "needed", "power_of"),
    "distribution": ("Edf", "edf"),
    "fits": ("Correlation", "Fit", "correlation", "fit"),
    "linear": ("Fits", "Grid", "efit"),
    "profile": ("Profile", "profile"),
}
"""What is public of the modules of `archdsl.statistics`."""


def __getattr__(name: str) -> Any:
    """A statistic, loaded when it is used."""
    for module, names in _STATISTICS.items():
        if name in names:
            return getattr(import_module(f"archdsl.statistics.{module}"), name)
    raise AttributeError(f"module 'archdsl.population' has no attribute {name!r}")


def read(
    path: str | os.PathLike[str],
    error: str = "error",
    *,
    accuracy_of: float | None = None,
    by: str | None = None,
    member: Sequence[str] = (),
) -> list[Results]:
    """What was measured of the members of a table or of a study's folder: one population, or one for each value of the
    column `by`. Rows that agree in the columns `member` are results of one member, by default those of one draw.

    `results.errors` are the members' errors, `results.numbers("flops")` the numbers of another column. With
    `accuracy_of`, 1 or 100, the column holds accuracies, which add up to it with the errors. Raises
    `archdsl.spaces.tables.TableFault`.
    """
    from archdsl.spaces.results import Wanted, results_of

    place = Path(path)
    return results_of(place, place.stem, Wanted(error, accuracy_of, by=by, member=tuple(member)))


Bands = Mapping[str, tuple[int | None, int | None]]
"""Measures with their least and greatest amounts: `{"flops": (360_000_000, 400_000_000)}`."""


def space(spec: str | os.PathLike[str], name: str | None = None) -> Space:
    """A space of a file: `spec` is a file, FILE:NAME, or the name of a space that ships with archdsl.

    Raises `CompileError` with the diagnostics.
    """
    diagnostics = Diagnostics()
    try:
        place = locate_space(os.fsdecode(spec))
        if place.model is not None and name not in (None, place.model):
            raise ValueError(f"{place.shown} names {place.model} already, not {name}")
        project = Project(place.file)
        found = Text(project, project.source(), place.model or name).opened(diagnostics)
    except Fault as fault:
        diagnostics.add(fault.diagnostic)
        found = None
    if found is None:
        raise CompileError(diagnostics)
    shown = place.shown.removesuffix(f":{found.space.name}")
    return Space(found, place.file, shown)


class Space:
    """A design space: its members, as tables or one by one."""

    def __init__(self, opened: Opened, file: str, shown: str) -> None:
        self.opened = opened
        self._file, self._shown = file, shown
        self._solvers: tuple[Any, Solver] | None = None

    @property
    def name(self) -> str:
        return self.opened.space.name

    @property
    def settings(self) -> int:
        """How many settings it has, valid or not."""
        return self.opened.space.settings

    @property
    def dimensions(self) -> int:
        """How many numbers a setting is made of."""
        return self.opened.space.dimensions

    def sample(
        self,
        count: int,
        seed: int = 0,
        *,
        bands: Bands | None = None,
        unique: bool = False,
        hashed: bool = True,
        law: Literal["rejection", "solved"] = "rejection",
        weights: Literal["settings", "networks"] = "settings",
        max_draws: int = 1_000_000,
        jobs: int = 1,
    ) -> Population:
        """Draw members by the laws of the space; settings that are no members are left out.

        With `law="solved"` members alone are drawn, each as probable as it is among all members, and with
        `weights="networks"` too, each network as probable as every other. A setting depends on the seed, the names of
        the draws and its number alone. Raises ValueError where `max_draws` have fewer members, and where members
        cannot be drawn alone.
        """
        from archdsl.spaces.arrays.draws import DrawFault
        from archdsl.spaces.arrays.sampled import Asked, Tally, Wanted, members
        from archdsl.spaces.arrays.solved import solved

        if unique and not hashed:
            raise ValueError("unique=True goes by the hashes that hashed=False leaves out")
        tally = Tally()
        asked = Asked(seed, bands=_bands(bands), hashed=hashed)
        try:
            wanted = Wanted(count, max_draws, unique)
            if law == "solved" or weights == "networks":
                solver = self._solver(asked.bands, networks=weights == "networks")
                pieces = list(solved(self.opened, solver, asked, wanted, tally))
            else:
                pieces = list(members(self.opened, asked, wanted, jobs, tally))
        except DrawFault as fault:
            raise ValueError(str(fault)) from None
        rows = sum(len(each.index) for each in pieces)
        if rows < count:
            raise ValueError(f"of {tally.looked:,} settings {rows:,} were accepted, and {count:,} are wanted")
        return self._population(pieces, asked, tally)

    def _solver(self, bands: tuple[Band, ...], *, networks: bool) -> Solver:
        """What draws members alone; kept, since it counts them first."""
        from archdsl.spaces.arrays.solved import solver_of
        from archdsl.spaces.arrays.structure import Tied

        key = bands, networks
        if self._solvers is None or self._solvers[0] != key:
            try:
                self._solvers = key, solver_of(self.opened, bands, networks=networks)
            except Tied as tied:
                raise ValueError(f"members of {self.name} are not drawn alone: {tied}") from None
        return self._solvers[1]

    def enumerate(
        self, *, bands: Bands | None = None, hashed: bool = True, limit: int = 1_000_000, jobs: int = 1
    ) -> Population:
        """All members in the order of their settings. Raises ValueError for more settings than the limit."""
        from archdsl.spaces.arrays.sampled import Asked, Tally, pieces

        if self.settings > limit:
            raise ValueError(f"{self.name} has {count_text(self.settings)} settings, more than limit={limit:,}")
        asked, tally = Asked(None, bands=_bands(bands), hashed=hashed), Tally()
        with pieces(self.opened, asked, jobs, end=self.settings) as every:
            found = list(every)
        for each in found:
            tally.add(each)
        return self._population(found, asked, tally)

    def count(
        self,
        *,
        bands: Bands | None = None,
        limit: int = 10_000,
        draws: int = 1000,
        seed: int = 0,
        networks: bool = False,
        exact: bool = False,
        jobs: int = 1,
    ) -> Counted:
        """How many settings are valid: exactly where there are no more than the limit, where costs are sums, and where
        there are few tables of stages; else an interval (`exact`). With `exact=True` a count that takes long is made.

        Raises ValueError where it, or the number of networks, is asked for and not known.
        """
        from archdsl.spaces.arrays.counted import counted
        from archdsl.spaces.arrays.structure import Tied

        options: dict[str, Any] = {"limit": limit, "draws": draws, "seed": seed, "networks": networks, "jobs": jobs}
        try:
            return counted(self.opened, bands=_bands(bands), exact=exact, **options)
        except Tied as tied:
            raise ValueError(f"{self.name} is not counted exactly: {tied}") from None

    def member(self, row: Mapping[str, Any] | Sequence[int]) -> Compiled:
        """The network of a row, by the names of its columns, or of a setting: as `archdsl.compile` returns it.

        Raises ValueError for values that the space has not, and `CompileError` where the setting is no member.
        """
        if isinstance(row, Mapping):
            cells = {name: cell.item() if hasattr(cell, "item") else cell for name, cell in row.items()}
            if cells.get(DIGEST) not in (None, self.opened.digest):
                raise ValueError("the row is of another space, or of another text of this one")
            setting = setting_of(self.opened.codings, cells)
            if isinstance(setting, str):
                raise ValueError(setting)
        else:
            setting = tuple([int(number) for number in row])
            sizes = self.opened.space.sizes
            if len(setting) != len(sizes) or not all(0 <= n < size for n, size in zip(setting, sizes, strict=True)):
                raise ValueError(f"a setting of {self.name} is {len(sizes)} numbers, each below its dimension's size")
        found = self.opened.compiled(setting, self.name, Changes())
        if isinstance(found, Failed):
            raise CompileError(found.diagnostics)
        return Compiled(found, emission.about_of(found, self.name, f"{self._shown}:{self.name}", ()))

    def contains(self, net: Compiled, tries: int = 1000) -> Membership:
        """Whether a network is a member, as `archdsl space contains` tells it."""
        from archdsl.spaces.membership import membership

        return membership(self.opened, net.compilation, tries)

    def place(self, table: Path) -> str:
        """Where the space stands, as rows of a table have it."""
        return place_of(self._file, self._shown, self.name, table)

    def _population(self, pieces: Sequence[Piece], asked: Asked, tally: Tally) -> Population:
        import numpy

        from archdsl.spaces.arrays.rows import columns_of

        place = f"{self._shown}:{self.name}"  # a table has it from its own folder
        names = kinds_of(self.opened.codings, hashed=asked.hashed)
        every = [columns_of(self.opened, piece, asked.seed, place) for piece in pieces]
        columns = {
            name: numpy.concatenate([numpy.asarray(each[name]) for each in every]) if every else numpy.empty(0)
            for name in names
        }
        return Population(self, columns, tally, asked.hashed)

    def __repr__(self) -> str:
        return f"<space {self.name}: {self.dimensions} dimensions, {count_text(self.settings)} settings>"


class Population:
    """Members of a space as columns: `population["flops"]` is an array with a number for each."""

    def __init__(self, of: Space, columns: Mapping[str, npt.NDArray[Any]], tally: Tally, hashed: bool) -> None:
        self.space = of
        self.columns = dict(columns)
        self.tally = tally
        """What became of the settings that were looked at."""
        self._hashed = hashed

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        return self.columns[name]

    def __len__(self) -> int:
        """How many members there are."""
        return len(self.columns[INDEX])

    def row(self, number: int) -> dict[str, Any]:
        """A member's cells by column."""
        return {name: column[number] for name, column in self.columns.items()}

    def member(self, number: int) -> Compiled:
        """A member's network, as `archdsl.compile` returns it."""
        return self.space.member(self.row(number))

    def widths(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """The widths of the members' blocks (N x most, zeros behind the last), and how many blocks each has (N).

        `archdsl.population.efit` and `profile` take both. Raises ValueError where a block gives several maps.
        """
        import numpy

        from archdsl.spaces.arrays.blocks import WidthFault, block_widths

        columns = {name: column.tolist() for name, column in self.columns.items()}
        settings = settings_of(self.space.opened.codings, columns, range(len(self)))
        try:
            found = block_widths(self.space.opened, numpy.array(settings, numpy.int64).T)
        except WidthFault as fault:
            raise ValueError(str(fault)) from None
        return found.widths, found.depths

    def save(self, path: str | os.PathLike[str], *, force: bool = False) -> None:
        """Write the table: .parquet, .jsonl or .csv. Raises `archdsl.spaces.tables.TableFault`."""
        import numpy as np

        target = Path(path)
        place = self.space.place(target)
        kinds = kinds_of(self.space.opened.codings, hashed=self._hashed)
        with writing(target, kinds, force, {SPACE: place}) as table:
            table.write(self.columns | {SPACE: np.full(len(self), place, object)})

    def _repr_html_(self) -> str:
        from archdsl.views.notebook import population_html

        return population_html(f"{len(self):,} members of {self.space.name}", self.columns, len(self))

    def __repr__(self) -> str:
        return f"<population of {self.space.name}: {len(self):,} members>"


def _bands(bands: Bands | None) -> tuple[Band, ...]:
    from archdsl.spaces.arrays.sampled import Band

    for measure in bands or {}:
        if measure not in MEASURES:
            raise ValueError(f"{measure!r} is no measure; there are {', '.join(MEASURES)}")
    return tuple([Band(measure, low, high) for measure, (low, high) in (bands or {}).items()])


__all__ = [
    "Best",
    "Comparison",
    "Correlation",
    "Curve",
    "Edf",
    "Fit",
    "Fits",
    "Grid",
    "Population",
    "Profile",
    "Space",
    "best",
    "compare",
    "correlation",
    "curve",
    "detectable",
    "edf",
    "efit",
    "fit",
    "needed",
    "power_of",
    "profile",
    "read",
    "space",
    "weights",
]
