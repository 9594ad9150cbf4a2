"""Every name of a module with what it stands for: the table behind definition, references, renaming and colours.

The walk goes the way of `analysis.check`: it knows which names an expression sees, and needs no value. What only values
tell, such as a setting of a block that is itself a parameter, has no target.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from functools import cached_property

from archdsl.analysis import fields as model_fields
from archdsl.analysis import recipe_fields
from archdsl.analysis.check import split_parameters
from archdsl.analysis.check_space import FIELDS as SPACE_FIELDS
from archdsl.analysis.check_space import LAWS, MODEL, lineage
from archdsl.analysis.initializers import DISTRIBUTIONS
from archdsl.analysis.names import words_of
from archdsl.analysis.outputs import NAMES as OUTPUTS
from archdsl.analysis.prelude import PRELUDE
from archdsl.analysis.program import Builtin, Definition, Module, Named, Primitive, children
from archdsl.analysis.stages import STRUCTURE
from archdsl.analysis.values import INDICES
from archdsl.editor.parts import Declared, blocks_of, model_of
from archdsl.editor.targets import Occurrence, Target, Trees, at, of_span, word
from archdsl.graph.cost import MEASURES
from archdsl.graph.initializers import NAMES as FANS
from archdsl.records import dataclass
from archdsl.source import Span
from archdsl.syntax import ast

Scope = Mapping[str, Target]
"""The names that an expression sees beside those of its module."""
TENSOR = ("channels", "height", "width", "tokens")
"""What may be asked of a tensor."""
PLACES = ("follow", "features", "outputs")
"""Sections that name places of the model."""


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


class _Walk:
    def __init__(self, module: Module, trees: Trees) -> None:
        self.module, self.trees = module, trees
        self.found: list[Occurrence] = []

    # What is found

    def note(self, span: Span, *targets: Target | None, declares: bool = False) -> None:
        known = tuple([t for t in targets if t is not None])
        self.found.append(Occurrence(span.start, span.end, tuple(dict.fromkeys(known)), declares))

    def declare(self, name: ast.Identifier, target: Target) -> Target:
        self.note(name.span, target, declares=True)
        return target

    def local(self, name: ast.Identifier, owner: str) -> Target:
        return self.declare(name, at("local", name, self.module.name, owner))

    # Items

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

    def _other(self, entry: ast.Entry, scope: Scope, where: str) -> None:
        """An entry of which the language knows no name, where it stands or anywhere."""
        for child in children(entry):
            if isinstance(child, ast.Path):
                self._steps(child, (), scope, where)
            elif isinstance(child, ast.Identifier):
                self.note(child.span)
            elif isinstance(child, ast.Body):
                for inner in child.entries:
                    self._other(inner, scope, where)
            else:
                self.expression(child, scope, where)

    def _key(self, name: ast.Identifier, *targets: Target | None) -> None:
        self.note(name.span, *targets)

    def _steps(self, path: ast.Path, head: tuple[Target | None, ...], scope: Scope, where: str) -> None:
        """A path whose first name stands for something."""
        self.note(path.head.span, *head)
        for step in path.steps[1:]:
            if isinstance(step, ast.IndexStep):
                self.expression(step.index, scope, where)
            else:
                self.note(step.span)

    # Models

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

    def _words(self, kind: str, names: Iterable[str], owner: str) -> dict[str, Target]:
        """Words that mean something where nothing of the module has their names."""
        free = [n for n in names if n not in self.module.names]
        return {name: word(kind, name, owner) for name in free}  # type: ignore[arg-type]

    def _section(self, name: str, body: ast.Body, scope: Scope, model: Declared | None) -> None:
        inner = {**scope, **self._words("value", (*FANS, *DISTRIBUTIONS), "init")} if name == "init" else dict(scope)
        for entry in body.entries:
            if not isinstance(entry, ast.Field):
                self._other(entry, scope, name)
            elif name == "follow":
                self._follow(entry, model)
            elif name in PLACES:
                self.note(entry.path.span, word("value", entry.path.text, name), declares=True)
                parts = self._words("part", (*OUTPUTS, "head"), "model")
                self.expression(entry.value, {**inner, **parts}, name)
            else:
                self.note(entry.path.span, word("field", entry.path.text, name))
                self.expression(entry.value, inner, name)

    def _follow(self, entry: ast.Field, model: Declared | None) -> None:
        """`stem.width: width`"""
        self._place(entry.path, model, {}, "follow")
        if isinstance(entry.value, ast.Reference):
            self.note(entry.value.span, *self._stage_setting(model, entry.value.name))

    def _stage_setting(self, model: Declared | None, name: str) -> tuple[Target, ...]:
        found = self._settings(blocks_of(model, "stages"), name)
        return found or (word("setting", name, "stages"),)

    def _settings(self, blocks: Iterable[Named] | None, name: str) -> tuple[Target, ...]:
        """What a setting of several blocks stands for; nothing where one of them is not known."""
        targets: list[Target] = []
        for block in blocks or ():
            targets += self.trees.settings(block, name) or ()
        return tuple(dict.fromkeys(targets))

    def _place(self, path: ast.Path, model: Declared | None, scope: Scope, where: str) -> None:
        """A path into a model: `head.classes`, `stages[2].blocks[1].width`, `source.note`."""
        head = path.head
        section = head.text in model_fields.SECTIONS
        known = head.text in model_fields.MODEL_FIELDS
        self.note(head.span, word("section" if section else "field", head.text, "model") if known else None)
        if section:
            names = [s for s in path.steps[1:] if isinstance(s, ast.Identifier)]
            if names:
                self.note(names[0].span.to(names[-1].span), word("field", ".".join(n.text for n in names), head.text))
            return
        for step in path.steps[1:]:
            if isinstance(step, ast.IndexStep):
                self.expression(step.index, scope, where)
            elif head.text == "stages" and step.text in ("blocks", "block", *STRUCTURE):
                self.note(step.span, word("field", step.text, "stages"))
            elif head.text in ("stem", "stages", "head"):
                targets = self._settings(blocks_of(model, head.text), step.text)
                self.note(step.span, *(targets or (word("setting", step.text, head.text),)))
            else:
                self.note(step.span)

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

    # Recipes

    def _recipe(self, body: ast.Body, scope: dict[str, Target], item: ast.Declaration) -> None:
        for entry in body.entries:
            if isinstance(entry, ast.Binding):
                self._binding(entry, scope, item)
            else:
                self._recipe_entry(entry, scope)

    def _recipe_entry(self, entry: ast.Entry, scope: Scope) -> None:
        match entry:
            case ast.Field(path=path, value=value):
                self._recipe_field(path, value, scope)
            case ast.Section(path=path, body=inner) if path.text in recipe_fields.SECTIONS:
                self._key(path.head, word("section", path.text, "recipe"))
                for line in inner.entries:
                    if isinstance(line, ast.Field):
                        self.note(line.path.span, word("field", line.path.text, path.text))
                        self.expression(line.value, scope, "recipe")
                    else:
                        self._other(line, scope, "recipe")
            case _:
                self._other(entry, scope, "recipe")

    def _recipe_field(self, path: ast.Path, value: ast.Expression, scope: Scope) -> None:
        head = path.head.text
        forms = recipe_fields.FORMS.get(head)
        known = forms is not None or head in recipe_fields.FIELDS or head in recipe_fields.SECTIONS
        self._key(path.head, word("section" if head in recipe_fields.SECTIONS else "field", head, "recipe") if known else None)
        rest = [s for s in path.steps[1:] if isinstance(s, ast.Identifier)]
        if rest:
            self.note(rest[0].span.to(rest[-1].span), word("field", ".".join(s.text for s in rest), head))
        if forms is None or rest:
            self.expression(value, scope, "recipe")
            return
        form = value.function if isinstance(value, ast.Call) else value
        if not isinstance(form, ast.Reference):
            self.expression(value, scope, "recipe")
            return
        self.note(form.span, word("value", form.name, head) if form.name in forms else None)
        for argument in value.arguments if isinstance(value, ast.Call) else ():
            if argument.name is not None:
                self.note(argument.name.span, word("setting", argument.name.text, form.name))
            self.expression(argument.value, scope, "recipe")

    # Scalings

    def _scaling(self, body: ast.Body, scope: dict[str, Target], item: ast.Declaration) -> None:
        for entry in body.entries:
            match entry:
                case ast.Binding():
                    self._binding(entry, scope, item)
                case ast.Field(path=path, value=value):
                    self._line(path, value, scope)
                case _:
                    self._other(entry, scope, "scaling")

    def _line(self, path: ast.Path, value: ast.Expression, scope: Scope) -> None:
        """A line of a scaling: which settings it changes, the scaled model tells."""
        target = path.head.text
        names = [step for step in path.steps if isinstance(step, ast.Identifier)]
        if target in ("stem", "head", "stages", "model") and len(names) > 1:
            self.note(path.head.span, word("part", target, "scaling"))
            for name in names[1:]:
                self.note(name.span, word("setting", name.text, target))
        else:
            self._steps(path, (word("setting", target, "stages"),), scope, "scaling")
        dimensions = [n for n in (target, *model_fields.DIMENSIONS) if n not in scope]
        seen = {n: word("setting", n, "stages") for n in dimensions}
        groups = {n: word("part", n, "scaling") for n in ("stem", "head", "stage", "model") if n not in scope}
        self.expression(value, {**scope, **groups, **seen}, "scaling")

    # Spaces

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

    # Expressions

    def expression(self, e: ast.Node, scope: Scope, where: str, words: frozenset[str] = frozenset()) -> None:
        """The names of an expression. `words` are those that a setting knows beside all names."""
        match e:
            case ast.Reference(name=name):
                self._reference(e, name, scope, words)
            case ast.Comprehension(body=body, variable=variable, source=source):
                self.expression(source, scope, where, words)
                target = self.local(variable, "")
                self.expression(body, {**scope, variable.text: target}, where, words)
            case ast.Call(function=function, arguments=arguments):
                self.expression(function, scope, where, words)
                named = self.static(function, scope)
                for argument in arguments:
                    if argument.name is not None:
                        self.note(argument.name.span, *self._argument(function, named, argument.name.text, scope, words))
                    own = words_of(named, argument.name)
                    self.expression(argument.value, scope, where, words | own)
            case ast.Configured(function=function, body=body):
                self.expression(function, scope, where, words)
                self._configuration(function, body, scope, where)
            case ast.Derived(value=value, body=body):
                self.expression(value, scope, where, words)
                self._derivation(value, body, scope, where)
            case ast.Table(rows=rows):
                self._table(rows, scope, where)
            case ast.Attribute(value=value, name=name):
                self.expression(value, scope, where, words)
                self._part(value, name, scope, where)
            case ast.Body(entries=entries):
                for entry in entries:
                    self._other(entry, scope, where)
            case ast.Identifier():
                self.note(e.span)
            case _:
                for child in children(e):
                    self.expression(child, scope, where, words)

    def _argument(
        self, function: ast.Expression, named: Named | None, name: str, scope: Scope, words: frozenset[str]
    ) -> tuple[Target, ...]:
        """What the name of an argument stands for."""
        if isinstance(function, ast.Reference):
            made = scope.get(function.name)
            distribution = made is not None and made.kind == "value" and function.name in DISTRIBUTIONS
            if (distribution or function.name in words) and name in DISTRIBUTIONS.values():
                return (word("setting", name, function.name),)
        return self.trees.settings(named, name) or ()

    def _reference(self, e: ast.Reference, name: str, scope: Scope, words: frozenset[str]) -> None:
        if name in words:  # nearer than all names: see `calls`
            self.note(e.span, word("value", name, "setting"))
            return
        self.note(e.span, scope.get(name) or self.trees.outer(self.module, name))

    def static(self, function: ast.Expression, scope: Scope) -> Named | None:
        """What is called, where that needs no value."""
        if isinstance(function, ast.Reference) and function.name not in scope:
            return self.module.names.get(function.name) or PRELUDE.get(function.name)
        if isinstance(function, ast.Call | ast.Configured):
            named = self.static(function.function, scope)
            if isinstance(named, Builtin) or (isinstance(named, Definition) and named.kind == "fn"):
                return None
            return named
        return None

    def _part(self, value: ast.Expression, name: ast.Identifier, scope: Scope, where: str) -> None:
        target: Target | None = None
        if isinstance(value, ast.Reference):
            group = scope.get(value.name)
            if group is not None and group.kind == "index":
                target = word("index", name.text, value.name)
            elif group is not None and group.kind == "part" and group.owner == "scaling":
                target = word("setting", name.text, "stages")
            elif group is not None and group.kind == "part":
                target = word("part", name.text, group.name)
        elif isinstance(value, ast.Attribute) and isinstance(value.value, ast.Reference):
            group = scope.get(value.value.name)
            if group is not None and group.kind == "part" and group.owner == "space":
                target = word("part", name.text, f"{group.name}.{value.name.text}")
        if target is None and name.text in TENSOR:
            target = word("part", name.text, "tensor")
        self.note(name.span, target)

    def _configuration(self, function: ast.Expression, body: ast.Body, scope: Scope, where: str) -> None:
        named = self.static(function, scope)
        for entry in body.entries:
            if not isinstance(entry, ast.Field):
                self._other(entry, scope, where)
                continue
            name = entry.path.head
            found = self.trees.settings(named, name.text)
            if not found and where == "stages" and name.text in STRUCTURE:
                found = (word("field", name.text, "stages"),)
            self._steps(entry.path, found or (), scope, where)
            words = words_of(named, name) if where != "stages" else frozenset()
            self.expression(entry.value, scope, where if where == "stages" else "setting", words)

    def _table(self, rows: tuple[ast.Row, ...], scope: Scope, where: str) -> None:
        header = rows[0].cells
        columns = [c.name if isinstance(c, ast.Reference) else "" for c in header]
        blocks = self.blocks_in(rows, scope)
        for cell, column in zip(header, columns, strict=True):
            if column == "block":
                self.note(cell.span, word("column", "block", "stages"))
            elif column:
                found = self._settings(blocks, column)
                structure = word("field", column, "stages") if column in STRUCTURE else None
                self.note(cell.span, *(found or (structure,)))
            else:
                self.expression(cell, scope, where)
        for row in rows[1:]:
            for cell in row.cells:
                self.expression(cell, scope, where)

    def blocks_in(self, rows: tuple[ast.Row, ...], scope: Scope) -> list[Named] | None:
        """The blocks of a table of stages; none where one is known by its value alone."""
        columns = [c.name if isinstance(c, ast.Reference) else "" for c in rows[0].cells]
        if "block" not in columns:
            return None
        position = columns.index("block")
        found = [self.static(row.cells[position], scope) for row in rows[1:] if position < len(row.cells)]
        return None if any(named is None for named in found) else [n for n in found if n is not None]

    def _derivation(self, value: ast.Expression, body: ast.Body, scope: Scope, where: str) -> None:
        """`with { … }` on stages, on a model, on a recipe, on a scaling."""
        made = self.static(value.value if isinstance(value, ast.Derived) else value, scope)
        if isinstance(made, Definition) and made.kind == "recipe":
            for entry in body.entries:
                self._recipe_entry(entry, scope)
            return
        if where == "stages":
            self._changed_stages(value, body, scope)
            return
        if isinstance(made, Definition) and made.kind == "scaling":
            for entry in body.entries:
                if isinstance(entry, ast.Field):
                    self._line(entry.path, entry.value, scope)
                else:
                    self._other(entry, scope, where)
            return
        model = model_of(self.module, value)
        for entry in body.entries:
            self._change(entry, model, scope, where)

    def _changed_stages(self, value: ast.Expression, body: ast.Body, scope: Scope) -> None:
        """`[| block | width | …] with { width: round(width) }`: a setting's own name is its old value."""
        columns: set[str] = set()
        while isinstance(value, ast.Derived):
            value = value.value
        blocks = self.blocks_in(value.rows, scope) if isinstance(value, ast.Table) else None
        if isinstance(value, ast.Configured):
            named = self.static(value.function, scope)
            blocks = [named] if named is not None else None
        if isinstance(value, ast.Table):
            columns = {c.name for c in value.rows[0].cells if isinstance(c, ast.Reference)}
        elif isinstance(value, ast.Configured):
            columns = {e.path.head.text for e in value.body.entries if isinstance(e, ast.Field)}
        old = {name: self._old(blocks, name) for name in columns if name not in scope}
        for entry in body.entries:
            if not isinstance(entry, ast.Field):
                self._other(entry, scope, "stages")
                continue
            name = entry.path.head.text
            found = self._settings(blocks, name)
            if not found and name in STRUCTURE:
                found = (word("field", name, "stages"),)
            self._steps(entry.path, found, scope, "stages")
            seen = {**old, name: self._old(blocks, name)}
            indices = self._words("index", INDICES, "stages")
            self.expression(entry.value, {**indices, **scope, **_single(seen)}, "stages")

    def _old(self, blocks: list[Named] | None, name: str) -> tuple[Target, ...]:
        found = self._settings(blocks, name)
        return found or (word("setting", name, "stages"),)

    def _change(self, entry: ast.Entry, model: Declared | None, scope: Scope, where: str) -> None:
        """A line that changes a model."""
        if isinstance(entry, ast.Section):
            known = entry.path.text in model_fields.SECTIONS
            self._key(entry.path.head, word("section", entry.path.text, "model") if known else None)
            self._section(entry.path.text, entry.body, scope, model)
            return
        if not isinstance(entry, ast.Field):
            self._other(entry, scope, where)
            return
        path = entry.path
        self._place(path, model, scope, where)
        inner = dict(scope)
        head, last = path.head.text, path.steps[-1]
        if head in ("stem", "stages", "head"):
            inner = {**self._words("part", OUTPUTS, "model"), **inner}
        if head == "stages":
            inner = {**self._words("index", INDICES, "stages"), **inner}
        if isinstance(last, ast.Identifier) and len(path.steps) > 1:
            found = self._settings(blocks_of(model, head), last.text)
            inner = {**inner, last.text: found[0] if len(found) == 1 else word("setting", last.text, head)}
        self.expression(entry.value, inner, "stages" if path.text == "stages" else "with")


def _single(old: Mapping[str, tuple[Target, ...]]) -> dict[str, Target]:
    """Old values as names: one that several blocks have is that of none of them."""
    return {n: found[0] if len(found) == 1 else word("setting", n, "stages") for n, found in old.items()}


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
