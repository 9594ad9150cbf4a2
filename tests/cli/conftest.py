"""Runs the command line in this process, on files of a folder of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cli_cases import NET, Result, Run

from archdsl.cli import main


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `archdsl` with arguments; its exit code and what it printed."""

    def running(*arguments: Any) -> Result:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        assert code in (0, 1, 2), err
        return Result(code, out, err)

    return running


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project, the current folder."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "archdsl.toml").write_text("")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def net(here: Path) -> Path:
    """A small model with a `fit`, in net.arch."""
    path = here / "net.arch"
    path.write_text(NET)
    return path
