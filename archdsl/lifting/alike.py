"""Networks that compute the same though they are told otherwise, and one of them told as the other.

Two texts of one network may differ in what no number shows: how tensors start, whether a factor for every channel is
an operation or a learned tensor that is multiplied, from which map of a size a height is taken, whether a look at the
same elements is taken once or twice. Here a network is a row of entries without all this, and equal rows are one
network; which entry of one is which of the other says where each tensor goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeAlias

from archdsl.graph.blocks import Value
from archdsl.graph.digest import digest_of, joined, written
from archdsl.graph.network import Network, Node
from archdsl.graph.operations import OPERATIONS
from archdsl.graph.operations.activations import Elementwise
from archdsl.graph.operations.base import Operation
from archdsl.graph.operations.tokens import Attention
from archdsl.graph.shapes import show_shape
from archdsl.lifting.lifted import Lifted, Origin
from archdsl.lifting.pairs import started_alike
from archdsl.lifting.reading import LOOKS
from archdsl.records import dataclass

TURNED = {"height": "width", "width": "height"}
Place: TypeAlias = "tuple[int, int]"
"""An entry and which of its outputs; -1 is the image."""


@dataclass(frozen=True, eq=False)
class Entry:
    """An operation of a network, without what is a matter of telling."""

    mark: str
    """A digest of all that it is made of."""
    operands: tuple[Place, ...]
    unordered: bool
    holder: int
    """The operation of the network that has its tensors."""
    nodes: tuple[int, ...]
    """The operations that it stands for."""
    look: str = ""
    """Its name, where it looks at the same elements."""
    text: str = ""
    size: str = ""
    """What it is, and the height and width that it takes from another map."""


class Rows:
    """A network as entries."""

    def __init__(self, network: Network, skipped: Sequence[str] = ()) -> None:
        self.network = network
        self.root = digest_of(joined(["input", *map(str, network.input)]))
        self.entries: list[Entry] = []
        self.places: dict[Value, Place] = {}
        self._known: dict[str, int] = {}
        for index, node in enumerate(network.nodes):
            if node.operation.name in skipped or self._is_nothing(node):
                self.places[Value(index)] = self._place(node.inputs[0])
            else:
                self._enter(index, node)
        self.outputs = [self._place(value) for value in network.outputs]

    def _place(self, value: Value) -> Place:
        return (-1, 0) if value.node < 0 else self.places[value]

    def mark(self, place: Place) -> str:
        """A digest of a value."""
        return self.root if place[0] < 0 else f"{self.entries[place[0]].mark}:{place[1]}"

    def _enter(self, index: int, node: Node) -> None:
        operation, given, holder, size = self._parts(index, node)
        operands = tuple([self._place(value) for value in given])
        moved: list[Entry] = []
        while (found := self._commuted(operation, operands)) is not None:
            operation, operands = found[0], (found[1],)
            moved.append(found[2])
        heads = self._heads(operation, given)
        if heads:
            split = written(OPERATIONS["split_heads"].bind({"heads": heads}))
            operands = (*[self._virtual(split, "", "split_heads", place) for place in operands[:3]], *operands[3:])
            operation = OPERATIONS["attention"].bind({})
        at = self._entered(index, operation, operands, holder, size)
        self.places |= {Value(index, output): (at, output) for output in range(len(node.shapes))}
        for passed in reversed(moved):
            self.places[Value(index)] = self._virtual(passed.text, passed.size, passed.look, self.places[Value(index)])
        if heads:
            text = written(OPERATIONS["merge_heads"].bind({}))
            self.places[Value(index)] = self._virtual(text, "", "merge_heads", (at, 0))

    def _parts(self, index: int, node: Node) -> tuple[Operation, list[Value], int, str]:
        """What an operation of the network is, what it takes, which one holds its tensors, and the size that it takes
        from a map."""
        operation, given = node.operation, list(node.inputs)
        factor = self._factor(node)
        if factor is not None:
            holder = given.pop(factor).node
            return OPERATIONS["layer_scale"].bind({}), given, holder, ""
        if operation.learned:
            return operation, [], index, ""
        size = show_shape(self.network.shape(given.pop())[1:]) if operation.takes_size else ""
        return operation, given, index, size

    def _heads(self, operation: Operation, given: Sequence[Value]) -> int:
        """The heads of attention of all tokens by all, where they are parts of the channels; 0 for others."""
        if not isinstance(operation, Attention) or operation.parts is not None or operation.size is not None:
            return 0
        return int(operation.heads) if len(self.network.shape(given[0])) == 2 else 0

    def _entered(self, index: int, operation: Operation, operands: tuple[Place, ...], holder: int, size: str) -> int:
        """The entry of an operation of the network: one that there is, for what holds no tensors, or a new one."""
        node = self.network.nodes[index]
        text = written(started_alike(operation))
        own = holder != index or operation.learned or bool(self.network.tensors(node))
        key = f"{text}{operands}{size}"
        at = None if own else self._known.get(key)
        if at is not None:
            known = self.entries[at]
            holds = known.holder if known.nodes else index
            self.entries[at] = replace(known, holder=holds, nodes=(*known.nodes, index))
            return at
        marks = [self.mark(place) for place in operands]
        mark = digest_of(text + joined([*(sorted(marks) if operation.commutative else marks), size]))
        look = operation.name if operation.name in LOOKS else ""
        if look == "transpose" and len(node.shapes[0]) == 3:
            look = "transpose of a map"
        nodes = (index,) if holder == index else (index, holder)
        self.entries.append(Entry(mark, operands, operation.commutative, holder, nodes, look, text, size))
        if not own:
            self._known[key] = len(self.entries) - 1
        return len(self.entries) - 1

    def _virtual(self, text: str, size: str, look: str, place: Place) -> Place:
        """A look that no node is."""
        key = f"{text}{(place,)}{size}"
        if key not in self._known:
            self._known[key] = len(self.entries)
            mark = digest_of(text + joined([self.mark(place), size]))
            self.entries.append(Entry(mark, (place,), False, -1, (), look, text, size))
        return self._known[key], 0

    def _is_nothing(self, node: Node) -> bool:
        """Whether an operation gives what it takes."""
        if len(node.inputs) != 1 or len(node.shapes) != 1:
            return False
        flat = node.operation.name == "flatten" and self.network.shape(node.inputs[0])[1:] == (1, 1)
        return flat or node.operation.name in ("split", "concat", "identity")

    def _commuted(self, operation: Operation, operands: tuple[Place, ...]) -> tuple[Operation, Place, Entry] | None:
        """An operation behind a look at the same elements as that look behind it: what it is then, what it takes, and
        the look."""
        before = self.entries[operands[0][0]] if len(operands) == 1 and operands[0][0] >= 0 else None
        if before is None or not before.look:
            return None
        over = getattr(operation, "over", None)
        if operation.name in ("sum", "mean", "max", "min") and over in TURNED and before.look == "transpose of a map":
            return type(operation).bind({"over": TURNED[over]}), before.operands[0], before
        rows = before.look in ("tokens", "map") and operation.name in ("layer_norm", "layer_scale")
        plain = isinstance(operation, Elementwise) or operation.name in ("scale", "affine", "reciprocal")
        return (operation, before.operands[0], before) if rows or plain else None

    def _factor(self, node: Node) -> int | None:
        """Which operand of a product is a learned number for every channel."""
        if node.operation.name != "mul":
            return None
        for at, value in enumerate(node.inputs):
            other = self.network.shape(node.inputs[1 - at])
            own = self.network.nodes[value.node] if value.node >= 0 else None
            if own is None or own.operation.name != "parameter" or len(own.shapes[0]) != len(other):
                continue
            if own.shapes[0][0] == other[0] and all(extent == 1 for extent in own.shapes[0][1:]):
                return at
        return None

    def needed(self) -> list[int]:
        """The entries that the outputs need."""
        found: set[int] = set()
        waiting = [place for place, _ in self.outputs]
        while waiting:
            at = waiting.pop()
            if at >= 0 and at not in found:
                found.add(at)
                waiting += [place for place, _ in self.entries[at].operands]
        return sorted(found)


def computes(network: Network, skipped: Sequence[str] = ()) -> str:
    """A digest of what a network computes, however it is told. `skipped` operations are their input."""
    rows = Rows(network, skipped)
    marks = sorted([rows.entries[at].mark for at in rows.needed()])
    return digest_of(joined([rows.root, *marks, "outputs", *[rows.mark(place) for place in rows.outputs]]))


def pairs_of(one: Rows, two: Rows) -> dict[int, int] | None:
    """For each entry of a network that of another; none where they do not compute the same."""
    if [one.mark(place) for place in one.outputs] != [two.mark(place) for place in two.outputs]:
        return None
    found: dict[int, int] = {}
    waiting = list(zip(one.outputs, two.outputs, strict=True))
    while waiting:
        (left, _), (right, _) = waiting.pop()
        if left < 0 or right < 0 or left in found:
            continue
        found[left] = right
        mine, theirs = one.entries[left].operands, list(two.entries[right].operands)
        for place in mine:
            at = _partner(one.mark(place), found.get(place[0]), theirs, two) if one.entries[left].unordered else 0
            waiting.append((place, theirs.pop(at)))
    return found


def _partner(mark: str, known: int | None, theirs: Sequence[Place], two: Rows) -> int:
    """Which of the other's operands belongs to one, where their order is without meaning."""
    fits = [at for at, place in enumerate(theirs) if two.mark(place) == mark]
    sure = [at for at in fits if theirs[at][0] == known]
    return (sure or fits or [0])[0]


def told_as(lifted: Lifted, other: Network) -> tuple[Lifted, int] | None:
    """What was lifted as another network that computes the same, and how many operations are told otherwise; none
    where it does not. The proof is what says that it was right."""
    own, theirs = Rows(lifted.network), Rows(other)
    pairs = pairs_of(own, theirs)
    if pairs is None:
        return None
    origins: list[Origin | None] = [None] * len(other.nodes)
    changed = 0
    for left, right in pairs.items():
        mine, entry = own.entries[left], theirs.entries[right]
        if not mine.nodes or not entry.nodes:
            continue  # heads that one of the two has without an operation
        held = lifted.origins[mine.holder]
        place = lifted.origins[mine.nodes[0]].modules
        for index in entry.nodes:
            origins[index] = Origin(place, {}, ())
        origins[entry.holder] = Origin(place, held.tensors, held.sources)
        before = lifted.network.nodes[mine.holder].operation
        changed += other.nodes[entry.holder].operation != before
    whole: list[Origin] = []
    for node, origin in zip(other.nodes, origins, strict=True):
        before_it = node.inputs[0].node if node.inputs and node.inputs[0].node >= 0 else None
        whole.append(origin or Origin(whole[before_it].modules if before_it is not None else (), {}, ()))
    network = replace(other, name=lifted.network.name)
    return replace(lifted, network=network, origins=tuple(whole)), changed


__all__ = ["computes", "told_as"]
