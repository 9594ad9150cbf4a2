"""The stages of a model that has a fault, as far as they can be worked out: what is not known is `UNKNOWN`.

`stages` stops at what it cannot evaluate. This goes on behind it: each setting of each stage is evaluated for itself,
so that all their faults are told, and the others are kept. What depends on a fault that is told is silent, as
everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar

from archdsl.analysis.context import AlreadyReported, Context
from archdsl.analysis.counts import stage_count
from archdsl.analysis.model import Attribute, Rule, Stage
from archdsl.analysis.names import setting_names
from archdsl.analysis.program import unfinished
from archdsl.analysis.stages import (
    NO_RULE,
    STRUCTURE,
    asks,
    attribute_of,
    chosen,
    column_of,
    depth_setting,
    names_block,
    need_block,
    stage_environment,
    there,
    unknown_attribute,
)
from archdsl.analysis.trace import fault
from archdsl.analysis.values import UNKNOWN, Block, Environment, Origin, Sequence, Setting, Value, is_list
from archdsl.diagnostics import Fault
from archdsl.source import Span
from archdsl.syntax import ast

Found = TypeVar("Found")
_ONE = Setting(1)


def partial_stages(ctx: Context, e: ast.Expression, env: Environment) -> tuple[Stage, ...] | None:
    """The stages that an expression describes, with holes; none where not even their number is known."""
    reading = _Reading(ctx.fresh())
    match e:
        case ast.Conditional():
            side = reading.tried(lambda: chosen_side(reading.ctx, e, env))
            return partial_stages(ctx, side, env) if side is not None else None
        case ast.Derived(value=value, body=body):
            stages = partial_stages(ctx, value, env)
            return reading.changed(stages, body, env) if stages is not None else None
        case ast.Table():
            return reading.table(e, env)
        case ast.ListExpression(items=items):
            return tuple([reading.stage(x, stage_environment(env, i, len(items))) for i, x in enumerate(items)])
        case ast.Configured(body=body):
            return reading.attributes(reading.block(e.function, env), e, body, env)
        case ast.Hole():
            return None
        case _:
            return (reading.stage(e, env),)


def chosen_side(ctx: Context, e: ast.Conditional, env: Environment) -> ast.Expression:
    """The side of a choice. Raises `Fault` or `AlreadyReported`."""
    return e.then if ctx.holds(e.condition, env) else e.otherwise


class _Reading:
    """One list of stages, read with an evaluation of its own."""

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx

    def tried(self, make: Callable[[], Found]) -> Found | None:
        """What is made; none, reported, where that is a fault."""
        try:
            return make()
        except Fault as found:
            self.ctx.diagnostics.add(found.diagnostic)
        except AlreadyReported:
            pass  # the fault behind it is reported
        return None

    def value(self, e: ast.Expression, env: Environment) -> Value:
        """The value of an expression; of a list with a fault in an element, the others."""
        given = self.tried(lambda: (self.ctx.evaluate(e, env),))
        if given is not None:
            return given[0]
        if isinstance(e, ast.ListExpression):
            return tuple([self.value(item, env) for item in e.items])
        return UNKNOWN

    def attribute(self, e: ast.Expression, env: Environment) -> Attribute:
        found = self.tried(lambda: attribute_of(self.ctx, e, env))
        return Setting(UNKNOWN, Origin(e, env)) if found is None else found

    def block(self, e: ast.Expression, env: Environment) -> Block | None:
        """The block that an expression is, after its choices; none where that is not known."""
        ctx = self.ctx

        def found() -> Block:
            step = there(ctx, e, env)
            return need_block(ctx.evaluate(step, env), step, env)

        return self.tried(found)

    # From the forms of a list of stages

    def stage(self, e: ast.Expression, env: Environment) -> Stage:
        """One stage of a list."""
        item = self.tried(lambda: there(self.ctx, e, env))
        if item is None:
            return _stage(None, {}, e.span)
        if not isinstance(item, ast.Configured):
            block = self.block(item, env)
            return self.made(block, dict(block.settings) if block is not None else {}, item.span)
        block = self.block(item.function, env)
        known = (*setting_names(block.of), *STRUCTURE) if block is not None else None
        attributes = {
            name: self.attribute(entry.value, env) if known is None or name in known else _unknown(entry, env)
            for name, entry in _fields(item.body).items()
        }
        self.verify_names(block, known, item.body)
        return self.made(block, {**(block.settings if block is not None else {}), **attributes}, item.span)

    def verify_names(self, block: Block | None, known: tuple[str, ...] | None, body: ast.Body) -> None:
        """Tell the settings that a block has not."""
        for name, entry in _fields(body).items():
            if block is not None and known is not None and name not in known:
                self.ctx.diagnostics.add(unknown_attribute(entry.path.head, known, block.name))

    def table(self, table: ast.Table, env: Environment) -> tuple[Stage, ...] | None:
        rows = table.rows[1:]
        header = [self.tried(lambda c=cell: column_of(c)) for cell in table.rows[0].cells]  # type: ignore[misc]
        names = [column.text if column is not None else "" for column in header]
        if not rows or "block" not in names:
            return None
        stages = []
        for index, row in enumerate(rows):
            inner = stage_environment(env, index, len(rows))
            cells = dict(zip(names, row.cells, strict=False))
            if len(row.cells) > len(names):
                cells = {name: cell for name, cell in cells.items() if name == "block"}
            written = cells.pop("block", None)
            block = self.block(written, inner) if written is not None else None
            known = (*setting_names(block.of), *STRUCTURE) if block is not None else None
            attributes: dict[str, Attribute] = dict(block.settings) if block is not None else {}
            for name, cell in cells.items():
                if isinstance(cell, ast.Absent):
                    continue
                if known is None or name in known:
                    attributes[name] = self.attribute(cell, inner)
                else:
                    attributes[name] = Setting(UNKNOWN, Origin(cell, inner))
            stages.append(self.made(block, attributes, written.span if written is not None else row.span))
        return tuple(stages)

    def attributes(
        self, block: Block | None, e: ast.Configured, body: ast.Body, env: Environment
    ) -> tuple[Stage, ...] | None:
        """The stages of a block whose attributes are lists, one value a stage."""
        ctx = self.ctx
        fields = _fields(body)
        known = (*setting_names(block.of), *STRUCTURE) if block is not None else None
        self.verify_names(block, known, body)
        rules: dict[str, Rule] = {}
        values: dict[str, Value] = {}
        by_stage: dict[str, ast.Field] = {}
        for name, entry in fields.items():
            if known is not None and name not in known:
                values[name] = UNKNOWN
                continue
            written = entry.value
            if names_block(written, env):
                side = self.tried(lambda w=written: chosen(ctx, w, env))  # type: ignore[misc]
                written = side if side is not None else written
                fields[name] = entry = replace(entry, value=written)
            if names_block(written, env):
                if unfinished(written):
                    values[name] = UNKNOWN
                else:
                    rules[name] = Rule(written, env)
            elif asks(written, "stage", env):
                by_stage[name] = entry
            else:
                values[name] = self.value(written, env)
        lists = {name: value for name, value in values.items() if is_list(value)}
        if is_list(values.get("width")) and "depth" not in fields:
            return None  # how many runs of equal widths there are is not known without all of them
        count = self.tried(lambda: stage_count(fields, lists, None, env))
        if count is None:
            return None
        stages = []
        for index in range(count):
            inner = stage_environment(env, index, count)
            attributes: dict[str, Attribute] = dict(rules)
            for name, value in values.items():
                whole = fields[name].value
                own = whole.items[index] if name in lists and isinstance(whole, ast.ListExpression) else whole
                attributes[name] = Setting(lists[name][index] if name in lists else value, Origin(own, env))
            for name, entry in by_stage.items():
                attributes[name] = Setting(self.value(entry.value, inner), Origin(entry.value, inner))
            ordered = {name: attributes[name] for name in fields}
            of_block = block.settings if block is not None else {}
            stages.append(self.made(block, {**of_block, **ordered}, e.function.span))
        return tuple(stages)

    def changed(self, stages: tuple[Stage, ...], body: ast.Body, env: Environment) -> tuple[Stage, ...]:
        """`[ … ] with { width: … }` on stages with holes."""
        columns = {name for stage in stages for name in stage.settings}
        changed = []
        for index, stage in enumerate(stages):
            old: dict[str, Attribute] = {"depth": stage.depth, **stage.settings}
            new: dict[str, Attribute] = {}
            for name, entry in _fields(body).items():
                if name not in old and name in columns and not unfinished(entry.value):
                    continue  # the column is `-` in this row, or its block is not known
                inner = stage_environment(env, index, len(stages))
                for key, attribute in old.items():
                    if isinstance(attribute, Setting):
                        inner.bind(key, attribute.value, attribute.origin)
                new[name] = self.attribute(entry.value, inner)
            depth = self.depth(new.pop("depth", stage.depth))
            changed.append(replace(stage, depth=depth, settings={**stage.settings, **new}))
        return tuple(changed)

    # Stages

    def made(self, block: Block | None, attributes: dict[str, Attribute], span: Span) -> Stage:
        """One stage of what was worked out."""
        depth = self.depth(attributes.pop("depth", Setting(1)))
        enter = attributes.pop("enter", None)
        entering = enter.value if isinstance(enter, Setting) else None
        if enter is not None and not (entering is None or isinstance(entering, Block | Sequence)):
            if entering is not UNKNOWN and enter.origin is not None:
                place = enter.origin
                self.ctx.diagnostics.add(
                    fault("E301", "`enter` is a block or none", place.expression, place.environment).diagnostic
                )
            attributes["enter"] = Setting(UNKNOWN, enter.origin)
        stage = _stage(block, attributes, span, depth)
        return replace(stage, enter=entering) if isinstance(entering, Block | Sequence) else stage

    def depth(self, depth: Attribute) -> Setting:
        """A depth, checked; unknown where it is a fault."""
        if isinstance(depth, Rule):
            told = fault("E204", NO_RULE.format("depth"), depth.expression, depth.environment).diagnostic
            self.ctx.diagnostics.add(told)
            return Setting(UNKNOWN, depth.origin)
        origin = depth.origin
        if depth.value is UNKNOWN or origin is None:
            return depth
        checked = self.tried(lambda: depth_setting(depth, origin.expression, origin.environment))
        return Setting(UNKNOWN, origin) if checked is None else checked


def _stage(block: Block | None, attributes: Mapping[str, Attribute], span: Span, depth: Setting = _ONE) -> Stage:
    of = Block(block.of, inputs=block.inputs) if block is not None else None
    return Stage(of, depth, dict(attributes), span, None, {})  # type: ignore[arg-type]  # a hole: see `Stage`


def _fields(body: ast.Body) -> dict[str, ast.Field]:
    """The settings of a body, each where it stands first."""
    found: dict[str, ast.Field] = {}
    for entry in body.entries:
        if isinstance(entry, ast.Field) and len(entry.path.steps) == 1:
            found.setdefault(entry.path.head.text, entry)
    return found


def _unknown(entry: ast.Field, env: Environment) -> Setting:
    return Setting(UNKNOWN, Origin(entry.value, env))


__all__ = ["partial_stages"]
