"""How parameters start: distributions whose extent is a formula of an operation's fans."""

from __future__ import annotations

from fractions import Fraction
from typing import TypeAlias

from archdsl.records import dataclass

Formula: TypeAlias = "float | Fraction | str | tuple[str, tuple[Formula, ...]]"
"""A number, one of `NAMES`, or an operator of `OPERATORS` with what it is applied to."""
NAMES = ("fan_in", "fan_out", "groups")
"""Of a convolution: (C_in / groups) k k, C_out k k, and the groups; of a linear layer: features in and out, and 1."""
OPERATORS = ("+", "-", "*", "/", "^", "sqrt", "log", "min", "max")


@dataclass(frozen=True, slots=True)
class Initializer:
    """A distribution: `normal` and `truncated_normal` (at two standard deviations) with a standard deviation around 0,
    `uniform` from minus the bound to the bound, or a `constant`."""

    kind: str
    scale: Formula


def mentions(formula: Formula, name: str) -> bool:
    """Whether a name stands in a formula."""
    if isinstance(formula, tuple):
        return any(mentions(part, name) for part in formula[1])
    return formula == name


__all__ = ["NAMES", "OPERATORS", "Formula", "Initializer", "mentions"]
