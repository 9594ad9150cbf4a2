"""The table of codes: every code of the package stands in it, and its examples are true."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from cli_cases import ROOT, Run

from archdsl import limits
from archdsl.codes import codes
from archdsl.commands.check import check_files
from archdsl.diagnostics import Diagnostics

pytestmark = pytest.mark.fast

LITERAL = re.compile(r'"(E[1-7][0-9]{2})"')
CODES = codes()


def codes_of(path: Path) -> set[str]:
    diagnostics = Diagnostics()
    check_files([str(path)], diagnostics)
    return {diagnostic.code for diagnostic in diagnostics}


def test_the_table_has_every_code_of_the_package() -> None:
    table = ROOT / "archdsl" / "codes.py"
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "archdsl").rglob("*.py") if path != table]
    used = {code for text in texts for code in LITERAL.findall(text)}
    assert used == set(CODES)
    assert list(CODES) == sorted(CODES)


@pytest.mark.parametrize("code", [c for c in CODES if CODES[c].wrong is not None])
def test_examples_are_true(code: str, here: Path) -> None:
    entry = CODES[code]
    (here.parent / "secret.arch").write_text("arch 1\n")
    path = here / "net.arch"
    path.write_text(entry.wrong or "")
    assert codes_of(Path("net.arch")) == {code}
    assert entry.right is not None
    path.write_text(entry.right)
    assert not codes_of(Path("net.arch"))


def _bytes(content: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / "net.arch").write_bytes(content) and None


def _many_files(folder: Path) -> None:
    for number in range(limits.MAX_FILES + 2):
        text = f'use "f{number + 1}.arch" {{ a }}\n' if number else 'use "f1.arch" { a }\n'
        (folder / ("net.arch" if not number else f"f{number}.arch")).write_text(text + f"fn b{number}(x) = x\n")


LIMITS: dict[str, Callable[[Path], None]] = {
    "E106": _bytes(b"fn f(x) = " + b"(" * 101 + b"x" + b")" * 101 + b"\n"),
    "E107": _bytes(b"fn f(x) = [" + b"1, " * (limits.MAX_TOKENS // 2) + b"1]\n"),
    "E108": _bytes(b"model m { a 1 }\n" * (limits.MAX_SYNTAX_ERRORS + 2)),
    "E111": _bytes(b"# " + b"x" * limits.MAX_FILE_BYTES),
    "E112": _bytes(b"# \xff\n"),
    "E113": _bytes("# \u202e\n".encode()),
    "E115": _many_files,
    "E116": _bytes(
        b"use std.ops { conv }\nmodel f(w) { input: 3 x 8 x 8  stages: conv { width: w  kernel: 1 } }\nmodels f [\n"
        + b"| name | w |\n"
        + b"".join(b"| m%d | 1 |\n" % n for n in range(limits.MAX_MODELS + 1))
        + b"]\n"
    ),
}


COMPILING = {
    "E701": ("plain", "drop_path: 0.2"),
    "E702": ("mapped", ""),
}
"""Warnings of `compile` and `train`, which `check` does not give: a model, and a line of its recipe."""
FORMS = {"E320": "depth: [2]  width: 8 + 8 * block.index"}
"""Of closed forms, which `check` does not ask for: the attributes of the stages."""
NETWORKS = """\
use std.ops {{ conv, global_pool, linear }}
block classify(x; classes: 10) = x -> global_pool -> linear(classes)
model mapped {{ input: 3 x 8 x 8  stages: conv {{ width: 8  kernel: 1 }} }}
model plain = mapped with {{ head: classify }}
recipe short {{ epochs: 1  batch: 8  optimizer: sgd()  schedule: constant(peak: 0.1)  {line} }}
"""


def test_every_code_without_an_example_is_proved_here() -> None:
    assert set(LIMITS) | set(COMPILING) | set(FORMS) == {code for code, entry in CODES.items() if entry.wrong is None}


@pytest.mark.parametrize("code", FORMS)
def test_what_closed_forms_do_not_tell(run: Run, code: str, here: Path) -> None:
    stages = f"stages: conv {{ {FORMS[code]}  kernel: 1 }}"
    (here / "net.arch").write_text(f"arch 1\nuse std.ops {{ conv }}\nmodel m {{ input: 3 x 8 x 8  {stages} }}\n")
    result = run("cost", "net.arch", "--formulas", "--scale", "d(s)")
    assert (result.code, f"error[{code}]" in result.err) == (1, True)


@pytest.mark.parametrize("code", COMPILING)
def test_warnings_of_compiling(run: Run, code: str, here: Path) -> None:
    model, line = COMPILING[code]
    (here / "net.arch").write_text(NETWORKS.format(line=line))
    result = run("compile", "net.arch", "--model", model, "--recipe", "short", "-o", here / "out", "--format", "json")
    assert [d["code"] for d in json.loads(result.out)["diagnostics"]] == [code]


@pytest.mark.parametrize("code", LIMITS)
def test_limits(code: str, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    LIMITS[code](here)
    if code == "E116":  # not every one of the models needs to be built for this
        monkeypatch.setattr("archdsl.compiler.Compiler.elaborate", lambda *_: None)
        from archdsl.compiler import Compiler
        from archdsl.project import Project

        program, _, diagnostics = Compiler(Project("net.arch")).check(Project("net.arch").source())
        assert code in {d.code for d in diagnostics}
        assert len(program.models) <= limits.MAX_MODELS
        return
    assert code in codes_of(Path("net.arch"))


@pytest.mark.parametrize("code", CODES)
def test_explain(run: Run, code: str) -> None:
    result = run("explain", code.lower())
    assert result.code == 0
    assert result.out.startswith(f"{code}: {CODES[code].title}")
    assert all(len(line) <= 120 for line in result.out.splitlines())


def test_explain_an_unknown_code(run: Run) -> None:
    result = run("explain", "E399")
    assert result.code == 2
    assert "E391" in result.err


def test_titles_are_sentences_without_a_stop() -> None:
    for entry in CODES.values():
        assert entry.title[0].islower() or entry.title.startswith("UTF")
        assert not entry.title.endswith(".")
        assert entry.explanation.endswith(".")
