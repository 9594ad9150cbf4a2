"""Texts that are being edited, over those of a `Reader`, and what the compiler made of them.

An answer is of the texts at its beginning. What was made of texts is kept as long as they are the same, and forgotten,
the oldest first, when too many documents are. Several threads may ask at once; what two need at the same time is made
once.
"""

from __future__ import annotations

import posixpath
import re
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from threading import RLock
from typing import Protocol

from archdsl.analysis.program import Module, Program, Reader
from archdsl.analysis.resolve import Library, load_library
from archdsl.analysis.traces import Traces
from archdsl.compiler import Compilation, Compiler, Memory, shared_library
from archdsl.diagnostics import Diagnostic, Diagnostics, Fault
from archdsl.editor.data import Place
from archdsl.editor.models import Built, Counts, built_models
from archdsl.editor.occurrences import Names, names_of
from archdsl.editor.targets import Occurrence, Trees
from archdsl.once import cached_property
from archdsl.records import dataclass
from archdsl.source import Source, Span
from archdsl.spaces.entry import spaces_of
from archdsl.syntax.lexemes import Lexeme, lexemes

MAX_DOCUMENTS = 24
"""Documents of which everything is kept."""
MAX_FILES = 2_000
"""Files of a project that are searched."""
MAX_TEXTS = 2_000
"""Files whose texts are kept."""
LIBRARY = "std."
SUFFIX = ".arch"
_USES = re.compile(r"\buse\s+\"([^\"\n]*)\"")


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
        self._memory, self._traces = Memory(documented=False), Traces()  # documentation is asked of declarations
        self.counts = Counts()
        self._stale: set[str] = set()
        self._linked: OrderedDict[str, tuple[Source, tuple[str, ...]]] = OrderedDict()

    def again(self, texts: Mapping[str, str]) -> Workspace:
        """Another workspace with the texts that are edited here, and some others; it shares what is kept."""
        other = Workspace(_Saved(self))
        other._memory, other._traces, other.counts = self._memory, self._traces, self.counts
        for path in self.paths():
            other.change(path, self.text(path))
        for path, text in texts.items():
            other.change(path, text)
        return other

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

    @property
    def crowded(self) -> bool:
        """Whether the project has more files than are searched."""
        return len(self.files()) > MAX_FILES

    def ships(self, path: str) -> bool:
        """Whether a file is the text of a module of the library, which other files use as that."""
        folder, name = posixpath.split(path)
        if posixpath.basename(folder) != "std" or not name.endswith(SUFFIX):
            return False
        module, saved = self._read(LIBRARY + name.removesuffix(SUFFIX)), self._read(path)
        return isinstance(module, Source) and isinstance(saved, Source) and module.text == saved.text

    def files(self) -> tuple[str, ...]:
        """The files of the project, as far as they are known or can be listed; of more than `MAX_FILES` a few."""
        with self._lock:
            found = dict.fromkeys((*self._edited, *[name for name in self._kept if not is_library(name)]))
        waiting = [""]
        while waiting and len(found) <= MAX_FILES:
            folder = waiting.pop()
            for name in self.listed(folder):
                whole = f"{folder}/{name}" if folder else name
                if name.endswith("/") and not name.startswith("."):
                    waiting.append(whole.removesuffix("/"))
                elif name.endswith(SUFFIX):
                    found[whole] = None
        return tuple(found)[: MAX_FILES + 1]

    def using(self, path: str) -> tuple[str, ...]:
        """The files of the project whose programs may hold a file: those that use it, or another that does."""
        before: dict[str, list[str]] = {}
        for name in self.files():
            for used in self._links(name):
                before.setdefault(used, []).append(name)
        found, waiting = {path: None}, [path]
        while waiting:
            for name in before.get(waiting.pop(), ()):
                if name not in found:
                    found[name] = None
                    waiting.append(name)
        return tuple(found)

    def _links(self, path: str) -> tuple[str, ...]:
        """The files that a text names behind `use`, also in comments."""
        source = self.found(path)
        if isinstance(source, Diagnostic):
            return ()
        with self._lock:
            known = self._linked.get(path)
        if known is None or known[0] is not source:
            folder = posixpath.dirname(path)
            named = [posixpath.normpath(posixpath.join(folder, used)) for used in _USES.findall(source.text)]
            known = source, tuple(named)
            with self._lock:
                self._linked[path] = known
                while len(self._linked) > MAX_TEXTS:
                    self._linked.popitem(last=False)
        return known[1]

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
        reading = _Reading(self, source)
        made = Document(
            path, source, reading, Compiler(reading, self.library, None, self._traces, self._memory), self.counts
        )
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
        """The standard library, all of it: also modules that no text uses yet are proposed."""
        library = shared_library()
        for name in library.names:
            load_library(name, self.read, library, Diagnostics())
        return library


class _Saved:
    """What a workspace has read, as a `Reader` for another."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self.library = workspace.read.library

    def file(self, path: str) -> Source:
        found = self._workspace.found(path)
        if isinstance(found, Diagnostic):
            raise Fault(found)
        return found

    def names(self, folder: str) -> tuple[str, ...]:
        return self._workspace.listed(folder)


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

    def __init__(self, path: str, source: Source, reading: _Reading, compiler: Compiler, counts: Counts) -> None:
        self.path, self.source, self.counts = path, source, counts
        self._reading = reading
        self._names: dict[str, Names] = {}
        self._resolving, self._checking = RLock(), RLock()
        self._compiler = compiler
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
    def whole(self) -> bool:
        """Whether all of the text could be read."""
        return self.trees.of(self.program.entry).complete

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
    def lexemes(self) -> tuple[Lexeme, ...]:
        """All of the text but its blanks."""
        return lexemes(self.source)

    def lexeme_at(self, offset: int) -> Lexeme | None:
        """The lexeme around a place, or that ends there."""
        position = bisect_left(self._ends, offset)
        found = self.lexemes[position] if position < len(self.lexemes) else None
        return found if found is not None and found[1] <= offset else None

    @cached_property
    def _ends(self) -> list[int]:
        return [end for _, _, end in self.lexemes]

    @cached_property
    def built(self) -> tuple[Built, ...]:
        """One model for each declaration that gives parts."""
        return built_models(self.program, self.checked.compilations, self.counts)

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

    def name_at(self, offset: int) -> Occurrence | None:
        """The name at a place; in text that could not be read, what the module has by that name."""
        found = self.names().at(offset)
        if found is not None:
            return found
        lexeme = self.lexeme_at(offset)
        if lexeme is None or lexeme[0] != "NAME":
            return None
        return self.outer(self.source.text[lexeme[1] : lexeme[2]], lexeme[1], lexeme[2])

    def outer(self, name: str, start: int, end: int) -> Occurrence | None:
        """A name as one of the module's, or of the prelude."""
        target = self.trees.outer(self.program.entry, name)
        return Occurrence(start, end, (target,)) if target is not None else None

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
