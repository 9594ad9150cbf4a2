"""What `archdsl lint` shows: what a target runs badly, where in the text it stands, and who says so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from archdsl.compiler import Compiled
from archdsl.diagnostics import Diagnostic
from archdsl.linting.findings import Finding
from archdsl.linting.rules import SEVERITIES, Document, Severity, Target
from archdsl.records import documented
from archdsl.source import Span
from archdsl.views.diagnostics import render_text
from archdsl.views.failure import diagnostic_reports, to_json
from archdsl.views.head import head, head_line
from archdsl.views.tables import table

MOST_PATHS = 3
"""Of a finding, that the text lists."""


@documented
class FindingReport:
    """Operations at one place in the text of which a rule says the same."""

    rule: str
    severity: Severity
    message: str
    operation: str
    paths: list[str]
    """Of the operations, as they are called in the emitted module."""
    file: str | None
    """Where the operation is applied; null where nothing tells."""
    range: dict[str, Any] | None
    """Lines and columns from 1, offsets from 0; the end is behind the last character."""
    help: str | None
    source: Document


@documented
class LintReport:
    """The output of `archdsl lint NET --target NAME --format json`."""

    archdsl: str
    spec: str
    model: str
    hash: str
    input: list[int]
    target: str
    text: str
    """What the target is."""
    rules: int
    """How many were asked."""
    operations: int
    """How many operations of the network a rule speaks of."""
    of: int
    """How many operations it has."""
    findings: list[FindingReport]
    diagnostics: list[dict[str, Any]]


def lint_report(result: Compiled, spec: str, target: Target, found: Sequence[Finding]) -> LintReport:
    """The JSON."""
    return LintReport(
        **head(result, spec),
        target=target.name,
        text=target.text,
        rules=len(target.rules),
        operations=len({path for each in found for path in each.paths}),
        of=len(result.network.nodes),
        findings=[_report(each) for each in found],
        diagnostics=diagnostic_reports(result.diagnostics),
    )


def _report(each: Finding) -> FindingReport:
    place = to_json(_diagnostic(each, each.span)) if each.span is not None else None
    return FindingReport(
        each.rule.name,
        each.rule.severity,
        each.message,
        each.operation,
        list(each.paths),
        place["file"] if place is not None else None,
        place["range"] if place is not None else None,
        each.rule.help,
        each.rule.source,
    )


def _diagnostic(each: Finding, span: Span) -> Diagnostic:
    return Diagnostic(each.rule.name, each.message, span, help=each.rule.help, severity="warning")


def lint_text(result: Compiled, target: Target, found: Sequence[Finding], color: bool) -> str:
    """The findings with the text around them, and what each rule rests on."""
    lines = [f"{head_line(result)}\n\n"]
    for each in found:
        shown = each.paths[:MOST_PATHS]
        more = f", and {len(each.paths) - len(shown):,} more" if len(each.paths) > len(shown) else ""
        if each.span is not None:
            lines.append(f"{render_text(_diagnostic(each, each.span), color)}\n")
        else:
            lines.append(f"warning[{each.rule.name}]: {each.message}\n")
            lines += [f"help: {each.rule.help}\n"] if each.rule.help is not None else []
        lines.append(f"at: {', '.join(shown)}{more}\n\n")
    rows = []
    for rule in target.rules:
        paths = {path for each in found if each.rule is rule for path in each.paths}
        if paths:
            rows.append((rule.name, rule.severity, len(paths), rule.source.says, rule.source.url))
    if rows:
        lines += [table(("rule", "severity", "operations", "what is said", "source"), rows), "\n"]
        severities = dict.fromkeys([row[1] for row in rows])
        lines += [f"{name}: {SEVERITIES[name]}\n" for name in severities]
    told = len({path for each in found for path in each.paths})
    lines.append(
        f"{told:,} of {len(result.network.nodes):,} operations, by {len(target.rules)} rules for {target.text}\n"
    )
    return "".join(lines)


@documented
class TargetReport:
    """A target whose rules ship with archdsl."""

    name: str
    text: str
    rules: int


@documented
class TargetsReport:
    """The output of `archdsl lint --list --format json`."""

    archdsl: str
    targets: list[TargetReport]


def targets_text(targets: Sequence[Target]) -> str:
    """The table of targets."""
    return table(("target", "what it is", "rules"), [(each.name, each.text, len(each.rules)) for each in targets])


__all__ = ["LintReport", "TargetReport", "TargetsReport", "lint_report", "lint_text", "targets_text"]
