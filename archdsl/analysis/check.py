"""What can be checked of a declaration without values: every name, every setting, every entry's place.

The checks run on every declaration, used or not, and report all that they find.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from archdsl.analysis import fields as model_fields
from archdsl.analysis import recipe_fields
from archdsl.analysis.check_space import SpaceChecker
from archdsl.analysis.circles import circles
from archdsl.analysis.initializers import DISTRIBUTIONS
from archdsl.analysis.names import (
    did_you_mean,
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
from archdsl.analysis.outputs import NAMES as OUTPUTS
from archdsl.analysis.override import as_section
from archdsl.analysis.prelude import PRELUDE
from archdsl.analysis.program import (
    Builtin,
    Definition,
    Module,
    Named,
    Primitive,
    Unresolved,
    children,
    unfinished,
    walk,
)
from archdsl.analysis.stages import STRUCTURE, unknown_attribute
from archdsl.analysis.values import INDICES
from archdsl.diagnostics import Diagnostic, Edit, Label
from archdsl.graph.cost import MEASURES
from archdsl.graph.initializers import NAMES
from archdsl.source import Span
from archdsl.suggest import nearest
from archdsl.syntax import ast

Names = frozenset[str]
"""The names that an expression sees beside those of its module."""
_KINDS = ("fn", "block", "model", "scaling", "recipe", "space")


def split_parameters(item: ast.Declaration) -> tuple[tuple[str, ...], tuple[ast.Parameter, ...]]:
    """Inputs and settings of a declaration. Of a block without `;`, all are inputs; of the rest, settings."""
    written = item.parameters
    if written is None:
        return (), ()
    if written.second is not None:
        return tuple(p.name.text for p in written.first), written.second
    if item.kind.text == "block":
        return tuple(p.name.text for p in written.first), ()
    return (), written.first


class Checker:
    """Checks the declarations of one module."""

    def __init__(self, module: Module, report: Callable[[Diagnostic], None]) -> None:
        self.module, self._report = module, report
        self.told = 0
        self.patched: tuple[Span, ...] = ()
        self.complete = True
        """Whether no syntax error left anything out."""
        self.bindings: dict[str, Span] = {}
        """Names that the declaration's body binds, above or below where one is asked for."""
        self.drawn: Names = frozenset()
        """Those of them that a space draws."""
        self.spaces = SpaceChecker(module, self.report, self._expression, self._whole)

    def report(self, diagnostic: Diagnostic) -> None:
        self.told += 1
        self._report(diagnostic)

    def check(self, tree: ast.File) -> None:
        self.complete, self.patched = tree.complete, tree.patched
        for circle in circles(tree):
            self.report(circle.diagnostic)
            self.module.circular.update(circle.names)
        for item in tree.items:
            if isinstance(item, ast.Declaration) and item.kind.text in _KINDS:
                self._declaration(item)
            elif isinstance(item, ast.Instances):
                self._instances(item)

    def _whole(self, item: ast.Declaration) -> bool:
        """Whether what an item has not is not what a syntax error took from it."""
        if not self.module.broken:
            return True
        within = [span for span in self.patched if item.span.start <= span.start <= item.span.end]
        return self.complete and not within and not unfinished(item)

    # Declarations

    def _declaration(self, item: ast.Declaration) -> None:
        entries = item.body.entries if item.body is not None else ()
        bound = [n for e in entries if isinstance(e, ast.Binding | ast.Element | ast.Draw) for n in e.names]
        self.bindings = {name.text: name.span for name in reversed(bound)}
        self.drawn = frozenset([name.text for e in entries if isinstance(e, ast.Draw) for name in e.names])
        if item.kind.text == "space":
            before = self.told
            self.spaces.check(item)
            if self.told > before or not self._whole(item):
                self.module.faulty.add(item.name.text)
            return
        if item.refines is not None:
            message = f"only a space refines, not a {item.kind.text}"
            self.report(Diagnostic("E204", message, item.refines.span))
        local = self._parameters(item)
        if item.value is not None:
            self._expression(item.value, local, item.kind.text)
        elif item.body is not None:
            checks = {"fn": self._fn, "block": self._block, "model": self._model, "scaling": self._scaling}
            {**checks, "recipe": self._recipe}[item.kind.text](item.body, local, item)

    def _parameters(self, item: ast.Declaration) -> Names:
        """Check the parameters; the names that the body sees."""
        written = item.parameters
        seen: dict[str, Span] = {}
        if written is None:
            return frozenset()
        inputs, _ = split_parameters(item)
        if written.second is not None and item.kind.text != "block":
            message = f"tensors flow into a block only; a {item.kind.text} has settings"
            self.report(Diagnostic("E204", message, written.span, help="remove the `;`"))
        for parameter in (*written.first, *(written.second or ())):
            name = parameter.name
            if name.text in seen:
                labels = (Label(seen[name.text], "here first"),)
                message = f"`{name.text}` is declared twice"
                self.report(Diagnostic("E203", message, name.span, labels=labels, help="choose another name"))
            if parameter.several and name.text not in inputs[-1:]:
                message = f"`{name.text}...` takes what else flows into a block: it is the last of the inputs"
                help_ = "move it behind the others" if name.text in inputs else f"write `{name.text}`"
                self.report(Diagnostic("E204", message, parameter.span, help=help_))
            if parameter.default is not None:
                if name.text in inputs:
                    message = f"`{name.text}` flows in and has no default"
                    help_ = "settings stand after a `;`"
                    self.report(Diagnostic("E204", message, parameter.default.span, help=help_))
                self._expression(parameter.default, frozenset(seen), "parameter")
            seen[name.text] = name.span
        return frozenset(seen)

    def _fn(self, body: ast.Body, local: Names, item: ast.Declaration) -> None:
        self._statements(body, local, item, fit=False)

    def _block(self, body: ast.Body, local: Names, item: ast.Declaration) -> None:
        if item.parameters is None or not item.parameters.first:
            message = f"nothing flows into `{item.name.text}`"
            help_ = f"write `block {item.name.text}(x; …)`"
            self.report(Diagnostic("E210", message, item.name.span, help=help_))
        self._statements(body, local, item, fit=True)

    def _statements(self, body: ast.Body, local: Names, item: ast.Declaration, *, fit: bool) -> None:
        """Bindings, requires and one `return`, last."""
        returned: ast.Return | None = None
        before: ast.Entry | None = None
        for entry in body.entries:
            if returned is not None:
                self.report(Diagnostic("E204", "nothing stands after `return`", entry.span))
                break
            before, last = entry, before
            match entry:
                case ast.Binding():
                    self._expression(entry.value, local, item.kind.text)
                    local = self._bound(entry, local)
                case ast.Element(path=path) if len(path.steps) == 1:
                    local = self._element(entry, last, local, item)
                case ast.Require(condition=condition):
                    self._expression(condition, local, item.kind.text)
                case ast.Return(values=values):
                    returned = entry
                    for value in values:
                        self._expression(value, local, item.kind.text)
                case ast.Section(path=path) if fit and path.text == "fit":
                    self._fit(entry, item)
                case _:
                    self._misplaced(entry, f"a {item.kind.text}", "`name = value`, `require` and `return`")
        if returned is None and self._whole(item):
            message = f"`{item.name.text}` returns nothing"
            self.report(Diagnostic("E210", message, item.name.span, help="end the body with `return …`"))

    def _element(self, entry: ast.Element, last: ast.Entry | None, local: Names, item: ast.Declaration) -> Names:
        """Elements of a list, which the first of them begins and the next entries continue. They see it so far."""
        name = entry.path.head
        if not isinstance(last, ast.Element) or last.path != entry.path:
            begun = self.bindings[name.text]
            own = item.body is not None and any(
                isinstance(e, ast.Element) and e.span.end <= entry.span.start and e.path == entry.path
                for e in item.body.entries
            )
            if own:
                labels = (Label(begun, "the list begins here"),)
                message = f"`{name.text}` has all its elements; they stand one after the other"
                help_ = "move the line up, or choose another name"
                self.report(Diagnostic("E203", message, name.span, labels=labels, help=help_))
            else:
                local = self._bound(entry, local)
        seen = local | ({entry.variable.text} if entry.variable is not None else set())
        if entry.source is not None:
            self._expression(entry.source, local, item.kind.text)
        for part in (entry.index, entry.value):
            self._expression(part, seen, item.kind.text)
        return local

    def _bound(self, entry: ast.Binding | ast.Element, local: Names) -> Names:
        for name in entry.names:
            if name.text in local:
                message = f"`{name.text}` has a value already; a name keeps its value"
                self.report(Diagnostic("E203", message, name.span, help="choose another name"))
        return local | {name.text for name in entry.names}

    def _fit(self, section: ast.Section, item: ast.Declaration) -> None:
        inputs, parameters = split_parameters(item)
        names = tuple(p.name.text for p in parameters)
        for entry in section.body.entries:
            if not isinstance(entry, ast.Field) or len(entry.path.steps) != 1:
                self._misplaced(entry, "`fit`", "`setting: value`")
                continue
            if entry.path.text not in names:
                self.report(unknown_setting(entry.path.head, names, item.name.text).diagnostic)
            for node in walk(entry.value):
                if isinstance(node, ast.Reference) and node.name in inputs:
                    message = f"`fit` runs once a stage, before `{node.name}` is known"
                    self.report(Diagnostic("E204", message, node.span))
            self._expression(entry.value, frozenset((*names, *inputs)), "fit")

    def _misplaced(self, entry: ast.Entry, where: str, allowed: str) -> None:
        self.report(misplaced(entry, where, allowed))

    # Models

    def _model(self, body: ast.Body, local: Names, item: ast.Declaration) -> None:
        seen: dict[str, ast.Identifier] = {}
        for entry in body.entries:
            match entry:
                case ast.Binding(names=(field, *_)) if field.text in model_fields.MODEL_FIELDS:
                    message = f"`{field.text}` is a field of the model"
                    self.report(Diagnostic("E204", message, field.span, help=f"write `{field.text}: …`"))
                    seen[field.text] = field
                case ast.Binding():
                    self._expression(entry.value, local, "model")
                    local = self._bound(entry, local)
                case ast.Require(condition=condition):
                    self._expression(condition, local, "model")
                case ast.Field(path=path) | ast.Section(path=path):
                    self._model_field(entry, path, seen, local)
                case _:
                    self._misplaced(entry, "a model", "fields, sections, `name = value` and `require`")
        for name in ("input", "stages"):
            if name not in seen and self._whole(item):
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
                    self._expression(entry.value, local, "model")
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
                self._section(name.text, entry.body, local)
            return
        if name.text in model_fields.SECTIONS and name.text != "features":
            message = f"`{name.text}` is a section, not a field"
            self.report(Diagnostic("E204", message, path.span, help=f"write `{name.text} {{ … }}`"))
            return
        extra: Names = frozenset({"block", "stage"}) if name.text == "stages" else frozenset()
        if name.text in ("stem", "stages", "head"):
            extra |= frozenset(OUTPUTS)
        self._expression(entry.value, local | extra, name.text)

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

    def _section(self, name: str, body: ast.Body, local: Names) -> None:
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
            self._expression(entry.value, local | extra, name)
            if entry.path.text not in known[name]:
                at = ast.Identifier(entry.path.span, entry.path.text)
                self.report(model_fields.unknown_field(at, known[name], f"`{name}`", {}))

    def _instances(self, item: ast.Instances) -> None:
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
                    self._expression(cell, frozenset(), "models")
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

    # Recipes

    def _recipe(self, body: ast.Body, local: Names, item: ast.Declaration) -> None:
        """The names of fields, and those in their expressions; values are checked when the recipe is asked for."""
        named = self._recipe_entries(body, local, "a recipe")
        for name, example in recipe_fields.REQUIRED.items():
            if name not in named and self._whole(item):
                message = f"the recipe `{item.name.text}` has no `{name}`"
                self.report(Diagnostic("E210", message, item.name.span, help=f"add `{example}`"))

    def _recipe_entries(self, body: ast.Body, local: Names, where: str) -> set[str]:
        """The entries of a recipe's body, or of a `with` on a recipe: the fields that they name."""
        named: set[str] = set()
        for entry in body.entries:
            match entry:
                case ast.Binding() if where == "a recipe":
                    self._expression(entry.value, local, "recipe")
                    local = self._bound(entry, local)
                case ast.Require(condition=condition) if where == "a recipe":
                    self._expression(condition, local, "recipe")
                case ast.Field(path=path, value=value):
                    named.add(path.text)
                    self._recipe_field(path, value, local)
                case ast.Section(path=path, body=inner):
                    wrong = recipe_fields.misnamed(path, section=True)
                    if wrong is not None:
                        self.report(wrong)
                        continue
                    for line in inner.entries:
                        if isinstance(line, ast.Field):
                            whole = ast.Path(line.path.span, (*path.steps, *line.path.steps))
                            self._recipe_field(whole, line.value, local)
                        else:
                            self._misplaced(line, f"`{path.text}`", "`name: value`")
                case _ if where == "a recipe":
                    self._misplaced(entry, where, "`name: value`, sections, `name = value` and `require`")
                case _:
                    self._misplaced(entry, where, "`name: value` and sections")
        return named

    def _makes_recipe(self, e: ast.Expression, local: Names) -> bool:
        """Whether an expression is a recipe, where that needs no value."""
        if isinstance(e, ast.Derived):
            return self._makes_recipe(e.value, local)
        named = self._static(e.function if isinstance(e, ast.Call) else e, local)
        return isinstance(named, Definition) and named.kind == "recipe"

    def _recipe_field(self, path: ast.Path, value: ast.Expression, local: Names) -> None:
        if path.text in recipe_fields.SECTIONS and isinstance(value, ast.Constant) and value.value is None:
            return
        wrong = recipe_fields.misnamed(path)
        if wrong is not None:
            self.report(wrong)
            return
        if path.text not in recipe_fields.FORMS:
            self._expression(value, local, "recipe")
            return
        for argument in value.arguments if isinstance(value, ast.Call) else ():
            self._expression(argument.value, local, "recipe")

    # Scalings

    def _scaling(self, body: ast.Body, local: Names, item: ast.Declaration) -> None:
        seen: dict[str, ast.Identifier] = {}
        for entry in body.entries:
            match entry:
                case ast.Binding():
                    self._expression(entry.value, local, "scaling")
                    local = self._bound(entry, local)
                case ast.Require(condition=condition):
                    self._expression(condition, local, "scaling")
                case ast.Field(path=path):
                    name = ast.Identifier(path.span, path.text)
                    if name.text in seen:
                        self.report(model_fields.repeated_field(name, seen[name.text]))
                    seen[name.text] = name
                    self._line(entry, local)
                case _:
                    self._misplaced(entry, "a scaling", "`target: value`, `name = value` and `require`")
        if not seen and self._whole(item):
            message = f"`{item.name.text}` changes nothing"
            self.report(Diagnostic("E210", message, item.name.span, help="add a line such as `width: width * s`"))

    def _line(self, entry: ast.Field, local: Names) -> None:
        """One line: it sees its target by name, the dimensions, and `stage`, `stem`, `head`, `model`."""
        target = entry.path.head.text
        if target in local:
            message = f"`{target}` is a parameter of the scaling and cannot be its target"
            self.report(Diagnostic("E203", message, entry.path.head.span, help="rename the parameter"))
        seen = {target, "stem", "head", "stage", "model", *model_fields.DIMENSIONS}
        self._expression(entry.value, local | seen, "scaling")

    # Expressions

    def _expression(self, e: ast.Node, local: Names, where: str) -> None:
        """Names, settings and tables of an expression."""
        match e:
            case ast.Reference():
                if e.name in local or e.name in self.module.names or e.name in PRELUDE:
                    return
                if e.name in self.bindings:
                    labels = (Label(self.bindings[e.name], "it gets its value here"),)
                    help_ = f"move `{e.name} {'~' if e.name in self.drawn else '='} …` up"
                    self.report(Diagnostic("E201", f"`{e.name}` is not defined", e.span, labels=labels, help=help_))
                elif not self.module.incomplete:
                    known = set(local) | set(self.module.names) | set(PRELUDE)
                    self.report(unknown_name(e, known).diagnostic)
            case ast.Comprehension(body=body, variable=variable, source=source):
                self._expression(source, local, where)
                self._expression(body, local | {variable.text}, where)
            case ast.Call(function=function, arguments=arguments):
                self._expression(function, local, where)
                self._call(function, arguments, local)
                named = self._static(function, local)
                for argument in arguments:
                    self._expression(argument.value, local | words_of(named, argument.name), where)
            case ast.Configured(function=function, body=body):
                self._expression(function, local, where)
                self._configuration(function, body, local, where)
            case ast.Derived(value=value, body=body):
                self._expression(value, local, where)
                self._derivation(value, body, local, where)
            case ast.Table(rows=rows):
                self._table(rows, local, where)
            case ast.Attribute(value=ast.Reference(name=group), name=name) if group in INDICES:
                indexed = where in ("stages", "with") and local >= set(INDICES)
                if indexed and name.text not in INDICES[group]:
                    self.report(unknown_part(name, INDICES[group], "an index").diagnostic)
                elif not indexed:
                    self._expression(e.value, local, where)
            case ast.ListExpression(items=items) if where == "stages":
                for item in items:
                    self._expression(item, local, where)
            case ast.Absent():
                pass
            case _:
                for child in _expressions_below(e):
                    self._expression(child, local, where)

    def _static(self, function: ast.Expression, local: Names) -> Named | None:
        """What a called name stands for, where that needs no value."""
        if isinstance(function, ast.Reference) and function.name not in local:
            return self.module.names.get(function.name) or PRELUDE.get(function.name)
        if isinstance(function, ast.Call | ast.Configured):
            named = self._static(function.function, local)
            if isinstance(named, Builtin) or (isinstance(named, Definition) and named.kind == "fn"):
                return None  # what a function gives is known with its value
            return named
        return None

    def _call(self, function: ast.Expression, arguments: tuple[ast.Argument, ...], local: Names) -> None:
        named = self._static(function, local)
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
        named = self._static(function, local)
        known = self._settings_of(named) if isinstance(named, Definition | Primitive) else None
        if known is not None and where == "stages":
            known = (*known, *(s for s in STRUCTURE if s not in known))
        fields = [entry for entry in body.entries if isinstance(entry, ast.Field)]
        beside = {field.path.text: field.path.span for field in fields} if where == "stages" else {}
        seen: dict[str, ast.Identifier] = {}
        for entry in body.entries:
            if not isinstance(entry, ast.Field) or len(entry.path.steps) != 1:
                self._misplaced(entry, "a block's settings", "`name: value`")
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
        visible = {*local, *self.module.names, *PRELUDE, *self.bindings}
        visible |= {node.variable.text for node in nodes if isinstance(node, ast.Comprehension)}
        hidden = beside.keys() - visible if not self.module.incomplete else set()
        unseen = [node for node in nodes if isinstance(node, ast.Reference) and node.name in hidden]
        for node in unseen:
            self.report(unseen_setting(node, name, beside[node.name]))
        self._expression(value, local | {node.name for node in unseen}, where)

    def _derivation(self, value: ast.Expression, body: ast.Body, local: Names, where: str) -> None:
        """`with { … }` on stages, on a model, on a scaling or on a recipe."""
        if self._makes_recipe(value, local):
            self._recipe_entries(body, local, "`with`")
            return
        columns = frozenset(
            cell.name
            for node in walk(value)
            if isinstance(node, ast.Table)
            for cell in node.rows[0].cells
            if isinstance(cell, ast.Reference)
        )
        for entry in body.entries:
            if isinstance(entry, ast.Section):
                self._section(entry.path.text, entry.body, local)
                if where != "stages" and entry.path.text not in model_fields.SECTIONS:
                    at = entry.path.head
                    self.report(model_fields.unknown_field(at, model_fields.MODEL_FIELDS, "`with`", {}))
            elif isinstance(entry, ast.Field) and _names_in_section(entry.path) and where != "stages":
                section = as_section(entry.path, entry.value)
                self._section(section.path.text, section.body, local)
            elif isinstance(entry, ast.Field):
                last = entry.path.steps[-1]
                own = {last.text} if isinstance(last, ast.Identifier) else set()
                seen = local | own | columns
                if entry.path.head.text in ("stem", "stages", "head"):
                    seen |= frozenset(OUTPUTS)
                if where == "stages" or entry.path.head.text == "stages":
                    seen |= {"block", "stage", *model_fields.DIMENSIONS}
                elif where == "scaling":
                    seen |= {"stem", "head", "stage", "model", *model_fields.DIMENSIONS}
                for step in entry.path.steps:
                    if isinstance(step, ast.IndexStep):
                        self._expression(step.index, local, where)
                self._expression(entry.value, seen, "stages" if entry.path.text == "stages" else "with")
            else:
                self._misplaced(entry, "`with`", "`path: value`")

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
                    blocks.append(self._static(cell, local))
        known = [self._settings_of(b) for b in blocks]
        if not known or any(k is None for k in known):
            return
        all_known = {"block", *STRUCTURE, *(n for names in known for n in names or ())}
        for cell in rows[0].cells:
            if isinstance(cell, ast.Reference) and cell.name not in all_known:
                self.report(unknown_column(ast.Identifier(cell.span, cell.name), all_known))


def _names_in_section(path: ast.Path) -> bool:
    """Whether a path names a field of a section: `source.note`."""
    return path.head.text in model_fields.SECTIONS and len(path.steps) > 1


def _expressions_below(e: ast.Node) -> tuple[ast.Node, ...]:
    return tuple(c for c in children(e) if not isinstance(c, ast.Identifier))
