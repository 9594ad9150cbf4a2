"""Names to definitions: load every module that a program uses, and bind what each declares and uses.

What enters is the entry's `Source` and a `Reader`; what leaves is a `Program`. Every module is checked once, by
`check.Checker`, when all its names are known.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from threading import RLock
from typing import TypeAlias

from archdsl import limits
from archdsl.analysis.check import Checker, split_parameters
from archdsl.analysis.misspelled import respelled
from archdsl.analysis.names import did_you_mean, plural
from archdsl.analysis.prelude import PRELUDE
from archdsl.analysis.program import (
    OPERATIONS_MODULE,
    Definition,
    Instance,
    Module,
    Named,
    Primitive,
    Program,
    Reader,
    Unresolved,
    children,
)
from archdsl.diagnostics import Diagnostic, Diagnostics, Edit, Fault, Label
from archdsl.graph.operations import OPERATIONS
from archdsl.source import Source, Span
from archdsl.syntax import ast
from archdsl.syntax.parser import parse
from archdsl.syntax.stored import kept_tree

Parse: TypeAlias = Callable[[Source], tuple[ast.File, list[Diagnostic]]]

LANGUAGE_VERSION = 1

_DECLARED = re.compile(r"\b(?:block|fn|model|scaling|recipe|space)\s+([A-Za-z_][A-Za-z0-9_]*)")
_USES = re.compile(r"^\s*(?:use|models)\b", re.MULTILINE)
"""What a lost declaration and a lost `use` or table look like in text that could not be parsed."""


class Library:
    """The modules of the standard library that were loaded so far; they never change. Several threads may use one."""

    def __init__(self, names: tuple[str, ...] = ()) -> None:
        self.names = names
        """The names of all of them, for suggestions."""
        self.modules: dict[str, Module] = {}
        self.loading = RLock()
        """Held while a module is loaded with those that it uses, so that each is loaded once."""
        self._declared: dict[str, str] | None = None

    def offering(self, name: str, read: Reader) -> str | None:
        """The module that declares a name, the first of several; none where no module does."""
        with self.loading:
            if self._declared is None:
                self._declared = {}
                for module in self.names:
                    source = read.library(module.partition(".")[2])
                    tree = kept_tree(module, source)[0] if source is not None else None
                    for item in tree.items if tree is not None else ():
                        if isinstance(item, ast.Declaration):
                            self._declared.setdefault(item.name.text, module)
            return self._declared.get(name)


def resolve(source: Source, read: Reader, library: Library, diagnostics: Diagnostics, parsed: Parse = parse) -> Program:
    """Load the program that begins with a source, and check its names. `parsed` is as `parser.parse`."""
    return _Resolver(read, library, diagnostics, parsed).program(source)


class _Enough(Exception):
    """So many faults are told that no more are looked for."""


class _Resolver:
    def __init__(self, read: Reader, library: Library, diagnostics: Diagnostics, parsed: Parse = parse) -> None:
        self.read, self.library, self.diagnostics, self.parsed = read, library, diagnostics, parsed
        self.modules: dict[str, Module] = {}
        self.loading: list[str] = []

    def load(self, name: str, source: Source) -> Module:
        """A module of the library, loaded with what it uses where no other thread has done so."""
        with self.library.loading:
            if name not in self.library.modules:
                self.library.modules[name] = self._load(name, source, library=True)
            return self.library.modules[name]

    def program(self, source: Source) -> Program:
        entry = self._load(source.key, source, library=False)
        return Program(entry, tuple(self.modules.values()))

    def report(self, diagnostic: Diagnostic) -> None:
        self.diagnostics.add(diagnostic)
        if self.diagnostics.full:
            raise _Enough

    # Modules

    def _load(self, name: str, source: Source, *, library: bool) -> Module:
        module = Module(name, source, library)
        self.modules[name] = module
        self.loading.append(name)
        tree, faults = kept_tree(name, source) if library else self.parsed(source)
        self.diagnostics.extend(faults)
        if faults:
            module.broken = True
            self.diagnostics.settle((*tree.patched, *_holes(tree)))
        if not tree.complete:
            self._lost(tree, module)
        try:
            self._items(tree, module)
        except _Enough:
            module.incomplete = True
        self.loading.pop()
        return module

    def _items(self, tree: ast.File, module: Module) -> None:
        for item in tree.items:
            if isinstance(item, ast.Version):
                self._version(item, tree)
            elif isinstance(item, ast.Use):
                self._use(item, module)
        if not module.incomplete and tree.complete:
            tree = respelled(tree, module.names, self.report)
        module.tree = tree
        self._declare(tree, module)
        Checker(module, self.report, self._offering).check(tree)

    def _offering(self, name: str) -> str | None:
        return self.library.offering(name, self.read)

    @staticmethod
    def _lost(tree: ast.File, module: Module) -> None:
        """Names that syntax errors took away: they are silent; where a `use` or table is lost, all are."""
        text = tree.source.text
        kept = sum(isinstance(item, ast.Use | ast.Instances) for item in tree.items)
        module.incomplete = len(_USES.findall(text)) > kept
        declared = {item.name.text for item in tree.items if isinstance(item, ast.Declaration)}
        for name in set(_DECLARED.findall(text)) - declared:
            module.names.setdefault(name, Unresolved(name))

    def _version(self, item: ast.Version, tree: ast.File) -> None:
        if item is not tree.items[0]:
            self.report(Diagnostic("E204", "`arch` stands in the first line", item.span))
        if item.number.text != str(LANGUAGE_VERSION):
            message = f"this compiler reads version {LANGUAGE_VERSION} of the language, not {item.number.text}"
            edits = (Edit(item.number.span, str(LANGUAGE_VERSION)),)
            help_ = f"write `arch {LANGUAGE_VERSION}`"
            self.report(Diagnostic("E114", message, item.number.span, help=help_, edits=edits))

    def _use(self, use: ast.Use, module: Module) -> None:
        if use.hole:
            module.incomplete = True
            for alias in use.names or ():
                module.names.setdefault(alias.local.text, Unresolved(alias.local.text))
            return
        if not use.is_path and use.module == OPERATIONS_MODULE:
            names: Mapping[str, Named] = {n: PRELUDE.get(n) or Primitive(n, o) for n, o in OPERATIONS.items()}
            self._take(use, OPERATIONS_MODULE, names, module, incomplete=False)
            return
        used = self._module(use, module)
        if used is None:
            for alias in use.names or ():
                module.names.setdefault(alias.local.text, Unresolved(alias.local.text))
            return
        self._take(use, used.name, used.names, module, incomplete=used.incomplete)

    def _module(self, use: ast.Use, module: Module) -> Module | None:
        """The module that a `use` names, loaded; none, reported, if it cannot be had."""
        name = use.module
        try:
            if use.is_path:
                name = self._path(use, module)
            if name in self.loading:
                chain = " -> ".join([*self.loading[self.loading.index(name) :], name])
                raise Fault(Diagnostic("E207", f"the files use each other in a circle: {chain}", use.module_span))
            known = self.library.modules.get(name) or self.modules.get(name)
            if known is not None:
                return known
            if len(self.modules) >= limits.MAX_FILES:
                message = f"a program of more than {limits.MAX_FILES} files"
                raise Fault(Diagnostic("E115", message, use.module_span))
            source = self._source(use, name)
        except Fault as found:
            self.report(replace(found.diagnostic, span=use.module_span))
            return None
        return self._load(name, source, library=False) if use.is_path else self.load(name, source)

    def _path(self, use: ast.Use, module: Module) -> str:
        if module.library:
            raise Fault(Diagnostic("E205", "a module of the library uses no files", use.module_span))
        if use.module.startswith(("/", "\\")) or ":" in use.module or "\\" in use.module:
            message = f'"{use.module}" is not a relative path with `/` between its parts'
            raise Fault(Diagnostic("E205", message, use.module_span))
        path = posixpath.normpath(posixpath.join(posixpath.dirname(module.name), use.module))
        if path.startswith("../") or path == "..":
            raise Fault(Diagnostic("E205", f'"{use.module}" leaves the project', use.module_span))
        return path

    def _source(self, use: ast.Use, name: str) -> Source:
        if use.is_path:
            return self.read.file(name)
        first, _, rest = name.partition(".")
        found = self.read.library(rest) if first == "std" and rest else None
        if found is None:
            said = "a module of the library is `std.…`; a file stands between quotes" if first != "std" else None
            hint = did_you_mean(name, (OPERATIONS_MODULE, *self.library.names), use.module_span, said)
            message = f"there is no module `{name}`"
            raise Fault(Diagnostic("E206", message, use.module_span, help=hint.help, edits=hint.edits))
        return found

    def _take(self, use: ast.Use, name: str, names: Mapping[str, Named], module: Module, *, incomplete: bool) -> None:
        """Bring the names of a `use` into a module."""
        aliases = use.names
        if aliases is None:
            message = "a `use` names what it takes"
            help_ = f"write `use {use.module_span.text} {{ name, … }}`"
            self.report(Diagnostic("E210", message, use.span, help=help_))
            return
        for alias in aliases:
            wanted, local = alias.name.text, alias.local.text
            if wanted not in names:
                module.names.setdefault(local, Unresolved(local))
                if not incomplete:
                    self._not_offered(wanted, name, alias.name.span, names)
                continue
            if local in module.names:
                self._repeated(local, alias.local.span, module)
                continue
            module.names[local] = names[wanted]
            module.spans[local] = alias.local.span
            module.used[local] = name

    def _not_offered(self, wanted: str, name: str, span: Span, names: Mapping[str, Named]) -> None:
        hint = did_you_mean(wanted, names, span)
        self.report(Diagnostic("E201", f"`{name}` has no `{wanted}`", span, help=hint.help, edits=hint.edits))

    # Declarations

    def _declare(self, tree: ast.File, module: Module) -> None:
        count = 0
        for item in tree.items:
            if isinstance(item, ast.Declaration):
                count += item.kind.text in ("model", "space")
                self._declare_one(item, module)
            elif isinstance(item, ast.Instances):
                count += len(item.table.rows) - 1
                if count <= limits.MAX_MODELS:
                    self._declare_instances(item, module)
        if count > limits.MAX_MODELS:
            message = f"the file declares {count:,} models; at most {limits.MAX_MODELS:,}"
            self.report(Diagnostic("E116", message, tree.items[0].span))
        for name, definition in module.names.items():
            if isinstance(definition, Instance) and definition.model is None and name not in module.used:
                family = module.names.get(definition.family)
                if isinstance(family, Definition) and family.kind == "model":
                    definition.model = family

    def _declare_one(self, item: ast.Declaration, module: Module) -> None:
        kind, name = item.kind.text, item.name.text
        inputs, parameters = split_parameters(item)
        definition = Definition(kind, name, module, item, inputs, parameters)  # type: ignore[arg-type]
        self._add(name, definition, item.name.span, module)

    def _add(self, name: str, definition: Named, span: Span, module: Module) -> None:
        if name in module.names:
            self._repeated(name, span, module)
            return
        if name in PRELUDE:
            self.report(Diagnostic("E203", f"`{name}` is a function of the language", span, help="choose another name"))
            return
        module.names[name] = definition
        module.spans[name] = span

    def _repeated(self, name: str, span: Span, module: Module) -> None:
        if isinstance(module.names[name], Unresolved):
            return
        labels = (Label(module.spans[name], "here first"),)
        help_ = "take it under another name with `as`" if name in module.used else "choose another name"
        self.report(Diagnostic("E203", f"`{name}` is declared twice", span, labels=labels, help=help_))

    def _declare_instances(self, item: ast.Instances, module: Module) -> None:
        header = item.table.rows[0]
        columns = [c.name for c in header.cells if isinstance(c, ast.Reference)]
        if "name" not in columns:
            message = "the table of models has no column `name`"
            self.report(Diagnostic("E210", message, header.span, help="add a column `name`"))
            return
        position = next(i for i, c in enumerate(header.cells) if isinstance(c, ast.Reference) and c.name == "name")
        for row in item.table.rows[1:]:
            if len(row.cells) != len(header.cells):
                message = f"the row has {plural(len(row.cells), 'cell')} and the header has {len(header.cells)}"
                labels = (Label(header.span, plural(len(header.cells), "column")),)
                help_ = "a cell that is not given is `-`"
                self.report(Diagnostic("E309", message, row.span, labels=labels, help=help_))
                continue
            cell = row.cells[position]
            if not isinstance(cell, ast.Reference):
                self.report(Diagnostic("E301", "the name of a model stands here", cell.span))
                continue
            family = module.names.get(item.model.text)
            model = family if isinstance(family, Definition) and family.kind == "model" else None
            instance = Instance(cell.name, item.model.text, model, module, header, row, cell.span)
            self._add(cell.name, instance, cell.span, module)


def _holes(tree: ast.File) -> Iterator[Span]:
    """The places of what is not written whole: of each hole the value in which it stands, or the key before it."""
    waiting: list[tuple[ast.Node, Span]] = [(item, item.span) for item in tree.items]
    while waiting:
        node, within = waiting.pop()
        if type(node) is ast.Hole:
            yield node.span if node.key else within
        elif isinstance(node, ast.Field) and type(node.value) is ast.Hole and node.value.key:
            yield node.path.span
        values = _VALUES.get(type(node), ())
        for child in children(node):
            own = any(child is getattr(node, name) for name in values) or isinstance(node, _ROWS)
            waiting.append((child, child.span if own else within))


_ROWS = (ast.Row, ast.Return, ast.ListExpression, ast.TupleExpression)
_VALUES: Mapping[type[ast.Node], tuple[str, ...]] = {
    ast.Field: ("value",),
    ast.Binding: ("value",),
    ast.Element: ("value", "index", "source"),
    ast.Argument: ("value",),
    ast.Parameter: ("default",),
    ast.Draw: ("domain",),
    ast.Require: ("condition",),
    ast.Declaration: ("value",),
}
"""What stands for itself in a text, so that a hole in it says nothing of what is around it."""


def load_library(name: str, read: Reader, library: Library, diagnostics: Diagnostics) -> Module | None:
    """A module of the standard library, for names that are used without a `use`."""
    known = library.modules.get(name)
    if known is not None:
        return known
    source = read.library(name.removeprefix("std."))
    if source is None:
        return None
    return _Resolver(read, library, diagnostics).load(name, source)
