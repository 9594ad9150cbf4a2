"""The hand-written data that ships with the package: `grammar/`, `codegen/` and `specs/`; and what is kept of it.

In a wheel they lie under `archdsl/_data/`, in a checkout beside the package; there is one copy of each.

What takes long to work out of them (`kept`) is kept in the user's cache, for the next start: `$XDG_CACHE_HOME/archdsl`,
or what the platform has instead. It is JSON, so that reading it runs nothing. A file there is believed if it and its
folder belong to this user and nobody else may write them, and if its digest and the key of what it was made from are
right; else it is made anew. Where nothing can be kept all works as well, and takes longer. With `ARCHDSL_NO_CACHE`
nothing is read or written.
"""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from zlib import adler32, crc32

NO_CACHE = "ARCHDSL_NO_CACHE"
"""The variable of the environment that switches the cache off."""
_KEPT = 4
"""So many files of one kind stay: those of other versions that are in use, and none for ever."""


@cache
def data_root() -> Path:
    """The folder that holds `grammar/`, `codegen/` and `specs/`."""
    package = Path(__file__).resolve().parent
    for root in (package / "_data", package.parent):
        if (root / "grammar" / "arch.lark").is_file():
            return root
    raise FileNotFoundError(f"archdsl's data folders are missing beside {package} and in {package / '_data'}")


def library_modules() -> tuple[str, ...]:
    """The names of the modules of the standard library, `std.regnet` for `specs/std/regnet.arch`."""
    return tuple(f"std.{path.stem}" for path in sorted((data_root() / "specs" / "std").glob("*.arch")))


def spec_files() -> tuple[str, ...]:
    """The networks that ship with the package, as paths from the data root: `specs/family/net.arch`."""
    root = data_root()
    found = sorted((root / "specs").rglob("*.arch"))
    return tuple(path.relative_to(root).as_posix() for path in found if path.parent != root / "specs" / "std")


def read_data(path: str) -> str:
    """The text of a data file, named from the data root, for example `grammar/arch.lark`."""
    return (data_root() / path).read_text(encoding="utf-8")


def source_text(path: str) -> str:
    """The text of a module of the package, named from its folder; empty where only its bytecode is there."""
    try:
        return (Path(__file__).resolve().parent / path).read_text(encoding="utf-8")
    except OSError:
        return ""


def source_texts(folder: str) -> tuple[str, ...]:
    """The texts of the modules of a folder of the package, in order; none where only their bytecode is there."""
    root = Path(__file__).resolve().parent
    return tuple([source_text(path.relative_to(root).as_posix()) for path in sorted((root / folder).rglob("*.py"))])


def package_text(name: str) -> str:
    """The first text of a package, which has its version, without importing it; empty where there is none."""
    found = find_spec(name)
    try:
        return Path(found.origin).read_text(encoding="utf-8") if found is not None and found.origin else ""
    except OSError:
        return ""


def kept(name: str, made_from: tuple[str, ...], make: Callable[[], Any]) -> Any:
    """What `make` gives, as JSON has it, read from the user's cache if it was made there of the same texts before.

    The key is the texts, and the version of Python.
    """
    folder = None if os.environ.get(NO_CACHE) else _cache_folder()
    if folder is None:
        return json.loads(json.dumps(make()))
    key = "-".join([_digest(text.encode()) for text in (sys.version, *made_from)])
    path = folder / f"{name}-{_digest(key.encode())}.json"
    found = _read_kept(path, key)
    if found is None:
        text = json.dumps({"key": key, "made": make()}, separators=(",", ":"))
        found = json.loads(text)["made"]
        with suppress(OSError):  # a full disk, a folder that only reads: then it is made again the next time
            _keep(path, text, name)
    return found


def _digest(content: bytes) -> str:
    """What tells texts of ours apart, and a damaged file; a stranger's is told by owner and mode.

    A digest that resists strangers takes longer to load than all that it would be taken of.
    """
    return f"{len(content):x}.{crc32(content):08x}{adler32(content):08x}"


def _cache_folder() -> Path | None:
    """The folder of the user's cache; none where there is no home."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA", "")
    elif sys.platform == "darwin":
        base = os.path.expanduser("~/Library/Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(base, "archdsl") if os.path.isabs(base) else None


def _is_own(status: os.stat_result) -> bool:
    """Whether a file or folder belongs to this user, and no one else may write it."""
    return not hasattr(os, "geteuid") or (status.st_uid == os.geteuid() and not status.st_mode & 0o022)


def _read_kept(path: Path, key: str) -> Any:
    """What a file of the cache holds; none if it is not there, damaged, of another key, or may be somebody else's."""
    try:
        if not _is_own(os.lstat(path.parent)) or not stat.S_ISDIR(os.lstat(path.parent).st_mode):
            return None
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        with open(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or not _is_own(status):
                return None
            digest, _, text = file.read().partition(b"\n")
        if digest.decode("ascii", "replace") != _digest(text):
            return None
        document = json.loads(text)
        return document["made"] if document["key"] == key else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _keep(path: Path, text: str, name: str) -> None:
    """Write a file of the cache at once or not at all. Raises `OSError`."""
    folder = path.parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not _is_own(os.lstat(folder)) or not stat.S_ISDIR(os.lstat(folder).st_mode):
        return
    content = text.encode()
    half = folder / f".{path.name}.{os.urandom(8).hex()}"
    descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(descriptor, "wb") as file:
            file.write(_digest(content).encode() + b"\n" + content)
        os.replace(half, path)
    except OSError:
        half.unlink(missing_ok=True)
        raise
    others = [other for other in folder.glob(f"{name}-*.json") if other != path]
    for old in sorted(others, key=lambda other: other.stat().st_mtime, reverse=True)[_KEPT - 1 :]:
        old.unlink(missing_ok=True)
