"""`archdsl train`: what a run folder holds, that it repeats its run, and what is refused."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import fields, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import forked
import pytest
import small_images
from cli_cases import ROOT, Run
from pydantic import TypeAdapter

from archdsl import __version__
from archdsl.analysis.answers import recipe_named
from archdsl.compiler import Compiled, Compiler
from archdsl.diagnostics import Diagnostics
from archdsl.project import Project
from archdsl.resources import read_data
from archdsl.source import Source
from archdsl.training import plan, run_folder
from archdsl.training.entry_point import KINDS, EntryPoint, OptionFault
from archdsl.training.recipe import DEFAULT, Duration, Optimizer, Recipe, Schedule
from archdsl.views import train as train_view
from archdsl.views.failure import FailureReport
from archdsl.views.recipe import show_recipe
from archdsl.views.train import RunReport, TrainReport

NET = """\
arch 1
use std.ops { conv, batch_norm, relu, global_pool, linear }

block simple(x; width, stride: 1) = x -> conv(width, kernel: 3, stride: stride) -> batch_norm -> relu

block classify(x; classes: 10) = x -> global_pool -> linear(classes)

# Small enough for seconds.
model net {
  input:  1 x 8 x 8
  stages: simple { depth: [1, 1]  width: [4, 8]  stride: 2 }
  head:   classify
  init { conv: normal(std: sqrt(2 / fan_out))  linear: normal(std: 0.01) }
}

model other = net with { stages[1].width: 12 }

# Two epochs.
recipe quick {
  epochs:    2
  batch:     128
  optimizer: sgd(momentum: 0.9, weight_decay: 1e-4)
  schedule:  cosine(peak: 0.1)
}

recipe slow = quick with { schedule.peak: 0.01 }

recipe long = quick with { epochs: 5000 }
"""
EMITTED = ["net.py", "train_net.py", "model.arch", "recipe.arch"]
RECORDS = ["run.json", "command.txt", "environment.txt"]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


@pytest.fixture
def net(here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small model and recipes, in net.arch."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    path = here / "net.arch"
    path.write_text(NET)
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a run in runs/net-quick."""
    needs_torch()
    folder = tmp_path_factory.mktemp("trained") / "project"
    folder.mkdir()
    (folder / "archdsl.toml").write_text("")
    (folder / "net.arch").write_text(NET)
    done = shell(folder, *QUICK)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "validation accuracy" in done.stdout
    return folder


@pytest.fixture
def project(trained: Path, here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that project, the current folder."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    shutil.copytree(trained, here, dirs_exist_ok=True)
    return here


QUICK = ("net.arch", "--model", "net", "--recipe", "quick")


def needs_torch() -> None:
    for library in ("torch", "tqdm", "sklearn", "PIL", "safetensors"):
        pytest.importorskip(library, reason=f"training needs {library}")


def shell(folder: Path, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, with the output of what it starts."""
    command = [sys.executable, "-m", "archdsl", "train", *arguments]
    options = {"cwd": folder, "env": ENVIRONMENT, "timeout": 300} | options
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


@pytest.fixture(scope="module")
def torch() -> None:
    """PyTorch in this process, for `started_here`."""
    needs_torch()
    forked.load()


def started_here(folder: Path, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """The command in a fork of this process, and the script that it starts in one of that."""

    process = forked.Forked(forked.archdsl(["train", *arguments]), folder, variables=ENVIRONMENT)
    out, err = process.communicate(given, timeout=1500)
    assert process.returncode is not None
    return subprocess.CompletedProcess(arguments, process.returncode, out, err)


def content(folder: Path) -> dict[str, bytes]:
    paths = [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def run_of(folder: Path) -> dict[str, Any]:
    text = (folder / "run.json").read_text()
    TypeAdapter(RunReport).validate_json(text, strict=True)
    found: dict[str, Any] = json.loads(text)
    return found


def metrics(folder: Path) -> list[dict[str, float]]:
    """The lines of metrics.jsonl, without what a clock said."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name not in ("seconds", "step_seconds")} for line in lines]


def report(run: Run, *arguments: Any) -> dict[str, Any]:
    result = run("train", "--format", "json", *arguments)
    assert (result.code, result.err) == (0, "")
    TypeAdapter(TrainReport).validate_json(result.out, strict=True)
    found: dict[str, Any] = json.loads(result.out)
    return found


# The run folder


def test_the_folder_holds_what_repeats_the_run(run: Run, trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(trained)
    folder = trained / "runs" / "net-quick"
    assert {*EMITTED, *RECORDS, "metrics.jsonl", "metrics.csv", "model.safetensors"} <= set(content(folder))
    cost = json.loads(run("cost", *QUICK[:3], "--format", "json").out)
    found = run_of(folder)
    assert found["archdsl"] == __version__
    assert (found["spec"], found["model"], found["name"]) == ("net.arch", "net", "net")
    assert (found["hash"], found["input"]) == (cost["hash"], [1, 8, 8])
    assert (found["recipe"]["name"], found["recipe"]["epochs"]) == ("quick", 2)
    assert found["recipe"]["optimizer"]["weight_decay"] == "0.0001"
    assert found["settings"]["epochs"] == 2
    assert found["settings"]["batch_size"] == 128
    assert found["seed"] == found["settings"]["seed"] == 0
    assert set(found["init"]) == {"conv", "linear"}
    assert list(found["files"]) == EMITTED
    [start] = found["starts"]
    assert start["typed"] == ["archdsl", "train", *QUICK]
    assert start["command"] == [sys.executable, "train_net.py", "--out=."]
    assert (start["processes"], start["exit_code"], start["archdsl"]) == (1, 0, __version__)
    assert start["python"] == ".".join(map(str, sys.version_info[:3]))
    assert start["variables"]["OMP_NUM_THREADS"] == "1"
    assert start["folder"] == str(trained)
    lines = (folder / "command.txt").read_text().splitlines()
    assert lines[1] == f"archdsl train {shlex.join(QUICK)}"
    assert lines[3] == f"{shlex.quote(sys.executable)} train_net.py --out=."
    packages = (folder / "environment.txt").read_text().splitlines()
    assert packages == sorted(packages, key=str.lower)
    assert any(re.match(r"torch(==| @ )", line) for line in packages)


def test_model_and_recipe_stand_alone(run: Run, trained: Path, here: Path) -> None:
    folder = trained / "runs" / "net-quick"
    for name in ("model.arch", "recipe.arch"):
        shutil.copy(folder / name, here / name)
    assert run("check", "model.arch", "recipe.arch").code == 0
    assert run("fmt", "--check", "model.arch", "recipe.arch").code == 0
    found = report(run, "model.arch", "--dry-run")
    assert found["hash"] == run_of(folder)["hash"]
    (here / "both.arch").write_text(
        'arch 1\nuse "model.arch" { net }\nuse "recipe.arch" { quick }\n\nmodel again = net with { recipe: quick }\n'
    )
    found = report(run, "both.arch", "--model", "again", "--dry-run")
    assert (found["hash"], found["recipe"]) == (run_of(folder)["hash"], "quick")


def test_the_folder_repeats_the_run(trained: Path, tmp_path: Path) -> None:
    """By its own command line, without archdsl, on a CPU bit for bit."""
    folder = trained / "runs" / "net-quick"
    again = tmp_path / "again"
    again.mkdir()
    for name in EMITTED[:2]:
        shutil.copy(folder / name, again / name)
    command = shlex.split((folder / "command.txt").read_text().splitlines()[3])
    environment = {name: value for name, value in ENVIRONMENT.items() if name != "PYTHONPATH"}
    subprocess.run(command, cwd=again, env=environment, check=True, capture_output=True, timeout=1500)
    assert metrics(again) == metrics(folder)
    assert (again / "model.safetensors").read_bytes() == (folder / "model.safetensors").read_bytes()


@pytest.mark.usefixtures("torch")
def test_the_same_command_goes_on(project: Path) -> None:
    folder = project / "runs" / "net-quick"
    before = content(folder)
    done = started_here(project, *QUICK)
    assert (done.returncode, done.stderr) == (0, "")
    assert "(goes on)" in done.stdout
    assert "2 of them done" in done.stdout
    after = content(folder)
    assert {name: after[name] for name in EMITTED} == {name: before[name] for name in EMITTED}
    assert after["model.safetensors"] == before["model.safetensors"]
    starts = run_of(folder)["starts"]
    assert [start["exit_code"] for start in starts] == [0, 0]
    assert {start["environment"] for start in starts} == {"environment.txt"}
    assert len((folder / "command.txt").read_text().splitlines()) == 8


@pytest.mark.usefixtures("torch")
def test_a_killed_run_goes_on(net: Path) -> None:
    """With the figures of a run that was never stopped."""
    arguments = ("--model", "net", "--recipe", "long", "--", "--save-every", "2", "--keep", "1000000")
    process = started(net.parent, *arguments)
    folder = net.parent / "runs" / "net-long"
    wait_for(folder / "metrics.csv", process)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=1500)
    assert process.returncode == 1, out + err
    assert "train_net.py was ended by SIGTERM; started again, it goes on" in err
    first = metrics(folder)
    process = started(net.parent, *arguments)
    while len(metrics(folder)) < len(first) + 2:
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=1500)
    assert process.returncode == 130
    assert "(goes on)" in out
    assert f"epoch {len(first) + 1}/" in out  # what is written down of an epoch is written before it is said
    assert metrics(folder)[: len(first)] == first
    codes = [start["exit_code"] for start in run_of(folder)["starts"]]
    assert codes == [-signal.SIGTERM, 1]


def started(folder: Path, *arguments: str) -> forked.Forked:
    """The command in a session of its own, where no terminal sends signals."""
    program = forked.archdsl(["train", "net.arch", *arguments])
    return forked.Forked(program, folder, variables=ENVIRONMENT, session=True)


def wait_for(path: Path, process: forked.Forked) -> None:
    while not path.is_file() or not path.stat().st_size:
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)


@pytest.mark.usefixtures("torch")
def test_one_start_at_a_time(project: Path) -> None:
    folder = run_folder.Folder(project / "runs" / "net-quick")
    before = content(folder.path)
    with folder.locked() as inherited:
        if not inherited:
            pytest.skip("this system has no such locks")
        done = started_here(project, *QUICK)
        assert done.returncode == 1
        assert "this run is running already" in done.stderr
    assert content(folder.path) == before
    with folder.locked():
        pass


def test_two_processes(net: Path) -> None:
    needs_torch()
    small_images.write(net.parent / "images", 1438, 359)
    arguments = ("--data", "images", "--processes", "2", "--device", "cpu", "-o", "two")
    done = shell(net.parent, *QUICK, *arguments)
    assert done.returncode == 0, done.stderr
    assert "batch     128 = 2 processes x 1 parts x 64" in done.stdout
    [start] = run_of(net.parent / "two")["starts"]
    assert start["processes"] == 2
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    data = f"--data={net.parent / 'images'}"
    assert start["command"] == [sys.executable, *launcher, "train_net.py", "--out=.", data, "--device=cpu"]
    assert len(metrics(net.parent / "two")) == 2
    assert done.stdout.count("epoch 1/2: ") == 1


def test_paths_are_taken_from_the_current_folder(run: Run, net: Path) -> None:
    found = report(run, *QUICK, "--data", "images", "--dry-run", "--", "--val-data=../more/{0..3}.tar")
    here = net.parent
    assert f"--data={here / 'images'}" in found["command"]
    assert f"--val-data={here.parent / 'more/{0..3}.tar'}" in found["command"]
    found = report(run, *QUICK, "--data", "https://example.org/{0..3}.tar", "--dry-run")
    assert "--data=https://example.org/{0..3}.tar" in found["command"]


def test_the_options_of_the_script(run: Run, net: Path) -> None:
    found = report(run, *QUICK, "--device", "cpu", "--dry-run", "--", "--epochs=3", "--lr", "1e-3", "--tensorboard")
    assert found["command"][1:] == [
        *("train_net.py", "--out=.", "--device=cpu", "--epochs=3", "--lr=0.001", "--tensorboard"),
    ]
    result = run("train", *QUICK, "--", "--help")
    assert result.code == 0
    assert "--weight-decay" in result.out
    assert not (net.parent / "runs").exists()


# What is said


@pytest.mark.usefixtures("torch")
def test_json(project: Path) -> None:
    done = started_here(project, *QUICK, "--format", "json")
    assert done.returncode == 0, done.stderr
    TypeAdapter(TrainReport).validate_json(done.stdout, strict=True)
    found = json.loads(done.stdout)
    assert (found["folder"], found["state"], found["dry_run"]) == ("runs/net-quick", "goes on", False)
    assert (found["exit_code"], found["files"]) == (0, [])
    assert found["metrics"]["epoch"] == 2
    assert "validation accuracy" in done.stderr


def test_a_dry_run_writes_nothing(run: Run, net: Path) -> None:
    before = content(net.parent)
    result = run("train", *QUICK, "--dry-run")
    assert (result.code, result.err) == (0, "")
    assert "folder   runs/net-quick (new)" in result.out
    assert f"command  {shlex.join([sys.executable, 'train_net.py', '--out=.'])}" in result.out
    found = report(run, *QUICK, "--dry-run")
    assert (found["state"], found["dry_run"], found["exit_code"]) == ("new", True, None)
    assert found["files"] == [f"runs/net-quick/{name}" for name in (*EMITTED, *RECORDS)]
    assert content(net.parent) == before
    assert not (net.parent / "runs").exists()


@pytest.mark.parametrize(
    ("arguments", "folder"),
    [
        ((), "runs/net-default"),
        (("--recipe", "slow"), "runs/net-slow"),
        (("--recipe", "regnet_100_epochs"), "runs/net-regnet_100_epochs"),
        (("--classes", "7", "--input", "1x16x16"), "runs/net_1x16x16-default"),
        (("--name", "mine"), "runs/mine-default"),
        (("-o", "a/b"), "a/b"),
    ],
)
def test_the_run_folder(run: Run, net: Path, arguments: tuple[str, ...], folder: str) -> None:
    assert report(run, "net.arch", *arguments, "--dry-run")["folder"] == folder
    assert not (net.parent / "runs").exists()


@pytest.mark.usefixtures("torch")
def test_a_claim_that_fails(net: Path) -> None:
    """It is reported, and the network is trained: it is what it is."""
    net.write_text(NET.replace("  head:   classify\n", "  head:   classify\n  expect { params: 99K }\n"))
    done = started_here(net.parent, *QUICK, "-o", "out")
    assert done.returncode == 1
    assert "error[E501]" in done.stderr
    assert len(metrics(net.parent / "out")) == 2


def test_no_heavy_library_is_loaded(net: Path) -> None:
    needs_torch()
    code = (
        "import sys; from archdsl.cli import main; code = main(sys.argv[1:])\n"
        "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr); sys.exit(code)"
    )
    command = [sys.executable, "-c", code, "train", *QUICK, "--dry-run"]
    done = subprocess.run(command, cwd=net.parent, env=ENVIRONMENT, capture_output=True, text=True, check=True)
    loaded = set(done.stderr.split())
    assert "archdsl" in loaded
    assert not loaded & {"torch", "numpy", "sympy", "networkx", "pydantic", "rich", "matplotlib", "sklearn", "PIL"}


# What is refused


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((*QUICK[:3], "--recipe", "slow", "-o", "runs/net-quick"), "recipe.schedule.peak was 0.1, is 0.01"),
        (("net.arch", "--model", "other", "--recipe", "quick", "--name", "net", "-o", "runs/net-quick"), "hash was "),
        ((*QUICK, "--name", "mine", "-o", "runs/net-quick"), "name was net, is mine"),
        ((*QUICK, "--classes", "11"), "hash was "),
        ((*QUICK, "--", "--epochs", "1"), "epochs was 2, is 1"),
        ((*QUICK, "--", "--seed", "1", "--lr", "0.5"), "lr was 0.1, is 0.5; seed was 0, is 1"),
    ],
)
def test_a_folder_of_another_run(run: Run, project: Path, arguments: tuple[str, ...], message: str) -> None:
    before = content(project)
    for more in ((), ("--dry-run",), ("--format", "json")):
        words = [*more, *arguments]
        result = run("train", *words)
        assert (result.code, result.out) == (1, "")
        assert "runs/net-quick holds another run: " in result.err
        assert message in result.err
        assert "-o" in result.err
    assert content(project) == before


def test_a_recipe_of_more_epochs(run: Run, project: Path) -> None:
    """Its folder is that of the recipe as it was; the line says how to extend the run, if that is all that differs."""
    spec = project / "net.arch"
    spec.write_text(NET.replace("  epochs:    2", "  epochs:    7"))
    result = run("train", *QUICK)
    extends = "recipe.epochs was 2, is 7; with the recipe as it was, `-- --epochs 7` extends the run; or name another"
    assert (result.code, extends in result.err) == (1, True), result.err
    assert "extends the run" not in run("train", *QUICK, "--", "--seed", "1").err
    spec.write_text(NET.replace("  epochs:    2", "  epochs:    1"))
    assert "extends the run" not in run("train", *QUICK).err
    spec.write_text(NET)
    assert run("train", *QUICK, "--dry-run", "--", "--epochs", "7").code == 0


def test_another_start_of_parameters_or_scale_of_images(run: Run, project: Path) -> None:
    """The hash leaves them out; a run depends on them."""
    spec = project / "net.arch"
    spec.write_text(NET.replace("std: 0.01", "std: 0.02"))
    result = run("train", *QUICK)
    assert result.code == 1
    assert "init.linear was " in result.err
    spec.write_text(NET.replace("  init {", "  preprocess { mean: [0.5]  std: [0.25] }\n  init {"))
    result = run("train", *QUICK)
    assert result.code == 1
    assert "preprocess.mean was null, is [0.5]" in result.err


def test_what_is_only_said_may_change(run: Run, project: Path) -> None:
    text = NET.replace("# Two epochs.", "# Other words.").replace("# Small", "# Very small")
    (project / "net.arch").write_text(text)
    assert report(run, *QUICK, "--dry-run")["state"] == "goes on"
    assert report(run, *QUICK, "--processes", "2", "--dry-run", "--", "--workers", "1")["state"] == "goes on"


@pytest.mark.parametrize("name", EMITTED)
def test_a_file_that_was_changed(run: Run, project: Path, name: str) -> None:
    path = project / "runs" / "net-quick" / name
    path.write_text(path.read_text() + "mine = 1\n")
    before = content(project)
    result = run("train", *QUICK)
    assert (result.code, result.out) == (1, "")
    assert f"{name} is not what archdsl {__version__} makes of the model" in result.err
    assert content(project) == before


@pytest.mark.usefixtures("torch")
def test_a_run_of_which_nothing_came_begins_anew(project: Path) -> None:
    """A fault of the first start leaves no folder that must be cleared by hand."""
    folder = project / "runs" / "net-quick"
    for name in ("metrics.jsonl", "metrics.csv", "model.safetensors", *(p.name for p in folder.glob("checkpoint*"))):
        (folder / name).unlink()
    done = started_here(project, *QUICK, "--", "--epochs", "1")
    assert done.returncode == 0, done.stderr
    assert "(new)" in done.stdout
    assert len(run_of(folder)["starts"]) == 1
    assert len(metrics(folder)) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("--processes", "0"),
        ("--processes", "two"),
        ("--classes", "0"),
        ("--nonsense",),
        ("more.arch",),
        ("--force",),
        ("--format", "csv"),
        ("--name", "torch"),
        ("--name", "../a"),
        ("--input", "big"),
        ("--", "--nonsense"),
        ("--", "--epochs", "x"),
        ("--", "--epochs"),
        ("--", "--epochs", "0"),
        ("--", "--val-share", "0"),
        ("--", "--val-share", "1"),
        ("--", "--val-share=nan"),
        ("--", "--lr", "nan"),
        ("--", "--lr=-0.1"),
        ("--", "--lr", "inf"),
        ("--", "--workers=-1"),
        ("--", "word"),
        ("--", "--out", "elsewhere"),
        ("--", "--no-resume"),
        ("--data", ""),  # as a shell makes it of a variable that is not set: not the current folder
        ("--device", ""),
        ("--", "--weights="),
        ("--", "--freeze", ""),
    ],
)
def test_usage(run: Run, net: Path, arguments: tuple[str, ...]) -> None:
    before = content(net.parent)
    result = run("train", *QUICK, *arguments)
    assert (result.code, result.out) == (2, "")
    assert "Error" in result.err
    assert content(net.parent) == before
    assert run("train").code == 2


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(("--recipe", "quik"), "E201"), (("--model", "nett"), "E201"), (("--set", "head.classs=3"), "E202")],
)
def test_a_faulty_file(run: Run, net: Path, arguments: tuple[str, ...], code: str) -> None:
    result = run("train", "net.arch", *arguments)
    assert (result.code, result.out) == (1, "")
    assert f"error[{code}" in result.err
    result = run("train", "net.arch", *arguments, "--format", "json")
    assert (result.code, result.err) == (1, "")
    TypeAdapter(FailureReport).validate_json(result.out, strict=True)
    assert not (net.parent / "runs").exists()


def test_without_torch(run: Run, net: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "find_spec", lambda name: None if name in ("torch", "tqdm") else name)
    for arguments in ((), ("--dry-run",)):
        result = run("train", *QUICK, *arguments)
        assert (result.code, result.out) == (1, "")
        assert "training needs torch, tqdm, not installed here: pip install 'archdsl[train]'" in result.err
        assert not (net.parent / "runs").exists()


@pytest.mark.usefixtures("net")
def test_the_digits_need_scikit_learn(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "find_spec", lambda name: None if name == "sklearn" else name)
    assert "training needs sklearn" in run("train", *QUICK, "--dry-run").err
    assert run("train", *QUICK, "--data", ".", "--dry-run").code == 0


def test_a_model_without_a_classifier(run: Run, net: Path) -> None:
    net.write_text(NET.replace("  head:   classify\n", "").replace("  linear: normal(std: 0.01)", ""))
    result = run("train", *QUICK)
    assert (result.code, result.out) == (1, "")
    assert "the network has no classifier" in result.err
    assert not (net.parent / "runs").exists()


# How the script ends


ENDING = """
import os
import sys

END


class Settings:
    data: str | None = option(None, "str")
    out: str = option("", "str")
    seed: int = option(0, "int")
    epochs: int = option(2, "int")
"""


@pytest.mark.parametrize(
    ("end", "code", "said"),
    [
        ("sys.exit(0)", 0, ""),
        ("sys.exit(1)", 1, ""),
        ("sys.exit(2)", 2, ""),
        ("sys.exit(77)", 1, ""),
        ("1 / 0", 1, ""),
        ("os.kill(os.getpid(), 9)", 1, "train_net.py was ended by SIGKILL (is the memory too small?)"),
        ("os.kill(os.getpid(), 11)", 1, "train_net.py was ended by SIGSEGV; started again"),
    ],
)
def test_exit_codes(run: Run, net: Path, monkeypatch: pytest.MonkeyPatch, end: str, code: int, said: str) -> None:
    """The emitted script with another end."""
    real = train_view.texts_of

    def texts(*arguments: Any) -> dict[str, tuple[str, str]]:
        return real(*arguments) | {"train_net.py": ("train", ENDING.replace("END", end))}

    monkeypatch.setattr(train_view, "texts_of", texts)
    result = run("train", *QUICK, "--data", ".")
    assert result.code == code
    if said:
        assert said in result.err
    assert len(run_of(net.parent / "runs" / "net-quick")["starts"]) == 1


@pytest.mark.usefixtures("torch")
def test_data_that_are_not_there(net: Path) -> None:
    """A fault of the run; the same command with the folder in its place goes on."""
    done = started_here(net.parent, *QUICK, "--data", "images")
    assert done.returncode == 1
    assert f"there is no folder {net.parent / 'images'}" in done.stderr
    assert run_of(net.parent / "runs" / "net-quick")["starts"][0]["exit_code"] == 1


# Names, and folders that are something else


@pytest.mark.parametrize("name", ["torch", "json", "os", "sklearn", "class", "None"])
def test_a_name_that_means_something_to_python(run: Run, net: Path, name: str) -> None:
    net.write_text(NET.replace("model net", f"model {name}").replace("= net", f"= {name}"))
    result = run("train", "net.arch", "--model", name)
    assert (result.code, result.out) == (2, "")
    assert "--name" in result.err
    assert not (net.parent / "runs").exists()
    assert report(run, "net.arch", "--model", name, "--name", "fine", "--dry-run")["name"] == "fine"


@pytest.mark.parametrize("name", ["run", "model", "recipe", "environment", "command", "metrics"])
def test_a_name_like_that_of_a_file_of_the_folder(run: Run, net: Path, name: str) -> None:
    text = NET.replace("model net", f"model {name}_").replace("= net", f"= {name}_")
    net.write_text(text.replace("recipe quick", f"recipe {name}_1").replace("= quick", f"= {name}_1"))
    found = report(run, "net.arch", "--model", f"{name}_", "--name", name, "--recipe", f"{name}_1", "--dry-run")
    assert len(set(found["files"])) == len(EMITTED) + len(RECORDS)


@pytest.mark.usefixtures("torch")
def test_words_of_a_stranger(tmp_path: Path) -> None:
    """Texts of the file, and names of folders, are words in what is written, and nothing else."""
    folder = tmp_path / "a b\n$(touch x) \"'é"
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("this file system has no such names")
    hostile = "'''); import os; os.system('touch x') # {{ 1 }} %s \\\\"
    source = f'  source {{ paper: "{hostile}" }}\n}}\n\nrecipe slow'
    text = NET.replace("# Two epochs.", f"# {hostile}").replace("}\n\nrecipe slow", source)
    (folder / "archdsl.toml").write_text("")
    (folder / "net.arch").write_text(text)
    done = started_here(folder, *QUICK)
    assert done.returncode == 0, done.stderr
    assert not list(tmp_path.rglob("x"))
    [start] = run_of(folder / "runs" / "net-quick")["starts"]
    assert start["folder"] == str(folder)
    lines = (folder / "runs" / "net-quick" / "command.txt").read_text().splitlines()
    assert [line[0] for line in lines] == ["#", "a", "#", "/"]


@pytest.mark.usefixtures("torch")
def test_standard_input(trained: Path, here: Path) -> None:
    done = started_here(here, "-", *QUICK[1:], "--dry-run", given=NET)
    assert done.returncode == 0, done.stderr
    assert run_of(trained / "runs" / "net-quick")["hash"][:16] in done.stdout


@pytest.mark.parametrize("kind", ["file", "full", "below a file", "link to a file"])
def test_a_place_that_is_no_run_folder(run: Run, net: Path, kind: str) -> None:
    place = net.parent / "place"
    if kind == "full":
        place.mkdir()
        (place / "mine").write_text("mine")
    elif kind == "link to a file":
        place.symlink_to("net.arch")
    else:
        place.write_text("mine")
    target = place / "below" if kind == "below a file" else place
    before = content(net.parent)
    result = run("train", *QUICK, "-o", target)
    assert result.code == 1
    assert str(target) in result.err
    assert content(net.parent) == before


def test_an_empty_folder_is_taken(run: Run, net: Path) -> None:
    (net.parent / "out").mkdir()
    assert report(run, *QUICK, "-o", "out", "--dry-run")["state"] == "new"


def damaged() -> Iterator[str]:
    good: dict[str, Any] = {"name": "net", "hash": "", "input": [], "preprocess": {}, "init": {}, "recipe": {}}
    good |= {"settings": {}, "files": {}, "starts": []}
    yield from ("", "{", "[]", "null", "{}", "\x00", '"run"', "[" * 100_000, "1" * 100_000)
    yield from (json.dumps({**good, name: 1}) for name in good)
    yield json.dumps({**good, "files": {"../../net.arch": "0"}})
    yield json.dumps({**good, "files": {"/etc/passwd": "0"}})
    yield json.dumps({**good, "starts": [1]})


@pytest.mark.parametrize("text", list(damaged()), ids=range(len(list(damaged()))))
def test_a_damaged_record(run: Run, net: Path, text: str) -> None:
    folder = net.parent / "runs" / "net-quick"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(text)
    before = content(net.parent)
    result = run("train", *QUICK)
    assert (result.code, result.out) == (1, "")
    assert "run.json" in result.err
    assert content(net.parent) == before


# Where it runs


def test_the_repository(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("git") is None:
        pytest.skip("there is no git")
    assert run_folder.repository(here) is None

    def git(*words: str) -> None:
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *identity, *words], cwd=here, check=True, capture_output=True)

    git("init")
    assert run_folder.repository(here) is None  # no commit yet
    git("add", "archdsl.toml")
    git("commit", "-m", "first")
    found = run_folder.repository(here)
    assert found is not None
    assert re.fullmatch("[0-9a-f]{40,64}", found["commit"])
    assert found["dirty"] is False
    (here / "new").write_text("")  # results are no change
    assert run_folder.repository(here) == found
    (here / "archdsl.toml").write_text("# changed\n")
    assert run_folder.repository(here) == {**found, "dirty": True}
    git("config", "core.fsmonitor", "touch run; false")
    assert run_folder.repository(here) == {**found, "dirty": True}
    assert not (here / "run").exists(), "a program of a stranger's repository was run"
    monkeypatch.setenv("PATH", str(here))
    assert run_folder.repository(here) is None


def test_the_environment_of_a_later_start(here: Path) -> None:
    folder = run_folder.Folder(here)
    starts: list[dict[str, Any]] = []
    for text, name in (
        ("a==1\n", "environment.txt"),
        ("a==1\n", "environment.txt"),
        ("a==2\n", "environment_3.txt"),
        ("a==2\n", "environment_3.txt"),
        ("a==1\n", "environment_5.txt"),
    ):
        assert folder.write_environment(starts, text) == name
        assert (here / name).read_text() == text
        starts.append({"environment": name})


def test_the_installed_packages() -> None:
    lines = run_folder.installed().splitlines()
    assert len(lines) > 5
    for line in lines:
        assert re.match(r"[\w.-]+(==| @ )\S+$|-e \S+  # [\w.-]+==", line), line


def test_what_a_package_has_within_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray puts folders of its own on the path when it is imported: what is there is not installed."""
    site = tmp_path / "site-packages"
    for folder, name in ((site, "outer"), (site / "outer" / "vendored", "inner")):
        about = folder / f"{name}-1.dist-info"
        about.mkdir(parents=True)
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
    monkeypatch.setattr(sys, "path", [str(site / "outer" / "vendored"), str(site)])
    assert run_folder.installed() == "outer==1\n"


# The script's text


def everything() -> Recipe:
    """A recipe that uses all there is."""
    return replace(
        DEFAULT,
        dropout=Fraction(1, 5),
        drop_path=Fraction(1, 5),
        lighting=Fraction(1, 10),
        randaugment=Fraction(9),
        random_erasing=Fraction(1, 4),
        mixup=Fraction(1, 5),
        cutmix=Fraction(1),
        ema=Fraction(999, 1000),
        ema_every=32,
        ema_warmup=Duration(Fraction(12, 5), "epochs"),
        swa=Duration(Fraction(15), "epochs"),
        precise_bn=8192,
        precision="bfloat16",
        clip_norm=Fraction(5),
    )


@pytest.mark.usefixtures("torch")
@pytest.mark.parametrize("recipe", [DEFAULT, everything()], ids=["default", "everything"])
def test_the_options_that_are_read_from_the_script(net: Path, recipe: Recipe) -> None:
    """They are those that the script itself has, and numbers are refused where it refuses them."""
    from archdsl.emission import about_of, emit

    result = Compiler(Project(str(net))).compile(Project(str(net)).source(), "net")
    assert isinstance(result, Compiled)
    for name, (_, text) in emit(result.network, about_of(result, "net", "", ()), ("torch", "train"), recipe).items():
        (net.parent / name).write_text(text)
    text = (net.parent / "train_net.py").read_text()
    entry = EntryPoint.of("train_net.py", text)

    def program() -> None:
        sys.argv = ["", "--out=mine"]
        sys.path.insert(0, str(net.parent))
        script = importlib.import_module("train_net")
        options = {field.name: field for field in fields(script.Settings) if field.metadata}

        def refused(kind: Any, word: str) -> bool:
            try:
                kind(word)
            except (ValueError, argparse.ArgumentTypeError):
                return True
            return False

        found = {name: option.default for name, option in options.items()}
        taken = {n: [not refused(option.metadata["kind"], word) for word in NUMBERS] for n, option in options.items()}
        print(json.dumps([found, sorted(script.FREE), script.read_settings().folder.name, taken]))

    process = forked.Forked(program, net.parent)
    out, err = process.communicate(timeout=1500)
    assert (process.returncode, err) == (0, "")
    defaults, free, folder, taken = json.loads(out)
    assert defaults.pop("out") == "runs/net"
    assert folder == "mine"
    assert entry.defaults == defaults
    assert sorted(entry.free) == free
    assert set(entry.imports) == {"torch", "safetensors", "PIL", "tqdm"}
    for name, option in entry.options.items():
        if option.kind == "bool":
            assert entry.given([f"--no-{name.replace('_', '-')}"]) == {name: False}
        else:
            word = "0.5" if option.bounds is not None and option.bounds[1] < 1 else "1"
            assert list(entry.given([f"--{name.replace('_', '-')}", word])) == [name]
        if option.kind in KINDS:
            assert [takes(entry, f"--{name.replace('_', '-')}={word}") for word in NUMBERS] == taken[name], name


NUMBERS = ["-1", "0", "1e-9", "0.5", "1", "2", "1000000000", "1000000001", "inf", "-inf", "nan", "x"]


def takes(entry: EntryPoint, word: str) -> bool:
    try:
        entry.given([word])
    except OptionFault:
        return False
    return True


def test_a_text_that_is_no_entry_point() -> None:
    with pytest.raises(ValueError, match="no training entry point"):
        EntryPoint.of("train_a.py", "x = 1\n")


# The recipe as text


READER = Project("x.arch")


def decided(text: str) -> dict[str, Recipe]:
    """The recipes of a text."""
    diagnostics = Diagnostics()
    program = Compiler(READER).program(Source("x.arch", text), diagnostics)
    found = {}
    for name in program.recipes:
        recipe = recipe_named(program, name, diagnostics)
        assert recipe is not None
        found[name] = recipe
    assert not diagnostics.failed
    return found


SHIPPED = decided(read_data("specs/std/recipes.arch"))
ODD = replace(
    DEFAULT,
    name="x",
    optimizer=Optimizer("adamw", Fraction(1, 3), betas=(Fraction(1, 3), Fraction(5, 7)), eps=Fraction(1, 10**16)),
    schedule=Schedule(
        "exponential", Fraction(1, 3), decay=Fraction(97, 100), every=Duration(Fraction(12, 5), "epochs")
    ),
    doc='a\n\nb "c" {} \\',
    train_size=(3, 4),
    stages=3,
    staged=(("image_size", (Fraction(1), Fraction(2), Fraction(3))), ("randaugment", (Fraction(1, 3),) * 3)),
    randaugment_layers=7,
    swa=Duration(Fraction(7), "steps"),
    verified=(("data", "digits"), ("accuracy", "90 %"), ("date", "2026-01-01"), ("command", "a 'b'")),
    source=(("paper", "a"), ("section", "5")),
)
TRMSPROP = replace(
    everything(),
    optimizer=Optimizer("rmsprop", momentum=Fraction(9, 10), eps=Fraction(1, 1000)),
    schedule=Schedule(
        "constant", Fraction(1), warmup=Duration(Fraction(5), "steps"), start=Fraction(1, 2), warm="line"
    ),
)


@pytest.mark.parametrize("recipe", [*SHIPPED.values(), DEFAULT, everything(), ODD, TRMSPROP], ids=lambda r: r.name)
def test_a_shown_recipe_is_the_same(run: Run, here: Path, recipe: Recipe) -> None:
    text = show_recipe(recipe, READER)
    assert decided(text) == {recipe.name: recipe}
    assert show_recipe(decided(text)[recipe.name], READER) == text
    (here / "recipe.arch").write_text(text)
    assert run("fmt", "--check", "recipe.arch").code == 0
    assert run("check", "recipe.arch").code == 0


def test_a_recipe_that_has_no_text() -> None:
    """It can be made in Python only; it is refused, not changed."""
    third = Duration(Fraction(1, 3), "epochs")
    for wrong in (
        replace(DEFAULT, source=(("note", 'a"b'),)),
        replace(DEFAULT, transcribed="a\nb"),
        replace(DEFAULT, swa=third),
        replace(DEFAULT, randaugment_layers=7),
        replace(DEFAULT, schedule=replace(DEFAULT.schedule, decay=Fraction(1, 2))),
        replace(DEFAULT, epochs=0),
        replace(DEFAULT, doc=" indented"),
    ):
        with pytest.raises(ValueError, match=r"language|means the same"):
            show_recipe(wrong, READER)
