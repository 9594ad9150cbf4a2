"""The network as JSON: all of it is there, it comes back as the same network, and nothing else comes in."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from fractions import Fraction
from math import prod
from pathlib import Path
from typing import Any

import pytest
from families.compiling import few_names, network_of, spec
from graph.graph_networks import NETWORKS, Sketch, kitchen_sink
from pydantic import TypeAdapter

from archdsl.backends import About
from archdsl.backends.json import Document, emit, read, schema
from archdsl.graph.cost import count
from archdsl.graph.network import INPUT, Feature, Network
from archdsl.graph.operations import OPERATIONS

SCHEMA = Path(__file__).resolve().parent.parent.parent / "docs" / "schema" / "network.json"
DOCUMENT = TypeAdapter(Document)
HOSTILE = '"><script>alert(1)</script>]]>\\N\r\n{}\u202e\u2028\ud800\x00\x1b[31m&lt;'


def text_of(network: Network, about: About | None = None) -> str:
    (text,) = emit(network, about or About(network.name)).values()
    return text


def small() -> Network:
    """Two features, two outputs, a split, a rational setting, uneven padding."""
    net = Sketch(3, 17, 16)
    x = net(INPUT, "stem.conv", "conv", width=8, kernel=2, padding=(0, 1, 1, 0))
    a, b = net.many(x, "stages.0.blocks.0.split", "split", parts=2)
    y = net(a, "stages.0.blocks.0.act", "leaky_relu", slope=Fraction(1, 3))
    z = net([y, b], "stages.0.blocks.0.concat", "concat")
    return net.builder.finish("small", [z, b], [Feature("early", x, 1), Feature("image", INPUT)])


@pytest.mark.parametrize("name", few_names())
def test_a_spec_has_the_same_text_every_time_and_comes_back(name: str) -> None:
    network = network_of(spec(name))
    text = text_of(network)
    assert text_of(network_of(spec(name))) == text
    DOCUMENT.validate_json(text, strict=True)
    again = read(text)
    assert again == network
    assert again.hash == network.hash
    assert count(again) == count(network)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_built_by_hand_comes_back(name: str) -> None:
    network = NETWORKS[name]()
    assert read(text_of(network)) == network


def test_every_operation_comes_back() -> None:
    net = Sketch(4, 8, 8)
    sliced = net(INPUT, "split", "split", sizes=(1, 3))
    gelu = net(net(sliced, "scale", "scale", factor=Fraction(-1, 5)), "gelu", "gelu", approximate="tanh")
    rest = net.builder.finish("rest", [net(gelu, "silu", "silu"), net(gelu, "swish", "hard_swish")])
    net = Sketch(3, 24, 18)  # of a map of 4 x 6 the offsets down and along
    offsets = net.many(INPUT, "split", "split", sizes=(7, 11), over="width")
    placed = net.builder.finish("placed", [net(list(offsets), "logits", "relative_logits")])
    networks = (
        kitchen_sink(),
        rest,
        placed,
        small(),
        *[NETWORKS[name]() for name in ("arithmetic", "relatives", "attentive", "matrices")],
    )
    used = {node.operation.name for network in networks for node in network.nodes}
    assert used == set(OPERATIONS)
    for network in networks:
        DOCUMENT.validate_json(text_of(network), strict=True)
        assert read(text_of(network)) == network


def test_what_is_written() -> None:
    about = About(
        "file",
        "specs/small.arch",
        ("--scale dWr:4",),
        "A model.",
        {"paper": "A paper"},
        (Fraction(1, 3), Fraction(1, 2), Fraction(0)),
        (Fraction(1),),
    )
    network = small()
    assert list(emit(network, about)) == ["file.json"]
    found = json.loads(text_of(network, about))
    assert found["format"] == "archdsl network"
    assert (found["name"], found["spec"], found["changes"]) == ("small", "specs/small.arch", ["--scale dWr:4"])
    assert (found["doc"], found["citation"]) == ("A model.", {"paper": "A paper"})
    assert found["mean"][0] == {"numerator": 1, "denominator": 3}
    assert found["hash"] == network.hash
    assert found["input"] == [3, 17, 16]
    assert found["outputs"] == [[3, 0], [1, 1]]
    assert found["features"] == [
        {"name": "early", "value": [0, 0], "stride": 1},
        {"name": "image", "value": [-1, 0], "stride": None},
    ]
    conv, split, act, concat = found["nodes"]
    assert conv["settings"] == {
        "width": 8,
        "kernel": [2, 2],
        "stride": [1, 1],
        "padding": {"top": 0, "bottom": 1, "left": 1, "right": 0},
        "dilation": [1, 1],
        "groups": 1,
        "bias": False,
    }
    assert conv["parameters"] == [{"name": "weight", "shape": [8, 3, 2, 2], "kind": "weights"}]
    assert conv["cost"] == {"flops": 8 * 3 * 4 * 17 * 16, "params": 96, "acts": 8 * 17 * 16, "buffers": 0}
    assert conv["ledger"] == {"multiply_adds": 8 * 3 * 4 * 17 * 16, "weights": 96, "outputs": 8 * 17 * 16}
    assert split["settings"] == {"parts": 2, "sizes": None, "over": "channels"}
    assert split["shapes"] == [[4, 17, 16]] * 2
    assert act["settings"] == {"slope": {"numerator": 1, "denominator": 3}}
    assert concat["operands"] == [[2, 0], [1, 1]]


def test_figures_add_up() -> None:
    network = network_of(spec("efficientnet_b0"))
    found = json.loads(text_of(network))
    for measure in ("flops", "params", "acts", "buffers"):
        assert found["totals"][measure] == sum(node["cost"][measure] for node in found["nodes"])
    for kind, total in (("parameters", "params"), ("buffers", "buffers")):
        assert found["totals"][total] == sum(prod(t["shape"]) for node in found["nodes"] for t in node[kind])
    assert "multiply-adds" in found["totals"]["flops_unit"]
    assert found["totals"]["convention"] == "papers"


def test_blocks_of_the_text() -> None:
    found = json.loads(text_of(network_of(spec("regnety_4gf"))))
    blocks = {block["path"]: block for block in found["blocks"]}
    inner = blocks["stages.2.blocks.11"]
    assert (inner["block"], inner["module"]) == ("y_block", "std.regnet")
    paths = [node["path"] for node in found["nodes"][inner["first"] : inner["last"] + 1]]
    assert paths == [n["path"] for n in found["nodes"] if n["path"].startswith("stages.2.blocks.11.")]


def test_one_line_for_a_node() -> None:
    network = small()
    lines = text_of(network).splitlines()
    assert sum('"operation"' in line for line in lines) == len(network.nodes)


def test_hostile_texts_stay_text() -> None:
    about = About("file", HOSTILE, (HOSTILE,), HOSTILE, {HOSTILE: HOSTILE})
    text = text_of(small(), about)
    assert text.isascii()
    assert text.replace("\n", "").isprintable()
    found = json.loads(text)
    assert found["doc"] == found["spec"] == found["changes"][0] == found["citation"][HOSTILE] == HOSTILE
    assert read(text) == small()


def test_schema_in_the_documentation() -> None:
    """Run with ARCHDSL_UPDATE=1 to write it anew."""
    if os.environ.get("ARCHDSL_UPDATE"):
        SCHEMA.write_text(json.dumps(schema(), indent=2) + "\n")
    assert meaning(json.loads(SCHEMA.read_text())) == meaning(schema())


def meaning(found: Any) -> Any:
    """A schema without its titles and descriptions, which pydantic takes from elsewhere in every version."""
    if isinstance(found, dict):
        texts = [key for key in ("title", "description") if isinstance(found.get(key), str)]
        return {key: meaning(value) for key, value in found.items() if key not in texts}
    return [meaning(part) for part in found] if isinstance(found, list) else found


# What is refused.

Change = Callable[[dict[str, Any]], object]


def put(*path: str | int, value: Any) -> Change:
    """Replace what stands at a path."""

    def change(document: Any) -> None:
        for part in path[:-1]:
            document = document[part]
        document[path[-1]] = value

    return change


def drop(*path: str | int) -> Change:
    def change(document: Any) -> None:
        for part in path[:-1]:
            document = document[part]
        del document[path[-1]]

    return change


def unneeded(document: Any) -> None:
    document["nodes"].append({**document["nodes"][2], "path": "unneeded"})


REFUSED: dict[str, tuple[Change, str]] = {
    "format": (put("format", value="onnx"), "the file|format must be"),
    "version": (put("format_version", value=2), "reads version 1"),
    "version true": (put("format_version", value=True), "reads version 1"),
    "no nodes": (drop("nodes"), "nodes is missing"),
    "nodes are no list": (put("nodes", value={}), "must be a list"),
    "a node is none": (put("nodes", 0, value=3), "node 0: this must be an object"),
    "operation": (put("nodes", 0, "operation", value="product"), 'node 0, stem.conv: there is no operation "product"'),
    "operation is no text": (put("nodes", 0, "operation", value=["conv"]), "there is no operation a list"),
    "path": (put("nodes", 0, "path", value="a'); import os #"), "the path must be names and numbers"),
    "path of another script": (put("nodes", 0, "path", value="st\u0435m"), "the path must be names"),
    "path with a line break": (put("nodes", 0, "path", value="stem\n"), "the path must be names"),
    "name": (put("name", value='x"""'), "the name must be letters"),
    "unknown setting": (put("nodes", 0, "settings", "colour", value=1), "conv has no setting colour"),
    "missing setting": (drop("nodes", 0, "settings", "width"), "conv needs width"),
    "width": (put("nodes", 0, "settings", "width", value=0), "width must be a whole number from 1"),
    "width is true": (put("nodes", 0, "settings", "width", value=True), "width must be a whole number"),
    "a float": (put("nodes", 2, "settings", "slope", value=0.5), "0.5 is not exact"),
    "zero denominator": (
        put("nodes", 2, "settings", "slope", value={"numerator": 1, "denominator": 0}),
        "numerator and denominator",
    ),
    "other object": (put("nodes", 2, "settings", "slope", value={"top": 1}), "an object is"),
    "kernel": (put("nodes", 0, "settings", "kernel", value=[2, 2, 2]), "kernel must be"),
    "kernel of texts": (put("nodes", 0, "settings", "kernel", value=["2", 2]), "must be a whole number"),
    "another width": (put("nodes", 0, "settings", "width", value=10), "the shapes are 8 x 17 x 16, and conv makes 10"),
    "another slope": (
        put("nodes", 2, "settings", "slope", value={"numerator": 1, "denominator": 4}),
        "the network that stands here has",
    ),
    "operand ahead": (put("nodes", 1, "operands", value=[[1, 0]]), "node 1 does not stand before its use"),
    "operand before all": (put("nodes", 1, "operands", value=[[-2, 0]]), "node -2 does not stand"),
    "operand's output": (put("nodes", 2, "operands", value=[[1, 2]]), "node 1 has no output 2"),
    "input's output": (put("nodes", 0, "operands", value=[[-1, 1]]), "node -1 has no output 1"),
    "operands": (put("nodes", 1, "operands", value=[]), "split takes 1 input and got 0"),
    "operand of three": (put("nodes", 1, "operands", value=[[0, 0, 0]]), r"a value is \[node, output\]"),
    "shape": (put("nodes", 0, "shapes", value=[[8, 17, 16, 1]]), "a shape has 1 to 3 extents"),
    "input": (put("input", value=[0, 17, 16]), "a shape has 1 to 3 extents"),
    "large input": (put("input", value=[3, 2**31, 16]), "a shape has 1 to 3 extents"),
    "outputs": (put("outputs", value=[]), "one or more"),
    "stride": (put("features", 0, "stride", value=0), "at least 1"),
    "stride is a text": (put("features", 0, "stride", value="1"), "must be a whole number"),
    "feature's name": (put("features", 0, "name", value="a b"), "the name must be"),
    "not needed": (unneeded, "of 5 nodes only 4 lead"),
    "hash": (put("hash", value="0"), "hash: it is"),
    "no hash": (drop("hash"), "hash is missing"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    change, message = REFUSED[name]
    document = json.loads(text_of(small()))
    change(document)
    with pytest.raises(ValueError, match=message) as caught:
        read(json.dumps(document))
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        '"archdsl network"',
        "{",
        "{}",
        "[" * 100_000,
        '{"format": NaN}',
        '{"a": 1, "a": 1}',
        '{"format": ' + "9" * 5000 + "}",
        '{"format": "' + "\\u001b" * 5000 + '"}',
        "\ud800",
    ],
    ids=lambda text: text[:20],
)
def test_no_network(text: str) -> None:
    with pytest.raises(ValueError, match=r"this is no|must be an object") as caught:
        read(text)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1000


def test_any_change_is_read_or_refused() -> None:
    """What is not refused has the hash that stands in the file, so it is the same network."""
    chance = random.Random(1)
    text = text_of(small())
    junk: list[Any] = [None, True, -1, 0, 1, 2**40, 0.5, "", "same", "x", [], [1], [[0, 0]], {}, {"numerator": 1}]
    wanted = small().hash
    for _ in range(1000):
        document = json.loads(text)
        place: Any = document
        while True:
            key = chance.choice(list(place) if isinstance(place, dict) else range(len(place)))
            if isinstance(place[key], dict | list) and place[key] and chance.random() < 0.8:
                place = place[key]
                continue
            place[key] = chance.choice(junk)
            break
        try:
            found = read(json.dumps(document))
        except ValueError:
            continue
        assert found.hash == wanted
