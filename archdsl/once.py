"""What is made once and then shared by all threads."""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import wraps
from threading import RLock
from typing import Any, TypeVar

T = TypeVar("T")


def once(make: Callable[[], T]) -> Callable[[], T]:
    """A function without arguments that is called once, whatever the number of threads that ask.

    `functools.cache` lets two threads that ask first both call it, and gives them two results.
    """
    lock = RLock()
    found: list[Any] = []

    @wraps(make)
    def shared() -> T:
        if not found:
            with lock:
                if not found:
                    found.append(make())
        result: T = found[0]
        return result

    return shared


_parsing = RLock()


def parse_python(text: str | bytes) -> ast.Module:
    """The syntax tree of a Python text, one at a time: CPython counts the depth of all threads' trees as one. Raises
    as `ast.parse`."""
    with _parsing:
        return ast.parse(text)
