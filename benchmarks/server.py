"""The language server: from an edit to its diagnostics, on every file of specs/, and the memory that it takes.

The client is this script, over pipes, as an editor speaks. An edit takes a character out of a text, anywhere, or puts
it back; the time is from the message to the diagnostics of its version, with the moment that the server waits for more.
CPU time of the server stands beside it, which a busy machine disturbs less. The memory is what the server holds while a
file is open, and what `archdsl check` takes at most for one of the five longest files.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import resource
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

ALL = {"start": {"line": 0, "character": 0}, "end": {"line": 1_000_000, "character": 0}}
AROUND = ("textDocument/inlayHint", "textDocument/semanticTokens/full", "textDocument/documentSymbol")
"""What an editor asks for after each edit, beside the diagnostics."""


@dataclass(frozen=True)
class Line:
    """Milliseconds of edits of one file."""

    file: str
    edits: int
    median: float
    p95: float
    most: float
    cpu: float
    """Of the server, until the diagnostics of an edit are told: the median."""
    cpu_p95: float
    memory: float
    """MB that the server holds while the file is open."""


class Server:
    """A server, and messages to it."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "archdsl", "lsp"]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.number = 0
        self.ask("initialize", {"processId": os.getpid(), "rootUri": ROOT.as_uri(), "capabilities": {}})
        self.tell("initialized", {})

    def _send(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        self.process.stdin.flush()

    def tell(self, method: str, params: object) -> None:
        self._send({"method": method, "params": params})

    def ask(self, method: str, params: object) -> Any:
        self.number += 1
        self._send({"id": self.number, "method": method, "params": params})
        while (answer := self.next()).get("id") != self.number:
            pass
        return answer

    def next(self) -> Any:
        assert self.process.stdout is not None
        length = 0
        while (line := self.process.stdout.readline()).strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        if not line:
            raise SystemExit("the server has ended")
        return json.loads(self.process.stdout.read(length))

    def diagnosed(self, uri: str, version: int) -> None:
        """Wait for the diagnostics of a version."""
        while True:
            message = self.next()
            params = message.get("params", {})
            told = message.get("method") == "textDocument/publishDiagnostics" and params["uri"] == uri
            if told and params.get("version") == version:
                return

    @property
    def cpu(self) -> float:
        """Seconds of CPU so far, of all threads."""
        threads = Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9

    @property
    def memory(self) -> float:
        """MB that it holds."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1000


def measure(server: Server, path: Path, pairs: int, chosen: random.Random) -> Line:
    """Open a file, take characters out and put them back, close it."""
    uri, text, version = path.as_uri(), path.read_text(encoding="utf-8"), 1
    opened = {"uri": uri, "languageId": "arch", "version": 1, "text": text}
    server.tell("textDocument/didOpen", {"textDocument": opened})
    server.diagnosed(uri, 1)
    times, cpu = [], []
    for _ in range(pairs):
        place = chosen.randrange(len(text))
        line = text.count("\n", 0, place)
        start = {"line": line, "character": place - text.rfind("\n", 0, place) - 1}
        after = {**start, "character": start["character"] + 1}
        if text[place] == "\n":
            after = {"line": line + 1, "character": 0}
        out = {"range": {"start": start, "end": after}, "text": ""}
        back = {"range": {"start": start, "end": start}, "text": text[place]}
        for change in (out, back):
            version += 1
            begun, before = time.perf_counter(), server.cpu
            server.tell(
                "textDocument/didChange", {"textDocument": {"uri": uri, "version": version}, "contentChanges": [change]}
            )
            server.diagnosed(uri, version)
            times.append(1000 * (time.perf_counter() - begun))
            cpu.append(1000 * (server.cpu - before))
            for method in AROUND:
                server.ask(method, {"textDocument": {"uri": uri}, "range": ALL})
    memory = server.memory
    server.tell("textDocument/didClose", {"textDocument": {"uri": uri}})
    times.sort()
    cpu.sort()
    name = path.relative_to(ROOT).as_posix()
    shares = quantile(cpu, 0.5), quantile(cpu, 0.95)
    return Line(name, len(times), quantile(times, 0.5), quantile(times, 0.95), times[-1], *shares, memory)


def quantile(ordered: list[float], share: float) -> float:
    """The smallest value that so many of the values do not exceed."""
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)]


def command_line(files: list[Path]) -> float:
    """MB that `archdsl check` takes at most, of the longest of these files one by one."""
    for file in sorted(files, key=lambda path: path.stat().st_size)[-5:]:
        subprocess.run([sys.executable, "-m", "archdsl", "check", str(file)], cwd=ROOT, capture_output=True)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("files", nargs="*", type=Path, help="files below specs/; all of them without")
    parser.add_argument("--pairs", type=int, default=10, help="characters of each file that are taken out and put back")
    parser.add_argument("--seed", type=int, default=14)
    parser.add_argument("--json", type=Path, help="a file for the numbers")
    options = parser.parse_args()
    files = [path.resolve() for path in options.files] or sorted((ROOT / "specs").rglob("*.arch"))
    chosen = random.Random(options.seed)
    peer = command_line(files)
    server = Server()
    print(f"{'file':48} edits  median     p95    most     CPU     p95  ms   MB")
    lines = []
    for path in files:
        line = measure(server, path, options.pairs, chosen)
        lines.append(line)
        times = f"{line.median:7.0f} {line.p95:7.0f} {line.most:7.0f} {line.cpu:7.0f} {line.cpu_p95:7.0f}"
        print(f"{line.file:48} {line.edits:5} {times} {line.memory:8.0f}", flush=True)
    memory = max(line.memory for line in lines)
    for what, slow in (
        ("time", [line.file for line in lines if line.p95 > 100]),
        ("CPU", [line.file for line in lines if line.cpu_p95 > 100]),
    ):
        print(f"p95 of the {what} over 100 ms: {', '.join(slow) or 'of no file'}")
    print(f"memory: {memory:.0f} MB at most; archdsl check: {peer:.0f} MB at most; more: {memory - peer:.0f} MB")
    server.ask("shutdown", None)
    server.tell("exit", None)
    if options.json:
        found = {"memory": memory, "check": peer, "files": [asdict(line) for line in lines]}
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
