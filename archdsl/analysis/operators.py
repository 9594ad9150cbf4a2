"""Operators of tensors: each is one operation of the network, with the name of its place in the text."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from fractions import Fraction

from archdsl import numbers
from archdsl.analysis.context import Context
from archdsl.analysis.labels import OF_TENSORS
from archdsl.analysis.program import Primitive, walk
from archdsl.analysis.trace import fault, show_value
from archdsl.analysis.values import (
    Block,
    Environment,
    Function,
    Origin,
    Output,
    Sequence,
    Setting,
    Tensor,
    Value,
    is_list,
    kind_of,
    single,
)
from archdsl.diagnostics import Fault
from archdsl.graph.blocks import NO_NAMES
from archdsl.graph.operations import OPERATIONS
from archdsl.graph.symbolic import StandIn
from archdsl.numbers import NumberError, is_number
from archdsl.syntax import ast


def is_symbolic(value: Value) -> bool:
    """Whether a value stands for a number: it has a formula beside it, or is that of many networks."""
    return isinstance(value, StandIn)


def ordered(value: Value) -> bool:
    """Whether a value is a number, or stands for one."""
    return is_number(value) or isinstance(value, StandIn)


def number_fault(error: NumberError, e: ast.Node, env: Environment) -> Fault:
    """What has no value, one that is too large, or one that no rule decides."""
    help_ = "write one of the numbers in decimal digits, or leave a margin" if error.kind == "undecided" else None
    return fault("E307" if error.kind == "domain" else "E308", str(error), e, env, help=help_)


def combine(ctx: Context, e: ast.Arithmetic, left: Value, right: Value, env: Environment) -> Value:
    """Arithmetic of tensors with each other and with numbers; every other mixture is a fault."""
    if isinstance(left, Tensor) or isinstance(right, Tensor):
        left, right = single(left), single(right)
    if e.operator in OF_TENSORS:
        if isinstance(left, Tensor) and isinstance(right, Tensor):
            return applied(ctx, OF_TENSORS[e.operator], {}, (left, right), e, env)
        if isinstance(left, Tensor) and ordered(right):
            return applied(ctx, *_with_number(e, left, right, env), (left,), e, env)
        if ordered(left) and isinstance(right, Tensor):
            return applied(ctx, *_with_number(e, left, right, env), (right,), e, env)
    kinds = f"{kind_of(left)} and {kind_of(right)}"
    help_ = None
    if isinstance(left, Block | Sequence | Function) or isinstance(right, Block | Sequence | Function):
        help_ = _parenthesized(e, env)
    elif e.operator in ("+", "*") and (_are_tensors(left) or _are_tensors(right)):
        joins = "add" if e.operator == "+" else "mul"
        help_ = f"write `{joins}({e.left.span.text}, {e.right.span.text})`: it takes the tensors of lists"
    elif isinstance(left, Tensor) or isinstance(right, Tensor):
        help_ = "tensors are joined with each other and with numbers by `+`, `-`, `*` and `/`"
        if e.operator == "^":
            help_ += "; there are `square(…)` and `sqrt(…)`"
    elif e.operator in OF_TENSORS and isinstance(single(left), Tensor) and isinstance(single(right), Tensor):
        first, second = e.left.span.text, e.right.span.text
        help_ = f"each is a list of one tensor: write `{first}[0] {e.operator} {second}[0]`"
    elif isinstance(left, Output) or isinstance(right, Output):
        help_ = f"a block calculates with tensors: `block joined(a, b) = a {e.operator} b`"
    elif e.operator == "+" and isinstance(left, tuple):
        help_ = "write one list, or a comprehension"
    raise fault("E310", f"`{e.operator}` does not work between {kinds}", e, env, help=help_)


def _are_tensors(value: Value) -> bool:
    """Whether a value is a list of several tensors."""
    return is_list(value) and len(value) > 1 and all(isinstance(part, Tensor) for part in value)


def _with_number(e: ast.Arithmetic, left: Value, right: Value, env: Environment) -> tuple[str, dict[str, Setting]]:
    """The operation that joins a tensor with a number, and its settings."""
    behind = isinstance(left, Tensor)
    number, written = (right, e.right) if behind else (left, e.left)
    try:
        match e.operator:
            case "+":
                return "affine", {"term": _exact(number, written, env)}
            case "-" if behind:
                return "affine", {"term": _exact(numbers.negate(number), e, env)}
            case "-":
                return "affine", {"factor": Setting(-1), "term": _exact(number, written, env)}
            case "*":
                return "scale", {"factor": _exact(number, written, env)}
            case _ if behind:
                return "scale", {"factor": _exact(numbers.divide(1, number), e, env)}
            case _:
                return "reciprocal", {"numerator": _exact(number, written, env)}
    except NumberError as error:
        if behind and error.kind == "domain":
            raise fault("E307", "division of a tensor by zero", e, env) from None
        raise number_fault(error, e, env) from None


def _exact(number: Value, written: ast.Expression, env: Environment) -> Setting:
    """A number as a setting; the nearest double of one that no fraction is."""
    if isinstance(number, numbers.Irrational):
        number = Fraction(numbers.approximate(number))
    return Setting(number, Origin(written, env))


def applied(
    ctx: Context,
    name: str,
    settings: Mapping[str, Setting],
    inputs: tuple[Tensor, ...],
    e: ast.Arithmetic | ast.Unary,
    env: Environment,
) -> Value:
    """The operation that an operator stands for."""
    names: dict[str, str] = {}
    for setting, given in settings.items():
        written = given.origin.expression if given.origin is not None else None
        if env.frame is not None and isinstance(written, ast.Reference):
            local = env.frame.definition.local_name(written)
            names |= {setting: local} if local is not None else {}
    block = Block(Primitive(name, OPERATIONS[name]), settings)
    return ctx.language.apply(ctx, block, inputs, e, env, names or NO_NAMES)


def _parenthesized(e: ast.Arithmetic, env: Environment) -> str:
    """The edit where an operator took a step of an arrow as its operand: `x -> conv(8) + x`."""
    declaration = env.frame.definition.declaration if env.frame is not None else None
    for node in walk(declaration) if declaration is not None else ():
        if isinstance(node, ast.Flow) and node.right is e:
            flow = f"({node.left.span.text} -> {e.left.span.text})"
            return f"an arrow binds loosest: write `{flow} {e.operator} {e.right.span.text}`"
        if isinstance(node, ast.Flow) and node.left is e:
            flow = f"({e.right.span.text} -> {node.right.span.text})"
            return f"an arrow binds loosest: write `{e.left.span.text} {e.operator} {flow}`"
    return f"lead a tensor into each block first: `(x -> …) {e.operator} (x -> …)`"


def whole_number(value: Value, node: ast.Node, env: Environment) -> int:
    """A value that must be a whole number."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, StandIn):
        return operator.index(value)
    raise fault("E303", f"{show_value(value)} is not a whole number", node, env)
