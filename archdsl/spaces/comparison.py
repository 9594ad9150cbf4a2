"""Two spaces beside each other: which values each draw lost and gained, and which requirements."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Literal, TypeAlias

from archdsl.records import dataclass
from archdsl.spaces.laws import Domain, Draw, Grid
from archdsl.spaces.space import Derived, Space

Change: TypeAlias = Literal["same", "fewer", "more", "other", "law", "added", "removed"]
"""What became of a draw: its values are the same, fewer, more or others; they are the same with another law; or one of
the two spaces has no such draw."""
MAX_LISTED = 10_000
"""Values of a draw that are held against another one by one."""


@dataclass(frozen=True)
class Drawn:
    """A name that is drawn in one of two spaces, or in both."""

    name: str
    a: Draw | None
    b: Draw | None
    change: Change


@dataclass(frozen=True)
class Comparison:
    """What differs from a space to another."""

    a: Space
    b: Space
    draws: tuple[Drawn, ...]
    added: tuple[str, ...]
    """Requirements and derived names that only `b` has, as they are written."""
    removed: tuple[str, ...]
    fields: tuple[tuple[str, str | None, str | None], ...]
    """Model, convention, input, recipe and reward, where they differ."""

    @property
    def narrows(self) -> bool:
        """Whether it is told that every member of `b` is one of `a`: draws, requirements and model say so."""
        decided = {name for name, _, _ in self.fields} & {"model", "convention", "input"}
        return not (self.removed or decided) and all(each.change in ("same", "law", "fewer") for each in self.draws)

    @property
    def same(self) -> bool:
        changed = [each for each in self.draws if each.change != "same"]
        return not (changed or self.added or self.removed or self.fields)


def compared(a: Space, b: Space) -> Comparison:
    """What differs from one space to another."""
    mine, its = ({draw.name: draw for draw in space.draws} for space in (a, b))
    draws = [_drawn(name, mine.get(name), its.get(name)) for name in dict.fromkeys([*mine, *its])]
    conditions = [_texts(space) for space in (a, b)]
    added = [text for text in conditions[1] if text not in conditions[0]]
    removed = [text for text in conditions[0] if text not in conditions[1]]
    fields = zip(_fields(a).items(), _fields(b).values(), strict=True)
    differing = [(name, x, y) for (name, x), y in fields if x != y]
    return Comparison(a, b, tuple(draws), tuple(added), tuple(removed), tuple(differing))


def _texts(space: Space) -> list[str]:
    """Requirements and derived names on one line each."""
    return [
        _line(step.binding.span.text) if isinstance(step, Derived) else f"require {step.text}" for step in space.steps
    ]


def _fields(space: Space) -> dict[str, str | None]:
    return {
        "model": _line(space.model.span.text),
        "convention": space.convention,
        "input": " x ".join(map(str, space.at)) if space.at is not None else None,
        "recipe": _line(space.recipe.span.text) if space.recipe is not None else None,
        "reward": _line(space.reward.span.text) if space.reward is not None else None,
    }


def _line(text: str) -> str:
    return " ".join(text.split())


def _drawn(name: str, a: Draw | None, b: Draw | None) -> Drawn:
    if a is None or b is None:
        return Drawn(name, a, b, "added" if a is None else "removed")
    down, up = within(b, a), within(a, b)
    if down and up:
        same = (a.law.probability, a.law.weights) == (b.law.probability, b.law.weights)
        return Drawn(name, a, b, "same" if same or a.law.domain.size == 1 else "law")
    return Drawn(name, a, b, "fewer" if down else "more" if up else "other")


def within(inner: Draw, outer: Draw) -> bool:
    """Whether it is told that every value of a draw is one of another's."""
    if inner.count == outer.count:
        apart = inner.count is not None and inner.count > 1 and not inner.tied and inner.law.domain.size > 1
        return subset(inner.law.domain, outer.law.domain) and not (outer.tied and apart)
    if inner.settings > MAX_LISTED or (inner.count is not None and not inner.tied):
        return inner.settings == 1 and outer.indices(inner.value([0] * inner.dimensions)) is not None
    values = [inner.value([number]) for number in range(inner.law.domain.size)]
    return all(outer.indices(value) is not None for value in values)


def subset(inner: Domain, outer: Domain) -> bool:
    """Whether every value of a domain is one of another's."""
    if inner.size > outer.size:
        return False
    if not isinstance(inner, Grid):
        return all(outer.index(value) is not None for value in inner.values)
    if not isinstance(outer, Grid):
        return _all(outer, range(inner.size), inner)
    apart = Fraction(inner.step) / Fraction(outer.step)
    return (inner.size == 1 or apart.denominator == 1) and _all(outer, (0, inner.size - 1), inner)


def _all(outer: Domain, numbers: Iterable[int], inner: Grid) -> bool:
    return all(outer.index(inner.value(number)) is not None for number in numbers)


__all__ = ["Change", "Comparison", "Drawn", "compared", "subset", "within"]
