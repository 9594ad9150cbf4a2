"""The files of one run of the command line, as the compiler asks for them.

What enters is the path of an entry file, as a user gave it, or `-` for standard input; what leaves are sources.
A file of the program must lie below the project's root; the standard library comes with the package. Names in
diagnostics are paths as the user sees them from the current folder.
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import replace
from pathlib import Path

from archdsl.diagnostics import Diagnostic, Fault
from archdsl.files import SourceFault, decode_source, project_root, read_source
from archdsl.limits import MAX_FILE_BYTES
from archdsl.once import cached_property
from archdsl.records import dataclass
from archdsl.resources import data_root, read_data
from archdsl.source import Source, Span

STDIN = "-"
STDIN_NAME = "stdin"
SUFFIX = ".arch"
_LIBRARY_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}", re.ASCII)


@dataclass(frozen=True)
class Project:
    """A `Reader` of the files below the root of an entry file's project, and of the standard library."""

    entry: str

    @cached_property
    def root(self) -> Path:
        """The project's root: see `archdsl.files.project_root`."""
        entry = Path(STDIN_NAME if self.entry == STDIN else self.entry)
        shipped = data_root()
        if Path(os.path.realpath(entry)).is_relative_to(os.path.realpath(shipped / "specs")):
            return Path(os.path.realpath(shipped))  # wherever the package is installed
        return project_root(entry)

    @property
    def folder(self) -> Path:
        """Where the user's files are: beside the entry file; here for standard input and networks that are shipped."""
        real = Path(os.path.realpath(self.entry))
        if self.entry == STDIN or real.is_relative_to(os.path.realpath(data_root() / "specs")):
            return Path(".")
        return real.parent

    def source(self) -> Source:
        """The entry file. Raises `Fault`."""
        if self.entry == STDIN:
            return self._standard_input()
        path = Path(self.entry)
        try:
            found = read_source(path, self.root)
            inside = Path(os.path.realpath(path.parent)) / path.name
            return replace(found, path=inside.relative_to(self.root).as_posix())
        except SourceFault as fault:
            raise Fault(fault.diagnostic()) from None
        except (OSError, ValueError):  # a name that no file can have, one such as `..`, or no current folder
            where = Span(Source(path.as_posix(), ""), 0, 0)
            raise Fault(Diagnostic("E110", "the path does not name a file", where)) from None

    def _standard_input(self) -> Source:
        if sys.stdin is None:
            raise Fault(Diagnostic("E110", "standard input is closed", Span(Source(STDIN_NAME, ""), 0, 0)))
        stream = getattr(sys.stdin, "buffer", None)
        content = stream.read(MAX_FILE_BYTES + 1) if stream is not None else sys.stdin.read().encode()
        here = os.path.relpath(os.path.realpath("."), self.root)
        try:
            found = decode_source(STDIN_NAME, content)
        except SourceFault as fault:
            raise Fault(fault.diagnostic()) from None
        return replace(found, path=(Path(here) / STDIN_NAME).as_posix())

    def file(self, path: str) -> Source:
        """The source at a path from the root. Raises `Fault`."""
        try:
            found = read_source(self.root / path, self.root)
        except SourceFault as fault:
            shown = Source(self._shown(path), fault.source.text)
            moved = SourceFault(fault.kind, fault.message, shown, offset=fault.offset, byte=fault.byte)
            raise Fault(moved.diagnostic()) from None
        return Source(self._shown(path), found.text, path)

    def names(self, folder: str) -> list[str]:
        """The files and folders in a folder below the root, those of folders with `/` behind them; for editors.

        None where the folder cannot be read, or leads out of the project by a link; hidden ones are left out.
        """
        where = self.root / folder
        if not Path(os.path.realpath(where)).is_relative_to(os.path.realpath(self.root)):
            return []
        try:
            with os.scandir(where) as entries:
                found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
        except (OSError, ValueError):
            return []
        kept = [name + "/" if folder_ else name for name, folder_ in found if folder_ or name.endswith(SUFFIX)]
        return sorted(name for name in kept if not name.startswith("."))

    def _shown(self, path: str) -> str:
        """A path as the user sees it: absolute if the entry was given so, else from the current folder."""
        full = self.root / path
        if os.path.isabs(self.entry):
            return full.as_posix()
        try:
            return Path(os.path.relpath(full, os.path.realpath("."))).as_posix()
        except (OSError, ValueError):  # no current folder, or another drive
            return full.as_posix()

    def library(self, name: str) -> Source | None:
        """A module of the standard library: `blocks` for `std.blocks`."""
        if _LIBRARY_NAME.fullmatch(name) is None:
            return None
        try:
            return Source(f"std/{name}{SUFFIX}", read_data(f"specs/std/{name}{SUFFIX}"))
        except FileNotFoundError:
            return None


def expand(paths: tuple[str, ...]) -> list[str]:
    """Files as given, and for a folder all `.arch` files below it, sorted; links to folders are not followed."""
    found: dict[str, None] = {}
    for path in paths:
        if path == STDIN or not os.path.isdir(path):
            found[path] = None
            continue
        below = []
        for folder, folders, files in os.walk(path):
            folders[:] = [name for name in folders if not name.startswith(".")]
            below += [Path(folder, name).as_posix() for name in files if name.endswith(SUFFIX)]
        found.update(dict.fromkeys(sorted(below)))
    return list(found)
