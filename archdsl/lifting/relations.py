"""Numbers of several instances of a block as one expression: a literal, a setting, or a rule that gives just them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, TypeAlias

Column: TypeAlias = "tuple[Any, ...]"
"""What the instances have, in their order; none where an instance has no such place."""
EXTENTS = {"width", "gate_width", "groups", "to", "heads", "hidden"}
"""Settings that are numbers of channels, or go with them."""


def agrees(column: Column, other: Column) -> bool:
    """Whether another column has the same value wherever this one has any."""
    return all(a is None or a == b for a, b in zip(column, other, strict=True))


def constant(column: Column) -> Any:
    """The one value of a column; none where there are several."""
    found = {value for value in column if value is not None}
    return next(iter(found)) if len(found) == 1 else None


def expression(column: Column, known: Mapping[str, Column]) -> str | None:
    """An expression of known columns that gives exactly this one."""
    for name, other in known.items():
        if agrees(column, other):
            return name
    for name, other in known.items():
        found = _multiple(column, name, other)
        if found is not None:
            return found
    return next(_products(column, known), None)


def _numbers(column: Column, other: Column) -> Iterator[tuple[int, int]]:
    for a, b in zip(column, other, strict=True):
        if a is not None:
            yield a, b


def _multiple(column: Column, name: str, other: Column) -> str | None:
    """`6 * width`, `width / 4`, `3/2 * width`, `x.channels // 6`."""
    pairs = list(_numbers(column, other))
    if not pairs or any(not _whole(a) or not _whole(b) or b == 0 or a == 0 for a, b in pairs):
        return None
    ratios = {Fraction(a, b) for a, b in pairs}
    if len(ratios) == 1:
        (ratio,) = ratios
        if ratio.denominator == 1 and ratio <= 64:
            return f"{ratio.numerator} * {name}"
        if ratio.numerator == 1 and ratio.denominator <= 64:
            return f"{name} / {ratio.denominator}"
        if ratio.denominator <= 16 and ratio.numerator <= 16:
            return f"{name} * {ratio.numerator}/{ratio.denominator}"
    if len({b for _, b in pairs}) == 1:
        return None  # one number says nothing of how it is rounded
    for divisor in range(2, 33):
        if all(b // divisor == a for a, b in pairs):
            return f"{name} // {divisor}"
    return None


def _products(column: Column, known: Mapping[str, Column]) -> Iterator[str]:
    """`inner / group_width`, `x.channels * expand`."""
    for (one, a), (two, b) in itertools.permutations(known.items(), 2):
        rows = [(v, p, q) for v, p, q in zip(column, a, b, strict=True) if v is not None]
        if any(
            not _whole(v) or not _whole(p) or not isinstance(q, int | Fraction) or isinstance(q, bool) or not q
            for v, p, q in rows
        ):
            continue
        if (one, two) == tuple(sorted((one, two), key=lambda n: (n == "expand", n))) and all(
            v == p * q for v, p, q in rows
        ):
            yield f"{one} * {two}"
        if all(p == v * q for v, p, q in rows):
            yield f"{one} / {two}"


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def ratio_to(column: Column, known: Mapping[str, Column], names: Sequence[str]) -> tuple[str, Column] | None:
    """A known column that this one is a multiple or a part of, by fewer different numbers than it has itself: what has
    the ratios is the setting then."""
    own = {value for value in column if value is not None}
    for name in names:
        other = known.get(name)
        if other is None:
            continue
        rows = [(v, b) for v, b in zip(column, other, strict=True)]
        if any(v is not None and (not _whole(v) or not _whole(b) or not b or not v) for v, b in rows):
            continue
        ratios = tuple([None if v is None else Fraction(v, b) for v, b in rows])
        told = {r for r in ratios if r is not None}
        simple = all(r.denominator == 1 or r.numerator == 1 for r in told)
        if len(told) < len(own) and simple and max(max(r.denominator, r.numerator) for r in told) <= 64:
            return name, ratios
    return None


__all__ = ["EXTENTS", "Column", "agrees", "constant", "expression", "ratio_to"]
