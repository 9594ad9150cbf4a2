"""The text of emitted modules and training entry points: the same every time, clean, and in need of PyTorch alone."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import emitted
import inference_programs
import pytest
import tools
from emitted_programs import HEADER, PROGRAMS, conditional_programs, drawn
from families.compiling import COMPILER, Specs, spec_source, text_source
from properties.strategies import programs
from sampling import many

from archdsl.backends.interface import Interface
from archdsl.compiler import Changes, Compiled, Compiler
from archdsl.emission import about_of, emit, interface
from archdsl.resources import data_root

EXAMPLES = many(12)
RULES = "E4,E7,E9,F,W,I,B,UP,SIM,C4,PIE,RUF"


def files(name: str) -> tuple[dict[str, str], Interface]:
    """A shipped network: its module, of some the training entry point too, and the module's class."""
    return written_by(COMPILER, name)


def written_by(compiler: Compiler, name: str) -> tuple[dict[str, str], Interface]:
    compilation = compiler.compile(spec_source(name), name, Changes())
    assert isinstance(compilation, Compiled)
    about = about_of(compilation, name, f"specs/{name}.arch", ())
    targets = ["torch", "train"] if name in emitted.SAMPLE else ["torch"]
    texts = {file: text for file, (_, text) in emit(compilation.network, about, targets).items()}
    return texts, interface(compilation.network, about)


@cache
def models() -> dict[str, tuple[dict[str, str], Interface]]:
    """All models of all specs."""
    return {name: files(name) for name in emitted.MODELS}


@cache
def specs() -> dict[str, str]:
    """The files of all models of all specs."""
    return {name: text for texts, _ in models().values() for name, text in texts.items()}


@cache
def of_one_text() -> list[str]:
    """Files that differ in more than a network's names and docstring, one of each: a training entry point is long."""
    found: dict[str, str] = {}
    for name, (texts, shown) in models().items():
        for file, text in texts.items():
            _, _, code = text.split('"""', 2)
            found.setdefault(re.sub(rf"\b({name}|{shown.class_name})\b", "", code), file)
    return list(found.values())


@cache
def others() -> dict[str, str]:
    """Modules of random programs, and of those with all operations; the forms for inference of some."""
    texts = [*(HEADER + text for text in PROGRAMS.values()), *drawn(conditional_programs(), EXAMPLES)]
    texts += [program.text() for program in drawn(programs(), EXAMPLES)]
    found: dict[str, str] = {}
    for index, text in enumerate(texts):
        compilation = emitted.compilation(text_source(text))
        about = about_of(compilation, f"program_{index}", "program.arch", ())
        found |= {n: t for n, (_, t) in emit(emitted.network_of(compilation), about, ["torch"]).items()}
    for index, name in enumerate(inference_programs.PROGRAMS):
        compilation = emitted.compilation(text_source(inference_programs.text_of(name)))
        about = about_of(compilation, f"folded_{index}", "program.arch", ())
        targets = ["torch", "inference"]
        found |= {n: t for n, (_, t) in emit(emitted.network_of(compilation), about, targets).items()}
    return found


# The same every time


def test_emitted_twice() -> None:
    assert len(specs()) == len(emitted.MODELS) + len(emitted.SAMPLE)
    for name in emitted.MODELS[::12]:
        texts, _ = written_by(Compiler(Specs()), name)
        assert texts.items() <= specs().items()


COMPILE_ALL = """\
import sys
from archdsl.cli import main

for name in sys.argv[2:]:
    assert main(["compile", name, "-o", sys.argv[1]]) == 0
"""


def test_emitted_by_other_processes(tmp_path: Path) -> None:
    """The order of Python's sets has no influence."""
    running = [
        subprocess.Popen(
            [sys.executable, "-c", COMPILE_ALL, tmp_path / seed, *emitted.SAMPLE],
            cwd=data_root(),
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(data_root())},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for seed in ("1", "2")
    ]
    errors = [process.communicate(timeout=1500)[1] for process in running]
    assert [process.returncode for process in running] == [0, 0], "\n".join(errors)
    first, second = ({path.name: path.read_bytes() for path in (tmp_path / seed).iterdir()} for seed in ("1", "2"))
    assert first
    assert first == second


# In need of PyTorch alone


def imported(text: str) -> set[str]:
    """The top-level modules that a text imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            found.add(str(node.module).partition(".")[0])
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("__import__", "exec", "eval")
    return found


def test_imports() -> None:
    for name, text in {**specs(), **others()}.items():
        allowed = {"torch", *sys.stdlib_module_names}
        if name.startswith("train_"):
            allowed |= {"datasets", "numpy", "PIL", "safetensors", "sklearn", "tqdm", "webdataset"}
            allowed.add(name.removeprefix("train_").removesuffix(".py"))
        if name.startswith("test_") and name.endswith("_inference.py"):  # it compares both forms
            form = name.removeprefix("test_").removesuffix(".py")
            allowed |= {form, form.removesuffix("_inference")}
        assert imported(text) <= allowed - {"archdsl"}, name


WITHOUT_ARCHDSL = """\
import sys
from pathlib import Path


class Forbidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "archdsl":
            raise AssertionError(f"{name} is imported")


sys.meta_path.insert(0, Forbidden())
sys.path.insert(0, str(Path(__file__).parent))
import importlib

import torch

for entry in sys.argv[1:]:
    name, _, kind = entry.partition(":")
    module = importlib.import_module(name)
    if kind:
        with torch.device("meta"):
            model = getattr(module, kind)()  # the last one is run
model(torch.empty(2, 3, 64, 64, device="meta")).sum().backward()
assert not any(name.partition(".")[0] == "archdsl" for name in sys.modules)
"""


def test_without_archdsl(tmp_path: Path) -> None:
    """In a process of its own, which must not import archdsl: all are imported, some constructed, one trained.

    Constructing runs no import that the text does not show (`test_imports`).
    """
    for name, text in specs().items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    script = tmp_path / "run_all.py"
    script.write_text(WITHOUT_ARCHDSL)
    entries = [f"{name}:{models()[name][1].class_name}" for name in (*emitted.SAMPLE, "regnety_4gf")]
    subprocess.run(
        [sys.executable, "-I", script, *emitted.MODELS, *entries], check=True, timeout=1500, env={**os.environ}
    )


# Clean


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all files."""
    folder = tmp_path_factory.mktemp("written")
    for name, text in {**specs(), **others()}.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_ruff_check(written: Path) -> None:
    arguments = ("--isolated", "--no-cache", "--target-version", "py311", "--select", RULES)
    tools.run(written, "ruff", "check", *arguments, ".")


def test_ruff_format(written: Path) -> None:
    tools.run(written, "ruff", "format", "--isolated", "--no-cache", "--check", "--diff", ".")


def test_mypy(written: Path, mypy_cache: Path) -> None:
    names = sorted({*of_one_text(), *others()})
    tools.mypy(written, mypy_cache, names, [name[:-3] for name in names if not name.startswith("train_")])
