"""Both sides as layers: operations with their tensors by short names, and whether two of them are the same."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeAlias

from archdsl.graph.blocks import INPUT, Value
from archdsl.graph.network import Network
from archdsl.graph.operations.convolution import Conv, Linear
from archdsl.graph.shapes import show_shape
from archdsl.records import dataclass

Extents: TypeAlias = tuple[int, ...]

RESHAPE = "reshape"
"""The rule for equal numbers in shapes that differ by extents of 1: a 1 x 1 convolution and a linear layer."""

INPUT_CHANNELS, CLASSES = "input channels", "classes"
"""What differs, where the user chooses the rule."""

WRAPPERS = ("module.", "_orig_mod.", "model.")
"""What PyTorch's and other wrappers put before all names."""

MAX_WRAPPERS = 8
"""As many are taken off."""

SHORT_NAMES = ("weight", "bias", "gain", "running_mean", "running_var", "num_batches_tracked")
MODULES = ("prelu", "linear", "conv")
"""Operations that may have a weight alone, and that are no block's own parameter in anybody's code."""
COUNTER = "num_batches_tracked"
"""Older checkpoints have none, and PyTorch then counts from 0."""


FLATTEN = "flatten"
"""The operation that makes a map a vector, channel by channel."""

INDICES = re.compile(r"(index|indices|idxs?)$")
"""What names of tables of indices end with."""


class Stored(NamedTuple):
    name: str
    shape: Extents


@dataclass(frozen=True, slots=True)
class Layer:
    """An operation with tensors, of either side: short name -> tensor."""

    path: str
    tensors: Mapping[str, Stored]
    kind: str = ""
    takes_image: bool = False
    """Whether it is ours, and the convolution that reads the input."""
    classifies: bool = False
    """Whether it is ours, and the last linear layer or convolution."""
    learned: bool = False
    """Whether it is ours, and a learned tensor by itself."""
    bare: bool = False
    """Whether it is theirs, and a parameter of a block itself, by any name."""
    window: Extents = ()
    """Of a linear layer of ours that reads a map as a vector: the map's extents."""


def unwrapped(names: Iterable[str]) -> tuple[dict[str, str], str]:
    """Names -> names without what wrappers put before all of them, and what that was. A wrapper's own counters stay."""
    found = {name: name for name in names}
    removed = ""
    for _ in range(MAX_WRAPPERS):
        dotted = [name for name in found.values() if "." in name]
        prefix = next((w for w in WRAPPERS if dotted and all(name.startswith(w) for name in dotted)), None)
        if prefix is None:
            return found, removed
        shorter = {name: short.removeprefix(prefix) for name, short in found.items()}
        if len(set(shorter.values())) < len(shorter):
            return found, removed
        found, removed = shorter, removed + prefix
    return found, removed


def our_layers(network: Network) -> dict[int, Layer]:
    """The operations with tensors, by their node."""
    layers = {}
    last = max((index for index, node in enumerate(network.nodes) if network.tensors(node)), default=-1)
    classified = any(len(shape) == 1 or tuple(shape[1:]) == (1, 1) for shape in map(network.shape, network.outputs))
    for index, node in enumerate(network.nodes):
        tensors = {t.name: Stored(f"{node.path}.{t.name}", tuple(map(int, t.shape))) for t in network.tensors(node)}
        if not tensors:
            continue
        takes_image = isinstance(node.operation, Conv) and node.inputs[0] == INPUT and node.operation.groups == 1
        classifies = index == last and isinstance(node.operation, (Conv, Linear)) and classified
        learned = node.operation.learned
        window = _window(network, node.inputs[0]) if isinstance(node.operation, Linear) else ()
        layers[index] = Layer(node.path, tensors, node.operation.name, takes_image, classifies, learned, window=window)
    return layers


def _window(network: Network, value: Value) -> Extents:
    """The extents of the map that a vector is, in its order: a linear layer of it is a convolution over all of it."""
    while value.node >= 0 and len(network.shape(value)) == 1:
        node = network.nodes[value.node]
        if len(node.inputs) != 1:
            return ()
        shape = tuple(map(int, network.shape(node.inputs[0])))
        if node.operation.name == FLATTEN:
            return shape
        if shape != tuple(map(int, network.shape(value))):
            return ()
        value = node.inputs[0]
    return ()


def their_layers(tensors: Mapping[str, Extents]) -> list[Layer]:
    """The operations of a checkpoint by the names' prefixes, without tensors that can be no operation's."""
    groups: dict[str, dict[str, Stored]] = {}
    bare = set()
    for name, shape in tensors.items():
        prefix, _, short = name.rpartition(".")
        if short in SHORT_NAMES:
            groups.setdefault(prefix, {})[short] = Stored(name, shape)
        elif shape and (len(shape) == 2 or sum([extent > 1 for extent in shape]) <= (2 if shape[0] == 1 else 1)):
            if len(shape) == 2 and INDICES.search(short):
                continue  # where each element of a table is read, which the network knows
            # a block's own parameter: a layer scale, a table, or tokens for a batch of one, as those of positions are
            groups[name] = {"weight": Stored(name, shape)}
            bare.add(name)
    return [Layer(path, stored, bare=path in bare) for path, stored in groups.items()]


def rules_of(ours: Layer, theirs: Layer) -> dict[str, str | None] | None:
    """The rule by which each of our tensors becomes one of theirs; none where the two are not the same operation.

    `INPUT_CHANNELS` and `CLASSES` stand for the rules that the user chooses.
    """
    if theirs.bare and ours.kind in MODULES:
        return None  # PyTorch has a module of it: what it learns is the module's `weight`
    if set(ours.tensors) - {COUNTER} != set(theirs.tensors) - {COUNTER} or theirs.tensors.keys() - ours.tensors.keys():
        return None
    found: dict[str, str | None] = {}
    for short, (_, shape) in ours.tensors.items():
        if short not in theirs.tensors:
            continue
        other = theirs.tensors[short].shape
        if shape == other:
            found[short] = None
        elif (
            same_numbers(shape, other)
            or (ours.learned and squeezed(shape) == squeezed(other))
            or (len(ours.window) == 3 and short == "weight" and other == (shape[0], *ours.window))
        ):
            found[short] = RESHAPE
        elif ours.takes_image and len(shape) == len(other) == 4 and (shape[0], *shape[2:]) == (other[0], *other[2:]):
            found[short] = INPUT_CHANNELS
        elif ours.classifies and _padded(shape)[1:] == _padded(other)[1:]:
            found[short] = CLASSES
        else:
            return None
    return found


def same_numbers(shape: Extents, other: Extents) -> bool:
    """Whether one is the other with extents of 1 behind: of a matrix and a 1 x 1 kernel, or of two scales."""
    return {len(shape), len(other)} in ({2, 4}, {1, 3}) and _padded(shape) == _padded(other)


def parts_of(layer: Layer) -> tuple[Layer, ...]:
    """A module of theirs as parameters that stand by themselves: of two learned tensors they often make one module."""
    return tuple([Layer(stored.name, {"weight": stored}, bare=True) for stored in layer.tensors.values()])


def told_tensors(layer: Layer) -> str:
    """Short names with shapes, in words: `weight 8 x 3, bias 8`; no counters, and of a bare one the shape alone."""
    return ", ".join(
        f"{'' if layer.bare else f'{short} '}{show_shape(stored.shape) or 'a number'}"
        for short, stored in layer.tensors.items()
        if short != COUNTER
    )


def squeezed(shape: Extents) -> Extents:
    """A shape without extents of 1, which a learned tensor may have on either side."""
    return tuple([extent for extent in shape if extent > 1])


def _padded(shape: Extents) -> Extents:
    return shape + (1,) * (4 - len(shape))
