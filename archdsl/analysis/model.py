"""A resolved model: the list of stages that scalings work on, before any block is built.

It stands between a model's declaration and its network. Every value knows the expression it came from;
every change by a scaling or a `fit` is kept, so that `explain` can tell how a number came about.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field, replace
from fractions import Fraction
from typing import Any, TypeAlias

from archdsl.analysis.context import Context
from archdsl.analysis.program import Definition
from archdsl.analysis.values import (
    Block,
    Environment,
    ModelValue,
    Origin,
    Output,
    RecipeValue,
    Sequence,
    Setting,
    Value,
)
from archdsl.graph.shapes import Size
from archdsl.graph.symbolic import StandIn
from archdsl.once import cached_property
from archdsl.records import dataclass
from archdsl.source import Span
from archdsl.syntax import ast


@dataclass(frozen=True, slots=True)
class Rule:
    """An attribute that names `block` or `stage.depth`: evaluated for every block, once the depth is settled.

    `changes` are the scaling lines that apply to its value, in order. `base` is the stage as it was before the first
    scaling of depths, whose blocks it is evaluated for. With `once` its value is 1 in a block that is taken from the
    same block of the base as the one before it.
    """

    expression: ast.Expression
    environment: Environment
    changes: tuple[ScaledBy, ...] = ()
    base: Run | None = None
    once: bool = False

    @property
    def origin(self) -> Origin:
        return Origin(self.expression, self.environment)


@dataclass(frozen=True, slots=True)
class ScaledBy:
    """A scaling line that is applied to a rule's value: `name` is the old value in its environment."""

    name: str
    expression: ast.Expression
    environment: Environment


@dataclass(frozen=True, slots=True)
class Run:
    """Where the blocks of a stage stood: the index of the first, their number, and that of all."""

    first: int
    depth: int
    count: int


Attribute: TypeAlias = Setting | Rule


@dataclass(frozen=True, slots=True)
class Stage:
    """A run of blocks. `settings` are those given, not the block's defaults; `overrides` are by block.

    In a model with holes settings may be `UNKNOWN`, and a block that is not known is none.
    """

    block: Block
    depth: Setting
    settings: Mapping[str, Attribute]
    span: Span = field(compare=False)
    enter: Block | Sequence | None = None
    overrides: Mapping[int, Mapping[str, Setting]] = field(default_factory=dict)

    @property
    def length(self) -> int:
        """The number of its blocks: its depth, which is a whole number."""
        value: Any = self.depth.value
        if isinstance(value, StandIn):
            return value  # type: ignore[return-value]  # a whole number for each of many networks
        return value if isinstance(value, int) else 0


@dataclass(frozen=True, slots=True)
class Change:
    """One number that a scaling changed, or asked for: what `explain` shows.

    `multiplied` is the value before rounding, `rounded` what the scaling's line gave; what the block's
    `fit` made of it stands in the network's stages. `moved` is what took its place by a step towards a budget.
    """

    path: str
    scaling: str
    base: Value
    multiplied: Value
    rounded: Value
    span: Span
    text: str
    moved: Value = None


@dataclass(frozen=True, slots=True)
class Moved:
    """A number of a stage that took a step towards a budget, as the network has it.

    That is after `fit`, and a list where blocks differ.
    """

    path: str
    before: Value
    after: Value
    factor: int | Fraction | None
    """The factor at which the scaling gives the number; none for one block more or less."""


@dataclass(frozen=True, slots=True)
class Solved:
    """A factor that was solved for: what was asked, the factor on the grid, and what it gives."""

    scaling: str
    parameter: str
    measure: str
    target: int
    factor: int | Fraction
    reached: int
    passed: tuple[tuple[int | Fraction, str], ...] = ()
    """Factors that were tried and have no network, nearest to the answer first, one for each reason, and the reason."""
    work: int = field(default=0, compare=False)
    """The evaluation steps of the search."""
    within: int | Fraction | None = None
    """The share of the target that the cost was to come within, where one was asked for."""
    unmoved: int | None = None
    """What the factor alone reaches, where stages were moved."""
    moved: tuple[Moved, ...] = ()
    """Numbers of stages that took a step."""
    refused: tuple[tuple[Moved, str], ...] = ()
    """Steps that have no network, with the reason."""

    @property
    def residual(self) -> int:
        """What the grid and the rounding leave: reached minus target."""
        return self.reached - self.target


@dataclass(frozen=True, slots=True)
class Made:
    """How a model was made, so that it can be made anew with another argument.

    `parameters` are all of the family's and of the one `inside`, which its expression names; `arguments` those that
    were given; `since` is what changed the model afterwards, in order. `deeper` are values given to the one inside.
    """

    family: Definition
    arguments: Mapping[str, Setting]
    parameters: Mapping[str, Setting]
    since: tuple[Callable[[Context, Model], Model], ...] = ()
    inside: Made | None = None
    deeper: Mapping[str, Setting] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Claim:
    """One published figure: `literal` as printed, `measure` one of flops, params, acts."""

    measure: str
    literal: str
    span: Span
    convention: str | None = None
    truncated: bool = False
    note: str | None = None
    at: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Features:
    """Feature outputs: by stride, or by name and place."""

    strides: tuple[int, ...] = ()
    places: tuple[tuple[str, Output], ...] = ()
    """Name, and the output of the stem or a stage."""
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Outputs:
    """What a model gives: the name and place of each output."""

    places: tuple[tuple[str, Output], ...]
    span: Span


@dataclass(frozen=True)
class Model(ModelValue):
    """A model with every parameter decided."""

    name: str
    input: Setting
    stem: Block | Sequence | None
    stages: tuple[Stage, ...]
    head: Block | Sequence | None
    span: Span
    doc: str = ""
    follow: Mapping[str, str] = field(default_factory=dict)
    """`stem.width` -> `width`: what a scaling changes along with a stage's attribute."""
    features: Features | None = None
    outputs: Outputs | None = None
    """None where the network gives what its last part gives."""
    output_stride: Setting | None = None
    recipe: RecipeValue | None = None
    preprocess: Mapping[str, Setting] = field(default_factory=dict)
    init: Mapping[str, Setting] = field(default_factory=dict)
    provenance: Mapping[str, Setting] = field(default_factory=dict)
    claims: tuple[Claim, ...] = ()
    changes: tuple[Change, ...] = ()
    solved: tuple[Solved, ...] = ()
    made: Made | None = field(default=None, compare=False, repr=False)
    holes: frozenset[str] = frozenset()
    """The fields that are not known, or not whole, because of a fault: such a model has no network."""

    @cached_property
    def depth(self) -> int:
        """The number of blocks."""
        return sum(stage.length for stage in self.stages)

    @property
    def shape(self) -> Size:
        """The input's extents: channels, height, width."""
        value = self.input.value
        return value if isinstance(value, Size) else Size(())

    def changed_to(self, changed: Model, change: Callable[[Context, Model], Model]) -> Model:
        """The changed model; it keeps the change, a function of a context and a model, so that it can come again."""
        if self.made is None:
            return changed
        return replace(changed, made=replace(self.made, since=(*self.made.since, change)))
