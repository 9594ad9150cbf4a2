"""What `archdsl space info` shows: the dimensions of a space with their laws, its size, and who is admitted."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from archdsl import __version__
from archdsl.analysis.names import plural
from archdsl.graph.conventions import CONVENTIONS, DEFAULT
from archdsl.records import documented
from archdsl.spaces.laws import Draw, Grid, Law
from archdsl.spaces.population import show_number
from archdsl.spaces.space import Derived, Space
from archdsl.views.acceptance import AcceptanceReport, acceptance_text
from archdsl.views.diff import written
from archdsl.views.head import ConventionReport, convention_report, counted_as
from archdsl.views.tables import Cell, size, table

if TYPE_CHECKING:
    from archdsl.spaces.arrays.counted import Structure

SHOWN = 8
"""Values of a domain that a line holds."""


@documented
class DrawReport:
    """A name that is drawn."""

    name: str
    law: str
    """`equal`, `log` or `weights`: how probable the values are."""
    values: str
    """Its values, as many as a line holds."""
    size: int
    """How many values there are of one item."""
    items: int | None
    """How long the list is; null for a single value."""
    tied: bool
    """Whether the items of the list are equal: drawn once."""
    dimensions: int
    """How many numbers are drawn for it."""
    settings: int
    """How many values it has in all."""


@documented
class PartReport:
    """Draws whose costs depend on no other draw."""

    draws: list[str]
    """By name; an item of a list as `kernels[2]`."""
    settings: int
    """Settings of them that requirements admit, but for those of costs."""


@documented
class StructureReport:
    """Whether the costs of the networks are sums of what parts of a setting cost: then they are counted by sums."""

    sums: bool
    reason: str | None
    """Why they are not, or not as far as is known; else null."""
    cases: int
    """Into how many cases the settings fall, each with sums of its own."""
    parts: list[PartReport]
    """In the first case."""


@documented
class SpaceReport:
    """The output of `archdsl space info SPACE --format json`."""

    archdsl: str
    spec: str
    space: str
    doc: str
    refines: str | None
    space_hash: str
    """A digest of the texts that it is made of: what a population refers to."""
    dimensions: int
    """How many numbers a setting is made of."""
    free_dimensions: int
    """Of them, those that have more than one value."""
    settings: int
    draws: list[DrawReport]
    derived: list[str]
    """Names between draws and model, as they are written."""
    model: str
    """The expression of the model."""
    convention: ConventionReport
    """How costs in the conditions are counted."""
    input: list[int] | None
    """At which they are counted; null for the model's own."""
    recipe: str | None
    reward: str | None
    structure: StructureReport | None
    """Null where nothing was drawn."""
    acceptance: AcceptanceReport | None
    """Null where nothing was drawn."""


def structure_report(found: Structure) -> StructureReport:
    """Whether costs are sums, and of what."""
    parts = [PartReport(list(names), settings) for names, settings in found.parts]
    return StructureReport(found.tied is None, found.tied, found.cases, parts)


def structure_text(found: StructureReport) -> str:
    """The same in a line or two."""
    if found.reason is not None:
        return f"not counted by sums: {found.reason}"
    if not found.parts:
        return "counted by sums: nothing is valid"
    cases = f", in each of {found.cases:,} cases" if found.cases > 1 else ""
    costs = f"costs are a constant and a number for each of {len(found.parts)} parts of a setting"
    if len(found.parts) == 1:
        costs = "all draws have their costs together"
    lines = [f"counted by sums: {costs}{cases}"]
    shown = found.parts[:SHOWN]
    lines += [f"  {', '.join(part.draws)}: {plural(part.settings, 'setting')}" for part in shown]
    lines += [f"  … ({len(found.parts)})"] if len(found.parts) > SHOWN else []
    return "\n".join(lines)


def space_report(
    space: Space,
    spec: str,
    digest: str,
    structure: Structure | None,
    acceptance: AcceptanceReport | None,
) -> SpaceReport:
    """What a space is, and what became of settings that were drawn of it."""
    convention = CONVENTIONS[space.convention] if space.convention is not None else DEFAULT
    return SpaceReport(
        archdsl=__version__,
        spec=spec,
        space=space.name,
        doc=" ".join(space.doc.split()),
        refines=space.refines.name if space.refines is not None else None,
        space_hash=digest,
        dimensions=space.dimensions,
        free_dimensions=space.free_dimensions,
        settings=space.settings,
        draws=[draw_report(draw) for draw in space.draws],
        derived=[_line(step.binding.span.text) for step in space.steps if isinstance(step, Derived)],
        model=_line(space.model.span.text),
        convention=convention_report(convention),
        input=[int(extent) for extent in space.at] if space.at is not None else None,
        recipe=_line(space.recipe.span.text) if space.recipe is not None else None,
        reward=_line(space.reward.span.text) if space.reward is not None else None,
        structure=structure_report(structure) if structure is not None else None,
        acceptance=acceptance,
    )


def _line(text: str) -> str:
    return " ".join(text.split())


def draw_report(draw: Draw) -> DrawReport:
    """A draw with its values in words."""
    law = draw.law
    return DrawReport(
        draw.name,
        law.probability,
        values_text(law),
        law.domain.size,
        draw.count,
        draw.tied,
        draw.dimensions,
        draw.settings,
    )


def values_text(law: Law) -> str:
    """The values of a law: `1 .. 16`, `8 .. 1,024 by 8`, `1, 2, 4`, with their shares where these are listed."""
    domain = law.domain
    if isinstance(domain, Grid):
        first, last = domain.first, domain.value(domain.size - 1)
        if domain.size == 1:
            return show_number(first)
        by = "" if domain.step == 1 else f" by {show_number(domain.step)}"
        return f"{show_number(first)} .. {show_number(last)}{by}"
    texts = [f'"{v}"' if isinstance(v, str) else show_number(v) if _number(v) else written(v) for v in domain.values]
    if law.probability == "weights":
        texts = [f"{text} ({show_number(share)})" for text, share in zip(texts, law.weights, strict=True)]
    return ", ".join(texts[:SHOWN]) + (f", … ({len(texts)})" if len(texts) > SHOWN else "")


def _number(value: object) -> bool:
    return isinstance(value, int | Fraction) and not isinstance(value, bool)


def space_text(found: SpaceReport) -> str:
    """The space for a reader."""
    above = f", refines {found.refines}" if found.refines is not None else ""
    lines = [f"{found.space}{above}"]
    lines += [found.doc] if found.doc else []
    free = f", {found.free_dimensions} of them free" if found.free_dimensions != found.dimensions else ""
    lines += [f"{found.dimensions} dimensions{free}; {count_text(found.settings)} settings", ""]
    rows: list[list[Cell]] = [
        [each.name, each.law, each.values, each.size, _items(each), count_text(each.settings)] for each in found.draws
    ]
    lines.append(table(["draw", "law", "values", "size", "items", "settings"], rows))
    lines += [f"{text}" for text in found.derived]
    lines.append(f"model: {found.model}")
    at = f" at {size(found.input)}" if found.input is not None else ""
    lines.append(f"costs: flops are {counted_as(found.convention)}{at}")
    lines += [f"recipe: {found.recipe}"] if found.recipe is not None else []
    lines += [f"reward: {found.reward}"] if found.reward is not None else []
    lines += [structure_text(found.structure)] if found.structure is not None else []
    text = "\n".join(lines) + "\n"
    return text if found.acceptance is None else f"{text}\n{acceptance_text(found.acceptance)}"


def _items(draw: DrawReport) -> str:
    if draw.items is None:
        return ""
    return f"{draw.items} tied" if draw.tied else f"{draw.items}"


def count_text(number: int) -> str:
    """A whole number with all its digits where these are few; else its size, and where the digits are."""
    text = size_text(number)
    return f"{text} (exact with --format json)" if text.startswith("about") else text


def size_text(number: int) -> str:
    """A whole number with all its digits where these are few; else its size, said to be rounded."""
    text = f"{number:,}"
    if len(text) <= 40:
        return text
    digits = len(text.replace(",", ""))
    return f"about {str(number)[0]}.{str(number)[1:3]}e{digits - 1}"
