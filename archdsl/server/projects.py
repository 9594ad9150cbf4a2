"""Which project a document belongs to, and what it is called there; one workspace for each project.

A file is called by its path from its project's root, a module of the installed library by `std.regnet`: nobody changes
it. In a checkout of archdsl the library's texts are files like others, and are checked as such.
What has no file, such as `untitled:Untitled-1`, is called by its URI, in the first folder that the client has open.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes, urlsplit

from archdsl.diagnostics import Diagnostic, Fault
from archdsl.editor import Workspace
from archdsl.files import SourceFault, project_root, read_source
from archdsl.once import cached_property
from archdsl.project import STDIN, SUFFIX, Project
from archdsl.records import dataclass
from archdsl.resources import data_root
from archdsl.source import Source, Span

LIBRARY = "std."
MAX_NAMES = 2_000
"""Names of one folder that are looked at."""
MAX_FILES = 1_000
"""Files of the client's folders that are searched for a symbol."""
MAX_FOLDERS = 5_000


@dataclass(frozen=True)
class Files:
    """A `Reader` of the files below a project's root, and of the standard library."""

    root: Path | None
    """None for a text that is in no folder: then there is nothing but the library."""

    def file(self, path: str) -> Source:
        """The source at a path from the root. Raises `Fault`."""
        if self.root is None:
            where = Span(Source(path, ""), 0, 0)
            raise Fault(Diagnostic("E110", "a text that is in no folder uses no files", where))
        try:
            return Source(path, read_source(self.root / path, self.root).text, path)
        except SourceFault as fault:
            shown = Source(path, fault.source.text)
            moved = SourceFault(fault.kind, fault.message, shown, offset=fault.offset, byte=fault.byte)
            raise Fault(moved.diagnostic()) from None

    def library(self, name: str) -> Source | None:
        """A module of the standard library: `blocks` for `std.blocks`."""
        return Project(STDIN).library(name)

    def names(self, folder: str) -> Sequence[str]:
        """What a folder has that a program can use: `net.arch`, `family/`. Hidden folders and links are left out."""
        if self.root is None:
            return ()
        place = self.root / folder
        if not Path(os.path.realpath(place)).is_relative_to(self.root):
            return ()
        return sorted(_names(place))


def _names(folder: Path) -> Iterator[str]:
    try:
        with os.scandir(folder) as entries:
            for entry, _ in zip(entries, range(MAX_NAMES), strict=False):
                if entry.is_dir(follow_symlinks=False):
                    if not entry.name.startswith("."):
                        yield f"{entry.name}/"
                elif entry.name.endswith(SUFFIX) and entry.is_file(follow_symlinks=False):
                    yield entry.name
    except OSError:  # the folder is gone, or may not be read
        return


@dataclass(frozen=True, eq=False)
class Root:
    """A project: its files, and the workspace that knows its texts."""

    folder: Path | None

    @cached_property
    def workspace(self) -> Workspace:
        return Workspace(Files(self.folder))

    def uri(self, path: str) -> str | None:
        """The URI of a file or module by its name in the project; none of what has no file."""
        if path.startswith(LIBRARY) and not path.endswith(SUFFIX):
            file = library_folder() / f"{path.removeprefix(LIBRARY)}{SUFFIX}"
            return file.as_uri() if file.is_file() else None
        return (self.folder / path).as_uri() if self.folder is not None else None


@dataclass(frozen=True)
class Place:
    """A document in its project."""

    root: Root
    path: str


class Projects:
    """The projects of all documents that were asked about."""

    def __init__(self) -> None:
        self.folders: tuple[Path, ...] = ()
        """The folders that the client has open."""
        self._roots: dict[Path | None, Root] = {}
        self._places: dict[str, Place] = {}
        self._open: dict[tuple[Path | None, str], str] = {}

    def place(self, uri: str) -> Place:
        """Where a document is; that of an open document does not change."""
        return self._places.get(uri) or self._found(uri)

    def open(self, uri: str) -> Place:
        """Where a document is, which is opened."""
        place = self._places[uri] = self.place(uri)
        self._open[place.root.folder, place.path] = uri
        return place

    def close(self, uri: str) -> None:
        """Forget that a document is open, and what was made of a project's texts with the last of them."""
        place = self._places.pop(uri, None)
        if place is None:
            return
        if self._open.get((place.root.folder, place.path)) == uri:
            del self._open[place.root.folder, place.path]
        if all(other.root is not place.root for other in self._places.values()):
            self._roots.pop(place.root.folder, None)

    def uri(self, root: Root, path: str) -> str | None:
        """The URI of a document: the client's, where it has it open."""
        return self._open.get((root.folder, path)) or root.uri(path)

    def forget(self) -> None:
        """Make every workspace anew when it is asked for: the library has changed."""
        self._roots = {folder: Root(folder) for folder in self._roots}
        self._places = {uri: Place(self._roots[place.root.folder], place.path) for uri, place in self._places.items()}

    def files(self) -> Iterator[Path]:
        """The files below the folders that the client has open, in order."""
        found = 0
        for folder in self.folders:
            for path in _walk(folder):
                yield path
                found += 1
                if found >= MAX_FILES:
                    return

    def set_folders(self, uris: Iterable[str]) -> None:
        self.folders = tuple(path for path in map(path_of, uris) if path is not None)

    def _root(self, folder: Path | None) -> Root:
        return self._roots.setdefault(folder, Root(folder))

    def _found(self, uri: str) -> Place:
        file = path_of(uri)
        if file is None:
            folder = project_root(self.folders[0] / "text") if self.folders else None
            return Place(self._root(folder), quote(uri, safe=":"))
        real = Path(os.path.realpath(file.parent)) / file.name
        if of_library(real) and library_is_installed():
            return Place(self._root(_shipped()), f"{LIBRARY}{real.stem}")
        folder = _shipped() if real.is_relative_to(library_folder().parent) else project_root(file)
        return Place(self._root(folder), real.relative_to(folder).as_posix())


def _shipped() -> Path:
    return Path(os.path.realpath(data_root()))


def library_folder() -> Path:
    """Where the texts of the standard library are."""
    return _shipped() / "specs" / "std"


def library_is_installed() -> bool:
    """Whether the library came with a package, and is not that of a checkout."""
    return data_root().name == "_data"


def of_library(file: Path) -> bool:
    """Whether a file is a text of the standard library."""
    return file.suffix == SUFFIX and Path(os.path.realpath(file.parent)) == library_folder()


def _walk(folder: Path) -> Iterator[Path]:
    for (place, folders, files), _ in zip(os.walk(folder), range(MAX_FOLDERS), strict=False):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "node_modules")
        yield from (Path(place, name) for name in sorted(files) if name.endswith(SUFFIX))


def path_of(uri: str) -> Path | None:
    """The file of a URI; none where it is not one of this machine."""
    try:
        parts = urlsplit(uri)
        if parts.scheme.lower() != "file" or parts.netloc not in ("", "localhost") or not parts.path:
            return None
        name = os.fsdecode(unquote_to_bytes(parts.path))
    except ValueError:
        return None
    if os.name == "nt" and name[0] == "/" and name[2:3] == ":":
        name = name[1:]
    path = Path(name)
    return path if path.is_absolute() and "\0" not in name and path.name else None


__all__ = ["LIBRARY", "Files", "Place", "Projects", "Root", "library_folder", "of_library", "path_of"]
