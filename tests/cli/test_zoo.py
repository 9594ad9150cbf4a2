"""`archdsl zoo`, and shipped networks by name wherever a command takes a file."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from cli_cases import ROOT, SPECS, Run
from pydantic import TypeAdapter

import archdsl
from archdsl.resources import spec_files
from archdsl.views.zoo import ZooReport
from archdsl.zoo import declared_in

REGNETS = ("zoo", "regnety_*", "--format", "json")


def listed(run: Run, *words: Any) -> list[dict[str, Any]]:
    result = run("zoo", *words, "--format", "json")
    assert (result.code, result.err) == (0, "")
    TypeAdapter(ZooReport).validate_json(result.out, strict=True)
    found: list[dict[str, Any]] = json.loads(result.out)["networks"]
    return found


def test_all(run: Run) -> None:
    """Every network once, by family and then by flops; its path is what `cost` takes."""
    found = listed(run)
    names = [entry["name"] for entry in found]
    assert len(set(names)) == len(names) > 100
    order = [(entry["family"], entry["flops"], entry["name"]) for entry in found]
    assert order == sorted(order)
    assert {"regnet", "resnet", "efficientnet", "rexnet", "mobilenet", "scaled", "others"} == {f for f, _, _ in order}
    assert {entry["path"].rpartition(":")[0] for entry in found} <= set(spec_files())
    assert all(entry["name"] in declared_in(entry["path"].rpartition(":")[0]) for entry in found)
    assert all(min(entry["flops"], entry["params"], entry["acts"]) > 0 for entry in found)
    assert not [entry["name"] for entry in found if not (entry["doc"] and entry["source"])]


def test_what_it_says_is_what_cost_says(run: Run) -> None:
    for entry in listed(run, "regnetx_[46]00mf", "rexnet_1_0x", "regnety_4gf"):
        for text in (entry["name"], entry["path"]):
            found = json.loads(run("cost", text, "--format", "json").out)
            assert found["model"] == entry["name"]
            assert [found[key] for key in ("input", "flops", "params", "acts")] == [
                entry[key] for key in ("input", "flops", "params", "acts")
            ]


def test_filters_and_sorting(run: Run) -> None:
    flops = [entry["flops"] for entry in listed(run, "--family", "regnet", "--sort", "flops", "--max", "flops=1G")]
    assert flops == sorted(flops)
    assert flops
    assert max(flops) <= 10**9
    params = [e["params"] for e in listed(run, "regnet*", "--sort", "params", "--reverse", "--min", "params=50M")]
    assert params == sorted(params, reverse=True)
    assert params
    assert min(params) >= 50 * 10**6
    assert listed(run, "nothing_like_it*") == []
    assert "\n0 networks; flops are multiply-adds" in run("zoo", "nothing_like_it*").out
    names = [entry["name"] for entry in listed(run, "--family", "resnet", "--sort", "name")]
    assert names == sorted(names)


def test_forms(run: Run) -> None:
    words = ("zoo", "regnety_400mf", "regnety_4gf")
    text = run(*words).out
    assert "regnety_4gf    regnet  3 x 224 x 224  3,973,301,344  20,646,656  12,287,200" in text
    rows = list(csv.DictReader(io.StringIO(run(*words, "--format", "csv").out)))
    assert [(row["name"], row["input"], row["flops"]) for row in rows][1] == ("regnety_4gf", "3x224x224", "3973301344")
    assert run(*words, "--format", "md").out.startswith("| name")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--family", "regnett"], "'regnett' is none of efficientnet, "),
        (["--max", "flops"], "'flops' is not MEASURE=AMOUNT"),
        (["--max", "speed=1"], "the measures are flops, params, acts"),
        (["--min", "flops=1x"], "is not MEASURE=AMOUNT"),
        (["--sort", "size"], "'size' is not one of"),
        (["regnety_9gf"], "there is no network 'regnety_9gf'; did you mean 'regnety_"),
    ],
)
def test_wrong_options(run: Run, words: list[str], message: str) -> None:
    result = run("zoo", *words)
    assert result.code == 2
    assert message in result.err


# Networks by name


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("command", [["cost"], ["show"], ["explain"], ["check"], ["check", "--emit", "graph"]])
def test_commands_take_names(run: Run, command: list[str]) -> None:
    """From any folder; with FILE:MODEL too."""
    by_name = run(*command, "regnetx_400mf")
    by_path = run(*command, f"{SPECS}/regnet/regnetx.arch:regnetx_400mf")
    assert (by_name.code, by_name.err) == (0, "")
    assert by_name.out == by_path.out


def test_what_is_emitted_names_no_folder_of_a_machine(run: Run, here: Path) -> None:
    assert run("compile", "regnetx_400mf").code == 0
    assert "specs/regnet/regnetx.arch:regnetx_400mf" in (here / "regnetx_400mf.py").read_text()
    assert not any(str(ROOT) in path.read_text() for path in here.iterdir())


def test_diff_takes_names(run: Run) -> None:
    assert run("diff", "regnety_4gf", SPECS / "regnety_4gf.arch").code == 0
    assert run("diff", "regnety_4gf", "regnety_8gf").code == 1
    assert run("diff", "regnety_4gf", "regnety_9gf").code == 2


def test_python_takes_names() -> None:
    assert archdsl.compile("regnety_4gf").hash == archdsl.compile(SPECS / "regnety_4gf.arch").hash
    net = archdsl.compile("regnetx_400mf", scale="d:2")
    assert net.name == "regnetx_400mf_d2"
    assert archdsl.compile(f"{SPECS}/regnet/regnetx.arch:regnetx_400mf", scale="d:2").hash == net.hash
    with pytest.raises(archdsl.CompileError, match="no shipped network of that name"):
        archdsl.compile("regnety_5gf")
    with pytest.raises(ValueError, match="names regnetx_400mf already, not other"):
        archdsl.compile("regnetx_400mf", model="other")


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("regnety_8gff", "did you mean `regnety_8gf`?"),
        ("no_such_network_at_all", "name a file, FILE:MODEL, or one that `archdsl zoo` lists"),
        ("regnety_8gf.arch", "`regnety_8gf` stands in specs/regnet/regnety.arch"),
        ("specs/regnety_8gf.arch", "help: write `regnety_8gf`"),
        ("nothing.arch", "error[E110]"),
        ("nothing.arch:net", "error[E110]"),
        ("a:b:c", "error[E110]"),
        ("..", "error[E205]"),
    ],
)
def test_nothing_of_that_name(run: Run, text: str, message: str) -> None:
    result = run("cost", text)
    assert (result.code, result.out) == (1, "")
    assert message in result.err
    found = json.loads(run("cost", text, "--format", "json").out)
    assert found["diagnostics"][0]["code"] in ("E110", "E205")


def test_a_file_of_that_name_comes_first(run: Run, here: Path) -> None:
    text = (SPECS / "regnety_4gf.arch").read_text().replace("depth: 22", "depth: 21")
    (here / "regnetx_400mf").write_text(text)
    assert "regnety_4gf, " in run("cost", "regnetx_400mf").out


def test_two_names_for_the_model(run: Run) -> None:
    assert run("cost", "regnety_4gf", "--model", "regnety_4gf").code == 0
    result = run("cost", "regnety_4gf", "--model", "other")
    assert result.code == 2
    assert "regnety_4gf names regnety_4gf already" in result.err
