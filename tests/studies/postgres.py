"""A PostgreSQL server of its own for a test, on a socket in a folder; started by the test, and gone after it."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


def tool(name: str) -> str | None:
    """A program of the server, where distributions have it: Debian's are not on the path."""
    places = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    return shutil.which(name) or (str(places[0]) if places else None)


def nobody() -> str | None:
    """A user that is not root, for the server refuses that one; none where this process is another already."""
    if os.geteuid():
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    pytest.skip("PostgreSQL does not run as root, and there is no other user")


@contextlib.contextmanager
def server() -> Iterator[str]:
    """The URL of an empty database. Skips the test, and says why, where PostgreSQL or its driver is not installed."""
    pytest.importorskip("psycopg", reason="the driver of PostgreSQL is not installed: psycopg[binary]")
    initdb, postgres = tool("initdb"), tool("pg_ctl")
    if initdb is None or postgres is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    user = nobody()
    with tempfile.TemporaryDirectory(prefix="archdsl-pg-") as text:  # a short path: those of sockets are bounded
        folder = Path(text)
        if user is not None:
            shutil.chown(folder, user)
        folder.chmod(0o700)
        cluster = folder / "cluster"
        options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
        run = {"check": True, "user": user, "cwd": folder, "stdout": subprocess.DEVNULL, "timeout": 120}
        subprocess.run([initdb, "-D", cluster, "-U", "searcher", "-A", "trust", "-N"], **run)  # type: ignore[call-overload]
        log = folder / "log"
        subprocess.run([postgres, "-D", cluster, "-o", options, "-l", log, "-w", "start"], **run)  # type: ignore[call-overload]
        try:
            yield f"postgresql+psycopg://searcher@/postgres?host={folder}"
        finally:
            subprocess.run([postgres, "-D", cluster, "-m", "immediate", "-w", "stop"], **run)  # type: ignore[call-overload]


__all__ = ["server"]
