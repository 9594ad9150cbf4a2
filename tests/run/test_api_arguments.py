"""`archdsl.compile` and `compile_text`: arguments of a wrong kind, texts that are none, copies."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

import archdsl
from archdsl.compiler import Compiler
from archdsl.diagnostics import Diagnostics
from archdsl.limits import MAX_FILE_BYTES
from archdsl.project import Project
from archdsl.source import Source
from archdsl.syntax.formatter import format_source
from archdsl.syntax.parser import parse_body, parse_expression
from archdsl.views.show import show_model

NET = """\
arch 1
use std.ops { conv, relu, global_pool, linear }
block b(x; width, act: relu) = x -> conv(width, kernel: 3) -> act
block top(x; classes: 10) = x -> global_pool -> linear(classes)
model m { input: 3 x 8 x 8  stages: b { depth: 2  width: 8 + block.index }  head: top }
scaling w(s) { width: round(width * s) }
"""
FORBIDDEN = ["\0", "\x1b", "\x7f", "\x9b", "\u061c", "\u200f", "\u2028", "\u202e", "\u2066", "\ud800", "\udfff"]


def codes(fault: archdsl.CompileError) -> list[str]:
    return [diagnostic.code for diagnostic in fault.diagnostics]


@pytest.mark.parametrize("char", FORBIDDEN, ids=ascii)
def test_characters_that_no_text_has(char: str) -> None:
    """In a text, in a setting, in its name, in a scaling: the same code at every entrance."""
    calls: list[Any] = [
        lambda: archdsl.compile_text(NET + f"# {char}\n"),
        lambda: archdsl.compile_text(NET.replace("10)", f'10, note: "{char}")')),
        lambda: archdsl.compile_text(NET, set={"head.classes": f"3 {char}"}),
        lambda: archdsl.compile_text(NET, set={f"head.classes{char}": 3}),
        lambda: archdsl.compile_text(NET, scale=f"w(2{char})"),
    ]
    for call in calls:
        with pytest.raises(archdsl.CompileError) as raised:
            call()
        assert codes(raised.value) == ["E113"]
        str(raised.value).encode()  # what is printed has no such character
        assert char not in str(raised.value)


def test_every_reader_asks_the_same() -> None:
    """What an editor calls: the program, a part, the layout."""
    text = NET + "# \u202e\n"
    said = Diagnostics()
    Compiler(Project("m.arch")).program(Source("m.arch", text), said)
    assert [d.code for d in said] == ["E113"]
    for read in (parse_expression, parse_body):
        assert [d.code for d in read(Source("part", "\u202e"))[1]] == ["E113"]
    with pytest.raises(archdsl.diagnostics.Fault) as raised:
        format_source(Source("m.arch", text))
    assert raised.value.diagnostic.code == "E113"


@pytest.mark.parametrize(("char", "times"), [("a", MAX_FILE_BYTES), ("é", MAX_FILE_BYTES // 2)])
def test_texts_that_are_too_large(char: str, times: int) -> None:
    with pytest.raises(archdsl.CompileError) as raised:
        archdsl.compile_text(NET + "#" + char * times)
    assert codes(raised.value) == ["E111"]


def endless() -> list[Any]:
    found: list[Any] = []
    found.append(found)
    return found


@pytest.mark.parametrize(
    "options",
    [
        {"set": "a=1"},
        {"set": ["a=1"]},
        {"set": {5: 1}},
        {"set": {"head.classes=3 # ": 1}},
        {"set": {"head.classes": float("nan")}},
        {"set": {"head.classes": float("inf")}},
        {"set": {"head.classes": {}}},
        {"set": {"head.classes": b"3"}},
        {"set": {"head.classes": endless()}},
        {"set": {"head.classes": ""}},
        {"set": {"": 1}},
        {"classes": "3"},
        {"classes": True},
        {"classes": 3.0},
        {"model": 3},
        {"scale": 3},
        {"scale": [3]},
        {"to": 3},
        {"to": "flops=1G", "within": 0.01},
        {"input": (3, 8, 8)},
        {"recipe": 3},
        {"name": 3},
        {"name": "gmpy2"},
    ],
    ids=str,
)
def test_arguments_of_a_wrong_kind(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        archdsl.compile_text(NET, **options)


@pytest.mark.parametrize("spec", [5, None, b""])
def test_what_is_no_spec(spec: Any) -> None:
    with pytest.raises((TypeError, archdsl.CompileError)):
        archdsl.compile(spec)
    if spec is not None:
        with pytest.raises(TypeError, match="takes a text"):
            archdsl.compile_text(spec)


def test_methods_say_what_there_is() -> None:
    net = archdsl.compile_text(NET)
    for wrong in (5, None, [], "nothing"):
        with pytest.raises(ValueError, match="there are papers"):
            net.count(wrong)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="there are torch"):
            net.emit(wrong)  # type: ignore[arg-type]


def test_whole_numbers_of_other_libraries() -> None:
    numpy = pytest.importorskip("numpy")
    assert (
        archdsl.compile_text(NET, set={"head.classes": numpy.int64(3)}).hash
        == archdsl.compile_text(NET, classes=3).hash
    )


@pytest.mark.parametrize("make", [lambda it: pickle.loads(pickle.dumps(it)), copy.deepcopy, copy.copy])
@pytest.mark.parametrize("options", [{}, {"scale": "w:2", "classes": 3}], ids=str)
def test_copies(make: Any, options: dict[str, Any]) -> None:
    net = archdsl.compile_text(NET, **options)
    again = make(net)
    assert again == net
    assert hash(again) == hash(net)
    assert (again.hash, again.cost.params) == (net.hash, net.cost.params)
    assert again.emit("torch", "train", "json", "dot") == net.emit("torch", "train", "json", "dot")
    reader = Project("m.arch")
    assert show_model(again.compilation, reader) == show_model(net.compilation, reader)
    assert net != archdsl.compile_text(NET, classes=4)


@pytest.mark.parametrize("make", [lambda it: pickle.loads(pickle.dumps(it)), copy.deepcopy])
def test_copies_of_a_fault(make: Any) -> None:
    with pytest.raises(archdsl.CompileError) as raised:
        archdsl.compile_text(NET.replace("-> act", "-> atc"))
    again = make(raised.value)
    assert isinstance(again, archdsl.CompileError)
    assert (str(again), list(again.diagnostics)) == (str(raised.value), list(raised.value.diagnostics))
