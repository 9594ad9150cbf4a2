"""Run folders of strangers, and starts that are ended at any moment."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cli_cases import ROOT, Run

from archdsl import together
from archdsl.training import run_folder
from archdsl.views import train as train_view

NET = """\
arch 1
use std.ops { conv, batch_norm, relu, global_pool, linear }

block simple(x; width) = x -> conv(width, kernel: 3) -> batch_norm -> relu
block classify(x; classes: 10) = x -> global_pool -> linear(classes)

model net { input: 1 x 8 x 8  stages: simple { width: 4 }  head: classify }
"""
ENDS = """
import os
import sys

open("ran", "w").close()
sys.exit(0)


class Settings:
    data: str | None = option(None, "str")
    epochs: int = option(2, "count")
    out: str = option("", "str")
    seed: int = option(0, "int")
"""
COMMAND = ("train", "net.arch", "--data", ".", "-o", "out")


class Killed(BaseException):
    """The process is gone."""


@pytest.fixture
def out(here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model whose script writes the file `ran`, and ends."""
    (here / "net.arch").write_text(NET)
    real = train_view.texts_of
    monkeypatch.setattr(train_view, "texts_of", lambda *given: real(*given) | {"train_net.py": ("train", ENDS)})
    return here / "out"


@pytest.mark.parametrize("writes", range(12))
def test_a_start_that_is_killed_can_be_made_again(
    run: Run, out: Path, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    """After any number of files; the one that was being written is left behind."""
    real = run_folder.write_atomically
    left = writes

    def write(path: Path, *given: Any, **options: Any) -> None:
        nonlocal left
        if left == 0:
            (path.parent / ".archdsl-0123456789abcdef.tmp").write_text("half")
            raise Killed
        left -= 1
        real(path, *given, **options)

    with monkeypatch.context() as patch:
        patch.setattr(run_folder, "write_atomically", write)
        try:
            run(*COMMAND)
        except Killed:
            pass
        else:
            assert left >= 0
    (out / "ran").unlink(missing_ok=True)
    result = run(*COMMAND)
    assert result.code == 0, result.err
    assert (out / "ran").exists()
    assert {"net.py", "train_net.py", "model.arch", "recipe.arch"} <= set(os.listdir(out))
    other = run(*COMMAND, "--", "--seed", "3")  # nothing came of it: another run may take the folder
    assert other.code == 0, other.err
    assert json.loads((out / "run.json").read_text())["seed"] == 3


@pytest.mark.parametrize("where", ["closed", "full"])
def test_a_start_that_cannot_be_told_can_be_made_again(out: Path, where: str) -> None:
    if where == "full" and not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    command = [sys.executable, "-m", "archdsl", *COMMAND[:4], "--format", "table", "-o", "out", "--", "--epochs", "1"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    reader, writer = os.pipe()
    os.close(reader)
    stream = writer if where == "closed" else os.open("/dev/full", os.O_WRONLY)
    subprocess.run(command, cwd=out.parent, env=environment, stdout=stream, stderr=subprocess.DEVNULL, check=False)
    os.close(stream)
    assert (out / "run.json").is_file()
    again = subprocess.run([*command, "--dry-run"], cwd=out.parent, env=environment, capture_output=True, check=False)
    assert again.returncode == 0 or b"holds another" not in again.stderr


NAMES = ("command.txt", "run.json", "environment.txt", "net.py", "train_net.py", "model.arch", "recipe.arch")


@pytest.mark.parametrize("name", NAMES)
def test_links_are_not_written_through(run: Run, out: Path, name: str) -> None:
    assert run(*COMMAND).code == 0
    mine = out.parent / "mine"
    content = (out / name).read_bytes()
    mine.write_bytes(content)
    (out / name).unlink()
    (out / name).symlink_to(mine)
    run(*COMMAND)
    run(*COMMAND, "--", "--seed", "4")
    assert mine.read_bytes() == content


def test_hostile_starts(run: Run, out: Path) -> None:
    """Lines that a stranger chose do not reach another file."""
    assert run(*COMMAND).code == 0
    mine = out.parent / "mine"
    mine.write_text("mine")
    (out / "command.txt").unlink()
    (out / "command.txt").symlink_to(mine)
    record = json.loads((out / "run.json").read_text())
    record["starts"] = [{"typed": ["a"], "command": ["b"], "time": "\nrm -rf /", "folder": "\nc"}]
    (out / "run.json").write_text(json.dumps(record))
    assert run(*COMMAND).code == 0
    assert mine.read_text() == "mine"


@pytest.mark.parametrize("digests", ["edited", "none"])
@pytest.mark.parametrize("name", ["train_net.py", "net.py"])
def test_what_is_run_is_what_the_model_gives(run: Run, out: Path, name: str, digests: str) -> None:
    assert run(*COMMAND).code == 0
    (out / "ran").unlink()
    (out / "metrics.jsonl").write_text("{}\n")
    path = out / name
    path.write_text(path.read_text() + "\nopen('sprung', 'w')\n")
    record = json.loads((out / "run.json").read_text())
    record["files"][name] = hashlib.sha256(path.read_bytes()).hexdigest()
    record["files"] = {} if digests == "none" else record["files"]
    (out / "run.json").write_text(json.dumps(record))
    result = run(*COMMAND)
    assert result.code == 1
    assert f"out/{name} is not what archdsl" in result.err
    assert not (out / "ran").exists()
    assert not (out / "sprung").exists()


@pytest.mark.parametrize("name", ["random.py", "torch/__init__.py", "tqdm.so", "json.pyc", "__pycache__"])
def test_nothing_else_can_be_imported(run: Run, out: Path, name: str) -> None:
    assert run(*COMMAND).code == 0
    (out / "ran").unlink()
    path = out / name
    path.parent.mkdir(exist_ok=True)
    if name == "__pycache__":
        path.symlink_to(out.parent)
    else:
        path.write_text("")
    result = run(*COMMAND)
    assert result.code == 1
    assert "is no part of the run" in result.err
    assert not (out / "ran").exists()


def test_kept_bytecode_is_not_run(run: Run, out: Path) -> None:
    assert run(*COMMAND).code == 0
    (out / "__pycache__").mkdir()
    kept = out / "__pycache__" / "net.cpython-311.pyc"
    kept.write_bytes(b"")
    assert run(*COMMAND).code == 0
    assert not kept.exists()


@pytest.mark.parametrize("name", ["a\0b", "\ud800", "../net.arch", "fifo", "/dev/zero", "other.py"])
def test_a_record_that_lists_other_files(run: Run, out: Path, name: str) -> None:
    assert run(*COMMAND).code == 0
    record = json.loads((out / "run.json").read_text())
    record["files"][name] = "0"
    (out / "run.json").write_text(json.dumps(record))
    result = run(*COMMAND)
    assert (result.code, result.out) == (1, "")
    assert "run.json is no record of a run" in result.err


@pytest.mark.parametrize("name", ["run.json", "net.py", "train_net.py", "model.arch"])
def test_pipes_are_not_waited_for(run: Run, out: Path, name: str) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("no pipes with names here")
    assert run(*COMMAND).code == 0
    (out / name).unlink()
    os.mkfifo(out / name)
    result = run(*COMMAND)
    assert result.code == 1
    assert name in result.err


def test_values_of_a_record_are_escaped(run: Run, out: Path) -> None:
    assert run(*COMMAND).code == 0
    (out / "metrics.jsonl").write_text("{}\n")
    record = json.loads((out / "run.json").read_text())
    record["hash"] = "\x1b[31m\u202e\ud800\n"
    record["settings"]["\x1b]0;"] = 1
    (out / "run.json").write_text(json.dumps(record))
    result = run(*COMMAND)
    assert result.code == 1
    assert "hash was \\x1b[31m\\u202e\\ud800\\n, is" in result.err
    assert "\x1b" not in result.err


def test_more_epochs_extend_a_run(run: Run, out: Path) -> None:
    assert run(*COMMAND).code == 0
    (out / "metrics.jsonl").write_text("{}\n")
    result = run(*COMMAND, "--", "--epochs", "5")
    assert result.code == 0, result.err
    assert "(goes on)" in result.out
    record = json.loads((out / "run.json").read_text())
    assert [start["epochs"] for start in record["starts"]] == [2, 5]
    assert record["settings"]["epochs"] == 5
    assert "epochs was 5, is 4" in run(*COMMAND, "--", "--epochs", "4").err


def test_options_are_given_whole(run: Run, out: Path) -> None:
    result = run(*COMMAND, "--", "--epoch", "3")
    assert result.code == 2
    assert "did you mean --epochs?" in result.err
    assert not out.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_compilation_that_is_ended_is_whole(
    here: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    """A request to end between two files comes into effect behind the last one."""
    real = together.Beside
    came: list[int] = []
    before = signal.signal(number, lambda number, _: came.append(number))

    def begin(*given: Any) -> together.Beside:
        signal.raise_signal(number)
        assert not came
        return real(*given)

    monkeypatch.setattr(together, "Beside", begin)
    try:
        together.write_together(here / "out", {"a": "1", "b": "2"}, force=False)
    finally:
        signal.signal(number, before)
    assert came == [number]
    assert sorted(os.listdir(here / "out")) == ["a", "b"]
