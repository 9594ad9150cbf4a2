"""A real browser on the page: the distribution's Chromium, by Playwright. No host but the page's is ever asked."""

from __future__ import annotations

import contextlib
import functools
import http.server
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from archdsl.explorer.site import NoSite, site_folder

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)
SOON = 200.0
"""Seconds after which what is waited for is not coming; nothing here asks how long it took."""


def missing() -> str:
    """Why no browser can walk the page here; empty where one can."""
    if not CHROMIUM:
        return "there is no Chromium: apt-get install chromium"
    try:
        import playwright.sync_api  # noqa: F401 - whether it is there
    except ImportError:
        return "playwright is not installed"
    try:
        site_folder()
    except NoSite as fault:
        return str(fault)
    return ""


@contextlib.contextmanager
def served(*arguments: str, cwd: Path | None = None) -> Iterator[str]:
    """The address of a server of the page."""
    command = [sys.executable, "-m", "archdsl", "explore", "--no-open", *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=cwd) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()
            _, said = process.communicate()
    assert said == "", said


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextlib.contextmanager
def hosted(folder: Path) -> Iterator[str]:
    """The address of a site, by a server that knows nothing of it."""
    handler = functools.partial(_Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()


COPY = """content => {
  const clipboardData = new DataTransfer();
  content.dispatchEvent(new ClipboardEvent("copy", { clipboardData, bubbles: true, cancelable: true }));
  return clipboardData.getData("text/plain");
}"""
PASTE = """(content, text) => {
  const clipboardData = new DataTransfer();
  clipboardData.setData("text/plain", text);
  content.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
}"""


@dataclass
class Walk:
    """A page in a browser, and what went wrong in it."""

    page: Any
    address: str
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(SOON * 1000)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        self.page.on("dialog", self._dialog)
        self.page.route("**/*", self._route)

    def _console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.faults.append(f"{message.type}: {message.text}")

    def _dialog(self, dialog: Any) -> None:
        self.faults.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _route(self, route: Any) -> None:
        if route.request.url.startswith((self.address, "blob:", "data:")):
            route.continue_()
            return
        self.faults.append(f"asked {route.request.url}")
        route.abort()

    def open(self, hash_: str = "") -> None:
        self.page.goto(self.address + hash_)
        self.page.wait_for_selector(".cm-content")

    def until(self, seen: str, wanted: Any = True) -> Any:
        """Wait until an expression of the page is as wanted: `wait_for_function` needs what the page forbids."""
        end = time.monotonic() + SOON
        while (found := self.page.evaluate(seen)) != wanted:
            assert time.monotonic() < end, f"{seen} is {found!r}, not {wanted!r}"
            self.page.wait_for_timeout(20)
        return found

    def text(self, selector: str) -> str:
        return str(self.page.text_content(selector))

    def program(self) -> str:
        """The text that is edited, as somebody who copies all of it gets it."""
        self.page.locator(".cm-content").focus()
        self.page.keyboard.press("Control+a")
        return str(self.page.locator(".cm-content").evaluate(COPY))

    def write(self, text: str) -> None:
        """Take the place of the whole text, as somebody who pastes."""
        self.page.locator(".cm-content").focus()
        self.page.keyboard.press("Control+a")
        self.page.locator(".cm-content").evaluate(PASTE, text)

    def no_faults(self) -> None:
        assert not self.faults, "\n".join(self.faults)
