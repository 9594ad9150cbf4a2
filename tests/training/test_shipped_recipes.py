"""Every shipped recipe is emitted for a network of its own, and trains some steps of small images as it is emitted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from scripts import imported, metrics, run, torch
from test_recipes import shipped, standard

Image: Any = pytest.importorskip("PIL.Image")


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of two classes, 36 to train on and 4 to validate on each."""
    folder = tmp_path_factory.mktemp("images")
    for label in range(2):
        for part, count in (("train", 36), ("val", 4)):
            (folder / part / str(label)).mkdir(parents=True)
            for index in range(count):
                picture = Image.new("RGB", (20, 18), (200 * label, 5 * index, 40))
                picture.save(folder / part / str(label) / f"{index}.png")
    return folder


@pytest.mark.parametrize("name", shipped())
def test_some_steps(name: str, images: Path, tmp_path: Path) -> None:
    """Its stages too; only what sizes a run is asked to be less."""
    recipe = standard(name)
    epochs = max(2, recipe.stages)
    with imported(tmp_path, recipe, f"net_{name}") as train:
        less = ["--norm-images", "32"] if hasattr(train.Settings(), "norm_images") else []
        sizes = ["--epochs", epochs, "--batch-size", 24, "--image-size", 16, "--test-size", 16, "--workers", 0]
        status, printed, err = run(train, "--data", images, *sizes, *less, "--out", tmp_path / "out")
    assert (status, err) == (0, "")
    found = metrics(tmp_path / "out")
    assert len(found) == epochs
    assert all(torch.tensor([entry["train_loss"], entry["val_loss"]]).isfinite().all() for entry in found)
    assert "best" in printed
