"""What ships with archdsl, for a list to choose from: found in the syntax trees, without compiling."""

from __future__ import annotations

from collections.abc import Iterator

from archdsl.resources import kept, read_data, spec_files
from archdsl.source import Source
from archdsl.syntax import ast
from archdsl.syntax.parser import parse
from archdsl.syntax.tables import GRAMMAR
from archdsl.views.explore.report import ShippedFile


def shipped_files() -> tuple[ShippedFile, ...]:
    """The files below `specs/`, by folder, with what each declares. Kept in the user's cache."""
    paths = spec_files()
    texts = [read_data(path) for path in paths]

    def make() -> list[list[list[str]]]:
        return [list(_declared(Source(path, text))) for path, text in zip(paths, texts, strict=True)]

    found = kept("shipped", (read_data(GRAMMAR), *paths, *texts), make)
    files = [
        ShippedFile(_family(path), path, tuple(models), tuple(spaces))
        for path, (models, spaces) in zip(paths, found, strict=True)
    ]
    return tuple(sorted(files, key=lambda file: (file.family == "others", file.family)))


def _family(path: str) -> str:
    """The folder of a file; the files beside the folders are the first that one reads."""
    parts = path.split("/")
    return parts[1] if len(parts) > 2 else "first"


def _declared(source: Source) -> Iterator[list[str]]:
    """The names of the models that need no parameter, and of the spaces."""
    tree, _ = parse(source)
    models, spaces = [], []
    for item in tree.items:
        if isinstance(item, ast.Declaration) and item.kind.text == "space":
            spaces.append(item.name.text)
        elif isinstance(item, ast.Declaration) and item.kind.text == "model" and not _open(item):
            models.append(item.name.text)
        elif isinstance(item, ast.Instances):
            models += _rows(item.table)
    yield models
    yield spaces


def _open(item: ast.Declaration) -> bool:
    given = item.parameters
    return given is not None and any(p.default is None for p in (*given.first, *(given.second or ())))


def _rows(table: ast.Table) -> Iterator[str]:
    """The cells of the column `name`."""
    header, *rows = table.rows
    places = [i for i, cell in enumerate(header.cells) if isinstance(cell, ast.Reference) and cell.name == "name"]
    for row in rows:
        cell = row.cells[places[0]] if places and len(row.cells) == len(header.cells) else None
        if isinstance(cell, ast.Reference):
            yield cell.name


__all__ = ["shipped_files"]
