"""Tables that commands write by `-o`, and those of studies, which `archdsl plot` reads again."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import click

from archdsl.commands.options import AnyFunction
from archdsl.spaces.tables import Kind, TableFault, form_of, read, writing

_KINDS: dict[str, Kind] = {"str": "text", "int": "int", "float": "number", "bool": "bool"}


def table_options(function: AnyFunction) -> AnyFunction:
    """`--output` and `--force` of a table that need not be written."""
    for option in (
        click.option("--force", is_flag=True, help="Overwrite a file that exists."),
        click.option("-o", "--output", metavar="FILE", help="Write the rows: .csv, .jsonl or .parquet."),
    ):
        function = option(function)
    return function


def table_path(output: str, force: bool) -> Path:
    """The path of a table, if it can be written, which is known before anything is computed."""
    path = Path(output)
    try:
        form_of(path)
    except TableFault as fault:
        raise click.BadParameter(f"'{output}': {fault}", param_hint="--output") from None
    if os.path.lexists(path) and not force:
        raise click.ClickException(f"{path} exists already; --force overwrites it")
    if not path.parent.is_dir():
        raise click.ClickException(f"{path.parent}: there is no such folder")
    return path


def write_rows(path: Path, rows: Sequence[Any], more: Mapping[str, str | int], force: bool) -> None:
    """Rows of one dataclass, with columns that all have alike; written whole or not at all."""
    kinds = {field.name: _KINDS[str(field.type).partition(" ")[0]] for field in fields(rows[0])}
    kinds |= {name: "int" if isinstance(value, int) else "text" for name, value in more.items()}
    columns = {name: [{**asdict(row), **more}[name] for row in rows] for name in kinds}
    try:
        with writing(path, kinds, force) as table:
            table.write(columns)
    except TableFault as fault:
        raise click.ClickException(f"{path}: {fault}") from None


def rows_from(file: str, kind: type, command: str) -> tuple[list[Any], dict[str, Any]]:
    """The rows of such a table, and the first row whole."""
    try:
        found = read(Path(file))
    except TableFault as fault:
        raise click.ClickException(f"{file}: {fault}") from None
    names = [field.name for field in fields(kind)]
    missing = [name for name in names if name not in found.columns]
    if missing or not len(found):
        lacks = f"it has no column {missing[0]}" if missing else "it has no row"
        raise click.ClickException(f"{file} is none of `{command}`: {lacks}")
    rows = []
    for number in range(len(found)):
        row = found.row(number)
        cells = []
        for field in fields(kind):
            cell, wanted = row[field.name], _KINDS[str(field.type).partition(" ")[0]]
            if cell is not None and wanted == "text":
                cell = str(cell)
            numeric = isinstance(cell, (int, float)) and not isinstance(cell, bool)
            if (cell is None and "None" not in str(field.type)) or (
                cell is not None and wanted != "text" and not numeric
            ):
                raise click.ClickException(f"{file}: the {field.name} of row {number:,} is {cell!r}")
            cells.append(float(cell) if wanted == "number" and cell is not None else cell)
        rows.append(kind(*cells))
    return rows, found.row(0)


__all__ = ["rows_from", "table_options", "table_path", "write_rows"]
