"""Diagnostics as commands of a GitHub workflow, which shows them in the changes of a pull request.

A line is `::error file=…,line=…::message`. Whatever a program's text or a file's name holds, it stays in its place:
line breaks and `%` are escaped, in properties `:` and `,` too.
"""

from __future__ import annotations

from collections.abc import Iterator

from archdsl.diagnostics import Diagnostic, Diagnostics
from archdsl.source import Span
from archdsl.views.diagnostics import bounded


def annotation_lines(diagnostics: Diagnostics) -> Iterator[str]:
    """A line for each diagnostic, by place, and one for those that were not kept."""
    for diagnostic in diagnostics:
        yield _line(diagnostic)
    if diagnostics.omitted:
        yield f"::notice::{diagnostics.omitted:,} more diagnostics are not shown\n"


def _line(diagnostic: Diagnostic) -> str:
    source = diagnostic.span.source
    properties = {"file": source.name, **_range(diagnostic.span), "title": diagnostic.code}
    says = [diagnostic.message]
    if diagnostic.label:
        says[0] += f" ({diagnostic.label})"
    says += [f"{label.span}: {label.text}" for label in diagnostic.labels]
    if diagnostic.help is not None:
        says.append(f"help: {diagnostic.help}")
    listed = ",".join([f"{name}={_property(str(value))}" for name, value in properties.items()])
    return f"::{diagnostic.severity} {listed}::{_data(chr(10).join(says))}\n"


def _range(span: Span) -> dict[str, int]:
    """Columns only where all is on one line: GitHub takes them so."""
    start, end = bounded(span)
    (line, column), (last, _) = span.source.position(start), span.source.position(max(end - 1, start))
    return {"line": line, "col": column} if line == last else {"line": line, "endLine": last}


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


__all__ = ["annotation_lines"]
