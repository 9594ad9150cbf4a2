"""The file that the page is about: what it holds, whether it has changed, and writing it back."""

from __future__ import annotations

import hashlib
from pathlib import Path

from archdsl.explorer.child import state_of
from archdsl.files import FileFault, decode_source, write_atomically
from archdsl.limits import MAX_FILE_BYTES
from archdsl.project import Project
from archdsl.records import dataclass, documented
from archdsl.source import Source, text_fault

_BOM = "\ufeff".encode()


@documented
class FileReport:
    """The file of the page, as it lies on the disk."""

    path: str
    text: str
    digest: str
    """What a later write must name: it fails where the file has become another."""


class Conflict(Exception):
    """The file is not the one that the text was made of."""


@dataclass(frozen=True)
class Watched:
    """One file. Nothing else is ever written."""

    project: Project

    @property
    def place(self) -> Path:
        """Where it lies."""
        return Path(self.project.entry)

    def source(self) -> Source:
        """Its text. Raises `Fault`."""
        return self.project.source()

    def report(self) -> FileReport:
        """What it holds. Raises `Fault`, and `OSError` where it vanishes meanwhile."""
        source = self.source()
        return FileReport(source.key, source.text, _digest(self.place.read_bytes()))

    def state(self) -> object:
        """What tells it from what it was."""
        return state_of(self.place)

    def write(self, text: str, digest: str) -> FileReport:
        """Write a text in its place, if it is still the one of the digest, and keep its line breaks.

        Raises `Conflict`, and `FileFault` for what cannot be written or read again.
        """
        wrong = text_fault(Source("text", text))
        if wrong is not None:
            raise FileFault("forbidden_character", wrong.message)
        try:
            before = self.place.read_bytes()
        except OSError:
            raise Conflict from None
        if _digest(before) != digest:
            raise Conflict
        breaks = "\r\n" if before.count(b"\r\n") == before.count(b"\n") > 0 else "\n"
        lines = text.replace("\r\n", "\n").replace("\n", breaks)
        content = (_BOM if before.startswith(_BOM) else b"") + lines.encode()
        if len(content) > MAX_FILE_BYTES:
            raise FileFault("too_large", f"the text has more than {MAX_FILE_BYTES:,} bytes")
        write_atomically(self.place, content, force=True)
        return FileReport(self.source().key, decode_source("text", content).text, _digest(content))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
