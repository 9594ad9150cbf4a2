"""A training recipe as canonical `.arch` text with every setting, the unused ones too.

It means the same recipe: it is compiled again before it is returned.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction

from archdsl import __version__
from archdsl.analysis.answers import recipe_named
from archdsl.analysis.program import Reader
from archdsl.analysis.recipe_fields import FIELDS, FORMS, PARTS
from archdsl.compiler import Compiler
from archdsl.diagnostics import Diagnostics
from archdsl.numbers import format_number, normalise
from archdsl.source import Source
from archdsl.syntax.formatter import format_source
from archdsl.training.recipe import Duration, Optimizer, Recipe, Schedule
from archdsl.views.names import comment


def show_recipe(recipe: Recipe, reader: Reader) -> str:
    """A recipe as text with every setting. Raises `ValueError` where no text can be given, with the reason."""
    head = comment(f"`{recipe.name}`, every setting of it, by archdsl {__version__}")
    body = f"arch 1\n\n{comment(recipe.doc)}{_recipe(recipe)}\n"
    text = head + "\n" + format_source(Source(f"{recipe.name}.arch", body))
    if _recipe_again(recipe.name, text, reader) != recipe:
        raise ValueError(f"the recipe `{recipe.name}` cannot be written as a text that means the same")
    return text


def _recipe_again(name: str, text: str, reader: Reader) -> Recipe | None:
    diagnostics = Diagnostics()
    program = Compiler(reader).program(Source(f"{name}.arch", text), diagnostics)
    return None if diagnostics.failed else recipe_named(program, name, diagnostics)


def _recipe(recipe: Recipe) -> str:
    """The declaration. What only says something of a part that is not used cannot stand in it."""
    staged = dict(recipe.staged)
    unused = {
        part
        for whole, parts in PARTS.items()
        for part in parts
        if getattr(recipe, whole) is None and whole not in staged
    }
    lines = [f"{name}: {_form(getattr(recipe, name), forms)}" for name, forms in FORMS.items()]
    for name in FIELDS:
        if name not in unused:
            value = getattr(recipe, name)
            lines.append(f"{name}: {value} steps" if name == "ema_every" else f"{name}: {_plain(value)}")
    if recipe.stages > 1 or staged:
        stages = [f"{name}: [{', '.join(map(_plain, values))}]" for name, values in recipe.staged]
        lines.append("\n".join(["progressive {", f"stages: {recipe.stages}", *stages, "}"]))
    for section in ("verified", "source"):
        inside = [f"{name}: {_plain(text)}" for name, text in getattr(recipe, section)]
        lines += ["\n".join([f"{section} {{", *inside, "}"])] if inside else []
    return "\n".join([f"recipe {recipe.name} {{", *lines, "}"])


def _form(form: Optimizer | Schedule, forms: Mapping[str, Iterable[str]]) -> str:
    """`sgd(momentum: 0.9, …)`."""
    parts = []
    for name in forms[form.kind]:
        if isinstance(form, Optimizer) and name in ("beta_1", "beta_2"):
            value: object = form.betas[name == "beta_2"]
        else:
            value = getattr(form, name)
        parts.append(f"{name}: {_plain(value)}")
    return f"{form.kind}({', '.join(parts)})"


def _plain(value: object) -> str:
    """A value of a recipe. A pair of whole numbers is a size, one of fractions a range."""
    match value:
        case None:
            return "none"
        case bool():
            return "true" if value else "false"
        case int() | Fraction():
            return format_number(normalise(value))
        case str() if not set(value) & set('"\r\n'):
            return f'"{value}"'
        case Duration(amount=amount, unit=unit):
            return f"{format_number(normalise(amount))} {unit}"
        case (int() as height, int() as width):
            return f"{height} x {width}"
        case (Fraction() as low, Fraction() as high):
            return f"{_plain(low)} .. {_plain(high)}"
        case tuple():
            return f"[{', '.join(map(_plain, value))}]"
    raise ValueError(f"{value!r} has no form in the language")
