"""Which channel of the original network each channel of the edited one is a copy of.

A layer that mixes all channels is free: of more channels the first are the old ones, and then they begin anew, so that
whole groups are copied as well. What passes channels on passes on what they are copies of. Where two ways meet that do
not agree, or an operation does something else with channels, the networks may differ, and it is said why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, TypeAlias

from archdsl.graph.blocks import INPUT, Value
from archdsl.graph.network import Network
from archdsl.weights.edits.partners import Partners

Channels: TypeAlias = tuple[int, ...]
DENSE = ("conv", "std_conv", "linear", "conv_transpose")
JOINED = ("add", "sub", "mul", "div", "maximum", "minimum", "joint_softmax")
OVER_CHANNELS = ("layer_norm", "mean", "sum", "max", "min", "softmax", "channel_conv")
"""Operations that are other ones on other channels, or may be, beside those that count them."""


class Sources:
    """For each value of the new network, the channels of the old one; `reasons` say where these do not go together."""

    def __init__(self, partners: Partners) -> None:
        self._old, self._new, self._partners = partners.old, partners.new, partners
        self.reasons: list[str] = []
        self.of: dict[Value, Channels] = {INPUT: tuple(range(int(self._new.input[0])))}
        self._readers: dict[Value, list[int]] = {}
        for index, node in enumerate(self._new.nodes):
            for value in node.inputs:
                self._readers.setdefault(value, []).append(index)
        for index in range(len(self._new.nodes)):
            self._node(index)

    def old_width(self, value: Value) -> int:
        """The old channels of a value, or its own where it is new."""
        value = self._partners.origin(value)
        if value == INPUT:
            return int(self._old.input[0])
        partner = self._partners.of.get(value.node)
        if partner is None or value.output >= len(self._old.nodes[partner].shapes):
            return len(self.of[value])
        return int(self._old.nodes[partner].shapes[value.output][0])

    def _say(self, index: int, reason: str) -> None:
        if index not in self._partners.within:
            self.reasons.append(f"{self._new.nodes[index].path}: {reason}")

    def _node(self, index: int) -> None:
        node = self._new.nodes[index]
        partner = self._partners.of.get(index)
        widths = [int(shape[0]) for shape in node.shapes]
        if partner is None:
            given = self.of[node.inputs[0]] if node.inputs else ()
            found = [given if len(given) == width else tuple(range(width)) for width in widths]
            if Value(index) in self._partners.same and len(given) != widths[0]:
                old_width = self.old_width(node.inputs[0])
                wanted = self._met(Value(index), widths[0], old_width) or _again(old_width, widths[0])
                found = [tuple([channel if channel in given else given[0] for channel in wanted])]
        else:
            old = [int(shape[0]) for shape in self._old.nodes[partner].shapes]
            found = self._found(index, partner, widths, [*old, *widths[len(old) :]])
        for place, channels in enumerate(found):
            self.of[Value(index, place)] = channels

    def _found(self, index: int, partner: int, widths: list[int], old: list[int]) -> list[Channels]:
        node = self._new.nodes[index]
        name = node.operation.name
        inputs = [self.of[value] for value in node.inputs]
        if name in DENSE:
            return [self._dense(index, partner, widths[0], old[0])]
        if node.operation.learned or not inputs:
            return [_again(old[place], width) for place, width in enumerate(widths)]
        if name == "concat" and sum(map(len, inputs)) == widths[0]:
            return [self._joined(node.inputs)]
        if name == "split" and sum(widths) == len(inputs[0]):
            return self._parts(index, inputs[0], widths, old)
        if name == "flatten" and len(self._new.input_shapes(node)[0]) == 3:
            return [self._flat(index, partner, inputs[0])]
        if name in JOINED:
            full = [channels for channels in inputs if len(channels) == widths[0]]
            if any(channels != full[0] for channels in full):
                self._say(index, "the channels of what it joins are not copies of the same")
            return [full[0] if full else _again(before, width) for before, width in zip(old, widths, strict=True)]
        plain = all(is_same(channels, self.old_width(v)) for v, channels in zip(node.inputs, inputs, strict=True))
        if (name in OVER_CHANNELS or node.operation.counts_channels) and not plain:
            copies = Counter(inputs[0])
            uniform = len(set(copies.values())) == 1 and len(copies) == self.old_width(node.inputs[0])
            if name != "layer_norm" or not uniform:
                self._say(index, f"{name} goes over channels that are others")
        if len(inputs[0]) == widths[0] and not node.operation.counts_channels:
            return [inputs[0] for _ in widths]
        return [_again(old[place], width) for place, width in enumerate(widths)]

    def _dense(self, index: int, partner: int, width: int, old: int) -> Channels:
        node = self._new.nodes[index]
        groups, old_groups = groups_of(node.operation), groups_of(self._old.nodes[partner].operation)
        if groups == 1:
            known = self._as_groups(Value(index), width, old) or self._met(Value(index), width, old)
            return known or _again(old, width)
        per, old_per = width // groups, old // old_groups
        found: list[int] = []
        for group in inner_groups(self.of[node.inputs[0]], groups, self.old_width(node.inputs[0]), old_groups):
            if group is None:
                return _again(old, width)
            found += [group[0] * old_per + channel for channel in _again(old_per, per)]
        return tuple(found)

    def _as_groups(self, value: Value, width: int, old: int) -> Channels | None:
        """Where groups behind a layer are of another width than they were: copies within each group."""
        for _ in range(4):  # a norm and an activation stand between
            readers = self._readers.get(value, [])
            if len(readers) != 1 or readers[0] not in self._partners.of:
                return None
            node, was = self._new.nodes[readers[0]], self._old.nodes[self._partners.of[readers[0]]]
            if node.operation.name in DENSE:
                groups, old_groups = groups_of(node.operation), groups_of(was.operation)
                if groups == 1 or groups == width or width // groups == old // old_groups or old % old_groups:
                    return None
                per, old_per = width // groups, old // old_groups
                return tuple([q % old_groups * old_per + c for q in range(groups) for c in _again(old_per, per)])
            if len(node.inputs) != 1 or int(node.shapes[0][0]) != width:
                return None
            value = Value(readers[0])
        return None

    def _met(self, value: Value, width: int, old: int) -> Channels | None:
        """The channels of what a value meets behind norms and activations, if those are known and were as many."""
        for _ in range(6):
            readers = self._readers.get(value, [])
            for reader in readers:
                node = self._new.nodes[reader]
                for other in node.inputs if node.operation.name in JOINED else ():
                    known = self.of.get(other, ()) if other != value else ()
                    if len(known) == width and self.old_width(other) == old:
                        return known
            if len(readers) != 1:
                return None
            node = self._new.nodes[readers[0]]
            if len(node.inputs) != 1 or int(node.shapes[0][0]) != width or node.operation.counts_channels:
                return None
            value = Value(readers[0])
        return None

    def _joined(self, values: Sequence[Value]) -> Channels:
        found: list[int] = []
        offset = 0
        for value in values:
            found += [offset + channel for channel in self.of[value]]
            offset += self.old_width(value)
        return tuple(found)

    def _parts(self, index: int, given: Channels, widths: list[int], old: list[int]) -> list[Channels]:
        found, at, old_at = [], 0, 0
        for width, before in zip(widths, old, strict=True):
            part = tuple([channel - old_at for channel in given[at : at + width]])
            if any(not 0 <= channel < before for channel in part):
                self._say(index, "its parts hold channels of other parts")
                part = _again(before, width)
            found.append(part)
            at, old_at = at + width, old_at + before
        return found

    def _flat(self, index: int, partner: int, given: Channels) -> Channels:
        shape, old = self._new.input_shapes(self._new.nodes[index])[0], _first(self._old, partner)
        places = int(shape[1]) * int(shape[2])
        if places != int(old[1]) * int(old[2]):
            self._say(index, "the map that it flattens has another size")
            return _again(int(old[0]) * int(old[1]) * int(old[2]), len(given) * places)
        return tuple([channel * places + place for channel in given for place in range(places)])


def _first(network: Network, index: int) -> Any:
    return network.input_shapes(network.nodes[index])[0]


def groups_of(operation: Any) -> int:
    """The groups of a convolution; 1 of a linear layer."""
    return int(getattr(operation, "groups", 1))


def is_same(channels: Channels, old: int) -> bool:
    """Whether these are all old channels in their order."""
    return channels == tuple(range(old))


def inner_groups(
    channels: Channels, groups: int, old_width: int, old_groups: int
) -> list[tuple[int, tuple[int, ...]] | None]:
    """For each group the old group that its inputs are of, and which of its inputs; none where they are of several."""
    per, old_per = len(channels) // groups, max(1, old_width // old_groups)
    found: list[tuple[int, tuple[int, ...]] | None] = []
    for group in range(groups):
        part = channels[group * per : (group + 1) * per]
        sources = {channel // old_per for channel in part}
        source = min(sources)
        whole = len(sources) == 1 and source < old_groups
        found.append((source, tuple([channel - source * old_per for channel in part])) if whole else None)
    return found


def _again(old: int, width: int) -> Channels:
    """The first of so many old channels, over and over."""
    return tuple([channel % old for channel in range(width)])
