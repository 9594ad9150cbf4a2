"""How the numbers of a model came about: what scalings changed, and where every setting of a stage comes from.

What enters is a compilation with a network; what leaves are `ChangeReport` and `OriginReport`.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from archdsl.analysis.calls import Tie
from archdsl.analysis.elaborate import Elaborator
from archdsl.analysis.evaluate import Silent
from archdsl.analysis.model import Change, Model, Rule, Run, Stage
from archdsl.analysis.program import Definition, Primitive, walk
from archdsl.analysis.scale import unrounded
from archdsl.analysis.trace import show_value
from archdsl.analysis.values import Environment, Indices, Origin, Setting, Value
from archdsl.compiler import Compilation
from archdsl.diagnostics import Fault
from archdsl.numbers import format_number, is_number
from archdsl.report import ChangeReport, LineReport, OriginReport, TieReport
from archdsl.source import Span
from archdsl.syntax import ast


def exact(value: Value) -> int | str:
    """A value for JSON: a whole number as such, everything else as text in the language."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return format_number(value) if is_number(value) else show_value(value)


def place(span: Span) -> str:
    """File and line."""
    return f"{span.source.name}:{span.line}"


def one_line(span: Span) -> str:
    """The text at a span, on one line."""
    return " ".join(span.text.split())


@dataclass(frozen=True)
class Scaled:
    """One number that a scaling's line changed, before it is looked up what `fit` made of it."""

    path: str
    scaling: str
    base: Value
    """None for a block that was not there before."""
    multiplied: Value
    rounded: Value
    rule: Span


def change_reports(compilation: Compilation, text: Any = exact) -> list[ChangeReport]:
    """What the scalings changed, in their order: base, multiplied, rounded, adjusted, and by which lines.

    `text` writes a value; by default exactly.
    """
    model = compilation.model
    if model is None or not (model.changes or _rules(model)):
        return []
    used = _used(compilation.elaborator, model)
    runs = _runs(model.changes)
    found: list[ChangeReport] = []
    for number, run in enumerate(runs):
        scaled = [Scaled(c.path, c.scaling, c.base, c.multiplied, c.rounded, c.span) for c in run]
        scaled += _rule_changes(compilation.elaborator, model, number, run[0].scaling, len(runs))
        later = {c.path: c.base for after in reversed(runs[number + 1 :]) for c in after}
        for s in sorted(scaled, key=_order):
            setting = used.get(s.path)
            adjusted = s.rounded
            if s.path in later:
                adjusted = later[s.path]
            elif setting is not None:
                adjusted = setting.value
            found.append(
                ChangeReport(
                    s.path,
                    s.scaling,
                    text(s.base) if s.base is not None else None,
                    text(s.multiplied),
                    text(s.rounded),
                    text(adjusted),
                    one_line(s.rule),
                    place(s.rule),
                    fit_lines(setting, _definition(model, s.path)) if adjusted != s.rounded else [],
                )
            )
    return found


def _definition(model: Model, path: str) -> Definition | Primitive | None:
    """The block of the stage that a path leads into."""
    parts = path.split(".")
    return model.stages[int(parts[1])].block.of if parts[0] == "stages" else None


def fit_lines(setting: Setting | None, of: Definition | Primitive | None) -> list[LineReport]:
    """The lines of `fit` behind a setting: that of the setting, and those whose results stand in it."""
    if setting is None or setting.requested is None or setting.origin is None or not isinstance(of, Definition):
        return []
    fit = {id(line.value) for line in of.fit}
    found: dict[str, LineReport] = {}
    waiting = [setting.origin]
    while waiting:
        origin = waiting.pop(0)
        line = _line(origin)
        if line.at in found:
            continue
        found[line.at] = line
        for node in walk(origin.expression):
            if not isinstance(node, ast.Reference):
                continue
            behind = origin.environment.origin(node.name)
            if behind is not None and id(behind.expression) in fit:
                waiting.append(behind)
    return list(found.values())


def _line(origin: Origin) -> LineReport:
    """A line with the key before its value."""
    source = origin.span.source
    start = source.text.rfind("\n", 0, origin.span.start) + 1
    key = source.text[start : origin.span.start].strip()
    text = one_line(origin.span)
    return LineReport(f"{key} {text}" if key.endswith(":") and " " not in key else text, place(origin.span))


def _order(scaled: Scaled) -> tuple[int, list[int]]:
    """Input, stem, stages by index, head; within a stage the order of the scaling's lines."""
    parts = scaled.path.split(".")
    rank = {"input": 0, "stem": 1, "stages": 2, "head": 3}.get(parts[0], 4)
    return rank, [int(part) for part in parts if part.isdecimal()][:1]


def _runs(changes: tuple[Change, ...]) -> list[list[Change]]:
    """The changes of each scaling: a path that comes again begins the next."""
    runs: list[list[Change]] = []
    seen: set[str] = set()
    for change in changes:
        if not runs or change.path in seen:
            runs.append([])
            seen = set()
        seen.add(change.path)
        runs[-1].append(change)
    return runs


def _rules(model: Model) -> list[tuple[int, str, Rule]]:
    """The attributes with a value for each block that a scaling changes."""
    return [
        (index, name, attribute)
        for index, stage in enumerate(model.stages)
        for name, attribute in stage.settings.items()
        if isinstance(attribute, Rule) and attribute.changes
    ]


def _rule_changes(ev: Elaborator, model: Model, number: int, scaling: str, runs: int) -> list[Scaled]:
    """What the scaling with this number changed in attributes that have a value for each block."""
    found = []
    for index, name, rule in _rules(model):
        if len(rule.changes) != runs:  # the rule replaced another after the first scaling
            continue
        change = rule.changes[number]
        target = ast.Path(change.expression.span, (ast.Identifier(change.expression.span, name),))
        for position, indices in enumerate(block_indices(model, index)):
            old = ev.at(replace(rule, changes=rule.changes[:number]), indices)
            base = _before(ev, model, index, replace(rule, changes=rule.changes[:number]), change.before, position)
            rounded = ev.at(replace(rule, changes=rule.changes[: number + 1]), indices).value
            plain = unrounded(change.expression, target)
            inner = Environment(change.environment.module, change.environment)
            inner.bind(change.name, old.value, old.origin)
            multiplied = ev.evaluate(plain, inner) if plain is not None else rounded
            path = f"stages.{index}.blocks.{position}.{name}"
            found.append(Scaled(path, scaling, base, multiplied, rounded, change.expression.span))
    return found


def _before(ev: Elaborator, model: Model, index: int, rule: Rule, run: Run, position: int) -> Value:
    """What a rule gave for a block of a stage before a scaling; none if the block was not there."""
    if position >= run.depth:
        return None
    block = {"index": run.first + position, "count": run.count, "in_stage": position}
    stage = {"index": index, "count": len(model.stages)}
    return ev.at(rule, {"block": Indices("block", block), "stage": Indices("stage", stage)}).value


def block_indices(model: Model, index: int) -> list[dict[str, Indices]]:
    """What `block` and `stage` are in each block of a stage."""
    first = sum(int(stage.depth.value) for stage in model.stages[:index])
    stage = Indices("stage", {"index": index, "count": len(model.stages)})
    return [
        {
            "block": Indices("block", {"index": first + i, "count": model.depth, "in_stage": i}),
            "stage": stage,
        }
        for i in range(int(model.stages[index].depth.value))
    ]


def _used(ev: Elaborator, model: Model) -> dict[str, Setting]:
    """The settings after `fit` by path: of a stage, and of each block where they differ."""
    found: dict[str, Setting] = {}
    for index, blocks in enumerate(ev.used_settings(model)):
        for position, settings in enumerate(blocks):
            for name, setting in settings.items():
                if position == 0:
                    found[f"stages.{index}.{name}"] = setting
                found[f"stages.{index}.blocks.{position}.{name}"] = setting
    return found


def origin_reports(compilation: Compilation, text: Any = exact) -> list[OriginReport]:
    """For each stage: its depth, its width, and whatever `fit` replaced; requested, used, and by which lines."""
    model = compilation.model
    if model is None:
        return []
    found: list[OriginReport] = []
    for index, blocks in enumerate(compilation.elaborator.used_settings(model)):
        stage = model.stages[index]
        found.append(_origin(f"stages.{index}.depth", stage, stage.depth, text))
        for position, settings in enumerate(blocks):
            before = blocks[position - 1] if position else None
            path = f"stages.{index}.blocks.{position}" if len(blocks) > 1 else f"stages.{index}"
            found += _block_origins(path, stage, settings, before, text)
    return [report for report in found if report.rule]


def _again(ev: Elaborator, origin: Origin) -> None:
    """Evaluate what made a value once more, for what is noted on the way, where it is an expression by itself."""
    with suppress(Fault, Silent):
        ev.evaluate(origin.expression, origin.environment)  # type: ignore[arg-type]


def tie_reports(compilation: Compilation) -> list[TieReport]:
    """The exact halves behind the settings of the stages, each with the place that rounds it, once."""
    ev, model = compilation.elaborator, compilation.model
    if model is None:
        return []
    ties: list[Tie] = []
    ev.ties, ev.steps = ties, 0  # the limit is for one network
    try:
        for stage in model.stages:
            for attribute in (stage.depth, *stage.settings.values()):
                if isinstance(attribute, Setting) and attribute.origin is not None:
                    _again(ev, attribute.origin)
        ev.used_settings(model)
    finally:
        ev.ties = None
    found = {(place(tie.call.span), tie.value): tie for tie in ties}
    return [
        TieReport(format_number(value), round(value), one_line(tie.call.span), at) for (at, value), tie in found.items()
    ]


def _block_origins(
    path: str, stage: Stage, settings: Mapping[str, Setting], before: Mapping[str, Setting] | None, text: Any
) -> list[OriginReport]:
    """Width, and what `fit` replaced; of a block behind the first, only what differs from the one before it."""
    found = []
    for name, setting in settings.items():
        if name != "width" and setting.requested is None and not isinstance(stage.settings.get(name), Rule):
            continue
        if name not in ("width", *stage.settings) and setting.requested == setting:
            continue
        if before is not None and before.get(name) == setting:
            continue
        found.append(_origin(f"{path}.{name}", stage, setting, text))
    return found


def _origin(path: str, stage: Stage, setting: Setting, text: Any) -> OriginReport:
    asked = setting.requested or setting
    rule = asked.origin
    return OriginReport(
        path,
        text(asked.value),
        text(setting.value),
        one_line(rule.span) if rule is not None else "",
        place(rule.span) if rule is not None else "",
        fit_lines(setting, stage.block.of) if asked != setting else [],
    )
