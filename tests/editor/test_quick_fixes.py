"""Every edit that a diagnostic has, applied as the editor offers it: the diagnostic is gone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from chunks import Chunk, read_folder
from editor.shipped import Shipped, applied

from archdsl.editor import Workspace, actions, diagnostics

CHUNKS = read_folder(Path(__file__).resolve().parent.parent / "errors")
_FILE = re.compile(r"^#! file (.+)\n", re.MULTILINE)


def files_of(chunk: Chunk) -> Mapping[str, str]:
    """The files of a chunk; its own is `case.arch`."""
    _, *rest = parts = _FILE.split(chunk.text)
    return {"case.arch": parts[0], **dict(zip(rest[::2], rest[1::2], strict=True))}


def told(workspace: Workspace) -> list[tuple[str, str]]:
    return [(problem.code, problem.message) for problem in diagnostics(workspace, "case.arch")]


def test_it_is_gone() -> None:
    workspace = Workspace(Shipped())
    tried = 0
    for chunk in CHUNKS:
        files = files_of(chunk)
        for path, text in files.items():
            workspace.change(path, text)
        text = files["case.arch"]
        before = told(workspace)
        said = {(p.code, p.place): p.message for p in diagnostics(workspace, "case.arch")}
        for action in actions(workspace, "case.arch", 0, len(text)):
            if all(change.path == "case.arch" for change in action.changes):
                tried += 1
                workspace.change("case.arch", applied(text, action.changes))
                fault = action.code, said[action.code, action.place]
                assert told(workspace).count(fault) < before.count(fault), f"{chunk.name}: {action.title}"
        for path in files:
            workspace.close(path)
    assert tried > 100
