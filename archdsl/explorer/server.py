"""The local server of the page: this machine alone, one page, one file.

Every address begins with a key that is drawn at the start, so that neither another user of the machine nor a page of
the web can ask anything. Hosts other than loopback are refused, for a name of the web may lead here (DNS rebinding),
and so are questions that another page sends. What is served is in a table that is made at the start; no path of a
request is opened.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archdsl.diagnostics import Fault
from archdsl.explorer.engine import Given, start_report
from archdsl.explorer.lanes import Busy, Lane
from archdsl.explorer.site import CSP, TYPES, files_below
from archdsl.explorer.watched import Conflict, Watched
from archdsl.files import FileFault
from archdsl.records import dataclass
from archdsl.source import Source
from archdsl.views.explore.report import ExploreAnswer
from archdsl.views.explore.shipped import shipped_files

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

MAX_BODY = 8 << 20
"""Bytes of a request."""
POLL = 0.5
"""Seconds between two looks at the files."""
HOSTS = ("127.0.0.1", "localhost", "[::1]")
WRITING = frozenset(("complete", "hover", "edit", "format"))
"""Kinds that are asked while somebody writes: they have a process of their own, and wait for no picture."""
HEADERS = {
    "Content-Security-Policy": CSP + "; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True)
class Served:
    """What the page is about, and how it is asked for."""

    given: Given
    key: str
    """The first part of every path."""
    port: int
    site: Path
    """The folder of the page's files."""
    seconds: float
    """That one question may take."""
    file: Watched | None = None
    ending: Callable[[], bool] = lambda: False
    """Whether the server is to end: what goes on and on ends then."""


class Answering:
    """What stands behind the paths."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self._files = files_below(served.site)
        self._lanes = {name: Lane(served.given, served.seconds) for name in ("view", "write")}
        self._early: list[asyncio.Task[str]] = []
        self._origins = {f"http://{host}:{served.port}" for host in HOSTS}

    def begin(self) -> None:
        """Start the processes on what the page will ask first, while the browser is still loading it."""
        start = self._start().start
        if start is not None:
            asked = {"text": start.text, "path": start.path, "model": start.model}
            for lane, kind in (("view", "view"), ("write", "edit")):
                question = json.dumps({"kind": kind, **asked})
                self._early.append(asyncio.create_task(self._lanes[lane].ask("early", question)))

    async def close(self) -> None:
        """End the processes."""
        for task in self._early:
            task.cancel()
        for lane in self._lanes.values():
            await lane.close()

    def refused(self, host: str, origin: str | None, site: str | None) -> str | None:
        """Why a request is none of this page's; none where it is."""
        if f"http://{host}" not in self._origins:
            return "this server answers to 127.0.0.1 and localhost alone"
        if origin is not None and origin not in self._origins:
            return "a request of another page"
        if site not in (None, "same-origin", "none"):
            return "a request of another page"
        return None

    async def page(self, request: Request) -> Response:
        """A file of the page."""
        from starlette.responses import JSONResponse, PlainTextResponse, Response

        name = request.path_params["name"] or "index.html"
        if name == "engine.json":
            return JSONResponse({"engine": "server"})
        path = self._files.get(name)
        if path is None:
            return PlainTextResponse("there is no such file", 404)
        return Response(await asyncio.to_thread(path.read_bytes), media_type=TYPES[path.suffix])

    async def ask(self, request: Request) -> Response:
        """An answer of a session."""
        from starlette.responses import PlainTextResponse, Response

        body = await _body(request)
        if body is None:
            return PlainTextResponse(f"a request has at most {MAX_BODY:,} bytes", 413)
        try:
            asked = json.loads(body)
            line = json.dumps(asked, separators=(",", ":"))
        except (ValueError, RecursionError):
            return PlainTextResponse("the request is no JSON", 400)
        kind = asked.get("kind") if isinstance(asked, dict) else None
        if kind in ("start", "shipped"):
            answer = json.dumps(asdict(await asyncio.to_thread(self._start if kind == "start" else self._shipped)))
        else:
            client = request.query_params.get("client", "")[:40]
            lane = self._lanes["write" if kind in WRITING else "view"]
            try:
                answer = await lane.ask(f"{client} {kind}"[:80], line)
            except Busy:
                return PlainTextResponse("too many requests wait", 503)
        return Response(answer, media_type="application/json")

    def _start(self) -> ExploreAnswer:
        source: Source | None = None
        if self.served.file is not None:
            try:
                source = self.served.file.source()
            except Fault as fault:  # it was there when the server started
                return ExploreAnswer(fault.diagnostic.message)
        return ExploreAnswer(start=start_report(self.served.given, source))

    @staticmethod
    def _shipped() -> ExploreAnswer:
        return ExploreAnswer(shipped=shipped_files())

    async def read(self, request: Request) -> Response:  # noqa: ARG002 - there is one file
        """What the file holds now."""
        from starlette.responses import JSONResponse, PlainTextResponse

        if self.served.file is None:
            return PlainTextResponse("the page has no file", 404)
        try:
            return JSONResponse(asdict(await asyncio.to_thread(self.served.file.report)))
        except Fault as fault:
            return PlainTextResponse(fault.diagnostic.message, 409)
        except OSError as fault:
            return PlainTextResponse((fault.strerror or "the file cannot be read").lower(), 409)

    async def write(self, request: Request) -> Response:
        """Write the file, if it is the one that the page knows."""
        from starlette.responses import JSONResponse, PlainTextResponse

        body = await _body(request)
        if self.served.file is None or body is None:
            return PlainTextResponse("the page has no file, or the text is too long", 404)
        try:
            asked: Any = json.loads(body)
            text, digest = asked["text"], asked["digest"]
            if not isinstance(text, str) or not isinstance(digest, str):
                raise TypeError
        except (ValueError, RecursionError, KeyError, TypeError):
            return PlainTextResponse("the request has no text and digest", 400)
        try:
            return JSONResponse(asdict(await asyncio.to_thread(self.served.file.write, text, digest)))
        except Conflict:
            return PlainTextResponse("the file has changed on the disk since it was read", 409)
        except FileFault as fault:
            return PlainTextResponse(fault.message, 400)
        except Fault as fault:
            return PlainTextResponse(fault.diagnostic.message, 400)

    async def events(self, request: Request) -> Response:
        """Tells when the file changes, or one that it uses."""
        from starlette.responses import StreamingResponse

        return StreamingResponse(self._events(request), media_type="text/event-stream")

    async def _events(self, request: Request) -> AsyncIterator[str]:
        file = self.served.file
        before = file.state() if file is not None else None
        yield "retry: 1000\n\n"
        looks = 0
        while not self.served.ending() and not await request.is_disconnected():
            await asyncio.sleep(POLL)
            looks += 1
            now = file.state() if file is not None else None
            if now != before:
                before = now
                yield "event: file\ndata: changed\n\n"
            changed = [path for lane in self._lanes.values() if lane.idle for path in await lane.changed()]
            if changed:
                yield f"event: used\ndata: {json.dumps(sorted(set(changed)))}\n\n"
            elif looks % 20 == 0:
                yield ": here\n\n"


async def _body(request: Request) -> bytes | None:
    """What was sent; none where it is too long."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_BODY:
            return None
        parts.append(part)
    return b"".join(parts)


def app_of(served: Served) -> Starlette:
    """The application, for a server of one process."""
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.routing import Route

    answering = Answering(served)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        answering.begin()
        yield
        await answering.close()

    root = f"/{served.key}"
    routes = [
        Route(f"{root}/api/ask", answering.ask, methods=["POST"]),
        Route(f"{root}/api/file", answering.read, methods=["GET"]),
        Route(f"{root}/api/file", answering.write, methods=["PUT"]),
        Route(f"{root}/api/events", answering.events, methods=["GET"]),
        Route(f"{root}/{{name:path}}", answering.page, methods=["GET"]),
    ]
    return Starlette(routes=routes, middleware=[Middleware(_Guard, answering=answering)], lifespan=lifespan)


class _Guard:
    """Refuses what is none of the page's requests, and says with every answer what the page may do."""

    def __init__(self, app: Any, answering: Answering) -> None:
        self.app, self.answering = app, answering

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        from starlette.datastructures import Headers, MutableHeaders
        from starlette.responses import PlainTextResponse

        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return

        async def guarded(message: Any) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        reason = self.answering.refused(headers.get("host", ""), headers.get("origin"), headers.get("sec-fetch-site"))
        app = self.app if reason is None else PlainTextResponse(reason, 403)
        await app(scope, receive, guarded)
