"""Calls: functions with their arguments, blocks with their settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

from archdsl import limits, numbers
from archdsl.analysis.context import AlreadyReported, Context, Rule, Tie
from archdsl.analysis.evaluate import PLAIN, bounded, numeric, weight
from archdsl.analysis.lists import grow, items_of
from archdsl.analysis.names import misplaced, plural, setting_names, unknown_argument, unknown_setting
from archdsl.analysis.operators import number_fault, ordered
from archdsl.analysis.outputs import outputs_of
from archdsl.analysis.prelude import PRELUDE
from archdsl.analysis.program import Builtin, Definition, Instance, Named, Primitive
from archdsl.analysis.trace import fault
from archdsl.analysis.traces import Called
from archdsl.analysis.values import (
    Block,
    Environment,
    Function,
    Origin,
    Output,
    Scaling,
    Sequence,
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
from archdsl.graph.operations import OPERATIONS
from archdsl.graph.operations.kinds import Maker
from archdsl.graph.shapes import Size
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
        _spend_inputs(ctx, len(tensors), block, e, env)
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


# Blocks


def call_block(ctx: Context, block: Block, e: ast.Call, env: Environment, fed: tuple[Tensor | Output, ...]) -> Value:
    """Configure a block; with tensors among the arguments, or fed by an arrow, apply it.

    With outputs of a model's parts among them, it keeps what flows into it until the network is put together.
    """
    inputs = list(fed)
    settings = dict(block.settings)
    given: set[str] = set()
    names: dict[str, str] = {}
    many, empty, listed = _takes_many(block), None, False
    for argument in e.arguments:
        value = ctx.evaluate(argument.value, _with_words(block, argument.name, env))
        if argument.name is None:
            flowing = tensors_of(value) or outputs_of(value)
            if flowing is not None:
                inputs.extend(flowing)
                listed = listed or is_list(value)
                continue
            if value == () and many:
                empty = argument
                continue
            name = _leading(block, argument, value, given, env)
        else:
            name = argument.name.text
            _check_setting(block, argument.name)
        if name in given:
            raise Fault(Diagnostic("E203", f"`{name}` is given twice", argument.span))
        given.add(name)
        settings[name] = Setting(value, Origin(argument.value, env))
        if env.frame is not None and (local := env.frame.definition.local_name(argument.value)):
            names[name] = local
    configured = among(Block(block.of, settings, e.span, block.inputs), len(inputs), listed=listed)
    outputs = tuple([value for value in inputs if isinstance(value, Output)])
    if outputs:
        return bounded(ctx, replace(configured, inputs=outputs), e, env)
    tensors = tuple([value for value in inputs if isinstance(value, Tensor)])
    if listed and len(tensors) == 1 and folds(configured):
        return tensors[0]
    learned = isinstance(block.of, Primitive) and block.of.operation.learned and env.frame is not None
    _spend_inputs(ctx, len(tensors), block, e, env)
    if tensors or learned:
        return ctx.language.apply(ctx, configured, tensors, e, env, names)
    if empty is not None:
        raise fault("E211", f"nothing flows into `{block.name}`: the list is empty", empty, env)
    return bounded(ctx, configured, e, env)


def _spend_inputs(ctx: Context, count: int, block: Block, e: ast.Call, env: Environment) -> None:
    """Count the tensors that flow in: as many as a list has, at most."""
    if count > limits.MAX_LIST:
        raise fault("E394", f"{count:,} tensors flow into `{block.name}`; at most {limits.MAX_LIST:,}", e, env)
    ctx.spend(count // 2, e, env)


def folds(block: Block | Sequence) -> bool:
    """Whether a block is a sum or product of several: of a list of one tensor, it is that tensor."""
    return isinstance(block, Block) and isinstance(block.of, Primitive) and block.of.operation.folds


def among(block: Block, count: int, *, listed: bool) -> Block:
    """A reduction of several tensors, or of a list, that is not told what it goes over goes over them."""
    if not isinstance(block.of, Primitive) or block.of.operation.among is None or "over" in block.settings:
        return block
    if count < 2 and not (listed and count):
        return block
    name = block.of.operation.among
    return replace(block, of=Primitive(name, OPERATIONS[name]))


def _takes_many(block: Block) -> bool:
    """Whether a block takes as many tensors as there are, so that an empty list stands for none of them."""
    if isinstance(block.of, Primitive):
        operation = block.of.operation
        return operation.arity is None or operation.folds or operation.among is not None
    return block.of.variadic


def _leading(block: Block, argument: ast.Argument, value: Value, given: set[str], env: Environment) -> str:
    if isinstance(block.of, Primitive):
        name = block.of.operation.leading
    else:
        name = block.of.parameter_names[0] if block.of.parameter_names else None
    if isinstance(value, tuple) and not isinstance(value, Size) and (name is None or (given and not value)):
        message = f"`{block.name}` takes tensors and settings by their names, not {items_of(value)}"
        raise fault("E211", message, argument, env)
    if name is None or given:
        message = f"`{block.name}` takes one setting without a name" if name else f"`{block.name}` takes no setting"
        help_ = "name it: `name: value`" if name else None
        raise fault("E211", message + (", the first" if name else " without a name"), argument, env, help=help_)
    return name


def _check_setting(block: Block, name: ast.Identifier) -> None:
    known = setting_names(block.of)
    if name.text not in known:
        raise unknown_setting(name, known, block.name)


def _configured(ctx: Context, e: ast.Configured, env: Environment) -> Value:
    block = ctx.evaluate(e.function, env)
    if not isinstance(block, Block):
        raise fault("E212", f"{kind_of(block)} cannot be configured", e.function, env)
    settings = {**block.settings, **configuration(ctx, block, e.body, env)}
    return bounded(ctx, Block(block.of, settings, e.span, block.inputs), e, env)


def configuration(ctx: Context, block: Block, body: ast.Body, env: Environment) -> dict[str, Setting]:
    """The settings of a `block { name: value … }`."""
    found: dict[str, Setting] = {}
    for entry in body.entries:
        if not isinstance(entry, ast.Field) or len(entry.path.steps) != 1:
            raise Fault(misplaced(entry, "a block's settings", "`name: value`"))
        _check_setting(block, entry.path.head)
        name = entry.path.head.text
        if name in found:
            raise Fault(Diagnostic("E203", f"`{name}` is given twice", entry.path.span))
        value = ctx.evaluate(entry.value, _with_words(block, entry.path.head, env))
        found[name] = Setting(value, Origin(entry.value, env))
    return found


def _with_words(block: Block, setting: ast.Identifier | None, env: Environment) -> Environment:
    """What the expression of a setting sees: of some operations' settings, also the words that these know."""
    if setting is None or not isinstance(block.of, Primitive):
        return env
    words = block.of.operation.words(setting.text)
    if not words:
        return env
    inner = Environment(env.module, env)
    for word, value in words.items():
        if isinstance(value, Maker):
            value = Function(Builtin(word, value.make, 1, 1, named=(value.argument,)))
        inner.bind(word, value)
    return inner


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


CALLS: Mapping[type[ast.Node], Rule] = {ast.Call: _call, ast.Configured: _configured}
"""The rules of calls."""
