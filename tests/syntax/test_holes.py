"""Text that is half typed: what is told, what of the tree is kept, and the lexemes of it."""

from __future__ import annotations

import random

import pytest
from sampling import many

from archdsl.resources import read_data, spec_files
from archdsl.source import Source
from archdsl.syntax import ast
from archdsl.syntax.dump import dump
from archdsl.syntax.lexemes import lexemes
from archdsl.syntax.parser import parse, tokens

MODEL = "model m {{\n  input: 3 x 224 x 224\n  {}\n  head: last\n}}\nmodel n {{ input: 1 }}\n"
KEPT = ["m", "n"]

CASES = {
    "a value is missing": (
        MODEL.format("stages: b {\n    width: \n    depth: 3\n  }"),
        KEPT,
        ["4:11 a value is missing behind `:`, before `depth`"],
    ),
    "a value is missing at the end of a body": (
        MODEL.format("stages: b {\n    width: \n  }"),
        KEPT,
        ["5:3 a value is missing before `}`"],
    ),
    "a key without a colon": (
        MODEL.format("stages: b {\n    group_wid\n    depth: 3\n  }"),
        KEPT,
        ["5:5 a field needs `:` between its name and its value"],
    ),
    "an operand is missing": (
        MODEL.format("stages: b {\n    width: 32 +\n    depth: 3\n  }"),
        KEPT,
        ["4:16 a value is missing behind `+`, before `depth`"],
    ),
    "a call is not closed": (MODEL.format("stages: stage("), KEPT, ["3:16 `(` is never closed"]),
    "brackets are not closed at the end": (
        "model n { input: 1 }\nmodel m {\n  stages: b { width: [3, 4, f(",
        ["n", "m"],
        ["3:30 `(` is never closed"],
    ),
    "a brace is missing": (MODEL.format("stages: b {\n    width: 3"), KEPT, ["1:9 `{` is never closed"]),
    "a module is half written": (
        "use std.\nuse std.ops { conv }\nmodel n { input: 1 }\n",
        ["std.", "std.ops", "n"],
        ["2:1 a name is missing before `use`"],
    ),
    "names of a use are not closed": (
        "use std.ops { conv, \n\nmodel n { input: 1 }\n",
        ["std.ops", "n"],
        ["1:13 `{` is never closed"],
    ),
    "a part is not named": (
        "block b(x) {\n  c = x.\n  d = 4\n  return x\n}\nmodel n { input: 1 }\n",
        ["b", "n"],
        ["2:9 a name is missing behind `.`, before `d`"],
    ),
    "what is no entry is left out": (
        MODEL.format("stages: b {\n    width: 3 4 5\n    depth: 4\n  }"),
        KEPT,
        ["4:14 did not expect `4` here"],
    ),
    "a step is missing": (
        "block b(x) {\n  return x -> \n}\nmodel n { input: 1 }\n",
        ["b", "n"],
        ["3:1 a step is missing behind `->`"],
    ),
    "the last key is half written": (
        "model m {\n  input: 1\n  st\n}\nmodel n { input: 1 }\n",
        KEPT,
        ["4:1 a field needs `:` between its name and its value"],
    ),
    "a declaration has no name": (
        "block\nmodel n { input: 1 }\n",
        ["n"],
        ["2:1 a name is missing after the declaration word"],
    ),
    "parameters are not closed": ("block b(x; a: \nmodel n { input: 1 }\n", ["b", "n"], ["1:8 `(` is never closed"]),
}


def named(file: ast.File) -> list[str]:
    """The names of a file's declarations, and the modules that it uses."""
    return [item.module if isinstance(item, ast.Use) else item.name.text for item in file.items]  # type: ignore[union-attr]


@pytest.mark.parametrize(("text", "kept", "told"), CASES.values(), ids=CASES)
def test_what_is_half_typed(text: str, kept: list[str], told: list[str]) -> None:
    file, diagnostics = parse(Source("t", text))
    assert [f"{d.span.line}:{d.span.column} {d.message}" for d in diagnostics] == told
    assert named(file) == kept


def test_a_hole_stands_for_what_is_missing() -> None:
    """The entries around it are as they would be without it."""
    for written in ("width: ", "width: 32 +", "width"):
        text = MODEL.format(f"stages: b {{\n    before: 1\n    {written}\n    after: [2]\n  }}")
        whole = MODEL.format("stages: b {\n    before: 1\n    after: [2]\n  }")
        file, _ = parse(Source("t", text))
        entries = [
            item.body.entries[1].value.body.entries for item in (file.items[0], parse(Source("t", whole))[0].items[0])
        ]  # type: ignore[union-attr]
        assert (entries[0][0], entries[0][2]) == entries[1]
        value = entries[0][1].value
        holes = [value.right if isinstance(value, ast.Arithmetic) else value]
        assert all(isinstance(hole, ast.Hole) and hole.key == (written == "width") for hole in holes)


def changed(text: str, rng: random.Random) -> str:
    """A prefix, or the text with something left out or put in."""
    at = rng.randrange(len(text))
    kind = rng.randrange(3)
    if kind == 0:
        return text[:at]
    typed = "" if kind == 1 else rng.choice('()[]{}|.,:;=~<>-+*/^x#@ \n0a"')
    return text[:at] + typed + text[at + (rng.choice((1, 1, 3, 30)) if kind == 1 else 0) :]


def test_any_text_has_a_tree_and_lexemes() -> None:
    """Of prefixes and deletions: the same each time; lexemes leave nothing but blanks out."""
    rng = random.Random(14)
    texts = [read_data(path) for path in spec_files()]
    for _ in range(many(60)):
        text = changed(rng.choice(texts), rng)
        source = Source("t", text)
        file, diagnostics = parse(source)
        again, same = parse(Source("t", text))
        assert (dump(file), list(map(repr, diagnostics))) == (dump(again), list(map(repr, same)))
        end = 0
        for _, start, stop in lexemes(source):
            assert end <= start < stop
            assert not text[end:start].strip()
            end = stop
        assert not text[end:].strip()


def test_lexemes_of_a_text_without_faults_are_the_parsers() -> None:
    for path in spec_files()[::8]:
        source = Source("t", read_data(path))
        assert list(lexemes(source)) == tokens(source)


def test_words_keep_their_kinds_beside_a_fault() -> None:
    text = 'block b(x; w: 3 x 3) { y = x @ 3 "a\n  return x }\n'
    kinds = [(kind, text[start:end]) for kind, start, end in lexemes(Source("t", text))]
    assert (kinds.count(("TIMES", "x")), kinds.count(("NAME", "x"))) == (1, 3)
    assert {("UNKNOWN", "@"), ("UNKNOWN", '"a'), ("RETURN", "return")} <= {*kinds}


def test_a_prefix_that_ends_with_an_item_keeps_it_and_all_before() -> None:
    """Whatever follows."""
    rng = random.Random(15)
    for path in rng.sample(list(spec_files()), many(12) if many(1) == 1 else len(spec_files())):
        text = read_data(path)
        items = parse(Source("t", text))[0].items
        for count, item in enumerate(items, 1):
            kept = parse(Source("t", text[: item.span.end] + rng.choice(("", "\n", "\nmodel ", "\nuse std.", "\n}"))))[
                0
            ].items
            assert kept[:count] == items[:count]
