"""Did you mean …: the nearest known name to one that is not known.

The work of one call is bounded, and what was found is kept, so that a fault that many models share is looked up once.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

MAX_LETTERS = 64
"""Letters of a name for which another is looked for."""
MAX_KNOWN = 500
"""Names among which one is looked for."""
MAX_CELLS = 50_000
"""Pairs of letters that are compared for one name; more are looked at only among hundreds of names that are alike."""


def distance(a: str, b: str, most: int) -> int:
    """Edits (insert, delete, replace, transpose neighbours) between two names; `most + 1` if more than `most`.

    Letters further apart than `most` are not compared: at most `cells(a, most)` pairs are.
    """
    if abs(len(a) - len(b)) > most:
        return most + 1
    far = most + 1
    before: list[int] = []
    previous = [j if j <= most else far for j in range(len(b) + 1)]
    for i, ca in enumerate(a, 1):
        first, last = max(1, i - most), min(len(b), i + most)
        current = [far] * (len(b) + 1)
        if i <= most:
            current[0] = i
        for j in range(first, last + 1):
            cb = b[j - 1]
            best = min(previous[j] + 1, current[j - 1] + 1, previous[j - 1] + (ca != cb))
            if i > 1 and j > 1 and ca == b[j - 2] and a[i - 2] == cb:
                best = min(best, before[j - 2] + 1)
            current[j] = best
        if min(current) > most:
            return far
        before, previous = previous, current
    return min(previous[-1], far)


def cells(name: str, most: int) -> int:
    """The pairs of letters that `distance` compares, at most."""
    return len(name) * (2 * most + 1)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name closest to `name`, if one is close: one edit in three letters, three at most.

    Of equally close names the one with the longest common beginning is taken, then the first in order. Where
    none is close, the only one that goes on where `name` ends: `dropout_rate` for `dropout`. None is told where
    finding it would take more than `MAX_CELLS`.
    """
    return _nearest(name, frozenset(known))


def did_you_mean(name: str, known: Iterable[str], otherwise: str | None = None) -> str:
    """`did you mean 'fvcore'?`; where none is near, `otherwise`, or else `there are` all that are known."""
    names = list(known)
    guess = nearest(name, names)
    if guess is not None:
        return f"did you mean '{guess}'?"
    return f"there are {', '.join(names)}" if otherwise is None else otherwise


@lru_cache(maxsize=256)
def _nearest(name: str, known: frozenset[str]) -> str | None:
    candidates = {candidate for candidate in known if abs(len(candidate) - len(name)) <= 3}
    if len(name) > MAX_LETTERS or len(candidates) > MAX_KNOWN:
        return None
    most = min(3, max(1, len(name) // 3))
    pieces = _pieces(name.lower(), 2 * most + 1)
    left = MAX_CELLS
    best: tuple[int, int, str] | None = None
    for candidate in sorted(candidates):
        letters = candidate.lower()
        if not any(piece in letters for piece in pieces):
            continue
        left -= cells(name, most)
        if left < 0:
            return None
        edits = distance(name.lower(), letters, most)
        if edits > most or edits >= len(candidate):
            continue
        common = next((i for i, (x, y) in enumerate(zip(name, candidate, strict=False)) if x != y), len(name))
        rank = (edits, -common, candidate)
        if best is None or rank < best:
            best = rank
    if best is None:
        longer = [candidate for candidate in known if candidate.startswith(f"{name}_")]
        return longer[0] if len(longer) == 1 else None
    return best[2]


def _pieces(name: str, number: int) -> list[str]:
    """The name cut into a number of pieces, one empty piece where it is too short.

    An edit changes one piece, or two where it exchanges neighbours: of 2 n + 1 pieces one outlives n edits.
    """
    if len(name) < number:
        return [""]
    return [name[len(name) * i // number : len(name) * (i + 1) // number] for i in range(number)]
