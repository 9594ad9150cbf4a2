"""How many stages the attributes of a block make: as many as their lists have values, or runs of equal widths."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Any

from archdsl.analysis.context import Context
from archdsl.analysis.program import walk
from archdsl.analysis.trace import fault
from archdsl.analysis.values import Environment, ManyLists, Value, is_list
from archdsl.diagnostics import Diagnostic, Fault, Label
from archdsl.syntax import ast


def runs_of(
    ctx: Context, fields: Mapping[str, ast.Field], values: Mapping[str, Value], env: Environment
) -> list[tuple[Value, Any]] | ManyLists | None:
    """Width and depth of each run of equal widths, where `width` is a list and `depth` is not given."""
    widths = values.get("width")
    if "depth" in fields or not is_list(widths):
        return None
    if isinstance(widths, ManyLists):
        return widths.runs()
    ctx.spend(len(widths), fields["width"], env)
    return [(width, len(list(run))) for width, run in groupby(widths)]


def stage_count(
    fields: Mapping[str, ast.Field],
    values: Mapping[str, Value],
    runs: list[tuple[Value, Any]] | None,
    env: Environment,
) -> int:
    """The number of stages on which all lists agree."""
    first: tuple[str, int] | None = ("width", len(runs)) if runs is not None else None
    for name in sorted(values, key=lambda n: n != "depth"):
        given = values[name]
        if not is_list(given) or (name == "width" and runs is not None):
            continue
        length = len(given)
        if first is None:
            first = (name, length)
        elif length != first[1]:
            other, expected = first
            what = f"`{other}` makes {expected} stages" if runs is not None else f"`{other}` has {expected}"
            raise Fault(
                Diagnostic(
                    "E309",
                    f"`{name}` has {length} values, but {what}",
                    fields[name].value.span,
                    label=f"{length} values",
                    labels=(Label(fields[other].value.span, f"{expected} stages"),),
                    help=f"give one value for all stages, or {expected} values"
                    + (", or `depth`" if runs is not None else ""),
                )
            )
    if first is not None and first[1] == 0:
        raise fault("E309", f"`{first[0]}` is an empty list: there are no stages", fields[first[0]].value, env)
    return first[1] if first else 1


def warn_of_one_stage(ctx: Context, attributes: Mapping[str, ast.Expression], env: Environment) -> None:
    """E309 as a warning where one value of several is taken by `stage.index`, and there is one stage: no attribute is a
    list by itself, which alone would make more."""
    for name, written in attributes.items():
        for node in walk(written):
            if not isinstance(node, ast.Index) or not _by_stage(node.index):
                continue
            plain = isinstance(node.value, ast.Reference | ast.ListExpression | ast.TupleExpression)
            given = ctx.evaluate(node.value, env) if plain else None
            if is_list(given) and len(given) > 1:
                message = f"`{name}` takes one of {len(given)} values by `stage.index`, and there is one stage"
                help_ = "a list makes the stages"
                if node is written and isinstance(node.index, ast.Attribute):
                    help_ += f": write `{name}: {' '.join(node.value.span.text.split())}`"
                label = f"none but the first of {len(given)} is used"
                ctx.report(Diagnostic("E309", message, node.span, label=label, help=help_, severity="warning"))


def _by_stage(index: ast.Expression) -> bool:
    return any(
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Reference)
        and (node.value.name, node.name.text) == ("stage", "index")
        for node in walk(index)
    )
