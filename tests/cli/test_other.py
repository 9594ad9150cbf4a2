"""check, explain, fmt, diff, the group itself, and how faults end."""

from __future__ import annotations

import io
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cli_cases import NET, ROOT, SPECS, Run
from pydantic import TypeAdapter

from archdsl import __version__
from archdsl.cli import COMMANDS, main
from archdsl.diagnostics import Fault
from archdsl.project import Project, expand
from archdsl.syntax.formatter import format_source
from archdsl.views.check import CheckReport
from archdsl.views.diff import DiffReport
from archdsl.views.explain import ExplainReport

REGNET = SPECS / "regnety_4gf.arch"

# The group


def test_version(run: Run) -> None:
    assert run("--version").out == f"archdsl {__version__}\n"


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_has_examples(run: Run, command: str) -> None:
    result = run(*([command] if command else []), "--help")
    assert result.code == 0
    assert "Examples:" in result.out
    assert f"archdsl {command}".strip() in result.out
    assert all(len(line) <= 120 for line in result.out.splitlines())


def test_no_arguments_is_a_usage_error(run: Run) -> None:
    result = run()
    assert result.code == 2
    assert "Commands:" in result.out + result.err


def test_an_unknown_command(run: Run) -> None:
    result = run("chekc", "x")
    assert result.code == 2
    assert "Did you mean 'check'" in result.err
    assert run("zzzzzz").code == 2


# check


def test_check_all_specs() -> None:
    """All networks in one process, without a heavy library; `spaces/test_shipped.py` has the spaces."""
    folders = [path for path in sorted(SPECS.iterdir()) if path.name not in ("papers", "spaces")]
    done = without_heavy_libraries("check", "-v", *map(str, folders))
    assert done.returncode == 0
    assert len(done.stderr.splitlines()) == 1  # the names of modules alone
    assert "claims verified" in done.stdout
    assert "regnety_4gf              flops 4.0G                3,973,301,344  by papers: holds" in done.stdout


def test_check_names_the_module_that_is_meant(run: Run, net: Path) -> None:
    net.write_text(net.read_text().replace("use std.ops", "use std.regnt { y_block }\nuse std.ops", 1))
    assert "did you mean `std.regnet`?" in run("check", "net.arch").err


def test_check_json(run: Run) -> None:
    result = run("check", REGNET, "resnet50", "--format", "json")
    TypeAdapter(CheckReport).validate_json(result.out, strict=True)
    found = json.loads(result.out)
    assert [file["models"][0]["name"] for file in found["files"]] == ["regnety_4gf", "resnet50"]
    claim = found["files"][0]["models"][0]["claims"][0]
    assert (claim["figure"], claim["computed"], claim["convention"], claim["holds"]) == (
        *("4.0G", 3973301344),
        *("papers", True),
    )
    assert found["claims"] == 7


def test_check_reports_faults_of_all_files(run: Run, net: Path) -> None:
    net.write_text(NET.replace("14.7K", "99K"))
    (net.parent / "other.arch").write_text("arch 1\nmodel m { inptu: 3 }\n")
    result = run("check", ".")
    assert result.code == 1
    assert "error[E501]" in result.err
    assert "net.arch:" in result.err
    assert "other.arch:" in result.err
    assert "2 files with errors" in result.out
    result = run("check", ".", "--format", "json")
    assert (result.code, result.err) == (1, "")
    found = json.loads(result.out)
    assert found["errors"] == len(found["diagnostics"])
    assert {d["file"] for d in found["diagnostics"]} == {"net.arch", "other.arch"}


@pytest.mark.parametrize("phase", ["tokens", "ast", "names", "stages", "graph", "cost"])
def test_emit(run: Run, phase: str) -> None:
    result = run("check", "--emit", phase, REGNET)
    assert (result.code, result.err) == (0, "")
    words = {
        "tokens": "regnety_4gf",
        "ast": "Declaration",
        "names": "block y_block(x; width",
        "stages": "width = 128  (requested 96)",
        "graph": "stages.0.blocks.0.branch.conv1 = conv(",
        "cost": "3,973,301,344",
    }
    assert words[phase] in result.out


def test_emit_of_a_faulty_file(run: Run, here: Path) -> None:
    (here / "bad.arch").write_text("model net { input 3 }\n")
    for phase in ("ast", "names", "stages"):
        result = run("check", "--emit", phase, "bad.arch")
        assert result.code == 1, phase
        assert "error[E1" in result.err
    assert run("check", "--emit", "ast", "bad.arch", REGNET).code == 2
    assert run("check", "--model", "x", REGNET).code == 2


# explain


def test_explain_a_scaling(run: Run) -> None:
    result = run("explain", REGNET, "--scale", "dWr:4", "--format", "json")
    TypeAdapter(ExplainReport).validate_json(result.out, strict=True)
    found = {change["path"]: change for change in json.loads(result.out)["changes"]}
    width = found["stages.2.width"]
    assert (width["base"], width["multiplied"], width["rounded"], width["adjusted"]) == (
        *(512, "512 * 2^(4/5)"),
        *(888, 896),
    )
    assert "round_to" in width["rule"]
    assert width["rule_at"].startswith("std/scaling.arch:")
    assert width["fit"][0]["text"] == "width: floor(inner * bottleneck_ratio)"
    assert any("compatible(inner, group_width" in line["text"] for line in width["fit"])
    assert found["stages.0.width"]["fit"] == []
    assert {f"stages.{i}.{name}" for i in range(4) for name in ("depth", "width", "group_width")} <= set(found)
    text = run("explain", REGNET, "--scale", "dWr:4").out
    for words in ("base", "multiplied", "rounded", "adjusted", "891.443", "888", "896", "std/scaling.arch"):
        assert words in text


def test_explain_widths_by_block(run: Run) -> None:
    result = run("explain", "rexnet_1_0x", "--scale", "w:2", "--format", "json")
    found = {change["path"]: change for change in json.loads(result.out)["changes"]}
    assert found["stages.1.blocks.1.width"]["base"] == 38
    assert found["stages.1.blocks.1.width"]["multiplied"] == "38 * 2^(1/2)"
    assert found["stages.1.blocks.1.width"]["adjusted"] == 56


def test_explain_several_scalings(run: Run) -> None:
    result = run("explain", REGNET, "--scale", "w:2", "--scale", "w:2", "--format", "json")
    changes = [c for c in json.loads(result.out)["changes"] if c["path"] == "stages.0.width"]
    assert len(changes) == 2
    assert changes[0]["adjusted"] == changes[1]["base"]


def test_explain_without_a_scaling(run: Run) -> None:
    result = run("explain", REGNET, "--format", "json")
    found = {origin["path"]: origin for origin in json.loads(result.out)["origins"]}
    width = found["stages.0.width"]
    assert (width["requested"], width["used"]) == (96, 128)
    assert width["rule"].startswith("quantized_linear(")
    assert width["rule_at"].endswith("regnety_4gf.arch:9")
    assert width["fit"]
    text = run("explain", REGNET).out
    assert "quantized_linear(depth: 22" in text
    assert "width: floor(inner * bottleneck_ratio)" in text


# fmt


def test_fmt(run: Run, net: Path) -> None:
    tidy = format_source(Project("net.arch").source())
    assert tidy == NET
    untidy = NET.replace("  input:  3 x", " input:3 x")
    net.write_text(untidy)
    net.chmod(0o640)
    result = run("fmt", "--check", "--diff", "net.arch")
    assert result.code == 1
    assert "- input:3 x 32 x 32" in result.out
    assert "+  input:  3 x 32 x 32" in result.out
    assert net.read_text() == untidy
    assert run("fmt", "--diff", "net.arch").code == 0
    assert net.read_text() == untidy
    result = run("fmt", "net.arch")
    assert result.code == 0
    assert net.read_text() == NET
    assert stat.S_IMODE(net.stat().st_mode) == 0o640
    assert run("fmt", "--check", ".").code == 0


def test_fmt_of_a_faulty_file(run: Run, net: Path) -> None:
    net.write_text("model net { input 3 }\n")
    result = run("fmt", "net.arch")
    assert result.code == 1
    assert "error[E1" in result.err
    assert net.read_text() == "model net { input 3 }\n"


def test_fmt_of_standard_input(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert here
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"arch   1\nfn f(x)=x\n")))
    result = run("fmt", "-")
    assert (result.code, result.out, result.err) == (0, "arch 1\nfn f(x) = x\n", "")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_fmt_of_a_folder_that_may_not_be_written(run: Run, net: Path) -> None:
    net.write_text(NET.replace("  input:  3", "  input: 3"))
    net.parent.chmod(0o500)
    try:
        result = run("fmt", "net.arch")
    finally:
        net.parent.chmod(0o700)
    assert result.code == 1
    assert "was not written" in result.err


# diff


def diff(run: Run, *arguments: Any) -> dict[str, Any]:
    result = run("diff", *arguments, "--format", "json")
    TypeAdapter(DiffReport).validate_json(result.out, strict=True)
    found: dict[str, Any] = json.loads(result.out)
    assert result.code == (0 if found["same"] else 1)
    return found


def test_diff_of_the_same(run: Run, net: Path) -> None:
    layout = NET.replace("model net", "# another comment\nmodel other").replace("grouped", "block_of_groups")
    (net.parent / "other.arch").write_text(layout)
    found = diff(run, "net.arch", "other.arch:other")
    assert found["same"]
    assert found["a"]["hash"] == found["b"]["hash"]
    assert run("diff", "net.arch", "net.arch").out.endswith("Both mean the same.\n")


def test_diff_of_two_models(run: Run) -> None:
    found = diff(run, REGNET, "regnety_800mf")
    assert not found["same"]
    assert {"sign": "~", "path": "stages.0.width", "a": "128", "b": "64"} in found["differences"]
    assert sum(stage["flops_a"] for stage in found["stages"]) == found["a"]["flops"]
    text = run("diff", REGNET, "regnety_800mf").out
    assert "~ stages.0   depth 2 -> 1, width 128 -> 64, group_width 64 -> 16" in text
    assert "-3,176,118,016" in text


def test_diff_of_other_stages(run: Run, net: Path) -> None:
    (net.parent / "more.arch").write_text(
        NET.replace("[1, 2]", "[1, 2, 1]").replace("[18, 32]", "[18, 32, 64]").replace("  head:   classify\n", "")
    )
    found = diff(run, "net.arch", "more.arch:net")
    signs = {d["path"]: d["sign"] for d in found["differences"]}
    assert signs["stages.2.width"] == "+"
    assert signs["head"] == "-"
    assert "+ stages.2" in run("diff", "net.arch", "more.arch:net").out


def test_diff_of_preprocessing(run: Run, net: Path) -> None:
    (net.parent / "b.arch").write_text(NET.replace("  head: ", "  preprocess { crop: 7/8 }\n  head: "))
    found = diff(run, "net.arch", "b.arch:net")
    assert found["same_network"]
    assert not found["same"]


def test_diff_in_trouble(run: Run, net: Path) -> None:
    assert net.exists()
    assert run("diff", "net.arch", "missing.arch").code == 2
    assert run("diff", "net.arch").code == 2
    result = run("diff", "net.arch", "net.arch:nett")
    assert result.code == 2
    assert "did you mean `net`" in result.err


# Color, files, and ends


def test_color(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[" not in run("check", "missing.arch").err
    assert "\x1b[" in run("--color", "always", "check", "missing.arch").err
    assert "\x1b[" in run("check", "missing.arch", "--color", "always").err
    assert "\x1b[" not in run("--color", "always", "check", "missing.arch", "--color", "never").err
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in run("check", "missing.arch").err


CONTENTS = {
    "binary": bytes(range(256)),
    "nul": b"arch 1\n\0",
    "bidi": "arch 1 # \u202e\n".encode(),
    "latin": b"arch 1 # \xe9\n",
    "empty": b"",
    "brackets": b"(" * 100_000,
    "surrogate": b"\xed\xa0\x80",
}


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
@pytest.mark.parametrize("command", ["check", "cost", "show", "explain", "fmt", "diff"])
def test_hostile_files(run: Run, here: Path, command: str, content: bytes) -> None:
    (here / "x.arch").write_bytes(content)
    result = run(command, "x.arch", *(["x.arch"] if command == "diff" else []))
    if content or command not in ("check", "fmt"):
        assert result.code == (2 if command == "diff" else 1)
        assert "error[E" in result.err


@pytest.mark.parametrize("name", ["missing.arch", ".", "..", "/dev/null", "x" * 300, "a\0b", "net.arch/x", "\udcff"])
def test_paths_that_are_no_file(run: Run, here: Path, name: str) -> None:
    assert here
    result = run("cost", name)
    assert result.code == 1
    assert "error[E" in result.err
    result = run("cost", name, "--format", "json")
    assert result.code == 1
    assert json.loads(result.out)["diagnostics"]


def test_a_link_that_leaves_the_project(run: Run, here: Path) -> None:
    (here.parent / "out.arch").write_text(NET)
    (here / "in.arch").symlink_to(here.parent / "out.arch")
    result = run("cost", "in.arch")
    assert result.code == 1
    assert "E205" in result.err


def test_names_are_those_that_the_user_sees(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "lib").mkdir()
    (here / "nets").mkdir()
    (here / "lib" / "blocks.arch").write_text("arch 1\nfn f(x) = y\n")
    (here / "nets" / "net.arch").write_text('arch 1\nuse "../lib/blocks.arch" { f }\n')
    monkeypatch.chdir(here / "nets")
    assert "--> ../lib/blocks.arch:2:11" in run("check", "net.arch").err
    monkeypatch.chdir(here)
    assert "--> lib/blocks.arch:2:11" in run("check", "nets/net.arch").err
    assert f"--> {here.resolve()}/lib/blocks.arch:2:11" in run("check", here / "nets" / "net.arch").err


def test_the_library_has_only_its_own_modules(here: Path) -> None:
    assert here
    project = Project("net.arch")
    assert project.library("regnet") is not None
    for name in ("nothing", "../regnet", "", "a.b", "Regnet", "re\ngnet", "x" * 1000):
        assert project.library(name) is None
    with pytest.raises(Fault):
        project.file("nothing.arch")


def test_folders_are_walked(here: Path) -> None:
    for name in ("b.arch", "a.arch", "deep/c.arch", ".hidden/d.arch", "e.txt"):
        (here / name).parent.mkdir(exist_ok=True)
        (here / name).write_text("")
    assert expand((".", "e.txt", "a.arch")) == ["a.arch", "b.arch", "deep/c.arch", "e.txt"]


def test_interrupted(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("archdsl.compiler.Compiler.compile", interrupt)
    assert main(["cost", str(REGNET)]) == 130
    assert "Traceback" not in capsys.readouterr().err


def test_a_fault_of_ours(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(*_: Any) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("archdsl.compiler.Compiler.compile", fail)
    assert main(["cost", str(REGNET)]) == 3
    said = capsys.readouterr().err
    assert "ZeroDivisionError: oops" in said
    assert "Traceback" not in said
    monkeypatch.setenv("ARCHDSL_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        main(["cost", str(REGNET)])


def test_a_pipe_that_no_one_reads() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "archdsl", "check", "--emit", "graph", str(REGNET)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 141


def test_an_output_that_has_no_unicode() -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [sys.executable, "-m", "archdsl", "explain", str(REGNET), "--scale", "dWr:4"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        check=True,
    )
    assert b"\\u2026" in done.stdout


HEAVY = {"torch", "numpy", "sympy", "networkx", "pydantic", "rich", "matplotlib", "jinja2"}


def without_heavy_libraries(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own, which loads no heavy library."""
    code = (
        "import sys; from archdsl.cli import main; code = main(sys.argv[1:])\n"
        "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True)
    assert not HEAVY & set(done.stderr.split()), arguments
    return done


def test_cheap_commands_load_no_heavy_library() -> None:
    for arguments in (
        ["cost", str(REGNET), "--format", "json"],
        ["show", str(REGNET)],
        ["explain", str(REGNET), "--scale", "dWr:4"],
        ["fmt", "--check", str(REGNET)],
    ):
        assert without_heavy_libraries(*arguments).returncode == 0, arguments
