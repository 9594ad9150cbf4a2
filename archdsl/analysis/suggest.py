"""Did you mean …: the nearest known name to one that is not known."""

from __future__ import annotations

from collections.abc import Iterable

LONGEST = 64
"""Letters of a name for which another is looked for."""
MOST_KNOWN = 500
"""Names among which one is looked for."""


def distance(a: str, b: str, most: int) -> int:
    """Edits (insert, delete, replace, transpose neighbours) between two names; `most + 1` if more than `most`."""
    if abs(len(a) - len(b)) > most:
        return most + 1
    before: list[int] = []
    previous = list(range(len(b) + 1))
    for i, ca in enumerate(a, 1):
        current = [i]
        for j, cb in enumerate(b, 1):
            best = min(previous[j] + 1, current[-1] + 1, previous[j - 1] + (ca != cb))
            if i > 1 and j > 1 and ca == b[j - 2] and a[i - 2] == cb:
                best = min(best, before[j - 2] + 1)
            current.append(best)
        if min(current) > most:
            return most + 1
        before, previous = previous, current
    return previous[-1]


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name closest to `name`, if one is close: one edit in three letters, three at most.

    Of equally close names the one with the longest common beginning is taken, then the first in order. Where
    none is close, the only one that goes on where `name` ends: `dropout_rate` for `dropout`.
    """
    known = set(known)
    candidates = {candidate for candidate in known if abs(len(candidate) - len(name)) <= 3}
    if len(name) > LONGEST or len(candidates) > MOST_KNOWN:
        return None
    most = min(3, max(1, len(name) // 3))
    best: tuple[int, int, str] | None = None
    for candidate in sorted(candidates):
        edits = distance(name.lower(), candidate.lower(), most)
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
