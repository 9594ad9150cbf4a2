"""What can be checked of an expression without values: its names, its settings, its tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from archdsl.analysis import fields as model_fields
from archdsl.analysis.checking import Checking, Names
from archdsl.analysis.names import (
    misplaced,
    setting_names,
    unknown_argument,
    unknown_column,
    unknown_name,
    unknown_part,
    unknown_setting,
    unseen_setting,
    words_of,
)
from archdsl.analysis.prelude import PRELUDE
from archdsl.analysis.program import Builtin, Definition, Named, Primitive, children, walk
from archdsl.analysis.stages import STRUCTURE, unknown_attribute
from archdsl.analysis.values import INDICES
from archdsl.diagnostics import Diagnostic, Label
from archdsl.source import Span
from archdsl.syntax import ast


class ExpressionChecker:
    """Checks expressions; `where` is what they stand in. `derived` checks the body of a `with`."""

    def __init__(self, checking: Checking, derived: Callable[[ast.Expression, ast.Body, Names, str], None]) -> None:
        self.module, self.report = checking.module, checking.report
        self.checking, self._derived = checking, derived

    def check(self, e: ast.Node, local: Names, where: str) -> None:
        """Names, settings and tables of an expression."""
        match e:
            case ast.Reference():
                if e.name in local or e.name in self.module.names or e.name in PRELUDE:
                    return
                if e.name in self.checking.bindings:
                    labels = (Label(self.checking.bindings[e.name], "it gets its value here"),)
                    help_ = f"move `{e.name} {'~' if e.name in self.checking.drawn else '='} …` up"
                    self.report(Diagnostic("E201", f"`{e.name}` is not defined", e.span, labels=labels, help=help_))
                elif not self.module.incomplete:
                    known = set(local) | set(self.module.names) | set(PRELUDE)
                    self.report(unknown_name(e, known, self.module, self.checking.offering(e.name)).diagnostic)
            case ast.Comprehension(body=body, variable=variable, source=source):
                self.check(source, local, where)
                self.check(body, local | {variable.text}, where)
            case ast.Call(function=function, arguments=arguments):
                self.check(function, local, where)
                self._call(function, arguments, local)
                named = self.static(function, local)
                for argument in arguments:
                    self.check(argument.value, local | words_of(named, argument.name), where)
            case ast.Configured(function=function, body=body):
                self.check(function, local, where)
                self._configuration(function, body, local, where)
            case ast.Derived(value=value, body=body):
                self.check(value, local, where)
                self._derived(value, body, local, where)
            case ast.Table(rows=rows):
                self._table(rows, local, where)
            case ast.Attribute(value=ast.Reference(name=group), name=name) if group in INDICES:
                indexed = where in ("stages", "with") and local >= set(INDICES)
                if indexed and name.text not in INDICES[group]:
                    self.report(unknown_part(name, INDICES[group], "an index").diagnostic)
                elif not indexed:
                    self.check(e.value, local, where)
            case ast.ListExpression(items=items) if where == "stages":
                for item in items:
                    self.check(item, local, where)
            case ast.Absent():
                pass
            case _:
                for child in _expressions_below(e):
                    self.check(child, local, where)

    def static(self, function: ast.Expression, local: Names) -> Named | None:
        """What a called name stands for, where that needs no value."""
        if isinstance(function, ast.Reference) and function.name not in local:
            return self.module.names.get(function.name) or PRELUDE.get(function.name)
        if isinstance(function, ast.Call | ast.Configured):
            named = self.static(function.function, local)
            if isinstance(named, Builtin) or (isinstance(named, Definition) and named.kind == "fn"):
                return None  # what a function gives is known with its value
            return named
        return None

    def _call(self, function: ast.Expression, arguments: tuple[ast.Argument, ...], local: Names) -> None:
        named = self.static(function, local)
        known = self._settings_of(named)
        seen: set[str] = set()
        for argument in arguments:
            name = argument.name
            if name is None:
                continue
            if name.text in seen:
                self.report(Diagnostic("E203", f"`{name.text}` is given twice", name.span))
            seen.add(name.text)
            if known is not None and name.text not in known and named is not None:
                self.report(unknown_argument(name, known, named, arguments).diagnostic)

    @staticmethod
    def _settings_of(named: Named | None) -> tuple[str, ...] | None:
        match named:
            case Primitive():
                return setting_names(named)
            case Definition():
                return named.parameter_names
            case Builtin(named=names, options=options) if names:
                return (*names, *options)
            case _:
                return None

    def _configuration(self, function: ast.Expression, body: ast.Body, local: Names, where: str) -> None:
        named = self.static(function, local)
        known = self._settings_of(named) if isinstance(named, Definition | Primitive) else None
        if known is not None and where == "stages":
            known = (*known, *(s for s in STRUCTURE if s not in known))
        fields = [entry for entry in body.entries if isinstance(entry, ast.Field)]
        beside = {field.path.text: field.path.span for field in fields} if where == "stages" else {}
        seen: dict[str, ast.Identifier] = {}
        for entry in body.entries:
            if not isinstance(entry, ast.Field) or len(entry.path.steps) != 1:
                self.report(misplaced(entry, "a block's settings", "`name: value`"))
                continue
            name = entry.path.head
            if name.text in seen:
                self.report(model_fields.repeated_field(name, seen[name.text]))
            seen[name.text] = name
            if known is not None and name.text not in known and named is not None:
                in_stages = where == "stages"
                self.report(
                    unknown_attribute(name, known, named.name)
                    if in_stages
                    else unknown_setting(name, known, named.name).diagnostic
                )
            words = words_of(named, name) if where != "stages" else frozenset()
            self._setting(name.text, entry.value, beside, local | words, where)

    def _setting(self, name: str, value: ast.Expression, beside: Mapping[str, Span], local: Names, where: str) -> None:
        """The value of a setting, which does not see the settings of stages that are given beside it."""
        nodes = walk(value)
        visible = {*local, *self.module.names, *PRELUDE, *self.checking.bindings}
        visible |= {node.variable.text for node in nodes if isinstance(node, ast.Comprehension)}
        hidden = beside.keys() - visible if not self.module.incomplete else set()
        unseen = [node for node in nodes if isinstance(node, ast.Reference) and node.name in hidden]
        for node in unseen:
            self.report(unseen_setting(node, name, beside[node.name]))
        self.check(value, local | {node.name for node in unseen}, where)

    def _table(self, rows: tuple[ast.Row, ...], local: Names, where: str) -> None:
        if where != "stages":
            span = rows[0].span
            self.report(Diagnostic("E204", "a table may stand only in `stages` and in `models`", span))
            return
        header = [c.name if isinstance(c, ast.Reference) else "" for c in rows[0].cells]
        beside = {name: cell.span for name, cell in zip(header, rows[0].cells, strict=True)}
        blocks: list[Named | None] = []
        for row in rows[1:]:
            for column, cell in zip(header, row.cells, strict=False):
                self._setting(column, cell, beside, local, where)
                if column == "block":
                    blocks.append(self.static(cell, local))
        known = [self._settings_of(b) for b in blocks]
        if not known or any(k is None for k in known):
            return
        all_known = {"block", *STRUCTURE, *(n for names in known for n in names or ())}
        for cell in rows[0].cells:
            if isinstance(cell, ast.Reference) and cell.name not in all_known:
                self.report(unknown_column(ast.Identifier(cell.span, cell.name), all_known))


def _expressions_below(e: ast.Node) -> tuple[ast.Node, ...]:
    return tuple(c for c in children(e) if not isinstance(c, ast.Identifier))
