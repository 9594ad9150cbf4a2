"""Networks named by a row of a population: `pop.parquet:17`.

The row has the values that were drawn, and says which space it is of; or, in the table of a study of files, which model
of which file it is. That file must be as it was: a digest of its text stands in the row, and the network that it gives
must have the row's hash.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from archdsl.compiler import Changes, Compilation, Compiled, Compiler, Failed
from archdsl.diagnostics import Diagnostic, Diagnostics, Fault
from archdsl.project import Project
from archdsl.records import dataclass
from archdsl.resources import spec_files
from archdsl.source import Source, Span
from archdsl.zoo import opened

if TYPE_CHECKING:
    from archdsl.spaces.opened import Opened
    from archdsl.spaces.tables import Cell

_ROW = re.compile(r"(.+\.(?:parquet|jsonl|csv)):([0-9]{1,12})", re.DOTALL | re.ASCII | re.IGNORECASE)
_PLACE = re.compile(r"(.+):([A-Za-z_][A-Za-z0-9_]*)", re.DOTALL | re.ASCII)


@dataclass(frozen=True)
class Row:
    """A row of a population, with the space that it is of, or the model that it is."""

    text: str
    """As it was asked for."""
    number: int
    cells: dict[str, Cell]
    file: str
    """The file, as it is opened."""
    name: str
    """Of the space or the model."""
    is_model: bool = False


def names_row(text: str) -> bool:
    """Whether a text names a row of a table: `pop.parquet:17`."""
    return _ROW.fullmatch(text) is not None and not os.path.lexists(text)


def read_row(text: str) -> Row:
    """The row that a text names, with its space. Raises `Fault`."""
    from archdsl.spaces.tables import TableFault
    from archdsl.spaces.tables import read_row as read_cells

    named = _ROW.fullmatch(text)
    if named is None:
        raise _fault(text, "not a table with the number of a row")
    path, number = Path(named[1]), int(named[2])
    try:
        cells = read_cells(path, number)
    except TableFault as fault:
        raise _fault(text, str(fault)) from None
    return row_of(text, number, cells, path)


def row_of(text: str, number: int, cells: dict[str, Cell], table: Path) -> Row:
    """A row that was read of a table, with its space; `text` names it in what is said of it. Raises `Fault`."""
    from archdsl.spaces.population import DIGEST, SPACE, SPEC, SPEC_DIGEST

    is_model = cells.get(SPACE) is None and cells.get(SPEC) is not None
    place_name, digest_name = (SPEC, SPEC_DIGEST) if is_model else (SPACE, DIGEST)
    place = _PLACE.fullmatch(str(cells.get(place_name, "")))
    if place is None or not isinstance(cells.get(digest_name), str):
        raise _fault(text, f"the table is no population: it has no columns `{SPACE}` and `{DIGEST}`")
    return Row(text, number, cells, file_at(table, place[1]), place[2], is_model)


def file_at(table: Path, place: str) -> str:
    """The file that a row of a table names: a shipped one by its name, else from the table's folder."""
    return opened(place) if place in spec_files() else Path(os.path.normpath(table.parent / place)).as_posix()


def place_of(file: str, shown: str, space: str, table: Path) -> str:
    """Where a space stands, as rows of a table have it: from the table's folder; as it is named, if it ships.

    `shown` is how the file is written down for others.
    """
    place = shown.removesuffix(f":{space}")
    if place == file:
        try:
            place = Path(os.path.relpath(os.path.realpath(file), os.path.realpath(table.parent))).as_posix()
        except ValueError:  # another drive
            place = Path(os.path.realpath(file)).as_posix()
        place = f"./{place}" if place in spec_files() else place  # one that is called as a shipped one
    return f"{place}:{space}"


def space_of_rows(table: Path, place: object, digest: object) -> Opened:
    """The space that rows of a table name, if it is as it was when they were written. Raises `Fault`."""
    from archdsl.spaces.opened import Text

    named = _PLACE.fullmatch(str(place))
    if named is None or not isinstance(digest, str):
        raise _fault(str(table), "the rows name no space, in columns `space` and `space_hash`")
    file = file_at(table, named[1])
    project, diagnostics = Project(file), Diagnostics()
    found = Text(project, project.source(), named[2]).opened(diagnostics)
    if found is None:
        raise Fault(next(iter(diagnostics)))
    _verify_digest(str(table), f"`{named[2]}` of {file}", digest, found.digest)
    return found


def compiled_row(row: Row, changes: Changes) -> Compilation:
    """The network of a row, with changes on top of it. Raises `Fault`."""
    from archdsl.spaces.opened import Text

    if row.is_model:
        return _model(row, changes)
    project, diagnostics = Project(row.file), Diagnostics()
    source = project.source()
    found = Text(project, source, row.name).opened(diagnostics)
    if found is None:
        return Failed(row.name, Compiler(project).program(source, Diagnostics()), diagnostics)
    return found.compiled(_setting(row, found), f"{row.name}_{row.number}", changes)


def _model(row: Row, changes: Changes) -> Compilation:
    """The model of a row, if its texts are as they were. Raises `Fault`."""
    from archdsl.spaces.population import HASH, SPEC_DIGEST, digest_of

    project = Project(row.file)
    found = Compiler(project).compile(project.source(), row.name, changes)
    where = f"`{row.name}` of {row.file}"
    _verify_digest(row.text, where, row.cells[SPEC_DIGEST], digest_of(found.program))
    hash_ = row.cells.get(HASH)
    if isinstance(found, Compiled) and not changes and hash_ is not None and found.network.hash != hash_:
        message = f"{where} is not the row's network, whose hash is {str(hash_)[:16]}: its study has changed it"
        raise _fault(row.text, message, "change it by the same --set, --scale and --input, which study.json has")
    return found


def _setting(row: Row, found: Opened) -> tuple[int, ...]:
    """The setting of a row, if the space is as it was and gives the network that the row has. Raises `Fault`."""
    from archdsl.spaces.population import DIGEST, HASH, setting_of

    where = f"`{row.name}` of {row.file}"
    _verify_digest(row.text, where, row.cells[DIGEST], found.digest)
    setting = setting_of(found.codings, row.cells)
    if isinstance(setting, str):
        raise _fault(row.text, setting)
    hash_ = row.cells.get(HASH)
    if hash_ is not None and found.hash_of(setting) != hash_:
        raise _fault(row.text, f"{where} gives another network than the row's, whose hash is {str(hash_)[:16]}")
    return setting


def _verify_digest(text: str, where: str, digest: object, found: str) -> None:
    if digest != found:
        message = f"{where} is not as it was when the table was written: its text, or that of a file it uses, differs"
        raise _fault(text, message, "sample it again, or bring the old text back")


def _fault(text: str, message: str, help_: str | None = None) -> Fault:
    return Fault(Diagnostic("E110", message, Span(Source(text, ""), 0, 0), help=help_))


__all__ = ["Row", "compiled_row", "file_at", "names_row", "place_of", "read_row", "row_of", "space_of_rows"]
