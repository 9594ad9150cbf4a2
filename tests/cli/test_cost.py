"""`archdsl cost`: the same exact numbers in every form, and what they mean beside them."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from cli_cases import ROOT, SPECS, Run
from pydantic import TypeAdapter

from archdsl.parts import GROUPINGS
from archdsl.views.cost import CostReport
from archdsl.views.failure import FailureReport
from archdsl.views.schemas import SCHEMAS, schema

REGNET = SPECS / "regnety_4gf.arch"
MEASURES = ("flops", "params", "acts", "buffers")


def cost(run: Run, *arguments: Any) -> dict[str, Any]:
    result = run("cost", *arguments, "--format", "json")
    assert result.code == 0, result.err
    TypeAdapter(CostReport).validate_json(result.out, strict=True)
    found: dict[str, Any] = json.loads(result.out)
    return found


@pytest.mark.parametrize("name", SCHEMAS)
def test_schemas_in_the_documentation(name: str) -> None:
    """Run with ARCHDSL_UPDATE=1 to write them anew."""
    path = ROOT / "docs" / "schema" / f"{name}.json"
    if os.environ.get("ARCHDSL_UPDATE"):
        path.write_text(json.dumps(schema(name), indent=2) + "\n")
    assert meaning(json.loads(path.read_text())) == meaning(schema(name))


def meaning(found: Any) -> Any:
    """A schema without its titles and descriptions, which pydantic takes from elsewhere in every version."""
    if isinstance(found, dict):
        texts = [key for key in ("title", "description") if isinstance(found.get(key), str)]
        return {key: meaning(value) for key, value in found.items() if key not in texts}
    return [meaning(part) for part in found] if isinstance(found, list) else found


def test_schema_option(run: Run) -> None:
    assert json.loads(run("cost", "--schema").out) == schema("cost")


def test_json_has_the_counts_at_the_top(run: Run) -> None:
    found = cost(run, REGNET)
    assert (found["flops"], found["params"], found["acts"]) == (3973301344, 20646656, 12287200)
    assert all(type(found[name]) is int for name in MEASURES)
    assert found["input"] == [3, 224, 224]
    assert found["convention"]["name"] == "papers"
    assert "multiply-adds" in found["convention"]["unit"]
    assert found["convention"]["version"]
    assert found["model"] == "regnety_4gf"
    assert found["spec"] == str(REGNET)
    assert len(found["hash"]) == 64
    assert found["memory"]["training_is_estimate"] is True


@pytest.mark.parametrize("by", GROUPINGS)
def test_rows_add_up(run: Run, by: str) -> None:
    found = cost(run, REGNET, "--by", by)
    for name in MEASURES:
        assert sum(row[name] for row in found["rows"]) == found[name]
    if by == "stage":
        assert [row["path"] for row in found["rows"]] == ["stem", *[f"stages.{i}" for i in range(4)], "head"]
        assert [row["depth"] for row in found["rows"]] == [None, 2, 6, 12, 2, None]
        assert found["rows"][1]["outputs"] == [[128, 56, 56]]
    if by == "op":
        assert "stages.0.blocks.0.branch.conv1" in [row["path"] for row in found["rows"]]


def test_table_says_what_it_counts(run: Run) -> None:
    text = run("cost", REGNET).out
    for words in ("3,973,301,344", "20,646,656", "12,287,200", "multiply-adds", "papers 1", "3 x 224 x 224", "total"):
        assert words in text
    assert "operations" in run("cost", REGNET, "--convention", "torch").out


def test_csv_and_markdown_carry_the_convention(run: Run) -> None:
    rows = list(csv.DictReader(io.StringIO(run("cost", REGNET, "--format", "csv").out)))
    assert sum(int(row["flops"]) for row in rows) == 3973301344
    assert {(row["convention"], row["input"]) for row in rows} == {("papers", "3x224x224")}
    assert {row["flops_unit"] for row in rows} == {cost(run, REGNET)["convention"]["unit"]}
    text = run("cost", REGNET, "--format", "md", "--convention", "fvcore").out
    assert "| total " in text
    assert "fvcore" in text


def test_terms_sum_to_the_totals(run: Run) -> None:
    for convention in ("fvcore", "tf_profiler", "keras"):
        found = cost(run, REGNET, "--explain", convention)
        assert found["convention"]["name"] == convention
        for measure in ("flops", "params", "acts"):
            assert sum(t["subtotal"] for t in found["terms"] if t["measure"] == measure) == found[measure]
    text = run("cost", REGNET, "--explain", "fvcore").out
    assert "norm elements of batch_norm" in text
    assert f"{cost(run, REGNET, '--convention', 'fvcore')['flops']:,}" in text
    assert "bias adds of conv" in run("cost", REGNET, "--explain").out


def test_explain_of_no_convention(run: Run) -> None:
    result = run("cost", REGNET, "--explain", "fvcor")
    assert result.code == 2
    assert "did you mean 'fvcore'" in result.err
    result = run("cost", "--explain", REGNET)
    assert result.code == 2
    assert "behind FILE" in result.err


def test_formulas(run: Run) -> None:
    found = cost(run, REGNET, "--formulas")
    symbols = {s["name"]: s["value"] for s in found["formulas"]["symbols"]}
    text = found["formulas"]["total"]["flops"].replace("^", "**")
    assert round(eval(text, {"__builtins__": {}}, symbols)) == found["flops"]
    assert "w_0" in run("cost", REGNET, "--formulas").out


def test_memory(run: Run) -> None:
    one, many = cost(run, REGNET)["memory"], cost(run, REGNET, "--batch", 8, "--dtype", "float16")["memory"]
    assert many["peak_inference_bytes"] == 4 * one["peak_inference_bytes"]
    assert many["dtype"] == "float16"
    text = run("cost", REGNET, "--memory").out
    assert f"{one['peak_inference_bytes']:,} bytes" in text
    assert "estimate" in text


def test_scaling_by_every_form(run: Run) -> None:
    reference = cost(run, "regnety_4gf_dwr4")
    for spec in ("dWr:4", "alpha=4/5:4", "alpha(4, a: 4/5)", "dWr(4)"):
        found = cost(run, REGNET, "--scale", spec)
        assert (found["hash"], found["flops"]) == (reference["hash"], 15608249240), spec
        assert found["changes"]
    assert cost(run, REGNET, "--scale", "d:2", "--scale", "w:2")["changes"][-1]["scaling"] == "w"


def test_scaling_to_a_budget(run: Run) -> None:
    found = cost(run, "regnety_400mf", "--scale", "w", "--to", "flops=1G")
    (solved,) = found["solved"]
    assert solved["target"] == 10**9
    assert solved["reached"] == found["flops"]
    assert solved["residual"] == found["flops"] - 10**9
    assert abs(solved["residual_percent"]) < 5
    text = run("cost", "regnety_400mf", "--scale", "w", "--to", "flops=1G").out
    assert f"s = {solved['factor']} reaches {found['flops']:,} flops" in text


def test_steps_of_single_stages(run: Run) -> None:
    """Where the factor misses by more than what is asked for; in the numbers, the text and what `explain` shows."""
    asked = ("regnetx_400mf", "--scale", "dWr", "--to", "flops=800M", "--within", "1%")
    found = cost(run, *asked)
    (solved,) = found["solved"]
    assert (solved["within_percent"], solved["unmoved"], solved["reached"]) == ("1", 741026792, found["flops"])
    assert abs(solved["residual_percent"]) <= 1
    steps = {step["path"]: (step["before"], step["after"]) for step in solved["moved"]}
    assert steps == {"stages.0.width": (32, 48), "stages.3.depth": (13, 14)}
    moved = {change["path"]: change["moved"] for change in found["changes"] if change["moved"] is not None}
    assert moved == {"stages.0.width": 48, "stages.3.depth": 14}
    for command in ("cost", "explain"):
        text = run(command, *asked).out
        assert "  step: stages.3.depth from 13 to 14, as at s = " in text
        assert "  without them: 741,026,792 flops, 58,973,208 (7.37 %) below 800,000,000" in text
    assert re.search(r"stages\.3\.depth +12 +12\.7517… +13 +14 +=", run("explain", *asked).out)
    (plain,) = cost(run, *asked[:5])["solved"]
    assert (plain["reached"], plain["moved"], plain["unmoved"]) == (741026792, [], None)


def test_leading_exponents(run: Run) -> None:
    """Powers of the factor by name, as numbers and as a table; the counts beside them are the model's own."""
    asked = ("regnetx_400mf", "--formulas", "--scale", "alpha(s, a)")
    found = cost(run, *asked)
    assert found["flops"] == cost(run, "regnetx_400mf")["flops"]
    assert found["changes"] == []
    leading = found["leading"]
    assert (leading["scaling"], leading["factor"], leading["parameters"]) == ("alpha(s, a)", "s", ["a"])
    [piece] = leading["pieces"]
    assert (piece["where"], piece["conditions"]) == ("0 < a < 1", [])
    assert piece["total"] == {"path": "total", "flops": "1", "params": "(a + 1)/2", "acts": "(2 - a)/2"}
    assert {"path": "stages.3.depth", "exponent": "(1 - a)/2"} in piece["dimensions"]
    text = run("cost", *asked).out
    assert re.search(r"total +s +s\^\(\(a \+ 1\)/2\) +s\^\(\(2 - a\)/2\)", text)
    assert "| total " in run("cost", *asked, "--format", "md").out
    assert cost(run, *asked[:2], "--scale", "d:2")["leading"] is None
    first = cost(run, *asked[:2], "--scale", "d:2", "--scale", "w(s)")
    assert (first["changes"][0]["scaling"], first["leading"]["scaling"]) == ("d", "w(s)")
    assert "E201]: `s` is not defined" in run("cost", "regnetx_400mf", "--scale", "alpha(s, a)").err
    assert "error[E320]" in run("cost", "rexnet_1_0x", "--formulas", "--scale", "d(s)").err


def test_leading_exponents_of_a_text_from_elsewhere(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    text = b"arch 1\nuse std.ops { conv }\nmodel m { input: 3 x 8 x 8  stages: conv { width: 16  kernel: 1 } }\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))
    assert "s^(1/2)" in run("cost", "-", "--formulas", "--scale", "w(s)").out


def test_no_steps_come_near_enough(run: Run) -> None:
    asked = ("resnet50", "--scale", "d", "--to", "flops=2G", "--within", "1%")
    found = run("cost", *asked)
    assert found.code == 0
    assert "warning[E313]: no steps of single stages bring flops to within 1 % of 2,000,000,000" in found.err
    assert run("cost", *asked[:5]).out == found.out


def test_changes(run: Run) -> None:
    found = cost(run, REGNET, "--set", "head.classes=10", "--input", "256x192")
    assert found["input"] == [3, 256, 192]
    assert found["rows"][-1]["outputs"] == [[10]]
    assert cost(run, "rexnet", "--set", "width_mult=1.3")["hash"] == (cost(run, "rexnet_1_3x")["hash"])
    assert cost(run, REGNET, "--input", "1x64x64")["input"] == [1, 64, 64]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--set", "classes"),
        ("--set", "=3"),
        ("--scale", "dWr"),
        ("--scale", ""),
        ("--to", "flops=16G"),
        ("--scale", "dWr:4", "--to", "flops=16G"),
        ("--scale", "dWr", "--to", "16G"),
        ("--scale", "dWr", "--to", "latency=3"),
        ("--scale", "dWr:4", "--within", "1%"),
        ("--scale", "dWr", "--to", "flops=16G", "--within", "1"),
        ("--scale", "dWr", "--to", "flops=16G", "--within", "100%"),
        ("--scale", "dWr", "--scale", "w", "--to", "flops=16G"),
        ("--input", "big"),
        ("--input", "3x3x3x3"),
        ("--batch", "0"),
        ("--convention", "nobody"),
        ("--by", "layer"),
        ("--format", "xml"),
        ("--nonsense",),
    ],
)
def test_usage(run: Run, arguments: tuple[str, ...]) -> None:
    result = run("cost", REGNET, *arguments)
    assert result.code == 2
    assert "Error" in result.err
    assert not result.out


def test_a_size_in_no_form_names_the_option_and_the_forms(run: Run) -> None:
    for size in ("3x", "x3", "3 x 4 x", "64", "3*4", "-3x3", "1e3x4", "٣x3", "9999999999999x3", " "):
        result = run("cost", REGNET, f"--input={size}", "--format", "json")
        assert (result.code, result.out) == (2, ""), size
        assert "--input" in result.err
        assert "is not a size, for example 3x256x192 or 256x192" in result.err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--scale", "dWx:4"), "E201"),
        (("--scale", "dWr:0"), "E312"),
        (("--scale", "dWr:("), "E1"),
        (("--scale", "dWr(4) and more"), "E201"),
        (("--scale", "dWr(4) more"), "E1"),
        (("--set", "heads.classes=3"), "E316"),
        (("--set", "head.classes=many"), "E201"),
        (("--input", "3x0x3"), "E302"),
        (("--model", "resnet"), "E201"),
    ],
)
def test_bad_changes_are_diagnostics(run: Run, arguments: tuple[str, ...], code: str) -> None:
    result = run("cost", REGNET, *arguments)
    assert result.code == 1
    assert f"error[{code}" in result.err
    assert not result.out
    result = run("cost", REGNET, *arguments, "--format", "json")
    assert (result.code, result.err) == (1, "")
    found = TypeAdapter(FailureReport).validate_json(result.out)
    assert found.diagnostics[0]["code"].startswith(code)


def test_several_models(run: Run, here: Path) -> None:
    (here / "two.arch").write_text(
        "arch 1\nuse std.ops { conv }\n"
        "model a { input: 3 x 8 x 8  stages: conv { width: 4  kernel: 1 } }\n"
        "model b { input: 3 x 8 x 8  stages: conv { width: 8  kernel: 1 } }\n"
    )
    result = run("cost", "two.arch")
    assert result.code == 1
    assert "--model" in result.err
    assert cost(run, "two.arch", "--model", "b")["params"] == 24


@pytest.mark.parametrize(
    ("stages", "said"),
    [
        ("b { width: [8 + i for i in 0 .. 799] }", "the network has 800 stages; closed forms are made of at most 100"),
        ("b { width: 8  depth: [3000] }", "the network has 3,000 blocks; closed forms are made of at most 2,000"),
    ],
)
def test_closed_forms_are_bounded(run: Run, here: Path, stages: str, said: str) -> None:
    block = "use std.ops { conv }\nblock b(x; width) = x -> conv(width, kernel: 1)\n"
    text = f"{block}model m {{ input: 3 x 8 x 8  stages: {stages} }}\n"
    (here / "net.arch").write_text(text)
    result = run("cost", "net.arch", "--formulas")
    assert result.code == 1
    assert f"error[E394]: {said}" in result.err
    found = json.loads(run("cost", "net.arch", "--formulas", "--format", "json").out)
    assert [diagnostic["message"] for diagnostic in found["diagnostics"]] == [said]
