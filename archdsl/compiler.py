"""The phases in order: the file to read first.

    parse      text            -> syntax tree           archdsl.syntax.parser
    resolve    syntax trees    -> names, definitions    archdsl.analysis.resolve
    elaborate  a model's name  -> resolved stage list   archdsl.analysis.elaborate, stages, fields
    change     stage list      -> stage list            archdsl.analysis.changes, override, scale, solve
    assemble   stage list      -> graph of operations   archdsl.analysis.assemble, build, archdsl.graph
    train      a recipe        -> its settings          archdsl.analysis.recipes, trained
    verify     claims          -> verdicts              archdsl.analysis.verify
    count      graph           -> exact cost            archdsl.graph.cost

Each is a function from values to values, and adds to one list of diagnostics. A compilation ends as one of two plain
values, `Compiled` or `Failed`. No exception leaves this module for a fault of the input. Files are read only through a
`Reader`.
"""

from __future__ import annotations

from dataclasses import field, replace
from functools import partial
from typing import TypeAlias

from archdsl.analysis.answers import recipe_named, used_settings
from archdsl.analysis.assemble import network_at, network_of
from archdsl.analysis.changes import Changes, Scope, arguments, asked_recipe, changed
from archdsl.analysis.choose import choose_model
from archdsl.analysis.context import AlreadyReported, Context, Progress, Searches
from archdsl.analysis.elaborate import instantiate
from archdsl.analysis.language import evaluation
from archdsl.analysis.memory import Memory, Moves
from archdsl.analysis.model import Model
from archdsl.analysis.parts import Parts, parts_of
from archdsl.analysis.program import Definition, Instance, Program, Reader
from archdsl.analysis.resolve import Library, load_library, resolve
from archdsl.analysis.traces import Traces
from archdsl.analysis.trained import recipe_for, with_drop_path
from archdsl.analysis.values import Environment, Setting
from archdsl.analysis.verify import Verdict, verdicts, verify_claims
from archdsl.diagnostics import Diagnostic, Diagnostics, Fault
from archdsl.graph.network import Network
from archdsl.once import cached_property, once
from archdsl.records import dataclass
from archdsl.resources import library_modules
from archdsl.source import Source, Span
from archdsl.syntax import ast
from archdsl.training.recipe import Recipe

CLAIMS = "E5"
"""The beginning of the codes of claims that do not hold."""


@dataclass(frozen=True)
class Failed:
    """A model that has no network, or a recipe that cannot be decided: the diagnostics say why."""

    name: str
    program: Program
    diagnostics: Diagnostics
    steps: int = field(default=0, compare=False)
    """Evaluation steps that were taken."""
    moves: Moves = field(default=Moves(), compare=False, repr=False)
    model: Model | None = field(default=None, compare=False, repr=False)
    """The model as far as it was worked out, with `Model.holes`; whole where only its network is a fault."""

    def here(self, span: Span) -> Span:
        """Where a place of the model is in the present text: a kept one may be of an older text."""
        return self.moves.here(span)

    @cached_property
    def parts(self) -> Parts | None:
        """The shapes and costs of its parts, as far as they are known."""
        return parts_of(self.model) if self.model is not None else None


@dataclass(frozen=True)
class Compiled:
    """One model with its network. Its diagnostics are warnings, and errors that leave the network as it is."""

    name: str
    program: Program
    diagnostics: Diagnostics
    model: Model
    network: Network
    recipe: Recipe | None = None
    """How it is trained: the recipe that was asked for, or the model's own."""
    verdicts: tuple[Verdict, ...] = ()
    """Its claims, where nothing was changed: they are of the model as it is declared."""
    steps: int = field(default=0, compare=False)
    """Evaluation steps that were taken."""
    moves: Moves = field(default=Moves(), compare=False, repr=False)

    def here(self, span: Span) -> Span:
        """Where a place of the model is in the present text: a kept one may be of an older text."""
        return self.moves.here(span)

    @cached_property
    def settings(self) -> list[list[dict[str, Setting]]]:
        """For every stage, the settings of its blocks after `fit`: see `used_settings`."""
        return used_settings(self.model)

    @property
    def sound(self) -> bool:
        """Whether no error was found beside claims that do not hold: these stop nothing."""
        return all(d.code.startswith(CLAIMS) for d in self.diagnostics if d.severity == "error")


Compilation: TypeAlias = Failed | Compiled


@once
def shared_library() -> Library:
    """The standard library, which all compilers of a process share: it never changes."""
    return Library(library_modules())


@dataclass
class Compiler:
    """Compiles programs. Keeps the blocks that were traced between them; all share the parsed standard library."""

    read: Reader
    library: Library = field(default_factory=shared_library)
    progress: Progress | None = None
    traces: Traces = field(default_factory=Traces)
    memory: Memory | None = None
    """What is kept of texts that change a little at a time; nothing without."""

    def compile(self, source: Source, name: str | None = None, changes: Changes | None = None) -> Compilation:
        """Compile one model of a file: the one named, or the one that the file is about."""
        diagnostics = Diagnostics()
        program = self.program(source, diagnostics)
        chosen = choose_model(program, source, name, diagnostics)
        if chosen is None:
            return Failed(name or "", program, diagnostics)
        return self.elaborate(program, chosen, Changes() if changes is None else changes, diagnostics)

    def check(self, source: Source, only: str | None = None) -> tuple[Program, list[Compilation], Diagnostics]:
        """Compile every model of a file, or one, and verify its claims."""
        diagnostics = Diagnostics()
        program = self.program(source, diagnostics)
        of_model = only is not None and only not in program.spaces  # a space is looked at by `archdsl.spaces`
        chosen = choose_model(program, source, only, diagnostics) if of_model else None
        names = list(program.models) if only is None else [chosen] if chosen is not None else []
        found = [self.elaborate(program, name, Changes(), diagnostics) for name in names if not diagnostics.full]
        for name in program.recipes if only is None else ():
            self._recipe(program, name, diagnostics)  # whether a model is trained by it or not
        return program, found, diagnostics

    def program(self, source: Source, diagnostics: Diagnostics) -> Program:
        """Parse and resolve a file with all that it uses."""
        if self.memory is None:
            return resolve(source, self.read, self.library, diagnostics)
        memory, library = self.memory, self.library
        make = lambda read, told: resolve(source, read, library, told, memory.parse)  # noqa: E731
        return memory.program(source, self.read, diagnostics, make)

    def scope(self, program: Program, diagnostics: Diagnostics) -> Scope:
        """What the texts see that are asked for on top of a file."""
        standard = partial(load_library, read=self.read, library=self.library, diagnostics=diagnostics)
        return Scope(program, standard)

    def elaborate(self, program: Program, name: str, changes: Changes, diagnostics: Diagnostics) -> Compilation:
        """One model of a resolved program, with what is asked for on top of the file."""
        if self.memory is None or changes != Changes():
            return self._elaborated(program, name, changes, diagnostics)
        make = partial(self._elaborated, program, name, changes)
        found, moves = self.memory.compilation(program, name, diagnostics, make)
        return replace(found, program=program, diagnostics=diagnostics, moves=moves)  # type: ignore[no-any-return]

    def _recipe(self, program: Program, name: str, diagnostics: Diagnostics) -> None:
        """Tell what is wrong with a recipe."""

        def make(own: Diagnostics, _: Searches) -> None:
            recipe_named(program, name, own)

        if self.memory is None:
            recipe_named(program, name, diagnostics)
        else:
            self.memory.compilation(program, name, diagnostics, make)

    def _elaborated(
        self,
        program: Program,
        name: str,
        changes: Changes,
        diagnostics: Diagnostics,
        searches: Searches | None = None,
    ) -> Compilation:
        """The same, worked out."""
        ctx = evaluation(diagnostics, self.progress, self.traces)
        ctx.searches = searches
        ctx.goes_on = True
        try:
            return self._phases(ctx, program, name, changes)
        except Fault as found:
            diagnostics.add(found.diagnostic)
        except AlreadyReported:
            pass  # what is behind it is among the diagnostics
        except RecursionError:
            message = f"`{name}` is nested too deep to be evaluated"
            diagnostics.add(Diagnostic("E393", message, program.entry.spans[name]))
        reached = ctx.reached if isinstance(ctx.reached, Model) else None
        return Failed(name, program, diagnostics, ctx.steps, model=reached)

    def _phases(self, ctx: Context, program: Program, name: str, changes: Changes) -> Compiled:
        """From a declaration to a network that keeps its claims. Raises `Fault` or `AlreadyReported`."""
        named = program.entry.names[name]
        if not isinstance(named, Definition | Instance):
            raise AlreadyReported
        env = Environment(program.entry)
        scope = self.scope(program, ctx.diagnostics)

        given = arguments(ctx, named, changes, scope)
        declared = instantiate(ctx, named, given, ast.Identifier(program.entry.spans[name], name), env)
        ctx.reached = declared
        model = ctx.reached = changed(ctx, declared, named, changes, scope)
        network = network_of(ctx, model)
        recipe = recipe_for(ctx, model, network, asked_recipe(ctx, model, changes.recipe, scope))
        found = () if changes else tuple(verdicts(partial(network_at, ctx, model, network), model.claims))
        ctx.diagnostics.extend(verify_claims(model, found))
        trained = with_drop_path(ctx, model, recipe, env)
        if trained is not model:
            model, network = trained, network_of(ctx, trained)
        return Compiled(name, program, ctx.diagnostics, model, network, recipe, found, ctx.steps)


__all__ = ["CLAIMS", "Changes", "Compilation", "Compiled", "Compiler", "Failed", "Memory", "shared_library"]
