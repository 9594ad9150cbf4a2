"""Names of tables, as people write them: `key:5`, `key/15`, `key figure 15`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from archdsl.papers.data import Paper, Table
from archdsl.suggest import did_you_mean, nearest
from archdsl.visible import visible

_WORDS = re.compile(r"[a-z0-9]+")
_NAME = re.compile(r"[a-z0-9 :/_.,()-]*", re.IGNORECASE | re.ASCII)
_TABLE, _FIGURE = ("table", "tab", "tbl"), ("figure", "fig")
_MAX_LETTERS = 200
"""Letters of a table's name that are looked at."""


class UnknownTable(ValueError):
    """No paper or table has this name; the message says which there are."""


def choose(text: str, papers: Sequence[Paper]) -> list[tuple[Paper, Table]]:
    """The tables that a name stands for: `key:5`, `key:figure-15`, also `key/15`, `key figure 15`.

    `key:3` stands for 3a and 3b where there is no table 3, and `key` for all tables. Raises `UnknownTable`.
    """
    words = _WORDS.findall(text[:_MAX_LETTERS].lower()) if _NAME.fullmatch(text) and len(text) <= _MAX_LETTERS else []
    papers_words = [(paper, _WORDS.findall(paper.key)) for paper in papers]
    fitting = [(paper, own) for paper, own in papers_words if words[: len(own)] == own]
    if not fitting:
        hint = did_you_mean(re.split(r"[:/\s]", text.strip(), maxsplit=1)[0], [paper.key for paper in papers])
        raise UnknownTable(f"there is no paper '{visible(text[:_MAX_LETTERS])}'; {hint}")
    paper, own = max(fitting, key=lambda each: len(each[1]))
    rest = words[len(own) :]
    if not rest:
        return [(paper, table) for table in paper.tables]
    found = [table for table in paper.tables if _WORDS.findall(table.id) == rest] or _loosely(paper, rest)
    if not found:
        known = [table.id for table in paper.tables]
        guess = nearest("-".join(rest), known)
        hint = f"did you mean '{paper.key}:{guess}'?" if guess else f"there are {', '.join(known)}"
        raise UnknownTable(f"{paper.key} has no table '{visible(' '.join(rest))}'; {hint}")
    return [(paper, table) for table in found]


def _loosely(paper: Paper, words: list[str]) -> list[Table]:
    """Tables by their number, with or without the word before it: the one itself, else its parts."""
    kind = _FIGURE[0] if words[0] in _FIGURE else _TABLE[0] if words[0] in _TABLE else None
    number = words[1:] if kind else words
    if not number:
        return []
    whole, parts = [], []
    for table in paper.tables:
        own = _WORDS.findall(table.id)
        is_figure = own[0] == _FIGURE[0]
        if kind is not None and is_figure != (kind == _FIGURE[0]):
            continue
        mine = own[1:] if is_figure else own
        if mine == number:
            whole.append(table)
        elif mine[: len(number)] == number or re.fullmatch(rf"{re.escape(''.join(number))}[a-z]", mine[0]):
            parts.append(table)
    return whole or parts
