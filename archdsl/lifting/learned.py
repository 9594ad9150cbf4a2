"""Learned tensors as values."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from archdsl.graph.blocks import INPUT
from archdsl.graph.initializers import Initializer
from archdsl.graph.shapes import Size
from archdsl.lifting.axes import LETTERS, Seen, fresh, size_of
from archdsl.lifting.layouts import (
    as_matrices,
    as_tokens,
)
from archdsl.lifting.lifted import Unliftable
from archdsl.lifting.reading import Held, Reading
from archdsl.lifting.starts import constant_start, normal_start


def parameter_like(reading: Reading, like: Seen, held: Held) -> Seen:
    """A learned tensor in the form of what it is joined with."""
    tensor = held.tensor
    shape = [1] * (len(like.dims) - tensor.ndim) + list(tensor.shape)
    if held.base is None or held.places is None or held.base.tensor.numel() != tensor.numel():
        if len(like.dims) == 4 and shape[0] == 1:
            return offsets(reading, held, shape[1:])
        raise Unliftable("a learned tensor that is worked out from another")
    if len(like.dims) == 3:
        like = as_tokens(reading, like)
    if len(like.dims) == 4 and "?" in like.form:
        like = as_matrices(reading, like)
    form = like.form
    if len(shape) != len(form) or shape[0] != 1 or "?" in form:
        raise Unliftable("a learned tensor that stands in no form of ours")
    names = LETTERS[len(like.axes)]
    if any(letter == "1" for letter in form[1:]) and len(form) - 1 == len(names):
        missing = [name for name in names if name not in form]
        form = {"chw": "bchw", "cl": form.replace("1", missing[0], 1), "c": "bc"}[names]
    if sorted(form[1:]) != sorted(names):
        raise Unliftable("a learned tensor beside a value of another form")
    sizes = dict(zip(form, shape, strict=True))
    ours = [int(sizes[name]) for name in names]
    order = [form.index(name) - 1 for name in ({"cl": "lc"}.get(names, names))]
    laid = tensor.reshape(shape[1:]).permute(order)
    return fresh(reading.parameter(held, laid, ours, start_of(reading, held)), ours, form)


def offsets(reading: Reading, held: Held, shape: Sequence[int]) -> Seen:
    """A learned number for how far every two positions of a map are apart, of (heads, N, N), as `relative_bias`."""
    heads, count = int(shape[0]), int(shape[1])
    if held.places is None or int(shape[1]) != int(shape[2]):
        raise Unliftable("a learned tensor that is worked out from another")
    for height in [h for h in range(1, count + 1) if count % h == 0]:
        for kind in ("signed", "absolute"):
            places = _table(held.places.reshape(tuple(shape)), height, count // height, kind)
            if places is None or sorted(places.flatten().tolist()) != list(range(held.base.tensor.numel())):
                continue
            table = held.base.tensor.flatten()[places]
            size = Size((height, count // height))
            settings = {"heads": heads, "size": size, "init": start_of(reading, held.base), "offsets": kind}
            tensors = {"weight": Held(table, held.names, True)}
            (value,) = reading.apply("relative_bias", [INPUT], settings, tensors)
            return fresh(value, (heads, count, count), "bchw")
    raise Unliftable("a learned tensor that is worked out from another, and not by how far positions are apart")


def _table(tensor: Any, height: int, width: int, kind: str) -> Any:
    """The table that a matrix of positions is read from; none where it is not."""
    import torch

    rows, columns = torch.arange(height).repeat_interleave(width), torch.arange(width).repeat(height)
    down, along = rows[:, None] - rows[None], columns[:, None] - columns[None]
    if kind == "signed":
        places, total = (down + height - 1) * (2 * width - 1) + along + width - 1, (2 * height - 1) * (2 * width - 1)
    else:
        places, total = down.abs() * width + along.abs(), height * width
    table = tensor.new_zeros(tensor.shape[0], total)
    table[:, places.reshape(-1)] = tensor.reshape(tensor.shape[0], -1)
    if not torch.equal(table[:, places], tensor):
        return None
    return table if kind == "absolute" else table.t().contiguous()


def start_of(reading: Reading, held: Held) -> Any:
    """How a learned tensor starts, as far as its numbers tell."""
    constant = constant_start(held.tensor)
    if constant is not None:
        return constant
    deviation = normal_start(held.tensor)
    if deviation is not None:
        return Initializer("normal", deviation)
    reading.notes[
        "how learned tensors start is not visible where their numbers differ: normal(std: 0.02) stands there"
    ] = None
    return Initializer("normal", Fraction(1, 50))


def is_of_channels(seen: Seen, other: Held) -> bool:
    """Whether a tensor has a number for every channel."""
    shape = [1] * (len(seen.dims) - other.tensor.ndim) + list(other.tensor.shape)
    return (
        seen.axes[0] in seen.dims
        and len(shape) == len(seen.dims)
        and all(
            side == (size_of(dim) if dim == seen.axes[0] else 1) for side, dim in zip(shape, seen.dims, strict=True)
        )
    )
