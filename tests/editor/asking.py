"""Every question that an editor asks of a place, and of a text."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from archdsl import editor
from archdsl.editor import Workspace
from archdsl.editor.data import MAX_COMPLETIONS, MAX_HINTS, MAX_PLACES, MAX_TEXT
from archdsl.source import Source
from archdsl.syntax.lexemes import lexemes

OF_TEXTS = ("diagnostics", "symbols", "folding", "tokens", "formatted", "hints")
OF_PLACES = ("hover", "completion", "definition", "references", "prepare_rename", "signature", "total")
MOST = {"completion": MAX_COMPLETIONS, "hints": MAX_HINTS, "references": MAX_PLACES, "folding": MAX_PLACES}
"""The most that an answer may hold."""


def of_text(workspace: Workspace, path: str) -> list[Any]:
    """The answers about a text."""
    return [bounded(name, getattr(editor, name)(workspace, path)) for name in OF_TEXTS]


def of_place(workspace: Workspace, path: str, offset: int) -> list[Any]:
    """The answers about a place, and the actions there."""
    found = [bounded(name, getattr(editor, name)(workspace, path, offset)) for name in OF_PLACES]
    if found[0] is not None:
        assert len(editor.markdown(found[0])) < 20 * MAX_TEXT
    return [*found, editor.actions(workspace, path, offset, offset)]


def bounded(name: str, answer: Any) -> Any:
    """The answer, which is not above its limit."""
    most = MOST.get(name)
    held = answer.proposals if name == "completion" else answer
    assert most is None or len(held) <= most
    for text in texts(answer):
        assert len(text) <= MAX_TEXT or name == "formatted"
    return answer


def texts(answer: Any) -> Iterator[str]:
    """The texts of an answer."""
    if isinstance(answer, str):
        yield answer
    elif isinstance(answer, tuple):
        for part in answer:
            yield from texts(part)
    elif hasattr(answer, "__dataclass_fields__"):
        for name in answer.__dataclass_fields__:
            yield from texts(getattr(answer, name))


def offsets(text: str, share: float, draw: random.Random) -> list[int]:
    """Places of a text: the beginning, middle or end of a share of its lexemes; all three, of all of them."""
    found = []
    for _, start, end in lexemes(Source("text", text)):
        every = [start, (start + end) // 2, end]
        if share >= 1:
            found += every
        elif draw.random() < share:
            found.append(draw.choice(every))
    return found
