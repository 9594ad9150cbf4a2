"""A space that was read, with what tells of its settings; another process opens it again from its text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field, replace
from functools import partial
from typing import TYPE_CHECKING

from archdsl.analysis.changes import Scope
from archdsl.analysis.context import Context
from archdsl.analysis.program import Program, Reader
from archdsl.analysis.resolve import load_library
from archdsl.compiler import Changes, Compilation, Compiler, Failed
from archdsl.diagnostics import Diagnostic, Diagnostics
from archdsl.once import cached_property
from archdsl.records import dataclass
from archdsl.source import Source
from archdsl.spaces.entry import context_of, space_named
from archdsl.spaces.member import Member, member_of
from archdsl.spaces.population import Coding, codings, digest_of
from archdsl.spaces.space import Space
from archdsl.spaces.training import compiled_member

if TYPE_CHECKING:
    from archdsl.spaces.arrays.engine import Engine


@dataclass(frozen=True)
class Text:
    """Where a space stands: its file, what reads the files that this one uses, and its name."""

    read: Reader
    source: Source
    name: str | None
    """None for the only one, or the one that is named like the file."""

    def opened(self, diagnostics: Diagnostics | None = None) -> Opened | None:
        """The space; none where it is at fault, which is among the diagnostics."""
        found = Diagnostics() if diagnostics is None else diagnostics
        compiler = Compiler(self.read)
        program = compiler.program(self.source, found)
        space = space_named(compiler, program, self.name, found)
        if space is None or found.failed:
            return None
        return Opened(self, compiler, program, space)


@dataclass(frozen=True)
class Opened:
    """A space with the program that it is of."""

    text: Text
    compiler: Compiler = field(repr=False)
    program: Program
    space: Space

    @cached_property
    def context(self) -> Context:
        return context_of(self.compiler)

    @cached_property
    def engine(self) -> Engine:
        """What evaluates many settings at once."""
        from archdsl.spaces.arrays.engine import Engine

        return Engine(self.context, self.space)

    @cached_property
    def codings(self) -> list[Coding]:
        """How its dimensions stand in a table."""
        return codings(self.space)

    @cached_property
    def digest(self) -> str:
        return digest_of(self.program)

    def member(self, setting: Sequence[int]) -> Member:
        """What a setting is, by the ordinary compiler."""
        return member_of(self.context, self.space, setting)

    def compiled(self, setting: Sequence[int], name: str, changes: Changes) -> Compilation:
        """A setting as the compiler returns a model, under a name, with changes on top of it."""
        standard = partial(
            load_library, read=self.compiler.read, library=self.compiler.library, diagnostics=Diagnostics()
        )
        found = compiled_member(
            self.program, self.context, self.member(setting), changes, Scope(self.program, standard)
        )
        if isinstance(found, Failed):
            return replace(found, name=name)
        return replace(found, name=name, model=replace(found.model, name=name))

    def reason_of(self, setting: Sequence[int]) -> str:
        """Why a setting has no network; empty where it has one, or a requirement refuses it."""
        refused = self.member(setting).refused
        return f"{refused.code}: {refused.message}" if isinstance(refused, Diagnostic) else ""

    def hash_of(self, setting: Sequence[int]) -> str:
        """The hash of a setting's network; empty where it has none."""
        network = self.member(setting).network
        return network.hash if network is not None else ""


__all__ = ["Opened", "Text"]
