"""Python programs in forks of the tests' process, which has loaded PyTorch already: that takes seconds of each start.

A fork is a process as any other: it has an exit code, a standard output, and ends by signals. Only the start of an
interpreter is left out; for each kind of command one test starts a real one.
"""

from __future__ import annotations

import gc
import importlib
import multiprocessing
import os
import resource
import runpy
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

from archdsl import cli
from archdsl.studies import processes
from archdsl.training import start

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
        streams: Sequence[Any] | None = None,
        kept: Sequence[int] | None = None,
        session: bool = False,
    ) -> None:
        """`given` is its standard input, and its output is kept; or its three `streams` are files, or this process's.

        It has all descriptors of this process, or those that are `kept` alone, as a command has; with `session` it leads
        one of its own.
        """
        self._files: list[IO[str]] = []
        if streams is None:
            streams = self._files = [tempfile.TemporaryFile("w+", encoding="utf-8") for _ in range(3)]
            self._files[0].write(given)
            self._files[0].seek(0)
        for stream in (sys.stdout, sys.stderr):
            stream.flush()

        def run() -> None:
            if session:
                os.setsid()
            _run(program, folder, variables, streams, kept)

        self._process = multiprocessing.get_context("fork").Process(target=run)
        self._process.start()

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
    given: Sequence[Any],
    kept: Sequence[int] | None,
) -> None:
    gc.freeze()  # what the tests' process holds is not gone over, and so not copied
    for number, stream in enumerate(given):
        if stream is not None:
            os.dup2(descriptor_of(stream), number)
    if kept is not None:
        close_others(kept)
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


def descriptor_of(stream: Any) -> int:
    """That of a file, of a path to read, or itself."""
    if isinstance(stream, str):
        return os.open(stream, os.O_RDONLY)
    return stream if isinstance(stream, int) else stream.fileno()  # type: ignore[no-any-return]


def close_others(kept: Sequence[int]) -> None:
    """Close all descriptors but the standard ones and those: with them go locks, and ends of sockets, of others."""
    left = 3
    for descriptor in [*sorted(kept), resource.getrlimit(resource.RLIMIT_NOFILE)[0]]:
        os.closerange(left, descriptor)
        left = descriptor + 1


def script(path: Path | str, arguments: Sequence[object]) -> Callable[[], object]:
    """Running a script, as `python PATH ARGUMENTS` does."""
    load()

    def program() -> None:
        sys.argv = [str(path), *map(str, arguments)]
        sys.path.insert(0, str(Path(path).resolve().parent))
        runpy.run_path(str(path), run_name="__main__")

    return program


def popen(
    command: Sequence[str],
    *,
    cwd: Path | str = ".",
    env: Mapping[str, str] | None = None,
    stdin: int | None = None,
    stdout: Any = None,
    stderr: Any = None,
    pass_fds: Sequence[int] = (),
    start_new_session: bool = False,
) -> Forked:
    """In place of `subprocess.Popen`, for a command of Python that runs a script. Standard input is given on, or empty."""
    assert command[0] == sys.executable
    assert stdin in (None, subprocess.DEVNULL)
    path, *arguments = [word for word in command[1:] if word != "-P"]  # what Python itself is told
    assert path.endswith(".py")
    program = script(path, arguments)
    return Forked(
        program,
        cwd,
        variables=env,
        streams=(None if stdin is None else os.devnull, stdout, stderr),
        kept=pass_fds,
        session=start_new_session,
    )


SUBPROCESS = SimpleNamespace(Popen=popen, DEVNULL=subprocess.DEVNULL, TimeoutExpired=subprocess.TimeoutExpired)
"""In place of the module, where archdsl starts scripts."""


def archdsl(words: Sequence[object]) -> Callable[[], object]:
    """Running a command of archdsl, which starts trainings, or what starts these, as forks too."""
    load()

    def program() -> None:
        vars(start)["subprocess"] = vars(processes)["subprocess"] = SUBPROCESS
        sys.exit(cli.main([*map(str, words)]))

    return program
