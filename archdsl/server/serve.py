"""A session from its first message to its end, over standard streams or one connection.

Messages are read in a thread of their own, for that blocks, and handled in the event loop in their order. The session
ends when the client says so, when its stream ends, or when its process is gone; what is still worked on then is of no
use to anybody.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, BinaryIO

from lsprotocol import types
from pygls.lsp.server import LanguageServer
from pygls.protocol import default_converter

from archdsl import __version__
from archdsl.server.desk import Desk
from archdsl.server.features import register
from archdsl.server.protocol import LOG, Malformed, Protocol, read_message
from archdsl.server.quiet_time import QuietTime

PARENT_EVERY = 2.0
"""Seconds between looks for the client's process."""

SWITCH = 0.001
"""Seconds after which a thread that works lets others go on: messages are taken while a network is compiled."""

_M_ARENA_MAX = -8


class Server(LanguageServer):
    """pygls' server, which writes what fails to the log and not onto the user's screen."""

    protocol: Protocol

    def report_server_error(self, error: Exception, source: Any) -> None:
        LOG.error("%s: %s", getattr(source, "__name__", source), error)


def make_server() -> tuple[Server, Desk]:
    """A server with every feature, and its session."""
    server = Server("archdsl", __version__, protocol_cls=Protocol, converter_factory=default_converter)
    desk = Desk(server)
    for method, handler in (
        (types.INITIALIZE, desk.initialize),
        (types.INITIALIZED, desk.initialized),
        (types.TEXT_DOCUMENT_DID_OPEN, desk.opened),
        (types.TEXT_DOCUMENT_DID_CHANGE, desk.changed),
        (types.TEXT_DOCUMENT_DID_CLOSE, desk.closed),
        (types.TEXT_DOCUMENT_DID_SAVE, desk.saved),
        (types.WORKSPACE_DID_CHANGE_WATCHED_FILES, desk.files_changed),
        (types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS, desk.folders_changed),
    ):
        server.feature(method)(partial(handler))  # pygls writes on what it is given, and a method takes nothing
    register(desk)
    return server, desk


def serve_streams() -> int:
    """A session over standard input and output; the exit code. Whatever else is printed goes to standard error."""
    sys.stdout.flush()
    private = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return _run(sys.stdin.buffer, private)


def serve_socket(port: int, listening: Callable[[int], None]) -> int:
    """A session over one connection from this machine; the exit code. Raises `OSError` where the port is taken."""
    with socket.create_server(("127.0.0.1", port)) as listener:
        listening(listener.getsockname()[1])
        connection, _ = listener.accept()
    with connection, connection.makefile("rb") as reader, connection.makefile("wb") as writer:
        code = _run(reader, writer)
        with suppress(OSError):  # the other side may be gone
            connection.shutdown(socket.SHUT_RD)  # else closing waits for the thread that reads
        return code


def _run(reader: BinaryIO, writer: BinaryIO) -> int:
    logging.basicConfig(stream=sys.stderr, format="archdsl lsp: %(message)s", level=logging.WARNING)
    sys.setswitchinterval(SWITCH)
    _share_memory()
    logging.getLogger("pygls").setLevel(logging.CRITICAL)  # what it has to say, `protocol` says in a line
    return asyncio.run(_session(reader, writer))


def _share_memory() -> None:
    """Have threads share two arenas of memory, where the C library is GNU's: else each keeps what it once took."""
    if sys.platform != "linux":
        return
    import ctypes

    with suppress(AttributeError, OSError):  # another C library
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 2)


async def _session(reader: BinaryIO, writer: BinaryIO) -> int:
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[int] = loop.create_future()

    def end(code: int) -> None:
        if not ended.done():
            ended.set_result(code)

    server, desk = make_server()
    protocol = server.protocol
    protocol.on_exit = end
    protocol.set_writer(_Writer(writer, end))
    quiet = QuietTime(loop)

    def take(message: object) -> None:
        quiet.message()
        if message is None:
            end(0 if protocol.shuts_down else 1)
        elif isinstance(message, Malformed):
            protocol.malformed(message)
        elif not ended.done():
            protocol.take(message)

    threading.Thread(target=_read, args=(reader, loop, take), daemon=True).start()
    watch = asyncio.create_task(_watch(server, end))
    try:
        return await ended
    finally:
        watch.cancel()
        desk.end()


def _read(reader: BinaryIO, loop: asyncio.AbstractEventLoop, take: Callable[[object], None]) -> None:
    """Hand over the messages of a stream, and None at its end."""
    message: object = True
    while message is not None:
        try:
            message = read_message(reader)
        except Malformed as fault:
            message = fault
        except (OSError, ValueError):  # the stream is gone
            message = None
        try:
            loop.call_soon_threadsafe(take, message)
        except RuntimeError:  # the session is over
            return


async def _watch(server: Server, end: Callable[[int], None]) -> None:
    """End the session when the client's process is gone, for a stream that others hold open does not say so.

    A process that is not there at the beginning is on another machine, or in another container.
    """
    seen = False
    while os.name == "posix":
        await asyncio.sleep(PARENT_EVERY)
        number = server.process_id
        if number is None or number <= 0:
            continue
        if _alive(number):
            seen = True
        elif seen:
            LOG.warning("the client is gone")
            end(1)
            return


def _alive(number: int) -> bool:
    try:
        os.kill(number, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


class _Writer:
    """The client's stream; a session whose client does not read any more is over."""

    def __init__(self, stream: BinaryIO, end: Callable[[int], None]) -> None:
        self._stream = stream
        self._end = end

    def write(self, data: bytes) -> None:
        try:
            self._stream.write(data)
            self._stream.flush()
        except (OSError, ValueError):
            self._end(1)

    def close(self) -> None:
        """The stream is closed by who opened it."""


__all__ = ["Server", "make_server", "serve_socket", "serve_streams"]
