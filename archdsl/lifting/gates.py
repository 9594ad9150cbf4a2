"""Gates within chains: a value times what a branch makes of it. A text has calls of blocks in their place."""

from __future__ import annotations

from collections.abc import Sequence

from archdsl.lifting.series import Join
from archdsl.lifting.templates import Called, Step


def gated(join: Join) -> int:
    """The branch of a gate that makes the factor."""
    return next(at for at, branch in enumerate(join.branches) if branch)


def gates_in(chain: Sequence[Step], found: list[Join]) -> None:
    """Add the outermost gates of a chain to a list."""
    for step in chain:
        if not isinstance(step, Join):
            continue
        if _is_gate(step):
            found.append(step)
            continue
        for branch in step.branches:
            gates_in(branch, found)


def _is_gate(join: Join) -> bool:
    one = len(join.branches) == 2 and sum(not branch for branch in join.branches) == 1
    return one and join.node.operation.name == "mul"


def replaced(chain: Sequence[Step], calls: dict[int, Called]) -> tuple[Step, ...]:
    """A chain with calls in the place of gates, by their operations."""
    found: list[Step] = []
    for step in chain:
        if isinstance(step, Join) and step.index in calls:
            found.append(calls[step.index])
        elif isinstance(step, Join):
            found.append(Join(step.index, step.node, tuple([replaced(b, calls) for b in step.branches])))  # type: ignore[misc]
        else:
            found.append(step)
    return tuple(found)


__all__ = ["gated", "gates_in", "replaced"]
