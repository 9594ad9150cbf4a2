"""`archdsl train --sweep`: settings are drawn, each is trained in a run folder, and the results are a table."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import forked
import pytest
import small_images
from cli_cases import Run
from pydantic import TypeAdapter

from archdsl.views.sweep import SweepReport, trained_text

SWEEP = ("train", "anynet_small", "--recipe", "digits", "--sweep", "lr ~ log_uniform(0.01 .. 1)", "--count", "2")


def test_what_would_be_trained(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "rates"
    result = run(*SWEEP, "-o", str(folder), "--dry-run", "--format", "json")
    assert (result.code, result.err) == (0, "")
    report = TypeAdapter(SweepReport).validate_json(result.out, strict=True)
    assert [(each.name, each.law, each.values) for each in report.settings] == [("lr", "log_uniform(0.01 .. 1)", 9901)]
    assert report.draws == [{"lr": 0.1067}, {"lr": 0.0928}]
    assert not folder.exists()


def test_a_sweep(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two draws, trained: each by its rate, with its error; the same command again has nothing left to train."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "rates"
    small_images.write(tmp_path / "images", 64, 16)
    command = [
        *SWEEP,
        "--data",
        "images",
        "-o",
        str(folder),
        "--jobs",
        "1",
        "--",
        "--epochs",
        "1",
        "--image-size",
        "16",
    ]
    process = forked.Forked(forked.archdsl(command), tmp_path)
    out, err = process.communicate()
    assert process.returncode == 0, err
    rows = [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]
    assert [(row["index"], row["seed"], row["lr"], row["status"]) for row in rows] == [
        (0, 0, 0.1067, "done"),
        (1, 0, 0.0928, "done"),
    ]
    for row in rows:
        settings = json.loads((folder / "trials" / f"{row['trial']:04}" / "run.json").read_text())["settings"]
        assert (settings["lr"], settings["epochs"]) == (row["lr"], 1)
        assert 0 <= row["error"] <= 1
    assert f"archdsl population best {folder} --column lr\n" in out
    times = {path: os.stat(path).st_mtime_ns for path in (folder / "trials").rglob("*") if path.is_file()}
    again = run(*command)
    assert (again.code, again.err, again.out) == (0, "", out)
    assert times == {path: os.stat(path).st_mtime_ns for path in (folder / "trials").rglob("*") if path.is_file()}
    refused = run(*[word.replace("0.01", "0.02") for word in command])
    assert refused.code == 1
    assert "source.sweep.lr was log_uniform(0.01 .. 1), is log_uniform(0.02 .. 1)" in " ".join(refused.err.split())


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--sweep", "lr ~ int(1 .. 2)"], 2, "--sweep needs -o"),
        (["--count", "3"], 2, "--count goes with --sweep"),
        (["--sweep", "lr ~ int(1 .. 2)", "-o", "x", "--processes", "2"], 2, "one process each"),
        (["--sweep", "lr ~ int(1 .. 2)", "-o", "x", "--", "--lr", "0.1"], 2, "--lr is drawn by --sweep, and given"),
        (["--sweep", "lr ~ int(1 .. 2)", "-o", "x", "--", "--lrr", "0.1"], 2, "did you mean --lr?"),
        (["--sweep", "lrr ~ int(1 .. 2)", "-o", "x"], 1, "did you mean `lr`?"),
        (["--sweep", "lr ~ log_uniform(0 .. 1)", "-o", "x"], 1, "the logarithm needs numbers above 0"),
        (["--sweep", "lr ~ uniform(0 .. 2, quantum: 1e-7)", "-o", "/dev/null/x"], 1, "not a directory"),
        (["--sweep", "lr ~ log_uniform(0.01 .. 1)", "-o", "x", "--count", "0"], 2, "0 is not in the range"),
    ],
)
def test_refused(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], code: int, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("train", "anynet_small", *words)
    assert (result.code, result.out) == (code, "")
    assert message in " ".join(result.err.split())
    assert not list(tmp_path.iterdir())


def test_names_that_results_have_too() -> None:
    """A setting that is called as a figure of the results stands there as `given.NAME`."""
    rows: list[dict[str, Any]] = [
        {"trial": 0, "given.epochs": 4, "epochs": 2, "error": None},
        {"trial": 1, "given.epochs": 3, "epochs": 3, "error": 0.25},
    ]
    text = trained_text(["epochs"], rows, "folder")
    assert "1       3  0.2500" in text
    assert "--column given.epochs\n" in text
    assert trained_text(["epochs"], rows[:1], "folder") == ""
