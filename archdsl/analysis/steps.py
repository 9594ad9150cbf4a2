"""Steps of single stages, which bring a scaled network nearer to a budget than its factor alone.

A step gives one number of one stage, its depth or its width, the next value that the scaling gives it at another
factor: the next block, the next multiple that the scaling's line rounds to, after the block's `fit`. All else of the
stage stays as the factor has it. Where such steps do not do, depths that the scaling leaves alone step by a block.

What is chosen are the fewest steps, at most one a stage, that bring the cost to within a share of the budget; of
equally many, those that leave the least; of these, the ones of earlier stages, depths before widths, smaller before
larger.

Where a step changes the cost of its own stage and of what comes next alone, a cost of several steps is a sum: what
each changes, and what two neighbours change together beside that. The chosen network is measured whole. Where costs do
not add up so, every choice is measured whole, of which there are few.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from archdsl.analysis.context import AlreadyReported, Context
from archdsl.analysis.model import Attribute, Model, Rule, Stage
from archdsl.analysis.settings import block_settings, indices
from archdsl.analysis.stretch import stretched
from archdsl.analysis.values import Value
from archdsl.diagnostics import Fault
from archdsl.records import dataclass
from archdsl.syntax import ast

REACH = 4
"""How many times the solved factor, or what part of it, a factor of a step may be."""
FINE = 1000
"""Of a larger factor than 1, the part by which factors of steps differ; of a smaller one, it is the grid's."""
MAX_TRIES = 4
"""Values without a network that a step passes over."""
MAX_CHOICES = 100_000
"""Choices of steps whose costs are added up."""
MAX_MEASURED = 300
"""Choices of steps that are measured whole, where costs do not add up."""
_NAMES = ("depth", "width")


@dataclass(frozen=True, slots=True)
class Step:
    """One number of one stage that becomes the next, larger or smaller."""

    stage: int
    name: str
    by: int
    """1 to a larger one, -1 to a smaller one."""
    factor: int | None
    """The factor at which the scaling gives it, on the grid; none for one block more or less."""

    @property
    def order(self) -> tuple[int, int, int]:
        """By stages, depths before widths, smaller before larger."""
        return self.stage, _NAMES.index(self.name), self.by

    @property
    def path(self) -> str:
        return f"stages.{self.stage}.{self.name}"


Choice: TypeAlias = tuple[Step, ...]
Measured: TypeAlias = tuple[int, Mapping[str, int] | None]
"""The cost of a network, and of its parts where they are separate."""


@dataclass(frozen=True, slots=True)
class Solving:
    """What a search for a factor knows: the models at factors, and what a model costs. Both raise `Fault`."""

    base: Model
    scaled: Callable[[int], Model]
    measured: Callable[[Model], Measured]
    ctx: Callable[[], Context]
    remakes: bool
    """Whether the scaling changes a parameter of the model's family, by which the model is made anew."""
    grid: int
    """Factors are numbers of this part of 1."""


class Steps:
    """The steps that the stages of a scaled model can take, and what they cost."""

    def __init__(self, solving: Solving, factor: int) -> None:
        self.solving, self.factor = solving, factor
        self.found = solving.scaled(factor)
        self.cost, self._parts = solving.measured(self.found)
        self.refused: list[tuple[Step, str]] = []
        """Steps that have no network, with the reason."""
        self.nearest: int | None = None
        """The least distance from the budget of all choices that were looked at."""
        self._together: dict[Choice, int | None] = {}
        self._separate = self._parts is not None
        self._options = [self._steps_of(index) for index in range(len(self.found.stages))]
        """For each stage its steps, and by how much each changes the cost."""

    def fewest(self, target: int, most: int) -> Choice | None:
        """The fewest steps that bring the cost to at most `most` from the target; none where none do.

        What the scaling itself changes comes first; where that does not do, depths that it leaves alone step too.
        """
        chosen = self._fewest(target, most)
        if chosen is None and self._with_blocks():
            chosen = self._fewest(target, most)
        return None if chosen is None else tuple([self._nearest_of(step) for step in chosen])

    def _fewest(self, target: int, most: int) -> Choice | None:
        for size in range(1, sum(bool(options) for options in self._options) + 1):
            if self._number(size) > (MAX_CHOICES if self._separate or size == 1 else MAX_MEASURED):
                return None
            try:
                chosen = self._of_size(size, target, most)
            except _NotSeparate:
                self._separate = False
                return self._fewest(target, most)
            if chosen is not None:
                return chosen
        return None

    def taken(self, choice: Choice) -> Model:
        """The model after some steps."""
        others = {step.factor: self.solving.scaled(step.factor) for step in choice if step.factor is not None}
        return taken(self.solving.base, self.found, choice, others, stretches=not self.solving.remakes)

    def value(self, step: Step) -> tuple[Value, Value]:
        """The number of a step before and after it, as the network has it: after `fit`, a list where blocks differ."""
        after = self.taken((step,)).stages[step.stage]
        before = self.found.stages[step.stage]
        if step.name == "depth":
            return before.length, after.length
        old, new = [self._used(step.stage, s.settings[step.name], step.name) for s in (before, after)]
        return old, new

    # The steps of a stage

    def _steps_of(self, index: int) -> list[tuple[Step, int]]:
        found = []
        for name in _NAMES:
            for by in (-1, 1):
                option = self._step(index, name, by)
                if option is not None:
                    found.append(option)
        return found

    def _step(self, index: int, name: str, by: int) -> tuple[Step, int] | None:
        """The next number of a stage with which there is a network, and by how much the cost changes."""
        stage = self.found.stages[index]
        if attribute_of(stage, name) is None or (name == "depth" and stage.overrides):
            return None  # changes of single blocks belong to a number of blocks
        factor = self.factor
        for _ in range(MAX_TRIES):
            beyond = self._beyond(index, name, factor, by)
            if beyond is None:
                return None
            factor = beyond
            option = self._option(Step(index, name, by, factor))
            if option is not None:
                return option
        return None

    def _with_blocks(self) -> bool:
        """Give stages whose depth takes no step of the scaling one of a block; whether there are such."""
        added = False
        for index, options in enumerate(self._options):
            if all(step.name != "depth" for step, _ in options):
                blocks = self._blocks_of(index)
                options += blocks
                added = added or bool(blocks)
        return added

    def _blocks_of(self, index: int) -> list[tuple[Step, int]]:
        """One block less, and one more."""
        stage = self.found.stages[index]
        ways = [by for by in (-1, 1) if stage.length + by >= 1 and not stage.overrides]
        return [option for by in ways if (option := self._option(Step(index, "depth", by, None))) is not None]

    def _option(self, step: Step) -> tuple[Step, int] | None:
        try:
            cost, parts = self.solving.measured(self.taken((step,)))
        except Fault as found:
            self._refuse(step, found)
            return None
        if parts is None or self._parts is None or self._spreads(step, parts, self._parts):
            self._separate = False
        return step, cost - self.cost

    def _refuse(self, step: Step, found: Fault) -> None:
        """Note a step without a network. Raises what is no fault of the step: that the search has taken too long."""
        if found.diagnostic.code == "E313":
            raise found
        self.refused.append((step, found.diagnostic.message))

    def _spreads(self, step: Step, parts: Mapping[str, int], before: Mapping[str, int]) -> bool:
        """Whether a step changes more than its own stage and what comes next."""
        last = step.stage == len(self.found.stages) - 1
        near = {f"stages.{step.stage}", f"stages.{step.stage + 1}"}
        changed = [part for part in {*parts, *before} if parts.get(part) != before.get(part)]
        return any(part not in near and not (last and part.startswith("head")) for part in changed)

    def _beyond(self, index: int, name: str, start: int, by: int) -> int | None:
        """The nearest factor beyond `start` that gives a stage another number; factors without a model are passed over.

        Numbers rise or fall with the factor: distances that double find one, and halving the last of them the nearest.
        """
        current = self._at(index, name, start)
        unit = max(1, self.factor // FINE)
        end = max(1, self.factor // REACH) if by < 0 else self.factor * REACH
        near, stride = start, unit
        while True:
            far = max(end, start - stride) if by < 0 else min(end, start + stride)
            if far == near:
                return None
            if (value := self._at(index, name, far)) not in (None, current):
                break
            near, stride = far, stride * 2
        while abs(far - near) > unit and not _next_to(value, current):
            middle = (near + far) // 2
            if (between := self._at(index, name, middle)) in (None, current):
                near = middle
            else:
                far, value = middle, between
        return far

    def _nearest_of(self, step: Step) -> Step:
        """The same step by the factor nearest to the solved one that gives its number."""
        if step.factor is None:
            return step
        value = self._at(step.stage, step.name, step.factor)
        near, far = self.factor, step.factor
        while abs(far - near) > 1:
            middle = (near + far) // 2
            if self._at(step.stage, step.name, middle) == value:
                far = middle
            else:
                near = middle
        return replace(step, factor=far)

    def _at(self, index: int, name: str, factor: int) -> Any:
        """The number of a stage at a factor, with all else as the solved factor has it; none where there is none."""
        try:
            model = self.solving.scaled(factor)
            if len(model.stages) != len(self.found.stages):
                return None
            stage = model.stages[index]
            if stage.block.of is not self.found.stages[index].block.of:
                return None
            return stage.length if name == "depth" else self._used(index, stage.settings[name], name)
        except Fault as found:
            if found.diagnostic.code == "E313":
                raise
            return None
        except AlreadyReported:
            return None

    def _used(self, index: int, attribute: Attribute, name: str) -> Any:
        """What `fit` makes of a setting in the blocks of a stage: one value where all have the same, else a list."""
        stage = self.found.stages[index]
        stage = replace(stage, settings={**stage.settings, name: attribute})
        first = sum(before.length for before in self.found.stages[:index])
        by_block = any(isinstance(each, Rule) for each in stage.settings.values())
        site, ctx = ast.Identifier(stage.span, f"stages.{index}"), self.solving.ctx()
        places = [indices(self.found, index, first, at) for at in range(stage.length if by_block else 1)]
        values = [block_settings(ctx, stage, place, site)[name].value for place in places]
        return values[0] if all(value == values[0] for value in values) else tuple(values)

    # Choices

    def _number(self, size: int) -> int:
        """How many choices of so many steps there are."""
        counts = [1, *[0] * size]
        for options in self._options:
            for k in range(size, 0, -1):
                counts[k] += counts[k - 1] * len(options)
        return counts[size]

    def _of_size(self, size: int, target: int, most: int) -> Choice | None:
        near: list[tuple[int, list[tuple[int, int, int]], int, Choice]] = []
        for cost, choice in self._choices(size):
            distance = abs(cost - target)
            self.nearest = distance if self.nearest is None else min(self.nearest, distance)
            if distance <= most:
                near.append((distance, [step.order for step in choice], cost, choice))
        for _, _, cost, choice in sorted(near, key=lambda each: each[:2]):
            measured = self._whole(choice)
            if measured is not None and measured != cost:
                raise _NotSeparate
            if measured is not None:
                return choice
        return None

    def _whole(self, choice: Choice) -> int | None:
        """The cost after some steps, measured; none where there is no network."""
        try:
            return self.solving.measured(self.taken(choice))[0]
        except Fault as found:
            if found.diagnostic.code == "E313":
                raise
            return None

    def _choices(self, size: int, first: int = 0, cost: int | None = None, before: Choice = ()) -> Iterator[Any]:
        """Every choice of so many steps with its cost: added up where that can be done, else measured."""
        total = self.cost if cost is None else cost
        if size == 0:
            measured = total if self._separate or len(before) == 1 else self._whole(before)
            if measured is not None:
                yield measured, before
            return
        for index in range(first, len(self._options)):
            for step, change in self._options[index]:
                both = self._change_together(before[-1], step) if before and self._separate else 0
                if both is not None:
                    yield from self._choices(size - 1, index + 1, total + change + both, (*before, step))

    def _change_together(self, one: Step, other: Step) -> int | None:
        """What two steps change beside the sum of what each does; none where there is no network.

        A width is the next stage's input; nothing else of a stage is looked at by another.
        """
        if other.stage != one.stage + 1 or one.name == "depth":
            return 0
        if (one, other) not in self._together:
            cost = self._whole((one, other))
            alone = sum(change for step, change in (*self._options[one.stage], *self._options[other.stage])
                        if step in (one, other))  # fmt: skip
            self._together[one, other] = None if cost is None else cost - self.cost - alone
        return self._together[one, other]


class _NotSeparate(Exception):
    """The cost of some steps is not what was added up."""


def _next_to(value: Any, other: Any) -> bool:
    """Whether no whole number is between two."""
    return isinstance(value, int) and isinstance(other, int) and abs(value - other) == 1


def attribute_of(stage: Stage, name: str) -> Attribute | None:
    return stage.depth if name == "depth" else stage.settings.get(name)


def taken(base: Model, found: Model, choice: Sequence[Step], others: Mapping[int, Model], *, stretches: bool) -> Model:
    """A scaled model after some steps; `others` are the models at their factors.

    What is made of `base` by lines for its stages `stretches` rules by block where depths change.
    """
    stages = list(found.stages)
    for step in choice:
        stage = stages[step.stage]
        other = others[step.factor].stages[step.stage] if step.factor is not None else None
        if step.name != "depth":
            settings = other.settings if other is not None else {}
            stage = replace(stage, settings={**stage.settings, step.name: settings[step.name]})
        elif other is not None:
            stage = replace(stage, depth=other.depth)
        else:
            stage = replace(stage, depth=replace(stage.depth, value=stage.length + step.by))
        stages[step.stage] = stage
    model = replace(found, stages=tuple(stages))
    return replace(model, stages=stretched(base, model)) if stretches else model


__all__ = ["Choice", "Measured", "Solving", "Step", "Steps", "attribute_of", "taken"]
