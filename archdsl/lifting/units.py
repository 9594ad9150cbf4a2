"""Which operations a person would write as one block: by the modules that they stood in, and by where branches meet."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from archdsl.graph.blocks import INPUT, Value
from archdsl.graph.operations.activations import Elementwise
from archdsl.lifting.lifted import Lifted, Modules, common_modules
from archdsl.lifting.series import cuts
from archdsl.records import dataclass

LAYERS = {"conv", "std_conv", "conv_transpose", "linear", "channel_conv"}


@dataclass(frozen=True)
class Piece:
    """Operations that follow each other on the way through a network, from one value to one."""

    indices: tuple[int, ...]
    source: Value
    result: Value
    path: str
    """The module that it is, or the one that it stands in."""
    name: str
    """The class of the module; empty for what lies between modules that are blocks."""


def pieces_of(lifted: Lifted) -> list[Piece]:
    """A network as a row of pieces."""
    network = lifted.network
    result = network.outputs[0]
    segments = []
    at = INPUT
    for value, since in cuts(network, range(len(network.nodes)), INPUT, result):
        segments.append((at, value, tuple(since)))
        at = value
    left = len(network.nodes) - sum(len(since) for _, _, since in segments)
    if left:
        rest = tuple(range(len(network.nodes) - left, len(network.nodes)))
        segments.append((at, result, rest))
    blocks = _block_paths(lifted, [since for _, _, since in segments])
    found: list[Piece] = []
    for source, value, inside in segments:
        path, name = _owner(lifted, inside, blocks)
        before = found[-1] if found else None
        if before is not None and before.path == path and bool(before.name) == bool(name):
            found[-1] = Piece((*before.indices, *inside), before.source, value, path, name)
        else:
            found.append(Piece(inside, source, value, path, name))
    return _split_layers(lifted, found)


def _owner(lifted: Lifted, since: Sequence[int], blocks: set[str]) -> tuple[str, str]:
    """The outermost block that all operations stand in."""
    common = _common(lifted, since)
    for path, name in common:
        if path in blocks:
            return path, name
    return "", ""


def _common(lifted: Lifted, since: Sequence[int]) -> Modules:
    """The modules that all of some operations stand in."""
    nodes = lifted.network.nodes
    return common_modules([lifted.origins[index].modules for index in since if not nodes[index].operation.learned])


def _block_paths(lifted: Lifted, segments: Sequence[Sequence[int]]) -> set[str]:
    """Paths of modules that are blocks: branches meet in them, or in another of their class, or of their place."""
    nodes, under, classes = lifted.network.nodes, Counter[str](), {}
    for origin in lifted.origins:
        for path, name in origin.modules:
            under[path] += 1
            classes[path] = name
    whole = Counter[str]()
    for since in segments:
        for path, _ in _common(lifted, since):
            whole[path] += len(since)
    closed = {path for path in under if whole[path] == under[path]}  # one value in, one out
    joined = set()
    for since in segments:
        common = [path for path, _ in _common(lifted, since) if path in closed]
        if len(since) > 1 and common and any(nodes[index].operation.name in LAYERS for index in since):
            joined.add(common[-1])
    names = {classes[path] for path in joined if _is_block(lifted, path)}
    found = {path for path in closed if classes[path] in names}
    places = {re.sub(r"\d+", "#", path) for path in found}
    found |= {path for path in closed if re.sub(r"\d+", "#", path) in places and _layers(lifted, path) > 1}
    return {path for path in found if not any(path.startswith(f"{other}.") for other in found)}


def _layers(lifted: Lifted, path: str) -> int:
    """The number of layers of a module."""
    inside = [i for i, origin in enumerate(lifted.origins) if any(place == path for place, _ in origin.modules)]
    return sum(lifted.network.nodes[i].operation.name in LAYERS for i in inside)


def _is_block(lifted: Lifted, path: str) -> bool:
    """Whether a module is more than a gate within another block: it has layers, and not on 1 x 1 maps alone."""
    inside = [i for i, origin in enumerate(lifted.origins) if any(place == path for place, _ in origin.modules)]
    return any(
        lifted.network.nodes[i].operation.name in LAYERS and lifted.network.nodes[i].shapes[0][1:] not in ((), (1, 1))
        for i in inside
    )


def _split_layers(lifted: Lifted, pieces: list[Piece]) -> list[Piece]:
    """Where no module is a block, a network is layers, each with the norm and the activation behind it."""
    if any(piece.name for piece in pieces):
        return pieces
    nodes = lifted.network.nodes
    found: list[Piece] = []
    for piece in pieces:
        for value, since in cuts(lifted.network, piece.indices, piece.source, piece.result):
            source = found[-1].result if found else piece.source
            kind = _layer_kind(lifted, since)
            last = found[-1] if found else None
            if kind == "rest" and last is not None and last.name:
                found[-1] = Piece((*last.indices, *since), last.source, value, last.path, last.name)
            elif kind == "layer":
                found.append(Piece(tuple(since), source, value, f"layer{len(found)}", "layer"))
            elif last is not None and not last.name:
                found[-1] = Piece((*last.indices, *since), last.source, value, "", "")
            else:
                found.append(Piece(tuple(since), source, value, "", ""))
    maps = [p for p in found if p.name and len(nodes[p.result.node].shapes[0]) == 3]
    return found if len(maps) > 1 else pieces


def _layer_kind(lifted: Lifted, since: Sequence[int]) -> str:
    node = lifted.network.nodes[since[-1]]
    if len(since) == 1 and node.operation.name in ("conv", "std_conv") and node.shapes[0][1:] != (1, 1):
        return "layer"
    norm = node.operation.name in ("batch_norm", "layer_norm", "group_norm", "layer_scale", "dropout")
    return "rest" if len(since) == 1 and (norm or isinstance(node.operation, Elementwise)) else "other"
