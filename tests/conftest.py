"""What holds for all tests. That this file stands here puts `tests/` on the import path, so `import chunks` works.

One thread a process, for the networks are small and the tests share the cores.

More threads mostly wait for each other, and burn the other worker's time while they do. Set before anything imports
torch, and inherited by the processes that tests start.

Nothing is looked for that could go while the tests are collected, and what lives from then on is never looked through
again: both took a tenth of the time.

Weights go back to the machine when a network goes: else glibc keeps them for the next, and a worker grows to gigabytes.
It reads that when a process starts, so that it holds for the workers. A large worker looks for garbage in circles,
which may hold large arrays and would stay until much has been made.

What Python compiles of the sources is kept, whatever the machine says: the tests start archdsl some hundred times, and
each start without it takes half a second more.

An interrupt means what it says: a shell that starts the tests in the background has them and what they start ignore it.

What shares something dear stands in one worker, whatever the versions of pytest and xdist make of marks: a file, or
what is asked of one network (`group`). What takes a minute comes first, so that no worker waits for it in the end.

No random example is timed: a busy machine would fail it. Where `CI` is set the examples are the same in every run, so
that a change is judged by what it changed; elsewhere they are new each time, and `make thorough` tries ten times as
many.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from archdsl.zoo import declared

settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="CI" in os.environ
)
settings.load_profile("untimed")
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MALLOC_MMAP_THRESHOLD_", str(1 << 20))
os.environ.setdefault("MALLOC_ARENA_MAX", "2")
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


EARLY = (
    "tests/studies/test_machines.py",
    "tests/spaces/test_engine.py",
    "tests/studies/test_study_faults.py",
    "tests/training/test_verified.py",
    "tests/explore/test_browser.py",
    "tests/cli/test_show.py",
    "tests/cli/test_train_command.py",
    "tests/docs/test_docs.py",
    "tests/hostile/test_hostile_code.py",
    "tests/studies/test_search_folder.py",
    "tests/docs/test_studies.py",
    "tests/run/test_reference_numerics.py",
    "tests/properties/test_formulas.py",
    "tests/run/test_emitted_text.py",
    "tests/run/test_train.py",
    "tests/training/test_training_runs.py",
    "tests/mutations/test_mutations.py",
)
"""Files that take half a minute or more each, the longest first: each is one worker's, and what is short comes last."""


networks = cache(declared)


@cache
def group(nodeid: str) -> str:
    """What one worker gets whole: all that is asked of the emitted module of a network, else a file."""
    path, _, rest = nodeid.partition("::")
    if path.startswith("tests/run/"):
        for parameter in rest.partition("[")[2].removesuffix("]").split("-"):
            if parameter in networks():
                return parameter
    return path


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Groups in their order; with `--dist no`, `each` or a mode that is asked for by name, that mode."""
    if config.getoption("dist") not in ("load", "loadgroup"):
        return None
    from xdist.scheduler import LoadScopeScheduling

    class Groups(LoadScopeScheduling):  # type: ignore[misc]  # xdist may be missing
        def _split_scope(self, nodeid: str) -> str:
            return group(nodeid)

    config.option.loadscopereorder = False
    return Groups(config, log)


def pytest_configure() -> None:
    gc.disable()


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()
    gc.enable()


LARGE, MORE = 1_000 << 20, 64 << 20
"""Bytes that a worker holds before garbage is looked for, and by which it has grown since."""
_held = 0


def pytest_runtest_logfinish() -> None:
    global _held
    if resident() > max(LARGE, _held + MORE):
        gc.collect()
        _held = resident()


def resident() -> int:
    """Bytes of memory that this process holds; none where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {path: place for place, path in enumerate(EARLY)}
    items.sort(key=lambda item: places.get(item.nodeid.partition("::")[0], len(EARLY)))


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


@pytest.fixture
def hasty() -> Iterator[None]:
    """Threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)
