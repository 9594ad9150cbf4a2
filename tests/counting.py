"""Work in calls of functions, Python's and C's: unlike seconds they are the same on a busy machine."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class Calls:
    """How many there were."""

    number: int = 0


@contextmanager
def counted_calls() -> Iterator[Calls]:
    """Counts the calls within it."""
    found = Calls()

    def seen(_frame: object, event: str, _argument: object) -> None:
        if event == "call" or event == "c_call":
            found.number += 1

    sys.setprofile(seen)
    try:
        yield found
    finally:
        sys.setprofile(None)
