"""What becomes of images: arrays, pages, any number of channels, CIFAR's files, labels in tables; colors and crops."""

from __future__ import annotations

import ast
import importlib
import json
import pickle
import random
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from scripts import PLAIN, imported, interface, run, torch

from archdsl.backends import About
from archdsl.backends.train import emit
from archdsl.compiler import Compiled, Compiler
from archdsl.emission import NoEmission, about_of
from archdsl.emission import emit as emit_targets
from archdsl.graph.network import INPUT, Builder
from archdsl.lifting.operators import declare
from archdsl.project import Project
from archdsl.training.recipe import undefined

numpy: Any = pytest.importorskip("numpy")
Image: Any = pytest.importorskip("PIL.Image")

PLAINEST = replace(PLAIN, name="plainest", epochs=1)
COLORS = replace(
    PLAIN,
    name="colors",
    brightness=Fraction("0.4"),
    contrast=Fraction("0.3"),
    saturation=Fraction("0.2"),
    hue=Fraction("0.1"),
)
PADDED = replace(PLAIN, name="padded", crop_padding=4)
GEOMETRY = replace(PLAIN, name="geometry", epochs=1, crop_area=(Fraction(1, 4), Fraction(1)), flip=Fraction(1, 2))
SEVERAL = replace(PLAIN, name="several", loss="bce")


@pytest.fixture(scope="module")
def trains(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """Entry points by recipe and channels, as modules."""
    folder = tmp_path_factory.mktemp("images")
    cases = [(PLAINEST, 1), (PLAINEST, 3), (PLAINEST, 4), (PLAINEST, 13), (COLORS, 3), (PADDED, 3), (GEOMETRY, 4)]
    cases += [(SEVERAL, 3)]
    with ExitStack() as stack:
        yield SimpleNamespace(
            **{
                f"{r.name}_{n}": stack.enter_context(imported(folder, r, f"net_of_{r.name}_{n}", channels=n))
                for r, n in cases
            }
        )


def image_in(train: ModuleType, path: Path) -> Any:
    """What the network gets of a file before it is normalised: C x H x W."""
    source = train.Files(path.parent, [(path, train.label_of([0], ""))])
    settings = train.Settings(image_size=(8, 8), test_size=(8, 8))
    return train.Images(source, [0], settings, train=False).open(0).pixels()


def refusal(train: ModuleType, path: Path) -> str:
    with pytest.raises(train.Fault) as caught:
        image_in(train, path)
    said = str(caught.value)
    assert said.startswith(str(path))
    assert "\n" not in said
    return said.removeprefix(str(path)).strip()


# Arrays


KINDS = {"u1": 255, "<u2": 65535, ">u2": 65535, "<f4": 1, ">f4": 1, "<f8": 1, ">f8": 1}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("channels", [1, 3, 4, 13])
def test_arrays(trains: SimpleNamespace, tmp_path: Path, kind: str, channels: int) -> None:
    """In all layouts, also NumPy's two orders of memory, they are the same image."""
    train = getattr(trains, f"plainest_{channels}")
    generator = numpy.random.default_rng(channels)
    array = generator.integers(0, 256, (channels, 5, 7)) if KINDS[kind] > 1 else generator.normal(size=(channels, 5, 7))
    array = (array * (1 if kind == "u1" else 200)).astype(kind)
    expected = torch.tensor(array.astype("f8") / KINDS[kind]).float()
    forms = {"first": array, "last": numpy.moveaxis(array, 0, 2).copy(), "fortran": numpy.asfortranarray(array)}
    forms["last_fortran"] = numpy.asfortranarray(forms["last"])
    if channels == 1:
        forms |= {"plain": array[0], "plain_fortran": numpy.asfortranarray(array[0])}
    for name, form in forms.items():
        numpy.save(tmp_path / f"{name}.npy", form)
        torch.testing.assert_close(image_in(train, tmp_path / f"{name}.npy"), expected, rtol=1e-6, atol=0)


def test_grey_and_colored_arrays_are_as_grey_and_colored_images(trains: SimpleNamespace, tmp_path: Path) -> None:
    array = numpy.random.default_rng(0).integers(0, 256, (6, 5, 3)).astype("u1")
    for name, form in (("colored", array), ("grey", array[:, :, 0])):
        Image.fromarray(form).save(tmp_path / f"{name}.png")
        numpy.save(tmp_path / f"{name}.npy", form)
        for train in (trains.plainest_1, trains.plainest_3):
            one, other = (image_in(train, tmp_path / f"{name}.{ending}") for ending in ("png", "npy"))
            assert torch.equal(one, other)


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (numpy.zeros((4, 5, 4), "u1"), "is 4 x 5 x 4, and begins and ends with the 4 channels of the network"),
        (numpy.zeros((5, 6, 7), "u1"), "is 5 x 6 x 7, and neither begins nor ends with the 4 channels of the network"),
        (numpy.zeros((5, 6), "u1"), "has 1 channel, and the network takes 4"),
        (numpy.zeros((2, 4, 5, 6), "u1"), "is 2 x 4 x 5 x 6, not H x W, C x H x W or H x W x C"),
        (numpy.zeros((4, 0, 6), "u1"), "is truncated or empty: it should be 4 x 0 x 6 of 1 bytes"),
        (numpy.zeros((4, 5, 6), "i8"), "is an array of <i8, not of uint8, uint16, float32 or float64"),
        (numpy.zeros((4, 5, 6), "?"), "is an array of |b1, not of uint8, uint16, float32 or float64"),
        (numpy.zeros((4, 5, 6), "O"), "is an array of |O, not of uint8, uint16, float32 or float64"),
        (numpy.zeros((), "u1"), "is a number, not H x W, C x H x W or H x W x C"),
    ],
)
def test_arrays_that_are_no_images(trains: SimpleNamespace, tmp_path: Path, array: Any, said: str) -> None:
    numpy.save(tmp_path / "a.npy", array, allow_pickle=True)
    assert refusal(trains.plainest_4, tmp_path / "a.npy") == said


def test_damaged_arrays(trains: SimpleNamespace, tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    numpy.save(path, numpy.zeros((4, 5, 6), "u1"))
    whole = path.read_bytes()
    size = "is truncated or empty: it should be 4 x 5 x 6 of 1 bytes"
    cases = {
        whole[:-1]: size,
        whole + b"0": size,
        whole[:60]: "is no NumPy array of numbers",
        b"\x93NUMPY": "is no NumPy array of numbers",
        b"": "is empty",
        whole.replace(b"(4, 5, 6)", b"(9999999999, 5, 6)"): "is 9999999999 x 5 x 6, not H x W, C x H x W or H x W x C",
        whole.replace(b"(4, 5, 6)", b"(4, 99999, 99999)"): size.replace("5 x 6", "99999 x 99999"),
        whole.replace(b"False", b"f()  "): "is no NumPy array of numbers",
    }
    for content, said in cases.items():
        path.write_bytes(content)
        assert refusal(trains.plainest_4, path) == said


@pytest.mark.parametrize(("value", "place"), [(numpy.nan, (0, 4, 4)), (numpy.inf, (3, 0, 0)), (-numpy.inf, (1, 8, 8))])
def test_what_is_no_number_ends_training(
    trains: SimpleNamespace, tmp_path: Path, value: float, place: tuple[int, ...]
) -> None:
    """Also in a corner, which a crop leaves out. A check of the data finds it, and it can be left out."""
    for label in "ab":
        (tmp_path / "images" / label).mkdir(parents=True)
        for number in range(4):
            array = numpy.ones((4, 9, 9), "f4")
            array[place] = value if (label, number) == ("b", 2) else 0
            numpy.save(tmp_path / "images" / label / f"{number}.npy", array)
    options = ("--data", tmp_path / "images", "--image-size", "8", "--workers", "0", "--out", tmp_path / "out")
    status, _, err = run(trains.plainest_4, *options, "--batch-size", "2")
    assert (status, err.count("\n")) == (1, 1)
    assert err.endswith(f"{tmp_path / 'images/b/2.npy'} holds what is no finite number\n")
    status, _, err = run(trains.plainest_4, *options, "--check-data")
    assert status == 1
    assert err.startswith(f"{tmp_path / 'images/b/2.npy'} holds what is no finite number\n")
    status, printed, err = run(trains.plainest_4, *options, "--batch-size", "2", "--epochs", "1", "--skip-unreadable")
    assert (status, err) == (0, "")
    assert f"which cannot be read: {tmp_path / 'images/b/2.npy'}\n" in printed


# TIFFs


def save_pages(path: Path, pages: list[Any]) -> None:
    pages[0].save(path, "tiff", save_all=True, append_images=pages[1:])


@pytest.mark.parametrize(("kind", "most"), [("uint8", 255), ("uint16", 65535), ("float32", 1)])
def test_pages_are_channels(trains: SimpleNamespace, tmp_path: Path, kind: str, most: int) -> None:
    array = (numpy.random.default_rng(0).random((13, 6, 5)) * most).astype(kind)
    for channels in (3, 4, 13):
        path = tmp_path / f"{channels}.tif"
        save_pages(path, [Image.fromarray(plane) for plane in array[:channels]])
        found = image_in(getattr(trains, f"plainest_{channels}"), path)
        expected = torch.tensor(array[:channels].astype("f8") / most).float()
        torch.testing.assert_close(found, expected, rtol=1e-6, atol=0)


def test_pages_of_several_channels(trains: SimpleNamespace, tmp_path: Path) -> None:
    """Of 3 and 1, an image of 4 in a PNG, and a thumbnail that does not count."""
    array = numpy.random.default_rng(0).integers(0, 256, (6, 5, 4)).astype("u1")
    color, rest = Image.fromarray(array[:, :, :3]), Image.fromarray(array[:, :, 3])
    save_pages(tmp_path / "pages.tif", [color, rest])
    Image.fromarray(array).save(tmp_path / "one.png")
    small = color.resize((2, 2))
    small.encoderinfo = {"tiffinfo": {254: 1}}
    save_pages(tmp_path / "thumbnail.tif", [color, small])
    expected = torch.tensor(array).permute(2, 0, 1) / 255
    assert torch.equal(image_in(trains.plainest_4, tmp_path / "pages.tif"), expected)
    assert torch.equal(image_in(trains.plainest_4, tmp_path / "one.png"), expected)
    assert torch.equal(image_in(trains.plainest_3, tmp_path / "thumbnail.tif"), expected[:3])


def test_other_counts_are_refused(trains: SimpleNamespace, tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    grey, deep = Image.new("L", (5, 6)), Image.new("I;16", (5, 6))
    cases: list[tuple[ModuleType, list[Any], str]] = [
        (trains.plainest_3, [grey] * 5, "has 5 channels, and the network takes 3"),
        (trains.plainest_13, [grey] * 12, "has 12 channels, and the network takes 13"),
        (trains.plainest_3, [deep], "has 1 channel of more than 8 bits, and the network takes 3"),
        (trains.plainest_4, [grey, grey, deep, deep], "has pages of unlike sizes or depths"),
        (trains.plainest_4, [grey, grey, grey, Image.new("L", (5, 5))], "has pages of unlike sizes or depths"),
        (trains.plainest_4, [Image.new("I", (5, 6))] * 4, "has pixels of mode I, not of 8 or 16 bits or floats"),
        (trains.plainest_4, [grey] * 70, "has more than 64 pages"),
    ]
    for train, pages, said in cases:
        save_pages(path, pages)
        assert refusal(train, path) == said
    Image.new("RGB", (5, 6)).save(tmp_path / "a.png")
    assert refusal(trains.plainest_4, tmp_path / "a.png") == "has 3 channels, and the network takes 4"


def test_a_network_of_four_channels_is_trained(trains: SimpleNamespace, tmp_path: Path) -> None:
    for label, name in enumerate("ab"):
        (tmp_path / "images" / name).mkdir(parents=True)
        for number in range(8):
            array = numpy.random.default_rng(number).normal(label, 0.1, (4, 9, 9)).astype("f4")
            numpy.save(tmp_path / "images" / name / f"{number}.npy", array)
    options = ("--data", tmp_path / "images", "--image-size", "8", "--workers", "0", "--out", tmp_path / "out")
    status, out, err = run(trains.geometry_4, *options, "--batch-size", "4")
    assert (status, err) == (0, "")
    assert f"images    {tmp_path / 'images'}, 4 x 8 x 8" in out
    assert "sample    16 images of 9 x 9\n" in out


# Crops and colors


def test_the_padded_crop(trains: SimpleNamespace) -> None:
    """Every shift up to four pixels, with black from outside; as torchvision's crop of what its pad gives."""
    train = trains.padded_3
    pixels = numpy.random.default_rng(0).integers(1, 256, (3, 32, 32)).astype("u1")
    source = train.Pixels("some", pixels.tobytes(), (32, 32), [0], channels=3)
    images = train.Images(source, [0], train.Settings(image_size=(32, 32)), train=True)
    padded = torch.nn.functional.pad(torch.tensor(pixels) / 255, (4, 4, 4, 4))
    seen = set()
    for epoch in range(400):
        found = images[epoch, 0][0] * images.std + images.mean
        fits = [
            (top, left)
            for top in range(9)
            for left in range(9)
            if torch.allclose(found, padded[:, top : top + 32, left : left + 32], atol=1e-5)
        ]
        assert len(fits) == 1
        seen |= set(fits)
    assert len(seen) > 75  # of 81; of 400 draws, one is missed with a chance of 0.7 %
    still = train.Images(source, [0], train.Settings(test_size=(32, 32)), train=False)[0, 0][0]
    torch.testing.assert_close(still * images.std + images.mean, padded[:, 4:36, 4:36])
    with pytest.raises(train.Fault, match="--crop-padding 4 is as large as images of 4 x 32"):
        train.Images(source, [0], train.Settings(image_size=(4, 32)), train=True)


def functional() -> Any:
    declare()
    pytest.importorskip("torchvision", reason="torchvision is not installed", exc_type=ImportError)
    return importlib.import_module("torchvision.transforms.functional")


class Drawn:
    """Names in a given order, and amounts at a given place between their ends."""

    def __init__(self, names: list[str], place: float) -> None:
        self.names, self.place = names, place

    def sample(self, population: Any, count: int) -> list[str]:
        assert (set(population), count) == (set(self.names), len(self.names))
        return self.names

    def uniform(self, a: float, b: float) -> float:
        return a + (b - a) * self.place


@pytest.mark.parametrize("place", [0, 0.3, 0.5, 0.9, 1])
@pytest.mark.parametrize("first", ["brightness", "contrast", "saturation", "hue"])
def test_colors_are_torchvisions(trains: SimpleNamespace, first: str, place: float) -> None:
    train, theirs = trains.colors_3, functional()
    image = torch.rand(3, 9, 11, generator=torch.Generator().manual_seed(1))
    image[:, 0, 0], image[:, 0, 1] = 0.5, torch.tensor((1.0, 1.0, 0.0))
    most = {"brightness": 0.4, "contrast": 0.3, "saturation": 0.2, "hue": 0.1}
    names = [first, *[name for name in most if name != first]]
    expected = image
    for name in names:
        ends = (-most[name], most[name]) if name == "hue" else (1 - most[name], 1 + most[name])
        expected = getattr(theirs, f"adjust_{name}")(expected, ends[0] + (ends[1] - ends[0]) * place)
    found = train.jitter(image, train.Settings(), Drawn(names, place), bounded=True)
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-6)


def test_colors_are_drawn_anew_for_every_image(trains: SimpleNamespace) -> None:
    train = trains.colors_3
    image = torch.rand(3, 4, 4, generator=torch.Generator().manual_seed(1))
    found = [train.jitter(image, train.Settings(), random.Random(n), bounded=True) for n in range(20)]
    assert len({tuple(each.flatten().tolist()) for each in found}) == 20
    assert all(0 <= each.min() <= each.max() <= 1 for each in found)
    one = train.Settings(brightness=0.0, contrast=0.0, saturation=0.0, hue=0.0)
    torch.testing.assert_close(train.jitter(image, one, random.Random(3), bounded=True), image, rtol=0, atol=1e-6)


# CIFAR's own files


def cifar_pixels(number: int, count: int) -> Any:
    return numpy.random.default_rng(number).integers(0, 256, (count, 3072)).astype("u1")


def write_cifar(folder: Path, *, binary: bool, hundred: bool = False, protocol: int = 2) -> None:
    """Files as they are published: pickles of dictionaries of bytes, or bytes. Each training batch has 20 images."""
    folder.mkdir()
    names = ["train", "test"] if hundred else [*(f"data_batch_{n}" for n in range(1, 6)), "test_batch"]
    count = 100 if hundred else 10
    for number, name in enumerate(names):
        pixels, labels = cifar_pixels(number, 20), [(7 * i + number) % count for i in range(20)]
        if binary:
            ahead = [bytes([label // 5, label]) if hundred else bytes([label]) for label in labels]
            rows = [a + p.tobytes() for a, p in zip(ahead, pixels, strict=True)]
            (folder / f"{name}.bin").write_bytes(b"".join(rows))
        else:
            fields = {b"fine_labels": labels, b"coarse_labels": [n // 5 for n in labels]} if hundred else {}
            fields = fields or {b"labels": labels}
            text = {b"batch_label": b"some", **fields, b"data": pixels, b"filenames": [b"a.png"] * 20}
            (folder / name).write_bytes(pickle.dumps(text, protocol))
    classes = [f"class_{number}" for number in range(count)]
    if binary:
        name = "fine_label_names.txt" if hundred else "batches.meta.txt"
        (folder / name).write_text("\n".join(classes) + "\n\n")
    else:
        name, key = ("meta", b"fine_label_names") if hundred else ("batches.meta", b"label_names")
        (folder / name).write_bytes(pickle.dumps({key: [word.encode() for word in classes]}, protocol))


@pytest.mark.parametrize("hundred", [False, True])
@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_cifar(trains: SimpleNamespace, tmp_path: Path, binary: bool, hundred: bool, protocol: int) -> None:
    train = trains.plainest_3
    write_cifar(tmp_path / "cifar", binary=binary, hundred=hundred, protocol=protocol)
    one, test, classes = train.find(str(tmp_path / "cifar"), tmp_path, train.World())
    count = 100 if hundred else 10
    assert classes == [f"class_{number}" for number in range(count)]
    assert (len(one.labels), len(test.labels)) == ((20, 20) if hundred else (100, 20))
    part, number = (0, 13) if hundred else (3, 73)
    assert one.labels[number] == (7 * 13 + part) % count
    expected = cifar_pixels(part, 20)[13].reshape(3, 32, 32).transpose(1, 2, 0)
    assert numpy.array_equal(numpy.asarray(one.read(number)), expected)
    assert (one.whole, one.photographs) == (True, True)  # validated whole, and mirrored in training


class Hostile:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def test_no_pickle_of_cifar_runs_code(trains: SimpleNamespace, tmp_path: Path) -> None:
    train, folder = trains.plainest_3, tmp_path / "cifar"
    write_cifar(folder, binary=False)
    path = folder / "data_batch_2"
    whole = path.read_bytes()
    cases = {
        pickle.dumps({b"data": Hostile(tmp_path / "ran")}): f"{path} holds code (pathlib",
        pickle.dumps([1]): f"{path} holds no dictionary",
        pickle.dumps({b"labels": [1], b"data": numpy.zeros((1, 3072), "i4")}, 2): f"{path} has no images of CIFAR-10",
        pickle.dumps({b"labels": [None], b"data": cifar_pixels(0, 1)}, 2): f"{path} has no images of CIFAR-10",
        pickle.dumps({b"labels": [1, 2], b"data": cifar_pixels(0, 1)}, 2): f"{path} has no images of CIFAR-10",
        whole[:-100]: f"{path} is damaged: ",
        b"": f"{path} is damaged: ",
        b"\x80\x02Nr\xff\xff\xff\x7f.": f"{path} is damaged",  # a memory of 2^31 places
        b"\x80\x04\x8e\xff\xff\xff\xff\xff\x00\x00\x00.": f"{path} is damaged: ",  # 2^40 bytes
        whole.replace(b"numpy\ndtype", b"os\nsystem\n"[:11]): f"{path} ",
    }
    for content, said in cases.items():
        path.write_bytes(content)
        with pytest.raises(train.Fault) as caught:
            train.find(str(folder), tmp_path, train.World())
        assert str(caught.value).startswith(said)
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "ran").exists()
    path.unlink()
    with pytest.raises(train.Fault, match=r"there is no .*data_batch_5|there is no .*data_batch_2"):
        train.find(str(folder), tmp_path, train.World())


def test_faults_of_cifars_bytes(trains: SimpleNamespace, tmp_path: Path) -> None:
    train, folder = trains.plainest_3, tmp_path / "cifar"
    write_cifar(folder, binary=True)
    path = folder / "test_batch.bin"
    whole = path.read_bytes()
    settings = train.Settings(data=str(folder))

    def said() -> str:
        with pytest.raises(train.Fault) as caught:
            train.load(settings, train.World())
        return str(caught.value)

    path.write_bytes(whole[:-1])
    assert said() == f"{path} is truncated, or has no images of CIFAR-10"
    path.write_bytes(b"\x0a" + whole[1:])
    assert said() == f"image 0 of {path} has class 10, and there are 10 from 0"
    path.unlink()
    assert said() == f"there is no {path}"


# Labels in tables


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    (folder / "deep").mkdir(parents=True)
    for number in range(10):
        Image.new("RGB", (9, 9), (20 * number, 0, 0)).save(folder / f"{number}.png")
    Image.new("RGB", (9, 9)).save(folder / "deep" / "a.png")
    return folder


TABLES = {
    "labels.csv": "file,labels\n0.png,cat\n1.png, dog | cat \n2.png,\ndeep/a.png,eel;cat\n",
    "wide/labels.csv": "file,cat,dog,eel\n0.png,1,0,0\n1.png,1,1,0\n2.png,0,0,0\ndeep/a.png,1,0,1\n",
    "labels.json": json.dumps({"0.png": "cat", "1.png": ["dog", "cat"], "2.png": [], "deep/a.png": ["eel", "cat"]}),
}


@pytest.mark.parametrize("name", TABLES)
def test_several_labels_an_image(trains: SimpleNamespace, pictures: Path, name: str) -> None:
    train = trains.several_3
    (pictures / name.rpartition("/")[2]).write_text(TABLES[name])
    data = train.load(train.Settings(data=str(pictures), val_share=0.25), train.World())
    assert data.classes == ["cat", "dog", "eel"]
    assert data.train.labels == [(0,), (0, 1), (), (0, 2)]
    assert [len(part) for part in (data.train_indices, data.val_indices)] == [3, 1]
    images = train.Images(data.train, [0, 1, 2, 3], train.Settings(image_size=(8, 8)), train=True)
    targets = [images[0, number][1] for number in range(4)]
    assert [target.tolist() for target in targets] == [[1, 0, 0], [1, 1, 0], [0, 0, 0], [1, 0, 1]]
    assert {target.dtype for target in targets} == {torch.float32}


def test_one_label_an_image(trains: SimpleNamespace, pictures: Path) -> None:
    train = trains.plainest_3
    rows = [f"{number}.png,{'cat' if number % 2 else 'dog'}\n" for number in range(10)]
    (pictures / "labels.csv").write_text("file,label\n" + "".join(rows))
    data = train.load(train.Settings(data=str(pictures)), train.World())
    assert (data.classes, data.train.labels) == (["cat", "dog"], [1, 0] * 5)
    (pictures / "labels.csv").write_text(TABLES["labels.csv"])
    with pytest.raises(train.Fault, match=r"1\.png in .*labels.csv has 2 classes, and the loss is of one"):
        train.load(train.Settings(data=str(pictures)), train.World())


def test_one_label_as_one_of_several(trains: SimpleNamespace) -> None:
    """Folders, digits and other data of one class an image are of one among any number."""
    train = trains.several_3
    source = train.load(train.Settings(), train.World()).train
    assert source.labels[:3] == [(0,), (1,), (2,)]
    images = train.Images(source, [2], train.Settings(image_size=(8, 8)), train=True)
    assert images[0, 0][1].tolist() == [0, 0, 1, 0, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no head such as file,labels or file,cat,dog"),
        ("file\n0.png\n", "has no head such as file,labels or file,cat,dog"),
        ("file,labels\n0.png,cat\n0.png,dog\n", "has 0.png twice"),
        ("file,labels\n0.png,cat\n./0.png,dog\n", "has 0.png twice"),
        ("file,labels\na//0.png,cat\na/./0.png,dog\n", "has a/0.png twice"),
        ("file,labels\n0.png,cat,dog\n", "has 3 columns in row 2, not 2"),
        ("file,cat,dog\n0.png,1,2\n", "has '2' in row 2, not 0 or 1"),
        ("file,cat,cat\n0.png,1,0\n", "has a class twice, or one without a name, in its head"),
        ("file,labels\n../a.png,cat\n", "names '../a.png', which is no file below its folder"),
        ("file,labels\n/etc/passwd,cat\n", "names '/etc/passwd', which is no file below its folder"),
        ('file,labels\n"0.png,cat\n', "cannot be read: unexpected end of data"),
    ],
)
def test_faults_of_tables(trains: SimpleNamespace, pictures: Path, text: str, said: str) -> None:
    train, path = trains.several_3, pictures / "labels.csv"
    path.write_text(text)
    with pytest.raises(train.Fault) as caught:
        train.load(train.Settings(data=str(pictures)), train.World())
    assert str(caught.value) == f"{path} {said}"


def test_a_table_of_a_file_that_is_not_there(trains: SimpleNamespace, pictures: Path) -> None:
    train = trains.several_3
    (pictures / "labels.csv").write_text("file,labels\n0.png,cat\n99.png,dog\n1.png,dog\n")
    with pytest.raises(train.Fault, match=r"99\.png is not there"):
        train.load(train.Settings(data=str(pictures)), train.World())


def test_tables_of_two_parts(trains: SimpleNamespace, pictures: Path, tmp_path: Path) -> None:
    train, whole = trains.several_3, tmp_path / "parts"
    for part in ("train", "test"):
        (whole / part).mkdir(parents=True)
        for path in pictures.glob("*.png"):
            (whole / part / path.name).write_bytes(path.read_bytes())
        (whole / part / "labels.csv").write_text(f"file,labels\n0.png,cat\n1.png,{'dog' if part == 'train' else ''}\n")
    data = train.load(train.Settings(data=str(whole)), train.World())
    assert (data.classes, data.train.labels, data.val.labels) == (["cat", "dog"], [(0,), (1,)], [(0,), ()])
    (whole / "test" / "labels.csv").write_text("file,labels\n0.png,eel\n")
    with pytest.raises(train.Fault, match=r"has the class 'eel', and .* has not"):
        train.load(train.Settings(data=str(whole)), train.World())


# Means


def test_means_of_as_many_channels() -> None:
    network = Builder((13, 8, 8)).finish("net", [INPUT])
    means, stds = (tuple([Fraction(n, 20) for n in range(k, k + 13)]) for k in (0, 1))
    offered = interface(channels=13)
    text = emit(network, About("net", mean=means, std=stds), offered, PLAIN)["train_net.py"]
    values = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id in ("MEAN", "STD")
    }
    assert values == {"MEAN": tuple(map(float, means)), "STD": tuple(map(float, stds))}
    assert "pixels    less" not in text
    text = emit(network, About("net", mean=means[:3], std=stds[:3]), offered, PLAIN)["train_net.py"]
    assert "MEAN = (0.5,) * IN_CHANNELS\n" in text
    assert "pixels    less 0.5, by 0.5: mean and std of the model have 3 channels" in text


def test_what_is_not_defined_is_not_emitted(tmp_path: Path) -> None:
    recipe = replace(PLAIN, hue=Fraction(1, 10), autoaugment=True, mixup=Fraction(1))
    assert undefined(recipe, 13) == ["autoaugment", "hue"]
    assert undefined(recipe, 1) == ["hue"]
    assert undefined(recipe, 3) == []
    text = "use std.ops { conv, global_pool, linear }\nblock h(x; classes: 4) = x -> global_pool -> linear(classes)\n"
    text += "model m { input: 4 x 8 x 8  stages: conv(8, kernel: 3)  head: h }\n"
    (tmp_path / "m.arch").write_text(text)
    project = Project(str(tmp_path / "m.arch"))
    result = Compiler(project).compile(project.source(), "m")
    assert isinstance(result, Compiled)
    with pytest.raises(NoEmission, match="the recipe's `autoaugment` is not defined for images of 4 channels"):
        emit_targets(result.network, about_of(result, "m", "", ()), ("train",), recipe)
