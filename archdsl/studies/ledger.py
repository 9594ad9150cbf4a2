"""The attempts of a trial: a file to which a line is added when one begins and when one ends.

Whoever works on a trial holds a lock on its ledger, and so does the process that trains. The kernel lets go of it when
both are gone, however they end: nothing has to be cleaned up, and no time has to pass. An attempt that has no end was
ended with its machine or by kill -9. A line that is torn is one that such an end cut off; it is passed over.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Literal, TypeAlias

from archdsl.records import dataclass

End: TypeAlias = Literal["done", "pruned", "diverged", "refused", "failed", "interrupted", "machine"]
"""How an attempt ends. `refused` is what no other attempt would change: the member or an option is at fault. `failed`
may go better: it is tried again. `interrupted` was asked for, and `machine` is a full disk or the like: these two say
nothing about the trial."""

FINAL: frozenset[End] = frozenset(("done", "pruned", "diverged", "refused"))


class StudyFault(Exception):
    """What is wrong with a study, or with what the machine makes of it, in one sentence."""


@dataclass(frozen=True)
class Attempt:
    """One attempt; what is not known of its end is none."""

    host: str
    pid: int
    started: str
    """In UTC."""
    end: End | None = None
    exit: int | None = None
    """Exit code of the training process; negative for a signal."""
    reason: str = ""
    seconds: float | None = None
    cpu_seconds: float | None = None
    peak_memory: int | None = None
    """Bytes that the training process had in memory at most."""


class Ledger:
    """The ledger of a trial that this process has claimed."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path = path
        self._file = file

    @property
    def descriptor(self) -> int:
        """What a process must inherit so that it keeps the claim."""
        return self._file.fileno()

    def attempts(self) -> list[Attempt]:
        return attempts_of(self.path)

    def begin(self) -> None:
        """Write down that an attempt begins. Raises `StudyFault` where that cannot be written."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self._add({"event": "started", "host": socket.gethostname(), "pid": os.getpid(), "time": now})

    def end(self, end: End, **figures: Any) -> None:
        """Write down how it ended: `exit`, `reason`, `seconds`, `cpu_seconds`, `peak_memory`."""
        self._add({"event": "ended", "end": end, **figures})

    def _add(self, line: dict[str, Any]) -> None:
        try:
            size = self._file.seek(0, os.SEEK_END)
            torn = False
            if size:
                self._file.seek(size - 1)
                torn = self._file.read(1) != b"\n"
            text = ("\n" if torn else "") + json.dumps(line) + "\n"
            os.write(self._file.fileno(), text.encode())  # at once: two lines are never mixed
            os.fsync(self._file.fileno())
        except OSError as error:
            raise StudyFault(f"{self.path}: {(error.strerror or 'cannot be written').lower()}") from None


@contextmanager
def claimed(path: Path) -> Iterator[Ledger | None]:
    """The ledger of a trial, for one at a time; none where another works on it. Raises `StudyFault`."""
    try:
        import fcntl
    except ImportError:
        raise StudyFault("a study needs locks of files, which this system has not") from None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+b", buffering=0)
    except OSError as error:
        raise StudyFault(f"{path}: {(error.strerror or 'cannot be written').lower()}") from None
    with file:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        except OSError as error:
            reason = (error.strerror or "no locks").lower()
            raise StudyFault(f"{path} cannot be locked ({reason}): put the study where files have locks") from None
        yield Ledger(path, file)


def is_claimed(path: Path) -> bool:
    """Whether somebody works on a trial at this moment."""
    import fcntl

    try:
        with path.open("rb") as file:
            try:
                fcntl.flock(file.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
    except OSError:
        pass
    return False


def attempts_of(path: Path) -> list[Attempt]:
    """The attempts that a ledger tells of, in their order; none where there is no ledger."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StudyFault(f"{path}: {(error.strerror or 'cannot be read').lower()}") from None
    found: list[Attempt] = []
    for line in content.splitlines():
        event = _event(line)
        if event.get("event") == "started":
            found.append(Attempt(str(event.get("host")), int(event.get("pid", 0)), str(event.get("time"))))
        elif event.get("event") == "ended" and found:
            last = found[-1]
            kept = {name: event.get(name) for name in ("end", "exit", "seconds", "cpu_seconds", "peak_memory")}
            found[-1] = Attempt(last.host, last.pid, last.started, **kept, reason=str(event.get("reason", "")))
    return found


def _event(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


__all__ = ["FINAL", "Attempt", "End", "Ledger", "StudyFault", "attempts_of", "claimed", "is_claimed"]
