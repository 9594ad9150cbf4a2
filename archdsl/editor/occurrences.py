"""Every name of a module with what it stands for: the table behind definition, references, renaming and colours."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from archdsl.analysis import fields as model_fields
from archdsl.analysis.check import split_parameters
from archdsl.analysis.check_space import FIELDS as SPACE_FIELDS
from archdsl.analysis.check_space import LAWS, MODEL, lineage
from archdsl.analysis.outputs import NAMES as OUTPUTS
from archdsl.analysis.program import Definition, Module
from archdsl.analysis.values import INDICES
from archdsl.editor.expressions import Expressions, Scope
from archdsl.editor.targets import Occurrence, Target, Trees, at, of_span, word
from archdsl.graph.cost import MEASURES
from archdsl.once import cached_property
from archdsl.records import dataclass
from archdsl.syntax import ast


@dataclass(frozen=True)
class Names:
    """The names of one module, in the order of the text."""

    path: str
    occurrences: tuple[Occurrence, ...]

    @cached_property
    def _starts(self) -> list[int]:
        return [occurrence.start for occurrence in self.occurrences]

    def at(self, offset: int) -> Occurrence | None:
        """The name at a place, or that ends there."""
        position = bisect_right(self._starts, offset) - 1
        for found in self.occurrences[max(0, position - 1) : position + 1][::-1]:
            if found.start <= offset <= found.end:
                return found
        return None

    def within(self, start: int, end: int) -> Iterable[Occurrence]:
        """The names between two places."""
        return (o for o in self.occurrences if o.start < end and o.end > start)


def names_of(module: Module, trees: Trees) -> Names:
    """The table of one module."""
    walk = _Walk(module, trees)
    for item in trees.of(module).items:
        walk.item(item)
    found = {(o.start, o.end): o for o in reversed(walk.found)}  # of two at one place the first stays
    return Names(module.name, tuple(sorted(found.values(), key=lambda o: (o.start, o.end))))


class _Walk(Expressions):
    """The walk over the items of a module."""

    def item(self, item: ast.Item) -> None:
        match item:
            case ast.Use():
                self._use(item)
            case ast.Declaration():
                self._declaration(item)
            case ast.Instances():
                self._instances(item)

    def _use(self, use: ast.Use) -> None:
        for alias in use.names or ():
            local = alias.local.text
            named = self.module.names.get(local)
            if named is None or self.module.used.get(local) is None:
                self.note(alias.name.span)
                continue
            self.note(alias.name.span, self.trees.origin(self.module, local, named))
            if alias.local.span.start != alias.name.span.start:
                self.note(alias.local.span, self.trees.outer(self.module, local), declares=True)

    def _declaration(self, item: ast.Declaration) -> None:
        kind: str = item.kind.text
        self.declare(item.name, at(kind, item.name, self.module.name))  # type: ignore[arg-type]
        if kind == "space":
            self._space(item)
            return
        scope = self._parameters(item)
        if item.refines is not None:
            self.note(item.refines.span, self.trees.outer(self.module, item.refines.text))
        if item.value is not None:
            self.expression(item.value, scope, kind)
        elif item.body is not None:
            {
                "fn": self._statements,
                "block": self._statements,
                "model": self._model,
                "scaling": self._scaling,
                "recipe": self._recipe,
            }[kind](item.body, scope, item)

    def _parameters(self, item: ast.Declaration) -> dict[str, Target]:
        scope: dict[str, Target] = {}
        written = item.parameters
        if written is None:
            return scope
        inputs, _ = split_parameters(item)
        for parameter in (*written.first, *(written.second or ())):
            if parameter.default is not None:
                self.expression(parameter.default, scope, "parameter")
            name = parameter.name
            kind = "input" if name.text in inputs else "parameter"
            target = at(kind, name, self.module.name, item.name.text)  # type: ignore[arg-type]
            self.declare(name, target)
            scope.setdefault(name.text, target)
        return scope

    def _statements(self, body: ast.Body, scope: dict[str, Target], item: ast.Declaration) -> None:
        first = dict(scope)
        for entry in body.entries:
            match entry:
                case ast.Element(path=path):
                    self._element(entry, path, scope, item)
                case ast.Section(path=path, body=inner) if path.text == "fit":
                    self._key(path.head, word("section", "fit", "block"))
                    for line in inner.entries:
                        if isinstance(line, ast.Field):
                            self._steps(line.path, (first.get(line.path.head.text),), first, "fit")
                            self.expression(line.value, first, "fit")
                        else:
                            self._other(line, scope, item.kind.text)
                case ast.Binding():
                    self._binding(entry, scope, item)
                case _:
                    self._other(entry, scope, item.kind.text)

    def _element(self, entry: ast.Element, path: ast.Path, scope: dict[str, Target], item: ast.Declaration) -> None:
        name = path.head
        if entry.source is not None:
            self.expression(entry.source, scope, item.kind.text)
        known = scope.get(name.text)
        if known is not None and known.kind == "local":
            self.note(name.span, known)
        else:
            scope[name.text] = self.local(name, item.name.text)
        inner = dict(scope)
        if entry.variable is not None:
            inner[entry.variable.text] = self.local(entry.variable, item.name.text)
        for part in (entry.index, entry.value):
            self.expression(part, inner, item.kind.text)

    def _binding(self, entry: ast.Binding, scope: dict[str, Target], item: ast.Declaration) -> None:
        self.expression(entry.value, scope, item.kind.text)
        for name in entry.names:
            scope[name.text] = self.local(name, item.name.text)

    def _model(self, body: ast.Body, scope: dict[str, Target], item: ast.Declaration) -> None:
        for entry in body.entries:
            match entry:
                case ast.Binding():
                    self._binding(entry, scope, item)
                case ast.Field(path=path, value=value) if path.text in model_fields.MODEL_FIELDS:
                    self._key(path.head, word("field", path.text, "model"))
                    self._field_value(path.text, value, scope)
                case ast.Section(path=path, body=inner) if path.text in model_fields.SECTIONS:
                    self._key(path.head, word("section", path.text, "model"))
                    self._section(path.text, inner, scope, (self.module, item))
                case _:
                    self._other(entry, scope, "model")

    def _field_value(self, name: str, value: ast.Expression, scope: Scope) -> None:
        inner = dict(scope)
        if name in ("stem", "stages", "head"):
            inner = {**self._words("part", OUTPUTS, "model"), **inner}
        if name == "stages":
            inner = {**self._words("index", INDICES, "stages"), **inner}
        self.expression(value, inner, name)

    def _instances(self, item: ast.Instances) -> None:
        self.note(item.model.span, self.trees.outer(self.module, item.model.text))
        family = self.module.names.get(item.model.text)
        header = item.table.rows[0].cells
        for cell in header:
            match cell:
                case ast.Reference(name="name"):
                    self.note(cell.span, word("column", "name", "models"))
                case ast.Reference(name=name):
                    self.note(cell.span, *(self.trees.settings(family, name) or ()))
                case ast.Attribute(value=ast.Reference(name=group) as first, name=name):
                    self.note(first.span, word("section", group, "model"))
                    self.note(name.span, word("field", name.text, group))
                case _:
                    self.expression(cell, {}, "models")
        for row in item.table.rows[1:]:
            for position, cell in enumerate(row.cells):
                column = header[position] if position < len(header) else None
                if isinstance(column, ast.Reference) and column.name == "name" and isinstance(cell, ast.Reference):
                    self.note(cell.span, of_span("model", cell.name, self.module.name, cell.span), declares=True)
                else:
                    self.expression(cell, {}, "models")

    def _recipe(self, body: ast.Body, scope: dict[str, Target], item: ast.Declaration) -> None:
        for entry in body.entries:
            if isinstance(entry, ast.Binding):
                self._binding(entry, scope, item)
            else:
                self._recipe_entry(entry, scope)

    def _scaling(self, body: ast.Body, scope: dict[str, Target], item: ast.Declaration) -> None:
        for entry in body.entries:
            match entry:
                case ast.Binding():
                    self._binding(entry, scope, item)
                case ast.Field(path=path, value=value):
                    self._line(path, value, scope)
                case _:
                    self._other(entry, scope, "scaling")

    def _space(self, item: ast.Declaration) -> None:
        if item.refines is not None:
            self.note(item.refines.span, self.trees.outer(self.module, item.refines.text))
        if item.parameters is not None:
            self._parameters(item)
        body = item.body
        if body is None:
            if item.value is not None:
                self.expression(item.value, {}, "space")
            return
        named = self.module.names.get(item.name.text)
        above = lineage(named)[:-1] if isinstance(named, Definition) and named.declaration.refines is not None else []
        scope: dict[str, Target] = {}
        for definition in above:
            scope |= spoken_targets(definition)
        waiting: list[ast.Field] = []
        inherited = frozenset(scope)
        for entry in body.entries:
            match entry:
                case ast.Draw(names=names, domain=domain):
                    self._law(domain, scope)
                    self._spoken(names, "draw", scope, inherited, item)
                case ast.Binding(names=names, value=value):
                    self.expression(value, self._asking(scope), "space")
                    self._spoken(names, "local", scope, inherited, item)
                case ast.Require(condition=condition):
                    self.expression(condition, self._asking(scope), "space")
                case ast.Field():
                    waiting.append(entry)
                case ast.Section(path=path, body=inner) if path.text in ("expect", "source"):
                    self._key(path.head, word("section", path.text, "space"))
                    for line in inner.entries:
                        if isinstance(line, ast.Field):
                            self.note(line.path.span, word("field", line.path.text, path.text))
                            self.expression(line.value, {}, "space")
                        else:
                            self._other(line, scope, "space")
                case _:
                    self._other(entry, scope, "space")
        for field in waiting:
            known = field.path.text in SPACE_FIELDS
            self._key(field.path.head, word("field", field.path.text, "space") if known else None)
            seen = self._asking(scope)
            if field.path.text == "reward":
                seen = {name: word("part", name, "reward") for name in ("accuracy", "step_time", *MEASURES, "memory")}
            self.expression(field.value, seen, "space")

    def _asking(self, scope: Scope) -> dict[str, Target]:
        """What may ask for the model, in a space."""
        return {**{name: word("part", name, "space") for name in (MODEL, *MEASURES)}, **scope}

    def _spoken(
        self,
        names: tuple[ast.Identifier, ...],
        kind: str,
        scope: dict[str, Target],
        inherited: frozenset[str],
        item: ast.Declaration,
    ) -> None:
        for name in names:
            if name.text in inherited:
                self.note(name.span, scope[name.text])
                continue
            target = at(kind, name, self.module.name, item.name.text)  # type: ignore[arg-type]
            scope[name.text] = self.declare(name, target)

    def _law(self, e: ast.Expression, scope: Scope) -> None:
        if not isinstance(e, ast.Call) or not isinstance(e.function, ast.Reference) or e.function.name not in LAWS:
            self.expression(e, scope, "space")
            return
        law = e.function.name
        self.note(e.function.span, word("value", law, "law"))
        for argument in e.arguments:
            if argument.name is not None:
                known = argument.name.text in LAWS[law]
                self.note(argument.name.span, word("setting", argument.name.text, law) if known else None)
            self._law(argument.value, scope)


def spoken_targets(definition: Definition) -> dict[str, Target]:
    """The names that a space declares itself."""
    body = definition.declaration.body
    found: dict[str, Target] = {}
    for entry in body.entries if body is not None else ():
        kind = "draw" if isinstance(entry, ast.Draw) else "local"
        for name in entry.names if isinstance(entry, ast.Draw | ast.Binding) else ():
            if name.text not in found:
                target = at(kind, name, definition.module.name, definition.name)  # type: ignore[arg-type]
                found[name.text] = target
    return found


__all__ = ["Names", "names_of", "spoken_targets"]
