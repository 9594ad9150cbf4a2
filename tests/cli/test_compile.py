"""`archdsl compile`: what is written where, under which name, and that all is written or nothing."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cli_cases import NET, ROOT, SPECS, Run
from pydantic import TypeAdapter

from archdsl import __version__
from archdsl.emission import TARGETS
from archdsl.views.checked_files import CheckedFiles
from archdsl.views.compile import CompileReport
from archdsl.views.failure import FailureReport
from archdsl.views.tables import size

REGNET = SPECS / "regnety_4gf.arch"
ENDINGS = {"torch": "net.py", "train": "train_net.py", "json": "net.json", "dot": "net.dot", "svg": "net.svg"}
EVERY = [word for target in TARGETS for word in ("--target", target)]
HEADLESS = NET.replace("  head:   classify\n", "").replace("  expect { params: 14.7K }\n", "")
OLD = "# mine\n"


def files(folder: Path) -> dict[str, bytes]:
    """All files below a folder, hidden ones too: path -> content."""
    paths = [path for path in folder.rglob("*") if path.is_file() or path.is_symlink()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() if path.exists() else b"" for path in paths}


def written(folder: Path) -> dict[str, bytes]:
    """All files below a project's folder but those that the fixtures put there."""
    return {name: content for name, content in files(folder).items() if name not in ("net.arch", "archdsl.toml")}


def report(run: Run, *arguments: Any) -> dict[str, Any]:
    result = run("compile", *arguments, "--format", "json")
    assert (result.code, result.err) == (0, "")
    TypeAdapter(CompileReport).validate_json(result.out, strict=True)
    found: dict[str, Any] = json.loads(result.out)
    return found


# What is written


def test_default_targets_and_names(run: Run, here: Path) -> None:
    result = run("compile", REGNET, "--scale", "dWr:4", "-o", "out")
    assert (result.code, result.err) == (0, "")
    assert set(written(here)) == {"out/regnety_4gf_dwr4.py", "out/train_regnety_4gf_dwr4.py"}
    reference = json.loads(run("cost", "regnety_4gf_dwr4", "--format", "json").out)
    text = (here / "out" / "regnety_4gf_dwr4.py").read_text()
    assert f'SPEC_HASH = "{reference["hash"]}"' in text
    assert "class RegNetY4GF_dWr4(nn.Module):" in text
    assert "import regnety_4gf_dwr4 as network" in (here / "out" / "train_regnety_4gf_dwr4.py").read_text()


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ((), "net"),
        (("--model", "net"), "net"),
        (("--name", "other"), "other"),
        (("--name", "other", "--scale", "wider:2"), "other"),
        (("--scale", "wider:2"), "net_wider2"),
        (("--scale", "wider:2", "--scale", "d:3"), "net_wider2_d3"),
        (("--scale", "wider", "--to", "params=60K"), "net_wider_params60k"),
        (("--scale", "wider", "--to", "params=60K", "--within", "5%"), "net_wider_params60k_within5"),
        (("--input", "3x48x32"), "net_3x48x32"),
        (("--input", "48x32", "--scale", "wider:2"), "net_wider2_48x32"),
        (("--resolution", "48"), "net_48x48"),
        (("--classes", "7"), "net"),
        (("--set", "head.classes=7"), "net"),
    ],
)
def test_names(run: Run, net: Path, arguments: tuple[str, ...], name: str) -> None:
    found = report(run, net.name, *arguments)
    assert found["name"] == name
    assert set(written(net.parent)) == {f"{name}.py", f"train_{name}.py"}


@pytest.mark.parametrize("target", TARGETS)
def test_one_target(run: Run, net: Path, target: str) -> None:
    result = run("compile", "net.arch", "--target", target)
    assert (result.code, result.err) == (0, "")
    assert list(written(net.parent)) == [ENDINGS[target]]


def test_every_target(run: Run, net: Path) -> None:
    found = report(run, "net.arch", *EVERY, "--target", "json", "-o", "out")
    assert {file["target"]: file["path"] for file in found["files"]} == {t: f"out/{n}" for t, n in ENDINGS.items()}
    contents = files(net.parent / "out")
    assert {file["path"]: file["bytes"] for file in found["files"]} == {f"out/{n}": len(b) for n, b in contents.items()}
    for name, content in contents.items():
        assert content.endswith(b"\n"), name
        assert b"\r" not in content, name
        assert found["hash"][:12] in content.decode(), name
        if name.endswith(".py"):
            compile(content, name, "exec")
    assert json.loads(contents["net.json"])["hash"] == found["hash"]


def test_the_same_changes_in_other_words(run: Run, net: Path) -> None:
    def hash_of(*arguments: str) -> str:
        return str(report(run, net.name, *arguments, "--force")["hash"])

    assert hash_of("--resolution", "48") == hash_of("--input", "48x48") != hash_of()
    assert hash_of("--classes", "7") == hash_of("--set", "head.classes=7") != hash_of()
    assert hash_of("--scale", "wider:2") == hash_of("--scale", "wider(2)") != hash_of()
    for arguments in (("--scale", "wider:3/2"), ("--input", "1x40x24"), ("--set", "stages.width=48")):
        cost = json.loads(run("cost", net, *arguments, "--format", "json").out)
        found = report(run, net.name, *arguments, "--force")
        assert {k: found[k] for k in ("hash", "input", "flops", "params", "acts", "model")} == {
            k: cost[k] for k in ("hash", "input", "flops", "params", "acts", "model")
        }


def test_a_number_of_classes(run: Run, net: Path) -> None:
    assert run("compile", "net.arch", "--classes", "7", "--target", "torch").code == 0
    assert "def __init__(self, num_classes: int = 7, in_channels: int = 3)" in (net.parent / "net.py").read_text()


def test_a_model_of_several(run: Run, net: Path) -> None:
    net.write_text(NET + "model tiny = net with { stages.depth: 1 }\n")
    assert report(run, "net.arch", "--model", "tiny")["model"] == "tiny"
    assert set(written(net.parent)) == {"tiny.py", "train_tiny.py"}


def test_the_files_say_where_they_come_from(run: Run, net: Path) -> None:
    changes = ["--set", "head.classes=7", "--scale", "wider:2", "--input", "48x48"]
    found = report(run, "net.arch", *changes)
    words = " ".join(f"Compiled by archdsl {__version__} from net.arch {' '.join(changes)}.".split())
    assert words in " ".join((net.parent / f"{found['name']}.py").read_text().split())
    assert "from net.arch with " + " ".join(changes) in (net.parent / f"train_{found['name']}.py").read_text()


def test_standard_input(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(NET.encode())))
    found = report(run, "-")
    assert (found["spec"], found["model"], found["name"]) == ("-", "net", "net")
    assert set(written(here)) == {"net.py", "train_net.py"}
    assert f"Compiled by archdsl {__version__} from standard input." in (here / "net.py").read_text()
    assert "from standard input." in (here / "train_net.py").read_text()


def test_the_same_bytes_again(run: Run, net: Path) -> None:
    """In this process, and in others whose sets have another order."""
    arguments = ["compile", str(REGNET), *EVERY, "--scale", "dWr:4"]
    assert run(*arguments, "-o", "first").code == 0
    assert run(*arguments, "-o", "second").code == 0
    first = files(net.parent / "first")
    assert len(first) == len(TARGETS)
    assert first == files(net.parent / "second")
    for seed in ("0", "1"):
        out = net.parent / f"seed{seed}"
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-m", "archdsl", *arguments, "-o", str(out)]
        subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
        assert files(out) == first, f"PYTHONHASHSEED={seed}"


def test_no_heavy_library_is_loaded(tmp_path: Path) -> None:
    code = (
        "import sys; from archdsl.cli import main; code = main(sys.argv[1:])\n"
        "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "compile", str(REGNET), *EVERY, "-o", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stderr.split())
    assert "archdsl" in loaded
    assert not loaded & {"torch", "numpy", "sympy", "networkx", "pydantic", "rich", "matplotlib"}


# What is said


def test_json(run: Run, net: Path) -> None:
    found = report(run, net.name, "-o", "out")
    schema = json.loads((ROOT / "docs" / "schema" / "compile.json").read_text())
    assert set(schema["required"]) <= set(found) <= set(schema["properties"])
    assert found["archdsl"] == __version__
    assert (found["spec"], found["model"], found["name"]) == ("net.arch", "net", "net")
    assert (found["input"], found["convention"]) == ([3, 32, 32], "papers")
    assert re.fullmatch("[0-9a-f]{64}", found["hash"])
    assert [(file["path"], file["target"]) for file in found["files"]] == [
        ("out/net.py", "torch"),
        ("out/train_net.py", "train"),
    ]


def test_the_summary(run: Run, net: Path) -> None:
    cost = json.loads(run("cost", net, "--format", "json").out)
    result = run("compile", "net.arch", "-o", "out")
    head, *_ = lines = result.out.splitlines()
    assert head == f"net, 3 x 32 x 32, hash {cost['hash'][:16]}"
    rows = {line.split()[0]: line.split() for line in lines if line}
    for row in cost["rows"]:
        assert rows[row["path"]][1] == row["block"]
        assert rows[row["path"]][-3:] == [f"{row[name]:,}" for name in ("flops", "params", "acts")]
        assert size(tuple(row["outputs"][0])) in " ".join(rows[row["path"]])
    assert rows["total"][-3:] == [f"{cost[name]:,}" for name in ("flops", "params", "acts")]
    assert f"flops are {cost['convention']['unit']}" in lines
    for name, target in (("out/net.py", "torch"), ("out/train_net.py", "train")):
        assert TARGETS[target] in " ".join(rows[name])
        assert rows[name][-1] == f"{(net.parent / name).stat().st_size:,}"
    assert all(len(line) <= 120 for line in lines)


# What is refused


@pytest.mark.parametrize(
    "arguments",
    [
        ("--resolution", "32", "--input", "32x32"),
        ("--resolution", "0"),
        ("--resolution", "big"),
        ("--classes", "0"),
        ("--classes", "ten"),
        ("--input", "big"),
        ("--set", "head.classes"),
        ("--scale", "wider"),
        ("--scale", "wider", "--to", "60K"),
        ("--to", "params=60K"),
        ("--target", "onnx"),
        ("--format", "csv"),
        ("--nonsense",),
        ("more.arch",),
    ],
)
def test_usage(run: Run, net: Path, arguments: tuple[str, ...]) -> None:
    result = run("compile", "net.arch", *arguments)
    assert (result.code, result.out) == (2, "")
    assert "Error" in result.err
    assert not written(net.parent)


def test_no_file_is_a_usage_error(run: Run, here: Path) -> None:
    assert run("compile").code == 2
    assert not written(here)


@pytest.mark.parametrize("name", ["torch", "json", "math", "os", "numpy", "tqdm", "sklearn", "PIL", "class", "None"])
def test_a_name_that_means_something_to_python(run: Run, net: Path, name: str) -> None:
    """As the model's name, which the files would have, and as the one asked for."""
    net.write_text(NET.replace("model net", f"model {name}"))
    result = run("compile", "net.arch")
    assert (result.code, result.out) == (2, "")
    assert name in result.err
    assert "--name" in result.err
    assert run("compile", "net.arch", "--name", name).code == 2
    assert not written(net.parent)
    assert report(run, "net.arch", "--name", "fine")["model"] == name
    assert set(written(net.parent)) == {"fine.py", "train_fine.py"}


@pytest.mark.parametrize("name", ["a.b", "a/b", "../a", "/a", "1a", "a b", "a-b", "é", "a\n", "lambda", "a" * 101])
def test_a_name_that_is_none(run: Run, net: Path, name: str) -> None:
    result = run("compile", "net.arch", "--name", name)
    assert (result.code, result.out) == (2, "")
    assert "--name" in result.err
    assert not written(net.parent)
    assert not (net.parent.parent / "a.py").exists()


@pytest.mark.parametrize("name", ["__main__", "typing_extensions", "scipy", "joblib", "threadpoolctl"])
def test_a_name_that_hides_what_the_training_script_loads(run: Run, net: Path, name: str) -> None:
    """`import __main__` is the script itself; the others are loaded by PyTorch and scikit-learn."""
    result = run("compile", "net.arch", "--name", name)
    assert result.code == 2, f"train_{name}.py loads {name}.py where it means another module"
    assert not written(net.parent)


def test_a_model_without_a_classifier(run: Run, net: Path) -> None:
    net.write_text(HEADLESS)
    for arguments in (("--target", "train"), ("--target", "torch", "--target", "train")):
        result = run("compile", "net.arch", *arguments)
        assert (result.code, result.out) == (1, "")
        assert "--target train: the network has no classifier" in result.err
        assert "--target torch writes the module alone" in result.err
        assert not written(net.parent)
    result = run("compile", "net.arch")
    assert result.code == 0
    assert "has no training entry point: the network has no classifier" in result.err
    assert set(written(net.parent)) == {"net.py"}


FAULTS = {
    "syntax": (NET.replace("input:", "input"), (), "E1"),
    "a name": (NET.replace("relu }", "rleu }").replace("act: relu", "act: rleu"), (), "E201"),
    "a shape": (NET.replace("3 x 32 x 32", "3 x 32"), (), "E3"),
    "a start": (NET.replace("  head:", "  init { conv: fan_in // 2 }\n  head:"), (), "E301"),
    "a setting": (NET, ("--set", "head.classs=3"), "E202"),
    "a scaling": (NET, ("--scale", "widr:2"), "E201"),
    "a model": (NET, ("--model", "nett"), "E201"),
    "nothing": ("", (), "E"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_file(run: Run, net: Path, fault: str) -> None:
    text, arguments, code = FAULTS[fault]
    net.write_text(text)
    result = run("compile", "net.arch", *arguments, "-o", "out")
    assert (result.code, result.out) == (1, "")
    assert f"error[{code}" in result.err
    result = run("compile", "net.arch", *arguments, "-o", "out", "--format", "json")
    assert (result.code, result.err) == (1, "")
    TypeAdapter(FailureReport).validate_json(result.out, strict=True)
    assert any(found["code"].startswith(code) for found in json.loads(result.out)["diagnostics"])
    assert not written(net.parent)
    assert not (net.parent / "out").exists()


@pytest.mark.parametrize("name", ["missing.arch", ".", "/dev/null", "a\0b", "x" * 300])
def test_a_path_that_is_no_file(run: Run, here: Path, name: str) -> None:
    result = run("compile", name)
    assert (result.code, result.out) == (1, "")
    assert "error[E" in result.err
    assert not written(here)


def test_a_claim_that_fails(run: Run, net: Path) -> None:
    """It is reported, and the files are written: the network is what it is."""
    net.write_text(NET.replace("14.7K", "99K"))
    result = run("compile", "net.arch")
    assert result.code == 1
    assert "error[E501]" in result.err
    assert "wrote" in result.out
    assert set(written(net.parent)) == {"net.py", "train_net.py"}


def test_a_claim_that_fails_in_json(run: Run, net: Path) -> None:
    net.write_text(NET.replace("14.7K", "99K"))
    result = run("compile", "net.arch", "--format", "json")
    assert result.code == 1
    TypeAdapter(CompileReport).validate_json(result.out, strict=True)
    assert len(written(net.parent)) == 2
    assert "E501" in result.out + result.err, "an exit code of 1, and not a word why"


# Where it is written


@pytest.mark.parametrize("folder", ["out", "out/a/b", "./out/../deep", "out/"])
def test_new_folders(run: Run, net: Path, folder: str) -> None:
    assert run("compile", "net.arch", "-o", folder).code == 0
    assert set(files(net.parent / folder)) == {"net.py", "train_net.py"}


@pytest.mark.parametrize("folder", ["net.arch", "net.arch/out"])
def test_a_folder_that_is_a_file(run: Run, net: Path, folder: str) -> None:
    result = run("compile", "net.arch", "-o", folder)
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith(f"Error: {folder}: ")
    assert net.read_text() == NET
    assert not written(net.parent)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written(run: Run, net: Path) -> None:
    (net.parent / "out").mkdir(mode=0o500)
    result = run("compile", "net.arch", "-o", "out")
    assert (result.code, result.out) == (1, "")
    assert not written(net.parent)


@pytest.mark.parametrize("name", ["net.py", "train_net.py"])
def test_nothing_is_overwritten(run: Run, net: Path, name: str) -> None:
    (net.parent / name).write_text(OLD)
    for form in ("table", "json"):
        result = run("compile", "net.arch", "--format", form)
        assert (result.code, result.out) == (1, "")
        assert name in result.err
        assert "--force" in result.err
        assert written(net.parent) == {name: OLD.encode()}
    assert run("compile", "net.arch", "--force").code == 0
    assert set(written(net.parent)) == {"net.py", "train_net.py"}
    assert (net.parent / name).read_text() != OLD


def test_links(run: Run, net: Path) -> None:
    """A link that leads nowhere is something that exists; with --force, what a link leads to is written."""
    (net.parent / "net.py").symlink_to("elsewhere.py")
    assert run("compile", "net.arch", "--target", "torch").code == 1
    assert not (net.parent / "elsewhere.py").exists()
    assert run("compile", "net.arch", "--target", "torch", "--force").code == 0
    assert (net.parent / "net.py").is_symlink()
    assert "SPEC_HASH" in (net.parent / "elsewhere.py").read_text()


@pytest.mark.parametrize("force", [(), ("--force",)])
@pytest.mark.parametrize("name", ["net.py", "train_net.py"])
def test_a_folder_in_the_place_of_a_file(run: Run, net: Path, name: str, force: tuple[str, ...]) -> None:
    (net.parent / name).mkdir()
    result = run("compile", "net.arch", *force)
    assert (result.code, result.out) == (1, "")
    assert name in result.err
    assert not written(net.parent)


def test_all_or_nothing_where_files_are_replaced(run: Run, net: Path) -> None:
    """The help's promise holds with --force too: nothing is written unless all can be."""
    (net.parent / "net.py").write_text(OLD)
    (net.parent / "train_net.py").mkdir()
    assert run("compile", "net.arch", "--force").code == 1
    assert written(net.parent) == {"net.py": OLD.encode()}


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_something_else_in_the_place_of_a_file(net: Path, kind: str) -> None:
    """It is neither read nor replaced: that would not end, with --force either."""
    place = net.parent / "train_net.py"
    os.mkfifo(place) if kind == "pipe" else place.symlink_to("/dev/null")
    for force in ([], ["--force"]):
        command = [sys.executable, "-m", "archdsl", "compile", "net.arch", *force]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, cwd=net.parent, env=environment, capture_output=True, text=True, timeout=1500)
        assert (done.returncode, done.stdout) == (1, "")
        assert "train_net.py" in done.stderr
        assert not (net.parent / "net.py").exists()
        assert os.path.lexists(place)


def fail_at(monkeypatch: pytest.MonkeyPatch, function: str, call: int) -> None:
    """Let the n-th call of a function of `os` fail as on a full disk."""
    calls = 0
    real = getattr(os, function)

    def failing(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call:
            raise OSError(28, "No space left on device")
        return real(*arguments)

    monkeypatch.setattr(os, function, failing)


def test_a_link_that_leads_nowhere_is_put_back(run: Run, net: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (net.parent / "net.py").symlink_to("elsewhere.py")
    fail_at(monkeypatch, "replace", 2)
    assert run("compile", "net.arch", "--force").code == 1
    assert (net.parent / "net.py").is_symlink()
    assert not (net.parent / "elsewhere.py").exists()
    assert not (net.parent / "train_net.py").exists()


@pytest.mark.parametrize("function", ["replace", "fsync"])
@pytest.mark.parametrize("call", [1, 2, 3])
@pytest.mark.parametrize("before", ["nothing", "all", "the first"])
def test_a_full_disk(
    run: Run, net: Path, monkeypatch: pytest.MonkeyPatch, before: str, function: str, call: int
) -> None:
    """A write that fails on the way leaves everything as it was, and no temporary files."""
    there = {"nothing": [], "all": [*ENDINGS.values()], "the first": [ENDINGS["torch"]]}[before]
    old = {name: OLD.encode() for name in ("mine.py", *there)}
    for name in old:
        (net.parent / name).write_text(OLD)
        (net.parent / name).chmod(0o640)
    fail_at(monkeypatch, function, call)
    result = run("compile", "net.arch", *EVERY, *(["--force"] if there else []))
    monkeypatch.undo()
    assert {(net.parent / name).stat().st_mode & 0o777 for name in old} == {0o640}
    if result.code == 0:  # it was the folder's fsync, without which files are written all the same
        assert function == "fsync"
        assert set(written(net.parent)) == {"mine.py", *ENDINGS.values()}
        return
    assert (result.code, result.out) == (1, "")
    assert "no space left on device" in result.err
    assert written(net.parent) == old


def test_a_file_whose_name_is_not_utf8(run: Run, net: Path) -> None:
    """The name stands in the files, which are UTF-8 all the same."""
    name = os.fsdecode(b"caf\xe9.arch")
    try:
        net.rename(net.parent / name)
    except OSError:
        pytest.skip("this file system has no such names")
    assert run("compile", name, *EVERY, "-o", "out").code == 0
    for path, content in files(net.parent / "out").items():
        assert content.decode("utf-8"), path


# For inference, and the files that are there already


def test_inference(run: Run, net: Path) -> None:
    """The module, its form, and a test; a module that is there as it would be written stays, whatever is asked."""
    found = report(run, "net.arch", "--inference", "-o", "out")
    names = ["net.py", "net_inference.py", "test_net_inference.py"]
    assert [Path(file["path"]).name for file in found["files"]] == names
    assert found["inference"]["params"] < found["params"]
    assert found["inference"]["folded"] > 0
    assert found["inference"]["stays"] == []
    form = (net.parent / "out" / "net_inference.py").read_text()
    assert f'SPEC_HASH = "{found["inference"]["hash"]}"' in form
    assert f'TRAINING_HASH = "{found["hash"]}"' in form
    refused = run("compile", "net.arch", "--inference", "-o", "out")
    assert (refused.code, "net_inference.py exists already; --force" in refused.err) == (1, True)
    (net.parent / "out" / "net_inference.py").unlink()
    (net.parent / "out" / "test_net_inference.py").unlink()
    assert "norms folded" in run("compile", "net.arch", "--inference", "-o", "out").out
    assert report(run, "net.arch", "-o", "plain")["inference"] is None
    other = report(run, "net.arch", "--inference", "-o", "out", "--name", "test_it")
    assert [(Path(file["path"]).name, file["target"]) for file in other["files"]] == [
        ("test_it.py", "torch"),
        ("test_it_inference.py", "inference"),
        ("test_test_it_inference.py", "inference test"),
    ]


def test_check(run: Run, net: Path) -> None:
    """Exit code 1 and the difference, whatever it is; nothing is written."""

    def check(*arguments: str) -> dict[str, Any]:
        result = run("compile", "net.arch", "-o", "out", "--check", "--format", "json", *arguments)
        TypeAdapter(CheckedFiles).validate_json(result.out, strict=True)
        told: dict[str, Any] = json.loads(result.out)
        assert result.code == (0 if told["good"] else 1)
        return {Path(file["path"]).name: (file["state"], file["why"]) for file in told["files"]}

    there = {"net.py": ("same", ""), "train_net.py": ("same", "")}
    assert {state for state, _ in check().values()} == {"missing"}
    assert not (net.parent / "out").exists()
    assert run("compile", "net.arch", "-o", "out").code == 0
    assert check() == there
    module = net.parent / "out" / "net.py"
    text = module.read_text()
    for changed, why in (
        (text + "# mine\n", "the network is the same, the text is not"),
        (text.replace("\n", "\r\n"), "its line ends are others"),
        (text.replace(f"archdsl {__version__}", "archdsl 0.0.9"), f"archdsl 0.0.9 wrote it, and this is {__version__}"),
    ):
        module.write_bytes(changed.encode())
        assert check() == {**there, "net.py": ("differs", why)}
    module.write_bytes(b"\xff\x00")
    assert check()["net.py"] == ("differs", "it is no text")
    module.write_text(text)
    state, why = check("--classes", "7")["net.py"]
    assert (state, why.startswith("it is of another network, ")) == ("differs", True)
    shown = run("compile", "net.arch", "-o", "out", "--check", "--classes", "7")
    assert (shown.code, shown.err) == (1, "")
    assert "num_classes: int = 7" in shown.out
    assert files(net.parent / "out")["net.py"] == text.encode()
    module.unlink()
    module.mkdir()
    assert "not a regular file" in run("compile", "net.arch", "-o", "out", "--check").err
    both = run("compile", "net.arch", "-o", "out", "--check", "--force")
    assert (both.code, "--check writes nothing" in both.err) == (2, True)
