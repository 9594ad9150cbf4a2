"""One evaluation that is going on: what the rules of the language, and all that stands on them, need of it.

A `Context` counts steps and nesting against the limits, takes what is to be reported, and knows by which rule each
kind of expression is evaluated. The rules themselves come as a `Language`, a table of functions that take the context,
so that each of them stands in a file that knows this one alone. `analysis.language` puts them together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, Protocol, TypeAlias

from archdsl import limits
from archdsl.analysis.program import Definition, Instance
from archdsl.analysis.trace import fault
from archdsl.analysis.traces import Traces
from archdsl.analysis.values import Block, Environment, ModelValue, Setting, Tensor, Value
from archdsl.diagnostics import Diagnostic, Diagnostics
from archdsl.graph.blocks import Given
from archdsl.records import dataclass
from archdsl.syntax import ast


class AlreadyReported(Exception):
    """Something depends on a value whose fault is already reported."""


Progress: TypeAlias = Callable[[int], None]
"""Is told how many factors `solve` has tried."""


@dataclass(frozen=True, slots=True)
class Tie:
    """An exact half that `round` was given, and the call."""

    value: Fraction
    call: ast.Call


@dataclass(frozen=True, slots=True)
class Searched:
    """What `solve` found: a factor in thousandths, what its network costs, the factors passed over with the reason, and
    the evaluation steps of the search."""

    factor: int
    cost: int
    passed: tuple[tuple[int | Fraction, str], ...]
    work: int


class Searches(Protocol):
    """What the searches of one evaluation found when the same text was evaluated before, one after the other."""

    def known(self, step: str) -> Searched | None:
        """What the next search found, whose text is `step`."""

    def keep(self, found: Searched) -> None:
        """Keep what it found now."""


Rule: TypeAlias = "Callable[[Context, Any, Environment], Value]"
"""The value of one kind of expression. Raises `Fault` or `AlreadyReported`."""


class Declared(Protocol):
    """The value of a declared model, recipe or scaling with arguments; with none, of its name alone."""

    def __call__(
        self,
        ctx: Context,
        named: Definition | Instance,
        arguments: Mapping[str, Setting] | None,
        e: ast.Node,
        env: Environment,
    ) -> Value: ...


@dataclass(frozen=True, slots=True)
class Language:
    """The rules by which a program is evaluated."""

    rules: Mapping[type[ast.Node], Rule]
    declared: Declared
    apply: Callable[[Context, Block, tuple[Tensor, ...], ast.Expression, Environment, Mapping[str, Given]], Value]
    """A block that gets tensors, with the names of its settings in the block's text around it."""
    lead: Callable[[Context, Value, ast.Expression, Environment], Value]
    """An arrow from what is no tensor and no block: a model into a scaling."""
    override: Callable[[Context, Value, ast.Derived, Environment], Value]
    """`value with { … }`."""


class Context:
    """The state of one evaluation, for one model at a time.

    The evaluation is total: no recursion can be written, and every loop is over a list whose length is bounded; steps
    and nesting are counted against `archdsl.limits`.
    """

    def __init__(
        self,
        language: Language,
        diagnostics: Diagnostics,
        progress: Progress | None = None,
        traces: Traces | None = None,
    ) -> None:
        self.language = language
        self.rules = language.rules
        self.diagnostics = diagnostics
        self.progress = progress
        self.steps = 0
        self.nesting = 0
        self.ties: list[Tie] | None = None
        """Where somebody asks for them: the exact halves that were rounded."""
        self.literals: dict[int, tuple[ast.Expression, Value]] = {}
        """Long lists of literals with their values: a rule takes one element of such a list for every block."""
        self.fixed: dict[int, tuple[Value, int] | None] = {}
        """Calls that are the same for all elements of a comprehension: value and steps, once they are had."""
        self.traces = Traces() if traces is None else traces
        self.goes_on = False
        """Whether a model with a fault is worked out as far as it can be, and all its faults are told."""
        self.reached: ModelValue | None = None
        """That model, with holes."""
        self.searches: Searches | None = None
        """What searches found in an earlier evaluation of the same text, where that is kept."""

    def fresh(self, diagnostics: Diagnostics | None = None) -> Context:
        """An evaluation within this one, with steps of its own: the limit is for one network. What it finds may be
        kept apart."""
        found = Context(self.language, self.diagnostics if diagnostics is None else diagnostics, traces=self.traces)
        found.nesting, found.literals = self.nesting, self.literals
        return found

    def evaluate(self, e: ast.Expression, env: Environment) -> Value:
        """The value of an expression. Raises `Fault` or `AlreadyReported`."""
        return self.rules[type(e)](self, e, env)

    def holds(self, e: ast.Expression, env: Environment) -> bool:
        """Whether a condition holds: only `none` and `false` fail."""
        value = self.rules[type(e)](self, e, env)
        return value is not None and value is not False

    def report(self, diagnostic: Diagnostic) -> None:
        """Keep a fault beside others. Raises `AlreadyReported` where no more are kept."""
        self.diagnostics.add(diagnostic)
        if self.diagnostics.full:
            raise AlreadyReported

    def spend(self, steps: int, node: ast.Node, env: Environment) -> None:
        """Count steps against the limit."""
        self.steps += steps
        if self.steps > limits.MAX_STEPS:
            message = f"evaluating the model takes more than {limits.MAX_STEPS:,} steps"
            raise fault("E392", message, node, env)

    def enter(self, definition: Definition, e: ast.Node, env: Environment) -> None:
        """Begin with the body of a definition; `leave` ends it."""
        if definition.name in definition.module.circular:
            raise AlreadyReported
        self.spend(definition.size, e, env)
        self.nesting += definition.depth
        if self.nesting > limits.MAX_CALL_NESTING:
            self.nesting -= definition.depth
            message = f"calls are nested too deep at `{definition.name}`"
            raise fault("E393", message, e, env, help="does a block receive itself as a setting?")

    def leave(self, definition: Definition) -> None:
        self.nesting -= definition.depth
