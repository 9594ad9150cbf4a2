"""A layer norm over the channels that a program writes as operations of its own: means, a difference, a root."""

from __future__ import annotations

from fractions import Fraction

from archdsl.graph.blocks import Value
from archdsl.lifting.axes import Seen
from archdsl.lifting.reading import Held, Reading


def normed(reading: Reading, scaled: Seen, shift: Held) -> Seen | None:
    """`layer_norm`, where a learned shift for every channel is added to a learned factor of it times a value without
    mean and of deviation 1; none for anything else."""
    factor = reading.made_by(scaled.value, "layer_scale")
    found = _standard(reading, factor.inputs[0]) if factor is not None else None
    channels = scaled.shape[0]
    if found is None or shift.computed or shift.tensor.numel() != channels:
        return None
    start, eps = found
    origin = reading.origins[scaled.value.node]
    tensors = {
        "weight": Held(origin.tensors["weight"], origin.sources, True),
        "bias": Held(shift.tensor.reshape(-1), shift.names, True),
    }
    return reading.kept("layer_norm", Seen(start, scaled.axes, scaled.dims), {"eps": eps}, tensors)


def _standard(reading: Reading, value: Value) -> tuple[Value, Fraction] | None:
    """What is brought to a mean of 0 and a deviation of 1 over the channels, and what is added to its variance."""
    quotient = reading.made_by(value, "div")
    if quotient is None:
        return None
    centred, root = quotient.inputs
    difference, deviation = reading.made_by(centred, "sub"), reading.made_by(root, "sqrt")
    sum_ = reading.made_by(deviation.inputs[0], "affine") if deviation is not None else None
    if difference is None or sum_ is None or sum_.operation.factor != 1:  # type: ignore[attr-defined]
        return None
    start, mean = difference.inputs
    squares = _mean_of(reading, sum_.inputs[0])
    if _mean_of(reading, mean) != start or squares is None or not _is_square(reading, squares, centred):
        return None
    eps: Fraction = sum_.operation.term  # type: ignore[attr-defined]
    return (start, eps) if eps > 0 else None


def _mean_of(reading: Reading, value: Value) -> Value | None:
    """What a value is the mean of, over the channels."""
    node = reading.made_by(value, "mean")
    over = getattr(node.operation, "over", "") if node is not None else ""
    return node.inputs[0] if node is not None and over == "channels" else None


def _is_square(reading: Reading, value: Value, of: Value) -> bool:
    node = reading.made_by(value, "square", "mul")
    return node is not None and all(one == of for one in node.inputs)


__all__ = ["normed"]
