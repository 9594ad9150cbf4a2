"""Weights and checkpoints of anybody, frozen parts, more epochs, several labels: what the entry point makes of them."""

from __future__ import annotations

import contextlib
import gzip
import io
import math
import os
import pickle
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from scripts import PLAIN, STAGED, checkpoint, epochs, imported, metrics, newest, run, torch

SMALL = ("--image-size", "16", "--batch-size", "359", "--lr-batch", "359", "--workers", "0")
AVERAGED = replace(PLAIN, name="averaged", ema=Fraction("0.9"), swa=epochs(1), precise_bn=400)
BCE = replace(PLAIN, name="bce", loss="bce", label_smoothing=Fraction("0.1"), mixup=Fraction("0.2"))


@pytest.fixture(scope="module")
def train(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    with imported(tmp_path_factory.mktemp("states"), AVERAGED, "stated") as module:
        yield module


@pytest.fixture(scope="module")
def whole(train: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two epochs."""
    out = tmp_path_factory.mktemp("whole")
    status, _, err = run(train, *SMALL, "--out", out)
    assert (status, err) == (0, "")
    return out


def fault(train: ModuleType, *arguments: object) -> str:
    """The one line that it ends with."""
    status, _, err = run(train, *SMALL, *arguments)
    assert status == 1, err
    assert err.count("\n") == 1
    return err


# Which weights count


def test_one_rule_for_the_weights_that_count(train: ModuleType, whole: Path, tmp_path: Path) -> None:
    """`--weights`, `--evaluate` and model.safetensors."""
    import safetensors.torch

    state = checkpoint(whole)
    assert state["swa_updates"] > 0
    written = safetensors.torch.load_file(whole / "model.safetensors")
    model = train.build(train.Settings(), 10, (16, 16))
    taken, new = train.weights_for(model, newest(whole))
    assert new == []
    assert all(torch.equal(taken[name], written[name]) for name in written)
    assert any(not torch.equal(state["ema"][name], written[name]) for name in written)
    _, out, _ = run(train, *SMALL, "--evaluate", newest(whole), "--out", tmp_path)
    assert "weights   swa of" in out
    for without, name in ((("swa",), "ema"), (("swa", "ema"), "model")):
        left = {key: value for key, value in state.items() if key not in without}
        assert train.chosen(left) == name
    assert train.chosen(state | {"swa_updates": 0}) == "ema"


# Checkpoints whose parts are not what they should be


def first(state: dict[str, Any], part: str) -> str:
    return next(name for name, tensor in state[part].items() if tensor.is_floating_point())


def changed(state: dict[str, Any], part: str, value: Any) -> dict[str, Any]:
    return state | {part: state[part] | {first(state, part): value}}


def momentum(state: dict[str, Any], change: Callable[[Any], Any]) -> dict[str, Any]:
    optimizer = state["optimizer"]
    inner = {name: {key: change(value) for key, value in parts.items()} for name, parts in optimizer["state"].items()}
    return state | {"optimizer": optimizer | {"state": inner}}


def shared() -> list[Any]:
    part: list[Any] = []
    for _ in range(60):
        part = [part, part]
    return part


def groups(state: dict[str, Any], **settings: Any) -> dict[str, Any]:
    optimizer = state["optimizer"]
    changed = [group | settings for group in optimizer["param_groups"]]
    return state | {"optimizer": optimizer | {"param_groups": changed}}


WRONG: dict[str, Callable[[dict[str, Any]], Any]] = {
    "epoch -5": lambda s: s | {"epoch": -5},
    "epoch 1.0": lambda s: s | {"epoch": 1.0},
    "epoch true": lambda s: s | {"epoch": True},
    "epoch text": lambda s: s | {"epoch": "2"},
    "later": lambda s: s | {"epoch": 7},
    "step": lambda s: s | {"step": 1},
    "steps": lambda s: s | {"step": 10**6, "losses": [1.0] * 10**6},
    "step tensor": lambda s: s | {"step": torch.tensor(0)},
    "losses": lambda s: s | {"losses": None},
    "loss": lambda s: s | {"step": 1, "losses": [math.nan]},
    "history": lambda s: s | {"history": s["history"][:1]},
    "line": lambda s: s | {"history": [{}, {}]},
    "figure": lambda s: s | {"history": [line | {"val_accuracy": math.inf} for line in s["history"]]},
    "figure's kind": lambda s: s | {"history": [line | {"val_loss": "low"} for line in s["history"]]},
    "run": lambda s: s | {"run": []},
    "no epochs": lambda s: s | {"run": {}},
    "epochs": lambda s: s | {"run": s["run"] | {"epochs": -1}},
    "hash": lambda s: s | {"hash": 5},
    "no model": lambda s: s | {"model": {}},
    "a list": lambda s: [s],
    "model": lambda s: s | {"model": list(s["model"])},
    "names": lambda s: s | {"model": {5: torch.zeros(1), **s["model"]}},
    "NaN": lambda s: changed(s, "model", s["model"][first(s, "model")] * math.nan),
    "shape": lambda s: changed(s, "ema", torch.zeros(1)),
    "kind": lambda s: changed(s, "swa", "weights"),
    "meta": lambda s: changed(s, "model", s["model"][first(s, "model")].to("meta")),
    "sparse": lambda s: changed(s, "model", s["model"][first(s, "model")].to_sparse()),
    "nested": lambda s: changed(s, "model", torch.nested.nested_tensor([torch.zeros(3)])),
    "complex": lambda s: changed(s, "model", s["model"][first(s, "model")] * 1j),
    "large": lambda s: changed(s, "model", s["model"][first(s, "model")].double() * 1e300),
    "average": lambda s: momentum(s, lambda v: v * math.nan if isinstance(v, torch.Tensor) else v),
    "average's shape": lambda s: momentum(s, lambda v: torch.zeros(2) if isinstance(v, torch.Tensor) else v),
    "momentum": lambda s: groups(s, momentum=0.1),
    "decay": lambda s: groups(s, weight_decay="x"),
    "optimizer": lambda s: s | {"optimizer": {}},
    "groups": lambda s: s | {"optimizer": {"state": s["optimizer"]["state"], "param_groups": 3}},
    "updates": lambda s: s | {"swa_updates": -1},
    "updates' kind": lambda s: s | {"ema_updates": None},
    "shared": lambda s: s | {"losses": shared()},
    "shared optimizer": lambda s: s | {"optimizer": {"state": shared(), "param_groups": shared()}},
    "running": lambda s: s | {"model": {n: -t.abs() - 1 if "var" in n else t for n, t in s["model"].items()}},
}


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
@pytest.mark.parametrize("name", WRONG)
def test_a_checkpoint_with_a_wrong_part(
    train: ModuleType, whole: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name.startswith("shared"):  # ten million parts are counted for seconds
        monkeypatch.setattr(train, "MAX_PARTS", 100_000)
    path = tmp_path / newest(whole).name
    torch.save(WRONG[name](checkpoint(whole)), path)
    said = fault(train, "--out", tmp_path)
    assert str(path) in said
    assert not (tmp_path / "model.safetensors").exists()


def test_the_right_parts_go_on(train: ModuleType, whole: Path, tmp_path: Path) -> None:
    """What the wrong ones are made from."""
    torch.save(checkpoint(whole), tmp_path / newest(whole).name)
    status, out, err = run(train, *SMALL, "--out", tmp_path)
    assert (status, err) == (0, "")
    assert "2 of them done" in out


# Files of strangers


def hashed() -> bytes:
    """A key that holds itself twice, sixty times."""
    out = io.BytesIO()
    out.write(b"\x80\x02}(K\x01\x85q\x00")
    for number in range(60):
        out.write(b"h%c" % number * 2 + b"\x86q" + bytes([number + 1]))
    out.write(b"K\x01s.")
    return out.getvalue().replace(b"}(", b"}")


def archive(pickled: bytes, method: int = zipfile.ZIP_STORED, more: bytes = b"") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as file:
        file.writestr("a/data.pkl", pickled)
        file.writestr("a/version", b"3\n")
        file.writestr("a/byteorder", b"little")
        file.writestr("a/data/0", more)
    return out.getvalue()


def header(text: str, content: bytes = b"") -> bytes:
    return len(text).to_bytes(8, "little") + text.encode() + content


def twice() -> bytes:
    row = '"conv_1.weight":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}'
    return header("{" + row + "," + row + "}", b"\0" * 4)


FILES: dict[str, Callable[[], bytes]] = {
    "shared.pt": lambda: archive(hashed()),
    "shared_old.pt": lambda: pickle.dumps(0x1950A86A20F9469CFC6C, 2) + hashed(),
    "bomb.pt": lambda: archive(pickle.dumps({}, 2), zipfile.ZIP_DEFLATED, b"\0" * 10**7),
    "text.pt": lambda: b"no weights",
    "empty.pt": lambda: b"",
    "gzip.pt": lambda: gzip.compress(b"\0" * 10**6),
    "list.pt": lambda: archive(pickle.dumps([1], 2)),
    "deep.pt": lambda: archive(b"\x80\x02" + b"(" * 10**5 + b"."),
    "twice.safetensors": twice,
    "text.safetensors": lambda: b"no weights, but some text",
    "long.safetensors": lambda: b"\xff" * 64,
    "deep.safetensors": lambda: header("[" * 10**5),
}


@pytest.mark.parametrize("option", ["--weights", "--evaluate", "resume"])
@pytest.mark.parametrize("name", FILES)
def test_a_file_of_a_stranger(train: ModuleType, tmp_path: Path, option: str, name: str) -> None:
    path = tmp_path / name
    if option == "resume":
        path = tmp_path / "checkpoint_00000004.pt"
    path.write_bytes(FILES[name]())
    arguments = () if option == "resume" else (option, path)
    assert str(path) in fault(train, *arguments, "--out", tmp_path)


@pytest.mark.parametrize("name", ["pipe.pt", "pipe.safetensors"])
def test_a_pipe_is_not_waited_for(train: ModuleType, tmp_path: Path, name: str) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("no pipes with names here")
    os.mkfifo(tmp_path / name)
    for option in ("--weights", "--evaluate"):
        assert str(tmp_path / name) in fault(train, option, tmp_path / name, "--out", tmp_path / "out")


def test_nothing_is_written_through_links(train: ModuleType, tmp_path: Path) -> None:
    """Names of files that are being written cannot be foreseen; results that are links are replaced."""
    mine = tmp_path / "mine"
    mine.write_text("mine")
    out = tmp_path / "out"
    out.mkdir()
    for name in ("metrics.jsonl", "metrics.csv", "model.safetensors", "run.svg", "checkpoint_00000003.pt"):
        for end in ("", ".new") if "checkpoint" not in name else (".new",):
            (out / f"{name}{end}").symlink_to(mine)
    status, _, err = run(train, *SMALL, "--epochs", "1", "--swa", "0", "--out", out)
    assert (status, err) == (0, "")
    assert mine.read_text() == "mine"
    assert len(metrics(out)) == 1
    assert not [path for path in out.iterdir() if path.name.startswith(".")]


def test_what_a_killed_run_was_writing_goes(train: ModuleType, tmp_path: Path) -> None:
    (tmp_path / ".metrics.jsonl.0123456789abcdef.new").write_text("half")
    assert run(train, *SMALL, "--epochs", "1", "--swa", "0", "--out", tmp_path)[0] == 0
    assert not list(tmp_path.glob(".*"))


# More epochs


def test_more_epochs(train: ModuleType, whole: Path, tmp_path: Path) -> None:
    """From the checkpoint on, the rates are those of the longer run."""
    (tmp_path / newest(whole).name).write_bytes(newest(whole).read_bytes())
    status, out, err = run(train, *SMALL, "--out", tmp_path, "--epochs", "3")
    assert (status, err) == (0, "")
    assert "extended  from 2 epochs: after 2 of them, rates are those of 3" in out
    assert metrics(tmp_path)[:2] == metrics(whole)
    assert [line["epoch"] for line in metrics(tmp_path)] == [1, 2, 3]
    assert "with epochs = 3, this one has 2" in fault(train, "--out", tmp_path, "--epochs", "2")


# The part that is trained on is the one that is tried


@pytest.mark.parametrize(
    "arguments",
    [("--batch-size", "1"), ("--batch-size", "2", "--accumulate", "2"), ("--batch-size", "3", "--accumulate", "3")],
)
def test_a_part_of_one_image(train: ModuleType, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    said = fault(train, "--image-size", "4", "--test-size", "16", *arguments, "--out", tmp_path)
    assert "the network cannot be trained on 1 images of 4 x 4 (see --image-size and --batch-size)" in said


def test_every_stage_is_tried_before_the_first_step(tmp_path: Path) -> None:
    stages = (("image_size", (Fraction(16), Fraction(4))),)
    with imported(tmp_path, replace(STAGED, name="shrinking", epochs=2, staged=stages), "shrinking") as train:
        said = fault(train, "--image-size", "4", "--batch-size", "2", "--accumulate", "2", "--out", tmp_path / "out")
    assert "the network cannot be trained on 1 images of 4 x 4" in said
    assert not list((tmp_path / "out").glob("checkpoint*"))


# Frozen parts


def state(train: ModuleType, out: Path, *arguments: object) -> tuple[dict[str, Any], dict[str, Any], str]:
    """The weights at the start and at the end of a run."""
    before = train.build(train.Settings(), 10, (16, 16)).state_dict()
    status, said, err = run(train, *SMALL, "--out", out, *arguments)
    assert (status, err) == (0, "")
    return before, checkpoint(out)["model"], said


@pytest.mark.parametrize(
    ("freeze", "kept"),
    [
        ("conv_1", {"conv_1"}),
        ("conv_1,norm_2", {"conv_1", "norm_2"}),
        ("norms", {"norm_1", "norm_2"}),
        ("backbone", {"conv_1", "norm_1", "conv_2", "norm_2"}),
    ],
)
def test_what_is_frozen_stays(train: ModuleType, tmp_path: Path, freeze: str, kept: set[str]) -> None:
    """Weights, scales and statistics; all else moves."""
    before, after, said = state(train, tmp_path, "--freeze", freeze)
    assert f"frozen    {freeze}: " in said
    same = {name for name in before if torch.equal(before[name], after[name])}
    assert {name.partition(".")[0] for name in same} == kept
    assert all((name in same) == (name.partition(".")[0] in kept) for name in before)
    status, again, _ = run(train, *SMALL, "--out", tmp_path, "--freeze", freeze)
    assert status == 0
    assert "2 of them done" in again


def test_frozen_parts_that_there_are_not(train: ModuleType, tmp_path: Path) -> None:
    assert "the network has no conv_3; did you mean conv_" in fault(train, "--freeze", "conv_3", "--out", tmp_path)
    assert "leaves nothing to train" in fault(train, "--freeze", "backbone,fc", "--out", tmp_path)


# Several labels


def test_binary_cross_entropy(tmp_path: Path) -> None:
    """torch's own, by hand, with smoothed labels; one label or several."""
    with imported(tmp_path, replace(BCE, mixup=Fraction(0)), "labels") as train:
        torch.manual_seed(0)
        logits = torch.randn(5, 4, requires_grad=True)
        labels = torch.tensor([0, 1, 2, 3, 0])
        several = torch.tensor([[1.0, 0, 1, 0], [0, 0, 0, 0], [1, 1, 1, 1], [0, 1, 0, 0], [0, 0, 1, 1]])
        for given, hot in ((labels, torch.eye(4)[labels]), (several, several)):
            smooth = hot * 0.9 + 0.1 / 4
            wanted = -(smooth * logits.sigmoid().log() + (1 - smooth) * (1 - logits.sigmoid()).log()).mean()

            class Stands:
                settings = train.Settings(accumulate=1)
                device = torch.device("cpu")

                def parallel(self, _: Any) -> Any:
                    return logits

            assert train.backward(Stands(), None, given).item() == pytest.approx(wanted.item())
            batches = [(torch.zeros(5, 3, 8, 8), given)]
            model = torch.nn.Module()
            model.forward = lambda _: logits.detach()
            loss, right = train.evaluate(model, batches, torch.device("cpu"), train.World())
            plain = torch.nn.functional.binary_cross_entropy_with_logits(logits, hot)
            assert loss == pytest.approx(plain.item())
            share = ((logits > 0) == (hot > 0.5)).double().mean() if given is several else None
            assert right == pytest.approx((logits.argmax(1) == labels).double().mean() if share is None else share)


def test_binary_cross_entropy_learns(tmp_path: Path) -> None:
    with imported(tmp_path, replace(BCE, epochs=3), "learns") as train:
        status, _, err = run(train, *SMALL, "--batch-size", "64", "--lr", "20", "--out", tmp_path / "out")
        assert (status, err) == (0, "")
        lines = metrics(tmp_path / "out")
        assert lines[-1]["val_loss"] < lines[0]["val_loss"] < math.log(2)


# The command line


def test_options_are_given_whole(
    train: ModuleType, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for word, hint in (("--see", "--seed"), ("--epoch", "--epochs"), ("--weigths", "--weights")):
        monkeypatch.setattr(sys, "argv", ["train.py", word, "3"])
        with pytest.raises(SystemExit) as end:
            train.main()
        assert end.value.code == 2
        assert f"{word} 3; did you mean {hint}?" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--data", "--val-data", "--weights", "--freeze", "--out", "--device", "--evaluate"])
def test_options_are_not_empty(
    train: ModuleType, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    """A variable that is not set is no name of the current folder."""
    monkeypatch.setattr(sys, "argv", ["train.py", option, ""])
    with pytest.raises(SystemExit) as end:
        train.main()
    assert end.value.code == 2
    assert f"argument {option}: it is empty" in capsys.readouterr().err


def test_names_of_images_are_escaped(train: ModuleType) -> None:
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown):
        train.World().say("a\x1b[31m\u202eb é")
    assert shown.getvalue() == "a\\x1b[31m\\u202eb é\n"
