"""What flows: arrows between blocks, and blocks to operations of the network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from archdsl import numbers
from archdsl.analysis.bodies import body_value
from archdsl.analysis.calls import as_block, callee
from archdsl.analysis.configured import among, call_block, folds
from archdsl.analysis.context import AlreadyReported, Context, Rule
from archdsl.analysis.evaluate import bounded
from archdsl.analysis.labels import safe_name
from archdsl.analysis.names import plural
from archdsl.analysis.outputs import fed, outputs_of
from archdsl.analysis.program import Definition, Primitive
from archdsl.analysis.settings import settle
from archdsl.analysis.trace import fault, rule_fault, show_value
from archdsl.analysis.values import (
    UNKNOWN,
    Block,
    Building,
    Environment,
    Frame,
    Output,
    Sequence,
    Setting,
    Tensor,
    Value,
    is_list,
    kind_of,
    tensors_of,
)
from archdsl.diagnostics import Fault, Label
from archdsl.graph.blocks import NO_NAMES, WORKED_OUT, Formula, Given
from archdsl.graph.faults import RuleError
from archdsl.graph.network import Value as Place
from archdsl.graph.operations import Operation
from archdsl.graph.operations.kinds import Rational
from archdsl.syntax import ast

# Arrows


def _flow(ctx: Context, e: ast.Flow, env: Environment) -> Value:
    steps = [e.right]
    first: ast.Expression = e.left
    while isinstance(first, ast.Flow):
        steps.append(first.right)
        first = first.left
    value = ctx.evaluate(first, env)
    for step in reversed(steps):
        value = _feed(ctx, step, value, env)
    return value


def _feed(ctx: Context, step: ast.Expression, value: Value, env: Environment) -> Value:
    """Hand a value to the right side of an arrow."""
    if isinstance(step, ast.Optional):
        return _feed(ctx, step.step, value, env) if ctx.holds(step.condition, env) else value
    if isinstance(step, ast.Conditional):
        chosen = step.then if ctx.holds(step.condition, env) else step.otherwise
        return _feed(ctx, chosen, value, env)
    tensors = tensors_of(value)
    if tensors:
        if isinstance(step, ast.Flow):
            return _feed(ctx, step.right, _feed(ctx, step.left, value, env), env)
        if isinstance(step, ast.Call):
            function = as_block(callee(ctx, step.function, env))
            if isinstance(function, Block):
                return call_block(ctx, function, step, env, tensors)
        target = as_block(ctx.evaluate(step, env))
        if isinstance(target, Block | Sequence):
            target = among(target, len(tensors), listed=is_list(value)) if isinstance(target, Block) else target
            if is_list(value) and len(tensors) == 1 and folds(target):
                return tensors[0]
            return apply(ctx, target, tensors, step, env)
        raise fault("E212", f"an arrow leads a tensor into a block, not into {kind_of(target)}", step, env)
    outputs = outputs_of(value)
    if outputs:
        return _feed_outputs(ctx, step, outputs, env)
    value = as_block(value)
    if isinstance(value, Block | Sequence):
        target = as_block(ctx.evaluate(step, env))
        if isinstance(target, Block | Sequence):
            return bounded(ctx, _sequence(value, target), step, env)
        raise fault("E212", f"an arrow leads a block into a block, not into {kind_of(target)}", step, env)
    return ctx.language.lead(ctx, value, step, env)


def _feed_outputs(ctx: Context, step: ast.Expression, outputs: tuple[Output, ...], env: Environment) -> Value:
    """Outputs of a model's parts into a block, which they flow into when the network is put together."""
    if isinstance(step, ast.Call):
        function = as_block(callee(ctx, step.function, env))
        if isinstance(function, Block):
            return call_block(ctx, function, step, env, outputs)
    target = as_block(ctx.evaluate(step, env))
    if isinstance(target, Block | Sequence):
        return bounded(ctx, fed(target, outputs), step, env)
    raise fault("E212", f"an arrow leads what a stage gives into a block, not into {kind_of(target)}", step, env)


def _optional(ctx: Context, e: ast.Optional, env: Environment) -> Value:
    if ctx.holds(e.condition, env):
        return ctx.evaluate(e.step, env)
    first = e.step
    while isinstance(first, ast.Flow):
        first = first.left
    if isinstance(first, ast.Reference) and tensors_of(ctx.evaluate(first, env)) is not None:
        help_ = f"write `{first.name} -> (…) when …`, or `a if … else b`"
        raise fault("E204", "`when` leaves a step of an arrow away, not the start of one", e, env, help=help_)
    return Sequence(())


def _derived(ctx: Context, e: ast.Derived, env: Environment) -> Value:
    return ctx.language.override(ctx, ctx.evaluate(e.value, env), e, env)


# Building


def apply(
    ctx: Context,
    block: Block | Sequence,
    inputs: tuple[Tensor, ...],
    site: ast.Expression,
    env: Environment,
    names: Mapping[str, Given] = NO_NAMES,
) -> Value:
    """Apply a block where an expression of a block's body says so; `names` are those of `graph.blocks.Step`."""
    frame = env.frame
    if frame is None:
        raise fault("E204", "a tensor flows only within a block", site, env)
    function = site.function if isinstance(site, ast.Call | ast.Configured) else site
    called = function.name if isinstance(function, ast.Reference) else ""
    if called not in frame.definition.defaults:
        called = ""
    return build(ctx, frame.building, block, inputs, frame.name(site), site, env, names=names, called=called)


def build(
    ctx: Context,
    building: Building,
    block: Block | Sequence,
    inputs: tuple[Tensor, ...],
    path: str,
    site: ast.Node,
    env: Environment,
    *,
    fitted: bool = False,
    names: Mapping[str, Given] = NO_NAMES,
    called: str = "",
) -> Value:
    """Add a block's operations to the network, below a module path. Returns its output or outputs."""
    if isinstance(block, Sequence):
        value: Value = inputs[0] if len(inputs) == 1 else inputs
        for name, step in block.steps:
            value = build(ctx, building, step, tensors_of(value) or (), f"{path}.{name}" if path else name, site, env)
        return value
    inputs = (*inputs, *block.inputs)  # type: ignore[arg-type]  # tensors have taken the place of outputs
    if isinstance(block.of, Primitive):
        return _build_operation(ctx, building, block.of.operation, block, inputs, path, site, env, names, called)
    definition = block.of
    flowing: tuple[Value, ...] = inputs
    if definition.variadic and len(inputs) + 1 >= len(definition.inputs):
        own = len(definition.inputs) - 1
        flowing = (*inputs[:own], inputs[own:])
    if len(flowing) != len(definition.inputs):
        wants, got = plural(len(definition.inputs) - definition.variadic, "input"), len(inputs)
        wants = f"at least {wants}" if definition.variadic else wants
        raise fault("E211", f"`{definition.name}` takes {wants}, not {got}", site, env)
    ctx.enter(definition, site, env)
    try:
        recorder = building.builder.recorder
        given = _with_worked_out(block, names, env)
        holds = partial(_held, ctx, block, site, env)
        recorder.enter(definition.declared, path, [t.place for t in inputs], given, called, holds)
        inner = Environment(definition.module, None, Frame(path, definition, building, inputs[0]))
        for name, value in zip(definition.inputs, flowing, strict=True):
            inner.bind(name, value)
        inner = settle(ctx, definition, block.settings, inner, site, env, fitted=fitted)
        result = body_value(ctx, definition, inner)
        tensors = tensors_of(result)
        if tensors is None:
            message = f"`{definition.name}` returns {kind_of(result)}, not a tensor"
            diagnostic = fault("E301", message, site, env).diagnostic
            label = Label(_returned(definition.declaration).span, "what it returns")
            raise Fault(replace(diagnostic, labels=(*diagnostic.labels, label)))
        recorder.leave([t.place for t in tensors])
        return result
    finally:
        ctx.leave(definition)


def _returned(declaration: ast.Declaration) -> ast.Node:
    """What a block says that it returns."""
    entries = declaration.body.entries if declaration.body is not None else ()
    found = next((entry for entry in reversed(entries) if isinstance(entry, ast.Return)), None)
    return found or declaration.value or declaration


def _held(ctx: Context, block: Block, site: ast.Node, env: Environment) -> dict[Place, str]:
    """The tensors in a block's settings, by names made of the settings': `other`, `others_0`, `act_other`."""
    found: dict[Place, str] = {}
    waiting: list[tuple[str, Value]] = [("", block)]
    while waiting:
        name, value = waiting.pop()
        parts: list[tuple[str, Value]] = []
        if isinstance(value, Tensor):
            found.setdefault(value.place, name)
        elif isinstance(value, Block):
            parts = [(setting, s.value) for setting, s in value.settings.items()]
        elif isinstance(value, Sequence):
            parts = list(value.steps)
        elif isinstance(value, tuple):
            parts = [(str(index), part) for index, part in enumerate(value)]
        ctx.spend(len(parts), site, env)
        waiting += [(f"{name}_{part}" if name else part, inner) for part, inner in reversed(parts)]
    return found


def _build_operation(
    ctx: Context,
    building: Building,
    operation: type[Operation],
    block: Block,
    inputs: tuple[Tensor, ...],
    path: str,
    site: ast.Node,
    env: Environment,
    names: Mapping[str, Given],
    called: str,
) -> Value:
    settings = dict(block.settings)
    builder, bound = building.builder, building.bound
    ctx.spend(1, site, env)
    if operation.folds and len(inputs) > 2:
        value: Value = inputs[0]
        for index, other in enumerate(inputs[1:], 1):
            pair, place = (*(tensors_of(value) or ()), other), f"{path}.{index}"
            value = _build_operation(ctx, building, operation, block, pair, place, site, env, names, called)
        return value
    try:
        if operation.learned:
            inputs = _of_the_block(operation, inputs, env)
        if operation.arity is not None and not operation.takes(len(inputs)):
            wants = "two or more inputs" if operation.folds else plural(operation.arity, "input")
            if operation.optional:
                wants = f"{operation.arity} or {plural(operation.arity + operation.optional, 'input')}"
            raise RuleError("E211", f"`{operation.name}` takes {wants}, not {len(inputs)}")
        key = (operation, *[(n, type(s.value), s.value) for n, s in settings.items()])
        try:
            configured = bound.get(key) if bound is not None else None
        except TypeError:  # a key that has no hash holds a value that no operation takes
            configured = None
        if configured is None:
            _check_values(block, settings, site, env)
            configured = operation.bind({n: s.value for n, s in settings.items()})
            if bound is not None:
                bound[key] = configured
        given = _with_worked_out(block, names, env)
        places = builder.apply(configured, [t.place for t in inputs], path, site.span, names=given, called=called)
    except RuleError as error:
        raise rule_fault(error, site, env, settings, path) from None
    outputs = tuple([Tensor(place, builder.shape(place)) for place in places])
    return outputs if operation.lists else outputs[0]


def _of_the_block(operation: type[Operation], inputs: tuple[Tensor, ...], env: Environment) -> tuple[Tensor, ...]:
    """What a learned tensor takes its number of images from: the input of the block in whose text it stands."""
    if inputs or env.frame is None:
        help_ = f"join it with what flows: `x + {operation.name}(…)`"
        raise RuleError("E211", f"`{operation.name}` is a value, and nothing flows into it", help=help_)
    return (env.frame.input,)


def _check_values(block: Block, settings: dict[str, Setting], site: ast.Node, env: Environment) -> None:
    for name, setting in settings.items():
        if setting.value is UNKNOWN:
            raise AlreadyReported
        if isinstance(setting.value, numbers.Irrational):
            shown = show_value(setting.value)
            message, help_ = f"{name} must be rounded, it is {shown}", f"round it: {name}: round(…)"
            if isinstance(block.of, Primitive) and _is_rational(block.of.operation, name):
                help_ = f"round it to some digits: {name}: round(1000 * (…)) / 1000"
            error = RuleError("E303", message, attribute=name, help=help_)
            raise rule_fault(error, site, env, settings, block.name)


def _is_rational(operation: type[Operation], name: str) -> bool:
    return any(a.name == name and isinstance(a.kind, Rational) for a in operation.attributes)


def _with_worked_out(block: Block, names: Mapping[str, Given], env: Environment) -> Mapping[str, Given]:
    """The names given for a block's settings, with those that an expression of some block's text worked out."""
    settings = {n: setting for n, setting in block.settings.items() if n not in names and _is_worked_out(setting)}
    others: dict[str, Given] = {n: _formula(setting, env) or WORKED_OUT for n, setting in settings.items()}
    if isinstance(block.of, Definition):
        others |= {n: WORKED_OUT for n in block.of.derived if n not in block.settings}
    return {**names, **others} if others else names


def _formula(setting: Setting, env: Environment) -> Formula | None:
    """The arithmetic that stands for a setting in the text of the block that is being built; none for another
    expression."""
    origin, frame = setting.origin, env.frame
    if origin is None or frame is None or origin.environment.frame is not frame:
        return None
    return frame.definition.formula(origin.expression)


def _is_worked_out(setting: Setting) -> bool:
    origin = setting.origin
    if origin is None or origin.environment.frame is None:
        return False
    return not isinstance(origin.expression, ast.LITERALS)


def _sequence(left: Block | Sequence, right: Block | Sequence) -> Sequence:
    """Two blocks one after the other; of equal names, each gets a number."""

    def steps(value: Block | Sequence) -> tuple[tuple[str, Block | Sequence], ...]:
        return value.steps if isinstance(value, Sequence) else ((safe_name(value.name), value),)

    joined = steps(left) + steps(right)
    names = [name.rstrip("0123456789") or name for name, _ in joined]
    total, counts = Counter(names), Counter[str]()
    named: list[tuple[str, Block | Sequence]] = []
    for name, (_, block) in zip(names, joined, strict=True):
        counts[name] += 1
        named.append((f"{name}{counts[name]}" if total[name] > 1 else name, block))
    return Sequence(tuple(named))


ARROWS: Mapping[type[ast.Node], Rule] = {ast.Flow: _flow, ast.Optional: _optional, ast.Derived: _derived}
"""The rules of arrows, and of `with`."""
