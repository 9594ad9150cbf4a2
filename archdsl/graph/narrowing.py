"""Networks of which not all is needed: each block without what leads to no output, the others as they are.

A block of which everything is needed keeps what is known of it: its counts, and the program that it was worked out by.
One of which a part is needed is made anew of that; one of which nothing is keeps its place, without operations.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from archdsl.graph.blocks import Value
from archdsl.graph.subgraph import Placement, Subgraph


class Narrowed(NamedTuple):
    """The placements of what is needed, and where values went that are needed."""

    placements: tuple[Placement, ...]
    moved: dict[Value, Value]

    def at(self, value: Value) -> Value:
        """Where a value is that some block takes, or that was wanted."""
        return value if value.node < 0 else self.moved[value]


def narrowed(placements: Sequence[Placement], wanted: Iterable[Value]) -> Narrowed | None:
    """Placements without the operations that none of the wanted values needs.

    None where that is no matter of single blocks: where one takes a value without using it that nothing else needs, or
    gives on what it takes and that is not needed of it.
    """
    needed = set(wanted)
    parts: list[tuple[Subgraph, tuple[Value, ...]]] = []
    for placement in reversed(placements):
        subgraph, given = placement.subgraph, placement.outputs
        wants = [value in needed for value in given]
        if not all(wants):
            if any(own.node < 0 and not wants[at] for at, own in enumerate(subgraph.outputs)):
                return None
            subgraph, left = subgraph.narrowed([own for at, own in enumerate(subgraph.outputs) if wants[at]])
            given = tuple([given[at] for at in left])
        parts.append((subgraph, given))
        needed.update([placement.inputs[at] for at in subgraph.leading])
    return _placed(placements, parts[::-1])


def _placed(placements: Sequence[Placement], parts: Sequence[tuple[Subgraph, tuple[Value, ...]]]) -> Narrowed | None:
    """Subgraphs in the place of others, each with the values that its outputs were before."""
    found = Narrowed((), {})
    made: list[Placement] = []
    first = 0
    for placement, (subgraph, given) in zip(placements, parts, strict=True):
        inputs = placement.inputs if subgraph.size or given else ()
        if any(value.node >= 0 and value not in found.moved for value in inputs):
            return None
        made.append(Placement(subgraph, placement.path, first, tuple(map(found.at, inputs))))
        found.moved.update(zip(given, made[-1].outputs, strict=True))
        first += subgraph.size
    return found._replace(placements=tuple(made))


__all__ = ["Narrowed", "narrowed"]
