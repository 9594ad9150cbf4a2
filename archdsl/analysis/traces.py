"""Blocks that were traced, kept from one network to the next."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from archdsl.graph.operations import Operation
from archdsl.graph.subgraph import Subgraph
from archdsl.graph.tape import Program
from archdsl.records import dataclass

MAX_VALUES = 4_000
"""Results of functions that are kept."""
MAX_KEPT = 30_000
"""Operations that are kept, some 1.5 kB each; beyond them all are forgotten."""


@dataclass(frozen=True, slots=True)
class Traced:
    """A block on inputs of some shapes."""

    subgraph: Subgraph
    steps: int
    """The evaluation steps that it takes."""
    lists: bool
    """Whether it gives a list of tensors, also where that is a list of one."""


@dataclass(frozen=True, slots=True)
class Called:
    """What a function gave for some arguments."""

    value: Any
    steps: int
    """The evaluation steps that it takes."""
    of: object
    """What its key names the function by: nobody else's as long as it is kept."""


@dataclass(slots=True)
class Family:
    """A block with settings and inputs that may differ in their widths: what was traced of it, by these."""

    of: tuple[Any, ...]
    """The definitions that its key names by their identities, which are nobody else's as long as they are kept."""
    traced: dict[tuple[int, ...], Traced] = field(default_factory=dict)
    programs: list[tuple[Program, Traced]] = field(default_factory=list)
    """Programs for any widths, with what each was made of."""


class Traces:
    """Blocks that were traced, by their settings and the shapes of their inputs.

    Several threads may use one: two that miss the same block both trace it, to the same end. When too many operations
    are kept, all are forgotten.
    """

    def __init__(self) -> None:
        self._families: dict[Any, Family] = {}
        self.size = 0
        """Operations and families that are kept."""
        self.bound: dict[Any, Operation] = {}
        """Operations with their settings, by both: the same are made once."""
        self.values: dict[Any, Called] = {}
        """What functions gave for plain values."""

    def family(self, key: Any, of: list[Any]) -> Family:
        """The family of a key, which names some definitions."""
        found = self._families.get(key)
        if found is None:
            self._grow(1)
            found = self._families[key] = Family(tuple(of))
        return found

    def keep(self, family: Family, widths: tuple[int, ...], traced: Traced) -> None:
        """Keep what was traced for these widths. A family that is forgotten meanwhile goes with who holds it."""
        self._grow(traced.subgraph.size + 1)
        family.traced[widths] = traced

    def keep_value(self, key: Any, called: Called) -> None:
        """Keep what a function gave; when too many are kept, all are forgotten."""
        if len(self.values) >= MAX_VALUES:
            self.values = {}
        self.values[key] = called

    def _grow(self, by: int) -> None:
        if self.size > MAX_KEPT:
            self._families, self.size, self.bound = {}, 0, {}
        self.size += by


__all__ = ["Called", "Family", "Traced", "Traces"]
