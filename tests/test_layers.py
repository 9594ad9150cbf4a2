"""The order of the house: which module may import which, and what no module may do.

Shells do I/O, views arrange, the analysis decides, syntax and graph describe; imports run one way.
"""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "archdsl"

LAYERS = {
    "face": {"__init__"},
    "base": {"codes", "diagnostics", "limits", "numbers", "once", "records", "resources", "source"},
    "files": {"files"},
    "syntax": {"syntax"},
    "graph": {"graph"},
    "analysis": {"analysis"},
    "training": {"training"},
    "backends": {"backends"},
    "space": {"space"},
    "views": {"compiler", "emission", "ide", "papers", "plots", "render", "report", "request", "show"},
    "shells": {"__main__", "api", "cli", "commands", "project", "server", "terminal", "zoo"},
}
"""The modules and folders directly below archdsl/. A new one is entered here, where it belongs."""

MAY_IMPORT = {
    "face": {"shells"},
    "base": {"base"},
    "files": {"base"},
    "syntax": {"base", "syntax"},
    "graph": {"base", "graph"},
    "training": {"base", "training"},
    "analysis": {"base", "syntax", "graph", "training", "analysis"},
    "backends": {"base", "graph", "training", "backends"},
    "space": {"base", "graph", "space"},
    "views": set(LAYERS) - {"face", "shells"},
    "shells": set(LAYERS) - {"face"},
}

LATE = {
    "PIL",
    "matplotlib",
    "networkx",
    "numpy",
    "pydantic",
    "rich",
    "safetensors",
    "sklearn",
    "sympy",
    "torch",
    "tqdm",
}
"""Heavy libraries: imported where they are used, never when a module is loaded."""

DOES_IO = {"open", "read_text", "read_bytes", "write_text", "write_bytes", "fdopen", "system"}
"""Functions and methods that touch files or processes."""
TALKS = {"input", "print"}
RUNS_TEXT = {"eval", "exec", "compile", "__import__"}
"""Built-in functions; a method of the same name (`re.compile`, `symbols.input`) is another thing."""

MODULES = sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 2 else parts)


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def layer_of(module: str) -> str:
    """The layer of a dotted name such as `archdsl.graph.cost`."""
    top = [*module.split("."), "__init__"][1]
    found = [layer for layer, members in LAYERS.items() if top in members]
    assert found, f"archdsl.{top} has no layer: enter it in LAYERS, where it belongs"
    return found[0]


def imported(path: Path, nodes: Iterator[ast.AST]) -> Iterator[tuple[int, str]]:
    """Line and dotted name of every import among the nodes, relative ones resolved."""
    folder = name_of(path) if path.name == "__init__.py" else name_of(path).rpartition(".")[0]
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = importlib.util.resolve_name("." * node.level + (node.module or ""), folder)
            if base == "archdsl":  # `from archdsl import limits` imports the module
                yield from ((node.lineno, f"archdsl.{alias.name}") for alias in node.names)
            else:
                yield node.lineno, base


def loaded_at_once(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run when the module is loaded: not within functions, nor for type checkers only."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        if isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            yield from (inner for other in child.orelse for inner in [other, *loaded_at_once(other)])
            continue
        yield child
        yield from loaded_at_once(child)


def calls(path: Path, functions: Collection[str], methods: Collection[str] = ()) -> list[str]:
    """The calls of functions and of methods by these names."""
    found = []
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Call):
            called = node.func
            function = isinstance(called, ast.Name) and called.id in functions
            if function or (isinstance(called, ast.Attribute) and called.attr in methods):
                found.append(f"{name_of(path)}:{node.lineno} {ast.unparse(called)}")
    return found


each_module = pytest.mark.parametrize("path", MODULES, ids=name_of)


@each_module
def test_imports_run_one_way(path: Path) -> None:
    layer = layer_of(name_of(path))
    for line, name in imported(path, ast.walk(tree_of(path))):
        if name.split(".")[0] == "archdsl" and name != "archdsl.__version__":
            other = layer_of(name)
            assert other in MAY_IMPORT[layer], f"{name_of(path)}:{line} ({layer}) imports {name} ({other})"


@each_module
def test_only_the_tables_know_lark(path: Path) -> None:
    names = {name.split(".")[0] for _, name in imported(path, ast.walk(tree_of(path)))}
    assert "lark" not in names or name_of(path) == "archdsl.syntax.tables"


@each_module
def test_heavy_libraries_are_imported_late(path: Path) -> None:
    for line, name in imported(path, loaded_at_once(tree_of(path))):
        assert name.split(".")[0] not in LATE, f"{name_of(path)}:{line} imports {name} when it is loaded"


@each_module
def test_no_assert(path: Path) -> None:
    lines = [node.lineno for node in ast.walk(tree_of(path)) if isinstance(node, ast.Assert)]
    assert not lines, "python -O leaves them out: raise an exception, or report a diagnostic"


@each_module
def test_only_shells_do_io(path: Path) -> None:
    name = name_of(path)
    if layer_of(name) not in ("shells", "files") and name != "archdsl.resources":
        assert not calls(path, DOES_IO | TALKS, DOES_IO)


@each_module
def test_no_text_is_run(path: Path) -> None:
    assert name_of(path) == "archdsl.records" or not calls(path, RUNS_TEXT)  # which compiles names of our own fields


def test_a_layer_has_each_module_once() -> None:
    names = [name for members in LAYERS.values() for name in members]
    assert len(names) == len(set(names))
    assert len(MODULES) > 10


def test_the_checks_see_what_they_look_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    path = tmp_path / "archdsl" / "graph" / "cost.py"
    path.parent.mkdir(parents=True)
    path.write_text(
        "import numpy.linalg\n"
        "from . import ledger\n"
        "from ..syntax.ast import File\n"
        "from archdsl import analysis\n"
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    import torch\n"
        "try:\n    import sympy\nexcept ImportError: pass\n"
        "class A:\n    from rich import table\n"
        "def late():\n    import networkx\n    open('x'); p.read_text(); eval('1'); re.compile('x'); f.input(1)\n"
    )
    assert [name for _, name in imported(path, ast.walk(tree_of(path))) if name.startswith("archdsl")] == [
        "archdsl.graph",
        "archdsl.syntax.ast",
        "archdsl.analysis",
    ]
    heavy = {name.split(".")[0] for _, name in imported(path, loaded_at_once(tree_of(path)))} & LATE
    assert heavy == {"numpy", "sympy", "rich"}
    assert calls(path, DOES_IO | TALKS, DOES_IO) == ["archdsl.graph.cost:15 open", "archdsl.graph.cost:15 p.read_text"]
    assert calls(path, RUNS_TEXT) == ["archdsl.graph.cost:15 eval"]


# Start-up.


def modules_after(code: str, *arguments: str) -> set[str]:
    """The top-level modules that a fresh Python has loaded after a piece of code."""
    report = "\nimport sys\nprint('\\nLOADED', *{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code + report, *arguments], capture_output=True, text=True, cwd=ROOT, check=True
    )
    return set(done.stdout.rpartition("LOADED")[2].split())


def test_importing_the_package_loads_nothing() -> None:
    loaded = modules_after("import archdsl")
    assert not loaded & (LATE | {"lark", "click", "jinja2"})


HELP = """
import sys
from archdsl.cli import main
try:
    main()
except SystemExit as end:
    if end.code:
        raise
"""


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_help_loads_no_heavy_library(argument: str) -> None:
    loaded = modules_after(HELP, argument)
    assert "archdsl" in loaded
    assert not loaded & (LATE | {"lark", "jinja2"})
