"""Whether a network is a member of a space: its setting, or what refuses it.

A space with few settings is gone through, and the answer is certain. Of another one a setting is looked for: draws take
what the network's own parameters and stages say, or the nearest values of their domains, and what has the network's
hash is it. That a network is no member is said where it is certain: where all settings were looked at, or where a
requirement that asks for costs alone refuses the network itself. Else it is not decided.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import field, replace
from fractions import Fraction
from itertools import islice, product
from typing import Literal, TypeAlias

from archdsl.analysis.answers import used_settings
from archdsl.analysis.model import Model
from archdsl.analysis.program import Definition
from archdsl.analysis.trace import show_value
from archdsl.analysis.values import Setting, Value, is_list
from archdsl.compiler import Compiled
from archdsl.diagnostics import Diagnostic
from archdsl.records import dataclass
from archdsl.spaces.laws import Domain, Draw, Grid
from archdsl.spaces.member import Member, member_of, refusal_of
from archdsl.spaces.opened import Opened
from archdsl.spaces.space import Derived, Requirement, Space
from archdsl.syntax import ast

Answer: TypeAlias = Literal["member", "no member", "not decided"]
Progress: TypeAlias = Callable[[int, int], None]

NEAR = 50
"""Values of a grid that are tried for a number that it has not, nearest first."""
FEW = 64
"""Values of a draw that are all tried, where nothing of the network tells one."""


@dataclass(frozen=True)
class Membership:
    """Whether a network is a member."""

    answer: Answer
    member: Member | None = field(repr=False)
    """The setting that gives the network: admitted, or refused."""
    refused: Requirement | Diagnostic | None
    """What refuses it, where that is known."""
    looked: int
    """Settings that were looked at."""
    all: bool
    """Whether these are all that the space has."""
    outside: Mapping[str, Value] = field(default_factory=dict)
    """By draw, values of the network that the space has not; another setting may give the network all the same."""


def membership(opened: Opened, compiled: Compiled, tries: int, progress: Progress | None = None) -> Membership:
    """Whether a network is a member; at most so many settings are looked at."""
    space = opened.space
    refused = refusal_of(opened.context, space, compiled.model)
    if refused is not None:
        return Membership("no member", None, refused, 0, all=False)
    all_ = space.settings <= tries
    settings = product(*map(range, space.sizes)) if all_ else islice(_likely(space, compiled), tries)
    bare = replace(space, steps=tuple([step for step in space.steps if isinstance(step, Derived) and not step.asks]))
    met: Member | None = None
    looked = 0
    for setting in settings:
        looked += 1
        found = member_of(opened.context, bare, setting)
        if progress is not None:
            progress(looked, 0)
        if found.unfinished is not None:  # the others are likely to take as long
            return Membership("not decided", None, found.refused, looked, all=False)
        if found.network is None or found.network.hash != compiled.network.hash:
            continue
        whole = opened.member(setting)
        if whole.valid:
            return Membership("member", whole, None, looked, all_)
        met = met or whole
    answer: Answer = "no member" if all_ else "not decided"
    refused_by = met.refused if met is not None else None
    told = _Told(space, compiled) if answer == "not decided" else None
    outside = {each.name: told.outside(each) for each in space.draws} if told is not None else {}
    outside = {name: value for name, value in outside.items() if value is not None}
    return Membership(answer, met, refused_by, looked, all_, outside)


# What the network says of draws.


def _likely(space: Space, compiled: Compiled) -> Iterator[tuple[int, ...]]:
    """Settings that may give the network, the most likely first; none where nothing tells a draw."""
    told = _Told(space, compiled)
    choices = [told.choices(draw) for draw in space.draws]
    if all(choices):
        for chosen in _by_rank(choices):
            yield tuple([number for part in chosen for number in part])


def _by_rank(choices: list[list[tuple[int, ...]]]) -> Iterator[tuple[tuple[int, ...], ...]]:
    """All combinations; those of choices that stand early, in sum, come first."""
    ranks = [range(len(each)) for each in choices]
    most = sum(len(each) - 1 for each in choices)
    for total in range(most + 1):
        for picked in _sums(ranks, total):
            yield tuple([each[rank] for each, rank in zip(choices, picked, strict=True)])


def _sums(ranks: list[range], total: int) -> Iterator[tuple[int, ...]]:
    if not ranks:
        if total == 0:
            yield ()
        return
    rest = sum(len(each) - 1 for each in ranks[1:])
    for rank in range(max(0, total - rest), min(total, len(ranks[0]) - 1) + 1):
        for others in _sums(ranks[1:], total - rank):
            yield (rank, *others)


class _Told:
    """The values that a network has: of the family's parameters, and of its stages by name."""

    def __init__(self, space: Space, compiled: Compiled) -> None:
        made = compiled.model.made
        parameters: Mapping[str, Setting] = made.parameters if made is not None else {}
        self.parameters = {name: setting.value for name, setting in parameters.items()}
        self.named = _draws_as_parameters(space)
        self.stages = _of_stages(compiled.model)

    def choices(self, draw: Draw) -> list[tuple[int, ...]]:
        """The numbers that a draw may have, the most likely first."""
        for values in (self._given(draw), self._of_stages(draw, similar=True), self._of_stages(draw, similar=False)):
            found = dict.fromkeys([numbers for value in values for numbers in _numbers(draw, value)])
            if found:
                return list(found)
        few = draw.settings <= FEW
        return list(product(range(draw.law.domain.size), repeat=draw.dimensions)) if few else []

    def outside(self, draw: Draw) -> Value:
        """The value that the network was made with, where the draw has it not; else none."""
        given = self._given(draw) or self._of_stages(draw, similar=True)
        return given[0] if given and all(draw.indices(value) is None for value in given) else None

    def _given(self, draw: Draw) -> list[Value]:
        """What the family's parameters say."""
        names = dict.fromkeys([self.named.get(draw.name, draw.name), draw.name])
        values = [self.parameters[name] for name in names if name in self.parameters]
        return [value for value in values if is_list(value) == (draw.count is not None)]

    def _of_stages(self, draw: Draw, similar: bool) -> list[Value]:
        """What the stages say: by settings that are called as the draw is, or by all."""
        names = [name for name in self.stages if not similar or name.rstrip("s") == draw.name.rstrip("s")]
        values = [value for name in names for value in self.stages[name]]
        if draw.count is not None and not draw.tied:
            return values
        one = [value[0] for value in values if is_list(value) and all(each == value[0] for each in value)]
        return one if draw.count is None else [(value,) * draw.count for value in one]


def _draws_as_parameters(space: Space) -> dict[str, str]:
    """Draw -> the parameter of the family that gets it, where the model is a call."""
    e = space.model
    if not isinstance(e, ast.Call) or not isinstance(e.function, ast.Reference):
        return {}
    family = space.environment.module.names.get(e.function.name)
    parameters = family.parameter_names if isinstance(family, Definition) else ()
    found = {}
    for place, argument in enumerate(e.arguments):
        name = argument.name.text if argument.name is not None else None
        if name is None and place < len(parameters):
            name = parameters[place]
        if name is not None and isinstance(argument.value, ast.Reference):
            found[argument.value.name] = name
    return found


def _of_stages(model: Model) -> dict[str, list[Value]]:
    """Lists of one value a stage, by the setting's name: after `fit`, and as they were asked for."""
    found: dict[str, list[Value]] = {"depth": [tuple([stage.length for stage in model.stages])]}
    found["block"] = [tuple([stage.block for stage in model.stages])]
    last = [blocks[-1] for blocks in used_settings(model)]
    for name in last[0] if last else ():
        if all(name in settings for settings in last):
            settings = [stage[name] for stage in last]
            asked = tuple([each.requested.value if each.requested is not None else each.value for each in settings])
            found.setdefault(name, []).extend(dict.fromkeys([asked, tuple([each.value for each in settings])]))
    return found


def _numbers(draw: Draw, value: Value) -> list[tuple[int, ...]]:
    """The numbers of a draw for a value, or of the values next to it."""
    if draw.count is None:
        return [(number,) for number in _near(draw.law.domain, value)]
    if not is_list(value) or len(value) != draw.count:
        return []
    if draw.tied:
        return (
            [(number,) for number in _near(draw.law.domain, value[0])] if len(set(map(show_value, value))) == 1 else []
        )
    return list(islice(product(*[_near(draw.law.domain, part)[:3] for part in value]), FEW))


def _near(domain: Domain, value: Value) -> list[int]:
    """The number of a value; for a number that a grid has not, those of its neighbours, the nearest first."""
    own = domain.index(value)
    if own is not None:
        return [own]
    if not isinstance(domain, Grid):
        text = show_value(value)  # a block of another program is another value
        return [index for index, each in enumerate(domain.values) if show_value(each) == text]
    if isinstance(value, bool) or not isinstance(value, int | Fraction):
        return []
    middle = Fraction(value - domain.first) / Fraction(domain.step)
    if not -1 < middle < domain.size:
        return []
    nearest = range(max(0, int(middle) - NEAR // 2), min(domain.size, int(middle) + NEAR // 2 + 1))
    return sorted(nearest, key=lambda index: abs(index - middle))


__all__ = ["Answer", "Membership", "membership"]
