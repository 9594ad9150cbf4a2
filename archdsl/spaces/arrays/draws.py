"""Settings drawn by the laws of a space: value i of a dimension depends on the seed, the name and i alone.

Every dimension has a generator of its own, Philox (Salmon et al. 2011), whose key is the seed and a digest of the
draw's name and the item's number, and whose counter is i: the same on one process or many, in any order, from any i on;
a space that refines another draws by the same numbers what it has left alone.

A number is uniform on 0 .. 2^53 - 1, and chooses among the values by whole numbers: where the shares of the values end,
rounded down. So a share is off by less than 2^-53, the same on every machine.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from archdsl.spaces.arrays.engine import DrawFault, Settings
from archdsl.spaces.drawn import BITS, MAX_EQUAL, MAX_SEED, MAX_TABLE, ends_of
from archdsl.spaces.laws import Law
from archdsl.spaces.space import Space

_ONE_BY_ONE = 4
"""Edges that are looked at one by one."""
_WORDS = 4
"""Numbers that Philox gives for one state of its counter."""
_LOW = 27
_PART = 1 << 14

Edges = npt.NDArray[np.int64]


def draw(space: Space, seed: int, start: int, count: int, *, equal: bool = False) -> Settings:
    """The settings number `start`, `start + 1`, … of a seed, as rows.

    With `equal` all settings of the space are alike, whatever its laws are. Raises `DrawFault`.
    """
    found = np.empty((space.dimensions, count), np.int64)  # a dimension's numbers side by side, as all is worked out
    for own, (name, item, law) in zip(found, dimensions_of(space), strict=True):
        of, generator = Law(law.domain) if equal else law, _generator(seed, name, item, start)
        for first in range(0, count, _PART):  # part by part, within a processor's cache
            part = own[first : first + _PART]
            part[:] = chosen(of, _next(generator, len(part)), name)
    return found.T


def dimensions_of(space: Space) -> list[tuple[str, int, Law]]:
    """The draw's name, the item's number and the law of each dimension."""
    return [(each.name, item, each.law) for each in space.draws for item in range(each.dimensions)]


def uniform(seed: int, name: str, item: int, start: int, count: int) -> npt.NDArray[np.int64]:
    """The numbers `start`, `start + 1`, … of a dimension, uniform on 0 .. 2^53 - 1."""
    return _next(_generator(seed, name, item, start), count)


def _generator(seed: int, name: str, item: int, start: int) -> np.random.Philox:
    """What gives the numbers of a dimension from number `start` on."""
    if not 0 <= seed <= MAX_SEED:
        raise DrawFault(f"a seed is a whole number of 0 to {MAX_SEED}, not {seed}")
    digest = hashlib.blake2b(f"{name}\n{item}".encode(), digest_size=8).digest()
    first, before = divmod(start, _WORDS)
    key = np.array([seed, int.from_bytes(digest, "little")], np.uint64)
    generator = np.random.Philox(counter=first, key=key)
    generator.random_raw(before)
    return generator


def _next(generator: np.random.Philox, count: int) -> npt.NDArray[np.int64]:
    """The next numbers of a generator, uniform on 0 .. 2^53 - 1."""
    raw = generator.random_raw(count)
    raw >>= np.uint64(64 - BITS)
    return raw.view(np.int64)


def chosen(law: Law, numbers: npt.NDArray[np.int64], name: str) -> npt.NDArray[np.int64]:
    """The numbers of the values that uniform numbers choose."""
    size = law.domain.size
    if law.probability == "equal":
        if size > MAX_EQUAL:
            raise DrawFault(f"`{name}` has {size:,} values, and at most {MAX_EQUAL:,} can be drawn from")
        # numbers * size >> 53, by halves that do not overflow.
        high, low = numbers >> _LOW, numbers & ((1 << _LOW) - 1)
        return (high * size + (low * size >> _LOW)) >> (BITS - _LOW)
    if size > MAX_TABLE:
        raise DrawFault(f"`{name}` has {size:,} values that differ in their shares, and at most {MAX_TABLE:,} may")
    return _places(edges_of(law), numbers)


def _places(edges: Edges, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """How many of the edges are not above each number: by the first bits of a number nearly, then one by one."""
    bits, first, most = _guide(edges.tobytes())
    if most > _ONE_BY_ONE:
        return np.searchsorted(edges, numbers, side="right").astype(np.int64)
    found: npt.NDArray[np.int64] = first[numbers >> (BITS - bits)]
    for _ in range(most):
        found = found + (edges[found] <= numbers)  # the last edge is above all numbers
    return found


@lru_cache(maxsize=64)
def _guide(edges: bytes) -> tuple[int, npt.NDArray[np.int64], int]:
    """How many first bits of a number are looked at, how many edges are not above the least number that begins so, and
    how many more there are at most for others (an indexed search, Chen and Asau 1974)."""
    own = np.frombuffer(edges, np.int64)
    bits = min(len(own).bit_length() + 4, 18)
    begins = np.arange((1 << bits) + 1, dtype=np.int64) << (BITS - bits)
    first = np.searchsorted(own, begins, side="right")
    first[-1] = len(own) - 1
    return bits, first[:-1].astype(np.int64), int(np.diff(first).max())


def edges_of(law: Law) -> Edges:
    """Where the share of each value ends among the numbers 0 .. 2^53 - 1: see `drawn.ends_of`."""
    return _array(ends_of(law))


@lru_cache(maxsize=64)
def _array(ends: tuple[int, ...]) -> Edges:
    found = np.array(ends, np.int64)
    found.flags.writeable = False
    return found


__all__ = ["BITS", "MAX_SEED", "DrawFault", "chosen", "dimensions_of", "draw", "edges_of", "uniform"]
