"""Diagnostics: worked out a moment after the last change, and told where they are others than before.

A document is looked at with all that its program uses, so that what is wrong may stand in another file. Then the other
file is told of it, if the client may edit it, and so is the document: at the place in it that leads there, or at its
beginning. What two documents find in a third is told once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from lsprotocol import types

from archdsl.editor import data
from archdsl.records import dataclass
from archdsl.server.convert import View, range_of
from archdsl.server.projects import LIBRARY

DELAY = 0.02
"""Seconds after a change in which further changes come: an editor may send several for one keystroke."""
MOST_DELAYS = 10

SEVERITY = {"error": types.DiagnosticSeverity.Error, "warning": types.DiagnosticSeverity.Warning}


@dataclass(frozen=True)
class Told:
    """What one document says of one file, for a version of that file's text; None where it is not open."""

    version: int | None
    diagnostics: tuple[types.Diagnostic, ...]


Found = Mapping[str, Told]
"""What one document says of files, by their URIs."""


def found_by(view: View, problems: Iterable[data.Problem]) -> Found:
    """The diagnostics of a document's program, by the file that each is told to."""
    by_uri: dict[str, list[types.Diagnostic]] = {view.document.uri: []}
    for problem in problems:
        for uri, diagnostic in _told(view, problem):
            by_uri.setdefault(uri, []).append(diagnostic)
    versions = {view.document.uri: view.document.version}
    versions |= {other.uri: other.version for other in view.others.values()}
    return {uri: Told(versions.get(uri), tuple(found)) for uri, found in by_uri.items()}


def _told(view: View, problem: data.Problem) -> Iterable[tuple[str, types.Diagnostic]]:
    """A problem where it is, and where it is not in the document, also there."""
    own, place = view.path, problem.place
    if place.path == own:
        yield view.document.uri, _diagnostic(view, problem, view.range(place.start, place.end), problem.related)
        return
    lines, uri = view.lines_of(place.path), view.uri_of(place.path)
    if lines is not None and uri is not None and not place.path.startswith(LIBRARY):
        yield uri, _diagnostic(view, problem, range_of(lines, place.start, place.end), problem.related)
    leads = [related.place for related in problem.related if related.place.path == own]
    where = view.range(leads[0].start, leads[0].end) if leads else view.range(0, view.lines.end_of(0))
    rest = [related for related in problem.related if related.place.path != own]
    here = data.Related(place, problem.label or problem.message)
    yield view.document.uri, _diagnostic(view, problem, where, (here, *rest))


def _diagnostic(
    view: View, problem: data.Problem, where: types.Range, related: Iterable[data.Related]
) -> types.Diagnostic:
    help_ = f"help: {problem.help}" if problem.help else ""
    around = [
        types.DiagnosticRelatedInformation(location, other.text or "here")
        for other in related
        if (location := view.location(other.place)) is not None
    ]
    return types.Diagnostic(
        range=where,
        message="\n".join(part for part in (problem.message, problem.label, help_) if part),
        severity=SEVERITY[problem.severity],
        code=problem.code,
        source="archdsl",
        related_information=around or None,
    )


class Asker(Protocol):
    """Who works out what a document says now, in a thread: none where it is not open, or not the same any more."""

    async def __call__(self, uri: str) -> Found | None: ...


class Publisher:
    """Tells the client; lives in the event loop's thread.

    Of a document that changes while it is looked at nothing is told: it is looked at again.
    """

    def __init__(
        self,
        ask: Asker,
        version_of: Callable[[str], int | None],
        tell: Callable[[types.PublishDiagnosticsParams], None],
    ) -> None:
        self._ask = ask
        self._version_of = version_of
        self._tell = tell
        self._found: dict[str, Found] = {}
        self._last: dict[str, types.PublishDiagnosticsParams] = {}
        self._asked: dict[str, int] = {}
        self._running: dict[str, asyncio.Task[None]] = {}

    def changed(self, uri: str) -> None:
        """Look at a document, a moment from now."""
        self._asked[uri] = self._asked.get(uri, 0) + 1
        if uri not in self._running:
            self._running[uri] = asyncio.create_task(self._look(uri))

    def closed(self, uri: str) -> None:
        """Take back what a document said."""
        self._asked.pop(uri, None)
        for target in self._found.pop(uri, {}):
            self._publish(target)
        self._last.pop(uri, None)

    async def _look(self, uri: str) -> None:
        try:
            done = 0
            while uri in self._asked and self._asked[uri] != done:
                await self._quiet(uri)
                done = self._asked.get(uri, 0)
                found = await self._ask(uri)
                if found is not None and self._asked.get(uri) == done:
                    self._take(uri, found)
        finally:
            del self._running[uri]

    async def _quiet(self, uri: str) -> None:
        """Wait until nothing has come for a moment, and not for ever."""
        seen = None
        for _ in range(MOST_DELAYS):
            if seen == (seen := self._asked.get(uri)):
                return
            await asyncio.sleep(DELAY)

    def _take(self, uri: str, found: Found) -> None:
        before = self._found.get(uri, {})
        self._found[uri] = found
        for target in dict.fromkeys([uri, *before, *found]):
            self._publish(target)

    def _publish(self, uri: str) -> None:
        """Tell what all documents say of a file, if it is another thing than was told last."""
        version = self._version_of(uri)
        told = [found[uri] for found in self._found.values() if uri in found]
        diagnostics: dict[object, types.Diagnostic] = {}
        for each in told:
            if each.version == version:  # else it is of an older text, and is asked for again
                for diagnostic in each.diagnostics:
                    diagnostics.setdefault(_key(diagnostic), diagnostic)
        params = types.PublishDiagnosticsParams(uri, list(diagnostics.values()), version)
        if self._last.get(uri) != params and (diagnostics or uri in self._last or version is not None):
            self._last[uri] = params
            self._tell(params)


def _key(diagnostic: types.Diagnostic) -> object:
    start, end = diagnostic.range.start, diagnostic.range.end
    return start.line, start.character, end.line, end.character, diagnostic.code, diagnostic.message


__all__ = ["Asker", "Found", "Publisher", "Told", "found_by"]
