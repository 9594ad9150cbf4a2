"""Scalings: changes to the resolved stage list, as the reference scaler makes them.

A line of a scaling names what it replaces and computes it from the old value. `depth`, `width` and every
other attribute are lines for each stage, `resolution` for the input's height and width, `stem.…` and
`head.…` for the ends. What a model lists under `follow` is changed by the line that it follows. `solve`
finds a factor on a grid of thousandths.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from archdsl import limits
from archdsl.analysis import fields as model_fields
from archdsl.analysis.derive import end_value
from archdsl.analysis.evaluate import Silent
from archdsl.analysis.model import Change, Model, Rule, ScaledBy, Solved, Stage
from archdsl.analysis.names import setting_names
from archdsl.analysis.program import Primitive, children
from archdsl.analysis.stages import depth_setting
from archdsl.analysis.suggest import nearest
from archdsl.analysis.trace import fault
from archdsl.analysis.values import Block, Environment, OldValues, Origin, Scaling, Setting, Solve, Value
from archdsl.diagnostics import Diagnostic, Edit, Fault
from archdsl.graph.cost import count
from archdsl.graph.shapes import Size
from archdsl.numbers import normalise
from archdsl.syntax import ast

if TYPE_CHECKING:
    from archdsl.analysis.elaborate import Elaborator

GRID = 1000
"""`solve` looks at factors that are multiples of 1/1000."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a scaling, with the environment that holds the scaling's arguments."""

    path: ast.Path
    expression: ast.Expression
    environment: Environment


def scale_model(ev: Elaborator, model: Model, scaling: Scaling, step: ast.Node, env: Environment) -> Model:
    """Apply a scaling. A `solve` among its arguments is solved for first."""
    if scaling.unknown is not None:
        return _solve(ev, model, scaling, *scaling.unknown, step, env)
    return _apply(ev, model, scaling, step, env)


def _lines(ev: Elaborator, scaling: Scaling, step: ast.Node, env: Environment) -> dict[str, Line]:
    """The lines of a scaling by path, after every `with`."""
    inner = ev.environment_of(scaling.of, scaling.arguments, scaling.call or step, env)
    lines: dict[str, Line] = {}
    body = scaling.of.declaration.body
    for entry in body.entries if body is not None else ():
        match entry:
            case ast.Binding():
                ev.bind_names(entry, inner)
            case ast.Require():
                ev.require(entry, inner)
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


def _apply(ev: Elaborator, model: Model, scaling: Scaling, step: ast.Node, env: Environment) -> Model:
    lines = _lines(ev, scaling, step, env)
    _verify_targets(model, lines)
    changes: list[Change] = []

    def record(path: str, base: Value, multiplied: Value, line: Line, rounded: Value) -> None:
        span, text = line.expression.span, " ".join(line.expression.span.text.split())
        changes.append(Change(path, scaling.name, base, multiplied, rounded, span, text))

    ends = {end: _old_end(ev, getattr(model, end)) for end in ("stem", "head")}
    stages = []
    for index, stage in enumerate(model.stages):
        stages.append(_stage(ev, stage, index, lines, ends, record))
    new_ends = {end: _end(ev, model, end, lines, ends, record) for end in ("stem", "head")}
    size = _resolution(ev, model, lines, ends, record)
    return replace(
        model,
        input=size,
        stages=tuple(stages),
        claims=(),
        changes=(*model.changes, *changes),
        **new_ends,
    )


def _verify_targets(model: Model, lines: Mapping[str, Line]) -> None:
    """E314 for a line whose target no stage has; the usual dimensions may be missing."""
    known = {name for stage in model.stages for name in setting_names(stage.block.of)}
    for line in lines.values():
        head, steps = line.path.head.text, line.path.steps
        if head in ("stem", "head") and len(steps) == 2 and isinstance(steps[1], ast.Identifier):
            block = getattr(model, head)
            names = setting_names(block.of) if isinstance(block, Block) else ()
            if steps[1].text not in names:
                guess = nearest(steps[1].text, names)
                help_ = f"did you mean `{head}.{guess}`?" if guess else None
                edits = (Edit(steps[1].span, guess),) if guess else ()
                message = f"the {head} of `{model.name}` has no setting `{steps[1].text}`"
                raise Fault(Diagnostic("E314", message, line.path.span, help=help_, edits=edits))
        elif len(steps) != 1 or (head not in known and head not in model_fields.DIMENSIONS):
            guess = nearest(head, known | set(model_fields.DIMENSIONS))
            help_ = f"did you mean `{guess}`?" if guess else None
            edits = (Edit(line.path.head.span, guess),) if guess else ()
            message = f"no stage of `{model.name}` has a setting `{line.path.text}`"
            raise Fault(Diagnostic("E314", message, line.path.span, help=help_, edits=edits))


def _old_end(ev: Elaborator, block: Any) -> dict[str, Setting]:
    """The settings of a stem or head that a line may ask for."""
    if not isinstance(block, Block):
        return {}
    found = {}
    for name in setting_names(block.of):
        setting = end_value(ev, block, name)
        if setting is not None:
            found[name] = setting
    return found


def _environment(line: Line, name: str, old: Setting, groups: Mapping[str, Mapping[str, Any]]) -> Environment:
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


def _scaled(
    ev: Elaborator, line: Line, name: str, old: Setting, groups: Mapping[str, Mapping[str, Any]]
) -> tuple[Setting, Value]:
    """The new value, and the value before it was rounded."""
    inner = _environment(line, name, old, groups)
    value = ev.evaluate(line.expression, inner)
    plain = unrounded(line.expression, line.path)
    multiplied = ev.evaluate(plain, inner) if plain is not None and plain is not line.expression else value
    return Setting(value, Origin(line.expression, inner)), multiplied


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


def _stage(
    ev: Elaborator, stage: Stage, index: int, lines: Mapping[str, Line], ends: Mapping[str, Any], record: Any
) -> Stage:
    stage = _fitted(ev, stage, index)
    old: dict[str, Any] = {"depth": stage.depth, **stage.settings}
    groups = {"stage": old, **ends}
    depth, settings = stage.depth, dict(stage.settings)
    for name, line in lines.items():
        if name == "resolution" or len(line.path.steps) != 1:
            continue
        if name == "depth":
            depth, multiplied = _scaled(ev, line, name, stage.depth, groups)
            if depth.origin is not None:
                depth_setting(depth, depth.origin.expression, depth.origin.environment)
            record(f"stages.{index}.depth", stage.depth.value, multiplied, line, depth.value)
            continue
        attribute = stage.settings.get(name)
        if isinstance(attribute, Rule):
            inner = _environment(line, name, Setting(0), groups)
            del inner.names[name]
            changes = (*attribute.changes, ScaledBy(name, line.expression, inner))
            settings[name] = replace(attribute, changes=changes)
            continue
        if attribute is None and name in setting_names(stage.block.of):
            attribute = end_value(ev, stage.block, name)
        if attribute is None:
            continue
        scaled, multiplied = _scaled(ev, line, name, attribute, groups)
        settings[name] = scaled
        record(f"stages.{index}.{name}", attribute.value, multiplied, line, scaled.value)
    overrides = {position: o for position, o in stage.overrides.items() if position < depth.value}
    return replace(stage, depth=depth, settings=settings, overrides=overrides)


def _fitted(ev: Elaborator, stage: Stage, index: int) -> Stage:
    """The stage with the settings that `fit` made: a scaling starts from the network as it is.

    The reference scaler first turns a RegNet into explicit lists of adjusted widths; starting from the
    widths before the adjustment gives another network.
    """
    if isinstance(stage.block.of, Primitive) or any(isinstance(a, Rule) for a in stage.settings.values()):
        return stage
    used = ev.block_settings(stage, {}, ast.Identifier(stage.span, f"stages.{index}"))
    return replace(stage, settings={name: used[name] for name in stage.settings})


def _end(
    ev: Elaborator,
    model: Model,
    end: str,
    lines: Mapping[str, Line],
    ends: Mapping[str, Mapping[str, Setting]],
    record: Any,
) -> Any:
    """The stem or head, changed by lines that name its settings, or that these follow."""
    block = getattr(model, end)
    if not isinstance(block, Block):
        return block
    settings = dict(block.settings)
    for name, old in ends[end].items():
        path = f"{end}.{name}"
        dimension = model.follow.get(path)
        line = lines.get(path)
        old_name = name
        if line is None and dimension is not None:
            line, old_name = lines.get(dimension), dimension
        if line is None:
            continue
        settings[name], multiplied = _scaled(ev, line, old_name, old, ends)
        record(path, old.value, multiplied, line, settings[name].value)
    return Block(block.of, settings, block.span)


def _resolution(
    ev: Elaborator, model: Model, lines: Mapping[str, Line], ends: Mapping[str, Any], record: Any
) -> Setting:
    """The input, with height and width each changed by the line for `resolution`."""
    line = lines.get("resolution")
    if line is None:
        return model.input
    channels, *extents = model.input.value
    scaled = []
    origin = model.input.origin
    for what, extent in zip(("height", "width"), extents, strict=True):
        setting, multiplied = _scaled(ev, line, "resolution", Setting(extent, model.input.origin), ends)
        origin = setting.origin
        where = origin.environment if origin is not None else line.environment
        model_fields.verify_extent(what, setting.value, line.expression, where)
        record(f"input.{what}", extent, multiplied, line, setting.value)
        scaled.append(setting.value)
    return Setting(Size((channels, *scaled)), origin)


# Solving for a budget


def _solve(
    ev: Elaborator, model: Model, scaling: Scaling, parameter: str, budget: Solve, step: ast.Node, env: Environment
) -> Model:
    """The scaled model whose cost is nearest to the budget, over factors on the grid.

    Cost is not monotone in the factor, because `fit` rounds both ways; but each scaled number is taken to
    rise or fall with it, so that between two factors of equal numbers nothing changes. First the factor is
    found at which the cost passes the budget, then every distinct network from 7/10 to 14/10 of it is
    counted.
    """
    search = _Search(ev, model, scaling, parameter, budget, step, env)
    crossing = search.crossing()
    best = search.nearest(max(1, crossing * 7 // 10), max(2, crossing * 14 // 10))
    factor = normalise(Fraction(best, GRID))
    scaled = search.scaled(best)
    reached = search.cost(best)
    solved = Solved(scaling.name, parameter, budget.measure, budget.target, factor, reached)
    return replace(scaled, solved=(*scaled.solved, solved))


class _Search:
    """Costs by factor, in thousandths; equal stage lists are counted once."""

    def __init__(
        self,
        ev: Elaborator,
        model: Model,
        scaling: Scaling,
        parameter: str,
        budget: Solve,
        step: ast.Node,
        env: Environment,
    ) -> None:
        self.ev, self.model, self.scaling, self.parameter = ev, model, scaling, parameter
        self.budget, self.step, self.env = budget, step, env
        self.models: dict[int, Model] = {}
        self.costs: dict[Any, int] = {}
        self.work = 0

    def scaled(self, factor: int) -> Model:
        found = self.models.get(factor)
        if found is None:
            if len(self.models) >= limits.MAX_SOLVE_STEPS:
                message = f"no factor was found in {limits.MAX_SOLVE_STEPS:,} trials"
                raise fault("E313", message, self.step, self.env)
            self.work += self.ev.steps
            if self.work > limits.MAX_SOLVE_WORK:
                message = f"no factor was found in {limits.MAX_SOLVE_WORK:,} steps: the networks are too large to try"
                raise fault("E313", message, self.step, self.env)
            value = normalise(Fraction(factor, GRID))
            setting = Setting(value, self.scaling.arguments[self.parameter].origin)
            scaling = replace(self.scaling, arguments={**self.scaling.arguments, self.parameter: setting})
            self.ev.steps = 0  # the limit is for one network, and the number of networks has its own
            found = _apply(self.ev, self.model, scaling, self.step, self.env)
            self.models[factor] = found
        return found

    def key(self, factor: int) -> Any:
        """All numbers of the scaled model: equal keys mean equal networks."""
        model = self.scaled(factor)
        stages = []
        for stage in model.stages:
            if any(isinstance(a, Rule) and a.changes for a in stage.settings.values()):
                return factor
            settings = {n: a.value for n, a in stage.settings.items() if isinstance(a, Setting)}
            stages.append((stage.depth.value, *[v for v in settings.values() if _is_number(v)]))
        ends = [
            tuple(s.value for s in block.settings.values() if _is_number(s.value))
            for block in (model.stem, model.head)
            if isinstance(block, Block)
        ]
        return (tuple(model.input.value), tuple(stages), tuple(ends))

    def cost(self, factor: int) -> int:
        key = self.key(factor)
        if key not in self.costs:
            cost = count(self.ev.network(self.scaled(factor)))
            self.costs[key] = int(getattr(cost, self.budget.measure))
        return self.costs[key]

    def crossing(self) -> int:
        """A factor at which the cost passes the budget, in thousandths."""
        target = self.budget.target
        low = high = GRID
        try:
            while self.cost(high) < target:
                low, high = high, high * 2
                self._bounded(high)
            while self.cost(low) > target:
                low, high = low // 2, low
                self._bounded(low)
        except Fault as found:
            if found.diagnostic.code in ("E313", "E391", "E394"):
                raise self._unreachable() from None
            raise
        while high - low > 1:
            middle = (low + high) // 2
            if self.cost(middle) < target:
                low = middle
            else:
                high = middle
        return high

    def _bounded(self, factor: int) -> None:
        if factor < 1 or factor > 10**9:
            raise self._unreachable()

    def _unreachable(self) -> Fault:
        measure, target = self.budget.measure, self.budget.target
        message = f"no factor of `{self.scaling.name}` brings {measure} to {target:,}"
        changed = {c.path.rpartition(".")[2] for c in self.scaled(2 * GRID).changes if c.base != c.rounded}
        help_ = f"it changes {', '.join(sorted(changed))}" if changed else "it changes nothing in this model"
        return fault("E313", message, self.step, self.env, help=help_)

    def nearest(self, low: int, high: int) -> int:
        """The factor of the nearest cost, the smallest where several are as near."""
        best: tuple[int, int] | None = None
        intervals = [(low, high)]
        while intervals:
            a, b = intervals.pop()
            for factor in (a, b):
                rank = (abs(self.cost(factor) - self.budget.target), factor)
                if best is None or rank < best:
                    best = rank
            if b - a > 1 and self.key(a) != self.key(b):
                middle = (a + b) // 2
                intervals += [(middle, b), (a, middle)]
        if best is None:
            raise Silent
        return best[1]


def _is_number(value: Value) -> bool:
    return isinstance(value, int | Fraction) and not isinstance(value, bool)
