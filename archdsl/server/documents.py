"""The documents that a client has open, as it has them: texts, versions, and positions in them.

Only the event loop's thread changes them; a `Document` is a value, which any thread may read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from archdsl.once import cached_property
from archdsl.records import dataclass
from archdsl.server.positions import Encoding, Lines, joined


@dataclass(frozen=True)
class Document:
    """A text of some version. One that is read from the disk has none."""

    uri: str
    version: int | None
    text: str
    encoding: Encoding = "utf-16"

    @cached_property
    def lines(self) -> Lines:
        return Lines(self.text, self.encoding)


@dataclass(frozen=True)
class Edit:
    """A change that a client reports: a text for the characters between two positions, or for everything."""

    text: str
    start: tuple[int, int] | None = None
    """Line and column; none for the whole text."""
    end: tuple[int, int] | None = None


def edited(document: Document, edits: Sequence[Edit], version: int | None) -> Document:
    """A document after edits, each of which is of the text that the ones before it left."""
    text = document.text
    for edit in edits:
        if edit.start is None or edit.end is None:
            text = edit.text
            continue
        lines = document.lines if text is document.text else Lines(text, document.encoding)
        start, end = lines.offset(*edit.start), lines.offset(*edit.end)
        text = text[:start] + edit.text + text[max(start, end) :]
    return Document(document.uri, version, joined(text), document.encoding)


class Documents:
    """What is open, by URI. `revision` counts all changes of any document."""

    def __init__(self) -> None:
        self.encoding: Encoding = "utf-16"
        self.revision = 0
        self._open: dict[str, Document] = {}

    def open(self, uri: str, version: int | None, text: str) -> Document:
        """Take a document as the client has it, whatever was known of it."""
        return self._keep(Document(uri, version, joined(text), self.encoding))

    def change(self, uri: str, version: int | None, edits: Iterable[Edit]) -> Document | None:
        """Apply the client's edits; none where the document is not open."""
        known = self._open.get(uri)
        return None if known is None else self._keep(edited(known, list(edits), version))

    def close(self, uri: str) -> bool:
        """Forget a document; whether it was open."""
        self.revision += 1
        return self._open.pop(uri, None) is not None

    def get(self, uri: str) -> Document | None:
        return self._open.get(uri)

    def __iter__(self) -> Iterator[Document]:
        return iter(list(self._open.values()))

    def _keep(self, document: Document) -> Document:
        self.revision += 1
        self._open[document.uri] = document
        return document


__all__ = ["Document", "Documents", "Edit", "edited"]
