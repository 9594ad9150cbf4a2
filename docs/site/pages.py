"""The pages that are written by hand, for the site. Links to files lead to pages that show them."""

from __future__ import annotations

import os
import posixpath
import re
import shutil
from pathlib import Path

FENCE = re.compile(r"^```(\w+)[^\n`]*$", re.MULTILINE)
LINK = re.compile(r"(\]\()([^)\s]+)(\))")
CODE = re.compile(r"^```.*?^```$|`[^`\n]+`", re.MULTILINE | re.DOTALL)
COPIED = {".svg", ".png"}
LANGUAGES = {".arch": "arch", ".json": "json", ".py": "python", ".sh": "sh", ".csv": "text", ".lark": "text"}
TOP = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")


def write(root: Path, out: Path) -> set[str]:
    """Write every page of `docs/` and the top, and what they link to; the names of the pages, from `out`."""
    writer = _Writer(root, out)
    folder = root / "docs"
    for page in [*sorted(folder.rglob("*.md")), *[root / name for name in TOP]]:
        if not page.is_relative_to(folder / "site"):
            writer.page(page)
    return writer.written


class _Writer:
    def __init__(self, root: Path, out: Path) -> None:
        self.root, self.out = root, out
        self.written: set[str] = set()

    def page(self, path: Path) -> None:
        """A page, with its links and fences as the site has them."""
        place = self.place(path)
        if place in self.written:
            return
        self.written.add(place)
        text = path.read_text(encoding="utf-8")
        parts, at = [], 0
        for code in CODE.finditer(text):
            parts += [self._linked(text[at : code.start()], path, place), FENCE.sub(r"```\1", code[0])]
            at = code.end()
        parts.append(self._linked(text[at:], path, place))
        self._put(place, "".join(parts))

    def place(self, path: Path) -> str:
        """Where a file of the project stands on the site."""
        name = path.relative_to(self.root).as_posix()
        if name == "README.md":
            return "index.md"
        if name.endswith(".md"):
            return name.removeprefix("docs/")
        if path.suffix in COPIED:
            return name.removeprefix("docs/")
        return f"files/{name.rstrip('/') or 'all'}.md"

    def _linked(self, text: str, path: Path, place: str) -> str:
        return LINK.sub(lambda found: found[1] + self._target(found[2], path, place) + found[3], text)

    def _target(self, link: str, path: Path, place: str) -> str:
        if re.match(r"[a-z]+:|#", link):
            return link
        name, sign, fragment = link.partition("#")
        target = Path(os.path.normpath(path.parent / name))
        if not target.exists():
            raise FileNotFoundError(f"{path.relative_to(self.root)} links to {link}, which is not there")
        there = self.place(target)
        if there not in self.written:
            self._file(target, there)
        return posixpath.relpath(there, posixpath.dirname(place) or ".") + sign + fragment

    def _file(self, path: Path, place: str) -> None:
        """A file that is linked to, as a page of its own; of a folder, its files."""
        if path.suffix == ".md":
            self.page(path)
            return
        self.written.add(place)
        if path.suffix in COPIED:
            (self.out / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, self.out / place)
            return
        title = f"# `{path.relative_to(self.root).as_posix()}`\n\n"
        if path.is_dir():
            inside = sorted([each for each in path.iterdir() if not each.name.startswith((".", "__"))])
            self._put(
                place, title + "\n".join([f"- `{each.name}{'/' if each.is_dir() else ''}`" for each in inside]) + "\n"
            )
            return
        text = path.read_text(encoding="utf-8").rstrip("\n")
        self._put(place, f"{title}````{LANGUAGES.get(path.suffix, 'text')}\n{text}\n````\n")

    def _put(self, place: str, text: str) -> None:
        self.written.add(place)
        (self.out / place).parent.mkdir(parents=True, exist_ok=True)
        (self.out / place).write_text(text, encoding="utf-8")
