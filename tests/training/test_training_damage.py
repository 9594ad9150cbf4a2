"""Data that cannot be trained on: each kind ends before the first step, in one line that names the file or entry."""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import struct
import tarfile
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from scripts import PLAIN, Processes, imported, metrics, run

Image: Any = pytest.importorskip("PIL.Image")
SMALL = ("--image-size", "8", "--batch-size", "4", "--epochs", "1", "--workers", "0")


@pytest.fixture(scope="module")
def train(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    with imported(tmp_path_factory.mktemp("damage"), PLAIN, "net_of_damage") as module:
        yield module


@pytest.fixture
def said(train: ModuleType, tmp_path: Path) -> Callable[..., str]:
    """The sentence that a run ends with, before a step was made."""

    def sentence(data: object, *options: object) -> str:
        out = tmp_path / "out"
        status, printed, err = run(train, *SMALL, "--data", data, "--out", out, *options)
        assert (status, err.count("\n")) == (1, 1), (printed, err)
        assert "epochs " not in printed  # the line that stands before the first step
        assert not list(out.glob("checkpoint_*"))
        return err.removeprefix("train_net_of_damage.py: ").rstrip("\n")

    return sentence


def encoded(image: Any, form: str = "png") -> bytes:
    out = io.BytesIO()
    image.save(out, form)
    return out.getvalue()


PICTURE = encoded(Image.new("RGB", (9, 9), (100, 0, 0)))


def write_images(folder: Path, classes: str = "ab", count: int = 6) -> Path:
    for name in classes:
        (folder / name).mkdir(parents=True)
        for number in range(count):
            (folder / name / f"{number}.png").write_bytes(PICTURE)
    return folder


# Folders of images


def png_of(width: int, height: int) -> bytes:
    """A small file that says it is a large image."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


CONTENTS = {
    "zero bytes": (b"", "is empty"),
    "no image": (b"some words", "cannot be read as an image: cannot identify image file"),
    "truncated": (encoded(Image.effect_noise((64, 64), 90), "jpeg")[:-900], "cannot be read as an image: "),
    "a bomb": (png_of(9600, 9600), "cannot be read as an image: Image size (92160000 pixels) exceeds limit"),
    "a larger bomb": (png_of(2**31 - 1, 2**31 - 1), "cannot be read as an image: Image size"),
}


@pytest.mark.parametrize("kind", CONTENTS)
def test_damaged_images(said: Callable[..., str], train: ModuleType, tmp_path: Path, kind: str) -> None:
    content, sentence = CONTENTS[kind]
    path = write_images(tmp_path / "images") / "a" / "3.png"
    path.write_bytes(content)
    assert said(path.parent.parent).startswith(f"{path} {sentence}")
    # The check alone reads every image, and on request a run goes without those that it cannot read.
    status, printed, err = run(train, *SMALL, "--data", path.parent.parent, "--check-data", "--out", tmp_path / "none")
    assert (status, not (tmp_path / "none").exists()) == (1, True)
    assert str(path) in err
    options = ("--data", path.parent.parent, "--out", tmp_path / "skipped", "--skip-unreadable")
    status, printed, err = run(train, *SMALL, *options)
    assert (status, err) == (0, "")
    assert f"images, which cannot be read: {path}\n" in printed
    assert printed.count("skipped ") == 1
    assert len(metrics(tmp_path / "skipped")) == 1
    (split,) = [line.split() for line in printed.splitlines() if line.startswith("split ")]
    assert int(split[1]) + int(split[5]) == 11


def test_the_check_alone(train: ModuleType, tmp_path: Path) -> None:
    """Beyond the sample, it finds the one image that cannot be read."""
    folder = write_images(tmp_path / "images", "abc", 40)
    options = (*SMALL, "--data", folder, "--out", tmp_path / "out", "--check-data")
    status, printed, err = run(train, *options)
    assert (status, err) == (0, "")
    assert "counts    32 to 32 images a class to train on\n" in printed
    assert "sample    32 images of 9 x 9\n" in printed
    assert not (tmp_path / "out").exists()
    bad = folder / "b" / "17.png"
    bad.write_bytes(PICTURE[:40])
    status, printed, err = run(train, *options)
    assert status == 1
    assert f"{bad} cannot be read as an image: " in err
    assert "1 of 96 images cannot be read" in err
    ends = Processes(train, 2, tmp_path / "logs", *options, "--skip-unreadable").end()
    assert [status for status, _, _ in ends] == [0, 0]
    assert f"images, which cannot be read: {bad}\n" in ends[0][1]


def test_the_check_names_all(train: ModuleType, tmp_path: Path) -> None:
    """Empty, missing and damaged files alike, not only the first."""
    folder = write_images(tmp_path / "images", "ab", 6)
    bad = [folder / "a" / "0.png", folder / "a" / "5.png", folder / "b" / "2.png"]
    bad[0].write_bytes(b"")
    bad[1].write_bytes(PICTURE[:40])
    bad[2].unlink()
    bad[2].symlink_to("nowhere")
    options = (*SMALL, "--data", folder, "--check-data", "--out", tmp_path / "out")
    status, _, err = run(train, *options)
    assert status == 1
    assert all(sum(line.startswith(str(path)) for line in err.splitlines()) == 1 for path in bad), err
    status, printed, err = run(train, *options, "--skip-unreadable")
    assert status == 0
    assert all(f"{path}" in printed for path in bad)


def test_one_class_that_is_left(said: Callable[..., str], tmp_path: Path) -> None:
    """Of two classes, one without an image to train on: there is nothing to learn."""
    folder = write_images(tmp_path / "images", "ab", 6)
    for path in (folder / "b").iterdir():
        path.write_bytes(b"x")
    assert said(folder, "--skip-unreadable") == f"{folder} has images of 1 class to train on, and needs 2"


def test_what_is_no_file(said: Callable[..., str], tmp_path: Path) -> None:
    folder = write_images(tmp_path / "images")
    path = folder / "a" / "9.png"
    os.mkfifo(path)
    assert said(folder) == f"{path} is no file"
    path.unlink()
    path.symlink_to("nowhere.png")
    assert said(folder) == f"{path} is not there"


def test_names_that_act_on_a_terminal(said: Callable[..., str], train: ModuleType, tmp_path: Path) -> None:
    folder = write_images(tmp_path / "images")
    path = folder / "a" / "\x1b[31m\u202ered\nline\udcff.png"
    path.write_bytes(b"")
    assert said(folder) == f"{folder}/a/\\x1b[31m\\u202ered\\nline\\udcff.png is empty"
    options = ("--data", folder, "--out", tmp_path / "skipped", "--skip-unreadable")
    status, printed, _ = run(train, *SMALL, *options)
    assert status == 0
    assert "\\x1b[31m\\u202ered\\nline\\udcff.png\n" in printed


def test_classes_that_two_parts_do_not_share(said: Callable[..., str], tmp_path: Path) -> None:
    for name in ("val", "test", "validation"):
        folder = tmp_path / name
        write_images(folder / "train", "abc")
        write_images(folder / name, "abd")
        assert said(folder) == f"{folder} has c in train/ or {name}/, but not in both"
    one, other = write_images(tmp_path / "one", "ab"), write_images(tmp_path / "other", "ac")
    assert said(one, "--val-data", other) == f"{other} has other classes than {one}: b"


def test_parts_are_not_taken_for_classes(train: ModuleType, said: Callable[..., str], tmp_path: Path) -> None:
    def found(folder: Path) -> Any:
        return train.load(train.Settings(data=str(folder)), train.World())

    write_images(tmp_path / "one" / "train")
    assert found(tmp_path / "one").classes == ["a", "b"]
    write_images(tmp_path / "one" / "test", count=3)
    data = found(tmp_path / "one")
    assert (len(data.train_indices), len(data.val_indices)) == (12, 6)
    write_images(tmp_path / "two" / "test")
    assert said(tmp_path / "two") == f"{tmp_path / 'two'} has test/, and no train/ beside it"
    for name in ("bus", "train"):  # these are classes
        folder = tmp_path / "transport" / name
        folder.mkdir(parents=True)
        for number in range(5):
            (folder / f"{number}.png").write_bytes(PICTURE)
    assert found(tmp_path / "transport").classes == ["bus", "train"]


# IDX files


def idx(values: bytes, *shape: int) -> bytes:
    return bytes((0, 0, 8, len(shape))) + b"".join(n.to_bytes(4) for n in shape) + values


def write_idx(folder: Path, train: bytes, test: bytes) -> Path:
    folder.mkdir()
    for part, labels in (("train", train), ("t10k", test)):
        (folder / f"{part}-images-idx3-ubyte").write_bytes(idx(bytes(20 * len(labels)), len(labels), 5, 4))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(idx(labels, len(labels)))
    return folder


def test_classes_of_idx_files(said: Callable[..., str], tmp_path: Path) -> None:
    folder = write_idx(tmp_path / "one", bytes(10), bytes(5))
    assert said(folder) == f"{folder / 'train-images-idx3-ubyte'} has 1 class, and needs 2"
    folder = write_idx(tmp_path / "ones", bytes((1,)) * 10, bytes((0, 1)))
    images = folder / "train-images-idx3-ubyte"
    assert said(folder) == f"{images} has images of 1 class to train on, and needs 2"
    folder = write_idx(tmp_path / "beyond", bytes((0, 1, 2)) * 4, bytes((0, 3)))
    path = folder / "t10k-images-idx3-ubyte"
    assert said(folder) == f"image 1 of {path} has class 3, and there are 3 from 0"


def test_a_bomb_of_idx_files(said: Callable[..., str], tmp_path: Path) -> None:
    """No more is unpacked than the head says, and no more than a gigabyte is tried."""
    folder = write_idx(tmp_path / "bomb", bytes((0, 1)) * 4, bytes((0, 1)))
    path = folder / "train-images-idx3-ubyte"
    packed = path.with_name(f"{path.name}.gz")
    path.unlink()
    with gzip.open(packed, "wb") as file:
        file.write(idx(b"", 8, 5, 4))
        for _ in range(300):
            file.write(bytes(2**20))
    tracemalloc.start()
    try:
        assert said(folder) == f"{path} is truncated, or no IDX file of 3 dimensions"
        assert tracemalloc.get_traced_memory()[1] < 20 * 2**20
        packed.write_bytes(gzip.compress(idx(bytes(1000), 2**31 - 1, 2**31 - 1, 2**31 - 1)))
        assert said(folder) == f"{path} says {(2**31 - 1) ** 3:,} bytes, more than 1,073,741,824"
        assert tracemalloc.get_traced_memory()[1] < 20 * 2**20
    finally:
        tracemalloc.stop()


# Shards


def tar(path: Path, *members: tuple[str, bytes] | tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w") as archive:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
                continue
            about = tarfile.TarInfo(member[0])
            about.size = len(member[1])
            archive.addfile(about, io.BytesIO(member[1]))
    return path


def link(name: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    about = tarfile.TarInfo(name)
    about.type, about.linkname = kind, "/etc/passwd"
    return about


GOOD: list[Any] = [member for n in range(6) for member in ((f"{n}.png", PICTURE), (f"{n}.cls", str(n % 2).encode()))]
MEMBERS: dict[str, tuple[list[Any], str]] = {
    "a large class": (
        [("a.png", PICTURE), ("a.cls", b"300000000")],
        "a.cls in {} has class 300000000, not of 0 to 99,999",
    ),
    "a class below 0": ([("a.png", PICTURE), ("a.cls", b"-1")], "a.cls in {} has class -1, not of 0 to 99,999"),
    "no class": ([("a.png", PICTURE), ("a.cls", b"")], "{} has a class that is no number: a.cls"),
    "many digits": ([("a.png", PICTURE), ("a.cls", b"1" * 5000)], "{} has a class that is no number: a.cls"),
    "other digits": ([("a.png", PICTURE), ("a.cls", "٣".encode())], "{} has a class that is no number: a.cls"),
    "a long class": ([("a.png", PICTURE), ("a.cls", b" " * 70000)], "{} has a class that is no number: a.cls"),
    "an image twice": ([("a.png", PICTURE), ("a.png", PICTURE), ("a.cls", b"1")], "{} has an image twice: a"),
    "two images of a name": ([("a.png", PICTURE), ("a.jpg", PICTURE), ("a.cls", b"1")], "{} has an image twice: a"),
    "a class twice": ([("a.png", PICTURE), ("a.cls", b"0"), ("a.cls", b"1")], "{} has a class twice: a"),
    "a link": ([link("a.png"), ("a.cls", b"1")], "a.png in {} is a link or device, and no file"),
    "a hard link": ([link("a.png", tarfile.LNKTYPE), ("a.cls", b"1")], "a.png in {} is a link or device, and no file"),
    "a linked class": ([("a.png", PICTURE), link("a.cls")], "a.cls in {} is a link or device, and no file"),
    "an absolute name": (
        [("/tmp/a.png", PICTURE), ("/tmp/a.cls", b"1")],
        "/tmp/a.png in {} has a name outside its folder",
    ),
    "a name above": (
        [("x/../../a.png", PICTURE), ("x/../../a.cls", b"1")],
        "x/../../a.png in {} has a name outside its folder",
    ),
    "zero bytes": ([("a.png", b""), ("a.cls", b"1")], "a.png in {} is empty"),
    "a name that acts": ([("\x1b[2Ja.png", b""), ("\x1b[2Ja.cls", b"1")], "\\x1b[2Ja.png in {} is empty"),
    "an image alone": ([("a.png", PICTURE)], "{} has an image or a class alone: a"),
}


@pytest.mark.parametrize("kind", MEMBERS)
def test_members_of_shards(said: Callable[..., str], tmp_path: Path, kind: str) -> None:
    pytest.importorskip("webdataset", reason="webdataset is not installed")
    members, sentence = MEMBERS[kind]
    path = tar(tmp_path / "some.tar", *GOOD, *members)
    assert said(path) == sentence.format(path)


def test_other_faults_of_shards(said: Callable[..., str], tmp_path: Path) -> None:
    pytest.importorskip("webdataset", reason="webdataset is not installed")
    path = tar(tmp_path / "some.tar")
    assert said(path) == f"{path} has 0 classes, and needs 2"
    one = [member for member in GOOD if member[1] != b"1" and member[0] not in ("1.png", "3.png", "5.png")]
    assert said(tar(path, *one)) == f"{path} has 1 class, and needs 2"
    val = tar(tmp_path / "val.tar", ("a.png", PICTURE), ("a.cls", b"2"))
    assert said(tar(path, *GOOD), "--val-data", val) == f"a.png in {val} has class 2, and there are 2 from 0"
    assert said(path, "--val-data", tar(val)) == f"{val} has no image to validate on"
    os.unlink(path)
    os.mkfifo(path)
    assert said(path) == f"there is no file {path}"


# Hugging Face


def data_set(values: list[int | None], names: list[str], images: list[Any] | None = None) -> Any:
    datasets: Any = pytest.importorskip("datasets", reason="datasets is not installed")
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=names)})
    content = images or [{"bytes": PICTURE, "path": None}] * len(values)
    table = datasets.table.InMemoryTable.from_pydict({"image": content, "label": values}, schema=features.arrow_schema)
    return datasets.Dataset(table, info=datasets.DatasetInfo(features=features), fingerprint="some")


def test_labels_of_hugging_face(said: Callable[..., str], tmp_path: Path) -> None:
    cases: list[tuple[list[int | None], list[str], str]] = [
        ([0, 1, -1, 1] * 3, ["x", "y"], "image 2 of {} has class -1, not of 0 to 99,999"),
        ([0, 1, None, 1] * 3, ["x", "y"], "image 2 of {} has no class, but None"),
        ([0, 1, 2, *[1, 0] * 5], ["x", "y"], "image 2 of {} has class 2, and there are 2 from 0"),
        ([0] * 12, ["x"], "{} has 1 class, and needs 2"),
    ]
    for number, (values, names, sentence) in enumerate(cases):
        path = tmp_path / str(number)
        data_set(values, names).save_to_disk(str(path))
        assert said(path) == sentence.format(path)
    path = tmp_path / "images"
    content: list[Any] = [{"bytes": PICTURE, "path": None}] * 11
    data_set([0, 1] * 6, ["x", "y"], [*content, None]).save_to_disk(str(path))
    assert said(path) == f"image 11 of {path} is not there"


def test_parts_of_hugging_face(said: Callable[..., str], tmp_path: Path) -> None:
    datasets: Any = pytest.importorskip("datasets", reason="datasets is not installed")
    good, other = data_set([0, 1] * 6, ["x", "y"]), data_set([0, 1] * 6, ["y", "x"])
    third, empty = data_set([0, 1] * 6, ["x", "z"]), data_set([], ["x", "y"])
    cases = [
        ({"train": good, "test": other}, "{} has other classes in test than in train: in another order"),
        ({"train": good, "test": third}, "{} has other classes in test than in train: y"),
        ({"train": good, "test": empty}, "{} is damaged, or no data set: list index out of range"),
        ({"test": good}, "{} has no part train, no images, or no class labels"),
    ]
    for number, (parts, sentence) in enumerate(cases):
        path = tmp_path / str(number)
        datasets.DatasetDict(parts).save_to_disk(str(path))
        assert said(path) == sentence.format(path)


def cut_file(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def no_names(path: Path) -> None:
    about = json.loads(path.read_text())
    about["features"]["label"] = {"_type": "Nothing"}
    path.write_text(json.dumps(about))


DAMAGES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "state cut": ("state.json", cut_file),
    "state of another form": ("state.json", lambda p: p.write_text("[]")),
    "state without fields": ("state.json", lambda p: p.write_text("{}")),
    "about cut": ("dataset_info.json", cut_file),
    "about gone": ("dataset_info.json", Path.unlink),
    "features of another kind": ("dataset_info.json", no_names),
    "table cut": ("data-00000-of-00001.arrow", cut_file),
    "table empty": ("data-00000-of-00001.arrow", lambda p: p.write_bytes(b"")),
    "table gone": ("data-00000-of-00001.arrow", Path.unlink),
    "table of words": ("data-00000-of-00001.arrow", lambda p: p.write_bytes(b"some words" * 100)),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_damaged_folders_of_hugging_face(said: Callable[..., str], tmp_path: Path, kind: str) -> None:
    name, damage = DAMAGES[kind]
    path = tmp_path / "images"
    data_set([0, 1] * 6, ["x", "y"]).save_to_disk(str(path))
    damage(path / name)
    assert said(path).startswith(f"{path} is damaged, or no data set: ")


def test_several_labels_of_hugging_face(tmp_path: Path) -> None:
    datasets: Any = pytest.importorskip("datasets", reason="datasets is not installed")
    features = datasets.Features(
        {"image": datasets.Image(), "label": datasets.Sequence(datasets.ClassLabel(names=["x", "y", "z"]))}
    )
    rows = {"image": [{"bytes": PICTURE, "path": None}] * 4, "label": [[2, 0], [], [1], [1, 1]]}
    table = datasets.table.InMemoryTable.from_pydict(rows, schema=features.arrow_schema)
    part = datasets.Dataset(table, info=datasets.DatasetInfo(features=features), fingerprint="some")
    part.save_to_disk(str(tmp_path / "images"))
    with imported(tmp_path, replace(PLAIN, loss="bce"), "net_of_lists") as train:
        source, _, names = train.find(str(tmp_path / "images"), tmp_path, train.World())
        assert (names, source.labels) == (["x", "y", "z"], [(0, 2), (), (1,), (1,)])
        pytest.importorskip("webdataset", reason="webdataset is not installed")
        path = tar(tmp_path / "a.tar", ("a.png", PICTURE), ("a.cls", b"4, 1"), ("b.png", PICTURE), ("b.cls", b""))
        source, _, names = train.find(str(path), tmp_path, train.World())
        assert (names, source.labels) == (["0", "1", "2", "3", "4"], [(1, 4), ()])
    with (
        imported(tmp_path, PLAIN, "net_of_one") as train,
        pytest.raises(train.Fault, match=r"image 0 of .* has 2 classes, and the loss is of one"),
    ):
        train.find(str(tmp_path / "images"), tmp_path, train.World())
    shutil.rmtree(tmp_path / "images")


def test_lines_are_those_of_the_stream(train: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the output cannot encode is escaped."""
    monkeypatch.setattr(train.sys, "stdout", SimpleNamespace(encoding="ascii"))
    assert train.shown("a\tb é \u2028") == "a\\tb \\xe9 \\u2028"
