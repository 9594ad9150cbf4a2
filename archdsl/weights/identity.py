"""The shapes in a checkpoint's file, and the networks that they are nearest to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from archdsl.graph.network import Network
from archdsl.onnxmodels import ONNX_SUFFIX
from archdsl.records import dataclass
from archdsl.weights.checkpoints import WeightsFault, opened, read_checkpoint
from archdsl.weights.checkpoints.onnxfiles import read_graph_tensors
from archdsl.weights.fingerprint import (
    Compared,
    Fingerprint,
    checkpoint_shapes,
    compare,
    fingerprint_of,
    is_folded,
    kernels,
    normal,
    read,
    written,
)
from archdsl.weights.layers import Extents


@dataclass(frozen=True)
class Found:
    """The tensors in a file that weights of a network may be."""

    path: str
    tensors: Mapping[str, Extents]
    """Name -> shape, as it is compared."""
    folded: bool
    """Whether no norm has statistics: they may be folded into convolutions."""
    loose: tuple[str, ...]
    """The tensors that may be constants of a graph, and no weights."""
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Known:
    """A network that a checkpoint may be of."""

    name: str
    family: str
    spec: str
    """File and model, as a command takes them."""
    classes: int | None
    fingerprint: Fingerprint


@dataclass(frozen=True)
class Ranked:
    """A network with how a checkpoint differs from it."""

    network: Known
    compared: Compared
    kernels_only: bool
    """Whether only weights of more than one axis were compared."""


def row_of(name: str, spec: str, network: Network) -> dict[str, Any]:
    """A network as JSON has it; `known_of` reads it."""
    fingerprint = fingerprint_of(network)
    classes = fingerprint.classifiers[0][0][0] if fingerprint.classifiers else None
    return {"name": name, "spec": spec, "classes": classes, "fingerprint": written(fingerprint)}


def known_of(family: str, row: Mapping[str, Any]) -> Known:
    """The network of a family that `row_of` gave."""
    return Known(row["name"], family, row["spec"], row["classes"], read(row["fingerprint"]))


def read_shapes(path: str, averaged: bool = False, entry: str | None = None) -> Found:
    """What is in the file at a path. Raises `WeightsFault`."""
    if path.endswith(ONNX_SUFFIX):
        if averaged or entry is not None:
            raise WeightsFault(path, "an .onnx file has one network, and no entries")
        return _graph_shapes(path)
    with opened(path) as file:
        held = read_checkpoint(path, file, averaged, entry)
    shapes = checkpoint_shapes(held.shapes)
    if not shapes:
        raise WeightsFault(path, "none of its tensors can be weights of an operation")
    return Found(path, shapes, is_folded(held.tensors), (), held.notes)


def _graph_shapes(path: str) -> Found:
    """What is in an .onnx file."""
    graph = read_graph_tensors(path)
    shapes = {name: normal(tensor.shape, not tensor.is_kernel) for name, tensor in graph.tensors.items()}
    if not shapes:
        raise WeightsFault(path, "its graph names no weights")
    outside = f"the numbers of {graph.outside:,} tensors stand in other files, which are not looked at"
    loose = tuple([name for name, tensor in graph.tensors.items() if not tensor.is_kernel])
    return Found(path, shapes, True, loose, (outside,) if graph.outside else ())


def ranked(found: Found, among: Iterable[Known]) -> list[Ranked]:
    """The networks, the nearest first: those that fit, as they are before others; then by what differs.

    Where norms may be folded and nothing fits as it is, all are compared by weights of more than one axis.
    """
    networks = list(among)
    whole = Counter(found.tensors.values())
    ranks = [Ranked(known, compare(known.fingerprint, whole), kernels_only=False) for known in networks]
    if found.folded and not any(rank.compared.fits for rank in ranks):
        large = Counter({shape: count for shape, count in whole.items() if len(shape) > 1})
        loose = Counter(found.tensors[name] for name in found.loose)
        if large:
            ranks = [Ranked(n, compare(kernels(n.fingerprint), large, loose), kernels_only=True) for n in networks]
    return sorted(ranks, key=_key)


def _key(rank: Ranked) -> tuple[object, ...]:
    found = rank.compared
    return (not found.fits, not found.is_same, found.distance, rank.network.name)
