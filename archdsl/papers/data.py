"""What the papers print, as values: a `Paper` with its tables, from one file of `specs/papers/`.

A table is of one of six kinds, which says what its cells are compared with:

- networks: a row is a network; its flops, params and acts are printed
- stages:   a row is a stem, a stage or a head of one network; its settings are printed
- scaling:  a row is a scaling of a base; the powers of the factor s by which something grows are printed
- spaces:   a row is a design space; its dimensions and the number of its settings are printed
- recipes:  a row is a setting of training, a column a recipe and a stage of its progressive learning
- reported: nothing that can be counted is printed; where a row has a network or a recipe, ours stands below

Figures are texts, with the digits that are printed; G stands for the papers' B.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import field
from fractions import Fraction
from typing import Any, Literal, get_args

from archdsl.graph.cost import MEASURES
from archdsl.records import dataclass

Kind = Literal["networks", "stages", "scaling", "spaces", "recipes", "reported"]


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
    part: str | None = None
    """Of what is told of a network: a stem or a head in place of its stages."""
    recipe: str | None = None
    """Whose settings the column prints."""
    stage: int = -1
    """Of the recipe's progressive learning, from 0; -1 is the last."""


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
    reads: tuple[str, ...] | None = None
    """The settings that are read in place of the column's."""


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
    """Of the table's program: the model that is compiled in place of `model`; without one, a guess at the row's."""
    figures: Mapping[str, str] = field(default_factory=dict)
    cells: Mapping[str, Cell] = field(default_factory=dict)
    part: str | None = None
    scaling: str | None = None
    reported: Mapping[str, str | None] = field(default_factory=dict)
    """Accuracies, times and the like, which are the paper's and never ours."""
    note: str | None = None
    space: tuple[str, str] | None = None
    setting: str | None = None
    """Of a table of recipes: the setting that is printed, as a recipe names it."""
    recipe: str | None = None
    """Of a table of what is reported: a recipe that the row was trained by."""


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
class Trained:
    """A network and a recipe of progressive learning, whose share of the flops at the final size is worked out."""

    row: str
    model: str
    recipe: str


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
    """Models and recipes that differ from shipped ones in what a row says."""
    counted: tuple[str, ...] = ()
    """Measures that the paper does not print, and that are ours alone."""
    recipes: str = ""
    """The file, from the data root, that declares the recipes of the table; else its program does."""
    trained: tuple[Trained, ...] = ()

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
        tuple(found.get("counted", ())),
        found.get("recipes", ""),
        tuple([Trained(each["row"], each["model"], each["recipe"]) for each in found.get("trained", ())]),
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
        found.get("setting"),
        found.get("recipe"),
    )


def _place(text: str) -> tuple[str, str]:
    """`specs/file.arch:name`"""
    file, _, name = text.rpartition(":")
    return file, name


def _reported(found: dict[str, Any]) -> dict[str, Any]:
    reported: dict[str, Any] = found.get("reported", {})
    return reported


def _cell(found: dict[str, Any]) -> Cell:
    text = found.get("exponent")
    digits = len(text.partition(".")[2]) if text is not None and "." in text else None
    exponent = None if text is None else Fraction(text)
    reads = tuple(found["reads"]) if "reads" in found else None
    return Cell(found["printed"], found.get("means"), exponent, digits, found.get("formula"), reads)


def _column(found: dict[str, Any]) -> Column:
    reads = found.get("reads", ())
    return Column(
        found["name"],
        (reads,) if isinstance(reads, str) else tuple(reads),
        found.get("requested", False),
        found.get("argument"),
        found.get("form", "{}"),
        Fraction(found.get("times", 1)),
        found.get("part"),
        found.get("recipe"),
        found.get("stage", -1),
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
