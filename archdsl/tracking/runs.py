"""A run folder as trackers need it: its name, its settings, the epochs in metrics.jsonl, and what was sent where.

The folder may be a stranger's: sizes are bounded, and every line is looked at before anything is sent.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from archdsl.files import FileFault, escaped, read_own, write_atomically
from archdsl.records import dataclass
from archdsl.tracking.tracker import Epoch, TrackerFault

METRICS, RUN, LOGGED = "metrics.jsonl", "run.json", "logged.json"
MAX_BYTES = 100_000_000
KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,99}")
"""Names of figures that every tracker takes."""
FACTS = ("model", "name", "hash", "archdsl", "spec", "seed")
"""What of run.json is told beside the settings."""
LONGEST = 500
"""Characters of a setting's text."""


@dataclass(frozen=True)
class RunFolder:
    """A folder that a training writes. Every method that reads a file of it raises `TrackerFault`."""

    path: Path

    @property
    def name(self) -> str:
        """What the run is called in a tracker: the folder's name."""
        return self.path.resolve().name

    def shown(self, name: str = "") -> str:
        """The folder, or a file of it, as faults name it."""
        return escaped(str(self.path / name if name else self.path))

    def epochs(self) -> list[Epoch]:
        """The epochs in order; their steps rise. None are an empty list. Raises `TrackerFault`."""
        content = read_own(self.path / METRICS, MAX_BYTES)
        if content is None:
            raise TrackerFault(f"{self.shown()} is no run folder: it has no file {METRICS} that can be read")
        try:
            lines = content.decode().splitlines()
            rows = [json.loads(line) for line in lines]
        except (ValueError, RecursionError):
            raise TrackerFault(f"{self.shown(METRICS)} is damaged") from None
        wrong = next((number for number, row in enumerate(rows, 1) if not _is_epoch(row)), None)
        if wrong is not None:
            raise TrackerFault(f"{self.shown(METRICS)}, line {wrong}: no figures of an epoch, numbers with a step")
        steps = [row["step"] for row in rows]
        if any(after <= before for before, after in pairwise(steps)):
            raise TrackerFault(f"{self.shown(METRICS)}: the steps of its lines do not rise")
        return self._dated(rows)

    def _dated(self, rows: list[dict[str, Any]]) -> list[Epoch]:
        """Each epoch with its time: the last one was written when the file was."""
        try:
            when = (self.path / METRICS).stat().st_mtime
        except OSError:
            raise TrackerFault(f"{self.shown(METRICS)} is gone: it was there when it was read") from None
        found = []
        for row in reversed(rows):
            figures = {name: float(value) for name, value in row.items() if name != "step"}
            found.append(Epoch(row["step"], figures, when))
            when -= max(0.0, float(row.get("seconds", 0)))
        return found[::-1]

    def record(self) -> dict[str, Any]:
        """run.json; empty where there is none, as behind a script that was started by hand."""
        try:
            found = json.loads(read_own(self.path / RUN, MAX_BYTES) or b"{}")
        except (ValueError, RecursionError):
            raise TrackerFault(f"{self.shown(RUN)} is damaged") from None
        return found if isinstance(found, dict) else {}

    def settings(self) -> dict[str, Any]:
        """What was trained and how, as plain values by name."""
        record = self.record()
        given = record.get("settings")
        recipe = record.get("recipe")
        settings = {name: record.get(name) for name in FACTS}
        settings["recipe"] = recipe.get("name") if isinstance(recipe, dict) else None
        settings |= given if isinstance(given, dict) else {}
        plain = {name: value for name, value in settings.items() if isinstance(value, bool | int | float | str)}
        return {
            name: value[:LONGEST] if isinstance(value, str) else value
            for name, value in plain.items()
            if KEY.fullmatch(name)
        }

    def length(self) -> int | None:
        """The epochs that the run has when it is done; none where nothing says so."""
        settings = self.record().get("settings")
        found = settings.get("epochs") if isinstance(settings, dict) else None
        return found if type(found) is int and found > 0 else None

    # What was sent

    def sent(self, key: str) -> tuple[str, int, str] | None:
        """Identity of the run that was sent there, how many epochs, and their digest; none before."""
        entry = self._ledger().get(key)
        if not isinstance(entry, dict):
            return None
        found = entry.get("run"), entry.get("epochs"), entry.get("sha256")
        match found:
            case (str(identity), int(count), str(digest)) if re.fullmatch(r"[0-9a-z]{8,32}", identity) and count >= 0:
                return identity, count, digest
        raise TrackerFault(f"{self.shown(LOGGED)} is damaged")

    def note(self, key: str, identity: str, epochs: list[Epoch]) -> None:
        """Write down what was sent. Raises `TrackerFault`."""
        entry = {"run": identity, "epochs": len(epochs), "sha256": digest_of(epochs)}
        text = json.dumps({**self._ledger(), key: entry}, indent=2) + "\n"
        try:
            write_atomically(self.path / LOGGED, text, force=True, follow=False)
        except FileFault as fault:
            raise TrackerFault(f"{self.shown(LOGGED)}: {fault.message}") from None

    def _ledger(self) -> dict[str, Any]:
        path = self.path / LOGGED
        content = read_own(path, MAX_BYTES)
        if content is None:
            if path.is_symlink() or path.exists():
                raise TrackerFault(f"{self.shown(LOGGED)} is no regular file, is too large or cannot be read")
            return {}
        try:
            found = json.loads(content)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise TrackerFault(f"{self.shown(LOGGED)} is damaged")
        return found


def digest_of(epochs: list[Epoch]) -> str:
    """SHA-256 of figures and steps, without the times, which are those of a file."""
    rows = [[epoch.step, sorted(epoch.figures.items())] for epoch in epochs]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def _is_epoch(row: object) -> bool:
    if not isinstance(row, Mapping) or type(row.get("step")) is not int or not 0 <= row["step"] < 2**53:
        return False
    return len(row) > 1 and all(
        KEY.fullmatch(name) and type(value) in (int, float) and _fits(value) for name, value in row.items()
    )


def _fits(value: float) -> bool:
    try:
        float(value)
    except OverflowError:
        return False
    return True


__all__ = ["RunFolder", "digest_of"]
