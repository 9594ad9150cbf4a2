"""What is answered, in small texts: the mark `¦` is the place that is asked of."""

from __future__ import annotations

import json

import pytest
from editor.shipped import at, edited
from pydantic import TypeAdapter

from archdsl import editor
from archdsl.editor import Workspace
from archdsl.source import Source
from archdsl.syntax.formatter import format_source

HEAD = """arch 1
use std.ops { conv, relu }
use std.regnet { y_block, simple_stem, pool_head, quantized_linear }
use std.scaling { dWr }
"""
NET = (
    HEAD
    + """# A small one.
model net(base: 16) {
  input: 3 x 32 x 32
  stem: simple_stem(width: 2 * base)
  stages: y_block {
    width:       [48, 104]
    depth:       [1, 2]
    stride:      2
    group_width: 16
  }
  head: pool_head(classes: 10)
  expect { params: 0.1M }
}
"""
)


def labels(marked: str) -> list[str]:
    text, offset = at(marked)
    return [p.label for p in editor.completion(edited(net=text), "net.arch", offset).proposals]


@pytest.mark.parametrize(
    ("marked", "first"),
    [
        ("¦", ["block", "fn", "model"]),
        ("arch 1\nmod¦", ["model", "models"]),
        ("arch 1\nuse std.re¦", ["recipes", "regnet", "resnet"]),
        ("arch 1\nuse std.regnet { y_¦", ["y_block"]),
        (HEAD + "model m {\n  inp¦", ["input"]),
        (HEAD + "model m {\n  input: 3 x 32 x 32\n  ¦\n}", ["stem", "stages", "head"]),
        (HEAD + "model m {\n  head: ¦", ["pool_head", "simple_stem", "y_block"]),
        (HEAD + "model m {\n  stages: y_block {\n    width: 8\n    group_wid¦\n  }\n}", ["group_width"]),
        (HEAD + "model m {\n  stages: y_block {\n    width: 8\n    ¦\n  }\n}", ["stride", "dilation", "group_width"]),
        (HEAD + "model m {\n  stages: y_block { drop: block.¦ } }", ["index", "count", "in_stage"]),
        (HEAD + "model m {\n  stages: [\n    | block | wi¦", ["width", "group_width"]),
        (HEAD + "model m {\n  stages: [\n    | block | width |\n    | y¦", ["y_block"]),
        (HEAD + "model m {\n  expect { fl¦ }", ["flops"]),
        (HEAD + "block b(x; wide, act: relu) {\n  y = x -> conv(wide, pad¦", ["padding"]),
        (HEAD + "block b(x; wide) {\n  y = x.¦", ["channels", "height", "width"]),
        (HEAD + "fn f(first, second) {\n  third = first\n  return ¦", ["third", "first", "second"]),
        (HEAD + NET.removeprefix(HEAD) + "model n = net with { head.¦ }", ["classes", "dropout_rate"]),
        (HEAD + NET.removeprefix(HEAD) + "model n = net -> ¦", ["dWr"]),
        (HEAD + "recipe r {\n  schedule: co¦", ["constant", "cosine"]),
        (HEAD + "recipe r {\n  lab¦", ["label_smoothing"]),
        (HEAD + "space s {\n  depth ~ ¦", ["int", "uniform", "log_uniform"]),
        (HEAD + "space s {\n  depth ~ int(1 .. 3)\n  require model.st¦", ["stages"]),
        ("arch 1\n# a com¦ment", []),
        (HEAD + "model m { input: 3¦ }", []),
    ],
)
def test_completion(marked: str, first: list[str]) -> None:
    found = labels(marked)
    assert found[: len(first)] == first
    assert bool(found) == bool(first)


@pytest.mark.parametrize(
    ("marked", "name", "line"),
    [
        (HEAD + "block b(x) = x -> squeeze_ex¦", "squeeze_excite", "use std.blocks { squeeze_excite }"),
        (HEAD + "block b(x) = x -> layer_no¦", "layer_norm", "layer_norm"),
        ("block b(x) = x -> conv(8, act¦", "conv_norm_act", "use std.blocks { conv_norm_act }"),
        ("model m {\n  input: 3 x 8 x 8\n  head: pool_¦\n}", "pool_head", "use std.blocks { pool_head }"),
    ],
)
def test_completion_with_a_use(marked: str, name: str, line: str) -> None:
    """A name of the library that the file does not have comes with the edit that takes it; nothing comes unasked."""
    text, offset = at(marked)
    found = editor.completion(edited(net=text), "net.arch", offset)
    [proposal] = [each for each in found.proposals if each.label == name and each.changes]
    [change] = proposal.changes
    assert change.start == change.end <= found.start
    begun = text[: found.start] + proposal.insert + text[found.end :]
    after = begun[: change.start] + change.text + begun[change.start :]
    assert line in after
    workspace = edited(net=after)
    assert f"`{name}` is not defined" not in [each.message for each in editor.diagnostics(workspace, "net.arch")]
    assert f"`{name}` is not defined" in [each.message for each in editor.diagnostics(edited(net=begun), "net.arch")]
    unasked = editor.completion(edited(net=text[: found.start]), "net.arch", found.start)
    assert not any(each.changes for each in unasked.proposals)
    assert unasked.more


def test_completion_of_paths() -> None:
    text, offset = at('arch 1\nuse "./n¦et')
    workspace = edited(**{"nets/one": text, "nets/net": NET, "other": NET})
    found = editor.completion(workspace, "nets/one.arch", offset)
    assert [(p.label, text[found.start : found.end]) for p in found.proposals] == [("net.arch", "n")]


def hovered(marked: str) -> editor.Hover:
    text, offset = at(marked)
    found = editor.hover(edited(net=text), "net.arch", offset)
    assert found is not None
    return found


def facts(hover: editor.Hover) -> dict[str, str]:
    return {fact.name: fact.value for fact in hover.facts}


def test_hover_of_a_block_in_a_stage() -> None:
    found = hovered(NET.replace("y_block {", "y_¦block {"))
    assert found.signature.startswith("block y_block(x; width, stride: 1,")
    assert "squeeze-and-excitation" in found.text
    assert found.declared is not None
    assert found.declared.path == "std.regnet"
    said = facts(found)
    assert said["width"] == "required"
    assert said["stages.1"].startswith("2 blocks of y_block, 96 x 4 x 4, ")


def test_hover_of_a_setting_says_where_it_comes_from() -> None:
    found = hovered(NET.replace("width:       [", "wid¦th:       ["))
    assert facts(found) == {"stages.0.width": "48", "stages.1.width": "96"}  # a multiple of the group width
    assert "asked for 104, then `fit`" in found.facts[1].note
    assert "net.arch:10:" in found.facts[1].note


@pytest.mark.parametrize(
    ("old", "new", "signature", "said"),
    [
        ("conv,", "co¦nv,", 'conv(width, kernel, stride: 1, padding: "symmetric"', "Two-dimensional convolution."),
        ("input:", "in¦put:", "input", "the size of one image"),
        ("classes:", "cla¦sses:", "classes: 1000", "a parameter of the block `pool_head`"),
        ("quantized_linear", "quant¦ized_linear", "fn quantized_linear(depth,", "RegNet's width rule"),
        ("std.regnet", "std.re¦gnet", "use std.regnet", "y_block"),
        ("model net", "model n¦et", "model net(base: 16)", "A small one."),
    ],
)
def test_hover(old: str, new: str, signature: str, said: str) -> None:
    found = hovered(NET.replace(old, new, 1))
    assert found.signature.startswith(signature)
    assert said in found.text


def test_hover_of_numbers_and_of_values() -> None:
    claim = hovered(NET.replace("0.1M", "0.1¦M"))
    assert facts(claim)["exactly"] == "100000"
    assert "the claim" in claim.facts[1].note
    assert facts(hovered(NET.replace("2 * base", "2 * ba¦se")))["in net"] == "16"


def test_markdown_holds_no_markup_of_the_text() -> None:
    text = hovered('arch 1\n# <img src=x onerror=alert(1)> [a](b) **c** `d`\nfn f¦(a: "```") = a')
    shown = editor.markdown(text)
    assert "\\<img src\\=x onerror\\=alert\\(1\\)\\>" in shown
    assert "\\[a\\]\\(b\\) \\*\\*c\\*\\* \\`d\\`" in shown
    assert shown.startswith("````arch\n")


def test_documentation_runs_on_where_its_lines_are_full() -> None:
    """Not into items, indented lines or the next paragraph."""
    text = hovered("arch 1\n# One of\n# two.\n# - a\n# - b\n#\n# More\n# of it.\nfn f¦(a) = a")
    shown = editor.markdown(text).partition("```\n\n")[2]
    assert shown.startswith("One of two\\.  \n\\- a  \n\\- b  \n  \nMore of it\\.\n\n"), shown


def test_hints() -> None:
    found = editor.hints(edited(net=NET), "net.arch")
    shown = {NET[: hint.offset].rpartition("\n")[2].strip(): hint.text for hint in found}
    assert shown["stem: simple_stem(width: 2 * base)"].startswith("32 x 16 x 16 · ")
    assert shown["stages: y_block {"].startswith("2 stages · 96 x 4 x 4 · ")
    total = editor.total(edited(net=NET), "net.arch", 0)
    assert total is not None
    assert (total.model, total.input) == ("net", (3, 32, 32))
    assert f"{total.flops:,} flops" in next(hint.detail for hint in found if hint.text.endswith("acts"))


def test_hints_of_half_typed_text_are_kept() -> None:
    whole = editor.hints(edited(net=NET), "net.arch")
    half = editor.hints(edited(net=NET.replace("classes: 10", "classes: ")), "net.arch")
    assert [hint.text for hint in half[:2]] == [hint.text for hint in whole if not hint.text.endswith("acts")][:2]


def test_definition_and_symbols() -> None:
    workspace = edited(net=NET)
    (place,) = editor.definition(workspace, "net.arch", NET.index("simple_stem("))
    assert workspace.text(place.path)[place.start : place.end] == "simple_stem"
    (whole,) = editor.definition(workspace, "net.arch", NET.index("std.regnet"))
    assert (whole.path, whole.start) == ("std.regnet", 0)
    (symbol,) = editor.symbols(workspace, "net.arch")
    assert (symbol.name, symbol.kind, symbol.detail) == ("net", "model", "(base: 16)")
    assert [child.name for child in symbol.children] == ["input", "stem", "stages", "head", "expect"]


def test_signature() -> None:
    text, offset = at(HEAD + "block b(x; wide) = x -> conv(wide, kernel: ¦")
    found = editor.signature(edited(net=text), "net.arch", offset)
    assert found is not None
    assert found.active is not None
    part = found.parameters[found.active]
    assert found.label[part.start : part.end] == "kernel"


def test_tokens_and_folds() -> None:
    text = NET.replace("104]", "104")  # a bracket is missing
    workspace = edited(net=text)
    tokens = editor.tokens(workspace, "net.arch")
    assert [t.start for t in tokens] == sorted(t.start for t in tokens)
    kinds = {text[t.start : t.end]: t for t in tokens}
    assert (kinds["y_block"].kind, kinds["y_block"].library) == ("block", True)
    assert (kinds["conv"].kind, kinds["# A small one."].kind, kinds["16"].kind) == ("operation", "comment", "number")
    folds = [text[f.start : f.end] for f in editor.folding(edited(net=NET), "net.arch")]
    assert any(fold.startswith("\n  input") for fold in folds)
    assert any(fold.startswith("use std.ops") for fold in folds)


def test_layout() -> None:
    text = NET.replace("  stem: ", "stem  :   ").replace("\n", "\r\n")
    workspace = edited(net=text)
    (change,) = editor.formatted(workspace, "net.arch")
    after = text[: change.start] + change.text + text[change.end :]
    assert after == format_source(Source("net.arch", text))
    assert editor.formatted(edited(net=after), "net.arch") == ()
    assert editor.formatted(edited(net=text + "}"), "net.arch") == ()


def test_astral_characters_count_once() -> None:
    text = "arch 1\n# 😀 é\n" + NET.removeprefix("arch 1\n").replace("classes", "clases")
    (problem, *_) = editor.diagnostics(edited(net=text), "net.arch")
    assert text[problem.place.start : problem.place.end] == "clases"
    (action,) = editor.actions(edited(net=text), "net.arch", problem.place.start, problem.place.start)
    assert action.title == "Change to `classes`"


def test_what_cannot_be_read() -> None:
    workspace = edited()
    (problem,) = editor.diagnostics(workspace, "missing.arch")
    assert problem.code == "E110"
    assert editor.hover(workspace, "missing.arch", 0) is None
    assert editor.completion(workspace, "missing.arch", 3).proposals == ()
    workspace.change("net.arch", "arch 1\x00")
    assert [p.code for p in editor.diagnostics(workspace, "net.arch")] == ["E113"]
    assert editor.tokens(workspace, "net.arch") is not None


def test_a_file_that_another_uses_is_read_as_it_is_edited() -> None:
    workspace = edited(a="arch 1\nfn one(x) = x\n", b='arch 1\nuse "a.arch" { one }\nfn two(x) = one(x)\n')
    assert editor.diagnostics(workspace, "b.arch") == ()
    assert workspace.users("a.arch") == ("a.arch", "b.arch")
    workspace.change("a.arch", "arch 1\nfn uno(x) = x\n")
    assert [p.code for p in editor.diagnostics(workspace, "b.arch")] == ["E201"]
    workspace.close("a.arch")
    assert [p.code for p in editor.diagnostics(workspace, "b.arch")] == ["E110"]


def test_answers_are_json(specs: Workspace) -> None:
    answers = [
        editor.hover(edited(net=NET), "net.arch", NET.index("y_block {")),
        editor.symbols(specs, "specs/regnety_4gf.arch"),
        editor.diagnostics(edited(net="arch 1\nfn f(a) = b"), "net.arch"),
        editor.completion(edited(net=NET), "net.arch", len(NET)),
    ]
    for answer in answers:
        kind = type(answer[0]) if isinstance(answer, tuple) else type(answer)
        dumped = TypeAdapter(kind).dump_json(answer[0] if isinstance(answer, tuple) else answer)
        assert json.loads(dumped)
