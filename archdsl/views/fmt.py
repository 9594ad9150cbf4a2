"""What `archdsl fmt` shows: what would change, and how many files were laid out."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from archdsl.source import Source
from archdsl.visible import visible


def difference(source: Source, text: str) -> str:
    """A unified diff."""
    old, new = source.text.splitlines(keepends=True), text.splitlines(keepends=True)
    name = visible(source.name)
    lines = difflib.unified_diff(old, new, name, f"{name} (formatted)")
    return "".join(line if line.endswith("\n") else f"{line}\n\\ no newline at the end\n" for line in lines)


def summary(parsed: int, changed: Sequence[str], kept: bool) -> str:
    """The files that changed, or with `kept` would change, and how many there are of each kind."""
    same = parsed - len(changed)
    verb = "would be reformatted" if kept else "reformatted"
    parts = [f"{_files(len(changed))} {verb}"] if changed else []
    parts += [f"{_files(same)} {'is' if same == 1 else 'are'} in the canonical layout"] if same or not changed else []
    listed = (
        "".join(f"{verb.removeprefix('would be ')}: {visible(path)}\n" for path in changed)
        if not kept
        else "".join(f"would change: {visible(path)}\n" for path in changed)
    )
    return listed + ", ".join(parts)


def _files(number: int) -> str:
    return f"{number} file{'' if number == 1 else 's'}"
