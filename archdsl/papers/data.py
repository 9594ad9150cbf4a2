"""What the papers print, as values: a `Paper` with its tables, from one file of `specs/papers/`.

A table is of one of four kinds, which says what its cells are compared with:

- networks: a row is a network; its flops, params and acts are printed
- stages:   a row is a stem, a stage or a head of one network; its settings are printed
- scaling:  a row is a scaling of a base; the powers of the factor s by which something grows are printed
- spaces:   a row is a design space; its dimensions and the number of its settings are printed

Figures are texts, with the digits that are printed; G stands for the papers' B.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from fractions import Fraction
from typing import Any, Literal, get_args

from archdsl.graph.cost import MEASURES
from archdsl.records import dataclass
from archdsl.suggest import did_you_mean, nearest
from archdsl.visible import visible

Kind = Literal["networks", "stages", "scaling", "spaces"]
_WORDS = re.compile(r"[a-z0-9]+")
_NAME = re.compile(r"[a-z0-9 :/_.,()-]*", re.IGNORECASE | re.ASCII)
_TABLE, _FIGURE = ("table", "tab", "tbl"), ("figure", "fig")
_MAX_LETTERS = 200
"""Letters of a table's name that are looked at."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table of stages, scalings or spaces, or one that a table of networks does not print as a figure.

    `reads` are the settings of a stage, or a dimension or measure of what is scaled, or what a space claims; none where
    nothing of ours stands beside what is printed. `requested` is the setting before a `fit`, `argument` one of the call
    that gave it.
    """

    name: str
    reads: tuple[str, ...] = ()
    requested: bool = False
    argument: str | None = None
    form: str = "{}"
    """How a power of s is written."""
    times: Fraction = Fraction(1)
    """What an exponent is multiplied with."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What is printed; where that is not what a model says, `means` is, and `exponent` the power of s.

    An exponent that is cut to some digits has as many; one that is no number is a `formula` in the row's other names.
    """

    printed: str
    means: str | None = None
    exponent: Fraction | None = None
    digits: int | None = None
    formula: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A printed row. `model` names a shipped network, `part` a part of the table's, `scaling` a call of one; `space` is
    a file that ships and the name of a space in it.
    """

    name: str
    model: str | None = None
    input: int | str | None = None
    """The height and width of the image, or what the paper says in their place."""
    variant: str | None = None
    """Of the table's program: the model that is compiled in place of `model`."""
    figures: Mapping[str, str] = field(default_factory=dict)
    cells: Mapping[str, Cell] = field(default_factory=dict)
    part: str | None = None
    scaling: str | None = None
    reported: Mapping[str, str | None] = field(default_factory=dict)
    """Accuracies, times and the like, which are the paper's and never ours."""
    note: str | None = None
    space: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Base:
    """What a table scales: a part of a model of a small program, and the factor."""

    program: str
    model: str
    settings: tuple[tuple[str, str], ...]
    part: str
    factor: Fraction


@dataclass(frozen=True, slots=True)
class Measured:
    """Shipped networks that are scaled too, and the factor."""

    networks: tuple[str, ...]
    factor: Fraction


@dataclass(frozen=True, slots=True)
class Table:
    """A table or figure of a paper."""

    id: str
    name: str
    about: str
    kind: Kind
    rows: tuple[Row, ...]
    note: str | None = None
    without_network: str | None = None
    """Why rows without a model have none."""
    structure: tuple[Column, ...] = ()
    """Of networks: what else the paper tells of them, read from the resolved model."""
    columns: tuple[Column, ...] = ()
    model: str | None = None
    base: Base | None = None
    measured: Measured | None = None
    program: str = ""
    """Models that differ from shipped ones in what a row says."""

    @property
    def measures(self) -> tuple[str, ...]:
        """The measures that any row prints."""
        return tuple(measure for measure in MEASURES if any(measure in row.figures for row in self.rows))

    @property
    def reported(self) -> tuple[str, ...]:
        """What is reported of any row, in the rows' order."""
        return tuple(dict.fromkeys(key for row in self.rows for key in row.reported))


@dataclass(frozen=True, slots=True)
class Paper:
    """A paper with its tables in the paper's order. The first of its conventions of counting is its usual one."""

    key: str
    title: str
    authors: str
    published: str
    conventions: tuple[str, ...]
    headings: Mapping[str, str]
    """Headings of what is reported."""
    tables: tuple[Table, ...]


# Reading


def paper_of(text: str) -> Paper:
    """The paper of a data file."""
    found = json.loads(text)
    return Paper(
        found["paper"],
        found["title"],
        found["authors"],
        found["published"],
        tuple(found["conventions"]),
        found["headings"],
        tuple([_table(each) for each in found["tables"]]),
    )


def _table(found: dict[str, Any]) -> Table:
    if found["kind"] not in get_args(Kind):
        raise ValueError(f"a table of an unknown kind: {found['kind']}")
    return Table(
        found["id"],
        found["name"],
        found["about"],
        found["kind"],
        tuple([_row(each) for each in found["rows"]]),
        found.get("note"),
        found.get("without_network"),
        tuple([_column(each) for each in found.get("structure", ())]),
        tuple([_column(each) for each in found.get("columns", ())]),
        found.get("model"),
        _base(found["base"]) if "base" in found else None,
        _measured(found["measured"]) if "measured" in found else None,
        _text(found.get("program", ())),
    )


def _row(found: dict[str, Any]) -> Row:
    reported = {key: ", ".join(value) if isinstance(value, list) else value for key, value in _reported(found).items()}
    return Row(
        found["row"],
        found.get("model"),
        found.get("input"),
        found.get("variant"),
        {measure: found[measure] for measure in MEASURES if measure in found},
        {name: _cell(each) for name, each in found.get("cells", {}).items()},
        found.get("part"),
        found.get("scaling"),
        reported,
        found.get("note"),
        _place(found["space"]) if "space" in found else None,
    )


def _place(text: str) -> tuple[str, str]:
    """`specs/file.arch:name`"""
    file, _, name = text.rpartition(":")
    return file, name


def _reported(found: dict[str, Any]) -> dict[str, Any]:
    reported: dict[str, Any] = found.get("reported", {})
    return reported


def _cell(found: dict[str, str]) -> Cell:
    text = found.get("exponent")
    digits = len(text.partition(".")[2]) if text is not None and "." in text else None
    exponent = None if text is None else Fraction(text)
    return Cell(found["printed"], found.get("means"), exponent, digits, found.get("formula"))


def _column(found: dict[str, Any]) -> Column:
    reads = found.get("reads", ())
    return Column(
        found["name"],
        (reads,) if isinstance(reads, str) else tuple(reads),
        found.get("requested", False),
        found.get("argument"),
        found.get("form", "{}"),
        Fraction(found.get("times", 1)),
    )


def _base(found: dict[str, Any]) -> Base:
    return Base(
        _text(found["program"]),
        found["model"],
        tuple(found["settings"].items()),
        found["part"],
        Fraction(found["factor"]),
    )


def _text(lines: Sequence[str]) -> str:
    return "".join([f"{line}\n" for line in lines])


def _measured(found: dict[str, Any]) -> Measured:
    return Measured(tuple(found["networks"]), Fraction(found["factor"]))


# Names


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
