"""What is made once and then shared by all threads."""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import wraps
from threading import RLock
from typing import Any, Generic, Self, TypeVar, overload

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


class cached_property(Generic[T]):
    """A property that is worked out when it is first asked for, and kept: functools' as it is from Python 3.12 on.

    Before, that holds one lock for all objects of a class while one of them is worked out: threads wait for each other,
    and two that hold other locks too wait for ever. Here two threads that ask first may both work it out, and both get
    what the first has kept.
    """

    def __init__(self, make: Callable[[Any], T]) -> None:
        self.make = make
        self.__doc__ = make.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...

    @overload
    def __get__(self, instance: object, owner: type) -> T: ...

    def __get__(self, instance: object, owner: type) -> Self | T:
        if instance is None:
            return self
        found = self.make(instance)
        kept: T = vars(instance).setdefault(self.name, found)  # which is looked at before this from now on
        return kept


_parsing = RLock()


def parse_python(text: str | bytes) -> ast.Module:
    """The syntax tree of a Python text, one at a time: CPython counts the depth of all threads' trees as one. Raises
    as `ast.parse`."""
    with _parsing:
        return ast.parse(text)
