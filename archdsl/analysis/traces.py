"""Blocks that were traced, kept from one network to the next."""

from __future__ import annotations

from typing import Any

from archdsl import limits
from archdsl.graph.operations import Operation
from archdsl.graph.subgraph import Subgraph
from archdsl.records import dataclass


@dataclass(frozen=True, slots=True)
class Traced:
    """A block on inputs of some shapes."""

    subgraph: Subgraph
    steps: int
    """The evaluation steps that it takes."""
    lists: bool
    """Whether it gives a list of tensors, also where that is a list of one."""
    of: tuple[Any, ...]
    """The definitions that its key names by their identities, which are nobody else's as long as they are kept."""


class Traces:
    """Blocks that were traced, by their settings and the shapes of their inputs.

    Several threads may use one: two that miss the same block both trace it, to the same end. When too many operations
    are kept, all are forgotten.
    """

    def __init__(self) -> None:
        self._known: dict[Any, Traced] = {}
        self.size = 0
        """Operations that are kept."""
        self.bound: dict[Any, Operation] = {}
        """Operations with their settings, by both: the same are made once."""

    def get(self, key: Any) -> Traced | None:
        return self._known.get(key)

    def keep(self, key: Any, traced: Traced) -> None:
        if self.size > limits.MAX_KEPT_NODES:
            self._known, self.size, self.bound = {}, 0, {}
        self.size += len(traced.subgraph.nodes) + 1
        self._known[key] = traced


__all__ = ["Traced", "Traces"]
