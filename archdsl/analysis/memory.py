"""What a compiler keeps of texts that change a little at a time, as in an editor.

Parsed files are kept by their texts, and one that has changed is read around the change alone. Programs are kept by the
texts that they were read from, and compilations by the text of the model and of all that it uses: a model is compiled
again when a word of these changes, and not when a comment does or what stands around it. What is kept is what a
compiler without it would find; only places are those of an older text, and `Moves` says where they are now. All of it
is bounded, and several threads may use one.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import replace
from threading import Lock
from typing import Any, Generic, NamedTuple, TypeVar

from archdsl.analysis.context import Searched, Searches
from archdsl.analysis.program import Definition, Program, Reader
from archdsl.analysis.uses import Region, Used, Uses, pieces
from archdsl.diagnostics import Diagnostic, Diagnostics, Fault
from archdsl.records import dataclass
from archdsl.source import Source, Span
from archdsl.syntax import ast
from archdsl.syntax.parser import Read, read
from archdsl.syntax.rereading import reread

MAX_FILES = 16
MAX_PROGRAMS = 8
MAX_MODELS = 256
"""So many are kept, those asked for last."""
MAX_BLOCKS = 2048
MAX_VERSIONS = 2
"""Of one model so many are kept: what it is, and what it was before an edit that is taken back."""

Item = TypeVar("Item")


class _Recent(Generic[Item]):
    """The entries that were asked for last."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._entries: OrderedDict[Hashable, Item] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable) -> Item | None:
        with self._lock:
            found = self._entries.get(key)
            if found is not None:
                self._entries.move_to_end(key)
            return found

    def put(self, key: Hashable, item: Item) -> None:
        with self._lock:
            self._entries[key] = item
            self._entries.move_to_end(key)
            while len(self._entries) > self._most:
                self._entries.popitem(last=False)

    def drop(self, key: Hashable) -> None:
        with self._lock:
            self._entries.pop(key, None)

    def __len__(self) -> int:
        with self._lock:
            return len(self._entries)


@dataclass(frozen=True, slots=True)
class Moves:
    """From places of an older text to those of the present one: regions of both in the same order."""

    old: tuple[Region, ...] = ()
    new: tuple[Region, ...] = ()

    def here(self, span: Span) -> Span:
        """The place in the present text; what is in no region, as in the library, is where it was."""
        for old, new in zip(self.old, self.new, strict=True):
            if old.start <= span.start and span.end <= old.end and old.source.key == span.source.key:
                start, end = span.start - old.start, span.end - old.start
                if old.text != new.text:
                    start, end = _moved(old.text, new.text, start, end)
                return Span(new.source, new.start + start, new.start + end)
        return span

    def told(self, diagnostic: Diagnostic) -> Diagnostic:
        """A diagnostic with its places in the present text."""
        here = self.here
        return replace(
            diagnostic,
            span=here(diagnostic.span),
            labels=tuple([replace(label, span=here(label.span)) for label in diagnostic.labels]),
            edits=tuple([replace(edit, span=here(edit.span)) for edit in diagnostic.edits]),
        )


def _moved(old: str, new: str, start: int, end: int) -> tuple[int, int]:
    """Offsets in a text that has the same words with other blanks and comments between them."""
    before, after = pieces(old), pieces(new)
    if len(before) != len(after):
        return start, end
    return _offset(start, before, after), _offset(end - 1, before, after) + 1 if end > start else 0


def _offset(offset: int, before: list[re.Match[str]], after: list[re.Match[str]]) -> int:
    for one, other in zip(before, after, strict=True):
        if offset < one.end():
            return other.start() + max(0, offset - one.start())
    return after[-1].end() if after else 0


class _Kept(NamedTuple):
    """A compilation, what was told in it alone, and where it stood."""

    found: Any
    told: tuple[Diagnostic, ...]
    omitted: int
    regions: tuple[Region, ...]


class _KeptProgram(NamedTuple):
    program: Program
    told: tuple[Diagnostic, ...]
    omitted: int
    settled: frozenset[tuple[str, int, int]]
    files: tuple[tuple[str, str], ...]


class _Searches:
    """What the searches of one evaluation found, by the text of all that is evaluated and by their order."""

    def __init__(self, kept: _Recent[Searched], made: Hashable) -> None:
        self._kept = kept
        self._made = made
        self._count = 0
        self._step = ""

    def known(self, step: str) -> Searched | None:
        self._count += 1
        self._step = step
        return self._kept.get(self._key)

    def keep(self, found: Searched) -> None:
        self._kept.put(self._key, found)

    @property
    def _key(self) -> Hashable:
        return self._made, self._count, self._step


class Memory:
    """What is kept; empty at first. It may serve several compilers with the same library.

    Unless it is `documented`, what is kept of a program may have the documentation of an older text: for those who show
    that of the declarations, and nothing that is written of networks.
    """

    def __init__(self, *, documented: bool = True) -> None:
        self._documented = documented
        self._parsed: _Recent[tuple[ast.File, list[Diagnostic]]] = _Recent(MAX_FILES)
        self._sound: _Recent[Read] = _Recent(MAX_FILES)
        """Of each file what was read last without a fault."""
        self._programs: _Recent[_KeptProgram] = _Recent(MAX_PROGRAMS)
        self._models: _Recent[_Kept] = _Recent(MAX_MODELS)
        self._versions: _Recent[tuple[Hashable, ...]] = _Recent(MAX_MODELS)
        self._uses: _Recent[Uses] = _Recent(MAX_PROGRAMS)
        self._blocks: _Recent[object] = _Recent(MAX_BLOCKS)
        self._searched: _Recent[Searched] = _Recent(MAX_MODELS)

    @property
    def size(self) -> int:
        """The number of compilations that are kept."""
        return len(self._models)

    def parse(self, source: Source) -> tuple[ast.File, list[Diagnostic]]:
        """As `parser.parse`."""
        key = (source.name, source.path, source.text)
        found = self._parsed.get(key)
        if found is None:
            before = self._sound.get(source.key)
            made = (reread(source, before) if before is not None else None) or read(source)
            if not made.diagnostics:
                self._sound.put(source.key, made)
            found = made.file, made.diagnostics
            self._parsed.put(key, found)
        return found

    def program(
        self, source: Source, read: Reader, diagnostics: Diagnostics, make: Callable[[Reader, Diagnostics], Program]
    ) -> Program:
        """The program of a source, which `make` resolves where a file that it uses has changed."""
        key = (source.name, source.path, source.text)
        known = self._programs.get(key)
        if known is None or not all(_text(read, path) == text for path, text in known.files):
            own, reading = Diagnostics(), _Reading(read)
            program = make(reading, own)
            self._settle(program)
            files = tuple(reading.files.items())
            known = _KeptProgram(program, tuple(own), own.omitted, frozenset(own.settled), files)
            self._programs.put(key, known)
        diagnostics.extend(known.told)
        diagnostics.omitted += known.omitted
        diagnostics.settled |= known.settled
        return known.program

    def _uses_of(self, program: Program) -> Uses:
        known = self._uses.get(id(program))
        if known is None or known.program is not program:
            known = Uses(program, documented=self._documented)
            self._uses.put(id(program), known)
        return known

    def _settle(self, program: Program) -> None:
        """Give the blocks and functions of a new program what they have in common with those of an older text, so that
        what was traced of them is found."""
        uses = self._uses_of(program)
        for module in program.modules:
            for named in module.names.values() if not module.library else ():
                if isinstance(named, Definition) and named.kind in ("block", "fn") and named.module is module:
                    key = uses.block(named)
                    token = self._blocks.get(key)
                    if token is None:
                        token = object()
                        self._blocks.put(key, token)
                    named.share(token)

    def compilation(
        self, program: Program, name: str, diagnostics: Diagnostics, make: Callable[[Diagnostics, Searches], Any]
    ) -> tuple[Any, Moves]:
        """What `make` finds of a model or recipe of a program, and where its places are now; both may be of an older
        text."""
        used = self._uses_of(program).model(name)
        file = program.entry.source.key
        kept = self._models.get((file, used.exact)) or self._models.get((file, used.plain))
        if kept is None:
            own = Diagnostics()
            own.settled = set(diagnostics.settled)
            found = make(own, _Searches(self._searched, (file, used.made)))
            kept = _Kept(found, tuple(own), own.omitted, used.regions)
            self._keep(file, name, kept, used)
        moves = Moves(kept.regions, used.regions)
        diagnostics.extend([moves.told(diagnostic) for diagnostic in kept.told])
        diagnostics.omitted += kept.omitted
        return kept.found, moves

    def _keep(self, file: str, name: str, kept: _Kept, used: Used) -> None:
        """Keep a compilation by the text as it is, or, where it has a network and nothing is told, by its words."""
        told = [d.span for d in kept.told]
        told += [label.span for d in kept.told for label in d.labels] + [e.span for d in kept.told for e in d.edits]
        if not all(_stands_in(place, used) for place in told):
            return  # what is told stands elsewhere, and may not be so when that changes
        clean = not kept.told and getattr(kept.found, "network", None) is not None
        key = (file, used.plain if clean else used.exact)
        before = [other for other in self._versions.get((file, name)) or () if other != key]
        for old in before[: len(before) + 1 - MAX_VERSIONS]:
            self._models.drop(old)
        self._models.put(key, kept)
        self._versions.put((file, name), (*before[-MAX_VERSIONS + 1 :], key))


def _stands_in(span: Span, used: Used) -> bool:
    """Whether a place moves along with what a model uses, or is none of the program's files."""
    key = span.source.key
    within = any(r.start <= span.start and span.end <= r.end and r.source.key == key for r in used.regions)
    return within or key not in used.files


# Files that a program was read from


class _Reading:
    """A reader that notes what it reads."""

    def __init__(self, below: Reader) -> None:
        self.below = below
        self.files: dict[str, str] = {}

    def file(self, path: str) -> Source:
        self.files[path] = _text(self.below, path)
        return self.below.file(path)

    def library(self, name: str) -> Source | None:
        return self.below.library(name)


def _text(read: Reader, path: str) -> str:
    """The text of a file; where it cannot be had, a sentence that no text of a program is."""
    try:
        found = read.file(path)
    except Fault as fault:
        return f"\0{fault.diagnostic.code} {fault.diagnostic.message}"
    return f"{found.name}\0{found.text}"


__all__ = ["Memory", "Moves"]
