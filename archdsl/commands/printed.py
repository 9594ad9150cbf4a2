"""The papers whose tables come with archdsl."""

from __future__ import annotations

from archdsl.papers.data import Paper, paper_of
from archdsl.resources import data_root, read_data

FOLDER = "specs/papers"


def papers() -> list[Paper]:
    """Each as its file has it, by the file's name."""
    return [paper_of(read_data(path)) for path in paper_files()]


def paper_files() -> list[str]:
    """The papers' data, as paths from the data root."""
    return [f"{FOLDER}/{path.name}" for path in sorted((data_root() / FOLDER).glob("*.json"))]
