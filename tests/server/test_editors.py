"""The configurations of editors: what they name is there, and what they insert compiles."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

import archdsl
from archdsl.compiler import Compiler
from archdsl.diagnostics import Diagnostics
from archdsl.project import Project
from archdsl.resources import data_root
from archdsl.source import Source
from archdsl.spaces.check import check_spaces

pytestmark = pytest.mark.fast

ROOT = Path(__file__).resolve().parents[2]
EDITORS = ROOT / "editors"
CODE = EDITORS / "vscode"


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


PACKAGE = read(CODE / "package.json")
SNIPPETS: dict[str, dict[str, Any]] = read(CODE / "snippets" / "arch.json")
SOURCES = {path.name: path.read_text(encoding="utf-8") for path in (CODE / "src").glob("*.ts")}


def test_the_extension_has_the_commands_and_settings_that_it_offers() -> None:
    text = "\n".join(SOURCES.values())
    offered = {each["command"] for each in PACKAGE["contributes"]["commands"]}
    assert set(re.findall(r'registerCommand\("([\w.]+)"', text)) == offered
    placed = {each["command"] for menu in PACKAGE["contributes"]["menus"].values() for each in menu}
    assert placed <= offered
    settings = set(PACKAGE["contributes"]["configuration"]["properties"])
    used = {f"archdsl.{name}" for name in re.findall(r'\.get<\w+>\("(\w+)"', text)}
    used |= set(re.findall(r'affectsConfiguration\("([\w.]+)"\)', text))
    assert used <= settings
    assert settings - used == {"archdsl.trace.server"}  # which the client reads for itself
    assert set(PACKAGE["capabilities"]["untrustedWorkspaces"]["restrictedConfigurations"]) <= settings


def test_the_extension_runs_commands_that_there_are() -> None:
    from archdsl.cli import COMMANDS

    text = "\n".join(SOURCES.values())
    run = set(re.findall(r'run\("\w+", \["(\w+)"', text)) | set(re.findall(r'args: \["(\w+)"\]', text))
    assert {"lsp", "cost", "compile", "diff", "explore"} == run
    assert run <= set(COMMANDS) | {"explore"}


def test_the_package_is_whole() -> None:
    contributes = PACKAGE["contributes"]
    (language,) = contributes["languages"]
    named = [language["configuration"], *(each["path"] for each in contributes["snippets"])]
    assert all((CODE / name).is_file() for name in named)
    assert {each["language"] for each in (*contributes["grammars"], *contributes["snippets"])} == {language["id"]}
    read(CODE / language["configuration"])
    packed = (CODE / ".vscodeignore").read_text().split("\n")
    for name in [*named, *(each["path"] for each in contributes["grammars"]), PACKAGE["main"]]:
        assert f"!{name.removeprefix('./')}" in packed
    assert PACKAGE["version"] == archdsl.__version__
    assert (CODE / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()


def test_the_lock_names_no_registry() -> None:
    lock = read(CODE / "package-lock.json")
    assert len(lock["packages"]) > 50
    assert not [name for name, each in lock["packages"].items() if "resolved" in each]


AROUND = """\
arch 1
use std.ops { conv, batch_norm, relu }
use std.blocks { conv_norm_act }
use std.regnet { simple_stem, y_block, pool_head }
use std.rules { increasing }
use std.scaling { alpha, w }

model net {
  input:  3 x 64 x 64
  stages: conv_norm_act { width: [8, 16, 24, 32]  stride: 2 }
  head:   pool_head(classes: 10)
%s
}

model family(depth: 1, width) {
  input:  3 x 64 x 64
  stages: conv_norm_act { width: width  depth: depth  stride: 2 }
  head:   pool_head(classes: 10)
}

%s
"""
INSIDE = {"expect", "source"}
"""Snippets for the body of a model."""


def filled(body: list[str]) -> str:
    """What a snippet inserts where nobody types anything."""
    text = re.sub(r"\$\{\d+:([^}]*)\}", r"\1", "\n".join(body))
    assert "${" not in text
    return text.replace("$0", "")


@pytest.mark.parametrize("name", SNIPPETS)
def test_a_snippet_compiles(name: str) -> None:
    snippet = SNIPPETS[name]
    text, prefix = filled(snippet["body"]), snippet["prefix"]
    if prefix == "model":
        text = text.replace("model net", "model other")
    if not text.startswith("arch 1") and prefix != "use":
        text = AROUND % ((text, "") if prefix in INSIDE else ("", text))
    project = Project(str(data_root() / "specs" / "snippet.arch"))
    compiler = Compiler(project)
    program, found, diagnostics = compiler.check(Source("snippet.arch", text, "specs/snippet.arch"))
    check_spaces(compiler, program, diagnostics, None)
    claims = prefix == "expect"  # those of another network do not hold of this one
    wrong = [d for d in diagnostics if not (claims and d.code.startswith("E5"))]
    assert not wrong, [d.message for d in wrong]
    assert found or prefix == "use"
    assert isinstance(diagnostics, Diagnostics)


def test_configurations_start_the_server() -> None:
    helix = tomllib.loads((EDITORS / "helix" / "languages.toml").read_text())
    server = helix["language-server"]["archdsl"]
    assert [server["command"], *server["args"]] == ["archdsl", "lsp"]
    assert helix["language"][0]["language-servers"] == ["archdsl"]
    zed = tomllib.loads((EDITORS / "zed" / "extension.toml").read_text())
    language = tomllib.loads((EDITORS / "zed" / "languages" / "arch" / "config.toml").read_text())
    assert zed["language_servers"]["archdsl"]["languages"] == [language["name"]]
    assert zed["version"] == archdsl.__version__
    for name in ("neovim/plugin/archdsl.lua", "emacs/archdsl-mode.el", "zed/src/lib.rs"):
        assert re.search(r'archdsl.{0,60}"lsp"|"lsp"', (EDITORS / name).read_text(), re.DOTALL), name


def test_the_total_of_the_documentation_is_what_is_counted() -> None:
    text = (ROOT / "docs" / "editors.md").read_text(encoding="utf-8")
    blocks = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL)]
    (said,) = [block for block in blocks if "acts" in block]
    net = archdsl.compile(said["model"])
    assert (said["flops"], said["params"], said["acts"]) == (net.cost.flops, net.cost.params, net.cost.acts)
    assert said["input"] == list(net.network.input)
