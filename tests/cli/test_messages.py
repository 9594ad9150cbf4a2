"""What the command line says where it used to mislead, and where the machine fails it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cli_cases import NET, SPECS, Run

from archdsl.cli import main

SHIPPED = "regnetx_400mf"
HEADLESS = """\
arch 1
use std.ops { conv }
block b(x; width) = x -> conv(width, kernel: 1)
model m { input: 3 x 8 x 8  stages: b(8) }
scaling w(s) { width: width * s }
"""


def shell(command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command line of a shell, in which `$A` is archdsl."""
    given = {**os.environ, "A": f"{sys.executable} -m archdsl", **environment}
    return subprocess.run(
        ["/bin/bash", "-c", command], cwd=folder, env=given, capture_output=True, text=True, timeout=1500, check=False
    )


# Changes on the command line


def test_a_list_of_one_value_a_stage(run: Run, net: Path) -> None:
    """In `stages.…` a list stands for the stages where a number stood."""
    one = run("cost", "net.arch", "--set", "stages.depth=[2, 3]", "--set", "stages.width=[16, 24]", "--format", "csv")
    net.write_text(NET.replace("depth: [1, 2]  width: [18, 32]", "depth: [2, 3]  width: [16, 24]"))
    assert one.code == 0
    assert run("cost", "net.arch", "--format", "csv").out == one.out


def test_a_list_for_some_stages(run: Run, net: Path) -> None:
    ranged = run("cost", net, "--set", "stages[0 .. 1].width=[16, 24]", "--format", "csv")
    single = run("cost", net, "--set", "stages[0].width=16", "--set", "stages[1].width=24", "--format", "csv")
    assert (ranged.code, ranged.out) == (0, single.out)


def test_a_list_of_another_length(run: Run, net: Path) -> None:
    result = run("cost", net, "--set", "stages.depth=[3, 4, 6]")
    assert result.code == 1
    assert "E309" in result.err
    assert "`depth` has 3 values, and 2 stages change" in result.err


def test_a_list_where_a_list_stands_stays_one(run: Run, here: Path) -> None:
    text = (
        "use std.ops { conv, concat }\n"
        "block b(x; ks) = concat([x -> conv(4, kernel: k) for k in ks])\n"
        "model m { input: 3 x 8 x 8  stages: [b { ks: [1, 3] }, b { ks: [1, 3] }] }\n"
    )
    (here / "a.arch").write_text(text)
    (here / "b.arch").write_text(text.replace("[1, 3]", "[3, 5]"))
    changed = run("cost", "a.arch", "--set", "stages.ks=[3, 5]", "--format", "csv")
    assert (changed.code, changed.out) == (0, run("cost", "b.arch", "--format", "csv").out)


def test_a_set_changes_one_thing(run: Run, net: Path) -> None:
    result = run("cost", net, "--set", "stages.width=16 head.classes: 5")
    assert result.code == 1
    assert "`--set stages.width` changes one thing" in result.err


@pytest.mark.parametrize(
    ("name", "setting", "family"),
    [("rexnet_1_0x", "width_mult=1.3", "rexnet"), (SHIPPED, "w_a=30", "regnetx"), (SHIPPED, "depth=9", "regnetx")],
)
def test_a_parameter_of_the_family(run: Run, name: str, setting: str, family: str) -> None:
    result = run("cost", name, "--set", setting)
    assert result.code == 1
    assert "E202" in result.err
    assert f"the family `{family}`, which `{name}` has given" in result.err
    assert f":{family}` with this `--set`" in result.err


def test_the_family_that_is_named_takes_it(run: Run) -> None:
    assert run("cost", f"{SPECS / 'rexnet' / 'rexnet.arch'}:rexnet", "--set", "width_mult=1.3").code == 0


def test_a_head_that_a_scaling_leaves(run: Run, here: Path) -> None:
    text = HEADLESS.replace("stages: b(8) }", "stages: b(8)  head: tail }")
    text += "block tail(x; width: 8) = x + (x -> conv(width, kernel: 1))\n"
    (here / "m.arch").write_text(text)
    result = run("cost", "m.arch", "--scale", "w:2")
    assert result.code == 1
    assert "E401" in result.err
    assert "`follow { head.width: width }`" in result.err
    (here / "m.arch").write_text(text.replace("head: tail", "head: tail  follow { head.width: width }"))
    assert run("cost", "m.arch", "--scale", "w:2").code == 0


def test_nothing_was_derived(run: Run, here: Path) -> None:
    (here / "m.arch").write_text(HEADLESS.replace("x; width", "x").replace("conv(width", "conv(8").replace("b(8)", "b"))
    result = run("explain", "m.arch")
    assert result.code == 0
    assert "stages.0.depth" in result.out or "Nothing was derived" in result.out


def test_no_training_entry_point_without_a_classifier(run: Run, here: Path) -> None:
    (here / "m.arch").write_text(HEADLESS)
    result = run("compile", "m.arch", "-o", "out")
    assert result.code == 0
    assert "has no training entry point: the network has no classifier" in result.err
    assert [path.name for path in (here / "out").iterdir()] == ["m.py"]
    asked = run("compile", "m.arch", "-o", "other", "--target", "train")
    assert asked.code == 1
    assert "--target torch" in asked.err
    assert not (here / "other").exists()


def test_a_name_that_something_tries_to_import(run: Run, net: Path) -> None:
    result = run("compile", "net.arch", "--name", "gmpy2", "-o", "out")
    assert result.code == 2
    assert "gmpy2.py would hide" in result.err
    assert not (net.parent / "out").exists()


# Streams and folders


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("command", ["cost m.arch", "cost m.arch --format json", "show m.arch", "--help", "--version"])
def test_a_full_output(here: Path, command: str) -> None:
    (here / "m.arch").write_text(HEADLESS)
    result = shell(f"$A {command} > /dev/full", here)
    assert (result.returncode, result.stderr) == (4, "archdsl: the output cannot be written: no space left on device\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_standard_error(here: Path) -> None:
    result = shell("$A nonsense 2> /dev/full", here)
    assert (result.returncode, result.stderr) == (4, "")


def test_a_closed_output(here: Path) -> None:
    (here / "m.arch").write_text(HEADLESS)
    result = shell("$A compile m.arch -o out >&-", here)
    assert result.returncode == 4
    assert "the output cannot be written" in result.stderr
    assert "fault of archdsl" not in result.stderr
    assert (here / "out" / "m.py").read_text().startswith('"""')  # no other text got into it


def test_a_closed_standard_error(here: Path) -> None:
    result = shell("$A check nothing.arch 2>&-", here)
    assert (result.returncode, result.stderr) == (1, "")


def test_a_closed_input(here: Path) -> None:
    result = shell("$A check - <&-", here)
    assert result.returncode == 1
    assert "standard input is closed" in result.stderr


def test_an_output_that_nobody_reads(here: Path) -> None:
    result = shell("$A zoo 'regnetx_*' | head -1; exit ${PIPESTATUS[0]}", here)
    assert result.returncode in (0, 141)
    assert result.stderr == ""


def test_a_folder_that_is_gone(here: Path) -> None:
    gone = 'mkdir gone; cd gone; rmdir ../gone; "$@"'
    named = shell(f"set -- $A cost {SHIPPED} --format csv; {gone}", here, PYTHONPATH=str(SPECS.parent))
    assert named.returncode == 0, named.stderr
    read = shell(f"set -- $A check -; {gone} < /dev/null", here, PYTHONPATH=str(SPECS.parent))
    assert (read.returncode, read.stderr) == (4, "archdsl: the current folder does not exist any more\n")


def test_weights_in_a_folder_that_is_gone(here: Path) -> None:
    """Libraries of PyTorch would end the process, with a line about themselves."""
    pytest.importorskip("torch", reason="weights needs torch")
    gone = 'mkdir gone; cd gone; rmdir ../gone; "$@"'
    command = f"set -- $A weights {SHIPPED} {here}/none.pth -o {here}/out.safetensors; {gone}"
    found = shell(command, here, PYTHONPATH=str(SPECS.parent))
    assert (found.returncode, found.stderr) == (4, "archdsl: the current folder does not exist any more\n")


def test_a_library_that_fails(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    class Fault(RuntimeError):
        pass

    Fault.__module__ = "torch.cuda"

    def fails(*_: object, **__: object) -> None:
        raise Fault("out of memory")

    monkeypatch.setattr("archdsl.commands.zoo.say", fails)
    capsys.readouterr()
    assert main(["zoo", "resnet18"]) == 4
    assert capsys.readouterr().err == "archdsl: torch could not do it: Fault: out of memory\n"


# Text on the terminal

STRANGE = "a\x1b[31m\u202eb\rc.arch"


def is_plain(text: str) -> bool:
    return all(char == "\n" or (char.isprintable() and not "\u202a" <= char <= "\u202e") for char in text)


@pytest.mark.parametrize(
    "arguments",
    [
        ("fmt", "--check", "--diff", "."),
        ("fmt", "."),
        ("diff", STRANGE, "net.arch"),
        ("cost", STRANGE + "x"),
        ("cost", "net.arch", "--set", STRANGE),
        ("cost", "net.arch", "--scale", STRANGE),
        ("cost", "net.arch", "--" + STRANGE),
        ("check", "-v", "."),
        (STRANGE,),
    ],
)
def test_names_do_not_move_the_cursor(run: Run, net: Path, arguments: tuple[str, ...]) -> None:
    (net.parent / STRANGE).write_text(NET.replace(" = ", "="))
    result = run(*arguments)
    assert result.out + result.err
    assert is_plain(result.out + result.err)


def test_names_that_are_not_utf8(here: Path) -> None:
    (here / os.fsdecode(b"\xff.arch")).write_text("block b(x)=x\n")
    result = shell("$A fmt --diff .", here, PYTHONIOENCODING="ascii:strict")
    assert result.returncode == 0, result.stderr
    assert "\\u{DCFF}.arch" in result.stdout


def test_a_program_is_utf8_whatever_the_locale(here: Path) -> None:
    (here / "m.arch").write_text(HEADLESS.replace("stages", 'source { note: "é" }  stages'), encoding="utf-8")
    shown = shell("$A show m.arch > shown.arch", here, PYTHONIOENCODING="ascii")
    assert shown.returncode == 0, shown.stderr
    assert 'note: "é"' in (here / "shown.arch").read_text(encoding="utf-8")
    assert shell("$A diff m.arch:m shown.arch:m", here).returncode == 0
