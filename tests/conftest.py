"""What holds for all tests. That this file stands here puts `tests/` on the import path, so `import chunks` works.

One thread a process, for the networks are small and the tests share the cores.

More threads mostly wait for each other, and burn the other worker's time while they do. Set before anything imports
torch, and inherited by the processes that tests start.

Weights go back to the machine when a network goes: else glibc keeps them for the next, and a worker grows to gigabytes.
It reads that when a process starts, so that it holds for the workers.

An interrupt means what it says: a shell that starts the tests in the background has them and what they start ignore it.

No random example is timed: a busy machine would fail it. Where `CI` is set the examples are the same in every run, so
that a change is judged by what it changed; elsewhere they are new each time, and `make thorough` tries ten times as
many.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="CI" in os.environ
)
settings.load_profile("untimed")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MALLOC_MMAP_THRESHOLD_", str(1 << 20))
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def mypy_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of this run of the tests that all workers share."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "mypy"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With `-m fast`, files without such a test are not read: what they import takes longer than all fast tests."""
    if config.getoption("markexpr") != "fast" or not collection_path.match("test_*.py"):
        return None
    return "mark.fast" not in collection_path.read_text(encoding="utf-8") or None
