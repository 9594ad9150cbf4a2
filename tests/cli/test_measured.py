"""`archdsl bench`, `archdsl study rank` and `spectrum`, and their plots, as a user calls them."""

from __future__ import annotations

import csv
import io
import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import forked
import numpy
import pytest
import torch
from cli_cases import Run
from pydantic import TypeAdapter

import archdsl
from archdsl.commands.study.images import emitted, images_of
from archdsl.views.bench import BenchReport
from archdsl.views.plot import PlotReport
from archdsl.views.study_rank import RankReport
from archdsl.views.study_spectrum import SpectrumReport

SMALL = """\
arch 1
use std.ops { conv, relu, global_pool, linear }
block layer(x; width) = x -> conv(width, kernel: 3) -> relu
block classify(x; classes: 10) = x -> global_pool -> linear(classes)
model small { input: 1 x 16 x 16  stages: layer { depth: 2  width: 8 }  head: classify }
model _other { input: 1 x 16 x 16  stages: layer { depth: 2  width: 16 }  head: classify }
"""
QUICK = ("--rounds", 1, "--seconds", 0.01, "--threads", 1)


@pytest.fixture(autouse=True)
def forks(monkeypatch: pytest.MonkeyPatch) -> None:
    """What measures is a fork of this process; `tests/measuring` starts real ones."""
    forked.here(monkeypatch)


@pytest.fixture
def small(here: Path) -> Path:
    path = here / "small.arch"
    path.write_text(SMALL)
    return path


def report(run: Run, kind: Any, *arguments: Any, code: int = 0) -> dict[str, Any]:
    result = run(*arguments, "--format", "json")
    assert result.code == code, result.err
    TypeAdapter(kind).validate_json(result.out, strict=True)
    found: dict[str, Any] = json.loads(result.out)
    return found


def test_measured_numbers_stand_beside_exact_ones(run: Run, small: Path) -> None:
    """The whole of it: measured, gone on with, refused under other conditions, drawn."""
    asked = ("bench", small, "--model", "small", "--strategies", "w", "--factors", "1,4", *QUICK, "-o", "b.jsonl")
    found = report(run, BenchReport, *asked)
    net, scaled = found["networks"]  # at a factor of 1 it is the same network
    cost = archdsl.compile(small, model="small").cost
    assert [net[name] for name in ("flops", "params", "acts")] == [cost.flops, cost.params, cost.acts]
    assert (net["strategy"], scaled["strategy"], scaled["factor"]) == (None, "w", 4)
    assert scaled["params"] == archdsl.compile(small, model="small", scale="w:4").cost.params
    for each in (net, scaled):
        assert each["rounds"] == 1
        assert 0 < each["measured_low_seconds"] <= each["measured_seconds"] <= each["measured_high_seconds"]
        assert each["failure"] is None
    assert found["complete"]
    assert found["conditions"]["threads"] == 1
    assert found["conditions"]["torch"] == torch.__version__

    lines = Path("b.jsonl").read_text()
    again = run(*asked)
    assert again.code == 0
    assert Path("b.jsonl").read_text() == lines  # nothing was left to measure
    assert "measured ms" in again.out
    assert "machine   " in again.out
    other = run("bench", small, "--model", "small", *QUICK, "-o", "b.jsonl", "--batch", 2)
    assert other.code == 1
    assert other.err == (
        "Error: b.jsonl: it was measured under other conditions: batch was 1, is 2; name another file, or --force "
        "begins anew\n"
    )
    assert Path("b.jsonl").read_text() == lines

    plotted = report(run, PlotReport, "plot", "bench", "b.jsonl", "-o", "b.svg", "-o", "b.csv")
    assert [row["flops"] for row in plotted["rows"]] == [net["flops"], scaled["flops"]]
    assert [row["measured_seconds"] for row in plotted["rows"]] == [e["measured_seconds"] for e in (net, scaled)]
    ids = {element.attrib.get("id") for element in ElementTree.parse("b.svg").iter()}
    assert {"time-flops-0", "time-params-0", "time-acts-0"} <= ids
    assert run("plot", "bench", "b.jsonl", "--show", "trends", "-o", "trends.svg").code == 0
    ids = {element.attrib.get("id") for element in ElementTree.parse("trends.svg").iter()}
    assert {"trend-acts-0", "fit-acts", "trend-measured_seconds-0"} <= ids
    none = run("plot", "bench", "b.jsonl", "--work", "training")
    assert (none.code, none.err) == (1, "Error: b.jsonl: there is no network whose training was measured\n")


@pytest.mark.usefixtures("here")
def test_a_network_that_cannot_run_is_left_out(run: Run) -> None:
    """A batch norm of one value cannot be trained with one image."""
    norm = "use std.ops { conv, batch_norm }\nblock layer(x; width) = x -> conv(width, kernel: 1) -> batch_norm\n"
    Path("one.arch").write_text(f"arch 1\n{norm}model one {{ input: 1 x 1 x 1  stages: layer {{ width: 4 }} }}\n")
    found = report(run, BenchReport, "bench", "one.arch", "--train", *QUICK, code=1)
    assert not found["complete"]
    done, failed = found["networks"]
    assert (done["work"], done["failure"]) == ("inference", None)
    assert failed["measured_seconds"] is None
    assert "more than 1 value per channel" in failed["failure"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("-o", "b.csv"), 2, "'b.csv' is no .jsonl file, to which lines can be added"),
        (("-o", "no/b.jsonl"), 1, "Error: no: there is no such folder\n"),
        (("--strategies", "w", "--factors", "0"), 2, "a factor is more than 0"),
        (("--strategies", "nothing"), 1, "nothing"),
        (("--device", "gpu"), 1, "Error: there is no device 'gpu'\n"),
        (("--device", "cuda", "--clock", "cpu"), 2, "--clock cpu is the time of the processor"),
        (("--dtype", "float8"), 2, "--dtype"),
    ],
)
def test_what_cannot_be_measured(run: Run, small: Path, arguments: tuple[Any, ...], code: int, message: str) -> None:
    result = run("bench", small, *arguments)
    assert result.code == code
    assert message in result.err
    assert result.out == ""


@pytest.mark.usefixtures("here")
def test_files_that_are_none_of_measurements(run: Run) -> None:
    Path("a.jsonl").write_text('{"flops": 1}\n')
    result = run("plot", "bench", "a.jsonl")
    assert (result.code, result.err) == (
        1,
        "Error: a.jsonl: row 1 has no network: it is none of `archdsl bench`\n",
    )
    for kind, command in (("rank", "archdsl study rank -o"), ("spectrum", "archdsl study spectrum -o")):
        result = run("plot", kind, "a.jsonl")
        assert (result.code, result.err) == (1, f"Error: a.jsonl is none of `{command}`: it has no column model\n")
        assert run("plot", kind, "nothing.csv").code == 1


# Ranks


@pytest.mark.usefixtures("here")
def test_ranks_are_told_with_what_they_depend_on(run: Run) -> None:
    asked = ("study", "rank", "--networks", 2, "--layers", "conv_1x1", "--ratios", "0.5,1", "--widths", "16..24")
    asked = (*asked, "--activations", "identity,elu(0.5)", "--tolerances", "default,0.1", "-o", "r.csv")
    found = report(run, RankReport, *asked)
    rows = {(row["activation"], row["ratio"], row["tolerance"]): row for row in found["rows"]}
    assert len(rows) == 8
    assert all(row["networks"] == 2 for row in rows.values())
    assert rows["identity", 1.0, "default"]["rank_ratio"] == 1
    assert 0.4 < rows["identity", 0.5, "default"]["rank_ratio"] < 0.6
    assert rows["elu(0.5)", 0.5, "default"]["rank_ratio"] > 0.9
    assert found["weights"] == "conv normal(std: sqrt(1 / fan_in))"
    assert (found["law"], found["dtype"]) == ("the standard normal distribution", "float32")

    text = run(*asked, "--force")
    for words in (
        "tolerance max(m, n) eps",
        "tolerance 0.1",
        "effective rank / d_out",
        "float32",
        "the standard normal",
    ):
        assert words in text.out
    lines = list(csv.DictReader(io.StringIO(Path("r.csv").read_text())))
    assert [float(line["rank_ratio"]) for line in lines] == [row["rank_ratio"] for row in found["rows"]]
    again = run(*asked)
    assert (again.code, again.err) == (1, "Error: r.csv exists already; --force overwrites it\n")

    plotted = report(run, PlotReport, "plot", "rank", "r.csv", "--tolerance", "0.1", "-o", "r.svg")
    assert plotted["rows"] == [row for row in found["rows"] if row["tolerance"] == "0.1"]
    assert "rank-0-1" in {element.attrib.get("id") for element in ElementTree.parse("r.svg").iter()}
    wrong = run("plot", "rank", "r.csv", "--tolerance", "0.5")
    assert wrong.code == 2
    assert "there are default, 0.1" in wrong.err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--layers", "conv_5x5"), 2, "there is no layer 'conv_5x5'; there are conv_1x1, conv_3x3"),
        (("--activations", "swoosh"), 1, "`swoosh` is not defined"),
        (("--ratios", "0,1"), 2, "'0' is no number above 0 and up to 1"),
        (("--tolerances", "small"), 2, "'small' is no number above 0 and up to 1"),
        (("--widths", "9..3"), 2, "'9..3' is not A..B"),
        (("mobilenetv2",), 1, "has no model with the parameters d_in, d_out, act"),
        (("-o", "r.txt"), 2, "a table has one of the suffixes"),
    ],
)
@pytest.mark.usefixtures("here")
def test_ranks_that_cannot_be_had(run: Run, arguments: tuple[Any, ...], code: int, message: str) -> None:
    result = run("study", "rank", *arguments)
    assert result.code == code
    assert message in result.err
    assert result.out == ""


# Spectra


def test_a_spectrum_is_that_of_the_features(run: Run, small: Path) -> None:
    """Against numpy, on features that the module gives for the same images; with the weights of a checkpoint."""
    net = archdsl.compile(small, model="small")
    torch.manual_seed(7)
    module = net.module()
    torch.save(module.state_dict(), "small.pth")
    asked = ("study", "spectrum", f"{small}:small", "--weights", "small.pth", "--images", 40)
    found = report(run, SpectrumReport, *asked, "--at", "stages.0", "--at", "penultimate", "-o", "s.csv")
    assert (found["images"], found["new"]) == (40, [])

    with emitted(net.compilation) as script:
        batches, _ = images_of(script, None, 40, 0, 64, "scratch")
    with torch.no_grad():
        maps = module.eval().stages(batches[0])
    features = {"stages.0": maps.permute(1, 0, 2, 3).reshape(8, -1), "penultimate": maps.mean((2, 3)).T}
    for each in found["sums"]:
        expected = numpy.linalg.svd(features[each["at"]].double().numpy(), compute_uv=False)
        values = [row["singular_value"] for row in found["rows"] if row["at"] == each["at"]]
        assert values == pytest.approx(list(expected), rel=1e-4, abs=1e-5 * expected[0])
        assert each["nuclear_norm"] == pytest.approx(expected.sum(), rel=1e-4)
        assert (each["channels"], each["columns"]) == features[each["at"]].shape

    plotted = report(run, PlotReport, "plot", "spectrum", "s.csv", "-o", "s.svg")
    assert len(plotted["rows"]) == 16
    new = report(run, SpectrumReport, *asked[:3], "--images", 40)
    assert new["weights"] is None
    assert new["sums"][0]["nuclear_norm"] != found["sums"][1]["nuclear_norm"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--at", "stages.7"), 2, "the network has no module 'stages.7'; did you mean"),
        (("--data", "nothing"), 1, "nothing"),
        (("--weights", "nothing.pth"), 1, "nothing.pth"),
        (("--images", 1), 2, "--images"),
    ],
)
def test_spectra_that_cannot_be_had(run: Run, small: Path, arguments: tuple[Any, ...], code: int, message: str) -> None:
    result = run("study", "spectrum", f"{small}:small", *arguments)
    assert result.code == code, result.err
    assert message in result.err
    assert result.out == ""
