"""Tables of training: settings of the shipped recipes beside the printed ones, and what progressive learning costs."""

from __future__ import annotations

from fractions import Fraction

from archdsl.analysis.recipes import recipe_sizes
from archdsl.analysis.trace import show_value
from archdsl.compiler import Changes
from archdsl.graph.cost import count
from archdsl.numbers import normalise
from archdsl.papers.data import Column, Row, Table, Trained
from archdsl.papers.figures import Figure, TrainingCost
from archdsl.papers.networks import Networks
from archdsl.training.recipe import Recipe


def recipe_figures(table: Table, row: Row, networks: Networks) -> list[Figure]:
    """The printed values of a setting in recipes and their stages, and those of the recipes."""
    figures = []
    for column in table.columns:
        printed = row.cells[column.name].printed
        recipe = _recipe(table, column.recipe, networks)
        if recipe is None or row.setting is None:
            figures.append(Figure(column.name, printed, None, None, None, "missing"))
            continue
        value = _in_stage(recipe, row.setting, column.stage)
        same = value == Fraction(printed)
        whole = int(value) if value.denominator == 1 else None
        figures.append(
            Figure(column.name, printed, show_value(normalise(value)), whole, None, "same" if same else "unexplained")
        )
    return figures


def recipe_told(table: Table, column: Column, name: str, networks: Networks) -> Figure:
    """A setting of a recipe that the paper does not print."""
    recipe = _recipe(table, name, networks)
    if recipe is None:
        return Figure(column.name, None, None, None, None, "missing")
    text = ", ".join([str(getattr(recipe, setting)) for setting in column.reads])
    return Figure(column.name, None, text, int(text) if text.isdecimal() else None, None, "not printed")


def _recipe(table: Table, name: str | None, networks: Networks) -> Recipe | None:
    if name is None:
        return None
    return networks.recipe(table.recipes, name) if table.recipes else networks.made_recipe(table.program, name)


def _in_stage(recipe: Recipe, setting: str, stage: int) -> Fraction:
    """A setting in a stage of progressive learning; what no stage changes is the recipe's, and 0 where it has none."""
    staged = dict(recipe.staged)
    if setting in staged:
        return staged[setting][stage]
    return Fraction(getattr(recipe, setting, None) or 0)


def training_cost(table: Table, trained: Trained, networks: Networks) -> TrainingCost:
    """The flops of a network at the sizes of all stages of a recipe, and what a stage costs in the mean, as a share of
    the last one; without figures where there is no such network or recipe."""
    recipe = _recipe(table, trained.recipe, networks)
    missing = TrainingCost(trained.row, trained.model, trained.recipe, [], [], None, None)
    if recipe is None:
        return missing
    sizes = [size for path, size in recipe_sizes(recipe) if path == "progressive.image_size"]
    compiled = [networks.find(trained.model, Changes(input=f"{height}x{width}")) for height, width in sizes]
    flops = [count(each.network).flops for each in compiled if each is not None]
    if not sizes or len(flops) < len(sizes):
        return missing
    areas = [height * width for height, width in sizes]
    return TrainingCost(
        trained.row,
        trained.model,
        trained.recipe,
        [f"{height} x {width}" for height, width in sizes],
        flops,
        _mean_share(areas),
        _mean_share(flops),
    )


def _mean_share(amounts: list[int]) -> str:
    """The mean of all as a share of the last, to three digits behind the point, half up."""
    share = Fraction(sum(amounts), len(amounts) * amounts[-1])
    return f"{int(share * 1000 + Fraction(1, 2)) / 1000:.3f}"
