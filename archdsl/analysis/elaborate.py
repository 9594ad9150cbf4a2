"""Declarations to values: a model with its arguments, a recipe, a scaling; and what arrows and `with` make of them.

A `Model` is the resolved stage list, on which `with` and scalings work. Faults of separate fields are collected side
by side.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from archdsl.analysis import fields as model_fields
from archdsl.analysis.bodies import bind_names, require
from archdsl.analysis.calls import environment_of
from archdsl.analysis.context import AlreadyReported, Context
from archdsl.analysis.model import Claim, Made, Model
from archdsl.analysis.outputs import with_outputs
from archdsl.analysis.override import override_model
from archdsl.analysis.partial import partial_stages
from archdsl.analysis.program import Definition, Instance
from archdsl.analysis.recipes import override_recipe, recipe_of
from archdsl.analysis.scale import base_of, scale
from archdsl.analysis.solve import solve
from archdsl.analysis.stages import stages_of
from archdsl.analysis.trace import fault
from archdsl.analysis.values import UNKNOWN, Environment, Origin, RecipeValue, Scaling, Setting, Value, kind_of
from archdsl.diagnostics import Fault
from archdsl.graph.cost import MEASURES
from archdsl.syntax import ast


def declared(
    ctx: Context,
    named: Definition | Instance,
    arguments: Mapping[str, Setting] | None,
    e: ast.Node,
    env: Environment,
) -> Value:
    """The value of a declared model, recipe or scaling with arguments; with none, of its name alone.

    `scaling wide = w` is another name for `w`, which is then still to be called.
    """
    if isinstance(named, Instance) or named.kind == "model":
        return instantiate(ctx, named, arguments or {}, e, env)
    if named.kind == "recipe":
        return recipe(ctx, named, arguments or {}, e, env)
    if arguments is None and named.parameters:
        return Scaling(named, {}, call=e)
    return call_scaling(ctx, named, arguments or {}, e, env)


# Declarations to models


def instantiate(
    ctx: Context, named: Definition | Instance, arguments: Mapping[str, Setting], e: ast.Node, env: Environment
) -> Model:
    """The model that a declaration makes of its arguments."""
    if isinstance(named, Instance):
        return _instance(ctx, named)
    ctx.enter(named, e, env)
    try:
        inner = environment_of(ctx, named, arguments, e, env)
        parameters = {n: Setting(inner.names[n], inner.origins.get(n)) for n in named.parameter_names}
        if named.declaration.value is not None:
            model = _alias(ctx, named, named.declaration.value, inner)
            if not parameters:
                return model
            of_inside = model.made.parameters if model.made is not None else {}
            made = Made(named, dict(arguments), {**of_inside, **parameters}, inside=model.made)
            return replace(model, made=made)
        return replace(_model(ctx, named, inner), made=Made(named, dict(arguments), parameters))
    finally:
        ctx.leave(named)


def recipe(
    ctx: Context, named: Definition, arguments: Mapping[str, Setting], e: ast.Node, env: Environment
) -> RecipeValue:
    """A recipe: its body, or the one that it is another name for."""
    ctx.enter(named, e, env)
    try:
        inner = environment_of(ctx, named, arguments, e, env)
        value = named.declaration.value
        if value is None:
            return recipe_of(ctx, named, inner)
        found = ctx.evaluate(value, inner)
        if not isinstance(found, RecipeValue):
            raise fault("E212", f"the recipe `{named.name}` must be a recipe, not {kind_of(found)}", value, inner)
        doc = named.declaration.doc or found.doc
        return replace(found, name=named.name, span=named.declaration.name.span, doc=doc)
    finally:
        ctx.leave(named)


def _instance(ctx: Context, instance: Instance) -> Model:
    """A row of `models`: cells are arguments, or claims and sources in columns like `expect.flops`."""
    columns = {column.name for column in instance.header.cells if isinstance(column, ast.Reference)}
    needed = [p.name.text for p in instance.model.parameters if p.default is None] if instance.model else []
    if instance.model is None or not columns.issuperset(needed):
        raise AlreadyReported
    env = Environment(instance.module)
    arguments: dict[str, Setting] = {}
    sections: dict[str, list[tuple[str, ast.Expression]]] = {}
    for column, cell in zip(instance.header.cells, instance.row.cells, strict=True):
        if isinstance(cell, ast.Absent):
            continue
        if isinstance(column, ast.Reference) and column.name != "name":
            arguments[column.name] = Setting(ctx.evaluate(cell, env), Origin(cell, env))
        elif isinstance(column, ast.Attribute) and isinstance(column.value, ast.Reference):
            section, name = column.value.name, column.name.text
            if name in model_fields.COLUMN_SECTIONS.get(section, ()):  # else the resolver reported it
                sections.setdefault(section, []).append((name, cell))
    model = instantiate(ctx, instance.model, arguments, instance.row, env)
    claims = model.claims + _row_claims(ctx, sections.get("expect", []), env)
    provenance = dict(model.provenance)
    for name, cell in sections.get("source", []):
        setting = model_fields.checked_value(ctx, name, cell, model_fields.SOURCE[name], env)
        if setting is not None:
            provenance[name] = setting
    return replace(model, name=instance.name, span=instance.span, claims=claims, provenance=provenance)


def _row_claims(ctx: Context, cells: list[tuple[str, ast.Expression]], env: Environment) -> tuple[Claim, ...]:
    options = model_fields.claim_options(ctx, {n: c for n, c in cells if n not in MEASURES}, env)
    claims = [model_fields.claim_of(ctx, name, cell, options) for name, cell in cells if name in MEASURES]
    return tuple(c for c in claims if c is not None)


def _alias(ctx: Context, named: Definition, e: ast.Expression, env: Environment) -> Model:
    try:
        value = ctx.evaluate(e, env)
    except (Fault, AlreadyReported):
        ctx.reached = None  # a part of another model, without what this one changes of it
        raise
    if not isinstance(value, Model):
        raise fault("E212", f"the model `{named.name}` must be a model, not {kind_of(value)}", e, env)
    doc = named.declaration.doc or value.doc
    return replace(value, name=named.name, span=named.declaration.name.span, doc=doc)


def _model(ctx: Context, named: Definition, env: Environment) -> Model:
    """The body of a model: its fields in any order, each evaluated for itself."""
    body = named.declaration.body
    entries = body.entries if body is not None else ()
    values: dict[str, Any] = {}
    failed: set[str] = set()
    claims: list[Claim] = []
    late: dict[str, ast.Body] = {}
    for entry in entries:
        name = entry.path.text if isinstance(entry, ast.Field | ast.Section) else ""
        try:
            match entry:
                case ast.Binding():
                    _bind_local(ctx, entry, env)
                case ast.Require():
                    require(ctx, entry, env)
                case ast.Field(value=value):
                    values[name] = _field(ctx, name, value, env)
                case ast.Section(body=section) if name == "expect":
                    claims.extend(model_fields.claims_of(ctx, section, env))
                case ast.Section(body=section) if name in ("features", "outputs", "follow"):
                    late[name] = section  # they name places in the others
                case ast.Section(body=section):
                    values[name] = model_fields.section(ctx, name, section, env)
                case _:
                    pass  # the resolver reported it
        except (Fault, AlreadyReported) as found:
            failed.add(name)
            if isinstance(found, Fault):
                ctx.report(found.diagnostic)
            if ctx.goes_on and isinstance(entry, ast.Field) and name == "stages":
                values[name] = partial_stages(ctx, entry.value, with_outputs(env))
    failed |= {name for name in ("input", "stages") if values.get(name) is None}
    if failed and not ctx.goes_on:
        raise AlreadyReported
    _late_fields(ctx, late, values, failed)
    stages = values.get("stages")  # whose truth would be their number, which differs among settings taken at once
    model = Model(
        name=named.name,
        span=named.declaration.name.span,
        doc=named.declaration.doc,
        input=values.get("input") or Setting(UNKNOWN),
        stem=values.get("stem"),
        stages=() if stages is None else stages,
        head=values.get("head"),
        follow=values.get("follow", {}),
        features=values.get("features"),
        outputs=values.get("outputs"),
        output_stride=values.get("output_stride"),
        recipe=values.get("recipe"),
        preprocess=values.get("preprocess", {}),
        init=values.get("init", {}),
        provenance=values.get("source", {}),
        claims=tuple(claims),
        holes=frozenset({name or "bindings" for name in failed}),
    )
    if failed:
        ctx.reached = model
        raise AlreadyReported
    return model


def _late_fields(ctx: Context, late: Mapping[str, ast.Body], values: dict[str, Any], failed: set[str]) -> None:
    """The sections that name places in what the other fields say, where that is known."""
    stages = values.get("stages")
    if "features" in late and stages is not None:
        values["features"] = model_fields.features_section(ctx, late["features"], len(stages))
    if "outputs" in late and stages is not None:
        values["outputs"] = model_fields.outputs_section(ctx, late["outputs"], len(stages))
    if "follow" in late and not failed & {"stem", "head"}:
        ends = {end: values.get(end) for end in ("stem", "head")}
        values["follow"] = model_fields.follow_section(ctx, late["follow"], ends)


def _bind_local(ctx: Context, entry: ast.Binding, env: Environment) -> None:
    try:
        bind_names(ctx, entry, env)
    except (Fault, AlreadyReported):
        for name in entry.names:
            env.bind(name.text, UNKNOWN)
        raise


def _field(ctx: Context, name: str, e: ast.Expression, env: Environment) -> Any:
    if name == "input":
        return model_fields.input_size(ctx, e, env)
    if name in ("stem", "head"):
        return model_fields.end_block(ctx, name, e, with_outputs(env))
    if name == "stages":
        return stages_of(ctx, e, with_outputs(env))
    if name == "features":
        return model_fields.features_value(ctx, e, env)
    if name == "output_stride":
        return model_fields.stride_setting(ctx, e, env)
    if name == "recipe":
        return model_fields.recipe_setting(ctx, e, env)
    raise AlreadyReported  # the resolver reported it


# Arrows and `with` on models


def lead(ctx: Context, value: Value, step: ast.Expression, env: Environment) -> Value:
    """An arrow from what is no tensor and no block: a model into a scaling."""
    if not isinstance(value, Model):
        raise fault("E310", f"an arrow cannot start at {kind_of(value)}", step, env)
    scaling = ctx.evaluate(step, env)
    if not isinstance(scaling, Scaling):
        raise fault("E212", f"an arrow leads a model into a scaling, not into {kind_of(scaling)}", step, env)
    if scaling.of.declaration.value is not None:
        scaling = call_scaling(ctx, scaling.of, scaling.arguments, step, env)
    if scaling.unknown is None:
        return scale(ctx, base_of(ctx, value), scaling, step, env)
    return solve(ctx, value, scaling, step, env)


def call_scaling(
    ctx: Context, definition: Definition, arguments: Mapping[str, Setting], e: ast.Node, env: Environment
) -> Scaling:
    """A scaling with arguments; of an alias, the scaling behind it."""
    if definition.declaration.value is None:
        return Scaling(definition, dict(arguments), call=e)
    ctx.enter(definition, e, env)
    try:
        inner = environment_of(ctx, definition, arguments, e, env)
        value = ctx.evaluate(definition.declaration.value, inner)
    finally:
        ctx.leave(definition)
    if not isinstance(value, Scaling):
        place = definition.declaration.value
        raise fault("E212", f"the scaling `{definition.name}` must be a scaling, not {kind_of(value)}", place, inner)
    return replace(value, call=e, alias=definition.name)


def override(ctx: Context, value: Value, e: ast.Derived, env: Environment) -> Value:
    """`value with { … }`: of a model, a recipe, a scaling."""
    if isinstance(value, Model):
        changed = override_model(ctx, value, e.body, env)
        return value.changed_to(changed, partial(override_model, body=e.body, env=env))
    if isinstance(value, RecipeValue):
        return override_recipe(ctx, value, e.body.entries, env)
    if isinstance(value, Scaling):
        return replace(value, changes=(*value.changes, (e.body, env)))
    raise fault("E310", f"`with` does not change {kind_of(value)}", e, env)
