"""Diagnostics as SARIF 2.1.0 (OASIS), which code scanning services and editors read.

Lines and columns are those of all our outputs: from 1, columns in characters (`unicodeCodePoints`), the end of a region
behind its last character. A place in the standard library, or in what standard input gave, is no file of the reader's:
its URI is `archdsl:std/blocks.arch` or `archdsl:stdin`.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from archdsl import __version__
from archdsl.codes import Code, codes
from archdsl.diagnostics import Diagnostic, Diagnostics, Edit
from archdsl.resources import read_data
from archdsl.source import Source, Span
from archdsl.views.diagnostics import bounded

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
STDIN = "stdin"
_LINK = re.compile(r"\[(?=[^\]\n]*\]\()")


def sarif_text(paths: Sequence[str], diagnostics: Diagnostics) -> str:
    """The log of a run as JSON, all of it in ASCII."""
    return json.dumps(sarif(paths, diagnostics), indent=2) + "\n"


def sarif(paths: Sequence[str], diagnostics: Diagnostics) -> dict[str, Any]:
    """One run over the files at these paths: a rule for each code that was reported, a result for each diagnostic."""
    reported = list(diagnostics)
    rules = sorted({diagnostic.code for diagnostic in reported})
    index = {code: number for number, code in enumerate(rules)}
    results = [_result(diagnostic, index) for diagnostic in reported]
    invocation: dict[str, Any] = {"executionSuccessful": True, "exitCode": int(diagnostics.failed)}
    if diagnostics.omitted:
        text = f"{diagnostics.omitted:,} more diagnostics are not listed"
        invocation["toolExecutionNotifications"] = [{"level": "warning", "message": {"text": text}}]
    driver = {"name": "archdsl", "version": __version__, "rules": [_rule(codes()[code]) for code in rules]}
    run = {
        "tool": {"driver": driver},
        "invocations": [invocation],
        "columnKind": "unicodeCodePoints",
        "artifacts": [{"location": _location_of_path(path), "roles": ["analysisTarget"]} for path in paths],
        "results": results,
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(code: Code) -> dict[str, Any]:
    examples = [("With the fault", code.wrong), ("Without it", code.right)]
    shown = [f"{title}:\n\n```arch\n{text.rstrip()}\n```" for title, text in examples if text is not None]
    plain = [f"{title}:\n{text.rstrip()}" for title, text in examples if text is not None]
    return {
        "id": code.code,
        "shortDescription": {"text": code.title},
        "fullDescription": {"text": code.explanation},
        "help": {
            "text": "\n\n".join([code.explanation, *plain]),
            "markdown": "\n\n".join([code.explanation, *shown]),
        },
    }


def _result(diagnostic: Diagnostic, index: dict[str, int]) -> dict[str, Any]:
    says = diagnostic.message if diagnostic.help is None else f"{diagnostic.message}\nhelp: {diagnostic.help}"
    found: dict[str, Any] = {
        "ruleId": diagnostic.code,
        "ruleIndex": index[diagnostic.code],
        "level": diagnostic.severity,
        "message": {"text": _plain(says)},
        "locations": [_place(diagnostic.span, diagnostic.label)],
    }
    if diagnostic.labels:
        related = enumerate(diagnostic.labels)
        found["relatedLocations"] = [{"id": number, **_place(label.span, label.text)} for number, label in related]
    if diagnostic.edits:
        fix = {"artifactChanges": _changes(diagnostic.edits)}
        found["fixes"] = [fix if diagnostic.help is None else {"description": {"text": _plain(diagnostic.help)}, **fix}]
    return found


def _changes(edits: Iterable[Edit]) -> list[dict[str, Any]]:
    """The edits of a fix by file: regions that are replaced, and by what."""
    files: dict[Source, list[Edit]] = {}
    for edit in edits:
        files.setdefault(edit.span.source, []).append(edit)
    return [
        {
            "artifactLocation": _location(source),
            "replacements": [
                {"deletedRegion": _region(edit.span), "insertedContent": {"text": edit.replacement}} for edit in inside
            ],
        }
        for source, inside in files.items()
    ]


def _place(span: Span, text: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "physicalLocation": {"artifactLocation": _location(span.source), "region": _region(span)},
    }
    return {**found, "message": {"text": _plain(text)}} if text else found


def _region(span: Span) -> dict[str, int]:
    start, end = bounded(span)
    (line, column), (last, behind) = span.source.position(start), span.source.position(end)
    return {"startLine": line, "startColumn": column, "endLine": last, "endColumn": behind}


def _location(source: Source) -> dict[str, str]:
    if _is_ours(source):
        return {"uri": f"archdsl:{quote(source.name)}"}
    return _location_of_path(source.name)


def _location_of_path(path: str) -> dict[str, str]:
    if path in ("-", STDIN):
        return {"uri": f"archdsl:{STDIN}"}
    if os.path.isabs(path):
        return {"uri": "file://" + quote(Path(path).as_posix(), errors="surrogateescape")}
    return {"uri": quote(Path(path).as_posix(), errors="surrogateescape"), "uriBaseId": "%SRCROOT%"}


def _is_ours(source: Source) -> bool:
    """Whether a source is a module of the standard library, which is named as a file beside the user's would be."""
    if source.path or not source.name.startswith("std/"):
        return False
    try:
        return read_data(f"specs/{source.name}") == source.text
    except FileNotFoundError:
        return False


def _plain(text: str) -> str:
    """A text as a message: braces are doubled, as the format has it, and nothing of a program becomes a link."""
    return _LINK.sub(r"\\[", text.replace("{", "{{").replace("}", "}}"))


__all__ = ["sarif", "sarif_text"]
