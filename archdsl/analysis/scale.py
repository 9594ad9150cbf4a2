"""Scalings: changes to the resolved stage list, as the reference scaler makes them.

A line of a scaling names what it replaces and computes it from the old value. `depth`, `width` and every
other attribute are lines for each stage, `resolution` for the input's height and width, `stem.…` and
`head.…` for the ends. What a model lists under `follow` is changed by the line that it follows. A line for
`model.…` changes a parameter of the model's family, and the model is made anew by it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias

from archdsl.analysis import fields as model_fields
from archdsl.analysis.context import AlreadyReported, Context
from archdsl.analysis.model import Attribute, Change, Model, Rule, ScaledBy, Stage
from archdsl.analysis.names import setting_names
from archdsl.analysis.program import Definition, Primitive, walk
from archdsl.analysis.scaling_lines import (
    Line,
    changes_model,
    keeps,
    lines_of,
    scaled_by,
    seen_by,
    unrounded,
    verify_targets,
)
from archdsl.analysis.settings import at, block_settings, end_value, indices
from archdsl.analysis.stages import depth_setting
from archdsl.analysis.stretch import stretched, warn_of_repeats
from archdsl.analysis.values import Block, Environment, Scaling, Sequence, Setting, Value
from archdsl.diagnostics import Diagnostic, Fault
from archdsl.graph.shapes import Size
from archdsl.records import dataclass
from archdsl.syntax import ast

_LINE_STEPS = 16
"""Evaluation steps for one line at one stage."""


Record: TypeAlias = Callable[[str, Setting, Line, Setting], None]
"""Notes a change: path, old value, line, new value."""


@dataclass(frozen=True, slots=True)
class Base:
    """What a scaling starts from: the model after `fit`, the settings of stem and head, the family's parameters."""

    model: Model
    ends: Mapping[str, Mapping[str, Setting]]


def base_of(ctx: Context, model: Model) -> Base:
    """The base of every scaling of a model."""
    stages = tuple(_fitted(ctx, stage, index) for index, stage in enumerate(model.stages))
    parameters = model.made.parameters if model.made is not None else {}
    ends = {"stem": _old_end(ctx, model.stem), "head": _old_end(ctx, model.head), "model": parameters}
    return Base(replace(model, stages=stages), ends)


def scale(
    ctx: Context, base: Base, scaling: Scaling, step: ast.Node, env: Environment, *, explained: bool = True
) -> Model:
    """Apply a scaling. Without `explained` the changes are not recorded, which takes half the time."""
    lines = lines_of(ctx, scaling, step, env)
    model = base.model
    verify_targets(model, lines)
    anew = _anew(ctx, base, scaling, lines, step, env)
    if anew is not None:
        return anew

    changed = _changed(ctx, base, scaling, lines, step, env, explained=explained)
    again = partial(_again, scaling=scaling, lines=lines, step=step, env=env, explained=explained)
    return model.changed_to(changed, again)


def _again(
    ctx: Context,
    model: Model,
    *,
    scaling: Scaling,
    lines: Mapping[str, Line],
    step: ast.Node,
    env: Environment,
    explained: bool,
) -> Model:
    """The same scaling of a model that was made anew."""
    return _changed(ctx, base_of(ctx, model), scaling, lines, step, env, explained=explained)


def _anew(
    ctx: Context, base: Base, scaling: Scaling, lines: Mapping[str, Line], step: ast.Node, env: Environment
) -> Model | None:
    """The model made anew by its family, where a line changes a parameter of it; what changed it since comes again.

    None where no line does. Where lines would, and the family has no such parameter, the other lines are a substitute
    that is said (E318).
    """
    model, made = base.model, base.model.made
    wanted = _parameters_wanted(lines)
    if not wanted:
        return None
    found = _parameters_had(model, wanted)
    if made is None or not found:
        names = " or ".join(f"`{name}`" for name in wanted)
        message = f"`{model.name}` does not say how `{scaling.name}` multiplies it: its family has no parameter {names}"
        help_ = "its stages are scaled by the other lines alone; stem and head keep their widths unless they `follow`"
        if len(wanted) == len(lines):
            raise Fault(Diagnostic("E314", message, step.span))
        ctx.report(Diagnostic("E318", message, step.span, help=help_, severity="warning"))
        return None
    new_values, changes = {}, []
    for name, line in found.items():
        old = made.parameters[name]
        new = scaled_by(ctx, line, name, old, base.ends)
        plain = unrounded(line.expression, line.path)
        inner = new.origin.environment if new.origin is not None else line.environment
        multiplied = new.value if plain is None else ctx.evaluate(plain, inner)
        text = " ".join(line.expression.span.text.split())
        changes.append(
            Change(f"model.{name}", scaling.name, old.value, multiplied, new.value, line.expression.span, text)
        )
        new_values[name] = new
    fresh = made_anew(ctx, model, new_values, step, env)
    return replace(fresh, claims=(), changes=(*fresh.changes, *changes))


def remakes(ctx: Context, base: Base, scaling: Scaling, step: ast.Node, env: Environment) -> bool:
    """Whether a scaling changes a parameter of the model's family, by which the model is made anew."""
    return bool(_parameters_had(base.model, _parameters_wanted(lines_of(ctx, scaling, step, env))))


def _parameters_wanted(lines: Mapping[str, Line]) -> dict[str, Line]:
    return {line.path.text.partition(".")[2]: line for line in lines.values() if changes_model(line.path)}


def _parameters_had(model: Model, wanted: Mapping[str, Line]) -> dict[str, Line]:
    made = model.made
    return {name: line for name, line in wanted.items() if made is not None and name in made.parameters}


def made_anew(ctx: Context, model: Model, values: Mapping[str, Setting], e: ast.Node, env: Environment) -> Model:
    """The model with other values of parameters of its family; what changed it since comes again, in its order."""
    made = model.made
    if made is None:
        return model
    own = {name: value for name, value in values.items() if name in made.family.parameter_names}
    deeper = {**made.deeper, **{name: value for name, value in values.items() if name not in own}}
    fresh = ctx.language.declared(ctx, made.family, {**made.arguments, **own}, e, env)
    if not isinstance(fresh, Model):
        raise AlreadyReported
    begun = fresh.made
    if deeper and begun is not None and begun.inside is not None:
        fresh = made_anew(ctx, replace(fresh, made=begun.inside), deeper, e, env)
        if fresh.made is not None:
            parameters = {**begun.parameters, **{name: fresh.made.parameters[name] for name in deeper}}
            begun = replace(begun, parameters=parameters, inside=fresh.made, deeper=deeper)
        fresh = replace(fresh, made=begun)
    for change in made.since:
        fresh = change(ctx, fresh)
    return replace(
        fresh,
        name=model.name,
        span=model.span,
        doc=model.doc,
        provenance=model.provenance,
        claims=model.claims,
        solved=model.solved,
        made=replace(begun, since=made.since) if begun is not None else None,
    )


def multiplied(
    ctx: Context, base: Base, scaling: Scaling, step: ast.Node, env: Environment
) -> dict[str, tuple[Setting, Value]]:
    """What the lines of a scaling make of what they change: the old number and the new one, by path.

    Nothing is put into the model, so that what is multiplied by may be a symbol. Of a setting with a value for each
    block, each block has a path. Raises E314 where the scaling changes a parameter of the model's family: what comes of
    that is known for numbers alone.
    """
    lines = lines_of(ctx, scaling, step, env)
    model, ends = base.model, base.ends
    verify_targets(model, lines)
    if had := _parameters_had(model, _parameters_wanted(lines)):
        message = f"`{scaling.name}` changes the parameter `{next(iter(had))}` of the family of `{model.name}`, "
        raise Fault(Diagnostic("E314", f"{message}and not each stage by a line", step.span))
    found: dict[str, tuple[Setting, Value]] = {}
    first = 0
    for index, stage in enumerate(model.stages):
        number: dict[str, Any] = {"index": Setting(index), "count": Setting(len(model.stages))}
        groups = {"stage": {**number, "depth": stage.depth, **stage.settings}, **ends}
        for name, line in lines.items():
            if name == "resolution" or len(line.path.steps) != 1:
                continue
            for path, old in _old_of(ctx, model, index, first, name):
                found[path] = old, scaled_by(ctx, line, name, old, groups).value
        first += stage.length
    for end in ("stem", "head"):
        for name, old in ends[end].items() if isinstance(getattr(model, end), Block) else ():
            path = f"{end}.{name}"
            dimension = model.follow.get(path)
            if path in lines:
                found[path] = old, scaled_by(ctx, lines[path], name, old, ends).value
            elif dimension in lines:
                found[path] = old, scaled_by(ctx, lines[dimension], dimension, old, ends).value
    if "resolution" in lines:
        for what, extent in zip(("height", "width"), model.shape[1:], strict=True):
            old = Setting(extent, model.input.origin)
            found[f"input.{what}"] = old, scaled_by(ctx, lines["resolution"], "resolution", old, ends).value
    return found


def _old_of(ctx: Context, model: Model, index: int, first: int, name: str) -> list[tuple[str, Setting]]:
    """The numbers of a stage that a line changes, by path."""
    stage = model.stages[index]
    if name == "depth":
        return [(f"stages.{index}.depth", stage.depth)]
    attribute = stage.settings.get(name)
    if attribute is None and name in setting_names(stage.block.of):
        attribute = end_value(ctx, stage.block, name)
    if isinstance(attribute, Rule):
        places = [indices(model, index, first, position) for position in range(stage.length)]
        return [(f"stages.{index}.blocks.{n}.{name}", at(ctx, attribute, where)) for n, where in enumerate(places)]
    return [] if attribute is None else [(f"stages.{index}.{name}", attribute)]


def _changed(
    ctx: Context,
    base: Base,
    scaling: Scaling,
    lines: Mapping[str, Line],
    step: ast.Node,
    env: Environment,
    *,
    explained: bool,
) -> Model:
    """The model with its stages, its ends and its input changed by the lines."""
    model, ends = base.model, base.ends
    ctx.spend(_LINE_STEPS * len(lines) * len(model.stages), step, env)
    changes: list[Change] = []

    def record(path: str, old: Setting, line: Line, scaled: Setting) -> None:
        if not explained or scaled.origin is None:
            return
        plain = unrounded(line.expression, line.path)
        multiplied = scaled.value if plain is None else ctx.evaluate(plain, scaled.origin.environment)
        span, text = line.expression.span, " ".join(line.expression.span.text.split())
        changes.append(Change(path, scaling.name, old.value, multiplied, scaled.value, span, text))

    stages: list[Stage] = []
    for index, stage in enumerate(model.stages):
        stages.append(_stage(ctx, stage, (index, len(model.stages)), lines, ends, record))
    stem = _end(ctx, model, "stem", lines, ends, record)
    head = _end(ctx, model, "head", lines, ends, record)
    size = _resolution(ctx, model, lines, ends, record)
    changed = (*model.changes, *changes)
    scaled = replace(model, input=size, stages=tuple(stages), stem=stem, head=head, claims=(), changes=changed)
    if explained:
        _warn_of_missing(ctx, model, scaling, lines, step)
    scaled = replace(scaled, stages=stretched(model, scaled))
    if explained and scaled.depth != model.depth:
        warn_of_repeats(ctx, model, scaled)
    return scaled


def _warn_of_missing(ctx: Context, model: Model, scaling: Scaling, lines: Mapping[str, Line], step: ast.Node) -> None:
    """E314 as a warning where no stage has the width that a line changes, or nothing that any line changes.

    That a network has no groups is common, so that a line for them is told only where there is no other.
    """
    changing = [name for name, line in lines.items() if not changes_model(line.path) and not keeps(ctx, line)]
    known = {name for stage in model.stages for name in setting_names(stage.block.of)}
    known |= set(model.follow.values())
    missing = [name for name in ("width", "group_width") if name in changing and name not in known]
    if "width" in missing or (missing and missing == changing):
        message = f"no stage of `{model.name}` has a setting `{missing[0]}`, which `{scaling.name}` changes"
        help_ = f"its line for `{missing[0]}` changes no stage"
        ctx.report(Diagnostic("E314", message, step.span, help=help_, severity="warning"))


def _old_end(ctx: Context, block: Block | Sequence | None) -> dict[str, Setting]:
    """The settings of a stem or head that a line may ask for."""
    if not isinstance(block, Block):
        return {}
    found = {}
    for name in setting_names(block.of):
        setting = end_value(ctx, block, name)
        if setting is not None:
            found[name] = setting
    return found


def _stage(
    ctx: Context,
    stage: Stage,
    place: tuple[int, int],
    lines: Mapping[str, Line],
    ends: Mapping[str, Any],
    record: Record,
) -> Stage:
    """A stage with its attributes changed; `place` is its index, and the number of stages."""
    index, count = place
    indices: dict[str, Any] = {"index": Setting(index), "count": Setting(count)}
    groups = {"stage": {**indices, "depth": stage.depth, **stage.settings}, **ends}
    depth, settings = stage.depth, dict(stage.settings)
    for name, line in lines.items():
        if name == "resolution" or len(line.path.steps) != 1:
            continue
        if name == "depth":
            depth = scaled_by(ctx, line, name, stage.depth, groups)
            if depth.origin is not None:
                depth_setting(depth, depth.origin.expression, depth.origin.environment)
            record(f"stages.{index}.depth", stage.depth, line, depth)
            continue
        attribute = stage.settings.get(name)
        if isinstance(attribute, Rule):
            inner = seen_by(line, name, Setting(0), groups)
            del inner.names[name]
            changes = (*attribute.changes, ScaledBy(name, line.expression, inner))
            settings[name] = replace(attribute, changes=changes)
            continue
        if attribute is None and name in setting_names(stage.block.of):
            attribute = end_value(ctx, stage.block, name)
        if attribute is None:
            continue
        scaled = scaled_by(ctx, line, name, attribute, groups)
        settings[name] = scaled
        record(f"stages.{index}.{name}", attribute, line, scaled)
    return replace(stage, depth=depth, settings=settings)


def _fitted(ctx: Context, stage: Stage, index: int) -> Stage:
    """The stage with the settings that `fit` made: a scaling starts from the network as it is.

    The reference scaler first turns a RegNet into explicit lists of adjusted widths; starting from the
    widths before the adjustment gives another network.
    """
    of = stage.block.of
    if isinstance(of, Primitive) or not of.fit:
        return stage
    rules = {name for name, attribute in stage.settings.items() if isinstance(attribute, Rule)}
    if rules & fitting(of):
        return stage
    site = ast.Identifier(stage.span, f"stages.{index}")
    used = block_settings(ctx, replace(stage, settings=_without(stage.settings, rules)), {}, site)
    return replace(stage, settings={**stage.settings, **{n: used[n] for n in stage.settings if n not in rules}})


def _without(settings: Mapping[str, Attribute], names: set[str]) -> dict[str, Attribute]:
    return {name: attribute for name, attribute in settings.items() if name not in names}


def fitting(of: Definition) -> set[str]:
    """The settings that a block's `fit` changes or looks at, by defaults too."""
    found = {line.path.text for line in of.fit}
    waiting: list[ast.Node | None] = [line.value for line in of.fit]
    waiting += [of.defaults.get(name) for name in found]
    while waiting:
        top = waiting.pop()
        for node in walk(top) if top is not None else ():
            if isinstance(node, ast.Reference) and node.name in of.parameter_names and node.name not in found:
                found.add(node.name)
                waiting.append(of.defaults.get(node.name))
    return found


def _end(
    ctx: Context,
    model: Model,
    end: str,
    lines: Mapping[str, Line],
    ends: Mapping[str, Mapping[str, Setting]],
    record: Record,
) -> Block | Sequence | None:
    """The stem or head, changed by lines that name its settings, or that these follow."""
    block: Block | Sequence | None = model.stem if end == "stem" else model.head
    if not isinstance(block, Block):
        return block
    settings = dict(block.settings)
    for name, old in ends[end].items():
        path = f"{end}.{name}"
        dimension = model.follow.get(path)
        line = lines.get(path)
        old_name = name
        if line is None and dimension is not None:
            line, old_name = lines.get(dimension), dimension
        if line is None:
            continue
        settings[name] = scaled_by(ctx, line, old_name, old, ends)
        record(path, old, line, settings[name])
    return replace(block, settings=settings)


def _resolution(
    ctx: Context, model: Model, lines: Mapping[str, Line], ends: Mapping[str, Any], record: Record
) -> Setting:
    """The input, with height and width each changed by the line for `resolution`."""
    line = lines.get("resolution")
    if line is None:
        return model.input
    channels, *extents = model.shape
    scaled = []
    origin = model.input.origin
    for what, extent in zip(("height", "width"), extents, strict=True):
        old = Setting(extent, model.input.origin)
        setting = scaled_by(ctx, line, "resolution", old, ends)
        origin = setting.origin
        where = origin.environment if origin is not None else line.environment
        model_fields.verify_extent(what, setting.value, line.expression, where)
        record(f"input.{what}", old, line, setting)
        scaled.append(setting.value)
    return Setting(Size((channels, *scaled)), origin)
