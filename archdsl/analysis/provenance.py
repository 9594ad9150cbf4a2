"""How the numbers of a model came about: what scalings changed, and where every setting of a stage comes from.

What enters is a model that has a network; what leaves are plain records of values and of places in the text.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

from archdsl.analysis.context import AlreadyReported, Context, Tie
from archdsl.analysis.language import evaluation
from archdsl.analysis.model import Change, Model, Rule, Stage
from archdsl.analysis.program import Definition, Primitive, walk
from archdsl.analysis.scaling_lines import unrounded
from archdsl.analysis.settings import at, indices, taken_from, used_settings
from archdsl.analysis.values import Environment, Indices, Origin, Setting, Value
from archdsl.diagnostics import Fault
from archdsl.records import dataclass
from archdsl.source import Span
from archdsl.syntax import ast


@dataclass(frozen=True, slots=True)
class FitLine:
    """A line of a block's `fit`: its text with the key before its value, and its place."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Scaled:
    """One number that a scaling's line changed, `adjusted` by the block's `fit`."""

    path: str
    scaling: str
    base: Value
    multiplied: Value
    """Before rounding."""
    rounded: Value
    """What the scaling's line gave."""
    rule: Span
    moved: Value = None
    """What took its place by a step towards a budget."""
    taken_from: int | None = None
    """The index of the block, in the network before the first change of depths, whose number a rule's value is."""
    adjusted: Value = None
    fit: tuple[FitLine, ...] = ()
    """The lines that gave the adjusted number, if it is another one: the last first."""


@dataclass(frozen=True, slots=True)
class Came:
    """Where a setting of a stage came from: what its expression asked for, and what is used after `fit`."""

    path: str
    requested: Value
    used: Value
    rule: Span
    fit: tuple[FitLine, ...]


def changes_of(model: Model) -> list[Scaled]:
    """What the scalings changed, in their order: base, multiplied, rounded, adjusted, and by which lines."""
    if not (model.changes or _rules(model)):
        return []
    ctx = evaluation()
    used = _used(model)
    runs = _runs(model.changes)
    found: list[Scaled] = []
    for number, run in enumerate(runs):
        scaled = [Scaled(c.path, c.scaling, c.base, c.multiplied, c.rounded, c.span, c.moved) for c in run]
        scaled += _rule_changes(ctx, model, number, run[0].scaling, len(runs))
        later = {c.path: c.base for after in reversed(runs[number + 1 :]) for c in after}
        for s in sorted(scaled, key=_order):
            setting = used.get(s.path)
            asked = s.rounded if s.moved is None else s.moved
            adjusted = asked
            if s.path in later:
                adjusted = later[s.path]
            elif setting is not None:
                adjusted = setting.value
            fit = _fit_lines(setting, _definition(model, s.path)) if adjusted != asked else ()
            found.append(replace(s, adjusted=adjusted, fit=fit))
    return found


def _definition(model: Model, path: str) -> Definition | Primitive | None:
    """The block of the stage that a path leads into."""
    parts = path.split(".")
    return model.stages[int(parts[1])].block.of if parts[0] == "stages" else None


def _fit_lines(setting: Setting | None, of: Definition | Primitive | None) -> tuple[FitLine, ...]:
    """The lines of `fit` behind a setting: that of the setting, and those whose results stand in it."""
    if setting is None or setting.requested is None or setting.origin is None or not isinstance(of, Definition):
        return ()
    fit = {id(line.value) for line in of.fit}
    found: dict[tuple[str, int], FitLine] = {}
    waiting = [setting.origin]
    while waiting:
        origin = waiting.pop(0)
        at = origin.span.source.name, origin.span.line
        if at in found:
            continue
        found[at] = _line(origin)
        for node in walk(origin.expression):
            if not isinstance(node, ast.Reference):
                continue
            behind = origin.environment.origin(node.name)
            if behind is not None and id(behind.expression) in fit:
                waiting.append(behind)
    return tuple(found.values())


def _line(origin: Origin) -> FitLine:
    """A line with the key before its value."""
    source = origin.span.source
    start = source.text.rfind("\n", 0, origin.span.start) + 1
    key = source.text[start : origin.span.start].strip()
    text = " ".join(origin.span.text.split())
    return FitLine(f"{key} {text}" if key.endswith(":") and " " not in key else text, origin.span)


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


def _rule_changes(ctx: Context, model: Model, number: int, scaling: str, runs: int) -> list[Scaled]:
    """What the scaling with this number changed in attributes that have a value for each block."""
    found = []
    for index, name, rule in _rules(model):
        if len(rule.changes) != runs:  # the rule replaced another after the first scaling
            continue
        change = rule.changes[number]
        target = ast.Path(change.expression.span, (ast.Identifier(change.expression.span, name),))
        for position, where in enumerate(block_indices(model, index)):
            old = at(ctx, replace(rule, changes=rule.changes[:number]), where)
            rounded = at(ctx, replace(rule, changes=rule.changes[: number + 1]), where).value
            plain = unrounded(change.expression, target)
            inner = Environment(change.environment.module, change.environment)
            inner.bind(change.name, old.value, old.origin)
            multiplied = ctx.evaluate(plain, inner) if plain is not None else rounded
            path = f"stages.{index}.blocks.{position}.{name}"
            taken = taken_from(rule, where)["block"].values["index"]
            base = int(taken) if isinstance(taken, int) else None
            found.append(Scaled(path, scaling, old.value, multiplied, rounded, change.expression.span, taken_from=base))
    return found


def block_indices(model: Model, index: int) -> list[dict[str, Indices]]:
    """What `block` and `stage` are in each block of a stage."""
    first = sum(stage.length for stage in model.stages[:index])
    return [indices(model, index, first, position) for position in range(model.stages[index].length)]


def _used(model: Model) -> dict[str, Setting]:
    """The settings after `fit` by path: of a stage, and of each block where they differ."""
    found: dict[str, Setting] = {}
    for index, blocks in enumerate(used_settings(evaluation(), model)):
        for position, settings in enumerate(blocks):
            for name, setting in settings.items():
                if position == 0:
                    found[f"stages.{index}.{name}"] = setting
                found[f"stages.{index}.blocks.{position}.{name}"] = setting
    return found


def origins_of(model: Model) -> list[Came]:
    """For each stage: its depth, its width, and whatever `fit` replaced; requested, used, and by which lines."""
    found: list[Came] = []
    for index, blocks in enumerate(used_settings(evaluation(), model)):
        stage = model.stages[index]
        found += _came(f"stages.{index}.depth", stage, stage.depth)
        for position, settings in enumerate(blocks):
            before = blocks[position - 1] if position else None
            path = f"stages.{index}.blocks.{position}" if len(blocks) > 1 else f"stages.{index}"
            found += _block_origins(path, stage, settings, before)
    return found


def _again(ctx: Context, origin: Origin) -> None:
    """Evaluate what made a value once more, for what is noted on the way, where it is an expression by itself."""
    with suppress(Fault, AlreadyReported):
        ctx.evaluate(origin.expression, origin.environment)  # type: ignore[arg-type]


def ties_of(model: Model) -> list[Tie]:
    """The exact halves behind the settings of the stages, each with the place that rounds it, once."""
    ctx = evaluation()
    ties: list[Tie] = []
    ctx.ties = ties
    for stage in model.stages:
        for attribute in (stage.depth, *stage.settings.values()):
            if isinstance(attribute, Setting) and attribute.origin is not None:
                _again(ctx, attribute.origin)
    used_settings(ctx, model)
    return list({(tie.call.span.source.name, tie.call.span.line, tie.value): tie for tie in ties}.values())


def _block_origins(
    path: str, stage: Stage, settings: Mapping[str, Setting], before: Mapping[str, Setting] | None
) -> list[Came]:
    """Width, and what `fit` replaced; of a block behind the first, only what differs from the one before it."""
    found: list[Came] = []
    for name, setting in settings.items():
        if name != "width" and setting.requested is None and not isinstance(stage.settings.get(name), Rule):
            continue
        if name not in ("width", *stage.settings) and setting.requested == setting:
            continue
        if before is not None and before.get(name) == setting:
            continue
        found += _came(f"{path}.{name}", stage, setting)
    return found


def _came(path: str, stage: Stage, setting: Setting) -> list[Came]:
    """Where a setting came from; nothing for one that no text gave."""
    asked = setting.requested or setting
    if asked.origin is None or not asked.origin.span.text.strip():
        return []
    fit = _fit_lines(setting, stage.block.of) if asked != setting else ()
    return [Came(path, asked.value, setting.value, asked.origin.span, fit)]
