"""What happens while an answer takes long: here it takes until the test says so, in a server of this process."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
import weakref
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio
from lsp_session import LONGEST

from archdsl import editor
from archdsl.editor import Workspace
from archdsl.server import quiet_time
from archdsl.server.quiet_time import QuietTime
from archdsl.server.serve import make_server

pytestmark = pytest.mark.asyncio(loop_scope="function")

TEXT = "arch 1\n# A rule.\nfn rule(a) = a + 1\nfn other(b) = rule(b)\n"
SLOW, QUICK = "untitled:slow", "untitled:quick"
WHERE = {"line": 2, "character": 4}
CANCELLED, MODIFIED = -32800, -32801


class Wire:
    """What the server writes, and messages to it."""

    def __init__(self) -> None:
        self.server, self.desk = make_server()
        self.server.protocol.set_writer(self)
        self.messages: list[dict[str, Any]] = []
        self.came = asyncio.Event()

    def write(self, data: bytes) -> None:
        self.messages.append(json.loads(data.partition(b"\r\n\r\n")[2]))
        self.came.set()

    def close(self) -> None:
        """Nothing is held."""

    def send(self, method: str, params: object, number: int | None = None) -> None:
        message = {"jsonrpc": "2.0", "method": method, "params": params}
        self.server.protocol.take(message if number is None else {**message, "id": number})

    def hover(self, uri: str, number: int) -> None:
        self.send("textDocument/hover", {"textDocument": {"uri": uri}, "position": WHERE}, number)

    async def answer(self, number: int) -> dict[str, Any]:
        return await asyncio.wait_for(self._answer(number), LONGEST)

    async def _answer(self, number: int) -> dict[str, Any]:
        while not (found := [each for each in self.messages if each.get("id") == number]):
            self.came.clear()
            await self.came.wait()
        return found[0]


@pytest_asyncio.fixture(loop_scope="function")
async def wire() -> AsyncIterator[Wire]:
    wire = Wire()
    wire.send("initialize", {"processId": None, "rootUri": None, "capabilities": {}}, 0)
    await wire.answer(0)
    yield wire
    wire.desk.end()


async def test_nobody_waits_for_another_text(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    released, diagnostics, hover = threading.Event(), editor.diagnostics, editor.hover

    def slow(path: str) -> None:
        if path == SLOW:
            released.wait(LONGEST)

    def slow_diagnostics(workspace: Workspace, path: str) -> Any:
        slow(path)
        return diagnostics(workspace, path)

    def slow_hover(workspace: Workspace, path: str, offset: int) -> Any:
        slow(path)
        return hover(workspace, path, offset)

    monkeypatch.setattr(editor, "diagnostics", slow_diagnostics)
    monkeypatch.setattr(editor, "hover", slow_hover)
    for uri in (SLOW, QUICK):
        opened = {"uri": uri, "languageId": "arch", "version": 1, "text": TEXT}
        wire.send("textDocument/didOpen", {"textDocument": opened})
    wire.hover(SLOW, 1)
    wire.hover(SLOW, 2)
    wire.hover(QUICK, 3)
    assert "A rule" in json.dumps((await wire.answer(3))["result"])
    wire.send("$/cancelRequest", {"id": 1})
    assert (await wire.answer(1))["error"]["code"] == CANCELLED
    assert not released.is_set()
    assert SLOW not in [each["params"]["uri"] for each in wire.messages if "params" in each]
    change = {"textDocument": {"uri": SLOW, "version": 2}, "contentChanges": [{"text": "# New.\n" + TEXT}]}
    wire.send("textDocument/didChange", change)
    released.set()
    assert (await wire.answer(2))["error"]["code"] == MODIFIED
    while not (told := [each["params"] for each in wire.messages if each.get("params", {}).get("uri") == SLOW]):
        wire.came.clear()
        await asyncio.wait_for(wire.came.wait(), LONGEST)
    assert [(params["version"], params["diagnostics"]) for params in told] == [(2, [])]


async def test_a_fault_of_ours_is_an_answer(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server goes on, and its user sees nothing but an answer that is missing."""

    def broken(*_: object) -> Any:
        raise ZeroDivisionError

    wire.send("textDocument/didOpen", {"textDocument": {"uri": QUICK, "languageId": "a", "version": 1, "text": TEXT}})
    monkeypatch.setattr(editor, "hover", broken)
    wire.hover(QUICK, 1)
    assert (await wire.answer(1))["error"]["code"] == -32603
    monkeypatch.undo()
    wire.hover(QUICK, 2)
    assert (await wire.answer(2))["result"]
    assert not [each for each in wire.messages if each.get("method", "").startswith("window/")]


@pytest.fixture
def own_collector() -> Iterator[None]:
    """What a server sets of the collector of its process is taken back."""
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()


class Circle:
    """Garbage for which the collector is needed."""

    def __init__(self) -> None:
        self.itself = self


@pytest.mark.usefixtures("own_collector")
async def test_garbage_is_collected_when_no_message_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quiet_time, "PAUSE", 0.0)
    quiet = QuietTime(asyncio.get_running_loop())
    garbage = weakref.ref(Circle())
    gc.disable()
    try:
        for _ in range(3):
            quiet.message()
            assert garbage() is not None
        await asyncio.sleep(0.001)
        await asyncio.sleep(0.001)
        assert garbage() is None
    finally:
        gc.enable()


@pytest.mark.usefixtures("own_collector")
async def test_a_message_puts_the_collection_off(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting: list[asyncio.TimerHandle] = []
    loop = asyncio.get_running_loop()
    call_later = loop.call_later

    def noted(*arguments: Any) -> asyncio.TimerHandle:
        waiting.append(call_later(*arguments))
        return waiting[-1]

    quiet = QuietTime(loop)
    monkeypatch.setattr(loop, "call_later", noted)
    for _ in range(3):
        quiet.message()
    assert [each.cancelled() for each in waiting] == [True, True, False]
    waiting[-1].cancel()
