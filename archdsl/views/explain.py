"""What `archdsl explain` shows: an error code, or how the numbers of a model came about."""

from __future__ import annotations

import textwrap
from typing import Any

from archdsl.analysis.trace import show_value
from archdsl.codes import Code
from archdsl.compiler import Compiled
from archdsl.records import documented
from archdsl.views.head import head, head_line
from archdsl.views.provenance import (
    ChangeReport,
    OriginReport,
    SolvedReport,
    TieReport,
    change_reports,
    origin_reports,
    solved_reports,
    solved_text,
    tie_reports,
)
from archdsl.views.tables import table


@documented
class ExplainReport:
    """The output of `archdsl explain FILE --format json`: changes of the scalings, or origins without one."""

    archdsl: str
    spec: str
    model: str
    hash: str
    input: list[int]
    changes: list[ChangeReport]
    origins: list[OriginReport]
    ties: list[TieReport]
    """The exact halves among the numbers of the stages."""
    solved: list[SolvedReport]
    diagnostics: list[dict[str, Any]]


@documented
class CodeReport:
    """The output of `archdsl explain CODE --format json`."""

    code: str
    title: str
    explanation: str
    wrong: str | None
    """An example that has the fault."""
    right: str | None
    """The same without it."""


def explain_report(result: Compiled, spec: str) -> ExplainReport:
    """The JSON of a model's provenance."""
    from archdsl.views.failure import diagnostic_reports

    model = result.model
    return ExplainReport(
        **head(result, spec),
        changes=change_reports(model),
        origins=origin_reports(model),
        ties=tie_reports(model),
        solved=solved_reports(model),
        diagnostics=diagnostic_reports(result.diagnostics),
    )


def explain_text(result: Compiled) -> str:
    """What scalings changed, or else where the settings come from; and the rounded halves."""
    return (_scalings(result) if result.model.changes else _origins(result)) + _ties(result)


def code_report(code: Code) -> CodeReport:
    """The JSON of an error code."""
    return CodeReport(code.code, code.title, code.explanation, code.wrong, code.right)


def code_text(code: Code) -> str:
    """What an error means, with an example of it and of what is right."""
    parts = [f"{code.code}: {code.title}\n\n{textwrap.fill(code.explanation, 100)}\n"]
    if code.wrong is not None:
        parts.append("Wrong:\n\n" + _indented(code.wrong))
    if code.right is not None:
        parts.append("Right:\n\n" + _indented(code.right))
    return "\n".join(parts)


def _indented(text: str) -> str:
    return "".join(f"    {line}".rstrip() + "\n" for line in text.strip("\n").split("\n"))


def _readable(value: Any) -> Any:
    """A value for the table: numbers that are no integers in short decimals."""
    return value if isinstance(value, int) and not isinstance(value, bool) else show_value(value)


def _scalings(result: Compiled) -> str:
    """For every scaled number: base, multiplied, rounded, adjusted, and the lines that did it."""
    reports = change_reports(result.model, _readable)
    notes: dict[tuple[str, str], int] = {}

    def note(rule: str, at: str) -> str:
        return f"({notes.setdefault((at, rule), len(notes) + 1)})"

    rows: list[list[Any]] = []
    several = len({r.scaling for r in reports}) > 1
    steps = any(r.moved is not None for r in reports)
    by_block = any(r.taken_from is not None for r in reports)
    for r in reports:
        why = " ".join([note(r.rule, r.rule_at), *[note(line.text, line.at) for line in r.fit]])
        path = f"{r.scaling}: {r.path}" if several else r.path
        adjusted = r.adjusted if r.adjusted != (r.rounded if r.moved is None else r.moved) else "="
        taken = "" if r.taken_from is None else r.taken_from
        moved = "" if r.moved is None else r.moved
        numbers = [r.base, r.multiplied, r.rounded, *([moved] if steps else []), adjusted]
        rows.append([path, *([taken] if by_block else []), *numbers, why])
    if not rows:
        return f"{head_line(result)}\n\nThe scaling changed no number.\n"
    columns = ["base", "multiplied", "rounded", *(["moved"] if steps else []), "adjusted"]
    headers = ["", *(["block"] if by_block else []), *columns, "why"]
    lines = [f"({number}) {at}: {rule}" for (at, rule), number in notes.items()]
    solved = solved_text(result.model) + "\n" if result.model.solved else ""
    said = (
        "base: before; multiplied: before rounding; rounded: by the scaling's line; adjusted: by the block's `fit`.\n"
    )
    said = said.replace("; adjusted", "; moved: by a step towards the budget; adjusted") if steps else said
    said = "block: the base's block that a block is taken from, by its index.\n" * by_block + said
    return f"{head_line(result)}\n\n{table(headers, rows)}\n{said}\n" + solved + "".join(line + "\n" for line in lines)


def _origins(result: Compiled) -> str:
    """For every stage: what was requested and what is used, with the rule and the line of `fit`."""
    rows: list[list[Any]] = []
    notes: dict[tuple[str, str], int] = {}
    for r in origin_reports(result.model, _readable):
        used = r.used if r.used != r.requested else "="
        fits = [f"({notes.setdefault((line.at, line.text), len(notes) + 1)})" for line in r.fit]
        rows.append([r.path, r.requested, used, " ".join(fits), f"{r.rule_at}: {_short(r.rule)}"])
    if not rows:
        return (
            f"{head_line(result)}\n\nNothing was derived: no stage has attributes; all numbers stand in the blocks.\n"
        )
    text = f"{head_line(result)}\n\n" + table(["", "requested", "used", "fit", "rule"], rows)
    lines = [f"({number}) {at}: {line}\n" for (at, line), number in notes.items()]
    return text + ("\n" + "".join(lines) if lines else "")


def _ties(result: Compiled) -> str:
    """The exact halves that were rounded, which code in doubles may decide otherwise; nothing where there are none."""
    ties = tie_reports(result.model)
    if not ties:
        return ""
    head = "\nExact halves, of which the even neighbour is taken; code that computes in doubles may take the other:\n\n"
    return head + "".join(f"{tie.value} -> {tie.taken}  {tie.rule_at}: {_short(tie.rule)}\n" for tie in ties)


def _short(text: str) -> str:
    return text if len(text) <= 80 else text[:79] + "…"
