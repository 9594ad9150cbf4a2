"""Norms of ONNX, also those that an exporter writes as several nodes."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from archdsl.lifting.axes import BATCH, Extent, Seen
from archdsl.lifting.lifted import Unliftable
from archdsl.lifting.onnxnodes import Node, Translated, decimal
from archdsl.lifting.reading import Held
from archdsl.records import dataclass


@dataclass(frozen=True, eq=False)
class Bare:
    """A map whose groups of channels have a mean of 0 and a deviation of 1, before a scale and a shift of each channel:
    exporters write a group norm as a norm of every group, these as channels, and two nodes behind it."""

    of: Seen
    groups: int
    eps: float
    grouped: bool
    """Whether the program still has it as groups."""
    scale: Held | None = None


def batch_norm(node: Node) -> Translated:
    """`BatchNormalization`."""
    names = ("input", "weight", "bias", "running_mean", "running_var")
    momentum = round(1 - float(node.attribute("momentum", 0.9)), 6)
    training = bool(node.attribute("training_mode", 0))
    return "batch_norm", {
        **dict(zip(names, node.inputs, strict=True)),
        "eps": _eps(node),
        "momentum": momentum,
        "training": training,
    }


def _eps(node: Node) -> float:
    return decimal(node.attribute("epsilon", 1e-5))


def layer_norm(node: Node) -> Translated:
    """`LayerNormalization` over the channels."""
    bias = node.inputs[2] if len(node.inputs) > 2 else None
    return "layer_norm", {**_over_last(node), "bias": bias}


def rms_norm(node: Node) -> Translated:
    """`RMSNormalization` over the channels."""
    return "rms_norm", _over_last(node)


def _over_last(node: Node) -> dict[str, Any]:
    if int(node.attribute("axis", -1)) % len(node.shape) != len(node.shape) - 1:
        raise Unliftable("a norm over more than the channels")
    given = {"input": node.inputs[0], "weight": node.inputs[1]}
    return {**given, "normalized_shape": [node.shape[-1]], "eps": _eps(node)}


def group_norm(node: Node) -> Translated:
    """`GroupNormalization`, whose scale and shift are of groups before version 21, and of channels since."""
    seen, weight, bias = node.inputs
    groups = int(node.attribute("num_groups"))
    if any(one.tensor.numel() != node.shape[1] for one in (weight, bias)):
        raise Unliftable("a group norm with a scale and a shift of each group, not of each channel")
    return _groups(seen, groups, _eps(node), weight, bias)


def _groups(seen: Any, groups: int, eps: float, weight: Held, bias: Held) -> Translated:
    return "group_norm", {"input": seen, "num_groups": groups, "weight": weight, "bias": bias, "eps": eps}


def instance_norm(node: Node) -> Any:
    """`InstanceNormalization`: of a map a group norm in as many groups as channels; of groups the first of the nodes
    that a group norm is written as."""
    seen, weight, bias = node.inputs
    if not isinstance(seen, Seen):
        raise Unliftable("a norm of what is no map")
    if len(seen.dims) == 4:
        return _groups(seen, int(node.shape[1]), _eps(node), weight, bias)
    plain = bool((weight.tensor == 1).all()) and not bool(bias.tensor.any())
    if not plain or len(seen.dims) != 3 or len(seen.axes) != 3 or not _of_groups(seen):
        raise Unliftable("a norm of what is neither a map nor groups of its channels")
    return Bare(_as_map(seen), int(node.shape[1]), _eps(node), grouped=True)


def _of_groups(seen: Seen) -> bool:
    """Whether a program has a map as images x groups x all that a group holds."""
    channels, height, width = seen.axes
    groups, rest = seen.dims[1:]
    return seen.dims[0] == (BATCH,) and (*groups, *rest) == (*channels, *height, *width) and _starts(channels, groups)


def _starts(channels: Extent, groups: Extent) -> bool:
    return channels[: len(groups)] == groups


def _as_map(seen: Seen) -> Seen:
    return Seen(seen.value, seen.axes, ((BATCH,), *seen.axes))


def passed_on(node: Node) -> Any:
    """What a node makes of groups that were normed: a group norm once they have a scale and a shift."""
    bare = next(part for part in node.inputs if isinstance(part, Bare))
    shape = (bare.of.shape[0], *bare.of.shape[1:])
    if node.kind == "Reshape" and tuple(node.shape[1:]) == shape:
        return replace(bare, grouped=False)
    other = next((part for part in node.inputs if isinstance(part, Held)), None)
    if other is not None and other.learned and not bare.grouped and _of_channels(other, shape[0]):
        flat = Held(other.tensor.reshape(-1), other.names, True)
        if node.kind == "Mul" and bare.scale is None:
            return replace(bare, scale=flat)
        if node.kind == "Add" and bare.scale is not None:
            return _groups(bare.of, bare.groups, bare.eps, bare.scale, flat)
    raise Unliftable("a group norm without a scale and a shift of each channel")


def _of_channels(held: Held, channels: int) -> bool:
    shape = [1] * (4 - held.tensor.ndim) + list(held.tensor.shape)
    return shape == [1, channels, 1, 1] and not held.computed and math.prod(shape) == channels


__all__ = ["Bare", "batch_norm", "group_norm", "instance_norm", "layer_norm", "passed_on", "rms_norm"]
