"""Syntax errors: what is said, where, and that the edit it offers mends it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from chunks import Chunk, mismatches, read_chunks, read_folder
from counting import counted_calls
from sampling import TIMES

from archdsl import limits
from archdsl.diagnostics import Diagnostic
from archdsl.resources import read_data
from archdsl.source import Source
from archdsl.syntax import parser
from archdsl.syntax.parser import parse, parse_body, parse_expression

CHUNKS = read_folder(Path(__file__).parent / "errors")


def errors(text: str) -> list[Diagnostic]:
    return parse(Source("test.arch", text))[1]


def apply_edits(text: str, diagnostics: list[Diagnostic]) -> str:
    edits = [edit for diagnostic in diagnostics for edit in diagnostic.edits]
    for edit in sorted(edits, key=lambda e: e.span.start, reverse=True):
        text = text[: edit.span.start] + edit.replacement + text[edit.span.end :]
    return text


@pytest.mark.fast
@pytest.mark.parametrize("chunk", CHUNKS, ids=str)
def test_chunk(chunk: Chunk) -> None:
    """What is said, that it is a lower-case sentence, and that every edit mends its fault."""
    text, diagnostics = chunk.text, errors(chunk.text)
    assert mismatches(chunk, diagnostics) == []
    for diagnostic in diagnostics:
        message = diagnostic.message
        assert message == message.strip()
        assert not message.endswith(".")
        assert not message[0].isupper()
        assert "{token}" not in message
        assert re.fullmatch(r"E10\d", diagnostic.code)
    for _ in range(4):  # a fault right behind another is told once that one is mended
        without = [d for d in diagnostics if not d.edits]
        if len(without) == len(diagnostics):
            break
        text = apply_edits(text, diagnostics)
        diagnostics = errors(text)
        assert len(diagnostics) <= len(without) + 1
    assert not [d for d in diagnostics if d.edits]


def test_every_code_has_a_chunk() -> None:
    expected = {expectation.code for chunk in CHUNKS for expectation in chunk.expectations}
    assert {"E101", "E102", "E103", "E104", "E105", "E109"} <= expected


def test_every_sentence_beside_the_grammar_is_said() -> None:
    for chunk in read_data("grammar/messages.txt").split("\n---\n"):
        lines = [line for line in chunk.split("\n") if line and not line.startswith("#!")]
        sentence = next(line.split(": ", 1)[1] for line in lines if line.startswith(("any: ", "message: ")))
        text = "\n".join(line for line in lines if not line.startswith(("any: ", "message: ", "help: ")))
        said = {re.sub(r"before (`.`|the end of the file)", "before `{token}`", d.message) for d in errors(text)}
        assert sentence in said or sentence.replace("{token}", "|") in said


def test_all_items_are_kept_but_one_that_cannot_be_told() -> None:
    file, diagnostics = parse(Source("t", "model a { x: 1 }\nmodel b { x: + }\nmodel c { x: 1 }\nfn f(x) = x\n"))
    assert len(diagnostics) == 1
    assert file.complete
    assert [item.name.text for item in file.items] == ["a", "b", "c", "f"]  # type: ignore[union-attr]
    file, diagnostics = parse(Source("t", "model a { x: 1 }\nmodel { x: 1 }\nmodel c { x: 1 }\nfn f(x) = x\n"))
    assert len(diagnostics) == 1
    assert not file.complete
    assert [item.name.text for item in file.items] == ["a", "c", "f"]  # type: ignore[union-attr]


def test_a_mended_file_is_complete() -> None:
    file, diagnostics = parse(Source("t", "model a { x: 1, y: [1 2] }\nmodel b { z: f(1 }\n"))
    assert [d.message for d in diagnostics] == [
        "entries stand one after the other, without `,`",
        "a `,` is missing before `2`",
        "`(` is never closed",
    ]
    assert file.complete
    assert file.items == parse(Source("t", "model a { x: 1 y: [1, 2] }\nmodel b { z: f(1) }\n"))[0].items


def test_a_declaration_word_at_the_start_of_a_line_closes_nothing_valid() -> None:
    text = "block b(x) {\n  return\nmodel\ny { a: 1 }\n}\nmodel m {\n  a: f(1,\nmodel)\nmodel: 3\nblock [0]: 4\n}\n"
    assert errors(text) == []


def test_labels_show_where_the_bracket_should_be_closed() -> None:
    (diagnostic,) = errors("model m {\n  a: 1\n\nmodel n { b: 2 }\n")
    assert diagnostic.label == "opened here"
    assert [(label.span.line, label.text) for label in diagnostic.labels] == [(4, "the next declaration begins here")]
    assert diagnostic.help == "write `}` before this place"


def test_too_many_errors_are_counted_not_told() -> None:
    text = "".join(f"model m{i} {{ a b }}\n" for i in range(10_000))
    diagnostics = errors(text)
    assert len(diagnostics) == limits.MAX_SYNTAX_ERRORS + 1
    assert diagnostics[-1].code == "E108"


def test_too_deep() -> None:
    for text in (
        "fn f = " + "(" * 200,
        "fn f = " + "-" * 200 + "1",
        "fn f = 1" + " + 1" * 200,
        "model m { a" + ".a" * 200,
    ):
        diagnostics = errors(text)
        assert "E106" in {d.code for d in diagnostics} or text.startswith("model")
    kept, diagnostics = parse(Source("t", "fn f = " + "(" * 200 + "\nfn g = 1\n"))
    assert [d.code for d in diagnostics] == ["E106"]
    assert len(kept.items) == 1


def test_too_many_tokens() -> None:
    (diagnostic,) = errors("fn f = 1\n" * (limits.MAX_TOKENS // 3))
    assert diagnostic.code == "E107"


def test_a_part_of_a_file() -> None:
    assert parse_expression(Source("-", "4 * 2 +"))[0] is None
    assert [d.message for d in parse_expression(Source("-", "4 * 2 +"))[1]] == [
        "an operand is missing before the end of the file"
    ]
    assert parse_expression(Source("-", "[1, 2"))[1][0].code == "E102"
    assert parse_expression(Source("-", "1 }"))[1][0].code == "E103"
    assert parse_body(Source("-", "{ a: 1"))[1][0].code == "E102"
    assert parse_body(Source("-", "{ a: 1 } { b: 2 }"))[0] is None


def test_a_message_shows_no_character_that_cannot_be_printed() -> None:
    text = 'model m { a: "\ud800\u202e" "b\x00" \ud800 }\n\ud800\n"\ud800" = 3\n'
    for diagnostic in errors(text):
        (diagnostic.message + (diagnostic.help or "") + diagnostic.label).encode("utf-8")


HOSTILE = {
    piece: piece
    for piece in (
        *"(-|{[}x9'\"#;=\n",
        *("1+", "a.", "f(", "x ", "[[[", "if ", "1 ", "a,", "not ", "a->b ", "9.", "1_", "|a", "a: 1\n", "model m\n"),
        *(
            "model m {\n",
            "modle m {}\n",
            "retrun ",
            "block",
            "// ",
            "\ud800",
            "é",
            "\U0001d54f ",
            "a b\n",
            "in: 1 ",
            "\r",
            "\x00",
        ),
    )
}


SIZE = 1 << (16 if TIMES > 1 else 14)
"""Characters of a hostile text."""


@pytest.mark.parametrize("prefix", ["", "model m { a: "])
def test_hostile_text_ends_soon(prefix: str) -> None:
    for piece in HOSTILE:
        source = Source("t", prefix + piece * (SIZE // len(piece)))
        with counted_calls() as calls:
            file, diagnostics = parse(source)
            for diagnostic in diagnostics:
                assert diagnostic.span.line >= 1
            assert repr(file.items)
            assert hash(file.items) == hash(file.items)
            assert file.items == file.items
        assert calls.number < 160 * SIZE, piece


def test_work_is_linear() -> None:
    def calls(n: int, piece: str) -> int:
        source = Source("t", "model m { " + piece * n)
        with counted_calls() as found:
            parse(source)
        return found.number

    for piece in ("a: 1 ", "a: [1 2], ", "# c\n"):
        small, large = calls(1_000, piece), calls(8_000, piece)
        assert small > 1_000
        assert large < 9 * small, piece


def test_the_runner_reads_chunks(tmp_path: Path) -> None:
    path = tmp_path / "cases.arch"
    path.write_text(
        "--- first\nmodel m {\n#^^^^ E102: closed\n  a: b\n#    ^ E204: no `b`\n}\n\n--- second\nfn f = 1\n"
    )
    first, second = read_chunks(path)
    assert first.text == "model m {\n  a: b\n}\n"
    assert first.expectations == ((1, 1, 5, "E102", "closed"), (2, 6, 7, "E204", "no `b`"))
    assert second == ("cases: second", "fn f = 1\n", ())
    assert len(mismatches(first, [])) == 2


def test_messages_need_a_malformed_example() -> None:
    assert parser._state_at_fault("fn f = 1") is None
    assert parser._state_at_fault("fn f = ") is not None
