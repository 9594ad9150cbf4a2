"""What can be checked of recipes without values: the names of their fields, and the names in their expressions."""

from __future__ import annotations

from archdsl.analysis import recipe_fields
from archdsl.analysis.check_expressions import ExpressionChecker
from archdsl.analysis.checking import Checking, Names
from archdsl.analysis.names import misplaced
from archdsl.analysis.program import Definition
from archdsl.diagnostics import Diagnostic
from archdsl.syntax import ast


class RecipeChecker:
    """Checks recipes, and what a `with` changes in them."""

    def __init__(self, checking: Checking, expressions: ExpressionChecker) -> None:
        self.report = checking.report
        self.checking, self.expressions = checking, expressions

    def recipe(self, body: ast.Body, local: Names, item: ast.Declaration) -> None:
        """The names of fields, and those in their expressions; values are checked when the recipe is asked for."""
        named = self.entries(body, local, "a recipe")
        for name, example in recipe_fields.REQUIRED.items():
            if name not in named and self.checking.whole(item):
                message = f"the recipe `{item.name.text}` has no `{name}`"
                self.report(Diagnostic("E210", message, item.name.span, help=f"add `{example}`"))

    def entries(self, body: ast.Body, local: Names, where: str) -> set[str]:
        """The entries of a recipe's body, or of a `with` on a recipe: the fields that they name."""
        named: set[str] = set()
        for entry in body.entries:
            match entry:
                case ast.Binding() if where == "a recipe":
                    self.expressions.check(entry.value, local, "recipe")
                    local = self.checking.bound(entry, local)
                case ast.Require(condition=condition) if where == "a recipe":
                    self.expressions.check(condition, local, "recipe")
                case ast.Field(path=path, value=value):
                    named.add(path.text)
                    self._field(path, value, local)
                case ast.Section(path=path, body=inner):
                    wrong = recipe_fields.misnamed(path, section=True)
                    if wrong is not None:
                        self.report(wrong)
                        continue
                    for line in inner.entries:
                        if isinstance(line, ast.Field):
                            whole = ast.Path(line.path.span, (*path.steps, *line.path.steps))
                            self._field(whole, line.value, local)
                        else:
                            self.report(misplaced(line, f"`{path.text}`", "`name: value`"))
                case _ if where == "a recipe":
                    self.report(misplaced(entry, where, "`name: value`, sections, `name = value` and `require`"))
                case _:
                    self.report(misplaced(entry, where, "`name: value` and sections"))
        return named

    def makes(self, e: ast.Expression, local: Names) -> bool:
        """Whether an expression is a recipe, where that needs no value."""
        if isinstance(e, ast.Derived):
            return self.makes(e.value, local)
        named = self.expressions.static(e.function if isinstance(e, ast.Call) else e, local)
        return isinstance(named, Definition) and named.kind == "recipe"

    def _field(self, path: ast.Path, value: ast.Expression, local: Names) -> None:
        if path.text in recipe_fields.SECTIONS and isinstance(value, ast.Constant) and value.value is None:
            return
        wrong = recipe_fields.misnamed(path)
        if wrong is not None:
            self.report(wrong)
            return
        if path.text not in recipe_fields.FORMS:
            self.expressions.check(value, local, "recipe")
            return
        for argument in value.arguments if isinstance(value, ast.Call) else ():
            self.expressions.check(argument.value, local, "recipe")
