"""The phases in order: the file to read first.

    parse      text           -> syntax tree           archdsl.syntax.parser
    resolve    syntax trees   -> names, definitions    archdsl.analysis.resolve
    elaborate  a model        -> resolved stage list   archdsl.analysis.elaborate, stages, derive, scale
               stage list     -> graph of operations   archdsl.analysis.elaborate, archdsl.graph
    verify     claims         -> verdicts              archdsl.analysis.verify
    count      graph          -> exact cost            archdsl.graph.cost

Each is a function from values to values, adds to one list of diagnostics and returns its best partial
result. No exception leaves this module for a fault of the input. Files are read only through a `Reader`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field, replace
from functools import partial

from archdsl.analysis.derive import derive_model
from archdsl.analysis.elaborate import Elaborator, Progress
from archdsl.analysis.evaluate import Silent
from archdsl.analysis.fields import MODEL_FIELDS
from archdsl.analysis.model import Model
from archdsl.analysis.program import Definition, Instance, Module, Program, Reader
from archdsl.analysis.recipes import Written, recipe_sizes
from archdsl.analysis.resolve import Library, load_library, resolve
from archdsl.analysis.scale import made_anew
from archdsl.analysis.suggest import nearest
from archdsl.analysis.values import Environment, Origin, Setting
from archdsl.analysis.verify import Verdict, verdicts, verify_claims
from archdsl.diagnostics import Diagnostic, Diagnostics, Edit, Fault, Label
from archdsl.graph.network import Network
from archdsl.graph.shapes import Shape, Size
from archdsl.numbers import normalise
from archdsl.records import dataclass
from archdsl.resources import library_modules
from archdsl.source import Source, Span
from archdsl.syntax import ast
from archdsl.syntax.parser import parse_body, parse_expression
from archdsl.training.recipe import CHANNELS, Recipe, undefined

SCALINGS = "std.scaling"
"""The module whose scalings can be named on the command line without a `use`."""
RECIPES = "std.recipes"
"""The same for recipes."""
DROP_PATH = "drop_path_rate"
"""The parameter of a family that a recipe's stochastic depth is the value of."""


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


@dataclass(frozen=True)
class Compilation:
    """One model, as far as it could be compiled. `base` is the model before any change."""

    name: str
    program: Program
    diagnostics: Diagnostics
    elaborator: Elaborator
    model: Model | None = None
    base: Model | None = None
    network: Network | None = None
    verdicts: tuple[Verdict, ...] = ()
    recipe: Recipe | None = None
    """How it is trained: the recipe that was asked for, or the model's own."""


@dataclass
class Compiler:
    """Compiles programs. Keeps the parsed standard library between them."""

    read: Reader
    library: Library = field(default_factory=lambda: Library(library_modules()))
    progress: Progress | None = None

    def program(self, source: Source, diagnostics: Diagnostics) -> Program:
        """Parse and resolve a file with all that it uses."""
        return resolve(source, self.read, self.library, diagnostics)

    def check(self, source: Source, only: str | None = None) -> tuple[Program, list[Compilation], Diagnostics]:
        """Compile every model of a file, or one, and verify its claims."""
        diagnostics = Diagnostics()
        program = self.program(source, diagnostics)
        chosen = choose_model(program, source, only, diagnostics) if only is not None else None
        names = list(program.models) if only is None else [chosen] if chosen is not None else []
        found = [self.elaborate(program, name, Changes(), diagnostics) for name in names if not diagnostics.full]
        if only is None:
            self._check_recipes(program, diagnostics)
        return program, found, diagnostics

    @staticmethod
    def _check_recipes(program: Program, diagnostics: Diagnostics) -> None:
        """Decide every recipe of a file, whether a model is trained by it or not."""
        for name, named in program.recipes.items():
            ev = Elaborator(diagnostics)
            try:
                ev.recipe(
                    named, {}, ast.Identifier(program.entry.spans[name], name), Environment(program.entry)
                ).decided()
            except Fault as found:
                diagnostics.add(found.diagnostic)
            except Silent:
                pass  # what is behind it is among the diagnostics

    def compile(self, source: Source, name: str | None = None, changes: Changes | None = None) -> Compilation:
        """Compile one model of a file: the one named, or the one that the file is about."""
        diagnostics = Diagnostics()
        program = self.program(source, diagnostics)
        chosen = choose_model(program, source, name, diagnostics)
        if chosen is None:
            return Compilation(name or "", program, diagnostics, Elaborator(diagnostics, self.progress))
        return self.elaborate(program, chosen, Changes() if changes is None else changes, diagnostics)

    def elaborate(self, program: Program, name: str, changes: Changes, diagnostics: Diagnostics) -> Compilation:
        """One model of a resolved program: its stage list, its network, and its claims."""
        elaborator = Elaborator(diagnostics, self.progress)
        result = Compilation(name, program, diagnostics, elaborator)
        named = program.entry.names[name]
        if not isinstance(named, Definition | Instance):
            return result
        try:
            command = _CommandLine(self, program, elaborator, diagnostics)
            arguments, rest = command.arguments(named, changes.settings)
            env = Environment(program.entry)
            site = ast.Identifier(program.entry.spans[name], name)
            base = elaborator.instantiate(named, arguments, site, env)
            result = replace(result, base=base)
            model = command.apply(base, replace(changes, settings=rest))
            result = replace(result, model=model)
            network = elaborator.network(model)
            result = replace(result, network=network)
            recipe = command.recipe(model, network, changes.recipe)
            result = replace(result, recipe=recipe)
            dropping = command.dropping(model, recipe)
            if dropping is not None:
                result = replace(result, model=dropping, network=elaborator.network(dropping))
            if not changes:
                found = tuple(verdicts(lambda at: _network_at(elaborator, model, network, at), model.claims))
                diagnostics.extend(verify_claims(model, found))
                result = replace(result, verdicts=found)
        except Fault as found_fault:
            diagnostics.add(found_fault.diagnostic)
        except Silent:
            pass  # what is behind it is among the diagnostics
        except RecursionError:
            span = program.entry.spans[name]
            diagnostics.add(Diagnostic("E393", f"`{name}` is nested too deep to be evaluated", span))
        return result


def _network_at(elaborator: Elaborator, model: Model, network: Network, at: Shape | None) -> Network:
    """The network of a model at the input that a claim names."""
    if at is None or at == network.input:
        return network
    return elaborator.network(replace(model, input=replace(model.input, value=Size(at))))


def choose_model(program: Program, source: Source, name: str | None, diagnostics: Diagnostics) -> str | None:
    """The model to compile. Without a name: the only one, or the one named like the file."""
    models = program.models
    start = Span(source, 0, 0)
    if name is not None:
        named = program.entry.names.get(name)
        if isinstance(named, Definition | Instance) and named.kind == "model" and name not in program.entry.used:
            return name
        guess = nearest(name, models)
        help_ = f"did you mean `{guess}`?" if guess else _listed(models)
        if not program.entry.incomplete:
            diagnostics.add(Diagnostic("E201", f"the file has no model `{name}`", start, help=help_))
        return None
    stem = source.name.replace("\\", "/").rpartition("/")[2].removesuffix(".arch")
    if len(models) == 1:
        return next(iter(models))
    if stem in models:
        return stem
    if not models:
        if not program.entry.incomplete:
            message = "the file has no model that can be compiled as it is"
            diagnostics.add(Diagnostic("E210", message, start, help="a model whose parameters all have values"))
        return None
    message = f"the file has {len(models)} models, and none is named `{stem}`"
    diagnostics.add(Diagnostic("E210", message, start, help=f"name one with `--model`; {_listed(models)}"))
    return None


def _listed(models: Sequence[str] | dict[str, Definition | Instance]) -> str:
    names = list(models)
    return f"it has {', '.join(names[:12])}{', …' if len(names) > 12 else ''}" if names else "it has none"


def family_of(named: Definition | Instance) -> Definition | None:
    """The model with parameters that a model is made from by its expression, if it is made from one."""
    if isinstance(named, Instance):
        return named.model
    e: ast.Node | None = named.declaration.value
    while not isinstance(e, ast.Reference):
        match e:
            case ast.Call(function=inner) | ast.Derived(value=inner) | ast.Flow(left=inner):
                e = inner
            case _:
                return None
    found = named.module.names.get(e.name)
    if isinstance(found, Instance):
        return found.model
    return found if isinstance(found, Definition) and found.kind == "model" else None


def named_span(named: Definition | Instance) -> Span:
    """Where a model is declared."""
    return named.span if isinstance(named, Instance) else named.declaration.name.span


def _open(named: Definition) -> list[str]:
    """The parameters that have no value."""
    return [p.name.text for p in named.parameters if p.default is None]


class _CommandLine:
    """What stands in `--set`, `--scale` and `--input`, as programs of their own beside the file."""

    def __init__(self, compiler: Compiler, program: Program, ev: Elaborator, diagnostics: Diagnostics) -> None:
        self.compiler, self.program, self.ev, self.diagnostics = compiler, program, ev, diagnostics

    def _module(self, source: Source) -> Module:
        module = Module(source.name, source, library=False)
        scalings = load_library(SCALINGS, self.compiler.read, self.compiler.library, self.diagnostics)
        if scalings is not None:
            declared = {n: d for n, d in scalings.names.items() if n not in scalings.used}
            module.names.update(declared)
        module.names.update(self.program.entry.names)
        return module

    def _environment(self, source: Source) -> Environment:
        return Environment(self._module(source))

    def _expression(self, name: str, text: str) -> tuple[ast.Expression, Environment]:
        source = Source(name, text)
        expression, faults = parse_expression(source)
        if expression is None:
            raise Fault(faults[0])
        return expression, self._environment(source)

    def arguments(
        self, named: Definition | Instance, settings: tuple[tuple[str, str], ...]
    ) -> tuple[dict[str, Setting], tuple[tuple[str, str], ...]]:
        """The settings that are parameters of the model, and the others."""
        parameters = named.parameter_names if isinstance(named, Definition) else ()
        found: dict[str, Setting] = {}
        rest = []
        for name, text in settings:
            if name not in parameters:
                self._verify_own(named, name, text)
                rest.append((name, text))
                continue
            expression, env = self._expression(f"--set {name}", text)
            found[name] = Setting(self.ev.evaluate(expression, env), Origin(expression, env))
        return found, tuple(rest)

    @staticmethod
    def _verify_own(named: Definition | Instance, name: str, text: str) -> None:
        """E202 for a parameter of the family that a model is one of, which the model has given already."""
        family = family_of(named)
        while family is not None:
            if name in family.parameter_names and name not in MODEL_FIELDS:
                message = f"`{name}` is a parameter of the family `{family.name}`, which `{named.name}` has given"
                source = family.module.source.name
                where = "" if family.module.library else f", or compile `{source}:{family.name}` with this `--set`"
                help_ = f"declare a model, `model m = {family.name}({name}: {text})`{where}"
                span = Span(Source(f"--set {name}", f"{name}={text}"), 0, len(name))
                labels = (Label(named_span(named), "here"),)
                raise Fault(Diagnostic("E202", message, span, labels=labels, help=help_))
            family = family_of(family)

    def recipe(self, model: Model, network: Network, name: str | None) -> Recipe | None:
        """The recipe of that name, or the model's own; its image sizes must be legal for the model."""
        written = model.recipe if name is None else self._named_recipe(name)
        if written is None:
            return None
        recipe = written.decided()
        for path, size in recipe_sizes(recipe):
            try:
                _network_at(self.ev, model, network, (network.input[0], *size))
            except Fault as found:
                place = Label(written.given[path].span if path in written.given else written.span, "this size")
                labels = (*found.diagnostic.labels, place)
                message = f"the recipe `{recipe.name}` asks for {size[0]} x {size[1]}: {found.diagnostic.message}"
                raise Fault(replace(found.diagnostic, message=message, labels=labels)) from None
        self._check_images(written, recipe, network.input)
        return recipe

    @staticmethod
    def _check_images(written: Written, recipe: Recipe, shape: tuple[int, ...]) -> None:
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

    def dropping(self, model: Model, recipe: Recipe | None) -> Model | None:
        """The model with the recipe's stochastic depth, where its family has another rate; else none.

        A family says by its parameter `drop_path_rate` how the rate is shared among the blocks. A recipe's rate of 0
        leaves the network as it is: its training is told so.
        """
        made = model.made
        own = made.parameters.get(DROP_PATH) if made is not None else None
        if recipe is None or own is None:
            return None
        rate = next((values[-1] for name, values in recipe.staged if name == "drop_path"), recipe.drop_path)
        if not rate or rate == own.value:
            return None
        where = ast.Identifier(model.span, model.name)
        env = Environment(self.program.entry)
        return made_anew(self.ev, model, {DROP_PATH: Setting(normalise(rate), own.origin)}, where, env)

    def _named_recipe(self, name: str) -> Written:
        named = self.program.entry.names.get(name)
        library = load_library(RECIPES, self.compiler.read, self.compiler.library, self.diagnostics)
        shipped = library.names if library is not None else {}
        if not (isinstance(named, Definition) and named.kind == "recipe"):
            named = shipped.get(name)
        source = Source(f"--recipe {name}", name)
        where = Span(source, 0, len(name))
        if not (isinstance(named, Definition) and named.kind == "recipe"):
            both = {**shipped, **self.program.entry.names}
            known = [n for n, d in both.items() if isinstance(d, Definition) and d.kind == "recipe" and not _open(d)]
            guess = nearest(name, known)
            help_ = f"did you mean `{guess}`?" if guess else f"there are {', '.join(sorted(known))}"
            raise Fault(Diagnostic("E201", f"there is no recipe `{name}`", where, help=help_))
        if _open(named):
            message = f"`{name}` needs {', '.join(f'`{p}`' for p in _open(named))}"
            help_ = f"write `--set 'recipe={name}({_open(named)[0]}: …)'`, with a `use` of it in the file"
            raise Fault(Diagnostic("E306", message, where, help=help_))
        return self.ev.recipe(named, {}, ast.Identifier(where, name), Environment(named.module))

    def apply(self, model: Model, changes: Changes) -> Model:
        """The model after the changes, in their order."""
        for name, text in changes.settings:
            model = self._derive(model, f"--set {name}", f"{{ {name}: {text} }}")
        for text in changes.scalings:
            expression, env = self._expression(f"--scale {text}", text)
            self._known_scaling(expression, env)
            value = self.ev.transform(model, expression, env)
            model = value if isinstance(value, Model) else model
        if changes.input is not None:
            extents = changes.input.lower().split("x")
            if len(extents) == 2:
                extents = [str(model.input.value[0]), *extents]
            text = " x ".join(extent.strip() for extent in extents)
            model = self._derive(model, "--input", f"{{ input: {text} }}")
        return model

    @staticmethod
    def _known_scaling(expression: ast.Expression, env: Environment) -> None:
        """A better message than an unknown name for a scaling that does not exist."""
        called = expression.function if isinstance(expression, ast.Call) else expression
        if not isinstance(called, ast.Reference) or called.name in env.module.names:
            return
        scalings = [n for n, d in env.module.names.items() if isinstance(d, Definition) and d.kind == "scaling"]
        guess = nearest(called.name, scalings)
        help_ = f"did you mean `{guess}`?" if guess else f"there are {', '.join(sorted(scalings))}"
        edits = (Edit(called.span, guess),) if guess else ()
        message = f"there is no scaling `{called.name}`"
        raise Fault(Diagnostic("E201", message, called.span, help=help_, edits=edits))

    def _derive(self, model: Model, name: str, text: str) -> Model:
        source = Source(name, text)
        body, faults = parse_body(source)
        if body is None:
            raise Fault(faults[0])
        if len(body.entries) != 1:
            where = body.entries[-1].span if body.entries else Span(source, 0, len(text))
            raise Fault(Diagnostic("E101", f"`{name}` changes one thing", where, help="give each its own `--set`"))
        env = self._environment(source)
        return model.changed_to(derive_model(self.ev, model, body, env), partial(derive_model, body=body, env=env))
