"""Where images come from: IDX files, WebDataset shards, Hugging Face data sets; and what is wrong with them."""

from __future__ import annotations

import gzip
import io
import shutil
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from scripts import PLAIN, Ended, Processes, imported, metrics, run

Image: Any = pytest.importorskip("PIL.Image")
SMALL = ("--image-size", "8", "--batch-size", "8", "--lr-batch", "8", "--epochs", "1", "--workers", "0")


@pytest.fixture(scope="module")
def train(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    recipe = replace(PLAIN, crop_area=(Fraction(1, 4), Fraction(1)), flip=Fraction(1, 2))
    with imported(tmp_path_factory.mktemp("sources"), recipe, "net_of_sources") as module:
        yield module


def picture(number: int, label: int) -> Any:
    return Image.new("RGB", (10 + number % 3, 12), (80 * label, 200 - 5 * number, 40))


def fault(ended: Ended) -> str:
    """The sentence of a run that failed."""
    status, _, err = ended
    assert status == 1
    assert err.count("\n") == 1
    return err.removeprefix("train_net_of_sources.py: ").rstrip()


# IDX files


def write_idx(path: Path, values: bytes, *shape: int, packed: bool = False) -> None:
    content = bytes((0, 0, 8, len(shape))) + b"".join(n.to_bytes(4) for n in shape) + values
    if packed:
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(content))
    else:
        path.write_bytes(content)


@pytest.fixture
def idx(tmp_path: Path) -> Path:
    folder = tmp_path / "idx"
    folder.mkdir()
    for part, count, packed in (("train", 24, True), ("t10k", 6, False)):
        labels = bytes(index % 3 for index in range(count))
        pixels = bytes(80 * label for label in labels for _ in range(7 * 5))
        write_idx(folder / f"{part}-images-idx3-ubyte", pixels, count, 7, 5, packed=packed)
        write_idx(folder / f"{part}-labels-idx1-ubyte", labels, count, packed=packed)
    return folder


def test_idx_files(train: ModuleType, idx: Path, tmp_path: Path) -> None:
    status, out, err = run(train, *SMALL, "--data", idx, "--out", tmp_path / "out")
    assert (status, err) == (0, "")
    assert "split     24 to train on, 6 to validate on" in out
    assert "classes   3" in out
    source, val, names = train.find(str(idx), tmp_path, train.World())
    assert (source.labels[:4], val.labels[:4], names) == ([0, 1, 2, 0], [0, 1, 2, 0], ["0", "1", "2"])
    assert source.read(1).size == (5, 7)
    assert set(source.read(2).tobytes()) == {160}


def test_faults_of_idx_files(train: ModuleType, idx: Path, tmp_path: Path) -> None:
    def said() -> str:
        return fault(run(train, *SMALL, "--data", idx, "--out", tmp_path / "out"))

    path = idx / "t10k-images-idx3-ubyte"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    assert said() == f"{path} is truncated, or no IDX file of 3 dimensions"
    path.write_bytes(whole)
    packed = idx / "train-labels-idx1-ubyte.gz"
    packed.write_bytes(packed.read_bytes()[:-9])
    assert said().startswith(f"{packed} cannot be unpacked: ")
    packed.unlink()
    assert said() == f"there is no {idx / 'train-labels-idx1-ubyte'}, nor train-labels-idx1-ubyte.gz"


# Shards


def add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


def encoded(image: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, "png")
    return out.getvalue()


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    folder = tmp_path / "shards"
    folder.mkdir()
    for shard in range(2):
        with tarfile.open(folder / f"{shard:03}.tar", "w") as archive:
            for number in range(15):
                name = f"some/{shard}-{number}"
                add(archive, f"{name}.png", encoded(picture(number, number % 3)))
                add(archive, f"{name}.cls", str(number % 3).encode())
                add(archive, f"{name}.json", b"{}")
    return folder


def test_shards(train: ModuleType, shards: Path, tmp_path: Path) -> None:
    pytest.importorskip("webdataset", reason="webdataset is not installed")
    data = str(shards / "{000..001}.tar")
    status, out, err = run(train, *SMALL, "--data", data, "--out", tmp_path / "out")
    assert (status, err) == (0, "")
    assert "split     24 to train on, 6 to validate on" in out
    source, _, _ = train.find(data, tmp_path, train.World())
    assert source.read(17).tobytes() == picture(2, 2).tobytes()
    assert source.place(17) == f"some/1-2.png in {shards / '001.tar'}"
    # Of another place, they are copied first.
    status, _, err = run(train, *SMALL, "--data", f"file:{data}", "--out", tmp_path / "far")
    assert (status, err) == (0, "")
    copies = sorted((tmp_path / "far/shards").iterdir())
    assert sorted(path.name[16:] for path in copies) == ["_000.tar", "_001.tar"]
    assert metrics(tmp_path / "far") == metrics(tmp_path / "out")
    # Files of one name in two places are two files; a link in the folder of the results is not followed.
    (tmp_path / "other").mkdir()
    shutil.copy(shards / "001.tar", tmp_path / "other/000.tar")
    both = f"file:{{{shards / '000.tar'},{tmp_path / 'other/000.tar'}}}"
    cache = tmp_path / "copies"
    source, _, _ = train.find_shards(both, cache, train.World())
    assert [source.place(i).partition(" in ")[0] for i in (0, 15)] == ["some/0-0.png", "some/1-0.png"]
    first = min(cache.iterdir())
    first.unlink()
    first.symlink_to(shards / "000.tar")
    with pytest.raises(train.Fault, match="is a link, or in one: not followed"):
        train.find_shards(both, cache, train.World())
    options = ("--data", shards / "000.tar", "--val-data", shards / "001.tar", "--out", tmp_path / "two")
    assert "split     15 to train on, 15 to validate on" in run(train, *SMALL, *options)[1]


def test_faults_of_shards(train: ModuleType, shards: Path, tmp_path: Path) -> None:
    pytest.importorskip("webdataset", reason="webdataset is not installed")
    path = shards / "000.tar"
    whole = path.read_bytes()

    def said() -> str:
        return fault(run(train, *SMALL, "--data", path, "--out", tmp_path / "out"))

    for end in (len(whole) // 2, len(whole) // 1024 * 512 + 100, 512 * 6):
        path.write_bytes(whole[:end])
        assert said().startswith(f"{path} is truncated")
    path.write_bytes(whole.replace(b"IDAT", b"ADIT"))
    assert f".png in {path} cannot be read as an image: " in said()
    with tarfile.open(path, "w") as archive:
        add(archive, "a.cls", b"1")
    assert said() == f"{path} has an image or a class alone: a"
    with tarfile.open(path, "w") as archive:
        add(archive, "a.png", encoded(picture(0, 0)))
        add(archive, "a.cls", b"cat")
    assert said() == f"{path} has a class that is no number: a.cls"
    path.unlink()
    assert str(path) in said()


# Hugging Face


def test_hugging_face(train: ModuleType, tmp_path: Path) -> None:
    datasets: Any = pytest.importorskip("datasets", reason="datasets is not installed")
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["x", "y"])})
    rows = {
        "image": [{"bytes": encoded(picture(number, number % 2)), "path": None} for number in range(20)],
        "label": [number % 2 for number in range(20)],
    }
    table = datasets.table.InMemoryTable.from_pydict(rows, schema=features.arrow_schema)
    info = datasets.DatasetInfo(features=features)
    part = datasets.Dataset(table, info=info, fingerprint="some")  # some builds cannot compute it
    part.save_to_disk(str(tmp_path / "one"))
    datasets.DatasetDict({"train": part, "validation": part}).save_to_disk(str(tmp_path / "two"))
    status, out, err = run(train, *SMALL, "--data", tmp_path / "one", "--out", tmp_path / "out")
    assert status == 0, err
    assert "split     16 to train on, 4 to validate on" in out
    source, val, names = train.find(str(tmp_path / "two"), tmp_path, train.World())
    assert (len(source.labels), len(val.labels), names) == (20, 20, ["x", "y"])
    assert source.read(3).tobytes() == picture(3, 1).tobytes()
    part.remove_columns("label", new_fingerprint="other").save_to_disk(str(tmp_path / "none"))
    sentence = f"{tmp_path / 'none'} has no part train, no images, or no class labels"
    assert fault(run(train, *SMALL, "--data", tmp_path / "none", "--out", tmp_path / "out")) == sentence


# Folders


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for label, name in enumerate("ab"):
        (tmp_path / "images" / name).mkdir(parents=True)
        for number in range(10):
            picture(number, label).save(tmp_path / "images" / name / f"{number}.png")
    return tmp_path / "images"


def test_a_fault_in_one_process_ends_all(train: ModuleType, folder: Path, tmp_path: Path) -> None:
    path = folder / "a" / "3.png"
    path.write_bytes(path.read_bytes()[:45])
    arguments = (*SMALL, "--data", folder, "--out", tmp_path / "out", "--epochs", "9")
    ends = Processes(train, 2, tmp_path / "logs", *arguments).end()
    assert [status for status, _, _ in ends] == [1, 1]
    (said,) = [err for _, _, err in ends if err]
    assert said.startswith(f"train_net_of_sources.py: {path} cannot be read as an image: ")
    assert said.count("\n") == 1


def test_an_empty_class(train: ModuleType, folder: Path, tmp_path: Path) -> None:
    (folder / "c").mkdir()
    said = fault(run(train, *SMALL, "--data", folder, "--out", tmp_path / "out"))
    assert said == f"there is no image in {folder / 'c'}"


# Logs


def test_tensorboard(train: ModuleType, folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    arguments = (*SMALL, "--data", folder, "--out", tmp_path / "out", "--tensorboard")
    assert run(train, *arguments)[0] == 0
    seen = EventAccumulator(str(tmp_path / "out/tensorboard"))
    seen.Reload()
    (event,) = seen.Scalars("val_loss")
    assert (event.step, event.value) == (2, pytest.approx(metrics(tmp_path / "out")[0]["val_loss"]))


def test_what_is_not_installed(
    train: ModuleType, shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    hugging = tmp_path / "hugging"
    hugging.mkdir()
    (hugging / "state.json").write_text("{}")
    for name in ("webdataset", "datasets"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr(train, "find_spec", lambda _: None)
    cases = (
        (("--data", shards / "000.tar"), "shards are read with webdataset: install it"),
        (("--data", hugging), "such data sets are read with datasets: install it"),
        (("--tensorboard",), "--tensorboard writes with tensorboard: install it"),
    )
    for arguments, sentence in cases:
        assert fault(run(train, *SMALL, *arguments, "--out", tmp_path / "out")) == sentence
