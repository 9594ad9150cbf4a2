"""The documentation is code: every fenced block of `docs/` and of the README runs, and every table is compared.

What stands behind the three backticks says how:

    arch                a program, which compiles without diagnostics
    arch expect=E304    a program with these diagnostics and no others
    arch file=NAME      a program that the page's commands after it find under this name
    arch values         lines `expression   # value`
    arch fragment       a part: declarations, or fields of a model; what it uses is brought in from the library
    text paths          the paths of the operations of the program before; `…` stands for any lines
    text diagnostics    the diagnostics of the program before; `…` stands for any lines
    console             `$ archdsl …` with its output, in a folder with `specs/`; `…` stands for any text
    python              runs in a folder with `specs/`
    python emitted      stands so in the module that `archdsl compile` writes for specs/regnety_4gf.arch
    python by hand      code that was written to be looked at
    sh                  is read by the shell and not run: `test_packaging.py` and `.ci/run` run the set-up
    json, toml          a file of settings, which is read
    lua, elisp          a setting of an editor, in whose language brackets and strings are whole
    text file=NAME      a file, such as a table, that the page's commands after it find under this name
    text, or nothing    is not code

Programs stand in `specs/`, as far as their `use` of files goes.
"""

from __future__ import annotations

import ast
import gc
import json
import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import docs_tables
import forked
import pytest

import archdsl
from archdsl import cli
from archdsl.analysis import recipe_fields
from archdsl.analysis.context import AlreadyReported
from archdsl.analysis.trace import show_value
from archdsl.compiler import Compilation, Compiler
from archdsl.diagnostics import Diagnostic, Diagnostics, Fault
from archdsl.graph.conventions import CONVENTIONS
from archdsl.graph.operations import OPERATIONS
from archdsl.resources import read_data
from archdsl.source import Source, Span
from archdsl.spaces.check import check_spaces
from archdsl.views.diagnostics import render_all

ROOT = docs_tables.ROOT
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"])
ITEM_WORDS = ("arch", "use", "fn", "block", "model", "models", "scaling", "recipe", "space")


@dataclass(frozen=True)
class Code:
    """A fenced block: what stands behind the backticks, its text, and the block before it."""

    page: Path
    line: int
    info: str
    text: str
    before: Code | None = field(repr=False)

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


def blocks(page: Path) -> Iterator[Code]:
    found: Code | None = None
    lines = page.read_text(encoding="utf-8").split("\n")
    start: int | None = None
    for number, line in enumerate(lines):
        if not line.startswith("```"):
            continue
        if start is None:
            start = number
            continue
        text = "\n".join(lines[start + 1 : number]) + "\n"
        found = Code(page, start + 1, lines[start][3:].strip(), text, found)
        start = None
        yield found
    assert start is None, f"{page.name}:{(start or 0) + 1}: the block is not closed"


BLOCKS = [block for page in PAGES for block in blocks(page)]


class Specs:
    """Reads files of `specs/` from the data of the package."""

    def file(self, path: str) -> Source:
        try:
            return Source(path, read_data(f"specs/{path}"))
        except FileNotFoundError:
            raise Fault(Diagnostic("E110", "there is no such file", Span(Source(path, ""), 0, 0))) from None

    def library(self, name: str) -> Source | None:
        try:
            return Source(f"std/{name}.arch", read_data(f"specs/std/{name}.arch"))
        except FileNotFoundError:
            return None


COMPILER = Compiler(Specs())


def compiled(text: str) -> tuple[list[Compilation], Diagnostics]:
    program, found, diagnostics = COMPILER.check(Source("example.arch", text))
    check_spaces(COMPILER, program, diagnostics)
    return found, diagnostics


def library_names() -> dict[str, str]:
    """Every name that the library declares, with its module."""
    found = dict.fromkeys(OPERATIONS, "std.ops")
    for part in docs_tables.MODULES:
        module = docs_tables.load(part)
        found.update({name: f"std.{part}" for name in module.names if name not in module.used})
    return found


def completed(fragment: str) -> str:
    """A fragment as a program: with a model around it if it is fields, and with the `use`s that it needs."""
    text = fragment
    if fragment.split()[0].split("(")[0] not in ITEM_WORDS:
        fields = "" if re.search(r"^\s*input:", fragment, re.MULTILINE) else "input: 3 x 224 x 224\n"
        fields += "" if re.search(r"^\s*stages:", fragment, re.MULTILINE) else "stages: conv_norm_act(8)\n"
        text = f"model example {{\n{fields}{fragment}}}\n"
    declared = set(re.findall(rf"\b(?:{'|'.join(ITEM_WORDS)})\s+(\w+)", text))
    words = set(re.findall(r"\b\w+\b(?!\s*:)", re.sub(r"#.*|\"[^\"\n]*\"", "", text)))
    uses = [f"use {m} {{ {n} }}\n" for n, m in sorted(library_names().items()) if n in words - declared]
    return "".join(uses) + text


def agrees(written: str, found: str) -> bool:
    """Whether a text is as written, where a line `…` stands for any lines, and `…` in a line for any text."""
    pattern = ""
    for line in written.strip("\n").split("\n"):
        pattern += "(?:.*\n)*" if line.strip() == "…" else ".*".join(map(re.escape, line.rstrip().split("…"))) + "\n"
    lines = [f"{line.rstrip()}\n" for line in found.strip("\n").split("\n")]
    return re.fullmatch(pattern, "".join(lines)) is not None


def named_files(block: Code) -> dict[str, str]:
    """The programs before a block that have names, the last of each."""
    found: dict[str, str] = {}
    before = block.before
    while before is not None:
        for name in re.findall(r"\bfile=(\S+)", before.info):
            found.setdefault(name, before.text)
        before = before.before
    return found


# Each kind of block


def run_arch(block: Code) -> None:
    options = block.info.split()[1:]
    text = completed(block.text) if "fragment" in options else block.text
    codes = sorted(o.removeprefix("expect=") for o in options if o.startswith("expect="))
    expected = sorted(",".join(codes).split(",")) if codes else []
    _, diagnostics = compiled(text)
    assert sorted(d.code for d in diagnostics) == expected, render_all(diagnostics, False)


def run_values(block: Code) -> None:
    names = {}
    for name, module in library_names().items():
        if module != "std.ops":
            names[name] = docs_tables.load(module.removeprefix("std.")).names[name]
    for line in filter(None, block.text.split("\n")):
        expression, _, value = line.partition("#")
        try:
            found = docs_tables.evaluate(expression.strip(), names)
            expected = docs_tables.evaluate(value.strip(), names)
        except (Fault, AlreadyReported) as fault:
            pytest.fail(f"{line}: {fault}")
        assert full(found) == full(expected), line


def full(value: object) -> str:
    return repr(value) if isinstance(value, tuple) else show_value(value)


def run_paths(block: Code) -> None:
    assert block.before is not None
    found, _ = compiled(block.before.text)
    assert found[0].network is not None
    paths = "\n".join(node.path for node in found[0].network.nodes)
    assert agrees(block.text, paths), paths


def run_diagnostics(block: Code) -> None:
    assert block.before is not None
    _, diagnostics = compiled(block.before.text)
    text = render_all(diagnostics, False)
    assert agrees(f"{block.text}\n…", text), text


def run_console(block: Code, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    if "archdsl study run " in block.text:
        pytest.importorskip("torch", reason="the example trains")
        forked.here(monkeypatch)
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        line, _, written = part.partition("\n")
        program, *arguments = shlex.split(line, comments=True)
        assert program == "archdsl", line
        cli.main(arguments)
        printed = capsys.readouterr()
        assert agrees(written, printed.out + printed.err), f"{line}\n{printed.out}{printed.err}"


def run_python(block: Code) -> None:
    if ".module(" in block.text:
        pytest.importorskip("torch", reason="the example makes a live module")
    exec(compile(block.text, str(block), "exec"), {"__name__": "example"})
    gc.collect()  # the counts of a space are 700 MB, which nobody else should wait for


def find_emitted(block: Code) -> None:
    assert block.text in archdsl.compile("specs/regnety_4gf.arch").source


def run_sh(block: Code) -> None:
    subprocess.run(["sh", "-n"], input=block.text, text=True, check=True)


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_block_of_code(
    block: Code, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if block.info.split()[:1] in (["console"], ["python"]):
        shutil.copytree(ROOT / "specs", tmp_path / "specs")
        for name, text in named_files(block).items():
            (tmp_path / name).write_text(text, encoding="utf-8")
        monkeypatch.chdir(tmp_path)
    match block.info.split():
        case ["arch", "values"]:
            run_values(block)
        case ["arch", *_]:
            run_arch(block)
        case ["text", "paths"]:
            run_paths(block)
        case ["text", "diagnostics"]:
            run_diagnostics(block)
        case ["console"]:
            run_console(block, monkeypatch, capsys)
        case ["python"]:
            run_python(block)
        case ["python", "emitted"]:
            find_emitted(block)
        case ["python", "by", "hand"]:
            ast.parse(block.text)
        case ["sh"]:
            run_sh(block)
        case ["json"]:
            json.loads(block.text)
        case ["toml"]:
            tomllib.loads(block.text)
        case ["lua" | "elisp"]:
            assert is_balanced(block.text)
        case ["text"] | []:
            pass
        case ["text", option] if option.startswith("file="):
            pass
        case _:
            pytest.fail(f"{block}: nobody knows how to test `{block.info}`")


def is_balanced(text: str) -> bool:
    """Whether every bracket outside strings has its partner."""
    pairs = {")": "(", "]": "[", "}": "{"}
    waiting = []
    for char in re.sub(r'"(?:[^"\\\n]|\\.)*"', "", text):
        if char in pairs.values():
            waiting.append(char)
        elif char in pairs and (not waiting or waiting.pop() != pairs[char]):
            return False
    return not waiting and text.count('"') % 2 == 0


# Tables


@pytest.mark.parametrize("name", docs_tables.TABLES)
def test_table_is_made_from_the_code(name: str) -> None:
    page = docs_tables.PAGE.read_text(encoding="utf-8")
    tables = docs_tables.written_tables(page)
    assert tables.get(name) == docs_tables.TABLES[name](), "run python tests/docs/docs_tables.py"


@pytest.mark.parametrize("name", docs_tables.CLOSED)
def test_table_names_all_that_there_is(name: str) -> None:
    page = docs_tables.PAGE.read_text(encoding="utf-8")
    _, found, rest = page.partition(f"<!-- names {name} -->")
    assert found
    rows = rest.strip().split("\n\n")[0].split("\n")[2:]
    cells = " ".join(row.split("|")[1] for row in rows)
    names = re.findall(r"`([\w.]+)[`(]", cells)
    assert sorted(names) == sorted(docs_tables.CLOSED[name]())


def test_every_operation_has_an_example() -> None:
    assert set(docs_tables.EXAMPLES) == set(OPERATIONS)


def test_every_field_of_a_recipe_has_a_meaning() -> None:
    assert list(docs_tables.RECIPE_FIELDS) == [*recipe_fields.FORMS, *recipe_fields.FIELDS]
    settings = {(name, s) for name, forms in recipe_fields.FORMS.items() for known in forms.values() for s in known}
    assert set(docs_tables.RECIPE_SETTINGS) == settings


def test_every_convention_is_named_in_the_readme_or_the_reference() -> None:
    page = docs_tables.PAGE.read_text(encoding="utf-8")
    assert [name for name in CONVENTIONS if f"`{name}`" not in page] == []


def test_links_within_a_page_lead_somewhere() -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        heads = {anchor(line) for line in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}
        links = set(re.findall(r"\]\(#([^)]+)\)", text))
        assert links <= heads, f"{page.name}: {sorted(links - heads)}"


def test_links_to_files_lead_somewhere() -> None:
    for page in PAGES:
        for link in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def anchor(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
