"""What the README shows is what the commands print."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from pathlib import Path

import pytest
from cli_cases import ROOT, Run

import archdsl

README = ROOT / "README.md"
BLOCK = re.compile(r"^```console\n\$ archdsl (.*?)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


EMITTED = re.compile(r"^```python emitted\nclass (\w+).*?^```$", re.MULTILINE | re.DOTALL)
"""A class of the module that stands for specs/regnety_4gf.arch; `tests/docs` compares it."""


def class_text(source: str, name: str) -> str:
    start = source.index(f"class {name}(")
    return source[start : source.index("\n\n\n", start) + 1]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the README's commands write, they write beside a copy of the specs."""
    shutil.copytree(ROOT / "specs", tmp_path / "specs")
    monkeypatch.chdir(tmp_path)


def test_outputs(run: Run) -> None:
    """Run with ARCHDSL_UPDATE=1 to write them anew."""
    text = README.read_text(encoding="utf-8")
    printed = {}
    for command, shown in BLOCK.findall(text):
        result = run(*shlex.split(command))
        printed[command] = (shown, result.out + result.err)
    if os.environ.get("ARCHDSL_UPDATE"):
        new = BLOCK.sub(lambda found: f"```console\n$ archdsl {found[1]}\n{printed[found[1]][1]}```", text)
        source = archdsl.compile("specs/regnety_4gf.arch").source
        new = EMITTED.sub(lambda found: f"```python emitted\n{class_text(source, found[1])}```", new)
        README.write_text(new, encoding="utf-8")
        return
    assert len(printed) >= 4
    for command, (shown, out) in printed.items():
        assert shown == out, command


def test_plain_commands_work(run: Run) -> None:
    commands = re.findall(r"^```sh\narchdsl (.*)\n```$", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert commands
    for command in commands:
        assert run(*shlex.split(command)).code == 0, command
