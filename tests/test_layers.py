"""The order of the house: which module may import which, and what no module may do.

Shells do I/O, views arrange, the analysis decides, syntax and graph describe; imports run one way, also the late ones
and those for type checkers alone.
"""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.fast

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "archdsl"

LAYERS = {
    "base": {
        "codes",
        "diagnostics",
        "limits",
        "numbers",
        "once",
        "quiet",
        "records",
        "resources",
        "source",
        "suggest",
        "visible",
    },
    "files": {"files", "onnxmodels", "together"},
    "syntax": {"syntax"},
    "graph": {"graph"},
    "training": {"training"},
    "measuring": {"measuring"},
    "tracking": {"tracking"},
    "ranks": {"ranks"},
    "backends": {"backends"},
    "weights": {"weights"},
    "exporting": {"exporting"},
    "linting": {"linting"},
    "analysis": {"analysis"},
    "closed_forms": {"closed_forms"},
    "compiler": {"compiler"},
    "request": {"request"},
    "spaces": {"spaces"},
    "statistics": {"statistics"},
    "emission": {"emission"},
    "lifting": {"lifting"},
    "papers": {"papers"},
    "highlighting": {"highlighting"},
    "plots": {"plots"},
    "parts": {"parts"},
    "editor": {"editor"},
    "views": {"views"},
    "shells": {
        "__main__",
        "api",
        "cli",
        "commands",
        "completion",
        "explorer",
        "importing",
        "notebook",
        "pictures",
        "population",
        "project",
        "rows",
        "server",
        "studies",
        "terminal",
        "watching",
        "zoo",
    },
    "face": {"__init__"},
}
"""The modules and folders directly below archdsl/. A new one is entered here, where it belongs."""

MAY_IMPORT = {
    "base": {"base"},
    "files": {"base", "files"},
    "syntax": {"base", "syntax"},
    "graph": {"base", "graph"},
    "training": {"base", "files", "training"},
    "measuring": {"base", "files", "measuring"},
    "tracking": {"base", "files", "tracking"},
    "ranks": {"base", "ranks"},
    "backends": {"base", "graph", "training", "backends"},
    "weights": {"base", "files", "graph", "weights"},
    "exporting": {"base", "exporting"},
    "linting": {"base", "files", "graph", "linting"},
    "analysis": {"base", "syntax", "graph", "training", "analysis"},
    "closed_forms": {"base", "syntax", "graph", "analysis", "closed_forms"},
    "compiler": {"base", "syntax", "graph", "training", "analysis"},
    "request": {"compiler", "graph"},
    "spaces": {"base", "files", "syntax", "graph", "training", "analysis", "compiler", "spaces"},
    "statistics": {"base", "statistics"},
    "emission": {"base", "files", "graph", "training", "backends", "analysis", "compiler"},
    "lifting": {"base", "files", "syntax", "graph", "analysis", "compiler", "lifting"},
    "papers": {"base", "syntax", "graph", "training", "analysis", "closed_forms", "compiler", "spaces", "papers"},
    "highlighting": {"base", "files", "syntax", "graph", "analysis", "highlighting"},
    "plots": {"base", "graph", "analysis", "backends", "ranks", "plots"},
    "parts": {"base", "graph", "analysis"},
    "editor": {"base", "syntax", "graph", "training", "analysis", "compiler", "spaces", "parts", "editor"},
    "views": set(LAYERS) - {"face", "highlighting", "shells"},
    "shells": set(LAYERS) - {"face", "highlighting"},
    "face": {"shells"},
}

FLOORS = (
    ("labels",),
    ("program",),
    ("values", "names", "circles", "overlay", "uses", "checking"),
    ("trace", "traces", "prelude", "choose"),
    ("context",),
    ("operators", "memory"),
    ("outputs",),
    ("model", "evaluate"),
    ("settings", "lists", "verify"),
    ("bodies", "configured"),
    ("calls",),
    ("features", "build", "initializers", "stretch"),
    ("counts", "fields", "tracing"),
    ("assemble", "stages", "recipe_fields", "misspelled", "scaling_lines"),
    ("override", "partial", "recipes", "scale", "meter", "check_space", "check_expressions"),
    ("check_models", "check_recipes", "steps", "trained"),
    ("check",),
    ("nearer",),
    ("solve",),
    ("elaborate", "resolve"),
    ("changes", "language"),
    ("answers", "parts", "provenance"),
)
"""The modules of archdsl/analysis/ from the ground up: each imports those of lower floors alone."""

LATE = {
    "anywidget",
    "executorch",
    "onnx",
    "onnxruntime",
    "onnxscript",
    "openvino",
    "torchao",
    "PIL",
    "lsprotocol",
    "matplotlib",
    "mlflow",
    "networkx",
    "numpy",
    "optuna",
    "pyarrow",
    "pydantic",
    "pygls",
    "pygments",
    "rich",
    "safetensors",
    "scipy",
    "sklearn",
    "sqlalchemy",
    "starlette",
    "sympy",
    "tensorboard",
    "torch",
    "tqdm",
    "trackio",
    "uvicorn",
    "traitlets",
    "wandb",
}
"""Heavy libraries: imported where they are used, never when a module is loaded."""

DOES_IO = {"open", "read_text", "read_bytes", "write_text", "write_bytes", "fdopen", "system"}
"""Functions and methods that touch files or processes."""
FILES = (
    "archdsl.exporting.openvino_files:",
    "archdsl.exporting.quantizing:",
    "archdsl.lifting.onnxfiles:",
    "archdsl.measuring.child:",
    "archdsl.measuring.ledger:",
    "archdsl.measuring.turns:",
    "archdsl.resources:",
    "archdsl.syntax.stored:",
    "archdsl.training.run_folder:",
    "archdsl.training.start:",
    "archdsl.weights.checkpoints.",
)
"""Modules below the shells whose purpose is files or processes: what libraries write to folders alone, which are gone
at once; measurements, what is installed with us, run folders,
the training process, a stranger's checkpoint or graph."""
TALKS = {"input", "print"}
RUNS_TEXT = {"eval", "exec", "compile", "__import__"}
"""Built-in functions; a method of the same name (`re.compile`, `symbols.input`) is another thing."""

MAX_COMMAND_LINES = 145
"""Options and examples of the command line take most of them."""

MODULES = sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 2 else parts)


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


LOOKED_FOR = (ast.Import, ast.ImportFrom, ast.Call, ast.Assert)


@cache
def nodes_of(path: Path) -> tuple[ast.AST, ...]:
    """The nodes of a module's tree that tests look for; all its nodes are walked over once."""
    found: list[Any] = []
    below: list[ast.AST] = [tree_of(path)]
    while below:
        node = below.pop()
        if isinstance(node, LOOKED_FOR):
            found.append(node)
        for name in node._fields:
            value = getattr(node, name, None)
            if isinstance(value, ast.AST):
                below.append(value)
            elif isinstance(value, list):
                below += [each for each in value if isinstance(each, ast.AST)]
    return tuple(sorted(found, key=lambda node: (node.lineno, node.col_offset)))


def layer_of(module: str) -> str:
    """The layer of a dotted name such as `archdsl.graph.cost`."""
    top = [*module.split("."), "__init__"][1]
    found = [layer for layer, members in LAYERS.items() if top in members]
    assert found, f"archdsl.{top} has no layer: enter it in LAYERS, where it belongs"
    return found[0]


def imported(path: Path, nodes: Iterable[ast.AST]) -> Iterator[tuple[int, str]]:
    """Line and dotted name of every import among the nodes, relative ones resolved; of a module within a package, the
    module."""
    folder = name_of(path) if path.name == "__init__.py" else name_of(path).rpartition(".")[0]
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = importlib.util.resolve_name("." * node.level + (node.module or ""), folder)
            for name in [f"{base}.{alias.name}" for alias in node.names]:
                yield node.lineno, name if base == "archdsl" or is_module(name) else base


def is_module(name: str) -> bool:
    place = ROOT.joinpath(*name.split("."))
    return name.startswith("archdsl.") and (place.with_suffix(".py").exists() or (place / "__init__.py").exists())


def ours(path: Path) -> list[tuple[int, str]]:
    """Line and name of every module of ours that a module imports: late, and for type checkers too."""
    found = imported(path, nodes_of(path))
    return [(n, name) for n, name in found if name.split(".")[0] == "archdsl" and name != "archdsl.__version__"]


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
    for node in nodes_of(path):
        if isinstance(node, ast.Call):
            called = node.func
            function = isinstance(called, ast.Name) and called.id in functions
            if function or (isinstance(called, ast.Attribute) and called.attr in methods):
                found.append(f"{name_of(path)}:{node.lineno} {ast.unparse(called)}")
    return found


def test_imports_run_one_way() -> None:
    wrong = []
    for path in MODULES:
        layer = layer_of(name_of(path))
        for line, name in ours(path):
            if layer_of(name) not in MAY_IMPORT[layer]:
                wrong.append(f"{name_of(path)}:{line} ({layer}) imports {name} ({layer_of(name)})")
    assert not wrong


def test_commands_hold_options_and_print() -> None:
    """What they show is a view's, what they do is another layer's: a file of `commands/` fits on two screens."""
    texts = {name_of(path): path.read_text(encoding="utf-8") for path in (PACKAGE / "commands").rglob("*.py")}
    commands = {name: len(text.splitlines()) for name, text in texts.items() if "@click.command(" in text}
    assert len(commands) > 10
    assert not {name: length for name, length in commands.items() if length > MAX_COMMAND_LINES}


def test_only_shells_know_the_command_line() -> None:
    knows = {name_of(path): tops(imported(path, nodes_of(path))) for path in MODULES}
    assert {layer_of(name) for name, libraries in knows.items() if "click" in libraries} == {"shells"}


def test_the_analysis_has_floors() -> None:
    floors = {f"archdsl.analysis.{name}": height for height, names in enumerate(FLOORS) for name in names}
    modules = {name_of(path): path for path in MODULES if name_of(path).startswith("archdsl.analysis.")}
    assert floors.keys() == modules.keys(), "enter a new module in FLOORS, and take out one that is gone"
    assert len(floors) == sum(map(len, FLOORS))
    wrong = [
        f"{module}:{line} imports {name}"
        for module, path in modules.items()
        for line, name in ours(path)
        if name in floors and floors[name] >= floors[module]
    ]
    assert not wrong


def test_no_modules_import_each_other() -> None:
    graph = {name_of(path): {name for _, name in ours(path)} for path in MODULES}
    assert not circles(graph)


def circles(graph: Mapping[str, Collection[str]]) -> set[str]:
    """The modules of circles, and those that stand on one."""
    left = {module: set(names) - {module} for module, names in graph.items()}
    while done := [module for module, names in left.items() if not names & left.keys()]:
        for module in done:
            del left[module]
    return set(left)


def test_only_the_tables_know_lark() -> None:
    knows = [name_of(path) for path in MODULES if "lark" in tops(imported(path, nodes_of(path)))]
    assert knows == ["archdsl.syntax.tables"]


AT_ONCE = {
    "archdsl.highlighting.lexer": {"pygments"},
    "archdsl.spaces.arrays": {"numpy"},
    "archdsl.server": {"lsprotocol", "pygls"},
    "archdsl.statistics": {"numpy"},
    "archdsl.studies.search": {"numpy", "optuna", "sqlalchemy"},
}
"""The packages whose modules load heavy libraries at once, and which. Others load them late, but for one another."""


def of_package(module: str) -> str | None:
    """The package of a module that loads heavy libraries at once."""
    return next((package for package in AT_ONCE if module == package or module.startswith(f"{package}.")), None)


def test_heavy_libraries_are_imported_late() -> None:
    at_once = {name_of(path): tops(imported(path, loaded_at_once(tree_of(path)))) & LATE for path in MODULES}
    assert not {name: found for name, found in at_once.items() if found - AT_ONCE.get(of_package(name) or "", set())}
    others = [path for path in MODULES if of_package(name_of(path)) is None]
    early = [n for path in others for _, n in imported(path, loaded_at_once(tree_of(path))) if of_package(n)]
    assert not early


def tops(found: Iterator[tuple[int, str]]) -> set[str]:
    return {name.split(".")[0] for _, name in found}


def test_no_assert() -> None:
    """python -O leaves them out: raise an exception, or report a diagnostic."""
    nodes = [(path, node) for path in MODULES for node in nodes_of(path) if isinstance(node, ast.Assert)]
    assert not [f"{name_of(path)}:{node.lineno}" for path, node in nodes]


def test_only_shells_do_io() -> None:
    inner = [path for path in MODULES if layer_of(name_of(path)) not in ("shells", "files")]
    wrong = [call for path in inner for call in calls(path, DOES_IO | TALKS, DOES_IO)]
    assert not [call for call in wrong if not call.startswith(FILES)]


def test_no_text_is_run() -> None:
    found = [call for path in MODULES for call in calls(path, RUNS_TEXT)]
    # The first compiles names of our fields, the other the arithmetic of a trace: operators, indices and numbers.
    allowed = ("archdsl.records:", "archdsl.graph.tape:")
    assert not [call for call in found if not call.startswith(allowed)]


def test_each_module_has_a_layer_and_none_is_a_ghost() -> None:
    names = [name for members in LAYERS.values() for name in members]
    assert len(names) == len(set(names))
    assert MAY_IMPORT.keys() == LAYERS.keys()
    there = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in MODULES}
    assert there == set(names)
    empty = [name_of(path) for path in MODULES if path.name == "__init__.py" and len(list(path.parent.iterdir())) == 1]
    assert not empty


def test_the_checks_see_what_they_look_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    path = tmp_path / "archdsl" / "graph" / "cost.py"
    path.parent.mkdir(parents=True)
    (path.parent / "ledger.py").write_text("from archdsl.graph import cost\n")
    path.write_text(
        "import numpy.linalg\n"
        "from . import ledger\n"
        "from ..syntax.ast import File\n"
        "from archdsl import analysis\n"
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    import torch\n    from archdsl.graph import ledger\n"
        "try:\n    import sympy\nexcept ImportError: pass\n"
        "class A:\n    from rich import table\n"
        "def late():\n    import networkx\n    open('x'); p.read_text(); eval('1'); re.compile('x'); f.input(1)\n"
    )
    ledger, syntax = "archdsl.graph.ledger", "archdsl.syntax.ast"
    assert [name for _, name in ours(path)] == [ledger, syntax, "archdsl.analysis", ledger]
    graph = {name_of(p): {name for _, name in ours(p)} for p in path.parent.iterdir()}
    assert circles(graph | {"archdsl.a": {"archdsl.b"}, "archdsl.b": set()}) == {ledger, "archdsl.graph.cost"}
    heavy = {name.split(".")[0] for _, name in imported(path, loaded_at_once(tree_of(path)))} & LATE
    assert heavy == {"numpy", "sympy", "rich"}
    assert calls(path, DOES_IO | TALKS, DOES_IO) == ["archdsl.graph.cost:16 open", "archdsl.graph.cost:16 p.read_text"]
    assert calls(path, RUNS_TEXT) == ["archdsl.graph.cost:16 eval"]


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


def test_modules_of_tests_have_names_of_their_own() -> None:
    """All folders of tests are on one path: of two modules of a name, or a module and a folder, one hides the other."""
    paths = [path for path in (ROOT / "tests").rglob("*.py") if path.stem not in ("conftest", "__init__")]
    names = [path.stem for path in paths] + [path.name for path in (ROOT / "tests").iterdir() if path.is_dir()]
    assert sorted(names) == sorted(set(names))
