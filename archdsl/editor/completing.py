"""How a text may go on at a place, and what a call takes; also in text that is half typed."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from archdsl.analysis.prelude import PRELUDE
from archdsl.analysis.program import Definition, Named, Primitive
from archdsl.editor.candidates import Candidates
from archdsl.editor.cursor import Cursor, cursor_at
from archdsl.editor.data import MAX_COMPLETIONS, Completion, Parameter, Proposal, Signature
from archdsl.editor.describe import described, setting_fact
from archdsl.editor.words import bounded
from archdsl.editor.workspace import SUFFIX, Document, Workspace
from archdsl.syntax.faults import RESERVED

MAX_PATHS = 200


def completion(workspace: Workspace, path: str, offset: int) -> Completion:
    """What may stand at a place. Proposals that begin with what is typed come before those that hold its letters."""
    document = workspace.document(path)
    if document is None:
        return Completion(offset, offset, (), False)
    offset = max(0, min(offset, len(document.source.text)))
    cursor = cursor_at(document.source, document.lexemes, offset)
    if cursor.silent:
        return Completion(offset, offset, (), False)
    if cursor.text is not None:
        return _paths(workspace, document, cursor, offset)
    found = {}
    candidates = Candidates(workspace, document, cursor)
    for rank, group in enumerate(candidates.groups()):
        for place, proposal in enumerate(group):
            fits = _fits(cursor.prefix, proposal.label)
            if fits is not None and proposal.label not in found:
                found[proposal.label] = (fits, rank, place), proposal
    ordered = [proposal for _, proposal in sorted(found.values(), key=lambda pair: pair[0])]
    kept = tuple(ordered[:MAX_COMPLETIONS])
    return Completion(cursor.start, offset, kept, candidates.left_out or len(ordered) > len(kept))


def _fits(prefix: str, label: str) -> int | None:
    """How well a name goes with what is typed: 0 for its beginning; nothing where its letters are not in it."""
    if label.startswith(prefix):
        return 0
    low, name = prefix.lower(), label.lower()
    if name.startswith(low):
        return 1
    if low in name:
        return 2
    letters = iter(name)
    return 3 if all(letter in letters for letter in low) and name[:1] == low[:1] else None


def _paths(workspace: Workspace, document: Document, cursor: Cursor, offset: int) -> Completion:
    """The files and folders behind a `use "`."""
    typed = cursor.text or ""
    if cursor.before != "use" or "\\" in typed:
        return Completion(offset, offset, (), False)
    below, _, prefix = typed.rpartition("/")
    folder = posixpath.normpath(posixpath.join(posixpath.dirname(document.path), below))
    folder = "" if folder == "." else folder
    if folder.startswith(("..", "/")):
        return Completion(offset, offset, (), False)
    names = [n for n in workspace.listed(folder) if n.startswith(prefix) and not n.startswith(".")]
    if below in ("", "..") or below.endswith("/.."):
        names += ["../"] if folder and "../".startswith(prefix) else []
    kept = [n for n in names if n.endswith(("/", SUFFIX)) and posixpath.join(folder, n) != document.path]
    proposals = [Proposal(n, "file", "", "", n) for n in kept[:MAX_PATHS]]
    return Completion(offset - len(prefix), offset, tuple(proposals), len(kept) > MAX_PATHS)


def signature(workspace: Workspace, path: str, offset: int) -> Signature | None:
    """What the call around a place takes, with the parameter that is being written."""
    document = workspace.document(path)
    if document is None:
        return None
    cursor = cursor_at(document.source, document.lexemes, offset)
    frame = next((f for f in reversed(cursor.frames) if f.inside in ("call", "configured")), None)
    if frame is None or cursor.silent or frame.name in RESERVED:
        return None
    names = document.program.entry.names
    taken = frame.name in cursor.parameters or frame.name in cursor.bound
    named = None if taken else names.get(frame.name) or PRELUDE.get(frame.name)
    said = described(named)
    if said is None or named is None:
        return None
    label, parameters = _labelled(named, frame.name, said.signature)
    wanted = frame.argument if frame.inside == "call" else (frame.key[-1] if frame.value and frame.key else "")
    listed = [label[p.start : p.end].partition(":")[0] for p in parameters]
    active = listed.index(wanted) if wanted in listed else None
    if not wanted and frame.inside == "call" and not frame.given and isinstance(named, Definition):
        inputs = len(named.inputs)
        active = frame.commas if named.kind != "block" and inputs + frame.commas < len(parameters) else None
    return Signature(label, said.text, tuple(parameters), active)


def _labelled(named: Named, name: str, signature: str) -> tuple[str, list[Parameter]]:
    """The head with its parameters by place. Inputs of a block stand before its settings."""
    if not isinstance(named, Definition | Primitive):
        return signature, []
    label = f"{name}("
    found: list[Parameter] = []
    inputs = named.inputs if isinstance(named, Definition) else ()
    label += ", ".join(inputs) + ("; " if inputs else "")
    for part, text in _parts(named):
        label += ", " if found else ""
        found.append(Parameter(len(label), len(label) + len(part), bounded(text)))
        label += part
    return label + ")", found


def _parts(named: Definition | Primitive) -> Iterator[tuple[str, str]]:
    names = named.parameter_names if isinstance(named, Definition) else [a.name for a in named.operation.attributes]
    for name in names:
        fact = setting_fact(named, name)
        if fact is not None:
            yield (name if fact.value == "required" else f"{name}: {fact.value}"), fact.note


__all__ = ["completion", "signature"]
