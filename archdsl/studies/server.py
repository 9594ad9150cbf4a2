"""A process that starts trainings: a program of its own, which imports nothing of archdsl.

    python -P server.py SOCKET [--warm]

Over the socket, a stream, come requests, a JSON and file descriptors each: `{"id", "argv", "folder", "imports",
"data"}` with the log and what the training must inherit, or `{"signal", "id"}`. Back go `{"id", "pid"}`, and in the end
`{"id", "status", "cpu_seconds", "peak_memory"}`. When the socket closes, all ends.

Where it is warm, what the script imports, and what it is said to import later, is imported here once, and a training is
a fork of this process: it runs the script as Python would, and starts without the seconds that PyTorch takes to load.
This process computes nothing, so it has no threads, and never looks for a GPU. Small images that a script would read
into its memory (IDX and CIFAR's files) are read by one process before, with the script's own functions, into memory
that the trainings share. Else a training is a process of its own.

A training is the leader of a session. On Linux it gets SIGKILL when this process is gone, so none is left behind.
"""

from __future__ import annotations

import ast
import atexit
import contextlib
import ctypes
import gc
import importlib
import json
import mmap
import os
import runpy
import selectors
import signal
import socket
import struct
import sys
import threading
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

LENGTH = struct.Struct(">I")
"""What stands before each message. Sockets that keep messages apart by themselves are Linux's alone."""
MAX_DESCRIPTORS = 8
PR_SET_PDEATHSIG = 1
BYTES = 1 if sys.platform == "darwin" else 1024
"""The unit of `ru_maxrss`."""


def send_message(connection: socket.socket, message: dict[str, Any], descriptors: Sequence[int] = ()) -> None:
    """A message behind its length, with which the descriptors go. One thread at a time may send."""
    text = json.dumps(message).encode()
    length = LENGTH.pack(len(text))
    sent = socket.send_fds(connection, [length], list(descriptors)) if descriptors else 0
    connection.sendall(length[sent:] + text)


def receive_message(connection: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    """The next message and its descriptors; none where the other end is closed.

    Nothing is read of the one behind it, so that descriptors come with the message that they were sent with.
    """
    length, descriptors = b"", list[int]()
    while len(length) < LENGTH.size:
        part, found, _, _ = socket.recv_fds(connection, LENGTH.size - len(length), MAX_DESCRIPTORS)
        descriptors += found
        if not part:
            return None, descriptors
        length += part
    (size,) = LENGTH.unpack(length)
    text = bytearray()
    while len(text) < size:
        part = connection.recv(size - len(text))
        if not part:
            return None, descriptors
        text += part
    message: dict[str, Any] = json.loads(text)
    return message, descriptors


class Server:
    def __init__(self, connection: socket.socket, *, warm: bool) -> None:
        self.connection, self.warm = connection, warm
        self.running: dict[int, int] = {}
        """Process -> its request."""
        self.data = Data()
        self.waker, self.woken = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC) if hasattr(os, "pipe2") else os.pipe()

    def serve(self) -> None:
        os.set_blocking(self.waker, False)
        os.set_blocking(self.woken, False)
        signal.set_wakeup_fd(self.woken)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        selector = selectors.DefaultSelector()
        selector.register(self.connection, selectors.EVENT_READ)
        selector.register(self.waker, selectors.EVENT_READ)
        try:
            while True:
                ready = [key.fileobj for key, _ in selector.select()]
                if self.waker in ready:
                    with contextlib.suppress(BlockingIOError):
                        os.read(self.waker, 4096)
                    self.reap()
                if self.connection in ready and not self.receive(selector):
                    return
        finally:
            for process in self.running:
                kill(process, signal.SIGKILL)

    def receive(self, selector: selectors.BaseSelector) -> bool:
        request, descriptors = receive_message(self.connection)
        if request is None:
            return False
        if "signal" in request:
            for process, number in self.running.items():
                if number == request["id"]:
                    kill(process, request["signal"])
            return True
        if self.warm:
            script = Path(request["folder"], request["argv"][0])
            tree = tree_of(script)
            preload(tree, script.parent, request["imports"])
            self.data.read(tree, script.resolve(), [path for path in request["data"] if path is not None])
        process = os.fork()
        if process == 0:
            selector.close()
            self.become(request, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        self.running[process] = request["id"]
        self.send({"id": request["id"], "pid": process})
        return True

    def reap(self) -> None:
        for process in list(self.running):
            found, status, used = os.wait4(process, os.WNOHANG)
            if found:
                kill(process, signal.SIGKILL)  # what it left behind
                seconds = round(used.ru_utime + used.ru_stime, 3)
                code = os.waitstatus_to_exitcode(status)
                figures = {"status": code, "cpu_seconds": seconds, "peak_memory": used.ru_maxrss * BYTES}
                self.send({"id": self.running.pop(process), **figures})

    def send(self, answer: dict[str, Any]) -> None:
        with contextlib.suppress(OSError):  # nobody is there any more: the loop ends next
            send_message(self.connection, answer)

    def become(self, request: dict[str, Any], descriptors: list[int]) -> NoReturn:
        """This process, a fork, becomes the training."""
        code = 1
        try:
            alone()
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGCHLD, signal.SIGTERM):
                signal.signal(number, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            for descriptor in (self.connection.fileno(), self.waker, self.woken):
                os.close(descriptor)
            log, *kept = descriptors
            for stream in (1, 2):
                os.dup2(log, stream)
            os.close(log)
            for descriptor in kept:
                os.set_inheritable(descriptor, True)
            os.chdir(request["folder"])
            if self.warm:
                code = run_script(request["argv"], self.data)
            else:
                os.execv(sys.executable, [sys.executable, *request["argv"]])
        except BaseException:
            traceback.print_exc()
        finally:
            with contextlib.suppress(Exception):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)


SERVER = os.getpid()
"""The process that everything here is a fork of."""
LIBRARY = ctypes.CDLL(None) if sys.platform == "linux" else None


def alone() -> None:
    """This process, a fork, leads a session of its own, and is killed when its parent is gone."""
    os.setsid()
    if LIBRARY is not None:
        LIBRARY.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != SERVER:  # it was gone before that
        os._exit(1)


def kill(process: int, number: int) -> None:
    """Send a signal to a training and all that it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process, number)


def run_script(argv: list[str], data: Data) -> int:
    """Run a script as `python argv…` does in the current folder, with the data that was read; its exit code."""
    sys.argv = list(argv)
    sys.path.insert(0, os.getcwd())
    importlib.invalidate_caches()
    try:
        if data.sources:
            names = runpy.run_path(argv[0], run_name=WITHOUT_MAIN)["main"].__globals__
            names["find"] = data.finder(names)
            sys.exit(names["main"]())
        runpy.run_path(argv[0], run_name="__main__")
        code = 0
    except SystemExit as end:
        if not (end.code is None or isinstance(end.code, int)):
            print(end.code, file=sys.stderr)
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException:
        traceback.print_exc()
        code = 1
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()
    return code


def tree_of(script: Path) -> ast.Module:
    """The syntax of a script; an empty one where that is at fault, which it will say itself."""
    try:
        return ast.parse(script.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return ast.Module([], [])


def preload(tree: ast.Module, folder: Path, later: list[str]) -> None:
    """Import what a script imports, but what stands beside it. What cannot be imported, the script will say."""
    wanted = []
    for node in tree.body:
        match node:
            case ast.Import(names=names):
                wanted += [alias.name for alias in names]
            case ast.ImportFrom(module=str(module), level=0):
                wanted.append(module)
    for name in [*wanted, *later]:
        if name not in sys.modules and not (folder / f"{name.partition('.')[0]}.py").exists():
            with contextlib.suppress(Exception):
                importlib.import_module(name)
    gc.collect()
    gc.freeze()  # what is there is not gone over in the forks, whose memory would be copied by that


# Data


WITHOUT_MAIN = "trial"
"""The name under which a script only defines what it has."""
READERS = ("find", "find_idx", "read_idx", "find_cifar", "read_cifar", "label_of", "Source", "Pixels")
"""What of a script decides what it reads: where these are alike, so are the data."""
FILES = ("*-images-idx3-ubyte*", "data_batch_*", "train.bin", "meta")
"""What lies in folders whose images are read at once."""


class Data:
    """Images and labels by the folders that they were read from, in memory that forks share."""

    def __init__(self) -> None:
        self.key = ""
        self.sources: dict[str, Any] = {}
        self.pixels: mmap.mmap | None = None

    def read(self, tree: ast.Module, script: Path, folders: list[str]) -> None:
        """Read the data of a script, unless they are there, or are read when they are asked for."""
        readers = [ast.unparse(node) for node in tree.body if getattr(node, "name", None) in READERS]
        key = json.dumps([folders, readers])
        if key == self.key:
            return
        self.key, self.sources, self.pixels = key, {}, None
        fits = all(any(any(Path(folder).glob(form)) for form in FILES) for folder in folders)
        if not (folders and fits and hasattr(os, "memfd_create")):
            return
        pixels, words = os.memfd_create("pixels"), os.memfd_create("words")
        process = os.fork()
        if process == 0:
            become_reader(script, folders, pixels, words)
        _, status = os.waitpid(process, 0)
        size = os.fstat(pixels).st_size
        if os.waitstatus_to_exitcode(status) == 0 and size:
            self.pixels = mmap.mmap(pixels, size, access=mmap.ACCESS_READ)
            with open(words, "rb", closefd=False) as file:
                file.seek(0)
                self.sources = json.load(file)
        os.close(pixels)
        os.close(words)

    def finder(self, names: dict[str, Any]) -> Any:
        """The function `find` of a script, for data that are there."""
        read = names["find"]

        def source(words: dict[str, Any] | None) -> Any:
            if words is None or self.pixels is None:
                return None
            labels = [tuple(label) if isinstance(label, list) else label for label in words["labels"]]
            pixels = Part(self.pixels, words["start"])
            return names["Pixels"](words["name"], pixels, tuple(words["size"]), labels, words["channels"])

        def find(data: str | None, cache: Path, world: Any) -> Any:
            found = self.sources.get(data or "")
            if found is None:
                return read(data, cache, world)
            return source(found["train"]), source(found["val"]), found["classes"]

        return find


class Part:
    """The bytes of shared memory from a place on, of which slices are taken."""

    def __init__(self, whole: mmap.mmap, start: int) -> None:
        self.whole, self.start = whole, start

    def __getitem__(self, place: slice) -> bytes:
        return self.whole[self.start + place.start : self.start + place.stop]


def become_reader(script: Path, folders: list[str], pixels: int, words: int) -> NoReturn:
    """This process, a fork, reads the data of a script, and ends with 0 where they may be shared."""
    code = 1
    with contextlib.suppress(BaseException):
        alone()
        sys.path.insert(0, str(script.parent))
        names = runpy.run_path(str(script), run_name=WITHOUT_MAIN)
        written, found = 0, {}
        for folder in folders:
            train, val, classes = names["find"](folder, Path("."), names["World"]())
            parts: dict[str, Any] = {"classes": classes}
            for name, source in (("train", train), ("val", val)):
                parts[name] = source and {
                    "name": source.name,
                    "size": (source.height, source.width),
                    "channels": source.channels,
                    "labels": source.labels,
                    "start": written,
                }
                if source:
                    written += len(source.pixels)
                    with open(pixels, "ab", closefd=False) as file:
                        file.write(source.pixels)
            found[folder] = parts
        with open(words, "w", closefd=False) as text:
            json.dump(found, text)
        code = 0
    os._exit(code)


def main() -> int:
    connection = socket.socket(fileno=int(sys.argv[1]))
    connection.set_inheritable(False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Server(connection, warm="--warm" in sys.argv[2:]).serve()
    return 0


if __name__ == "__main__":
    sys.exit(main())
