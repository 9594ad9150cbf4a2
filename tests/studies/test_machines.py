"""Studies on several machines: a Ray cluster of two nodes on this one, of which one is killed; and plain processes that
share a study, as Slurm starts them."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import forked
import pytest
import small_images

from archdsl.studies.study import Study, Trial

NET = """arch 1
use std.ops { conv, global_pool, linear }

block classify(x; classes: 10) = x -> global_pool -> linear(classes)

model net(width) {
  input: 1 x 8 x 8
  stages: conv { depth: 1  width: width  kernel: 3 }
  head: classify
}

space widths {
  width ~ int(4 .. 11)
  model: net(width)
}
"""
COUNT = 5
VARY = {"seconds", "cpu_seconds", "epoch_seconds", "peak_memory", "attempts", "step_seconds"}
"""What differs between two runs of the same training."""


def run_words(folder: Path, *more: str) -> list[str]:
    options = ["--count", str(COUNT), "--unique", "--threads", "1", "--data", "images", *more, "-o", str(folder)]
    return ["study", "run", "spaces.arch:widths", *options, "--", "--epochs", "3"]


def started(words: list[str], folder: Path) -> forked.Forked:
    """A command of archdsl in a fork, whose output nobody sees."""
    streams = (None, subprocess.DEVNULL, subprocess.DEVNULL)
    return forked.Forked(forked.archdsl(words), folder, streams=streams, kept=())


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study that ran on one machine to its end."""
    folder = tmp_path_factory.mktemp("studies")
    (folder / "spaces.arch").write_text(NET)
    small_images.write(folder / "images", 300, 60)
    assert started(run_words(folder / "whole"), folder).wait() == 0
    return folder / "whole"


def figures(folder: Path) -> list[dict[str, Any]]:
    """What came of the trials, without what varies."""
    rows = [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]
    return [{name: cell for name, cell in row.items() if name not in VARY} for row in rows]


def check_once(study: Study) -> None:
    """Every trial was trained to its end, once: one attempt ended well, and no epoch was written twice."""
    for trial in study.trials():
        assert trial.state == "done"
        assert [each.end for each in trial.attempts].count("done") == 1
        lines = (study.path(trial.number) / "metrics.jsonl").read_text().splitlines()
        assert [json.loads(line)["epoch"] for line in lines] == [1, 2, 3]


def wait_for(what: Callable[[], Any]) -> Any:
    """What hangs is ended by pytest's timeout: no machine is too busy for a test."""
    while not (found := what()):
        time.sleep(0.05)
    return found


def running(folder: Path) -> list[Trial]:
    """The trials of a study that are trained now, and have epochs behind them."""
    try:
        study = Study.open(folder)
        found = [each for each in study.trials() if each.state == "running"]
    except Exception:  # it is being made
        return []
    return [each for each in found if (study.path(each.number) / "metrics.jsonl").exists()]


class Nodes:
    """Ray nodes on this machine, each with a core, killed with all that they started."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="r", dir="/tmp"))  # Ray's sockets take short paths only
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        quiet = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        self.environ = {**os.environ, **quiet}
        self.nodes: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Start one more, the first of which is the head."""
        port = self.address.rpartition(":")[2]
        head = ["--head", "--port", port, "--include-dashboard", "false", "--temp-dir", str(self.folder)]
        where = ["--address", self.address] if self.nodes else head
        memory = ["--num-cpus", "1", "--num-gpus", "0", "--object-store-memory", "80000000"]
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", *where, *memory, "--block"]
        log = self.folder / f"node{len(self.nodes)}.log"
        with log.open("wb") as file:
            node = subprocess.Popen(command, env=self.environ, stdout=file, stderr=file, start_new_session=True)
        self.nodes.append(node)
        wait_for(lambda: "Ray runtime started" in log.read_text() or node.poll() is not None)
        assert node.poll() is None, log.read_text()

    def stop(self, number: int) -> None:
        """SIGSTOP to a node: nothing of it ends any more, nor goes on."""
        for process in below(self.nodes[number].pid):
            os.kill(process, signal.SIGSTOP)

    def go_on(self, number: int) -> None:
        for process in below(self.nodes[number].pid):
            os.kill(process, signal.SIGCONT)

    def kill(self, number: int) -> None:
        """SIGKILL to a node and to all that it started, which are in its session or below it."""
        for process in [*below(self.nodes[number].pid), self.nodes[number].pid]:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.nodes[number].wait()

    def end(self) -> None:
        for number in reversed(range(len(self.nodes))):
            self.kill(number)
        shutil.rmtree(self.folder, ignore_errors=True)


def below(process: int) -> list[int]:
    """The processes that one started, and those that they started, of its session."""
    sessions: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            sessions.setdefault(int(fields[3]), []).append(int(entry.name))
    return [each for each in sessions.get(process, []) if each != process]


@pytest.fixture
def nodes() -> Iterator[Nodes]:
    found = Nodes()
    try:
        yield found
    finally:
        found.end()


@pytest.mark.skipif(sys.platform != "linux", reason="nodes are found in /proc")
@pytest.mark.skipif(find_spec("ray") is None, reason="the extra `ray` is not installed")
def test_a_node_that_is_killed(undisturbed: Path, nodes: Nodes) -> None:
    """Two nodes train a study, and one is killed in the middle: all trials end, none is trained twice to its end."""
    nodes.start()
    nodes.start()
    folder = undisturbed.parent / "on_ray"
    words = [sys.executable, "-m", "archdsl", *run_words(folder, "--engine", "ray", "--address", nodes.address)]
    driver = subprocess.Popen(
        words, cwd=folder.parent, env=nodes.environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        wait_for(lambda: stopped_in_the_middle(nodes, folder) or driver.poll() is not None)
        nodes.kill(1)
        said, _ = driver.communicate()
    finally:
        driver.kill()
    assert driver.returncode == 0, said
    study = Study.open(folder)
    check_once(study)
    cut = [trial for trial in study.trials() if any(each.end is None for each in trial.attempts)]
    assert len(cut) == 1, "one trial was on the node that was killed"
    assert figures(folder) == figures(undisturbed)


def stopped_in_the_middle(nodes: Nodes, folder: Path) -> bool:
    """Stop the second node while both train."""
    if len(running(folder)) < 2:
        return False
    nodes.stop(1)
    if len(running(folder)) == 2:
        return True
    nodes.go_on(1)
    return False


def test_workers_that_share_a_study(undisturbed: Path) -> None:
    """Two processes work on one study, as `srun archdsl study work` starts them; one is killed with its training."""
    folder = undisturbed.parent / "shared"
    first = started(run_words(folder), folder.parent)
    wait_for(lambda: (folder / "study.json").exists())
    other = started(["study", "work", str(folder), "--jobs", "1"], folder.parent)
    try:
        wait_for(lambda: running(folder))
        first.kill()  # the one that made the study
        assert other.wait() == 0
    finally:
        for each in (first, other):
            each.kill()
            each.wait()
    check_once(Study.open(folder))
    assert figures(folder) == figures(undisturbed)
