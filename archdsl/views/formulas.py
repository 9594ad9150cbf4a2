"""The closed forms of a model's counts, for `archdsl cost --formulas`."""

from __future__ import annotations

from archdsl.analysis.model import Model
from archdsl.graph.conventions import Convention
from archdsl.graph.cost import MEASURES
from archdsl.records import documented


@documented
class SymbolReport:
    """A symbol of the closed forms, with its value in this model."""

    name: str
    value: int
    text: str


@documented
class FormReport:
    """The closed forms of a stage, or of all."""

    path: str
    flops: str
    params: str
    acts: str


@documented
class FormulasReport:
    """Closed forms of the counts. The stages add up to the total. They hold where all conditions do."""

    symbols: list[SymbolReport]
    whole: list[str]
    """Quotients that must be whole numbers."""
    conditions: list[str]
    """What else was decided on the symbols: `w_0/8 <= 16`."""
    stages: list[FormReport]
    total: FormReport


def formulas_report(model: Model, convention: Convention) -> FormulasReport:
    """The closed forms by a convention.

    Raises `Fault` where the model has none for a reason that can be told, and `AlreadyReported` where it is told.
    """
    from archdsl.closed_forms import formulas_of

    found = formulas_of(model, convention)
    *stages, total = [FormReport(row.name, row.flops, row.params, row.acts) for row in found.rows()]
    symbols = [SymbolReport(s.name, s.value, s.text) for s in found.symbols]
    return FormulasReport(symbols, list(found.whole), list(found.decided), stages, total)


def formulas_text(found: FormulasReport, *, markdown: bool) -> str:
    """Each stage's forms, the symbols with their values, and where the forms hold."""
    lines = []
    for form in (*found.stages, found.total):
        lines.append(f"### {form.path}\n" if markdown else form.path)
        for measure in MEASURES:
            text = getattr(form, measure)
            lines.append(f"- {measure} = `{text}`" if markdown else f"  {measure:6} = {text}")
        if markdown:
            lines.append("")
    lines += ["", "where"] + [f"  {s.name:8} = {s.value:<8,}  {s.text}" for s in found.symbols]
    if found.whole or found.conditions:
        lines += ["", "They hold where"]
    if found.whole:
        are = "is a whole number" if len(found.whole) == 1 else "are whole numbers"
        lines += [f"  {', '.join(found.whole)} {are}"]
    lines += [f"  {condition}" for condition in found.conditions]
    return "\n".join(lines) + "\n"
