"""`archdsl population` and its pictures: from tables of every form and folders of studies, with what is not counted."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_cases import Run
from pydantic import TypeAdapter

from archdsl import population
from archdsl.spaces.tables import writing
from archdsl.views.plot import PlotReport
from archdsl.views.schemas import SCHEMAS

SPACE = """\
arch 1
use std.ops { conv }
model small(depths, widths) {
  input: 3 x 8 x 8
  stages: conv { depth: depths  width: widths  kernel: 3 }
}
space tiny {
  depth ~ each(2, int(1 .. 3))
  width ~ each(2, one_of(8, 16, 24, 48))
  model: small(depth, width)
}
"""
KINDS = ("edf", "best", "trend", "efit", "profile", "curve", "front")


@pytest.fixture
def table(run: Run, here: Path) -> Path:
    """40 members of a space, each trained with two seeds but for four trainings that failed."""
    (here / "spaces.arch").write_text(SPACE)
    assert run("space", "sample", "spaces.arch", "--count", 40, "-o", "drawn.jsonl", "--no-hash").code == 0
    draw = np.random.default_rng(0)
    rows = []
    for number, line in enumerate((here / "drawn.jsonl").read_text().splitlines()):
        member = json.loads(line)
        for seed in (0, 1):
            own = {**member, "training_seed": seed, "seconds": 2 + member["flops"] * 1e-5}
            failed = number in (3, 4) or (number == 5 and seed)
            if failed:
                own |= {"error": None, "status": "diverged", "reason": "the loss is nan"}
            else:
                own |= {"error": round(40 + 5 * draw.random() - member["width.1"] / 10, 3), "status": "done"}
            rows.append(own)
    rows[-1].update(error=float("nan"))
    path = here / "study" / "results.jsonl"
    path.parent.mkdir()
    for row in rows:
        row["space"] = f"../{row['space'].removeprefix('./')}"
    path.write_text("".join([json.dumps(row) + "\n" for row in rows]))
    return path


def report(run: Run, kind: str, *arguments: Any) -> dict[str, Any]:
    result = run("population", kind, *arguments, "--format", "json")
    assert result.code == 0, result.err
    TypeAdapter(SCHEMAS[f"population_{kind}"]).validate_json(result.out, strict=True)
    found: dict[str, Any] = json.loads(result.out)
    return found


def members(path: Path) -> dict[int, list[float]]:
    """Results by draw, as the table has them."""
    found: dict[int, list[float]] = {}
    for row in map(json.loads, path.read_text().splitlines()):
        if row["error"] is not None and row["error"] == row["error"]:
            found.setdefault(row["index"], []).append(row["error"])
    return found


def test_what_is_counted_and_what_is_not(run: Run, table: Path) -> None:
    found = report(run, "edf", "study")
    results = members(table)
    means = [sum(each) / len(each) for each in results.values()]
    (head,) = found["populations"]
    assert head["label"] == "study"
    assert head["path"] == "study"
    assert (head["rows"], head["members"], head["results"], head["lost"]) == (80, 38, 74, 2)
    assert head["without"] == [{"reason": "diverged: the loss is nan", "rows": 5}, {"reason": "no error", "rows": 1}]
    pairs = [each for each in results.values() if len(each) == 2]
    noise = np.sqrt(sum((a - b) ** 2 / 2 for a, b in pairs) / len(pairs))
    assert head["noise"] == pytest.approx(noise)
    (summary,) = found["summaries"]
    assert summary["least"] == pytest.approx(min(means))
    assert summary["mean"] == pytest.approx(np.mean(means))
    assert summary["legend"] == f"[{min(means):.1f}|{np.mean(means):.1f}]"
    for row in found["rows"]:
        assert row["share"] == pytest.approx(np.mean([each < row["error"] for each in means]))
        assert 0 <= row["low"] <= row["share"] < row["above"] <= 1
    text = run("population", "edf", "study").out
    assert "study: 5 without a result, diverged: the loss is nan" in text
    assert "study: 2 members are not counted" in text


def test_forms_and_names_of_tables(run: Run, table: Path, here: Path) -> None:
    """The same figures of every form; accuracies are errors of what they add up to."""
    rows = [row for row in map(json.loads, table.read_text().splitlines()) if row["status"] == "done"][:-1]
    kinds = {"index": "int", "training_seed": "int", "flops": "int", "top1": "number", "error": "number"}
    columns = {name: [row.get(name) for row in rows] for name in kinds}
    columns["top1"] = [100 - row["error"] for row in rows]
    for suffix in ("csv", "parquet", "jsonl"):
        with writing(here / f"own.{suffix}", kinds, force=False) as writer:  # type: ignore[arg-type]
            writer.write(columns)
    shown = [report(run, "edf", f"own.{suffix}")["summaries"][0] for suffix in ("csv", "parquet", "jsonl")]
    assert shown[0] == shown[1] == shown[2]
    by_accuracy = report(run, "edf", "own.csv", "--accuracy", "top1=100", "--label", "ours")["summaries"][0]
    assert by_accuracy["population"] == "ours"
    assert by_accuracy["mean"] == pytest.approx(shown[0]["mean"])
    named = report(run, "edf", "own.csv", "own.jsonl", "study")
    assert [each["label"] for each in named["populations"]] == ["own", "own #2", "study"]
    few = report(run, "edf", "own.csv", "--where", "flops <= 0.3M", "--where", "index != 0")["populations"][0]
    assert few["rows"] == sum(row["flops"] <= 300_000 and row["index"] != 0 for row in rows)
    groups = report(run, "edf", "study", "--by", "width.1")["populations"]
    assert {each["label"] for each in groups} == {"8", "16", "24", "48"}
    assert [each["label"] for each in report(run, "edf", "study", "--by", "space")["populations"]] == ["tiny"]


def test_one_network_with_several_rates_is_several_members(run: Run, here: Path) -> None:
    rows = [
        {
            "trial": trial,
            "hash": "a",
            "index": 7,
            "lr": lr,
            "error": 9 + lr + seed,
            "status": "done",
            "training_seed": seed,
        }
        for trial, (lr, seed) in enumerate([(0.1, 0), (0.1, 1), (0.2, 0), (0.2, 1), (0.2, 1)])
    ]
    (here / "sweep.jsonl").write_text("".join([json.dumps(row) + "\n" for row in rows]))
    (head,) = report(run, "best", "sweep.jsonl")["populations"]
    assert (head["members"], head["results"], head["repeated"]) == (2, 5, 1)
    (row,) = report(run, "best", "sweep.jsonl")["rows"]
    assert (row["column"], row["likely"]) == ("lr", 0.1)
    assert report(run, "edf", "sweep.jsonl", "--member", "hash")["populations"][0]["members"] == 1
    assert "no column `lrr`; did you mean 'lr'?" in run("population", "edf", "sweep.jsonl", "--member", "lrr").err


def test_best_and_curve(run: Run, table: Path) -> None:
    results = members(table)
    means = [sum(each) / len(each) for each in results.values()]
    rows = {row["index"]: row for row in map(json.loads, table.read_text().splitlines())}
    found = report(run, "best", "study", "--column", "model.depth", "--column", "width.1", "--level", 90)
    depths = [rows[index]["depth.0"] + rows[index]["depth.1"] for index in results]
    own = population.best(depths, means, level=0.9)
    assert [found["rows"][0][name] for name in ("low", "likely", "high")] == [own.low, own.likely, own.high]
    assert found["rows"][1]["likely"] == 48
    unasked = {row["column"] for row in report(run, "best", "study")["rows"]}
    assert unasked == {"depth.0", "depth.1", "width.0", "width.1", "flops", "params", "acts"}
    for more in ([], ["--without-replacement"]):
        curve = report(run, "curve", "study", "--sizes", "1,8,32", *more)["rows"]
        known = population.curve(means, (1, 8, 32), replacement=not more)
        assert [row["expected"] for row in curve] == pytest.approx(list(known.expected))


def test_trend_efit_and_profile(run: Run, table: Path, here: Path) -> None:
    results = members(table)
    means = [sum(each) / len(each) for each in results.values()]
    rows = {row["index"]: row for row in map(json.loads, table.read_text().splitlines())}
    lines = report(run, "trend", "study", "--fit", "acts=0.5", "--fit", "seconds=1,0.5")["rows"]
    flops = np.array([rows[index]["flops"] for index in results]) / 1e9
    known = population.fit(flops, [rows[index]["acts"] for index in results], (0.5,))
    assert lines[0]["coefficient"] == pytest.approx(known.terms[0].coefficient)
    assert [line["power"] for line in lines] == [0.5, 1, 0.5]
    widths = [[rows[i]["width.0"]] * rows[i]["depth.0"] + [rows[i]["width.1"]] * rows[i]["depth.1"] for i in results]
    fits = report(run, "efit", "study")
    assert [row["efit"] for row in fits["rows"]] == pytest.approx(population.efit(widths).error.tolist())
    assert fits["summaries"][0]["best_likely"] is not None
    # Without results all rows are members; widths may stand in columns of a table of any other origin.
    drawn = report(run, "efit", "drawn.jsonl")
    assert drawn["error"] is None
    assert drawn["populations"][0]["members"] == 40
    (here / "own.csv").write_text("width.0,width.1,depth.0,depth.1,error\n8,48,1,3,9\n16,8,2,1,8\n")
    own = report(run, "efit", "own.csv", "--widths", "width", "--depths", "depth")["rows"]
    expected = population.efit([[8, 48, 48, 48], [16, 16, 8]]).error.tolist()
    assert [row["efit"] for row in own] == pytest.approx(expected)
    profile = report(run, "profile", "study", "--part", "0..50", "--part", "50..100")["rows"]
    best = sorted(range(len(means)), key=lambda i: means[i])[: len(means) // 2]
    assert profile[0]["width"] == pytest.approx(np.mean([widths[i][0] for i in best]))


def test_comparison_says_what_it_could_have_shown(run: Run, here: Path) -> None:
    draw = np.random.default_rng(1)
    for name, shift in (("a", 0.0), ("b", 0.3), ("c", 9.0)):
        lines = [f'{{"error": {shift + value}}}\n' for value in draw.normal(45, 3, 30)]
        (here / f"{name}.jsonl").write_text("".join(lines))
    (row,) = report(run, "compare", "a.jsonl", "b.jsonl")["rows"]
    assert not row["told_apart"]
    assert row["low"] < 0 < row["high"]
    assert row["needed"] > 30
    assert row["detectable"] > abs(row["difference"])
    text = run("population", "compare", "a.jsonl", "b.jsonl").out
    assert "these members do not tell them apart" in text
    assert "30 and 30 members find a difference of" in text
    pairs = report(run, "compare", "a.jsonl", "b.jsonl", "c.jsonl", "--permutations", 99)["rows"]
    assert [(row["first"], row["second"], row["told_apart"]) for row in pairs] == [
        ("a", "b", False), ("a", "c", True), ("b", "c", True)
    ]  # fmt: skip


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize("kind", KINDS)
def test_pictures(run: Run, kind: str) -> None:
    """Every number is in the rows, and a page says what a line or a member is."""
    result = run("plot", kind, "study", "-o", f"{kind}.svg", "-o", f"{kind}.html", "--format", "json")
    assert result.code == 0, result.err
    TypeAdapter(PlotReport).validate_json(result.out, strict=True)
    rows = json.loads(result.out)["rows"]
    assert rows
    assert {row["population"] for row in rows} == {"study"}
    said = re.findall(r"<title>(.*?)</title>", Path(f"{kind}.html").read_text())
    if kind in ("best", "trend", "efit", "front"):
        assert sum(": " in text and text.startswith("study, row ") for text in said) == len(rows)
    else:
        assert any("study" in text or "%" in text for text in said)
    again = run("plot", kind, "study", "-o", "again.svg")
    assert again.code == 0
    assert Path("again.svg").read_bytes() == Path(f"{kind}.svg").read_bytes()


def test_a_picture_of_comparisons(run: Run, here: Path) -> None:
    """The differences are those of `population compare`; what is found with which power is in the rows."""
    draw = np.random.default_rng(1)
    for name, shift in (("a", 0.0), ("b", 0.3), ("c", 9.0)):
        lines = [f'{{"error": {shift + value}}}\n' for value in draw.normal(45, 3, 30)]
        (here / f"{name}.jsonl").write_text("".join(lines))
    asked = ("a.jsonl", "b.jsonl", "c.jsonl", "--power", 90, "--level", 90, "--permutations", 99)
    result = run("plot", "compare", *asked, "-o", "c.svg", "-o", "c.html", "--format", "json")
    assert result.code == 0, result.err
    TypeAdapter(PlotReport).validate_json(result.out, strict=True)
    rows = json.loads(result.out)["rows"]
    for known in report(run, "compare", *asked)["rows"]:
        mine = [row for row in rows if (row["first"], row["second"]) == (known["first"], known["second"])]
        seen, least, *function = mine
        assert [seen[name] for name in ("difference", "low", "high")] == [
            known[name] for name in ("difference", "low", "high")
        ]
        assert (least["what"], least["difference"], least["power"]) == ("detectable", known["detectable"], 0.9)
        nearest = np.interp(least["difference"], *[[row[n] for row in function] for n in ("difference", "power")])
        assert nearest == pytest.approx(0.9, abs=0.005)
        assert function[0]["power"] == pytest.approx(0.1)
    said = re.findall(r"<title>(.*?)</title>", Path("c.html").read_text())
    assert sum(": " in text and text.startswith("a less b: ") for text in said) == 3
    assert run("plot", "compare", *asked, "-o", "again.svg").code == 0
    assert Path("again.svg").read_bytes() == Path("c.svg").read_bytes()
    five = [f"{name}.jsonl" for name in "abcab"]
    found = run("plot", "compare", *five, "--permutations", 9, "-o", "five.svg")
    assert (found.code, "10 pairs are too many for a picture" in found.err) == (1, True)
    assert not Path("five.svg").exists()


def test_the_front_of_costs(run: Run, here: Path) -> None:
    """A measured cost is the mean over a member's results, and what has no cost is left out and said."""
    (here / "own.csv").write_text(
        "hash,flops,seconds,error\na,10,1,5\na,10,5,7\nb,20,2,6\nc,20,2,5.5\nd,,4,1\ne,30,9,5.5\nf,5,1,9\n"
    )
    found = report(run, "front", "own.csv", "--cost", "flops", "--cost", "seconds")
    on = {(row["column"], row["row"]): (row["value"], row["error"]) for row in found["rows"] if row["front"]}
    assert on == {
        ("flops", 0): (10, 6), ("flops", 3): (20, 5.5), ("flops", 6): (5, 9),
        ("seconds", 3): (2, 5.5), ("seconds", 4): (4, 1), ("seconds", 6): (1, 9),
    }  # fmt: skip
    assert [each["without"] for each in found["summaries"]] == [1, 0]
    forms = [run(command, "front", "own.csv", "--format", "csv").out for command in ("population", "plot")]
    assert forms[0] == forms[1]
    assert forms[0].splitlines()[1] == "own,flops,0,10.0,6.0,true"
    text = run("population", "front", "own.csv").out
    assert "own: 3 of 5 members are on the front of flops" in text
    assert "1 members have no `flops`" in text


@pytest.mark.usefixtures("table")
def test_csv_has_a_line_for_each_row(run: Run) -> None:
    for kind in KINDS:
        found = list(csv.DictReader(io.StringIO(run("population", kind, "study", "--format", "csv").out)))
        rows = report(run, kind, "study")["rows"]
        assert len(found) == len(rows)
        assert list(found[0]) == list(rows[0])[: len(found[0])]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["edf", "none.csv"], 1, "there is no such file"),
        (["edf", "own.txt"], 1, "one of the suffixes"),
        (["edf", "."], 1, "no results.jsonl"),
        (["edf", "empty.csv"], 1, "no rows"),
        (["edf", "own.csv", "--error", "eror"], 1, "no column `eror` of errors; did you mean 'error'?"),
        (["edf", "own.csv", "--error", "name"], 1, "column `name` holds texts, as 'x' in row 0"),
        (["edf", "truth.jsonl"], 1, "column `error` holds true in row 1, and not numbers"),
        (["edf", "failed.jsonl"], 1, "0 members with a result, and 1 are needed (2 rows: failed: no memory)"),
        (["best", "one.csv"], 1, "1 members with a result, and 2 are needed"),
        (["best", "own.csv", "--column", "flop"], 1, "there is no column `flop`; did you mean 'flops'?"),
        (["best", "own.csv", "--column", "efit"], 1, "--widths COLUMN says where they stand"),
        (["edf", "own.csv", "--where", "flops < 1"], 1, "none of 2 rows meets flops < 1"),
        (["edf", "own.csv", "--where", "flops"], 2, "is not COLUMN < VALUE"),
        (["edf", "own.csv", "--where", "name < x"], 2, "compares with what is no number"),
        (["edf", "own.csv", "--accuracy", "error"], 2, "is not COLUMN=1 or COLUMN=100"),
        (["edf", "own.csv", "--accuracy", "error=1"], 1, "no accuracy of 1"),
        (["edf", "own.csv", "--label", "a", "--label", "b"], 2, "There are 1 populations, and --label gives 2"),
        (["edf"], 2, "Missing argument"),
        (["curve", "own.csv", "--sizes", "0"], 2, "is not a list of numbers from 1 on"),
        (["curve", "own.csv", "--sizes", "3", "--without-replacement"], 2, "a population has 2"),
        (["compare", "own.csv"], 2, "2 to 8 populations; there is 1"),
        (["compare", "flat.csv", "flat.csv"], 1, "constant"),
        (["front", "flat.csv"], 1, "no column flops, params, acts; --cost COLUMN names another"),
        (["front", "own.csv", "--cost", "flop"], 1, "there is no column `flop`; did you mean 'flops'?"),
        (["trend", "own.csv", "--fit", "flops"], 2, "is not COLUMN=POWERS"),
        (["trend", "own.csv"], 1, "no columns `acts` and `params`"),
        (["profile", "own.csv", "--part", "5..5"], 2, "is not A..B"),
        (["efit", "own.csv", "--depths", "depth"], 2, "--depths says how many blocks"),
        (["edf", "large.jsonl"], 1, "`error` is 1.79769e+308 in row 0, beyond 1e+100"),
        (["edf", "own.csv", "--where", "flops < 1e9999"], 2, "too large a number"),
        (["efit", "deep.csv", "--widths", "width", "--depths", "depth"], 1, "row 0 has 1,000,000 blocks"),
        (["efit", "wide.csv", "--widths", "width"], 1, "no number of channels or blocks"),
    ],
)
def test_faults(run: Run, here: Path, arguments: list[str], code: int, message: str) -> None:
    (here / "own.csv").write_text("name,flops,error\nx,5,40\ny,6,41\n")
    (here / "own.txt").write_text("")
    (here / "empty.csv").write_text("error\n")
    (here / "one.csv").write_text("error\n3\n")
    (here / "flat.csv").write_text("error\n3\n3\n")
    (here / "large.jsonl").write_text('{"error": 1' + "0" * 400 + "}\n")
    (here / "deep.csv").write_text("width.0,depth.0,error\n8,1000000,1\n")
    (here / "wide.csv").write_text("width.0,error\n3.5,1\n4,2\n")
    (here / "truth.jsonl").write_text('{"error": 0.5}\n{"error": true}\n')
    (here / "failed.jsonl").write_text('{"status": "failed", "reason": "no memory"}\n' * 2)
    result = run("population", *arguments)
    assert result.code == code
    assert message in result.err
    assert not result.out


def test_scipy_is_an_extra(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "own.csv").write_text("flops,acts,error\n1,5,40\n2,6,41\n3,6,41.5\n")
    monkeypatch.setitem(sys.modules, "scipy", None)
    monkeypatch.setitem(sys.modules, "scipy.special", None)
    for arguments in (["compare", "own.csv", "own.csv"], ["trend", "own.csv"]):
        result = run("population", *arguments)
        assert result.code == 1
        assert "scipy, which is not installed: pip install 'archdsl[spaces]'" in result.err
    assert run("population", "edf", "own.csv").code == 0
