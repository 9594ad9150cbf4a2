"""What is asked for on top of a file: `--set`, `--scale`, `--to`, `--input` and `--recipe`, as texts of the language.

Each is a program of its own beside the file: it sees the names of the file, and the scalings of the library. What
enters is a model; what leaves is the model after the changes, in their order: settings, scalings, input.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial

from archdsl.analysis.context import Context
from archdsl.analysis.elaborate import lead, recipe
from archdsl.analysis.fields import MODEL_FIELDS
from archdsl.analysis.model import Model
from archdsl.analysis.names import did_you_mean
from archdsl.analysis.override import override_model
from archdsl.analysis.prelude import PRELUDE
from archdsl.analysis.program import Definition, Instance, Module, Program, family_of, named_span, walk
from archdsl.analysis.values import Environment, Origin, RecipeValue, Setting
from archdsl.diagnostics import Diagnostic, Fault, Label
from archdsl.records import dataclass
from archdsl.source import Source, Span
from archdsl.suggest import nearest
from archdsl.syntax import ast
from archdsl.syntax.parser import parse_body, parse_expression

SCALINGS = "std.scaling"
"""The module whose scalings can be named on the command line without a `use`."""
RECIPES = "std.recipes"
"""The same for recipes."""
_SHORT = 100
"""Characters of a text that is kept with its tree."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What is asked for on top of a file. Texts are in the language.

    `settings` are (path, value) pairs: a parameter of the model, or a path as in `with`. `scalings` are
    calls such as `dWr(4)`. They apply in the order settings, scalings, input. A recipe is no change of the network.
    """

    settings: tuple[tuple[str, str], ...] = ()
    scalings: tuple[str, ...] = ()
    input: str | None = None
    recipe: str | None = None
    """The recipe by its name: of the file, or of the standard library."""

    def __bool__(self) -> bool:
        return bool(self.settings or self.scalings or self.input)


@dataclass(frozen=True, slots=True)
class Scope:
    """What the texts see: the names of the file, and those of modules of the library."""

    program: Program
    library: Callable[[str], Module | None]
    """A module of the standard library by its name; none if there is none."""

    def environment(self, source: Source) -> Environment:
        """What a text sees."""
        module = Module(source.name, source, library=False)
        scalings = self.library(SCALINGS)
        if scalings is not None:
            declared = {n: d for n, d in scalings.names.items() if n not in scalings.used}
            module.names.update(declared)
        module.names.update(self.program.entry.names)
        return Environment(module)

    def expression(self, name: str, text: str) -> tuple[ast.Expression, Environment]:
        """A text as an expression, and what it sees. Raises `Fault`."""
        source, expression = (_parsed if len(text) < _SHORT else _parsed.__wrapped__)(name, text)
        return expression, self.environment(source)


@lru_cache(maxsize=256)
def _parsed(name: str, text: str) -> tuple[Source, ast.Expression]:
    """A text as an expression, with its source. Raises `Fault`."""
    # A study sets the same few numbers again and again.
    source = Source(name, text)
    expression, faults = parse_expression(source)
    if expression is None:
        raise Fault(faults[0])
    return source, expression


def arguments(ctx: Context, named: Definition | Instance, changes: Changes, scope: Scope) -> dict[str, Setting]:
    """The settings that are parameters of the model: what it is made with. Raises `Fault`."""
    found: dict[str, Setting] = {}
    for name, text in changes.settings:
        if name in _parameters(named):
            expression, env = scope.expression(f"--set {name}", text)
            found[name] = Setting(ctx.evaluate(expression, env), Origin(expression, env))
        else:
            _verify_own(named, name, text)
    return found


def changed(ctx: Context, model: Model, named: Definition | Instance, changes: Changes, scope: Scope) -> Model:
    """The model after the changes that are no arguments of it. Raises `Fault`."""
    for name, text in changes.settings:
        if name not in _parameters(named):
            model = _overridden(ctx, model, f"--set {name}", f"{{ {name}: {text} }}", scope)
    for text in changes.scalings:
        expression, env = scope.expression(f"--scale {text}", text)
        _verify_scaling(expression, env)
        value = lead(ctx, model, expression, env)
        model = value if isinstance(value, Model) else model
    if changes.input is not None:
        extents = changes.input.lower().split("x")
        if len(extents) == 2:
            extents = [str(model.shape[0]), *extents]
        text = " x ".join(extent.strip() for extent in extents)
        model = _overridden(ctx, model, "--input", f"{{ input: {text} }}", scope)
    return model


@dataclass(frozen=True, slots=True)
class Symbolic:
    """A scaling by what is no number: a call with names that nothing has, such as `alpha(s, a)`."""

    text: str
    call: ast.Expression
    environment: Environment
    names: tuple[str, ...]
    """The names that stand for numbers, in the order of the text."""


def symbolic_scaling(text: str, scope: Scope) -> Symbolic | None:
    """A scaling with names for numbers; none where every name has a meaning. Raises `Fault` for a text that is none."""
    call, env = scope.expression(f"--scale {text}", text)
    called = call.function if isinstance(call, ast.Call) else call
    _verify_scaling(call, env)
    bound = {node.variable.text for node in walk(call) if isinstance(node, ast.Comprehension)}
    names = [
        node.name
        for node in walk(call)
        if isinstance(node, ast.Reference) and node is not called and node.name not in bound
    ]
    free = [name for name in dict.fromkeys(names) if name not in env.module.names and name not in PRELUDE]
    return Symbolic(text, call, env, tuple(free)) if free else None


def asked_recipe(ctx: Context, model: Model, name: str | None, scope: Scope) -> RecipeValue | None:
    """The recipe of that name, of the file or of the library; without a name the model's own. Raises `Fault`."""
    if name is None:
        return model.recipe
    library = scope.library(RECIPES)
    shipped = library.names if library is not None else {}
    own = scope.program.entry.names
    named = own.get(name)
    if not _is_recipe(named):
        named = shipped.get(name)
    where = Span(Source(f"--recipe {name}", name), 0, len(name))
    if not (isinstance(named, Definition) and _is_recipe(named)):
        known = [n for n, d in {**shipped, **own}.items() if isinstance(d, Definition) and _is_recipe(d) and not d.open]
        help_ = did_you_mean(name, known, otherwise=f"there are {', '.join(sorted(known))}").help
        raise Fault(Diagnostic("E201", f"there is no recipe `{name}`", where, help=help_))
    if named.open:
        message = f"`{name}` needs {', '.join(f'`{p}`' for p in named.open)}"
        help_ = f"write `--set 'recipe={name}({named.open[0]}: …)'`, with a `use` of it in the file"
        raise Fault(Diagnostic("E306", message, where, help=help_))
    return recipe(ctx, named, {}, ast.Identifier(where, name), Environment(named.module))


def _is_recipe(named: object) -> bool:
    return isinstance(named, Definition) and named.kind == "recipe"


def _parameters(named: Definition | Instance) -> tuple[str, ...]:
    return named.parameter_names if isinstance(named, Definition) else ()


def _verify_own(named: Definition | Instance, name: str, text: str) -> None:
    """E202 for a parameter of the family that a model is one of, which the model has given already, or a typo."""
    span = Span(Source(f"--set {name}", f"{name}={text}"), 0, len(name))
    known = [*_parameters(named)]
    family = family_of(named)
    while family is not None:
        known += family.parameter_names
        if name in family.parameter_names and name not in MODEL_FIELDS:
            message = f"`{name}` is a parameter of the family `{family.name}`, which `{named.name}` has given"
            source = family.module.source.name
            where = "" if family.module.library else f", or compile `{source}:{family.name}` with this `--set`"
            help_ = f"declare a model, `model m = {family.name}({name}: {text})`{where}"
            labels = (Label(named_span(named), "here"),)
            raise Fault(Diagnostic("E202", message, span, labels=labels, help=help_))
        family = family_of(family)
    hint = did_you_mean(name, known, span)
    if hint.edits and name.isidentifier() and nearest(name, MODEL_FIELDS) is None:
        message = f"`{name}` is no parameter of `{named.name}` or its family, and no field of a model"
        raise Fault(Diagnostic("E202", message, span, help=hint.help, edits=hint.edits))


def _verify_scaling(expression: ast.Expression, env: Environment) -> None:
    """A better message than an unknown name for a scaling that does not exist."""
    called = expression.function if isinstance(expression, ast.Call) else expression
    if not isinstance(called, ast.Reference) or called.name in env.module.names:
        return
    scalings = [n for n, d in env.module.names.items() if isinstance(d, Definition) and d.kind == "scaling"]
    hint = did_you_mean(called.name, scalings, called.span, f"there are {', '.join(sorted(scalings))}")
    message = f"there is no scaling `{called.name}`"
    raise Fault(Diagnostic("E201", message, called.span, help=hint.help, edits=hint.edits))


def _overridden(ctx: Context, model: Model, name: str, text: str, scope: Scope) -> Model:
    """The model after `with { path: value }`. Raises `Fault`."""
    source = Source(name, text)
    body, faults = parse_body(source)
    if body is None:
        raise Fault(faults[0])
    if len(body.entries) != 1:
        where = body.entries[-1].span if body.entries else Span(source, 0, len(text))
        raise Fault(Diagnostic("E101", f"`{name}` changes one thing", where, help="give each its own `--set`"))
    env = scope.environment(source)
    return model.changed_to(override_model(ctx, model, body, env), partial(override_model, body=body, env=env))


__all__ = [
    "RECIPES",
    "SCALINGS",
    "Changes",
    "Scope",
    "Symbolic",
    "arguments",
    "asked_recipe",
    "changed",
    "symbolic_scaling",
]
