"""A run folder: all that is needed to repeat a training run, and what came of it.

    NAME.py, train_NAME.py   the network, and its training entry point
    model.arch, recipe.arch  the resolved model, and the recipe with every setting; each stands alone
    run.json                 what is trained, every setting, and every start (docs/schema/run.json)
    command.txt              the command line of every start
    environment.txt          the installed packages, as pip takes them; environment_2.txt if the second start had others

Beside them the entry point writes checkpoints, metrics, weights and a plot.

run.json is written first, so that a start that is ended at any moment can be made again. A folder may be a stranger's:
of run.json only the form is believed; what is run is compared with what the model gives, nothing is written through a
link, and nothing else in the folder may be found by an import.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import importlib.metadata
import json
import os
import platform
import re
import shlex
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

from archdsl import __version__
from archdsl.files import TEMPORARY, FileFault, escaped, read_own, write_atomically
from archdsl.numbers import format_number, normalise
from archdsl.once import parse_python
from archdsl.records import dataclass
from archdsl.training.recipe import Recipe

RUN, COMMANDS, ENVIRONMENT = "run.json", "command.txt", "environment.txt"
MODEL, RECIPE = "model.arch", "recipe.arch"
RESULTS = ("checkpoint_*.pt", "*.safetensors")
IMPORTED = frozenset((".py", ".pyc", ".pyd", ".so"))
"""Endings of files that Python takes for modules."""
MAX_BYTES = 10_000_000
MAX_DIFFERENCES = 4
MAX_NESTING = 20
"""Parts within parts that run.json may have."""
SECONDS = 10
VARIABLES = ("CUBLAS_WORKSPACE_CONFIG", "CUDA_VISIBLE_DEVICES", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "PYTHONPATH")
"""Variables of the environment that numbers may depend on."""
TOLD = frozenset(("name", "doc", "transcribed", "verified", "source"))
"""What a recipe says of itself; it changes nothing of a run."""

Run = dict[str, Any]
"""The content of run.json."""


class FolderFault(Exception):
    """A folder that cannot be that of the run; the text says why, and what to do."""


class RunningFault(FolderFault):
    """Another process runs what the folder holds."""


@dataclass(frozen=True)
class Folder:
    path: Path

    def content(self) -> Run | None:
        """What run.json holds; none if nothing is there yet. Ends the command for a folder that is none of ours."""
        file = self.path / RUN
        try:
            if not os.path.lexists(self.path) or (self.path.is_dir() and not self._names()):
                return None
            if not self.path.is_dir():
                raise FolderFault(f"{self._shown()}: not a folder")
            if not os.path.lexists(file):
                message = f"{self._shown()} is not empty, and no run folder: it has no {RUN}"
                raise FolderFault(f"{message}; name another folder with -o")
        except OSError as error:
            raise FolderFault(f"{self._shown()}: {(error.strerror or 'cannot be read').lower()}") from None
        text = read_own(file, MAX_BYTES)
        if text is None:
            message = f"{self._shown(RUN)} is no regular file, is too large or cannot be read"
            raise FolderFault(f"{message}; name another folder with -o")
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            raise FolderFault(f"{self._shown(RUN)} is damaged; name another folder with -o") from None
        if not _is_run(found):
            raise FolderFault(f"{self._shown(RUN)} is no record of a run; name another folder with -o")
        return dict(found)

    def _names(self) -> list[str]:
        """What is in it, without what a killed process was writing."""
        return sorted(name for name in os.listdir(self.path) if not TEMPORARY.fullmatch(name))

    def _shown(self, name: str = "") -> str:
        """A path for a message; names may be a stranger's."""
        return escaped(str(self.path / name if name else self.path))

    def has_results(self) -> bool:
        """Whether something would be lost if the run began anew."""
        metrics = self.path / "metrics.jsonl"
        return any(any(self.path.glob(pattern)) for pattern in RESULTS) or (
            metrics.is_file() and metrics.stat().st_size > 0
        )

    def state_of(self, name: str, text: str, run: Run) -> str:
        """An emitted file: `missing`, `as emitted`, `of another start` of this folder, or `changed`."""
        if not os.path.lexists(self.path / name):
            return "missing"
        content = read_own(self.path / name, MAX_BYTES)
        if content is not None and (content == text.encode() or (name.endswith(".py") and _same_code(content, text))):
            return "as emitted"
        known = content is not None and hashlib.sha256(content).hexdigest() == run["files"].get(name)
        return "of another start" if known else "changed"

    def intruder(self, name: str) -> str | None:
        """What an import of the script would find here before the library of that name, if anything."""
        if not self.path.is_dir():
            return None
        own = {f"{name}.py", f"train_{name}.py"}
        for found in self._names():
            path = self.path / found
            if found == "__pycache__" and not path.is_symlink():
                continue  # see `forget_bytecode`
            packages = ("__init__.py", "__init__.pyc", "__init__.so")
            package = path.is_dir() and any(os.path.lexists(path / inner) for inner in packages)
            if package or (found not in own and path.suffix in IMPORTED) or found == "__pycache__":
                return self._shown(found)
        return None

    def forget_bytecode(self, name: str) -> None:
        """Python would run what is kept of a module in place of its text."""
        for kept in (self.path / "__pycache__").glob(f"{name}.*"):
            kept.unlink(missing_ok=True)

    def discard(self, names: Iterable[str]) -> None:
        for name in names:
            (self.path / name).unlink(missing_ok=True)

    @contextlib.contextmanager
    def locked(self) -> Iterator[tuple[int, ...]]:
        """The folder, for one start at a time: yields what the started process must inherit to keep it."""
        try:
            import fcntl
        except ImportError:  # not on this system
            yield ()
            return
        number = os.open(self.path, os.O_RDONLY)
        try:
            try:
                fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RunningFault(f"{self.path}: this run is running already") from None
            except OSError:  # a file system without locks
                yield ()
                return
            yield (number,)
        finally:
            os.close(number)

    def write(self, name: str, text: str) -> None:
        try:
            write_atomically(self.path / name, text, force=True, follow=False)
        except FileFault as fault:
            raise FolderFault(f"{self._shown(name)}: {fault.message}") from None

    def record(self, run: Run) -> None:
        """run.json, and the command lines as text."""
        self.write(RUN, json.dumps(run, indent=2) + "\n")
        self.write(COMMANDS, "".join([_commands(start) for start in run["starts"]]))

    def write_environment(self, starts: list[Run], text: str) -> str:
        """The `installed` packages, in a file of its own if they are others than at the last start: its name."""
        if starts:
            last = str(starts[-1].get("environment"))
            known = re.fullmatch(r"environment(_[0-9]{1,9})?\.txt", last)
            if known and read_own(self.path / last, MAX_BYTES) == text.encode():
                return last
        name = ENVIRONMENT if not starts else ENVIRONMENT.replace(".", f"_{len(starts) + 1}.")
        self.write(name, text)
        return name

    def last_metrics(self) -> dict[str, Any] | None:
        try:
            lines = (read_own(self.path / "metrics.jsonl", MAX_BYTES) or b"").decode().splitlines()
            return dict(json.loads(lines[-1]))
        except (ValueError, IndexError, TypeError, RecursionError):
            return None


def _same_code(content: bytes, text: str) -> bool:
    """Whether two Python texts do the same: comments and docstrings, which quote a model's and a recipe's words, may
    differ."""
    try:
        trees = [parse_python(content), parse_python(text)]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    for tree in trees:
        for node in ast.walk(tree):
            match node:
                case (
                    ast.Module(body=[ast.Expr(value=ast.Constant(value=str())), *rest])
                    | ast.ClassDef(body=[ast.Expr(value=ast.Constant(value=str())), *rest])
                    | ast.FunctionDef(body=[ast.Expr(value=ast.Constant(value=str())), *rest])
                ):
                    node.body = rest
    return ast.dump(trees[0]) == ast.dump(trees[1])


def _is_run(found: Any) -> bool:
    if not isinstance(found, dict):
        return False
    kinds = {"name": str, "hash": str, "input": list, "preprocess": dict, "init": dict, "recipe": dict}
    kinds |= {"settings": dict, "files": dict, "starts": list}
    if not all(isinstance(found.get(name), kind) for name, kind in kinds.items()):
        return False
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,99}", found["name"]) or not _is_shallow(found):
        return False
    plain = set(found["files"]) <= {f"{found['name']}.py", f"train_{found['name']}.py", MODEL, RECIPE}
    return plain and all(isinstance(start, dict) for start in found["starts"])


def _is_shallow(value: Any) -> bool:
    """Whether parts are within parts less than `MAX_NESTING` times."""
    level = [value]
    for _ in range(MAX_NESTING):
        parts = [list(part.values()) if isinstance(part, dict) else part for part in level]
        level = [inner for part in parts if isinstance(part, list) for inner in part]
        if not level:
            return True
    return False


def _commands(start: Run) -> str:
    try:
        typed, command = (shlex.join(start[name]) for name in ("typed", "command"))
    except (KeyError, TypeError):
        return ""
    where = " ".join(str(start.get("folder")).splitlines())
    return escaped(f"# {start.get('time')}, in {where}\n{typed}\n# which is, in this folder\n{command}\n")


# What is trained


def plain(value: Any) -> Any:
    """A recipe, or a part of it, as JSON has it: numbers that are not whole as exact text."""
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Fraction):
        return format_number(normalise(value)) if value.denominator != 1 else value.numerator
    return [plain(part) for part in value] if isinstance(value, tuple) else value


def recipe_settings(recipe: Recipe) -> Run:
    found: Run = plain(recipe)
    return found


def differences(was: Run, now: Run, free: frozenset[str]) -> list[str]:
    """What makes two runs other ones, in words; `free` are the settings that may change."""
    sides = _compared(was, free), _compared(now, free)
    names = dict.fromkeys([*sides[1], *sides[0]])
    return [
        f"{_shown(name)} was {_shown(sides[0].get(name))}, is {_shown(sides[1].get(name))}"
        for name in names
        if sides[0].get(name) != sides[1].get(name)
    ]


def extension(was: Run, now: Run) -> int | None:
    """The epochs of a run that is asked for with more of them; none if it is not."""
    before, asked = was["settings"].get("epochs"), now["settings"].get("epochs")
    whole = isinstance(before, int) and isinstance(asked, int)
    return before if whole and 0 < before < asked else None


def _compared(run: Run, free: frozenset[str]) -> Run:
    """By path, what may not change in a run."""
    found = {name: run[name] for name in ("name", "hash", "input")}
    for part in ("preprocess", "init", "recipe"):
        found |= dict(_flat(part, {name: value for name, value in run[part].items() if name not in TOLD}))
    return found | {name: value for name, value in run["settings"].items() if name not in free}


def _flat(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _flat(f"{path}.{name}", inner)
    else:
        yield path, value


def _shown(value: Any) -> str:
    text = escaped(value if isinstance(value, str) else json.dumps(value)).replace("\n", "\\n")
    return text if len(text) <= 80 else f"{text[:77]}…"


def told(found: list[str]) -> str:
    more = len(found) - MAX_DIFFERENCES
    return "; ".join([*found[:MAX_DIFFERENCES], *([f"{more} more"] if more > 0 else [])])


# Where it runs


def surroundings(spec: Path, environ: Mapping[str, str]) -> Run:
    """The part of a start that says where it runs, with such an environment."""
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "folder": os.getcwd(),
        "archdsl": __version__,
        "python": platform.python_version(),
        "torch": _version("torch"),
        "platform": platform.platform(),
        "cpus": os.cpu_count(),
        "variables": {name: environ[name] for name in VARIABLES if name in environ},
        "repository": repository(spec),
    }


def _version(library: str) -> str | None:
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return None


def repository(folder: Path) -> dict[str, Any] | None:
    """The commit of a folder's repository, and whether files differ from it."""
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    state = _git(folder, "status", "--porcelain", "--untracked-files=no")
    if commit is None or state is None or re.fullmatch("[0-9a-f]{40,64}", commit.strip()) is None:
        return None
    return {"commit": commit.strip(), "dirty": bool(state.strip())}


def _git(folder: Path, *arguments: str) -> str | None:
    """What git says. It writes nothing, and runs no program that a repository's settings name as its monitor."""
    command = ["git", "-c", "core.fsmonitor=false", "--no-optional-locks", *arguments]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            errors="replace",
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout if done.returncode == 0 else None


def installed() -> str:
    """Every installed package in one line each, in the form that pip takes.

    What a package has within itself and puts on Python's path when it is imported, as Ray does, is not installed.
    """
    own = [Path(path) for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
    paths = [path for path in sys.path if not any(folder in Path(path).parents for folder in own)]
    lines = {line for found in importlib.metadata.distributions(path=paths) if (line := _requirement(found))}
    return "".join(f"{line}\n" for line in sorted(lines, key=str.lower))


def _requirement(found: importlib.metadata.Distribution) -> str | None:
    try:
        about = found.metadata  # is read anew each time
        name, version = about["Name"], about["Version"]
        origin: Mapping[str, Any] = json.loads(found.read_text("direct_url.json") or "{}")
        url = str(origin.get("url", ""))
        if origin.get("dir_info", {}).get("editable"):
            return f"-e {url}  # {name}=={version}"
        if "vcs_info" in origin:
            return f"{name} @ {origin['vcs_info']['vcs']}+{url}@{origin['vcs_info']['commit_id']}"
    except Exception:  # a broken package stops no training
        return None
    if not name or not version:
        return None
    return f"{name} @ {url}" if url else f"{name}=={version}"


__all__ = [
    "COMMANDS",
    "ENVIRONMENT",
    "MODEL",
    "RECIPE",
    "RUN",
    "Folder",
    "Run",
    "RunningFault",
    "differences",
    "extension",
    "installed",
    "recipe_settings",
    "surroundings",
    "told",
]
