"""Training that starts from given weights: all of a file, or all but a classifier of other classes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from scripts import PLAIN, imported, metrics, run, torch

pytest.importorskip("sklearn", reason="the digits come with scikit-learn")
SIZES = ("--image-size", "16", "--batch-size", "128", "--workers", "0", "--epochs", "1")


@pytest.fixture(scope="module")
def train(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    with imported(tmp_path_factory.mktemp("weights"), PLAIN, "net_of_weights") as found:
        yield found


@pytest.fixture(scope="module")
def given(train: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("given")
    assert run(train, *SIZES, "--out", out)[0] == 0
    return out / "model.safetensors"


def test_they_are_those_of_the_file(train: ModuleType, given: Path, tmp_path: Path) -> None:
    """At a rate of 0 they stay; only the statistics of norms go on."""
    from safetensors.torch import load_file

    status, printed, err = run(train, *SIZES, "--lr", 0, "--weights", given, "--out", tmp_path / "out")
    assert (status, err) == (0, "")
    assert f"weights   of {given}\n" in printed
    before, after = load_file(given), load_file(tmp_path / "out" / "model.safetensors")
    learned = [name for name in before if "running" not in name and "tracked" not in name]
    assert learned
    assert all(torch.equal(before[name], after[name]) for name in learned)
    assert metrics(tmp_path / "out")[0]["train_loss"] < metrics(given.parent)[0]["train_loss"]


def test_a_checkpoint_will_do(train: ModuleType, given: Path, tmp_path: Path) -> None:
    (checkpoint,) = given.parent.glob("checkpoint_*.pt")
    status, printed, _ = run(train, *SIZES, "--weights", checkpoint, "--out", tmp_path)
    assert status == 0
    assert f"weights   of {checkpoint}" in printed


def changed(given: Path, folder: Path, change: Any) -> Path:
    from safetensors.torch import load_file, save_file

    state = load_file(given)
    change(state)
    save_file(state, folder / "other.safetensors")
    return folder / "other.safetensors"


def test_a_classifier_of_other_classes_is_new(train: ModuleType, given: Path, tmp_path: Path) -> None:
    def fewer(state: dict[str, Any]) -> None:
        *_, weight, bias = [name for name in state if name.endswith(("weight", "bias")) and state[name].shape[0] == 10]
        state[weight], state[bias] = state[weight][:7].clone(), state[bias][:7].clone()

    status, printed, _ = run(train, *SIZES, "--weights", changed(given, tmp_path, fewer), "--out", tmp_path / "out")
    assert status == 0
    assert "; new: " in printed


def test_a_file_without_a_classifier(train: ModuleType, given: Path, tmp_path: Path) -> None:
    """As `archdsl weights --classifier-rule new` writes it: all else is that of the file."""
    path = changed(given, tmp_path, lambda state: [state.pop(name) for name in ("fc.weight", "fc.bias")])
    status, printed, err = run(train, *SIZES, "--weights", path, "--out", tmp_path / "out")
    assert (status, err) == (0, "")
    assert f"weights   of {path}; new: fc.weight, fc.bias\n" in printed


def test_a_file_without_counters(train: ModuleType, given: Path, tmp_path: Path) -> None:
    """As torch wrote them before 0.4.1, and as `archdsl weights` then writes them: they count from 0."""
    from safetensors.torch import load_file

    def uncounted(state: dict[str, Any]) -> None:
        for name in [name for name in state if name.endswith("num_batches_tracked")]:
            del state[name]

    path = changed(given, tmp_path, uncounted)
    status, printed, err = run(train, *SIZES, "--weights", path, "--out", tmp_path / "out")
    assert (status, err) == (0, "")
    assert f"weights   of {path}\n" in printed
    steps = metrics(tmp_path / "out")[0]["step"]
    assert load_file(tmp_path / "out" / "model.safetensors")["norm_1.num_batches_tracked"] == steps


@pytest.mark.parametrize(
    ("name", "shape"), [("conv_1.weight", (8, 1, 3, 3)), ("conv_2.weight", (7, 8, 3, 3)), ("fc.weight", (10, 8))]
)
def test_only_classes_may_differ(
    train: ModuleType, given: Path, tmp_path: Path, name: str, shape: tuple[int, ...]
) -> None:
    """A stem of other channels, or a last layer that reads others, would start anew where nobody asked for it."""
    path = changed(given, tmp_path, lambda state: state.update({name: torch.ones(shape)}))
    status, _, err = run(train, *SIZES, "--weights", path, "--out", tmp_path / "out")
    assert status == 1
    assert f"{path} is of another network: {name} is {shape} there, " in err


def test_half_a_classifier(train: ModuleType, given: Path, tmp_path: Path) -> None:
    path = changed(given, tmp_path, lambda state: state.pop("fc.bias"))
    status, _, err = run(train, *SIZES, "--weights", path, "--out", tmp_path / "out")
    assert status == 1
    assert f"{path} is of another network: only the network has fc.bias" in err


def test_weights_of_another_network(train: ModuleType, given: Path, tmp_path: Path) -> None:
    path = changed(given, tmp_path, lambda state: state.pop(min(state)))
    status, _, err = run(train, *SIZES, "--weights", path, "--out", tmp_path / "out")
    assert status == 1
    assert f"{path} is of another network: only the network has " in err
    (tmp_path / "damaged.safetensors").write_bytes(b"nothing")
    status, _, err = run(train, *SIZES, "--weights", tmp_path / "damaged.safetensors", "--out", tmp_path / "out")
    assert status == 1
    assert "damaged.safetensors is truncated, or no safetensors file" in err
    assert "Traceback" not in err
