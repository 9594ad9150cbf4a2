"""Several instances of a block as one template: their chains laid beside each other, place by place.

A place that not all instances have is optional. Only operations and calls of blocks can be; instances whose branches
differ otherwise are no instances of one block.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from archdsl.graph.network import Node
from archdsl.graph.operations.base import Operation
from archdsl.graph.operations.convolution import Conv
from archdsl.lifting.series import Item, Join, Op, Tangle
from archdsl.lifting.words import is_activation
from archdsl.records import dataclass


@dataclass(frozen=True, eq=False)
class Called:
    """A call of a block that is written already, in the place of what it stands for."""

    name: str
    settings: Mapping[str, Any]
    """Values by the names of the block's settings."""
    indices: tuple[int, ...]
    channels: int
    """Of what flows in."""


Step: TypeAlias = "Item | Called"


@dataclass(frozen=True, eq=False)
class Place:
    """A place of a template."""

    kind: tuple[Any, ...]
    members: Mapping[int, Step]
    """By instance."""
    branches: tuple[tuple[Place, ...], ...] = ()
    """Of a join."""

    def optional(self, count: int) -> bool:
        """Whether not all of so many instances have it."""
        return len(self.members) < count

    def calls(self) -> dict[int, Called]:
        """The calls of blocks, by instance."""
        return {at: step for at, step in self.members.items() if isinstance(step, Called)}

    def operations(self, count: int) -> list[Operation | None]:
        """The operation of each of so many instances; none where one has none here, or more than one."""
        steps = [self.members.get(at) for at in range(count)]
        return [step.node.operation if isinstance(step, Op | Join) else None for step in steps]

    def tangles(self) -> list[Tangle]:
        """The tangles, in the order of the instances."""
        return [step for _, step in sorted(self.members.items()) if isinstance(step, Tangle)]


Template: TypeAlias = "tuple[Place, ...]"


class Unlike(Exception):
    """Instances that are not of one block."""


def kind_of(step: Step) -> tuple[Any, ...]:
    """What two places must agree in to be one."""
    if isinstance(step, Called):
        return ("call", step.name)
    if isinstance(step, Join):
        return ("join", step.node.operation.name, len(step.branches), tuple([bool(b) for b in step.branches]))
    if isinstance(step, Tangle):
        return ("tangle", len(step.indices))
    return kind_of_node(step.node)


def kind_of_node(node: Node) -> tuple[Any, ...]:
    """The same of an operation: activations stand for one another, convolutions of one position for none of more."""
    operation = node.operation
    if is_activation(operation):
        return ("act",)
    if isinstance(operation, Conv):
        return (operation.name, operation.kernel == (1, 1))
    return (operation.name,)


def template_of(chains: Sequence[Sequence[Step]]) -> Template:
    """The template of chains, one an instance. Raises `Unlike`."""
    order = sorted(range(len(chains)), key=lambda i: -len(chains[i]))
    rows: list[tuple[tuple[Any, ...], dict[int, Step]]] = []
    for instance in order:
        rows = _laid(rows, instance, chains[instance])
    found = []
    for kind, members in rows:
        branches: tuple[Template, ...] = ()
        if kind[0] in ("join", "tangle") and len(members) < len(chains):
            raise Unlike
        if kind[0] == "join":
            joins = [step for _, step in sorted(members.items()) if isinstance(step, Join)]
            branches = tuple([template_of([join.branches[k] for join in joins]) for k in range(kind[2])])
        found.append(Place(kind, members, branches))
    return tuple(found)


def _laid(
    rows: list[tuple[tuple[Any, ...], dict[int, Step]]], instance: int, chain: Sequence[Step]
) -> list[tuple[tuple[Any, ...], dict[int, Step]]]:
    """One more chain beside others: the longest common row of kinds, the last places first."""
    kinds = [kind_of(step) for step in chain]
    n, m = len(rows), len(kinds)
    best = [[0] * (m + 1) for _ in range(n + 1)]
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            same = best[i - 1][j - 1] + 1 if rows[i - 1][0] == kinds[j - 1] else 0
            best[i][j] = max(same, best[i - 1][j], best[i][j - 1])
    found: list[tuple[tuple[Any, ...], dict[int, Step]]] = []
    i, j = n, m
    while i or j:
        if i and j and rows[i - 1][0] == kinds[j - 1] and best[i][j] == best[i - 1][j - 1] + 1:
            found.append((rows[i - 1][0], {**rows[i - 1][1], instance: chain[j - 1]}))
            i, j = i - 1, j - 1
        elif i and (not j or best[i - 1][j] >= best[i][j - 1]):
            found.append(rows[i - 1])
            i -= 1
        else:
            found.append((kinds[j - 1], {instance: chain[j - 1]}))
            j -= 1
    return found[::-1]


def signature(chain: Sequence[Step]) -> tuple[Any, ...]:
    """The kinds of a chain with those of its branches: chains with one signature are instances of one block."""
    return tuple(
        [
            (kind_of(step), tuple([signature(branch) for branch in step.branches]))
            if isinstance(step, Join)
            else (kind_of(step), ())
            for step in chain
        ]
    )


__all__ = ["Called", "Place", "Step", "Template", "Unlike", "kind_of", "kind_of_node", "signature", "template_of"]
