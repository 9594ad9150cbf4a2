"""The trainings that this process has started, by way of `server.py`: each can be waited for and told to end.

Any thread may start one; all share one server, which is started when it is needed, and anew if it is killed.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from archdsl.once import cached_property
from archdsl.records import dataclass
from archdsl.studies.ledger import StudyFault
from archdsl.studies.server import receive_message, send_message
from archdsl.training.run_folder import installed

SERVER = Path(__file__).with_name("server.py")
LAST_WORDS = 2000
LOST = "the process that starts trainings was killed"


@dataclass(frozen=True)
class Ended:
    """How a training process ended."""

    exit: int
    """Negative for a signal."""
    cpu_seconds: float | None = None
    peak_memory: int | None = None
    lost: bool = False
    """Whether that is not known, since the server was killed, and it with it."""


class Training:
    """A training process."""

    def __init__(self, server: _Server, number: int) -> None:
        self._server, self._number = server, number
        self._done = threading.Event()
        self._end: Ended | None = None
        self.pid: int | None = None

    def wait(self, seconds: float) -> Ended | None:
        """How it ended, if it does so within that time."""
        self._done.wait(seconds)
        return self._end

    def signal(self, number: int) -> None:
        self._server.send({"id": self._number, "signal": int(number)})

    def end(self, end: Ended) -> None:
        self._end = end
        self._done.set()


class Trainings:
    """Starts trainings with an environment of their own; a context, at whose end all are over."""

    def __init__(self, environ: Mapping[str, str], *, warm: bool) -> None:
        self.environ, self.warm = dict(environ), warm
        self._lock = threading.Lock()
        self._server: _Server | None = None

    @cached_property
    def packages(self) -> str:
        """Those that are installed, once for all that is started here."""
        return installed()

    def __enter__(self) -> Trainings:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            if self._server is not None:
                self._server.close()

    def start(
        self, argv: Sequence[str], folder: Path, log: int, inherited: Sequence[int], *, needs: Mapping[str, Any]
    ) -> Training:
        """Start `python argv…` in a folder, its output to the log. Raises `StudyFault`.

        `needs` is what the script needs after its start: `imports`, and the folders of its `data`, or none.
        """
        with self._lock:
            if self._server is None or self._server.gone:
                self._server = _Server(self.environ, self.warm)
            return self._server.start(argv, folder, needs, [log, *inherited])


class _Server:
    """One server process, and a thread that hears what it says."""

    def __init__(self, environ: Mapping[str, str], warm: bool) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket, self._words = ours, tempfile.TemporaryFile()  # noqa: SIM115 - closed with the server
        self._running: dict[int, Training] = {}
        self._lock, self._speaking = threading.Lock(), threading.Lock()
        self._count = 0
        self.gone = False
        command = [sys.executable, "-P", str(SERVER), str(theirs.fileno()), *(["--warm"] if warm else [])]
        try:
            self._process = subprocess.Popen(
                command,
                env=dict(environ),
                stdin=subprocess.DEVNULL,
                stdout=self._words,
                stderr=self._words,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        except OSError as error:
            raise StudyFault(f"{sys.executable}: {(error.strerror or 'cannot be started').lower()}") from None
        finally:
            theirs.close()
        threading.Thread(target=self._listen, daemon=True).start()

    def start(
        self, argv: Sequence[str], folder: Path, needs: Mapping[str, Any], descriptors: Sequence[int]
    ) -> Training:
        with self._lock:
            self._count += 1
            training = Training(self, self._count)
            self._running[self._count] = training
        request = {"id": self._count, "argv": list(argv), "folder": os.path.abspath(folder), **needs}
        try:
            self._say(request, descriptors)
        except OSError:
            training.end(Ended(-signal.SIGKILL, lost=True))
        return training

    def send(self, request: dict[str, Any]) -> None:
        with contextlib.suppress(OSError):  # it is gone, and the trainings with it
            self._say(request)

    def _say(self, request: dict[str, Any], descriptors: Sequence[int] = ()) -> None:
        with self._speaking:
            send_message(self._socket, request, descriptors)

    def close(self) -> None:
        """End the server, and with it what it has started."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
        self._process.wait()
        self._words.close()

    def _listen(self) -> None:
        while True:
            try:
                answer, _ = receive_message(self._socket)
            except OSError:
                answer = None
            if answer is None:
                break
            with self._lock:
                training = self._running[answer["id"]]
                if "status" in answer:
                    del self._running[answer["id"]]
            if "status" in answer:
                training.end(Ended(answer["status"], answer["cpu_seconds"], answer["peak_memory"]))
            else:
                training.pid = answer["pid"]
        self.gone = True
        with self._lock:
            left, self._running = list(self._running.values()), {}
        for training in left:
            training.end(Ended(-signal.SIGKILL, lost=True))


def environment(threads: int) -> dict[str, str]:
    """That of a training with so many threads."""
    return {**os.environ, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}


def has_gpu() -> bool:
    """Whether this machine may have a GPU that PyTorch would take, which is found without asking it."""
    return sys.platform == "darwin" or any(Path(f"/dev/{name}").exists() for name in ("nvidia0", "kfd", "dxg"))


__all__ = ["LOST", "Ended", "Training", "Trainings", "environment", "has_gpu"]
