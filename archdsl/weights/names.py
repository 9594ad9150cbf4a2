"""What counts up in names."""

from __future__ import annotations

import re

NUMBER = re.compile("([0-9]+)")


def numberless(name: str) -> str:
    """A name with `#` for each of its numbers: those that differ in numbers alone have it in common."""
    return NUMBER.sub("#", name)


def natural(name: str) -> list[tuple[int, str]]:
    """`b2` before `b10`. A number goes by its digits, of which a stranger's name may have thousands."""
    parts = [part.lstrip("0") if place % 2 else part for place, part in enumerate(NUMBER.split(name))]
    return [*[(len(part) if place % 2 else -1, part) for place, part in enumerate(parts)], (-1, name)]
