"""Texts of the page as sources, and the files that they use; faults as data."""

from __future__ import annotations

from collections.abc import Iterable

from archdsl.analysis.program import Reader
from archdsl.diagnostics import Diagnostic, Fault
from archdsl.editor.data import Problem
from archdsl.editor.problems import problem
from archdsl.records import dataclass
from archdsl.resources import spec_files
from archdsl.source import Source, Span

SUFFIX = ".arch"
UNTITLED = "untitled.arch"
"""The path of a text that is no file's: beside the file that was given, or in the project's root."""


@dataclass(frozen=True)
class Texts:
    """A `Reader` of programs alone, whatever else lies in a project: a fault may quote a line of what was read."""

    read: Reader

    def file(self, path: str) -> Source:
        """As `Reader.file`. Raises `Fault`."""
        if not path.endswith(SUFFIX):
            raise Fault(Diagnostic("E110", f"the path does not end in {SUFFIX}", Span(Source(path, ""), 0, 0)))
        return self.read.file(path)

    def library(self, name: str) -> Source | None:
        """As `Reader.library`."""
        return self.read.library(name)


SHIPPED = "archdsl:"
"""Before the path of a file that ships: a project may have another of that path."""


def shipped_path(path: str) -> str | None:
    """The path of a file that ships with archdsl, where a path is one of these: `archdsl:specs/regnety_4gf.arch`."""
    name = path.removeprefix(SHIPPED)
    return name if path.startswith(SHIPPED) and name in spec_files() else None


def written_path(path: str) -> str:
    """A path as it is written down for others: that of a shipped file without what tells that it is one."""
    return path.removeprefix(SHIPPED)


def problems_of(diagnostics: Iterable[Diagnostic]) -> tuple[Problem, ...]:
    """Diagnostics as an editor shows them."""
    return tuple([problem(each) for each in diagnostics])


__all__ = ["SHIPPED", "SUFFIX", "UNTITLED", "Texts", "problems_of", "shipped_path", "written_path"]
