"""Polynomials with whole coefficients, and how to work them out in few steps.

What a block costs is a sum of products of its widths. Written out in the order in which operations are counted it has
twice the steps that it needs, and a step is one pass over all lanes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import reduce
from typing import TypeAlias

Monomial: TypeAlias = tuple[int, ...]
"""Numbers of variables, in order: one that stands there twice is squared. None of them: 1."""
Polynomial: TypeAlias = dict[Monomial, int]
"""The coefficient of each monomial, none of them 0."""
Step: TypeAlias = Callable[[str, int, int], int]
"""Of a sign and two variables a new one."""


def number(value: int) -> Polynomial:
    """A number."""
    return {(): value} if value else {}


def variable(index: int) -> Polynomial:
    """A variable."""
    return {(index,): 1}


def added(a: Polynomial, b: Polynomial, times: int = 1) -> Polynomial:
    """a + times · b."""
    found = dict(a)
    for monomial, coefficient in b.items():
        found[monomial] = found.get(monomial, 0) + times * coefficient
    return {monomial: coefficient for monomial, coefficient in found.items() if coefficient}


def multiplied(a: Polynomial, b: Polynomial) -> Polynomial:
    """a · b."""
    found: Polynomial = {}
    for left, one in a.items():
        for right, other in b.items():
            monomial = tuple(sorted(left + right))
            found[monomial] = found.get(monomial, 0) + one * other
    return {monomial: coefficient for monomial, coefficient in found.items() if coefficient}


def worked_out(of: Polynomial, constant: Callable[[int], int], step: Step) -> int:
    """The variable that has the value of a polynomial: `constant` gives that of a number, `step` that of a sum,
    difference or product. What most products have in common is taken out of them, as Horner does it."""
    frequent = Counter([index for monomial in of for index in set(monomial)]).most_common(1)
    if len(of) < 2 or not frequent or frequent[0][1] < 2:
        return _sum([(coefficient, monomial) for monomial, coefficient in of.items()], constant, step)
    common = frequent[0][0]
    inside: Polynomial = {}
    beside: Polynomial = {}
    for monomial, coefficient in of.items():
        if common in monomial:
            at = monomial.index(common)
            inside[monomial[:at] + monomial[at + 1 :]] = coefficient
        else:
            beside[monomial] = coefficient
    product = step("*", common, worked_out(inside, constant, step))
    return step("+", product, worked_out(beside, constant, step)) if beside else product


def _sum(of: list[tuple[int, Monomial]], constant: Callable[[int], int], step: Step) -> int:
    found: int | None = None
    for coefficient, monomial in sorted(of, key=lambda each: each[0] < 0):  # it does not begin with what is taken off
        size = abs(coefficient) if found is not None else coefficient
        factors = [*monomial] if monomial and size == 1 else [constant(size), *monomial]
        product = reduce(lambda left, right: step("*", left, right), factors)
        found = product if found is None else step("+" if coefficient > 0 else "-", found, product)
    return constant(0) if found is None else found


__all__ = ["Polynomial", "added", "multiplied", "number", "variable", "worked_out"]
