"""The docstring of a class, from the comment above its block."""

from __future__ import annotations

from collections.abc import Collection


def summary(doc: str) -> str:
    """The first sentence of a comment, in one line."""
    text = " ".join(doc.split())
    end = next((i for i in range(len(text)) if text[i] == "." and text[i + 1 : i + 3].strip().isupper()), -1)
    if end >= 0 and text[end + 1 : end + 2] == " ":
        return text[: end + 1]
    return text if not text or text.endswith(".") else f"{text}."


def about_class(sentence: str, others: Collection[str]) -> str:
    """A sentence without what it says of settings that a class does not take: it ends before the clause that names the
    first of them, and nothing is left where that is the first clause."""
    named = [at for name in others if (at := sentence.find(f"`{name}`")) >= 0]
    if not named:
        return sentence
    depth, end = 0, 0
    for at, char in enumerate(sentence[: min(named)]):
        depth += (char == "(") - (char == ")")
        if char in ";:," and depth == 0:
            end = at
    return f"{sentence[:end]}." if end else ""
