"""The canonical layout: fixture pairs, and what holds for every text that parses."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sampling import many

from archdsl.diagnostics import Fault
from archdsl.resources import data_root
from archdsl.source import Source
from archdsl.syntax import ast, formatter
from archdsl.syntax.formatter import LINE, format_source
from archdsl.syntax.parser import parse, tokens

ROOT = Path(__file__).parent.parent
SPECS = sorted((data_root() / "specs").rglob("*.arch"))


class Case(NamedTuple):
    """A text and its canonical layout. In a file: `#==== name`, the text, `#---- output`, the layout."""

    name: str
    text: str
    output: str

    def __str__(self) -> str:
        return self.name


def read_cases(path: Path) -> list[Case]:
    cases = []
    for chunk in re.split(r"^#==== ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        name, rest = chunk.split("\n", 1)
        text, output = re.split(r"^#---- output\n", rest, maxsplit=1, flags=re.MULTILINE)
        cases.append(Case(f"{path.stem}: {name}", text, output))
    return cases


CASES = [case for path in sorted((ROOT / "format").glob("*.arch")) for case in read_cases(path)]


def formatted(text: str, line: int = LINE) -> str:
    return format_source(Source("test.arch", text), line=line)


def comments(text: str) -> list[str]:
    return [text[a:b].rstrip(" \t\r") for kind, a, b in tokens(Source("t", text)) if kind == "COMMENT"]


def lexemes(text: str) -> list[tuple[str, str]]:
    return [(kind, text[a:b]) for kind, a, b in tokens(Source("t", text)) if kind != "COMMENT"]


def docs(file: ast.File) -> list[str]:
    return [item.doc for item in file.items if isinstance(item, ast.Declaration)]


def check_layout(text: str) -> None:
    """What holds for the layout of every text that parses, whatever the length of a line."""
    for line in (LINE, 30):
        check_lines(text, line)


def check_lines(text: str, line: int) -> None:
    before = parse(Source("before", text))[0]
    output = formatted(text, line)
    after, diagnostics = parse(Source("after", output))
    assert diagnostics == []
    assert after == before
    assert docs(after) == docs(before)
    assert lexemes(output) == lexemes(text)
    assert comments(output) == comments(text)
    assert formatted(output, line) == output
    assert not re.search(r"[ \t\r]\n|\n\n\n|\A\n", output)
    assert output == "" or (output.endswith("\n") and not output.endswith("\n\n"))
    assert "\t" not in "".join(line for line in output.split("\n") if "#" not in line and '"' not in line)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_layout(case: Case) -> None:
    assert formatted(case.text) == case.output
    check_layout(case.text)


def code_widths(text: str) -> list[int]:
    """The columns of every line up to the end of its code."""
    widths = [len(line) for line in text.split("\n")]
    for kind, start, _ in tokens(Source("t", text)):
        if kind == "COMMENT":
            before = text[text.rfind("\n", 0, start) + 1 : start]
            widths[text.count("\n", 0, start)] = len(before.rstrip())
    return widths


@pytest.mark.parametrize("line", [90, 60])
def test_lines_of_the_zoo_are_broken_at_narrower_limits(line: int) -> None:
    """Not all can be: rows, strings, operators. But most are."""
    before = after = 0
    for path in SPECS:
        text = path.read_text(encoding="utf-8")
        output = formatted(text, line)
        assert formatted(output) == output, "a narrower layout has no line that the wider one would break"
        before += sum(width > line for width in code_widths(text))
        after += sum(width > line for width in code_widths(output) if width)
    assert 0 < after < before / 2


@pytest.mark.parametrize("comment", ["", "  # and a comment"])
def test_the_last_column_of_a_line_is_the_limit(comment: str) -> None:
    text = f"fn f(x) = g({'x' * 98}, 1234567){comment}\n"
    assert len(text.split("  #")[0].rstrip()) == LINE
    assert formatted(text) == text
    longer = text.replace("1234567", "12345678")
    assert formatted(longer) == longer.replace("= g(", "=\n    g(")


def test_a_shipped_line_fits_unless_it_is_a_row_or_one_string() -> None:
    for path in SPECS:
        text = path.read_text(encoding="utf-8")
        for number, width in enumerate(code_widths(text)):
            code = text.split("\n")[number][:width].strip()
            assert width <= LINE or code.startswith("|") or re.fullmatch(r'[\w.]+: +"[^"]*"', code), (path.name, code)


def test_a_long_line_takes_rounds_by_its_nesting_not_its_length() -> None:
    rounds = []
    for count in (50, 500):
        writes = 0

        class Counting(formatter._Writer):
            def write(self) -> str:
                nonlocal writes
                writes += 1
                return super().write()

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(formatter, "_Writer", Counting)
            formatted(f"fn f(x) = [{', '.join(['g(x, 1)'] * count)}]\n")
        rounds.append(writes)
    assert rounds[0] == rounds[1] <= 4


@pytest.mark.parametrize("path", SPECS, ids=lambda p: p.name)
def test_the_zoo_keeps_its_meaning(path: Path) -> None:
    check_lines(path.read_text(encoding="utf-8"), LINE)


@pytest.mark.parametrize("path", SPECS[::4], ids=lambda p: p.name)
def test_a_sample_of_the_zoo_keeps_its_meaning_in_narrow_lines(path: Path) -> None:
    check_lines(path.read_text(encoding="utf-8"), 30)


def test_line_ends_become_line_feeds() -> None:
    assert formatted("# a\r\nmodel m {\r\n\r\n\r\n  a: 1 # b\r\n}\r\n") == "# a\nmodel m {\n  a: 1  # b\n}\n"


def test_a_text_that_does_not_parse_is_a_fault() -> None:
    with pytest.raises(Fault, match="never closed"):
        formatted("model m {")


def test_a_text_with_a_word_for_a_name_is_a_fault() -> None:
    with pytest.raises(Fault, match="cannot be a name"):
        formatted("fn none(x) = x")


def test_a_string_and_a_comment_are_left_as_they_are() -> None:
    text = 'model m { a: "x  ->y#"  # y  ->x "\n}\n'
    assert formatted(text) == text


# Any layout of any program


@cache
def items() -> list[list[str]]:
    """The words of every declaration of the fixtures and of the zoo."""
    programs = [case.output for case in CASES if case.output] + [path.read_text(encoding="utf-8") for path in SPECS]
    found = []
    for source in [Source("t", text) for text in programs]:
        words = [(kind, start, source.text[start:end]) for kind, start, end in tokens(source)]
        spans = [(item.span.start, item.span.end) for item in parse(source)[0].items]
        found += [[word for kind, at, word in words if kind != "COMMENT" and start <= at < end] for start, end in spans]
    return found


GAPS = st.sampled_from(
    [
        *[" "] * 12,
        "",
        "  ",
        "\t",
        "\n",
        "\n",
        "\r\n",
        "\n\n",
        "\n\n\n\n",
        " # c\n",
        "\n# own\n",
        "\n\n#a\n  #b\n\n",
        " #\n",
    ]
)
ATOMS = st.sampled_from(
    [
        "a",
        "x",
        "none",
        "block",
        "use",
        "1",
        "4.0G",
        "5 epochs",
        '"s"',
        "a.x",
        "f()",
        "[]",
        "b { }",
        "b { c: 1 d = 2 }",
        "a[0]",
    ]
)


def _wider(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    operators = st.sampled_from(
        [
            "+",
            "-",
            "*",
            "/",
            "//",
            "%",
            "^",
            "->",
            "==",
            "<=",
            "and",
            "or",
            "when",
            "x",
            "..",
            "if a else",
            "->\n",
            "\n+",
        ]
    )
    pairs = st.tuples(inner, operators, inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})")
    return st.one_of(
        pairs,
        inner.map(lambda e: f"(- {e})"),
        inner.map(lambda e: f"(not {e})"),
        st.lists(inner, min_size=1, max_size=3).map(lambda es: f"[{' , '.join(es)}]"),
        st.lists(inner, min_size=1, max_size=3).map(lambda es: f"f( k : {',  m: '.join(es)} )"),
        inner.map(lambda e: f"[ {e} for y in {e} ]"),
        inner.map(lambda e: f"b {{ k: {e}\n longer: {e} w, v ~ {e}\nreturn {e} require {e} }}"),
        st.lists(st.lists(inner, min_size=1, max_size=3), min_size=1, max_size=3).map(
            lambda rows: "[" + "\n".join("| " + " | ".join(row) + " |" for row in rows) + "]"
        ),
        inner.map(lambda e: f"(a with {{ stages[0].width: {e} }})"),
    )


EXPRESSIONS = st.recursive(ATOMS, _wider, max_leaves=12)


@settings(max_examples=many(50), deadline=None, derandomize=True)
@given(st.data())
def test_any_layout_of_real_declarations(data: st.DataObject) -> None:
    words = [w for item in data.draw(st.lists(st.sampled_from(items()), min_size=1, max_size=3)) for w in item]
    gaps = data.draw(st.lists(GAPS, min_size=1, max_size=60))
    text = "".join(word + gaps[i % len(gaps)] for i, word in enumerate(words))
    if not parse(Source("t", text))[1]:
        check_layout(text)


@settings(max_examples=many(50), deadline=None, derandomize=True)
@given(st.lists(EXPRESSIONS, min_size=1, max_size=3), GAPS)
def test_any_expression(expressions: list[str], gap: str) -> None:
    text = gap + gap.join(f"fn f = {e}\n" for e in expressions)
    if not parse(Source("t", text))[1]:
        check_layout(text)


@settings(max_examples=many(60), deadline=None, derandomize=True)
@given(st.text(alphabet=st.sampled_from("ax1 .,:;=|+-*/^<>()[]{}#\"'~\n\t\r\ud800é")))
def test_any_text_ends_in_a_layout_or_a_fault(text: str) -> None:
    for prefix in ("", "model m { a: ", "fn f = [|"):
        file, diagnostics = parse(Source("t", prefix + text))
        assert file.complete or diagnostics
        if not diagnostics:
            check_layout(prefix + text)


@settings(max_examples=many(30), deadline=None, derandomize=True)
@given(st.data())
def test_any_order_of_words_ends_in_a_result(data: st.DataObject) -> None:
    words = sorted({w for item in items() for w in item if len(w) < 12})
    text = " ".join(data.draw(st.lists(st.sampled_from(words), max_size=40)))
    for diagnostic in parse(Source("t", text))[1]:
        assert 0 <= diagnostic.span.start <= diagnostic.span.end <= len(text)
        for edit in diagnostic.edits:
            assert 0 <= edit.span.start <= edit.span.end <= len(text)
