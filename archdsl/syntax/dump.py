"""A tree, or the tokens of a text, in lines to read: what `--emit ast` and `--emit tokens` show.

A line is a node: its kind, then what identifies it (a name, a path, a literal, operators). Its parts follow,
indented; where a node has several, each says which it is. Items and entries end with their line and column.
The same tree always gives the same text.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from archdsl.source import Source
from archdsl.syntax import ast
from archdsl.syntax.parser import tokens

_ITEMS = (ast.Version, ast.Use, ast.Declaration, ast.Instances)
_ENTRIES = (ast.Binding, ast.Element, ast.Draw, ast.Field, ast.Section, ast.Require, ast.Return)
_HIDDEN = {"span", "module_span", "doc", "hole", "key"}
_UNLABELLED = {"body", "items", "entries", "rows", "cells", "names", "arguments", "extents", "operands", "values"}


def dump(file: ast.File) -> str:
    """The tree of a file, one node a line."""
    lines = [f"File {file.source.name}" + ("" if file.complete else "  (incomplete)")]
    for item in file.items:
        _node(item, "", 1, lines)
    return "\n".join(lines) + "\n"


def dump_node(node: ast.Node) -> str:
    """The tree of one node, for example an expression."""
    lines: list[str] = []
    _node(node, "", 0, lines)
    return "\n".join(lines) + "\n"


def dump_tokens(source: Source) -> str:
    """Every token and comment, one a line: place, kind, text. Raises `Fault` with the first syntax error."""
    lines: list[str] = []
    for kind, start, end in tokens(source):
        line, column = source.position(start)
        lines.append(f"{line}:{column}".ljust(9) + f"{kind.lower():<11} {source.text[start:end].rstrip()}")
    return "".join(f"{line}\n" for line in lines)


def _node(node: Any, label: str, depth: int, lines: list[str]) -> None:
    words = [type(node).__name__]
    parts: list[tuple[str, Any]] = []
    for part in fields(node):
        if part.name in _HIDDEN:
            continue
        value = getattr(node, part.name)
        word = _word(node, part.name, value)
        if word is None:
            parts.append((part.name, value))
        elif word:
            words.append(word)
    if isinstance(node, _ITEMS + _ENTRIES):
        words.append(f" @ {node.span.line}:{node.span.column}")
    lines.append("  " * depth + label + " ".join(words))
    if isinstance(node, ast.Declaration):
        lines += ["  " * (depth + 1) + "# " + line for line in node.doc.splitlines()]
    for name, value in parts:
        labelled = len(parts) > 1 and name not in _UNLABELLED
        if not isinstance(value, tuple):
            _node(value, f"{name}: " if labelled else "", depth + 1, lines)
            continue
        if labelled:
            lines.append("  " * (depth + 1) + f"{name}:")
        for child in value:
            _node(child, "", depth + 1 + labelled, lines)


def _word(node: Any, name: str, value: Any) -> str | None:
    """What a field adds to the line of its node; None if it is a part with lines of its own."""
    match node, name:
        case ast.Constant(), _:
            return "none" if value is None else str(value).lower()
        case ast.String(), _:
            return f'"{value}"'
        case ast.Use(is_path=is_path), "module":
            return f'"{value}"' if is_path else str(value)
        case ast.Use(), "is_path":
            return ""
        case ast.Alias(name=original), "local":
            return f"as {value.text}" if value.text != original.text else ""
        case ast.Parameter(), "several":
            return "..." if value else ""
        case ast.Declaration(), "refines" if value is not None:
            return f"refines {value.text}"
        case ast.Version(), _:
            return str(value.text)
    if isinstance(value, ast.Identifier | ast.Path):
        return value.text
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, tuple) and value and all(isinstance(v, str | ast.Identifier) for v in value):
        return ", ".join(v if isinstance(v, str) else v.text for v in value)
    return None
