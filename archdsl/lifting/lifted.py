"""What a program was lifted to: a network of ours, and where each operation of it comes from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from archdsl.graph.network import Network
from archdsl.records import dataclass

Modules: TypeAlias = "tuple[tuple[str, str], ...]"
"""The modules that something stands in, from the outermost: path and the name of the class."""


def common_modules(stacks: Iterable[Modules]) -> Modules:
    """The modules that all of several stand in; of nothing, none."""
    found = []
    for places in zip(*stacks, strict=False):
        if len(set(places)) > 1:
            break
        found.append(places[0])
    return tuple(found)


@dataclass(frozen=True)
class Origin:
    """Where an operation comes from."""

    modules: Modules
    tensors: Mapping[str, Any]
    """What it holds, by our names: tensors of PyTorch in our shapes."""
    sources: tuple[str, ...]
    """The names of the program's tensors that these are."""


@dataclass(frozen=True)
class Gap:
    """What could not be lifted."""

    operation: str
    """As the program calls it."""
    path: str
    """The module that it stands in."""
    reason: str


@dataclass(frozen=True)
class Lifted:
    """A program as a network of ours."""

    network: Network
    origins: tuple[Origin, ...]
    """One for each operation of the network."""
    gaps: tuple[Gap, ...] = ()
    unused: tuple[str, ...] = ()
    """Tensors of the program that no operation holds."""
    notes: tuple[str, ...] = ()
    """What is taken for granted, and what a program does not show."""


class Unliftable(Exception):
    """An operation that the language does not have, or a use of one that it cannot say."""
