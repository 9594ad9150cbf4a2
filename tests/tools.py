"""Tools that read Python texts, run as the command line does: mypy with what it knows of PyTorch kept for all tests."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest


def run(folder: Path, tool: str, *arguments: str) -> None:
    """Run a tool in a folder, where it must have nothing to say; where it is not installed, the test is skipped."""
    if importlib.util.find_spec(tool) is None:
        pytest.skip(f"{tool} is not installed")
    ran = subprocess.run([sys.executable, "-m", tool, *arguments], cwd=folder, capture_output=True, text=True)
    assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}"


def mypy(folder: Path, cache: Path, files: Iterable[str], modules: Iterable[str] = ()) -> None:
    """Check files strictly; `modules` may give on what other modules return, since `nn.Module.__call__` has no types.

    All checks have the same options, so that one needs no more than to read what another found out about PyTorch.
    """
    settings = folder / "mypy.ini"
    lenient = f"[mypy-{','.join(modules)}]\nwarn_return_any = False\n" if modules else ""
    settings.write_text(f"[mypy]\nstrict = True\n{lenient}")
    run(folder, "mypy", "--config-file", settings.name, "--cache-dir", str(cache), *files)
