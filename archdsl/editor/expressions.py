"""The names of expressions with what they stand for, and of the bodies that stand in expressions.

The walk goes the way of `analysis.check`: it knows which names an expression sees, and needs no value. What only values
tell, such as a setting of a block that is itself a parameter, has no target.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from archdsl.analysis import fields as model_fields
from archdsl.analysis import recipe_fields
from archdsl.analysis.initializers import DISTRIBUTIONS
from archdsl.analysis.names import words_of
from archdsl.analysis.outputs import NAMES as OUTPUTS
from archdsl.analysis.prelude import PRELUDE
from archdsl.analysis.program import Builtin, Definition, Module, Named, children
from archdsl.analysis.stages import STRUCTURE
from archdsl.analysis.values import INDICES
from archdsl.editor.parts import Declared, blocks_of, model_of
from archdsl.editor.targets import Occurrence, Target, Trees, at, word
from archdsl.graph.initializers import NAMES as FANS
from archdsl.source import Span
from archdsl.syntax import ast

Scope = Mapping[str, Target]
"""The names that an expression sees beside those of its module."""
TENSOR = ("channels", "height", "width", "tokens")
"""What may be asked of a tensor."""
PLACES = ("follow", "features", "outputs")
"""Sections that name places of the model."""


class Expressions:
    """A walk over expressions of one module, which notes what it finds."""

    def __init__(self, module: Module, trees: Trees) -> None:
        self.module, self.trees = module, trees
        self.found: list[Occurrence] = []

    def note(self, span: Span, *targets: Target | None, declares: bool = False) -> None:
        known = tuple([t for t in targets if t is not None])
        self.found.append(Occurrence(span.start, span.end, tuple(dict.fromkeys(known)), declares))

    def declare(self, name: ast.Identifier, target: Target) -> Target:
        self.note(name.span, target, declares=True)
        return target

    def local(self, name: ast.Identifier, owner: str) -> Target:
        return self.declare(name, at("local", name, self.module.name, owner))

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
                        self.note(
                            argument.name.span, *self._argument(function, named, argument.name.text, scope, words)
                        )
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
                self._part(value, name, scope)
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

    def _part(self, value: ast.Expression, name: ast.Identifier, scope: Scope) -> None:
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

    def _old(self, blocks: list[Named] | None, name: str) -> tuple[Target, ...]:
        found = self._settings(blocks, name)
        return found or (word("setting", name, "stages"),)

    def _settings(self, blocks: Iterable[Named] | None, name: str) -> tuple[Target, ...]:
        """What a setting of several blocks stands for; nothing where one of them is not known."""
        targets: list[Target] = []
        for block in blocks or ():
            targets += self.trees.settings(block, name) or ()
        return tuple(dict.fromkeys(targets))

    def _words(self, kind: str, names: Iterable[str], owner: str) -> dict[str, Target]:
        """Words that mean something where nothing of the module has their names."""
        free = [n for n in names if n not in self.module.names]
        return {name: word(kind, name, owner) for name in free}  # type: ignore[arg-type]

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
        self._key(
            path.head, word("section" if head in recipe_fields.SECTIONS else "field", head, "recipe") if known else None
        )
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


def _single(old: Mapping[str, tuple[Target, ...]]) -> dict[str, Target]:
    """Old values as names: one that several blocks have is that of none of them."""
    return {n: found[0] if len(found) == 1 else word("setting", n, "stages") for n, found in old.items()}


__all__ = ["TENSOR", "Expressions", "Scope"]
