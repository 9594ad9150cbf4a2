"""A browser walks the page, with the local server and with the compiler in the page: same steps, same numbers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import CHROMIUM, FLAGS, Walk, hosted, missing, served

from archdsl import compile_text
from archdsl.api import compile as compiled
from archdsl.explorer.engine import Given
from archdsl.explorer.site import site_folder
from archdsl.explorer.static import write_site
from archdsl.population import space
from archdsl.resources import read_data

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())

NET = "specs/regnety_4gf.arch"
FLOPS = "document.querySelector('#total-flops')?.textContent"
FAULTS = "document.querySelector('#problems-head').textContent"
NAMELESS = """() =>
  [...document.querySelectorAll("button, input, select, a, img, [role=region], svg[role=img]")]
    .filter(e => e.checkVisibility())
    .filter(e => !e.labels?.length && !e.getAttribute("aria-label") && !e.textContent.trim() && e.alt === undefined)
    .map(e => e.outerHTML.slice(0, 100))"""
"""Controls and pictures that have no name for who does not see them."""
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield found
        found.close()


@pytest.fixture(scope="module", params=["server", "browser"])
def address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if request.param == "server":
        with served() as found:
            yield found
        return
    folder = tmp_path_factory.mktemp("site") / "site"
    write_site(folder, site_folder(), Given())
    with hosted(folder) as found:
        yield found


@pytest.fixture(scope="module")
def visited(browser: Any, address: str) -> Iterator[Walk]:
    """One page for all steps: in the browser the compiler takes seconds to start."""
    context = browser.new_context(viewport={"width": 1400, "height": 900}, accept_downloads=True)
    found = Walk(context.new_page(), address)
    found.open()
    found.until(FLOPS, "3,973,301,344")
    yield found
    context.close()


@pytest.fixture
def walk(visited: Walk) -> Walk:
    """The page with the text that it begins with."""
    visited.faults.clear()
    visited.page.click("#tab-model")
    visited.write(read_data(NET))
    visited.page.click("#reset")
    visited.until(FLOPS, "3,973,301,344")
    visited.until(FAULTS, "No faults")
    return visited


def flops(**changes: Any) -> str:
    return f"{compiled('regnety_4gf', **changes).cost.flops:,}"


def test_a_fault_is_seen_and_mended_by_a_click(walk: Walk) -> None:
    text = read_data(NET)
    walk.write(text.replace("group_width:", "group_widht:"))
    walk.until(FAULTS, "1 fault")
    assert "group_widht" in walk.text("#problems .message")
    assert walk.page.locator(".cm-lintRange-error").count() > 0
    walk.page.click("#problems .fix")
    walk.until(FAULTS, "No faults")
    assert walk.program() == text
    walk.page.wait_for_selector(".cm-hint")
    walk.no_faults()


def test_completion_and_hover(walk: Walk) -> None:
    walk.page.locator(".cm-line", has_text="se_ratio").click(position={"x": 60, "y": 5})
    walk.page.keyboard.press("End")
    walk.page.keyboard.press("Enter")
    walk.page.keyboard.type("dil", delay=30)
    walk.page.locator(".cm-tooltip-autocomplete li", has_text="dilation").first.wait_for()
    walk.page.locator(".cm-tooltip-autocomplete li", has_text="dilation").first.click()
    walk.page.wait_for_selector(".cm-tooltip-autocomplete", state="detached")
    walk.page.keyboard.type("round_filt", delay=30)
    walk.page.locator(".cm-tooltip-autocomplete li", has_text="round_filters").first.click()
    walk.page.wait_for_selector(".cm-tooltip-autocomplete", state="detached")
    assert "use std.rules { round_filters }\n" in walk.program()
    assert "    dilation: round_filters\n" in walk.program()
    walk.write(read_data(NET))
    walk.until(FAULTS, "No faults")
    walk.page.locator(".cm-line span", has_text="quantized_linear").last.hover()
    walk.page.wait_for_selector(".cm-hover")
    assert "quantized_linear" in walk.page.locator(".cm-hover").inner_text()
    walk.page.mouse.move(5, 5)
    walk.no_faults()


def test_the_slider_scales(walk: Walk) -> None:
    for exponent, factor in (("2", "4"), ("1.5", "2.83")):
        walk.page.locator("#factor").evaluate(f"f => {{ f.value = {exponent}; f.dispatchEvent(new Event('input')) }}")
        walk.until(FLOPS, flops(scale=f"dWr:{factor}"))
    walk.page.select_option("#strategy", "w")
    walk.until(FLOPS, flops(scale="w:2.83"))
    walk.page.select_option("#strategy", "dWr")
    walk.until(FLOPS, flops(scale="dWr:2.83"))
    walk.no_faults()


def test_a_budget_is_solved_for(walk: Walk) -> None:
    walk.page.fill("#amount", "5G")
    walk.page.click("#solve button")
    walk.until("/reaches/.test(document.querySelector('#solved').textContent)")
    made = compiled("regnety_4gf", scale="dWr", to="flops=5G")
    (solved,) = made.compilation.model.solved
    assert f"reaches {made.cost.flops:,} flops" in walk.text("#solved")
    assert walk.page.input_value("#number") == f"{float(solved.factor):g}"
    walk.page.fill("#amount", "<b>much</b>")
    walk.page.click("#solve button")
    walk.until("/is not MEASURE=AMOUNT/.test(document.querySelector('#solved').textContent)")
    walk.page.click("#reset")
    walk.until(FLOPS, "3,973,301,344")
    walk.until(FAULTS, "No faults")
    walk.no_faults()


def test_the_picture_and_the_curves(walk: Walk) -> None:
    walk.page.click("#tab-picture")
    walk.page.wait_for_selector("img.picture")
    walk.until(
        "document.querySelector('img.picture').complete && document.querySelector('img.picture').naturalWidth", 900
    )
    walk.page.click("#tab-scaling")
    walk.page.select_option("#panel-scaling select >> nth=1", "2")
    walk.page.wait_for_selector("#panel-scaling svg")
    row = walk.page.locator("#panel-scaling tr", has_text="dWr").last
    walk.until("[...document.querySelectorAll('#panel-scaling tbody tr')].length", 15)
    assert flops(scale="dWr:2") in row.inner_text()
    walk.no_faults()


def test_two_models_are_compared(walk: Walk) -> None:
    walk.page.click("#tab-compare")
    walk.page.wait_for_selector("#other option[value$=':resnet50']", state="attached")
    walk.page.select_option("#other", label="resnet50")
    walk.page.wait_for_selector("#panel-compare svg")
    total = walk.page.locator("#panel-compare tfoot").first.inner_text()
    assert flops() in total
    assert f"{compiled('resnet50').cost.flops:,}" in total
    walk.no_faults()


def test_a_module_is_downloaded(walk: Walk) -> None:
    walk.page.click("#tab-module")
    walk.page.wait_for_selector("#download")
    with walk.page.expect_download() as waiting:
        walk.page.click("#download")
    text = Path(waiting.value.path()).read_text()
    assert waiting.value.suggested_filename == "regnety_4gf.py"
    assert text == walk.text("#panel-module code")
    compile(text, "regnety_4gf.py", "exec")
    names: dict[str, Any] = {}
    exec(text, names)  # it is ours
    model = next(value for name, value in names.items() if name.lower() == "regnety4gf")()
    assert sum(parameter.numel() for parameter in model.parameters()) == 20_646_656
    walk.no_faults()


def test_a_member_of_a_population_is_opened(walk: Walk, tmp_path: Path) -> None:
    walk.page.click("#open")
    walk.page.wait_for_selector("#shipped button")
    walk.page.fill("#find", "anynetx_a")
    walk.page.click("#shipped .space >> nth=0")
    walk.page.wait_for_selector("#wanted")
    walk.page.fill("#wanted", "3")
    walk.page.keyboard.press("Tab")
    walk.page.wait_for_selector("#panel-population tbody tr")
    row = walk.page.locator("#panel-population tbody tr").first
    shown = row.locator("td").first.inner_text()
    row.locator("button").click()
    walk.page.wait_for_selector("#notice:not([hidden])")
    walk.until(FLOPS, shown)
    assert f"{compile_text(walk.program()).cost.flops:,}" == shown
    walk.page.click("#notice button")
    walk.until("document.querySelector('#notice').hidden")
    assert walk.program() == read_data("specs/spaces/anynetx.arch")

    sampled = space("anynetx_a").sample(3, seed=1)
    sampled.save(tmp_path / "pop.csv")
    walk.until("document.querySelector('#problems-head').textContent", "No faults")
    walk.page.click("#tab-population")
    walk.page.set_input_files("#table", tmp_path / "pop.csv")
    walk.until("document.querySelector('#panel-population .said').textContent", "3 rows of pop.csv")
    walk.page.locator("#panel-population .member", has_text="2").first.click()
    walk.until(FLOPS, f"{sampled['flops'][2]:,}")
    walk.no_faults()


def test_hostile_names_stay_text(walk: Walk) -> None:
    """In strings, comments, names that are none, and what is asked of the controls."""
    walk.page.click("#tab-model")
    text = (
        read_data(NET)
        .replace('paper:  "arXiv:2003.13678"', f'paper: "{HOSTILE}"')
        .replace("# RegNetY-4.0GF", f"# {HOSTILE}</title><script>alert(2)</script>")
    )
    walk.write(text)
    walk.until(FLOPS, "3,973,301,344")
    for tab in ("picture", "module", "compare", "scaling", "model"):
        walk.page.click(f"#tab-{tab}")
        walk.page.wait_for_timeout(150)
    walk.page.click("#tab-module")
    walk.until(f"document.querySelector('#panel-module code')?.textContent.includes({json.dumps(HOSTILE)})")
    walk.page.click("#tab-model")
    walk.write(text.replace("expect { ", f'expect {{ by: "{HOSTILE}" '))
    walk.until(f"document.querySelector('#problems').textContent.includes({json.dumps(HOSTILE)})")
    walk.page.locator(".cm-lint-marker-error").hover()
    walk.page.locator(".cm-diagnostic", has_text=HOSTILE).first.wait_for()
    inserted = "document.querySelectorAll('img[src=x], script:not([src=\"app.js\"]), [onerror]').length"
    assert walk.page.evaluate(inserted) == 0
    assert walk.page.evaluate(inserted.replace("document.", "document.querySelector('#editor').shadowRoot.")) == 0
    walk.no_faults()


def test_a_link_holds_the_text(walk: Walk, browser: Any) -> None:
    text = read_data(NET).replace("group_width: 64", "group_width: 32") + "# \U0001d4b3 = «ä»\n"
    walk.write(text)
    wanted = f"{compile_text(text).cost.flops:,}"
    walk.until(FLOPS, wanted)
    walk.page.click("#link")
    walk.until("location.hash.startsWith('#t=')")
    hash_ = walk.page.evaluate("location.hash")
    if walk.page.evaluate("fetch('engine.json').then(r => r.json()).then(e => e.engine)") == "browser":
        return  # another page would start the compiler again, and the link is the page's matter
    other = Walk(browser.new_page(), walk.address)
    other.open(hash_)
    other.until(FLOPS, wanted)
    assert other.program() == text
    other.no_faults()
    other.open("#t=damaged")
    other.page.reload()
    other.until(FLOPS, "3,973,301,344")
    other.no_faults()
    other.page.close()


def test_keys_and_names_for_those_who_do_not_see(walk: Walk) -> None:
    walk.page.focus("#tab-model")
    for name in ("picture", "scaling", "compare", "population", "module", "model"):
        walk.page.keyboard.press("ArrowRight")
        walk.until("document.activeElement.id", f"tab-{name}")
        assert walk.page.get_attribute(f"#tab-{name}", "aria-selected") == "true"
    assert walk.page.evaluate(NAMELESS) == []
    pressed = walk.page.get_attribute("#theme", "aria-pressed")
    walk.page.click("#theme")
    assert walk.page.get_attribute("#theme", "aria-pressed") != pressed
    walk.no_faults()


@pytest.mark.parametrize("width", [360, 800])
def test_narrow_screens_have_no_sideways_scroll(walk: Walk, width: int) -> None:
    walk.page.set_viewport_size({"width": width, "height": 780})
    walk.until("document.documentElement.scrollWidth", width)
    walk.page.set_viewport_size({"width": 1400, "height": 900})


def test_the_file_of_the_server(browser: Any, tmp_path: Path) -> None:
    """Saved when it is asked for; loaded again when another writes it; a choice where both did."""
    (tmp_path / "archdsl.toml").write_text("")
    net = tmp_path / "net.arch"
    net.write_text(read_data(NET))
    with served("net.arch", cwd=tmp_path) as address:
        walk = Walk(browser.new_page(), address)
        walk.open()
        walk.until(FLOPS, "3,973,301,344")
        net.write_text(read_data(NET).replace("classes: 1000", "classes: 10"))
        wanted = f"{compiled(net).cost.flops:,}"
        walk.until(FLOPS, wanted)
        mine = read_data(NET).replace("classes: 1000", "classes: 20")
        walk.write(mine)
        walk.page.wait_for_timeout(300)
        assert net.read_text() != mine
        walk.page.click("#save")
        walk.until("document.querySelector('#save').textContent", "Saved")
        assert net.read_text() == mine
        walk.write(mine.replace("classes: 20", "classes: 30"))
        net.write_text(mine.replace("classes: 20", "classes: 40"))
        walk.page.wait_for_selector("#notice button")
        walk.page.click("#notice button >> nth=0")
        walk.until(FLOPS, f"{compiled(net).cost.flops:,}")
        walk.no_faults()
        walk.page.close()
