"""Runs of the entry point: stopped and resumed, in several processes, and what ends them."""

from __future__ import annotations

import importlib
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import small_images
from scripts import HASH, PLAIN, STAGED, Processes, checkpoint, flat, imported, metrics, newest, run, torch

resource: Any = pytest.importorskip("resource", reason="no limits of files here")
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="runs are forks of the tests' process")

TINY = ("--image-size", "16", "--batch-size", "128", "--workers", "0")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def staged(folder: Path) -> Iterator[ModuleType]:
    with imported(folder, STAGED, "net_staged") as train:
        yield train


@pytest.fixture(scope="module")
def plain(folder: Path) -> Iterator[ModuleType]:
    """Of a network without norms, dropout or drop path."""
    recipe = replace(PLAIN, dropout=Fraction(0), drop_path=Fraction(0))
    with imported(folder, recipe, "net_plain", norm="None") as train:
        yield train


@pytest.fixture(scope="module")
def few(folder: Path) -> tuple[str, ...]:
    """Options for a quarter of the digits' images in as many steps: 11 an epoch, with a quarter of their batch."""
    small_images.write(folder / "images", 352, 64, classes=10)
    return ("--data", str(folder / "images"), "--image-size", "16", "--batch-size", "32", "--workers", "0")


# Stopped and resumed


def kill_at(path: Path, step: int) -> None:
    """Wait for the checkpoint of a step."""
    while not path.exists() or int(newest(path).stem.partition("_")[2] if any(path.glob("*.pt")) else 0) < step:
        time.sleep(0.002)


def killed_at(step: int) -> Callable[[int], None]:
    """What a process does before it runs so that it is killed behind the update of a step, however busy the machine."""

    def before(_: int) -> None:
        done = 0

        def count(*_: object) -> None:
            nonlocal done
            done += 1
            if done == step:
                os.kill(os.getpid(), signal.SIGKILL)

        importlib.import_module("torch.optim.optimizer").register_optimizer_step_post_hook(count)

    return before


@pytest.mark.parametrize("size", [1, 2])
def test_a_killed_run_ends_as_one_that_was_not(
    staged: ModuleType, few: tuple[str, ...], tmp_path: Path, size: int
) -> None:
    """In the middle of an epoch, of a stage, with EMA, accumulation, and one or two processes: bit for bit."""
    arguments = (*few, "--save-every", "3")
    whole, out = tmp_path / "whole", tmp_path / "killed"
    assert {status for status, _, _ in Processes(staged, size, tmp_path / "a", *arguments, "--out", whole).end()} == {0}
    at = killed_at(random.Random(size).randrange(6, 40))
    ends = Processes(staged, size, tmp_path / "b", *arguments, "--out", out, before=at).end()
    assert {status for status, _, _ in ends} == {-signal.SIGKILL}
    killed = checkpoint(out)
    assert 0 < killed["epoch"] * 11 + killed["step"] < 44
    (status, printed, _), *_ = Processes(staged, size, tmp_path / "c", *arguments, "--out", out).end()
    assert status == 0
    assert f"4 of 11 steps, {killed['epoch']} of them done" in printed
    assert metrics(out) == metrics(whole)
    assert flat(checkpoint(out)) == flat(checkpoint(whole))
    assert (out / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()


def test_stages(staged: ModuleType, tmp_path: Path) -> None:
    status, printed, _ = run(staged, *TINY, "--out", tmp_path)
    assert status == 0
    assert "stage     up to epoch 2: image_size (9, 9), mixup 0.0, cutmix 0.0, drop_path_rate 0.1" in printed
    assert "stage     up to epoch 4: image_size (16, 16), mixup 0.2, cutmix 1.0, drop_path_rate 0.2" in printed
    assert "batch     128 = 1 processes x 2 parts x 64" in printed
    assert "norms     have statistics of 64 images" in printed
    assert "rate      0.02 at its highest, of 0.01 for 64 images\n" in printed
    status, printed, _ = run(staged, *TINY, "--evaluate", newest(tmp_path))
    assert status == 0
    last = metrics(tmp_path)[-1]
    assert f"validation loss {last['val_loss']:.4f}, accuracy {last['val_accuracy']:.2%}\n" in printed
    assert len(list(tmp_path.glob("checkpoint_*.pt"))) == 2
    assert (tmp_path / "run.svg").read_text().startswith("<svg ")
    rows = (tmp_path / "metrics.csv").read_text().splitlines()
    assert rows[0] == "epoch,step,train_loss,val_loss,val_accuracy,lr,seconds,step_seconds"
    assert len(rows) == 5


# Several processes


FIRST = ("--image-size", "16", "--workers", "0", "--batch-size", "64", "--save-every", "1", "--keep", "1000")


def first_update(train: ModuleType, folder: Path, size: int, *arguments: str) -> dict[str, Any]:
    """The state after the first step."""
    for status, _, err in Processes(train, size, folder, *FIRST, "--epochs", "1", "--out", folder, *arguments).end():
        assert (status, err) == (0, "")
    state: dict[str, Any] = torch.load(folder / "checkpoint_00000001.pt", weights_only=True)
    return state


def test_the_same_batch_in_other_parts(plain: ModuleType, tmp_path: Path) -> None:
    one = first_update(plain, tmp_path / "one", 1)
    others = [
        first_update(plain, tmp_path / "processes", 2),
        first_update(plain, tmp_path / "accumulation", 1, "--accumulate", "4"),
        first_update(plain, tmp_path / "divided", 2, "--fsdp", "--accumulate", "2"),
    ]
    for other in others:
        assert other["optimizer"]["param_groups"][0]["lr"] == one["optimizer"]["param_groups"][0]["lr"] == 0.05
        for name, tensor in one["model"].items():
            torch.testing.assert_close(other["model"][name], tensor, rtol=0, atol=1e-5)
        assert other["losses"] == pytest.approx(one["losses"], abs=1e-5)


def test_divided_weights_with_averages(staged: ModuleType, tmp_path: Path) -> None:
    for name, more in (("whole", ()), ("divided", ("--fsdp",))):
        arguments = (*TINY, "--epochs", "2", "--out", tmp_path / name, *more)
        ends = Processes(staged, 2, tmp_path / name, *arguments).end()
        assert [status for status, _, _ in ends] == [0, 0]
        assert [bool(printed) for _, printed, _ in ends] == [True, False]
    one, two = checkpoint(tmp_path / "whole"), checkpoint(tmp_path / "divided")
    newest(tmp_path / "divided").unlink()  # the last epoch again
    ends = Processes(staged, 2, tmp_path / "divided", *arguments).end()
    assert "2 of 11 steps, 1 of them done" in ends[0][1]
    assert flat(checkpoint(tmp_path / "divided")) == flat(two)
    for part in ("model", "ema"):
        for name, tensor in one[part].items():
            torch.testing.assert_close(two[part][name], tensor, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("victim", [0, 1])
def test_a_killed_process_ends_the_others(staged: ModuleType, tmp_path: Path, victim: int) -> None:
    processes = Processes(staged, 2, tmp_path, *TINY, "--epochs", "400", "--out", tmp_path / "out")
    kill_at(tmp_path / "out", 22)
    processes.kill(victim)
    ends = processes.end()
    status, _, err = ends[1 - victim]
    assert (status, ends[victim][0]) == (1, -signal.SIGKILL)
    assert err.startswith("train_net_staged.py: another process of the run ended; started again, it goes on ")
    assert err.count("\n") == 1
    assert checkpoint(tmp_path / "out")["epoch"] >= 2


def test_a_killed_reader_ends_the_run(plain: ModuleType, tmp_path: Path) -> None:
    if not Path("/proc/self/task").is_dir():
        pytest.skip("processes are not seen here")
    arguments = (*TINY[:-1], "1", "--epochs", "4000", "--out", tmp_path / "out")
    processes = Processes(plain, 1, tmp_path / "log", *arguments)
    kill_at(tmp_path / "out", 22)
    pid = processes.running[0].pid
    readers = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    os.kill(int(readers[0]), signal.SIGKILL)
    ((status, _, err),) = processes.end()
    assert status == 1
    assert err.startswith("train_net_plain.py: a process that reads images ended; started again, it goes on ")
    assert err.count("\n") == 1


def test_a_fault_of_all_is_said_once(plain: ModuleType, tmp_path: Path) -> None:
    ends = Processes(plain, 2, tmp_path, "--batch-size", "63", "--out", tmp_path / "out").end()
    assert [status for status, _, _ in ends] == [1, 1]
    sentence = (
        "train_net_plain.py: a batch of 63 cannot be divided among 2 processes with 1 parts each: "
        "see --batch-size and --accumulate\n"
    )
    assert sorted(err for _, _, err in ends) == ["", sentence]


# What ends a run


def test_no_number(plain: ModuleType, tmp_path: Path) -> None:
    assert run(plain, *TINY, "--out", tmp_path, "--epochs", "3", "--save-every", "4")[0] == 0
    good = newest(tmp_path)
    state = torch.load(good, weights_only=True)
    state["epoch"], state["step"] = 2, 3
    state["losses"], state["history"] = [1.0] * 3, state["history"][:2]
    state["model"]["fc.weight"].fill_(3e38)  # a number, and too large to go on with
    torch.save(state, good)
    status, _, err = run(plain, *TINY, "--out", tmp_path, "--epochs", "3", "--save-every", "4")
    assert status == 1
    assert err == (
        "train_net_plain.py: the loss of epoch 3, step 4 is no number: try a lower --lr; "
        f"the last good checkpoint: {good}\n"
    )
    assert newest(tmp_path) == good


def test_a_full_disk(plain: ModuleType, tmp_path: Path) -> None:
    """A file of the system's own limit ends where a full disk would end it."""
    out = tmp_path / "out"
    assert run(plain, *TINY, "--out", out, "--epochs", "4", "--save-every", "5", "--lr-batch", "128")[0] == 0
    for path in sorted(out.glob("checkpoint_*.pt"))[1:]:
        path.unlink()
    good = newest(out)
    before = good.read_bytes()
    (out / "metrics.jsonl").unlink()

    def fill(_: int) -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (8000, 8000))

    arguments = (*TINY, "--out", out, "--epochs", "4", "--save-every", "5", "--lr-batch", "128")
    ((status, _, err),) = Processes(plain, 1, tmp_path / "log", *arguments, before=fill).end()
    assert status == 1
    assert err.startswith(f"train_net_plain.py: {out / 'checkpoint_00000044.pt'} cannot be written: ")
    assert err.count("\n") == 1
    assert newest(out) == good
    assert good.read_bytes() == before
    assert not list(out.glob("*.new"))


def test_a_checkpoint_of_another_network(plain: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(plain, *TINY, "--out", tmp_path, "--epochs", "1")[0] == 0
    path = newest(tmp_path)
    monkeypatch.setattr(plain.network, "SPEC_HASH", "f" * 64)
    for arguments in (("--out", tmp_path), ("--out", tmp_path / "no", "--evaluate", path)):
        status, _, err = run(plain, *TINY, "--epochs", "1", *arguments)
        sentence = f"{path} is of another network: its hash is {HASH}, that of net_plain is {'f' * 64}"
        assert (status, err) == (1, f"train_net_plain.py: {sentence}\n")


def test_sync_bn_needs_cuda(staged: ModuleType, tmp_path: Path) -> None:
    status, _, err = run(staged, *TINY, "--sync-bn", "--device", "cpu", "--out", tmp_path)
    assert (status, err) == (1, "train_net_staged.py: norms over all processes (--sync-bn) need CUDA\n")
