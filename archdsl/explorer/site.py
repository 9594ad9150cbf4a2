"""The built files of the page: of the distribution `archdsl-explorer`, or of a checkout after `make explorer`."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from archdsl.resources import data_root

PACKAGE = "archdsl_explorer"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".woff2": "font/woff2",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".zip": "application/zip",
    ".txt": "text/plain; charset=utf-8",
    ".md": "text/plain; charset=utf-8",
}
"""What files of the page are, by suffix."""
CSP = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' blob: data:; "
    "font-src 'self'; connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'"
)
"""What the page may do: nothing but its own files, no script or style in the text. The page itself has it too, for
servers that know nothing of it."""


class NoSite(Exception):
    """Why there is no page, in one sentence."""


def site_folder() -> Path:
    """The folder with `page/` and `pyodide/`. Raises `NoSite`."""
    checkout = data_root() / "web" / PACKAGE
    found = find_spec(PACKAGE)
    places = [checkout, *([Path(found.origin).parent] if found is not None and found.origin else [])]
    for place in places:
        if (place / "page" / "index.html").is_file():
            return place
    if (data_root() / "web" / "package.json").is_file():
        raise NoSite("the page is not built: `make explorer` builds it")
    raise NoSite("the page is not installed: pip install 'archdsl[web]'")


def files_below(folder: Path) -> dict[str, Path]:
    """The files of a folder by their paths in it; no links."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink() and path.suffix in TYPES:
            found[path.relative_to(folder).as_posix()] = path
    return found
