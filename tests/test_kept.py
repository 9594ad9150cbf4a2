"""What is kept of the library and the grammar: read only where it is right and this user's, and never needed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from archdsl import resources
from archdsl.resources import NO_CACHE, kept, library_modules, read_data
from archdsl.source import Source, Span
from archdsl.syntax import ast, stored
from archdsl.syntax.parser import parse

ROOT = Path(__file__).resolve().parent.parent
MADE_FROM = ("text", "version")
posix = pytest.mark.skipif(os.name != "posix", reason="modes and owners of files are POSIX's")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that is the user's cache; it is not there yet."""
    monkeypatch.delenv(NO_CACHE, raising=False)
    monkeypatch.setattr(resources, "_cache_folder", lambda: tmp_path / "archdsl")
    return tmp_path / "archdsl"


def counted(value: Any) -> tuple[Callable[[], Any], list[int]]:
    calls: list[int] = []

    def make() -> Any:
        calls.append(1)
        return value

    return make, calls


def file_of(cache: Path) -> Path:
    [path] = cache.glob("*.json")
    return path


def test_it_is_made_once(cache: Path) -> None:
    make, calls = counted({"a": [1, "é", None]})
    assert [kept("x", MADE_FROM, make) for _ in range(3)] == [{"a": [1, "é", None]}] * 3
    assert len(calls) == 1
    assert [path.name for path in cache.iterdir()] == [file_of(cache).name]
    if os.name == "posix":
        assert (cache.stat().st_mode & 0o777, file_of(cache).stat().st_mode & 0o777) == (0o700, 0o600)


def test_other_texts_are_made_anew(cache: Path) -> None:
    for number in range(9):
        assert kept("x", ("text", str(number)), lambda n=number: n) == number
    assert len(list(cache.iterdir())) == 4  # the last ones stay
    assert kept("x", ("text", "8"), lambda: -1) == 8


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "cut": lambda content: content[: len(content) // 2],
    "one byte": lambda content: content.replace(b"right", b"wrong"),
    "no digest": lambda content: content.partition(b"\n")[2],
    "no JSON": lambda _: resources._digest(b"{").encode() + b"\n{",
    "no document": lambda _: resources._digest(b"[]").encode() + b"\n[]",
    "bytes": lambda _: bytes(range(256)),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_is_damaged_is_made_anew(cache: Path, damage: str) -> None:
    kept("x", MADE_FROM, lambda: "right")
    path = file_of(cache)
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    make, calls = counted("right")
    assert [kept("x", MADE_FROM, make) for _ in range(2)] == ["right", "right"]
    assert len(calls) == 1


def forged(cache: Path) -> Path:
    """A file with another's answer, whose digest and key are right."""
    kept("x", MADE_FROM, lambda: "right")
    path = file_of(cache)
    text = json.dumps({**json.loads(path.read_bytes().partition(b"\n")[2]), "made": "wrong"}).encode()
    path.write_bytes(resources._digest(text).encode() + b"\n" + text)
    assert kept("x", MADE_FROM, lambda: "right") == "wrong"  # it would be believed
    return path


def _linked(path: Path) -> None:
    path.rename(path.with_suffix(".other"))
    path.symlink_to(path.with_suffix(".other"))


def _as_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _folder_linked(path: Path) -> None:
    folder = path.parent
    folder.rename(folder.with_name("other"))
    folder.symlink_to(folder.with_name("other"))


STRANGE: dict[str, Callable[[Path], None]] = {
    "a file that others may write": lambda path: path.chmod(0o666),
    "a file that the group may write": lambda path: path.chmod(0o620),
    "a folder that others may write": lambda path: path.parent.chmod(0o777),
    "a link": _linked,
    "a pipe": _as_pipe,
    "a folder that is a link": _folder_linked,
}


@posix
@pytest.mark.parametrize("strange", STRANGE)
def test_what_may_be_a_strangers_is_not_believed(cache: Path, strange: str) -> None:
    STRANGE[strange](forged(cache))
    assert kept("x", MADE_FROM, lambda: "right") == "right"


@posix
def test_another_users_is_not_believed(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forged(cache)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert kept("x", MADE_FROM, lambda: "right") == "right"


def test_nothing_is_kept_where_nothing_can_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    for folder in (None, tmp_path / "file" / "archdsl"):
        monkeypatch.setattr(resources, "_cache_folder", lambda folder=folder: folder)
        assert kept("x", MADE_FROM, lambda: ("a", 1)) == ["a", 1]


def test_threads(cache: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: kept(f"x{n % 2}", MADE_FROM, lambda: n % 2), range(64)))
    assert found == [n % 2 for n in range(64)]
    assert len(list(cache.iterdir())) == 2


# Whole processes.


COMMAND = [sys.executable, "-m", "archdsl", "cost", "specs/regnety_4gf.arch", "--format", "json"]


def environments(tmp_path: Path) -> dict[str, dict[str, str]]:
    """Homes as they may be: a new one, none, one that is a file or takes none, and a cache that is switched off."""
    (tmp_path / "file").write_text("")
    return {
        "new": {"HOME": str(tmp_path), "XDG_CACHE_HOME": ""},
        "again": {"HOME": str(tmp_path), "XDG_CACHE_HOME": ""},
        "elsewhere": {"XDG_CACHE_HOME": str(tmp_path / "elsewhere" / "deep")},
        "relative": {"HOME": "here", "XDG_CACHE_HOME": ""},
        "no folder": {"HOME": str(tmp_path / "file"), "XDG_CACHE_HOME": ""},
        "takes none": {"HOME": "/proc", "XDG_CACHE_HOME": ""},
        "none": {},
        "off": {"HOME": str(tmp_path / "off"), "XDG_CACHE_HOME": "", NO_CACHE: "1"},
    }


UNKNOWN = """\
import pwd
import sys

from archdsl.cli import main


def unknown(_: int) -> None:
    raise KeyError


pwd.getpwuid = unknown
sys.exit(main(sys.argv[1:]))
"""
"""The command line for a user that the system has no entry of, as in containers."""


def started(environment: dict[str, str], command: list[str] = COMMAND) -> subprocess.Popen[str]:
    own = {name: value for name, value in os.environ.items() if name not in ("HOME", "XDG_CACHE_HOME", NO_CACHE)}
    return subprocess.Popen(
        command, env={**own, **environment}, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_every_home_works(tmp_path: Path) -> None:
    outputs = set()
    for environment in environments(tmp_path).values():
        output, errors = started(environment).communicate(timeout=1500)
        assert errors == ""
        outputs.add(output)
    if os.name == "posix":
        command = [sys.executable, "-c", UNKNOWN, *COMMAND[3:]]
        output, errors = started({"PYTHONPATH": str(ROOT)}, command).communicate(timeout=1500)
        assert errors == ""
        outputs.add(output)
    assert len(outputs) == 1
    assert '"flops": 3973301344' in outputs.pop()
    assert not (tmp_path / "off").exists()
    assert not (ROOT / "here").exists()
    if sys.platform == "linux":
        assert list((tmp_path / ".cache" / "archdsl").glob("tables-*.json"))
        assert list((tmp_path / "elsewhere" / "deep" / "archdsl").glob("tree-*.json"))


def test_processes_that_start_at_once(tmp_path: Path) -> None:
    running = [started({"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}) for _ in range(3)]
    found = [process.communicate(timeout=1500) for process in running]
    assert len(set(found)) == 1
    assert [path for path in (tmp_path / "archdsl").iterdir() if path.suffix != ".json"] == []


# What is kept is what would be made.


def places(value: Any) -> Any:
    """A tree with all places, which equality of nodes leaves out."""
    if isinstance(value, ast.Node):
        return type(value), *[places(getattr(value, name)) for kind in type(value).__mro__ for name in slots(kind)]
    if isinstance(value, Span):
        return value.start, value.end
    return tuple([places(part) for part in value]) if isinstance(value, tuple) else value


def slots(kind: type) -> tuple[str, ...]:
    return tuple(getattr(kind, "__slots__", ()))


@pytest.mark.parametrize("name", [module for module in library_modules() if module != "std.ops"])
def test_kept_trees_are_those_of_the_text(cache: Path, name: str) -> None:
    source = Source(name, read_data(f"specs/{name.replace('.', '/')}.arch"))
    made, faults = parse(source)
    for _ in range(2):
        again, found = stored.kept_tree(name, source)
        assert (places(again.items), again.complete, found) == (places(made.items), True, faults)
        assert again.items[0].span.source is source
    assert len(list(cache.glob(f"tree-{name}-*.json"))) == 1


def test_a_text_with_faults_is_told_each_time(cache: Path) -> None:
    source = Source("broken", "fn f(a) = a +\nfn g(a) = a\n")
    assert cache is not None
    for _ in range(2):
        file, faults = stored.kept_tree("broken", source)
        assert [d.code for d in faults] == [d.code for d in parse(source)[1]] != []
        assert not file.complete or len(file.items) == 2
