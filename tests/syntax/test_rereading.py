"""A text that changed in one place, read around that: what is read of all of it, with every place."""

from __future__ import annotations

import random
from dataclasses import fields
from typing import Any

import pytest
from sampling import TIMES, many

from archdsl import limits
from archdsl.resources import read_data
from archdsl.source import Source, Span
from archdsl.syntax import ast
from archdsl.syntax.parser import Read, read
from archdsl.syntax.rereading import reread

pytestmark = pytest.mark.fast
FILES = ("others/xception", "rexnet/search", "std/blocks", "spaces/rexnet", "scaled/regnetz")
TEXT = """arch 1
use std.ops { conv }
# What it is of.
block b(x; width) = x -> conv(width, kernel: 3)
fn f(a) = 2 * a  fn g(a) = f(a)
model one { input: 3 x 8 x 8  stages: b { width: f(2) } }
models one [ | name | w | ]
# The last.
model two { input: 3 x 8 x 8  stages: b { width: 4 } }
"""
PARTS = (
    "model ",
    "block a(x) {\n",
    "use ",
    "fn f() =",
    "\n}\n",
    "models a [",
    "# ",
    "{",
    "|",
    ":",
    '"',
    "\n",
    "1",
    "x ",
)


def plain(value: Any) -> Any:
    """A tree with all places, as plain data."""
    if isinstance(value, Span):
        return value.source, value.start, value.end
    if isinstance(value, tuple | list):
        return [plain(part) for part in value]
    if isinstance(value, Source):
        return value
    if hasattr(value, "__dataclass_fields__"):
        return type(value).__name__, [plain(getattr(value, field.name)) for field in fields(value)]
    return value


def said(found: Read) -> Any:
    return plain(found.file), plain(found.diagnostics), plain(found.items)


def changed(text: str, chance: random.Random) -> str:
    at, other = chance.randrange(len(text)), chance.randrange(len(text))
    match chance.randrange(4):
        case 0:
            return text[:at] + text[at + chance.choice((1, 1, 20)) :]
        case 1:
            return text[:at] + chance.choice(PARTS) + text[at:]
        case 2:
            lines = text.split("\n")
            del lines[chance.randrange(len(lines))]
            return "\n".join(lines)
        case _:
            return text[:at] + text[other : other + chance.randrange(80)] + text[at:]


def test_any_changes() -> None:
    """One after the other, each read by the last text without a fault; most are read around the change alone."""
    chance, tried, gained = random.Random(5), 0, 0
    for name in FILES:
        first = text = read_data(f"specs/{name}.arch")
        before = read(Source(name, text))
        for _ in range(many(6)):
            text = changed(first if chance.random() < 0.3 else text, chance)
            source = Source(name, text)
            found, whole = reread(source, before), read(source)
            tried += 1
            if found is not None:
                gained += 1
                assert said(found) == said(whole), text
                before = before if found.diagnostics else found
    assert gained > 0.7 * tried


def test_places_one_after_the_other() -> None:
    """A character left out, or a word before it."""
    before = read(Source("text", TEXT))
    assert before.diagnostics == []
    for at in range(0, len(TEXT), 7 if TIMES == 1 else 1):
        for text in (TEXT[:at] + TEXT[at + 1 :], f"{TEXT[:at]}model {TEXT[at:]}", f"{TEXT[:at]}}} x {TEXT[at:]}"):
            found = reread(Source("text", text), before)
            assert found is None or said(found) == said(read(Source("text", text))), text


def test_only_what_changed_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    before = read(Source("text", TEXT))
    later = read(Source("text", TEXT.replace("width: 4", "width: 5")))
    found = reread(later.file.source, before)
    assert found is not None
    assert said(found) == said(later)
    assert before.tokens < found.tokens < before.tokens + later.tokens
    monkeypatch.setattr(limits, "MAX_TOKENS", before.tokens)  # which only all of it tells
    assert reread(later.file.source, before) is None


def test_a_text_with_a_fault_tells_nothing_of_another() -> None:
    text = TEXT.replace("width: 4", "width: ")
    before = read(Source("text", text))
    assert isinstance(before.file, ast.File)
    assert before.diagnostics
    assert reread(Source("text", TEXT), before) is None
