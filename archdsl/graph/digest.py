"""The texts that the hash of a network is a digest of: operations with their settings, and how they are put together.

Settings may hold numbers that are worked out elsewhere (`tape.py`): then they are filled in before they are written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from functools import partial
from typing import Any, TypeAlias

from archdsl.graph.initializers import Initializer
from archdsl.graph.operations.base import Operation
from archdsl.graph.shapes import Range, show
from archdsl.graph.symbolic import Symbolic

Numbers: TypeAlias = Callable[[Symbolic], Any]
"""What symbolic numbers are."""
Template: TypeAlias = "tuple[str | Callable[[Numbers], str], ...]"


def digest_of(text: str) -> str:
    """The digest of a text of any characters, halves of characters too, in hexadecimal (sha256)."""
    import hashlib  # it loads a library of its own, which a count does not need

    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def joined(parts: Iterable[str]) -> str:
    """Strings, each with its length, so that no two lists run together."""
    return "".join([f"{len(part)}:{part}" for part in parts])


def written(operation: Operation) -> str:
    """An operation's name and settings."""
    return joined(
        [operation.name, *[text for name, value in operation.constants if (text := _setting(operation, name, value))]]
    )


def written_later(operation: Operation) -> Template:
    """An operation's name and settings for symbolic numbers that are told later: texts, and what makes one of them."""
    found: list[str | Callable[[Numbers], str]] = [joined([operation.name])]
    for name, value in operation.constants:
        if any(True for _ in symbolic_in(value)):
            found.append(partial(_told, operation, name, value))
        else:
            found.append(joined([text] if (text := _setting(operation, name, value)) else []))
    return tuple(found)


def _told(operation: Operation, name: str, value: Any, number: Numbers) -> str:
    return joined([text] if (text := _setting(operation, name, filled(value, number))) else [])


def _setting(operation: Operation, name: str, value: Any) -> str:
    """A setting as text; empty where it is no part of the hash."""
    later = operation.later
    return f"{name}={canonical(value)}" if name not in later or value != later[name] else ""


def canonical(value: Any) -> str:
    """A setting's value as text, the same for all ways of writing it."""
    if type(value) is int:  # most are
        return f"{value:x}"
    if isinstance(value, Symbolic):
        value = value.value
    if isinstance(value, tuple):
        return f"[{','.join([canonical(part) for part in value])}]"
    if isinstance(value, Range):
        return f"{canonical(value.lo)}..{canonical(value.hi)}"
    if isinstance(value, Initializer):
        return f"{value.kind}({canonical(value.scale)})"
    if isinstance(value, (bool, str)) or value is None:
        return repr(value)
    if isinstance(value, (int, Fraction)):
        return f"{value:x}" if isinstance(value, int) else f"{value.numerator:x}/{value.denominator:x}"
    return show(value)


def filled(value: Any, number: Numbers) -> Any:
    """A setting's value with numbers in the place of symbolic ones."""
    if isinstance(value, Symbolic):
        return number(value)
    if isinstance(value, tuple):
        return tuple([filled(part, number) for part in value])
    if isinstance(value, Range):
        return replace(value, lo=filled(value.lo, number), hi=filled(value.hi, number))
    if isinstance(value, Initializer):
        return replace(value, scale=filled(value.scale, number))
    return value


def symbolic_in(value: Any) -> Iterator[Symbolic]:
    """The symbolic numbers in a setting's value."""
    if isinstance(value, Symbolic):
        yield value
    elif isinstance(value, tuple):
        for part in value:
            yield from symbolic_in(part)
    elif isinstance(value, Range):
        yield from symbolic_in((value.lo, value.hi))
    elif isinstance(value, Initializer):
        yield from symbolic_in(value.scale)


__all__ = ["canonical", "digest_of", "joined", "symbolic_in", "written", "written_later"]
