"""A space with every law decided: draws, and the text that makes a model of what is drawn."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import field

from archdsl.analysis.program import Definition
from archdsl.analysis.values import Environment, Origin, Setting, Value
from archdsl.diagnostics import Diagnostic
from archdsl.graph.shapes import Shape
from archdsl.once import cached_property
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
    counts: bool = False
    """Whether it asks for the network, whose costs it names."""

    @property
    def text(self) -> str:
        """The condition as it is written, on one line."""
        return " ".join(self.condition.span.text.split())

    @property
    def span(self) -> Span:
        return self.condition.span

    def diagnostic(self, space: str) -> Diagnostic:
        """What is said of a setting that it refuses."""
        message = f"the setting is no member of `{space}`: `require {self.text}` does not hold"
        return Diagnostic("E312", message, self.span)


@dataclass(frozen=True, slots=True)
class Derived:
    """A name between draws and the model: `names = value`."""

    binding: ast.Binding
    environment: Environment
    asks: bool
    counts: bool = False


Step = Requirement | Derived


@dataclass(frozen=True, slots=True)
class SpaceClaim:
    """One figure that is printed of a space: `literal` as printed, `measure` one of dimensions, settings, valid."""

    measure: str
    literal: str
    span: Span
    divided_by: int = 1
    """What the number is divided by before it is compared: a paper may take orders of stages for one network."""
    truncated: bool = False
    note: str | None = None


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
    recipe: Origin | None = None
    """How a network is trained: an expression, and the names of its file."""
    reward: Origin | None = None
    """What a search maximises: an expression of what is measured of a network."""
    claims: tuple[SpaceClaim, ...] = field(default=())
    provenance: Mapping[str, Setting] = field(default_factory=dict)
    origins: Mapping[str, Origin] = field(default_factory=dict)
    """Where each draw has its law from."""

    @property
    def requirements(self) -> tuple[Requirement, ...]:
        return tuple([step for step in self.steps if isinstance(step, Requirement)])

    @cached_property
    def dimensions(self) -> int:
        """How many numbers a setting is made of."""
        return sum(draw.dimensions for draw in self.draws)

    @cached_property
    def free_dimensions(self) -> int:
        """How many of them have more than one value: what papers call the dimensions of a space."""
        return sum(size > 1 for size in self.sizes)

    @cached_property
    def settings(self) -> int:
        """How many settings it has, whether valid or not."""
        return math.prod(draw.settings for draw in self.draws)

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """The size of the domain of each dimension."""
        return tuple([draw.law.domain.size for draw in self.draws for _ in range(draw.dimensions)])

    def is_fixed(self, draw: Draw) -> bool:
        """Whether a draw got its one value by `name = value`."""
        definition: Space | None = self
        e = self.origins[draw.name].expression
        while definition is not None:
            if any(isinstance(entry, ast.Binding) and entry.value is e for entry in _entries(definition)):
                return True
            definition = definition.refines
        return False

    def numbers(self, setting: Sequence[int]) -> dict[str, Sequence[int]]:
        """The numbers of a setting, by the names that they are drawn for."""
        found, at = {}, 0
        for draw in self.draws:
            found[draw.name] = setting[at : at + draw.dimensions]
            at += draw.dimensions
        return found

    def values(self, setting: Sequence[int]) -> dict[str, Value]:
        """What is drawn in a setting, by name."""
        numbers = self.numbers(setting)
        return {draw.name: draw.value(numbers[draw.name]) for draw in self.draws}


def _entries(space: Space) -> tuple[ast.Entry, ...]:
    body = space.definition.declaration.body
    return body.entries if body is not None else ()


__all__ = ["Derived", "Requirement", "Space", "SpaceClaim", "Step"]
