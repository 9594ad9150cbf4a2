"""What `archdsl lint` finds is what a rule's words say, and what no rule says is not found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from families.compiling import network_of, spec
from pydantic import TypeAdapter

from archdsl.cli import main
from archdsl.commands.linted import shipped
from archdsl.linting.findings import findings
from archdsl.linting.quantities import QUANTITIES
from archdsl.linting.rules import COMPARISONS, SEVERITIES, target_of
from archdsl.views.lint import LintReport, TargetsReport

pytestmark = pytest.mark.fast

NET = """\
arch 1
use std.ops { conv, batch_norm, relu, silu, hard_swish, sigmoid, global_pool, linear, max_pool, concat, upsample }

block gate(x) = x * (x -> global_pool -> conv(x.channels, kernel: 1) -> sigmoid)
block plain(x) = x * (x -> conv(x.channels, kernel: 1) -> sigmoid)
block cell(x; width, kernel: 3, groups: 1, dilation: 1) {
  y = x -> conv(width, kernel: kernel, groups: groups, dilation: dilation) -> batch_norm -> silu
  return y -> gate -> plain
}
block stem(x; width) = x -> conv(width, kernel: 3, stride: 2) -> hard_swish -> max_pool(3, stride: 2)
block head(x; classes: 10) = x -> global_pool -> linear(classes)

model net {
  input:  3 x 64 x 64
  stem:   stem(width: 20)
  stages: cell { depth: [1, 1]  width: [24, 32]  kernel: [3, 11]  groups: [4, 8] }
  head:   head
}
"""


@pytest.fixture
def net(tmp_path: Path) -> Path:
    path = tmp_path / "net.arch"
    path.write_text(NET)
    return path


def lint(net: Path, target: str, capsys: pytest.CaptureFixture[str], *options: str, code: int = 0) -> LintReport:
    assert main(["lint", str(net), "--target", target, "--format", "json", *options]) == code
    return TypeAdapter(LintReport).validate_python(json.loads(capsys.readouterr().out))


def told(report: LintReport) -> dict[str, set[str]]:
    """The paths by rule."""
    found: dict[str, set[str]] = {}
    for each in report.findings:
        found.setdefault(each.rule, set()).update(each.paths)
    return found


def test_findings_stand_where_the_text_has_them(net: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = lint(net, "int8", capsys)
    assert {rule: len(paths) for rule, paths in told(report).items()} == {"int8.silu": 2, "int8.gate": 2}
    silu = next(each for each in report.findings if each.rule == "int8.silu")
    line = silu.range["start"]["line"] if silu.range is not None else 0
    assert NET.splitlines()[line - 1].endswith("-> silu")
    assert silu.file == str(net)
    assert silu.source.url.startswith("https://github.com/tensorflow/tpu/")
    gate = next(each for each in report.findings if each.rule == "int8.gate")
    assert all("gate" in path for path in gate.paths)  # and none of `plain`, which has no means


def test_numbers_are_those_of_the_network(net: Path, capsys: pytest.CaptureFixture[str]) -> None:
    core = lint(net, "tensor-cores", capsys)
    widths = {each.message for each in core.findings}
    assert widths == {"20 output channels are no multiple of 8", "20 input channels are no multiple of 8"}
    assert {
        each.rule for each in core.findings if "3 input" in each.message
    } == set()  # the image's are nobody's choice
    groups = [each for each in lint(net, "neutron", capsys).findings if each.rule == "neutron.groups"]
    assert {each.message for each in groups} == {"4 groups of 5 channels", "8 groups of 3 channels"}
    kernels = told(lint(net, "artpec-9", capsys))
    assert len(kernels["artpec-9.kernel-height"]) == len(kernels["artpec-9.kernel-width"]) == 1
    assert "artpec-9.strides" not in kernels
    wide = told(lint(net, "hexagon", capsys, "--set", "stages.width=[32, 64]", "--set", "stem.width=32"))
    assert "hexagon.channels" not in wide
    assert len(wide["hexagon.activation"]) == 2


def test_every_rule_can_be_asked_of_every_operation_and_says_who_says_so() -> None:
    """On networks that have them: a rule that asks for what an operation has not raises."""
    names = (
        "regnety_400mf",
        "mobilenetv3_large",
        "densenet121",
        "inception_v3",
        "mobilevit_xs",
        "yolov8n",
        "botnet26_t",
    )
    fired = set()
    for target in shipped():
        for rule in target.rules:
            assert rule.name.startswith(f"{target.name}.")
            assert rule.source.url.startswith("https://")
            assert rule.source.title
            assert rule.source.says
        for name in names:
            fired |= {each.rule.name for each in findings(network_of(spec(name)), target)}
    assert {name.partition(".")[0] for name in fired} == {target.name for target in shipped()}
    assert len(fired) > 20


def test_the_page_names_what_rules_may_ask() -> None:
    page = (Path(__file__).parents[2] / "docs" / "export.md").read_text(encoding="utf-8")
    names = (*QUANTITIES, *COMPARISONS, *SEVERITIES, *[each.name for each in shipped()])
    assert not [name for name in names if f"`{name}`" not in page]


def test_the_exit_code_is_asked_for(net: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lint(net, "int8", capsys, "--fail", code=1)
    assert main(["lint", str(net), "--target", "edge-tpu", "--set", "stem.width=32"]) == 0
    text = capsys.readouterr().out
    assert "warning[edge-tpu.activation]: `hard_swish`" in text
    assert "at: stem.hard_swish" in text
    assert "developer.axis.com" in text
    assert main(["lint", "--list", "--format", "json"]) == 0
    listed = TypeAdapter(TargetsReport).validate_python(json.loads(capsys.readouterr().out))
    assert [each.name for each in listed.targets] == sorted(each.name for each in shipped())


SOURCE = {"title": "a page", "url": "https://example.org", "says": "something"}
RULE = {"name": "mine.conv", "severity": "slow", "operations": ["conv"], "message": "{kernel_height}", "source": SOURCE}


def test_rules_of_ones_own(net: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"text": "mine", "rules": [{**RULE, "when": [["groups", ">", 1]]}]}))
    report = lint(net, str(path), capsys)
    assert (report.target, [each.message for each in report.findings]) == ("mine", ["3", "11"])
    assert target_of(path.read_text(), "mine").rules[0].help is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[]", "is no object"),
        ({"text": "x"}, "has no rules"),
        ({"text": 1, "rules": []}, "its text is 1"),
        ({"rules": [{**RULE, "operations": ["convolve"]}]}, "no operation 'convolve'"),
        ({"rules": [{**RULE, "severity": "bad"}]}, "not 'bad'"),
        ({"rules": [{key: value for key, value in RULE.items() if key != "source"}]}, "has no source"),
        ({"rules": [{**RULE, "wehn": [["groups", ">", 1]]}]}, "no field 'wehn'"),
        ({"rules": [{**RULE, "help": 1}]}, "its help is 1"),
        ({"rules": [RULE, RULE]}, "two rules are called mine.conv"),
        ({"rules": [{**RULE, "when": [["groups", "~", 1]]}]}, "no comparison '~'"),
        ({"rules": [{**RULE, "when": [["groups", "multiple of", 0]]}]}, "a whole number of 1 or more"),
        ({"rules": [{**RULE, "when": [["groups", "in", 3]]}]}, "in a list"),
        ({"rules": [{**RULE, "when": ["groups"]}]}, "a condition is"),
        ({"rules": [{**RULE, "when": [["colour", "=", 1]]}]}, "conv has no colour"),
        ({"rules": [{**RULE, "when": [["bias", "<", "much"]]}]}, "cannot be compared"),
        ({"rules": [{**RULE, "message": "{colour}"}]}, "conv has no colour"),
    ],
)
def test_files_that_are_no_rules(
    content: Any, words: str, net: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.json"
    path.write_text(
        content
        if isinstance(content, str)
        else json.dumps({"text": "mine", **content} if isinstance(content, dict) else content)
    )
    assert main(["lint", str(net), "--target", str(path)]) == 1
    told = capsys.readouterr().err
    assert words in told
    assert "Traceback" not in told
    assert len(told.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ([], 2, "--list"),
        (["net.arch"], 2, "--list"),
        (["net.arch", "--target", "hexagone"], 2, "did you mean 'hexagon'?"),
        (["net.arch", "--target", "../int8"], 2, "there is no target"),
        (["net.arch", "--target", "none.json"], 1, "none.json"),
        (["none.arch", "--target", "int8"], 1, "none.arch"),
    ],
)
def test_what_cannot_be(
    arguments: list[str],
    code: int,
    words: str,
    net: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(net.parent)
    assert main(["lint", *arguments]) == code
    assert words in capsys.readouterr().err
