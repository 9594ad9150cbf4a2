"""Workspaces over the networks that ship, and texts with marks in them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

from archdsl.diagnostics import Fault
from archdsl.editor import Change, Workspace
from archdsl.files import SourceFault
from archdsl.resources import data_root, read_data
from archdsl.source import Source

SPECS = sorted(path.relative_to(data_root()).as_posix() for path in (data_root() / "specs").rglob("*.arch"))


class Shipped:
    """A `Reader` of what ships, and of texts beside it, that lists its folders."""

    def __init__(self, files: dict[str, str] | None = None) -> None:
        self.files = files or {}

    def file(self, path: str) -> Source:
        text = self.files.get(path) or shipped(path)
        if text is None:
            raise Fault(SourceFault("unreadable", "there is no such file", Source(path, "")).diagnostic())
        return Source(path, text, path)

    def library(self, name: str) -> Source | None:
        text = shipped(f"specs/std/{name}.arch")
        return Source(f"std/{name}.arch", text) if text is not None else None

    def names(self, folder: str) -> list[str]:
        below = f"{folder}/" if folder else ""
        inside = [path[len(below) :] for path in (*SPECS, *self.files) if path.startswith(below)]
        return sorted({name.partition("/")[0] + ("/" if "/" in name else "") for name in inside})


@cache
def shipped(path: str) -> str | None:
    """The text of a file that ships."""
    return read_data(path) if (data_root() / Path(path)).is_file() else None


def applied(text: str, changes: Iterable[Change]) -> str:
    """A text with changes of it, which do not overlap."""
    for change in sorted(changes, key=lambda c: (c.start, c.end), reverse=True):
        text = text[: change.start] + change.text + text[change.end :]
    return text


def at(marked: str) -> tuple[str, int]:
    """A text without its mark `¦`, and the offset of that."""
    return marked.replace("¦", ""), marked.index("¦")


def edited(**texts: str) -> Workspace:
    """A workspace in which texts are edited, by the names of their files."""
    workspace = Workspace(Shipped())
    for name, text in texts.items():
        workspace.change(f"{name}.arch", text)
    return workspace
