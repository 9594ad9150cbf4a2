"""Expressions to values: atoms and operators.

Each function is the rule of one kind of expression; `EXPRESSIONS` is their table. A fault is raised as `Fault`; what
depends on a value that could not be had raises `AlreadyReported`: the fault is reported once, where the value was lost.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

from archdsl import limits, numbers
from archdsl.analysis.context import AlreadyReported, Context, Rule
from archdsl.analysis.names import unknown_name, unknown_part
from archdsl.analysis.operators import applied, combine, is_symbolic, number_fault, ordered, whole_number
from archdsl.analysis.prelude import PRELUDE
from archdsl.analysis.program import Builtin, Definition, Instance, Primitive, Unresolved, walk
from archdsl.analysis.trace import fault, show_value
from archdsl.analysis.values import (
    UNKNOWN,
    Block,
    Environment,
    Function,
    Indices,
    ManyLists,
    OldValues,
    Origin,
    Scaling,
    Sequence,
    Setting,
    Tensor,
    Value,
    extent,
    is_list,
    kind_of,
    parts_of,
    single,
)
from archdsl.diagnostics import Diagnostic, Fault
from archdsl.graph.cost import SUFFIXES
from archdsl.graph.shapes import Range, Size, noun, show_shape
from archdsl.numbers import NumberError
from archdsl.syntax import ast

_MISSING: Any = object()
_GROUPS = frozenset({Indices, OldValues})
_LONG = 32
_FEW = 3
"""Elements of a list for which nothing is looked for that is the same in each."""
_LITERALS = (ast.Number, ast.Constant, ast.String)
PLAIN = 256
"""Bits of the whole numbers that cost no more than the step that makes them."""
_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": numbers.add,
    "-": numbers.subtract,
    "*": numbers.multiply,
    "/": numbers.divide,
    "//": numbers.floor_divide,
    "%": numbers.modulo,
    "^": numbers.power,
}
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@lru_cache(maxsize=4096)
def literal(text: str) -> int | Fraction:
    """The exact value of a number as written. Raises `NumberError` where it is too large."""
    digits, scale = (text[:-1], SUFFIXES[text[-1]]) if text[-1] in SUFFIXES else (text, 0)
    mantissa, _, exponent = digits.replace("E", "e").partition("e")
    if len(mantissa) > 400 or len(exponent) > 4:
        raise NumberError("limit", f"the number {text[:20]}… is too large to be written out")
    power = int(exponent or 0) + scale
    if abs(power) > 400:
        raise NumberError("limit", f"the number {text} is too large or too small")
    return numbers.normalise(Fraction(mantissa) * Fraction(10) ** power)


def weight(value: Value) -> int:
    """The steps that an operation on a number costs beside its own: those of its length, and for a list of all."""
    kind = type(value)
    if kind is int or kind is Fraction or kind is bool:
        return numbers.size(value) // PLAIN  # type: ignore[arg-type]
    if not isinstance(value, tuple):
        return 0
    found = len(value)
    for part in value:
        if type(part) is not int or part.bit_length() > PLAIN:
            found += weight(part)
    return found


# Atoms


def _number(_: Context, e: ast.Number, env: Environment) -> Value:
    if e.unit is not None:
        raise Fault(
            Diagnostic("E301", f"`{e.unit}` has a meaning in recipes only, behind a number that stands alone", e.span)
        )
    try:
        return literal(e.text)
    except NumberError as error:
        raise number_fault(error, e, env) from None


def _reference(ctx: Context, e: ast.Reference, env: Environment) -> Value:
    """The value of a name. `stage` and the other groups have attributes alone: `stage` by itself is the block."""
    scope: Environment | None = env
    name = e.name
    group: Value = _MISSING
    while scope is not None:
        names = scope.names
        if name in names:
            value = names[name]
            if value is UNKNOWN:
                raise AlreadyReported
            if type(value) not in _GROUPS:
                return value
            group = value if group is _MISSING else group
        scope = scope.parent
    if group is _MISSING or name in env.module.names:
        return _named(ctx, e, env)
    return group


def _whole_of(ctx: Context, e: ast.Expression, env: Environment) -> Value:
    """What stands before a `.`: by its name a group such as `stage`, which nothing else can be meant by there."""
    if isinstance(e, ast.Reference):
        scope: Environment | None = env
        while scope is not None:
            if isinstance(value := scope.names.get(e.name), Indices | OldValues):
                return value
            scope = None if e.name in scope.names else scope.parent
    return ctx.evaluate(e, env)


def _named(ctx: Context, e: ast.Reference, env: Environment) -> Value:
    """The value of a name of the module or of the prelude."""
    named = env.module.names.get(e.name) or PRELUDE.get(e.name)
    match named:
        case Definition(kind="fn") | Builtin():
            return Function(named)
        case Definition(kind="block") | Primitive():
            return Block(named, span=e.span)
        case Definition(kind="scaling"):
            return ctx.language.declared(ctx, named, None, e, env)
        case Definition(kind="model" | "recipe") | Instance():
            return ctx.language.declared(ctx, named, {}, e, env)
        case None:
            if env.module.incomplete:
                raise AlreadyReported
            raise _unknown_name(e, env)
        case Unresolved():
            raise AlreadyReported
        case _:
            raise Fault(Diagnostic("E212", f"`{e.name}` is a {named.kind} and cannot stand here", e.span))


def _unknown_name(e: ast.Reference, env: Environment) -> Fault:
    known: set[str] = set(env.module.names) | set(PRELUDE)
    scope: Environment | None = env
    while scope is not None:
        known.update(scope.names)
        scope = scope.parent
    return unknown_name(e, known, env.module)


def _list(ctx: Context, e: ast.ListExpression | ast.TupleExpression, env: Environment) -> Value:
    known = ctx.literals.get(id(e))
    if known is not None and known[0] is e:
        ctx.spend(1, e, env)
        return known[1]
    ctx.spend(len(e.items), e, env)
    rules = ctx.rules
    value = bounded(ctx, tuple([rules[type(item)](ctx, item, env) for item in e.items]), e, env)
    if len(e.items) >= _LONG and all(isinstance(item, _LITERALS) for item in e.items):
        ctx.literals[id(e)] = (e, value)
    return value


def bounded(ctx: Context, value: Value, e: ast.Node, env: Environment) -> Value:
    """A value that was made of others, refused if it holds too many of them."""
    parts = parts_of(value)
    if any(isinstance(part, tuple | Block | Sequence | Scaling) for part in parts):
        size = extent(value, limits.MAX_LIST, limits.MAX_NESTING)
        if size is None:
            most, deepest = f"{limits.MAX_LIST:,}", limits.MAX_NESTING
            message = f"{kind_of(value)} that holds more than {most} values, or holds them {deepest} levels deep"
            raise fault("E394", message, e, env)
        ctx.spend(size, e, env)
    elif isinstance(value, tuple) and len(value) > limits.MAX_LIST:
        raise fault("E394", f"a list of {len(value):,} elements; at most {limits.MAX_LIST:,}", e, env)
    return value


def run_over(ctx: Context, source: ast.Expression, env: Environment) -> Any:
    """What a `for` runs over: the elements of a list, or the whole numbers of a range."""
    value = ctx.evaluate(source, env)
    if isinstance(value, Range):
        low, high = whole_number(value.lo, source, env), whole_number(value.hi, source, env)
        if high - low >= limits.MAX_LIST:
            length = show_value(high - low + 1)
            raise fault("E394", f"a list of {length} elements; at most {limits.MAX_LIST:,}", source, env)
        return range(low, high + 1)
    if is_list(value):
        return value
    raise fault("E301", f"`for` goes over a list or a range, not over {kind_of(value)}", source, env)


def _comprehension(ctx: Context, e: ast.Comprehension, env: Environment) -> Value:
    items = run_over(ctx, e.source, env)
    body = walk(e.body)
    ctx.spend(len(items) * (3 + len(body)), e, env)
    found = []
    frame = env.frame
    origin, rule = Origin(e.source, env), ctx.rules[type(e.body)]
    plain = frame is None and ctx.ties is None
    fixed = _fixed(body, e.variable.text) if plain and len(items) > _FEW else ()
    ctx.fixed.update(dict.fromkeys(fixed))
    known: dict[int, tuple[Value, int]] = {}
    """What the body makes of a whole number, with its steps: of equal ones the same, where it builds nothing."""
    try:
        for index, item in enumerate(items):
            again = known.get(item) if type(item) is int else None
            if again is not None:
                ctx.spend(again[1], e, env)
                found.append(again[0])
                continue
            inner = Environment(env.module, env)
            if frame is not None:
                inner.frame = replace(frame, suffix=f"{frame.suffix}.{index}")
            inner.bind(e.variable.text, item, origin)
            before = ctx.steps
            found.append(rule(ctx, e.body, inner))
            if plain and type(item) is int:
                known[item] = found[-1], ctx.steps - before
    finally:
        for call in fixed:
            ctx.fixed.pop(call, None)
    return bounded(ctx, tuple(found), e, env)


def _fixed(body: list[ast.Node], variable: str) -> list[int]:
    """The calls in a comprehension's body that are the same for every element, by their identities: `log(w_m)`.

    What a comprehension within it binds is another for each of its elements.
    """

    def varies(node: ast.Node) -> bool:
        return node.name == variable if isinstance(node, ast.Reference) else isinstance(node, ast.Comprehension)

    return [id(call) for call in body if type(call) is ast.Call and not any(map(varies, walk(call)))]


def _misplaced_table(_: Context, e: ast.Table | ast.Absent, __: Environment) -> Value:
    what = "a table" if isinstance(e, ast.Table) else "a lone `-`"
    raise Fault(Diagnostic("E204", f"{what} may stand only in `stages` and in `models`", e.span))


def _range(ctx: Context, e: ast.Range, env: Environment) -> Value:
    return Range(numeric(ctx, e.low, env), numeric(ctx, e.high, env))


def _size(ctx: Context, e: ast.SizeExpression, env: Environment) -> Value:
    return Size([numeric(ctx, extent, env) for extent in e.extents])


def numeric(ctx: Context, e: ast.Expression, env: Environment) -> Value:
    """The value of an expression that must be a number."""
    value = ctx.evaluate(e, env)
    if ordered(value):
        return value
    raise fault("E301", f"a number is needed here, not {kind_of(value)}", e, env)


# Operators


def _unary(ctx: Context, e: ast.Unary, env: Environment) -> Value:
    if e.operator == "not":
        return not ctx.holds(e.operand, env)
    value = ctx.evaluate(e.operand, env)
    if isinstance(tensor := single(value), Tensor):
        return applied(ctx, "scale", {"factor": Setting(-1)}, (tensor,), e, env)
    if not ordered(value):
        raise fault("E301", f"a number is needed here, not {kind_of(value)}", e.operand, env)
    try:
        return numbers.negate(value)
    except NumberError as error:
        raise number_fault(error, e, env) from None


def _arithmetic(ctx: Context, e: ast.Arithmetic, env: Environment) -> Value:
    rules = ctx.rules
    one, other = e.left, e.right
    left, right = rules[type(one)](ctx, one, env), rules[type(other)](ctx, other, env)
    before = numbers.work()
    try:
        value: Value = _ARITHMETIC[e.operator](left, right)
    except NumberError as error:
        raise number_fault(error, e, env) from None
    except TypeError:
        return combine(ctx, e, left, right, env)
    if type(value) is not int or value.bit_length() > PLAIN:
        ctx.spend(numbers.work() - before + weight(value), e, env)
    return value


def _comparison(ctx: Context, e: ast.Comparison, env: Environment) -> Value:
    values = [ctx.evaluate(o, env) for o in e.operands]
    before = numbers.work()
    try:
        return compared(e, values, env)
    finally:
        ctx.steps += numbers.work() - before + weight(tuple(values))  # the next step is where it is too much


def compared(e: ast.Comparison, values: list[Value], env: Environment) -> bool:
    """Whether a comparison holds between the values of its operands. Raises `Fault`."""
    for index, sign in enumerate(e.operators):
        left, right = values[index], values[index + 1]
        if sign in ("==", "!="):
            if _equal(left, right, e, env) != (sign == "=="):
                return False
            continue
        if not (ordered(left) and ordered(right)):
            kinds = f"{kind_of(left)} and {kind_of(right)}"
            raise fault("E310", f"`{sign}` does not work between {kinds}", e, env)
        try:
            if is_symbolic(left) or is_symbolic(right):
                holds = _ORDER[sign](left, right)  # a symbol notes what was asked, and no more
            else:
                holds = _ORDER[sign](numbers.compare(left, right), 0)
            if not holds:
                return False
        except NumberError as error:
            raise number_fault(error, e, env) from None
        except TypeError:
            raise fault("E310", f"`{sign}` has no closed form for an irrational number", e, env) from None
    return True


def _equal(left: Value, right: Value, e: ast.Node, env: Environment) -> bool:
    if ordered(left) and ordered(right):
        try:
            if is_symbolic(left) or is_symbolic(right):
                return bool(left == right)
            return numbers.compare(left, right) == 0
        except NumberError as error:
            raise number_fault(error, e, env) from None
    if left is None or right is None:
        return left is right
    if not all(ordered(value) or isinstance(value, str | bool) for value in (left, right)):
        kinds = f"{kind_of(left)} and {kind_of(right)}"
        raise fault("E310", f"`==` does not work between {kinds}", e, env)
    return type(left) is type(right) and bool(left == right)


def _logical(ctx: Context, e: ast.Logical, env: Environment) -> Value:
    if e.operator == "and":
        return ctx.holds(e.left, env) and ctx.holds(e.right, env)
    return ctx.holds(e.left, env) or ctx.holds(e.right, env)


def _conditional(ctx: Context, e: ast.Conditional, env: Environment) -> Value:
    return ctx.evaluate(e.then if ctx.holds(e.condition, env) else e.otherwise, env)


def _attribute(ctx: Context, e: ast.Attribute, env: Environment) -> Value:
    value = single(_whole_of(ctx, e.value, env))
    name = e.name.text
    known: tuple[str, ...] = ()
    if isinstance(value, Tensor):
        known = ("channels", "height", "width", "tokens")
        if name in known:
            extents = ("channels", "tokens") if len(value.shape) == 2 else known[: len(value.shape)]
            if name in extents:
                extent_: Value = value.shape[extents.index(name)]
                return extent_
            verb = "have" if len(value.shape) == 2 else "has"
            message = f"{noun(value.shape)} of {show_shape(value.shape)} {verb} no {name}"
            help_ = f"`{e.value.span.text} -> tokens` has them" if len(value.shape) == 3 else None
            raise fault("E403", message, e, env, help=help_)
    elif isinstance(value, Indices | OldValues):
        known = tuple(value.values)
        if name in value.values:
            found = value.values[name]
            if found is UNKNOWN:
                raise AlreadyReported
            return found
    elif is_list(value):
        known = ("count",)
        if name == "count":
            return value.many if isinstance(value, ManyLists) else len(value)
    else:
        raise fault("E310", f"{kind_of(value)} has no attributes", e, env)
    raise unknown_part(e.name, known, kind_of(value))


def _hole(_: Context, __: ast.Hole, ___: Environment) -> Value:
    raise AlreadyReported


EXPRESSIONS: Mapping[type[ast.Node], Rule] = {
    ast.Number: _number,
    ast.Hole: _hole,
    ast.String: lambda _, e, __: e.value,
    ast.Constant: lambda _, e, __: e.value,
    ast.Reference: _reference,
    ast.ListExpression: _list,
    ast.TupleExpression: _list,
    ast.Comprehension: _comprehension,
    ast.Absent: _misplaced_table,
    ast.Table: _misplaced_table,
    ast.Range: _range,
    ast.SizeExpression: _size,
    ast.Unary: _unary,
    ast.Arithmetic: _arithmetic,
    ast.Comparison: _comparison,
    ast.Logical: _logical,
    ast.Attribute: _attribute,
    ast.Conditional: _conditional,
}
"""The rules of atoms and operators."""
