"""Where the numbers of a model come from: scaled ones, settings of stages, rounded halves, factors solved for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any

from archdsl.analysis.model import Model, Moved
from archdsl.analysis.provenance import FitLine, changes_of, origins_of, ties_of
from archdsl.analysis.trace import show_value
from archdsl.analysis.values import Value
from archdsl.numbers import format_number, is_number, normalise
from archdsl.records import documented
from archdsl.source import Span

MAX_PASSED = 3
"""Factors without a network that are named under a solved one; the JSON has all."""


@documented
class LineReport:
    """A line of a block's `fit`."""

    text: str
    at: str


@documented
class ChangeReport:
    """How one number came about in a scaling."""

    path: str
    scaling: str
    base: int | str
    """The number before; of a block, that of the block it is taken from."""
    multiplied: int | str
    """What the scaling's line gives before it rounds: exact, as text in the language where it is not whole."""
    rounded: int | str
    """What the scaling's line gives."""
    moved: int | str | None
    """What took its place by a step of the stage towards a budget, where that is a number of the whole stage."""
    adjusted: int | str
    """What the network has: after the block's `fit`."""
    rule: str
    """The scaling's line."""
    rule_at: str
    """File and line of the rule."""
    taken_from: int | None
    """Of a block: the index of the block that it is taken from, among all before the first change of depths."""
    fit: list[LineReport]
    """The lines of `fit` that gave the adjusted number, if it is another one: the last first."""


@documented
class OriginReport:
    """Where a setting of a stage came from."""

    path: str
    requested: int | str
    """Before the block's `fit`."""
    used: int | str
    rule: str
    """The expression that gave what was requested."""
    rule_at: str
    fit: list[LineReport]
    """The lines of `fit` that gave what is used, if it is another number: the last first."""


@documented
class TieReport:
    """An exact half that a rule rounds: the even neighbour is taken, and code in doubles may have the other."""

    value: str
    """The half."""
    taken: int
    rule: str
    """What rounds it."""
    rule_at: str


@documented
class PassedReport:
    """A factor that has no network, and why."""

    factor: str
    reason: str


@documented
class StepReport:
    """A step of one number of one stage to the next that the scaling gives it, towards a budget."""

    path: str
    """`stages.2.width`"""
    before: int | str
    """What the factor gives, after the block's `fit`; a list where the stage's blocks differ."""
    after: int | str
    factor: str | None
    """The factor at which the scaling gives it; none for one block more or less."""
    reason: str | None
    """Why there is no network with it; none for a step that was taken."""


@documented
class SolvedReport:
    """A factor that was solved for."""

    scaling: str
    parameter: str
    measure: str
    target: int
    factor: str
    """Exact; on the grid of thousandths."""
    reached: int
    """What the network costs."""
    residual: int
    """Reached minus target."""
    residual_percent: float
    passed: list[PassedReport]
    """Factors that were tried and have no network, nearest to the answer first, one for each reason."""
    within_percent: str | None
    """How near steps of single stages were to bring the network, where that was asked for."""
    unmoved: int | None
    """What the factor alone reaches, where stages were moved."""
    moved: list[StepReport]
    """The steps that were taken: the fewest, and of equally many those that leave the least."""
    refused: list[StepReport]
    """Steps that have no network."""


def exact(value: Value) -> int | str:
    """A value for JSON: a whole number as such, everything else as text in the language."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return format_number(value) if is_number(value) else show_value(value)


def _rule(span: Span) -> tuple[str, str]:
    """The text at a span on one line, and its file and line."""
    return " ".join(span.text.split()), f"{span.source.name}:{span.line}"


def _fit(lines: Iterable[FitLine]) -> list[LineReport]:
    return [LineReport(line.text, _rule(line.span)[1]) for line in lines]


def change_reports(model: Model, text: Callable[[Value], Any] = exact) -> list[ChangeReport]:
    """What the scalings changed. `text` writes a value."""
    return [
        ChangeReport(
            s.path,
            s.scaling,
            text(s.base),
            text(s.multiplied),
            text(s.rounded),
            None if s.moved is None else text(s.moved),
            text(s.adjusted),
            *_rule(s.rule),
            s.taken_from,
            _fit(s.fit),
        )
        for s in changes_of(model)
    ]


def origin_reports(model: Model, text: Callable[[Value], Any] = exact) -> list[OriginReport]:
    """Where the settings of the stages came from. `text` writes a value."""
    return [
        OriginReport(came.path, text(came.requested), text(came.used), *_rule(came.rule), _fit(came.fit))
        for came in origins_of(model)
    ]


def tie_reports(model: Model) -> list[TieReport]:
    """The exact halves that were rounded."""
    return [TieReport(format_number(t.value), round(t.value), *_rule(t.call.span)) for t in ties_of(model)]


def solved_reports(model: Model) -> list[SolvedReport]:
    """The factors that were solved for, with what the grid and the rounding left."""
    return [
        SolvedReport(
            s.scaling,
            s.parameter,
            s.measure,
            s.target,
            show_value(s.factor),
            s.reached,
            s.residual,
            round(100 * s.residual / s.target, 4),
            [PassedReport(show_value(factor), reason) for factor, reason in s.passed],
            None if s.within is None else show_value(normalise(Fraction(100 * s.within))),
            s.unmoved,
            [_step(m) for m in s.moved],
            [_step(m, reason) for m, reason in s.refused],
        )
        for s in model.solved
    ]


def _step(moved: Moved, reason: str | None = None) -> StepReport:
    factor = None if moved.factor is None else show_value(moved.factor)
    return StepReport(moved.path, exact(moved.before), exact(moved.after), factor, reason)


def solved_text(model: Model) -> str:
    """`name: s = 4.334 reaches 15,736,379,284 flops, 263,620,716 (1.65 %) below 16,000,000,000`"""
    lines = []
    for s in solved_reports(model):
        head = f"{s.scaling}: {s.parameter} = {s.factor}"
        steps = ", with steps of single stages," * bool(s.moved)
        lines.append(f"{head}{steps} reaches {s.reached:,} {s.measure}, {_rest(s.reached, s.target)}")
        if s.unmoved is not None:
            lines += [f"  step: {m.path} from {m.before} to {m.after}{_as_at(s.parameter, m)}" for m in s.moved]
            lines.append(f"  without them: {s.unmoved:,} {s.measure}, {_rest(s.unmoved, s.target)}")
        lines += [f"  no step: {m.path} to {m.after}, which has no network: {m.reason}" for m in s.refused[:MAX_PASSED]]
        lines += [
            f"  passed over: {s.parameter} = {p.factor}, which has no network: {p.reason}"
            for p in s.passed[:MAX_PASSED]
        ]
        if len(s.passed) > MAX_PASSED:
            lines.append(f"  and {len(s.passed) - MAX_PASSED} more")
    return "\n".join(lines) + "\n"


def _rest(reached: int, target: int) -> str:
    """`263,620,716 (1.65 %) below 16,000,000,000`"""
    rest = reached - target
    side = "below" if rest < 0 else "above"
    percent = abs(round(100 * rest / target, 4))
    return f"{abs(rest):,} ({percent:.2f} %) {side} {target:,}" if rest else f"exactly {target:,}"


def _as_at(parameter: str, step: StepReport) -> str:
    return "" if step.factor is None else f", as at {parameter} = {step.factor}"
