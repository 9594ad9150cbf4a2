"""Blocks with columns in them: by what lanes are taken apart, and the block of one lane.

Lanes differ in a block by its widths alone where all other numbers in it agree: kernels, ratios, extents of its inputs.
Widths are what `tracing.Pattern` takes for them: whole numbers from `LEAST_WIDTH` on among the block's own settings,
and the channels of its inputs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np

from archdsl.analysis.tracing import LEAST_WIDTH, is_width
from archdsl.analysis.values import Block, Value, parts_of
from archdsl.analysis.values import Sequence as Blocks
from archdsl.graph.shapes import Size
from archdsl.graph.tape import Plan, Term
from archdsl.spaces.arrays.assembled import Shapes, Unsuited
from archdsl.spaces.arrays.column import Column, Exact
from archdsl.spaces.arrays.lanes import WIDE, Array, Mask


def columns_of(block: Value) -> frozenset[str]:
    """The settings of a block in whose place columns stand."""
    if not isinstance(block, Block):
        return frozenset()
    return frozenset([name for name, setting in block.settings.items() if isinstance(setting.value, Exact)])


def codes_of(block: Value, shapes: Shapes, symbols: Collection[str] = frozenset()) -> list[Array]:
    """What lanes are taken apart by: for each column in a block and in the extents of its inputs a number for each of
    its values, and one for all that are widths. The inputs' channels take nothing apart.

    `symbols` names settings of which every whole number is a width, however small.
    """
    found = []
    if isinstance(block, Block):
        for name, setting in block.settings.items():
            if isinstance(setting.value, Column):
                if not (name in symbols and isinstance(setting.value, Exact) and setting.value.whole):
                    found.append(_code(setting.value, _EVERY if name in symbols else LEAST_WIDTH))
            else:
                found += [_code(column) for column in _within((setting.value,))]
    else:
        found += [_code(column) for column in _within(block)]
    return found + [_code(dim) for shape in shapes for dim in shape[1:] if isinstance(dim, Column)]


def depends_of(block: Block | Blocks, shapes: Shapes) -> int:
    """The dimensions of the space that a block and its inputs' shapes depend on."""
    found = 0
    for column in chain(_within(block), *[_within(shape) for shape in shapes]):
        found |= column.depends
    return found


def _within(value: Value) -> Iterator[Column | Mask]:
    for part in parts_of(value):
        if isinstance(part, Column | Mask):
            yield part
        else:
            yield from _within(part)


_EVERY, _NO = -WIDE, WIDE
"""From these on every whole number of a column is a width, and none."""


def _code(column: Column | Mask, least: int = _NO) -> Array:
    """A number for each value, and one for all widths: whole numbers from `least` on."""
    if isinstance(column, Mask):
        return column.lanes.each(column.truth).astype(np.int64)
    if not isinstance(column, Exact) or column.num.dtype == object or column.num.shape[1] > 1:
        raise Unsuited
    num = column.lanes.each(column.num)
    if column.whole:
        return num if least == _NO else np.minimum(num, least)
    den = np.full(num.shape, column.den) if isinstance(column.den, int) else column.lanes.each(column.den)
    common = np.gcd(num, den)
    num, den = num // common, den // common
    if least != _NO:
        width = (den == 1) & (num >= least)
        num = np.where(width, LEAST_WIDTH, num)
    return _numbered(num) * (int(den.max(initial=0)) + 1) + den


def _numbered(values: Array) -> Array:
    """Each value by a number: the same for equal ones."""
    return np.unique(values, return_inverse=True)[1].reshape(-1).astype(np.int64)


def grouped(rows: Array, codes: Sequence[Array]) -> Sequence[Array]:
    """Rows with the same codes (N each) together."""
    key, size = np.zeros(len(rows), np.int64), 1
    for code in codes:
        low, high = int(code.min(initial=0)), int(code.max(initial=0))
        if high - low >= WIDE // size:
            code, key = _numbered(code), _numbered(key)
            low, high, size = 0, len(rows), len(rows)
        key, size = key * (high - low + 1) + (code - low), size * (high - low + 1)
    if not (key != key[:1]).any():
        return [rows]
    order = np.argsort(key.astype(np.int16) if size < 1 << 15 else key, kind="stable")  # of 16 bits, by radix
    return np.split(rows[order], np.flatnonzero(np.diff(key[order])) + 1)


def settled_at(block: Any, shapes: Shapes, row: int, symbols: Collection[str] = frozenset()) -> tuple[Any, Shapes]:
    """A block and its inputs' shapes as in one lane, but for the columns that are widths there: `symbols` as for
    `codes_of`."""
    settled: Any = block
    if isinstance(block, Block):
        settings = {}
        for name, setting in block.settings.items():
            value = setting.value
            least = _EVERY if name in symbols else LEAST_WIDTH
            width = _width_at(value, row, least) if isinstance(value, Exact) else None
            settings[name] = replace(setting, value=_at(value, row) if width is None else width)
        settled = replace(block, settings=settings)
    else:
        settled = _at(block, row)
    return settled, tuple([(shape[0], *[_at(dim, row) for dim in shape[1:]]) for shape in shapes])


def _width_at(column: Exact, row: int, least: int) -> Exact | None:
    """A column as whole numbers, if it is a width in a lane."""
    value = column.at(row, 0)
    if not isinstance(value, int) or value < least:
        return None
    return column if column.whole else Exact(column.lanes, column.num // column.den, depends=column.depends)


def concrete_at(block: Any, shapes: Shapes, row: int) -> tuple[Any, Shapes]:
    """A block and its inputs' shapes as in one lane."""
    return _at(block, row), tuple([tuple([_at(dim, row) for dim in shape]) for shape in shapes])


def _at(value: Any, row: int) -> Any:
    """A value as in one lane."""
    if isinstance(value, Column):
        found = value.at(row, 0)
        if found is None:
            raise Unsuited
        return found
    if isinstance(value, Mask):
        return bool(value.lanes.each(value.truth)[row])
    if isinstance(value, Block):
        settings = {name: replace(s, value=_at(s.value, row)) for name, s in value.settings.items()}
        return replace(value, settings=settings)
    if isinstance(value, Blocks):
        return replace(value, steps=tuple([(name, _at(step, row)) for name, step in value.steps]))
    if isinstance(value, Size):
        return Size([_at(part, row) for part in value])
    if isinstance(value, tuple):
        return tuple([_at(part, row) for part in value])
    return value


def widths_of(block: Any, shapes: Shapes) -> list[Exact | int]:
    """What the symbols of a program are, in their order: see `tracing.Pattern`."""
    found: list[Exact | int] = []
    if isinstance(block, Block):
        for setting in block.settings.values():
            value = setting.value
            if isinstance(value, Exact) or (type(value) is int and value >= LEAST_WIDTH):
                found.append(value)
    return [*found, *[shape[0] for shape in shapes]]


def looked_at(block: Any, plan: Plan, symbols: Collection[str]) -> frozenset[str]:
    """The symbols of a block, named, that a plan holds for one number of: it compares them with that for themselves."""
    if not isinstance(block, Block):
        return frozenset()
    names = [name for name, setting in block.settings.items() if is_width(name, setting, symbols)]
    of: dict[Term, frozenset[int]] = {}
    for term in plan.terms:
        of[term] = frozenset(_symbols_in(term, of))
    found = set[int]()
    for sign, left, right in plan.decisions:
        both = frozenset([index for side in (left, right) if isinstance(side, Term) for index in of[side]])
        if sign == "==" and left is not right and len(both) == 1:
            found |= both
    return frozenset([name for index, name in enumerate(names) if index in found and name in symbols])


def _symbols_in(term: Term, of: Mapping[Term, frozenset[int]]) -> Iterator[int]:
    """The numbers of the symbols that a term is made of; `of` has those of its operands."""
    for operand in term.operands:
        if isinstance(operand, Term):
            yield from of[operand]
        elif term.operation == "symbol":
            yield int(operand)


__all__ = ["codes_of", "columns_of", "concrete_at", "depends_of", "grouped", "looked_at", "settled_at", "widths_of"]
