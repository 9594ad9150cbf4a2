"""How members are trained, and what a search makes of what was measured: the recipe and the reward of a space."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from archdsl import numbers
from archdsl.analysis.assemble import network_of
from archdsl.analysis.changes import Changes, Scope, asked_recipe, changed
from archdsl.analysis.check_space import REWARDED
from archdsl.analysis.context import AlreadyReported, Context
from archdsl.analysis.program import Program
from archdsl.analysis.trace import fault
from archdsl.analysis.trained import recipe_for, with_drop_path
from archdsl.analysis.values import Environment, RecipeValue, Value, kind_of
from archdsl.compiler import Compiled, Failed
from archdsl.diagnostics import Diagnostics, Fault
from archdsl.spaces.member import Member
from archdsl.spaces.space import Requirement
from archdsl.training.recipe import Recipe


def recipe_of(ctx: Context, member: Member) -> Recipe | None:
    """The recipe of a member: that of its space with what was drawn, or its model's. Raises `Fault`."""
    if member.model is None or member.network is None:
        return None
    written = member.model.recipe
    origin = member.space.recipe
    if origin is not None:
        env = Environment(origin.environment.module)
        env.names, env.origins = dict(member.values), dict(member.space.origins)
        value = ctx.evaluate(origin.expression, env)  # type: ignore[arg-type]
        if value is not None and not isinstance(value, RecipeValue):
            raise fault("E212", f"the `recipe` of a space is a recipe, not {kind_of(value)}", origin.expression, env)
        written = value
    return recipe_for(ctx, member.model, member.network, written)


def reward_of(ctx: Context, member: Member, measured: Mapping[str, Value]) -> Value:
    """The reward for what was measured: a number. Raises `Fault`, also for what was not measured."""
    origin = member.space.reward
    if origin is None:
        return None
    env = Environment(origin.environment.module)
    env.names = dict(measured)
    value = ctx.evaluate(origin.expression, env)  # type: ignore[arg-type]
    if not numbers.is_number(value):
        raise fault("E301", f"a `reward` is a number, not {kind_of(value)}", origin.expression, env)
    return value


def verify_reward(ctx: Context, member: Member) -> None:
    """Whether the reward is a number. Raises `Fault`."""
    reward_of(ctx, member, dict.fromkeys(REWARDED, 1))


def compiled_member(
    program: Program, ctx: Context, member: Member, changes: Changes | None = None, scope: Scope | None = None
) -> Compiled | Failed:
    """A member as the compiler returns a model, with the recipe that it is trained by.

    Changes come on top of the member, in the scope of its program; it need not be one afterwards.
    """
    diagnostics = Diagnostics()
    diagnostics.extend(member.diagnostics)
    name = member.space.name
    if member.refused is not None or member.model is None or member.network is None:
        if isinstance(member.refused, Requirement):
            diagnostics.add(member.refused.diagnostic(name))
        return Failed(name, program, diagnostics, member.steps)
    apart = ctx.fresh(diagnostics)
    model, network = member.model, member.network
    try:
        if changes is not None and scope is not None:
            model = changed(apart, model, member.space.definition, changes, scope)
            if changes:
                network = network_of(apart, model)
                member = replace(member, model=model, network=network)
        if changes is not None and scope is not None and changes.recipe is not None:
            recipe = recipe_for(apart, model, network, asked_recipe(apart, model, changes.recipe, scope))
        else:
            recipe = recipe_of(apart, member)
        trained = with_drop_path(apart, model, recipe, member.space.environment)
        if trained is not model:
            model, network = trained, network_of(apart, trained)
    except Fault as found:
        diagnostics.add(found.diagnostic)
        return Failed(name, program, diagnostics, member.steps)
    except AlreadyReported:
        return Failed(name, program, diagnostics, member.steps)
    return Compiled(name, program, diagnostics, model, network, recipe, (), member.steps + apart.steps)
