"""A real editor with the configuration that ships: Neovim, headless, any version from 0.7 on."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import archdsl

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = ROOT / "editors" / "neovim"
SCRIPT = Path(__file__).with_name("neovim_session.lua")

NET = """\
arch 1
use std.regnet { simple_stem, y_block, pool_head }

# 😀 A network.
model small {
  input:  3 x 32 x 32
  stem:   simple_stem(width: 16)
  stages: y_block { width: [24, 48]  depth: [1, 2]  stride: 2  group_width: 8 }
  head:   pool_head(classes: 10)
}
"""


@pytest.mark.skipif(shutil.which("nvim") is None, reason="Neovim is not installed")
def test_a_file_is_mended_in_neovim(tmp_path: Path) -> None:
    file, report = tmp_path / "small.arch", tmp_path / "report.json"
    file.write_text(NET.replace("group_width", "grup_width"))
    program = tmp_path / "archdsl"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m archdsl "$@"\n')
    program.chmod(0o755)
    home = {name: str(tmp_path) for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")}
    given = {"ARCH_FILE": str(file), "ARCH_REPORT": str(report), "NVIM_LOG_FILE": str(tmp_path / "log")}
    path = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    command = ["nvim", "--headless", "-u", "NONE", "-i", "NONE", "-n"]
    command += ["--cmd", f"set runtimepath+={PLUGIN}", "-c", f"source {PLUGIN / 'plugin' / 'archdsl.lua'}"]
    done = subprocess.run(
        [*command, "-c", f"luafile {SCRIPT}"],
        env={**os.environ, **home, **given, **path},
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(report.read_text())
    assert found.get("done"), (found, done.stderr)
    line = NET.split("\n")[7]
    assert found["filetype"] == "arch"
    assert found["diagnostic"]["line"] == 7
    start = line.index("group_width")
    assert (found["diagnostic"]["column"], found["diagnostic"]["stop"]) == (start, start + len("grup_width"))
    assert "grup_width" in found["diagnostic"]["message"]
    assert found["word"] == "grup_width"
    assert "group_width" in found["title"]
    assert "se_ratio" in found["hover"]
    assert (found["library"], found["declared"]) == ("regnet.arch", "y_block")
    assert found["hints"] > 3
    assert found["clients"] == 1
    assert file.read_text() == NET  # mended, laid out and saved
    assert found["flops"] == archdsl.compile(str(file)).cost.flops
