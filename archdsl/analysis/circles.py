"""Declarations that use themselves, directly or through others (E208)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from archdsl.analysis.program import children, walk
from archdsl.diagnostics import Diagnostic
from archdsl.source import Span
from archdsl.syntax import ast

AROUND = ("each", "tied", "reweighted")
"""The words of laws that take a law, as their last argument."""


class Circle(NamedTuple):
    """Declarations each of which uses the next, and the last the first."""

    names: tuple[str, ...]
    diagnostic: Diagnostic


def circles(tree: ast.File) -> Iterator[Circle]:
    """The circles among the declarations of a file, each told where it closes."""
    uses = {item.name.text: _uses(item) for item in tree.items if isinstance(item, ast.Declaration)}
    state: dict[str, int] = {}
    for start in uses:
        yield from _followed(start, uses, state)


def _uses(item: ast.Declaration) -> dict[str, Span]:
    """The names that a declaration takes from outside, each where it stands first."""
    written = item.parameters
    own = {p.name.text for p in (*written.first, *(written.second or ()))} if written is not None else set()
    nodes = walk(item)
    bound = [b for b in nodes if isinstance(b, ast.Binding | ast.Element | ast.Draw)]
    local = own | {name.text for b in bound for name in b.names}
    laws = {id(word) for draw in nodes if isinstance(draw, ast.Draw) for word in _laws(draw.domain)}
    columns = {id(cell) for table in nodes if isinstance(table, ast.Table) for cell in table.rows[0].cells}
    used: dict[str, Span] = {item.refines.text: item.refines.span} if item.refines is not None else {}
    for node in references(item, frozenset(local)):
        if id(node) not in columns and id(node) not in laws:
            used.setdefault(node.name, node.span)
    return used


def _laws(domain: ast.Expression) -> Iterator[ast.Expression]:
    """The words of a law, which are no names: `each` and `int` of `each(4, int(1 .. 2))`."""
    while isinstance(domain, ast.Call):
        yield domain.function
        around = isinstance(domain.function, ast.Reference) and domain.function.name in AROUND
        if not around or not domain.arguments:
            return
        domain = domain.arguments[-1].value


def _followed(start: str, uses: Mapping[str, Mapping[str, Span]], state: dict[str, int]) -> Iterator[Circle]:
    """Depth-first over the uses, without recursion; a name met while it is open closes a circle."""
    if state.get(start):
        return
    stack = [(start, iter(uses[start].items()))]
    state[start] = 1
    while stack:
        name, rest = stack[-1]
        step = next(rest, None)
        if step is None:
            state[name] = 2
            stack.pop()
            continue
        target, span = step
        if target not in uses:
            continue
        if state.get(target) == 1:
            chain = [n for n, _ in stack]
            circle = tuple(chain[chain.index(target) :])
            shown = " -> ".join([*circle, target] if len(circle) <= 8 else [*circle[:4], "…", *circle[-3:], target])
            yield Circle(circle, Diagnostic("E208", f"`{target}` uses itself: {shown}", span))
        elif not state.get(target):
            state[target] = 1
            stack.append((target, iter(uses[target].items())))


def references(item: ast.Node, local: frozenset[str]) -> Iterator[ast.Reference]:
    """What an item refers to beside its local names, in its order; a loop's variable is one within the loop."""
    waiting: list[tuple[ast.Node, frozenset[str]]] = [(item, local)]
    while waiting:
        node, known = waiting.pop()
        if isinstance(node, ast.Reference) and node.name not in known:
            yield node
        below: list[tuple[ast.Node, frozenset[str]]] = []
        for child in children(node):
            looped = isinstance(node, ast.Comprehension | ast.Element) and child is not node.source and node.variable
            below.append((child, known | {looped.text} if looped else known))
        waiting += reversed(below)
