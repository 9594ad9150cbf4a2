"""A file of lines, each a row that stands for itself: appended one at a time, and gone on with by the next start.

At any moment the file holds whole lines, but for the last one while it is written; half a line, which a killed process
left, is cut off by the next start. One process writes at a time.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from archdsl.files import FileFault, reading

MAX_BYTES = 1 << 30
SUFFIX = ".jsonl"


class LedgerFault(Exception):
    """Why a file was not read or written: one lower-case sentence that names it."""


class Ledger:
    """Rows, and the file that they go to, if any."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self.rows: list[dict[str, Any]] = []
        self._handle: int | None = None

    def add(self, row: Mapping[str, Any]) -> None:
        """One more row, which is in the file when this returns. Raises `LedgerFault`."""
        if self._handle is not None:
            line = (json.dumps(row, ensure_ascii=False) + "\n").encode()
            try:
                while line:
                    line = line[os.write(self._handle, line) :]
                os.fsync(self._handle)
            except OSError as error:
                raise self._fault(error) from None
        self.rows.append(dict(row))

    @contextlib.contextmanager
    def opened(self, *, force: bool = False) -> Iterator[Ledger]:
        """The file with what it holds; with `force` it begins anew. Raises `LedgerFault`."""
        if self.path is None:
            yield self
            return
        try:
            handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0), 0o666)
        except (OSError, ValueError) as error:
            raise self._fault(error) from None
        try:
            self._lock(handle)
            self.rows, whole = ([], 0) if force else rows_of(self.path)
            os.ftruncate(handle, whole)
            self._handle = handle
            yield self
        except OSError as error:
            raise self._fault(error) from None
        finally:
            self._handle = None
            os.close(handle)

    def _lock(self, handle: int) -> None:
        try:
            import fcntl
        except ImportError:  # not on this system
            return
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LedgerFault(f"{self.path}: another process is writing it") from None
        except OSError:
            return  # a file system without locks

    def _fault(self, error: OSError | ValueError) -> LedgerFault:
        reason = getattr(error, "strerror", None) or "it cannot be written"
        return LedgerFault(f"{self.path}: {reason.lower()}")


def rows_of(path: Path) -> tuple[list[dict[str, Any]], int]:
    """The rows of a file, and the bytes of its whole lines. Raises `LedgerFault`."""
    try:
        with reading(path) as file:
            content = file.read(MAX_BYTES + 1)
    except FileFault as fault:
        raise LedgerFault(f"{path}: {fault.message}") from None
    if len(content) > MAX_BYTES:
        raise LedgerFault(f"{path}: the file has more than {MAX_BYTES:,} bytes")
    whole = content.rfind(b"\n") + 1
    rows = []
    for number, line in enumerate(content[:whole].splitlines(), 1):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            raise LedgerFault(f"{path}: line {number:,} is no JSON") from None
        if not isinstance(row, dict):
            raise LedgerFault(f"{path}: line {number:,} is no row")
        rows.append(row)
    return rows, whole


__all__ = ["SUFFIX", "Ledger", "LedgerFault", "rows_of"]
