"""What is asked: a flat record of texts and numbers, checked when it comes in, for it may be anybody's."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any, Literal, get_args

from archdsl.graph.conventions import CONVENTIONS, DEFAULT
from archdsl.records import documented

Kind = Literal[
    "start",
    "shipped",
    "open",
    "edit",
    "complete",
    "hover",
    "format",
    "view",
    "module",
    "scaling",
    "compare",
    "population",
    "table",
    "member",
]

MAX_SHORT = 1_000
"""Characters of a text that is no program: a name, a setting, an amount."""
MAX_ROW = 100_000
"""Characters of a row."""
MAX_ITEMS = 64
"""Elements of a list."""
MAX_NUMBER = 2**63 - 1


@documented
class ExploreRequest:
    """One question of the page of `archdsl explore`. Which fields count depends on `kind`."""

    kind: Kind
    """`start`: what the page begins with; `shipped`: the networks and spaces that ship; `open`: the text of one;
    `edit`: faults and hints of a text; `complete` and `hover`: at a place of it; `format`: its canonical layout;
    `view`: a model with its costs and picture, after changes; `module`: the PyTorch module of that; `scaling`: costs
    by strategy and factor; `compare`: two models; `population`: settings drawn of a space; `table`: the rows of a
    population; `member`: the text of one."""
    text: str = ""
    """The program."""
    path: str = ""
    """Where the program stands, from its project's root; what it uses is looked for from there. Empty: beside the file
    that was given."""
    model: str = ""
    """A model of the text, or a space; empty for the first."""
    settings: tuple[str, ...] = ()
    """As `--set`: `head.classes=10`."""
    scalings: tuple[str, ...] = ()
    """As `--scale`: `NAME:4`, or `NAME` with a budget."""
    budget: str = ""
    """As `--to`: `flops=16G`."""
    within: str = ""
    """As `--within`: `1%`."""
    input: str = ""
    """As `--input`: `256x192`."""
    convention: str = DEFAULT.name
    picture: bool = True
    """Of a view: whether the picture is wanted."""
    name: str = ""
    """Of `open`, the path of a shipped file; of `module`, the name of the module, if not the model's; of `table`, that
    of the file, which ends in .csv or .jsonl; its text stands in `other`."""
    other: str = ""
    """Of `compare`, the second text."""
    other_path: str = ""
    other_model: str = ""
    strategies: tuple[str, ...] = ()
    """Of `scaling`: `NAME` or `NAME=VALUE`."""
    factors: tuple[str, ...] = ()
    """Of `scaling`: decimal numbers."""
    seed: int = 0
    start: int = 0
    """Of `population`, the number of the first draw."""
    count: int = 0
    setting: tuple[int, ...] = ()
    """Of `member`: the numbers of its values, one for each dimension."""
    row: str = ""
    """Of `member`, in place of a setting: a row of a population, as JSON."""
    offset: int = 0
    """Of `complete` and `hover`: the character, from 0."""


class RequestFault(ValueError):
    """Why a request is none, or asks for what cannot be had: one sentence."""


_PROGRAMS = frozenset(("text", "other"))
"""Fields whose length the compiler judges, which says so at its place."""
MAX_PROGRAM = 4 << 20
"""Characters of a program that are taken at all: the compiler says of fewer that they are too many."""


def request_of(text: str) -> ExploreRequest:
    """A request that came as JSON. Raises `RequestFault`."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise RequestFault("the request is no JSON") from None
    if not isinstance(found, dict):
        raise RequestFault("the request is no JSON object")
    kinds = {f.name: str(f.type) for f in fields(ExploreRequest)}
    unknown = [name for name in found if name not in kinds]
    if unknown:
        raise RequestFault(f"the request has a field `{unknown[0][:60]}`, which there is not")
    if found.get("kind") not in get_args(Kind):
        raise RequestFault("the request has no kind that there is")
    request = ExploreRequest(**{name: _value(name, kinds[name], value) for name, value in found.items()})
    if request.convention not in CONVENTIONS:
        raise RequestFault(f"there is no convention `{request.convention[:60]}`")
    return request


def _value(name: str, kind: str, value: Any) -> Any:
    """A field's value, if it is of the field's type and of moderate size."""
    if kind == "Kind":
        return value
    if kind == "bool" and isinstance(value, bool):
        return value
    if kind == "int" and _is_number(value):
        return value
    if kind == "str" and isinstance(value, str):
        most = MAX_PROGRAM if name in _PROGRAMS else MAX_ROW if name == "row" else MAX_SHORT
        if len(value) <= most:
            return value
        raise RequestFault(f"`{name}` has more than {most:,} characters")
    if kind.startswith("tuple") and isinstance(value, list):
        fits = _is_number if "int" in kind else _is_short
        most = MAX_ITEMS * 4 if "int" in kind else MAX_ITEMS
        if len(value) <= most and all(map(fits, value)):
            return tuple(value)
    raise RequestFault(f"`{name}` is not what it has to be")


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_NUMBER


def _is_short(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= MAX_SHORT
