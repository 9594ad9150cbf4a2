"""The site of the documentation: every link within it leads somewhere, and it asks no other host for anything."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from archdsl.cli import COMMANDS
from archdsl.codes import codes
from archdsl.explorer.site import NoSite, site_folder
from archdsl.zoo import families

ROOT = Path(__file__).resolve().parent.parent.parent
LOADS = {"script": "src", "img": "src", "source": "src", "iframe": "src", "link": "href"}
"""What a browser asks for when it shows a page."""
KEPT = {"stylesheet", "icon", "preload", "modulepreload"}


class Page(HTMLParser):
    """A page's identifiers, links, and what it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value for name, value in attrs if value is not None}
        self.ids |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag in LOADS and LOADS[tag] in given and (tag != "link" or given.get("rel") in KEPT):
            self.loads.append(given[LOADS[tag]])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site") / "out"
    environment = {**os.environ, "NO_COLOR": "1"}
    command = [sys.executable, "docs/site/build.py", str(out)]
    made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
    return out / "site"


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    return {path: Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}


def targets(pages: dict[Path, Page], site: Path) -> Iterator[tuple[Path, str, Path, str]]:
    """Page, link, file and fragment of every link within the site."""
    for path, page in pages.items():
        for link in [*page.links, *page.loads]:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            place = (path.parent if not parts.path.startswith("/") else site) / unquote(parts.path).lstrip("/")
            file = path if not parts.path else Path(os.path.normpath(place))
            yield path, link, file / "index.html" if file.is_dir() else file, unquote(parts.fragment)


def test_every_link_leads_somewhere(site: Path, pages: dict[Path, Page]) -> None:
    found = list(targets(pages, site))
    lost = [(path.relative_to(site).as_posix(), link) for path, link, file, _ in found if not file.is_file()]
    assert lost == []
    missing = [
        (path.relative_to(site).as_posix(), link)
        for path, link, file, fragment in found
        if fragment and file in pages and fragment not in pages[file].ids
    ]
    assert missing == []
    assert len(found) > 1000


def test_nothing_is_asked_of_another_host(pages: dict[Path, Page]) -> None:
    outside = {link for page in pages.values() for link in page.loads if urlsplit(link).netloc}
    assert outside == set()


def test_the_playground_is_the_explorer(site: Path) -> None:
    """Where it is built; `tests/explore` walks it in a browser."""
    try:
        site_folder()
    except NoSite as reason:
        pytest.skip(str(reason))
    assert (site / "playground" / "compiler.zip").is_file()
    assert 'href="playground/index.html"' in (site / "playground.html").read_text(encoding="utf-8")


def test_every_page_is_in_the_menu(site: Path) -> None:
    menu = [link.partition("#")[0] for link in Page((site / "index.html").read_text(encoding="utf-8")).links]
    pages = {path.stem for path in (ROOT / "docs").glob("*.md")}
    assert {f"{name}.html" for name in pages} <= set(menu)


def test_all_that_there_is_has_a_page(site: Path, pages: dict[Path, Page]) -> None:
    assert all((site / "cli" / f"{name}.html").is_file() for name in COMMANDS)
    assert all(
        (site / path.relative_to(ROOT / "docs").with_suffix(".html")).is_file() for path in (ROOT / "docs").glob("*.md")
    )
    text = (site / "codes.html").read_text(encoding="utf-8")
    assert all(f"{code}: " in text for code in codes())
    api = pages[site / "api.html"].ids
    assert {"archdsl.api.compile", "archdsl.api.Compiled.cost", "archdsl.population.space"} <= api
    zoo = {path.stem for path in (site / "zoo").glob("*.html")} - {"index"}
    assert zoo <= set(families())
    assert {"regnet", "rexnet", "efficientnet"} <= zoo
    assert len(list((site / "zoo" / "pictures").glob("*.svg"))) > 150
