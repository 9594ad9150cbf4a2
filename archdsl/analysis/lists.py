"""Lists that grow: `y[0] = x`, then `y[i] = y[i - 1] -> layer for i in 1 .. n`; and what lists hold, in words.

The elements of a list stand one after the other in the text, in the order of their indices; each sees the list so far.
"""

from __future__ import annotations

from dataclasses import replace

from archdsl import limits
from archdsl.analysis.context import AlreadyReported, Context
from archdsl.analysis.evaluate import run_over
from archdsl.analysis.operators import ordered, whole_number
from archdsl.analysis.program import walk
from archdsl.analysis.trace import fault, show_value
from archdsl.analysis.values import Environment, Origin, Value, extent, is_list, kind_of
from archdsl.graph.shapes import Size
from archdsl.syntax import ast

COPIED = 64
"""Elements of a list that are copied in the time of one step."""


def grow(ctx: Context, entry: ast.Element, env: Environment) -> None:
    """Add elements to a list: one, or one for each value of a variable."""
    name = entry.path.head.text
    known = env.names.get(name, ())
    if not is_list(known):
        raise AlreadyReported  # the name has another value, which the resolver refused
    made = Origin(entry.value, env)
    size = extent(known, limits.MAX_LIST, limits.MAX_NESTING) or 0
    if entry.variable is None or entry.source is None:
        found, _ = _next(ctx, entry, _scope(name, known, made, env), known, size)
        env.bind(name, found, made)
        return
    items = run_over(ctx, entry.source, _scope(name, known, made, env))
    ctx.spend(len(items) * (3 + len(walk(entry.value))), entry, env)
    origin = Origin(entry.source, env)
    for item in items:
        inner = _scope(name, known, made, env)
        inner.bind(entry.variable.text, item, origin)
        known, size = _next(ctx, entry, inner, known, size)
    env.bind(name, known, made)


def _scope(name: str, known: tuple[Value, ...], made: Origin, env: Environment) -> Environment:
    """What an element sees: the list so far, and the names around it."""
    found = Environment(env.module, env)
    found.bind(name, known, made)
    return found


def _next(
    ctx: Context, entry: ast.Element, inner: Environment, known: tuple[Value, ...], size: int
) -> tuple[tuple[Value, ...], int]:
    """A list with its next element, and how many values it then holds; `inner` is what the element sees."""
    index = whole_number(ctx.evaluate(entry.index, inner), entry.index, inner)
    if index != len(known):
        name = entry.path.head.text
        message = f"this is element {show_value(index)} of `{name}`, which has {len(known)} so far"
        raise fault("E311", message, entry.index, inner, help=f"the next is `{name}[{len(known)}]`")
    if inner.frame is not None:
        inner.frame = replace(inner.frame, element=str(index))
    value = ctx.evaluate(entry.value, inner)
    held = extent(value, limits.MAX_LIST - size - 1, limits.MAX_NESTING - 1)
    if held is None:
        most, deepest = f"{limits.MAX_LIST:,}", limits.MAX_NESTING
        message = f"a list that holds more than {most} values, or holds them {deepest} levels deep"
        raise fault("E394", message, entry, inner)
    ctx.spend(held + len(known) // COPIED, entry, inner)
    return (*known, value), size + 1 + held


def items_of(value: Value) -> str:
    """What a value is, of a list what its items are: `a list of tensors`, `an empty list`."""
    if not isinstance(value, tuple) or isinstance(value, Size):
        return kind_of(value)
    kinds = list(dict.fromkeys(kind_of(item) for item in value))
    if len(kinds) == 1:
        return f"a list of {_PLURALS.get(kinds[0]) or kinds[0].split(' ', 1)[-1] + 's'}"
    strange = next((i for i, item in enumerate(value) if not ordered(item)), None)
    return "an empty list" if strange is None else f"a list whose element {strange} is {kind_of(value[strange])}"


_PLURALS = {
    "a condition": "conditions",
    "an index": "indices",
    "none": "nones",
    "a sequence of blocks": "sequences of blocks",
    "a group of settings": "groups of settings",
    "a budget to solve for": "budgets to solve for",
}
