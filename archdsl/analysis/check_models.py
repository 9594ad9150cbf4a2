"""What can be checked of models and of tables of models without values: their fields, sections and columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from archdsl.analysis import fields as model_fields
from archdsl.analysis.check_expressions import ExpressionChecker
from archdsl.analysis.checking import Checking, Names
from archdsl.analysis.initializers import DISTRIBUTIONS
from archdsl.analysis.names import did_you_mean, misplaced, unknown_setting
from archdsl.analysis.outputs import NAMES as OUTPUTS
from archdsl.analysis.program import Definition, Unresolved
from archdsl.diagnostics import Diagnostic, Edit
from archdsl.graph.cost import MEASURES
from archdsl.graph.initializers import NAMES
from archdsl.suggest import nearest
from archdsl.syntax import ast


class ModelChecker:
    """Checks models and tables of them."""

    def __init__(self, checking: Checking, expressions: ExpressionChecker) -> None:
        self.module, self.report = checking.module, checking.report
        self.checking, self.expression = checking, expressions.check

    def model(self, body: ast.Body, local: Names, item: ast.Declaration) -> None:
        """The body of a model, which sees its parameters."""
        seen: dict[str, ast.Identifier] = {}
        for entry in body.entries:
            match entry:
                case ast.Binding(names=(field, *_)) if field.text in model_fields.MODEL_FIELDS:
                    message = f"`{field.text}` is a field of the model"
                    self.report(Diagnostic("E204", message, field.span, help=f"write `{field.text}: …`"))
                    seen[field.text] = field
                case ast.Binding():
                    self.expression(entry.value, local, "model")
                    local = self.checking.bound(entry, local)
                case ast.Require(condition=condition):
                    self.expression(condition, local, "model")
                case ast.Field(path=path) | ast.Section(path=path):
                    self._model_field(entry, path, seen, local)
                case _:
                    self.report(misplaced(entry, "a model", "fields, sections, `name = value` and `require`"))
        for name in ("input", "stages"):
            if name not in seen and self.checking.whole(item):
                helps = {"input": "input: 3 x 224 x 224", "stages": "stages: block { … }"}
                message = f"the model `{item.name.text}` has no `{name}`"
                self.report(Diagnostic("E210", message, item.name.span, help=f"add `{helps[name]}`"))

    def _model_field(
        self, entry: ast.Field | ast.Section, path: ast.Path, seen: dict[str, ast.Identifier], local: Names
    ) -> None:
        name = ast.Identifier(path.span, path.text)
        if name.text not in model_fields.MODEL_FIELDS:
            unknown = self._unknown_model_field(name)
            if isinstance(entry, ast.Section) and not unknown.edits and nearest(name.text, ["with"]):
                edits = (Edit(name.span, "with"),)
                unknown = replace(unknown, code="E202", help="did you mean `with`?", edits=edits)
                self.report(unknown)
                return
            self.report(unknown)
            meant = next((edit.replacement for edit in unknown.edits), None)
            if meant is None or meant in seen:
                if isinstance(entry, ast.Field):
                    self.expression(entry.value, local, "model")
                return
            name = ast.Identifier(path.span, meant)  # go on as if it were spelled so
        if name.text in seen and name.text != "expect":
            self.report(model_fields.repeated_field(name, seen[name.text]))
        seen[name.text] = name
        if isinstance(entry, ast.Section):
            if name.text not in model_fields.SECTIONS:
                message = f"`{name.text}` is a field, not a section"
                self.report(Diagnostic("E204", message, path.span, help=f"write `{name.text}: …`"))
            else:
                self.section(name.text, entry.body, local)
            return
        if name.text in model_fields.SECTIONS and name.text != "features":
            message = f"`{name.text}` is a section, not a field"
            self.report(Diagnostic("E204", message, path.span, help=f"write `{name.text} {{ … }}`"))
            return
        extra: Names = frozenset({"block", "stage"}) if name.text == "stages" else frozenset()
        if name.text in ("stem", "stages", "head"):
            extra |= frozenset(OUTPUTS)
        self.expression(entry.value, local | extra, name.text)

    def _unknown_model_field(self, name: ast.Identifier) -> Diagnostic:
        """E202, or E204 where the key belongs elsewhere: `group_width` belongs in `stages`."""
        elsewhere = {
            **dict.fromkeys(("width", "depth", "stride", "group_width", "se_ratio", "expand", "kernel"), "`stages`"),
            **dict.fromkeys(("classes", "dropout"), "`head`, as a setting of its block"),
            **dict.fromkeys(MEASURES, "`expect`"),
            **dict.fromkeys(model_fields.PREPROCESS, "`preprocess`"),
            **dict.fromkeys(model_fields.SOURCE, "`source`"),
        }
        for definition in self.module.names.values():
            if isinstance(definition, Definition) and definition.kind == "block":
                for setting in definition.parameter_names:
                    elsewhere.setdefault(setting, f"`stages`, as a setting of `{definition.name}`")
        return model_fields.unknown_field(name, model_fields.MODEL_FIELDS, "a model", elsewhere)

    def section(self, name: str, body: ast.Body, local: Names) -> None:
        """A section of a model, or of a `with` on one."""
        known: Mapping[str, Iterable[str]] = {
            "expect": model_fields.EXPECT_FIELDS,
            "preprocess": model_fields.PREPROCESS,
            "source": model_fields.SOURCE,
            "init": model_fields.INIT_FIELDS,
        }
        if name not in known:
            return  # `follow`, `features` and `outputs` hold places, checked when the model is known
        extra: Names = frozenset()
        if name == "init":
            extra = frozenset((*NAMES, *DISTRIBUTIONS))
        for entry in body.entries:
            if not isinstance(entry, ast.Field):
                continue  # reported when the section is evaluated
            self.expression(entry.value, local | extra, name)
            if entry.path.text not in known[name]:
                at = ast.Identifier(entry.path.span, entry.path.text)
                self.report(model_fields.unknown_field(at, known[name], f"`{name}`", {}))

    def instances(self, item: ast.Instances) -> None:
        """A table of models: their family, its columns and its cells."""
        family = self.module.names.get(item.model.text)
        if family is None or not isinstance(family, Definition) or family.kind != "model":
            if isinstance(family, Unresolved) or (family is None and self.module.incomplete):
                return
            models = [n for n, d in self.module.names.items() if isinstance(d, Definition) and d.kind == "model"]
            hint = did_you_mean(item.model.text, models, item.model.span)
            message = f"there is no model `{item.model.text}`"
            self.report(Diagnostic("E201", message, item.model.span, help=hint.help, edits=hint.edits))
            return
        self._columns(item.table.rows[0], family)
        for row in item.table.rows[1:]:
            for column, cell in zip(item.table.rows[0].cells, row.cells, strict=False):
                if isinstance(column, ast.Reference) and column.name != "name":
                    self.expression(cell, frozenset(), "models")
        missing = [
            p.name.text
            for p in family.parameters
            if p.default is None
            and not any(isinstance(c, ast.Reference) and c.name == p.name.text for c in item.table.rows[0].cells)
        ]
        if missing:
            message = f"`{family.name}` needs {', '.join(f'`{m}`' for m in missing)}"
            header = item.table.rows[0].span
            self.report(Diagnostic("E306", message, header, help=f"add a column `{missing[0]}`"))

    def _columns(self, header: ast.Row, family: Definition) -> None:
        seen: set[str] = set()
        for cell in header.cells:
            text = ""
            if isinstance(cell, ast.Reference):
                text = cell.name
                if text != "name" and text not in family.parameter_names:
                    at = ast.Identifier(cell.span, text)
                    known = ("name", *family.parameter_names)
                    self.report(unknown_setting(at, known, family.name).diagnostic)
            elif isinstance(cell, ast.Attribute) and isinstance(cell.value, ast.Reference):
                text = f"{cell.value.name}.{cell.name.text}"
                groups = model_fields.COLUMN_SECTIONS
                group = cell.value.name
                if group not in groups:
                    at = ast.Identifier(cell.value.span, group)
                    self.report(model_fields.unknown_field(at, groups, "a table of models", {}))
                elif cell.name.text not in groups[group]:
                    self.report(model_fields.unknown_field(cell.name, groups[group], f"`{group}`", {}))
            else:
                self.report(Diagnostic("E204", "the first row of the table names its columns", cell.span))
            if text and text in seen:
                self.report(Diagnostic("E203", f"the column `{text}` is given twice", cell.span))
            seen.add(text)
