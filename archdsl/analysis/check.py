"""What can be checked of a declaration without values: every name, every setting, every entry's place.

The checks run on every declaration, used or not, and report all that they find.
"""

from __future__ import annotations

from collections.abc import Callable

from archdsl.analysis import fields as model_fields
from archdsl.analysis.check_expressions import ExpressionChecker
from archdsl.analysis.check_models import ModelChecker
from archdsl.analysis.check_recipes import RecipeChecker
from archdsl.analysis.check_space import SpaceChecker
from archdsl.analysis.checking import Checking, Names, Offering
from archdsl.analysis.circles import circles, references
from archdsl.analysis.names import ambiguous, misplaced, unknown_setting
from archdsl.analysis.outputs import NAMES as OUTPUTS
from archdsl.analysis.override import as_section
from archdsl.analysis.program import Module, walk
from archdsl.analysis.values import INDICES
from archdsl.diagnostics import Diagnostic, Label
from archdsl.source import Span
from archdsl.syntax import ast

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

    def __init__(
        self, module: Module, report: Callable[[Diagnostic], None], offering: Offering = lambda _: None
    ) -> None:
        self.module, self.checking = module, Checking(module, report, offering)
        self.report = self.checking.report
        expressions = ExpressionChecker(self.checking, self._derivation)
        self.expression = expressions.check
        self.models = ModelChecker(self.checking, expressions)
        self.recipes = RecipeChecker(self.checking, expressions)
        self.spaces = SpaceChecker(module, self.report, expressions.check, self.checking.whole)

    def check(self, tree: ast.File) -> None:
        self.checking.begin(tree)
        for circle in circles(tree):
            self.report(circle.diagnostic)
            self.module.circular.update(circle.names)
        for item in tree.items:
            if isinstance(item, ast.Declaration) and item.kind.text in _KINDS:
                self._declaration(item)
            elif isinstance(item, ast.Instances):
                self.models.instances(item)

    # Declarations

    def _declaration(self, item: ast.Declaration) -> None:
        self.checking.enter(item)
        if item.kind.text == "space":
            before = self.checking.told
            self.spaces.check(item)
            if self.checking.told > before or not self.checking.whole(item):
                self.module.faulty.add(item.name.text)
            return
        if item.refines is not None:
            message = f"only a space refines, not a {item.kind.text}"
            self.report(Diagnostic("E204", message, item.refines.span))
        local = self._parameters(item)
        if item.value is not None:
            self.expression(item.value, local, item.kind.text)
        elif item.body is not None:
            checks = {"fn": self._fn, "block": self._block, "scaling": self._scaling}
            checks |= {"model": self.models.model, "recipe": self.recipes.recipe}
            checks[item.kind.text](item.body, local, item)

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
                self.expression(parameter.default, frozenset(seen), "parameter")
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
                    self.expression(entry.value, local, item.kind.text)
                    local = self.checking.bound(entry, local)
                case ast.Element(path=path) if len(path.steps) == 1:
                    local = self._element(entry, last, local, item)
                case ast.Require(condition=condition):
                    self.expression(condition, local, item.kind.text)
                case ast.Return(values=values):
                    returned = entry
                    for value in values:
                        self.expression(value, local, item.kind.text)
                case ast.Section(path=path) if fit and path.text == "fit":
                    self._fit(entry, item)
                case _:
                    self.report(misplaced(entry, f"a {item.kind.text}", "`name = value`, `require` and `return`"))
        if returned is None and self.checking.whole(item):
            message = f"`{item.name.text}` returns nothing"
            self.report(Diagnostic("E210", message, item.name.span, help="end the body with `return …`"))

    def _element(self, entry: ast.Element, last: ast.Entry | None, local: Names, item: ast.Declaration) -> Names:
        """Elements of a list, which the first of them begins and the next entries continue. They see it so far."""
        name = entry.path.head
        if not isinstance(last, ast.Element) or last.path != entry.path:
            begun = self.checking.bindings[name.text]
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
                local = self.checking.bound(entry, local)
        seen = local | ({entry.variable.text} if entry.variable is not None else set())
        if entry.source is not None:
            self.expression(entry.source, local, item.kind.text)
        for part in (entry.index, entry.value):
            self.expression(part, seen, item.kind.text)
        return local

    def _fit(self, section: ast.Section, item: ast.Declaration) -> None:
        inputs, parameters = split_parameters(item)
        names = tuple(p.name.text for p in parameters)
        for entry in section.body.entries:
            if not isinstance(entry, ast.Field) or len(entry.path.steps) != 1:
                self.report(misplaced(entry, "`fit`", "`setting: value`"))
                continue
            if entry.path.text not in names:
                self.report(unknown_setting(entry.path.head, names, item.name.text).diagnostic)
            for node in walk(entry.value):
                if isinstance(node, ast.Reference) and node.name in inputs:
                    message = f"`fit` runs once a stage, before `{node.name}` is known"
                    self.report(Diagnostic("E204", message, node.span))
            self.expression(entry.value, frozenset((*names, *inputs)), "fit")

    # Scalings

    def _scaling(self, body: ast.Body, local: Names, item: ast.Declaration) -> None:
        seen: dict[str, ast.Identifier] = {}
        for entry in body.entries:
            match entry:
                case ast.Binding():
                    self.expression(entry.value, local, "scaling")
                    local = self.checking.bound(entry, local)
                case ast.Require(condition=condition):
                    self.expression(condition, local, "scaling")
                case ast.Field(path=path):
                    name = ast.Identifier(path.span, path.text)
                    if name.text in seen:
                        self.report(model_fields.repeated_field(name, seen[name.text]))
                    seen[name.text] = name
                    self._line(entry, local)
                case _:
                    self.report(misplaced(entry, "a scaling", "`target: value`, `name = value` and `require`"))
        if not seen and self.checking.whole(item):
            message = f"`{item.name.text}` changes nothing"
            self.report(Diagnostic("E210", message, item.name.span, help="add a line such as `width: width * s`"))

    def _line(self, entry: ast.Field, local: Names) -> None:
        """One line: it sees its target by name, the dimensions, and `stage`, `stem`, `head`, `model`."""
        target = entry.path.head.text
        if target in local:
            message = f"`{target}` is a parameter of the scaling and cannot be its target"
            self.report(Diagnostic("E203", message, entry.path.head.span, help="rename the parameter"))
        seen = {target, "stem", "head", "stage", "model", *model_fields.DIMENSIONS}
        self.expression(entry.value, local | seen, "scaling")

    # Changes

    def _derivation(self, value: ast.Expression, body: ast.Body, local: Names, where: str) -> None:
        """`with { … }` on stages, on a model, on a scaling or on a recipe."""
        if self.recipes.makes(value, local):
            self.recipes.entries(body, local, "`with`")
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
                self.models.section(entry.path.text, entry.body, local)
                if where != "stages" and entry.path.text not in model_fields.SECTIONS:
                    at = entry.path.head
                    self.report(model_fields.unknown_field(at, model_fields.MODEL_FIELDS, "`with`", {}))
            elif isinstance(entry, ast.Field) and _names_in_section(entry.path) and where != "stages":
                section = as_section(entry.path, entry.value)
                self.models.section(section.path.text, section.body, local)
            elif isinstance(entry, ast.Field):
                last = entry.path.steps[-1]
                own = {last.text} if isinstance(last, ast.Identifier) else set()
                old = (columns | {"depth"}) - INDICES.keys() if where == "stages" else own
                for reference in references(entry.value, frozenset()):
                    if reference.name in old and reference.name in local:
                        self.report(ambiguous(reference))
                seen = local | own | columns
                if entry.path.head.text in ("stem", "stages", "head"):
                    seen |= frozenset(OUTPUTS)
                if where == "stages" or entry.path.head.text == "stages":
                    seen |= {"block", "stage", *model_fields.DIMENSIONS}
                elif where == "scaling":
                    seen |= {"stem", "head", "stage", "model", *model_fields.DIMENSIONS}
                for step in entry.path.steps:
                    if isinstance(step, ast.IndexStep):
                        self.expression(step.index, local, where)
                self.expression(entry.value, seen, "stages" if entry.path.text == "stages" else "with")
            else:
                self.report(misplaced(entry, "`with`", "`path: value`"))


def _names_in_section(path: ast.Path) -> bool:
    """Whether a path names a field of a section: `source.note`."""
    return path.head.text in model_fields.SECTIONS and len(path.steps) > 1
