"""The hand-written data that ships with the package: `grammar/`, `codegen/` and `specs/`.

In a wheel they lie under `archdsl/_data/`, in a checkout beside the package; there is one copy of each.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path


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
