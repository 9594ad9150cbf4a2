"""Blocks with their settings: called, with tensors or without, and configured with braces."""

from __future__ import annotations

from dataclasses import replace

from archdsl import limits
from archdsl.analysis.context import Context
from archdsl.analysis.evaluate import bounded
from archdsl.analysis.lists import items_of
from archdsl.analysis.names import misplaced, setting_names, unknown_setting
from archdsl.analysis.outputs import outputs_of
from archdsl.analysis.program import Builtin, Primitive
from archdsl.analysis.trace import fault
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
    tensors_of,
)
from archdsl.diagnostics import Diagnostic, Fault
from archdsl.graph.operations import OPERATIONS
from archdsl.graph.operations.kinds import Maker
from archdsl.graph.shapes import Size
from archdsl.syntax import ast


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
    spend_inputs(ctx, len(tensors), block, e, env)
    if tensors or learned:
        return ctx.language.apply(ctx, configured, tensors, e, env, names)
    if empty is not None:
        raise fault("E211", f"nothing flows into `{block.name}`: the list is empty", empty, env)
    return bounded(ctx, configured, e, env)


def spend_inputs(ctx: Context, count: int, block: Block, e: ast.Call, env: Environment) -> None:
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


def configured(ctx: Context, e: ast.Configured, env: Environment) -> Value:
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


__all__ = ["among", "call_block", "configuration", "configured", "folds", "spend_inputs"]
