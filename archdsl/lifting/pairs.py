"""Two networks beside each other: whether they compute the same, and which operation of one is which of the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from archdsl.graph.blocks import Value
from archdsl.graph.digest import digest_of, joined, written
from archdsl.graph.initializers import Initializer
from archdsl.graph.network import Builder, Network
from archdsl.graph.operations import OPERATIONS
from archdsl.graph.operations.base import Operation

TRAINED = ("dropout", "drop_path")
"""Operations that act in training alone."""


def started_alike(operation: Operation) -> Operation:
    """An operation without what is said of how its tensors start, and in the one form of two that compute the same."""
    if operation.name == "mean" and operation.over == "space":  # type: ignore[attr-defined]
        return OPERATIONS["global_pool"].bind({})
    given = dict(operation.constants)
    if operation.name == "split" and given["sizes"] is not None and len(set(given["sizes"])) == 1:
        return type(operation).bind({"parts": len(given["sizes"]), "over": given["over"]})
    if "zero_init" in given:
        given["zero_init"] = False
    if "init" in given:
        given["init"] = Initializer("constant", Fraction(0)) if isinstance(given["init"], Initializer) else Fraction(0)
    if "zero_init" in given or "init" in given:
        return type(operation)(**given)
    return operation


def as_written(operation: Operation) -> Operation:
    """The operation itself."""
    return operation


def marks(network: Network, form: Callable[[Operation], Operation], skipped: Sequence[str] = ()) -> list[str]:
    """A digest for every operation of all that it is made of. `skipped` operations are their input."""
    root = digest_of(joined(["input", *map(str, network.input)]))
    found: list[str] = []

    def mark(value: Value) -> str:
        if value.node < 0:
            return root
        if network.nodes[value.node].operation.name in skipped:
            return found[value.node]
        return f"{found[value.node]}:{value.output}"

    for node in network.nodes:
        if node.operation.name in skipped:
            found.append(mark(node.inputs[0]))
            continue
        operands = [] if node.operation.learned else [mark(value) for value in node.inputs]
        if node.operation.commutative:
            operands.sort()
        found.append(digest_of(written(form(node.operation)) + joined(operands)))
    return found


def digest(network: Network, form: Callable[[Operation], Operation], skipped: Sequence[str] = ()) -> str:
    """A digest of a whole network in a form of its operations: equal ones compute the same."""
    found = marks(network, form, skipped)
    kept = [m for m, node in zip(found, network.nodes, strict=True) if node.operation.name not in skipped]
    outputs = [
        found[value.node] + str(0 if network.nodes[value.node].operation.name in skipped else value.output)
        for value in network.outputs
        if value.node >= 0
    ]
    return digest_of(joined([*sorted(kept), "outputs", *outputs]))


def paired(one: Network, two: Network, form: Callable[[Operation], Operation] = as_written) -> dict[int, int] | None:
    """For each operation of a network that of another; none where they are not equal in this form."""
    a, b = marks(one, form), marks(two, form)
    found: dict[int, int] = {}
    waiting = list(zip(one.outputs, two.outputs, strict=False))
    if len(one.outputs) != len(two.outputs):
        return None
    while waiting:
        left, right = waiting.pop()
        if left.node < 0 or right.node < 0:
            if left != right:
                return None
            continue
        if a[left.node] != b[right.node] or left.output != right.output:
            return None
        if left.node in found:
            continue
        found[left.node] = right.node
        if one.nodes[left.node].operation.learned:
            continue
        theirs = list(two.nodes[right.node].inputs)
        for place, value in enumerate(one.nodes[left.node].inputs):
            other = _partner(value, place, theirs, found, a, b) if one.nodes[left.node].operation.commutative else 0
            waiting.append((value, theirs.pop(other)))
    return found


def _partner(value: Value, place: int, theirs: list[Value], found: dict[int, int], a: list[str], b: list[str]) -> int:
    """Which of the other's operands belongs to one, where their order is without meaning."""
    fits = [
        at
        for at, other in enumerate(theirs)
        if (value.node < 0) == (other.node < 0) and (value.node < 0 or a[value.node] == b[other.node])
    ]
    known = [at for at in fits if value.node >= 0 and found.get(value.node) == theirs[at].node]
    del place
    return (known or fits or [0])[0]


def with_operations(network: Network, operations: Sequence[Operation]) -> Network:
    """A network with other operations in the place of its own."""
    builder = Builder(network.input)
    for node, operation in zip(network.nodes, operations, strict=True):
        builder.apply(operation, node.inputs, node.path)
    return builder.finish(network.name, network.outputs, network.features, network.output_names)


__all__ = ["TRAINED", "as_written", "digest", "marks", "paired", "started_alike", "with_operations"]
