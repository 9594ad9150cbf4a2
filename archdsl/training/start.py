"""The training process: started in its run folder, told of signals, and recorded with how it ended."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from archdsl.training.plan import Plan
from archdsl.training.run_folder import Run, installed, surroundings

GRACE = 30
"""Seconds in which the started process must end after a Ctrl-C that it had from the terminal."""


class StartFault(Exception):
    """Why the process was not started, or what ended it."""


def train(plan: Plan, typed: list[str], spec: Path, inherited: tuple[int, ...], *, quiet: bool) -> tuple[int, bool]:
    """Record the start, train, and record the end: the exit code, and whether it was interrupted.

    `typed` is the command of archdsl, `spec` the folder of the user's files, `inherited` what keeps the folder locked.
    What is started prints to standard error if `quiet`. Raises `StartFault`.
    """
    begin = time.monotonic()
    run = record_start(plan, typed, spec, os.environ, installed())
    code, interrupted = _started(plan, inherited, quiet=quiet)
    record_end(plan, run, code, time.monotonic() - begin)
    return code, interrupted


def record_start(plan: Plan, typed: list[str], spec: Path, environ: Mapping[str, str], packages: str) -> Run:
    """Write down a start, with the variables and the `installed` packages that it has; what run.json holds then."""
    folder, run = plan.folder, plan.run
    starts = list(run["starts"])
    start = {**surroundings(spec, environ), "typed": typed, "command": plan.command, "processes": plan.processes}
    start |= {"epochs": plan.settings.get("epochs"), "environment": folder.write_environment(starts, packages)}
    run = run | {"starts": [*starts, start | {"exit_code": None, "seconds": None}]}
    folder.record(run)
    return run


def record_end(plan: Plan, run: Run, code: int, seconds: float) -> None:
    """Write down how the last start of a run ended."""
    *before, start = run["starts"]
    end = {"exit_code": code, "seconds": round(seconds, 1)}
    plan.folder.record(run | {"starts": [*before, start | end]})


def _started(plan: Plan, inherited: tuple[int, ...], *, quiet: bool) -> tuple[int, bool]:
    """Run the entry point in its folder; its exit code, and whether it was interrupted.

    Its output is passed through, to standard error if `quiet`. A Ctrl-C reaches all processes of a terminal; a signal
    to this process alone is passed on.
    """
    sys.stdout.flush()
    stdout = 2 if quiet else None
    try:
        process = subprocess.Popen(plan.command, cwd=plan.folder.path, stdout=stdout, pass_fds=inherited)
    except OSError as error:
        raise StartFault(f"{plan.command[0]}: {(error.strerror or 'cannot be started').lower()}") from None
    interrupted, timeout = False, None
    with _passed_on(process):
        while True:
            try:
                return process.wait(timeout), interrupted
            except KeyboardInterrupt:
                interrupted, timeout = True, GRACE if _in_foreground() else 0
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGINT)
                timeout = None


@contextlib.contextmanager
def _passed_on(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """While it runs, a request to end is one to end that process."""
    try:
        before = signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    except ValueError:  # not the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _in_foreground() -> bool:
    """Whether a terminal sends its signals to all processes of this one's group."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY)
    except OSError:
        return os.name != "posix"
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)


def check_signal(plan: Plan, code: int) -> None:
    """Raises `StartFault` with the name of the signal that ended the process, if one did."""
    if code >= 0:
        return
    with contextlib.suppress(ValueError):
        name = signal.Signals(-code).name
        hint = " (is the memory too small?)" if name == "SIGKILL" else ""
        message = f"{plan.entry.name} was ended by {name}{hint}; started again, it goes on from its last checkpoint"
        raise StartFault(message)
