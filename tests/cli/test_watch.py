"""`--watch`: what runs again, when, and what ends it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cli_cases import NET, Run

from archdsl import watching
from archdsl.cli import cli, main
from archdsl.watching import PATIENCE, watch


class Enough(Exception):
    """The end of a test's looks."""


class Editor:
    """Stands for the time between two looks: what is done in it, one after the other, then nothing for a while."""

    def __init__(self, *edits: Callable[[], object]) -> None:
        self.edits = list(edits)
        self.looks = 0

    def __call__(self, _seconds: float) -> None:
        self.looks += 1
        if self.edits:
            self.edits.pop(0)()
        elif self.looks > 60:
            raise Enough


def write(path: Path, text: str) -> None:
    """Put a new file in the place of the old one, as editors do. Its stamp is another one whatever the clock says."""
    aside = path.with_name("aside")
    aside.write_text(text)
    os.rename(aside, path)


def nothing() -> None:
    """A look at which nothing has changed."""


def runs_of(given: tuple[str, ...], read: Callable[[], object], *edits: Callable[[], object]) -> int:
    """How often a command runs that reads something, while somebody edits."""
    runs = 0

    def run() -> None:
        nonlocal runs
        runs += 1
        read()

    with pytest.raises(Enough):
        watch(run, given, Editor(*edits))
    return runs


def check(*files: str) -> Callable[[], object]:
    return lambda: main(["check", *files])


def test_a_used_file_runs_it_again(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "net.arch").write_text(NET.replace("use std.ops {", 'use "parts/b.arch" { other }\nuse std.ops {'))
    (here / "parts").mkdir()
    used = here / "parts" / "b.arch"
    used.write_text("arch 1\nfn other(a) = a\n")
    read = check("net.arch")
    assert runs_of(("net.arch",), read, nothing, lambda: write(used, "arch 1\nfn oter(a) = a\n"), nothing) == 2
    out, err = capsys.readouterr()
    assert out.index("1 claim verified") < out.index(f"--- {Path('parts/b.arch')}\n")
    assert "E201" in err
    assert err.count("watching 2 files; Ctrl-C ends") == 2


def test_what_was_not_read_and_what_stayed_the_same_runs_nothing(here: Path, net: Path) -> None:
    assert net.name == "net.arch"
    (here / "b.arch").write_text(NET)
    assert runs_of(("net.arch",), check("net.arch"), lambda: write(here / "b.arch", NET + "\n"), nothing) == 1


def test_a_file_that_is_gone_for_a_moment(net: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edits = [net.unlink, nothing, nothing, lambda: net.write_text(NET + "\n")]
    assert runs_of(("net.arch",), check("net.arch"), *edits) == 2
    assert "E110" not in capsys.readouterr().err
    forever: list[Callable[[], object]] = [net.unlink, *[nothing] * (PATIENCE + 3), lambda: net.write_text(NET)]
    assert runs_of(("net.arch",), check("net.arch"), *forever) == 3
    assert capsys.readouterr().err.count("E110") == 1


def test_a_file_that_is_being_written_is_waited_for(net: Path) -> None:
    edits = [lambda n=n: net.write_text(NET[: 40 * n]) for n in range(1, 9)]
    assert runs_of(("net.arch",), check("net.arch"), *edits, lambda: net.write_text(NET)) == 2


@pytest.mark.usefixtures("net")
def test_a_new_file_of_a_folder(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert runs_of((".",), check("."), lambda: write(here / "b.arch", NET), nothing) == 2
    assert "--- b.arch\n" in capsys.readouterr().out


def test_a_change_while_it_runs_is_not_lost(net: Path) -> None:
    edits = [lambda: write(net, NET + "#\n")]

    def read() -> None:
        check("net.arch")()
        if edits:
            edits.pop()()

    assert runs_of(("net.arch",), read) == 2


def test_a_row_of_a_table_runs_again_with_its_table(here: Path) -> None:
    table = here / "pop.csv"
    table.write_text("a\n")
    assert runs_of(("pop.csv:1",), lambda: None, lambda: write(table, "b\n"), nothing) == 2


@pytest.mark.usefixtures("net")
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("check", "--watch", "-"), "standard input"),
        (("check", "--watch", "--format", "json", "net.arch"), "--format text"),
        (("cost", "--watch", "--format", "csv", "net.arch"), "--format table or md"),
        (("cost", "--watch", "net.arch", "--set", "1"), "--set"),
    ],
)
def test_faults_of_the_command_line_end_it(run: Run, arguments: tuple[str, ...], says: str) -> None:
    result = run(*arguments)
    assert result.code == 2
    assert says in result.err


def test_a_fault_of_the_file_does_not(
    net: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    editor = Editor(lambda: write(net, NET.replace("kernel", "kernal")), nothing, lambda: write(net, NET))
    monkeypatch.setattr(watching.watch, "__defaults__", (editor,))
    with pytest.raises(Enough):
        cli.main(["cost", "--watch", "net.arch"], standalone_mode=False)
    out, err = capsys.readouterr()
    good, bad, mended = out.split("--- net.arch\n")
    assert (bad, mended) == ("", good)
    assert err.count("E202") == 1


def test_ctrl_c_ends_it(here: Path, net: Path) -> None:
    """As a user does it: another process, whose output is read while it waits."""
    command = [sys.executable, "-m", "archdsl", "check", "--watch", "net.arch"]
    with subprocess.Popen(command, cwd=here, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stdout is not None
        assert "watching 1 file" in process.stderr.readline()
        write(net, NET.replace("kernel", "kernal"))
        while "watching" not in (line := process.stderr.readline()):
            assert line, "it ended"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=300)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert [line for line in out.splitlines() if line.startswith("---")] == ["--- net.arch"]
