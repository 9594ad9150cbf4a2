"""Messages: what comes in is structured and handled, or answered with what is wrong with it; nothing ends the server.

pygls has the methods, their types and the capabilities. Ours are the frames, so that no header or length a client sends
is believed, the documents, which it cuts at characters that end no line, and answers that come too late.
"""

from __future__ import annotations

import json
import logging
from asyncio import Future, ensure_future, get_running_loop
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, BinaryIO

from lsprotocol import types
from pygls.exceptions import (
    JsonRpcContentModified,
    JsonRpcException,
    JsonRpcInvalidParams,
    JsonRpcInvalidRequest,
    JsonRpcParseError,
    JsonRpcServerNotInitialized,
)
from pygls.protocol import LanguageServerProtocol, lsp_method

if TYPE_CHECKING:
    from cattrs import Converter
    from pygls.lsp.server import LanguageServer

MAX_MESSAGE = 64 << 20
"""Bytes of one message; a longer one is read and thrown away."""
MAX_HEADER = 8 << 10
AT_ONCE = "begins_at_once"
LOG = logging.getLogger("archdsl.server")


def at_once(handler: Callable[[Any], Awaitable[Any]]) -> Callable[[Any], Awaitable[Any]]:
    """A handler that takes what it is about when its message comes, and gives what works it out later.

    A coroutine begins after the messages that came at the same time, a change of the text among them.
    """

    def begun(params: Any) -> Awaitable[Any]:
        return handler(params)

    setattr(begun, AT_ONCE, True)
    return begun


class Malformed(Exception):
    """Bytes that are no message."""


def read_message(stream: BinaryIO) -> object:
    """The next message of a stream; none at its end. Raises `Malformed` where the next bytes are none."""
    length: int | None = None
    line = stream.readline(MAX_HEADER)
    if not line:
        return None
    while line.strip():
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            digits = value.strip()
            length = int(digits) if digits.isdigit() and len(digits) < 12 else None
        line = stream.readline(MAX_HEADER)
        if not line:
            return None
    if length is None:
        raise Malformed("a message has no Content-Length")
    body = _exactly(stream, length)
    if body is None:
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as fault:
        raise Malformed(f"a message is no JSON: {fault}") from None


def _exactly(stream: BinaryIO, length: int) -> bytes | None:
    """So many bytes; none where the stream ends before. Raises `Malformed` for more than anybody sends."""
    if length > MAX_MESSAGE:
        left = length
        while left and (part := stream.read(min(left, 1 << 20))):
            left -= len(part)
        raise Malformed(f"a message has more than {MAX_MESSAGE:,} bytes")
    body = stream.read(length)
    return body if len(body) == length else None


class Protocol(LanguageServerProtocol):
    """What pygls does with messages, and what it leaves open."""

    def __init__(self, server: LanguageServer, converter: Converter) -> None:
        super().__init__(server, converter)
        self.on_exit: Callable[[int], None] = lambda _: None
        self._began = False

    @property
    def shuts_down(self) -> bool:
        """Whether the client has asked to shut down: then its stream may end."""
        return self._shutdown

    def take(self, message: object) -> None:
        """Handle a message as it was read. Raises nothing."""
        if not isinstance(message, dict):
            self.refuse(None, JsonRpcInvalidRequest("a message is an object"))
            return
        method, number = message.get("method"), message.get("id")
        asks = method is not None and "id" in message
        try:
            self._check(message, asks)
            structured = self.structure_message(message)
        except JsonRpcException as fault:
            if asks:
                self.refuse(number if isinstance(number, int | str) else None, fault)
            else:
                LOG.warning("ignored %r: %s", method, fault)
            return
        self.handle_message(structured)

    def _check(self, message: dict[str, Any], asks: bool) -> None:
        """Raise `JsonRpcException` for what may not be handled."""
        if message.get("jsonrpc") != self.VERSION:
            raise JsonRpcInvalidRequest("a message says jsonrpc 2.0")
        method = message.get("method")
        if method is None:
            if "id" not in message:
                raise JsonRpcInvalidRequest("a message has a method or an id")
            return
        if not isinstance(method, str):
            raise JsonRpcInvalidRequest("a method is a string")
        if asks and not isinstance(message["id"], int | str):
            raise JsonRpcInvalidRequest("an id is a number or a string")
        if method == types.INITIALIZE:
            if self._began:
                raise JsonRpcInvalidRequest("the server is initialized already")
            self._began = True
        elif not self._began and method != types.EXIT:
            raise JsonRpcServerNotInitialized("initialize comes first")
        elif self._shutdown and method != types.EXIT:
            raise JsonRpcInvalidRequest("the server is shutting down")

    def structure_message(self, data: dict[str, Any]) -> Any:
        """The message as its type. Raises `JsonRpcInvalidParams`."""
        if "method" not in data and data["id"] not in self._request_futures:
            raise JsonRpcInvalidRequest("an answer to nothing that was asked")
        try:
            return super().structure_message(data)
        except JsonRpcException as fault:
            inner: BaseException = fault.__cause__ or fault
            while isinstance(inner, BaseExceptionGroup):
                inner = inner.exceptions[0]
            raise JsonRpcInvalidParams(f"the parameters are not those of {data.get('method')}: {inner}") from None

    def refuse(self, number: int | str | None, fault: JsonRpcException) -> None:
        """Answer a request with a fault."""
        error = {"code": fault.code, "message": str(fault)}  # where the id is null, lsprotocol leaves it out
        self._send_data({"jsonrpc": self.VERSION, "id": number, "error": error})

    def malformed(self, fault: Malformed) -> None:
        """Answer what was no message."""
        LOG.warning("%s", fault)
        self.refuse(None, JsonRpcParseError(str(fault)))

    def _execute_handler(
        self,
        msg_id: int | str,
        handler: Any,
        callback: Any,
        args: tuple[Any, ...] | None = None,
        kwargs: dict[str, Any] | None = None,
    ) -> None:
        if not getattr(handler, AT_ONCE, False):
            super()._execute_handler(msg_id, handler, callback, args, kwargs)
            return
        future: Future[Any]
        try:
            future = ensure_future(handler(*(args or ())))
        except JsonRpcException as fault:
            future = get_running_loop().create_future()
            future.set_exception(fault)
        self._request_futures[msg_id] = future  # type: ignore[assignment]
        future.add_done_callback(callback)

    def _handle_notification(self, method_name: str, params: Any) -> None:
        if method_name.startswith("$/") and method_name not in (types.CANCEL_REQUEST, types.SET_TRACE):
            return  # such may be ignored
        super()._handle_notification(method_name, params)

    def _handle_cancel_notification(self, msg_id: int | str) -> None:
        future = self._request_futures.pop(msg_id, None)
        if future is not None:  # else it is answered already
            future.cancel()

    def _send_handler_result(self, future: Future[Any], *, msg_id: int | str) -> None:  # type: ignore[override]
        fault = None if future.cancelled() else future.exception()
        if isinstance(fault, JsonRpcException):  # an answer like others, not a fault of ours
            self._request_futures.pop(msg_id, None)
            self.refuse(msg_id, fault)
            return
        if fault is not None:
            LOG.error("request %r failed", msg_id, exc_info=fault)
        super()._send_handler_result(future, msg_id=msg_id)  # type: ignore[arg-type]

    @lsp_method(types.EXIT)
    def lsp_exit(self, *_: Any) -> None:  # type: ignore[override]
        self.on_exit(0 if self._shutdown else 1)

    # pygls keeps documents of its own, cut into lines by Python's rules; ours are the server's.

    @lsp_method(types.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: types.DidOpenTextDocumentParams) -> None:
        self.fm.features[types.TEXT_DOCUMENT_DID_OPEN](params)

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: types.DidChangeTextDocumentParams) -> None:
        self.fm.features[types.TEXT_DOCUMENT_DID_CHANGE](params)

    @lsp_method(types.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: types.DidCloseTextDocumentParams) -> None:
        self.fm.features[types.TEXT_DOCUMENT_DID_CLOSE](params)


class Late(JsonRpcContentModified):
    """The text is another one by now."""

    def __init__(self) -> None:
        super().__init__("the text has changed")


__all__ = ["LOG", "Late", "Malformed", "Protocol", "at_once", "read_message"]
