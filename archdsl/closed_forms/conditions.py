"""Where closed forms hold: what was decided on the values of symbols while the network was built.

Each decision is a `Condition`: what was compared in blocks and how it came out, quotients that are whole, what `fit`
leaves as it is, and that no dimension is too large.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from typing import Any, Protocol

from archdsl.analysis.context import AlreadyReported
from archdsl.analysis.language import evaluation
from archdsl.analysis.program import Definition
from archdsl.analysis.settings import inner_value, settle
from archdsl.analysis.values import Environment, Setting
from archdsl.closed_forms.expressions import is_symbolic, names_in, normalised, number_at, written
from archdsl.diagnostics import Fault
from archdsl.graph.network import Network
from archdsl.graph.shapes import EXTENT_MAX
from archdsl.graph.symbolic import COMPARISONS, Decisions, Symbolic
from archdsl.records import dataclass
from archdsl.syntax import ast


class Condition(Protocol):
    """Something that was decided on the values of symbols."""

    @property
    def symbols(self) -> frozenset[str]:
        """The names of the symbols that it asks for."""
        ...

    def __str__(self) -> str: ...

    def broken(self, values: Mapping[str, int]) -> str | None:
        """What stands against it at some values of the symbols, in words; none where it holds."""
        ...


@dataclass(frozen=True)
class Relation:
    """A comparison and how it came out: `w_0/8 <= 16`."""

    operator: str
    left: Any
    right: Any

    @property
    def symbols(self) -> frozenset[str]:
        return names_in(self.left) | names_in(self.right)

    def __str__(self) -> str:
        return f"{written(self.left, 'text')} {self.operator} {written(self.right, 'text')}"

    def broken(self, values: Mapping[str, int]) -> str | None:
        left, right = number_at(self.left, values), number_at(self.right, values)
        if COMPARISONS[self.operator](left, right):
            return None
        sides = [written(side, "text") for side in (self.left, self.right)]
        given = [f"{side} is {n}" for side, n in zip(sides, (left, right), strict=True) if side != str(n)]
        return f"{self} does not hold: {' and '.join(given)}"


@dataclass(frozen=True)
class Whole:
    """A quotient that is taken without a remainder."""

    quotient: Any

    @property
    def symbols(self) -> frozenset[str]:
        return names_in(self.quotient)

    def __str__(self) -> str:
        return f"{written(self.quotient, 'text')} is a whole number"

    def broken(self, values: Mapping[str, int]) -> str | None:
        number = number_at(self.quotient, values)
        return None if number.denominator == 1 else f"{written(self.quotient, 'text')} is {number}, not a whole number"


@dataclass(frozen=True)
class Bounded:
    """That no dimension or setting is larger than one may be."""

    dimensions: tuple[Any, ...]

    @property
    def symbols(self) -> frozenset[str]:
        return frozenset()

    def __str__(self) -> str:
        return f"no dimension is above {EXTENT_MAX:,}"

    def broken(self, values: Mapping[str, int]) -> str | None:
        for dimension in self.dimensions:
            number = number_at(dimension, values)
            if number > EXTENT_MAX:
                return f"{written(dimension, 'text')} is {number}, above {EXTENT_MAX:,}"
        return None


@dataclass(frozen=True)
class Kept:
    """That the `fit` of a stage's block leaves the settings as the forms have them."""

    of: Definition
    given: Mapping[str, Setting] = field(compare=False)
    expected: tuple[tuple[str, Any], ...]
    own: tuple[tuple[str, int], ...]

    @property
    def symbols(self) -> frozenset[str]:
        return frozenset([name for name, _ in self.own])

    def __str__(self) -> str:
        return f"the fit of `{self.of.name}` keeps {', '.join(sorted(self.symbols))}"

    def broken(self, values: Mapping[str, int]) -> str | None:
        if all(values[name] == value for name, value in self.own):
            return None  # the numbers are those that it made
        settings = {
            name: replace(s, value=normalised(number_at(s.value.expression, values))) if is_symbolic(s.value) else s
            for name, s in self.given.items()
        }
        ctx, module = evaluation(), self.of.module
        site = ast.Identifier(self.of.declaration.name.span, self.of.name)
        try:
            inner = settle(
                ctx, self.of, settings, Environment(module), site, Environment(module), fitted=False,
                only=self.of.free_parameters,
            )  # fmt: skip
            for name, form in self.expected:
                expected, found = number_at(form, values), inner_value(inner, name)
                if found != expected:
                    return f"the fit of `{self.of.name}` makes {name} {found}, not {expected}"
        except (Fault, AlreadyReported):
            return f"`{self.of.name}` cannot have {', '.join(f'{n} {values[n]}' for n in sorted(self.symbols))}"
        return None


def conditions_of(*built: tuple[Network, Decisions, Iterable[Kept]]) -> tuple[Condition, ...]:
    """What was decided on symbols while networks were built, without what holds for all values or follows."""
    quotients: dict[Any, None] = {}
    relations: dict[Relation, None] = {}
    extents: dict[Any, None] = {}
    kept: dict[Kept, None] = {}
    for network, decisions, kept_there in built:
        kept |= dict.fromkeys(kept_there)
        for dim in dimensions_of(network):
            quotients[_quotient(dim)] = None
            extents[dim] = None
            relations[Relation(">=", dim, 1)] = None
        for sign, left, right in decisions.found:
            if sign == "whole":
                quotients[_quotient(left)] = None
            elif sign == "<=" and right == EXTENT_MAX:
                extents[left] = None
            else:
                relations[Relation(sign, left, right)] = None
    # Of r/4 and r/32 the second says both; only multiples of one another are compared.
    shares: dict[Any, list[Any]] = {}
    for e in quotients:
        if not e.is_integer:
            share, rest = e.as_coeff_Mul()
            shares.setdefault(rest, []).append(share)
    whole = [Whole(share * rest) for rest, found in shares.items() for share in found if not implied(share, found)]
    told = [relation for relation in relations if not _follows(relation, shares)]
    return (*whole, *told, *kept, *([Bounded(tuple(extents))] if extents else ()))


def _quotient(expression: Any) -> Any:
    """What is whole where an expression is: without whole summands, and without a sign."""
    constant, rest = expression.as_coeff_Add()
    found = rest if constant.is_integer else expression
    return -found if found.could_extract_minus_sign() else found


def dimensions_of(network: Network) -> list[Any]:
    """The expressions of all dimensions and settings of a network."""
    found: dict[Any, None] = {}
    for node in network.nodes:
        settings = [value for _, value in node.operation.constants]
        for dim in (*[dim for shape in node.shapes for dim in shape], *settings):
            for part in dim if isinstance(dim, tuple) else (dim,):
                if isinstance(part, Symbolic):
                    found[part.expression] = None
    return list(found)


def _follows(relation: Relation, shares: Mapping[Any, list[Any]]) -> bool:
    """Whether a relation holds for all positive whole values of its symbols that make some quotients whole.

    `shares` has what is divided, and the factors with which it is whole: r and [1/4, 1/32].
    """
    import sympy  # type: ignore[import-untyped]

    sign = relation.operator
    difference = sympy.expand(sympy.sympify(relation.left) - sympy.sympify(relation.right))
    if sign in ("<", "<="):
        sign, difference = (">" if sign == "<" else ">="), -difference
    if {">": difference.is_positive, ">=": difference.is_nonnegative, "==": difference.is_zero}.get(sign) is True:
        return True
    if sign == "!=" and difference.is_nonzero is True:
        return True
    constant, rest = difference.as_coeff_Add()
    if sign == "==" or not rest.is_positive:
        return False
    # What is positive and whole is at least 1.
    share, divided = rest.as_coeff_Mul()
    known = shares.get(divided, [])
    least = 1 if rest.is_integer or share in known or implied(share, known) else 0
    return bool(constant + least > 0 if sign in (">", "!=") or not least else constant + least >= 0)


def implied(share: Any, others: list[Any]) -> bool:
    """Whether a share is a multiple of another: r/4 is whole where r/32 is."""
    return any(share != other and (share / other).is_Integer for other in others)
