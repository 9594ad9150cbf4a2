"""Texts that are being edited, over those of a `Reader`, and what the compiler made of them.

An answer is of the texts at its beginning. What was made of texts is kept as long as they are the same, and forgotten,
the oldest first, when too many documents are. Several threads may ask at once; what two need at the same time is made
once.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import cached_property
from threading import RLock
from typing import Protocol

from archdsl.analysis.program import Module, Program, Reader
from archdsl.analysis.resolve import Library, load_library
from archdsl.compiler import Compilation, Compiler
from archdsl.diagnostics import Diagnostic, Diagnostics, Fault
from archdsl.editor.data import Place
from archdsl.editor.occurrences import Names, names_of
from archdsl.editor.targets import Trees
from archdsl.records import dataclass
from archdsl.resources import library_modules
from archdsl.source import Source, Span
from archdsl.spaces.entry import spaces_of

MAX_DOCUMENTS = 24
"""Documents of which everything is kept."""
MAX_TEXTS = 1_000
"""Files whose texts are kept."""
LIBRARY = "std."
SUFFIX = ".arch"


class Folders(Protocol):
    """A `Reader` that knows which files there are, beside their texts."""

    def names(self, folder: str) -> Sequence[str]:
        """The names in a folder, relative to the project's root, `` for the root; those of folders end in `/`."""
        ...


Text = Source | Diagnostic
"""A text, or why it cannot be had."""


class Workspace:
    """The texts of a project: those that are edited, and below them those that `read` gives."""

    def __init__(self, read: Reader) -> None:
        self.read = read
        self._lock = RLock()
        self._edited: dict[str, Source] = {}
        self._kept: OrderedDict[str, Text] = OrderedDict()
        self._documents: OrderedDict[str, Document] = OrderedDict()
        self._library = Library(library_modules())
        self._whole = False
        self._stale: set[str] = set()

    # Texts

    def change(self, path: str, text: str) -> None:
        """A text that is edited: it stands in place of what the file has."""
        with self._lock:
            edited = self._edited.get(path)
            if edited is None or edited.text != text:
                self._edited[path] = Source(path, text, path)

    def close(self, path: str) -> None:
        """The text is no longer edited: the file has it again, and is read when it is needed."""
        with self._lock:
            self._edited.pop(path, None)
            self._stale.add(path)
            self._documents.pop(path, None)

    def touch(self, path: str | None = None) -> None:
        """A file, or any of them, has changed on disk."""
        with self._lock:
            self._stale.update(self._kept if path is None else (path,))

    def paths(self) -> tuple[str, ...]:
        """The documents that are edited."""
        with self._lock:
            return tuple(self._edited)

    def users(self, path: str) -> tuple[str, ...]:
        """The documents that are edited and whose programs hold a path, itself among them."""
        found = []
        for name in self.paths():
            document = self.document(name)
            if document is not None and path in document.reads:
                found.append(name)
        return tuple(found)

    def text(self, path: str) -> str:
        """The text of a document. Raises `Fault` where it cannot be had."""
        found = self.found(path)
        if isinstance(found, Diagnostic):
            raise Fault(found)
        return found.text

    def found(self, path: str) -> Text:
        """The source at a path, or why there is none."""
        with self._lock:
            known: Text | None = self._edited.get(path)
            before = self._kept.get(path)
            if known is None and path not in self._stale:
                known = before
            self._stale.discard(path)
        if known is not None:
            return known
        read = self._read(path)
        with self._lock:
            if isinstance(before, Source) and before == read:
                return before  # so that what was made of it is still of it
            self._kept[path] = read
            while len(self._kept) > MAX_TEXTS:
                self._kept.popitem(last=False)
        return read

    def _read(self, path: str) -> Text:
        try:
            if is_library(path):
                found = self.read.library(path.removeprefix(LIBRARY))
                if found is None:
                    return _missing(path)
                return found
            found = self.read.file(path)
        except Fault as fault:
            return fault.diagnostic
        return found if found.path == path else Source(found.name, found.text, path)

    def listed(self, folder: str) -> tuple[str, ...]:
        """The names in a folder, those of edited texts among them."""
        list_names = getattr(self.read, "names", None)
        below = f"{folder}/" if folder else ""
        with self._lock:
            edited = [path[len(below) :] for path in self._edited if path.startswith(below)]
        here = [name.partition("/")[0] + ("/" if "/" in name else "") for name in edited]
        return tuple(sorted({*here, *(list_names(folder) if list_names is not None else ())}))

    # What is made of them

    def document(self, path: str) -> Document | None:
        """A document with what was made of it; none where it has no text."""
        source = self.found(path)
        if isinstance(source, Diagnostic):
            return None
        with self._lock:
            known = self._documents.get(path)
        if known is not None and known.holds(self):
            with self._lock:
                if path in self._documents:
                    self._documents.move_to_end(path)
            return known
        made = Document(path, source, _Reading(self, source), self.library)
        with self._lock:
            current = self._documents.get(path)
            if current is not None and current is not known and current.source is source:
                return current  # another thread was first
            self._documents[path] = made
            while len(self._documents) > MAX_DOCUMENTS:
                self._documents.popitem(last=False)
        return made

    @property
    def library(self) -> Library:
        """The standard library, all of it, so that no thread sees it half loaded."""
        with self._lock:
            if not self._whole:
                for name in self._library.names:
                    load_library(name, self.read, self._library, Diagnostics())
                self._whole = True
        return self._library


class _Reading:
    """A `Reader` of a workspace's texts as they are when they are first asked for."""

    def __init__(self, workspace: Workspace, entry: Source) -> None:
        self.workspace = workspace
        self.texts: dict[str, Text] = {entry.key if not is_library(path_of(entry)) else path_of(entry): entry}

    def file(self, path: str) -> Source:
        found = self.texts.get(path)
        if found is None:
            found = self.texts[path] = self.workspace.found(path)
        if isinstance(found, Diagnostic):
            raise Fault(found)
        return found

    def library(self, name: str) -> Source | None:
        return self.workspace.read.library(name)


@dataclass(frozen=True)
class Checked:
    """What the compiler says of a program."""

    program: Program
    compilations: tuple[Compilation, ...]
    diagnostics: tuple[Diagnostic, ...]


class Document:
    """One text, and what was made of it so far."""

    def __init__(self, path: str, source: Source, reading: _Reading, library: Library) -> None:
        self.path, self.source = path, source
        self._reading = reading
        self._names: dict[str, Names] = {}
        self._resolving, self._checking = RLock(), RLock()
        self._compiler = Compiler(reading, library)
        self._program: Program | None = None
        self._checked: Checked | None = None

    def holds(self, workspace: Workspace) -> bool:
        """Whether the texts are still those that it was made of."""
        return all(workspace.found(path) is text for path, text in tuple(self._reading.texts.items()))

    @property
    def reads(self) -> frozenset[str]:
        """The paths of the files of its program, also of those that cannot be read."""
        _ = self.program
        return frozenset(self._reading.texts)

    @property
    def library(self) -> bool:
        """Whether it is a module of the standard library."""
        return is_library(self.path)

    @property
    def program(self) -> Program:
        """The text with what it uses, its names known."""
        with self._resolving:
            if self._program is None:
                self._program = self._resolved()
            return self._program

    def _resolved(self) -> Program:
        module = self._compiler.library.modules.get(self.path) if self.library else None
        if module is not None:
            return Program(module, (*self._compiler.library.modules.values(),))
        return self._compiler.program(self.source, Diagnostics())

    @property
    def checked(self) -> Checked:
        """Every model compiled. A module of the library is as it is, and is not checked."""
        with self._checking:
            if self._checked is None:
                self._checked = self._checks()
            return self._checked

    def _checks(self) -> Checked:
        if self.library:
            return Checked(self.program, (), ())
        program, compilations, diagnostics = self._compiler.check(self.source)
        spaces_of(self._compiler, program, diagnostics)
        return Checked(program, tuple(compilations), tuple(diagnostics))

    @cached_property
    def trees(self) -> Trees:
        """The trees of the program's modules."""
        return Trees(self.program)

    def names(self, module: Module | None = None) -> Names:
        """The names of the document, or of another module of its program."""
        wanted = self.program.entry if module is None else module
        with self._resolving:
            if wanted.name not in self._names:
                self._names[wanted.name] = names_of(wanted, self.trees)
            return self._names[wanted.name]

    @property
    def modules(self) -> Mapping[str, Module]:
        """The modules of its program, and the library's that it uses, by name."""
        return {module.name: module for module in (self.program.entry, *self.program.modules)}


def is_library(path: str) -> bool:
    """Whether a document is a module of the standard library: no file's path is without a suffix."""
    return path.startswith(LIBRARY) and not path.endswith(SUFFIX)


def path_of(source: Source) -> str:
    """The name of the document that a source is."""
    if source.path:
        return source.path
    if source.name.startswith("std/"):
        return LIBRARY + source.name.removeprefix("std/").removesuffix(SUFFIX)
    return source.name


def place_of(span: Span) -> Place:
    """A span as plain data."""
    return Place(path_of(span.source), span.start, span.end)


def _missing(path: str) -> Diagnostic:
    return Diagnostic("E206", f"there is no module `{path}`", Span(Source(path, ""), 0, 0))


__all__ = ["LIBRARY", "Checked", "Document", "Folders", "Workspace", "is_library", "path_of", "place_of"]
