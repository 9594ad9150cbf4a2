"""Tracing: a configured block on inputs of some shapes to its subgraph.

A block says nothing of where it stands. So one with the same settings, on inputs of the same shapes, is traced once:
the subgraph is kept in `Traces` by what it was made of, and every network that has such a block places it.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from archdsl import limits
from archdsl.analysis.build import build
from archdsl.analysis.calls import tensors_of
from archdsl.analysis.context import Context
from archdsl.analysis.program import Definition, Primitive
from archdsl.analysis.traces import Traced
from archdsl.analysis.values import Block, Building, Environment, Function, Sequence, Tensor, Value
from archdsl.graph.network import Builder
from archdsl.graph.network import Value as Place
from archdsl.graph.shapes import Range, Shape
from archdsl.graph.starts import Start
from archdsl.syntax import ast


class _NoKey(Exception):
    """A value by which nothing can be looked up."""


def trace(
    ctx: Context,
    block: Block | Sequence,
    shapes: tuple[Shape, ...],
    path: str,
    site: ast.Node,
    env: Environment,
    *,
    fitted: bool,
    anew: bool = False,
) -> Traced:
    """A block on inputs of some shapes. Raises `Fault` or `AlreadyReported`.

    Path, site and environment are those of faults. `anew`: it is neither looked up nor kept.
    """
    definitions: list[Any] = []
    key = None
    if not anew and ctx.ties is None:
        try:
            # An operation that no block's text names has the place where it stands.
            place = None if isinstance(block, Block) and isinstance(block.of, Definition) else site.span
            key = (_key(block, definitions), shapes, fitted, ctx.nesting, place)
        except _NoKey:
            key = None
    found = ctx.traces.get(key) if key is not None else None
    if found is not None:
        ctx.spend(found.steps, site, env)
        return found
    before, told = ctx.steps, len(ctx.diagnostics)
    builder = Builder(*shapes, max_nodes=limits.MAX_NODES)
    building = Building(builder, None if anew else ctx.traces.bound)
    inputs = tuple([Tensor(Place(-1 - index), shape) for index, shape in enumerate(shapes)])
    value = build(ctx, building, block, inputs, path, site, env, fitted=fitted)
    tensors = tensors_of(value) or ()
    subgraph = builder.subgraph(path, [tensor.place for tensor in tensors])
    traced = Traced(subgraph, ctx.steps - before, isinstance(value, tuple), tuple(definitions))
    if key is not None and len(ctx.diagnostics) == told:
        ctx.traces.keep(key, traced)
    return traced


_KEYED = frozenset({int, bool, str, Fraction, type(None)})
"""Values of these types are the same where they are equal."""


def _key(value: Value, definitions: list[Any]) -> Any:
    """What a block or a value is looked up by; the definitions in it are added to a list. Raises `_NoKey`.

    Where a setting was written is no part of it. A type stands beside each value: 1 and `true` are equal.
    """
    kind = type(value)
    if kind in _KEYED:
        return kind, value
    if isinstance(value, Block):
        of: Any = value.of.operation if isinstance(value.of, Primitive) else value.of
        definitions.append(of)
        return id(of), tuple([(name, _key(s.value, definitions)) for name, s in value.settings.items()])
    if isinstance(value, Sequence):
        return "sequence", tuple([(name, _key(step, definitions)) for name, step in value.steps])
    if isinstance(value, tuple):
        return kind, tuple([_key(part, definitions) for part in value])
    if isinstance(value, Range):
        return "range", _key(value.lo, definitions), _key(value.hi, definitions)
    if isinstance(value, Function):
        definitions.append(value.of)
        return "function", id(value.of)
    if isinstance(value, Start):
        return "start", repr(value)
    raise _NoKey


__all__ = ["trace"]
