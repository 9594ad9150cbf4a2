"""`archdsl study`: what it is given, what it says, and what it refuses."""

from __future__ import annotations

import json
import os
import shlex
import signal
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter
from study_cases import NETS, Acted, ends

from archdsl.cli import main
from archdsl.views.study import StudyFile, StudyReport, TrialResult

pytest.importorskip("fcntl", reason="no locks of files here")
NEEDED = ("torch", "sklearn", "PIL", "safetensors", "tqdm")
pytestmark = pytest.mark.skipif(not all(map(find_spec, NEEDED)), reason="training needs archdsl[train]")

Run = Callable[..., tuple[int, str, str]]
GOOD = ends(0, 0.5, 0.75)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `archdsl study` in a folder with `nets.arch`, where trainings act as given; code, output, errors."""
    (tmp_path / "nets.arch").write_text(NETS)
    monkeypatch.chdir(tmp_path)

    def running(*words: object, acts: Any = ()) -> tuple[int, str, str]:
        monkeypatch.setattr("archdsl.studies.local.trainings_of", lambda *_: Acted(*acts))
        code = main(["study", *map(str, words)])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return running


def test_a_space(run: Run) -> None:
    """Members are those of `space sample`, and what is drawn of their recipe reaches their trainings."""
    asked = ("run", "nets.arch:tiny", "--count", 3, "--seed", 5, "--device", "cpu", "-o", "s")
    code, out, err = run(*asked, "--format", "json", acts=[GOOD, GOOD, ends(1, says="x"), ends(1, says="y")])
    assert (code, err) == (1, "")
    report = TypeAdapter(StudyReport).validate_json(out, strict=True)
    assert (report.states, report.finished) == ({"done": 2, "failed": 1}, True)
    assert [(each.state, each.reason, each.attempts) for each in report.exceptions] == [("failed", "y", 2)]
    assert main(["space", "sample", "nets.arch:tiny", "--count", "3", "--seed", "5", "-o", "pop.jsonl"]) == 0
    sampled = [json.loads(line) for line in Path("pop.jsonl").read_text().splitlines()]
    rows = [json.loads(line) for line in Path("s/population.jsonl").read_text().splitlines()]
    assert [{**row, "space": ""} for row in rows] == [{**row, "space": ""} for row in sampled]
    results = [json.loads(line) for line in Path("s/results.jsonl").read_text().splitlines()]
    for row, result in zip(rows, results, strict=True):
        assert row.items() <= result.items()
        settings = json.loads(Path(f"s/trials/{result['trial']:04}/run.json").read_text())["settings"]
        assert settings["lr"] == row["rate"]
    TypeAdapter(StudyFile).validate_json(Path("s/study.json").read_text(), strict=True)
    TypeAdapter(TrialResult).validate_json(Path("s/trials/0000.json").read_text(), strict=True)
    assert run(*asked)[0] == 1  # nothing is left to do
    code, out, _ = run("status", "s")
    assert code == 0
    assert "3 members, 3 trials: 2 done, 1 failed" in out
    assert main(["show", "s/population.jsonl:1"]) == 0


def test_a_larger_count_extends_a_study(run: Run) -> None:
    """Draws have numbers, so the first members stay, with what came of them; nothing is taken away."""

    def rows(path: str) -> list[Any]:
        return [json.loads(line) for line in Path(path).read_text().splitlines()]

    asked = ("run", "nets.arch:tiny", "--seed", 5, "--unique", "--device", "cpu", "-o", "s")
    assert run(*asked, "--count", 2, acts=[GOOD] * 2)[0] == 0
    first, results = rows("s/population.jsonl"), rows("s/results.jsonl")
    code, out, err = run(*asked, "--count", 5, acts=[GOOD] * 3)
    assert code == 0, err
    assert "5 members, 5 trials: 5 done" in out
    assert rows("s/results.jsonl")[:2] == results
    assert main(["study", "run", *map(str, asked[1:-1]), "at once", "--count", "5", "--prepare"]) == 0
    assert rows("s/population.jsonl") == rows("at once/population.jsonl")
    assert rows("s/population.jsonl")[:2] == first
    code, out, _ = run(*asked)  # without a number it goes on with those that there are
    assert (code, "5 members" in out) == (0, True)
    code, _, err = run(*asked, "--count", 4)
    assert code == 1
    assert "s has 5 members, and 4 are asked for: none is taken away" in err
    assert "seed was 5, is 6" in run(*asked, "--seed", 6, "--count", 9)[2]
    lines = Path("s/population.jsonl").read_text().splitlines()
    Path("s/population.jsonl").write_text("\n".join([lines[1], lines[0], *lines[2:], ""]))
    assert "has other members than those that are drawn now" in run(*asked, "--count", 6)[2]
    assert len(rows("s/population.jsonl")) == 5


def test_tables_rows_and_networks(run: Run) -> None:
    assert main(["space", "sample", "nets.arch:tiny", "--count", "3", "-o", "pop.csv"]) == 0
    Path("below").mkdir()
    what = ("pop.csv", "pop.csv:1", "nets.arch:net", "regnetx_200mf")
    code, _, err = run("run", *what, "-o", "below/s", "--recipe", "fast")
    assert code == 1
    assert "regnetx_200mf: E201: there is no recipe `fast`" in err
    code, out, err = run("run", *what, "-o", "below/s", "--jobs", 1, "--", "--epochs", 2, acts=[GOOD] * 6)
    assert code == 0, err
    assert "6 members, 6 trials: 6 done" in out
    rows = [json.loads(line) for line in Path("below/s/population.jsonl").read_text().splitlines()]
    names = [row["space"] or row["spec"] for row in rows]
    assert names[:5] == [*["../../nets.arch:tiny"] * 4, "../../nets.arch:net"]
    assert names[5].endswith(".arch:regnetx_200mf")


def test_what_is_best_is_trained_again_as_it_was(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """The command that `study best` prints, of a study of files and of a sweep: with the same changes and settings."""
    changed = ("--recipe", "fast", "--set", "head.classes=12", "--input", "1x24x24")
    what = ("nets.arch:net", "nets.arch:other", "--device", "cpu", "--jobs", 1, "-o", "s")
    code, out, err = run("run", *what, *changed, "--", "--epochs", 2, acts=[GOOD, ends(0, 0.5, 0.875)])
    assert code == 0, out + err
    again = json.loads(run("best", "s", "--format", "json")[1])["again"]
    assert shlex.join(again) in run("best", "s")[1]
    assert again[:4] == ["archdsl", "study", "run", "s/population.jsonl:1"]
    code, _, err = run(*[word.replace("DIR", "again") for word in again[2:]], acts=[GOOD] * 5)
    assert code == 0, err
    first, second = [
        json.loads(Path(f"{name}/population.jsonl").read_text().splitlines()[-1]) for name in ("s", "again")
    ]
    assert first == second
    heads = [json.loads(Path(f"{name}/study.json").read_text()) for name in ("s", "again")]
    assert [heads[0][n] == heads[1][n] for n in ("recipe", "changes", "words", "options")] == [True] * 4
    assert main(["cost", "s/population.jsonl:1"]) == 1
    assert "change it by the same --set, --scale and --input" in capsys.readouterr().err
    assert main(["cost", "s/population.jsonl:1", *changed[2:], "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["hash"] == first["hash"]

    run("status", "s", acts=[GOOD, GOOD])
    sweep = ["train", "nets.arch:net", "--recipe", "fast", "--sweep", "lr ~ one_of(0.1, 0.3)", "--count", "2"]
    assert main([*sweep, "--device", "cpu", "--jobs", "1", "-o", "w"]) == 0
    capsys.readouterr()
    again = json.loads(run("best", "w", "--format", "json")[1])["again"]
    assert run(*[word.replace("DIR", "rates") for word in again[2:]], acts=[GOOD] * 5)[0] == 0
    drawn = json.loads(Path("w/population.jsonl").read_text().splitlines()[0])["lr"]
    settings = [json.loads(path.read_text())["settings"]["lr"] for path in Path("rates/trials").glob("*/run.json")]
    assert settings == [drawn] * 5
    assert main(["train", "w/population.jsonl:0", "--recipe", "fast", "--dry-run", "--format", "json"]) == 0
    assert f"--lr={drawn}" in json.loads(capsys.readouterr().out)["command"]
    code, _, err = run("run", "w/population.jsonl:0", "nets.arch:net", "-o", "mixed")
    assert code == 1
    assert "w/population.jsonl:0 has drawn lr, nets.arch:net has drawn none; make a study of each" in err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("run", "nets.arch:nothing", "-o", "s"), 1, "E201"),
        (("run", "none.arch", "-o", "s"), 1, "there is no such file"),
        (("run", "nets.arch:tiny", "pop.csv", "-o", "s"), 2, "a study is of one space, or of tables and networks"),
        (("run", "none.csv", "-o", "s"), 1, "none.csv: there is no such file"),
        (("run", "nets.arch:net", "-o", "nets.arch"), 1, "nets.arch"),
        (("run", "nets.arch:net", "-o", "."), 1, ". is not empty, and no study"),
        (("run", "nets.arch:net", "-o", "s", "--", "--epoch", "3"), 2, "did you mean --epochs?"),
        (("run", "nets.arch:net", "-o", "s", "--", "--lr", "-1"), 2, "not in 0 to"),
        (("run", "nets.arch:net", "-o", "s", "--set", "widht=3"), 1, "E202"),
        (
            ("run", "nets.arch:tiny", "-o", "s", "--count", "2", "--recipe", "slow"),
            1,
            "E201: there is no recipe `slow`",
        ),
        (("run", "nets.arch:tiny", "-o", "s", "--band", "params=1..2", "--max-draws", "50"), 1, "nothing is written"),
        (("work", "s"), 1, "s: there is no such folder"),
        (("status", "."), 1, ". is no study: it has no study.json"),
    ],
)
def test_what_is_refused(run: Run, words: tuple[object, ...], code: int, said: str) -> None:
    found, out, err = run(*words)
    assert found == code, out + err
    assert said in out + err
    assert not Path("s").exists()


def test_an_interrupt_says_how_to_go_on(run: Run) -> None:
    """A signal while a training runs: nothing more is started, and the same command goes on."""

    def interrupt(folder: Path) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        return ends(1, 0.5, says="train_net.py: stopped")(folder)

    asked = ("run", "nets.arch:net", "nets.arch:other", "--recipe", "fast", "--jobs", 1, "-o", "s")
    code, _, err = run(*asked, acts=[interrupt])
    assert code == 130
    assert "the same command, or archdsl study work s, goes on" in err
    assert run("work", "s", acts=[GOOD] * 3)[0] == 0
