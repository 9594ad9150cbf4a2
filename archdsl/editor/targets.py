"""What names stand for: targets, found by names alone, without values.

A target is a declaration's name, in the module that has it, or a word of the language. Two names mean the same where
their targets are equal.
"""

from __future__ import annotations

from archdsl.analysis.prelude import PRELUDE
from archdsl.analysis.program import OPERATIONS_MODULE, Builtin, Definition, Instance, Module, Named, Primitive, Program
from archdsl.editor.data import NameKind
from archdsl.records import dataclass
from archdsl.source import Span
from archdsl.syntax import ast
from archdsl.syntax.parser import parse


@dataclass(frozen=True, slots=True)
class Target:
    """What a name stands for."""

    kind: NameKind
    name: str
    path: str = ""
    """The module that declares it; empty for a word of the language."""
    start: int = -1
    end: int = -1
    owner: str = ""
    """The declaration that has it, or the operation, section or form of the language."""
    alias: bool = False
    """Whether it is another name for what a `use` takes."""

    @property
    def declared(self) -> bool:
        """Whether it stands in a text, and so might be renamed."""
        return bool(self.path) and self.start >= 0


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A name where it is written, with what it stands for: several, where a column names a setting of several blocks;
    nothing, where only values tell."""

    start: int
    end: int
    targets: tuple[Target, ...]
    declares: bool = False


def word(kind: NameKind, name: str, owner: str = "") -> Target:
    """A word of the language."""
    return Target(kind, name, owner=owner)


def at(kind: NameKind, name: ast.Identifier, module: str, owner: str = "") -> Target:
    """What is declared where an identifier stands."""
    return Target(kind, name.text, module, name.span.start, name.span.end, owner)


def of_span(kind: NameKind, name: str, module: str, span: Span) -> Target:
    return Target(kind, name, module, span.start, span.end)


class Trees:
    """The syntax trees of a program's modules, as they are written."""

    def __init__(self, program: Program) -> None:
        self.modules = {module.name: module for module in program.modules}
        self.modules.setdefault(program.entry.name, program.entry)
        self._known: dict[str, ast.File] = {}

    def module(self, name: str) -> Module | None:
        """A module of the program, or one of the library that it uses."""
        found = self.modules.get(name)
        if found is None:
            for module in tuple(self.modules.values()):
                for named in module.names.values():
                    if isinstance(named, Definition | Instance) and named.module.name == name:
                        self.modules[name] = named.module
                        return named.module
        return found

    def of(self, module: Module) -> ast.File:
        """The tree of a module."""
        if module.name not in self._known:
            self._known[module.name] = module.tree if module.tree is not None else parse(module.source)[0]
        return self._known[module.name]

    # What a name of a module stands for

    def outer(self, module: Module, name: str) -> Target | None:
        """What a name stands for that nothing local has."""
        named = module.names.get(name)
        if named is None:
            return word("function", name) if name in PRELUDE else None
        if name in module.used:
            return self._used(module, name, named)
        if isinstance(named, Definition):
            return at(named.kind, named.declaration.name, named.module.name)
        if isinstance(named, Instance):
            return of_span("model", name, named.module.name, named.span)
        return None

    def _used(self, module: Module, name: str, named: Named) -> Target | None:
        alias = self.alias(module, name)
        if alias is not None and alias.local.span.start != alias.name.span.start:
            kind = kind_of(named)
            made = at(kind, alias.local, module.name) if kind is not None else None
            return Target(made.kind, name, made.path, made.start, made.end, alias=True) if made else None
        return self.origin(module, name, named)

    def origin(self, module: Module, name: str, named: Named) -> Target | None:
        """What a name of a `use` stands for in the module that it is taken from."""
        alias = self.alias(module, name)
        wanted = alias.name.text if alias is not None else name
        source = module.used.get(name, "")
        if isinstance(named, Primitive | Builtin) or source == OPERATIONS_MODULE:
            return word("operation", wanted)
        other = self.module(source)
        return self.outer(other, wanted) if other is not None else None

    def alias(self, module: Module, name: str) -> ast.Alias | None:
        """Where a `use` takes a local name."""
        for item in self.of(module).items:
            for alias in (item.names or ()) if isinstance(item, ast.Use) else ():
                if alias.local.text == name:
                    return alias
        return None

    def settings(self, named: Named | None, setting: str) -> tuple[Target, ...] | None:
        """What the name of a setting stands for, of what is called: nothing where only its value tells."""
        match named:
            case Definition():
                for parameter in named.parameters:
                    if parameter.name.text == setting:
                        return (at("parameter", parameter.name, named.module.name, named.name),)
                return ()
            case Primitive(operation=operation):
                known = any(a.name == setting for a in operation.attributes)
                return (word("setting", setting, named.name),) if known else ()
            case Builtin(operation=Primitive() as primitive):
                return self.settings(primitive, setting)
            case Builtin(named=names, options=options) if setting in (*names, *options):
                return (word("setting", setting, named.name),)
            case _:
                return None


def kind_of(named: Named | None) -> NameKind | None:
    """What a name of a module is."""
    match named:
        case Definition(kind=kind):
            return kind
        case Instance():
            return "model"
        case Primitive():
            return "operation"
        case Builtin():
            return "function"
        case _:
            return None


__all__ = ["Occurrence", "Target", "Trees", "at", "kind_of", "of_span", "word"]
