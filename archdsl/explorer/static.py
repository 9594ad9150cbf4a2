"""The page as a site that needs no server: beside its files stand Pyodide and the compiler that is installed here.

The compiler is one archive of the sources of archdsl, its data, and the three libraries that it parses and prints
with, as they are installed; what they have compiled for this machine is left out, for they work without.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path

from archdsl import __version__
from archdsl.explorer.engine import Given, start_report
from archdsl.explorer.site import NoSite, files_below
from archdsl.files import FileFault
from archdsl.project import Project
from archdsl.resources import data_root
from archdsl.source import Source
from archdsl.views.explore.shipped import shipped_files

LIBRARIES = ("lark", "jinja2", "markupsafe")
DATA = ("grammar", "specs", "codegen")
MARK = "engine.json"
"""The file that says that a folder is a site of ours, and how the page runs in it."""
_DATE = (1980, 1, 1, 0, 0, 0)


def write_site(folder: Path, site: Path, given: Given, *, force: bool = False) -> int:
    """Write the site, whole or not at all; its bytes. Raises `FileFault`, `NoSite` and `Fault`.

    A folder that is there is replaced only with `force`, and only if it is empty or a site of ours.
    """
    _verify(folder, force)
    source = Project(given.file).source() if given.file is not None else None
    half = folder.parent / f".{folder.name}.{os.urandom(8).hex()}.tmp"
    try:
        half.mkdir(parents=True)
        for name, path in {**files_below(site / "page"), **_runtime(site)}.items():
            place = half / name
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)
        (half / "compiler.zip").write_bytes(archive())
        (half / MARK).write_text(json.dumps(_engine(given, source)) + "\n", encoding="utf-8")
        size = sum(path.stat().st_size for path in half.rglob("*") if path.is_file())
        _replace(folder, half)
    except OSError as fault:
        raise FileFault("unwritable", (fault.strerror or "it cannot be written").lower()) from fault
    finally:
        shutil.rmtree(half, ignore_errors=True)
    return size


def _verify(folder: Path, force: bool) -> None:
    if not os.path.lexists(folder):
        return
    if folder.is_symlink() or not folder.is_dir():
        raise FileFault("exists", "it is no folder")
    if not any(folder.iterdir()):
        return
    if not (folder / MARK).is_file() or not (folder / "compiler.zip").is_file():
        raise FileFault("exists", "the folder holds other files than a site of `archdsl explore`")
    if not force:
        raise FileFault("exists", "the site exists already; --force replaces it")


def _replace(folder: Path, half: Path) -> None:
    """Put the new folder in the place of the old one."""
    old = folder.parent / f".{folder.name}.{os.urandom(8).hex()}.old"
    there = folder.exists()
    if there:
        folder.rename(old)
    try:
        half.rename(folder)
    except OSError:
        if there:
            old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _runtime(site: Path) -> dict[str, Path]:
    """The files of Pyodide."""
    found = {f"pyodide/{name}": path for name, path in files_below(site / "pyodide").items()}
    if "pyodide/pyodide.asm.wasm" not in found:
        raise NoSite("the page is built without Pyodide")
    return found


def _engine(given: Given, source: Source | None) -> dict[str, object]:
    """How the page runs, and what it begins with. The text stands in it; its file is not the reader's to write."""
    start = {**asdict(start_report(given, source)), "saved": False}
    shipped = [asdict(file) for file in shipped_files()]
    return {"engine": "browser", "archdsl": __version__, "start": start, "shipped": shipped}


def archive() -> bytes:
    """The compiler and its libraries: the same bytes for the same sources."""
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(_contents()):
            archive.writestr(zipfile.ZipInfo(name, _DATE), content, zipfile.ZIP_DEFLATED)
    return found.getvalue()


def _contents() -> Iterator[tuple[str, bytes]]:
    for package in ("archdsl", *LIBRARIES):
        found = find_spec(package)
        if found is None or found.origin is None:
            raise NoSite(f"{package} has no sources here")
        yield from _sources(Path(found.origin).parent, package)
    root = data_root()
    for folder in DATA:
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and not path.is_symlink():
                yield f"archdsl/_data/{path.relative_to(root).as_posix()}", path.read_bytes()


def _sources(folder: Path, package: str) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.suffix in (".py", ".lark") and "_data" not in inside.parts and "__pyinstaller" not in inside.parts:
            yield f"{package}/{inside.as_posix()}", path.read_bytes()
