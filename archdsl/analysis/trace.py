"""Where a number came from: from a fault in a rule back to the lines of the program that caused it."""

from __future__ import annotations

from collections.abc import Iterator

from archdsl.analysis.program import walk
from archdsl.analysis.values import Environment, Origin, Setting, Tensor, Unknown
from archdsl.diagnostics import Diagnostic, Edit, Fault, Label
from archdsl.graph.faults import RuleError
from archdsl.numbers import Irrational, describe, is_number
from archdsl.numbers.text import shorten
from archdsl.source import Span
from archdsl.syntax import ast

_MAX_LABELS = 6
_ABOUT_ONE_SETTING = ("E301", "E302", "E303", "E306")
"""Faults of a setting for itself; behind the others stand the operation's other settings too."""


def show_value(value: object) -> str:
    """A value in a message: numbers in digits, the rest as the language writes it."""
    from archdsl.analysis.values import Block, Function, Output, Scaling, Sequence, Solve
    from archdsl.graph.shapes import Range, Size, show_shape
    from archdsl.training.recipe import Duration

    if is_number(value):
        return describe(value) if isinstance(value, Irrational) else shorten(value)
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value}"' if len(value) <= 60 else f'"{value[:59]}…"'
    if isinstance(value, Size):
        return " x ".join(show_value(v) for v in value)
    if isinstance(value, tuple):
        shown = ", ".join(show_value(v) for v in value[:6])
        return f"[{shown}{', …' if len(value) > 6 else ''}]"
    if isinstance(value, Duration):
        return f"{show_value(value.amount)} {value.unit}"
    if isinstance(value, Range):
        return f"{show_value(value.lo)} .. {show_value(value.hi)}"
    if isinstance(value, Tensor):
        return f"a tensor of {show_shape(value.shape)}"
    if isinstance(value, Output):
        return value.text
    if isinstance(value, Block):
        return f"{value.name}({', '.join([each.text for each in value.inputs])})" if value.inputs else value.name
    if isinstance(value, Function):
        return f"the function {value.of.name}"
    if isinstance(value, Scaling):
        return f"the scaling {value.name}"
    if isinstance(value, Solve):
        within = "" if value.within is None else f", within: {shorten(value.within)}"
        return f"solve({value.measure}: {value.target}{within})"
    if isinstance(value, Sequence):
        return " -> ".join(name for name, _ in value.steps) or "nothing"
    return str(value)


def origins(expression: ast.Node, environment: Environment) -> Iterator[tuple[str, object, Origin]]:
    """The names in an expression with what made their values, and so on, outermost first."""
    seen: set[tuple[int, int]] = set()
    queue: list[tuple[ast.Node, Environment]] = [(expression, environment)]
    while queue and len(seen) < 100:
        node, scope = queue.pop(0)
        for reference in walk(node):
            if not isinstance(reference, ast.Reference):
                continue
            holder: Environment | None = scope
            while holder is not None and reference.name not in holder.names:
                holder = holder.parent
            origin = holder.origins.get(reference.name) if holder is not None else None
            if holder is None or origin is None:
                continue
            key = (id(origin.expression), id(origin.environment))
            if key in seen:
                continue
            seen.add(key)
            yield reference.name, holder.names[reference.name], origin
            queue.append((origin.expression, origin.environment))


def labels_for(expression: ast.Node, environment: Environment, but: Span) -> tuple[Label, ...]:
    """What the names in an expression are and where they got it, in the program's own text."""
    found: dict[Span, Label] = {}
    for name, value, origin in origins(expression, environment):
        if origin.environment.module.library or origin.span == but or isinstance(value, Unknown):
            continue
        found.setdefault(origin.span, Label(origin.span, f"{name} is {show_value(value)}"))
    return tuple(found.values())[:_MAX_LABELS]


def nearest_user_span(expression: ast.Node, environment: Environment) -> Span | None:
    """The first place outside the standard library that an expression's value comes from."""
    if not environment.module.library:
        return expression.span
    for _, _, origin in origins(expression, environment):
        if not origin.environment.module.library:
            return origin.span
    return None


def fault(
    code: str,
    message: str,
    expression: ast.Node,
    environment: Environment,
    *,
    help: str | None = None,
    label: str = "",
    edits: tuple[Edit, ...] = (),
) -> Fault:
    """A fault at an expression, or, if that stands in the library, at the user's text behind it."""
    span = nearest_user_span(expression, environment) or expression.span
    labels = labels_for(expression, environment, span)
    if span != expression.span:
        labels = (*labels, Label(expression.span, "needed here"))
    return Fault(Diagnostic(code, message, span, label=label, labels=labels, help=help, edits=edits))


def _quotient_help(expression: ast.Node) -> str | None:
    """What mends a number of groups that is not whole: rounding it would only move the fault."""
    match expression:
        case ast.Arithmetic(operator="/", left=left, right=right):
            return f"make `{left.span.text}` a multiple of `{right.span.text}`"
        case _:
            return None


def rule_fault(
    error: RuleError, site: ast.Node, environment: Environment, settings: dict[str, Setting], path: str
) -> Fault:
    """A graph rule's error as a diagnostic, at the setting that it names."""
    setting = settings.get(error.attribute) if error.attribute else None
    origin = setting.origin if setting is not None else None
    label = f"in {path}" if path else ""
    if origin is not None:
        help_ = _quotient_help(origin.expression) if error.code == "E303" and error.attribute == "groups" else None
        help_ = help_ or error.help
        raised = fault(error.code, error.message, origin.expression, origin.environment, help=help_, label=label)
        if error.code in _ABOUT_ONE_SETTING:
            return raised
    else:
        raised = fault(error.code, error.message, site, environment, help=error.help, label=label)
    where = [s.origin for s in settings.values() if s.origin is not None]
    extra: list[Label] = []
    for o in where:
        for found in labels_for(o.expression, o.environment, raised.diagnostic.span):
            if found not in raised.diagnostic.labels and found not in extra:
                extra.append(found)
    diagnostic = raised.diagnostic
    labels = (*diagnostic.labels, *extra)[:_MAX_LABELS]
    span = diagnostic.span
    if environment.module.library and span == site.span and labels:
        span = labels[0].span
        labels = (*labels[1:], Label(site.span, "needed here"))
    return Fault(Diagnostic(error.code, error.message, span, label=label, labels=labels, help=error.help))
