"""Which operation of an edited network was which of the original: by paths, added blocks as the last of their stage."""

from __future__ import annotations

import re
from collections.abc import Iterator

from archdsl.graph.blocks import Application, Value
from archdsl.graph.network import Network
from archdsl.records import dataclass
from archdsl.weights.edits.neutral import Action, neutral, passes

_BLOCK = re.compile(r"(.*\bblocks\.)([0-9]+)(?:\.(.*))?", re.DOTALL)


@dataclass(frozen=True)
class Partners:
    """Two networks, side by side."""

    old: Network
    new: Network
    of: dict[int, int]
    """Node of the new network -> node of the old one, of the same operation."""
    added: tuple[Application, ...]
    """Blocks that the old network has not, in order."""
    within: dict[int, int]
    """Node of the new network -> the added block that it stands in."""
    actions: dict[int, Action]
    """What layers are to be, so that added blocks and operations change nothing."""
    same: dict[Value, Value]
    """Value of the new network -> the value that it equals because of that."""
    changing: tuple[str, ...]
    """Paths of added blocks that can be no identities."""

    def origin(self, value: Value) -> Value:
        """The value that one equals, which no added block or operation makes."""
        while value in self.same:
            value = self.same[value]
        return value


def partners_of(old: Network, new: Network) -> Partners:
    """The partners of two networks."""
    places = {node.path: index for index, node in enumerate(old.nodes)}
    last: dict[str, int] = {}
    for path in places:
        found = _BLOCK.fullmatch(path)
        if found is not None:
            last[found[1]] = max(last.get(found[1], 0), int(found[2]))
    added = [block for block in _blocks(new.root) if _is_added(block.path, last)]
    within = {}
    of = {}
    numbers = {block.path: number for number, block in enumerate(added)}
    for index, node in enumerate(new.nodes):
        path = node.path
        found = _BLOCK.fullmatch(path)
        if found is not None and _is_added(path, last):
            within[index] = numbers.get(f"{found[1]}{found[2]}", -1)
            path = f"{found[1]}{last[found[1]]}" + (f".{found[3]}" if found[3] is not None else "")
        partner = places.get(path)
        if partner is not None and old.nodes[partner].operation.name == node.operation.name:
            of[index] = partner
    actions: dict[int, Action] = {}
    same: dict[Value, Value] = {}
    changing = []
    for block in added:
        found_actions = neutral(new, block)
        if found_actions is None:
            changing.append(block.path)
            continue
        actions.update(found_actions)
        if block.outputs[0] is not None:
            same[block.outputs[0]] = block.inputs[0]
    for index, node in enumerate(new.nodes):
        if index not in of and index not in within and passes(new, index):
            same[Value(index)] = node.inputs[0]
            if new.tensors(node):
                actions[index] = "identity"
    return Partners(old, new, of, tuple(added), within, actions, same, tuple(changing))


def _is_added(path: str, last: dict[str, int]) -> bool:
    found = _BLOCK.fullmatch(path)
    return found is not None and found[1] in last and int(found[2]) > last[found[1]]


def _blocks(application: Application) -> Iterator[Application]:
    """The blocks of stages: applications whose path ends with their number."""
    for step in application.steps:
        if isinstance(step.applied, int):
            continue
        found = _BLOCK.fullmatch(step.applied.path)
        if found is not None and found[3] is None:
            yield step.applied
        else:
            yield from _blocks(step.applied)
