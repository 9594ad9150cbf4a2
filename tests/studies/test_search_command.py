"""`archdsl study search` and `archdsl study best`, as they are typed; one search trains on scikit-learn's digits."""

# ruff: noqa: ARG001 - tests that need nothing of the folder but that it is the current one

from __future__ import annotations

import json
import os
import signal
import sys
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import forked
import pytest
from pydantic import TypeAdapter
from search_cases import TEXT

from archdsl.cli import main
from archdsl.spaces.tables import read
from archdsl.studies.study import Study
from archdsl.views.best import BestOfReport
from archdsl.views.search import SearchReport

SMALL = """
space digits {
  widths ~ each(2, log_uniform(4 .. 16, quantum: 4))
  rate ~ one_of(0.02, 0.2)
  require widths[1] >= widths[0]
  model: staged([plain, plain], [1, 1], widths, 3)
  recipe: short(rate)
}
"""
TRAINED = ("study", "search", "spaces.arch:digits", "--trials", "3", "--threads", "1", "--jobs", "1", "--startup", "2")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("search")
    (found / "archdsl.toml").write_text("")
    (found / "spaces.arch").write_text(TEXT + SMALL)
    return found


@pytest.fixture
def here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(folder)
    return folder


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main(list(arguments))
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    return code, said.out, said.err


def searched(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    code, out, err = run(capsys, *arguments, "--format", "json")
    assert code == 0, err
    found: dict[str, Any] = json.loads(out)
    TypeAdapter(SearchReport).validate_json(out, strict=True)
    return found


def test_a_search_that_trains(here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Its driver is killed in the second training; what it finds is what the other one does, which was left alone."""
    for library in ("torch", "sklearn", "tqdm"):
        pytest.importorskip(library, reason=f"training needs {library}")
    forked.here(monkeypatch)
    whole = searched(capsys, *TRAINED, "-o", "whole")
    assert [each["state"] for each in whole["members"]] == ["done"] * 3
    rows = Study.open(Path("whole")).rows
    for each in whole["members"]:
        last = json.loads(Path(f"whole/trials/{each['member']:04}/metrics.jsonl").read_text().splitlines()[-1])
        assert each["values"] == {"error": 1 - last["val_accuracy"]}
        recipe = json.loads(Path(f"whole/trials/{each['member']:04}/run.json").read_text())["recipe"]
        assert float(Fraction(recipe["schedule"]["peak"])) == rows[each["member"]]["rate"]  # a fraction: what was drawn
    assert whole["front"] == [min(whole["members"], key=lambda each: each["values"]["error"])["member"]]
    code, *_ = run(capsys, "space", "sample", "spaces.arch:digits", "--count", "2", "-o", "sample.jsonl")
    assert code == 0
    sampled = read(Path("sample.jsonl"))
    assert [sampled.row(n)["index"] for n in (0, 1)] == [each["index"] for each in whole["members"][:2]]

    process = forked.Forked(forked.archdsl([*TRAINED, "-o", "killed"]), here, kept=(), session=True)
    while not Path("killed/trials/0001.jsonl").exists() and process.poll() is None:
        time.sleep(0.05)
    assert process.poll() is None
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    again = searched(capsys, *TRAINED, "-o", "killed")
    assert again["members"] == whole["members"]
    results = [Study.open(Path(name)).results() for name in ("whole", "killed")]
    clocks = ("seconds", "cpu_seconds", "epoch_seconds", "peak_memory", "attempts", "space")
    plain = [[{n: v for n, v in row.items() if n not in clocks} for row in rows] for rows in results]
    assert plain[0] == plain[1]

    code, out, _ = run(capsys, "study", "best", "whole", "--of", "2", "--format", "json")
    assert code == 0
    best = json.loads(out)
    TypeAdapter(BestOfReport).validate_json(out, strict=True)
    errors = {each["member"]: each["values"]["error"] for each in whole["members"][:2]}
    assert [(each["member"], each["mean"]) for each in best["best"]] == sorted(errors.items(), key=lambda each: each[1])
    code, out, _ = run(capsys, "cost", best["best"][0]["network"], "--format", "json")
    assert json.loads(out)["hash"] == best["best"][0]["hash"]
    code, out, _ = run(capsys, "study", "best", "whole")
    assert f"archdsl study run whole/population.jsonl:{whole['front'][0]} --seeds 5" in out


def test_best_of_what_has_ended(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    searched(capsys, "study", "search", "spaces.arch:few", "--objective", "flops", "--trials", "2", "-o", "costs")
    code, _, err = run(capsys, "study", "best", "costs")
    assert code == 1
    assert "2 of the first 2 members have not ended: 0, 1; `archdsl study work costs` goes on" in err
    code, _, err = run(capsys, "study", "best", "costs", "--of", "25")
    assert (code, "costs has 2 members, and the best of 25 is wanted" in err) == (1, True)


def test_text_and_front(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("study", "search", "spaces.arch:staged_space", "--trials", "12", "--startup", "4", "-o", "front")
    code, out, err = run(capsys, *words, "--objective", "params", "--objective", "acts")
    assert (code, err) == (0, "")
    assert "12 members of staged_space by nsga2, seed 0: 12 done" in out
    assert "the front of params, acts" in out
    report = searched(capsys, *words, "--objective", "params", "--objective", "acts")
    points = [tuple(each["values"].values()) for each in report["members"]]
    better = [[q for q in points if q != p and q[0] <= p[0] and q[1] <= p[1]] for p in points]
    assert report["front"] == [n for n, found in enumerate(better) if not found]
    code, out, _ = run(
        capsys, "study", "search", "spaces.arch:few", "--objective", "flops", "--trials", "9", "-o", "few"
    )
    assert code == 0
    assert "no further member was found: 9 were asked for" in out


WRONG: tuple[tuple[tuple[str, ...], int, str], ...] = (
    (("--objective", "flop"), 2, "'flop' is no objective; did you mean flops?"),
    (("--objective", "error", "--objective", "error"), 2, "error is there twice"),
    (("--objective", "reward"), 2, "`digits` has no `reward:`"),
    (("--step-time", "0"), 2, "takes more than no time"),
    (("--pruner", "median", "--objective", "loss"), 2, "the error is then the only objective"),
    (
        ("--band", "flops=1..2", "--max-draws", "100"),
        1,
        "`digits` has no member within flops=1..2: 100 draws have none",
    ),
    (("--storage", "nowhere"), 1, "'nowhere' is no URL of a database"),
    (("--storage", "mysql+none://x/y"), 1, "the driver of this database is not installed (mysql+none)"),
    (("--recipe", "none"), 1, "there is no recipe `none`"),
    (("--", "--epoch", "3"), 2, "unrecognized arguments: --epoch"),
)


@pytest.mark.parametrize(("words", "code", "said"), WRONG, ids=[said for *_, said in WRONG])
def test_what_is_refused(
    words: tuple[str, ...], code: int, said: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = run(capsys, "study", "search", "spaces.arch:digits", "-o", "wrong", *words)
    assert (found[0], said in found[2]) == (code, True), found[2]


def test_without_optuna(here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    code, _, err = run(capsys, "study", "search", "spaces.arch:digits", "-o", "wrong")
    assert (code, err) == (
        1,
        "Error: a search needs optuna, which is not installed: pip install 'archdsl[search]'\n",
    )
