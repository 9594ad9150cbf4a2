"""Notebooks: what a network shows of itself, its figures, and the widget, in a real kernel and a real browser."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

import archdsl
from archdsl import notebook
from archdsl.cli import main
from archdsl.graph.cost import MEASURES
from archdsl.resources import read_data

ROOT = Path(__file__).resolve().parent.parent.parent
SPEC = str(ROOT / "specs/regnety_4gf.arch")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]


class Cells(HTMLParser):
    """The cells of the tables of a text, row by row, and all its tags, which must close."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: set[str] = set()
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: Any) -> None:  # noqa: ARG002
        self.tags.add(tag)
        self._open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: Any) -> None:  # noqa: ARG002
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] in ("td", "th"):
            self.rows[-1][-1] += data


def test_a_network_shows_its_stages_and_totals() -> None:
    """Radosavovic et al. 2020, figure 16: 4.0 GF, 20.6 M parameters, 12.3 M activations."""
    net = archdsl.compile(SPEC)
    found = Cells(net._repr_html_())
    assert found.rows[0][:4] == ["stage", "block", "depth", "output"]
    assert found.rows[-1] == ["total", "", "", "", "3,973,301,344", "", "20,646,656", "", "12,287,200", ""]
    depths = [int(row[2]) for row in found.rows if row[0].startswith("stages.")]
    assert depths == [2, 6, 12, 2]
    for column in (4, 6, 8):
        counts = [int(row[column].replace(",", "")) for row in found.rows[1:]]
        assert sum(counts[:-1]) == counts[-1]
    assert "svg" in found.tags
    assert "script" not in found.tags


def test_no_name_becomes_markup() -> None:
    """A text of a stranger, in all places that a notebook shows."""
    hostile = "<img src=x onerror=alert(1)>"
    text = f"""\
arch 1
use std.ops {{ conv }}
# {hostile}
model net {{
  input: 3 x 32 x 32
  stages: conv {{ width: 8  kernel: 3 }}
  source {{ paper: "{hostile}" }}
}}
"""
    shown = archdsl.compile_text(text)._repr_html_()
    assert "<img" not in shown
    assert "img" not in Cells(shown).tags


@pytest.mark.parametrize(
    ("kind", "options"), [("widths", {}), ("channels", {"log": True}), ("stages", {"shares": True})]
)
def test_a_figure_is_that_of_the_command(kind: str, options: dict[str, bool], tmp_path: Path) -> None:
    command = tmp_path / "command.svg"
    given = ["plot", kind, SPEC, "-o", str(command), *[f"--{name}" for name in options]]
    assert main(given) == 0
    picture = archdsl.compile(SPEC).plot(kind, **options)
    picture.save(tmp_path / "here.svg")
    assert (tmp_path / "here.svg").read_bytes() == command.read_bytes()
    assert picture._repr_mimebundle_()["image/svg+xml"] == command.read_text()
    picture.save(tmp_path / "here.json")
    assert len(json.loads((tmp_path / "here.json").read_text())["rows"]) == len(picture.rows) > 0
    with pytest.raises(FileExistsError):
        picture.save(tmp_path / "here.svg")
    with pytest.raises(ValueError, match="suffixes"):
        picture.save(tmp_path / "here.gif")


def test_what_cannot_be_drawn_is_refused() -> None:
    net = archdsl.compile(SPEC)
    with pytest.raises(ValueError, match="no picture 'width'"):
        net.plot("width")
    with pytest.raises(ValueError, match="no option 'shares'"):
        net.plot("widths", shares=True)
    with pytest.raises(TypeError):
        net.plot("widths", SPEC)  # type: ignore[arg-type]
    both = net.plot("widths", archdsl.compile(SPEC, scale="d:2"), fit=False)
    assert len({row.model for row in both.rows}) == 2


def test_the_widget_scales() -> None:
    widget: Any = notebook.scaling(SPEC, ["dWr", "d"])
    assert widget.strategy == "dWr"
    assert widget.shown["totals"][0] == {"measure": "flops", "count": "3,973,301,344", "ratio": "1"}
    widget.factor = 4
    net = archdsl.compile(SPEC, scale="dWr:4")
    assert widget.compiled.hash == net.hash
    assert [each["count"] for each in widget.shown["totals"]] == [f"{getattr(net.cost, m):,}" for m in MEASURES]
    widget.strategy = "d"
    assert widget.compiled.hash == archdsl.compile(SPEC, scale="d:4").hash
    for name, value in (("factor", 1000), ("factor", float("nan")), ("strategy", "no_such")):
        with pytest.raises(Exception, match=r"1000|nan|no_such"):
            setattr(widget, name, value)
    assert (widget.factor, widget.strategy) == (4, "d")
    assert "dWr" in notebook.scaling(SPEC).strategies
    with pytest.raises(ValueError, match="takes no to"):
        notebook.scaling(SPEC, to="flops=4G")


def test_a_fault_of_a_scaling_is_shown() -> None:
    """`by_shares` needs shares; the network is none then, and comes back."""
    widget: Any = notebook.scaling(SPEC, ["by_shares", "d"])
    assert widget.compiled is None
    assert "error[" in widget.shown["fault"]
    widget.strategy = "d"
    assert widget.shown["fault"] is None


CELLS = f"""\
import archdsl
net = archdsl.compile({SPEC!r})
net
---
net.plot("widths")
---
from archdsl import notebook
widget = notebook.scaling({SPEC!r}, ["dWr"])
widget
---
widget.factor = 2
print(widget.compiled.hash == archdsl.compile({SPEC!r}, scale="dWr:2").hash)
---
archdsl.space("regnetx").sample(12)
"""


def test_in_a_real_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    book = nbformat.v4.new_notebook()
    book.cells = [nbformat.v4.new_code_cell(source.strip()) for source in CELLS.split("---\n")]
    manager = AsyncKernelManager()
    manager.kernel_spec.argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    client = NotebookClient(book, km=manager, timeout=300)
    client.execute(cleanup_kc=True)
    asyncio.run(manager.shutdown_kernel(now=True))
    data = [cell.outputs[0].get("data", {}) for cell in book.cells]
    assert "3,973,301,344" in data[0]["text/html"]
    assert data[1]["image/svg+xml"].rstrip().endswith("</svg>")
    view = data[2]["application/vnd.jupyter.widget-view+json"]
    state = book.metadata["widgets"]["application/vnd.jupyter.widget-state+json"]["state"][view["model_id"]]["state"]
    assert state["factor"] == 2
    assert state["shown"]["call"] == "dWr:2"
    assert book.cells[3].outputs[0]["text"] == "True\n"
    assert len(Cells(data[4]["text/html"]).rows) == 11
    assert "and 2 more members" in data[4]["text/html"]


PAGE = """
const state = STATE, calls = [], listeners = [];
const model = {
  get: (name) => state[name], set: (name, value) => { state[name] = value; calls.push([name, value]); },
  save_changes: () => calls.push("saved"), on: (_, call) => listeners.push(call), off: () => {},
};
const { default: widget } = await import("data:text/javascript;base64," + SCRIPT);
widget.render({ model, el: document.getElementById("place") });
window.calls = calls;
window.say = (shown) => { state.shown = shown; listeners.forEach((call) => call()); };
window.ready = true;
"""


def test_in_a_real_browser() -> None:
    """The page draws what it is told, as text, and asks for what a user moves."""
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed")
    from base64 import b64encode

    from playwright.sync_api import sync_playwright

    widget: Any = notebook.scaling(SPEC, ["dWr", "d"])
    hostile = "<img src=x onerror=alert(1)>"
    names = ["strategies", "strategy", "factor", "ends", "shown"]
    state = {name: getattr(widget, name) for name in names}
    state["shown"] = widget.shown | {"title": hostile}
    script = b64encode(read_data("codegen/notebook/scaling.js").encode()).decode()
    text = PAGE.replace("STATE", json.dumps(state), 1).replace("SCRIPT", json.dumps(script), 1)
    faults: list[str] = []
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda message: faults.append(message.text))
        page.set_content('<!DOCTYPE html><div id="place"></div>')
        page.add_script_tag(content=text, type="module")
        page.wait_for_function("window.ready")
        assert page.locator("img").count() == 0
        assert hostile in page.locator("caption").first.inner_text()
        assert page.locator("tbody tr").count() == 3 + 6
        assert page.locator("rect").count() == 22
        assert "3,973,301,344" in page.get_by_role("row", name="flops").first.inner_text()
        page.get_by_label("factor").focus()
        page.keyboard.press("End")
        page.wait_for_function("window.calls.length == 2")
        assert page.evaluate("window.calls") == [["factor", 64], "saved"]
        page.get_by_label("strategy").select_option("d")
        page.wait_for_function("window.calls.length == 4")
        assert page.evaluate("window.calls[2]") == ["strategy", "d"]
        page.evaluate("fault => window.say({call: 'd:64', fault})", hostile)
        assert page.get_by_role("alert").inner_text() == hostile
        assert page.locator("img").count() == 0
        browser.close()
    assert faults == []
