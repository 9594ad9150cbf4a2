"""What was measured of a population's members: its tables with a column of errors, read for statistics.

A member is a draw: rows with the same number of it, under the same seed and space, are results of one member, as by
several seeds of training; where a table has no such columns, rows with the same hash are. In a study's table rows are
whose columns agree in all that is not measured, as one network may be trained with several drawn rates. The error of a
member is the mean over its results. A row without a result is counted under the reason that it gives; none is left out
silently.
"""

from __future__ import annotations

import math
import operator
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from archdsl.records import dataclass
from archdsl.spaces.population import DIGEST, HASH, INDEX, SEED, SPACE
from archdsl.spaces.tables import Cell, Table, TableFault, read
from archdsl.suggest import did_you_mean, nearest

RESULTS = "results.jsonl"
"""The table of a study's folder."""
ERROR, STATUS, REASON, TRAINED = "error", "status", "reason", "training_seed"
LARGEST = 1e100
"""Numbers beyond it are no figures of networks, and their squares no doubles."""
DONE = "done"
"""The status of a row whose error is a result: the training went to its end."""
SIGNS: Mapping[str, Callable[[Cell, Cell], bool]] = {
    "<=": operator.le,  # type: ignore[dict-item]  # of two cells of one kind
    ">=": operator.ge,  # type: ignore[dict-item]
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,  # type: ignore[dict-item]
    ">": operator.gt,  # type: ignore[dict-item]
}
OF_A_DRAW = (INDEX, SEED, SPACE, DIGEST)
TRIAL = "trial"
"""The column that tells a study's table."""
MEASURED = frozenset(
    (
        TRIAL,
        STATUS,
        REASON,
        ERROR,
        TRAINED,
        "best_error",
        "last_error",
        "loss",
        "train_loss",
        "epochs",
        "steps",
        "seconds",
        "cpu_seconds",
        "epoch_seconds",
        "peak_memory",
        "attempts",
    )
)
"""What a study's table says of trainings, and not of members."""


@dataclass(frozen=True)
class Condition:
    """A condition on the cells of a row: `flops < 400M`. A row without that cell does not meet it."""

    column: str
    sign: str
    value: Cell

    def holds(self, cell: Cell) -> bool:
        numbers = _is_number(cell) and _is_number(self.value)
        if cell is None or (isinstance(cell, float) and math.isnan(cell)):
            return False
        if numbers or (type(cell) is type(self.value) and self.sign in ("==", "!=")):
            return SIGNS[self.sign](cell, self.value)
        return self.sign == "!="


@dataclass(frozen=True)
class Wanted:
    """Which column holds errors, and which rows are read."""

    error: str = ERROR
    whole: float | None = None
    """What the column and the error add up to, where it holds accuracies: 1 or 100."""
    where: tuple[Condition, ...] = ()
    by: str | None = None
    """A column whose values divide the table into populations."""
    member: tuple[str, ...] = ()
    """Columns that rows of one member have alike; those that tables of populations and studies have, if none."""
    needed: bool = True
    """Whether members count by their errors; else all do where the table has no column `error`."""


@dataclass(frozen=True)
class Results:
    """The members of a population that have a result."""

    label: str
    table: Table
    errors: tuple[float, ...] | None
    """The mean over its results, for each member; none where all members were asked for, and there are no errors."""
    rows: tuple[tuple[int, ...], ...]
    """Which rows of the table its results stand in."""
    read: int
    """Rows that were looked at."""
    without: tuple[tuple[str, int], ...]
    """Reasons for which rows have no result, with their numbers."""
    lost: int
    """Members of which no row has a result."""
    noise: float | None
    """The standard deviation of results of the same member, over all members; none where each has one."""
    repeated: int
    """Rows with the member and the training seed of another one."""

    @property
    def results(self) -> int:
        return sum(map(len, self.rows))

    def cells(self, column: str) -> list[Cell]:
        """The cells of a column by member, of the first of its rows. Raises `TableFault`."""
        cells = column_of(self.table, column)
        return [cells[rows[0]] for rows in self.rows]

    def numbers(self, column: str, *, mean: bool = False) -> list[float | None]:
        """The numbers of a column by member; where `mean`, over its results: for what is measured of each.

        Raises `TableFault` where it holds texts, or no numbers.
        """
        found = numbers_of(self.table, column)
        if not mean:
            return [found[rows[0]] for rows in self.rows]
        every = [[value for row in rows if (value := found[row]) is not None] for rows in self.rows]
        return [math.fsum(values) / len(values) if values else None for values in every]


def place_of(path: Path) -> Path:
    """The table that a path means: itself, or that of a study's folder. Raises `TableFault`."""
    if not path.is_dir():
        return path
    if not (path / RESULTS).is_file():
        raise TableFault(f"the folder has no {RESULTS}: it is no study, or none of its trials has ended")
    return path / RESULTS


def results_of(path: Path, label: str, wanted: Wanted) -> list[Results]:
    """The populations of a file or of a study's folder: one, or one for each value of a column. Raises `TableFault`."""
    table = read(place_of(path))
    if not len(table):
        raise TableFault("the table has no rows")
    errors = _errors(table, wanted)
    kept = [row for row in range(len(table)) if all(c.holds(column_of(table, c.column)[row]) for c in wanted.where)]
    if not kept:
        raise TableFault(f"none of {len(table):,} rows meets {' and '.join([shown(each) for each in wanted.where])}")
    if wanted.by is None:
        return [_results(table, label, kept, errors, wanted.member)]
    groups: dict[str, list[int]] = {}
    by = column_of(table, wanted.by)
    for row in kept:
        name = str(by[row]) if by[row] is not None else "(none)"
        groups.setdefault(name.rpartition(":")[2] if wanted.by == SPACE else name, []).append(row)
    return [_results(table, name, rows, errors, wanted.member) for name, rows in groups.items()]


def shown(condition: Condition) -> str:
    """A condition as it may be written."""
    return f"{condition.column} {condition.sign} {condition.value}"


def column_of(table: Table, column: str) -> Sequence[Cell]:
    """The cells of a column. Raises `TableFault` where there is none of that name."""
    if column not in table.columns:
        raise TableFault(f"there is no column `{column}`; {did_you_mean(column, table.columns)}")
    return table.columns[column]


def numbers_of(table: Table, column: str) -> list[float | None]:
    """The numbers of a column; none where a cell is empty or no finite number.

    Raises `TableFault` where it holds texts, or no number at all.
    """
    found = _numbers(table, column)
    if all(number is None for number in found):
        raise TableFault(f"column `{column}` holds no numbers")
    return found


def _numbers(table: Table, column: str) -> list[float | None]:
    found: list[float | None] = []
    for row, cell in enumerate(column_of(table, column)):
        if isinstance(cell, str) and not _not_finite(cell):
            raise TableFault(f"column `{column}` holds texts, as {cell[:40]!r} in row {row:,}, and not numbers")
        if isinstance(cell, bool):
            raise TableFault(f"column `{column}` holds {str(cell).lower()} in row {row:,}, and not numbers")
        number = _double(cell) if isinstance(cell, int | float) else math.nan
        if math.isfinite(number) and abs(number) > LARGEST:
            raise TableFault(f"`{column}` is {number:g} in row {row:,}, beyond {LARGEST:g}")
        found.append(number if math.isfinite(number) else None)
    return found


def columns_of_numbers(table: Table) -> list[str]:
    """The columns that hold numbers alone, of which some differ."""
    found = []
    for name, cells in table.columns.items():
        there = [cell for cell in cells if cell is not None]
        if there and all(_is_number(cell) for cell in there) and any(cell != there[0] for cell in there):
            found.append(name)
    return found


def _is_number(cell: Cell) -> bool:
    return isinstance(cell, int | float) and not isinstance(cell, bool)


def _double(cell: float) -> float:
    try:
        return float(cell)
    except OverflowError:  # a whole number of more than 300 digits
        return sys.float_info.max if cell > 0 else -sys.float_info.max


def _not_finite(text: str) -> bool:
    """Whether a text is how a number is written that is none: nan, inf."""
    try:
        return not math.isfinite(float(text))
    except ValueError:
        return False


def _errors(table: Table, wanted: Wanted) -> list[float | None] | None:
    """The error of each row; none where the table has no errors, and needs none."""
    if wanted.error not in table.columns and wanted.error == ERROR:
        if STATUS in table.columns:
            return [None] * len(table)  # a study of which no trial has a result
        if not wanted.needed:
            return None
    if wanted.error not in table.columns:
        nearest_ = nearest(wanted.error, table.columns)
        guess = f"; did you mean '{nearest_}'?" if nearest_ is not None else ""
        raise TableFault(f"there is no column `{wanted.error}` of errors{guess}")
    errors = _numbers(table, wanted.error)
    if wanted.whole is None:
        return errors
    for row, value in enumerate(errors):
        if value is not None and not 0 <= value <= wanted.whole:
            raise TableFault(f"`{wanted.error}` is {value:g} in row {row:,}, no accuracy of {wanted.whole:g}")
    return [wanted.whole - value if value is not None else None for value in errors]


def _results(
    table: Table, label: str, rows: Sequence[int], errors: Sequence[float | None] | None, columns: Sequence[str]
) -> Results:
    members: dict[tuple[object, ...], list[int]] = {}
    every: set[tuple[object, ...]] = set()
    without: Counter[str] = Counter()
    key_of, repeated = _key(table, columns), 0
    seeds = table.columns.get(TRAINED)
    seen: set[tuple[object, ...]] = set()
    for row in rows:
        key = key_of(row)
        every.add(key)
        reason = _reason(table, row, errors[row]) if errors is not None else None
        if reason is not None:
            without[reason] += 1
            continue
        members.setdefault(key, []).append(row)
        if seeds is not None and seeds[row] is not None:
            repeated += (*key, seeds[row]) in seen
            seen.add((*key, seeds[row]))
    spread = None
    means: dict[tuple[object, ...], float] | None = None
    if errors is not None:
        means, spread = _means(members, errors)
    return Results(
        label,
        table,
        tuple(means.values()) if means is not None else None,
        tuple([tuple(of) for of in members.values()]),
        len(rows),
        tuple(without.most_common()),
        len(every) - len(members),
        spread,
        repeated,
    )


def _means(
    members: Mapping[tuple[object, ...], Sequence[int]], errors: Sequence[float | None]
) -> tuple[dict[tuple[object, ...], float], float | None]:
    """The mean error of each member, and the standard deviation of the results of one, over all members."""
    values = {key: [value for row in of if (value := errors[row]) is not None] for key, of in members.items()}
    means = {key: math.fsum(each) / len(each) for key, each in values.items()}
    squares = math.fsum([(value - means[key]) ** 2 for key, each in values.items() for value in each])
    free = sum([len(each) - 1 for each in values.values()])
    return means, math.sqrt(squares / free) if free else None


def _reason(table: Table, row: int, error: float | None) -> str | None:
    """Why a row has no result; none where it has one."""
    status, reason = [table.columns[name][row] if name in table.columns else None for name in (STATUS, REASON)]
    if status not in (None, DONE):
        return f"{status}: {reason}" if reason else str(status)
    if error is None:
        return str(reason) if reason else "no error"
    return None


def _key(table: Table, asked: Sequence[str]) -> Callable[[int], tuple[object, ...]]:
    """What tells members apart, by row."""
    alike = [column_of(table, name) for name in asked]
    if not asked and TRIAL in table.columns:
        alike = [cells for name, cells in table.columns.items() if name not in MEASURED]
    if alike:
        return lambda row: tuple([column[row] for column in alike])
    columns = [table.columns[name] for name in OF_A_DRAW if name in table.columns]
    index, hashes = table.columns.get(INDEX), table.columns.get(HASH)

    def key(row: int) -> tuple[object, ...]:
        if index is not None and index[row] is not None:
            return ("draw", *[column[row] for column in columns])
        if hashes is not None and hashes[row] is not None:
            return ("hash", hashes[row])
        return ("row", row)

    return key


__all__ = [
    "ERROR",
    "MEASURED",
    "RESULTS",
    "Condition",
    "Results",
    "Wanted",
    "column_of",
    "columns_of_numbers",
    "numbers_of",
    "place_of",
    "results_of",
    "shown",
]
