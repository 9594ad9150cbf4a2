"""Positions and edits in the client's units, held against Python's codecs on random texts."""

from __future__ import annotations

import random

import pytest

from archdsl.server.documents import Document, Edit, edited
from archdsl.server.positions import Encoding, Lines, joined

pytestmark = pytest.mark.fast

CODECS: dict[Encoding, tuple[str, int]] = {
    "utf-8": ("utf-8", 1),
    "utf-16": ("utf-16-le", 2),
    "utf-32": ("utf-32-le", 4),
}
CHARS = ["a", "x", " ", "\t", "é", "ß", "—", "😀", "🜁", "\u2028", "\x0c", "\x85", "\n", "\r\n", "\r", "\n\n"]


def texts(count: int) -> list[str]:
    chosen = random.Random(14)
    return ["", "\n", "\r", "\r\n", *("".join(chosen.choices(CHARS, k=chosen.randrange(30))) for _ in range(count))]


def lines_of(text: str) -> list[str]:
    """Lines as the protocol has them, by means of Python's universal newlines."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def units(text: str, encoding: Encoding) -> int:
    codec, size = CODECS[encoding]
    return len(text.encode(codec)) // size


@pytest.mark.parametrize("encoding", CODECS)
def test_a_position_is_what_the_codec_says(encoding: Encoding) -> None:
    for text in texts(150):
        lines, found = lines_of(text), Lines(text, encoding)
        assert len(found) == len(lines)
        for offset in range(len(text) + 1):
            before = lines_of(text[:offset] if text[offset - 1 : offset + 1] != "\r\n" else text[: offset - 1])
            position = len(before) - 1, units(before[-1], encoding)
            assert found.position(offset) == position, (text, offset)
            assert found.offset(*position) in (offset, offset - 1)
            assert found.position(found.offset(*position)) == position


def test_beyond_a_line_or_the_text_is_its_end() -> None:
    lines = Lines("ab\r\n😀c\nd")
    assert [lines.offset(*place) for place in ((0, 99), (1, 99), (2, 99), (9, 0), (-1, 5), (1, -3))] == [
        2,
        6,
        8,
        8,
        0,
        4,
    ]
    assert [lines.offset(1, column) for column in range(4)] == [4, 4, 5, 6]  # 1 is within the smiley: its start
    assert lines.position(99) == (2, 1)
    assert lines.position(3) == (0, 2)  # between \r and \n


@pytest.mark.parametrize("encoding", CODECS)
def test_edits_are_made_where_the_client_makes_them(encoding: Encoding) -> None:
    """A client that holds its text as bytes of the codec, and cuts those."""
    codec, size = CODECS[encoding]
    chosen = random.Random(15)
    for text in texts(100):
        document, mine = Document("a", 1, text, encoding), text
        changes = []
        for _ in range(3):
            start, end = sorted(chosen.choices(range(len(mine) + 1), k=2))
            if "\r\n" in (mine[start - 1 : start + 1], mine[end - 1 : end + 1]):
                continue  # no client stands between the two
            new = "".join(chosen.choices(CHARS, k=chosen.randrange(4)))
            lines = Lines(mine, encoding)
            changes.append(Edit(new, lines.position(start), lines.position(end)))
            raw = mine.encode(codec)
            first, last = len(mine[:start].encode(codec)), len(mine[:end].encode(codec))
            assert first % size == last % size == 0
            mine = (raw[:first] + new.encode(codec) + raw[last:]).decode(codec)
        found = edited(document, changes, 2)
        assert (found.text, found.version) == (mine, 2)
        assert edited(found, [Edit("all of it")], 3).text == "all of it"


def test_halves_of_a_character_become_it() -> None:
    """An editor may send a smiley typed as two halves."""
    document = edited(Document("a", 1, "x\ud83dy"), [Edit("\ude00", (0, 2), (0, 2))], 2)
    assert document.text == "x😀y" == joined("x\ud83d\ude00y")
    assert joined("\ude00\ud83d") == "\ude00\ud83d"
    assert Lines("\ud83dab").position(2) == (0, 2)
