"""The tree builder: what the parser calls while it reduces, one method for each rule of the grammar.

A method `rule_x` gets the pieces of one occurrence of the rule `x`, tokens (strings with positions) and nodes
already built, and returns a node. A node knows how deep it nests; what nests too deep for later phases to
walk is refused here, so no walk over a tree needs a guard of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

from archdsl import limits
from archdsl.diagnostics import Diagnostic
from archdsl.source import Source, Span
from archdsl.syntax import ast, faults

Piece: TypeAlias = Any
"""A token, a node, or a tuple of nodes."""
Pieces: TypeAlias = list[Any]


class TooDeep(Exception):
    """An expression or body nests more than `MAX_NESTING` levels deep, at this place."""

    def __init__(self, span: Span) -> None:
        super().__init__()
        self.span = span


class TreeBuilder:
    """Builds the tree of one source, and keeps what every run of the parser over it has found."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.items: list[ast.Item] = []
        self.diagnostics: list[Diagnostic] = []
        self.patched: list[Span] = []
        self.faults = 0
        self.count = 0
        self._depth: dict[int, tuple[int, Any]] = {}

    def sorted_diagnostics(self) -> list[Diagnostic]:
        """The diagnostics by place, each once."""
        by_key = {d.sort_key: d for d in self.diagnostics}
        return [by_key[key] for key in sorted(by_key)]

    def _span(self, pieces: Pieces) -> Span:
        first: Any = pieces[0]
        last: Any = pieces[-1]
        start = first.span.start if isinstance(first, ast.Node) else first.start_pos
        end = last.span.end if isinstance(last, ast.Node) else last.end_pos
        return Span(self.source, start, end)

    def _nested(self, node: Any, pieces: Pieces) -> Any:
        """Record how deep a node nests; refuse what later phases could not walk."""
        known = self._depth
        depth = 0
        for piece in pieces:
            found = known.get(id(piece))
            if found is not None and found[0] > depth:
                depth = found[0]
        if depth >= limits.MAX_NESTING:
            raise TooDeep(self._span(pieces))
        known[id(node)] = (depth + 1, node)  # the node is held, so that its id stays its own
        return node

    def _node(self, make: Callable[..., Any], pieces: Pieces, *fields: Any) -> Any:
        return self._nested(make(self._span(pieces), *fields), pieces)

    def _identifier(self, token: Any) -> ast.Identifier:
        if token in faults.CONSTANTS and len(self.diagnostics) < limits.MAX_SYNTAX_ERRORS:
            self.diagnostics.append(faults.reserved_name(self.source, str(token), token.start_pos or 0))
        return ast.Identifier(Span(self.source, token.start_pos or 0, token.end_pos or 0), str(token))

    @staticmethod
    def _nodes(pieces: Pieces) -> tuple[Any, ...]:
        return tuple(p for p in pieces if not isinstance(p, str))

    # Items

    def rule_start(self, _: Pieces) -> None:
        return None

    def _item(self, node: Any) -> Any:
        self.items.append(node)
        return node

    def rule_version(self, c: Pieces) -> Any:
        return self._item(self._node(ast.Version, c, ast.Number(self._span(c[1:]), str(c[1]))))

    def rule_use(self, c: Pieces) -> Any:
        (text, is_path, hole), span = c[1][1:], c[1][0]
        aliases = [p for p in c[2:] if isinstance(p, ast.Alias)]
        names = tuple(aliases) if len(c) > 2 else None
        end = span.end if names is None else c[-1].end_pos
        return self._item(ast.Use(Span(self.source, c[0].start_pos, end), text, span, is_path, names, hole))

    def rule_module(self, c: Pieces) -> tuple[Span, str, bool, bool]:
        span = self._span(c)
        if c[0].type == "STRING":
            return span, str(c[0])[1:-1], True, False
        return span, "".join(str(t) for t in c), False, c[-1].type == faults.HOLE

    def rule_alias(self, c: Pieces) -> Any:
        return ast.Alias(self._span(c), self._identifier(c[0]), self._identifier(c[-1]))

    def rule_declaration(self, c: Pieces) -> Any:
        parameters = next((p for p in c if isinstance(p, ast.Parameters)), None)
        refines = next((p for p in c[2:-1] if isinstance(p, ast.Identifier)), None)
        kind, name = self._identifier(c[0]), self._identifier(c[1])
        return self._item(self._node(ast.Declaration, c, kind, name, parameters, refines, c[-1], None))

    def rule_definition(self, c: Pieces) -> Any:
        parameters = c[2] if isinstance(c[2], ast.Parameters) else None
        kind, name = self._identifier(c[0]), self._identifier(c[1])
        return self._item(self._node(ast.Declaration, c, kind, name, parameters, None, None, c[-1]))

    def rule_refines(self, c: Pieces) -> Any:
        return self._identifier(c[1])

    def rule_instances(self, c: Pieces) -> Any:
        return self._item(self._node(ast.Instances, c, self._identifier(c[1]), c[2]))

    def rule_params(self, c: Pieces) -> Any:
        lists: list[tuple[ast.Parameter, ...]] = [()]
        pieces: Pieces = []
        for piece in c:
            if isinstance(piece, tuple):
                lists[-1] = piece
                pieces += piece
                continue
            if piece.type == "SEMICOLON":
                lists.append(())
            pieces.append(piece)
        return self._node(ast.Parameters, pieces, lists[0], lists[1] if len(lists) > 1 else None)

    def rule_plist(self, c: Pieces) -> tuple[ast.Parameter, ...]:
        return self._nodes(c)

    def rule_param(self, c: Pieces) -> Any:
        several = len(c) == 2
        return self._node(ast.Parameter, c, c[0], c[2] if len(c) == 3 else None, several)

    # Bodies

    def rule_body(self, c: Pieces) -> Any:
        return self._node(ast.Body, c, self._nodes(c))

    def rule_binding(self, c: Pieces) -> Any:
        return self._node(ast.Binding, [c[0][0], *c[1:]], c[0], c[2])

    def rule_element(self, c: Pieces) -> Any:
        variable, source = (self._identifier(c[7]), c[9]) if len(c) > 6 else (None, None)
        return self._node(ast.Element, c, c[0], c[2], c[5], variable, source)

    def rule_draw(self, c: Pieces) -> Any:
        return self._node(ast.Draw, [c[0][0], *c[1:]], c[0], c[2])

    def rule_field(self, c: Pieces) -> Any:
        value = c[2]
        if type(value) is ast.Hole and c[1].start_pos == c[1].end_pos:  # the parser put the `:` there
            value = replace(value, key=True)
        return self._node(ast.Field, c, c[0], value)

    def rule_section(self, c: Pieces) -> Any:
        return self._node(ast.Section, c, c[0], c[1])

    def rule_require(self, c: Pieces) -> Any:
        return self._node(ast.Require, c, c[1])

    def rule_result(self, c: Pieces) -> Any:
        return self._node(ast.Return, c, self._nodes(c))

    def rule_names(self, c: Pieces) -> tuple[ast.Identifier, ...]:
        return self._nodes(c)

    def rule_path(self, c: Pieces) -> Any:
        if len(c) == 1:
            return self._node(ast.Path, c, (c[0],))
        step = c[2] if c[1].type == "DOT" else ast.IndexStep(self._span(c[1:]), c[2])
        return self._node(ast.Path, c, (*c[0].steps, step))

    def rule_name(self, c: Pieces) -> Any:
        return self._identifier(c[0])

    # Expressions

    def rule_conditional(self, c: Pieces) -> Any:
        return self._node(ast.Conditional, c, c[0], c[2], c[4])

    def rule_flow(self, c: Pieces) -> Any:
        return self._node(ast.Flow, c, c[0], c[2])

    def rule_derived(self, c: Pieces) -> Any:
        return self._node(ast.Derived, c, c[0], c[2])

    def rule_optional(self, c: Pieces) -> Any:
        return self._node(ast.Optional, c, c[0], c[2])

    def rule_logical(self, c: Pieces) -> Any:
        return self._node(ast.Logical, c, str(c[1]), c[0], c[2])

    def rule_negation(self, c: Pieces) -> Any:
        return self._node(ast.Unary, c, str(c[0]), c[1])

    def rule_comparison(self, c: Pieces) -> Any:
        return self._node(ast.Comparison, c, tuple(str(t) for t in c[1::2]), tuple(c[0::2]))

    def rule_range(self, c: Pieces) -> Any:
        return self._node(ast.Range, c, c[0], c[2])

    def rule_size(self, c: Pieces) -> Any:
        return self._node(ast.SizeExpression, c, tuple(c[0::2]))

    def rule_arithmetic(self, c: Pieces) -> Any:
        return self._node(ast.Arithmetic, c, str(c[1]), c[0], c[2])

    def rule_call(self, c: Pieces) -> Any:
        return self._node(ast.Call, c, c[0], c[1].arguments)

    def rule_configured(self, c: Pieces) -> Any:
        return self._node(ast.Configured, c, c[0], c[1])

    def rule_attribute(self, c: Pieces) -> Any:
        return self._node(ast.Attribute, c, c[0], c[2])

    def rule_unnamed(self, c: Pieces) -> Any:
        return self._node(ast.Hole, c, (c[0],))

    def rule_hole(self, c: Pieces) -> Any:
        return ast.Hole(self._span(c))

    def rule_index(self, c: Pieces) -> Any:
        return self._node(ast.Index, c, c[0], c[2])

    def rule_args(self, c: Pieces) -> Any:
        return self._node(_Arguments, c, self._nodes(c))

    def rule_named(self, c: Pieces) -> Any:
        return self._node(ast.Argument, c, c[0], c[2])

    def rule_positional(self, c: Pieces) -> Any:
        return self._node(ast.Argument, c, None, c[0])

    def rule_string(self, c: Pieces) -> Any:
        return ast.String(self._span(c), str(c[0])[1:-1])

    def rule_reference(self, c: Pieces) -> Any:
        name = str(c[0])
        if name in faults.CONSTANTS:
            return ast.Constant(self._span(c), faults.CONSTANTS[name])
        return ast.Reference(self._span(c), name)

    def rule_group(self, c: Pieces) -> Any:
        return self._nested(replace(c[1], span=self._span(c)), c)

    def rule_tuple(self, c: Pieces) -> Any:
        return self._node(ast.TupleExpression, c, self._nodes(c))

    def rule_number(self, c: Pieces) -> Any:
        return ast.Number(self._span(c), str(c[0]), str(c[1]) if len(c) > 1 else None)

    def rule_list(self, c: Pieces) -> Any:
        return self._node(ast.ListExpression, c, self._nodes(c))

    def rule_comprehension(self, c: Pieces) -> Any:
        return self._node(ast.Comprehension, c, c[1], self._identifier(c[3]), c[5])

    def rule_table(self, c: Pieces) -> Any:
        return self._node(ast.Table, c, self._nodes(c))

    def rule_row(self, c: Pieces) -> Any:
        return self._node(ast.Row, c, self._nodes(c))

    def rule_cell(self, c: Pieces) -> Any:
        return ast.Absent(self._span(c)) if isinstance(c[0], str) else c[0]


class _Arguments(ast.Node):
    """The parenthesised arguments of a call, until `call` takes them."""

    __slots__ = ("arguments",)

    def __init__(self, span: Span, arguments: tuple[ast.Argument, ...]) -> None:
        super().__init__(span)
        object.__setattr__(self, "arguments", arguments)
