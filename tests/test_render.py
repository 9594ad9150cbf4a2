"""Renderings of diagnostics and tables, against what a reader should see."""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from fractions import Fraction
from textwrap import dedent

import pytest
from counting import counted_calls
from hypothesis import given
from hypothesis import strategies as st

from archdsl.diagnostics import MAX_DIAGNOSTICS, Diagnostic, Diagnostics, Edit, Label
from archdsl.source import Source, Span
from archdsl.views.diagnostics import MAX_COLUMNS, render_all, render_summary, render_text
from archdsl.views.failure import to_json
from archdsl.views.tables import Cell, render_csv, render_markdown
from archdsl.visible import MAX_LETTERS, visible

pytestmark = pytest.mark.fast

NET = Source("specs/net.arch", "arch 1\n" * 8 + "  width: 64\n" + "\n" * 4 + "  group_width: 24\n")


def at(source: Source, text: str) -> Span:
    start = source.text.index(text)
    return Span(source, start, start + len(text))


def shown(source: Source, text: str, label: str = "", *labels: tuple[str, str]) -> str:
    """The rendering of a diagnostic at a text of a source, without its first line."""
    others = tuple(Label(at(source, place), said) for place, said in labels)
    diagnostic = Diagnostic("E999", "something", at(source, text), label, others)
    return render_text(diagnostic, color=False).partition("\n")[2]


def block(text: str) -> str:
    return dedent(text).strip("\n")


GROUP_WIDTH = Diagnostic(
    "E304",
    "group width does not divide the bottleneck width",
    at(NET, "24"),
    "24 does not divide 64",
    (Label(at(NET, "64"), "bottleneck width is 64 (ratio 1)"),),
    "use 16 or 32, or let the block fit it",
    (Edit(at(NET, "24"), "16"),),
)


def test_the_look_of_the_language_page() -> None:
    assert render_text(GROUP_WIDTH, color=False) == block(
        """
        error[E304]: group width does not divide the bottleneck width
          --> specs/net.arch:14:16
           |
         9 |   width: 64
           |          -- bottleneck width is 64 (ratio 1)
        14 |   group_width: 24
           |                ^^ 24 does not divide 64
        help: use 16 or 32, or let the block fit it
        """
    )


def test_color_adds_codes_and_changes_nothing_else() -> None:
    colored = render_text(GROUP_WIDTH, color=True)
    assert colored.startswith("\x1b[1;31merror[E304]\x1b[0m\x1b[1m: group width")
    assert "\x1b[1;31m^^\x1b[0m \x1b[1;31m24 does not divide 64\x1b[0m" in colored
    assert "\x1b[1;34m--\x1b[0m \x1b[1;34mbottleneck" in colored
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == render_text(GROUP_WIDTH, color=False)


def test_warning() -> None:
    warning = Diagnostic("E590", "the map is 1 x 1", at(NET, "width"), severity="warning")
    assert render_text(warning, color=False).startswith("warning[E590]: the map is 1 x 1\n")
    assert render_text(warning, color=True).startswith("\x1b[1;33mwarning[E590]\x1b[0m")


def test_several_labels_on_one_line() -> None:
    source = Source("net.arch", "fit { a: foo(bar, baz) }\n")
    labels = [("a:", "first"), ("baz", "third"), ("fit", "zeroth"), ("foo(bar", "wide")]
    assert shown(source, "bar", "second", *labels) == block(
        """
         --> net.arch:1:14
          |
        1 | fit { a: foo(bar, baz) }
          | ---   -- ----^^^  --- third
          | |     |  |   |
          | |     |  |   second
          | |     |  wide
          | |     first
          | zeroth
        """
    )


def test_labels_at_one_place() -> None:
    source = Source("net.arch", "a: 1\n")
    assert shown(source, "1", "one", ("1", "two")) == block(
        """
         --> net.arch:1:4
          |
        1 | a: 1
          |    ^ one
          |    |
          |    two
        """
    )


def test_underlines_without_text() -> None:
    source = Source("net.arch", "a: 1  b: 2\n")
    assert shown(source, "a", "", ("b", ""), ("1", "said")) == block(
        """
         --> net.arch:1:1
          |
        1 | a: 1  b: 2
          | ^  -  -
          |    |
          |    said
        """
    )


def test_labels_in_other_files() -> None:
    std = Source("specs/std/regnet.arch", "\n" * 99 + "  width: inner * ratio\n")
    diagnostic = Diagnostic(
        "E303", "not a whole number", at(NET, "64"), "given here", (Label(at(std, "inner * ratio"), "used here"),)
    )
    assert render_text(diagnostic, color=False) == block(
        """
        error[E303]: not a whole number
           --> specs/net.arch:9:10
            |
          9 |   width: 64
            |          ^^ given here
           ::: specs/std/regnet.arch:100:10
            |
        100 |   width: inner * ratio
            |          ------------- used here
        """
    )


def test_span_of_several_lines() -> None:
    source = Source("net.arch", "x: foo(\n\n  a\n  )  y\n")
    assert shown(source, "foo(\n\n  a\n  )", "all of it") == block(
        """
         --> net.arch:1:4
          |
        1 | x: foo(
          |    ^^^^
        ...
        4 |   )  y
          |   ^ all of it
        """
    )


def test_span_of_two_lines_that_ends_at_a_line_break() -> None:
    source = Source("net.arch", "one\r\ntwo\r\nthree")
    assert shown(source, "ne\r\ntwo\r\n", "both") == block(
        """
         --> net.arch:1:2
          |
        1 | one
          |  ^^
        2 | two
          | ^^^ both
        """
    )


@pytest.mark.parametrize(("text", "place"), [("a: (\n", "2:1"), ("a: (", "1:5")])
def test_end_of_file(text: str, place: str) -> None:
    source = Source("net.arch", text)
    end = Span(source, len(text), len(text))
    rows = render_text(Diagnostic("E101", "unclosed", end, "end of file"), color=False).split("\n")
    assert rows[1] == f" --> net.arch:{place}"
    line, column = (int(part) for part in place.split(":"))
    assert rows[3] == f"{line} | {source.line(line)}".rstrip()
    assert rows[4] == "  | " + " " * (column - 1) + "^ end of file"


def test_empty_file() -> None:
    empty = Source("net.arch", "")
    diagnostic = Diagnostic("E200", "the file has no model", Span(empty, 0, 0), help="add one")
    assert render_text(diagnostic, color=False) == block(
        """
        error[E200]: the file has no model
         --> net.arch:1:1
        help: add one
        """
    )


def test_span_beyond_the_text_is_shown_at_its_end() -> None:
    source = Source("net.arch", "abc")
    assert " --> net.arch:1:4\n" in render_text(Diagnostic("E1", "m", Span(source, 99, 120)), color=False)


def test_tabs() -> None:
    source = Source("net.arch", "\ta:\t1\n")
    assert shown(source, "1", "one", ("a", "name")) == block(
        """
         --> net.arch:1:5
          |
        1 |     a:    1
          |     -     ^ one
          |     |
          |     name
        """
    )


def test_help_of_several_lines_cannot_look_like_a_diagnostic() -> None:
    diagnostic = Diagnostic("E1", "m\nerror[E2]: n", at(NET, "64"), "a\nb", help="use\nerror[E3]: x")
    text = render_text(diagnostic, color=False)
    assert text.startswith("error[E1]: m\\u{A}error[E2]: n\n")
    assert "^^ a\\u{A}b\n" in text
    assert text.endswith("help: use\n      error[E3]: x")


def test_hostile_text_is_escaped() -> None:
    source = Source("a\x1b[2J.arch", "x \u202e\x1b[31m漢é\u0301א\u200b\x00\r| y\n")
    assert shown(source, "y", "here") == block(
        """
         --> a\\u{1B}[2J.arch:1:18
          |
        1 | x \\u{202E}\\u{1B}[31m\\u{6F22}é\\u{301}\\u{5D0}\\u{200B}\\u{0}\\u{D}| y
          |                                                                ^ here
        """
    )


def test_long_line_is_cut_around_the_span() -> None:
    source = Source("net.arch", "a" * 500 + " THIS " + "b" * 500 + " END")
    rows = shown(source, "THIS", "here", ("END", "the end"), ("aaa", "the start")).split("\n")
    text = rows[2].removeprefix("1 | ")
    assert text == "…" + "a" * 57 + " THIS " + "b" * 57 + "…"
    assert len(text) == MAX_COLUMNS + 2
    assert rows[3] == "  | -" + " " * 58 + "^^^^" + " " * 58 + "- the end"
    assert rows[4:] == ["  | |" + " " * 58 + "|", "  | |" + " " * 58 + "here", "  | the start"]


def test_long_span_is_cut() -> None:
    source = Source("net.arch", "a" * 500)
    rows = shown(source, "a" * 500, "here").split("\n")
    assert rows[2:] == ["1 | " + "a" * MAX_COLUMNS + "…", "  | " + "^" * MAX_COLUMNS + " here"]


def test_long_message_is_cut() -> None:
    assert visible("a" * (MAX_LETTERS + 1)) == "a" * MAX_LETTERS + "…"
    assert visible("a" * MAX_LETTERS) == "a" * MAX_LETTERS


def test_a_megabyte_on_one_line_is_rendered_at_once() -> None:
    source = Source("net.arch", "\u202e" * (1 << 20))
    diagnostics = Diagnostics()
    for place in range(MAX_DIAGNOSTICS):
        diagnostics.add(Diagnostic("E1", "m", Span(source, place * 1000, 1 << 20)))
    with counted_calls() as calls:
        text = render_all(diagnostics, color=True)
    assert calls.number < 1_000_000
    assert len(text) < 100_000


CHARS = st.text(
    st.one_of(st.characters(codec="utf-8"), st.sampled_from("ab \t\n\r\x00\x1b\u202e\u200f漢é\u0301א|^-")), max_size=400
)


@given(text=CHARS, said=CHARS, places=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 400)), min_size=1))
def test_any_text_is_shown_in_plain_columns(text: str, said: str, places: list[tuple[int, int]]) -> None:
    source = Source("net.arch", text)
    first, *rest = [Span(source, min(place), max(place)) for place in places]
    diagnostic = Diagnostic("E1", said, first, said, tuple(Label(span, said) for span in rest), said)
    shown = render_text(diagnostic, color=False)
    for char in shown.replace("\n", ""):
        assert char.isprintable()
        assert unicodedata.east_asian_width(char) not in ("W", "F")
        assert unicodedata.bidirectional(char) not in ("R", "AL", "AN")
        assert not unicodedata.category(char).startswith("M")
    assert re.sub(r"\x1b\[[0-9;]*m", "", render_text(diagnostic, color=True)) == shown
    json.dumps(to_json(diagnostic), allow_nan=False)


def test_all_by_place_with_a_summary() -> None:
    diagnostics = Diagnostics()
    diagnostics.add(GROUP_WIDTH)
    diagnostics.add(Diagnostic("E201", "unknown name", at(NET, "width")))
    diagnostics.add(Diagnostic("E590", "odd size", at(NET, "64"), severity="warning"))
    text = render_all(diagnostics, color=False)
    assert re.findall(r"^(?:error|warning)\[(E\d+)\]", text, re.MULTILINE) == ["E201", "E590", "E304"]
    assert text.count("\n\n") == 3
    assert text.endswith("help: use 16 or 32, or let the block fit it\n\n2 errors, 1 warning\n")


def test_summary_counts_what_is_not_shown() -> None:
    diagnostics = Diagnostics()
    for place in range(MAX_DIAGNOSTICS + 37):
        diagnostics.add(Diagnostic("E1", "m", Span(NET, place, place + 1)))
    assert render_summary(diagnostics) == "100 errors, 37 more not shown"


def test_summary_of_one_and_of_none() -> None:
    diagnostics = Diagnostics()
    assert render_summary(diagnostics) == ""
    assert render_all(diagnostics, color=True) == ""
    diagnostics.add(GROUP_WIDTH)
    assert render_summary(diagnostics) == "1 error"


def test_json() -> None:
    source_range = {
        "start": {"line": 14, "column": 16, "offset": 87},
        "end": {"line": 14, "column": 18, "offset": 89},
    }
    expected = {
        "code": "E304",
        "severity": "error",
        "message": "group width does not divide the bottleneck width",
        "file": "specs/net.arch",
        "range": source_range,
        "label": "24 does not divide 64",
        "labels": [
            {
                "file": "specs/net.arch",
                "range": {
                    "start": {"line": 9, "column": 10, "offset": 65},
                    "end": {"line": 9, "column": 12, "offset": 67},
                },
                "text": "bottleneck width is 64 (ratio 1)",
            }
        ],
        "help": "use 16 or 32, or let the block fit it",
        "edits": [{"file": "specs/net.arch", "range": source_range, "replacement": "16"}],
    }
    assert json.dumps(to_json(GROUP_WIDTH)) == json.dumps(expected)  # the order of keys too


def test_markdown() -> None:
    rows: list[tuple[Cell, ...]] = [("s1", 1234567, None, Fraction(1, 4)), ("a|b <i>\n\\", 8, None, 2.5)]
    assert render_markdown(("stage", "flops", "note", "ratio"), rows) == (
        "| stage             |     flops | note | ratio |\n"
        "| ----------------- | --------: | ---- | ----: |\n"
        "| s1                | 1,234,567 |      |   1/4 |\n"
        r"| a\|b \<i>\\u{A}\\ |         8 |      |   2.5 |"
        "\n"
    )


def test_markdown_without_rows() -> None:
    assert render_markdown(("a", "long name"), ()) == "| a   | long name |\n| --- | --------- |\n"


def test_markdown_rows_must_fit_the_headers() -> None:
    with pytest.raises((ValueError, IndexError)):
        render_markdown(("a", "b"), [("x",)])


def test_csv() -> None:
    rows: list[tuple[Cell, ...]] = [("a, b", 1234567, None), ('say "x"\n', Fraction(1, 4), 0.5)]
    text = render_csv(("name", "flops", "note"), rows)
    assert text == 'name,flops,note\n"a, b",1234567,\n"say ""x""\n",1/4,0.5\n'
    assert list(csv.reader(io.StringIO(text)))[1] == ["a, b", "1234567", ""]
