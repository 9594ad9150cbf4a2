"""Recipes that say what a run reached: the runs again, as far as they are short, and the page that tells of them."""

from __future__ import annotations

import gzip
import importlib
import json
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import forked
import pytest
from families.compiling import COMPILER, text_source
from sampling import TIMES
from scripts import metrics, run

import archdsl
from archdsl.compiler import Changes
from archdsl.training.recipe import Recipe

ROOT = Path(__file__).parents[2]
RECIPES = ("digits", "fashion_mnist")
SEEDS = (0, 1, 2) if TIMES > 1 else (0,)
"""All that the recipe names in `make thorough`: each trains for twenty seconds."""
FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")
"""Where Debian's package puts it."""
FIRST_EPOCH = 0.8
"""What the documented run had passed after its first epoch, with 0.849."""
TENTH = 0.3
"""What the first epoch on a tenth of the images passes, with 0.47 (seed 0) and 0.53 (seed 3). A guess has 0.1."""


def recipe_of(name: str) -> Recipe:
    text = f"use std.ops {{ relu }}\nuse std.recipes {{ {name} }}\nmodel m {{ input: 3 x 8 x 8  stages: relu }}\n"
    found = COMPILER.compile(text_source(text), "m", Changes(recipe=name)).recipe
    assert found is not None
    return found


def said(name: str) -> dict[str, str]:
    return dict(recipe_of(name).verified)


def shares(text: str) -> list[float]:
    """The percentages in a text."""
    return [float(number) / 100 for number in re.findall(r"([\d.]+) %", text)]


@pytest.mark.parametrize("name", RECIPES)
def test_the_page_tells_of_the_run(name: str) -> None:
    page = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    facts = said(name)
    assert facts["command"] in page
    assert facts["date"] in page
    assert all(f"{100 * share:g} %" in page for share in shares(facts["accuracy"]))


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The entry point of the command, as a module."""
    folder = tmp_path_factory.mktemp("verified")
    _, _, network, _, name, *_ = shlex.split(said("digits")["command"])
    net = archdsl.compile(network, recipe=name)
    for file, text in (net.emit("torch") | net.emit("train")).items():
        (folder / file).write_text(text, encoding="utf-8")
    sys.path.insert(0, str(folder))
    try:
        yield importlib.import_module(f"train_{network}")
    finally:
        sys.path.remove(str(folder))
        for loaded in (network, f"train_{network}"):
            sys.modules.pop(loaded, None)


@pytest.mark.parametrize("seed", SEEDS)
def test_digits_reach_what_is_said(digits: ModuleType, tmp_path: Path, seed: int) -> None:
    mean, margin = shares(said("digits")["accuracy"])
    status, out, err = run(digits, "--seed", seed, "--device", "cpu", "--out", tmp_path / "out")
    assert (status, err) == (0, "")
    assert "359 to validate on" in out
    lines = metrics(tmp_path / "out")
    assert len(lines) == recipe_of("digits").epochs
    assert lines[-1]["val_accuracy"] == pytest.approx(mean, abs=margin)


def beginning(name: str, images: int, place: Path) -> None:
    """The first images or labels of a file, as a file of that form (http://yann.lecun.com/exdb/mnist)."""
    whole = gzip.decompress((FASHION_MNIST / name).read_bytes())
    extents = whole[3]
    head, each = whole[: 4 + 4 * extents], (len(whole) - 4 - 4 * extents) // int.from_bytes(whole[4:8], "big")
    text = head[:4] + images.to_bytes(4, "big") + head[8:] + whole[len(head) : len(head) + images * each]
    (place / name).write_bytes(gzip.compress(text, 1))


@pytest.mark.skipif(
    not FASHION_MNIST.is_dir(), reason=f"no {FASHION_MNIST}: install Debian's package dataset-fashion-mnist"
)
@pytest.mark.parametrize("share", [1, 10] if TIMES > 1 else [10])
def test_fashion_mnist_begins_as_documented(tmp_path: Path, share: int) -> None:
    """The documented command for one epoch, which is the first of the whole run: the warm-up is one epoch long.

    It is the same on the first tenth of the images, which is all that is daily tried: the whole takes minutes.
    """
    words = shlex.split(said("fashion_mnist")["command"])
    assert words[words.index("--data") + 1] == str(FASHION_MNIST)
    if share > 1:
        for name, images in {"train": 60000, "t10k": 10000}.items():
            beginning(f"{name}-images-idx3-ubyte.gz", images // share, tmp_path)
            beginning(f"{name}-labels-idx1-ubyte.gz", images // share, tmp_path)
        words[words.index("--data") + 1] = str(tmp_path)
    command = forked.archdsl([*words[1:], "--device", "cpu", "--", "--epochs", "1"])
    process = forked.Forked(command, tmp_path)
    out, err = process.communicate()
    assert (process.returncode, err) == (0, "")
    assert f"{60000 // share} to train on, {10000 // share} to validate on" in out
    (line,) = (tmp_path / "runs" / "anynet_small-fashion_mnist" / "metrics.jsonl").read_text().splitlines()
    assert json.loads(line)["val_accuracy"] > (FIRST_EPOCH if share == 1 else TENTH)
