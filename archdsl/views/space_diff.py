"""What `archdsl space diff` shows: what became of draws and requirements, and of the size of the space."""

from __future__ import annotations

from archdsl import __version__
from archdsl.records import documented
from archdsl.spaces.comparison import Change, Comparison
from archdsl.spaces.laws import Draw
from archdsl.views.space import DrawReport, draw_report
from archdsl.views.space import count_text as number_text
from archdsl.views.tables import Cell, table


@documented
class SpaceSide:
    """One of the two spaces."""

    spec: str
    space: str
    dimensions: int
    settings: int


@documented
class DrawnReport:
    """A draw in both spaces; null where one has none of that name."""

    name: str
    change: Change
    """The values are the `same`, `fewer`, `more` or `other` ones; the same with another `law`; `added`; `removed`."""
    a: DrawReport | None
    b: DrawReport | None


@documented
class FieldDifference:
    """Model, convention, input, recipe or reward, where they differ."""

    name: str
    a: str | None
    b: str | None


@documented
class SpaceDiffReport:
    """The output of `archdsl space diff A B --format json`."""

    archdsl: str
    same: bool
    narrows: bool
    """Whether every member of b is told to be one of a; false where it is not told."""
    a: SpaceSide
    b: SpaceSide
    draws: list[DrawnReport]
    added: list[str]
    """Requirements and derived names that only b has."""
    removed: list[str]
    """Those that only a has."""
    fields: list[FieldDifference]


def space_diff_report(found: Comparison, specs: tuple[str, str]) -> SpaceDiffReport:
    """Two spaces beside each other."""
    sides = [
        SpaceSide(spec, space.name, space.dimensions, space.settings)
        for spec, space in zip(specs, (found.a, found.b), strict=True)
    ]
    draws = [DrawnReport(each.name, each.change, _draw(each.a), _draw(each.b)) for each in found.draws]
    fields = [FieldDifference(*each) for each in found.fields]
    changed = list(found.added), list(found.removed)
    return SpaceDiffReport(__version__, found.same, found.narrows, sides[0], sides[1], draws, *changed, fields)


def _draw(draw: Draw | None) -> DrawReport | None:
    return draw_report(draw) if draw is not None else None


def space_diff_text(found: SpaceDiffReport) -> str:
    """The differences for a reader."""
    lines = [f"--- {found.a.spec}  {found.a.space}", f"+++ {found.b.spec}  {found.b.space}", ""]
    if found.same:
        return "\n".join([*lines, "Both mean the same."]) + "\n"
    rows: list[list[Cell]] = [
        [each.name, each.change, _words(each.a), _words(each.b)] for each in found.draws if each.change != "same"
    ]
    lines += [table(["draw", "values", "first", "second"], rows)] if rows else []
    lines += [f"- {text}" for text in found.removed] + [f"+ {text}" for text in found.added]
    lines += [f"~ {each.name}: {each.a or 'none'} -> {each.b or 'none'}" for each in found.fields]
    lines.append(f"dimensions: {found.a.dimensions} -> {found.b.dimensions}")
    lines.append(f"settings: {number_text(found.a.settings)} -> {number_text(found.b.settings)}")
    if found.narrows:
        lines.append(f"every member of {found.b.space} is a member of {found.a.space}")
    return "\n".join(lines) + "\n"


def _words(draw: DrawReport | None) -> str:
    if draw is None:
        return ""
    law = "" if draw.law == "equal" else f"{draw.law} "
    items = "" if draw.items is None else f", {draw.items} {'tied' if draw.tied else 'items'}"
    return f"{law}{draw.values}{items}"
