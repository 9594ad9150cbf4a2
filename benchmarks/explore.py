"""How long the page of `archdsl explore` takes in a real browser: to its first result, from the slider to the picture.

    python benchmarks/explore.py

Prints wall time in seconds and milliseconds for both engines, of this machine as it is; needs Chromium, playwright and
the page (`make explorer`).
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "explore"))

from browsing import CHROMIUM, FLAGS, Walk, hosted, missing, served

from archdsl.explorer.engine import Given
from archdsl.explorer.site import site_folder
from archdsl.explorer.static import write_site

FLOPS = "document.querySelector('#total-flops')?.textContent"
MOVES = [1 + step / 20 for step in range(1, 21)]
DRAWN = """exponent => new Promise(resolve => {
  const begin = performance.now();
  new MutationObserver((_, observer) => {
    observer.disconnect();
    requestAnimationFrame(() => resolve(performance.now() - begin));
  }).observe(document.querySelector('#totals'), { childList: true });
  const slider = document.querySelector('#factor');
  slider.value = exponent;
  slider.dispatchEvent(new Event('input'));
})"""


def timed(browser: Any, address: str, name: str) -> None:
    """The first result, and the moves of the slider."""
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    walk = Walk(page, address)
    begin = time.perf_counter()
    walk.open()
    walk.until(FLOPS, "3,973,301,344")
    first = time.perf_counter() - begin
    moves = sorted(page.evaluate(DRAWN, exponent) for exponent in MOVES)
    drawn = f"median {statistics.median(moves):.0f}, worst {moves[-1]:.0f}"
    print(f"{name:8} first result {first:5.2f} s   slider to drawn, ms: {drawn}")
    page.close()


def main() -> None:
    """Both engines."""
    if missing():
        sys.exit(missing())
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        begin = time.perf_counter()
        with served() as address:
            print(f"server   starts in {time.perf_counter() - begin:.2f} s")
            timed(browser, address, "server")
        site = Path(folder) / "site"
        write_site(site, site_folder(), Given())
        with hosted(site) as address:
            timed(browser, address, "browser")
        browser.close()


if __name__ == "__main__":
    main()
