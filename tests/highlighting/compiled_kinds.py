"""What the compiler itself says of a text, by the parser's tokens and its tree: the kind of every token."""

from __future__ import annotations

from collections.abc import Iterator

from archdsl.analysis import check_space, fields, recipe_fields
from archdsl.analysis.prelude import PRELUDE
from archdsl.analysis.program import walk
from archdsl.graph.operations import OPERATIONS
from archdsl.source import Source, Span
from archdsl.syntax import ast
from archdsl.syntax.parser import parse, tokens

OF_TOKENS = {
    **dict.fromkeys(("NAME", "KIND", "MODELS", "ARCH", "USE"), "name"),
    **dict.fromkeys(
        ("REQUIRE", "RETURN", "IF", "ELSE", "WHEN", "OR", "AND", "NOT", "WITH", "FOR", "IN"),
        "keyword",
    ),
    **dict.fromkeys(
        ("ARROW", "DOTS", "CMP", "EQUAL", "PLUS", "MINUS", "OPERATOR", "CIRCUMFLEX", "TILDE"),
        "operator",
    ),
    **dict.fromkeys(
        ("DOT", "ELLIPSIS", "COMMA", "COLON", "SEMICOLON", "VBAR", "LPAR", "RPAR", "LSQB", "RSQB", "LBRACE", "RBRACE"),
        "punctuation",
    ),
    "COMMENT": "comment",
    "STRING": "string",
    "NUMBER": "number",
    "UNIT": "unit",
    "TIMES": "size",
    "AS": "import",
    "REFINES": "declaration",
}
FIELDS = {
    *fields.MODEL_FIELDS,
    *fields.DIMENSIONS,
    *recipe_fields.ALL,
    *check_space.FIELDS,
    *check_space.SECTIONS,
}


def kinds(source: Source) -> list[tuple[int, int, str]]:
    """Start, end and kind of every token and comment of a text without syntax errors."""
    file, said = parse(source)
    assert not said
    places = {start: kind for item in file.items for start, kind in _of_item(item)}
    found = []
    for token, start, end in tokens(source):
        kind = OF_TOKENS[token]
        found.append((start, end, places.get(start, kind) if kind == "name" else kind))
    return found


def _of_item(item: ast.Item) -> Iterator[tuple[int, str]]:
    """Where a name is more than a name. What is said later of a place counts."""
    match item:
        case ast.Version():
            yield item.span.start, "import"
        case ast.Use():
            yield item.span.start, "import"
            if not item.is_path:
                yield from _words(item.module_span, "module")
        case ast.Instances():
            yield item.span.start, "declaration"
        case ast.Declaration():
            yield item.kind.span.start, "declaration"
            yield item.name.span.start, "definition"
    for node in walk(item):
        yield from _of_node(node)
    if isinstance(item, ast.Declaration) and item.body is not None:
        for entry in item.body.entries:
            if isinstance(entry, ast.Field | ast.Section) and entry.path.head.text in FIELDS and _dotted(entry.path):
                yield entry.path.head.span.start, "field"


def _of_node(node: ast.Node) -> Iterator[tuple[int, str]]:
    match node:
        case ast.Constant():
            yield node.span.start, "constant"
        case ast.Reference() if node.name in OPERATIONS and node.name not in PRELUDE and _given(node.span):
            yield node.span.start, "operation"
        case ast.Parameter(default=ast.Node()):
            yield node.name.span.start, "key"
        case ast.Argument(name=ast.Identifier()):
            yield node.name.span.start, "key"
        case ast.Call(function=ast.Reference(name=name)) if name in PRELUDE:
            yield node.function.span.start, "builtin"
        case ast.Call(function=ast.Reference(name=name)) if name not in OPERATIONS:
            yield node.function.span.start, "function"
        case ast.Call(function=ast.Attribute(name=name)):
            yield name.span.start, "function"
        case ast.Field() | ast.Section() | ast.Element(path=ast.Path(steps=(_, _, *_))):
            if _dotted(node.path):
                yield node.path.head.span.start, "key"
            last = node.path.steps[-1]
            if isinstance(node, ast.Field) and isinstance(last, ast.Identifier):
                yield last.span.start, "key"


def _given(span: Span) -> bool:
    """Whether something is given to what is named here: in brackets, or by an arrow."""
    text = span.source.text
    return text[: span.start].rstrip().endswith("->") or text[span.end :].lstrip()[:1] in ("(", "{")


def _dotted(path: ast.Path) -> bool:
    """Whether the first name of a path is all of it, or has a part named behind it."""
    return len(path.steps) == 1 or isinstance(path.steps[1], ast.Identifier)


def _words(span: Span, kind: str) -> Iterator[tuple[int, str]]:
    start = span.start
    for word in span.text.split("."):
        yield start + len(word) - len(word.lstrip()), kind
        start += len(word) + 1
