"""Texts that are not saved yet, over what is read."""

from __future__ import annotations

from collections.abc import Mapping

from archdsl.analysis.program import Reader
from archdsl.records import dataclass
from archdsl.source import Source


@dataclass(frozen=True)
class Overlay:
    """A `Reader` of some texts, by their paths from the project's root, and of the files of another."""

    below: Reader
    texts: Mapping[str, str]

    def file(self, path: str) -> Source:
        """The source at a path. Raises `Fault`."""
        text = self.texts.get(path)
        return self.below.file(path) if text is None else Source(path, text, path)

    def library(self, name: str) -> Source | None:
        """The source of a module of the library, which has no texts of its own here."""
        return self.below.library(name)


__all__ = ["Overlay"]
