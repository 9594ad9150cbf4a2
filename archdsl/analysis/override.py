"""`model with { … }`: changes to a resolved model, by path.

A path names a field (`input`, `head`, `features`), a setting of stem or head (`head.classes`), an
attribute of all stages, of one or of a range (`stages[2].width`), or a setting of single blocks
(`stages[3].blocks[1].inner`). On the right, a setting's own name is its old value.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from archdsl.analysis import fields as model_fields
from archdsl.analysis.context import AlreadyReported, Context
from archdsl.analysis.model import Attribute, Model, Rule, Stage
from archdsl.analysis.names import did_you_mean, misplaced, plural, setting_names, unknown_setting
from archdsl.analysis.outputs import with_outputs
from archdsl.analysis.settings import end_value
from archdsl.analysis.stages import (
    NO_RULE,
    STRUCTURE,
    bind_old,
    chosen,
    depth_setting,
    names_block,
    need_block,
    stage_environment,
    stages_of,
)
from archdsl.analysis.trace import fault, show_value
from archdsl.analysis.values import Block, Environment, Origin, Sequence, Setting, whole
from archdsl.diagnostics import Diagnostic, Fault
from archdsl.graph.shapes import Range, Size
from archdsl.syntax import ast

_KEEPS_CLAIMS = frozenset({"expect", "source", "preprocess", "init", "features", "follow", "recipe"})
"""Changes after which the figures of the model are still those of the network."""


def override_model(ctx: Context, model: Model, body: ast.Body, env: Environment) -> Model:
    """Apply the entries of a `with` in their order."""
    kept = all(e.path.head.text in _KEEPS_CLAIMS for e in body.entries if isinstance(e, ast.Field | ast.Section))
    if not kept:
        model = replace(model, claims=())
    seen: set[str] = set()
    failed = False
    for entry in body.entries:
        try:
            if not isinstance(entry, ast.Field | ast.Section):
                raise Fault(misplaced(entry, "`with`", "`path: value`"))
            if entry.path.text in seen and entry.path.text != "expect":
                raise Fault(Diagnostic("E203", f"`{entry.path.text}` is given twice", entry.path.span))
            seen.add(entry.path.text)
            if isinstance(entry, ast.Section):
                model = _section(ctx, model, entry, env)
            else:
                model = _field(ctx, model, entry.path, entry.value, env)
        except Fault as found:
            ctx.report(found.diagnostic)
            failed = True
        except AlreadyReported:
            failed = True
    if failed:
        raise AlreadyReported
    return model


def _section(ctx: Context, model: Model, entry: ast.Section, env: Environment) -> Model:
    name = entry.path.text
    if name == "expect":
        return replace(model, claims=model.claims + model_fields.claims_of(ctx, entry.body, env))
    if name == "features":
        return replace(model, features=model_fields.features_section(ctx, entry.body, len(model.stages)))
    if name == "outputs":
        return replace(model, outputs=model_fields.outputs_section(ctx, entry.body, len(model.stages)))
    if name == "follow":
        follow = model_fields.follow_section(ctx, entry.body, {"stem": model.stem, "head": model.head})
        return replace(model, follow={**model.follow, **follow})
    if name not in model_fields.SECTIONS:
        raise Fault(_unknown(entry.path.head, model))
    new = model_fields.section(ctx, name, entry.body, env)
    match name:
        case "preprocess":
            return replace(model, preprocess={**model.preprocess, **new})
        case "init":
            return replace(model, init={**model.init, **new})
        case _:
            return replace(model, provenance={**model.provenance, **new})


def _unknown(name: ast.Identifier, model: Model) -> Diagnostic:
    """E202 for a key, or E204 for a setting that is named without the stages, stem or head that have it."""
    elsewhere = {"depth": "`stages`: write `stages.depth: …`"}
    places = [*(("stages", stage.block) for stage in model.stages), ("head", model.head), ("stem", model.stem)]
    for place, block in places:
        for setting in setting_names(block.of) if isinstance(block, Block) else ():
            elsewhere.setdefault(setting, f"`{place}`: write `{place}.{setting}: …`")
    return model_fields.unknown_field(name, model_fields.MODEL_FIELDS, "`with`", elsewhere)


def as_section(path: ast.Path, e: ast.Expression) -> ast.Section:
    """`source.note: "…"` means `source { note: "…" }`."""
    field = ast.Field(path.span.to(e.span), ast.Path(path.span, path.steps[1:]), e)
    return ast.Section(field.span, ast.Path(path.head.span, (path.head,)), ast.Body(field.span, (field,)))


def _field(ctx: Context, model: Model, path: ast.Path, e: ast.Expression, env: Environment) -> Model:
    head, rest = path.head.text, path.steps[1:]
    if head == "stages" and rest:
        return _stages(ctx, model, path, rest, e, env)
    if head in ("stem", "head") and rest:
        return _end_setting(ctx, model, path, e, env)
    if head in model_fields.SECTIONS and rest and isinstance(rest[0], ast.Identifier):
        return _section(ctx, model, as_section(path, e), env)
    if rest:
        known = [name for name in model_fields.MODEL_FIELDS if head not in model_fields.MODEL_FIELDS]
        help_ = did_you_mean(head, known).help
        raise Fault(Diagnostic("E316", f"there is nothing to change at `{path.text}`", path.span, help=help_))
    match head:
        case "input":
            return replace(model, input=model_fields.input_size(ctx, e, env))
        case "stem":
            return replace(model, stem=model_fields.end_block(ctx, head, e, with_outputs(env)))
        case "head":
            return replace(model, head=model_fields.end_block(ctx, head, e, with_outputs(env)))
        case "stages":
            return replace(model, stages=stages_of(ctx, e, with_outputs(env)))
        case "features":
            return replace(model, features=model_fields.features_value(ctx, e, env))
        case "recipe":
            return replace(model, recipe=model_fields.recipe_setting(ctx, e, env))
        case "output_stride":
            return replace(model, output_stride=model_fields.stride_setting(ctx, e, env))
        case _:
            raise Fault(_unknown(path.head, model))


def _end_setting(ctx: Context, model: Model, path: ast.Path, e: ast.Expression, env: Environment) -> Model:
    """`head.classes: 10`"""
    end = path.head.text
    name = path.steps[1]
    if len(path.steps) != 2 or not isinstance(name, ast.Identifier):
        raise Fault(Diagnostic("E316", f"there is nothing to change at `{path.text}`", path.span))
    block: Block | Sequence | None = getattr(model, end)
    if block is None:
        raise Fault(Diagnostic("E316", f"the model has no {end}", path.span))
    if isinstance(block, Sequence):
        message = f"the {end} is several blocks in a row; give it anew"
        raise Fault(Diagnostic("E316", message, path.span, help=f"{end}: …"))
    known = setting_names(block.of)
    if name.text not in known:
        raise unknown_setting(name, known, block.name)
    inner = with_outputs(env)
    old = end_value(ctx, block, name.text)
    if old is not None:
        bind_old(inner, {name.text: old}, e, env)
    setting = Setting(ctx.evaluate(e, inner), Origin(e, inner))
    changed = replace(block, settings={**block.settings, name.text: setting})
    return replace(model, stem=changed) if end == "stem" else replace(model, head=changed)


def _stages(
    ctx: Context, model: Model, path: ast.Path, rest: tuple[Any, ...], e: ast.Expression, env: Environment
) -> Model:
    """`stages.…`, `stages[i].…`, `stages[i].blocks[j].…`"""
    which: Iterable[int] = range(len(model.stages))
    if isinstance(rest[0], ast.IndexStep):
        which = _positions(ctx, rest[0], len(model.stages), "stage", env)
        rest = rest[1:]
    if not rest or not isinstance(rest[0], ast.Identifier):
        raise Fault(Diagnostic("E316", f"name what changes in `{path.text}`", path.span, help=f"{path.text}.width: …"))
    stages = list(model.stages)
    first = path.steps[1]
    several = not isinstance(first, ast.IndexStep) or isinstance(first.index, ast.Range)
    which = list(which)
    for position, index in enumerate(which):
        if rest[0].text == "blocks" and len(rest) > 1:
            stages[index] = _blocks(ctx, stages[index], path, rest[1:], e, env)
        elif len(rest) == 1:
            place = (position, len(which)) if several else None
            stages[index] = _stage(ctx, stages[index], index, len(stages), rest[0], e, env, place)
        else:
            raise Fault(Diagnostic("E316", f"there is nothing to change at `{path.text}`", path.span))
    return replace(model, stages=tuple(stages))


def _positions(ctx: Context, step: ast.IndexStep, count: int, what: str, env: Environment) -> list[int]:
    value = ctx.evaluate(step.index, env)
    first, last = (value.lo, value.hi) if isinstance(value, Range) else (value, value)
    if not (whole(first) and whole(last)):
        raise fault("E301", f"an index is a whole number or a range, not {show_value(value)}", step.index, env)
    if not 0 <= first <= last < count:
        counted = f"there {'is' if count == 1 else 'are'} {plural(count, what)}, counted from 0"
        message = f"{counted}; there is no {show_value(value)}"
        raise fault("E311", message, step.index, env)
    return list(range(first, last + 1))


def _stage(
    ctx: Context,
    stage: Stage,
    index: int,
    count: int,
    name: ast.Identifier,
    e: ast.Expression,
    env: Environment,
    place: tuple[int, int] | None,
) -> Stage:
    """One stage with another attribute. `place` is its position among those that change, and their number."""
    known = (*setting_names(stage.block.of), *STRUCTURE)
    inner = stage_environment(with_outputs(env), index, count)
    if name.text == "block" and "block" not in known:
        return _of_block(ctx, stage, name, e, inner)
    if name.text not in known:
        raise unknown_setting(name, (*known, "block"), stage.block.name)
    old: Attribute | None = stage.depth if name.text == "depth" else stage.settings.get(name.text)
    old = old or end_value(ctx, stage.block, name.text)
    if isinstance(old, Setting):
        bind_old(inner, {name.text: old}, e, env)
    if name.text in STRUCTURE and names_block(e, inner):
        raise fault("E204", NO_RULE.format(name.text), e, inner)
    if name.text == "enter":
        block = model_fields.end_block(ctx, "enter", e, inner)
        return replace(stage, enter=block)
    if names_block(e, inner):
        e = chosen(ctx, e, inner)
    if names_block(e, inner):
        return replace(stage, settings={**stage.settings, name.text: Rule(e, inner)})
    setting = Setting(ctx.evaluate(e, inner), Origin(e, inner))
    if place is not None:
        setting = _of_stage(setting, old, *place, name.text, e, inner)
    if name.text == "depth":
        return replace(stage, depth=depth_setting(setting, e, inner))
    return replace(stage, settings={**stage.settings, name.text: setting})


def _of_block(ctx: Context, stage: Stage, name: ast.Identifier, e: ast.Expression, env: Environment) -> Stage:
    """The stage made of another block, with the attributes that it has a setting for, and what is given to it; what
    flows in of other parts stays, where the block does not name its own.

    An attribute that it has no setting for is left out, which is said (E202, a warning).
    """
    block = need_block(ctx.evaluate(e, env), e, env)
    known = setting_names(block.of)
    without = [key for key in dict.fromkeys((*stage.settings, *_changed_alone(stage))) if key not in known]
    if without:
        names = ", ".join(f"`{key}`" for key in without)
        message = f"`{block.name}` has no setting {names}, which the stage gives to `{stage.block.name}`"
        ctx.report(Diagnostic("E202", message, name.span, help="it is left out", severity="warning"))
    settings = {key: attribute for key, attribute in stage.settings.items() if key in known}
    overrides = {at: {k: v for k, v in given.items() if k in known} for at, given in stage.overrides.items()}
    return replace(
        stage,
        block=Block(block.of, inputs=block.inputs or stage.block.inputs),
        settings={**settings, **block.settings},
        span=e.span,
        overrides=overrides,
    )


def _changed_alone(stage: Stage) -> list[str]:
    """The settings of single blocks that were changed."""
    return [name for given in stage.overrides.values() for name in given]


def _of_stage(
    setting: Setting, old: Attribute | None, position: int, count: int, name: str, e: ast.Expression, env: Environment
) -> Setting:
    """One element of a list where no list stood: as in `stages`, it has one value a stage."""
    value = setting.value
    before = old.value if isinstance(old, Setting) else None
    if not isinstance(value, tuple) or isinstance(value, Size) or (before is None and not isinstance(old, Rule)):
        return setting
    if isinstance(before, tuple) and not isinstance(before, Size):
        return setting
    if len(value) != count:
        message = f"`{name}` has {plural(len(value), 'value')}, and {plural(count, 'stage')} change"
        help_ = f"give one value for all stages, or {count} values"
        raise fault("E309", message, e, env, help=help_)
    item = e.items[position] if isinstance(e, ast.ListExpression) else e
    return Setting(value[position], Origin(item, env))


def _blocks(
    ctx: Context, stage: Stage, path: ast.Path, rest: tuple[Any, ...], e: ast.Expression, env: Environment
) -> Stage:
    depth = stage.length
    which = list(range(depth))
    if isinstance(rest[0], ast.IndexStep):
        which = _positions(ctx, rest[0], depth, "block", env)
        rest = rest[1:]
    if len(rest) != 1 or not isinstance(rest[0], ast.Identifier):
        raise Fault(Diagnostic("E316", f"there is nothing to change at `{path.text}`", path.span))
    name = rest[0]
    known = setting_names(stage.block.of)
    if name.text not in known:
        raise unknown_setting(name, known, stage.block.name)
    overrides = {position: dict(settings) for position, settings in stage.overrides.items()}
    for position in which:
        inner = with_outputs(env)
        old = overrides.get(position, {}).get(name.text) or stage.settings.get(name.text)
        old = old or end_value(ctx, stage.block, name.text)
        if isinstance(old, Setting):
            bind_old(inner, {name.text: old}, e, env)
        setting = Setting(ctx.evaluate(e, inner), Origin(e, inner))
        overrides.setdefault(position, {})[name.text] = setting
    return replace(stage, overrides=overrides)
