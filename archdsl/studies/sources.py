"""What a study is made of: a space whose members are drawn, a table of members, or networks by their files."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archdsl.compiler import Changes, Compiler
from archdsl.diagnostics import Diagnostics
from archdsl.project import Project
from archdsl.records import dataclass
from archdsl.rows import file_at, names_row, place_of
from archdsl.spaces.opened import Opened
from archdsl.spaces.population import INDEX, SPACE, SPEC
from archdsl.spaces.tables import FORMS, TableFault, read, read_row
from archdsl.studies.ledger import StudyFault
from archdsl.studies.members import Refused, file_row, script_words, wanted_for
from archdsl.studies.study import POPULATION, RESULTS, STUDY, Row, Study, digest_of
from archdsl.training.entry_point import EntryPoint, words_of
from archdsl.training.plan import settings_given
from archdsl.views.study import StudyFile
from archdsl.zoo import Place, declared_spaces, locate, locate_space

if TYPE_CHECKING:
    from archdsl.spaces.arrays.sampled import Band, Progress

COUNT = 100
"""Members of a space, if nobody says how many."""
TRIED = 3
"""Members that are compiled before a study is made, until one can be."""


@dataclass(frozen=True)
class Source:
    """Where members come from: what tells the choice from others, and what makes the rows."""

    words: dict[str, Any]
    rows: Callable[[Progress | None], list[Row]] = field(repr=False)
    """Raises `StudyFault`."""
    drawn: int | None = None
    """How many rows there are to be, of members that are drawn: of more of them these are the first. None where they
    are given, or as many are wanted as there are."""


def names_table(text: str) -> bool:
    """Whether a text names a table of members."""
    return text.lower().endswith(tuple([f".{form}" for form in FORMS]))


def space_place(text: str) -> Place | None:
    """The place of the space that a text names; none where it names a network. Raises `Fault`."""
    if text in declared_spaces() and not os.path.lexists(text):
        return locate_space(text)
    place = locate(text)
    project = Project(place.file)
    program = Compiler(project).program(project.source(), Diagnostics())
    if place.model is not None:
        return place if place.model in program.spaces else None
    return place if program.spaces and not program.models else None


def of_space(
    opened: Opened,
    place: tuple[str, str],
    folder: Path,
    *,
    count: int | None = None,
    seed: int = 0,
    bands: Sequence[Band] = (),
    unique: bool = False,
    most: int = 1_000_000,
    jobs: int = 1,
) -> Source:
    """Members drawn as `archdsl space sample` draws them. `place` is the file, as it is opened and as it is shown.

    Without a `count` a new study has `COUNT` members, and one that is there keeps its own.
    """
    shown = place_of(*place, opened.space.name, folder / POPULATION)
    limits = [f"{band.measure}={band.low or ''}..{band.high or ''}" for band in bands]
    words: dict[str, Any] = {"space": shown, "space_hash": opened.digest, "seed": seed}
    words |= {"bands": limits, "unique": unique}
    wanted = count or COUNT

    def rows(progress: Progress | None) -> list[Row]:
        from archdsl.spaces.arrays.rows import columns_of
        from archdsl.spaces.arrays.sampled import Asked, Tally, Wanted, members

        asked, tally = Asked(seed, bands=tuple(bands)), Tally()
        found: list[Row] = []
        for piece in members(opened, asked, Wanted(wanted, most, unique), jobs, tally, progress):
            found += _rows_of(columns_of(opened, piece, seed, shown))
        if len(found) < wanted:
            message = f"of {tally.looked:,} settings {len(found):,} were accepted, and {wanted:,} are wanted"
            raise StudyFault(f"{message}; nothing is written; --max-draws {10 * most} looks further")
        return found

    return Source(words, rows, count)


def _rows_of(columns: Any) -> list[Row]:
    plain = {name: cells.tolist() if hasattr(cells, "tolist") else cells for name, cells in columns.items()}
    return [dict(zip(plain, cells, strict=True)) for cells in zip(*plain.values(), strict=True)]


def of_members(texts: Sequence[str], changes: Changes, folder: Path) -> Source:
    """The members of tables, single rows of them, and networks by their files, FILE:MODEL, or names that ship.

    Raises `StudyFault`, and `Fault`.
    """
    rows: list[Row] = []
    for text in texts:
        found = _rows_of_one(text, changes, folder)
        if not found:
            raise StudyFault(f"{text} has no members")
        rows += found
    columns = list(dict.fromkeys(name for row in rows for name in row))
    rows = [{name: row.get(name) for name in columns} for row in rows]
    return Source({"members": list(texts), "digest": digest_of(rows)}, lambda _: rows)


def _rows_of_one(text: str, changes: Changes, folder: Path) -> list[Row]:
    try:
        if names_table(text):
            table = read(Path(text))
            return [_moved(table.row(index), Path(text), folder, text) for index in range(len(table))]
        if names_row(text):
            path, _, number = text.rpartition(":")
            return [_moved(read_row(Path(path), int(number)), Path(path), folder, text)]
        return [file_row(text, changes, folder / POPULATION)]
    except (TableFault, Refused) as fault:
        raise StudyFault(f"{text}: {fault}") from None


def _moved(row: Row, table: Path, folder: Path, text: str) -> Row:
    """A row of a table as it stands in the study's: its space, or its file, is named from there."""
    named = SPACE if row.get(SPACE) is not None else SPEC
    place, sign, name = str(row.get(named) or "").rpartition(":")
    if not sign or (named == SPACE and INDEX not in row):
        raise StudyFault(f"{text}: the table is no population: it has no columns `{INDEX}` and `{SPACE}`")
    file = file_at(table, place)
    shown = place if file != Path(os.path.normpath(table.parent / place)).as_posix() else file
    return {**row, named: place_of(file, shown, name, folder / POPULATION)}


def options_of(texts: Sequence[str]) -> list[str]:
    """The columns of tables that are settings of the training script, as the studies that they are of have drawn them.

    Raises `StudyFault` where one has other such columns than another.
    """
    found: dict[str, list[str]] = {}
    for text in texts:
        table = Path(text.rpartition(":")[0] if names_row(text) else text)
        if names_table(text) or names_row(text):
            of_a_study = table.name in (POPULATION, RESULTS) and os.path.lexists(table.with_name(STUDY))
            found[text] = Study.open(table.parent).head.options if of_a_study else []
        else:
            found[text] = []
    first, *others = found
    for other in others:
        if found[other] != found[first]:
            shown = [f"{each} has drawn {', '.join(found[each]) or 'none'}" for each in (first, other)]
            raise StudyFault(f"settings of training: {', '.join(shown)}; make a study of each")
    return found[first]


def with_draws(source: Source, draws: Sequence[Row], words: Mapping[str, Any], *, more: bool = False) -> Source:
    """Every member once with each of some settings of the training script: columns that `head_of(options=…)` names.

    `words` tell these settings from others. There may be `more` of them another time, where there is one member.
    """

    def rows(progress: Progress | None) -> list[Row]:
        return [{**row, **drawn} for row in source.rows(progress) for drawn in draws]

    return Source({**source.words, **words}, rows, len(draws) if more else None)


def made(folder: Path, source: Source, head: StudyFile, progress: Progress | None = None) -> Study:
    """The study of a source in a folder: a new one, or the one that is there, if it is the same, with further members
    where more are wanted.

    `head` has the options of the training script as they were typed; they are read by the script of the first member
    that can be compiled, and paths among them are made absolute. Raises `StudyFault`, `Refused` and `OptionFault`.
    """
    there = os.path.lexists(folder / "study.json")
    rows = Study.open(folder).rows if there else source.rows(progress)
    study = Study.create(folder, checked(head, rows, folder / POPULATION), rows)
    if source.drawn is not None and source.drawn != len(study.rows):
        if source.drawn < len(study.rows):
            message = f"has {len(study.rows):,} members, and {source.drawn:,} are asked for: none is taken away"
            raise StudyFault(f"{folder} {message}")
        study.extend(source.rows(progress))
    return study


def checked(head: StudyFile, rows: Sequence[Row], table: Path) -> StudyFile:
    from dataclasses import replace

    for index, row in enumerate(rows):
        try:
            wanted, _ = wanted_for(head, row, index, table)
        except Refused:
            if index + 1 < min(TRIED, len(rows)):
                continue
            raise
        entry = EntryPoint.of(wanted.script, wanted.texts[wanted.script][1])
        words = words_of(settings_given(entry, head.words))
        script_words(replace(head, words=words), row, wanted, 0)
        settings_given(entry, script_words(head, row, wanted, 0))
        return replace(head, words=words)
    return head


__all__ = [
    "Source",
    "checked",
    "made",
    "names_table",
    "of_members",
    "of_space",
    "options_of",
    "space_place",
    "with_draws",
]
