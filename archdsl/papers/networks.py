"""The shipped networks and spaces that tables name, compiled once each."""

from __future__ import annotations

from collections.abc import Mapping

from archdsl.analysis.answers import recipe_named
from archdsl.analysis.changes import symbolic_scaling
from archdsl.analysis.context import AlreadyReported
from archdsl.analysis.program import Program
from archdsl.closed_forms import Leading, leading_exponents
from archdsl.compiler import Changes, Compilation, Compiled, Compiler
from archdsl.diagnostics import Diagnostic, Diagnostics, Fault
from archdsl.resources import read_data
from archdsl.source import Source, Span
from archdsl.spaces.entry import space_named
from archdsl.spaces.space import Space
from archdsl.training.recipe import Recipe

_NONE = Changes()


class Shipped:
    """Reads the files that ship with the package, named from the data root."""

    def file(self, path: str) -> Source:
        """The source at a path from the data root. Raises `Fault` where none ships."""
        try:
            return Source(path, read_data(path))
        except OSError:
            message = "the file does not ship with archdsl"
            raise Fault(Diagnostic("E110", message, Span(Source(path, ""), 0, 0))) from None

    def library(self, name: str) -> Source | None:
        """A module of the standard library: `blocks` for `std.blocks`; none where there is none."""
        try:
            return Source(f"std/{name}.arch", read_data(f"specs/std/{name}.arch"))
        except OSError:
            return None


class Networks:
    """Compilations by name. `paths` gives the file, from the data root, that may declare a name."""

    def __init__(self, paths: Mapping[str, str]) -> None:
        self.paths = paths
        self._compiler = Compiler(Shipped())
        self._programs: dict[str, Program] = {}
        self._found: dict[tuple[str, Changes], Compiled | None] = {}
        self._made: dict[tuple[str, str, Changes], Compiled | None] = {}

    def find(self, name: str, changes: Changes = _NONE) -> Compiled | None:
        """A shipped network, changed; None where there is none of this name, or it does not compile."""
        key = (name, changes)
        if key not in self._found:
            self._found[key] = self._compile(name, changes)
        return self._found[key]

    def space(self, path: str, name: str) -> Space | None:
        """A space of a file; None where there is none of this name, or it is at fault."""
        program = self._program(path)
        return space_named(self._compiler, program, name, Diagnostics()) if program is not None else None

    def recipe(self, path: str, name: str) -> Recipe | None:
        """A recipe of a file; None where there is none of this name, or it is at fault."""
        program = self._program(path)
        return recipe_named(program, name, Diagnostics()) if program is not None else None

    def made_recipe(self, text: str, name: str) -> Recipe | None:
        """A recipe of a program given as text; None where there is none of this name, or it is at fault."""
        try:
            program = self._compiler.program(Source("specs/program.arch", text), Diagnostics())
        except Fault:
            return None
        return recipe_named(program, name, Diagnostics())

    def make(self, text: str, name: str, changes: Changes) -> Compiled | None:
        """A model of a program given as text; None where it does not compile."""
        key = (text, name, changes)
        if key not in self._made:
            self._made[key] = _sound(self._compiler.compile(Source("specs/program.arch", text), name, changes))
        return self._made[key]

    def leading(self, found: Compiled, scaling: str) -> Leading | None:
        """The leading exponents of a network by a scaling with names for its numbers; None where it has none."""
        try:
            named = symbolic_scaling(scaling, self._compiler.scope(found.program, Diagnostics()))
            if named is None:
                return None
            return leading_exponents(found.model, named.text, named.call, named.environment, named.names)
        except (Fault, AlreadyReported):
            return None

    def _compile(self, name: str, changes: Changes) -> Compiled | None:
        path = self.paths.get(name)
        program = self._program(path) if path is not None else None
        if program is None or name not in program.models:
            return None
        return _sound(self._compiler.elaborate(program, name, changes, Diagnostics()))

    def _program(self, path: str) -> Program | None:
        """A resolved file; None where none ships."""
        if path not in self._programs:
            try:
                self._programs[path] = self._compiler.program(self._compiler.read.file(path), Diagnostics())
            except Fault:
                return None
        return self._programs[path]


def _sound(compilation: Compilation) -> Compiled | None:
    """A compilation with a network. A claim that does not hold is no hindrance: it counts for nothing."""
    return compilation if isinstance(compilation, Compiled) and compilation.sound else None
