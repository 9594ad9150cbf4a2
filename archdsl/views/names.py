"""The names of a text that stands alone: what it takes by `use`, what it writes out, and what each is called there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field
from typing import Any

from archdsl.analysis.prelude import PRELUDE
from archdsl.analysis.program import (
    OPERATIONS_MODULE,
    Builtin,
    Definition,
    Instance,
    Module,
    Named,
    Primitive,
    Unresolved,
    children,
    walk,
)
from archdsl.records import dataclass
from archdsl.source import Span
from archdsl.syntax import ast

MAX_COLUMNS = 118
"""A `use` or a table with wider lines is written on several."""


@dataclass
class Names:
    """What the text needs from elsewhere, and under which names.

    `add` is called for everything first; `settle` then gives names; `of` is for writing.
    """

    model: str
    reserved: frozenset[str] = frozenset()
    """Names that nothing else may have."""
    needed: dict[Any, Named] = field(default_factory=dict)
    included: list[Definition] = field(default_factory=list)
    names: dict[Any, str] = field(default_factory=dict)

    @staticmethod
    def key(named: Named) -> Any:
        """What tells one thing from another: an operation is its own, a definition is the object."""
        return named if isinstance(named, Primitive) else id(named)

    def add(self, named: Named) -> None:
        """Note that something is needed, and all that its text needs."""
        waiting = [named]
        while waiting:
            top = waiting.pop()
            if isinstance(top, Builtin | Instance | Unresolved) or self.key(top) in self.needed:
                continue
            self.needed[self.key(top)] = top
            if isinstance(top, Definition) and not top.module.library:
                self.included.append(top)
                waiting += [named for _, named in references(top)]

    def settle(self) -> None:
        """Give every needed thing its own name if no other has it, and no text that needs it means another by it."""
        local: dict[Any, set[str]] = {}
        for definition in self.included:
            inside = local_names(definition.declaration)
            for _, named in references(definition):
                local.setdefault(self.key(named), set()).update(inside)
        taken = {self.model, f"{self.model}_stages", *PRELUDE, *self.reserved}
        for key, named in self.needed.items():
            name, number = named.name, 1
            while name in taken or name in local.get(key, ()):
                number += 1
                name = f"{named.name}_{number}"
            taken.add(name)
            self.names[key] = name

    def of(self, named: Named) -> str:
        """What it is called in this text."""
        return self.names.get(self.key(named), named.name)

    def uses(self) -> list[str]:
        """The `use` lines, sorted."""
        modules: dict[str, list[str]] = {}
        for named in self.needed.values():
            if isinstance(named, Primitive):
                module = OPERATIONS_MODULE
            elif isinstance(named, Definition) and named.module.library:
                module = named.module.name
            else:
                continue
            local = self.of(named)
            modules.setdefault(module, []).append(named.name + (f" as {local}" if local != named.name else ""))
        return [_wrapped_use(module, sorted(names)) for module, names in sorted(modules.items())]

    def declarations(self) -> list[str]:
        """The texts of what is written out, in the order of their files, with the names of this text."""
        ordered = sorted(self.included, key=lambda d: (d.module.name, d.declaration.span.start))
        return [self._declaration(definition) for definition in ordered]

    def _declaration(self, definition: Definition) -> str:
        edits = [(span, self.of(named)) for span, named in references(definition)]
        edits.append((definition.declaration.name.span, self.of(definition)))
        return comment(definition.declaration.doc) + edited(definition.declaration.span, edits)


def references(definition: Definition) -> list[tuple[Span, Named]]:
    """The names in a declaration that stand for something of its module, and what they stand for."""
    found: list[tuple[Span, Named]] = []
    module, declaration = definition.module, definition.declaration
    bound = frozenset(definition.inputs)
    for parameter in definition.parameters:
        if parameter.default is not None:
            found += names_in(parameter.default, module, bound)  # `conv: conv` is a parameter, and the operation
        bound |= {parameter.name.text}
    if declaration.value is not None:
        found += names_in(declaration.value, module, bound)
    for entry in declaration.body.entries if declaration.body is not None else ():
        found += names_in(entry, module, bound)
        if isinstance(entry, ast.Binding | ast.Element):
            bound |= {name.text for name in entry.names}
    return found


def names_in(e: ast.Node, module: Module, bound: frozenset[str]) -> list[tuple[Span, Named]]:
    """The names in a part of a declaration that stand for something of a module, and what they stand for; `bound` are
    those that stand for something else."""
    found: list[tuple[Span, Named]] = []

    def visit(node: ast.Node, local: frozenset[str]) -> None:
        match node:
            case ast.Reference(name=name):
                named = module.names.get(name) if name not in local else None
                if named is not None:
                    found.append((node.span, named))
            case ast.Comprehension(body=body, variable=variable, source=source):
                visit(source, local)
                visit(body, local | {variable.text})
            case ast.Element(index=index, value=value, variable=variable, source=source):
                own = local | {name.text for name in node.names}
                if source is not None:
                    visit(source, own)
                own |= {variable.text} if variable is not None else set()
                visit(index, own)
                visit(value, own)
            case _:
                for child in children(node):
                    visit(child, local)

    visit(e, bound)
    return found


def local_names(declaration: ast.Declaration) -> set[str]:
    """The parameters and the bound names of a declaration."""
    found = set()
    for node in walk(declaration):
        match node:
            case ast.Parameter(name=name):
                found.add(name.text)
            case ast.Binding(names=names) | ast.Element(names=names):
                found.update(name.text for name in names)
        if isinstance(node, ast.Comprehension | ast.Element) and node.variable is not None:
            found.add(node.variable.text)
    return found


def edited(span: Span, edits: Iterable[tuple[Span, str]]) -> str:
    """The text at a span with some places within it replaced."""
    parts, at = [], span.start
    for place, text in sorted(edits, key=lambda edit: edit[0].start):
        parts += [span.source.text[at : place.start], text]
        at = place.end
    return "".join([*parts, span.source.text[at : span.end]])


def comment(text: str) -> str:
    """Lines as comments."""
    return "".join(f"# {line}".rstrip() + "\n" for line in text.splitlines())


def _wrapped_use(module: str, names: list[str]) -> str:
    line = f"use {module} {{ {', '.join(names)} }}"
    if len(line) <= MAX_COLUMNS:
        return line
    rows, row = [], "  "
    for name in names:
        if len(row) + len(name) + 2 > MAX_COLUMNS:
            rows.append(row.rstrip())
            row = "  "
        row += f"{name}, "
    return f"use {module} {{\n" + "\n".join([*rows, row.rstrip().rstrip(",")]) + "\n}"
