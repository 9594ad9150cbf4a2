"""What a client may get wrong, byte by byte: each is answered or ignored, and the server goes on; how it ends."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from archdsl.cli import main
from archdsl.server import protocol
from archdsl.server.protocol import Malformed, read_message

INITIALIZE: dict[str, Any] = {"processId": None, "rootUri": None, "capabilities": {}}
PARSE_ERROR, INVALID_REQUEST, NO_METHOD, INVALID_PARAMS, NOT_BEGUN = -32700, -32600, -32601, -32602, -32002


class Raw:
    """A server, and messages as they go over the wire."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "archdsl", "lsp", *arguments]
        self.server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert self.server.stdin is not None
        assert self.server.stdout is not None
        self.input, self.output = self.server.stdin, self.server.stdout

    def write(self, body: bytes, header: bytes | None = None) -> None:
        self.input.write((b"Content-Length: %d\r\n\r\n" % len(body) if header is None else header) + body)
        self.input.flush()

    def send(self, method: str, params: object = None, number: object = None) -> None:
        message = {"jsonrpc": "2.0", "method": method, "params": params}
        self.write(json.dumps(message if number is None else {**message, "id": number}).encode())

    def answer(self) -> dict[str, Any]:
        found = read_message(self.output)  # type: ignore[arg-type]
        assert isinstance(found, dict), found
        return found

    def ask(self, method: str, params: object = None, number: object = 1) -> dict[str, Any]:
        self.send(method, params, number)
        found = self.answer()
        assert found["id"] == number
        return found


@contextmanager
def running(*arguments: str) -> Iterator[Raw]:
    raw = Raw(*arguments)
    try:
        yield raw
    finally:
        raw.server.kill()
        raw.server.wait()
        for stream in (raw.server.stdin, raw.server.stdout, raw.server.stderr):
            assert stream is not None
            stream.close()


def code(answer: dict[str, Any]) -> int:
    found = answer["error"]["code"]
    assert isinstance(found, int)
    return found


def test_what_is_malformed_is_answered_and_ends_nothing(tmp_path: Path) -> None:
    with running() as raw:
        assert code(raw.ask("textDocument/hover", {})) == NOT_BEGUN
        assert "capabilities" in raw.ask("initialize", INITIALIZE)["result"]
        assert code(raw.ask("initialize", INITIALIZE)) == INVALID_REQUEST
        for body, wanted in (
            (b"no JSON", PARSE_ERROR),
            (b"\xff\xfe", PARSE_ERROR),
            (b"[" * 100_000, PARSE_ERROR),
            (b"[]", INVALID_REQUEST),
            (b'"text"', INVALID_REQUEST),
        ):
            raw.write(body)
            answer = raw.answer()
            assert (code(answer), answer["id"]) == (wanted, None), body
        raw.write(b"x", b"Content-Type: text\r\n\r\n")  # a header without a length; the x begins the next header
        assert code(raw.answer()) == PARSE_ERROR
        raw.write(b"", b"\r\n\r\n")
        assert code(raw.answer()) == PARSE_ERROR
        raw.write(b"{}", b"Content-Length: -2\r\n\r\n")  # whose body is a header again
        raw.write(b"", b"\r\n\r\n")
        assert [code(raw.answer()), code(raw.answer())] == [PARSE_ERROR] * 2

        file = (tmp_path / "none.arch").as_uri()
        for method, params, wanted in (
            ("textDocument/hover", None, INVALID_PARAMS),
            ("textDocument/hover", {"textDocument": {"uri": 3}, "position": {"line": "a"}}, INVALID_PARAMS),
            ("textDocument/hover", [1, 2], INVALID_PARAMS),
            ("archdsl/total", {"textDocument": {}}, INVALID_PARAMS),
            ("archdsl/total", 5, INVALID_PARAMS),
            ("textDocument/none", {}, NO_METHOD),
            ("workspace/executeCommand", {"command": "rm"}, INVALID_PARAMS),
        ):
            assert code(raw.ask(method, params, "id")) == wanted, (method, params)
        raw.write(json.dumps({"jsonrpc": "2.0", "id": "what", "result": 1}).encode())  # an answer to no question
        raw.write(json.dumps({"jsonrpc": "2.0", "id": None, "method": "textDocument/hover"}).encode())
        assert code(raw.answer()) == INVALID_REQUEST
        raw.write(json.dumps({"jsonrpc": "1.0", "id": 9, "method": "shutdown"}).encode())
        assert code(raw.answer()) == INVALID_REQUEST
        for method, params in (
            ("textDocument/didChange", {"textDocument": {"uri": file, "version": 1}, "contentChanges": []}),
            ("textDocument/didClose", {"textDocument": {"uri": file}}),
            ("textDocument/didOpen", {"textDocument": 3}),
            ("$/cancelRequest", {"id": 77}),
            ("$/unknown", {}),
            ("workspace/unknown", {}),
        ):
            raw.send(method, params)  # a notification has no answer
        where = {"textDocument": {"uri": file}, "position": {"line": 0, "character": 0}}
        odd = ("", "file:", "file:///", "none:x", "file://host/a.arch", "file:///%00.arch", "http://[", "x" * 999)
        for uri in (file, *odd):
            where["textDocument"] = {"uri": uri}
            assert raw.ask("textDocument/hover", where)["result"] is None, uri
        assert raw.ask("shutdown")["result"] is None
        assert code(raw.ask("textDocument/hover", where)) == INVALID_REQUEST
        raw.send("exit")
        assert raw.server.wait(60) == 0
        assert raw.server.stderr is not None
        told = raw.server.stderr.read().decode()
        assert "Traceback" not in told, told
        assert all(line.startswith("archdsl lsp: ") for line in told.splitlines())


def test_the_end_of_the_stream_ends_the_server() -> None:
    with running("--stdio") as raw:
        raw.write(b"{", b"Content-Length: 99\r\n\r\n")
        raw.input.close()
        assert raw.server.wait(60) == 1


@pytest.mark.skipif(os.name != "posix", reason="processes are told otherwise here")
def test_the_server_ends_with_its_client() -> None:
    """Also where somebody else holds its streams open."""
    client = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    with running() as raw:
        assert "result" in raw.ask("initialize", {**INITIALIZE, "processId": client.pid})
        try:
            raw.server.wait(4)
            pytest.fail("the server ended while its client was there")
        except subprocess.TimeoutExpired:
            client.kill()
            client.wait()
        assert raw.server.wait(60) == 1


def test_what_is_too_long_is_thrown_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "MAX_MESSAGE", 10)
    stream = BytesIO(b"Content-Length: 12\r\n\r\n" + b" " * 12 + b"content-length:2\r\nX: y\r\n\r\n{}")
    with pytest.raises(Malformed):
        read_message(stream)
    assert read_message(stream) == {}
    assert read_message(stream) is None
    for number in (b"999999999999999", b"1e3", b"", b"0x10"):
        with pytest.raises(Malformed):
            read_message(BytesIO(b"Content-Length: " + number + b"\r\n\r\n{}"))


def test_one_connection_that_ends_without_shutdown() -> None:
    with running("--tcp", "0") as raw:
        assert raw.server.stderr is not None
        line = raw.server.stderr.readline().decode()
        port = int(line.removeprefix("listening on 127.0.0.1:"))
        with socket.create_connection(("127.0.0.1", port)) as connection, connection.makefile("rwb") as stream:
            raw.input, raw.output = stream, stream  # type: ignore[assignment]
            assert "result" in raw.ask("initialize", INITIALIZE)
            raw.send("exit")
            assert raw.server.wait(60) == 1


def test_the_command_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lsp", "--stdio", "--tcp", "7000"]) == 2
    assert main(["lsp", "--tcp", "70000"]) == 2
    monkeypatch.setattr(sys, "stdin", type("Terminal", (), {"isatty": lambda _: True})())
    assert main(["lsp"]) == 2
    assert "An editor starts it" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "pygls", None)
    for name in [name for name in sys.modules if name.startswith(("pygls.", "archdsl.server"))]:
        monkeypatch.delitem(sys.modules, name)
    assert main(["lsp", "--tcp", "0"]) == 1
    assert "pip install 'archdsl[lsp]'" in capsys.readouterr().err
