"""The emitted training entry point, run on small images beside a hand-written module that stands for an emitted one."""

from __future__ import annotations

import ast
import importlib
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import forked
import pytest
import tools

from archdsl.backends import About
from archdsl.backends.interface import Interface
from archdsl.backends.train import emit
from archdsl.graph.network import INPUT, Builder

Run = Callable[..., tuple[int, str, str]]
"""Runs the entry point with arguments: exit status, output, errors."""

EPOCHS = 16
DIGITS = ("--epochs", str(EPOCHS), "--image-size", "16")
"""A run that learns the digits."""
STOPPED_AFTER = 3
KILLED_AFTER = 7
PLAIN = Interface("StandIn", 1000, 3, 0.1, (224, 224), sizes_padding=False)
HASH = "0123456789abcdef" * 4

STAND_IN = f'''"""Three convolutions, with the contract of an emitted module."""

import torch
from torch import Tensor, nn

SPEC_HASH = "{HASH}"


class StandIn(nn.Module):
    """A small network."""

    def __init__(self, num_classes: int = 1000, in_channels: int = 3OPTION) -> None:
        super().__init__()
        self.conv_1 = nn.Conv2d(in_channels, 16, 3, 2, 1, bias=False)
        self.norm_1 = nn.BatchNorm2d(16)
        self.conv_2 = nn.Conv2d(16, 32, 3, 2, 1, bias=False)
        self.norm_2 = nn.BatchNorm2d(32)
        self.conv_3 = nn.Conv2d(32, 64, 3, 2, 1, bias=False)
        self.norm_3 = nn.BatchNorm2d(64)
        self.dropout = nn.Dropout(DROPOUT)
        self.fc = nn.Linear(64, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.norm_1(self.conv_1(x)))
        x = torch.relu(self.norm_2(self.conv_2(x)))
        x = torch.relu(self.norm_3(self.conv_3(x)))
        x = self.fc(self.dropout(x.mean((2, 3))))
        return x
'''


def script(about: About, interface: Interface) -> str:
    """The text of the entry point."""
    network = Builder((interface.in_channels, *interface.image_size)).finish(about.name, [INPUT])
    files = emit(network, about, interface)
    assert list(files) == [f"train_{about.name}.py"]
    return files[f"train_{about.name}.py"]


def write_pair(folder: Path, about: About, interface: Interface) -> None:
    """An entry point, and the module that it trains."""
    option, dropout = "", "0.1"
    if interface.drop_path_rate is not None:
        option, dropout = ", drop_path_rate: float = 0.0", "drop_path_rate"
    if interface.sizes_padding:
        option, dropout = ", image_size: tuple[int, int] = (224, 224)", "image_size[0] / 1000"
    text = STAND_IN.replace("OPTION", option).replace("DROPOUT", dropout)
    (folder / f"{about.name}.py").write_text(text.replace("StandIn", interface.class_name), encoding="utf-8")
    (folder / f"train_{about.name}.py").write_text(script(about, interface), encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the entry point `train_stand_in.py`, where it can run."""
    for library in ("torch", "tqdm", "sklearn", "PIL", "safetensors"):
        pytest.importorskip(library, reason=f"training needs {library}")
    folder = tmp_path_factory.mktemp("train")
    forked.load()
    write_pair(folder, About("stand_in", spec="stand_in.arch"), PLAIN)
    return folder


@pytest.fixture(scope="module")
def train(folder: Path) -> Iterator[ModuleType]:
    """The entry point as a module."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield importlib.import_module("train_stand_in")
        for name in ("train_stand_in", "stand_in"):
            sys.modules.pop(name)
    torch.set_num_threads(threads)


@pytest.fixture
def run(train: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the entry point in this process: exit status, output, errors."""

    def run_it(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["train_stand_in.py", *map(str, arguments)])
        status = train.main()
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return run_it


def start(folder: Path, *arguments: str | Path) -> forked.Forked:
    """Runs the entry point in a process of its own."""
    return forked.Forked(forked.script(folder / "train_stand_in.py", arguments), folder)


def finish(process: forked.Forked) -> str:
    out, err = process.communicate(timeout=1500)
    assert process.returncode == 0, err
    assert err == ""
    return out


def metrics(out: Path) -> list[dict[str, float]]:
    """The lines of metrics.jsonl, without what a clock said."""
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name not in ("seconds", "step_seconds")} for line in lines]


def checkpoint(out: Path) -> dict[str, Any]:
    import torch

    state: dict[str, Any] = torch.load(newest(out), weights_only=True)
    return state


def newest(out: Path) -> Path:
    """The last checkpoint of a run."""
    return max(out.glob("checkpoint_*.pt"))


def flat(value: Any) -> list[Any]:
    """Tensors and numbers of a nested state, in order."""
    if isinstance(value, dict):
        return [leaf for name, part in value.items() for leaf in (name, *flat(part))]
    if isinstance(value, (list, tuple)):
        return [leaf for part in value for leaf in flat(part)]
    return [value.tolist() if hasattr(value, "tolist") else value]


# On digits


@pytest.fixture(scope="module")
def whole(folder: Path) -> tuple[Path, str]:
    """The results, and the output, of a run that nothing stopped."""
    return folder / "whole", finish(start(folder, *DIGITS, "--out", "whole"))


def test_it_says_what_holds(whole: tuple[Path, str]) -> None:
    lines = {line.partition(" ")[0]: line.partition(" ")[2].strip() for line in whole[1].splitlines()}
    assert lines["network"] == "stand_in, 24,346 parameters"
    assert lines["hash"] == HASH
    assert lines["images"] == "scikit-learn's digits, 3 x 16 x 16"
    assert lines["split"] == "1438 to train on, 359 to validate on"
    assert lines["classes"] == "10"
    assert lines["batch"] == "64"
    assert lines["epochs"] == f"{EPOCHS} of 22 steps, 0 of them done"
    assert lines["rate"].startswith("0.05")
    assert lines["precision"] == "float32"
    assert lines["norms"] == "have statistics of 64 images"
    best = max(line["val_accuracy"] for line in metrics(whole[0]))
    last = metrics(whole[0])[-1]["val_accuracy"]
    assert whole[1].count("validation accuracy: best") == 1
    assert f"best {best:.2%} in epoch" in lines["validation"]
    assert f"last {last:.2%}" in lines["validation"]


def test_it_beats_logistic_regression(train: ModuleType, whole: tuple[Path, str]) -> None:
    from sklearn.datasets import load_digits
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    digits = load_digits()
    here, there = train.split(digits.target.tolist(), train.Settings.val_share, train.Settings.split_seed)
    line = make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000))
    line.fit(digits.data[here], digits.target[here])
    last = metrics(whole[0])[-1]
    assert 0.95 < line.score(digits.data[there], digits.target[there]) < last["val_accuracy"]
    assert last["epoch"] == EPOCHS
    assert last["val_accuracy"] * len(there) == pytest.approx(round(last["val_accuracy"] * len(there)))


def test_a_stopped_run_ends_as_one_that_was_not(folder: Path, whole: tuple[Path, str]) -> None:
    """Stopped in its first epochs, gone on with, and killed in later ones: bit for bit."""
    out = folder / "stopped"
    arguments: tuple[str | Path, ...] = (*DIGITS, "--out", out)
    said = ""
    for how, after in (("SIGINT", STOPPED_AFTER), ("SIGKILL", KILLED_AFTER)):
        if not hasattr(signal, how):
            continue
        process = start(folder, *arguments)
        while not (out / "metrics.jsonl").exists() or len(metrics(out)) < after:
            assert process.poll() is None
            time.sleep(0.002)
        time.sleep(0.03)  # into the next epoch
        process.send_signal(getattr(signal, how))
        printed, err = process.communicate(timeout=1500)
        assert said in printed
        if how == "SIGINT":
            assert process.returncode == 1
            assert err == "train_stand_in.py: stopped; started again, it goes on from the last checkpoint\n"
        stopped, done = len(metrics(out)), len(checkpoint(out)["history"])
        assert after <= stopped < EPOCHS
        assert done - stopped in (0, 1)  # one more than lines, where the end came between both files
        arguments = (*DIGITS, "--out", out, "--resume")
        said = f"{EPOCHS} of 22 steps, {done} of them done"
    assert said in finish(start(folder, *arguments))
    assert metrics(out) == metrics(whole[0])
    ours, theirs = checkpoint(out), checkpoint(whole[0])
    assert flat(ours | {"history": []}) == flat(theirs | {"history": []})
    assert (out / "model.safetensors").read_bytes() == (whole[0] / "model.safetensors").read_bytes()


def test_every_epoch_has_its_own_order(
    run: Run, train: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[int, int]] = []
    plain = train.Images.__getitem__
    monkeypatch.setattr(train.Images, "__getitem__", lambda self, key: asked.append(key) or plain(self, key))
    assert run("--epochs", "2", "--image-size", "8", "--batch-size", "500", "--out", tmp_path)[0] == 0
    first, second = asked[:1000], asked[1000 + 359 : 2000 + 359]  # two batches each, and validation between
    assert {epoch for epoch, _ in first} == {0}
    assert {epoch for epoch, _ in second} == {1}
    orders = [[index for _, index in part] for part in (first, second)]
    assert orders[0] != orders[1]
    assert len(set(orders[0])) == len(set(orders[1])) == 1000


def test_a_finished_run_stays(run: Run, whole: tuple[Path, str]) -> None:
    before = newest(whole[0]).stat().st_mtime_ns
    status, out, _ = run(*DIGITS, "--out", whole[0])
    assert status == 0
    assert out.splitlines()[-1].partition(";")[0] == whole[1].splitlines()[-1].partition(";")[0]
    assert newest(whole[0]).stat().st_mtime_ns == before


def test_a_new_run_forgets_the_old_one(run: Run, tmp_path: Path) -> None:
    status, out, _ = run("--epochs", "1", "--out", tmp_path)
    assert status == 0
    assert "digits, 3 x 32 x 32" in out
    status, out, _ = run("--epochs", "1", "--lr", "0.1", "--out", tmp_path, "--no-resume", "--image-size", "16x24")
    assert status == 0
    assert "digits, 3 x 16 x 24" in out
    assert "1 of 22 steps, 0 of them done" in out
    assert checkpoint(tmp_path)["run"]["lr"] == 0.1


# On files


def draw_images(folder: Path, classes: str, count: int, side: int = 12) -> None:
    """Images with a corner in a color of the class."""
    from PIL import Image

    for number, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for index in range(count):
            image = Image.new("RGB", (side + index, side), (20 + 5 * index,) * 3)
            color = [255 * (channel == number) for channel in range(3)]
            image.paste(tuple(color), (0, 0, side // 2 + index, side // 2))
            image.save(folder / name / f"{index}.png")


SMALL = ("--image-size", "16", "--batch-size", "8", "--lr-batch", "8", "--min-crop", "0.3")


def test_folders_with_a_split(run: Run, folder: Path, tmp_path: Path) -> None:
    draw_images(tmp_path / "images/train", "abc", 12)
    draw_images(tmp_path / "images/val", "abc", 3)
    (tmp_path / "images/train/a/notes.txt").write_text("no image")
    (tmp_path / "images/train/.hidden").mkdir()
    arguments = ("--data", tmp_path / "images", *SMALL, "--epochs", "8")
    status, out, err = run(*arguments, "--out", tmp_path / "one", "--workers", "0")
    assert (status, err) == (0, "")
    assert "36 to train on, 9 to validate on" in out
    assert metrics(tmp_path / "one")[-1]["val_accuracy"] > 0.8
    # Other processes read the same images, cropped in the same way.
    finish(start(folder, *arguments, "--out", tmp_path / "two", "--workers", "2"))
    assert metrics(tmp_path / "one") == metrics(tmp_path / "two")


def test_folders_without_a_split(run: Run, train: ModuleType, tmp_path: Path) -> None:
    draw_images(tmp_path / "images", "ab", 10)
    arguments = ("--data", tmp_path / "images", *SMALL, "--workers", "0")
    status, out, _ = run(*arguments, "--epochs", "1", "--out", tmp_path / "out")
    assert status == 0
    assert "16 to train on, 4 to validate on" in out
    settings = train.Settings(data=str(tmp_path / "images"))
    first, second, third = (
        train.load(chosen, train.World())
        for chosen in (settings, replace(settings, seed=1), replace(settings, split_seed=1))
    )
    assert first.val_indices == second.val_indices != third.val_indices
    assert sorted(third.val.labels[index] for index in third.val_indices) == [0, 0, 1, 1]


@pytest.fixture
def images(tmp_path: Path) -> Path:
    draw_images(tmp_path / "images", "ab", 10)
    return tmp_path / "images"


def spoil_nothing(images: Path) -> str:
    shutil.rmtree(images)
    return f"there is no folder {images}"


def spoil_class(images: Path) -> str:
    (images / "c").mkdir()
    (images / "c" / "notes.txt").write_text("no image")
    return f"there is no image in {images / 'c'}"


def spoil_one_class(images: Path) -> str:
    shutil.rmtree(images / "b")
    return f"{images} has 1 folders of classes, and needs two"


def spoil_image(images: Path) -> str:
    path = images / "a" / "3.png"
    path.write_bytes(path.read_bytes()[:45])
    return f"{path} cannot be read as an image: "


def spoil_other_file(images: Path) -> str:
    (images / "a" / "3.png").write_text("Fault: no image")
    return f"{images / 'a' / '3.png'} cannot be read as an image: "


def spoil_depth(images: Path) -> str:
    from PIL import Image

    Image.new("I;16", (8, 8), 40000).save(images / "b" / "0.png")
    return f"{images / 'b' / '0.png'} has 1 channel of more than 8 bits, and the network takes 3"


def spoil_split(images: Path) -> str:
    for name in ("train", "val"):
        draw_images(images / name, "ab" if name == "train" else "abc", 2)
    return f"{images} has c in train/ or val/, but not in both"


def spoil_counts(images: Path) -> str:
    for path in images.glob("*/[1-9].png"):
        path.unlink()
    return f"{images} has one image a class, and none to validate on"


SPOILERS = [value for name, value in list(globals().items()) if name.startswith("spoil_")]


@pytest.mark.parametrize("spoil", SPOILERS)
def test_faults_of_a_folder(run: Run, images: Path, spoil: Callable[[Path], str]) -> None:
    sentence = spoil(images)
    status, _, err = run("--data", images, *SMALL, "--workers", "0", "--out", images.parent / "out")
    assert status == 1
    assert err.startswith(f"train_stand_in.py: {sentence}")
    assert err.count("\n") == 1


def test_a_fault_in_another_process(folder: Path, images: Path) -> None:
    sentence = spoil_image(images)
    process = start(folder, "--data", images, *SMALL, "--workers", "2", "--out", images.parent / "out")
    _, err = process.communicate(timeout=1500)
    assert process.returncode == 1
    assert err.startswith(f"train_stand_in.py: {sentence}")
    assert err.count("\n") == 1


# Checkpoints


class Trap:
    """What a checkpoint must not be able to do."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def test_checkpoints_that_do_not_fit(
    run: Run,
    train: ModuleType,
    whole: tuple[Path, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import torch

    path = tmp_path / newest(whole[0]).name
    shutil.copy(newest(whole[0]), path)

    def fault(*arguments: str) -> str:
        status, _, err = run(*DIGITS, "--out", tmp_path, *arguments)
        assert status == 1
        assert err.count("\n") == 1
        assert err.startswith(f"train_stand_in.py: {path} ")
        return err.removeprefix(f"train_stand_in.py: {path} ").rstrip()

    assert fault("--lr", "0.1").startswith("is of a run with lr = 0.05, this one has 0.1: ")
    with monkeypatch.context() as patch:
        patch.setattr(train.network, "SPEC_HASH", "f" * 64)
        assert fault() == f"is of another network: its hash is {HASH}, that of stand_in is {'f' * 64}"
    with monkeypatch.context() as patch:
        patch.setattr(train.network, "StandIn", lambda **_: torch.nn.Sequential(torch.nn.Conv2d(3, 10, 3)))
        assert fault().startswith("does not fit: ")

    state = checkpoint(tmp_path)
    path.write_bytes(path.read_bytes()[:-1000])
    assert fault().startswith("cannot be read: ")
    torch.save(state["model"], path)
    assert fault() == "is damaged, or no checkpoint of this script"
    torch.save(state | {"history": Trap(tmp_path / "sprung")}, path)
    assert fault().startswith("cannot be read: ")
    assert not (tmp_path / "sprung").exists()
    path.unlink()
    status, _, err = run("--out", tmp_path, "--resume")
    assert (status, err) == (1, f"train_stand_in.py: there is no checkpoint in {tmp_path}\n")


def test_a_file_is_there_whole(train: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    train.save(path, lambda file: file.write(b"old"))

    def fail(file: Any) -> None:
        file.write(b"ne")
        raise OSError("no space")

    with pytest.raises(train.Fault, match="no space"):
        train.save(path, fail)
    assert path.read_bytes() == b"old"
    train.save(path, lambda file: file.write(b"new"))
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--device", "cuda:99"), "no device cuda:99: "),
        (("--device", "abacus"), "no device abacus: "),
        (("--lr", "1e9"), "the loss of epoch 1, step "),
        (("--image-size", "1", "--batch-size", "1"), "the network cannot be trained on 1 images of 1 x 1"),
    ],
)
def test_faults_of_options(run: Run, tmp_path: Path, arguments: tuple[str, ...], sentence: str) -> None:
    status, _, err = run(*arguments, "--epochs", "1", "--out", tmp_path)
    assert status == 1
    assert err.startswith(f"train_stand_in.py: {sentence}")
    assert err.count("\n") == 1


# Parts of the script


def test_the_split_has_the_same_share_of_every_class(train: ModuleType) -> None:
    labels = [0] * 50 + [1] * 10 + [2] * 3 + [3]
    here, there = train.split(labels, 0.2, 0)
    assert sorted(here + there) == list(range(len(labels)))
    assert [sum(labels[index] == label for index in there) for label in range(4)] == [10, 2, 1, 0]
    assert (here, there) == train.split(labels, 0.2, 0)
    assert (here, there) != train.split(labels, 0.2, 1)


def test_norms_and_biases_do_not_decay(train: ModuleType) -> None:
    model = train.build(train.Settings(), 10, (32, 32))
    decayed, kept = train.make_optimizer(model, train.Settings()).param_groups
    assert (decayed["weight_decay"], kept["weight_decay"]) == (5e-4, 0)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    assert [names[id(p)] for p in decayed["params"]] == ["conv_1.weight", "conv_2.weight", "conv_3.weight", "fc.weight"]
    assert {names[id(p)].partition(".")[0] for p in kept["params"]} == {"norm_1", "norm_2", "norm_3", "fc"}
    assert len(decayed["params"]) + len(kept["params"]) == len(names)
    assert decayed["nesterov"]


def test_the_trial_leaves_no_trace(train: ModuleType) -> None:
    model = train.build(train.Settings(), 10, (32, 32))
    assert model.norm_1.num_batches_tracked == 0
    assert model.norm_1.running_mean.abs().sum() == 0


def test_the_rate_rises_and_falls(train: ModuleType) -> None:
    settings = train.Settings(lr=0.5, epochs=10)
    rates = [train.rate_at(step, 10, settings) for step in range(100)]
    assert rates[:10] == pytest.approx([0.05 * (step + 1) for step in range(10)])
    assert rates[10] == 0.5
    assert rates[55] == pytest.approx(0.25)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert 0 < rates[-1] < 0.001
    assert train.rate_at(4, 5, replace(settings, lr=1.0, epochs=1, warmup=2.0)) == 0.5  # longer than the run


def test_parts_of_an_image_lie_within_it(train: ModuleType) -> None:
    drawn = train.draws(0)
    for _ in range(300):
        image = drawn.randint(1, 40), drawn.randint(1, 40)
        size = drawn.randint(1, 40), drawn.randint(1, 40)
        central = train.central_part(image, size, 0.875)
        for box in (train.random_part(image, size, 0.08, drawn), train.central_part(image, size, 1), central):
            assert 0 <= box[0] < box[2] <= image[0]
            assert 0 <= box[1] < box[3] <= image[1]
        assert (central[2] - central[0]) / (central[3] - central[1]) == pytest.approx(size[1] / size[0])


def test_images_are_normalised(train: ModuleType, images: Path) -> None:
    from PIL import Image

    for path in images.glob("a/*.png"):
        Image.new("RGB", (12, 9), (200, 0, 0)).save(path)
    settings = train.Settings(data=str(images), test_size=(4, 6))
    data = train.load(settings, train.World())
    pixels, label = train.Images(data.val, data.val_indices, settings, train=False)[0, 0]
    assert (data.classes, label) == (["a", "b"], 0)
    assert pixels.shape == (3, 4, 6)
    assert pixels[0].unique().tolist() == pytest.approx([200 / 255 / 0.5 - 1])


# The text


HOSTILE = (
    "a \"\"\" b ''' c",
    '"""\nimport os\nos.abort()\n"""',
    "ends with \\",
    '"',
    "\n# -*- coding: utf-7 -*-\n# mypy: ignore-errors\n# ruff: noqa",
    "\r\x0b\x0c\x1c\x85\u2028\u2029\x00\x1b[31m\u202e\ud800\U000e0041",
    "{{ 7 * 7 }}{% raw %}{# %}\\N{BULLET}\\u0022\\x22",
    "é 漢 😀",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_strangers_words_stay_words(text: str) -> None:
    def shape(about: About) -> tuple[str, int]:
        written = script(about, PLAIN)
        assert written.isascii()
        tree = ast.parse(written)
        docstring = tree.body.pop(0)
        assert isinstance(docstring, ast.Expr)
        assert isinstance(docstring.value, ast.Constant)
        return ast.dump(tree), len(written.splitlines())

    plain = About("stand_in", "a.arch", ("--scale a:4",), "A network.", {"paper": "b"})
    assert shape(About("stand_in", text, (text, text), text, {text: text})) == shape(plain)


def test_the_words_can_be_read() -> None:
    text = script(About("stand_in", spec='models/é "x".arch', changes=("--scale a:4", "--set b=1")), PLAIN)
    docstring = ast.get_docstring(ast.parse(text))
    assert docstring is not None
    assert 'Emitted by archdsl from models/é "x".arch with --scale a:4 --set b=1.\n' in docstring


def test_without_a_classifier_there_is_none() -> None:
    network = Builder((3, 8, 8)).finish("stand_in", [INPUT])
    assert emit(network, About("stand_in"), replace(PLAIN, num_classes=None)) == {}


def test_only_what_it_may_import() -> None:
    tree = ast.parse(script(About("stand_in"), PLAIN))
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    tops = {name.partition(".")[0] for name in names} - set(sys.stdlib_module_names)
    assert tops == {"torch", "tqdm", "safetensors", "sklearn", "PIL", "webdataset", "datasets", "stand_in"}


THIRDS = (Fraction(1, 3),) * 12
VARIANTS = [
    (About("stand_in", spec="models/stand_in.arch", changes=("--scale dWr:4",)), PLAIN),
    (About("b" * 90, mean=THIRDS, std=THIRDS), replace(PLAIN, in_channels=12)),
    (About("c", mean=THIRDS[:1], std=THIRDS[:1]), Interface("C", 10, 1, None, (28, 28), sizes_padding=False)),
    (About("d", mean=THIRDS[:3], std=THIRDS[:3]), Interface("D" * 90, 10, 3, None, (300, 200), sizes_padding=True)),
    (About("e", spec=HOSTILE[4]), replace(PLAIN, drop_path_rate=0.0)),
]


@pytest.mark.parametrize("arguments", [("check",), ("format", "--check")], ids=" ".join)
def test_ruff_has_nothing_to_say(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    for about, interface in VARIANTS:
        (tmp_path / f"train_{about.name}.py").write_text(script(about, interface), encoding="utf-8")
    tools.run(tmp_path, "ruff", *arguments, "--isolated", "--no-cache", ".")


def test_mypy_has_nothing_to_say(tmp_path: Path, mypy_cache: Path) -> None:
    pytest.importorskip("torch", reason="the types are torch's")
    shown = [VARIANTS[0], VARIANTS[3]]
    for about, interface in shown:
        write_pair(tmp_path, about, interface)
    tools.mypy(tmp_path, mypy_cache, [f"train_{about.name}.py" for about, _ in shown])


@pytest.mark.parametrize(("about", "interface"), VARIANTS[2:4], ids=["grey", "sized"])
def test_every_form_trains(folder: Path, tmp_path: Path, about: About, interface: Interface) -> None:
    assert folder.is_dir()  # the libraries are there
    write_pair(tmp_path, about, interface)
    arguments = ("--epochs", "1", "--out", "out", "--image-size", "16")
    out = finish(forked.Forked(forked.script(tmp_path / f"train_{about.name}.py", arguments), tmp_path))
    assert f"digits, {interface.in_channels} x 16 x 16" in out
