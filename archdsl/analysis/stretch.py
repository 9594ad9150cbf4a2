"""Rules with one value a block, where a scaling gives stages another depth.

Of n blocks that become N, block p is taken from block floor(p n / N) of the stage as it was: a rule gives what it gave
there, so that the curve that it draws keeps its shape and its ends. The first block of a stage stays the first, and a
stride comes once: what follows a block and is taken from the same one has stride 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from math import prod
from typing import Any

from archdsl.analysis.context import AlreadyReported, Context
from archdsl.analysis.model import Attribute, Model, Rule, Run, Stage
from archdsl.analysis.program import walk
from archdsl.analysis.settings import at, indices, taken_from
from archdsl.analysis.trace import show_value
from archdsl.analysis.values import Indices, Setting
from archdsl.diagnostics import Diagnostic, Fault
from archdsl.numbers import is_number
from archdsl.syntax import ast

COUNTERS = frozenset({"index", "in_stage", "count"})
"""The indices of a block by which rules are stretched; `is_first`, `is_last` are of the block where it stands."""


def stretched(model: Model, scaled: Model) -> tuple[Stage, ...]:
    """The stages of a scaled model, whose rules and single blocks are still those of the model before."""
    if [stage.length for stage in model.stages] == [stage.length for stage in scaled.stages]:
        return scaled.stages
    stages = []
    first = 0
    for old, new in zip(model.stages, scaled.stages, strict=True):
        run = Run(first, old.length, model.depth)
        settings = {name: _stretched(name, attribute, run) for name, attribute in new.settings.items()}
        stages.append(replace(new, settings=settings, overrides=_overrides(old, new.length)))
        first += old.length
    return tuple(stages)


def _stretched(name: str, attribute: Attribute, run: Run) -> Attribute:
    if not isinstance(attribute, Rule) or attribute.base is not None or not counters_of(attribute.expression):
        return attribute
    return replace(attribute, base=run, once=name == "stride")


def _overrides(stage: Stage, depth: int) -> Mapping[int, Mapping[str, Setting]]:
    """The changes of single blocks, for all blocks that are taken from these."""
    found: dict[int, Mapping[str, Setting]] = {}
    taken = [position * stage.length // depth for position in range(depth)] if stage.overrides else []
    for position, base in enumerate(taken):
        settings = dict(stage.overrides.get(base, {}))
        if "stride" in settings and position and taken[position - 1] == base:
            settings["stride"] = replace(settings["stride"], value=1)
        if settings:
            found[position] = settings
    return found


def counters_of(e: ast.Node) -> frozenset[str]:
    """The indices of a block by which a rule is stretched: `index`, `in_stage`, `count`."""
    named = {
        node.name.text
        for node in walk(e)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Reference) and node.value.name == "block"
    }
    return COUNTERS & named


def warn_of_repeats(ctx: Context, model: Model, scaled: Model) -> None:
    """E319 where a rule singles out a block by its index and more are now taken from it, or where a stride is lost."""
    first = before = 0
    for index, (old, new) in enumerate(zip(model.stages, scaled.stages, strict=True)):
        for name, attribute in new.settings.items():
            if not isinstance(attribute, Rule) or attribute.base is None:
                continue
            places = [indices(scaled, index, first, position) for position in range(new.length)]
            if attribute.once:
                was = [indices(model, index, before, position) for position in range(old.length)]
                _warn_of_strides(ctx, index, name, (old.settings[name], was), (attribute, places))
            elif _singles_out(attribute.expression):
                _warn_of_copies(ctx, name, attribute, places)
        first, before = first + new.length, before + old.length


def _warn_of_strides(
    ctx: Context,
    index: int,
    name: str,
    old: tuple[Attribute, list[dict[str, Indices]]],
    new: tuple[Rule, list[dict[str, Indices]]],
) -> None:
    was, now = [prod(_numbers(ctx, attribute, places)) for attribute, places in (old, new)]
    if was != now:
        message = f"`{name}` of stage {index} comes to {show_value(now)} in place of {show_value(was)}: a block that "
        message += "has one is left out"
        help_ = "let the first block of a stage have it: it stays"
        ctx.report(Diagnostic("E319", message, new[0].expression.span, help=help_, severity="warning"))


def _numbers(ctx: Context, attribute: Attribute, places: list[dict[str, Indices]]) -> list[Any]:
    values = [at(ctx, attribute, place).value for place in places]
    return [value for value in values if is_number(value)]


def _warn_of_copies(ctx: Context, name: str, rule: Rule, places: list[dict[str, Indices]]) -> None:
    unstretched = replace(rule, base=None)
    for place, following in pairwise(places):
        if taken_from(rule, place)["block"].values["index"] != taken_from(rule, following)["block"].values["index"]:
            continue
        try:
            value, alone = at(ctx, rule, following).value, at(ctx, unstretched, following).value
        except (Fault, AlreadyReported):
            continue  # the rule has no value for so many blocks by themselves
        if value != alone:
            here, taken = (show_value(p["block"].values["index"]) for p in (following, taken_from(rule, following)))
            message = f"`{name}` is {show_value(value)} in block {here} too, which is taken from block {taken}"
            help_ = "`block.is_first` and `block.is_last` hold for one block of a stage, whatever its depth"
            ctx.report(Diagnostic("E319", message, rule.expression.span, help=help_, severity="warning"))
            return


def _singles_out(e: ast.Node) -> bool:
    """Whether a rule compares an index with one number: for equality, or with 0, which the first block alone has."""
    for node in walk(e):
        if isinstance(node, ast.Comparison):
            equal = "==" in node.operators or "!=" in node.operators
            with_0 = any(isinstance(side, ast.Number) and side.text == "0" for side in node.operands)
            if counters_of(node) and (equal or with_0):
                return True
    return False
