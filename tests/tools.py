"""Tools that read Python texts, run as the command line does: mypy with what it knows of PyTorch kept for all tests."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

UNREAD = (
    *("networkx", "sympy", "torch._dynamo", "torch._export", "torch._functorch", "torch._higher_order_ops"),
    *("torch._inductor", "torch._numpy", "torch._subclasses", "torch.ao", "torch.export", "torch.fx", "torch.onnx"),
    "torch.testing",
)
"""What PyTorch imports and no emitted text touches: reading its types takes as long as those of all the rest."""


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
    unread = f"[mypy-{','.join(f'{module}.*' for module in UNREAD)}]\nfollow_imports = skip\n"
    settings.write_text(f"[mypy]\nstrict = True\n{unread}{lenient}")
    run(folder, "mypy", "--config-file", settings.name, "--cache-dir", str(cache), *files)
