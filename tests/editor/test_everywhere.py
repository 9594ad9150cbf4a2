"""Every question at every place of what ships, and of texts that are half typed: an answer within its limits, the same
for the same text, and no exception.

Every run asks at some places of some files, drawn by seed; `make thorough` asks at all, and of 5,000 half-typed texts.
"""

from __future__ import annotations

import random
from zlib import crc32

import pytest
from editor.asking import of_place, of_text, offsets
from editor.shipped import SPECS, Shipped
from sampling import TIMES

from archdsl.editor import Workspace

ALL = TIMES >= 10
SHARE = 1.0 if ALL else 0.02
HALF_TYPED = 5_000 if ALL else 20
WALKED = [path for path in SPECS if ALL or crc32(path.encode()) % 6 == 0]


@pytest.mark.parametrize("path", WALKED)
def test_every_place_of_what_ships(specs: Workspace, path: str) -> None:
    draw = random.Random(crc32(path.encode()))
    of_text(specs, path)
    for offset in offsets(specs.text(path), SHARE, draw):
        of_place(specs, path, offset)


def half_typed(text: str, draw: random.Random) -> tuple[str, int]:
    """A beginning of a text, or a text without some of its characters; and where that is."""
    if draw.random() < 0.5:
        end = draw.randrange(len(text) + 1)
        return text[:end], end
    start = draw.randrange(len(text))
    return text[:start] + text[start + draw.choice((1, 1, 2, 5, 20, 100)) :], start


def test_half_typed_texts() -> None:
    draw = random.Random(14)
    kept = Workspace(Shipped())
    for number in range(HALF_TYPED):
        path = draw.choice(SPECS)
        text, offset = half_typed(kept.text(path), draw)
        kept.change(path, text)
        answers = of_text(kept, path), of_place(kept, path, offset)
        if number % 5 == 0:  # as one that has seen nothing before
            fresh = Workspace(Shipped())
            fresh.change(path, text)
            assert (of_text(fresh, path), of_place(fresh, path, offset)) == answers
        kept.close(path)
    assert not kept.paths()
