"""What a search makes small or large: what was measured of a trained member, exact costs, and the reward of its space.

A figure is `None` where it was not measured: the trial has not ended, or failed.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal

from archdsl.analysis.assemble import network_at
from archdsl.analysis.check_space import REWARDED, free_names
from archdsl.analysis.values import Value
from archdsl.graph.cost import MEASURES
from archdsl.graph.memory import peak_bytes
from archdsl.numbers import Number, is_number
from archdsl.numbers.enclose import Coarse, enclosure
from archdsl.numbers.irrational import Irrational
from archdsl.records import dataclass
from archdsl.spaces.member import Member
from archdsl.spaces.opened import Opened
from archdsl.spaces.space import Space
from archdsl.spaces.training import reward_of
from archdsl.suggest import nearest

Figures = Mapping[str, Any]
"""What is known of a trial by name: the columns of its row, and what was measured."""

REWARD = "reward"
MEASURED = {
    "error": "1 - validation accuracy of the last epoch",
    "loss": "validation loss of the last epoch",
    "accuracy": "validation accuracy of the last epoch; the larger the better",
    "seconds": "of training, validation included",
    "step_time": "seconds of a training step",
}
"""Objectives that take training."""
EXACT = {
    "flops": "as the space counts them",
    "params": "as the space counts them",
    "acts": "as the space counts them",
    "memory": "bytes of activations at inference of one image in float32, at most at one time",
}
"""Objectives that take none."""
LARGER = frozenset((REWARD, "accuracy"))
"""Those that are made large."""
NAMES: tuple[str, ...] = (*MEASURED, *EXACT, REWARD)
TRAINED = frozenset(("accuracy", "step_time"))
"""The names of a reward that take training."""


class ObjectiveFault(Exception):
    """What is wrong with an objective, in one sentence."""


@dataclass(frozen=True)
class Objective:
    """A figure that is made small, or large."""

    name: str
    trained: bool
    """Whether a member must be trained for it."""

    @property
    def larger(self) -> bool:
        """Whether more of it is better."""
        return self.name in LARGER

    @property
    def direction(self) -> Literal["minimize", "maximize"]:
        """As Optuna calls it."""
        return "maximize" if self.larger else "minimize"

    def loss(self, value: float) -> float:
        """The same so that less of it is better."""
        return -value if self.larger else value


def objectives_of(names: Sequence[str], space: Space | None) -> tuple[Objective, ...]:
    """The objectives by their names, each once. Raises `ObjectiveFault`."""
    found = []
    for name in names:
        if name not in NAMES:
            guess = nearest(name, NAMES)
            hint = f"did you mean {guess}?" if guess else f"there are {', '.join(NAMES)}"
            raise ObjectiveFault(f"'{name}' is no objective; {hint}")
        if names.count(name) > 1:
            raise ObjectiveFault(f"{name} is there twice")
        trained = name in MEASURED
        if name == REWARD and space is not None:
            if space.reward is None:
                message = f"`{space.name}` has no `reward:`"
                raise ObjectiveFault(f"{message}; write one in it, for example accuracy * params ^ -0.05")
            trained = bool(free_names(space.reward.expression) & TRAINED)
        found.append(Objective(name, trained))
    return tuple(found)


class Judge:
    """Works out objectives of trials: of the columns of a row, what was measured, and what the space says."""

    def __init__(self, opened: Opened, objectives: Sequence[Objective], step_unit: float = 1.0) -> None:
        """`step_unit` is what the step time of a reward is divided by: the baseline's, in seconds."""
        self.opened, self.objectives, self.step_unit = opened, tuple(objectives), step_unit

    @property
    def trains(self) -> bool:
        """Whether members must be trained."""
        return any(each.trained for each in self.objectives)

    def values(self, figures: Figures, setting: Sequence[int]) -> tuple[float, ...] | None:
        """The objectives of a trial; none where one is missing."""
        found = [self._value(each.name, figures, setting) for each in self.objectives]
        known = [value for value in found if value is not None]
        return tuple(known) if len(known) == len(found) else None

    def _value(self, name: str, figures: Figures, setting: Sequence[int]) -> float | None:
        if name == REWARD:
            return self._reward(figures, setting)
        if name == "accuracy":
            error = _number(figures.get("error"))
            return None if error is None else 1 - error
        if name == "memory":
            return float(memory_of(self.opened, self.opened.member(setting)))
        return _number(figures.get(name))

    def _reward(self, figures: Figures, setting: Sequence[int]) -> float | None:
        """As Tan & Le 2021, section 3.1: by the space's own expression. The step time is that of `step_unit`."""
        origin = self.opened.space.reward
        if origin is None:
            return None
        member = self.opened.member(setting)
        named = free_names(origin.expression) & set(REWARDED)
        measured: dict[str, Value] = {}
        for name in sorted(named):
            value = self._measured(name, figures, member)
            if value is None:
                return None
            measured[name] = value
        value = reward_of(self.opened.context, member, measured)
        return double(value) if is_number(value) else None

    def _measured(self, name: str, figures: Figures, member: Member) -> Value:
        """A number of a reward, exactly as it was measured."""
        if name in MEASURES:
            return member.costs[name]
        if name == "memory":
            return memory_of(self.opened, member)
        number = _number(figures.get("error" if name == "accuracy" else name))
        if number is None:
            return None
        return 1 - Fraction(number) if name == "accuracy" else Fraction(number) / Fraction(self.step_unit)


def memory_of(opened: Opened, member: Member) -> int:
    """Bytes of activations of one image in float32, at the input that the space counts at."""
    if member.model is None or member.network is None:
        raise ObjectiveFault(f"the setting is no member of `{opened.space.name}`")
    at = network_at(opened.context, member.model, member.network, opened.space.at)
    return int(peak_bytes(at))


DIGITS = (30, 100, 1000)
"""In which a number is worked out, as many as it takes."""


def double(value: Number) -> float | None:
    """The double next to a number; none for what none is near to. Roots are worked out to more digits than it has."""
    if not isinstance(value, Irrational):
        rational = Fraction(value)
        return float(rational) if abs(rational) < Fraction(sys.float_info.max) else None
    for digits in DIGITS:
        try:
            low, high = enclosure(digits).of(value)
        except Coarse:
            continue
        if high - low <= abs(low) * Decimal(2) ** -64:
            return _number(float(low))
    return None


def _number(value: Any) -> float | None:
    """A finite number; none for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    number = float(value)
    return number if abs(number) < float("inf") else None


def front(losses: Sequence[Sequence[float]]) -> list[int]:
    """The numbers of the points that no other is better than: less or equal in all, and less in one.

    Points that are equal are all in it. Points are gone through in the order of their figures, so that only those of
    the front found so far can be better than the next.
    """
    found: list[int] = []
    for number in sorted(range(len(losses)), key=lambda each: tuple(losses[each])):
        point = losses[number]
        if not any(_dominates(losses[other], point) for other in found):
            found.append(number)
    return sorted(found)


def _dominates(a: Sequence[float], b: Sequence[float]) -> bool:
    return all(x <= y for x, y in zip(a, b, strict=True)) and any(x < y for x, y in zip(a, b, strict=True))


__all__ = [
    "EXACT",
    "LARGER",
    "MEASURED",
    "NAMES",
    "REWARD",
    "Figures",
    "Judge",
    "Objective",
    "ObjectiveFault",
    "double",
    "front",
    "memory_of",
    "objectives_of",
]
