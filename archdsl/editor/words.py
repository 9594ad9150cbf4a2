"""Texts of answers: bounded, and as Markdown that holds nothing but what was meant."""

from __future__ import annotations

import re
from collections.abc import Sequence

from archdsl.editor.data import MAX_TEXT, Fact, Hover

_LINE = 80
_MARKUP = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~&:@=^$\"'])")
_ITEM = re.compile(r"\s|[-*+] |[0-9]+[.)] ")
"""How a line begins that stands for itself in documentation."""
_SUFFIXES = ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "K"))


def shortened(text: str, most: int = _LINE) -> str:
    """A text of at most so many characters."""
    return text if len(text) <= most else text[: most - 1] + "…"


def first_line(text: str) -> str:
    """What a text begins with."""
    return shortened(" ".join(text[: 4 * _LINE].split()))


def bounded(text: str) -> str:
    """A text of an answer."""
    return shortened(text, MAX_TEXT)


def amount(number: int) -> str:
    """`4.00G`, `20.6M`, `512`: three digits."""
    for size, suffix in _SUFFIXES:
        if number >= size:
            whole = number / size
            digits = 2 if whole < 9.995 else 1 if whole < 99.95 else 0
            return f"{whole:.{digits}f}{suffix}"
    return str(number)


def shape(extents: Sequence[int | None]) -> str:
    """`256 x 14 x 14`"""
    return " x ".join(["?" if extent is None else str(extent) for extent in extents])


def escaped(text: str) -> str:
    """A text in Markdown that stands for itself."""
    return _MARKUP.sub(r"\\\1", text)


def fenced(text: str) -> str:
    """A text of the language in Markdown."""
    longest = max([len(run) for run in re.findall(r"`+", text)], default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}arch\n{text}\n{fence}"


def markdown(hover: Hover) -> str:
    """A hover as Markdown: the signature in a fence, then documentation and facts, in which nothing is markup."""
    parts = [fenced(hover.signature)] if hover.signature else []
    parts += [_prose(hover.text)] if hover.text else []
    parts += ["\n".join([_fact(fact) for fact in hover.facts])] if hover.facts else []
    return "\n\n".join(parts)


def _prose(text: str) -> str:
    """Documentation, whose lines end where the source is full: they run on, but for items, indented and empty lines.

    Editors show every end of a line as one, so none is left within a paragraph.
    """
    shown = ""
    for line in text.split("\n"):
        runs_on = shown and not shown.endswith("\n") and line.strip() and not _ITEM.match(line)
        shown += (" " if runs_on else "  \n" if shown else "") + escaped(line)
    return shown


def _fact(fact: Fact) -> str:
    note = f" — {escaped(fact.note)}" if fact.note else ""
    value = f": {escaped(fact.value)}" if fact.value else ""
    return f"- **{escaped(fact.name)}**{value}{note}"


__all__ = ["amount", "bounded", "escaped", "fenced", "first_line", "markdown", "shape", "shortened"]
