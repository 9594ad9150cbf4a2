"""Processes that answer the page: a question that a newer one replaces is dropped, one that takes too long is ended.

A lane is one process, which takes one question at a time. Of those that wait, a newer one of the same client and kind
takes the place of the older. What runs is ended with its process when its time is over, or soon where a newer one waits
for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from asyncio.subprocess import PIPE, Process
from dataclasses import asdict
from pathlib import Path

from archdsl.explorer.engine import Given
from archdsl.records import dataclass

MAX_LINE = 64 << 20
"""Bytes of an answer; sessions give fewer."""
MAX_WAITING = 64
"""Questions that wait for one process."""
PATIENCE = 1.0
"""Seconds that a question goes on for when a newer one has replaced it: a process takes about as long to start."""
REPLACED = json.dumps({"fault": "a newer request took its place"})
_CODE = "import sys; sys.path.append(sys.argv.pop(1)); from archdsl.explorer.child import main; main()"


class Busy(Exception):
    """Too many questions wait."""


@dataclass(eq=False)
class _Waiting:
    key: str
    line: str
    answer: asyncio.Future[str]


class Lane:
    """One process, which is started when it is first asked."""

    def __init__(self, given: Given, seconds: float) -> None:
        self._given, self._seconds = given, seconds
        self._process: Process | None = None
        self._waiting: dict[str, _Waiting] = {}
        self._running: _Waiting | None = None
        self._replaced = asyncio.Event()
        self._work: asyncio.Task[None] | None = None

    @property
    def idle(self) -> bool:
        """Whether it is started and has nothing to do."""
        return self._process is not None and self._work is None

    async def ask(self, key: str, request: str) -> str:
        """The answer to a request, which is one line of JSON. `key` tells whose it is and of what kind.

        Raises `Busy`.
        """
        return await self._enqueued(key, "ask " + request)

    async def changed(self) -> list[str]:
        """The files that it has read and that have changed since they were asked for last."""
        found = json.loads(await self._enqueued("", "changed"))
        return found if isinstance(found, list) else []

    async def close(self) -> None:
        """End the process."""
        if self._work is not None:
            self._work.cancel()
        process = self._process
        self._kill()
        if process is not None:
            await process.wait()

    async def _enqueued(self, key: str, line: str) -> str:
        older = self._waiting.pop(key, None)
        if older is not None and not older.answer.done():
            older.answer.set_result(REPLACED)
        if len(self._waiting) >= MAX_WAITING:
            raise Busy
        mine = _Waiting(key, line, asyncio.get_running_loop().create_future())
        self._waiting[key] = mine
        if self._running is not None and self._running.key == key:
            self._replaced.set()
        if self._work is None:
            self._work = asyncio.create_task(self._answer_all())
        return await mine.answer

    async def _answer_all(self) -> None:
        try:
            while self._waiting:
                asked = self._waiting.pop(next(iter(self._waiting)))
                if asked.answer.done():  # who asked has gone
                    continue
                self._running = asked
                self._replaced.clear()
                answer = await self._answered(asked)
                self._running = None
                if not asked.answer.done():
                    asked.answer.set_result(answer)
        finally:
            self._running = self._work = None

    async def _answered(self, asked: _Waiting) -> str:
        """What the process says, or why it does not."""
        process = await self._started()
        if process.stdin is None or process.stdout is None:
            return _fault("the compiler's process has no streams")
        reading = asyncio.create_task(self._line(process, asked.line))
        newer = asyncio.create_task(self._replaced_for_long())
        try:
            await asyncio.wait({reading, newer}, timeout=self._seconds, return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                with contextlib.suppress(OSError, ValueError):
                    found = reading.result()
                    if found.endswith("\n"):
                        return found
                self._kill()
                return _fault("the compiler's process ended: the text may need more memory than there is")
            self._kill()
            if newer.done():
                return REPLACED
            return _fault(f"it takes more than {self._seconds:g} seconds; `--seconds` gives it more")
        finally:
            for each in (reading, newer):
                each.cancel()

    @staticmethod
    async def _line(process: Process, line: str) -> str:
        if process.stdin is None or process.stdout is None:
            return ""
        process.stdin.write(line.encode("utf-8", "surrogatepass") + b"\n")
        await process.stdin.drain()
        return (await process.stdout.readline()).decode()

    async def _replaced_for_long(self) -> None:
        await self._replaced.wait()
        await asyncio.sleep(PATIENCE)

    async def _started(self) -> Process:
        if self._process is not None and self._process.returncode is None:
            return self._process
        ours = str(Path(__file__).resolve().parents[2])  # -P: no file of the current folder is taken for a library
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-c", _CODE, ours), stdin=PIPE, stdout=PIPE, limit=MAX_LINE
        )
        if process.stdin is not None:
            process.stdin.write(json.dumps(asdict(self._given)).encode() + b"\n")
        self._process = process
        return process

    def _kill(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()


def _fault(message: str) -> str:
    return json.dumps({"fault": message})
