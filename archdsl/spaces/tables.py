"""Tables in files: Parquet, JSON Lines or CSV, by the suffix; written whole or not at all.

A column holds whole numbers, numbers (doubles), truth values or texts; a cell may be missing. Rows count from 0, as
they do in what reads such files. Parquet takes pyarrow, which is loaded when a file of that form is met.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Literal, Protocol, TypeAlias

from archdsl.files import FileFault, reading, replacing
from archdsl.records import dataclass

Cell: TypeAlias = "int | float | bool | str | None"
Kind: TypeAlias = Literal["int", "number", "bool", "text"]
Kinds: TypeAlias = Mapping[str, Kind]
Columns: TypeAlias = Mapping[str, Any]
"""Names with cells, all as many: lists, or arrays of NumPy."""
Form: TypeAlias = Literal["parquet", "jsonl", "csv"]

FORMS: tuple[Form, ...] = ("parquet", "jsonl", "csv")
WORDS = b"archdsl"
"""Under this name a Parquet file says how its rows came about."""
MAX_LINE = 1 << 20
"""Bytes of one line of a table."""
GROUP = 65_536
"""Rows of one group of a Parquet file: what is held in memory while it is written."""


class TableFault(Exception):
    """Why a table was not read or written: one lower-case sentence without the file's name."""


@dataclass(frozen=True)
class Table:
    """A table that was read."""

    columns: Mapping[str, Sequence[Cell]]

    def __len__(self) -> int:
        return min([len(cells) for cells in self.columns.values()], default=0)

    def row(self, number: int) -> dict[str, Cell]:
        return {name: cells[number] for name, cells in self.columns.items()}


class Writer(Protocol):
    """Takes the rows of a table, some at a time."""

    def write(self, columns: Columns) -> None: ...

    def close(self) -> None: ...


def form_of(path: Path) -> Form:
    """The form of a file, by its suffix. Raises `TableFault`."""
    suffix = path.suffix.removeprefix(".").lower()
    for form in FORMS:
        if form == suffix:
            return form
    raise TableFault(f"a table has one of the suffixes {', '.join(['.' + form for form in FORMS])}")


@contextmanager
def writing(path: Path, kinds: Kinds, force: bool, words: Mapping[str, object] | None = None) -> Iterator[Writer]:
    """A table that takes the place of a file when all its rows are written; `words` stand in a Parquet file.

    Raises `TableFault`.
    """
    form = form_of(path)
    if form == "parquet":
        _arrow()  # before anything is worked out
    try:
        with replacing(path, force) as file:
            writer = _Parquet(file, kinds, words or {}) if form == "parquet" else _Lines(file, kinds, form)
            try:
                yield writer
            finally:
                writer.close()
    except FileFault as fault:
        raise TableFault(fault.message) from None


def read(path: Path) -> Table:
    """A whole table. Raises `TableFault`."""
    with _reading(path) as (form, file):
        if form == "parquet":
            with _parquet(file) as opened:
                _verify_names(opened.schema_arrow.names)
                found = opened.read()
                return Table({name: found.column(name).to_pylist() for name in found.column_names})
        rows = list(_rows(form, file))
        names = dict.fromkeys([name for row in rows for name in row])  # a line of JSON may lack what another has
        return Table({name: [row.get(name) for row in rows] for name in names})


def read_row(path: Path, number: int) -> dict[str, Cell]:
    """One row of a table, which is not read whole. Raises `TableFault`."""
    with _reading(path) as (form, file):
        if form == "parquet":
            with _parquet(file) as opened:
                _verify_names(opened.schema_arrow.names)
                return _parquet_row(opened, number)
        for row in islice(_rows(form, file), number, None):
            return row
        file.seek(0)
        raise _no_row(number, sum(1 for _ in _rows(form, file)))


def rows_of_text(text: str, form: Form) -> Iterator[dict[str, Cell]]:
    """The rows of a table of text, CSV or JSON lines, that came by another way than a file. Raises `TableFault`."""
    return _rows(form, BytesIO(text.encode("utf-8", "surrogatepass")))


def _verify_names(names: Sequence[str]) -> None:
    """Raises `TableFault` for two columns of one name, of which one would be lost."""
    if len(set(names)) < len(names):
        twice = next(name for place, name in enumerate(names) if name in names[:place])
        raise TableFault(f"there are two columns `{twice[:80]}`")


def _no_row(number: int, rows: int) -> TableFault:
    there = f"rows 0 to {rows - 1:,}" if rows else "no row"
    return TableFault(f"there is no row {number:,}: the table has {there}")


@contextmanager
def _reading(path: Path) -> Iterator[tuple[Form, BinaryIO]]:
    form = form_of(path)
    if form == "parquet":
        _arrow()
    try:
        with reading(path) as file:
            yield form, file
    except FileFault as fault:
        raise TableFault(fault.message) from None


# Lines


class _Lines:
    """JSON Lines, or CSV with the names of the columns first."""

    def __init__(self, file: BinaryIO, kinds: Kinds, form: Form) -> None:
        self.file, self.kinds, self.form = file, kinds, form
        if form == "csv":
            self._csv([list(kinds)])

    def write(self, columns: Columns) -> None:
        names = list(self.kinds)
        rows = list(zip(*[_plain(columns[name]) for name in names], strict=True))
        if self.form == "csv":
            self._csv([[_as_text(cell) for cell in row] for row in rows])
        else:
            lines = [json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False) + "\n" for row in rows]
            self.file.write("".join(lines).encode())

    def close(self) -> None:
        """Nothing is left to write."""

    def _csv(self, rows: list[list[Any]]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        self.file.write(text.getvalue().encode())


def _plain(cells: Any) -> Sequence[Any]:
    """Cells as Python's own numbers and texts."""
    plain: Sequence[Any] = cells.tolist() if hasattr(cells, "tolist") else cells
    return plain


def _as_text(cell: Cell) -> str | int | float:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return "" if cell is None else cell


def _rows(form: Form, file: BinaryIO) -> Iterator[dict[str, Cell]]:
    return _json_rows(file) if form == "jsonl" else _csv_rows(file)


def _json_rows(file: BinaryIO) -> Iterator[dict[str, Cell]]:
    for number, line in enumerate(_lines(file), 1):
        try:
            row = json.loads(line, object_pairs_hook=_object)
        except (ValueError, RecursionError):
            raise TableFault(f"line {number:,} is no JSON") from None
        if not isinstance(row, dict) or any(isinstance(cell, dict | list) for cell in row.values()):
            raise TableFault(f"line {number:,} is no row of a table")
        yield row


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        _verify_names([name for name, _ in pairs])
    return found


def _csv_rows(file: BinaryIO) -> Iterator[dict[str, Cell]]:
    rows = csv.reader(_lines(file), strict=True)
    try:
        names = next(rows, [])
        _verify_names(names)
        for number, row in enumerate(rows, 2):
            if len(row) != len(names):
                raise TableFault(f"line {number:,} has {len(row)} cells, and there are {len(names)} columns")
            yield {name: _typed(text) for name, text in zip(names, row, strict=True)}
    except csv.Error as error:
        raise TableFault(f"the file is no CSV: {error}") from None


def _lines(file: BinaryIO) -> Iterator[str]:
    number = 0
    while line := file.readline(MAX_LINE + 1):
        number += 1
        if len(line) > MAX_LINE:
            raise TableFault(f"line {number:,} has more than {MAX_LINE:,} bytes")
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")  # some programs begin with a mark
        except UnicodeDecodeError:
            raise TableFault(f"line {number:,} is not UTF-8") from None


def _typed(text: str) -> Cell:
    """A cell of a CSV file, where all are texts."""
    if text in ("", "true", "false"):
        return None if not text else text == "true"
    if text.removeprefix("-").isdecimal() and text.isascii() and len(text) < 40:
        return int(text)
    try:
        number = float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) and text.isascii() and "_" not in text else text


# Parquet


def _arrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet as parquet
    except ImportError:
        raise TableFault("Parquet needs pyarrow, which is not installed: pip install 'archdsl[spaces]'") from None
    return pyarrow, parquet


class _Parquet:
    """A Parquet file, a group of rows at a time."""

    def __init__(self, file: BinaryIO, kinds: Kinds, words: Mapping[str, object]) -> None:
        self.arrow, parquet = _arrow()
        types = {
            "int": self.arrow.int64(),
            "number": self.arrow.float64(),
            "bool": self.arrow.bool_(),
            "text": self.arrow.string(),
        }
        fields = [self.arrow.field(name, types[kind]) for name, kind in kinds.items()]
        self.schema = self.arrow.schema(fields, metadata={WORDS: json.dumps(dict(words)).encode()})
        self.writer = parquet.ParquetWriter(file, self.schema)
        self.waiting: list[Any] = []
        self.rows = 0

    def write(self, columns: Columns) -> None:
        try:
            arrays = [self.arrow.array(columns[field.name], field.type) for field in self.schema]
        except (OverflowError, self.arrow.ArrowInvalid):
            raise TableFault("a number is larger than the 64 bits that Parquet holds; write .jsonl or .csv") from None
        self.waiting.append(self.arrow.Table.from_arrays(arrays, schema=self.schema))
        self.rows += len(self.waiting[-1])
        if self.rows >= GROUP:
            self._flush()

    def close(self) -> None:
        self._flush()
        self.writer.close()

    def _flush(self) -> None:
        if self.waiting:
            self.writer.write_table(self.arrow.concat_tables(self.waiting).combine_chunks(), row_group_size=GROUP)
        self.waiting, self.rows = [], 0


@contextmanager
def _parquet(file: BinaryIO) -> Iterator[Any]:
    """A Parquet file, to be read; what is wrong with it is a `TableFault`."""
    arrow, parquet = _arrow()
    try:
        yield parquet.ParquetFile(file)
    except (arrow.ArrowException, OSError):
        raise TableFault("the file is no Parquet file, or a part of one") from None


def _parquet_row(found: Any, number: int) -> dict[str, Cell]:
    before = 0
    for group in range(found.num_row_groups):
        rows = found.metadata.row_group(group).num_rows
        if number < before + rows:
            row: dict[str, Cell] = found.read_row_group(group).slice(number - before, 1).to_pylist()[0]
            return row
        before += rows
    raise _no_row(number, before)


__all__ = [
    "FORMS",
    "Cell",
    "Columns",
    "Form",
    "Kind",
    "Kinds",
    "Table",
    "TableFault",
    "Writer",
    "form_of",
    "read",
    "read_row",
    "writing",
]
