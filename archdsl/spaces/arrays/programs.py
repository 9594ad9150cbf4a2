"""Programs on columns: the shapes and counts of one block for many widths at once.

`graph.tape` traces a block with symbols for its widths and notes what was decided on them. Here the terms of such a
trace become steps on whole columns: sums and products of polynomials (`polynomials.py`), and the roundings and whole
quotients that these are made of. A lane for which something is decided otherwise is told, and is another program's.

Everything is exact. Between which numbers each step lies follows from those of the symbols, so that it is known before
the columns are looked at what of the decisions holds for all of them, and by which numbers they may be worked out:

- doubles, where all are below `IN_DOUBLES`: whole numbers are exact there, and quotients round as exact ones do;
- 64 bits, where none is larger than these hold; else Python's numbers.

They are worked out part by part, so that what lies between stays in the processor's cache.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from math import ceil, floor
from typing import Any, TypeAlias

import numpy as np

from archdsl.graph.symbolic import COMPARISONS
from archdsl.graph.tape import Plan, Term
from archdsl.records import dataclass
from archdsl.spaces.arrays.lanes import WIDE, Array
from archdsl.spaces.arrays.polynomials import Polynomial, added, multiplied, number, variable, worked_out
from archdsl.spaces.arrays.roundings import IN_DOUBLES, nearest_of

PART = 1 << 13
"""Lanes of which all steps fit into a processor's cache."""
MEASURED = 3
"""The amounts of a plan that are asked for: flops, params and acts, and not the buffers behind them."""
_MOST = 48
"""Monomials of a product, beyond which its factors are worked out first."""

Between: TypeAlias = tuple[int, int]
"""The least and the largest that a number may be."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What a program says of lanes."""

    holds: Array | None
    """For which lanes (N); none if for all."""
    shapes: tuple[tuple[Any, ...], ...]
    """Whole numbers, or arrays of them (N)."""
    amounts: tuple[Any, ...]
    """Flops, params, acts, before the convention's divisors; behind them what the plan has beside its amounts."""
    largest: tuple[int, ...]
    """None of these is larger in a lane for which it holds."""


class Program:
    """A plan as steps on columns."""

    def __init__(self, plan: Plan) -> None:
        self._lengths = [len(shape) for shape in plan.shapes]
        steps = _Steps(plan.symbols)
        self._symbols = plan.symbols
        for term in plan.terms:
            steps.take(term, whole=any(sign == "whole" and left is term for sign, left, _ in plan.decisions))
        for sign, left, right in plan.decisions:
            if sign != "whole":
                steps.decide(sign, *steps.common(left, right))
        amounts = plan.amounts[:MEASURED] + plan.amounts[MEASURED + 1 :]
        wanted = [dim for shape in plan.shapes for dim in shape] + list(amounts)
        self._wanted = [steps.whole(each) for each in wanted]
        self._steps, self._decisions = steps.steps, steps.decisions

    def __call__(self, numbers: Sequence[Array | int], size: int) -> Counted:
        """Work it out for some lanes: the symbols are arrays (N), or numbers that all lanes share."""
        between = _between(self._steps, [_ends_of(each) for each in numbers])
        uncertain = [each for each in self._decisions if not _certain(each, between)]
        largest = max([max(-low, high) for low, high in between], default=0)
        arithmetic = _DOUBLES if largest < IN_DOUBLES else _INTEGERS
        given, part = list(numbers), PART
        if largest >= WIDE:
            given, part = [n if isinstance(n, int) else n.astype(object) for n in numbers], max(size, 1)
        results: list[Any] = [given[at] if at < len(given) else None for at in self._wanted]
        holds = np.ones(size, dtype=bool) if uncertain else None
        with np.errstate(all="ignore"):  # lanes for which it does not hold may divide by zero, and be anything
            for begin in range(0, size, part):
                own = slice(begin, begin + part)
                values = self._values([n if isinstance(n, int) else n[own] for n in given], between, arithmetic)
                for each in uncertain:
                    holds[own] &= self._decided(each, values, arithmetic)  # type: ignore[index]
                for place, at in enumerate(self._wanted):
                    if at >= len(given):
                        results[place] = _entered(results[place], own, values[at], size)
        shapes, at = [], 0
        for length in self._lengths:
            shapes.append(tuple(results[at : at + length]))
            at += length
        largest_of = [max(abs(end) for end in between[at]) for at in self._wanted]
        return Counted(holds, tuple(shapes), tuple(results[at:]), tuple(largest_of[at:]))

    def _values(self, numbers: list[Any], between: list[Between], arithmetic: _Arithmetic) -> list[Any]:
        """What each step gives, behind the symbols."""
        values = [n if isinstance(n, int) else arithmetic.taken(n) for n in numbers]
        for sign, left, right in self._steps:
            if sign == "constant":
                values.append(left)
            elif sign in _RING:
                values.append(_RING[sign](values[left], values[right]))
            else:
                divisor = values[right]
                if between[right][0] < 1:  # where it is less the program does not hold
                    divisor = np.maximum(divisor, 1)
                values.append(arithmetic.divided[sign](values[left], divisor))
        return values

    def _decided(self, decision: _Step, values: Sequence[Any], arithmetic: _Arithmetic) -> Any:
        """For which lanes something comes out as it did for the plan."""
        sign, left, right = decision
        if sign != "whole":
            return COMPARISONS[sign](values[left], values[right])
        _, num, den = self._steps[left - self._symbols]
        return arithmetic.is_whole(values[left], values[num], values[den])


_Step: TypeAlias = tuple[str, int, int]
"""A sign and two numbers of steps; of a constant, its value."""


class _Steps:
    """The steps of a plan: symbols have the first numbers, each step the next one."""

    def __init__(self, symbols: int) -> None:
        self.steps: list[_Step] = []
        self.decisions: list[_Step] = []
        """A sign and two numbers that must compare so; with `whole`, a quotient that must be one, twice."""
        self._symbols = symbols
        self._known: dict[_Step, int] = {}
        self._parts: dict[Term, tuple[Polynomial, Polynomial]] = {}
        """Numerator and denominator of a term."""

    def _step(self, sign: str, left: int, right: int) -> int:
        if sign in "+*" and left > right:
            left, right = right, left
        key = sign, left, right
        if key not in self._known:
            self.steps.append(key)
            self._known[key] = self._symbols + len(self.steps) - 1
        return self._known[key]

    def _constant(self, value: int) -> int:
        return self._step("constant", value, 0)

    def value(self, of: Polynomial) -> int:
        """The number of the step that gives a polynomial."""
        return worked_out(of, self._constant, self._step)

    def _part(self, operand: Any) -> tuple[Polynomial, Polynomial]:
        if isinstance(operand, Term):
            return self._parts[operand]
        value = Fraction(operand)
        return number(value.numerator), number(value.denominator)

    def _product(self, a: Polynomial, b: Polynomial) -> Polynomial:
        if len(a) * len(b) > _MOST:
            a, b = (variable(self.value(each)) if len(each) > 1 else each for each in (a, b))
        return multiplied(a, b)

    def common(self, left: Any, right: Any) -> tuple[int, int]:
        """The numerators of two operands over one denominator."""
        a, b, _ = self._common(left, right)
        return self.value(a), self.value(b)

    def _common(self, left: Any, right: Any) -> tuple[Polynomial, Polynomial, Polynomial]:
        (a, below), (b, under) = self._part(left), self._part(right)
        if below == under:
            return a, b, below
        return self._product(a, under), self._product(b, below), self._product(below, under)

    def decide(self, sign: str, left: int, right: int) -> None:
        """See that two numbers compare so."""
        if sign in ("==", "!=") and left > right:
            left, right = right, left
        if (sign, left, right) not in self.decisions:
            self.decisions.append((sign, left, right))

    def whole(self, operand: Any) -> int:
        """The number of what has to be whole."""
        return self.value(self._as_whole(*self._part(operand)))

    def _as_whole(self, num: Polynomial, den: Polynomial) -> Polynomial:
        """A quotient as a whole number, which it has to be."""
        if den == number(1):
            return num
        at = self._step("whole", self.value(num), self.value(den))
        self.decide("whole", at, at)
        return variable(at)

    def take(self, term: Term, *, whole: bool) -> None:
        """Take the next term; `whole` if it has to be."""
        found = self._taken(term)
        self._parts[term] = (self._as_whole(*found), number(1)) if whole else found

    def _taken(self, term: Term) -> tuple[Polynomial, Polynomial]:
        operation, operands = term.operation, term.operands
        if operation == "symbol":
            return variable(int(operands[0])), number(1)  # type: ignore[arg-type]
        num, den = self._part(operands[0])
        if operation in ("floor", "ceiling", "round"):
            if den == number(1):
                return num, den
            return variable(self._step(operation, self.value(num), self.value(den))), number(1)
        if operation == "**":
            found = number(1), number(1)
            for _ in range(int(operands[1])):  # type: ignore[arg-type]
                found = self._product(found[0], num), self._product(found[1], den)
            return found
        if operation in "+-":
            a, b, below = self._common(*operands)
            return added(a, b, 1 if operation == "+" else -1), below
        other, under = self._part(operands[1])
        if operation == "/":
            self.decide(">", self.value(other), self._constant(0))
            other, under = under, other
        return self._product(num, other), self._product(den, under)


# What is known before


def _ends_of(values: Array | int) -> Between:
    if isinstance(values, int):
        return values, values
    return (int(values.min()), int(values.max())) if values.size else (0, 0)


def _between(steps: Sequence[_Step], symbols: list[Between]) -> list[Between]:
    """Between which numbers each step lies, in lanes for which the program holds."""
    found = list(symbols)
    for sign, left, right in steps:
        if sign == "constant":
            found.append((left, left))
            continue
        (a, b), (c, d) = found[left], found[right]
        if sign == "+":
            found.append((a + c, b + d))
        elif sign == "-":
            found.append((a - d, b - c))
        elif sign == "*":
            ends = (a * c, a * d, b * c, b * d)
            found.append((min(ends), max(ends)))
        else:  # by what is not below 1
            least, most = max(c, 1), max(d, 1)
            low, high = Fraction(a, most if a >= 0 else least), Fraction(b, least if b >= 0 else most)
            found.append((ceil(low), floor(high)) if sign == "whole" else (floor(low), ceil(high)))
    return found


def _certain(decision: _Step, between: Sequence[Between]) -> bool:
    """Whether something holds whatever the symbols are."""
    sign, left, right = decision
    if sign == "whole":
        return False
    (a, b), (c, d) = between[left], between[right]
    if sign in ("<", "<="):
        return b < c or (sign == "<=" and (b == c or left == right))
    if sign in (">", ">="):
        return a > d or (sign == ">=" and (a == d or left == right))
    if sign == "==":
        return left == right or a == b == c == d
    return b < c or a > d


# How steps are taken

_RING: Mapping[str, Callable[[Any, Any], Any]] = {"+": operator.add, "-": operator.sub, "*": operator.mul}


@dataclass(frozen=True, slots=True)
class _Arithmetic:
    """How numbers are taken, divided, and seen to be divided without rest."""

    taken: Callable[[Array], Array]
    divided: Mapping[str, Callable[[Any, Any], Any]]
    is_whole: Callable[[Any, Any, Any], Any]
    """Of a quotient, what was divided, and by what."""


_DOUBLES = _Arithmetic(
    lambda values: values.astype(float),
    {
        "floor": lambda num, den: np.floor(num / den),
        "ceiling": lambda num, den: np.ceil(num / den),
        "round": lambda num, den: np.rint(num / den),
        "whole": lambda num, den: num / den,
    },
    lambda quotient, _num, _den: quotient == np.floor(quotient),
)
_INTEGERS = _Arithmetic(
    lambda values: values,
    {
        "floor": lambda num, den: num // den,
        "ceiling": lambda num, den: -(-num // den),
        "round": nearest_of,
        "whole": lambda num, den: num // den,
    },
    lambda quotient, num, den: quotient * den == num,
)


def _entered(into: Any, own: slice, value: Any, size: int) -> Any:
    """Enter what a part of the lanes has; a number that all lanes share is that."""
    if not isinstance(value, np.ndarray):
        return value if isinstance(value, int) else int(value) if np.isfinite(value) else 0
    if into is None:
        into = np.empty(size, object if value.dtype == object else np.int64)
    into[own] = value
    return into


__all__ = ["MEASURED", "Counted", "Program"]
