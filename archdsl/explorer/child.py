"""A process that answers the page's questions, one behind the other; the server ends it where one takes too long.

Lines come in and lines go out. The first says which file the page is about. `ask REQUEST` is answered by JSON;
`changed` by the paths of files that were read and are others now, which are then read again.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TextIO

from archdsl.explorer.engine import Given, own_project, session_of
from archdsl.project import Project
from archdsl.source import Source

State = tuple[int, int] | None
"""When a file was changed, and its size; none where it is not there."""


class Watching:
    """A `Reader` of a project's files that knows which of them have changed since they were read."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._states: dict[str, State] = {}

    def file(self, path: str) -> Source:
        """As `Project.file`. Raises `Fault`."""
        self._states[path] = self._state(path)  # first: a change while it is read is seen
        return self._project.file(path)

    def library(self, name: str) -> Source | None:
        """As `Project.library`."""
        return self._project.library(name)

    def changed(self) -> list[str]:
        """The files that are others than those that were read; they count as read from now on."""
        found = [path for path, state in self._states.items() if self._state(path) != state]
        self._states.update({path: self._state(path) for path in found})
        return found

    def _state(self, path: str) -> State:
        return state_of(self._project.root / path)


def state_of(path: Path) -> State:
    """What tells a file from what it was."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_size


def answer_lines(lines: TextIO, answers: TextIO) -> None:
    """Answer every line, until there are no more."""
    first = json.loads(lines.readline())
    given = Given(**first)
    watched = Watching(own_project(given))
    session = session_of(given, None, watched)
    told: list[str] = []
    for line in lines:
        word, _, rest = line.rstrip("\n").partition(" ")
        changed = watched.changed()
        if changed:
            session.forget()
            told += changed
        if word == "changed":
            answer, told = json.dumps(told), []
        else:
            answer = session.answer_text(rest)
        answers.write(answer + "\n")
        answers.flush()


def main() -> None:
    """Answer on standard output what comes on standard input."""
    sys.stdin.reconfigure(encoding="utf-8", errors="surrogatepass")  # type: ignore[union-attr]
    try:
        answer_lines(sys.stdin, sys.stdout)
    except (BrokenPipeError, KeyboardInterrupt):
        sys.stderr.close()  # the server has ended
