"""Python programs in forks of the tests' process, which has loaded PyTorch already: that takes seconds of each start.

A fork is a process as any other: it has an exit code, a standard output, and ends by signals. Only the start of an
interpreter is left out; for each kind of command one test starts a real one.
"""

from __future__ import annotations

import gc
import importlib
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

LIBRARIES = ("sklearn.datasets", "PIL.Image", "tqdm", "torch.distributed.fsdp", "torch._dynamo")
"""What an entry point loads, and what its first step does."""


def load() -> None:
    """Load them here, once and not in every fork."""
    for library in LIBRARIES:
        importlib.import_module(library)


class Forked:
    """A function that runs in a fork, in a folder: what `subprocess.Popen` is to a command."""

    def __init__(
        self,
        program: Callable[[], object],
        folder: Path | str,
        *,
        variables: Mapping[str, str] | None = None,
        given: str = "",
        stdout: int | None = None,
        captured: bool = True,
    ) -> None:
        """`given` is its standard input. Its output is kept, or goes where this process's does, or to `stdout`."""
        temporary = tempfile.TemporaryFile
        self._files = [temporary("w+", encoding="utf-8") for _ in range(3)] if captured else []
        if captured:
            self._files[0].write(given)
            self._files[0].seek(0)
        descriptors = [file.fileno() for file in self._files] or [0, 1 if stdout is None else stdout, 2]
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        run = multiprocessing.get_context("fork").Process(target=_run, args=(program, folder, variables, descriptors))
        run.start()
        self._process = run

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise subprocess.TimeoutExpired("a fork", timeout or 0)
        return code

    def communicate(self, timeout: float) -> tuple[str, str]:
        """What it wrote, when it has ended."""
        try:
            self.wait(timeout)
        finally:
            self._process.kill()
        found = []
        for file in self._files[1:]:
            file.seek(0)
            found.append(file.read())
        return found[0], found[1]


def _run(
    program: Callable[[], object],
    folder: Path | str,
    variables: Mapping[str, str] | None,
    descriptors: Sequence[int],
) -> None:
    gc.freeze()  # what the tests' process holds is not gone over, and so not copied
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
    streams = [os.fdopen(n, mode, encoding="utf-8", closefd=False) for n, mode in enumerate("rww")]
    sys.stdin, sys.stdout, sys.stderr = streams
    if variables is not None:
        os.environ.clear()
        os.environ.update(variables)
    os.chdir(folder)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        program()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def script(path: Path | str, arguments: Sequence[object]) -> Callable[[], object]:
    """Running a script, as `python PATH ARGUMENTS` does."""
    load()

    def program() -> None:
        sys.argv = [str(path), *map(str, arguments)]
        sys.path.insert(0, str(Path(path).resolve().parent))
        runpy.run_path(str(path), run_name="__main__")

    return program


def scripts(command: Sequence[str], *, cwd: Path | str, stdout: int | None, pass_fds: Any) -> Forked:
    """In place of `subprocess.Popen`, for a command that runs a script: its output goes where this process's goes."""
    assert command[0] == sys.executable
    assert command[1].endswith(".py")
    assert isinstance(pass_fds, tuple)  # a fork has all descriptors
    return Forked(script(command[1], command[2:]), cwd, stdout=stdout, captured=False)
