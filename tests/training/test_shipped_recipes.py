"""Every shipped recipe is emitted for a network of its own, and trains some steps of digits as it is emitted."""

from __future__ import annotations

from pathlib import Path

import pytest
from scripts import imported, metrics, run, torch
from test_recipes import shipped, standard

pytest.importorskip("sklearn", reason="the digits come with scikit-learn")


@pytest.mark.parametrize("name", shipped())
def test_some_steps(name: str, tmp_path: Path) -> None:
    """Its stages too; only what sizes a run is asked to be less."""
    recipe = standard(name)
    epochs = max(2, recipe.stages)
    with imported(tmp_path, recipe, f"net_{name}") as train:
        less = ["--norm-images", "128"] if hasattr(train.Settings(), "norm_images") else []
        sizes = ["--epochs", epochs, "--batch-size", 512, "--image-size", 16, "--test-size", 16, "--workers", 0]
        status, printed, err = run(train, *sizes, *less, "--out", tmp_path / "out")
    assert (status, err) == (0, "")
    found = metrics(tmp_path / "out")
    assert len(found) == epochs
    assert all(torch.tensor([entry["train_loss"], entry["val_loss"]]).isfinite().all() for entry in found)
    assert "best" in printed
