"""`recipe`: how a network is trained, from its fields in the language to a `Recipe` with every setting decided.

A field has one kind of value, which a table says; `optimizer` and `schedule` name one of a few forms with its
settings, such as `sgd(momentum: 0.9)`: these words mean something in their field only. What was given is kept with its
place until the end, so that `with` can change it and a fault can name it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

from archdsl.analysis.bodies import bind_names, require
from archdsl.analysis.context import AlreadyReported, Context
from archdsl.analysis.evaluate import literal
from archdsl.analysis.fields import repeated_field
from archdsl.analysis.names import did_you_mean, misplaced, unknown_setting
from archdsl.analysis.program import Definition
from archdsl.analysis.recipe_fields import (
    FIELDS,
    FORMS,
    INSIDE,
    NEEDED,
    PARTS,
    REQUIRED,
    SECTIONS,
    STAGED,
    VERIFIED,
    Kind,
    misnamed,
)
from archdsl.analysis.trace import fault, show_value
from archdsl.analysis.values import Environment, Origin, RecipeField, RecipeValue, Value, is_list, whole
from archdsl.diagnostics import Diagnostic, Fault
from archdsl.graph.shapes import Range
from archdsl.numbers import Irrational
from archdsl.syntax import ast
from archdsl.training.recipe import Duration, Optimizer, Recipe, Schedule

ABOUT = frozenset(("verified", "transcribed", "source"))
"""What is said of a recipe; it is not true of a changed one."""


CHANGED = "_changed"
"""What the name of a changed recipe ends with until it has one of its own."""


def recipe_of(ctx: Context, named: Definition, env: Environment) -> RecipeValue:
    """The body of a recipe, in the environment of its parameters."""
    body = named.declaration.body
    written = RecipeValue(named.name, named.declaration.name.span, {}, named.declaration.doc)
    return override_recipe(ctx, written, body.entries if body is not None else (), env, "a recipe")


def override_recipe(
    ctx: Context, written: RecipeValue, entries: Iterable[ast.Entry], env: Environment, where: str = "`with`"
) -> RecipeValue:
    """A recipe after the entries of its body or of a `with`, faults side by side; raises `AlreadyReported`."""
    entries = tuple(entries)
    given = dict(written.given)
    before = given.get("rate_batch", given.get("batch"))
    heads = {entry.path.head.text for entry in entries if isinstance(entry, ast.Field | ast.Section)}
    if not heads <= ABOUT:  # another recipe: nothing was said of it yet
        given = {path: each for path, each in given.items() if path.split(".")[0] not in ABOUT}
    seen: dict[str, ast.Identifier] = {}
    failed = False
    for entry in entries:
        try:
            match entry:
                case ast.Binding() if where == "a recipe":
                    bind_names(ctx, entry, env)
                case ast.Require() if where == "a recipe":
                    require(ctx, entry, env)
                case ast.Field(path=path, value=ast.Constant(value=None)) if path.text in SECTIONS:
                    given = {key: each for key, each in given.items() if key.split(".")[0] != path.text}
                case ast.Field(path=path, value=value):
                    _once(ast.Identifier(path.span, path.text), seen)
                    _enter(ctx, given, path, value, env)
                case ast.Section(path=path, body=body):
                    _once(ast.Identifier(path.span, path.text), seen)
                    wrong = misnamed(path, section=True)
                    if wrong is not None:
                        raise Fault(wrong)
                    for inner in body.entries:
                        if not isinstance(inner, ast.Field):
                            raise Fault(misplaced(inner, f"`{path.text}`", "`name: value`"))
                        whole = ast.Path(inner.path.span, (*path.steps, *inner.path.steps))
                        _once(ast.Identifier(whole.span, whole.text), seen)
                        _enter(ctx, given, whole, inner.value, env)
                case _:
                    raise Fault(misplaced(entry, where, "`name: value` and sections"))
        except Fault as found:
            ctx.report(found.diagnostic)
            failed = True
        except AlreadyReported:
            failed = True
    if failed:
        raise AlreadyReported
    if where == "a recipe" or heads <= ABOUT:
        return replace(written, given=given)
    if "rate_batch" not in heads:
        if "schedule.peak" in seen or "schedule" in seen:  # one for the batch that is now
            given.pop("rate_batch", None)
        elif "batch" in heads and before is not None:
            given["rate_batch"] = before
    name = written.name if written.name.endswith(CHANGED) else f"{written.name}{CHANGED}"
    return replace(written, given=given, name=name, doc="")


def _once(name: ast.Identifier, seen: dict[str, ast.Identifier]) -> None:
    if name.text in seen:
        raise Fault(repeated_field(name, seen[name.text]))
    seen[name.text] = name


def _enter(ctx: Context, given: dict[str, RecipeField], path: ast.Path, e: ast.Expression, env: Environment) -> None:
    """Keep what a field says, checked; `none` takes back what was said."""
    text, head = path.text, path.head.text
    rest = text.removeprefix(f"{head}.") if text != head else ""
    if head in FORMS and not rest:
        for name in [name for name in given if name.startswith(f"{head}.")]:
            del given[name]
        given.update(_form(ctx, head, e, env))
        return
    if head in FORMS:
        if head not in given:
            raise Fault(Diagnostic("E316", f"the recipe has no `{head}` yet", path.span))
        form = str(given[head].value)
        known = FORMS[head][form]
        if rest not in known:
            raise unknown_setting(ast.Identifier(path.span, rest), tuple(known), form)
        given[text] = _checked(ctx, rest, known[rest], e, env)
        return
    wrong = misnamed(path)
    if wrong is not None:
        raise Fault(wrong)
    name, kind = (rest, INSIDE[head][rest]) if rest else (text, FIELDS[text])
    given[text] = _checked(ctx, name, kind, e, env)


def _form(ctx: Context, name: str, e: ast.Expression, env: Environment) -> dict[str, RecipeField]:
    """`sgd(momentum: 0.9)`: a word of the field, with its settings by name."""
    function, arguments = (e.function, e.arguments) if isinstance(e, ast.Call) else (e, ())
    forms = FORMS[name]
    listed = ", ".join([f"`{form}(…)`" for form in forms])
    if not isinstance(function, ast.Reference):
        raise Fault(Diagnostic("E301", f"`{name}` is one of {listed}", e.span))
    if function.name not in forms:
        help_ = did_you_mean(function.name, forms).help
        raise Fault(Diagnostic("E201", f"`{name}` is one of {listed}", function.span, help=help_))
    found = {name: RecipeField(function.name, function.span)}
    for argument in arguments:
        if argument.name is None:
            message = f"`{function.name}` takes its settings by name"
            raise Fault(
                Diagnostic("E211", message, argument.value.span, help=f"it has {', '.join(forms[function.name])}")
            )
        setting = argument.name.text
        if setting not in forms[function.name]:
            raise unknown_setting(argument.name, tuple(forms[function.name]), function.name)
        if f"{name}.{setting}" in found:
            raise Fault(Diagnostic("E203", f"`{setting}` is given twice", argument.name.span))
        found[f"{name}.{setting}"] = _checked(ctx, setting, forms[function.name][setting], argument.value, env)
    for setting in NEEDED[name]:
        if f"{name}.{setting}" not in found:
            help_ = f"{function.name}({setting}: …)"
            raise Fault(Diagnostic("E306", f"`{function.name}` needs `{setting}`", e.span, help=help_))
    return found


def _checked(ctx: Context, name: str, kind: Kind, e: ast.Expression, env: Environment) -> RecipeField:
    if isinstance(e, ast.Number) and e.unit is not None:
        value: Value = Duration(Fraction(literal(e.text)), "epochs" if e.unit == "epochs" else "steps")
    else:
        value = ctx.evaluate(e, env)
    if value is not None:
        wrong = kind.check(value)
        if wrong is not None:
            to_digits = f"round it to some digits: `round(1000 * ({e.span.text})) / 1000`"
            help_ = to_digits if isinstance(value, Irrational) and "rational" in wrong else None
            raise fault("E302" if wrong.startswith("must") else "E301", f"`{name}` {wrong}", e, env, help=help_)
    return RecipeField(value, e.span, Origin(e, env))


# From what was given to the recipe


def resolve_recipe(written: RecipeValue) -> Recipe:
    """The recipe with every setting. Raises `Fault` for what does not go together."""
    given = {path: each for path, each in written.given.items() if each.value is not None}
    for name, example in REQUIRED.items():
        if name not in given:
            message = f"the recipe `{written.name}` has no `{name}`"
            raise Fault(Diagnostic("E210", message, written.span, help=f"add `{example}`"))
    values = {name: kind.convert(given[name].value) for name, kind in FIELDS.items() if name in given}
    stages, staged = _staged(given)
    values |= {
        "optimizer": Optimizer(**_settings(given, "optimizer")),
        "schedule": Schedule(**_settings(given, "schedule")),
    }
    values |= {"stages": stages, "staged": staged}
    for section in ("verified", "source"):
        inside = {name: given[f"{section}.{name}"].value for name in INSIDE[section] if f"{section}.{name}" in given}
        values[section] = tuple((name, v if isinstance(v, str) else show_value(v)) for name, v in inside.items())
    _consistent(given, values)
    return Recipe(name=written.name, doc=written.doc, **values)


def _settings(given: Mapping[str, RecipeField], name: str) -> dict[str, Any]:
    kind = str(given[name].value)
    found: dict[str, Any] = {"kind": kind}
    for setting, known in FORMS[name][kind].items():
        path = f"{name}.{setting}"
        if path in given:
            found[setting] = known.convert(given[path].value)
    if "beta_1" in found or "beta_2" in found:
        first, second = Optimizer("adamw").betas
        found["betas"] = (found.pop("beta_1", first), found.pop("beta_2", second))
    return found


def _staged(given: Mapping[str, RecipeField]) -> tuple[int, tuple[tuple[str, tuple[Fraction, ...]], ...]]:
    """Progressive learning: for every name its value in every stage. A range is linear over the stages; the image
    sizes of one are rounded to the nearest whole number, half to even."""
    inside = {name: given[f"progressive.{name}"] for name in STAGED if f"progressive.{name}" in given}
    count = given.get("progressive.stages")
    if count is None:
        if inside:
            where = next(iter(inside.values())).span
            raise Fault(Diagnostic("E210", "`progressive` has no `stages`", where, help="add `stages: 4`"))
        return 1, ()
    stages = _whole_of(count)
    found = []
    for name, each in inside.items():
        values = _over_stages(name, each, stages)
        for value in values:
            wrong = STAGED[name].check(value)
            if wrong is not None:
                code = "E302" if wrong.startswith("must") else "E301"
                raise Fault(Diagnostic(code, f"`{name}` {wrong}", each.span))
        found.append((name, tuple([Fraction(value) for value in values if isinstance(value, int | Fraction)])))
    if stages > _whole_of(given["epochs"]):
        message = f"{stages} stages do not go into {given['epochs'].value} epochs"
        raise Fault(Diagnostic("E302", message, count.span))
    return stages, tuple(found)


def _whole_of(each: RecipeField) -> int:
    """The value of a field that passed the check of a whole number."""
    return each.value if whole(each.value) else 0


def _over_stages(name: str, each: RecipeField, count: int) -> list[Value]:
    value = each.value
    if isinstance(value, Range):
        for end in (value.lo, value.hi):
            wrong = STAGED[name].check(end)
            if wrong is not None:
                raise Fault(Diagnostic("E302" if wrong.startswith("must") else "E301", f"`{name}` {wrong}", each.span))
        ends = Fraction(value.lo), Fraction(value.hi)
        values = [ends[0] + (ends[1] - ends[0]) * Fraction(i, max(1, count - 1)) for i in range(count)]
        return [round(v) for v in values] if name == "image_size" else list(values)
    if is_list(value):
        if len(value) != count:
            message = f"`{name}` has {len(value)} values and there are {count} stages"
            raise Fault(Diagnostic("E309", message, each.span))
        return list(value)
    return [value] * count


def _consistent(given: Mapping[str, RecipeField], values: Mapping[str, Any]) -> None:
    """What holds between fields."""

    def refuse(path: str, message: str, help_: str | None = None) -> None:
        raise Fault(Diagnostic("E302", message, given[path].span, help=help_))

    optimizer, schedule = values["optimizer"], values["schedule"]
    if optimizer.nesterov and not optimizer.momentum:
        refuse("optimizer.nesterov", "Nesterov's step needs `momentum`")
    if schedule.warmup.unit == "epochs" and schedule.warmup.amount > values["epochs"]:
        refuse("schedule.warmup", f"the warm-up takes longer than the {values['epochs']} epochs")
    if schedule.every is not None and schedule.every.amount <= 0:
        refuse("schedule.every", "`every` must be greater than 0")
    staged = [name for name, _ in values["staged"]]
    if values.get("autoaugment") and "randaugment" in (*values, *staged):
        refuse("autoaugment", "`autoaugment` and `randaugment` are two policies: choose one")
    if values.get("crop_padding") and "crop_area" in values:
        refuse("crop_padding", "`crop_padding` and `crop_area` are two ways to crop: choose one")
    for main, parts in PARTS.items():
        for name in parts:
            if name in values and main not in (*values, *staged):
                refuse(name, f"`{name}` says something of `{main}`, which is not given")
    for name in ("ema_warmup", "swa"):
        if name in values and values[name].unit == "epochs" and values[name].amount >= values["epochs"]:
            refuse(name, f"`{name}` reaches to the end of the {values['epochs']} epochs")
    if values["batch"] % values.get("accumulate", 1):
        refuse("accumulate", f"a batch of {values['batch']} cannot be taken in {values['accumulate']} equal parts")
    if values["verified"] and "transcribed" in values:
        refuse("transcribed", "a recipe is `verified` or `transcribed`, not both")
    missing = [name for name in VERIFIED if values["verified"] and name not in dict(values["verified"])]
    if missing:
        where = next(each.span for path, each in given.items() if path.startswith("verified."))
        message = f"`verified` says data, accuracy and date, and has no `{missing[0]}`"
        raise Fault(Diagnostic("E210", message, where))


def recipe_sizes(recipe: Recipe) -> list[tuple[str, tuple[int, int]]]:
    """Every image size that a recipe asks for, with the path that says so."""
    found = [(name, size) for name in ("train_size", "test_size") if (size := getattr(recipe, name)) is not None]
    sides = [int(size) for size in dict(recipe.staged).get("image_size", ())]
    return found + [("progressive.image_size", (side, side)) for side in sides]


__all__ = ["override_recipe", "recipe_of", "recipe_sizes", "resolve_recipe"]
