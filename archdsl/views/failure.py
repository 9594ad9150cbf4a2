"""Diagnostics as plain data: the last field of every JSON, and the whole of it where there is no result."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from archdsl import __version__
from archdsl.diagnostics import Diagnostic, Diagnostics
from archdsl.records import documented
from archdsl.source import Span
from archdsl.views.diagnostics import bounded


@documented
class FailureReport:
    """The output of any command with `--format json` where the input is at fault."""

    archdsl: str
    spec: str
    errors: int
    warnings: int
    omitted: int
    """How many diagnostics there are beyond those listed."""
    diagnostics: list[dict[str, Any]]
    """Code, severity, message, file, range, label, labels, help and edits of each, sorted by place."""


def failure(spec: str, diagnostics: Diagnostics) -> FailureReport:
    """The report of a run that has no result."""
    errors = diagnostics.errors
    listed = diagnostic_reports(diagnostics)
    return FailureReport(__version__, spec, errors, len(listed) - errors, diagnostics.omitted, listed)


def diagnostic_reports(diagnostics: Iterable[Diagnostic]) -> list[dict[str, Any]]:
    """Each diagnostic as plain dicts."""
    return [to_json(diagnostic) for diagnostic in diagnostics]


def to_json(diagnostic: Diagnostic) -> dict[str, Any]:
    """The diagnostic as plain dicts. Lines and columns count from 1, offsets from 0, all in characters.

    The end of a range is the place after its last character.
    """
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        "file": diagnostic.span.source.name,
        "range": _range(diagnostic.span),
        "label": diagnostic.label,
        "labels": [
            {"file": label.span.source.name, "range": _range(label.span), "text": label.text}
            for label in diagnostic.labels
        ],
        "help": diagnostic.help,
        "edits": [
            {"file": edit.span.source.name, "range": _range(edit.span), "replacement": edit.replacement}
            for edit in diagnostic.edits
        ],
    }


def _range(span: Span) -> dict[str, Any]:
    def place(offset: int) -> dict[str, int]:
        line, column = span.source.position(offset)
        return {"line": line, "column": column, "offset": offset}

    start, end = bounded(span)
    return {"start": place(start), "end": place(end)}
