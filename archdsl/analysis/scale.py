"""Scalings: changes to the resolved stage list, as the reference scaler makes them.

A line of a scaling names what it replaces and computes it from the old value. `depth`, `width` and every
other attribute are lines for each stage, `resolution` for the input's height and width, `stem.…` and
`head.…` for the ends. What a model lists under `follow` is changed by the line that it follows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from archdsl.analysis import fields as model_fields
from archdsl.analysis.derive import end_value
from archdsl.analysis.model import Change, Model, Rule, ScaledBy, Stage
from archdsl.analysis.names import setting_names
from archdsl.analysis.program import Primitive, children
from archdsl.analysis.stages import depth_setting
from archdsl.analysis.suggest import nearest
from archdsl.analysis.values import Block, Environment, OldValues, Origin, Scaling, Setting
from archdsl.diagnostics import Diagnostic, Edit, Fault
from archdsl.graph.shapes import Size
from archdsl.syntax import ast

if TYPE_CHECKING:
    from archdsl.analysis.elaborate import Elaborator

GRID = 1000
"""`solve` looks at factors that are multiples of 1/1000."""


_LINE_STEPS = 16
"""Evaluation steps for one line at one stage."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a scaling, with the environment that holds the scaling's arguments."""

    path: ast.Path
    expression: ast.Expression
    environment: Environment


Record: TypeAlias = Callable[[str, Setting, Line, Setting], None]
"""Notes a change: path, old value, line, new value."""


@dataclass(frozen=True, slots=True)
class Base:
    """What a scaling starts from: the model after `fit`, and the settings of stem and head."""

    model: Model
    ends: Mapping[str, Mapping[str, Setting]]


def base_of(ev: Elaborator, model: Model) -> Base:
    """The base of every scaling of a model."""
    stages = tuple(_fitted(ev, stage, index) for index, stage in enumerate(model.stages))
    ends = {"stem": _old_end(ev, model.stem), "head": _old_end(ev, model.head)}
    return Base(replace(model, stages=stages), ends)


def scale(
    ev: Elaborator, base: Base, scaling: Scaling, step: ast.Node, env: Environment, *, explained: bool = True
) -> Model:
    """Apply a scaling. Without `explained` the changes are not recorded, which takes half the time."""
    lines = _lines(ev, scaling, step, env)
    model, ends = base.model, base.ends
    _verify_targets(model, lines)
    ev.spend(_LINE_STEPS * len(lines) * len(model.stages), step, env)
    changes: list[Change] = []

    def record(path: str, old: Setting, line: Line, scaled: Setting) -> None:
        if not explained or scaled.origin is None:
            return
        plain = unrounded(line.expression, line.path)
        multiplied = scaled.value if plain is None else ev.evaluate(plain, scaled.origin.environment)
        span, text = line.expression.span, " ".join(line.expression.span.text.split())
        changes.append(Change(path, scaling.name, old.value, multiplied, scaled.value, span, text))

    stages = tuple(_stage(ev, stage, index, lines, ends, record) for index, stage in enumerate(model.stages))
    stem = _end(ev, model, "stem", lines, ends, record)
    head = _end(ev, model, "head", lines, ends, record)
    size = _resolution(ev, model, lines, ends, record)
    changed = (*model.changes, *changes)
    return replace(model, input=size, stages=stages, stem=stem, head=head, claims=(), changes=changed)


def _lines(ev: Elaborator, scaling: Scaling, step: ast.Node, env: Environment) -> dict[str, Line]:
    """The lines of a scaling by path, after every `with`."""
    inner = ev.environment_of(scaling.of, scaling.arguments, scaling.call or step, env)
    lines: dict[str, Line] = {}
    body = scaling.of.declaration.body
    for entry in body.entries if body is not None else ():
        match entry:
            case ast.Binding():
                ev.bind_names(entry, inner)
            case ast.Require():
                ev.require(entry, inner)
            case ast.Field(path=path, value=value):
                lines[path.text] = Line(path, value, inner)
            case _:
                pass  # the resolver reported it
    for change, scope in scaling.changes:
        for entry in change.entries:
            if not isinstance(entry, ast.Field):
                raise Fault(Diagnostic("E204", "lines of a scaling stand here, as `path: value`", entry.span))
            lines[entry.path.text] = Line(entry.path, entry.value, scope)
    return lines


def _verify_targets(model: Model, lines: Mapping[str, Line]) -> None:
    """E314 for a line whose target no stage has; the usual dimensions may be missing."""
    known = {name for stage in model.stages for name in setting_names(stage.block.of)}
    for line in lines.values():
        head, steps = line.path.head.text, line.path.steps
        if head in ("stem", "head") and len(steps) == 2 and isinstance(steps[1], ast.Identifier):
            block = getattr(model, head)
            names = setting_names(block.of) if isinstance(block, Block) else ()
            if steps[1].text not in names:
                guess = nearest(steps[1].text, names)
                help_ = f"did you mean `{head}.{guess}`?" if guess else None
                edits = (Edit(steps[1].span, guess),) if guess else ()
                message = f"the {head} of `{model.name}` has no setting `{steps[1].text}`"
                raise Fault(Diagnostic("E314", message, line.path.span, help=help_, edits=edits))
        elif len(steps) != 1 or (head not in known and head not in model_fields.DIMENSIONS):
            guess = nearest(head, known | set(model_fields.DIMENSIONS))
            help_ = f"did you mean `{guess}`?" if guess else None
            edits = (Edit(line.path.head.span, guess),) if guess else ()
            message = f"no stage of `{model.name}` has a setting `{line.path.text}`"
            raise Fault(Diagnostic("E314", message, line.path.span, help=help_, edits=edits))


def _old_end(ev: Elaborator, block: Any) -> dict[str, Setting]:
    """The settings of a stem or head that a line may ask for."""
    if not isinstance(block, Block):
        return {}
    found = {}
    for name in setting_names(block.of):
        setting = end_value(ev, block, name)
        if setting is not None:
            found[name] = setting
    return found


def _environment(line: Line, name: str, old: Setting, groups: Mapping[str, Mapping[str, Any]]) -> Environment:
    """What a line sees: the scaling's arguments, the old value by its name, and the other old values."""
    inner = Environment(line.environment.module, line.environment)
    for group, settings in groups.items():
        values = {n: s.value for n, s in settings.items() if isinstance(s, Setting)}
        inner.bind(group, OldValues(f"the old values of {group}", values))
    for dimension, setting in groups.get("stage", {}).items():
        if dimension in model_fields.DIMENSIONS and isinstance(setting, Setting):
            inner.bind(dimension, setting.value, setting.origin)
    inner.bind(name, old.value, old.origin)
    return inner


def _scaled(ev: Elaborator, line: Line, name: str, old: Setting, groups: Mapping[str, Mapping[str, Any]]) -> Setting:
    """The new value of one number."""
    inner = _environment(line, name, old, groups)
    return Setting(ev.evaluate(line.expression, inner), Origin(line.expression, inner))


def unrounded(e: ast.Expression, path: ast.Path) -> ast.Expression | None:
    """The largest expression that reaches the old value through arithmetic alone: what is rounded then."""
    if _reaches(e, path):
        return e
    for child in children(e):
        inner = child.value if isinstance(child, ast.Argument) else child
        found = unrounded(inner, path)  # type: ignore[arg-type]
        if found is not None:
            return found
    return None


def _reaches(e: ast.Node, path: ast.Path) -> bool:
    match e:
        case ast.Reference(name=name):
            return len(path.steps) == 1 and name == path.text
        case ast.Attribute(value=ast.Reference(name=group), name=part):
            return f"{group}.{part.text}" == path.text
        case ast.Arithmetic(left=left, right=right):
            return _reaches(left, path) or _reaches(right, path)
        case ast.Unary(operand=operand):
            return _reaches(operand, path)
        case _:
            return False


def _stage(
    ev: Elaborator, stage: Stage, index: int, lines: Mapping[str, Line], ends: Mapping[str, Any], record: Record
) -> Stage:
    old: dict[str, Any] = {"depth": stage.depth, **stage.settings}
    groups = {"stage": old, **ends}
    depth, settings = stage.depth, dict(stage.settings)
    for name, line in lines.items():
        if name == "resolution" or len(line.path.steps) != 1:
            continue
        if name == "depth":
            depth = _scaled(ev, line, name, stage.depth, groups)
            if depth.origin is not None:
                depth_setting(depth, depth.origin.expression, depth.origin.environment)
            record(f"stages.{index}.depth", stage.depth, line, depth)
            continue
        attribute = stage.settings.get(name)
        if isinstance(attribute, Rule):
            inner = _environment(line, name, Setting(0), groups)
            del inner.names[name]
            changes = (*attribute.changes, ScaledBy(name, line.expression, inner))
            settings[name] = replace(attribute, changes=changes)
            continue
        if attribute is None and name in setting_names(stage.block.of):
            attribute = end_value(ev, stage.block, name)
        if attribute is None:
            continue
        scaled = _scaled(ev, line, name, attribute, groups)
        settings[name] = scaled
        record(f"stages.{index}.{name}", attribute, line, scaled)
    overrides = {position: o for position, o in stage.overrides.items() if position < depth.value}
    return replace(stage, depth=depth, settings=settings, overrides=overrides)


def _fitted(ev: Elaborator, stage: Stage, index: int) -> Stage:
    """The stage with the settings that `fit` made: a scaling starts from the network as it is.

    The reference scaler first turns a RegNet into explicit lists of adjusted widths; starting from the
    widths before the adjustment gives another network.
    """
    if isinstance(stage.block.of, Primitive) or any(isinstance(a, Rule) for a in stage.settings.values()):
        return stage
    used = ev.block_settings(stage, {}, ast.Identifier(stage.span, f"stages.{index}"))
    return replace(stage, settings={name: used[name] for name in stage.settings})


def _end(
    ev: Elaborator,
    model: Model,
    end: str,
    lines: Mapping[str, Line],
    ends: Mapping[str, Mapping[str, Setting]],
    record: Record,
) -> Any:
    """The stem or head, changed by lines that name its settings, or that these follow."""
    block = getattr(model, end)
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
        settings[name] = _scaled(ev, line, old_name, old, ends)
        record(path, old, line, settings[name])
    return Block(block.of, settings, block.span)


def _resolution(
    ev: Elaborator, model: Model, lines: Mapping[str, Line], ends: Mapping[str, Any], record: Record
) -> Setting:
    """The input, with height and width each changed by the line for `resolution`."""
    line = lines.get("resolution")
    if line is None:
        return model.input
    channels, *extents = model.input.value
    scaled = []
    origin = model.input.origin
    for what, extent in zip(("height", "width"), extents, strict=True):
        old = Setting(extent, model.input.origin)
        setting = _scaled(ev, line, "resolution", old, ends)
        origin = setting.origin
        where = origin.environment if origin is not None else line.environment
        model_fields.verify_extent(what, setting.value, line.expression, where)
        record(f"input.{what}", old, line, setting)
        scaled.append(setting.value)
    return Setting(Size((channels, *scaled)), origin)
