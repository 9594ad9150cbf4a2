"""What is seen of a text at a glance: its symbols, what folds, its colours, its canonical layout."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence

from archdsl.diagnostics import Fault
from archdsl.editor.data import MAX_PLACES, Change, Fold, Place, Symbol, Token, TokenKind
from archdsl.editor.targets import Occurrence
from archdsl.editor.words import first_line, shortened
from archdsl.editor.workspace import Document, Workspace, is_library
from archdsl.source import Source
from archdsl.syntax import ast
from archdsl.syntax.faults import RESERVED
from archdsl.syntax.formatter import format_source
from archdsl.syntax.lexemes import Lexeme

_OPENING = {"LBRACE": "RBRACE", "LSQB": "RSQB", "LPAR": "RPAR"}
_KEYWORDS = frozenset(("KIND", "ARCH", "USE", "MODELS", "AS", "REFINES", "UNIT", *[w.upper() for w in RESERVED]))
_CONSTANTS = frozenset(("true", "false", "none"))
_KINDS: dict[str, TokenKind] = {
    "input": "parameter",
    "draw": "local",
    "field": "property",
    "section": "property",
    "setting": "property",
    "column": "property",
    "part": "property",
    "index": "property",
    "keyword": "keyword",
    "value": "keyword",
    "file": "module",
}
"""The colour of a name's kind, where it is not called the same."""
_COLOURED = frozenset(
    ("model", "block", "fn", "scaling", "recipe", "space", "operation", "function", "parameter", "local", "module")
)


# Symbols


def symbols(workspace: Workspace, path: str) -> tuple[Symbol, ...]:
    """The declarations of a document, and what stands in them."""
    document = workspace.document(path)
    if document is None:
        return ()
    found: list[Symbol] = []
    for item in document.trees.of(document.program.entry).items:
        if isinstance(item, ast.Declaration):
            found.append(_declaration(path, item))
        elif isinstance(item, ast.Instances):
            found += _instances(path, item)
        if len(found) >= MAX_PLACES:
            break
    return tuple(found[:MAX_PLACES])


def _place(path: str, node: ast.Node) -> Place:
    return Place(path, node.span.start, node.span.end)


def _declaration(path: str, item: ast.Declaration) -> Symbol:
    written = item.parameters
    detail = shortened(" ".join(written.span.text.split())) if written is not None else ""
    entries = item.body.entries if item.body is not None else ()
    children = [symbol for entry in entries for symbol in _entry(path, entry)]
    kind = item.kind.text
    return Symbol(item.name.text, kind, detail, _place(path, item.name), _place(path, item), tuple(children))  # type: ignore[arg-type]


def _entry(path: str, entry: ast.Entry) -> Iterator[Symbol]:
    match entry:
        case ast.Field(path=key, value=value):
            yield Symbol(key.text, "field", first_line(value.span.text), _place(path, key), _place(path, entry), ())
        case ast.Section(path=key):
            yield Symbol(key.text, "section", "", _place(path, key), _place(path, entry), ())
        case ast.Draw(names=names, domain=domain):
            for name in names:
                detail = first_line(domain.span.text)
                yield Symbol(name.text, "draw", detail, _place(path, name), _place(path, entry), ())
        case ast.Binding(names=names, value=value):
            for name in names:
                detail = first_line(value.span.text)
                yield Symbol(name.text, "local", detail, _place(path, name), _place(path, entry), ())
        case _:
            return


def _instances(path: str, item: ast.Instances) -> Iterator[Symbol]:
    header = item.table.rows[0]
    names = [i for i, c in enumerate(header.cells) if isinstance(c, ast.Reference) and c.name == "name"]
    for row in item.table.rows[1:] if names else ():
        cell = row.cells[names[0]] if names[0] < len(row.cells) else None
        if isinstance(cell, ast.Reference):
            yield Symbol(cell.name, "model", item.model.text, _place(path, cell), _place(path, row), ())


# Folding


def folding(workspace: Workspace, path: str) -> tuple[Fold, ...]:
    """What goes over several lines: brackets, comments, and the `use` at the top."""
    document = workspace.document(path)
    if document is None:
        return ()
    source, found = document.source, document.lexemes
    folds = [*_brackets(source, found), *_runs(source, [x for x in found if x[0] == "COMMENT"])]
    uses = [item for item in document.trees.of(document.program.entry).items if isinstance(item, ast.Use)]
    if uses and _lines(source, uses[0].span.start, uses[-1].span.end) and len(uses) > 1:
        folds.append(Fold(uses[0].span.start, uses[-1].span.end, "uses"))
    return tuple(sorted(folds, key=lambda fold: (fold.start, -fold.end))[:MAX_PLACES])


def _lines(source: Source, start: int, end: int) -> bool:
    return source.position(start)[0] < source.position(end)[0]


def _brackets(source: Source, found: Sequence[Lexeme]) -> Iterator[Fold]:
    opened: list[Lexeme] = []
    for lexeme in found:
        kind, start, _ = lexeme
        if kind in _OPENING:
            opened.append(lexeme)
        elif opened and kind in _OPENING.values():
            before, _, inside = opened.pop()
            if kind == _OPENING[before] and _lines(source, inside, start):
                yield Fold(inside, start, "region")


def _runs(source: Source, comments: Sequence[Lexeme]) -> Iterator[Fold]:
    """Comment lines directly below each other."""
    run: list[Lexeme] = []
    for comment in comments:
        line = source.position(comment[1])[0]
        alone = not source.text[source.line_starts[line - 1] : comment[1]].strip()
        if run and (not alone or line != source.position(run[-1][1])[0] + 1):
            if len(run) > 1:
                yield Fold(run[0][1], run[-1][2], "comment")
            run = []
        run += [comment] if alone else []
    if len(run) > 1:
        yield Fold(run[0][1], run[-1][2], "comment")


# Colours


def tokens(workspace: Workspace, path: str) -> tuple[Token, ...]:
    """The colours of a text, in order; also of one with faults."""
    document = workspace.document(path)
    if document is None:
        return ()
    names = {o.start: o for o in document.names().occurrences}
    modules = _module_names(document)
    return tuple([_token(document, lexeme, names, modules) for lexeme in document.lexemes])


def _module_names(document: Document) -> list[tuple[int, int]]:
    items = document.trees.of(document.program.entry).items
    return [(i.module_span.start, i.module_span.end) for i in items if isinstance(i, ast.Use) and not i.is_path]


def _token(document: Document, lexeme: Lexeme, names: dict[int, Occurrence], modules: list[tuple[int, int]]) -> Token:
    kind, start, end = lexeme
    plain = {"COMMENT": "comment", "STRING": "string", "NUMBER": "number", "UNKNOWN": "fault"}.get(kind)
    if plain is not None:
        return Token(start, end, plain, False, False)  # type: ignore[arg-type]
    if not re.match(r"[A-Za-z_]", document.source.text[start:end]):
        return Token(start, end, "operator", False, False)
    position = bisect_right(modules, (start, len(document.source.text))) - 1
    if position >= 0 and modules[position][0] <= start < modules[position][1]:
        return Token(start, end, "module", False, True)
    found = names.get(start)
    if found is not None and found.end >= end:
        return _name_token(found, start, end)
    text = document.source.text[start:end]
    lost = document.outer(text, start, end) if kind == "NAME" and not document.whole else None
    if lost is not None:
        return _name_token(lost, start, end)
    keyword = kind in _KEYWORDS or text in _CONSTANTS or kind == "TIMES"
    return Token(start, end, "keyword" if keyword else "property", False, False)


def _name_token(found: Occurrence, start: int, end: int) -> Token:
    if not found.targets:
        return Token(start, end, "property", found.declares, False)
    target = found.targets[0]
    kind = target.kind if target.kind in _COLOURED else _KINDS[target.kind]
    of_language = target.kind in ("operation", "function") or is_library(target.path)
    return Token(start, end, kind, found.declares, of_language)  # type: ignore[arg-type]


# Layout


def formatted(workspace: Workspace, path: str) -> tuple[Change, ...]:
    """The edits that bring a text to its canonical layout; none where it has it, or does not parse."""
    document = workspace.document(path)
    if document is None or document.library:
        return ()
    try:
        text = format_source(document.source)
    except Fault:
        return ()
    return tuple(_differences(path, document.source.text, text))


def _differences(path: str, old: str, new: str) -> Iterator[Change]:
    """The lines that differ: what is the same before and behind is left alone."""
    if old == new:
        return
    before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    first = 0
    while first < min(len(before), len(after)) and before[first] == after[first]:
        first += 1
    last = 0
    most = min(len(before), len(after)) - first
    while last < most and before[-1 - last] == after[-1 - last]:
        last += 1
    start = sum(map(len, before[:first]))
    end = len(old) - sum(map(len, before[len(before) - last :]))
    yield Change(path, start, end, "".join(after[first : len(after) - last]))


__all__ = ["folding", "formatted", "symbols", "tokens"]
