"""`archdsl check` and `archdsl show` of spaces: what they say, and that what is shown is the same space."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_cases import SPECS, Run
from pydantic import TypeAdapter

from archdsl.source import Source
from archdsl.syntax.formatter import format_source
from archdsl.views.check import CheckReport

NET = """arch 1
use std.ops { conv }

model net(width, kernel) {
  input:  3 x 8 x 8
  stages: conv { width: width  kernel: kernel }
}
"""
WIDE = """
fn largest() = 24

# Small ones.
space wide {
  width ~ uniform(8 .. largest(), quantum: 8)
  kernel ~ one_of(3, 5, weights: [3, 1])
  twice = 2 * width
  require twice < 48 or kernel == 3
  model: net(width, kernel)
  convention: "thop"
  reward: accuracy / params
  expect { dimensions: 2  settings: 6  valid: 5 }
}
"""
NARROW = """arch 1
use "wide.arch" { wide }
use std.ops { conv }

fn few() = 600

space narrow refines wide {
  kernel = 3
  width ~ reweighted(log_uniform(8 .. 16, quantum: 8))
  require params < few()
}
"""

SHOWN = """arch 1
use std.ops { conv }

fn few() = 600

model net(width, kernel) {
  input:  3 x 8 x 8
  stages: conv { width: width  kernel: kernel }
}

space narrow {
  width ~ log_uniform(8 .. 16, quantum: 8)
  kernel = 3
  twice = 2 * width
  require twice < 48 or kernel == 3
  require params < few()
  model:      net(width, kernel)
  convention: "thop"
  reward:     accuracy / params
}
"""


@pytest.fixture
def spaces(here: Path) -> Path:
    (here / "wide.arch").write_text(NET + WIDE)
    (here / "narrow.arch").write_text(NARROW)
    return here


@pytest.mark.usefixtures("spaces")
def test_check(run: Run) -> None:
    result = run("check", "-v", "wide.arch", "narrow.arch")
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines() == [
        "wide                     dimensions 2                          2  of the space: holds",
        "wide                     settings 6                            6  of the space: holds",
        "wide                     valid 5                               5  of the space: holds",
        "2 files, 0 models, 2 spaces, 3 claims verified",
    ]


@pytest.mark.usefixtures("spaces")
def test_check_of_one_space(run: Run) -> None:
    assert run("check", "wide.arch:wide").out == "1 file, 0 models, 1 space, 3 claims verified\n"
    result = run("check", "wide.arch:wied")
    assert result.code == 1
    assert "no model `wied`" in result.err


def test_check_json(run: Run, spaces: Path) -> None:
    (spaces / "wide.arch").write_text(NET + WIDE.replace("valid: 5", "valid: 4  divided_by: 1"))
    result = run("check", "wide.arch", "--format", "json")
    assert result.code == 1
    TypeAdapter(CheckReport).validate_json(result.out, strict=True)
    found = json.loads(result.out)
    assert [d["code"] for d in found["diagnostics"]] == ["E501"]
    space = found["files"][0]["spaces"][0]
    assert (space["name"], space["dimensions"], space["settings"]) == ("wide", 2, 6)
    claims = [(claim["measure"], claim["figure"], claim["computed"], claim["holds"]) for claim in space["claims"]]
    assert claims == [("dimensions", "2", 2, True), ("settings", "6", 6, True), ("valid", "4", 5, False)]


def test_check_without_a_verdict(run: Run, spaces: Path) -> None:
    text = WIDE.replace("uniform(8 .. largest(), quantum: 8)", "int(1 .. 1000000)").replace("settings: 6  ", "")
    (spaces / "wide.arch").write_text(NET + text)
    result = run("check", "-v", "wide.arch")
    assert result.code == 0
    assert "warning[E504]" in result.err
    assert "not looked at" in result.out


@pytest.mark.usefixtures("spaces")
def test_emit_spaces(run: Run) -> None:
    result = run("check", "--emit", "spaces", "narrow.arch")
    assert (result.code, result.err) == (0, "")
    assert result.out == (
        "space narrow refines wide: 1 dimensions, 2 settings\n"
        "  width ~ log_uniform(8 .. 16, quantum: 8)\n"
        "  kernel = 3\n"
        "  twice = 2 * width\n"
        "  require twice < 48 or kernel == 3\n"
        "  require params < few()  (asks for the network)\n"
        "  model: net(width, kernel)\n"
        "  costs by thop at the model's input\n"
        "  reward: accuracy / params\n"
    )


@pytest.mark.usefixtures("spaces")
def test_a_space_is_no_model(run: Run) -> None:
    for command in ("cost", "compile", "explain"):
        result = run(command, "wide.arch")
        assert result.code == 1
        assert "archdsl space sample" in result.err
    result = run("cost", "wide.arch", "--model", "wide")
    assert result.code == 1
    assert "`wide` is a space of networks" in result.err


def test_show(run: Run, spaces: Path) -> None:
    """What is shown of a refinement refines nothing, and has its names from nowhere but the library."""
    result = run("show", "narrow.arch", "--model", "narrow")
    assert (result.code, result.err) == (0, "")
    assert result.out.split("\n\n", 1)[1] == SHOWN
    (spaces / "alone.arch").write_text(result.out)
    for path in ("wide.arch", "narrow.arch"):
        (spaces / path).unlink()
    assert run("check", "alone.arch").out == "1 file, 0 models, 1 space, 0 claims verified\n"
    assert run("show", "alone.arch:narrow").out == result.out


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("anynetx", "anynetx_e_400mf"),
        ("regnet", "regnetx_limited"),
        ("regnet", "regnet_r"),
        ("regnet", "regnet_vr"),
        ("regnet", "regnety"),
        ("efficientnetv2", "efficientnetv2_b4"),
        ("rexnet", "search_18_30m"),
    ],
)
def test_shipped_spaces_are_shown(run: Run, here: Path, file: str, name: str) -> None:
    result = run("show", SPECS / "spaces" / f"{file}.arch", "--model", name)
    assert (result.code, result.err) == (0, "")
    assert "refines" not in result.out
    assert format_source(Source("y.arch", result.out)) == result.out
    (here / "y.arch").write_text(result.out)
    assert run("show", f"y.arch:{name}").out == result.out
