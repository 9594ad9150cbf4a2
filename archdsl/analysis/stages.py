"""The `stages` of a model: a block with attributes, a table, or a list of blocks, to a list of stages.

An attribute is one value for all stages, a list with one value per stage, or, where it names `block`, a
rule with one value per block. Without `depth`, a list of `width` has one value per block, and a stage is
a run of equal widths.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar

from archdsl import limits
from archdsl.analysis.circles import references
from archdsl.analysis.context import AlreadyReported, Context
from archdsl.analysis.counts import runs_of, stage_count, warn_of_one_stage
from archdsl.analysis.fields import MODEL_FIELDS
from archdsl.analysis.model import Attribute, Rule, Stage
from archdsl.analysis.names import ambiguous, misplaced, plural, setting_names, unknown_column, unknown_setting
from archdsl.analysis.program import children, walk
from archdsl.analysis.trace import fault, show_value
from archdsl.analysis.values import (
    Block,
    Environment,
    Indices,
    ManyBlocks,
    ManyLists,
    Origin,
    Sequence,
    Setting,
    Value,
    is_list,
    kind_of,
)
from archdsl.diagnostics import Diagnostic, Edit, Fault, Label
from archdsl.graph.symbolic import StandIn
from archdsl.suggest import nearest
from archdsl.syntax import ast

Made = TypeVar("Made")

STRUCTURE = ("depth", "enter")
"""What a stage has beside the settings of its block."""

NO_RULE = "`{}` is one value for a stage: it cannot name `block` or `stage.depth`"
"""What E204 says of `depth` and `enter`."""


def stages_of(ctx: Context, expression: ast.Expression, env: Environment) -> tuple[Stage, ...]:
    """The stages that an expression describes. Raises `Fault`; faults of single attributes are collected."""
    match expression:
        case ast.Conditional():
            chosen = expression.then if ctx.holds(expression.condition, env) else expression.otherwise
            return stages_of(ctx, chosen, env)
        case ast.Derived(value=value, body=body):
            return _changed(ctx, stages_of(ctx, value, env), body, env)
        case ast.Table():
            return _from_table(ctx, expression, env)
        case ast.ListExpression(items=items):
            _verify_count(len(items), expression)
            return _from_list(ctx, items, env)
        case ast.Configured(function=function, body=body):
            return _from_attributes(ctx, ctx.evaluate(function, env), function, body, env)
        case ast.Optional():
            return stages_of(ctx, there(ctx, expression, env), env)
        case _:
            block = ctx.evaluate(expression, env)
            return (one_stage(block, expression, {}, env),)


def names_block(expression: ast.Node, env: Environment) -> bool:
    """Whether an expression asks for `block` or `stage.depth`, and so waits until depths are settled."""
    return asks(expression, "block", env) or asks(expression, "stage", env, part="depth")


def asks(expression: ast.Node, name: str, env: Environment, part: str | None = None) -> bool:
    """Whether `block.…` or `stage.…` stands in an expression, or the bare name where nothing else has it.

    With a `part` only `name.part` is meant.
    """
    if name not in expression.span.text:
        return False
    if isinstance(expression, ast.Attribute) and isinstance(expression.value, ast.Reference):
        named = expression.value.name == name and part in (None, expression.name.text)
        return named and env.origin(name) is None
    if isinstance(expression, ast.Comprehension) and expression.variable.text == name:
        return asks(expression.source, name, env, part)
    if isinstance(expression, ast.Reference):
        bare = part is None and expression.name == name
        return bare and env.origin(name) is None and name not in env.module.names
    return any(asks(node, name, env, part) for node in children(expression))


def chosen(ctx: Context, e: ast.Expression, env: Environment) -> ast.Expression:
    """The side of a choice that is the same for every block and stage, so that it is no rule if that side is none."""
    while isinstance(e, ast.Conditional) and not any(_names(e.condition, name) for name in ("block", "stage")):
        e = e.then if ctx.holds(e.condition, env) else e.otherwise
    return e


def _names(expression: ast.Node, name: str) -> bool:
    return name in expression.span.text and any(
        isinstance(n, ast.Reference) and n.name == name for n in walk(expression)
    )


def _verify_count(stages: int, e: ast.Table | ast.ListExpression) -> None:
    """At least one stage, and no more than a network may have blocks."""
    if stages == 0:
        rows = "table has no rows" if isinstance(e, ast.Table) else "list is empty"
        raise Fault(Diagnostic("E309", f"the {rows}: there are no stages", e.span))
    if stages > limits.MAX_BLOCKS:
        message = f"{stages:,} stages; at most {limits.MAX_BLOCKS:,} blocks"
        raise Fault(Diagnostic("E394", message, e.span))


def unknown_attribute(name: ast.Identifier, known: tuple[str, ...], of: str) -> Diagnostic:
    """E202, or E204 where a field of the model stands among the settings of a block."""
    if name.text in MODEL_FIELDS and nearest(name.text, known) is None:
        message = f"`{name.text}` does not stand in `stages`"
        return Diagnostic("E204", message, name.span, help=f"`{name.text}` belongs in the model, behind `stages`")
    return unknown_setting(name, known, of).diagnostic


def need_block(value: Value, e: ast.Node, env: Environment) -> Block:
    """The value, if it is a block. Raises E212 for anything else."""
    if isinstance(value, Block):
        return value
    help_ = None
    if isinstance(value, Sequence):
        help_ = "declare a block of them: `block … (x) = x -> … -> …`"
    elif is_list(value):
        help_ = "stages stand in `stages` itself: `[a(…), b { … }]`, or `block { width: […] }` for several of one block"
    raise fault("E212", f"a stage is made of a block, not of {kind_of(value)}", e, env, help=help_)


def there(ctx: Context, e: ast.Expression, env: Environment) -> ast.Expression:
    """What stands for a stage of a list after its choices. Raises E212 for a stage that a condition leaves out."""
    while isinstance(e, ast.Conditional | ast.Optional):
        if isinstance(e, ast.Conditional):
            e = e.then if ctx.holds(e.condition, env) else e.otherwise
        elif ctx.holds(e.condition, env):
            e = e.step
        else:
            step = " ".join(e.step.span.text.split())
            message = f"`when` leaves a stage without a block: {' '.join(e.condition.span.text.split())} does not hold"
            help_ = f"give it another: `{step} if … else identity`, or choose between lists: `[…] if … else […]`"
            raise fault("E212", message, e, env, help=help_)
    return e


def depth_setting(setting: Setting, e: ast.Node, env: Environment) -> Setting:
    """A depth, checked: a whole number from 1 to the limit."""
    value = setting.value
    if isinstance(value, int | StandIn) and not isinstance(value, bool):
        if value < 1:
            raise fault("E302", f"depth is {show_value(value)}; a stage has at least one block", e, env)
        if value > limits.MAX_BLOCKS:
            raise fault("E394", f"depth is {show_value(value)}; at most {limits.MAX_BLOCKS:,} blocks", e, env)
        return setting
    if isinstance(value, tuple | str) or value is None or isinstance(value, bool):
        raise fault("E301", f"depth is a whole number, not {kind_of(value)}", e, env)
    raise fault("E303", f"depth is {show_value(value)}, not a whole number", e, env, help="round it: `ceil(…)`")


def one_stage(value: Value, e: ast.Expression, attributes: Mapping[str, Attribute], env: Environment) -> Stage:
    """One stage from its block and its attributes, `depth` and `enter` among them."""
    block = need_block(value, e, env)
    settings: dict[str, Attribute] = {**block.settings, **attributes}
    depth = settings.pop("depth", None)
    if isinstance(depth, Rule):
        raise fault("E204", NO_RULE.format("depth"), depth.expression, env)
    if depth is not None and depth.origin is not None:
        depth = depth_setting(depth, depth.origin.expression, depth.origin.environment)
    enter = settings.pop("enter", None)
    entering: Value = enter.value if isinstance(enter, Setting) else None
    if isinstance(enter, Rule):
        raise fault("E204", NO_RULE.format("enter"), enter.expression, env)
    if not (entering is None or isinstance(entering, Block | Sequence)):
        place = enter.origin.expression if enter is not None and enter.origin is not None else e
        raise fault("E301", "`enter` is a block or none", place, env)
    return Stage(
        Block(block.of, inputs=block.inputs), depth or Setting(1), dict(settings), e.span, entering or None, {}
    )


def _from_attributes(
    ctx: Context, value: Value, function: ast.Expression, body: ast.Body, env: Environment
) -> tuple[Stage, ...]:
    block = need_block(value, function, env)
    known = (*setting_names(block.of), *(s for s in STRUCTURE if s not in setting_names(block.of)))
    fields: dict[str, ast.Field] = {}
    failed = False
    for entry in body.entries:
        if not isinstance(entry, ast.Field) or len(entry.path.steps) != 1:
            raise Fault(misplaced(entry, "a block's settings", "`name: value`"))
        name = entry.path.head
        if name.text not in known:
            ctx.report(unknown_attribute(name, known, block.name))
            failed = True
        elif name.text in fields:
            ctx.report(_repeated(name, fields[name.text].path.head))
            failed = True
        else:
            fields[name.text] = entry
    for key, written in fields.items():
        if names_block(written.value, env):
            fields[key] = replace(written, value=chosen(ctx, written.value, env))
    rules = {n: Rule(f.value, env) for n, f in fields.items() if names_block(f.value, env)}
    per_stage = {n: f for n, f in fields.items() if n not in rules and asks(f.value, "stage", env)}
    values: dict[str, Value] = {}
    for key, entry in fields.items():
        if key in rules or key in per_stage:
            continue
        try:
            values[key] = ctx.evaluate(entry.value, env)
        except Fault as found:
            ctx.report(found.diagnostic)
            failed = True
        except AlreadyReported:
            failed = True
    if failed:
        raise AlreadyReported
    runs = runs_of(ctx, fields, values, env)
    if isinstance(runs, ManyLists):
        if not per_stage and not any(is_list(value) for name, value in values.items() if name != "width"):
            return runs  # their number is all that can be said of the stages of networks that differ in it
        runs = list(runs)
    count = stage_count(fields, values, runs, env)
    if not any(map(is_list, values.values())):
        warn_of_one_stage(ctx, {key: fields[key].value for key in (*per_stage, *rules)}, env)
    stages: list[Stage] = []
    for index in range(count):
        attributes: dict[str, Attribute] = {}
        for key, entry in fields.items():
            if key in rules:
                attributes[key] = rules[key]
            elif key in per_stage:
                inner = stage_environment(env, index, count)
                attributes[key] = Setting(ctx.evaluate(entry.value, inner), Origin(entry.value, inner))
            elif key != "width" or runs is None:
                attributes[key] = element_of(values[key], index, entry.value, env)
        if runs is not None:
            width = fields["width"].value
            attributes["width"] = Setting(runs[index][0], Origin(width, env))
            attributes["depth"] = Setting(runs[index][1], Origin(width, env))
        stages.append(one_stage(block, function, attributes, env))
    return tuple(stages)


def element_of(value: Value, index: int, e: ast.Expression, env: Environment) -> Setting:
    """The value of one stage: an element of a list, or the one value for all."""
    if not is_list(value):
        return Setting(value, Origin(e, env))
    if isinstance(e, ast.ListExpression):
        return Setting(value[index], Origin(e.items[index], env))
    return Setting(value[index], Origin(e, env))


def stage_environment(env: Environment, index: int, count: int) -> Environment:
    """An environment in which `stage` is known."""
    inner = Environment(env.module, env)
    inner.bind("stage", Indices("stage", {"index": index, "count": count}))
    return inner


def bind_old(inner: Environment, old: Mapping[str, Setting], e: ast.Expression, env: Environment) -> None:
    """Let an expression see values from before a change by their names. E203 where a name that it asks for is something
    else's, too, in `env`, where the change stands."""
    for reference in references(e, frozenset()):
        if reference.name in old and env.holds(reference.name):
            raise Fault(ambiguous(reference))
    for name, setting in old.items():
        inner.bind(name, setting.value, setting.origin)


def _from_list(ctx: Context, items: tuple[ast.Expression, ...], env: Environment) -> tuple[Stage, ...]:
    stages = []
    for index, written in enumerate(items):
        inner = stage_environment(env, index, len(items))
        item = there(ctx, written, inner)
        if not isinstance(item, ast.Configured):
            stages.append(one_stage(ctx.evaluate(item, inner), item, {}, inner))
            continue
        value = need_block(ctx.evaluate(item.function, inner), item.function, inner)
        known = (*setting_names(value.of), *STRUCTURE)
        attributes: dict[str, Attribute] = {}
        for entry in item.body.entries:
            if not isinstance(entry, ast.Field) or len(entry.path.steps) != 1:
                raise Fault(misplaced(entry, "a block's settings", "`name: value`"))
            name = entry.path.head
            if name.text not in known:
                raise unknown_setting(name, known, value.name)
            if name.text in attributes:
                raise Fault(Diagnostic("E203", f"`{name.text}` is given twice", name.span))
            attributes[name.text] = attribute_of(ctx, entry.value, inner)
        stages.append(one_stage(value, item, attributes, inner))
    return tuple(stages)


def attribute_of(ctx: Context, e: ast.Expression, env: Environment) -> Attribute:
    if names_block(e, env):
        e = chosen(ctx, e, env)
    if names_block(e, env):
        return Rule(e, env)
    return Setting(ctx.evaluate(e, env), Origin(e, env))


def _from_table(ctx: Context, table: ast.Table, env: Environment) -> tuple[Stage, ...]:
    header = [column_of(cell) for cell in table.rows[0].cells]
    seen: dict[str, ast.Identifier] = {}
    for column in header:
        earlier = seen.setdefault(column.text, column)
        if earlier is not column:
            raise Fault(_repeated(column, earlier))
    if "block" not in seen:
        meant = next((column for column in header if nearest("block", [column.text])), None)
        if meant is not None:
            raise Fault(unknown_column(meant, ["block"]))
        span = table.rows[0].span
        raise Fault(Diagnostic("E210", "the table has no column `block`", span, help="add a column `block`"))
    rows = table.rows[1:]
    _verify_count(len(rows), table)
    scopes = [stage_environment(env, index, len(rows)) for index in range(len(rows))]
    blocks = _each(ctx, lambda index: _row_block(ctx, header, rows[index], scopes[index]), len(rows))
    offered = {"block", *STRUCTURE}
    for block in blocks:
        offered.update(*[setting_names(each.of) for each in _alternatives(block)])
    strange = [column for column in header if column.text not in offered]
    for column in strange:
        ctx.report(unknown_column(column, offered))
    if strange:
        raise AlreadyReported
    return tuple(_each(ctx, lambda index: _row(ctx, header, rows[index], blocks[index], scopes[index]), len(rows)))


def _each(ctx: Context, make: Callable[[int], Made], count: int) -> list[Made]:
    """What is made for every row; the faults of all rows are reported before any stops the table."""
    made: list[Made] = []
    for index in range(count):
        try:
            made.append(make(index))
        except Fault as found:
            ctx.report(found.diagnostic)
        except AlreadyReported:
            pass  # the fault behind it is reported
    if len(made) < count:
        raise AlreadyReported
    return made


def _row_block(ctx: Context, header: list[ast.Identifier], row: ast.Row, env: Environment) -> Block:
    """The block of a row that has a cell for every column."""
    if len(row.cells) != len(header):
        columns = header[0].span.to(header[-1].span)
        raise Fault(
            Diagnostic(
                "E309",
                f"the row has {plural(len(row.cells), 'cell')} and the header has {len(header)}",
                row.span,
                labels=(Label(columns, plural(len(header), "column")),),
                help="a cell that is not given is `-`",
            )
        )
    cell = next(cell for column, cell in zip(header, row.cells, strict=True) if column.text == "block")
    cell = there(ctx, cell, env)
    return need_block(ctx.evaluate(cell, env), cell, env)


def _alternatives(block: Block) -> tuple[Block, ...]:
    """The blocks that a block may be: several where it stands for one in each of many networks."""
    return block.alternatives if isinstance(block, ManyBlocks) else (block,)


def _row(ctx: Context, header: list[ast.Identifier], row: ast.Row, block: Block, env: Environment) -> Stage:
    if isinstance(block, ManyBlocks):
        try:
            stage, *_ = [_row(ctx, header, row, each, env) for each in block.alternatives]
        except (Fault, AlreadyReported):
            block.apart()  # it may be a fault of one of them alone
        return replace(stage, block=block)  # what the row says of them is the same
    known = (*setting_names(block.of), *STRUCTURE)
    place: ast.Expression = row.cells[0]
    attributes: dict[str, Attribute] = {}
    for column, cell in zip(header, row.cells, strict=True):
        if column.text == "block":
            place = cell
        elif isinstance(cell, ast.Absent):
            continue
        elif column.text in known:
            attributes[column.text] = attribute_of(ctx, cell, env)
        else:
            message = f"`{block.name}` has no setting `{column.text}`"
            labels = (Label(column.span, "the column"),)
            edits = (Edit(cell.span, "-"),)
            raise Fault(Diagnostic("E202", message, cell.span, labels=labels, help="write `-`", edits=edits))
    return one_stage(block, place, attributes, env)


def column_of(cell: ast.Expression) -> ast.Identifier:
    if isinstance(cell, ast.Reference):
        return ast.Identifier(cell.span, cell.name)
    raise Fault(Diagnostic("E204", "the first row of the table names its columns", cell.span))


def _changed(ctx: Context, stages: tuple[Stage, ...], body: ast.Body, env: Environment) -> tuple[Stage, ...]:
    """`[ … ] with { width: … }`: a line gives a column's new value; the old values are names on the right."""
    changed = []
    seen: dict[str, ast.Identifier] = {}
    for entry in body.entries:
        if not isinstance(entry, ast.Field) or len(entry.path.steps) != 1:
            raise Fault(misplaced(entry, "`with`", "`path: value`"))
        name = entry.path.head
        if name.text in seen:
            raise Fault(_repeated(name, seen[name.text]))
        seen[name.text] = name
    columns = {name for stage in stages for name in stage.settings}
    for index, stage in enumerate(stages):
        old: dict[str, Attribute] = {"depth": stage.depth, **stage.settings}
        new: dict[str, Attribute] = {}
        known = (*setting_names(stage.block.of), "depth")
        for entry in body.entries:
            if not isinstance(entry, ast.Field):
                continue
            name = entry.path.head
            if name.text not in old and name.text in columns and _names(entry.value, name.text):
                continue  # the column is `-` in this row: there is nothing to change
            if name.text not in known:
                raise unknown_setting(name, known, stage.block.name)
            inner = stage_environment(env, index, len(stages))
            known_old = {key: found for key, found in old.items() if isinstance(found, Setting)}
            bind_old(inner, known_old, entry.value, env)
            new[name.text] = attribute_of(ctx, entry.value, inner)
        depth = new.pop("depth", stage.depth)
        if not isinstance(depth, Setting):
            raise Fault(Diagnostic("E204", NO_RULE.format("depth"), body.span))
        if depth.origin is not None:
            depth = depth_setting(depth, depth.origin.expression, depth.origin.environment)
        changed.append(Stage(stage.block, depth, {**stage.settings, **new}, stage.span, stage.enter, stage.overrides))
    return tuple(changed)


def _repeated(name: ast.Identifier, earlier: ast.Identifier) -> Diagnostic:
    return Diagnostic(
        "E203",
        f"`{name.text}` is given twice",
        name.span,
        labels=(Label(earlier.span, "given here first"),),
        help="remove one of them",
    )
