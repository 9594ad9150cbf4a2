"""Completion: what each place of a command line may be, and that shells take it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from cli_cases import NET, ROOT, Run

from archdsl.cli import COMMANDS, cli, main
from archdsl.codes import codes
from archdsl.commands.completing import OPEN, PATH
from archdsl.completion import SHELLS
from archdsl.graph.conventions import CONVENTIONS
from archdsl.zoo import declared, declared_spaces, families

Ask = Callable[[str], list[tuple[str, str]]]
TABLE = 'use "net.arch" { net, wider as broader }\nmodels net [| name | width |\n | a1 | 3 |\n | a2 | 4 |]\n'


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    """The kinds and words that bash is answered for a line, in this process."""

    def asking(line: str) -> list[tuple[str, str]]:
        monkeypatch.setenv("_ARCHDSL_COMPLETE", "bash_complete")
        monkeypatch.setenv("COMP_LINE", line)
        monkeypatch.setenv("COMP_BREAKS", " \t\n\"'><=;|&(:")
        capsys.readouterr()
        assert main([]) == 0
        out, err = capsys.readouterr()
        assert err == ""
        return [(kind, value) for kind, _, value in (item.partition(",") for item in out.splitlines())]

    return asking


def values(found: list[tuple[str, str]]) -> list[str]:
    return [value for _, value in found]


@pytest.fixture
def places(here: Path) -> Path:
    (here / "net.arch").write_text(NET.replace("model net {", "model net(times: 1; ratio: 2) {"))
    (here / "table.arch").write_text("arch 1\n" + TABLE)
    (here / "broken.arch").write_text(NET + "model half_typed(a: { \x00 ((([[[ models")
    (here / "latin.arch").write_bytes(b"model caf\xe9 {}")
    (here / "nets").mkdir()
    (here / "nets" / "a b.arch").write_text("arch 1\nspace room { model: net }\nmodel m = net\n")
    return here


def test_commands_options_and_their_words(ask: Ask) -> None:
    assert values(ask("archdsl ")) == list(COMMANDS)
    assert values(ask("archdsl che")) == ["check"]
    assert set(values(ask("archdsl space "))) == {"info", "count", "sample", "enumerate", "diff", "contains"}
    assert values(ask("archdsl check --for")) == ["--format"]
    assert values(ask("archdsl check --format ")) == ["text", "json", "sarif", "github"]
    assert values(ask("archdsl cost net.arch --convention ")) == list(CONVENTIONS)
    assert values(ask("archdsl cost net.arch --explain ")) == list(CONVENTIONS)
    assert values(ask("archdsl completion ")) == list(SHELLS)


def test_what_ships(ask: Ask) -> None:
    named = [name for name in declared() if name.startswith("regnety_4")]
    assert sorted(values(ask("archdsl cost regnety_4"))) == sorted(named)
    named = [name for name in declared_spaces() if name.startswith("regnetx_l")]
    assert sorted(values(ask("archdsl space count regnetx_l"))) == sorted(named)
    assert values(ask("archdsl zoo --family ")) == list(families())
    assert values(ask("archdsl explain e30")) == [code for code in codes() if code.startswith("E30")]
    assert "fast_scaling:1" in values(ask("archdsl paper 'fast_scaling:"))
    assert ask("archdsl zoo --max f") == [(OPEN, "flops=")]


@pytest.mark.usefixtures("places")
def test_files_and_what_they_declare(ask: Ask) -> None:
    assert ask("archdsl cost ne") == [(PATH, "net.arch"), (PATH, "nets")]  # bash sees for itself which is a folder
    assert ask("archdsl cost nets/") == [(PATH, "nets/a b.arch")]
    assert ask("archdsl cost net.arch:") == [("plain", "net")]  # what stands behind the break
    assert ask("archdsl cost 'net.arch:") == [("plain", "net.arch:net")]
    assert ask('archdsl cost "nets/a b.arch:') == [("plain", "nets/a b.arch:m")]
    assert values(ask("archdsl cost table.arch --model ")) == ["a1", "a2"]
    assert values(ask("archdsl space count 'nets/a b.arch' ")) == ["room"]
    assert ask("archdsl cost net.arch --set r") == [(OPEN, "ratio=")]
    assert ask("archdsl cost --set r") == [("file", "r")]
    scalings = ("wider", "w", "wr", "w_fixed_group", "wr_fixed_group", "width_mult")
    assert ask("archdsl cost net.arch --scale w") == [(OPEN, f"{name}:") for name in scalings]
    assert values(ask("archdsl cost table.arch --scale br")) == ["broader:"]
    assert values(ask("archdsl cost net.arch --scale=dWr")) == ["dWr:", "dWr_fixed_group:"]
    assert values(ask("archdsl cost net.arch --scale wider=dWr")) == ["dWr:", "dWr_fixed_group:"]
    recipes = values(ask("archdsl compile net.arch --recipe regnet_"))
    assert "regnet_100_epochs" in recipes
    assert "regnet_training" not in recipes  # which needs arguments
    assert ask("archdsl compile net.arch -o ne") == [("file", "ne")]


@pytest.mark.parametrize("file", ["broken.arch", "latin.arch", "none.arch", "nets", "-", "no_such_net", "'"])
@pytest.mark.parametrize("option", ["--model ", "--set ", "--scale x", "--recipe z"])
def test_broken_files_are_silent(ask: Ask, places: Path, file: str, option: str) -> None:
    assert places.is_dir()
    assert ask(f"archdsl compile {file} {option}") is not None
    assert ask(f"archdsl compile {file}:") is not None


def test_a_broken_file_has_what_can_be_read(ask: Ask, places: Path) -> None:
    half = "\nmodel broken = = 3\nmodel late = net\nmodel half_typed(a) {\n  input: 3 x"
    (places / "half.arch").write_text(NET + half)
    found = values(ask("archdsl cost half.arch --model "))
    assert [name for name in found if name not in ("broken", "half_typed")] == ["net", "late"]


def all_commands(
    command: click.Command, ctx: click.Context, path: str = "archdsl"
) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(command, click.Group):
        yield path, command
        return
    for name in command.list_commands(ctx):
        inner = command.get_command(ctx, name)
        assert inner is not None
        yield from all_commands(inner, ctx, f"{path} {name}")


def test_every_argument_says_what_it_may_be() -> None:
    """Results of ours, which are files of any name, the shell completes; all else has words."""
    unsaid = {
        f"{path}: {parameter.name}"
        for path, command in all_commands(cli, click.Context(cli))
        for parameter in command.params
        if isinstance(parameter, click.Argument)
        and type(parameter.type) is type(click.STRING)
        and parameter._custom_shell_complete is None
    }
    files = {f"{path}: file" for path in ("archdsl plot bench", "archdsl plot rank", "archdsl study rank")}
    statistics = ("best", "compare", "curve", "edf", "efit", "front", "profile", "trend")
    tables = {f"archdsl {group} {name}: pops" for group in ("population", "plot") for name in statistics}
    assert unsaid <= files | tables | {"archdsl plot spectrum: files"}


def test_completing_loads_no_heavy_library() -> None:
    code = "import sys; from archdsl.cli import main; main([]); print(*sys.modules)"
    line = {"_ARCHDSL_COMPLETE": "bash_complete", "COMP_LINE": "archdsl cost regnety_4gf --scale d"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | line, capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert "dWr:" in done.stdout
    assert not {"torch", "numpy", "sympy", "networkx", "lark", "scipy", "matplotlib"} & set(done.stdout.split())


def test_the_command_refuses_other_shells(run: Run) -> None:
    result = run("completion", "tcsh")
    assert (result.code, result.out) == (2, "")


# Shells.


@pytest.fixture
def shell(places: Path, tmp_path: Path) -> Callable[..., str]:
    """A script of a shell, run where `archdsl` is a command."""
    command = tmp_path / "bin" / "archdsl"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m archdsl "$@"\n')
    command.chmod(0o755)
    environment = os.environ | {"PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}", "HOME": str(tmp_path)}

    def running(name: str, *options: str, text: str) -> str:
        if shutil.which(name) is None:
            pytest.skip(f"{name} is not installed")
        done = subprocess.run(
            [name, *options], input=text, cwd=places, env=environment, capture_output=True, text=True, timeout=300
        )
        assert done.stderr == ""
        return done.stdout

    return running


def test_bash(shell: Callable[..., str]) -> None:
    """What bash does with the words is asked of bash: its own function for file names stays out of it."""
    script = """
    eval "$(archdsl completion bash)"
    complete -p archdsl
    compopt() { options+="${*: -1} "; }
    answer() {
        COMP_LINE=$1 COMP_POINT=${#1} options=
        _archdsl_completion archdsl
        printf '%s|' "$options" "${COMPREPLY[@]}"; echo
    }
    answer 'archdsl check --format s'
    answer 'archdsl cost nets/'
    answer 'archdsl cost regnety_4gf --scale dW'
    answer 'archdsl cost latin.arch --model '
    """
    out = shell("bash", "--norc", "--noprofile", text=script)
    assert out.splitlines() == [
        "complete -o nosort -F _archdsl_completion archdsl",
        "|sarif|",
        "filenames |nets/a b.arch|",
        "nospace nospace |dWr:|dWr_fixed_group:|",
        "default |",
    ]


def test_zsh(shell: Callable[..., str]) -> None:
    """The functions of completion exist at a prompt only; what is given to them is what counts."""
    script = """
    compdef() { echo "compdef $*"; }
    compadd() { [[ $* == *"-S "* ]] && echo "open $open" || echo "plain $plain"; }
    _describe() { echo "described ${described[1]}"; }
    _path_files() { echo "files"; }
    source <(archdsl completion zsh)
    answer() { words=("$@"); CURRENT=$#; _archdsl_completion; }
    answer archdsl cost ne
    answer archdsl zo
    answer archdsl compile net.arch -o n
    exit 0
    """
    out = shell("zsh", "-f", text=script)
    assert out.splitlines() == [
        "compdef _archdsl_completion archdsl",
        "plain net.arch",
        "open nets/",
        f"described zoo:{COMMANDS['zoo'][1]}",
        "files",
    ]


def test_fish(shell: Callable[..., str]) -> None:
    script = """
    archdsl completion fish | source
    complete -C 'archdsl cost ne'
    complete -C 'archdsl cost regnety_4gf --scale dW'
    complete -C 'archdsl explain E10'
    """
    out = shell("fish", "--no-config", text=script)
    found = [line.partition("\t")[0] for line in out.splitlines()]
    assert found[:4] == ["net.arch", "nets/", "dWr:", "dWr_fixed_group:"]
    assert found[4:] == [code for code in codes() if code.startswith("E10")]
