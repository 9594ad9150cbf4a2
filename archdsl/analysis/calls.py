"""Calls of functions with their arguments; of blocks, as `configured` says."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from archdsl import numbers
from archdsl.analysis.bodies import body_value
from archdsl.analysis.configured import among, call_block, configured, folds, spend_inputs
from archdsl.analysis.context import Context, Rule, Tie
from archdsl.analysis.evaluate import PLAIN, numeric, weight
from archdsl.analysis.lists import items_of
from archdsl.analysis.names import plural, unknown_argument, unknown_setting
from archdsl.analysis.operators import number_fault, ordered
from archdsl.analysis.prelude import PRELUDE
from archdsl.analysis.program import Builtin, Definition, Instance, Named, Primitive
from archdsl.analysis.trace import fault
from archdsl.analysis.traces import Called
from archdsl.analysis.values import (
    Block,
    Environment,
    Function,
    Origin,
    Scaling,
    Setting,
    Tensor,
    Value,
    is_list,
    kind_of,
    single,
    tensors_of,
)
from archdsl.diagnostics import Diagnostic, Fault
from archdsl.graph.blocks import NO_NAMES
from archdsl.numbers import NumberError
from archdsl.syntax import ast


def _call(ctx: Context, e: ast.Call, env: Environment) -> Value:
    function = callee(ctx, e.function, env)
    if isinstance(function, Function):
        function = function.of
    match function:
        case Builtin():
            return _call_builtin(ctx, function, e, env) if id(e) not in ctx.fixed else _call_once(ctx, function, e, env)
        case Definition(kind="fn"):
            return call_fn(ctx, function, arguments(ctx, function, e, env), e, env)
        case Block():
            return call_block(ctx, function, e, env, ())
        case Scaling():
            given = {**function.arguments, **arguments(ctx, function.of, e, env)}
            return ctx.language.declared(ctx, function.of, given, e, env)
        case Definition() | Instance():
            if isinstance(function, Instance):
                raise fault("E211", f"`{function.name}` is an instance and takes no arguments", e, env)
            return ctx.language.declared(ctx, function, arguments(ctx, function, e, env), e, env)
        case _:
            raise fault("E212", f"{kind_of(function)} cannot be called", e.function, env)


def callee(ctx: Context, e: ast.Expression, env: Environment) -> Value | Definition | Instance | Builtin:
    """What is called: an fn, a model or a recipe by its declaration, anything else by its value."""
    named = _global(e, env)
    if isinstance(named, Builtin) or (
        isinstance(named, Definition | Instance) and named.kind in ("fn", "model", "recipe")
    ):
        return named
    return ctx.evaluate(e, env)


def _global(e: ast.Expression, env: Environment) -> Named | None:
    """What a name means that nothing local has: a declaration of the module or of the prelude."""
    if type(e) is not ast.Reference:
        return None
    name = e.name
    scope: Environment | None = env
    while scope is not None:
        if name in scope.names:
            return None
        scope = scope.parent
    return env.module.names.get(name) or PRELUDE.get(name)


def _call_once(ctx: Context, builtin: Builtin, e: ast.Call, env: Environment) -> Value:
    """A call that is the same for all elements of a comprehension. It takes as many steps each time."""
    held = ctx.fixed[id(e)]
    if held is None:
        before = ctx.steps
        held = ctx.fixed[id(e)] = _call_builtin(ctx, builtin, e, env), ctx.steps - before
    else:
        ctx.spend(held[1], e, env)
    return held[0]


def as_block(value: Any) -> Any:
    """A function of the prelude that is an operation too, as that block; anything else as it is."""
    function = value.of if isinstance(value, Function) else value
    if isinstance(function, Builtin) and function.operation is not None:
        return Block(function.operation)
    return value


def _call_builtin(ctx: Context, builtin: Builtin, e: ast.Call, env: Environment) -> Value:
    if builtin.named:
        return _call_named(ctx, builtin, e, env)
    operation = builtin.operation
    if operation is not None and any(argument.name is not None for argument in e.arguments):
        return call_block(ctx, Block(operation), e, env, ())
    tensors: list[Tensor] = []
    listed = False
    values: list[Value] = []
    rules = ctx.rules
    weights = 0
    for argument in e.arguments:
        if argument.name is not None:
            message = f"`{builtin.name}` takes no argument by name"
            raise Fault(Diagnostic("E202", message, argument.name.span))
        written = argument.value
        value = rules[type(written)](ctx, written, env)
        if operation is not None and (found := _operands(operation, value)):
            tensors += found
            listed = listed or is_list(value)
            continue
        if type(value) is not int or value.bit_length() > PLAIN:
            if not (ordered(value) or _is_countable(builtin, value)):
                message = f"`{builtin.name}` takes numbers, not {items_of(value)}"
                raise fault("E301", message, written, env, help=_without_numbers(builtin, written, value))
            weights += weight(value)
        values.append(value)
    if operation is not None and tensors:
        if values:
            raise fault("E301", f"`{builtin.name}` takes numbers, or a tensor, and not both", e, env)
        block = among(Block(operation), len(tensors), listed=listed)
        spend_inputs(ctx, len(tensors), block, e, env)
        if listed and len(tensors) == 1 and folds(block):
            return tensors[0]
        return ctx.language.apply(ctx, block, tuple(tensors), e, env, NO_NAMES)
    if not builtin.least <= len(values) <= (builtin.most or len(values)):
        wanted = plural(builtin.least, "argument")
        wanted = wanted if builtin.most == builtin.least else f"at least {wanted}"
        raise fault("E211", f"`{builtin.name}` takes {wanted}, not {len(values)}", e, env)
    if ctx.ties is not None and builtin.name == "round":
        half = values[0]
        if isinstance(half, Fraction) and half.denominator == 2:
            ctx.ties.append(Tie(half, e))
    before = numbers.work()
    try:
        result: Value = builtin.function(*values)
    except NumberError as error:
        raise number_fault(error, e, env) from None
    except TypeError:
        shown = ", ".join(kind_of(v) for v in values)
        raise fault("E301", f"`{builtin.name}` does not take {shown}", e, env) from None
    ctx.spend(numbers.work() - before + len(values) + weights, e, env)
    return result


def _operands(operation: Primitive, value: Value) -> tuple[Tensor, ...] | None:
    """The tensors of an argument; those of a list, where the operation takes several."""
    if operation.operation.among is None:
        value = single(value)
        return (value,) if isinstance(value, Tensor) else None
    return tensors_of(value)


def _call_named(ctx: Context, builtin: Builtin, e: ast.Call, env: Environment) -> Value:
    """A function of one number that is given by its name, with options behind: `normal(std: 1/50)`,
    `solve(flops: 16G, within: 1/100)`."""
    known = (*builtin.named, *builtin.options)
    given: dict[str, ast.Expression] = {}
    for argument in e.arguments:
        name = argument.name
        if name is None:
            raise _one_by_name(builtin, e, env)
        if name.text not in known:
            raise unknown_setting(name, known, builtin.name)
        if name.text in given:
            raise Fault(Diagnostic("E203", f"`{name.text}` is given twice", argument.span))
        given[name.text] = argument.value
    if sum(name in builtin.named for name in given) != 1:
        raise _one_by_name(builtin, e, env)
    made: Value = None
    options: dict[str, Any] = {}
    lead: tuple[Any, ...] = ()
    # Each is tried behind those before it, so that a fault is that of its own value.
    for text in sorted(given, key=known.index):
        value = numeric(ctx, given[text], env)
        if text in builtin.options:
            options[text] = value
        else:
            lead = (text, value) if len(builtin.named) > 1 else (value,)
        try:
            made = builtin.function(*lead, **options)
        except NumberError as error:
            raise number_fault(error, given[text], env) from None
    return made


def _one_by_name(builtin: Builtin, e: ast.Call, env: Environment) -> Fault:
    choices = " or ".join(f"`{builtin.name}({n}: …)`" for n in builtin.named)
    return fault("E211", f"`{builtin.name}` takes one number by its name", e, env, help=f"write {choices}")


def arguments(ctx: Context, definition: Definition, e: ast.Call, env: Environment) -> dict[str, Setting]:
    """The arguments of a fn, model or scaling by parameter: first those in order, then those by name."""
    found: dict[str, Setting] = {}
    names = definition.parameter_names
    for position, argument in enumerate(e.arguments):
        if argument.name is None:
            if position >= len(names):
                message = f"`{definition.name}` takes {plural(len(names), 'argument')}, not {len(e.arguments)}"
                raise fault("E211", message, argument.value, env)
            name = names[position]
        else:
            name = argument.name.text
            if name not in names:
                raise unknown_argument(argument.name, names, definition, e.arguments)
        if name in found:
            raise Fault(Diagnostic("E203", f"`{name}` is given twice", argument.span))
        found[name] = Setting(ctx.evaluate(argument.value, env), Origin(argument.value, env))
    return found


def environment_of(
    ctx: Context, definition: Definition, settings: Mapping[str, Setting], e: ast.Node, env: Environment
) -> Environment:
    """The environment of a definition's body: its parameters with their arguments and defaults."""
    inner = Environment(definition.module)
    for parameter in definition.parameters:
        name = parameter.name.text
        setting = settings.get(name)
        if setting is not None:
            inner.bind(name, setting.value, setting.origin)
        elif parameter.default is not None:
            inner.bind(name, ctx.evaluate(parameter.default, inner), Origin(parameter.default, inner))
        else:
            message = f"`{definition.name}` needs `{name}`"
            raise fault("E306", message, e, env, help=f"{definition.name}({name}: …)")
    return inner


def call_fn(
    ctx: Context, definition: Definition, arguments: Mapping[str, Setting], e: ast.Node, env: Environment
) -> Value:
    """Evaluate a declared fn. Of plain values it gives the same each time, and is evaluated once."""
    key = _key_of_call(ctx, definition, arguments)
    known = ctx.traces.values.get(key) if key is not None else None
    if known is not None:
        ctx.spend(known.steps, e, env)
        found: Value = known.value
        return found
    before, told = ctx.steps, len(ctx.diagnostics)
    ctx.enter(definition, e, env)
    try:
        inner = environment_of(ctx, definition, arguments, e, env)
        value = body_value(ctx, definition, inner)
    finally:
        ctx.leave(definition)
    if key is not None and told == len(ctx.diagnostics) and _is_plain(value):
        ctx.traces.keep_value(key, Called(value, ctx.steps - before, definition.token))
    return value


def _key_of_call(ctx: Context, definition: Definition, arguments: Mapping[str, Setting]) -> Any:
    """What a call is looked up by; none where its arguments are no plain values, or its roundings are asked for."""
    if ctx.ties is not None:
        return None
    given = []
    for name, setting in arguments.items():
        if not _is_plain(setting.value):
            return None
        given.append((name, _typed(setting.value)))
    return id(definition.token), ctx.nesting, tuple(given)


def _is_plain(value: Value) -> bool:
    if type(value) is tuple:
        return all(map(_is_plain, value))
    return type(value) in _PLAIN


def _typed(value: Value) -> Any:
    """A plain value with its type: 1 and `true` are equal."""
    return tuple(map(_typed, value)) if type(value) is tuple else (type(value), value)


_PLAIN = frozenset({int, Fraction, bool, str, type(None)})


def _without_numbers(builtin: Builtin, written: ast.Expression, value: Value) -> str | None:
    """What is meant by a sum of tensors, or by a count of conditions."""
    if not isinstance(value, tuple) or not value:
        return None
    if builtin.name == "sum" and all(isinstance(item, Tensor) for item in value):
        return f"`add({written.span.text})` adds tensors"
    if builtin.lists:
        return f"it has {len(value)}; `sum([1 if c else 0 for c in …])` counts those that hold"
    return None


def _is_countable(builtin: Builtin, value: Value) -> bool:
    """Whether a function of the prelude takes a list: one of numbers; with `lists`, one of anything but conditions, of
    which those that hold may be meant."""
    if not isinstance(value, tuple):
        return False
    if builtin.lists:
        return not value or not all(isinstance(item, bool) for item in value)
    return all(type(item) is int or ordered(item) for item in value)


CALLS: Mapping[type[ast.Node], Rule] = {ast.Call: _call, ast.Configured: configured}
"""The rules of calls."""
