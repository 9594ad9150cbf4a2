"""A space with every law decided: draws, and the text that makes a model of what is drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import field
from functools import cached_property

from archdsl.analysis.model import Claim
from archdsl.analysis.program import Definition
from archdsl.analysis.values import Environment, Value
from archdsl.graph.shapes import Shape
from archdsl.records import dataclass
from archdsl.source import Span
from archdsl.spaces.laws import Draw
from archdsl.syntax import ast


@dataclass(frozen=True, slots=True)
class Requirement:
    """A `require` of a space, or of one that it refines."""

    condition: ast.Expression
    environment: Environment
    """The names of its module; what is drawn and derived comes in front."""
    space: str
    """The space that it stands in."""
    asks: bool
    """Whether it asks for the model, so that it waits until there is one."""

    @property
    def text(self) -> str:
        """The condition as it is written, on one line."""
        return " ".join(self.condition.span.text.split())

    @property
    def span(self) -> Span:
        return self.condition.span


@dataclass(frozen=True, slots=True)
class Derived:
    """A name between draws and the model: `names = value`."""

    binding: ast.Binding
    environment: Environment
    asks: bool


Step = Requirement | Derived


@dataclass(frozen=True)
class Space:
    """A space. What it refines is in it: the draws are those that hold, the steps those of all, the first refined
    space's first."""

    name: str
    definition: Definition
    span: Span
    draws: tuple[Draw, ...]
    steps: tuple[Step, ...]
    """Derived names and requirements in their order. Those that ask for the model come after it."""
    model: ast.Expression
    environment: Environment
    """The module's names, for the model's expression."""
    doc: str = ""
    refines: Space | None = None
    convention: str | None = None
    """The convention of `model.flops` and the others; none for the usual one."""
    at: Shape | None = None
    """The input at which costs are counted; none for the model's own."""
    recipe: ast.Expression | None = None
    reward: ast.Expression | None = None
    claims: tuple[Claim, ...] = field(default=())

    @property
    def requirements(self) -> tuple[Requirement, ...]:
        return tuple([step for step in self.steps if isinstance(step, Requirement)])

    @cached_property
    def dimensions(self) -> int:
        """How many numbers a setting is made of."""
        return sum(draw.dimensions for draw in self.draws)

    @cached_property
    def settings(self) -> int:
        """How many settings it has, whether valid or not."""
        return math.prod(draw.settings for draw in self.draws)

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """The size of the domain of each dimension."""
        return tuple([draw.law.domain.size for draw in self.draws for _ in range(draw.dimensions)])

    def values(self, setting: Sequence[int]) -> dict[str, Value]:
        """What is drawn in a setting, by name."""
        found, at = {}, 0
        for draw in self.draws:
            found[draw.name] = draw.value(setting[at : at + draw.dimensions])
            at += draw.dimensions
        return found


__all__ = ["Derived", "Requirement", "Space", "Step"]
