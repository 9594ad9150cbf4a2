"""Settings drawn one by one, without arrays: those of `spaces/arrays/draws.py`, number for number.

Where NumPy cannot be had, in a browser, a member is drawn by this. The generator is Philox4x64 with ten rounds (Salmon
et al. 2011, table 2 and section 3.3); its key is the seed and a digest of the draw's name and the item's number.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterator
from decimal import ROUND_FLOOR, Context, Decimal
from fractions import Fraction
from functools import lru_cache

from archdsl.spaces.laws import Grid, Law
from archdsl.spaces.space import Space

BITS = 53
MAX_EQUAL = 2**36
"""Values of a domain that are equally probable: more, and 53 bits would not tell their shares."""
MAX_TABLE = 2**20
"""Values of a domain whose shares stand in a table."""
MAX_SEED = 2**63 - 1
"""What a column of a population holds."""
_WORDS = 4
"""Numbers that Philox gives for one state of its counter."""
_MASK = 2**64 - 1
_MULTIPLIERS = 0xD2E7470EE14C6C93, 0xCA5A826395121157
_WEYL = 0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B
_ROUNDS = 10
_EXACT = Context(prec=50)
"""Logarithms are rounded correctly, so that they are the same on every machine."""


class DrawFault(Exception):
    """Why nothing can be drawn, in one sentence."""


def settings(space: Space, seed: int, start: int, count: int) -> Iterator[tuple[int, ...]]:
    """The settings number `start`, `start + 1`, … of a seed. Raises `DrawFault`."""
    if not 0 <= seed <= MAX_SEED:
        raise DrawFault(f"a seed is a whole number of 0 to {MAX_SEED}, not {seed}")
    laws = [(each.name, item, each.law) for each in space.draws for item in range(each.dimensions)]
    for number in range(start, start + count):
        yield tuple([chosen(law, uniform(seed, name, item, number), name) for name, item, law in laws])


def uniform(seed: int, name: str, item: int, number: int) -> int:
    """One number of a dimension, uniform on 0 .. 2^53 - 1."""
    digest = hashlib.blake2b(f"{name}\n{item}".encode(), digest_size=8).digest()
    state, word = divmod(number, _WORDS)
    return philox(state + 1, (seed, int.from_bytes(digest, "little")))[word] >> (64 - BITS)


def philox(counter: int, key: tuple[int, int]) -> tuple[int, int, int, int]:
    """Philox4x64-10: four words of 64 bits for a counter of 256 and a key of two words."""
    a, b, c, d = [counter >> shift & _MASK for shift in (0, 64, 128, 192)]
    first, second = key
    for _ in range(_ROUNDS):
        left, right = _MULTIPLIERS[0] * a, _MULTIPLIERS[1] * c
        a, b, c, d = (right >> 64) ^ b ^ first, right & _MASK, (left >> 64) ^ d ^ second, left & _MASK
        first, second = first + _WEYL[0] & _MASK, second + _WEYL[1] & _MASK
    return a, b, c, d


def chosen(law: Law, number: int, name: str) -> int:
    """The number of the value that a uniform number chooses. Raises `DrawFault`."""
    size = law.domain.size
    if law.probability == "equal":
        if size > MAX_EQUAL:
            raise DrawFault(f"`{name}` has {size:,} values, and at most {MAX_EQUAL:,} can be drawn from")
        return number * size >> BITS
    if size > MAX_TABLE:
        raise DrawFault(f"`{name}` has {size:,} values that differ in their shares, and at most {MAX_TABLE:,} may")
    return bisect_right(ends_of(law), number)


def ends_of(law: Law) -> tuple[int, ...]:
    """Where the share of each value ends among the numbers 0 .. 2^53 - 1."""
    if law.probability == "weights":
        return _weighted(law.weights)
    grid = law.domain
    if law.probability == "log" and isinstance(grid, Grid):
        return _logarithmic(grid)
    return tuple([(index + 1) * 2**BITS // grid.size for index in range(grid.size)])


@lru_cache(maxsize=64)
def _weighted(weights: tuple[Fraction, ...]) -> tuple[int, ...]:
    sums, ends = Fraction(0), []
    for weight in weights:
        sums += weight
        ends.append(int(sums * 2**BITS))
    return tuple(ends)


@lru_cache(maxsize=64)
def _logarithmic(grid: Grid) -> tuple[int, ...]:
    """By the rule of `Law`: of a logarithm that is uniform, the next value of the grid that is not below."""
    lowest = _log(grid.first - Fraction(grid.step) / 2)
    ends = [_log(Fraction(grid.first + index * grid.step)) for index in range(grid.size)]
    width = _EXACT.subtract(ends[-1], lowest)
    scaled = [_EXACT.multiply(_EXACT.divide(_EXACT.subtract(end, lowest), width), 2**BITS) for end in ends[:-1]]
    return (*[int(each.to_integral_value(ROUND_FLOOR)) for each in scaled], 2**BITS)


def _log(number: Fraction | int) -> Decimal:
    ratio = _EXACT.divide(Decimal(number.numerator), Decimal(number.denominator))
    return _EXACT.ln(ratio)


__all__ = [
    "BITS",
    "MAX_EQUAL",
    "MAX_SEED",
    "MAX_TABLE",
    "DrawFault",
    "chosen",
    "ends_of",
    "philox",
    "settings",
    "uniform",
]
