"""What is wrong with a text, and the edits that mend it."""

from __future__ import annotations

from archdsl.diagnostics import Diagnostic, Edit
from archdsl.editor.data import Action, Change, Place, Problem, Related
from archdsl.editor.words import bounded
from archdsl.editor.workspace import Workspace, path_of, place_of


def diagnostics(workspace: Workspace, path: str) -> tuple[Problem, ...]:
    """What the compiler says of a document's program: of all its models, of its recipes, and of the laws of its spaces.

    Whether a space has a member, and how many, is not looked at here: `archdsl check` does.
    """
    found = workspace.found(path)
    if isinstance(found, Diagnostic):
        return (problem(found),)
    document = workspace.document(path)
    return tuple([problem(d) for d in document.checked.diagnostics]) if document is not None else ()


def problem(diagnostic: Diagnostic) -> Problem:
    """A diagnostic as plain data."""
    return Problem(
        diagnostic.code,
        diagnostic.severity,
        bounded(diagnostic.message),
        place_of(diagnostic.span),
        bounded(diagnostic.label),
        tuple([Related(place_of(label.span), bounded(label.text)) for label in diagnostic.labels]),
        bounded(diagnostic.help) if diagnostic.help is not None else None,
        tuple([change(edit) for edit in diagnostic.edits]),
    )


def change(edit: Edit) -> Change:
    """An edit as plain data."""
    return Change(path_of(edit.span.source), edit.span.start, edit.span.end, edit.replacement)


def actions(workspace: Workspace, path: str, start: int, end: int) -> tuple[Action, ...]:
    """The edits that mend the problems between two places."""
    told = [p for p in diagnostics(workspace, path) if p.changes and _touches(p.place, path, start, end)]
    return tuple([Action(_title(p), p.code, p.changes, p.place) for p in told])


def _touches(place: Place, path: str, start: int, end: int) -> bool:
    return place.path == path and place.start <= max(start, end) and place.end >= min(start, end)


def _title(told: Problem) -> str:
    """The help, as what is done: ``write `conv` ``."""
    text = told.help or told.message
    if text.startswith("did you mean "):
        text = "change to " + text.removeprefix("did you mean ").rstrip("?")
    return text[:1].upper() + text[1:]


__all__ = ["actions", "change", "diagnostics", "problem"]
