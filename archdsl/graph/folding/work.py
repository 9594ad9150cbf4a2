"""The operations of a network while they are rewritten: who uses a value, and what stands for one that is gone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from archdsl.graph.blocks import Application, Value
from archdsl.graph.folding.forms import Chain
from archdsl.graph.network import Network, Node
from archdsl.graph.operations.base import Operation
from archdsl.graph.operations.convolution import Conv
from archdsl.graph.operations.norms import BatchNorm
from archdsl.graph.shapes import Shape

OUTSIDE = -2
"""Who uses what the network gives."""


class Work:
    """Operations by their index in the network; what is changed keeps its index, and what is dropped leaves a gap."""

    def __init__(self, network: Network, classifier: int | None = None) -> None:
        self.network = network
        self.classifier = classifier
        """The layer that others stand for, so that nothing else may become part of it."""
        self.nodes = list(network.nodes)
        self.dropped: set[int] = set()
        self.chains: dict[int, Chain] = {}
        """Of convolutions and linear layers that were changed."""
        self.placed: dict[int, int] = {}
        """Of a sum that became a convolution, the convolution whose place in a text says what its settings are."""
        self._instead: dict[Value, Value] = {}
        self.users: dict[Value, list[int]] = {}
        for index, node in enumerate(self.nodes):
            for value in node.inputs:
                self.users.setdefault(value, []).append(index)
        for value in [*network.outputs, *[feature.value for feature in network.features]]:
            self.users.setdefault(value, []).append(OUTSIDE)
        self.norms = frozenset([node.path for node in self.nodes if isinstance(node.operation, BatchNorm)])
        self.convolutions = frozenset([node.path for node in self.nodes if isinstance(node.operation, Conv)])
        """The paths of what was there at first."""
        self.scopes = dict(_scopes(network.root))
        """Index -> the application in whose body an operation stands."""

    def at(self, value: Value) -> Value:
        """What stands for a value of the network."""
        while value in self._instead:
            value = self._instead[value]
        return value

    def shape(self, value: Value) -> Shape:
        """The shape of a value."""
        return self.network.shape(value)

    def chain(self, index: int) -> Chain:
        """What an operation with weights is made of."""
        return self.chains.get(index, (self.nodes[index].path,))

    def remaining(self) -> Iterator[tuple[int, Node]]:
        """The operations that are there, in order; what is dropped on the way is left out."""
        for index in range(len(self.nodes)):
            if index not in self.dropped:
                yield index, self.nodes[index]

    def alone(self, value: Value, user: int) -> bool:
        """Whether an operation is the only one that uses a value, and does so once."""
        return self.users.get(value, []) == [user]

    def bypass(self, index: int) -> None:
        """Drop an operation: its input stands for its output."""
        self._replace(Value(index), self.nodes[index].inputs[0])
        self.drop(index)

    def drop(self, index: int) -> None:
        """Drop an operation whose output is not needed any more, and what leads to it alone."""
        self.dropped.add(index)
        for value in self.nodes[index].inputs:
            self.users[value].remove(index)
            if not self.users[value] and value.node >= 0 and value.node not in self.dropped:
                self._drop_if_unused(value.node)

    def _drop_if_unused(self, index: int) -> None:
        count = len(self.nodes[index].shapes)
        if not any(self.users.get(Value(index, output)) for output in range(count)):
            self.drop(index)

    def become(self, index: int, operation: Operation, inputs: tuple[Value, ...], chain: Chain) -> None:
        """Put another operation, made of some layers, in the place of one; it gives values of the same shape."""
        node = self.nodes[index]
        shapes = operation.infer(*[self.shape(value) for value in inputs])
        if shapes != node.shapes:
            raise RuntimeError(f"{node.path} gives {node.shapes}, and what stands for it {shapes}")
        for value in inputs:
            self.users.setdefault(value, []).append(index)
        for value in node.inputs:
            self.users[value].remove(index)
            if not self.users[value] and value.node >= 0 and value.node not in self.dropped:
                self._drop_if_unused(value.node)
        self.nodes[index] = replace(node, operation=operation, inputs=inputs)
        self.chains[index] = chain

    def _replace(self, old: Value, new: Value) -> None:
        """Let a value stand for another."""
        self._instead[old] = new
        users = self.users.pop(old, [])
        self.users.setdefault(new, []).extend(users)
        for user in set(users):
            if user >= 0:
                node = self.nodes[user]
                given = tuple([new if value == old else value for value in node.inputs])
                self.nodes[user] = replace(node, inputs=given)


def _scopes(application: Application) -> Iterator[tuple[int, Application]]:
    for step in application.steps:
        if isinstance(step.applied, int):
            yield step.applied, application
        else:
            yield from _scopes(step.applied)


__all__ = ["Work"]
