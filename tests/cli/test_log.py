"""`archdsl log`: what trackers have of a run, read back by their own libraries."""

from __future__ import annotations

import json
import os
import sqlite3
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

import click
import pytest
from cli_cases import Run

from archdsl.tracking.runs import RunFolder
from archdsl.tracking.sending import Sending
from archdsl.tracking.tracker import Epoch, Sent

pytestmark = pytest.mark.usefixtures("here")

SETTINGS = {"epochs": 4, "lr": 0.1, "data": None, "fsdp": False, "device": "cpu"}


def line(epoch: int, **more: Any) -> dict[str, Any]:
    return {"epoch": epoch, "step": 23 * epoch, "train_loss": 2 / epoch, "val_loss": 1 / epoch, "seconds": 1.5, **more}


def trained(epochs: int, folder: str = "runs/first", **more: Any) -> Path:
    """A run folder after so many epochs."""
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    (path / "run.json").write_text(json.dumps({"model": "net", "hash": "ab" * 32, "settings": SETTINGS}))
    rows = [json.dumps(line(number, **more)) + "\n" for number in range(1, epochs + 1)]
    (path / "metrics.jsonl").write_text("".join(rows))
    return path


def boards(folder: str = "tensorboard") -> dict[str, dict[int, float]]:
    """The validation losses that TensorBoard reads, by run and step."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = {}
    for run in sorted(Path(folder).iterdir()):
        read = EventAccumulator(str(run))
        read.Reload()
        events = read.Scalars("val_loss")
        assert len({event.step for event in events}) == len(events)
        found[run.name] = {event.step: event.value for event in events}
    return found


def report(run: Run, *arguments: str) -> Any:
    result = run("log", *arguments, "--format", "json")
    assert result.code == 0, result.err
    return json.loads(result.out)


def test_what_is_new_is_sent_to_tensorboard(run: Run) -> None:
    pytest.importorskip("tensorboard", reason="a tracker of the extra tensorboard")
    trained(2)
    first = report(run, "runs/first", "--to", "tensorboard")["runs"][0]
    assert [first[name] for name in ("new", "epochs", "length", "complete")] == [2, 2, 4, False]
    assert report(run, "runs/first", "--to", "tensorboard")["runs"][0]["new"] == 0
    trained(4)
    second = report(run, "runs/first", "--to", "tensorboard")["runs"][0]
    assert [second[name] for name in ("run", "new", "epochs", "complete")] == [first["run"], 2, 4, True]
    losses = {23 * epoch: pytest.approx(1 / epoch) for epoch in (1, 2, 3, 4)}
    assert boards() == {f"first-{first['run']}": losses}
    again = report(run, "runs/first", "--to", "tensorboard", "--again")["runs"][0]
    assert again["run"] != first["run"]
    assert boards()[f"first-{again['run']}"] == losses
    assert "complete" in run("log", "runs/first", "--to", "tensorboard").out


def test_a_run_that_began_anew_is_another(run: Run) -> None:
    pytest.importorskip("tensorboard", reason="a tracker of the extra tensorboard")
    trained(2)
    report(run, "runs/first", "--to", "tensorboard")
    trained(3, lr=0.5)
    refused = run("log", "runs/first", "--to", "tensorboard")
    assert refused.code == 1
    assert "the training began anew; --again logs it as another run" in refused.err
    assert report(run, "runs/first", "--to", "tensorboard", "--again")["runs"][0]["new"] == 3
    for inner in Path("tensorboard").glob("*/*"):
        inner.unlink()
    for inner in Path("tensorboard").iterdir():
        inner.rmdir()
    trained(4, lr=0.5)
    assert "is no longer there: --again" in run("log", "runs/first", "--to", "tensorboard").err


def test_mlflow_has_the_run(run: Run) -> None:
    pytest.importorskip("mlflow", reason="a tracker of the extra mlflow")
    pytest.importorskip("sqlalchemy", reason="a tracker of the extra mlflow")
    from mlflow.tracking import MlflowClient

    trained(2)
    sent = report(run, "runs/first", "--to", "mlflow", "--into", "store/runs.db", "--project", "digits")["runs"][0]
    trained(4)
    assert (
        report(run, "runs/first", "--to", "mlflow", "--into", "store/runs.db", "--project", "digits")["runs"][0]["new"]
        == 2
    )
    client = MlflowClient(f"sqlite:///{Path('store/runs.db').absolute()}")
    experiment = client.get_experiment_by_name("digits")
    (found,) = client.search_runs([experiment.experiment_id])
    assert found.info.run_name == "first"
    assert found.info.status == "FINISHED"
    assert found.data.tags["archdsl.run"] == sent["run"]
    assert found.data.params == {
        "model": "net",
        "hash": "ab" * 32,
        "epochs": "4",
        "lr": "0.1",
        "fsdp": "False",
        "device": "cpu",
    }
    history = client.get_metric_history(found.info.run_id, "val_loss")
    assert [(each.step, each.value) for each in history] == [(23 * epoch, 1 / epoch) for epoch in (1, 2, 3, 4)]
    times = [each.timestamp for each in history]
    assert times == sorted(times)
    Path("notes.txt").write_text("no database " * 100)
    wrong = run("log", "runs/first", "--to", "mlflow", "--into", "notes.txt")
    assert (wrong.code, wrong.err.count("\n")) == (1, 1)


def test_wandb_has_the_run_offline(run: Run) -> None:
    pytest.importorskip("wandb", reason="a tracker of the extra wandb")
    trained(3)
    sent = report(run, "runs/first", "--to", "wandb", "--into", "out")["runs"][0]
    (file,) = Path("out/wandb").glob(f"offline-run-*-{sent['run']}/run-{sent['run']}.wandb")
    history, config = wandb_records(file)
    assert [(row["_step"], row["val_loss"]) for row in history] == [(23 * epoch, 1 / epoch) for epoch in (1, 2, 3)]
    assert config["lr"] == 0.1
    assert config["model"] == "net"
    assert not Path("wandb").exists()


def wandb_records(file: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The rows and the settings in a file of W&B's: records of its schema in LevelDB's log format, behind 7 bytes."""
    from wandb.proto import wandb_internal_pb2

    content, at, parts = file.read_bytes(), 7, b""
    assert content.startswith(b":W&B")
    history: list[dict[str, Any]] = []
    config: dict[str, Any] = {}
    while at + 7 <= len(content):
        if 32768 - at % 32768 < 7:  # what is left of a block has no record
            at += 32768 - at % 32768
            continue
        _, length, kind = struct.unpack("<IHB", content[at : at + 7])
        parts += content[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # whole, or the last part
            record = wandb_internal_pb2.Record.FromString(parts)
            parts = b""
            if record.HasField("run"):
                config |= {item.key: json.loads(item.value_json) for item in record.run.config.update}
            if record.HasField("history"):
                items = record.history.item
                history.append({item.key or ".".join(item.nested_key): json.loads(item.value_json) for item in items})
    return history, config


@pytest.mark.skipif(find_spec("trackio") is None, reason="dev has no trackio, which asks for Pillow below 13")
def test_trackio_has_the_run() -> None:
    """In processes of their own: where it writes it reads when it is loaded, and it tells of the end when they end."""

    def logged(*options: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "archdsl", "log", "runs/first", "--to", "trackio", *options]
        there = {"HF_HOME": "own", "TRACKIO_DIR": "elsewhere", "TRACKIO_SERVER_URL": "http://127.0.0.1:1"}
        return subprocess.run(command, env=os.environ | there, capture_output=True, text=True)

    into = ("--into", "store", "--project", "dig.its", "--format", "json")
    for epochs, new in ((1, 1), (3, 2)):
        trained(epochs)
        done = logged(*into)
        assert done.returncode == 0, done.stderr
        (sent,) = json.loads(done.stdout)["runs"]
        assert (sent["new"], sent["epochs"]) == (new, epochs)
    (file,) = Path("store").glob("*.db")
    rows = sqlite3.connect(file).execute("select run_name, step, metrics from metrics order by step").fetchall()
    assert {name for name, _, _ in rows} == {f"first-{sent['run']}"}
    assert [(step, json.loads(text)["val_loss"]) for _, step, text in rows] == [(23 * n, 1 / n) for n in (1, 2, 3)]
    assert not Path("elsewhere").exists()
    assert not Path("own").exists()
    file.unlink()
    trained(4)
    wrong = logged(*into), logged("--into", "runs/first/run.json")
    assert [(each.returncode, each.stdout, each.stderr.count("\n")) for each in wrong] == [(1, "", 1)] * 2
    assert "--again logs it anew" in wrong[0].stderr


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("metrics.jsonl", None, "no run folder: it has no file metrics.jsonl"),
        ("metrics.jsonl", b'{"epoch": 1', "is damaged"),
        ("metrics.jsonl", b"\xff", "is damaged"),
        ("metrics.jsonl", b"[" * 100_000, "is damaged"),
        ("metrics.jsonl", b"[1]\n", "line 1: no figures"),
        ("metrics.jsonl", b'{"step": 1, "a": 1}\n{"step": 2, "a": "x"}\n', "line 2: no figures"),
        ("metrics.jsonl", b'{"step": 1, "a/../b": 1}\n', "line 1: no figures"),
        ("metrics.jsonl", b'{"step": 1, "a": 1' + b"0" * 400 + b"}\n", "line 1: no figures"),
        ("metrics.jsonl", b'{"step": 2, "a": 1}\n{"step": 2, "a": 1}\n', "do not rise"),
        ("run.json", b"{", "run.json is damaged"),
        ("logged.json", b"[]", "logged.json is damaged"),
        ("logged.json", b'{"%s": {"run": "../..", "epochs": 1, "sha256": ""}}', "logged.json is damaged"),
    ],
)
def test_a_folder_that_is_wrong(run: Run, name: str, content: bytes | None, words: str) -> None:
    pytest.importorskip("tensorboard", reason="a tracker of the extra tensorboard")
    folder = trained(2)
    if content is None:
        (folder / name).unlink()
    else:
        key = f"tensorboard {Path('tensorboard').absolute()} archdsl"
        (folder / name).write_bytes(content.replace(b"%s", key.encode()))
    other = trained(1, "runs/good")
    result = run("log", str(other), "runs/first", "--to", "tensorboard")
    assert result.code == 1
    assert words in result.err
    assert result.err.count("\n") == 1
    if name == "metrics.jsonl":
        assert not Path("tensorboard").exists()


@pytest.mark.parametrize(
    "options",
    [
        ("--to", "elsewhere"),
        (),
        ("--to", "tensorboard", "--project", "../x"),
        ("--to", "tensorboard", "--into", ""),
        ("more", "--to", "tensorboard", "--follow"),
    ],
)
def test_what_is_not_asked(run: Run, options: tuple[str, ...]) -> None:
    trained(1)
    assert run("log", "runs/first", *options).code == 2


def test_a_library_that_is_missing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "wandb", None)
    trained(1)
    result = run("log", "runs/first", "--to", "wandb")
    assert (result.code, result.err) == (
        1,
        "Error: --to wandb needs wandb, which is not installed: pip install 'archdsl[wandb]'\n",
    )


@pytest.mark.parametrize(
    ("to", "name", "value"),
    [
        ("mlflow", "MLFLOW_DISABLE_TELEMETRY", "true"),
        ("wandb", "WANDB_ERROR_REPORTING", "false"),
        ("trackio", "TRACKIO_DIR", "store"),
        ("trackio", "TRACKIO_SERVER_URL", None),
    ],
)
def test_what_a_library_reads_when_it_is_loaded(
    run: Run, to: str, name: str, value: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for each in {name, "TRACKIO_DIR", "TRACKIO_SERVER_URL", "GIT_PYTHON_REFRESH"}:
        monkeypatch.setenv(each, "http://127.0.0.1:1")  # what was there is put back
        if each != "TRACKIO_SERVER_URL":
            monkeypatch.delenv(each)
    found = []

    def loaded(*_: str) -> NoReturn:
        found.append(os.environ.get(name))
        raise click.ClickException("nothing is loaded here")

    monkeypatch.setattr("archdsl.commands.log.library", loaded)
    trained(1)
    assert run("log", "runs/first", "--to", to, "--into", "store").code == 1
    assert found == [str(Path("store").absolute()) if name == "TRACKIO_DIR" else value]


# Following, and what ends in between


class Kept:
    """A tracker in memory; a batch fails where it is told to."""

    def __init__(self, fail: int = 0) -> None:
        self.epochs: list[int] = []
        self.ends: list[bool] = []
        self.fail = fail

    def begin(self, run: Sent, *, known: bool) -> None:
        self.begun = run, known

    def send(self, epochs: list[Epoch]) -> None:
        if self.fail and epochs[-1].step >= 23 * self.fail:
            raise KeyboardInterrupt
        self.epochs += [epoch.step // 23 for epoch in epochs]

    def end(self, *, complete: bool) -> None:
        self.ends.append(complete)


def sending(tracker: Kept, **options: Any) -> Sending:
    return Sending(key="kept", make=lambda: tracker, project="archdsl", **options)


def test_a_run_is_followed_to_its_end() -> None:
    folder = trained(1)
    steps = iter([2, 2, 4])
    tracker = Kept()
    sleep: Callable[[float], None] = lambda _: trained(next(steps)) and None  # noqa: E731
    outcome = sending(tracker, follow=True, sleep=sleep).run(RunFolder(folder))
    assert tracker.epochs == [1, 2, 3, 4]
    assert outcome.complete
    assert tracker.ends == [True]
    assert sending(tracker, follow=True).run(RunFolder(folder)).new == 0


def test_what_is_interrupted_goes_on() -> None:
    folder = RunFolder(trained(2))
    tracker = Kept(fail=3)
    with pytest.raises(KeyboardInterrupt):
        sending(tracker, follow=True, sleep=lambda _: trained(4) and None).run(folder)
    assert (tracker.epochs, tracker.ends) == ([1, 2], [False])
    later = Kept()
    sending(later).run(folder)
    assert (later.epochs, later.begun[1]) == ([3, 4], True)


def test_a_training_is_followed_from_outside(run: Run) -> None:
    """While another thread writes metrics.jsonl as the script does."""
    pytest.importorskip("tensorboard", reason="a tracker of the extra tensorboard")
    trained(0)

    def train() -> None:
        for epoch in range(1, 5):
            time.sleep(0.05)
            trained(epoch, "runs/next")
            for name in ("run.json", "metrics.jsonl"):
                Path("runs/next", name).replace(Path("runs/first", name))

    training = threading.Thread(target=train)
    training.start()
    result = run("log", "runs/first", "--to", "tensorboard", "--follow")
    training.join()
    assert result.code == 0
    assert "4 of 4 epochs sent" in result.err
    assert list(boards().values()) == [{23 * epoch: pytest.approx(1 / epoch) for epoch in (1, 2, 3, 4)}]
