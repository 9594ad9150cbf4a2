"""Populations: tables whose rows are members of a space, with what their networks cost.

A row stands for itself. It has the number of its draw under a seed (or of its setting, where all were gone through),
the drawn values, flops, params and acts, the network's hash, and the space: its file and name, and a digest of the
texts that it was made of. So tables may be cut, joined and sorted by whatever reads them, and a row still gives its
network.

Values are numbers where they are numbers: whole ones as they are, others as the double next to them, which no other
value of the domain has; the exact value comes back from the domain.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from fractions import Fraction

from archdsl.analysis.program import Program
from archdsl.analysis.trace import show_value
from archdsl.analysis.values import Value
from archdsl.numbers.text import format_number
from archdsl.records import dataclass
from archdsl.spaces.laws import Domain, Grid
from archdsl.spaces.space import Space
from archdsl.spaces.tables import Cell, Kind, TableFault

INDEX, SEED, SPACE, DIGEST, HASH = "index", "seed", "space", "space_hash", "hash"
SPEC, SPEC_DIGEST = "spec", "spec_hash"
"""Columns of a row that is a model of a file and no member of a space: the file and the model, and their digest."""
MEASURES = ("flops", "params", "acts")
OWN: tuple[str, ...] = (INDEX, *MEASURES, HASH, SEED, SPACE, DIGEST)
"""The columns of every population beside those of its draws."""
PREFIX = "draw."
"""Before the name of a draw that is called as one of ours."""
_MOST = 2**63
_LARGE: int = 2**1000
"""Doubles hold it."""


@dataclass(frozen=True)
class Coding:
    """How the values of a dimension stand in a table."""

    column: str
    domain: Domain
    kind: Kind
    cells: tuple[Cell, ...] | None
    """Of listed values; those of a grid are worked out."""

    def cell(self, index: int) -> Cell:
        """The value of that number as a cell."""
        if self.cells is not None:
            return self.cells[index]
        value = self.domain.value(index)
        if self.kind == "text":
            return show_number(value)
        return int(value) if self.kind == "int" else float(value)  # type: ignore[arg-type]  # of a grid

    def index(self, cell: Cell) -> int | None:
        """The number of the value that a cell stands for; none for a value that the domain has not."""
        if self.cells is not None:
            texts = [str(each) for each in self.cells]
            if self.kind == "text":  # a CSV file gives a text that reads as a number as that number
                cell = {True: "true", False: "false"}[cell] if isinstance(cell, bool) else str(cell)
                return texts.index(cell) if cell in texts else None
            if isinstance(cell, bool) != (self.kind == "bool"):  # for 1 == True
                return None
            return self.cells.index(cell) if cell in self.cells else None
        grid = self.domain
        if not isinstance(grid, Grid) or cell is None or isinstance(cell, bool):
            return None
        try:
            wanted = Fraction(cell)
        except (ValueError, ZeroDivisionError, OverflowError):
            return None
        index = round((wanted - Fraction(grid.first)) / Fraction(grid.step))
        if not 0 <= index < grid.size:
            return None
        own = self.cell(index)
        same = Fraction(own) == wanted if isinstance(own, str) else own == cell
        return index if same else None


def codings(space: Space) -> list[Coding]:
    """How each dimension of a space stands in a table: the draw's name, for the items of a list with their numbers."""
    found = []
    for each in space.draws:
        name = PREFIX + each.name if each.name in OWN else each.name
        single = each.count is None or each.tied
        names = [name] if single else [f"{name}.{item}" for item in range(each.dimensions)]
        kind, cells = _cells(each.law.domain)
        found += [Coding(column, each.law.domain, kind, cells) for column in names]
    return found


def _cells(domain: Domain) -> tuple[Kind, tuple[Cell, ...] | None]:
    if isinstance(domain, Grid):
        ends = [Fraction(domain.first), Fraction(domain.value(domain.size - 1))]
        widest = max(abs(end) for end in ends)
        if isinstance(domain.first, int) and isinstance(domain.step, int):
            return ("int" if widest < _MOST else "text"), None
        told_apart = abs(Fraction(domain.step)) > widest * Fraction(1, 2**50) and widest < _LARGE
        return ("number" if told_apart else "text"), None
    values = domain.values
    if all(isinstance(value, bool) for value in values):
        return "bool", tuple([value is True for value in values])
    whole = tuple([v for v in values if isinstance(v, int) and not isinstance(v, bool) and abs(v) < _MOST])
    if len(whole) == len(values):
        return "int", whole
    doubles = tuple([double for value in values if (double := _double(value)) is not None])
    if len(set(doubles)) == len(values):
        return "number", doubles
    texts = [_text(value) for value in values]
    return "text", tuple([f"{text} #{i}" if texts.count(text) > 1 else text for i, text in enumerate(texts)])


def _double(value: Value) -> float | None:
    """The double next to a number; none for what is no number, or too large a one."""
    if isinstance(value, bool) or not isinstance(value, int | Fraction):
        return None
    number = Fraction(value)
    return float(number) if abs(number) < _LARGE else None


def _text(value: Value) -> str:
    if type(value) is int or type(value) is Fraction:
        return show_number(value)
    return f'"{value}"' if isinstance(value, str) else show_value(value)


def show_number(value: Value) -> str:
    """A number of a domain with all its digits."""
    return format_number(value) if isinstance(value, int | Fraction) else show_value(value)


def kinds_of(coded: Sequence[Coding], *, hashed: bool) -> dict[str, Kind]:
    """The columns of a population in their order."""
    found: dict[str, Kind] = {INDEX: "int"}
    found.update({each.column: each.kind for each in coded})
    found.update(dict.fromkeys(MEASURES, "int"))
    found.update({HASH: "text"} if hashed else {})
    return {**found, SEED: "int", SPACE: "text", DIGEST: "text"}


def digest_of(program: Program) -> str:
    """What a space or a model was made of: the texts of its file and of those that it uses, the library's left out."""
    digest = hashlib.sha256()
    for text in sorted([module.source.text for module in program.modules if not module.library]):
        digest.update(f"{len(text)}\n{text}\n".encode())
    return digest.hexdigest()[:32]


def setting_of(coded: Sequence[Coding], row: dict[str, Cell]) -> tuple[int, ...] | str:
    """The setting of a row; a sentence where it has none."""
    found = []
    for each in coded:
        if each.column not in row:
            return f"the row has no column `{each.column}`"
        index = each.index(row[each.column])
        if index is None:
            return f"{row[each.column]!r} is no value of `{each.column}`"
        found.append(index)
    return tuple(found)


def settings_of(coded: Sequence[Coding], columns: Mapping[str, Sequence[Cell]], rows: Sequence[int]) -> list[list[int]]:
    """The settings of some rows of a table, dimension by dimension. Raises `TableFault`."""
    found = []
    for each in coded:
        if each.column not in columns:
            raise TableFault(f"the table has no column `{each.column}`")
        cells = columns[each.column]
        known: dict[tuple[type, Cell], int] = {}  # a value is looked up once
        numbers = []
        for row in rows:
            cell = cells[row]
            key = type(cell), cell
            if key not in known:
                index = each.index(cell)
                if index is None:
                    raise TableFault(f"{cell!r} in row {row:,} is no value of `{each.column}`")
                known[key] = index
            numbers.append(known[key])
        found.append(numbers)
    return found


__all__ = [
    "DIGEST",
    "HASH",
    "INDEX",
    "MEASURES",
    "OWN",
    "SEED",
    "SPACE",
    "SPEC",
    "SPEC_DIGEST",
    "Coding",
    "codings",
    "digest_of",
    "kinds_of",
    "setting_of",
    "settings_of",
    "show_number",
]
