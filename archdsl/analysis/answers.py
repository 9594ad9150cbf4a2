"""What is asked of resolved programs and models from outside: each answer comes of an evaluation of its own."""

from __future__ import annotations

from archdsl.analysis import settings
from archdsl.analysis.context import AlreadyReported
from archdsl.analysis.elaborate import recipe
from archdsl.analysis.language import evaluation
from archdsl.analysis.model import Model
from archdsl.analysis.program import Definition, Primitive, Program
from archdsl.analysis.recipes import resolve_recipe
from archdsl.analysis.values import UNKNOWN, Environment, Setting, Value
from archdsl.diagnostics import Diagnostics, Fault
from archdsl.syntax import ast
from archdsl.training.recipe import Recipe


def used_settings(model: Model) -> list[list[dict[str, Setting]]]:
    """For every stage, the settings of its blocks after `fit`, defaults that need no input filled in.

    One entry for a stage whose blocks agree, else one a block. Raises `Fault` or `AlreadyReported` where it has none.
    """
    return settings.used_settings(evaluation(), model)


def plain_defaults(of: Definition | Primitive) -> dict[str, Value]:
    """The defaults of a block that are values: those that ask for no other setting and no input."""
    return settings.plain_defaults(evaluation(), of)


def recipe_named(program: Program, name: str, diagnostics: Diagnostics) -> Recipe | None:
    """A recipe that the entry file declares, with every setting decided; none where that is a fault."""
    named = program.recipes.get(name)
    if named is None:
        return None
    try:
        site = ast.Identifier(program.entry.spans[name], name)
        return resolve_recipe(recipe(evaluation(diagnostics), named, {}, site, Environment(program.entry)))
    except Fault as found:
        diagnostics.add(found.diagnostic)
    except AlreadyReported:
        pass  # what is behind it is among the diagnostics
    return None


def value_in(e: ast.Expression, env: Environment) -> Value:
    """The value of an expression of a resolved model, once more. Raises `Fault` or `AlreadyReported`."""
    return evaluation().evaluate(e, env)


def value_of(e: ast.Expression, program: Program, diagnostics: Diagnostics) -> Value:
    """The value of an expression that stands for itself, as the entry file sees it; `UNKNOWN` where that is a fault."""
    try:
        return evaluation(diagnostics).evaluate(e, Environment(program.entry))
    except Fault as found:
        diagnostics.add(found.diagnostic)
    except AlreadyReported:
        pass  # what is behind it is among the diagnostics
    return UNKNOWN
