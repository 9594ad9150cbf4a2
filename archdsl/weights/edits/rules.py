"""What each tensor of an edited network is made of, and whether the network then computes what it did.

That it does is worked out of both graphs: the same operations with the same settings, channels that are copies, added
blocks that are identities. It is a statement about networks that are tested, not trained, and is measured as well.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

from archdsl.graph.blocks import INPUT, Value
from archdsl.graph.network import Network
from archdsl.graph.operations.base import Tensor
from archdsl.graph.subgraph import Node
from archdsl.records import dataclass
from archdsl.weights.edits.channels import DENSE, Channels, Sources, groups_of, inner_groups, is_same
from archdsl.weights.edits.neutral import Action, hands_on
from archdsl.weights.edits.partners import Partners, partners_of
from archdsl.weights.layers import COUNTER, Extents

FREE = ("width", "kernel", "padding", "groups", "rate", "momentum", "init", "zero_init", "sizes")
"""Settings that are compared by what they do, or that do nothing in a test."""


class Inner(NamedTuple):
    """The input channels of a group: which of its old group's channels, and how many copies of each there are."""

    channels: Channels
    copies: tuple[int, ...]


class Made(NamedTuple):
    """A tensor of the edited network."""

    name: str
    shape: Extents
    source: str | None
    """The old tensor; none where it stays as it starts."""
    rule: str
    """In words: kept, copied, sliced, kernel zero-padded, zeroed, identity, new."""
    outer: Channels | None = None
    """Which of the old tensor's first axis."""
    inner: tuple[Inner, ...] | None = None
    """Which of its second, for each group of outputs."""
    action: Action | None = None
    eps: float = 0.0
    """Of a norm that is an identity."""


@dataclass(frozen=True)
class Edit:
    """What becomes of a checkpoint."""

    made: tuple[Made, ...]
    """In the order of the new network's operations."""
    dropped: tuple[str, ...]
    """Old tensors that nothing is made of."""
    reasons: tuple[str, ...]
    """Why the new network computes something else; none where it computes the same."""


def edit_of(old: Network, new: Network) -> Edit:
    """What each tensor of the new network is made of."""
    partners = partners_of(old, new)
    sources = Sources(partners)
    reasons = [f"{path} is added, and can be no identity" for path in partners.changing]
    if -1 in partners.within.values():
        reasons.append("operations are added to stages that are no blocks")
    reasons += sources.reasons
    made: list[Made] = []
    for index, node in enumerate(new.nodes):
        partner = partners.of.get(index)
        if partner is None:
            made += [_added(sources, partners, index, tensor) for tensor in new.tensors(node)]
            if index not in partners.within and Value(index) not in partners.same:
                reasons.append(f"{node.path} is new")
            continue
        was = old.nodes[partner]
        held = {tensor.name: tensor for tensor in old.tensors(was)}
        if index not in partners.within:
            reasons += _differences(partners, index, partner)
        for tensor in new.tensors(node):
            before = held.get(tensor.name)
            entry = _new(node, tensor)
            if before is not None:
                entry = _made(sources, partners, index, tensor, before, partners.actions.get(index))
            made.append(entry)
            if index not in partners.within and ("sliced" in entry.rule or "cropped" in entry.rule):
                reasons.append(f"{entry.name} is {entry.rule}")
            if before is None and index not in partners.within:
                reasons.append(f"{entry.name} is new")
    for one, other in zip(new.outputs, old.outputs, strict=False):
        if _was(partners, one) != _passed(old, other):
            reasons.append("the outputs are those of other operations")
        elif not is_same(sources.of[one], int(old.shape(other)[0])):
            reasons.append("the outputs have other channels")
    if len(new.outputs) != len(old.outputs):
        reasons.append(f"there are {len(new.outputs)} outputs, and there were {len(old.outputs)}")
    used = {entry.source for entry in made}
    dropped = [f"{node.path}.{t.name}" for node in old.nodes for t in old.tensors(node)]
    return Edit(tuple(made), tuple([name for name in dropped if name not in used]), tuple(dict.fromkeys(reasons)))


def _new(node: Node, tensor: Tensor) -> Made:
    return Made(f"{node.path}.{tensor.name}", _extents(tensor), None, "new")


def _added(sources: Sources, partners: Partners, index: int, tensor: Tensor) -> Made:
    """A tensor of an operation that the old network has not: that of an identity, or as it starts."""
    node = partners.new.nodes[index]
    entry = _new(node, tensor)
    if partners.actions.get(index) == "zero" and tensor.name in ("weight", "bias", "gain"):
        return entry._replace(rule="zeroed", action="zero")
    if partners.actions.get(index) != "identity":
        return entry
    given, wanted = sources.of[node.inputs[0]], sources.of[Value(index)]
    places = {channel: place for place, channel in reversed([*enumerate(given)])}
    outer = tuple([places[channel] for channel in wanted]) if node.operation.name == "conv" else None
    eps = float(getattr(node.operation, "eps", 0.0))
    return entry._replace(rule="identity", action="identity", outer=outer, eps=eps)


def _extents(tensor: Tensor) -> Extents:
    return tuple(map(int, tensor.shape))


def _differences(partners: Partners, index: int, partner: int) -> list[str]:
    """How an operation differs from the one that it was, and what it reads."""
    node, was = partners.new.nodes[index], partners.old.nodes[partner]
    now, before = dict(node.operation.constants), dict(was.operation.constants)
    found = [
        f"{node.path}: {name} is {now[name]}, and was {before[name]}"
        for name in now
        if name not in FREE and now[name] != before[name]
    ]
    if "padding" in now and not _padded_alike(now, before):
        found.append(f"{node.path}: its kernel is not in the middle of where it was")
    if [_was(partners, value) for value in node.inputs] != [_passed(partners.old, value) for value in was.inputs]:
        found.append(f"{node.path} reads something else")
    return found


def _was(partners: Partners, value: Value) -> Value | None:
    """The old value that one was, before what passes everything on in a test."""
    origin = partners.origin(_passed(partners.new, value))
    while origin != value:
        value, origin = origin, partners.origin(_passed(partners.new, origin))
    partner = partners.of.get(value.node)
    return value if value == INPUT else Value(partner, value.output) if partner is not None else None


def _passed(network: Network, value: Value) -> Value:
    """The value that what passes everything on in a test was given."""
    while value != INPUT and hands_on(network.nodes[value.node].operation):
        value = network.nodes[value.node].inputs[0]
    return value


def _padded_alike(now: dict[str, Any], before: dict[str, Any]) -> bool:
    """Whether windows have their centres where they had them."""
    if isinstance(now["padding"], str) or isinstance(before["padding"], str):
        same = now["padding"] == before["padding"]
        return same and all((a - b) % 2 == 0 for a, b in zip(now["kernel"], before["kernel"], strict=True))
    wider = [a - b for a, b in zip(now["kernel"], before["kernel"], strict=True)]
    dilation = now.get("dilation", (1, 1))
    if any(step % 2 for step in wider):
        return False
    rows, columns = (step * d // 2 for step, d in zip(wider, dilation, strict=True))
    more = [a - b for a, b in zip(now["padding"], before["padding"], strict=True)]
    return more == [rows, rows, columns, columns]


def _made(
    sources: Sources, partners: Partners, index: int, tensor: Tensor, before: Tensor, action: Action | None
) -> Made:
    """A tensor that was there: which of its numbers, in words too."""
    node, was = partners.new.nodes[index], partners.old.nodes[partners.of[index]]
    name, source = f"{node.path}.{tensor.name}", f"{was.path}.{before.name}"
    shape, old = _extents(tensor), _extents(before)
    eps = float(getattr(node.operation, "eps", 0.0)) if action == "identity" else 0.0
    if action is not None and tensor.name != COUNTER and not (action == "zero" and "running" in tensor.name):
        return Made(name, shape, source, "zeroed" if action == "zero" else "identity", action=action, eps=eps)
    if not shape:
        return Made(name, shape, source, "kept")
    outer = sources.of[Value(index)]
    inner: tuple[Inner, ...] | None = None
    if node.operation.name in DENSE and len(shape) > 1:
        inner = _inner(sources, node, was, old)
        if node.operation.name == "conv_transpose":
            outer, inner = tuple(range(shape[0])), None
    if len(outer) != shape[0] or max(outer) >= old[0] or len(shape) != len(old):
        outer, inner = tuple([channel % old[0] for channel in range(shape[0])]), None
    rules = _axes(outer, old[0])
    if inner is not None:
        rules |= {rule for group in inner for rule in _axes(group.channels, old[1])}
        rules |= {"divided"} if any(copies > 1 for group in inner for copies in group.copies) else set()
    elif len(shape) > 1 and shape[1] != old[1]:
        rules |= {"sliced" if shape[1] < old[1] else "sliced and zero-padded"}
    for one, other in zip(shape[2:], old[2:], strict=False):
        rules |= {"kernel zero-padded"} if one > other else {"kernel cropped"} if one < other else set()
    order = ("copied", "divided", "sliced", "sliced and zero-padded", "kernel zero-padded", "kernel cropped")
    return Made(name, shape, source, ", ".join([r for r in order if r in rules]) or "kept", outer, inner)


def _axes(channels: Channels, old: int) -> set[str]:
    """What is done to one axis."""
    found = set()
    if len(set(channels)) < len(channels):
        found.add("copied")
    if len(set(channels)) < old:
        found.add("sliced")
    return found if found or channels == tuple(range(old)) else {"copied"}


def _inner(sources: Sources, node: Node, was: Node, old: Extents) -> tuple[Inner, ...] | None:
    """The input channels of each group of a layer; none where they do not go together with the old groups."""
    given = sources.of[node.inputs[0]]
    groups, old_groups = groups_of(node.operation), groups_of(was.operation)
    found = []
    for group in inner_groups(given, groups, sources.old_width(node.inputs[0]), old_groups):
        if group is None or max(group[1]) >= old[1]:
            return None
        copies = Counter(group[1])
        found.append(Inner(group[1], tuple([copies[channel] for channel in group[1]])))
    return tuple(found)
