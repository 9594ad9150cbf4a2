"""What answers the page's questions: a session over files, of a process of the server, or in the browser."""

from __future__ import annotations

from archdsl import __version__
from archdsl.analysis.program import Reader
from archdsl.graph.conventions import CONVENTIONS
from archdsl.project import Project
from archdsl.records import dataclass
from archdsl.resources import read_data, spec_files
from archdsl.source import Source
from archdsl.views.explore.report import StartReport
from archdsl.views.explore.session import Session
from archdsl.views.explore.texts import SHIPPED
from archdsl.views.head import convention_report
from archdsl.zoo import opened


@dataclass(frozen=True)
class Given:
    """What the page is about."""

    file: str | None = None
    """As it is opened; none for a page without a file of the user's."""
    model: str | None = None
    shipped: str | None = None
    """The path of a file that ships, where that was named."""


def own_project(given: Given) -> Project:
    """The files beside the one that was given; those of the current folder's project where none was."""
    return Project(given.file if given.file is not None else "untitled.arch")


def session_of(given: Given, source: Source | None, read: Reader | None = None) -> Session:
    """A session for a page; `source` is what the file holds, `read` reads those beside it."""
    own = read if read is not None else own_project(given)
    return Session(start_report(given, source), own, Project(opened(shown_first())))


def shown_first() -> str:
    """What a page shows that was given no file: the first of those that ship which stands in no family's folder."""
    return min(spec_files(), key=lambda path: (path.count("/"), path))


def start_report(given: Given, source: Source | None) -> StartReport:
    """What the page begins with."""
    if source is not None:
        path, text = source.key, source.text
    else:
        shipped = given.shipped if given.shipped is not None else shown_first()
        path, text = SHIPPED + shipped, read_data(shipped)
    return StartReport(
        __version__,
        path,
        text,
        given.model or "",
        source is not None,
        tuple([convention_report(each) for each in CONVENTIONS.values()]),
    )
