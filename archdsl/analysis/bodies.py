"""What a function or a block does: the entries of its body, one after the other."""

from __future__ import annotations

from archdsl.analysis.context import AlreadyReported, Context
from archdsl.analysis.evaluate import bounded
from archdsl.analysis.lists import grow
from archdsl.analysis.program import Definition
from archdsl.analysis.trace import fault
from archdsl.analysis.values import (
    Environment,
    Origin,
    Value,
    kind_of,
)
from archdsl.syntax import ast


def body_value(ctx: Context, definition: Definition, env: Environment) -> Value:
    """Run the entries of a fn's or block's body; the value of `return`."""
    declaration = definition.declaration
    if declaration.value is not None:
        return ctx.evaluate(declaration.value, env)
    for entry in declaration.body.entries if declaration.body is not None else ():
        match entry:
            case ast.Binding():
                bind_names(ctx, entry, env)
            case ast.Element():
                grow(ctx, entry, env)
            case ast.Require():
                require(ctx, entry, env)
            case ast.Return(values=values):
                if len(values) == 1:
                    return ctx.evaluate(values[0], env)
                return bounded(ctx, tuple([ctx.evaluate(v, env) for v in values]), entry, env)
            case ast.Field():
                break  # the resolver refused it, or it is the beginning of a line
            case _:
                pass  # `fit` ran before; the resolver refused everything else
    raise AlreadyReported


def bind_names(ctx: Context, entry: ast.Binding, env: Environment) -> None:
    """`a = value`, or `a, b = value` for a list of that many."""
    value = ctx.evaluate(entry.value, env)
    if len(entry.names) == 1:
        env.bind(entry.names[0].text, value, Origin(entry.value, env))
        return
    if not isinstance(value, tuple) or len(value) != len(entry.names):
        has = f"{len(value)} values" if isinstance(value, tuple) else kind_of(value)
        raise fault("E309", f"{len(entry.names)} names stand before `=` and {has} behind it", entry, env)
    for name, part in zip(entry.names, value, strict=True):
        env.bind(name.text, part, Origin(entry.value, env))


def require(ctx: Context, entry: ast.Require, env: Environment) -> None:
    if not ctx.holds(entry.condition, env):
        condition = entry.condition.span.text
        raise fault("E312", f"`require {condition}` does not hold", entry.condition, env)


__all__ = ["bind_names", "body_value", "require"]
