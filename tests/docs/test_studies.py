"""The study in docs/studies: a form of it with five members runs by its one command, and what stands in the repository
is what the commands make of its results."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from archdsl import cli

STUDY = Path(__file__).resolve().parents[2] / "docs" / "studies" / "anynet"
MEMBERS = 5


def write_digits(folder: Path, train: int, val: int) -> None:
    """scikit-learn's digits as Fashion-MNIST's four files: 28 x 28 pixels, three for one, with a margin."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    pixels = (digits.images.repeat(3, axis=1).repeat(3, axis=2) * 15).astype(np.uint8)
    images = np.pad(pixels, ((0, 0), (2, 2), (2, 2)))
    folder.mkdir()
    for name, part in (("train", slice(train)), ("t10k", slice(train, train + val))):
        for kind, data in (("images-idx3", images[part]), ("labels-idx1", digits.target[part].astype(np.uint8))):
            head = bytes([0, 0, 8, data.ndim]) + b"".join([size.to_bytes(4, "big") for size in data.shape])
            (folder / f"{name}-{kind}-ubyte.gz").write_bytes(gzip.compress(head + data.tobytes()))


def test_a_form_with_five_members(tmp_path: Path) -> None:
    write_digits(tmp_path / "images", 400, 200)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    words = ["bash", str(STUDY / "run.sh"), "images", "out", str(MEMBERS), "1", "400", "200", "--epochs", "1"]
    ran = subprocess.run(words, cwd=tmp_path, env={**os.environ, "PATH": path}, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    for space in "ae":
        rows = [json.loads(line) for line in (tmp_path / "out" / space / "results.jsonl").read_text().splitlines()]
        assert [row["status"] for row in rows] == ["done"] * MEMBERS
        assert all(400_000 <= row["flops"] <= 440_000 for row in rows)
        assert all(0 <= row["error"] <= 1 for row in rows)
        assert (tmp_path / "out" / space / "attempts.jsonl").read_text().count('"done"') == MEMBERS
    made = {path.name for path in (tmp_path / "out").iterdir() if path.is_file()}
    assert made >= {"edf.txt", "compare.txt", "efit.txt", "best.txt", "edf.svg", "efit.svg"}


@pytest.mark.parametrize("words", ["edf a e", "compare a e"])
def test_what_stands_is_what_the_results_give(
    words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(STUDY)
    assert cli.main(["population", *words.split()]) == 0
    assert capsys.readouterr().out == (STUDY / f"{words.split()[0]}.txt").read_text()
