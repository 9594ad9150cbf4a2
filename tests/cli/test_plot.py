"""`archdsl plot`: the pictures hold the numbers that `archdsl cost` prints, and can be told apart by any reader."""

from __future__ import annotations

import csv
import io
import itertools
import json
import math
import os
import re
import struct
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import numpy
import pytest
from cli_cases import ROOT, SPECS, Run
from pydantic import TypeAdapter
from sampling import TIMES

from archdsl.plots.draw import STYLES
from archdsl.plots.figures import MAX_SERIES
from archdsl.views.failure import FailureReport
from archdsl.views.plot import PlotReport

KNOWN = SPECS / "regnety_4gf.arch"
WIDTHS = [128] * 2 + [192] * 6 + [512] * 12 + [1088] * 2
"""Radosavovic et al. 2020, figure 16."""
SVG = "{http://www.w3.org/2000/svg}"
KINDS: dict[str, tuple[Any, ...]] = {
    "widths": (),
    "channels": (),
    "scaling": ("--strategies", "w,d", "--factors", "1,2,4"),
    "stages": (),
}
PAIR = """\
arch 1
use std.ops { conv }
model _first { input: 3 x 8 x 8  stages: conv { depth: [1, 2]  width: [4, 6]  kernel: 1 } }
model second { input: 3 x 8 x 8  stages: conv { width: 8  kernel: 1 } }
fn listed() = [8, 12, 16]
fn words() = ["a"]
fn takes(n) = [n]
"""


def plot(run: Run, *arguments: Any) -> dict[str, Any]:
    result = run("plot", *arguments, "--format", "json")
    assert result.code == 0, result.err
    TypeAdapter(PlotReport).validate_json(result.out, strict=True)
    found: dict[str, Any] = json.loads(result.out)
    return found


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def drawn(run: Run, *arguments: Any) -> dict[str, ElementTree.Element]:
    """What an SVG holds, by id."""
    result = run("plot", *arguments, "-o", "picture.svg", "--force")
    assert result.code == 0, result.err
    return parts(Path("picture.svg").read_text(encoding="utf-8"))


def parts(svg: str) -> dict[str, ElementTree.Element]:
    elements = [e for e in ElementTree.fromstring(svg).iter() if "id" in e.attrib]
    assert len({e.attrib["id"] for e in elements}) == len(elements)
    return {e.attrib["id"]: e for e in elements}


def marks(element: ElementTree.Element) -> list[tuple[float, float]]:
    """Where the marks of a line stand."""
    return [(float(use.attrib["x"]), float(use.attrib["y"])) for use in element.iter(f"{SVG}use")]


def corners(element: ElementTree.Element) -> list[tuple[float, float]]:
    """The points of the first path in a group."""
    path = element.find(f".//{SVG}path")
    assert path is not None
    numbers = [float(number) for number in re.findall(r"-?[0-9.]+", path.attrib["d"])]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def texts(svg: str) -> list[str]:
    return ["".join(e.itertext()).strip() for e in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def proportional(drawn_at: list[float], values: list[float]) -> bool:
    """Whether places on paper are values up to origin and scale."""
    scale, origin = numpy.polyfit(values, drawn_at, 1)
    return bool(numpy.allclose(scale * numpy.array(values) + origin, drawn_at, atol=0.01))


# Numbers


def test_schema_in_the_documentation() -> None:
    """Run with ARCHDSL_UPDATE=1 to write it anew."""
    path = ROOT / "docs" / "schema" / "plot.json"
    found = TypeAdapter(PlotReport).json_schema(mode="serialization")
    found = {"$schema": "https://json-schema.org/draft/2020-12/schema", **found}
    if os.environ.get("ARCHDSL_UPDATE"):
        path.write_text(json.dumps(found, indent=2) + "\n")
    assert meaning(json.loads(path.read_text())) == meaning(found)


def meaning(found: Any) -> Any:
    """A schema without its titles and descriptions, which pydantic takes from elsewhere in every version."""
    if isinstance(found, dict):
        words = [key for key in ("title", "description") if isinstance(found.get(key), str)]
        return {key: meaning(value) for key, value in found.items() if key not in words}
    return [meaning(part) for part in found] if isinstance(found, list) else found


def test_widths_and_their_fit(run: Run) -> None:
    found = plot(run, "widths", KNOWN)
    assert [row["width"] for row in found["rows"]] == WIDTHS
    assert found["rows"][2]["path"] == "stages.1.blocks.0"
    slope, intercept = numpy.polyfit(range(len(WIDTHS)), WIDTHS, 1)
    (fit,) = found["fits"]
    assert (fit["slope"], fit["intercept"]) == pytest.approx((slope, intercept), rel=1e-12)
    assert [row["fit"] for row in found["rows"]] == pytest.approx(intercept + slope * numpy.arange(len(WIDTHS)))
    assert "fit of regnety_4gf: 77.91 + 34.69 j, by least squares" in run("plot", "widths", KNOWN).out
    assert plot(run, "widths", KNOWN, "--no-fit")["fits"] == []


def test_channels_are_those_of_cost_by_block(run: Run) -> None:
    names = ("rexnet_1_0x", "mobilenetv2", "hrnet_w18_small")  # whose blocks give several maps
    found = rows(run("plot", "channels", *names, "--format", "csv").out)
    for model in names:
        blocks = rows(run("cost", model, "--by", "block", "--format", "csv").out)
        expected = [
            (r["path"], shape.split("x")[0], r["hash"])
            for r in blocks
            if ".blocks." in r["path"]
            for shape in r["output"].split("; ")
        ]
        assert [(row["path"], row["width"], row["hash"]) for row in found if row["model"] == model] == expected


def test_a_curve_of_widths_is_of_one_map(run: Run) -> None:
    result = run("plot", "widths", "hrnet_w18_small")
    assert (result.code, result.out) == (1, "")
    assert "stages.1.blocks.0 of hrnet_w18_small gives 2 maps" in result.err


def test_stages_are_those_of_cost(run: Run) -> None:
    for convention in ("papers", "fvcore"):
        ours = rows(run("plot", "stages", KNOWN, "--convention", convention, "--format", "csv").out)
        theirs = rows(run("cost", KNOWN, "--convention", convention, "--format", "csv").out)
        for name in ("model", "path", "flops", "params", "acts", "input", "hash", "convention", "flops_unit"):
            assert [row[name] for row in ours] == [row[name] for row in theirs]
        assert sum(float(row["acts_share"]) for row in ours) == pytest.approx(1)


def test_scaled_costs_are_those_of_cost(run: Run) -> None:
    arguments = ("--strategies", "dWr,alpha=3/5", "--factors", "1..4", "--steps", "1", "--set", "head.classes=10")
    found = plot(run, "scaling", KNOWN, *arguments, "--input", "128x96")
    assert [row["factor"] for row in found["rows"]] == [1, 2, 4] * 2
    assert [row["strategy"] for row in found["rows"]] == ["dWr"] * 3 + ["alpha=3/5"] * 3
    base = json.loads(run("cost", KNOWN, "--set", "head.classes=10", "--input", "128x96", "--format", "json").out)
    for row in found["rows"]:
        settings = ("--set", "head.classes=10", "--set", "input=3 x 128 x 96")
        scale = f"{row['strategy']}:{row['factor']:g}"
        other = json.loads(run("cost", KNOWN, *settings, "--scale", scale, "--format", "json").out)
        for name in ("flops", "params", "acts", "hash", "input"):
            assert row[name] == other[name]
        assert row["acts_ratio"] == row["acts"] / base["acts"]


def test_factors_between_the_ends(run: Run) -> None:
    found = plot(run, "scaling", KNOWN, "--strategies", "w", "--factors", "0.5..3")
    factors = [row["factor"] for row in found["rows"]]
    assert factors == [0.5, 0.715, 1.024, 1.465, 2.096, 3]
    steps = [b / a for a, b in itertools.pairwise(factors)]
    assert max(steps) / min(steps) < 1.01


def test_lists_of_widths(run: Run, here: Path) -> None:
    (here / "pair.arch").write_text(PAIR)
    found = plot(run, "widths", "pair.arch:listed", "pair.arch:_first")
    assert [(r["model"], r["width"]) for r in found["rows"]] == [
        *[("listed", width) for width in (8, 12, 16)],
        *[("_first", width) for width in (4, 6, 6)],
    ]
    assert found["fits"][0] == {"model": "listed", "intercept": 8, "slope": 4}
    assert found["models"][0]["hash"] is None
    published = [34, 34, 34, 40, 64, 88, 112, 136, 160, 184, 208, 232, 256]
    found = plot(run, "channels", f"{SPECS}/rexnet/search.arch:search_d_best")
    assert [row["width"] for row in found["rows"]] == published  # Han et al. 2021, table 3
    for name, words in (("words", "no list of widths"), ("takes", "needs `n`"), ("nothing", "no model `nothing`")):
        result = run("plot", "channels", f"pair.arch:{name}")
        assert result.code == 1
        assert words in result.err
    assert run("plot", "channels", "pair.arch:listed", "--input", "8x8").code == 2
    assert run("plot", "stages", "pair.arch:listed").code == 1


# Pictures


def test_widths_are_drawn(run: Run, here: Path) -> None:
    found = drawn(run, "widths", KNOWN, "mobilenetv2", "--line", "96,31.41")
    places = marks(found["widths-0"])
    assert len(places) == len(WIDTHS)
    assert proportional([x for x, _ in places], [float(index) for index in range(len(WIDTHS))])
    assert proportional([y for _, y in places], [float(width) for width in WIDTHS])
    assert len(marks(found["widths-1"])) == 17
    levels = [(a, b) for a, b in itertools.pairwise(corners(found["widths-0"])) if a[1] == b[1] and a[0] != b[0]]
    assert len({a[1] for a, _ in levels}) == 4
    (x0, y0), (x1, y1) = corners(found["fit-0"])
    assert proportional([y0, y1, places[0][1], places[-1][1]], [77.913043, 806.450593, 128.0, 1088.0])
    assert (x0, x1) == pytest.approx((places[0][0], places[-1][0]), abs=0.01)
    assert "given-0" in found
    said = texts((here / "picture.svg").read_text())
    assert {"regnety_4gf", "mobilenetv2", "fit: 77.91 + 34.69 j", "given: 96 + 31.41 j", "block index j"} <= set(said)


def test_a_logarithmic_axis(run: Run, here: Path) -> None:
    found = drawn(run, "widths", KNOWN, "--log", "--line", "-100,50")
    assert proportional([y for _, y in marks(found["widths-0"])], [math.log(width) for width in WIDTHS])
    assert len(corners(found["fit-0"])) == 101
    assert 80 < len(corners(found["given-0"])) < 101  # the rest is not above zero
    assert {"200", "1,000"} <= set(texts((here / "picture.svg").read_text()))


def test_channels_are_drawn(run: Run, here: Path) -> None:
    models = ("rexnet_1_0x", "mobilenetv2", "efficientnet_b0")
    found = drawn(run, "channels", *models)
    numbers = plot(run, "channels", *models)["rows"]
    for style, model in enumerate(models):
        widths = [float(row["width"]) for row in numbers if row["model"] == model]
        assert len(marks(found[f"channels-{style}"])) == len(widths)
        assert proportional([y for _, y in marks(found[f"channels-{style}"])], widths)
    assert set(models) <= set(texts((here / "picture.svg").read_text()))


def test_scalings_are_drawn(run: Run, here: Path) -> None:
    (here / "pair.arch").write_text(PAIR)
    arguments = ("scaling", KNOWN, "pair.arch:second", "--strategies", "w,d,r", "--factors", "1..8", "--steps", "1")
    found = drawn(run, *arguments)
    numbers = plot(run, *arguments)["rows"]
    for place, model in enumerate(("regnety_4gf", "second")):
        for measure in ("flops", "params", "acts"):
            for style, strategy in enumerate("wdr"):
                mine = [row for row in numbers if (row["model"], row["strategy"]) == (model, strategy)]
                places = marks(found[f"scaling-{place}-{measure}-{style}"])
                ratios = [math.log(row[f"{measure}_ratio"]) for row in mine]
                assert proportional([x for x, _ in places], [math.log(row["factor"]) for row in mine])
                guide = corners(found[f"guide-{place}-{measure}-s"])
                assert proportional([y for _, y in [*places, *guide]], [*ratios, 0.0, math.log(8)])
    said = texts((here / "picture.svg").read_text())
    assert {"flops", "params", "acts", "relative to second", "convention papers 1, input of regnety_4gf"} <= {
        *said,
        *[text.split(" 3 x")[0] for text in said],
    }
    assert "\N{SQUARE ROOT}s" in said


@pytest.mark.parametrize("shares", [False, True])
def test_stages_are_drawn(run: Run, here: Path, shares: bool) -> None:
    arguments = ("stages", KNOWN, "mobilenetv2", *(["--shares"] if shares else []))
    found = drawn(run, *arguments)
    numbers = plot(run, *arguments)["rows"]
    for measure in ("flops", "params", "acts"):
        lengths, values = [], []
        for style, model in enumerate(("regnety_4gf", "mobilenetv2")):
            mine = [row for row in numbers if row["model"] == model]
            assert f"stages-{measure}-{style}-{len(mine)}" not in found
            for index, row in enumerate(mine):
                bar = corners(found[f"stages-{measure}-{style}-{index}"])
                lengths.append(max(x for x, _ in bar) - min(x for x, _ in bar))
                values.append(float(row[f"{measure}_share" if shares else measure]))
        assert proportional(lengths, values)
    said = texts((here / "picture.svg").read_text())
    assert {"stem", "stages.0", "stages.6", "head", "regnety_4gf"} <= set(said)
    assert ("49.7" if shares else "49.7 %") in said
    assert said.index("stem") < said.index("stages.0") < said.index("stages.6") < said.index("head")


def test_every_form(run: Run, here: Path) -> None:
    outputs = [f"folder/plot.{form}" for form in ("svg", "pdf", "png", "html", "csv", "json")]
    arguments = [part for output in outputs for part in ("-o", output)]
    found = plot(run, "stages", KNOWN, *arguments)
    assert [(file["path"], file["bytes"]) for file in found["files"]] == [
        (output, (here / output).stat().st_size) for output in outputs
    ]
    png = (here / "folder/plot.png").read_bytes()
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", png[16:24])[0] == 2130  # a page's width of 7.1 inches
    assert (here / "folder/plot.pdf").read_bytes()[:5] == b"%PDF-"
    assert rows((here / "folder/plot.csv").read_text()) == rows(run("plot", "stages", KNOWN, "--format", "csv").out)
    assert json.loads((here / "folder/plot.json").read_text()) == {**found, "files": []}
    said = run("plot", "stages", KNOWN, *arguments, "--force").out
    assert "folder/plot.html" in said
    assert "a page with picture and numbers" in said
    assert "-o FILE.svg" in run("plot", "stages", KNOWN).out


def test_nothing_outside_is_asked_for(run: Run, here: Path) -> None:
    assert run("plot", "widths", KNOWN, "-o", "page.html", "-o", "picture.svg").code == 0
    page, svg = (here / "page.html").read_text(), (here / "picture.svg").read_text()
    assert not re.search(r"https?:|//|<link|<script|@import|<!ENTITY|<iframe|<img", page)
    assert set(re.findall(r'href="([^#"][^"]*)"|url\(([^#)][^)]*)\)', page + svg)) == set()
    assert set(re.findall(r"https?://[^\"\s]*", svg)) == {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert "<!DOCTYPE svg" not in svg
    assert "default-src 'none'" in page
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", page)
    assert cells[:5] == ["regnety_4gf", "0", "stages.0.blocks.0", "128", "77.9130"]
    assert page.count("<tr>") == 1 + len(WIDTHS)
    assert "<h1>Block widths: regnety_4gf</h1>" in page
    assert "least squares" in page
    element = ElementTree.fromstring(svg)
    assert element.attrib["role"] == "img"
    named = {e.attrib["id"]: e for e in element if "id" in e.attrib}
    assert [named[name].tag for name in element.attrib["aria-labelledby"].split()] == [f"{SVG}title", f"{SVG}desc"]


@pytest.mark.parametrize("kind", KINDS if TIMES > 1 else [*KINDS][::2])
def test_the_same_bytes_twice(run: Run, net: Path, kind: str) -> None:
    outputs = [f"{{}}.{form}" for form in ("svg", "pdf", "png")]
    for name in ("one", "two"):
        written = [part for output in outputs for part in ("-o", output.format(name))]
        assert run("plot", kind, net, *KINDS[kind], *written).code == 0
    for output in outputs:
        assert Path(output.format("one")).read_bytes() == Path(output.format("two")).read_bytes()


def test_settings_of_the_user_change_nothing(run: Run, net: Path, here: Path) -> None:
    assert run("plot", "widths", net, "-o", "ours.svg").code == 0
    (here / "matplotlibrc").write_text("lines.linewidth: 9\nfont.size: 30\nsvg.fonttype: path\ntext.usetex: True\n")
    environment = {**os.environ, "MATPLOTLIBRC": str(here / "matplotlibrc"), "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo"}
    command = [sys.executable, "-m", "archdsl", "plot", "widths", "net.arch", "-o", "theirs.svg"]
    subprocess.run(command, env={**environment, "PYTHONPATH": str(ROOT)}, check=True, capture_output=True)
    assert (here / "ours.svg").read_bytes() == (here / "theirs.svg").read_bytes()


def test_strange_names_are_drawn_as_they_are(run: Run, here: Path) -> None:
    folder = here / "$\\frac{1}$ <script>&\x1b[31m"
    folder.mkdir()
    for path in (here / "pair.arch", folder / "pair.arch"):
        path.write_text(PAIR)
    title = "$\\undefined{$ <script>alert(1)</script> & \u202e \x00 %s \udc80"
    specs = ("pair.arch:_first", f"{folder.name}/pair.arch:_first")
    for kind in ("widths", "stages"):
        outputs = [part for form in ("svg", "png", "pdf", "html") for part in ("-o", f"{kind}.{form}")]
        result = run("plot", kind, *specs, *outputs, "--title", title)
        assert result.code == 0, result.err
        assert "\x1b" not in result.out
        said = texts((here / f"{kind}.svg").read_text(encoding="utf-8"))
        assert "_first (pair.arch)" in said
        assert any(text.startswith("_first ($\\frac{1}$ <script>& [31m/") for text in said)
        assert any(text.startswith("$\\undefined{$ <script>alert(1)") for text in said)
        page = (here / f"{kind}.html").read_text(encoding="utf-8")
        assert "<script" not in page
        assert "$\\undefined{$ &lt;script&gt;alert(1)" in page


def test_labels_differ(run: Run, here: Path) -> None:
    (here / "pair.arch").write_text(PAIR)
    found = plot(run, "channels", "pair.arch:second", "pair.arch:second", "pair.arch:_first")
    labels = [model["label"] for model in found["models"]]
    assert labels == ["second (pair.arch) #1", "second (pair.arch) #2", "_first"]
    found = plot(run, "channels", KNOWN, "--scale", "dWr:4")
    assert found["models"][0]["label"] == "regnety_4gf_dwr4"


def luminance(color: str) -> float:
    """Of WCAG 2."""
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_series_can_be_told_apart(run: Run, here: Path) -> None:
    for name in ("color", "dash", "mark", "hatch"):
        assert len({getattr(style, name) for style in STYLES}) == len(STYLES) == MAX_SERIES
    contrasts = [1.05 / (luminance(style.color) + 0.05) for style in STYLES]
    assert min(contrasts[:5]) > 3  # of graphics, by WCAG 2.1
    assert min(contrasts) > 2
    (here / "pair.arch").write_text(PAIR)
    found = drawn(run, "channels", *["pair.arch:second"] * MAX_SERIES)
    looks = []
    for style in range(MAX_SERIES):
        line = found[f"channels-{style}"].find(f"{SVG}path")
        mark = found[f"channels-{style}"].find(f".//{SVG}defs/{SVG}path")
        assert mark is not None
        dash = re.search(r"stroke-dasharray: ([^;]*)", line.attrib["style"]) if line is not None else None
        looks.append((mark.attrib["d"], dash[1] if dash is not None else ""))
    assert len({shape for shape, _ in looks}) == len({dash for _, dash in looks}) == MAX_SERIES


def test_strange_networks(run: Run, here: Path) -> None:
    head = "arch 1\nuse std.ops { conv, relu }\nuse std.scaling { r }\nmodel net { input: 3 x 8 x 8  "
    (here / "free.arch").write_text(f"{head}stages: relu {{ depth: 2 }} }}\n")
    (here / "bare.arch").write_text(f"{head}stages: []  stem: conv(4) }}\n")
    (here / "deep.arch").write_text(f"{head}stages: conv {{ depth: 90  width: 4 + block.index  kernel: 1 }} }}\n")
    for kind, more in KINDS.items():
        if kind != "scaling":
            assert run("plot", kind, "free.arch", *more, "-o", f"free-{kind}.svg").code == 0
    assert run("plot", "scaling", "free.arch", "--strategies", "r", "--factors", "1,4", "-o", "free.svg").code == 0
    found = drawn(run, "widths", "deep.arch")
    assert not marks(found["widths-0"])
    assert "fit: 4 + 1 j" in texts((here / "picture.svg").read_text())


# The command line


def test_without_matplotlib(run: Run, net: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for form in ("svg", "pdf", "png", "html"):
        result = run("plot", "widths", net, "-o", f"picture.{form}")
        assert result.code == 1
        assert "pip install 'archdsl[plot]'" in result.err
        assert not Path(f"picture.{form}").exists()
    assert plot(run, "widths", net, "-o", "numbers.csv")["rows"]
    assert Path("numbers.csv").is_file()


def test_files_that_exist(run: Run, net: Path, here: Path) -> None:
    (here / "old.csv").write_text("old")
    result = run("plot", "widths", net, "-o", "new.csv", "-o", "old.csv")
    assert result.code == 1
    assert "old.csv exists already; --force overwrites it" in result.err
    assert not (here / "new.csv").exists()
    assert run("plot", "widths", net, "-o", "old.csv", "--force").code == 0
    assert (here / "old.csv").read_text().startswith("model,index,path,width,fit,input,hash\n")
    (here / "folder.svg").mkdir()
    assert "not a regular file" in run("plot", "widths", net, "-o", "folder.svg", "--force").err
    result = run("plot", "widths", net, "-o", "old.csv/picture.csv")
    assert result.code == 1
    assert "old.csv" in result.err


@pytest.mark.parametrize(
    ("kind", "arguments", "words"),
    [
        ("widths", ("-o", "picture.gif"), "none of the suffixes .svg, .pdf"),
        ("widths", ("-o", "picture"), "none of the suffixes"),
        ("widths", ("-o", "a.csv", "-o", "./a.csv"), "twice"),
        ("widths", ("--line", "3"), "not A,B"),
        ("widths", ("--format", "svg"), "--format"),
        ("widths", ("--model", "net", "net.arch"), "--model goes with one SPEC"),
        ("widths", ("--to", "flops=1G"), "--scale"),
        ("channels", ("--convention", "papers"), "--convention"),
        ("stages", ("--convention", "nobody"), "nobody"),
        ("scaling", (), "--strategies"),
        ("scaling", ("--strategies", "w,,d"), "'' is not NAME"),
        ("scaling", ("--strategies", "w(2)"), "'w(2)' is not NAME"),
        ("scaling", ("--strategies", "w", "--factors", "4..1"), "does not rise"),
        ("scaling", ("--strategies", "w", "--factors", "0..1"), "more than 0"),
        ("scaling", ("--strategies", "w", "--factors", "many"), "neither A..B nor"),
        ("scaling", ("--strategies", "a,b,c,d", "--factors", "0.001..999999", "--steps", "32"), "2,000 networks"),
        ("scaling", ("--strategies", "w", "--scale", "w:2"), "--scale"),
    ],
)
def test_usage(run: Run, net: Path, kind: str, arguments: tuple[str, ...], words: str) -> None:
    result = run("plot", kind, net, *arguments)
    assert result.code == 2
    assert words in result.err
    assert not result.out


def test_faults_of_the_input(run: Run, net: Path, here: Path) -> None:
    for arguments, code in (
        (("widths", "missing.arch"), "E110"),
        (("stages", net, "--model", "other"), "E201"),
        (("scaling", net, "--strategies", "nowhere"), "E201"),
        (("scaling", net, "--strategies", "w,alpha=2", "--factors", "1,2"), "E312"),
    ):
        result = run("plot", *arguments, "-o", "picture.svg")
        assert result.code == 1
        assert f"error[{code}" in result.err
        assert not (here / "picture.svg").exists()
        result = run("plot", *arguments, "--format", "json")
        assert (result.code, result.err) == (1, "")
        assert TypeAdapter(FailureReport).validate_json(result.out).diagnostics[0]["code"].startswith(code)
    nine = [net] * (MAX_SERIES + 1)
    result = run("plot", "widths", *nine, "-o", "picture.svg")
    assert result.code == 1
    assert "9 models cannot be told apart in one picture; 8 can" in result.err
    assert len(rows(run("plot", "widths", *nine, "--format", "csv").out)) == 27


def test_a_claim_that_does_not_hold_stops_nothing(run: Run, net: Path, here: Path) -> None:
    net.write_text(net.read_text().replace("14.7K", "15.7K"))
    result = run("plot", "stages", net, "-o", "picture.svg")
    assert result.code == 1
    assert "E501" in result.err
    assert (here / "picture.svg").is_file()


def test_help(run: Run) -> None:
    text = run("plot", "--help").out
    assert "archdsl plot widths net.arch -o widths.svg" in text
    for kind in KINDS:
        assert kind in text
        assert f"archdsl plot {kind} net.arch" in run("plot", kind, "--help").out
