"""Turns: each a process that measures one network and ends, so that none has memory, threads or caches of another.

A process that takes too long, or whose starter is interrupted, is ended with all that it started.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from archdsl.measuring.settings import Effort, How, Job

CHILD = Path(__file__).with_name("child.py")
PROBE = 120.0
"""Seconds in which torch must have been loaded."""


class NoMachine(Exception):
    """Why nothing can be measured on the machine."""


class TurnFault(Exception):
    """Why one network was not measured: one line."""


def probe(how: How) -> dict[str, Any]:
    """What the machine is called, and whether it has the device. Raises `NoMachine`."""
    try:
        return _answer({"device": how.device, "threads": how.threads}, PROBE)
    except TurnFault as fault:
        raise NoMachine(str(fault)) from None


def taken(job: Job, how: How, effort: Effort) -> dict[str, Any]:
    """What a network takes: `times`, `passes`, `memory`, `load`, and the machine. Raises `TurnFault`."""
    with tempfile.TemporaryDirectory(prefix="archdsl-") as folder:
        path = Path(folder) / "network.py"
        with path.open("w", encoding="utf-8") as file:
            file.write(job.text)
        return _answer(job.order(how, effort, str(path)), effort.limit)


def _answer(order: dict[str, Any], seconds: float) -> dict[str, Any]:
    command = [sys.executable, "-P", str(CHILD)]  # -P: no file of the current folder is taken for a library
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, start_new_session=True)
    try:
        out, err = process.communicate(json.dumps(order), timeout=seconds)
    except subprocess.TimeoutExpired:
        raise TurnFault(f"not done after {seconds:g} s") from None
    finally:
        _end(process)
    try:
        found = json.loads(out.splitlines()[-1])
    except (ValueError, IndexError):
        raise TurnFault(_reason(process.returncode, err)) from None
    if "refused" in found:
        raise TurnFault(str(found["refused"]))
    return dict(found)


def _end(process: subprocess.Popen[str]) -> None:
    """End the process and those that it started, if they are still there."""
    if process.poll() is None:
        with contextlib.suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
        process.communicate()


def _reason(code: int, err: str) -> str:
    if code < 0:
        with contextlib.suppress(ValueError):
            name = signal.Signals(-code).name
            return f"ended by {name}" + (" (is the memory too small?)" if name == "SIGKILL" else "")
    lines = [line.strip() for line in err.splitlines() if line.strip()]
    return lines[-1][:300] if lines else f"the process ended with {code}"


__all__ = ["NoMachine", "TurnFault", "probe", "taken"]
