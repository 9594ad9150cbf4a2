"""`archdsl compile --package`: the files, and whose folder they are written to."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

import pytest
from cli_cases import Run

from archdsl.graph.conventions import CONVENTIONS

pytestmark = pytest.mark.usefixtures("net")


def test_package(run: Run) -> None:
    result = run("compile", "net.arch", "--package", "out/net", "--format", "json")
    report = json.loads(result.out)
    paths = ["pyproject.toml", "README.md", "hubconf.py", "archdsl.json"]
    inner = ["network.py", "__init__.py", "timm_adapter.py", "hub.py", "card.md", "py.typed"]
    expected = {f"out/net/{path}" for path in [*paths, *[f"net/{path}" for path in inner]]}
    assert {file["path"] for file in report["files"]} == expected
    assert {str(path) for path in Path("out").rglob("*") if path.is_file()} == expected
    assert run("compile", "net.arch", "--target", "torch", "-o", "plain").code == 0
    assert Path("out/net/net/network.py").read_text() == Path("plain/net.py").read_text()
    card = Path("out/net/README.md").read_text()
    for convention in CONVENTIONS:
        cost = json.loads(run("cost", "net.arch", "--convention", convention, "--format", "json").out)
        assert f"| {convention} | {cost['flops']:,} | {cost['params']:,} | {cost['acts']:,} |" in card
    record = json.loads(Path("out/net/archdsl.json").read_text())
    assert record["network"] == report["hash"]
    for path, digest in record["files"].items():
        assert hashlib.sha256(Path("out/net", path).read_bytes()).hexdigest() == digest


def test_whose_folder_a_package_is_written_to(run: Run) -> None:
    """Ours is replaced with --force, with what somebody put beside it left alone; no other folder is."""
    Path("mine").mkdir()
    assert run("compile", "net.arch", "--package", "mine").code == 0
    Path("mine/net/network.py").write_text("changed")
    Path("mine/weights.pt").write_text("kept")
    again = run("compile", "net.arch", "--package", "mine")
    assert again.code == 1
    assert "holds this package already; --force overwrites it" in again.err
    assert Path("mine/net/network.py").read_text() == "changed"
    assert run("compile", "net.arch", "--package", "mine", "--force").code == 0
    assert "class Net(" in Path("mine/net/network.py").read_text()
    assert Path("mine/weights.pt").read_text() == "kept"
    assert "holds the package net;" in run("compile", "net.arch", "--package", "mine", "--force", "--name", "other").err

    Path("theirs").mkdir()
    Path("theirs/README.md").write_text("theirs")
    for record in (None, "{", "[]", '{"package": 3}', "[" * 100_000):
        if record is not None:
            Path("theirs/archdsl.json").write_text(record)
        refused = run("compile", "net.arch", "--package", "theirs", "--force")
        assert refused.code == 1
        assert "is not empty and no package of archdsl's" in refused.err
    assert Path("theirs/README.md").read_text() == "theirs"
    assert "not a folder" in run("compile", "net.arch", "--package", "net.arch", "--force").err


@pytest.mark.parametrize("link", ["net", "net/network.py", "README.md", "archdsl.json"])
def test_a_package_is_not_written_through_links(run: Run, link: str) -> None:
    assert run("compile", "net.arch", "--package", "out").code == 0
    shutil.move(f"out/{link}", "elsewhere")
    before = contents(Path("elsewhere"))
    Path("out", link).symlink_to(Path("elsewhere").absolute())
    refused = run("compile", "net.arch", "--package", "out", "--force", "--set", "head.classes=3")
    assert refused.code == 1
    assert ("is a link: not followed" in refused.err) or ("no package of archdsl's" in refused.err)
    assert contents(Path("elsewhere")) == before


def test_a_package_with_its_form_for_inference(run: Run) -> None:
    """The form and a test of both are in the package; without --inference they would stay behind."""
    report = json.loads(run("compile", "net.arch", "--package", "out", "--inference", "--format", "json").out)
    inner = {"out/net/inference.py", "out/test_net_inference.py"}
    assert inner < {file["path"] for file in report["files"]}
    for form in ("training", "inference"):
        counts = report if form == "training" else report["inference"]
        row = f"| {form} | {counts['flops']:,} | {counts['params']:,} | {counts['acts']:,} |"
        assert row in Path("out/README.md").read_text()
    assert run("compile", "net.arch", "--inference", "-o", "plain").code == 0
    alone = Path("plain/net_inference.py").read_text()
    assert Path("out/net/inference.py").read_text() == alone
    names = {"import net_inference as": "import net.inference as", "import net as": "import net.network as"}
    test = Path("plain/test_net_inference.py").read_text()
    for before, after in names.items():
        test = test.replace(before, after)
    assert Path("out/test_net_inference.py").read_text() == test
    left = run("compile", "net.arch", "--package", "out", "--force")
    assert (left.code, "out/net/inference.py is of a package with --inference" in left.err) == (1, True)
    for path in inner:
        Path(path).unlink()
    assert run("compile", "net.arch", "--package", "out", "--force").code == 0


def test_whether_a_package_is_up_to_date(run: Run) -> None:
    def check(*options: str) -> tuple[int, dict[str, tuple[str, str]]]:
        result = run("compile", "net.arch", "--package", "out", "--check", "--format", "json", *options)
        report = json.loads(result.out)
        assert report["good"] is (result.code == 0)
        return result.code, {file["path"]: (file["state"], file["why"]) for file in report["files"]}

    code, files = check()
    assert (code, {state for state, _ in files.values()}, Path("out").exists()) == (1, {"missing"}, False)
    assert run("compile", "net.arch", "--package", "out").code == 0
    Path("out/weights.pt").write_text("somebody's")
    before = contents(Path("out"))
    code, files = check()
    assert (code, {state for state, _ in files.values()}, len(files)) == (0, {"same"}, len(before) - 1)
    code, files = check("--classes", "7")
    other = {path for path, (state, why) in files.items() if "of another network" in why}
    assert (code, other) == (
        1,
        {f"out/{path}" for path in ("README.md", "archdsl.json", "net/card.md", "net/network.py")},
    )
    code, files = check("--inference")
    assert (code, files["out/net/inference.py"][0], files["out/archdsl.json"][0]) == (1, "missing", "differs")
    Path("out/hubconf.py").write_text("import os\n")
    code, files = check()
    assert (code, [path for path, (state, _) in files.items() if state == "differs"]) == (1, ["out/hubconf.py"])
    assert check("--name", "other")[0] == 1
    shown = run("compile", "net.arch", "--package", "out", "--check")
    assert "+++ out/hubconf.py as compiled" in shown.out.splitlines()
    assert shown.out.endswith("out/archdsl.json: same\n")
    assert run("compile", "net.arch", "--package", "out", "--check", "--force").code == 2
    assert len(contents(Path("out"))) == len(before)


def contents(path: Path) -> list[str]:
    return [each.read_text() for each in sorted([path, *path.rglob("*")]) if each.is_file()]


def test_a_package_that_cannot_be_written_leaves_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a disk that is full, and stays so: also a package that was there stays as it was."""
    real = os.fsync
    left = 5

    def failing(file: int) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError(28, "No space left on device")
        real(file)

    monkeypatch.setattr(os, "fsync", failing)
    result = run("compile", "net.arch", "--package", "out/net")
    assert (result.code, Path("out").exists()) == (1, False)
    assert "timm_adapter.py: no space left on device" in result.err
    left = 1000
    assert run("compile", "net.arch", "--package", "out").code == 0
    before = contents(Path("out"))
    left = 5
    assert run("compile", "net.arch", "--package", "out", "--force", "--classes", "77").code == 1
    assert contents(Path("out")) == before
    assert not list(Path("out").rglob(".archdsl-*"))


@pytest.mark.parametrize(
    "options", [("-o", "out"), ("--target", "torch"), ("--recipe", "x"), ("--name", "timm"), ("--name", "_")]
)
def test_what_a_package_is_not_asked(run: Run, options: tuple[str, ...]) -> None:
    result = run("compile", "net.arch", "--package", "package", *options)
    assert (result.code, Path("package").exists()) == (2, False)
