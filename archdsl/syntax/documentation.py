"""The documentation of declarations: the comments that stand directly above them."""

from __future__ import annotations

from collections.abc import Sequence

from archdsl.source import Source
from archdsl.syntax import ast


def documented(source: Source, items: Sequence[ast.Item]) -> list[ast.Item]:
    """Give each declaration that is the first on its line the comment lines that end directly above it."""
    found: list[ast.Item] = []
    last_line = 0
    for item in items:
        line = source.position(item.span.start)[0]
        if isinstance(item, ast.Declaration) and line > last_line and _comment_line(source, line - 1) is not None:
            lines: list[str] = []
            first = line - 1
            while (comment := _comment_line(source, first)) is not None:
                lines.append(comment)
                first -= 1
            doc = "\n".join(reversed(lines))
            fields = (item.kind, item.name, item.parameters, item.refines, item.body, item.value)
            item = ast.Declaration(item.span, *fields, doc=doc)
        last_line = source.position(max(item.span.start, item.span.end - 1))[0]
        found.append(item)
    return found


def _comment_line(source: Source, number: int) -> str | None:
    """The text of a line that is a comment and nothing else. No token goes over the end of a line."""
    line = source.line(number).strip() if number > 0 else ""
    return line[1:].strip() if line.startswith("#") else None


__all__ = ["documented"]
