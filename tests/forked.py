"""Python programs in forks of the tests' process, which has loaded PyTorch already: that takes seconds of each start.

A fork is a process as any other: it has an exit code, a standard output, and ends by signals. Only the start of an
interpreter is left out; for each kind of command one test starts a real one: `archdsl train` in
`cli/test_train_command.py`, a study and a script alone in `studies/test_study_faults.py`, nodes of Ray in
`studies/test_machines.py`, what measures in `measuring/test_measuring.py`.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from archdsl import cli
from archdsl.measuring import turns
from archdsl.studies import processes
from archdsl.training import start

LIBRARIES = ("sklearn.datasets", "PIL.Image", "tqdm", "torch.distributed.fsdp", "torch._dynamo")
"""What an entry point loads, and what its first step does."""


def load() -> None:
    """Load them here, once and not in every fork."""
    for library in LIBRARIES:
        importlib.import_module(library)


class Forked:
    """A function that runs in a fork, in a folder: what `subprocess.Popen` is to a command, with text in its pipes."""

    def __init__(
        self,
        program: Callable[[], object],
        folder: Path | str,
        *,
        variables: Mapping[str, str] | None = None,
        streams: Sequence[Any] = (subprocess.PIPE,) * 3,
        kept: Sequence[int] | None = None,
        session: bool = False,
    ) -> None:
        """A stream that is a pipe is for `communicate`; one that is none is this process's.

        It has all descriptors of this process, or those that are `kept` alone, as a command has; with `session` it
        leads one of its own.
        """
        temporary = tempfile.TemporaryFile
        said = [temporary("w+", encoding="utf-8") for _ in range(2)]
        theirs, ours = os.pipe()
        self._given: int | None = ours
        self._said = said
        defaults = (theirs, *said)
        used = [own if stream == subprocess.PIPE else stream for own, stream in zip(defaults, streams, strict=True)]
        for stream in (sys.stdout, sys.stderr):
            stream.flush()

        def run() -> None:
            os.close(ours)
            if session:
                os.setsid()
            _run(program, folder, variables, used, kept)

        self._process = multiprocessing.get_context("fork").Process(target=run)
        self._process.start()
        os.close(theirs)

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

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> int:
        if timeout is None:
            self._process.join()
        end = time.monotonic() + (timeout or 0)
        while (
            code := self.poll()
        ) is None:  # `join` with a timeout would wait for a descriptor that the fork has closed
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired("a fork", timeout or 0)
            time.sleep(0.005)
        return code

    def communicate(self, given: str = "", timeout: float | None = None) -> tuple[str, str]:
        """What it wrote after it was given that, when it has ended; raises as `wait`."""
        if self._given is not None:
            with suppress(BrokenPipeError), os.fdopen(self._given, "w", encoding="utf-8") as file:
                file.write(given)
            self._given = None
        self.wait(timeout)
        for file in self._said:
            file.seek(0)
        out, err = (file.read() for file in self._said)
        return out, err

    def __del__(self) -> None:
        if self._given is not None:
            os.close(self._given)


def _run(
    program: Callable[[], object],
    folder: Path | str,
    variables: Mapping[str, str] | None,
    given: Sequence[Any],
    kept: Sequence[int] | None,
) -> None:
    gc.freeze()  # what the tests' process holds is not gone over, and so not copied
    atexit._clear()  # what it tidies up in its end is still used by it
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
    """That of a file, of nothing, or itself."""
    if stream == subprocess.DEVNULL:
        return os.open(os.devnull, os.O_RDWR)
    return stream if isinstance(stream, int) else stream.fileno()  # type: ignore[no-any-return]


def close_others(kept: Sequence[int]) -> None:
    """Close all descriptors but the standard ones and those: with them go locks, and ends of sockets, of others."""
    left = 3
    for descriptor in [*sorted(kept), os.sysconf("SC_OPEN_MAX")]:
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
    stdin: Any = None,
    stdout: Any = None,
    stderr: Any = None,
    pass_fds: Sequence[int] = (),
    start_new_session: bool = False,
    text: bool = True,
) -> Forked:
    """In place of `subprocess.Popen`, for a command of Python that runs a script."""
    python, *words = command
    path, *arguments = [word for word in words if word != "-P"]  # which is said to Python
    assert (python, path[-3:], text) == (sys.executable, ".py", True)
    streams = (stdin, stdout, stderr)
    program = script(path, arguments)
    return Forked(program, cwd, variables=env, streams=streams, kept=pass_fds, session=start_new_session)


SUBPROCESS = SimpleNamespace(
    Popen=popen, **{name: vars(subprocess)[name] for name in ("DEVNULL", "PIPE", "TimeoutExpired")}
)
"""In place of the module, where archdsl starts scripts."""
STARTING = (start, processes, turns)
"""Modules of archdsl that start trainings, what these are forks of, and what measures."""


def here(patch: pytest.MonkeyPatch) -> None:
    """Have archdsl start forks, where it is called in this process."""
    load()
    for module in STARTING:
        patch.setattr(module, "subprocess", SUBPROCESS)


def archdsl(words: Sequence[object]) -> Callable[[], object]:
    """Running a command of archdsl, and what it starts, as forks."""
    load()

    def program() -> None:
        with pytest.MonkeyPatch.context() as patch:
            here(patch)
            sys.exit(cli.main([*map(str, words)]))

    return program
