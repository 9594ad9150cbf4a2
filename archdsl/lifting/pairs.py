"""Two networks beside each other: whether they compute the same, and which operation of one is which of the other."""

from __future__ import annotations

from fractions import Fraction

from archdsl.graph.blocks import Value
from archdsl.graph.digest import digest_of, joined, written
from archdsl.graph.initializers import Initializer
from archdsl.graph.network import Network
from archdsl.graph.operations import OPERATIONS
from archdsl.graph.operations.base import Operation
from archdsl.graph.operations.reductions import Mean

TRAINED = ("dropout", "drop_path")
"""Operations that act in training alone."""


def started_alike(operation: Operation) -> Operation:
    """An operation without what is said of how its tensors start, in the one form of two that compute the same, with
    numbers to twelve digits."""
    if isinstance(operation, Mean) and operation.over == "space":
        return OPERATIONS["global_pool"].bind({})
    given = dict(operation.constants)
    if operation.name == "split" and given["sizes"] is not None and len(set(given["sizes"])) == 1:
        return type(operation).bind({"parts": len(given["sizes"]), "over": given["over"]})
    rounded = {name: _rounded(value) for name, value in given.items() if isinstance(value, Fraction)}
    given |= rounded
    if "zero_init" in given:
        given["zero_init"] = False
    if "init" in given:
        given["init"] = Initializer("constant", Fraction(0)) if isinstance(given["init"], Initializer) else Fraction(0)
    if operation.name == "std_conv" and given["gain"] is not None:
        given["gain"] = Fraction(1)
    return type(operation)(**given) if rounded or {"zero_init", "init"} & given.keys() else operation


def _rounded(value: Fraction) -> Fraction:
    return Fraction(f"{float(value):.11e}")


def marks(network: Network) -> list[str]:
    """A digest for every operation of all that it is made of."""
    root = digest_of(joined(["input", *map(str, network.input)]))
    found: list[str] = []

    def mark(value: Value) -> str:
        return root if value.node < 0 else f"{found[value.node]}:{value.output}"

    for node in network.nodes:
        operands = [] if node.operation.learned else [mark(value) for value in node.inputs]
        if node.operation.commutative:
            operands.sort()
        found.append(digest_of(written(node.operation) + joined(operands)))
    return found


def paired(one: Network, two: Network) -> dict[int, int] | None:
    """For each operation of a network that of another; none where they are not equal."""
    a, b = marks(one), marks(two)
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
        for value in one.nodes[left.node].inputs:
            other = _partner(value, theirs, found, a, b) if one.nodes[left.node].operation.commutative else 0
            waiting.append((value, theirs.pop(other)))
    return found


def _partner(value: Value, theirs: list[Value], found: dict[int, int], a: list[str], b: list[str]) -> int:
    """Which of the other's operands belongs to one, where their order is without meaning."""
    fits = [
        at
        for at, other in enumerate(theirs)
        if (value.node < 0) == (other.node < 0) and (value.node < 0 or a[value.node] == b[other.node])
    ]
    known = [at for at in fits if value.node >= 0 and found.get(value.node) == theirs[at].node]
    return (known or fits or [0])[0]


__all__ = ["TRAINED", "marks", "paired", "started_alike"]
