"""A recipe and the model that it trains: whether they go together, and what the recipe changes in the network."""

from __future__ import annotations

from dataclasses import replace

from archdsl.analysis.assemble import network_at
from archdsl.analysis.context import Context
from archdsl.analysis.model import Model
from archdsl.analysis.recipes import recipe_sizes, resolve_recipe
from archdsl.analysis.scale import made_anew
from archdsl.analysis.values import Environment, RecipeValue, Setting
from archdsl.diagnostics import Diagnostic, Fault, Label
from archdsl.graph.network import Network
from archdsl.numbers import normalise
from archdsl.syntax import ast
from archdsl.training.recipe import CHANNELS, Recipe, undefined

DROP_PATH = "drop_path_rate"
"""The parameter of a family that a recipe's stochastic depth is the value of."""


def recipe_for(ctx: Context, model: Model, network: Network, written: RecipeValue | None) -> Recipe | None:
    """A recipe with every setting; its image sizes must be legal for the model. Raises `Fault`."""
    if written is None:
        return None
    recipe = resolve_recipe(written)
    for path, size in recipe_sizes(recipe):
        try:
            network_at(ctx, model, network, (network.input[0], *size))
        except Fault as found:
            place = Label(written.given[path].span if path in written.given else written.span, "this size")
            labels = (*found.diagnostic.labels, place)
            message = f"the recipe `{recipe.name}` asks for {size[0]} x {size[1]}: {found.diagnostic.message}"
            raise Fault(replace(found.diagnostic, message=message, labels=labels)) from None
    _verify_images(written, recipe, network.input)
    return recipe


def _verify_images(written: RecipeValue, recipe: Recipe, shape: tuple[int, ...]) -> None:
    """What a recipe does with images must be defined for those of the network: C x H x W."""
    channels, height, width = (int(extent) for extent in shape)
    for name in undefined(recipe, channels):
        path = name if name in written.given else f"progressive.{name}"
        known = " or ".join(map(str, CHANNELS[name]))
        message = f"`{name}` is defined for images of {known} channels, and the network takes {channels}"
        help_ = f"leave it out: `{recipe.name} with {{ {path}: none }}`"
        span = written.given[path].span if path in written.given else written.span
        raise Fault(Diagnostic("E302", message, span, help=help_))
    sides = [size for path, size in recipe_sizes(recipe) if path != "test_size"]
    least = min(min(size) for size in sides or [(height, width)])
    if recipe.crop_padding >= least:
        message = f"`crop_padding` must be less than the {least} pixels of an image, not {recipe.crop_padding}"
        raise Fault(Diagnostic("E302", message, written.given["crop_padding"].span))


def with_drop_path(ctx: Context, model: Model, recipe: Recipe | None, env: Environment) -> Model:
    """The model with the recipe's stochastic depth, where its family has another rate.

    A family says by its parameter `drop_path_rate` how the rate is shared among the blocks. A recipe's rate of 0
    leaves the network as it is: its training is told so.
    """
    made = model.made
    own = made.parameters.get(DROP_PATH) if made is not None else None
    if recipe is None or own is None:
        return model
    rate = next((values[-1] for name, values in recipe.staged if name == "drop_path"), recipe.drop_path)
    if not rate or rate == own.value:
        return model
    where = ast.Identifier(model.span, model.name)
    return made_anew(ctx, model, {DROP_PATH: Setting(normalise(rate), own.origin)}, where, env)


__all__ = ["DROP_PATH", "recipe_for", "with_drop_path"]
