"""A reader for tests: sources as texts, with the shipped library behind them."""

from __future__ import annotations

from dataclasses import dataclass, field

from archdsl.diagnostics import Fault
from archdsl.files import SourceFault
from archdsl.resources import read_data
from archdsl.source import Source


@dataclass
class Texts:
    """A `Reader` of texts by path."""

    files: dict[str, str] = field(default_factory=dict)

    def file(self, path: str) -> Source:
        if path not in self.files:
            raise Fault(SourceFault("unreadable", "there is no such file", Source(path, "")).diagnostic())
        return Source(path, self.files[path])

    def library(self, name: str) -> Source | None:
        try:
            return Source(f"std/{name}.arch", read_data(f"specs/std/{name}.arch"))
        except FileNotFoundError:
            return None
