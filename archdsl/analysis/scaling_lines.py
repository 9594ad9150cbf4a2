"""The lines of a scaling: what each changes, and what it makes of an old value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from archdsl.analysis import fields as model_fields
from archdsl.analysis.bodies import bind_names, require
from archdsl.analysis.calls import environment_of
from archdsl.analysis.context import Context
from archdsl.analysis.model import Model
from archdsl.analysis.names import did_you_mean, setting_names
from archdsl.analysis.program import children, walk
from archdsl.analysis.values import Block, Environment, OldValues, Origin, Scaling, Setting
from archdsl.diagnostics import Diagnostic, Fault
from archdsl.records import dataclass
from archdsl.syntax import ast


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a scaling, with the environment that holds the scaling's arguments."""

    path: ast.Path
    expression: ast.Expression
    environment: Environment


def lines_of(ctx: Context, scaling: Scaling, step: ast.Node, env: Environment) -> dict[str, Line]:
    """The lines of a scaling by path, after every `with`."""
    inner = environment_of(ctx, scaling.of, scaling.arguments, scaling.call or step, env)
    lines: dict[str, Line] = {}
    body = scaling.of.declaration.body
    for entry in body.entries if body is not None else ():
        match entry:
            case ast.Binding():
                bind_names(ctx, entry, inner)
            case ast.Require():
                require(ctx, entry, inner)
            case ast.Field(path=path, value=value):
                lines[path.text] = Line(path, value, inner)
            case _:
                pass  # the resolver reported it
    for change, scope in scaling.changes:
        for entry in change.entries:
            if not isinstance(entry, ast.Field):
                raise Fault(Diagnostic("E204", "lines of a scaling stand here, as `path: value`", entry.span))
            lines[entry.path.text] = Line(entry.path, entry.value, scope)
    return lines


def changes_model(path: ast.Path) -> bool:
    """Whether a line is for `model.…`, a parameter of the model's family."""
    return path.head.text == "model" and len(path.steps) == 2 and isinstance(path.steps[1], ast.Identifier)


def verify_targets(model: Model, lines: Mapping[str, Line]) -> None:
    """E314 for a line whose target no stage has; the usual dimensions may be missing."""
    known = {name for stage in model.stages for name in setting_names(stage.block.of)}
    for line in lines.values():
        head, steps = line.path.head.text, line.path.steps
        if changes_model(line.path):
            continue
        if head in ("stem", "head") and len(steps) == 2 and isinstance(steps[1], ast.Identifier):
            block = getattr(model, head)
            names = setting_names(block.of) if isinstance(block, Block) else ()
            if steps[1].text not in names:
                hint = did_you_mean(steps[1].text, names, steps[1].span, prefix=f"{head}.")
                message = f"the {head} of `{model.name}` has no setting `{steps[1].text}`"
                raise Fault(Diagnostic("E314", message, line.path.span, help=hint.help, edits=hint.edits))
        elif len(steps) != 1 or (head not in known and head not in model_fields.DIMENSIONS):
            hint = did_you_mean(head, known | set(model_fields.DIMENSIONS), line.path.head.span)
            message = f"no stage of `{model.name}` has a setting `{line.path.text}`"
            raise Fault(Diagnostic("E314", message, line.path.span, help=hint.help, edits=hint.edits))


def keeps(ctx: Context, line: Line) -> bool:
    """Whether a line gives its target's old value back, as `width: … if share > 0 else width` does without a share."""
    e = line.expression
    while isinstance(e, ast.Conditional):
        named = {node.name for node in walk(e.condition) if isinstance(node, ast.Reference)}
        if named & {*model_fields.DIMENSIONS, line.path.head.text, "stage", "model", "stem", "head"}:
            return False
        e = e.then if ctx.holds(e.condition, line.environment) else e.otherwise
    return isinstance(e, ast.Reference) and e.name == line.path.text


def seen_by(line: Line, name: str, old: Setting, groups: Mapping[str, Mapping[str, Any]]) -> Environment:
    """What a line sees: the scaling's arguments, the old value by its name, and the other old values."""
    inner = Environment(line.environment.module, line.environment)
    for group, settings in groups.items():
        values = {n: s.value for n, s in settings.items() if isinstance(s, Setting)}
        inner.bind(group, OldValues(f"the old values of {group}", values))
    for dimension, setting in groups.get("stage", {}).items():
        if dimension in model_fields.DIMENSIONS and isinstance(setting, Setting):
            inner.bind(dimension, setting.value, setting.origin)
    inner.bind(name, old.value, old.origin)
    return inner


def scaled_by(ctx: Context, line: Line, name: str, old: Setting, groups: Mapping[str, Mapping[str, Any]]) -> Setting:
    """The new value of one number."""
    inner = seen_by(line, name, old, groups)
    return Setting(ctx.evaluate(line.expression, inner), Origin(line.expression, inner))


def unrounded(e: ast.Expression, path: ast.Path) -> ast.Expression | None:
    """The largest expression that reaches the old value through arithmetic alone: what is rounded then."""
    if _reaches(e, path):
        return e
    for child in children(e):
        inner = child.value if isinstance(child, ast.Argument) else child
        found = unrounded(inner, path)  # type: ignore[arg-type]
        if found is not None:
            return found
    return None


def _reaches(e: ast.Node, path: ast.Path) -> bool:
    match e:
        case ast.Reference(name=name):
            return len(path.steps) == 1 and name == path.text
        case ast.Attribute(value=ast.Reference(name=group), name=part):
            return f"{group}.{part.text}" == path.text
        case ast.Arithmetic(left=left, right=right):
            return _reaches(left, path) or _reaches(right, path)
        case ast.Unary(operand=operand):
            return _reaches(operand, path)
        case _:
            return False


__all__ = ["Line", "changes_model", "keeps", "lines_of", "scaled_by", "seen_by", "unrounded", "verify_targets"]
