"""A scaled model brought nearer to its budget by steps of single stages, with what is told of them.

What enters is a solved factor that misses the budget by more than what was asked for; what leaves is the model after
the fewest steps that do, which keeps them when it is made anew by its family. Where no steps do, the model is as it
was, and that is said (E313, a warning).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from functools import partial

from archdsl.analysis.context import Context
from archdsl.analysis.model import Model, Moved, Solved, Stage
from archdsl.analysis.steps import Choice, Solving, Step, Steps, attribute_of, taken
from archdsl.analysis.stretch import warn_of_repeats
from archdsl.analysis.trace import fault
from archdsl.analysis.values import Environment, Setting, Value
from archdsl.diagnostics import Diagnostic
from archdsl.numbers import format_number, normalise
from archdsl.syntax import ast


def nearer(
    solving: Solving, factor: int, scaled: Model, solved: Solved, site: ast.Node, env: Environment
) -> tuple[Model, Solved]:
    """The model at a factor after the fewest steps that bring it near enough to the budget, and what they were."""
    steps = Steps(solving, factor)
    choice = steps.fewest(solved.target, int((solved.within or 0) * solved.target))
    refused = tuple([(_moved(step, steps), reason) for step, reason in steps.refused])
    solved = replace(solved, refused=refused)
    if choice is None:
        _warn_of_rest(solving.ctx(), solved, steps, site)
        return scaled, solved
    base = solving.base
    stages = steps.taken(choice).stages
    after = {step.path: stages[step.stage] for step in choice}
    own = scaled.changes[len(base.changes) :]
    changes = [replace(c, moved=_requested(after[c.path], c.path)) if c.path in after else c for c in own]
    moved = _kept(solving, scaled, replace(scaled, stages=stages, changes=(*base.changes, *changes)), choice, site, env)
    if scaled.depth == base.depth != moved.depth and not solving.remakes:
        warn_of_repeats(solving.ctx(), base, moved)
    reached = solving.measured(moved)[0]
    told = tuple([_moved(step, steps) for step in choice])
    return moved, replace(solved, reached=reached, unmoved=solved.reached, moved=told)


def _moved(step: Step, steps: Steps) -> Moved:
    factor = None if step.factor is None else normalise(Fraction(step.factor, steps.solving.grid))
    return Moved(step.path, *steps.value(step), factor)


def _requested(stage: Stage, path: str) -> Value:
    """What a stage asks for, before `fit`; none where that is a rule, with a value for each block."""
    attribute = attribute_of(stage, path.rpartition(".")[2])
    return attribute.value if isinstance(attribute, Setting) else None


def _warn_of_rest(ctx: Context, solved: Solved, steps: Steps, site: ast.Node) -> None:
    """How far the factor is from the budget, and how near single steps come."""
    wanted = format_number(normalise(100 * Fraction(solved.within or 0)))
    message = f"no steps of single stages bring {solved.measure} to within {wanted} % of {solved.target:,}: "
    message += f"{solved.parameter}: {format_number(solved.factor)} leaves {_percent(solved.residual, solved.target)}"
    help_ = "no stage has another depth or width beside it"
    if steps.nearest is not None:
        help_ = f"the nearest of them leave {_percent(steps.nearest, solved.target)}"
        help_ = help_ if steps.nearest < abs(solved.residual) else "none of them leave less"
    ctx.report(Diagnostic("E313", message, site.span, help=f"{help_}; no stage is moved", severity="warning"))


def _percent(distance: int, target: int) -> str:
    return f"{float(100 * Fraction(abs(distance), target)):.2f} %"


def _kept(solving: Solving, found: Model, moved: Model, choice: Choice, site: ast.Node, env: Environment) -> Model:
    """The model after some steps, which come again when it is made anew by its family, as the scaling does."""
    if found.made is None:
        return moved
    if solving.remakes:
        return moved.changed_to(moved, partial(_no_more, site=site, env=env))
    changes = {
        step.factor: made.since[-1]
        for step in choice
        if step.factor is not None and (made := solving.scaled(step.factor).made) is not None
    }
    again = partial(_again, first=found.made.since[-1], changes=changes, choice=choice, site=site, env=env)
    return replace(moved, made=replace(found.made, since=(*found.made.since[:-1], again)))


def _again(
    ctx: Context,
    model: Model,
    *,
    first: Callable[[Context, Model], Model],
    changes: Mapping[int, Callable[[Context, Model], Model]],
    choice: Choice,
    site: ast.Node,
    env: Environment,
) -> Model:
    found = first(ctx, model)
    others = {factor: change(ctx, model) for factor, change in changes.items()}
    for step in choice:
        if step.stage >= len(found.stages) or attribute_of(found.stages[step.stage], step.name) is None:
            raise fault("E313", f"there is no `{step.path}` that could be moved again", site, env)
    return taken(model, found, choice, others, stretches=True)


def _no_more(_: Context, model: Model, *, site: ast.Node, env: Environment) -> Model:
    message = f"the stages of `{model.name}` were moved by steps, and cannot be when its family makes it anew once more"
    raise fault("E313", message, site, env, help="solve for the budget last, or without `within`")


__all__ = ["nearer"]
