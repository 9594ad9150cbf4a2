"""What a row of a study is: the network that it names, and the run that trains it.

A row of a population names a space and a setting of it, another row a file with a model. Either has a digest of the
texts that it was made of: where these are other ones now, the row is refused.
"""

from __future__ import annotations

from pathlib import Path

from archdsl import emission
from archdsl.compiler import Changes, Compilation, Compiled, Compiler
from archdsl.diagnostics import Diagnostics, Fault
from archdsl.graph.cost import MEASURES, count
from archdsl.project import Project
from archdsl.records import dataclass
from archdsl.request import RequestError, changes_of, words_of
from archdsl.rows import compiled_row, place_of, row_of
from archdsl.spaces.population import HASH, SPEC, SPEC_DIGEST, digest_of
from archdsl.studies.study import POPULATION, Row, Study
from archdsl.training.entry_point import EntryPoint, OptionFault, Settings, flag
from archdsl.training.plan import Wanted, settings_given
from archdsl.views.study import StudyFile
from archdsl.views.train import wanted_of
from archdsl.zoo import locate


class Refused(Exception):
    """Why a member cannot be trained: another attempt would end the same way."""


@dataclass(frozen=True)
class Member:
    """A member that is ready to be trained."""

    wanted: Wanted
    folder: Path
    """That of the user's files."""
    words: list[str]
    """Options of the training script."""


def file_row(text: str, changes: Changes, table: Path) -> Row:
    """The row of a network that is named as on the command line, for a table. Raises `Fault`, and `Refused`."""
    place = locate(text)
    project = Project(place.file)
    found = _sound(Compiler(project).compile(project.source(), place.model, changes))
    shown = place.shown if place.model is not None else f"{place.shown}:{found.name}"
    cost = count(found.network)
    measures: Row = {measure: int(getattr(cost, measure)) for measure in MEASURES}
    spec: Row = {SPEC: place_of(place.file, shown, found.name, table), **measures, HASH: found.network.hash}
    return spec | {SPEC_DIGEST: digest_of(found.program)}


def changes_in(head: StudyFile) -> Changes:
    """What a study changes in its members. Raises `Refused`."""
    asked = head.changes
    try:
        return changes_of(asked["settings"], asked["scalings"], None, asked["input"], head.recipe)
    except RequestError as error:
        raise Refused(f"{error.option}: {error}") from None


def member_of(study: Study, number: int) -> Member:
    """What trial `number` trains, and how. Raises `Refused`."""
    index = study.row_of(number)
    row = study.rows[index]
    wanted, folder = wanted_for(study.head, row, index, study.folder / POPULATION)
    return Member(wanted, folder, script_words(study.head, row, wanted, number % study.head.seeds))


def wanted_for(head: StudyFile, row: Row, index: int, table: Path) -> tuple[Wanted, Path]:
    """What is trained of a row of a table, and the folder of the user's files. Raises `Refused`."""
    try:
        named = row_of(f"{table}:{index}", index, row, table)
        project, found = Project(named.file), _sound(compiled_row(named, changes_in(head)))
    except Fault as fault:
        raise Refused(_sentence(fault.diagnostic.code, fault.diagnostic.message)) from None
    asked = head.changes
    words = words_of(asked["settings"], asked["scalings"], None, asked["input"])
    try:
        name = emission.chosen_name(None, found.name, (), None, asked["input"])
        return wanted_of(found, project, name, f"{POPULATION}:{index}", words), project.folder
    except (emission.NoEmission, emission.NameFault, ValueError) as fault:
        raise Refused(str(fault)) from None


def script_words(head: StudyFile, row: Row, wanted: Wanted, repeat: int) -> list[str]:
    """The options of the training script: those of the study, those that the row has drawn, and the seed."""
    words = [*head.words, *[f"{flag(name)}={row[name]}" for name in head.options]]
    if head.seeds > 1:
        entry = EntryPoint.of(wanted.script, wanted.texts[wanted.script][1])
        try:
            given: Settings = entry.defaults | settings_given(entry, words)
        except OptionFault as fault:
            raise Refused(str(fault)) from None
        words.append(f"--seed={given['seed'] + repeat}")
    return words


def _sound(found: Compilation) -> Compiled:
    if isinstance(found, Compiled) and found.sound:
        return found
    raise Refused(first_of(found.diagnostics))


def first_of(diagnostics: Diagnostics) -> str:
    """The first error as one sentence, and how many more there are."""
    errors = [each for each in diagnostics if each.severity == "error"]
    if not errors:
        return "it has no network"
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return _sentence(errors[0].code, errors[0].message) + more


def _sentence(code: str, message: str) -> str:
    return f"{code}: {' '.join(message.split())}"


__all__ = [
    "Member",
    "Refused",
    "changes_in",
    "file_row",
    "first_of",
    "member_of",
    "script_words",
    "wanted_for",
]
