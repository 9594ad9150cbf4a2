"""Syntax trees as plain data, so that the library is parsed once: a node is a list of its kind, place and fields.

What is kept has no faults: a text with any is parsed at every start.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from archdsl.diagnostics import Diagnostic
from archdsl.once import once
from archdsl.resources import kept, read_data, source_text
from archdsl.source import Source, Span
from archdsl.syntax import ast
from archdsl.syntax.parser import parse
from archdsl.syntax.tables import GRAMMAR

_TUPLE, _SPAN = -1, -2
_MADE_BY = ("ast", "machine", "parser", "stored", "tables", "tree")
"""The modules on which a tree depends."""


def kept_tree(name: str, source: Source) -> tuple[ast.File, list[Diagnostic]]:
    """As `parse`, of a text that every start reads: its tree is kept in the user's cache."""

    def make() -> Any:
        file, faults = parse(source)
        return None if faults or not file.complete else [_written(item) for item in file.items]

    made = kept(f"tree-{name}", (source.text, *_made_by()), make)
    if made is None:
        return parse(source)
    return ast.File(source, tuple([_read(source, item) for item in made])), []


@once
def _made_by() -> tuple[str, ...]:
    return read_data(GRAMMAR), *[source_text(f"syntax/{module}.py") for module in _MADE_BY]


@once
def _kinds() -> list[type[ast.Node]]:
    """The classes of nodes; a tree that is kept has their positions."""
    found = [kind for kind in vars(ast).values() if isinstance(kind, type) and issubclass(kind, ast.Node)]
    return sorted(found, key=lambda kind: kind.__name__)


@once
def _parts() -> dict[type, tuple[int, tuple[str, ...]]]:
    """The position of each class, and its fields behind the span."""
    return {kind: (n, tuple([f.name for f in fields(kind)[1:]])) for n, kind in enumerate(_kinds())}


def _written(value: Any) -> Any:
    if isinstance(value, ast.Node):
        kind, names = _parts()[type(value)]
        return [kind, value.span.start, value.span.end, *[_written(getattr(value, name)) for name in names]]
    if isinstance(value, tuple):
        return [_TUPLE, *[_written(part) for part in value]]
    if isinstance(value, Span):
        return [_SPAN, value.start, value.end]
    return value


def _read(source: Source, written: Any) -> Any:
    if type(written) is not list:
        return written
    kind = written[0]
    if kind >= 0:
        parts = [_read(source, part) if type(part) is list else part for part in written[3:]]
        return _kinds()[kind](Span(source, written[1], written[2]), *parts)
    if kind == _TUPLE:
        return tuple([_read(source, part) for part in written[1:]])
    return Span(source, written[1], written[2])
