"""A part of a network as a chain: operations one behind the other, and branches that meet again.

A part has one value that flows in and one that flows out. Where only one value is alive, the part can be cut. Between
two cuts stands one operation, or branches that an operation of several values joins, each a chain again, or something
that is neither, which is kept as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from archdsl.graph.blocks import Value
from archdsl.graph.network import Network, Node
from archdsl.records import dataclass


@dataclass(frozen=True, eq=False)
class Op:
    """An operation of one value."""

    index: int
    node: Node


@dataclass(frozen=True, eq=False)
class Join:
    """Branches from one value, joined."""

    index: int
    node: Node
    branches: tuple[Chain, ...]
    """In the order of the operands; an empty one is the value itself."""


@dataclass(frozen=True, eq=False)
class Tangle:
    """Operations between two values in no simpler order."""

    indices: tuple[int, ...]
    source: Value
    result: Value


Item: TypeAlias = "Op | Join | Tangle"
Chain: TypeAlias = "tuple[Item, ...]"


def inputs_of(node: Node) -> tuple[Value, ...]:
    """What flows into an operation: nothing into what is learned, whatever stands there for the number of images."""
    return () if node.operation.learned else node.inputs


def cuts(network: Network, indices: Sequence[int], source: Value, result: Value) -> list[tuple[Value, list[int]]]:
    """The values at which a part can be cut, in order, each with the operations since the one before. What is learned
    and has no input stands with what takes it."""
    inside = set(indices)
    nodes = network.nodes
    last: dict[Value, int] = {}
    for index in indices:
        for value in inputs_of(nodes[index]):
            last[value] = index
    last[result] = max(indices) + 1
    found: list[tuple[Value, list[int]]] = []
    alive = {source}
    since: list[int] = []
    for index in indices:
        since.append(index)
        if nodes[index].operation.learned:
            continue
        alive |= {Value(index, output) for output in range(len(nodes[index].shapes))}
        alive = {value for value in alive if last.get(value, -1) > index}
        if len(alive) == 1:
            (one,) = alive
            waiting = [i for i in since if nodes[i].operation.learned and last.get(Value(i), -1) > index]
            if one.node in inside and not waiting:
                found.append((one, since))
                since = []
    return found


def chain_of(network: Network, indices: Sequence[int], source: Value, result: Value) -> Chain:
    """A part as a chain."""
    items: list[Item] = []
    at = source
    covered = 0
    for value, since in cuts(network, indices, source, result):
        items.append(_item(network, since, at, value))
        at = value
        covered += len(since)
    if covered < len(indices):  # the result is one of several that are alive
        return (Tangle(tuple(indices), source, result),)
    return tuple(items)


def _item(network: Network, indices: list[int], source: Value, result: Value) -> Item:
    node = network.nodes[result.node]
    if len(indices) == 1 and node.inputs == (source,) and len(node.shapes) == 1:
        return Op(indices[0], node)
    if len(node.inputs) >= 2 and len(node.shapes) == 1 and not node.operation.takes_size:
        branches = _branches(network, indices[:-1], source, node.inputs)
        if branches is not None and indices[-1] == result.node:
            return Join(result.node, node, branches)
    return Tangle(tuple(indices), source, result)


def _branches(
    network: Network, indices: Sequence[int], source: Value, operands: Iterable[Value]
) -> tuple[Chain, ...] | None:
    """What leads to each operand; none where two share an operation, or have another source."""
    found: list[Chain] = []
    left = set(indices)
    for operand in operands:
        if operand == source:
            found.append(())
            continue
        mine = _ancestors(network, operand, left)
        if operand.node not in mine or not mine <= left:
            return None
        inputs = {value for i in mine for value in inputs_of(network.nodes[i]) if value.node not in mine}
        if inputs != {source}:
            return None
        left -= mine
        found.append(chain_of(network, sorted(mine), source, operand))
    return tuple(found) if not left else None


def _ancestors(network: Network, value: Value, inside: set[int]) -> set[int]:
    found: set[int] = set()
    waiting = [value.node]
    while waiting:
        index = waiting.pop()
        if index in inside and index not in found:
            found.add(index)
            waiting += [operand.node for operand in inputs_of(network.nodes[index])]
    return found


def operations(chain: Chain) -> Iterable[int]:
    """The operations of a chain."""
    for item in chain:
        if isinstance(item, Op):
            yield item.index
        elif isinstance(item, Join):
            for branch in item.branches:
                yield from operations(branch)
            yield item.index
        else:
            yield from item.indices
