"""Text to tree."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import pytest
from lark import Lark

from archdsl import limits
from archdsl.diagnostics import Fault
from archdsl.resources import data_root, read_data
from archdsl.source import Source
from archdsl.syntax import ast
from archdsl.syntax.dump import dump, dump_node, dump_tokens
from archdsl.syntax.parser import parse, parse_body, parse_expression, tokens

pytestmark = pytest.mark.fast

SPECS = sorted((data_root() / "specs").rglob("*.arch"))


def items(text: str) -> tuple[ast.Item, ...]:
    file, diagnostics = parse(Source("test.arch", text))
    assert diagnostics == []
    return file.items


def expression(text: str) -> ast.Expression:
    result, diagnostics = parse_expression(Source("test.arch", text))
    assert diagnostics == []
    assert result is not None
    return result


def test_the_grammar_has_no_conflict(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("lark")
    logger.addHandler(caplog.handler)
    level = logger.level
    logger.setLevel(logging.DEBUG)
    try:
        Lark(read_data("grammar/arch.lark"), parser="lalr", debug=True, start=["start", "expr", "body"])
    finally:
        logger.removeHandler(caplog.handler)
        logger.setLevel(level)
    assert [r.getMessage() for r in caplog.records if "onflict" in r.getMessage()] == []


def test_a_conflict_would_be_seen(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("lark")
    logger.addHandler(caplog.handler)
    level = logger.level
    logger.setLevel(logging.DEBUG)
    try:
        Lark('start: a\na: "x" | a "+" a', parser="lalr", debug=True)
    finally:
        logger.removeHandler(caplog.handler)
        logger.setLevel(level)
    assert any("onflict" in r.getMessage() for r in caplog.records)


@pytest.mark.parametrize("path", SPECS, ids=lambda p: p.name)
def test_the_zoo_parses(path: Path) -> None:
    assert parse(Source(path.name, path.read_text(encoding="utf-8")))[1] == []


@pytest.mark.parametrize(
    ("text", "grouped"),
    [
        ("a + b * c", "a + (b * c)"),
        ("a - b - c", "(a - b) - c"),
        ("a * b ^ c ^ d", "a * (b ^ (c ^ d))"),
        ("-a ^ b", "-(a ^ b)"),
        ("a ^ -b", "a ^ (-b)"),
        ("-a * b", "(-a) * b"),
        ("1 x a + b x 3", "1 x (a + b) x 3"),
        ("0 .. a - 1", "0 .. (a - 1)"),
        ("1 x 2 .. 3 x 4", "(1 x 2) .. (3 x 4)"),
        ("not a == b", "not (a == b)"),
        ("not a and b or c", "((not a) and b) or c"),
        ("a -> b + c", "a -> (b + c)"),
        ("a -> b when c or d", "a -> (b when (c or d))"),
        ("a -> b -> c", "(a -> b) -> c"),
        ("a -> b with { c: 1 }", "(a -> b) with { c: 1 }"),
        ("a if b else c if d else e", "a if b else (c if d else e)"),
        ("a -> b if c else d -> e", "(a -> b) if c else (d -> e)"),
        ("f(a).b[0] { c: 1 }", "(((f(a)).b)[0]) { c: 1 }"),
        ("2 * 1/4", "(2 * 1) / 4"),
    ],
)
def test_precedence(text: str, grouped: str) -> None:
    assert expression(text) == expression(grouped)


def test_layout_has_no_meaning() -> None:
    spread = "model m {\n a\n:\n1 # c\n\n b\t: 2\r\n}\n"
    assert items(spread) == items("model m { a: 1 b: 2 }")


def test_equality_is_by_meaning() -> None:
    assert expression("a + 1") == expression("(a  +  1)")
    assert expression("1.0") != expression("1.00")
    assert hash(items("fn f(x) = x * 2")) == hash(items("fn f( x )=x*2"))


def test_spans_cover_what_is_written() -> None:
    (item,) = items("  model m(a; b: (1 + 2) * c) { stages[0].width: f(x) -> g  }  ")
    assert isinstance(item, ast.Declaration)
    assert item.body is not None
    assert item.parameters is not None
    assert item.span.text == "model m(a; b: (1 + 2) * c) { stages[0].width: f(x) -> g  }"
    assert item.parameters.second is not None
    default = item.parameters.second[0].default
    assert isinstance(default, ast.Arithmetic)
    assert (default.span.text, default.left.span.text) == ("(1 + 2) * c", "(1 + 2)")
    (field,) = item.body.entries
    assert isinstance(field, ast.Field)
    assert (field.path.text, field.value.span.text) == ("stages[0].width", "f(x) -> g")


def test_words_of_declarations_are_soft() -> None:
    (item,) = items("model m { block: f(block.index, model) { } use: [models, arch] models: use.fn arch: 1 }")
    assert isinstance(item, ast.Declaration)
    assert item.body is not None
    assert [e.path.text for e in item.body.entries if isinstance(e, ast.Field)] == ["block", "use", "models", "arch"]


def test_x_is_a_sign_between_sizes_and_a_name_elsewhere() -> None:
    assert isinstance(expression("3 x n x 4"), ast.SizeExpression)
    assert expression("x x x") == expression("(x) x (x)")
    assert expression("x(3)") == expression("x (3)")


def test_a_unit_is_no_key() -> None:
    (item,) = items("recipe r { warmup: 5 epochs epochs: 350 every: 2.4 steps }")
    assert isinstance(item, ast.Declaration)
    assert item.body is not None
    values = [e.value for e in item.body.entries if isinstance(e, ast.Field)]
    assert [(v.text, v.unit) for v in values if isinstance(v, ast.Number)] == [
        ("5", "epochs"),
        ("350", None),
        ("2.4", "steps"),
    ]


def test_a_table_is_rows_of_cells() -> None:
    table = expression("[ | a | b | | - | -1 | ]")
    assert isinstance(table, ast.Table)
    assert [len(row.cells) for row in table.rows] == [2, 2]
    assert isinstance(table.rows[1].cells[0], ast.Absent)
    assert isinstance(table.rows[1].cells[1], ast.Unary)


def test_comments_directly_above_a_declaration_document_it() -> None:
    text = "# Away\n\n# One,\n#  two.\nfn f = 1\n# Not h\nuse a\nfn g = 2 # no\nfn h = 3\n# Both\nfn i = 4 fn j = 5"
    docs = {i.name.text: i.doc for i in items(text) if isinstance(i, ast.Declaration)}
    assert docs == {"f": "One,\ntwo.", "g": "", "h": "", "i": "Both", "j": ""}


def test_a_body_by_itself() -> None:
    body, diagnostics = parse_body(Source("-", "{ a: 1 b { c: 2 } }"))
    assert diagnostics == []
    assert body is not None
    assert len(body.entries) == 2


def test_tokens_have_kinds_and_places() -> None:
    source = Source("t", "fn f = 3 x 4 # c\n")
    assert [(kind, source.text[a:b]) for kind, a, b in tokens(source)] == [
        ("KIND", "fn"),
        ("NAME", "f"),
        ("EQUAL", "="),
        ("NUMBER", "3"),
        ("TIMES", "x"),
        ("NUMBER", "4"),
        ("COMMENT", "# c"),
    ]
    with pytest.raises(Fault, match="a value is missing"):
        tokens(Source("t", "fn f = "))


NESTED = [
    ("fn f = ", "(", "1", ")"),
    ("fn f = ", "-", "1", ""),
    ("fn f = ", "f(", "1", ")"),
    ("fn f = ", "[", "1", "]"),
    ("fn f = ", "a + (", "1", ")"),
    ("fn f = ", "a { b = ", "1", " }"),
    ("fn f = ", "a { b ~ - ", "1", " }"),
    ("model m ", "{ a ", "{ }", " }"),
    ("fn f", "(a: g(b: ", "1", "))"),
]


@pytest.mark.parametrize(("head", "opening", "middle", "closing"), NESTED, ids=lambda p: p)
def test_what_is_accepted_can_be_walked(head: str, opening: str, middle: str, closing: str) -> None:
    deepest = 0
    for depth in range(1, limits.MAX_NESTING + 2):
        tail = " = 1" if head == "fn f" else ""
        file, diagnostics = parse(Source("t", head + opening * depth + middle + closing * depth + tail))
        if {d.code for d in diagnostics} & {"E106"} or (head == "fn f" and diagnostics):
            break
        deepest = depth
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(900)
        try:
            assert repr(file.items)
            assert hash(file.items)
            assert file.items == file.items
            assert dump(file)
        finally:
            sys.setrecursionlimit(limit)
    assert deepest < limits.MAX_NESTING + 1


def test_nesting_is_bounded_whatever_is_mixed() -> None:
    text = "fn f = " + "a { b = -----(" * 40 + "1" + ") }" * 40
    assert [d.code for d in parse(Source("t", text))[1]] == ["E106"]


def test_a_dump_shows_every_part() -> None:
    text = """arch 1
use std.ops { conv, relu as r }
# Its doc.
block b(x; w: 1) {
  a = x -> conv(w, kernel: 3) when w > 1
  return a if none else -c
}
"""
    file, _ = parse(Source("t.arch", text))
    assert (
        dump(file)
        == """File t.arch
  Version 1  @ 1:1
  Use std.ops  @ 2:1
    Alias conv
    Alias relu as r
  Declaration block b  @ 4:1
    # Its doc.
    parameters: Parameters
      first:
        Parameter x
      second:
        Parameter w
          Number 1
    Body
      Binding a  @ 5:3
        Flow
          left: Reference x
          right: Optional
            step: Call
              function: Reference conv
              Argument
                Reference w
              Argument kernel
                Number 3
            condition: Comparison >
              Reference w
              Number 1
      Return  @ 6:3
        Conditional
          then: Reference a
          condition: Constant none
          otherwise: Unary -
            Reference c
"""
    )


def test_a_dump_tells_different_trees_apart() -> None:
    texts = [
        "a - (b - c)",
        "a - b - c",
        "a[b]",
        "a.b",
        "a(b)",
        "a { b: 1 }",
        "a with { b: 1 }",
        "(a, b)",
        "[a, b]",
        "1",
        '"1"',
    ]
    assert len({dump_node(expression(t)) for t in texts}) == len(texts)  # type: ignore[arg-type]


def test_a_dump_of_tokens() -> None:
    assert dump_tokens(Source("t", "fn f = 1 # c\n")) == (
        "1:1      kind        fn\n1:4      name        f\n1:6      equal       =\n"
        "1:8      number      1\n1:10     comment     # c\n"
    )
