"""The socket of the server: of loopback alone."""

from __future__ import annotations

import socket

LOOPBACK = "127.0.0.1"


class NoPort(Exception):
    """Why a port cannot be had, in one sentence."""


def listening(port: int) -> socket.socket:
    """A socket that listens at a port of this machine, seen from this machine alone. Raises `NoPort`."""
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):  # else another process may take it as well, on Windows
            found.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((LOOPBACK, port))
        found.listen(128)
    except OSError as fault:
        found.close()
        raise NoPort(f"port {port}: {(fault.strerror or 'it cannot be had').lower()}") from None
    return found
