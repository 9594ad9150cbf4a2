# ruff: noqa: RUF001 - the pictures have multiplication signs
"""The pictures of a network, as Graphviz text and as SVG: whole, well formed, and safe for any text."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from types import ModuleType
from xml.etree import ElementTree

import pytest
from families.compiling import network_of, some_names, spec
from graph.graph_networks import Sketch, kitchen_sink

from archdsl.backends import About, dot, svg
from archdsl.backends.dot import parts_of, plain, size
from archdsl.graph.cost import count, group_of
from archdsl.graph.network import INPUT, Builder, Feature, Network

HOSTILE = '"><script>alert(1)</script>]]>&lt;\\N\\" + <b>x</b>\r\n{}|\u202e\u2028\x00\x1b[31m'
SHOWN = '"><script>alert(1)</script>]]>&lt;\\N\\" + <b>x</b> {}| [31m'
"""The same on one line, without what turns text or terminals."""

NAMES = some_names()
BACKENDS = pytest.mark.parametrize("backend", [dot, svg], ids=["dot", "svg"])
SVG = "{http://www.w3.org/2000/svg}"


def of_spec(name: str) -> Network:
    return network_of(spec(name))


def picture(backend: ModuleType, network: Network, about: About | None = None) -> str:
    ((name, text),) = backend.emit(network, about or About("net")).items()
    assert name.startswith("net.")
    return str(text)


def texts_of(network: Network, about: About | None = None) -> list[str]:
    """The texts of the SVG, which must be well formed and hold nothing but marks and texts."""
    root = ElementTree.fromstring(picture(svg, network, about))
    texts = []
    for element in root.iter():
        tag = element.tag.removeprefix(SVG)
        assert tag in {"svg", "title", "desc", "rect", "line", "polygon", "text", "tspan"}
        assert not [name for name in element.attrib if "href" in name or name.startswith(("on", "style"))]
        assert not any(":" in value or "url" in value for value in element.attrib.values())
        if tag in ("title", "desc", "text"):
            texts.append("".join(element.itertext()))
    return texts


TOKEN = re.compile(r'\s+|"(?:[^"\\\n]|\\.)*"|[A-Za-z_][A-Za-z_0-9]*|-?[0-9.]+|->|[{}\[\];,=]')


def labels_of(network: Network, about: About | None = None) -> list[str]:
    """The labels of the Graphviz text, which must be balanced and name no node that it does not declare."""
    text = picture(dot, network, about)
    place, tokens = 0, []
    while place < len(text):
        found = TOKEN.match(text, place)
        assert found, text[place : place + 80]
        place = found.end()
        if found[0].strip():
            tokens.append(found[0])
    open_ = []
    for token in tokens:
        if token in "{[":
            open_.append(token)
        elif token in "}]":
            assert open_.pop() == {"}": "{", "]": "["}[token]
    assert not open_
    declared = {before for before, after in pairwise(tokens) if after == "["}
    ends = [tokens[i + step] for i, token in enumerate(tokens) if token == "->" for step in (-1, 1)]
    assert set(ends) <= declared
    assert "<" not in "".join(token for token in tokens if not token.startswith('"'))
    quoted = [token[1:-1] for before, token in pairwise(tokens) if before == "=" and token.startswith('"')]
    return [
        re.sub(r"\\(.)", lambda found: {"n": "\n"}.get(found[1], found[1]), text).replace("&amp;", "&")
        for text in quoted
    ]


@pytest.mark.parametrize("name", NAMES)
def test_a_spec_has_its_totals_in_the_pictures(name: str) -> None:
    network = of_spec(name)
    cost = count(network)
    texts = "\n".join(texts_of(network))
    labels = "\n".join(labels_of(network))
    for measure in ("flops", "params", "acts"):
        assert f"{getattr(cost, measure):,}" in texts
        assert f"{getattr(cost, measure):,} {measure}" in labels
    for group in cost.by("stage"):
        assert group.key in texts
        assert f"{group.flops:,}" in texts
        assert f"{group.flops:,} flops" in labels
    for words in (texts, labels):
        assert "multiply-adds" in words
        assert network.hash[:16] in words
        assert size(network.input) in words


@BACKENDS
@pytest.mark.parametrize("name", ["regnety_4gf", "rexnet_1_0x"])
def test_same_bytes(backend: ModuleType, name: str) -> None:
    about = About("net", "spec", ("--scale dWr:4",), "doc", {"paper": "a paper"})
    assert picture(backend, of_spec(name), about) == picture(backend, of_spec(name), about)


def test_a_node_for_each_block() -> None:
    network = of_spec("regnety_4gf")
    text = picture(dot, network)
    blocks = {group_of(node.path, "block") for node in network.nodes}
    assert len(re.findall(r"^ +block\d+ \[", text, re.MULTILINE)) == len(blocks) == 24
    assert len(re.findall(r"subgraph cluster_", text)) == 4
    assert len(re.findall(r" -> ", text)) == len(blocks) + 1
    assert "blocks.11: y_block\n512 × 14 × 14" in "\n".join(labels_of(network))


def test_parts_add_up() -> None:
    for network in (of_spec("efficientnet_b0"), kitchen_sink(), tangled()):
        cost = count(network)
        parts = parts_of(network, cost)
        assert sorted(index for part in parts for index in part.nodes) == list(range(len(network.nodes)))
        for measure in ("flops", "params", "acts"):
            assert sum(getattr(part, measure) for part in parts) == getattr(cost, measure)


def test_equal_blocks_are_folded() -> None:
    texts = texts_of(of_spec("regnety_4gf"))
    assert "blocks.1 to 11: y_block × 11" in texts
    assert "conv 3 × 3, stride 2, group width 64" in texts
    assert texts.count("blocks.0: y_block") == 4


def test_widths_and_rates_that_change_are_said() -> None:
    assert "151 … 185 × 7 × 7" in texts_of(of_spec("rexnet_1_0x"))
    assert "conv 5 × 5, depthwise; drop_path rate 0.15 … 0.175" in texts_of(of_spec("efficientnet_b0"))


def test_blocks_that_differ_are_not_folded() -> None:
    net = Sketch(8, 16, 16)
    x = INPUT
    for index, (kernel, groups) in enumerate([(3, 1), (3, 1), (5, 1), (3, 1), (3, 2)]):
        x = net(x, f"stages.0.blocks.{index}.conv", "conv", width=8, kernel=kernel, groups=groups)
    texts = texts_of(net.builder.finish("net", [x]))
    assert [text for text in texts if text.startswith("blocks.")] == [
        "blocks.0 to 1: conv × 2",
        "blocks.2: conv",
        "blocks.3: conv",
        "blocks.4: conv",
    ]


def test_settings_that_vary_under_one_width_are_said() -> None:
    net = Sketch(8, 16, 16)
    x = INPUT
    for index, inner in enumerate((16, 24, 32)):
        x = net(x, f"stages.0.blocks.{index}.expand", "conv", width=inner, kernel=1)
        x = net(x, f"stages.0.blocks.{index}.reduce", "conv", width=8, kernel=1)
    texts = texts_of(net.builder.finish("net", [x]))
    assert "conv 1 × 1; conv width 16 … 32" in texts


def test_a_network_without_stages() -> None:
    network = kitchen_sink()
    texts, labels = texts_of(network), "\n".join(labels_of(network))
    for path in ("stem", "acts", "mid", "head"):
        assert path in texts
        assert f"{path}:" in labels or f"{path}\n" in labels
    assert "cluster" not in picture(dot, network)


def test_a_network_of_nothing() -> None:
    network = Builder((3, 8, 8)).finish("nothing", [INPUT])
    assert "output 3 × 8 × 8" in texts_of(network)
    assert labels_of(network)


def tangled(text: str = "b") -> Network:
    """Values that pass by their neighbours, features, two outputs; a text stands in every name."""
    net = Sketch(3, 16, 16)
    a = net(INPUT, text, "conv", width=8, kernel=3)
    b = net(a, f"stages.0.blocks.{text}", "conv", width=8, kernel=3)
    c = net([a, b], "stages.1.enter", "add")
    c = net(c, "stages.1.blocks.0", "drop_path", rate=Fraction(1, 3))
    d = net([c, INPUT], f"{text}2", "concat")
    e = net([d, a], "last", "concat")
    return net.builder.finish(text, [e, d], [Feature(text, a, 2), Feature("image", INPUT)])


def test_values_that_pass_by_are_said() -> None:
    network = tangled()
    texts = texts_of(network)
    assert "takes b" in texts
    assert "takes input" in texts
    assert "output 19 × 16 × 16" in texts
    assert "output 11 × 16 × 16 of b2" in texts
    assert "feature b (stride 2)" in texts
    assert "feature image" in texts
    text = picture(dot, network)
    assert len(re.findall(r"style=dashed", text)) == 2
    assert len(re.findall(r" -> ", text)) == 9 + 2 + 2


HOSTILE_ABOUT = About("net", HOSTILE, (HOSTILE,), HOSTILE, {HOSTILE: HOSTILE, "paper": HOSTILE * 20})


def test_hostile_texts_stay_text_in_svg() -> None:
    network = tangled(HOSTILE)
    texts = texts_of(network, HOSTILE_ABOUT)
    assert SHOWN in texts
    text = picture(svg, network, HOSTILE_ABOUT)
    assert "<script" not in text
    assert "]]>" not in text
    assert text.replace("\n", "").isprintable()


def test_hostile_texts_stay_text_in_dot() -> None:
    network = tangled(HOSTILE)
    labels = labels_of(network, HOSTILE_ABOUT)
    assert any(label.startswith(f"{SHOWN}\n{SHOWN} {SHOWN}\nhash ") for label in labels)
    text = picture(dot, network, HOSTILE_ABOUT)
    assert text.replace("\n", "").isprintable()
    assert r"\\N\\\" + <b>" in text


@pytest.mark.parametrize(
    "text", ["\\", '"', '\\"', "\\\\", "\\n", "<b>", "a\ud800b", "", " ", "日本語" * 100, "x" * 9999]
)
def test_any_text_is_drawn(text: str) -> None:
    about = About("net", text, (text,), text, {text or "paper": text})
    network = replace(tangled(), name=text)
    labels_of(network, about)
    texts_of(network, about)
    for backend in (dot, svg):
        picture(backend, network, about).encode()


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
@pytest.mark.parametrize("which", ["regnety_4gf", "hostile"])
def test_graphviz_reads_it(which: str) -> None:
    network = tangled(HOSTILE) if which == "hostile" else of_spec(which)
    text = picture(dot, network, HOSTILE_ABOUT if which == "hostile" else None)
    done = subprocess.run(["dot", "-Tsvg"], input=text.encode(), capture_output=True, check=True, timeout=1500)
    root = ElementTree.fromstring(done.stdout)
    assert not [element for element in root.iter() if "script" in element.tag]
    drawn = ["".join(element.itertext()) for element in root.iter(f"{SVG}text")]
    assert (SHOWN if which == "hostile" else "stages.2") in [text.replace("\xa0", " ") for text in drawn]


def test_every_mark_is_on_the_page() -> None:
    for network in (of_spec("efficientnetv2_s"), tangled(HOSTILE)):
        root = ElementTree.fromstring(picture(svg, network, HOSTILE_ABOUT))
        width, height = float(root.attrib["width"]), float(root.attrib["height"])
        bottom = 0.0
        for element in root.iter():
            if {"x", "y"} <= element.attrib.keys():
                x, y = float(element.attrib["x"]), float(element.attrib["y"])
                assert 0 <= x + float(element.attrib.get("width", 0)) <= width
                assert 0 <= y + float(element.attrib.get("height", 0)) <= height
                bottom = max(bottom, y)
        assert height - 60 < bottom


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1.00 K"),
        (3973301344, "3.97 G"),
        (20646656, "20.6 M"),
        (398380347, "398 M"),
        (10**14, "100 T"),
        (10**40, "1.00e+40"),
    ],
)
def test_short_numbers(number: int, text: str) -> None:
    assert svg.short(number) == text


def test_numbers_that_no_column_holds() -> None:
    net = Sketch(2**31 - 1, 2**20, 2**20)
    x = net(INPUT, "conv", "conv", width=2**31 - 1, kernel=1)
    texts = texts_of(net.builder.finish("large", [x]))
    assert "5.07e+30flops (multiply-adds)" in texts
    assert "5.0706e+30" in texts


def test_plain_text_is_cut() -> None:
    assert plain("a\n\tb  c") == "a b c"
    assert plain("x" * 30, 10) == "x" * 9 + "…"
