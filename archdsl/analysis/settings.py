"""The settings of blocks: what a stage gives each of its blocks, what `fit` makes of it, and the defaults.

What enters is a resolved model, or a block with some settings; what leaves are settings, each with where it came from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from archdsl.analysis.context import AlreadyReported, Context
from archdsl.analysis.model import Attribute, Model, Rule, Run, Stage
from archdsl.analysis.program import Definition, Primitive, walk
from archdsl.analysis.trace import fault
from archdsl.analysis.values import UNKNOWN, Block, Environment, Indices, Origin, Setting, Value
from archdsl.diagnostics import Fault
from archdsl.syntax import ast


def settle(
    ctx: Context,
    definition: Definition,
    settings: Mapping[str, Setting],
    inner: Environment,
    site: ast.Node,
    env: Environment,
    *,
    fitted: bool,
    only: frozenset[str] | None = None,
) -> Environment:
    """Bind a block's settings, defaults after what they use, then run its `fit` unless that was done.

    `only` restricts the defaults to parameters whose value does not need the inputs.
    """
    rules = ctx.rules
    for parameter in definition.parameters:
        name = parameter.name.text
        setting = settings.get(name)
        if setting is not None:
            if setting.value is UNKNOWN:
                raise AlreadyReported
            inner.bind(name, setting.value, setting.origin)
            continue
        default = parameter.default
        if only is not None and name not in only:
            continue
        if default is None:
            message = f"`{definition.name}` needs `{name}`"
            raise fault("E306", message, site, env, help=f"give it: `{name}: …`")
        inner.names[name] = rules[type(default)](ctx, default, inner)
        inner.origins[name] = Origin(default, inner)
    if fitted:
        return inner
    for line in definition.fit:
        value = ctx.evaluate(line.value, inner)
        after = Environment(inner.module, inner)
        after.bind(line.path.text, value, Origin(line.value, inner))
        inner = after
    return inner


def indices(model: Model, index: int, first_block: int, position: int) -> dict[str, Indices]:
    """What `block` and `stage` are in a block of a stage, whose first is `first_block` among all."""
    depth = model.stages[index].length
    run = Run(first_block, depth, model.depth)
    return _indices(run, position, {"index": index, "count": len(model.stages)}, (position == 0, position == depth - 1))


def _indices(run: Run, position: int, stage: Mapping[str, Value], ends: tuple[Value, Value]) -> dict[str, Indices]:
    is_first, is_last = ends
    block = {"index": run.first + position, "count": run.count, "in_stage": position}
    ends_of_stage = {"is_first": is_first, "is_last": is_last}
    return {
        "block": Indices("block", {**block, **ends_of_stage}),
        "stage": Indices("stage", {**stage, "depth": run.depth}),
    }


def taken_from(rule: Rule, where: Mapping[str, Indices]) -> Mapping[str, Indices]:
    """The indices for a rule: those of the block of its base that the block with these indices is taken from.

    `is_first` and `is_last` stay what they are: they hold for one block of a stage.
    """
    if rule.base is None:
        return where
    block, stage = where["block"].values, where["stage"].values
    position = _taken(rule.base, block["in_stage"], stage["depth"])
    return _indices(rule.base, position, stage, (block["is_first"], block["is_last"]))


def _taken(base: Run, position: Any, depth: Any) -> int:
    """The block of n that block p of N is taken from: floor(p n / N)."""
    return int(position * base.depth // depth)


def repeats_stride(rule: Rule, where: Mapping[str, Indices]) -> bool:
    """Whether the block before has the stride already: it is taken from the same block of the rule's base."""
    position, depth = where["block"].values["in_stage"], where["stage"].values["depth"]
    if not rule.once or rule.base is None or not isinstance(position, int) or position == 0:
        return False
    return _taken(rule.base, position - 1, depth) == _taken(rule.base, position, depth)


def block_settings(
    ctx: Context, stage: Stage, where: Mapping[str, Indices], site: ast.Node, value_at: At | None = None
) -> dict[str, Setting]:
    """The settings of one block: attributes at its indices, and what `fit` makes of them."""
    evaluated = value_at or at
    settings = {name: evaluated(ctx, attribute, where) for name, attribute in stage.settings.items()}
    of = stage.block.of
    if isinstance(of, Primitive) or not of.fit:
        return settings
    outer = Environment(of.module)
    inner = settle(ctx, of, settings, Environment(of.module), site, outer, fitted=False, only=of.free_parameters)
    for name in of.fitted:
        found = Setting(inner_value(inner, name), inner.origin(name), requested=_requested(inner, name))
        settings[name] = found
    return settings


At: TypeAlias = Callable[[Context, Attribute, Mapping[str, Indices]], Setting]
"""The value of an attribute for the block with these indices."""


def at(ctx: Context, attribute: Attribute, where: Mapping[str, Indices]) -> Setting:
    """The value of an attribute for the block with these indices: of a rule, after every scaling of it."""
    if isinstance(attribute, Setting):
        return attribute
    if repeats_stride(attribute, where):
        return Setting(1, attribute.origin)
    inner = Environment(attribute.environment.module, attribute.environment)
    for name, group in taken_from(attribute, where).items():
        inner.bind(name, group)
    value = ctx.evaluate(attribute.expression, inner)
    return scaled_by(ctx, attribute, Setting(value, Origin(attribute.expression, inner)))


def scaled_by(ctx: Context, rule: Rule, setting: Setting) -> Setting:
    """What a rule's scalings make of its value for one block."""
    for change in rule.changes:
        scaled = Environment(change.environment.module, change.environment)
        scaled.bind(change.name, setting.value, setting.origin)
        setting = Setting(ctx.evaluate(change.expression, scaled), Origin(change.expression, scaled))
    return setting


def used_settings(ctx: Context, model: Model) -> list[list[dict[str, Setting]]]:
    """For every stage, the settings of its blocks after `fit`, defaults that need no input filled in.

    One entry for a stage whose blocks agree, else one a block. Raises `Fault` or `AlreadyReported` where it has none.
    """
    found = []
    first_block = 0
    for index, stage in enumerate(model.stages):
        site = ast.Identifier(stage.span, f"stages.{index}")
        depth = stage.length
        rules = any(isinstance(a, Rule) for a in stage.settings.values())
        blocks = []
        for position in range(depth if rules else 1):
            settings = block_settings(ctx, stage, indices(model, index, first_block, position), site)
            blocks.append(_with_defaults(ctx, stage, settings, site))
        found.append(blocks)
        first_block += depth
    return found


def _with_defaults(ctx: Context, stage: Stage, settings: dict[str, Setting], site: ast.Node) -> dict[str, Setting]:
    of = stage.block.of
    if isinstance(of, Primitive):
        defaults = {a.name: Setting(a.default) for a in of.operation.attributes if not a.required}
        return {**defaults, **settings}
    outer = Environment(of.module)
    inner = settle(ctx, of, settings, Environment(of.module), site, outer, fitted=True, only=of.free_parameters)
    found = dict(settings)
    for name in of.parameter_names:
        if name not in found and name in inner.names:
            found[name] = Setting(inner.names[name], inner.origins.get(name))
    return {name: found[name] for name in of.parameter_names if name in found}


def plain_defaults(ctx: Context, of: Definition | Primitive) -> dict[str, Value]:
    """The defaults of a block that are values: those that ask for no other setting and no input."""
    if isinstance(of, Primitive):
        return {a.name: a.default for a in of.operation.attributes if not a.required}
    bound = set(of.inputs)
    found = {}
    for name, default in of.defaults.items():
        asks = default is None or any(isinstance(n, ast.Reference) and n.name in bound for n in walk(default))
        bound.add(name)  # a default sees the parameters before its own
        if default is not None and not asks:
            found[name] = ctx.evaluate(default, Environment(of.module))
    return found


def end_value(ctx: Context, block: Block, name: str) -> Setting | None:
    """The setting of a stem or head as it is: given, or a default that is a constant."""
    if name in block.settings:
        return block.settings[name]
    of = block.of
    default = of.defaults.get(name) if isinstance(of, Definition) else None
    if not isinstance(of, Definition) or default is None or isinstance(default, ast.Reference):
        return None
    try:
        inner = Environment(of.module)
        return Setting(ctx.evaluate(default, inner), Origin(default, inner))
    except (Fault, AlreadyReported):
        return None  # a default that depends on other settings is no constant


def inner_value(env: Environment, name: str) -> Value:
    """The value of a name in an environment that is known to have it."""
    scope: Environment | None = env
    while scope is not None:
        if name in scope.names:
            return scope.names[name]
        scope = scope.parent
    raise AlreadyReported


def _requested(env: Environment, name: str) -> Setting | None:
    """What a setting was before `fit`: the value in the outermost environment."""
    scope = env
    while scope.parent is not None:
        scope = scope.parent
    return Setting(scope.names[name], scope.origins.get(name)) if name in scope.names else None
