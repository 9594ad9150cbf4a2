"""Studies that are trained, disturbed as machines do it: what comes of them is what comes of an undisturbed one."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import forked
import pytest
import small_images
from study_cases import NETS

from archdsl.studies.study import Study

pytest.importorskip("fcntl", reason="no locks of files here")
NEEDED = ("torch", "sklearn", "PIL", "safetensors", "tqdm")
pytestmark = [
    pytest.mark.skipif(not all(map(find_spec, NEEDED)), reason="training needs archdsl[train]"),
    pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="trainings are found by /proc"),
]

MEMBERS = 5
ASKED = ("study", "run", "nets.arch:tiny", "--count", str(MEMBERS), "--retries", "3", "--jobs", "1", "--device", "cpu")
ASKED += ("--data", "images", "--threads", "1")
VARYING = {"seconds", "cpu_seconds", "epoch_seconds", "peak_memory", "attempts", "space"}
"""Columns of results that say how it went, or where the space lies from the study, not what came of it."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / "nets.arch").write_text(NETS)
    small_images.write(folder / "images", 600, 100)
    return folder


@pytest.fixture(scope="module")
def whole(folder: Path) -> Path:
    """A study that nothing disturbed."""
    end = started(folder, "whole", forks=False).wait()
    assert end == 0
    return folder / "whole"


def started(
    folder: Path, name: str, *words: str, before: Callable[[], None] | None = None, forks: bool = True
) -> forked.Forked | subprocess.Popen[bytes]:
    """The command, as a fork of this process, or in a process that loads everything anew, as a user starts it."""
    words = words or (*ASKED, "-o", name)
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    with (folder / f"{name}.out").open("ab") as out:
        if not forks:
            command = [sys.executable, "-m", "archdsl", *words]
            return subprocess.Popen(command, cwd=folder, stdout=out, stderr=out, env=env)
        program = forked.archdsl(words)

        def limited() -> None:
            if before is not None:
                before()
            program()

        return forked.Forked(limited, folder, variables=env, streams=(None, out, out), kept=())


def trainings(study: Path) -> list[int]:
    """The processes that train something of a study now."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if Path(os.readlink(process / "cwd")).is_relative_to(study / "trials"):
                found.append(int(process.name))
        except OSError:
            continue
    return found


def status(process: int) -> list[str]:
    """State and parent of a process, and more; nothing if there is none."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def held(study: Path, drawn: random.Random) -> tuple[int, int, int]:
    """A training that was stopped in its midst, at a drawn moment, with the process that started it, and its driver."""
    while True:
        training = drawn.choice(wait_for(lambda: trainings(study)))
        time.sleep(drawn.uniform(0, 0.3))
        try:
            trial = Path(os.readlink(f"/proc/{training}/cwd"))
            os.kill(training, signal.SIGSTOP)
        except OSError:
            continue  # it has ended meanwhile
        wait_for(lambda training=training: status(training)[:1] != ["R"])
        if status(training)[:1] == ["T"]:
            driver = json.loads(trial.with_name(f"{trial.name}.jsonl").read_text().splitlines()[-1])["pid"]
            return training, int(status(training)[1]), driver


def wait_for(what: Callable[[], Any]) -> Any:
    while not (found := what()):
        time.sleep(0.01)
    return found


def figures(study: Path) -> dict[int, dict[str, Any]]:
    """What came of each trial but how it went, and the weights of each."""
    rows = [json.loads(line) for line in (study / "results.jsonl").read_text().splitlines()]
    found = {row["trial"]: {name: cell for name, cell in row.items() if name not in VARYING} for row in rows}
    for number, row in found.items():
        row["weights"] = (study / "trials" / f"{number:04}" / "model.safetensors").read_bytes()
    return found


def attempts(study: Path) -> int:
    return sum(len(each.attempts) for each in Study.open(study).trials())


def test_a_trial_is_what_its_script_gives_alone(whole: Path, folder: Path) -> None:
    """Each trial runs in a fork of a process that has everything loaded; on its own the script does the same."""
    found = figures(whole)
    assert [found[number]["status"] for number in range(MEMBERS)] == ["done"] * MEMBERS
    trial = whole / "trials" / "0001"
    alone = folder / "alone"
    alone.mkdir()
    for name in ("tiny_1.py", "train_tiny_1.py"):
        shutil.copy(trial / name, alone)
    command = [sys.executable, "train_tiny_1.py", "--out=.", "--device=cpu", f"--data={folder / 'images'}"]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run(command, cwd=alone, env=env, check=True, stdout=subprocess.DEVNULL)
    assert (alone / "model.safetensors").read_bytes() == found[1]["weights"]
    last = json.loads((alone / "metrics.jsonl").read_text().splitlines()[-1])
    assert (found[1]["loss"], found[1]["error"]) == (last["val_loss"], 1 - last["val_accuracy"])
    assert found[1]["rate"] == pytest.approx(json.loads((trial / "run.json").read_text())["settings"]["lr"])


def test_a_disturbed_study_ends_as_one_that_was_not(whole: Path, folder: Path) -> None:
    """Two work on one study. kill -9 of a training, of a process that starts them, and of one of the two."""
    drawn, study = random.Random(13), folder / "shared"
    both = {each.pid: each for each in (started(folder, "shared"), started(folder, "shared"))}
    for kill in drawn.sample(range(3), 3):
        which = held(study, drawn)
        os.kill(which[kill], signal.SIGKILL)
        if which[kill] in both:
            both.pop(which[2]).wait()
        wait_for(lambda which=which: status(which[0])[:1] in ([], ["Z"]))  # a training ends with what started it
    (left,) = both.values()
    assert left.wait() == 0
    assert figures(study) == figures(whole)
    assert attempts(study) == MEMBERS + 3
    assert not trainings(study)
    assert started(folder, "late", "study", "work", "shared").wait() == 0
    assert attempts(study) == MEMBERS + 3


@pytest.fixture
def full(folder: Path) -> Iterator[Path]:
    """The folder of a study on a disk that holds a megabyte, where one may be mounted."""
    disk = folder / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", disk], capture_output=True, check=False)
    if mounted.returncode:
        disk.rmdir()
        yield folder / "limited"
        return
    try:
        yield disk / "study"
    finally:
        subprocess.run(["umount", "-l", disk], check=False)


def test_a_full_disk_ends_a_study_and_loses_nothing(whole: Path, folder: Path, full: Path) -> None:
    """With a disk of its own where that can be had, else with files that cannot grow, as a quota does it."""
    resource: Any = pytest.importorskip("resource")
    limit = None if full.name == "study" else lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))
    filler = full.parent / "filler"
    if limit is None:
        filler.write_bytes(bytes(900_000))
    name = str(full.relative_to(folder))
    (folder / name).parent.mkdir(exist_ok=True)
    end = started(folder, "full", *ASKED, "-o", name, before=limit).wait()
    said = (folder / "full.out").read_text()
    assert end == 1, said
    assert "space" in said or "cannot be written" in said
    assert "Traceback" not in said
    filler.unlink(missing_ok=True)
    assert started(folder, "full", *ASKED, "-o", name).wait() == 0
    assert figures(full) == figures(whole)


def test_a_training_that_diverges_is_told(folder: Path) -> None:
    """A network without norms and bounds, at a rate of a billion, on the digits."""
    text = NETS.replace("batch_norm, relu, ", "").replace(" -> batch_norm -> relu", "")
    (folder / "plain.arch").write_text(text)
    words = ("study", "run", "plain.arch:net", "--recipe", "fast", "--device", "cpu", "-o", "diverged")
    assert started(folder, "diverging", *words, "--", "--lr", "1e9", "--epochs", "3").wait() == 1
    (row,) = [json.loads(line) for line in (folder / "diverged" / "results.jsonl").read_text().splitlines()]
    assert (row["status"], row["error"], row["attempts"]) == ("diverged", None, 1)
    assert "is no number: try a lower --lr" in row["reason"]
